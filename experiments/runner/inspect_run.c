/* What run.h5, snapshots and checkpoints hold, for a person. */
#include "experiments/runner/inspect_run.h"

#include "experiments/runner/experiment.h"
#include "model/base/sha256.h"
#include "train/snapshot.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Settings -------------------------------------------------------------------------------- */

/* What the line of sizes and kinds says already. */
static bool is_told(const char *path) {
    static const char *const told[] = {
        "model.layers",     "model.width",    "model.heads", "model.hidden", "model.context",
        "model.vocabulary", "model.position", "model.norm",  "model.mlp",    "model.kv_heads"};
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++)
        if (strcmp(path, told[i]) == 0)
            return true;
    return false;
}

static bool same_value(const char *text, const char *fallback) {
    double value, other;
    if (number_read_real(text, &value) && number_read_real(fallback, &other))
        return value == other;
    return strcmp(text, fallback) == 0;
}

/* Adds the keys below node that are not as they are by default. */
static void add_changed(const SchemaList *keys, const Node *node, const char *path,
                        TextBuffer *text, Arena *arena) {
    if (node->type == NODE_MAP) {
        for (size_t i = 0; i < node->count; i++)
            add_changed(keys, node->items[i],
                        arena_format(arena, "%s.%s", path, node->keys[i]->text), text, arena);
        return;
    }
    const SchemaEntry *entry = schema_find(keys, path);
    if (entry == NULL || entry->names_kind || is_told(path) || entry->field->fallback == NULL)
        return;
    const char *value = node_write(node, arena);
    if (!same_value(node->type == NODE_SCALAR ? node->text : value, entry->field->fallback))
        text_add(text, "; %s: %s", path + strlen("model."), value);
}

static const char *position_text(const ModelConfig *model, Arena *arena) {
    const char *text = model->position.items[0].kind->name;
    for (size_t i = 1; i < model->position.count; i++)
        text = arena_format(arena, "%s/%s", text, model->position.items[i].kind->name);
    return text;
}

static const char *model_line(const ModelConfig *model, const SchemaList *keys, const Node *root,
                              Arena *arena) {
    TextBuffer text = {.arena = arena};
    text_add(&text,
             "%" PRId64 " %s of width %" PRId64 ", %" PRId64 " %s, hidden %" PRId64
             ", context %" PRId64 "; position %s, norm %s, mlp %s",
             model->layers, model->layers == 1 ? "layer" : "layers", model->width, model->heads,
             model->heads == 1 ? "head" : "heads", model->hidden, model->context,
             position_text(model, arena), model->norm.kind->name, model->mlp.kind->name);
    if (model->kv_heads != 0 && model->kv_heads != model->heads)
        text_add(&text, "; kv_heads: %" PRId64, model->kv_heads);
    const Node *node = node_find(root, "model");
    if (node != NULL)
        add_changed(keys, node, "model", &text, arena);
    return text.text;
}

static const char *run_name(const char *folder, Arena *arena) {
    char resolved[PATH_MAX];
    const char *path = realpath(folder, resolved) == NULL ? folder : resolved;
    const char *slash = strrchr(path, '/');
    return arena_string(arena, slash == NULL ? path : slash + 1);
}

void inspect_settings(Inspector *inspector, const char *yaml, const char *folder) {
    Arena *arena = inspector->arena;
    FieldTable schema = experiment_schema(arena);
    const SchemaList keys = schema_list(&schema, arena);
    const Node *root;
    Experiment experiment;
    Error error;
    if (yaml_parse_value(yaml, "the stored settings", arena, &root, &error) != STATUS_OK ||
        experiment_read(&schema, root, arena, &experiment, &error) != STATUS_OK) {
        inspect_fact(inspector, "settings", "cannot be read by this version: %s", error.message);
        return;
    }
    const RunConfig *run = &experiment.run;
    const TrainConfig *train = &run->train;
    inspect_fact(inspector, "experiment", "%s", run->experiment);
    inspect_fact(inspector, "run", "%s", run_name(folder, arena));
    inspect_fact(inspector, "seed", "%" PRId64, run->seed);
    inspect_fact(inspector, "model", "%s", model_line(&run->model, &keys, root, arena));
    inspect_fact(inspector, "data", "%s", run->data.kind->name);
    inspect_fact(inspector, "training", "%s steps of %" PRId64 " sequences, %s objective, %s",
                 inspect_count(train->steps, arena), train->batch, train->objective.kind->name,
                 train->optimizer.kind->name);
}

void inspect_owner(Inspector *inspector, const char *folder) {
    Arena *arena = inspector->arena;
    const char *path = arena_format(arena, "%s/run.h5", folder);
    hid_t file;
    Error error;
    if (access(path, F_OK) != 0) {
        inspect_fact(inspector, "run", "unknown: there is no run.h5 that it belongs to");
        return;
    }
    if (storage_open(path, &file, &error) != STATUS_OK) {
        inspect_fact(inspector, "run", "unknown: %s", error.message);
        return;
    }
    inspect_settings(inspector, inspect_text(file, "/", "experiment_yaml", arena, ""), folder);
    storage_close(file);
}

/* ---- Parameters ------------------------------------------------------------------------------ */

typedef struct Moments {
    double mean, deviation, norm;
    size_t count, not_finite;
} Moments;

static Moments moments_of(const float *values, size_t count) {
    Moments moments = {.count = count};
    double sum = 0, squares = 0, around = 0;
    for (size_t i = 0; i < count; i++) {
        moments.not_finite += !isfinite(values[i]);
        sum += values[i];
        squares += (double)values[i] * values[i];
    }
    moments.mean = sum / (double)count;
    for (size_t i = 0; i < count; i++)
        around += (values[i] - moments.mean) * (values[i] - moments.mean);
    moments.deviation = sqrt(around / (double)count);
    moments.norm = sqrt(squares);
    return moments;
}

static const char *shape_text(int rank, const hsize_t *shape, Arena *arena) {
    const char *text = rank == 0 ? "1" : "";
    for (int i = 0; i < rank; i++)
        text = arena_format(arena, "%s%s%llu", text, i == 0 ? "" : " × ",
                            (unsigned long long)shape[i]);
    return text;
}

static Status read_floats(hid_t file, const char *path, Arena *arena, float **values, size_t *count,
                          int *rank, hsize_t shape[STORAGE_RANK_LARGEST], Error *error) {
    TRY(storage_shape(file, path, rank, shape, error));
    *count = 1;
    for (int i = 0; i < *rank; i++)
        *count *= (size_t)shape[i];
    TRY(arena_reserve(arena, sizeof(float) * *count + 64, error));
    *values = ARENA_ARRAY(arena, float, *count);
    return storage_read(file, path, H5T_NATIVE_FLOAT, *count, *values, error);
}

static Status add_parameter(Inspector *inspector, hid_t file, const char *group, const char *name,
                            Columns *table, int64_t *total) {
    Arena scratch = arena_create("one parameter"), *arena = inspector->arena;
    int rank;
    hsize_t shape[STORAGE_RANK_LARGEST];
    float *values;
    size_t count;
    Status status = read_floats(file, arena_format(arena, "%s/%s", group, name), &scratch, &values,
                                &count, &rank, shape, inspector->error);
    if (status == STATUS_OK) {
        Moments moments = moments_of(values, count);
        const char *odd = moments.not_finite == 0
                              ? ""
                              : arena_format(arena, "%zu not finite", moments.not_finite);
        columns_add(table, (const char *[]){name, shape_text(rank, shape, arena),
                                            arena_format(arena, "%.4g", moments.mean),
                                            arena_format(arena, "%.4g", moments.deviation),
                                            arena_format(arena, "%.4g", moments.norm), odd});
        *total += (int64_t)count;
    }
    arena_destroy(&scratch);
    return status;
}

Status inspect_parameters(Inspector *inspector, hid_t file, const char *group) {
    Arena *arena = inspector->arena;
    NameList names = {0};
    Columns table = {.arena = arena, .count = 6, .right = "lrrrrl"};
    int64_t total = 0;
    TRY(inspect_datasets(file, group, arena, &names, inspector->error));
    columns_add(&table, (const char *[]){"name", "shape", "mean", "std", "norm", ""});
    for (size_t i = 0; i < names.count; i++)
        TRY(add_parameter(inspector, file, group, names.names[i], &table, &total));
    columns_write(&table, 2, &inspector->text);
    text_add(&inspector->text, "  %s numbers in %zu arrays\n", inspect_count(total, arena),
             names.count);
    return STATUS_OK;
}

Status inspect_parameters_sound(hid_t file, Arena *arena, bool *sound, Error *error) {
    NameList names = {0};
    const char *stored = inspect_text(file, "/", "parameters_sha256", arena, "");
    char hex[65];
    Sha256 hash = sha256_begin();
    TRY(inspect_datasets(file, "/parameters", arena, &names, error));
    for (size_t i = 0; i < names.count; i++) { /* in ascending order, as parameters_hash has it */
        Arena scratch = arena_create("one parameter");
        float *values;
        size_t count = 0;
        int rank;
        hsize_t shape[STORAGE_RANK_LARGEST];
        Status status = read_floats(file, arena_format(arena, "/parameters/%s", names.names[i]),
                                    &scratch, &values, &count, &rank, shape, error);
        if (status == STATUS_OK)
            sha256_add(&hash, values, sizeof(float) * count);
        arena_destroy(&scratch);
        TRY(status);
    }
    sha256_end(&hash, hex);
    *sound = strcmp(hex, stored) == 0;
    return STATUS_OK;
}

/* ---- Snapshots and checkpoints --------------------------------------------------------------- */

static int64_t integer_or(hid_t file, const char *name, int64_t fallback) {
    int64_t value;
    return storage_get_integer(file, "/", name, &value, NULL) == STATUS_OK ? value : fallback;
}

static void add_step(Inspector *inspector, hid_t file) {
    Arena *arena = inspector->arena;
    inspect_fact(inspector, "step", "%s, after %s tokens",
                 inspect_count(integer_or(file, "step", 0), arena),
                 inspect_count(integer_or(file, "tokens", 0), arena));
}

Status inspect_snapshot(Inspector *inspector, hid_t file, const char *folder) {
    bool sound;
    add_step(inspector, file);
    inspect_owner(inspector, folder);
    TRY(inspect_parameters_sound(file, inspector->arena, &sound, inspector->error));
    inspect_fact(inspector, "SHA-256", "%s%s",
                 inspect_text(file, "/", "parameters_sha256", inspector->arena, ""),
                 sound ? ", verified" : ": the parameters have ANOTHER one");
    inspect_heading(inspector, "parameters");
    TRY(inspect_parameters(inspector, file, "/parameters"));
    if (sound)
        return STATUS_OK;
    return error_set(inspector->error, STATUS_FAILED,
                     "the parameters are not those that the snapshot was written with");
}

Status inspect_checkpoint(Inspector *inspector, hid_t file, const char *folder) {
    Arena *arena = inspector->arena;
    add_step(inspector, file);
    inspect_owner(inspector, folder);
    inspect_fact(inspector, "log", "%s steps",
                 inspect_count(integer_or(file, "log_count", 0), arena));
    inspect_fact(inspector, "identity", "%s", inspect_text(file, "/", "identity", arena, ""));
    inspect_heading(inspector, "parameters");
    TRY(inspect_parameters(inspector, file, "/parameters"));
    int64_t slots = integer_or(file, "slot_count", 0);
    for (int64_t slot = 0; slot < slots; slot++) {
        inspect_heading(inspector, "optimizer state %" PRId64 " of %" PRId64, slot + 1, slots);
        TRY(inspect_parameters(inspector, file, arena_format(arena, "/optimizer/%" PRId64, slot)));
    }
    return STATUS_OK;
}

/* ---- run.h5 ---------------------------------------------------------------------------------- */

static void add_provenance(Inspector *inspector, hid_t file) {
    Arena *arena = inspector->arena;
    const char *failure = inspect_text(file, "/", "failure", arena, "");
    const char *end = inspect_text(file, "/", "end_time", arena, "");
    const char *data = inspect_text(file, "/", "data_sha256", arena, "");
    int64_t threads = integer_or(file, "threads", 0);
    inspect_fact(inspector, "status", "%s%s%s", inspect_text(file, "/", "status", arena, "?"),
                 failure[0] == '\0' ? "" : ": ", failure);
    inspect_fact(inspector, "program", "fiducial %s (%s)",
                 inspect_text(file, "/", "program_version", arena, "?"),
                 inspect_text(file, "/", "git_revision", arena, "?"));
    inspect_fact(inspector, "machine", "%s, OpenBLAS core %s, %" PRId64 " %s",
                 inspect_text(file, "/", "host_cpu", arena, "?"),
                 inspect_text(file, "/", "openblas_core", arena, "?"), threads,
                 threads == 1 ? "thread" : "threads");
    inspect_fact(inspector, "time", "%s to %s", inspect_text(file, "/", "start_time", arena, "?"),
                 end[0] == '\0' ? "now" : end);
    if (data[0] != '\0')
        inspect_fact(inspector, "data SHA-256", "%s", data);
    inspect_fact(inspector, "identity", "%s", inspect_text(file, "/", "identity", arena, "?"));
}

static void add_probe(Inspector *inspector, hid_t file) {
    Arena *arena = inspector->arena;
    int rank;
    hsize_t shape[STORAGE_RANK_LARGEST];
    const char **names;
    size_t count;
    if (storage_shape(file, "/probe/inputs", &rank, shape, NULL) == STATUS_OK && rank == 2)
        inspect_fact(inspector, "probe", "%llu sequences of %llu tokens",
                     (unsigned long long)shape[0], (unsigned long long)shape[1]);
    if (storage_read_strings(file, "/vocabulary", arena, &names, &count, NULL) != STATUS_OK)
        return;
    TextBuffer text = {.arena = arena};
    enum { SHOWN = 300 };
    text_add(&text, "%zu tokens:", count);
    for (size_t i = 0; i < count && i < SHOWN; i++)
        text_add(&text, " %s", names[i]);
    inspect_fact(inspector, "vocabulary", "%s%s", text.text, count > SHOWN ? " …" : "");
}

static Status add_log(Inspector *inspector, hid_t file) {
    static const struct {
        const char *name, *title;
    } logs[] = {{"loss", "loss (nats)"},
                {"learning_rate", "learning rate"},
                {"gradient_norm", "gradient norm"},
                {"tokens_per_second", "tokens per second"}};
    Arena *arena = inspector->arena;
    Columns table = {.arena = arena, .count = 5, .right = "lrrrr"};
    columns_add(&table, (const char *[]){"", "first", "last", "least", "largest"});
    size_t count = 0;
    for (size_t i = 0; i < sizeof logs / sizeof logs[0]; i++) {
        float *values;
        int rank;
        hsize_t shape[STORAGE_RANK_LARGEST];
        TRY(read_floats(file, arena_format(arena, "/log/%s", logs[i].name), arena, &values, &count,
                        &rank, shape, inspector->error));
        double least = NAN, largest = NAN;
        for (size_t k = 0; k < count; k++) {
            least = fmin(least, values[k]);
            largest = fmax(largest, values[k]);
        }
        if (count > 0)
            columns_add(&table,
                        (const char *[]){logs[i].title, arena_format(arena, "%.5g", values[0]),
                                         arena_format(arena, "%.5g", values[count - 1]),
                                         arena_format(arena, "%.5g", least),
                                         arena_format(arena, "%.5g", largest)});
    }
    inspect_heading(inspector, "log of %s steps", inspect_count((int64_t)count, arena));
    if (count > 0)
        columns_write(&table, 2, &inspector->text);
    return STATUS_OK;
}

/* The newest snapshot's parameters, where it is there. */
static Status add_newest(Inspector *inspector, const char *folder, int64_t step) {
    Arena *arena = inspector->arena;
    const char *path = arena_format(arena, "%s/%s", folder, snapshot_name(step, arena));
    hid_t file;
    Error error;
    inspect_heading(inspector, "parameters at step %s", inspect_count(step, arena));
    if (storage_open(path, &file, &error) != STATUS_OK) {
        text_wrap(&inspector->text, 2, error.message);
        return STATUS_OK;
    }
    Status status = inspect_parameters(inspector, file, "/parameters");
    storage_close(file);
    return status;
}

Status inspect_run_file(Inspector *inspector, hid_t file, const char *folder) {
    Arena *arena = inspector->arena;
    int rank;
    hsize_t shape[STORAGE_RANK_LARGEST];
    TRY(storage_shape(file, "/step", &rank, shape, inspector->error));
    size_t count = (size_t)shape[0];
    int64_t *steps = ARENA_ARRAY(arena, int64_t, count);
    TRY(storage_read(file, "/step", H5T_NATIVE_INT64, count, steps, inspector->error));
    inspect_settings(inspector, inspect_text(file, "/", "experiment_yaml", arena, ""), folder);
    add_provenance(inspector, file);
    inspect_fact(inspector, "snapshots", "%zu, of steps %s", count,
                 inspect_steps(steps, count, arena));
    add_probe(inspector, file);
    TRY(add_log(inspector, file));
    return count == 0 ? STATUS_OK : add_newest(inspector, folder, steps[count - 1]);
}
