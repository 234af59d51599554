/* What Adam and AdamW share: options, state and the moments' corrections. */
#ifndef FIDUCIAL_TRAIN_ADAM_OPTIONS_H
#define FIDUCIAL_TRAIN_ADAM_OPTIONS_H

#include "model/math/kernels.h"
#include "train/optimizers/optimizer.h"

/* Two blocks of state: the mean of gradients, the mean of their squares. */
enum { ADAM_SLOTS = 2 };

typedef struct AdamOptions {
    double learning_rate, beta1, beta2, epsilon, weight_decay;
} AdamOptions;

_Static_assert(sizeof(AdamOptions) <= KIND_OPTIONS_BYTES, "options fit");

#define ADAM_OF(member) offsetof(AdamOptions, member)

/* The fields of AdamOptions but the decay, whose meaning and default differ. */
#define ADAM_FIELDS                                                                                \
    {.name = "learning_rate",                                                                      \
     .type = FIELD_REAL,                                                                           \
     .offset = ADAM_OF(learning_rate),                                                             \
     .fallback = "1e-3",                                                                           \
     .minimum = 0,                                                                                 \
     .maximum = 10,                                                                                \
     .meaning = "step size after warm-up"},                                                        \
        {.name = "beta1",                                                                          \
         .type = FIELD_REAL,                                                                       \
         .offset = ADAM_OF(beta1),                                                                 \
         .fallback = "0.9",                                                                        \
         .minimum = 0,                                                                             \
         .maximum = 0.999999,                                                                      \
         .meaning = "decay of the mean of gradients"},                                             \
        {.name = "beta2",                                                                          \
         .type = FIELD_REAL,                                                                       \
         .offset = ADAM_OF(beta2),                                                                 \
         .fallback = "0.95",                                                                       \
         .minimum = 0,                                                                             \
         .maximum = 0.999999,                                                                      \
         .meaning = "decay of the mean of squared gradients"},                                     \
    {                                                                                              \
        .name = "epsilon", .type = FIELD_REAL, .offset = ADAM_OF(epsilon), .fallback = "1e-8",     \
        .minimum = 1e-30, .maximum = 1, .meaning = "added to the root of the second moment"        \
    }

double adam_learning_rate(const KindOptions *options);

/* One Adam step with learning rate `rate` (all factors applied) and decoupled decay rate ·
   decay. */
void adam_update(const AdamOptions *options, const OptimizerUpdate *now, OptimizerRange range,
                 double rate, double decay);

/* The same numbers as the kernel takes them. */
AdamStep adam_step(const AdamOptions *options, int64_t step, double rate, double decay,
                   float gradient_scale);

#endif
