/* Damaged files of a run: named, set aside as "<name>.damaged", and made anew by what comes
   after. */
#ifndef FIDUCIAL_RUNNER_RUN_REPAIR_H
#define FIDUCIAL_RUNNER_RUN_REPAIR_H

#include "experiments/runner/sweep.h"

/* Looks at the checksum of run.h5, analysis.h5, the checkpoints and every snapshot in directory,
   each with a warning in the log where it is damaged. Training makes what is missing again. Reads every file once. The caller has the run's lock. STATUS_FAILED where a file cannot be
   renamed. */
Status run_repair(const PlannedRun *run, const char *directory, Error *error);

#endif
