/* fiducial explain: what a key means, from the same tables that read it. */
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
     "{key: [a, b], key: {from: a, to: b, points: n, scale: linear or log}, zip: {key: [a, b], key: "
     "[c, d]}, include: [{key: a}], exclude: [{key: a}]}"},
};

enum { FILE_KEYS = sizeof file_keys / sizeof file_keys[0] };

static void print_kinds(const Field *field, Arena *arena) {
    for (size_t i = 0; i < field->kinds->count; i++) {
        const Kind *kind = field->kinds->kinds[i];
        NameList names = {0};
        for (size_t o = 0; o < kind->options.count; o++)
            names_add(&names, arena, kind->options.fields[o].name);
        printf("    %-16s %s%s%s%s\n", kind->name, kind->meaning,
               kind->source == NULL ? "" : arena_format(arena, " (%s)", kind->source),
               names.count == 0 ? "" : "; options: ",
               names.count == 0 ? "" : names_join(&names, arena));
    }
}

/* What was asked for: a key, or one kind of it and perhaps an option of that. */
typedef struct Asked {
    const char *path;        /* without the kind's name */
    const SchemaEntry *of;   /* the key that the kind is a value of; NULL: no kind was named */
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

/* Several kinds may share an option: it is told once, of all of them. NULL where it was told before; ""
   where it is no kind's. */
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

/* kinds: whose option it is; "" for no kind's. */
static void print_entry(const SchemaEntry *entry, const char *kinds, Arena *arena) {
    const Field *field = entry->field;
    bool option = kinds[0] != '\0';
    printf("%s%s%s%s\n", entry->path, option ? " (of " : "", kinds, option ? ")" : "");
    printf("    meaning: %s\n", entry->names_kind ? "which one" : field->meaning);
    printf("    allowed: %s\n", field_allowed(field, arena));
    if (field->type != FIELD_GROUP)
        printf("    default: %s\n", field->fallback == NULL      ? "none, must be given"
                                    : field->fallback[0] == '\0' ? "\"\""
                                                                 : field->fallback);
    if (field->source != NULL)
        printf("    source:  %s\n", field->source);
    if (entry->without_bits)
        printf("    does not change what a run computes\n");
    if (field->kinds != NULL)
        print_kinds(field, arena);
}

/* Every key below path, itself left out; of one kind alone unless it is NULL. */
static void print_below(const SchemaList *list, const char *path, const Kind *kind, Arena *arena) {
    size_t length = path == NULL ? 0 : strlen(path);
    for (size_t i = 0; i < list->count; i++) {
        const SchemaEntry *entry = &list->entries[i];
        bool below =
            path == NULL || (strncmp(entry->path, path, length) == 0 && entry->path[length] == '.');
        if (!below || entry->names_kind || (kind != NULL && entry->kind != kind))
            continue;
        const char *kinds = kind == NULL ? kinds_sharing(list, i, arena) : "";
        bool option = kinds != NULL && kinds[0] != '\0';
        if (kinds != NULL)
            printf("    %-32s %s%s%s%s\n", entry->path, entry->field->meaning, option ? " (" : "",
                   kinds, option ? ")" : "");
    }
}

static void print_kind(const Asked *asked) {
    printf("%s: %s\n    meaning: %s\n", asked->path, asked->kind->name, asked->kind->meaning);
    if (asked->kind->source != NULL)
        printf("    source:  %s\n", asked->kind->source);
}

static bool print_file_key(const char *name) {
    for (size_t i = 0; i < FILE_KEYS; i++)
        if (strcmp(file_keys[i].name, name) == 0) {
            printf("%s\n    meaning: %s\n    allowed: %s\n    default: none\n", name,
                   file_keys[i].meaning, file_keys[i].allowed);
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
                   : error_set(error, STATUS_BAD_INPUT,
                               "fiducial explain: '%.100s' is no option of %s", asked->path,
                               asked->kind->name);
}

Status command_explain(const CommandLine *line, Arena *arena, Error *error) {
    FieldTable schema = experiment_schema(arena);
    SchemaList list = schema_list(&schema, arena);
    if (line->argument == NULL) {
        print_below(&list, NULL, NULL, arena);
        for (size_t i = 0; i < FILE_KEYS; i++)
            printf("    %-32s %s\n", file_keys[i].name, file_keys[i].meaning);
        return STATUS_OK;
    }
    if (print_file_key(line->argument))
        return STATUS_OK;
    const Node place = {.origin = "fiducial explain"};
    const Asked asked = asked_read(&list, line->argument, arena);
    TRY(schema_path_check(&list, asked.path, &place, arena, error));
    if (asked.kind != NULL && strcmp(asked.path, asked.of->path) == 0)
        print_kind(&asked);
    else
        TRY(print_key(&list, &asked, arena, error));
    print_below(&list, asked.path, asked.kind, arena);
    return STATUS_OK;
}
