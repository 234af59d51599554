/* Lion (Chen et al., arXiv 2302.06675, algorithm 2): the sign of a mixture of momentum and
   gradient, with decoupled weight decay. */
#include "train/optimizers/optimizer.h"

typedef struct LionOptions {
    double learning_rate, beta1, beta2, weight_decay;
} LionOptions;

_Static_assert(sizeof(LionOptions) <= KIND_OPTIONS_BYTES, "options fit");

#define OF(member) offsetof(LionOptions, member)

static const Field options_fields[] = {
    {.name = "learning_rate",
     .type = FIELD_REAL,
     .offset = OF(learning_rate),
     .fallback = "3e-4",
     .minimum = 0,
     .maximum = 10,
     .meaning = "step size of every weight after warm-up; the paper takes a third to a tenth of "
                "AdamW's"},
    {.name = "beta1",
     .type = FIELD_REAL,
     .offset = OF(beta1),
     .fallback = "0.9",
     .minimum = 0,
     .maximum = 0.999999,
     .meaning = "share of the momentum in the step's direction"},
    {.name = "beta2",
     .type = FIELD_REAL,
     .offset = OF(beta2),
     .fallback = "0.99",
     .minimum = 0,
     .maximum = 0.999999,
     .meaning = "decay of the momentum"},
    {.name = "weight_decay",
     .type = FIELD_REAL,
     .offset = OF(weight_decay),
     .fallback = "1",
     .minimum = 0,
     .maximum = 100,
     .meaning = "decoupled decay, times the learning rate and the group's factor; the paper takes "
                "three to ten times AdamW's"},
};

static double learning_rate(const KindOptions *options) {
    return ((const LionOptions *)options)->learning_rate;
}

static void update(const KindOptions *chosen, const OptimizerUpdate *now, OptimizerRange range) {
    const LionOptions *options = (const LionOptions *)chosen;
    const double step = now->learning_rate * range.rate;
    const float rate = (float)step, decay = (float)(step * options->weight_decay * range.decay);
    const float beta1 = (float)options->beta1, rest1 = (float)(1 - options->beta1);
    const float beta2 = (float)options->beta2, rest2 = (float)(1 - options->beta2);
    float *restrict momentum = now->slots, *restrict parameters = now->parameters;
    for (size_t i = range.first; i < range.end; i++) {
        float gradient = now->gradient_scale * now->gradient[i];
        float mixture = beta1 * momentum[i] + rest1 * gradient;
        float sign = (float)((mixture > 0) - (mixture < 0));
        parameters[i] -= decay * parameters[i] + rate * sign;
        momentum[i] = beta2 * momentum[i] + rest2 * gradient;
    }
}

extern const OptimizerKind optimizer_lion;
const OptimizerKind optimizer_lion = {
    .kind = {.name = "lion",
             .meaning = "the sign of a mixture of momentum and gradient, decoupled weight decay",
             .source = "arXiv 2302.06675, algorithm 2",
             .options = FIELD_TABLE(options_fields)},
    .slots = 1,
    .learning_rate = learning_rate,
    .update = update,
};
