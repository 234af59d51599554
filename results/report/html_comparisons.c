/* Tests: the groups against the first one over seeds, and those that analyses make within a run. */
#include "results/report/html.h"
#include "results/report/run_tests.h"

#include <math.h>
#include <string.h>

static const double SIGNIFICANT = 0.05;

static void write_family(FILE *page, size_t tests) {
    char text[NUMBER_TEXT_BYTES];
    fprintf(page, "%s test%s of this table", integer_text((long long)tests, text),
            tests == 1 ? "" : "s");
}

/* "+0.12", "−0.12" */
static void write_difference(FILE *page, double difference) {
    char text[NUMBER_TEXT_BYTES];
    fprintf(page, "%s%s", difference > 0 ? "+" : "", number_text(difference, text));
}

static void tested_cell(FILE *page, const Comparison *item) {
    char text[4][NUMBER_TEXT_BYTES];
    const UnpairedTest *test = &item->test;
    bool significant = item->p_holm < SIGNIFICANT;
    fputs(significant ? "<td><strong>" : "<td>", page);
    write_difference(page, test->difference);
    fputs(significant ? "</strong>" : "", page);
    if (!isnan(test->effect))
        fprintf(page, "<small>g %s (%s to %s)</small>", number_text(test->effect, text[0]),
                number_text(test->low, text[1]), number_text(test->high, text[2]));
    if (!isnan(test->p)) {
        fprintf(page, "<small>p %s (%s", number_text(item->p_holm, text[0]),
                number_text(test->p, text[1]));
        fprintf(page, isnan(test->exact_p) ? ")</small>" : "; exact %s)</small>",
                number_text(test->exact_p, text[2]));
    } else if (test->first_count > 1 && test->second_count > 1) {
        fprintf(page, "<small>no spread (exact p %s)</small>", number_text(test->exact_p, text[0]));
    }
    if (!isnan(item->paired.p))
        fprintf(page, "<small>paired p %s (%s)</small>", number_text(item->paired_p_holm, text[0]),
                number_text(item->paired.p, text[1]));
    fputs("</td>", page);
}

static void comparison_cell(FILE *page, const Comparison *item) {
    if (!item->present) {
        fputs("<td>–</td>", page);
        return;
    }
    if (item->untested == UNTESTED_NOT) {
        tested_cell(page, item);
        return;
    }
    fputs("<td>", page);
    write_difference(page, item->test.difference);
    if (item->untested == UNTESTED_PROBES)
        fputs("<small>other probe</small>", page);
    if (item->untested == UNTESTED_NULLS) {
        double nulls = item->null - item->first_null;
        fputs(isnan(nulls) ? "<small>one null is not defined" : "<small>null ", page);
        if (!isnan(nulls))
            write_difference(page, nulls);
        fputs("</small>", page);
    }
    fputs("</td>", page);
}

/* ", n = 3 seeds a group" or, where they differ, "2 to 3". */
static void write_counts(FILE *page, int least, int most, const char *of) {
    fprintf(page, ", n = %d", least);
    if (most > least)
        fprintf(page, " to %d", most);
    fprintf(page, " %s", of);
}

/* The groups but the first one. */
static bool is_compared(const ComparisonTable *table, const Group *group) {
    return group->run_count > 0 && group != table->first;
}

/* Which of the table's differences are what. */
typedef struct ComparisonKinds {
    bool missing, nulls, probes, equal;
    bool by_layer;   /* some have a layer … */
    bool sink_known; /* … and some group's sinks are analysed */
    bool spreadless; /* differences that could be tested but for their spread over seeds */
} ComparisonKinds;

static ComparisonKinds comparison_kinds(const ComparisonTable *table) {
    ComparisonKinds kinds = {0};
    for (size_t g = 0; g < table->report->group_count; g++)
        kinds.sink_known = kinds.sink_known || table->report->groups[g].sink_known;
    for (size_t r = 0; r < table->row_count; r++) {
        kinds.by_layer = kinds.by_layer || table->rows[r].layer >= 0;
        for (size_t g = 0; g < table->report->group_count; g++) {
            const Comparison *item = &table->rows[r].items[g];
            if (!item->present) {
                kinds.missing = kinds.missing || is_compared(table, &table->report->groups[g]);
                continue;
            }
            kinds.nulls = kinds.nulls || item->untested == UNTESTED_NULLS;
            kinds.probes = kinds.probes || item->untested == UNTESTED_PROBES;
            kinds.equal = kinds.equal || item->untested == UNTESTED_EQUAL;
            kinds.spreadless =
                kinds.spreadless || (item->untested == UNTESTED_NOT && isnan(item->test.p));
        }
    }
    return kinds;
}

/* What small type and bold are. */
static void note_tests(FILE *page, const ComparisonTable *table) {
    char text[NUMBER_TEXT_BYTES];
    fputs("Small type: Hedges’ g with its 95 % interval (noncentral t); p of Welch’s two-sided "
          "t-test over seeds, corrected by Holm over the ",
          page);
    write_family(page, table->tests);
    write_counts(page, table->least_seeds, table->most_seeds, "seeds a group");
    fputs("; in brackets the same p and that of the exact permutation test of the means, both "
          "uncorrected. Bold: corrected p below 0.05. ",
          page);
    double least = unpaired_least_p((size_t)table->most_seeds, (size_t)table->most_seeds);
    if (least * (double)table->tests >= SIGNIFICANT)
        fprintf(page,
                "With so few seeds the exact p cannot fall below %s, which no correction "
                "survives: what is bold rests on Welch’s assumption that values are normal over "
                "seeds, and most true differences will not be bold. ",
                number_text(least, text));
    if (table->most_pairs == 0)
        return;
    fputs("Runs of one seed share what it draws (initial weights, training data and probe, as far "
          "as the settings leave these alike). Both tests take them as independent and so miss "
          "small differences that all seeds share; the paired t-test of the differences within "
          "seeds does not: “paired p”, corrected by Holm over its own column, in brackets "
          "uncorrected",
          page);
    write_counts(page, table->least_pairs, table->most_pairs, "pairs. ");
}

/* Why the others are not tested. */
static void note_untested(FILE *page, const ComparisonTable *table, const ComparisonKinds *kinds) {
    if (kinds->nulls)
        fputs("“Null”: how much more uniform attention gives the group than it gives the first "
              "one, since their masks or lengths differ; such values are not compared without it, "
              "so that there is no test. What has the same null, or none, is tested as it is. ",
              page);
    if (kinds->probes)
        fputs("“Other probe”: runs of one seed are given other tokens or have others to predict, "
              "so that there is no test of their losses. ",
              page);
    if (kinds->equal)
        fputs("0: equal to a millionth of the values, not tested. ", page);
    if (kinds->missing)
        fputs("A dash: one of the two has no such value. ", page);
    if (kinds->spreadless && table->tests == 0)
        fputs("Too few seeds, or none that differ: nothing is known of the spread over seeds, so "
              "that there is no test. ",
              page);
}

/* Where both groups are measured. */
static void note_layers(FILE *page, const ComparisonTable *table, const ComparisonKinds *kinds) {
    if (kinds->by_layer && !kinds->sink_known)
        fputs("Sinks are not analysed: layer 0 is compared. ", page);
    if (!kinds->by_layer || !kinds->sink_known)
        return;
    fputs("Each layer in which some group sinks is compared on its own, every run at its own "
          "strongest head there",
          page);
    if (table->first->sink_known) {
        fputs("; ", page);
        output_html(page, table->first->label);
        fprintf(page, " sinks in %s", sinking_text(table->first, true, table->report->arena));
    }
    fputs(". ", page);
}

static void comparisons_note(FILE *page, const ComparisonTable *table,
                             const ComparisonKinds *kinds) {
    fputs("<p class=\"note\">Mean over seeds minus that of ", page);
    output_html(page, table->first->label);
    fputs(" at the last saved step. ", page);
    note_layers(page, table, kinds);
    if (table->tests > 0)
        note_tests(page, table);
    note_untested(page, table, kinds);
    fputs("All numbers are in <a href=\"comparisons.csv\">comparisons.csv</a>.</p>\n", page);
}

static void write_sinking_row(FILE *page, const ComparisonTable *table) {
    fputs("<tr>", page);
    html_heading(page, "row", "sinks in");
    for (size_t g = 0; g < table->report->group_count; g++) {
        const Group *group = &table->report->groups[g];
        if (is_compared(table, group))
            fprintf(page, "<td>%s</td>",
                    group->sink_known ? sinking_text(group, true, table->report->arena) : "–");
    }
    fputs("</tr>\n", page);
}

void html_comparisons(FILE *page, const ComparisonTable *table) {
    if (table->first == NULL)
        return;
    const Report *report = table->report;
    const ComparisonKinds kinds = comparison_kinds(table);
    fputs("<h2 id=\"comparisons\">Differences from ", page);
    output_html(page, table->first->label);
    fputs("</h2>\n", page);
    html_group_headings(page, report, "Metric", table->first);
    fputs("</tr></thead>\n<tbody>\n", page);
    if (kinds.by_layer && kinds.sink_known)
        write_sinking_row(page, table);
    for (size_t r = 0; r < table->row_count; r++) {
        const ComparisonRow *row = &table->rows[r];
        fputs("<tr>", page);
        html_heading(page, "row",
                     row->layer < 0 ? row->metric->label
                                    : arena_format(report->arena, "%s, layer %d",
                                                   row->metric->label, row->layer));
        for (size_t g = 0; g < report->group_count; g++)
            if (is_compared(table, &report->groups[g]))
                comparison_cell(page, &row->items[g]);
        fputs("</tr>\n", page);
    }
    html_table_end(page);
    comparisons_note(page, table, &kinds);
}

/* ---- Within runs ----------------------------------------------------------------------------- */

static bool same_row(const RunTest *a, const RunTest *b) {
    return a->kind == b->kind && a->layer == b->layer;
}

/* A correlation that is 0 but for rounding is shown as 0. */
static const char *value_text(double value, char buffer[NUMBER_TEXT_BYTES]) {
    return number_text(fabs(value) < 1e-12 ? 0 : value, buffer);
}

/* The group's seeds in a row that begins at first: their mean value and how many are significant.
 */
static void run_test_cell(FILE *page, const RunTestTable *table, const RunTest *first,
                          const Group *group) {
    char text[2][NUMBER_TEXT_BYTES];
    double sum = 0, least = INFINITY, largest = -INFINITY, p = NAN;
    int seeds = 0, significant = 0;
    for (const RunTest *test = first; test < table->items + table->count && same_row(test, first);
         test++) {
        if (test->group != group || isnan(test->p))
            continue;
        sum += test->value;
        least = fmin(least, test->value);
        largest = fmax(largest, test->value);
        p = test->p_holm;
        significant += test->p_holm < SIGNIFICANT;
        seeds++;
    }
    if (seeds == 0) {
        fputs("<td>–</td>", page);
        return;
    }
    fprintf(page, "<td>%s", value_text(sum / seeds, text[0]));
    if (seeds == 1) {
        fprintf(page, "<small>p %s</small></td>", number_text(p, text[0]));
        return;
    }
    fprintf(page, "<small>%s to %s</small>", value_text(least, text[0]),
            value_text(largest, text[1]));
    fprintf(page, "<small>p &lt; 0.05 in %d of %d</small></td>", significant, seeds);
}

/* "Spearman’s rank correlation (n = 64 sequences)" for each test of the table. */
static void say_tests(FILE *page, const RunTestTable *table) {
    static const char *const units[] = {
        [OVER_SEQUENCES] = "sequences", [OVER_LAYERS] = "layers", [OVER_HEADS] = "heads"};
    const char *said = "";
    for (const RunTest *test = table->items; test < table->items + table->count; test++) {
        if (isnan(test->p) || strcmp(test->kind->test, said) == 0)
            continue;
        char text[NUMBER_TEXT_BYTES];
        fputs(*said != '\0' ? "; " : "", page);
        said = test->kind->test;
        output_html(page, said);
        if (isnan(test->n))
            fprintf(page, " over %s", units[test->kind->unit]);
        else
            fprintf(page, " (n = %s %s)", number_text(test->n, text), units[test->kind->unit]);
    }
}

/* How many of a kind's tests are defined. */
static size_t count_defined(const RunTestTable *table, const RunTestKind *kind) {
    size_t defined = 0;
    for (size_t i = 0; i < table->count; i++)
        defined += table->items[i].kind == kind && !isnan(table->items[i].p);
    return defined;
}

/* Why the first of a kind's tests that are not defined is not; NULL where all are. */
static const char *missing_reason(const RunTestTable *table, const RunTestKind *kind,
                                  Arena *arena) {
    for (size_t i = 0; i < table->count; i++) {
        if (table->items[i].kind != kind || !isnan(table->items[i].p))
            continue;
        const char *reason = run_undefined(table->items[i].run, kind->p.variable, arena);
        return *reason != '\0' ? reason : "the file does not say why";
    }
    return NULL;
}

/* One reason: for kinds without any test, which the table leaves out, and for the table's dashes.
 */
static void say_reason(FILE *page, const RunTestTable *table, const char *reason, Arena *arena) {
    const RunTestKind *last = NULL;
    const char *names = "";
    bool dashes = false;
    for (size_t i = 0; i < table->count; i++) {
        const RunTestKind *kind = table->items[i].kind;
        const char *own = kind == last ? NULL : missing_reason(table, kind, arena);
        last = kind;
        if (own == NULL || strcmp(own, reason) != 0)
            continue;
        if (count_defined(table, kind) > 0)
            dashes = true;
        else
            names = arena_format(arena, "%s%s%s", names, *names != '\0' ? ", " : "", kind->label);
    }
    if (dashes)
        output_html(page, arena_format(arena, " A dash stands for “not defined”: %s.", reason));
    if (*names != '\0')
        output_html(page, arena_format(arena, " Not defined: %s (%s).", names, reason));
}

/* Why tests are missing, each reason once. */
static void say_undefined(FILE *page, const RunTestTable *table, Arena *arena) {
    const char **said = ARENA_ARRAY(arena, const char *, table->count);
    size_t count = 0;
    for (size_t i = 0; i < table->count; i++) {
        const RunTestKind *kind = table->items[i].kind;
        const char *reason =
            i > 0 && kind == table->items[i - 1].kind ? NULL : missing_reason(table, kind, arena);
        bool known = reason == NULL;
        for (size_t k = 0; k < count && !known; k++)
            known = strcmp(said[k], reason) == 0;
        if (known)
            continue;
        said[count++] = reason;
        say_reason(page, table, reason, arena);
    }
}

void html_tests(FILE *page, const Report *report, SectionKind section, Arena *arena) {
    RunTestTable table;
    run_test_table(report, section, arena, &table);
    if (table.count == 0)
        return;
    if (table.tests > 0) {
        fputs("<h3>Tests within runs at the last step</h3>\n", page);
        html_group_headings(page, report, "Tested", NULL);
        fputs("</tr></thead>\n<tbody>\n", page);
    }
    for (size_t i = 0; i < table.count; i++) {
        const RunTest *test = &table.items[i];
        if ((i > 0 && same_row(test, test - 1)) || count_defined(&table, test->kind) == 0)
            continue;
        fputs("<tr>", page);
        html_heading(page, "row",
                     test->layer < 0
                         ? test->kind->label
                         : arena_format(arena, "%s, layer %d", test->kind->label, test->layer));
        for (size_t g = 0; g < report->group_count; g++)
            if (report->groups[g].run_count > 0)
                run_test_cell(page, &table, test, &report->groups[g]);
        fputs("</tr>\n", page);
    }
    if (table.tests > 0)
        html_table_end(page);
    fputs("<p class=\"note\">", page);
    if (table.tests > 0) {
        fputs("Mean and range over seeds. p: two-sided, ", page);
        say_tests(page, &table);
        fputs(" in each run, corrected by Holm over the ", page);
        write_family(page, table.tests);
        fputs(" (rows, groups and seeds). All are in <a href=\"tests.csv\">tests.csv</a>.", page);
    }
    say_undefined(page, &table, arena);
    fputs("</p>\n", page);
}
