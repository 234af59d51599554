/* Each group against the first one, over seeds: differences of the metrics' last values, with
   tests, effect sizes and Holm's correction over all tests of the table. */
#ifndef FIDUCIAL_REPORT_COMPARISON_H
#define FIDUCIAL_REPORT_COMPARISON_H

#include "analysis/hypothesis.h"
#include "results/report/metrics.h"

/* One metric of one group against the first group's, each at its own sinking layer and each run at
   its own sinking head there. */
typedef struct Comparison {
    bool present;        /* both groups have a value */
    UnpairedTest test;   /* the group minus the first one, a value per seed */
    double mean, first;  /* of the two groups */
    double p_holm;       /* test.p and …*/
    double exact_p_holm; /* … test.exact_p, each corrected over its own column of the table */
} Comparison;

typedef struct ComparisonTable {
    const Report *report;
    const Group *first; /* NULL: fewer than two groups are analysed, or none has a metric */
    Comparison *items;  /* [metric_count][group_count]; of the first group none is present */
    size_t tests;       /* Welch's tests that are defined: the family */
    int least_seeds, most_seeds; /* over the groups compared */
} ComparisonTable;

void comparison_table(const Report *report, Arena *arena, ComparisonTable *table);

const Comparison *comparison_at(const ComparisonTable *table, size_t metric, size_t group);

/* Writes <directory>/comparisons.csv with the columns <swept keys>, against, metric, layer, head,
   mean, seeds, mean_against, seeds_against, difference, t, degrees, p, p_holm, exact_p,
   exact_p_holm, hedges_g, low, high, tests: a row per test; head: those of the runs ("0 3 1") where
   they differ. Nothing where there is no table. */
Status comparisons_write(const ComparisonTable *table, Error *error);

#endif
