/* The `information` analysis (metrics.md section 5): do the heads of a layer differ less once its
   sinks are taken away? Declares the variables and fills them from divergence.h. */
#include "analysis/divergence.h"
#include "analysis/hypothesis.h"
#include "analysis/kinds.h"
#include "analysis/variables.h"

#include <math.h>

#define WS "What are you sinking?, arXiv 2508.02546"
#define OURS "Fiducial"
#define ONE_HEAD "there is one head, which is its own mean"
#define NO_QUERY ONE_HEAD "; no query sees two keys; or rows without weight, or with one below 0"
#define NO_REST ONE_HEAD "; or no query sees two keys, one of which is no sink"
#define NO_TEST ONE_HEAD "; fewer than two samples; or their differences are constant"
#define NO_CORRELATION "fewer than three heads, or a constant"
#define SAME_MAPS "uniform attention is the same in every head and sample: nothing varies"

static const double percentile_values[SINK_PERCENTILES] = {80, 90, 95};

/* Offsets: of one variable and of its null. */
typedef struct WithNull {
    size_t value, null;
} WithNull;

typedef struct Information {
    WithNull to_mean, without, reduction, rows_left_out, p, correlation;
    size_t on_sinks; /* hidden: [layer][sink_percentile][head] */
    size_t adjusted_p, effect, effect_low, effect_high, correlation_p;
} Information;

typedef struct Declaring {
    AnalysisContext *context;
    VariableList *list;
    const Axis *percentile;
} Declaring;

static WithNull add_with_null(const Declaring *declaring, Variable variable,
                              const char *null_undefined) {
    WithNull offsets = {.value = variable_add(declaring->list, declaring->context, variable)};
    variable.undefined = null_undefined;
    offsets.null = variable_add_null(declaring->list, declaring->context, variable);
    return offsets;
}

static void declare_divergences(const Declaring *declaring, Information *information) {
    const Axis *layer = declaring->context->layer, *head = declaring->context->head;
    const Axis *percentile = declaring->percentile;
    const VariableText to_mean = {"kl_to_mean",
                                  "mean over queries of KL(head's row || mean of the heads' rows)",
                                  "nat", WS, NO_QUERY};
    const VariableText without = {"kl_without_sinks",
                                  "the same after zeroing the sinks' columns and renormalising",
                                  "nat", WS, NO_REST};
    const VariableText reduction = {"kl_reduction",
                                    "kl_to_mean minus kl_without_sinks: what the sinks add", "nat",
                                    WS, NO_REST};
    const VariableText left_out = {"rows_left_out",
                                   "queries that see two keys or more, all of them sinks",
                                   "queries", WS, NO_QUERY};
    information->to_mean = add_with_null(
        declaring, variable_over(to_mean, VARIABLE_SAMPLE_MEAN, layer, head, NULL), NO_QUERY);
    information->without = add_with_null(
        declaring, variable_over(without, VARIABLE_SAMPLE_MEAN, layer, percentile, head), NO_REST);
    information->reduction = add_with_null(
        declaring, variable_over(reduction, VARIABLE_SAMPLE_MEAN, layer, percentile, head),
        NO_REST);
    information->rows_left_out = add_with_null(
        declaring, variable_over(left_out, VARIABLE_SAMPLE_MEAN, layer, percentile, NULL),
        NO_QUERY);
    information->on_sinks =
        variable_add(declaring->list, declaring->context,
                     variable_over((VariableText){"attention_on_sinks",
                                                  "share of attention on sinks", "1", WS, NULL},
                                   VARIABLE_SAMPLE_HIDDEN, layer, percentile, head));
}

static Variable over_probe(const Declaring *declaring, VariableText text) {
    return variable_over(text, VARIABLE_PROBE, declaring->context->layer, declaring->percentile,
                         NULL);
}

static void declare_tests(const Declaring *declaring, Information *information) {
    const VariableText p = {"kl_reduction_p",
                            "two-sided p of the paired t-test over samples: head mean of "
                            "kl_to_mean against kl_without_sinks, uncorrected",
                            "1", WS, NO_TEST};
    const VariableText correlation = {
        "sink_kl_correlation",
        "Pearson correlation over heads of the mean share of attention on sinks with kl_to_mean",
        "1", WS, NO_CORRELATION};
    information->p = add_with_null(declaring, over_probe(declaring, p), SAME_MAPS);
    information->correlation =
        add_with_null(declaring, over_probe(declaring, correlation), SAME_MAPS);
    const struct {
        size_t *offset;
        VariableText text;
    } entries[] = {
        {&information->adjusted_p,
         {"kl_reduction_p_holm",
          "kl_reduction_p with Holm's correction over layers and percentiles of the snapshot", "1",
          OURS, NO_TEST}},
        {&information->effect,
         {"kl_reduction_effect",
          "Cohen's d of the paired samples: mean reduction over its standard deviation", "1", OURS,
          NO_TEST}},
        {&information->effect_low,
         {"kl_reduction_effect_low", "lower end of its 95 % interval, from the noncentral t", "1",
          OURS, NO_TEST}},
        {&information->effect_high,
         {"kl_reduction_effect_high", "upper end of its 95 % interval, from the noncentral t", "1",
          OURS, NO_TEST}},
        {&information->correlation_p,
         {"sink_kl_correlation_p",
          "two-sided p of sink_kl_correlation: over all orders of up to 8 heads, Student's t "
          "beyond",
          "1", OURS, NO_CORRELATION}},
    };
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        *entries[i].offset = variable_add(declaring->list, declaring->context,
                                          over_probe(declaring, entries[i].text));
}

static Status information_declare(const KindOptions *options, AnalysisContext *context,
                                  VariableList *list, void **state, Error *error) {
    (void)options;
    (void)error;
    Information *information = ARENA_ARRAY(context->arena, Information, 1);
    const Declaring declaring = {
        .context = context,
        .list = list,
        .percentile = axis_add(
            context, (Axis){.name = "sink_percentile",
                            .length = SINK_PERCENTILES,
                            .values = percentile_values,
                            .long_name = "percentile of summed attention above which a key is a "
                                         "sink; of equal keys the first",
                            .units = "%"}),
    };
    declare_divergences(&declaring, information);
    declare_tests(&declaring, information);
    *state = information;
    return STATUS_OK;
}

static void information_fill_run(const AnalysisContext *context, const void *state, double *run) {
    const Information *information = state;
    size_t heads = (size_t)context->heads, length = (size_t)context->length, map = length * length;
    if (heads < 2)
        return;
    Arena arena = arena_create("the nulls of the information analysis");
    double *uniform = ARENA_ARRAY(&arena, double, map);
    float *weights = ARENA_ARRAY(&arena, float, 2 * map);
    uniform_map(context->visibility, uniform);
    for (size_t i = 0; i < 2 * map; i++)
        weights[i] = (float)uniform[i % map];
    double to_mean[2], without[2 * SINK_PERCENTILES], on_sinks[2 * SINK_PERCENTILES];
    HeadDivergence result = {.to_mean = to_mean,
                             .without = without,
                             .on_sinks = on_sinks,
                             .rows_left_out = run + information->rows_left_out.null};
    divergence_measure(context->visibility, weights, 2, &result, &arena);
    run[information->to_mean.null] = to_mean[0];
    for (size_t p = 0; p < SINK_PERCENTILES; p++) {
        run[information->without.null + p] = without[2 * p];
        run[information->reduction.null + p] = to_mean[0] - without[2 * p];
    }
    arena_destroy(&arena);
}

static void information_sample(const AnalysisContext *context, const void *state,
                               const Capture *capture, int sample, AnalysisScratch *scratch,
                               double *row) {
    (void)sample;
    const Information *information = state;
    size_t heads = (size_t)context->heads;
    if (heads < 2)
        return;
    for (size_t layer = 0; layer < (size_t)context->layers; layer++) {
        size_t first = layer * SINK_PERCENTILES * heads;
        HeadDivergence result = {
            .to_mean = row + information->to_mean.value + layer * heads,
            .without = row + information->without.value + first,
            .on_sinks = row + information->on_sinks + first,
            .rows_left_out = row + information->rows_left_out.value + layer * SINK_PERCENTILES,
        };
        divergence_measure(context->visibility, capture_weights(capture, (int)layer, 0), (int)heads,
                           &result, scratch->arena);
        for (size_t i = 0; i < SINK_PERCENTILES * heads; i++)
            row[information->reduction.value + first + i] =
                result.to_mean[i % heads] - result.without[i];
    }
}

/* At one layer and percentile (at): do the sinks raise the divergence, sample by sample? */
static PairedTest test_reduction(const AnalysisContext *context, const Information *information,
                                 const ProbeView *view, size_t at, Arena *scratch) {
    size_t heads = (size_t)context->heads, samples = (size_t)context->samples;
    double *with = ARENA_ARRAY(scratch, double, samples);
    double *without = ARENA_ARRAY(scratch, double, samples);
    size_t layer = at / SINK_PERCENTILES;
    for (size_t sample = 0; sample < samples; sample++) {
        const double *row = view->rows + sample * view->row_values;
        with[sample] = mean_of(row + information->to_mean.value + layer * heads, heads, 1);
        without[sample] = mean_of(row + information->without.value + at * heads, heads, 1);
    }
    return paired_test(with, without, samples, scratch);
}

/* Over heads, of means over samples: attention on sinks with the divergence. */
static Correlation correlate_sinks(const AnalysisContext *context, const Information *information,
                                   const ProbeView *view, size_t at, Arena *scratch) {
    size_t heads = (size_t)context->heads, samples = (size_t)context->samples;
    double *on_sinks = ARENA_ARRAY(scratch, double, heads);
    double *to_mean = ARENA_ARRAY(scratch, double, heads);
    size_t layer = at / SINK_PERCENTILES;
    for (size_t head = 0; head < heads; head++) {
        on_sinks[head] = mean_of(view->rows + information->on_sinks + at * heads + head, samples,
                                 view->row_values);
        to_mean[head] = mean_of(view->rows + information->to_mean.value + layer * heads + head,
                                samples, view->row_values);
    }
    Correlation result = correlation_pearson(on_sinks, to_mean, heads, scratch);
    if (result.count <= CORRELATION_PERMUTED_LARGEST)
        result.p = correlation_permuted_p(on_sinks, to_mean, heads, scratch);
    return result;
}

static void information_probe(const AnalysisContext *context, const void *state,
                              const ProbeView *view, AnalysisScratch *scratch, double *probe_row) {
    const Information *information = state;
    size_t tests = (size_t)context->layers * SINK_PERCENTILES;
    for (size_t at = 0; at < tests; at++) {
        PairedTest test = test_reduction(context, information, view, at, scratch->arena);
        probe_row[information->p.value + at] = test.p;
        probe_row[information->effect + at] = test.effect;
        probe_row[information->effect_low + at] = test.low;
        probe_row[information->effect_high + at] = test.high;
        Correlation correlation = correlate_sinks(context, information, view, at, scratch->arena);
        probe_row[information->correlation.value + at] = correlation.value;
        probe_row[information->correlation_p + at] = correlation.p;
    }
    holm_adjust(probe_row + information->p.value, tests, probe_row + information->adjusted_p,
                scratch->arena);
}

const AnalysisKind information_analysis = {
    .kind = {.name = "information",
             .meaning = "how much the heads of a layer differ, with and without its sinks",
             .source = WS},
    .declare = information_declare,
    .fill_run = information_fill_run,
    .sample = information_sample,
    .probe = information_probe,
};
