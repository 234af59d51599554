#include "experiments/runner/inspector.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void inspect_fact(Inspector *inspector, const char *name, const char *format, ...) {
    TextBuffer value = {.arena = inspector->arena};
    char text[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    text_add(&value, "%s", text);
    columns_add(&inspector->facts, (const char *[]){name, value.text});
}

void inspect_facts_write(Inspector *inspector) {
    columns_write(&inspector->facts, 2, &inspector->text);
    inspector->facts.rows = 0;
}

void inspect_heading(Inspector *inspector, const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    inspect_facts_write(inspector);
    text_add(&inspector->text, "\n");
    text_wrap(&inspector->text, 0, text);
}

const char *inspect_text(hid_t file, const char *object, const char *name, Arena *arena,
                         const char *fallback) {
    const char *text;
    return storage_get_text(file, object, name, arena, &text, NULL) == STATUS_OK ? text : fallback;
}

const char *inspect_count(int64_t value, Arena *arena) {
    if (value < 0)
        return arena_format(arena, "-%s", inspect_count(-value, arena));
    if (value < 1000)
        return arena_format(arena, "%" PRId64, value);
    return arena_format(arena, "%s,%03d", inspect_count(value / 1000, arena), (int)(value % 1000));
}

const char *inspect_steps(const int64_t *steps, size_t count, Arena *arena) {
    enum { SHOWN = 24, ENDS = 10 };
    TextBuffer text = {.arena = arena};
    for (size_t i = 0; i < count; i++) {
        if (count > SHOWN && i == ENDS) {
            text_add(&text, " …");
            i = count - ENDS;
        }
        text_add(&text, "%s%" PRId64, i == 0 ? "" : ", ", steps[i]);
    }
    return count == 0 ? "none" : text.text;
}

typedef struct Listing {
    Arena *arena;
    NameList *names;
} Listing;

static void see_dataset(void *context, const char *name) {
    const Listing *listing = context;
    names_add(listing->names, listing->arena, arena_string(listing->arena, name));
}

Status inspect_datasets(hid_t file, const char *group, Arena *arena, NameList *names,
                        Error *error) {
    Listing listing = {.arena = arena, .names = names};
    return storage_list(file, group, see_dataset, &listing, error);
}

StoredKind inspect_kind(hid_t file, Arena *arena) {
    const char *title = inspect_text(file, "/", "title", arena, "");
    int64_t step;
    bool hashed = inspect_text(file, "/", "parameters_sha256", arena, NULL) != NULL;
    if (strcmp(title, "Fiducial: analysis of one run") == 0)
        return STORED_ANALYSIS;
    if (strcmp(title, "Fiducial: attention of one input") == 0)
        return STORED_ATTENTION;
    if (inspect_text(file, "/", "checkpoint_sha256", arena, NULL) != NULL)
        return STORED_CHECKPOINT;
    if (storage_exists(file, "log") && storage_exists(file, "probe") &&
        inspect_text(file, "/", "experiment_yaml", arena, NULL) != NULL)
        return STORED_RUN;
    if (hashed && storage_exists(file, "parameters") &&
        storage_get_integer(file, "/", "step", &step, NULL) == STATUS_OK)
        return STORED_SNAPSHOT;
    return STORED_FOREIGN;
}
