#include "analysis/components.h"

#include "analysis/symmetric.h"

#include <cblas.h>
#include <math.h>
#include <stdbool.h>

static const double least_variance = 1e-9, least_share = 1e-12;

static double *centre_columns(const double *data, size_t rows, size_t columns, Arena *scratch) {
    double *centred = ARENA_ARRAY(scratch, double, (rows * columns));
    double *mean = ARENA_ARRAY(scratch, double, columns);
    for (size_t row = 0; row < rows; row++)
        for (size_t column = 0; column < columns; column++)
            mean[column] += data[row * columns + column];
    for (size_t column = 0; column < columns; column++)
        mean[column] /= (double)rows;
    for (size_t row = 0; row < rows; row++)
        for (size_t column = 0; column < columns; column++)
            centred[row * columns + column] = data[row * columns + column] - mean[column];
    return centred;
}

/* From a unit eigenvector of the columns' Gram matrix to scores of length 1. */
static void project(const double *centred, int rows, int columns, const double *vector,
                    double variance, double *scores) {
    cblas_dgemv(CblasRowMajor, CblasNoTrans, rows, columns, 1 / sqrt(variance), centred, columns,
                vector, 1, 0, scores, 1);
}

void component_scores(const double *data, int rows, int columns, int count, double *scores,
                      Arena *scratch) {
    double *centred = centre_columns(data, (size_t)rows, (size_t)columns, scratch);
    bool by_rows = rows <= columns;
    int size = by_rows ? rows : columns, found = count < size ? count : size;
    double *gram = ARENA_ARRAY(scratch, double, ((size_t)size * (size_t)size));
    double *values = ARENA_ARRAY(scratch, double, (size_t)found);
    double *vectors = ARENA_ARRAY(scratch, double, ((size_t)found * (size_t)size));
    cblas_dsyrk(CblasRowMajor, CblasUpper, by_rows ? CblasNoTrans : CblasTrans, size,
                by_rows ? columns : rows, 1, centred, columns, 0, gram, size);
    bool solved =
        symmetric_eigenvectors(gram, size, size - found + 1, size, values, vectors, scratch);
    for (int component = 0; component < count; component++) {
        double *target = scores + (size_t)component * (size_t)rows;
        int at = found - 1 - component; /* ascending */
        double variance = solved && at >= 0 ? values[at] : 0;
        bool defined = variance >= least_variance && variance > least_share * values[found - 1];
        const double *vector = vectors + (size_t)(defined ? at : 0) * (size_t)size;
        for (int row = 0; row < rows; row++)
            target[row] = defined && by_rows ? vector[row] : NAN;
        if (defined && !by_rows)
            project(centred, rows, columns, vector, variance, target);
    }
}
