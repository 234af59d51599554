#include "experiments/runner/experiment.h"

#include "experiments/runner/experiment_base.h"
#include "experiments/runner/schema_read.h"

#include <string.h>

enum { EXPERIMENT_NAME_LARGEST = 100 };

static const Field analysis_field = {
    .name = "analysis",
    .type = FIELD_KIND_LIST,
    .offset = offsetof(Experiment, analysis),
    .fallback = "all",
    .kinds = &analysis_kinds,
    .meaning = "what is measured on every snapshot",
    .without_bits = true,
};

_Static_assert(offsetof(Experiment, run) == 0, "run_config_fields describes the first member");

FieldTable experiment_schema(Arena *arena) {
    size_t count = run_config_fields.count;
    Field *fields = ARENA_ARRAY(arena, Field, count + 1);
    memcpy(fields, run_config_fields.fields, count * sizeof *fields);
    fields[count] = analysis_field;
    return (FieldTable){.fields = fields, .count = count + 1};
}

static const char *directory_of(const char *path, Arena *arena) {
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return ".";
    if (slash == path)
        return "/";
    return arena_format(arena, "%.*s", (int)(slash - path), path);
}

static Status override_read(const ExperimentFile *file, const char *setting, Arena *arena,
                            Override *override, Error *error) {
    const char *origin = arena_format(arena, "--set %s", setting);
    Node *place = ARENA_ARRAY(arena, Node, 1);
    *place = (Node){.type = NODE_SCALAR, .origin = origin, .text = setting, .weight = 1};
    const char *equals = strchr(setting, '=');
    if (equals == NULL || equals == setting)
        return node_error(place, error, "must be written key=value, as in --set seed=2");
    *override = (Override){.place = place};
    override->key = arena_format(arena, "%.*s", (int)(equals - setting), setting);
    const char *value = equals[1] == '\0' ? "\"\"" : equals + 1;
    TRY(yaml_parse_value(value, origin, arena, &override->value, error));
    if (strcmp(override->key, "sweep") == 0)
        return STATUS_OK;
    bool axis = strncmp(override->key, "sweep.", strlen("sweep.")) == 0;
    const char *path = override->key + (axis ? strlen("sweep.") : 0);
    bool word =
        strcmp(path, "zip") == 0 || strcmp(path, "include") == 0 || strcmp(path, "exclude") == 0;
    if (axis && word)
        return STATUS_OK; /* read with the rest of the sweep */
    return schema_path_check(&file->keys, path, place, arena, error);
}

/* An override of a swept key fixes it: its axis goes. An axis in `zip` goes in the same way. */
static const Node *axis_remove(const Node *sweep, const char *key, Arena *arena) {
    if (sweep == NULL || sweep->type != NODE_MAP)
        return sweep;
    const Node *zip = node_find(sweep, "zip");
    if (zip != NULL && node_find(zip, key) != NULL) {
        const Node *rest = node_with(zip, key, zip, NULL, arena);
        sweep = node_with(sweep, "zip", zip, rest->count == 0 ? NULL : rest, arena);
    }
    return node_with(sweep, key, sweep, NULL, arena);
}

static Status override_apply(ExperimentFile *file, const Override *override, Arena *arena,
                             Error *error) {
    const char *key = override->key;
    if (strcmp(key, "sweep") == 0) {
        file->sweep = override->value;
        return STATUS_OK;
    }
    if (strncmp(key, "sweep.", strlen("sweep.")) == 0) {
        const Node *sweep = file->sweep;
        if (sweep == NULL || sweep->type != NODE_MAP)
            sweep = node_map(override->place, arena);
        const char *axis = key + strlen("sweep.");
        file->sweep = node_with(sweep, axis, override->place, override->value, arena);
        return STATUS_OK;
    }
    file->sweep = axis_remove(file->sweep, key, arena);
    return schema_set(&file->schema, file->root, key, override->value, override->place, arena,
                      &file->root, error);
}

Status experiment_load(const char *path, const char *const *settings, size_t setting_count,
                       Arena *arena, ExperimentFile *file, Error *error) {
    *file = (ExperimentFile){.path = arena_string(arena, path),
                             .directory = directory_of(path, arena),
                             .schema = experiment_schema(arena),
                             .override_count = setting_count};
    file->keys = schema_list(&file->schema, arena);
    InheritedFile inherited;
    TRY(experiment_inherit(&file->schema, path, arena, &inherited, error));
    file->text = inherited.text;
    file->bytes = inherited.bytes;
    file->root = inherited.root;
    file->sweep = node_find(file->root, "sweep");
    file->root = node_with(file->root, "sweep", file->root, NULL, arena);
    Override *overrides = ARENA_ARRAY(arena, Override, setting_count);
    file->overrides = overrides;
    for (size_t i = 0; i < setting_count; i++) {
        TRY(override_read(file, settings[i], arena, &overrides[i], error));
        TRY(override_apply(file, &overrides[i], arena, error));
    }
    return STATUS_OK;
}

/* The name becomes a folder, so it must be one everywhere. */
static Status name_check(const Node *root, const char *name, Error *error) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789._-";
    size_t length = strlen(name);
    if (length > 0 && length <= EXPERIMENT_NAME_LARGEST && strspn(name, allowed) == length &&
        name[0] != '.' && name[0] != '-')
        return STATUS_OK;
    return node_error(schema_nearest_node(root, "experiment"), error,
                      "experiment is '%.120s'; it names a folder, so: 1 to %d letters, digits, "
                      "'-', '_' and '.', beginning with a letter or digit",
                      name, EXPERIMENT_NAME_LARGEST);
}

Status experiment_read(const FieldTable *schema, const Node *root, Arena *arena,
                       Experiment *experiment, Error *error) {
    *experiment = (Experiment){0};
    TRY(schema_read(schema, root, experiment, arena, error));
    TRY(name_check(root, experiment->run.experiment, error));
    run_config_resolve(&experiment->run);
    const char *culprit = "";
    Status status = run_config_check(&experiment->run, &culprit, error);
    if (status != STATUS_OK)
        return error_context(error, status, "%s: %s",
                             node_location(schema_nearest_node(root, culprit), arena), culprit);
    return STATUS_OK;
}

Status experiment_analyses(const char *names, const char *origin, Arena *arena, KindList *list,
                           Error *error) {
    const FieldTable table = {.fields = &analysis_field, .count = 1};
    const Node *value;
    Experiment experiment = {0};
    origin = arena_format(arena, "%s %s", origin, names);
    const char *text = strcmp(names, "all") == 0 ? names : arena_format(arena, "[%s]", names);
    TRY(yaml_parse_value(text, origin, arena, &value, error));
    const Node *root = node_with(node_map(value, arena), analysis_field.name, value, value, arena);
    TRY(schema_read(&table, root, &experiment, arena, error));
    *list = experiment.analysis;
    if (list->count == 0)
        return node_error(value, error, "no analysis is named; %s",
                          field_allowed(&analysis_field, arena));
    return STATUS_OK;
}
