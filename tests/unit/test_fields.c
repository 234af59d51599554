/* The tables from which YAML keys, messages, help and schema are made: every field reachable from
   the run's configuration is whole, and its default can be read and is allowed. */
#include "tests/support/defaults.h"
#include "train/config.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef void Visit(const char *path, const FieldTable *table, size_t limit);

static size_t size_of(const Field *field);

/* Bytes up to the end of the table's last member. */
static size_t extent_of(const FieldTable *table) {
    size_t extent = 0;
    for (size_t i = 0; i < table->count; i++) {
        size_t end = table->fields[i].offset + size_of(&table->fields[i]);
        extent = end > extent ? end : extent;
    }
    return extent;
}

static size_t size_of(const Field *field) {
    switch (field->type) {
    case FIELD_BOOL:
        return sizeof(bool);
    case FIELD_INTEGER:
        return sizeof(int64_t);
    case FIELD_REAL:
        return sizeof(double);
    case FIELD_STRING:
        return sizeof(const char *);
    case FIELD_CHOICE:
        return sizeof(int);
    case FIELD_KIND:
        return sizeof(KindChoice);
    case FIELD_KIND_LIST:
    case FIELD_KIND_EACH:
        return sizeof(KindList);
    case FIELD_GROUP:
        return extent_of(field->group);
    }
    fail_msg("%s: no such field type: %d", field->name, (int)field->type);
    return 0;
}

/* Visits table, then the groups and every kind's options below it. limit: bytes of the struct that
   the table describes. */
static void walk(const char *path, const FieldTable *table, size_t limit, Visit *visit) {
    visit(path, table, limit);
    for (size_t i = 0; i < table->count; i++) {
        const Field *field = &table->fields[i];
        char below[300];
        snprintf(below, sizeof below, "%s%s%s", path, *path ? "." : "", field->name);
        if (field->type == FIELD_GROUP)
            walk(below, field->group, size_of(field), visit);
        for (size_t k = 0; field->kinds != NULL && k < field->kinds->count; k++) {
            const Kind *kind = field->kinds->kinds[k];
            char inside[400];
            snprintf(inside, sizeof inside, "%s(%s)", below, kind->name);
            walk(inside, &kind->options, KIND_OPTIONS_BYTES, visit);
        }
    }
}

static void walk_all(Visit *visit) {
    walk("", &run_config_fields, sizeof(RunConfig), visit);
}

/* Keys and kinds are lower-case words joined by `join`. */
static bool is_word(const char *name, const char *joins) {
    if (name == NULL || !islower((unsigned char)*name))
        return false;
    for (; *name != '\0'; name++)
        if (!islower((unsigned char)*name) && !isdigit((unsigned char)*name) &&
            strchr(joins, *name) == NULL)
            return false;
    return true;
}

static void check_words(const char *path, const FieldTable *table, size_t limit) {
    (void)limit;
    for (size_t i = 0; i < table->count; i++) {
        const Field *field = &table->fields[i];
        if (!is_word(field->name, "_"))
            fail_msg("%s: field %zu is called \"%s\"", path, i, field->name ? field->name : "NULL");
        if (field->meaning == NULL || strlen(field->meaning) < 8)
            fail_msg("%s.%s: no meaning", path, field->name);
        if (field_find(table, field->name) != field)
            fail_msg("%s.%s comes twice", path, field->name);
    }
    assert_null(field_find(table, "no_such_key"));
}

static void check_types(const char *path, const FieldTable *table, size_t limit) {
    (void)limit;
    for (size_t i = 0; i < table->count; i++) {
        const Field *field = &table->fields[i];
        bool one_kind = field->type == FIELD_KIND || field->type == FIELD_KIND_EACH;
        bool kinds = one_kind || field->type == FIELD_KIND_LIST;
        bool wrong = (field->type == FIELD_CHOICE) != (field->choices != NULL) ||
                     kinds != (field->kinds != NULL) ||
                     (field->type == FIELD_GROUP) != (field->group != NULL) ||
                     (one_kind && !is_word(field->kind_key, "_")) ||
                     (field->type == FIELD_GROUP && field->fallback != NULL) ||
                     field->minimum > field->maximum;
        if (wrong)
            fail_msg("%s.%s: its type %d does not fit the rest of its line", path, field->name,
                     (int)field->type);
        if (field->type == FIELD_CHOICE && field->choices[0] == NULL)
            fail_msg("%s.%s: nothing to choose from", path, field->name);
    }
}

/* Members lie within their struct and do not overlap. */
static void check_offsets(const char *path, const FieldTable *table, size_t limit) {
    for (size_t i = 0; i < table->count; i++) {
        const Field *first = &table->fields[i];
        if (first->offset + size_of(first) > limit)
            fail_msg("%s.%s ends at byte %zu of %zu", path, first->name,
                     first->offset + size_of(first), limit);
        for (size_t k = 0; k < i; k++) {
            const Field *second = &table->fields[k];
            if (first->offset < second->offset + size_of(second) &&
                second->offset < first->offset + size_of(first))
                fail_msg("%s.%s and .%s share memory: %zu and %zu", path, first->name, second->name,
                         first->offset, second->offset);
        }
    }
}

static void check_kinds(const char *path, const FieldTable *table, size_t limit) {
    (void)limit;
    for (size_t i = 0; i < table->count; i++) {
        const KindTable *kinds = table->fields[i].kinds;
        if (kinds == NULL)
            continue;
        if (kinds->count == 0 || kinds->count > KIND_LIST_LARGEST || kinds->what == NULL)
            fail_msg("%s.%s: a table of %zu kinds", path, table->fields[i].name, kinds->count);
        for (size_t k = 0; k < kinds->count; k++) {
            const Kind *kind = kinds->kinds[k];
            if (!is_word(kind->name, "-_") || kind->meaning == NULL || strlen(kind->meaning) < 8)
                fail_msg("%s.%s: kind %zu has no name or meaning", path, table->fields[i].name, k);
            if (kind_find(kinds, kind->name) != kind)
                fail_msg("%s.%s: %s comes twice", path, table->fields[i].name, kind->name);
        }
    }
}

/* defaults_fill reads every fallback and refuses those out of range or unknown. */
static void check_defaults(const char *path, const FieldTable *table, size_t limit) {
    static _Alignas(16) unsigned char memory[1 << 16];
    assert_true(limit <= sizeof memory);
    memset(memory, 0, sizeof memory);
    const char *wrong = defaults_fill(table, memory);
    if (wrong != NULL)
        fail_msg("%s: the default of %s cannot be read or is not allowed", path, wrong);
}

#define WALK(name)                                                                                 \
    static void name(void **state) {                                                               \
        (void)state;                                                                               \
        walk_all(check_##name);                                                                    \
    }

WALK(words)
WALK(types)
WALK(offsets)
WALK(kinds)
WALK(defaults)

/* The keys that the README's example writes are all there. */
static void documented_keys_exist(void **state) {
    (void)state;
    static const char *const keys[] = {"experiment", "description", "model", "data",
                                       "train",      "snapshots",   "probe", "seed"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (field_find(&run_config_fields, keys[i]) == NULL)
            fail_msg("there is no key %s", keys[i]);
    for (const char *const *position = defaults_positions(); *position != NULL; position++)
        assert_non_null(
            defaults_kind(field_find(&model_config_fields, "position")->kinds, *position).kind);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),    cmocka_unit_test(types),
        cmocka_unit_test(offsets),  cmocka_unit_test(kinds),
        cmocka_unit_test(defaults), cmocka_unit_test(documented_keys_exist),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
