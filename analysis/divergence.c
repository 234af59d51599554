#include "analysis/divergence.h"

#include <math.h>

static const double least_weight = 1e-6;

const int sink_percentiles[SINK_PERCENTILES] = {80, 90, 95};

int sink_count(int percentile, int length) {
    return length - (percentile * (length - 1) + 99) / 100;
}

void sinks_choose(const double *sums, int length, int count, bool *is_sink) {
    for (int k = 0; k < length; k++)
        is_sink[k] = false;
    for (int found = 0; found < count; found++) {
        double largest = -INFINITY;
        for (int k = 0; k < length; k++)
            if (!is_sink[k] && sums[k] > largest)
                largest = sums[k];
        int first = 0;
        while (first < length && (is_sink[first] || exceeds(largest, sums[first])))
            first++;
        if (first < length)
            is_sink[first] = true;
    }
}

/* The rows of all heads for one query: of its visible keys, or of some of them. */
typedef struct HeadRows {
    int heads, keys;
    size_t stride;
    double *shares; /* [heads][stride] */
    double *logs;   /* their logarithms, anything finite where the share is 0 */
} HeadRows;

static HeadRows rows_create(int heads, size_t length, Arena *scratch) {
    return (HeadRows){.heads = heads,
                      .stride = length,
                      .shares = ARENA_ARRAY(scratch, double, ((size_t)heads * length)),
                      .logs = ARENA_ARRAY(scratch, double, ((size_t)heads * length))};
}

/* One query's renormalised rows over its visible keys; false where a head has no weight there. */
static bool rows_read(HeadRows *rows, const float *weights, size_t query, Interval visible) {
    size_t length = rows->stride;
    rows->keys = interval_size(visible);
    for (size_t head = 0; head < (size_t)rows->heads; head++) {
        const float *row = weights + (head * length + query) * length + visible.first;
        double *shares = rows->shares + head * length, *logs = rows->logs + head * length;
        double sum = 0;
        for (int j = 0; j < rows->keys; j++)
            sum += row[j];
        if (!(sum > 0))
            return false;
        for (int j = 0; j < rows->keys; j++) {
            shares[j] = row[j] / sum;
            logs[j] = shares[j] > 0 ? log(shares[j]) : 0;
        }
    }
    return true;
}

/* Adds each head's KL(row ‖ mean of the heads' rows) to sums [heads]. */
static void add_divergences(const HeadRows *rows, double *mean_logs, double *sums) {
    size_t stride = rows->stride;
    for (int j = 0; j < rows->keys; j++)
        mean_logs[j] = 0;
    for (size_t head = 0; head < (size_t)rows->heads; head++)
        for (int j = 0; j < rows->keys; j++)
            mean_logs[j] += rows->shares[head * stride + (size_t)j];
    for (int j = 0; j < rows->keys; j++)
        mean_logs[j] = mean_logs[j] > 0 ? log(mean_logs[j] / rows->heads) : 0;
    for (size_t head = 0; head < (size_t)rows->heads; head++) {
        const double *shares = rows->shares + head * stride, *logs = rows->logs + head * stride;
        double sum = 0;
        for (int j = 0; j < rows->keys; j++)
            sum += shares[j] * (logs[j] - mean_logs[j]);
        sums[head] += sum < 0 ? 0 : sum; /* rounding */
    }
}

/* The rows over those visible keys that are no sinks, renormalised; on_sinks [heads] gains what
   was on the others. */
static void rows_without(const HeadRows *rows, const bool *is_sink, int first, HeadRows *rest,
                         double *on_sinks) {
    rest->keys = 0;
    for (int j = 0; j < rows->keys; j++)
        rest->keys += !is_sink[first + j];
    for (size_t head = 0; head < (size_t)rows->heads; head++) {
        const double *shares = rows->shares + head * rows->stride;
        const double *logs = rows->logs + head * rows->stride;
        double *left = rest->shares + head * rest->stride;
        double *left_logs = rest->logs + head * rest->stride, sum = 0;
        for (int j = 0, kept = 0; j < rows->keys; j++) {
            if (is_sink[first + j]) {
                on_sinks[head] += shares[j];
                continue;
            }
            left[kept] = shares[j];
            left_logs[kept++] = logs[j];
            sum += shares[j];
        }
        bool too_little = exceeds(-sum, -least_weight);
        double scale = too_little ? 0 : 1 / sum, log_sum = log(too_little ? rest->keys : sum);
        for (int j = 0; j < rest->keys; j++) {
            left[j] = too_little ? 1.0 / rest->keys : left[j] * scale;
            left_logs[j] = too_little ? -log_sum : left_logs[j] - log_sum;
        }
    }
}

/* The sinks at every percentile: [SINK_PERCENTILES][T]. */
static bool *choose_sinks(const float *weights, int heads, size_t length, Arena *scratch) {
    double *sums = ARENA_ARRAY(scratch, double, length);
    bool *is_sink = ARENA_ARRAY(scratch, bool, (SINK_PERCENTILES * length));
    for (size_t row = 0; row < (size_t)heads * length; row++)
        for (size_t k = 0; k < length; k++)
            sums[k] += weights[row * length + k];
    for (size_t p = 0; p < SINK_PERCENTILES; p++)
        sinks_choose(sums, (int)length, sink_count(sink_percentiles[p], (int)length),
                     is_sink + p * length);
    return is_sink;
}

static void divide(double *values, size_t count, int by) {
    for (size_t i = 0; i < count; i++)
        values[i] = by > 0 ? values[i] / by : NAN;
}

/* Whether rows can be renormalised to distributions at all: no weight is below 0. */
static bool all_positive(const float *weights, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (weights[i] < 0)
            return false;
    return true;
}

void divergence_measure(const Visibility *visibility, const float *weights, int heads,
                        HeadDivergence *result, Arena *scratch) {
    size_t length = (size_t)visibility->length, count = (size_t)heads;
    const bool *is_sink = choose_sinks(weights, heads, length, scratch);
    HeadRows rows = rows_create(heads, length, scratch), rest = rows_create(heads, length, scratch);
    double *mean_logs = ARENA_ARRAY(scratch, double, length);
    int queries = 0, kept[SINK_PERCENTILES] = {0};
    for (size_t i = 0; i < count; i++)
        result->to_mean[i] = 0;
    for (size_t i = 0; i < SINK_PERCENTILES * count; i++)
        result->without[i] = result->on_sinks[i] = 0;
    bool distributions = all_positive(weights, count * length * length);
    for (size_t query = 0; distributions && query < length; query++) {
        Interval visible = visibility->keys[query];
        if (interval_size(visible) < 2 || !rows_read(&rows, weights, query, visible))
            continue;
        queries++;
        add_divergences(&rows, mean_logs, result->to_mean);
        for (size_t p = 0; p < SINK_PERCENTILES; p++) {
            rows_without(&rows, is_sink + p * length, visible.first, &rest,
                         result->on_sinks + p * count);
            kept[p] += rest.keys > 0;
            add_divergences(&rest, mean_logs, result->without + p * count);
        }
    }
    divide(result->to_mean, count, queries);
    divide(result->on_sinks, SINK_PERCENTILES * count, queries);
    for (size_t p = 0; p < SINK_PERCENTILES; p++) {
        divide(result->without + p * count, count, kept[p]);
        result->rows_left_out[p] = queries > 0 ? queries - kept[p] : NAN;
    }
}
