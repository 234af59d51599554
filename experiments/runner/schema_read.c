#include "experiments/runner/schema_read.h"

#include "experiments/runner/schema_path.h"
#include "experiments/runner/text.h"

#include <stdio.h>
#include <string.h>

/* One field on its way into its struct. */
typedef struct Place {
    const char *path; /* dotted, for messages */
    const Node *node; /* the value, or NULL where it is not given */
    const Node *near; /* where to point when it is missing */
} Place;

typedef struct Filler {
    const FieldTable *schema; /* the whole, for suggestions */
    Arena *arena;
    Error *error;
} Filler;

static Status fill_table(const Filler *filler, const FieldTable *table, Place place,
                         const char *skip, void *target);

static const char *range_text(const Field *field, Arena *arena) {
    const double open_end = 1e16; /* from here on a bound only says "large" */
    char low[NUMBER_TEXT_BYTES], high[NUMBER_TEXT_BYTES];
    bool has_low = field->minimum > -open_end, has_high = field->maximum < open_end;
    if ((field->minimum == 0.0 && field->maximum == 0.0) || (!has_low && !has_high))
        return "";
    if (field->type == FIELD_INTEGER) {
        snprintf(low, sizeof low, "%.0f", field->minimum);
        snprintf(high, sizeof high, "%.0f", field->maximum);
    } else {
        number_write(field->minimum, low);
        number_write(field->maximum, high);
    }
    if (!has_high)
        return arena_format(arena, ", at least %s", low);
    if (!has_low)
        return arena_format(arena, ", at most %s", high);
    return arena_format(arena, " from %s to %s", low, high);
}

static NameList kind_names(const KindTable *kinds, Arena *arena) {
    NameList list = {0};
    for (size_t i = 0; i < kinds->count; i++)
        names_add(&list, arena, kinds->kinds[i]->name);
    return list;
}

static NameList choice_names(const Field *field, Arena *arena) {
    NameList list = {0};
    for (const char *const *choice = field->choices; *choice != NULL; choice++)
        names_add(&list, arena, *choice);
    return list;
}

const char *field_allowed(const Field *field, Arena *arena) {
    NameList names;
    switch (field->type) {
    case FIELD_BOOL:
        return "true or false";
    case FIELD_INTEGER:
        return arena_format(arena, "a whole number%s", range_text(field, arena));
    case FIELD_REAL:
        return arena_format(arena, "a number%s", range_text(field, arena));
    case FIELD_STRING:
        return "a text";
    case FIELD_CHOICE:
        names = choice_names(field, arena);
        return arena_format(arena, "one of: %s", names_join(&names, arena));
    case FIELD_KIND:
        names = kind_names(field->kinds, arena);
        return arena_format(arena, "one of: %s; or {%s: one of them, and its options}",
                            names_join(&names, arena), schema_kind_key(field));
    case FIELD_KIND_EACH:
        names = kind_names(field->kinds, arena);
        return arena_format(arena,
                            "one of: %s; or {%s: one of them, and its options}; or a list [...] "
                            "of these",
                            names_join(&names, arena), schema_kind_key(field));
    case FIELD_KIND_LIST:
        names = kind_names(field->kinds, arena);
        return arena_format(arena, "all, or a list [...] of: %s", names_join(&names, arena));
    case FIELD_GROUP:
        break;
    }
    return "a map of keys";
}

static Status wrong_type(const Filler *filler, const Field *field, const Place *place) {
    return node_error(place->node, filler->error, "%s is %s; allowed: %s", place->path,
                      node_describe(place->node, filler->arena),
                      field_allowed(field, filler->arena));
}

static bool in_range(const Field *field, double value) {
    return (field->minimum == 0.0 && field->maximum == 0.0) ||
           (value >= field->minimum && value <= field->maximum);
}

static Status fill_scalar(const Filler *filler, const Field *field, const Place *place,
                          void *member) {
    const Node *node = place->node;
    if (node->type != NODE_SCALAR)
        return wrong_type(filler, field, place);
    const char *text = node->text;
    int64_t integer;
    double real;
    switch (field->type) {
    case FIELD_STRING:
        *(const char **)member = node_is_null(node) ? "" : arena_string(filler->arena, text);
        return STATUS_OK;
    case FIELD_BOOL:
        if (node->quoted || (strcmp(text, "true") != 0 && strcmp(text, "false") != 0))
            return wrong_type(filler, field, place);
        *(bool *)member = text[0] == 't';
        return STATUS_OK;
    case FIELD_INTEGER:
        if (node->quoted || !number_read_integer(text, &integer) ||
            !in_range(field, (double)integer))
            return wrong_type(filler, field, place);
        *(int64_t *)member = integer;
        return STATUS_OK;
    case FIELD_REAL:
        if (node->quoted || !number_read_real(text, &real) || !in_range(field, real))
            return wrong_type(filler, field, place);
        *(double *)member = real;
        return STATUS_OK;
    default:
        for (int i = 0; field->choices[i] != NULL; i++)
            if (strcmp(field->choices[i], text) == 0) {
                *(int *)member = i;
                return STATUS_OK;
            }
    }
    NameList names = choice_names(field, filler->arena);
    return node_error(node, filler->error, "%s is %s%s; allowed: %s", place->path,
                      node_describe(node, filler->arena),
                      names_suggestion(&names, text, filler->arena),
                      field_allowed(field, filler->arena));
}

static Status find_kind(const Filler *filler, const Field *field, const Node *node,
                        const char *path, const Kind **kind) {
    if (node->type == NODE_SCALAR)
        *kind = kind_find(field->kinds, node->text);
    else
        *kind = NULL;
    if (*kind != NULL)
        return STATUS_OK;
    NameList names = kind_names(field->kinds, filler->arena);
    const char *nearest =
        node->type == NODE_SCALAR ? names_suggestion(&names, node->text, filler->arena) : "";
    return node_error(node, filler->error, "%s is %s, no known %s%s; allowed: %s", path,
                      node_describe(node, filler->arena), field->kinds->what, nearest,
                      names_join(&names, filler->arena));
}

/* Refuses an option that the chosen kind does not have, saying which kind has it. */
static Status options_check(const Filler *filler, const Field *field, const Place *place,
                            const Kind *kind) {
    NameList allowed = {0}, near = {0};
    names_add(&near, filler->arena, schema_kind_key(field));
    for (size_t i = 0; i < kind->options.count; i++) {
        names_add(&allowed, filler->arena, kind->options.fields[i].name);
        names_add(&near, filler->arena, kind->options.fields[i].name);
    }
    for (size_t i = 0; i < place->node->count; i++) {
        const Node *key = place->node->keys[i];
        if (strcmp(key->text, schema_kind_key(field)) == 0 ||
            field_find(&kind->options, key->text) != NULL)
            continue;
        for (size_t k = 0; k < field->kinds->count; k++) {
            const Kind *other = field->kinds->kinds[k];
            if (field_find(&other->options, key->text) != NULL)
                return node_error(key, filler->error,
                                  "%s: '%s' is an option of %s, not of %s; options of %s: %s",
                                  place->path, key->text, other->name, kind->name, kind->name,
                                  names_join(&allowed, filler->arena));
        }
        return node_error(key, filler->error, "unknown key '%.100s' in %s%s; options of %s: %s",
                          key->text, place->path, names_suggestion(&near, key->text, filler->arena),
                          kind->name, names_join(&allowed, filler->arena));
    }
    return STATUS_OK;
}

static Status parse_fallback(const Filler *filler, const Field *field, const char *path,
                             const Node **node) {
    const char *text = field->fallback[0] == '\0' ? "\"\"" : field->fallback;
    return yaml_parse_value(text, arena_format(filler->arena, "default of %s", path), filler->arena,
                            node, filler->error);
}

/* A map without its naming key may hold that key misspelt. */
static Status kind_key_check(const Filler *filler, const Field *field, const Place *place) {
    NameList key = {0};
    names_add(&key, filler->arena, schema_kind_key(field));
    for (size_t i = 0; i < place->node->count; i++) {
        const Node *given = place->node->keys[i];
        bool option = false;
        for (size_t k = 0; k < field->kinds->count; k++)
            option |= field_find(&field->kinds->kinds[k]->options, given->text) != NULL;
        if (!option && names_nearest(&key, given->text) != NULL)
            return node_error(given, filler->error, "unknown key '%.100s' in %s%s; allowed: %s",
                              given->text, place->path,
                              names_suggestion(&key, given->text, filler->arena),
                              field_allowed(field, filler->arena));
    }
    return STATUS_OK;
}

/* The kind that a map without its naming key means: the default one. */
static Status default_kind(const Filler *filler, const Field *field, const Place *place,
                           const Kind **kind) {
    TRY(kind_key_check(filler, field, place));
    if (field->fallback == NULL || field->type == FIELD_KIND_LIST)
        return node_error(place->node, filler->error, "%s needs the key '%s': %s", place->path,
                          schema_kind_key(field), field_allowed(field, filler->arena));
    const Node *fallback;
    TRY(parse_fallback(filler, field, place->path, &fallback));
    const Node *named =
        fallback->type == NODE_MAP ? node_find(fallback, schema_kind_key(field)) : fallback;
    return find_kind(filler, field, named, place->path, kind);
}

static Status fill_kind(const Filler *filler, const Field *field, const Place *place,
                        KindChoice *choice) {
    const Node *node = place->node;
    const Kind *kind;
    if (node->type == NODE_LIST || node_is_null(node))
        return wrong_type(filler, field, place);
    Place options = {.path = place->path, .near = node};
    if (node->type == NODE_SCALAR) {
        TRY(find_kind(filler, field, node, place->path, &kind));
    } else {
        const char *key = schema_kind_key(field);
        const Node *named = node_find(node, key);
        if (named == NULL)
            TRY(default_kind(filler, field, place, &kind));
        else
            TRY(find_kind(filler, field, named,
                          arena_format(filler->arena, "%s.%s", place->path, key), &kind));
        TRY(options_check(filler, field, place, kind));
        options.node = node;
    }
    *choice = (KindChoice){.kind = kind};
    return fill_table(filler, &kind->options, options, schema_kind_key(field),
                      choice->options.bytes);
}

static Status fill_kind_list(const Filler *filler, const Field *field, const Place *place,
                             KindList *list) {
    const Node *node = place->node;
    bool all = node->type == NODE_SCALAR && !node->quoted && strcmp(node->text, "all") == 0;
    if (!all && node->type != NODE_LIST)
        return wrong_type(filler, field, place);
    size_t count = all ? field->kinds->count : node->count;
    if (count > KIND_LIST_LARGEST)
        return node_error(node, filler->error, "%s has %zu elements; at most %d are allowed",
                          place->path, count, KIND_LIST_LARGEST);
    *list = (KindList){.items = ARENA_ARRAY(filler->arena, KindChoice, count), .count = count};
    for (size_t i = 0; i < count; i++) {
        Place element = {.path = arena_format(filler->arena, "%s[%zu]", place->path, i),
                         .near = node};
        element.node =
            all ? node_scalar(field->kinds->kinds[i]->name, node, filler->arena) : node->items[i];
        TRY(fill_kind(filler, field, &element, &list->items[i]));
        for (size_t j = 0; j < i; j++)
            if (list->items[j].kind == list->items[i].kind)
                return node_error(element.node, filler->error, "%s holds '%s' twice", place->path,
                                  list->items[i].kind->name);
    }
    return STATUS_OK;
}

/* One choice for every place, or a list of them; how many there must be, the struct's own check
   says. */
static Status fill_kind_each(const Filler *filler, const Field *field, const Place *place,
                             KindList *list) {
    const Node *node = place->node;
    bool single = node->type != NODE_LIST;
    size_t count = single ? 1 : node->count;
    *list = (KindList){
        .items = ARENA_ARRAY(filler->arena, KindChoice, count), .count = count, .single = single};
    if (single)
        return fill_kind(filler, field, place, list->items);
    for (size_t i = 0; i < count; i++) {
        const Place element = {.path = arena_format(filler->arena, "%s[%zu]", place->path, i),
                               .node = node->items[i],
                               .near = node};
        TRY(fill_kind(filler, field, &element, &list->items[i]));
    }
    return STATUS_OK;
}

static Status fill_field(const Filler *filler, const Field *field, Place place, void *target) {
    void *member = (unsigned char *)target + field->offset;
    if (field->type == FIELD_GROUP) {
        if (place.node != NULL && node_is_null(place.node)) {
            place.near = place.node;
            place.node = NULL;
        }
        if (place.node != NULL && place.node->type != NODE_MAP)
            return wrong_type(filler, field, &place);
        return fill_table(filler, field->group, place, NULL, member);
    }
    if (place.node == NULL && field->fallback == NULL)
        return node_error(place.near, filler->error, "%s must be given: %s (%s)", place.path,
                          field_allowed(field, filler->arena), field->meaning);
    if (place.node == NULL)
        TRY(parse_fallback(filler, field, place.path, &place.node));
    if (field->type == FIELD_KIND)
        return fill_kind(filler, field, &place, member);
    if (field->type == FIELD_KIND_LIST)
        return fill_kind_list(filler, field, &place, member);
    if (field->type == FIELD_KIND_EACH)
        return fill_kind_each(filler, field, &place, member);
    return fill_scalar(filler, field, &place, member);
}

/* Where else in the schema a key of this name stands ("batch" → train.batch), or NULL. */
static const char *key_elsewhere(const Filler *filler, const char *name) {
    SchemaList list = schema_list(filler->schema, filler->arena);
    for (size_t i = 0; i < list.count; i++) {
        const char *dot = strrchr(list.entries[i].path, '.');
        if (strcmp(dot == NULL ? list.entries[i].path : dot + 1, name) == 0)
            return list.entries[i].path;
    }
    return NULL;
}

static Status keys_check(const Filler *filler, const FieldTable *table, const Place *place) {
    for (size_t i = 0; i < place->node->count; i++) {
        const Node *key = place->node->keys[i];
        if (field_find(table, key->text) != NULL)
            continue;
        NameList allowed = {0};
        for (size_t f = 0; f < table->count; f++)
            names_add(&allowed, filler->arena, table->fields[f].name);
        if (place->path == NULL) {
            names_add(&allowed, filler->arena, "base");
            names_add(&allowed, filler->arena, "sweep");
        }
        const char *hint = names_suggestion(&allowed, key->text, filler->arena);
        const char *elsewhere = key_elsewhere(filler, key->text);
        if (elsewhere != NULL)
            hint = arena_format(filler->arena, " (did you mean '%s'?)", elsewhere);
        return node_error(key, filler->error, "unknown key '%.100s'%s%s%s; allowed here: %s",
                          key->text, place->path == NULL ? "" : " in ",
                          place->path == NULL ? "" : place->path, hint,
                          names_join(&allowed, filler->arena));
    }
    return STATUS_OK;
}

/* Fills target from place.node, a map or NULL. skip: the key that named the kind whose options
   these are; the caller has then checked the keys. */
static Status fill_table(const Filler *filler, const FieldTable *table, Place place,
                         const char *skip, void *target) {
    if (place.node != NULL && skip == NULL)
        TRY(keys_check(filler, table, &place));
    for (size_t i = 0; i < table->count; i++) {
        const Field *field = &table->fields[i];
        Place inner = {
            .path = place.path == NULL
                        ? field->name
                        : arena_format(filler->arena, "%s.%s", place.path, field->name),
            .node = node_find(place.node, field->name),
            .near = place.node == NULL ? place.near : place.node,
        };
        TRY(fill_field(filler, field, inner, target));
    }
    return STATUS_OK;
}

Status schema_read(const FieldTable *table, const Node *root, void *target, Arena *arena,
                   Error *error) {
    const Filler filler = {.schema = table, .arena = arena, .error = error};
    const Place place = {.node = root, .near = root};
    if (root->type != NODE_MAP)
        return node_error(root, error, "an experiment is a map of keys (model: …), not %s",
                          node_describe(root, arena));
    return fill_table(&filler, table, place, NULL, target);
}
