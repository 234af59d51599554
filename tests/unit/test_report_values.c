/* What the report computes over seeds and samples: curves, groups, onset steps and frame types, on
   runs whose numbers are known. */
#include "results/report/group_values.h"
#include "results/report/html.h"
#include "results/report/run_tests.h"
#include "results/report/tables.h"
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

#include <cmocka.h>

static void assert_near(double value, double expected) {
    if (!(fabs(value - expected) <= 1e-12 * (1 + fabs(expected))))
        fail_msg("%.17g is not %.17g", value, expected);
}

static void curves_are_taken_over_seeds(void **state) {
    (void)state;
    Arena arena = arena_create("test");
    double first_steps[] = {0, 1, 2}, second_steps[] = {0, 2, 4};
    double first[] = {1, 2, NAN}, second[] = {3, 5, 7};
    const Series series[] = {{.count = 3, .step = first_steps, .value = first},
                             {.count = 3, .step = second_steps, .value = second}};
    Curve curve;
    curve_over_seeds(series, 2, &arena, &curve);
    assert_int_equal(curve.count, 4);
    static const double steps[] = {0, 1, 2, 4}, means[] = {2, 2, 5, 7};
    static const int seeds[] = {2, 1, 1, 1};
    for (int i = 0; i < 4; i++) {
        assert_near(curve.step[i], steps[i]);
        assert_near(curve.mean[i], means[i]);
        assert_int_equal(curve.seeds[i], seeds[i]);
    }
    assert_near(curve.low[0], 1);
    assert_near(curve.high[0], 3);
    assert_true(isnan(curve.low[1]) && isnan(curve.high[3]));
    assert_int_equal(curve.band, BAND_RANGE);
    arena_destroy(&arena);
}

static void five_seeds_get_a_bootstrap_interval(void **state) {
    (void)state;
    const double numbers[] = {1, 2, NAN, 3, 4, 5};
    double mean, low, high;
    assert_int_equal(interval_over_seeds(numbers, 6, &mean, &low, &high), 5);
    assert_near(mean, 3);
    if (!(low > 1 && low < 2.2 && high > 3.8 && high < 5))
        fail_msg("interval %g to %g", low, high);
    assert_int_equal(interval_over_seeds(numbers, 3, &mean, &low, &high), 2);
    assert_near(low, 1);
    assert_near(high, 2);
}

/* Keys, one run's values and which it was given, and its label beside a run with all keys off. */
typedef struct LabelCase {
    const char *values[2];
    bool given[2];
    const char *label;
} LabelCase;

static void labels_say_what_tells_groups_apart(void **state) {
    (void)state;
    static const char *const keys[] = {"model.kv_heads", "model.attention.gate"};
    static const char *const off[] = {"4", "none"};
    static const bool both[] = {true, true};
    static const LabelCase cases[] = {
        {{"4", "none"}, {true, true}, "kv_heads 4"},
        {{"2", "head"}, {true, true}, "kv_heads 2, gate head"},
        {{"none", "none"}, {true, true}, "kv_heads none"},
        {{"rope", "rope"}, {true, true}, "rope"},
        {{"rope", "rope"}, {false, true}, "rope"},
        {{"8", "none"}, {true, false}, "kv_heads 8"},
        {{"8", "true"}, {false, true}, "gate true"},
        {{"8", "head"}, {false, false}, "kv_heads 8, gate head"},
        {{"none", "none"}, {false, true}, "none"},
    };
    Arena arena = arena_create("test");
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const bool by_default[] = {false, strcmp(cases[c].values[1], "none") == 0};
        const ReportRun runs[] = {
            {.swept_values = off, .by_default = by_default, .given = both},
            {.swept_values = cases[c].values, .by_default = by_default, .given = cases[c].given},
        };
        const ReportJob job = {.swept_keys = keys, .swept_count = 2, .runs = runs, .run_count = 2};
        assert_string_equal(group_label(&job, &runs[1], &arena), cases[c].label);
    }
    static const char *const phrases[] = {"2", "head (of a kind)"};
    const ReportRun run = {
        .swept_values = cases[1].values, .swept_phrases = phrases, .given = both};
    const ReportJob job = {.swept_keys = keys, .swept_count = 2, .runs = &run, .run_count = 1};
    assert_string_equal(group_label(&job, &run, &arena), "kv_heads 2, head (of a kind)");
    arena_destroy(&arena);
}

/* What is off where it is on by default is said; what is off by default is not. */
static void labels_say_what_is_switched_off(void **state) {
    (void)state;
    static const char *const keys[] = {"model.mlp", "model.norm", "model.biases"};
    static const char *const values[][3] = {{"swiglu", "rms", "false"},
                                            {"none", "rms", "false"},
                                            {"none", "none", "true"},
                                            {"swiglu", "none", "false"}};
    static const bool by_default[][3] = {
        {true, true, true}, {false, true, true}, {false, false, false}, {true, false, true}};
    static const char *const labels[] = {"mlp swiglu, norm rms", "mlp none, norm rms",
                                         "mlp none, norm none, biases true",
                                         "mlp swiglu, norm none"};
    static const bool given[] = {true, true, true};
    Arena arena = arena_create("test");
    ReportRun runs[4];
    for (int r = 0; r < 4; r++)
        runs[r] =
            (ReportRun){.swept_values = values[r], .by_default = by_default[r], .given = given};
    const ReportJob job = {.swept_keys = keys, .swept_count = 3, .runs = runs, .run_count = 4};
    for (int r = 0; r < 4; r++)
        assert_string_equal(group_label(&job, &runs[r], &arena), labels[r]);
    arena_destroy(&arena);
}

/* A word that always goes with the same word before it is said once. */
static void labels_say_a_pair_once(void **state) {
    (void)state;
    static const char *const keys[] = {"model.attention.mask", "train.objective"};
    static const char *const values[][2] = {{"causal", "causal"}, {"bidirectional", "masked"}};
    static const bool given[] = {true, true};
    Arena arena = arena_create("test");
    const ReportRun runs[] = {{.swept_values = values[0], .given = given},
                              {.swept_values = values[1], .given = given}};
    const ReportJob job = {.swept_keys = keys, .swept_count = 2, .runs = runs, .run_count = 2};
    assert_string_equal(group_label(&job, &runs[0], &arena), "causal");
    assert_string_equal(group_label(&job, &runs[1], &arena), "bidirectional, masked");
    arena_destroy(&arena);
}

/* Every group stands with its own null; known ones first, of these what most groups have. */
static void nulls_know_their_groups(void **state) {
    (void)state;
    static const double nulls[] = {0.4, NAN, 0.1, NAN, 0.1, NAN};
    static const size_t expected[][3] = {{2, 4}, {0}, {1, 3, 5}};
    static const size_t counts[] = {2, 1, 3};
    Arena arena = arena_create("test");
    Group groups[6];
    const Group *pointers[6];
    NullClass *classes;
    for (size_t g = 0; g < 6; g++)
        pointers[g] = &groups[g];
    assert_int_equal(null_classes(pointers, nulls, 6, &arena, &classes), 3);
    for (size_t c = 0; c < 3; c++) {
        assert_int_equal(classes[c].count, counts[c]);
        for (size_t g = 0; g < counts[c]; g++)
            assert_ptr_equal(classes[c].groups[g], &groups[expected[c][g]]);
    }
    assert_near(classes[0].null, 0.1);
    assert_true(isnan(classes[2].null));
    arena_destroy(&arena);
}

static void groups_know_their_sinking_head(void **state) {
    ReportCase made;
    Arena arena = arena_create("test");
    Report report;
    report_case_create(state, true, &made);
    report_read(&made.job, &arena, &report);
    assert_int_equal(report.group_count, 2);
    assert_int_equal(report.analyzed_count, 4);
    assert_int_equal(report.groups[1].run_count, 2);
    assert_int_equal(report.groups[1].all_runs, 3);
    assert_true(report.groups[0].sink_known);
    assert_int_equal(report.groups[0].sink_layer, 1);
    assert_string_not_equal(report.groups[0].colour, report.groups[1].colour);
    Curve curve;
    assert_true(curve_read(&report.groups[0], &bos_importance, 1, 0, &arena, &curve));
    assert_near(curve.mean[CASE_STEPS - 1], 0.5);
    assert_near(curve.low[CASE_STEPS - 1], 0.4);
    assert_near(curve.high[CASE_STEPS - 1], 0.6);
    assert_near(quantity_null(&report.groups[0], &bos_importance, 1, 0, &arena), 25.0 / 48);
    const Quantity unknown = {"fiedler_value", {{"threshold", 0.07}}};
    assert_false(curve_read(&report.groups[0], &unknown, 1, 0, &arena, &curve));
    report_close(&report);
    arena_destroy(&arena);
}

/* Seeds that sink in heads of other numbers: the strongest of each is averaged, not those of one
   number. */
static void each_seed_has_its_own_sinking_head(void **state) {
    ReportCase made;
    Arena arena = arena_create("test");
    Report report;
    Curve curve;
    report_case_create(state, false, &made);
    report_case_two_heads(made.run_directories[0], 1, 0.3, 1);
    report_case_two_heads(made.run_directories[1], 0, 0.5, 1);
    report_read(&made.job, &arena, &report);
    const Group *group = &report.groups[0];
    assert_int_equal(group->sink_layer, 1);
    assert_int_equal(group->runs[0]->sink_heads[1], 1);
    assert_int_equal(group->runs[1]->sink_heads[1], 0);
    assert_string_equal(sinking_text(group, true, &arena), "layer 1, heads 1, 0 by seed");
    assert_string_equal(sinking_text(group, false, &arena), "layer 1");
    assert_string_equal(sinking_text(&report.groups[1], true, &arena), "layer 0");
    assert_true(curve_read(group, &bos_importance, 1, SINKING_HEAD, &arena, &curve));
    assert_near(curve.mean[CASE_STEPS - 1], (0.4 + 0.6) / 2);
    assert_near(curve.low[CASE_STEPS - 1], 0.4);
    assert_true(curve_read(group, &bos_importance, 1, 0, &arena, &curve));
    assert_near(curve.mean[CASE_STEPS - 1], (0.1 + 0.6) / 2);
    assert_false(report.row_sums);
    report_close(&report);
    arena_destroy(&arena);
}

/* Paired values leave no colour unused; crossed ones have a colour for the first key, a dash for
   the other. */
static void groups_differ_in_colour_unless_values_are_crossed(void **state) {
    static const char *const keys[] = {"model.kv_heads", "model.gate"};
    static const bool given[] = {true, true};
    static const char *const values[][4][2] = {
        {{"4", "none"}, {"2", "none"}, {"4", "head"}, {"4", "rms"}},
        {{"4", "none"}, {"2", "none"}, {"4", "head"}, {"2", "head"}}};
    ReportCase made;
    Arena arena = arena_create("test");
    report_case_create(state, false, &made);
    made.job.swept_keys = keys;
    made.job.swept_count = 2;
    made.job.run_count = 4;
    for (int crossed = 0; crossed < 2; crossed++) {
        Report report;
        for (int r = 0; r < 4; r++) {
            made.runs[r].swept_values = values[crossed][r];
            made.runs[r].given = given;
        }
        report_read(&made.job, &arena, &report);
        const Group *groups = report.groups;
        assert_int_equal(report.group_count, 4);
        assert_int_equal(strcmp(groups[0].colour, groups[2].colour) == 0, crossed);
        assert_int_equal(strcmp(groups[2].colour, groups[3].colour) == 0, 0);
        assert_int_equal(strcmp(groups[0].dash, groups[2].dash) != 0, crossed);
        report_close(&report);
    }
    arena_destroy(&arena);
}

/* What shares tell is listed only where rows of attention sum to something else than 1. */
static void shares_are_listed_where_rows_do_not_sum_to_one(void **state) {
    ReportCase made;
    Arena arena = arena_create("test");
    report_case_create(state, false, &made);
    const double totals[] = {1, 0.4};
    for (int t = 0; t < 2; t++) {
        Report report;
        OnsetTable table;
        for (int r = 0; r < 4; r++)
            report_case_two_heads(made.run_directories[r], 0, 0.3, totals[t]);
        report_read(&made.job, &arena, &report);
        onset_table(&report, &arena, &table);
        assert_int_equal(report.row_sums, t);
        assert_int_equal(table.row_count, t == 0 ? 2 : 4);
        assert_string_equal(table.rows[0].metric->quantity.variable, "first_importance");
        if (t == 1)
            assert_string_equal(table.rows[2].metric->quantity.variable, "first_importance_share");
        report_close(&report);
    }
    arena_destroy(&arena);
}

static void onsets_come_with_intervals_or_reasons(void **state) {
    ReportCase made;
    Arena arena = arena_create("test");
    Report report;
    OnsetTable table;
    report_case_create(state, true, &made);
    report_read(&made.job, &arena, &report);
    onset_table(&report, &arena, &table);
    assert_int_equal(table.row_count, 3); /* importance, against its peak, and Fiedler value */
    const Onset *rises = &table.rows[0].onsets[0], *flat = &table.rows[0].onsets[1];
    assert_true(rises->over_samples);
    assert_int_equal(rises->seeds, 2);
    assert_near(rises->step, 8);
    assert_near(rises->low, 8);
    assert_near(rises->high, 8);
    assert_int_equal(rises->without, 0);
    assert_near(rises->first, 0.1);
    assert_near(rises->reached, 0.5);
    assert_string_equal(onset_direction(rises), "rises");
    assert_string_equal(onset_direction(flat), "");
    assert_near(table.rows[1].onsets[0].step, 8);
    assert_near(table.rows[1].onsets[0].reached, 0.5);
    assert_true(isnan(flat->step));
    assert_int_equal(flat->without, ONSET_DRAWS);
    assert_contains(flat->reason, "three standard deviations");
    assert_false(table.rows[2].onsets[0].over_samples);
    report_close(&report);
    arena_destroy(&arena);
}

static void onsets_read_samples_at_their_threshold(void **state) {
    ReportCase made;
    Arena arena = arena_create("test");
    Report report;
    OnsetTable table;
    report_case_create(state, true, &made);
    for (int r = 0; r < 4; r++)
        report_case_add_analyses(made.run_directories[r], 1.5);
    report_read(&made.job, &arena, &report);
    onset_table(&report, &arena, &table);
    const Onset *onset = NULL;
    for (size_t r = 0; r < table.row_count; r++)
        if (strncmp(table.rows[r].label, "degree", 6) == 0)
            onset = &table.rows[r].onsets[1]; /* its sinking layer, 0, is no index of 0.05 */
    assert_non_null(onset);
    assert_true(onset->over_samples);
    assert_near(onset->reached, 1);
    assert_near(onset->step, 4);
    report_close(&report);
    arena_destroy(&arena);
}

/* Seed 1 rises by 1, seed 2 falls by ½: the mean rises, and one draw in four has seed 2 alone. */
static void draws_in_the_other_direction_are_counted(void **state) {
    ReportCase made;
    Arena arena = arena_create("test");
    Report report;
    OnsetTable table;
    report_case_create(state, true, &made);
    for (int r = 0; r < 4; r++)
        report_case_add_analyses(made.run_directories[r], 1.5);
    report_case_scale(made.run_directories[1], "degree_centralization", -0.5);
    report_case_scale(made.run_directories[1], "samples/degree_centralization", -0.5);
    report_read(&made.job, &arena, &report);
    onset_table(&report, &arena, &table);
    for (size_t r = 0; r < table.row_count; r++) {
        const Onset *onsets = table.rows[r].onsets;
        if (strncmp(table.rows[r].label, "degree", 6) != 0) {
            assert_int_equal(onsets[0].against, 0);
            continue;
        }
        assert_string_equal(onset_direction(&onsets[0]), "rises");
        assert_near(onsets[0].reached, 0.25);
        assert_number("draws that fall", onsets[0].against, 250, 69); /* 5 deviations of 13.7 */
        assert_int_equal(onsets[1].against, 0);
    }
    report_close(&report);
    arena_destroy(&arena);
}

static void intervals_are_over_seeds_and_samples(void **state) {
    ReportCase made;
    Arena arena = arena_create("test");
    Report report;
    GroupValues values;
    report_case_create(state, true, &made);
    report_read(&made.job, &arena, &report);
    assert_true(group_values_read(&report.groups[0], &bos_importance, 1, 0, &arena, &values));
    assert_int_equal(values.seed_count, 2);
    assert_int_equal(values.seeds[1].members, CASE_SAMPLES);
    assert_true(values.over_samples);
    /* samples 0.001 apart, six of them: √(17.5/5) of that */
    assert_number("deviation", values.deviation, 0.001 * sqrt(3.5), 1e-12);
    Estimate last = group_values_estimate(&values, -1, &arena);
    assert_near(last.mean, 0.5);
    assert_int_equal(last.count, 2);
    /* one draw in four has one seed alone, so that the ends are its samples' means: within three of
       their deviations, 0.0017/√6 */
    assert_number("low", last.low, 0.4, 0.0022);
    assert_number("high", last.high, 0.6, 0.0022);
    assert_near(group_values_estimate(&values, 0, &arena).mean, 0.1);
    const Quantity type = {"frame_type", {{NULL, 0}}}; /* has no samples */
    assert_true(group_values_read(&report.groups[0], &type, 1, 0, &arena, &values));
    assert_false(values.over_samples);
    assert_int_equal(values.seeds[0].members, 1);
    report_close(&report);
    arena_destroy(&arena);
}

/* rope: no frame, then centralized from step 8 (seed 1) and step 16 (seed 2) on. At step 8 the two
   are as common, and the first counts. nope: distributed in all samples of seed 1 and in two of six
   of seed 2, centralized in the others. */
static void write_types(const ReportCase *made) {
    for (int run = 0; run < 4; run++) {
        double types[CASE_STEPS][CASE_SAMPLES];
        for (int i = 0; i < CASE_STEPS; i++)
            for (int s = 0; s < CASE_SAMPLES; s++)
                types[i][s] = run < 2 ? i >= 4 + run : run == 3 && s >= 2 ? 1 : 2;
        report_case_add_types(made->run_directories[run], types);
    }
}

static void frame_types_stay_since_a_step(void **state) {
    ReportCase made;
    Arena arena = arena_create("test");
    Report report;
    FrameTable table;
    Error error;
    report_case_create(state, true, &made);
    write_types(&made);
    report_read(&made.job, &arena, &report);
    frame_table(&report, &arena, &table);
    assert_int_equal(table.rows, CASE_LAYERS + 1);
    const FrameCell *rope = frame_cell(&table, 0, CASE_LAYERS);
    assert_int_equal(rope->types[CASE_STEPS - 1], FRAME_CENTRALIZED);
    assert_int_equal(rope->types[4], FRAME_NONE);
    assert_near(rope->shares[4], 0.5);
    assert_near(rope->since, 16);
    assert_near(rope->low, 8); /* seed 1 twice: one draw in four */
    assert_near(rope->high, 16);
    assert_int_equal(rope->without, 0);
    assert_int_equal(rope->agreeing, 2);
    const FrameCell *nope = frame_cell(&table, 1, CASE_LAYERS);
    assert_int_equal(nope->types[CASE_STEPS - 1], FRAME_DISTRIBUTED);
    assert_near(nope->shares[CASE_STEPS - 1], 2.0 / 3);
    assert_near(nope->since, 0);
    assert_int_equal(nope->agreeing, 1);
    assert_int_equal(nope->seeds, 2);
    /* other types: seed 2 twice with at most six of twelve draws distributed (equal: the first
       counts), 0.934 / 4, and both seeds with none of six, (2/3)⁶ / 2; ± 5 deviations of 14.2 */
    assert_number("draws without", nope->without, 277, 71);
    assert_near(nope->low, 0);
    assert_number("to never", nope->high, NAN, 0);
    const FrameCell *layer = frame_cell(&table, 0, 1); /* one value per seed, always centralized */
    assert_true(layer->present && !layer->over_samples);
    assert_near(layer->since, 0);
    assert_done(frame_table_write(&table, &error), &error);
    char *text = report_case_read(&made, "frame_types.csv");
    assert_contains(text, "model.position,layer,type,share,since,low,high,draws_without,");
    assert_contains(text, "\"rope, \"\"new\"\"\",model,centralized,1,16,8,16,0,2,2,64\n");
    assert_contains(text, "nope,model,distributed,0.666666667,0,0,,");
    free(text);
    report_close(&report);
    arena_destroy(&arena);
}

/* Eight tests: four of 0.01 and four of 0.04. Holm: 8 · 0.01; 4 · 0.04. */
static void tests_within_runs_are_corrected(void **state) {
    ReportCase made;
    Arena arena = arena_create("test");
    Report report;
    RunTestTable table;
    Error error;
    report_case_create(state, true, &made);
    for (int run = 0; run < 4; run++)
        report_case_add_correlations(made.run_directories[run], (double[]){0.01, 0.04}, "");
    report_read(&made.job, &arena, &report);
    run_test_table(&report, SECTION_LIKELIHOOD, &arena, &table);
    assert_int_equal(table.count, 8);
    assert_int_equal(table.tests, 8);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(table.items[i].layer, i / 4);
        assert_near(table.items[i].n, CASE_SAMPLES);
        assert_near(table.items[i].value, 0.5);
        assert_near(table.items[i].p_holm, i < 4 ? 0.08 : 0.16);
    }
    run_test_table(&report, SECTION_FISHER, &arena, &table);
    assert_int_equal(table.count, 0);
    assert_done(run_tests_write(&report, &error), &error);
    char *text = report_case_read(&made, "tests.csv");
    assert_contains(text,
                    "run,model.position,seed,step,metric,layer,test,value,n,p,p_holm,tests\n");
    assert_contains(text,
                    "\"p=nope,seed=2\",nope,2,64,likelihood_attention_correlation,1,Spearman’s "
                    "rank correlation,0.5,6,0.04,0.16,8\n");
    free(text);
    report_close(&report);
    arena_destroy(&arena);
}

#define TEST_IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_create, scratch_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curves_are_taken_over_seeds),
        cmocka_unit_test(five_seeds_get_a_bootstrap_interval),
        cmocka_unit_test(labels_say_what_tells_groups_apart),
        cmocka_unit_test(labels_say_what_is_switched_off),
        cmocka_unit_test(nulls_know_their_groups),
        cmocka_unit_test(labels_say_a_pair_once),
        TEST_IN_SCRATCH(groups_know_their_sinking_head),
        TEST_IN_SCRATCH(each_seed_has_its_own_sinking_head),
        TEST_IN_SCRATCH(groups_differ_in_colour_unless_values_are_crossed),
        TEST_IN_SCRATCH(shares_are_listed_where_rows_do_not_sum_to_one),
        TEST_IN_SCRATCH(onsets_come_with_intervals_or_reasons),
        TEST_IN_SCRATCH(onsets_read_samples_at_their_threshold),
        TEST_IN_SCRATCH(draws_in_the_other_direction_are_counted),
        TEST_IN_SCRATCH(intervals_are_over_seeds_and_samples),
        TEST_IN_SCRATCH(frame_types_stay_since_a_step),
        TEST_IN_SCRATCH(tests_within_runs_are_corrected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
