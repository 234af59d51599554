/* Relative position bias in buckets (Raffel et al., arXiv 1910.10683, section 2.1): each head
   learns one bias per bucket of distances, shared by all layers. Half of the buckets hold one
   distance each, the others grow with the logarithm up to `distance`, and the last holds all
   beyond. Where some query sees keys after it, one half of the buckets is for keys before and one
   for keys after. */
#include "model/mask.h"
#include "model/position/position.h"

#include <math.h>

typedef struct RelativeOptions {
    int64_t buckets, distance;
} RelativeOptions;

_Static_assert(sizeof(RelativeOptions) <= KIND_OPTIONS_BYTES, "options fit");

/* Bucket of each key offset: at [context − 1 + key − query]. */
typedef struct RelativeTables {
    int *bucket;
} RelativeTables;

/* Whether the first query, which has no key before it, sees one after it. */
static bool looks_ahead(const ModelConfig *config) {
    return mask_interval(config, 0, (int)config->context).end > 1;
}

static int buckets_per_side(const ModelConfig *config, const RelativeOptions *options) {
    return (int)options->buckets / (looks_ahead(config) ? 2 : 1);
}

static Status check(const ModelConfig *config, const KindOptions *choice, const char **culprit,
                    Error *error) {
    const RelativeOptions *options = (const RelativeOptions *)choice;
    int side = buckets_per_side(config, options);
    *culprit = "model.position";
    if (side >= 2 && options->distance > side / 2)
        return STATUS_OK;
    return error_set(error, STATUS_BAD_INPUT,
                     "relative needs at least %d buckets and a distance above %d (half of the "
                     "buckets of a side hold one distance each); it has %lld and %lld",
                     looks_ahead(config) ? 4 : 2, side / 2, (long long)options->buckets,
                     (long long)options->distance);
}

static void parameters(const ModelConfig *config, const KindOptions *choice, ParameterTable *table,
                       Arena *arena) {
    const RelativeOptions *options = (const RelativeOptions *)choice;
    parameters_add(table, arena,
                   (Parameter){.name = "relative_bias",
                               .rows = (int)config->heads,
                               .columns = (int)options->buckets,
                               .layer = -1,
                               .group = GROUP_ATTENTION,
                               .initialization = INITIALIZE_NORMAL,
                               .scale = (float)config->init.scale});
}

/* Exact distances below half; then ⌊half + ln(d/half)/ln(largest/half) · (side − half)⌋. A rounding
   error must not take a distance below the bucket that it begins. */
static int bucket_of(int distance, int side, double largest) {
    int half = side / 2;
    if (distance < half)
        return distance;
    double grown = log((double)distance / half) / log(largest / half) * (side - half);
    return (int)fmin(half + floor(grown + 1e-9), side - 1);
}

static void prepare(Position *position, Arena *arena) {
    const RelativeOptions *options = (const RelativeOptions *)&position->options;
    int context = (int)position->config->context;
    int side = buckets_per_side(position->config, options);
    RelativeTables *tables = ARENA_ARRAY(arena, RelativeTables, 1);
    tables->bucket = ARENA_ARRAY(arena, int, 2 * (size_t)context - 1);
    for (int offset = 1 - context; offset < context; offset++) {
        int bucket = 0;
        if (offset <= 0 || looks_ahead(position->config))
            bucket = bucket_of(offset < 0 ? -offset : offset, side, (double)options->distance) +
                     (offset > 0 ? side : 0);
        tables->bucket[context - 1 + offset] = bucket;
    }
    position->state = tables;
}

static const int *buckets_at(const Position *position, int query, int first) {
    const RelativeTables *tables = position->state;
    return tables->bucket + position->config->context - 1 + first - query;
}

static size_t head_offset(const Position *position, int head) {
    const RelativeOptions *options = (const RelativeOptions *)&position->options;
    return position->parameter + (size_t)head * (size_t)options->buckets;
}

static void bias(const Position *position, const float *block, int head, int query, int first,
                 int count, float *scores) {
    const float *learned = block + head_offset(position, head);
    const int *bucket = buckets_at(position, query, first);
    for (int j = 0; j < count; j++)
        scores[j] += learned[bucket[j]];
}

static void bias_backward(const Position *position, int head, int query, int first, int count,
                          const float *d_scores, float *gradient) {
    float *d_learned = gradient + head_offset(position, head);
    const int *bucket = buckets_at(position, query, first);
    for (int j = 0; j < count; j++)
        d_learned[bucket[j]] += d_scores[j];
}

static const Field options[] = {
    {.name = "buckets",
     .type = FIELD_INTEGER,
     .offset = offsetof(RelativeOptions, buckets),
     .fallback = "32",
     .minimum = 2,
     .maximum = 65536,
     .meaning = "number of distance buckets, and so of biases per head",
     .source = "arXiv 1910.10683, section 2.1"},
    {.name = "distance",
     .type = FIELD_INTEGER,
     .offset = offsetof(RelativeOptions, distance),
     .fallback = "128",
     .minimum = 2,
     .maximum = 1 << 20,
     .meaning = "distance, in tokens, from which on all keys share the last bucket",
     .source = "arXiv 1910.10683, section 2.1"},
};

extern const PositionKind position_relative;
const PositionKind position_relative = {
    .kind = {.name = "relative",
             .meaning = "add a learned bias per head and bucket of distances to each score",
             .source = "arXiv 1910.10683, section 2.1",
             .options = FIELD_TABLE(options)},
    .check = check,
    .parameters = parameters,
    .prepare = prepare,
    .bias = bias,
    .bias_backward = bias_backward,
};
