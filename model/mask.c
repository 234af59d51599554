#include "model/mask.h"

static Interval causal_visible(const KindOptions *options, int query, int length) {
    (void)options, (void)length;
    return (Interval){0, query + 1};
}

static Interval causal_window(int query, int width, int shift) {
    return (Interval){query - shift - width + 1, query - shift + 1};
}

static Interval bidirectional_visible(const KindOptions *options, int query, int length) {
    (void)options, (void)query;
    return (Interval){0, length};
}

static Interval bidirectional_window(int query, int width, int shift) {
    (void)shift;
    return (Interval){query - width + 1, query + width};
}

typedef struct PrefixOptions {
    int64_t length;
} PrefixOptions;

_Static_assert(sizeof(PrefixOptions) <= KIND_OPTIONS_BYTES, "options fit");

static Interval prefix_visible(const KindOptions *options, int query, int length) {
    int64_t prefix = ((const PrefixOptions *)options)->length;
    int end = query + 1 > prefix ? query + 1 : (int)prefix;
    return (Interval){0, end < length ? end : length};
}

static const Field prefix_options[] = {
    {.name = "length",
     .type = FIELD_INTEGER,
     .offset = offsetof(PrefixOptions, length),
     .fallback = "8",
     .minimum = 1,
     .maximum = 65536,
     .meaning = "tokens at the start that every query sees"},
};

static const MaskKind mask_causal = {
    .kind = {.name = "causal", .meaning = "a query sees itself and the keys before it"},
    .causal = true,
    .visible = causal_visible,
    .window = causal_window,
};

static const MaskKind mask_bidirectional = {
    .kind = {.name = "bidirectional", .meaning = "every query sees every key"},
    .visible = bidirectional_visible,
    .window = bidirectional_window,
};

static const MaskKind mask_of_prefix = {
    .kind = {.name = "prefix",
             .meaning = "causal, but all queries see the whole prefix",
             .source = "arXiv 2410.10781",
             .options = FIELD_TABLE(prefix_options)},
    .visible = prefix_visible,
};

static const Kind *const kinds[] = {&mask_causal.kind, &mask_bidirectional.kind,
                                    &mask_of_prefix.kind};

const KindTable mask_kinds = {"mask", kinds, sizeof kinds / sizeof kinds[0]};

static const MaskKind *kind_of(const ModelConfig *config) {
    const Kind *chosen = config->attention.mask.kind;
    return chosen == NULL ? &mask_causal : (const MaskKind *)chosen;
}

Interval mask_interval(const ModelConfig *config, int query, int length) {
    const MaskKind *kind = kind_of(config);
    Interval keys = kind->visible(&config->attention.mask.options, query, length);
    if (config->attention.window == 0 || kind->window == NULL)
        return keys;
    Interval window =
        kind->window(query, (int)config->attention.window, (int)config->attention.window_shift);
    keys.first = window.first > keys.first ? window.first : keys.first;
    keys.end = window.end < keys.end ? window.end : keys.end;
    return keys.first < keys.end ? keys : (Interval){query, query + 1};
}

int64_t mask_prefix(const ModelConfig *config) {
    if (kind_of(config) != &mask_of_prefix)
        return 0;
    return ((const PrefixOptions *)&config->attention.mask.options)->length;
}

bool mask_is_causal(const ModelConfig *config) {
    return kind_of(config)->causal;
}
