/* The training loop. A batch is split into a fixed number of lanes; each lane runs forward and
   backward over its sequences with its own gradient buffer; threads take lanes; lane gradients are
   summed pairwise in a fixed binary tree. So the bits do not depend on the number of threads. */
#ifndef FIDUCIAL_TRAIN_LOOP_H
#define FIDUCIAL_TRAIN_LOOP_H

#include "train/config.h"
#include "train/snapshot.h"

#include <signal.h>

typedef struct TrainProgress {
    int64_t step, steps; /* finished, of */
    double loss;         /* of the last step, nats */
    double seconds;      /* since this process began training */
    double tokens_per_second;
} TrainProgress;

typedef struct TrainJob {
    const RunConfig *config;
    const char *directory;       /* of the run; made where it is missing */
    const char *base_directory;  /* relative paths of the data source start here */
    const char *experiment_yaml; /* the run's resolved YAML, stored with the results */
    const char *identity;        /* names all that can change the run's bits (a hash, in hex) */
    const char *state_identity; /* the same of a checkpoint: all that can change what stands in one;
                                   NULL: identity */
    const char *program_version, *git_revision;
    int threads;
    void (*progress)(void *context,
                     const TrainProgress *progress); /* after each step; may be NULL */
    void *progress_context;
    const volatile sig_atomic_t
        *stop;          /* non-zero: finish the step, save, STATUS_INTERRUPTED; may be
                                          NULL */
    int64_t stop_after; /* for tests: as if stop were set after this step; 0: never */
} TrainJob;

/* Trains until config->train.steps, resuming from the newest checkpoint in directory. Bit-identical
   to never having stopped. STATUS_OK at once where the run is complete. A loss or gradient norm
   that is not finite: state saved, run.h5 marked failed, STATUS_FAILED. */
Status train_run(const TrainJob *job, Error *error);

#endif
