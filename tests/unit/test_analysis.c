/* The pass over a small run that was really trained: the file's layout, what must hold between its
   variables, the same numbers for any number of threads, and what happens when something is off. */
#include "analysis/analysis.h"
#include "analysis/frame_type.h"
#include "tests/support/defaults.h"
#include "tests/support/numbers.h"
#include "tests/support/scratch.h"
#include "train/loop.h"
#include "train/storage.h"

#include <hdf5_hl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { LAYERS = 2, HEADS = 2, LENGTH = 12, SAMPLES = 7, STEPS = 7, LARGEST = 1 << 16 };

static void check(Status status, const Error *error) {
    if (status != STATUS_OK)
        fail_msg("%s", error->message);
}

static RunConfig small_config(void) {
    RunConfig config = {0};
    assert_null(defaults_fill(&run_config_fields, &config));
    config.experiment = "test";
    config.description = "";
    config.seed = 3;
    config.model = defaults_model("absolute", LAYERS, 16, HEADS, 24, LENGTH, 0);
    config.train.steps = 24;
    config.train.batch = 4;
    config.snapshots = (SnapshotConfig){.early = EARLY_POWERS_OF_TWO, .until = 24, .every = 0};
    config.probe.samples = SAMPLES;
    config.probe.length = 0;
    run_config_resolve(&config);
    return config;
}

static void train(const RunConfig *config, const char *directory) {
    Error error;
    const TrainJob job = {.config = config,
                          .directory = directory,
                          .base_directory = ".",
                          .experiment_yaml = "experiment: test\n",
                          .identity = "test",
                          .program_version = "test",
                          .git_revision = "",
                          .threads = 1};
    check(train_run(&job, &error), &error);
}

static KindChoice choices[3];
static KindList all_analyses(void) {
    choices[0] = defaults_kind(&analysis_kinds, "sinks");
    choices[1] = defaults_kind(&analysis_kinds, "frames");
    choices[2] = defaults_kind(&analysis_kinds, "emergence");
    return (KindList){.items = choices, .count = 3};
}

static Status analyze(const RunConfig *config, const char *directory, int threads,
                      const volatile sig_atomic_t *stop, Error *error) {
    KindList analyses = all_analyses();
    const AnalyzeJob job = {.config = config,
                            .analyses = &analyses,
                            .directory = directory,
                            .experiment_yaml = "experiment: test\n",
                            .threads = threads,
                            .stop = stop};
    return analyze_run(&job, error);
}

/* Reads a whole variable as doubles; returns the number of values. */
static size_t read_variable(const char *path, const char *name, double *values) {
    Error error;
    hid_t file;
    int rank;
    hsize_t shape[8];
    size_t count = 1;
    check(storage_open(path, &file, &error), &error);
    check(storage_shape(file, name, &rank, shape, &error), &error);
    for (int axis = 0; axis < rank; axis++)
        count *= (size_t)shape[axis];
    assert_true(count <= LARGEST);
    check(storage_read(file, name, H5T_NATIVE_DOUBLE, count, values, &error), &error);
    storage_close(file);
    return count;
}

/* A folder with a trained and analysed run, for all tests. */
static RunConfig config;

static int make_run(void **state) {
    if (scratch_create(state) != 0)
        return -1;
    Error error;
    config = small_config();
    train(&config, scratch_path(state, "run"));
    check(analyze(&config, scratch_path(state, "run"), 1, NULL, &error), &error);
    return 0;
}

/* ---- Layout ---------------------------------------------------------------------------------- */

typedef struct Survey {
    int variables, without_scale, without_text;
    char first[256];
} Survey;

static void survey_see(Survey *survey, hid_t dataset, const char *name) {
    hid_t space = H5Dget_space(dataset);
    int rank = H5Sget_simple_extent_ndims(space);
    H5Sclose(space);
    if (H5DSis_scale(dataset) > 0)
        return;
    survey->variables++;
    bool scaled = true, described = true;
    for (int axis = 0; axis < rank; axis++)
        scaled = scaled && H5DSget_num_scales(dataset, (unsigned)axis) == 1;
    const char *const texts[] = {"long_name", "units", "source"};
    for (int t = 0; t < 3; t++)
        described = described && H5Aexists(dataset, texts[t]) > 0;
    survey->without_scale += !scaled;
    survey->without_text += !described;
    if (!(scaled && described) && survey->first[0] == '\0')
        snprintf(survey->first, sizeof survey->first, "%s", name);
}

static herr_t survey_object(hid_t group, const char *name, const H5L_info_t *info, void *context) {
    (void)info;
    hid_t object = H5Oopen(group, name, H5P_DEFAULT);
    if (H5Iget_type(object) == H5I_DATASET)
        survey_see(context, object, name);
    else
        H5Literate(object, H5_INDEX_NAME, H5_ITER_INC, NULL, survey_object, context);
    H5Oclose(object);
    return 0;
}

static void every_variable_has_scales_and_texts(void **state) {
    Error error;
    hid_t file;
    Survey survey = {0};
    check(storage_open(scratch_path(state, "run/analysis.h5"), &file, &error), &error);
    H5Literate(file, H5_INDEX_NAME, H5_ITER_INC, NULL, survey_object, &survey);
    storage_close(file);
    if (survey.variables < 300 || survey.without_scale > 0 || survey.without_text > 0)
        fail_msg("%d variables, %d without scales, %d without texts, the first of these %s",
                 survey.variables, survey.without_scale, survey.without_text, survey.first);
}

static const char *const promised[] = {
    "importance",
    "importance_std",
    "importance_low",
    "importance_high",
    "importance_null",
    "sink_rate",
    "first_sink_rate",
    "importance_share",
    "importance_share_null",
    "first_importance_share",
    "sink_position",
    "sink_ratio",
    "sink_position_share",
    "sink_ratio_share",
    "sink_ratio_share_null",
    "attention_entropy",
    "attention_total",
    "value_drain",
    "key_norm_ratio",
    "residual_peak",
    "sink_logit",
    "query_key_cosine",
    "query_key_cosine_other",
    "first_token_argmax",
    "massive_ratio",
    "massive_dimension",
    "neuron_kurtosis",
    "matrix_entropy",
    "anisotropy",
    "update_stable_rank",
    "update_norm",
    "induction_score",
    "loss_copied",
    "loss_ordinary",
    "induction_tokens",
    "probe_loss",
    "probe_loss_copied",
    "probe_loss_ordinary",
    "fiedler_value",
    "laplacian_gap",
    "star_likeness_basic",
    "in_degree_gini",
    "star_likeness",
    "degree_centralization",
    "in_degree_variance",
    "connection_density",
    "mean_shortest_path",
    "clustering",
    "fiedler_value_null",
    "fiedler_correlation_pearson_star_likeness",
    "fiedler_correlation_spearman_connection_density_p",
    "weighted_fiedler_value",
    "weighted_fiedler_value_normalized",
    "anchor_count",
    "anchor_share",
    "anchor_count_null",
    "token_importance",
    "frame_share",
    "frame_share_low",
    "frame_type",
    "frame_type_model",
    "anchor_positions",
    "anchor_shares",
    "attention_map",
    "attention_map_null",
    "samples/value_drain",
    "samples/frame_type",
    "samples/sink_rate",
    "sink_rate_onset_step",
    "first_importance_onset_step",
    "first_importance_onset_step_low",
    "fiedler_value_peak_onset_step",
    "probe_loss_final",
    "probe_loss_peak",
    "probe_loss_peak_step",
    "probe_loss_rise",
    "token_label",
    "parameters_sha256",
};

static void everything_that_is_promised_is_there(void **state) {
    Error error;
    hid_t file;
    check(storage_open(scratch_path(state, "run/analysis.h5"), &file, &error), &error);
    for (size_t i = 0; i < sizeof promised / sizeof *promised; i++)
        if (!storage_exists(file, promised[i]))
            fail_msg("there is no %s", promised[i]);
    storage_close(file);
}

/* ---- What must hold -------------------------------------------------------------------------- */

static void importance_follows_from_the_maps(void **state) {
    static double maps[LARGEST], importance[LARGEST], samples[LARGEST], first[LARGEST];
    const char *path = scratch_path(state, "run/analysis.h5");
    size_t count = read_variable(path, "attention_map", maps);
    assert_int_equal(count, STEPS * LAYERS * HEADS * LENGTH * LENGTH);
    read_variable(path, "importance", importance);
    for (int map = 0; map < STEPS * LAYERS * HEADS; map++)
        for (int k = 0; k < LENGTH; k++) {
            double sum = 0;
            for (int i = 0; i < LENGTH; i++)
                sum += maps[(map * LENGTH + i) * LENGTH + k];
            assert_number("importance", importance[map * LENGTH + k], sum / (LENGTH - k), 1e-6);
        }
    read_variable(path, "first_importance", first);
    assert_int_equal(read_variable(path, "samples/first_importance", samples),
                     STEPS * SAMPLES * LAYERS * HEADS);
    for (int step = 0; step < STEPS; step++)
        for (int head = 0; head < LAYERS * HEADS; head++) {
            double sum = 0;
            for (int s = 0; s < SAMPLES; s++)
                sum += samples[(step * SAMPLES + s) * LAYERS * HEADS + head];
            assert_number("first_importance", first[step * LAYERS * HEADS + head], sum / SAMPLES,
                          1e-12);
        }
}

/* Rows of a softmax sum to 1 up to float32's rounding: scaled to do so they are the same. */
static void shares_of_softmax_rows_are_their_weights(void **state) {
    static const char *const names[][2] = {{"importance", "importance_share"},
                                           {"importance_null", "importance_share_null"},
                                           {"sink_position", "sink_position_share"},
                                           {"sink_ratio", "sink_ratio_share"},
                                           {"sink_ratio_null", "sink_ratio_share_null"}};
    static double weights[LARGEST], shares[LARGEST];
    const char *path = scratch_path(state, "run/analysis.h5");
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        size_t count = read_variable(path, names[n][0], weights);
        assert_int_equal(read_variable(path, names[n][1], shares), count);
        for (size_t i = 0; i < count; i++)
            assert_number(names[n][1], shares[i], weights[i], 1e-6 * fabs(weights[i]));
    }
}

static void an_untrained_model_stands_at_the_null(void **state) {
    static double value[LARGEST], null[LARGEST];
    const char *path = scratch_path(state, "run/analysis.h5");
    read_variable(path, "importance", value);
    read_variable(path, "importance_null", null);
    for (int k = 0; k < LENGTH; k++)
        assert_number("importance at step 0", value[k], null[k], 0.02 * null[k]);
    read_variable(path, "attention_entropy", value);
    assert_number("entropy at step 0", value[0], 1, 1e-3);
    read_variable(path, "probe_loss", value);
    read_variable(path, "probe_loss_final", null);
    assert_true(null[0] < value[0]);
    assert_number("probe_loss_final", null[0], value[STEPS - 1], 1e-12);
    read_variable(path, "frame_share", value);
    for (int i = 0; i < STEPS * LAYERS; i++) {
        double sum = 0;
        for (int type = 0; type < FRAME_TYPES; type++)
            sum += value[i * FRAME_TYPES + type];
        assert_number("frame shares", sum, 1, 1e-12);
    }
}

/* ---- Threads, again, stop, damage ------------------------------------------------------------ */

static void assert_same_bytes(const char *first, const char *second) {
    size_t size = scratch_size(first);
    assert_int_equal(size, scratch_size(second));
    unsigned char *bytes[2] = {malloc(size), malloc(size)};
    const char *const paths[2] = {first, second};
    for (int i = 0; i < 2; i++) {
        FILE *file = fopen(paths[i], "rb");
        assert_non_null(file);
        assert_int_equal(fread(bytes[i], 1, size, file), size);
        fclose(file);
    }
    int differ = memcmp(bytes[0], bytes[1], size);
    free(bytes[0]);
    free(bytes[1]);
    if (differ != 0)
        fail_msg("%s and %s differ", first, second);
}

static void threads_do_not_change_a_byte(void **state) {
    Error error;
    const char *path = scratch_path(state, "run/analysis.h5");
    const char *kept = scratch_path(state, "run/one-thread.h5");
    assert_int_equal(rename(path, kept), 0);
    check(analyze(&config, scratch_path(state, "run"), 3, NULL, &error), &error);
    assert_same_bytes(path, kept);
}

static void what_is_done_is_not_done_again(void **state) {
    Error error;
    const char *path = scratch_path(state, "run/analysis.h5");
    struct stat before, after;
    assert_int_equal(stat(path, &before), 0);
    check(analyze(&config, scratch_path(state, "run"), 1, NULL, &error), &error);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}

static void another_option_is_another_analysis(void **state) {
    Error error;
    const char *held;
    Arena arena = arena_create("test");
    static double before[LARGEST], after[LARGEST];
    const char *directory = scratch_path(state, "run");
    const char *path = scratch_path(state, "run/analysis.h5");
    KindChoice only = defaults_kind(&analysis_kinds, "frames");
    FrameOptions options;
    memcpy(&options, only.options.bytes, sizeof options);
    options.draws = 20;
    memcpy(only.options.bytes, &options, sizeof options);
    KindList analyses = {.items = &only, .count = 1};
    const AnalyzeJob job = {.config = &config,
                            .analyses = &analyses,
                            .directory = directory,
                            .experiment_yaml = "",
                            .threads = 1};
    size_t count = read_variable(path, "importance", before);
    check(analyze_run(&job, &error), &error);
    hid_t file;
    check(storage_open(path, &file, &error), &error);
    check(storage_get_text(file, "/", "analysis_frames", &arena, &held, &error), &error);
    storage_close(file);
    if (strstr(held, "draws: 20") == NULL)
        fail_msg("the file holds frames as %s", held);
    assert_int_equal(read_variable(path, "anchor_count_null", after), 1);
    assert_int_equal(read_variable(path, "importance", after), count);
    assert_memory_equal(before, after, sizeof *before * count); /* not asked for, and kept */
    assert_true(analysis_holds(directory, &analyses));
    check(analyze(&config, directory, 1, NULL, &error), &error);
    assert_false(analysis_holds(directory, &analyses));
    assert_int_equal(read_variable(path, "probe_loss", after), STEPS);
    arena_destroy(&arena);
}

static void a_stop_leaves_nothing_behind(void **state) {
    Error error;
    const volatile sig_atomic_t stop = 1;
    const char *path = scratch_path(state, "run/analysis.h5");
    const char *kept = scratch_path(state, "run/kept.h5");
    assert_int_equal(rename(path, kept), 0);
    Status status = analyze(&config, scratch_path(state, "run"), 1, &stop, &error);
    assert_int_equal(status, STATUS_INTERRUPTED);
    assert_false(scratch_exists(path));
    assert_false(scratch_exists(scratch_path(state, "run/analysis.h5.tmp")));
    assert_int_equal(rename(kept, path), 0);
}

static void damage_and_absence_are_named(void **state) {
    Error error;
    Status status = analyze(&config, scratch_path(state, "nowhere"), 1, NULL, &error);
    assert_int_equal(status, STATUS_FAILED);
    assert_non_null(strstr(error.message, "run.h5"));
    const char *analysis = scratch_path(state, "run/analysis.h5");
    const char *snapshot = scratch_path(state, "run/snapshots/step-00000004.h5");
    assert_int_equal(remove(analysis), 0);
    scratch_truncate(snapshot, scratch_size(snapshot) / 2);
    status = analyze(&config, scratch_path(state, "run"), 2, NULL, &error);
    assert_int_equal(status, STATUS_FAILED);
    if (strstr(error.message, "step-00000004.h5") == NULL)
        fail_msg("the message does not name the snapshot: %s", error.message);
    assert_false(scratch_exists(analysis));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_variable_has_scales_and_texts),
        cmocka_unit_test(everything_that_is_promised_is_there),
        cmocka_unit_test(importance_follows_from_the_maps),
        cmocka_unit_test(shares_of_softmax_rows_are_their_weights),
        cmocka_unit_test(an_untrained_model_stands_at_the_null),
        cmocka_unit_test(threads_do_not_change_a_byte),
        cmocka_unit_test(what_is_done_is_not_done_again),
        cmocka_unit_test(another_option_is_another_analysis),
        cmocka_unit_test(a_stop_leaves_nothing_behind),
        cmocka_unit_test(damage_and_absence_are_named),
    };
    return cmocka_run_group_tests(tests, make_run, scratch_remove);
}
