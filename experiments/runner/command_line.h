/* The command line: one table of commands, one of options; parsing, help and suggestions are made
   from them. */
#ifndef FIDUCIAL_RUNNER_COMMAND_LINE_H
#define FIDUCIAL_RUNNER_COMMAND_LINE_H

#include "model/base/arena.h"

#include <stdbool.h>

typedef struct Command Command;

typedef struct CommandLine {
    const Command *command;      /* NULL: only help or version was asked for */
    const char *argument;        /* FILE, KEY …; NULL where there is none */
    const char *const *settings; /* --set, in order */
    size_t setting_count;
    int threads, jobs, seconds;                                /* 0: not given */
    const char *output, *only, *text, *sample, *tokens, *step; /* NULL: not given */
    bool force, extend, retry, dry_run, watch, profile, help, version;
} CommandLine;

struct Command {
    const char *name;
    const char *argument; /* "FILE", or NULL */
    bool argument_needed;
    const char *meaning;
    const char *options; /* letters of the options it takes, see command_line.c */
    Status (*run)(const CommandLine *line, Arena *arena, Error *error);
};

typedef struct CommandTable {
    const Command *commands;
    size_t count;
} CommandTable;

/* Parses the words after the program's name. STATUS_BAD_INPUT with the nearest command or
   option. */
Status command_line_parse(const CommandTable *table, int count, char **words, Arena *arena,
                          CommandLine *line, Error *error);

/* Help for all commands (command NULL) or for one, as text. */
const char *command_line_help(const CommandTable *table, const Command *command, Arena *arena);

/* The command called name; STATUS_BAD_INPUT with the nearest one. */
Status command_find(const CommandTable *table, const char *name, Arena *arena,
                    const Command **command, Error *error);

#endif
