#include "experiments/runner/schema_path.h"

#include <string.h>

const char *schema_kind_key(const Field *field) {
    return field->kind_key == NULL ? "kind" : field->kind_key;
}

static void list_add(SchemaList *list, Arena *arena, SchemaEntry entry) {
    list->entries =
        arena_grow(arena, list->entries, sizeof *list->entries, list->count, &list->capacity);
    list->entries[list->count++] = entry;
}

static void list_table(SchemaList *list, const FieldTable *table, const SchemaEntry *above,
                       Arena *arena) {
    for (size_t i = 0; i < table->count; i++) {
        const Field *field = &table->fields[i];
        SchemaEntry entry = {
            .field = field,
            .kind = above->kind,
            .without_bits = above->without_bits || field->without_bits,
            .path = above->path == NULL ? field->name
                                        : arena_format(arena, "%s.%s", above->path, field->name),
        };
        list_add(list, arena, entry);
        if (field->type == FIELD_GROUP)
            list_table(list, field->group, &entry, arena);
        if ((field->type != FIELD_KIND && field->type != FIELD_KIND_EACH) ||
            !kinds_have_options(field->kinds))
            continue;
        SchemaEntry key = entry;
        key.path = arena_format(arena, "%s.%s", entry.path, schema_kind_key(field));
        key.names_kind = true;
        list_add(list, arena, key);
        for (size_t k = 0; k < field->kinds->count; k++) {
            SchemaEntry options = entry;
            options.kind = field->kinds->kinds[k];
            list_table(list, &options.kind->options, &options, arena);
        }
    }
}

SchemaList schema_list(const FieldTable *table, Arena *arena) {
    SchemaList list = {0};
    const SchemaEntry root = {0};
    list_table(&list, table, &root, arena);
    return list;
}

const SchemaEntry *schema_find(const SchemaList *list, const char *path) {
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->entries[i].path, path) == 0)
            return &list->entries[i];
    return NULL;
}

/* Whether path is `<anything>.<word>`. */
static bool ends_in(const char *path, const char *word) {
    const char *dot = strrchr(path, '.');
    return dot != NULL && strcmp(dot + 1, word) == 0;
}

Status schema_path_check(const SchemaList *list, const char *path, const Node *node, Arena *arena,
                         Error *error) {
    if (schema_find(list, path) != NULL)
        return STATUS_OK;
    NameList paths = {0}, same_name = {0}, top = {0};
    for (size_t i = 0; i < list->count; i++) {
        names_add(&paths, arena, list->entries[i].path);
        if (ends_in(list->entries[i].path, path))
            names_add(&same_name, arena, list->entries[i].path);
        if (strchr(list->entries[i].path, '.') == NULL)
            names_add(&top, arena, list->entries[i].path);
    }
    if (same_name.count > 0)
        return node_error(node, error, "unknown key '%.100s' (did you mean '%s'?)", path,
                          same_name.names[0]);
    const char *parent = arena_string(arena, path);
    for (char *dot = strrchr(parent, '.'); dot != NULL; dot = strrchr(parent, '.')) {
        *dot = '\0';
        const SchemaEntry *above = schema_find(list, parent);
        if (above == NULL)
            continue;
        NameList below = {0};
        size_t length = strlen(parent);
        for (size_t i = 0; i < list->count; i++) {
            const char *other = list->entries[i].path;
            if (strncmp(other, parent, length) == 0 && other[length] == '.' &&
                strchr(other + length + 1, '.') == NULL)
                names_add(&below, arena, other + length + 1);
        }
        return node_error(node, error, "unknown key '%.100s'%s; allowed below %s: %s", path,
                          names_suggestion(&paths, path, arena), parent, names_join(&below, arena));
    }
    return node_error(node, error,
                      "unknown key '%.100s'%s; allowed: %s, and dotted keys below them", path,
                      names_suggestion(&paths, path, arena), names_join(&top, arena));
}

typedef struct Change {
    const Node *value, *place; /* place: where the change was written */
    Arena *arena;
    Error *error;
} Change;

static Status set_below(const Change *change, const FieldTable *table, const Node *map,
                        const char *path, const Node **changed) {
    const char *dot = strchr(path, '.');
    if (dot == NULL) {
        *changed = node_with(map, path, change->place, change->value, change->arena);
        return STATUS_OK;
    }
    char *name = arena_string(change->arena, path);
    name[dot - path] = '\0';
    const Field *field = table == NULL ? NULL : field_find(table, name);
    const Node *inner = node_find(map, name);
    if (inner == NULL || node_is_null(inner)) {
        inner = node_map(change->place, change->arena);
    } else if (inner->type == NODE_SCALAR && field != NULL &&
               (field->type == FIELD_KIND || field->type == FIELD_KIND_EACH)) {
        const Node *empty = node_map(inner, change->arena);
        inner = node_with(empty, schema_kind_key(field), inner, inner, change->arena);
    }
    if (inner->type != NODE_MAP)
        return node_error(change->place, change->error,
                          "'%s' cannot be set below '%s', which is %s (%s)", path, name,
                          node_describe(inner, change->arena), node_location(inner, change->arena));
    const FieldTable *below = field != NULL && field->type == FIELD_GROUP ? field->group : NULL;
    const Node *replaced;
    TRY(set_below(change, below, inner, dot + 1, &replaced));
    *changed = node_with(map, name, change->place, replaced, change->arena);
    return STATUS_OK;
}

Status schema_set(const FieldTable *table, const Node *root, const char *path, const Node *value,
                  const Node *node, Arena *arena, const Node **changed, Error *error) {
    const Change change = {.value = value, .place = node, .arena = arena, .error = error};
    return set_below(&change, table, root, path, changed);
}

/* Follows path as far as it goes; *whole where all of it is there. */
static const Node *follow(const Node *root, const char *path, bool *whole) {
    const Node *node = root;
    for (;;) {
        size_t length = strcspn(path, ".");
        const Node *next = NULL;
        for (size_t i = 0; node->type == NODE_MAP && i < node->count; i++)
            if (strncmp(node->keys[i]->text, path, length) == 0 &&
                node->keys[i]->text[length] == '\0')
                next = node->items[i];
        *whole = next != NULL && path[length] == '\0';
        if (next == NULL)
            return node;
        node = next;
        if (*whole)
            return node;
        path += length + 1;
    }
}

const Node *schema_get(const Node *root, const char *path) {
    bool whole;
    const Node *node = follow(root, path, &whole);
    return whole ? node : NULL;
}

const Node *schema_nearest_node(const Node *root, const char *path) {
    bool whole;
    return follow(root, path, &whole);
}
