#include "experiments/runner/experiment_base.h"

#include "experiments/runner/schema_path.h"
#include "experiments/runner/text.h"

#include <stdlib.h>
#include <string.h>

/* The files on the way from the one that was asked for to the one that is being read. */
typedef struct Chain Chain;
struct Chain {
    const char *path, *real_path; /* real_path: without links, to know a file again */
    const Chain *child;
    int depth;
};

typedef struct Inheritance {
    const FieldTable *schema;
    Arena *arena;
    Error *error;
} Inheritance;

static Status read_chain(const Inheritance *inheritance, const Chain *chain, InheritedFile *file);

static const char *real_path(const char *path, Arena *arena) {
    char *found = realpath(path, NULL);
    const char *copy = arena_string(arena, found == NULL ? path : found);
    free(found);
    return copy;
}

/* "a.yaml → b.yaml → a.yaml". */
static const char *chain_text(const Chain *chain, Arena *arena) {
    if (chain->child == NULL)
        return chain->path;
    return arena_format(arena, "%s → %s", chain_text(chain->child, arena), chain->path);
}

/* path as seen from the folder of the file `from`. */
static const char *path_beside(const char *from, const char *path, Arena *arena) {
    const char *slash = strrchr(from, '/');
    if (path[0] == '/' || slash == NULL)
        return path;
    return arena_format(arena, "%.*s/%s", (int)(slash - from), from, path);
}

/* The field that a key, perhaps a dotted one of a sweep, names by its last part and that takes a
   path; or NULL. */
static const Field *path_field(const SchemaList *keys, const char *key) {
    const char *dot = strrchr(key, '.');
    const char *name = dot == NULL ? key : dot + 1;
    for (size_t i = 0; i < keys->count; i++)
        if (keys->entries[i].field->is_path && strcmp(keys->entries[i].field->name, name) == 0)
            return keys->entries[i].field;
    return NULL;
}

/* Whether the value of a field is a path, and none of the words that stand for something else. */
static bool holds_path(const Field *field, const Node *value) {
    if (field == NULL || node_is_null(value) || value->text[0] == '\0')
        return false;
    for (size_t i = 0; field->other_words != NULL && field->other_words[i] != NULL; i++)
        if (strcmp(field->other_words[i], value->text) == 0)
            return false;
    return true;
}

/* The tree with every relative path below it preceded by the folder that `base` named. field: node
   is its value, or a list of them; NULL where it takes no path. */
static const Node *paths_moved(const SchemaList *keys, const Node *node, const Field *field,
                               const char *base, Arena *arena) {
    if (node->type == NODE_SCALAR && !holds_path(field, node))
        return node;
    Node *copy = ARENA_ARRAY(arena, Node, 1);
    *copy = *node;
    if (node->type == NODE_SCALAR) {
        copy->text = path_beside(base, node->text, arena);
        return copy;
    }
    copy->items = ARENA_ARRAY(arena, const Node *, node->count);
    for (size_t i = 0; i < node->count; i++) {
        const Field *of = node->type == NODE_MAP ? path_field(keys, node->keys[i]->text) : field;
        copy->items[i] = paths_moved(keys, node->items[i], of, base, arena);
    }
    return copy;
}

static bool is_kind(const Field *field) {
    return field != NULL && field->kinds != NULL && field->type != FIELD_KIND_LIST;
}

/* `rope` as {kind: rope}, where field is a kind. */
static const Node *as_map(const Field *field, const Node *node, Arena *arena) {
    if (!is_kind(field) || node->type != NODE_SCALAR)
        return node;
    return node_with(node_map(node, arena), schema_kind_key(field), node, node, arena);
}

static bool names_other_kind(const Field *field, const Node *under, const Node *over) {
    const Node *new = node_find(over, schema_kind_key(field));
    const Node *old = node_find(under, schema_kind_key(field));
    return new != NULL && (old == NULL || new->type != NODE_SCALAR || old->type != NODE_SCALAR ||
                           strcmp(new->text, old->text) != 0);
}

/* over laid on under; table describes both where they are groups, else NULL. */
static const Node *merge_maps(const FieldTable *table, const Node *under, const Node *over,
                              Arena *arena) {
    const Node *merged = under;
    for (size_t i = 0; i < over->count; i++) {
        const Node *key = over->keys[i], *value = over->items[i];
        const Field *field = table == NULL ? NULL : field_find(table, key->text);
        const Node *below = node_find(under, key->text);
        if (node_is_null(value)) {
            merged = node_with(merged, key->text, key, NULL, arena);
            continue;
        }
        if (value->type == NODE_MAP) {
            below = below == NULL ? value : as_map(field, below, arena);
            bool other = is_kind(field) && names_other_kind(field, below, value);
            if (below == value || below->type != NODE_MAP || other)
                below = node_map(value, arena); /* nothing is inherited */
            value = merge_maps(field == NULL ? NULL : field->group, below, value, arena);
        }
        merged = node_with(merged, key->text, key, value, arena);
    }
    return merged;
}

/* The inherited sweep without the keys that root gives a value of its own. */
static const Node *sweep_without_given(const Node *sweep, const Node *root, Arena *arena) {
    const Node *rest = sweep;
    for (size_t i = 0; sweep->type == NODE_MAP && i < sweep->count; i++) {
        const Node *key = sweep->keys[i];
        if (strcmp(key->text, "zip") == 0) {
            const Node *zip = sweep_without_given(sweep->items[i], root, arena);
            bool empty = zip->type == NODE_MAP && zip->count == 0;
            rest = node_with(rest, key->text, key, empty ? NULL : zip, arena);
        } else if (schema_get(root, key->text) != NULL) {
            rest = node_with(rest, key->text, key, NULL, arena);
        }
    }
    return rest;
}

static const Node *merge_files(const Inheritance *inheritance, const Node *under,
                               const Node *over) {
    Arena *arena = inheritance->arena;
    const Node *sweep = node_find(under, "sweep");
    if (sweep != NULL)
        under = node_with(under, "sweep", sweep, sweep_without_given(sweep, over, arena), arena);
    return merge_maps(inheritance->schema, under, over, arena);
}

static Status read_base(const Inheritance *inheritance, const Chain *chain, const Node *base,
                        InheritedFile *file) {
    Arena *arena = inheritance->arena;
    Error *error = inheritance->error;
    if (base->type != NODE_SCALAR || base->text[0] == '\0' || node_is_null(base))
        return node_error(base, error, "base is %s; allowed: the name of another YAML file",
                          node_describe(base, arena));
    const char *path = path_beside(chain->path, base->text, arena);
    const Chain next = {.path = path,
                        .real_path = real_path(path, arena),
                        .child = chain,
                        .depth = chain->depth + 1};
    for (const Chain *file_below = chain; file_below != NULL; file_below = file_below->child)
        if (strcmp(file_below->real_path, next.real_path) == 0)
            return node_error(base, error, "base: a file cannot inherit from itself: %s",
                              chain_text(&next, arena));
    if (next.depth > BASE_DEPTH_LARGEST)
        return node_error(base, error, "base: more than %d files inherit from one another",
                          BASE_DEPTH_LARGEST);
    const char *text;
    size_t bytes;
    Error reason;
    if (yaml_read_text(path, arena, &text, &bytes, &reason) != STATUS_OK)
        return node_error(base, error, "base: %s", reason.message);
    return read_chain(inheritance, &next, file);
}

/* The base's text as a comment behind that of the file which names it. */
static void append_comment(InheritedFile *file, const char *base, const char *text, Arena *arena) {
    TextBuffer buffer = {.arena = arena};
    text_add(&buffer, "%s%s\n# base: %s\n", file->text,
             file->bytes > 0 && file->text[file->bytes - 1] == '\n' ? "" : "\n", base);
    for (const char *at = text; *at != '\0';) {
        size_t length = strcspn(at, "\n");
        text_add(&buffer, "#%s%.*s\n", length == 0 ? "" : " ", (int)length, at);
        at += length + (at[length] == '\n');
    }
    file->text = buffer.text;
    file->bytes = buffer.length;
}

static Status read_chain(const Inheritance *inheritance, const Chain *chain, InheritedFile *file) {
    Arena *arena = inheritance->arena;
    TRY(yaml_read_text(chain->path, arena, &file->text, &file->bytes, inheritance->error));
    TRY(yaml_parse(file->text, file->bytes, chain->path, arena, &file->root, inheritance->error));
    if (file->root->type != NODE_MAP)
        return node_error(file->root, inheritance->error,
                          "an experiment is a map of keys (model: …), not %s",
                          node_describe(file->root, arena));
    const Node *base = node_find(file->root, "base");
    if (base == NULL)
        return STATUS_OK;
    InheritedFile inherited;
    TRY(read_base(inheritance, chain, base, &inherited));
    const Node *own = node_with(file->root, "base", base, NULL, arena);
    const SchemaList keys = schema_list(inheritance->schema, arena);
    const Node *under = paths_moved(&keys, inherited.root, NULL, base->text, arena);
    file->root = merge_files(inheritance, under, own);
    append_comment(file, base->text, inherited.text, arena);
    return STATUS_OK;
}

Status experiment_inherit(const FieldTable *schema, const char *path, Arena *arena,
                          InheritedFile *file, Error *error) {
    const Inheritance inheritance = {.schema = schema, .arena = arena, .error = error};
    const Chain chain = {.path = arena_string(arena, path), .real_path = real_path(path, arena)};
    return read_chain(&inheritance, &chain, file);
}
