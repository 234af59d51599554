/* fiducial inspect: prints what a folder or file holds. */
#include "experiments/runner/commands.h"
#include "experiments/runner/inspect.h"

#include <stdio.h>

Status command_inspect(const CommandLine *line, Arena *arena, Error *error) {
    const char *text = "";
    Status status = inspect_path(line->argument, arena, &text, error);
    if (status != STATUS_BAD_INPUT)
        fputs(text, stdout);
    return status;
}
