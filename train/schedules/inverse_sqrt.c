/* The rate falls as 1/sqrt(step) (Vaswani et al., arXiv 1706.03762, equation 3). */
#include "train/schedules/schedule.h"

#include <math.h>

typedef struct InverseSqrtOptions {
    int64_t timescale;
} InverseSqrtOptions;

_Static_assert(sizeof(InverseSqrtOptions) <= KIND_OPTIONS_BYTES, "options fit");

static const Field options_fields[] = {
    {.name = "timescale",
     .type = FIELD_INTEGER,
     .offset = offsetof(InverseSqrtOptions, timescale),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e9,
     .meaning = "the rate is halved after three times so many steps past the warm-up; 0: the "
                "warm-up's length (without one: 1), as in the source"},
};

/* sqrt(timescale/(timescale + step − warmup)); with timescale = warmup that is
   sqrt(warmup/step). */
static double factor(const KindOptions *options, const SchedulePoint *point) {
    double timescale = (double)((const InverseSqrtOptions *)options)->timescale;
    if (timescale == 0)
        timescale = point->warmup > 0 ? (double)point->warmup : 1;
    double first = point->warmup > 0 ? (double)point->warmup : 1;
    return sqrt(timescale / (timescale + (double)point->step - first));
}

extern const ScheduleKind schedule_inverse_sqrt;
const ScheduleKind schedule_inverse_sqrt = {
    .kind = {.name = "inverse-sqrt",
             .meaning = "falls as the inverse square root of the step",
             .source = "arXiv 1706.03762, equation 3",
             .options = FIELD_TABLE(options_fields)},
    .factor = factor,
};
