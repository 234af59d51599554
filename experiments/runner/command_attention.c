/* fiducial attention: the maps and states of one input, as a file and as a figure. */
#include "analysis/attention_file.h"
#include "experiments/runner/attention_input.h"
#include "experiments/runner/commands.h"
#include "experiments/runner/version.h"
#include "results/report/figure_attention.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Where it goes --------------------------------------------------------------------------- */

typedef struct Places {
    const char *file, *directory, *name; /* the figure's files: <directory>/<name>.svg … */
} Places;

static Status places_find(const char *output, Arena *arena, Places *places, Error *error) {
    const char *slash = strrchr(output, '/');
    const char *base = slash == NULL ? output : slash + 1, *dot = strrchr(base, '.');
    size_t length = dot == NULL || dot == base ? strlen(base) : (size_t)(dot - base);
    places->file = output;
    places->directory =
        slash == NULL ? "." : arena_format(arena, "%.*s", (int)(slash - output) + 1, output);
    places->name = arena_format(arena, "%.*s", (int)length, base);
    bool strange = false;
    for (const char *c = places->name; *c != '\0'; c++)
        strange = strange || *c == '\'' || (unsigned char)*c < ' ';
    if (length > 0 && !strange && (dot == NULL || strcmp(dot, ".h5") == 0))
        return STATUS_OK;
    return error_set(error, STATUS_BAD_INPUT,
                     "--output is '%.200s'; allowed: the name of a file that ends in .h5, without "
                     "quotes; the figure's files stand beside it",
                     output);
}

static Status check_new(const Places *places, Arena *arena, Error *error) {
    static const char *const endings[] = {"svg", "png", "pdf", "csv", "gp"};
    const char *found = access(places->file, F_OK) == 0 ? places->file : NULL;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0] && found == NULL; i++) {
        const char *path =
            arena_format(arena, "%s/%s.%s", places->directory, places->name, endings[i]);
        found = access(path, F_OK) == 0 ? path : NULL;
    }
    if (found == NULL)
        return STATUS_OK;
    return error_set(error, STATUS_BAD_INPUT,
                     "%s is there already; give another name with --output, or replace it with "
                     "--force",
                     found);
}

/* ---- What is said of it ---------------------------------------------------------------------- */

enum { TEXTS_LARGEST = 12 };

static const char *run_name(const char *path, Arena *arena) {
    char resolved[PATH_MAX];
    if (realpath(path, resolved) == NULL)
        return "";
    for (int up = 0; up < 2; up++) { /* the snapshot's name, and its folder's */
        char *slash = strrchr(resolved, '/');
        if (slash == NULL)
            return "";
        *slash = '\0';
    }
    const char *slash = strrchr(resolved, '/');
    return arena_string(arena, slash == NULL ? resolved : slash + 1);
}

static size_t texts_fill(const LoadedSnapshot *snapshot, const InputTokens *input, Arena *arena,
                         OutputText texts[TEXTS_LARGEST]) {
    const RunConfig *config = &snapshot->experiment.run;
    char *hash = arena_allocate(arena, 65);
    parameters_hash(model_parameters(snapshot->run->model), snapshot->parameters, hash);
    size_t count = 0;
    texts[count++] = (OutputText){"title", "Fiducial: attention of one input"};
    texts[count++] = (OutputText){"experiment", config->experiment};
    texts[count++] = (OutputText){"run", run_name(snapshot->path, arena)};
    texts[count++] = (OutputText){"seed", arena_format(arena, "%" PRId64, config->seed)};
    texts[count++] = (OutputText){"step", arena_format(arena, "%" PRId64, snapshot->step)};
    texts[count++] = (OutputText){"input", input->described};
    texts[count++] = (OutputText){"parameters_sha256", hash};
    texts[count++] = (OutputText){"experiment_yaml", snapshot->yaml};
    texts[count++] =
        (OutputText){"program_version",
                     arena_format(arena, "%s (%s)", program_version(), program_git_revision())};
    return count;
}

static Status draw_maps(const LoadedSnapshot *snapshot, const InputTokens *input,
                        const AttentionView *view, const Places *places, Arena *arena,
                        const char **problem, Error *error) {
    const Capture *capture = view->capture;
    const AttentionFigure maps = {.layers = capture->layers,
                                  .heads = capture->heads,
                                  .length = capture->length,
                                  .maps = capture->weights,
                                  .labels = view->labels};
    char *title =
        arena_format(arena, "Attention of %s at step %" PRId64, input->described, snapshot->step);
    for (char *c = title; *c != '\0'; c++)
        *c = (unsigned char)*c < ' ' ? ' ' : *c;
    return attention_figure_write(&maps, places->directory, places->name, title, arena, problem,
                                  error);
}

Status command_attention(const CommandLine *line, Arena *arena, Error *error) {
    LoadedSnapshot snapshot;
    InputTokens tokens;
    Places places;
    AttentionView view;
    OutputText texts[TEXTS_LARGEST];
    const char *problem = NULL;
    TRY(places_find(line->output == NULL ? "attention.h5" : line->output, arena, &places, error));
    TRY(snapshot_load_with_run(line->argument, line->step, arena, &snapshot, error));
    TRY(input_tokens_read(line, &snapshot, arena, &tokens, error));
    if (!line->force)
        TRY(check_new(&places, arena, error));
    const AttentionInput input = {.model = snapshot.run->model,
                                  .parameters = snapshot.parameters,
                                  .length = tokens.length,
                                  .tokens = tokens.tokens,
                                  .targets = tokens.targets,
                                  .token_names = snapshot.run->probe.token_names};
    TRY(attention_look(&input, arena, &view, error));
    TRY(attention_write(&view, places.file, texts, texts_fill(&snapshot, &tokens, arena, texts),
                        error));
    TRY(draw_maps(&snapshot, &tokens, &view, &places, arena, &problem, error));
    printf("%s, step %" PRId64 ", %s (%d tokens): %s\n", snapshot.path, snapshot.step,
           tokens.described, tokens.length, places.file);
    const char *stem = strcmp(places.directory, ".") == 0
                           ? places.name
                           : arena_format(arena, "%s%s", places.directory, places.name);
    if (problem == NULL)
        printf("figure: %s.svg, .png and .pdf; its data and script: .csv and .gp\n", stem);
    else
        printf("figure: only its data and script, %s.csv and .gp: %s\n", stem, problem);
    return STATUS_OK;
}
