#include "tests/support/report_case.h"

#include "tests/support/scratch.h"
#include "train/storage.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

enum {
    STEPS = CASE_STEPS,
    LAYERS = CASE_LAYERS,
    SAMPLES = CASE_SAMPLES,
    LENGTH = CASE_LENGTH,
    CELLS = LAYERS * LENGTH * LENGTH,
};

const int64_t case_steps[CASE_STEPS] = {0, 1, 2, 4, 8, 16, 32, 64};

void assert_done(Status status, const Error *error) {
    if (status != STATUS_OK)
        fail_msg("%s", error->message);
}

void assert_contains(const char *text, const char *part) {
    if (strstr(text, part) == NULL)
        fail_msg("does not contain \"%s\":\n%.2000s", part, text);
}

void assert_lacks(const char *text, const char *part) {
    const char *found = strstr(text, part);
    if (found != NULL)
        fail_msg("contains \"%s\": …%.200s", part, found);
}

char *report_case_read(const ReportCase *made, const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", made->directory, name);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail_msg("cannot open %s", path);
    size_t size = scratch_size(path);
    char *text = calloc(1, size + 1);
    if (fread(text, 1, size, file) != size)
        fail_msg("cannot read %s", path);
    fclose(file);
    return text;
}

bool report_case_exists(const ReportCase *made, const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", made->directory, name);
    return scratch_exists(path) && scratch_size(path) > 0;
}

static void write_scale(hid_t file, const char *name, int length, const double *values) {
    Error error;
    double numbers[16];
    for (int i = 0; i < length; i++)
        numbers[i] = values != NULL ? values[i] : i;
    hsize_t shape[1] = {(hsize_t)length};
    assert_done(storage_write(file, name, H5T_NATIVE_DOUBLE, 1, shape, numbers, &error), &error);
    assert_done(storage_make_scale(file, name, &error), &error);
}

/* Values [the axes' lengths]; axes: names parted by spaces. */
static void write_variable(hid_t file, const char *name, const char *axes, const hsize_t *shape,
                           const double *values) {
    Error error;
    char list[128];
    int rank = 0;
    for (const char *c = axes; *c != '\0'; c++)
        rank += c == axes || c[-1] == ' ';
    assert_done(storage_write(file, name, H5T_NATIVE_DOUBLE, rank, shape, values, &error), &error);
    snprintf(list, sizeof list, "%s", axes);
    char *rest = list;
    for (unsigned i = 0; (int)i < rank; i++)
        assert_done(storage_attach_scale(file, name, i, strsep(&rest, " "), &error), &error);
}

/* The made-up importance: rises from 0.1 in layer 1 from step 8 on, by rise; flat in layer 0. */
static double importance_at(int step, int layer, double rise) {
    return 0.1 + (layer == 1 && step >= 4 ? rise : 0);
}

static void write_importance(hid_t file, double rise) {
    double mean[STEPS * LAYERS], low[STEPS * LAYERS], high[STEPS * LAYERS];
    double samples[STEPS * SAMPLES * LAYERS];
    for (int i = 0; i < STEPS; i++)
        for (int l = 0; l < LAYERS; l++) {
            mean[i * LAYERS + l] = importance_at(i, l, rise);
            low[i * LAYERS + l] = mean[i * LAYERS + l] - 0.01;
            high[i * LAYERS + l] = mean[i * LAYERS + l] + 0.01;
            for (int s = 0; s < SAMPLES; s++)
                samples[(i * SAMPLES + s) * LAYERS + l] =
                    mean[i * LAYERS + l] + 0.001 * (s - (SAMPLES - 1) / 2.0);
        }
    const hsize_t shape[] = {STEPS, LAYERS, 1}, sample_shape[] = {STEPS, SAMPLES, LAYERS, 1};
    const double null = 0.52083333333333337; /* H_4 / 4 */
    write_variable(file, "first_importance", "step layer head", shape, mean);
    write_variable(file, "first_importance_low", "step layer head", shape, low);
    write_variable(file, "first_importance_high", "step layer head", shape, high);
    write_variable(file, "samples/first_importance", "step sample layer head", sample_shape,
                   samples);
    write_variable(file, "first_importance_null", "", NULL, &null);
}

static void write_maps(hid_t file) {
    double maps[STEPS * CELLS] = {0};
    for (int i = 0; i < STEPS * LAYERS; i++)
        for (int q = 0; q < LENGTH; q++)
            for (int k = 0; k <= q; k++)
                maps[(i * LENGTH + q) * LENGTH + k] = 1.0 / (q + 1);
    const hsize_t shape[] = {STEPS, LAYERS, 1, LENGTH, LENGTH};
    write_variable(file, "attention_map", "step layer head position key", shape, maps);
    write_variable(file, "attention_map_null", "position key", shape + 3, maps);
}

static void write_frames(hid_t file) {
    double values[STEPS * LAYERS * 2];
    for (int i = 0; i < STEPS * LAYERS * 2; i++)
        values[i] = i == 0 ? NAN : i * 0.25;
    const hsize_t shape[] = {STEPS, LAYERS, 2}, type_shape[] = {STEPS, LAYERS};
    write_variable(file, "fiedler_value", "step layer threshold", shape, values);
    for (int i = 0; i < STEPS * LAYERS; i++)
        values[i] = 1;
    write_variable(file, "frame_type", "step layer", type_shape, values);
}

/* Stable rank of layer 1: not defined at step 2; its null is that of the run's mask. The published
   persistence is 0.5, ours 0.9; degree centralization rises from step 4 on at the threshold 0.05
   alone, and with its samples. */
static void write_other_analyses(hid_t file, double null) {
    double rank[STEPS * LAYERS], ours[STEPS * LAYERS], published[STEPS * LAYERS];
    double degree[STEPS * LAYERS * 2], samples[STEPS * SAMPLES * LAYERS * 2];
    for (int i = 0; i < STEPS * LAYERS; i++) {
        rank[i] = i == 5 ? NAN : 2 + i % 3;
        ours[i] = 0.9;
        published[i] = 0.5;
    }
    for (int i = 0; i < STEPS; i++)
        for (int s = 0; s < SAMPLES; s++)
            for (int c = 0; c < LAYERS * 2; c++) {
                degree[i * LAYERS * 2 + c] = c % 2 == 1 && i >= 3;
                samples[(i * SAMPLES + s) * LAYERS * 2 + c] = c % 2 == 1 && i >= 3;
            }
    const hsize_t head_shape[] = {STEPS, LAYERS, 1}, shape[] = {STEPS, LAYERS};
    const hsize_t degree_shape[] = {STEPS, LAYERS, 2};
    const hsize_t sample_shape[] = {STEPS, SAMPLES, LAYERS, 2};
    write_variable(file, "stable_rank", "step layer head", head_shape, rank);
    write_variable(file, "stable_rank_null", "", NULL, &null);
    write_variable(file, "persistence_0_mean", "step layer", shape, ours);
    write_variable(file, "persistence_0_mean_published", "step layer", shape, published);
    write_variable(file, "degree_centralization", "step layer threshold", degree_shape, degree);
    write_variable(file, "samples/degree_centralization", "step sample layer threshold",
                   sample_shape, samples);
}

static hid_t open_analysis(const char *run_directory) {
    char path[4200];
    snprintf(path, sizeof path, "%s/analysis.h5", run_directory);
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(file >= 0);
    return file;
}

void report_case_add_analyses(const char *run_directory, double null) {
    hid_t file = open_analysis(run_directory);
    write_other_analyses(file, null);
    H5Fclose(file);
}

void report_case_add_places(const char *run_directory, const char *suffix, double position,
                            double ratio) {
    hid_t file = open_analysis(run_directory);
    char names[2][64];
    snprintf(names[0], sizeof names[0], "sink_position%s", suffix);
    snprintf(names[1], sizeof names[1], "sink_ratio%s", suffix);
    double positions[STEPS * LAYERS], ratios[STEPS * LAYERS];
    const hsize_t shape[] = {STEPS, LAYERS, 1};
    for (int i = 0; i < STEPS * LAYERS; i++) { /* elsewhere before the last step */
        positions[i] = i / LAYERS == STEPS - 1 ? position : 3;
        ratios[i] = ratio;
    }
    write_variable(file, names[0], "step layer head", shape, positions);
    write_variable(file, names[1], "step layer head", shape, ratios);
    H5Fclose(file);
}

/* Each value times factor, in the same or the opposite order. */
static void change_variable(const char *run_directory, const char *variable, double factor,
                            bool reverse) {
    enum { LARGEST = STEPS * SAMPLES * CELLS };
    double old[LARGEST], changed[LARGEST];
    hid_t file = open_analysis(run_directory);
    hid_t dataset = H5Dopen2(file, variable, H5P_DEFAULT);
    assert_true(dataset >= 0);
    hid_t space = H5Dget_space(dataset);
    hssize_t count = H5Sget_simple_extent_npoints(space);
    assert_true(count > 0 && count <= LARGEST);
    assert_true(H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, old) >= 0);
    for (hssize_t i = 0; i < count; i++)
        changed[i] = factor * old[reverse ? count - 1 - i : i];
    assert_true(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, changed) >= 0);
    H5Sclose(space);
    H5Dclose(dataset);
    H5Fclose(file);
}

void report_case_scale(const char *run_directory, const char *variable, double factor) {
    change_variable(run_directory, variable, factor, false);
}

void report_case_reverse(const char *run_directory, const char *variable) {
    change_variable(run_directory, variable, 1, true);
}

void report_case_add_totals(const char *run_directory, double total) {
    hid_t file = open_analysis(run_directory);
    double totals[STEPS * LAYERS];
    const hsize_t shape[] = {STEPS, LAYERS, 1};
    for (int i = 0; i < STEPS * LAYERS; i++)
        totals[i] = total;
    write_variable(file, "attention_total", "step layer head", shape, totals);
    H5Fclose(file);
}

void report_case_add_types(const char *run_directory, double types[CASE_STEPS][CASE_SAMPLES]) {
    hid_t file = open_analysis(run_directory);
    double commonest[STEPS];
    const hsize_t shape[] = {STEPS}, sample_shape[] = {STEPS, SAMPLES};
    for (int i = 0; i < STEPS; i++)
        commonest[i] = types[i][0];
    write_variable(file, "frame_type_model", "step", shape, commonest);
    write_variable(file, "samples/frame_type_model", "step sample", sample_shape, &types[0][0]);
    H5Fclose(file);
}

void report_case_add_correlations(const char *run_directory, const double p[CASE_LAYERS],
                                  const char *undefined) {
    static const char *const names[] = {"likelihood_attention_correlation",
                                        "likelihood_attention_correlation_p"};
    hid_t file = open_analysis(run_directory);
    Error error;
    double values[STEPS * LAYERS], ps[STEPS * LAYERS];
    const hsize_t shape[] = {STEPS, LAYERS};
    for (int i = 0; i < STEPS * LAYERS; i++) {
        values[i] = isnan(p[i % LAYERS]) ? NAN : 0.5;
        ps[i] = p[i % LAYERS];
    }
    write_variable(file, names[0], "step layer", shape, values);
    write_variable(file, names[1], "step layer", shape, ps);
    for (int i = 0; i < 2; i++)
        assert_done(storage_set_text(file, names[i], "undefined", undefined, &error), &error);
    H5Fclose(file);
}

void report_case_two_heads(const char *run_directory, int strong, double rise, double total) {
    enum { HEADS = 2, COUNT = STEPS * LAYERS * HEADS };
    Error error;
    StorageWriter writer;
    double steps[STEPS], importance[COUNT], share[COUNT], totals[COUNT];
    for (int i = 0; i < COUNT; i++) {
        int step = i / (LAYERS * HEADS), layer = i / HEADS % LAYERS;
        steps[step] = (double)case_steps[step];
        importance[i] = i % HEADS == strong ? importance_at(step, layer, rise) : 0.1;
        share[i] = importance[i] / 2;
        totals[i] = total;
    }
    char path[4200];
    snprintf(path, sizeof path, "%s/analysis.h5", run_directory);
    assert_done(storage_create(&writer, path, &error), &error);
    write_scale(writer.file, "step", STEPS, steps);
    write_scale(writer.file, "layer", LAYERS, NULL);
    write_scale(writer.file, "head", HEADS, NULL);
    const hsize_t shape[] = {STEPS, LAYERS, HEADS};
    write_variable(writer.file, "first_importance", "step layer head", shape, importance);
    write_variable(writer.file, "first_importance_share", "step layer head", shape, share);
    write_variable(writer.file, "attention_total", "step layer head", shape, totals);
    assert_done(storage_commit(&writer, &error), &error);
}

static void write_metric(hid_t file, const CaseMetric *metric) {
    double values[STEPS * LAYERS];
    const hsize_t shape[] = {STEPS, LAYERS, 1};
    for (int i = 0; i < STEPS * LAYERS; i++)
        values[i] = metric->layers[metric->whole ? 0 : i % LAYERS];
    write_variable(file, metric->name, metric->whole ? "step" : "step layer head", shape, values);
    char name[128];
    snprintf(name, sizeof name, "%s_null", metric->name);
    if (!isnan(metric->null))
        write_variable(file, name, "", NULL, &metric->null);
}

void report_case_metrics(const char *run_directory, const CaseMetric *metrics, size_t count) {
    Error error;
    StorageWriter writer;
    double steps[STEPS];
    for (int i = 0; i < STEPS; i++)
        steps[i] = (double)case_steps[i];
    char path[4200];
    snprintf(path, sizeof path, "%s/analysis.h5", run_directory);
    assert_done(storage_create(&writer, path, &error), &error);
    write_scale(writer.file, "step", STEPS, steps);
    write_scale(writer.file, "layer", LAYERS, NULL);
    write_scale(writer.file, "head", 1, NULL);
    for (size_t m = 0; m < count; m++)
        write_metric(writer.file, &metrics[m]);
    assert_done(storage_commit(&writer, &error), &error);
}

void report_case_probe(const char *run_directory, int target) {
    static const char *const names[] = {"probe/inputs", "probe/targets"};
    Error error;
    StorageWriter writer;
    const int32_t tokens[] = {0, target};
    const hsize_t shape[] = {1, 1};
    char path[4200];
    snprintf(path, sizeof path, "%s/run.h5", run_directory);
    assert_done(storage_create(&writer, path, &error), &error);
    for (int i = 0; i < 2; i++)
        assert_done(
            storage_write(writer.file, names[i], H5T_NATIVE_INT32, 2, shape, &tokens[i], &error),
            &error);
    assert_done(storage_commit(&writer, &error), &error);
}

static void write_analysis(const char *directory, double rise, bool frames) {
    Error error;
    StorageWriter writer;
    double steps[STEPS];
    const double thresholds[] = {0.01, 0.05};
    for (int i = 0; i < STEPS; i++)
        steps[i] = (double)case_steps[i];
    char path[4096];
    snprintf(path, sizeof path, "%s/analysis.h5", directory);
    assert_done(storage_create(&writer, path, &error), &error);
    write_scale(writer.file, "step", STEPS, steps);
    write_scale(writer.file, "layer", LAYERS, NULL);
    write_scale(writer.file, "head", 1, NULL);
    write_scale(writer.file, "position", LENGTH, NULL);
    write_scale(writer.file, "key", LENGTH, NULL);
    write_scale(writer.file, "sample", SAMPLES, NULL);
    write_scale(writer.file, "threshold", 2, thresholds);
    write_importance(writer.file, rise);
    write_maps(writer.file);
    if (frames)
        write_frames(writer.file);
    assert_done(storage_commit(&writer, &error), &error);
}

static void write_log(const char *directory) {
    Error error;
    StorageWriter writer;
    enum { LOGGED = 64 };
    float steps[LOGGED], losses[LOGGED];
    for (int i = 0; i < LOGGED; i++) {
        steps[i] = (float)(i + 1);
        losses[i] = 4 / (float)(i + 1);
    }
    char path[4096];
    const hsize_t shape[1] = {LOGGED};
    snprintf(path, sizeof path, "%s/run.h5", directory);
    assert_done(storage_create(&writer, path, &error), &error);
    assert_done(storage_write(writer.file, "log/step", H5T_NATIVE_FLOAT, 1, shape, steps, &error),
                &error);
    assert_done(storage_write(writer.file, "log/loss", H5T_NATIVE_FLOAT, 1, shape, losses, &error),
                &error);
    const int32_t inputs[SAMPLES * LENGTH] = {0};
    const hsize_t probe_shape[] = {SAMPLES, LENGTH};
    assert_done(storage_write(writer.file, "probe/inputs", H5T_NATIVE_INT32, 2, probe_shape, inputs,
                              &error),
                &error);
    assert_done(storage_set_text(writer.file, "/", "host_cpu", "A <CPU> & more", &error), &error);
    assert_done(storage_commit(&writer, &error), &error);
}

static const char *const key = "model.position";
static const bool given = true;
static const char *const values[CASE_RUNS] = {"rope, \"new\"", "rope, \"new\"", "nope", "nope",
                                              "nope"};
static const char *const names[CASE_RUNS] = {"p=rope,seed=1", "p=rope,seed=2", "p=nope,seed=1",
                                             "p=nope,seed=2", "p=nope,seed=3"};

void report_case_create(void *const *state, bool frames, ReportCase *made) {
    const char *directory = scratch_path(state, "experiment");
    snprintf(made->directory, sizeof made->directory, "%s", directory);
    mkdir(directory, 0777);
    for (int r = 0; r < CASE_RUNS; r++) {
        snprintf(made->run_directories[r], sizeof made->run_directories[r], "%s/%s", directory,
                 names[r]);
        mkdir(made->run_directories[r], 0777);
        write_log(made->run_directories[r]);
        if (r < 4) /* rope: 0.4 and 0.6; nope does not rise */
            write_analysis(made->run_directories[r], r < 2 ? 0.3 + 0.2 * r : 0, frames);
        made->runs[r] = (ReportRun){
            .name = names[r],
            .directory = made->run_directories[r],
            .seed = r < 2 ? r + 1 : r - 1,
            .swept_values = &values[r],
            .given = &given,
            .status = r == 4 ? "failed" : "done",
            .failure = r == 4 ? "loss is NaN <at> step 7" : "",
        };
    }
    made->job = (ReportJob){.experiment = "test",
                            .description = "Is <b> escaped?",
                            .directory = made->directory,
                            .swept_keys = &key,
                            .swept_count = 1,
                            .runs = made->runs,
                            .run_count = CASE_RUNS,
                            .experiment_yaml = "experiment: test # <tag>\n"};
}
