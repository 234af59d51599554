/* Induction: a block of random tokens, given twice or more, then another (the repeated random
   tokens of Olsson et al., "In-context learning and induction heads", arXiv 2209.11895). Only what
   was seen earlier in the sequence tells the next token. */
#include "train/sources/bigram_table.h"
#include "train/sources/common.h"
#include "train/sources/kinds.h"
#include "train/sources/zipf_table.h"

#include <stdio.h>

typedef struct RepeatOptions {
    SourceCommon common;
    int64_t symbols, block, shortest, copies;
    double exponent;
} RepeatOptions;

_Static_assert(sizeof(RepeatOptions) <= KIND_OPTIONS_BYTES, "options fit");

typedef struct RepeatState {
    uint32_t *cumulative; /* [symbols] */
    int block, shortest, copies;
} RepeatState;

#define OF(member) offsetof(RepeatOptions, member)

static const Field fields[] = {
    SOURCE_COMMON_FIELDS,
    {.name = "symbols",
     .type = FIELD_INTEGER,
     .offset = OF(symbols),
     .fallback = "64",
     .minimum = 2,
     .maximum = 65536,
     .meaning = "number of different tokens"},
    {.name = "block",
     .type = FIELD_INTEGER,
     .offset = OF(block),
     .fallback = "0",
     .minimum = 0,
     .maximum = 65536,
     .meaning = "tokens of a block, at the most; 0: one block and its copies fill the sequence"},
    {.name = "shortest",
     .type = FIELD_INTEGER,
     .offset = OF(shortest),
     .fallback = "0",
     .minimum = 0,
     .maximum = 65536,
     .meaning = "each block's length is drawn evenly from this to block, so that position alone "
                "does not tell where it repeats; 0: always block"},
    {.name = "copies",
     .type = FIELD_INTEGER,
     .offset = OF(copies),
     .fallback = "2",
     .minimum = 2,
     .maximum = 65536,
     .meaning = "how often a block is given, the first time included"},
    {.name = "exponent",
     .type = FIELD_REAL,
     .offset = OF(exponent),
     .fallback = "0",
     .minimum = 0,
     .maximum = 8,
     .meaning = "a token's probability falls as 1/rank^exponent; 0: all the same"},
};

static Status open_repeat(const KindOptions *given, const SourceSetup *setup, DataSource *source,
                          const char **culprit, Error *error) {
    const RepeatOptions *options = (const RepeatOptions *)given;
    RepeatState *state = ARENA_ARRAY(setup->arena, RepeatState, 1);
    int64_t fitting = setup->longest / options->copies;
    int64_t block = options->block > 0 ? options->block : fitting > 0 ? fitting : 1;
    if (block >= setup->longest) {
        *culprit = options->block > 0 ? "data.block" : "data.copies";
        return error_set(error, STATUS_BAD_INPUT,
                         "a block of %lld tokens is never repeated within %lld; make it shorter or "
                         "model.context longer",
                         (long long)block, (long long)setup->longest);
    }
    if (options->shortest > block) {
        *culprit = "data.shortest";
        return error_set(error, STATUS_BAD_INPUT,
                         "the shortest block has %lld tokens, the longest %lld",
                         (long long)options->shortest, (long long)block);
    }
    state->block = (int)block;
    state->shortest = (int)(options->shortest > 0 ? options->shortest : block);
    state->copies = (int)options->copies;
    state->cumulative = zipf_table_create((int)options->symbols, options->exponent, setup->arena);
    source->state = state;
    source->tokens = (int)options->symbols;
    source->copies = true;
    return STATUS_OK;
}

static void draw(const DataSource *source, Split split, Random *random, int count, Stream stream) {
    (void)split;
    const RepeatState *state = source->state;
    uint32_t lengths = (uint32_t)(state->block - state->shortest + 1);
    for (int first = 0; first < count;) {
        int block = state->shortest + (lengths > 1 ? (int)random_below(random, lengths) : 0);
        int64_t end = (int64_t)first + (int64_t)block * state->copies;
        for (int i = first; i < count && i < end; i++) {
            bool copy = i >= first + block;
            stream.tokens[i] = copy ? stream.tokens[i - block]
                                    : bigram_draw(state->cumulative, source->tokens, random);
            if (copy && stream.copied != NULL)
                stream.copied[i] = 1;
        }
        first = end < count ? (int)end : count;
    }
}

static void token_name(const DataSource *source, int token, char name[16]) {
    (void)source;
    snprintf(name, 16, "r%d", token);
}

const SourceKind source_repeat = {
    .kind = {.name = "repeat",
             .meaning = "blocks of random tokens, each given twice or more: induction",
             .source = "arXiv 2209.11895",
             .options = FIELD_TABLE(fields)},
    .open = open_repeat,
    .draw = draw,
    .token_name = token_name,
};
