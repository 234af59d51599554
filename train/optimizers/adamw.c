/* Adam with decoupled weight decay (Loshchilov & Hutter, arXiv 1711.05101, algorithm 2, with the
   decay scaled by the learning rate). */
#include "train/optimizers/adam_options.h"

#include <math.h>

static const Field options_fields[] = {
    ADAM_FIELDS,
    {.name = "weight_decay",
     .type = FIELD_REAL,
     .offset = ADAM_OF(weight_decay),
     .fallback = "0.1",
     .minimum = 0,
     .maximum = 10,
     .meaning = "decoupled decay, times the learning rate and the group's factor"},
};

double adam_learning_rate(const KindOptions *options) {
    return ((const AdamOptions *)options)->learning_rate;
}

AdamStep adam_step(const AdamOptions *options, int64_t step, double rate, double decay,
                   float gradient_scale) {
    return (AdamStep){
        .learning_rate = (float)rate,
        .beta1 = (float)options->beta1,
        .beta2 = (float)options->beta2,
        .epsilon = (float)options->epsilon,
        .decay = (float)(rate * decay),
        .correction1 = (float)(1 / (1 - pow(options->beta1, (double)step))),
        .correction2 = (float)(1 / (1 - pow(options->beta2, (double)step))),
        .gradient_scale = gradient_scale,
    };
}

void adam_update(const AdamOptions *options, const OptimizerUpdate *now, OptimizerRange range,
                 double rate, double decay) {
    AdamStep step = adam_step(options, now->step, rate, decay, now->gradient_scale);
    kernels()->adam(range.end - range.first, &step, now->gradient + range.first,
                    now->parameters + range.first, now->slots + range.first,
                    now->slots + now->total + range.first);
}

static void update(const KindOptions *chosen, const OptimizerUpdate *now, OptimizerRange range) {
    const AdamOptions *options = (const AdamOptions *)chosen;
    adam_update(options, now, range, now->learning_rate * range.rate,
                options->weight_decay * range.decay);
}

extern const OptimizerKind optimizer_adamw;
const OptimizerKind optimizer_adamw = {
    .kind = {.name = "adamw",
             .meaning = "Adam with decoupled weight decay",
             .source = "arXiv 1711.05101",
             .options = FIELD_TABLE(options_fields)},
    .slots = ADAM_SLOTS,
    .learning_rate = adam_learning_rate,
    .update = update,
};
