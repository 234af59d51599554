/* Everything that training one run depends on: filled from YAML by way of the field tables. */
#ifndef FIDUCIAL_TRAIN_CONFIG_H
#define FIDUCIAL_TRAIN_CONFIG_H

#include "model/base/arena.h"
#include "model/base/field.h"
#include "model/config.h"
#include "train/groups.h"

#include <stdint.h>

typedef struct TrainConfig {
    int64_t steps, batch;
    int64_t lanes;        /* fixed parts of a batch, at most the batch: see train/loop.h */
    KindChoice objective; /* see train/objective.h */
    KindChoice optimizer;
    KindChoice schedule; /* after warm-up: train/schedules/schedule.h */
    GroupsConfig groups; /* factors on rates and decay */
    int64_t warmup;      /* steps of linear warm-up */
    double clip;         /* global gradient norm; 0: no clipping */
    double dropout; /* share of what enters the residual stream that becomes 0: model/dropout.h */
    double attention_dropout;  /* the same of attention weights */
    double checkpoint_minutes; /* longest time between checkpoints */
} TrainConfig;

typedef enum EarlySnapshots { EARLY_POWERS_OF_TWO, EARLY_EVERY_STEP, EARLY_NONE } EarlySnapshots;

typedef struct SnapshotConfig {
    int early;     /* EarlySnapshots, up to `until` */
    int64_t until; /* last step of the early schedule */
    int64_t every; /* afterwards, at its multiples; 0: only the last step */
} SnapshotConfig;

typedef struct ProbeConfig {
    int64_t samples;
    int64_t length; /* 0: min(64, context) */
} ProbeConfig;

typedef struct RunConfig {
    const char *experiment, *description;
    int64_t seed;
    ModelConfig model;
    KindChoice data;
    TrainConfig train;
    SnapshotConfig snapshots;
    ProbeConfig probe;
} RunConfig;

/* The top-level YAML keys from experiment to probe. */
extern const FieldTable run_config_fields;

/* Fills what follows from other values (probe.length, lanes at most batch, kv_heads). */
void run_config_resolve(RunConfig *config);

/* As model_config_check, for the whole run. */
Status run_config_check(const RunConfig *config, const char **culprit, Error *error);

/* Whether step is saved: step 0, the early schedule, multiples of every, and the last step. */
bool snapshot_due(const SnapshotConfig *config, int64_t step, int64_t last_step);

/* The saved steps in order, in arena; returns their number. */
size_t snapshot_steps(const SnapshotConfig *config, int64_t last_step, Arena *arena,
                      int64_t **steps);

#endif
