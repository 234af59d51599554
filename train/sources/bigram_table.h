/* A Markov chain over symbols as exact integer counts: of English, of a text, or Zipf-like. */
#ifndef FIDUCIAL_TRAIN_SOURCES_BIGRAM_TABLE_H
#define FIDUCIAL_TRAIN_SOURCES_BIGRAM_TABLE_H

#include "model/base/arena.h"
#include "model/base/random.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BIGRAM_TEXT_SYMBOLS = 256, BIGRAM_ZIPF_SYMBOLS = 1024, BIGRAM_TRIPLE_SYMBOLS = 160 };

typedef struct BigramTable {
    int symbols;
    uint32_t *code_points; /* [symbols], ascending for texts; 0 for a symbol without a character */
    uint32_t *cumulative;  /* [symbols][symbols]: row a, column b: pairs (a, 0) … (a, b) */
    uint64_t *occurrences; /* [symbols]: how often a symbol stands in a pair, on either side */
    uint32_t *triples; /* [symbols][symbols][symbols], cumulative in the last: what follows a pair;
                              rows of pairs that do not occur are 0. NULL: not counted */
} BigramTable;

/* Names of chains, closed by NULL; any other is the path of a text. */
extern const char *const chain_words[];

/* Which chain, as a source's options name it. */
typedef struct ChainOptions {
    const char *chain; /* one of chain_words, or the path of a text */
    int64_t symbols;   /* zipf only */
    double exponent;   /* zipf only */
    bool triples;      /* count what follows pairs as well; not for english */
} ChainOptions;

/* STATUS_BAD_INPUT where the options say something about zipf and name another chain; *culprit then
   names the dotted key. The defaults (64 symbols, exponent 1) say nothing. */
Status bigram_options_check(const ChainOptions *options, const char **culprit, Error *error);

/* Makes the table that options name: the embedded counts of English character pairs, rows drawn
   from the seed (bigram_table_zipf), or the pairs of characters (code points) of a UTF-8 text file
   or folder, whose bytes' SHA-256 goes into fingerprint; there a symbol that nothing follows takes
   the row of all occurrences. STATUS_BAD_INPUT where the text cannot be read, has fewer than two
   characters or more than BIGRAM_TEXT_SYMBOLS different ones, or where triples are asked of more
   than BIGRAM_TRIPLE_SYMBOLS symbols. */
Status bigram_table_open(const ChainOptions *options, uint64_t seed, const char *base_directory,
                         Arena *arena, BigramTable *table, char fingerprint[65], Error *error);

/* Cumulative occurrences of all symbols but the excluded ones (NULL: none), scaled into 32 bits,
   into cumulative [symbols]. False where none is left. */
bool bigram_table_first(const BigramTable *table, const bool *excluded, uint32_t *cumulative);

/* A short printable name of a symbol. */
void bigram_table_name(const BigramTable *table, int symbol, char name[16]);

/* Every row: counts proportional to 1/rank^exponent over its own permutation of the symbols, drawn
   from the seed (RANDOM_SOURCE). The first symbols are called by the 94 visible ASCII characters:
   a … z, A … Z, 0 … 9, then the rest. */
void bigram_table_zipf(int symbols, double exponent, uint64_t seed, Arena *arena,
                       BigramTable *table);

/* The symbol of a code point; −1 where there is none. */
int bigram_table_find(const BigramTable *table, uint32_t code_point);

/* One draw from a row of cumulative counts [count], whose last is above 0. Exact. */
static inline int bigram_draw(const uint32_t *cumulative, int count, Random *random) {
    uint32_t place = random_below(random, cumulative[count - 1]);
    const uint32_t *first = cumulative;
    for (int left = count; left > 1;) { /* the first entry above place, without a branch to miss */
        int half = left / 2;
        first += -(ptrdiff_t)(first[half - 1] <= place) & half;
        left -= half;
    }
    return (int)(first - cumulative);
}

#endif
