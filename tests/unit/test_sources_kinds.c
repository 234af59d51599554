/* The drawn sources: what they draw has the statistics of their definition. Counts are compared
   within five standard deviations of a fair draw, which a right program fails once in two
   million. */
#include "tests/support/defaults.h"
#include "tests/support/scratch.h"
#include "tests/support/source_case.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LENGTH = SOURCE_CASE_LENGTH, BATCH = SOURCE_CASE_BATCH };

static void assert_share(const char *what, double count, double trials, double share) {
    double deviation = sqrt(trials * share * (1 - share));
    if (!(fabs(count - trials * share) <= 5 * deviation + 1e-9))
        fail_msg("%s: %g of %g, expected %g ± %g", what, count, trials, trials * share, deviation);
}

static void zipf_draws_follow_their_ranks(void **state) {
    (void)state;
    KindChoice choice = defaults_kind(&source_kinds, "zipf");
    source_set(&choice, "symbols", 20);
    source_set(&choice, "exponent", 1.5);
    SourceCase *scene = source_case_open(&choice, 1);
    double counts[20] = {0}, after_first[20] = {0}, total = 0, weights = 0;
    source_case_draw(scene, SPLIT_TRAINING, 0);
    for (int s = 0; s < BATCH; s++)
        for (int t = 0; t < LENGTH; t++) {
            counts[scene->targets[s][t]]++;
            if (scene->inputs[s][t] == 0)
                after_first[scene->targets[s][t]]++;
        }
    for (int rank = 1; rank <= 20; rank++)
        weights += pow(rank, -1.5);
    for (int rank = 1; rank <= 20; rank++) {
        double share = pow(rank, -1.5) / weights, firsts = 0;
        total = BATCH * LENGTH;
        assert_share("a token", counts[rank - 1], total, share);
        for (int i = 0; i < 20; i++)
            firsts += after_first[i];
        assert_share("a token after the most frequent one", after_first[rank - 1], firsts, share);
    }
    source_case_close(scene);
}

/* Of either order: b follows a, c and d follow b evenly, a follows them. */
static void chains_have_a_text_s_frequencies(void **state) {
    const char *text = "abcabdabcabdabcabdabcabdabcabd";
    const char *path = scratch_path(state, "text.txt");
    scratch_write(path, text);
    KindChoice choice = defaults_kind(&source_kinds, "markov");
    source_set_text(&choice, "chain", path);
    for (int order = 1; order <= 2; order++) {
        source_set(&choice, "order", order);
        SourceCase *scene = source_case_open(&choice, 1);
        assert_int_equal(scene->source.tokens, 4);
        source_case_draw(scene, SPLIT_TRAINING, 0);
        double c = 0, after_b = 0;
        for (int s = 0; s < BATCH; s++)
            for (int t = 1; t < LENGTH; t++) {
                int last = scene->inputs[s][t], next = scene->targets[s][t];
                if (last == 0)
                    assert_int_equal(next, 1);
                if (last >= 2 && last != scene->source.bos)
                    assert_int_equal(next, 0);
                after_b += last == 1;
                c += last == 1 && next == 2;
            }
        assert_share("c after b", c, after_b, 0.5);
        source_case_close(scene);
    }
}

/* Of order 2 the pair tells; of order 1 the last symbol alone. In "aab" repeated, b follows a after
   an a, and only then. */
static void order_two_sees_two_symbols(void **state) {
    char text[3001];
    for (int i = 0; i < 3000; i++)
        text[i] = "aab"[i % 3];
    text[3000] = '\0';
    const char *path = scratch_path(state, "text.txt");
    scratch_write(path, text);
    KindChoice choice = defaults_kind(&source_kinds, "markov");
    source_set_text(&choice, "chain", path);
    for (int order = 1; order <= 2; order++) {
        source_set(&choice, "order", order);
        SourceCase *scene = source_case_open(&choice, 1);
        source_case_draw(scene, SPLIT_TRAINING, 0);
        double b = 0, chances = 0;
        for (int s = 0; s < BATCH; s++)
            for (int t = 2; t < LENGTH; t++) {
                bool pair = scene->inputs[s][t - 1] == 0 && scene->inputs[s][t] == 0;
                chances += pair;
                b += pair && scene->targets[s][t] == 1;
            }
        if (order == 2)
            assert_true(b == chances && chances > 1000);
        else
            assert_share("b after aa", b, chances, 0.5);
        source_case_close(scene);
    }
}

/* A drawn chain of order 2: the frequencies after one pair are 1/rank in some order, and differ
   from those after another pair with the same last symbol. */
static void drawn_chains_of_order_two(void **state) {
    (void)state;
    KindChoice choice = defaults_kind(&source_kinds, "markov");
    source_set_text(&choice, "chain", "zipf");
    source_set(&choice, "order", 2);
    source_set(&choice, "symbols", 3);
    source_set(&choice, "exponent", 2);
    SourceCase *scene = source_case_open(&choice, 4);
    static double counts[3][3][3];
    memset(counts, 0, sizeof counts);
    for (uint64_t step = 0; step < 4; step++) {
        source_case_draw(scene, SPLIT_TRAINING, step);
        for (int s = 0; s < BATCH; s++)
            for (int t = 2; t < LENGTH; t++)
                counts[scene->inputs[s][t - 1]][scene->inputs[s][t]][scene->targets[s][t]]++;
    }
    const double whole = 1 + 1 / 4.0 + 1 / 9.0;
    int favourites[3] = {0};
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < 3; b++) {
            const double *row = counts[a][b];
            double total = row[0] + row[1] + row[2];
            int best = row[0] >= row[1] && row[0] >= row[2] ? 0 : row[1] >= row[2] ? 1 : 2;
            assert_share("the favourite of a pair", row[best], total, 1 / whole);
            if (b == 0)
                favourites[a] = best;
        }
    assert_true(favourites[0] != favourites[1] || favourites[1] != favourites[2]);
    source_case_close(scene);
}

static void blocks_are_repeated(void **state) {
    (void)state;
    for (int variant = 0; variant < 3; variant++) {
        int copies = variant == 1 ? 3 : 2, block = variant == 1 ? 7 : LENGTH / 2;
        KindChoice choice = defaults_kind(&source_kinds, "repeat");
        source_set(&choice, "copies", copies);
        if (variant > 0)
            source_set(&choice, "block", block);
        if (variant == 2)
            source_set(&choice, "shortest", 5);
        SourceCase *scene = source_case_open(&choice, 1);
        assert_true(scene->source.copies);
        source_case_draw(scene, SPLIT_TRAINING, 0);
        int lengths = 0;
        for (int s = 0; s < BATCH; s++) {
            int drawn = 0;
            const int32_t *stream = scene->targets[s];
            if (variant == 2) { /* the block's length: where the copies begin */
                while (!scene->copied[s][drawn])
                    drawn++;
                assert_in_range(drawn, 5, LENGTH / 2);
                lengths |= 1 << drawn;
            } else {
                drawn = block;
            }
            for (int t = 0; t < drawn * copies && t < LENGTH; t++) {
                assert_int_equal(scene->copied[s][t], t >= drawn);
                if (t >= drawn)
                    assert_int_equal(stream[t], stream[t - drawn]);
            }
            if (variant == 1) { /* 21 tokens, then another block */
                assert_int_equal(scene->copied[s][21], 0);
                assert_int_equal(stream[30], stream[23]);
            }
        }
        if (variant == 2)
            assert_int_equal(lengths, (1 << (LENGTH / 2 + 1)) - (1 << 5));
        source_case_close(scene);
    }
}

/* ---- Mixtures ------------------------------------------------------------------------------- */

static void set_parts(KindChoice *mixture, KindChoice *items, size_t count) {
    const Field *field = field_find(&mixture->kind->options, "sources");
    *(KindList *)(mixture->options.bytes + field->offset) =
        (KindList){.items = items, .count = count};
}

static void mixtures_keep_their_weights(void **state) {
    (void)state;
    KindChoice mixture = defaults_kind(&source_kinds, "mixture"), items[3];
    for (int i = 0; i < 3; i++) {
        items[i] = defaults_kind(&source_kinds, i == 1 ? "repeat" : "zipf");
        source_set(&items[i], "exponent", i == 1 ? 0 : i == 0 ? 8 : 0);
    }
    source_set(&items[0], "weight", 5);
    source_set(&items[1], "weight", 3);
    source_set(&items[2], "weight", 2);
    set_parts(&mixture, items, 3);
    source_set(&mixture, "bos", BOS_NONE);
    SourceCase *scene = source_case_open(&mixture, 1);
    double seen[3] = {0};
    for (uint64_t step = 0; step < 4; step++) {
        source_case_draw(scene, SPLIT_TRAINING, step);
        for (int s = 0; s < BATCH; s++) { /* mostly token 0; copied later on; neither */
            int zeros = 0, copies = 0;
            for (int t = 0; t < LENGTH; t++) {
                zeros += scene->inputs[s][t] == 0;
                copies += scene->copied[s][t];
            }
            seen[zeros > LENGTH / 2 ? 0 : copies > 0 ? 1 : 2]++;
        }
    }
    assert_share("the first part", seen[0], 4 * BATCH, 0.5);
    assert_share("the second part", seen[1], 4 * BATCH, 0.3);
    assert_share("the third part", seen[2], 4 * BATCH, 0.2);
    source_case_close(scene);
}

static void impossible_sources_are_refused(void **state) {
    (void)state;
    KindChoice mixture = defaults_kind(&source_kinds, "mixture"), items[2];
    source_assert_refused(&mixture, "data.sources", "at least one");
    items[0] = defaults_kind(&source_kinds, "zipf");
    items[1] = defaults_kind(&source_kinds, "zipf");
    set_parts(&mixture, items, 2);
    source_set(&items[1], "symbols", 63);
    source_assert_refused(&mixture, "data.sources",
                          "[1], zipf: it has 63 tokens, the first source 64");
    source_set(&items[1], "symbols", 64);
    source_set(&items[1], "random_first", 1);
    source_assert_refused(&mixture, "data.sources", "random_first is the whole mixture's");
    source_set(&items[1], "random_first", 0);
    source_set(&items[0], "weight", 0);
    source_set(&items[1], "weight", 0);
    source_assert_refused(&mixture, "data.sources", "all weights are 0");
    items[1] = defaults_kind(&source_kinds, "text");
    source_set_text(&items[1], "path", "/there/is/no/such/file");
    source_set(&items[1], "weight", 1);
    source_assert_refused(&mixture, "data.sources", "[1], text: path: cannot read /there/is");
    KindChoice markov = defaults_kind(&source_kinds, "markov");
    source_set(&markov, "order", 2);
    source_assert_refused(&markov, "data.order", "pairs only");
    source_set_text(&markov, "chain", "zipf");
    source_set(&markov, "symbols", 161);
    source_assert_refused(&markov, "data.chain", "161 symbols");
    markov = defaults_kind(&source_kinds, "markov");
    source_set(&markov, "symbols", 32);
    source_assert_refused(&markov, "data.symbols", "would change nothing of \"english\"");
    KindChoice backcopy = defaults_kind(&source_kinds, "bigram-backcopy");
    source_set(&backcopy, "exponent", 2);
    source_assert_refused(&backcopy, "data.exponent", "would change nothing of \"english\"");
    KindChoice repeat = defaults_kind(&source_kinds, "repeat");
    source_set(&repeat, "block", LENGTH);
    source_assert_refused(&repeat, "data.block", "never repeated");
    source_set(&repeat, "block", 4);
    source_set(&repeat, "shortest", 5);
    source_assert_refused(&repeat, "data.shortest",
                          "the shortest block has 5 tokens, the longest 4");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zipf_draws_follow_their_ranks),
        cmocka_unit_test_setup_teardown(chains_have_a_text_s_frequencies, scratch_create,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(order_two_sees_two_symbols, scratch_create, scratch_remove),
        cmocka_unit_test(drawn_chains_of_order_two),
        cmocka_unit_test(blocks_are_repeated),
        cmocka_unit_test(mixtures_keep_their_weights),
        cmocka_unit_test(impossible_sources_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
