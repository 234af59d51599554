/* Expands an experiment file into the runs it makes. `sweep` maps dotted keys to lists of values,
   which are crossed in the order given, the last key fastest; keys below `sweep.zip` advance
   together. A range {from, to, points, scale} stands for a list (sweep_range.h). `exclude`, a list
   of maps, leaves out the combinations that have all the values of one of them; `include`, too a
   list of maps, adds for each a run in which these keys are set (without any axis: only those
   runs). References ${key} (reference.h) take the values of each run. Each run is complete in
   itself: its own configuration, name and identity. */
#ifndef FIDUCIAL_RUNNER_SWEEP_H
#define FIDUCIAL_RUNNER_SWEEP_H

#include "experiments/runner/experiment.h"

enum { SWEEP_RUNS_LARGEST = 10000, RUN_NAME_LARGEST = 200 };

typedef struct PlannedRun {
    const char *name; /* readable and unique, a folder name: position=alibi,seed=1 */
    const Node *root; /* the tree it was read from, references replaced; for messages */
    Experiment experiment;
    const char *yaml;        /* its whole resolved configuration */
    char identity[65];       /* SHA-256 of the resolved YAML without what cannot change its bits */
    char state_identity[65]; /* the same of its checkpoints: see identity_of_state */
    const char **swept_values;  /* [swept_count] as text; "" where the run has no such key */
    const char **swept_phrases; /* [swept_count] the same as a person reads them */
    bool *by_default;           /* [swept_count]: the value is the key's default */
    bool *given;                /* [swept_count]: by an axis or this run's `include`; its name has
                                   the key */
} PlannedRun;

typedef struct RunPlan {
    PlannedRun *runs;
    size_t count;
    const char **swept_keys; /* [swept_count] dotted keys, without the seed */
    size_t swept_count;
} RunPlan;

/* STATUS_BAD_INPUT for whatever is wrong with the sweep or with one of its runs, and where two runs
   would be the same. Everything lives in arena. */
Status sweep_expand(const ExperimentFile *file, Arena *arena, RunPlan *plan, Error *error);

#endif
