/* MLPs of a block: down(a(gate x) ∘ up x) for the gated ones, down(a(up x)) for the others; a kind
   is its nonlinearity. */
#ifndef FIDUCIAL_MODEL_MLP_H
#define FIDUCIAL_MODEL_MLP_H

#include "model/base/field.h"

typedef struct MlpKind {
    Kind kind;
    /* Maps into the hidden units: 2 (gate and up), 1 (up alone); 0: there is no MLP. */
    int maps;
    /* before [rows][maps·hidden] (of each row the gates, then the ups) to after [rows][hidden]. */
    void (*forward)(int rows, int hidden, const float *before, float *after);
    /* d_before is overwritten. */
    void (*backward)(int rows, int hidden, const float *before, const float *d_after,
                     float *d_before);
} MlpKind;

extern const KindTable mlp_kinds;

#endif
