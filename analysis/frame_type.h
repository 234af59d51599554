/* Frame types (metrics.md section 2): whether a map has anchors, keys that draw more attention than
   how sharp its queries are and how far they look would give them, and how these share it. */
#ifndef FIDUCIAL_ANALYSIS_FRAME_TYPE_H
#define FIDUCIAL_ANALYSIS_FRAME_TYPE_H

#include "analysis/visibility.h"

#include <stdint.h>

typedef enum FrameType {
    FRAME_NONE,
    FRAME_CENTRALIZED,
    FRAME_DISTRIBUTED,
    FRAME_BIDIRECTIONAL,
    FRAME_TYPES,
} FrameType;

/* "none", "centralized" … */
extern const char *const frame_type_names[FRAME_TYPES];

/* Where the lines are drawn: the options of the `frames` analysis. */
typedef struct FrameOptions {
    int64_t draws;              /* of the null */
    double anchor_percentile;   /* of the draws' largest z */
    double effect_size;         /* least importance over the draws' mean */
    double centralized_share;   /* least share of one anchor */
    double bidirectional_share; /* least share of the two strongest, at the two ends */
    double end_fraction;        /* of the positions: what counts as an end */
} FrameOptions;

/* The null's permutations: for each draw and query one order of its visible keys. They depend on
   nothing but the seed, the draw and the query, so all samples, layers and snapshots share them;
   this makes a draw a table look-up and a multiplication for every visible pair. */
typedef struct FrameNull {
    FrameOptions options;
    const Visibility *visibility;
    uint64_t seed;
    const uint16_t *orders; /* [draws][pairs]; NULL where it would be too large: made as needed */
} FrameNull;

FrameNull *frame_null_create(const FrameOptions *options, const Visibility *visibility,
                             uint64_t seed, Arena *arena);

/* What one map shows. Arrays [T] in the arena given. */
typedef struct FrameFinding {
    /* no weight is below 0: else the null deals out nothing that can be shared, and there are
       neither anchors nor a type */
    bool judged;
    FrameType type;     /* FRAME_NONE where not judged */
    int anchors;        /* their number */
    bool *is_anchor;    /* [T] */
    double *importance; /* [T] α of the map */
    double *z;          /* [T] */
} FrameFinding;

/* Finds the anchors of each map [T][T] and its type. One map's finding does not depend on the
   others; four at a time cost little more than one: 200 draws of 64 positions take about a quarter
   of a millisecond per map. */
void frame_find(const FrameNull *null, const double *const *maps, int count, FrameFinding *findings,
                Arena *scratch);

/* Whether frame types mean anything under the mask: some query has a preference to show, and some
   key is well seen. */
bool frame_judged(const FrameNull *null);

/* Number of positions at an end: ⌈T · end_fraction⌉. */
int frame_end_size(const FrameNull *null);

/* Mean importance of the first positions minus that of the last. */
double frame_end_dominance(const FrameNull *null, const FrameFinding *finding);

/* The largest importance among anchors, positions in descending order of it, at most count; returns
   how many. Equal ones: the lower position first. */
int frame_strongest(const FrameFinding *finding, int length, int count, int *positions);

#endif
