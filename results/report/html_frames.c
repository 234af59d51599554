/* Frame types: in a table and in words. */
#include "results/report/html.h"

#include <math.h>

/* "64", with the interval: " (32 to 128)", " (64 to never)"; nothing where there is none or it has
   one value. */
static void say_since(FILE *page, const FrameCell *cell) {
    char text[3][NUMBER_TEXT_BYTES];
    fprintf(page, "step %s", integer_text((long long)cell->since, text[0]));
    if (!isnan(cell->low) && cell->low != cell->high)
        fprintf(page, " (%s to %s)", integer_text((long long)cell->low, text[1]),
                isnan(cell->high) ? "never" : integer_text((long long)cell->high, text[2]));
}

static void write_cell(FILE *page, const FrameCell *cell) {
    char text[2][NUMBER_TEXT_BYTES];
    if (!cell->present) {
        fputs("<td>–</td>", page);
        return;
    }
    int last = cell->steps - 1;
    fprintf(page, "<td>%s<small>%.0f %% of samples</small><small>%d of %d seed%s</small>",
            frame_type_names[cell->types[last]], 100 * cell->shares[last], cell->agreeing,
            cell->seeds, cell->seeds == 1 ? "" : "s");
    fputs("<small>since ", page);
    say_since(page, cell);
    fputs("</small>", page);
    if (cell->without > 0)
        fprintf(page, "<small>other type in %s of %s draws</small>",
                integer_text(cell->without, text[0]), integer_text(FRAME_DRAWS, text[1]));
    fputs("</td>", page);
}

/* The type of uniform attention, where it is the same under every group’s mask; FRAME_UNKNOWN else.
 */
static int null_type(const Report *report, Arena *arena) {
    static const Quantity type = {"frame_type", {{NULL, 0}}};
    int found = FRAME_UNKNOWN;
    for (size_t g = 0; g < report->group_count; g++) {
        double null = quantity_null(&report->groups[g], &type, 0, 0, arena);
        if (!(null >= 0 && null < FRAME_TYPES))
            continue;
        if (found != FRAME_UNKNOWN && found != (int)null)
            return FRAME_UNKNOWN;
        found = (int)null;
    }
    return found;
}

static void write_note(FILE *page, const FrameTable *frames, Arena *arena) {
    bool samples = false, seeds = false;
    for (size_t i = 0; i < frames->report->group_count * (size_t)frames->rows; i++) {
        const FrameCell *cell = &frames->cells[i];
        samples = samples || (cell->present && cell->over_samples);
        seeds = seeds || (cell->present && !cell->over_samples && cell->seeds > 1);
    }
    fputs("<p class=\"note\">An anchor is a key that receives more attention than chance and "
          "distance explain. None: there is no anchor. Centralized: one anchor holds at least two "
          "thirds of the anchors’ attention. Bidirectional: anchors at both ends hold it (only "
          "without a causal mask). Distributed: anything else. Whole model: the same rule on the "
          "mean over layers. The type of a group is the commonest over seeds and samples, here at "
          "the last saved step; “% of samples”: how many have it, mean over seeds; “of seeds”: how "
          "many have it as their own commonest; “since”: the first saved step from which it stays "
          "the commonest until the end",
          page);
    if (samples)
        fputs(", with 95 % of 1,000 bootstrap draws over seeds and, within each, samples", page);
    else if (seeds)
        fputs(", with 95 % of 1,000 bootstrap draws over seeds", page);
    if (samples || seeds)
        fputs("; a draw that ends with another type counts as later than every step", page);
    int null = null_type(frames->report, arena);
    if (null != FRAME_UNKNOWN)
        fprintf(page, ". Uniform attention under the same mask has the type “%s”",
                frame_type_names[null]);
    fputs(". All of it is in <a href=\"frame_types.csv\">frame_types.csv</a>.</p>\n", page);
}

void html_frames(FILE *page, const FrameTable *frames, Arena *arena) {
    const Report *report = frames->report;
    if (frames->rows == 0)
        return;
    fputs("<h3>Frame types at the last step</h3>\n", page);
    html_group_headings(page, report, "Layer", NULL);
    fputs("</tr></thead>\n<tbody>\n", page);
    for (int row = 0; row < frames->rows; row++) {
        fputs("<tr>", page);
        html_heading(page, "row", frame_row_text(frames, row, arena));
        for (size_t g = 0; g < report->group_count; g++)
            if (report->groups[g].run_count > 0)
                write_cell(page, frame_cell(frames, g, row));
        fputs("</tr>\n", page);
    }
    html_table_end(page);
    write_note(page, frames, arena);
}

/* "centralized under rope since 256, 3 of 3 seeds"; a type that most seeds do not have is none of
   the group's. */
static void say_type(FILE *page, const Report *report, const Group *group, const FrameCell *cell,
                     Arena *arena) {
    int type = cell->types[cell->steps - 1];
    bool common = 2 * cell->agreeing >= cell->seeds;
    fprintf(page, " <strong>%s</strong>", common ? frame_type_names[type] : "no common type");
    output_html(page, group_phrase(report, group, arena));
    if (common && (type != FRAME_NONE || cell->since > cell->step[0])) {
        fputs(" since ", page);
        say_since(page, cell);
    }
    if (cell->seeds > 1)
        fprintf(page, common ? ", %d of %d seeds" : ", %d of %d seeds %s", cell->agreeing,
                cell->seeds, frame_type_names[type]);
}

void html_frames_in_words(FILE *page, const Report *report, Arena *arena) {
    enum { GROUPS_IN_WORDS = 8 };
    const FrameTable *frames = &report->tables->frames;
    size_t said = 0, unsaid = 0;
    for (size_t g = 0; g < report->group_count && frames->rows > 0; g++) {
        const FrameCell *cell = frame_cell(frames, g, frames->rows - 1);
        unsaid += cell->present && said == GROUPS_IN_WORDS;
        if (!cell->present || said == GROUPS_IN_WORDS)
            continue;
        fputs(said++ == 0 ? "<p class=\"findings\">Frame type of the whole model at the end:" : ";",
              page);
        say_type(page, report, &report->groups[g], cell, arena);
    }
    if (unsaid > 0)
        fprintf(page,
                unsaid == 1 ? "; that of one more stands below" : "; those of %zu more stand below",
                unsaid);
    fputs(said > 0 ? ".</p>\n" : "", page);
}
