/* What analysis.h5 and the files of `fiducial attention` hold, for a person. */
#ifndef FIDUCIAL_RUNNER_INSPECT_ANALYSIS_H
#define FIDUCIAL_RUNNER_INSPECT_ANALYSIS_H

#include "experiments/runner/inspector.h"

#include <stdbool.h>

/* One file's content, below its path and checksum. folder: of the run that it belongs to. */
Status inspect_analysis(Inspector *inspector, hid_t file, const char *folder);
Status inspect_attention(Inspector *inspector, hid_t file);

/* The variables of a file in netCDF's manner; analysis: those of that one, NULL: those of none.
   Where they have steps, the last one's values. */
Status inspect_variables(Inspector *inspector, hid_t file, const char *analysis);

/* The analyses that a file holds, with their options if they are wanted: "sinks, frames (draws:
   200)". */
const char *inspect_analyses(hid_t file, bool options, Arena *arena);

#endif
