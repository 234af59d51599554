/* The files of one run: snapshots/step-<8 digits>.h5, run.h5 and checkpoint.h5 (see the README,
   "Files of a run"). */
#ifndef FIDUCIAL_TRAIN_SNAPSHOT_H
#define FIDUCIAL_TRAIN_SNAPSHOT_H

#include "model/base/arena.h"
#include "model/parameters.h"
#include "train/storage.h"

#include <stdbool.h>
#include <stdint.h>

/* One row per finished training step, in memory for the whole run. Arrays [steps]. */
typedef struct TrainLog {
    int64_t count;    /* rows filled: step i stands at i − 1 */
    int64_t capacity; /* rows there is room for; 0: not known, and not checked */
    float *loss;      /* mean cross-entropy of the step's batch before its update, nats */
    float *learning_rate, *gradient_norm, *tokens_per_second;
} TrainLog;

/* What a snapshot's or run's files say of their making; all texts non-NULL. */
typedef struct Provenance {
    const char *experiment_yaml; /* the run's resolved YAML */
    const char *yaml_sha256;
    const char *identity; /* hash of what can change the run's bits: see TrainJob */
    const char *program_version, *git_revision;
    const char *blas_core, *host_cpu;
    const char *start_time, *end_time; /* ISO 8601, UTC; end "" while running */
    const char *status;                /* "running", "done", "failed", "interrupted" */
    const char *failure;               /* why, where failed; else "" */
    const char *data_sha256;           /* of the text that was read; "" for none */
    int threads;
    int64_t seed;
} Provenance;

/* Probe: tokens [samples][length], as drawn from SPLIT_PROBE. */
typedef struct Probe {
    int samples, length;
    int32_t *inputs, *targets;
    uint8_t *copied;
    bool has_copies;          /* whether the source marks copied targets */
    const char **token_names; /* [vocabulary] */
    int vocabulary;
    int bos;      /* the BOS token, −1 for none */
    int ordinary; /* tokens 0 … ordinary − 1 are the source's own: BOS (where it is none of them),
                     delimiters and the objective's tokens come behind them */
} Probe;

/* The path of a snapshot relative to the run's folder, "snapshots/step-00000128.h5", in arena. */
const char *snapshot_name(int64_t step, Arena *arena);

/* Writes <directory>/snapshots/step-XXXXXXXX.h5 (folders are made): /parameters/<name>, attributes
   step, tokens, parameters_sha256. The same parameters give the same bytes. */
Status snapshot_write(const char *directory, const ParameterTable *table, const float *parameters,
                      int64_t step, int64_t tokens, Error *error);

/* Reads one snapshot into parameters [table->total]. Refuses a file whose parameters or shapes
   differ from the table, naming those that do, and one whose content does not match its own
   SHA-256. */
Status snapshot_read(const char *directory, int64_t step, const ParameterTable *table,
                     float *parameters, Error *error);

/* The same of the file at path, whatever its name; *step: the one that it says it is of. */
Status snapshot_read_file(const char *path, const ParameterTable *table, float *parameters,
                          int64_t *step, Error *error);

/* Whether the snapshot file is there and sound (opens, names, shapes and hash right); where not,
   error says why. Reads the whole file. */
bool snapshot_valid(const char *directory, int64_t step, const ParameterTable *table, Error *error);

/* Writes run.h5 anew: virtual datasets over the given snapshot steps (ascending; each file must be
   there), log, probe, provenance. Two neighbouring snapshots with the same parameters give a
   warning line: published series have silently repeated one set of weights. */
Status run_file_write(const char *directory, const ParameterTable *table, const int64_t *steps,
                      size_t step_count, const TrainLog *log, const Probe *probe,
                      const Provenance *provenance, Error *error);

/* Everything resume needs. parameters [total]; slots [slot_count][total]. */
typedef struct TrainState {
    int64_t step; /* finished steps */
    int64_t tokens;
    float *parameters, *slots;
    int slot_count;
    TrainLog *log;
    const char *data_sha256; /* of the files it is trained on; "" where there are none */
} TrainState;

/* Writes checkpoint.h5 with a hash over all of it and the identity of its run (as in Provenance),
   keeping the one before as checkpoint.previous.h5. */
Status checkpoint_write(const char *directory, const ParameterTable *table, const TrainState *state,
                        const char *identity, Error *error);

/* Reads the newest sound checkpoint of at most step `latest` (INT64_MAX: of any) into state, whose
   parameters, slots, slot_count and log arrays the caller has made. Where the newest is damaged (or
   does not hold what this configuration makes) it is set aside as "<name>.damaged", and where it is
   damaged or missing the previous one is read, both with a warning line. *found = false where no
   sound one is left; the content of state is then not defined. A checkpoint of another
   configuration is refused with STATUS_BAD_INPUT; one that cannot be opened, or was trained on other
   data than state->data_sha256, is left where it is, with STATUS_FAILED. */
Status checkpoint_read(const char *directory, const ParameterTable *table, TrainState *state,
                       const char *identity, int64_t latest, bool *found, Error *error);

#endif
