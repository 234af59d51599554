/* What analysis reads of a run is what training drew; and what another program wrote into run.h5 is
   looked at before it is used. */
#include "tests/support/defaults.h"
#include "tests/support/scratch.h"
#include "train/loop.h"
#include "train/run_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SAMPLES = 3, LENGTH = 8, VOCABULARY = 66 };

static void check(Status status, const Error *error) {
    if (status != STATUS_OK)
        fail_msg("%s", error->message);
}

static RunConfig small_run(void) {
    RunConfig config = {.experiment = "test"};
    const char *wrong = defaults_fill(&run_config_fields, &config);
    if (wrong != NULL)
        fail_msg("the default of %s cannot be read", wrong);
    ModelConfig *model = &config.model;
    model->layers = 1, model->width = 8, model->hidden = 4, model->context = LENGTH;
    config.train.steps = 0;
    config.train.batch = 2;
    config.probe.samples = SAMPLES;
    run_config_resolve(&config);
    return config;
}

static void make_run(const RunConfig *config, const char *directory) {
    const TrainJob job = {.config = config,
                          .directory = directory,
                          .experiment_yaml = "experiment: test\n",
                          .identity = "test",
                          .program_version = "",
                          .git_revision = "",
                          .threads = 1};
    Error error;
    check(train_run(&job, &error), &error);
}

static void a_run_reads_back_what_it_began_with(void **state) {
    RunConfig config = small_run();
    Arena arena = arena_create("a test");
    RunModel *drawn, *read;
    const char *culprit;
    Error error;
    make_run(&config, *state);
    check(run_model_open(&config, NULL, &arena, &drawn, &culprit, &error), &error);
    check(run_model_read(&config, *state, &arena, &read, &error), &error);
    const Probe *first = &drawn->probe, *second = &read->probe;
    assert_int_equal(second->samples, SAMPLES);
    assert_int_equal(second->length, LENGTH);
    assert_int_equal(second->vocabulary, VOCABULARY);
    assert_int_equal(second->bos, first->bos);
    assert_int_equal(second->ordinary, first->ordinary);
    assert_int_equal(second->has_copies, first->has_copies);
    assert_memory_equal(first->inputs, second->inputs, SAMPLES * LENGTH * sizeof(int32_t));
    assert_memory_equal(first->targets, second->targets, SAMPLES * LENGTH * sizeof(int32_t));
    assert_memory_equal(first->copied, second->copied, SAMPLES * LENGTH);
    for (int token = 0; token < VOCABULARY; token++)
        assert_string_equal(first->token_names[token], second->token_names[token]);
    assert_int_equal(model_parameters(read->model)->total, model_parameters(drawn->model)->total);
    arena_destroy(&arena);
}

/* As another program does: HDF5 cuts off the checksum behind the file. */
static void put_token(const char *path, const char *dataset, size_t place, int32_t token) {
    int32_t tokens[SAMPLES * LENGTH];
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    hid_t opened = H5Dopen2(file, dataset, H5P_DEFAULT);
    assert_true(H5Dread(opened, H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, tokens) >= 0);
    tokens[place] = token;
    assert_true(H5Dwrite(opened, H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, tokens) >= 0);
    assert_true(H5Dclose(opened) >= 0 && H5Fclose(file) >= 0);
}

static void assert_reads(const RunConfig *config, const char *directory, const char *part) {
    Arena arena = arena_create("a test");
    RunModel *run;
    Error error = {.message = ""};
    Status status = run_model_read(config, directory, &arena, &run, &error);
    assert_int_equal(status, part == NULL ? STATUS_OK : STATUS_FAILED);
    if (part != NULL &&
        (strstr(error.message, part) == NULL || strstr(error.message, "run.h5") == NULL))
        fail_msg("\"%s\" does not contain \"%s\" and the file's name", error.message, part);
    arena_destroy(&arena);
}

static void tokens_beyond_the_vocabulary_are_refused(void **state) {
    static const struct {
        const char *dataset;
        int32_t token;
        const char *part; /* NULL: it is allowed */
    } cases[] = {
        {"/probe/inputs", VOCABULARY - 1, NULL},
        {"/probe/inputs", VOCABULARY, "/probe/inputs holds 66; allowed by its vocabulary: 0 to 65"},
        {"/probe/inputs", INT32_MIN, "/probe/inputs holds -2147483648"},
        {"/probe/inputs", -1, "/probe/inputs holds -1"},
        {"/probe/inputs", 3, NULL},
        {"/probe/targets", -1, NULL},
        {"/probe/targets", -2, "/probe/targets holds -2; allowed by its vocabulary: -1 to 65"},
        {"/probe/targets", VOCABULARY, "/probe/targets holds 66"},
    };
    RunConfig config = small_run();
    const char *path = scratch_path(state, "run.h5");
    make_run(&config, *state);
    assert_reads(&config, *state, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        put_token(path, cases[i].dataset, SAMPLES * LENGTH - 1, cases[i].token);
        assert_reads(&config, *state, cases[i].part);
    }
}

#define SCRATCH_TEST(function)                                                                     \
    cmocka_unit_test_setup_teardown(function, scratch_create, scratch_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(a_run_reads_back_what_it_began_with),
        SCRATCH_TEST(tokens_beyond_the_vocabulary_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
