/* A mixture: each sequence comes from one of several sources, drawn by their weights. */
#include "model/base/sha256.h"
#include "train/sources/common.h"
#include "train/sources/kinds.h"

typedef struct MixtureOptions {
    SourceCommon common;
    KindList sources;
} MixtureOptions;

_Static_assert(sizeof(MixtureOptions) <= KIND_OPTIONS_BYTES, "options fit");

typedef struct MixtureState {
    DataSource *parts; /* [count] */
    double *bounds;    /* [count]: cumulative shares, the last 1 */
    size_t count;
} MixtureState;

static const Kind *const part_list[] = {
    &source_bigram_backcopy.kind, &source_markov.kind, &source_zipf.kind,
    &source_repeat.kind,          &source_text.kind,   &source_tokens.kind};

static const KindTable part_kinds = {
    .what = "data source", .kinds = part_list, .count = sizeof part_list / sizeof part_list[0]};

static const Field fields[] = {
    SOURCE_COMMON_FIELDS,
    {.name = "sources",
     .type = FIELD_KIND_EACH,
     .offset = offsetof(MixtureOptions, sources),
     .kinds = &part_kinds,
     .kind_key = "source",
     .meaning = "a list of sources with the same vocabulary, each with its options and a weight; "
                "BOS and the like are the mixture's"},
};

static const SourceCommon *common_of(const KindChoice *part) {
    return (const SourceCommon *)&part->options;
}

static Status part_open(const KindChoice *choice, const SourceSetup *setup, DataSource *part,
                        Error *error) {
    const SourceKind *kind = (const SourceKind *)choice->kind;
    const char *own = source_common_changed(common_of(choice)), *culprit = "data.options";
    if (own != NULL)
        return error_set(error, STATUS_BAD_INPUT,
                         "%s is the whole mixture's: give it beside data.sources, not within", own);
    *part = (DataSource){.kind = kind, .seed = setup->seed, .bos = -1};
    Status status = kind->open(&choice->options, setup, part, &culprit, error);
    return status == STATUS_OK ? STATUS_OK : error_context(error, status, "%s", culprit + 5);
}

static Status vocabulary_check(const DataSource *first, const DataSource *part, Error *error) {
    if (part->tokens == first->tokens && part->bos == first->bos)
        return STATUS_OK;
    if (part->tokens == first->tokens)
        return error_set(
            error, STATUS_BAD_INPUT,
            "its document_token, which is BOS, is %d, that of the first source %d (-1: "
            "none); the sources of a mixture share one vocabulary",
            part->bos, first->bos);
    return error_set(error, STATUS_BAD_INPUT,
                     "it has %d tokens, the first source %d; the sources of a mixture share one "
                     "vocabulary",
                     part->tokens, first->tokens);
}

static Status parts_open(const KindList *list, const SourceSetup *setup, MixtureState *state,
                         DataSource *source, Error *error) {
    Sha256 hash = sha256_begin();
    bool files = false;
    for (size_t i = 0; i < list->count; i++) {
        const KindChoice *choice = &list->items[i];
        SourceSetup own = *setup; /* two parts of one kind draw their tables each from its seed */
        own.seed = setup->seed + i * UINT64_C(0x9E3779B97F4A7C15);
        Status status = part_open(choice, &own, &state->parts[i], error);
        if (status == STATUS_OK)
            status = vocabulary_check(&state->parts[0], &state->parts[i], error);
        if (status != STATUS_OK)
            return error_context(error, status, "[%zu], %s", i, choice->kind->name);
        source->copies = source->copies || state->parts[i].copies;
        sha256_add(&hash, state->parts[i].fingerprint, sizeof state->parts[i].fingerprint);
        files = files || state->parts[i].fingerprint[0] != '\0';
    }
    if (files)
        sha256_end(&hash, source->fingerprint);
    return STATUS_OK;
}

static Status shares_fill(const KindList *list, MixtureState *state, Error *error) {
    double total = 0, sum = 0;
    for (size_t i = 0; i < list->count; i++)
        total += common_of(&list->items[i])->weight;
    if (!(total > 0))
        return error_set(error, STATUS_BAD_INPUT, "all weights are 0");
    for (size_t i = 0; i < list->count; i++) {
        sum += common_of(&list->items[i])->weight;
        state->bounds[i] = sum / total;
    }
    return STATUS_OK;
}

static Status open_mixture(const KindOptions *given, const SourceSetup *setup, DataSource *source,
                           const char **culprit, Error *error) {
    const MixtureOptions *options = (const MixtureOptions *)given;
    const KindList *list = &options->sources;
    MixtureState *state = ARENA_ARRAY(setup->arena, MixtureState, 1);
    *culprit = "data.sources";
    if (list->count == 0)
        return error_set(error, STATUS_BAD_INPUT, "a mixture needs at least one source");
    state->count = list->count;
    state->parts = ARENA_ARRAY(setup->arena, DataSource, list->count);
    state->bounds = ARENA_ARRAY(setup->arena, double, list->count);
    TRY(shares_fill(list, state, error));
    TRY(parts_open(list, setup, state, source, error));
    source->state = state;
    source->tokens = state->parts[0].tokens;
    source->bos = state->parts[0].bos;
    return STATUS_OK;
}

static void draw(const DataSource *source, Split split, Random *random, int count, Stream stream) {
    const MixtureState *state = source->state;
    double place = random_uniform(random);
    size_t part = 0;
    while (part + 1 < state->count && !(place < state->bounds[part]))
        part++;
    const DataSource *chosen = &state->parts[part];
    chosen->kind->draw(chosen, split, random, count, stream);
}

static void token_name(const DataSource *source, int token, char name[16]) {
    const DataSource *first = ((const MixtureState *)source->state)->parts;
    first->kind->token_name(first, token, name);
}

/* All sources share one vocabulary. */
static SourceSymbols symbols(const KindOptions *options) {
    const MixtureOptions *own = (const MixtureOptions *)options;
    return own->sources.count == 0 ? SYMBOLS_NONE : source_symbols(own->sources.items);
}

const SourceKind source_mixture = {
    .kind = {.name = "mixture",
             .meaning = "each sequence from one of several sources, by their weights",
             .options = FIELD_TABLE(fields)},
    .open = open_mixture,
    .draw = draw,
    .token_name = token_name,
    .symbols = symbols,
};
