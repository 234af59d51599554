#include "experiments/runner/json_schema.h"

#include "experiments/runner/schema_path.h"
#include "experiments/runner/sweep_range.h"

#include <string.h>

enum { KIND_DEFINITIONS_LARGEST = 64 };

/* A sort of kinds as it is used by some field: its definition is written once, which also lets
   kinds contain one another. */
typedef struct KindUse {
    const Field *field;
    const char *name; /* of the definition */
} KindUse;

typedef struct Schema {
    TextBuffer out;
    KindUse uses[KIND_DEFINITIONS_LARGEST];
    size_t use_count;
    bool nulls; /* a value may be null: below `base` it takes the inherited one away */
} Schema;

static void write_value(Schema *schema, const Field *field);

static void add_string(TextBuffer *out, const char *text) {
    text_add(out, "\"");
    for (const char *at = text; *at != '\0'; at++) {
        unsigned char character = (unsigned char)*at;
        if (character == '"' || character == '\\')
            text_add(out, "\\%c", character);
        else if (character < 0x20)
            text_add(out, "\\u%04x", character);
        else
            text_add(out, "%c", character);
    }
    text_add(out, "\"");
}

/* "name": with a comma before it unless it is the first of its object. */
static void add_key(TextBuffer *out, const char *separator, const char *name) {
    text_add(out, "%s", separator);
    add_string(out, name);
    text_add(out, ":");
}

static void add_number(TextBuffer *out, double value) {
    char text[NUMBER_TEXT_BYTES];
    text_add(out, "%s", number_write(value, text));
}

/* A YAML value as JSON. */
static void add_node(TextBuffer *out, const Node *node) {
    double number;
    if (node->type == NODE_SCALAR) {
        bool word = strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0;
        if (!node->quoted && word)
            text_add(out, "%s", node->text);
        else if (!node->quoted && number_read_real(node->text, &number))
            add_number(out, number);
        else
            add_string(out, node->text);
        return;
    }
    bool map = node->type == NODE_MAP;
    text_add(out, map ? "{" : "[");
    for (size_t i = 0; i < node->count; i++) {
        if (map)
            add_key(out, i == 0 ? "" : ",", node->keys[i]->text);
        else
            text_add(out, i == 0 ? "" : ",");
        add_node(out, node->items[i]);
    }
    text_add(out, map ? "}" : "]");
}

static void add_description(TextBuffer *out, const char *meaning, const char *source) {
    add_key(out, ",", "description");
    add_string(out,
               source == NULL ? meaning : arena_format(out->arena, "%s (%s)", meaning, source));
}

static const Node *fallback_node(const Field *field, Arena *arena) {
    const Node *node = NULL;
    const char *text = field->fallback;
    if (text != NULL)
        yaml_parse_value(text[0] == '\0' ? "\"\"" : text, "default", arena, &node, NULL);
    return node;
}

static void add_default(TextBuffer *out, const Field *field) {
    const Node *node = fallback_node(field, out->arena);
    if (node == NULL)
        return;
    add_key(out, ",", "default");
    add_node(out, node);
}

static void add_bounds(TextBuffer *out, const Field *field) {
    if (field->minimum == 0.0 && field->maximum == 0.0)
        return;
    add_key(out, ",", "minimum");
    add_number(out, field->minimum);
    add_key(out, ",", "maximum");
    add_number(out, field->maximum);
}

/* ---- Kinds ----------------------------------------------------------------------------------- */

static const char *default_kind_name(const Field *field, Arena *arena) {
    const Node *node = field->type == FIELD_KIND_LIST ? NULL : fallback_node(field, arena);
    if (node != NULL && node->type == NODE_MAP)
        node = node_find(node, schema_kind_key(field));
    return node != NULL && node->type == NODE_SCALAR ? node->text : "";
}

/* The name of the definition for field's kinds; asks for it to be written. */
static const char *kind_definition(Schema *schema, const Field *field) {
    Arena *arena = schema->out.arena;
    const char *fallback = default_kind_name(field, arena);
    char *name = arena_format(arena, "%s%s%s", field->kinds->what,
                              fallback[0] == '\0' ? "" : ", default ", fallback);
    for (char *at = name; *at != '\0'; at++)
        if (strchr(" ,/~", *at) != NULL)
            *at = '-';
    for (size_t i = 0; i < schema->use_count; i++)
        if (strcmp(schema->uses[i].name, name) == 0)
            return name;
    if (schema->use_count < KIND_DEFINITIONS_LARGEST)
        schema->uses[schema->use_count++] = (KindUse){.field = field, .name = name};
    return name;
}

static void add_kind_names(TextBuffer *out, const KindTable *kinds) {
    text_add(out, "{\"enum\":[");
    for (size_t i = 0; i < kinds->count; i++) {
        text_add(out, i == 0 ? "" : ",");
        add_string(out, kinds->kinds[i]->name);
    }
    text_add(out, "]}");
}

/* {kind: name, option: value, …}; the naming key may be missing for the default kind. */
static void write_kind_map(Schema *schema, const Field *field, const Kind *kind, bool is_default) {
    TextBuffer *out = &schema->out;
    const char *key = schema_kind_key(field);
    text_add(out, ",\n{\"type\":\"object\"");
    add_key(out, ",", "title");
    add_string(out, kind->name);
    add_description(out, kind->meaning, kind->source);
    add_key(out, ",", "properties");
    add_key(out, "{", key);
    add_key(out, "{", "const");
    add_string(out, kind->name);
    add_description(out, kind->meaning, kind->source);
    text_add(out, "}");
    for (size_t i = 0; i < kind->options.count; i++) {
        add_key(out, ",", kind->options.fields[i].name);
        write_value(schema, &kind->options.fields[i]);
    }
    text_add(out, "},\"additionalProperties\":false");
    NameList needed = {0};
    if (!is_default)
        names_add(&needed, out->arena, key);
    for (size_t i = 0; i < kind->options.count; i++)
        if (kind->options.fields[i].fallback == NULL && kind->options.fields[i].type != FIELD_GROUP)
            names_add(&needed, out->arena, kind->options.fields[i].name);
    for (size_t i = 0; i < needed.count; i++) {
        text_add(out, i == 0 ? ",\"required\":[" : ",");
        add_string(out, needed.names[i]);
    }
    text_add(out, needed.count == 0 ? "}" : "]}");
}

static void write_kind_definition(Schema *schema, const KindUse *use) {
    const KindTable *kinds = use->field->kinds;
    const char *fallback = default_kind_name(use->field, schema->out.arena);
    add_key(&schema->out, ",\n", use->name);
    text_add(&schema->out, "{\"oneOf\":[");
    add_kind_names(&schema->out, kinds);
    text_add(&schema->out, ",{\"$ref\":\"#/$defs/reference\"}");
    for (size_t i = 0; i < kinds->count; i++)
        write_kind_map(schema, use->field, kinds->kinds[i],
                       strcmp(kinds->kinds[i]->name, fallback) == 0);
    text_add(&schema->out, "]}");
}

/* One more alternative of an anyOf, where it applies. */
static const char *or_null(const Schema *schema) {
    return schema->nulls ? ",{\"type\":\"null\"}" : "";
}

static void write_kind(Schema *schema, const Field *field) {
    const char *name = kind_definition(schema, field);
    const char *one = arena_format(schema->out.arena, "{\"$ref\":\"#/$defs/%s\"}", name);
    if (field->type == FIELD_KIND)
        text_add(&schema->out, "\"anyOf\":[%s", one);
    else if (field->type == FIELD_KIND_LIST)
        text_add(&schema->out,
                 "\"anyOf\":[{\"const\":\"all\"},{\"$ref\":\"#/$defs/reference\"},{\"type\":"
                 "\"array\",\"maxItems\":%d,\"items\":%s}",
                 KIND_LIST_LARGEST, one);
    else
        text_add(&schema->out, "\"anyOf\":[%s,{\"type\":\"array\",\"minItems\":1,\"items\":%s}",
                 one, one);
    text_add(&schema->out, "%s]", or_null(schema));
}

/* ---- Values ---------------------------------------------------------------------------------- */

static void write_properties(Schema *schema, const FieldTable *table, const char *separator) {
    for (size_t i = 0; i < table->count; i++) {
        add_key(&schema->out, i == 0 ? "" : separator, table->fields[i].name);
        write_value(schema, &table->fields[i]);
    }
}

static void write_number(Schema *schema, const Field *field, const char *type) {
    text_add(&schema->out, "\"anyOf\":[{\"type\":\"%s\"", type);
    add_bounds(&schema->out, field);
    text_add(&schema->out, "},{\"$ref\":\"#/$defs/reference\"}%s]", or_null(schema));
}

/* The keywords that say what is allowed, without braces. */
static void write_allowed(Schema *schema, const Field *field) {
    TextBuffer *out = &schema->out;
    if (field->kinds != NULL) {
        write_kind(schema, field);
    } else if (field->type == FIELD_GROUP) {
        text_add(out, "\"type\":[\"object\",\"null\"],\"properties\":{");
        write_properties(schema, field->group, ",\n");
        text_add(out, "},\"additionalProperties\":false");
    } else if (field->type == FIELD_BOOL) {
        write_number(schema, field, "boolean");
    } else if (field->type == FIELD_INTEGER) {
        write_number(schema, field, "integer");
    } else if (field->type == FIELD_REAL) {
        write_number(schema, field, "number");
    } else if (field->type == FIELD_CHOICE) {
        text_add(out, "\"anyOf\":[{\"enum\":[");
        for (size_t i = 0; field->choices[i] != NULL; i++) {
            text_add(out, i == 0 ? "" : ",");
            add_string(out, field->choices[i]);
        }
        text_add(out, "]},{\"$ref\":\"#/$defs/reference\"}%s]", or_null(schema));
    } else {
        text_add(out, "\"type\":[\"string\",\"number\",\"boolean\"%s]",
                 field->fallback == NULL && !schema->nulls ? "" : ",\"null\"");
    }
}

static void write_value(Schema *schema, const Field *field) {
    text_add(&schema->out, "{");
    write_allowed(schema, field);
    add_description(&schema->out, field->meaning, field->source);
    add_default(&schema->out, field);
    text_add(&schema->out, "}");
}

/* ---- Sweeps ---------------------------------------------------------------------------------- */

static bool seen_before(const SchemaList *list, size_t index) {
    return schema_find(list, list->entries[index].path) != &list->entries[index];
}

/* What a dotted key may be: anything that a field of this path takes, of whichever kind. */
static void write_path_value(Schema *schema, const SchemaList *list, const char *path) {
    TextBuffer *out = &schema->out;
    const char *separator = "";
    schema->nulls = false;
    text_add(out, "{\"anyOf\":[");
    for (size_t i = 0; i < list->count; i++) {
        const SchemaEntry *entry = &list->entries[i];
        if (strcmp(entry->path, path) != 0)
            continue;
        text_add(out, "%s", separator);
        if (entry->names_kind)
            add_kind_names(out, entry->field->kinds);
        else
            write_value(schema, entry->field);
        separator = ",";
    }
    text_add(out, "]}");
    schema->nulls = true;
}

/* One property per dotted key that can be swept; values: what one run takes, else an axis. */
static void write_paths(Schema *schema, const SchemaList *list, bool values) {
    TextBuffer *out = &schema->out;
    const char *separator = "";
    for (size_t i = 0; i < list->count; i++) {
        const SchemaEntry *entry = &list->entries[i];
        if (entry->without_bits || seen_before(list, i))
            continue;
        add_key(out, separator, entry->path);
        separator = ",\n";
        if (values) {
            write_path_value(schema, list, entry->path);
            continue;
        }
        bool number = entry->field->type == FIELD_INTEGER || entry->field->type == FIELD_REAL;
        text_add(out,
                 "{\"anyOf\":[{\"type\":\"array\",\"minItems\":1,\"items\":{\"$ref\":"
                 "\"#/$defs/values/properties/%s\"}}%s,{\"type\":\"null\"}]",
                 entry->path, number ? ",{\"$ref\":\"#/$defs/range\"}" : "");
        add_description(out, entry->names_kind ? "which one" : entry->field->meaning, NULL);
        text_add(out, "}");
    }
}

static void write_sweep(Schema *schema, const SchemaList *list) {
    TextBuffer *out = &schema->out;
    text_add(out, "{\"type\":[\"object\",\"null\"],\"description\":\"dotted keys with lists of "
                  "values or ranges, crossed in order\",\"properties\":{\n"
                  "\"zip\":{\"anyOf\":[{\"$ref\":\"#/$defs/axes\"},{\"type\":\"null\"}],"
                  "\"description\":\"keys whose equally long lists advance together\"},\n"
                  "\"include\":{\"type\":[\"array\",\"null\"],\"items\":{\"$ref\":"
                  "\"#/$defs/values\"},\"description\":\"runs to add: for each the keys that it "
                  "sets\"},\n"
                  "\"exclude\":{\"type\":[\"array\",\"null\"],\"items\":{\"$ref\":"
                  "\"#/$defs/values\"},\"description\":\"combinations to leave out\"},\n");
    write_paths(schema, list, false);
    text_add(out, "},\"additionalProperties\":false}");
}

/* ---- Files without a base -------------------------------------------------------------------- */

/* There nothing can be taken away: values are not null. Groups may be, and texts, which are then
   empty. */
static void write_given(TextBuffer *out, const FieldTable *table) {
    const char *separator = "\"properties\":{";
    for (size_t i = 0; i < table->count; i++) {
        const Field *field = &table->fields[i];
        if (field->type == FIELD_STRING && field->fallback != NULL)
            continue;
        add_key(out, separator, field->name);
        separator = ",";
        text_add(out, "{");
        if (field->type == FIELD_GROUP)
            write_given(out, field->group);
        else
            text_add(out, "\"$ref\":\"#/$defs/given\"");
        text_add(out, "}");
    }
    text_add(out, separator[0] == ',' ? "}" : "\"properties\":{}");
}

static void write_required(TextBuffer *out, const FieldTable *table) {
    const char *separator = "";
    text_add(out, "\"required\":[");
    for (size_t i = 0; i < table->count; i++)
        if (table->fields[i].fallback == NULL && table->fields[i].type != FIELD_GROUP) {
            text_add(out, "%s", separator);
            add_string(out, table->fields[i].name);
            separator = ",";
        }
    text_add(out, "]");
}

static void write_whole(Schema *schema, const FieldTable *table, const SchemaList *list) {
    TextBuffer *out = &schema->out;
    NameList texts = {0};
    for (size_t i = 0; i < list->count; i++) {
        const SchemaEntry *entry = &list->entries[i];
        if (entry->kind != NULL && entry->field->type == FIELD_STRING &&
            entry->field->fallback != NULL)
            names_add(&texts, out->arena, entry->field->name);
    }
    text_add(out, ",\n\"given\":{\"not\":{\"type\":\"null\"},\"properties\":{");
    for (size_t i = 0; i < texts.count; i++) {
        add_key(out, i == 0 ? "" : ",", texts.names[i]);
        text_add(out, "{}");
    }
    text_add(out, "},\"additionalProperties\":{\"$ref\":\"#/$defs/given\"},\"items\":{\"$ref\":"
                  "\"#/$defs/given\"}},\n\"whole\":{");
    write_required(out, table);
    text_add(out, ",\"allOf\":[{");
    write_given(out, table);
    text_add(out, "},{\"properties\":{\"sweep\":{\"properties\":{\"include\":{},\"exclude\":{}},"
                  "\"additionalProperties\":{\"not\":{\"type\":\"null\"}}}}}]}");
}

static void write_definitions(Schema *schema, const FieldTable *table, const SchemaList *list) {
    TextBuffer *out = &schema->out;
    text_add(out, "\"$defs\":{\n\"reference\":{\"type\":\"string\",\"pattern\":\"\\\\$\\\\{[^}]+"
                  "\\\\}\",\"description\":\"the value of another key: ${model.width}\"},\n");
    text_add(out,
             "\"range\":{\"type\":\"object\",\"description\":\"points values from one end to the "
             "other\",\"properties\":{\"from\":{\"type\":\"number\"},\"to\":{\"type\":\"number\"},"
             "\"points\":{\"type\":\"integer\",\"minimum\":2,\"maximum\":%d},\"scale\":{\"enum\":["
             "\"linear\",\"log\"],\"default\":\"linear\"}},\"required\":[\"from\",\"to\",\"points\""
             "],\"additionalProperties\":false},\n",
             RANGE_POINTS_LARGEST);
    text_add(out, "\"axes\":{\"type\":\"object\",\"minProperties\":1,\"additionalProperties\":"
                  "false,\"properties\":{\n");
    write_paths(schema, list, false);
    text_add(out, "}},\n\"values\":{\"type\":\"object\",\"minProperties\":1,"
                  "\"additionalProperties\":false,\"properties\":{\n");
    write_paths(schema, list, true);
    text_add(out, "}}");
    write_whole(schema, table, list);
    for (size_t i = 0; i < schema->use_count; i++) /* grows while it is written */
        write_kind_definition(schema, &schema->uses[i]);
    text_add(out, "\n}");
}

const char *json_schema_write(const FieldTable *table, Arena *arena) {
    Schema *schema = ARENA_ARRAY(arena, Schema, 1);
    schema->out.arena = arena;
    schema->nulls = true;
    TextBuffer *out = &schema->out;
    SchemaList list = schema_list(table, arena);
    text_add(out, "{\n\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\n"
                  "\"title\":\"A Fiducial experiment\",\n\"type\":\"object\",\n\"properties\":{\n"
                  "\"base\":{\"type\":\"string\",\"description\":\"another YAML file, from this "
                  "file's folder, whose keys count where this one is silent\"},\n");
    write_properties(schema, table, ",\n");
    text_add(out, ",\n\"sweep\":");
    write_sweep(schema, &list);
    text_add(out, "},\n\"additionalProperties\":false,\n\"if\":{\"not\":{\"required\":[\"base\"]}},"
                  "\"then\":{\"$ref\":\"#/$defs/whole\"},\n");
    write_definitions(schema, table, &list);
    text_add(out, "}\n");
    return out->text;
}
