/* Ranges of a sweep: {from: 1e-4, to: 1e-2, points: 5, scale: log} instead of a list. */
#ifndef FIDUCIAL_RUNNER_SWEEP_RANGE_H
#define FIDUCIAL_RUNNER_SWEEP_RANGE_H

#include "experiments/runner/schema_path.h"

enum { RANGE_POINTS_LARGEST = 10000 };

/* The list of values that range, a map, stands for: points of them from `from` to `to`, both
   included exactly, evenly spaced, or with scale: log by equal factors. Between the ends, numbers
   are rounded to six significant digits, and for whole-number keys everything to the nearest whole
   number (halves away from zero). STATUS_BAD_INPUT where it is no range, where entry's key takes no
   number, and where rounding would make two values equal. */
Status sweep_range_expand(const SchemaEntry *entry, const Node *range, Arena *arena,
                          const Node **list, Error *error);

#endif
