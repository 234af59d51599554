/* Figures made of coloured cells: importance by layer and head, and attention maps. */
#include "results/report/maps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAP_STEPS = 5, MAP_ROWS_LARGEST = 12, NUMBERED_CELLS = 32 };

/* One horizontal colour scale for all panels, below them; drawn by the first panel. */
static void script_colour_box(FILE *script, const Drawing *drawing, const char *title, double y,
                              double width) {
    double left = (drawing->width - width) / 2;
    fprintf(script,
            "set colorbox horizontal user origin screen %.5f,%.5f size screen %.5f,%.5f noborder\n"
            "set cbtics scale 0.4 offset 0,0.3\n",
            left / drawing->width, 1 - (y + 12) / drawing->height, width / drawing->width,
            12.0 / drawing->height);
    script_label(script, drawing, title, drawing->width / 2.0, y - 14, "center", "");
}

/* A group's mean importance of the first position per layer and head at the last step. */
typedef struct HeadMap {
    const Group *group;
    double *importance; /* [layers][heads]; of several seeds: by rank of the head in its layer */
    double *low, *high;
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
    double *values = ARENA_ARRAY(arena, double, runs *heads),
           *column = ARENA_ARRAY(arena, double, runs);
    for (size_t r = 0; r < runs; r++) {
        double *own = values + r * heads;
        for (int head = 0; head < group->heads; head++) {
            Series series;
            bool read = series_read(group->runs[r], &bos_importance, layer, head, arena, &series);
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

static bool head_map_read(const Group *group, Arena *arena, HeadMap *map) {
    size_t cells = (size_t)group->layers * (size_t)group->heads;
    *map = (HeadMap){.group = group,
                     .importance = ARENA_ARRAY(arena, double, cells),
                     .low = ARENA_ARRAY(arena, double, cells),
                     .high = ARENA_ARRAY(arena, double, cells)};
    bool any = false;
    for (int layer = 0; layer < group->layers; layer++) {
        for (int head = 0; head < group->heads; head++) {
            size_t cell = (size_t)layer * (size_t)group->heads + (size_t)head;
            Curve curve;
            map->importance[cell] = map->low[cell] = map->high[cell] = NAN;
            if (!curve_read(group, &bos_importance, layer, head, arena, &curve))
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
            fprintf(data, ",%d\n", map->seeds);
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

/* Columns of panels: as many as leave room for the longest label, but two. */
static int head_map_columns(const HeadMap *maps, size_t count, double width, double gap) {
    enum { LARGEST = 4 };
    double longest = 0;
    for (size_t m = 0; m < count; m++)
        longest = fmax(longest, text_width(maps[m].group->label));
    int columns = count < LARGEST ? (int)count : LARGEST;
    while (columns > 2 && (width - gap * (columns - 1)) / columns < longest)
        columns--;
    return columns;
}

void draw_head_map(const Report *report, const Figure *figure, Arena *arena, Drawing *drawing) {
    enum { LEFT = 64, RIGHT = 16, GAP_X = 18, GAP_Y = 96, TOP = 36 };
    FILE *script = drawing->script;
    HeadMap *maps = ARENA_ARRAY(arena, HeadMap, report->group_count);
    size_t count = 0;
    double darkest = 0.1;
    bool ranked = false;
    for (size_t g = 0; g < report->group_count; g++)
        if (head_map_read(&report->groups[g], arena, &maps[count])) {
            ranked = ranked || (maps[count].group->run_count > 1 && maps[count].group->heads > 1);
            count++;
        }
    if (count == 0) {
        drawing->missing = "No analysed run has the variable “first_importance”.";
        return;
    }
    for (size_t m = 0; m < count; m++)
        for (int cell = 0; cell < maps[m].group->layers * maps[m].group->heads; cell++)
            if (maps[m].importance[cell] > darkest)
                darkest = maps[m].importance[cell];
    darkest = ceil(darkest * 10 - 1e-9) / 10;
    int columns = head_map_columns(maps, count, FIGURE_WIDTH - LEFT - RIGHT, GAP_X);
    int rows = ((int)count + columns - 1) / columns;
    double height = 44.0 * report->layers;
    height = height < 60 ? 60 : height > 260 ? 260 : height;
    double width = (FIGURE_WIDTH - LEFT - RIGHT - GAP_X * (columns - 1)) / (double)columns;
    width = count == 1 && report->heads < 4 ? 200 : width;
    drawing->width = FIGURE_WIDTH;
    drawing->height = (int)(TOP + rows * height + (rows - 1) * GAP_Y + 142);
    script_look(script);
    fputs("unset grid\nset tics scale 0\nset border 0\n", script);
    script_palette(script);
    fprintf(script, "set cbrange [0:%.9g]\nset cbtics 0,%.9g\nset multiplot\n", darkest,
            darkest / 2);
    script_colour_box(script, drawing, "importance of the first token", drawing->height - 44.0,
                      300);
    fputs("group,step,layer,head,importance,low,high,seeds\n", drawing->data);
    for (size_t m = 0; m < count; m++) {
        double left = LEFT + (double)(m % (size_t)columns) * (width + GAP_X);
        double top = TOP + (double)(m / (size_t)columns) * (height + GAP_Y);
        head_map_data(drawing->data, &maps[m]);
        script_place(script, drawing, left, top, left + width, top + height);
        script_label(script, drawing, text_fit(maps[m].group->label, width, arena),
                     left + width / 2, top - 16, "center", "");
        script_label(script, drawing, ranked ? "head, strongest first" : "head", left + width / 2,
                     top + height + 44, "center", "");
        if (m % (size_t)columns == 0)
            script_label(script, drawing, "layer", 20, top + height / 2, "center", "rotate by 90");
        head_map_panel(drawing, figure, &maps[m], m, darkest, m % (size_t)columns == 0);
    }
    fputs("unset multiplot\nset border\n", script);
    drawing->caption =
        ranked
            ? "Heads of several seeds have nothing in common but their number, so that each seed’s "
              "are ranked within their layer first (the column of the data file is the rank). Mean "
              "over seeds; the data file has the range."
            : "Mean over seeds; the data file has the range.";
}

/* One group's maps: five steps of its sinking head, mean over seeds. */
typedef struct MapRow {
    const Group *group;
    int length;
    int step_count;
    double steps[MAP_STEPS];
    double *maps[MAP_STEPS]; /* [length][length] */
    double *uniform; /* [length][length]: uniform attention, 0 where a query cannot see a key */
} MapRow;

/* Indices of the first, the last and three steps between them in equal ratios. Returns how many
   there are, without repetitions. */
static int choose_steps(const Dimension *step, int chosen[MAP_STEPS]) {
    int last = step->length - 1, count = 0;
    double end = step->values[last], ratio = end >= 256 ? 4 : pow(end > 1 ? end : 1, 0.25);
    for (int k = 0; k < MAP_STEPS; k++) {
        double wanted = end * pow(ratio, k - (MAP_STEPS - 1));
        int nearest = k == 0 ? 0 : last;
        if (k > 0 && k < MAP_STEPS - 1)
            for (int i = 0; i <= last; i++)
                if (fabs(log(step_place(step->values[i]) / wanted)) <
                    fabs(log(step_place(step->values[nearest]) / wanted)))
                    nearest = i;
        if (count == 0 || nearest > chosen[count - 1])
            chosen[count++] = nearest;
    }
    return count;
}

/* Adds one run's maps at the group's steps; false where it has none. */
static bool add_maps(const RunData *run, const Group *group, Arena *arena, MapRow *row) {
    const Dataset *dataset = run_dataset(run, "attention_map");
    const Dataset *null = run_dataset(run, "attention_map_null");
    if (dataset == NULL || null == NULL || dataset_axis(dataset, "step") != 0 || dataset->rank != 5)
        return false;
    const Dimension *step = dataset->dimensions[0];
    int length = dataset->dimensions[4]->length, chosen[MAP_STEPS];
    if (row->length == 0) {
        const Selection all = selection_all();
        row->uniform = dataset_read(run, null, "", &all, arena);
        if (row->uniform == NULL || null->rank != 2 || null->dimensions[1]->length != length)
            return false;
        row->length = length;
        row->step_count = choose_steps(step, chosen);
        for (int k = 0; k < row->step_count; k++) {
            row->steps[k] = step->values[chosen[k]];
            row->maps[k] = ARENA_ARRAY(arena, double, (size_t)length *(size_t)length);
        }
    }
    double *maps[MAP_STEPS];
    for (int k = 0; k < row->step_count; k++) {
        Selection selection = selection_all();
        if (length != row->length ||
            !selection_index(&selection, dataset, "layer", group->sink_layer) ||
            !selection_index(&selection, dataset, "head", run->sink_heads[group->sink_layer]) ||
            !selection_value(&selection, dataset, "step", row->steps[k]))
            return false;
        maps[k] = dataset_read(run, dataset, "", &selection, arena);
        if (maps[k] == NULL)
            return false;
    }
    for (int k = 0; k < row->step_count; k++)
        for (int i = 0; i < length * length; i++)
            row->maps[k][i] += maps[k][i];
    return true;
}

static bool map_row_read(const Group *group, Arena *arena, MapRow *row) {
    *row = (MapRow){.group = group};
    int seeds = 0;
    for (size_t r = 0; r < group->run_count; r++)
        seeds += add_maps(group->runs[r], group, arena, row);
    for (int k = 0; k < row->step_count && seeds > 0; k++)
        for (int i = 0; i < row->length * row->length; i++)
            row->maps[k][i] /= seeds;
    return seeds > 0;
}

/* What a query cannot see is NaN, so that it is not drawn; of weights below 0 their size is. */
static void map_data(FILE *data, const char *group, double step, const MapRow *row,
                     const double *map) {
    for (int i = 0; i < row->length; i++)
        for (int j = 0; j < row->length; j++) {
            int at = i * row->length + j;
            output_csv_text(data, group);
            fprintf(data, isnan(step) ? ",," : ",%.15g,", step);
            fprintf(data, row->uniform[at] > 0 ? "%d,%d,%.4g\n" : "%d,%d,NaN\n", i, j,
                    fabs(map[at]));
        }
    fputs("\n\n", data);
}

void map_panel(const Drawing *drawing, const Figure *figure, const MapGrid *grid, int row,
               int column, const char *title, const char *ticks, int index) {
    FILE *script = drawing->script;
    double left = grid->left + column * (grid->size + grid->gap_x);
    double top = grid->top + row * (grid->size + grid->gap_y);
    script_place(script, drawing, left, top, left + grid->size, top + grid->size);
    script_label(script, drawing, title, left + grid->size / 2, top - 13, "center", "");
    /* A margin parts the first column, where a sink stands, from the frame. */
    double margin = 0.5 + 0.03 * grid->length;
    fprintf(script, "set xrange [%.4g:%.4g]\nset yrange [%.4g:%.4g]\n", -margin,
            grid->length - 1 + margin, grid->length - 1 + margin, -margin);
    fputs(ticks == NULL ? "unset xtics\nunset ytics\n" : ticks, script);
    /* PDF viewers blur images: there each cell is drawn by itself. */
    fprintf(script,
            "if (format eq 'pdf') { plot '%s.csv' skip 1 index %d using 4:3:5 with image pixels }\n"
            "if (format ne 'pdf') { plot '%s.csv' skip 1 index %d using 4:3:5 with image }\n",
            figure->name, index, figure->name, index);
    fputs("unset label\nunset colorbox\n", script);
}

static void write_maps(const MapRow *rows, int count, const MapGrid *grid, const Figure *figure,
                       Arena *arena, const Drawing *drawing) {
    char text[NUMBER_TEXT_BYTES];
    int index = 0;
    const char *ticks =
        arena_format(arena,
                     "set tics textcolor rgb '#202020'\nset xtics out nomirror scale 0.4 (0, %d)\n"
                     "set ytics out nomirror scale 0.4 (0, %d)\n",
                     grid->length - 1, grid->length - 1);
    for (int r = 0; r < count; r++) {
        const MapRow *row = &rows[r];
        double middle = grid->top + r * (grid->size + grid->gap_y) + grid->size / 2;
        if (grid->header > 0)
            script_label(drawing->script, drawing,
                         text_fit(row->group->label, drawing->width - grid->left, arena),
                         grid->left, middle - grid->size / 2 - grid->header - 8, "left", "");
        else
            script_label(drawing->script, drawing, row->group->label, 16, middle, "center",
                         "rotate by 90");
        for (int k = 0; k < row->step_count; k++) {
            const char *title =
                arena_format(arena, "step %s", integer_text((long long)row->steps[k], text));
            map_data(drawing->data, row->group->label, row->steps[k], row, row->maps[k]);
            bool corner = k == 0 && r == count - 1;
            map_panel(drawing, figure, grid, r, k, title, corner ? ticks : NULL, index++);
        }
        size_t bytes = (size_t)row->length * (size_t)row->length * sizeof(*row->uniform);
        if (r > 0 && row->length == rows[r - 1].length && /* the same mask as above */
            memcmp(row->uniform, rows[r - 1].uniform, bytes) == 0)
            continue;
        map_data(drawing->data, "uniform", NAN, row, row->uniform);
        map_panel(drawing, figure, grid, r, MAP_STEPS, "uniform", NULL, index++);
    }
}

static const char *map_caption(const MapRow *rows, int count, size_t groups, Arena *arena) {
    const char *text = "Shown is the head with the largest importance of the first position at the "
                       "last step in each group’s sinking layer, of each seed its own, mean over "
                       "seeds:";
    for (int r = 0; r < count; r++)
        text = arena_format(arena, "%s%s %s %s", text, r > 0 ? ";" : "", rows[r].group->label,
                            sinking_text(rows[r].group, true, arena));
    if (groups > (size_t)count)
        return arena_format(arena, "%s. The first %d of %zu groups are shown.", text, count,
                            groups);
    return arena_format(arena, "%s.", text);
}

void maps_scale(const Drawing *drawing, int length) {
    FILE *script = drawing->script;
    script_palette(script);
    fprintf(script,
            "set logscale cb 10\nset cbrange [%.4g:1]\nset cbtics (0.01, 0.1, 1)\n"
            "set multiplot\n",
            0.25 / length);
    script_colour_box(script, drawing, "attention (logarithmic)", drawing->height - 40.0, 300);
}

void draw_attention_maps(const Report *report, const Figure *figure, Arena *arena,
                         Drawing *drawing) {
    FILE *script = drawing->script;
    MapRow rows[MAP_ROWS_LARGEST];
    int count = 0;
    size_t groups = 0;
    for (size_t g = 0; g < report->group_count; g++) {
        groups += report->groups[g].run_count > 0;
        if (count < MAP_ROWS_LARGEST && map_row_read(&report->groups[g], arena, &rows[count]))
            count++;
    }
    if (count == 0) {
        drawing->missing =
            "No analysed run has the variables “attention_map” and “attention_map_null”.";
        return;
    }
    int longest = 0;
    for (int r = 0; r < count; r++)
        longest = rows[r].length > longest ? rows[r].length : longest;
    MapGrid grid = {.left = 62, .top = 34, .gap_x = 10, .gap_y = 32, .length = longest};
    grid.size = (FIGURE_WIDTH - grid.left - 12 - MAP_STEPS * grid.gap_x) / (MAP_STEPS + 1);
    drawing->width = FIGURE_WIDTH;
    for (int r = 0; r < count; r++)
        if (text_width(rows[r].group->label) > grid.size + grid.gap_y)
            grid.header = 24;
    grid.top += grid.header;
    grid.gap_y += grid.header;
    drawing->height = (int)(grid.top + count * grid.size + (count - 1) * grid.gap_y + 132);
    script_look(script);
    fputs("unset grid\nset border 15 lw 0.8 lc rgb '#b8b8b8'\n", script);
    maps_scale(drawing, longest);
    double bottom = grid.top + count * grid.size + (count - 1) * grid.gap_y;
    script_label(script, drawing, "key", grid.left + grid.size / 2, bottom + 34, "center", "");
    script_label(script, drawing, "query", 44, bottom - grid.size / 2, "center", "rotate by 90");
    fputs("group,step,query,key,attention\n", drawing->data);
    write_maps(rows, count, &grid, figure, arena, drawing);
    fputs("unset multiplot\nset xtics\nset ytics\n", script);
    drawing->caption = map_caption(rows, count, groups, arena);
}
