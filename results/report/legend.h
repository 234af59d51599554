/* Legends above the panels: entries fill lines from left to right. */
#ifndef FIDUCIAL_REPORT_LEGEND_H
#define FIDUCIAL_REPORT_LEGEND_H

#include "results/report/figure.h"

enum { LEGEND_LINE = 24 }; /* height of one line, in pixels */

typedef struct LegendEntry {
    const char *text, *colour;
    const char *style; /* of its line: gnuplot's "<width> dt <dash>" */
} LegendEntry;

/* Lines that the entries take in a figure of the usual width, from left to right pixels; 0 for
 * none.
 */
int legend_lines(const LegendEntry *entries, size_t count, double left, double right, Arena *arena);

/* Writes the legend from the top of the drawing on. */
void legend_write(const LegendEntry *entries, size_t count, double left, double right, Arena *arena,
                  const Drawing *drawing);

#endif
