/* One training step: draw the batch, compute its gradient in lanes, clip, update. */
#ifndef FIDUCIAL_TRAIN_STEP_H
#define FIDUCIAL_TRAIN_STEP_H

#include "train/config.h"
#include "train/lanes.h"
#include "train/optimizers/optimizer.h"
#include "train/schedules/schedule.h"

typedef struct StepResult {
    double loss;          /* mean cross-entropy of the batch before the update, nats */
    double gradient_norm; /* before clipping */
    double learning_rate;
} StepResult;

/* What steps need besides the state they change; lives in the arena it was made in. */
typedef struct Stepper {
    const TrainConfig *config;
    const OptimizerKind *optimizer;
    const ParameterTable *table;
    const DataSource *source;
    Lanes *lanes;
    int threads;
    size_t scratch_floats; /* per thread, for parameters that are updated whole */
    float *scratch;        /* [threads][scratch_floats] */
    Profile *profile;      /* or NULL */
} Stepper;

Status stepper_create(const RunConfig *config, const Model *model, const DataSource *source,
                      int threads, Arena *arena, Stepper *stepper, Error *error);

/* Charges every following step to profile; see lanes_set_profile. */
void stepper_set_profile(Stepper *stepper, Profile *profile);

/* Makes step number step (from 1): parameters [total] and slots [optimizer slots][total] are
   updated. STATUS_FAILED, and nothing updated, where the loss or the gradient is not finite. */
Status stepper_run(Stepper *stepper, int64_t step, float *parameters, float *slots,
                   StepResult *result, Error *error);

/* STATUS_FAILED where a parameter after step number step is not finite: that update was too large,
   which the loss would show at the next step only, if there is one. The same for slots: a second
   moment that overflowed holds its parameter still, which no loss shows. */
Status stepper_check(const Stepper *stepper, int64_t step, const float *parameters,
                     const float *slots, Error *error);

#endif
