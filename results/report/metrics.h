/* The metrics that tables list, at each group's sinking layer and head: one const table. */
#ifndef FIDUCIAL_REPORT_METRICS_H
#define FIDUCIAL_REPORT_METRICS_H

#include "results/report/groups.h"

#include <string.h>

typedef struct Metric {
    const char *label;
    Quantity quantity;
    bool onset;       /* has a row among the onset steps … */
    bool peak;        /* … and one against the value farthest from the first */
    bool of_row_sums; /* listed only where rows of attention sum to something else than 1 */
} Metric;

/* Whether it is listed in this report's tables. */
static inline bool metric_listed(const Report *report, const Metric *metric) {
    return report->row_sums || !metric->of_row_sums;
}

/* Whether it is a loss on the probe's targets. */
static inline bool metric_is_loss(const Metric *metric) {
    return strcmp(metric->quantity.variable, "probe_loss") == 0;
}

extern const Metric metrics[];
extern const size_t metric_count;

#endif
