/* Objectives: what they ask of a sequence, and which masks they refuse. */
#include "model/mask.h"
#include "train/objective.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TOKENS = 20, BOS = 19, LENGTH = 32, COUNT = 400 };

/* t mod (TOKENS − 1) behind BOS: every token says where it stood. */
static void draw(const DataSource *source, Split split, Random *random, int count, Stream stream) {
    (void)source, (void)split, (void)random;
    for (int i = 0; i < count; i++) {
        stream.tokens[i] = (i + 1) % (TOKENS - 1);
        if (stream.copied != NULL)
            stream.copied[i] = i % 3 == 0;
    }
}

static const SourceKind counting = {.kind = {.name = "counting"}, .draw = draw};

static const DataSource source = {.kind = &counting,
                                  .seed = 5,
                                  .tokens = TOKENS - 1,
                                  .vocabulary = TOKENS,
                                  .bos = BOS,
                                  .copies = true};

typedef struct Drawn {
    int32_t inputs[COUNT][LENGTH], targets[COUNT][LENGTH];
    uint8_t copied[COUNT][LENGTH];
} Drawn;

static ModelConfig model_with(const char *mask, int64_t prefix) {
    ModelConfig model = {.context = LENGTH,
                         .attention.mask = {.kind = kind_find(&mask_kinds, mask)}};
    memcpy(model.attention.mask.options.bytes, &prefix, sizeof prefix);
    return model;
}

static KindChoice choice_of(const char *name) {
    KindChoice choice = {.kind = kind_find(&objective_kinds, name)};
    for (size_t i = 0; i < choice.kind->options.count; i++) {
        const Field *field = &choice.kind->options.fields[i];
        double value = strtod(field->fallback, NULL);
        memcpy(choice.options.bytes + field->offset, &value, sizeof value);
    }
    return choice;
}

static void batch(const Objective *objective, uint64_t step, Drawn *drawn) {
    objective_batch(objective, &source, SPLIT_TRAINING, step, 0, COUNT, LENGTH, drawn->inputs[0],
                    drawn->targets[0], drawn->copied[0]);
}

static void causal_leaves_all(void **state) {
    (void)state;
    static Drawn drawn, plain;
    ModelConfig model = model_with("causal", 0);
    KindChoice choice = choice_of("causal");
    Objective objective = objective_create(&choice, &model, &source);
    batch(&objective, 3, &drawn);
    source_batch(&source, SPLIT_TRAINING, 3, 0, COUNT, LENGTH, plain.inputs[0], plain.targets[0],
                 plain.copied[0]);
    assert_memory_equal(&drawn, &plain, sizeof drawn);
    assert_int_equal(objective.vocabulary, TOKENS);
}

static void prefix_asks_behind_it(void **state) {
    (void)state;
    static Drawn drawn;
    ModelConfig model = model_with("prefix", 8);
    KindChoice choice = choice_of("prefix");
    Objective objective = objective_create(&choice, &model, &source);
    batch(&objective, 0, &drawn);
    for (int t = 0; t < LENGTH; t++)
        assert_int_equal(drawn.targets[2][t], t < 7 ? -1 : (t + 1) % (TOKENS - 1));
}

/* Every chosen target is the token that stood there; what replaced it has the shares asked for,
   within five standard deviations of a binomial draw. */
static void masked_hides_and_asks(void **state) {
    (void)state;
    static Drawn drawn;
    ModelConfig model = model_with("bidirectional", 0);
    KindChoice choice = choice_of("masked");
    Objective objective = objective_create(&choice, &model, &source);
    assert_int_equal(objective.vocabulary, TOKENS + 2);
    assert_int_equal(objective.cls, BOS);
    batch(&objective, 0, &drawn);
    int chosen = 0, hidden = 0, kept = 0;
    for (int s = 0; s < COUNT; s++) {
        assert_int_equal(drawn.inputs[s][0], objective.cls);
        assert_int_equal(drawn.inputs[s][LENGTH - 1], objective.sep);
        assert_int_equal(drawn.targets[s][0], -1);
        assert_int_equal(drawn.targets[s][LENGTH - 1], -1);
        int here = 0;
        for (int t = 1; t < LENGTH - 1; t++) {
            int original = t % (TOKENS - 1);
            if (drawn.targets[s][t] < 0) {
                assert_int_equal(drawn.inputs[s][t], original);
                assert_int_equal(drawn.copied[s][t], 0);
                continue;
            }
            here++;
            assert_int_equal(drawn.targets[s][t], original);
            assert_int_equal(drawn.copied[s][t], (t - 1) % 3 == 0);
            hidden += drawn.inputs[s][t] == objective.mask;
            kept += drawn.inputs[s][t] == original;
        }
        assert_true(here >= 1);
        chosen += here;
    }
    /* One of 30 is forced, the others are chosen with probability 0.15. */
    double expected = COUNT * (1 + 29 * 0.15), deviation = sqrt(COUNT * 29 * 0.15 * 0.85);
    if (!(fabs(chosen - expected) < 5 * deviation))
        fail_msg("%d tokens chosen, expected %.0f ± %.0f", chosen, expected, deviation);
    if (!(fabs(hidden - 0.8 * chosen) < 5 * sqrt(0.16 * chosen)))
        fail_msg("%d of %d hidden, expected 80 %%", hidden, chosen);
    double stays = 0.1 + 0.1 / (TOKENS - 1);
    if (!(fabs(kept - stays * chosen) < 5 * sqrt(stays * (1 - stays) * chosen)))
        fail_msg("%d of %d kept, expected %.1f %%", kept, chosen, 100 * stays);
}

/* Behind several BOS as many tokens are asked as behind one, and never a BOS. */
static void masked_leaves_every_leading_bos(void **state) {
    (void)state;
    static Drawn drawn;
    ModelConfig model = model_with("bidirectional", 0);
    KindChoice choice = choice_of("masked");
    DataSource several = source;
    several.layout = (Layout){.edited = true, .bos_count = 3, .fixed_position = -1};
    Objective objective = objective_create(&choice, &model, &several);
    objective_batch(&objective, &several, SPLIT_TRAINING, 0, 0, COUNT, LENGTH, drawn.inputs[0],
                    drawn.targets[0], drawn.copied[0]);
    for (int s = 0; s < COUNT; s++) {
        int asked = 0;
        for (int t = 0; t < LENGTH; t++) {
            if (t < 3)
                assert_int_equal(drawn.inputs[s][t], BOS);
            assert_true(t >= 3 || drawn.targets[s][t] == -1);
            assert_int_not_equal(drawn.targets[s][t], BOS);
            asked += drawn.targets[s][t] >= 0;
        }
        assert_true(asked >= 1);
    }
}

static void layouts_must_fit(void **state) {
    (void)state;
    static const struct {
        Layout layout;
        const char *culprit; /* of what the masked objective refuses */
    } cases[] = {
        {{.edited = false}, NULL},
        {{.edited = true, .fixed_position = -1, .bos_count = 2}, NULL},
        {{.edited = true, .fixed_position = -1, .random_first = true}, "data.random_first"},
        {{.edited = true, .fixed_position = 0}, "data.fixed_position"},
        {{.edited = true, .fixed_position = 1}, NULL},
        {{.edited = true, .fixed_position = LENGTH - 1}, "data.fixed_position"},
    };
    ModelConfig model = model_with("bidirectional", 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        DataSource other = source;
        other.layout = cases[i].layout;
        KindChoice causal = choice_of("causal"), masked = choice_of("masked");
        const char *culprit = NULL;
        Error error = {""};
        Status status = objective_source_check(&masked, &model, &other, &culprit, &error);
        assert_int_equal(status, cases[i].culprit == NULL ? STATUS_OK : STATUS_BAD_INPUT);
        if (cases[i].culprit != NULL)
            assert_string_equal(culprit, cases[i].culprit);
        assert_int_equal(objective_source_check(&causal, &model, &other, &culprit, &error),
                         STATUS_OK);
    }
}

static void masked_is_a_function_of_its_name(void **state) {
    (void)state;
    static Drawn whole, other;
    static int32_t inputs[LENGTH], targets[LENGTH];
    ModelConfig model = model_with("bidirectional", 0);
    KindChoice choice = choice_of("masked");
    Objective objective = objective_create(&choice, &model, &source);
    batch(&objective, 7, &whole);
    objective_batch(&objective, &source, SPLIT_TRAINING, 7, 11, 1, LENGTH, inputs, targets, NULL);
    assert_memory_equal(inputs, whole.inputs[11], sizeof inputs);
    assert_memory_equal(targets, whole.targets[11], sizeof targets);
    batch(&objective, 8, &other);
    assert_memory_not_equal(&whole, &other, sizeof whole);
    objective_batch(&objective, &source, SPLIT_PROBE, 7, 11, 1, LENGTH, inputs, targets, NULL);
    assert_memory_not_equal(targets, whole.targets[11], sizeof targets);
}

static void masks_must_fit(void **state) {
    (void)state;
    static const char *const masks[] = {"causal", "bidirectional", "prefix"};
    static const char *const objectives[] = {"causal", "masked", "prefix"};
    for (int o = 0; o < 3; o++)
        for (int m = 0; m < 3; m++) {
            ModelConfig model = model_with(masks[m], 8);
            KindChoice choice = choice_of(objectives[o]);
            Error error = {""};
            Status status = objective_check(&choice, &model, &error);
            if ((status == STATUS_OK) != (o == m))
                fail_msg("objective %s under the %s mask: %d, %s", objectives[o], masks[m], status,
                         error.message);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(causal_leaves_all),     cmocka_unit_test(prefix_asks_behind_it),
        cmocka_unit_test(masked_hides_and_asks), cmocka_unit_test(masked_leaves_every_leading_bos),
        cmocka_unit_test(layouts_must_fit),      cmocka_unit_test(masked_is_a_function_of_its_name),
        cmocka_unit_test(masks_must_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
