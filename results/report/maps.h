/* Panels of coloured cells in a grid, with one colour scale: shared by the figures of attention
   maps. */
#ifndef FIDUCIAL_REPORT_MAPS_H
#define FIDUCIAL_REPORT_MAPS_H

#include "results/report/figure.h"

/* Places of the grid of maps, in pixels. */
typedef struct MapGrid {
    double left, top, size, gap_x, gap_y;
    int length;
    double header; /* height of each row’s label above it; 0: it stands on its left */
} MapGrid;

/* One map: block `index` of the figure's data, whose columns 3, 4 and 5 are query, key and value.
   ticks: gnuplot commands for both axes; NULL: none. */
void map_panel(const Drawing *drawing, const Figure *figure, const MapGrid *grid, int row,
               int column, const char *title, const char *ticks, int index);

/* One horizontal colour scale for all panels, its middle y pixels from the top, below its title;
   drawn by the first panel. */
void script_colour_box(FILE *script, const Drawing *drawing, const char *title, double y,
                       double width);

/* Commands for a logarithmic scale of attention, from pale to dark, and its box below the panels of
   a map of length tokens; drawn with the first panel. */
void maps_scale(const Drawing *drawing, const char *title, int length);

#endif
