/* Stochastic gradient descent with momentum, as PyTorch defines it: the velocity is v = momentum·v
   + g, the step rate·v, or rate·(g + momentum·v) with Nesterov's look-ahead (Sutskever et al., ICML
   2013). Weight decay is an L2 penalty in the gradient g. */
#include "train/optimizers/optimizer.h"

typedef struct SgdOptions {
    double learning_rate, momentum, weight_decay;
    bool nesterov;
} SgdOptions;

_Static_assert(sizeof(SgdOptions) <= KIND_OPTIONS_BYTES, "options fit");

#define OF(member) offsetof(SgdOptions, member)

static const Field options_fields[] = {
    {.name = "learning_rate",
     .type = FIELD_REAL,
     .offset = OF(learning_rate),
     .fallback = "0.1",
     .minimum = 0,
     .maximum = 1000,
     .meaning = "step size after warm-up"},
    {.name = "momentum",
     .type = FIELD_REAL,
     .offset = OF(momentum),
     .fallback = "0.9",
     .minimum = 0,
     .maximum = 0.999999,
     .meaning = "share of the velocity that is kept"},
    {.name = "nesterov",
     .type = FIELD_BOOL,
     .offset = OF(nesterov),
     .fallback = "false",
     .meaning = "whether the step looks ahead along the velocity"},
    {.name = "weight_decay",
     .type = FIELD_REAL,
     .offset = OF(weight_decay),
     .fallback = "0",
     .minimum = 0,
     .maximum = 10,
     .meaning = "L2 penalty in the (clipped) gradient, times the group's factor"},
};

static double learning_rate(const KindOptions *options) {
    return ((const SgdOptions *)options)->learning_rate;
}

static void update(const KindOptions *chosen, const OptimizerUpdate *now, OptimizerRange range) {
    const SgdOptions *options = (const SgdOptions *)chosen;
    const float rate = (float)(now->learning_rate * range.rate);
    const float decay = (float)(options->weight_decay * range.decay);
    const float momentum = (float)options->momentum, scale = now->gradient_scale;
    float *restrict velocity = now->slots, *restrict parameters = now->parameters;
    for (size_t i = range.first; i < range.end; i++) {
        float gradient = scale * now->gradient[i] + decay * parameters[i];
        velocity[i] = momentum * velocity[i] + gradient;
        float step = options->nesterov ? gradient + momentum * velocity[i] : velocity[i];
        parameters[i] -= rate * step;
    }
}

extern const OptimizerKind optimizer_sgd;
const OptimizerKind optimizer_sgd = {
    .kind = {.name = "sgd",
             .meaning = "stochastic gradient descent with momentum",
             .source = "Sutskever et al., ICML 2013",
             .options = FIELD_TABLE(options_fields)},
    .slots = 1,
    .learning_rate = learning_rate,
    .update = update,
};
