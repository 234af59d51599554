/* What run.h5, snapshots and checkpoints hold, for a person. */
#ifndef FIDUCIAL_RUNNER_INSPECT_RUN_H
#define FIDUCIAL_RUNNER_INSPECT_RUN_H

#include "experiments/runner/inspector.h"

#include <stdbool.h>

/* One file's content, below its path and checksum. folder: of the run that it belongs to. */
Status inspect_run_file(Inspector *inspector, hid_t file, const char *folder);
Status inspect_snapshot(Inspector *inspector, hid_t file, const char *folder);
Status inspect_checkpoint(Inspector *inspector, hid_t file, const char *folder);

/* Experiment, run, seed, model and training, from a run's resolved YAML. */
void inspect_settings(Inspector *inspector, const char *yaml, const char *folder);

/* The same from <folder>/run.h5, and how many tokens its vocabulary has; says so where it is
   missing. */
void inspect_owner(Inspector *inspector, const char *folder);

/* A table of the datasets below group: name, shape, mean, standard deviation, norm. */
Status inspect_parameters(Inspector *inspector, hid_t file, const char *group);

/* Whether the parameters of a snapshot have the SHA-256 that is stored with them. */
Status inspect_parameters_sound(hid_t file, Arena *arena, bool *sound, Error *error);

#endif
