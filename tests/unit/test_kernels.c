/* Every vector kernel, in every variant that this processor can run, against a plain
   double-precision version: sizes on, below and above every vector length, strides of zero slack,
   NaN, and magnitudes as trained models have been seen to reach.

   Tolerances: float32 rounds by 6e-8 relative, a sum of n such values in vector order by a small
   multiple of that, and the exponential is good to one unit in the last place, 1.2e-7. So 1e-6
   holds everywhere with room, and any wrong term or lost tail is larger by orders. */
#include "model/base/arena.h"
#include "model/base/random.h"
#include "model/math/kernels.h"
#include "tests/support/compare.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const int sizes[] = {1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 257};
enum { SIZES = sizeof sizes / sizeof sizes[0], GUARDS = 16 };
static const float guard = -123.25f;

typedef struct Setting {
    const Kernels *kernels;
    Arena arena;
    Random random;
    int size;
} Setting;

typedef void Check(Setting *setting);

/* Runs check for every variant and size. */
static void for_each(Check *check) {
    int count;
    const Kernels *const *variants = kernels_variants(&count);
    assert_in_range(count, 1, 8);
    for (int v = 0; v < count; v++)
        for (int s = 0; s < SIZES; s++) {
            Setting setting = {.kernels = variants[v],
                               .arena = arena_create("a kernel test"),
                               .random = random_create(1, RANDOM_TEST, (uint64_t)s, 0),
                               .size = sizes[s]};
            check(&setting);
            arena_destroy(&setting.arena);
        }
}

/* count floats N(0, scale²) with guards behind them, which check_guards looks at. */
static float *floats(Setting *setting, int count, double scale) {
    float *values = ARENA_ARRAY(&setting->arena, float, (size_t)(count + GUARDS));
    for (int i = 0; i < count; i++)
        values[i] = (float)(scale * random_normal(&setting->random));
    for (int i = count; i < count + GUARDS; i++)
        values[i] = guard;
    return values;
}

static double *reals(Setting *setting, int count) {
    return ARENA_ARRAY(&setting->arena, double, (size_t)count);
}

static double *as_reals(Setting *setting, const float *values, int count) {
    double *copy = reals(setting, count);
    for (int i = 0; i < count; i++)
        copy[i] = values[i];
    return copy;
}

/* Fails unless actual is close to expected and nothing behind it was written. */
static void check_result(const Setting *setting, const char *kernel, const float *actual,
                         const double *expected, int count, double tolerance) {
    char what[100];
    snprintf(what, sizeof what, "%s %s, size %d", setting->kernels->name, kernel, setting->size);
    assert_floats_close(what, actual, expected, (size_t)count, tolerance, 1e-6);
    for (int i = count; i < count + GUARDS; i++)
        if (actual[i] != guard)
            fail_msg("%s wrote %g at %d, behind its end", what, (double)actual[i], i);
}

enum { ROWS = 3 };

static void check_rms_norm_once(Setting *setting, bool adds, double scale) {
    int width = setting->size, count = ROWS * width;
    float *x = floats(setting, count, scale), *weight = floats(setting, width, 1);
    float *plus = adds ? floats(setting, count, scale) : NULL;
    float *out = floats(setting, count, 1), *inverse = floats(setting, ROWS, 1);
    double *expected_x = as_reals(setting, x, count), *expected = reals(setting, count);
    double expected_inverse[ROWS];
    for (int r = 0; r < ROWS; r++) {
        double squares = 0;
        for (int i = r * width; i < (r + 1) * width; i++) {
            expected_x[i] += adds ? (double)plus[i] : 0;
            squares += expected_x[i] * expected_x[i];
        }
        expected_inverse[r] = 1 / sqrt(squares / width + 1e-5);
        for (int i = 0; i < width; i++)
            expected[r * width + i] =
                expected_x[r * width + i] * expected_inverse[r] * (double)weight[i];
    }
    setting->kernels->rms_norm(ROWS, width, 1e-5f, plus, x, weight, out, inverse);
    check_result(setting, "rms_norm x", x, expected_x, count, 1e-6);
    check_result(setting, "rms_norm inverse", inverse, expected_inverse, ROWS, 1e-6);
    check_result(setting, "rms_norm out", out, expected, count, 1e-6);
}

static void check_rms_norm(Setting *setting) {
    check_rms_norm_once(setting, false, 1);
    check_rms_norm_once(setting, true, 1);
    check_rms_norm_once(setting, true, 1e-4);
    check_rms_norm_once(setting, true, 1e6);
}

/* d loss/d x of y = x·s·w with s = (mean x² + eps)^(−1/2), by the chain rule over all pairs:
   dy_i/dx_k = w_i·(s·[i = k] − x_i·x_k·s³/width). */
static void check_rms_norm_backward(Setting *setting) {
    int width = setting->size, count = ROWS * width;
    float *x = floats(setting, count, 1), *weight = floats(setting, width, 1);
    float *d_out = floats(setting, count, 1), *dx = floats(setting, count, 1);
    float *d_weight = floats(setting, width, 1), *inverse = floats(setting, ROWS, 1);
    double *expected_dx = as_reals(setting, dx, count);
    double *expected_weight = as_reals(setting, d_weight, width);
    for (int r = 0; r < ROWS; r++) {
        const float *row = x + r * width, *d_row = d_out + r * width;
        double squares = 0;
        for (int i = 0; i < width; i++)
            squares += (double)row[i] * (double)row[i];
        double s = 1 / sqrt(squares / width + 1e-5);
        inverse[r] = (float)s;
        for (int i = 0; i < width; i++) {
            expected_weight[i] += (double)d_row[i] * (double)row[i] * s;
            for (int k = 0; k < width; k++)
                expected_dx[r * width + k] +=
                    (double)d_row[i] * (double)weight[i] *
                    ((i == k ? s : 0) - (double)row[i] * (double)row[k] * s * s * s / width);
        }
    }
    setting->kernels->rms_norm_backward(ROWS, width, x, weight, inverse, d_out, dx, d_weight);
    check_result(setting, "rms_norm_backward dx", dx, expected_dx, count, 1e-6);
    check_result(setting, "rms_norm_backward d_weight", d_weight, expected_weight, width, 1e-6);
}

static double logistic(double x) {
    return 1 / (1 + exp(-x));
}

static void check_swiglu_once(Setting *setting, double scale) {
    int hidden = setting->size;
    float *gate_up = floats(setting, ROWS * 2 * hidden, scale);
    float *out = floats(setting, ROWS * hidden, 1), *d_out = floats(setting, ROWS * hidden, 1);
    float *d_gate_up = floats(setting, ROWS * 2 * hidden, 1);
    double *expected = reals(setting, ROWS * hidden),
           *expected_d = reals(setting, ROWS * 2 * hidden);
    for (int r = 0; r < ROWS; r++)
        for (int i = 0; i < hidden; i++) {
            int at = r * 2 * hidden + i, o = r * hidden + i;
            double gate = gate_up[at], up = gate_up[at + hidden], sigma = logistic(gate);
            expected[o] = gate * sigma * up;
            expected_d[at] = d_out[o] * up * (sigma + gate * sigma * (1 - sigma));
            expected_d[at + hidden] = d_out[o] * gate * sigma;
        }
    setting->kernels->swiglu(ROWS, hidden, gate_up, out);
    check_result(setting, "swiglu", out, expected, ROWS * hidden, 1e-6);
    setting->kernels->swiglu_backward(ROWS, hidden, gate_up, d_out, d_gate_up);
    check_result(setting, "swiglu_backward", d_gate_up, expected_d, ROWS * 2 * hidden, 1e-6);
}

/* Gates of 1e5 drive the exponential to 0 and to infinity; the result must stay finite and
   right. */
static void check_swiglu(Setting *setting) {
    check_swiglu_once(setting, 1);
    check_swiglu_once(setting, 30);
    check_swiglu_once(setting, 1e5);
}

static void softmax_plain(int count, const float *scores, double *weights) {
    double largest = -INFINITY, sum = 0;
    for (int i = 0; i < count; i++)
        largest = fmax(largest, scores[i]);
    for (int i = 0; i < count; i++)
        sum += weights[i] = exp(scores[i] - largest);
    for (int i = 0; i < count; i++)
        weights[i] /= sum;
}

static void check_softmax_row(Setting *setting, float *row) {
    double *expected = reals(setting, setting->size);
    softmax_plain(setting->size, row, expected);
    setting->kernels->softmax(setting->size, -INFINITY, row);
    check_result(setting, "softmax", row, expected, setting->size, 1e-6);
}

static void check_softmax(Setting *setting) {
    int count = setting->size;
    static const double scales[] = {0, 1, 10, 1e5};
    for (size_t s = 0; s < sizeof scales / sizeof scales[0]; s++)
        check_softmax_row(setting, floats(setting, count, scales[s]));
    for (int sign = -1; sign <= 1; sign += 2) {
        float *row = floats(setting, count, 1);
        for (int i = 0; i < count; i++)
            row[i] += (float)sign * 1e5f;
        check_softmax_row(setting, row);
    }
    float *spread = floats(setting, count, 1);
    spread[0] = -1e5f, spread[count - 1] = 1e5f;
    check_softmax_row(setting, spread);
    float *masked = floats(setting, count, 1);
    for (int i = 1; i < count; i += 2)
        masked[i] = -INFINITY;
    check_softmax_row(setting, masked);
}

/* Scores 0 and x: the weights' ratio is e^x, and the division adds half a unit in the last place to
   each weight. Below e^−87 results lose digits to the range of float32; below e^−104 they are 0. */
static void check_exponential(const Kernels *kernels) {
    for (int i = 0; i <= 104000; i++) {
        float x = -1e-3f * (float)i, row[2] = {0, x};
        kernels->softmax(2, -INFINITY, row);
        double ratio = (double)row[1] / (double)row[0], expected = exp((double)x);
        if (!(fabs(ratio - expected) <= 2.5e-7 * expected + 3e-45))
            fail_msg("%s: e^%.9g is %.9g and not %.9g", kernels->name, (double)x, ratio, expected);
    }
    static const float far[] = {-104.1f, -1e5f, -3e38f, -INFINITY};
    for (size_t i = 0; i < sizeof far / sizeof far[0]; i++) {
        float row[2] = {0, far[i]};
        kernels->softmax(2, -INFINITY, row);
        assert_true(row[1] == 0 && row[0] == 1);
    }
}

static void exponentials_are_exact_to_the_last_place(void **state) {
    (void)state;
    int count;
    const Kernels *const *variants = kernels_variants(&count);
    for (int v = 0; v < count; v++)
        check_exponential(variants[v]);
}

static void check_softmax_backward(Setting *setting) {
    int count = setting->size;
    float *scores = floats(setting, count, 2), *row = floats(setting, count, 1);
    double *weights = reals(setting, count), *expected = reals(setting, count), mean = 0;
    softmax_plain(count, scores, weights);
    for (int i = 0; i < count; i++)
        scores[i] = (float)weights[i];
    for (int i = 0; i < count; i++)
        mean += (double)scores[i] * (double)row[i];
    for (int i = 0; i < count; i++)
        expected[i] = (double)scores[i] * ((double)row[i] - mean);
    setting->kernels->softmax_backward(count, scores, row);
    check_result(setting, "softmax_backward", row, expected, count, 1e-6);
}

static void check_cross_entropy_once(Setting *setting, double scale, double shift, int target) {
    int count = setting->size;
    float *logits = floats(setting, count, scale), *again = floats(setting, count, 1);
    double *expected = reals(setting, count);
    for (int i = 0; i < count; i++)
        again[i] = logits[i] += (float)shift;
    softmax_plain(count, logits, expected);
    double largest = -INFINITY, sum = 0;
    for (int i = 0; i < count; i++)
        largest = fmax(largest, logits[i]);
    for (int i = 0; i < count; i++)
        sum += exp(logits[i] - largest);
    double loss = log(sum) + (largest - (double)logits[target]);
    for (int i = 0; i < count; i++)
        expected[i] = 0.25 * (expected[i] - (i == target));
    double actual = setting->kernels->cross_entropy(count, again, target, 0);
    assert_real_within("cross_entropy, loss alone", actual, loss - 1e-6 * (1 + loss),
                       loss + 1e-6 * (1 + loss));
    actual = setting->kernels->cross_entropy(count, logits, target, 0.25f);
    assert_real_within("cross_entropy", actual, loss - 1e-6 * (1 + loss), loss + 1e-6 * (1 + loss));
    check_result(setting, "cross_entropy gradient", logits, expected, count, 1e-6);
}

/* A common shift of all logits changes nothing, however large: no digits may be lost to it. */
static void check_cross_entropy(Setting *setting) {
    int last = setting->size - 1;
    check_cross_entropy_once(setting, 1, 0, 0);
    check_cross_entropy_once(setting, 5, 0, last);
    check_cross_entropy_once(setting, 1, 1e4, last);
    check_cross_entropy_once(setting, 1, -1e4, last / 2);
    check_cross_entropy_once(setting, 1e5, 0, last / 2);
}

static void check_add_and_squares(Setting *setting) {
    int count = setting->size;
    float *source = floats(setting, count, 1), *target = floats(setting, count, 1e3);
    double *expected = as_reals(setting, target, count), squares = 0;
    for (int i = 0; i < count; i++) {
        expected[i] += (double)source[i];
        squares += (double)source[i] * (double)source[i];
    }
    assert_real_close("sum_of_squares", setting->kernels->sum_of_squares((size_t)count, source),
                      squares, 1e-14);
    setting->kernels->add((size_t)count, source, target);
    check_result(setting, "add", target, expected, count, 1e-7);
    for (int i = 0; i < count; i++)
        source[i] = 1e25f;
    assert_real_close("sum of large squares",
                      setting->kernels->sum_of_squares((size_t)count, source),
                      count * (double)1e25f * (double)1e25f, 1e-14);
    assert_real_within("sum of no squares", setting->kernels->sum_of_squares(0, source), 0, 0);
}

static void check_rotate(Setting *setting) {
    int half = setting->size;
    float *x = floats(setting, 2 * half, 1);
    float *cosine = floats(setting, half, 1), *sine = floats(setting, half, 1);
    double *expected = reals(setting, 2 * half);
    for (int i = 0; i < half; i++) {
        double first = x[i], second = x[i + half];
        expected[i] = first * (double)cosine[i] - second * (double)sine[i];
        expected[i + half] = second * (double)cosine[i] + first * (double)sine[i];
    }
    setting->kernels->rotate(half, cosine, sine, x);
    check_result(setting, "rotate", x, expected, 2 * half, 1e-6);
}

/* Three steps of algorithm 2 of arXiv 1711.05101, with clipping and bias correction. */
static void check_adam(Setting *setting) {
    int count = setting->size;
    float *parameters = floats(setting, count, 1);
    float *first = floats(setting, count, 0), *second = floats(setting, count, 0);
    double *expected = as_reals(setting, parameters, count);
    double *m = reals(setting, count), *v = reals(setting, count);
    const double rate = 5e-3, beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8, decay = 0.1, clip = 0.3;
    for (int t = 1; t <= 3; t++) {
        float *gradient = floats(setting, count, t == 2 ? 1e-6 : 1);
        AdamStep step = {.learning_rate = (float)rate,
                         .beta1 = (float)beta1,
                         .beta2 = (float)beta2,
                         .epsilon = (float)epsilon,
                         .decay = (float)(rate * decay),
                         .correction1 = (float)(1 / (1 - pow(beta1, t))),
                         .correction2 = (float)(1 / (1 - pow(beta2, t))),
                         .gradient_scale = (float)clip};
        setting->kernels->adam((size_t)count, &step, gradient, parameters, first, second);
        for (int i = 0; i < count; i++) {
            double g = clip * (double)gradient[i];
            m[i] = beta1 * m[i] + (1 - beta1) * g;
            v[i] = beta2 * v[i] + (1 - beta2) * g * g;
            double direction =
                m[i] / (1 - pow(beta1, t)) / (sqrt(v[i] / (1 - pow(beta2, t))) + epsilon);
            expected[i] -= rate * decay * expected[i] + rate * direction;
        }
        check_result(setting, "adam parameters", parameters, expected, count, 1e-6);
        check_result(setting, "adam first moment", first, m, count, 2e-6);
        check_result(setting, "adam second moment", second, v, count, 2e-6);
    }
}

static void assert_all_nan(const Setting *setting, const char *kernel, const float *row,
                           int count) {
    for (int i = 0; i < count; i++)
        if (!isnan(row[i]))
            fail_msg("%s %s, size %d: a NaN was lost, %g at %d", setting->kernels->name, kernel,
                     setting->size, (double)row[i], i);
}

/* A NaN anywhere in a row reaches every result that depends on it. */
static void check_nan(Setting *setting) {
    int count = setting->size;
    const Kernels *kernel = setting->kernels;
    float one = 1, inverse;
    for (int place = 0; place < count; place += 1 + count / 5) {
        float *row = floats(setting, count, 1), *weight = floats(setting, count, 1);
        float *out = floats(setting, count, 1);
        row[place] = NAN;
        if (!isnan(kernel->sum_of_squares((size_t)count, row)))
            fail_msg("%s sum_of_squares lost a NaN at %d", kernel->name, place);
        kernel->rms_norm(1, count, 1e-5f, NULL, row, weight, out, &inverse);
        assert_all_nan(setting, "rms_norm", out, count);
        float *copy = memcpy(floats(setting, count, 1), row, (size_t)count * sizeof *row);
        if (!isnan(kernel->cross_entropy(count, copy, 0, one)))
            fail_msg("%s cross_entropy, size %d, lost a NaN at %d", kernel->name, count, place);
        assert_all_nan(setting, "cross_entropy gradient", copy, count);
        memcpy(copy, row, (size_t)count * sizeof *row);
        kernel->softmax(count, -INFINITY, copy);
        assert_all_nan(setting, "softmax", copy, count);
        kernel->softmax_backward(count, weight, row);
        assert_all_nan(setting, "softmax_backward", row, count);
        float *gate_up = floats(setting, 2 * count, 1);
        gate_up[place] = NAN;
        kernel->swiglu(1, count, gate_up, out);
        assert_all_nan(setting, "swiglu", out + place, 1);
    }
}

#define EACH(name)                                                                                 \
    static void test_##name(void **state) {                                                        \
        (void)state;                                                                               \
        for_each(check_##name);                                                                    \
    }

EACH(rms_norm)
EACH(rms_norm_backward)
EACH(swiglu)
EACH(softmax)
EACH(softmax_backward)
EACH(cross_entropy)
EACH(add_and_squares)
EACH(rotate)
EACH(adam)
EACH(nan)

static void variants_are_distinct_and_the_last_is_used(void **state) {
    (void)state;
    int count;
    const Kernels *const *variants = kernels_variants(&count);
    for (int i = 0; i < count; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(variants[i]->name, variants[j]->name);
    assert_ptr_equal(kernels(), variants[count - 1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variants_are_distinct_and_the_last_is_used),
        cmocka_unit_test(test_rms_norm),
        cmocka_unit_test(test_rms_norm_backward),
        cmocka_unit_test(test_swiglu),
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(exponentials_are_exact_to_the_last_place),
        cmocka_unit_test(test_softmax_backward),
        cmocka_unit_test(test_cross_entropy),
        cmocka_unit_test(test_add_and_squares),
        cmocka_unit_test(test_rotate),
        cmocka_unit_test(test_adam),
        cmocka_unit_test(test_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
