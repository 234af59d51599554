#include "analysis/fisher.h"

#include "analysis/kinds.h"
#include "analysis/statistics.h"
#include "analysis/variables.h"

#include <math.h>

#define WS "What are you sinking?, arXiv 2508.02546"

static const char *const group_names[FISHER_GROUPS] = {
    [GROUP_EMBEDDING] = "embedding",
    [GROUP_ATTENTION] = "attention",
    [GROUP_MLP] = "mlp",
    [GROUP_UNEMBEDDING] = "unembedding",
};

/* Σ x² in double, in eight interleaved sums that the compiler can keep in vectors. */
static double square_sum(const float *x, size_t count) {
    enum { SUMS = 8 };
    double sums[SUMS] = {0}, total = 0;
    size_t i = 0;
    for (; i + SUMS <= count; i += SUMS)
        for (size_t s = 0; s < SUMS; s++)
            sums[s] += (double)x[i + s] * x[i + s];
    for (; i < count; i++)
        total += (double)x[i] * x[i];
    for (size_t s = 0; s < SUMS; s++)
        total += sums[s];
    return total;
}

void fisher_measure(const Model *model, const float *parameters, const Batch *sequence,
                    Workspace *workspace, float *gradient, double *layer, double *group) {
    const ParameterTable *table = model_parameters(model);
    int64_t targets = batch_target_count(sequence);
    double start = targets > 0 ? 0 : NAN;
    for (int64_t l = 0; l < model_config(model)->layers; l++)
        layer[l] = start;
    for (int g = 0; g < FISHER_GROUPS; g++)
        group[g] = NAN;
    for (size_t e = 0; e < table->count; e++)
        group[table->entries[e].group] = start;
    if (targets == 0)
        return;
    model_gradient(model, parameters, sequence, 1.0 / (double)targets, workspace, gradient);
    for (size_t e = 0; e < table->count; e++) {
        const Parameter *entry = table->entries + e;
        double square = square_sum(gradient + entry->offset, entry->count);
        group[entry->group] += square;
        if (entry->layer >= 0)
            layer[entry->layer] += square;
    }
}

enum { CORRELATIONS = 2 };

/* Offsets of the variables; names as in analysis.h5. */
typedef struct Fisher {
    size_t norm, group;
    size_t depth[CORRELATIONS], depth_p[CORRELATIONS]; /* Pearson, Spearman */
} Fisher;

static void declare_depth(AnalysisContext *context, VariableList *list, Fisher *fisher) {
    static const char *const kinds[CORRELATIONS] = {"pearson", "spearman"};
    const char *undefined = "there are fewer than three layers, or all norms are equal";
    for (int c = 0; c < CORRELATIONS; c++) {
        const VariableText value = {
            arena_format(context->arena, "fisher_depth_%s", kinds[c]),
            arena_format(context->arena, "%s correlation of fisher_norm with the layer's number",
                         kinds[c]),
            "1", WS, undefined};
        const VariableText p = {
            arena_format(context->arena, "%s_p", value.name),
            arena_format(context->arena, "two-sided p-value of %s over layers", value.name), "1",
            WS, undefined};
        fisher->depth[c] = variable_add(list, context, variable_make(value, VARIABLE_PROBE));
        fisher->depth_p[c] = variable_add(list, context, variable_make(p, VARIABLE_PROBE));
    }
}

static Status fisher_declare(const KindOptions *options, AnalysisContext *context,
                             VariableList *list, void **state, Error *error) {
    (void)options;
    (void)error;
    const char *no_target = "the sample has no target";
    Fisher *fisher = ARENA_ARRAY(context->arena, Fisher, 1);
    const Axis *group = axis_add(context, (Axis){.name = "group",
                                                 .length = FISHER_GROUPS,
                                                 .labels = group_names,
                                                 .long_name = "group of parameters",
                                                 .units = "1"});
    fisher->norm = variable_add(
        list, context,
        variable_over((VariableText){"fisher_norm",
                                     "squared gradient norm of a sequence's mean loss, by layer",
                                     "nat^2", WS, no_target},
                      VARIABLE_SAMPLE_MEAN, context->layer, NULL, NULL));
    fisher->group = variable_add(
        list, context,
        variable_over((VariableText){"fisher_group",
                                     "squared gradient norm of a sequence's mean loss, by group "
                                     "(embedding: input and tied tables; unembedding: with the "
                                     "final norm)",
                                     "nat^2", WS,
                                     "the sample has no target, or the model no parameter of the "
                                     "group"},
                      VARIABLE_SAMPLE_MEAN, group, NULL, NULL));
    declare_depth(context, list, fisher);
    *state = fisher;
    return STATUS_OK;
}

static void fisher_sample(const AnalysisContext *context, const void *state, const Capture *capture,
                          int sample, AnalysisScratch *scratch, double *row) {
    (void)sample;
    const Fisher *fisher = state;
    const Batch sequence = {.inputs = capture->inputs,
                            .targets = capture->targets,
                            .sequences = 1,
                            .length = capture->length};
    fisher_measure(context->model, context->parameters, &sequence, scratch->workspace,
                   scratch->gradient, row + fisher->norm, row + fisher->group);
}

static void fisher_probe(const AnalysisContext *context, const void *state, const ProbeView *view,
                         AnalysisScratch *scratch, double *probe_row) {
    const Fisher *fisher = state;
    size_t layers = (size_t)context->layers;
    double *norms = ARENA_ARRAY(scratch->arena, double, layers);
    double *depth = ARENA_ARRAY(scratch->arena, double, layers);
    for (size_t layer = 0; layer < layers; layer++) {
        depth[layer] = (double)layer;
        norms[layer] =
            mean_of(view->rows + fisher->norm + layer, (size_t)context->samples, view->row_values);
    }
    const Correlation results[CORRELATIONS] = {
        correlation_pearson(depth, norms, layers, scratch->arena),
        correlation_spearman(depth, norms, layers, scratch->arena),
    };
    for (int c = 0; c < CORRELATIONS; c++) {
        probe_row[fisher->depth[c]] = results[c].value;
        probe_row[fisher->depth_p[c]] = results[c].p;
    }
}

const AnalysisKind fisher_analysis = {
    .kind = {.name = "fisher",
             .meaning = "how strongly each layer and group of parameters is pulled by a sequence",
             .source = WS},
    .needs_gradient = true,
    .declare = fisher_declare,
    .sample = fisher_sample,
    .probe = fisher_probe,
};
