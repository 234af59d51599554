#include "analysis/singular.h"
#include "analysis/spectrum.h"
#include "analysis/visibility.h"
#include "model/base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where the product draws begin among the null draws of a run; the frame null's are counted from 0.
 */
enum { PRODUCT_STEP = 1 << 24 };

static const double PI = 3.14159265358979323846;

double marchenko_pastur_density(double ratio, double x) {
    double low = 1 - sqrt(ratio), high = 1 + sqrt(ratio);
    low *= low;
    high *= high;
    if (!(x > low && x < high))
        return 0;
    return sqrt((high - x) * (x - low)) / (2 * PI * ratio * x);
}

/* The integral of the density, with r = √((b − x)/(x − a)):
   (πγ + √((b − x)(x − a)) − (1 + γ) atan((r² − 1)/2r) + (1 − γ) atan((a r² − b)/(2 (1 − γ) r)))
   over 2πγ. The last angle as that of a vector, so that γ = 1 is no division by 0. */
double marchenko_pastur_distribution(double ratio, double x) {
    double low = 1 - sqrt(ratio), high = 1 + sqrt(ratio);
    low *= low;
    high *= high;
    if (isnan(x))
        return NAN;
    if (x <= low)
        return 0;
    if (x >= high)
        return 1;
    double square = (high - x) / (x - low), r = sqrt(square);
    double sum = PI * ratio + sqrt((high - x) * (x - low)) -
                 (1 + ratio) * atan((square - 1) / (2 * r)) +
                 (1 - ratio) * atan2(low * square - high, 2 * (1 - ratio) * r);
    return sum / (2 * PI * ratio);
}

static double mean_square(const double *matrix, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += matrix[i] * matrix[i];
    return sum / (double)count;
}

NullComparison matrix_against_null(const double *matrix, int rows, int columns, Arena *scratch) {
    NullComparison missing = {NAN, NAN}, comparison = {0, 0};
    size_t count = (size_t)rows * (size_t)columns;
    int least = rows < columns ? rows : columns, most = rows < columns ? columns : rows;
    double *values = ARENA_ARRAY(scratch, double, (size_t)least);
    double variance = mean_square(matrix, count);
    if (!(variance > 0) || !singular_values(matrix, rows, columns, values, scratch))
        return missing;
    double ratio = (double)least / most, edge = (1 + sqrt(ratio)) * (1 + sqrt(ratio));
    for (int i = 0; i < least; i++) {
        /* values descend: least − i of them are at most this one */
        double x = values[i] * values[i] / (variance * most);
        double at = marchenko_pastur_distribution(ratio, x);
        double above = (double)(least - i) / least - at, below = at - (least - i - 1.0) / least;
        comparison.ks = fmax(comparison.ks, fmax(above, below));
        comparison.outliers += exceeds(x, edge);
    }
    return comparison;
}

/* ---- Products -------------------------------------------------------------------------------- */

static void draw_factor(uint64_t seed, int draw, uint32_t factor, double *matrix, size_t count) {
    Random random = random_create(seed, RANDOM_NULL, (uint64_t)(PRODUCT_STEP + draw), factor);
    for (size_t i = 0; i < count; i++)
        matrix[i] = random_normal(&random);
}

static int compare_ascending(const void *a, const void *b) {
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

const ProductNull *product_null_create(uint64_t seed, int rows, int columns, Arena *arena) {
    ProductNull *null = ARENA_ARRAY(arena, ProductNull, 1);
    int least = rows < columns ? rows : columns;
    size_t entries = (size_t)rows * (size_t)columns, all = PRODUCT_DRAWS * (size_t)least;
    *null = (ProductNull){.rows = rows,
                          .columns = columns,
                          .count = least,
                          .draws = ARENA_ARRAY(arena, double, all),
                          .pooled = ARENA_ARRAY(arena, double, all)};
    for (int draw = 0; draw < PRODUCT_DRAWS; draw++) {
        Arena scratch = arena_create("a drawn product");
        double *first = ARENA_ARRAY(&scratch, double, entries);
        double *second = ARENA_ARRAY(&scratch, double, entries);
        draw_factor(seed, draw, 0, first, entries);
        draw_factor(seed, draw, 1, second, entries);
        singular_values_of_product(first, second, rows, columns,
                                   null->draws + (size_t)draw * (size_t)least, &scratch);
        arena_destroy(&scratch);
    }
    memcpy(null->pooled, null->draws, sizeof(double) * all);
    qsort(null->pooled, all, sizeof(double), compare_ascending);
    return null;
}

/* The largest difference of the distribution functions of two ascending samples: looked at behind
   every value, equal ones together. Smirnov, Ann. Math. Statist. 19 (1948) 279. */
static double smirnov_distance(const double *first, size_t first_count, const double *second,
                               size_t second_count) {
    double distance = 0;
    size_t i = 0, j = 0;
    while (i < first_count && j < second_count) {
        double at = fmin(first[i], second[j]);
        while (i < first_count && first[i] <= at)
            i++;
        while (j < second_count && second[j] <= at)
            j++;
        distance = fmax(distance,
                        fabs((double)i / (double)first_count - (double)j / (double)second_count));
    }
    return distance;
}

NullComparison product_against_null(const double *first, const double *second,
                                    const ProductNull *null, Arena *scratch) {
    NullComparison comparison = {NAN, NAN};
    size_t entries = (size_t)null->rows * (size_t)null->columns, count = (size_t)null->count;
    double *values = ARENA_ARRAY(scratch, double, count);
    double scale = sqrt(mean_square(first, entries)) * sqrt(mean_square(second, entries));
    if (!(scale > 0) ||
        !singular_values_of_product(first, second, null->rows, null->columns, values, scratch))
        return comparison;
    comparison.outliers = 0;
    for (size_t i = 0; i < count; i++) {
        values[i] /= scale;
        comparison.outliers += exceeds(values[i], null->pooled[PRODUCT_DRAWS * count - 1]);
    }
    qsort(values, count, sizeof *values, compare_ascending);
    comparison.ks = smirnov_distance(values, count, null->pooled, PRODUCT_DRAWS * count);
    return comparison;
}
