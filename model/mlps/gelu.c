/* GELU (Hendrycks & Gimpel, arXiv 1606.08415): x·Φ(x), Φ the normal distribution function,
   exact. */
#include "model/math/kernels.h"
#include "model/mlps/mlp.h"

static void forward(int rows, int hidden, const float *before, float *after) {
    kernels()->block.gelu(rows, hidden, before, after);
}

static void backward(int rows, int hidden, const float *before, const float *d_after,
                     float *d_before) {
    kernels()->block.gelu_backward(rows, hidden, before, d_after, d_before);
}

extern const MlpKind mlp_gelu;
const MlpKind mlp_gelu = {
    .kind = {.name = "gelu",
             .meaning = "gelu(up x), exact (by the error function); no gate",
             .source = "arXiv 1606.08415"},
    .maps = 1,
    .forward = forward,
    .backward = backward,
};
