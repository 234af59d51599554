#include "results/report/legend.h"

enum { SAMPLE = 30, TEXT = SAMPLE + 8, GAP = 18, FIRST_LINE = 18 };

/* Where one entry stands, in pixels. */
typedef struct Place {
    double x, y;
} Place;

/* Puts the entry behind the last one or on a new line; place is where the next one may begin. */
static Place next_place(const char *text, double left, double right, Place *place) {
    double width = TEXT + text_width(text);
    if (place->x > left && place->x + width > right)
        *place = (Place){left, place->y + LEGEND_LINE};
    Place own = *place;
    place->x += width + GAP;
    return own;
}

static const char *fitted(const LegendEntry *entry, double left, double right, Arena *arena) {
    return text_fit(entry->text, right - left - TEXT, arena);
}

int legend_lines(const LegendEntry *entries, size_t count, double left, double right,
                 Arena *arena) {
    Place place = {left, 0}, own = place;
    for (size_t i = 0; i < count; i++)
        own = next_place(fitted(&entries[i], left, right, arena), left, right, &place);
    return count > 0 ? (int)(own.y / LEGEND_LINE) + 1 : 0;
}

void legend_write(const LegendEntry *entries, size_t count, double left, double right, Arena *arena,
                  const Drawing *drawing) {
    Place place = {left, FIRST_LINE};
    for (size_t i = 0; i < count; i++) {
        const char *text = fitted(&entries[i], left, right, arena);
        Place own = next_place(text, left, right, &place);
        fprintf(drawing->script,
                "set arrow from screen %.5f,%.5f to screen %.5f,%.5f nohead lw %s lc rgb '%s'\n",
                own.x / drawing->width, 1 - own.y / drawing->height,
                (own.x + SAMPLE) / drawing->width, 1 - own.y / drawing->height, entries[i].style,
                entries[i].colour);
        script_label(drawing->script, drawing, text, own.x + TEXT, own.y, "left", "");
    }
}
