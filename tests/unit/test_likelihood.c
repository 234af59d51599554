/* The tokens that stand in for others, what is read of the attention to them, and a whole sample
   against replaced sequences run by hand. */
#include "analysis/likelihood.h"
#include "tests/support/analysis_scene.h"
#include "tests/support/numbers.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void draws_stay_in_range_and_differ(void **state) {
    (void)state;
    enum { T = 9, DRAWS = 800 };
    int seen[T] = {0};
    for (int sample = 0; sample < DRAWS; sample++) {
        LikelihoodDraw draw = likelihood_draw(3, sample, 1, T);
        LikelihoodDraw same = likelihood_draw(3, sample, 1, T);
        assert_int_equal(draw.target, same.target);
        if (draw.target < 1 || draw.target >= T)
            fail_msg("target %d of sample %d", draw.target, sample);
        seen[draw.target]++;
        for (int third = 0; third < LIKELIHOOD_THIRDS; third++)
            if (!(draw.places[third] >= 0 && draw.places[third] < 1))
                fail_msg("place %g of sample %d", draw.places[third], sample);
    }
    /* each is binomial: 100 with a standard deviation of 9.4 */
    for (int t = 1; t < T; t++)
        if (seen[t] < 50 || seen[t] > 150)
            fail_msg("target %d was drawn %d times of %d", t, seen[t], DRAWS);
    assert_int_equal(likelihood_draw(3, 0, 1, 1).target, -1);
}

static void tokens_are_taken_by_rank(void **state) {
    (void)state;
    Arena arena = arena_create("test");
    /* ascending: 4 2 0 5 3 1 6; thirds of ranks 0–1, 2–3, 4–6 */
    const float logits[7] = {0, 3, -1, 2, -5, 1, 9};
    const LikelihoodDraw first = {.target = 1, .places = {0, 0, 0}};
    const LikelihoodDraw last = {.target = 1, .places = {0.99, 0.99, 0.99}};
    int32_t tokens[LIKELIHOOD_MODES];
    likelihood_tokens(logits, 7, -1, 5, &first, tokens, &arena);
    const int32_t low_ends[LIKELIHOOD_MODES] = {4, 4, 0, 3, 6, 5};
    assert_memory_equal(tokens, low_ends, sizeof tokens);
    likelihood_tokens(logits, 7, -1, 5, &last, tokens, &arena);
    const int32_t high_ends[LIKELIHOOD_MODES] = {4, 2, 5, 6, 6, 5};
    assert_memory_equal(tokens, high_ends, sizeof tokens);
    const float equal[3] = {1, 1, 1};
    likelihood_tokens(equal, 3, -1, 1, &first, tokens, &arena);
    const int32_t in_order[LIKELIHOOD_MODES] = {0, 0, 1, 2, 2, 1};
    assert_memory_equal(tokens, in_order, sizeof tokens);
    likelihood_tokens(logits, 6, 4, 5, &first, tokens, &arena); /* BOS 4 is passed over, as is 6 */
    const int32_t without[LIKELIHOOD_MODES] = {2, 2, 0, 3, 1, 5};
    assert_memory_equal(tokens, without, sizeof tokens);
    likelihood_tokens(equal, 2, -1, 1, &first, tokens, &arena);
    assert_int_equal(tokens[MODE_LOW], LIKELIHOOD_NO_TOKEN);
    assert_int_equal(tokens[MODE_MIDDLE], 0);
    assert_int_equal(tokens[MODE_HIGH], 1);
    arena_destroy(&arena);
}

static void probabilities_by_hand(void **state) {
    (void)state;
    const float logits[3] = {0, (float)log(2), (float)log(5)};
    assert_number("p", likelihood_of(logits, 3, 1), 0.25, 1e-7);
    const float large[2] = {1000, 1000};
    assert_number("p of large logits", likelihood_of(large, 2, 0), 0.5, 1e-15);
    const float sure[2] = {-900, 0};
    assert_number("p of the impossible", likelihood_of(sure, 2, 0), 0, 1e-300);
}

static void attention_to_a_target_by_hand(void **state) {
    (void)state;
    enum { T = 4 };
    Arena arena = arena_create("test");
    Interval causal[T], open[T];
    for (int i = 0; i < T; i++) {
        causal[i] = (Interval){0, i + 1};
        open[i] = (Interval){0, T};
    }
    double map[T * T];
    for (int i = 0; i < T * T; i++)
        map[i] = i;
    const Visibility *seen = visibility_from_intervals(causal, T, &arena);
    TargetAttention attention = target_attention(seen, map, 1);
    assert_number("inner", attention.inner, 5, 0);
    assert_number("received", attention.received, (9 + 13) / 2.0, 0);
    assert_number("received by the last", target_attention(seen, map, 3).received, NAN, 0);
    attention = target_attention(visibility_from_intervals(open, T, &arena), map, 1);
    assert_number("received without a mask", attention.received, (1 + 9 + 13) / 3.0, 1e-15);
    arena_destroy(&arena);
}

static const CaseShape small = {.position = "rope",
                                .layers = 2,
                                .width = 8,
                                .heads = 2,
                                .hidden = 12,
                                .context = 10,
                                .vocabulary = 11,
                                .sequences = 6,
                                .length = 10};

/* Probabilities [vocabulary] of the token at target: from the position before, or from its own with
   hidden (not −1) in its place. */
static void plain_probabilities(const AnalysisScene *scene, const int32_t *sequence, int target,
                                int hidden, double *p) {
    int32_t inputs[16];
    float logits[16 * 11];
    memcpy(inputs, sequence, sizeof *inputs * (size_t)small.length);
    if (hidden >= 0)
        inputs[target] = hidden;
    const Batch batch = {.inputs = inputs, .sequences = 1, .length = small.length};
    model_logits(scene->model.model, scene->model.parameters, &batch, scene->scratch.workspace,
                 logits);
    const float *row = logits + (hidden >= 0 ? target : target - 1) * small.vocabulary;
    double sum = 0;
    for (int v = 0; v < small.vocabulary; v++)
        sum += exp(row[v]);
    for (int v = 0; v < small.vocabulary; v++)
        p[v] = exp(row[v]) / sum;
}

/* The variables of one sample and mode against a capture of the sequence with the token in it. */
static void compare_mode(AnalysisScene *scene, int sample, int mode, int hidden) {
    int target = (int)analysis_scene_values(scene, "likelihood_target", 0)[sample];
    int token =
        (int)analysis_scene_values(scene, "likelihood_token", 0)[sample * LIKELIHOOD_MODES + mode];
    double p[11];
    int32_t inputs[16];
    memcpy(inputs, scene->probe.inputs + sample * small.length,
           sizeof *inputs * (size_t)small.length);
    plain_probabilities(scene, inputs, target, hidden, p);
    assert_number("likelihood", analysis_scene_values(scene, "likelihood", sample)[mode], p[token],
                  1e-5 * p[token]);
    inputs[target] = token;
    capture_fill(scene->capture, scene->model.model, scene->model.parameters, inputs,
                 scene->probe.targets, NULL, scene->scratch.workspace);
    for (int layer = 0; layer < small.layers; layer++) {
        double inner = 0, received = 0;
        int others = 0;
        for (int i = 0; i < small.length; i++)
            others += i != target && (hidden >= 0 || i > target);
        for (int head = 0; head < small.heads; head++) {
            const float *map = capture_weights(scene->capture, layer, head);
            inner += map[target * small.length + target] / 2.0;
            for (int i = 0; i < small.length; i++)
                received += i == target ? 0 : map[i * small.length + target] / 2.0 / others;
        }
        int at = layer * LIKELIHOOD_MODES + mode;
        assert_number("inner_attention",
                      analysis_scene_values(scene, "inner_attention", sample)[at], inner, 1e-6);
        assert_number("attention_received",
                      analysis_scene_values(scene, "attention_received", sample)[at],
                      others > 0 ? received : NAN, 1e-6);
    }
}

static bool is_ordinary(const AnalysisScene *scene, double token) {
    return token >= 0 && token < scene->probe.ordinary && token != scene->probe.bos;
}

static void modes_are_in_order(const AnalysisScene *scene, int sample) {
    const double *p = analysis_scene_values(scene, "likelihood", sample);
    for (int mode = MODE_LOW; mode <= MODE_HIGHEST; mode++)
        if (!(p[mode - 1] <= p[mode]))
            fail_msg("p of mode %d is %g, of mode %d %g", mode - 1, p[mode - 1], mode, p[mode]);
    const double *tokens = analysis_scene_values(scene, "likelihood_token", 0);
    for (int mode = MODE_LOWEST; mode <= MODE_HIGHEST; mode++)
        if (!is_ordinary(scene, tokens[sample * LIKELIHOOD_MODES + mode]))
            fail_msg("mode %d puts token %g", mode, tokens[sample * LIKELIHOOD_MODES + mode]);
    if (is_ordinary(scene, tokens[sample * LIKELIHOOD_MODES + MODE_ORIGINAL]) &&
        !(p[MODE_LOWEST] <= p[MODE_ORIGINAL] && p[MODE_ORIGINAL] <= p[MODE_HIGHEST]))
        fail_msg("the token's p is %g, the lowest %g, the highest %g", p[MODE_ORIGINAL],
                 p[MODE_LOWEST], p[MODE_HIGHEST]);
}

static void a_sample_is_that_of_replaced_sequences(void **state) {
    (void)state;
    AnalysisScene scene;
    analysis_scene_create(&scene, "likelihood", small, 0.5, -1);
    double inner = 0;
    for (int sample = 0; sample < small.sequences; sample++) {
        modes_are_in_order(&scene, sample);
        for (int mode = 0; mode < LIKELIHOOD_MODES; mode++)
            compare_mode(&scene, sample, mode, -1);
        inner += 1 / (analysis_scene_values(&scene, "likelihood_target", 0)[sample] + 1) /
                 small.sequences;
    }
    assert_number("null", analysis_scene_values(&scene, "inner_attention_null", 0)[2], inner,
                  1e-15);
    double value = analysis_scene_values(&scene, "likelihood_attention_correlation_pooled", 0)[1];
    if (!(value >= -1 && value <= 1))
        fail_msg("the pooled correlation is %g", value);
    analysis_scene_destroy(&scene);
}

static void a_masked_objective_hides_the_target(void **state) {
    (void)state;
    AnalysisScene scene;
    CaseShape shape = small;
    shape.skipped = 2;
    int hidden = 0;
    analysis_scene_create_with(&scene, "likelihood", shape, "attention.mask=bidirectional",
                               "masked", 0.5, 0);
    for (int sample = 0; sample < small.sequences; sample++) {
        int target = (int)analysis_scene_values(&scene, "likelihood_target", 0)[sample];
        if (target < 1 || target > small.length - 2)
            fail_msg("target %d is not between [CLS] and [SEP]", target);
        int at = sample * small.length + target;
        bool was_hidden = scene.probe.targets[at] >= 0;
        assert_number("the real token",
                      analysis_scene_values(&scene, "likelihood_token",
                                            0)[sample * LIKELIHOOD_MODES + MODE_ORIGINAL],
                      was_hidden ? scene.probe.targets[at] : scene.probe.inputs[at], 0);
        hidden += was_hidden;
        modes_are_in_order(&scene, sample);
        for (int mode = 0; mode < LIKELIHOOD_MODES; mode++)
            compare_mode(&scene, sample, mode, small.vocabulary - 1);
    }
    if (hidden == 0 || hidden == small.sequences)
        fail_msg("%d of %d targets were hidden; both cases are to be seen", hidden,
                 small.sequences);
    assert_number("null", *analysis_scene_values(&scene, "attention_received_null", 0),
                  1.0 / small.length, 1e-15);
    analysis_scene_destroy(&scene);
}

/* Under a prefix only what follows it is predicted. */
static void a_prefix_is_no_target(void **state) {
    (void)state;
    AnalysisScene scene;
    analysis_scene_create_with(&scene, "likelihood", small,
                               "attention.mask=prefix attention.mask.length=7", "prefix", 0.5, -1);
    for (int sample = 0; sample < small.sequences; sample++) {
        double target = analysis_scene_values(&scene, "likelihood_target", 0)[sample];
        if (!(target >= 7 && target < small.length))
            fail_msg("target %g lies in the prefix of 7", target);
    }
    analysis_scene_destroy(&scene);
}

static void one_position_has_no_target(void **state) {
    (void)state;
    AnalysisScene scene;
    CaseShape shape = small;
    shape.length = 1;
    analysis_scene_create(&scene, "likelihood", shape, 0.5, -1);
    const char *const names[] = {"likelihood", "inner_attention", "attention_received",
                                 "likelihood_token", "likelihood_attention_correlation"};
    for (int i = 0; i < 5; i++) {
        assert_number(names[i], *analysis_scene_values(&scene, names[i], 0), NAN, 0);
        analysis_scene_needs_reason(&scene, names[i]);
    }
    assert_number("target", *analysis_scene_values(&scene, "likelihood_target", 0), -1, 0);
    analysis_scene_destroy(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_stay_in_range_and_differ),
        cmocka_unit_test(tokens_are_taken_by_rank),
        cmocka_unit_test(probabilities_by_hand),
        cmocka_unit_test(attention_to_a_target_by_hand),
        cmocka_unit_test(a_sample_is_that_of_replaced_sequences),
        cmocka_unit_test(a_masked_objective_hides_the_target),
        cmocka_unit_test(a_prefix_is_no_target),
        cmocka_unit_test(one_position_has_no_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
