/* The kernels of what a block can be made of (model/math/block_kernels.h), for every instruction
   set that this processor has, against plain double-precision versions. Sizes fill vectors, do not,
   and are smaller than one.

   Tolerance: each result is a handful of float32 operations or a sum of at most a hundred terms:
   below 2e-6 of the L2 norm. 1e-5 leaves room and is far below any wrong term. */
#include "model/base/random.h"
#include "model/math/kernels.h"
#include "tests/support/compare.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const double tolerance = 1e-5;
enum { ROWS = 3, LARGEST = 67, COUNT = 2 * ROWS * LARGEST };
static const int widths[] = {1, 3, 4, 8, 15, 16, 33, 64, 67};
enum { WIDTHS = sizeof widths / sizeof widths[0] };

static void draw(float *values, size_t count, uint64_t stream) {
    Random random = random_create(7, RANDOM_TEST, stream, 0);
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(1.5 * random_normal(&random));
}

typedef void CheckKernels(const Kernels *table, int width);

static void for_each_variant(CheckKernels *check) {
    int count;
    const Kernels *const *tables = kernels_variants(&count);
    assert_true(count > 0);
    for (int v = 0; v < count; v++)
        for (int w = 0; w < WIDTHS; w++)
            check(tables[v], widths[w]);
}

static void compare(const char *what, const Kernels *table, int width, const float *actual,
                    const double *expected, size_t count) {
    char text[100];
    snprintf(text, sizeof text, "%s, %s, width %d", what, table->name, width);
    assert_floats_close(text, actual, expected, count, tolerance, 1);
}

typedef double Nonlinearity(double x);

static double relu(double x) {
    return x > 0 ? x : 0;
}

static double relu_slope(double x) {
    return x > 0;
}

static double silu(double x) {
    return x / (1 + exp(-x));
}

static double silu_slope(double x) {
    double sigma = 1 / (1 + exp(-x));
    return sigma + x * sigma * (1 - sigma);
}

static double gelu(double x) {
    return x * 0.5 * erfc(-x / sqrt(2));
}

static double gelu_slope(double x) {
    return 0.5 * erfc(-x / sqrt(2)) + x * exp(-x * x / 2) / sqrt(2 * acos(-1));
}

typedef void Forward(int rows, int hidden, const float *in, float *out);
typedef void Backward(int rows, int hidden, const float *in, const float *d_out, float *d_in);

typedef struct Pair {
    const char *name;
    Forward *forward;
    Backward *backward;
    Nonlinearity *value, *slope;
} Pair;

static void check_plain_pair(const Kernels *table, int width, Pair pair) {
    float in[COUNT], d_out[COUNT], out[COUNT], d_in[COUNT];
    double expected[COUNT], d_expected[COUNT];
    size_t count = ROWS * (size_t)width;
    draw(in, count, 1), draw(d_out, count, 2);
    pair.forward(ROWS, width, in, out);
    pair.backward(ROWS, width, in, d_out, d_in);
    for (size_t i = 0; i < count; i++) {
        expected[i] = pair.value((double)in[i]);
        d_expected[i] = (double)d_out[i] * pair.slope((double)in[i]);
    }
    compare(pair.name, table, width, out, expected, count);
    compare(pair.name, table, width, d_in, d_expected, count);
    in[count - 1] = NAN;
    pair.forward(ROWS, width, in, out);
    if (!isnan(out[count - 1]))
        fail_msg("%s of NaN is %g", pair.name, (double)out[count - 1]);
}

static void check_plain(const Kernels *table, int width) {
    const BlockKernels *block = &table->block;
    check_plain_pair(table, width,
                     (Pair){"relu", block->relu, block->relu_backward, relu, relu_slope});
    check_plain_pair(table, width,
                     (Pair){"silu", block->silu, block->silu_backward, silu, silu_slope});
    check_plain_pair(table, width,
                     (Pair){"gelu", block->gelu, block->gelu_backward, gelu, gelu_slope});
}

static void check_gated_pair(const Kernels *table, int width, Pair pair) {
    float in[COUNT], d_out[COUNT], out[COUNT], d_in[COUNT];
    double expected[COUNT], d_expected[COUNT];
    draw(in, COUNT, 1), draw(d_out, COUNT, 2);
    pair.forward(ROWS, width, in, out);
    pair.backward(ROWS, width, in, d_out, d_in);
    for (int r = 0; r < ROWS; r++)
        for (int i = 0; i < width; i++) {
            int gate = 2 * r * width + i, up = gate + width, at = r * width + i;
            double x = (double)in[gate], d = (double)d_out[at];
            expected[at] = pair.value(x) * (double)in[up];
            d_expected[up] = d * pair.value(x);
            d_expected[gate] = d * (double)in[up] * pair.slope(x);
        }
    compare(pair.name, table, width, out, expected, ROWS * (size_t)width);
    compare(pair.name, table, width, d_in, d_expected, 2 * ROWS * (size_t)width);
}

static void check_gated(const Kernels *table, int width) {
    const BlockKernels *block = &table->block;
    check_gated_pair(table, width,
                     (Pair){"reglu", block->reglu, block->reglu_backward, relu, relu_slope});
    check_gated_pair(table, width,
                     (Pair){"geglu", block->geglu, block->geglu_backward, gelu, gelu_slope});
}

static double mean_of(const double *values, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += values[i] / count;
    return sum;
}

/* The norm's Jacobian row by row, as a sum over outputs: dx_j = Σ_i dy_i·g_i·s·(δ_ij − 1/n −
   x̂_i·x̂_j/n). */
static void check_layer_norm(const Kernels *table, int width) {
    float x[COUNT], add[COUNT], gain[LARGEST], shift[LARGEST], out[COUNT], d_out[COUNT];
    float statistics[2 * ROWS], dx[COUNT] = {0}, d_gain[LARGEST] = {0}, d_shift[LARGEST] = {0};
    double expected[COUNT], dx_expected[COUNT], gain_expected[LARGEST] = {0};
    double shift_expected[LARGEST] = {0};
    size_t count = ROWS * (size_t)width;
    draw(x, count, 1), draw(add, count, 2), draw(d_out, count, 3);
    draw(gain, (size_t)width, 4), draw(shift, (size_t)width, 5);
    for (int r = 0; r < ROWS; r++) {
        double row[LARGEST], hat[LARGEST], squares[LARGEST];
        for (int i = 0; i < width; i++)
            row[i] = (double)(x[r * width + i] + add[r * width + i]);
        double mean = mean_of(row, width);
        for (int i = 0; i < width; i++)
            squares[i] = (row[i] - mean) * (row[i] - mean);
        double inverse = 1 / sqrt(mean_of(squares, width) + 1e-5);
        for (int i = 0; i < width; i++) {
            hat[i] = (row[i] - mean) * inverse;
            expected[r * width + i] = hat[i] * (double)gain[i] + (double)shift[i];
            gain_expected[i] += (double)d_out[r * width + i] * hat[i];
            shift_expected[i] += (double)d_out[r * width + i];
        }
        for (int j = 0; j < width; j++) {
            double sum = 0;
            for (int i = 0; i < width; i++)
                sum += (double)d_out[r * width + i] * (double)gain[i] * inverse *
                       ((i == j) - 1.0 / width - hat[i] * hat[j] / width);
            dx_expected[r * width + j] = sum;
        }
    }
    table->block.layer_norm(ROWS, width, 1e-5f, add, x, gain, shift, out, statistics);
    table->block.layer_norm_backward(ROWS, width, x, gain, statistics, d_out, dx, d_gain, d_shift);
    compare("layer_norm", table, width, out, expected, count);
    compare("layer_norm shift", table, width, d_shift, shift_expected, (size_t)width);
    compare("layer_norm gain", table, width, d_gain, gain_expected, (size_t)width);
    if (width > 1) /* one value alone is its own mean: nothing but rounding is left */
        compare("layer_norm backward", table, width, dx, dx_expected, count);
}

/* Exact: sums of small whole numbers. */
static void check_rows(const Kernels *table, int width) {
    float x[COUNT], row[LARGEST] = {0}, sum[LARGEST], target[LARGEST];
    for (int i = 0; i < width; i++)
        row[i] = (float)i, sum[i] = 100, target[i] = 1;
    for (int i = 0; i < ROWS * width; i++)
        x[i] = (float)(i % 11);
    table->block.add_row(ROWS, width, row, x);
    table->block.sum_rows(ROWS, width, x, sum);
    table->block.add_scaled((size_t)width, 0.5f, row, target);
    for (int i = 0; i < width; i++) {
        float expected = 100;
        for (int r = 0; r < ROWS; r++)
            expected += (float)((r * width + i) % 11) + (float)i;
        if (sum[i] != expected || target[i] != 1 + 0.5f * (float)i)
            fail_msg("%s, width %d: column %d is %g, not %g; %g", table->name, width, i,
                     (double)sum[i], (double)expected, (double)target[i]);
    }
    table->block.scale((size_t)width, 2, row, target);
    for (int i = 0; i < width; i++)
        if (target[i] != 2 * (float)i)
            fail_msg("%s, width %d: twice %d is %g", table->name, width, i, (double)target[i]);
}

/* From a counter that soon wraps; nothing is written behind the last word. */
static void check_philox(const Kernels *table, int blocks) {
    uint32_t words[4 * LARGEST + 1] = {0};
    Random random = random_create(1ull << 40, RANDOM_TEST, 5ull << 34, 6);
    random.counter[0] = 0xfffffffdu;
    words[4 * blocks] = 77;
    table->philox(random.key, random.counter, (size_t)blocks, words);
    for (int i = 0; i < 4 * blocks; i++) {
        uint32_t expected = random_bits(&random);
        if (words[i] != expected)
            fail_msg("%s, %d blocks: word %d is %u, not %u", table->name, blocks, i, words[i],
                     expected);
    }
    assert_int_equal(words[4 * blocks], 77);
}

static void random_words(void **state) {
    (void)state;
    for_each_variant(check_philox);
}

static void ungated(void **state) {
    (void)state;
    for_each_variant(check_plain);
}

static void gated(void **state) {
    (void)state;
    for_each_variant(check_gated);
}

static void layer_norm(void **state) {
    (void)state;
    for_each_variant(check_layer_norm);
}

static void rows(void **state) {
    (void)state;
    for_each_variant(check_rows);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ungated), cmocka_unit_test(gated),        cmocka_unit_test(layer_norm),
        cmocka_unit_test(rows),    cmocka_unit_test(random_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
