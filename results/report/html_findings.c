/* The paragraph that says in words what the numbers are. */
#include "results/report/html.h"
#include "results/report/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GROUPS_IN_WORDS = 6 };

/* A group's final importance of the first position, in its sinking head; where rows of attention do
   not all sum to 1, as a share of theirs. */
typedef struct Finding {
    const Group *group;
    const Onset *onset; /* or NULL */
    double step, value, low, high, null;
    double weight, total; /* importance as it is, and what a row sums to; NaN: that is 1 */
    int seeds;
    BandKind band;
} Finding;

static int compare_findings(const void *a, const void *b) {
    double first = ((const Finding *)a)->value, second = ((const Finding *)b)->value;
    return (first < second) - (first > second);
}

/* The last value of a quantity at the group's sinking heads, mean over seeds; NaN for none. */
static double last_mean(const Group *group, const Quantity *quantity, Arena *arena) {
    Curve curve;
    return curve_read(group, quantity, group->sink_layer, SINKING_HEAD, arena, &curve)
               ? curve.mean[curve.count - 1]
               : NAN;
}

static void add_row_sums(Finding *finding, Arena *arena) {
    static const Quantity total = {"attention_total", {{NULL, 0}}};
    finding->total = last_mean(finding->group, &total, arena);
    finding->weight = last_mean(finding->group, &bos_importance, arena);
    if (!(fabs(finding->total - 1) > 1e-3))
        finding->total = NAN;
}

/* The onsets of a quantity, not of its peak; NULL for none. */
static const OnsetRow *onsets_of(const OnsetTable *onsets, const Quantity *quantity) {
    for (size_t r = 0; r < onsets->row_count; r++)
        if (onsets->rows[r].metric != NULL &&
            strcmp(onsets->rows[r].metric->quantity.variable, quantity->variable) == 0)
            return &onsets->rows[r];
    return NULL;
}

static size_t collect(const Report *report, Arena *arena, Finding *findings) {
    size_t count = 0;
    for (size_t g = 0; g < report->group_count; g++) {
        const Group *group = &report->groups[g];
        const Quantity *quantity = report->row_sums ? &bos_share : &bos_importance;
        Curve curve;
        if (report->row_sums && !curve_read(group, quantity, 0, 0, arena, &curve))
            quantity = &bos_importance; /* an analysis made before shares were */
        if (!group->sink_known ||
            !curve_read(group, quantity, group->sink_layer, SINKING_HEAD, arena, &curve))
            continue;
        int last = curve.count - 1;
        if (isnan(curve.mean[last]))
            continue;
        const OnsetRow *row = onsets_of(&report->tables->onsets, quantity);
        findings[count] = (Finding){
            .group = group,
            .onset = row != NULL && row->onsets[g].present ? &row->onsets[g] : NULL,
            .step = curve.step[last],
            .value = curve.mean[last],
            .low = curve.low[last],
            .high = curve.high[last],
            .null = quantity_null(group, quantity, group->sink_layer, SINKING_HEAD, arena),
            .seeds = curve.seeds[last],
            .band = curve.band,
            .total = NAN,
        };
        if (quantity == &bos_share)
            add_row_sums(&findings[count], arena);
        count++;
    }
    qsort(findings, count, sizeof(*findings), compare_findings);
    return count;
}

static const char *separator(size_t i, size_t count) {
    return i == 0 ? "" : i + 1 < count ? "," : " and";
}

/* The null that most of the groups have, then those of groups whose mask gives another one. */
static void say_nulls(FILE *page, const Report *report, const Finding *findings, size_t count,
                      Arena *arena) {
    char text[NUMBER_TEXT_BYTES];
    const Group **groups = ARENA_ARRAY(arena, const Group *, count);
    double *nulls = ARENA_ARRAY(arena, double, count);
    NullClass *classes;
    for (size_t i = 0; i < count; i++)
        groups[i] = findings[i].group, nulls[i] = findings[i].null;
    size_t found = null_classes(groups, nulls, count, arena, &classes);
    if (isnan(classes[0].null))
        return;
    fprintf(page, ". Uniform attention would give it %s", number_text(classes[0].null, text));
    for (size_t c = 1; c < found; c++) {
        fputs(c == 1 ? ", but " : c + 1 < found ? ", " : ", and ", page);
        html_null_class(page, report, &classes[c], arena);
    }
}

static void say_importance(FILE *page, const Report *report, const Finding *findings, size_t count,
                           Arena *arena) {
    char text[3][NUMBER_TEXT_BYTES];
    size_t said = count < GROUPS_IN_WORDS ? count : GROUPS_IN_WORDS;
    bool same_step = true;
    for (size_t i = 1; i < count; i++)
        same_step = same_step && findings[i].step == findings[0].step;
    if (same_step)
        fprintf(page, "At step %s", integer_text((long long)findings[0].step, text[0]));
    else
        fputs("At the last saved step", page);
    fputs(" the first token receives ", page);
    for (size_t i = 0; i < said; i++) {
        const Finding *finding = &findings[i];
        fprintf(page, "%s%s<strong>%s</strong>", separator(i, said), i > 0 ? " " : "",
                number_text(finding->value, text[0]));
        if (!isnan(finding->low) && !isnan(finding->high))
            fprintf(page, " (%s to %s%s)", number_text(finding->low, text[1]),
                    number_text(finding->high, text[2]),
                    finding->band == BAND_SAMPLES ? " over samples" : "");
        if (i == 0)
            fputs(" of the attention", page);
        output_html(page, group_phrase(report, finding->group, arena));
        if (!isnan(finding->total))
            fprintf(page, " (weight %s in rows that sum to %s)",
                    number_text(finding->weight, text[0]), number_text(finding->total, text[1]));
    }
    fputs(count > 1 ? ", each in its strongest head" : " in the strongest head", page);
    if (count > said)
        fprintf(page,
                count - said == 1 ? "; the other setting gives less"
                                  : "; the other %zu settings give less",
                count - said);
    say_nulls(page, report, findings, said, arena);
    fputs(". ", page);
    int fewest = findings[0].seeds, most = fewest;
    for (size_t i = 1; i < said; i++) {
        fewest = findings[i].seeds < fewest ? findings[i].seeds : fewest;
        most = findings[i].seeds > most ? findings[i].seeds : most;
    }
    const char *kind = fewest >= 5 ? "Means, with 95 % intervals," : "Means and ranges";
    if (most > 1 && fewest == most)
        fprintf(page, "%s over %d seeds. ", kind, most);
    else if (most > 1)
        fprintf(page, "%s over %d to %d seeds. ", kind, fewest, most);
}

static void say_onset(FILE *page, const Report *report, const Finding *findings, size_t count,
                      Arena *arena) {
    char text[3][NUMBER_TEXT_BYTES];
    size_t said = 0, with = 0;
    for (size_t i = 0; i < count && i < GROUPS_IN_WORDS; i++)
        with += findings[i].onset != NULL && !isnan(findings[i].onset->step);
    for (size_t i = 0; i < count && i < GROUPS_IN_WORDS; i++) {
        const Onset *onset = findings[i].onset;
        if (onset == NULL || isnan(onset->step))
            continue;
        fprintf(page, "%s%s %s", said == 0 ? "Half of the change is there from step" : "",
                separator(said, with), number_text(onset->step, text[0]));
        if (!isnan(onset->low) && onset->low != onset->high)
            fprintf(page, " (%s to %s)", number_text(onset->low, text[1]),
                    isnan(onset->high) ? "never" : number_text(onset->high, text[2]));
        output_html(page, group_phrase(report, findings[i].group, arena));
        if (strcmp(onset_direction(onset), "falls") == 0)
            fputs(" (a fall)", page);
        said++;
    }
    if (said > 0)
        fputs(". ", page);
}

/* "No onset under a and b: why." for each reason. */
static void say_no_onset(FILE *page, const Report *report, const Finding *findings, size_t count,
                         Arena *arena) {
    bool done[GROUPS_IN_WORDS] = {false};
    size_t shown = count < GROUPS_IN_WORDS ? count : GROUPS_IN_WORDS;
    for (size_t i = 0; i < shown; i++) {
        const Onset *onset = findings[i].onset;
        if (onset == NULL || !isnan(onset->step) || done[i])
            continue;
        size_t alike[GROUPS_IN_WORDS], alike_count = 0;
        for (size_t k = i; k < shown; k++) {
            const Onset *other = findings[k].onset;
            done[k] = done[k] || (other != NULL && isnan(other->step) &&
                                  strcmp(other->reason, onset->reason) == 0);
            if (done[k] && other != NULL && strcmp(other->reason, onset->reason) == 0)
                alike[alike_count++] = k;
        }
        fputs("No onset", page);
        for (size_t k = 0; k < alike_count; k++) {
            fputs(separator(k, alike_count), page);
            output_html(page, group_phrase(report, findings[alike[k]].group, arena));
        }
        fputs(": ", page);
        output_html(page, onset->reason);
        fputs(". ", page);
    }
}

static void say_mixed_data(FILE *page, const Report *report) {
    for (size_t g = 0; g < report->group_count; g++) {
        if (!report->groups[g].mixed_data)
            continue;
        fputs("<p class=\"notice\">The runs of ", page);
        output_html(page, report->groups[g].label);
        fputs(" are seeds of different data: the files that <code>data</code> names have changed "
              "between them. Means, intervals and tests over them say nothing of either.</p>\n",
              page);
    }
}

void html_findings(FILE *page, const Report *report, Arena *arena) {
    say_mixed_data(page, report);
    Finding *findings = ARENA_ARRAY(arena, Finding, report->group_count);
    size_t count = collect(report, arena, findings);
    if (count == 0) {
        fputs("<p class=\"notice\">", page);
        fputs(report->analyzed_count == 0
                  ? "No run has been analysed yet: there is nothing to draw."
                  : "The sinks were not analysed (<code>analysis: "
                    "[sinks]</code>), so that this report cannot say where "
                    "the first token’s attention goes.",
              page);
        fputs("</p>\n", page);
        return;
    }
    fputs("<p class=\"findings\">", page);
    say_importance(page, report, findings, count, arena);
    say_onset(page, report, findings, count, arena);
    say_no_onset(page, report, findings, count, arena);
    fputs("</p>\n", page);
}
