#include "analysis/sinks_maps.h"

#include "analysis/inputs.h"
#include "model/base/random.h"

#include <math.h>

const double sink_epsilons[SINK_EPSILONS] = {0.2, 0.3, 0.8};

/* −Σ p ln p of a row's visible weights, renormalised; NaN where they sum to nothing. */
static double row_entropy(const double *row, Interval keys, double sum) {
    if (!(sum > 0))
        return NAN;
    double total = 0;
    for (int j = keys.first; j < keys.end; j++) {
        double share = row[j] / sum;
        if (share > 0)
            total -= share * log(share);
    }
    return total;
}

static bool largest_is_first(const double *row, Interval keys) {
    if (keys.first > 0)
        return false;
    for (int j = 1; j < keys.end; j++)
        if (!exceeds(row[0], row[j]))
            return false;
    return true;
}

/* Rows that do not sum to 1, as Gu et al. (arXiv 2410.10781) look at them: |A| over Σ|A|. */
static void map_share(const Visibility *visibility, const double *map, double *queries,
                      double *share) {
    int length = visibility->length;
    for (int k = 0; k < length; k++)
        share[k] = queries[k] = 0;
    for (int i = 0; i < length; i++) {
        const double *row = map + (size_t)i * (size_t)length;
        const Interval keys = visibility->keys[i];
        double size = 0;
        for (int j = keys.first; j < keys.end; j++)
            size += fabs(row[j]);
        for (int j = keys.first; j < keys.end && size > 0; j++) {
            share[j] += fabs(row[j]) / size;
            queries[j]++;
        }
    }
    for (int k = 0; k < length; k++)
        share[k] = queries[k] > 0 ? share[k] / queries[k] : NAN;
}

void map_measure(const Visibility *visibility, const double *map, MapMeasures *measures) {
    size_t length = (size_t)visibility->length;
    map_importance(visibility, map, measures->importance);
    map_share(visibility, map, measures->queries, measures->share);
    double entropy = 0, total = 0;
    int queries = 0, with_entropy = 0, first = 0;
    bool negative = false; /* then its rows are no distributions */
    for (size_t i = 0; i < length; i++) {
        Interval keys = visibility->keys[i];
        if (interval_size(keys) < 2)
            continue;
        const double *row = map + i * length;
        double sum = 0;
        for (int j = keys.first; j < keys.end; j++) {
            sum += row[j];
            negative = negative || row[j] < 0;
        }
        double of_row = row_entropy(row, keys, sum) / log(interval_size(keys));
        if (!isnan(of_row)) {
            entropy += of_row;
            with_entropy++;
        }
        total += sum;
        first += largest_is_first(row, keys);
        queries++;
    }
    measures->entropy = with_entropy > 0 && !negative ? entropy / with_entropy : NAN;
    measures->total = queries > 0 ? total / queries : NAN;
    measures->first_token_argmax = queries > 0 ? (double)first / queries : NAN;
}

int sink_position(const Visibility *visibility, const double *importance, const double *null,
                  double *ratio) {
    int best = -1;
    bool tie = false;
    *ratio = NAN;
    for (int k = 0; k < visibility->length; k++) {
        double over_null = importance[k] / null[k];
        if (!visibility->well_seen[k] || isnan(over_null))
            continue;
        bool higher = best < 0 || exceeds(over_null, *ratio);
        if (!higher && !exceeds(*ratio, over_null))
            tie = true;
        if (higher) {
            best = k;
            tie = false;
            *ratio = over_null;
        }
    }
    return tie ? -1 : best;
}

void induction_draw(uint64_t seed, int sample, int ordinary, int bos, int length, int32_t *tokens) {
    Random random = random_create(seed, RANDOM_INPUTS, 0, (uint32_t)sample);
    int block = induction_block(length);
    uint32_t choices = (uint32_t)ordinary_choices(ordinary, bos);
    tokens[0] = bos;
    for (int i = bos < 0 ? 0 : 1; i <= block; i++)
        tokens[i] = ordinary_token((int)random_below(&random, choices), ordinary, bos);
    for (int i = 1; i <= block; i++)
        tokens[block + i] = tokens[i];
}

double induction_score(const Visibility *visibility, const double *map) {
    int length = visibility->length, block = (length - 1) / 2, queries = 0;
    if (block < 2)
        return NAN;
    double sum = 0;
    for (int i = block + 1; i <= 2 * block; i++) {
        int after = i - block + 1;
        Interval keys = visibility->keys[i];
        if (after < keys.first || after >= keys.end)
            continue;
        sum += map[(size_t)i * (size_t)length + (size_t)after];
        queries++;
    }
    return queries > 0 ? sum / queries : NAN;
}
