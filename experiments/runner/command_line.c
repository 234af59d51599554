#include "experiments/runner/command_line.h"

#include "experiments/runner/columns.h"

#include <string.h>

typedef struct Option {
    char letter; /* in Command.options; also -h and -V */
    const char *name, *value, *meaning;
} Option;

static const Option options[] = {
    {'s', "--set", "KEY=VALUE",
     "set any key of the file, as in --set train.steps=100 (repeatable)"},
    {'o', "--output", "DIR", "folder of the results (default: results/<experiment>)"},
    {'t', "--threads", "N", "threads in all, shared by the runs side by side (default: all cores)"},
    {'j', "--jobs", "N", "runs side by side (default: one per thread, as far as there are runs)"},
    {'f', "--force", NULL, "rename run folders made with other settings to <run>.old-1"},
    {'E', "--extend", NULL, "train runs on that had fewer train.steps and are otherwise the same"},
    {'r', "--retry", NULL, "also try runs again that failed before"},
    {'n', "--dry-run", NULL, "stop after printing the runs and their cost; write nothing"},
    {'w', "--watch", NULL, "print it again every two seconds, until nothing is left to do"},
    {'a', "--only", "NAMES",
     "make only these anew (topology,spectrum …), the others stay as they are"},
    {'x', "--text", "TEXT", "the input, in the symbols of the run's data"},
    {'q', "--sample", "N", "the input: sequence N of the probe, from 0"},
    {'k', "--tokens", "1,2,3", "the input, as token numbers and nothing around them"},
    {'e', "--step", "N", "which snapshot of a run's folder (default: the newest)"},
    {'O', "--output", "FILE", "where to write (default: attention.h5); the figure beside it"},
    {'F', "--force", NULL, "replace files that are there"},
    {'p', "--profile", NULL, "also say where the time goes"},
    {'d', "--seconds", "S", "how long to measure each size (default: 8)"},
    {'h', "--help", NULL, "this help"},
    {'V', "--version", NULL, "version and git revision"},
};

enum { OPTION_COUNT = sizeof options / sizeof options[0], COUNT_LARGEST = 4096 };

/* Options that go without a command. */
static const char general_options[] = "hV";

static bool option_applies(const Option *option, const Command *command) {
    return strchr(general_options, option->letter) != NULL ||
           (command != NULL && strchr(command->options, option->letter) != NULL);
}

Status command_find(const CommandTable *table, const char *name, Arena *arena,
                    const Command **command, Error *error) {
    NameList names = {0};
    for (size_t i = 0; i < table->count; i++) {
        names_add(&names, arena, table->commands[i].name);
        if (strcmp(table->commands[i].name, name) == 0) {
            *command = &table->commands[i];
            return STATUS_OK;
        }
    }
    return error_set(error, STATUS_BAD_INPUT, "unknown command '%.100s'%s; commands: %s", name,
                     names_suggestion(&names, name, arena), names_join(&names, arena));
}

typedef struct Words {
    int count, at;
    char **words;
    const CommandTable *table;
    Arena *arena;
    Error *error;
    const char **settings;
} Words;

static Status option_find(const Words *words, const char *name, const Command *command,
                          const Option **option) {
    NameList names = {0};
    bool elsewhere = false;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        bool same = strcmp(options[i].name, name) == 0 ||
                    (strchr(general_options, options[i].letter) != NULL && name[0] == '-' &&
                     name[1] == options[i].letter && name[2] == '\0');
        *option = &options[i];
        if (same && (command == NULL || option_applies(&options[i], command)))
            return STATUS_OK;
        elsewhere |= same;
        if (option_applies(&options[i], command) || command == NULL)
            names_add(&names, words->arena, options[i].name);
    }
    if (elsewhere)
        return error_set(words->error, STATUS_BAD_INPUT,
                         "%s is no option of `fiducial %s`; its options: %s", name, command->name,
                         names_join(&names, words->arena));
    return error_set(words->error, STATUS_BAD_INPUT, "unknown option '%.100s'%s; options: %s", name,
                     names_suggestion(&names, name, words->arena),
                     names_join(&names, words->arena));
}

static Status count_read(const Words *words, const Option *option, const char *value, int *count) {
    int64_t read;
    if (!number_read_integer(value, &read) || read < 1 || read > COUNT_LARGEST)
        return error_set(words->error, STATUS_BAD_INPUT,
                         "%s is '%.60s'; allowed: a whole number from 1 to %d", option->name, value,
                         COUNT_LARGEST);
    *count = (int)read;
    return STATUS_OK;
}

/* Where an option's text goes; NULL for options of other kinds. */
static const char **text_of(CommandLine *line, char letter) {
    switch (letter) {
    case 'o':
    case 'O':
        return &line->output;
    case 'a':
        return &line->only;
    case 'x':
        return &line->text;
    case 'q':
        return &line->sample;
    case 'k':
        return &line->tokens;
    case 'e':
        return &line->step;
    default:
        return NULL;
    }
}

static bool *flag_of(CommandLine *line, char letter) {
    switch (letter) {
    case 'f':
    case 'F':
        return &line->force;
    case 'E':
        return &line->extend;
    case 'r':
        return &line->retry;
    case 'n':
        return &line->dry_run;
    case 'w':
        return &line->watch;
    case 'p':
        return &line->profile;
    case 'h':
        return &line->help;
    default:
        return &line->version;
    }
}

static Status option_take(Words *words, const Option *option, const char *value,
                          CommandLine *line) {
    const char **text = text_of(line, option->letter);
    if (text == &line->output && value[0] == '\0')
        return error_set(words->error, STATUS_BAD_INPUT, "--output needs a %s",
                         option->letter == 'o' ? "folder" : "file");
    if (text != NULL) {
        *text = value;
        return STATUS_OK;
    }
    switch (option->letter) {
    case 's':
        words->settings[line->setting_count++] = value;
        return STATUS_OK;
    case 't':
        return count_read(words, option, value, &line->threads);
    case 'j':
        return count_read(words, option, value, &line->jobs);
    case 'd':
        return count_read(words, option, value, &line->seconds);
    default:
        *flag_of(line, option->letter) = true;
        return STATUS_OK;
    }
}

/* One option word, `--name value` or `--name=value`. */
static Status option_parse(Words *words, CommandLine *line) {
    const char *word = words->words[words->at];
    const char *equals = strchr(word, '=');
    const char *name =
        equals == NULL ? word : arena_format(words->arena, "%.*s", (int)(equals - word), word);
    const Option *option;
    TRY(option_find(words, name, line->command, &option));
    const char *value = equals == NULL ? NULL : equals + 1;
    if (option->value == NULL && value != NULL)
        return error_set(words->error, STATUS_BAD_INPUT, "%s takes no value", option->name);
    if (option->value != NULL && value == NULL) {
        if (words->at + 1 >= words->count)
            return error_set(words->error, STATUS_BAD_INPUT, "%s needs a value: %s %s",
                             option->name, option->name, option->value);
        value = words->words[++words->at];
    }
    return option_take(words, option, value, line);
}

/* The command stands first among the words that are no options; it decides which options go. */
static Status first_command(const Words *words, CommandLine *line) {
    for (int i = 0; i < words->count; i++) {
        const char *word = words->words[i];
        if (word[0] != '-')
            return command_find(words->table, word, words->arena, &line->command, words->error);
        for (size_t o = 0; o < OPTION_COUNT; o++)
            if (strcmp(options[o].name, word) == 0 && options[o].value != NULL)
                i++;
    }
    return STATUS_OK;
}

Status command_line_parse(const CommandTable *table, int count, char **words, Arena *arena,
                          CommandLine *line, Error *error) {
    Words all = {.count = count, .words = words, .table = table, .arena = arena, .error = error};
    all.settings = ARENA_ARRAY(arena, const char *, (size_t)count);
    *line = (CommandLine){.settings = all.settings};
    TRY(first_command(&all, line));
    bool command_seen = false;
    for (; all.at < count; all.at++) {
        const char *word = words[all.at];
        if (word[0] == '-' && word[1] != '\0') {
            TRY(option_parse(&all, line));
        } else if (!command_seen) {
            command_seen = true;
        } else if (line->command->argument == NULL || line->argument != NULL) {
            return error_set(error, STATUS_BAD_INPUT,
                             "'%.100s' is one word too many for `fiducial %s%s%s`", word,
                             line->command->name, line->command->argument ? " " : "",
                             line->command->argument ? line->command->argument : "");
        } else {
            line->argument = word;
        }
    }
    if (line->command != NULL && line->command->argument_needed && line->argument == NULL &&
        !line->help && !line->version)
        return error_set(error, STATUS_BAD_INPUT, "`fiducial %s` needs a %s; see fiducial help %s",
                         line->command->name, line->command->argument, line->command->name);
    return STATUS_OK;
}

/* " (run, train)": the commands that take an option, where not all do. */
static const char *option_commands(const CommandTable *table, const Option *option, Arena *arena) {
    NameList names = {0};
    if (strchr(general_options, option->letter) != NULL)
        return "";
    for (size_t i = 0; i < table->count; i++)
        if (option_applies(option, &table->commands[i]))
            names_add(&names, arena, table->commands[i].name);
    return arena_format(arena, " (%s)", names_join(&names, arena));
}

/* Those of a command, or of all of them (NULL), each then with the commands that take it. */
static void add_options(TextBuffer *help, const CommandTable *table, const Command *command) {
    Arena *arena = help->arena;
    Columns columns = {.arena = arena, .count = 2, .right = "ll"};
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const Option *option = &options[i];
        const char *value = option->value == NULL ? "" : option->value;
        if (command != NULL && !option_applies(option, command))
            continue;
        const char *name = arena_format(arena, "%-10s %s", option->name, value);
        const char *takers = command == NULL ? option_commands(table, option, arena) : "";
        columns_add(&columns,
                    (const char *[]){name, arena_format(arena, "%s%s", option->meaning, takers)});
    }
    text_add(help, "\noptions:\n");
    columns_write(&columns, 2, help);
}

const char *command_line_help(const CommandTable *table, const Command *command, Arena *arena) {
    TextBuffer help = {.arena = arena};
    if (command != NULL) {
        const char *argument = command->argument == NULL ? "" : command->argument;
        text_add(&help, "usage: fiducial %s%s%s%s [options]\n\n%s\n", command->name,
                 argument[0] == '\0'        ? ""
                 : command->argument_needed ? " "
                                            : " [",
                 argument, argument[0] == '\0' || command->argument_needed ? "" : "]",
                 command->meaning);
        add_options(&help, table, command);
        return help.text;
    }
    text_add(&help, "Fiducial trains small transformers, saves their first steps densely and "
                    "measures how\nattention sinks and reference frames appear.\n\n"
                    "usage: fiducial COMMAND [options]\n\ncommands:\n");
    for (size_t i = 0; i < table->count; i++) {
        const Command *each = &table->commands[i];
        const char *argument = each->argument == NULL ? "" : each->argument;
        text_add(&help, "  %-10s%-9s %s\n", each->name, argument, each->meaning);
    }
    add_options(&help, table, NULL);
    text_add(&help, "\nexit status: 0 done, 1 failed, 2 bad usage or bad file (nothing was "
                    "written), 130 interrupted (state saved)\n");
    return help.text;
}
