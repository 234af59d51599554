/* A Markov chain of order one or two over symbols: nothing but next-token statistics to learn. */
#include "train/sources/bigram_table.h"
#include "train/sources/common.h"
#include "train/sources/kinds.h"

#include <string.h>

typedef struct MarkovOptions {
    SourceCommon common;
    const char *chain;
    int64_t order, symbols;
    double exponent;
} MarkovOptions;

_Static_assert(sizeof(MarkovOptions) <= KIND_OPTIONS_BYTES, "options fit");

typedef struct MarkovState {
    BigramTable table;
    uint32_t *first; /* [symbols]: cumulative occurrences */
} MarkovState;

#define OF(member) offsetof(MarkovOptions, member)

static const Field fields[] = {
    SOURCE_COMMON_FIELDS,
    {.name = "chain",
     .type = FIELD_STRING,
     .offset = OF(chain),
     .fallback = "english",
     .is_path = true,
     .other_words = chain_words,
     .meaning = "english (an embedded table of 65 characters, order 1 only), zipf (rows drawn from "
                "the seed), or a text file or folder whose characters are counted"},
    {.name = "order",
     .type = FIELD_INTEGER,
     .offset = OF(order),
     .fallback = "1",
     .minimum = 1,
     .maximum = 2,
     .meaning = "how many symbols back the next one depends on"},
    {.name = "symbols",
     .type = FIELD_INTEGER,
     .offset = OF(symbols),
     .fallback = "64",
     .minimum = 2,
     .maximum = BIGRAM_ZIPF_SYMBOLS,
     .meaning = "number of symbols, for zipf only; at most 160 for order 2"},
    {.name = "exponent",
     .type = FIELD_REAL,
     .offset = OF(exponent),
     .fallback = "1",
     .minimum = 0,
     .maximum = 8,
     .meaning = "counts fall as 1/rank^exponent, for zipf only"},
};

static Status open_markov(const KindOptions *given, const SourceSetup *setup, DataSource *source,
                          const char **culprit, Error *error) {
    const MarkovOptions *options = (const MarkovOptions *)given;
    MarkovState *state = ARENA_ARRAY(setup->arena, MarkovState, 1);
    const ChainOptions chain = {options->chain, options->symbols, options->exponent,
                                options->order == 2};
    if (options->order == 2 && strcmp(options->chain, "english") == 0) {
        *culprit = "data.order";
        return error_set(error, STATUS_BAD_INPUT,
                         "the embedded english table knows pairs only; give data.chain: zipf or a "
                         "text for order 2");
    }
    TRY(bigram_options_check(&chain, culprit, error));
    *culprit = "data.chain";
    TRY(bigram_table_open(&chain, setup->seed, setup->base_directory, setup->arena, &state->table,
                          source->fingerprint, error));
    state->first = ARENA_ARRAY(setup->arena, uint32_t, (size_t)state->table.symbols);
    bigram_table_first(&state->table, NULL, state->first);
    source->state = state;
    source->tokens = state->table.symbols;
    return STATUS_OK;
}

/* The row to draw from after the symbols before and last; pairs that a text never continues fall
   back to what follows the last symbol. */
static const uint32_t *row_after(const BigramTable *table, int before, int last) {
    size_t symbols = (size_t)table->symbols;
    const uint32_t *row = table->cumulative + (size_t)last * symbols;
    if (table->triples == NULL || before < 0)
        return row;
    const uint32_t *longer = table->triples + ((size_t)before * symbols + (size_t)last) * symbols;
    return longer[symbols - 1] > 0 ? longer : row;
}

static void draw(const DataSource *source, Split split, Random *random, int count, Stream stream) {
    (void)split;
    const MarkovState *state = source->state;
    int symbols = state->table.symbols, before = -1;
    int last = bigram_draw(state->first, symbols, random);
    stream.tokens[0] = last;
    for (int i = 1; i < count; i++) {
        int next = bigram_draw(row_after(&state->table, before, last), symbols, random);
        stream.tokens[i] = next;
        before = last;
        last = next;
    }
}

static void token_name(const DataSource *source, int token, char name[16]) {
    bigram_table_name(&((const MarkovState *)source->state)->table, token, name);
}

static SourceSymbols symbols(const KindOptions *options) {
    (void)options;
    return SYMBOLS_CHARACTERS;
}

const SourceKind source_markov = {
    .kind = {.name = "markov",
             .meaning = "a Markov chain of order 1 or 2 over the characters of a text, or drawn",
             .options = FIELD_TABLE(fields)},
    .open = open_markov,
    .draw = draw,
    .token_name = token_name,
    .symbols = symbols,
};
