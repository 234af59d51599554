/* What attention varies in: who sees whom, and how scores become weights. */
#ifndef FIDUCIAL_MODEL_ATTENTION_CONFIG_H
#define FIDUCIAL_MODEL_ATTENTION_CONFIG_H

#include "model/base/field.h"

/* What each head's output is multiplied by: σ(x·weightᵀ), x what the block reads, one value per
   head or one per dimension (Qiu et al., arXiv 2505.06708, section 2: the gate after the
   attention). */
typedef enum AttentionGate { GATE_NONE, GATE_HEAD, GATE_ELEMENTWISE } AttentionGate;

typedef struct AttentionConfig {
    KindChoice mask;           /* see model/mask.h */
    int64_t window;            /* keys a query sees at most on one side, itself included; 0: all */
    int64_t window_shift;      /* tokens between the query and the end of its window */
    KindChoice normalization;  /* see model/normalization.h */
    bool sink_logit;           /* a learned logit per head in the softmax's denominator */
    KindChoice kv_bias;        /* see model/kv_bias.h */
    double soft_cap;           /* scores become cap · tanh(score / cap); 0: none */
    double temperature;        /* scores are divided by it */
    KindChoice query_key_norm; /* a NormKind: of each head's query and key, before rotation */
    int gate;                  /* AttentionGate */
} AttentionConfig;

/* The keys below `model.attention:` in YAML. */
extern const FieldTable attention_config_fields;

/* As model_config_check, for these keys. context: the longest sequence. */
Status attention_config_check(const AttentionConfig *config, int64_t context, const char **culprit,
                              Error *error);

#endif
