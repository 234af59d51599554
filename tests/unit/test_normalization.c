/* Attention normalizations against plain double-precision versions, their backward passes against
   central differences of those, and masks against what they are meant to show. */
#include "model/base/random.h"
#include "model/mask.h"
#include "model/normalization.h"
#include "tests/support/defaults.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { LARGEST = 40, CASES_LARGEST = 16 };

/* A normalization as its options make it. */
typedef struct Case {
    const NormalizationKind *kind;
    bool divided;  /* weights are over a sum, or over a number of keys */
    bool positive; /* there are no scores below 0 */
    bool signed_weights;
} Case;

static bool is(const Case *at, const char *name) {
    return strcmp(at->kind->kind.name, name) == 0;
}

/* Every kind with its default options, and the kernels without their sum. */
static int all_cases(Case *cases) {
    int count = 0;
    for (size_t k = 0; k < normalization_kinds.count; k++) {
        KindChoice choice = defaults_kind(&normalization_kinds, normalization_kinds.kinds[k]->name);
        bool kernel = normalization_of(&choice)->kernel;
        for (int plain = 0; plain < (kernel ? 2 : 1); plain++) {
            if (plain == 1)
                *(bool *)(choice.options.bytes +
                          field_find(&choice.kind->options, "normalized")->offset) = false;
            Case *at = &cases[count++];
            *at = (Case){.kind = normalization_of(&choice)};
            at->divided = plain == 0 && !is(at, "sigmoid");
            at->positive = is(at, "elu-kernel");
            at->signed_weights = is(at, "linear-kernel");
        }
    }
    assert_in_range(count, normalization_kinds.count + 2, CASES_LARGEST);
    return count;
}

/* The weights by the formulas of model/normalization.h, written without any care for overflow. */
static void plain_weights(const Case *at, int count, double sink, const double *x, double *w) {
    double sum = 0;
    for (int j = 0; j < count; j++) {
        if (is(at, "softmax") || is(at, "softmax-plus-one"))
            w[j] = exp(x[j]), sum += w[j];
        else if (is(at, "sigmoid") || is(at, "sigmoid-normalized"))
            w[j] = 1 / (1 + exp(-x[j])), sum += w[j];
        else if (is(at, "relu"))
            w[j] = fmax(x[j], 0), sum = count;
        else if (is(at, "softpick"))
            w[j] = fmax(exp(x[j]) - 1, 0), sum += fabs(exp(x[j]) - 1);
        else if (is(at, "elu-kernel") || is(at, "linear-kernel"))
            w[j] = x[j], sum += w[j];
        else
            fail_msg("the test knows no normalization called %s", at->kind->kind.name);
    }
    if (is(at, "softmax"))
        sum += exp(sink);
    if (is(at, "softmax-plus-one"))
        sum += 1;
    if (is(at, "softpick"))
        sum += 1e-6;
    if (is(at, "elu-kernel"))
        sum += 1e-8;
    if (is(at, "linear-kernel"))
        sum = fmax(fabs(sum), 1);
    for (int j = 0; j < count && at->divided; j++)
        w[j] /= sum;
}

static double weighted(const Case *at, int count, double sink, const double *x,
                       const double *factor) {
    double w[LARGEST], sum = 0;
    plain_weights(at, count, sink, x, w);
    for (int j = 0; j < count; j++)
        sum += w[j] * factor[j];
    return sum;
}

static void assert_near(const char *what, int index, double actual, double expected, double scale) {
    if (!(fabs(actual - expected) <= 2e-5 * scale + 1e-9))
        fail_msg("%s[%d]: %.9g, expected %.9g", what, index, actual, expected);
}

/* Rounding of single precision: 6e-8 per operation, some hundreds of them. */
static void check_kind(const Case *at, int count, double sink, double spread) {
    const NormalizationKind *kind = at->kind;
    Random random = random_create(1, RANDOM_TEST, (uint64_t)count, (uint32_t)(spread * 100));
    double x[LARGEST] = {0}, factor[LARGEST] = {0}, expected[LARGEST];
    float row[LARGEST], scores[LARGEST], weights[LARGEST], d_sink = 0;
    for (int j = 0; j < count; j++) {
        float drawn = (float)(spread * random_normal(&random));
        scores[j] = row[j] = at->positive ? fabsf(drawn) : drawn;
        x[j] = (double)scores[j];
    }
    const char *name = kind->kind.name;
    kind->forward(count, (float)sink, row);
    plain_weights(at, count, sink, x, expected);
    double largest = 0;
    for (int j = 0; j < count; j++)
        largest = fmax(largest, fabs(expected[j]));
    for (int j = 0; j < count; j++)
        assert_near(name, j, (double)row[j], expected[j], largest);
    memcpy(weights, row, sizeof weights);
    for (int j = 0; j < count; j++) {
        row[j] = (float)random_normal(&random);
        factor[j] = (double)row[j];
    }
    kind->backward(count, kind->needs_scores ? scores : NULL, weights, (float)sink, row, &d_sink);
    static const double step = 1e-5;
    for (int j = 0; j < count; j++) {
        double kept = x[j];
        x[j] = kept + step;
        double above = weighted(at, count, sink, x, factor);
        x[j] = kept - step;
        double below = weighted(at, count, sink, x, factor);
        x[j] = kept;
        /* The gradient of a kernel's weights is of the size of d, whatever the weights. */
        assert_near(name, j, (double)row[j], (above - below) / (2 * step),
                    kind->kernel ? fmax(3 * largest, 3) : 3 * largest);
    }
    if (isfinite(sink)) {
        double above = weighted(at, count, sink + step, x, factor);
        double below = weighted(at, count, sink - step, x, factor);
        assert_near("sink", 0, (double)d_sink, (above - below) / (2 * step), 3);
    }
}

static void normalizations_match(void **state) {
    (void)state;
    static const int counts[] = {1, 2, 7, 16, 33};
    Case cases[CASES_LARGEST];
    int number = all_cases(cases);
    for (int k = 0; k < number; k++)
        for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
            check_kind(&cases[k], counts[c], -INFINITY, 1);
            check_kind(&cases[k], counts[c], -INFINITY, 4);
            if (cases[k].kind->takes_sink_logit)
                check_kind(&cases[k], counts[c], 0.7, 1);
        }
}

/* The divisor of the linear kernel is 1 while the sum of either sign is below 1, and its size
   above; weights by hand. */
static void linear_kernel_divides_by_the_sum_above_one(void **state) {
    (void)state;
    static const struct {
        float scores[3], weights[3];
    } rows[] = {{{0.5f, -0.75f, 0.5f}, {0.5f, -0.75f, 0.5f}}, /* sum 0.25 */
                {{2, 3, -1}, {0.5f, 0.75f, -0.25f}},          /* sum 4 */
                {{-2, 1, -1}, {-1, 0.5f, -0.5f}},             /* sum −2 */
                {{1, -1, 0}, {1, -1, 0}}};                    /* sum 0 */
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        float row[3];
        memcpy(row, rows[r].scores, sizeof row);
        normalization_linear_kernel.forward(3, -INFINITY, row);
        for (int j = 0; j < 3; j++)
            if (row[j] != rows[r].weights[j])
                fail_msg("row %zu: weight %d is %.9g, expected %.9g", r, j, (double)row[j],
                         (double)rows[r].weights[j]);
    }
}

/* elu(x) + 1 and its derivative, from either side of 0 and where e^x underflows. */
static void elu_features(void **state) {
    (void)state;
    static const float at[] = {-200, -20, -1.5f, -1e-3f, 0, 1e-3f, 0.7f, 30};
    enum { COUNT = sizeof at / sizeof at[0] };
    float features[COUNT], d[COUNT];
    memcpy(features, at, sizeof at);
    normalization_elu_kernel.feature(COUNT, features);
    for (int i = 0; i < COUNT; i++)
        d[i] = 2;
    normalization_elu_kernel.feature_backward(COUNT, features, d);
    for (int i = 0; i < COUNT; i++) {
        double x = (double)at[i], feature = x > 0 ? x + 1 : exp(x), slope = x > 0 ? 1 : exp(x);
        assert_near("elu + 1", i, (double)features[i], feature, feature);
        assert_near("its slope", i, (double)d[i], 2 * slope, slope);
    }
}

/* Trained scores have been seen beyond 1e5 in magnitude: no weight may become NaN, and rows that
   sum to one must still do so. */
static void extreme_scores(void **state) {
    (void)state;
    static const float scores[][3] = {
        {-1e5f, -1.2e5f, -1e5f}, {1e5f, 0, -1e5f}, {-90, -95, -100}, {88, 89, 90}, {0, 0, 0}};
    Case cases[CASES_LARGEST];
    int number = all_cases(cases);
    for (int k = 0; k < number; k++) {
        const NormalizationKind *kind = cases[k].kind;
        for (size_t s = 0; s < sizeof scores / sizeof scores[0]; s++) {
            float given[3], row[3], d_row[3] = {1, -2, 0.5f}, d_sink = 0;
            for (int j = 0; j < 3; j++)
                given[j] = row[j] = cases[k].positive ? fabsf(scores[s][j]) : scores[s][j];
            kind->forward(3, -INFINITY, row);
            kind->backward(3, given, row, -INFINITY, d_row, &d_sink);
            for (int j = 0; j < 3; j++)
                if (!isfinite(row[j]) || !isfinite(d_row[j]) ||
                    (row[j] < 0 && !cases[k].signed_weights))
                    fail_msg("%s of row %zu: weight %g, gradient %g", kind->kind.name, s,
                             (double)row[j], (double)d_row[j]);
            bool sums_to_one = is(&cases[k], "softmax") || is(&cases[k], "sigmoid-normalized") ||
                               (is(&cases[k], "elu-kernel") && cases[k].divided && given[0] > 0);
            double sum = (double)row[0] + (double)row[1] + (double)row[2];
            if (sums_to_one && !(fabs(sum - 1) < 1e-6))
                fail_msg("%s of row %zu sums to %.9g", kind->kind.name, s, sum);
        }
    }
}

/* What drops_infinity promises: keys with a score of −∞ might as well not be there. */
static void check_unseen(const NormalizationKind *kind, int seen, int unseen) {
    float row[64], alone[64], d_row[64], d_alone[64], d_sink = 0;
    Random random = random_create(2, RANDOM_TEST, (uint64_t)seen, 0);
    for (int j = 0; j < seen + unseen; j++) {
        alone[j] = row[j] = j < seen ? (float)random_normal(&random) : -INFINITY;
        d_alone[j] = d_row[j] = (float)random_normal(&random);
    }
    kind->forward(seen, -INFINITY, alone);
    kind->forward(seen + unseen, -INFINITY, row);
    kind->backward(seen, NULL, alone, -INFINITY, d_alone, &d_sink);
    kind->backward(seen + unseen, NULL, row, -INFINITY, d_row, &d_sink);
    for (int j = 0; j < seen + unseen; j++) {
        assert_near(kind->kind.name, j, (double)row[j], j < seen ? (double)alone[j] : 0, 1);
        assert_near(kind->kind.name, j, (double)d_row[j], j < seen ? (double)d_alone[j] : 0, 1);
        assert_true(j < seen || (row[j] == 0 && d_row[j] == 0));
    }
}

static void unseen_keys_change_nothing(void **state) {
    (void)state;
    int kinds = 0;
    for (size_t k = 0; k < normalization_kinds.count; k++) {
        const NormalizationKind *kind = (const NormalizationKind *)normalization_kinds.kinds[k];
        if (!kind->drops_infinity)
            continue;
        kinds++;
        check_unseen(kind, 1, 15);
        check_unseen(kind, 17, 15);
        check_unseen(kind, 20, 27);
    }
    assert_int_equal(kinds, 3);
}

static void nan_stays(void **state) {
    (void)state;
    Case cases[CASES_LARGEST];
    int number = all_cases(cases);
    for (int k = 0; k < number; k++) {
        const NormalizationKind *kind = cases[k].kind;
        float row[5] = {0.5f, NAN, -1, 2, 0};
        kind->forward(5, -INFINITY, row);
        if (!isnan(row[1]))
            fail_msg("%s turned NaN into %g", kind->kind.name, (double)row[1]);
    }
}

static void assert_interval(const ModelConfig *config, int query, int length, int first, int end) {
    Interval keys = mask_interval(config, query, length);
    if (keys.first != first || keys.end != end)
        fail_msg("query %d of %d sees [%d, %d), expected [%d, %d)", query, length, keys.first,
                 keys.end, first, end);
}

static void masks_show(void **state) {
    (void)state;
    ModelConfig config = {.attention.mask = {.kind = kind_find(&mask_kinds, "causal")}};
    assert_interval(&config, 3, 8, 0, 4);
    assert_true(mask_is_causal(&config));
    config.attention.window = 2;
    assert_interval(&config, 0, 8, 0, 1);
    assert_interval(&config, 3, 8, 2, 4);
    config.attention.window_shift = 3;
    assert_interval(&config, 2, 8, 2, 3); /* its window lies before the sequence: itself */
    assert_interval(&config, 3, 8, 0, 1);
    assert_interval(&config, 7, 8, 3, 5);
    config.attention.window_shift = 0;
    config.attention.mask.kind = kind_find(&mask_kinds, "bidirectional");
    assert_interval(&config, 3, 8, 2, 5);
    assert_interval(&config, 7, 8, 6, 8);
    config.attention.window = 0;
    assert_interval(&config, 3, 8, 0, 8);
    assert_false(mask_is_causal(&config));
    config.attention.mask.kind = kind_find(&mask_kinds, "prefix");
    int64_t length = 4;
    memcpy(config.attention.mask.options.bytes, &length, sizeof length);
    assert_interval(&config, 0, 8, 0, 4);
    assert_interval(&config, 5, 8, 0, 6);
    assert_interval(&config, 0, 3, 0, 3);
    assert_int_equal(mask_prefix(&config), 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normalizations_match),
        cmocka_unit_test(linear_kernel_divides_by_the_sum_above_one),
        cmocka_unit_test(elu_features),
        cmocka_unit_test(extreme_scores),
        cmocka_unit_test(unseen_keys_change_nothing),
        cmocka_unit_test(nan_stays),
        cmocka_unit_test(masks_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
