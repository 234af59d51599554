/* A straight line down to the last step. */
#include "train/schedules/schedule.h"

typedef struct LinearOptions {
    double final;
} LinearOptions;

_Static_assert(sizeof(LinearOptions) <= KIND_OPTIONS_BYTES, "options fit");

static const Field options_fields[] = {
    {.name = "final",
     .type = FIELD_REAL,
     .offset = offsetof(LinearOptions, final),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1,
     .meaning = "share of the learning rate that is left at the last step"},
};

static double factor(const KindOptions *options, const SchedulePoint *point) {
    double final = ((const LinearOptions *)options)->final;
    return 1 - (1 - final) * point->progress;
}

extern const ScheduleKind schedule_linear;
const ScheduleKind schedule_linear = {
    .kind = {.name = "linear",
             .meaning = "a straight line from the full rate to its final share",
             .options = FIELD_TABLE(options_fields)},
    .factor = factor,
    .looks_ahead = true,
};
