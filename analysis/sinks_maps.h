/* What the `sinks` analysis (metrics.md section 1) reads off one attention map; pure functions. */
#ifndef FIDUCIAL_ANALYSIS_SINKS_MAPS_H
#define FIDUCIAL_ANALYSIS_SINKS_MAPS_H

#include "analysis/visibility.h"

enum { SINK_EPSILONS = 3 };
extern const double sink_epsilons[SINK_EPSILONS]; /* 0.2, 0.3 (the headline), 0.8 */

/* What one attention map shows by itself. Means over the queries that see at least two keys; NaN
   where there is none. */
typedef struct MapMeasures {
    double *importance; /* [T] given by the caller; see map_importance */
    double *share;      /* [T] given by the caller: importance where rows of |weights| are scaled to
                                  sum 1, over the queries that see the key and have any weight; NaN
                                  for none. Gu et al., arXiv 2410.10781, for rows of other sums */
    double *queries;    /* [T] given by the caller: how many queries with any weight see the key */
    double entropy;     /* of the renormalised rows, over ln(number of visible keys);
                                  NaN with a weight below 0 */
    double total;       /* mean row sum */
    double first_token_argmax; /* share of queries whose largest weight, without a tie, is on 0 */
} MapMeasures;

/* map [T][T] in double. Each of the three arrays of measures points to room for T values. */
void map_measure(const Visibility *visibility, const double *map, MapMeasures *measures);

/* The position, among well-seen keys, of the largest importance over its null; −1 where two tie or
   nothing is defined. *ratio (NaN then too where undefined) receives it. Arrays [T]. */
int sink_position(const Visibility *visibility, const double *importance, const double *null,
                  double *ratio);

/* Induction: BOS and a random block twice. Sizes for a probe of length tokens. */
static inline int induction_block(int length) {
    return (length - 1) / 2;
}
static inline int induction_length(int length) {
    return 1 + 2 * induction_block(length);
}

/* Draws tokens [induction_length(length)] of a sample from the source's own 0 … ordinary − 1
   without BOS; without a BOS (−1) the first one is drawn too. */
void induction_draw(uint64_t seed, int sample, int ordinary, int bos, int length, int32_t *tokens);

/* Mean weight of a map [T][T] from the second copy to the token after the first occurrence. NaN for
   blocks of fewer than two tokens, or where that token is never visible. */
double induction_score(const Visibility *visibility, const double *map);

#endif
