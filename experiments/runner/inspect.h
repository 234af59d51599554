/* fiducial inspect: what a folder or file of this program holds, as text for a person. */
#ifndef FIDUCIAL_RUNNER_INSPECT_H
#define FIDUCIAL_RUNNER_INSPECT_H

#include "experiments/runner/columns.h"
#include "train/storage.h"

#include <stdbool.h>
#include <stdint.h>

/* Describes path: a run's folder, an experiment's, or one of the HDF5 files that this program
   writes; *text lives in arena. STATUS_BAD_INPUT where there is nothing, or nothing of this
   program's, at path; STATUS_FAILED for damaged files. For a folder *text is then still what there
   is to say of the rest. */
Status inspect_path(const char *path, Arena *arena, const char **text, Error *error);

/* ---- Shared by its files --------------------------------------------------------------------- */

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

/* One file's content, below its path and checksum. folder: of the run that it belongs to. */
Status inspect_run_file(Inspector *inspector, hid_t file, const char *folder);
Status inspect_snapshot(Inspector *inspector, hid_t file, const char *folder);
Status inspect_checkpoint(Inspector *inspector, hid_t file, const char *folder);
Status inspect_analysis(Inspector *inspector, hid_t file, const char *folder);
Status inspect_attention(Inspector *inspector, hid_t file);

/* A run's folder, or an experiment's. */
Status inspect_run_folder(Inspector *inspector, const char *path);
Status inspect_experiment_folder(Inspector *inspector, const char *path);

/* Experiment, run, seed, model and training, from a run's resolved YAML. */
void inspect_settings(Inspector *inspector, const char *yaml, const char *folder);

/* The same from <folder>/run.h5, and how many tokens its vocabulary has; says so where it is
   missing. */
void inspect_owner(Inspector *inspector, const char *folder);

/* A table of the datasets below group: name, shape, mean, standard deviation, norm. */
Status inspect_parameters(Inspector *inspector, hid_t file, const char *group);

/* Whether the parameters of a snapshot have the SHA-256 that is stored with them. */
Status inspect_parameters_sound(hid_t file, Arena *arena, bool *sound, Error *error);

/* The variables of a file in netCDF's manner; analysis: those of that one, NULL: those of none.
   Where they have steps, the last one's values. */
Status inspect_variables(Inspector *inspector, hid_t file, const char *analysis);

/* The analyses that a file holds, with their options if they are wanted: "sinks, frames (draws:
   200)". */
const char *inspect_analyses(hid_t file, bool options, Arena *arena);

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
