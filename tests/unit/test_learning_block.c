/* Every size and every choice of the block learns: 200 steps of the real loop each. */
#include "tests/support/learning.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const AxisNote notes[] = {
    {.key = "model.layers", .value = "1"},
    {.key = "model.layers", .value = "3"},
    {.key = "model.width", .value = "24"},
    {.key = "model.heads", .value = "1"},
    {.key = "model.heads", .value = "4"},
    {.key = "model.kv_heads", .value = "2", .with = "model.heads=4"},
    {.key = "model.kv_heads", .value = "1", .with = "model.heads=4"},
    {.key = "model.hidden", .value = "40"},
    {.key = "model.context", .value = "24"},
    {.key = "model.vocabulary", .value = "100"},
    {.key = "model.embedding_scale", .value = "4"},
    {.key = "model.init.scale", .value = "0.1"},
};

static void every_block_learns(void **state) {
    static const char *const except[] = {"model.attention", "model.position", NULL};
    Learning learning = learning_create(*state, notes, sizeof notes / sizeof notes[0]);
    learning_check_axes(&learning, "model", except);
    learning_check(&learning, "model.norm=none; model.mlp=none");
    learning_check(&learning, "model.heads=4; model.kv_heads=2; model.attention.gate=head; "
                              "model.attention.query_key_norm=rms; train.dropout=0.1");
    learning_check(&learning, "model.placement=post; model.norm=layer; model.biases=true; "
                              "model.mlp=gelu; model.tied=true; model.position=absolute");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_block_learns, scratch_create, scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
