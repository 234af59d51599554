/* A thread's memory for passes of one model: counted first, so that "too large" is a message. */
#include "model/model_internal.h"

#include "model/attention.h"
#include "model/math/gemm.h"

#include <limits.h>

/* Logits in portions of about 4 MB, so that they are still in cache when they are read. */
static int logit_rows_for(const Model *model, int rows) {
    int64_t portion = (1 << 20) / model->config.vocabulary;
    portion = portion < 16 ? 16 : portion;
    return portion < rows ? (int)portion : rows;
}

typedef struct Measure {
    Arena *arena; /* NULL: only count */
    size_t bytes;
} Measure;

static float *take(Measure *measure, size_t count) {
    measure->bytes += (count * sizeof(float) + 63) / 64 * 64;
    return measure->arena == NULL ? NULL : ARENA_ARRAY(measure->arena, float, count);
}

/* Queries and keys before their norm. */
static void take_raw_projections(Measure *measure, const Model *model, size_t rows,
                                 LayerActivations *taken) {
    const NormKind *norm = model->layers[0].query_key_norms[0].kind;
    const size_t heads[] = {(size_t)model->projections.heads, (size_t)model->projections.kv_heads};
    for (int i = 0; norm != &norm_none && i < 2; i++) {
        taken->raw_projections[i] =
            take(measure, rows * heads[i] * (size_t)model->projections.head_dim);
        taken->projection_statistics[i] = take(measure, rows * heads[i] * (size_t)norm->statistics);
    }
}

static LayerActivations take_layer(Measure *measure, const Model *model, size_t rows) {
    size_t width = (size_t)model->config.width, hidden = (size_t)model->config.hidden;
    size_t maps = (size_t)model->mlp->maps;
    LayerActivations taken = {
        .projections = take(measure, rows * (size_t)model->projections.columns),
        .heads = take(measure, rows * width),
        .before = take(measure, rows * maps * hidden),
        .after = take(measure, maps == 0 ? 0 : rows * hidden),
    };
    taken.gated = model->projections.gates == 0 ? taken.heads : take(measure, rows * width);
    take_raw_projections(measure, model, rows, &taken);
    for (int b = 0; b < model->branches; b++) {
        const NormKind *norm = model->layers[0].output_norms[b].kind;
        if (norm == NULL)
            continue;
        taken.raw[b] = take(measure, rows * width);
        taken.raw_statistics[b] = take(measure, rows * (size_t)norm->statistics);
    }
    return taken;
}

/* statistics: floats per row, enough for the norm at any join. */
static Join take_join(Measure *measure, const Model *model, const NormKind *norm, size_t rows) {
    size_t width = (size_t)model->config.width;
    Join join = {.sum = take(measure, rows * width)};
    bool identity = !norm->gain && !norm->shift;
    join.normed = identity ? join.sum : take(measure, rows * width);
    join.statistics = take(measure, rows * (size_t)norm->statistics);
    return join;
}

/* Without a backward pass a join's memory is free again two joins later. */
static void take_joins(Measure *measure, const Model *model, Workspace *workspace) {
    size_t rows = (size_t)workspace->rows;
    const NormKind *largest = (const NormKind *)model->config.norm.kind;
    for (int j = 0; j < model_joins(model); j++) {
        const NormKind *norm = model->norms[j].kind;
        Join taken;
        if (workspace->backward)
            taken = take_join(measure, model, norm, rows);
        else if (j < 2)
            taken = take_join(measure, model, largest, rows);
        else if (workspace->joins != NULL)
            taken = workspace->joins[j - 2];
        else
            continue;
        if (workspace->joins != NULL)
            workspace->joins[j] = taken;
    }
    if (workspace->backward || workspace->joins == NULL)
        return;
    for (int j = 0; j < model_joins(model); j++)
        if (model->norms[j].kind == &norm_none)
            workspace->joins[j].normed = workspace->joins[j].sum;
}

static void take_backward(Measure *measure, const Model *model, Workspace *workspace) {
    size_t rows = (size_t)workspace->rows, width = (size_t)model->config.width;
    size_t hidden = (size_t)model->config.hidden, maps = (size_t)model->mlp->maps;
    workspace->d_residual = take(measure, rows * width);
    workspace->d_branch = take(measure, rows * width);
    if (model->config.placement == PLACEMENT_SANDWICH)
        workspace->d_raw = take(measure, rows * width);
    workspace->d_dropped = take(measure, rows * width);
    workspace->d_projections = take(measure, rows * (size_t)model->projections.columns);
    workspace->d_normed = take(measure, width);
    workspace->d_after = take(measure, maps == 0 ? 0 : rows * hidden);
    workspace->d_before = take(measure, rows * maps * hidden);
}

static void take_all(Measure *measure, const Model *model, int length, Workspace *workspace) {
    const ModelConfig *config = &model->config;
    size_t rows = (size_t)workspace->rows;
    for (int l = 0; l < config->layers; l++) {
        LayerActivations taken = {0};
        if (l == 0 || workspace->backward)
            taken = take_layer(measure, model, rows);
        else if (workspace->layers != NULL)
            taken = workspace->layers[0];
        if (workspace->layers != NULL)
            workspace->layers[l] = taken;
    }
    take_joins(measure, model, workspace);
    workspace->logits = take(measure, (size_t)workspace->logit_rows * (size_t)config->vocabulary);
    workspace->attention = take(measure, attention_scratch(length, (int)model_head_dim(config)));
    workspace->gemm = take(measure, GEMM_SCRATCH);
    if (workspace->backward)
        take_backward(measure, model, workspace);
}

Status workspace_create(const Model *model, int sequences, int length, bool backward, Arena *arena,
                        Workspace **result, Error *error) {
    if ((int64_t)sequences * length > INT_MAX)
        return error_set(error, STATUS_FAILED,
                         "%d sequences of %d tokens are too many to compute at once, at most %d "
                         "tokens; split the batch into more train.lanes",
                         sequences, length, INT_MAX);
    int rows = sequences * length;
    Workspace counted = {
        .rows = rows, .backward = backward, .logit_rows = logit_rows_for(model, rows)};
    Measure measure = {0};
    take_all(&measure, model, length, &counted);
    size_t layers = (size_t)model->config.layers, joins = (size_t)model_joins(model);
    size_t fixed =
        sizeof(Workspace) + layers * sizeof(LayerActivations) + joins * sizeof(Join) + 256;
    TRY(arena_reserve(arena, measure.bytes + fixed, error));
    Workspace *workspace = ARENA_ARRAY(arena, Workspace, 1);
    *workspace = counted;
    workspace->layers = ARENA_ARRAY(arena, LayerActivations, layers);
    workspace->joins = ARENA_ARRAY(arena, Join, joins);
    measure = (Measure){.arena = arena};
    take_all(&measure, model, length, workspace);
    *result = workspace;
    return STATUS_OK;
}

void workspace_set_dropout(Workspace *workspace, Dropout dropout) {
    workspace->dropout = dropout;
}

void workspace_set_profile(Workspace *workspace, Profile *profile) {
    workspace->profile = profile;
}
