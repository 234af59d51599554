/* The commands of `fiducial`, one file each. They print to standard output; what they return is the
   exit status, and the error's sentence is printed by main. */
#ifndef FIDUCIAL_RUNNER_COMMANDS_H
#define FIDUCIAL_RUNNER_COMMANDS_H

#include "experiments/runner/command_line.h"
#include "experiments/runner/run_cost.h"

extern const CommandTable command_table;

/* What most commands begin with: the file, its runs and the folder of their results. */
typedef struct Corridor {
    ExperimentFile file;
    RunPlan plan;
    RunCost *costs; /* [plan.count] */
    const char *directory;
} Corridor;

/* Loads, expands and checks the experiment file of line; writes nothing. */
Status corridor_open(const CommandLine *line, Arena *arena, Corridor *corridor, Error *error);

/* Prints the full settings and the runs they make, with their costs. threads: 0 for all cores. */
Status show_print(const Corridor *corridor, int threads, Arena *arena, Error *error);

Status command_run(const CommandLine *line, Arena *arena, Error *error);
Status command_train(const CommandLine *line, Arena *arena, Error *error);
Status command_analyze(const CommandLine *line, Arena *arena, Error *error);
Status command_report(const CommandLine *line, Arena *arena, Error *error);
Status command_show(const CommandLine *line, Arena *arena, Error *error);
Status command_status(const CommandLine *line, Arena *arena, Error *error);
Status command_inspect(const CommandLine *line, Arena *arena, Error *error);
Status command_attention(const CommandLine *line, Arena *arena, Error *error);
Status command_explain(const CommandLine *line, Arena *arena, Error *error);
Status command_schema(const CommandLine *line, Arena *arena, Error *error);
Status command_doctor(const CommandLine *line, Arena *arena, Error *error);
Status command_bench(const CommandLine *line, Arena *arena, Error *error);
Status command_help(const CommandLine *line, Arena *arena, Error *error);

#endif
