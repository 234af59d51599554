/* The files of a run: snapshots, run.h5 and checkpoints, whole and damaged. */
#include "model/base/random.h"
#include "tests/support/scratch.h"
#include "train/snapshot.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROWS = 13, COLUMNS = 7, SLOTS = 2, STEPS = 9 };

static void check(Status status, const Error *error) {
    if (status != STATUS_OK)
        fail_msg("%s", error->message);
}

static void assert_contains(const char *text, const char *part) {
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" does not contain \"%s\"", text, part);
}

/* A table of three parameters, one of them a vector, and a random state for it. */
typedef struct Case {
    Arena arena;
    ParameterTable table;
    TrainLog log;
    TrainState state;
} Case;

static void case_fill(Case *scene, int64_t step, uint64_t seed) {
    Random random = random_create(seed, RANDOM_TEST, (uint64_t)step, 0);
    for (size_t i = 0; i < scene->table.total; i++)
        scene->state.parameters[i] = (float)random_normal(&random);
    for (size_t i = 0; i < SLOTS * scene->table.total; i++)
        scene->state.slots[i] = (float)random_normal(&random);
    scene->state.step = scene->log.count = step;
    scene->state.tokens = step * 1000;
    for (int64_t i = 0; i < step; i++) {
        scene->log.loss[i] = 4.0f / (float)(i + 1);
        scene->log.learning_rate[i] = 1e-3f;
        scene->log.gradient_norm[i] = 0.5f;
        scene->log.tokens_per_second[i] = 1e6f;
    }
}

static Case *case_create(int columns) {
    Case *scene = calloc(1, sizeof *scene);
    scene->arena = arena_create("a test");
    parameters_add(&scene->table, &scene->arena,
                   (Parameter){.name = "token_embedding", .rows = ROWS, .columns = columns});
    parameters_add(&scene->table, &scene->arena,
                   (Parameter){.name = "layers/0/attention/query", .rows = 8, .columns = 8});
    parameters_add(&scene->table, &scene->arena, (Parameter){.name = "final_norm", .rows = 5});
    scene->log = (TrainLog){.capacity = STEPS,
                            .loss = ARENA_ARRAY(&scene->arena, float, STEPS),
                            .learning_rate = ARENA_ARRAY(&scene->arena, float, STEPS),
                            .gradient_norm = ARENA_ARRAY(&scene->arena, float, STEPS),
                            .tokens_per_second = ARENA_ARRAY(&scene->arena, float, STEPS)};
    size_t total = scene->table.total;
    scene->state = (TrainState){.parameters = ARENA_ARRAY(&scene->arena, float, total),
                                .slots = ARENA_ARRAY(&scene->arena, float, (SLOTS * total)),
                                .slot_count = SLOTS,
                                .log = &scene->log,
                                .data_sha256 = "text"};
    return scene;
}

static void case_destroy(Case *scene) {
    arena_destroy(&scene->arena);
    free(scene);
}

static void write_snapshot(const char *directory, const Case *scene) {
    Error error;
    check(snapshot_write(directory, &scene->table, scene->state.parameters, scene->state.step,
                         scene->state.tokens, &error),
          &error);
}

/* ---- Snapshots ------------------------------------------------------------------------------ */

static void a_snapshot_reads_back_bit_for_bit(void **state) {
    Error error;
    Case *scene = case_create(COLUMNS), *read = case_create(COLUMNS);
    case_fill(scene, 4, 1);
    write_snapshot(*state, scene);
    assert_true(scratch_exists(scratch_path(state, "snapshots/step-00000004.h5")));
    check(snapshot_read(*state, 4, &read->table, read->state.parameters, &error), &error);
    assert_memory_equal(read->state.parameters, scene->state.parameters,
                        sizeof(float) * scene->table.total);
    assert_true(snapshot_valid(*state, 4, &read->table, &error));
    case_destroy(scene);
    case_destroy(read);
}

static void a_damaged_snapshot_is_never_read_as_data(void **state) {
    Error error;
    Case *scene = case_create(COLUMNS);
    const char *path = scratch_path(state, "snapshots/step-00000000.h5");
    case_fill(scene, 0, 1);
    assert_false(snapshot_valid(*state, 0, &scene->table, &error));
    assert_contains(error.message, "No such file");
    write_snapshot(*state, scene);
    size_t value = scratch_find(path, scene->state.parameters + 5, 8);
    scratch_flip(path, value);
    assert_false(snapshot_valid(*state, 0, &scene->table, &error));
    assert_contains(error.message, "step-00000000.h5: it is damaged");
    scratch_truncate(path, scratch_size(path) - 24); /* without the file's checksum: the hash */
    assert_false(snapshot_valid(*state, 0, &scene->table, &error));
    assert_contains(error.message, "SHA-256");
    scratch_flip(path, value);
    assert_true(snapshot_valid(*state, 0, &scene->table, &error));
    scratch_truncate(path, scratch_size(path) / 2);
    assert_false(snapshot_valid(*state, 0, &scene->table, &error));
    assert_contains(error.message, "truncated");
    scratch_truncate(path, 0);
    assert_false(snapshot_valid(*state, 0, &scene->table, &error));
    assert_contains(error.message, "empty");
    case_destroy(scene);
}

/* Whatever byte is hit, the file is refused or the parameters are those that were written. */
static void every_flipped_byte_is_harmless(void **state) {
    Error error;
    Case *scene = case_create(COLUMNS), *read = case_create(COLUMNS);
    const char *path = scratch_path(state, "snapshots/step-00000000.h5");
    case_fill(scene, 0, 1);
    write_snapshot(*state, scene);
    size_t refused = 0;
    for (size_t at = 0; at < scratch_size(path); at += 3) {
        scratch_flip(path, at);
        Status status = snapshot_read(*state, 0, &read->table, read->state.parameters, &error);
        refused += status != STATUS_OK;
        if (status == STATUS_OK && memcmp(read->state.parameters, scene->state.parameters,
                                          sizeof(float) * scene->table.total) != 0)
            fail_msg("with byte %zu flipped, other parameters were read as sound", at);
        scratch_flip(path, at);
    }
    if (3 * refused + 100 < scratch_size(path))
        fail_msg("only %zu damaged files were refused", refused);
    case_destroy(scene);
    case_destroy(read);
}

static void a_snapshot_of_another_model_is_refused_by_name(void **state) {
    Error error;
    Case *scene = case_create(COLUMNS), *other = case_create(COLUMNS + 1);
    parameters_add(&other->table, &other->arena,
                   (Parameter){.name = "unembedding", .rows = ROWS, .columns = COLUMNS});
    float *room = ARENA_ARRAY(&other->arena, float, other->table.total);
    case_fill(scene, 2, 1);
    write_snapshot(*state, scene);
    assert_int_equal(snapshot_read(*state, 2, &other->table, room, &error), STATUS_FAILED);
    assert_contains(error.message, "token_embedding is [13][7], not [13][8]");
    assert_contains(error.message, "unembedding is missing");
    assert_null(strstr(error.message, "final_norm"));
    ParameterTable fewer = scene->table;
    fewer.count = 2;
    assert_int_equal(snapshot_read(*state, 2, &fewer, room, &error), STATUS_FAILED);
    assert_contains(error.message, "final_norm is in the file only");
    assert_int_equal(rename(scratch_path(state, "snapshots/step-00000002.h5"),
                            scratch_path(state, "snapshots/step-00000008.h5")),
                     0);
    assert_int_equal(snapshot_read(*state, 8, &scene->table, room, &error), STATUS_FAILED);
    assert_contains(error.message, "holds step 2, not 8");
    case_destroy(scene);
    case_destroy(other);
}

/* ---- run.h5 --------------------------------------------------------------------------------- */

static Status write_run(const char *directory, const Case *scene, const int64_t *steps,
                        size_t count, const char *yaml, Error *error) {
    static int32_t inputs[6] = {65, 1, 2, 65, 3, 4}, targets[6] = {1, 2, -1, 3, 4, -1};
    static uint8_t copied[6] = {0, 1, 0, 0, 0, 0};
    static const char *names[3] = {"\\n", "␣", "BOS"};
    const Probe probe = {.samples = 2,
                         .length = 3,
                         .inputs = inputs,
                         .targets = targets,
                         .copied = copied,
                         .has_copies = true,
                         .token_names = names,
                         .vocabulary = 3};
    const Provenance provenance = {.experiment_yaml = yaml,
                                   .yaml_sha256 = "1234",
                                   .identity = "abcd",
                                   .program_version = "0.1.0",
                                   .git_revision = "unknown",
                                   .blas_core = "Haswell",
                                   .host_cpu = "a processor",
                                   .start_time = "2025-01-01T00:00:00Z",
                                   .end_time = "",
                                   .status = "running",
                                   .failure = "",
                                   .data_sha256 = "",
                                   .threads = 2,
                                   .seed = 3};
    return run_file_write(directory, &scene->table, steps, count, &scene->log, &probe, &provenance,
                          error);
}

static void run_file_stacks_the_snapshots(void **state) {
    Error error;
    Case *scene = case_create(COLUMNS);
    const int64_t steps[4] = {0, 1, 2, 4};
    float expected[4], values[4 * ROWS * COLUMNS];
    for (int i = 0; i < 4; i++) {
        case_fill(scene, steps[i], 1);
        expected[i] = scene->state.parameters[COLUMNS + 3];
        write_snapshot(*state, scene);
        check(write_run(*state, scene, steps, (size_t)i + 1, "seed: 1", &error), &error);
    }
    hid_t file;
    int rank;
    hsize_t shape[8];
    int64_t held_steps[4], log_steps[4];
    const char *text;
    check(storage_open(scratch_path(state, "run.h5"), &file, &error), &error);
    check(storage_shape(file, "/parameters/token_embedding", &rank, shape, &error), &error);
    assert_int_equal(rank * 10000 + (int)(shape[0] * 1000 + shape[1] * 10 + shape[2]), 34137);
    check(storage_shape(file, "/parameters/final_norm", &rank, shape, &error), &error);
    assert_int_equal(rank * 100 + (int)(shape[0] * 10 + shape[1]), 245);
    check(storage_read(file, "/step", H5T_NATIVE_INT64, 4, held_steps, &error), &error);
    assert_memory_equal(held_steps, steps, sizeof steps);
    check(storage_read(file, "/log/step", H5T_NATIVE_INT64, 4, log_steps, &error), &error);
    assert_int_equal(log_steps[3], 4);
    check(storage_read(file, "/parameters/token_embedding", H5T_NATIVE_FLOAT, 4 * ROWS * COLUMNS,
                       values, &error),
          &error);
    for (int i = 0; i < 4; i++)
        assert_float_equal(values[i * ROWS * COLUMNS + COLUMNS + 3], expected[i], 0);
    check(storage_get_text(file, "/", "experiment_yaml", &scene->arena, &text, &error), &error);
    assert_string_equal(text, "seed: 1");
    storage_close(file);
    case_destroy(scene);
}

static void run_file_warns_of_repeated_parameters_once(void **state) {
    Error error;
    Case *scene = case_create(COLUMNS);
    const int64_t steps[3] = {0, 1, 2};
    case_fill(scene, 0, 1);
    write_snapshot(*state, scene);
    scene->state.step = 1;
    write_snapshot(*state, scene);
    scratch_log_begin();
    check(write_run(*state, scene, steps, 2, "", &error), &error);
    assert_contains(scratch_log_text(), "warning: ");
    assert_contains(scratch_log_text(), "steps 0 and 1 hold the same parameters");
    case_fill(scene, 2, 5);
    write_snapshot(*state, scene);
    scratch_log_begin();
    check(write_run(*state, scene, steps, 3, "", &error), &error);
    assert_null(strstr(scratch_log_text(), "1 and 2"));
    /* a snapshot that changed after run.h5 was written is looked at again */
    scene->state.step = 1;
    write_snapshot(*state, scene);
    scratch_log_begin();
    check(write_run(*state, scene, steps, 3, "", &error), &error);
    assert_contains(scratch_log_text(), "steps 1 and 2 hold the same parameters");
    case_destroy(scene);
}

static void run_file_holds_a_long_yaml_and_no_steps(void **state) {
    Error error;
    Case *scene = case_create(COLUMNS);
    char *yaml = ARENA_ARRAY(&scene->arena, char, 200001);
    memset(yaml, 'y', 200000);
    check(write_run(*state, scene, NULL, 0, yaml, &error), &error);
    hid_t file;
    const char *text;
    check(storage_open(scratch_path(state, "run.h5"), &file, &error), &error);
    check(storage_get_text(file, "/", "experiment_yaml", &scene->arena, &text, &error), &error);
    assert_int_equal(strlen(text), 200000);
    storage_close(file);
    case_destroy(scene);
}

static void a_full_disk_leaves_the_run_readable(void **state) {
    Error error;
    Case *scene = case_create(COLUMNS);
    const int64_t steps[2] = {0, 1};
    case_fill(scene, 0, 1);
    write_snapshot(*state, scene);
    check(write_run(*state, scene, steps, 1, "", &error), &error);
    check(checkpoint_write(*state, &scene->table, &scene->state, "abcd", &error), &error);
    case_fill(scene, 1, 1);
    Error snapshot_error, run_error, checkpoint_error;
    scratch_limit_file_size(1000);
    Status snapshot =
        snapshot_write(*state, &scene->table, scene->state.parameters, 1, 0, &snapshot_error);
    Status run = write_run(*state, scene, steps, 1, "", &run_error);
    Status checkpoint =
        checkpoint_write(*state, &scene->table, &scene->state, "abcd", &checkpoint_error);
    scratch_limit_file_size(0);
    assert_int_equal(snapshot, STATUS_FAILED);
    assert_contains(snapshot_error.message, "step-00000001.h5");
    assert_contains(snapshot_error.message, "File too large");
    assert_int_equal(run, STATUS_FAILED);
    assert_contains(run_error.message, "run.h5");
    assert_int_equal(checkpoint, STATUS_FAILED);
    assert_contains(checkpoint_error.message, "checkpoint.h5");
    assert_true(snapshot_valid(*state, 0, &scene->table, &error));
    bool found = false;
    check(checkpoint_read(*state, &scene->table, &scene->state, "abcd", INT64_MAX, &found, &error),
          &error);
    assert_true(found);
    assert_int_equal(scene->state.step, 0);
    hid_t file;
    check(storage_open(scratch_path(state, "run.h5"), &file, &error), &error);
    storage_close(file);
    case_destroy(scene);
}

/* ---- Checkpoints ---------------------------------------------------------------------------- */

static void write_checkpoint(const char *directory, Case *scene, int64_t step) {
    Error error;
    case_fill(scene, step, 1);
    check(checkpoint_write(directory, &scene->table, &scene->state, "abcd", &error), &error);
}

/* The step of the checkpoint that is read; −1 where none is found. Its content is compared with
   what was written. */
static int64_t read_checkpoint_until(const char *directory, int64_t latest) {
    Error error;
    Case *scene = case_create(COLUMNS), *expected = case_create(COLUMNS);
    bool found = false;
    scratch_log_begin();
    check(checkpoint_read(directory, &scene->table, &scene->state, "abcd", latest, &found, &error),
          &error);
    int64_t step = found ? scene->state.step : -1;
    if (found) {
        case_fill(expected, step, 1);
        size_t bytes = sizeof(float) * scene->table.total;
        assert_memory_equal(scene->state.parameters, expected->state.parameters, bytes);
        assert_memory_equal(scene->state.slots, expected->state.slots, SLOTS * bytes);
        assert_int_equal(scene->state.tokens, expected->state.tokens);
        assert_int_equal(scene->log.count, step);
        assert_memory_equal(scene->log.loss, expected->log.loss, sizeof(float) * STEPS);
        assert_memory_equal(scene->log.tokens_per_second, expected->log.tokens_per_second,
                            sizeof(float) * STEPS);
    }
    case_destroy(scene);
    case_destroy(expected);
    return step;
}

static int64_t read_checkpoint(const char *directory) {
    return read_checkpoint_until(directory, INT64_MAX);
}

static void a_checkpoint_reads_back_and_the_one_before_is_kept(void **state) {
    Case *scene = case_create(COLUMNS);
    assert_int_equal(read_checkpoint(*state), -1);
    assert_string_equal(scratch_log_text(), "");
    write_checkpoint(*state, scene, 0);
    assert_int_equal(read_checkpoint(*state), 0);
    write_checkpoint(*state, scene, 3);
    write_checkpoint(*state, scene, 7);
    assert_int_equal(read_checkpoint(*state), 7);
    assert_string_equal(scratch_log_text(), "");
    assert_int_equal(remove(scratch_path(state, "checkpoint.h5")), 0);
    assert_int_equal(read_checkpoint(*state), 3);
    assert_contains(scratch_log_text(), "going on from the previous checkpoint, of step 3");
    case_destroy(scene);
}

static void a_damaged_checkpoint_is_set_aside(void **state) {
    Case *scene = case_create(COLUMNS);
    const char *path = scratch_path(state, "checkpoint.h5");
    const char *aside = scratch_path(state, "checkpoint.h5.damaged");
    for (int kind = 0; kind < 4; kind++) {
        write_checkpoint(*state, scene, 3);
        write_checkpoint(*state, scene, 7);
        switch (kind) {
        case 0:
            scratch_truncate(path, scratch_size(path) - 100);
            break;
        case 1:
            scratch_truncate(path, 0);
            break;
        case 2: /* an optimizer's value */
            scratch_flip(path, scratch_find(path, scene->state.slots + 40, 8));
            break;
        default: /* the name of the run it belongs to */
            scratch_flip(path, scratch_find(path, "abcd", 4));
        }
        assert_int_equal(read_checkpoint(*state), 3);
        assert_contains(scratch_log_text(), "warning: ");
        assert_contains(scratch_log_text(), "the file is kept as ");
        assert_true(scratch_exists(aside));
        assert_false(scratch_exists(path));
        assert_int_equal(remove(aside), 0);
    }
    scratch_truncate(scratch_path(state, "checkpoint.previous.h5"), 10);
    assert_int_equal(read_checkpoint(*state), -1);
    assert_true(scratch_exists(scratch_path(state, "checkpoint.previous.h5.damaged")));
    case_destroy(scene);
}

/* A link to itself can be opened by nobody, the superuser included. */
static void a_checkpoint_that_cannot_be_opened_is_left_alone(void **state) {
    Error error;
    Case *scene = case_create(COLUMNS);
    const char *path = scratch_path(state, "checkpoint.h5");
    bool found = true;
    write_checkpoint(*state, scene, 3);
    write_checkpoint(*state, scene, 7);
    assert_int_equal(remove(path), 0);
    assert_int_equal(symlink("checkpoint.h5", path), 0);
    assert_int_equal(
        checkpoint_read(*state, &scene->table, &scene->state, "abcd", INT64_MAX, &found, &error),
        STATUS_FAILED);
    assert_false(found);
    assert_contains(error.message, "checkpoint.h5: Too many levels of symbolic links");
    assert_false(scratch_exists(scratch_path(state, "checkpoint.h5.damaged")));
    assert_int_equal(remove(path), 0);
    assert_int_equal(read_checkpoint(*state), 3);
    case_destroy(scene);
}

static void an_earlier_checkpoint_can_be_asked_for(void **state) {
    Case *scene = case_create(COLUMNS);
    write_checkpoint(*state, scene, 3);
    write_checkpoint(*state, scene, 7);
    static const int64_t asked[][2] = {{8, 7}, {7, 7}, {6, 3}, {3, 3}, {2, -1}};
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        assert_int_equal(read_checkpoint_until(*state, asked[i][0]), asked[i][1]);
        assert_string_equal(scratch_log_text(), "");
    }
    case_destroy(scene);
}

static void a_checkpoint_of_another_run_is_refused(void **state) {
    Error error;
    Case *scene = case_create(COLUMNS), *other = case_create(COLUMNS + 1);
    bool found = true;
    write_checkpoint(*state, scene, 3);
    assert_int_equal(
        checkpoint_read(*state, &scene->table, &scene->state, "efgh", INT64_MAX, &found, &error),
        STATUS_BAD_INPUT);
    assert_false(found);
    assert_contains(error.message, "belongs to another configuration");
    assert_contains(error.message, "--output");
    assert_int_equal(
        checkpoint_read(*state, &other->table, &other->state, "efgh", INT64_MAX, &found, &error),
        STATUS_BAD_INPUT);
    assert_true(scratch_exists(scratch_path(state, "checkpoint.h5")));
    assert_int_equal(read_checkpoint(*state), 3);
    case_destroy(scene);
    case_destroy(other);
}

#define SCRATCH_TEST(function)                                                                     \
    cmocka_unit_test_setup_teardown(function, scratch_create, scratch_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(a_snapshot_reads_back_bit_for_bit),
        SCRATCH_TEST(a_damaged_snapshot_is_never_read_as_data),
        SCRATCH_TEST(every_flipped_byte_is_harmless),
        SCRATCH_TEST(a_snapshot_of_another_model_is_refused_by_name),
        SCRATCH_TEST(run_file_stacks_the_snapshots),
        SCRATCH_TEST(run_file_warns_of_repeated_parameters_once),
        SCRATCH_TEST(run_file_holds_a_long_yaml_and_no_steps),
        SCRATCH_TEST(a_full_disk_leaves_the_run_readable),
        SCRATCH_TEST(a_checkpoint_reads_back_and_the_one_before_is_kept),
        SCRATCH_TEST(a_damaged_checkpoint_is_set_aside),
        SCRATCH_TEST(a_checkpoint_that_cannot_be_opened_is_left_alone),
        SCRATCH_TEST(an_earlier_checkpoint_can_be_asked_for),
        SCRATCH_TEST(a_checkpoint_of_another_run_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
