#include "train/run_model.h"

static size_t probe_tokens(const Probe *probe) {
    return (size_t)probe->samples * (size_t)probe->length;
}

/* A probe of zeros. */
static Status probe_create(const ProbeConfig *config, Arena *arena, Probe *probe, Error *error) {
    *probe = (Probe){.samples = (int)config->samples, .length = (int)config->length};
    size_t tokens = probe_tokens(probe);
    TRY(arena_reserve(arena, tokens * (2 * sizeof(int32_t) + sizeof(uint8_t)) + 3 * 64, error));
    probe->inputs = ARENA_ARRAY(arena, int32_t, tokens);
    probe->targets = ARENA_ARRAY(arena, int32_t, tokens);
    probe->copied = ARENA_ARRAY(arena, uint8_t, tokens);
    return STATUS_OK;
}

static Status draw_probe(RunModel *run, Arena *arena, Error *error) {
    Probe *probe = &run->probe;
    const DataSource *source = &run->source;
    TRY(probe_create(&run->config.probe, arena, probe, error));
    probe->has_copies = source->copies;
    probe->bos = run->objective.cls >= 0 ? run->objective.cls : source->bos;
    probe->ordinary = source->tokens;
    probe->vocabulary = (int)run->config.model.vocabulary;
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
    return STATUS_OK;
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
    TRY(objective_source_check(&config->train.objective, &config->model, &run->source, culprit,
                               error));
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
    TRY(draw_probe(run, arena, error));
    *result = run;
    return STATUS_OK;
}

static Status check_range(const char *what, int64_t value, int64_t least, int64_t most,
                          Error *error) {
    if (value >= least && value <= most)
        return STATUS_OK;
    return error_set(error, STATUS_FAILED, "%s holds %lld; allowed by its vocabulary: %lld to %lld",
                     what, (long long)value, (long long)least, (long long)most);
}

/* Tokens become addresses, and a file that another program changed has no checksum any more. */
static Status check_probe(const Probe *probe, int64_t bos, int64_t ordinary, Error *error) {
    int64_t last = probe->vocabulary - 1;
    for (size_t i = 0; i < probe_tokens(probe); i++) {
        TRY(check_range("/probe/inputs", probe->inputs[i], 0, last, error));
        TRY(check_range("/probe/targets", probe->targets[i], -1, last, error));
    }
    TRY(check_range("the attribute bos of /probe/inputs", bos, -1, last, error));
    return check_range("the attribute ordinary_tokens of /probe/inputs", ordinary, 1, last + 1,
                       error);
}

static Status read_probe(hid_t file, RunModel *run, Arena *arena, Error *error) {
    Probe *probe = &run->probe;
    int64_t bos, ordinary;
    size_t names;
    TRY(probe_create(&run->config.probe, arena, probe, error));
    size_t tokens = probe_tokens(probe);
    probe->has_copies = storage_exists(file, "/probe/copied");
    TRY(storage_read(file, "/probe/inputs", H5T_NATIVE_INT32, tokens, probe->inputs, error));
    TRY(storage_read(file, "/probe/targets", H5T_NATIVE_INT32, tokens, probe->targets, error));
    if (probe->has_copies)
        TRY(storage_read(file, "/probe/copied", H5T_NATIVE_UINT8, tokens, probe->copied, error));
    TRY(storage_get_integer(file, "/probe/inputs", "bos", &bos, error));
    TRY(storage_get_integer(file, "/probe/inputs", "ordinary_tokens", &ordinary, error));
    TRY(storage_read_strings(file, "/vocabulary", arena, &probe->token_names, &names, error));
    probe->vocabulary = (int)names;
    TRY(check_probe(probe, bos, ordinary, error));
    probe->bos = (int)bos;
    probe->ordinary = (int)ordinary;
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
