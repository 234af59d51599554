#include "analysis/fourier.h"

#include <cblas.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

EvenTransform even_transform_create(int length, Arena *arena) {
    EvenTransform transform = {.length = length, .bins = length - 1};
    size_t bins = (size_t)transform.bins, points = (size_t)length;
    double *matrix = ARENA_ARRAY(arena, double, (bins * points));
    for (size_t k = 1; k <= bins; k++)
        for (size_t n = 0; n < points; n++) {
            double angle = M_PI * (double)(k * n % (2 * bins)) / (double)bins;
            bool inner = n > 0 && n + 1 < points;
            matrix[(k - 1) * points + n] = (inner ? 2 : 1) * cos(angle);
        }
    transform.matrix = matrix;
    return transform;
}

void even_power(const EvenTransform *transform, const double *values, double *power) {
    if (transform->bins == 0)
        return;
    cblas_dgemv(CblasRowMajor, CblasNoTrans, transform->bins, transform->length, 1,
                transform->matrix, transform->length, values, 1, 0, power, 1);
    for (int k = 0; k < transform->bins; k++)
        power[k] *= power[k];
}

FourierTable fourier_create(int length, const double *angles, int count, const double *window,
                            Arena *arena) {
    size_t points = (size_t)length, rows = (size_t)count;
    FourierTable table = {
        .length = length, .angles = count, .matrix = ARENA_ARRAY(arena, double, 2 * rows * points)};
    for (size_t a = 0; a < rows; a++)
        for (size_t n = 0; n < points; n++) {
            double weight = window == NULL ? 1 : window[n];
            table.matrix[a * points + n] = weight * cos(angles[a] * (double)n);
            table.matrix[(rows + a) * points + n] = weight * sin(angles[a] * (double)n);
        }
    return table;
}

void fourier_energy(const FourierTable *table, const double *series, int columns, double *energy,
                    Arena *scratch) {
    size_t angles = (size_t)table->angles, width = (size_t)columns;
    if (angles == 0)
        return;
    double *sums = ARENA_ARRAY(scratch, double, 2 * angles * width);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, 2 * table->angles, columns,
                table->length, 1, table->matrix, table->length, series, columns, 0, sums, columns);
    for (size_t a = 0; a < angles; a++) {
        const double *cosine = sums + a * width, *sine = sums + (angles + a) * width;
        energy[a] = 0;
        for (size_t c = 0; c < width; c++)
            energy[a] += cosine[c] * cosine[c] + sine[c] * sine[c];
    }
}

void hann_window(int length, double *window) {
    for (int n = 0; n < length; n++)
        window[n] = 0.5 - 0.5 * cos(2 * M_PI * n / length);
}

int haar_levels(int length) {
    int levels = 0;
    while (length >> (levels + 1) > 0)
        levels++;
    return levels;
}

double haar_energy(const double *values, int levels, double *energy, Arena *scratch) {
    size_t count = (size_t)1 << levels;
    double *rest = ARENA_ARRAY(scratch, double, count);
    memcpy(rest, values, sizeof *values * count);
    for (int level = 0; level < levels; level++) {
        count /= 2;
        energy[level] = 0;
        for (size_t i = 0; i < count; i++) {
            double detail = (rest[2 * i] - rest[2 * i + 1]) * M_SQRT1_2;
            rest[i] = (rest[2 * i] + rest[2 * i + 1]) * M_SQRT1_2;
            energy[level] += detail * detail;
        }
    }
    return rest[0] * rest[0];
}
