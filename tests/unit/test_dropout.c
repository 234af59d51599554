/* Dropout: what it does to values, that forward and backward pass agree on it, and that its masks
   belong to a training step and a sequence of its batch, whoever computes them. */
#include "model/dropout.h"
#include "model/base/random.h"
#include "tests/support/compare.h"
#include "tests/support/model_case.h"
#include "tests/support/reference_model.h"
#include "train/lanes.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const CaseShape small = {"rope", 2, 8, 2, 5, 7, 7, 2, 6, 4};

enum { SEQUENCES = 4, COUNT = 20000 };

/* Five standard deviations, √(p(1 − p)/n), of the share of zeros; the others are exact. */
static void share_and_scale(void **state) {
    (void)state;
    static const double rates[] = {0.01, 0.1, 0.5, 0.9};
    static float in[SEQUENCES * COUNT], out[SEQUENCES * COUNT];
    for (size_t i = 0; i < SEQUENCES * COUNT; i++)
        in[i] = 1 + (float)(i % 7);
    for (size_t r = 0; r < sizeof rates / sizeof rates[0]; r++) {
        const Dropout dropout = {.rate = rates[r], .seed = 3, .step = 17, .first_sequence = 8};
        dropout_apply(&dropout, 2, SEQUENCES, COUNT, in, out);
        int zeros = 0;
        for (size_t i = 0; i < SEQUENCES * COUNT; i++) {
            zeros += out[i] == 0;
            if (out[i] != 0)
                assert_real_close("a kept value", (double)out[i], (double)in[i] / (1 - rates[r]),
                                  2e-7);
        }
        double spread = sqrt(rates[r] * (1 - rates[r]) / (SEQUENCES * COUNT));
        assert_real_within("share of zeros", (double)zeros / (SEQUENCES * COUNT),
                           rates[r] - 5 * spread, rates[r] + 5 * spread);
    }
}

/* Which of COUNT ones are kept. */
static void mask_of(Dropout dropout, int place, float *mask) {
    for (size_t i = 0; i < COUNT; i++)
        mask[i] = 1;
    dropout_apply(&dropout, place, 1, COUNT, mask, mask);
}

/* Masks of different names are independent: two of rate ½ agree in half of the values, within five
   standard deviations of √(¼/n). */
static void every_name_has_its_own_mask(void **state) {
    (void)state;
    const Dropout dropout = {.rate = 0.5, .seed = 1, .step = 5, .first_sequence = 2};
    static float first[COUNT], other[COUNT];
    mask_of(dropout, 1, first);
    for (int change = 0; change < 5; change++) {
        Dropout changed = dropout;
        changed.seed += change == 1;
        changed.step += change == 2;
        changed.first_sequence += change == 3;
        mask_of(changed, change == 4 ? 2 : 1, other);
        int same = 0;
        for (size_t i = 0; i < COUNT; i++)
            same += first[i] == other[i];
        double spread = sqrt(0.25 / COUNT);
        assert_real_within("values that agree", (double)same / COUNT,
                           change == 0 ? 1 : 0.5 - 5 * spread, change == 0 ? 1 : 0.5 + 5 * spread);
    }
}

/* Sequences that are computed together have the masks that they have alone. */
static void sequences_keep_their_masks(void **state) {
    (void)state;
    static float together[SEQUENCES * COUNT], alone[COUNT];
    for (size_t i = 0; i < SEQUENCES * COUNT; i++)
        together[i] = 1;
    Dropout dropout = {.rate = 0.3, .seed = 1, .step = 1ull << 33, .first_sequence = 5};
    dropout_apply(&dropout, 7, SEQUENCES, COUNT, together, together);
    for (int s = 0; s < SEQUENCES; s++, dropout.first_sequence++) {
        mask_of(dropout, 7, alone);
        assert_memory_equal(together + s * COUNT, alone, sizeof alone);
    }
}

static const char *const blocks[] = {
    "",
    "placement=post",
    "placement=post norm=none",
    "placement=sandwich norm=layer",
    "parallel=true",
    "parallel=true placement=sandwich biases=true",
    "mlp=none",
    "tied=true position=absolute embedding_scale=2",
    "kv_heads=1 attention.query_key_norm=rms attention.gate=elementwise",
    "attention.window=3 attention.normalization=sigmoid position=alibi",
    "attention.mask=bidirectional attention.soft_cap=2 attention.sink_logit=true",
    "kv_heads=1 attention.normalization=elu-kernel attention.kv_bias=key-value",
};
enum { BLOCKS = sizeof blocks / sizeof blocks[0] };

static double slope_of_entry(ModelCase *scene, const Dropout *dropout, size_t i) {
    static const double step = 1e-5; /* as in test_model_gradient.c */
    double kept = scene->exact[i];
    scene->exact[i] = kept + step;
    double above = reference_forward_dropped(&scene->config, scene->table, scene->exact,
                                             &scene->batch, dropout, NULL);
    scene->exact[i] = kept - step;
    double below = reference_forward_dropped(&scene->config, scene->table, scene->exact,
                                             &scene->batch, dropout, NULL);
    scene->exact[i] = kept;
    return (above - below) / (2 * step);
}

/* The loss and every parameter's gradient against the reference with the same masks; tolerances as
   in test_model_axes.c. */
static void assert_gradients(const Dropout dropout, int count) {
    for (int b = 0; b < count; b++) {
        ModelCase scene;
        case_create_with(&scene, small, blocks[b], 1.5 / sqrt(small.width), 1);
        size_t total = scene.table->total;
        float *gradient = ARENA_ARRAY(&scene.arena, float, total);
        double *expected = ARENA_ARRAY(&scene.arena, double, total);
        workspace_set_dropout(scene.workspace, dropout);
        double loss = model_gradient(scene.model, scene.parameters, &scene.batch, 1,
                                     scene.workspace, gradient);
        double without =
            reference_forward(&scene.config, scene.table, scene.exact, &scene.batch, NULL);
        double with = reference_forward_dropped(&scene.config, scene.table, scene.exact,
                                                &scene.batch, &dropout, NULL);
        assert_real_close(scene.name, loss, with, 1e-5);
        assert_true(fabs(with - without) > 1e-2);
        double whole = 0;
        for (size_t i = 0; i < total; i++)
            whole += (double)gradient[i] * (double)gradient[i];
        for (size_t i = 0; i < total; i++)
            expected[i] = slope_of_entry(&scene, &dropout, i);
        for (size_t e = 0; e < scene.table->count; e++) {
            const Parameter *entry = &scene.table->entries[e];
            char what[400];
            snprintf(what, sizeof what, "%s: gradient of %s", scene.name, entry->name);
            assert_floats_close(what, gradient + entry->offset, expected + entry->offset,
                                entry->count, 2e-5, 0.1 * sqrt(whole));
        }
        case_destroy(&scene);
    }
}

static void gradients_see_the_same_masks(void **state) {
    (void)state;
    Dropout dropout = {.seed = 9, .step = 4, .first_sequence = 6};
    dropout.rate = 0.3;
    assert_gradients(dropout, 1);
    dropout.weight_rate = 0.2;
    assert_gradients(dropout, BLOCKS);
    dropout.rate = 0;
    assert_gradients(dropout, 1);
}

/* What only looks never drops. */
static void passes_that_look_do_not_drop(void **state) {
    (void)state;
    ModelCase scene;
    case_create(&scene, small, 0.5, 1);
    size_t tokens = (size_t)(small.sequences * small.length);
    size_t count = tokens * (size_t)small.vocabulary;
    float *logits = ARENA_ARRAY(&scene.arena, float, 2 * count);
    float *losses = ARENA_ARRAY(&scene.arena, float, 2 * tokens);
    for (size_t i = 0; i < 2; i++) {
        model_logits(scene.model, scene.parameters, &scene.batch, scene.workspace,
                     logits + i * count);
        model_forward(scene.model, scene.parameters, &scene.batch, scene.workspace, NULL,
                      losses + i * tokens);
        workspace_set_dropout(scene.workspace,
                              (Dropout){.rate = 0.5, .weight_rate = 0.5, .seed = 1});
    }
    assert_memory_equal(logits, logits + count, count * sizeof *logits);
    assert_memory_equal(losses, losses + tokens, tokens * sizeof *losses);
    case_destroy(&scene);
}

/* 300 plain Adam steps on one batch, each with masks of its own: without dropout the model then
   knows at least half of it by heart. */
static void learns_in_spite_of_it(void **state) {
    (void)state;
    ModelCase scene;
    case_create_fresh(&scene, (CaseShape){"rope", 2, 32, 2, 48, 8, 10, 2, 8, 0}, 7);
    size_t total = scene.table->total;
    float *mean = ARENA_ARRAY(&scene.arena, float, total);
    float *square = ARENA_ARRAY(&scene.arena, float, total);
    float *gradient = ARENA_ARRAY(&scene.arena, float, total);
    double targets = (double)batch_target_count(&scene.batch), losses[2];
    for (int t = 1; t <= 300; t++) {
        workspace_set_dropout(scene.workspace,
                              (Dropout){.rate = 0.1, .seed = 1, .step = (uint64_t)t});
        model_gradient(scene.model, scene.parameters, &scene.batch, 1 / targets, scene.workspace,
                       gradient);
        for (size_t i = 0; i < total; i++) {
            mean[i] = 0.9f * mean[i] + 0.1f * gradient[i];
            square[i] = 0.95f * square[i] + 0.05f * gradient[i] * gradient[i];
            float scale = (float)(sqrt(1 - pow(0.95, t)) / (1 - pow(0.9, t)));
            scene.parameters[i] -= 0.005f * scale * mean[i] / (sqrtf(square[i]) + 1e-8f);
        }
        if (t == 1 || t == 300) {
            workspace_set_dropout(scene.workspace, (Dropout){0});
            losses[t == 300] = model_gradient(scene.model, scene.parameters, &scene.batch, 1,
                                              scene.workspace, gradient);
        }
    }
    assert_real_within("loss", losses[1], 0, 0.5 * losses[0]);
    case_destroy(&scene);
}

static void draw(const DataSource *source, Split split, Random *random, int count, Stream stream) {
    (void)split;
    for (int t = 0; t < count; t++)
        stream.tokens[t] = (int32_t)random_below(random, (uint32_t)source->tokens);
}

static const SourceKind uniform = {.kind = {.name = "uniform"}, .draw = draw};

static double lanes_run(const ModelCase *scene, int lanes_count, int threads, double rate,
                        uint64_t step, Arena *arena, const float **gradient) {
    const DataSource source = {.kind = &uniform, .seed = 1, .tokens = small.vocabulary, .bos = 0};
    Lanes *lanes;
    Error error;
    assert_int_equal(
        lanes_create(scene->model, 7, small.length, lanes_count, threads, arena, &lanes, &error),
        STATUS_OK);
    lanes_set_dropout(lanes, (Dropout){.rate = rate, .weight_rate = rate, .seed = 1});
    return lanes_gradient(lanes, scene->parameters, &source, step, gradient);
}

/* One thread or three: the same bits. Other lanes: the same masks, so only the rounding of sums
   differs. Another step: other masks and other sequences. */
static void lanes_share_the_masks(void **state) {
    (void)state;
    ModelCase scene;
    case_create(&scene, small, 0.5, 1);
    size_t total = scene.table->total;
    const float *one, *three, *other, *none, *later;
    double loss = lanes_run(&scene, 4, 1, 0.3, 5, &scene.arena, &one);
    assert_true(loss == lanes_run(&scene, 4, 3, 0.3, 5, &scene.arena, &three));
    assert_memory_equal(one, three, total * sizeof *one);
    double in_two = lanes_run(&scene, 2, 2, 0.3, 5, &scene.arena, &other);
    assert_real_close("loss with two lanes", in_two, loss, 1e-6);
    double *expected = ARENA_ARRAY(&scene.arena, double, total);
    for (size_t i = 0; i < total; i++)
        expected[i] = (double)one[i];
    assert_floats_close("gradient with two lanes", other, expected, total, 1e-5, 0);
    double whole = lanes_run(&scene, 4, 2, 0, 5, &scene.arena, &none);
    double next = lanes_run(&scene, 4, 2, 0.3, 6, &scene.arena, &later);
    assert_true(fabs(whole - loss) > 1e-3 && fabs(next - loss) > 1e-3);
    case_destroy(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(share_and_scale),
        cmocka_unit_test(every_name_has_its_own_mask),
        cmocka_unit_test(sequences_keep_their_masks),
        cmocka_unit_test(gradients_see_the_same_masks),
        cmocka_unit_test(passes_that_look_do_not_drop),
        cmocka_unit_test(learns_in_spite_of_it),
        cmocka_unit_test(lanes_share_the_masks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
