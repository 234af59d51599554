/* The `rotary` analysis: declares its variables and fills them from the parts of rotary.h. What
   needs no pairs is measured for every position encoding, as the comparison. */
#include "analysis/rotary.h"

#include "analysis/kinds.h"
#include "analysis/statistics.h"
#include "analysis/variables.h"
#include "model/normalization.h"

#include <math.h>

#define OURS "Fiducial, after " BP
#define NOT_ROTATED "the layer's position encoding rotates nothing"

typedef struct RotaryOptions {
    int64_t contexts;
} RotaryOptions;

_Static_assert(sizeof(RotaryOptions) <= KIND_OPTIONS_BYTES, "options fit");

enum { PAIR_VARIABLES = 4, HEAD_SCALARS = 4, HEAD_ARRAYS = 4 };

/* Offsets of the variables; names as in analysis.h5. */
typedef struct Rotary {
    RotaryAngles angles;
    bool features; /* scores are not of queries and keys but of features of them */
    const DistancePlan *distances;
    const HarmonicPlan *harmonics;
    const InterferencePlan *interference;
    size_t angle;
    size_t pair[PAIR_VARIABLES]; /* energy, share, alignment, score */
    size_t scalar[HEAD_SCALARS], scalar_null[HEAD_SCALARS];
    size_t array[HEAD_ARRAYS], array_null[HEAD_ARRAYS];
    int array_length[HEAD_ARRAYS]; /* of the axis, at least 1 */
    size_t ratio_before, ratio_after, harmonic_tokens;
    size_t interference_pair, interference_distance, interference_tokens, activation, sharpness;
    size_t sharpness_null;
} Rotary;

enum { PAIR_ENERGY, PAIR_SHARE, PAIR_ALIGNMENT, PAIR_SCORE };
enum { SCALAR_ENTROPY, SCALAR_CENTROID, SCALAR_WAVELET_ENTROPY, SCALAR_UNCERTAINTY };
enum { ARRAY_PROFILE, ARRAY_POWER, ARRAY_BAND, ARRAY_WAVELET };

typedef struct Declaring {
    AnalysisContext *context;
    VariableList *list;
    Rotary *rotary;
    const Axis *pair;
} Declaring;

static const Axis *add_axis(const Declaring *declaring, const char *name, int length,
                            const char *long_name, bool large) {
    return axis_add(declaring->context, (Axis){.name = name,
                                               .length = length > 0 ? length : 1,
                                               .long_name = long_name,
                                               .units = "1",
                                               .large = large});
}

/* ---- Declarations ---------------------------------------------------------------------------- */

static void declare_pairs(const Declaring *declaring) {
    AnalysisContext *context = declaring->context;
    Rotary *rotary = declaring->rotary;
    const VariableText texts[PAIR_VARIABLES] = {
        [PAIR_ENERGY] = {"pair_energy",
                         "mean over visible pairs of |query| |key| in a rotary pair of dimensions",
                         "1", BP, NOT_ROTATED},
        [PAIR_SHARE] = {"pair_share", "share of pair_energy in the head's", "1", BP,
                        NOT_ROTATED ", or all queries or keys are 0"},
        [PAIR_ALIGNMENT] = {"phase_alignment",
                            "mean cosine of the angle between query and key in a rotary pair", "1",
                            BP, NOT_ROTATED ", or all queries or keys are 0"},
        [PAIR_SCORE] = {"score_by_pair",
                        "mean contribution of a rotary pair to the scores, before "
                        "a soft cap",
                        "1", BP,
                        NOT_ROTATED
                        ", or scores are products of features, which mix the pairs' parts"},
    };
    rotary->angle = variable_add(
        declaring->list, context,
        variable_over((VariableText){"rotary_angle", "angle per position of a rotary pair", "rad",
                                     "RoFormer, arXiv 2104.09864", NOT_ROTATED},
                      VARIABLE_RUN, context->layer, declaring->pair, NULL));
    for (int v = 0; v < PAIR_VARIABLES; v++)
        rotary->pair[v] = variable_add(declaring->list, context,
                                       variable_over(texts[v], VARIABLE_SAMPLE_MEAN, context->layer,
                                                     context->head, declaring->pair));
}

static void declare_scalars(const Declaring *declaring) {
    AnalysisContext *context = declaring->context;
    Rotary *rotary = declaring->rotary;
    const char *constant = "attention by distance is constant, or " UNDEFINED_SINGLE_KEY;
    const VariableText texts[HEAD_SCALARS] = {
        [SCALAR_ENTROPY] = {"spectral_entropy",
                            "entropy of the power spectrum of attention by distance, over "
                            "ln(number of bins)",
                            "1", BP,
                            "attention by distance is constant, or there is one bin or none"},
        [SCALAR_CENTROID] = {"spectral_centroid",
                             "mean frequency of attention by distance, in units of Nyquist", "1",
                             BP, constant},
        [SCALAR_WAVELET_ENTROPY] =
            {"wavelet_entropy", "entropy of wavelet_energy's shares, over ln(number of levels)",
             "1", BP, "attention by distance is constant, or there is one level or none"},
        [SCALAR_UNCERTAINTY] = {"uncertainty",
                                "spread of distance weighted by squared attention times spread of "
                                "frequency weighted by power",
                                "rad", BP, constant},
    };
    for (int v = 0; v < HEAD_SCALARS; v++) {
        Variable variable =
            variable_over(texts[v], VARIABLE_SAMPLE_MEAN, context->layer, context->head, NULL);
        rotary->scalar[v] = variable_add(declaring->list, context, variable);
        rotary->scalar_null[v] = variable_add_null(declaring->list, context, variable);
    }
}

static const Axis *frequency_axis(const Declaring *declaring, int bins) {
    double *values = ARENA_ARRAY(declaring->context->arena, double, (size_t)bins + 1);
    for (int k = 0; k < bins; k++)
        values[k] = (double)(k + 1) / bins;
    return axis_add(declaring->context,
                    (Axis){.name = "frequency",
                           .length = bins > 0 ? bins : 1,
                           .values = values,
                           .long_name = "frequency, in units of the Nyquist frequency",
                           .units = "1",
                           .large = true});
}

static void declare_arrays(const Declaring *declaring) {
    static const char *const band_names[DISTANCE_BANDS] = {"low (0, 1/4]", "middle (1/4, 3/4]",
                                                           "high (3/4, 1]"};
    AnalysisContext *context = declaring->context;
    Rotary *rotary = declaring->rotary;
    const char *constant = "attention by distance is constant, or " UNDEFINED_SINGLE_KEY;
    const DistancePlan *plan = rotary->distances;
    const Axis *band = axis_add(context, (Axis){.name = "band",
                                                .length = DISTANCE_BANDS,
                                                .labels = band_names,
                                                .long_name = "frequencies, in units of Nyquist",
                                                .units = "1"});
    const Axis *axes[HEAD_ARRAYS] = {
        [ARRAY_PROFILE] = add_axis(declaring, "distance", context->length,
                                   "distance of query and key, in positions", true),
        [ARRAY_POWER] = frequency_axis(declaring, plan->transform.bins),
        [ARRAY_BAND] = band,
        [ARRAY_WAVELET] = add_axis(declaring, "wavelet_level", plan->levels,
                                   "level of the Haar wavelet, 0 the finest", false),
    };
    const VariableText texts[HEAD_ARRAYS] = {
        [ARRAY_PROFILE] = {"attention_by_distance",
                           "mean weight of the visible keys at a distance from the query", "1", BP,
                           UNDEFINED_SINGLE_KEY},
        [ARRAY_POWER] = {"distance_power",
                         "share of power of attention by distance, extended evenly, by frequency",
                         "1", BP, constant},
        [ARRAY_BAND] = {"band_power", "share of power of attention by distance in a band", "1", BP,
                        constant},
        [ARRAY_WAVELET] = {"wavelet_energy",
                           "Haar energy of attention by distance, of its first 2^n distances", "1",
                           BP, UNDEFINED_SINGLE_KEY},
    };
    for (int v = 0; v < HEAD_ARRAYS; v++) {
        Variable variable =
            variable_over(texts[v], VARIABLE_SAMPLE_MEAN, context->layer, context->head, axes[v]);
        rotary->array[v] = variable_add(declaring->list, context, variable);
        rotary->array_null[v] = variable_add_null(declaring->list, context, variable);
        rotary->array_length[v] = axes[v]->length;
    }
}

static void declare_harmonics(const Declaring *declaring) {
    AnalysisContext *context = declaring->context;
    Rotary *rotary = declaring->rotary;
    const char *undefined =
        NOT_ROTATED ", 2 pi / T > angle or 3 angles > pi, or there is no MLP or no second token";
    rotary->ratio_before = variable_add(
        declaring->list, context,
        variable_over((VariableText){"harmonic_ratio_before",
                                     "energy of the MLP's hidden units before the nonlinearity at "
                                     "2 and 3 times a pair's angle over that at the angle",
                                     "1", OURS, undefined},
                      VARIABLE_SAMPLE_MEAN, context->layer, declaring->pair, NULL));
    rotary->ratio_after = variable_add(
        declaring->list, context,
        variable_over((VariableText){"harmonic_ratio_after",
                                     "the same of the hidden units after the nonlinearity", "1",
                                     OURS, undefined},
                      VARIABLE_SAMPLE_MEAN, context->layer, declaring->pair, NULL));
    const Axis *position = add_axis(declaring, "harmonic_position", context->length,
                                    "position in a harmonics sequence, from 0", true);
    Variable tokens =
        variable_over((VariableText){"harmonic_tokens", "BOS and two tokens in turn", "token", OURS,
                                     "no layer rotates, or there is no second token"},
                      VARIABLE_RUN, context->sample, position, NULL);
    tokens.integer = true;
    rotary->harmonic_tokens = variable_add(declaring->list, context, tokens);
}

/* A variable over heads and up to three further axes, once per snapshot. */
static Variable head_variable(const Declaring *declaring, VariableText text, bool integer,
                              const Axis *const *further, int count) {
    Variable variable = variable_over(text, VARIABLE_PROBE, declaring->context->layer,
                                      declaring->context->head, NULL);
    for (int i = 0; i < count; i++)
        variable.axes[variable.rank++] = further[i];
    variable.integer = integer;
    return variable;
}

static void declare_interference(const Declaring *declaring) {
    static const char *const phase_names[INTERFERENCE_PHASES] = {
        [PHASE_IN] = "in phase", [PHASE_ANTI] = "antiphase"};
    AnalysisContext *context = declaring->context;
    VariableList *list = declaring->list;
    Rotary *rotary = declaring->rotary;
    const Axis *const axes[] = {
        add_axis(declaring, "context", rotary->interference->contexts,
                 "drawn context of the interference test", false),
        axis_add(context,
                 (Axis){.name = "phase",
                        .length = INTERFERENCE_PHASES,
                        .labels = phase_names,
                        .long_name = "distance: nearest 2 pi / angle, nearest 3 pi / angle",
                        .units = "1"}),
        add_axis(declaring, "interference_position", context->length,
                 "position in an interference sequence, from 0", true),
    };
    const char *undefined = NOT_ROTATED ", the two distances do not fit in the sequence or are not "
                                        "visible, or there is no second token";
    const VariableText pair = {"interference_pair", "rotary pair of the head's largest pair_share",
                               "pair", BP, NOT_ROTATED};
    const VariableText distance = {"interference_distance",
                                   "distance of the pair of tokens in the interference test",
                                   "position", OURS, undefined};
    const VariableText tokens = {"interference_tokens",
                                 "sequences of the interference test for that pair", "token", OURS,
                                 undefined};
    const VariableText activation = {
        "activation_ratio",
        "mean |MLP hidden unit| at the later token of a pair, in phase "
        "over antiphase, mean over contexts",
        "1", OURS,
        NOT_ROTATED
        ", the two distances do not fit in the sequence or are not visible, there is no "
        "second token, or no MLP"};
    const VariableText sharpness = {"attention_sharpness_ratio",
                                    "attention to the earlier token of a pair, in phase over "
                                    "antiphase, mean over contexts",
                                    "1", OURS, undefined};
    rotary->interference_pair =
        variable_add(list, context, head_variable(declaring, pair, true, NULL, 0));
    rotary->interference_distance =
        variable_add(list, context, head_variable(declaring, distance, true, axes + 1, 1));
    rotary->interference_tokens =
        variable_add(list, context, head_variable(declaring, tokens, true, axes, 3));
    rotary->activation =
        variable_add(list, context, head_variable(declaring, activation, false, NULL, 0));
    const Variable ratio = head_variable(declaring, sharpness, false, NULL, 0);
    rotary->sharpness = variable_add(list, context, ratio);
    rotary->sharpness_null = variable_add_null(list, context, ratio);
}

static Status rotary_declare(const KindOptions *options, AnalysisContext *context,
                             VariableList *list, void **state, Error *error) {
    (void)error;
    Rotary *rotary = ARENA_ARRAY(context->arena, Rotary, 1);
    int contexts = (int)((const RotaryOptions *)(const void *)options->bytes)->contexts;
    rotary->angles = rotary_angles(model_config(context->model), context->arena);
    rotary->features =
        normalization_of(&model_config(context->model)->attention.normalization)->feature != NULL;
    rotary->distances = distance_plan_create(context->visibility, context->arena);
    rotary->harmonics = harmonic_plan_create(context, &rotary->angles);
    rotary->interference = interference_plan_create(context, &rotary->angles, contexts);
    Declaring declaring = {.context = context, .list = list, .rotary = rotary};
    declaring.pair = add_axis(&declaring, "pair", rotary->angles.room,
                              "rotary pair of a head's dimensions, fastest first", true);
    declare_pairs(&declaring);
    declare_scalars(&declaring);
    declare_arrays(&declaring);
    declare_harmonics(&declaring);
    declare_interference(&declaring);
    *state = rotary;
    return STATUS_OK;
}

/* ---- Values ---------------------------------------------------------------------------------- */

/* One map's measures into a row: those of `at` (a head, or 0 for the null) by the given offsets. */
static void fill_distance(const Rotary *rotary, const double *map, const size_t *arrays,
                          const size_t *scalars, size_t at, double *row, Arena *scratch) {
    double *places[HEAD_ARRAYS];
    for (int v = 0; v < HEAD_ARRAYS; v++)
        places[v] = row + arrays[v] + at * (size_t)rotary->array_length[v];
    DistanceMeasures measures = {.profile = places[ARRAY_PROFILE],
                                 .power = places[ARRAY_POWER],
                                 .wavelet = places[ARRAY_WAVELET]};
    distance_measure(rotary->distances, map, &measures, scratch);
    for (int band = 0; band < DISTANCE_BANDS; band++)
        places[ARRAY_BAND][band] = measures.band[band];
    row[scalars[SCALAR_ENTROPY] + at] = measures.entropy;
    row[scalars[SCALAR_CENTROID] + at] = measures.centroid;
    row[scalars[SCALAR_WAVELET_ENTROPY] + at] = measures.wavelet_entropy;
    row[scalars[SCALAR_UNCERTAINTY] + at] = measures.uncertainty;
}

static void rotary_fill_run(const AnalysisContext *context, const void *state, double *run) {
    const Rotary *rotary = state;
    size_t length = (size_t)context->length, samples = (size_t)context->samples;
    size_t angles = (size_t)context->layers * (size_t)rotary->angles.room;
    Arena arena = arena_create("the nulls of the rotary analysis");
    for (size_t i = 0; i < angles; i++)
        run[rotary->angle + i] = rotary->angles.theta[i];
    for (size_t i = 0; i < samples * length; i++)
        run[rotary->harmonic_tokens + i] = rotary->harmonics->tokens[i];
    if (rotary->angles.any) /* both tokens of the pair are keys of one query */
        run[rotary->sharpness_null] = 1;
    double *map = ARENA_ARRAY(&arena, double, (length * length));
    uniform_map(context->visibility, map);
    fill_distance(rotary, map, rotary->array_null, rotary->scalar_null, 0, run, &arena);
    arena_destroy(&arena);
}

static void sample_pairs(const AnalysisContext *context, const Rotary *rotary,
                         const Capture *capture, int layer, int head, Arena *scratch, double *row) {
    size_t at = (size_t)(layer * context->heads + head), room = (size_t)rotary->angles.room;
    size_t vectors = at * (size_t)context->length * (size_t)capture->head_dim;
    if (rotary->angles.pairs[layer] == 0)
        return;
    PairMeasures measures = {.energy = row + rotary->pair[PAIR_ENERGY] + at * room,
                             .share = row + rotary->pair[PAIR_SHARE] + at * room,
                             .alignment = row + rotary->pair[PAIR_ALIGNMENT] + at * room,
                             .score = row + rotary->pair[PAIR_SCORE] + at * room};
    double temperature = model_config(context->model)->attention.temperature;
    double scale = 1 / (sqrt((double)capture->head_dim) * temperature);
    pairs_measure(context->visibility, capture->query + vectors, capture->key + vectors,
                  capture->head_dim, rotary->angles.pairs[layer], scale, &measures, scratch);
    for (size_t m = 0; m < room && rotary->features; m++)
        measures.score[m] = NAN;
}

static void rotary_sample(const AnalysisContext *context, const void *state, const Capture *capture,
                          int sample, AnalysisScratch *scratch, double *row) {
    const Rotary *rotary = state;
    size_t count = (size_t)context->length * (size_t)context->length;
    double *map = ARENA_ARRAY(scratch->arena, double, count);
    for (int layer = 0; layer < context->layers; layer++)
        for (int head = 0; head < context->heads; head++) {
            const float *weights = capture_weights(capture, layer, head);
            for (size_t i = 0; i < count; i++)
                map[i] = weights[i];
            fill_distance(rotary, map, rotary->array, rotary->scalar,
                          (size_t)(layer * context->heads + head), row, scratch->arena);
            sample_pairs(context, rotary, capture, layer, head, scratch->arena, row);
        }
    harmonics_measure(context, rotary->harmonics, sample, scratch, row + rotary->ratio_before,
                      row + rotary->ratio_after);
}

/* The pair of a head's largest mean share (of equal ones the first); −1 where none is defined. */
static int largest_pair(const AnalysisContext *context, const Rotary *rotary, const ProbeView *view,
                        size_t at) {
    size_t room = (size_t)rotary->angles.room;
    double largest = NAN;
    int best = -1;
    for (size_t m = 0; m < room; m++) {
        double share = mean_of(view->rows + rotary->pair[PAIR_SHARE] + at * room + m,
                               (size_t)context->samples, view->row_values);
        if (!isnan(share) && (best < 0 || share > largest)) {
            largest = share;
            best = (int)m;
        }
    }
    return best;
}

static void rotary_probe(const AnalysisContext *context, const void *state, const ProbeView *view,
                         AnalysisScratch *scratch, double *probe_row) {
    const Rotary *rotary = state;
    size_t heads = (size_t)context->layers * (size_t)context->heads;
    int *pair = ARENA_ARRAY(scratch->arena, int, heads);
    for (size_t at = 0; at < heads; at++) {
        pair[at] = largest_pair(context, rotary, view, at);
        probe_row[rotary->interference_pair + at] = pair[at];
    }
    InterferenceMeasures measures = {.activation = probe_row + rotary->activation,
                                     .sharpness = probe_row + rotary->sharpness,
                                     .tokens = probe_row + rotary->interference_tokens,
                                     .distance = probe_row + rotary->interference_distance};
    interference_measure(context, rotary->interference, pair, scratch, &measures);
}

static const Field rotary_fields[] = {
    {.name = "contexts",
     .type = FIELD_INTEGER,
     .offset = offsetof(RotaryOptions, contexts),
     .fallback = "8",
     .minimum = 1,
     .maximum = 1000,
     .meaning = "drawn contexts that the interference test averages over",
     .without_bits = true},
};

const AnalysisKind rotary_analysis = {
    .kind = {.name = "rotary",
             .meaning = "rotary pairs in use, the spectrum of attention by distance, harmonics and "
                        "interference",
             .source = BP,
             .options = FIELD_TABLE(rotary_fields)},
    .declare = rotary_declare,
    .fill_run = rotary_fill_run,
    .sample = rotary_sample,
    .probe = rotary_probe,
};
