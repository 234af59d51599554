/* Curves by step in one or more panels with shared axes, a legend above and the null as a dashed
   line, one for each set of groups that share it, grey or, of more than three sets, in colour: the
   drawing that all quantities by step share. */
#ifndef FIDUCIAL_REPORT_LINES_H
#define FIDUCIAL_REPORT_LINES_H

#include "results/report/figure.h"

/* What tells a figure's panels apart. */
typedef enum PanelKind {
    PANELS_HEADS, /* layers and heads where there are at most four; of several seeds, or more heads,
                     each layer's strongest head; of more layers each group's sinking head */
    PANELS_COORDINATES, /* the coordinates LineFigure.panel_values of one quantity */
    PANELS_QUANTITIES,  /* LineFigure.quantity, then .others, at each group's sinking head */
} PanelKind;

enum { PANELS_LARGEST = 4 };

/* Options of a figure drawn by draw_lines. */
typedef struct LineFigure {
    Quantity quantity;
    Quantity scaled; /* where rows of attention do not all sum to 1, in its place: the same of rows
                        scaled so; its variable NULL: nothing */
    const char *axis_title; /* with the unit */
    const char *null_label; /* in the legend; NULL: the null is not drawn */
    PanelKind panels;
    const char *quantity_titles[PANELS_LARGEST]; /* PANELS_QUANTITIES: of the panels … */
    Quantity others[PANELS_LARGEST - 1];         /* … and what the second and later ones show */
    const char *panel_axis;              /* PANELS_COORDINATES: this axis of the quantity … */
    const char *panel_title;             /* … with this title in front of the value … */
    double panel_values[PANELS_LARGEST]; /* … at each of these values */
    int panel_count;
    bool share;       /* values lie within 0 … 1 by their nature: the axis says so */
    bool own_axes;    /* each panel has its own y axis */
    bool of_row_sums; /* left out where all rows of attention sum to 1: it would tell nothing new */
} LineFigure;

/* One line with its band. Empty (count 0) where the group has no such values. */
typedef struct PanelCurve {
    const Group *group;
    Curve curve;
    double null; /* the quantity's null for this group, whose mask it has; NaN: not drawn */
} PanelCurve;

typedef struct Panel {
    const char *title;  /* "" for none */
    PanelCurve *curves; /* [curve_count] */
    size_t curve_count;
} Panel;

typedef struct Panels {
    Panel items[PANELS_LARGEST];
    int count;
    const char *axis_title, *null_label;
    bool own_axes;    /* each panel has its own y axis */
    bool from_zero;   /* the y axis begins at 0 (or below, where values do) */
    double least_top; /* the y axis reaches at least up to here */
    double most_top;  /* and no further, unless values do; 0: no such end */
    bool points;      /* mark the saved steps */
} Panels;

/* Writes data and script of the panels. */
void draw_panels(const Report *report, const Panels *panels, const Figure *figure, Arena *arena,
                 Drawing *drawing);

#endif
