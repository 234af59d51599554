/* Half a cosine down to the last step (Loshchilov & Hutter, arXiv 1608.03983, without restarts). */
#include "train/schedules/schedule.h"

#include <math.h>

typedef struct CosineOptions {
    double final;
} CosineOptions;

_Static_assert(sizeof(CosineOptions) <= KIND_OPTIONS_BYTES, "options fit");

static const Field options_fields[] = {
    {.name = "final",
     .type = FIELD_REAL,
     .offset = offsetof(CosineOptions, final),
     .fallback = "0.1",
     .minimum = 0,
     .maximum = 1,
     .meaning = "share of the learning rate that is left at the last step"},
};

static double factor(const KindOptions *options, const SchedulePoint *point) {
    const double pi = 3.14159265358979323846, final = ((const CosineOptions *)options)->final;
    return final + (1 - final) * 0.5 * (1 + cos(pi * point->progress));
}

extern const ScheduleKind schedule_cosine;
const ScheduleKind schedule_cosine = {
    .kind = {.name = "cosine",
             .meaning = "half a cosine from the full rate to its final share",
             .source = "arXiv 1608.03983, equation 5",
             .options = FIELD_TABLE(options_fields)},
    .factor = factor,
    .looks_ahead = true,
};
