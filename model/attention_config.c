#include "model/attention_config.h"

#include "model/kv_bias.h"
#include "model/mask.h"
#include "model/normalization.h"
#include "model/norms/norm.h"

#define OF(member) offsetof(AttentionConfig, member)

static const char *const gates[] = {"none", "head", "elementwise", NULL};

static const Field fields[] = {
    {.name = "mask",
     .type = FIELD_KIND,
     .offset = OF(mask),
     .fallback = "causal",
     .kinds = &mask_kinds,
     .kind_key = "kind",
     .meaning = "which keys a query sees"},
    {.name = "window",
     .type = FIELD_INTEGER,
     .offset = OF(window),
     .fallback = "0",
     .minimum = 0,
     .maximum = 65536,
     .meaning = "keys a query sees at most on one side, itself included; 0: all",
     .source = "arXiv 2410.10781"},
    {.name = "window_shift",
     .type = FIELD_INTEGER,
     .offset = OF(window_shift),
     .fallback = "0",
     .minimum = 0,
     .maximum = 65536,
     .meaning = "tokens between the query and the end of its causal window; a query whose window "
                "lies before the sequence sees itself alone",
     .source = "arXiv 2410.10781"},
    {.name = "normalization",
     .type = FIELD_KIND,
     .offset = OF(normalization),
     .fallback = "softmax",
     .kinds = &normalization_kinds,
     .kind_key = "kind",
     .meaning = "how scores become weights",
     .source = "arXiv 2410.10781"},
    {.name = "sink_logit",
     .type = FIELD_BOOL,
     .offset = OF(sink_logit),
     .fallback = "false",
     .meaning = "a learned logit per head joins the softmax's denominator",
     .source = "gpt-oss, arXiv 2508.10925"},
    {.name = "kv_bias",
     .type = FIELD_KIND,
     .offset = OF(kv_bias),
     .fallback = "none",
     .kinds = &kv_bias_kinds,
     .kind_key = "kind",
     .meaning = "what is learned beside the keys and values of the tokens",
     .source = "arXiv 2410.10781, section 7"},
    {.name = "soft_cap",
     .type = FIELD_REAL,
     .offset = OF(soft_cap),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e6,
     .meaning = "scores become cap·tanh(score/cap); 0: none",
     .source = "Gemma 2, arXiv 2408.00118"},
    {.name = "temperature",
     .type = FIELD_REAL,
     .offset = OF(temperature),
     .fallback = "1",
     .minimum = 1e-3,
     .maximum = 1e3,
     .meaning = "query-key products are divided by it"},
    {.name = "query_key_norm",
     .type = FIELD_KIND,
     .offset = OF(query_key_norm),
     .fallback = "none",
     .kinds = &norm_kinds,
     .kind_key = "kind",
     .meaning = "norm of each head's query and key before rotation; a layer's heads share its gain",
     .source = "arXiv 2302.05442, section 2 (layer); arXiv 2505.09388 (rms)"},
    {.name = "gate",
     .type = FIELD_CHOICE,
     .offset = OF(gate),
     .fallback = "none",
     .choices = gates,
     .meaning =
         "multiply each head's output by the sigmoid of a map of the block's normed input: one "
         "value per head, or one per dimension",
     .source = "arXiv 2505.06708"},
};

const FieldTable attention_config_fields = FIELD_TABLE(fields);

/* A slot of value zero acts through a sum alone. */
static Status kv_bias_check(const AttentionConfig *config, const char **culprit, Error *error) {
    const KvBiasKind *bias = kv_bias_of(&config->kv_bias);
    const NormalizationKind *kind = normalization_of(&config->normalization);
    if (!bias->key || bias->value || !kind->separate)
        return STATUS_OK;
    *culprit = "model.attention.kv_bias";
    return error_set(
        error, STATUS_BAD_INPUT,
        "a key whose value is zero acts through the sum that weights are divided by, and "
        "%s as set here has none, so it would change nothing; use key-value or value",
        kind->kind.name);
}

/* Kernels have no exponential for a cap to bend; their scores are products of features. */
static Status kernel_check(const AttentionConfig *config, const char **culprit, Error *error) {
    const NormalizationKind *kind = normalization_of(&config->normalization);
    if (kind->kernel && config->soft_cap > 0) {
        *culprit = "model.attention.soft_cap";
        return error_set(
            error, STATUS_BAD_INPUT,
            "a soft cap bends scores before their exponential, and the weights of %s are "
            "the products themselves; only 0 is allowed with it",
            kind->kind.name);
    }
    if (kind->scale_free && !(config->temperature == 1)) {
        *culprit = "model.attention.temperature";
        return error_set(
            error, STATUS_BAD_INPUT,
            "%s divides the products by their sum, so that a temperature cancels; only 1 "
            "is allowed, or normalized: false",
            kind->kind.name);
    }
    return STATUS_OK;
}

Status attention_config_check(const AttentionConfig *config, int64_t context, const char **culprit,
                              Error *error) {
    const MaskKind *mask = (const MaskKind *)config->mask.kind;
    if (config->window > 0 && mask->window == NULL) {
        *culprit = "model.attention.window";
        return error_set(error, STATUS_BAD_INPUT,
                         "the %s mask has no window; masks with one: causal, bidirectional",
                         mask->kind.name);
    }
    if (config->window_shift > 0 && (config->window == 0 || !mask->causal)) {
        *culprit = "model.attention.window_shift";
        return error_set(error, STATUS_BAD_INPUT,
                         "only the window of a causal mask can be shifted, and here the mask is %s "
                         "and the window %lld; set model.attention.window too, and mask: causal",
                         mask->kind.name, (long long)config->window);
    }
    ModelConfig model = {.attention = *config};
    if (mask_prefix(&model) > context) {
        *culprit = "model.attention.mask";
        return error_set(error, STATUS_BAD_INPUT,
                         "the prefix of %lld tokens is longer than model.context, which is %lld",
                         (long long)mask_prefix(&model), (long long)context);
    }
    if (config->sink_logit && !normalization_of(&config->normalization)->takes_sink_logit) {
        *culprit = "model.attention.sink_logit";
        return error_set(error, STATUS_BAD_INPUT,
                         "a sink logit belongs to the softmax's denominator; the normalization is "
                         "%s",
                         config->normalization.kind->name);
    }
    TRY(kv_bias_check(config, culprit, error));
    return kernel_check(config, culprit, error);
}
