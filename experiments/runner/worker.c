#include "experiments/runner/worker.h"

#include "experiments/runner/run_lock.h"
#include "experiments/runner/run_repair.h"
#include "experiments/runner/run_state.h"
#include "experiments/runner/stop_signal.h"
#include "experiments/runner/version.h"
#include "model/base/host.h"
#include "model/base/log.h"
#include "train/loop.h"
#include "train/run_status.h"
#include "train/storage.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const double message_interval = 0.05; /* seconds between progress messages */
static const double lock_interval = 1.0;     /* seconds between those written into the lock */

typedef struct Worker {
    const WorkerJob *job;
    int pipe;
    double last_message, last_told; /* host_seconds */
    RunLock lock;
    bool busy; /* another process works on the run */
    const volatile sig_atomic_t *stop;
} Worker;

static void write_all(int pipe, const void *data, size_t bytes) {
    const char *at = data;
    while (bytes > 0) {
        ssize_t written = write(pipe, at, bytes);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return; /* nobody listens any more; the files still tell */
        at += written;
        bytes -= (size_t)written;
    }
}

static void send_message(const Worker *worker, MessageHead head, const char *text) {
    size_t bytes = text == NULL ? 0 : strlen(text);
    head.text_bytes = (uint32_t)(bytes > MESSAGE_TEXT_LARGEST ? MESSAGE_TEXT_LARGEST : bytes);
    write_all(worker->pipe, &head, sizeof head);
    write_all(worker->pipe, text, head.text_bytes);
}

static void tell_log(void *context, LogLevel level, const char *line) {
    send_message(context, (MessageHead){.kind = MESSAGE_LOG, .code = level}, line);
}

/* Whether a progress message is due: the first, the last and some in between. */
static bool message_due(Worker *worker, bool last) {
    double now = host_seconds();
    if (!last && now - worker->last_message < message_interval)
        return false;
    worker->last_message = now;
    return true;
}

/* What `fiducial status` shows. */
static void tell_lock(Worker *worker, const LockProgress *progress) {
    double now = host_seconds();
    if (now - worker->last_told < lock_interval && progress->done < progress->total)
        return;
    worker->last_told = now;
    run_lock_tell(&worker->lock, progress);
}

static void tell_training(void *context, const TrainProgress *progress) {
    Worker *worker = context;
    tell_lock(worker, &(LockProgress){.done = progress->step,
                                      .total = progress->steps,
                                      .loss = progress->loss,
                                      .tokens_per_second = progress->tokens_per_second});
    if (message_due(worker, progress->step == progress->steps))
        send_message(worker,
                     (MessageHead){.kind = MESSAGE_TRAINING,
                                   .done = progress->step,
                                   .total = progress->steps,
                                   .loss = progress->loss,
                                   .tokens_per_second = progress->tokens_per_second},
                     NULL);
}

static void tell_analysis(void *context, int snapshot, int snapshots) {
    Worker *worker = context;
    tell_lock(worker, &(LockProgress){.analyzing = true, .done = snapshot, .total = snapshots});
    if (message_due(worker, snapshot == snapshots))
        send_message(worker,
                     (MessageHead){.kind = MESSAGE_ANALYSIS, .done = snapshot, .total = snapshots},
                     NULL);
}

static Status train(Worker *worker, Error *error) {
    const WorkerJob *job = worker->job;
    const TrainJob training = {
        .config = &job->run->experiment.run,
        .directory = job->directory,
        .base_directory = job->file->directory,
        .experiment_yaml = job->run->yaml,
        .identity = job->run->identity,
        .state_identity = job->run->state_identity,
        .program_version = program_version(),
        .git_revision = program_git_revision(),
        .threads = job->threads,
        .progress = tell_training,
        .progress_context = worker,
        .stop = worker->stop,
    };
    return train_run(&training, error);
}

/* The analyses that are named, with the options that this run has for them. */
static KindList named_analyses(const KindList *named, const KindList *own, Arena *arena) {
    KindList list = {.items = ARENA_ARRAY(arena, KindChoice, named->count), .count = named->count};
    for (size_t i = 0; i < named->count; i++) {
        list.items[i] = named->items[i];
        for (size_t k = 0; k < own->count; k++)
            if (own->items[k].kind == named->items[i].kind)
                list.items[i] = own->items[k];
    }
    return list;
}

static Status analyze(Worker *worker, Error *error) {
    const WorkerJob *job = worker->job;
    Arena arena = arena_create("the analyses of a run");
    KindList analyses = job->run->experiment.analysis;
    if (job->only != NULL)
        analyses = named_analyses(job->only, &analyses, &arena);
    const AnalyzeJob analyzing = {
        .config = &job->run->experiment.run,
        .analyses = &analyses,
        .only = job->only != NULL,
        .directory = job->directory,
        .experiment_yaml = job->run->yaml,
        .threads = job->threads,
        .progress = tell_analysis,
        .progress_context = worker,
        .stop = worker->stop,
    };
    Status status = analyze_run(&analyzing, error);
    arena_destroy(&arena);
    return status;
}

/* Analysis alone needs a run that was trained to its end: what run.h5 says, whoever works on it. */
static Status check_trained(const WorkerJob *job, Error *error) {
    Arena arena = arena_create("a run's state");
    RunStatus stored;
    Status status = run_status_read(job->directory, &arena, &stored, error);
    if (status == STATUS_OK &&
        !(stored.exists && strcmp(stored.identity, job->run->identity) == 0 &&
          strcmp(stored.status, "done") == 0))
        status = error_set(error, STATUS_FAILED,
                           "not trained to its end yet (%s); `fiducial run` does both",
                           stored.exists ? stored.status : run_phase_name(RUN_WAITING));
    arena_destroy(&arena);
    return status;
}

/* Whether this very run failed before; it then has to be asked for again. With retry it begins
   anew: the state at which it failed would only fail again. */
static Status check_failed(const WorkerJob *job, Error *error) {
    static const char *const checkpoints[] = {"checkpoint.h5", "checkpoint.previous.h5"};
    Arena arena = arena_create("a run's state");
    RunStatus stored;
    Error damage; /* a damaged run.h5 is made anew */
    Status status = STATUS_OK;
    bool failed = run_status_read(job->directory, &arena, &stored, &damage) == STATUS_OK &&
                  stored.exists && strcmp(stored.identity, job->run->identity) == 0 &&
                  strcmp(stored.status, "failed") == 0;
    if (failed && !job->retry)
        status = error_set(error, STATUS_FAILED, "failed before: %s; --retry tries it again",
                           stored.failure);
    for (size_t i = 0; failed && job->retry && i < 2; i++)
        unlink(arena_format(&arena, "%s/%s", job->directory, checkpoints[i]));
    arena_destroy(&arena);
    return status;
}

static Status work_locked(Worker *worker, Error *error) {
    const WorkerJob *job = worker->job;
    if (job->stages & STAGE_TRAIN) {
        TRY(run_repair(job->run, job->directory, error));
        TRY(check_failed(job, error));
        TRY(train(worker, error));
    }
    if (job->stages & STAGE_ANALYZE)
        TRY(analyze(worker, error));
    return STATUS_OK;
}

static Status work(Worker *worker, Error *error) {
    const WorkerJob *job = worker->job;
    bool taken;
    if (!(job->stages & STAGE_TRAIN))
        TRY(check_trained(job, error));
    TRY(storage_make_directory(job->directory, error));
    TRY(run_lock_take(job->directory, &worker->lock, &taken, error));
    worker->busy = !taken;
    if (!taken)
        return STATUS_OK;
    Status status = work_locked(worker, error);
    worker->busy = run_lock_lost();
    run_lock_release(&worker->lock);
    return status;
}

int worker_run(const WorkerJob *job, int pipe) {
    Worker worker = {.job = job, .pipe = pipe, .stop = stop_signal_worker()};
    Error error = {.message = ""};
    log_set_sink(tell_log, &worker);
    Status status = work(&worker, &error);
    log_set_sink(NULL, NULL);
    const MessageHead head = {.kind = worker.busy ? MESSAGE_BUSY : MESSAGE_RESULT,
                              .code = (int32_t)status};
    send_message(&worker, head, error.message);
    return (int)status;
}
