/* The pass over one run: its snapshots in order, each snapshot's samples in parallel. */
#include "analysis/analysis.h"

#include "analysis/emergence.h"
#include "analysis/kept.h"
#include "analysis/pass.h"
#include "analysis/selection.h"
#include "model/base/log.h"
#include "model/base/sha256.h"
#include "model/base/threads.h"
#include "train/run_model.h"
#include "train/storage.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Samples are dealt to this many lanes; threads take lanes, and what is summed over samples is
   summed within a lane and then over lanes, always in the same order. */
enum { SAMPLE_LANES = 16 };

/* Raised whenever the same analyses of the same snapshots would give other numbers. */
enum { ANALYSIS_VERSION = 6 };

/* What run.h5 says: steps and hashes [count]. */
typedef struct SavedSteps {
    size_t count;
    int64_t *steps;
    const char **hashes;
} SavedSteps;

typedef struct Pass {
    const AnalyzeJob *job;
    Arena *arena;
    RunModel *run;
    AnalysisContext context;
    SavedSteps saved;
    char identity[65]; /* of all that the numbers depend on, but for the analyses */
    AnalysisFate fates[KIND_LIST_LARGEST];
    size_t fate_count;
    Kept kept;
    bool maps_kept;            /* attention_map is taken over */
    Measurement *measurements; /* those over samples */
    size_t measurement_count;
    const AnalysisKind *over_steps[KIND_LIST_LARGEST];
    size_t over_steps_count;
    Axis step;
    OutputList outputs;
    Output *maps; /* attention_map */
    Bootstrap bootstrap;
    int threads, lanes;
    AnalysisScratch *scratch; /* [threads] */
    Capture **captures;       /* [threads] */
    float *parameters;
    double *lane_maps; /* [lanes][layers][heads][T][T]; the first becomes the mean */
    size_t map_values; /* layers · heads · T · T */
} Pass;

/* ---- What is there --------------------------------------------------------------------------- */

static Status read_saved(hid_t file, Pass *pass, Error *error) {
    int rank;
    hsize_t shape[8];
    size_t hashes;
    SavedSteps *saved = &pass->saved;
    TRY(storage_shape(file, "/step", &rank, shape, error));
    saved->count = (size_t)shape[0];
    if (saved->count == 0)
        return error_set(error, STATUS_FAILED, "holds no snapshot yet; train the run first");
    saved->steps = ARENA_ARRAY(pass->arena, int64_t, saved->count);
    TRY(storage_read(file, "/step", H5T_NATIVE_INT64, saved->count, saved->steps, error));
    TRY(storage_read_strings(file, "/parameters_sha256", pass->arena, &saved->hashes, &hashes,
                             error));
    if (hashes != saved->count)
        return error_set(error, STATUS_FAILED,
                         "holds %zu steps but %zu hashes; remove it and train again", saved->count,
                         hashes);
    return STATUS_OK;
}

static Status read_run(Pass *pass, Error *error) {
    const char *path = arena_format(pass->arena, "%s/run.h5", pass->job->directory);
    hid_t file = 0;
    TRY(storage_open(path, &file, error));
    Status status = read_saved(file, pass, error);
    storage_close(file);
    return status == STATUS_OK ? STATUS_OK : error_context(error, status, "%s", path);
}

/* A hash of all that the numbers depend on, but for the analyses and their options. */
static void identify(Pass *pass) {
    const Probe *probe = &pass->run->probe;
    size_t bytes = sizeof(int32_t) * (size_t)probe->samples * (size_t)probe->length;
    Sha256 hash = sha256_begin();
    const char *head =
        arena_format(pass->arena, "%d %" PRIu64 "\n", ANALYSIS_VERSION, pass->context.seed);
    sha256_add(&hash, head, strlen(head));
    sha256_add(&hash, probe->inputs, bytes);
    sha256_add(&hash, probe->targets, bytes);
    for (size_t i = 0; i < pass->saved.count; i++) {
        const char *line = arena_format(pass->arena, "%" PRId64 " %s\n", pass->saved.steps[i],
                                        pass->saved.hashes[i]);
        sha256_add(&hash, line, strlen(line));
    }
    sha256_end(&hash, pass->identity);
}

static bool is_asked_for(const Pass *pass, const Kind *kind) {
    for (size_t i = 0; i < pass->fate_count; i++)
        if (&pass->fates[i].kind->kind == kind)
            return true;
    return false;
}

/* What is asked for, and what the file holds besides. */
static Status list_fates(Pass *pass, Error *error) {
    const KindList *analyses = pass->job->analyses;
    for (size_t i = 0; i < analyses->count; i++) {
        const KindChoice *choice = analyses->items + i;
        if (is_asked_for(pass, choice->kind))
            return error_set(error, STATUS_BAD_INPUT, "the analysis %s is asked for twice",
                             choice->kind->name);
        pass->fates[pass->fate_count++] = (AnalysisFate){
            .kind = (const AnalysisKind *)(const void *)choice->kind,
            .options = &choice->options,
            .asked = analysis_describe(choice, pass->arena),
            .held = kept_description(pass->kept.file, choice->kind->name, pass->arena)};
    }
    for (size_t i = 0; i < analysis_kinds.count; i++) {
        const Kind *kind = analysis_kinds.kinds[i];
        const char *held = kept_description(pass->kept.file, kind->name, pass->arena);
        if (held != NULL && !is_asked_for(pass, kind))
            pass->fates[pass->fate_count++] =
                (AnalysisFate){.kind = (const AnalysisKind *)(const void *)kind, .held = held};
    }
    return STATUS_OK;
}

/* Looks at the analysis.h5 that is there and decides what is to be done. */
static Status decide(Pass *pass, const char *path, Error *error) {
    Error damage = {.message = ""};
    Status status = kept_open(path, pass->identity, pass->arena, &pass->kept, &damage);
    if (status != STATUS_OK && pass->job->only)
        return error_set(error, status, "%s", damage.message);
    const char *advice = strstr(damage.message, "; remove it");
    if (status != STATUS_OK)
        log_line(LOG_WARNING, "%.*s; all of it is made anew",
                 (int)(advice == NULL ? strlen(damage.message) : (size_t)(advice - damage.message)),
                 damage.message);
    if (pass->kept.other)
        log_line(LOG_WARNING,
                 "%s is of other snapshots, or by another version of the program: it is made anew, "
                 "with %s alone",
                 path, pass->job->only ? "what is named" : "the file's analyses");
    TRY(list_fates(pass, error));
    analyses_decide(pass->fates, pass->fate_count, pass->job->only);
    pass->maps_kept = pass->kept.file > 0;
    return STATUS_OK;
}

/* Two neighbours with the same parameters: published series have silently repeated one set. */
static void report_repeats(const Pass *pass) {
    const SavedSteps *saved = &pass->saved;
    for (size_t i = 1; i < saved->count; i++)
        if (strcmp(saved->hashes[i - 1], saved->hashes[i]) == 0)
            log_line(LOG_WARNING, "%s: steps %" PRId64 " and %" PRId64 " hold the same parameters",
                     pass->job->directory, saved->steps[i - 1], saved->steps[i]);
}

/* ---- Making ready ---------------------------------------------------------------------------- */

static const Axis *make_axis(Pass *pass, const char *name, int length, const char *long_name,
                             bool large) {
    Axis *axis = ARENA_ARRAY(pass->arena, Axis, 1);
    *axis = (Axis){
        .name = name, .length = length, .long_name = long_name, .units = "1", .large = large};
    return axis;
}

static void make_axes(Pass *pass) {
    AnalysisContext *context = &pass->context;
    int length = context->length;
    context->sample = make_axis(pass, "sample", context->samples, "probe sequence", false);
    context->layer = make_axis(pass, "layer", context->layers, "layer, from 0", false);
    context->head = make_axis(pass, "head", context->heads, "attention head, from 0", false);
    context->position = make_axis(pass, "position", length, "position of a key, from 0", true);
    context->query = make_axis(pass, "query", length, "position of a query, from 0", true);
    context->key = make_axis(pass, "key", length, "position of a key, from 0", true);
    context->residual =
        make_axis(pass, "layer_boundary", context->layers + 1,
                  "residual stream entering that layer; the last: leaving the model", false);
    Axis *token = ARENA_ARRAY(pass->arena, Axis, 1);
    *token = (Axis){.name = "token",
                    .length = context->probe->vocabulary,
                    .labels = context->probe->token_names,
                    .long_name = "token of the vocabulary",
                    .units = "1",
                    .large = true};
    context->token = token;
    double *steps = ARENA_ARRAY(pass->arena, double, pass->saved.count);
    for (size_t i = 0; i < pass->saved.count; i++)
        steps[i] = (double)pass->saved.steps[i];
    pass->step = (Axis){.name = "step",
                        .length = (int)pass->saved.count,
                        .values = steps,
                        .long_name = "finished training steps",
                        .units = "1"};
    pass->outputs.step = &pass->step;
}

static void make_context(Pass *pass) {
    RunModel *run = pass->run;
    pass->context = (AnalysisContext){
        .model = run->model,
        .config = &run->config,
        .probe = &run->probe,
        .bos = run->probe.bos,
        .layers = (int)run->config.model.layers,
        .heads = (int)run->config.model.heads,
        .width = (int)run->config.model.width,
        .length = run->probe.length,
        .samples = run->probe.samples,
        .seed = (uint64_t)run->config.seed,
        .visibility = visibility_create(&run->config.model, run->probe.length, pass->arena),
        .arena = pass->arena,
    };
    make_axes(pass);
}

/* attention_map [step][layer][head][query][key], what the report draws, and uniform attention under
   the same mask, which also tells what is visible. */
static void make_maps(Pass *pass) {
    const AnalysisContext *context = &pass->context;
    const Variable maps = {
        .name = "attention_map",
        .rank = 4,
        .axes = {context->layer, context->head, context->query, context->key},
        .long_name = "attention map, mean over the probe",
        .units = "1",
        .source = "Fiducial",
        .single_precision = true,
    };
    const Variable null = {
        .name = "attention_map_null",
        .rank = 2,
        .axes = {context->query, context->key},
        .long_name = "attention map, of uniform attention under the same mask",
        .units = "1",
        .source = "Fiducial",
        .single_precision = true,
    };
    pass->maps = output_add(&pass->outputs, output_like(&maps, &pass->step, NULL));
    uniform_map(context->visibility,
                output_add(&pass->outputs, output_like(&null, NULL, NULL))->values);
}

/* From output `first` on they are of that analysis. */
static void name_outputs(const OutputList *outputs, size_t first, const AnalysisKind *kind) {
    for (size_t i = first; i < outputs->count; i++)
        outputs->items[i]->analysis = kind->kind.name;
}

static Status declare(Pass *pass, const AnalysisFate *fate, Error *error) {
    Measurement *measurement = pass->measurements + pass->measurement_count++;
    size_t first = pass->outputs.count;
    measurement->kind = fate->kind;
    measurement->options = fate->options;
    TRY(fate->kind->declare(measurement->options, &pass->context, &measurement->variables,
                            &measurement->state, error));
    measurement_outputs(measurement, &pass->context, &pass->outputs);
    name_outputs(&pass->outputs, first, fate->kind);
    measurement->rows = ARENA_ARRAY(
        pass->arena, double, (size_t)pass->context.samples * measurement->variables.sample_values);
    return STATUS_OK;
}

static Status declare_all(Pass *pass, Error *error) {
    pass->measurements = ARENA_ARRAY(pass->arena, Measurement, pass->fate_count);
    for (size_t i = 0; i < pass->fate_count; i++) {
        const AnalysisFate *fate = pass->fates + i;
        if (fate->compute && fate->kind->over_steps != NULL)
            pass->over_steps[pass->over_steps_count++] = fate->kind;
        else if (fate->compute)
            TRY(declare(pass, fate, error));
    }
    return STATUS_OK;
}

static bool any_needs_gradient(const Pass *pass) {
    for (size_t m = 0; m < pass->measurement_count; m++)
        if (pass->measurements[m].kind->needs_gradient)
            return true;
    return false;
}

/* What one thread works with. */
static Status make_scratch(Pass *pass, AnalysisScratch *scratch, Error *error) {
    const AnalysisContext *context = &pass->context;
    bool backward = any_needs_gradient(pass);
    size_t total = model_parameters(context->model)->total;
    scratch->arena = ARENA_ARRAY(pass->arena, Arena, 1);
    *scratch->arena = arena_create("the analysis of one sample");
    TRY(workspace_create(context->model, 1, context->length, backward, pass->arena,
                         &scratch->workspace, error));
    if (backward) {
        TRY(arena_reserve(pass->arena, sizeof(float) * total + 64, error));
        scratch->gradient = ARENA_ARRAY(pass->arena, float, total);
    }
    scratch->capture = capture_create(context->model, context->length, pass->arena);
    return STATUS_OK;
}

static Status make_threads(Pass *pass, Error *error) {
    const AnalysisContext *context = &pass->context;
    size_t length = (size_t)context->length;
    pass->map_values = (size_t)(context->layers * context->heads) * length * length;
    pass->lanes = context->samples < SAMPLE_LANES ? context->samples : SAMPLE_LANES;
    pass->threads = pass->job->threads > 0 ? pass->job->threads : threads_available();
    pass->threads = pass->threads < pass->lanes ? pass->threads : pass->lanes;
    size_t threads = (size_t)pass->threads;
    size_t lane_bytes = sizeof(double) * (size_t)pass->lanes * pass->map_values;
    TRY(arena_reserve(pass->arena, lane_bytes + 64, error));
    pass->lane_maps = ARENA_ARRAY(pass->arena, double, (size_t)pass->lanes * pass->map_values);
    pass->parameters = ARENA_ARRAY(pass->arena, float, model_parameters(context->model)->total);
    pass->scratch = ARENA_ARRAY(pass->arena, AnalysisScratch, threads);
    pass->captures = ARENA_ARRAY(pass->arena, Capture *, threads);
    for (size_t thread = 0; thread < threads; thread++) {
        TRY(make_scratch(pass, pass->scratch + thread, error));
        pass->captures[thread] = capture_create(context->model, context->length, pass->arena);
    }
    return STATUS_OK;
}

static Status make_ready(Pass *pass, Error *error) {
    if (!pass->maps_kept)
        make_maps(pass);
    TRY(declare_all(pass, error));
    TRY(make_threads(pass, error));
    pass->bootstrap = bootstrap_create(pass->context.seed, pass->context.samples,
                                       BOOTSTRAP_RESAMPLES, pass->arena);
    for (size_t m = 0; m < pass->measurement_count; m++)
        measurement_fill_run(pass->measurements + m, &pass->context);
    return STATUS_OK;
}

/* ---- One snapshot ---------------------------------------------------------------------------- */

static void analyze_sample(Pass *pass, int sample, double *lane_map) {
    const AnalysisContext *context = &pass->context;
    int thread = threads_index();
    AnalysisScratch *scratch = pass->scratch + thread;
    Capture *capture = pass->captures[thread];
    size_t first = (size_t)sample * (size_t)context->length;
    const Probe *probe = context->probe;
    capture_fill(capture, context->model, context->parameters, probe->inputs + first,
                 probe->targets + first, probe->has_copies ? probe->copied + first : NULL,
                 scratch->workspace);
    for (size_t i = 0; i < pass->map_values; i++)
        lane_map[i] += capture->weights[i];
    for (size_t m = 0; m < pass->measurement_count; m++) {
        const Measurement *measurement = pass->measurements + m;
        size_t values = measurement->variables.sample_values;
        double *row = measurement->rows + (size_t)sample * values;
        for (size_t i = 0; i < values; i++)
            row[i] = NAN;
        measurement->kind->sample(context, measurement->state, capture, sample, scratch, row);
        arena_destroy(scratch->arena);
    }
}

static void analyze_samples(Pass *pass) {
    memset(pass->lane_maps, 0, sizeof(double) * (size_t)pass->lanes * pass->map_values);
#pragma omp parallel for num_threads(pass->threads) schedule(dynamic)
    for (int lane = 0; lane < pass->lanes; lane++)
        for (int sample = lane; sample < pass->context.samples; sample += pass->lanes)
            analyze_sample(pass, sample, pass->lane_maps + (size_t)lane * pass->map_values);
    double *mean = pass->lane_maps;
    for (int lane = 1; lane < pass->lanes; lane++)
        for (size_t i = 0; i < pass->map_values; i++)
            mean[i] += pass->lane_maps[(size_t)lane * pass->map_values + i];
    for (size_t i = 0; i < pass->map_values; i++)
        mean[i] /= pass->context.samples;
}

static void reduce_measurement(Pass *pass, const Measurement *measurement) {
    const VariableList *variables = &measurement->variables;
    AnalysisScratch *scratch = pass->scratch;
    const ProbeView view = {.rows = measurement->rows,
                            .row_values = variables->sample_values,
                            .mean_maps = pass->lane_maps};
    double *probe_row = ARENA_ARRAY(scratch->arena, double, variables->probe_values);
    for (size_t i = 0; i < variables->probe_values; i++)
        probe_row[i] = NAN;
    if (measurement->kind->probe != NULL)
        measurement->kind->probe(&pass->context, measurement->state, &view, scratch, probe_row);
    measurement_reduce(measurement, &pass->context, &pass->bootstrap, probe_row, pass->threads);
    arena_destroy(scratch->arena);
}

static Status analyze_snapshot(Pass *pass, size_t snapshot, Error *error) {
    TRY(snapshot_read(pass->job->directory, pass->saved.steps[snapshot],
                      model_parameters(pass->context.model), pass->parameters, error));
    pass->context.parameters = pass->parameters;
    analyze_samples(pass);
    for (size_t m = 0; m < pass->measurement_count; m++)
        reduce_measurement(pass, pass->measurements + m);
    if (!pass->maps_kept)
        memcpy(pass->maps->values, pass->lane_maps, sizeof(double) * pass->map_values);
    return outputs_write_step(&pass->outputs, snapshot, error);
}

static Status analyze_snapshots(Pass *pass, Error *error) {
    const AnalyzeJob *job = pass->job;
    for (size_t snapshot = 0; snapshot < pass->saved.count; snapshot++) {
        if (job->stop != NULL && *job->stop)
            return error_set(error, STATUS_INTERRUPTED,
                             "%s: the analysis was stopped; nothing was written", job->directory);
        TRY(analyze_snapshot(pass, snapshot, error));
        if (job->progress != NULL)
            job->progress(job->progress_context, (int)snapshot + 1, (int)pass->saved.count);
    }
    return STATUS_OK;
}

/* What is made from the whole course of the others: of those that are new and those that are
   kept. */
static Status analyze_course(Pass *pass, Error *error) {
    const OverSteps over_steps = {.context = &pass->context,
                                  .step = &pass->step,
                                  .bootstrap = &pass->bootstrap,
                                  .outputs = &pass->outputs,
                                  .threads = pass->threads};
    if (pass->over_steps_count == 0)
        return STATUS_OK;
    TRY(kept_add_samples(&pass->kept, pass->fates, pass->fate_count, &pass->outputs, error));
    for (size_t i = 0; i < pass->over_steps_count; i++) {
        size_t first = pass->outputs.count;
        TRY(pass->over_steps[i]->over_steps(&over_steps, error));
        name_outputs(&pass->outputs, first, pass->over_steps[i]);
    }
    return STATUS_OK;
}

/* ---- The whole ------------------------------------------------------------------------------- */

/* The root's texts, with one for each analysis that the file holds. */
static size_t root_texts(const Pass *pass, OutputText *texts) {
    const char *yaml = pass->job->experiment_yaml;
    char yaml_hash[65];
    sha256_of(yaml, strlen(yaml), yaml_hash);
    size_t count = 0;
    texts[count++] = (OutputText){"title", "Fiducial: analysis of one run"};
    texts[count++] = (OutputText){"experiment_yaml", yaml};
    texts[count++] = (OutputText){"experiment_yaml_sha256", arena_string(pass->arena, yaml_hash)};
    texts[count++] =
        (OutputText){"analyses", analyses_describe(pass->fates, pass->fate_count, pass->arena)};
    texts[count++] = (OutputText){"analysis_identity", pass->identity};
    texts[count++] =
        (OutputText){"seed", arena_format(pass->arena, "%" PRIu64, pass->context.seed)};
    for (size_t i = 0; i < pass->fate_count; i++) {
        const AnalysisFate *fate = pass->fates + i;
        const char *name = arena_format(pass->arena, "analysis_%s", fate->kind->kind.name);
        if (fate->compute || fate->keep)
            texts[count++] = (OutputText){name, analyses_describe(pass->fates + i, 1, pass->arena)};
    }
    return count;
}

static Status finish(Pass *pass, Error *error) {
    enum { TEXTS = 6 };
    OutputText *texts = ARENA_ARRAY(pass->arena, OutputText, TEXTS + pass->fate_count);
    const OutputLabels hashes = {.name = "parameters_sha256",
                                 .long_name = "SHA-256 of the snapshot's parameters",
                                 .axis = &pass->step,
                                 .texts = pass->saved.hashes};
    const OutputEnd end = {
        .labels = &hashes, .label_count = 1, .texts = texts, .text_count = root_texts(pass, texts)};
    return outputs_finish(&pass->outputs, &end, error);
}

/* The snapshots are looked at only where something is measured on them. */
static Status measure(Pass *pass, const char *path, Error *error) {
    report_repeats(pass);
    TRY(make_ready(pass, error));
    pass->outputs.taken_over = pass->kept.bytes;
    TRY(outputs_begin(&pass->outputs, path, error));
    TRY(kept_copy(&pass->kept, pass->fates, pass->fate_count, pass->maps_kept,
                  pass->outputs.writer.file, error));
    if (pass->measurement_count > 0 || !pass->maps_kept)
        TRY(analyze_snapshots(pass, error));
    else if (pass->job->progress != NULL)
        pass->job->progress(pass->job->progress_context, (int)pass->saved.count,
                            (int)pass->saved.count);
    TRY(analyze_course(pass, error));
    return finish(pass, error);
}

static Status pass_run(Pass *pass, Error *error) {
    const AnalyzeJob *job = pass->job;
    const char *path = arena_format(pass->arena, "%s/analysis.h5", job->directory);
    TRY(run_model_read(job->config, job->directory, pass->arena, &pass->run, error));
    TRY(read_run(pass, error));
    make_context(pass);
    identify(pass);
    TRY(decide(pass, path, error));
    bool nothing =
        pass->kept.file > 0 && !analyses_any_computed(pass->fates, pass->fate_count, false);
    return nothing ? STATUS_OK : measure(pass, path, error);
}

Status analyze_run(const AnalyzeJob *job, Error *error) {
    Arena arena = arena_create("the analysis of a run");
    Pass pass = {.job = job, .arena = &arena, .outputs = {.arena = &arena}};
    Status status = pass_run(&pass, error);
    outputs_abandon(&pass.outputs);
    for (int thread = 0; pass.scratch != NULL && thread < pass.threads; thread++)
        if (pass.scratch[thread].arena != NULL)
            arena_destroy(pass.scratch[thread].arena);
    kept_close(&pass.kept);
    arena_destroy(&arena);
    return status;
}

/* ---- Beforehand ------------------------------------------------------------------------------ */

/* Adds what emergence makes of the variables with values by sample. */
static void add_emergence(const OutputList *outputs, OutputSize *size) {
    for (size_t i = 0; i < outputs->count; i++) {
        const Variable *variable = outputs->items[i]->variable;
        if (variable == NULL || variable->form != VARIABLE_SAMPLE_MEAN)
            continue;
        size->datasets += EMERGENCE_OUTPUTS;
        size->values += EMERGENCE_OUTPUTS * (double)sizeof(double) * (double)variable->count;
    }
}

Status analyze_bytes(RunModel *run, const KindList *analyses, int64_t steps, double *bytes,
                     Error *error) {
    Arena arena = arena_create("the size of an analysis");
    const AnalyzeJob job = {.config = &run->config, .analyses = analyses};
    Pass pass = {.job = &job, .arena = &arena, .run = run, .outputs = {.arena = &arena}};
    pass.saved.count = (size_t)steps;
    pass.saved.steps = ARENA_ARRAY(&arena, int64_t, pass.saved.count);
    make_context(&pass);
    make_maps(&pass);
    Status status = list_fates(&pass, error);
    analyses_decide(pass.fates, pass.fate_count, false);
    if (status == STATUS_OK)
        status = declare_all(&pass, error);
    OutputSize size = outputs_size(&pass.outputs);
    if (pass.over_steps_count > 0)
        add_emergence(&pass.outputs, &size);
    *bytes = output_file_bytes(size);
    arena_destroy(&arena);
    return status;
}
