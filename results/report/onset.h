/* When sinks and frames appear: onset steps per group, with intervals (metrics.md section 11). */
#ifndef FIDUCIAL_REPORT_ONSET_H
#define FIDUCIAL_REPORT_ONSET_H

#include "results/report/groups.h"

enum { ONSET_DRAWS = 1000 };

/* One metric of one group, at its sinking layer and head. */
typedef struct Onset {
    bool present;      /* the group has this metric */
    int seeds;         /* that were used */
    bool over_samples; /* samples were drawn too, not only seeds */
    double step;       /* of the mean over all seeds and samples; NaN: none */
    double low, high;  /* 95 % of the draws; one without an onset counts as later than every step,
                           and an end that falls on such a draw is NaN. Both NaN for one seed
                           without samples */
    int without;       /* draws of ONSET_DRAWS without an onset */
    int against;       /* draws whose onset is of a change in the other direction */
    double first;      /* the change is from the metric's first value … */
    double reached;    /* … to its last, or against its peak to the value farthest from the first;
                           NaN where not defined: below first, it falls */
    const char *reason; /* why there is none, else "" */
} Onset;

/* "falls" or "rises"; "" without an onset. */
const char *onset_direction(const Onset *onset);

typedef struct OnsetRow {
    const char *label;           /* of the metric */
    const struct Metric *metric; /* NULL: against its peak */
    Onset *onsets;               /* [group_count] */
} OnsetRow;

typedef struct OnsetTable {
    const Report *report;
    OnsetRow *rows; /* those that any group has */
    size_t row_count;
} OnsetTable;

/* Hierarchical bootstrap: seeds with replacement, within each seed its probe samples with
   replacement, their mean by step, its onset; ONSET_DRAWS seeded draws. Runs whose steps differ
   from the group's first are left out. Costs draws × seeds × samples × steps. */
void onset_table(const Report *report, Arena *arena, OnsetTable *table);

#endif
