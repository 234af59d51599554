#include "experiments/runner/sweep_select.h"

#include "experiments/runner/reference.h"
#include "experiments/runner/run_name.h"

#include <string.h>

static Status entry_check(const ExperimentFile *file, const char *name, const Node *entry,
                          Arena *arena, Error *error) {
    if (entry->type != NODE_MAP || entry->count == 0)
        return node_error(
            entry, error,
            "sweep.%s holds %s; allowed: maps of dotted keys to one value each, as in "
            "[{model.position: rope, seed: 2}]",
            name, node_describe(entry, arena));
    for (size_t i = 0; i < entry->count; i++) {
        const Node *key = entry->keys[i];
        TRY(schema_path_check(&file->keys, key->text, key, arena, error));
        if (schema_find(&file->keys, key->text)->without_bits)
            return node_error(key, error,
                              "'%s' has no place in sweep.%s: it changes nothing that a run "
                              "computes",
                              key->text, name);
    }
    return STATUS_OK;
}

static Status list_read(const ExperimentFile *file, const char *name, Arena *arena,
                        const Node **list, Error *error) {
    const Node *node = node_find(file->sweep, name);
    *list = NULL;
    if (node == NULL || node_is_null(node))
        return STATUS_OK;
    if (node->type != NODE_LIST)
        return node_error(node, error, "sweep.%s is %s; allowed: a list of maps of dotted keys",
                          name, node_describe(node, arena));
    for (size_t i = 0; i < node->count; i++)
        TRY(entry_check(file, name, node->items[i], arena, error));
    *list = node;
    return STATUS_OK;
}

Status sweep_selection_read(const ExperimentFile *file, Arena *arena, SweepSelection *selection,
                            Error *error) {
    *selection = (SweepSelection){0};
    TRY(list_read(file, "include", arena, &selection->include, error));
    TRY(list_read(file, "exclude", arena, &selection->exclude, error));
    size_t count = selection->exclude == NULL ? 0 : selection->exclude->count;
    selection->matched = ARENA_ARRAY(arena, bool, count);
    return STATUS_OK;
}

static bool entry_fits(const Node *entry, const ExperimentFile *file, const Node *root,
                       Arena *arena) {
    for (size_t i = 0; i < entry->count; i++) {
        const Node *value = reference_value(&file->keys, root, entry->keys[i]->text, arena);
        if (value == NULL ||
            strcmp(value_text(value, arena), value_text(entry->items[i], arena)) != 0)
            return false;
    }
    return true;
}

bool sweep_excluded(SweepSelection *selection, const ExperimentFile *file, const Node *root,
                    Arena *arena) {
    bool excluded = false;
    for (size_t i = 0; selection->exclude != NULL && i < selection->exclude->count; i++)
        if (entry_fits(selection->exclude->items[i], file, root, arena))
            excluded = selection->matched[i] = true;
    return excluded;
}

static bool all_swept(const Node *entry, const char *const *keys, size_t count) {
    for (size_t i = 0; i < entry->count; i++) {
        bool swept = false;
        for (size_t k = 0; k < count; k++)
            swept |= strcmp(keys[k], entry->keys[i]->text) == 0;
        if (!swept)
            return false;
    }
    return true;
}

Status sweep_exclusions_check(const SweepSelection *selection, const char *const *keys,
                              size_t count, Arena *arena, Error *error) {
    for (size_t i = 0; selection->exclude != NULL && i < selection->exclude->count; i++) {
        const Node *entry = selection->exclude->items[i];
        if (!selection->matched[i] && all_swept(entry, keys, count))
            return node_error(entry, error, "sweep.exclude: no run of the sweep has %s",
                              node_write(entry, arena));
    }
    return STATUS_OK;
}
