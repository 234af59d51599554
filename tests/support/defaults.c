#include "tests/support/defaults.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool read_real(const char *text, double *value) {
    char *end;
    errno = 0;
    *value = strtod(text, &end);
    return errno == 0 && end != text && *end == '\0';
}

static bool within(const Field *field, double value) {
    if (field->minimum == 0 && field->maximum == 0)
        return true;
    return value >= field->minimum && value <= field->maximum;
}

static bool fill_number(const Field *field, void *member) {
    double value;
    if (!read_real(field->fallback, &value) || !within(field, value))
        return false;
    if (field->type == FIELD_REAL)
        *(double *)member = value;
    else if (value == (double)(int64_t)value)
        *(int64_t *)member = (int64_t)value;
    else
        return false;
    return true;
}

static bool fill_choice(const Field *field, int *member) {
    for (int i = 0; field->choices[i] != NULL; i++)
        if (strcmp(field->choices[i], field->fallback) == 0) {
            *member = i;
            return true;
        }
    return false;
}

static bool fill_kind(const Field *field, KindChoice *choice) {
    choice->kind = kind_find(field->kinds, field->fallback);
    return choice->kind != NULL &&
           defaults_fill(&choice->kind->options, choice->options.bytes) == NULL;
}

/* The choices live as long as the program, one for each kind, so that configurations can be
   copied. */
static KindList single_kind(const KindTable *table, const char *name) {
    enum { LARGEST = 64 };
    static KindChoice made[LARGEST];
    int at = 0;
    while (at < LARGEST && made[at].kind != NULL && made[at].kind != kind_find(table, name))
        at++;
    if (at == LARGEST)
        fail_msg("the tests know no more than %d kinds", LARGEST);
    if (made[at].kind == NULL)
        made[at] = defaults_kind(table, name);
    return (KindList){.items = &made[at], .count = 1, .single = true};
}

static bool fill_each(const Field *field, KindList *list) {
    if (kind_find(field->kinds, field->fallback) == NULL)
        return false;
    *list = single_kind(field->kinds, field->fallback);
    return true;
}

static bool fill_member(const Field *field, void *member) {
    switch (field->type) {
    case FIELD_BOOL:
        *(bool *)member = strcmp(field->fallback, "true") == 0;
        return *(bool *)member || strcmp(field->fallback, "false") == 0;
    case FIELD_INTEGER:
    case FIELD_REAL:
        return fill_number(field, member);
    case FIELD_STRING:
        *(const char **)member = field->fallback;
        return true;
    case FIELD_CHOICE:
        return fill_choice(field, member);
    case FIELD_KIND:
        return fill_kind(field, member);
    case FIELD_KIND_EACH:
        return fill_each(field, member);
    case FIELD_KIND_LIST:
        *(KindList *)member = (KindList){0};
        return true;
    case FIELD_GROUP:
        break;
    }
    return false;
}

const char *defaults_fill(const FieldTable *table, void *members) {
    for (size_t i = 0; i < table->count; i++) {
        const Field *field = &table->fields[i];
        void *member = (char *)members + field->offset;
        if (field->type == FIELD_GROUP) {
            const char *wrong = defaults_fill(field->group, member);
            if (wrong != NULL)
                return wrong;
        } else if (field->fallback != NULL && !fill_member(field, member)) {
            return field->name;
        }
    }
    return NULL;
}

KindChoice defaults_kind(const KindTable *table, const char *name) {
    KindChoice choice = {.kind = kind_find(table, name)};
    if (choice.kind == NULL)
        fail_msg("there is no %s called %s", table->what, name);
    const char *wrong = defaults_fill(&choice.kind->options, choice.options.bytes);
    if (wrong != NULL)
        fail_msg("%s %s: the default of %s cannot be read", table->what, name, wrong);
    return choice;
}

ModelConfig defaults_model(const char *position, int layers, int width, int heads, int hidden,
                           int context, int vocabulary) {
    ModelConfig config = {0};
    const char *wrong = defaults_fill(&model_config_fields, &config);
    if (wrong != NULL)
        fail_msg("model: the default of %s cannot be read", wrong);
    config.layers = layers;
    config.width = width;
    config.heads = heads;
    config.hidden = hidden;
    config.context = context;
    config.vocabulary = vocabulary;
    config.position = single_kind(field_find(&model_config_fields, "position")->kinds, position);
    return config;
}

/* value: names joined by "+". */
static bool change_each(const Field *field, const char *value, KindList *list, Arena *arena) {
    char *names = arena_string(arena, value), *rest = names;
    *list = (KindList){.items = ARENA_ARRAY(arena, KindChoice, KIND_LIST_LARGEST),
                       .single = strchr(value, '+') == NULL};
    for (char *name = strtok_r(names, "+", &rest); name != NULL; name = strtok_r(NULL, "+", &rest))
        if (kind_find(field->kinds, name) == NULL || list->count == KIND_LIST_LARGEST)
            return false;
        else
            list->items[list->count++] = defaults_kind(field->kinds, name);
    return true;
}

static bool change(const FieldTable *table, void *members, const char *path, const char *value,
                   Arena *arena) {
    size_t length = strcspn(path, ".");
    char *name = arena_string(arena, path);
    name[length] = '\0';
    const Field *field = field_find(table, name);
    if (field == NULL)
        return false;
    void *member = (char *)members + field->offset;
    const char *below = path[length] == '.' ? path + length + 1 : NULL;
    if (below != NULL && field->type == FIELD_GROUP)
        return change(field->group, member, below, value, arena);
    if (below != NULL && field->type == FIELD_KIND) {
        KindChoice *choice = member;
        return change(&choice->kind->options, choice->options.bytes, below, value, arena);
    }
    if (below != NULL && field->type == FIELD_KIND_EACH) {
        KindList *list = member;
        KindChoice *items = ARENA_ARRAY(arena, KindChoice, list->count);
        memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        bool changed = false; /* of a list: in every element that has such an option */
        for (size_t i = 0; i < list->count; i++)
            changed |= change(&items[i].kind->options, items[i].options.bytes, below, value, arena);
        return changed;
    }
    if (below != NULL)
        return false;
    if (field->type == FIELD_KIND_EACH)
        return change_each(field, value, member, arena);
    Field other = *field;
    other.fallback = value;
    return fill_member(&other, member);
}

void defaults_change(const FieldTable *table, void *members, const char *settings, Arena *arena) {
    char *text = arena_string(arena, settings), *rest = text;
    for (char *key = strtok_r(text, " ", &rest); key != NULL; key = strtok_r(NULL, " ", &rest)) {
        char *equals = strchr(key, '=');
        if (equals == NULL)
            fail_msg("a setting is key=value, not %s", key);
        *equals = '\0';
        if (!change(table, members, key, equals + 1, arena))
            fail_msg("the setting %s=%s cannot be made", key, equals + 1);
    }
}

const char *const *defaults_positions(void) {
    static const char *const names[] = {"rope",     "alibi", "absolute", "sinusoidal",
                                        "relative", "nope",  NULL};
    return names;
}

double defaults_option(const KindChoice *choice, const char *name, double otherwise) {
    const Field *field = field_find(&choice->kind->options, name);
    if (field == NULL)
        return otherwise;
    const void *member = choice->options.bytes + field->offset;
    if (field->type == FIELD_REAL)
        return *(const double *)member;
    if (field->type == FIELD_BOOL)
        return *(const bool *)member;
    return field->type == FIELD_CHOICE ? (double)*(const int *)member
                                       : (double)*(const int64_t *)member;
}
