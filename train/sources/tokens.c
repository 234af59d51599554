/* Tokens that another program made: files of the public C and Python trainers. */
#include "model/base/log.h"
#include "model/base/sha256.h"
#include "train/sources/common.h"
#include "train/sources/kinds.h"
#include "train/sources/text_file.h"
#include "train/sources/token_file.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { VOCABULARY_LARGEST = 1 << 20 };

typedef struct TokensOptions {
    SourceCommon common;
    const char *path, *validation;
    double held_out;
    int64_t vocabulary, document_token;
    int format, packing;
} TokensOptions;

_Static_assert(sizeof(TokensOptions) <= KIND_OPTIONS_BYTES, "options fit");

typedef struct TokensState {
    Corpus training, held_out;
} TokensState;

#define OF(member) offsetof(TokensOptions, member)

static const Field fields[] = {
    SOURCE_COMMON_FIELDS,
    {.name = "path",
     .type = FIELD_STRING,
     .offset = OF(path),
     .is_path = true,
     .meaning = "file of token numbers: uint16 or uint32 with or without a 1,024-byte header, or "
                ".npy; relative to the YAML file"},
    {.name = "validation",
     .type = FIELD_STRING,
     .offset = OF(validation),
     .fallback = "",
     .is_path = true,
     .meaning = "another such file for the probe and the validation; empty: the tail of path"},
    {.name = "held_out",
     .type = FIELD_REAL,
     .offset = OF(held_out),
     .fallback = "0.1",
     .minimum = 0.001,
     .maximum = 0.9,
     .meaning = "share of path, at its end, that only the probe and the validation see, where "
                "validation is not given"},
    {.name = "format",
     .type = FIELD_CHOICE,
     .offset = OF(format),
     .fallback = "auto",
     .choices = token_format_names,
     .meaning = "of the numbers; auto: what the file's header says"},
    {.name = "vocabulary",
     .type = FIELD_INTEGER,
     .offset = OF(vocabulary),
     .fallback = "0",
     .minimum = 0,
     .maximum = VOCABULARY_LARGEST,
     .meaning = "number of tokens there are; 0: the largest in the file, and one"},
    {.name = "document_token",
     .type = FIELD_INTEGER,
     .offset = OF(document_token),
     .fallback = "-1",
     .minimum = -1,
     .maximum = VOCABULARY_LARGEST - 1,
     .meaning = "token that stands between documents (50256 in GPT-2's): it is taken out, and is "
                "the BOS token, which data.bos puts where it belongs; −1: none, and BOS is a token "
                "of its own"},
    {.name = "packing",
     .type = FIELD_CHOICE,
     .offset = OF(packing),
     .fallback = "windows",
     .choices = packing_names,
     .meaning =
         "windows: from anywhere, across documents; documents: from the start of a document, "
         "the next ones following it. Attention across documents is not masked"},
};

/* Every number must be a token; *largest is raised to the largest. */
static Status numbers_check(const char *path, const TokensOptions *options, const Corpus *corpus,
                            int64_t *largest, Error *error) {
    int64_t limit = options->vocabulary > 0 ? options->vocabulary : VOCABULARY_LARGEST;
    for (size_t i = corpus->first; i < corpus->end; i++) {
        int64_t token = corpus_token(corpus, i);
        if (token < 0 || token >= limit)
            return error_set(error, STATUS_BAD_INPUT,
                             "%s: number %zu is %" PRId64 ", no token from 0 to %" PRId64
                             "; is data.format right%s?",
                             path, i, token, limit - 1,
                             options->vocabulary > 0 ? ", and data.vocabulary" : "");
        *largest = token > *largest ? token : *largest;
    }
    return STATUS_OK;
}

static Status corpus_open(const char *given, const TokensOptions *options, const SourceSetup *setup,
                          Corpus *corpus, int64_t *largest, char fingerprint[65], Error *error) {
    const char *path = text_path(given, setup->base_directory, setup->arena);
    *corpus = (Corpus){.separator = options->document_token, .packing = options->packing};
    TRY(token_file_read(path, (TokenFormat)options->format, setup->arena, corpus, fingerprint,
                        error));
    TRY(numbers_check(path, options, corpus, largest, error));
    corpus_find_documents(corpus, setup->arena);
    return STATUS_OK;
}

static Status parts_open(const TokensOptions *options, const SourceSetup *setup, TokensState *state,
                         DataSource *source, int64_t *largest, const char **culprit, Error *error) {
    Corpus whole;
    char second[65] = "";
    *culprit = "data.path";
    TRY(corpus_open(options->path, options, setup, &whole, largest, source->fingerprint, error));
    if (options->validation[0] != '\0') {
        state->training = whole;
        *culprit = "data.validation";
        TRY(corpus_open(options->validation, options, setup, &state->held_out, largest, second,
                        error));
        Sha256 both = sha256_begin();
        sha256_add(&both, source->fingerprint, 64);
        sha256_add(&both, second, 64);
        sha256_end(&both, source->fingerprint);
    } else {
        size_t training = whole.end - (size_t)ceil(options->held_out * (double)whole.end);
        state->training = corpus_part(&whole, 0, training);
        state->held_out = corpus_part(&whole, training, whole.end);
    }
    TRY(corpus_check(&state->held_out, setup, false, "the file", error));
    *culprit = "data.path";
    return corpus_check(&state->training, setup, true, "the file", error);
}

static Status open_tokens(const KindOptions *given, const SourceSetup *setup, DataSource *source,
                          const char **culprit, Error *error) {
    const TokensOptions *options = (const TokensOptions *)given;
    TokensState *state = ARENA_ARRAY(setup->arena, TokensState, 1);
    int64_t largest = options->document_token;
    *culprit = "data.path";
    if (options->path[0] == '\0')
        return error_set(error, STATUS_BAD_INPUT, "no path is given; give a file of tokens");
    if (options->vocabulary > 0 && options->document_token >= options->vocabulary) {
        *culprit = "data.document_token";
        return error_set(error, STATUS_BAD_INPUT, "there is no token %lld; data.vocabulary is %lld",
                         (long long)options->document_token, (long long)options->vocabulary);
    }
    TRY(parts_open(options, setup, state, source, &largest, culprit, error));
    log_line(
        LOG_INFO, "%s: %zu tokens to train on in %zu documents, %zu held out, the largest %lld",
        options->path, state->training.end - state->training.first, state->training.start_count,
        state->held_out.end - state->held_out.first, (long long)largest);
    source->state = state;
    source->tokens = (int)(options->vocabulary > 0 ? options->vocabulary : largest + 1);
    source->bos = (int)options->document_token;
    return STATUS_OK;
}

static void draw(const DataSource *source, Split split, Random *random, int count, Stream stream) {
    const TokensState *state = source->state;
    corpus_draw(split == SPLIT_TRAINING ? &state->training : &state->held_out, random, count,
                stream);
}

static void token_name(const DataSource *source, int token, char name[16]) {
    (void)source;
    snprintf(name, 16, "t%d", token);
}

const SourceKind source_tokens = {
    .kind = {.name = "tokens",
             .meaning = "a file of token numbers, as the public C and Python trainers write them",
             .options = FIELD_TABLE(fields)},
    .open = open_tokens,
    .draw = draw,
    .token_name = token_name,
};
