#include "experiments/runner/commands.h"

#include "experiments/runner/output.h"

#include <stdio.h>

static const Command commands[] = {
    {"run", "FILE", true, "train, analyse and report: whatever is not done yet", "sotjfErn",
     command_run},
    {"train", "FILE", true, "only train", "sotjfErn", command_train},
    {"analyze", "FILE", true, "only measure the snapshots of runs that are trained", "sotjfa",
     command_analyze},
    {"report", "FILE", true, "only write summary.csv, figures and report.html", "so",
     command_report},
    {"show", "FILE", true, "print the full settings and the runs they make; writes nothing", "so",
     command_show},
    {"status", "FILE", true, "how far each run is", "sow", command_status},
    {"inspect", "PATH", true,
     "print what a run, snapshot, checkpoint or analysis holds (file or folder)", "",
     command_inspect},
    {"attention", "SNAPSHOT", true,
     "write one input's attention maps and states (of a snapshot or a run's folder)", "xqkeOF",
     command_attention},
    {"explain", "KEY", false, "what a key of the file means, its range and default; or list all",
     "", command_explain},
    {"schema", NULL, false, "the JSON Schema of experiment files, for editors", "", command_schema},
    {"doctor", NULL, false, "libraries, cores, measured speed, and what to do about them", "",
     command_doctor},
    {"bench", "SIZE", false, "measured speed on named model sizes, or on all of them", "tdp",
     command_bench},
    {"help", "COMMAND", false, "help on a command", "", command_help},
};

const CommandTable command_table = {.commands = commands,
                                    .count = sizeof commands / sizeof commands[0]};

Status corridor_open(const CommandLine *line, Arena *arena, Corridor *corridor, Error *error) {
    TRY(experiment_load(line->argument, line->settings, line->setting_count, arena, &corridor->file,
                        error));
    TRY(sweep_expand(&corridor->file, arena, &corridor->plan, error));
    corridor->costs = ARENA_ARRAY(arena, RunCost, corridor->plan.count);
    TRY(run_costs(&corridor->file, &corridor->plan, corridor->costs, error));
    corridor->directory = output_directory(&corridor->plan, line->output, arena);
    return STATUS_OK;
}

Status command_help(const CommandLine *line, Arena *arena, Error *error) {
    const Command *command = NULL;
    if (line->argument != NULL)
        TRY(command_find(&command_table, line->argument, arena, &command, error));
    fputs(command_line_help(&command_table, command, arena), stdout);
    return STATUS_OK;
}
