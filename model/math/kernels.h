/* Vector kernels: everything of a training step but the matrix products that OpenBLAS computes (see
   model/math/gemm.h). One source (kernels_body.h) is compiled per instruction set; kernels() gives
   the best. Each is compared with a plain double-precision version in the tests. Rows are
   contiguous unless a stride is named. NaN in gives NaN out. */
#ifndef FIDUCIAL_MATH_KERNELS_H
#define FIDUCIAL_MATH_KERNELS_H

#include "model/math/block_kernels.h"

#include <stddef.h>
#include <stdint.h>

typedef struct AdamStep {
    float learning_rate, beta1, beta2, epsilon;
    float decay;          /* learning_rate · weight_decay; 0 for none */
    float correction1;    /* 1 / (1 − beta1^t) */
    float correction2;    /* 1 / (1 − beta2^t) */
    float gradient_scale; /* clipping factor */
} AdamStep;

struct Gemm;

/* Columns of the widest panel of B that a tiled kernel packs. */
enum { GEMM_PANEL_LARGEST = 32 };

typedef struct Kernels {
    const char *name; /* "avx512", "avx2", "baseline" */

    /* x += add where add is not NULL; out = x · inverse · weight with
       inverse[r] = 1/sqrt(mean(x²) + epsilon). x, add, out [rows][width]. */
    void (*rms_norm)(int rows, int width, float epsilon, const float *add, float *x,
                     const float *weight, float *out, float *inverse);

    /* dx += gradient of rms_norm with respect to x; d_weight += its gradient. */
    void (*rms_norm_backward)(int rows, int width, const float *x, const float *weight,
                              const float *inverse, const float *d_out, float *dx, float *d_weight);

    /* out = silu(gate) · up; gate_up [rows][2·hidden]: the gates, then the ups. */
    void (*swiglu)(int rows, int hidden, const float *gate_up, float *out);
    void (*swiglu_backward)(int rows, int hidden, const float *gate_up, const float *d_out,
                            float *d_gate_up);

    /* In place over count scores: e^x / (e^sink + Σe^x); sink = −INFINITY: none. */
    void (*softmax)(int count, float sink, float *row);

    /* In place: 1/(1 + e^−x). */
    void (*sigmoid)(int count, float *row);

    /* d_weights → d_scores in place: w·(d − Σ w·d). */
    void (*softmax_backward)(int count, const float *weights, float *row);

    /* Cross-entropy of one row of logits with target, in nats. The logits are replaced by
       scale · (softmax − onehot(target)); where scale is 0, by nothing that is defined. */
    float (*cross_entropy)(int count, float *logits, int target, float scale);

    /* See model/math/gemm.h; for k up to GEMM_SCRATCH / GEMM_PANEL_LARGEST. NULL: there is no tiled
       kernel for this instruction set. */
    void (*gemm)(const struct Gemm *product);

    /* target [columns][rows] = source [rows][columns] transposed; strides in floats. */
    void (*transpose)(int rows, int columns, const float *source, int stride, float *target,
                      int target_stride);

    /* rounds · fused_operations() independent fused multiply-adds on registers: the processor's
       peak. Returns something that depends on all of them. */
    float (*fused_multiply_add)(long rounds);
    double fused_operations; /* floating-point operations per round */

    /* target += source. */
    void (*add)(size_t count, const float *source, float *target);

    /* Σ x² in double, in an order that depends on count alone. */
    double (*sum_of_squares)(size_t count, const float *x);

    /* Rotates pairs (i, i + half): first·cos − second·sin, second·cos + first·sin. */
    void (*rotate)(int half, const float *cosine, const float *sine, float *x);

    /* Adam with decoupled decay: Loshchilov & Hutter, arXiv 1711.05101, algorithm 2. */
    void (*adam)(size_t count, const AdamStep *step, const float *gradient, float *parameters,
                 float *first, float *second);

    /* words [blocks][4]: what random_bits gives for a Random of this key from this counter on,
       counting in its first word. */
    void (*philox)(const uint32_t key[2], const uint32_t counter[4], size_t blocks,
                   uint32_t *words);

    BlockKernels block;
} Kernels;

/* The best variant for this processor. */
const Kernels *kernels(void);

/* All variants this processor can run, for tests; *count of them. The last is the best. */
const Kernels *const *kernels_variants(int *count);

#endif
