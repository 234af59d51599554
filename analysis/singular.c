#include "analysis/singular.h"

#include "analysis/householder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* LAPACK's and BLAS's own interface, as in symmetric.c: column-major, everything by pointer. */
void dlasq1_(const int *n, double *diagonal, double *beside, double *work, int *info);
void dgeqrf_(const int *m, const int *n, double *a, const int *stride, double *tau, double *work,
             const int *work_size, int *info);
void dgemm_(const char *transpose_a, const char *transpose_b, const int *m, const int *n,
            const int *k, const double *alpha, const double *a, const int *a_stride,
            const double *b, const int *b_stride, const double *beta, double *c,
            const int *c_stride);
void dgeev_(const char *left, const char *right, const int *n, double *a, const int *stride,
            double *real, double *imaginary, double *u, const int *u_stride, double *v,
            const int *v_stride, double *work, const int *work_size, int *info);

enum { BLOCK = 64 }; /* columns that LAPACK works on at once: how large a workspace serves it */

static bool all_finite(const double *values, size_t count) {
    return !isnan(matrix_largest(values, count));
}

static void all_missing(double *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        values[i] = NAN;
}

bool singular_values(const double *matrix, int rows, int columns, double *values, Arena *scratch) {
    int least = rows < columns ? rows : columns;
    if (!all_finite(matrix, (size_t)rows * (size_t)columns)) {
        all_missing(values, (size_t)least);
        return false;
    }
    size_t size = (size_t)least;
    double *beside = ARENA_ARRAY(scratch, double, size);
    double *work = ARENA_ARRAY(scratch, double, 4 * size);
    int info = 0;
    bidiagonal_reduce(matrix, rows, columns, values, beside, scratch);
    dlasq1_(&least, values, beside, work, &info);
    if (info != 0)
        all_missing(values, size);
    return info == 0;
}

/* The column-major matrix factor [columns × rows] or, where it is tall, the R [rows × rows] of its
   QR factorisation; returns the height. */
static int shorten(const double *factor, int rows, int columns, double **shortened,
                   Arena *scratch) {
    size_t count = (size_t)rows * (size_t)columns, height = (size_t)rows;
    double *copy = ARENA_ARRAY(scratch, double, count);
    memcpy(copy, factor, sizeof *copy * count);
    *shortened = copy;
    if (rows >= columns)
        return columns;
    int info = 0, work_size = BLOCK * rows;
    double *tau = ARENA_ARRAY(scratch, double, height);
    double *work = ARENA_ARRAY(scratch, double, (size_t)work_size);
    dgeqrf_(&columns, &rows, copy, &columns, tau, work, &work_size, &info);
    double *upper = ARENA_ARRAY(scratch, double, (height * height));
    for (size_t j = 0; j < height; j++)
        for (size_t i = 0; i <= j; i++)
            upper[j * height + i] = copy[j * (size_t)columns + i];
    *shortened = upper;
    return rows;
}

bool singular_values_of_product(const double *first, const double *second, int rows, int columns,
                                double *values, Arena *scratch) {
    int least = rows < columns ? rows : columns;
    size_t count = (size_t)rows * (size_t)columns;
    if (!all_finite(first, count) || !all_finite(second, count)) {
        all_missing(values, (size_t)least);
        return false;
    }
    double *left, *right;
    int height = shorten(first, rows, columns, &left, scratch);
    shorten(second, rows, columns, &right, scratch);
    double *product = ARENA_ARRAY(scratch, double, ((size_t)height * (size_t)height));
    const double one = 1, zero = 0;
    dgemm_("N", "T", &height, &height, &rows, &one, left, &height, right, &height, &zero, product,
           &height);
    return singular_values(product, height, height, values, scratch);
}

static int compare_descending(const void *a, const void *b) {
    double first = *(const double *)a, second = *(const double *)b;
    return (first < second) - (first > second);
}

bool eigenvalue_magnitudes(double *matrix, int n, double *values, Arena *scratch) {
    size_t size = (size_t)n;
    all_missing(values, size);
    if (!all_finite(matrix, size * size))
        return false;
    double *real = ARENA_ARRAY(scratch, double, size);
    double *imaginary = ARENA_ARRAY(scratch, double, size);
    const int one = 1, work_size = BLOCK * n;
    double *work = ARENA_ARRAY(scratch, double, (size_t)work_size);
    double none[1];
    int info = 0;
    dgeev_("N", "N", &n, matrix, &n, real, imaginary, none, &one, none, &one, work, &work_size,
           &info);
    if (info != 0)
        return false;
    for (size_t i = 0; i < size; i++)
        values[i] = hypot(real[i], imaginary[i]);
    qsort(values, size, sizeof *values, compare_descending);
    return true;
}
