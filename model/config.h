/* What a model is: sizes and the choices of kind. Filled from YAML by way of
   model_config_fields. */
#ifndef FIDUCIAL_MODEL_CONFIG_H
#define FIDUCIAL_MODEL_CONFIG_H

#include "model/attention_config.h"
#include "model/base/error.h"
#include "model/base/field.h"

#include <stdint.h>

/* Where norms stand, N the norm and f a branch (attention or MLP). */
typedef enum Placement {
    PLACEMENT_PRE,      /* x + f(N(x)), and a final norm (arXiv 2002.04745) */
    PLACEMENT_POST,     /* N(x + f(x)), no final norm (arXiv 1706.03762) */
    PLACEMENT_SANDWICH, /* x + N(f(N(x))), and a final norm (arXiv 2105.13290) */
} Placement;

/* How the maps that write into the residual stream (output and down) start; all else is
   N(0, scale²). */
typedef enum InitScheme {
    INIT_NORMAL,       /* N(0, scale²) */
    INIT_DEPTH_SCALED, /* N(0, scale² / (2·layers)) */
    INIT_ZERO_OUTPUT,  /* 0 */
} InitScheme;

typedef struct InitConfig {
    int scheme;   /* InitScheme */
    double scale; /* standard deviation */
} InitConfig;

typedef struct ModelConfig {
    int64_t layers, width, heads;
    int64_t kv_heads;   /* key-value heads, shared by groups of heads; 0: as many as heads */
    int64_t hidden;     /* MLP hidden units */
    int64_t context;    /* longest sequence, tokens */
    int64_t vocabulary; /* 0 until the data source has said */
    AttentionConfig attention;
    KindList position; /* of PositionKind: one for all layers, or one for each */
    KindChoice norm;   /* a NormKind */
    int placement;     /* Placement */
    KindChoice mlp;    /* an MlpKind */
    bool parallel;     /* attention and MLP read the same normed input, and are added together */
    bool biases;       /* of the attention's and the MLP's maps */
    bool tied;         /* the unembedding is the token embedding */
    double embedding_scale; /* factor on the token embedding as it enters the stream */
    InitConfig init;
} ModelConfig;

/* The keys below `model:` in YAML. */
extern const FieldTable model_config_fields;

static inline int64_t model_head_dim(const ModelConfig *config) {
    return config->width / config->heads;
}

/* Key-value heads; head h reads the one of number h · kv_heads / heads. */
static inline int64_t model_kv_heads(const ModelConfig *config) {
    return config->kv_heads == 0 ? config->heads : config->kv_heads;
}

/* The position encoding of one layer. */
static inline const KindChoice *model_layer_position(const ModelConfig *config, int layer) {
    return &config->position.items[config->position.count == 1 ? 0 : layer];
}

/* Refuses impossible combinations with STATUS_BAD_INPUT; *culprit then names the dotted key to
   point at ("model.heads"). */
Status model_config_check(const ModelConfig *config, const char **culprit, Error *error);

#endif
