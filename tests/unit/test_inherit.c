/* `base: other.yaml`: what is taken over, and which file a message names. */
#include "experiments/runner/sweep.h"
#include "tests/support/scratch.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <string.h>
#include <sys/stat.h>

typedef struct Case {
    Arena arena;
    ExperimentFile file;
    RunPlan plan;
    Error error;
    char *folder;
} Case;

static int set_up(void **state) {
    static Case test;
    void *folder;
    if (scratch_create(&folder) != 0)
        return -1;
    test = (Case){.arena = arena_create("test"), .folder = folder};
    *state = &test;
    return 0;
}

static int tear_down(void **state) {
    Case *test = *state;
    void *folder = test->folder;
    arena_destroy(&test->arena);
    return scratch_remove(&folder);
}

static void put(Case *test, const char *name, const char *text) {
    scratch_write(arena_format(&test->arena, "%s/%s", test->folder, name), text);
}

static Status expand(Case *test, const char *name) {
    const char *path = arena_format(&test->arena, "%s/%s", test->folder, name);
    Status status = experiment_load(path, NULL, 0, &test->arena, &test->file, &test->error);
    if (status == STATUS_OK)
        status = sweep_expand(&test->file, &test->arena, &test->plan, &test->error);
    return status;
}

static void assert_expands(Case *test, const char *name) {
    if (expand(test, name) != STATUS_OK)
        fail_msg("refused: %s", test->error.message);
}

static void assert_holds(const char *text, const char *part) {
    if (strstr(text, part) == NULL)
        fail_msg("expected \"%s\" in \"%s\"", part, text);
}

static void assert_refused(Case *test, const char *name, const char *place, const char *why) {
    Status status = expand(test, name);
    if (status != STATUS_BAD_INPUT)
        fail_msg("status %d, not %d, for %s", status, STATUS_BAD_INPUT, name);
    assert_holds(test->error.message, place);
    assert_holds(test->error.message, why);
}

static void test_deep_merge(void **state) {
    Case *test = *state;
    put(test, "base.yaml",
        "experiment: base\nmodel: {width: 32, hidden: 48, position: {kind: rope, base: 500}}\n"
        "train: {steps: 70, optimizer: {kind: adamw, weight_decay: 0.3}}\n"
        "sweep: {seed: [1, 2], model.heads: [1, 2]}\n");
    put(test, "child.yaml",
        "base: base.yaml\nexperiment: child\nmodel: {hidden: 16}\n"
        "train: {optimizer: {learning_rate: 0.25}}\nsweep: {seed: [7]}\n");
    assert_expands(test, "child.yaml");
    assert_int_equal(test->plan.count, 2);
    const RunConfig *run = &test->plan.runs[1].experiment.run;
    assert_string_equal(run->experiment, "child");
    assert_string_equal(test->plan.runs[1].name, "heads=2,seed=7");
    assert_int_equal(run->model.width, 32);
    assert_int_equal(run->model.hidden, 16);
    assert_int_equal(run->train.steps, 70);
    assert_holds(test->plan.runs[0].yaml, "weight_decay: 0.3\n");
    assert_holds(test->plan.runs[0].yaml, "learning_rate: 0.25\n");
    assert_holds(test->plan.runs[0].yaml, "base: 500\n");
    assert_holds(test->file.text, "\n# experiment: base\n");
}

static void test_kinds(void **state) {
    Case *test = *state;
    put(test, "base.yaml", "experiment: x\nmodel: {position: {kind: rope, base: 500}}\n");
    put(test, "other.yaml", "base: base.yaml\nmodel: {position: {kind: alibi}}\n");
    assert_expands(test, "other.yaml");
    assert_holds(test->plan.runs[0].yaml, "kind: alibi\n");
    put(test, "scalar.yaml", "base: base.yaml\nmodel: {position: nope}\n");
    assert_expands(test, "scalar.yaml");
    assert_holds(test->plan.runs[0].yaml, "kind: nope\n");
    put(test, "short.yaml", "experiment: x\nmodel: {position: rope}\n");
    put(test, "option.yaml", "base: short.yaml\nmodel: {position: {base: 77}}\n");
    assert_expands(test, "option.yaml");
    assert_holds(test->plan.runs[0].yaml, "base: 77\n");
}

static void test_taken_away(void **state) {
    Case *test = *state;
    put(test, "base.yaml",
        "experiment: x\nseed: 9\nsweep:\n  seed: [1, 2]\n  zip: {model.width: [8, 16]}\n");
    put(test, "child.yaml", "base: base.yaml\nmodel: {width: 24}\n");
    assert_expands(test, "child.yaml");
    assert_int_equal(test->plan.count, 2);
    assert_int_equal(test->plan.runs[1].experiment.run.model.width, 24);
    put(test, "none.yaml", "base: base.yaml\nseed: ~\nsweep: ~\n");
    assert_expands(test, "none.yaml");
    assert_int_equal(test->plan.count, 1);
    assert_int_equal(test->plan.runs[0].experiment.run.seed, 1);
    /* At any depth, and also where there is nothing to take away. */
    put(test, "deep.yaml",
        "base: base.yaml\nmodel: {width: ~, position: {kind: rope, base: ~}}\ntrain: {optimizer: "
        "~}\n"
        "sweep: {zip: ~, exclude: ~, seed: ~, train.steps: ~}\n");
    assert_expands(test, "deep.yaml");
    assert_int_equal(test->plan.count, 1);
    assert_holds(test->plan.runs[0].yaml, "base: 10000\n");
    put(test, "without.yaml", "experiment: x\nmodel: {width: ~}\n");
    assert_refused(test, "without.yaml", "/without.yaml:2:16: model.width", "a whole number");
}

static void test_grandparent_and_paths(void **state) {
    Case *test = *state;
    const char *below = arena_format(&test->arena, "%s/below", test->folder);
    assert_int_equal(mkdir(below, 0777), 0);
    put(test, "below/first.yaml", "experiment: x\ndata: {source: text, path: corpus.txt}\n");
    put(test, "below/second.yaml", "base: first.yaml\nseed: 3\n");
    put(test, "third.yaml", "base: below/second.yaml\n");
    assert_expands(test, "third.yaml");
    assert_int_equal(test->plan.runs[0].experiment.run.seed, 3);
    assert_holds(test->plan.runs[0].yaml, "below/corpus.txt");
}

/* Every key that takes a path is moved, wherever it stands; words that are no path are not. */
static void test_paths_of_every_key(void **state) {
    Case *test = *state;
    const char *below = arena_format(&test->arena, "%s/below", test->folder);
    assert_int_equal(mkdir(below, 0777), 0);
    put(test, "below/tokens.yaml",
        "experiment: x\ndata: {source: tokens, path: a.npy, validation: b.npy}\n");
    put(test, "tokens.yaml", "base: below/tokens.yaml\n");
    assert_expands(test, "tokens.yaml");
    assert_holds(test->plan.runs[0].yaml, "path: below/a.npy\n");
    assert_holds(test->plan.runs[0].yaml, "validation: below/b.npy\n");
    put(test, "below/chain.yaml",
        "experiment: x\ndata: {source: markov}\nsweep: {data.chain: [english, c.txt, /d.txt]}\n");
    put(test, "chain.yaml", "base: below/chain.yaml\n");
    assert_expands(test, "chain.yaml");
    assert_holds(test->plan.runs[0].yaml, "chain: english\n");
    assert_holds(test->plan.runs[1].yaml, "chain: below/c.txt\n");
    assert_holds(test->plan.runs[2].yaml, "chain: \"/d.txt\"\n");
    put(test, "below/bigrams.yaml", "experiment: x\ndata: {bigrams: e.txt}\n");
    put(test, "bigrams.yaml", "base: below/bigrams.yaml\n");
    assert_expands(test, "bigrams.yaml");
    assert_holds(test->plan.runs[0].yaml, "bigrams: below/e.txt\n");
}

static void test_refused(void **state) {
    Case *test = *state;
    put(test, "missing.yaml", "experiment: x\nbase: nowhere.yaml\n");
    assert_refused(test, "missing.yaml", "/missing.yaml:2:7: base:", "nowhere.yaml");
    put(test, "self.yaml", "base: self.yaml\nexperiment: x\n");
    assert_refused(test, "self.yaml", "/self.yaml:1:7:", "inherit from itself");
    put(test, "one.yaml", "base: two.yaml\n");
    put(test, "two.yaml", "experiment: x\nbase: ./one.yaml\n");
    assert_refused(test, "one.yaml", "/two.yaml:2:7:", "one.yaml → ");
    put(test, "list.yaml", "base: [one.yaml]\n");
    assert_refused(test, "list.yaml", "/list.yaml:1:7:", "another YAML file");
    put(test, "wrong.yaml", "experiment: x\nmodel:\n  width: wide\n");
    put(test, "heir.yaml", "base: wrong.yaml\nseed: 2\n");
    assert_refused(test, "heir.yaml", "/wrong.yaml:3:10:", "a whole number");
    put(test, "broken.yaml", "experiment: [\n");
    put(test, "heir2.yaml", "base: broken.yaml\n");
    assert_refused(test, "heir2.yaml", "/broken.yaml:2:1:", "syntax");
    put(test, "typo.yaml", "experiment: x\nbasee: other.yaml\n");
    assert_refused(test, "typo.yaml", "/typo.yaml:2:1:", "did you mean 'base'?");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_deep_merge, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_kinds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_taken_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_grandparent_and_paths, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_paths_of_every_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
