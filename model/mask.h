/* Masks: for each query an interval of visible keys; what lies outside is never computed. */
#ifndef FIDUCIAL_MODEL_MASK_H
#define FIDUCIAL_MODEL_MASK_H

#include "model/config.h"

typedef struct Interval {
    int first, end; /* visible keys: first ≤ j < end */
} Interval;

typedef struct MaskKind {
    Kind kind;
    bool causal; /* no query sees a later key */
    /* The keys that query sees in a sequence of length tokens, before the window is applied. */
    Interval (*visible)(const KindOptions *options, int query, int length);
    /* The window's part of it; NULL: this mask has no window. shift ≥ 0. */
    Interval (*window)(int query, int width, int shift);
} MaskKind;

extern const KindTable mask_kinds;

/* The keys that query (0-based) sees in a sequence of length tokens: never none (a query whose
   window lies before the sequence sees itself). */
Interval mask_interval(const ModelConfig *config, int query, int length);

/* Tokens of the prefix that all queries of the mask see; 0 for masks without one. */
int64_t mask_prefix(const ModelConfig *config);

/* Whether no query sees a later key. */
bool mask_is_causal(const ModelConfig *config);

#endif
