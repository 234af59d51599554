/* Token files in every format, whole and damaged, and where documents begin. */
#include "tests/support/defaults.h"
#include "tests/support/scratch.h"
#include "tests/support/source_case.h"
#include "train/sources/token_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LENGTH = SOURCE_CASE_LENGTH, BATCH = SOURCE_CASE_BATCH, COUNT = 1000 };

/* Token i of every file here: below 250, and telling apart where a window was cut. */
static int token_at(int i) {
    return (i * i / 13 + i * 7) % 250;
}

typedef struct Bytes {
    unsigned char data[16384];
    size_t count;
} Bytes;

static void add(Bytes *bytes, const void *data, size_t count) {
    assert_true(bytes->count + count <= sizeof bytes->data);
    memcpy(bytes->data + bytes->count, data, count);
    bytes->count += count;
}

static void add_numbers(Bytes *bytes, int width) {
    for (int i = 0; i < COUNT; i++) {
        uint64_t token = (uint64_t)token_at(i);
        add(bytes, &token, (size_t)width); /* little-endian, as the formats are */
    }
}

static void add_header(Bytes *bytes, int32_t magic, int32_t version, int32_t count) {
    int32_t header[256] = {magic, version, count};
    add(bytes, header, sizeof header);
}

static void add_npy(Bytes *bytes, int version, const char *descr, const char *order,
                    const char *shape) {
    char header[200];
    snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }%*s\n",
             descr, order, shape, 20, "");
    unsigned char head[12] = {
        0x93, 'N', 'U', 'M', 'P', 'Y', (unsigned char)version, 0, (unsigned char)strlen(header)};
    add(bytes, head, version == 1 ? 10 : 12);
    add(bytes, header, strlen(header));
}

static const char *write_bytes(void *const *state, const Bytes *bytes) {
    const char *path = scratch_path(state, "tokens");
    scratch_write_bytes(path, bytes->data, bytes->count);
    return path;
}

static KindChoice tokens_of(const char *path) {
    KindChoice choice = defaults_kind(&source_kinds, "tokens");
    source_set_text(&choice, "path", path);
    return choice;
}

static void assert_all_read(void *const *state, const Bytes *bytes, TokenFormat format,
                            const char *what) {
    Arena arena = arena_create("a test");
    Error error;
    Corpus corpus = {.separator = -1};
    char fingerprint[65];
    const char *path = write_bytes(state, bytes);
    if (token_file_read(path, format, &arena, &corpus, fingerprint, &error) != STATUS_OK)
        fail_msg("%s: %s", what, error.message);
    if (corpus.end != COUNT)
        fail_msg("%s: %zu tokens, expected %d", what, corpus.end, COUNT);
    for (int i = 0; i < COUNT; i++)
        if (corpus_token(&corpus, (size_t)i) != token_at(i))
            fail_msg("%s: token %d is %lld, expected %d", what, i,
                     (long long)corpus_token(&corpus, (size_t)i), token_at(i));
    assert_int_equal(strlen(fingerprint), 64);
    arena_destroy(&arena);
}

static void every_format_is_read(void **state) {
    for (int width = 2; width <= 4; width += 2) {
        Bytes plain = {.count = 0}, headed = {.count = 0}, other = {.count = 0};
        TokenFormat format = width == 2 ? FORMAT_UINT16 : FORMAT_UINT32;
        add_numbers(&plain, width);
        assert_all_read(state, &plain, format, "without a header");
        add_header(&headed, 20240520, 1, COUNT);
        add_numbers(&headed, width);
        assert_all_read(state, &headed, FORMAT_AUTO, "with a header");
        assert_all_read(state, &headed, format, "with a header, the format given");
        add_header(&other, 20240801, 7, COUNT);
        add_numbers(&other, width);
        assert_all_read(state, &other, FORMAT_AUTO, "with the other header");
    }
    static const char *const types[] = {"|u1", "<u2", "<u4", "<u8", "<i2", "<i4", "<i8"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        for (int version = 1; version <= 3; version++) {
            Bytes npy = {.count = 0};
            add_npy(&npy, version, types[i], "False", version == 2 ? "(4, 250)" : "(1000,)");
            add_numbers(&npy, types[i][2] - '0');
            assert_all_read(state, &npy, version == 3 ? FORMAT_NPY : FORMAT_AUTO, types[i]);
        }
}

/* Each must be refused at data.path with this in its message. */
static void assert_file_refused(void *const *state, const Bytes *bytes, TokenFormat format,
                                const char *part) {
    KindChoice choice = tokens_of(write_bytes(state, bytes));
    source_set(&choice, "format", format);
    source_assert_refused(&choice, "data.path", part);
}

static void damaged_files_are_refused(void **state) {
    Bytes plain = {.count = 0}, headed = {.count = 0}, empty = {.count = 0};
    add_numbers(&plain, 2);
    assert_file_refused(state, &plain, FORMAT_AUTO, "give data.format");
    assert_file_refused(state, &plain, FORMAT_NPY, "is no .npy file");
    plain.count--;
    assert_file_refused(state, &plain, FORMAT_UINT16, "cut off: 1999 bytes");
    assert_file_refused(state, &empty, FORMAT_UINT16, "is empty");
    Bytes swapped = {.count = 0}, npy = {.count = 0}, wide = {.count = 0};
    add_numbers(&wide, 4);
    assert_file_refused(state, &wide, FORMAT_UINT16, "every second number is 0");
    add_header(&swapped, (int32_t)0x88D83401, 1 << 24,
               COUNT); /* 20240520 and 1, the highest byte first */
    add_numbers(&swapped, 2);
    assert_file_refused(state, &swapped, FORMAT_UINT16, "little-endian");
    assert_file_refused(state, &swapped, FORMAT_AUTO, "little-endian");
    add_npy(&npy, 1, "<u2", "False", "(1000,)");
    add_numbers(&npy, 2);
    assert_file_refused(state, &npy, FORMAT_UINT16, "is a .npy file, and data.format says uint16");
    add_header(&headed, 20240520, 1, COUNT);
    headed.count = 600;
    assert_file_refused(state, &headed, FORMAT_AUTO, "cut off: it has 600 bytes");
    headed.count = 1024;
    assert_file_refused(state, &headed, FORMAT_AUTO, "1000 tokens, as its header says");
    add_numbers(&headed, 2);
    assert_file_refused(state, &headed, FORMAT_UINT32, "numbers of 2 bytes, not uint32");
    headed.count -= 2;
    assert_file_refused(state, &headed, FORMAT_AUTO, "in 2000 or 4000 bytes, but has 1998");
    static const int32_t wrong[][3] = {
        {20240520, 2, COUNT}, {20240801, 1, COUNT}, {20240520, 1, -5}, {20240520, 1, 0}};
    for (int i = 0; i < 4; i++) {
        Bytes bytes = {.count = 0};
        add_header(&bytes, wrong[i][0], wrong[i][1], wrong[i][2]);
        add_numbers(&bytes, 2);
        assert_file_refused(state, &bytes, FORMAT_AUTO,
                            i < 2 ? "header of version" : "should hold");
    }
}

static void damaged_arrays_are_refused(void **state) {
    static const struct {
        const char *descr, *order, *shape, *part;
    } cases[] = {
        {"<f4", "False", "(1000,)", "allowed: little-endian integers"},
        {">u2", "False", "(1000,)", "allowed: little-endian integers"},
        {"<u2", "True", "(4, 250)", "C order"},
        {"<u2", "False", "(1001,)", "should hold 1001 numbers"},
        {"<u2", "False", "(99999999999, 99999999999)", "should hold"},
        {"<u2", "False", "(a,)", "should hold"},
        {"<u2", "False", "()", "should hold"},
        {"<u2", "False", "(0,)", "should hold"},
        {"<u4", "False", "(1000,)", "should hold 1000 numbers of 4 bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Bytes bytes = {.count = 0};
        add_npy(&bytes, 1, cases[i].descr, cases[i].order, cases[i].shape);
        add_numbers(&bytes, 2);
        assert_file_refused(state, &bytes, FORMAT_AUTO, cases[i].part);
    }
    Bytes bytes = {.count = 0};
    add_npy(&bytes, 1, "<u2", "False", "(1000,)");
    for (size_t count = 6; count < bytes.count; count += 9) { /* cut within the header */
        Bytes cut = bytes;
        cut.count = count;
        assert_file_refused(state, &cut, FORMAT_NPY, count < 10 ? "no .npy file" : "cut off");
    }
}

static void wrong_tokens_are_refused(void **state) {
    Bytes bytes = {.count = 0};
    add_numbers(&bytes, 2);
    KindChoice choice = tokens_of(write_bytes(state, &bytes));
    source_set(&choice, "format", FORMAT_UINT32); /* two tokens in one number */
    source_assert_refused(&choice, "data.path", "no token from 0 to 1048575");
    source_set(&choice, "format", FORMAT_UINT16);
    source_set(&choice, "vocabulary", 249);
    source_assert_refused(&choice, "data.path", "is 249, no token from 0 to 248");
    source_set(&choice, "vocabulary", 250);
    source_set(&choice, "document_token", 250);
    source_assert_refused(&choice, "data.document_token", "there is no token 250");
    source_set(&choice, "document_token", -1);
    source_set(&choice, "held_out", 0.01);
    source_assert_refused(&choice, "data.path", "has 10 tokens held out");
    source_set_text(&choice, "validation", "/no/such/file");
    source_assert_refused(&choice, "data.validation", "cannot read /no/such/file");
    source_set_text(&choice, "path", "");
    source_assert_refused(&choice, "data.path", "no path is given");
    Bytes npy = {.count = 0};
    add_npy(&npy, 1, "<i2", "False", "(1000,)");
    add_numbers(&npy, 2);
    npy.data[npy.count - 1] = 0xFF;
    assert_file_refused(state, &npy, FORMAT_AUTO, "number 999 is -");
}

/* Windows are runs of the file's tokens; the held-out tail is its own. */
static void windows_are_cut_from_their_part(void **state) {
    Bytes bytes = {.count = 0};
    add_numbers(&bytes, 2);
    KindChoice choice = tokens_of(write_bytes(state, &bytes));
    source_set(&choice, "format", FORMAT_UINT16);
    source_set(&choice, "held_out", 0.25);
    SourceCase *scene = source_case_open(&choice, 1);
    assert_int_equal(scene->source.vocabulary, 251);
    for (int split = 0; split < 3; split++) {
        int earliest = COUNT, latest = 0;
        source_case_draw(scene, (Split)split, 0);
        for (int s = 0; s < BATCH; s++) {
            int place = -1;
            for (int at = 0; at + LENGTH <= COUNT && place < 0; at++) {
                place = at;
                for (int t = 0; t < LENGTH && place >= 0; t++)
                    if (scene->targets[s][t] != token_at(at + t))
                        place = -1;
            }
            assert_true(place >= 0);
            earliest = place < earliest ? place : earliest;
            latest = place > latest ? place : latest;
        }
        assert_in_range(earliest, split == 0 ? 0 : 750, split == 0 ? 40 : 770);
        assert_in_range(latest, split == 0 ? 670 : 940, split == 0 ? 750 - LENGTH : COUNT - LENGTH);
    }
    source_case_close(scene);
}

static void a_validation_file_is_apart(void **state) {
    uint16_t training[200], validation[100];
    for (int i = 0; i < 200; i++)
        training[i] = 1;
    for (int i = 0; i < 100; i++)
        validation[i] = 2;
    const char *first = scratch_path(state, "train"), *second = scratch_path(state, "val");
    scratch_write_bytes(first, training, sizeof training);
    scratch_write_bytes(second, validation, sizeof validation);
    KindChoice choice = tokens_of(first);
    source_set(&choice, "format", FORMAT_UINT16);
    source_set_text(&choice, "validation", second);
    SourceCase *scene = source_case_open(&choice, 1);
    for (int split = 0; split < 3; split++) {
        source_case_draw(scene, (Split)split, 0);
        for (int t = 0; t < LENGTH; t++)
            assert_int_equal(scene->targets[3][t], split == 0 ? 1 : 2);
    }
    source_case_close(scene);
}

/* ---- Documents ------------------------------------------------------------------------------ */

/* Documents of 3 to 13 tokens: token 10 + n is at place n of its document; 0 stands between
   them. */
static const char *write_documents(void *const *state) {
    static uint16_t tokens[4000];
    int count = 0;
    for (int document = 0; count + 20 < 4000; document++) {
        int length = 3 + document * 7 % 11;
        tokens[count++] = 0;
        for (int n = 0; n < length; n++)
            tokens[count++] = (uint16_t)(10 + n);
    }
    const char *path = scratch_path(state, "documents");
    scratch_write_bytes(path, tokens, (size_t)count * sizeof tokens[0]);
    return path;
}

/* With bos: document a BOS (the file's own separator) stands before each first token and nowhere
   else; otherwise there is none within. */
static void documents_are_told_apart(void **state) {
    for (int packing = 0; packing < 2; packing++)
        for (int bos = BOS_FIRST; bos <= BOS_NONE; bos++) {
            KindChoice choice = tokens_of(write_documents(state));
            source_set(&choice, "format", FORMAT_UINT16);
            source_set(&choice, "document_token", 0);
            source_set(&choice, "packing", packing);
            source_set(&choice, "bos", bos);
            SourceCase *scene = source_case_open(&choice, 1);
            assert_int_equal(scene->source.bos, bos == BOS_NONE ? -1 : 0);
            assert_int_equal(scene->source.vocabulary, 23);
            source_case_draw(scene, SPLIT_TRAINING, 0);
            int at_start = 0;
            for (int s = 0; s < BATCH; s++)
                for (int t = 0; t < LENGTH; t++) {
                    int token = scene->inputs[s][t];
                    int before = t > 0 ? scene->inputs[s][t - 1] : -1;
                    if (bos == BOS_DOCUMENT && t > 0)
                        assert_int_equal(token == 10, before == 0);
                    if (bos != BOS_DOCUMENT)
                        assert_int_equal(token == 0, bos == BOS_FIRST && t == 0);
                    if (token > 10 && t > 0 && before != 0)
                        assert_int_equal(before, token - 1);
                    at_start += t == (bos == BOS_FIRST ? 1 : 0) && (token == 10 || token == 0);
                }
            if (packing == PACKING_DOCUMENTS)
                assert_int_equal(at_start, BATCH);
            else
                assert_in_range(at_start, 1, BATCH / 2);
            source_case_close(scene);
        }
}

/* The same for a text whose documents end in a word, and for a folder's files. */
static void texts_have_documents(void **state) {
    char text[6000] = "";
    size_t used = 0;
    while (used + 40 < sizeof text)
        used += (size_t)snprintf(text + used, sizeof text - used, "<%.*s>END", (int)(used * 7 % 20),
                                 "abcdefghijklmnopqrst");
    const char *path = scratch_path(state, "text.txt");
    scratch_write(path, text);
    KindChoice choice = defaults_kind(&source_kinds, "text");
    source_set_text(&choice, "path", path);
    source_set_text(&choice, "document_end", "END");
    source_set(&choice, "bos", BOS_DOCUMENT);
    SourceCase *scene = source_case_open(&choice, 1);
    source_case_draw(scene, SPLIT_TRAINING, 0);
    for (int s = 0; s < BATCH; s++)
        for (int t = 1; t < LENGTH; t++)
            assert_int_equal(scene->inputs[s][t] == '<', scene->inputs[s][t - 1] == 256);
    source_case_close(scene);
    source_set(&choice, "packing", PACKING_DOCUMENTS);
    scene = source_case_open(&choice, 1);
    source_case_draw(scene, SPLIT_PROBE, 0);
    for (int s = 0; s < BATCH; s++)
        assert_int_equal(scene->inputs[s][0], 256);
    source_case_close(scene);
    source_set_text(&choice, "document_end", "NEVER");
    source_assert_refused(&choice, "data.path",
                          "begin in the part to train on; data.bos: document needs at least 2");
    source_set(&choice, "bos", BOS_FIRST);
    source_assert_refused(&choice, "data.path", "data.packing: documents needs at least 2");
    source_set_text(&choice, "document_end", "");
    source_set(&choice, "packing", PACKING_WINDOWS);
    source_set_text(&choice, "suffixes", ".txt");
    source_assert_refused(&choice, "data.path", "is a single file");
}

/* A part with a separator has a BOS of its own, which the others must have too. */
static void parts_share_their_bos(void **state) {
    const char *path = write_documents(state);
    KindChoice mixture = defaults_kind(&source_kinds, "mixture");
    KindChoice items[2] = {tokens_of(path), tokens_of(path)};
    const KindList list = {.items = items, .count = 2};
    for (int i = 0; i < 2; i++)
        source_set(&items[i], "format", FORMAT_UINT16);
    source_set(&items[1], "document_token", 0);
    memcpy(mixture.options.bytes + field_find(&mixture.kind->options, "sources")->offset, &list,
           sizeof list);
    source_assert_refused(&mixture, "data.sources", "is 0, that of the first source -1");
}

/* One document in each of two files: every sequence would be the same. */
static void documents_must_be_told_apart(void **state) {
    Bytes bytes = {.count = 0};
    add_numbers(&bytes, 2);
    KindChoice choice = tokens_of(write_bytes(state, &bytes));
    source_set(&choice, "format", FORMAT_UINT16);
    source_set_text(&choice, "validation", scratch_path(state, "tokens"));
    source_set(&choice, "packing", PACKING_DOCUMENTS);
    source_assert_refused(&choice, "data.path", "data.packing: documents needs at least 2");
    source_set(&choice, "packing", PACKING_WINDOWS);
    source_set(&choice, "bos", BOS_DOCUMENT);
    source_assert_refused(&choice, "data.path", "data.bos: document needs at least 2");
}

#define SCRATCH_TEST(function)                                                                     \
    cmocka_unit_test_setup_teardown(function, scratch_create, scratch_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(every_format_is_read),
        SCRATCH_TEST(damaged_files_are_refused),
        SCRATCH_TEST(damaged_arrays_are_refused),
        SCRATCH_TEST(wrong_tokens_are_refused),
        SCRATCH_TEST(windows_are_cut_from_their_part),
        SCRATCH_TEST(a_validation_file_is_apart),
        SCRATCH_TEST(documents_are_told_apart),
        SCRATCH_TEST(texts_have_documents),
        SCRATCH_TEST(documents_must_be_told_apart),
        SCRATCH_TEST(parts_share_their_bos),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
