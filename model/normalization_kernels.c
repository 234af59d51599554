/* Kernel attention (arXiv 2006.16236): the weights of a query are the products
   φ(q)·φ(k) of features, over their sum or as they are; nothing is exponentiated. As arXiv
   2410.10781 runs it in its ablation (and its authors' code, model_attn_kernel.py), φ acts on the
   rotated queries and keys, and products are divided by √head_dim like any score. */
#include "model/normalization.h"

#include <math.h>

typedef struct KernelOptions {
    bool normalized;
} KernelOptions;

_Static_assert(sizeof(KernelOptions) <= KIND_OPTIONS_BYTES, "options fit");

static bool is_normalized(const KindOptions *options) {
    return ((const KernelOptions *)options)->normalized;
}

static const Field kernel_options[] = {
    {.name = "normalized",
     .type = FIELD_BOOL,
     .offset = offsetof(KernelOptions, normalized),
     .fallback = "true",
     .meaning = "whether the products are divided by their sum over the visible keys",
     .source = "arXiv 2410.10781"},
};

/* elu(x) + 1: x + 1 above 0, e^x below. */
static void elu_feature(size_t count, float *x) {
    for (size_t i = 0; i < count; i++)
        x[i] = x[i] > 0 ? x[i] + 1 : expf(x[i]);
}

/* Its derivative, 1 above 0 and e^x below, is the feature itself, cut at 1. */
static void elu_feature_backward(size_t count, const float *features, float *d) {
    for (size_t i = 0; i < count; i++)
        d[i] *= features[i] > 1 ? 1 : features[i];
}

static void plain_forward(int count, float sink, float *row) {
    (void)count, (void)sink, (void)row;
}

static void plain_backward(int count, const float *scores, const float *weights, float sink,
                           float *row, float *d_sink) {
    (void)count, (void)scores, (void)weights, (void)sink, (void)row, (void)d_sink;
}

static double sum_of(int count, const float *scores) {
    double sum = 0;
    for (int j = 0; j < count; j++)
        sum += (double)scores[j];
    return sum;
}

static double dot_of(int count, const float *weights, const float *row) {
    double sum = 0;
    for (int j = 0; j < count; j++)
        sum += (double)weights[j] * (double)row[j];
    return sum;
}

static void divide_by(double sum, int count, float *row) {
    for (int j = 0; j < count; j++)
        row[j] = (float)((double)row[j] / sum);
}

/* The authors' 1e-8, for rows of features that underflow. */
static const double elu_epsilon = 1e-8;

static void elu_forward(int count, float sink, float *row) {
    (void)sink;
    divide_by(sum_of(count, row) + elu_epsilon, count, row);
}

/* With w = x/S: dx = (d − Σwd)/S. */
static void elu_backward(int count, const float *scores, const float *weights, float sink,
                         float *row, float *d_sink) {
    (void)sink, (void)d_sink;
    double sum = sum_of(count, scores) + elu_epsilon, mean = dot_of(count, weights, row);
    for (int j = 0; j < count; j++)
        row[j] = (float)(((double)row[j] - mean) / sum);
}

/* A sum of either sign, as small as it likes: its size divides only where it exceeds 1. */
static double linear_divisor(double sum) {
    return fabs(sum) <= 1 ? 1 : fabs(sum);
}

static void linear_forward(int count, float sink, float *row) {
    (void)sink;
    divide_by(linear_divisor(sum_of(count, row)), count, row);
}

/* With w = x/Z, Z = max(|S|, 1): dx = (d − [|S| > 1]·sign(S)·Σwd)/Z. */
static void linear_backward(int count, const float *scores, const float *weights, float sink,
                            float *row, float *d_sink) {
    (void)sink, (void)d_sink;
    double sum = sum_of(count, scores), divisor = linear_divisor(sum), mean = 0;
    if (divisor > 1)
        mean = (sum > 0 ? 1 : -1) * dot_of(count, weights, row);
    for (int j = 0; j < count; j++)
        row[j] = (float)(((double)row[j] - mean) / divisor);
}

#define ELU_KIND                                                                                   \
    .kind = {.name = "elu-kernel",                                                                 \
             .meaning =                                                                            \
                 "products of features elu + 1 of query and key, over their sum or as they "       \
                 "are",                                                                            \
             .source = "arXiv 2410.10781; arXiv 2006.16236, equation 7",                           \
             .options = FIELD_TABLE(kernel_options)},                                              \
    .kernel = true, .feature = elu_feature, .feature_backward = elu_feature_backward

static const NormalizationKind elu_plain = {
    ELU_KIND,
    .separate = true,
    .forward = plain_forward,
    .backward = plain_backward,
};

static const NormalizationKind *elu_variant(const KindOptions *options) {
    return is_normalized(options) ? &normalization_elu_kernel : &elu_plain;
}

const NormalizationKind normalization_elu_kernel = {
    ELU_KIND,
    .scale_free = true,
    .needs_scores = true,
    .variant = elu_variant,
    .forward = elu_forward,
    .backward = elu_backward,
};

#define LINEAR_KIND                                                                                \
    .kind = {.name = "linear-kernel",                                                              \
             .meaning = "query-key products, of either sign, over the size of their sum where it " \
                        "exceeds 1, or as they are",                                               \
             .source = "arXiv 2410.10781",                                                         \
             .options = FIELD_TABLE(kernel_options)},                                              \
    .kernel = true

static const NormalizationKind linear_plain = {
    LINEAR_KIND,
    .separate = true,
    .forward = plain_forward,
    .backward = plain_backward,
};

static const NormalizationKind *linear_variant(const KindOptions *options) {
    return is_normalized(options) ? &normalization_linear_kernel : &linear_plain;
}

const NormalizationKind normalization_linear_kernel = {
    LINEAR_KIND,
    .needs_scores = true,
    .variant = linear_variant,
    .forward = linear_forward,
    .backward = linear_backward,
};
