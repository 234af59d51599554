/* Importance of the first token by layer and head, one panel of coloured cells per group. */
#include "results/report/maps.h"

#include <math.h>
#include <stdlib.h>

enum { NUMBERED_CELLS = 32, NULL_LINE = 22 };

/* A group's mean importance of the first position per layer and head at the last step. */
typedef struct HeadMap {
    const Group *group;
    const Quantity *quantity; /* the importance, or its share of rows scaled to sum 1 */
    double *importance;       /* [layers][heads]; of several seeds: by rank in the head's layer */
    double *low, *high;
    double null; /* on uniform attention under the group's mask; NaN: not known */
    int seeds;
    double step;
} HeadMap;

static int compare_descending(const void *a, const void *b) {
    double first = *(const double *)a, second = *(const double *)b;
    return (first < second) - (first > second);
}

/* Each run's importances in one layer at its last step, strongest first (not defined: last), over
   seeds: heads of several seeds have nothing in common but their number. */
static void rank_heads(const Group *group, int layer, Arena *arena, HeadMap *map) {
    size_t heads = (size_t)group->heads, runs = group->run_count;
    double *values = ARENA_ARRAY(arena, double, (runs * heads)),
           *column = ARENA_ARRAY(arena, double, runs);
    for (size_t r = 0; r < runs; r++) {
        double *own = values + r * heads;
        for (int head = 0; head < group->heads; head++) {
            Series series;
            bool read = series_read(group->runs[r], map->quantity, layer, head, arena, &series);
            own[head] = read && !isnan(series.value[series.count - 1])
                            ? series.value[series.count - 1]
                            : -INFINITY;
        }
        qsort(own, heads, sizeof(*own), compare_descending);
    }
    for (size_t rank = 0; rank < heads; rank++) {
        size_t cell = (size_t)layer * heads + rank;
        for (size_t r = 0; r < runs; r++)
            column[r] = isinf(values[r * heads + rank]) ? NAN : values[r * heads + rank];
        interval_over_seeds(column, (int)runs, &map->importance[cell], &map->low[cell],
                            &map->high[cell]);
    }
}

static bool head_map_read(const Group *group, const Quantity *quantity, Arena *arena,
                          HeadMap *map) {
    size_t cells = (size_t)group->layers * (size_t)group->heads;
    *map = (HeadMap){.group = group,
                     .quantity = quantity,
                     .null = quantity_null(group, quantity, 0, 0, arena),
                     .importance = ARENA_ARRAY(arena, double, cells),
                     .low = ARENA_ARRAY(arena, double, cells),
                     .high = ARENA_ARRAY(arena, double, cells)};
    bool any = false;
    for (int layer = 0; layer < group->layers; layer++) {
        for (int head = 0; head < group->heads; head++) {
            size_t cell = (size_t)layer * (size_t)group->heads + (size_t)head;
            Curve curve;
            map->importance[cell] = map->low[cell] = map->high[cell] = NAN;
            if (!curve_read(group, quantity, layer, head, arena, &curve))
                continue;
            int last = curve.count - 1;
            map->importance[cell] = curve.mean[last];
            map->low[cell] = curve.low[last];
            map->high[cell] = curve.high[last];
            map->seeds = curve.seeds[last];
            map->step = curve.step[last];
            any = any || !isnan(curve.mean[last]);
        }
        if (group->run_count > 1 && group->heads > 1)
            rank_heads(group, layer, arena, map);
    }
    return any;
}

static void head_map_data(FILE *data, const HeadMap *map) {
    for (int layer = 0; layer < map->group->layers; layer++)
        for (int head = 0; head < map->group->heads; head++) {
            size_t cell = (size_t)layer * (size_t)map->group->heads + (size_t)head;
            output_csv_text(data, map->group->label);
            fprintf(data, ",%.15g,%d,%d,", map->step, layer, head);
            output_csv_number(data, map->importance[cell]);
            fputc(',', data);
            output_csv_number(data, map->low[cell]);
            fputc(',', data);
            output_csv_number(data, map->high[cell]);
            fprintf(data, ",%d,", map->seeds);
            output_csv_number(data, map->null);
            fputc('\n', data);
        }
    fputs("\n\n", data);
}

static void head_map_panel(const Drawing *drawing, const Figure *figure, const HeadMap *map,
                           size_t index, double darkest, bool first_column) {
    FILE *script = drawing->script;
    const Group *group = map->group;
    int every_layer = (group->layers + 7) / 8, every_head = (group->heads + 7) / 8;
    fprintf(script,
            "set xrange [-0.5:%d.5]\nset yrange [-0.5:%d.5]\nset xtics 0,%d\nset ytics 0,%d\n"
            "set format y '%s'\n",
            group->heads - 1, group->layers - 1, every_head, every_layer, first_column ? "%g" : "");
    fprintf(script,
            "plot '%s.csv' skip 1 index %zu using 4:3:($4-0.5):($4+0.5):($3-0.5):($3+0.5):5 with "
            "boxxyerror fs solid 1 border lc rgb 'white' lw 1 fc palette",
            figure->name, index);
    if (group->layers * group->heads <= NUMBERED_CELLS && group->heads <= 4)
        fprintf(script,
                ", \\\n    '' skip 1 index %zu using 4:3:(sprintf('%%.2f', $5)):($5 > %.9g ? "
                "0xffffff : 0x202020) with labels textcolor rgb variable",
                index, 0.5 * darkest);
    fputs("\nunset label\nunset colorbox\n", script);
}

/* The maps that are drawn, and what their panels share. */
typedef struct HeadMaps {
    HeadMap *items;
    size_t count;
    double darkest;
    bool ranked;    /* heads of several seeds, in each by rank */
    bool own_nulls; /* masks give the groups different ones: each panel tells its own */
} HeadMaps;

static void head_maps_read(const Report *report, const Quantity *quantity, Arena *arena,
                           HeadMaps *maps) {
    *maps = (HeadMaps){.items = ARENA_ARRAY(arena, HeadMap, report->group_count), .darkest = 0.1};
    for (size_t g = 0; g < report->group_count; g++) {
        HeadMap *map = &maps->items[maps->count];
        const Group *group = &report->groups[g];
        if (!head_map_read(group, quantity, arena, map))
            continue;
        maps->count++;
        maps->ranked = maps->ranked || (group->run_count > 1 && group->heads > 1);
        maps->own_nulls = maps->own_nulls || !same_null(map->null, maps->items[0].null);
        for (int cell = 0; cell < group->layers * group->heads; cell++)
            if (map->importance[cell] > maps->darkest)
                maps->darkest = map->importance[cell];
    }
    maps->darkest = ceil(maps->darkest * 10 - 1e-9) / 10;
}

/* "uniform attention: 0.340", the null; "" where it is not known. */
static const char *null_text(double null, Arena *arena) {
    char text[NUMBER_TEXT_BYTES];
    return isnan(null) ? "" : arena_format(arena, "uniform attention: %s", number_text(null, text));
}

/* Columns of panels: as many as leave room for the longest text above one, but two. */
static int head_map_columns(const HeadMaps *maps, double width, double gap, Arena *arena) {
    enum { LARGEST = 4 };
    double longest = 0;
    for (size_t m = 0; m < maps->count; m++) {
        const HeadMap *map = &maps->items[m];
        longest = fmax(longest, text_width(map->group->label));
        if (maps->own_nulls)
            longest = fmax(longest, text_width(null_text(map->null, arena)));
    }
    int columns = maps->count < LARGEST ? (int)maps->count : LARGEST;
    while (columns > 2 && (width - gap * (columns - 1)) / columns < longest)
        columns--;
    return columns;
}

/* Places of the panels, in pixels. */
typedef struct HeadGrid {
    size_t columns;
    double left, top, width, height, gap_x, gap_y;
} HeadGrid;

static HeadGrid head_grid(const Report *report, const HeadMaps *maps, Arena *arena,
                          Drawing *drawing) {
    enum { LEFT = 64, RIGHT = 16, GAP_X = 18, GAP_Y = 96, TOP = 36, BELOW = 142 };
    double line = maps->own_nulls ? NULL_LINE : 0, room = FIGURE_WIDTH - LEFT - RIGHT;
    int columns = head_map_columns(maps, room, GAP_X, arena);
    int rows = ((int)maps->count + columns - 1) / columns;
    HeadGrid grid = {.columns = (size_t)columns,
                     .left = LEFT,
                     .top = TOP + line,
                     .width = (room - GAP_X * (columns - 1)) / columns,
                     .height = fmin(fmax(44.0 * report->layers, 60), 260),
                     .gap_x = GAP_X,
                     .gap_y = GAP_Y + line};
    if (maps->count == 1 && report->heads < 4)
        grid.width = 200;
    drawing->width = FIGURE_WIDTH;
    drawing->height = (int)(grid.top + rows * grid.height + (rows - 1) * grid.gap_y + BELOW);
    return grid;
}

static void head_maps_scale(const HeadMaps *maps, Arena *arena, const Drawing *drawing) {
    FILE *script = drawing->script;
    const char *title = "importance of the first token";
    const char *null = maps->own_nulls ? "" : null_text(maps->items[0].null, arena);
    if (*null != '\0')
        title = arena_format(arena, "%s (%s)", title, null);
    script_look(script);
    fputs("unset grid\nset tics scale 0\nset border 0\n", script);
    script_palette(script);
    fprintf(script, "set cbrange [0:%.9g]\nset cbtics 0,%.9g\nset multiplot\n", maps->darkest,
            maps->darkest / 2);
    script_colour_box(script, drawing, title, drawing->height - 44.0, 300);
}

static void write_head_map(const HeadMaps *maps, size_t index, const HeadGrid *grid,
                           const Figure *figure, Arena *arena, const Drawing *drawing) {
    FILE *script = drawing->script;
    const HeadMap *map = &maps->items[index];
    bool first_column = index % grid->columns == 0;
    double left = grid->left + (double)(index % grid->columns) * (grid->width + grid->gap_x);
    double top = grid->top + (double)(index / grid->columns) * (grid->height + grid->gap_y);
    double middle = left + grid->width / 2, bottom = top + grid->height;
    head_map_data(drawing->data, map);
    script_place(script, drawing, left, top, left + grid->width, bottom);
    script_label(script, drawing, text_fit(map->group->label, grid->width, arena), middle,
                 top - (maps->own_nulls ? 16 + NULL_LINE : 16), "center", "");
    if (maps->own_nulls)
        script_label(script, drawing, text_fit(null_text(map->null, arena), grid->width, arena),
                     middle, top - 16, "center", "");
    script_label(script, drawing, maps->ranked ? "head, strongest first" : "head", middle,
                 bottom + 44, "center", "");
    if (first_column)
        script_label(script, drawing, "layer", 20, top + grid->height / 2, "center",
                     "rotate by 90");
    head_map_panel(drawing, figure, map, index, maps->darkest, first_column);
}

void draw_head_map(const Report *report, const Figure *figure, Arena *arena, Drawing *drawing) {
    const Quantity *quantity = report->row_sums ? &bos_share : &bos_importance;
    HeadMaps maps;
    head_maps_read(report, quantity, arena, &maps);
    if (maps.count == 0) {
        drawing->missing =
            arena_format(arena, "No analysed run has the variable “%s”.", quantity->variable);
        return;
    }
    HeadGrid grid = head_grid(report, &maps, arena, drawing);
    head_maps_scale(&maps, arena, drawing);
    fputs("group,step,layer,head,importance,low,high,seeds,null\n", drawing->data);
    for (size_t m = 0; m < maps.count; m++)
        write_head_map(&maps, m, &grid, figure, arena, drawing);
    fputs("unset multiplot\nset border\n", drawing->script);
    const char *ranks =
        maps.ranked
            ? "Heads of several seeds have nothing in common but their number, so that each seed’s "
              "are ranked within their layer first (the column of the data file is the rank). "
            : "";
    drawing->caption =
        arena_format(arena, "%sMean over seeds; the data file has the range.%s%s", ranks,
                     report->row_sums ? " " : "", report->row_sums ? scaled_caption : "");
}
