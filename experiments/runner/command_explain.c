/* fiducial explain: what a key means, from the same tables that read it. */
#include "experiments/runner/columns.h"
#include "experiments/runner/commands.h"
#include "experiments/runner/schema_read.h"

#include <stdio.h>
#include <string.h>

/* Keys of the file itself, which no table of settings has. */
static const struct {
    const char *name, *meaning, *allowed;
} file_keys[] = {
    {"base", "another YAML file whose keys count where this one is silent",
     "the name of a file, from this file's folder; below it `key: ~` takes an inherited key away"},
    {"sweep",
     "dotted keys with lists of values or ranges, crossed in order; below zip: advanced together; "
     "include and exclude: single runs",
     "{key: [a, b], key: {from: a, to: b, points: n, scale: linear or log}, zip: {key: [a, b], "
     "key: [c, d]}, include: [{key: a}], exclude: [{key: a}]}"},
};

enum { FILE_KEYS = sizeof file_keys / sizeof file_keys[0] };

static void print_columns(const Columns *columns, Arena *arena) {
    TextBuffer text = {.arena = arena};
    text_add(&text, "%s", "");
    columns_write(columns, 4, &text);
    fputs(text.text, stdout);
}

static void print_kinds(const Field *field, Arena *arena) {
    Columns columns = {.arena = arena, .count = 2, .right = "ll"};
    for (size_t i = 0; i < field->kinds->count; i++) {
        const Kind *kind = field->kinds->kinds[i];
        NameList names = {0};
        for (size_t o = 0; o < kind->options.count; o++)
            names_add(&names, arena, kind->options.fields[o].name);
        const char *source = kind->source == NULL ? "" : arena_format(arena, " (%s)", kind->source);
        const char *options =
            names.count == 0 ? "" : arena_format(arena, "; options: %s", names_join(&names, arena));
        const char *said = arena_format(arena, "%s%s%s", kind->meaning, source, options);
        columns_add(&columns, (const char *[]){kind->name, said});
    }
    print_columns(&columns, arena);
}

/* What was asked for: a key, or one kind of it and perhaps an option of that. */
typedef struct Asked {
    const char *path;      /* without the kind's name */
    const SchemaEntry *of; /* the key that the kind is a value of; NULL: no kind was named */
    const Kind *kind;
} Asked;

/* `model.position.rope.base` and `model.position.rope` name a kind, where the keys are
   model.position.base and model.position. */
static Asked asked_read(const SchemaList *list, const char *argument, Arena *arena) {
    for (const char *dot = strchr(argument, '.'); dot != NULL; dot = strchr(dot + 1, '.')) {
        const char *end = dot + 1 + strcspn(dot + 1, ".");
        const char *above = arena_format(arena, "%.*s", (int)(dot - argument), argument);
        const char *name = arena_format(arena, "%.*s", (int)(end - dot - 1), dot + 1);
        const char *whole = arena_format(arena, "%.*s", (int)(end - argument), argument);
        const SchemaEntry *entry = schema_find(list, above);
        if (entry == NULL || entry->field->kinds == NULL || schema_find(list, whole) != NULL)
            continue;
        const Kind *kind = kind_find(entry->field->kinds, name);
        if (kind != NULL)
            return (Asked){arena_format(arena, "%s%s", above, end), entry, kind};
    }
    return (Asked){.path = argument};
}

static bool same_text(const char *first, const char *second) {
    return first == second || (first != NULL && second != NULL && strcmp(first, second) == 0);
}

/* Several kinds may share an option: it is told once, of all of them. NULL where it was told
   before; "" where it is no kind's. */
static const char *kinds_sharing(const SchemaList *list, size_t index, Arena *arena) {
    const SchemaEntry *entry = &list->entries[index];
    NameList names = {0};
    for (size_t i = 0; i < list->count; i++) {
        const SchemaEntry *other = &list->entries[i];
        if (strcmp(other->path, entry->path) != 0 || other->names_kind != entry->names_kind ||
            !same_text(other->field->meaning, entry->field->meaning) ||
            !same_text(other->field->fallback, entry->field->fallback))
            continue;
        if (i < index)
            return NULL;
        if (other->kind != NULL)
            names_add(&names, arena, other->kind->name);
    }
    return names.count == 0 ? "" : names_join(&names, arena);
}

/* What is known of one thing, a row each; texts that are NULL are left out. */
typedef struct Facts {
    const char *meaning, *allowed, *fallback, *source;
} Facts;

static void print_facts(const Facts *facts, Arena *arena) {
    const char *const rows[][2] = {{"meaning:", facts->meaning},
                                   {"allowed:", facts->allowed},
                                   {"default:", facts->fallback},
                                   {"source:", facts->source}};
    Columns columns = {.arena = arena, .count = 2, .right = "ll"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i][1] != NULL)
            columns_add(&columns, rows[i]);
    print_columns(&columns, arena);
}

/* kinds: whose option it is; "" for no kind's. */
static void print_entry(const SchemaEntry *entry, const char *kinds, Arena *arena) {
    const Field *field = entry->field;
    bool option = kinds[0] != '\0';
    printf("%s%s%s%s\n", entry->path, option ? " (of " : "", kinds, option ? ")" : "");
    const char *fallback = field->fallback == NULL      ? "none, must be given"
                           : field->fallback[0] == '\0' ? "\"\""
                                                        : field->fallback;
    print_facts(&(Facts){.meaning = entry->names_kind ? "which one" : field->meaning,
                         .allowed = field_allowed(field, arena),
                         .fallback = field->type == FIELD_GROUP ? NULL : fallback,
                         .source = field->source},
                arena);
    if (entry->without_bits)
        printf("    does not change what a run computes\n");
    if (field->kinds != NULL)
        print_kinds(field, arena);
}

/* What a list says of a key: its meaning, whose it is, the names that it can be, its default. */
static const char *said_of(const SchemaEntry *entry, const char *kinds, Arena *arena) {
    const Field *field = entry->field;
    bool option = kinds[0] != '\0', given = field->fallback != NULL && field->fallback[0] != '\0';
    const char *said = arena_format(arena, "%s%s%s%s", field->meaning, option ? " (" : "", kinds,
                                    option ? ")" : "");
    if (field->type == FIELD_CHOICE)
        said = arena_format(arena, "%s; %s", said, field_allowed(field, arena));
    if (given)
        said = arena_format(arena, "%s; default %s", said, field->fallback);
    else if (field->fallback == NULL && field->type != FIELD_GROUP)
        said = arena_format(arena, "%s; must be given", said);
    return said;
}

/* Whether path is "<above>.<anything>"; above of length bytes, NULL for the whole file. */
static bool lies_below(const char *path, const char *above, size_t length) {
    return above == NULL || (strncmp(path, above, length) == 0 && path[length] == '.');
}

/* Whether the same option of the same kind was told in this list one level up: data.path also
   stands for data.sources.path. */
static bool told_above(const SchemaList *list, size_t index, const char *path, size_t length) {
    const SchemaEntry *entry = &list->entries[index];
    for (size_t i = 0; i < index && entry->kind != NULL; i++) {
        const SchemaEntry *other = &list->entries[i];
        const char *dot = strrchr(other->path, '.');
        size_t parent = dot == NULL ? 0 : (size_t)(dot - other->path);
        if (other->field == entry->field && lies_below(other->path, path, length) &&
            strlen(other->path) < strlen(entry->path) &&
            lies_below(entry->path, other->path, parent))
            return true;
    }
    return false;
}

/* Every key below path, itself left out; of one kind alone unless it is NULL. */
static void list_below(const SchemaList *list, const char *path, const Kind *kind, Arena *arena,
                       Columns *columns) {
    size_t length = path == NULL ? 0 : strlen(path);
    for (size_t i = 0; i < list->count; i++) {
        const SchemaEntry *entry = &list->entries[i];
        if (!lies_below(entry->path, path, length) || entry->names_kind ||
            (kind != NULL && entry->kind != kind) || told_above(list, i, path, length))
            continue;
        const char *kinds = kind == NULL ? kinds_sharing(list, i, arena) : "";
        if (kinds != NULL)
            columns_add(columns, (const char *[]){entry->path, said_of(entry, kinds, arena)});
    }
}

static void print_kind(const Asked *asked, Arena *arena) {
    printf("%s: %s\n", asked->path, asked->kind->name);
    print_facts(&(Facts){.meaning = asked->kind->meaning, .source = asked->kind->source}, arena);
}

static bool print_file_key(const char *name, Arena *arena) {
    for (size_t i = 0; i < FILE_KEYS; i++)
        if (strcmp(file_keys[i].name, name) == 0) {
            printf("%s\n", name);
            print_facts(&(Facts){.meaning = file_keys[i].meaning,
                                 .allowed = file_keys[i].allowed,
                                 .fallback = "none"},
                        arena);
            return true;
        }
    return false;
}

/* The key with this path, as often as kinds have different ones of this name. */
static Status print_key(const SchemaList *list, const Asked *asked, Arena *arena, Error *error) {
    bool printed = false;
    for (size_t i = 0; i < list->count; i++) {
        const SchemaEntry *entry = &list->entries[i];
        if (strcmp(entry->path, asked->path) != 0 ||
            (asked->kind != NULL && entry->kind != asked->kind))
            continue;
        const char *kinds = asked->kind != NULL ? asked->kind->name : kinds_sharing(list, i, arena);
        if (kinds != NULL)
            print_entry(entry, kinds, arena);
        printed = true;
    }
    return printed ? STATUS_OK
                   : error_set(error, STATUS_BAD_INPUT, "explain: '%.100s' is no option of %s",
                               asked->path, asked->kind->name);
}

static void print_list(const SchemaList *list, const char *path, const Kind *kind, Arena *arena) {
    Columns columns = {.arena = arena, .count = 2, .right = "ll"};
    list_below(list, path, kind, arena, &columns);
    for (size_t i = 0; path == NULL && i < FILE_KEYS; i++)
        columns_add(&columns, (const char *[]){file_keys[i].name, file_keys[i].meaning});
    print_columns(&columns, arena);
}

/* `analysis.frames`, `analysis.frames.draws`: a kind in a list, and an option of it. These have no
   dotted keys of their own, as the list may hold several kinds. */
static Status print_listed_kind(const Asked *asked, const char *argument, Arena *arena,
                                Error *error) {
    const FieldTable *options = &asked->kind->options;
    const char *name = strrchr(argument, '.') + 1;
    Columns columns = {.arena = arena, .count = 2, .right = "ll"};
    NameList names = {0};
    for (size_t i = 0; i < options->count; i++) {
        const SchemaEntry entry = {.path = argument, .field = &options->fields[i]};
        names_add(&names, arena, entry.field->name);
        columns_add(&columns, (const char *[]){entry.field->name, said_of(&entry, "", arena)});
        if (strcmp(asked->path, asked->of->path) != 0 && strcmp(entry.field->name, name) == 0) {
            print_entry(&entry, "", arena);
            return STATUS_OK;
        }
    }
    if (strcmp(asked->path, asked->of->path) != 0)
        return error_set(
            error, STATUS_BAD_INPUT, "explain: '%.100s' is no option of %s%s; options: %s", name,
            asked->kind->name, names_suggestion(&names, name, arena), names_join(&names, arena));
    print_kind(asked, arena);
    print_columns(&columns, arena);
    return STATUS_OK;
}

Status command_explain(const CommandLine *line, Arena *arena, Error *error) {
    FieldTable schema = experiment_schema(arena);
    SchemaList list = schema_list(&schema, arena);
    if (line->argument == NULL) {
        print_list(&list, NULL, NULL, arena);
        return STATUS_OK;
    }
    if (print_file_key(line->argument, arena))
        return STATUS_OK;
    const Node place = {.origin = "explain"};
    const Asked asked = asked_read(&list, line->argument, arena);
    if (asked.kind != NULL && asked.of->field->type == FIELD_KIND_LIST)
        return print_listed_kind(&asked, line->argument, arena, error);
    TRY(schema_path_check(&list, asked.path, &place, arena, error));
    if (asked.kind != NULL && strcmp(asked.path, asked.of->path) == 0)
        print_kind(&asked, arena);
    else
        TRY(print_key(&list, &asked, arena, error));
    print_list(&list, asked.path, asked.kind, arena);
    return STATUS_OK;
}
