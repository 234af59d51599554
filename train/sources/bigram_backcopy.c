/* The Bigram-Backcopy task (Guo et al., "Active-dormant attention heads", arXiv 2410.13835, section
   2): BOS, then a Markov chain over symbols; after each trigger symbol the symbol before the
   trigger is copied in place of a draw from the chain.

   As in the authors' published generator, the first symbol after BOS is drawn from the unigrams
   without the triggers, so that a trigger always has a symbol before it to copy. A copied symbol is
   treated as any other: were it a trigger, the one before it would be copied next. With
   copy_probability 1 that cannot happen (what stands before a trigger is never one, since what
   follows a trigger is a copy of such a symbol); below 1 it can. */
#include "train/sources/bigram_table.h"
#include "model/base/utf8.h"
#include "train/sources/common.h"
#include "train/sources/kinds.h"
#include "train/sources/text_file.h"

#include <stdio.h>
#include <string.h>

typedef struct BackcopyOptions {
    SourceCommon common;
    const char *triggers, *bigrams;
    double copy_probability, exponent;
    int64_t symbols;
} BackcopyOptions;

_Static_assert(sizeof(BackcopyOptions) <= KIND_OPTIONS_BYTES, "options fit");

typedef struct BackcopyState {
    BigramTable table;
    double copy_probability;
    bool *trigger;   /* [symbols] */
    uint32_t *first; /* [symbols]: cumulative counts of the first symbol */
} BackcopyState;

#define OF(member) offsetof(BackcopyOptions, member)

static const Field fields[] = {
    SOURCE_COMMON_FIELDS,
    {.name = "triggers",
     .type = FIELD_STRING,
     .offset = OF(triggers),
     .fallback = "tean",
     .meaning =
         "symbols, one per character, after which the symbol before them is copied; empty: a "
         "plain Markov chain"},
    {.name = "copy_probability",
     .type = FIELD_REAL,
     .offset = OF(copy_probability),
     .fallback = "1",
     .minimum = 0,
     .maximum = 1,
     .meaning = "probability that a trigger copies; otherwise the chain goes on"},
    {.name = "bigrams",
     .type = FIELD_STRING,
     .offset = OF(bigrams),
     .fallback = "english",
     .is_path = true,
     .other_words = chain_words,
     .meaning =
         "the chain: english (an embedded table of 65 characters), zipf (rows drawn from the "
         "seed), or a text file or folder whose character pairs are counted"},
    {.name = "symbols",
     .type = FIELD_INTEGER,
     .offset = OF(symbols),
     .fallback = "64",
     .minimum = 2,
     .maximum = BIGRAM_ZIPF_SYMBOLS,
     .meaning = "number of symbols, for zipf only"},
    {.name = "exponent",
     .type = FIELD_REAL,
     .offset = OF(exponent),
     .fallback = "1",
     .minimum = 0,
     .maximum = 8,
     .meaning = "counts fall as 1/rank^exponent, for zipf only"},
};

/* ---- Opening -------------------------------------------------------------------------------- */

static Status trigger_unknown(const BigramTable *table, uint32_t code_point, Error *error) {
    char allowed[2048] = "", name[16];
    size_t used = 0;
    for (int symbol = 0; symbol < table->symbols && used + 20 < sizeof allowed; symbol++)
        if (table->code_points[symbol] != 0) {
            bigram_table_name(table, symbol, name);
            used += (size_t)snprintf(allowed + used, sizeof allowed - used, " %s", name);
        }
    text_symbol_name(code_point, name);
    return error_set(error, STATUS_BAD_INPUT,
                     "the trigger \"%s\" is not a symbol of this chain; allowed:%s", name, allowed);
}

static Status triggers_mark(const char *triggers, BackcopyState *state, Error *error) {
    const unsigned char *bytes = (const unsigned char *)triggers;
    size_t count = strlen(triggers);
    size_t end = utf8_end(bytes, count);
    if (end < count)
        return error_set(error, STATUS_BAD_INPUT, "the triggers are not UTF-8 (byte 0x%02X)",
                         bytes[end]);
    int length;
    for (size_t at = 0; at < count; at += (size_t)length) {
        uint32_t code_point = utf8_code_point(bytes + at, &length);
        int symbol = bigram_table_find(&state->table, code_point);
        if (symbol < 0)
            return trigger_unknown(&state->table, code_point, error);
        state->trigger[symbol] = true;
    }
    return STATUS_OK;
}

static Status open_backcopy(const KindOptions *given, const SourceSetup *setup, DataSource *source,
                            const char **culprit, Error *error) {
    const BackcopyOptions *options = (const BackcopyOptions *)given;
    BackcopyState *state = ARENA_ARRAY(setup->arena, BackcopyState, 1);
    const ChainOptions chain = {options->bigrams, options->symbols, options->exponent, false};
    TRY(bigram_options_check(&chain, culprit, error));
    *culprit = "data.bigrams";
    TRY(bigram_table_open(&chain, setup->seed, setup->base_directory, setup->arena, &state->table,
                          source->fingerprint, error));
    size_t symbols = (size_t)state->table.symbols;
    state->copy_probability = options->copy_probability;
    state->trigger = ARENA_ARRAY(setup->arena, bool, symbols);
    state->first = ARENA_ARRAY(setup->arena, uint32_t, symbols);
    *culprit = "data.triggers";
    TRY(triggers_mark(options->triggers, state, error));
    if (!bigram_table_first(&state->table, state->trigger, state->first))
        return error_set(error, STATUS_BAD_INPUT,
                         "all %d symbols of the chain are triggers; at least one must be left that "
                         "a trigger can copy",
                         state->table.symbols);
    source->state = state;
    source->tokens = state->table.symbols;
    source->copies = options->triggers[0] != '\0' && options->copy_probability > 0;
    return STATUS_OK;
}

/* ---- Drawing -------------------------------------------------------------------------------- */

static bool copies_now(const BackcopyState *state, Random *random) {
    return state->copy_probability >= 1 || random_uniform(random) < state->copy_probability;
}

/* The first symbol is no trigger, so that there always is a symbol to copy. */
static void draw(const DataSource *source, Split split, Random *random, int count, Stream stream) {
    (void)split;
    const BackcopyState *state = source->state;
    const BigramTable *table = &state->table;
    int symbols = table->symbols, previous = -1;
    int current = bigram_draw(state->first, symbols, random);
    stream.tokens[0] = current;
    for (int i = 1; i < count; i++) {
        bool copy = state->trigger[current] && copies_now(state, random);
        const uint32_t *row = table->cumulative + (size_t)current * (size_t)symbols;
        int next = copy ? previous : bigram_draw(row, symbols, random);
        stream.tokens[i] = next;
        if (copy && stream.copied != NULL)
            stream.copied[i] = 1;
        previous = current;
        current = next;
    }
}

static void token_name(const DataSource *source, int token, char name[16]) {
    bigram_table_name(&((const BackcopyState *)source->state)->table, token, name);
}

static SourceSymbols symbols(const KindOptions *options) {
    (void)options;
    return SYMBOLS_CHARACTERS;
}

const SourceKind source_bigram_backcopy = {
    .kind = {.name = "bigram-backcopy",
             .meaning =
                 "a Markov chain over characters; after a trigger symbol, the symbol before the "
                 "trigger is copied",
             .source = "Guo et al., arXiv 2410.13835, section 2",
             .options = FIELD_TABLE(fields)},
    .open = open_backcopy,
    .draw = draw,
    .token_name = token_name,
    .symbols = symbols,
};
