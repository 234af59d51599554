/* Every data source and everything that can stand around its tokens is learned: 200 steps of the
   real loop each. */
#include "tests/support/learning.h"
#include "tests/support/scratch.h"
#include "train/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static const AxisNote notes[] = {
    {.key = "data", .value = "repeat", .with = "data.block=1"},
    {.key = "data", .value = "text", .with = "data.path=text.txt"},
    {.key = "data", .value = "tokens", .with = "data.path=headed16.bin"},
    {.key = "data",
     .value = "mixture",
     .with = "data.sources=[{source: markov, chain: zipf}, {source: repeat, block: 1, weight: 3}]"},
    {.key = "data.weight", .no_axis = true}, /* of parts: see every_part_learns */
    {.key = "data.bos_count", .value = "3"},
    {.key = "data.delimiters", .value = "2", .with = "data.delimiter_every=4"},
    {.key = "data.delimiter_every", .value = "4", .with = "data.delimiters=1"},
    {.key = "data.delimiter_probability", .value = "0.2", .with = "data.delimiters=2"},
    {.key = "data.fixed_position", .value = "3"},
    {.key = "data.fixed_position", .value = "0", .with = "data.bos=none"},
    {.key = "data.fixed_token", .value = "1", .with = "data.fixed_position=3"},
    {.key = "data.random_share", .value = "0.1", .with = "train.batch=64"}, /* by whole sequences */
    {.key = "data.amount", .value = "2048"},
    {.key = "data.triggers", .value = "ae"},
    {.key = "data.triggers", .value = "\"\""},
    {.key = "data.copy_probability", .value = "0.5"},
    {.key = "data.bigrams", .value = "zipf"},
    {.key = "data.bigrams", .value = "text.txt"},
    {.key = "data.chain", .value = "zipf"},
    {.key = "data.chain", .value = "text.txt"},
    {.key = "data.order", .value = "2", .with = "data.chain=text.txt"},
    {.key = "data.symbols", .kind = "bigram-backcopy", .value = "32", .with = "data.bigrams=zipf"},
    {.key = "data.symbols", .kind = "markov", .value = "32", .with = "data.chain=zipf"},
    {.key = "data.symbols", .kind = "zipf", .value = "32"},
    {.key = "data.symbols", .kind = "repeat", .value = "32"},
    {.key = "data.exponent",
     .kind = "bigram-backcopy",
     .value = "1.5",
     .with = "data.bigrams=zipf"},
    {.key = "data.exponent", .kind = "markov", .value = "1.5", .with = "data.chain=zipf"},
    {.key = "data.exponent", .kind = "zipf", .value = "1.5"},
    {.key = "data.exponent", .kind = "repeat", .value = "1.5"},
    {.key = "data.block", .value = "2", .with = "data.exponent=1.5"},
    {.key = "data.shortest", .value = "1", .with = "data.block=2; data.exponent=1.5"},
    {.key = "data.copies", .value = "3"},
    {.key = "data.path", .no_axis = true}, /* given beside its sources */
    {.key = "data.suffixes", .value = ".txt", .with = "data.path=texts"},
    {.key = "data.held_out", .value = "0.3"},
    {.key = "data.document_end", .value = "\" fox\""},
    {.key = "data.packing", .kind = "text", .value = "documents", .with = "data.document_end=fox"},
    {.key = "data.validation",
     .value = "plain16.bin",
     .with = "data.format=uint16; data.path=plain16.bin"},
    {.key = "data.format", .value = "uint16", .with = "data.path=plain16.bin"},
    {.key = "data.format", .value = "uint32", .with = "data.path=plain32.bin"},
    {.key = "data.format", .value = "npy", .with = "data.path=array.npy"},
    {.key = "data.vocabulary", .value = "300"},
    {.key = "data.document_token", .value = "10"},
};

/* Sentences of a few words in an order that a small hash gives, one to a line. */
static size_t write_sentences(char *text, size_t room) {
    static const char *const words[] = {"the ",   "quick ", "brown ", "fox ",
                                        "jumps ", "over ",  "lazy ",  "dogs "};
    size_t used = 0;
    for (uint32_t i = 0; used + 16 < room; i++) {
        uint32_t hash = (i * UINT32_C(2654435761)) >> 16;
        used += (size_t)snprintf(text + used, room - used, "%s%s", words[hash % 8],
                                 hash % 5 == 0 ? "\n" : "");
    }
    return used;
}

/* The text's bytes as token numbers, with what stands before them in the file. */
static void write_tokens(const char *path, const char *text, size_t count, int width,
                         const void *head, size_t head_bytes) {
    static unsigned char bytes[1024 + 4 * 30000];
    size_t used = head_bytes;
    if (head_bytes > 0)
        memcpy(bytes, head, head_bytes);
    for (size_t i = 0; i < count; i++) {
        uint32_t token = (unsigned char)text[i];
        memcpy(bytes + used, &token, (size_t)width); /* little-endian */
        used += (size_t)width;
    }
    scratch_write_bytes(path, bytes, used);
}

static Learning begin(void **state) {
    static char text[30000];
    size_t count = write_sentences(text, sizeof text);
    char dictionary[128], npy[160] = "\x93NUMPY\x01";
    assert_int_equal(mkdir(scratch_path(state, "texts"), 0777), 0);
    scratch_write_bytes(scratch_path(state, "text.txt"), text, count);
    scratch_write_bytes(scratch_path(state, "texts/one.txt"), text, count);
    scratch_write_bytes(scratch_path(state, "texts/two.md"), text, count / 2);
    const int32_t header16[256] = {20240520, 1, (int32_t)count};
    const int32_t header32[256] = {20240801, 7, (int32_t)count};
    write_tokens(scratch_path(state, "plain16.bin"), text, count, 2, NULL, 0);
    write_tokens(scratch_path(state, "plain32.bin"), text, count, 4, NULL, 0);
    write_tokens(scratch_path(state, "headed16.bin"), text, count, 2, header16, sizeof header16);
    write_tokens(scratch_path(state, "headed32.bin"), text, count, 4, header32, sizeof header32);
    snprintf(dictionary, sizeof dictionary,
             "{'descr': '<u2', 'fortran_order': False, 'shape': (%zu,), }\n", count);
    npy[8] = (char)strlen(dictionary);
    memcpy(npy + 10, dictionary, strlen(dictionary));
    write_tokens(scratch_path(state, "array.npy"), text, count, 2, npy, 10 + strlen(dictionary));
    return learning_create(*state, notes, sizeof notes / sizeof notes[0]);
}

static void every_source_is_learned(void **state) {
    static const char *const except[] = {"data.sources", NULL};
    Learning learning = begin(state);
    learning_check_axes(&learning, "data", except);
    learning_check(&learning, "data=tokens; data.path=headed32.bin");
    learning_check(&learning, "data=tokens; data.path=headed16.bin; data.document_token=10; "
                              "data.packing=documents; data.bos=document");
    learning_check(&learning,
                   "data=text; data.path=text.txt; data.document_end=fox; data.bos=document; "
                   "data.bos_count=2");
}

/* Options without which a kind of part does not learn or does not open. */
static const char *part_options(const char *kind) {
    static const char *const options[][2] = {{"repeat", ", block: 1"},
                                             {"text", ", path: text.txt"},
                                             {"tokens", ", path: headed16.bin, vocabulary: 256"}};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (strcmp(options[i][0], kind) == 0)
            return options[i][1];
    return "";
}

/* Each kind as a part of a mixture, twice, with weights. */
static void every_part_learns(void **state) {
    Learning learning = begin(state);
    const Kind *mixture = kind_find(&source_kinds, "mixture");
    const KindTable *parts = field_find(&mixture->options, "sources")->kinds;
    for (size_t i = 0; i < parts->count; i++) {
        const char *kind = parts->kinds[i]->name, *options = part_options(kind);
        char settings[400];
        snprintf(settings, sizeof settings,
                 "data={source: mixture, sources: [{source: %s%s}, {source: %s%s, weight: 2}]}",
                 kind, options, kind, options);
        learning_check(&learning, settings);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_source_is_learned, scratch_create, scratch_remove),
        cmocka_unit_test_setup_teardown(every_part_learns, scratch_create, scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
