/* Independent draws from a Zipf distribution: nothing to learn but how frequent each token is. */
#include "train/sources/bigram_table.h"
#include "train/sources/common.h"
#include "train/sources/kinds.h"
#include "train/sources/zipf_table.h"

#include <stdio.h>

typedef struct ZipfOptions {
    SourceCommon common;
    int64_t symbols;
    double exponent;
} ZipfOptions;

_Static_assert(sizeof(ZipfOptions) <= KIND_OPTIONS_BYTES, "options fit");

#define OF(member) offsetof(ZipfOptions, member)

static const Field fields[] = {
    SOURCE_COMMON_FIELDS,
    {.name = "symbols",
     .type = FIELD_INTEGER,
     .offset = OF(symbols),
     .fallback = "64",
     .minimum = 2,
     .maximum = 65536,
     .meaning = "number of tokens, the most frequent first"},
    {.name = "exponent",
     .type = FIELD_REAL,
     .offset = OF(exponent),
     .fallback = "1",
     .minimum = 0,
     .maximum = 8,
     .meaning = "probabilities fall as 1/rank^exponent; 0: all the same"},
};

static Status open_zipf(const KindOptions *given, const SourceSetup *setup, DataSource *source,
                        const char **culprit, Error *error) {
    (void)culprit, (void)error;
    const ZipfOptions *options = (const ZipfOptions *)given;
    source->tokens = (int)options->symbols;
    source->state = zipf_table_create(source->tokens, options->exponent, setup->arena);
    return STATUS_OK;
}

static void draw(const DataSource *source, Split split, Random *random, int count, Stream stream) {
    (void)split;
    for (int i = 0; i < count; i++)
        stream.tokens[i] = bigram_draw(source->state, source->tokens, random);
}

static void token_name(const DataSource *source, int token, char name[16]) {
    (void)source;
    snprintf(name, 16, "z%d", token);
}

const SourceKind source_zipf = {
    .kind = {.name = "zipf",
             .meaning = "independent tokens whose frequencies fall as a power of their rank",
             .options = FIELD_TABLE(fields)},
    .open = open_zipf,
    .draw = draw,
    .token_name = token_name,
};
