/* Every attention and every position encoding learns: 200 steps of the real loop each. */
#include "tests/support/learning.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* Few tokens are predicted under the masked objective: more of them make its loss less noisy. */
#define MASKED "train.objective=masked; train.objective.share=0.5; train.batch=32"

static const AxisNote notes[] = {
    {.key = "model.attention.mask", .value = "bidirectional", .with = MASKED},
    {.key = "model.attention.mask", .value = "prefix", .with = "train.objective=prefix"},
    {.key = "model.attention.mask.length", .value = "4"},
    {.key = "model.attention.window", .value = "4"},
    {.key = "model.attention.window_shift", .value = "2", .with = "model.attention.window=4"},
    {.key = "model.attention.soft_cap", .value = "2"},
    {.key = "model.attention.temperature", .value = "0.5"},
    {.key = "model.attention.temperature", .value = "3"},
    {.key = "model.position.base", .value = "100"},
    {.key = "model.position.fraction", .value = "0.5"},
    {.key = "model.position.scaling", .value = "linear", .with = "model.position.factor=4"},
    {.key = "model.position.scaling", .value = "ntk", .with = "model.position.factor=4"},
    {.key = "model.position.scaling", .value = "yarn", .with = "model.position.factor=4"},
    {.key = "model.position.factor", .value = "2", .with = "model.position.scaling=linear"},
    {.key = "model.position.truncate", .value = "0.5"},
    {.key = "model.position.truncate", .value = "0"},
    {.key = "model.position.buckets", .value = "8"},
    {.key = "model.position.distance", .value = "20"},
};

static Learning begin(void **state) {
    return learning_create(*state, notes, sizeof notes / sizeof notes[0]);
}

static void every_attention_learns(void **state) {
    Learning learning = begin(state);
    learning_check_axes(&learning, "model.attention", NULL);
    learning_check(&learning,
                   "model.attention.window=4; model.attention.mask=bidirectional; " MASKED);
}

static void every_position_learns(void **state) {
    Learning learning = begin(state);
    learning_check_axes(&learning, "model.position", NULL);
    learning_check(&learning, "model.position=[rope, nope]");
    learning_check(&learning, "model.position=[alibi, {kind: rope, fraction: 0.5, base: 100}]");
    learning_check(&learning, "model.position=[relative, relative]");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_attention_learns, scratch_create, scratch_remove),
        cmocka_unit_test_setup_teardown(every_position_learns, scratch_create, scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
