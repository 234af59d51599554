#include "train/run_status.h"

#include "train/storage.h"

#include <math.h>
#include <unistd.h>

static Status read_log(hid_t file, Arena *arena, RunStatus *status, Error *error) {
    int rank;
    hsize_t shape[8];
    TRY(storage_shape(file, "log/loss", &rank, shape, error));
    status->logged_steps = (int64_t)shape[0];
    status->last_loss = NAN;
    if (shape[0] == 0)
        return STATUS_OK;
    float *losses = ARENA_ARRAY(arena, float, shape[0]);
    TRY(storage_read(file, "log/loss", H5T_NATIVE_FLOAT, shape[0], losses, error));
    status->last_loss = (double)losses[shape[0] - 1];
    return STATUS_OK;
}

static Status read_all(hid_t file, Arena *arena, RunStatus *status, Error *error) {
    const struct {
        const char *name, **text;
    } texts[] = {
        {"status", &status->status},          {"failure", &status->failure},
        {"identity", &status->identity},      {"experiment_yaml", &status->experiment_yaml},
        {"start_time", &status->start_time},  {"end_time", &status->end_time},
        {"data_sha256", &status->data_sha256}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        TRY(storage_get_text(file, "/", texts[i].name, arena, texts[i].text, error));
    return read_log(file, arena, status, error);
}

Status run_status_read(const char *directory, Arena *arena, RunStatus *status, Error *error) {
    *status = (RunStatus){0};
    const char *path = arena_format(arena, "%s/run.h5", directory);
    if (access(path, F_OK) != 0)
        return STATUS_OK;
    hid_t file;
    TRY(storage_open(path, &file, error));
    Status read = read_all(file, arena, status, error);
    storage_close(file);
    if (read != STATUS_OK)
        return error_context(error, read, "%s", path);
    status->exists = true;
    return STATUS_OK;
}
