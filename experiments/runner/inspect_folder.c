/* What a run's folder and an experiment's hold, for a person. */
#include "experiments/runner/inspect_folder.h"

#include "experiments/runner/inspect_analysis.h"
#include "experiments/runner/inspect_run.h"
#include "train/checksum.h"
#include "train/run_status.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int compare_names(const void *first, const void *second) {
    return strcmp(*(const char *const *)first, *(const char *const *)second);
}

/* Names in a folder, ascending, without hidden ones. */
static NameList folder_names(const char *path, Arena *arena) {
    NameList names = {0};
    DIR *folder = opendir(path);
    if (folder == NULL)
        return names;
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
        if (entry->d_name[0] != '.')
            names_add(&names, arena, arena_string(arena, entry->d_name));
    closedir(folder);
    if (names.count > 0)
        qsort(names.names, names.count, sizeof *names.names, compare_names);
    return names;
}

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), suffix = strlen(end);
    return length >= suffix && strcmp(text + length - suffix, end) == 0;
}

static const char *size_text(const char *path, Arena *arena) {
    struct stat information;
    if (stat(path, &information) != 0)
        return "?";
    double bytes = (double)information.st_size;
    return bytes < 1e4   ? arena_format(arena, "%.0f B", bytes)
           : bytes < 1e7 ? arena_format(arena, "%.0f kB", bytes / 1e3)
                         : arena_format(arena, "%.0f MB", bytes / 1e6);
}

/* ---- A run ----------------------------------------------------------------------------------- */

typedef struct Files {
    Inspector *inspector;
    const char *folder;
    Columns table;
    size_t damaged;
} Files;

/* One line of what a sound file holds. */
static const char *content_text(Files *files, hid_t file) {
    Arena *arena = files->inspector->arena;
    int64_t step = 0;
    bool sound = false;
    storage_get_integer(file, "/", "step", &step, NULL);
    switch (inspect_kind(file, arena)) {
    case STORED_SNAPSHOT:
        if (inspect_parameters_sound(file, arena, &sound, NULL) != STATUS_OK || !sound) {
            files->damaged++;
            return "DAMAGED: its parameters do not have the SHA-256 stored with them";
        }
        return arena_format(arena, "parameters of step %s, SHA-256 verified",
                            inspect_count(step, arena));
    case STORED_CHECKPOINT:
        return arena_format(arena, "state of step %s", inspect_count(step, arena));
    case STORED_ANALYSIS:
        return inspect_analyses(file, true, arena);
    case STORED_ATTENTION:
        return inspect_text(file, "/", "input", arena, "");
    case STORED_RUN:
        return "see above";
    case STORED_FOREIGN:
        break;
    }
    return "none of Fiducial's";
}

static void add_file(Files *files, const char *name) {
    Arena *arena = files->inspector->arena;
    const char *path = arena_format(arena, "%s/%s", files->folder, name), *content;
    hid_t file;
    Error error;
    const char *checksum = checksum_present(path) ? "verified" : "none";
    if (storage_open(path, &file, &error) == STATUS_OK) {
        content = content_text(files, file);
        storage_close(file);
    } else {
        files->damaged++;
        checksum = "wrong";
        content = arena_format(arena, "DAMAGED: %s", error.message);
    }
    columns_add(&files->table, (const char *[]){name, size_text(path, arena), checksum, content});
}

static void add_files(Files *files) {
    Arena *arena = files->inspector->arena;
    NameList names = folder_names(files->folder, arena);
    for (size_t i = 0; i < names.count; i++)
        if (ends_with(names.names[i], ".h5"))
            add_file(files, names.names[i]);
    const char *below = arena_format(arena, "%s/snapshots", files->folder);
    names = folder_names(below, arena);
    for (size_t i = 0; i < names.count; i++)
        if (ends_with(names.names[i], ".h5"))
            add_file(files, arena_format(arena, "snapshots/%s", names.names[i]));
}

Status inspect_run_folder(Inspector *inspector, const char *path) {
    Arena *arena = inspector->arena;
    const char *run_file = arena_format(arena, "%s/run.h5", path);
    hid_t file;
    Error damage = {.message = ""};
    inspect_fact(inspector, "kind", "the folder of one run");
    Status status = storage_open(run_file, &file, &damage);
    if (status == STATUS_OK) {
        status = inspect_run_file(inspector, file, path);
        storage_close(file);
        TRY(status);
    }
    Files files = {.inspector = inspector,
                   .folder = path,
                   .table = {.arena = arena, .count = 4, .right = "lrll"}};
    inspect_heading(inspector, "files");
    columns_add(&files.table, (const char *[]){"file", "size", "checksum", "holds"});
    add_files(&files);
    columns_write(&files.table, 2, &inspector->text);
    if (files.damaged == 0)
        return STATUS_OK;
    return error_set(inspector->error, STATUS_FAILED,
                     "%s: %zu %s; `fiducial run` makes what is needed anew", path, files.damaged,
                     files.damaged == 1 ? "file is damaged" : "files are damaged");
}

/* ---- An experiment --------------------------------------------------------------------------- */

static const char *analyses_of(const char *folder, Arena *arena) {
    const char *path = arena_format(arena, "%s/analysis.h5", folder);
    hid_t file;
    if (access(path, F_OK) != 0)
        return "not analysed";
    if (storage_open(path, &file, NULL) != STATUS_OK)
        return "analysis.h5 is DAMAGED";
    const char *text = inspect_analyses(file, false, arena);
    storage_close(file);
    return text;
}

/* False where the folder holds no run. */
static bool add_run(Inspector *inspector, const char *path, const char *name, Columns *table,
                    size_t *damaged) {
    Arena *arena = inspector->arena;
    const char *folder = arena_format(arena, "%s/%s", path, name);
    RunStatus run;
    Error error;
    if (run_status_read(folder, arena, &run, &error) != STATUS_OK) {
        ++*damaged;
        columns_add(table, (const char *[]){name, "DAMAGED", "", "", error.message});
        return true;
    }
    if (!run.exists)
        return false;
    columns_add(table, (const char *[]){name, run.status, inspect_count(run.logged_steps, arena),
                                        arena_format(arena, "%.5g", run.last_loss),
                                        analyses_of(folder, arena)});
    return true;
}

Status inspect_experiment_folder(Inspector *inspector, const char *path) {
    Arena *arena = inspector->arena;
    Columns table = {.arena = arena, .count = 5, .right = "llrrl"};
    NameList names = folder_names(path, arena);
    size_t runs = 0, damaged = 0;
    columns_add(&table, (const char *[]){"run", "status", "steps", "loss", "analyses"});
    for (size_t i = 0; i < names.count; i++)
        runs += add_run(inspector, path, names.names[i], &table, &damaged);
    if (runs == 0)
        return error_set(inspector->error, STATUS_BAD_INPUT,
                         "%s holds no run: neither run.h5 nor a folder with one", path);
    inspect_fact(inspector, "kind", "the folder of an experiment, with %zu %s", runs,
                 runs == 1 ? "run" : "runs");
    inspect_facts_write(inspector);
    text_add(&inspector->text, "\n");
    columns_write(&table, 2, &inspector->text);
    if (damaged == 0)
        return STATUS_OK;
    return error_set(inspector->error, STATUS_FAILED, "%s: run.h5 is damaged in %zu of %zu runs",
                     path, damaged, runs);
}
