#include "results/report/group_values.h"
#include "results/report/html.h"
#include "results/report/metrics.h"

#include <math.h>
#include <string.h>

void html_estimate(FILE *page, double value, double low, double high) {
    char text[3][NUMBER_TEXT_BYTES];
    if (isnan(value)) {
        fputs("none", page);
        return;
    }
    fputs(number_text(value, text[0]), page);
    if (!isnan(low) && !isnan(high))
        fprintf(page, "<small>%s to %s</small>", number_text(low, text[1]),
                number_text(high, text[2]));
}

void html_heading(FILE *page, const char *scope, const char *text) {
    fprintf(page, "<th scope=\"%s\">", scope);
    output_html(page, text);
    fputs("</th>", page);
}

/* A group's name as a heading, with its colour as in the figures. */
static void group_heading(FILE *page, const char *scope, const Group *group) {
    fprintf(page, "<th scope=\"%s\"><span class=\"swatch\" style=\"background:%s\"></span>", scope,
            group->colour);
    output_html(page, group->label);
    fputs("</th>", page);
}

void html_group_headings(FILE *page, const Report *report, const char *first, const Group *except) {
    fputs("<div class=\"scroll\"><table>\n<thead><tr>", page);
    html_heading(page, "col", first);
    for (size_t g = 0; g < report->group_count; g++)
        if (report->groups[g].run_count > 0 && &report->groups[g] != except)
            group_heading(page, "col", &report->groups[g]);
}

void html_table_end(FILE *page) {
    fputs("</tbody></table></div>\n", page);
}

static void onset_cell(FILE *page, const Onset *onset) {
    if (!onset->present) {
        fputs("<td>not measured</td>", page);
        return;
    }
    char text[2][NUMBER_TEXT_BYTES];
    fputs("<td>", page);
    html_estimate(page, onset->step, NAN, NAN);
    if (!isnan(onset->low))
        fprintf(page, "<small>%s to %s</small>", number_text(onset->low, text[0]),
                isnan(onset->high) ? "never" : number_text(onset->high, text[1]));
    if (strcmp(onset_direction(onset), "falls") == 0)
        fprintf(page, "<small>falls from %s to %s</small>", number_text(onset->first, text[0]),
                number_text(onset->reached, text[1]));
    if (isnan(onset->step)) {
        fputs("<small class=\"reason\">", page);
        output_html(page, onset->reason);
        fputs("</small>", page);
    }
    if (onset->without > 0 && onset->without < ONSET_DRAWS)
        fprintf(page, "<small>no onset in %s of %s draws</small>",
                integer_text(onset->without, text[0]), integer_text(ONSET_DRAWS, text[1]));
    if (onset->against > 0)
        fprintf(page, "<small>the other way in %s of %s draws</small>",
                integer_text(onset->against, text[0]), integer_text(ONSET_DRAWS, text[1]));
    fputs("</td>", page);
}

void html_onsets(FILE *page, const OnsetTable *onsets) {
    const Report *report = onsets->report;
    if (onsets->row_count == 0) {
        fputs("<p class=\"notice\">No analysed run has a metric by step yet.</p>\n", page);
        return;
    }
    html_group_headings(page, report, "Metric, at the sinking head", NULL);
    fputs("</tr></thead>\n<tbody>\n", page);
    bool samples = false, seeds = false;
    for (size_t r = 0; r < onsets->row_count; r++) {
        const OnsetRow *row = &onsets->rows[r];
        fputs("<tr>", page);
        html_heading(page, "row", row->label);
        for (size_t g = 0; g < report->group_count; g++) {
            if (report->groups[g].run_count == 0)
                continue;
            onset_cell(page, &row->onsets[g]);
            samples = samples || (row->onsets[g].present && row->onsets[g].over_samples);
            seeds = seeds || (row->onsets[g].present && !row->onsets[g].over_samples);
        }
        fputs("</tr>\n", page);
    }
    fputs("</tbody></table></div>\n<p class=\"note\">The first saved step from which the metric, "
          "averaged over seeds and samples, stays beyond half of its final change for three saved "
          "steps. “None”: there is no such step, or the change stays within three standard "
          "deviations (over samples) of the untrained model. ",
          page);
    if (samples)
        fputs(
            "Small type: 95 % of 1,000 bootstrap draws that resample seeds and, within each seed, "
            "probe samples. ",
            page);
    if (seeds)
        fputs(samples ? "Where no values per sample are kept, seeds alone are drawn. "
                      : "Small type: 95 % of 1,000 bootstrap draws over seeds. ",
              page);
    fputs(
        "A draw without an onset counts as later than every step: “to never” where more "
        "than the tail has none. Against its peak: half of the way to the value farthest from the "
        "first, for sinks that rise and fall. Where nothing else is said the metric rises: “falls” "
        "is said of one whose change, by then half made, is downwards. An onset can only fall on a "
        "saved step, so the "
        "interval is as coarse as the snapshots.</p>\n",
        page);
}

/* The null that most groups have and, in small type, those of groups whose mask gives another. */
static void null_cell(FILE *page, const Report *report, const Quantity *quantity, Arena *arena) {
    char text[NUMBER_TEXT_BYTES];
    const Group **groups = ARENA_ARRAY(arena, const Group *, report->group_count);
    double *nulls = ARENA_ARRAY(arena, double, report->group_count);
    NullClass *classes = NULL;
    size_t count = 0;
    for (size_t g = 0; g < report->group_count; g++) {
        const Group *group = &report->groups[g];
        if (group->run_count == 0)
            continue;
        groups[count] = group;
        nulls[count++] = quantity_null(group, quantity, group->sink_layer, SINKING_HEAD, arena);
    }
    size_t found = null_classes(groups, nulls, count, arena, &classes);
    bool known = found > 0 && !isnan(classes[0].null);
    fprintf(page, "<td class=\"null\">%s", known ? number_text(classes[0].null, text) : "–");
    for (size_t c = 1; known && c < found; c++) {
        fputs("<small>", page);
        html_null_class(page, report, &classes[c], arena);
        fputs("</small>", page);
    }
    fputs("</td>", page);
}

/* What the intervals in a table are. */
typedef struct IntervalKinds {
    bool nested, seeds, samples; /* over seeds and samples, seeds alone, samples alone */
} IntervalKinds;

static void final_cell(FILE *page, const Group *group, const Quantity *quantity,
                       IntervalKinds *kinds) {
    Arena scratch = arena_create("metrics at the last step");
    GroupValues values;
    Curve curve;
    Estimate last = {.mean = NAN, .low = NAN, .high = NAN};
    if (group_values_read(group, quantity, group->sink_layer, SINKING_HEAD, &scratch, &values))
        last = group_values_estimate(&values, -1, &scratch);
    if (last.count > 1) {
        kinds->nested = kinds->nested || values.over_samples;
        kinds->seeds = kinds->seeds || !values.over_samples;
    } else if (curve_read(group, quantity, group->sink_layer, SINKING_HEAD, &scratch, &curve)) {
        last.mean = curve.mean[curve.count - 1];
        last.low = curve.low[curve.count - 1];
        last.high = curve.high[curve.count - 1];
        kinds->samples = kinds->samples || !isnan(last.low);
    }
    fputs("<td>", page);
    if (isnan(last.mean))
        fputs("–", page);
    else
        html_estimate(page, last.mean, last.low, last.high);
    fputs("</td>", page);
    arena_destroy(&scratch);
}

/* Whether any analysed run holds the metric at its group's sinking head. */
static bool metric_held(const Report *report, const Metric *metric) {
    bool held = false;
    for (size_t g = 0; g < report->group_count && !held; g++) {
        Arena scratch = arena_create("a metric");
        const Group *group = &report->groups[g];
        Curve curve;
        held =
            curve_read(group, &metric->quantity, group->sink_layer, SINKING_HEAD, &scratch, &curve);
        arena_destroy(&scratch);
    }
    return held;
}

static void final_row(FILE *page, const Report *report, const Metric *metric, IntervalKinds *kinds,
                      Arena *arena) {
    fputs("<tr>", page);
    html_heading(page, "row", metric->label);
    for (size_t g = 0; g < report->group_count; g++)
        if (report->groups[g].run_count > 0)
            final_cell(page, &report->groups[g], &metric->quantity, kinds);
    null_cell(page, report, &metric->quantity, arena);
    fputs("</tr>\n", page);
}

static void metrics_note(FILE *page, const Report *report, const IntervalKinds *kinds) {
    fputs("<p class=\"note\">Mean over seeds, at each group’s head with the largest importance of "
          "the first token at the last step. ",
          page);
    if (kinds->nested)
        fputs("Small type: 95 % of 1,000 bootstrap draws over seeds and, within each, probe "
              "samples; of two or three seeds that is about their range. ",
              page);
    if (kinds->seeds)
        fputs(kinds->nested ? "Where no values per sample are kept, seeds alone are drawn. "
                            : "Small type: 95 % of 1,000 bootstrap draws over seeds; of two or "
                              "three that is about their range. ",
              page);
    if (kinds->samples && !kinds->nested && !kinds->seeds)
        fputs("Small type: 95 % bootstrap interval over probe samples (one seed). ", page);
    if (report->row_sums)
        fputs(
            "Not all rows of attention sum to 1 here: importance and sink rate where no scaling is "
            "named, the induction score, the Fiedler value, degree centralization, star likeness "
            "and persistence are made of the weights as they are, so that they also hold how much "
            "attention there is, while their nulls are of rows that sum to 1. ",
            page);
    fputs("The last column is the same quantity on uniform attention under the same mask, where it "
          "is made from attention alone; small type: where it is another. All values are in <a "
          "href=\"summary.csv\">summary.csv</a>."
          "</p>\n",
          page);
}

void html_metrics(FILE *page, const Report *report, Arena *arena) {
    fputs("<h2 id=\"metrics\">Metrics at the last step</h2>\n", page);
    html_group_headings(page, report, "Metric", NULL);
    html_heading(page, "col", "uniform attention");
    fputs("</tr></thead>\n<tbody>\n<tr>", page);
    html_heading(page, "row", "measured at");
    for (size_t g = 0; g < report->group_count; g++) {
        const Group *group = &report->groups[g];
        if (group->run_count == 0)
            continue;
        fprintf(page, "<td>%s%s</td>", sinking_text(group, true, arena),
                group->sink_known ? "" : "<small>no sinks analysed</small>");
    }
    fputs("<td class=\"null\"></td></tr>\n", page);
    IntervalKinds kinds = {0};
    for (size_t m = 0; m < metric_count; m++)
        if (metric_listed(report, &metrics[m]) && metric_held(report, &metrics[m]))
            final_row(page, report, &metrics[m], &kinds, arena);
    html_table_end(page);
    metrics_note(page, report, &kinds);
}

void html_runs(FILE *page, const Report *report) {
    fputs("<h2 id=\"runs\">Runs</h2>\n<div class=\"scroll\"><table>\n<thead><tr>", page);
    static const char *const headings[] = {"Run", "Seed", "Status", "Steps", "Remark"};
    for (size_t i = 0; i < sizeof(headings) / sizeof(headings[0]); i++)
        html_heading(page, "col", headings[i]);
    fputs("</tr></thead>\n<tbody>\n", page);
    for (size_t r = 0; r < report->run_count; r++) {
        const RunData *run = &report->runs[r];
        char seed[NUMBER_TEXT_BYTES], steps[NUMBER_TEXT_BYTES];
        fputs("<tr>", page);
        html_heading(page, "row", run->run->name);
        fprintf(page, "<td>%s</td><td>", integer_text(run->run->seed, seed));
        output_html(page, run->run->status);
        fprintf(page, "</td><td>%s</td><td>",
                run->facts.steps > 0 ? integer_text(run->facts.steps, steps) : "–");
        output_html(page, run->run->failure);
        if (*run->run->failure != '\0' && *run->reason != '\0')
            fputs("; ", page);
        output_html(page, run->reason);
        fputs("</td></tr>\n", page);
    }
    fputs("</tbody></table></div>\n", page);
}
