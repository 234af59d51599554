#include "results/report/comparison.h"

#include "results/report/output.h"

#include <math.h>
#include <unistd.h>

enum { PAIRS_LEAST = 3 };

static const double ROUNDING = 1e-6; /* of the values' size */

/* A metric's last values in a group, of each seed that has one, and its null. */
typedef struct LastValues {
    size_t count;
    double *values, null;
    int64_t *seeds;
} LastValues;

static LastValues last_values(const Group *group, const ComparisonRow *row, Arena *scratch) {
    const Quantity *quantity = &row->metric->quantity;
    int layer = row->layer < 0 ? 0 : row->layer;
    LastValues last = {.values = ARENA_ARRAY(scratch, double, group->run_count),
                       .seeds = ARENA_ARRAY(scratch, int64_t, group->run_count),
                       .null = NAN};
    for (size_t r = 0; r < group->run_count && row->layer < group->layers; r++) {
        Series series;
        if (!series_read(group->runs[r], quantity, layer, SINKING_HEAD, scratch, &series) ||
            isnan(series.value[series.count - 1]))
            continue;
        last.seeds[last.count] = group->runs[r]->run->seed;
        last.values[last.count++] = series.value[series.count - 1];
    }
    if (last.count > 0)
        last.null = quantity_null(group, quantity, layer, SINKING_HEAD, scratch);
    return last;
}

/* Whether runs of one seed were probed with other inputs or targets. */
static bool probes_differ(const Group *a, const Group *b) {
    for (size_t i = 0; i < a->run_count; i++)
        for (size_t k = 0; k < b->run_count; k++) {
            uint64_t first = a->runs[i]->facts.probe, second = b->runs[k]->facts.probe;
            if (a->runs[i]->run->seed == b->runs[k]->run->seed && first != 0 && second != 0 &&
                first != second)
                return true;
        }
    return false;
}

static double largest_size(const LastValues *last, double largest) {
    for (size_t i = 0; i < last->count; i++)
        largest = fmax(largest, fabs(last->values[i]));
    return largest;
}

static PairedTest paired_over_seeds(const LastValues *of_group, const LastValues *of_first,
                                    Arena *scratch) {
    double *group = ARENA_ARRAY(scratch, double, of_group->count);
    double *first = ARENA_ARRAY(scratch, double, of_group->count);
    size_t pairs = 0;
    for (size_t i = 0; i < of_group->count; i++)
        for (size_t k = 0; k < of_first->count; k++)
            if (of_group->seeds[i] == of_first->seeds[k]) {
                group[pairs] = of_group->values[i];
                first[pairs++] = of_first->values[k];
                break;
            }
    return paired_test(group, first, pairs >= PAIRS_LEAST ? pairs : 0, scratch);
}

static Untested untested_reason(const ComparisonTable *table, const Group *group,
                                const Metric *metric, const Comparison *item, double size) {
    if (!same_null(item->null, item->first_null))
        return UNTESTED_NULLS;
    if (metric_is_loss(metric) && probes_differ(group, table->first))
        return UNTESTED_PROBES;
    return fabs(item->mean - item->first) <= ROUNDING * size ? UNTESTED_EQUAL : UNTESTED_NOT;
}

static Comparison compare(const ComparisonTable *table, const ComparisonRow *row,
                          const Group *group, const LastValues *of_first, Arena *scratch) {
    Comparison item = {.p_holm = NAN, .exact_p_holm = NAN, .paired_p_holm = NAN};
    LastValues last = last_values(group, row, scratch);
    if (group == table->first || last.count == 0 || of_first->count == 0)
        return item;
    item.present = true;
    item.mean = mean_of(last.values, last.count, 1);
    item.first = mean_of(of_first->values, of_first->count, 1);
    item.null = last.null;
    item.first_null = of_first->null;
    item.untested = untested_reason(table, group, row->metric, &item,
                                    largest_size(&last, largest_size(of_first, 0)));
    bool tested = item.untested == UNTESTED_NOT;
    item.test = unpaired_test(last.values, tested ? last.count : 0, of_first->values,
                              tested ? of_first->count : 0, scratch);
    item.paired = paired_over_seeds(tested ? &last : &(LastValues){0}, of_first, scratch);
    item.test.difference = item.untested == UNTESTED_EQUAL ? 0 : item.mean - item.first;
    item.test.first_count = (int)last.count;
    item.test.second_count = (int)of_first->count;
    return item;
}

/* ---- The table ------------------------------------------------------------------------------- */

/* Whether the metric has an axis of this name in some run, or whose name begins with it. */
static bool has_axis(const Report *report, const Metric *metric, const char *name) {
    for (size_t r = 0; r < report->run_count; r++) {
        const Dataset *dataset = run_dataset(&report->runs[r], metric->quantity.variable);
        for (int i = 0; dataset != NULL && i < dataset->rank; i++)
            if (strncmp(dataset->dimensions[i]->name, name, strlen(name)) == 0)
                return true;
    }
    return false;
}

/* Layer 0 where no sinks are analysed. */
static bool some_group_sinks_in(const Report *report, int layer) {
    bool known = false;
    for (size_t g = 0; g < report->group_count; g++) {
        known = known || report->groups[g].sink_known;
        if (report->groups[g].sink_known && report->groups[g].sink_layer == layer)
            return true;
    }
    return !known && layer == 0;
}

/* Adds a row where any group has a value beside the first one's. */
static void add_row(ComparisonTable *table, const Metric *metric, int layer, Arena *arena) {
    const Report *report = table->report;
    bool any = false;
    ComparisonRow row = {.metric = metric,
                         .layer = layer,
                         .heads = has_axis(report, metric, "head"),
                         .items = ARENA_ARRAY(arena, Comparison, report->group_count)};
    Arena scratch = arena_create("comparisons");
    LastValues of_first = last_values(table->first, &row, &scratch);
    for (size_t g = 0; g < report->group_count; g++) {
        row.items[g] = compare(table, &row, &report->groups[g], &of_first, &scratch);
        any = any || row.items[g].present;
    }
    if (any)
        table->rows[table->row_count++] = row;
    arena_destroy(&scratch);
}

static void add_rows(ComparisonTable *table, Arena *arena) {
    const Report *report = table->report;
    size_t layers = report->layers > 0 ? (size_t)report->layers : 1;
    table->rows = ARENA_ARRAY(arena, ComparisonRow, metric_count * layers);
    for (size_t m = 0; m < metric_count; m++) {
        if (!metric_listed(report, &metrics[m]))
            continue;
        if (!has_axis(report, &metrics[m], "layer"))
            add_row(table, &metrics[m], -1, arena);
        else
            for (int layer = 0; layer < (int)layers; layer++)
                if (some_group_sinks_in(report, layer))
                    add_row(table, &metrics[m], layer, arena);
    }
}

/* The three columns of p-values. */
enum { P_COLUMNS = 3 };

static double p_value(const Comparison *item, int column) {
    const double values[P_COLUMNS] = {item->test.p, item->test.exact_p, item->paired.p};
    return item->present ? values[column] : NAN;
}

/* Corrects each column over the whole table. */
static void correct(ComparisonTable *table) {
    size_t groups = table->report->group_count, count = table->row_count * groups;
    Arena scratch = arena_create("corrections");
    double *p = ARENA_ARRAY(&scratch, double, count);
    double *adjusted = ARENA_ARRAY(&scratch, double, count);
    for (int column = 0; column < P_COLUMNS; column++) {
        for (size_t i = 0; i < count; i++)
            p[i] = p_value(&table->rows[i / groups].items[i % groups], column);
        holm_adjust(p, count, adjusted, &scratch);
        for (size_t i = 0; i < count; i++) {
            Comparison *item = &table->rows[i / groups].items[i % groups];
            *(double *[P_COLUMNS]){&item->p_holm, &item->exact_p_holm,
                                   &item->paired_p_holm}[column] = adjusted[i];
            table->tests += column == 0 && !isnan(p[i]);
        }
    }
    arena_destroy(&scratch);
}

static void grow(int count, int *least, int *most) {
    if (*most == 0 || count < *least)
        *least = count;
    if (count > *most)
        *most = count;
}

static void count_seeds(ComparisonTable *table) {
    for (size_t r = 0; r < table->row_count; r++)
        for (size_t g = 0; g < table->report->group_count; g++) {
            const Comparison *item = &table->rows[r].items[g];
            if (!item->present || item->untested != UNTESTED_NOT)
                continue;
            grow(item->test.first_count, &table->least_seeds, &table->most_seeds);
            grow(item->test.second_count, &table->least_seeds, &table->most_seeds);
            if (!isnan(item->paired.p))
                grow(item->paired.count, &table->least_pairs, &table->most_pairs);
        }
}

void comparison_table(const Report *report, Arena *arena, ComparisonTable *table) {
    *table = (ComparisonTable){.report = report};
    for (size_t g = 0; g < report->group_count && table->first == NULL; g++)
        if (report->groups[g].run_count > 0)
            table->first = &report->groups[g];
    if (table->first == NULL)
        return;
    add_rows(table, arena);
    correct(table);
    count_seeds(table);
    if (table->row_count == 0)
        table->first = NULL;
}

/* ---- The file -------------------------------------------------------------------------------- */

static void write_number(FILE *stream, double value) {
    fputc(',', stream);
    output_csv_number(stream, value);
}

/* The heads in which the group is measured in a layer. */
static const char *layer_heads(const Group *group, int layer, Arena *arena) {
    Group there = *group;
    there.sink_layer = layer;
    return sinking_heads(&there, " ", arena);
}

static void write_place(FILE *stream, const ComparisonTable *table, const ComparisonRow *row,
                        const Group *group) {
    Arena *arena = table->report->arena;
    const char *heads = "", *first_heads = "";
    if (row->heads) {
        heads = layer_heads(group, row->layer, arena);
        first_heads = layer_heads(table->first, row->layer, arena);
    }
    write_number(stream, row->layer < 0 ? NAN : row->layer);
    fprintf(stream, ",%s,%s,%d,%d", heads, first_heads, group->sink_layer,
            table->first->sink_layer);
}

static void write_item(FILE *stream, const ComparisonTable *table, const ComparisonRow *row,
                       size_t g) {
    static const char *const reasons[] = {[UNTESTED_NOT] = "",
                                          [UNTESTED_NULLS] = "nulls differ",
                                          [UNTESTED_PROBES] = "probes differ",
                                          [UNTESTED_EQUAL] = "equal"};
    const Group *group = &table->report->groups[g];
    const Comparison *item = &row->items[g];
    const UnpairedTest *test = &item->test;
    for (size_t k = 0; k < table->report->job->swept_count; k++) {
        output_csv_text(stream, group->swept_values[k]);
        fputc(',', stream);
    }
    output_csv_text(stream, table->first->label);
    fprintf(stream, ",%s", row->metric->quantity.variable);
    write_place(stream, table, row, group);
    const double values[] = {item->mean,         test->first_count, item->first,
                             test->second_count, test->difference,  item->null,
                             item->first_null};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        write_number(stream, values[i]);
    fprintf(stream, ",%s", reasons[item->untested]);
    const double tests[] = {test->t,
                            test->degrees,
                            test->p,
                            item->p_holm,
                            test->exact_p,
                            item->exact_p_holm,
                            test->effect,
                            test->low,
                            test->high,
                            item->paired.count,
                            item->paired.t,
                            item->paired.p,
                            item->paired_p_holm,
                            (double)table->tests};
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        write_number(stream, tests[i]);
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
    fputs("against,metric,layer,head,head_against,sinking_layer,sinking_layer_against,mean,seeds,"
          "mean_against,seeds_against,difference,null,null_against,untested,t,degrees,p,p_holm,"
          "exact_p,exact_p_holm,hedges_g,low,high,pairs,paired_t,paired_p,paired_p_holm,tests\n",
          file.stream);
    for (size_t r = 0; r < table->row_count; r++)
        for (size_t g = 0; g < table->report->group_count; g++)
            if (table->rows[r].items[g].present)
                write_item(file.stream, table, &table->rows[r], g);
    return output_commit(&file, error);
}
