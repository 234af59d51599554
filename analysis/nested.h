/* The two-level bootstrap: groups (seeds) are drawn with replacement and, within each drawn one,
   its members (probe samples); Davison and Hinkley, Bootstrap methods and their application,
   section 3.8. NaN stands for "not defined". Few groups show little of how groups differ: the
   interval of two or three is about their range. */
#ifndef FIDUCIAL_ANALYSIS_NESTED_H
#define FIDUCIAL_ANALYSIS_NESTED_H

#include "analysis/statistics.h"
#include "model/base/random.h"

typedef struct NestedGroup {
    const double *values; /* [members][columns] */
    int members;          /* at least one */
} NestedGroup;

/* Groups with the room that a draw needs; used by one thread at a time. */
typedef struct Nested {
    const NestedGroup *groups;
    int count;
    size_t columns;
    double *sum, *group_sum;               /* [columns] */
    int *groups_defined, *members_defined; /* [columns] */
} Nested;

/* groups [count], count at least one, must outlive it. */
Nested nested_create(const NestedGroup *groups, int count, size_t columns, Arena *arena);

/* means [columns]: over groups, of each group's mean over its members, as they are (random NULL) or
   both drawn. What is not defined is left out at either level; NaN where nothing is left. Costs
   the values' number of additions. */
void nested_means(const Nested *nested, Random *random, double *means);

/* Mean over groups (seeds) of each group's mean over its defined values, with the percentile
   bootstrap over both levels. values [groups][members]. deviation is that of the groups' means
   (n − 1); count, of groups with a defined value; low and high are NaN for fewer than two of these.
 */
Estimate estimate_nested(const double *values, int groups, int members, int resamples,
                         uint64_t seed, Arena *scratch);

#endif
