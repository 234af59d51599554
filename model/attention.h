/* Attention of one sequence and head. The map is made in blocks of queries small enough to stay in
   cache and is recomputed in the backward pass; keys outside a query's visible interval are never
   computed beyond the block's own width. */
#ifndef FIDUCIAL_MODEL_ATTENTION_H
#define FIDUCIAL_MODEL_ATTENTION_H

#include "model/dropout.h"
#include "model/kv_bias.h"
#include "model/position/position.h"
#include "model/tap.h"

/* What one head of one sequence reads and writes: rows are tokens, `stride` floats apart. */
typedef struct AttentionHead {
    const ModelConfig *config;
    const Position *position;
    const float *parameters;
    int head, length, head_dim;
    int stride; /* of query, key, value and their gradients */
    const float *query, *key,
        *value; /* after rotation; features where the normalization has them */
    int output_stride;
    bool has_sink; /* a sink logit takes part in the normalization */
    float sink_logit;
    float *d_sink_logit;    /* backward: its gradient is added here */
    KvBias kv_bias;         /* what is learned beside the tokens; its gradients: backward only */
    const Dropout *dropout; /* of weights, after the normalization; NULL: none */
    int dropout_place, sequence; /* of it */
    bool adds_to_keys; /* backward: d_key and d_value already hold those of heads that share them */
    float *scratch;    /* attention_scratch floats */
    float *gemm_scratch; /* GEMM_SCRATCH floats */
} AttentionHead;

/* Floats of scratch that a head of length tokens needs. */
size_t attention_scratch(int length, int head_dim);

/* output [length][head_dim] = weights · value, and what the biases add. tap may be NULL; view: its
   layer and sequence. */
void attention_forward(const AttentionHead *head, float *output, const Tap *tap, TapView view);

/* From d_output [length][head_dim] (output_stride), writes d_query, d_key, d_value (stride), before
   the rotation is undone (or adds to the last two), and adds the gradients of what the position's
   bias and the key and value biases learn. */
void attention_backward(const AttentionHead *head, const float *d_output, float *d_query,
                        float *d_key, float *d_value, float *gradient);

#endif
