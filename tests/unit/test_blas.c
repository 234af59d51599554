/* The matrix products against plain double-precision loops, and the choice of OpenBLAS's core. */
#include "model/base/random.h"
#include "model/math/blas.h"
#include "model/math/gemm.h"
#include "model/math/kernels.h"
#include "tests/support/compare.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SLACK = 3 }; /* floats between the end of a row and the next row */

/* An operand of rows × columns; reads of its slack would bring in NaN. */
typedef struct Operand {
    int rows, columns, stride;
    float *data;
} Operand;

static Operand operand_create(Random *random, int rows, int columns) {
    Operand operand = {rows, columns, columns + SLACK, NULL};
    size_t count = (size_t)rows * (size_t)operand.stride;
    operand.data = malloc(count * sizeof(float));
    assert_non_null(operand.data);
    for (size_t i = 0; i < count; i++)
        operand.data[i] = NAN;
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++)
            operand.data[r * operand.stride + c] = (float)random_normal(random);
    return operand;
}

static float *scratch_create(void) {
    float *scratch = aligned_alloc(64, GEMM_SCRATCH * sizeof *scratch);
    assert_non_null(scratch);
    return scratch;
}

static double at(const Operand *operand, int row, int column, int transposed) {
    return transposed ? operand->data[column * operand->stride + row]
                      : operand->data[row * operand->stride + column];
}

static const struct {
    const char *name;
    GemmForm form;
    int first_transposed, second_transposed;
} products[] = {{"nt", GEMM_NT, 0, 1}, {"nn", GEMM_NN, 0, 0}, {"tn", GEMM_TN, 1, 0}};

/* The tiled kernel of one instruction set, or NULL: gemm(), which chooses between it and
   OpenBLAS. */
typedef struct Multiplier {
    const char *name;
    void (*multiply)(const Gemm *product);
} Multiplier;

/* The rounding of a sum of k products is about sqrt(k)·6e-8 of their L2 norm: below 2e-6 here. */
static void check_product(const Multiplier *by, size_t product, int m, int n, int k, float alpha,
                          bool add) {
    Random random = random_create(2, RANDOM_TEST, product, (uint32_t)(m * 10007 + n * 101 + k));
    int first = products[product].first_transposed, second = products[product].second_transposed;
    Operand a = operand_create(&random, first ? k : m, first ? m : k);
    Operand b = operand_create(&random, second ? n : k, second ? k : n);
    Operand c = operand_create(&random, m, n);
    if (!add)
        c.data[0] = NAN;
    double *expected = malloc((size_t)m * (size_t)n * sizeof *expected);
    float *actual = malloc((size_t)m * (size_t)n * sizeof *actual);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            double sum = 0;
            for (int l = 0; l < k; l++)
                sum += at(&a, i, l, first) * at(&b, l, j, second);
            expected[i * n + j] = (double)alpha * sum;
            if (add)
                expected[i * n + j] += at(&c, i, j, 0);
        }
    float *scratch = scratch_create();
    by->multiply(&(Gemm){.form = products[product].form,
                         .m = m,
                         .n = n,
                         .k = k,
                         .alpha = alpha,
                         .a = {a.data, a.stride},
                         .b = {b.data, b.stride},
                         .add = add,
                         .c = {c.data, c.stride},
                         .scratch = scratch});
    free(scratch);
    for (int i = 0; i < m; i++) {
        memcpy(actual + i * n, c.data + i * c.stride, (size_t)n * sizeof *actual);
        for (int j = n; j < c.stride; j++)
            assert_true(isnan(c.data[i * c.stride + j]));
    }
    char what[100];
    snprintf(what, sizeof what, "%s %s %d×%d×%d, alpha %g, add %d", by->name,
             products[product].name, m, n, k, (double)alpha, add);
    assert_floats_close(what, actual, expected, (size_t)m * (size_t)n, 2e-6, 1e-6);
    free(a.data), free(b.data), free(c.data), free(expected), free(actual);
}

static void check_multiplier(const Multiplier *by) {
    static const int shapes[][3] = {{1, 1, 1},    {1, 7, 3},    {5, 1, 9},     {3, 4, 1},
                                    {17, 33, 5},  {64, 64, 64}, {65, 63, 129}, {37, 300, 71},
                                    {15, 32, 16}, {28, 48, 17}, {13, 31, 40}};
    for (size_t p = 0; p < sizeof products / sizeof products[0]; p++)
        for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
            check_product(by, p, shapes[s][0], shapes[s][1], shapes[s][2], 1, false);
            check_product(by, p, shapes[s][0], shapes[s][1], shapes[s][2], 1, true);
            check_product(by, p, shapes[s][0], shapes[s][1], shapes[s][2], 0.125f, true);
        }
}

static void products_match(void **state) {
    (void)state;
    Multiplier chosen = {"gemm()", gemm};
    check_multiplier(&chosen);
    for (size_t p = 0; p < sizeof products / sizeof products[0]; p++)
        check_product(&chosen, p, 9, 700, 600, 1, true); /* too large for the tiled kernel */
    int variants;
    const Kernels *const *tables = kernels_variants(&variants);
    for (int v = 0; v < variants; v++)
        if (tables[v]->gemm != NULL)
            check_multiplier(&(Multiplier){tables[v]->name, tables[v]->gemm});
}

/* The same product twice gives the same bits: nothing depends on threads or alignment by chance. */
static void products_repeat(void **state) {
    (void)state;
    enum { SIZE = 96 };
    Random random = random_create(3, RANDOM_TEST, 0, 0);
    Operand a = operand_create(&random, SIZE, SIZE), b = operand_create(&random, SIZE, SIZE);
    float *scratch = scratch_create();
    static float results[2][SIZE * SIZE];
    for (int i = 0; i < 2; i++)
        gemm(&(Gemm){.form = GEMM_NT,
                     .m = SIZE,
                     .n = SIZE,
                     .k = SIZE,
                     .alpha = 1,
                     .a = {a.data, a.stride},
                     .b = {b.data, b.stride},
                     .c = {results[i], SIZE},
                     .scratch = scratch});
    assert_memory_equal(results[0], results[1], sizeof results[0]);
    free(a.data), free(b.data), free(scratch);
}

static void assert_choice(const char *core, CpuFeatures features, const char *expected) {
    const char *chosen = blas_choose_core(core, features);
    if (expected == NULL ? chosen != NULL : chosen == NULL || strcmp(chosen, expected) != 0)
        fail_msg("core %s: chose %s, expected %s", core, chosen ? chosen : "to stay",
                 expected ? expected : "to stay");
}

/* OpenBLAS issue 4267: processors newer than the library fall back to Prescott. */
static void core_choice(void **state) {
    (void)state;
    CpuFeatures none = {0}, avx = {.avx = 1}, avx2 = {.avx = 1, .avx2_fma = 1};
    CpuFeatures avx512 = {.avx = 1, .avx2_fma = 1, .avx512 = 1}, zen = avx2, newest = avx512;
    zen.amd = 1;
    newest.avx512_bf16 = newest.amx = 1;
    assert_choice("Prescott", none, NULL);
    assert_choice("Prescott", avx, "Sandybridge");
    assert_choice("Prescott", avx2, "Haswell");
    assert_choice("Prescott", zen, "Zen");
    assert_choice("Prescott", avx512, "SkylakeX");
    assert_choice("Prescott", newest, "SapphireRapids");
    assert_choice("Haswell", avx2, NULL);
    assert_choice("Zen", zen, NULL);
    assert_choice("SkylakeX", avx512, NULL);
    assert_choice("SapphireRapids", newest, NULL);
}

static void core_in_use_has_a_name(void **state) {
    (void)state;
    assert_non_null(blas_core_name());
    assert_true(strlen(blas_core_name()) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_match),
        cmocka_unit_test(products_repeat),
        cmocka_unit_test(core_choice),
        cmocka_unit_test(core_in_use_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
