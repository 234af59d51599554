/* fiducial status: how far each run is, from its files alone. */
#include "experiments/runner/commands.h"
#include "experiments/runner/output.h"
#include "experiments/runner/run_state.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WATCH_SECONDS = 2 };

typedef struct StatusTable {
    const RunPlan *plan;
    const char *directory;
    int width;
    size_t phases[RUN_PHASES];
} StatusTable;

/* Seconds that the process at work still needs for training, NaN where that is not known. */
static double seconds_left(const PlannedRun *run, const RunState *state) {
    const LockProgress *told = &state->worker.progress;
    if (state->phase != RUN_RUNNING || told->total == 0 || told->analyzing ||
        !(told->tokens_per_second > 0))
        return NAN;
    const RunConfig *config = &run->experiment.run;
    double tokens = (double)config->train.batch * (double)config->model.context;
    return (double)(told->total - told->done) * tokens / told->tokens_per_second;
}

/* What there is to say beyond the columns: why it failed, or how the work goes on. */
static const char *remark(const PlannedRun *run, const RunState *state, Arena *arena) {
    const LockProgress *told = &state->worker.progress;
    char duration[NUMBER_TEXT_BYTES];
    if (state->phase != RUN_RUNNING)
        return state->reason;
    const char *by =
        arena_format(arena, "process %" PRId64 " on %s", state->worker.process, state->worker.host);
    double left = seconds_left(run, state);
    if (told->analyzing)
        return arena_format(arena, "analysis of snapshot %" PRId64 " of %" PRId64 "; %s",
                            told->done, told->total, by);
    if (isfinite(left))
        return arena_format(arena, "%s left; %s", duration_write(left, duration), by);
    return by;
}

static void print_state(const PlannedRun *run, const RunState *state, int width, Arena *arena) {
    char loss[NUMBER_TEXT_BYTES] = "-";
    if (isfinite(state->loss))
        snprintf(loss, sizeof loss, "%#.5g", state->loss);
    const char *more = remark(run, state, arena);
    printf("%-*s  %-11s %8" PRId64 " %8" PRId64 " %8s%s%s\n", width, run->name,
           run_phase_name(state->phase), state->step, run->experiment.run.train.steps, loss,
           more[0] == '\0' ? "" : "  ", more);
}

static void print_table(StatusTable *table) {
    const RunPlan *plan = table->plan;
    memset(table->phases, 0, sizeof table->phases);
    printf("%-*s  %-11s %8s %8s %8s\n", table->width, "run", "state", "step", "of", "loss");
    for (size_t i = 0; i < plan->count; i++) {
        Arena arena = arena_create("a run's state");
        const char *folder = output_run_directory(table->directory, &plan->runs[i], &arena);
        RunState state = run_state_read(&plan->runs[i], folder, &arena);
        table->phases[state.phase]++;
        print_state(&plan->runs[i], &state, table->width, &arena);
        arena_destroy(&arena);
    }
    printf("%s:", table->directory);
    const char *separator = "";
    for (int phase = 0; phase < RUN_PHASES; phase++)
        if (table->phases[phase] > 0) {
            printf("%s %zu %s", separator, table->phases[phase], run_phase_name((RunPhase)phase));
            separator = ",";
        }
    printf("\n");
}

/* Whether runs are left that a `fiducial run` would work on. */
static bool unfinished(const StatusTable *table) {
    return table->phases[RUN_WAITING] + table->phases[RUN_RUNNING] +
               table->phases[RUN_INTERRUPTED] + table->phases[RUN_TRAINED] >
           0;
}

/* On a terminal in place, elsewhere one table after the other. */
static void watch(StatusTable *table) {
    bool terminal = isatty(STDOUT_FILENO);
    while (unfinished(table)) {
        fflush(stdout);
        nanosleep(&(struct timespec){.tv_sec = WATCH_SECONDS}, NULL);
        printf("%s", terminal ? "\033[H\033[2J" : "\n");
        print_table(table);
    }
}

Status command_status(const CommandLine *line, Arena *arena, Error *error) {
    ExperimentFile file;
    RunPlan plan;
    TRY(experiment_load(line->argument, line->settings, line->setting_count, arena, &file, error));
    TRY(sweep_expand(&file, arena, &plan, error));
    StatusTable table = {.plan = &plan,
                         .directory = output_directory(&plan, line->output, arena),
                         .width = (int)strlen("run")};
    for (size_t i = 0; i < plan.count; i++)
        if ((int)strlen(plan.runs[i].name) > table.width)
            table.width = (int)strlen(plan.runs[i].name);
    if (line->watch && isatty(STDOUT_FILENO))
        printf("\033[H\033[2J");
    print_table(&table);
    if (line->watch)
        watch(&table);
    return STATUS_OK;
}
