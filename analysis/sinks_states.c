#include "analysis/sinks_states.h"

#include "analysis/statistics.h"
#include "analysis/symmetric.h"

#include <cblas.h>
#include <math.h>

static double norm_of(const float *vector, int width) {
    double square = 0;
    for (int d = 0; d < width; d++)
        square += (double)vector[d] * vector[d];
    return sqrt(square);
}

double first_norm_ratio(const float *rows, int count, int width) {
    double others = 0;
    for (int row = 1; row < count; row++)
        others += norm_of(rows + (size_t)row * (size_t)width, width);
    return others > 0 ? norm_of(rows, width) / (others / (count - 1)) : NAN;
}

/* rows [count][width] scaled to length 1, in double; zero rows become NaN. */
static double *unit_rows(const float *rows, int count, int width, Arena *scratch) {
    double *units = ARENA_ARRAY(scratch, double, ((size_t)count * (size_t)width));
    for (size_t row = 0; row < (size_t)count; row++) {
        double norm = norm_of(rows + row * (size_t)width, width);
        for (size_t d = row * (size_t)width; d < (row + 1) * (size_t)width; d++)
            units[d] = norm > 0 ? rows[d] / norm : NAN;
    }
    return units;
}

/* A running mean over what is defined. */
typedef struct Mean {
    double sum;
    int count;
} Mean;

static void mean_add(Mean *mean, double value) {
    if (isnan(value))
        return;
    mean->sum += value;
    mean->count++;
}

static double mean_value(Mean mean) {
    return mean.count > 0 ? mean.sum / mean.count : NAN;
}

HeadMeasures head_measure(const Visibility *visibility, const float *scores, const float *query,
                          const float *key, int head_dim, Arena *scratch) {
    int length = visibility->length;
    double *queries = unit_rows(query, length, head_dim, scratch);
    double *keys = unit_rows(key, length, head_dim, scratch);
    double *cosine = ARENA_ARRAY(scratch, double, ((size_t)length * (size_t)length));
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, length, length, head_dim, 1, queries,
                head_dim, keys, head_dim, 0, cosine, length);
    Mean logit = {0}, first = {0}, other = {0};
    for (int i = 0; i < length; i++) {
        Interval visible = visibility->keys[i];
        if (visible.first > 0 || visible.end < 2)
            continue;
        size_t row = (size_t)i * (size_t)length;
        Mean row_scores = {0}, row_cosines = {0};
        for (int j = 1; j < visible.end; j++) {
            mean_add(&row_scores, scores[row + (size_t)j]);
            mean_add(&row_cosines, cosine[row + (size_t)j]);
        }
        mean_add(&logit, scores[row] - mean_value(row_scores));
        mean_add(&first, cosine[row]);
        mean_add(&other, mean_value(row_cosines));
    }
    return (HeadMeasures){.sink_logit = mean_value(logit),
                          .query_key_cosine = mean_value(first),
                          .query_key_cosine_other = mean_value(other)};
}

static double *in_double(const float *rows, size_t count, size_t width, size_t stride,
                         Arena *scratch) {
    double *copy = ARENA_ARRAY(scratch, double, (count * width));
    for (size_t row = 0; row < count; row++)
        for (size_t d = 0; d < width; d++)
            copy[row * width + d] = rows[row * stride + d];
    return copy;
}

/* The smaller of X·Xᵀ and Xᵀ·X of matrix [rows][columns], upper triangle; *size its side. */
static double *gram(const double *matrix, int rows, int columns, int *size, Arena *scratch) {
    *size = rows < columns ? rows : columns;
    double *product = ARENA_ARRAY(scratch, double, ((size_t)*size * (size_t)*size));
    cblas_dsyrk(CblasRowMajor, CblasUpper, rows < columns ? CblasNoTrans : CblasTrans, *size,
                rows < columns ? columns : rows, 1, matrix, columns, 0, product, *size);
    return product;
}

static double stable_rank(const double *matrix, int rows, int columns, Arena *scratch) {
    int size;
    double *product = gram(matrix, rows, columns, &size, scratch), sum = 0, largest;
    for (int i = 0; i < size; i++)
        sum += product[(size_t)i * (size_t)size + (size_t)i];
    if (!(sum > 0) || !symmetric_eigenvalues(product, size, size, size, &largest, scratch))
        return NAN;
    return sum / largest;
}

UpdateMeasures update_measure(const Visibility *visibility, const float *head_output,
                              const float *output, size_t stride, const float *residual,
                              const UpdateNorm *norm, int head_dim, int width, Arena *scratch) {
    int length = visibility->length;
    size_t tokens = (size_t)length, columns = (size_t)width;
    double *states = in_double(head_output, tokens, (size_t)head_dim, (size_t)head_dim, scratch);
    double *slice = in_double(output, columns, (size_t)head_dim, stride, scratch);
    double *update = ARENA_ARRAY(scratch, double, (tokens * columns));
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, length, width, head_dim, 1, states,
                head_dim, slice, head_dim, 0, update, width);
    if (norm != NULL)
        update_normalize(norm, update, length, width);
    Mean share = {0};
    for (int i = 0; i < length; i++) {
        if (interval_size(visibility->keys[i]) < 2)
            continue;
        double stream = norm_of(residual + (size_t)i * columns, width);
        const double *row = update + (size_t)i * columns;
        if (stream > 0)
            mean_add(&share, cblas_dnrm2(width, row, 1) / stream);
    }
    return (UpdateMeasures){.stable_rank = stable_rank(update, length, width, scratch),
                            .norm = mean_value(share)};
}

static void measure_massive(const float *residual, size_t count, int width,
                            ResidualMeasures *measures, Arena *scratch) {
    double *size = ARENA_ARRAY(scratch, double, count);
    size_t largest = 0;
    for (size_t i = 0; i < count; i++) {
        size[i] = fabs((double)residual[i]);
        largest = size[i] > size[largest] ? i : largest;
    }
    double most = size[largest], median = quantile(size, count, 0.5);
    measures->massive_dimension = (int)(largest % (size_t)width);
    measures->massive_ratio = median > 0 ? most / median : NAN;
}

static double dimension_kurtosis(const float *residual, int length, int width, Arena *scratch) {
    double second = 0, fourth = 0, *squares = ARENA_ARRAY(scratch, double, (size_t)width);
    for (int i = 0; i < length; i++)
        for (int d = 0; d < width; d++) {
            double x = residual[(size_t)i * (size_t)width + (size_t)d];
            squares[d] += x * x;
        }
    for (int d = 0; d < width; d++) {
        double square = squares[d] / length;
        second += square;
        fourth += square * square;
    }
    second /= width;
    fourth /= width;
    return second > 0 ? fourth / (second * second) : NAN;
}

static void measure_spectrum(const float *residual, int length, int width,
                             ResidualMeasures *measures, Arena *scratch) {
    int size;
    double *matrix = in_double(residual, (size_t)length, (size_t)width, (size_t)width, scratch);
    double *product = gram(matrix, length, width, &size, scratch);
    double *values = ARENA_ARRAY(scratch, double, (size_t)size);
    measures->entropy = measures->anisotropy = NAN;
    if (!symmetric_eigenvalues(product, size, 1, size, values, scratch))
        return;
    double sum = 0, entropy = 0;
    for (int i = 0; i < size; i++)
        sum += values[i] > 0 ? values[i] : 0;
    if (!(sum > 0))
        return;
    for (int i = 0; i < size; i++)
        if (values[i] > 0)
            entropy -= values[i] / sum * log(values[i] / sum);
    measures->anisotropy = values[size - 1] / sum;
    if (size > 1)
        measures->entropy = entropy / log(size);
}

ResidualMeasures residual_measure(const float *residual, int length, int width, Arena *scratch) {
    ResidualMeasures measures = {.peak = first_norm_ratio(residual, length, width),
                                 .kurtosis = dimension_kurtosis(residual, length, width, scratch)};
    measure_massive(residual, (size_t)length * (size_t)width, width, &measures, scratch);
    measure_spectrum(residual, length, width, &measures, scratch);
    return measures;
}
