/* Attention normalizations: how a query's scores over its visible keys become weights, with the
   backward pass. With x the scores and d the gradient of the weights:

     softmax               e^x / Σe^x                     (with a sink logit z: / (e^z + Σe^x))
     softmax-plus-one      e^x / (1 + Σe^x)               arXiv 2410.10781, section 7; a sink logit of 0
     sigmoid               σ(x), not normalized           arXiv 2410.10781
     sigmoid-normalized    σ(x) / Σσ(x)
     relu                  max(x, 0) / n, n visible keys  arXiv 2309.08586
     softpick              max(e^x − 1, 0) / (Σ|e^x − 1| + ε), ε = 1e-6   arXiv 2504.20966

   Exponentials are taken relative to the row's maximum. */
#ifndef FIDUCIAL_MODEL_NORMALIZATION_H
#define FIDUCIAL_MODEL_NORMALIZATION_H

#include "model/base/field.h"

#include <math.h>

typedef struct NormalizationKind {
    Kind kind;
    bool takes_sink_logit;
    bool drops_infinity; /* a score of −∞ gets weight and gradient 0, and changes no other's */
    bool needs_scores; /* backward reads the scores; otherwise it is given NULL */
    /* row [count]: scores → weights, in place. sink: the logit z, −INFINITY for none. */
    void (*forward)(int count, float sink, float *row);
    /* row [count]: d_weights → d_scores, in place. Adds to *d_sink where sink is finite. */
    void (*backward)(int count, const float *scores, const float *weights, float sink, float *row,
                     float *d_sink);
} NormalizationKind;

extern const KindTable normalization_kinds;

/* The kind a configuration chose; softmax where none is named. */
const NormalizationKind *normalization_of(const KindChoice *choice);

#endif
