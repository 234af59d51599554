#include "model/kv_bias.h"

typedef struct KvBiasOptions {
    bool shared;
} KvBiasOptions;

_Static_assert(sizeof(KvBiasOptions) <= KIND_OPTIONS_BYTES, "options fit");

static const Field options[] = {
    {.name = "shared",
     .type = FIELD_BOOL,
     .offset = offsetof(KvBiasOptions, shared),
     .fallback = "false",
     .meaning = "whether the heads of a layer share one bias",
     .source = "arXiv 2410.10781"},
};

static const KvBiasKind none = {
    .kind = {.name = "none", .meaning = "keys and values of the tokens alone"},
};

static const KvBiasKind key_value = {
    .kind = {.name = "key-value",
             .meaning = "a learned key and its learned value beside the tokens', for every query",
             .source = "arXiv 2410.10781, section 7",
             .options = FIELD_TABLE(options)},
    .key = true,
    .value = true,
};

static const KvBiasKind key = {
    .kind = {.name = "key",
             .meaning = "a learned key beside the tokens', its value fixed at zero",
             .source = "arXiv 2410.10781, section 7",
             .options = FIELD_TABLE(options)},
    .key = true,
};

static const KvBiasKind value = {
    .kind = {.name = "value",
             .meaning = "a learned value added to the output of the head",
             .source = "arXiv 2410.10781, section 7",
             .options = FIELD_TABLE(options)},
    .value = true,
};

static const Kind *const kinds[] = {&none.kind, &key_value.kind, &key.kind, &value.kind};

const KindTable kv_bias_kinds = {"key-value bias", kinds, sizeof kinds / sizeof kinds[0]};

const KvBiasKind *kv_bias_of(const KindChoice *choice) {
    return choice->kind == NULL ? &none : (const KvBiasKind *)choice->kind;
}

bool kv_bias_shared(const KindChoice *choice) {
    return ((const KvBiasOptions *)&choice->options)->shared;
}
