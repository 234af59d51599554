#include "train/snapshot.h"

#include "train/parameter_file.h"
#include "train/storage.h"

#include <inttypes.h>
#include <string.h>

const char *snapshot_name(int64_t step, Arena *arena) {
    return arena_format(arena, "snapshots/step-%08" PRId64 ".h5", step);
}

static Status snapshot_fill(hid_t file, const ParameterTable *table, const float *parameters,
                            int64_t step, int64_t tokens, Error *error) {
    char hash[65];
    parameters_hash(table, parameters, hash);
    TRY(storage_set_integer(file, "/", "step", step, error));
    TRY(storage_set_integer(file, "/", "tokens", tokens, error));
    TRY(storage_set_text(file, "/", "parameters_sha256", hash, error));
    return parameter_file_write(file, "/parameters", table, parameters, error);
}

Status snapshot_write(const char *directory, const ParameterTable *table, const float *parameters,
                      int64_t step, int64_t tokens, Error *error) {
    Arena arena = arena_create("a snapshot's path");
    const char *folder = arena_format(&arena, "%s/snapshots", directory);
    const char *path = arena_format(&arena, "%s/%s", directory, snapshot_name(step, &arena));
    StorageWriter writer = {0};
    Status status = storage_make_directory(folder, error);
    if (status == STATUS_OK)
        status = storage_create_sized(&writer, path, sizeof(float) * table->total, error);
    if (status == STATUS_OK)
        status = snapshot_fill(writer.file, table, parameters, step, tokens, error);
    if (status == STATUS_OK)
        status = storage_commit(&writer, error);
    storage_abandon(&writer);
    arena_destroy(&arena);
    return status;
}

static Status snapshot_load(hid_t file, const char *path, const ParameterTable *table,
                            float *parameters, int64_t *step, Arena *arena, Error *error) {
    TRY(storage_get_integer(file, "/", "step", step, error));
    TRY(parameter_file_read(file, "/parameters", table, parameters, error));
    const char *held_hash;
    TRY(storage_get_text(file, "/", "parameters_sha256", arena, &held_hash, error));
    char hash[65];
    parameters_hash(table, parameters, hash);
    if (strcmp(hash, held_hash) != 0)
        return error_set(
            error, STATUS_FAILED,
            "%s is damaged: its parameters have the SHA-256 %.12s…, not the %.12s… that "
            "was stored with them; remove it and run again to make it anew",
            path, hash, held_hash);
    return STATUS_OK;
}

Status snapshot_read_file(const char *path, const ParameterTable *table, float *parameters,
                          int64_t *step, Error *error) {
    Arena arena = arena_create("reading a snapshot");
    hid_t file = 0;
    Status status = storage_open(path, &file, error);
    if (status == STATUS_OK)
        status = snapshot_load(file, path, table, parameters, step, &arena, error);
    storage_close(file);
    arena_destroy(&arena);
    return status;
}

Status snapshot_read(const char *directory, int64_t step, const ParameterTable *table,
                     float *parameters, Error *error) {
    Arena arena = arena_create("reading a snapshot");
    const char *path = arena_format(&arena, "%s/%s", directory, snapshot_name(step, &arena));
    int64_t held;
    Status status = snapshot_read_file(path, table, parameters, &held, error);
    if (status == STATUS_OK && held != step)
        status = error_set(error, STATUS_FAILED,
                           "%s holds step %" PRId64 ", not %" PRId64 ": was the file renamed?",
                           path, held, step);
    arena_destroy(&arena);
    return status;
}

bool snapshot_valid(const char *directory, int64_t step, const ParameterTable *table,
                    Error *error) {
    Arena arena = arena_create("checking a snapshot");
    Status status = arena_reserve(&arena, sizeof(float) * table->total + 64, error);
    if (status == STATUS_OK)
        status =
            snapshot_read(directory, step, table, ARENA_ARRAY(&arena, float, table->total), error);
    arena_destroy(&arena);
    return status == STATUS_OK;
}
