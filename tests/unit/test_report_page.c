/* The report's files: what stands in summary.csv and on the page is what the runs hold; failed,
   missing and damaged runs are told, not drawn; the page is self-contained. */
#include "results/report/gnuplot.h"
#include "results/report/summary.h"
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

/* Writes the report without its pictures, whose drawing takes most of the time. */
static void write_undrawn(const ReportCase *made) {
    Error error;
    char *path = strdup(getenv("PATH"));
    setenv("PATH", made->directory, 1);
    scratch_log_begin();
    Status status = report_write(&made->job, &error);
    setenv("PATH", path, 1);
    free(path);
    assert_done(status, &error);
}

static void each_analysis_that_runs_hold_has_a_section(void **state) {
    ReportCase made;
    report_case_create(state, true, &made);
    for (int r = 0; r < 4; r++)
        report_case_add_analyses(made.run_directories[r], r < 2 ? 1.5 : 1);
    write_undrawn(&made);
    char *page = report_case_read(&made, "report.html");
    assert_contains(page, "<h2 id=\"topology\">");
    assert_contains(page, "Betti₁ is 0 whatever the model does");
    assert_contains(page, "<h2 id=\"spectrum\">");
    assert_contains(page, "its eigenvalues are its diagonal");
    assert_lacks(page, "<h2 id=\"fisher\">");
    assert_lacks(page, "<h2 id=\"likelihood\">");
    assert_false(report_case_exists(&made, "figures/fisher_norm.csv"));
    free(page);
    char *data = report_case_read(&made, "figures/persistence.csv");
    assert_contains(data, "symmetric distance,nope,64,64,0.9,");
    assert_contains(data, "as published,nope,64,64,0.5,");
    free(data);
    data = report_case_read(&made,
                            "figures/stable_rank.csv"); /* a null for each mask, a gap at step 2 */
    assert_contains(data, "\"uniform attention (rope, \"\"new\"\")\",64,64,1.5,");
    assert_lacks(data, "uniform attention (nope),64,64,1.5,");
    assert_contains(data, "uniform attention (nope),64,64,1,,,");
    assert_contains(data, "layer 1,nope,2,2,,,,0\n");
    free(data);
}

/* As of four window sizes: none of them is left without its null. */
static void every_null_is_drawn(void **state) {
    static const char *const windows[] = {"0", "32", "16", "8"};
    ReportCase made;
    report_case_create(state, false, &made);
    for (int r = 0; r < 4; r++) {
        made.runs[r].swept_values = &windows[r];
        report_case_add_analyses(made.run_directories[r], 1 + 0.5 * r);
    }
    write_undrawn(&made);
    char *data = report_case_read(&made, "figures/stable_rank.csv");
    char *script = report_case_read(&made, "figures/stable_rank.gp");
    for (int r = 0; r < 4; r++) {
        char line[128];
        snprintf(line, sizeof line, "uniform attention (position %s),64,64,%g,", windows[r],
                 1 + 0.5 * r);
        assert_contains(data, line);
    }
    assert_contains(script, "index 3 using 4:5 with lines lw 2 dt (2,4) lc rgb '#cc79a7'");
    assert_contains(script, "uniform attention (its first group’s colour)");
    free(script);
    free(data);
}

static void weights_are_told_with_what_rows_sum_to(void **state) {
    ReportCase made;
    report_case_create(state, false, &made);
    for (int r = 0; r < 4; r++)
        report_case_two_heads(made.run_directories[r], r % 2, r < 2 ? 0.3 + 0.2 * r : 0, 0.4);
    write_undrawn(&made);
    char *page = report_case_read(&made, "report.html");
    assert_contains(page, "receives <strong>0.250</strong> (0.200 to 0.300) of the attention");
    assert_contains(page, "(weight 0.500 in rows that sum to 0.400)");
    assert_contains(page, "figure-importance_unscaled");
    assert_contains(page, "are scaled to do so");
    assert_contains(page, "their nulls are of rows that sum to 1");
    assert_contains(page, "layer 1, heads 0, 1 by seed");
    free(page);
    char *heads = report_case_read(&made, "figures/importance_map.csv"); /* shares: half of it */
    assert_contains(heads, "\"rope, \"\"new\"\"\",64,1,0,0.25,0.2,0.3,2,\n");
    assert_contains(heads, "\"rope, \"\"new\"\"\",64,1,1,0.05,0.05,0.05,2,\n");
    free(heads);
    for (int r = 0; r < 4; r++)
        report_case_two_heads(made.run_directories[r], r % 2, r < 2 ? 0.3 + 0.2 * r : 0, 1);
    write_undrawn(&made);
    page = report_case_read(&made, "report.html");
    assert_contains(page, "receives <strong>0.500</strong> (0.400 to 0.600) of the attention");
    assert_lacks(page, "rows that sum to");
    assert_lacks(page, "figure-importance_unscaled");
    assert_lacks(page, "are scaled to do so");
    assert_lacks(page, "their nulls are of rows that sum to 1");
    free(page);
    heads = report_case_read(&made, "figures/importance_map.csv");
    assert_contains(heads, "\"rope, \"\"new\"\"\",64,1,0,0.5,0.4,0.6,2,\n");
    assert_contains(heads, "\"rope, \"\"new\"\"\",64,1,1,0.1,0.1,0.1,2,\n");
    free(heads);
}

/* One null stands beside the colour scale; where masks give groups different ones, each above its
   panel. */
static void the_null_stands_beside_every_importance(void **state) {
    ReportCase made;
    report_case_create(state, false, &made);
    write_undrawn(&made);
    char *script = report_case_read(&made, "figures/importance_map.gp");
    assert_contains(script, "importance of the first token (uniform attention: 0.521)'");
    free(script);
    for (int r = 2; r < 4; r++)
        report_case_scale(made.run_directories[r], "first_importance_null", 0.34 * 48 / 25);
    write_undrawn(&made);
    script = report_case_read(&made, "figures/importance_map.gp");
    assert_contains(script, "importance of the first token'");
    assert_contains(script, "set label 'uniform attention: 0.521'");
    assert_contains(script, "set label 'uniform attention: 0.340'");
    free(script);
    char *data = report_case_read(&made, "figures/importance_map.csv");
    assert_contains(data, "nope,64,1,0,0.1,0.1,0.1,2,0.34\n");
    free(data);
}

/* Rows of 40 and of −2: each seed's are scaled to sum 1 before they meet, so that none outweighs
   the other nor takes from it. */
static void maps_of_rows_that_do_not_sum_to_one_are_scaled(void **state) {
    ReportCase made;
    report_case_create(state, false, &made);
    write_undrawn(&made);
    char *page = report_case_read(&made, "report.html");
    assert_lacks(page, "before the mean over seeds is taken");
    free(page);
    for (int r = 0; r < 4; r++)
        report_case_add_totals(made.run_directories[r], r == 0 ? 40 : r == 1 ? -2 : 1);
    report_case_scale(made.run_directories[0], "attention_map", 40);
    report_case_scale(made.run_directories[1], "attention_map", -2);
    report_case_scale(made.run_directories[3], "attention_map", 0); /* no weight at all: left out */
    write_undrawn(&made);
    char *data = report_case_read(&made, "figures/attention_maps.csv");
    assert_contains(data, "\"rope, \"\"new\"\"\",64,3,0,0.25\n");
    assert_contains(data, "\"rope, \"\"new\"\"\",64,1,1,0.5\n");
    assert_contains(data, "nope,64,3,0,0.25\n");
    free(data);
    page = report_case_read(&made, "report.html");
    assert_contains(page, "before the mean over seeds is taken");
    free(page);
}

/* Degree centralization rises in one group and falls in the other. */
static void a_fall_is_told_from_a_rise(void **state) {
    ReportCase made;
    report_case_create(state, false, &made);
    for (int r = 0; r < 4; r++)
        report_case_add_analyses(made.run_directories[r], 1.5);
    for (int r = 2; r < 4; r++) {
        report_case_scale(made.run_directories[r], "degree_centralization", -0.5);
        report_case_scale(made.run_directories[r], "samples/degree_centralization", -0.5);
    }
    write_undrawn(&made);
    char *page = report_case_read(&made, "report.html");
    assert_contains(page, "<td>4<small>4 to 4</small></td><td>4<small>4 to 4</small><small>falls "
                          "from 0 to −0.500</small></td>");
    assert_contains(page, "“falls” is said of");
    free(page);
    char *data = report_case_read(&made, "figures/onset_steps.csv");
    assert_contains(data, "group,metric,onset,low,high,direction,x,x_low,x_high,y\n");
    assert_contains(data,
                    "\"rope, \"\"new\"\"\",\"degree centralization, τ = 0.05\",4,4,4,rises,4,4,4,");
    assert_contains(data, "nope,\"degree centralization, τ = 0.05\",4,4,4,falls,4,4,4,");
    assert_contains(data, "nope,importance of the first token,,,,,");
    free(data);
    char *script = report_case_read(&made, "figures/onset_steps.gp");
    assert_contains(script, "(strcol(6) eq 'falls' ? $7 : NaN):10 with points pt 11");
    free(script);
}

/* The same rise, and seen backwards: then it is layer 0 that falls. */
static void the_findings_tell_a_fall(void **state) {
    ReportCase made;
    report_case_create(state, false, &made);
    write_undrawn(&made);
    char *page = report_case_read(&made, "report.html");
    assert_contains(page, "change is there from step 8 under “rope, &quot;new&quot;”. ");
    free(page);
    for (int r = 0; r < 2; r++) {
        report_case_reverse(made.run_directories[r], "first_importance");
        report_case_reverse(made.run_directories[r], "samples/first_importance");
    }
    write_undrawn(&made);
    page = report_case_read(&made, "report.html");
    assert_contains(page, "change is there from step 8 under “rope, &quot;new&quot;” (a fall). ");
    assert_contains(page, "<small>falls from 0.500 to 0.100</small>");
    free(page);
}

static void sinks_elsewhere_are_told(void **state) {
    ReportCase made;
    report_case_create(state, false, &made);
    report_case_add_places(made.run_directories[0], "", 8, 6.5);
    report_case_add_places(made.run_directories[1], "", 8, 4.5);
    report_case_add_places(made.run_directories[2], "", 0, 2.5);
    report_case_add_places(made.run_directories[3], "", 2, 1.5);
    write_undrawn(&made);
    char *page = report_case_read(&made, "report.html");
    assert_contains(page,
                    "<td>position 8<small>in 2 of 2 seeds</small><small>4.50 to 6.50 × its null");
    assert_contains(page, "<td>position 0<small>in 1 of 2 seeds</small>position 2<small>in 1 of 2 "
                          "seeds</small><small>1.50 to 2.50 × its null");
    assert_lacks(page, "before importance is formed");
    free(page);
}

/* Where rows do not sum to 1 the strongest key is that of the shares. */
static void the_strongest_key_is_told_by_shares(void **state) {
    ReportCase made;
    report_case_create(state, false, &made);
    for (int r = 0; r < 4; r++) {
        report_case_add_totals(made.run_directories[r], r < 2 ? 40 : 1);
        report_case_add_places(made.run_directories[r], "", 3, 187 + r);
        report_case_add_places(made.run_directories[r], "_share", 0, 1.25 + r);
    }
    write_undrawn(&made);
    char *page = report_case_read(&made, "report.html");
    assert_contains(page,
                    "<td>position 0<small>in 2 of 2 seeds</small><small>1.25 to 2.25 × its null");
    assert_contains(page, "are scaled to do so before importance is formed");
    assert_lacks(page, "187");
    free(page);
}

static void summary_lists_every_scalar(void **state) {
    ReportCase made;
    Error error;
    Arena arena = arena_create("test");
    Report report;
    report_case_create(state, true, &made);
    report_read(&made.job, &arena, &report);
    assert_done(summary_write(&report, &error), &error);
    char *text = report_case_read(&made, "summary.csv");
    const char *header = "run,model.position,seed,step,layer,head,metric,value,low,high\n";
    assert_memory_equal(text, header, strlen(header));
    assert_contains(text, "\"p=rope,seed=2\",\"rope, \"\"new\"\"\",2,64,1,0,first_importance,0.6,"
                          "0.59,0.61\n");
    assert_contains(text, "\"p=nope,seed=1\",nope,1,,,,first_importance_null,0.520833333,,\n");
    assert_contains(text, ",1,0,0,,fiedler_value[threshold=0.01],,,\n"); /* NaN is empty */
    assert_contains(text, ",1,0,0,,fiedler_value[threshold=0.05],0.25,,\n");
    assert_lacks(text, "attention_map");
    assert_lacks(text, "first_importance_low");
    assert_lacks(text, "seed=3");
    size_t lines = 0;
    for (const char *c = text; *c != '\0'; c++)
        lines += *c == '\n';
    /* per run: importance, its null, Fiedler value at two thresholds, frame type */
    assert_int_equal(lines, 1 + 4 * (CASE_STEPS * CASE_LAYERS * 4 + 1));
    free(text);
    report_close(&report);
    arena_destroy(&arena);
}

/* No two elements of a page have the same identifier. */
static void assert_unique_ids(const char *page) {
    size_t count = 0;
    const char *ids[4096];
    for (const char *at = page; (at = strstr(at, " id=")) != NULL; at++) {
        assert_true(count < 4096);
        const char *id = at + 5;
        size_t length = strcspn(id, "\"'");
        for (size_t i = 0; i < count; i++)
            if (strncmp(ids[i], id, length + 1) == 0)
                fail_msg("two elements are called %.*s", (int)length, id);
        ids[count++] = id;
    }
    assert_true(count > 5);
}

static void report_is_whole_and_self_contained(void **state) {
    ReportCase made;
    Error error;
    report_case_create(state, true, &made);
    assert_done(report_write(&made.job, &error), &error);
    char *page = report_case_read(&made, "report.html");
    assert_contains(page, "<!DOCTYPE html>");
    assert_contains(page, "Is &lt;b&gt; escaped?");
    assert_contains(page, "A &lt;CPU&gt; &amp; more");
    assert_contains(page, "# &lt;tag&gt;");
    assert_contains(page, "loss is NaN &lt;at&gt; step 7");
    assert_contains(page, "<strong>0.500</strong> (0.400 to 0.600)");
    assert_contains(page, "Uniform attention would give it 0.521");
    assert_contains(page, "centralized<small>100 % of samples</small><small>2 of 2 seeds</small>"
                          "<small>since step 0</small>");
    assert_contains(page, "the variable “sink_rate”");
    static const char *const outside[] = {"http", "<script", "<link", "<iframe", "src=", "@import"};
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
        assert_lacks(page, outside[i]);
    assert_unique_ids(page);
    free(page);
    assert_true(report_case_exists(&made, "figures/importance.csv"));
    assert_true(report_case_exists(&made, "figures/importance.gp"));
    assert_false(report_case_exists(&made, "figures/sink_rate.csv"));
    if (!gnuplot_found())
        return;
    static const char *const drawn[] = {"importance",    "attention_maps", "importance_map",
                                        "fiedler_value", "frame_types",    "onset_steps",
                                        "loss"};
    static const char *const endings[] = {"svg", "png", "pdf"};
    for (size_t i = 0; i < sizeof drawn / sizeof drawn[0]; i++)
        for (size_t e = 0; e < 3; e++) {
            char file[64];
            snprintf(file, sizeof file, "figures/%s.%s", drawn[i], endings[e]);
            if (!report_case_exists(&made, file))
                fail_msg("%s is missing", file);
        }
}

/* p-values of layer 0 alone: the attribute says why. */
static void significance_names_its_test_n_and_correction(void **state) {
    ReportCase made;
    report_case_create(state, true, &made);
    for (int run = 0; run < 4; run++)
        report_case_add_correlations(made.run_directories[run], (double[]){0.01, NAN},
                                     "NaN where all are alike");
    write_undrawn(&made);
    char *page = report_case_read(&made, "report.html");
    assert_contains(page, "Differences from rope, &quot;new&quot;</h2>");
    assert_contains(page,
                    "Welch’s two-sided t-test over seeds, corrected by Holm over the 1 test of "
                    "this table, n = 2 seeds a group");
    assert_contains(page, "<td>−0.400<small>g ");
    assert_contains(page, "<small>p 0.156 (0.156; exact 0.333)</small>");
    assert_contains(page, "the exact p cannot fall below 0.333");
    assert_contains(page,
                    "likelihood with attention to itself, layer 0</th><td>0.500<small>0.500 to "
                    "0.500</small><small>p &lt; 0.05 in 2 of 2</small></td>");
    assert_contains(page, "Spearman’s rank correlation (n = 6 sequences) in each run, corrected by "
                          "Holm over the 4 tests of this table");
    assert_contains(page, "layer 1</th><td>–</td>");
    assert_contains(page, "A dash stands for “not defined”: all are alike.");
    free(page);
}

static void a_group_without_a_line_has_a_reason(void **state) {
    ReportCase made;
    report_case_create(state, true, &made);
    for (int run = 0; run < 4; run++)
        report_case_add_correlations(made.run_directories[run],
                                     run < 2 ? (double[]){0.01, 0.01} : (double[]){NAN, NAN},
                                     "NaN where all are alike");
    for (int run = 0; run < 2; run++)
        report_case_add_analyses(made.run_directories[run], 1.5);
    write_undrawn(&made);
    char *page = report_case_read(&made, "report.html");
    assert_contains(page, "No line for nope: all are alike.");
    assert_contains(page, "No line for nope: it was not measured.");
    free(page);
}

static void damaged_and_missing_runs_are_told(void **state) {
    ReportCase made;
    char path[8192];
    report_case_create(state, false, &made);
    snprintf(path, sizeof path, "%s/analysis.h5", made.run_directories[0]);
    scratch_truncate(path, 1000);
    snprintf(path, sizeof path, "%s/analysis.h5", made.run_directories[2]);
    remove(path);
    write_undrawn(&made);
    char *page = report_case_read(&made, "report.html");
    assert_contains(page, "5 runs, 2 analysed");
    assert_contains(page, "not analysed yet");
    assert_contains(page, "damaged");
    assert_lacks(page, "Reference frames");
    assert_contains(page,
                    "fiducial analyze FILE --only frames,topology,spectrum,information,fisher,"
                    "values,references,rotary,likelihood</code>");
    assert_contains(page, "<strong>0.600</strong> (0.590 to 0.610 over samples)");
    free(page);
}

static void nothing_analysed_is_still_a_report(void **state) {
    ReportCase made;
    report_case_create(state, false, &made);
    made.job.runs = &made.runs[4];
    made.job.run_count = 1;
    write_undrawn(&made);
    char *page = report_case_read(&made, "report.html");
    assert_contains(page, "No run has been analysed yet");
    free(page);
}

static void without_gnuplot_data_and_scripts_remain(void **state) {
    ReportCase made;
    report_case_create(state, true, &made);
    write_undrawn(&made);
    assert_contains(scratch_log_text(), "gnuplot is not installed");
    assert_true(report_case_exists(&made, "figures/importance.csv"));
    assert_true(report_case_exists(&made, "figures/importance.gp"));
    assert_false(report_case_exists(&made, "figures/importance.svg"));
    char *page = report_case_read(&made, "report.html");
    assert_contains(page,
                    "Not drawn: gnuplot is not installed. The data and the script are there.");
    assert_lacks(page, "importance.svg");
    free(page);
}

static void a_failing_script_is_named(void **state) {
    Error error;
    const char *path = scratch_path(state, "bad.gp");
    if (!gnuplot_found())
        skip();
    scratch_write(path, "set xrange [0:1]\nplot 'no such file'\n");
    assert_int_equal(gnuplot_run(*state, "bad.gp", &error), STATUS_FAILED);
    assert_contains(error.message, "bad.gp: gnuplot failed:");
    assert_contains(error.message, "no such file");
    scratch_write(path, "print 1\n");
    assert_done(gnuplot_run(*state, "bad.gp", &error), &error);
}

static void a_full_disk_is_an_error(void **state) {
    ReportCase made;
    Error error;
    report_case_create(state, true, &made);
    scratch_limit_file_size(1000);
    Status status = report_write(&made.job, &error);
    scratch_limit_file_size(0);
    assert_int_equal(status, STATUS_FAILED);
    assert_contains(error.message, "summary.csv: cannot write: File too large");
    char path[4096];
    snprintf(path, sizeof path, "%s/summary.csv.tmp", made.directory);
    assert_false(scratch_exists(path));
}

#define TEST_IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_create, scratch_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST_IN_SCRATCH(each_analysis_that_runs_hold_has_a_section),
        TEST_IN_SCRATCH(every_null_is_drawn),
        TEST_IN_SCRATCH(weights_are_told_with_what_rows_sum_to),
        TEST_IN_SCRATCH(the_null_stands_beside_every_importance),
        TEST_IN_SCRATCH(maps_of_rows_that_do_not_sum_to_one_are_scaled),
        TEST_IN_SCRATCH(a_fall_is_told_from_a_rise),
        TEST_IN_SCRATCH(the_findings_tell_a_fall),
        TEST_IN_SCRATCH(sinks_elsewhere_are_told),
        TEST_IN_SCRATCH(the_strongest_key_is_told_by_shares),
        TEST_IN_SCRATCH(summary_lists_every_scalar),
        TEST_IN_SCRATCH(report_is_whole_and_self_contained),
        TEST_IN_SCRATCH(significance_names_its_test_n_and_correction),
        TEST_IN_SCRATCH(a_group_without_a_line_has_a_reason),
        TEST_IN_SCRATCH(damaged_and_missing_runs_are_told),
        TEST_IN_SCRATCH(nothing_analysed_is_still_a_report),
        TEST_IN_SCRATCH(without_gnuplot_data_and_scripts_remain),
        TEST_IN_SCRATCH(a_failing_script_is_named),
        TEST_IN_SCRATCH(a_full_disk_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
