/* Each group against the first one, over seeds: differences of the metrics' last values, with
   tests, effect sizes and Holm's correction over all tests of the table. Both are measured in the
   same layer, each run at its own strongest head there: a row for each layer in which some group
   sinks. */
#ifndef FIDUCIAL_REPORT_COMPARISON_H
#define FIDUCIAL_REPORT_COMPARISON_H

#include "analysis/hypothesis.h"
#include "results/report/metrics.h"

/* Why a difference is not tested. */
typedef enum Untested {
    UNTESTED_NOT,    /* it is */
    UNTESTED_NULLS,  /* uniform attention gives the two groups other values, since their masks or
                         lengths differ */
    UNTESTED_PROBES, /* a loss, and runs of one seed have other inputs or targets */
    UNTESTED_EQUAL,  /* nothing but rounding: within 1e-6 of the values' size */
} Untested;

/* One metric of one group against the first group's. */
typedef struct Comparison {
    bool present;            /* both groups have a value */
    double mean, first;      /* of the two groups */
    double null, first_null; /* the same of uniform attention; NaN where the metric has none */
    Untested untested;
    UnpairedTest test;    /* the group minus the first one, a value per seed; nothing but the
                              difference, 0 for UNTESTED_EQUAL, and the counts where untested */
    PairedTest paired;    /* the same over the seeds that both have, where these are three or more;
                              otherwise, and where untested, all NaN and no pairs */
    double p_holm;        /* test.p, … */
    double exact_p_holm;  /* … test.exact_p and … */
    double paired_p_holm; /* … paired.p, each corrected over its own column of the table */
} Comparison;

typedef struct ComparisonRow {
    const Metric *metric;
    int layer;         /* −1 where it has no such axis */
    bool heads;        /* it has a value per head */
    Comparison *items; /* [group_count]; of the first group none is present */
} ComparisonRow;

typedef struct ComparisonTable {
    const Report *report;
    const Group *first;  /* NULL: fewer than two groups are analysed, or none has a metric */
    ComparisonRow *rows; /* by metric and layer; those without a value are left out */
    size_t row_count;
    size_t tests;                /* Welch's tests that are defined: the family */
    int least_seeds, most_seeds; /* over the groups tested; 0 for no test */
    int least_pairs, most_pairs; /* of the paired tests */
} ComparisonTable;

void comparison_table(const Report *report, Arena *arena, ComparisonTable *table);

/* Writes <directory>/comparisons.csv, a row per difference, with the columns
   <swept keys>, against, metric,
   layer, head, head_against: where it is measured, empty without such axes; heads: those of the
     runs ("0 3 1") where they differ,
   sinking_layer, sinking_layer_against: where the two groups sink,
   mean, seeds, mean_against, seeds_against, difference,
   null, null_against: of uniform attention, empty where the metric has none,
   untested: "nulls differ", "probes differ" or "equal" (see Untested), else empty,
   t, degrees, p, p_holm, exact_p, exact_p_holm, hedges_g, low, high: see UnpairedTest,
   pairs, paired_t, paired_p, paired_p_holm: see PairedTest,
   tests: the number that p_holm is corrected over.
   Nothing where there is no table. */
Status comparisons_write(const ComparisonTable *table, Error *error);

#endif
