/* fiducial: parses the command line, runs the command, prints what went wrong. */
#include "experiments/runner/commands.h"
#include "experiments/runner/start.h"
#include "experiments/runner/stop_signal.h"
#include "experiments/runner/version.h"
#include "model/math/blas.h"

#include <stdio.h>

static Status run_command(int count, char **words, Arena *arena, Error *error) {
    CommandLine line;
    TRY(command_line_parse(&command_table, count, words, arena, &line, error));
    if (line.version) {
        printf("fiducial %s (%s)\n", program_version(), program_git_revision());
        return STATUS_OK;
    }
    if (line.help) {
        fputs(command_line_help(&command_table, line.command, arena), stdout);
        return STATUS_OK;
    }
    if (line.command == NULL) {
        fputs(command_line_help(&command_table, NULL, arena), stderr);
        return error_set(error, STATUS_BAD_INPUT, "a command is missing");
    }
    return line.command->run(&line, arena, error);
}

int main(int count, char **words) {
    start_well(words);
    blas_use_one_thread();
    stop_signal_begin();
    Arena arena = arena_create("the command line");
    Error error = {.message = ""};
    Status status = run_command(count - 1, words + 1, &arena, &error);
    if (ferror(stdout) && status == STATUS_OK) /* earlier: why is no longer known */
        status = error_set(&error, STATUS_FAILED, "standard output cannot be written");
    if (fflush(stdout) != 0 && status == STATUS_OK)
        status = error_errno(&error, STATUS_FAILED, "standard output cannot be written");
    if (status != STATUS_OK)
        fprintf(stderr, "fiducial: %s\n", error.message);
    arena_destroy(&arena);
    return (int)status;
}
