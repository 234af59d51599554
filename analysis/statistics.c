#include "analysis/statistics.h"

#include "model/base/random.h"

#include <cblas.h>
#include <math.h>
#include <stdbool.h>

double mean_of(const double *values, size_t n, size_t stride) {
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isnan(values[i * stride])) {
            sum += values[i * stride];
            count++;
        }
    }
    return count > 0 ? sum / (double)count : NAN;
}

double deviation_of(const double *values, size_t n, size_t stride) {
    double mean = mean_of(values, n, stride), sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        double difference = values[i * stride] - mean;
        if (!isnan(difference)) {
            sum += difference * difference;
            count++;
        }
    }
    return count > 1 ? sqrt(sum / (double)(count - 1)) : NAN;
}

static void swap(double *a, double *b) {
    double value = *a;
    *a = *b;
    *b = value;
}

/* The range around k of which the value of rank k makes a good pivot for low … high: a sample whose
   ranks are most likely on the longer side of the one that is sought (Floyd and Rivest, "Algorithm
   489: SELECT", Communications of the ACM 18, 1975). */
static void sample_range(ptrdiff_t low, ptrdiff_t high, ptrdiff_t k, ptrdiff_t *first,
                         ptrdiff_t *last) {
    double n = (double)(high - low + 1), rank = (double)(k - low + 1), size = 0.5 * pow(n, 2.0 / 3);
    double spread = 0.5 * sqrt(log(n) * size * (n - size) / n) * (rank < n / 2 ? -1 : 1);
    double from = (double)k - rank * size / n + spread;
    double to = (double)k + (n - rank) * size / n + spread;
    *first = from > (double)low ? (ptrdiff_t)from : low;
    *last = to < (double)high ? (ptrdiff_t)to : high;
}

enum { WORTH_SAMPLING = 600 };

/* Puts the value of rank k, counted from 0 in all of them, at values[k], with those of low … high
   that are smaller before it and larger ones behind it (Hoare, "Algorithm 65: FIND", 1961). */
static void select_rank(double *values, ptrdiff_t low, ptrdiff_t high, ptrdiff_t k) {
    while (low < high) {
        if (high - low >= WORTH_SAMPLING) {
            ptrdiff_t first, last;
            sample_range(low, high, k, &first, &last);
            select_rank(values, first, last, k);
        }
        double pivot = values[k];
        ptrdiff_t i = low, j = high;
        while (i <= j) {
            while (values[i] < pivot)
                i++;
            while (pivot < values[j])
                j--;
            if (i <= j)
                swap(values + i++, values + j--);
        }
        if (j < k)
            low = i;
        if (k < i)
            high = j;
    }
}

/* The least of sign · values, ascending: kept [count]. For a few of many. */
static void keep_least(const double *values, size_t n, double sign, size_t count, double *kept) {
    for (size_t i = 0; i < count; i++)
        kept[i] = INFINITY;
    for (size_t i = 0; i < n; i++) {
        double value = sign * values[i];
        if (!(value < kept[count - 1]))
            continue;
        size_t at = count - 1;
        for (; at > 0 && kept[at - 1] > value; at--)
            kept[at] = kept[at - 1];
        kept[at] = value;
    }
}

enum { TAIL = 64 }; /* order statistics this near to an end are kept while the values are read */

double quantile(double *values, size_t n, double q) {
    if (n == 0)
        return NAN;
    double place = q * (double)(n - 1);
    size_t below = (size_t)place, from_low = below + 2, from_high = n - below;
    if (n > 4 * TAIL && (from_low <= TAIL || from_high <= TAIL)) {
        double kept[TAIL], weight = place - (double)below;
        bool low = from_low <= TAIL;
        double sign = low ? 1 : -1;
        keep_least(values, n, sign, low ? from_low : from_high, kept);
        double first = sign * kept[low ? below : from_high - 1];
        if (weight == 0 || below + 1 >= n)
            return first;
        return first + weight * (sign * kept[low ? below + 1 : from_high - 2] - first);
    }
    select_rank(values, 0, (ptrdiff_t)n - 1, (ptrdiff_t)below);
    double share = place - (double)below;
    if (share == 0 || below + 1 >= n)
        return values[below];
    double above = values[below + 1];
    for (size_t i = below + 2; i < n; i++)
        above = values[i] < above ? values[i] : above;
    return values[below] + share * (above - values[below]);
}

Bootstrap bootstrap_create(uint64_t seed, int samples, int resamples, Arena *arena) {
    size_t columns = (size_t)samples;
    double *counts = ARENA_ARRAY(arena, double, (columns * (size_t)resamples));
    for (int resample = 0; resample < resamples; resample++) {
        Random random =
            random_create(seed, RANDOM_BOOTSTRAP, (uint64_t)samples, (uint32_t)resample);
        for (int draw = 0; draw < samples; draw++)
            counts[(size_t)resample * columns + random_below(&random, (uint32_t)samples)] += 1;
    }
    return (Bootstrap){.resamples = resamples, .samples = samples, .counts = counts};
}

/* sums [columns][resamples] = valuesᵀ · countsᵀ */
static void weighted_sums(const Bootstrap *bootstrap, const double *values, int columns,
                          double *sums) {
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasTrans, columns, bootstrap->resamples,
                bootstrap->samples, 1, values, columns, bootstrap->counts, bootstrap->samples, 0,
                sums, bootstrap->resamples);
}

/* defined [samples][columns] becomes 1 or 0, and undefined values 0; true where any was. */
static bool split_defined(double *values, size_t count, double *defined) {
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        bool missing = isnan(values[i]);
        defined[i] = missing ? 0 : 1;
        values[i] = missing ? 0 : values[i];
        any = any || missing;
    }
    return any;
}

void bootstrap_means(const Bootstrap *bootstrap, const double *values, size_t columns,
                     size_t stride, double *means, Arena *scratch) {
    size_t samples = (size_t)bootstrap->samples, resamples = (size_t)bootstrap->resamples;
    size_t results = columns * resamples;
    double *dense = ARENA_ARRAY(scratch, double, (samples * columns));
    double *defined = ARENA_ARRAY(scratch, double, (samples * columns));
    for (size_t sample = 0; sample < samples; sample++)
        for (size_t column = 0; column < columns; column++)
            dense[sample * columns + column] = values[sample * stride + column];
    bool any_missing = split_defined(dense, samples * columns, defined);
    weighted_sums(bootstrap, dense, (int)columns, means);
    if (!any_missing) {
        for (size_t i = 0; i < results; i++)
            means[i] /= (double)samples;
        return;
    }
    double *counts = ARENA_ARRAY(scratch, double, results);
    weighted_sums(bootstrap, defined, (int)columns, counts);
    for (size_t i = 0; i < results; i++)
        means[i] = counts[i] > 0 ? means[i] / counts[i] : NAN;
}

static void estimate_interval(Estimate *estimate, double *means, size_t resamples) {
    size_t count = 0;
    for (size_t i = 0; i < resamples; i++)
        if (!isnan(means[i]))
            means[count++] = means[i];
    estimate->low = quantile(means, count, 0.025);
    estimate->high = quantile(means, count, 0.975);
}

static Estimate estimate_column(const double *values, size_t samples, size_t stride) {
    Estimate estimate = {.low = NAN, .high = NAN};
    estimate.mean = mean_of(values, samples, stride);
    estimate.deviation = deviation_of(values, samples, stride);
    for (size_t i = 0; i < samples; i++)
        estimate.count += !isnan(values[i * stride]);
    return estimate;
}

void estimate_columns(const Bootstrap *bootstrap, const double *values, size_t columns,
                      size_t stride, Estimate *estimates, Arena *scratch) {
    enum { BLOCK = 64 };
    size_t samples = (size_t)bootstrap->samples, resamples = (size_t)bootstrap->resamples;
    double *means = ARENA_ARRAY(scratch, double, (columns < BLOCK ? columns : BLOCK) * resamples);
    for (size_t first = 0; first < columns; first += BLOCK) {
        size_t block = columns - first < BLOCK ? columns - first : BLOCK;
        bootstrap_means(bootstrap, values + first, block, stride, means, scratch);
        for (size_t column = 0; column < block; column++) {
            Estimate *estimate = estimates + first + column;
            *estimate = estimate_column(values + first + column, samples, stride);
            if (estimate->deviation == 0)
                estimate->low = estimate->high = estimate->mean;
            else if (estimate->count > 1)
                estimate_interval(estimate, means + column * resamples, resamples);
        }
    }
}
