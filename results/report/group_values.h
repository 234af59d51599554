/* A group's values per seed and probe sample, by step: what intervals over seeds and samples are
   drawn from. */
#ifndef FIDUCIAL_REPORT_GROUP_VALUES_H
#define FIDUCIAL_REPORT_GROUP_VALUES_H

#include "analysis/nested.h"
#include "results/report/groups.h"

typedef struct GroupValues {
    NestedGroup *seeds; /* [seed_count]: [samples][steps]; one sample, the run's own value, where
                           none were kept */
    int seed_count, steps;
    const double *step; /* [steps] */
    double deviation;   /* over samples at the first step, mean over seeds; NaN: not known */
    bool over_samples;  /* every seed has its samples */
} GroupValues;

/* At one layer and head, which are not looked at where the quantity has no such axis. False where
   no run has it. Runs whose steps differ from the first one's are left out. */
bool group_values_read(const Group *group, const Quantity *quantity, int layer, int head,
                       Arena *arena, GroupValues *values);

/* The values at one step (negative: the last), mean over seeds and samples with the 95 % bootstrap
   interval over both; NaN for one seed. */
Estimate group_values_estimate(const GroupValues *values, int step, Arena *arena);

#endif
