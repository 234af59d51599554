#include "results/report/run_tests.h"

#include "analysis/hypothesis.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#define RANKS "Spearman’s rank correlation"

/* A correlation of the Fiedler value and its p, at the threshold that the figures show. */
#define AT_THRESHOLD                                                                               \
    {                                                                                              \
        { "threshold", 0.05 }                                                                      \
    }
#define FIEDLER(metric)                                                                            \
    {"fiedler_correlation_spearman_" metric, AT_THRESHOLD}, {                                      \
        "fiedler_correlation_spearman_" metric "_p", AT_THRESHOLD                                  \
    }

static const RunTestKind kinds[] = {
    {SECTION_FRAMES, "Fiedler value with star likeness", FIEDLER("star_likeness"), OVER_SEQUENCES,
     RANKS},
    {SECTION_FRAMES, "Fiedler value with degree centralization", FIEDLER("degree_centralization"),
     OVER_SEQUENCES, RANKS},
    {SECTION_FRAMES, "Fiedler value with in-degree variance", FIEDLER("in_degree_variance"),
     OVER_SEQUENCES, RANKS},
    {SECTION_FRAMES, "Fiedler value with connection density", FIEDLER("connection_density"),
     OVER_SEQUENCES, RANKS},
    {SECTION_INFORMATION,
     "divergence of heads with against without sinks (Cohen’s d)",
     {"kl_reduction_effect", {{"sink_percentile", 90}}},
     {"kl_reduction_p", {{"sink_percentile", 90}}},
     OVER_SEQUENCES,
     "paired t-test of the head mean"},
    {SECTION_INFORMATION,
     "attention on sinks with divergence (correlation)",
     {"sink_kl_correlation", {{"sink_percentile", 90}}},
     {"sink_kl_correlation_p", {{"sink_percentile", 90}}},
     OVER_HEADS,
     "Pearson’s correlation (up to 8: exact, over all orders)"},
    {SECTION_FISHER,
     "Fisher norm with depth (Pearson)",
     {"fisher_depth_pearson", {{NULL, 0}}},
     {"fisher_depth_pearson_p", {{NULL, 0}}},
     OVER_LAYERS,
     "Pearson’s correlation"},
    {SECTION_FISHER,
     "Fisher norm with depth (Spearman)",
     {"fisher_depth_spearman", {{NULL, 0}}},
     {"fisher_depth_spearman_p", {{NULL, 0}}},
     OVER_LAYERS,
     RANKS " (up to 8: exact, over all orders)"},
    {SECTION_LIKELIHOOD,
     "likelihood with attention to itself",
     {"likelihood_attention_correlation", {{NULL, 0}}},
     {"likelihood_attention_correlation_p", {{NULL, 0}}},
     OVER_SEQUENCES,
     RANKS},
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static double unit_count(RunTestUnit unit, const Group *group, const RunData *run) {
    switch (unit) {
    case OVER_LAYERS:
        return group->layers;
    case OVER_HEADS:
        return group->heads;
    case OVER_SEQUENCES:
        break;
    }
    return run->facts.probe_samples > 0 ? (double)run->facts.probe_samples : NAN;
}

/* Whether the quantity has one value per layer; false too where the run lacks it. */
static bool by_layer(const RunData *run, const Quantity *quantity) {
    const Dataset *dataset = run_dataset(run, quantity->variable);
    return dataset != NULL && dataset_axis(dataset, "layer") >= 0;
}

/* Adds the tests of one kind at one layer. */
static void add_layer(const Report *report, const RunTestKind *kind, int layer, Arena *arena,
                      RunTestTable *table) {
    for (size_t g = 0; g < report->group_count; g++)
        for (size_t r = 0; r < report->groups[g].run_count; r++) {
            const Group *group = &report->groups[g];
            const RunData *run = group->runs[r];
            bool layered = by_layer(run, &kind->value);
            Series value, p;
            if ((!layered && layer > 0) ||
                !series_read(run, &kind->value, layer, 0, arena, &value) ||
                !series_read(run, &kind->p, layer, 0, arena, &p) || p.count != value.count)
                continue;
            table->items[table->count++] = (RunTest){.kind = kind,
                                                     .run = run,
                                                     .group = group,
                                                     .layer = layered ? layer : -1,
                                                     .step = value.step[value.count - 1],
                                                     .n = unit_count(kind->unit, group, run),
                                                     .value = value.value[value.count - 1],
                                                     .p = p.value[p.count - 1]};
        }
}

void run_test_table(const Report *report, SectionKind section, Arena *arena, RunTestTable *table) {
    size_t layers = report->layers > 0 ? (size_t)report->layers : 1;
    *table = (RunTestTable){0};
    table->items = ARENA_ARRAY(arena, RunTest, KINDS * layers * report->run_count);
    for (size_t k = 0; k < KINDS; k++)
        for (size_t layer = 0; layer < layers && kinds[k].section == section; layer++)
            add_layer(report, &kinds[k], (int)layer, arena, table);
    double *p = ARENA_ARRAY(arena, double, table->count);
    double *adjusted = ARENA_ARRAY(arena, double, table->count);
    for (size_t i = 0; i < table->count; i++) {
        p[i] = table->items[i].p;
        table->tests += !isnan(p[i]);
    }
    holm_adjust(p, table->count, adjusted, arena);
    for (size_t i = 0; i < table->count; i++)
        table->items[i].p_holm = adjusted[i];
}

static void write_test(FILE *stream, const Report *report, const RunTest *test, size_t tests) {
    output_csv_text(stream, test->run->run->name);
    for (size_t k = 0; k < report->job->swept_count; k++) {
        fputc(',', stream);
        output_csv_text(stream, test->group->swept_values[k]);
    }
    fprintf(stream, ",%lld,%.15g,%s,", (long long)test->run->run->seed, test->step,
            test->kind->value.variable);
    if (test->layer >= 0)
        fprintf(stream, "%d", test->layer);
    fputc(',', stream);
    output_csv_text(stream, test->kind->test);
    const double numbers[] = {test->value, test->n, test->p, test->p_holm, (double)tests};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        fputc(',', stream);
        output_csv_number(stream, numbers[i]);
    }
    fputc('\n', stream);
}

static void write_header(FILE *stream, const Report *report) {
    fputs("run", stream);
    for (size_t k = 0; k < report->job->swept_count; k++) {
        fputc(',', stream);
        output_csv_text(stream, report->job->swept_keys[k]);
    }
    fputs(",seed,step,metric,layer,test,value,n,p,p_holm,tests\n", stream);
}

Status run_tests_write(const Report *report, Error *error) {
    OutputFile file;
    char path[4096];
    size_t rows = 0;
    snprintf(path, sizeof(path), "%s/tests.csv", report->job->directory);
    TRY(output_open(&file, path, error));
    write_header(file.stream, report);
    Arena arena = arena_create("tests.csv");
    for (int section = 0; section < SECTIONS; section++) {
        RunTestTable table;
        run_test_table(report, (SectionKind)section, &arena, &table);
        for (size_t i = 0; i < table.count; i++)
            write_test(file.stream, report, &table.items[i], table.tests);
        rows += table.count;
    }
    arena_destroy(&arena);
    if (rows > 0)
        return output_commit(&file, error);
    output_abandon(&file);
    unlink(path); /* of an earlier report */
    return STATUS_OK;
}
