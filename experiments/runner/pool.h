/* The pool: works through the runs of a plan with child processes side by side. The parent stays
   single-threaded until all have ended (OpenMP does not survive a fork). Runs that another
   `fiducial run` works on are left to it and looked at again until they are free. */
#ifndef FIDUCIAL_RUNNER_POOL_H
#define FIDUCIAL_RUNNER_POOL_H

#include "experiments/runner/progress.h"
#include "experiments/runner/sweep.h"

#include <signal.h>

typedef struct PoolJob {
    const ExperimentFile *file;
    const RunPlan *plan;
    const char *directory; /* of the experiment's results */
    int stages;            /* Stage bits */
    int jobs;              /* runs side by side */
    int threads;           /* of each run */
    bool retry;            /* also runs that failed before */
    const KindList *only;  /* as in WorkerJob */
    Progress *progress;
    const volatile sig_atomic_t *stop; /* requests so far; each is passed on to the workers */
} PoolJob;

typedef struct PoolResult {
    size_t done, failed, interrupted, untouched;
    bool shared; /* another process was seen at work */
} PoolResult;

/* STATUS_OK where the pool itself worked, whatever became of the runs. Signals are as before
   stop_signal_parent afterwards. */
Status pool_run(const PoolJob *job, PoolResult *result, Error *error);

#endif
