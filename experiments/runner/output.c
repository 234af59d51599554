#include "experiments/runner/output.h"

#include "experiments/runner/identity.h"
#include "experiments/runner/run_lock.h"
#include "model/base/log.h"
#include "train/run_status.h"
#include "train/snapshot.h"
#include "train/storage.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CONFLICTS_SHOWN = 3, OLD_FOLDERS_LARGEST = 10000 };

const char *output_directory(const RunPlan *plan, const char *given, Arena *arena) {
    if (given == NULL)
        return arena_format(arena, "results/%s", plan->runs[0].experiment.run.experiment);
    size_t length = strlen(given);
    while (length > 1 && given[length - 1] == '/')
        length--;
    return arena_format(arena, "%.*s", (int)length, given);
}

const char *output_run_directory(const char *directory, const PlannedRun *run, Arena *arena) {
    return arena_format(arena, "%s/%s", directory, run->name);
}

/* How a run's folder stands to the run that is to have it. */
typedef enum Conflict {
    CONFLICT_NONE,    /* empty, or the same run */
    CONFLICT_SHORTER, /* the same run, of fewer steps: it can be trained on */
    CONFLICT_OTHER,
} Conflict;

static bool is_there(const char *directory, const char *name, Arena *arena) {
    return access(arena_format(arena, "%s/%s", directory, name), F_OK) == 0;
}

/* Whether the folder has a snapshot after the start. The first alone may be all that a run had
   come to. */
static bool has_snapshots(const char *directory, Arena *arena) {
    DIR *folder = opendir(arena_format(arena, "%s/snapshots", directory));
    bool found = false;
    if (folder == NULL)
        return false;
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        long long step;
        int length = 0;
        found = found || (sscanf(entry->d_name, "step-%lld.h5%n", &step, &length) == 1 &&
                          step > 0 && length == (int)strlen(entry->d_name));
    }
    closedir(folder);
    return found;
}

/* A folder that lost run.h5: what is left of it? *differences says how it differs. */
static Conflict conflict_of_rest(const PlannedRun *run, const char *directory, Arena *arena,
                                 const char **differences) {
    hid_t file;
    int64_t step = 0, steps = run->experiment.run.train.steps;
    const char *identity = NULL;
    const char *path = arena_format(arena, "%s/checkpoint.h5", directory);
    if (!is_there(directory, "checkpoint.h5", arena)) {
        *differences = "\n  (only its snapshots are left, which do not hold the settings)";
        bool lost = !is_there(directory, "run.h5", arena) &&
                    !is_there(directory, "run.h5.damaged", arena) &&
                    !is_there(directory, "checkpoint.previous.h5", arena);
        return lost && has_snapshots(directory, arena) ? CONFLICT_OTHER : CONFLICT_NONE;
    }
    if (storage_open(path, &file, NULL) != STATUS_OK)
        return CONFLICT_NONE;
    bool told = storage_get_text(file, "/", "identity", arena, &identity, NULL) == STATUS_OK &&
                storage_get_integer(file, "/", "step", &step, NULL) == STATUS_OK;
    storage_close(file);
    *differences = "\n  (only its checkpoint is left, which does not hold the settings)";
    if (told && step > steps)
        *differences =
            arena_format(arena, "\n  (its checkpoint is of step %lld, beyond this run's %lld)",
                         (long long)step, (long long)steps);
    bool other = told && (strcmp(identity, run->state_identity) != 0 || step > steps);
    return other ? CONFLICT_OTHER : CONFLICT_NONE;
}

/* *differences says how they differ, unless there is no conflict. */
static Conflict conflict_of(const ExperimentFile *file, const PlannedRun *run,
                            const char *directory, Arena *arena, const char **differences) {
    RunStatus stored;
    Error damage;
    bool same;
    if (run_status_read(directory, arena, &stored, &damage) != STATUS_OK || !stored.exists)
        return conflict_of_rest(run, directory, arena, differences);
    if (strcmp(stored.identity, run->identity) == 0)
        return CONFLICT_NONE;
    identity_compare(file, stored.experiment_yaml, run->yaml, arena, &same, differences);
    if (same)
        *differences = "\n  (no key that is known: another version of the program made it)";
    bool shorter = strcmp(stored.status, "failed") != 0 &&
                   identity_begins(file, stored.experiment_yaml, &run->experiment);
    return shorter ? CONFLICT_SHORTER : CONFLICT_OTHER;
}

static Status rename_aside(const char *directory, RunLock *lock, Error *error) {
    char aside[LOCK_PATH_BYTES];
    for (int number = 1; number < OLD_FOLDERS_LARGEST; number++) {
        snprintf(aside, sizeof aside, "%s.old-%d", directory, number);
        if (access(aside, F_OK) == 0)
            continue;
        if (rename(directory, aside) != 0)
            return error_errno(error, STATUS_BAD_INPUT, "%s: cannot be renamed to %s", directory,
                               aside);
        run_lock_moved(lock, aside);
        log_line(LOG_INFO, "%s is now %s", directory, aside);
        return STATUS_OK;
    }
    return error_set(error, STATUS_BAD_INPUT, "%s: too many older folders beside it", directory);
}

/* Removes what holds for the shorter run alone: its last snapshot, where that is not due now,
   run.h5 and analysis.h5. Training then goes on from its checkpoint, or begins anew without one. */
static Status forget_end(const char *directory, const PlannedRun *run, Arena *arena, Error *error) {
    RunStatus stored;
    const RunConfig *config = &run->experiment.run;
    TRY(run_status_read(directory, arena, &stored, error));
    const char *const names[] = {"analysis.h5", snapshot_name(stored.logged_steps, arena),
                                 "run.h5"};
    bool ended = strcmp(stored.status, "done") == 0;
    bool due = snapshot_due(&config->snapshots, stored.logged_steps, config->train.steps);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *path = arena_format(arena, "%s/%s", directory, names[i]);
        bool kept = i == 1 && (due || !ended);
        if (!kept && unlink(path) != 0 && errno != ENOENT)
            return error_errno(error, STATUS_BAD_INPUT, "%s: cannot be removed", path);
    }
    const char *checkpoint = arena_format(arena, "%s/checkpoint.h5", directory);
    if (access(checkpoint, F_OK) == 0)
        log_line(LOG_INFO, "%s: goes on from step %lld to %lld", directory,
                 (long long)stored.logged_steps, (long long)config->train.steps);
    else
        log_line(LOG_INFO, "%s: has no checkpoint, so it is trained from the start to step %lld",
                 directory, (long long)config->train.steps);
    return STATUS_OK;
}

/* Sets the folder aside (run NULL), or makes it one of a longer run. */
static Status folder_change(const char *directory, const PlannedRun *run, Arena *arena,
                            Error *error) {
    RunLock lock;
    bool taken;
    if (run_lock_take(directory, &lock, &taken, error) != STATUS_OK)
        return STATUS_BAD_INPUT;
    if (!taken)
        return error_set(error, STATUS_BAD_INPUT, "%s: another process is working on this run",
                         directory);
    Status status = run == NULL ? rename_aside(directory, &lock, error)
                                : forget_end(directory, run, arena, error);
    run_lock_release(&lock);
    return status;
}

/* What was found in the folders of all runs. */
typedef struct Conflicts {
    Conflict *of; /* [plan->count] */
    size_t count, shorter;
    TextBuffer text; /* the first of them, for a person */
} Conflicts;

static void conflicts_find(const ExperimentFile *file, const RunPlan *plan, const char *directory,
                           Arena *arena, Conflicts *conflicts) {
    *conflicts =
        (Conflicts){.of = ARENA_ARRAY(arena, Conflict, plan->count), .text = {.arena = arena}};
    for (size_t i = 0; i < plan->count; i++) {
        const char *differences;
        const char *folder = output_run_directory(directory, &plan->runs[i], arena);
        conflicts->of[i] = conflict_of(file, &plan->runs[i], folder, arena, &differences);
        if (conflicts->of[i] == CONFLICT_NONE)
            continue;
        conflicts->shorter += conflicts->of[i] == CONFLICT_SHORTER;
        if (conflicts->count++ < CONFLICTS_SHOWN)
            text_add(&conflicts->text, "\n%s:%s", folder, differences);
    }
    if (conflicts->count > CONFLICTS_SHOWN)
        text_add(&conflicts->text, "\nand %zu more", conflicts->count - CONFLICTS_SHOWN);
}

static Status conflicts_resolve(const ExperimentFile *file, const RunPlan *plan,
                                const char *directory, bool force, bool extend, Arena *arena,
                                Error *error) {
    Conflicts conflicts;
    conflicts_find(file, plan, directory, arena, &conflicts);
    bool extendable = conflicts.shorter == conflicts.count;
    if (conflicts.count > 0 && !force && !(extend && extendable))
        return error_set(error, STATUS_BAD_INPUT,
                         "%s: holds results made with other settings (theirs → this file's):%s\n"
                         "nothing was changed. Go on with --output DIR to write elsewhere, or with "
                         "--force to set the older folders aside as <run>.old-1%s",
                         directory, conflicts.text.text,
                         extendable ? ", or with `fiducial run --extend` to train them on" : "");
    for (size_t i = 0; i < plan->count; i++) {
        const char *folder = output_run_directory(directory, &plan->runs[i], arena);
        bool longer = extend && conflicts.of[i] == CONFLICT_SHORTER;
        if (conflicts.of[i] != CONFLICT_NONE)
            TRY(folder_change(folder, longer ? &plan->runs[i] : NULL, arena, error));
    }
    return STATUS_OK;
}

static bool is_planned(const RunPlan *plan, const char *name) {
    for (size_t i = 0; i < plan->count; i++)
        if (strcmp(plan->runs[i].name, name) == 0)
            return true;
    return false;
}

/* Folders below directory with a run that is not in the plan. */
static NameList other_runs(const RunPlan *plan, const char *directory, Arena *arena) {
    NameList others = {0};
    DIR *folder = opendir(directory);
    if (folder == NULL)
        return others;
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        const char *run_file = arena_format(arena, "%s/%s/run.h5", directory, entry->d_name);
        if (strstr(entry->d_name, ".old-") == NULL && !is_planned(plan, entry->d_name) &&
            access(run_file, F_OK) == 0)
            names_add(&others, arena, arena_string(arena, entry->d_name));
    }
    closedir(folder);
    return others;
}

static void name_other_runs(const RunPlan *plan, const char *directory, Arena *arena) {
    NameList others = other_runs(plan, directory, arena);
    if (others.count > 0)
        log_line(LOG_INFO,
                 "%s also holds %zu %s that this file does not make, which the report "
                 "leaves out: %s",
                 directory, others.count, others.count == 1 ? "run" : "runs",
                 names_join(&others, arena));
}

/* STATUS_BAD_INPUT where a process works on one of these runs. */
static Status check_idle(const NameList *others, const char *directory, Arena *arena,
                         Error *error) {
    for (size_t i = 0; i < others->count; i++) {
        LockView view = run_lock_look(arena_format(arena, "%s/%s", directory, others->names[i]));
        if (view.held)
            return error_set(error, STATUS_BAD_INPUT,
                             "%s: process %lld on %s is at work there for a file that gives the "
                             "same runs other names; wait for its end, or give another --output",
                             directory, (long long)view.process, view.host);
    }
    return STATUS_OK;
}

/* Renames folder to the name that this plan has for its run, unless a process works in it. */
static Status adopt(const char *folder, const char *wanted, Error *error) {
    RunLock lock;
    bool taken;
    TRY(run_lock_take(folder, &lock, &taken, error));
    if (!taken)
        return STATUS_OK;
    Status status = STATUS_OK;
    if (rename(folder, wanted) != 0)
        status = error_errno(error, STATUS_FAILED, "%s: cannot be renamed to %s", folder, wanted);
    else
        run_lock_moved(&lock, wanted);
    run_lock_release(&lock);
    if (status == STATUS_OK)
        log_line(LOG_INFO, "%s is now %s: it is the same run", folder, wanted);
    return status;
}

/* A run is what it computes, not its name: where the plan calls it otherwise than its folder (a key
   more is swept), the folder is renamed and not trained again; not under a command that is at work
   by the other names. */
static Status runs_adopt(const RunPlan *plan, const char *directory, Arena *arena, Error *error) {
    NameList others = other_runs(plan, directory, arena);
    for (size_t i = 0; i < others.count; i++) {
        RunStatus stored;
        const char *folder = arena_format(arena, "%s/%s", directory, others.names[i]);
        if (run_status_read(folder, arena, &stored, NULL) != STATUS_OK || !stored.exists)
            continue;
        for (size_t k = 0; k < plan->count; k++) {
            const char *wanted = output_run_directory(directory, &plan->runs[k], arena);
            if (strcmp(plan->runs[k].identity, stored.identity) != 0 || access(wanted, F_OK) == 0)
                continue;
            TRY(check_idle(&others, directory, arena, error));
            TRY(adopt(folder, wanted, error));
            break;
        }
    }
    return STATUS_OK;
}

static Status prepare(const ExperimentFile *file, const RunPlan *plan, const char *directory,
                      bool force, bool extend, Arena *arena, Error *error) {
    TRY(conflicts_resolve(file, plan, directory, force, extend, arena, error));
    RunLock lock = {.descriptor = -1};
    Status status = storage_make_directory(directory, error);
    if (status == STATUS_OK)
        status = run_lock_wait(directory, &lock, error); /* others may do the same at this moment */
    if (status == STATUS_OK)
        status = storage_write_text(arena_format(arena, "%s/experiment.yaml", directory),
                                    file->text, file->bytes, error);
    run_lock_release(&lock); /* adopting takes that of the runs, one at a time */
    if (status == STATUS_OK)
        status = runs_adopt(plan, directory, arena, error);
    if (status != STATUS_OK)
        return error_context(error, STATUS_BAD_INPUT, "the output folder cannot be used");
    name_other_runs(plan, directory, arena);
    return STATUS_OK;
}

Status output_prepare(const ExperimentFile *file, const RunPlan *plan, const char *directory,
                      bool force, bool extend, Error *error) {
    Arena arena = arena_create("the output folder");
    Status status = prepare(file, plan, directory, force, extend, &arena, error);
    arena_destroy(&arena);
    return status;
}
