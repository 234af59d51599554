/* LayerNorm (Ba et al., arXiv 1607.06450, equation 4): (x − mean) / sqrt(variance + ε) · gain +
   shift, with the population variance. */
#include "model/math/kernels.h"
#include "model/norms/norm.h"

static void forward(const NormRows *norm, const float *add, float *x, float *out,
                    float *statistics) {
    kernels()->block.layer_norm(norm->rows, norm->width, NORM_EPSILON, add, x, norm->gain,
                                norm->shift, out, statistics);
}

static void backward(const NormRows *norm, const float *x, const float *statistics,
                     const float *d_out, float *dx, float *d_gain, float *d_shift) {
    kernels()->block.layer_norm_backward(norm->rows, norm->width, x, norm->gain, statistics, d_out,
                                         dx, d_gain, d_shift);
}

extern const NormKind norm_layer;
const NormKind norm_layer = {
    .kind = {.name = "layer",
             .meaning =
                 "subtract the mean, divide by the standard deviation, times a learned gain, "
                 "plus a learned shift",
             .source = "arXiv 1607.06450"},
    .gain = true,
    .shift = true,
    .statistics = 2,
    .forward = forward,
    .backward = backward,
};
