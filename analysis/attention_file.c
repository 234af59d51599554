#include "analysis/attention_file.h"

#include "analysis/visibility.h"

#include <math.h>

#define GU "When attention sink emerges, arXiv 2410.10781"
#define OURS "Fiducial"

/* ---- Looking --------------------------------------------------------------------------------- */

static void measure_importance(const Visibility *visibility, AttentionView *view, Arena *arena) {
    const Capture *capture = view->capture;
    size_t length = (size_t)capture->length, cells = length * length;
    double *map = ARENA_ARRAY(arena, double, cells);
    for (int layer = 0; layer < capture->layers; layer++)
        for (int head = 0; head < capture->heads; head++) {
            const float *weights = capture_weights(capture, layer, head);
            size_t at = (size_t)layer * (size_t)capture->heads + (size_t)head;
            for (size_t i = 0; i < cells; i++)
                map[i] = weights[i];
            map_importance(visibility, map, view->importance + at * length);
        }
    uniform_map(visibility, map);
    map_importance(visibility, map, view->importance_null);
}

Status attention_look(const AttentionInput *input, Arena *arena, AttentionView *view,
                      Error *error) {
    const ModelConfig *config = model_config(input->model);
    size_t length = (size_t)input->length;
    size_t maps = (size_t)(config->layers * config->heads);
    Workspace *workspace;
    TRY(arena_reserve(arena, 4 * sizeof(float) * maps * length * length + 4096, error));
    TRY(workspace_create(input->model, 1, input->length, false, arena, &workspace, error));
    Capture *capture = capture_create(input->model, input->length, arena);
    capture_fill(capture, input->model, input->parameters, input->tokens, input->targets, NULL,
                 workspace);
    const char **labels = ARENA_ARRAY(arena, const char *, length);
    for (size_t i = 0; i < length; i++)
        labels[i] = input->token_names[input->tokens[i]];
    *view = (AttentionView){.input = input,
                            .capture = capture,
                            .importance = ARENA_ARRAY(arena, double, (maps * length)),
                            .importance_null = ARENA_ARRAY(arena, double, length),
                            .labels = labels};
    measure_importance(visibility_create(config, input->length, arena), view, arena);
    return STATUS_OK;
}

/* ---- Writing --------------------------------------------------------------------------------- */

typedef struct AttentionAxes {
    Axis layer, head, query, key, position, boundary, dimension, channel;
} AttentionAxes;

static Axis axis_of(const char *name, int length, const char *long_name) {
    return (Axis){.name = name, .length = length, .long_name = long_name, .units = "1"};
}

static AttentionAxes make_axes(const AttentionView *view) {
    const Capture *capture = view->capture;
    int length = capture->length;
    AttentionAxes axes = {
        .layer = axis_of("layer", capture->layers, "layer, from 0"),
        .head = axis_of("head", capture->heads, "attention head, from 0"),
        .query = axis_of("query", length, "position of a query, from 0"),
        .key = axis_of("key", length, "position of a key, from 0"),
        .position = axis_of("position", length, "position of a token, from 0"),
        .boundary = axis_of("layer_boundary", capture->layers + 1,
                            "residual stream entering that layer; the last: leaving the model"),
        .dimension = axis_of("dimension", capture->head_dim, "dimension of a head"),
        .channel = axis_of("channel", capture->width, "dimension of the residual stream")};
    axes.position.labels = view->labels;
    return axes;
}

/* A variable's texts, axes and values. */
typedef struct Entry {
    const char *name, *long_name, *units, *source, *undefined;
    const Axis *axes[4];
    const float *floats; /* one of these */
    const double *doubles;
    const int32_t *integers;
} Entry;

static double value_at(const Entry *entry, size_t i) {
    if (entry->integers != NULL)
        return entry->integers[i] < 0 ? NAN : entry->integers[i];
    double value = entry->floats != NULL ? (double)entry->floats[i] : entry->doubles[i];
    return isfinite(value) ? value : NAN;
}

static void add_entry(OutputList *outputs, const Entry *entry) {
    Output output = {.name = entry->name,
                     .long_name = entry->long_name,
                     .units = entry->units,
                     .source = entry->source,
                     .undefined = entry->undefined,
                     .type = entry->integers != NULL  ? OUTPUT_INTEGER
                             : entry->doubles != NULL ? OUTPUT_REAL
                                                      : OUTPUT_SINGLE};
    for (size_t i = 0; i < 4 && entry->axes[i] != NULL; i++)
        output.axes[output.rank++] = entry->axes[i];
    Output *added = output_add(outputs, output);
    for (size_t i = 0; i < added->count; i++)
        added->values[i] = value_at(entry, i);
}

static void add_maps(const AttentionView *view, const AttentionAxes *axes, OutputList *outputs) {
    const Capture *capture = view->capture;
    const Entry entries[] = {
        {"attention",
         "attention weight of a key for a query",
         "1",
         OURS,
         NULL,
         {&axes->layer, &axes->head, &axes->query, &axes->key},
         capture->weights,
         NULL,
         NULL},
        {"scores",
         "score of a key for a query, before the normalization",
         "1",
         OURS,
         "the query does not see the key",
         {&axes->layer, &axes->head, &axes->query, &axes->key},
         capture->scores,
         NULL,
         NULL},
        {"importance",
         "mean attention on a key from the queries that see it",
         "1",
         GU,
         "no query sees the key",
         {&axes->layer, &axes->head, &axes->position},
         NULL,
         view->importance,
         NULL},
        {"importance_null",
         "importance of uniform attention under the same mask",
         "1",
         GU,
         "no query sees the key",
         {&axes->position},
         NULL,
         view->importance_null,
         NULL},
    };
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++)
        add_entry(outputs, entries + i);
}

static void add_states(const AttentionView *view, const AttentionAxes *axes, OutputList *outputs) {
    const Capture *capture = view->capture;
    const struct {
        const char *name, *long_name;
        const float *values;
    } vectors[] = {{"query_vector", "query of a position, after rotation", capture->query},
                   {"key_vector", "key of a position, after rotation", capture->key},
                   {"value_vector", "value of a position", capture->value},
                   {"head_output", "weighted mean of the values, before the output map",
                    capture->head_output}};
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        add_entry(outputs,
                  &(Entry){.name = vectors[i].name,
                           .long_name = vectors[i].long_name,
                           .units = "1",
                           .source = OURS,
                           .axes = {&axes->layer, &axes->head, &axes->position, &axes->dimension},
                           .floats = vectors[i].values});
    add_entry(outputs, &(Entry){.name = "residual",
                                .long_name = "residual stream at a position",
                                .units = "1",
                                .source = OURS,
                                .axes = {&axes->boundary, &axes->position, &axes->channel},
                                .floats = capture->residual});
}

static void add_token_outputs(const AttentionView *view, const AttentionAxes *axes,
                              OutputList *outputs, Arena *arena) {
    const AttentionInput *input = view->input;
    float *losses = ARENA_ARRAY(arena, float, (size_t)input->length);
    for (int i = 0; i < input->length; i++)
        losses[i] = input->targets[i] < 0 ? NAN : view->capture->losses[i];
    const Entry entries[] = {
        {"tokens",
         "token of the input",
         "1",
         OURS,
         NULL,
         {&axes->position},
         NULL,
         NULL,
         input->tokens},
        {"targets",
         "token to be predicted",
         "1",
         OURS,
         "nothing is predicted",
         {&axes->position},
         NULL,
         NULL,
         input->targets},
        {"loss",
         "cross-entropy of the target",
         "nats",
         OURS,
         "nothing is predicted",
         {&axes->position},
         losses,
         NULL,
         NULL},
    };
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++)
        add_entry(outputs, entries + i);
}

Status attention_write(const AttentionView *view, const char *path, const OutputText *texts,
                       size_t text_count, Error *error) {
    Arena arena = arena_create("the maps and states of one input");
    OutputList outputs = {.arena = &arena};
    const AttentionAxes axes = make_axes(view);
    add_maps(view, &axes, &outputs);
    add_states(view, &axes, &outputs);
    add_token_outputs(view, &axes, &outputs, &arena);
    const OutputEnd end = {.texts = texts, .text_count = text_count};
    Status status = outputs_begin(&outputs, path, error);
    if (status == STATUS_OK)
        status = outputs_finish(&outputs, &end, error);
    outputs_abandon(&outputs);
    arena_destroy(&arena);
    return status;
}
