/* Where the sinks stand: the first position is not the only place for one. */
#include "results/report/html.h"

#include <math.h>

/* By which the strongest key is told. */
typedef struct Strongest {
    Quantity position, ratio;
} Strongest;

static const Strongest by_weights = {{"sink_position", {{NULL, 0}}}, {"sink_ratio", {{NULL, 0}}}};
static const Strongest by_shares = {{"sink_position_share", {{NULL, 0}}},
                                    {"sink_ratio_share", {{NULL, 0}}}};

/* The strongest key of one run's layer, over its heads. */
typedef struct Place {
    double position, ratio; /* NaN: two keys tie; no key is well seen */
} Place;

static Place place_of(const RunData *run, const Strongest *strongest, int layer, int heads,
                      Arena *arena) {
    Place place = {NAN, NAN};
    for (int head = 0; head < heads; head++) {
        Series position, ratio;
        if (!series_read(run, &strongest->ratio, layer, head, arena, &ratio) ||
            !series_read(run, &strongest->position, layer, head, arena, &position))
            continue;
        double last = ratio.value[ratio.count - 1];
        if (!isnan(last) && !(last <= place.ratio))
            place = (Place){position.value[position.count - 1], last};
    }
    return place;
}

/* "8 in 2 of 3 seeds": a line for each position that any seed has, in the order of seeds. */
static void write_positions(FILE *page, const Place *places, size_t count) {
    for (size_t i = 0; i < count; i++) {
        size_t alike = 0;
        bool told = isnan(places[i].position);
        for (size_t k = 0; k < i && !told; k++)
            told = places[k].position == places[i].position;
        for (size_t k = 0; k < count; k++)
            alike += places[k].position == places[i].position;
        if (told)
            continue;
        fprintf(page, "position %.0f", places[i].position);
        if (count > 1)
            fprintf(page, "<small>in %zu of %zu seeds</small>", alike, count);
        else
            fputs("<br>", page);
    }
}

static void write_cell(FILE *page, const Group *group, const Strongest *strongest, int layer,
                       Arena *arena) {
    char text[2][NUMBER_TEXT_BYTES];
    Place *places = ARENA_ARRAY(arena, Place, group->run_count);
    double least = INFINITY, largest = -INFINITY;
    for (size_t r = 0; r < group->run_count; r++) {
        places[r] = place_of(group->runs[r], strongest, layer, group->heads, arena);
        least = fmin(least, places[r].ratio);
        largest = fmax(largest, places[r].ratio);
    }
    if (!(least <= largest)) {
        fputs("<td>–</td>", page);
        return;
    }
    fputs("<td>", page);
    write_positions(page, places, group->run_count);
    fprintf(page, "<small>%s", number_text(least, text[0]));
    if (largest > least)
        fprintf(page, " to %s", number_text(largest, text[1]));
    fputs(" × its null</small></td>", page);
}

void html_sinks(FILE *page, const Report *report, Arena *arena) {
    const Strongest *strongest = report->row_sums ? &by_shares : &by_weights;
    bool held = false;
    for (size_t r = 0; r < report->run_count; r++)
        held = held || (report->runs[r].analyzed &&
                        run_dataset(&report->runs[r], strongest->ratio.variable) != NULL);
    if (!held)
        return;
    fputs("<h3>Where the strongest key stands at the last step</h3>\n", page);
    html_group_headings(page, report, "Layer", NULL);
    fputs("</tr></thead>\n<tbody>\n", page);
    for (int layer = 0; layer < report->layers; layer++) {
        fputs("<tr>", page);
        html_heading(page, "row", arena_format(arena, "layer %d", layer));
        for (size_t g = 0; g < report->group_count; g++)
            if (report->groups[g].run_count > 0)
                write_cell(page, &report->groups[g], strongest, layer, arena);
        fputs("</tr>\n", page);
    }
    html_table_end(page);
    fputs("<p class=\"note\">A sink need not stand at the first position, which the figures show. "
          "Strongest is the key whose importance, mean over the probe, is largest against what "
          "uniform attention under the same mask gives it, among keys that at least a quarter of "
          "the queries see and in the head of the layer where that ratio is largest; small type: "
          "that ratio over seeds. About 1: there is no sink. Nor is there one where it is the last "
          "of these keys: what looks at near keys alone has its largest ratio there (the queries "
          "that see it are near it), 3.5 for 64 tokens. A dash: no key is seen by so many. ",
          page);
    if (report->row_sums)
        fputs("Not all rows of attention sum to 1 here: each query’s weights, without their signs, "
              "are scaled to do so before importance is formed, and a query whose weights are all "
              "0 is left out.",
              page);
    fputs("</p>\n", page);
}
