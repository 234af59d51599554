/* checkpoint.h5: everything that resume needs, under one hash. */
#include "train/parameter_file.h"
#include "train/snapshot.h"
#include "train/source.h"
#include "train/storage.h"

#include "model/base/log.h"
#include "model/base/sha256.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const newest_name = "checkpoint.h5";
static const char *const previous_name = "checkpoint.previous.h5";

typedef struct LogColumn {
    const char *name;
    float *values;
} LogColumn;

enum { LOG_COLUMNS = 4 };

static void log_columns(const TrainLog *log, LogColumn columns[LOG_COLUMNS]) {
    columns[0] = (LogColumn){"/log/loss", log->loss};
    columns[1] = (LogColumn){"/log/learning_rate", log->learning_rate};
    columns[2] = (LogColumn){"/log/gradient_norm", log->gradient_norm};
    columns[3] = (LogColumn){"/log/tokens_per_second", log->tokens_per_second};
}

/* Over everything that checkpoint_read would hand on. */
static void state_hash(const ParameterTable *table, const TrainState *state, const char *identity,
                       const char *data, char hex[65]) {
    Sha256 hash = sha256_begin();
    const int64_t numbers[] = {state->step, state->tokens, state->slot_count, state->log->count,
                               (int64_t)table->total};
    sha256_add(&hash, numbers, sizeof numbers);
    sha256_add(&hash, identity, strlen(identity));
    sha256_add(&hash, data, strlen(data));
    sha256_add(&hash, state->parameters, sizeof(float) * table->total);
    sha256_add(&hash, state->slots, sizeof(float) * table->total * (size_t)state->slot_count);
    LogColumn columns[LOG_COLUMNS];
    log_columns(state->log, columns);
    for (int i = 0; i < LOG_COLUMNS; i++)
        sha256_add(&hash, columns[i].values, sizeof(float) * (size_t)state->log->count);
    sha256_end(&hash, hex);
}

static void slot_group(char group[32], int slot) {
    snprintf(group, 32, "/optimizer/%d", slot);
}

/* ---- Writing -------------------------------------------------------------------------------- */

static Status checkpoint_fill(hid_t file, const ParameterTable *table, const TrainState *state,
                              const char *identity, Error *error) {
    char hash[65];
    state_hash(table, state, identity, state->data_sha256, hash);
    TRY(storage_set_integer(file, "/", "step", state->step, error));
    TRY(storage_set_integer(file, "/", "tokens", state->tokens, error));
    TRY(storage_set_integer(file, "/", "slot_count", state->slot_count, error));
    TRY(storage_set_integer(file, "/", "log_count", state->log->count, error));
    TRY(storage_set_text(file, "/", "identity", identity, error));
    TRY(storage_set_text(file, "/", "data_sha256", state->data_sha256, error));
    TRY(storage_set_text(file, "/", "checkpoint_sha256", hash, error));
    TRY(parameter_file_write(file, "/parameters", table, state->parameters, error));
    for (int slot = 0; slot < state->slot_count; slot++) {
        char group[32];
        slot_group(group, slot);
        TRY(parameter_file_write(file, group, table, state->slots + (size_t)slot * table->total,
                                 error));
    }
    LogColumn columns[LOG_COLUMNS];
    log_columns(state->log, columns);
    const hsize_t count[1] = {(hsize_t)state->log->count};
    for (int i = 0; i < LOG_COLUMNS; i++)
        TRY(storage_write(file, columns[i].name, H5T_NATIVE_FLOAT, 1, count, columns[i].values,
                          error));
    return STATUS_OK;
}

static size_t checkpoint_bytes(const ParameterTable *table, const TrainState *state) {
    size_t log = LOG_COLUMNS * (size_t)state->log->count;
    return sizeof(float) * (table->total * (size_t)(1 + state->slot_count) + log);
}

Status checkpoint_write(const char *directory, const ParameterTable *table, const TrainState *state,
                        const char *identity, Error *error) {
    Arena arena = arena_create("writing a checkpoint");
    const char *path = arena_format(&arena, "%s/%s", directory, newest_name);
    const char *previous = arena_format(&arena, "%s/%s", directory, previous_name);
    StorageWriter writer = {0};
    Status status = storage_make_directory(directory, error);
    if (status == STATUS_OK)
        status = storage_create_sized(&writer, path, checkpoint_bytes(table, state), error);
    if (status == STATUS_OK)
        status = checkpoint_fill(writer.file, table, state, identity, error);
    if (status == STATUS_OK)
        status = storage_commit_keeping(&writer, previous, error);
    storage_abandon(&writer);
    arena_destroy(&arena);
    return status;
}

/* ---- Reading -------------------------------------------------------------------------------- */

typedef enum Verdict {
    VERDICT_SOUND,
    VERDICT_MISSING,
    VERDICT_DAMAGED, /* error says how */
    VERDICT_CLOSED,  /* cannot be opened, so that it may be sound; error says why */
    VERDICT_REFUSED, /* sound, but not for this run; error says why */
    VERDICT_DATA,    /* sound, but its text has changed since; error says so */
    VERDICT_LATER,   /* of a later step than was asked for; nothing was read */
} Verdict;

/* What a checkpoint must fit to be read. */
typedef struct Wanted {
    const char *identity;
    int64_t latest; /* step */
} Wanted;

typedef struct CheckpointHead {
    int64_t step, tokens, slot_count, log_count;
    const char *identity, *sha256;
    const char *data; /* NULL: written before checkpoints knew it */
} CheckpointHead;

static Status head_read(hid_t file, Arena *arena, CheckpointHead *head, Error *error) {
    TRY(storage_get_integer(file, "/", "step", &head->step, error));
    TRY(storage_get_integer(file, "/", "tokens", &head->tokens, error));
    TRY(storage_get_integer(file, "/", "slot_count", &head->slot_count, error));
    TRY(storage_get_integer(file, "/", "log_count", &head->log_count, error));
    TRY(storage_get_text(file, "/", "identity", arena, &head->identity, error));
    if (storage_get_text(file, "/", "data_sha256", arena, &head->data, NULL) != STATUS_OK)
        head->data = NULL;
    return storage_get_text(file, "/", "checkpoint_sha256", arena, &head->sha256, error);
}

static Status content_read(hid_t file, const CheckpointHead *head, const ParameterTable *table,
                           TrainState *state, Error *error) {
    if (head->slot_count != state->slot_count)
        return error_set(error, STATUS_FAILED,
                         "it holds %" PRId64 " optimizer states per parameter, this optimizer has "
                         "%d",
                         head->slot_count, state->slot_count);
    if (state->log->capacity > 0 && head->log_count > state->log->capacity)
        return error_set(error, STATUS_FAILED,
                         "it holds %" PRId64 " training steps, this run has only %" PRId64,
                         head->log_count, state->log->capacity);
    state->step = head->step;
    state->tokens = head->tokens;
    state->log->count = head->log_count;
    TRY(parameter_file_read(file, "/parameters", table, state->parameters, error));
    for (int slot = 0; slot < state->slot_count; slot++) {
        char group[32];
        slot_group(group, slot);
        TRY(parameter_file_read(file, group, table, state->slots + (size_t)slot * table->total,
                                error));
    }
    LogColumn columns[LOG_COLUMNS];
    log_columns(state->log, columns);
    for (int i = 0; i < LOG_COLUMNS; i++)
        TRY(storage_read(file, columns[i].name, H5T_NATIVE_FLOAT, (size_t)head->log_count,
                         columns[i].values, error));
    return STATUS_OK;
}

/* A text that names another configuration may itself be what is damaged: that is so where
   everything else fits this run and only the hash over all of it is wrong. */
static Verdict file_judge(hid_t file, const char *path, const ParameterTable *table,
                          TrainState *state, const Wanted *wanted, Arena *arena, Error *error) {
    CheckpointHead head;
    if (head_read(file, arena, &head, error) != STATUS_OK)
        return VERDICT_DAMAGED;
    if (head.step > wanted->latest)
        return VERDICT_LATER;
    bool same = strcmp(head.identity, wanted->identity) == 0;
    char hash[65] = "";
    bool loaded = content_read(file, &head, table, state, error) == STATUS_OK;
    if (loaded)
        state_hash(table, state, head.identity, head.data == NULL ? "" : head.data, hash);
    bool whole = strcmp(hash, head.sha256) == 0;
    bool same_data = head.data == NULL || strcmp(head.data, state->data_sha256) == 0;
    if (same && whole && same_data)
        return VERDICT_SOUND;
    if (same && whole) {
        source_changed(path, error);
        return VERDICT_DATA;
    }
    if (loaded && !whole)
        error_set(error, STATUS_FAILED,
                  "its content has the SHA-256 %.12s…, not the %.12s… that was "
                  "stored with it",
                  hash, head.sha256);
    if (same || (loaded && !whole)) {
        error_context(error, STATUS_FAILED, "%s is damaged", path);
        return VERDICT_DAMAGED;
    }
    error_set(error, STATUS_BAD_INPUT,
              "%s belongs to another configuration (%.12s…; this run is %.12s…); write "
              "elsewhere with --output, or start anew with --force",
              path, head.identity, wanted->identity);
    return VERDICT_REFUSED;
}

static Verdict checkpoint_judge(const char *path, const ParameterTable *table, TrainState *state,
                                const Wanted *wanted, Arena *arena, Error *error) {
    bool exists;
    if (storage_can_open(path, &exists, error) != STATUS_OK)
        return VERDICT_CLOSED;
    if (!exists)
        return VERDICT_MISSING;
    hid_t file = 0;
    if (storage_open(path, &file, error) != STATUS_OK)
        return VERDICT_DAMAGED;
    Verdict verdict = file_judge(file, path, table, state, wanted, arena, error);
    storage_close(file);
    return verdict;
}

/* So that nothing reads it again and a person can look at it. */
static void set_aside(const char *path, const Error *error, Arena *arena) {
    const char *aside = arena_format(arena, "%s.damaged", path);
    bool moved = rename(path, aside) == 0;
    log_line(LOG_WARNING, "%s%s%s", error->message, moved ? "; the file is kept as " : "",
             moved ? aside : "");
}

Status checkpoint_read(const char *directory, const ParameterTable *table, TrainState *state,
                       const char *identity, int64_t latest, bool *found, Error *error) {
    Arena arena = arena_create("reading a checkpoint");
    const char *const names[] = {newest_name, previous_name};
    const Wanted wanted = {identity, latest};
    Status status = STATUS_OK;
    *found = false;
    for (int i = 0; i < 2 && status == STATUS_OK && !*found; i++) {
        const char *path = arena_format(&arena, "%s/%s", directory, names[i]);
        Error reason = {.message = ""};
        Verdict verdict = checkpoint_judge(path, table, state, &wanted, &arena, &reason);
        *found = verdict == VERDICT_SOUND;
        if (verdict == VERDICT_DAMAGED)
            set_aside(path, &reason, &arena);
        if (verdict == VERDICT_REFUSED)
            status = error_set(error, STATUS_BAD_INPUT, "%s", reason.message);
        if (verdict == VERDICT_CLOSED || verdict == VERDICT_DATA)
            status = error_set(error, STATUS_FAILED, "%s", reason.message);
        if (*found && i > 0 && latest == INT64_MAX)
            log_line(LOG_WARNING, "%s: going on from the previous checkpoint, of step %" PRId64,
                     path, state->step);
    }
    arena_destroy(&arena);
    return status;
}
