/* An experiment file: what was written, with the changes of --set applied. The corridor of a run
   begins here: experiment_load → sweep_expand → train_run → analyze_run → report_write. */
#ifndef FIDUCIAL_RUNNER_EXPERIMENT_H
#define FIDUCIAL_RUNNER_EXPERIMENT_H

#include "analysis/analysis.h"
#include "experiments/runner/schema_path.h"
#include "experiments/runner/yaml_tree.h"
#include "train/config.h"

/* Everything one run is made of: the struct that the whole schema describes. */
typedef struct Experiment {
    RunConfig run;
    KindList analysis;
} Experiment;

/* One `--set key=value`. */
typedef struct Override {
    const char *key;
    const Node *value;
    const Node *place; /* the option, for messages */
} Override;

typedef struct ExperimentFile {
    const char *path;
    const char *directory; /* of the file: relative paths in it start here */
    const char *text;      /* as given; with the text of its bases as comments */
    size_t bytes;
    FieldTable schema; /* describes Experiment */
    SchemaList keys;   /* every dotted key of the schema */
    const Node *root;  /* bases merged, without sweep, overrides applied */
    const Node *sweep; /* the map below `sweep`, without overridden axes; or NULL */
    const Override *overrides;
    size_t override_count;
} ExperimentFile;

/* The table of every YAML key except sweep. Owned by arena. */
FieldTable experiment_schema(Arena *arena);

/* Reads path and applies settings ("key=value", [setting_count]) in order. Everything lives in
   arena. STATUS_BAD_INPUT for whatever is wrong with the file or the settings; values are checked
   against the schema by sweep_expand. */
Status experiment_load(const char *path, const char *const *settings, size_t setting_count,
                       Arena *arena, ExperimentFile *file, Error *error);

/* Fills, resolves and checks one run from a whole tree. Errors point into the tree. */
Status experiment_read(const FieldTable *schema, const Node *root, Arena *arena,
                       Experiment *experiment, Error *error);

/* The analyses that names lists ("topology,spectrum", or "all"), with their default options.
   origin: of names, for messages. STATUS_BAD_INPUT, with the nearest spelling, for one that there
   is not. */
Status experiment_analyses(const char *names, const char *origin, Arena *arena, KindList *list,
                           Error *error);

#endif
