/* run.h5: what a person opens. */
#include "train/parameter_file.h"
#include "train/snapshot.h"
#include "train/storage.h"

#include "model/base/log.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

typedef struct RunFile {
    const char *directory, *path;
    const ParameterTable *table;
    const int64_t *steps;
    size_t step_count;
    const char **snapshots; /* [step_count] paths relative to directory */
    const char **hashes;    /* [step_count] SHA-256 of each snapshot's parameters */
    Arena *arena;
} RunFile;

/* ---- Hashes of the snapshots ---------------------------------------------------------------- */

/* The steps and hashes of a run.h5 that stands already: the snapshots it knows need not be opened
   again. */
typedef struct KnownHashes {
    int64_t *steps;
    const char **hashes;
    size_t count;
    struct timespec time; /* of its last change */
} KnownHashes;

static KnownHashes known_read(const RunFile *run) {
    KnownHashes known = {.count = 0};
    struct stat information;
    hid_t file = 0;
    if (stat(run->path, &information) != 0 || storage_open(run->path, &file, NULL) != STATUS_OK)
        return known;
    size_t count;
    if (storage_exists(file, "/parameters_sha256") && storage_exists(file, "/step") &&
        storage_read_strings(file, "/parameters_sha256", run->arena, &known.hashes, &count, NULL) ==
            STATUS_OK) {
        known.steps = ARENA_ARRAY(run->arena, int64_t, count);
        if (storage_read(file, "/step", H5T_NATIVE_INT64, count, known.steps, NULL) == STATUS_OK)
            known.count = count;
        known.time = information.st_mtim;
    }
    storage_close(file);
    return known;
}

/* Whether the snapshot was last changed before the run.h5 that knows its hash. */
static bool unchanged_since(const char *snapshot, struct timespec time) {
    struct stat information;
    if (stat(snapshot, &information) != 0)
        return false;
    struct timespec changed = information.st_mtim;
    return changed.tv_sec < time.tv_sec ||
           (changed.tv_sec == time.tv_sec && changed.tv_nsec < time.tv_nsec);
}

static Status snapshot_hash(const char *path, Arena *arena, const char **hash, Error *error) {
    hid_t file = 0;
    TRY(storage_open(path, &file, error));
    Status status = storage_get_text(file, "/", "parameters_sha256", arena, hash, error);
    storage_close(file);
    return status;
}

static Status hashes_collect(RunFile *run, Error *error) {
    KnownHashes known = known_read(run);
    size_t next = 0;
    bool seen_before = true; /* whether both of a pair were compared when run.h5 was last written */
    for (size_t i = 0; i < run->step_count; i++) {
        const char *path = arena_format(run->arena, "%s/%s", run->directory, run->snapshots[i]);
        while (next < known.count && known.steps[next] < run->steps[i])
            next++;
        bool seen = next < known.count && known.steps[next] == run->steps[i] &&
                    unchanged_since(path, known.time);
        if (seen)
            run->hashes[i] = known.hashes[next];
        else
            TRY(snapshot_hash(path, run->arena, &run->hashes[i], error));
        bool compared = seen && seen_before;
        seen_before = seen;
        if (!compared && i > 0 && strcmp(run->hashes[i - 1], run->hashes[i]) == 0)
            log_line(LOG_WARNING,
                     "%s: steps %" PRId64 " and %" PRId64 " hold the same parameters; training "
                     "changed nothing between them",
                     run->path, run->steps[i - 1], run->steps[i]);
    }
    return STATUS_OK;
}

/* ---- Content -------------------------------------------------------------------------------- */

static Status write_parameters(hid_t file, const RunFile *run, Error *error) {
    hsize_t count[1] = {run->step_count};
    TRY(storage_write(file, "/step", H5T_NATIVE_INT64, 1, count, run->steps, error));
    TRY(storage_set_text(file, "/step", "long_name", "finished training steps", error));
    TRY(storage_make_scale(file, "/step", error));
    TRY(storage_write_strings(file, "/parameters_sha256", run->step_count, run->hashes, error));
    if (run->step_count == 0)
        return STATUS_OK;
    for (size_t i = 0; i < run->table->count; i++) {
        const Parameter *parameter = &run->table->entries[i];
        const char *name = arena_format(run->arena, "/parameters/%s", parameter->name);
        TRY(storage_write_stack(file, name, (hsize_t)parameter->rows, (hsize_t)parameter->columns,
                                run->step_count, run->snapshots, error));
        TRY(storage_attach_scale(file, name, 0, "/step", error));
    }
    return STATUS_OK;
}

static Status write_log(hid_t file, const TrainLog *log, Arena *arena, Error *error) {
    hsize_t count[1] = {(hsize_t)log->count};
    int64_t *steps = ARENA_ARRAY(arena, int64_t, (size_t)log->count);
    for (int64_t i = 0; i < log->count; i++)
        steps[i] = i + 1;
    TRY(storage_write(file, "/log/step", H5T_NATIVE_INT64, 1, count, steps, error));
    const struct {
        const char *name;
        const float *values;
        const char *units;
    } columns[] = {
        {"/log/loss", log->loss, "nats per token"},
        {"/log/learning_rate", log->learning_rate, "1"},
        {"/log/gradient_norm", log->gradient_norm, "1"},
        {"/log/tokens_per_second", log->tokens_per_second, "tokens/s"},
    };
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        TRY(storage_write(file, columns[i].name, H5T_NATIVE_FLOAT, 1, count, columns[i].values,
                          error));
        TRY(storage_set_text(file, columns[i].name, "units", columns[i].units, error));
    }
    return STATUS_OK;
}

static Status write_probe(hid_t file, const Probe *probe, Error *error) {
    hsize_t shape[2] = {(hsize_t)probe->samples, (hsize_t)probe->length};
    TRY(storage_write(file, "/probe/inputs", H5T_NATIVE_INT32, 2, shape, probe->inputs, error));
    TRY(storage_write(file, "/probe/targets", H5T_NATIVE_INT32, 2, shape, probe->targets, error));
    if (probe->has_copies)
        TRY(storage_write(file, "/probe/copied", H5T_NATIVE_UINT8, 2, shape, probe->copied, error));
    TRY(storage_set_integer(file, "/probe/inputs", "bos", probe->bos, error));
    TRY(storage_set_integer(file, "/probe/inputs", "ordinary_tokens", probe->ordinary, error));
    return storage_write_strings(file, "/vocabulary", (size_t)probe->vocabulary, probe->token_names,
                                 error);
}

static Status write_provenance(hid_t file, const Provenance *provenance, Error *error) {
    const struct {
        const char *name, *text;
    } texts[] = {
        {"experiment_yaml", provenance->experiment_yaml},
        {"experiment_yaml_sha256", provenance->yaml_sha256},
        {"identity", provenance->identity},
        {"program_version", provenance->program_version},
        {"git_revision", provenance->git_revision},
        {"openblas_core", provenance->blas_core},
        {"host_cpu", provenance->host_cpu},
        {"start_time", provenance->start_time},
        {"end_time", provenance->end_time},
        {"status", provenance->status},
        {"failure", provenance->failure},
        {"data_sha256", provenance->data_sha256},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        TRY(storage_set_text(file, "/", texts[i].name, texts[i].text, error));
    TRY(storage_set_integer(file, "/", "threads", provenance->threads, error));
    return storage_set_integer(file, "/", "seed", provenance->seed, error);
}

static Status run_file_fill(hid_t file, const RunFile *run, const TrainLog *log, const Probe *probe,
                            const Provenance *provenance, Error *error) {
    TRY(write_provenance(file, provenance, error));
    TRY(write_parameters(file, run, error));
    TRY(write_log(file, log, run->arena, error));
    return write_probe(file, probe, error);
}

Status run_file_write(const char *directory, const ParameterTable *table, const int64_t *steps,
                      size_t step_count, const TrainLog *log, const Probe *probe,
                      const Provenance *provenance, Error *error) {
    Arena arena = arena_create("writing run.h5");
    RunFile run = {.directory = directory,
                   .path = arena_format(&arena, "%s/run.h5", directory),
                   .table = table,
                   .steps = steps,
                   .step_count = step_count,
                   .snapshots = ARENA_ARRAY(&arena, const char *, step_count),
                   .hashes = ARENA_ARRAY(&arena, const char *, step_count),
                   .arena = &arena};
    for (size_t i = 0; i < step_count; i++)
        run.snapshots[i] = snapshot_name(steps[i], &arena);
    StorageWriter writer = {0};
    Status status = hashes_collect(&run, error);
    if (status == STATUS_OK)
        status = storage_create(&writer, run.path, error);
    if (status == STATUS_OK)
        status = run_file_fill(writer.file, &run, log, probe, provenance, error);
    if (status == STATUS_OK)
        status = storage_commit(&writer, error);
    storage_abandon(&writer);
    arena_destroy(&arena);
    return status;
}
