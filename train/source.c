#include "train/source.h"

#include "train/sources/common.h"
#include "train/sources/kinds.h"

#include <stdio.h>
#include <string.h>

static const Kind *const kinds[] = {
    &source_bigram_backcopy.kind, &source_markov.kind, &source_zipf.kind,
    &source_repeat.kind,          &source_text.kind,   &source_tokens.kind,
    &source_mixture.kind};

const KindTable source_kinds = {
    .what = "data source", .kinds = kinds, .count = sizeof kinds / sizeof kinds[0]};

Status source_open(const KindChoice *choice, const SourceSetup *given, DataSource *source,
                   const char **culprit, Error *error) {
    const SourceKind *kind = (const SourceKind *)choice->kind;
    const SourceCommon *common = (const SourceCommon *)&choice->options;
    SourceSetup setup = *given;
    *source = (DataSource){.kind = kind, .seed = setup.seed, .bos = -1};
    if (common->weight != 1) {
        *culprit = "data.weight";
        return error_set(error, STATUS_BAD_INPUT, "a weight is for the parts of a mixture");
    }
    TRY(source_common_setup(common, &setup, culprit, error));
    *culprit = "data";
    TRY(kind->open(&choice->options, &setup, source, culprit, error));
    return source_common_layout(common, &setup, source, culprit, error);
}

/* ---- One sequence --------------------------------------------------------------------------- */

/* One BOS and the stream: drawn in place. */
static void draw_plain(const DataSource *source, Split split, Random *random, int length,
                       Sequence sequence) {
    if (sequence.copied != NULL)
        memset(sequence.copied, 0, (size_t)length);
    const Stream stream = {sequence.targets, sequence.copied, NULL};
    source->kind->draw(source, split, random, length, stream);
    sequence.inputs[0] = source->bos;
    memcpy(sequence.inputs + 1, sequence.targets, ((size_t)length - 1) * sizeof *sequence.inputs);
}

/* A sequence with the token that follows it, on its way; arrays [room]. */
typedef struct Writer {
    const Layout *layout;
    int32_t *tokens;
    uint8_t *copied, *unpredicted;
    int count, room;
} Writer;

static void write_one(Writer *writer, int32_t token, uint8_t copied, bool unpredicted) {
    if (writer->count == writer->room)
        return;
    writer->tokens[writer->count] = token;
    writer->copied[writer->count] = copied;
    writer->unpredicted[writer->count] = unpredicted;
    writer->count++;
}

/* The fixed token goes before what would stand at its place. */
static void write_token(Writer *writer, int32_t token, uint8_t copied, bool unpredicted) {
    if (writer->count == writer->layout->fixed_position)
        write_one(writer, writer->layout->fixed_token, 0, false);
    write_one(writer, token, copied, unpredicted);
}

static void write_bos(Writer *writer, int32_t bos, bool leading) {
    for (int i = 0; i < writer->layout->bos_count; i++)
        write_token(writer, bos, 0, leading);
}

static bool delimiter_due(const Layout *layout, int token_count, Random *edits) {
    if (layout->delimiter_every > 0 && token_count % layout->delimiter_every == 0)
        return true;
    return layout->delimiter_probability > 0 &&
           random_uniform(edits) < layout->delimiter_probability;
}

static void write_stream(Writer *writer, const DataSource *source, Stream stream, int count,
                         Random *edits) {
    const Layout *layout = writer->layout;
    for (int i = 0; i < count && writer->count < writer->room; i++) {
        if (layout->bos_place == BOS_DOCUMENT && stream.starts[i])
            write_bos(writer, source->bos, i == 0);
        write_token(writer, stream.tokens[i], stream.copied[i], false);
        if (layout->delimiters > 0 && delimiter_due(layout, i + 1, edits))
            write_token(writer,
                        layout->delimiter +
                            (int32_t)random_below(edits, (uint32_t)layout->delimiters),
                        0, false);
    }
}

/* Any of the kind's own tokens, but not one that serves as BOS. */
static int32_t any_token(const DataSource *source, Random *edits) {
    bool own_bos = source->bos >= 0 && source->bos < source->tokens && source->tokens > 1;
    int32_t token = (int32_t)random_below(edits, (uint32_t)source->tokens - own_bos);
    return token + (own_bos && token >= source->bos);
}

/* Room for one edited sequence: arrays [length + 1]. */
typedef struct Scratch {
    Stream stream;
    int32_t *tokens;
    uint8_t *copied, *unpredicted;
} Scratch;

static Scratch scratch_create(int length, Arena *arena) {
    size_t room = (size_t)length + 1;
    return (Scratch){.stream = {ARENA_ARRAY(arena, int32_t, room),
                                ARENA_ARRAY(arena, uint8_t, room),
                                ARENA_ARRAY(arena, uint8_t, room)},
                     .tokens = ARENA_ARRAY(arena, int32_t, room),
                     .copied = ARENA_ARRAY(arena, uint8_t, room),
                     .unpredicted = ARENA_ARRAY(arena, uint8_t, room)};
}

/* Fills scratch's arrays with length + 1 tokens. The edits have their own random numbers, so that
   switching one on leaves the tokens that are drawn as they were. */
static void draw_edited(const DataSource *source, Split split, Random *random, Random *edits,
                        int length, Scratch *scratch) {
    const Layout *layout = &source->layout;
    int leading = layout->bos_place == BOS_FIRST ? layout->bos_count : 0;
    int count = length + 1 > leading ? length + 1 - leading : 1;
    Stream stream = scratch->stream;
    memset(stream.copied, 0, (size_t)count);
    memset(stream.starts, 0, (size_t)count);
    stream.starts[0] = 1;
    if (layout->random_share > 0 && random_uniform(edits) < layout->random_share)
        for (int i = 0; i < count; i++)
            stream.tokens[i] = any_token(source, edits);
    else
        source->kind->draw(source, split, random, count, stream);
    Writer writer = {layout, scratch->tokens, scratch->copied, scratch->unpredicted, 0, length + 1};
    if (layout->random_first)
        write_token(&writer, any_token(source, edits), 0, false);
    if (layout->bos_place == BOS_FIRST)
        write_bos(&writer, source->bos, true);
    write_stream(&writer, source, stream, count, edits);
}

static void copy_edited(const Scratch *scratch, int length, Sequence sequence) {
    memcpy(sequence.inputs, scratch->tokens, (size_t)length * sizeof *sequence.inputs);
    for (int i = 0; i < length; i++)
        sequence.targets[i] = scratch->unpredicted[i + 1] ? -1 : scratch->tokens[i + 1];
    if (sequence.copied != NULL)
        memcpy(sequence.copied, scratch->copied + 1, (size_t)length);
}

/* ---- Batches -------------------------------------------------------------------------------- */

static RandomStream split_stream(Split split) {
    switch (split) {
    case SPLIT_VALIDATION:
        return RANDOM_VALIDATION;
    case SPLIT_PROBE:
        return RANDOM_PROBE;
    case SPLIT_TRAINING:
        break;
    }
    return RANDOM_TRAINING;
}

/* Items of a step are below 2²⁰: the bit above them tells the edits' random numbers apart. */
static const uint32_t edits_item = UINT32_C(1) << 31;

static void draw_one(const DataSource *source, Split split, uint64_t step, uint64_t item,
                     int length, Scratch *scratch, Sequence sequence) {
    const Layout *layout = &source->layout;
    if (layout->unique > 0 && split == SPLIT_TRAINING) {
        uint64_t index = (step * layout->batch + item) % layout->unique;
        step = index / layout->batch;
        item = index % layout->batch;
    }
    RandomStream stream = split_stream(split);
    Random random = random_create(source->seed, stream, step, (uint32_t)item);
    if (!layout->edited) {
        draw_plain(source, split, &random, length, sequence);
        return;
    }
    Random edits = random_create(source->seed, stream, step, (uint32_t)item | edits_item);
    draw_edited(source, split, &random, &edits, length, scratch);
    copy_edited(scratch, length, sequence);
}

Status source_changed(const char *path, Error *error) {
    return error_set(error, STATUS_FAILED,
                     "%s: the text this run began with has changed since; move the folder away or "
                     "give another --output",
                     path);
}

void source_batch(const DataSource *source, Split split, uint64_t step, int first, int count,
                  int length, int32_t *inputs, int32_t *targets, uint8_t *copied) {
    Arena arena = arena_create("an edited sequence");
    Scratch scratch = {0};
    if (source->layout.edited)
        scratch = scratch_create(length, &arena);
    for (int i = 0; i < count; i++) {
        size_t at = (size_t)i * (size_t)length;
        Sequence sequence = {inputs + at, targets + at, copied == NULL ? NULL : copied + at};
        draw_one(source, split, step, (uint64_t)(first + i), length, &scratch, sequence);
    }
    arena_destroy(&arena);
}

void source_token_name(const DataSource *source, int token, char name[16]) {
    const Layout *layout = &source->layout;
    if (token == source->bos)
        snprintf(name, 16, "BOS");
    else if (token < source->tokens)
        source->kind->token_name(source, token, name);
    else if (token < layout->delimiter + layout->delimiters)
        snprintf(name, 16, "DEL%d", token - layout->delimiter);
    else
        snprintf(name, 16, "FIX");
}

SourceSymbols source_symbols(const KindChoice *choice) {
    const SourceKind *kind = (const SourceKind *)choice->kind;
    return kind->symbols == NULL ? SYMBOLS_NONE : kind->symbols(&choice->options);
}
