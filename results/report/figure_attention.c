#include "results/report/figure_attention.h"

#include "results/report/maps.h"

#include <math.h>

/* Tokens are written beside a map where each has this many pixels; else the first and last
   position. */
static const double label_pixels = 11;

/* Σ|weight| of a query. */
static double row_size(const float *row, int length) {
    double size = 0;
    for (int j = 0; j < length; j++)
        size += fabs((double)row[j]);
    return size;
}

/* Whether rows have to be scaled to be comparable, as those of attention without normalization. */
static bool has_other_sums(const AttentionFigure *maps) {
    bool other = false;
    int rows = maps->layers * maps->heads * maps->length;
    for (int i = 0; i < rows; i++) {
        const float *row = maps->maps + (size_t)i * (size_t)maps->length;
        other = other || fabs(row_size(row, maps->length) - 1) > 1e-3;
    }
    return other;
}

/* What a query cannot see is NaN, so that it is not drawn. Where rows are scaled the weights as
   they are stand in a column of their own. */
static void panel_data(FILE *data, const AttentionFigure *maps, bool scaled, int layer, int head) {
    size_t length = (size_t)maps->length;
    const float *map =
        maps->maps + ((size_t)layer * (size_t)maps->heads + (size_t)head) * length * length;
    for (size_t i = 0; i < length; i++) {
        double size = scaled ? row_size(map + i * length, maps->length) : 1;
        for (size_t j = 0; j < length; j++) {
            double weight = (double)map[i * length + j];
            double drawn = scaled ? fabs(weight) / size : weight;
            fprintf(data, drawn > 0 ? "%d,%d,%zu,%zu,%.6g" : "%d,%d,%zu,%zu,NaN", layer, head, i, j,
                    drawn);
            if (scaled)
                fprintf(data, ",%.6g", weight);
            fputc('\n', data);
        }
    }
    fputs("\n\n", data);
}

/* A gnuplot text in single quotes. */
static const char *quoted(const char *text, Arena *arena) {
    const char *result = "'";
    for (const char *c = text; *c != '\0'; c++)
        result = arena_format(arena, *c == '\'' ? "%s'%c" : "%s%c", result, *c);
    return arena_format(arena, "%s'", result);
}

static const char *ticks_text(const AttentionFigure *maps, double size, Arena *arena) {
    const char *look = "set tics textcolor rgb '#202020'\n";
    int last = maps->length - 1;
    if (size / maps->length < label_pixels)
        return arena_format(arena,
                            "%sset xtics out nomirror scale 0.4 (0, %d)\n"
                            "set ytics out nomirror scale 0.4 (0, %d)\n",
                            look, last, last);
    const char *places = "";
    for (int i = 0; i <= last; i++)
        places = arena_format(arena, "%s%s%s %d", places, i == 0 ? "" : ", ",
                              quoted(maps->labels[i], arena), i);
    return arena_format(arena,
                        "%sset xtics out nomirror scale 0 font ',10' rotate by 90 right (%s)\n"
                        "set ytics out nomirror scale 0 font ',10' norotate (%s)\n",
                        look, places, places);
}

static void draw_input(const Report *report, const Figure *figure, Arena *arena, Drawing *drawing) {
    (void)report;
    enum { LEFT = 76, TOP = 34, RIGHT = 12, LEAST = 34, MOST = 300 };
    const AttentionFigure *maps = figure->options;
    FILE *script = drawing->script;
    MapGrid grid = {.left = LEFT, .top = TOP, .gap_x = 10, .gap_y = 32, .length = maps->length};
    double room = FIGURE_WIDTH - LEFT - RIGHT - (maps->heads - 1) * grid.gap_x;
    grid.size = room / maps->heads;
    grid.size = grid.size < LEAST ? LEAST : grid.size > MOST ? MOST : grid.size;
    double bottom = TOP + maps->layers * grid.size + (maps->layers - 1) * grid.gap_y;
    double right = LEFT + maps->heads * grid.size + (maps->heads - 1) * grid.gap_x + RIGHT;
    drawing->width = right > FIGURE_WIDTH ? (int)right : FIGURE_WIDTH;
    drawing->height = (int)bottom + 146;
    script_look(script);
    fputs("unset grid\nset border 15 lw 0.8 lc rgb '#b8b8b8'\n", script);
    bool scaled = has_other_sums(maps);
    maps_scale(drawing,
               scaled ? "share of the query’s weights, without their signs (logarithmic)"
                      : "attention (logarithmic)",
               maps->length);
    script_label(script, drawing, "key", LEFT + grid.size / 2, bottom + 52, "center", "");
    script_label(script, drawing, "query", 16, bottom - grid.size / 2, "center", "rotate by 90");
    fputs(scaled ? "layer,head,query,key,share,attention\n" : "layer,head,query,key,attention\n",
          drawing->data);
    const char *ticks = ticks_text(maps, grid.size, arena);
    for (int layer = 0, index = 0; layer < maps->layers; layer++)
        for (int head = 0; head < maps->heads; head++, index++) {
            bool corner = head == 0 && layer == maps->layers - 1;
            bool narrow = grid.size < 110;
            const char *title =
                arena_format(arena, narrow ? "%d, %d" : "layer %d, head %d", layer, head);
            panel_data(drawing->data, maps, scaled, layer, head);
            map_panel(drawing, figure, &grid, layer, head, title, corner ? ticks : NULL, index);
        }
    fputs("unset multiplot\nset xtics\nset ytics\n", script);
}

Status attention_figure_write(const AttentionFigure *maps, const char *directory, const char *name,
                              const char *title, Arena *arena, const char **problem, Error *error) {
    FigureResult result;
    Figure *figure = ARENA_ARRAY(arena, Figure, 1);
    *figure = (Figure){.section = SECTION_SINKS,
                       .name = name,
                       .title = title,
                       .caption = "",
                       .draw = draw_input,
                       .options = maps};
    TRY(figure_write(NULL, figure, directory, arena, &result, error));
    *problem = result.problem;
    return STATUS_OK;
}
