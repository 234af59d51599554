/* Every key there is, from the tables: a wrong value and a misspelt name are refused with place,
   value, what is allowed and the nearest spelling; and everything published says where. */
#include "experiments/runner/sweep.h"
#include "experiments/runner/text.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <string.h>

/* An experiment file with one key given, and where it stands. */
typedef struct Written {
    TextBuffer yaml;
    int line, key_column, value_column;
} Written;

typedef struct Keys {
    Arena arena;
    FieldTable schema;
    SchemaList list;
} Keys;

static Keys keys_create(void) {
    Keys keys = {.arena = arena_create("all keys")};
    keys.schema = experiment_schema(&keys.arena);
    keys.list = schema_list(&keys.schema, &keys.arena);
    return keys;
}

static void add_line(Written *written, int indent, const char *key, const char *value) {
    text_add(&written->yaml, "%*s%s:%s%s\n", indent, "", key, *value == '\0' ? "" : " ", value);
    written->line++;
}

/* The kind's name and what it cannot do without, but the key that is tested. */
static void add_kind(Written *written, int indent, const Field *field, const Kind *kind,
                     const char *tested) {
    if (kind == NULL)
        return;
    add_line(written, indent, schema_kind_key(field), kind->name);
    for (size_t i = 0; i < kind->options.count; i++) {
        const Field *option = &kind->options.fields[i];
        if (option->fallback == NULL && option->type != FIELD_GROUP &&
            strcmp(option->name, tested) != 0)
            add_line(written, indent, option->name,
                     option->kinds == NULL ? "x" : option->kinds->kinds[0]->name);
    }
}

/* entry's path with its last part called name. */
static Written write_key(Keys *keys, const SchemaEntry *entry, const char *name,
                         const char *value) {
    Written written = {.yaml = {.arena = &keys->arena}};
    char *path = arena_string(&keys->arena, entry->path);
    int indent = 0;
    if (strcmp(path, "experiment") != 0)
        add_line(&written, 0, "experiment", "x");
    for (char *dot = strchr(path, '.'); dot != NULL; dot = strchr(dot + 1, '.')) {
        *dot = '\0';
        const SchemaEntry *above = schema_find(&keys->list, path);
        const char *part = strrchr(path, '.') == NULL ? path : strrchr(path, '.') + 1;
        add_line(&written, indent, part, "");
        indent += 2;
        *dot = '.';
        /* Which kind it is: that of what stands below it. */
        const char *next = dot + 1 + strcspn(dot + 1, ".");
        const char *below = arena_format(&keys->arena, "%.*s", (int)(next - path), path);
        const SchemaEntry *inner = *next == '\0' ? entry : schema_find(&keys->list, below);
        if (above->field->kinds != NULL && !inner->names_kind)
            add_kind(&written, indent, above->field, inner->kind, strrchr(below, '.') + 1);
    }
    add_line(&written, indent, name, value);
    written.key_column = indent + 1;
    written.value_column = indent + 1 + (int)strlen(name) + 2;
    return written;
}

static Status read_written(Keys *keys, const Written *written, Error *error) {
    const Node *root;
    Experiment experiment;
    Status status = yaml_parse(written->yaml.text, written->yaml.length, "bad.yaml", &keys->arena,
                               &root, error);
    return status == STATUS_OK
               ? experiment_read(&keys->schema, root, &keys->arena, &experiment, error)
               : status;
}

/* part: what the message must say besides its place. */
static void assert_message(const SchemaEntry *entry, const Written *written, const char *message,
                           int column, const char *part) {
    char place[64];
    snprintf(place, sizeof place, "bad.yaml:%d:%d: ", written->line, column);
    if (strncmp(message, place, strlen(place)) != 0 || strstr(message, part) == NULL)
        fail_msg("%s (%s): expected \"%s… %s …\" in \"%s\" of\n%s", entry->path,
                 entry->kind == NULL ? "no kind's" : entry->kind->name, place, part, message,
                 written->yaml.text);
}

static const char *last_part(const char *path) {
    const char *dot = strrchr(path, '.');
    return dot == NULL ? path : dot + 1;
}

static void assert_value_refused(Keys *keys, const SchemaEntry *entry, const char *value,
                                 const char *read) {
    Error error = {.message = ""};
    Written written = write_key(keys, entry, last_part(entry->path), value);
    if (read_written(keys, &written, &error) != STATUS_BAD_INPUT)
        fail_msg("%s: %s is not refused (%s):\n%s", entry->path, value, error.message,
                 written.yaml.text);
    assert_message(entry, &written, error.message, written.value_column, entry->path);
    assert_message(entry, &written, error.message, written.value_column, read);
    assert_message(entry, &written, error.message, written.value_column, "; allowed: ");
}

static const char *wrong_value(const Field *field) {
    switch (field->type) {
    case FIELD_STRING:
        return "{a: 1}";
    case FIELD_KIND:
    case FIELD_KIND_LIST:
    case FIELD_KIND_EACH:
    case FIELD_GROUP:
        return "5";
    default:
        return "[1, 2]";
    }
}

static void every_wrong_type_is_refused(void **state) {
    (void)state;
    Keys keys = keys_create();
    for (size_t i = 0; i < keys.list.count; i++) {
        const char *value = wrong_value(keys.list.entries[i].field);
        assert_value_refused(&keys, &keys.list.entries[i], value,
                             *value == '['   ? "a list"
                             : *value == '{' ? "a map"
                                             : "'5'");
    }
    arena_destroy(&keys.arena);
}

static void check_outside(Keys *keys, const SchemaEntry *entry, double value) {
    char text[NUMBER_TEXT_BYTES];
    number_write(value, text);
    assert_value_refused(keys, entry, text, arena_format(&keys->arena, "'%s'", text));
}

static void every_range_is_kept(void **state) {
    (void)state;
    Keys keys = keys_create();
    size_t checked = 0;
    for (size_t i = 0; i < keys.list.count; i++) {
        const SchemaEntry *entry = &keys.list.entries[i];
        const Field *field = entry->field;
        bool number = field->type == FIELD_INTEGER || field->type == FIELD_REAL;
        if (!number || (field->minimum == 0 && field->maximum == 0))
            continue;
        check_outside(&keys, entry, field->minimum - 1);
        check_outside(&keys, entry, 2 * field->maximum + 1);
        assert_value_refused(&keys, entry, "wide", "'wide'");
        if (field->type == FIELD_INTEGER)
            assert_value_refused(&keys, entry, "1.5", "'1.5'");
        checked++;
    }
    assert_true(checked > 50);
    arena_destroy(&keys.arena);
}

/* A name with its last letter twice. */
static const char *misspelt(const char *name, Arena *arena) {
    return arena_format(arena, "%s%c", name, name[strlen(name) - 1]);
}

static void check_suggested(Keys *keys, const SchemaEntry *entry, const char *name) {
    const char *wrong = misspelt(name, &keys->arena);
    assert_value_refused(keys, entry, wrong, arena_format(&keys->arena, "'%s'", wrong));
    assert_value_refused(keys, entry, wrong, "(did you mean '");
    assert_value_refused(keys, entry, wrong, name);
}

static void every_name_is_known_when_misspelt(void **state) {
    (void)state;
    Keys keys = keys_create();
    for (size_t i = 0; i < keys.list.count; i++) {
        const SchemaEntry *entry = &keys.list.entries[i];
        const Field *field = entry->field;
        for (size_t c = 0; field->choices != NULL && field->choices[c] != NULL; c++)
            check_suggested(&keys, entry, field->choices[c]);
        bool one = field->type == FIELD_KIND || field->type == FIELD_KIND_EACH;
        for (size_t k = 0; one && k < field->kinds->count; k++)
            check_suggested(&keys, entry, field->kinds->kinds[k]->name);
        if (strcmp(entry->path, "experiment") == 0)
            continue; /* then there is none, which is told first */
        Error error = {.message = ""};
        const char *name = last_part(entry->path);
        Written written = write_key(&keys, entry, misspelt(name, &keys.arena), "1");
        assert_int_equal(read_written(&keys, &written, &error), STATUS_BAD_INPUT);
        assert_message(entry, &written, error.message, written.key_column, "unknown key '");
        assert_message(entry, &written, error.message, written.key_column, "(did you mean '");
        assert_message(entry, &written, error.message, written.key_column,
                       arena_format(&keys.arena, "%s'?)", name));
    }
    arena_destroy(&keys.arena);
}

/* Kinds that are what their names say, or this program's own. */
static bool needs_no_source(const char *what, const char *name) {
    static const char *const own[][2] = {
        {"mask", "causal"},         {"mask", "bidirectional"}, {"normalization", "softmax"},
        {"norm", "none"},           {"MLP", "none"},           {"objective", "causal"},
        {"schedule", "constant"},   {"schedule", "linear"},    {"data source", "markov"},
        {"data source", "zipf"},    {"data source", "text"},   {"data source", "tokens"},
        {"data source", "mixture"}, {"key-value bias", "none"}};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (strcmp(own[i][0], what) == 0 && strcmp(own[i][1], name) == 0)
            return true;
    return false;
}

/* Keys below which everything, and the single ones that, a paper introduced. */
static void what_is_published_says_where(void **state) {
    (void)state;
    static const char *const published[] = {"model.position.base",
                                            "model.position.fraction",
                                            "model.position.scaling",
                                            "model.position.truncate",
                                            "model.position.buckets",
                                            "model.attention.window",
                                            "model.attention.sink_logit",
                                            "model.attention.soft_cap",
                                            "model.attention.normalization",
                                            "model.placement",
                                            "model.parallel",
                                            "model.tied",
                                            "model.init.scheme",
                                            "train.clip",
                                            "data.fixed_position",
                                            "data.random_first",
                                            "data.amount",
                                            "model.attention.kv_bias"};
    Keys keys = keys_create();
    for (size_t i = 0; i < sizeof published / sizeof published[0]; i++) {
        const SchemaEntry *entry = schema_find(&keys.list, published[i]);
        if (entry == NULL || entry->field->source == NULL || entry->field->source[0] == '\0')
            fail_msg("%s has no source", published[i]);
    }
    for (size_t i = 0; i < keys.list.count; i++) {
        const Field *field = keys.list.entries[i].field;
        for (size_t k = 0; field->kinds != NULL && k < field->kinds->count; k++) {
            const Kind *kind = field->kinds->kinds[k];
            bool measurement = field->type == FIELD_KIND_LIST; /* each variable has its own */
            if (!measurement && (kind->source == NULL || kind->source[0] == '\0') !=
                                    needs_no_source(field->kinds->what, kind->name))
                fail_msg("%s: the %s %s has %s", keys.list.entries[i].path, field->kinds->what,
                         kind->name, kind->source == NULL ? "no source" : "a source after all");
        }
    }
    arena_destroy(&keys.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_wrong_type_is_refused),
        cmocka_unit_test(every_range_is_kept),
        cmocka_unit_test(every_name_is_known_when_misspelt),
        cmocka_unit_test(what_is_published_says_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
