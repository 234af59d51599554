/* The `topology` analysis (metrics.md section 3): persistent homology of the head-averaged maps,
   and the published measurement that a causal mask makes blind. */
#include "analysis/topology.h"

#include "analysis/householder.h"
#include "analysis/kinds.h"
#include "analysis/variables.h"

#include <math.h>

#define WS "What are you sinking?, arXiv 2508.02546"

static const double SHORTEST_BAR = 1e-6;

/* ---- Measures -------------------------------------------------------------------------------- */

static bool bar_counts(const Bar *bar) {
    return bar->death < INFINITY && bar->death - bar->birth > SHORTEST_BAR;
}

BarMeasures bars_measure(const Barcode *code) {
    BarMeasures measures = {.mean = NAN, .largest = NAN, .entropy = NAN};
    double sum = 0, largest = 0, entropy = 0;
    int count = 0;
    for (int i = 0; i < code->count; i++) {
        if (!bar_counts(code->bars + i))
            continue;
        double length = code->bars[i].death - code->bars[i].birth;
        sum += length;
        largest = length > largest ? length : largest;
        count++;
    }
    if (count == 0)
        return measures;
    for (int i = 0; i < code->count; i++) {
        double share = (code->bars[i].death - code->bars[i].birth) / sum;
        if (bar_counts(code->bars + i))
            entropy -= share * log(share);
    }
    measures.mean = sum / count;
    measures.largest = largest;
    measures.entropy = entropy > 0 ? entropy : 0; /* one bar: 0, not −0 */
    return measures;
}

int betti_number(const Barcode *code, double r) {
    int alive = 0;
    for (int i = 0; i < code->count; i++)
        alive += !exceeds(code->bars[i].birth, r) && exceeds(code->bars[i].death, r);
    return alive;
}

static bool map_finite(const double *map, size_t count) {
    return !isnan(matrix_largest(map, count));
}

TopologyMeasures topology_measure(const double *map, int length, Arena *scratch) {
    size_t size = (size_t)length;
    TopologyMeasures measures;
    double *distance = ARENA_ARRAY(scratch, double, (size * size));
    bool finite = map_finite(map, size * size);
    for (size_t i = 0; i < size && finite; i++)
        for (size_t j = i + 1; j < size; j++)
            distance[i * size + j] = 1 - fmax(map[i * size + j], map[j * size + i]);
    Persistence persistence = {0};
    if (finite)
        persistence = rips_persistence(distance, NULL, length, scratch);
    for (int d = 0; d < HOMOLOGY_DIMENSIONS; d++) {
        const Barcode *code = persistence.dimension + d;
        measures.bars[d] = bars_measure(code);
        for (int t = 0; t < GRAPH_THRESHOLDS; t++)
            measures.betti[d][t] = finite ? betti_number(code, 1 - graph_thresholds[t]) : NAN;
    }
    return measures;
}

/* numpy.linspace(0, length − 1, 30, dtype=int), or every position where there are no more. */
static size_t choose_positions(size_t length, size_t positions[PUBLISHED_POSITIONS]) {
    size_t last = PUBLISHED_POSITIONS - 1;
    if (length <= PUBLISHED_POSITIONS) {
        for (size_t i = 0; i < length; i++)
            positions[i] = i;
        return length;
    }
    double step = (double)(length - 1) / (double)last;
    for (size_t i = 0; i < last; i++)
        positions[i] = (size_t)((double)i * step);
    positions[last] = length - 1;
    return PUBLISHED_POSITIONS;
}

/* What ripser.py makes of 1 − map: see topology.h. */
static Persistence published_persistence(const double *map, size_t length, Arena *scratch) {
    size_t positions[PUBLISHED_POSITIONS];
    size_t count = choose_positions(length, positions);
    double distance[PUBLISHED_POSITIONS * PUBLISHED_POSITIONS] = {0};
    double births[PUBLISHED_POSITIONS];
    bool has_births = false;
    for (size_t i = 0; i < count; i++) {
        births[i] = (float)(1 - map[positions[i] * length + positions[i]]);
        has_births = has_births || births[i] != 0;
    }
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++) {
            double entry = (float)(1 - map[positions[i] * length + positions[j]]);
            distance[i * count + j] = has_births && entry == 0 ? INFINITY : entry;
        }
    return rips_persistence(distance, births, (int)count, scratch);
}

PublishedTopology topology_measure_published(const double *map, int length, Arena *scratch) {
    size_t size = (size_t)length;
    PublishedTopology measures;
    bool finite = map_finite(map, size * size);
    Persistence persistence = {0};
    if (finite)
        persistence = published_persistence(map, size, scratch);
    for (int d = 0; d < HOMOLOGY_DIMENSIONS; d++) {
        measures.betti[d] = finite ? persistence.dimension[d].count : NAN;
        measures.bars[d] = bars_measure(persistence.dimension + d);
    }
    return measures;
}

/* ---- Variables ------------------------------------------------------------------------------- */

enum { BAR_MEASURES = 3 };

/* Offsets of one dimension's variables, in the rows of samples and, for nulls, in the run's row. */
typedef struct DimensionOffsets {
    size_t betti, betti_published;
    size_t bars[BAR_MEASURES], bars_published[BAR_MEASURES];
} DimensionOffsets;

typedef struct Topology {
    DimensionOffsets sample[HOMOLOGY_DIMENSIONS], null[HOMOLOGY_DIMENSIONS];
} Topology;

typedef struct Declaring {
    AnalysisContext *context;
    VariableList *list;
    const Axis *threshold;
} Declaring;

static void declare(const Declaring *declaring, VariableText text, const Axis *second,
                    size_t *offset, size_t *null) {
    AnalysisContext *context = declaring->context;
    Variable variable = variable_over(text, VARIABLE_SAMPLE_MEAN, context->layer, second, NULL);
    *offset = variable_add(declaring->list, context, variable);
    *null = variable_add_null(declaring->list, context, variable);
}

static const char *const dimension_names[HOMOLOGY_DIMENSIONS] = {"components", "loops"};
static const char *const not_finite = "the attention map is not finite";

static void declare_betti(const Declaring *declaring, int d, DimensionOffsets *sample,
                          DimensionOffsets *null) {
    Arena *arena = declaring->context->arena;
    declare(declaring,
            (VariableText){arena_format(arena, "betti_%d", d),
                           arena_format(arena,
                                        "%s of the Vietoris-Rips complex at distance 1 - "
                                        "threshold (Betti number %d)",
                                        dimension_names[d], d),
                           "1", WS ", on the symmetric distance 1 - max(A_ij, A_ji)", not_finite},
            declaring->threshold, &sample->betti, &null->betti);
    declare(declaring,
            (VariableText){arena_format(arena, "betti_%d_published", d),
                           arena_format(arena,
                                        "number of bars in dimension %d as published: of at "
                                        "most 30 positions, upper triangle of 1 - A and its "
                                        "diagonal; blind under a causal mask",
                                        d),
                           "1", WS, not_finite},
            NULL, &sample->betti_published, &null->betti_published);
}

static void declare_bars(const Declaring *declaring, int d, DimensionOffsets *sample,
                         DimensionOffsets *null) {
    static const char *const formats[BAR_MEASURES] = {"persistence_%d_mean", "persistence_%d_max",
                                                      "persistence_entropy_%d"};
    static const char *const meanings[BAR_MEASURES] = {
        "mean length of the finite bars of dimension", "longest finite bar of dimension",
        "entropy of the finite bars' shares of their length, dimension"};
    Arena *arena = declaring->context->arena;
    for (int m = 0; m < BAR_MEASURES; m++) {
        const char *name = arena_format(arena, formats[m], d);
        const char *meaning = arena_format(arena, "%s %d", meanings[m], d);
        const char *units = m == 2 ? "nat" : "1";
        declare(declaring,
                (VariableText){name, meaning, units,
                               WS ", on the symmetric distance 1 - max(A_ij, A_ji)",
                               "no finite bar is longer than 1e-6"},
                NULL, &sample->bars[m], &null->bars[m]);
        declare(declaring,
                (VariableText){arena_format(arena, "%s_published", name),
                               arena_format(arena,
                                            "%s, as published: of at most 30 positions, "
                                            "upper triangle of 1 - A and its diagonal",
                                            meaning),
                               units, WS,
                               d == 0 ? "no finite bar is longer than 1e-6"
                                      : "no finite bar is longer than 1e-6; never one under a "
                                        "causal mask"},
                NULL, &sample->bars_published[m], &null->bars_published[m]);
    }
}

static Status topology_declare(const KindOptions *options, AnalysisContext *context,
                               VariableList *list, void **state, Error *error) {
    (void)options;
    (void)error;
    Topology *topology = ARENA_ARRAY(context->arena, Topology, 1);
    const Declaring declaring = {
        .context = context,
        .list = list,
        .threshold = axis_add(context, (Axis){.name = "threshold",
                                              .length = GRAPH_THRESHOLDS,
                                              .values = graph_thresholds,
                                              .long_name = "threshold of an edge's weight",
                                              .units = "1"}),
    };
    for (int d = 0; d < HOMOLOGY_DIMENSIONS; d++) {
        declare_betti(&declaring, d, topology->sample + d, topology->null + d);
        declare_bars(&declaring, d, topology->sample + d, topology->null + d);
    }
    *state = topology;
    return STATUS_OK;
}

static void put_bars(const size_t offsets[BAR_MEASURES], size_t layer, const BarMeasures *bars,
                     double *values) {
    const double ordered[BAR_MEASURES] = {bars->mean, bars->largest, bars->entropy};
    for (int m = 0; m < BAR_MEASURES; m++)
        values[offsets[m] + layer] = ordered[m];
}

static void put_map(const DimensionOffsets *offsets, size_t layer, const double *map, int length,
                    double *values, Arena *scratch) {
    TopologyMeasures measures = topology_measure(map, length, scratch);
    PublishedTopology published = topology_measure_published(map, length, scratch);
    for (int d = 0; d < HOMOLOGY_DIMENSIONS; d++) {
        for (size_t t = 0; t < GRAPH_THRESHOLDS; t++)
            values[offsets[d].betti + layer * GRAPH_THRESHOLDS + t] = measures.betti[d][t];
        values[offsets[d].betti_published + layer] = published.betti[d];
        put_bars(offsets[d].bars, layer, measures.bars + d, values);
        put_bars(offsets[d].bars_published, layer, published.bars + d, values);
    }
}

static void topology_fill_run(const AnalysisContext *context, const void *state, double *run) {
    const Topology *topology = state;
    Arena arena = arena_create("the nulls of the topology analysis");
    size_t length = (size_t)context->length;
    double *map = ARENA_ARRAY(&arena, double, (length * length));
    uniform_map(context->visibility, map);
    put_map(topology->null, 0, map, context->length, run, &arena);
    arena_destroy(&arena);
}

static void topology_sample(const AnalysisContext *context, const void *state,
                            const Capture *capture, int sample, AnalysisScratch *scratch,
                            double *row) {
    (void)sample;
    const Topology *topology = state;
    size_t map = (size_t)context->length * (size_t)context->length;
    for (size_t layer = 0; layer < (size_t)context->layers; layer++)
        put_map(topology->sample, layer, capture->mean_weights + layer * map, context->length, row,
                scratch->arena);
}

const AnalysisKind topology_analysis = {
    .kind = {.name = "topology",
             .meaning = "components and loops of attention: persistent homology, beside the "
                        "published measurement",
             .source = WS},
    .declare = topology_declare,
    .fill_run = topology_fill_run,
    .sample = topology_sample,
};
