/* Data sources: what is drawn follows its definition, does not depend on what was drawn before, and
   what cannot be used is named. */
#include "model/base/utf8.h"
#include "tests/support/defaults.h"
#include "tests/support/scratch.h"
#include "train/source.h"
#include "train/sources/bigram_table.h"
#include "train/sources/english_bigrams.h"
#include "train/sources/text_file.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { LENGTH = 64, MANY = 512 };

static void check(Status status, const Error *error) {
    if (status != STATUS_OK)
        fail_msg("%s", error->message);
}

static void assert_contains(const char *text, const char *part) {
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" does not contain \"%s\"", text, part);
}

/* Sets one option of a chosen kind by its YAML name. */
static void set_text(KindChoice *choice, const char *name, const char *value) {
    const Field *field = field_find(&choice->kind->options, name);
    assert_non_null(field);
    assert_int_equal(field->type, FIELD_STRING);
    memcpy(choice->options.bytes + field->offset, &value, sizeof value);
}

static void set_real(KindChoice *choice, const char *name, double value) {
    const Field *field = field_find(&choice->kind->options, name);
    assert_non_null(field);
    assert_int_equal(field->type, FIELD_REAL);
    memcpy(choice->options.bytes + field->offset, &value, sizeof value);
}

typedef struct Drawn {
    Arena arena;
    DataSource source;
    int32_t inputs[MANY * LENGTH], targets[MANY * LENGTH];
    uint8_t copied[MANY * LENGTH];
} Drawn;

static Drawn *drawn_open(const KindChoice *choice, uint64_t seed) {
    Error error;
    const char *culprit = NULL;
    Drawn *drawn = calloc(1, sizeof *drawn);
    drawn->arena = arena_create("a test");
    const SourceSetup setup = {
        .seed = seed, .context = LENGTH, .batch = MANY, .arena = &drawn->arena};
    check(source_open(choice, &setup, &drawn->source, &culprit, &error), &error);
    return drawn;
}

static void draw(Drawn *drawn, Split split, uint64_t step, int count) {
    source_batch(&drawn->source, split, step, 0, count, LENGTH, drawn->inputs, drawn->targets,
                 drawn->copied);
}

static void drawn_close(Drawn *drawn) {
    arena_destroy(&drawn->arena);
    free(drawn);
}

/* Opening must fail as bad input, with this culprit and this in the message. */
static void assert_refused(const KindChoice *choice, const char *culprit, const char *part) {
    Error error = {.message = ""};
    const char *named = NULL;
    Arena arena = arena_create("a test");
    DataSource source;
    const SourceSetup setup = {.seed = 1, .context = LENGTH, .batch = MANY, .arena = &arena};
    Status status = source_open(choice, &setup, &source, &named, &error);
    arena_destroy(&arena);
    if (status != STATUS_BAD_INPUT)
        fail_msg("status is %d, not %d (%s)", status, STATUS_BAD_INPUT, error.message);
    assert_string_equal(named, culprit);
    assert_contains(error.message, part);
}

/* ---- Every source --------------------------------------------------------------------------- */

/* Parts of a mixture over 64 symbols each. */
static KindList parts(void) {
    static KindChoice items[2];
    items[0] = defaults_kind(&source_kinds, "zipf");
    items[1] = defaults_kind(&source_kinds, "repeat");
    return (KindList){.items = items, .count = 2};
}

static KindChoice choose(void *const *state, const char *name) {
    KindChoice choice = defaults_kind(&source_kinds, name);
    if (strcmp(name, "mixture") == 0) {
        const Field *field = field_find(&choice.kind->options, "sources");
        *(KindList *)(choice.options.bytes + field->offset) = parts();
    }
    if (strcmp(name, "tokens") == 0) {
        uint16_t tokens[5000];
        for (size_t i = 0; i < 5000; i++)
            tokens[i] = (uint16_t)((i * i + i / 7) % 300);
        const char *path = scratch_path(state, "tokens.bin");
        scratch_write_bytes(path, tokens, sizeof tokens);
        set_text(&choice, "path", path);
        *(int *)(choice.options.bytes + field_find(&choice.kind->options, "format")->offset) = 1;
    }
    if (strcmp(name, "text") == 0) {
        char text[20000];
        for (size_t i = 0; i < sizeof text; i++)
            text[i] = (char)('a' + (i * i + i / 7) % 26);
        const char *path = scratch_path(state, "text.txt");
        scratch_write_bytes(path, text, sizeof text);
        set_text(&choice, "path", path);
    }
    return choice;
}

static void sequences_are_functions_of_seed_split_and_index(void **state) {
    for (size_t kind = 0; kind < source_kinds.count; kind++) {
        KindChoice choice = choose(state, source_kinds.kinds[kind]->name);
        Drawn *first = drawn_open(&choice, 3), *second = drawn_open(&choice, 3);
        Drawn *other = drawn_open(&choice, 4);
        draw(first, SPLIT_TRAINING, 17, 8);
        int32_t some[2 * LENGTH], targets[2 * LENGTH];
        draw(second, SPLIT_TRAINING, 16, 8);
        source_batch(&second->source, SPLIT_TRAINING, 17, 5, 2, LENGTH, some, targets, NULL);
        assert_memory_equal(some, first->inputs + 5 * LENGTH, sizeof some);
        assert_memory_equal(targets, first->targets + 5 * LENGTH, sizeof targets);
        size_t bytes = 8 * LENGTH * sizeof(int32_t);
        draw(other, SPLIT_TRAINING, 17, 8);
        assert_memory_not_equal(other->inputs, first->inputs, bytes);
        draw(second, SPLIT_PROBE, 17, 8);
        assert_memory_not_equal(second->inputs, first->inputs, bytes);
        draw(first, SPLIT_VALIDATION, 17, 8);
        assert_memory_not_equal(first->inputs, second->inputs, bytes);
        drawn_close(first);
        drawn_close(second);
        drawn_close(other);
    }
}

static void sequences_begin_with_bos_and_predict_the_next_token(void **state) {
    for (size_t kind = 0; kind < source_kinds.count; kind++) {
        KindChoice choice = choose(state, source_kinds.kinds[kind]->name);
        Drawn *drawn = drawn_open(&choice, 1);
        draw(drawn, SPLIT_TRAINING, 0, MANY);
        for (int i = 0; i < MANY * LENGTH; i++) {
            bool last = i % LENGTH == LENGTH - 1;
            assert_true(drawn->targets[i] >= 0 && drawn->targets[i] < drawn->source.vocabulary);
            assert_int_equal(drawn->inputs[i] == drawn->source.bos, i % LENGTH == 0);
            if (!last)
                assert_int_equal(drawn->inputs[i + 1], drawn->targets[i]);
        }
        for (int token = 0; token < drawn->source.vocabulary; token++) {
            char name[16] = "";
            source_token_name(&drawn->source, token, name);
            assert_true(name[0] > ' ' || (unsigned char)name[0] >= 0x80);
            assert_int_equal(utf8_end((const unsigned char *)name, strlen(name)), strlen(name));
        }
        drawn_close(drawn);
    }
}

/* ---- Bigram-Backcopy ------------------------------------------------------------------------ */

static bool is_trigger(const Drawn *drawn, int token, const char *triggers) {
    char name[16];
    source_token_name(&drawn->source, token, name);
    return strlen(name) == 1 && strchr(triggers, name[0]) != NULL;
}

static void triggers_copy_what_stood_before_them(void **state) {
    (void)state;
    KindChoice choice = defaults_kind(&source_kinds, "bigram-backcopy");
    Drawn *drawn = drawn_open(&choice, 1);
    assert_int_equal(drawn->source.vocabulary, 66);
    assert_true(drawn->source.copies);
    draw(drawn, SPLIT_TRAINING, 0, MANY);
    int copies = 0;
    for (int i = 0; i < MANY * LENGTH; i++) {
        bool trigger = is_trigger(drawn, drawn->inputs[i], "tean");
        assert_int_equal(drawn->copied[i], trigger);
        copies += trigger;
        if (!trigger)
            continue;
        assert_true(i % LENGTH >= 2); /* the first symbol is no trigger: there is one to copy */
        assert_int_equal(drawn->targets[i], drawn->inputs[i - 1]);
    }
    if (copies < MANY * LENGTH / 10 || copies > MANY * LENGTH / 2)
        fail_msg("%d of %d targets are copied", copies, MANY * LENGTH);
    drawn_close(drawn);
}

static void a_copy_probability_is_kept(void **state) {
    (void)state;
    KindChoice choice = defaults_kind(&source_kinds, "bigram-backcopy");
    set_real(&choice, "copy_probability", 0.3);
    Drawn *drawn = drawn_open(&choice, 1);
    draw(drawn, SPLIT_TRAINING, 0, MANY);
    double copies = 0, triggers = 0;
    for (int i = 0; i < MANY * LENGTH; i++) {
        bool trigger = is_trigger(drawn, drawn->inputs[i], "tean");
        assert_true(trigger || !drawn->copied[i]);
        if (drawn->copied[i])
            assert_int_equal(drawn->targets[i], drawn->inputs[i - 1]);
        copies += drawn->copied[i];
        triggers += trigger;
    }
    if (!(fabs(copies / triggers - 0.3) < 5 * sqrt(0.21 / triggers)))
        fail_msg("a share of %g was copied, not 0.3", copies / triggers);
    drawn_close(drawn);
    set_real(&choice, "copy_probability", 0);
    drawn = drawn_open(&choice, 1);
    assert_false(drawn->source.copies);
    drawn_close(drawn);
}

/* What follows "h" in the drawn sequences against the table's own counts, by a χ² over all symbols.
 */
static void the_chain_has_the_tables_frequencies(void **state) {
    (void)state;
    const int h = (int)(strchr(english_symbols, 'h') - english_symbols);
    double expected[ENGLISH_SYMBOLS], seen[ENGLISH_SYMBOLS] = {0}, total = 0, drawn_count = 0;
    for (int b = 0; b < ENGLISH_SYMBOLS; b++)
        total += expected[b] = english_bigrams[h][b];
    KindChoice choice = defaults_kind(&source_kinds, "bigram-backcopy");
    Drawn *drawn = drawn_open(&choice, 1);
    for (uint64_t step = 0; step < 20; step++) {
        draw(drawn, SPLIT_TRAINING, step, MANY);
        for (int i = 0; i < MANY * LENGTH; i++)
            if (drawn->inputs[i] == h && !drawn->copied[i]) {
                assert_true(expected[drawn->targets[i]] > 0);
                seen[drawn->targets[i]]++;
                drawn_count++;
            }
    }
    drawn_close(drawn);
    double squares = 0, freedom = -1;
    for (int b = 0; b < ENGLISH_SYMBOLS; b++) {
        double wanted = expected[b] / total * drawn_count;
        if (wanted < 5)
            continue;
        squares += (seen[b] - wanted) * (seen[b] - wanted) / wanted;
        freedom++;
    }
    if (!(freedom > 10 && squares < freedom + 5 * sqrt(2 * freedom)))
        fail_msg("χ² is %g with %g degrees of freedom", squares, freedom);
}

static void the_embedded_table_is_what_it_says(void **state) {
    (void)state;
    long sum = 0, newline_after = 0;
    for (int a = 0; a < ENGLISH_SYMBOLS; a++)
        for (int b = 0; b < ENGLISH_SYMBOLS; b++)
            sum += english_bigrams[a][b];
    for (int a = 1; a < ENGLISH_SYMBOLS; a++)
        assert_true(english_symbols[a - 1] < english_symbols[a]);
    newline_after = english_bigrams[strchr(english_symbols, 'q') - english_symbols]
                                   [strchr(english_symbols, '\n') - english_symbols];
    assert_int_equal(sum, 1115393);
    assert_int_equal(newline_after, 0);
    const uint16_t *q = english_bigrams[strchr(english_symbols, 'q') - english_symbols];
    long after_q = 0;
    for (int b = 0; b < ENGLISH_SYMBOLS; b++)
        after_q += q[b];
    assert_int_equal(q[strchr(english_symbols, 'u') - english_symbols], after_q);
}

static void draws_are_exact_for_small_tables(void **state) {
    (void)state;
    const uint32_t cumulative[5] = {0, 2, 2, 3, 3}; /* counts 0, 2, 0, 1, 0 */
    Random random = random_create(1, RANDOM_TEST, 0, 0);
    int seen[5] = {0};
    for (int i = 0; i < 30000; i++)
        seen[bigram_draw(cumulative, 5, &random)]++;
    assert_int_equal(seen[0] + seen[2] + seen[4], 0);
    if (abs(seen[1] - 20000) > 500)
        fail_msg("drawn %d times, not about 20000", seen[1]);
}

static void a_text_gives_its_own_symbols(void **state) {
    KindChoice choice = defaults_kind(&source_kinds, "bigram-backcopy");
    const char *path = scratch_path(state, "ab.txt");
    scratch_write(path, "xäyäxx\nz");
    set_text(&choice, "bigrams", path);
    set_text(&choice, "triggers", "ä");
    Drawn *drawn = drawn_open(&choice, 1);
    char name[16];
    const char *names[6] = {"\\n", "x", "y", "z", "ä", "BOS"};
    assert_int_equal(drawn->source.vocabulary, 6);
    assert_int_equal(strlen(drawn->source.fingerprint), 64);
    for (int token = 0; token < 6; token++) {
        source_token_name(&drawn->source, token, name);
        assert_string_equal(name, names[token]);
    }
    draw(drawn, SPLIT_TRAINING, 0, MANY);
    for (int i = 0; i < MANY * LENGTH; i++) {
        if (drawn->inputs[i] == 2) /* only ä follows y */
            assert_int_equal(drawn->targets[i], 4);
        if (drawn->inputs[i] == 4) /* the trigger */
            assert_int_equal(drawn->targets[i], drawn->inputs[i - 1]);
    }
    drawn_close(drawn);
}

static void zipf_rows_come_from_the_seed(void **state) {
    (void)state;
    Arena arena = arena_create("a test");
    BigramTable first, same, other;
    bigram_table_zipf(100, 1, 7, &arena, &first);
    bigram_table_zipf(100, 1, 7, &arena, &same);
    bigram_table_zipf(100, 1, 8, &arena, &other);
    assert_memory_equal(first.cumulative, same.cumulative, 100 * 100 * sizeof(uint32_t));
    assert_memory_not_equal(first.cumulative, other.cumulative, 100 * 100 * sizeof(uint32_t));
    assert_int_equal(bigram_table_find(&first, 't'), 19);
    assert_int_equal(bigram_table_find(&first, ' '), -1);
    for (int row = 0; row < 100; row++) {
        uint32_t largest = 0;
        for (int b = 1; b < 100; b++) {
            uint32_t count = first.cumulative[row * 100 + b] - first.cumulative[row * 100 + b - 1];
            largest = count > largest ? count : largest;
        }
        uint32_t head = first.cumulative[row * 100];
        assert_int_equal(largest > head ? largest : head, 1000000);
    }
    arena_destroy(&arena);
    KindChoice choice = defaults_kind(&source_kinds, "bigram-backcopy");
    set_text(&choice, "bigrams", "zipf");
    Drawn *drawn = drawn_open(&choice, 1);
    assert_int_equal(drawn->source.vocabulary, 65);
    drawn_close(drawn);
}

static void impossible_chains_are_refused(void **state) {
    KindChoice choice = defaults_kind(&source_kinds, "bigram-backcopy");
    set_text(&choice, "triggers", "tß");
    assert_refused(&choice, "data.triggers", "the trigger \"ß\" is not");
    assert_refused(&choice, "data.triggers", "allowed: \\n ␣ !");
    set_text(&choice, "triggers", "t\xff");
    assert_refused(&choice, "data.triggers", "are not UTF-8");
    set_text(&choice, "triggers", "ab");
    const char *path = scratch_path(state, "ab.txt");
    set_text(&choice, "bigrams", path);
    assert_refused(&choice, "data.bigrams", "No such file");
    scratch_write(path, "abab");
    assert_refused(&choice, "data.triggers", "all 2 symbols");
    scratch_write(path, "ä");
    assert_refused(&choice, "data.bigrams", "a single character");
    char many[300 * 2];
    for (int i = 0; i < 300; i++) { /* U+0100 … */
        many[2 * i] = (char)(0xC4 + i / 64);
        many[2 * i + 1] = (char)(0x80 + i % 64);
    }
    scratch_write_bytes(path, many, sizeof many);
    assert_refused(&choice, "data.bigrams", "300 different characters");
}

/* ---- Text ----------------------------------------------------------------------------------- */

static void splits_never_share_text(void **state) {
    KindChoice choice = defaults_kind(&source_kinds, "text");
    char text[2000];
    memset(text, 't', 1600);
    memset(text + 1600, 'h', 400);
    const char *path = scratch_path(state, "text.txt");
    scratch_write_bytes(path, text, sizeof text);
    set_text(&choice, "path", path);
    set_real(&choice, "held_out", 0.2);
    Drawn *drawn = drawn_open(&choice, 1);
    assert_int_equal(drawn->source.vocabulary, 257);
    const char expected[3] = {'t', 'h', 'h'};
    for (int split = 0; split < 3; split++) {
        draw(drawn, (Split)split, 0, MANY);
        for (int i = 0; i < MANY * LENGTH; i++)
            assert_int_equal(drawn->targets[i], expected[split]);
    }
    drawn_close(drawn);
}

static void windows_reach_both_ends(void **state) {
    KindChoice choice = defaults_kind(&source_kinds, "text");
    unsigned char text[2 * (LENGTH + 1)];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (unsigned char)(i % 120 + 1);
    const char *path = scratch_path(state, "text.txt");
    scratch_write_bytes(path, text, sizeof text);
    set_text(&choice, "path", path);
    set_real(&choice, "held_out", 0.5);
    Drawn *drawn = drawn_open(&choice, 1);
    for (int split = 0; split < 2; split++) {
        const unsigned char *part = text + (split == 0 ? 0 : LENGTH + 1);
        int seen[2] = {0};
        draw(drawn, (Split)split, 0, MANY);
        for (int i = 0; i < MANY; i++)
            for (int offset = 0; offset < 2; offset++)
                if (drawn->targets[i * LENGTH] == part[offset]) {
                    seen[offset]++;
                    assert_int_equal(drawn->targets[i * LENGTH + LENGTH - 1],
                                     part[offset + LENGTH - 1]);
                }
        assert_int_equal(seen[0] + seen[1], MANY);
        assert_true(seen[0] > MANY / 3 && seen[1] > MANY / 3);
    }
    drawn_close(drawn);
}

static void the_log_tells_the_entropy_of_the_text(void **state) {
    KindChoice choice = defaults_kind(&source_kinds, "text");
    char text[4001];
    for (size_t i = 0; i < sizeof text; i++) /* a b a c a b a c …: after a, b or c evenly */
        text[i] = i % 2 == 0 ? 'a' : i % 4 == 1 ? 'b' : 'c';
    const char *path = scratch_path(state, "text.txt");
    scratch_write_bytes(path, text, sizeof text);
    set_text(&choice, "path", path);
    scratch_log_begin();
    drawn_close(drawn_open(&choice, 1));
    assert_contains(scratch_log_text(), "the one before it 0.347 nats"); /* ln(2)/2 */
}

static void folders_are_read_in_order(void **state) {
    Arena arena = arena_create("a test");
    Error error;
    Text text;
    const char *folders[] = {"", "b", ".git", "build-gcc", "results"};
    for (size_t i = 1; i < sizeof folders / sizeof folders[0]; i++)
        assert_int_equal(mkdir(scratch_path(state, folders[i]), 0777), 0);
    scratch_write(scratch_path(state, "c.md"), "third");
    scratch_write(scratch_path(state, "b/x.c"), "second");
    scratch_write(scratch_path(state, "a.h"), "first\n");
    scratch_write(scratch_path(state, "empty.c"), "");
    scratch_write(scratch_path(state, "z.bin"), "\xff\xfe");
    scratch_write(scratch_path(state, ".hidden"), "no");
    scratch_write(scratch_path(state, ".git/config"), "no");
    scratch_write(scratch_path(state, "build-gcc/x.c"), "no");
    scratch_write(scratch_path(state, "results/x.c"), "no");
    check(text_read(*state, "", &arena, &text, &error), &error);
    assert_int_equal(text.files, 3);
    assert_int_equal(text.count, strlen("first\n\nsecond\nthird"));
    assert_memory_equal(text.bytes, "first\n\nsecond\nthird", text.count);
    check(text_read(*state, ".c, md", &arena, &text, &error), &error);
    assert_int_equal(text.count, strlen("second\nthird"));
    assert_memory_equal(text.bytes, "second\nthird", text.count);
    assert_int_equal(text_read(*state, ".py", &arena, &text, &error), STATUS_BAD_INPUT);
    assert_contains(error.message, "has no text: 0 files that end in .py");
    scratch_log_begin();
    check(text_read(*state, ".bin,.c", &arena, &text, &error), &error);
    assert_contains(scratch_log_text(), "z.bin is left out");
    arena_destroy(&arena);
}

static void unusable_texts_are_refused(void **state) {
    KindChoice choice = defaults_kind(&source_kinds, "text");
    const char *path = scratch_path(state, "text.txt");
    char long_text[500];
    set_text(&choice, "path", "");
    assert_refused(&choice, "data.path", "no path is given");
    set_text(&choice, "path", path);
    assert_refused(&choice, "data.path",
                   "text.txt (a relative path begins at the YAML file's folder): No such file");
    scratch_write(path, "");
    assert_refused(&choice, "data.path", "text.txt is empty");
    scratch_write(path, "sehr sch\xf6n");
    assert_refused(&choice, "data.path", "not UTF-8: byte 0xF6 at offset 8");
    scratch_write(path, "too short");
    assert_refused(&choice, "data.path", "holds 9 bytes");
    memset(long_text, 'x', sizeof long_text);
    scratch_write_bytes(path, long_text, sizeof long_text);
    assert_refused(&choice, "data.path", "450 to train on and 50 held out");
}

static void relative_paths_start_at_the_base(void **state) {
    KindChoice choice = choose(state, "text");
    set_text(&choice, "path", "text.txt");
    Error error;
    const char *culprit;
    Arena arena = arena_create("a test");
    DataSource source;
    const SourceSetup setup = {
        .seed = 1, .context = LENGTH, .batch = MANY, .base_directory = *state, .arena = &arena};
    check(source_open(&choice, &setup, &source, &culprit, &error), &error);
    arena_destroy(&arena);
}

static void utf8_is_told_from_what_is_not(void **state) {
    (void)state;
    const struct {
        const char *bytes;
        size_t end;
    } cases[] = {
        {"plain text of more than eight", 29},
        {"ä€𐍈", 9},
        {"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf", 10}, /* the borders that are allowed */
        {"a\xc0\x80", 1},                                 /* overlong */
        {"ab\xe0\x9f\xbf", 2},
        {"\xf0\x8f\xbf\xbf", 0},
        {"\xed\xa0\x80", 0}, /* a surrogate */
        {"\xf4\x90\x80\x80", 0},
        {"12345678\x80", 8}, /* a continuation alone */
        {"x\xe2\x82", 1},    /* cut off */
        {"x\xe2\x82x", 1},
        {"\xff", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const unsigned char *bytes = (const unsigned char *)cases[i].bytes;
        size_t end = utf8_end(bytes, strlen(cases[i].bytes));
        if (end != cases[i].end)
            fail_msg("case %zu ends at %zu, not %zu", i, end, cases[i].end);
    }
    int length;
    char name[16];
    assert_int_equal(utf8_code_point((const unsigned char *)"€", &length), 0x20AC);
    assert_int_equal(length, 3);
    text_symbol_name(0x10348, name);
    assert_string_equal(name, "𐍈");
    text_symbol_name(0x0C, name);
    assert_string_equal(name, "x0C");
}

#define SCRATCH_TEST(function)                                                                     \
    cmocka_unit_test_setup_teardown(function, scratch_create, scratch_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(sequences_are_functions_of_seed_split_and_index),
        SCRATCH_TEST(sequences_begin_with_bos_and_predict_the_next_token),
        cmocka_unit_test(triggers_copy_what_stood_before_them),
        cmocka_unit_test(a_copy_probability_is_kept),
        cmocka_unit_test(the_chain_has_the_tables_frequencies),
        cmocka_unit_test(the_embedded_table_is_what_it_says),
        cmocka_unit_test(draws_are_exact_for_small_tables),
        SCRATCH_TEST(a_text_gives_its_own_symbols),
        cmocka_unit_test(zipf_rows_come_from_the_seed),
        SCRATCH_TEST(impossible_chains_are_refused),
        SCRATCH_TEST(splits_never_share_text),
        SCRATCH_TEST(windows_reach_both_ends),
        SCRATCH_TEST(the_log_tells_the_entropy_of_the_text),
        SCRATCH_TEST(folders_are_read_in_order),
        SCRATCH_TEST(unusable_texts_are_refused),
        SCRATCH_TEST(relative_paths_start_at_the_base),
        cmocka_unit_test(utf8_is_told_from_what_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
