/* The folder of an experiment's results. A run's folder is never mixed with, or overwritten by, a
   run of another configuration. */
#ifndef FIDUCIAL_RUNNER_OUTPUT_H
#define FIDUCIAL_RUNNER_OUTPUT_H

#include "experiments/runner/sweep.h"

/* given where it is not NULL, else results/<experiment> below the current folder. */
const char *output_directory(const RunPlan *plan, const char *given, Arena *arena);

/* The folder of one run below directory. */
const char *output_run_directory(const char *directory, const PlannedRun *run, Arena *arena);

/* Checks every run's folder, and only then makes the output folder and copies the experiment file
   into it. Where a run folder was made from another configuration: STATUS_BAD_INPUT with the keys
   that differ and how to go on; or, with force, the folder is renamed to <run>.old-<n>. With
   extend, a folder whose run differs in having fewer train.steps alone, under a schedule that does
   not look ahead, becomes one that is trained so far: what holds for its end goes. Says in the log
   which runs in the folder are not part of the plan. */
Status output_prepare(const ExperimentFile *file, const RunPlan *plan, const char *directory,
                      bool force, bool extend, Error *error);

#endif
