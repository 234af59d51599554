/* Which frame type each group reached, by layer and for the whole model, and from which step on. */
#ifndef FIDUCIAL_REPORT_FRAME_TABLE_H
#define FIDUCIAL_REPORT_FRAME_TABLE_H

#include "analysis/frame_type.h"
#include "results/report/groups.h"

enum { FRAME_DRAWS = 1000, FRAME_UNKNOWN = -1 };

/* One layer of one group, or its whole model. The type of a step is the commonest over seeds and
   samples: that with the largest mean over seeds of its share of samples (equal ones: the first).
 */
typedef struct FrameCell {
    bool present;
    int steps;
    const double *step;   /* [steps] */
    const int *types;     /* [steps] FrameType, or FRAME_UNKNOWN where no sample has one */
    const double *shares; /* [steps] of that type: mean over seeds of the share of samples */
    double since;        /* first saved step from which the type is the last step's until the end */
    double low, high;    /* 95 % of the draws of seeds and, within each, samples; one that ends with
                            another type counts as later than every step, and an end that falls on
                            such a draw is NaN. Both NaN for one seed without samples */
    int without;         /* draws of FRAME_DRAWS that end with another type */
    int seeds, agreeing; /* seeds, and those of which the last step's commonest type is the same */
    bool over_samples;   /* samples were drawn too, not only seeds */
} FrameCell;

typedef struct FrameTable {
    const Report *report;
    int rows;         /* layers, then the whole model; 0 where no run has frame types */
    FrameCell *cells; /* [group_count][rows] */
} FrameTable;

/* Costs FRAME_DRAWS × seeds × samples × steps × types for each cell. */
void frame_table(const Report *report, Arena *arena, FrameTable *table);

const FrameCell *frame_cell(const FrameTable *table, size_t group, int row);

/* "layer 1", or "whole model" for the last row. */
const char *frame_row_text(const FrameTable *table, int row, Arena *arena);

/* Writes <directory>/frame_types.csv with the columns <swept keys>, layer, type, share, since, low,
   high, draws_without, seeds_agreeing, seeds, step: the last saved one. layer is "model" for the
   whole model. Writes nothing where no run has frame types. */
Status frame_table_write(const FrameTable *table, Error *error);

#endif
