/* The text that `fiducial inspect` makes, piece by piece, and what kind of file it reads. */
#ifndef FIDUCIAL_RUNNER_INSPECTOR_H
#define FIDUCIAL_RUNNER_INSPECTOR_H

#include "experiments/runner/columns.h"
#include "train/storage.h"

#include <stdint.h>

typedef struct Inspector {
    Arena *arena;
    TextBuffer text;
    Columns facts; /* name and value, not yet in text */
    Error *error;
} Inspector;

/* A line "name  value". */
void inspect_fact(Inspector *inspector, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts the facts so far into the text. */
void inspect_facts_write(Inspector *inspector);

/* A heading of what follows, after an empty line. */
void inspect_heading(Inspector *inspector, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

typedef enum StoredKind {
    STORED_RUN,
    STORED_SNAPSHOT,
    STORED_CHECKPOINT,
    STORED_ANALYSIS,
    STORED_ATTENTION,
    STORED_FOREIGN,
} StoredKind;

StoredKind inspect_kind(hid_t file, Arena *arena);

/* Names of the datasets below group. */
Status inspect_datasets(hid_t file, const char *group, Arena *arena, NameList *names, Error *error);

/* The text of an attribute, or fallback. */
const char *inspect_text(hid_t file, const char *object, const char *name, Arena *arena,
                         const char *fallback);

/* "1,024" */
const char *inspect_count(int64_t value, Arena *arena);

/* "0, 1, 2, 4 … 1024", as they are typed: all of them where they are few. */
const char *inspect_steps(const int64_t *steps, size_t count, Arena *arena);

#endif
