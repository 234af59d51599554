/* Data sources: where token sequences come from. A kind draws a plain stream of tokens; what stands
   around and between them (BOS, delimiters, fixed or random tokens) is laid out here, the same for
   every kind. A sequence is a pure function of (seed, split, step, index), so that any step's batch
   can be made without the ones before it. */
#ifndef FIDUCIAL_TRAIN_SOURCE_H
#define FIDUCIAL_TRAIN_SOURCE_H

#include "model/base/arena.h"
#include "model/base/field.h"
#include "model/base/random.h"

#include <stdint.h>

typedef enum Split {
    SPLIT_TRAINING,
    SPLIT_VALIDATION, /* files: from the held-out part */
    SPLIT_PROBE, /* files: from the held-out part, never the validation's windows' randomness */
} Split;

typedef struct DataSource DataSource;

/* One sequence. Arrays [length], owned by the caller. */
typedef struct Sequence {
    int32_t *inputs;
    int32_t *targets; /* the next token, −1 where nothing is predicted */
    uint8_t *copied;  /* 1 where the target is a copied token (see loss_copied); may be NULL */
} Sequence;

/* What a kind draws. Arrays [count], owned by the caller; copied and starts hold zeros, but 1 at
   starts[0]. Both may be NULL. */
typedef struct Stream {
    int32_t *tokens;
    uint8_t *copied; /* 1 where the token is a copy of an earlier one (see loss_copied) */
    uint8_t *starts; /* 1 where a document begins */
} Stream;

/* What a source is opened with. */
typedef struct SourceSetup {
    uint64_t seed;
    int64_t context;            /* tokens of the longest sequence */
    int64_t batch;              /* training sequences per step */
    const char *base_directory; /* relative paths of options are taken from there; may be NULL */
    Arena *arena;               /* everything that is kept lives here */
    int64_t longest;            /* filled in by source_open: tokens of the longest stream */
    bool documents;             /* filled in by source_open: BOS stands before each document */
} SourceSetup;

/* What a character of a text is to a kind. */
typedef enum SourceSymbols {
    SYMBOLS_NONE,       /* its tokens stand for no characters */
    SYMBOLS_CHARACTERS, /* each character is a token */
    SYMBOLS_BYTES,      /* each byte of its UTF-8 is one */
} SourceSymbols;

typedef struct SourceKind {
    Kind kind; /* its options begin with a SourceCommon (train/sources/common.h) */
    /* Opens files, counts tables …. Fills source->tokens, ->state, and where they apply ->copies,
       ->fingerprint and ->bos. Bad options and bad files are STATUS_BAD_INPUT; *culprit then names
       the dotted key ("data.path"). */
    Status (*open)(const KindOptions *options, const SourceSetup *setup, DataSource *source,
                   const char **culprit, Error *error);
    /* Draws one stream; random is fresh for (seed, split, step, item). Thread-safe. */
    void (*draw)(const DataSource *source, Split split, Random *random, int count, Stream stream);
    /* A short printable name of one of the kind's own tokens (UTF-8, at most 15 bytes). */
    void (*token_name)(const DataSource *source, int token, char name[16]);
    /* What texts are made of; NULL: SYMBOLS_NONE. */
    SourceSymbols (*symbols)(const KindOptions *options);
} SourceKind;

typedef enum BosPlace { BOS_FIRST, BOS_DOCUMENT, BOS_NONE } BosPlace;

/* How streams become sequences; all zero: one BOS, then the stream. */
typedef struct Layout {
    bool edited;   /* false: that, and nothing below is looked at */
    int bos_place; /* BosPlace */
    int bos_count;
    int delimiter, delimiters; /* the first such token, their number */
    int delimiter_every;
    double delimiter_probability;
    int fixed_position, fixed_token; /* −1: none */
    bool random_first;
    double random_share;
    uint64_t batch, unique; /* training sequences per step; how many differ, 0: all */
} Layout;

struct DataSource {
    const SourceKind *kind;
    void *state;
    uint64_t seed;
    int tokens;           /* 0 … tokens − 1 are the kind's own */
    int vocabulary;       /* with BOS, delimiters and the fixed token after them */
    int bos;              /* the BOS token, −1 for none */
    bool copies;          /* whether sequences hold copied tokens */
    char fingerprint[65]; /* SHA-256 of the files it read; "" for none */
    Layout layout;
};

/* STATUS_FAILED: what stands at path was trained on files that have other bytes now. */
Status source_changed(const char *path, Error *error);

extern const KindTable source_kinds;

SourceSymbols source_symbols(const KindChoice *choice);

/* What it fills in of setup need not be set. *culprit as in SourceKind. */
Status source_open(const KindChoice *choice, const SourceSetup *setup, DataSource *source,
                   const char **culprit, Error *error);

/* Sequences first … first + count − 1 of a step, into arrays [count][length]: inputs; targets, the
   next token, −1 for a leading BOS, which nothing predicts; copied, 1 where the target is a copied
   token (may be NULL). */
void source_batch(const DataSource *source, Split split, uint64_t step, int first, int count,
                  int length, int32_t *inputs, int32_t *targets, uint8_t *copied);

/* A short printable name of a token (UTF-8, at most 15 bytes). */
void source_token_name(const DataSource *source, int token, char name[16]);

#endif
