#include "analysis/rotary.h"

#include "model/position/position.h"

#include <math.h>

RotaryAngles rotary_angles(const ModelConfig *config, Arena *arena) {
    size_t layers = (size_t)config->layers, half = (size_t)model_head_dim(config) / 2;
    size_t room = half > 0 ? half : 1;
    int *pairs = ARENA_ARRAY(arena, int, layers);
    double *theta = ARENA_ARRAY(arena, double, (layers * room));
    RotaryAngles angles = {.layers = (int)layers, .room = (int)room};
    for (size_t layer = 0; layer < layers; layer++) {
        const KindChoice *choice = model_layer_position(config, (int)layer);
        const PositionKind *kind = (const PositionKind *)(const void *)choice->kind;
        if (kind->angles != NULL)
            pairs[layer] = kind->angles(config, &choice->options, theta + layer * room);
        for (size_t m = (size_t)pairs[layer]; m < room; m++)
            theta[layer * room + m] = NAN;
        angles.any = angles.any || pairs[layer] > 0;
    }
    angles.pairs = pairs;
    angles.theta = theta;
    return angles;
}

/* What is summed over keys, [pairs] each, of the keys before a position. */
enum { SUM_X, SUM_Y, SUM_NORM, SUM_UNIT_X, SUM_UNIT_Y, SUM_NOT_ZERO, SUMS };

/* One vector's pairs as such sums' terms: terms [SUMS][pairs]. */
static void pair_terms(const float *vector, size_t pairs, double *terms) {
    for (size_t m = 0; m < pairs; m++) {
        double x = vector[m], y = vector[m + pairs], norm = sqrt(x * x + y * y);
        double inverse = norm > 0 ? 1 / norm : 0;
        terms[SUM_X * pairs + m] = x;
        terms[SUM_Y * pairs + m] = y;
        terms[SUM_NORM * pairs + m] = norm;
        terms[SUM_UNIT_X * pairs + m] = x * inverse;
        terms[SUM_UNIT_Y * pairs + m] = y * inverse;
        terms[SUM_NOT_ZERO * pairs + m] = norm > 0;
    }
}

/* sums [T + 1][SUMS][pairs]: of the keys before each position. */
static double *running_sums(const float *key, size_t length, size_t head_dim, size_t pairs,
                            Arena *scratch) {
    size_t row = SUMS * pairs;
    double *sums = ARENA_ARRAY(scratch, double, (length + 1) * row);
    for (size_t j = 0; j < length; j++) {
        double *next = sums + (j + 1) * row;
        pair_terms(key + j * head_dim, pairs, next);
        for (size_t i = 0; i < row; i++)
            next[i] += sums[j * row + i];
    }
    return sums;
}

/* total [4][pairs] += one query with the keys it sees, of which the sums are high − low: energy,
   cosine, pairs that have one, score. */
enum { TOTAL_ENERGY, TOTAL_COSINE, TOTAL_COSINES, TOTAL_SCORE, TOTALS };

static void add_query(const double *query, const double *low, const double *high, size_t pairs,
                      double *total) {
    for (size_t m = 0; m < pairs; m++) {
        double key[SUMS];
        for (size_t s = 0; s < SUMS; s++)
            key[s] = high[s * pairs + m] - low[s * pairs + m];
        total[TOTAL_ENERGY * pairs + m] += query[SUM_NORM * pairs + m] * key[SUM_NORM];
        total[TOTAL_COSINE * pairs + m] += query[SUM_UNIT_X * pairs + m] * key[SUM_UNIT_X] +
                                           query[SUM_UNIT_Y * pairs + m] * key[SUM_UNIT_Y];
        total[TOTAL_COSINES * pairs + m] += query[SUM_NOT_ZERO * pairs + m] * key[SUM_NOT_ZERO];
        total[TOTAL_SCORE * pairs + m] +=
            query[SUM_X * pairs + m] * key[SUM_X] + query[SUM_Y * pairs + m] * key[SUM_Y];
    }
}

void pairs_measure(const Visibility *visibility, const float *query, const float *key, int head_dim,
                   int pair_count, double scale, PairMeasures *measures, Arena *scratch) {
    size_t length = (size_t)visibility->length, dimensions = (size_t)head_dim;
    size_t pairs = (size_t)pair_count, row = SUMS * pairs;
    const double *sums = running_sums(key, length, dimensions, pairs, scratch);
    double *terms = ARENA_ARRAY(scratch, double, row);
    double *total = ARENA_ARRAY(scratch, double, (TOTALS * pairs));
    for (size_t i = 0; i < length; i++) {
        Interval keys = visibility->keys[i];
        pair_terms(query + i * dimensions, pairs, terms);
        add_query(terms, sums + (size_t)keys.first * row, sums + (size_t)keys.end * row, pairs,
                  total);
    }
    double whole = 0;
    for (size_t m = 0; m < pairs; m++) {
        double cosines = total[TOTAL_COSINES * pairs + m];
        measures->energy[m] = total[TOTAL_ENERGY * pairs + m] / visibility->pairs;
        measures->score[m] = scale * total[TOTAL_SCORE * pairs + m] / visibility->pairs;
        measures->alignment[m] = cosines > 0 ? total[TOTAL_COSINE * pairs + m] / cosines : NAN;
        whole += measures->energy[m];
    }
    for (size_t m = 0; m < pairs; m++)
        measures->share[m] = whole > 0 ? measures->energy[m] / whole : NAN;
}
