/* Adam (Kingma & Ba, arXiv 1412.6980, algorithm 1); weight decay is an L2 penalty: it is added to
   the gradient and so passes through both moments. */
#include "train/optimizers/adam_options.h"

/* Floats whose penalised gradient is made at a time, on the stack. */
enum { CHUNK = 256 };

static const Field options_fields[] = {
    ADAM_FIELDS,
    {.name = "weight_decay",
     .type = FIELD_REAL,
     .offset = ADAM_OF(weight_decay),
     .fallback = "0",
     .minimum = 0,
     .maximum = 10,
     .meaning = "L2 penalty in the (clipped) gradient, times the group's factor"},
};

static void update_chunk(const AdamStep *step, const OptimizerUpdate *now, float decay,
                         size_t first, size_t end) {
    float gradient[CHUNK];
    for (size_t i = first; i < end; i++)
        gradient[i - first] = now->gradient_scale * now->gradient[i] + decay * now->parameters[i];
    kernels()->adam(end - first, step, gradient, now->parameters + first, now->slots + first,
                    now->slots + now->total + first);
}

static void update(const KindOptions *chosen, const OptimizerUpdate *now, OptimizerRange range) {
    const AdamOptions *options = (const AdamOptions *)chosen;
    double decay = options->weight_decay * range.decay, rate = now->learning_rate * range.rate;
    if (decay == 0) {
        adam_update(options, now, range, rate, 0);
        return;
    }
    AdamStep step = adam_step(options, now->step, rate, 0, 1);
    for (size_t first = range.first; first < range.end; first += CHUNK) {
        size_t end = first + CHUNK < range.end ? first + CHUNK : range.end;
        update_chunk(&step, now, (float)decay, first, end);
    }
}

extern const OptimizerKind optimizer_adam;
const OptimizerKind optimizer_adam = {
    .kind = {.name = "adam",
             .meaning = "Adam; weight decay, if any, as an L2 penalty in the gradient",
             .source = "arXiv 1412.6980, algorithm 1",
             .options = FIELD_TABLE(options_fields)},
    .slots = ADAM_SLOTS,
    .learning_rate = adam_learning_rate,
    .update = update,
};
