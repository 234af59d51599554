#include "model/normalization.h"

#include "model/math/kernels.h"

#include <stddef.h>

static void softmax_forward(int count, float sink, float *row) {
    kernels()->softmax(count, sink, row);
}

/* w·(d − Σwd); the sink's weight 1 − Σw has value 0, so dz = −(1 − Σw)·Σwd. */
static void softmax_backward(int count, const float *scores, const float *weights, float sink,
                             float *row, float *d_sink) {
    (void)scores;
    if (isfinite(sink)) {
        double sum = 0, mean = 0;
        for (int j = 0; j < count; j++) {
            sum += (double)weights[j];
            mean += (double)weights[j] * (double)row[j];
        }
        *d_sink -= (float)((1 - sum) * mean);
    }
    kernels()->softmax_backward(count, weights, row);
}

static void plus_one_forward(int count, float sink, float *row) {
    (void)sink;
    kernels()->softmax(count, 0, row);
}

static void plus_one_backward(int count, const float *scores, const float *weights, float sink,
                              float *row, float *d_sink) {
    (void)scores, (void)sink, (void)d_sink;
    kernels()->softmax_backward(count, weights, row);
}

static void sigmoid_forward(int count, float sink, float *row) {
    (void)sink;
    kernels()->sigmoid(count, row);
}

static void sigmoid_backward(int count, const float *scores, const float *weights, float sink,
                             float *row, float *d_sink) {
    (void)scores, (void)sink, (void)d_sink;
    for (int j = 0; j < count; j++)
        row[j] *= weights[j] * (1 - weights[j]);
}

/* Relative to the row's maximum m where m < 0: σ(x)/Σσ = e^(x−m)/(1+e^x) over its sum, so that rows
   of very negative scores do not become 0/0. */
static void sigmoid_normalized_forward(int count, float sink, float *row) {
    (void)sink;
    float most = -INFINITY, sum = 0;
    for (int j = 0; j < count; j++)
        most = row[j] > most ? row[j] : most;
    float shift = most < 0 ? most : 0;
    for (int j = 0; j < count; j++) {
        float x = row[j];
        row[j] = x > 0 ? 1 / (1 + expf(-x)) : expf(x - shift) / (1 + expf(x));
        sum += row[j];
    }
    for (int j = 0; j < count; j++)
        row[j] /= sum;
}

/* With w = σ/S: dx = w·(d − Σwd)·(1 − σ). */
static void sigmoid_normalized_backward(int count, const float *scores, const float *weights,
                                        float sink, float *row, float *d_sink) {
    (void)sink, (void)d_sink;
    kernels()->softmax_backward(count, weights, row);
    for (int j = 0; j < count; j++)
        row[j] *=
            scores[j] > 0 ? expf(-scores[j]) / (1 + expf(-scores[j])) : 1 / (1 + expf(scores[j]));
}

static void relu_forward(int count, float sink, float *row) {
    (void)sink;
    for (int j = 0; j < count; j++)
        row[j] = row[j] > 0 ? row[j] / (float)count : row[j] <= 0 ? 0 : row[j];
}

static void relu_backward(int count, const float *scores, const float *weights, float sink,
                          float *row, float *d_sink) {
    (void)scores, (void)sink, (void)d_sink;
    for (int j = 0; j < count; j++)
        row[j] = weights[j] > 0 ? row[j] / (float)count : 0;
}

static const float softpick_epsilon = 1e-6f;

/* Both numerator and denominator times e^(−m), m the row's largest magnitude above 0. */
static float softpick_sums(int count, const float *scores, float *shift) {
    float most = 0, sum = 0;
    for (int j = 0; j < count; j++)
        most = scores[j] > most ? scores[j] : most;
    *shift = most;
    for (int j = 0; j < count; j++)
        sum += fabsf(expf(scores[j] - most) - expf(-most));
    return sum + softpick_epsilon * expf(-most);
}

static void softpick_forward(int count, float sink, float *row) {
    (void)sink;
    float shift, sum = softpick_sums(count, row, &shift);
    for (int j = 0; j < count; j++) {
        float value = expf(row[j] - shift) - expf(-shift);
        row[j] = value > 0 ? value / sum : value <= 0 ? 0 : value;
    }
}

/* With e = e^x and S the denominator: dx_j = e_j/S·([x_j > 0]·d_j − sign(x_j)·Σwd). */
static void softpick_backward(int count, const float *scores, const float *weights, float sink,
                              float *row, float *d_sink) {
    (void)sink, (void)d_sink;
    float shift, sum = softpick_sums(count, scores, &shift), mean = 0;
    for (int j = 0; j < count; j++)
        mean += weights[j] * row[j];
    for (int j = 0; j < count; j++) {
        float scale = expf(scores[j] - shift) / sum;
        row[j] = scores[j] > 0 ? scale * (row[j] - mean) : scale * mean;
    }
}

static const NormalizationKind softmax_kind = {
    .kind = {.name = "softmax", .meaning = "exponentials over their sum"},
    .takes_sink_logit = true,
    .drops_infinity = true,
    .forward = softmax_forward,
    .backward = softmax_backward,
};

static const NormalizationKind plus_one_kind = {
    .kind = {.name = "softmax-plus-one",
             .meaning =
                 "exponentials over one more than their sum: attention to nothing is possible",
             .source = "arXiv 2410.10781"},
    .drops_infinity = true,
    .forward = plus_one_forward,
    .backward = plus_one_backward,
};

static const NormalizationKind sigmoid_kind = {
    .kind = {.name = "sigmoid",
             .meaning = "each weight by itself, not normalized",
             .source = "arXiv 2410.10781"},
    .drops_infinity = true,
    .separate = true,
    .forward = sigmoid_forward,
    .backward = sigmoid_backward,
};

static const NormalizationKind sigmoid_normalized_kind = {
    .kind = {.name = "sigmoid-normalized",
             .meaning = "sigmoids over their sum",
             .source = "arXiv 2410.10781"},
    .needs_scores = true,
    .forward = sigmoid_normalized_forward,
    .backward = sigmoid_normalized_backward,
};

static const NormalizationKind relu_kind = {
    .kind = {.name = "relu",
             .meaning = "positive scores over the number of visible keys",
             .source = "arXiv 2309.08586"},
    .separate = true,
    .forward = relu_forward,
    .backward = relu_backward,
};

static const NormalizationKind softpick_kind = {
    .kind = {.name = "softpick",
             .meaning = "rectified exponentials: weights can be exactly 0 and need not sum to 1",
             .source = "arXiv 2504.20966"},
    .needs_scores = true,
    .forward = softpick_forward,
    .backward = softpick_backward,
};

static const Kind *const kinds[] = {
    &softmax_kind.kind,
    &plus_one_kind.kind,
    &sigmoid_kind.kind,
    &sigmoid_normalized_kind.kind,
    &relu_kind.kind,
    &softpick_kind.kind,
    &normalization_elu_kernel.kind,
    &normalization_linear_kernel.kind,
};

const KindTable normalization_kinds = {"normalization", kinds, sizeof kinds / sizeof kinds[0]};

const NormalizationKind *normalization_of(const KindChoice *choice) {
    const NormalizationKind *kind = (const NormalizationKind *)choice->kind;
    if (kind == NULL)
        return &softmax_kind;
    return kind->variant == NULL ? kind : kind->variant(&choice->options);
}
