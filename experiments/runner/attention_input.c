#include "experiments/runner/attention_input.h"

#include "experiments/runner/inspector.h"
#include "train/vocabulary.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- The snapshot ---------------------------------------------------------------------------- */

static Status steps_read(const char *folder, Arena *arena, int64_t **steps, size_t *count,
                         const char **yaml, Error *error) {
    const char *path = arena_format(arena, "%s/run.h5", folder);
    hid_t file;
    int rank;
    hsize_t shape[STORAGE_RANK_LARGEST] = {0};
    if (access(path, F_OK) != 0)
        return error_set(
            error, STATUS_BAD_INPUT,
            "there is no %s: it tells the settings and the vocabulary of a snapshot; give "
            "a snapshot in its run's folder, or that folder",
            path);
    TRY(storage_open(path, &file, error));
    Status status = storage_get_text(file, "/", "experiment_yaml", arena, yaml, error);
    if (status == STATUS_OK)
        status = storage_shape(file, "/step", &rank, shape, error);
    *count = (size_t)shape[0];
    *steps = ARENA_ARRAY(arena, int64_t, *count);
    if (status == STATUS_OK)
        status = storage_read(file, "/step", H5T_NATIVE_INT64, *count, *steps, error);
    storage_close(file);
    return status;
}

/* The path of the snapshot of a step, or of the newest. */
static Status step_choose(const char *folder, const char *step, const int64_t *steps, size_t count,
                          Arena *arena, const char **path, Error *error) {
    int64_t wanted = count > 0 ? steps[count - 1] : 0;
    if (count == 0)
        return error_set(error, STATUS_BAD_INPUT, "%s holds no snapshot yet", folder);
    if (step != NULL && !number_read_integer(step, &wanted))
        return error_set(error, STATUS_BAD_INPUT, "--step is '%.60s'; allowed: %s", step,
                         inspect_steps(steps, count, arena));
    for (size_t i = 0; i < count; i++)
        if (steps[i] == wanted) {
            *path = arena_format(arena, "%s/%s", folder, snapshot_name(wanted, arena));
            return STATUS_OK;
        }
    return error_set(error, STATUS_BAD_INPUT, "%s has no snapshot of step %s; allowed: %s", folder,
                     step, inspect_steps(steps, count, arena));
}

/* The folder of the run, and the snapshot's path where path is one. */
static Status folder_find(const char *path, const char *step, Arena *arena, const char **folder,
                          bool *is_file, Error *error) {
    struct stat information;
    if (stat(path, &information) != 0)
        return error_errno(error, STATUS_BAD_INPUT, "cannot read %s", path);
    *folder = path;
    *is_file = !S_ISDIR(information.st_mode);
    if (!*is_file)
        return STATUS_OK;
    if (step != NULL)
        return error_set(error, STATUS_BAD_INPUT,
                         "--step chooses among the snapshots of a run's folder; %s is a file",
                         path);
    const char *slash = strrchr(path, '/');
    *folder = slash == NULL ? ".." : arena_format(arena, "%.*s/..", (int)(slash - path), path);
    return STATUS_OK;
}

Status snapshot_load_with_run(const char *path, const char *step, Arena *arena,
                              LoadedSnapshot *snapshot, Error *error) {
    const char *folder = path;
    bool is_file = false;
    int64_t *steps = NULL;
    size_t count = 0;
    const Node *root;
    *snapshot = (LoadedSnapshot){.path = path};
    TRY(folder_find(path, step, arena, &folder, &is_file, error));
    TRY(steps_read(folder, arena, &steps, &count, &snapshot->yaml, error));
    if (!is_file)
        TRY(step_choose(folder, step, steps, count, arena, &snapshot->path, error));
    FieldTable schema = experiment_schema(arena);
    const char *origin = arena_format(arena, "%s/run.h5, its settings", folder);
    TRY(yaml_parse_value(snapshot->yaml, origin, arena, &root, error));
    TRY(experiment_read(&schema, root, arena, &snapshot->experiment, error));
    TRY(run_model_read(&snapshot->experiment.run, folder, arena, &snapshot->run, error));
    const ParameterTable *table = model_parameters(snapshot->run->model);
    TRY(arena_reserve(arena, sizeof(float) * table->total + 64, error));
    snapshot->parameters = ARENA_ARRAY(arena, float, table->total);
    return snapshot_read_file(snapshot->path, table, snapshot->parameters, &snapshot->step, error);
}

/* ---- The input ------------------------------------------------------------------------------- */

static Status sample_read(const char *text, const Probe *probe, Arena *arena, InputTokens *input,
                          Error *error) {
    int64_t sample;
    if (!number_read_integer(text, &sample) || sample < 0 || sample >= probe->samples)
        return error_set(error, STATUS_BAD_INPUT,
                         "--sample is '%.60s'; allowed: a sequence of the probe, from 0 to %d",
                         text, probe->samples - 1);
    size_t first = (size_t)sample * (size_t)probe->length;
    *input =
        (InputTokens){.tokens = probe->inputs + first,
                      .targets = probe->targets + first,
                      .length = probe->length,
                      .described = arena_format(arena, "sample %" PRId64 " of the probe", sample)};
    return STATUS_OK;
}

static Status numbers_read(const char *text, const Probe *probe, Arena *arena, InputTokens *input,
                           Error *error) {
    input->tokens = ARENA_ARRAY(arena, int32_t, strlen(text) + 1);
    for (const char *at = text;; at++) {
        at += strspn(at, " ");
        size_t length = strcspn(at, ",");
        const char *word = arena_format(arena, "%.*s", (int)length, at);
        int64_t token;
        if (!number_read_integer(word, &token) || token < 0 || token >= probe->vocabulary)
            return error_set(error, STATUS_BAD_INPUT,
                             "--tokens holds '%.60s'; allowed: numbers from 0 to %d, parted by "
                             "commas, as in 1,2,3",
                             word, probe->vocabulary - 1);
        input->tokens[input->length++] = (int32_t)token;
        at += length;
        if (*at == '\0')
            break;
    }
    input->described = arena_format(arena, "tokens %.200s", text);
    return STATUS_OK;
}

/* The next token, as in training; the masked objective predicts nothing of a sequence without
   masks. */
static void targets_fill(const LoadedSnapshot *snapshot, Arena *arena, InputTokens *input) {
    const Probe *probe = &snapshot->run->probe;
    const Kind *objective = snapshot->experiment.run.train.objective.kind;
    bool next = objective == NULL || strcmp(objective->name, "masked") != 0;
    int leading = vocabulary_leading(probe);
    input->targets = ARENA_ARRAY(arena, int32_t, (size_t)input->length);
    for (int i = 0; i < input->length; i++) {
        bool last = i + 1 == input->length;
        bool opening = !last && i + 1 < leading && input->tokens[i + 1] == probe->bos;
        input->targets[i] = next && !last && !opening ? input->tokens[i + 1] : -1;
    }
}

static Status length_check(const LoadedSnapshot *snapshot, const InputTokens *input, Error *error) {
    int64_t context = snapshot->run->config.model.context;
    if (input->length >= 1 && input->length <= context)
        return STATUS_OK;
    return error_set(
        error, STATUS_BAD_INPUT,
        "the input has %d tokens, with those that the run puts around it; allowed: 1 to "
        "%" PRId64 ", this model's context",
        input->length, context);
}

Status input_tokens_read(const CommandLine *line, const LoadedSnapshot *snapshot, Arena *arena,
                         InputTokens *input, Error *error) {
    const Probe *probe = &snapshot->run->probe;
    int given = (line->text != NULL) + (line->sample != NULL) + (line->tokens != NULL);
    *input = (InputTokens){.described = ""};
    if (given != 1)
        return error_set(error, STATUS_BAD_INPUT,
                         "give one of --text TEXT, --sample N (0 to %d) and --tokens 1,2,3",
                         probe->samples - 1);
    if (line->sample != NULL)
        return sample_read(line->sample, probe, arena, input, error);
    if (line->tokens != NULL) {
        TRY(numbers_read(line->tokens, probe, arena, input, error));
    } else {
        TRY(vocabulary_encode(probe, source_symbols(&snapshot->experiment.run.data), line->text,
                              arena, &input->tokens, &input->length, error));
        input->described = arena_format(arena, "text \"%.200s\"", line->text);
    }
    TRY(length_check(snapshot, input, error));
    targets_fill(snapshot, arena, input);
    return STATUS_OK;
}
