#include "experiments/runner/inspect.h"

#include "experiments/runner/inspect_analysis.h"
#include "experiments/runner/inspect_folder.h"
#include "experiments/runner/inspect_run.h"
#include "train/checksum.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Files ----------------------------------------------------------------------------------- */

static Status refuse_foreign(const char *path, hid_t file, Arena *arena, Error *error) {
    NameList names = {0};
    TRY(inspect_datasets(file, "/", arena, &names, error));
    const char *holds = names.count == 0 ? "no dataset" : names_join(&names, arena);
    return error_set(
        error, STATUS_BAD_INPUT,
        "%s is an HDF5 file, but none of those that Fiducial writes (run.h5, a snapshot, "
        "a checkpoint, analysis.h5, or the maps of `fiducial attention`); it holds %s",
        path, holds);
}

static const char *folder_of(const char *path, Arena *arena) {
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return ".";
    return arena_format(arena, "%.*s", (int)(slash == path ? 1 : slash - path), path);
}

static const char *const kind_texts[] = {
    [STORED_RUN] = "run: its settings, log and probe, and all its snapshots stacked",
    [STORED_SNAPSHOT] = "snapshot: the parameters at one step",
    [STORED_CHECKPOINT] = "checkpoint: what resuming needs",
    [STORED_ANALYSIS] = "analysis: what was measured on one run",
    [STORED_ATTENTION] = "attention: maps and states of one input",
};

static Status describe_content(Inspector *inspector, hid_t file, const char *path) {
    const char *folder = folder_of(path, inspector->arena);
    StoredKind kind = inspect_kind(file, inspector->arena);
    if (kind != STORED_FOREIGN)
        inspect_fact(inspector, "kind", "%s", kind_texts[kind]);
    inspect_fact(inspector, "checksum", "%s",
                 checksum_present(path) ? "verified"
                                        : "none: another program wrote to the file, or made it");
    switch (kind) {
    case STORED_RUN:
        return inspect_run_file(inspector, file, folder);
    case STORED_SNAPSHOT:
        return inspect_snapshot(inspector, file, arena_format(inspector->arena, "%s/..", folder));
    case STORED_CHECKPOINT:
        return inspect_checkpoint(inspector, file, folder);
    case STORED_ANALYSIS:
        return inspect_analysis(inspector, file, folder);
    case STORED_ATTENTION:
        return inspect_attention(inspector, file);
    case STORED_FOREIGN:
        break;
    }
    return refuse_foreign(path, file, inspector->arena, inspector->error);
}

/* Before HDF5 is asked: a file that does not begin as one is no damaged file of ours. */
static bool begins_as_hdf5(const char *path) {
    static const unsigned char mark[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1A, '\n'};
    unsigned char begin[8] = {0};
    FILE *stream = fopen(path, "rb");
    if (stream == NULL)
        return true; /* storage_open then says why */
    size_t bytes = fread(begin, 1, sizeof begin, stream);
    fclose(stream);
    return bytes == 0 || memcmp(begin, mark, sizeof mark) == 0;
}

static Status describe_file(Inspector *inspector, const char *path) {
    hid_t file;
    if (!begins_as_hdf5(path))
        return error_set(inspector->error, STATUS_BAD_INPUT,
                         "%s is no HDF5 file: it does not begin as one", path);
    TRY(storage_open(path, &file, inspector->error));
    text_add(&inspector->text, "%s\n", path);
    Status status = describe_content(inspector, file, path);
    inspect_facts_write(inspector);
    storage_close(file);
    return status;
}

/* ---- Paths ----------------------------------------------------------------------------------- */

static Status describe_path(Inspector *inspector, const char *path) {
    struct stat information;
    if (stat(path, &information) != 0)
        return error_errno(inspector->error, STATUS_BAD_INPUT, "cannot read %s", path);
    if (!S_ISDIR(information.st_mode))
        return describe_file(inspector, path);
    text_add(&inspector->text, "%s\n", path);
    if (access(arena_format(inspector->arena, "%s/run.h5", path), F_OK) == 0)
        return inspect_run_folder(inspector, path);
    return inspect_experiment_folder(inspector, path);
}

Status inspect_path(const char *path, Arena *arena, const char **text, Error *error) {
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    Inspector inspector = {.arena = arena,
                           .text = {.arena = arena},
                           .facts = {.arena = arena, .count = 2, .right = "ll"},
                           .error = error};
    text_add(&inspector.text, "%s", "");
    Status status = describe_path(&inspector, arena_format(arena, "%.*s", (int)length, path));
    inspect_facts_write(&inspector);
    *text = inspector.text.text;
    return status;
}
