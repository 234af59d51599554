/* Sweeps: which runs an experiment file makes, their names, and what is refused. */
#include "experiments/runner/identity.h"
#include "experiments/runner/run_name.h"
#include "experiments/runner/sweep.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void assert_holds(const char *text, const char *part) {
    if (strstr(text, part) == NULL)
        fail_msg("expected \"%s\" in \"%s\"", part, text);
}

typedef struct Case {
    Arena arena;
    ExperimentFile file;
    RunPlan plan;
    Error error;
    char path[64];
} Case;

/* Writes text to a file and expands it; settings end with NULL. */
static Status expand(Case *test, const char *text, const char *const *settings) {
    *test = (Case){.arena = arena_create("test"), .path = "/tmp/fiducial-sweep-XXXXXX"};
    size_t count = 0;
    while (settings != NULL && settings[count] != NULL)
        count++;
    int file = mkstemp(test->path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), (int)strlen(text));
    close(file);
    Status status =
        experiment_load(test->path, settings, count, &test->arena, &test->file, &test->error);
    if (status == STATUS_OK)
        status = sweep_expand(&test->file, &test->arena, &test->plan, &test->error);
    remove(test->path);
    return status;
}

/* names: the runs in order, closed by NULL. */
static void assert_runs(const char *text, const char *const *settings, const char *const *names) {
    Case test;
    if (expand(&test, text, settings) != STATUS_OK)
        fail_msg("refused: %s", test.error.message);
    size_t count = 0;
    for (; names[count] != NULL; count++) {
        if (count >= test.plan.count)
            fail_msg("run %zu, %s, is missing", count, names[count]);
        assert_string_equal(test.plan.runs[count].name, names[count]);
    }
    assert_int_equal(test.plan.count, count);
    arena_destroy(&test.arena);
}

static void assert_refused(const char *text, const char *const *settings, const char *place,
                           const char *why) {
    Case test;
    Status status = expand(&test, text, settings);
    if (status != STATUS_BAD_INPUT)
        fail_msg("status %d, not %d, for \"%s\"", status, STATUS_BAD_INPUT, text);
    assert_holds(test.error.message, place);
    assert_holds(test.error.message, why);
    arena_destroy(&test.arena);
}

#define NAMES(...)                                                                                 \
    (const char *const[]) {                                                                        \
        __VA_ARGS__, NULL                                                                          \
    }

static void test_cross(void **state) {
    (void)state;
    assert_runs("experiment: x\n", NULL, NAMES("seed=1"));
    assert_runs("experiment: x\nseed: 5\n", NULL, NAMES("seed=5"));
    assert_runs("experiment: x\nsweep:\n  model.position: [rope, alibi]\n  seed: [1, 2]\n", NULL,
                NAMES("position=rope,seed=1", "position=rope,seed=2", "position=alibi,seed=1",
                      "position=alibi,seed=2"));
    assert_runs(
        "experiment: x\nsweep: {seed: [1, 2], train.optimizer.learning_rate: [1e-2, 0.005]}", NULL,
        NAMES("learning_rate=0.01,seed=1", "learning_rate=0.005,seed=1",
              "learning_rate=0.01,seed=2", "learning_rate=0.005,seed=2"));
    assert_runs("experiment: x\nsweep: {}\n", NULL, NAMES("seed=1"));
}

static void test_zip(void **state) {
    (void)state;
    assert_runs("experiment: x\nsweep:\n  zip: {model.width: [8, 16], model.hidden: [16, 32]}\n"
                "  seed: [1, 2]\n",
                NULL,
                NAMES("width=8,hidden=16,seed=1", "width=8,hidden=16,seed=2",
                      "width=16,hidden=32,seed=1", "width=16,hidden=32,seed=2"));
    assert_refused("experiment: x\nsweep:\n  zip: {model.width: [8, 16], model.hidden: [16]}\n",
                   NULL, ":3:45:", "model.hidden has 1 values, model.width has 2");
}

static void test_maps(void **state) {
    (void)state;
    assert_runs("experiment: x\nsweep:\n  model.position: [{kind: rope, base: 1e4}, "
                "{kind: rope, base: 500}, nope]\n",
                NULL,
                NAMES("position=rope-base=10000,seed=1", "position=rope-base=500,seed=1",
                      "position=nope,seed=1"));
    /* A key below a scalar kind; one below a swept key. */
    assert_runs(
        "experiment: x\nmodel: {position: rope}\nsweep: {model.position.base: [500, 1e4]}\n", NULL,
        NAMES("base=500,seed=1", "base=10000,seed=1"));
    assert_runs("experiment: x\nsweep:\n  model.position.base: [500, 600]\n"
                "  model.position: [rope]\n",
                NULL, NAMES("base=500,position=rope,seed=1", "base=600,position=rope,seed=1"));
}

static void test_values_reach_the_run(void **state) {
    (void)state;
    Case test;
    Status status = expand(&test,
                           "experiment: x\nsweep:\n  model.position.base: [500, 600]\n"
                           "  model.width: [8, 16]\n",
                           NULL);
    if (status != STATUS_OK)
        fail_msg("%s", test.error.message);
    assert_int_equal(test.plan.runs[1].experiment.run.model.width, 16);
    assert_holds(test.plan.runs[1].yaml, "base: 500\n");
    assert_holds(test.plan.runs[2].yaml, "base: 600\n");
    assert_int_equal(test.plan.swept_count, 2);
    assert_string_equal(test.plan.swept_keys[0], "model.position.base");
    assert_string_equal(test.plan.runs[2].swept_values[0], "600");
    assert_string_not_equal(test.plan.runs[0].identity, test.plan.runs[1].identity);
    arena_destroy(&test.arena);
}

static void test_phrases(void **state) {
    (void)state;
    Case test;
    Status status = expand(&test,
                           "experiment: x\nmodel: {layers: 2}\nsweep:\n  model.position:\n"
                           "    - rope\n    - {fraction: 0.25, kind: rope, base: 5e2}\n"
                           "    - [{kind: rope, truncate: 0.5}, nope]\n",
                           NULL);
    if (status != STATUS_OK)
        fail_msg("%s", test.error.message);
    static const char *const phrases[] = {"rope", "rope (fraction 0.25, base 500)",
                                          "rope (truncate 0.5)+nope"};
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(test.plan.runs[i].swept_phrases[0], phrases[i]);
    assert_string_equal(test.plan.runs[1].swept_values[0], "fraction=0.25-rope-base=500");
    arena_destroy(&test.arena);
}

static void test_settings(void **state) {
    (void)state;
    static const char sweep[] = "experiment: x\nmodel: {position: rope}\nsweep: {model.position: "
                                "[rope, alibi], seed: [1, 2]}";
    assert_runs(sweep, NAMES("seed=7"), NAMES("position=rope,seed=7", "position=alibi,seed=7"));
    assert_runs(sweep, NAMES("model.position=nope", "sweep.seed=[3, 4]"),
                NAMES("seed=3", "seed=4"));
    assert_runs(sweep, NAMES("sweep={}"), NAMES("seed=1"));
    assert_runs(sweep, NAMES("sweep.include=[{seed: 5}]", "sweep.exclude=[{seed: 1}]"),
                NAMES("position=rope,seed=2", "position=alibi,seed=2", "position=rope,seed=5"));
    assert_runs("experiment: x\n", NAMES("sweep.zip={seed: [1, 2], model.width: [8, 16]}"),
                NAMES("width=8,seed=1", "width=16,seed=2"));
    assert_runs("experiment: x\nsweep: {model.position: [rope, {kind: rope, base: 9}]}\n",
                NAMES("sweep.model.position=[rope]", "model.position.base=77"),
                NAMES("position=rope,seed=1"));
    Case test;
    assert_int_equal(expand(&test, "experiment: x\nsweep: {model.position: [rope]}\n",
                            NAMES("model.position.base=77", "train.steps=9")),
                     STATUS_OK);
    assert_holds(test.plan.runs[0].yaml, "base: 77\n");
    assert_int_equal(test.plan.runs[0].experiment.run.train.steps, 9);
    arena_destroy(&test.arena);
    assert_refused(sweep, NAMES("model.widht=3"), "--set model.widht=3:", "'model.width'");
    assert_refused(sweep, NAMES("seed"), "--set seed:", "key=value");
    assert_refused(sweep, NAMES("sweep.include=[{sed: 5}]"), "--set sweep.include=", "'seed'");
    assert_refused(sweep, NAMES("model.width=x"), "--set model.width=x:", "a whole number");
    assert_refused(sweep, NAMES("model.width=[1"), "--set model.width=[1:", "syntax");
}

static void test_refused(void **state) {
    (void)state;
    assert_refused("experiment: x\nsweep: {model.widht: [1, 2]}\n", NULL,
                   ":2:9:", "did you mean 'model.width'?");
    assert_refused("experiment: \"x-${seed}\"\nsweep: {seed: [1, 2]}\n", NULL,
                   ":1:13:", "experiment is 'x-1' in one run of the sweep and 'x-2' in another");
    assert_refused("experiment: x\nsweep: {width: [8, 16]}\n", NULL,
                   ":2:9:", "did you mean 'model.width'?");
    assert_refused("experiment: x\nsweep: {experiment: [a, b]}\n", NULL,
                   ":2:9:", "cannot be swept");
    assert_refused("experiment: x\nsweep: {model.width: 8}\n", NULL, ":2:22:", "a list of values");
    assert_refused("experiment: x\nsweep: {model.width: []}\n", NULL, ":2:22:", "an empty list");
    assert_refused("experiment: x\nsweep: [1]\n", NULL, ":2:8:", "a map of dotted keys");
    assert_refused("experiment: x\nsweep: {seed: [1, 1]}\n", NULL, ":2:8:", "same run twice");
    assert_refused("experiment: x\nsweep: {train.clip: [1, 1.0]}\n", NULL,
                   ":2:8:", "same run twice");
    assert_refused("experiment: x\nsweep: {seed: [1], zip: {seed: [2]}}\n", NULL,
                   ":2:26:", "swept twice");
    assert_refused("experiment: x\nsweep: {model.width: [8, x]}\n", NULL,
                   ":2:26:", "a whole number");
    assert_refused("experiment: x\nsweep: {model.heads: [1, 7]}\n", NULL, ":2:26:", "64");
    assert_refused("experiment: x\nmodel: [1]\nsweep: {model.width: [8]}\n", NULL,
                   ":3:23:", "cannot be set below 'model'");
}

static void test_range(void **state) {
    (void)state;
    assert_runs("experiment: x\nsweep:\n  train.optimizer.learning_rate: {from: 1e-4, to: 1e-2, "
                "points: 3, scale: log}\n",
                NULL,
                NAMES("learning_rate=0.0001,seed=1", "learning_rate=0.001,seed=1",
                      "learning_rate=0.01,seed=1"));
    /* Six significant digits between the ends: sqrt(10) × 1e-4 is 0.000316227766… */
    assert_runs("experiment: x\nsweep:\n  train.optimizer.learning_rate: {from: 1e-4, to: 1e-3, "
                "points: 3, scale: log}\n",
                NULL,
                NAMES("learning_rate=0.0001,seed=1", "learning_rate=0.000316228,seed=1",
                      "learning_rate=0.001,seed=1"));
    /* Whole numbers: 1, 1.75, 2.5, 3.25, 4 with halves away from zero; downwards too. */
    assert_runs("experiment: x\nsweep: {seed: {from: 1, to: 4, points: 3}}\n", NULL,
                NAMES("seed=1", "seed=3", "seed=4"));
    assert_runs(
        "experiment: x\nsweep: {train.warmup: {from: 30, to: 0, points: 4}}\n", NULL,
        NAMES("warmup=30,seed=1", "warmup=20,seed=1", "warmup=10,seed=1", "warmup=0,seed=1"));
    assert_runs("experiment: x\nsweep: {train.clip: {from: 0.1, to: 0.4, points: 4}}\n", NULL,
                NAMES("clip=0.1,seed=1", "clip=0.2,seed=1", "clip=0.3,seed=1", "clip=0.4,seed=1"));
    assert_runs("experiment: x\nsweep: {zip: {seed: [5, 6], model.width: {from: 8, to: 16, "
                "points: 2}}}\n",
                NULL, NAMES("width=8,seed=5", "width=16,seed=6"));
}

static void test_range_refused(void **state) {
    (void)state;
#define RANGE(rest) "experiment: x\nsweep:\n  seed: {" rest "}\n"
    assert_refused(RANGE("from: 1, to: 3, points: 9"), NULL, ":3:9:", "twice");
    assert_refused(RANGE("from: 2, to: 2, points: 2"), NULL, ":3:9:", "twice");
    assert_refused(RANGE("from: 1, to: 3"), NULL, ":3:9:", "points");
    assert_refused(RANGE("from: 1, to: 3, points: 1"), NULL, ":3:34:", "from 2 to");
    assert_refused(RANGE("to: 3, points: 3"), NULL, ":3:9:", "needs 'from'");
    assert_refused(RANGE("from: x, to: 3, points: 3"), NULL, ":3:16:", "a number");
    assert_refused(RANGE("from: 0, to: 3, points: 3, scale: log"), NULL, ":3:9:", "above 0");
    assert_refused(RANGE("from: 1, to: 3, points: 3, scale: cubic"), NULL, ":3:44:", "linear, log");
    assert_refused(RANGE("from: 1, too: 3, points: 3"), NULL, ":3:19:", "did you mean 'to'?");
    assert_refused(RANGE("from: -1, to: 3, points: 3"), NULL, ":3:9:", "a whole number");
#undef RANGE
    assert_refused("experiment: x\nsweep: {model.position: {from: 1, to: 2, points: 2}}\n", NULL,
                   ":2:25:", "take a number");
}

static void test_exclude(void **state) {
    (void)state;
    static const char axes[] = "experiment: x\nsweep:\n  model.position: [rope, alibi]\n"
                               "  seed: [1, 2]\n";
    char text[512];
    snprintf(text, sizeof text, "%s  exclude: [{model.position: alibi, seed: 2}]\n", axes);
    assert_runs(text, NULL,
                NAMES("position=rope,seed=1", "position=rope,seed=2", "position=alibi,seed=1"));
    snprintf(text, sizeof text, "%s  exclude:\n    - {model.position: {kind: alibi}}\n", axes);
    assert_runs(text, NULL, NAMES("position=rope,seed=1", "position=rope,seed=2"));
    /* A key that is not swept counts with its value; one that --set fixes excludes nothing. */
    snprintf(text, sizeof text, "%s  exclude: [{seed: 2, train.clip: 1}]\n", axes);
    assert_runs(text, NULL, NAMES("position=rope,seed=1", "position=alibi,seed=1"));
    assert_runs(text, NAMES("seed=7"), NAMES("position=rope,seed=7", "position=alibi,seed=7"));
    snprintf(text, sizeof text, "%s  exclude: [{seed: 3}]\n", axes);
    assert_refused(text, NULL, ":5:13:", "no run of the sweep has {seed: 3}");
    snprintf(text, sizeof text, "%s  exclude: [{seed: 1}, {seed: 2}]\n", axes);
    assert_refused(text, NULL, ":5:12:", "leaves no run");
    snprintf(text, sizeof text, "%s  exclude: [{sed: 3}]\n", axes);
    assert_refused(text, NULL, ":5:14:", "did you mean 'seed'?");
    snprintf(text, sizeof text, "%s  exclude: {seed: 3}\n", axes);
    assert_refused(text, NULL, ":5:12:", "a list of maps");
}

static void test_include(void **state) {
    (void)state;
    Case test;
    Status status = expand(&test,
                           "experiment: x\nmodel: {width: 32}\nsweep:\n"
                           "  model.position: [rope, alibi]\n"
                           "  include:\n    - {model.position: nope, model.width: 16}\n"
                           "    - {train.clip: 0, seed: 4}\n",
                           NULL);
    if (status != STATUS_OK)
        fail_msg("%s", test.error.message);
    static const char *const names[] = {"position=rope,seed=1", "position=alibi,seed=1",
                                        "position=nope,width=16,seed=1",
                                        "position=rope,clip=0,seed=4"};
    static const char *const values[][3] = {
        {"rope", "32", "1"}, {"alibi", "32", "1"}, {"nope", "16", "1"}, {"rope", "32", "0"}};
    assert_int_equal(test.plan.count, 4);
    assert_int_equal(test.plan.swept_count, 3);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(test.plan.runs[i].name, names[i]);
        for (size_t k = 0; k < 3; k++)
            assert_string_equal(test.plan.runs[i].swept_values[k], values[i][k]);
    }
    assert_int_equal(test.plan.runs[2].experiment.run.model.width, 16);
    assert_true(test.plan.runs[3].experiment.run.train.clip == 0);
    arena_destroy(&test.arena);
    /* Without an axis: only what is named. */
    assert_runs("experiment: x\nsweep: {include: [{seed: 3}, {model.width: 8}]}\n", NULL,
                NAMES("seed=3", "width=8,seed=1"));
    assert_refused("experiment: x\nsweep: {seed: [1, 2], include: [{seed: 2}]}\n", NULL,
                   ":2:8:", "same run twice");
    assert_refused("experiment: x\nsweep: {include: [seed]}\n", NULL, ":2:19:", "maps of dotted");
    assert_refused("experiment: x\nsweep: {include: [{description: y}]}\n", NULL,
                   ":2:20:", "changes nothing");
    assert_refused("experiment: x\nsweep: {include: [{model.heads: 7}]}\n", NULL,
                   ":2:33:", "multiple");
}

static void test_references(void **state) {
    (void)state;
    Case test;
    Status status =
        expand(&test,
               "experiment: x\n"
               "description: width ${model.width}, $${as is}, ${seed} ${train.optimizer.kind}\n"
               "model:\n  hidden: ${model.width}\n  context: ${probe.samples}\n"
               "train: {warmup: \"${train.steps}\", steps: \"${snapshots.until}\"}\n"
               "sweep: {model.width: [8, 24]}\n",
               NULL);
    if (status != STATUS_OK)
        fail_msg("%s", test.error.message);
    const RunConfig *first = &test.plan.runs[0].experiment.run;
    const RunConfig *second = &test.plan.runs[1].experiment.run;
    assert_int_equal(first->model.hidden, 8);
    assert_int_equal(second->model.hidden, 24);
    assert_int_equal(first->model.context, 64); /* a default */
    assert_int_equal(first->train.warmup, 512); /* by way of another reference */
    assert_string_equal(second->description, "width 24, ${as is}, 1 adamw");
    arena_destroy(&test.arena);
    assert_runs("experiment: x\nmodel: {position: rope}\nsweep: {model.hidden: "
                "[\"${model.width}\", 32]}\n",
                NULL, NAMES("hidden=64,seed=1", "hidden=32,seed=1"));
    assert_refused("experiment: x\nmodel: {width: \"${model.widht}\"}\n", NULL,
                   ":2:16:", "did you mean 'model.width'?");
    assert_refused("experiment: x\nmodel: {width: \"${model.hidden}\", hidden: "
                   "\"${model.width}\"}\n",
                   NULL, ":2:", "leads back to itself");
    assert_refused("experiment: x\nmodel: {width: \"${model}\"}\n", NULL,
                   ":2:16:", "leads back to itself");
    assert_refused("experiment: x\nmodel: {width: \"${train}\"}\n", NULL, ":2:16:", "no value");
    assert_refused("experiment: x\nmodel: {width: \"${seed\"}\n", NULL, ":2:16:", "no closing }");
    assert_refused("experiment: x\nmodel: {position: alibi, width: \"${model.position.base}\"}\n",
                   NULL, ":2:33:", "no value");
    assert_refused("experiment: x\nmodel: {width: \"${description}\"}\n", NULL,
                   ":2:16:", "a whole number");
    assert_refused("experiment: x\ndescription: \"a ${model}\"\nmodel: {width: 8}\n", NULL,
                   ":2:14:", "fits into no text");
}

static void test_too_many_runs(void **state) {
    (void)state;
    char text[4096] = "experiment: x\nsweep:\n";
    static const char *const keys[] = {"seed", "train.steps", "train.warmup"};
    for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
        snprintf(text + strlen(text), sizeof text - strlen(text), "  %s: [1", keys[k]);
        for (int i = 2; i <= 100; i++)
            snprintf(text + strlen(text), sizeof text - strlen(text), ", %d", i);
        strcat(text, "]\n");
    }
    assert_refused(text, NULL, ":3:3:", "more than 10000 runs");
}

static void test_identity(void **state) {
    (void)state;
    Case first, second, third;
    assert_int_equal(expand(&first, "experiment: x\nmodel: {width: 32}\n", NULL), STATUS_OK);
    assert_int_equal(expand(&second,
                            "experiment: y\ndescription: other words\nmodel:\n  width: 32\n"
                            "analysis: [sinks]\n",
                            NULL),
                     STATUS_OK);
    assert_int_equal(expand(&third, "experiment: x\nmodel: {width: 64}\nseed: 2\n", NULL),
                     STATUS_OK);
    assert_string_equal(first.plan.runs[0].identity, second.plan.runs[0].identity);
    assert_string_not_equal(first.plan.runs[0].identity, third.plan.runs[0].identity);
    bool same;
    const char *differences;
    identity_compare(&first.file, second.plan.runs[0].yaml, first.plan.runs[0].yaml, &first.arena,
                     &same, &differences);
    assert_true(same);
    identity_compare(&first.file, third.plan.runs[0].yaml, first.plan.runs[0].yaml, &first.arena,
                     &same, &differences);
    assert_false(same);
    assert_string_equal(differences, "\n  seed: 2 → 1\n  model.width: 64 → 32");
    /* A key that the stored file does not know counts with its default. */
    identity_compare(&first.file, "experiment: x\nmodel: {width: 32}\n", first.plan.runs[0].yaml,
                     &first.arena, &same, &differences);
    assert_true(same);
    arena_destroy(&first.arena);
    arena_destroy(&second.arena);
    arena_destroy(&third.arena);
}

static void test_names(void **state) {
    (void)state;
    Arena arena = arena_create("test");
    const char *labels[3];
    static const char *const keys[] = {"a.b.size", "c.size", "train.optimizer.kind"};
    run_labels(keys, 3, &arena, labels);
    assert_string_equal(labels[0], "b.size");
    assert_string_equal(labels[1], "c.size");
    assert_string_equal(labels[2], "optimizer");
    static const char *const label[] = {"path"};
    const char *slashes = run_name(label, (const char *const[]){"../a/b"}, 1, 1, &arena);
    const char *dashes = run_name(label, (const char *const[]){"..-a-b"}, 1, 1, &arena);
    assert_null(strchr(slashes, '/'));
    assert_string_not_equal(slashes, dashes);
    char value[1000];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    const char *cut = run_name(label, (const char *const[]){value}, 1, 1, &arena);
    assert_true(strlen(cut) <= RUN_NAME_LARGEST);
    assert_holds(cut, ",seed=1");
    arena_destroy(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cross),      cmocka_unit_test(test_zip),
        cmocka_unit_test(test_maps),       cmocka_unit_test(test_values_reach_the_run),
        cmocka_unit_test(test_phrases),    cmocka_unit_test(test_settings),
        cmocka_unit_test(test_refused),    cmocka_unit_test(test_too_many_runs),
        cmocka_unit_test(test_identity),   cmocka_unit_test(test_names),
        cmocka_unit_test(test_range),      cmocka_unit_test(test_range_refused),
        cmocka_unit_test(test_exclude),    cmocka_unit_test(test_include),
        cmocka_unit_test(test_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
