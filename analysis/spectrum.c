/* The `spectrum` analysis (metrics.md section 4): singular values of the maps, and of the heads'
   parameters against random matrices. */
#include "analysis/spectrum.h"

#include "analysis/kinds.h"
#include "analysis/variables.h"

#include <math.h>

#define WS "What are you sinking?, arXiv 2508.02546"
#define MP "Marchenko and Pastur, Math. USSR-Sb. 1 (1967) 457"
#define OURS "Fiducial"

enum { MAP_MEASURES = 5, PUBLISHED_MEASURES = 3, FACTORS = 4, PRODUCTS = 2 };

static const char *const factor_names[FACTORS] = {"query", "key", "value", "output"};
static const char *const product_names[PRODUCTS] = {"qk", "ov"};

/* The factors of a product firstᵀ·second; output stands here transposed, as [head_dim][width]. */
static const int product_factors[PRODUCTS][2] = {{0, 1}, {3, 2}};

#define NO_ATTENTION "the attention map is 0 or not finite"

static const VariableText map_texts[MAP_MEASURES] = {
    {"stable_rank", "sum of squared singular values of the map over the largest squared", "1", OURS,
     NO_ATTENTION},
    {"participation_ratio",
     "squared sum of the map's singular values over the sum of their squares", "1",
     WS ", there of eigenvalues", NO_ATTENTION},
    {"spectral_norm", "largest singular value of the map", "1", OURS, NO_ATTENTION},
    {"spectral_gap",
     "second singular value of the map over the first (the inverse of the source's)", "1",
     WS ", there of eigenvalues", NO_ATTENTION ", or there is one position"},
    {"sink_concentration", "share of attention on the T - ceil(0.9 (T - 1)) keys that receive most",
     "1", WS, NO_ATTENTION ", or a key receives less than none"},
};

static const VariableText published_texts[PUBLISHED_MEASURES] = {
    {"spectral_gap_published",
     "largest over second largest |eigenvalue| of the mean map; under a causal mask of its "
     "diagonal",
     "1", WS, "the second is 0, or there is one position"},
    {"participation_ratio_published",
     "squared sum over sum of squares of the mean map's |eigenvalues|; under a causal mask of its "
     "diagonal",
     "1", WS, "all eigenvalues are 0"},
    {"mp_kl_published",
     "divergence of the ten largest |eigenvalues|' histogram from the Marchenko-Pastur density",
     "nat", WS, "a filled bin has no density, or the ten are equal"},
};

typedef struct Spectrum {
    int head_dim, width;
    const ProductNull *null;
    size_t map[MAP_MEASURES], map_null[MAP_MEASURES];
    size_t published[PUBLISHED_MEASURES], published_null[PUBLISHED_MEASURES];
    size_t mp_outliers[FACTORS], mp_ks[FACTORS], outliers[PRODUCTS], ks[PRODUCTS];
    size_t product_null;
} Spectrum;

typedef struct Declaring {
    AnalysisContext *context;
    VariableList *list;
    Spectrum *spectrum;
} Declaring;

/* ---- Declaring ------------------------------------------------------------------------------- */

static void declare_maps(const Declaring *declaring) {
    AnalysisContext *context = declaring->context;
    Spectrum *spectrum = declaring->spectrum;
    for (int m = 0; m < MAP_MEASURES; m++) {
        Variable variable =
            variable_over(map_texts[m], VARIABLE_SAMPLE_MEAN, context->layer, context->head, NULL);
        spectrum->map[m] = variable_add(declaring->list, context, variable);
        spectrum->map_null[m] = variable_add_null(declaring->list, context, variable);
    }
    for (int m = 0; m < PUBLISHED_MEASURES; m++) {
        Variable variable =
            variable_over(published_texts[m], VARIABLE_SAMPLE_MEAN, context->layer, NULL, NULL);
        spectrum->published[m] = variable_add(declaring->list, context, variable);
        spectrum->published_null[m] = variable_add_null(declaring->list, context, variable);
    }
}

static size_t declare_head(const Declaring *declaring, const char *format, const char *of,
                           const char *meaning, const char *source, const char *undefined) {
    AnalysisContext *context = declaring->context;
    const VariableText text = {arena_format(context->arena, "%s_%s", format, of), meaning, "1",
                               source, undefined};
    return variable_add(declaring->list, context,
                        variable_over(text, VARIABLE_PROBE, context->layer, context->head, NULL));
}

static void declare_factors(const Declaring *declaring) {
    Arena *arena = declaring->context->arena;
    Spectrum *spectrum = declaring->spectrum;
    const char *undefined = "the head's slice is 0 or not finite";
    for (int f = 0; f < FACTORS; f++) {
        const char *of = factor_names[f];
        spectrum->mp_outliers[f] = declare_head(
            declaring, "mp_outliers", of,
            arena_format(arena,
                         "squared singular values of the head's %s map above the edge of the "
                         "Marchenko-Pastur law of its shape and variance",
                         of),
            MP, undefined);
        spectrum->mp_ks[f] = declare_head(
            declaring, "mp_ks", of,
            arena_format(arena,
                         "Kolmogorov-Smirnov distance of the squared singular values of the "
                         "head's %s map from that law",
                         of),
            MP, undefined);
    }
}

static void declare_products(const Declaring *declaring) {
    AnalysisContext *context = declaring->context;
    Spectrum *spectrum = declaring->spectrum;
    static const char *const formulas[PRODUCTS] = {"W_q^T W_k", "W_o W_v"};
    const char *undefined = "one of the head's slices is 0 or not finite";
    for (int p = 0; p < PRODUCTS; p++) {
        spectrum->outliers[p] =
            declare_head(declaring, "outliers", product_names[p],
                         arena_format(context->arena,
                                      "singular values of %s above the largest of 20 Gaussian "
                                      "products of the same shapes and variances",
                                      formulas[p]),
                         OURS, undefined);
        spectrum->ks[p] =
            declare_head(declaring, "ks", product_names[p],
                         arena_format(context->arena,
                                      "Kolmogorov-Smirnov distance of the singular values of %s "
                                      "from those of 20 Gaussian products, pooled",
                                      formulas[p]),
                         OURS, undefined);
    }
}

/* Drawn, so stored: metrics.md section 0. */
static void declare_null(const Declaring *declaring) {
    AnalysisContext *context = declaring->context;
    Spectrum *spectrum = declaring->spectrum;
    spectrum->null =
        product_null_create(context->seed, spectrum->head_dim, spectrum->width, context->arena);
    const Axis *draw = axis_add(context, (Axis){.name = "product_draw",
                                                .length = PRODUCT_DRAWS,
                                                .long_name = "draw of a Gaussian product",
                                                .units = "1"});
    const Axis *rank = axis_add(context, (Axis){.name = "singular_value",
                                                .length = spectrum->null->count,
                                                .long_name = "rank of a singular value, from 0",
                                                .units = "1"});
    spectrum->product_null = variable_add(
        declaring->list, context,
        variable_over((VariableText){"product_null_values",
                                     "singular values of the Gaussian products that qk and ov are "
                                     "compared with, for entries of variance 1",
                                     "1", OURS, NULL},
                      VARIABLE_RUN, draw, rank, NULL));
}

static const Parameter *factor_parameter(const AnalysisContext *context, int layer, int factor,
                                         Arena *scratch) {
    return parameters_find(
        model_parameters(context->model),
        arena_format(scratch, "layers/%d/attention/%s", layer, factor_names[factor]));
}

static Status spectrum_declare(const KindOptions *options, AnalysisContext *context,
                               VariableList *list, void **state, Error *error) {
    (void)options;
    Spectrum *spectrum = ARENA_ARRAY(context->arena, Spectrum, 1);
    const Parameter *query = factor_parameter(context, 0, 0, context->arena);
    if (query == NULL)
        return error_set(error, STATUS_FAILED,
                         "the spectrum analysis needs the parameter layers/0/attention/query, "
                         "which the model does not have");
    spectrum->head_dim = query->rows / context->heads;
    spectrum->width = query->columns;
    const Declaring declaring = {.context = context, .list = list, .spectrum = spectrum};
    declare_maps(&declaring);
    declare_factors(&declaring);
    declare_products(&declaring);
    declare_null(&declaring);
    *state = spectrum;
    return STATUS_OK;
}

/* ---- Filling --------------------------------------------------------------------------------- */

static void put_map(const size_t offsets[MAP_MEASURES], size_t at, const double *map, int length,
                    double *values, Arena *scratch) {
    MapSpectrum spectrum = map_spectrum(map, length, scratch);
    const double ordered[MAP_MEASURES] = {spectrum.stable_rank, spectrum.participation_ratio,
                                          spectrum.spectral_norm, spectrum.spectral_gap,
                                          sink_concentration(map, length, scratch)};
    for (int m = 0; m < MAP_MEASURES; m++)
        values[offsets[m] + at] = ordered[m];
}

static void put_published(const size_t offsets[PUBLISHED_MEASURES], size_t at, const double *map,
                          int length, double *values, Arena *scratch) {
    PublishedSpectrum spectrum = published_spectrum(map, length, scratch);
    const double ordered[PUBLISHED_MEASURES] = {spectrum.spectral_gap, spectrum.participation_ratio,
                                                spectrum.mp_kl};
    for (int m = 0; m < PUBLISHED_MEASURES; m++)
        values[offsets[m] + at] = ordered[m];
}

static void spectrum_fill_run(const AnalysisContext *context, const void *state, double *run) {
    const Spectrum *spectrum = state;
    Arena arena = arena_create("the nulls of the spectrum analysis");
    size_t length = (size_t)context->length;
    double *map = ARENA_ARRAY(&arena, double, (length * length));
    uniform_map(context->visibility, map);
    put_map(spectrum->map_null, 0, map, context->length, run, &arena);
    put_published(spectrum->published_null, 0, map, context->length, run, &arena);
    for (size_t i = 0; i < PRODUCT_DRAWS * (size_t)spectrum->null->count; i++)
        run[spectrum->product_null + i] = spectrum->null->draws[i];
    arena_destroy(&arena);
}

static void spectrum_sample(const AnalysisContext *context, const void *state,
                            const Capture *capture, int sample, AnalysisScratch *scratch,
                            double *row) {
    (void)sample;
    const Spectrum *spectrum = state;
    size_t count = (size_t)context->length * (size_t)context->length;
    double *map = ARENA_ARRAY(scratch->arena, double, count);
    for (int layer = 0; layer < context->layers; layer++) {
        for (int head = 0; head < context->heads; head++) {
            const float *weights = capture_weights(capture, layer, head);
            for (size_t i = 0; i < count; i++)
                map[i] = weights[i];
            put_map(spectrum->map, (size_t)(layer * context->heads + head), map, context->length,
                    row, scratch->arena);
        }
        put_published(spectrum->published, (size_t)layer,
                      capture->mean_weights + (size_t)layer * count, context->length, row,
                      scratch->arena);
    }
}

/* A head's slice of a factor, in double, as [head_dim][width]; NULL where the model has none. Heads
   that share keys and values share their slices. */
static double *factor_slice(const AnalysisContext *context, const Spectrum *spectrum, int layer,
                            int head, int factor, Arena *scratch) {
    const Parameter *parameter = factor_parameter(context, layer, factor, scratch);
    size_t head_dim = (size_t)spectrum->head_dim, width = (size_t)spectrum->width;
    bool transposed = factor == 3;
    if (parameter == NULL || (transposed ? parameter->rows : parameter->columns) != spectrum->width)
        return NULL;
    int slices = (transposed ? parameter->columns : parameter->rows) / spectrum->head_dim;
    size_t first = (size_t)(head * slices / context->heads) * head_dim;
    const float *values = context->parameters + parameter->offset;
    double *slice = ARENA_ARRAY(scratch, double, (head_dim * width));
    for (size_t i = 0; i < head_dim; i++)
        for (size_t j = 0; j < width; j++)
            slice[i * width + j] = transposed ? values[j * (size_t)parameter->columns + first + i]
                                              : values[(first + i) * width + j];
    return slice;
}

static void spectrum_probe(const AnalysisContext *context, const void *state, const ProbeView *view,
                           AnalysisScratch *scratch, double *probe_row) {
    (void)view;
    (void)scratch; /* an arena of its own for each head: slices of large models add up */
    const Spectrum *spectrum = state;
    for (int at = 0; at < context->layers * context->heads; at++) {
        Arena arena = arena_create("the parameters of one head");
        double *slices[FACTORS];
        for (int f = 0; f < FACTORS; f++) {
            slices[f] = factor_slice(context, spectrum, at / context->heads, at % context->heads, f,
                                     &arena);
            if (slices[f] == NULL)
                continue;
            NullComparison comparison =
                matrix_against_null(slices[f], spectrum->head_dim, spectrum->width, &arena);
            probe_row[spectrum->mp_outliers[f] + (size_t)at] = comparison.outliers;
            probe_row[spectrum->mp_ks[f] + (size_t)at] = comparison.ks;
        }
        for (int p = 0; p < PRODUCTS; p++) {
            const double *first = slices[product_factors[p][0]];
            const double *second = slices[product_factors[p][1]];
            if (first == NULL || second == NULL)
                continue;
            NullComparison comparison = product_against_null(first, second, spectrum->null, &arena);
            probe_row[spectrum->outliers[p] + (size_t)at] = comparison.outliers;
            probe_row[spectrum->ks[p] + (size_t)at] = comparison.ks;
        }
        arena_destroy(&arena);
    }
}

const AnalysisKind spectrum_analysis = {
    .kind = {.name = "spectrum",
             .meaning = "singular values of attention maps, and of each head's parameters against "
                        "random matrices",
             .source = WS},
    .declare = spectrum_declare,
    .fill_run = spectrum_fill_run,
    .sample = spectrum_sample,
    .probe = spectrum_probe,
};
