/* The attention maps of one input, a panel per layer and head. */
#ifndef FIDUCIAL_REPORT_FIGURE_ATTENTION_H
#define FIDUCIAL_REPORT_FIGURE_ATTENTION_H

#include "model/base/arena.h"

typedef struct AttentionFigure {
    int layers, heads, length;
    const float *maps;         /* [layers][heads][length][length]; 0 where not visible */
    const char *const *labels; /* [length]: of the positions */
} AttentionFigure;

/* Writes <directory>/<name>.{csv,gp,svg,png,pdf}. Where a query's |weights| do not sum to 1 all are
   scaled to do so, and the colour scale says so; *problem: why there are no pictures of the
   written data, in arena; NULL: there are. name must be without single quotes and control
   characters, which gnuplot would take for its own. */
Status attention_figure_write(const AttentionFigure *maps, const char *directory, const char *name,
                              const char *title, Arena *arena, const char **problem, Error *error);

#endif
