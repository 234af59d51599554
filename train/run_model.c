#include "train/run_model.h"

static void draw_probe(RunModel *run, Arena *arena) {
    const ProbeConfig *config = &run->config.probe;
    Probe *probe = &run->probe;
    const DataSource *source = &run->source;
    size_t tokens = (size_t)config->samples * (size_t)config->length;
    *probe = (Probe){.samples = (int)config->samples,
                     .length = (int)config->length,
                     .inputs = ARENA_ARRAY(arena, int32_t, tokens),
                     .targets = ARENA_ARRAY(arena, int32_t, tokens),
                     .copied = ARENA_ARRAY(arena, uint8_t, tokens),
                     .has_copies = source->copies,
                     .bos = run->objective.cls >= 0 ? run->objective.cls : source->bos,
                     .ordinary = source->tokens,
                     .vocabulary = (int)run->config.model.vocabulary};
    objective_batch(&run->objective, source, SPLIT_PROBE, 0, 0, probe->samples, probe->length,
                    probe->inputs, probe->targets, probe->copied);
    probe->token_names = ARENA_ARRAY(arena, const char *, (size_t)probe->vocabulary);
    for (int token = 0; token < probe->vocabulary; token++) {
        char name[16] = "";
        if (token < source->vocabulary)
            source_token_name(source, token, name);
        else
            objective_token_name(&run->objective, token, name);
        probe->token_names[token] = arena_string(arena, name);
    }
}

Status run_model_open(const RunConfig *config, const char *base_directory, Arena *arena,
                      RunModel **result, const char **culprit, Error *error) {
    RunModel *run = ARENA_ARRAY(arena, RunModel, 1);
    run->config = *config;
    *culprit = "data";
    const SourceSetup setup = {.seed = (uint64_t)config->seed,
                               .context = config->model.context,
                               .batch = config->train.batch,
                               .base_directory = base_directory,
                               .arena = arena};
    TRY(source_open(&config->data, &setup, &run->source, culprit, error));
    run->objective = objective_create(&config->train.objective, &config->model, &run->source);
    int64_t *vocabulary = &run->config.model.vocabulary;
    if (*vocabulary == 0)
        *vocabulary = run->objective.vocabulary;
    if (*vocabulary < run->objective.vocabulary) {
        *culprit = "model.vocabulary";
        return error_set(error, STATUS_BAD_INPUT,
                         "the data source and the objective have %d tokens, model.vocabulary is "
                         "%lld",
                         run->objective.vocabulary, (long long)*vocabulary);
    }
    *culprit = "model";
    TRY(model_create(&run->config.model, arena, &run->model, error));
    draw_probe(run, arena);
    *result = run;
    return STATUS_OK;
}

static Status read_tokens(hid_t file, const char *name, hid_t type, const Probe *probe, void *tokens,
                          Error *error) {
    size_t count = (size_t)probe->samples * (size_t)probe->length;
    return storage_read(file, name, type, count, tokens, error);
}

static Status read_probe(hid_t file, RunModel *run, Arena *arena, Error *error) {
    Probe *probe = &run->probe;
    size_t tokens = (size_t)run->config.probe.samples * (size_t)run->config.probe.length, names;
    int64_t bos, ordinary;
    *probe = (Probe){.samples = (int)run->config.probe.samples,
                     .length = (int)run->config.probe.length,
                     .inputs = ARENA_ARRAY(arena, int32_t, tokens),
                     .targets = ARENA_ARRAY(arena, int32_t, tokens),
                     .copied = ARENA_ARRAY(arena, uint8_t, tokens),
                     .has_copies = storage_exists(file, "/probe/copied")};
    TRY(read_tokens(file, "/probe/inputs", H5T_NATIVE_INT32, probe, probe->inputs, error));
    TRY(read_tokens(file, "/probe/targets", H5T_NATIVE_INT32, probe, probe->targets, error));
    if (probe->has_copies)
        TRY(read_tokens(file, "/probe/copied", H5T_NATIVE_UINT8, probe, probe->copied, error));
    TRY(storage_get_integer(file, "/probe/inputs", "bos", &bos, error));
    TRY(storage_get_integer(file, "/probe/inputs", "ordinary_tokens", &ordinary, error));
    TRY(storage_read_strings(file, "/vocabulary", arena, &probe->token_names, &names, error));
    probe->bos = (int)bos;
    probe->ordinary = (int)ordinary;
    probe->vocabulary = (int)names;
    run->config.model.vocabulary = (int64_t)names;
    return STATUS_OK;
}

Status run_model_read(const RunConfig *config, const char *directory, Arena *arena,
                      RunModel **result, Error *error) {
    RunModel *run = ARENA_ARRAY(arena, RunModel, 1);
    run->config = *config;
    const char *path = arena_format(arena, "%s/run.h5", directory);
    hid_t file;
    TRY(storage_open(path, &file, error));
    Status status = read_probe(file, run, arena, error);
    storage_close(file);
    if (status != STATUS_OK)
        return error_context(error, status, "%s", path);
    TRY(model_create(&run->config.model, arena, &run->model, error));
    *result = run;
    return STATUS_OK;
}
