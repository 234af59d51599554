/* The random numbers: Random123's known answers, moments, independence of streams, unbiased ranges
   and permutations. Every statistical bound is at least five standard deviations wide, and the
   draws are fixed by their seeds, so a pass is a pass for ever. */
#include "model/base/random.h"
#include "tests/support/compare.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { DRAWS = 200000 };

/* philox4x32-10 of the known-answer file that Random123 is distributed with: counter, key,
   output. */
static void known_answers(void **state) {
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], output[4];
    } answers[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        Random random = {0};
        memcpy(random.counter, answers[i].counter, sizeof random.counter);
        memcpy(random.key, answers[i].key, sizeof random.key);
        for (int word = 0; word < 4; word++)
            assert_int_equal(random_bits(&random), answers[i].output[word]);
    }
}

static void same_name_same_numbers(void **state) {
    (void)state;
    Random first = random_create(7, RANDOM_TEST, 3, 2), second = first;
    for (int i = 0; i < 100; i++)
        assert_int_equal(random_bits(&first), random_bits(&second));
}

static void skipped_words(void **state) {
    (void)state;
    Random one = random_create(7, RANDOM_TEST, 3, 2), other = one;
    for (int i = 0; i < 4 * 1000; i++)
        random_bits(&one);
    random_skip(&other, 1000);
    for (int i = 0; i < 10; i++)
        assert_int_equal(random_bits(&other), random_bits(&one));
}

/* Every part of a name matters, also a seed's and a step's upper half. */
static void names_differ(void **state) {
    (void)state;
    const Random named[] = {random_create(1, RANDOM_TEST, 0, 0),
                            random_create(2, RANDOM_TEST, 0, 0),
                            random_create(1 + (1ull << 32), RANDOM_TEST, 0, 0),
                            random_create(1, RANDOM_NULL, 0, 0),
                            random_create(1, RANDOM_TEST, 1, 0),
                            random_create(1, RANDOM_TEST, 1ull << 32, 0),
                            random_create(1, RANDOM_TEST, 0, 1),
                            random_create(0, RANDOM_TEST, 0, 0),
                            random_create(UINT64_MAX, RANDOM_TEST, 0, 0)};
    enum { COUNT = sizeof named / sizeof named[0] };
    uint64_t seen[COUNT];
    for (int i = 0; i < COUNT; i++) {
        Random random = named[i];
        seen[i] = (uint64_t)random_bits(&random) << 32;
        seen[i] |= random_bits(&random);
        for (int j = 0; j < i; j++)
            if (seen[i] == seen[j])
                fail_msg("names %d and %d give the same numbers, %llx", i, j,
                         (unsigned long long)seen[i]);
    }
}

/* No word of a name's first blocks comes again in another's: counters must not overlap. */
static void items_do_not_overlap(void **state) {
    (void)state;
    Random first = random_create(5, RANDOM_TRAINING, 9, 0);
    uint64_t words[64];
    for (int i = 0; i < 64; i++)
        words[i] = (uint64_t)random_bits(&first) << 32 | random_bits(&first);
    for (uint32_t item = 1; item < 64; item++) {
        Random other = random_create(5, RANDOM_TRAINING, 9, item);
        uint64_t word = (uint64_t)random_bits(&other) << 32 | random_bits(&other);
        for (int i = 0; i < 64; i++)
            if (word == words[i])
                fail_msg("item %u begins where item 0 stands after %d words: %llx", item, 2 * i,
                         (unsigned long long)word);
    }
}

/* Uniform: mean 1/2, variance 1/12; deviations of the estimates are sqrt(1/12n) and
   sqrt(1/180n). */
static void uniform_moments(void **state) {
    (void)state;
    Random random = random_create(11, RANDOM_TEST, 0, 0);
    double sum = 0, squares = 0, lowest = 1, highest = 0;
    for (int i = 0; i < DRAWS; i++) {
        double value = random_uniform(&random);
        sum += value;
        squares += (value - 0.5) * (value - 0.5);
        lowest = fmin(lowest, value);
        highest = fmax(highest, value);
    }
    double mean_bound = 5 * sqrt(1.0 / 12 / DRAWS), variance_bound = 5 * sqrt(1.0 / 180 / DRAWS);
    assert_real_within("mean", sum / DRAWS, 0.5 - mean_bound, 0.5 + mean_bound);
    assert_real_within("variance", squares / DRAWS, 1.0 / 12 - variance_bound,
                       1.0 / 12 + variance_bound);
    assert_real_within("lowest", lowest, 0, 1e-4);
    assert_real_within("highest", highest, 1 - 1e-4, 1 - 0x1p-53);
}

/* Normal: the first four moments 0, 1, 0, 3, with variances of their estimates 1, 2, 15, 96 over
   n. */
static void normal_moments(void **state) {
    (void)state;
    static const double expected[] = {0, 1, 0, 3}, variance[] = {1, 2, 15, 96};
    Random random = random_create(12, RANDOM_TEST, 0, 0);
    double sums[4] = {0};
    for (int i = 0; i < DRAWS; i++) {
        double value = random_normal(&random), power = 1;
        for (int k = 0; k < 4; k++)
            sums[k] += power *= value;
    }
    for (int k = 0; k < 4; k++) {
        double bound = 5 * sqrt(variance[k] / DRAWS);
        assert_real_within("moment", sums[k] / DRAWS, expected[k] - bound, expected[k] + bound);
    }
}

/* Streams, seeds, steps and items next to each other are uncorrelated: |r| below 5/sqrt(n). */
static void neighbours_are_uncorrelated(void **state) {
    (void)state;
    Random pairs[][2] = {
        {random_create(1, RANDOM_TEST, 0, 0), random_create(2, RANDOM_TEST, 0, 0)},
        {random_create(1, RANDOM_TRAINING, 0, 0), random_create(1, RANDOM_PROBE, 0, 0)},
        {random_create(1, RANDOM_TEST, 0, 0), random_create(1, RANDOM_TEST, 1, 0)},
        {random_create(1, RANDOM_TEST, 0, 0), random_create(1, RANDOM_TEST, 0, 1)},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        double sum = 0;
        for (int k = 0; k < DRAWS; k++)
            sum += (random_uniform(&pairs[i][0]) - 0.5) * (random_uniform(&pairs[i][1]) - 0.5);
        double bound = 5 / sqrt(DRAWS);
        assert_real_within("correlation", 12 * sum / DRAWS, -bound, bound);
    }
}

/* Chi-square of cells that are expected to be equal: mean cells − 1, variance twice that. */
static void assert_cells_even(const char *what, const int *cells, int count, int draws) {
    double expected = (double)draws / count, chi_square = 0;
    for (int i = 0; i < count; i++)
        chi_square += (cells[i] - expected) * (cells[i] - expected) / expected;
    double degrees = count - 1;
    assert_real_within(what, chi_square, 0, degrees + 6 * sqrt(2 * degrees));
}

static void below_is_even(void **state) {
    (void)state;
    static const uint32_t counts[] = {1, 2, 3, 7, 65, 100};
    Random random = random_create(13, RANDOM_TEST, 0, 0);
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
        int cells[100] = {0};
        for (int i = 0; i < DRAWS; i++) {
            uint32_t drawn = random_below(&random, counts[c]);
            assert_in_range(drawn, 0, counts[c] - 1);
            cells[drawn]++;
        }
        assert_cells_even("chi-square of random_below", cells, (int)counts[c], DRAWS);
    }
}

/* Three quarters of 2³²: without rejection the lowest of every three values would come twice as
   often, so that value % 3 == 0 would hold for half of the draws and not for a third. */
static void below_rejects(void **state) {
    (void)state;
    Random random = random_create(14, RANDOM_TEST, 0, 0);
    int cells[3] = {0};
    for (int i = 0; i < DRAWS; i++)
        cells[random_below(&random, 3u << 30) % 3]++;
    assert_cells_even("chi-square of a large range modulo 3", cells, 3, DRAWS);
}

/* All 24 orders of four items come equally often, and every item of a long order comes once. */
static void permutations_are_even(void **state) {
    (void)state;
    Random random = random_create(15, RANDOM_TEST, 0, 0);
    int cells[256] = {0}, orders[24], count = 0;
    enum { TIMES = 48000 };
    for (int i = 0; i < TIMES; i++) {
        uint32_t order[4];
        random_permutation(&random, 4, order);
        cells[order[0] << 6 | order[1] << 4 | order[2] << 2 | order[3]]++;
    }
    for (int i = 0; i < 256; i++)
        if (cells[i] > 0) {
            assert_in_range(count, 0, 23);
            orders[count++] = cells[i];
        }
    assert_int_equal(count, 24);
    assert_cells_even("chi-square of the orders of four", orders, 24, TIMES);
    uint32_t long_order[1000];
    char seen[1000] = {0};
    random_permutation(&random, 1000, long_order);
    for (int i = 0; i < 1000; i++) {
        assert_in_range(long_order[i], 0, 999);
        assert_int_equal(seen[long_order[i]]++, 0);
    }
    random_permutation(&random, 0, long_order);
    random_permutation(&random, 1, long_order);
    assert_int_equal(long_order[0], 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),         cmocka_unit_test(same_name_same_numbers),
        cmocka_unit_test(skipped_words),         cmocka_unit_test(names_differ),
        cmocka_unit_test(items_do_not_overlap),  cmocka_unit_test(uniform_moments),
        cmocka_unit_test(normal_moments),        cmocka_unit_test(neighbours_are_uncorrelated),
        cmocka_unit_test(below_is_even),         cmocka_unit_test(below_rejects),
        cmocka_unit_test(permutations_are_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
