#include "train/loop.h"

#include "model/base/host.h"
#include "model/base/log.h"
#include "model/base/sha256.h"
#include "model/math/blas.h"
#include "model/model.h"
#include "train/run_model.h"
#include "train/run_status.h"
#include "train/step.h"

#include <string.h>
#include <unistd.h>

/* Everything one training run owns, in its arena. */
typedef struct TrainRun {
    const TrainJob *job;
    RunModel *run; /* configuration, source, model, probe */
    Stepper stepper;
    TrainLog log;
    TrainState state;
    Provenance provenance;
    int64_t *saved; /* every step that is saved, in order */
    size_t saved_count;
    bool told_missing; /* the log says already that a snapshot is missing */
    char yaml_sha256[65], host_cpu[128], start_time[32], end_time[32];
    double started, last_checkpoint; /* host_seconds */
    Arena *arena;
} TrainRun;

static Status log_create(TrainLog *log, size_t steps, Arena *arena, Error *error) {
    TRY(arena_reserve(arena, 4 * (steps * sizeof(float) + 64), error));
    *log = (TrainLog){.capacity = (int64_t)steps,
                      .loss = ARENA_ARRAY(arena, float, steps),
                      .learning_rate = ARENA_ARRAY(arena, float, steps),
                      .gradient_norm = ARENA_ARRAY(arena, float, steps),
                      .tokens_per_second = ARENA_ARRAY(arena, float, steps)};
    return STATUS_OK;
}

static void describe(TrainRun *train) {
    const TrainJob *job = train->job;
    sha256_of(job->experiment_yaml, strlen(job->experiment_yaml), train->yaml_sha256);
    host_cpu_name(train->host_cpu);
    host_time(train->start_time);
    train->provenance = (Provenance){
        .experiment_yaml = job->experiment_yaml,
        .yaml_sha256 = train->yaml_sha256,
        .identity = job->identity,
        .program_version = job->program_version,
        .git_revision = job->git_revision,
        .blas_core = blas_core_name(),
        .host_cpu = train->host_cpu,
        .start_time = train->start_time,
        .end_time = "",
        .status = "running",
        .failure = "",
        .data_sha256 = train->run->source.fingerprint,
        .threads = job->threads,
        .seed = job->config->seed,
    };
}

static Status create(TrainRun *train, Error *error) {
    const RunConfig *config = train->job->config;
    Arena *arena = train->arena;
    const char *culprit = "data";
    TRY(run_model_open(config, train->job->base_directory, arena, &train->run, &culprit, error));
    const Model *model = train->run->model;
    size_t total = model_parameters(model)->total;
    TRY(stepper_create(config, model, &train->run->source, train->job->threads, arena,
                       &train->stepper, error));
    lanes_set_objective(train->stepper.lanes, &train->run->objective);
    size_t blocks = 1 + (size_t)train->stepper.optimizer->slots;
    TRY(arena_reserve(arena, blocks * (total * sizeof(float) + 64), error));
    TRY(log_create(&train->log, (size_t)config->train.steps, arena, error));
    train->state = (TrainState){.parameters = ARENA_ARRAY(arena, float, total),
                                .slots = ARENA_ARRAY(arena, float, (blocks - 1) * total),
                                .slot_count = train->stepper.optimizer->slots,
                                .log = &train->log,
                                .data_sha256 = train->run->source.fingerprint};
    train->saved_count =
        snapshot_steps(&config->snapshots, config->train.steps, arena, &train->saved);
    describe(train);
    return STATUS_OK;
}

/* How many of the scheduled snapshots are due by now. */
static size_t saved_so_far(const TrainRun *train) {
    size_t count = 0;
    while (count < train->saved_count && train->saved[count] <= train->state.step)
        count++;
    return count;
}

static Status write_run_file(TrainRun *train, const char *status, Error *error) {
    train->provenance.status = status;
    host_time(train->end_time);
    train->provenance.end_time = strcmp(status, "running") == 0 ? "" : train->end_time;
    return run_file_write(train->job->directory, model_parameters(train->run->model), train->saved,
                          saved_so_far(train), &train->log, &train->run->probe, &train->provenance,
                          error);
}

static const char *state_identity(const TrainJob *job) {
    return job->state_identity == NULL ? job->identity : job->state_identity;
}

static Status write_checkpoint(TrainRun *train, Error *error) {
    train->last_checkpoint = host_seconds();
    return checkpoint_write(train->job->directory, model_parameters(train->run->model),
                            &train->state, state_identity(train->job), error);
}

static Status write_snapshot(TrainRun *train, Error *error) {
    const char *directory = train->job->directory;
    TRY(snapshot_write(directory, model_parameters(train->run->model), train->state.parameters,
                       train->state.step, train->state.tokens, error));
    TRY(write_run_file(train, "running", error));
    return write_checkpoint(train, error);
}

static Status begin_anew(TrainRun *train, Error *error) {
    const ParameterTable *table = model_parameters(train->run->model);
    train->state.step = train->state.tokens = 0;
    train->log.count = 0;
    memset(train->state.slots, 0, (size_t)train->state.slot_count * table->total * sizeof(float));
    parameters_initialize(table, (uint64_t)train->job->config->seed, train->state.parameters);
    return write_snapshot(train, error);
}

/* The first snapshot due by now that is missing or damaged, −1 where all are sound; names it in the
   log. */
static int64_t first_unsound(const TrainRun *train) {
    for (size_t i = 0; i < saved_so_far(train); i++) {
        Error damage;
        if (snapshot_valid(train->job->directory, train->saved[i],
                           model_parameters(train->run->model), &damage))
            continue;
        if (!train->told_missing)
            log_line(LOG_WARNING, "%s", damage.message);
        return train->saved[i];
    }
    return -1;
}

/* From the newest checkpoint, if every snapshot due before it is sound; otherwise from one at or
   before the first that is not, or from the start, which makes the same bits again. */
static Status begin(TrainRun *train, Error *error) {
    const char *directory = train->job->directory;
    const ParameterTable *table = model_parameters(train->run->model);
    bool found = false;
    TRY(storage_make_directory(directory, error));
    TRY(checkpoint_read(directory, table, &train->state, state_identity(train->job), INT64_MAX,
                        &found, error));
    if (!found)
        return begin_anew(train, error);
    int64_t unsound = first_unsound(train);
    if (unsound < 0)
        return STATUS_OK;
    if (train->state.step > unsound)
        TRY(checkpoint_read(directory, table, &train->state, state_identity(train->job), unsound,
                            &found, error));
    if (found && train->state.step == unsound)
        log_line(LOG_WARNING, "%s: writing step %lld anew from its checkpoint", directory,
                 (long long)unsound);
    else
        log_line(LOG_WARNING, "%s: going on from step %lld to make step %lld anew", directory,
                 (long long)(found ? train->state.step : 0), (long long)unsound);
    if (!found)
        return begin_anew(train, error);
    return train->state.step == unsound ? write_snapshot(train, error) : STATUS_OK;
}

static Status train_step(TrainRun *train, Error *error) {
    double begin_seconds = host_seconds();
    const RunConfig *config = train->job->config;
    StepResult result;
    TRY(stepper_run(&train->stepper, train->state.step + 1, train->state.parameters,
                    train->state.slots, &result, error));
    int64_t tokens = config->train.batch * config->model.context, row = train->log.count++;
    train->log.loss[row] = (float)result.loss;
    train->log.learning_rate[row] = (float)result.learning_rate;
    train->log.gradient_norm[row] = (float)result.gradient_norm;
    train->log.tokens_per_second[row] = (float)((double)tokens / (host_seconds() - begin_seconds));
    train->state.step++;
    train->state.tokens += tokens;
    return STATUS_OK;
}

static void tell_progress(const TrainRun *train, int64_t first_step) {
    if (train->job->progress == NULL)
        return;
    double seconds = host_seconds() - train->started;
    const TrainConfig *config = &train->job->config->train;
    int64_t done = train->state.step - first_step;
    double tokens =
        (double)done * (double)config->batch * (double)train->job->config->model.context;
    TrainProgress progress = {.step = train->state.step,
                              .steps = config->steps,
                              .loss = train->log.loss[train->log.count - 1],
                              .seconds = seconds,
                              .tokens_per_second = seconds > 0 ? tokens / seconds : 0};
    train->job->progress(train->job->progress_context, &progress);
}

static bool stop_wanted(const TrainRun *train) {
    const TrainJob *job = train->job;
    return (job->stop != NULL && *job->stop) ||
           (job->stop_after > 0 && train->state.step >= job->stop_after);
}

/* A run that cannot go on: its state and its files say so; other errors are passed on as they
   are. */
static Status give_up(TrainRun *train, Status status, Error *error) {
    train->provenance.failure = error->message;
    Error second;
    if (write_checkpoint(train, &second) != STATUS_OK ||
        write_run_file(train, "failed", &second) != STATUS_OK)
        log_line(LOG_WARNING, "%s", second.message);
    return status;
}

/* Of what was just saved, or gone on from. */
static Status state_check(const TrainRun *train, Error *error) {
    return stepper_check(&train->stepper, train->state.step, train->state.parameters,
                         train->state.slots, error);
}

static Status run_steps(TrainRun *train, Error *error) {
    const RunConfig *config = train->job->config;
    int64_t first_step = train->state.step;
    train->started = train->last_checkpoint = host_seconds();
    Status status = state_check(train, error);
    while (status == STATUS_OK && train->state.step < config->train.steps) {
        if (stop_wanted(train)) {
            TRY(write_checkpoint(train, error));
            TRY(write_run_file(train, "interrupted", error));
            return error_set(error, STATUS_INTERRUPTED,
                             "stopped after step %lld; the state is saved",
                             (long long)train->state.step);
        }
        status = train_step(train, error);
        if (status != STATUS_OK)
            break;
        tell_progress(train, first_step);
        if (snapshot_due(&config->snapshots, train->state.step, config->train.steps)) {
            TRY(write_snapshot(train, error));
            status = state_check(train, error);
        } else if (host_seconds() - train->last_checkpoint >
                   60 * config->train.checkpoint_minutes) {
            TRY(write_checkpoint(train, error));
        }
    }
    return status == STATUS_OK ? write_run_file(train, "done", error)
                               : give_up(train, status, error);
}

/* What run.h5 says of this very run; exists = false where it is another's, or damaged: it is made
   anew from the snapshots. */
static RunStatus status_before(const TrainJob *job, Arena *arena) {
    RunStatus status;
    Error damage;
    if (run_status_read(job->directory, arena, &status, &damage) != STATUS_OK) {
        log_line(LOG_WARNING, "%s; it is made anew", damage.message);
        return (RunStatus){0};
    }
    if (status.exists && strcmp(status.identity, job->identity) != 0)
        return (RunStatus){0};
    return status;
}

static Status train_to_the_end(TrainRun *train, const RunStatus *before, Error *error) {
    TRY(create(train, error));
    if (before->exists) {
        train->provenance.start_time = before->start_time;
        if (strcmp(before->data_sha256, train->provenance.data_sha256) != 0)
            return source_changed(train->job->directory, error);
    }
    TRY(begin(train, error));
    return run_steps(train, error);
}

/* Whether the run came to its end, and nothing of it was removed since. */
static bool is_done(TrainRun *train, const RunStatus *before) {
    const TrainJob *job = train->job;
    const RunConfig *config = job->config;
    Arena *arena = train->arena;
    if (!before->exists || strcmp(before->status, "done") != 0)
        return false;
    int64_t *steps;
    size_t count = snapshot_steps(&config->snapshots, config->train.steps, arena, &steps);
    for (size_t i = 0; i < count; i++) {
        const char *path =
            arena_format(arena, "%s/%s", job->directory, snapshot_name(steps[i], arena));
        if (access(path, F_OK) != 0) {
            log_line(LOG_WARNING, "%s: a snapshot is missing; the run is trained again", path);
            train->told_missing = true;
            return false;
        }
    }
    return true;
}

Status train_run(const TrainJob *job, Error *error) {
    Arena arena = arena_create("training");
    TrainRun train = {.job = job, .arena = &arena};
    RunStatus before = status_before(job, &arena);
    Status status = STATUS_OK;
    if (!is_done(&train, &before))
        status = train_to_the_end(&train, &before, error);
    arena_destroy(&arena);
    return status;
}
