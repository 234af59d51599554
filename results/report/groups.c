#include "results/report/groups.h"

#include "model/base/log.h"
#include "model/base/random.h"
#include "results/report/output.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const char *const colours[COLOURS] = {
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000",
};

static const char *const dashes[DASHES] = {"1", "(7,4)", "(3,3)", "(8,3,2,3)", "(2,5)"};

const Quantity bos_importance = {"first_importance", {{NULL, 0}}};
const Quantity bos_share = {"first_importance_share", {{NULL, 0}}};

static bool same_values(const char *const *a, const char *const *b, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(a[i], b[i]) != 0)
            return false;
    return true;
}

/* Which of the distinct values before it a group's first swept value, or its others, are. */
static size_t rank_among(const Report *report, const Group *group, size_t first, size_t count) {
    size_t rank = 0;
    for (const Group *other = report->groups; other < report->groups + report->group_count;
         other++) {
        if (same_values(other->swept_values + first, group->swept_values + first, count))
            return rank;
        bool seen = false;
        for (const Group *before = report->groups; before < other && !seen; before++)
            seen = same_values(before->swept_values + first, other->swept_values + first, count);
        rank += !seen;
    }
    return rank;
}

/* Colour by the first swept key and dash by the others where all of their values are crossed and
   there are enough of both; otherwise one after the other, solid lines first: where values are
   paired, many groups would share a colour that others leave free. */
static void choose_styles(Report *report) {
    size_t swept = report->job->swept_count, colours_used = 0, dashes_used = 0;
    for (size_t g = 0; g < report->group_count && swept >= 2; g++) {
        size_t first = rank_among(report, &report->groups[g], 0, 1);
        size_t others = rank_among(report, &report->groups[g], 1, swept - 1);
        colours_used = first + 1 > colours_used ? first + 1 : colours_used;
        dashes_used = others + 1 > dashes_used ? others + 1 : dashes_used;
    }
    bool factored = swept >= 2 && colours_used <= COLOURS && dashes_used <= DASHES &&
                    colours_used * dashes_used == report->group_count;
    for (size_t g = 0; g < report->group_count; g++) {
        Group *group = &report->groups[g];
        size_t colour = factored ? rank_among(report, group, 0, 1) : g % COLOURS;
        size_t dash = factored ? rank_among(report, group, 1, swept - 1) : g / COLOURS % DASHES;
        group->colour = colours[colour];
        group->dash = dashes[dash];
    }
}

static int axis_length(const RunData *run, const char *name) {
    const Dimension *dimension = run_dimension(run, name);
    return dimension != NULL ? dimension->length : 0;
}

/* The head of a layer with the largest share of attention on the first position at the run's last
   step, and that share; false, and head 0, where none is defined. */
static bool strongest_head(const RunData *run, const Group *group, int layer, Arena *arena,
                           double *largest) {
    const Quantity *quantity =
        run_dataset(run, bos_share.variable) != NULL ? &bos_share : &bos_importance;
    bool found = false;
    for (int head = 0; head < group->heads; head++) {
        Series series;
        if (!series_read(run, quantity, layer, head, arena, &series))
            continue;
        double last = series.value[series.count - 1];
        if (isnan(last) || (found && !(last > *largest)))
            continue;
        found = true;
        run->sink_heads[layer] = head;
        *largest = last;
    }
    return found;
}

static void find_sink(Group *group, Arena *arena) {
    double largest = -INFINITY;
    for (int layer = 0; layer < group->layers; layer++) {
        double sum = 0, share = 0;
        int count = 0;
        for (size_t r = 0; r < group->run_count; r++)
            if (strongest_head(group->runs[r], group, layer, arena, &share)) {
                sum += share;
                count++;
            }
        if (count == 0 || !(sum / count > largest))
            continue;
        largest = sum / count;
        group->sink_known = true;
        group->sink_layer = layer;
    }
}

static Group *group_of(Report *report, const ReportRun *run) {
    for (size_t g = 0; g < report->group_count; g++)
        if (same_values(report->groups[g].swept_values, run->swept_values,
                        report->job->swept_count))
            return &report->groups[g];
    Group *group = &report->groups[report->group_count++];
    *group = (Group){.label = group_label(report->job, run, report->arena),
                     .swept_values = run->swept_values};
    group->runs = ARENA_ARRAY(report->arena, const RunData *, report->run_count);
    return group;
}

/* run: the group's newest. Its first one tells what the others' data should be. */
static void note_data(Group *group, const RunData *run) {
    const RunData *first = group->runs[0];
    if (group->mixed_data || strcmp(run->facts.data_sha256, first->facts.data_sha256) == 0)
        return;
    group->mixed_data = true;
    log_line(LOG_WARNING,
             "%s and %s are seeds of different data: what data names has changed between them, and "
             "means over both say nothing of either; train all of them on one (--force, or another "
             "--output)",
             first->run->name, run->run->name);
}

/* By more than rounding, at any step. */
static bool rows_differ_from_one(const RunData *run, Arena *arena) {
    const Dataset *dataset = run_dataset(run, "attention_total");
    if (dataset == NULL)
        return false;
    const Selection all = selection_all();
    const double *totals = dataset_read(run, dataset, "", &all, arena);
    size_t count = totals != NULL ? selection_count(dataset, &all) : 0;
    bool differ = false;
    for (size_t i = 0; i < count; i++)
        differ = differ || fabs(totals[i] - 1) > 1e-3;
    return differ;
}

/* How many runs' files stay open: of the descriptors that the process may have, half are left for
   all else. */
static size_t files_kept_open(void) {
    const size_t most = 256;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur / 2 > most)
        return most;
    return (size_t)limit.rlim_cur / 2;
}

void report_read(const ReportJob *job, Arena *arena, Report *report) {
    size_t kept_open = files_kept_open();
    *report = (Report){.job = job, .arena = arena, .run_count = job->run_count, .same_shape = true};
    report->runs = ARENA_ARRAY(arena, RunData, job->run_count);
    report->groups = ARENA_ARRAY(arena, Group, job->run_count);
    for (size_t i = 0; i < job->run_count; i++) {
        RunData *run = &report->runs[i];
        run_read(&job->runs[i], i < kept_open, arena, run);
        Group *group = group_of(report, &job->runs[i]);
        run->group = (int)(group - report->groups);
        group->all_runs++;
        if (!run->analyzed)
            continue;
        report->analyzed_count++;
        report->row_sums = report->row_sums || rows_differ_from_one(run, arena);
        group->runs[group->run_count++] = run;
        note_data(group, run);
        run->sink_heads = ARENA_ARRAY(arena, int, (size_t)axis_length(run, "layer") + 1);
        if (group->run_count == 1) {
            group->layers = axis_length(run, "layer");
            group->heads = axis_length(run, "head");
            group->length = axis_length(run, "position");
        }
    }
    choose_styles(report);
    for (size_t g = 0; g < report->group_count; g++) {
        Group *group = &report->groups[g];
        find_sink(group, arena);
        if (group->run_count == 0)
            continue;
        if (report->layers > 0 &&
            (group->layers != report->layers || group->heads != report->heads))
            report->same_shape = false;
        report->layers = group->layers > report->layers ? group->layers : report->layers;
        report->heads = group->heads > report->heads ? group->heads : report->heads;
    }
}

void report_close(Report *report) {
    for (size_t i = 0; i < report->run_count; i++)
        run_close(&report->runs[i]);
}

/* The selection of a quantity at one layer and head; false unless all axes but step are fixed. */
static bool quantity_selection(const Dataset *dataset, const Quantity *quantity, int layer,
                               int head, Selection *selection) {
    *selection = selection_all();
    for (int i = 0; i < COORDINATES_LARGEST && quantity->at[i].axis != NULL; i++)
        if (!selection_value(selection, dataset, quantity->at[i].axis, quantity->at[i].value))
            return false;
    for (int i = 0; i < dataset->rank; i++) {
        const char *axis = dataset->dimensions[i]->name;
        if (strncmp(axis, "layer", 5) == 0 && !selection_index(selection, dataset, axis, layer))
            return false;
        if (strcmp(axis, "head") == 0 && !selection_index(selection, dataset, axis, head))
            return false;
        if (selection->index[i] < 0 && strcmp(axis, "step") != 0)
            return false;
    }
    return true;
}

static int head_of(const RunData *run, int layer, int head) {
    return head == SINKING_HEAD ? run->sink_heads[layer] : head;
}

bool series_read(const RunData *run, const Quantity *quantity, int layer, int head, Arena *arena,
                 Series *series) {
    const Dataset *dataset = run->analyzed ? run_dataset(run, quantity->variable) : NULL;
    Selection selection;
    if (dataset == NULL || dataset_axis(dataset, "step") != 0 ||
        !quantity_selection(dataset, quantity, layer, head_of(run, layer, head), &selection))
        return false;
    series->count = dataset->dimensions[0]->length;
    series->step = dataset->dimensions[0]->values;
    series->value = dataset_read(run, dataset, "", &selection, arena);
    series->low = series->high = series->deviation = NULL;
    if (dataset->has_interval) {
        series->low = dataset_read(run, dataset, "_low", &selection, arena);
        series->high = dataset_read(run, dataset, "_high", &selection, arena);
        series->deviation = dataset_read(run, dataset, "_std", &selection, arena);
    }
    return series->value != NULL;
}

double *series_read_samples(const RunData *run, const Quantity *quantity, int layer, int head,
                            int *samples, Arena *arena) {
    const Dataset *dataset = run->analyzed ? run_dataset(run, quantity->variable) : NULL;
    Selection selection;
    if (dataset == NULL ||
        !quantity_selection(dataset, quantity, layer, head_of(run, layer, head), &selection))
        return NULL;
    return dataset_read_samples(run, dataset, &selection, samples, arena);
}

double quantity_null(const Group *group, const Quantity *quantity, int layer, int head,
                     Arena *arena) {
    for (size_t r = 0; r < group->run_count; r++) {
        const char *name = arena_format(arena, "%s_null", quantity->variable);
        const Dataset *dataset = run_dataset(group->runs[r], name);
        Selection selection;
        if (dataset == NULL ||
            !quantity_selection(dataset, quantity, layer, head_of(group->runs[r], layer, head),
                                &selection))
            continue;
        double *values = dataset_read(group->runs[r], dataset, "", &selection, arena);
        if (values != NULL) /* with a step axis all steps are equal */
            return values[selection_count(dataset, &selection) - 1];
    }
    return NAN;
}

bool same_null(double first, double second) {
    if (isnan(first) || isnan(second))
        return isnan(first) && isnan(second);
    return fabs(first - second) <= 1e-6 * fmax(fabs(first), fabs(second));
}

static int compare_numbers(const void *a, const void *b) {
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

/* 95 % percentile bootstrap of the mean of values [count], 1,000 seeded draws. */
static void bootstrap_mean(const double *values, int count, double *low, double *high) {
    enum { DRAWS = 1000 };
    double means[DRAWS];
    Random random = random_create(0, RANDOM_BOOTSTRAP, 0, 0);
    for (int d = 0; d < DRAWS; d++) {
        double sum = 0;
        for (int i = 0; i < count; i++)
            sum += values[random_below(&random, (uint32_t)count)];
        means[d] = sum / count;
    }
    qsort(means, DRAWS, sizeof(means[0]), compare_numbers);
    *low = means[(int)(0.025 * (DRAWS - 1))];
    *high = means[(int)ceil(0.975 * (DRAWS - 1))];
}

int interval_over_seeds(const double *values, int count, double *mean, double *low, double *high) {
    enum { SEEDS_LARGEST = 1024 };
    double defined[SEEDS_LARGEST], sum = 0;
    int n = 0;
    *mean = *low = *high = NAN;
    for (int i = 0; i < count && n < SEEDS_LARGEST; i++)
        if (!isnan(values[i]))
            sum += defined[n++] = values[i];
    if (n == 0)
        return 0;
    *mean = sum / n;
    if (n == 1)
        return 1;
    qsort(defined, (size_t)n, sizeof(defined[0]), compare_numbers);
    *low = defined[0];
    *high = defined[n - 1];
    if (n >= 5)
        bootstrap_mean(defined, n, low, high);
    return n;
}

/* The ascending union of the series' steps. */
static int union_of_steps(const Series *series, size_t count, Arena *arena, double **steps) {
    size_t total = 0;
    for (size_t s = 0; s < count; s++)
        total += (size_t)series[s].count;
    double *all = ARENA_ARRAY(arena, double, total);
    total = 0;
    for (size_t s = 0; s < count; s++) {
        memcpy(all + total, series[s].step, (size_t)series[s].count * sizeof(*all));
        total += (size_t)series[s].count;
    }
    qsort(all, total, sizeof(*all), compare_numbers);
    int distinct = 0;
    for (size_t i = 0; i < total; i++)
        if (distinct == 0 || all[i] != all[distinct - 1])
            all[distinct++] = all[i];
    *steps = all;
    return distinct;
}

/* Index of step in series, −1 for none. */
static int series_at(const Series *series, double step) {
    const double *found =
        bsearch(&step, series->step, (size_t)series->count, sizeof(double), compare_numbers);
    return found != NULL ? (int)(found - series->step) : -1;
}

void curve_over_seeds(const Series *series, size_t count, Arena *arena, Curve *curve) {
    *curve = (Curve){.band = BAND_NONE};
    curve->count = union_of_steps(series, count, arena, &curve->step);
    size_t points = (size_t)curve->count;
    curve->mean = ARENA_ARRAY(arena, double, points);
    curve->low = ARENA_ARRAY(arena, double, points);
    curve->high = ARENA_ARRAY(arena, double, points);
    curve->seeds = ARENA_ARRAY(arena, int, points);
    double *values = ARENA_ARRAY(arena, double, count + 1);
    for (int i = 0; i < curve->count; i++) {
        const Series *only = NULL;
        int only_at = 0;
        for (size_t s = 0; s < count; s++) {
            int at = series_at(&series[s], curve->step[i]);
            values[s] = at >= 0 ? series[s].value[at] : NAN;
            if (!isnan(values[s])) {
                only = &series[s];
                only_at = at;
            }
        }
        int n = interval_over_seeds(values, (int)count, &curve->mean[i], &curve->low[i],
                                    &curve->high[i]);
        BandKind band = n >= 5 ? BAND_SEEDS : n >= 2 ? BAND_RANGE : BAND_NONE;
        if (n == 1 && count == 1 && only->low != NULL && only->high != NULL) {
            curve->low[i] = only->low[only_at];
            curve->high[i] = only->high[only_at];
            band = BAND_SAMPLES;
        }
        curve->seeds[i] = n;
        curve->band = band > curve->band ? band : curve->band;
    }
}

bool curve_read(const Group *group, const Quantity *quantity, int layer, int head, Arena *arena,
                Curve *curve) {
    Series *series = ARENA_ARRAY(arena, Series, group->run_count);
    size_t count = 0;
    for (size_t r = 0; r < group->run_count; r++)
        count += series_read(group->runs[r], quantity, layer, head, arena, &series[count]);
    if (count == 0)
        return false;
    curve_over_seeds(series, count, arena, curve);
    return true;
}

const char *bands_text(unsigned kinds, Arena *arena) {
    static const struct {
        BandKind band;
        const char *text;
    } texts[] = {
        {BAND_SAMPLES, "95 % bootstrap interval over probe samples (one seed)"},
        {BAND_RANGE, "least to largest seed"},
        {BAND_SEEDS, "95 % bootstrap interval of the mean over seeds"},
    };
    const char *all = "";
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (kinds & 1U << texts[i].band)
            all = arena_format(arena, "%s%s%s", all, *all != '\0' ? "; " : "", texts[i].text);
    return *all != '\0' ? arena_format(arena, "Line: mean over seeds; band: %s.", all) : "";
}
