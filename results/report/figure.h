/* Figures: one const table. A figure writes the data that it draws as <name>.csv and its drawing as
   <name>.gp, a gnuplot script that runs by hand (cd figures && gnuplot <name>.gp) and makes
   <name>.svg, .png and .pdf. Adding a figure is one line in the table; a quantity by step needs no
   new code. A figure of an analysis that no run holds is left out with its section. */
#ifndef FIDUCIAL_REPORT_FIGURE_H
#define FIDUCIAL_REPORT_FIGURE_H

#include "results/report/groups.h"
#include "results/report/output.h"

typedef struct Figure Figure;

/* What a figure's draw fills. Sizes in pixels of the SVG. */
typedef struct Drawing {
    FILE *data;   /* <name>.csv: a header line, then blocks parted by two blank lines */
    FILE *script; /* gnuplot commands between "set output" and "unset output" */
    int width, height;
    const char *caption; /* what is true of this drawing alone: layer, head, bands */
    const char *missing; /* nothing could be drawn: why, for a person; else NULL */
    bool redundant;      /* nothing is to be drawn, nor said, since other figures show it */
} Drawing;

/* The parts of the report that figures stand in, in its order: one per analysis, and training. */
typedef enum SectionKind {
    SECTION_EMERGENCE, /* its title stands for the onset steps of all metrics */
    SECTION_SINKS,
    SECTION_FRAMES,
    SECTION_TOPOLOGY,
    SECTION_SPECTRUM,
    SECTION_INFORMATION,
    SECTION_FISHER,
    SECTION_VALUES,
    SECTION_REFERENCES,
    SECTION_ROTARY,
    SECTION_LIKELIHOOD,
    SECTION_TRAINING,
    SECTIONS
} SectionKind;

/* Heading and text of a section. */
typedef struct Section {
    const char *id, *title;
    const char *variable; /* shown where a run holds it; NULL: always */
    const char *text;     /* what is measured and what the published variant means; "" for none */
} Section;

extern const Section sections[SECTIONS];

struct Figure {
    SectionKind section;
    const char *name; /* of the files */
    const char *title;
    const char *caption; /* how to read it */
    void (*draw)(const Report *report, const Figure *figure, Arena *arena, Drawing *drawing);
    const void *options; /* of this kind of figure */
};

extern const Figure figures[];
extern const size_t figure_count;

/* Whether any analysed run holds what the section is about. */
bool section_held(const Report *report, SectionKind section);

/* How a figure came out, for the report. */
typedef struct FigureResult {
    const Figure *figure;
    const char *caption; /* Drawing.caption, never NULL */
    const char *missing; /* as in Drawing */
    bool redundant;      /* as in Drawing: then missing is not NULL */
    const char *problem; /* why there are no pictures of the written data; NULL: there are */
} FigureResult;

/* Writes all figures below <directory>/figures into results [figure_count]. A picture that cannot
   be drawn is a warning and a problem in its result; only files that cannot be written are errors.
 */
Status figures_write(const Report *report, Arena *arena, FigureResult *results, Error *error);

/* Writes one figure into directory, with result as above; report is handed to its draw alone. The
   texts of result live in arena. */
Status figure_write(const Report *report, const Figure *figure, const char *directory, Arena *arena,
                    FigureResult *result, Error *error);

/* Shared by the drawing functions. */

enum { FIGURE_WIDTH = 720, FIGURE_FONT = 16 };

/* The training step on the logarithmic axis: step 0 stands at 0.5. */
double step_place(double step);

/* Width that text takes in the figures' font, in pixels, about. */
double text_width(const char *text);

/* text, cut with an ellipsis where it is longer than width pixels. */
const char *text_fit(const char *text, double width, Arena *arena);

/* Commands for the common look: grid, border, tick style. */
void script_look(FILE *script);

/* Logarithmic x axis over steps up to last_step with a place for step 0. */
void script_step_axis(FILE *script, double first_step, double last_step, bool sparse);

/* "set lmargin at screen …" for the rectangle, in pixels from the figure's top left corner. */
void script_place(FILE *script, const Drawing *drawing, double left, double top, double right,
                  double bottom);

/* One label in pixels from the top left corner. align: "left", "center" or "right"; more: further
   gnuplot options or "". */
void script_label(FILE *script, const Drawing *drawing, const char *text, double x, double y,
                  const char *align, const char *more);

/* Sequential palette from pale to dark, readable in grey. */
void script_palette(FILE *script);

/* For captions of shares: "Not all rows of attention sum to 1 here: …". */
extern const char scaled_caption[];

/* The kinds of figure. */
void draw_lines(const Report *report, const Figure *figure, Arena *arena, Drawing *drawing);
void draw_loss(const Report *report, const Figure *figure, Arena *arena, Drawing *drawing);
void draw_head_map(const Report *report, const Figure *figure, Arena *arena, Drawing *drawing);
void draw_onsets(const Report *report, const Figure *figure, Arena *arena, Drawing *drawing);
void draw_frame_types(const Report *report, const Figure *figure, Arena *arena, Drawing *drawing);
void draw_attention_maps(const Report *report, const Figure *figure, Arena *arena,
                         Drawing *drawing);

#endif
