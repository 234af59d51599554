/* The parts of the rotary analysis against plain loops, planted tones and cases known by hand, and
   the whole over a small model. */
#include "analysis/rotary.h"
#include "model/base/random.h"
#include "tests/support/analysis_scene.h"
#include "tests/support/numbers.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LARGEST = 64 };

typedef enum Mask { CAUSAL, OPEN, WINDOW, MASKS } Mask;

/* WINDOW: the query and the two keys before it. */
static Visibility *make_visibility(Mask mask, int length, Arena *arena) {
    Interval keys[LARGEST];
    for (int i = 0; i < length; i++) {
        keys[i] = (Interval){0, mask == OPEN ? length : i + 1};
        if (mask == WINDOW && i > 2)
            keys[i].first = i - 2;
    }
    return visibility_from_intervals(keys, length, arena);
}

/* ---- Pairs ----------------------------------------------------------------------------------- */

/* One pair's four measures by their definitions. */
static void plain_pair(const Visibility *visibility, const float *query, const float *key,
                       int head_dim, int pairs, int m, double result[4]) {
    double energy = 0, cosine = 0, score = 0;
    int count = 0, cosines = 0;
    for (int i = 0; i < visibility->length; i++)
        for (int j = visibility->keys[i].first; j < visibility->keys[i].end; j++) {
            double qx = query[i * head_dim + m], qy = query[i * head_dim + m + pairs];
            double kx = key[j * head_dim + m], ky = key[j * head_dim + m + pairs];
            double norms = hypot(qx, qy) * hypot(kx, ky), product = qx * kx + qy * ky;
            energy += norms;
            score += product / sqrt(head_dim);
            count++;
            if (norms > 0) {
                cosine += product / norms;
                cosines++;
            }
        }
    result[0] = energy / count;
    result[1] = NAN;
    result[2] = cosines > 0 ? cosine / cosines : NAN;
    result[3] = score / count;
}

static void pairs_are_those_of_plain_loops(void **state) {
    (void)state;
    enum { T = 11, DIM = 10, PAIRS = 4 }; /* the last two dimensions are not rotated */
    Arena arena = arena_create("test");
    float query[T * DIM], key[T * DIM];
    Random random = random_create(1, RANDOM_TEST, 0, 0);
    for (int i = 0; i < T * DIM; i++) {
        query[i] = (float)random_normal(&random);
        key[i] = (float)random_normal(&random);
    }
    for (int i = 0; i < T; i++) /* pair 1: no query; pair 2: some keys are 0 */
        query[i * DIM + 1] = query[i * DIM + 1 + PAIRS] = 0;
    key[3 * DIM + 2] = key[3 * DIM + 2 + PAIRS] = 0;
    for (Mask mask = 0; mask < MASKS; mask++) {
        const Visibility *visibility = make_visibility(mask, T, &arena);
        double energy[PAIRS], share[PAIRS], alignment[PAIRS], score[PAIRS], whole = 0;
        PairMeasures measures = {energy, share, alignment, score};
        pairs_measure(visibility, query, key, DIM, PAIRS, 1 / sqrt(DIM), &measures, &arena);
        for (int m = 0; m < PAIRS; m++)
            whole += energy[m];
        for (int m = 0; m < PAIRS; m++) {
            double plain[4];
            plain_pair(visibility, query, key, DIM, PAIRS, m, plain);
            assert_number("energy", energy[m], plain[0], 1e-12);
            assert_number("share", share[m], plain[0] / whole, 1e-12);
            assert_number("alignment", alignment[m], plain[2], 1e-12);
            assert_number("score", score[m], plain[3], 1e-12);
        }
        assert_number("alignment with nothing", alignment[1], NAN, 0);
    }
    arena_destroy(&arena);
}

static void aligned_and_opposed_pairs(void **state) {
    (void)state;
    enum { T = 4 };
    Arena arena = arena_create("test");
    float query[T * 4], key[T * 4];
    for (int i = 0; i < T; i++) {
        const float q[4] = {2, 0, 0, 3}, k[4] = {5, 0, 0, -1}; /* pairs (2, 0), (0, 3) */
        memcpy(query + i * 4, q, sizeof q);
        memcpy(key + i * 4, k, sizeof k);
    }
    double energy[2], share[2], alignment[2], score[2];
    PairMeasures measures = {energy, share, alignment, score};
    pairs_measure(make_visibility(CAUSAL, T, &arena), query, key, 4, 2, 0.5, &measures, &arena);
    assert_number("energy", energy[0], 10, 1e-14);
    assert_number("share", share[0], 10.0 / 13, 1e-14);
    assert_number("aligned", alignment[0], 1, 1e-14);
    assert_number("opposed", alignment[1], -1, 1e-14);
    assert_number("score", score[0], 5, 1e-14);
    assert_number("score", score[1], -1.5, 1e-14);
    memset(query, 0, sizeof query);
    pairs_measure(make_visibility(CAUSAL, T, &arena), query, key, 4, 2, 0.5, &measures, &arena);
    assert_number("share of nothing", share[0], NAN, 0);
    arena_destroy(&arena);
}

/* ---- Attention by distance ------------------------------------------------------------------- */

typedef struct Spectrum {
    double profile[LARGEST], power[LARGEST], wavelet[8];
    DistanceMeasures measures;
} Spectrum;

static void measure(Spectrum *spectrum, Mask mask, int length, const double *map, Arena *arena) {
    spectrum->measures = (DistanceMeasures){
        .profile = spectrum->profile, .power = spectrum->power, .wavelet = spectrum->wavelet};
    const DistancePlan *plan = distance_plan_create(make_visibility(mask, length, arena), arena);
    distance_measure(plan, map, &spectrum->measures, arena);
}

static void a_tone_has_its_power_at_its_frequency(void **state) {
    (void)state;
    enum { T = 33 };
    Arena arena = arena_create("test");
    static double map[T * T];
    static Spectrum spectrum;
    const int bins[] = {3, 8, 20, 24, 30}, bands[] = {0, 0, 1, 1, 2};
    for (int c = 0; c < 5; c++) {
        for (int i = 0; i < T; i++)
            for (int j = 0; j < T; j++)
                map[i * T + j] = 0.03 * (1 + 0.5 * cos(M_PI * bins[c] * (i - j) / (T - 1)));
        measure(&spectrum, OPEN, T, map, &arena);
        for (int k = 1; k < T; k++)
            assert_number("power", spectrum.power[k - 1], k == bins[c], 1e-12);
        for (int band = 0; band < DISTANCE_BANDS; band++)
            assert_number("band", spectrum.measures.band[band], band == bands[c], 1e-12);
        assert_number("entropy", spectrum.measures.entropy, 0, 1e-12);
        assert_number("centroid", spectrum.measures.centroid, bins[c] / (T - 1.0), 1e-12);
        assert_number("uncertainty", spectrum.measures.uncertainty, 0, 1e-5);
    }
    arena_destroy(&arena);
}

static void a_constant_profile_has_no_spectrum(void **state) {
    (void)state;
    enum { T = 21 };
    Arena arena = arena_create("test");
    static double map[T * T];
    static Spectrum spectrum;
    uniform_map(make_visibility(OPEN, T, &arena), map);
    measure(&spectrum, OPEN, T, map, &arena);
    for (int d = 0; d < T; d++)
        assert_number("profile", spectrum.profile[d], 1.0 / T, 1e-15);
    assert_number("power", spectrum.power[0], NAN, 0);
    assert_number("band", spectrum.measures.band[0], NAN, 0);
    assert_number("entropy", spectrum.measures.entropy, NAN, 0);
    assert_number("centroid", spectrum.measures.centroid, NAN, 0);
    assert_number("wavelet entropy", spectrum.measures.wavelet_entropy, NAN, 0);
    assert_number("uncertainty", spectrum.measures.uncertainty, NAN, 0);
    assert_number("wavelet", spectrum.wavelet[0], 0, 1e-30);
    arena_destroy(&arena);
}

/* Everything on itself: a(δ) is 1 at 0 and 0 beyond, its spectrum is flat. */
static void a_delta_has_a_flat_spectrum(void **state) {
    (void)state;
    enum { T = 17 };
    Arena arena = arena_create("test");
    static double map[T * T];
    static Spectrum spectrum;
    for (int i = 0; i < T; i++)
        map[i * T + i] = 1;
    measure(&spectrum, CAUSAL, T, map, &arena);
    for (int d = 0; d < T; d++)
        assert_number("profile", spectrum.profile[d], d == 0, 0);
    for (int k = 1; k < T; k++)
        assert_number("power", spectrum.power[k - 1], 1.0 / (T - 1), 1e-14);
    assert_number("entropy", spectrum.measures.entropy, 1, 1e-13);
    assert_number("centroid", spectrum.measures.centroid, T / (2.0 * (T - 1)), 1e-13);
    assert_number("low band", spectrum.measures.band[0], 0.25, 1e-13);
    assert_number("middle band", spectrum.measures.band[1], 0.5, 1e-13);
    assert_number("uncertainty", spectrum.measures.uncertainty, 0, 0);
    double sum = 0;
    for (int level = 0; level < 4; level++) /* 1/2, 1/4, 1/8, 1/16 */
        assert_number("wavelet", spectrum.wavelet[level], pow(0.5, level + 1), 1e-15);
    for (int level = 0; level < 4; level++) {
        double share = pow(0.5, level + 1) / (15.0 / 16);
        sum -= share * log(share) / log(4);
    }
    assert_number("wavelet entropy", spectrum.measures.wavelet_entropy, sum, 1e-13);
    arena_destroy(&arena);
}

/* Half of the attention on itself and half two back: both spreads are known. */
static void an_uncertainty_by_hand(void **state) {
    (void)state;
    enum { T = 5 };
    Arena arena = arena_create("test");
    double map[T * T] = {0};
    static Spectrum spectrum;
    for (int i = 0; i < T; i++) {
        map[i * T + i] = 0.5;
        if (i > 1)
            map[i * T + i - 2] = 0.5;
    }
    measure(&spectrum, CAUSAL, T, map, &arena);
    /* X_k = ½ + cos(πk/2): ½, −½, ½, 3/2 at ω = π/4 … π */
    const double power[4] = {1 / 12.0, 1 / 12.0, 1 / 12.0, 9 / 12.0};
    double mean = 0, square = 0;
    for (int k = 0; k < 4; k++) {
        assert_number("power", spectrum.power[k], power[k], 1e-14);
        mean += power[k] * (k + 1);
        square += power[k] * (k + 1) * (k + 1);
    }
    assert_number("uncertainty", spectrum.measures.uncertainty,
                  1 * M_PI / 4 * sqrt(square - mean * mean), 1e-13);
    arena_destroy(&arena);
}

static void profiles_of_masks(void **state) {
    (void)state;
    enum { T = 6 };
    Arena arena = arena_create("test");
    double map[T * T];
    static Spectrum spectrum;
    for (Mask mask = 0; mask < MASKS; mask++) {
        const Visibility *visibility = make_visibility(mask, T, &arena);
        double sums[T] = {0};
        int counts[T] = {0};
        for (int i = 0; i < T; i++)
            for (int j = 0; j < T; j++) {
                Interval keys = visibility->keys[i];
                bool visible = j >= keys.first && j < keys.end;
                map[i * T + j] = visible ? 1 + i * j : 0;
                if (visible && keys.end - keys.first > 1) {
                    sums[abs(i - j)] += map[i * T + j];
                    counts[abs(i - j)]++;
                }
            }
        measure(&spectrum, mask, T, map, &arena);
        for (int d = 0; d < T; d++)
            assert_number("profile", spectrum.profile[d], counts[d] > 0 ? sums[d] / counts[d] : 0,
                          1e-14);
        assert_int_equal(mask == WINDOW ? 0 : 1, counts[3] > 0);
    }
    arena_destroy(&arena);
}

static void short_sequences(void **state) {
    (void)state;
    Arena arena = arena_create("test");
    static Spectrum spectrum;
    const double one[1] = {1}, two[4] = {1, 0, 0.75, 0.25};
    measure(&spectrum, CAUSAL, 1, one, &arena);
    assert_number("uncertainty of one", spectrum.measures.uncertainty, NAN, 0);
    assert_number("band of one", spectrum.measures.band[2], NAN, 0);
    measure(&spectrum, CAUSAL, 2, two, &arena);
    assert_number("profile of two", spectrum.profile[0], 0.25, 0); /* query 0 sees one key only */
    assert_number("profile of two", spectrum.profile[1], 0.75, 0);
    assert_number("band of two", spectrum.measures.band[2], 1, 1e-15);
    assert_number("centroid of two", spectrum.measures.centroid, 1, 1e-15);
    assert_number("entropy of one bin", spectrum.measures.entropy, NAN, 0);
    assert_number("wavelet of two", spectrum.wavelet[0], 0.125, 1e-15);
    assert_number("wavelet entropy of one level", spectrum.measures.wavelet_entropy, NAN, 0);
    arena_destroy(&arena);
}

/* ---- Harmonics and interference -------------------------------------------------------------- */

/* Amplitudes 2, 1 and ½ at θ, 2θ, 3θ: (1² + ½²)/2²; at whole periods
   the window keeps apart what is two or more of them away. */
static void planted_harmonics_are_found(void **state) {
    (void)state;
    enum { N = 60, PAIRS = 2 };
    Arena arena = arena_create("test");
    const double theta = 2 * M_PI * 4 / N, other = 2 * M_PI * 18 / N;
    const double angles[3 * PAIRS] = {theta, other, 2 * theta, 2 * other, 3 * theta, 3 * other};
    double series[N], window[N], energy[3 * PAIRS], ratios[PAIRS];
    for (int n = 0; n < N; n++)
        series[n] = 2 * sin(theta * n + 0.3) + cos(2 * theta * n) + 0.5 * cos(3 * theta * n) +
                    3 * cos(other * n);
    hann_window(N, window);
    FourierTable table = fourier_create(N, angles, 3 * PAIRS, window, &arena);
    fourier_energy(&table, series, 1, energy, &arena);
    harmonic_ratios(energy, PAIRS, ratios);
    assert_number("with harmonics", ratios[0], 1.25 / 4, 1e-12);
    assert_number("without", ratios[1], 0, 1e-12);
    const double nothing[3] = {0, 0, 0};
    harmonic_ratios(nothing, 1, ratios);
    assert_number("0/0", ratios[0], NAN, 0);
    arena_destroy(&arena);
}

static void distances_are_the_nearest(void **state) {
    (void)state;
    int distances[INTERFERENCE_PHASES];
    assert_true(interference_distances(1, 64, distances));
    assert_int_equal(distances[PHASE_IN], 6);
    assert_int_equal(distances[PHASE_ANTI], 9);
    assert_true(interference_distances(0.3, 64, distances));
    assert_int_equal(distances[PHASE_IN], 21);
    assert_int_equal(distances[PHASE_ANTI], 31);
    assert_false(interference_distances(0.3, 32, distances)); /* 31 back would be position 0 */
    assert_true(interference_distances(0.3, 33, distances));
    assert_false(interference_distances(0, 64, distances));
    assert_false(interference_distances(NAN, 64, distances));
}

static const CaseShape small = {.position = "rope",
                                .layers = 2,
                                .width = 16,
                                .heads = 2,
                                .hidden = 12,
                                .context = 24,
                                .vocabulary = 9,
                                .sequences = 3,
                                .length = 24};

enum { BOS = 4, ROOM = 4 };

static void inputs_are_what_they_say(const AnalysisScene *scene) {
    const double *tokens = analysis_scene_values(scene, "harmonic_tokens", 0);
    for (int sample = 0; sample < small.sequences; sample++) {
        const double *row = tokens + sample * small.length;
        assert_number("BOS", row[0], BOS, 0);
        assert_true(row[1] != row[2] && row[1] != BOS && row[2] != BOS);
        for (int i = 3; i < small.length; i++)
            assert_number("in turn", row[i], row[i - 2], 0);
    }
    const double *pair = analysis_scene_values(scene, "interference_pair", 0);
    const double *distance = analysis_scene_values(scene, "interference_distance", 0);
    const double *all = analysis_scene_values(scene, "interference_tokens", 0);
    for (int head = 0; head < small.layers * small.heads; head++) {
        int expected[INTERFERENCE_PHASES];
        double theta = pow(10000, -2 * pair[head] / 8);
        bool fits = interference_distances(theta, small.length, expected);
        for (int phase = 0; phase < INTERFERENCE_PHASES; phase++)
            assert_number("distance", distance[head * INTERFERENCE_PHASES + phase],
                          fits ? expected[phase] : NAN, 0);
        for (int context = 0; context < 8 && fits; context++) {
            const double *in = all + (head * 8 + context) * INTERFERENCE_PHASES * small.length;
            const double *anti = in + small.length;
            int query = small.length - 1;
            assert_number("BOS", in[0], BOS, 0);
            assert_number("the same pair", in[query - expected[PHASE_IN]],
                          anti[query - expected[PHASE_ANTI]], 0);
            assert_true(in[query] != in[query - expected[PHASE_IN]]);
            for (int i = 0; i < small.length; i++)
                if (i != query - expected[PHASE_IN] && i != query - expected[PHASE_ANTI])
                    assert_number("the same others", in[i], anti[i], 0);
        }
    }
}

/* ratio over contexts of a layer's hidden units and a head's attention, by captures. */
static void interference_is_that_of_captures(AnalysisScene *scene, int head) {
    const double *distance =
        analysis_scene_values(scene, "interference_distance", 0) + head * INTERFERENCE_PHASES;
    const double *tokens = analysis_scene_values(scene, "interference_tokens", 0) +
                           head * 8 * INTERFERENCE_PHASES * small.length;
    int query = small.length - 1, layer = head / small.heads;
    double activation = 0, sharpness = 0;
    for (int context = 0; context < 8; context++) {
        double hidden[2] = {0}, weight[2];
        for (int phase = 0; phase < 2; phase++) {
            int32_t inputs[LARGEST];
            for (int i = 0; i < small.length; i++)
                inputs[i] = (int32_t)tokens[(context * 2 + phase) * small.length + i];
            capture_fill(scene->capture, scene->model.model, scene->model.parameters, inputs,
                         scene->probe.targets, NULL, scene->scratch.workspace);
            for (int unit = 0; unit < small.hidden; unit++)
                hidden[phase] +=
                    fabsf(scene->capture
                              ->mlp_after[(layer * small.length + query) * small.hidden + unit]);
            weight[phase] = capture_weights(
                scene->capture, layer,
                head % small.heads)[query * small.length + query - (int)distance[phase]];
        }
        activation += hidden[PHASE_IN] / hidden[PHASE_ANTI] / 8;
        sharpness += weight[PHASE_IN] / weight[PHASE_ANTI] / 8;
    }
    assert_number("activation_ratio", analysis_scene_values(scene, "activation_ratio", 0)[head],
                  activation, 1e-6);
    assert_number("attention_sharpness_ratio",
                  analysis_scene_values(scene, "attention_sharpness_ratio", 0)[head], sharpness,
                  1e-6 * sharpness);
}

/* One pair's ratio from the captured hidden units, by plain sums. */
static double plain_harmonic_ratio(const float *units, double theta) {
    double energy[3] = {0};
    int points = small.length - 1;
    for (int h = 0; h < 3; h++)
        for (int unit = 0; unit < small.hidden; unit++) {
            double real = 0, imaginary = 0;
            for (int n = 0; n < points; n++) {
                double x = units[(n + 1) * small.hidden + unit] * pow(sin(M_PI * n / points), 2);
                real += x * cos((h + 1) * theta * n);
                imaginary += x * sin((h + 1) * theta * n);
            }
            energy[h] += real * real + imaginary * imaginary;
        }
    return (energy[1] + energy[2]) / energy[0];
}

static void harmonics_are_those_of_captures(AnalysisScene *scene) {
    for (int sample = 0; sample < small.sequences; sample++) {
        int32_t inputs[LARGEST];
        for (int i = 0; i < small.length; i++)
            inputs[i] = (int32_t)analysis_scene_values(scene, "harmonic_tokens",
                                                       0)[sample * small.length + i];
        capture_fill(scene->capture, scene->model.model, scene->model.parameters, inputs,
                     scene->probe.targets, NULL, scene->scratch.workspace);
        for (int at = 0; at < small.layers * ROOM; at++) {
            size_t units = (size_t)(at / ROOM * small.length * small.hidden);
            /* of 1, 0.1, 0.01 and 0.001 only the first lies in [2π/24, π/3] */
            bool fits = at % ROOM == 0;
            const float *before = scene->capture->mlp_before + units;
            const float *after = scene->capture->mlp_after + units;
            double ratio = fits ? plain_harmonic_ratio(before, 1) : NAN;
            assert_number("harmonic_ratio_before",
                          analysis_scene_values(scene, "harmonic_ratio_before", sample)[at], ratio,
                          1e-9 * fabs(ratio));
            ratio = fits ? plain_harmonic_ratio(after, 1) : NAN;
            assert_number("harmonic_ratio_after",
                          analysis_scene_values(scene, "harmonic_ratio_after", sample)[at], ratio,
                          1e-9 * fabs(ratio));
        }
    }
}

static void a_rotary_model(void **state) {
    (void)state;
    AnalysisScene scene;
    analysis_scene_create(&scene, "rotary", small, 0.5, BOS);
    for (int m = 0; m < ROOM; m++)
        assert_number("angle", analysis_scene_values(&scene, "rotary_angle", 0)[m], pow(0.1, m),
                      1e-15);
    inputs_are_what_they_say(&scene);
    int measured = 0;
    for (int head = 0; head < small.layers * small.heads; head++) {
        double ratio = analysis_scene_values(&scene, "activation_ratio", 0)[head];
        if (isnan(analysis_scene_values(&scene, "interference_distance", 0)[2 * head]))
            assert_number("activation_ratio", ratio, NAN, 0);
        else {
            interference_is_that_of_captures(&scene, head);
            measured++;
        }
    }
    assert_true(measured > 0);
    harmonics_are_those_of_captures(&scene);
    analysis_scene_destroy(&scene);
}

/* With rotary positions the score is q·k/√d: the pairs' contributions add up to its mean. */
static void pairs_add_up_to_the_scores(void **state) {
    (void)state;
    AnalysisScene scene;
    analysis_scene_create(&scene, "rotary", small, 0.5, BOS);
    for (int sample = 0; sample < small.sequences; sample++) {
        capture_fill(scene.capture, scene.model.model, scene.model.parameters,
                     scene.probe.inputs + sample * small.length, scene.probe.targets, NULL,
                     scene.scratch.workspace);
        for (int head = 0; head < small.layers * small.heads; head++) {
            const float *scores = scene.capture->scores + head * small.length * small.length;
            double mean = 0, sum = 0, shares = 0;
            for (int i = 0; i < small.length; i++)
                for (int j = 0; j <= i; j++)
                    mean += scores[i * small.length + j] / scene.context.visibility->pairs;
            for (int m = 0; m < ROOM; m++) {
                sum += analysis_scene_values(&scene, "score_by_pair", sample)[head * ROOM + m];
                shares += analysis_scene_values(&scene, "pair_share", sample)[head * ROOM + m];
            }
            assert_number("scores", sum, mean, 1e-6);
            assert_number("shares", shares, 1, 1e-12);
        }
    }
    analysis_scene_destroy(&scene);
}

static void without_rotation_the_comparison_stays(void **state) {
    (void)state;
    static const char *const missing[] = {"rotary_angle",
                                          "pair_energy",
                                          "pair_share",
                                          "phase_alignment",
                                          "score_by_pair",
                                          "harmonic_ratio_before",
                                          "harmonic_ratio_after",
                                          "interference_distance",
                                          "interference_tokens",
                                          "activation_ratio",
                                          "attention_sharpness_ratio"};
    static const char *const there[] = {
        "attention_by_distance", "distance_power", "band_power",      "spectral_entropy",
        "spectral_centroid",     "wavelet_energy", "wavelet_entropy", "uncertainty"};
    AnalysisScene scene;
    CaseShape shape = small;
    shape.position = "alibi";
    analysis_scene_create(&scene, "rotary", shape, 0.5, BOS);
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
        assert_number(missing[i], *analysis_scene_values(&scene, missing[i], 0), NAN, 0);
        analysis_scene_needs_reason(&scene, missing[i]);
    }
    for (size_t i = 0; i < sizeof there / sizeof *there; i++) {
        double value = *analysis_scene_values(&scene, there[i], 0);
        if (!isfinite(value))
            fail_msg("%s is %g", there[i], value);
    }
    assert_number("harmonic_tokens", *analysis_scene_values(&scene, "harmonic_tokens", 0), -1, 0);
    analysis_scene_destroy(&scene);
}

static void one_position_is_nothing_to_measure(void **state) {
    (void)state;
    static const char *const names[] = {
        "distance_power",        "band_power",      "spectral_entropy", "spectral_centroid",
        "wavelet_energy",        "wavelet_entropy", "uncertainty",      "harmonic_ratio_before",
        "attention_by_distance", "activation_ratio"};
    AnalysisScene scene;
    CaseShape shape = small;
    shape.length = 1;
    analysis_scene_create(&scene, "rotary", shape, 0.5, BOS);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_number(names[i], *analysis_scene_values(&scene, names[i], 0), NAN, 0);
        analysis_scene_needs_reason(&scene, names[i]);
    }
    analysis_scene_destroy(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_those_of_plain_loops),
        cmocka_unit_test(aligned_and_opposed_pairs),
        cmocka_unit_test(a_tone_has_its_power_at_its_frequency),
        cmocka_unit_test(a_constant_profile_has_no_spectrum),
        cmocka_unit_test(a_delta_has_a_flat_spectrum),
        cmocka_unit_test(an_uncertainty_by_hand),
        cmocka_unit_test(profiles_of_masks),
        cmocka_unit_test(short_sequences),
        cmocka_unit_test(planted_harmonics_are_found),
        cmocka_unit_test(distances_are_the_nearest),
        cmocka_unit_test(a_rotary_model),
        cmocka_unit_test(pairs_add_up_to_the_scores),
        cmocka_unit_test(without_rotation_the_comparison_stays),
        cmocka_unit_test(one_position_is_nothing_to_measure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
