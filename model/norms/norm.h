/* Norms of the residual stream. Each kind is a pair of functions over rows; the residual addition
   that comes before a norm is done in passing. */
#ifndef FIDUCIAL_MODEL_NORM_H
#define FIDUCIAL_MODEL_NORM_H

#include "model/base/field.h"

/* The ε in every norm's square root. */
#define NORM_EPSILON 1e-5f

/* Rows of width floats, and the norm's parameters [width]; NULL where the kind has none. */
typedef struct NormRows {
    int rows, width;
    const float *gain, *shift;
} NormRows;

typedef struct NormKind {
    Kind kind;
    bool gain, shift; /* which parameters it has. Neither: it is the identity, and out is x */
    int statistics;   /* floats per row that the backward pass needs */

    /* x += add where add is not NULL; out = the norm of x. */
    void (*forward)(const NormRows *norm, const float *add, float *x, float *out,
                    float *statistics);
    /* dx, d_gain and d_shift += their gradients, given x as forward left it. */
    void (*backward)(const NormRows *norm, const float *x, const float *statistics,
                     const float *d_out, float *dx, float *d_gain, float *d_shift);
} NormKind;

extern const KindTable norm_kinds;
extern const NormKind norm_none;

#endif
