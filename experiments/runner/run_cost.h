/* What a run needs, known before it starts; finding out opens its data and builds its model once,
   so that a missing text or an impossible model is told before anything is written. */
#ifndef FIDUCIAL_RUNNER_RUN_COST_H
#define FIDUCIAL_RUNNER_RUN_COST_H

#include "experiments/runner/sweep.h"

typedef struct RunCost {
    int64_t vocabulary, parameters;
    double tokens;         /* trained on */
    double training_flops; /* multiply and add counted as two */
    double disk_bytes;     /* of the run's folder: snapshots, checkpoints, run.h5, analysis.h5 */
    int64_t snapshots;
} RunCost;

/* costs [plan->count]. STATUS_BAD_INPUT, pointing into the file, where a run cannot start. */
Status run_costs(const ExperimentFile *file, const RunPlan *plan, RunCost *costs, Error *error);

#endif
