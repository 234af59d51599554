/* Text as bytes: streams are windows at random places, or begin with a document. The tail of the
   text is held out for validation and the probe. */
#include "train/sources/common.h"
#include "train/sources/corpus.h"
#include "train/sources/kinds.h"
#include "train/sources/text_file.h"

#include "model/base/log.h"
#include "model/base/sha256.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BYTE_VALUES = 256 };

typedef struct TextOptions {
    SourceCommon common;
    const char *path, *suffixes, *document_end;
    double held_out;
    int packing;
} TextOptions;

_Static_assert(sizeof(TextOptions) <= KIND_OPTIONS_BYTES, "options fit");

typedef struct TextState {
    Text text;
    Corpus training, held_out;
} TextState;

#define OF(member) offsetof(TextOptions, member)

static const Field fields[] = {
    SOURCE_COMMON_FIELDS,
    {.name = "path",
     .type = FIELD_STRING,
     .offset = OF(path),
     .is_path = true,
     .meaning = "UTF-8 file, or folder whose text files are read in order and joined; relative to "
                "the YAML file"},
    {.name = "suffixes",
     .type = FIELD_STRING,
     .offset = OF(suffixes),
     .fallback = "",
     .meaning = "endings of a folder's files to read, as \".c,.h,.md\"; empty: all UTF-8 files"},
    {.name = "held_out",
     .type = FIELD_REAL,
     .offset = OF(held_out),
     .fallback = "0.1",
     .minimum = 0.001,
     .maximum = 0.9,
     .meaning = "share of the text, at its end, that only the probe and the validation see"},
    {.name = "document_end",
     .type = FIELD_STRING,
     .offset = OF(document_end),
     .fallback = "",
     .meaning =
         "text after which a new document begins, as \"\\n\\n\"; it stays in the text. Every "
         "file of a folder is a document of its own in any case"},
    {.name = "packing",
     .type = FIELD_CHOICE,
     .offset = OF(packing),
     .fallback = "windows",
     .choices = packing_names,
     .meaning =
         "windows: from anywhere, across documents; documents: from the start of a document, "
         "the next ones following it. Attention across documents is not masked"},
};

/* Entropy of a byte given the one before it, in nats: what a model that sees one byte back can
   reach at best. */
static double byte_bigram_entropy(const unsigned char *bytes, size_t count) {
    static const size_t pairs = (size_t)BYTE_VALUES * BYTE_VALUES;
    if (count < 2)
        return NAN;
    Arena arena = arena_create("counting byte pairs");
    uint32_t *counts = ARENA_ARRAY(&arena, uint32_t, pairs);
    for (size_t i = 0; i + 1 < count; i++)
        counts[(size_t)bytes[i] * BYTE_VALUES + bytes[i + 1]]++;
    double sum = 0;
    for (size_t first = 0; first < BYTE_VALUES; first++) {
        const uint32_t *row = counts + first * BYTE_VALUES;
        double total = 0;
        for (size_t second = 0; second < BYTE_VALUES; second++)
            total += row[second];
        for (size_t second = 0; second < BYTE_VALUES; second++)
            if (row[second] > 0)
                sum += row[second] * log(total / row[second]);
    }
    arena_destroy(&arena);
    return sum / (double)(count - 1);
}

static Status split_check(const char *path, const TextState *state, const SourceSetup *setup,
                          const TextOptions *options, Error *error) {
    size_t training = state->training.end, held_out = state->text.count - training;
    size_t longest = (size_t)setup->longest;
    if (training < longest || held_out < longest)
        return error_set(
            error, STATUS_BAD_INPUT,
            "%s holds %zu bytes, which data.held_out: %g splits into %zu to train on and %zu "
            "held out; each part needs at least the context of %lld. Give more text or a "
            "smaller model.context",
            path, state->text.count, options->held_out, training, held_out,
            (long long)setup->context);
    TRY(corpus_check(&state->training, setup, true, path, error));
    return corpus_check(&state->held_out, setup, false, path, error);
}

/* Where documents begin: at each file, and after each document_end within one. */
static size_t *find_starts(const Text *text, const char *document_end, Arena *arena,
                           size_t *found) {
    size_t length = strlen(document_end), file = 0, count = 0;
    size_t *starts = NULL;
    for (int pass = 0; pass < 2; pass++) {
        starts = pass == 0 ? NULL : ARENA_ARRAY(arena, size_t, count);
        bool ended = false;
        count = file = 0;
        for (size_t i = 0; i < text->count; i++) {
            bool begins = file < text->files && text->starts[file] == i;
            file += begins;
            if (length > 0 && i >= length)
                ended = memcmp(text->bytes + i - length, document_end, length) == 0;
            if (!begins && !ended)
                continue;
            if (starts != NULL)
                starts[count] = i;
            count++;
        }
    }
    *found = count;
    return starts;
}

static void split_text(const TextOptions *options, Arena *arena, TextState *state) {
    const Text *text = &state->text;
    Corpus whole = {.data = text->bytes,
                    .type = TOKEN_U8,
                    .end = text->count,
                    .separator = -1,
                    .packing = options->packing};
    whole.starts = find_starts(text, options->document_end, arena, &whole.start_count);
    size_t training = text->count - (size_t)ceil(options->held_out * (double)text->count);
    state->training = corpus_part(&whole, 0, training);
    state->held_out = corpus_part(&whole, training, text->count);
}

static Status open_text(const KindOptions *given, const SourceSetup *setup, DataSource *source,
                        const char **culprit, Error *error) {
    const TextOptions *options = (const TextOptions *)given;
    Arena *arena = setup->arena;
    TextState *state = ARENA_ARRAY(arena, TextState, 1);
    *culprit = "data.path";
    if (options->path[0] == '\0')
        return error_set(error, STATUS_BAD_INPUT, "no path is given; give a text file or folder");
    const char *path = text_path(options->path, setup->base_directory, arena);
    TRY(text_read(path, options->suffixes, arena, &state->text, error));
    const Text *text = &state->text;
    split_text(options, arena, state);
    TRY(split_check(path, state, setup, options, error));
    size_t training = state->training.end;
    sha256_of(text->bytes, text->count, source->fingerprint);
    log_line(
        LOG_INFO,
        "%s: %zu bytes from %zu file%s, %zu held out; entropy of a byte given the one before it "
        "%.3f nats",
        path, text->count, text->files, text->files == 1 ? "" : "s", text->count - training,
        byte_bigram_entropy(text->bytes, training));
    source->state = state;
    source->tokens = BYTE_VALUES;
    return STATUS_OK;
}

static void draw(const DataSource *source, Split split, Random *random, int count, Stream stream) {
    const TextState *state = source->state;
    corpus_draw(split == SPLIT_TRAINING ? &state->training : &state->held_out, random, count,
                stream);
}

static void token_name(const DataSource *source, int token, char name[16]) {
    (void)source;
    if (token < 0x80)
        text_symbol_name((uint32_t)token, name);
    else
        snprintf(name, 16, "x%02X", (unsigned)token);
}

static SourceSymbols symbols(const KindOptions *options) {
    (void)options;
    return SYMBOLS_BYTES;
}

const SourceKind source_text = {
    .kind = {.name = "text",
             .meaning = "any UTF-8 file or folder, byte by byte (256 tokens, and BOS)",
             .options = FIELD_TABLE(fields)},
    .open = open_text,
    .draw = draw,
    .token_name = token_name,
    .symbols = symbols,
};
