#include "model/model_internal.h"

#include "model/attention.h"
#include "model/math/gemm.h"
#include "model/math/kernels.h"
#include "model/normalization.h"

#include <string.h>

/* A pass on its way back through the layers. */
typedef struct Pass {
    const Model *model;
    const float *parameters;
    const Batch *batch;
    Workspace *workspace;
    float *gradient;
    int rows;
} Pass;

/* The gradient of a map's weight (+)= d_outᵀ · input; of its bias += the sum of d_out's rows. */
static void weight_gradient(const Pass *pass, const LinearMap *map, int rows, const float *d_out,
                            const float *input, bool add) {
    Workspace *workspace = pass->workspace;
    ProfilePart before = profile_enter(workspace->profile, PROFILE_GEMM);
    gemm(&(Gemm){.form = GEMM_TN,
                 .m = map->out,
                 .n = map->in,
                 .k = rows,
                 .alpha = 1,
                 .a = {d_out, map->out},
                 .b = {input, map->in},
                 .add = add,
                 .c = {pass->gradient + map->weight, map->in},
                 .scratch = workspace->gemm});
    float *bias = gradient_at(pass->gradient, map->bias);
    if (bias != NULL)
        kernels()->block.sum_rows(rows, map->out, d_out, bias);
    profile_enter(workspace->profile, before);
}

/* d_input (+)= d_out · weight. */
static void input_gradient(const Pass *pass, const LinearMap *map, int rows, const float *d_out,
                           bool add, float *d_input) {
    Workspace *workspace = pass->workspace;
    ProfilePart before = profile_enter(workspace->profile, PROFILE_GEMM);
    gemm(&(Gemm){.form = GEMM_NN,
                 .m = rows,
                 .n = map->in,
                 .k = map->out,
                 .alpha = 1,
                 .a = {d_out, map->out},
                 .b = {pass->parameters + map->weight, map->in},
                 .add = add,
                 .c = {d_input, map->in},
                 .scratch = workspace->gemm});
    profile_enter(workspace->profile, before);
}

/* Turns workspace->logits of count rows into their gradients; returns Σ cross-entropy. */
static double loss_rows(const Batch *batch, int vocabulary, int first, int count, float scale,
                        float *logits) {
    double loss = 0;
    for (int r = 0; r < count; r++, logits += vocabulary) {
        int target = batch->targets[first + r];
        if (target >= 0)
            loss += (double)kernels()->cross_entropy(vocabulary, logits, target, scale);
        else
            memset(logits, 0, (size_t)vocabulary * sizeof *logits);
    }
    return loss;
}

/* The loss and, through the unembedding, d_branch. Logits exist a portion at a time, and become
   their own gradients in place. */
static double loss_backward(const Pass *pass, float scale) {
    const Model *model = pass->model;
    Workspace *workspace = pass->workspace;
    int rows = pass->rows, width = (int)model->config.width;
    int vocabulary = (int)model->config.vocabulary;
    double loss = 0;
    for (int first = 0; first < rows; first += workspace->logit_rows) {
        int count = rows - first < workspace->logit_rows ? rows - first : workspace->logit_rows;
        size_t at = (size_t)first * (size_t)width;
        model_run_logits(model, pass->parameters, workspace, first, count);
        profile_enter(workspace->profile, PROFILE_LOSS);
        loss += loss_rows(pass->batch, vocabulary, first, count, scale, workspace->logits);
        weight_gradient(pass, &model->unembedding, count, workspace->logits,
                        final_input(model, workspace) + at, first > 0);
        input_gradient(pass, &model->unembedding, count, workspace->logits, false,
                       workspace->d_branch + at);
    }
    profile_enter(workspace->profile, PROFILE_NORMS);
    return loss;
}

/* From d_output, the gradient of the MLP's output, to d_branch; add: to the attention's beside
   it. */
static void mlp_backward(const Pass *pass, int layer, const float *input, const float *d_output,
                         bool add) {
    const ModelLayer *maps = &pass->model->layers[layer];
    Workspace *workspace = pass->workspace;
    const LayerActivations *at = &workspace->layers[layer];
    int rows = pass->rows;
    weight_gradient(pass, &maps->down, rows, d_output, at->after, false);
    input_gradient(pass, &maps->down, rows, d_output, false, workspace->d_after);
    ProfilePart before = profile_enter(workspace->profile, PROFILE_MLP);
    pass->model->mlp->backward(rows, maps->down.in, at->before, workspace->d_after,
                               workspace->d_before);
    profile_enter(workspace->profile, before);
    weight_gradient(pass, &maps->enter, rows, workspace->d_before, input, false);
    input_gradient(pass, &maps->enter, rows, workspace->d_before, add, workspace->d_branch);
}

/* From d_branch, the gradient of the heads' outputs, to d_projections. Heads that share a key and a
   value add up in order. */
static void heads_backward(const Pass *pass, int layer) {
    const Model *model = pass->model;
    const ModelLayer *maps = &model->layers[layer];
    const Batch *batch = pass->batch;
    Workspace *workspace = pass->workspace;
    const ProjectionLayout *layout = &model->projections;
    size_t width = (size_t)model->config.width;
    for (int s = 0; s < batch->sequences; s++)
        for (int h = 0; h < layout->heads; h++) {
            size_t row = (size_t)s * (size_t)batch->length;
            float *d_rows = workspace->d_projections + row * (size_t)layout->columns;
            int column = h * layout->head_dim;
            int shared = projections_kv_head(layout, h) * layout->head_dim;
            AttentionHead head = model_attention_head(model, pass->parameters, batch, layer, s, h,
                                                      workspace_dropout(workspace), workspace);
            head.adds_to_keys =
                h > 0 && projections_kv_head(layout, h - 1) == projections_kv_head(layout, h);
            if (head.has_sink)
                head.d_sink_logit = pass->gradient + model->layers[layer].sink_logit + h;
            head.kv_bias.d_key =
                gradient_at(pass->gradient, kv_bias_offset(model, maps->kv_bias_key, h));
            head.kv_bias.d_value =
                gradient_at(pass->gradient, kv_bias_offset(model, maps->kv_bias_value, h));
            attention_backward(&head, workspace->d_branch + row * width + column, d_rows + column,
                               d_rows + layout->key + shared, d_rows + layout->value + shared,
                               pass->gradient);
        }
}

/* d_projections of the features of kernel attention, to those of the rotated queries and keys. */
static void features_backward(const Model *model, int rows, const float *projections,
                              float *d_projections) {
    const NormalizationKind *kind = normalization_of(&model->config.attention.normalization);
    const ProjectionLayout *layout = &model->projections;
    for (int r = 0; kind->feature != NULL && r < rows; r++) {
        size_t at = (size_t)r * (size_t)layout->columns;
        kind->feature_backward((size_t)layout->value, projections + at, d_projections + at);
    }
}

static void rotate_backward(const Model *model, const Position *position, const Batch *batch,
                            float *d_projections) {
    if (position->kind->rotate_backward == NULL)
        return;
    const ProjectionLayout *layout = &model->projections;
    int rows = batch->sequences * batch->length;
    for (int r = 0; r < rows; r++) {
        float *row = d_projections + (size_t)r * (size_t)layout->columns;
        for (int at = 0; at < layout->value; at += layout->head_dim)
            position->kind->rotate_backward(position, r % batch->length, row + at);
    }
}

/* The gradient of the normed queries and keys becomes that of what the projections gave. */
static void query_key_backward(const Pass *pass, int layer) {
    const Model *model = pass->model;
    if (model->layers[layer].query_key_norms[0].kind == &norm_none)
        return;
    QueryKeyNorm norm =
        model_query_key_norm(model, pass->parameters, layer, pass->workspace, pass->gradient);
    query_key_norm_backward(&norm, &model->projections, pass->rows, pass->workspace->d_projections,
                            pass->workspace->d_normed);
}

/* From d_output, the gradient of the attention's output, to d_branch. */
static void attention_layer_backward(const Pass *pass, int layer, const float *input,
                                     const float *d_output) {
    const ModelLayer *maps = &pass->model->layers[layer];
    const ProjectionLayout *layout = &pass->model->projections;
    Workspace *workspace = pass->workspace;
    const LayerActivations *at = &workspace->layers[layer];
    int rows = pass->rows;
    weight_gradient(pass, &maps->output, rows, d_output, at->gated, false);
    input_gradient(pass, &maps->output, rows, d_output, false, workspace->d_branch);
    ProfilePart before = profile_enter(workspace->profile, PROFILE_ATTENTION);
    if (layout->gates > 0)
        gate_backward(layout, rows, at->projections, at->heads, workspace->d_branch,
                      workspace->d_projections);
    heads_backward(pass, layer);
    features_backward(pass->model, rows, at->projections, workspace->d_projections);
    rotate_backward(pass->model, maps->position, pass->batch, workspace->d_projections);
    query_key_backward(pass, layer);
    profile_enter(workspace->profile, before);
    weight_gradient(pass, &maps->projections, rows, workspace->d_projections, input, false);
    input_gradient(pass, &maps->projections, rows, workspace->d_projections, false,
                   workspace->d_branch);
}

static void branch_backward(const Pass *pass, int layer, int branch, const float *input,
                            const float *d_output) {
    bool with_mlp = pass->model->config.parallel || branch == 1;
    if (branch == 0)
        attention_layer_backward(pass, layer, input, d_output);
    if (with_mlp)
        mlp_backward(pass, layer, input, d_output, branch == 0);
}

/* dx += the gradient of norm's input. */
static void norm_backward(const Pass *pass, const ModelNorm *norm, const float *x,
                          const float *statistics, const float *d_out, float *dx) {
    NormRows rows = norm_rows(pass->model, norm, pass->parameters, pass->rows);
    norm->kind->backward(&rows, x, statistics, d_out, dx, gradient_at(pass->gradient, norm->gain),
                         gradient_at(pass->gradient, norm->shift));
}

static size_t stream_bytes(const Pass *pass) {
    return (size_t)pass->rows * (size_t)pass->model->config.width * sizeof(float);
}

/* From d_residual, the gradient of the stream as it goes on from a join, to that of the join's sum:
   under pre-norm the same. */
static void to_sum(const Pass *pass, int join) {
    Workspace *workspace = pass->workspace;
    if (pass->model->config.placement != PLACEMENT_POST)
        return;
    float *d_stream = workspace->d_residual;
    workspace->d_residual = workspace->d_branch;
    workspace->d_branch = d_stream;
    memset(workspace->d_residual, 0, stream_bytes(pass));
    norm_backward(pass, &pass->model->norms[join], workspace->joins[join].sum,
                  workspace->joins[join].statistics, d_stream, workspace->d_residual);
}

/* d_residual += the gradient d_branch of what is read at a join: through its norm under pre-norm,
   straight from the stream under post-norm. */
static void from_reader(const Pass *pass, int join) {
    static const ModelNorm none = {&norm_none, NO_PARAMETER, NO_PARAMETER};
    const Model *model = pass->model;
    Workspace *workspace = pass->workspace;
    const ModelNorm *norm = model->config.placement == PLACEMENT_POST ? &none : &model->norms[join];
    norm_backward(pass, norm, workspace->joins[join].sum, workspace->joins[join].statistics,
                  workspace->d_branch, workspace->d_residual);
}

/* The gradient of what enters the stream at a join, before dropout; d_in may be d_out. */
static void drop_backward(const Pass *pass, int join, const float *d_out, float *d_in) {
    size_t count = (size_t)pass->batch->length * (size_t)pass->model->config.width;
    dropout_apply(&pass->workspace->dropout, join, pass->batch->sequences, count, d_out, d_in);
}

/* From the gradient of the stream after a join, in d_residual, to that before its branch. */
static void join_backward(const Pass *pass, int join) {
    const Model *model = pass->model;
    Workspace *workspace = pass->workspace;
    int layer = (join - 1) / model->branches, branch = (join - 1) % model->branches;
    const LayerActivations *at = &workspace->layers[layer];
    const ModelNorm *output_norm = &model->layers[layer].output_norms[branch];
    const float *input = workspace->joins[join - 1].normed;
    to_sum(pass, join);
    const float *d_output = workspace->d_residual;
    if (workspace->dropout.rate > 0) {
        drop_backward(pass, join, d_output, workspace->d_dropped);
        d_output = workspace->d_dropped;
    }
    if (output_norm->kind != NULL) {
        memset(workspace->d_raw, 0, stream_bytes(pass));
        norm_backward(pass, output_norm, at->raw[branch], at->raw_statistics[branch], d_output,
                      workspace->d_raw);
        d_output = workspace->d_raw;
    }
    branch_backward(pass, layer, branch, input, d_output);
    from_reader(pass, join - 1);
}

static void embedding_backward(const Pass *pass) {
    const Model *model = pass->model;
    const Batch *batch = pass->batch;
    size_t width = (size_t)model->config.width, length = (size_t)batch->length;
    float scale = (float)model->config.embedding_scale;
    for (int s = 0; s < batch->sequences; s++) {
        const float *rows = pass->workspace->d_residual + (size_t)s * length * width;
        const int32_t *tokens = batch->inputs + (size_t)s * length;
        for (size_t t = 0; t < length; t++)
            kernels()->block.add_scaled(width, scale, rows + t * width,
                                        pass->gradient + model->token_embedding +
                                            (size_t)tokens[t] * width);
        for (size_t i = 0; i < model->position_count; i++) {
            const Position *position = &model->positions[i];
            if (position->kind->embed_backward != NULL)
                position->kind->embed_backward(position, batch->length, rows, pass->gradient);
        }
    }
}

/* Matrices are overwritten by their products; what is added to (norms, biases, embeddings, what
   positions learn) starts from zero. */
static void clear_accumulated(const Model *model, float *gradient) {
    for (size_t i = 0; i < model->table.count; i++) {
        const Parameter *entry = &model->table.entries[i];
        if (entry->columns == 0 || entry->layer < 0)
            memset(gradient + entry->offset, 0, entry->count * sizeof *gradient);
    }
}

double model_gradient(const Model *model, const float *parameters, const Batch *batch,
                      double loss_scale, Workspace *workspace, float *gradient) {
    const Pass pass = {model,     parameters, batch,
                       workspace, gradient,   batch->sequences * batch->length};
    profile_enter(workspace->profile, PROFILE_OTHER);
    clear_accumulated(model, gradient);
    model_run_layers(model, parameters, batch, workspace, workspace_dropout(workspace), NULL);
    double loss = loss_backward(&pass, (float)loss_scale);
    memset(workspace->d_residual, 0, stream_bytes(&pass));
    int last = model_joins(model) - 1;
    from_reader(&pass, last);
    for (int join = last; join > 0; join--)
        join_backward(&pass, join);
    profile_enter(workspace->profile, PROFILE_EMBEDDING);
    if (workspace->dropout.rate > 0)
        drop_backward(&pass, 0, workspace->d_residual, workspace->d_residual);
    embedding_backward(&pass);
    profile_pause(workspace->profile);
    return loss;
}
