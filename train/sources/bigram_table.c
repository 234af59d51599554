#include "train/sources/bigram_table.h"

#include "model/base/sha256.h"
#include "model/base/utf8.h"
#include "train/sources/english_bigrams.h"
#include "train/sources/text_file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const chain_words[] = {"english", "zipf", NULL};

static BigramTable table_create(int symbols, Arena *arena) {
    size_t count = (size_t)symbols;
    return (BigramTable){.symbols = symbols,
                         .code_points = ARENA_ARRAY(arena, uint32_t, count),
                         .cumulative = ARENA_ARRAY(arena, uint32_t, count * count),
                         .occurrences = ARENA_ARRAY(arena, uint64_t, count)};
}

/* From plain counts in ->cumulative to occurrences and cumulative counts. */
static void table_finish(BigramTable *table) {
    size_t symbols = (size_t)table->symbols;
    for (size_t a = 0; a < symbols; a++)
        for (size_t b = 0; b < symbols; b++) {
            table->occurrences[a] += table->cumulative[a * symbols + b];
            table->occurrences[b] += table->cumulative[a * symbols + b];
        }
    for (size_t a = 0; a < symbols; a++) {
        uint32_t *row = table->cumulative + a * symbols;
        for (size_t b = 1; b < symbols; b++)
            row[b] += row[b - 1];
        if (row[symbols - 1] > 0)
            continue;
        uint64_t sum = 0; /* halves of at most TEXT_LARGEST pairs' sides: fits 32 bits */
        for (size_t b = 0; b < symbols; b++) {
            sum += (table->occurrences[b] + 1) / 2;
            row[b] = (uint32_t)(sum < UINT32_MAX ? sum : UINT32_MAX);
        }
    }
}

int bigram_table_find(const BigramTable *table, uint32_t code_point) {
    for (int symbol = 0; symbol < table->symbols; symbol++)
        if (table->code_points[symbol] == code_point && code_point != 0)
            return symbol;
    return -1;
}

static void table_english(Arena *arena, BigramTable *table) {
    *table = table_create(ENGLISH_SYMBOLS, arena);
    for (int a = 0; a < ENGLISH_SYMBOLS; a++) {
        table->code_points[a] = (unsigned char)english_symbols[a];
        for (int b = 0; b < ENGLISH_SYMBOLS; b++)
            table->cumulative[a * ENGLISH_SYMBOLS + b] = english_bigrams[a][b];
    }
    table_finish(table);
}

static void zipf_row(int symbols, double exponent, Random *random, uint32_t *order, uint32_t *row) {
    const double most_frequent = 1e6;
    random_permutation(random, (size_t)symbols, order);
    for (int rank = 0; rank < symbols; rank++)
        row[order[rank]] = (uint32_t)fmax(1, round(most_frequent / pow(rank + 1, exponent)));
}

void bigram_table_zipf(int symbols, double exponent, uint64_t seed, Arena *arena,
                       BigramTable *table) {
    static const char names[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
    *table = table_create(symbols, arena);
    uint32_t *order = ARENA_ARRAY(arena, uint32_t, (size_t)symbols);
    for (int a = 0; a < symbols; a++) {
        if (a < (int)sizeof names - 1)
            table->code_points[a] = (unsigned char)names[a];
        Random random = random_create(seed, RANDOM_SOURCE, 0, (uint32_t)a);
        zipf_row(symbols, exponent, &random, order,
                 table->cumulative + (size_t)a * (size_t)symbols);
    }
    table_finish(table);
}

/* ---- From a text ---------------------------------------------------------------------------- */

enum { CODE_POINTS = 0x110000 };

/* Marks the code points of the text in seen [CODE_POINTS] and returns how many there are. */
static int mark_code_points(const Text *text, uint16_t *seen) {
    int symbols = 0, length;
    for (size_t at = 0; at < text->count; at += (size_t)length) {
        uint32_t point = utf8_code_point(text->bytes + at, &length);
        symbols += seen[point] == 0;
        seen[point] = 1;
    }
    return symbols;
}

/* Counts pairs, and triples where there is room for them; a triple's row is its first two. */
static void count_pairs(const Text *text, const uint16_t *symbol_of, BigramTable *table) {
    int length;
    size_t symbols = (size_t)table->symbols, before = SIZE_MAX;
    size_t first = symbol_of[utf8_code_point(text->bytes, &length)];
    for (size_t at = (size_t)length; at < text->count; at += (size_t)length) {
        size_t second = symbol_of[utf8_code_point(text->bytes + at, &length)];
        table->cumulative[first * symbols + second]++;
        if (table->triples != NULL && before != SIZE_MAX)
            table->triples[(before * symbols + first) * symbols + second]++;
        before = first;
        first = second;
    }
}

static Status triples_create(BigramTable *table, Arena *arena, Error *error) {
    size_t symbols = (size_t)table->symbols;
    if (symbols > BIGRAM_TRIPLE_SYMBOLS)
        return error_set(error, STATUS_BAD_INPUT,
                         "it has %zu symbols; what follows pairs is counted for at most %d",
                         symbols, BIGRAM_TRIPLE_SYMBOLS);
    table->triples = ARENA_ARRAY(arena, uint32_t, symbols * symbols * symbols);
    return STATUS_OK;
}

/* From plain counts of triples to cumulative ones. */
static void triples_finish(BigramTable *table) {
    size_t symbols = (size_t)table->symbols;
    for (size_t row = 0; table->triples != NULL && row < symbols * symbols; row++)
        for (size_t b = 1; b < symbols; b++)
            table->triples[row * symbols + b] += table->triples[row * symbols + b - 1];
}

static Status table_count(const char *path, const Text *text, uint16_t *symbol_of, bool triples,
                          Arena *arena, BigramTable *table, Error *error) {
    int symbols = mark_code_points(text, symbol_of), length;
    utf8_code_point(text->bytes, &length);
    if ((size_t)length == text->count)
        return error_set(error, STATUS_BAD_INPUT,
                         "%s holds a single character; counting pairs needs at least two", path);
    if (symbols > BIGRAM_TEXT_SYMBOLS)
        return error_set(error, STATUS_BAD_INPUT,
                         "%s has %d different characters; a chain has at most %d symbols", path,
                         symbols, BIGRAM_TEXT_SYMBOLS);
    *table = table_create(symbols, arena);
    uint16_t symbol = 0;
    for (uint32_t point = 0; point < CODE_POINTS; point++)
        if (symbol_of[point] != 0) {
            table->code_points[symbol] = point;
            symbol_of[point] = symbol++;
        }
    if (triples)
        TRY(triples_create(table, arena, error));
    count_pairs(text, symbol_of, table);
    table_finish(table);
    triples_finish(table);
    return STATUS_OK;
}

static Status table_text(const char *path, bool triples, Arena *arena, BigramTable *table,
                         char fingerprint[65], Error *error) {
    Arena scratch = arena_create("counting the pairs of a text");
    Text text;
    Status status = text_read(path, "", &scratch, &text, error);
    if (status == STATUS_OK) {
        uint16_t *symbol_of = ARENA_ARRAY(&scratch, uint16_t, CODE_POINTS);
        sha256_of(text.bytes, text.count, fingerprint);
        status = table_count(path, &text, symbol_of, triples, arena, table, error);
    }
    arena_destroy(&scratch);
    return status;
}

/* ---- As options name it --------------------------------------------------------------------- */

/* A row of its own for every pair of symbols. */
static Status zipf_triples(const ChainOptions *options, uint64_t seed, Arena *arena,
                           BigramTable *table, Error *error) {
    TRY(triples_create(table, arena, error));
    size_t symbols = (size_t)table->symbols;
    uint32_t *order = ARENA_ARRAY(arena, uint32_t, symbols);
    for (size_t pair = 0; pair < symbols * symbols; pair++) {
        Random random = random_create(seed, RANDOM_SOURCE, 1, (uint32_t)pair);
        zipf_row(table->symbols, options->exponent, &random, order,
                 table->triples + pair * symbols);
    }
    triples_finish(table);
    return STATUS_OK;
}

Status bigram_options_check(const ChainOptions *options, const char **culprit, Error *error) {
    bool symbols = options->symbols != 64;
    if (strcmp(options->chain, "zipf") == 0 || (!symbols && options->exponent == 1))
        return STATUS_OK;
    *culprit = symbols ? "data.symbols" : "data.exponent";
    return error_set(
        error, STATUS_BAD_INPUT,
        "it is an option of the zipf chain, and would change nothing of \"%s\"; leave it "
        "out, or name zipf",
        options->chain);
}

Status bigram_table_open(const ChainOptions *options, uint64_t seed, const char *base_directory,
                         Arena *arena, BigramTable *table, char fingerprint[65], Error *error) {
    if (strcmp(options->chain, "english") == 0) {
        table_english(arena, table);
        return STATUS_OK;
    }
    if (strcmp(options->chain, "zipf") == 0) {
        bigram_table_zipf((int)options->symbols, options->exponent, seed, arena, table);
        return options->triples ? zipf_triples(options, seed, arena, table, error) : STATUS_OK;
    }
    const char *path = text_path(options->chain, base_directory, arena);
    Status status = table_text(path, options->triples, arena, table, fingerprint, error);
    if (status == STATUS_OK)
        return STATUS_OK;
    return error_context(error, status,
                         "\"%s\" is neither english nor zipf nor a text that can be used",
                         options->chain);
}

bool bigram_table_first(const BigramTable *table, const bool *excluded, uint32_t *cumulative) {
    uint64_t total = 0, sum = 0;
    for (int symbol = 0; symbol < table->symbols; symbol++)
        total += table->occurrences[symbol];
    int shift = 0;
    while (total >> shift > UINT32_MAX)
        shift++;
    for (int symbol = 0; symbol < table->symbols; symbol++) {
        if (excluded == NULL || !excluded[symbol])
            sum += table->occurrences[symbol] >> shift;
        cumulative[symbol] = (uint32_t)sum;
    }
    return sum > 0;
}

void bigram_table_name(const BigramTable *table, int symbol, char name[16]) {
    if (table->code_points[symbol] != 0)
        text_symbol_name(table->code_points[symbol], name);
    else
        snprintf(name, 16, "s%d", symbol);
}
