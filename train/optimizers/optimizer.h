/* Optimizers: one pass over the contiguous parameter block. Each kind keeps `slots` blocks of state
   in the parameters' layout. */
#ifndef FIDUCIAL_TRAIN_OPTIMIZER_H
#define FIDUCIAL_TRAIN_OPTIMIZER_H

#include "model/base/field.h"
#include "model/parameters.h"

#include <stdint.h>

/* One update of the floats [first, end) of the block, all of one parameter; the factors are those
   of its group (train/groups.h). */
typedef struct OptimizerRange {
    size_t first, end;
    double rate;  /* on the learning rate */
    double decay; /* on the kind's weight decay; 0: none */
} OptimizerRange;

typedef struct OptimizerUpdate {
    int64_t step;          /* from 1 */
    double learning_rate;  /* of this step, schedule and warm-up applied */
    double schedule;       /* schedule and warm-up alone, for kinds with a second rate */
    float gradient_scale;  /* clipping factor */
    const float *gradient; /* [total] */
    float *parameters;     /* [total] */
    float *slots;          /* [slots][total] */
    size_t total;
} OptimizerUpdate;

typedef struct OptimizerKind {
    Kind kind;
    int slots;
    double (*learning_rate)(const KindOptions *options); /* the rate the schedule scales */
    /* Updates one range; called for disjoint ranges by several threads. */
    void (*update)(const KindOptions *options, const OptimizerUpdate *update, OptimizerRange range);

    /* For kinds that must see a parameter whole, otherwise NULL. takes_whole: whether entry is one
       of these; then update_parameter is called once for it in place of update, by one thread, with
       scratch of whole_scratch(entry) floats (64-byte aligned, not initialised). So a parameter is
       a unit of work, and the bits do not depend on the number of threads. */
    bool (*takes_whole)(const Parameter *entry);
    size_t (*whole_scratch)(const Parameter *entry);
    void (*update_parameter)(const KindOptions *options, const OptimizerUpdate *update,
                             const Parameter *entry, OptimizerRange range, float *scratch);
} OptimizerKind;

extern const KindTable optimizer_kinds;

#endif
