#include "tests/support/source_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void *member_of(KindChoice *choice, const char *name, const Field **field) {
    *field = field_find(&choice->kind->options, name);
    if (*field == NULL)
        fail_msg("%s has no option %s", choice->kind->name, name);
    return choice->options.bytes + (*field)->offset;
}

void source_set(KindChoice *choice, const char *name, double value) {
    const Field *field;
    void *member = member_of(choice, name, &field);
    if (field->type == FIELD_REAL)
        *(double *)member = value;
    else if (field->type == FIELD_INTEGER)
        *(int64_t *)member = (int64_t)value;
    else if (field->type == FIELD_CHOICE)
        *(int *)member = (int)value;
    else if (field->type == FIELD_BOOL)
        *(bool *)member = value != 0;
    else
        fail_msg("%s is no number", name);
}

void source_set_text(KindChoice *choice, const char *name, const char *value) {
    const Field *field;
    void *member = member_of(choice, name, &field);
    assert_int_equal(field->type, FIELD_STRING);
    memcpy(member, &value, sizeof value);
}

SourceCase *source_case_open(const KindChoice *choice, uint64_t seed) {
    Error error;
    const char *culprit = NULL;
    SourceCase *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->arena = arena_create("a source's test");
    const SourceSetup setup = {.seed = seed,
                               .context = SOURCE_CASE_LENGTH,
                               .batch = SOURCE_CASE_BATCH,
                               .arena = &scene->arena};
    if (source_open(choice, &setup, &scene->source, &culprit, &error) != STATUS_OK)
        fail_msg("%s: %s", culprit, error.message);
    return scene;
}

void source_case_close(SourceCase *scene) {
    arena_destroy(&scene->arena);
    free(scene);
}

void source_case_draw(SourceCase *scene, Split split, uint64_t step) {
    source_batch(&scene->source, split, step, 0, SOURCE_CASE_BATCH, SOURCE_CASE_LENGTH,
                 scene->inputs[0], scene->targets[0], scene->copied[0]);
}

void source_assert_refused(const KindChoice *choice, const char *culprit, const char *part) {
    Error error = {.message = ""};
    const char *named = NULL;
    Arena arena = arena_create("a source's test");
    DataSource source;
    const SourceSetup setup = {
        .seed = 1, .context = SOURCE_CASE_LENGTH, .batch = SOURCE_CASE_BATCH, .arena = &arena};
    Status status = source_open(choice, &setup, &source, &named, &error);
    arena_destroy(&arena);
    if (status != STATUS_BAD_INPUT || strcmp(named, culprit) != 0 ||
        strstr(error.message, part) == NULL)
        fail_msg("status %d at %s: \"%s\"; expected %s: … %s …", (int)status, named, error.message,
                 culprit, part);
}
