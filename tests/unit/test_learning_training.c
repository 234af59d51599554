/* Every objective, optimizer, schedule and group learns: 200 steps of the real loop each; and what
   cannot learn is seen not to. */
#include "tests/support/learning.h"
#include "tests/support/scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* Learning rates that suit so small a model for 200 steps. */
static const AxisNote notes[] = {
    {.key = "train.steps", .no_axis = true},
    {.key = "train.batch", .value = "12"},
    {.key = "train.lanes", .value = "1"},
    {.key = "train.lanes", .value = "5"},
    {.key = "train.objective",
     .value = "masked",
     .with = "model.attention.mask=bidirectional; train.objective.share=0.5; train.batch=32"},
    {.key = "train.objective", .value = "prefix", .with = "model.attention.mask=prefix"},
    {.key = "train.objective.share", .value = "0.3"},
    {.key = "train.optimizer", .value = "adamw", .with = "train.optimizer.learning_rate=1e-2"},
    {.key = "train.optimizer", .value = "adam", .with = "train.optimizer.learning_rate=1e-2"},
    {.key = "train.optimizer", .value = "sgd", .with = "train.optimizer.learning_rate=0.5"},
    {.key = "train.optimizer", .value = "lion", .with = "train.optimizer.learning_rate=3e-3"},
    {.key = "train.optimizer.learning_rate", .kind = "adamw", .value = "2e-2"},
    {.key = "train.optimizer.learning_rate", .kind = "adam", .value = "5e-3"},
    {.key = "train.optimizer.learning_rate", .kind = "sgd", .value = "1"},
    {.key = "train.optimizer.learning_rate", .kind = "lion", .value = "5e-3"},
    {.key = "train.optimizer.learning_rate", .kind = "muon", .value = "0.05"},
    {.key = "train.optimizer.weight_decay", .kind = "adam", .value = "0.001"},
    {.key = "train.optimizer.weight_decay", .kind = "sgd", .value = "0.001"},
    {.key = "train.schedule", .value = "inverse-sqrt", .with = "train.warmup=20"},
    {.key = "train.schedule.timescale", .value = "50"},
    {.key = "train.warmup", .value = "20"},
    {.key = "train.dropout", .value = "0.2"},
    {.key = "train.attention_dropout", .value = "0.2"},
    {.key = "train.clip", .value = "0"},
    {.key = "train.clip", .value = "0.5"},
};

static Learning begin(void **state) {
    return learning_create(*state, notes, sizeof notes / sizeof notes[0]);
}

static void every_optimizer_learns(void **state) {
    Learning learning = begin(state);
    learning_check_axes(&learning, "train.optimizer", NULL);
}

static void all_else_learns(void **state) {
    static const char *const except[] = {"train.optimizer", NULL};
    Learning learning = begin(state);
    learning_check_axes(&learning, "train", except);
    learning_check(&learning, "train.groups.attention.learning_rate=0");
    learning_check(&learning, "train.groups.embedding.learning_rate=0");
    learning_check(&learning, "train.groups.norms.learning_rate=0");
}

/* What these tests say would be worth nothing if they said it of everything. */
static void what_cannot_learn_is_seen(void **state) {
    static const char *const settings[] = {
        "train.optimizer.learning_rate=0",
        "train.optimizer.learning_rate=1e-6",
    };
    Learning learning = begin(state);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        char why[400];
        if (learning_fell(&learning, settings[i], why))
            fail_msg("%s is said to learn: %s", settings[i], why);
    }
}

/* Of independent tokens only the frequencies can be learned: the loss comes near their entropy, and
   never below, as it would if a query saw the token it has to predict. */
static void nobody_sees_what_is_asked(void **state) {
    static const char *const settings[] = {
        "", "train.objective=prefix; model.attention.mask=prefix",
        ("train.objective=masked; model.attention.mask=bidirectional; train.objective.share=0.5; "
         "train.objective.keep=0; train.objective.random=0")};
    Learning learning = begin(state);
    for (double exponent = 0; exponent < 2; exponent++) {
        double weights = 0, entropy = 0;
        for (int rank = 1; rank <= 64; rank++)
            weights += pow(rank, -exponent);
        for (int rank = 1; rank <= 64; rank++)
            entropy -= pow(rank, -exponent) / weights * log(pow(rank, -exponent) / weights);
        for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
            char all[400];
            snprintf(all, sizeof all, "data=zipf; data.exponent=%g; train.schedule=cosine; %s",
                     exponent, settings[i]);
            LearningCurve curve = learning_train(&learning, all);
            double noise = 5 * curve.last_noise;
            if (!(curve.last > entropy - noise && curve.last < entropy + noise + 0.03))
                fail_msg("%s: the loss comes to %g, the entropy is %g, five standard errors are %g",
                         all, curve.last, entropy, noise);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_optimizer_learns, scratch_create, scratch_remove),
        cmocka_unit_test_setup_teardown(all_else_learns, scratch_create, scratch_remove),
        cmocka_unit_test_setup_teardown(what_cannot_learn_is_seen, scratch_create, scratch_remove),
        cmocka_unit_test_setup_teardown(nobody_sees_what_is_asked, scratch_create, scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
