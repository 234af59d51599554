/* Gates on the heads' outputs (arXiv 2505.06708, section 2): gated = heads · σ(logits), with a
   logit for each head or for each of its dimensions. */
#include "model/projections.h"

#include "model/math/kernels.h"

/* Dimensions that one gate stands for. */
static int span_of(const ProjectionLayout *layout) {
    return layout->heads * layout->head_dim / layout->gates;
}

/* One row of `gates` gates over `span` dimensions each. */
static void apply(int gates, int span, const float *gate, const float *heads, float *gated) {
    if (span == 1) {
        for (int g = 0; g < gates; g++)
            gated[g] = gate[g] * heads[g];
        return;
    }
    for (int g = 0; g < gates; g++)
        for (int i = g * span; i < (g + 1) * span; i++)
            gated[i] = gate[g] * heads[i];
}

void gate_forward(const ProjectionLayout *layout, int rows, float *projections, const float *heads,
                  float *gated) {
    int span = span_of(layout), width = layout->heads * layout->head_dim;
    for (int r = 0; r < rows; r++, heads += width, gated += width) {
        float *gate = projections + (size_t)r * (size_t)layout->columns + layout->gate;
        kernels()->sigmoid(layout->gates, gate);
        apply(layout->gates, span, gate, heads, gated);
    }
}

/* d_logit = Σ d·heads · σ(1 − σ) over a gate's dimensions; d becomes d·σ. */
static void apply_backward(int gates, int span, const float *gate, const float *heads, float *d,
                           float *d_logit) {
    if (span == 1) {
        for (int g = 0; g < gates; g++) {
            d_logit[g] = d[g] * heads[g] * gate[g] * (1 - gate[g]);
            d[g] *= gate[g];
        }
        return;
    }
    for (int g = 0; g < gates; g++) {
        float sum = 0;
        for (int i = g * span; i < (g + 1) * span; i++) {
            sum += d[i] * heads[i];
            d[i] *= gate[g];
        }
        d_logit[g] = sum * gate[g] * (1 - gate[g]);
    }
}

void gate_backward(const ProjectionLayout *layout, int rows, const float *projections,
                   const float *heads, float *d_heads, float *d_projections) {
    int span = span_of(layout), width = layout->heads * layout->head_dim;
    for (int r = 0; r < rows; r++, heads += width, d_heads += width) {
        size_t at = (size_t)r * (size_t)layout->columns + (size_t)layout->gate;
        apply_backward(layout->gates, span, projections + at, heads, d_heads, d_projections + at);
    }
}
