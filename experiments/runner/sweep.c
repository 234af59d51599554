#include "experiments/runner/sweep.h"

#include "experiments/runner/identity.h"
#include "experiments/runner/reference.h"
#include "experiments/runner/run_name.h"
#include "experiments/runner/schema_write.h"
#include "experiments/runner/sweep_range.h"
#include "experiments/runner/sweep_select.h"

#include <string.h>

/* Keys that advance together: one key for a crossed axis, several for a zipped one. */
typedef struct SweepAxis {
    const char **keys;
    const Node **key_nodes, **lists;
    size_t key_count, count; /* count: values of each key */
} SweepAxis;

typedef struct Sweep {
    const ExperimentFile *file;
    Arena *arena;
    Error *error;
    SweepAxis *axes;
    size_t axis_count;
    /* all keys of all axes, in order; then those that only `include` gives */
    const char **keys, **labels;
    size_t axis_key_count, key_count;
    size_t crossed; /* combinations of the axes */
    SweepSelection selection;
} Sweep;

static Status axis_add_key(Sweep *sweep, SweepAxis *axis, const Node *key, const Node *list) {
    TRY(schema_path_check(&sweep->file->keys, key->text, key, sweep->arena, sweep->error));
    if (schema_find(&sweep->file->keys, key->text)->without_bits)
        return node_error(key, sweep->error,
                          "'%s' cannot be swept: it changes nothing that a run computes",
                          key->text);
    if (list->type == NODE_MAP)
        TRY(sweep_range_expand(schema_find(&sweep->file->keys, key->text), list, sweep->arena,
                               &list, sweep->error));
    if (list->type != NODE_LIST || list->count == 0)
        return node_error(list, sweep->error,
                          "sweep.%s is %s; allowed: a list of values [a, b, …], or a range {from: "
                          "a, to: b, points: n, scale: linear or log}",
                          key->text, node_describe(list, sweep->arena));
    for (size_t i = 0; i < sweep->key_count; i++)
        if (strcmp(sweep->keys[i], key->text) == 0)
            return node_error(key, sweep->error, "'%s' is swept twice", key->text);
    if (axis->key_count > 0 && list->count != axis->count)
        return node_error(list, sweep->error,
                          "zipped lists must be equally long: %s has %zu values, %s has %zu",
                          key->text, list->count, axis->keys[0], axis->count);
    axis->keys[axis->key_count] = key->text;
    axis->key_nodes[axis->key_count] = key;
    axis->lists[axis->key_count++] = list;
    axis->count = list->count;
    sweep->keys[sweep->key_count++] = key->text;
    return STATUS_OK;
}

static Status axis_read(Sweep *sweep, const Node *key, const Node *value) {
    bool zip = strcmp(key->text, "zip") == 0;
    if (zip && (value->type != NODE_MAP || value->count == 0))
        return node_error(value, sweep->error,
                          "sweep.zip is %s; allowed: a map of keys to equally long lists",
                          node_describe(value, sweep->arena));
    size_t count = zip ? value->count : 1;
    SweepAxis *axis = &sweep->axes[sweep->axis_count++];
    axis->keys = ARENA_ARRAY(sweep->arena, const char *, count);
    axis->key_nodes = ARENA_ARRAY(sweep->arena, const Node *, count);
    axis->lists = ARENA_ARRAY(sweep->arena, const Node *, count);
    for (size_t i = 0; i < count; i++)
        TRY(axis_add_key(sweep, axis, zip ? value->keys[i] : key, zip ? value->items[i] : value));
    return STATUS_OK;
}

static bool is_axis(const Node *key) {
    return strcmp(key->text, "include") != 0 && strcmp(key->text, "exclude") != 0;
}

static Status axes_read(Sweep *sweep, const Node *map) {
    sweep->axes = ARENA_ARRAY(sweep->arena, SweepAxis, map->count);
    sweep->keys = ARENA_ARRAY(sweep->arena, const char *, map->weight + 1);
    sweep->crossed = 1;
    for (size_t i = 0; i < map->count; i++) {
        if (!is_axis(map->keys[i]))
            continue;
        TRY(axis_read(sweep, map->keys[i], map->items[i]));
        sweep->crossed *= sweep->axes[sweep->axis_count - 1].count;
        if (sweep->crossed > SWEEP_RUNS_LARGEST)
            return node_error(map, sweep->error, "the sweep makes more than %d runs",
                              SWEEP_RUNS_LARGEST);
    }
    sweep->axis_key_count = sweep->key_count;
    return STATUS_OK;
}

static size_t key_index(const Sweep *sweep, const char *key) {
    size_t i = 0;
    while (i < sweep->key_count && strcmp(sweep->keys[i], key) != 0)
        i++;
    return i;
}

/* Keys of `include` that no axis has. Labels of axes do not depend on them, so that adding one
   renames no run. */
static void included_keys_add(Sweep *sweep) {
    const Node *include = sweep->selection.include;
    for (size_t i = 0; include != NULL && i < include->count; i++)
        for (size_t k = 0; k < include->items[i]->count; k++) {
            const char *key = include->items[i]->keys[k]->text;
            if (key_index(sweep, key) == sweep->key_count)
                sweep->keys[sweep->key_count++] = key;
        }
    sweep->labels = ARENA_ARRAY(sweep->arena, const char *, sweep->key_count);
    run_labels(sweep->keys, sweep->key_count, sweep->arena, sweep->labels);
    run_labels(sweep->keys, sweep->axis_key_count, sweep->arena, sweep->labels);
}

static Status sweep_read(Sweep *sweep) {
    const Node *map = sweep->file->sweep;
    sweep->crossed = 1;
    if (map == NULL || node_is_null(map))
        return STATUS_OK;
    if (map->type != NODE_MAP)
        return node_error(map, sweep->error,
                          "sweep is %s; allowed: a map of dotted keys to lists of values",
                          node_describe(map, sweep->arena));
    TRY(sweep_selection_read(sweep->file, sweep->arena, &sweep->selection, sweep->error));
    TRY(axes_read(sweep, map));
    const Node *include = sweep->selection.include;
    if (sweep->axis_count == 0 && include != NULL && include->count > 0)
        sweep->crossed = 0; /* only the runs that are named */
    included_keys_add(sweep);
    return STATUS_OK;
}

static size_t path_parts(const char *path) {
    size_t parts = 1;
    for (; *path != '\0'; path++)
        parts += *path == '.';
    return parts;
}

/* Whether inner is outer or lies below it. */
static bool path_within(const char *inner, const char *outer) {
    size_t length = strlen(outer);
    return strncmp(inner, outer, length) == 0 && (inner[length] == '.' || inner[length] == '\0');
}

/* The position of each axis in run number index, the last axis fastest. */
static void run_positions(const Sweep *sweep, size_t index, size_t *positions) {
    for (size_t i = sweep->axis_count; i-- > 0;) {
        positions[i] = index % sweep->axes[i].count;
        index /= sweep->axes[i].count;
    }
}

/* values [key_count] of run number index of the crossed ones. */
static void crossed_values(const Sweep *sweep, size_t index, const Node **values) {
    size_t *positions = ARENA_ARRAY(sweep->arena, size_t, sweep->axis_count);
    run_positions(sweep, index, positions);
    size_t number = 0;
    for (size_t i = 0; i < sweep->axis_count; i++)
        for (size_t k = 0; k < sweep->axes[i].key_count; k++)
            values[number++] = sweep->axes[i].lists[k]->items[positions[i]];
}

static void included_values(const Sweep *sweep, const Node *entry, const Node **values) {
    for (size_t i = 0; i < entry->count; i++)
        values[key_index(sweep, entry->keys[i]->text)] = entry->items[i];
}

/* --set has the last word, also below a swept key. */
static Status overrides_apply(const Sweep *sweep, const Node **root) {
    const ExperimentFile *file = sweep->file;
    for (size_t i = 0; i < file->override_count; i++) {
        const Override *override = &file->overrides[i];
        for (size_t k = 0; k < sweep->key_count; k++)
            if (path_within(override->key, sweep->keys[k])) {
                TRY(schema_set(&file->schema, *root, override->key, override->value,
                               override->place, sweep->arena, root, sweep->error));
                break;
            }
    }
    return STATUS_OK;
}

/* The tree of one run: the base with values [key_count], NULL where a key is left as it is; a key
   goes in after those that contain it; then references are replaced. */
static Status run_tree(const Sweep *sweep, const Node *const *values, const Node **root) {
    const ExperimentFile *file = sweep->file;
    size_t parts_largest = 0;
    *root = file->root;
    for (size_t k = 0; k < sweep->key_count; k++)
        if (path_parts(sweep->keys[k]) > parts_largest)
            parts_largest = path_parts(sweep->keys[k]);
    for (size_t parts = 1; parts <= parts_largest; parts++)
        for (size_t k = 0; k < sweep->key_count; k++)
            if (values[k] != NULL && path_parts(sweep->keys[k]) == parts)
                TRY(schema_set(&file->schema, *root, sweep->keys[k], values[k], values[k],
                               sweep->arena, root, sweep->error));
    TRY(overrides_apply(sweep, root));
    return references_resolve(&file->keys, *root, sweep->arena, root, sweep->error);
}

/* A key's value in the run of this tree, NULL where it has none. value: what the sweep gives. */
static const Node *swept_value(const Sweep *sweep, size_t key, const Node *value,
                               const Node *root) {
    return value != NULL && !reference_within(value)
               ? value
               : reference_value(&sweep->file->keys, root, sweep->keys[key], sweep->arena);
}

static bool is_default(const Sweep *sweep, size_t key, const char *text) {
    const Node nothing = {.type = NODE_MAP};
    const Node *value =
        reference_value(&sweep->file->keys, &nothing, sweep->keys[key], sweep->arena);
    return value != NULL && strcmp(value_text(value, sweep->arena), text) == 0;
}

/* Fills run from run->root. Its name has every key of an axis, and those of `include` that this run
   was given. */
static Status run_fill(const Sweep *sweep, const Node *const *values, PlannedRun *run) {
    Arena *arena = sweep->arena;
    const char **labels = ARENA_ARRAY(arena, const char *, sweep->key_count);
    const char **named = ARENA_ARRAY(arena, const char *, sweep->key_count);
    run->swept_values = ARENA_ARRAY(arena, const char *, sweep->key_count);
    run->swept_phrases = ARENA_ARRAY(arena, const char *, sweep->key_count);
    run->by_default = ARENA_ARRAY(arena, bool, sweep->key_count);
    run->given = ARENA_ARRAY(arena, bool, sweep->key_count);
    size_t count = 0, name_count = 0;
    for (size_t i = 0; i < sweep->key_count; i++) {
        if (strcmp(sweep->keys[i], "seed") == 0)
            continue;
        const Node *value = swept_value(sweep, i, values[i], run->root);
        run->given[count] = i < sweep->axis_key_count || values[i] != NULL;
        run->swept_values[count] = value == NULL ? "" : value_text(value, arena);
        run->swept_phrases[count] = value == NULL ? "" : value_phrase(value, arena);
        run->by_default[count] = is_default(sweep, i, run->swept_values[count]);
        if (run->given[count]) {
            labels[name_count] = sweep->labels[i];
            named[name_count++] = run->swept_values[count];
        }
        count++;
    }
    const FieldTable *schema = &sweep->file->schema;
    TRY(experiment_read(schema, run->root, arena, &run->experiment, sweep->error));
    run->name = run_name(labels, named, name_count, run->experiment.run.seed, arena);
    run->yaml = schema_write(schema, &run->experiment, false, arena);
    identity_of(schema, &run->experiment, run->identity);
    identity_of_state(schema, &run->experiment, run->state_identity);
    return STATUS_OK;
}

static Status run_add(Sweep *sweep, const Node *const *values, bool may_exclude, RunPlan *plan) {
    PlannedRun *run = &plan->runs[plan->count];
    TRY(run_tree(sweep, values, &run->root));
    if (may_exclude && sweep_excluded(&sweep->selection, sweep->file, run->root, sweep->arena))
        return STATUS_OK;
    plan->count++;
    return run_fill(sweep, values, run);
}

static Status runs_add(Sweep *sweep, RunPlan *plan) {
    const Node *include = sweep->selection.include;
    size_t included = include == NULL ? 0 : include->count;
    if (sweep->crossed + included > SWEEP_RUNS_LARGEST)
        return node_error(include, sweep->error, "the sweep makes more than %d runs",
                          SWEEP_RUNS_LARGEST);
    plan->runs = ARENA_ARRAY(sweep->arena, PlannedRun, sweep->crossed + included);
    for (size_t i = 0; i < sweep->crossed + included; i++) {
        const Node **values = ARENA_ARRAY(sweep->arena, const Node *, sweep->key_count);
        bool crossed = i < sweep->crossed;
        if (crossed)
            crossed_values(sweep, i, values);
        else
            included_values(sweep, include->items[i - sweep->crossed], values);
        TRY(run_add(sweep, values, crossed, plan));
    }
    if (plan->count == 0)
        return node_error(sweep->selection.exclude, sweep->error,
                          "sweep.exclude leaves no run to do");
    return sweep_exclusions_check(&sweep->selection, sweep->keys, sweep->axis_key_count,
                                  sweep->arena, sweep->error);
}

/* The name is that of one folder; a reference in it may be to what is swept. */
static Status one_experiment_check(const Sweep *sweep, const RunPlan *plan) {
    const char *first = plan->runs[0].experiment.run.experiment;
    for (size_t i = 1; i < plan->count; i++) {
        const char *other = plan->runs[i].experiment.run.experiment;
        if (strcmp(first, other) != 0)
            return node_error(schema_nearest_node(sweep->file->root, "experiment"), sweep->error,
                              "experiment is '%s' in one run of the sweep and '%s' in another; it "
                              "names the folder of all of them",
                              first, other);
    }
    return STATUS_OK;
}

static Status duplicates_check(const Sweep *sweep, const RunPlan *plan) {
    for (size_t i = 0; i < plan->count; i++)
        for (size_t j = 0; j < i; j++) {
            const PlannedRun *first = &plan->runs[j], *second = &plan->runs[i];
            if (strcmp(first->identity, second->identity) == 0)
                return node_error(sweep->file->sweep, sweep->error,
                                  "the sweep makes the same run twice: runs %zu (%s) and %zu (%s) "
                                  "have equal settings",
                                  j + 1, first->name, i + 1, second->name);
            if (strcmp(first->name, second->name) == 0)
                return node_error(sweep->file->sweep, sweep->error,
                                  "two different runs would both be called '%s'", first->name);
        }
    return STATUS_OK;
}

Status sweep_expand(const ExperimentFile *file, Arena *arena, RunPlan *plan, Error *error) {
    Sweep sweep = {.file = file, .arena = arena, .error = error};
    TRY(sweep_read(&sweep));
    *plan = (RunPlan){.swept_keys = ARENA_ARRAY(arena, const char *, sweep.key_count)};
    for (size_t i = 0; i < sweep.key_count; i++)
        if (strcmp(sweep.keys[i], "seed") != 0)
            plan->swept_keys[plan->swept_count++] = sweep.keys[i];
    TRY(runs_add(&sweep, plan));
    TRY(one_experiment_check(&sweep, plan));
    return duplicates_check(&sweep, plan);
}
