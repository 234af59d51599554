/* report.html: one self-contained file. The figures' SVGs are set into it; nothing is loaded from
   elsewhere; there is no script. */
#ifndef FIDUCIAL_REPORT_HTML_H
#define FIDUCIAL_REPORT_HTML_H

#include "results/report/figure.h"
#include "results/report/tables.h"

/* Writes <directory>/report.html, with the report's tables. results [figure_count]. */
Status html_write(const Report *report, const FigureResult *results, Error *error);

/* The page's style sheet. */
extern const char html_style[];

/* Copies an SVG file of gnuplot's into the page: without its XML head, its identifiers prefixed by
   name (several drawings share one page), described by title. False where it cannot be read. */
bool html_svg(FILE *page, const char *path, const char *name, const char *title);

/* Sections, in their files. */
void html_findings(FILE *page, const Report *report, Arena *arena);
void html_onsets(FILE *page, const OnsetTable *onsets);
void html_sinks(FILE *page, const Report *report, Arena *arena);
void html_frames(FILE *page, const FrameTable *frames, Arena *arena);
void html_frames_in_words(FILE *page, const Report *report, Arena *arena);
void html_tests(FILE *page, const Report *report, SectionKind section, Arena *arena);
void html_comparisons(FILE *page, const ComparisonTable *comparisons);
void html_metrics(FILE *page, const Report *report, Arena *arena);
void html_runs(FILE *page, const Report *report);

/* "0.75 (0.74–0.76)" with the interval in small type; "none" for NaN. */
void html_estimate(FILE *page, double value, double low, double high);

/* The groups that have one null of a quantity; null NaN: they have none. */
typedef struct NullClass {
    double null;
    const Group **groups; /* [count], in the given order */
    size_t count;
} NullClass;

/* Sorts groups by their nulls [count]; returns the number of classes: known nulls first, of these
   the one that most groups have, which may then go without names. */
size_t null_classes(const Group *const *groups, const double *nulls, size_t count, Arena *arena,
                    NullClass **classes);

/* "0.127 under rope and under alibi". */
void html_null_class(FILE *page, const Report *report, const NullClass *class, Arena *arena);

/* <th>text</th>, escaped; scope: "col" or "row". */
void html_heading(FILE *page, const char *scope, const char *text);

/* Begins a table whose columns are the first one and the analysed groups, other than except (NULL:
   all), with their colours; the row of headings is left open. */
void html_group_headings(FILE *page, const Report *report, const char *first, const Group *except);

/* The end of such a table. */
void html_table_end(FILE *page);

#endif
