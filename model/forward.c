#include "model/model_internal.h"

#include "model/attention.h"
#include "model/math/gemm.h"
#include "model/math/kernels.h"
#include "model/normalization.h"

#include <string.h>

/* output [rows][out] (+)= input [rows][in] · weightᵀ + bias. */
static void linear(const LinearMap *map, const float *parameters, Workspace *workspace, int rows,
                   const float *input, bool add, float *output) {
    ProfilePart before = profile_enter(workspace->profile, PROFILE_GEMM);
    gemm(&(Gemm){.form = GEMM_NT,
                 .m = rows,
                 .n = map->out,
                 .k = map->in,
                 .alpha = 1,
                 .a = {input, map->in},
                 .b = {parameters + map->weight, map->in},
                 .add = add,
                 .c = {output, map->out},
                 .scratch = workspace->gemm});
    const float *bias = parameter_at(parameters, map->bias);
    if (bias != NULL)
        kernels()->block.add_row(rows, map->out, bias, output);
    profile_enter(workspace->profile, before);
}

static void embed(const Model *model, const float *parameters, const Batch *batch, float *x) {
    size_t width = (size_t)model->config.width, length = (size_t)batch->length;
    const float *table = parameters + model->token_embedding;
    float scale = (float)model->config.embedding_scale;
    for (int s = 0; s < batch->sequences; s++) {
        float *rows = x + (size_t)s * length * width;
        const int32_t *tokens = batch->inputs + (size_t)s * length;
        for (size_t t = 0; t < length; t++)
            kernels()->block.scale(width, scale, table + (size_t)tokens[t] * width,
                                   rows + t * width);
        for (size_t i = 0; i < model->position_count; i++) {
            const Position *position = &model->positions[i];
            if (position->kind->embed != NULL)
                position->kind->embed(position, parameters, batch->length, rows);
        }
    }
}

QueryKeyNorm model_query_key_norm(const Model *model, const float *parameters, int layer,
                                  const Workspace *workspace, float *gradient) {
    const ModelNorm *norms = model->layers[layer].query_key_norms;
    const LayerActivations *at = &workspace->layers[layer];
    QueryKeyNorm norm = {.kind = norms[0].kind};
    for (int i = 0; i < 2; i++) {
        norm.gain[i] = parameter_at(parameters, norms[i].gain);
        norm.shift[i] = parameter_at(parameters, norms[i].shift);
        norm.raw[i] = at->raw_projections[i];
        norm.statistics[i] = at->projection_statistics[i];
        if (gradient == NULL)
            continue;
        norm.d_gain[i] = gradient_at(gradient, norms[i].gain);
        norm.d_shift[i] = gradient_at(gradient, norms[i].shift);
    }
    return norm;
}

/* Queries and keys of all rows, in place. */
static void rotate(const Model *model, const Position *position, const Batch *batch,
                   float *projections) {
    if (position->kind->rotate == NULL)
        return;
    const ProjectionLayout *layout = &model->projections;
    int rows = batch->sequences * batch->length;
    for (int r = 0; r < rows; r++) {
        float *row = projections + (size_t)r * (size_t)layout->columns;
        for (int at = 0; at < layout->value; at += layout->head_dim)
            position->kind->rotate(position, r % batch->length, row + at);
    }
}

/* Kernel attention's φ of all queries and keys, in place. */
static void make_features(const Model *model, int rows, float *projections) {
    const NormalizationKind *kind = normalization_of(&model->config.attention.normalization);
    const ProjectionLayout *layout = &model->projections;
    for (int r = 0; kind->feature != NULL && r < rows; r++)
        kind->feature((size_t)layout->value, projections + (size_t)r * (size_t)layout->columns);
}

/* Shows one matrix per sequence, and per head where heads > 0: columns side by side in data, once
   for each `shared` heads. */
static void show_heads(const Tap *tap, const Batch *batch, TapName name, int layer, int heads,
                       int shared, int columns, size_t stride, const float *data) {
    if (tap == NULL)
        return;
    for (int s = 0; s < batch->sequences; s++)
        for (int h = 0; h < (heads > 0 ? heads : 1); h++) {
            TapView view = {.name = name,
                            .layer = layer,
                            .head = heads > 0 ? h : -1,
                            .sequence = s,
                            .rows = batch->length,
                            .columns = columns,
                            .stride = stride,
                            .data = data + (size_t)s * (size_t)batch->length * stride +
                                    (size_t)(h / shared) * (size_t)columns};
            tap->see(tap->context, &view);
        }
}

static void show(const Tap *tap, const Batch *batch, TapName name, int layer, int columns,
                 size_t stride, const float *data) {
    show_heads(tap, batch, name, layer, 0, 1, columns, stride, data);
}

/* Every head's query, and the key and value that it reads. */
static void show_projections(const Tap *tap, const Batch *batch, const ProjectionLayout *layout,
                             int layer, const float *projections) {
    const int first[] = {0, layout->key, layout->value};
    for (int i = 0; i < 3; i++)
        show_heads(tap, batch, (TapName)(TAP_QUERY + i), layer, layout->heads,
                   i == 0 ? 1 : layout->heads / layout->kv_heads, layout->head_dim,
                   (size_t)layout->columns, projections + first[i]);
}

AttentionHead model_attention_head(const Model *model, const float *parameters, const Batch *batch,
                                   int layer, int sequence, int head, const Dropout *dropout,
                                   Workspace *workspace) {
    const ProjectionLayout *layout = &model->projections;
    size_t row = (size_t)sequence * (size_t)batch->length;
    const float *rows = workspace->layers[layer].projections + row * (size_t)layout->columns;
    int shared = projections_kv_head(layout, head) * layout->head_dim;
    const ModelLayer *maps = &model->layers[layer];
    size_t sink = maps->sink_logit;
    size_t bias_key = kv_bias_offset(model, maps->kv_bias_key, head);
    size_t bias_value = kv_bias_offset(model, maps->kv_bias_value, head);
    return (AttentionHead){.config = &model->config,
                           .position = model->layers[layer].position,
                           .parameters = parameters,
                           .head = head,
                           .length = batch->length,
                           .head_dim = layout->head_dim,
                           .stride = layout->columns,
                           .query = rows + head * layout->head_dim,
                           .key = rows + layout->key + shared,
                           .value = rows + layout->value + shared,
                           .output_stride = (int)model->config.width,
                           .has_sink = sink != NO_PARAMETER,
                           .sink_logit = sink == NO_PARAMETER ? 0 : parameters[sink + (size_t)head],
                           .kv_bias = {.key = parameter_at(parameters, bias_key),
                                       .value = parameter_at(parameters, bias_value)},
                           .dropout = dropout != NULL && dropout->weight_rate > 0 ? dropout : NULL,
                           .dropout_place = DROPOUT_WEIGHTS + layer * layout->heads + head,
                           .sequence = sequence,
                           .scratch = workspace->attention,
                           .gemm_scratch = workspace->gemm};
}

/* A pass on its way through the layers. */
typedef struct Pass {
    const Model *model;
    const float *parameters;
    const Batch *batch;
    Workspace *workspace;
    const Dropout *dropout; /* or NULL */
    const Tap *tap;         /* or NULL */
    int rows;
} Pass;

static void attend(const Pass *pass, int layer) {
    const ModelConfig *config = &pass->model->config;
    size_t width = (size_t)config->width, head_dim = (size_t)model_head_dim(config);
    size_t length = (size_t)pass->batch->length;
    for (int s = 0; s < pass->batch->sequences; s++)
        for (int h = 0; h < config->heads; h++) {
            AttentionHead head = model_attention_head(pass->model, pass->parameters, pass->batch,
                                                      layer, s, h, pass->dropout, pass->workspace);
            float *output = pass->workspace->layers[layer].heads + (size_t)s * length * width +
                            (size_t)h * head_dim;
            attention_forward(&head, output, pass->tap, (TapView){.layer = layer, .sequence = s});
        }
}

static void run_attention(const Pass *pass, int layer, const float *input, float *output) {
    const Model *model = pass->model;
    const ModelLayer *maps = &model->layers[layer];
    Workspace *workspace = pass->workspace;
    LayerActivations *at = &workspace->layers[layer];
    const ProjectionLayout *layout = &model->projections;
    linear(&maps->projections, pass->parameters, workspace, pass->rows, input, false,
           at->projections);
    ProfilePart before = profile_enter(workspace->profile, PROFILE_ATTENTION);
    if (maps->query_key_norms[0].kind != &norm_none) {
        QueryKeyNorm norm = model_query_key_norm(model, pass->parameters, layer, workspace, NULL);
        query_key_norm_forward(&norm, layout, pass->rows, at->projections);
    }
    rotate(model, maps->position, pass->batch, at->projections);
    show_projections(pass->tap, pass->batch, layout, layer, at->projections);
    make_features(model, pass->rows, at->projections);
    attend(pass, layer);
    if (layout->gates > 0)
        gate_forward(layout, pass->rows, at->projections, at->heads, at->gated);
    profile_enter(workspace->profile, before);
    show_heads(pass->tap, pass->batch, TAP_HEAD_OUTPUT, layer, layout->heads, 1, layout->head_dim,
               (size_t)model->config.width, at->gated);
    linear(&maps->output, pass->parameters, workspace, pass->rows, at->gated, false, output);
}

/* add: to the output of the attention beside it. */
static void run_mlp(const Pass *pass, int layer, const float *input, bool add, float *output) {
    const Model *model = pass->model;
    const ModelLayer *maps = &model->layers[layer];
    Workspace *workspace = pass->workspace;
    LayerActivations *at = &workspace->layers[layer];
    int hidden = (int)model->config.hidden;
    linear(&maps->enter, pass->parameters, workspace, pass->rows, input, false, at->before);
    ProfilePart before = profile_enter(workspace->profile, PROFILE_MLP);
    model->mlp->forward(pass->rows, hidden, at->before, at->after);
    profile_enter(workspace->profile, before);
    show(pass->tap, pass->batch, TAP_MLP_BEFORE, layer, hidden, (size_t)maps->enter.out,
         at->before);
    show(pass->tap, pass->batch, TAP_MLP_AFTER, layer, hidden, (size_t)hidden, at->after);
    linear(&maps->down, pass->parameters, workspace, pass->rows, at->after, add, output);
}

static void run_branch(const Pass *pass, int layer, int branch, const float *input, float *output) {
    bool with_mlp = pass->model->config.parallel || branch == 1;
    if (branch == 0)
        run_attention(pass, layer, input, output);
    if (with_mlp)
        run_mlp(pass, layer, input, branch == 0, output);
}

static void run_norm(const Pass *pass, const ModelNorm *norm, const float *add, float *x,
                     float *out, float *statistics) {
    NormRows rows = norm_rows(pass->model, norm, pass->parameters, pass->rows);
    norm->kind->forward(&rows, add, x, out, statistics);
}

/* What enters the stream at a join, in place. */
static void drop_entering(const Pass *pass, int join) {
    size_t count = (size_t)pass->batch->length * (size_t)pass->model->config.width;
    float *sum = pass->workspace->joins[join].sum;
    if (pass->dropout != NULL && pass->dropout->rate > 0)
        dropout_apply(pass->dropout, join, pass->batch->sequences, count, sum, sum);
}

/* From one join to the next: each branch writes its own output, and the norm at the join adds the
   stream to it in passing. */
static void run_to_join(const Pass *pass, int join) {
    const Model *model = pass->model;
    int layer = (join - 1) / model->branches, branch = (join - 1) % model->branches;
    LayerActivations *at = &pass->workspace->layers[layer];
    Join *from = &pass->workspace->joins[join - 1], *to = from + 1;
    const ModelNorm *output_norm = &model->layers[layer].output_norms[branch];
    float *output = output_norm->kind == NULL ? to->sum : at->raw[branch];
    run_branch(pass, layer, branch, from->normed, output);
    if (output_norm->kind != NULL)
        run_norm(pass, output_norm, NULL, output, to->sum, at->raw_statistics[branch]);
    drop_entering(pass, join);
    run_norm(pass, &model->norms[join], join_stream(model, from), to->sum, to->normed,
             to->statistics);
}

void model_run_layers(const Model *model, const float *parameters, const Batch *batch,
                      Workspace *workspace, const Dropout *dropout, const Tap *tap) {
    const Pass pass = {.model = model,
                       .parameters = parameters,
                       .batch = batch,
                       .workspace = workspace,
                       .dropout = dropout,
                       .tap = tap,
                       .rows = batch->sequences * batch->length};
    int width = (int)model->config.width, joins = model_joins(model);
    profile_enter(workspace->profile, PROFILE_EMBEDDING);
    Join *first = workspace->joins;
    embed(model, parameters, batch, first->sum);
    drop_entering(&pass, 0);
    profile_enter(workspace->profile, PROFILE_NORMS);
    run_norm(&pass, model->norms, NULL, first->sum, first->normed, first->statistics);
    for (int j = 0; j < joins; j++) {
        if (j > 0)
            run_to_join(&pass, j);
        if (j % model->branches == 0)
            show(tap, batch, TAP_RESIDUAL, j / model->branches, width, (size_t)width,
                 join_stream(model, &workspace->joins[j]));
    }
    profile_enter(workspace->profile, PROFILE_OTHER);
}

void model_run_logits(const Model *model, const float *parameters, Workspace *workspace, int first,
                      int count) {
    size_t at = (size_t)first * (size_t)model->config.width;
    linear(&model->unembedding, parameters, workspace, count, final_input(model, workspace) + at,
           false, workspace->logits);
}

void model_forward(const Model *model, const float *parameters, const Batch *batch,
                   Workspace *workspace, const Tap *tap, float *losses) {
    model_run_layers(model, parameters, batch, workspace, NULL, tap);
    if (losses == NULL) {
        profile_pause(workspace->profile);
        return;
    }
    int rows = batch->sequences * batch->length, vocabulary = (int)model->config.vocabulary;
    for (int first = 0; first < rows; first += workspace->logit_rows) {
        int count = rows - first < workspace->logit_rows ? rows - first : workspace->logit_rows;
        model_run_logits(model, parameters, workspace, first, count);
        profile_enter(workspace->profile, PROFILE_LOSS);
        for (int r = 0; r < count; r++) {
            int target = batch->targets[first + r];
            float *logits = workspace->logits + (size_t)r * (size_t)vocabulary;
            losses[first + r] =
                target < 0 ? 0 : kernels()->cross_entropy(vocabulary, logits, target, 0);
        }
    }
    profile_pause(workspace->profile);
}

void model_logits(const Model *model, const float *parameters, const Batch *batch,
                  Workspace *workspace, float *logits) {
    model_run_layers(model, parameters, batch, workspace, NULL, NULL);
    int rows = batch->sequences * batch->length;
    size_t vocabulary = (size_t)model->config.vocabulary;
    for (int first = 0; first < rows; first += workspace->logit_rows) {
        int count = rows - first < workspace->logit_rows ? rows - first : workspace->logit_rows;
        model_run_logits(model, parameters, workspace, first, count);
        memcpy(logits + (size_t)first * vocabulary, workspace->logits,
               (size_t)count * vocabulary * sizeof *logits);
    }
}
