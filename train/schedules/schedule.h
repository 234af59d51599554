/* Learning-rate schedules: the factor on the optimizer's rate at each step. A linear warm-up comes
   before every one of them (schedule_rate). */
#ifndef FIDUCIAL_TRAIN_SCHEDULE_H
#define FIDUCIAL_TRAIN_SCHEDULE_H

#include "model/base/field.h"

#include <stdbool.h>
#include <stdint.h>

/* Where training is, after warm-up. Steps count from 1: the first step made is 1, the last
   `steps`. */
typedef struct SchedulePoint {
    int64_t step, steps, warmup;
    /* (step − warmup)/(steps − warmup): 1 at the last step; 0 where steps ≤ warmup */
    double progress;
} SchedulePoint;

typedef struct ScheduleKind {
    Kind kind;
    /* The factor at a step from warmup on; 1 at step = warmup. */
    double (*factor)(const KindOptions *options, const SchedulePoint *point);
    bool looks_ahead; /* the factor depends on how many steps there will be */
} ScheduleKind;

extern const KindTable schedule_kinds;

/* rate at a step in {1, …, steps}: rate · step/warmup before the warm-up's end, then rate times the
   kind's factor. */
double schedule_rate(const KindChoice *schedule, double rate, int64_t step, int64_t steps,
                     int64_t warmup);

#endif
