/* What training and analysis both start from: the configuration with its vocabulary, the model and
   the probe. Training opens the data source; analysis reads what the run stored, so that a text may
   change or be gone by then. */
#ifndef FIDUCIAL_TRAIN_RUN_MODEL_H
#define FIDUCIAL_TRAIN_RUN_MODEL_H

#include "model/model.h"
#include "train/config.h"
#include "train/objective.h"
#include "train/snapshot.h"
#include "train/source.h"

typedef struct RunModel {
    RunConfig config;  /* with model.vocabulary filled in */
    DataSource source; /* run_model_open only, as is the objective */
    Objective objective;
    Model *model;
    Probe probe;
} RunModel;

/* Opens the source, builds the model and draws the probe, all in arena. Where the configuration is
   at fault (STATUS_BAD_INPUT) *culprit names the dotted key. */
Status run_model_open(const RunConfig *config, const char *base_directory, Arena *arena,
                      RunModel **run, const char **culprit, Error *error);

/* The same from <directory>/run.h5, without the data source. STATUS_FAILED, with the path in the
   message, where the file does not fit the configuration, or holds tokens beyond its vocabulary. */
Status run_model_read(const RunConfig *config, const char *directory, Arena *arena, RunModel **run,
                      Error *error);

#endif
