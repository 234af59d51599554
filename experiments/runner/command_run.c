/* fiducial run, train, analyze, report. */
#include "experiments/runner/commands.h"
#include "experiments/runner/output.h"
#include "experiments/runner/pool.h"
#include "experiments/runner/report_mark.h"
#include "experiments/runner/run_state.h"
#include "experiments/runner/stop_signal.h"
#include "model/base/host.h"
#include "model/base/log.h"
#include "model/base/threads.h"
#include "results/report/report.h"
#include "train/optimizers/optimizer.h"
#include "train/storage.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

static void print_log(void *context, LogLevel level, const char *line) {
    (void)context;
    fprintf(stderr, "%s%s\n", level == LOG_WARNING ? "warning: " : "", line);
}

/* Bytes that one run needs at once: parameters, optimizer state, and each lane's gradient. The
   activations of small models are small beside them. */
static double run_memory(const PlannedRun *run, const RunCost *cost) {
    const RunConfig *config = &run->experiment.run;
    const OptimizerKind *optimizer = (const OptimizerKind *)config->train.optimizer.kind;
    double blocks = 1.0 + optimizer->slots + (double)config->train.lanes;
    return (double)sizeof(float) * (double)cost->parameters * blocks;
}

/* How many of the largest run fit side by side into half of the machine's memory, at least 1. */
static int jobs_that_fit(const Corridor *corridor) {
    double largest = 1.0;
    for (size_t i = 0; i < corridor->plan.count; i++) {
        double memory = run_memory(&corridor->plan.runs[i], &corridor->costs[i]);
        largest = memory > largest ? memory : largest;
    }
    double all = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    double fit = all > 0 ? 0.5 * all / largest : INT_MAX;
    return fit < 1 ? 1 : fit > INT_MAX ? INT_MAX : (int)fit;
}

/* How the cores are shared: runs side by side first, since small runs are fastest on one thread; as
   many as there are cores, unless they are too large for the memory. */
static void share_threads(const CommandLine *line, const Corridor *corridor, int *jobs,
                          int *threads) {
    int all = line->threads > 0 ? line->threads : threads_available();
    int fit = jobs_that_fit(corridor);
    *jobs = line->jobs > 0 ? line->jobs : all < fit ? all : fit;
    if ((size_t)*jobs > corridor->plan.count)
        *jobs = (int)corridor->plan.count;
    *threads = all / *jobs > 1 ? all / *jobs : 1;
}

static Status work_through(const CommandLine *line, const Corridor *corridor, int stages,
                           const KindList *only, Arena *arena, PoolResult *result, Error *error) {
    PoolJob job = {
        .file = &corridor->file,
        .plan = &corridor->plan,
        .directory = corridor->directory,
        .stages = stages,
        .retry = line->retry,
        .only = only,
        .progress = progress_create(&corridor->plan, stages, stderr, arena),
        .stop = stop_signal_parent(),
    };
    share_threads(line, corridor, &job.jobs, &job.threads);
    printf("%s: %zu %s, %d at a time on %d %s each, results in %s\n",
           corridor->plan.runs[0].experiment.run.experiment, corridor->plan.count,
           corridor->plan.count == 1 ? "run" : "runs", job.jobs, job.threads,
           job.threads == 1 ? "thread" : "threads", corridor->directory);
    fflush(stdout);
    return pool_run(&job, result, error);
}

static ReportJob report_job(const Corridor *corridor, Arena *arena) {
    const RunPlan *plan = &corridor->plan;
    const RunConfig *first = &plan->runs[0].experiment.run;
    ReportRun *runs = ARENA_ARRAY(arena, ReportRun, plan->count);
    for (size_t i = 0; i < plan->count; i++) {
        const PlannedRun *run = &plan->runs[i];
        const char *directory = output_run_directory(corridor->directory, run, arena);
        RunState state = run_state_read(run, directory, arena);
        runs[i] = (ReportRun){.name = run->name,
                              .directory = directory,
                              .seed = run->experiment.run.seed,
                              .swept_values = run->swept_values,
                              .swept_phrases = run->swept_phrases,
                              .by_default = run->by_default,
                              .given = run->given,
                              .status = run_phase_name(state.phase),
                              .failure = state.reason};
    }
    return (ReportJob){.experiment = first->experiment,
                       .description = first->description,
                       .directory = corridor->directory,
                       .swept_keys = plan->swept_keys,
                       .swept_count = plan->swept_count,
                       .runs = runs,
                       .run_count = plan->count,
                       .experiment_yaml = corridor->file.text};
}

/* Where two processes worked through the same file, one of them writes the report; the other finds
   its mark. seen: the number of the last report when this command began. */
static Status write_report(const Corridor *corridor, int64_t seen, Arena *arena, Error *error) {
    RunLock lock;
    TRY(storage_make_directory(corridor->directory, error));
    TRY(run_lock_wait(corridor->directory, &lock, error));
    const ReportJob job = report_job(corridor, arena);
    bool written = report_mark_found(&job, &corridor->plan, seen, arena);
    Status status = written ? STATUS_OK : report_write(&job, error);
    if (status == STATUS_OK && !written)
        status = report_mark_write(&job, &corridor->plan, arena, error);
    run_lock_release(&lock);
    if (status == STATUS_OK)
        printf("report: %s/report.html%s\n", corridor->directory,
               written ? " (another command has just made it)" : "");
    return status;
}

/* A run that is done has a folder, unless another command has renamed or removed it since. */
static Status check_folders(const Corridor *corridor, Arena *arena, Error *error) {
    for (size_t i = 0; i < corridor->plan.count; i++) {
        const char *folder =
            output_run_directory(corridor->directory, &corridor->plan.runs[i], arena);
        if (access(arena_format(arena, "%s/run.h5", folder), F_OK) != 0)
            return error_set(error, STATUS_FAILED,
                             "%s: its run was done, and its folder has been renamed or removed "
                             "since; the same command makes what is missing",
                             folder);
    }
    return STATUS_OK;
}

/* What the pool's outcome means for the whole command. */
static Status conclude(const Corridor *corridor, const PoolResult *result, Error *error) {
    size_t stopped = result->interrupted + result->untouched;
    if (stopped > 0)
        return error_set(
            error, STATUS_INTERRUPTED,
            "interrupted: %zu of %zu runs done, the others' states are saved; the same "
            "command goes on from there",
            result->done, corridor->plan.count);
    if (result->failed > 0)
        return error_set(error, STATUS_FAILED,
                         "%zu of %zu runs failed; see above, or `fiducial status %s`",
                         result->failed, corridor->plan.count, corridor->file.path);
    return STATUS_OK;
}

static Status run_stages(const CommandLine *line, int stages, Arena *arena, Error *error) {
    Corridor corridor;
    KindList only;
    double began = host_seconds();
    if (line->only != NULL)
        TRY(experiment_analyses(line->only, "--only", arena, &only, error));
    TRY(corridor_open(line, arena, &corridor, error));
    if (line->dry_run)
        return show_print(&corridor, line->threads, arena, error);
    const int64_t last_report = report_mark_number(corridor.directory, arena);
    log_set_sink(print_log, NULL);
    TRY(output_prepare(&corridor.file, &corridor.plan, corridor.directory, line->force,
                       line->extend, error));
    PoolResult result = {.done = corridor.plan.count};
    if (stages & (STAGE_TRAIN | STAGE_ANALYZE))
        TRY(work_through(line, &corridor, stages, line->only == NULL ? NULL : &only, arena, &result,
                         error));
    if ((stages & STAGE_REPORT) && result.interrupted + result.untouched == 0)
        TRY(write_report(&corridor, last_report, arena, error));
    char duration[NUMBER_TEXT_BYTES];
    TRY(conclude(&corridor, &result, error));
    if (stages & (STAGE_TRAIN | STAGE_ANALYZE))
        TRY(check_folders(&corridor, arena, error));
    printf("done in %s\n", duration_write(host_seconds() - began, duration));
    return STATUS_OK;
}

Status command_run(const CommandLine *line, Arena *arena, Error *error) {
    return run_stages(line, STAGE_TRAIN | STAGE_ANALYZE | STAGE_REPORT, arena, error);
}

Status command_train(const CommandLine *line, Arena *arena, Error *error) {
    return run_stages(line, STAGE_TRAIN, arena, error);
}

Status command_analyze(const CommandLine *line, Arena *arena, Error *error) {
    return run_stages(line, STAGE_ANALYZE, arena, error);
}

Status command_report(const CommandLine *line, Arena *arena, Error *error) {
    return run_stages(line, STAGE_REPORT, arena, error);
}
