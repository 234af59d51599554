/* The `references` analysis (metrics.md section 8). */
#include "analysis/references.h"

#include "analysis/divergence.h"
#include "analysis/kinds.h"
#include "analysis/variables.h"

#include <cblas.h>
#include <math.h>

#define WS "What are you sinking?, arXiv 2508.02546"
#define OURS "Fiducial"

static const double least_mean_weight = 0.2, least_part = 1e-6;

/* ---- The measures ---------------------------------------------------------------------------- */

int references_choose(const double *map, int length, bool *is_reference, Arena *scratch) {
    size_t size = (size_t)length;
    double *means = ARENA_ARRAY(scratch, double, size);
    for (size_t i = 0; i < size; i++)
        for (size_t k = 0; k < size; k++)
            means[k] += map[i * size + k] / length;
    int above = 0;
    for (size_t k = 0; k < size; k++)
        above += exceeds(means[k], least_mean_weight);
    int strongest = length >= 10 ? length / 10 : 1;
    int largest = 3 * length >= 10 ? 3 * length / 10 : 1;
    int count = above == 0 ? strongest : above < largest ? above : largest;
    sinks_choose(means, length, count, is_reference);
    return count;
}

/* A mean that grows. */
typedef struct Average {
    double sum;
    int count;
} Average;

static void average_add(Average *average, double value) {
    average->sum += value;
    average->count++;
}

static double average_value(Average average) {
    return average.count > 0 ? average.sum / average.count : NAN;
}

static double dot(const double *x, const double *y, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

/* r_i: the reference tokens' part of one query's output. */
static void reference_part(const double *row, const bool *is_reference, Interval keys,
                           const double *vectors, int dimensions, double *part) {
    for (int d = 0; d < dimensions; d++)
        part[d] = 0;
    for (int j = keys.first; j < keys.end; j++) {
        const double *vector = vectors + (size_t)j * (size_t)dimensions;
        for (int d = 0; is_reference[j] && d < dimensions; d++)
            part[d] += row[j] * vector[d];
    }
}

ReferenceMeasures references_measure(const Visibility *visibility, const double *map,
                                     const float *vectors, int dimensions, Arena *scratch) {
    size_t length = (size_t)visibility->length, width = (size_t)dimensions;
    int size = visibility->length;
    bool *is_reference = ARENA_ARRAY(scratch, bool, length);
    double *exact = ARENA_ARRAY(scratch, double, (length * width));
    double *outputs = ARENA_ARRAY(scratch, double, (length * width));
    double *part = ARENA_ARRAY(scratch, double, width);
    references_choose(map, size, is_reference, scratch);
    for (size_t i = 0; i < length * width; i++)
        exact[i] = vectors[i];
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, size, dimensions, size, 1, map, size,
                exact, dimensions, 0, outputs, dimensions);
    Average magnitude = {0}, direction = {0}, change = {0};
    for (size_t i = 0; i < length; i++) {
        if (is_reference[i] || interval_size(visibility->keys[i]) < 2)
            continue;
        const double *output = outputs + i * width;
        reference_part(map + i * length, is_reference, visibility->keys[i], exact, dimensions,
                       part);
        double whole = sqrt(dot(output, output, dimensions));
        double of_part = sqrt(dot(part, part, dimensions));
        average_add(&change, of_part);
        if (!(whole > 0))
            continue;
        average_add(&magnitude, of_part < whole ? of_part / whole : 1);
        if (of_part > 0 && !(of_part < least_part * whole)) {
            double cosine = dot(part, output, dimensions) / (of_part * whole);
            average_add(&direction, (1 + (cosine > 1 ? 1 : cosine < -1 ? -1 : cosine)) / 2);
        }
    }
    return (ReferenceMeasures){.relative_magnitude = average_value(magnitude),
                               .directional_influence = average_value(direction),
                               .information_change = average_value(change)};
}

/* ---- The variables --------------------------------------------------------------------------- */

/* Offsets, of the layer's mean map with the residual stream, and of each head's with its values. */
typedef struct References {
    size_t magnitude, direction, change;
    size_t magnitude_value, direction_value, change_value;
} References;

static Status references_declare(const KindOptions *options, AnalysisContext *context,
                                 VariableList *list, void **state, Error *error) {
    (void)options;
    (void)error;
    References *references = ARENA_ARRAY(context->arena, References, 1);
    const Axis *layer = context->layer, *head = context->head;
    const char *none = "every query is a reference token or sees one key, or what it gets is 0";
    const char *no_direction =
        "no query that is no reference token gets anything from a reference token";
    const struct {
        size_t *offset;
        const Axis *head;
        VariableText text;
    } entries[] = {
        {&references->magnitude,
         NULL,
         {"relative_magnitude", "share of the reference tokens in the mixed residuals' norm", "1",
          WS, none}},
        {&references->direction,
         NULL,
         {"directional_influence",
          "(1 + cosine of the reference tokens' part with all of the mixed residuals)/2", "1", WS,
          no_direction}},
        {&references->change,
         NULL,
         {"information_change", "norm of the reference tokens' part of the mixed residuals", "1",
          WS, none}},
        {&references->magnitude_value,
         head,
         {"relative_magnitude_value", "share of the head's reference tokens in its output's norm",
          "1", OURS, none}},
        {&references->direction_value,
         head,
         {"directional_influence_value",
          "(1 + cosine of the reference tokens' part with all of the head's output)/2", "1", OURS,
          no_direction}},
        {&references->change_value,
         head,
         {"information_change_value", "norm of the reference tokens' part of the head's output",
          "1", OURS, none}},
    };
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        *entries[i].offset = variable_add(
            list, context,
            variable_over(entries[i].text, VARIABLE_SAMPLE_MEAN, layer, entries[i].head, NULL));
    *state = references;
    return STATUS_OK;
}

static void sample_heads(const AnalysisContext *context, const References *references,
                         const Capture *capture, Arena *scratch, double *row) {
    size_t length = (size_t)context->length, count = length * length;
    double *map = ARENA_ARRAY(scratch, double, count);
    for (size_t at = 0; at < (size_t)(context->layers * context->heads); at++) {
        const float *weights = capture->weights + at * count;
        for (size_t i = 0; i < count; i++)
            map[i] = weights[i];
        ReferenceMeasures measures = references_measure(
            context->visibility, map, capture->value + at * length * (size_t)capture->head_dim,
            capture->head_dim, scratch);
        row[references->magnitude_value + at] = measures.relative_magnitude;
        row[references->direction_value + at] = measures.directional_influence;
        row[references->change_value + at] = measures.information_change;
    }
}

static void references_sample(const AnalysisContext *context, const void *state,
                              const Capture *capture, int sample, AnalysisScratch *scratch,
                              double *row) {
    (void)sample;
    const References *references = state;
    size_t length = (size_t)context->length, width = (size_t)context->width;
    for (size_t layer = 0; layer < (size_t)context->layers; layer++) {
        ReferenceMeasures measures = references_measure(
            context->visibility, capture->mean_weights + layer * length * length,
            capture->residual + layer * length * width, context->width, scratch->arena);
        row[references->magnitude + layer] = measures.relative_magnitude;
        row[references->direction + layer] = measures.directional_influence;
        row[references->change + layer] = measures.information_change;
    }
    sample_heads(context, references, capture, scratch->arena, row);
}

const AnalysisKind references_analysis = {
    .kind = {.name = "references",
             .meaning = "how much of what a query receives comes from a few reference tokens",
             .source = WS},
    .declare = references_declare,
    .sample = references_sample,
};
