/* The `frames` analysis (metrics.md section 2): graphs of the head-averaged maps at seven
   thresholds, their spectra, anchors and frame types. */
#include "analysis/frame_type.h"
#include "analysis/graph.h"
#include "analysis/kinds.h"
#include "analysis/statistics.h"
#include "analysis/variables.h"

#include <math.h>

#define WS "What are you sinking?, arXiv 2508.02546"
#define OURS "Fiducial"
#define NOT_JUDGED "no query sees two keys, or no key is seen by a quarter of the queries"
#define NO_TYPE NOT_JUDGED ", or a weight is below 0"

enum {
    THRESHOLDS = GRAPH_THRESHOLDS,
    GRAPH_METRICS = 10,
    CORRELATED = 4,
    CORRELATIONS = 2,
    RANKS = 8,
};

/* The members of GraphMetrics, in its order. */
static const VariableText graph_texts[GRAPH_METRICS] = {
    {"fiedler_value", "second smallest eigenvalue of the Laplacian", "1", WS,
     UNDEFINED_ONE_POSITION},
    {"laplacian_gap", "third minus second smallest eigenvalue of the Laplacian", "1", WS,
     "the sequence has fewer than three positions"},
    {"star_likeness_basic", "largest in-degree over T - 1", "1", WS, UNDEFINED_ONE_POSITION},
    {"in_degree_gini", "Gini coefficient of the in-degrees", "1", WS, "no edge, or one position"},
    {"star_likeness", "0.3 star_likeness_basic + 0.7 in_degree_gini", "1", WS,
     "no edge, or one position"},
    {"degree_centralization", "sum of largest minus each in-degree over (T - 1)^2", "1", WS,
     UNDEFINED_ONE_POSITION},
    {"in_degree_variance", "population variance of the in-degrees", "1", WS,
     UNDEFINED_ONE_POSITION},
    {"connection_density", "edges over T^2", "1", WS, UNDEFINED_ONE_POSITION},
    {"mean_shortest_path", "mean shortest path in the largest component", "edges", WS,
     "no edge between two positions"},
    {"clustering", "mean local clustering coefficient", "1", WS, UNDEFINED_ONE_POSITION},
};

static void graph_values(const GraphMetrics *metrics, double values[GRAPH_METRICS]) {
    const double ordered[GRAPH_METRICS] = {
        metrics->fiedler_value,      metrics->laplacian_gap,      metrics->star_likeness_basic,
        metrics->in_degree_gini,     metrics->star_likeness,      metrics->degree_centralization,
        metrics->in_degree_variance, metrics->connection_density, metrics->mean_shortest_path,
        metrics->clustering,
    };
    for (int m = 0; m < GRAPH_METRICS; m++)
        values[m] = ordered[m];
}

/* The graph metrics that the Fiedler value is correlated with: indices into graph_texts. */
static const int correlated[CORRELATED] = {4, 5, 6, 7};
static const char *const correlation_names[CORRELATIONS] = {"pearson", "spearman"};

typedef struct Frames {
    const FrameNull *null;
    int tokens;
    size_t metric[GRAPH_METRICS], metric_null[GRAPH_METRICS];
    size_t correlation[CORRELATIONS][CORRELATED], p[CORRELATIONS][CORRELATED];
    size_t weighted, weighted_normalized, anchor_count, anchor_share;
    size_t weighted_null, weighted_normalized_null, anchor_count_null, anchor_share_null;
    size_t importance; /* hidden: [layer][position] of Ā */
    size_t token_importance;
    size_t share, type, share_model, type_model;
    size_t share_null, type_null, share_model_null, type_model_null;
    size_t anchor_positions, anchor_shares;
} Frames;

typedef struct Declaring {
    AnalysisContext *context;
    VariableList *list;
    Frames *frames;
    const Axis *threshold, *type, *rank;
} Declaring;

static void declare_graphs(const Declaring *declaring) {
    AnalysisContext *context = declaring->context;
    Frames *frames = declaring->frames;
    for (int m = 0; m < GRAPH_METRICS; m++) {
        Variable variable = variable_over(graph_texts[m], VARIABLE_SAMPLE_MEAN, context->layer,
                                          declaring->threshold, NULL);
        frames->metric[m] = variable_add(declaring->list, context, variable);
        frames->metric_null[m] = variable_add_null(declaring->list, context, variable);
    }
}

static void declare_correlations(const Declaring *declaring) {
    AnalysisContext *context = declaring->context;
    Arena *arena = context->arena;
    for (int c = 0; c < CORRELATIONS; c++)
        for (int m = 0; m < CORRELATED; m++) {
            const char *with = graph_texts[correlated[m]].name;
            const char *name =
                arena_format(arena, "fiedler_correlation_%s_%s", correlation_names[c], with);
            const VariableText value = {
                name,
                arena_format(arena, "%s correlation of fiedler_value with %s over samples",
                             correlation_names[c], with),
                "1", WS, "fewer than three samples, or a constant"};
            const VariableText p = {arena_format(arena, "%s_p", name),
                                    arena_format(arena, "two-sided p-value of %s", name), "1", WS,
                                    value.undefined};
            declaring->frames->correlation[c][m] = variable_add(
                declaring->list, context,
                variable_over(value, VARIABLE_PROBE, context->layer, declaring->threshold, NULL));
            declaring->frames->p[c][m] = variable_add(
                declaring->list, context,
                variable_over(p, VARIABLE_PROBE, context->layer, declaring->threshold, NULL));
        }
}

/* A per-sample mean over layers, and its null. */
static void declare_layer_mean(const Declaring *declaring, VariableText text, size_t *offset,
                               size_t *null) {
    Variable variable =
        variable_over(text, VARIABLE_SAMPLE_MEAN, declaring->context->layer, NULL, NULL);
    *offset = variable_add(declaring->list, declaring->context, variable);
    *null = variable_add_null(declaring->list, declaring->context, variable);
}

static void declare_weighted(const Declaring *declaring) {
    Frames *frames = declaring->frames;
    declare_layer_mean(declaring,
                       (VariableText){"weighted_fiedler_value",
                                      "second smallest Laplacian eigenvalue of the weighted graph",
                                      "1", OURS, UNDEFINED_ONE_POSITION ", or a weight is below 0"},
                       &frames->weighted, &frames->weighted_null);
    declare_layer_mean(declaring,
                       (VariableText){"weighted_fiedler_value_normalized",
                                      "the same of the normalised Laplacian", "1", OURS,
                                      "an isolated position, one position, or a weight below 0"},
                       &frames->weighted_normalized, &frames->weighted_normalized_null);
    declare_layer_mean(declaring,
                       (VariableText){"anchor_count",
                                      "effective number of keys that share the importance", "1",
                                      OURS, NOT_JUDGED ", no attention, or importance below 0"},
                       &frames->anchor_count, &frames->anchor_count_null);
    declare_layer_mean(declaring,
                       (VariableText){"anchor_share", "largest share of the importance", "1", OURS,
                                      NOT_JUDGED ", no attention, or importance below 0"},
                       &frames->anchor_share, &frames->anchor_share_null);
}

static void declare_tokens(const Declaring *declaring) {
    AnalysisContext *context = declaring->context;
    declaring->frames->importance = variable_add(
        declaring->list, context,
        variable_over((VariableText){"importance", "importance in the mean map", "1", OURS, NULL},
                      VARIABLE_SAMPLE_HIDDEN, context->layer, context->position, NULL));
    declaring->frames->token_importance = variable_add(
        declaring->list, context,
        variable_over((VariableText){"token_importance",
                                     "importance of a token's occurrences over that of their place",
                                     "1", OURS,
                                     "the token is not in the probe, or only where no key receives "
                                     "anything"},
                      VARIABLE_PROBE, context->layer, context->token, NULL));
}

static void declare_types(const Declaring *declaring) {
    AnalysisContext *context = declaring->context;
    VariableList *list = declaring->list;
    Frames *frames = declaring->frames;
    const Axis *layer = context->layer, *type = declaring->type, *rank = declaring->rank;
    const VariableText share = {"frame_share", "share of samples of a frame type", "1", OURS,
                                NO_TYPE};
    const VariableText commonest = {
        "frame_type", "commonest frame type: 0 none, 1 centralized, 2 distributed, 3 bidirectional",
        "type", OURS, NO_TYPE};
    const VariableText share_model = {"frame_share_model",
                                      "share of samples of a frame type, on the mean over layers",
                                      "1", OURS, NO_TYPE};
    const VariableText commonest_model = {
        "frame_type_model", "commonest frame type of the mean over layers", "type", OURS, NO_TYPE};
    Variable shares = variable_over(share, VARIABLE_SAMPLE_MEAN, layer, type, NULL);
    Variable types = variable_over(commonest, VARIABLE_SAMPLE_LABEL, layer, NULL, NULL);
    frames->share = variable_add(list, context, shares);
    frames->share_null = variable_add_null(list, context, shares);
    frames->type = variable_add(list, context, types);
    frames->type_null = variable_add_null(list, context, types);
    Variable shares_model = variable_over(share_model, VARIABLE_SAMPLE_MEAN, type, NULL, NULL);
    Variable types_model = variable_over(commonest_model, VARIABLE_SAMPLE_LABEL, NULL, NULL, NULL);
    frames->share_model = variable_add(list, context, shares_model);
    frames->share_model_null = variable_add_null(list, context, shares_model);
    frames->type_model = variable_add(list, context, types_model);
    frames->type_model_null = variable_add_null(list, context, types_model);
    Variable positions = variable_over(
        (VariableText){"anchor_positions", "strongest anchors of the mean map over the probe",
                       "position", OURS, "there are fewer anchors, or a weight is below 0"},
        VARIABLE_PROBE, layer, rank, NULL);
    positions.integer = true;
    frames->anchor_positions = variable_add(list, context, positions);
    frames->anchor_shares = variable_add(
        list, context,
        variable_over((VariableText){"anchor_shares", "their shares of the anchors' importance",
                                     "1", OURS, "there are fewer anchors, or a weight is below 0"},
                      VARIABLE_PROBE, layer, rank, NULL));
}

static Status frames_declare(const KindOptions *options, AnalysisContext *context,
                             VariableList *list, void **state, Error *error) {
    (void)error;
    Frames *frames = ARENA_ARRAY(context->arena, Frames, 1);
    frames->tokens = context->probe->vocabulary;
    frames->null = frame_null_create((const FrameOptions *)(const void *)options->bytes,
                                     context->visibility, context->seed, context->arena);
    const Declaring declaring = {
        .context = context,
        .list = list,
        .frames = frames,
        .threshold = axis_add(context, (Axis){.name = "threshold",
                                              .length = THRESHOLDS,
                                              .values = graph_thresholds,
                                              .long_name = "threshold of an edge's weight",
                                              .units = "1"}),
        .type = axis_add(context, (Axis){.name = "type",
                                         .length = FRAME_TYPES,
                                         .labels = frame_type_names,
                                         .long_name = "frame type",
                                         .units = "1"}),
        .rank = axis_add(context, (Axis){.name = "rank",
                                         .length = RANKS,
                                         .long_name = "rank of an anchor, strongest first",
                                         .units = "1"}),
    };
    declare_graphs(&declaring);
    declare_correlations(&declaring);
    declare_weighted(&declaring);
    declare_tokens(&declaring);
    declare_types(&declaring);
    *state = frames;
    return STATUS_OK;
}

/* 1/Σp² and max p of p_j = α_j / Σα over well-seen keys. */
static void anchor_measures(const Visibility *visibility, const double *importance,
                            double *effective_count, double *largest_share) {
    double sum = 0, square = 0, largest = 0, least = 0;
    for (int k = 0; k < visibility->length; k++) {
        if (!visibility->well_seen[k])
            continue;
        sum += importance[k];
        square += importance[k] * importance[k];
        largest = importance[k] > largest ? importance[k] : largest;
        least = importance[k] < least ? importance[k] : least;
    }
    bool shares = sum > 0 && least == 0;
    *effective_count = shares ? sum * sum / square : NAN;
    *largest_share = shares ? largest / sum : NAN;
}

/* The graph metrics of a map at every threshold, into metric m at values[offsets[m] + threshold].
 */
static void measure_graphs(const double *map, int length, const size_t *offsets, double *values,
                           Arena *scratch) {
    Graph last = {0};
    GraphMetrics metrics = {0};
    for (size_t t = 0; t < THRESHOLDS; t++) {
        Graph graph = graph_from_map(map, length, graph_thresholds[t], scratch);
        if (t == 0 || !graph_equal(&graph, &last))
            metrics = graph_metrics(&graph, scratch);
        last = graph;
        double ordered[GRAPH_METRICS];
        graph_values(&metrics, ordered);
        for (int m = 0; m < GRAPH_METRICS; m++)
            values[offsets[m] + t] = ordered[m];
    }
}

static void frames_fill_run(const AnalysisContext *context, const void *state, double *run) {
    const Frames *frames = state;
    Arena arena = arena_create("the nulls of the frames analysis");
    size_t length = (size_t)context->length;
    double *map = ARENA_ARRAY(&arena, double, (length * length));
    uniform_map(context->visibility, map);
    measure_graphs(map, context->length, frames->metric_null, run, &arena);
    run[frames->weighted_null] = weighted_fiedler_value(map, context->length, &arena);
    run[frames->weighted_normalized_null] =
        weighted_fiedler_value_normalized(map, context->length, &arena);
    const double *maps[] = {map};
    FrameFinding finding;
    frame_find(frames->null, maps, 1, &finding, &arena);
    if (!frame_judged(frames->null)) {
        arena_destroy(&arena);
        return;
    }
    anchor_measures(context->visibility, finding.importance, run + frames->anchor_count_null,
                    run + frames->anchor_share_null);
    for (int type = 0; type < FRAME_TYPES; type++)
        run[frames->share_null + (size_t)type] = run[frames->share_model_null + (size_t)type] =
            finding.type == (FrameType)type;
    run[frames->type_null] = run[frames->type_model_null] = finding.type;
    arena_destroy(&arena);
}

/* Ā of every layer and, last, their mean. */
static const double **layer_maps(const double *mean_weights, size_t layers, size_t map,
                                 Arena *scratch) {
    const double **maps = ARENA_ARRAY(scratch, const double *, layers + 1);
    double *model = ARENA_ARRAY(scratch, double, map);
    for (size_t layer = 0; layer < layers; layer++) {
        maps[layer] = mean_weights + layer * map;
        for (size_t i = 0; i < map; i++)
            model[i] += maps[layer][i] / (double)layers;
    }
    maps[layers] = model;
    return maps;
}

/* The model's type: the mean map's, or bidirectional where the dominant end changes sides between
   layers that have an anchor. findings [layers + 1]. */
static FrameType model_type(const Frames *frames, const FrameFinding *findings, int layers) {
    const FrameFinding *model = findings + layers;
    bool first = false, last = false;
    for (int layer = 0; layer < layers; layer++) {
        if (findings[layer].anchors == 0)
            continue;
        double dominance = frame_end_dominance(frames->null, findings + layer);
        first = first || exceeds(dominance, 0);
        last = last || exceeds(-dominance, 0);
    }
    bool changes = first && last && model->anchors > 0 && !frames->null->visibility->causal;
    return changes ? FRAME_BIDIRECTIONAL : model->type;
}

/* shares [FRAME_TYPES]: 1 at the type, else 0. */
static void put_type(FrameType type, double *label, double *shares) {
    *label = type;
    for (size_t t = 0; t < FRAME_TYPES; t++)
        shares[t] = type == (FrameType)t;
}

static void sample_types(const AnalysisContext *context, const Frames *frames,
                         const double *const *maps, Arena *scratch, double *row) {
    size_t layers = (size_t)context->layers, length = (size_t)context->length;
    FrameFinding *findings = ARENA_ARRAY(scratch, FrameFinding, layers + 1);
    frame_find(frames->null, maps, (int)layers + 1, findings, scratch);
    for (size_t layer = 0; layer < layers; layer++) {
        for (size_t k = 0; k < length; k++)
            row[frames->importance + layer * length + k] = findings[layer].importance[k];
        if (!frame_judged(frames->null))
            continue;
        if (findings[layer].judged)
            put_type(findings[layer].type, row + frames->type + layer,
                     row + frames->share + layer * FRAME_TYPES);
        anchor_measures(context->visibility, findings[layer].importance,
                        row + frames->anchor_count + layer, row + frames->anchor_share + layer);
    }
    if (frame_judged(frames->null) && findings[layers].judged)
        put_type(model_type(frames, findings, context->layers), row + frames->type_model,
                 row + frames->share_model);
}

static void frames_sample(const AnalysisContext *context, const void *state, const Capture *capture,
                          int sample, AnalysisScratch *scratch, double *row) {
    (void)sample;
    const Frames *frames = state;
    size_t layers = (size_t)context->layers, length = (size_t)context->length;
    const double **maps =
        layer_maps(capture->mean_weights, layers, length * length, scratch->arena);
    for (size_t layer = 0; layer < layers; layer++) {
        size_t offsets[GRAPH_METRICS];
        for (int m = 0; m < GRAPH_METRICS; m++)
            offsets[m] = frames->metric[m] + layer * THRESHOLDS;
        measure_graphs(maps[layer], context->length, offsets, row, scratch->arena);
        row[frames->weighted + layer] =
            weighted_fiedler_value(maps[layer], context->length, scratch->arena);
        row[frames->weighted_normalized + layer] =
            weighted_fiedler_value_normalized(maps[layer], context->length, scratch->arena);
    }
    sample_types(context, frames, maps, scratch->arena, row);
}

/* One value of every sample, side by side. */
static const double *over_samples(const ProbeView *view, size_t offset, double *values,
                                  size_t samples) {
    for (size_t sample = 0; sample < samples; sample++)
        values[sample] = view->rows[sample * view->row_values + offset];
    return values;
}

static void probe_correlations(const AnalysisContext *context, const Frames *frames,
                               const ProbeView *view, Arena *scratch, double *probe_row) {
    size_t samples = (size_t)context->samples;
    double *fiedler = ARENA_ARRAY(scratch, double, samples);
    double *other = ARENA_ARRAY(scratch, double, samples);
    for (size_t at = 0; at < (size_t)context->layers * THRESHOLDS; at++) {
        over_samples(view, frames->metric[0] + at, fiedler, samples);
        for (int m = 0; m < CORRELATED; m++) {
            over_samples(view, frames->metric[correlated[m]] + at, other, samples);
            const Correlation results[CORRELATIONS] = {
                correlation_pearson(fiedler, other, samples, scratch),
                correlation_spearman(fiedler, other, samples, scratch),
            };
            for (int c = 0; c < CORRELATIONS; c++) {
                probe_row[frames->correlation[c][m] + at] = results[c].value;
                probe_row[frames->p[c][m] + at] = results[c].p;
            }
        }
    }
}

static void probe_tokens(const AnalysisContext *context, const Frames *frames,
                         const ProbeView *view, Arena *scratch, double *probe_row) {
    size_t samples = (size_t)context->samples, length = (size_t)context->length;
    size_t tokens = (size_t)frames->tokens;
    double *sum = ARENA_ARRAY(scratch, double, tokens),
           *count = ARENA_ARRAY(scratch, double, tokens);
    for (size_t layer = 0; layer < (size_t)context->layers; layer++) {
        for (size_t token = 0; token < tokens; token++)
            sum[token] = count[token] = 0;
        for (size_t k = 0; k < length; k++) {
            size_t offset = frames->importance + layer * length + k;
            double mean = mean_of(view->rows + offset, samples, view->row_values);
            if (!(mean > 0))
                continue;
            for (size_t sample = 0; sample < samples; sample++) {
                int32_t token = context->probe->inputs[sample * length + k];
                sum[token] += view->rows[sample * view->row_values + offset] / mean;
                count[token] += 1;
            }
        }
        for (size_t token = 0; token < tokens; token++)
            probe_row[frames->token_importance + layer * tokens + token] =
                count[token] > 0 ? sum[token] / count[token] : NAN;
    }
}

static void probe_anchors(const AnalysisContext *context, const Frames *frames,
                          const ProbeView *view, Arena *scratch, double *probe_row) {
    size_t layers = (size_t)context->layers, heads = (size_t)context->heads;
    size_t map = (size_t)context->length * (size_t)context->length;
    const double **maps = ARENA_ARRAY(scratch, const double *, layers);
    FrameFinding *findings = ARENA_ARRAY(scratch, FrameFinding, layers);
    for (size_t layer = 0; layer < layers; layer++) {
        double *mean = ARENA_ARRAY(scratch, double, map);
        for (size_t head = 0; head < heads; head++)
            for (size_t i = 0; i < map; i++)
                mean[i] += view->mean_maps[(layer * heads + head) * map + i] / (double)heads;
        maps[layer] = mean;
    }
    frame_find(frames->null, maps, (int)layers, findings, scratch);
    for (size_t layer = 0; layer < layers; layer++) {
        const FrameFinding *finding = findings + layer;
        int positions[RANKS];
        int found = frame_strongest(finding, context->length, RANKS, positions);
        double total = 0;
        for (int k = 0; k < context->length; k++)
            total += finding->is_anchor[k] ? finding->importance[k] : 0;
        for (size_t rank = 0; rank < (size_t)found; rank++) {
            probe_row[frames->anchor_positions + layer * RANKS + rank] = positions[rank];
            probe_row[frames->anchor_shares + layer * RANKS + rank] =
                finding->importance[positions[rank]] / total;
        }
    }
}

static void frames_probe(const AnalysisContext *context, const void *state, const ProbeView *view,
                         AnalysisScratch *scratch, double *probe_row) {
    const Frames *frames = state;
    probe_correlations(context, frames, view, scratch->arena, probe_row);
    probe_tokens(context, frames, view, scratch->arena, probe_row);
    probe_anchors(context, frames, view, scratch->arena, probe_row);
}

static const Field frame_fields[] = {
    {.name = "draws",
     .type = FIELD_INTEGER,
     .offset = offsetof(FrameOptions, draws),
     .fallback = "200",
     .minimum = 10,
     .maximum = 100000,
     .meaning = "permutations of every query's weights that the anchors are judged by",
     .without_bits = true},
    {.name = "anchor_percentile",
     .type = FIELD_REAL,
     .offset = offsetof(FrameOptions, anchor_percentile),
     .fallback = "99",
     .minimum = 50,
     .maximum = 100,
     .meaning = "an anchor's z exceeds this percentile of the permutations' largest z",
     .without_bits = true},
    {.name = "effect_size",
     .type = FIELD_REAL,
     .offset = offsetof(FrameOptions, effect_size),
     .fallback = "1.5",
     .minimum = 1,
     .maximum = 1000,
     .meaning = "least importance of an anchor, over the permutations' mean",
     .without_bits = true},
    {.name = "centralized_share",
     .type = FIELD_REAL,
     .offset = offsetof(FrameOptions, centralized_share),
     .fallback = "0.6666666666666666",
     .minimum = 0.01,
     .maximum = 1,
     .meaning = "centralized: one anchor holds at least this share of the anchors' importance",
     .without_bits = true},
    {.name = "bidirectional_share",
     .type = FIELD_REAL,
     .offset = offsetof(FrameOptions, bidirectional_share),
     .fallback = "0.5",
     .minimum = 0.01,
     .maximum = 1,
     .meaning = "bidirectional: the strongest anchors, at the two ends, hold at least this share",
     .without_bits = true},
    {.name = "end_fraction",
     .type = FIELD_REAL,
     .offset = offsetof(FrameOptions, end_fraction),
     .fallback = "0.125",
     .minimum = 0.001,
     .maximum = 0.5,
     .meaning = "share of the positions that counts as an end of the sequence",
     .without_bits = true},
};

const AnalysisKind frames_analysis = {
    .kind = {.name = "frames",
             .meaning = "reference frames: graphs of attention, anchors and frame types",
             .source = WS,
             .options = FIELD_TABLE(frame_fields)},
    .declare = frames_declare,
    .fill_run = frames_fill_run,
    .sample = frames_sample,
    .probe = frames_probe,
};
