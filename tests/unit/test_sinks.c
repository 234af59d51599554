/* The measures of sinks on maps and states made by hand. */
#include "analysis/sinks_maps.h"
#include "analysis/sinks_states.h"
#include "model/base/random.h"
#include "tests/support/numbers.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { LARGEST = 64 };

static Visibility *causal(int length, Arena *arena) {
    Interval keys[LARGEST];
    for (int i = 0; i < length; i++)
        keys[i] = (Interval){0, i + 1};
    return visibility_from_intervals(keys, length, arena);
}

static Visibility *everything(int length, Arena *arena) {
    Interval keys[LARGEST];
    for (int i = 0; i < length; i++)
        keys[i] = (Interval){0, length};
    return visibility_from_intervals(keys, length, arena);
}

/* What a map measures, with room for its arrays; the importance into one of the caller's. */
static MapMeasures measures_into(double *importance, Arena *arena) {
    return (MapMeasures){.importance = importance,
                         .share = ARENA_ARRAY(arena, double, LARGEST),
                         .queries = ARENA_ARRAY(arena, double, LARGEST)};
}

static void uniform_attention_is_its_own_null(void **state) {
    (void)state;
    Arena arena = arena_create("test");
    const int lengths[] = {64, 16, 8};
    const double published[] = {0.074, 0.21, 0.34};
    for (int c = 0; c < 3; c++) {
        int length = lengths[c];
        static double map[LARGEST * LARGEST], importance[LARGEST];
        MapMeasures measures = measures_into(importance, &arena);
        Visibility *visibility = causal(length, &arena);
        uniform_map(visibility, map);
        map_measure(visibility, map, &measures);
        for (int k = 0; k < length; k++) {
            double harmonic = 0;
            for (int n = k + 1; n <= length; n++)
                harmonic += 1.0 / n;
            assert_number("importance", importance[k], harmonic / (length - k), 1e-14);
        }
        assert_number("importance of position 0", importance[0], published[c], 0.006);
        assert_number("entropy", measures.entropy, 1, 1e-13);
        assert_number("total", measures.total, 1, 1e-14);
        assert_number("argmax of ties", measures.first_token_argmax, 0, 0);
        double ratio;
        assert_int_equal(sink_position(visibility, importance, importance, &ratio), -1);
        assert_number("ratio", ratio, 1, 0);
    }
    double map[16], importance[4];
    MapMeasures measures = measures_into(importance, &arena);
    Visibility *open = everything(4, &arena);
    assert_false(open->causal);
    uniform_map(open, map);
    map_measure(open, map, &measures);
    for (int k = 0; k < 4; k++)
        assert_number("importance without a mask", importance[k], 0.25, 1e-15);
    arena_destroy(&arena);
}

static void a_perfect_sink_and_an_identity(void **state) {
    (void)state;
    enum { T = 8 };
    Arena arena = arena_create("test");
    Visibility *visibility = causal(T, &arena);
    double null_map[T * T], null[T], sink[T * T] = {0}, own[T * T] = {0}, importance[T], ratio;
    uniform_map(visibility, null_map);
    map_importance(visibility, null_map, null);
    for (int i = 0; i < T; i++)
        sink[i * T] = own[i * T + i] = 1;
    MapMeasures measures = measures_into(importance, &arena);
    map_measure(visibility, sink, &measures);
    assert_number("importance", importance[0], 1, 0);
    assert_number("importance of another", importance[3], 0, 0);
    assert_number("entropy", measures.entropy, 0, 0);
    assert_number("argmax", measures.first_token_argmax, 1, 0);
    assert_int_equal(sink_position(visibility, importance, null, &ratio), 0);
    assert_number("ratio", ratio, 1 / null[0], 1e-14);
    map_measure(visibility, own, &measures);
    for (int k = 0; k < T; k++)
        assert_number("importance", importance[k], 1.0 / (T - k), 1e-15);
    assert_number("argmax", measures.first_token_argmax, 0, 0);
    /* the last well-seen key is visible to a quarter: T − k = 2 */
    assert_int_equal(sink_position(visibility, importance, null, &ratio), 6);
    assert_number("ratio", ratio, 0.5 / ((1.0 / 7 + 1.0 / 8) / 2), 1e-13);
    arena_destroy(&arena);
}

/* Rows of another sum, of either sign, or of none: what each key has of its row's |weights|. */
static void shares_do_not_depend_on_what_rows_sum_to(void **state) {
    (void)state;
    enum { T = 4 };
    Arena arena = arena_create("test");
    Visibility *visibility = causal(T, &arena);
    double importance[T], map[T * T] = {0.02, 0,   0,   0,  /* alone in its row */
                                        30,   10,  0,   0,  /* 3/4 */
                                        -1,   0.5, 0.5, 0,  /* 1/2 */
                                        0,    0,   0,   0}; /* nothing: left out */
    MapMeasures measures = measures_into(importance, &arena);
    map_measure(visibility, map, &measures);
    assert_number("importance", importance[0], (0.02 + 30 - 1) / 4, 1e-14);
    assert_number("share", measures.share[0], (1 + 0.75 + 0.5) / 3, 1e-15);
    assert_number("share of key 1", measures.share[1], (0.25 + 0.25) / 2, 1e-15);
    assert_number("share of key 2", measures.share[2], 0.25, 1e-15);
    assert_number("share of a key whose queries have no weight", measures.share[3], NAN, 0);
    assert_number("queries of key 0", measures.queries[0], 3, 0);
    assert_number("queries of key 2", measures.queries[2], 1, 0);
    uniform_map(visibility, map);
    map_measure(visibility, map, &measures);
    assert_number("share of rows that sum to 1", measures.share[0], importance[0], 1e-15);
    const Interval hidden[] = {{1, 2}, {1, 2}};
    map_measure(visibility_from_intervals(hidden, 2, &arena), map, &measures);
    assert_true(isnan(measures.share[0]));
    arena_destroy(&arena);
}

/* Rows that attend to the first key, but of sizes that grow with the query: the raw weights are
   largest on the last well-seen key, the shares on the first. Rows that sum to 1 give the same
   place and ratio both ways. */
static void the_strongest_key_by_weights_and_by_shares(void **state) {
    (void)state;
    enum { T = 8 };
    Arena arena = arena_create("test");
    Visibility *visibility = causal(T, &arena);
    double map[T * T] = {0}, null_map[T * T], null[T], importance[T], ratio, ratio_of_shares;
    uniform_map(visibility, null_map);
    map_importance(visibility, null_map, null);
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < T; i++) {
            double sum = 0;
            for (int j = 0; j <= i; j++)
                sum += map[i * T + j] = exp(-0.3 * j);
            for (int j = 0; j <= i; j++) /* a row below 0 among those of other sizes */
                map[i * T + j] *= (turn > 0 ? 1 : i == 2 ? -9 : pow(3, i)) / sum;
        }
        MapMeasures measures = measures_into(importance, &arena);
        map_measure(visibility, map, &measures);
        int of_shares = sink_position(visibility, measures.share, null, &ratio_of_shares);
        int of_weights = sink_position(visibility, importance, null, &ratio);
        assert_int_equal(of_shares, 0);
        if (turn == 0) {
            assert_int_equal(of_weights, 6);
            continue;
        }
        assert_int_equal(of_weights, 0);
        assert_number("ratio", ratio_of_shares, ratio, 1e-14);
        for (int k = 0; k < T; k++)
            assert_number("share of a row that sums to 1", measures.share[k], importance[k], 1e-15);
    }
    arena_destroy(&arena);
}

/* Random rows, with e^2.5 as much weight for key 5; or the same weights dealt out anew in every
   row. */
static void add_planted(const Visibility *visibility, int sample, bool permuted, double *mean) {
    enum { T = 32, SAMPLES = 20 };
    static double map[T * T];
    double importance[T];
    for (int i = 0; i < T; i++) {
        Random random = random_create(5, RANDOM_TEST, (uint64_t)sample, (uint32_t)i);
        double weights[T], sum = 0;
        uint32_t order[T];
        for (int j = 0; j <= i; j++) {
            weights[j] = exp(random_normal(&random) + (j == 5 ? 2.5 : 0));
            sum += weights[j];
        }
        random_permutation(&random, (size_t)i + 1, order);
        for (int j = 0; j <= i; j++)
            map[i * T + j] = weights[permuted ? (int)order[j] : j] / sum;
    }
    map_importance(visibility, map, importance);
    for (int k = 0; k < T; k++)
        mean[k] += importance[k] / SAMPLES;
}

static void planted_sinks_are_found_and_permuted_ones_are_not(void **state) {
    (void)state;
    enum { T = 32, SAMPLES = 20 };
    Arena arena = arena_create("test");
    const Visibility *visibility = causal(T, &arena);
    static double null_map[T * T];
    double null[T], planted[T] = {0}, permuted[T] = {0}, ratio;
    uniform_map(visibility, null_map);
    map_importance(visibility, null_map, null);
    for (int sample = 0; sample < SAMPLES; sample++) {
        add_planted(visibility, sample, false, planted);
        add_planted(visibility, sample, true, permuted);
    }
    assert_int_equal(sink_position(visibility, planted, null, &ratio), 5);
    if (!(ratio > 3))
        fail_msg("the planted sink has %g times its null", ratio);
    sink_position(visibility, permuted, null, &ratio);
    if (!(ratio < 1.4))
        fail_msg("of permuted weights a key has %g times its null", ratio);
    arena_destroy(&arena);
}

static void short_sequences(void **state) {
    (void)state;
    Arena arena = arena_create("test");
    const double one[1] = {1}, two[4] = {1, 0, 0.75, 0.25};
    double importance[2];
    MapMeasures measures = measures_into(importance, &arena);
    map_measure(causal(1, &arena), one, &measures);
    assert_number("importance of one", importance[0], 1, 0);
    assert_number("entropy of one", measures.entropy, NAN, 0);
    assert_number("total of one", measures.total, NAN, 0);
    assert_number("argmax of one", measures.first_token_argmax, NAN, 0);
    map_measure(causal(2, &arena), two, &measures);
    assert_number("importance of two", importance[0], 0.875, 0);
    assert_number("entropy of two", measures.entropy,
                  -(0.75 * log(0.75) + 0.25 * log(0.25)) / log(2), 1e-15);
    assert_number("argmax of two", measures.first_token_argmax, 1, 0);
    assert_number("norm ratio of one row", first_norm_ratio((const float[]){1, 2}, 1, 2), NAN, 0);
    arena_destroy(&arena);
}

static void rows_that_do_not_sum_to_one(void **state) {
    (void)state;
    Arena arena = arena_create("test");
    const double map[9] = {0.5, 0, 0, 0.25, 0.25, 0, 0, 0, 0};
    double importance[3];
    MapMeasures measures = measures_into(importance, &arena);
    map_measure(causal(3, &arena), map, &measures);
    assert_number("entropy of the row that has weight", measures.entropy, 1, 1e-15);
    assert_number("total", measures.total, 0.25, 1e-15);
    assert_number("argmax", measures.first_token_argmax, 0, 0);
    arena_destroy(&arena);
}

static void heads_by_hand(void **state) {
    (void)state;
    enum { T = 3, D = 2 };
    Arena arena = arena_create("test");
    const float scores[T * T] = {9, -INFINITY, -INFINITY, 5, 1, -INFINITY, 6, 2, 4};
    const float query[T * D] = {1, 1, 0, 3, 2, 0}, key[T * D] = {0, 5, 1, 0, 0, -1};
    HeadMeasures measures = head_measure(causal(T, &arena), scores, query, key, D, &arena);
    assert_number("sink_logit", measures.sink_logit, (4 + 3) / 2.0, 1e-15);
    assert_number("query_key_cosine", measures.query_key_cosine, (1 + 0) / 2.0, 1e-15);
    assert_number("query_key_cosine_other", measures.query_key_cosine_other, (0 + 0.5) / 2, 1e-15);
    const float rows[] = {3, 4, 6, 8, 0, 30};
    assert_number("norm ratio", first_norm_ratio(rows, 3, 2), 5 / 20.0, 1e-15);
    assert_number("norm ratio to nothing", first_norm_ratio((const float[]){3, 4, 0, 0}, 2, 2), NAN,
                  0);
    arena_destroy(&arena);
}

static void updates_by_hand(void **state) {
    (void)state;
    enum { T = 3, D = 2, W = 2 };
    Arena arena = arena_create("test");
    Visibility *visibility = causal(T, &arena);
    const float residual[T * W] = {1, 0, 0, 2, 3, 4}, identity[W * D] = {1, 0, 0, 1};
    const float same[T * D] = {1, 1, 1, 1, 1, 1};
    UpdateMeasures broadcast =
        update_measure(visibility, same, identity, D, residual, NULL, D, W, &arena);
    assert_number("stable rank", broadcast.stable_rank, 1, 1e-12);
    assert_number("norm", broadcast.norm, (sqrt(2) / 2 + sqrt(2) / 5) / 2, 1e-14);
    const float differing[T * D] = {2, 0, 0, 1, 0, 0};
    UpdateMeasures two =
        update_measure(visibility, differing, identity, D, residual, NULL, D, W, &arena);
    assert_number("stable rank", two.stable_rank, 5.0 / 4, 1e-12);
    const float nothing[T * D] = {0};
    UpdateMeasures none =
        update_measure(visibility, nothing, identity, D, residual, NULL, D, W, &arena);
    assert_number("stable rank", none.stable_rank, NAN, 0);
    assert_number("norm", none.norm, 0, 0);
    arena_destroy(&arena);
}

static void residual_streams_by_hand(void **state) {
    (void)state;
    Arena arena = arena_create("test");
    const float orthogonal[9] = {2, 0, 0, 0, 2, 0, 0, 0, -2};
    ResidualMeasures measures = residual_measure(orthogonal, 3, 3, &arena);
    assert_number("peak", measures.peak, 1, 1e-15);
    assert_number("entropy", measures.entropy, 1, 1e-12);
    assert_number("anisotropy", measures.anisotropy, 1.0 / 3, 1e-12);
    assert_number("kurtosis", measures.kurtosis, 1, 1e-14);
    assert_number("massive_ratio", measures.massive_ratio, NAN, 0); /* the median is 0 */
    const float peaked[8] = {1, -40, 1, 1, 1, -1, 1, 1};            /* two rows of four */
    measures = residual_measure(peaked, 2, 4, &arena);
    assert_number("massive_ratio", measures.massive_ratio, 40, 1e-6);
    assert_int_equal(measures.massive_dimension, 1);
    assert_number("peak", measures.peak, sqrt(1603) / 2, 1e-12);
    double one = (1600 + 1) / 2.0, mean = (one + 3) / 4, fourth = (one * one + 3) / 4;
    assert_number("kurtosis", measures.kurtosis, fourth / (mean * mean), 1e-12);
    const float parallel[6] = {1, 2, 3, 2, 4, 6};
    measures = residual_measure(parallel, 2, 3, &arena);
    assert_number("entropy", measures.entropy, 0, 1e-12);
    assert_number("anisotropy", measures.anisotropy, 1, 1e-12);
    arena_destroy(&arena);
}

static void induction_inputs_and_score(void **state) {
    (void)state;
    Arena arena = arena_create("test");
    int32_t tokens[63], others[63];
    assert_int_equal(induction_length(64), 63);
    induction_draw(1, 5, 30, 4, 64, tokens);
    induction_draw(1, 6, 30, 4, 64, others);
    assert_memory_not_equal(tokens, others, sizeof tokens);
    assert_int_equal(tokens[0], 4);
    assert_memory_equal(tokens + 1, tokens + 32, sizeof(int32_t) * 31);
    for (int i = 1; i < 63; i++)
        if (tokens[i] == 4 || tokens[i] < 0 || tokens[i] >= 30)
            fail_msg("token %d is %d", i, tokens[i]);
    enum { T = 7 }; /* BOS a b c a b c */
    double map[T * T] = {0};
    Visibility *visibility = causal(T, &arena);
    map[4 * T + 2] = 1;
    map[5 * T + 3] = 0.5;
    map[6 * T + 4] = 0.25;
    map[3 * T + 1] = 1; /* before the second copy: not counted */
    assert_number("score", induction_score(visibility, map), 1.75 / 3, 1e-15);
    assert_number("of a short block", induction_score(causal(3, &arena), map), NAN, 0);
    arena_destroy(&arena);
}

/* Kernel attention's weights may be below 0: then there is an importance and a total, but no
   entropy, even where another row is a distribution. */
static void weights_below_zero_have_no_entropy(void **state) {
    (void)state;
    Arena arena = arena_create("test");
    const Interval keys[] = {{0, 1}, {0, 2}, {0, 3}};
    const double map[] = {1, 0, 0, 0.25, 0.75, 0, 1.5, -1, 1};
    double importance[3];
    MapMeasures measures = measures_into(importance, &arena);
    map_measure(visibility_from_intervals(keys, 3, &arena), map, &measures);
    assert_number("entropy", measures.entropy, NAN, 0);
    assert_number("total", measures.total, 1.25, 1e-15);
    assert_number("importance of 1", importance[1], -0.125, 1e-15);
    arena_destroy(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uniform_attention_is_its_own_null),
        cmocka_unit_test(a_perfect_sink_and_an_identity),
        cmocka_unit_test(shares_do_not_depend_on_what_rows_sum_to),
        cmocka_unit_test(the_strongest_key_by_weights_and_by_shares),
        cmocka_unit_test(planted_sinks_are_found_and_permuted_ones_are_not),
        cmocka_unit_test(short_sequences),
        cmocka_unit_test(rows_that_do_not_sum_to_one),
        cmocka_unit_test(weights_below_zero_have_no_entropy),
        cmocka_unit_test(heads_by_hand),
        cmocka_unit_test(updates_by_hand),
        cmocka_unit_test(residual_streams_by_hand),
        cmocka_unit_test(induction_inputs_and_score),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
