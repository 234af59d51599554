#include "results/report/lines.h"

#include "results/report/legend.h"

#include <math.h>
#include <string.h>

/* Sets of groups whose nulls differ, as those of models with and without a causal mask do: up to
   this many are grey and have their dashes; more of them have the colour of their first group. */
enum { GREY_NULLS = 3 };

/* Width and dashes of their lines. */
static const char *const NULL_STYLES[GREY_NULLS] = {"2 dt (6,5)", "2 dt (2,4)", "2 dt (10,3,2,3)"};

typedef struct NullLine {
    double values[PANELS_LARGEST]; /* by panel; NaN: not drawn there */
    const Group *first;            /* of the groups that share it */
    bool shared;                   /* by others */
    const char *label, *style, *colour;
} NullLine;

typedef struct NullLines {
    NullLine *items; /* [count] */
    size_t count;
} NullLines;

/* Pixels around the panels; below them stand the steps and their title. */
enum { LEFT = 84, RIGHT = 20, BELOW = 74, BESIDE_NUMBERS = 46 };

/* What a y axis covers. */
typedef struct ValueAxis {
    double bottom, ceiling;
    double tick; /* distance of its numbers; logarithmic: their ratio */
    bool logarithmic;
} ValueAxis;

/* Where the panels of one figure lie, and what their axes cover. */
typedef struct Layout {
    int columns, rows;
    double left, right, top, gap_x, gap_y; /* pixels */
    double panel_width, panel_height;
    double first_step, last_step;   /* of the x axis */
    ValueAxis axes[PANELS_LARGEST]; /* by panel */
} Layout;

static void grow(double value, double *least, double *largest) {
    if (isnan(value) || isinf(value))
        return;
    *least = value < *least ? value : *least;
    *largest = value > *largest ? value : *largest;
}

/* A round tick distance that gives about four to seven ticks. */
static double round_tick(double range) {
    double power = pow(10, floor(log10(range / 4)));
    double ratio = range / 4 / power;
    return power * (ratio < 1.5 ? 1 : ratio < 3.5 ? 2 : ratio < 7.5 ? 5 : 10);
}

/* The x axis over all panels. */
static void measure_steps(const Panels *panels, Layout *layout) {
    layout->first_step = INFINITY;
    layout->last_step = 1;
    for (int p = 0; p < panels->count; p++)
        for (size_t c = 0; c < panels->items[p].curve_count; c++) {
            const Curve *curve = &panels->items[p].curves[c].curve;
            for (int i = 0; i < curve->count; i++)
                grow(curve->step[i], &layout->first_step, &layout->last_step);
        }
}

/* Least and largest value of a panel, with bands and nulls. */
static void panel_range(const Panel *panel, double *least, double *largest) {
    for (size_t c = 0; c < panel->curve_count; c++) {
        const Curve *curve = &panel->curves[c].curve;
        grow(panel->curves[c].null, least, largest);
        for (int i = 0; i < curve->count; i++) {
            grow(curve->mean[i], least, largest);
            grow(curve->low[i], least, largest);
            grow(curve->high[i], least, largest);
        }
    }
}

static ValueAxis linear_axis(const Panels *panels, double least, double largest) {
    if (!(least <= largest))
        least = largest = 0;
    if (panels->from_zero) {
        least = least < 0 ? least : 0;
        largest = largest > panels->least_top ? largest : panels->least_top;
    }
    double range = largest - least > 1e-12 * fabs(largest) ? largest - least : fabs(largest);
    range = range > 0 ? range : 1;
    ValueAxis axis = {.tick = round_tick(range)};
    axis.bottom = floor((least - (panels->from_zero ? 0 : 0.04 * range)) / axis.tick) * axis.tick;
    axis.ceiling = ceil((largest + 0.04 * range) / axis.tick) * axis.tick;
    if (panels->most_top > 0 && largest <= panels->most_top && axis.ceiling > panels->most_top)
        axis.ceiling = panels->most_top;
    if (panels->from_zero && axis.bottom == 0) /* so that a line at 0 stands clear of the axis */
        axis.bottom = -0.025 * axis.ceiling;
    return axis;
}

/* A panel's own axis is logarithmic where its values are positive and span two powers of ten. */
static ValueAxis own_axis(const Panels *panels, int p) {
    double least = INFINITY, largest = -INFINITY;
    panel_range(&panels->items[p], &least, &largest);
    if (!(least > 0 && largest > 100 * least))
        return linear_axis(panels, least, largest);
    return (ValueAxis){.bottom = least / 1.5,
                       .ceiling = pow(10, ceil(log10(largest))),
                       .tick = 10,
                       .logarithmic = true};
}

static void measure_values(const Panels *panels, Layout *layout) {
    double least = INFINITY, largest = -INFINITY;
    for (int p = 0; p < panels->count; p++)
        panel_range(&panels->items[p], &least, &largest);
    for (int p = 0; p < panels->count; p++)
        layout->axes[p] =
            panels->own_axes ? own_axis(panels, p) : linear_axis(panels, least, largest);
}

/* Width of the axis' numbers, in pixels. */
static double axis_width(const ValueAxis *axis) {
    double widest = 0;
    char text[32];
    for (double at = axis->ceiling; at >= axis->bottom;
         at = axis->logarithmic ? at / 10 : at - axis->tick) {
        snprintf(text, sizeof(text), "%g", fabs(at) < 1e-9 * axis->ceiling ? 0 : at);
        widest = fmax(widest, text_width(text));
    }
    return widest;
}

static void write_block(FILE *data, const Panel *panel, const PanelCurve *line) {
    const Curve *curve = &line->curve;
    for (int i = 0; i < curve->count; i++) {
        output_csv_text(data, panel->title);
        fputc(',', data);
        output_csv_text(data, line->group->label);
        fprintf(data, ",%.15g,%.9g,", curve->step[i], step_place(curve->step[i]));
        output_csv_number(data, curve->mean[i]);
        fputc(',', data);
        output_csv_number(data, curve->low[i]);
        fputc(',', data);
        output_csv_number(data, curve->high[i]);
        fprintf(data, ",%d\n", curve->seeds[i]);
    }
    fputs("\n\n", data);
}

static void write_null(FILE *data, const Panel *panel, const Layout *layout, const char *label,
                       double null) {
    const double ends[] = {layout->first_step, layout->last_step};
    for (int i = 0; i < 2; i++) {
        output_csv_text(data, panel->title);
        fputc(',', data);
        output_csv_text(data, label);
        fprintf(data, ",%.15g,%.9g,%.9g,,,\n", ends[i], step_place(ends[i]), null);
    }
    fputs("\n\n", data);
}

/* One panel's plot command; index: of its first data block. Returns the index after its last. The
   script's given() is NaN for an empty field: no line bridges a step without a value. */
static int write_plot(FILE *script, const Figure *figure, const Panels *panels, int p,
                      const NullLines *nulls, int index) {
    const Panel *panel = &panels->items[p];
    const char *separator = "plot";
    const char *const next = ", \\\n    ";
    for (size_t n = 0; n < nulls->count; n++) {
        if (isnan(nulls->items[n].values[p]))
            continue;
        fprintf(script, "%s '%s.csv' skip 1 index %d using 4:5 with lines lw %s lc rgb '%s'",
                separator, figure->name, index++, nulls->items[n].style, nulls->items[n].colour);
        separator = next;
    }
    for (size_t c = 0; c < panel->curve_count; c++) {
        const PanelCurve *line = &panel->curves[c];
        if (line->curve.band == BAND_NONE)
            continue;
        fprintf(script,
                "%s '%s.csv' skip 1 index %d using 4:(given(6)):(given(7)) with filledcurves "
                "fs transparent solid %g noborder lc rgb '%s'",
                separator, figure->name, index + (int)c,
                panel->curve_count > 4 ? 0.5 / (double)panel->curve_count : 0.18,
                line->group->colour);
        separator = next;
    }
    for (size_t c = 0; c < panel->curve_count; c++) {
        const Group *group = panel->curves[c].group;
        fprintf(script,
                "%s '%s.csv' skip 1 index %d using 4:(given(5)) with %s lw 3 dt %s lc rgb '%s'%s",
                separator, figure->name, index + (int)c, panels->points ? "linespoints" : "lines",
                group->dash, group->colour, panels->points ? " pt 7 ps 0.45" : "");
        separator = next;
    }
    fputs("\n", script);
    return index + (int)panel->curve_count;
}

/* The groups (none where nothing is swept: the only line needs no name), then the nulls. */
static size_t legend_entries(const Report *report, const NullLines *nulls, const char *null_label,
                             const Group **groups, size_t group_count, Arena *arena,
                             LegendEntry **entries) {
    size_t count = 0;
    *entries = ARENA_ARRAY(arena, LegendEntry, group_count + nulls->count);
    for (size_t g = 0; g < group_count && report->job->swept_count > 0; g++)
        (*entries)[count++] = (LegendEntry){groups[g]->label, groups[g]->colour,
                                            arena_format(arena, "3 dt %s", groups[g]->dash)};
    if (nulls->count > GREY_NULLS) {
        const char *text = arena_format(arena, "%s (its first group’s colour)", null_label);
        (*entries)[count++] = (LegendEntry){text, "#808080", NULL_STYLES[1]};
    }
    for (size_t n = 0; n < nulls->count && nulls->count <= GREY_NULLS; n++)
        (*entries)[count++] =
            (LegendEntry){nulls->items[n].label, nulls->items[n].colour, nulls->items[n].style};
    return count;
}

/* The groups that are drawn in any panel, in order. */
static size_t drawn_groups(const Report *report, const Panels *panels, Arena *arena,
                           const Group ***groups) {
    size_t count = 0;
    *groups = ARENA_ARRAY(arena, const Group *, report->group_count);
    for (size_t g = 0; g < report->group_count; g++) {
        bool drawn = false;
        for (int p = 0; p < panels->count; p++)
            for (size_t c = 0; c < panels->items[p].curve_count; c++)
                drawn = drawn || panels->items[p].curves[c].group == &report->groups[g];
        if (drawn)
            (*groups)[count++] = &report->groups[g];
    }
    return count;
}

/* The group's null in a panel; NaN where it has no line there or no null. */
static double group_null(const Panel *panel, const Group *group) {
    for (size_t c = 0; c < panel->curve_count; c++)
        if (panel->curves[c].group == group)
            return panel->curves[c].null;
    return NAN;
}

/* Adds the group's nulls to line unless they differ from those that it has. */
static bool null_joins(const Panels *panels, const Group *group, NullLine *line) {
    for (int p = 0; p < panels->count; p++)
        if (fabs(group_null(&panels->items[p], group) - line->values[p]) > 1e-9)
            return false;
    for (int p = 0; p < panels->count; p++)
        if (isnan(line->values[p]))
            line->values[p] = group_null(&panels->items[p], group);
    return true;
}

static void collect_nulls(const Panels *panels, const Group **groups, size_t group_count,
                          Arena *arena, NullLines *nulls) {
    bool all = true; /* drawn groups have a null */
    *nulls = (NullLines){.items = ARENA_ARRAY(arena, NullLine, group_count + 1)};
    for (size_t g = 0; g < group_count; g++) {
        bool any = false, joined = false;
        for (int p = 0; p < panels->count; p++)
            any = any || !isnan(group_null(&panels->items[p], groups[g]));
        all = all && any;
        for (size_t n = 0; any && !joined && n < nulls->count; n++) {
            joined = null_joins(panels, groups[g], &nulls->items[n]);
            nulls->items[n].shared = nulls->items[n].shared || joined;
        }
        if (!any || joined)
            continue;
        NullLine *line = &nulls->items[nulls->count++];
        *line = (NullLine){.first = groups[g], .label = panels->null_label};
        for (int p = 0; p < panels->count; p++)
            line->values[p] = group_null(&panels->items[p], groups[g]);
    }
    for (size_t n = 0; n < nulls->count && (nulls->count > 1 || !all); n++)
        nulls->items[n].label =
            arena_format(arena, "%s (%s%s)", panels->null_label, nulls->items[n].first->label,
                         nulls->items[n].shared ? ", …" : "");
    bool grey = nulls->count <= GREY_NULLS;
    for (size_t n = 0; n < nulls->count; n++) {
        nulls->items[n].style = NULL_STYLES[grey ? n : 1];
        nulls->items[n].colour = grey ? "#808080" : nulls->items[n].first->colour;
    }
}

static void lay_out(const Panels *panels, int legend, Drawing *drawing, Layout *layout) {
    bool titles = *panels->items[0].title != '\0';
    layout->columns = panels->count == 4 ? 2 : panels->count;
    layout->rows = panels->count == 4 ? 2 : 1;
    layout->left = fmax(LEFT, BESIDE_NUMBERS + axis_width(&layout->axes[0]));
    layout->right = RIGHT;
    layout->gap_x = panels->own_axes ? 30 + axis_width(&layout->axes[panels->count - 1]) : 22;
    layout->gap_y = 60;
    layout->top = 14 + LEGEND_LINE * legend + (titles ? 26 : 0);
    layout->panel_width =
        (FIGURE_WIDTH - layout->left - layout->right - layout->gap_x * (layout->columns - 1)) /
        layout->columns;
    layout->panel_height = panels->count == 1 ? 330 : panels->count == 4 ? 200 : 270;
    drawing->width = FIGURE_WIDTH;
    drawing->height = (int)(layout->top + layout->rows * layout->panel_height +
                            (layout->rows - 1) * layout->gap_y + BELOW);
}

static void write_panel(const Panels *panels, int p, const Layout *layout, Arena *arena,
                        const Drawing *drawing) {
    FILE *script = drawing->script;
    int column = p % layout->columns, row = p / layout->columns;
    double left = layout->left + column * (layout->panel_width + layout->gap_x);
    double top = layout->top + row * (layout->panel_height + layout->gap_y);
    double right = left + layout->panel_width, bottom = top + layout->panel_height;
    script_place(script, drawing, left, top, right, bottom);
    if (*panels->items[p].title != '\0')
        script_label(script, drawing, panels->items[p].title, (left + right) / 2, top - 14,
                     "center", "");
    const ValueAxis *axis = &layout->axes[p];
    fprintf(script, "%s logscale y\nset yrange [%.9g:%.9g]\nset ytics %.9g\nset format y '%s'\n",
            axis->logarithmic ? "set" : "unset", axis->bottom, axis->ceiling, axis->tick,
            column == 0 || panels->own_axes ? "%g" : "");
    if (p == 0) {
        const char *title = text_fit("training step (logarithmic)", drawing->width, arena);
        double middle = (layout->top + drawing->height - BELOW) / 2;
        script_label(script, drawing, title, (layout->left + drawing->width - layout->right) / 2,
                     drawing->height - 14, "center", "");
        script_label(script, drawing, panels->axis_title, 18, middle, "center", "rotate by 90");
    }
}

void draw_panels(const Report *report, const Panels *panels, const Figure *figure, Arena *arena,
                 Drawing *drawing) {
    FILE *script = drawing->script;
    Layout layout;
    const Group **groups;
    NullLines nulls;
    size_t group_count = drawn_groups(report, panels, arena, &groups);
    collect_nulls(panels, groups, group_count, arena, &nulls);
    measure_steps(panels, &layout);
    measure_values(panels, &layout);
    LegendEntry *entries;
    size_t entry_count =
        legend_entries(report, &nulls, panels->null_label, groups, group_count, arena, &entries);
    lay_out(panels, legend_lines(entries, entry_count, LEFT, FIGURE_WIDTH - RIGHT, arena), drawing,
            &layout);
    script_look(script);
    script_step_axis(script, layout.first_step, layout.last_step, layout.panel_width < 300);
    fputs("given(c) = strlen(strcol(c)) > 0 ? column(c) : NaN\nset multiplot\n", script);
    legend_write(entries, entry_count, LEFT, FIGURE_WIDTH - RIGHT, arena, drawing);
    fputs("panel,group,step,x,mean,low,high,seeds\n", drawing->data);
    int index = 0;
    for (int p = 0; p < panels->count; p++) {
        const Panel *panel = &panels->items[p];
        for (size_t n = 0; n < nulls.count; n++)
            if (!isnan(nulls.items[n].values[p]))
                write_null(drawing->data, panel, &layout, nulls.items[n].label,
                           nulls.items[n].values[p]);
        for (size_t c = 0; c < panel->curve_count; c++)
            write_block(drawing->data, panel, &panel->curves[c]);
        write_panel(panels, p, &layout, arena, drawing);
        index = write_plot(script, figure, panels, p, &nulls, index);
        fputs("unset label\nunset arrow\n", script);
    }
    fputs("unset multiplot\n", script);
}
