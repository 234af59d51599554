/* Onset steps of all metrics and groups, with their intervals. */
#include "results/report/legend.h"
#include "results/report/tables.h"

#include <math.h>

enum { LEFT = 330, RIGHT = 20, BELOW = 74, ROW = 8, BLOCK_GAP = 10, BLOCK_LEAST = 26 };

/* Where things stand: steps on the x axis, pixels from the top on the y axis. */
typedef struct OnsetLayout {
    double first_step, last_step;
    double none;        /* the place for "no onset", behind the last step */
    double end;         /* of the axis */
    double top, bottom; /* pixels */
    double block;       /* height of a metric's rows, with the gap */
} OnsetLayout;

/* The groups that have any row; from their first curve, the steps. */
static size_t drawn_groups(const OnsetTable *table, Arena *arena, const Group ***groups,
                           OnsetLayout *layout) {
    const Report *report = table->report;
    size_t count = 0;
    *groups = ARENA_ARRAY(arena, const Group *, report->group_count);
    layout->first_step = INFINITY;
    layout->last_step = 1;
    for (size_t g = 0; g < report->group_count; g++) {
        bool present = false;
        for (size_t r = 0; r < table->row_count; r++)
            present = present || table->rows[r].onsets[g].present;
        if (!present)
            continue;
        (*groups)[count++] = &report->groups[g];
        for (size_t r = 0; r < report->groups[g].run_count; r++) {
            const Dimension *step = run_dimension(report->groups[g].runs[r], "step");
            layout->first_step = fmin(layout->first_step, step->values[0]);
            layout->last_step = fmax(layout->last_step, step->values[step->length - 1]);
        }
    }
    return count;
}

static double place_of(double step, const OnsetLayout *layout) {
    return isnan(step) ? layout->none : step_place(step);
}

static void write_row(FILE *data, const Group *group, const OnsetRow *row, const Onset *onset,
                      const OnsetLayout *layout, double y) {
    output_csv_text(data, group->label);
    fputc(',', data);
    output_csv_text(data, row->label);
    const double steps[] = {onset->step, onset->low, onset->high};
    for (int i = 0; i < 3; i++) {
        fputc(',', data);
        output_csv_number(data, steps[i]);
    }
    fprintf(data, ",%s,%.9g", onset_direction(onset), place_of(onset->step, layout));
    if (isnan(onset->low))
        fputs(",,", data);
    else
        fprintf(data, ",%.9g,%.9g", place_of(onset->low, layout), place_of(onset->high, layout));
    fprintf(data, ",%.9g\n", y);
}

/* A block of data per group. */
static void write_data(const OnsetTable *table, const Group **groups, size_t group_count,
                       const OnsetLayout *layout, FILE *data) {
    fputs("group,metric,onset,low,high,direction,x,x_low,x_high,y\n", data);
    double middle = (layout->block - ROW * ((double)group_count - 1)) / 2;
    for (size_t k = 0; k < group_count; k++) {
        size_t g = (size_t)(groups[k] - table->report->groups);
        for (size_t r = 0; r < table->row_count; r++)
            if (table->rows[r].onsets[g].present)
                write_row(data, groups[k], &table->rows[r], &table->rows[r].onsets[g], layout,
                          layout->top + (double)r * layout->block + middle + (double)k * ROW);
        fputs("\n\n", data);
    }
}

static void write_axes(const OnsetTable *table, const OnsetLayout *layout, const Drawing *drawing) {
    FILE *script = drawing->script;
    script_look(script);
    script_step_axis(script, layout->first_step, layout->last_step, true);
    fprintf(script, "set xrange [%.9g:%.9g]\nset xtics add ('none' %.9g)\n",
            step_place(layout->first_step), layout->end, layout->none);
    fprintf(script, "unset ytics\nset yrange [%.9g:%.9g]\n", layout->bottom, layout->top);
    script_place(script, drawing, LEFT, layout->top, drawing->width - RIGHT, layout->bottom);
    for (size_t r = 0; r < table->row_count; r++) {
        double y = layout->top + (double)r * layout->block;
        script_label(script, drawing, table->rows[r].label, LEFT - 14, y + layout->block / 2,
                     "right", "");
        if (r > 0)
            fprintf(script,
                    "set arrow from graph 0, first %.9g to graph 1, first %.9g nohead back lw 0.8 "
                    "lc rgb '#d0d0d0'\n",
                    y, y);
    }
    script_label(script, drawing, "training step (logarithmic)",
                 (LEFT + drawing->width - RIGHT) / 2.0, drawing->height - 14, "center", "");
}

static void write_plot(const Figure *figure, const Group **groups, size_t group_count,
                       FILE *script) {
    static const struct {
        const char *direction, *point;
    } marks[] = {{"rises", "7 ps 0.7"}, {"falls", "11 ps 0.9"}, {"", "6 ps 0.7"}};
    const char *separator = "plot";
    fputs("given(c) = strlen(strcol(c)) > 0 ? column(c) : NaN\n", script);
    for (size_t k = 0; k < group_count; k++) {
        const Group *group = groups[k];
        fprintf(script,
                "%s '%s.csv' skip 1 index %zu using (given(8)):10:($9-$8):(0) with vectors nohead "
                "lw 2.5 dt %s lc rgb '%s'",
                separator, figure->name, k, group->dash, group->colour);
        for (size_t m = 0; m < sizeof(marks) / sizeof(marks[0]); m++)
            fprintf(script,
                    ", \\\n    '' skip 1 index %zu using (strcol(6) eq '%s' ? $7 : NaN):10 with "
                    "points pt %s lc rgb '%s'",
                    k, marks[m].direction, marks[m].point, group->colour);
        separator = ", \\\n   ";
    }
    fputs("\n", script);
}

void draw_onsets(const Report *report, const Figure *figure, Arena *arena, Drawing *drawing) {
    const OnsetTable *table = &report->tables->onsets;
    const Group **groups;
    OnsetLayout layout;
    size_t group_count = drawn_groups(table, arena, &groups, &layout);
    if (group_count == 0) {
        drawing->missing = "No analysed run has a metric by step yet.";
        return;
    }
    LegendEntry *entries = ARENA_ARRAY(arena, LegendEntry, group_count);
    size_t entry_count = report->job->swept_count > 0 ? group_count : 0;
    for (size_t k = 0; k < entry_count; k++)
        entries[k] = (LegendEntry){groups[k]->label, groups[k]->colour,
                                   arena_format(arena, "3 dt %s", groups[k]->dash)};
    int legend = legend_lines(entries, entry_count, 20, FIGURE_WIDTH - RIGHT, arena);
    double ratio = layout.last_step / step_place(layout.first_step);
    layout.none = layout.last_step * pow(ratio, 0.1);
    layout.end = layout.last_step * pow(ratio, 0.16);
    layout.block = fmax(BLOCK_LEAST, ROW * (double)group_count + BLOCK_GAP);
    layout.top = 14 + LEGEND_LINE * legend;
    layout.bottom = layout.top + layout.block * (double)table->row_count;
    drawing->width = FIGURE_WIDTH;
    drawing->height = (int)(layout.bottom + BELOW);
    write_axes(table, &layout, drawing);
    legend_write(entries, entry_count, 20, FIGURE_WIDTH - RIGHT, arena, drawing);
    write_data(table, groups, group_count, &layout, drawing->data);
    write_plot(figure, groups, group_count, drawing->script);
    fputs("unset label\nunset arrow\n", drawing->script);
}
