/* What stands around and between the drawn tokens, the same for every source. */
#include "tests/support/defaults.h"
#include "tests/support/source_case.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LENGTH = SOURCE_CASE_LENGTH, BATCH = SOURCE_CASE_BATCH, SYMBOLS = 64 };

static KindChoice zipf(void) {
    return defaults_kind(&source_kinds, "zipf");
}

/* The targets follow the inputs, −1 only where a leading BOS would be. Returns how many −1 there
   are in each sequence. */
static int check_targets(const SourceCase *scene) {
    int unpredicted = 0;
    for (int s = 0; s < BATCH; s++)
        for (int t = 0; t < LENGTH; t++) {
            int target = scene->targets[s][t], input = scene->inputs[s][t];
            if (input < 0 || input >= scene->source.vocabulary)
                fail_msg("input %d of a vocabulary of %d", input, scene->source.vocabulary);
            if (target == -1 && s == 0)
                unpredicted++;
            if (t + 1 < LENGTH && target != scene->inputs[s][t + 1] &&
                !(target == -1 && scene->inputs[s][t + 1] == scene->source.bos))
                fail_msg("target %d before input %d", target, scene->inputs[s][t + 1]);
        }
    return unpredicted;
}

static void assert_name(const SourceCase *scene, int token, const char *expected) {
    char name[16];
    source_token_name(&scene->source, token, name);
    assert_string_equal(name, expected);
}

static void bos_can_be_left_out_and_repeated(void **state) {
    (void)state;
    for (int count = 0; count <= 3; count++) {
        KindChoice choice = zipf();
        if (count == 0)
            source_set(&choice, "bos", BOS_NONE);
        else
            source_set(&choice, "bos_count", count);
        SourceCase *scene = source_case_open(&choice, 1);
        assert_int_equal(scene->source.bos, count == 0 ? -1 : SYMBOLS);
        assert_int_equal(scene->source.vocabulary, SYMBOLS + (count > 0));
        source_case_draw(scene, SPLIT_TRAINING, 3);
        for (int s = 0; s < BATCH; s++)
            for (int t = 0; t < LENGTH; t++)
                assert_int_equal(scene->inputs[s][t] == SYMBOLS, t < count);
        assert_int_equal(check_targets(scene), count > 1 ? count - 1 : 0);
        if (count > 0)
            assert_name(scene, SYMBOLS, "BOS");
        source_case_close(scene);
    }
}

/* Delimiters take no token away: without them the stream is that of the plain source. */
static void delimiters_stand_between_the_tokens(void **state) {
    (void)state;
    KindChoice plain = zipf(), choice = zipf();
    source_set(&choice, "delimiters", 2);
    source_set(&choice, "delimiter_every", 5);
    SourceCase *first = source_case_open(&plain, 1), *second = source_case_open(&choice, 1);
    source_case_draw(first, SPLIT_TRAINING, 0);
    source_case_draw(second, SPLIT_TRAINING, 0);
    assert_int_equal(second->source.vocabulary, SYMBOLS + 3);
    assert_name(second, SYMBOLS + 1, "DEL0");
    assert_name(second, SYMBOLS + 2, "DEL1");
    int seen[2] = {0};
    for (int s = 0; s < BATCH; s++)
        for (int t = 0, from = 0; t < LENGTH; t++) {
            int token = second->inputs[s][t];
            bool expected = t > 0 && t % 6 == 0; /* BOS, five tokens, a delimiter, five tokens … */
            assert_int_equal(token > SYMBOLS, expected);
            if (expected)
                seen[token - SYMBOLS - 1]++;
            else
                assert_int_equal(token, first->inputs[s][from++]);
        }
    /* 256·7 fair draws: five standard deviations are 106 */
    assert_in_range(seen[0], 896 - 106, 896 + 106);
    assert_int_equal(check_targets(second), 0);
    source_case_close(first);
    source_case_close(second);
}

static void delimiters_come_with_their_probability(void **state) {
    (void)state;
    KindChoice choice = zipf();
    source_set(&choice, "delimiters", 1);
    source_set(&choice, "delimiter_probability", 0.25);
    SourceCase *scene = source_case_open(&choice, 1);
    source_case_draw(scene, SPLIT_TRAINING, 0);
    double delimiters = 0, chances = 0;
    for (int s = 0; s < BATCH; s++)
        for (int t = 2; t < LENGTH; t++) {
            bool after_token = scene->inputs[s][t - 1] < SYMBOLS;
            chances += after_token;
            delimiters += scene->inputs[s][t] == SYMBOLS + 1;
            if (!after_token)
                assert_true(scene->inputs[s][t] < SYMBOLS);
        }
    double deviation = sqrt(chances * 0.25 * 0.75);
    if (!(fabs(delimiters - chances * 0.25) <= 5 * deviation))
        fail_msg("%g delimiters after %g tokens", delimiters, chances);
    source_case_close(scene);
}

static void a_fixed_token_stands_at_its_position(void **state) {
    (void)state;
    for (int own = 0; own < 2; own++)
        for (int position = 0; position < LENGTH; position += 9) {
            KindChoice choice = zipf(), plain = zipf();
            source_set(&choice, "fixed_position", position);
            if (!own)
                source_set(&choice, "fixed_token", 7);
            SourceCase *scene = source_case_open(&choice, 1), *other = source_case_open(&plain, 1);
            source_case_draw(scene, SPLIT_PROBE, 0);
            source_case_draw(other, SPLIT_PROBE, 0);
            int token = own ? SYMBOLS + 1 : 7;
            assert_int_equal(scene->source.vocabulary, SYMBOLS + 1 + own);
            if (own)
                assert_name(scene, token, "FIX");
            for (int s = 0; s < BATCH; s++) {
                assert_int_equal(scene->inputs[s][position], token);
                for (int t = 0; t < LENGTH; t++)
                    if (t != position)
                        assert_int_equal(scene->inputs[s][t], other->inputs[s][t - (t > position)]);
            }
            check_targets(scene);
            source_case_close(scene);
            source_case_close(other);
        }
}

static void the_first_token_can_be_random(void **state) {
    (void)state;
    KindChoice choice = zipf(), plain = zipf();
    source_set(&choice, "random_first", 1);
    SourceCase *scene = source_case_open(&choice, 1), *other = source_case_open(&plain, 1);
    source_case_draw(scene, SPLIT_TRAINING, 5);
    source_case_draw(other, SPLIT_TRAINING, 5);
    int low = 0;
    for (int s = 0; s < BATCH; s++) {
        assert_true(scene->inputs[s][0] < SYMBOLS);
        low += scene->inputs[s][0] < SYMBOLS / 2;
        assert_memory_equal(scene->inputs[s] + 1, other->inputs[s], sizeof(int32_t) * (LENGTH - 1));
    }
    assert_in_range(low, BATCH / 2 - 40, BATCH / 2 + 40); /* five standard deviations: 8 each */
    source_case_close(scene);
    source_case_close(other);
}

/* With exponent 8 all but a few tokens of the source are 0: what is random can be told. */
static void a_share_of_sequences_is_random(void **state) {
    (void)state;
    KindChoice choice = zipf();
    source_set(&choice, "exponent", 8);
    source_set(&choice, "random_share", 0.25);
    SourceCase *scene = source_case_open(&choice, 1);
    source_case_draw(scene, SPLIT_TRAINING, 0);
    int sequences = 0;
    for (int s = 0; s < BATCH; s++) {
        int large = 0;
        for (int t = 1; t < LENGTH; t++)
            large += scene->inputs[s][t] > 3;
        if (large > 0 && large < LENGTH / 2)
            fail_msg("a sequence is partly random: %d", large);
        sequences += large > 0;
    }
    assert_in_range(sequences, 64 - 35, 64 + 35); /* five standard deviations of 6.9 */
    source_case_close(scene);
}

/* 10 sequences' worth and a bit: sequence n is sequence n mod 10, whatever the step; the others'
   splits have no end. */
static void an_amount_repeats(void **state) {
    (void)state;
    KindChoice choice = zipf(), plain = zipf();
    source_set(&choice, "amount", 10 * LENGTH + 5);
    SourceCase *scene = source_case_open(&choice, 1), *other = source_case_open(&plain, 1);
    size_t row = sizeof scene->inputs[0];
    source_case_draw(other, SPLIT_TRAINING, 0);
    for (uint64_t step = 0; step < 3; step++) {
        source_case_draw(scene, SPLIT_TRAINING, step);
        for (uint64_t s = 0; s < BATCH; s++)
            assert_memory_equal(scene->inputs[s], other->inputs[(step * BATCH + s) % 10], row);
    }
    source_case_draw(scene, SPLIT_PROBE, 1);
    source_case_draw(other, SPLIT_PROBE, 1);
    assert_memory_equal(scene->inputs, other->inputs, sizeof scene->inputs);
    source_case_close(scene);
    source_case_close(other);
}

/* An amount beyond the first step: the first epoch is that of the plain source. */
static void a_large_amount_repeats_later(void **state) {
    (void)state;
    KindChoice choice = zipf(), plain = zipf();
    source_set(&choice, "amount", (BATCH + 16) * LENGTH);
    source_set(&choice, "bos_count", 2);
    source_set(&plain, "bos_count", 2);
    SourceCase *scene = source_case_open(&choice, 1), *other = source_case_open(&plain, 1);
    source_case_draw(scene, SPLIT_TRAINING, 1);
    source_case_draw(other, SPLIT_TRAINING, 1);
    assert_memory_equal(scene->inputs, other->inputs, 16 * sizeof scene->inputs[0]);
    source_case_draw(other, SPLIT_TRAINING, 0);
    assert_memory_equal(scene->inputs[16], other->inputs, (BATCH - 16) * sizeof scene->inputs[0]);
    source_case_close(scene);
    source_case_close(other);
}

/* All at once, drawn whole and in pieces. */
static void edited_batches_can_be_split(void **state) {
    (void)state;
    KindChoice choice = defaults_kind(&source_kinds, "bigram-backcopy");
    source_set(&choice, "bos_count", 2);
    source_set(&choice, "delimiters", 3);
    source_set(&choice, "delimiter_probability", 0.2);
    source_set(&choice, "fixed_position", 4);
    source_set(&choice, "random_first", 1);
    source_set(&choice, "random_share", 0.3);
    SourceCase *scene = source_case_open(&choice, 9), *other = source_case_open(&choice, 9);
    source_case_draw(scene, SPLIT_TRAINING, 12);
    for (int first = 0; first < BATCH; first += 64)
        source_batch(&other->source, SPLIT_TRAINING, 12, first, 64, LENGTH, other->inputs[first],
                     other->targets[first], other->copied[first]);
    assert_memory_equal(scene->inputs, other->inputs, sizeof scene->inputs);
    assert_memory_equal(scene->targets, other->targets, sizeof scene->targets);
    assert_memory_equal(scene->copied, other->copied, sizeof scene->copied);
    int copies = 0;
    for (int s = 0; s < BATCH; s++) /* a copied target is an ordinary token that stood before */
        for (int t = 0; t < LENGTH; t++)
            if (scene->copied[s][t]) {
                copies++;
                bool before = false;
                for (int u = 0; u <= t; u++)
                    before = before || scene->inputs[s][u] == scene->targets[s][t];
                assert_true(before && scene->targets[s][t] < scene->source.tokens);
            }
    assert_true(copies > BATCH);
    source_case_draw(other, SPLIT_PROBE, 12);
    assert_memory_not_equal(scene->inputs, other->inputs, sizeof scene->inputs);
    source_case_draw(scene, SPLIT_VALIDATION, 12);
    assert_memory_not_equal(scene->inputs, other->inputs, sizeof scene->inputs);
    source_case_close(scene);
    source_case_close(other);
}

static void impossible_layouts_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *option;
        double value;
        const char *culprit, *part;
    } cases[] = {
        {"bos_count", LENGTH + 1, "data.bos_count", "leave no room"},
        {"delimiters", 1, "data.delimiters", "need a place"},
        {"delimiter_every", 1, "data.delimiters", "no delimiters to insert"},
        {"delimiter_probability", 0.5, "data.delimiters", "no delimiters to insert"},
        {"fixed_position", LENGTH, "data.fixed_position", "beyond the sequence"},
        {"fixed_token", 3, "data.fixed_token", "needs a place"},
        {"amount", LENGTH - 1, "data.amount", "less than one sequence"},
        {"weight", 2, "data.weight", "parts of a mixture"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        KindChoice choice = zipf();
        source_set(&choice, cases[i].option, cases[i].value);
        source_assert_refused(&choice, cases[i].culprit, cases[i].part);
    }
    KindChoice choice = zipf();
    source_set(&choice, "fixed_position", 1);
    source_set(&choice, "fixed_token", SYMBOLS);
    source_assert_refused(&choice, "data.fixed_token", "there is no token 64");
    choice = zipf();
    source_set(&choice, "bos", BOS_NONE);
    source_set(&choice, "bos_count", 2);
    source_assert_refused(&choice, "data.bos_count", "no BOS tokens to count, not 2");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bos_can_be_left_out_and_repeated),
        cmocka_unit_test(delimiters_stand_between_the_tokens),
        cmocka_unit_test(delimiters_come_with_their_probability),
        cmocka_unit_test(a_fixed_token_stands_at_its_position),
        cmocka_unit_test(the_first_token_can_be_random),
        cmocka_unit_test(a_share_of_sequences_is_random),
        cmocka_unit_test(an_amount_repeats),
        cmocka_unit_test(a_large_amount_repeats_later),
        cmocka_unit_test(edited_batches_can_be_split),
        cmocka_unit_test(impossible_layouts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
