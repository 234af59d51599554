#include "experiments/runner/run_repair.h"

#include "model/base/log.h"
#include "train/snapshot.h"
#include "train/storage.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* *sound: the file is there and whole. A damaged one is set aside, but not one that cannot be
   opened. */
static Status file_check(const char *path, bool *sound, Error *error) {
    char aside[DURABLE_PATH_BYTES + 16];
    hid_t file;
    Error damage;
    *sound = false;
    TRY(storage_can_open(path, sound, error));
    if (!*sound)
        return STATUS_OK;
    *sound = storage_open(path, &file, &damage) == STATUS_OK;
    if (*sound) {
        storage_close(file);
        return STATUS_OK;
    }
    snprintf(aside, sizeof aside, "%s.damaged", path);
    if (rename(path, aside) != 0)
        return error_errno(error, STATUS_FAILED,
                           "%s is damaged, and cannot be kept as %s; move one of the two away",
                           path, aside);
    const char *advice = strstr(damage.message, "; remove it");
    int length = advice == NULL ? (int)strlen(damage.message) : (int)(advice - damage.message);
    log_line(LOG_WARNING, "%.*s; it is kept as %s, and made anew where it is needed", length,
             damage.message, aside);
    return STATUS_OK;
}

static Status repair(const PlannedRun *run, const char *directory, Arena *arena, Error *error) {
    static const char *const names[] = {"checkpoint.h5", "checkpoint.previous.h5", "analysis.h5",
                                        "run.h5"};
    const RunConfig *config = &run->experiment.run;
    int64_t *steps;
    bool sound;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        TRY(file_check(arena_format(arena, "%s/%s", directory, names[i]), &sound, error));
    size_t count = snapshot_steps(&config->snapshots, config->train.steps, arena, &steps);
    for (size_t i = 0; i < count; i++)
        TRY(file_check(arena_format(arena, "%s/%s", directory, snapshot_name(steps[i], arena)),
                       &sound, error));
    return STATUS_OK;
}

Status run_repair(const PlannedRun *run, const char *directory, Error *error) {
    Arena arena = arena_create("the check of a run's files");
    Status status = repair(run, directory, &arena, error);
    arena_destroy(&arena);
    return status;
}
