/* What must hold of every analysis whatever the model: bounds, shares that sum to 1, no influence
   of the samples' order, made-up inputs of ordinary tokens alone, and reasons for what is
   missing. */
#include "analysis/likelihood.h"
#include "analysis/sinks_maps.h"
#include "analysis/sinks_states.h"
#include "model/base/random.h"
#include "tests/support/analysis_scene.h"
#include "tests/support/numbers.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SAMPLES = 5, T = 12, LAYERS = 3, HEADS = 4 };

static const CaseShape small = {.position = "rope",
                                .layers = LAYERS,
                                .width = 16,
                                .heads = HEADS,
                                .hidden = 12,
                                .context = T,
                                .vocabulary = 13,
                                .sequences = SAMPLES,
                                .length = T};

/* Models whose rows and masks differ; the probe's first token is BOS where bos says so. */
typedef struct Example {
    const char *name, *settings, *objective;
} Example;

static const Example models[] = {
    {"decoder", "", "causal"},
    {"encoder", "attention.mask=bidirectional", "masked"},
    {"prefix", "attention.mask=prefix attention.mask.length=4", "prefix"},
    {"sigmoid", "attention.normalization=sigmoid", "causal"},
    {"plus one", "attention.normalization=softmax-plus-one attention.window=5", "causal"},
    {"sandwich", "placement=sandwich norm=layer mlp=none position=alibi", "causal"},
};

enum { MODELS = sizeof models / sizeof *models };

static void create(AnalysisScene *scene, const char *analysis, const Example *model) {
    analysis_scene_create_with(scene, analysis, small, model->settings, model->objective, 0.5, 3);
}

/* ---- Bounds ---------------------------------------------------------------------------------- */

typedef struct Bound {
    const char *analysis, *name;
    double least, most;
} Bound;

static const Bound bounds[] = {
    {"sinks", "attention_entropy", 0, 1},
    {"sinks", "first_token_argmax", 0, 1},
    {"sinks", "sink_rate", 0, 1},
    {"sinks", "first_sink_rate", 0, 1},
    {"sinks", "query_key_cosine", -1, 1},
    {"sinks", "query_key_cosine_other", -1, 1},
    {"sinks", "neuron_kurtosis", 1, 16},
    {"sinks", "matrix_entropy", 0, 1},
    {"sinks", "anisotropy", 1.0 / T, 1},
    {"sinks", "update_stable_rank", 1, T},
    {"sinks", "massive_dimension", 0, 15},
    {"sinks", "massive_ratio", 1, INFINITY},
    {"frames", "in_degree_gini", 0, 1 - 1.0 / T},
    {"frames", "star_likeness_basic", 0, T / (T - 1.0)},
    {"frames", "star_likeness", 0, T / (T - 1.0)},
    {"frames", "degree_centralization", 0, T / (T - 1.0)},
    {"frames", "connection_density", 0, 1},
    {"frames", "clustering", 0, 1},
    {"frames", "mean_shortest_path", 1, T - 1},
    {"frames", "fiedler_value", 0, T},
    {"frames", "laplacian_gap", 0, T},
    {"frames", "weighted_fiedler_value_normalized", 0, T / (T - 1.0)},
    {"frames", "anchor_count", 1, T},
    {"frames", "anchor_share", 1.0 / T, 1},
    {"frames", "frame_type", 0, 3},
    {"topology", "betti_0", 1, T},
    {"topology", "betti_0_published", 1, T},
    {"topology", "persistence_0_max", 0, 1},
    {"topology", "persistence_entropy_0", 0, 2.4849066497880004}, /* ln 12 */
    {"spectrum", "stable_rank", 1, T},
    {"spectrum", "participation_ratio", 1, T},
    {"spectrum", "spectral_gap", 0, 1},
    {"spectrum", "sink_concentration", 2.0 / T, 1},
    {"spectrum", "participation_ratio_published", 1, T},
    {"spectrum", "spectral_gap_published", 1, INFINITY},
    {"spectrum", "mp_ks_query", 0, 1},
    {"spectrum", "ks_ov", 0, 1},
    {"information", "kl_to_mean", 0, 1.3862943611198906}, /* ln 4: a mean over four heads */
    {"information", "kl_without_sinks", 0, 1.3862943611198906},
    {"information", "kl_reduction_p", 0, 1},
    {"information", "sink_kl_correlation", -1, 1},
    {"fisher", "fisher_norm", 0, INFINITY},
    {"fisher", "fisher_depth_spearman", -1, 1},
    {"values", "transformation_magnitude", 0, INFINITY},
    {"values", "geometric_semantic_correlation", -1, 1},
    {"values", "entropy_magnitude_correlation", -1, 1},
    {"values", "component_correlation", 0, 1},
    {"references", "relative_magnitude", 0, 1},
    {"references", "directional_influence", 0, 1},
    {"references", "relative_magnitude_value", 0, 1},
    {"references", "directional_influence_value", 0, 1},
    {"rotary", "phase_alignment", -1, 1},
    {"rotary", "spectral_entropy", 0, 1},
    {"rotary", "spectral_centroid", 1.0 / (T - 1), 1},
    {"rotary", "wavelet_entropy", 0, 1},
    {"rotary", "uncertainty", 0, 20},
    {"likelihood", "likelihood", 0, 1},
    {"likelihood", "inner_attention", 0, 1},
    {"likelihood", "attention_received", 0, 1},
    {"likelihood", "likelihood_attention_correlation_pooled", -1, 1},
};

/* Values that sum to 1 in groups of so many, one after another. */
static const struct {
    const char *analysis, *name;
    int group;
} shares[] = {
    {"frames", "frame_share", 4}, {"frames", "frame_share_model", 4},  {"rotary", "pair_share", 2},
    {"rotary", "band_power", 3},  {"rotary", "distance_power", T - 1},
};

static const char *const analyses[] = {"sinks",  "frames", "topology",   "spectrum", "information",
                                       "fisher", "values", "references", "rotary",   "likelihood"};

enum { ANALYSES = sizeof analyses / sizeof *analyses };

/* Returns how many of the values were defined. */
static size_t check_bound(const AnalysisScene *scene, const Bound *bound, const char *model) {
    size_t defined = 0;
    for (int sample = 0; sample < SAMPLES; sample++) {
        const double *values = analysis_scene_values(scene, bound->name, sample);
        for (size_t i = 0; i < analysis_scene_count(scene, bound->name); i++) {
            if (isnan(values[i]))
                continue;
            defined++;
            if (!(values[i] >= bound->least - 1e-9 && values[i] <= bound->most + 1e-9))
                fail_msg("%s of the %s is %.12g, not in %g … %g", bound->name, model, values[i],
                         bound->least, bound->most);
        }
    }
    return defined;
}

static void check_shares(const AnalysisScene *scene, const char *name, int group,
                         const char *model) {
    for (int sample = 0; sample < SAMPLES; sample++) {
        const double *values = analysis_scene_values(scene, name, sample);
        for (size_t i = 0; i < analysis_scene_count(scene, name); i += (size_t)group) {
            double sum = 0;
            for (int j = 0; j < group; j++)
                sum += values[i + (size_t)j];
            if (!isnan(values[i]) && !(fabs(sum - 1) < 1e-9))
                fail_msg("%s of the %s sums to %.12g", name, model, sum);
        }
    }
}

static void values_keep_their_bounds(void **state) {
    (void)state;
    size_t defined[sizeof bounds / sizeof *bounds] = {0};
    for (int m = 0; m < MODELS; m++)
        for (int a = 0; a < ANALYSES; a++) {
            AnalysisScene scene;
            create(&scene, analyses[a], models + m);
            for (size_t b = 0; b < sizeof bounds / sizeof *bounds; b++)
                if (strcmp(bounds[b].analysis, analyses[a]) == 0)
                    defined[b] += check_bound(&scene, bounds + b, models[m].name);
            for (size_t s = 0; s < sizeof shares / sizeof *shares; s++)
                if (strcmp(shares[s].analysis, analyses[a]) == 0)
                    check_shares(&scene, shares[s].name, shares[s].group, models[m].name);
            analysis_scene_destroy(&scene);
        }
    for (size_t b = 0; b < sizeof bounds / sizeof *bounds; b++)
        if (defined[b] < SAMPLES)
            fail_msg("%s was defined %zu times only", bounds[b].name, defined[b]);
}

/* ---- The samples' order ---------------------------------------------------------------------- */

/* What is made of inputs that are drawn for each place in the probe. */
static bool is_drawn(const char *name) {
    static const char *const drawn[] = {"induction_score",      "loss_copied",
                                        "loss_ordinary",        "harmonic_ratio_before",
                                        "harmonic_ratio_after", NULL};
    for (int i = 0; drawn[i] != NULL; i++)
        if (strcmp(drawn[i], name) == 0)
            return true;
    return false;
}

static const int order[SAMPLES] = {3, 0, 4, 2, 1};

/* Per-sample values change places, to the bit; what is taken once over the probe stays, but for the
   order of its sums. */
static void compare_orders(const AnalysisScene *scene, const double *rows, const double *probe) {
    const VariableList *variables = &scene->variables;
    for (size_t v = 0; v < variables->count; v++) {
        const Variable *variable = variables->items + v;
        bool per_sample = variable->form <= VARIABLE_SAMPLE_HIDDEN;
        for (size_t i = 0; i < variable->count && per_sample && !is_drawn(variable->name); i++)
            for (size_t s = 0; s < SAMPLES; s++)
                assert_number(
                    variable->name,
                    scene->rows[s * variables->sample_values + variable->offset + i],
                    rows[(size_t)order[s] * variables->sample_values + variable->offset + i], 0);
        for (size_t i = 0; i < variable->count && variable->form == VARIABLE_PROBE; i++) {
            double before = probe[variable->offset + i];
            assert_number(variable->name, scene->probe_row[variable->offset + i], before,
                          1e-9 * fabs(before) + 1e-12);
        }
    }
}

static void the_order_of_samples_is_nothing(void **state) {
    (void)state;
    for (int m = 0; m < 2; m++)
        for (int a = 0; a < ANALYSES - 1; a++) { /* likelihood draws every sample's target */
            AnalysisScene scene;
            create(&scene, analyses[a], models + m);
            const double *rows = scene.rows, *probe = scene.probe_row;
            analysis_scene_reorder(&scene, order);
            compare_orders(&scene, rows, probe);
            analysis_scene_destroy(&scene);
        }
}

/* ---- Inputs that are made up ----------------------------------------------------------------- */

static void made_up_inputs_are_ordinary_tokens(void **state) {
    (void)state;
    static const struct {
        const char *analysis, *name;
        int length;
    } inputs[] = {{"sinks", "induction_tokens", 2 * ((T - 1) / 2) + 1},
                  {"rotary", "harmonic_tokens", T},
                  {"rotary", "interference_tokens", T}};
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        AnalysisScene scene;
        create(&scene, inputs[i].analysis, models + 1); /* BOS is 3, [MASK] 12 */
        const double *tokens = analysis_scene_values(&scene, inputs[i].name, 0);
        int drawn = 0;
        for (size_t at = 0; at < analysis_scene_count(&scene, inputs[i].name); at++) {
            if (isnan(tokens[at]))
                continue;
            bool first = at % (size_t)inputs[i].length == 0;
            bool good =
                first ? tokens[at] == 3 : tokens[at] >= 0 && tokens[at] < 12 && tokens[at] != 3;
            if (!good)
                fail_msg("token %zu of %s is %g", at, inputs[i].name, tokens[at]);
            drawn += !first;
        }
        if (drawn < 50)
            fail_msg("%d tokens of %s were drawn", drawn, inputs[i].name);
        analysis_scene_destroy(&scene);
    }
}

/* A loss counts where the query does not see what it is asked for: nowhere in an encoder, and
   behind the prefix of four. */
static void copies_are_predicted_unseen(void **state) {
    (void)state;
    AnalysisScene scene;
    create(&scene, "sinks", models + 1);
    assert_number("an encoder's", *analysis_scene_values(&scene, "loss_copied", 0), NAN, 0);
    assert_number("an encoder's", *analysis_scene_values(&scene, "loss_ordinary", 0), NAN, 0);
    assert_false(isnan(*analysis_scene_values(&scene, "induction_score", 0)));
    analysis_scene_destroy(&scene);
    create(&scene, "sinks", models + 2);
    enum { LENGTH = 11, BLOCK = 5 };
    const double *drawn = analysis_scene_values(&scene, "induction_tokens", 0);
    int32_t tokens[LENGTH], targets[LENGTH];
    for (int i = 0; i < LENGTH; i++)
        tokens[i] = (int32_t)drawn[i];
    for (int i = 0; i < LENGTH; i++)
        targets[i] = i + 1 < LENGTH ? tokens[i + 1] : -1;
    capture_set_length(scene.capture, LENGTH);
    capture_fill(scene.capture, scene.model.model, scene.model.parameters, tokens, targets, NULL,
                 scene.scratch.workspace);
    const float *losses = scene.capture->losses;
    double ordinary = ((double)losses[3] + losses[4]) / 2, copied = 0;
    for (int i = BLOCK; i < 2 * BLOCK; i++)
        copied += (double)losses[i] / BLOCK;
    assert_number("loss_ordinary", *analysis_scene_values(&scene, "loss_ordinary", 0), ordinary,
                  1e-6); /* losses are float32 */
    assert_number("loss_copied", *analysis_scene_values(&scene, "loss_copied", 0), copied, 1e-6);
    analysis_scene_destroy(&scene);
}

/* ---- Updates --------------------------------------------------------------------------------- */

/* One head and no MLP: what the head adds is all that changes in the stream, normed or not. */
static void a_lone_head_is_the_whole_update(void **state) {
    (void)state;
    static const char *const settings[] = {"mlp=none", "mlp=none placement=sandwich"};
    CaseShape shape = small;
    shape.heads = 1;
    for (int s = 0; s < 2; s++) {
        AnalysisScene scene;
        analysis_scene_create_with(&scene, "sinks", shape, settings[s], "causal", 0.5, -1);
        capture_fill(scene.capture, scene.model.model, scene.model.parameters, scene.probe.inputs,
                     scene.probe.targets, NULL, scene.scratch.workspace);
        for (int layer = 0; layer < LAYERS; layer++) {
            const float *before = scene.capture->residual + layer * T * shape.width;
            const float *after = before + T * shape.width;
            double expected = 0;
            for (int i = 1; i < T; i++) { /* query 0 sees one key */
                double moved = 0, size = 0;
                for (int d = i * shape.width; d < (i + 1) * shape.width; d++) {
                    moved += ((double)after[d] - before[d]) * ((double)after[d] - before[d]);
                    size += (double)before[d] * before[d];
                }
                expected += sqrt(moved / size) / (T - 1);
            }
            assert_number(settings[s], analysis_scene_values(&scene, "update_norm", 0)[layer],
                          expected, 2e-6 * expected);
        }
        analysis_scene_destroy(&scene);
    }
}

/* ---- A planted effect is found, a permuted one is not ---------------------------------------- */

static size_t offset_of(const AnalysisScene *scene, const char *name) {
    return (size_t)(analysis_scene_values(scene, name, 0) - scene->rows);
}

/* Attention that follows likelihood, sample by sample; or the same values dealt out anew. */
static void plant(AnalysisScene *scene, bool permuted) {
    size_t likelihood = offset_of(scene, "likelihood"), inner = offset_of(scene, "inner_attention");
    enum { PAIRS = SAMPLES * LIKELIHOOD_MODES };
    uint32_t dealt[PAIRS];
    Random random = random_create(11, RANDOM_TEST, 0, 0);
    random_permutation(&random, PAIRS, dealt);
    for (size_t at = 0; at < PAIRS; at++) {
        double *row = scene->rows + at / LIKELIHOOD_MODES * scene->variables.sample_values;
        size_t mode = at % LIKELIHOOD_MODES, rank = permuted ? dealt[at] : at;
        row[likelihood + mode] = (double)at / PAIRS;
        for (size_t layer = 0; layer < LAYERS; layer++)
            row[inner + layer * LIKELIHOOD_MODES + mode] = exp((double)rank / 5);
    }
    const ProbeView view = {.rows = scene->rows, .row_values = scene->variables.sample_values};
    scene->kind->probe(&scene->context, scene->state, &view, &scene->scratch, scene->probe_row);
}

static void planted_likelihoods_are_found_and_permuted_ones_are_not(void **state) {
    (void)state;
    static const char *const names[2] = {"likelihood_attention_correlation",
                                         "likelihood_attention_correlation_pooled"};
    AnalysisScene scene;
    create(&scene, "likelihood", models);
    plant(&scene, false);
    for (int pool = 0; pool < 2; pool++) {
        char p[64];
        snprintf(p, sizeof p, "%s_p", names[pool]);
        assert_number(names[pool], analysis_scene_values(&scene, names[pool], 0)[1], 1, 1e-12);
        double chance = analysis_scene_values(&scene, p, 0)[1];
        if (!(chance < 0.05))
            fail_msg("%s of a planted effect is %g", p, chance);
    }
    plant(&scene, true);
    double value = analysis_scene_values(&scene, names[1], 0)[1];
    double chance =
        analysis_scene_values(&scene, "likelihood_attention_correlation_pooled_p", 0)[1];
    if (!(fabs(value) < 0.36 && chance > 0.05)) /* 5 % of 30 pairs: |ρ| > 0.36 */
        fail_msg("of permuted values the correlation is %g, its p %g", value, chance);
    analysis_scene_destroy(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_keep_their_bounds),
        cmocka_unit_test(the_order_of_samples_is_nothing),
        cmocka_unit_test(made_up_inputs_are_ordinary_tokens),
        cmocka_unit_test(copies_are_predicted_unseen),
        cmocka_unit_test(a_lone_head_is_the_whole_update),
        cmocka_unit_test(planted_likelihoods_are_found_and_permuted_ones_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
