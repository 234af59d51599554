/* SiLU, also Swish (Elfwing et al., arXiv 1702.03118): x·σ(x). */
#include "model/math/kernels.h"
#include "model/mlps/mlp.h"

static void forward(int rows, int hidden, const float *before, float *after) {
    kernels()->block.silu(rows, hidden, before, after);
}

static void backward(int rows, int hidden, const float *before, const float *d_after,
                     float *d_before) {
    kernels()->block.silu_backward(rows, hidden, before, d_after, d_before);
}

extern const MlpKind mlp_silu;
const MlpKind mlp_silu = {
    .kind = {.name = "silu", .meaning = "silu(up x); no gate", .source = "arXiv 1702.03118"},
    .maps = 1,
    .forward = forward,
    .backward = backward,
};
