/* How heads differ, with and without the sinks: maps made by hand, a plain algorithm, and the whole
   analysis on planted samples. */
#include "analysis/divergence.h"
#include "analysis/kinds.h"
#include "model/base/random.h"
#include "tests/support/numbers.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { LARGEST = 24, HEADS_LARGEST = 4 };

static Visibility *make_visibility(int length, bool causal, Arena *arena) {
    Interval keys[LARGEST];
    for (int i = 0; i < length; i++)
        keys[i] = (Interval){0, causal ? i + 1 : length};
    return visibility_from_intervals(keys, length, arena);
}

typedef struct Found {
    double to_mean[HEADS_LARGEST];
    double without[SINK_PERCENTILES][HEADS_LARGEST];
    double on_sinks[SINK_PERCENTILES][HEADS_LARGEST];
    double rows_left_out[SINK_PERCENTILES];
} Found;

/* weights [heads][length][length] */
static Found measure(const float *weights, int heads, int length, bool causal) {
    Arena arena = arena_create("test");
    double without[SINK_PERCENTILES * HEADS_LARGEST], on_sinks[SINK_PERCENTILES * HEADS_LARGEST];
    Found found;
    HeadDivergence result = {.to_mean = found.to_mean,
                             .without = without,
                             .on_sinks = on_sinks,
                             .rows_left_out = found.rows_left_out};
    divergence_measure(make_visibility(length, causal, &arena), weights, heads, &result, &arena);
    for (int p = 0; p < SINK_PERCENTILES; p++)
        for (int head = 0; head < heads; head++) {
            found.without[p][head] = without[p * heads + head];
            found.on_sinks[p][head] = on_sinks[p * heads + head];
        }
    arena_destroy(&arena);
    return found;
}

/* Rows of random weights, some of them 0, that sum to 1. */
static void random_maps(uint32_t seed, int heads, int length, bool causal, float *weights) {
    Random random = random_create(8, RANDOM_TEST, 0, seed);
    memset(weights, 0, sizeof(float) * (size_t)(heads * length * length));
    for (int row = 0; row < heads * length; row++) {
        int visible = causal ? row % length + 1 : length;
        double sum = 0, drawn[LARGEST];
        for (int j = 0; j < visible; j++) {
            drawn[j] = random_uniform(&random) < 0.2 ? 0 : exp(2 * random_normal(&random));
            drawn[j] += j == 0 ? 1e-3 : 0;
            sum += drawn[j];
        }
        for (int j = 0; j < visible; j++)
            weights[row * length + j] = (float)(drawn[j] / sum);
    }
}

static void sinks_are_the_strongest_keys(void **state) {
    (void)state;
    const int expected[][4] = {{64, 13, 7, 4}, {1, 1, 1, 1},  {2, 1, 1, 1},
                               {11, 3, 2, 1},  {21, 5, 3, 2}, {101, 21, 11, 6}};
    for (size_t c = 0; c < sizeof expected / sizeof *expected; c++)
        for (int p = 0; p < SINK_PERCENTILES; p++)
            assert_int_equal(sink_count(sink_percentiles[p], expected[c][0]), expected[c][p + 1]);
    bool is_sink[4];
    const double sums[4] = {1, 5, 5 + 1e-7, 3};
    sinks_choose(sums, 4, 1, is_sink);
    assert_true(!is_sink[0] && is_sink[1] && !is_sink[2] && !is_sink[3]);
    sinks_choose(sums, 4, 3, is_sink);
    assert_true(!is_sink[0] && is_sink[1] && is_sink[2] && is_sink[3]);
}

static void two_heads_by_hand(void **state) {
    (void)state;
    const float maps[8] = {1, 0, 0.9f, 0.1f, 1, 0, 0.5f, 0.5f};
    Found found = measure(maps, 2, 2, true);
    assert_number("first", found.to_mean[0], 0.9 * log(0.9 / 0.7) + 0.1 * log(0.1 / 0.3), 1e-7);
    assert_number("second", found.to_mean[1], 0.5 * log(0.5 / 0.7) + 0.5 * log(0.5 / 0.3), 1e-7);
    for (int p = 0; p < SINK_PERCENTILES; p++) {
        assert_number("one key is left", found.without[p][0], 0, 1e-15);
        assert_number("on the sink", found.on_sinks[p][0], 0.9, 1e-7);
        assert_number("on the sink", found.on_sinks[p][1], 0.5, 1e-7);
        assert_number("left out", found.rows_left_out[p], 0, 0);
    }
}

static void equal_heads_do_not_differ(void **state) {
    (void)state;
    static float maps[3 * 16 * 16];
    random_maps(1, 1, 16, true, maps);
    memcpy(maps + 256, maps, 256 * sizeof *maps);
    memcpy(maps + 512, maps, 256 * sizeof *maps);
    Found found = measure(maps, 3, 16, true);
    for (int head = 0; head < 3; head++) {
        assert_number("KL to the mean", found.to_mean[head], 0, 1e-14);
        for (int p = 0; p < SINK_PERCENTILES; p++)
            assert_number("KL without sinks", found.without[p][head], 0, 1e-14);
    }
}

/* Head h puts s_h on position 0 and shares the rest as every other head does: without the sink
   there is no difference, with it that of two outcomes. */
static void make_sinking(const double *on_sink, int heads, int length, uint32_t seed, float *maps) {
    Random random = random_create(9, RANDOM_TEST, 0, seed);
    memset(maps, 0, sizeof *maps * (size_t)(heads * length * length));
    for (int i = 0; i < length; i++) {
        double rest[LARGEST], sum = 0;
        for (int j = 1; j <= i; j++)
            sum += rest[j] = 0.5 + random_uniform(&random);
        for (int head = 0; head < heads; head++) {
            float *row = maps + (head * length + i) * length;
            row[0] = i == 0 ? 1 : (float)on_sink[head];
            for (int j = 1; j <= i; j++)
                row[j] = (float)((1 - on_sink[head]) * rest[j] / sum);
        }
    }
}

static void heads_that_differ_by_the_sink_alone(void **state) {
    (void)state;
    enum { T = 12 };
    static float maps[3 * T * T];
    const double on_sink[3] = {0.3, 0.6, 0.9};
    make_sinking(on_sink, 3, T, 1, maps);
    Found found = measure(maps, 3, T, true);
    for (int head = 0; head < 3; head++) {
        double s = on_sink[head];
        double expected = s * log(s / 0.6) + (1 - s) * log((1 - s) / 0.4);
        assert_number("KL to the mean", found.to_mean[head], expected, 1e-6);
        for (int p = 0; p < SINK_PERCENTILES; p++)
            assert_number("KL without the sink", found.without[p][head], 0, 1e-11);
        assert_number("on the sink", found.on_sinks[2][head], s, 1e-6);
    }
}

static void rows_with_nothing_left(void **state) {
    (void)state;
    /* head 0 is all on position 0 */
    const float maps[32] = {1, 0, 0, 0, 1, 0, 0, 0, 1,    0,     0,     0, 1,    0,    0, 0,
                            1, 0, 0, 0, 1, 0, 0, 0, 0.5f, 0.25f, 0.25f, 0, 0.4f, 0.6f, 0, 0};
    Found found = measure(maps, 2, 4, true);
    /* the last query: thirds against (1, 0, 0), mean (2/3, 1/6, 1/6); the others: equal */
    assert_number("first head", found.without[0][0], log(2) / 9, 1e-7);
    assert_number("second head", found.without[0][1], log(1.5) / 3, 1e-7);
    assert_number("left out", found.rows_left_out[0], 0, 0);
    /* what little is left counts down to a millionth of the row, and not below */
    for (int below = 0; below < 2; below++) {
        float left = below ? 0.9e-6f : 1.1e-6f;
        const float faint[18] = {1, 0, 0, 1, 0, 0, 1, left, 0, 1, 0, 0, 1, 0, 0, 1, 0, left};
        found = measure(faint, 2, 3, true);
        assert_number("apart by what is left", found.without[0][0], below ? 0 : log(2) / 2, 1e-14);
    }
    /* without a mask too: each query's one key, of which position 0 is a sink (all sums tie) */
    float permutations[32] = {0};
    for (int i = 0; i < 4; i++)
        permutations[i * 4 + i] = permutations[16 + i * 4 + (i + 1) % 4] = 1;
    found = measure(permutations, 2, 4, false);
    for (int head = 0; head < 2; head++) {
        assert_number("permutations", found.to_mean[head], log(2), 1e-15);
        assert_number("permutations without position 0", found.without[0][head],
                      (2 * log(2) + log(2) / 3 + log(1.5)) / 4, 1e-14);
    }
}

static void queries_that_see_only_sinks_are_counted(void **state) {
    (void)state;
    enum { T = 16 };
    static float maps[2 * T * T];
    for (int head = 0; head < 2; head++)
        for (int i = 0; i < T; i++)
            for (int j = 0; j <= i; j++)
                maps[(head * T + i) * T + j] = 1.0f / (float)(i + 1);
    /* sinks are the first 4, 2 and 1 positions; query 0 sees one key and is in no mean */
    Found found = measure(maps, 2, T, true);
    const double expected[SINK_PERCENTILES] = {3, 1, 0};
    for (int p = 0; p < SINK_PERCENTILES; p++) {
        assert_number("left out", found.rows_left_out[p], expected[p], 0);
        assert_number("uniform heads", found.without[p][1], 0, 1e-15);
    }
    found = measure(maps, 2, 1, true);
    assert_number("one position", found.to_mean[0], NAN, 0);
    assert_number("one position", found.rows_left_out[0], NAN, 0);
    memset(maps, 0, sizeof maps);
    found = measure(maps, 2, 2, true);
    assert_number("no weight", found.to_mean[0], NAN, 0);
}

/* The definition again, one head, query and percentile at a time. */
static double plain_divergence(const float *maps, int heads, int length, bool causal, int head,
                               const bool *is_sink) {
    double total = 0;
    int queries = 0;
    for (int i = 0; i < length; i++) {
        double shares[HEADS_LARGEST][LARGEST] = {{0}};
        int visible = causal ? i + 1 : length, kept = 0;
        for (int j = 0; j < visible; j++)
            kept += !is_sink[j];
        if (visible < 2 || kept == 0)
            continue;
        for (int h = 0; h < heads; h++) {
            double sum = 0, all = 0;
            for (int j = 0; j < visible; j++) {
                shares[h][j] = is_sink[j] ? 0 : maps[(h * length + i) * length + j];
                all += maps[(h * length + i) * length + j];
                sum += shares[h][j];
            }
            for (int j = 0; j < visible; j++)
                shares[h][j] = sum / all < 1e-6 ? !is_sink[j] / (double)kept : shares[h][j] / sum;
        }
        for (int j = 0; j < visible; j++) {
            double mean = 0;
            for (int h = 0; h < heads; h++)
                mean += shares[h][j] / heads;
            total += shares[head][j] > 0 ? shares[head][j] * log(shares[head][j] / mean) : 0;
        }
        queries++;
    }
    return total / queries;
}

static void random_maps_agree_with_a_plain_algorithm(void **state) {
    (void)state;
    static float maps[HEADS_LARGEST * LARGEST * LARGEST];
    for (uint32_t seed = 0; seed < 12; seed++) {
        int heads = 2 + (int)(seed % 3), length = 3 + 2 * (int)seed % (LARGEST - 2);
        bool causal = seed % 2 == 0;
        random_maps(seed, heads, length, causal, maps);
        if (seed % 4 == 3) /* rows of other sums, as sigmoid attention has */
            for (int i = 0; i < heads * length * length; i++)
                maps[i] *= 1.0f + 0.25f * (float)(i / length % 3);
        Found found = measure(maps, heads, length, causal);
        double sums[LARGEST] = {0};
        for (int i = 0; i < heads * length * length; i++)
            sums[i % length] += maps[i];
        for (int p = 0; p < SINK_PERCENTILES; p++) {
            bool none[LARGEST] = {false}, is_sink[LARGEST];
            sinks_choose(sums, length, sink_count(sink_percentiles[p], length), is_sink);
            for (int head = 0; head < heads; head++) {
                assert_number("KL to the mean", found.to_mean[head],
                              plain_divergence(maps, heads, length, causal, head, none), 1e-13);
                assert_number("KL without sinks", found.without[p][head],
                              plain_divergence(maps, heads, length, causal, head, is_sink), 1e-13);
                if (!(found.to_mean[head] >= 0 && found.to_mean[head] <= log(heads) &&
                      found.without[p][head] >= 0 && found.without[p][head] <= log(heads)))
                    fail_msg("%g or %g is not within 0 and ln %d", found.to_mean[head],
                             found.without[p][head], heads);
            }
        }
    }
}

/* ---- The whole analysis ---------------------------------------------------------------------- */

enum { T = 12, HEADS = 4, SAMPLES = 10 };

typedef struct Scene {
    Arena arena;
    AnalysisContext context;
    Axis layer, head;
    VariableList variables;
    void *state;
    double *rows, *probe_row, *run_row;
} Scene;

static void scene_create(Scene *scene, int heads) {
    memset(scene, 0, sizeof *scene);
    scene->arena = arena_create("test");
    scene->layer = (Axis){.name = "layer", .length = 1};
    scene->head = (Axis){.name = "head", .length = heads};
    scene->context = (AnalysisContext){.layers = 1,
                                       .heads = heads,
                                       .length = T,
                                       .samples = SAMPLES,
                                       .visibility = make_visibility(T, true, &scene->arena),
                                       .layer = &scene->layer,
                                       .head = &scene->head,
                                       .arena = &scene->arena};
    Error error;
    const KindOptions options = {{0}};
    assert_int_equal(information_analysis.declare(&options, &scene->context, &scene->variables,
                                                  &scene->state, &error),
                     STATUS_OK);
    size_t counts[] = {SAMPLES * scene->variables.sample_values, scene->variables.probe_values,
                       scene->variables.run_values};
    double **arrays[] = {&scene->rows, &scene->probe_row, &scene->run_row};
    for (int a = 0; a < 3; a++) {
        *arrays[a] = ARENA_ARRAY(&scene->arena, double, counts[a]);
        for (size_t i = 0; i < counts[a]; i++)
            (*arrays[a])[i] = NAN;
    }
}

static const Variable *variable_of(const Scene *scene, const char *name) {
    for (size_t i = 0; i < scene->variables.count; i++)
        if (strcmp(scene->variables.items[i].name, name) == 0)
            return scene->variables.items + i;
    fail_msg("there is no %s", name);
    return NULL;
}

static double probe_value(const Scene *scene, const char *name, int percentile) {
    return scene->probe_row[variable_of(scene, name)->offset + (size_t)percentile];
}

static void scene_measure(Scene *scene, int sample, float *maps) {
    Capture capture = {.layers = 1, .heads = scene->context.heads, .length = T, .weights = maps};
    AnalysisScratch scratch = {.arena = &scene->arena};
    information_analysis.sample(&scene->context, scene->state, &capture, sample, &scratch,
                                scene->rows + (size_t)sample * scene->variables.sample_values);
}

static void scene_probe(Scene *scene) {
    AnalysisScratch scratch = {.arena = &scene->arena};
    const ProbeView view = {.rows = scene->rows, .row_values = scene->variables.sample_values};
    information_analysis.probe(&scene->context, scene->state, &view, &scratch, scene->probe_row);
}

static void planted_sinks_are_what_makes_heads_differ(void **state) {
    (void)state;
    Scene scene;
    static float maps[HEADS * T * T];
    const double on_sink[HEADS] = {0.5, 0.52, 0.55, 0.95};
    scene_create(&scene, HEADS);
    for (int sample = 0; sample < SAMPLES; sample++) {
        make_sinking(on_sink, HEADS, T, (uint32_t)sample, maps);
        for (int i = 0; i < T; i++) /* samples differ by how strong the last head's sink is */
            for (int j = 0; j < T && i > 0; j++)
                maps[(3 * T + i) * T + j] *= j == 0 ? 1 : 1 + 0.1f * (float)sample;
        scene_measure(&scene, sample, maps);
    }
    scene_probe(&scene);
    for (int p = 0; p < SINK_PERCENTILES; p++) {
        double raw = probe_value(&scene, "kl_reduction_p", p);
        double adjusted = probe_value(&scene, "kl_reduction_p_holm", p);
        double effect = probe_value(&scene, "kl_reduction_effect", p);
        if (!(raw < 1e-6 && adjusted >= raw && adjusted <= 3 * raw && effect > 2))
            fail_msg("p %g, with Holm's correction %g, effect %g", raw, adjusted, effect);
        if (!(probe_value(&scene, "kl_reduction_effect_low", p) < effect &&
              effect < probe_value(&scene, "kl_reduction_effect_high", p)))
            fail_msg("the effect %g is not in its interval", effect);
        if (!(probe_value(&scene, "sink_kl_correlation", p) > 0.95))
            fail_msg("correlation %g", probe_value(&scene, "sink_kl_correlation", p));
        /* at most the six of 24 orders that keep the last head in its place are as extreme */
        double correlation_p = probe_value(&scene, "sink_kl_correlation_p", p);
        if (!(correlation_p >= 1.0 / 24 && correlation_p <= 6.0 / 24))
            fail_msg("the correlation's p is %g", correlation_p);
    }
    double *before = ARENA_ARRAY(&scene.arena, double, scene.variables.probe_values);
    memcpy(before, scene.probe_row, sizeof(double) * scene.variables.probe_values);
    size_t bytes = sizeof(double) * scene.variables.sample_values;
    for (int sample = 0; sample < SAMPLES / 2; sample++) { /* in reverse */
        double *first = scene.rows + (size_t)sample * scene.variables.sample_values;
        double *last = scene.rows + (size_t)(SAMPLES - 1 - sample) * scene.variables.sample_values;
        double *kept = ARENA_ARRAY(&scene.arena, double, scene.variables.sample_values);
        memcpy(kept, first, bytes);
        memcpy(first, last, bytes);
        memcpy(last, kept, bytes);
    }
    scene_probe(&scene);
    for (size_t i = 0; i < scene.variables.probe_values; i++)
        assert_number("in another order", scene.probe_row[i], before[i],
                      1e-9 * fmax(1, fabs(before[i])));
    arena_destroy(&scene.arena);
}

/* Which of the two is called "with sinks" is a coin's choice: nothing to be found. */
static void permuted_labels_show_nothing(void **state) {
    (void)state;
    Scene scene;
    static float maps[HEADS * T * T];
    int found = 0;
    enum { TRIALS = 60 };
    for (uint32_t trial = 0; trial < TRIALS; trial++) {
        scene_create(&scene, HEADS);
        size_t to_mean = variable_of(&scene, "kl_to_mean")->offset;
        size_t without = variable_of(&scene, "kl_without_sinks")->offset;
        Random coin = random_create(10, RANDOM_TEST, 1, trial);
        for (int sample = 0; sample < SAMPLES; sample++) {
            random_maps(100 + trial * SAMPLES + (uint32_t)sample, HEADS, T, true, maps);
            scene_measure(&scene, sample, maps);
            double *row = scene.rows + (size_t)sample * scene.variables.sample_values;
            if (random_uniform(&coin) < 0.5)
                continue;
            for (size_t head = 0; head < HEADS; head++) {
                double with = row[to_mean + head];
                row[to_mean + head] = row[without + head];
                row[without + head] = with;
            }
        }
        scene_probe(&scene);
        found += probe_value(&scene, "kl_reduction_p", 0) < 0.05;
        arena_destroy(&scene.arena);
    }
    if (found > 11) /* binomial(60, 0.05): 3 ± 1.7 */
        fail_msg("%d of %d permuted probes differ", found, TRIALS);
}

static void one_head_has_no_values(void **state) {
    (void)state;
    Scene scene;
    static float map[T * T];
    scene_create(&scene, 1);
    random_maps(3, 1, T, true, map);
    for (int sample = 0; sample < SAMPLES; sample++)
        scene_measure(&scene, sample, map);
    scene_probe(&scene);
    information_analysis.fill_run(&scene.context, scene.state, scene.run_row);
    for (size_t i = 0; i < SAMPLES * scene.variables.sample_values; i++)
        assert_number("a sample's", scene.rows[i], NAN, 0);
    for (size_t i = 0; i < scene.variables.probe_values; i++)
        assert_number("the probe's", scene.probe_row[i], NAN, 0);
    for (size_t i = 0; i < scene.variables.run_values; i++)
        assert_number("the null's", scene.run_row[i], NAN, 0);
    for (size_t i = 0; i < scene.variables.count; i++)
        if (scene.variables.items[i].form != VARIABLE_SAMPLE_HIDDEN &&
            scene.variables.items[i].undefined == NULL)
            fail_msg("%s does not say why it is not defined", scene.variables.items[i].name);
    arena_destroy(&scene.arena);
}

static void uniform_attention_is_the_null(void **state) {
    (void)state;
    Scene scene;
    scene_create(&scene, HEADS);
    information_analysis.fill_run(&scene.context, scene.state, scene.run_row);
    const double left_out[SINK_PERCENTILES] = {2, 1, 0}; /* 3, 2 and 1 sinks */
    assert_number("kl_to_mean_null", scene.run_row[variable_of(&scene, "kl_to_mean_null")->offset],
                  0, 1e-15);
    for (size_t p = 0; p < SINK_PERCENTILES; p++) {
        assert_number("kl_reduction_null",
                      scene.run_row[variable_of(&scene, "kl_reduction_null")->offset + p], 0,
                      1e-15);
        assert_number("rows_left_out_null",
                      scene.run_row[variable_of(&scene, "rows_left_out_null")->offset + p],
                      left_out[p], 0);
        assert_number("sink_kl_correlation_null",
                      scene.run_row[variable_of(&scene, "sink_kl_correlation_null")->offset + p],
                      NAN, 0);
    }
    arena_destroy(&scene.arena);
}

/* One weight below 0: no row of the layer is compared, not even those that are distributions. */
static void weights_below_zero_have_no_divergence(void **state) {
    (void)state;
    float weights[] = {1, 0, 0, 0.5f, 0.5f, 0, 0.2f, 0.3f, 0.5f,
                       1, 0, 0, 0.1f, 0.9f, 0, 0.8f, 0.4f, -0.2f};
    Found found = measure(weights, 2, 3, true);
    assert_number("to mean", found.to_mean[0], NAN, 0);
    assert_number("left out", found.rows_left_out[0], NAN, 0);
    weights[17] = 0.2f;
    assert_true(measure(weights, 2, 3, true).to_mean[0] > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sinks_are_the_strongest_keys),
        cmocka_unit_test(two_heads_by_hand),
        cmocka_unit_test(weights_below_zero_have_no_divergence),
        cmocka_unit_test(equal_heads_do_not_differ),
        cmocka_unit_test(heads_that_differ_by_the_sink_alone),
        cmocka_unit_test(rows_with_nothing_left),
        cmocka_unit_test(queries_that_see_only_sinks_are_counted),
        cmocka_unit_test(random_maps_agree_with_a_plain_algorithm),
        cmocka_unit_test(planted_sinks_are_what_makes_heads_differ),
        cmocka_unit_test(permuted_labels_show_nothing),
        cmocka_unit_test(one_head_has_no_values),
        cmocka_unit_test(uniform_attention_is_the_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
