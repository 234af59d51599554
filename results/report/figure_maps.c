/* Attention maps at five steps. */
#include "results/report/maps.h"

#include <math.h>
#include <string.h>

enum { MAP_STEPS = 5, MAP_ROWS_LARGEST = 12 };

void script_colour_box(FILE *script, const Drawing *drawing, const char *title, double y,
                       double width) {
    double left = (drawing->width - width) / 2;
    fprintf(script,
            "set colorbox horizontal user origin screen %.5f,%.5f size screen %.5f,%.5f noborder\n"
            "set cbtics scale 0.4 offset 0,0.3\n",
            left / drawing->width, 1 - (y + 12) / drawing->height, width / drawing->width,
            12.0 / drawing->height);
    script_label(script, drawing, title, drawing->width / 2.0, y - 14, "center", "");
}

/* One group's maps: five steps of its sinking head, mean over seeds. */
typedef struct MapRow {
    const Group *group;
    int length;
    int step_count;
    double steps[MAP_STEPS];
    double *maps[MAP_STEPS]; /* [length][length] */
    int *seeds[MAP_STEPS];   /* [length]: how many a query's row is the mean of */
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

/* Adds one run's map [length][length]. scaled: each row's sizes of weights over their sum; a row
   without any is left out. */
static void add_map(const double *map, bool scaled, int length, double *sums, int *seeds) {
    for (int i = 0; i < length; i++) {
        const double *weights = map + (size_t)i * (size_t)length;
        double *sum = sums + (size_t)i * (size_t)length, size = 0;
        for (int j = 0; j < length; j++)
            size += fabs(weights[j]);
        if (scaled && !(size > 0))
            continue;
        for (int j = 0; j < length; j++)
            sum[j] += scaled ? fabs(weights[j]) / size : weights[j];
        seeds[i]++;
    }
}

/* Adds one run's maps at the group's steps; false where it has none. */
static bool add_maps(const RunData *run, const Group *group, bool scaled, Arena *arena,
                     MapRow *row) {
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
            row->maps[k] = ARENA_ARRAY(arena, double, ((size_t)length * (size_t)length));
            row->seeds[k] = ARENA_ARRAY(arena, int, (size_t)length);
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
        add_map(maps[k], scaled, length, row->maps[k], row->seeds[k]);
    return true;
}

static bool map_row_read(const Group *group, bool scaled, Arena *arena, MapRow *row) {
    *row = (MapRow){.group = group};
    bool any = false;
    for (size_t r = 0; r < group->run_count; r++)
        any = add_maps(group->runs[r], group, scaled, arena, row) || any;
    for (int k = 0; k < row->step_count && any; k++)
        for (int i = 0; i < row->length * row->length; i++)
            row->maps[k][i] /= fmax(row->seeds[k][i / row->length], 1);
    return any;
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

static const char *map_caption(const MapRow *rows, int count, size_t groups, bool scaled,
                               Arena *arena) {
    static const char scaling[] =
        " Not all rows of attention sum to 1 here: in each seed’s map, which is a mean over "
        "samples (where weights of either sign cancel), each row of weights, without their signs, "
        "is scaled to do so before the mean over seeds is taken.";
    const char *text = "Shown is the head with the largest importance of the first position at the "
                       "last step in each group’s sinking layer, of each seed its own, mean over "
                       "seeds:";
    for (int r = 0; r < count; r++)
        text = arena_format(arena, "%s%s %s %s", text, r > 0 ? ";" : "", rows[r].group->label,
                            sinking_text(rows[r].group, true, arena));
    if (groups > (size_t)count)
        text = arena_format(arena, "%s. The first %d of %zu groups are shown", text, count, groups);
    return arena_format(arena, "%s.%s", text, scaled ? scaling : "");
}

void maps_scale(const Drawing *drawing, const char *title, int length) {
    FILE *script = drawing->script;
    script_palette(script);
    fprintf(script,
            "set logscale cb 10\nset cbrange [%.4g:1]\nset cbtics (0.01, 0.1, 1)\n"
            "set multiplot\n",
            0.25 / length);
    script_colour_box(script, drawing, title, drawing->height - 40.0, 300);
}

void draw_attention_maps(const Report *report, const Figure *figure, Arena *arena,
                         Drawing *drawing) {
    FILE *script = drawing->script;
    MapRow rows[MAP_ROWS_LARGEST];
    int count = 0;
    size_t groups = 0;
    for (size_t g = 0; g < report->group_count; g++) {
        groups += report->groups[g].run_count > 0;
        if (count < MAP_ROWS_LARGEST &&
            map_row_read(&report->groups[g], report->row_sums, arena, &rows[count]))
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
    maps_scale(drawing, "attention (logarithmic)", longest);
    double bottom = grid.top + count * grid.size + (count - 1) * grid.gap_y;
    script_label(script, drawing, "key", grid.left + grid.size / 2, bottom + 34, "center", "");
    script_label(script, drawing, "query", 44, bottom - grid.size / 2, "center", "rotate by 90");
    fputs("group,step,query,key,attention\n", drawing->data);
    write_maps(rows, count, &grid, figure, arena, drawing);
    fputs("unset multiplot\nset xtics\nset ytics\n", script);
    drawing->caption = map_caption(rows, count, groups, report->row_sums, arena);
}
