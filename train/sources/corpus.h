/* A long run of tokens from a file, and the streams that are cut out of it. */
#ifndef FIDUCIAL_TRAIN_SOURCES_CORPUS_H
#define FIDUCIAL_TRAIN_SOURCES_CORPUS_H

#include "model/base/arena.h"
#include "model/base/random.h"
#include "train/source.h"

#include <stdint.h>

typedef enum TokenType {
    TOKEN_U8,
    TOKEN_U16,
    TOKEN_U32,
    TOKEN_U64,
    TOKEN_I8,
    TOKEN_I16,
    TOKEN_I32,
    TOKEN_I64,
} TokenType;

static inline size_t token_type_bytes(TokenType type) {
    return (size_t)1 << (type % 4);
}

typedef enum Packing {
    PACKING_WINDOWS,  /* a window at an even random place, across documents */
    PACKING_DOCUMENTS /* from the start of an evenly drawn document; the next ones follow it */
} Packing;

extern const char *const packing_names[]; /* for FIELD_CHOICE */

/* Tokens [first, end) of data, little-endian as the processor is. */
typedef struct Corpus {
    const void *data;
    TokenType type;
    size_t first, end;
    int64_t separator;    /* the token between documents, left out of every stream; −1: none */
    const size_t *starts; /* where documents begin, ascending; those within [first, end) */
    size_t start_count;
    int packing; /* Packing */
} Corpus;

/* The token at index; an unsigned one above INT64_MAX is negative. */
int64_t corpus_token(const Corpus *corpus, size_t index);

/* The part [first, end) of a corpus, with the documents that begin in it. */
Corpus corpus_part(const Corpus *whole, size_t first, size_t end);

/* Fills ->starts: the first token, and each one after a separator. */
void corpus_find_documents(Corpus *corpus, Arena *arena);

/* Whether the part to train on, or the one held out, serves: streams of setup->longest tokens can
   be cut from it and, where documents count (PACKING_DOCUMENTS, setup->documents), one begins in
   it; two in that to train on, or all sequences would be the same. STATUS_BAD_INPUT otherwise; path
   is for the message. */
Status corpus_check(const Corpus *corpus, const SourceSetup *setup, bool training, const char *path,
                    Error *error);

/* Cuts one stream. At the end of the part it goes on at its beginning. */
void corpus_draw(const Corpus *corpus, Random *random, int count, Stream stream);

#endif
