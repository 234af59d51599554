#include "train/sources/corpus.h"

#include <string.h>

const char *const packing_names[] = {"windows", "documents", NULL};

/* A .npy header may leave the numbers at any address: hence the copy, which compiles to a load. */
#define LOAD(type)                                                                                 \
    do {                                                                                           \
        type token_;                                                                               \
        memcpy(&token_, (const unsigned char *)corpus->data + index * sizeof token_,               \
               sizeof token_);                                                                     \
        return token_;                                                                             \
    } while (0)

int64_t corpus_token(const Corpus *corpus, size_t index) {
    switch (corpus->type) {
    case TOKEN_U8:
        LOAD(uint8_t);
    case TOKEN_U16:
        LOAD(uint16_t);
    case TOKEN_U32:
        LOAD(uint32_t);
    case TOKEN_I8:
        LOAD(int8_t);
    case TOKEN_I16:
        LOAD(int16_t);
    case TOKEN_I32:
        LOAD(int32_t);
    case TOKEN_U64: /* a huge one is negative here: −1 or less, no token */
    case TOKEN_I64:
        break;
    }
    LOAD(int64_t);
}

/* The number of the first document that begins at place or later. */
static size_t document_at(const Corpus *corpus, size_t place) {
    size_t low = 0, high = corpus->start_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (corpus->starts[middle] < place)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

Corpus corpus_part(const Corpus *whole, size_t first, size_t end) {
    Corpus part = *whole;
    size_t begin = document_at(whole, first);
    part.first = first;
    part.end = end;
    part.starts = whole->starts + begin;
    part.start_count = document_at(whole, end) - begin;
    return part;
}

void corpus_find_documents(Corpus *corpus, Arena *arena) {
    size_t count = 0;
    for (int pass = 0; pass < 2; pass++) {
        size_t *starts = pass == 0 ? NULL : ARENA_ARRAY(arena, size_t, count);
        bool begins = true;
        count = 0;
        for (size_t i = corpus->first; i < corpus->end; i++) {
            bool separator = corpus->separator >= 0 && corpus_token(corpus, i) == corpus->separator;
            if (begins && !separator) {
                if (starts != NULL)
                    starts[count] = i;
                count++;
            }
            begins = separator;
        }
        corpus->starts = starts;
    }
    corpus->start_count = count;
}

Status corpus_check(const Corpus *corpus, const SourceSetup *setup, bool training, const char *path,
                    Error *error) {
    const char *part = training ? "to train on" : "held out";
    bool by_document = corpus->packing == PACKING_DOCUMENTS || setup->documents;
    size_t longest = (size_t)setup->longest, count = 0;
    size_t documents = !by_document ? 0 : training ? 2 : 1;
    for (size_t i = corpus->first; i < corpus->end && count < longest; i++)
        count += corpus->separator < 0 || corpus_token(corpus, i) != corpus->separator;
    if (count < longest)
        return error_set(error, STATUS_BAD_INPUT,
                         "%s has %zu tokens %s; a sequence needs %zu. Give more of them or a "
                         "smaller model.context",
                         path, count, part, longest);
    if (corpus->start_count < documents)
        return error_set(
            error, STATUS_BAD_INPUT,
            "%zu documents of %s begin in the part %s; %s needs at least %zu. Say what "
            "stands between documents, or leave it out",
            corpus->start_count, path, part,
            setup->documents ? "data.bos: document" : "data.packing: documents", documents);
    return STATUS_OK;
}

static size_t choose_place(const Corpus *corpus, Random *random, int count) {
    if (corpus->packing == PACKING_DOCUMENTS)
        return corpus->starts[random_below(random, (uint32_t)corpus->start_count)];
    uint32_t places = (uint32_t)(corpus->end - corpus->first - (size_t)count + 1);
    return corpus->first + random_below(random, places);
}

void corpus_draw(const Corpus *corpus, Random *random, int count, Stream stream) {
    size_t place = choose_place(corpus, random, count);
    size_t document = document_at(corpus, place);
    for (int filled = 0; filled < count; place++) {
        bool wrapped = place == corpus->end;
        if (wrapped) {
            place = corpus->first;
            document = 0;
        }
        bool begins = document < corpus->start_count && corpus->starts[document] == place;
        document += begins;
        int64_t token = corpus_token(corpus, place);
        if (corpus->separator >= 0 && token == corpus->separator)
            continue;
        stream.tokens[filled] = (int32_t)token;
        if (stream.starts != NULL)
            stream.starts[filled] = begins || wrapped;
        filled++;
    }
}
