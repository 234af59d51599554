#include "analysis/householder_kernels.h"

#include <math.h>

extern const HouseholderKernels householder_baseline;
#if defined(__x86_64__)
extern const HouseholderKernels householder_avx2, householder_avx512;
#endif

int householder_variants(const HouseholderKernels *variants[HOUSEHOLDER_VARIANTS]) {
    int count = 0;
    variants[count++] = &householder_baseline;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        variants[count++] = &householder_avx2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
        variants[count++] = &householder_avx512;
#endif
    return count;
}

const HouseholderKernels *householder_kernels(void) {
    const HouseholderKernels *variants[HOUSEHOLDER_VARIANTS];
    return variants[householder_variants(variants) - 1];
}

static size_t round_up(int count, int multiple) {
    return (size_t)((count + multiple - 1) / multiple * multiple);
}

/* A vector over rows or columns. */
static Lanes *make_vector(const Work *work, Arena *scratch) {
    size_t longest = (size_t)(work->rows > work->columns ? work->rows : work->columns);
    return (Lanes *)ARENA_ARRAY(scratch, double, round_up((int)longest, LANES));
}

static Work make_work(int rows, int columns, Arena *scratch) {
    Work work = {
        .rows = rows, .columns = columns, .groups = (int)(round_up(columns, LANES) / LANES)};
    size_t values = round_up(rows, ROWS) * (size_t)work.groups * LANES;
    work.matrix = (Lanes *)ARENA_ARRAY(scratch, double, values);
    return work;
}

double matrix_largest(const double *values, size_t count) {
    return householder_kernels()->largest(values, count);
}

/* A power of two that brings the largest of the values near 1: squares of what counts beside it are
   then far from the ends of the range. */
static double scale_of(const HouseholderKernels *kernels, const double *values, size_t count) {
    int exponent = 0;
    frexp(kernels->largest(values, count), &exponent);
    return ldexp(1, exponent < -1000 ? 1000 : -exponent);
}

static void scale_by(double *values, int count, double factor) {
    for (int i = 0; i < count; i++)
        values[i] *= factor;
}

Tridiagonal tridiagonal_reduce_by(const HouseholderKernels *kernels, const double *matrix, int n,
                                  bool with_reflectors, Arena *scratch) {
    Symmetric symmetric = {.work = make_work(n, n, scratch)};
    Work *work = &symmetric.work;
    size_t size = (size_t)n, stride = (size_t)work->groups * LANES;
    double scale = scale_of(kernels, matrix, size * size), *rows = (double *)work->matrix;
    for (size_t i = 0; i < size; i++)
        for (size_t j = i; j < size; j++)
            rows[i * stride + j] = rows[j * stride + i] = scale * matrix[i * size + j];
    Tridiagonal t = {.n = n,
                     .unit = 1 / scale,
                     .stride = (int)stride,
                     .diagonal = ARENA_ARRAY(scratch, double, size),
                     .beside = ARENA_ARRAY(scratch, double, size),
                     .reflectors =
                         with_reflectors ? ARENA_ARRAY(scratch, double, (size * stride)) : NULL,
                     .scales = ARENA_ARRAY(scratch, double, size)};
    work->a = work->d = make_vector(work, scratch);
    work->b = work->c = make_vector(work, scratch);
    symmetric.next = make_vector(work, scratch);
    symmetric.product = make_vector(work, scratch);
    symmetric.t = &t;
    kernels->tridiagonal(&symmetric);
    return t;
}

Tridiagonal tridiagonal_reduce(const double *matrix, int n, bool with_reflectors, Arena *scratch) {
    return tridiagonal_reduce_by(householder_kernels(), matrix, n, with_reflectors, scratch);
}

void tridiagonal_turn(const Tridiagonal *t, int count, double *vectors) {
    size_t size = (size_t)t->n;
    for (size_t i = 0; i < (size_t)count; i++) {
        double *vector = vectors + i * size;
        for (int k = t->n - 2; k >= 0; k--) {
            const double *v = t->reflectors + (size_t)k * (size_t)t->stride;
            double sum = 0;
            for (size_t d = (size_t)k + 1; d < size; d++)
                sum += v[d] * vector[d];
            sum *= t->scales[k];
            for (size_t d = (size_t)k + 1; d < size; d++)
                vector[d] -= sum * v[d];
        }
    }
}

void bidiagonal_reduce_by(const HouseholderKernels *kernels, const double *matrix, int rows,
                          int columns, double *diagonal, double *beside, Arena *scratch) {
    bool wide = rows < columns;
    int most = wide ? columns : rows, least = wide ? rows : columns;
    General general = {
        .work = make_work(most, least, scratch), .diagonal = diagonal, .beside = beside};
    Work *work = &general.work;
    Lanes **const vectors[] = {&work->a,   &work->b,   &work->c,   &work->d,
                               &general.u, &general.y, &general.p, &general.v};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        *vectors[i] = make_vector(work, scratch);
    size_t stride = (size_t)work->groups * LANES;
    double scale = scale_of(kernels, matrix, (size_t)rows * (size_t)columns);
    double *stored = (double *)work->matrix;
    for (size_t i = 0; i < (size_t)most; i++)
        for (size_t j = 0; j < (size_t)least; j++)
            stored[i * stride + j] =
                scale * (wide ? matrix[j * (size_t)columns + i] : matrix[i * (size_t)columns + j]);
    kernels->bidiagonal(&general);
    scale_by(diagonal, least, 1 / scale);
    scale_by(beside, least - 1, 1 / scale);
}

void bidiagonal_reduce(const double *matrix, int rows, int columns, double *diagonal,
                       double *beside, Arena *scratch) {
    bidiagonal_reduce_by(householder_kernels(), matrix, rows, columns, diagonal, beside, scratch);
}
