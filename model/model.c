#include "model/model_internal.h"

#include "model/kv_bias.h"
#include "model/mask.h"

#include <math.h>
#include <string.h>

/* A model in the making. */
typedef struct Builder {
    Model *model;
    Arena *arena;
    const char *prefix; /* of parameter names */
    int layer;
    ParameterGroup group;
} Builder;

static size_t add_parameter(const Builder *at, const char *name, const char *suffix,
                            Parameter parameter) {
    Model *model = at->model;
    parameter.name = arena_format(at->arena, "%s%s%s", at->prefix, name, suffix);
    parameter.layer = at->layer;
    parameter.group = at->group;
    size_t index = parameters_add(&model->table, at->arena, parameter);
    return model->table.entries[index].offset;
}

static size_t add_matrix(const Builder *at, const char *name, int64_t rows, int64_t columns) {
    return add_parameter(at, name, "",
                         (Parameter){.rows = (int)rows,
                                     .columns = (int)columns,
                                     .initialization = INITIALIZE_NORMAL,
                                     .scale = (float)at->model->config.init.scale,
                                     .decay = true});
}

/* A map that writes into the residual stream. */
static size_t add_output(const Builder *at, const char *name, int64_t rows, int64_t columns) {
    const ModelConfig *config = &at->model->config;
    size_t offset = add_matrix(at, name, rows, columns);
    Parameter *entry = &at->model->table.entries[at->model->table.count - 1];
    if (config->init.scheme == INIT_DEPTH_SCALED)
        entry->scale = (float)(config->init.scale / sqrt(2.0 * (double)config->layers));
    if (config->init.scheme == INIT_ZERO_OUTPUT)
        entry->initialization = INITIALIZE_ZERO;
    return offset;
}

static size_t add_bias(const Builder *at, const char *name, int64_t rows) {
    if (!at->model->config.biases)
        return NO_PARAMETER;
    return add_parameter(at, name, "_bias",
                         (Parameter){.rows = (int)rows, .initialization = INITIALIZE_ZERO});
}

/* Norms rows of width floats. */
static ModelNorm add_norm_of(const Builder *at, const NormKind *kind, const char *name, int width) {
    ModelNorm norm = {.kind = kind, .gain = NO_PARAMETER, .shift = NO_PARAMETER};
    if (kind->gain)
        norm.gain = add_parameter(at, name, "",
                                  (Parameter){.rows = width, .initialization = INITIALIZE_ONE});
    if (kind->shift)
        norm.shift = add_parameter(at, name, "_shift",
                                   (Parameter){.rows = width, .initialization = INITIALIZE_ZERO});
    return norm;
}

static ModelNorm add_norm(const Builder *at, const char *name) {
    const ModelConfig *config = &at->model->config;
    return add_norm_of(at, (const NormKind *)config->norm.kind, name, (int)config->width);
}

/* The norm before a branch, or after it under post-norm: that of the join there. */
static void add_branch_norm(const Builder *at, int branch, const char *name) {
    Model *model = at->model;
    int join = at->layer * model->branches + branch;
    if (model->config.placement == PLACEMENT_POST)
        join++;
    model->norms[join] = add_norm(at, name);
}

static void add_output_norm(const Builder *at, int branch, const char *name) {
    const ModelConfig *config = &at->model->config;
    if (config->placement == PLACEMENT_SANDWICH && config->norm.kind != &norm_none.kind)
        at->model->layers[at->layer].output_norms[branch] = add_norm(at, name);
}

typedef struct MapPart {
    const char *name;
    int64_t out; /* 0: not there */
} MapPart;

/* Several maps of the same input as one; their parameters become neighbours. */
static LinearMap add_maps(const Builder *at, const MapPart *parts, int count, int64_t in) {
    LinearMap map = {.in = (int)in, .weight = NO_PARAMETER, .bias = NO_PARAMETER};
    for (int i = 0; i < count; i++) {
        if (parts[i].out == 0)
            continue;
        size_t offset = add_matrix(at, parts[i].name, parts[i].out, in);
        map.weight = map.weight == NO_PARAMETER ? offset : map.weight;
        map.out += (int)parts[i].out;
    }
    for (int i = 0; i < count; i++) {
        if (parts[i].out == 0)
            continue;
        size_t offset = add_bias(at, parts[i].name, parts[i].out);
        map.bias = map.bias == NO_PARAMETER ? offset : map.bias;
    }
    return map;
}

static LinearMap add_output_map(const Builder *at, const char *name, int64_t out, int64_t in) {
    return (LinearMap){.out = (int)out,
                       .in = (int)in,
                       .weight = add_output(at, name, out, in),
                       .bias = add_bias(at, name, out)};
}

/* Vectors, like all biases: no matrix that an optimizer could orthogonalise. */
static size_t add_bias_vector(const Builder *at, const char *name) {
    const ModelConfig *config = &at->model->config;
    bool shared = kv_bias_shared(&config->attention.kv_bias);
    int64_t rows = shared ? model_head_dim(config) : config->heads * model_head_dim(config);
    return add_parameter(at, name, "",
                         (Parameter){.rows = (int)rows,
                                     .initialization = INITIALIZE_NORMAL,
                                     .scale = (float)config->init.scale});
}

static void add_kv_bias(const Builder *at, ModelLayer *layer) {
    const KvBiasKind *kind = kv_bias_of(&at->model->config.attention.kv_bias);
    layer->kv_bias_key = layer->kv_bias_value = NO_PARAMETER;
    if (kind->key)
        layer->kv_bias_key = add_bias_vector(at, "attention/kv_bias_key");
    if (kind->value)
        layer->kv_bias_value = add_bias_vector(at, "attention/kv_bias_value");
}

static void add_attention(Builder *at) {
    ModelLayer *layer = &at->model->layers[at->layer];
    const ProjectionLayout *layout = &at->model->projections;
    int64_t width = at->model->config.width;
    const NormKind *norm = (const NormKind *)at->model->config.attention.query_key_norm.kind;
    const MapPart parts[] = {{"attention/query", layout->key},
                             {"attention/key", layout->value - layout->key},
                             {"attention/value", layout->gate - layout->value},
                             {"attention/gate", layout->gates}};
    at->group = GROUP_ATTENTION;
    add_branch_norm(at, 0, "attention_norm");
    layer->projections = add_maps(at, parts, 4, width);
    layer->query_key_norms[0] = add_norm_of(at, norm, "attention/query_norm", layout->head_dim);
    layer->query_key_norms[1] = add_norm_of(at, norm, "attention/key_norm", layout->head_dim);
    layer->output = add_output_map(at, "attention/output", width, width);
    add_output_norm(at, 0, "attention_output_norm");
    layer->sink_logit = NO_PARAMETER;
    if (at->model->config.attention.sink_logit)
        layer->sink_logit = add_parameter(
            at, "attention/sink_logit", "",
            (Parameter){.rows = (int)at->model->config.heads, .initialization = INITIALIZE_ZERO});
    add_kv_bias(at, layer);
}

static void add_mlp(Builder *at) {
    ModelLayer *layer = &at->model->layers[at->layer];
    int64_t width = at->model->config.width, hidden = at->model->config.hidden;
    int maps = at->model->mlp->maps;
    const MapPart parts[] = {{"mlp/gate", maps > 1 ? hidden : 0}, {"mlp/up", hidden}};
    if (maps == 0)
        return;
    at->group = GROUP_MLP;
    if (at->model->branches > 1)
        add_branch_norm(at, 1, "mlp_norm");
    layer->enter = add_maps(at, parts, 2, width);
    layer->down = add_output_map(at, "mlp/down", width, hidden);
    if (at->model->branches > 1)
        add_output_norm(at, 1, "mlp_output_norm");
}

static Position *position_find(Model *model, const KindChoice *choice) {
    for (size_t i = 0; i < model->position_count; i++) {
        Position *position = &model->positions[i];
        if (&position->kind->kind == choice->kind &&
            memcmp(&position->options, &choice->options, sizeof choice->options) == 0)
            return position;
    }
    return NULL;
}

/* Layers with the same encoding share it, its parameters included. */
static void add_positions(Model *model, Arena *arena) {
    const ModelConfig *config = &model->config;
    model->positions = ARENA_ARRAY(arena, Position, (size_t)config->layers);
    for (int l = 0; l < config->layers; l++) {
        const KindChoice *choice = model_layer_position(config, l);
        const PositionKind *kind = (const PositionKind *)choice->kind;
        Position *position = position_find(model, choice);
        if (position == NULL) {
            position = &model->positions[model->position_count++];
            *position = (Position){.kind = kind,
                                   .options = choice->options,
                                   .config = config,
                                   .table = &model->table,
                                   .parameter = model->table.total};
            if (kind->parameters != NULL)
                kind->parameters(config, &choice->options, &model->table, arena);
            if (kind->prepare != NULL)
                kind->prepare(position, arena);
        }
        model->layers[l].position = position;
    }
}

static void add_all(Model *model, Arena *arena) {
    const ModelConfig *config = &model->config;
    Builder at = {.model = model, .arena = arena, .prefix = "", .layer = -1};
    at.group = GROUP_EMBEDDING;
    model->token_embedding = add_matrix(&at, "token_embedding", config->vocabulary, config->width);
    add_positions(model, arena);
    for (at.layer = 0; at.layer < config->layers; at.layer++) {
        at.prefix = arena_format(arena, "layers/%d/", at.layer);
        add_attention(&at);
        add_mlp(&at);
    }
    at = (Builder){model, arena, "", -1, GROUP_UNEMBEDDING};
    if (config->placement != PLACEMENT_POST)
        model->norms[model_joins(model) - 1] = add_norm(&at, "final_norm");
    model->unembedding = (LinearMap){.out = (int)config->vocabulary,
                                     .in = (int)config->width,
                                     .weight = model->token_embedding,
                                     .bias = NO_PARAMETER};
    if (!config->tied)
        model->unembedding.weight =
            add_matrix(&at, "unembedding", config->vocabulary, config->width);
}

Status model_create(const ModelConfig *config, Arena *arena, Model **result, Error *error) {
    const char *culprit = "model";
    Status status = model_config_check(config, &culprit, error);
    if (status != STATUS_OK)
        return error_context(error, status, "%s", culprit);
    if (config->vocabulary < 1)
        return error_set(error, STATUS_FAILED, "the vocabulary is not known yet");
    Model *model = ARENA_ARRAY(arena, Model, 1);
    model->config = *config;
    model->config.position.items = ARENA_ARRAY(arena, KindChoice, config->position.count);
    memcpy(model->config.position.items, config->position.items,
           config->position.count * sizeof(KindChoice));
    model->mlp = (const MlpKind *)config->mlp.kind;
    model->projections = projections_layout(config);
    model->branches = config->parallel || model->mlp->maps == 0 ? 1 : 2;
    model->layers = ARENA_ARRAY(arena, ModelLayer, (size_t)config->layers);
    model->norms = ARENA_ARRAY(arena, ModelNorm, (size_t)model_joins(model));
    for (int i = 0; i < model_joins(model); i++)
        model->norms[i] = (ModelNorm){&norm_none, NO_PARAMETER, NO_PARAMETER};
    add_all(model, arena);
    *result = model;
    return STATUS_OK;
}

const ModelConfig *model_config(const Model *model) {
    return &model->config;
}

const ParameterTable *model_parameters(const Model *model) {
    return &model->table;
}

int64_t batch_target_count(const Batch *batch) {
    int64_t count = 0, tokens = (int64_t)batch->sequences * batch->length;
    for (int64_t i = 0; i < tokens; i++)
        count += batch->targets[i] >= 0;
    return count;
}

/* A linear map needs two operations per weight and token forward, and twice that backward. */
double model_training_flops(const Model *model, int length) {
    const ModelConfig *config = &model->config;
    double width = (double)config->width, hidden = (double)config->hidden, visible = 0;
    double attention = (double)(model->projections.columns + config->width) * width;
    int slot = kv_bias_of(&config->attention.kv_bias)->key;
    for (int i = 0; i < length; i++) {
        Interval keys = mask_interval(config, i, length);
        visible += keys.end - keys.first + slot;
    }
    double mlp = model->mlp->maps == 0 ? 0 : (model->mlp->maps + 1) * width * hidden;
    double per_layer = 2 * length * (attention + mlp) + 4 * visible * width;
    double unembedding = 2 * length * width * (double)config->vocabulary;
    return 3 * ((double)config->layers * per_layer + unembedding);
}
