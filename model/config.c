#include "model/config.h"

#include "model/mlps/mlp.h"
#include "model/normalization.h"
#include "model/norms/norm.h"
#include "model/position/position.h"

#include <string.h>

#define OF(member) offsetof(ModelConfig, member)

static const char *const placements[] = {"pre", "post", "sandwich", NULL};
static const char *const schemes[] = {"normal", "depth-scaled", "zero-output", NULL};

static const Field init_fields[] = {
    {.name = "scheme",
     .type = FIELD_CHOICE,
     .offset = offsetof(InitConfig, scheme),
     .fallback = "normal",
     .choices = schemes,
     .meaning =
         "how the output and down maps start: like every other matrix, divided by the square "
         "root of 2·layers, or at zero",
     .source = "arXiv 1901.09321 (zero), GPT-2 (depth-scaled)"},
    {.name = "scale",
     .type = FIELD_REAL,
     .offset = offsetof(InitConfig, scale),
     .fallback = "0.02",
     .minimum = 1e-6,
     .maximum = 100,
     .meaning = "standard deviation of the normal distribution that matrices start from"},
};

static const FieldTable init_table = FIELD_TABLE(init_fields);

static const Field fields[] = {
    {.name = "layers",
     .type = FIELD_INTEGER,
     .offset = OF(layers),
     .fallback = "2",
     .minimum = 1,
     .maximum = 256,
     .meaning = "number of transformer blocks"},
    {.name = "width",
     .type = FIELD_INTEGER,
     .offset = OF(width),
     .fallback = "64",
     .minimum = 1,
     .maximum = 16384,
     .meaning = "dimensions of the residual stream"},
    {.name = "heads",
     .type = FIELD_INTEGER,
     .offset = OF(heads),
     .fallback = "1",
     .minimum = 1,
     .maximum = 256,
     .meaning = "attention heads per layer; divides width"},
    {.name = "kv_heads",
     .type = FIELD_INTEGER,
     .offset = OF(kv_heads),
     .fallback = "0",
     .minimum = 0,
     .maximum = 256,
     .meaning = "key-value heads per layer, each shared by heads/kv_heads heads; divides heads; 0: "
                "as many as heads",
     .source = "arXiv 2305.13245 (grouped queries), arXiv 1911.02150 (one for all)"},
    {.name = "hidden",
     .type = FIELD_INTEGER,
     .offset = OF(hidden),
     .fallback = "128",
     .minimum = 1,
     .maximum = 65536,
     .meaning = "hidden units of the MLP"},
    {.name = "context",
     .type = FIELD_INTEGER,
     .offset = OF(context),
     .fallback = "64",
     .minimum = 1,
     .maximum = 65536,
     .meaning = "longest sequence, in tokens"},
    {.name = "vocabulary",
     .type = FIELD_INTEGER,
     .offset = OF(vocabulary),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1 << 20,
     .meaning = "number of tokens; 0: as many as the data source has"},
    {.name = "position",
     .type = FIELD_KIND_EACH,
     .offset = OF(position),
     .fallback = "rope",
     .kinds = &position_kinds,
     .kind_key = "kind",
     .meaning = "position encoding: one for every layer, or a list with one for each"},
    {.name = "attention",
     .type = FIELD_GROUP,
     .offset = OF(attention),
     .group = &attention_config_fields,
     .meaning = "who sees whom, and how scores become weights"},
    {.name = "norm",
     .type = FIELD_KIND,
     .offset = OF(norm),
     .fallback = "rms",
     .kinds = &norm_kinds,
     .kind_key = "kind",
     .meaning = "norm of the residual stream"},
    {.name = "placement",
     .type = FIELD_CHOICE,
     .offset = OF(placement),
     .fallback = "pre",
     .choices = placements,
     .meaning =
         "norms before each branch and a final one; after each addition and no final one; or "
         "before and after each branch and a final one",
     .source = "arXiv 2002.04745 (pre, post), arXiv 2105.13290 (sandwich)"},
    {.name = "mlp",
     .type = FIELD_KIND,
     .offset = OF(mlp),
     .fallback = "swiglu",
     .kinds = &mlp_kinds,
     .kind_key = "kind",
     .meaning = "the MLP of each block; none leaves attention alone"},
    {.name = "parallel",
     .type = FIELD_BOOL,
     .offset = OF(parallel),
     .fallback = "false",
     .meaning = "attention and MLP read the same normed input, and both are added to the stream",
     .source = "GPT-J; arXiv 2204.02311, section 2"},
    {.name = "biases",
     .type = FIELD_BOOL,
     .offset = OF(biases),
     .fallback = "false",
     .meaning = "add a learned bias to the attention's and the MLP's maps"},
    {.name = "tied",
     .type = FIELD_BOOL,
     .offset = OF(tied),
     .fallback = "false",
     .meaning = "the unembedding is the token embedding",
     .source = "arXiv 1608.05859"},
    {.name = "embedding_scale",
     .type = FIELD_REAL,
     .offset = OF(embedding_scale),
     .fallback = "1",
     .minimum = 1e-6,
     .maximum = 1e6,
     .meaning = "factor on the token embedding as it enters the residual stream",
     .source = "arXiv 1706.03762, section 3.4"},
    {.name = "init",
     .type = FIELD_GROUP,
     .offset = OF(init),
     .group = &init_table,
     .meaning = "the parameters before the first step"},
};

const FieldTable model_config_fields = FIELD_TABLE(fields);

static bool same_choice(const KindChoice *first, const KindChoice *second) {
    return first->kind == second->kind &&
           memcmp(&first->options, &second->options, sizeof first->options) == 0;
}

/* What holds of two different encodings in one model. */
static Status positions_fit(const KindChoice *first, const KindChoice *second, Error *error) {
    const PositionKind *kind = (const PositionKind *)first->kind;
    if (same_choice(first, second))
        return STATUS_OK;
    if (kind->embed != NULL)
        return error_set(error, STATUS_BAD_INPUT,
                         "%s is added to the embedding, before any layer, so it cannot be that of "
                         "single layers; give it alone, or mix encodings that act in the attention",
                         first->kind->name);
    if (kind->parameters != NULL && first->kind == second->kind)
        return error_set(
            error, STATUS_BAD_INPUT,
            "the layers share the parameters of %s, so its options must be the same in "
            "every layer that has it",
            first->kind->name);
    return STATUS_OK;
}

/* The weights of kernel attention are products of features: nothing can be added to them. */
static Status kernel_fits(const ModelConfig *config, const PositionKind *position, Error *error) {
    const NormalizationKind *kind = normalization_of(&config->attention.normalization);
    if (!kind->kernel || position->bias == NULL)
        return STATUS_OK;
    return error_set(
        error, STATUS_BAD_INPUT,
        "%s is added to scores, and the weights of %s are products of features; use an "
        "encoding that rotates queries and keys or is added to the embedding, or nope",
        position->kind.name, kind->kind.name);
}

static Status positions_check(const ModelConfig *config, const char **culprit, Error *error) {
    const KindList *list = &config->position;
    *culprit = "model.position";
    if (!list->single && list->count != (size_t)config->layers)
        return error_set(error, STATUS_BAD_INPUT,
                         "a list of position encodings has one for each layer: %lld, not %zu",
                         (long long)config->layers, list->count);
    for (size_t i = 0; i < list->count; i++) {
        const PositionKind *kind = (const PositionKind *)list->items[i].kind;
        if (kind->check != NULL)
            TRY(kind->check(config, &list->items[i].options, culprit, error));
        TRY(kernel_fits(config, kind, error));
        for (size_t j = 0; j < list->count; j++)
            TRY(positions_fit(&list->items[i], &list->items[j], error));
    }
    return STATUS_OK;
}

Status model_config_check(const ModelConfig *config, const char **culprit, Error *error) {
    if (config->width % config->heads != 0) {
        *culprit = "model.heads";
        return error_set(error, STATUS_BAD_INPUT,
                         "the width must be a multiple of the number of heads; %lld is not a "
                         "multiple of %lld",
                         (long long)config->width, (long long)config->heads);
    }
    if (config->heads % model_kv_heads(config) != 0) {
        *culprit = "model.kv_heads";
        return error_set(
            error, STATUS_BAD_INPUT,
            "key-value heads are shared by equally many heads, so model.heads must be a "
            "multiple of model.kv_heads; %lld is not a multiple of %lld",
            (long long)config->heads, (long long)config->kv_heads);
    }
    if (config->parallel && ((const MlpKind *)config->mlp.kind)->maps == 0) {
        *culprit = "model.parallel";
        return error_set(error, STATUS_BAD_INPUT,
                         "without an MLP nothing is parallel to the attention; with mlp: none only "
                         "parallel: false is allowed");
    }
    TRY(attention_config_check(&config->attention, config->context, culprit, error));
    return positions_check(config, culprit, error);
}
