/* The arrays of analysis.h5 on their way into the file, step by step. */
#include "analysis/output.h"
#include "tests/support/numbers.h"
#include "tests/support/scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { STEPS = 4, HEADS = 3, SAMPLES = 2 };

static const double step_values[STEPS] = {0, 1, 2, 4};
static const Axis step = {.name = "step",
                          .length = STEPS,
                          .values = step_values,
                          .long_name = "finished training steps",
                          .units = "1"};
static const Axis head = {.name = "head", .length = HEADS, .long_name = "head", .units = "1"};

static void check(Status status, const Error *error) {
    if (status != STATUS_OK)
        fail_msg("%s", error->message);
}

static Output *add(OutputList *list, const char *name, OutputType type, const Axis *first,
                   const Axis *second) {
    Output output = {.name = name,
                     .long_name = "a test",
                     .units = "1",
                     .source = "Fiducial",
                     .undefined = "never",
                     .type = type};
    if (first != NULL)
        output.axes[output.rank++] = first;
    if (second != NULL)
        output.axes[output.rank++] = second;
    return output_add(list, output);
}

static Output *add_count(OutputList *list, const char *name) {
    Output *count = add(list, name, OUTPUT_INTEGER, &step, &head);
    count->has_usual = true;
    count->usual = SAMPLES;
    return count;
}

static void fill(Output *output, double first) {
    for (size_t i = 0; i < output->count; i++)
        output->values[i] = first + (double)i;
}

static void fill_count(Output *count, int at, double value) {
    for (int i = 0; i < HEADS; i++)
        count->values[i] = i == at ? value : SAMPLES;
}

static void read_all(const char *path, const char *name, size_t count, double *values) {
    hid_t file;
    Error error;
    check(storage_open(path, &file, &error), &error);
    check(storage_read(file, name, H5T_NATIVE_DOUBLE, count, values, &error), &error);
    storage_close(file);
}

static bool holds(const char *path, const char *name) {
    hid_t file;
    Error error;
    check(storage_open(path, &file, &error), &error);
    bool there = storage_exists(file, name);
    storage_close(file);
    return there;
}

/* What a step axis says is the file's length, never the memory's. */
static void one_step_is_held(void **state) {
    (void)state;
    Arena arena = arena_create("a test");
    const Axis long_axis = {.name = "step", .length = 1 << 30, .units = "1"};
    OutputList list = {.arena = &arena, .step = &long_axis};
    Output *output = add(&list, "x", OUTPUT_REAL, &long_axis, &head);
    assert_true(output->by_step);
    assert_int_equal(output->count, HEADS);
    assert_true(arena.allocated < 1 << 16);
    Output *other = add(&list, "y", OUTPUT_REAL, &head, NULL);
    assert_false(other->by_step);
    assert_int_equal(other->count, HEADS);
    arena_destroy(&arena);
}

static void steps_reach_the_file(void **state) {
    Arena arena = arena_create("a test");
    OutputList list = {.arena = &arena, .step = &step};
    const char *path = scratch_path(state, "analysis.h5");
    Error error;
    double values[STEPS * HEADS], read[HEADS];
    Output *real = add(&list, "samples/real", OUTPUT_REAL, &step, &head);
    Output *single = add(&list, "single", OUTPUT_SINGLE, &step, NULL);
    Output *label = add(&list, "label", OUTPUT_INTEGER, &step, NULL);
    check(outputs_begin(&list, path, &error), &error);
    for (size_t s = 0; s < STEPS; s++) {
        fill(real, 10 * (double)s);
        single->values[0] = 0.1 + (double)s;
        label->values[0] = s == 2 ? NAN : (double)s;
        check(outputs_write_step(&list, s, &error), &error);
    }
    check(output_read_step(real, 1, read, &error), &error);
    assert_number("read back", read[2], 12, 0);
    fill(add(&list, "late", OUTPUT_REAL, &head, NULL), 5);
    const OutputText text = {"title", "a test"};
    check(outputs_finish(&list, &(OutputEnd){.texts = &text, .text_count = 1}, &error), &error);
    outputs_abandon(&list);
    read_all(path, "samples/real", STEPS * HEADS, values);
    for (int i = 0; i < STEPS * HEADS; i++)
        assert_number("real", values[i], 10 * (i / HEADS) + i % HEADS, 0);
    read_all(path, "single", STEPS, values);
    for (int s = 0; s < STEPS; s++)
        assert_number("single", values[s], (float)(0.1 + s), 0);
    read_all(path, "label", STEPS, values);
    for (int s = 0; s < STEPS; s++)
        assert_number("label", values[s], s == 2 ? LABEL_UNDEFINED : s, 0);
    read_all(path, "late", HEADS, values);
    assert_number("late", values[2], 7, 0);
    arena_destroy(&arena);
}

/* Counts are there where one sample was left out at any step, then for all steps. */
static void what_is_always_as_usual_is_left_out(void **state) {
    Arena arena = arena_create("a test");
    OutputList list = {.arena = &arena, .step = &step};
    const char *path = scratch_path(state, "analysis.h5");
    Error error;
    double values[STEPS * HEADS];
    Output *usual = add_count(&list, "usual"), *first = add_count(&list, "first");
    Output *third = add_count(&list, "third");
    check(outputs_begin(&list, path, &error), &error);
    for (int s = 0; s < STEPS; s++) {
        fill_count(usual, -1, 0);
        fill_count(first, s == 0 ? 1 : -1, 0);
        fill_count(third, s == 2 ? 0 : -1, 1);
        check(outputs_write_step(&list, (size_t)s, &error), &error);
    }
    check(outputs_finish(&list, &(OutputEnd){0}, &error), &error);
    assert_false(holds(path, "usual"));
    read_all(path, "first", STEPS * HEADS, values);
    for (int i = 0; i < STEPS * HEADS; i++)
        assert_number("first", values[i], i == 1 ? 0 : SAMPLES, 0);
    read_all(path, "third", STEPS * HEADS, values);
    for (int i = 0; i < STEPS * HEADS; i++)
        assert_number("third", values[i], i == 2 * HEADS ? 1 : SAMPLES, 0);
    arena_destroy(&arena);
}

static void an_unfinished_file_leaves_nothing(void **state) {
    Arena arena = arena_create("a test");
    OutputList list = {.arena = &arena, .step = &step};
    const char *path = scratch_path(state, "analysis.h5");
    Error error;
    fill(add(&list, "real", OUTPUT_REAL, &step, &head), 0);
    outputs_abandon(&list); /* nothing is there yet */
    check(outputs_begin(&list, path, &error), &error);
    check(outputs_write_step(&list, 0, &error), &error);
    assert_true(scratch_exists(scratch_path(state, "analysis.h5.tmp")));
    outputs_abandon(&list);
    assert_false(scratch_exists(path));
    assert_false(scratch_exists(scratch_path(state, "analysis.h5.tmp")));
    arena_destroy(&arena);
}

#define SCRATCH_TEST(function)                                                                     \
    cmocka_unit_test_setup_teardown(function, scratch_create, scratch_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_step_is_held),
        SCRATCH_TEST(steps_reach_the_file),
        SCRATCH_TEST(what_is_always_as_usual_is_left_out),
        SCRATCH_TEST(an_unfinished_file_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
