/* Householder's reductions: what they turn a matrix into has its eigenvalues and singular values,
   as LAPACK finds them in the matrix itself, by every variant of the kernels. */
#include "analysis/householder_kernels.h"
#include "analysis/singular.h"
#include "analysis/symmetric.h"
#include "model/base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

void dgesdd_(const char *job, const int *m, const int *n, double *a, const int *stride,
             double *values, double *u, const int *u_stride, double *v, const int *v_stride,
             double *work, const int *work_size, int *integer_work, int *info);
void dsyev_(const char *job, const char *triangle, const int *n, double *matrix, const int *stride,
            double *values, double *work, const int *work_size, int *info);

enum { LARGEST = 70 };

/* Rounding grows at most like the size; seen: below 30 ulp of the largest at size 70. */
static const double tolerance = 1e-13;

static const int sizes[] = {1, 2, 3, 4, 7, 8, 9, 16, 31, 64, LARGEST};
enum { SIZES = sizeof sizes / sizeof *sizes };

static Arena arena;

static int begin(void **state) {
    (void)state;
    arena = arena_create("a test");
    return 0;
}

static int end(void **state) {
    (void)state;
    arena_destroy(&arena);
    return 0;
}

/* Kinds of matrices: dense, of rank one, with zero rows, lower triangular, of tiny numbers. */
enum { KINDS = 5 };

static double *draw(int kind, int rows, int columns, bool symmetric) {
    Random random = random_create(7, RANDOM_TEST, (uint64_t)(rows * 100 + columns), (uint32_t)kind);
    double *matrix = ARENA_ARRAY(&arena, double, ((size_t)rows * (size_t)columns));
    double left[LARGEST], right[LARGEST];
    for (int i = 0; i < rows; i++)
        left[i] = random_normal(&random);
    for (int j = 0; j < columns; j++)
        right[j] = symmetric ? left[j] : random_normal(&random);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) {
            double value = kind == 1 ? left[i] * right[j] : random_normal(&random);
            bool zero = (kind == 2 && (i % 3 == 0 || j % 3 == 0)) || (kind == 3 && j > i);
            matrix[i * columns + j] = zero ? 0 : kind == 4 ? 1e-180 * value : value;
        }
    for (int i = 0; symmetric && i < rows; i++)
        for (int j = 0; j < i; j++)
            matrix[i * columns + j] = matrix[j * columns + i];
    return matrix;
}

static double largest_of(const double *values, int count) {
    double largest = 0;
    for (int i = 0; i < count; i++)
        largest = fmax(largest, fabs(values[i]));
    return largest;
}

static void assert_all_near(const char *what, int size, int kind, const double *values,
                            const double *expected, int count, double scale) {
    for (int i = 0; i < count; i++)
        if (!(fabs(values[i] - expected[i]) <= tolerance * scale))
            fail_msg("%s of size %d, kind %d: number %d is %.17g, not %.17g (of %.3g)", what, size,
                     kind, i, values[i], expected[i], scale);
}

static void singular_by_lapack(const double *matrix, int rows, int columns, double *values) {
    double copy[LARGEST * LARGEST], none[1];
    static double work[1 << 16];
    int integer_work[8 * LARGEST], info = 0;
    const int one = 1, work_size = 1 << 16;
    memcpy(copy, matrix, sizeof *copy * (size_t)rows * (size_t)columns);
    dgesdd_("N", &columns, &rows, copy, &columns, values, none, &one, none, &one, work, &work_size,
            integer_work, &info);
    assert_int_equal(info, 0);
}

/* Qᵀ A Q from the reflectors: what it should be is the tridiagonal matrix. */
static void check_similarity(const double *matrix, const Tridiagonal *t, int kind) {
    int n = t->n;
    size_t size = (size_t)n;
    double *q = ARENA_ARRAY(&arena, double, (size * size)); /* rows: Q's columns */
    for (size_t i = 0; i < size; i++)
        q[i * size + i] = 1;
    tridiagonal_turn(t, n, q);
    double scale = largest_of(matrix, n * n) * n;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            double sum = 0, length = 0;
            for (int a = 0; a < n; a++) {
                length += q[i * n + a] * q[j * n + a];
                for (int b = 0; b < n; b++)
                    sum += q[i * n + a] * matrix[a * n + b] * q[j * n + b];
            }
            int apart = i > j ? i - j : j - i;
            double entry = apart == 0 ? t->diagonal[i] : apart == 1 ? t->beside[i < j ? i : j] : 0;
            if (!(fabs(sum - t->unit * entry) <= tolerance * scale))
                fail_msg("size %d, kind %d: (Q'AQ)[%d][%d] is %.17g, T has %.17g", n, kind, i, j,
                         sum, t->unit * entry);
            if (!(fabs(length - (i == j)) <= tolerance))
                fail_msg("size %d, kind %d: columns %d and %d of Q: %.17g", n, kind, i, j, length);
        }
}

static void tridiagonal_form_is_similar(void **state) {
    (void)state;
    const HouseholderKernels *variants[HOUSEHOLDER_VARIANTS];
    int count = householder_variants(variants);
    for (int s = 0; s < SIZES; s++)
        for (int kind = 0; kind < KINDS; kind++) {
            const double *matrix = draw(kind, sizes[s], sizes[s], true);
            for (int v = 0; v < count; v++) {
                Tridiagonal t = tridiagonal_reduce_by(variants[v], matrix, sizes[s], true, &arena);
                check_similarity(matrix, &t, kind);
            }
        }
}

static void bidiagonal_form_keeps_singular_values(void **state) {
    (void)state;
    const HouseholderKernels *variants[HOUSEHOLDER_VARIANTS];
    int count = householder_variants(variants);
    for (int r = 0; r < SIZES; r++)
        for (int c = 0; c < SIZES; c++)
            for (int kind = 0; kind < KINDS; kind++) {
                int rows = sizes[r], columns = sizes[c], n = rows < columns ? rows : columns;
                const double *matrix = draw(kind, rows, columns, false);
                double expected[LARGEST], values[LARGEST], form[LARGEST * LARGEST];
                singular_by_lapack(matrix, rows, columns, expected);
                for (int v = 0; v < count; v++) {
                    double diagonal[LARGEST], beside[LARGEST];
                    bidiagonal_reduce_by(variants[v], matrix, rows, columns, diagonal, beside,
                                         &arena);
                    memset(form, 0, sizeof form);
                    for (int i = 0; i < n; i++) {
                        form[i * n + i] = diagonal[i];
                        if (i + 1 < n)
                            form[i * n + i + 1] = beside[i];
                    }
                    singular_by_lapack(form, n, n, values);
                    assert_all_near("bidiagonal form", rows * 1000 + columns, kind, values,
                                    expected, n, expected[0]);
                }
                assert_true(singular_values(matrix, rows, columns, values, &arena));
                assert_all_near("singular values", rows * 1000 + columns, kind, values, expected, n,
                                expected[0]);
            }
}

/* Any stretch of the eigenvalues, by search or all at once. */
static void eigenvalues_are_those_of_lapack(void **state) {
    (void)state;
    for (int s = 0; s < SIZES; s++)
        for (int kind = 0; kind < KINDS; kind++) {
            int n = sizes[s], info = 0;
            const int work_size = 4 * LARGEST;
            double expected[LARGEST], values[LARGEST], work[4 * LARGEST];
            size_t bytes = sizeof(double) * (size_t)n * (size_t)n;
            const double *matrix = draw(kind, n, n, true);
            double *copy = ARENA_ARRAY(&arena, double, ((size_t)n * (size_t)n));
            memcpy(copy, matrix, bytes);
            dsyev_("N", "L", &n, copy, &n, expected, work, &work_size, &info);
            assert_int_equal(info, 0);
            double scale = largest_of(expected, n);
            for (int first = 1; first <= n; first += n < 4 ? 1 : n / 4)
                for (int last = first; last <= n; last += last < first + 3 ? 1 : n) {
                    memcpy(copy, matrix, bytes);
                    assert_true(symmetric_eigenvalues(copy, n, first, last, values, &arena));
                    assert_all_near("eigenvalues", n, kind, values, expected + first - 1,
                                    last - first + 1, scale);
                }
            memcpy(copy, matrix, bytes);
            assert_true(symmetric_eigenvalues(copy, n, 1, n, values, &arena));
            assert_all_near("all eigenvalues", n, kind, values, expected, n, scale);
        }
}

/* Of the diagonal matrix 0, 0, 1, 2: counts below shifts between and at them. */
static void counts_are_right(void **state) {
    (void)state;
    const HouseholderKernels *variants[HOUSEHOLDER_VARIANTS];
    int count = householder_variants(variants);
    const double diagonal[4] = {1, 0, 2, 0}, squares[3] = {1e-300, 1e-300, 1e-300};
    const Lanes shifts[SEARCHES] = {{-1, -1e-9, 1e-9, 0.5, 0.999, 1.001, 1.999, 2.001},
                                    {3, 4, 5, 6, -2, -3, -4, -5}};
    const double expected[SEARCHES][LANES] = {{0, 0, 2, 2, 2, 3, 3, 4}, {4, 4, 4, 4, 0, 0, 0, 0}};
    for (int v = 0; v < count; v++) {
        double counts[SEARCHES][LANES];
        variants[v]->count_below(4, diagonal, squares, shifts, counts);
        for (int b = 0; b < SEARCHES; b++)
            for (int lane = 0; lane < LANES; lane++)
                if (counts[b][lane] != expected[b][lane])
                    fail_msg("variant %d, shift %g: %g eigenvalues below, not %g", v,
                             shifts[b][lane], counts[b][lane], expected[b][lane]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tridiagonal_form_is_similar, begin, end),
        cmocka_unit_test_setup_teardown(bidiagonal_form_keeps_singular_values, begin, end),
        cmocka_unit_test_setup_teardown(eigenvalues_are_those_of_lapack, begin, end),
        cmocka_unit_test_setup_teardown(counts_are_right, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
