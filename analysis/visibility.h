/* Who sees whom under a run's mask, in the sizes the measurements need, and the rules that all of
   them share (metrics.md section 0). */
#ifndef FIDUCIAL_ANALYSIS_VISIBILITY_H
#define FIDUCIAL_ANALYSIS_VISIBILITY_H

#include "model/base/arena.h"
#include "model/mask.h"

typedef struct Visibility {
    int length;            /* T */
    const Interval *keys;  /* [T]: the keys that a query sees */
    const int *queries;    /* [T]: n_k, the number of queries that see a key */
    const bool *well_seen; /* [T]: visible to at least a quarter of the queries */
    bool causal;           /* no query sees a later key */
    int pairs;             /* visible (query, key) pairs */
} Visibility;

/* From the mask of config, or from any intervals [length] (copied). */
Visibility *visibility_create(const ModelConfig *config, int length, Arena *arena);
Visibility *visibility_from_intervals(const Interval *keys, int length, Arena *arena);

static inline int interval_size(Interval interval) {
    return interval.end - interval.first;
}

static inline bool sees(const Visibility *visibility, int query, int key) {
    return key >= visibility->keys[query].first && key < visibility->keys[query].end;
}

/* Every comparison against a threshold: by more than 1e-6 relative, in double. False for NaN. */
static inline bool exceeds(double value, double threshold) {
    return value > threshold + 1e-6 * (threshold < 0 ? -threshold : threshold);
}

/* value, or 0 where it is below 1e-9: for eigenvalues. */
static inline double eigenvalue_clean(double value) {
    return value < 1e-9 ? 0 : value;
}

/* Uniform attention under the mask: map [T][T]. */
void uniform_map(const Visibility *visibility, double *map);

/* Importance α_k = (1/n_k) Σ_i map[i][k] of a map [T][T] in double; NaN for a key nobody sees.
   Gu et al., arXiv 2410.10781, equation 4. */
void map_importance(const Visibility *visibility, const double *map, double *importance);

#endif
