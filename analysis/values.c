/* The `values` analysis (metrics.md section 7). */
#include "analysis/values.h"

#include "analysis/components.h"
#include "analysis/kinds.h"
#include "analysis/statistics.h"
#include "analysis/variables.h"

#include <cblas.h>
#include <math.h>

#define WS "What are you sinking?, arXiv 2508.02546"
#define OURS "Fiducial"

/* ---- The measures ---------------------------------------------------------------------------- */

/* magnitudes [T]: how far each position is moved. */
static double *movement(const float *before, const float *after, size_t length, size_t width,
                        Arena *scratch) {
    double *magnitudes = ARENA_ARRAY(scratch, double, length);
    for (size_t i = 0; i < length; i++) {
        double square = 0;
        for (size_t d = 0; d < width; d++) {
            double difference = (double)after[i * width + d] - before[i * width + d];
            square += difference * difference;
        }
        magnitudes[i] = sqrt(square);
    }
    return magnitudes;
}

/* Σ −p ln p of every row of the map, over its visible keys and renormalised: with S = Σ w it is
   ln S − Σ w ln w / S. NaN with a weight below 0. */
static double *row_entropies(const Visibility *visibility, const double *map, Arena *scratch) {
    size_t length = (size_t)visibility->length;
    double *entropies = ARENA_ARRAY(scratch, double, length);
    for (size_t i = 0; i < length; i++) {
        double sum = 0, product = 0;
        for (int j = visibility->keys[i].first; j < visibility->keys[i].end; j++) {
            double weight = map[i * length + (size_t)j];
            sum += weight;
            product += weight > 0 ? weight * log(weight) : weight < 0 ? NAN : 0;
        }
        entropies[i] = sum > 0 ? log(sum) - product / sum : NAN;
    }
    return entropies;
}

/* cos(x_i, x_j) [T][T]; has_direction [T]: false for a zero vector. */
static double *cosines_of(const double *states, size_t length, size_t width, bool *has_direction,
                          Arena *scratch) {
    double *unit = ARENA_ARRAY(scratch, double, (length * width));
    double *cosines = ARENA_ARRAY(scratch, double, (length * length));
    for (size_t i = 0; i < length; i++) {
        double square = 0;
        for (size_t d = 0; d < width; d++)
            square += states[i * width + d] * states[i * width + d];
        has_direction[i] = square > 0;
        double scale = has_direction[i] ? 1 / sqrt(square) : 0;
        for (size_t d = 0; d < width; d++)
            unit[i * width + d] = states[i * width + d] * scale;
    }
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)length, (int)length, (int)width, 1,
                unit, (int)width, unit, (int)width, 0, cosines, (int)length);
    return cosines;
}

/* What a correlation is over: pairs i ≠ j of positions, all or the visible ones. */
typedef struct Pairs {
    const Visibility *visibility;
    const double *map, *cosines;
    const bool *has_direction;
    bool visible_only;
} Pairs;

/* Sums over pairs, of deviations from the centres given. */
typedef struct PairSums {
    double count, weight, cosine;          /* Σ 1, Σ weights, Σ cosines */
    double weights, cosines, product;      /* Σ squares, Σ products */
    double largest_weight, largest_cosine; /* of the absolute deviations */
} PairSums;

static void sum_keys(const Pairs *pairs, size_t query, size_t first, size_t end,
                     double weight_centre, double cosine_centre, PairSums *sums) {
    size_t row = query * (size_t)pairs->visibility->length;
    for (size_t j = first; j < end; j++) {
        if (!pairs->has_direction[j])
            continue;
        double weight = pairs->map[row + j] - weight_centre;
        double cosine = pairs->cosines[row + j] - cosine_centre;
        sums->count += 1;
        sums->weight += weight;
        sums->cosine += cosine;
        sums->weights += weight * weight;
        sums->cosines += cosine * cosine;
        sums->product += weight * cosine;
        if (fabs(weight) > sums->largest_weight)
            sums->largest_weight = fabs(weight);
        if (fabs(cosine) > sums->largest_cosine)
            sums->largest_cosine = fabs(cosine);
    }
}

static PairSums sum_pairs(const Pairs *pairs, double weight_centre, double cosine_centre) {
    PairSums sums = {0};
    int length = pairs->visibility->length;
    for (int i = 0; i < length; i++) {
        if (!pairs->has_direction[i])
            continue;
        Interval keys = pairs->visible_only ? pairs->visibility->keys[i] : (Interval){0, length};
        int before = keys.end < i ? keys.end : i, after = keys.first > i ? keys.first : i + 1;
        sum_keys(pairs, (size_t)i, (size_t)keys.first, (size_t)before, weight_centre, cosine_centre,
                 &sums);
        sum_keys(pairs, (size_t)i, (size_t)after, (size_t)keys.end, weight_centre, cosine_centre,
                 &sums);
    }
    return sums;
}

/* Pearson's correlation in two passes: means, then deviations from them. */
static double correlate_pairs(const Pairs *pairs) {
    PairSums first = sum_pairs(pairs, 0, 0);
    if (first.count < 3)
        return NAN;
    PairSums centred = sum_pairs(pairs, first.weight / first.count, first.cosine / first.count);
    if (!(centred.largest_weight > 1e-9 * first.largest_weight) ||
        !(centred.largest_cosine > 1e-9 * first.largest_cosine))
        return NAN;
    double value = centred.product / sqrt(centred.weights * centred.cosines);
    return value > 1 ? 1 : value < -1 ? -1 : value;
}

/* Scores are centred and of length 1, so their product is Pearson's correlation. */
static double correlate_components(const double *map, const double *states, int length, int width,
                                   Arena *scratch) {
    size_t size = (size_t)length;
    double *of_map = ARENA_ARRAY(scratch, double, (VALUE_COMPONENTS * size));
    double *of_states = ARENA_ARRAY(scratch, double, (VALUE_COMPONENTS * size));
    component_scores(map, length, length, VALUE_COMPONENTS, of_map, scratch);
    component_scores(states, length, width, VALUE_COMPONENTS, of_states, scratch);
    double sum = 0;
    for (size_t c = 0; c < VALUE_COMPONENTS; c++) {
        double product = 0;
        for (size_t i = 0; i < size; i++)
            product += of_map[c * size + i] * of_states[c * size + i];
        sum += fabs(product);
    }
    return sum / VALUE_COMPONENTS;
}

ValueMeasures values_measure(const Visibility *visibility, const double *map, const float *before,
                             const float *after, int width, Arena *scratch) {
    size_t length = (size_t)visibility->length, dimensions = (size_t)width;
    double *magnitudes = movement(before, after, length, dimensions, scratch);
    double *entropies = row_entropies(visibility, map, scratch);
    double *states = ARENA_ARRAY(scratch, double, (length * dimensions));
    for (size_t i = 0; i < length * dimensions; i++)
        states[i] = before[i];
    bool *has_direction = ARENA_ARRAY(scratch, bool, length);
    double *cosines = cosines_of(states, length, dimensions, has_direction, scratch);
    const Pairs all = {visibility, map, cosines, has_direction, false};
    const Pairs visible = {visibility, map, cosines, has_direction, true};
    return (ValueMeasures){
        .transformation_magnitude = mean_of(magnitudes, length, 1),
        .geometric_semantic = correlate_pairs(&all),
        .geometric_semantic_visible = correlate_pairs(&visible),
        .entropy_magnitude = correlation_pearson(entropies, magnitudes, length, scratch).value,
        .component = correlate_components(map, states, (int)length, width, scratch),
    };
}

/* ---- The variables --------------------------------------------------------------------------- */

typedef struct Values {
    size_t transformation_magnitude, geometric_semantic, geometric_semantic_visible;
    size_t entropy_magnitude, component;
} Values;

static Status values_declare(const KindOptions *options, AnalysisContext *context,
                             VariableList *list, void **state, Error *error) {
    (void)options;
    (void)error;
    Values *values = ARENA_ARRAY(context->arena, Values, 1);
    const char *constant = "fewer than three values, or a constant";
    const struct {
        size_t *offset;
        VariableText text;
    } entries[] = {
        {&values->transformation_magnitude,
         {"transformation_magnitude", "mean norm of what the layer adds to the residual stream",
          "1", WS, NULL}},
        {&values->geometric_semantic,
         {"geometric_semantic_correlation",
          "Pearson correlation over pairs of positions of attention with the cosine of the "
          "residuals entering the layer",
          "1", WS, constant}},
        {&values->geometric_semantic_visible,
         {"geometric_semantic_correlation_visible", "the same over visible pairs only", "1", OURS,
          constant}},
        {&values->entropy_magnitude,
         {"entropy_magnitude_correlation",
          "Pearson correlation over positions of the attention's entropy (nats) with the norm of "
          "what the layer adds",
          "1", WS, constant}},
        {&values->component,
         {"component_correlation",
          "mean |Pearson correlation| of the first three principal components' scores: of the "
          "rows of the map and of the residuals entering the layer",
          "1", WS, "one of the components has no variance"}},
    };
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        *entries[i].offset = variable_add(
            list, context,
            variable_over(entries[i].text, VARIABLE_SAMPLE_MEAN, context->layer, NULL, NULL));
    *state = values;
    return STATUS_OK;
}

static void values_sample(const AnalysisContext *context, const void *state, const Capture *capture,
                          int sample, AnalysisScratch *scratch, double *row) {
    (void)sample;
    const Values *values = state;
    size_t map = (size_t)context->length * (size_t)context->length;
    size_t stream = (size_t)context->length * (size_t)context->width;
    for (size_t layer = 0; layer < (size_t)context->layers; layer++) {
        ValueMeasures measures = values_measure(
            context->visibility, capture->mean_weights + layer * map,
            capture->residual + layer * stream, capture->residual + (layer + 1) * stream,
            context->width, scratch->arena);
        row[values->transformation_magnitude + layer] = measures.transformation_magnitude;
        row[values->geometric_semantic + layer] = measures.geometric_semantic;
        row[values->geometric_semantic_visible + layer] = measures.geometric_semantic_visible;
        row[values->entropy_magnitude + layer] = measures.entropy_magnitude;
        row[values->component + layer] = measures.component;
    }
}

const AnalysisKind values_analysis = {
    .kind = {.name = "values",
             .meaning = "what a layer adds, and whether attention follows the residual stream",
             .source = WS},
    .declare = values_declare,
    .sample = values_sample,
};
