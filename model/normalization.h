/* Attention normalizations: how a query's scores over its visible keys become weights, with the
   backward pass. With x the scores and d the gradient of the weights:

     softmax               e^x / Σe^x                     (with a sink logit z: / (e^z + Σe^x))
     softmax-plus-one      e^x / (1 + Σe^x)               arXiv 2410.10781, section 7
     sigmoid               σ(x), not normalized           arXiv 2410.10781
     sigmoid-normalized    σ(x) / Σσ(x)
     relu                  max(x, 0) / n, n visible keys  arXiv 2309.08586
     softpick              max(e^x − 1, 0) / (Σ|e^x − 1| + ε), ε = 1e-6   arXiv 2504.20966

   Exponentials are taken relative to the row's maximum. Kernels (model/normalization_kernels.c)
   have no exponentials: their scores are products of features, x = φ(q)·φ(k) / (√head_dim ·
   temperature), φ of the rotated query and key:

     elu-kernel            x / (Σx + 1e-8), φ = elu + 1   arXiv 2410.10781, arXiv 2006.16236
     linear-kernel         x / max(|Σx|, 1), φ = identity arXiv 2410.10781
     either, with `normalized: false`: x

   Weights of the linear kernel have either sign and may sum to anything. A soft cap, a sink logit
   and encodings that are added to scores (ALiBi, relative) bend or enter an exponential, so kernels
   refuse them; a temperature only scales x, and is refused where that cancels (elu-kernel,
   normalized). */
#ifndef FIDUCIAL_MODEL_NORMALIZATION_H
#define FIDUCIAL_MODEL_NORMALIZATION_H

#include "model/base/field.h"

#include <math.h>

typedef struct NormalizationKind NormalizationKind;

struct NormalizationKind {
    Kind kind;
    bool takes_sink_logit;
    bool drops_infinity; /* a score of −∞ gets weight and gradient 0, and changes no other's */
    bool needs_scores;   /* backward reads the scores; otherwise what it is given may be anything */
    bool kernel;         /* weights are products of features, not functions of logits */
    bool scale_free;     /* a factor on all scores changes nothing */
    bool separate;       /* a weight follows from its own score and the number of keys alone */
    /* What options make of the kind; NULL: the kind itself. */
    const NormalizationKind *(*variant)(const KindOptions *options);
    /* φ in place over count entries of queries or keys, after rotation; NULL: identity. */
    void (*feature)(size_t count, float *x);
    /* In place: the gradient of φ(x), given φ(x), to that of x. */
    void (*feature_backward)(size_t count, const float *features, float *d);
    /* row [count]: scores → weights, in place. sink: the logit z, −INFINITY for none. */
    void (*forward)(int count, float sink, float *row);
    /* row [count]: d_weights → d_scores, in place. Adds to *d_sink where sink is finite. */
    void (*backward)(int count, const float *scores, const float *weights, float sink, float *row,
                     float *d_sink);
};

extern const NormalizationKind normalization_elu_kernel, normalization_linear_kernel;

extern const KindTable normalization_kinds;

/* What a configuration chose, as its options make it; softmax where no kind is named. */
const NormalizationKind *normalization_of(const KindChoice *choice);

#endif
