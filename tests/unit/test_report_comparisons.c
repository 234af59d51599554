/* Differences between groups: what is tested, what is not and why, on runs whose numbers are
   known. */
#include "results/report/comparison.h"
#include "results/report/html.h"
#include "tests/support/numbers.h"
#include "tests/support/report_case.h"
#include "tests/support/scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { SEEDS = 3, RUNS = 2 * SEEDS, METRICS_LARGEST = 3 };

/* Two groups, "first" and "other", of three seeds each, the other's in descending order. */
typedef struct Pair {
    CaseMetric metrics[RUNS][METRICS_LARGEST]; /* first's runs, then other's */
    size_t count;
    int targets[RUNS]; /* of the probe */
} Pair;

/* What the report makes of it; page and file are to be freed. */
typedef struct Made {
    Arena arena;
    Report report;
    ComparisonTable table;
    char *page, *file;
} Made;

static int seed_of(int run) {
    return run < SEEDS ? run + 1 : RUNS - run;
}

static ReportRun make_run(void *const *state, const Pair *pair, int r, Arena *arena) {
    static const char *const values[] = {"first", "other"};
    static const bool given = true;
    char name[32];
    snprintf(name, sizeof name, "run%d", r);
    const char *directory = arena_string(arena, scratch_path(state, name));
    mkdir(directory, 0777);
    report_case_metrics(directory, pair->metrics[r], pair->count);
    report_case_probe(directory, pair->targets[r]);
    return (ReportRun){.name = directory,
                       .directory = directory,
                       .seed = seed_of(r),
                       .swept_values = &values[r / SEEDS],
                       .given = &given,
                       .status = "done",
                       .failure = ""};
}

static void make(void *const *state, const Pair *pair, Made *made) {
    static const char *const key = "model.position";
    made->arena = arena_create("test");
    ReportRun *runs = ARENA_ARRAY(&made->arena, ReportRun, RUNS);
    ReportJob *job = ARENA_ARRAY(&made->arena, ReportJob, 1);
    for (int r = 0; r < RUNS; r++)
        runs[r] = make_run(state, pair, r, &made->arena);
    *job = (ReportJob){.experiment = "test",
                       .description = "",
                       .directory = *state,
                       .swept_keys = &key,
                       .swept_count = 1,
                       .runs = runs,
                       .run_count = RUNS,
                       .experiment_yaml = ""};
    report_read(job, &made->arena, &made->report);
    comparison_table(&made->report, &made->arena, &made->table);
    size_t size;
    FILE *page = open_memstream(&made->page, &size);
    html_comparisons(page, &made->table);
    fclose(page);
    Error error;
    assert_done(comparisons_write(&made->table, &error), &error);
    ReportCase place;
    snprintf(place.directory, sizeof place.directory, "%s", job->directory);
    made->file = report_case_read(&place, "comparisons.csv");
}

static void unmake(Made *made) {
    free(made->page);
    free(made->file);
    report_close(&made->report);
    arena_destroy(&made->arena);
}

/* The other group's difference in a metric and layer. */
static const Comparison *item_at(const ComparisonTable *table, const char *metric, int layer) {
    for (size_t r = 0; r < table->row_count; r++)
        if (strcmp(table->rows[r].metric->quantity.variable, metric) == 0 &&
            table->rows[r].layer == layer)
            return &table->rows[r].items[1];
    fail_msg("no row of %s in layer %d", metric, layer);
    return NULL;
}

/* nope's importance is 0.1 and 0.1, rope's 0.4 and 0.6 in layer 1, where it sinks: t =
   −0.4/√(0.02/2) with one degree of freedom, that of rope; of six ways to deal, this and its mirror
   image are as far. In layer 0, where nope sinks, all are 0.1. The Fiedler values are the same in
   each layer, and not in different ones. */
static void groups_are_compared_with_the_first(void **state) {
    ReportCase made;
    Arena arena = arena_create("test");
    Report report;
    ComparisonTable table;
    Error error;
    report_case_create(state, true, &made);
    report_read(&made.job, &arena, &report);
    comparison_table(&report, &arena, &table);
    assert_ptr_equal(table.first, &report.groups[0]);
    assert_int_equal(table.tests, 1);
    const Comparison *importance = item_at(&table, "first_importance", 1);
    double p = 1 - 2 / 3.141592653589793 * atan(4);
    assert_false((importance - 1)->present); /* the first group's own */
    assert_number("mean", importance->mean, 0.1, 1e-12);
    assert_number("first", importance->first, 0.5, 1e-12);
    assert_number("difference", importance->test.difference, -0.4, 1e-12);
    assert_number("t", importance->test.t, -4, 1e-9);
    assert_number("p", importance->test.p, p, 1e-9);
    assert_number("corrected p", importance->p_holm, p, 1e-9);
    assert_number("exact p", importance->test.exact_p, 1.0 / 3, 1e-12);
    assert_number("corrected exact p", importance->exact_p_holm, 1.0 / 3, 1e-12);
    assert_int_equal(importance->paired.count, 0); /* two pairs are too few */
    assert_int_equal(item_at(&table, "first_importance", 0)->untested, UNTESTED_EQUAL);
    assert_int_equal(item_at(&table, "fiedler_value", 1)->untested, UNTESTED_EQUAL);
    assert_done(comparisons_write(&table, &error), &error);
    char *text = report_case_read(&made, "comparisons.csv");
    assert_contains(text, "model.position,against,metric,layer,head,head_against,sinking_layer,"
                          "sinking_layer_against,mean,seeds,");
    assert_contains(text, "nope,\"rope, \"\"new\"\"\",first_importance,1,0,0,0,1,0.1,2,0.5,2,-0.4,"
                          "0.520833333,0.520833333,,-4,1,");
    assert_contains(text, ",fiedler_value,1,,,0,1,7.75,2,7.75,2,0,,,equal,,,,,,,,,,0,,,,1\n");
    free(text);
    report_close(&report);
    arena_destroy(&arena);
}

/* The first group sinks in layer 1 and the other in layer 0; updates are 1 and 2 in these layers
   under both, but for 0.1 more in layer 1 of the other. */
static void a_difference_of_layers_is_none_of_settings(void **state) {
    Pair pair = {.count = 2};
    for (int r = 0; r < RUNS; r++) {
        bool first = r < SEEDS;
        double noise = 0.01 * (r % SEEDS);
        pair.metrics[r][0] = (CaseMetric){
            "first_importance", {first ? 0.1 : 0.7 + noise, first ? 0.6 + noise : 0.2}, 0.1, false};
        pair.metrics[r][1] =
            (CaseMetric){"update_norm", {1 + noise, first ? 2 + noise : 2.1 + noise}, NAN, false};
    }
    Made made;
    make(state, &pair, &made);
    assert_int_equal(made.table.first->sink_layer, 1);
    assert_int_equal(made.report.groups[1].sink_layer, 0);
    assert_int_equal(made.table.row_count, 4);
    assert_number("layer 0", item_at(&made.table, "update_norm", 0)->test.difference, 0, 0);
    assert_number("layer 1", item_at(&made.table, "update_norm", 1)->test.difference, 0.1, 1e-12);
    assert_contains(made.page, "<th scope=\"row\">sinks in</th><td>layer 0</td>");
    assert_contains(made.page, "first sinks in layer 1.");
    assert_contains(made.page, "norm of the update, layer 0</th><td>0</td>");
    assert_contains(made.page, "norm of the update, layer 1</th><td>");
    assert_contains(made.file, "other,first,update_norm,1,0,0,0,1,2.11,3,2.01,3,0.1,");
    assert_lacks(made.page, "A dash");
    unmake(&made);
}

/* Far beyond any spread, and yet no test where the nulls differ; the Fiedler value's is not defined
   for one of the two. */
static void differences_between_nulls_are_not_tested(void **state) {
    Pair pair = {.count = 3};
    for (int r = 0; r < RUNS; r++) {
        bool first = r < SEEDS;
        double noise = 0.001 * (r % SEEDS);
        pair.metrics[r][0] =
            (CaseMetric){"first_importance", {(first ? 0.3 : 0.36) + noise, 0}, 0.25, false};
        pair.metrics[r][1] = (CaseMetric){
            "induction_score", {(first ? 0 : 0.06) + noise, 0}, first ? 0.02 : 0.061, false};
        pair.metrics[r][2] =
            (CaseMetric){"stable_rank", {(first ? 1 : 2) + noise, 1}, first ? 1.5 : NAN, false};
    }
    Made made;
    make(state, &pair, &made);
    const Comparison *tested = item_at(&made.table, "first_importance", 0);
    const Comparison *induction = item_at(&made.table, "induction_score", 0);
    assert_int_equal(made.table.tests, 1);
    assert_int_equal(tested->untested, UNTESTED_NOT);
    assert_number("family of one", tested->p_holm, tested->test.p, 0);
    assert_true(tested->p_holm < 1e-3);
    assert_int_equal(induction->untested, UNTESTED_NULLS);
    assert_true(isnan(induction->test.p) && isnan(induction->test.exact_p) &&
                isnan(induction->test.effect) && isnan(induction->paired.p));
    assert_number("null", induction->null, 0.061, 0);
    assert_number("null of the first", induction->first_null, 0.02, 0);
    assert_contains(made.page, "<td>+0.060<small>null +0.041</small></td>");
    assert_contains(made.page, "<td>+1.000<small>one null is not defined</small></td>");
    assert_contains(made.page, "<td><strong>+0.060</strong>");
    assert_contains(made.page, "Holm over the 1 test of this table");
    assert_contains(made.page, "since their masks or lengths differ");
    assert_contains(made.file, ",0.06,0.061,0.02,nulls differ,,,,,,,,,,0,,,,1\n");
    unmake(&made);
}

/* Losses are tested where runs of one seed are probed with the same, and only there; what is no loss
   is tested anyhow. */
static void losses_on_other_probes_are_not_tested(void **state) {
    for (int differ = 0; differ < 2; differ++) {
        Pair pair = {.count = 2};
        for (int r = 0; r < RUNS; r++) {
            double value = (r < SEEDS ? 2 : 2.5) + 0.01 * (r % SEEDS);
            pair.metrics[r][0] = (CaseMetric){"probe_loss", {value}, NAN, true};
            pair.metrics[r][1] = (CaseMetric){"value_drain", {value, 1}, NAN, false};
            pair.targets[r] = r < SEEDS || !differ ? seed_of(r) : -1;
        }
        Made made;
        make(state, &pair, &made);
        const Comparison *loss = item_at(&made.table, "probe_loss", -1);
        assert_int_equal(loss->untested, differ ? UNTESTED_PROBES : UNTESTED_NOT);
        assert_int_equal(made.table.tests, differ ? 1 : 2);
        assert_contains(made.page, differ ? "<td>+0.500<small>other probe</small></td>"
                                          : "<td><strong>+0.500</strong><small>g ");
        assert_contains(made.page, "Sinks are not analysed: layer 0 is compared.");
        assert_contains(made.file, differ ? ",0.5,,,probes differ,,,," : ",0.5,,,,");
        assert_contains(made.file, "other,first,probe_loss,,,,0,0,2.51,3,");
        assert_int_equal(item_at(&made.table, "value_drain", 0)->untested, UNTESTED_NOT);
        unmake(&made);
    }
}

/* Losses of two groups that move together from seed to seed: scipy.stats.ttest_rel says t =
   8.616705, p = 0.01320232, and ttest_ind of unequal variances p = 0.1855131. */
static void runs_of_one_seed_are_paired(void **state) {
    static const double losses[RUNS] = {1.84733199, 1.93233469, 1.93794424,
                                        2.02497034, 1.99223788, 1.91317902};
    Pair pair = {.count = 2};
    for (int r = 0; r < RUNS; r++) {
        pair.metrics[r][0] = (CaseMetric){"probe_loss", {losses[r]}, NAN, true};
        pair.metrics[r][1] = (CaseMetric){"value_drain", {r < SEEDS ? 1 : NAN, 1}, NAN, false};
    }
    Made made;
    make(state, &pair, &made);
    const Comparison *loss = item_at(&made.table, "probe_loss", -1);
    assert_int_equal(loss->paired.count, SEEDS);
    assert_number("difference", loss->test.difference, 0.0709254, 1e-6);
    assert_number("Welch", loss->test.p, 0.1855131, 1e-6);
    assert_number("paired t", loss->paired.t, 8.616705, 1e-5);
    assert_number("paired p", loss->paired.p, 0.01320232, 1e-8);
    assert_number("its correction", loss->paired_p_holm, loss->paired.p, 0);
    assert_contains(made.page, "<small>paired p 0.013 (0.013)</small>");
    assert_contains(made.page, "Runs of one seed share what it draws");
    assert_contains(made.page, "n = 3 pairs.");
    assert_int_equal(made.table.row_count, 1); /* the other group has no value drain at all */
    assert_contains(made.file, ",3,8.61670");
    assert_lacks(made.page, "<strong>");
    unmake(&made);
}

/* What is 1 but for rounding, which differs between the groups and over seeds; beside it what varies
   little, but by more, and what differs without any spread. */
static void rounding_is_not_tested(void **state) {
    Pair pair = {.count = 3};
    for (int r = 0; r < RUNS; r++) {
        double rounding = 1e-8 * (1 + r % SEEDS), total = r < SEEDS ? 1 : 1 - rounding;
        pair.metrics[r][0] = (CaseMetric){"key_norm_ratio", {total, 1}, NAN, false};
        pair.metrics[r][1] =
            (CaseMetric){"sink_logit", {1 + 1e-5 * (r + r / SEEDS), 1}, NAN, false};
        pair.metrics[r][2] = (CaseMetric){"update_norm", {r < SEEDS ? 2 : 3, 1}, NAN, false};
    }
    Made made;
    make(state, &pair, &made);
    const Comparison *item = item_at(&made.table, "key_norm_ratio", 0);
    assert_int_equal(item->untested, UNTESTED_EQUAL);
    assert_number("difference", item->test.difference, 0, 0);
    assert_true(isnan(item->test.p) && isnan(item->test.exact_p) && isnan(item->test.effect));
    assert_int_equal(item_at(&made.table, "sink_logit", 0)->untested, UNTESTED_NOT);
    assert_int_equal(made.table.tests, 1);
    assert_contains(made.page, "key norm ratio, layer 0</th><td>0</td>");
    assert_contains(made.page, "<td>+1<small>no spread (exact p 0.100)</small></td>");
    assert_contains(made.page, "0: equal to a millionth of the values, not tested.");
    assert_contains(made.file, ",0,,,equal,,,,,,,,,,0,,,,1\n");
    unmake(&made);
}

#define TEST_IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_create, scratch_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST_IN_SCRATCH(groups_are_compared_with_the_first),
        TEST_IN_SCRATCH(a_difference_of_layers_is_none_of_settings),
        TEST_IN_SCRATCH(differences_between_nulls_are_not_tested),
        TEST_IN_SCRATCH(losses_on_other_probes_are_not_tested),
        TEST_IN_SCRATCH(runs_of_one_seed_are_paired),
        TEST_IN_SCRATCH(rounding_is_not_tested),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
