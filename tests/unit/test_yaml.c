/* YAML text → tree → configuration → text: everything a file can get wrong, and the way back. */
#include "experiments/runner/experiment.h"
#include "experiments/runner/schema_read.h"
#include "experiments/runner/schema_write.h"
#include "experiments/runner/text.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <string.h>

/* Fails, showing both, unless text holds part. */
static void assert_holds(const char *text, const char *part) {
    if (strstr(text, part) == NULL)
        fail_msg("expected \"%s\" in \"%s\"", part, text);
}

static const Node *parse(const char *text, Arena *arena) {
    const Node *root = NULL;
    Error error = {.message = ""};
    if (yaml_parse(text, strlen(text), "file.yaml", arena, &root, &error) != STATUS_OK)
        fail_msg("\"%s\" was refused: %s", text, error.message);
    return root;
}

/* The sentence with which text is refused must hold each of two parts. */
static void assert_refused(const char *text, size_t bytes, const char *place, const char *why) {
    Arena arena = arena_create("test");
    const Node *root = NULL;
    Error error = {.message = ""};
    Status status = yaml_parse(text, bytes, "file.yaml", &arena, &root, &error);
    if (status != STATUS_BAD_INPUT)
        fail_msg("status %d, not %d, for \"%.60s\"", status, STATUS_BAD_INPUT, text);
    assert_holds(error.message, place);
    assert_holds(error.message, why);
    arena_destroy(&arena);
}

static void test_tree(void **state) {
    (void)state;
    Arena arena = arena_create("test");
    const Node *root = parse("a: {b: [1, '2', x]}\nc: &k {d: e}\nf: *k\n", &arena);
    assert_int_equal(root->type, NODE_MAP);
    assert_int_equal(root->count, 3);
    const Node *list = node_find(node_find(root, "a"), "b");
    assert_int_equal(list->type, NODE_LIST);
    assert_int_equal(list->count, 3);
    assert_string_equal(list->items[1]->text, "2");
    assert_true(list->items[1]->quoted);
    assert_false(list->items[0]->quoted);
    assert_int_equal(list->items[2]->line, 1);
    assert_int_equal(list->items[2]->column, 17);
    assert_int_equal(root->keys[2]->line, 3);
    assert_string_equal(node_find(node_find(root, "f"), "d")->text, "e");
    assert_string_equal(node_write(root, &arena), "{a: {b: [1, \"2\", x]}, c: {d: e}, f: {d: e}}");
    arena_destroy(&arena);
}

static void test_syntax(void **state) {
    (void)state;
    static const struct {
        const char *text, *place, *why;
    } cases[] = {
        {"a: [1, 2\nb: 3\n", "file.yaml:2:2:", "did not find expected ',' or ']'"},
        {"a:\n\tb: 1\n", "file.yaml:2:1:", "a tab cannot indent"},
        {"a: @b\n", "file.yaml:1:4:", "quotes"},
        {"a: 1\nb: 2\na: 3\n", "file.yaml:3:1:", "'a' is given twice (first in line 1)"},
        {"a: 1\n---\nb: 2\n", "file.yaml:2:1:", "second document"},
        {"", "file.yaml:1:1:", "empty"},
        {"# only a comment\n", "file.yaml:", "empty"},
        {"a: &x [1, *x]\n", "file.yaml:1:11:", "without end"},
        {"a: *nowhere\n", "file.yaml:1:4:", "no anchor &nowhere"},
        {"a: !!python/object x\n", "file.yaml:1:4:", "tag"},
        {"a: \"x\\0y\"\n", "file.yaml:1:4:", "zero character"},
        {"? [a]\n: 1\n", "file.yaml:1:3:", "a key must be a name"},
        {"a: caf\xe9\n", "file.yaml:1:7:", "0xe9 is not UTF-8"},
        {"a: \xed\xa0\x80\n", "file.yaml:1:4:", "0xed is not UTF-8"},
        {"a: \x01\n", "file.yaml:1:4:", "control character 0x01"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refused(cases[i].text, strlen(cases[i].text), cases[i].place, cases[i].why);
    assert_refused("a: b\0c", 6, "file.yaml:1:5:", "zero byte");
}

/* Ten levels of ten aliases each: ten thousand million values if they were written out. */
static void test_alias_expansion(void **state) {
    (void)state;
    char text[2048] = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n";
    for (int level = 1; level < 10; level++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "a%d: &a%d [", level, level);
        for (int i = 0; i < 10; i++) {
            used = strlen(text);
            snprintf(text + used, sizeof text - used, "%s*a%d", i == 0 ? "" : ", ", level - 1);
        }
        used = strlen(text);
        snprintf(text + used, sizeof text - used, "]\n");
    }
    assert_refused(text, strlen(text), "file.yaml:", "aliases written out");
}

static void test_depth(void **state) {
    (void)state;
    char text[3 * YAML_DEPTH_LARGEST] = "a: ";
    memset(text + 3, '[', 2 * YAML_DEPTH_LARGEST);
    assert_refused(text, strlen(text), "file.yaml:1:", "nested deeper");
}

static void test_file(void **state) {
    (void)state;
    char path[] = "/tmp/fiducial-yaml-XXXXXX";
    Arena arena = arena_create("test");
    Error error;
    const char *text;
    size_t bytes;
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(ftruncate(file, 100 << 20), 0);
    close(file);
    assert_int_equal(yaml_read_text(path, &arena, &text, &bytes, &error), STATUS_BAD_INPUT);
    assert_holds(error.message, "100.0 MB");
    assert_true(arena.allocated < 1 << 20);
    remove(path);
    assert_int_equal(yaml_read_text(path, &arena, &text, &bytes, &error), STATUS_BAD_INPUT);
    assert_holds(error.message, "No such file");
    assert_int_equal(yaml_read_text("/tmp", &arena, &text, &bytes, &error), STATUS_BAD_INPUT);
    assert_holds(error.message, "is a folder");
    arena_destroy(&arena);
}

static void test_numbers(void **state) {
    (void)state;
    static const double values[] = {0,       1,    -1,        0.1,     5e-3,   1e-8,      1e300,
                                    1.0 / 3, 1e15, 123456789, 1e-300,  2.5e-5, DBL_MAX,   DBL_MIN,
                                    0.95,    1e4,  -7.25,     6.02e23, 64,     1e14 + 0.5};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char text[NUMBER_TEXT_BYTES];
        double back = NAN;
        assert_true(number_read_real(number_write(values[i], text), &back));
        if (!(back == values[i]))
            fail_msg("%.17g became \"%s\" became %.17g", values[i], text, back);
        if (strchr(text, 'e') != NULL && strchr(text, '.') == NULL)
            fail_msg("\"%s\" has an exponent and no point", text);
    }
    char text[NUMBER_TEXT_BYTES];
    assert_string_equal(number_write(0.005, text), "0.005");
    assert_string_equal(number_write(1e-8, text), "1.0e-08");
    assert_string_equal(number_write(10000, text), "10000");
    int64_t integer;
    double real;
    assert_true(number_read_integer("1e3", &integer) && integer == 1000);
    assert_true(number_read_integer("-12", &integer) && integer == -12);
    static const char *const no_integers[] = {"",      "1.5", "0x10", "010",
                                              "1_000", "1 ",  " 1",   "1e400",
                                              "1e-1",  "+",   "nan",  "99999999999999999999"};
    for (size_t i = 0; i < sizeof no_integers / sizeof no_integers[0]; i++)
        if (number_read_integer(no_integers[i], &integer))
            fail_msg("\"%s\" was read as the integer %lld", no_integers[i], (long long)integer);
    static const char *const no_reals[] = {"", ".", "inf", "nan", "0x1p3", "1e", "1e999", "1.2.3"};
    for (size_t i = 0; i < sizeof no_reals / sizeof no_reals[0]; i++)
        if (number_read_real(no_reals[i], &real))
            fail_msg("\"%s\" was read as the number %g", no_reals[i], real);
}

static void test_spelling(void **state) {
    (void)state;
    Arena arena = arena_create("test");
    NameList list = {0};
    static const char *const names[] = {"layers", "width", "heads", "hidden", "learning_rate"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        names_add(&list, &arena, names[i]);
    assert_string_equal(names_nearest(&list, "widht"), "width");
    assert_string_equal(names_nearest(&list, "layer"), "layers");
    assert_string_equal(names_nearest(&list, "Learning-Rate"), "learning_rate");
    assert_null(names_nearest(&list, "completely"));
    assert_string_equal(names_join(&list, &arena), "layers, width, heads, hidden, learning_rate");
    arena_destroy(&arena);
}

static Status read_experiment(const char *text, Arena *arena, Experiment *experiment,
                              Error *error) {
    FieldTable schema = experiment_schema(arena);
    return experiment_read(&schema, parse(text, arena), arena, experiment, error);
}

static void test_bad_values(void **state) {
    (void)state;
    static const struct {
        const char *text, *place, *why, *allowed;
    } cases[] = {
        {"experiment: x\nmodel:\n  widht: 3\n", "file.yaml:3:3:", "did you mean 'width'?",
         "allowed here: layers, width"},
        {"experiment: x\nwidth: 64\n", "file.yaml:2:1:", "did you mean 'model.width'?", "model"},
        {"experiment: x\nmodel: {width: wide}\n", "file.yaml:2:16:", "model.width is 'wide'",
         "a whole number from 1 to"},
        {"experiment: x\nmodel: {width: \"64\"}\n", "file.yaml:2:16:", "the text \"64\"",
         "a whole number"},
        {"experiment: x\nmodel: {width: 1.5}\n", "file.yaml:2:16:", "'1.5'", "a whole number"},
        {"experiment: x\nmodel: {layers: 0}\n", "file.yaml:2:17:", "model.layers is '0'", "from 1"},
        {"experiment: x\nmodel: {layers: [1, 2]}\n", "file.yaml:2:17:", "a list", "a whole number"},
        {"experiment: x\nmodel: 3\n", "file.yaml:2:8:", "model is '3'", "a map of keys"},
        {"experiment: x\nmodel: {width: 64, heads: 3}\n", "file.yaml:2:27:", "64", "3"},
        {"experiment: x\nmodel: {width: 63, heads: 1}\n", "file.yaml:2:", "63", "even"},
        {"experiment: x\nmodel: {position: ropes}\n", "file.yaml:2:19:", "did you mean 'rope'?",
         "alibi"},
        {"experiment: x\nmodel: {position: {kind: alibi, base: 5}}\n",
         "file.yaml:2:33:", "'base' is an option of rope, not of alibi", "none"},
        {"experiment: x\nmodel: {position: {kind: rope, bass: 5}}\n",
         "file.yaml:2:32:", "did you mean 'base'?", "options of rope"},
        {"experiment: x\nsnapshots: {early: power-of-two}\n",
         "file.yaml:2:20:", "did you mean 'powers-of-two'?", "one of:"},
        {"experiment: x\nanalysis: [sinks, frame]\n", "file.yaml:2:19:", "did you mean 'frames'?",
         "sinks"},
        {"experiment: x\nanalysis: [sinks, sinks]\n", "file.yaml:2:19:", "twice", "sinks"},
        {"experiment: x\nanalysis: [{}]\n", "file.yaml:2:12:", "needs the key 'kind'", "sinks"},
        {"experiment: x\nanalysis: sinks\n", "file.yaml:2:11:", "all, or a list", "sinks"},
        {"experiment: x\ntrain: {clip: .inf}\n", "file.yaml:2:15:", "'.inf'", "a number"},
        {"model: {width: 64}\n", "file.yaml:1:1:", "experiment must be given", "text"},
        {"experiment: a/b\n", "file.yaml:1:13:", "names a folder", "letters"},
        {"experiment: ..\n", "file.yaml:1:13:", "names a folder", "letters"},
        {"experiment: x\ndata: {triggers: t, path: y}\n",
         "file.yaml:2:21:", "'path' is an option of text", "triggers"},
        {"- a\n- b\n", "file.yaml:1:1:", "a map of keys", "not a list"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Arena arena = arena_create("test");
        Experiment experiment;
        Error error = {.message = ""};
        Status status = read_experiment(cases[i].text, &arena, &experiment, &error);
        if (status != STATUS_BAD_INPUT)
            fail_msg("status %d, not %d, for \"%s\"", status, STATUS_BAD_INPUT, cases[i].text);
        assert_holds(error.message, cases[i].place);
        assert_holds(error.message, cases[i].why);
        assert_holds(error.message, cases[i].allowed);
        arena_destroy(&arena);
    }
}

/* Writing what was read, reading that, and writing it again gives the same bytes; and every default
   is there. */
static void test_round_trip(void **state) {
    (void)state;
    static const char *const texts[] = {
        "experiment: x\n",
        ("experiment: x\ndescription: \"a: b # c \\\"quoted\\\" ü\\n\\ttab\"\nmodel: {width: 8, "
         "position: {kind: rope, base: 123.456}}\ntrain: {optimizer: {learning_rate: 1e-5}}\n"),
        ("experiment: x\ndata: {source: text, path: ../a b}\nanalysis: all\nseed: "
         "9007199254740992\n"),
        "experiment: x\nanalysis: []\nmodel:\ndescription: 'yes'\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        Arena arena = arena_create("test");
        FieldTable schema = experiment_schema(&arena);
        Experiment first, second;
        Error error = {.message = ""};
        if (read_experiment(texts[i], &arena, &first, &error) != STATUS_OK)
            fail_msg("%s", error.message);
        const char *once = schema_write(&schema, &first, false, &arena);
        if (read_experiment(once, &arena, &second, &error) != STATUS_OK)
            fail_msg("%s\n%s", error.message, once);
        assert_string_equal(once, schema_write(&schema, &second, false, &arena));
        SchemaList keys = schema_list(&schema, &arena);
        const Node *root = parse(once, &arena);
        for (size_t k = 0; k < keys.count; k++)
            if (keys.entries[k].kind == NULL && schema_get(root, keys.entries[k].path) == NULL)
                fail_msg("no %s in\n%s", keys.entries[k].path, once);
        arena_destroy(&arena);
    }
}

static void test_values(void **state) {
    (void)state;
    Arena arena = arena_create("test");
    Experiment experiment;
    Error error = {.message = ""};
    if (read_experiment("experiment: x\nmodel: {width: 32, heads: 2, position: alibi}\n"
                        "train: {steps: 1e3, clip: 0.5}\nseed: 7\nanalysis: [frames, sinks]\n",
                        &arena, &experiment, &error) != STATUS_OK)
        fail_msg("%s", error.message);
    assert_int_equal(experiment.run.model.width, 32);
    assert_int_equal(experiment.run.train.steps, 1000);
    assert_true(experiment.run.train.clip == 0.5);
    assert_int_equal(experiment.run.seed, 7);
    assert_string_equal(experiment.run.model.position.items[0].kind->name, "alibi");
    assert_string_equal(experiment.run.data.kind->name, "bigram-backcopy");
    assert_string_equal(experiment.run.description, "");
    assert_int_equal(experiment.analysis.count, 2);
    assert_string_equal(experiment.analysis.items[0].kind->name, "frames");
    arena_destroy(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree),       cmocka_unit_test(test_syntax),
        cmocka_unit_test(test_depth),      cmocka_unit_test(test_alias_expansion),
        cmocka_unit_test(test_file),       cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_spelling),   cmocka_unit_test(test_bad_values),
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
