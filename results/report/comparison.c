#include "results/report/comparison.h"

#include "results/report/output.h"

#include <math.h>
#include <unistd.h>

/* The last value of each seed that has the metric; returns how many. */
static size_t last_values(const Group *group, const Metric *metric, Arena *scratch,
                          double **values) {
    size_t count = 0;
    *values = ARENA_ARRAY(scratch, double, group->run_count);
    for (size_t r = 0; r < group->run_count; r++) {
        Series series;
        if (series_read(group->runs[r], &metric->quantity, group->sink_layer, SINKING_HEAD, scratch,
                        &series) &&
            !isnan(series.value[series.count - 1]))
            (*values)[count++] = series.value[series.count - 1];
    }
    return count;
}

static void compare_metric(const ComparisonTable *table, size_t metric) {
    const Report *report = table->report;
    Arena scratch = arena_create("comparisons");
    double *of_first, *values;
    size_t first_count = last_values(table->first, &metrics[metric], &scratch, &of_first);
    for (size_t g = 0; g < report->group_count; g++) {
        const Group *group = &report->groups[g];
        Comparison *item = &table->items[metric * report->group_count + g];
        *item = (Comparison){.p_holm = NAN, .exact_p_holm = NAN};
        size_t count = last_values(group, &metrics[metric], &scratch, &values);
        if (group == table->first || count == 0 || first_count == 0)
            continue;
        item->present = true;
        item->test = unpaired_test(values, count, of_first, first_count, &scratch);
        item->mean = mean_of(values, count, 1);
        item->first = mean_of(of_first, first_count, 1);
    }
    arena_destroy(&scratch);
}

/* Corrects both columns of p-values over the whole table. */
static void correct(ComparisonTable *table) {
    size_t count = metric_count * table->report->group_count;
    Arena scratch = arena_create("corrections");
    double *p = ARENA_ARRAY(&scratch, double, count), *exact = ARENA_ARRAY(&scratch, double, count);
    double *adjusted = ARENA_ARRAY(&scratch, double, count);
    for (size_t i = 0; i < count; i++) {
        p[i] = table->items[i].present ? table->items[i].test.p : NAN;
        exact[i] = table->items[i].present ? table->items[i].test.exact_p : NAN;
        table->tests += !isnan(p[i]);
    }
    holm_adjust(p, count, adjusted, &scratch);
    for (size_t i = 0; i < count; i++)
        table->items[i].p_holm = adjusted[i];
    holm_adjust(exact, count, adjusted, &scratch);
    for (size_t i = 0; i < count; i++)
        table->items[i].exact_p_holm = adjusted[i];
    arena_destroy(&scratch);
}

static void grow_seeds(ComparisonTable *table, int seeds) {
    if (table->most_seeds == 0 || seeds < table->least_seeds)
        table->least_seeds = seeds;
    if (seeds > table->most_seeds)
        table->most_seeds = seeds;
}

void comparison_table(const Report *report, Arena *arena, ComparisonTable *table) {
    bool any = false;
    *table = (ComparisonTable){.report = report};
    table->items = ARENA_ARRAY(arena, Comparison, metric_count * report->group_count);
    for (size_t g = 0; g < report->group_count && table->first == NULL; g++)
        if (report->groups[g].run_count > 0)
            table->first = &report->groups[g];
    if (table->first == NULL)
        return;
    for (size_t m = 0; m < metric_count; m++)
        if (metric_listed(report, &metrics[m]))
            compare_metric(table, m);
    for (size_t i = 0; i < metric_count * report->group_count; i++) {
        const Comparison *item = &table->items[i];
        any = any || item->present;
        if (item->present) {
            grow_seeds(table, item->test.first_count);
            grow_seeds(table, item->test.second_count);
        }
    }
    if (!any)
        table->first = NULL;
    else
        correct(table);
}

const Comparison *comparison_at(const ComparisonTable *table, size_t metric, size_t group) {
    return &table->items[metric * table->report->group_count + group];
}

static void write_item(FILE *stream, const ComparisonTable *table, size_t metric, size_t g) {
    const Comparison *item = comparison_at(table, metric, g);
    const Group *group = &table->report->groups[g];
    const UnpairedTest *test = &item->test;
    const char *heads = sinking_heads(group, " ", table->report->arena);
    for (size_t k = 0; k < table->report->job->swept_count; k++) {
        output_csv_text(stream, group->swept_values[k]);
        fputc(',', stream);
    }
    output_csv_text(stream, table->first->label);
    fprintf(stream, ",%s,%d,%s", metrics[metric].quantity.variable, group->sink_layer, heads);
    const double numbers[] = {
        item->mean,       test->first_count, item->first,         test->second_count,
        test->difference, test->t,           test->degrees,       test->p,
        item->p_holm,     test->exact_p,     item->exact_p_holm,  test->effect,
        test->low,        test->high,        (double)table->tests};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        fputc(',', stream);
        output_csv_number(stream, numbers[i]);
    }
    fputc('\n', stream);
}

Status comparisons_write(const ComparisonTable *table, Error *error) {
    const ReportJob *job = table->report->job;
    OutputFile file;
    char path[4096];
    snprintf(path, sizeof(path), "%s/comparisons.csv", job->directory);
    if (table->first == NULL) {
        unlink(path); /* of an earlier report */
        return STATUS_OK;
    }
    TRY(output_open(&file, path, error));
    for (size_t k = 0; k < job->swept_count; k++) {
        output_csv_text(file.stream, job->swept_keys[k]);
        fputc(',', file.stream);
    }
    fputs("against,metric,layer,head,mean,seeds,mean_against,seeds_against,difference,t,degrees,p,"
          "p_holm,exact_p,exact_p_holm,hedges_g,low,high,tests\n",
          file.stream);
    for (size_t m = 0; m < metric_count; m++)
        for (size_t g = 0; g < table->report->group_count; g++)
            if (comparison_at(table, m, g)->present)
                write_item(file.stream, table, m, g);
    return output_commit(&file, error);
}
