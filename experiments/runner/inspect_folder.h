/* What the folder of a run, or of an experiment, holds, for a person. */
#ifndef FIDUCIAL_RUNNER_INSPECT_FOLDER_H
#define FIDUCIAL_RUNNER_INSPECT_FOLDER_H

#include "experiments/runner/inspector.h"

Status inspect_run_folder(Inspector *inspector, const char *path);
Status inspect_experiment_folder(Inspector *inspector, const char *path);

#endif
