/* fiducial inspect: what a folder or file of this program holds, as text for a person. */
#ifndef FIDUCIAL_RUNNER_INSPECT_H
#define FIDUCIAL_RUNNER_INSPECT_H

#include "model/base/arena.h"
#include "model/base/error.h"

/* Describes path: a run's folder, an experiment's, or one of the HDF5 files that this program
   writes; *text lives in arena. STATUS_BAD_INPUT where there is nothing, or nothing of this
   program's, at path; STATUS_FAILED for damaged files. For a folder *text is then still what there
   is to say of the rest. */
Status inspect_path(const char *path, Arena *arena, const char **text, Error *error);

#endif
