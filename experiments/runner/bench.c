#include "experiments/runner/bench.h"

#include "experiments/runner/schema_read.h"
#include "experiments/runner/yaml_tree.h"
#include "model/base/host.h"
#include "model/math/blas.h"
#include "model/math/kernels.h"
#include "train/snapshot.h"
#include "train/step.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const BenchSize bench_sizes[] = {
    {"tiny", 2, 64, 1, 128, 64, 32, 256},
    {"small", 4, 128, 4, 256, 128, 32, 256},
    {"medium", 6, 384, 6, 1024, 256, 16, 256},
    {"large", 8, 768, 12, 2048, 512, 4, 8192},
};
const int bench_size_count = sizeof bench_sizes / sizeof bench_sizes[0];

enum { TURNS_LARGEST = 1024, TURNS_LEAST = 3, SNAPSHOTS = 3, WARM_UP = 2 /* steps */ };

/* Training steps, or forward passes, that are timed together: at least one. */
static const double slice_seconds = 0.1;

/* Uniform random tokens: drawing them costs as little as a source can. */
static void draw_tokens(const DataSource *source, Split split, Random *random, int count,
                        Stream stream) {
    (void)split;
    for (int t = 0; t < count; t++)
        stream.tokens[t] = (int32_t)random_below(random, (uint32_t)source->tokens);
}

static const SourceKind uniform_source = {.kind = {.name = "uniform"}, .draw = draw_tokens};

typedef struct Bench {
    RunConfig config;
    DataSource source;
    Model *model;
    Stepper stepper;
    float *parameters, *slots;
    Arena *arena;
} Bench;

/* Everything that is not named here keeps its default. */
static Status bench_configure(Bench *bench, const BenchSize *size, Error *error) {
    const Node *root;
    TRY(yaml_parse_value("{experiment: bench}", "fiducial bench", bench->arena, &root, error));
    TRY(schema_read(&run_config_fields, root, &bench->config, bench->arena, error));
    ModelConfig *model = &bench->config.model;
    model->layers = size->layers;
    model->width = size->width;
    model->heads = size->heads;
    model->hidden = size->hidden;
    model->context = size->context;
    model->vocabulary = size->vocabulary;
    bench->config.train.batch = size->batch;
    run_config_resolve(&bench->config);
    return STATUS_OK;
}

static Status bench_create(Bench *bench, const BenchSize *size, int threads, Error *error) {
    TRY(bench_configure(bench, size, error));
    bench->source =
        (DataSource){.kind = &uniform_source, .seed = 1, .tokens = (int)size->vocabulary, .bos = 0};
    TRY(model_create(&bench->config.model, bench->arena, &bench->model, error));
    const ParameterTable *table = model_parameters(bench->model);
    TRY(arena_reserve(bench->arena, 3 * (table->total * sizeof(float) + 64), error));
    bench->parameters = ARENA_ARRAY(bench->arena, float, table->total);
    bench->slots = ARENA_ARRAY(bench->arena, float, 2 * table->total);
    parameters_initialize(table, 1, bench->parameters);
    return stepper_create(&bench->config, bench->model, &bench->source, threads, bench->arena,
                          &bench->stepper, error);
}

static int compare_reals(const void *a, const void *b) {
    const double *first = a, *second = b;
    return (*first > *second) - (*first < *second);
}

static double median(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, compare_reals);
    return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* What one thread count brought in each turn. */
typedef struct Turns {
    double training[TURNS_LARGEST], forward[TURNS_LARGEST]; /* seconds per batch */
    double share[TURNS_LARGEST];   /* of SGEMM on as many cores, in the same turn */
    double scaling[TURNS_LARGEST]; /* over the first thread count, in the same turn */
    int64_t steps;                 /* so far */
} Turns;

/* Steps for about a slice; *seconds per step. */
static Status train_slice(Bench *bench, Turns *turns, double *seconds, Error *error) {
    double begin = host_seconds(), end;
    int64_t first = turns->steps;
    do {
        StepResult ignored;
        TRY(stepper_run(&bench->stepper, ++turns->steps, bench->parameters, bench->slots, &ignored,
                        error));
        end = host_seconds();
    } while (end - begin < slice_seconds);
    *seconds = (end - begin) / (double)(turns->steps - first);
    return STATUS_OK;
}

static double forward_slice(Bench *bench) {
    double begin = host_seconds(), end;
    uint64_t count = 0;
    do {
        lanes_loss(bench->stepper.lanes, bench->parameters, &bench->source, count++);
        end = host_seconds();
    } while (end - begin < slice_seconds);
    return (end - begin) / (double)count;
}

/* The three files of a snapshot, in a folder that is removed again. */
static Status write_files(Bench *bench, const char *directory, double *seconds, Error *error) {
    const ParameterTable *table = model_parameters(bench->model);
    float nothing[1] = {0};
    int32_t token[1] = {0};
    const char *name = "0";
    TrainLog log = {.loss = nothing,
                    .learning_rate = nothing,
                    .gradient_norm = nothing,
                    .tokens_per_second = nothing};
    Probe probe = {.samples = 1,
                   .length = 1,
                   .inputs = token,
                   .targets = token,
                   .token_names = &name,
                   .vocabulary = 1};
    Provenance provenance = {.experiment_yaml = "",
                             .yaml_sha256 = "",
                             .identity = "",
                             .program_version = "",
                             .git_revision = "",
                             .blas_core = "",
                             .host_cpu = "",
                             .start_time = "",
                             .end_time = "",
                             .status = "running",
                             .failure = "",
                             .data_sha256 = ""};
    TrainState state = {.parameters = bench->parameters,
                        .slots = bench->slots,
                        .slot_count = bench->stepper.optimizer->slots,
                        .log = &log,
                        .data_sha256 = ""};
    double begin = host_seconds();
    TRY(snapshot_write(directory, table, bench->parameters, 0, 0, error));
    TRY(run_file_write(directory, table, &state.step, 1, &log, &probe, &provenance, error));
    TRY(checkpoint_write(directory, table, &state, "", error));
    *seconds = host_seconds() - begin;
    return STATUS_OK;
}

static void remove_files(const char *directory, Arena *arena) {
    static const char *const files[] = {"snapshots/step-00000000.h5", "snapshots", "run.h5",
                                        "checkpoint.h5", "checkpoint.previous.h5"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        remove(arena_format(arena, "%s/%s", directory, files[i]));
    rmdir(directory);
}

static Status measure_snapshot(Bench *bench, double *result, Error *error) {
    const char *base = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp";
    char *directory = arena_format(bench->arena, "%s/fiducial-bench-XXXXXX", base);
    if (mkdtemp(directory) == NULL)
        return error_errno(error, STATUS_FAILED, "cannot make a folder below %s", base);
    double samples[SNAPSHOTS];
    Status status = STATUS_OK;
    for (int i = 0; i < SNAPSHOTS && status == STATUS_OK; i++)
        status = write_files(bench, directory, &samples[i], error);
    remove_files(directory, bench->arena);
    if (status == STATUS_OK)
        *result = median(samples, SNAPSHOTS);
    return status;
}

static double needed_flops(const Bench *bench) {
    const RunConfig *config = &bench->config;
    return (double)config->train.batch *
           model_training_flops(bench->model, (int)config->model.context);
}

static Status warm_up(Bench *bench, Turns *turns, Profile *profile, Error *error) {
    StepResult ignored;
    while (turns->steps < WARM_UP)
        TRY(stepper_run(&bench->stepper, ++turns->steps, bench->parameters, bench->slots, &ignored,
                        error));
    stepper_set_profile(&bench->stepper, profile);
    return STATUS_OK;
}

/* Every thread count in turns, and a matrix product before each turn: the machine is shared and its
   speed drifts, so that only what was measured side by side can be compared. */
static Status take_turns(Bench *benches, Turns *turns, const int *threads, int count,
                         double seconds, int *taken, Error *error) {
    double start = host_seconds();
    for (int turn = 0; turn < TURNS_LARGEST; turn++) {
        double sgemm = blas_measure_sgemm(BENCH_SGEMM, 0);
        for (int i = 0; i < count; i++) {
            TRY(train_slice(&benches[i], &turns[i], &turns[i].training[turn], error));
            double rate = 1e-9 * needed_flops(&benches[i]) / turns[i].training[turn];
            turns[i].share[turn] = rate / (sgemm * threads[i]);
            turns[i].scaling[turn] = turns[0].training[turn] / turns[i].training[turn];
        }
        for (int i = 0; i < count; i++)
            turns[i].forward[turn] = forward_slice(&benches[i]);
        *taken = turn + 1;
        if (*taken >= TURNS_LEAST && host_seconds() - start > seconds)
            break;
    }
    return STATUS_OK;
}

static Status conclude(Bench *bench, Turns *turns, int taken, BenchResult *result, Error *error) {
    const RunConfig *config = &bench->config;
    stepper_set_profile(&bench->stepper, NULL);
    for (int part = 0; part < PROFILE_PARTS; part++)
        result->profile.seconds[part] /= (double)(turns->steps - WARM_UP);
    result->turns = taken;
    result->training_flops = needed_flops(bench);
    result->forward_flops = result->training_flops / 3;
    result->tokens = (double)(config->train.batch * config->model.context);
    result->training_seconds = median(turns->training, taken);
    result->forward_seconds = median(turns->forward, taken);
    result->share = median(turns->share, taken);
    result->scaling = median(turns->scaling, taken);
    result->memory = (double)bench->arena->allocated;
    return measure_snapshot(bench, &result->snapshot_seconds, error);
}

static Status bench_all(const BenchSize *size, const int *threads, int count, double seconds,
                        bool profiled, Arena *arenas, BenchResult *results, Error *error) {
    Bench benches[BENCH_THREAD_COUNTS];
    Turns *turns = ARENA_ARRAY(&arenas[0], Turns, (size_t)count);
    int taken = 0;
    for (int i = 0; i < count; i++) {
        benches[i] = (Bench){.arena = &arenas[i]};
        turns[i].steps = 0;
        results[i] = (BenchResult){0};
        TRY(bench_create(&benches[i], size, threads[i], error));
        TRY(warm_up(&benches[i], &turns[i], profiled ? &results[i].profile : NULL, error));
    }
    TRY(take_turns(benches, turns, threads, count, seconds, &taken, error));
    for (int i = 0; i < count; i++)
        TRY(conclude(&benches[i], &turns[i], taken, &results[i], error));
    return STATUS_OK;
}

Status bench_run(const BenchSize *size, const int *threads, int count, double seconds,
                 bool profiled, BenchResult *results, Error *error) {
    Arena arenas[BENCH_THREAD_COUNTS];
    for (int i = 0; i < count; i++)
        arenas[i] = arena_create("the benchmark");
    Status status = bench_all(size, threads, count, seconds, profiled, arenas, results, error);
    for (int i = 0; i < count; i++)
        arena_destroy(&arenas[i]);
    return status;
}

double bench_fused_peak(double seconds) {
    static const long rounds = 1000000;
    double best = 0, start = host_seconds();
    do {
        double begin = host_seconds();
        float sum = kernels()->fused_multiply_add(rounds);
        double taken = host_seconds() - begin;
        double rate = 1e-9 * (double)rounds * kernels()->fused_operations / taken;
        if (rate > best && sum > 0) /* the sum is used, so that it is computed */
            best = rate;
    } while (host_seconds() - start < seconds);
    return best;
}
