#include "analysis/singular.h"
#include "analysis/spectrum.h"
#include "analysis/visibility.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PUBLISHED_VALUES = 10, PUBLISHED_BINS = 20 };

static const double PUBLISHED_RATIO = 0.99;

MapSpectrum map_spectrum(const double *map, int length, Arena *scratch) {
    MapSpectrum spectrum = {NAN, NAN, NAN, NAN};
    size_t size = (size_t)length;
    double *values = ARENA_ARRAY(scratch, double, size);
    if (!singular_values(map, length, length, values, scratch))
        return spectrum;
    double sum = 0, square = 0;
    for (size_t i = 0; i < size; i++) {
        values[i] = eigenvalue_clean(values[i]);
        sum += values[i];
        square += values[i] * values[i];
    }
    if (!(values[0] > 0))
        return spectrum;
    spectrum.stable_rank = square / (values[0] * values[0]);
    spectrum.participation_ratio = sum * sum / square;
    spectrum.spectral_norm = values[0];
    spectrum.spectral_gap = length > 1 ? values[1] / values[0] : NAN;
    return spectrum;
}

static int compare_descending(const void *a, const void *b) {
    double first = *(const double *)a, second = *(const double *)b;
    return (first < second) - (first > second);
}

double sink_concentration(const double *map, int length, Arena *scratch) {
    size_t size = (size_t)length;
    double *sums = ARENA_ARRAY(scratch, double, size);
    double total = 0, largest = 0;
    for (size_t i = 0; i < size; i++)
        for (size_t j = 0; j < size; j++) {
            sums[j] += map[i * size + j];
            total += map[i * size + j];
        }
    if (!(total > 0))
        return NAN;
    qsort(sums, size, sizeof *sums, compare_descending);
    if (sums[size - 1] < 0)
        return NAN;
    int sinks = length - (9 * (length - 1) + 9) / 10;
    for (int k = 0; k < sinks; k++)
        largest += sums[k];
    return largest / total;
}

/* ---- As published ---------------------------------------------------------------------------- */

/* The bin of value among equal ones from low to high; their borders decide, the last one included.
 */
static int bin_of(double value, double low, double high) {
    double width = (high - low) / PUBLISHED_BINS;
    int bin = (int)((value - low) / (high - low) * PUBLISHED_BINS);
    bin = bin < PUBLISHED_BINS - 1 ? bin : PUBLISHED_BINS - 1;
    if (value < low + bin * width)
        bin--;
    else if (bin < PUBLISHED_BINS - 1 && value >= low + (bin + 1) * width)
        bin++;
    return bin;
}

double published_divergence(const double *values, int count) {
    double p[PUBLISHED_BINS] = {0}, m[PUBLISHED_BINS], sum = 0, density = 0, divergence = 0;
    count = count < PUBLISHED_VALUES ? count : PUBLISHED_VALUES;
    for (int i = 0; i < count; i++)
        sum += values[i];
    double mean = sum / count, low = values[count - 1] / mean, high = values[0] / mean;
    if (!(mean > 0) || !exceeds(high, low))
        return NAN;
    for (int i = 0; i < count; i++)
        p[bin_of(values[i] / mean, low, high)] += 1.0 / count;
    for (int bin = 0; bin < PUBLISHED_BINS; bin++) {
        double centre = low + (bin + 0.5) * (high - low) / PUBLISHED_BINS;
        m[bin] = marchenko_pastur_density(PUBLISHED_RATIO, centre);
        density += m[bin];
    }
    for (int bin = 0; bin < PUBLISHED_BINS; bin++) {
        if (p[bin] > 0 && !(m[bin] > 0))
            return NAN;
        if (p[bin] > 0)
            divergence += p[bin] * log(p[bin] * density / m[bin]);
    }
    return divergence;
}

static bool is_lower(const double *map, size_t size) {
    for (size_t i = 0; i < size; i++)
        for (size_t j = i + 1; j < size; j++)
            if (map[i * size + j] != 0)
                return false;
    return true;
}

PublishedSpectrum published_spectrum(const double *map, int length, Arena *scratch) {
    PublishedSpectrum spectrum = {NAN, NAN, NAN};
    size_t size = (size_t)length;
    double *values = ARENA_ARRAY(scratch, double, size);
    if (is_lower(map, size)) {
        for (size_t i = 0; i < size; i++)
            values[i] = fabs(map[i * size + i]);
        qsort(values, size, sizeof *values, compare_descending);
    } else {
        double *copy = ARENA_ARRAY(scratch, double, (size * size));
        memcpy(copy, map, sizeof *copy * size * size);
        eigenvalue_magnitudes(copy, length, values, scratch);
    }
    double sum = 0, square = 0;
    for (size_t i = 0; i < size; i++) {
        values[i] = eigenvalue_clean(values[i]);
        sum += values[i];
        square += values[i] * values[i];
    }
    if (!(sum > 0))
        return spectrum;
    if (length > 1 && values[1] > 0)
        spectrum.spectral_gap = values[0] / values[1];
    spectrum.participation_ratio = sum * sum / square;
    spectrum.mp_kl = published_divergence(values, length);
    return spectrum;
}
