/* Frame types by training step: a row of cells for each group and layer. */
#include "results/report/legend.h"
#include "results/report/tables.h"

#include <math.h>

enum {
    LEFT = 130,
    RIGHT = 20,
    BELOW = 74,
    TITLE = 24,
    ROW = 20,
    BLOCK_GAP = 10,
    ROWS_LARGEST = 48
};

/* By FrameType. */
static const char *const type_colours[FRAME_TYPES] = {"#8c8c8c", "#0072b2", "#e69f00", "#cc79a7"};

typedef struct FrameLayout {
    double first_step, last_step, end; /* of the x axis */
    double top, bottom;                /* pixels */
    int first_row;                     /* of the table: those before it are not drawn */
} FrameLayout;

static bool group_drawn(const FrameTable *table, size_t group, int first_row) {
    bool drawn = false;
    for (int row = first_row; row < table->rows; row++)
        drawn = drawn || frame_cell(table, group, row)->present;
    return drawn;
}

static void measure(const FrameTable *table, FrameLayout *layout) {
    const Report *report = table->report;
    size_t drawn = 0;
    layout->first_step = INFINITY;
    layout->last_step = 1;
    for (size_t i = 0; i < report->group_count * (size_t)table->rows; i++) {
        const FrameCell *cell = &table->cells[i];
        drawn += cell->present;
        if (!cell->present)
            continue;
        layout->first_step = fmin(layout->first_step, cell->step[0]);
        layout->last_step = fmax(layout->last_step, cell->step[cell->steps - 1]);
    }
    double ratio = layout->last_step / step_place(layout->first_step);
    layout->end = layout->last_step * pow(ratio, 0.04);
    layout->first_row = drawn > ROWS_LARGEST ? table->rows - 1 : 0;
    layout->bottom = layout->top;
    for (size_t g = 0; g < report->group_count; g++)
        if (group_drawn(table, g, layout->first_row))
            layout->bottom += TITLE + BLOCK_GAP + ROW * (table->rows - layout->first_row);
}

/* The type's colour, paler the fewer samples have it, as 0xrrggbb. */
static unsigned cell_colour(int type, double share) {
    unsigned full = 0, mixed = 0;
    sscanf(type_colours[type] + 1, "%x", &full);
    for (int shift = 0; shift <= 16; shift += 8) {
        double part = 255 - share * (255 - (double)(full >> shift & 0xFFU));
        mixed |= (unsigned)lrint(part) << shift;
    }
    return mixed;
}

static void write_place(FILE *data, const Group *group, const char *row, double step,
                        const char *type, double share) {
    output_csv_text(data, group->label);
    fprintf(data, ",%s,%.15g,%s,", row, step, type);
    output_csv_number(data, share);
}

/* One row's cells: each from its saved step to the next. */
static void write_cells(FILE *data, const Group *group, const char *row, const FrameCell *cell,
                        const FrameLayout *layout, double y) {
    for (int i = 0; i < cell->steps; i++) {
        int type = cell->types[i];
        if (type == FRAME_UNKNOWN)
            continue;
        double end = i + 1 < cell->steps ? step_place(cell->step[i + 1]) : layout->end;
        write_place(data, group, row, cell->step[i], frame_type_names[type], cell->shares[i]);
        fprintf(data, ",,,%.9g,%.9g,%.9g,%u\n", step_place(cell->step[i]), end, y,
                cell_colour(type, cell->shares[i]));
    }
}

/* Since when the last type stays. A model that had no frame from the first step on has no mark. */
static void write_mark(FILE *data, const Group *group, const char *row, const FrameCell *cell,
                       const FrameLayout *layout, double y) {
    int type = cell->types[cell->steps - 1];
    if (type == FRAME_NONE && cell->since == cell->step[0])
        return;
    write_place(data, group, row, cell->since, frame_type_names[type], NAN);
    fputc(',', data);
    output_csv_number(data, cell->low);
    fputc(',', data);
    output_csv_number(data, cell->high);
    double low = isnan(cell->low) ? cell->since : cell->low;
    double high = isnan(cell->low)    ? step_place(cell->since)
                  : isnan(cell->high) ? layout->end
                                      : step_place(cell->high);
    fprintf(data, ",%.9g,%.9g,%.9g,0\n", step_place(low), high, y);
}

/* Goes through the rows from top to bottom; marks: their marks instead of their cells. */
static void write_rows(const FrameTable *table, const FrameLayout *layout, bool marks, Arena *arena,
                       const Drawing *drawing) {
    double y = layout->top;
    for (size_t g = 0; g < table->report->group_count; g++) {
        const Group *group = &table->report->groups[g];
        if (!group_drawn(table, g, layout->first_row))
            continue;
        if (!marks)
            script_label(drawing->script, drawing,
                         text_fit(group->label, FIGURE_WIDTH - RIGHT - 20, arena), 20,
                         y + TITLE / 2.0 - 2, "left", "");
        y += TITLE;
        for (int row = layout->first_row; row < table->rows; row++, y += ROW) {
            const FrameCell *cell = frame_cell(table, g, row);
            const char *name = frame_row_text(table, row, arena);
            if (!marks)
                script_label(drawing->script, drawing, name, LEFT - 10, y + ROW / 2.0, "right", "");
            if (cell->present && marks)
                write_mark(drawing->data, group, name, cell, layout, y + ROW / 2.0);
            else if (cell->present)
                write_cells(drawing->data, group, name, cell, layout, y + ROW / 2.0);
        }
        y += BLOCK_GAP;
    }
    fputs("\n\n", drawing->data);
}

static void write_plot(const Figure *figure, const FrameLayout *layout, const Drawing *drawing) {
    FILE *script = drawing->script;
    script_look(script);
    fputs("unset grid\nset border 1\nunset ytics\n", script);
    script_step_axis(script, layout->first_step, layout->last_step, false);
    fprintf(script, "set xrange [%.9g:%.9g]\nset yrange [%.9g:%.9g]\n",
            step_place(layout->first_step), layout->end, layout->bottom, layout->top);
    script_place(script, drawing, LEFT, layout->top, drawing->width - RIGHT, layout->bottom);
    script_label(script, drawing, "training step (logarithmic)",
                 (LEFT + drawing->width - RIGHT) / 2.0, drawing->height - 14, "center", "");
    fprintf(script,
            "plot '%s.csv' skip 1 index 0 using 8:10:8:9:($10-%g):($10+%g):11 with boxxyerror "
            "fs solid 1 border lc rgb 'white' lw 0.5 fc rgb variable, \\\n"
            "    '' skip 1 index 1 using 8:10:($9-$8):(0) with vectors nohead lw 2 lc rgb "
            "'#000000', \\\n"
            "    '' skip 1 index 1 using ($3 < 0.5 ? 0.5 : $3):10 with points pt 7 ps 0.7 lc rgb "
            "'#000000'\n",
            figure->name, ROW / 2.0 - 1, ROW / 2.0 - 1);
    fputs("unset label\nunset arrow\nset border\nset ytics\n", script);
}

void draw_frame_types(const Report *report, const Figure *figure, Arena *arena, Drawing *drawing) {
    const FrameTable *table = &report->tables->frames;
    if (table->rows == 0) {
        drawing->missing = "No analysed run has the variable “frame_type”.";
        return;
    }
    LegendEntry entries[FRAME_TYPES + 1];
    for (int type = 0; type < FRAME_TYPES; type++)
        entries[type] = (LegendEntry){frame_type_names[type], type_colours[type], "12 dt 1"};
    entries[FRAME_TYPES] = (LegendEntry){"since when it stays, 95 %", "#000000", "2 dt 1"};
    FrameLayout layout = {.top = 14 + LEGEND_LINE * legend_lines(entries, FRAME_TYPES + 1, 20,
                                                                 FIGURE_WIDTH - RIGHT, arena)};
    measure(table, &layout);
    if (!isfinite(layout.first_step)) {
        drawing->missing = "No analysed run has a frame type that is defined.";
        return;
    }
    drawing->width = FIGURE_WIDTH;
    drawing->height = (int)(layout.bottom + BELOW);
    fputs("group,layer,step,type,share,low,high,x_low,x_high,y,colour\n", drawing->data);
    write_rows(table, &layout, false, arena, drawing);
    write_rows(table, &layout, true, arena, drawing);
    legend_write(entries, FRAME_TYPES + 1, 20, FIGURE_WIDTH - RIGHT, arena, drawing);
    write_plot(figure, &layout, drawing);
    drawing->caption = layout.first_row > 0 ? "Shown are the whole models; the layers are in "
                                              "frame_types.csv."
                                            : "";
}
