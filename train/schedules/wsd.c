/* Warm-up, stable, decay (Hu et al., MiniCPM, arXiv 2404.06395, section 4): constant, then down
   over the last part of all steps. */
#include "train/schedules/schedule.h"

#include <math.h>

typedef enum DecayShape { DECAY_LINEAR, DECAY_COSINE, DECAY_SQRT } DecayShape;

typedef struct WsdOptions {
    double decay_fraction, final;
    int shape; /* DecayShape */
} WsdOptions;

_Static_assert(sizeof(WsdOptions) <= KIND_OPTIONS_BYTES, "options fit");

#define OF(member) offsetof(WsdOptions, member)

static const char *const shape_names[] = {"linear", "cosine", "sqrt", NULL};

static const Field options_fields[] = {
    {.name = "decay_fraction",
     .type = FIELD_REAL,
     .offset = OF(decay_fraction),
     .fallback = "0.2",
     .minimum = 0,
     .maximum = 1,
     .meaning = "share of all steps, at their end, over which the rate falls (never into the "
                "warm-up)"},
    {.name = "final",
     .type = FIELD_REAL,
     .offset = OF(final),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1,
     .meaning = "share of the learning rate that is left at the last step"},
    {.name = "shape",
     .type = FIELD_CHOICE,
     .offset = OF(shape),
     .fallback = "linear",
     .choices = shape_names,
     .meaning = "how it falls: a line, half a cosine, or 1 − sqrt of the part done"},
};

/* 1 at done = 0, 0 at done = 1. */
static double shape_at(int shape, double done) {
    switch (shape) {
    case DECAY_COSINE:
        return 0.5 * (1 + cos(3.14159265358979323846 * done));
    case DECAY_SQRT:
        return 1 - sqrt(done);
    default:
        return 1 - done;
    }
}

static double factor(const KindOptions *chosen, const SchedulePoint *point) {
    const WsdOptions *options = (const WsdOptions *)chosen;
    double length = options->decay_fraction * (double)point->steps;
    double begin = fmax((double)point->warmup, (double)point->steps - length);
    if (!((double)point->step > begin))
        return 1;
    double done = fmin(1, ((double)point->step - begin) / ((double)point->steps - begin));
    return options->final + (1 - options->final) * shape_at(options->shape, done);
}

extern const ScheduleKind schedule_wsd;
const ScheduleKind schedule_wsd = {
    .kind = {.name = "wsd",
             .meaning = "warm-up, stable, decay: the full rate, then down over the last steps",
             .source = "arXiv 2404.06395, section 4",
             .options = FIELD_TABLE(options_fields)},
    .factor = factor,
    .looks_ahead = true,
};
