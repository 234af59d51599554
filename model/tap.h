/* A tap: callbacks by which the analysis sees the forward pass. The analysed forward pass and the
   trained one are the same code; an absent tap (NULL) costs nothing. */
#ifndef FIDUCIAL_MODEL_TAP_H
#define FIDUCIAL_MODEL_TAP_H

#include <stddef.h>

/* Shapes for one sequence of T tokens. Per head: `head` is set. */
typedef enum TapName {
    TAP_RESIDUAL,    /* x^l [T][width], entering layer l; layer = layers: leaving the last */
    TAP_QUERY,       /* [T][head_dim] after rotation, before features, per head */
    TAP_KEY,         /* the same: the key that the head reads, which its group shares */
    TAP_VALUE,       /* [T][head_dim], per head, in the same way */
    TAP_SCORES,      /* [rows][columns] before the normalization (products of features under kernel
                        attention), per head, in blocks of queries */
    TAP_WEIGHTS,     /* the same, after it */
    TAP_HEAD_OUTPUT, /* A·v [T][head_dim] and what biases add, times its gate, per head: what
                        enters the output map */
    TAP_MLP_BEFORE,  /* [T][hidden] MLP hidden units before the nonlinearity (gate branch) */
    TAP_MLP_AFTER,   /* [T][hidden] what enters the down map */
    TAP_NAMES,
} TapName;

typedef struct TapView {
    TapName name;
    int layer, head; /* head = −1 where it does not apply */
    int sequence;    /* index in the batch */
    int first_row;   /* first query of the block; 0 for whole views */
    int rows, columns;
    size_t stride;     /* floats between rows */
    const float *data; /* valid during the call only. Scores and weights: columns are keys from 0;
                          beyond a query's visible keys weights are 0 and scores unspecified */
} TapView;

typedef struct Tap {
    void (*see)(void *context, const TapView *view);
    void *context;
} Tap;

#endif
