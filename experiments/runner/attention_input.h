/* Which snapshot and which tokens `fiducial attention` looks at. */
#ifndef FIDUCIAL_RUNNER_ATTENTION_INPUT_H
#define FIDUCIAL_RUNNER_ATTENTION_INPUT_H

#include "experiments/runner/command_line.h"
#include "experiments/runner/experiment.h"
#include "train/run_model.h"

/* A snapshot with the run that it belongs to. */
typedef struct LoadedSnapshot {
    const char *path;
    const char *yaml; /* the run's resolved one */
    Experiment experiment;
    RunModel *run;
    float *parameters;
    int64_t step;
} LoadedSnapshot;

/* path: a snapshot, or a run's folder: then that of step, or the newest (step NULL).
   STATUS_BAD_INPUT where there is no such snapshot, or no run.h5 that it belongs to; STATUS_FAILED,
   with the names that differ, where it does not fit the run's model. */
Status snapshot_load_with_run(const char *path, const char *step, Arena *arena,
                              LoadedSnapshot *snapshot, Error *error);

typedef struct InputTokens {
    int32_t *tokens, *targets; /* [length]; targets −1 where nothing is predicted */
    int length;
    const char *described; /* "sample 3 of the probe" … */
} InputTokens;

/* The input that one of --text, --sample and --tokens names. STATUS_BAD_INPUT for none or several
   of them, and whatever the run's model cannot read. */
Status input_tokens_read(const CommandLine *line, const LoadedSnapshot *snapshot, Arena *arena,
                         InputTokens *input, Error *error);

#endif
