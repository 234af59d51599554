#include "experiments/runner/identity.h"

#include "experiments/runner/schema_write.h"
#include "experiments/runner/text.h"
#include "model/base/sha256.h"
#include "train/schedules/schedule.h"

#include <string.h>

void identity_of(const FieldTable *schema, const Experiment *experiment, char hex[65]) {
    Arena arena = arena_create("a run's identity");
    const char *text = schema_write(schema, experiment, true, &arena);
    sha256_of(text, strlen(text), hex);
    arena_destroy(&arena);
}

void identity_of_state(const FieldTable *schema, const Experiment *experiment, char hex[65]) {
    Experiment of_any_length = *experiment;
    const ScheduleKind *schedule = (const ScheduleKind *)experiment->run.train.schedule.kind;
    if (!schedule->looks_ahead)
        of_any_length.run.train.steps = 0;
    identity_of(schema, &of_any_length, hex);
}

bool identity_begins(const ExperimentFile *file, const char *stored_yaml,
                     const Experiment *wanted) {
    Arena arena = arena_create("a stored run's settings");
    const Node *root = NULL;
    Experiment stored;
    char first[65], second[65];
    bool begins = yaml_parse_value(stored_yaml, "stored", &arena, &root, NULL) == STATUS_OK &&
                  experiment_read(&file->schema, root, &arena, &stored, NULL) == STATUS_OK &&
                  stored.run.train.steps < wanted->run.train.steps;
    if (begins) {
        identity_of_state(&file->schema, &stored, first);
        identity_of_state(&file->schema, wanted, second);
        begins = strcmp(first, second) == 0;
    }
    arena_destroy(&arena);
    return begins;
}

/* A stored YAML as today's program would write it: keys that it lacks with their defaults. As it is
   where that cannot be done. */
static const Node *stored_tree(const ExperimentFile *file, const char *yaml, Arena *arena) {
    const Node *root = NULL;
    Experiment experiment;
    if (yaml_parse_value(yaml, "stored", arena, &root, NULL) != STATUS_OK)
        return NULL;
    if (experiment_read(&file->schema, root, arena, &experiment, NULL) != STATUS_OK)
        return root;
    const char *text = schema_write(&file->schema, &experiment, false, arena);
    yaml_parse_value(text, "stored", arena, &root, NULL);
    return root;
}

/* A value as a person would write it. */
static const char *leaf_text(const Node *node, Arena *arena) {
    return node == NULL ? "(not given)" : node_write(node, arena);
}

typedef struct Comparison {
    const ExperimentFile *file;
    TextBuffer lines;
    Arena *arena;
} Comparison;

static void compare_nodes(Comparison *comparison, const char *path, const Node *stored,
                          const Node *wanted);

static void compare_maps(Comparison *comparison, const char *path, const Node *stored,
                         const Node *wanted, bool only_missing) {
    for (size_t i = 0; i < stored->count; i++) {
        const char *key = stored->keys[i]->text;
        const Node *other = node_find(wanted, key);
        if (only_missing && other != NULL)
            continue;
        const char *below =
            path == NULL ? key : arena_format(comparison->arena, "%s.%s", path, key);
        if (only_missing)
            compare_nodes(comparison, below, NULL, stored->items[i]);
        else
            compare_nodes(comparison, below, stored->items[i], other);
    }
}

static void compare_nodes(Comparison *comparison, const char *path, const Node *stored,
                          const Node *wanted) {
    Arena *arena = comparison->arena;
    const SchemaEntry *entry = path == NULL ? NULL : schema_find(&comparison->file->keys, path);
    if (entry != NULL && entry->without_bits)
        return;
    bool maps =
        stored != NULL && wanted != NULL && stored->type == NODE_MAP && wanted->type == NODE_MAP;
    if (maps) {
        compare_maps(comparison, path, stored, wanted, false);
        compare_maps(comparison, path, wanted, stored, true);
        return;
    }
    const char *old = leaf_text(stored, arena), *new = leaf_text(wanted, arena);
    if (strcmp(old, new) != 0)
        text_add(&comparison->lines, "\n  %s: %s → %s", path, old, new);
}

void identity_compare(const ExperimentFile *file, const char *stored_yaml, const char *wanted_yaml,
                      Arena *arena, bool *same, const char **differences) {
    Comparison comparison = {.file = file, .lines = {.arena = arena}, .arena = arena};
    const Node *stored = stored_tree(file, stored_yaml, arena), *wanted = NULL;
    yaml_parse_value(wanted_yaml, "wanted", arena, &wanted, NULL);
    if (stored == NULL || wanted == NULL)
        text_add(&comparison.lines, "\n  (its stored configuration cannot be read)");
    else
        compare_nodes(&comparison, NULL, stored, wanted);
    *same = comparison.lines.length == 0;
    *differences = *same ? "" : comparison.lines.text;
}
