/* What the files of the model share: the prepared model and a thread's workspace.

   The residual stream passes a row of *joins*, numbered from 0: at join 0 the embedding enters it,
   at every other a branch's output is added to it. A join may have a norm. The branch that follows
   reads what the norm gives; so does the unembedding after the last join. A block has two branches,
   attention and MLP, or one: attention alone, or both side by side (parallel). Under pre-norm the
   stream goes on as the sum, under post-norm as the norm of the sum, and join 0 has no norm. */
#ifndef FIDUCIAL_MODEL_INTERNAL_H
#define FIDUCIAL_MODEL_INTERNAL_H

#include "model/attention.h"
#include "model/base/profile.h"
#include "model/dropout.h"
#include "model/kv_bias.h"
#include "model/mlps/mlp.h"
#include "model/model.h"
#include "model/norms/norm.h"
#include "model/position/position.h"
#include "model/projections.h"

enum { BRANCHES_LARGEST = 2 };

/* The offset of a parameter that there is not. */
#define NO_PARAMETER SIZE_MAX

/* y [out] = x [in] · weightᵀ + bias; offsets into the parameter block. */
typedef struct LinearMap {
    int out, in;
    size_t weight, bias; /* bias: or NO_PARAMETER */
} LinearMap;

typedef struct ModelNorm {
    const NormKind *kind;
    size_t gain, shift; /* or NO_PARAMETER */
} ModelNorm;

/* query, key, value and the heads' gates are one map, as are gate and up of the MLP: their
   parameters are neighbours. */
typedef struct ModelLayer {
    const Position *position;
    LinearMap projections, output;
    LinearMap enter, down;                    /* of the MLP */
    ModelNorm output_norms[BRANCHES_LARGEST]; /* sandwich: of a branch's output; else kind NULL */
    ModelNorm query_key_norms[2];             /* of queries and of keys */
    size_t sink_logit;                        /* [heads], or NO_PARAMETER */
    size_t kv_bias_key, kv_bias_value; /* [heads·head_dim], or [head_dim] shared, or NO_PARAMETER */
} ModelLayer;

struct Model {
    ModelConfig config;
    ParameterTable table;
    const MlpKind *mlp;
    ProjectionLayout projections;
    int branches; /* per layer */
    ModelLayer *layers;
    ModelNorm *norms;    /* [joins] */
    Position *positions; /* [position_count], no two alike */
    size_t position_count;
    size_t token_embedding;
    LinearMap unembedding;
};

/* layers · branches + 1. */
static inline int model_joins(const Model *model) {
    return (int)model->config.layers * model->branches + 1;
}

/* Where a parameter is in a block laid out like the parameters; NULL where there is none. */
static inline const float *parameter_at(const float *block, size_t offset) {
    return offset == NO_PARAMETER ? NULL : block + offset;
}

static inline float *gradient_at(float *block, size_t offset) {
    return offset == NO_PARAMETER ? NULL : block + offset;
}

/* One head's part of its layer's kv_bias_key or kv_bias_value. */
static inline size_t kv_bias_offset(const Model *model, size_t offset, int head) {
    if (offset == NO_PARAMETER || kv_bias_shared(&model->config.attention.kv_bias))
        return offset;
    return offset + (size_t)head * (size_t)model_head_dim(&model->config);
}

/* One join's rows. */
typedef struct Join {
    float *sum;        /* [width] what came in, plus the branch's output */
    float *normed;     /* [width] the norm of sum; sum itself where there is no norm */
    float *statistics; /* of the norm */
} Join;

/* Activations of one layer, each [rows][…]. */
typedef struct LayerActivations {
    float *projections; /* [columns of the layout] queries, keys rotated, gates after the sigmoid */
    float *raw_projections[2];       /* queries and keys before their norm, where they have one */
    float *projection_statistics[2]; /* of that norm */
    float *heads;                    /* [width] the heads' outputs side by side */
    float *gated;  /* [width] the same times their gates; heads itself where there are none */
    float *before; /* [maps·hidden] the MLP's hidden units before the nonlinearity */
    float *after;  /* [hidden] and after it */
    float *raw[BRANCHES_LARGEST];            /* [width] sandwich: outputs before their norm */
    float *raw_statistics[BRANCHES_LARGEST]; /* of that norm */
} LayerActivations;

struct Workspace {
    Profile *profile; /* or NULL */
    Dropout dropout;  /* of model_gradient */
    int rows;         /* sequences × length it was made for */
    bool backward;
    LayerActivations *layers; /* all the same memory where there is no backward pass */
    Join *joins;              /* of two kinds of memory in turn where there is no backward pass */
    int logit_rows;           /* rows of logits at a time */
    float *logits;            /* [logit_rows][vocabulary] */
    float *attention;         /* attention_scratch of the longest sequence */
    float *gemm;              /* GEMM_SCRATCH */
    /* backward only */
    float *d_residual;    /* [rows][width] of the stream */
    float *d_branch;      /* [rows][width] of what a branch reads */
    float *d_raw;         /* [rows][width] sandwich: of a branch's output before its norm */
    float *d_dropped;     /* [rows][width] of a branch's output before dropout */
    float *d_projections; /* [rows][columns of the layout] */
    float *d_normed;      /* [width] of one row's queries after their norm */
    float *d_after;       /* [rows][hidden] */
    float *d_before;      /* [rows][maps·hidden] */
};

/* What model_gradient drops; NULL: nothing. */
static inline const Dropout *workspace_dropout(const Workspace *workspace) {
    const Dropout *dropout = &workspace->dropout;
    return dropout->rate > 0 || dropout->weight_rate > 0 ? dropout : NULL;
}

/* The stream as it goes on from join. */
static inline const float *join_stream(const Model *model, const Join *join) {
    return model->config.placement == PLACEMENT_POST ? join->normed : join->sum;
}

/* What the unembedding reads. */
static inline const float *final_input(const Model *model, const Workspace *workspace) {
    return workspace->joins[model_joins(model) - 1].normed;
}

static inline NormRows norm_rows(const Model *model, const ModelNorm *norm, const float *parameters,
                                 int rows) {
    return (NormRows){.rows = rows,
                      .width = (int)model->config.width,
                      .gain = parameter_at(parameters, norm->gain),
                      .shift = parameter_at(parameters, norm->shift)};
}

/* Embeds and runs all layers and the last norm. dropout and tap may be NULL. */
void model_run_layers(const Model *model, const float *parameters, const Batch *batch,
                      Workspace *workspace, const Dropout *dropout, const Tap *tap);

/* The norm of a layer's queries and keys, with where its gradient goes (NULL: nowhere). */
QueryKeyNorm model_query_key_norm(const Model *model, const float *parameters, int layer,
                                  const Workspace *workspace, float *gradient);

/* Logits of rows first … first + count − 1 into workspace->logits. */
void model_run_logits(const Model *model, const float *parameters, Workspace *workspace, int first,
                      int count);

/* One head of one sequence, as both passes see it: its rows of the layer's projections. dropout may
   be NULL. */
AttentionHead model_attention_head(const Model *model, const float *parameters, const Batch *batch,
                                   int layer, int sequence, int head, const Dropout *dropout,
                                   Workspace *workspace);

#endif
