/* Tests, corrections and effect sizes. NaN stands for "not defined": such values are left out on
   the way in. Everything is a pure function of its arguments. */
#ifndef FIDUCIAL_ANALYSIS_HYPOTHESIS_H
#define FIDUCIAL_ANALYSIS_HYPOTHESIS_H

#include "analysis/statistics.h"

/* Student's test of paired samples, and its effect size. */
typedef struct PairedTest {
    double mean;      /* of first − second */
    double t, p;      /* two-sided, count − 1 degrees of freedom */
    double effect;    /* Cohen's d of paired samples: mean over the differences' standard deviation
                         (Cohen, Statistical power analysis, 1988, section 2.3.5: d_z) */
    double low, high; /* its 95 % interval from the noncentral t distribution (Cumming and Finch,
                         Educational and Psychological Measurement 61, 2001) */
    int count;        /* pairs where both are defined */
} PairedTest;

/* Everything but the mean and the count is NaN for fewer than two pairs and where the differences
   are constant (to 1e-9 of the values: nothing is known of their spread). */
PairedTest paired_test(const double *first, const double *second, size_t n, Arena *scratch);

/* Two independent groups, as of runs that differ in their seed alone. Runs that share a seed are
   treated as if they did not: where that makes them alike, a test misses more, not less. */
typedef struct UnpairedTest {
    double difference;    /* mean of the first minus mean of the second group */
    double t, degrees, p; /* two-sided, for unequal variances (Welch, Biometrika 34, 1947): assumes
                             that values are normal within a group */
    double exact_p;       /* two-sided, without that: the share of all ways to deal the values out
                             to groups of these sizes whose means differ as much (Pitman, Journal of
                             the Royal Statistical Society supplement 4, 1937) */
    double effect;        /* Hedges’ g (Journal of Educational Statistics 6, 1981): the difference
                             over the pooled standard deviation, without small samples’ bias */
    double low, high;     /* its 95 % interval from the noncentral t distribution, as above */
    int first_count, second_count; /* defined values */
} UnpairedTest;

enum { UNPAIRED_DEALT_LARGEST = 20 };

/* Everything but the difference, the counts and exact_p is NaN for fewer than two values in a
   group, and where neither group varies (to 1e-9 of the values). exact_p is NaN for an empty group
   and for more than UNPAIRED_DEALT_LARGEST values: there are 184,756 ways for twice ten. */
UnpairedTest unpaired_test(const double *first, size_t first_count, const double *second,
                           size_t second_count, Arena *scratch);

/* The least exact_p that groups of these sizes, at least one each, can give: 0.1 for three and
   three. */
double unpaired_least_p(size_t first, size_t second);

/* P(T ≤ t) of the noncentral t distribution, by Gauss–Legendre quadrature over its chi factor; to
   1e-12 absolute for degrees = 1, 2, 3 … and |t| ≤ 1000. */
double noncentral_t(double t, double degrees, double noncentrality, Arena *scratch);

/* Holm's step-down correction (Scandinavian Journal of Statistics 6, 1979) of the family p [n]:
   adjusted [n]. NaN is no member of the family and stays NaN. */
void holm_adjust(const double *p, size_t n, double *adjusted, Arena *scratch);

#endif
