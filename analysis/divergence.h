/* How far the heads of a layer are from their mean, with and without the layer's sinks
   (metrics.md section 5). Source: What are you sinking?, arXiv 2508.02546. */
#ifndef FIDUCIAL_ANALYSIS_DIVERGENCE_H
#define FIDUCIAL_ANALYSIS_DIVERGENCE_H

#include "analysis/visibility.h"

enum { SINK_PERCENTILES = 3 };

extern const int sink_percentiles[SINK_PERCENTILES];

/* How many keys are sinks at that percentile: T − ⌈percentile/100 · (T − 1)⌉; at least one. */
int sink_count(int percentile, int length);

/* Marks the count keys with the largest sums [length]; of keys that are equal (to 1e-6 relative),
   the lowest positions. */
void sinks_choose(const double *sums, int length, int count, bool *is_sink);

/* What a layer's maps show; averages are over queries that see two keys or more and in whose row
   every head has weight. The arrays are the caller's; NaN where there is no such query
   and where a weight is below 0. */
typedef struct HeadDivergence {
    double *to_mean;       /* [heads] KL(A_h[i] ‖ Ā[i]), nats */
    double *without;       /* [SINK_PERCENTILES][heads] the same without the sinks' columns */
    double *on_sinks;      /* [SINK_PERCENTILES][heads] share of attention on the sinks */
    double *rows_left_out; /* [SINK_PERCENTILES] queries that see nothing but sinks */
} HeadDivergence;

/* weights [heads][T][T]. Rows are renormalised before anything is averaged, and Ā is the mean of
   the renormalised rows. Without sinks, a row of which less than 1e-6 is left becomes uniform over
   the other visible keys; where there are none, the query is left out and counted. Costs
   (heads + 4) T²/2 logarithms under a causal mask. */
void divergence_measure(const Visibility *visibility, const float *weights, int heads,
                        HeadDivergence *result, Arena *scratch);

#endif
