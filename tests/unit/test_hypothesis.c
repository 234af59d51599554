/* Tests and effect sizes against SciPy's numbers, and what must hold of them: a planted effect is
   found, a permuted one is not, intervals cover the truth. */
#include "analysis/hypothesis.h"
#include "model/base/random.h"
#include "tests/support/numbers.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const double x[12] = {0.1, 0.5, -1.2, 2.2, 0.9, 1.4, -0.3, 0.7, -2.1, 3.3, 0.2, -0.4};
static const double y[12] = {1.0, 0.2, -1.5, 2.2, 2.1, 1.9, 0.3, 0.3, -0.8, 4.0, 0.6, 1.4};

/* scipy.stats.ttest_rel, and brentq over scipy.stats.nct.cdf for the interval. */
static void paired_tests_agree_with_scipy(void **state) {
    (void)state;
    Arena arena = arena_create("test");
    PairedTest test = paired_test(x, y, 12, &arena);
    assert_int_equal(test.count, 12);
    assert_number("mean", test.mean, -0.5333333333333333, 1e-15);
    assert_number("t", test.t, -2.6450469356753326, 1e-13);
    assert_number("p", test.p, 0.022786984865172437, 1e-13);
    assert_number("d", test.effect, -0.7635592801656739, 1e-14);
    assert_number("low", test.low, -1.3981753343528784, 1e-9);
    assert_number("high", test.high, -0.10282806671533985, 1e-9);
    PairedTest back = paired_test(y, x, 12, &arena);
    assert_number("t the other way", back.t, -test.t, 1e-14);
    assert_number("low the other way", back.low, -test.high, 1e-9);
    arena_destroy(&arena);
}

static void paired_tests_that_are_not_defined(void **state) {
    (void)state;
    Arena arena = arena_create("test");
    const double shifted[4] = {1.1, 1.5, -0.2, 3.2}, gaps[4] = {1, NAN, NAN, NAN};
    PairedTest constant = paired_test(x, shifted, 4, &arena);
    assert_number("mean of a constant difference", constant.mean, -1, 1e-15);
    assert_number("its t", constant.t, NAN, 0);
    assert_number("its p", constant.p, NAN, 0);
    assert_number("its effect", constant.effect, NAN, 0);
    PairedTest one = paired_test(x, gaps, 4, &arena);
    assert_int_equal(one.count, 1);
    assert_number("p of one pair", one.p, NAN, 0);
    assert_number("p of none", paired_test(x, y, 0, &arena).p, NAN, 0);
    /* two pairs: the widest interval there is, but an interval */
    PairedTest two = paired_test(x, y, 2, &arena);
    if (!(two.low < two.effect && two.effect < two.high))
        fail_msg("%g is not within %g and %g", two.effect, two.low, two.high);
    arena_destroy(&arena);
}

/* Without noncentrality it is Student's t; the others are scipy.stats.nct.cdf. */
static void noncentral_t_agrees_with_scipy(void **state) {
    (void)state;
    Arena arena = arena_create("test");
    for (int degrees = 1; degrees < 200; degrees = degrees * 3 + 1)
        for (double t = -6; t <= 6; t += 1.5) {
            double upper = student_two_sided(t, degrees) / 2;
            assert_number("Student's t", noncentral_t(t, degrees, 0, &arena),
                          t > 0 ? 1 - upper : upper, 1e-12);
        }
    const double cases[][4] = {
        {1.5, 1, 0.7, 0.627999468608105},   {2, 5, 1.5, 0.6314492472556718},
        {-1, 11, 0.5, 0.07406248258632697}, {8, 11, 6, 0.8222698716789781},
        {12, 63, 10.5, 0.8396736177513232}, {30, 63, 28, 0.7430970590898531},
        {3, 200, 5, 0.023766130188873212},  {0.2, 3, -2, 0.9852906478891639},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        assert_number("noncentral t", noncentral_t(cases[c][0], cases[c][1], cases[c][2], &arena),
                      cases[c][3], 1e-10);
    arena_destroy(&arena);
}

static void holm_by_hand(void **state) {
    (void)state;
    Arena arena = arena_create("test");
    /* ascending .005 ×4, .01 ×3, .03 ×2, .04 ×1: the last may not fall below the one before */
    const double p[5] = {0.01, 0.04, NAN, 0.03, 0.005};
    const double expected[5] = {0.03, 0.06, NAN, 0.06, 0.02};
    double adjusted[5];
    holm_adjust(p, 5, adjusted, &arena);
    for (int i = 0; i < 5; i++)
        assert_number("adjusted p", adjusted[i], expected[i], 1e-15);
    const double large[3] = {0.5, 0.9, 0.4};
    holm_adjust(large, 3, adjusted, &arena);
    for (int i = 0; i < 3; i++)
        assert_number("never above 1", adjusted[i], 1, 0);
    arena_destroy(&arena);
}

static void permuted_p_by_hand(void **state) {
    (void)state;
    Arena arena = arena_create("test");
    const double three[3] = {1, 2, 4}, up[3] = {2, 5, 9}, same[3] = {7, 7, 7};
    /* centred products, in ninths: 96 as they are, −93 the other way round, less for other orders
     */
    assert_number("p of three", correlation_permuted_p(three, up, 3, &arena), 1.0 / 6, 1e-15);
    /* for evenly spaced values both ways are as far from 0 */
    const double even[3] = {1, 2, 3}, odd[3] = {5, 3, 1};
    assert_number("p of even three", correlation_permuted_p(even, odd, 3, &arena), 1.0 / 3, 1e-15);
    assert_number("of a constant", correlation_permuted_p(three, same, 3, &arena), NAN, 0);
    assert_number("of two", correlation_permuted_p(x, y, 2, &arena), NAN, 0);
    assert_number("of too many", correlation_permuted_p(x, y, 9, &arena), NAN, 0);
    assert_number("p of eight", correlation_permuted_p(x, y, 8, &arena), 0.006101190476190476,
                  1e-14);
    arena_destroy(&arena);
}

/* A planted effect is found; signs drawn at random leave one false alarm in twenty. */
static void planted_effects_are_found_and_permuted_ones_are_not(void **state) {
    (void)state;
    enum { N = 16, TRIALS = 400 };
    int planted = 0, permuted = 0, covered = 0;
    for (uint32_t trial = 0; trial < TRIALS; trial++) {
        Arena arena = arena_create("test");
        Random random = random_create(5, RANDOM_TEST, 0, trial);
        double first[N], second[N], left[N], right[N];
        for (int i = 0; i < N; i++) {
            second[i] = random_normal(&random);
            first[i] = second[i] + 1.2 + random_normal(&random);
            int swap = random_uniform(&random) < 0.5;
            left[i] = swap ? second[i] : first[i];
            right[i] = swap ? first[i] : second[i];
        }
        PairedTest test = paired_test(first, second, N, &arena);
        planted += test.p < 0.05;
        covered += test.low <= 1.2 && 1.2 <= test.high;
        permuted += paired_test(left, right, N, &arena).p < 0.05;
        arena_destroy(&arena);
    }
    /* power 0.99; binomial(400, 0.05) is 20 ± 4.4, binomial(400, 0.95) 380 ± 4.4: five of these */
    if (planted < 380 || permuted > 42 || covered < 358)
        fail_msg("of %d: %d planted and %d permuted effects found, %d covered", TRIALS, planted,
                 permuted, covered);
}

/* By hand: variances of 1, so t = −3/√(2/3) with 4 degrees of freedom, of which P(|t| > x) is
   1 − s(1 + (1 − s²)/2) with s = x/√(4 + x²); the bias factor of 4 is Γ(2)/(√2 Γ(3/2)) = √(2/π); of
   20 ways to deal, this and its mirror image are as far. */
static void two_groups_by_hand(void **state) {
    (void)state;
    Arena arena = arena_create("test");
    const double low[3] = {1, 2, 3}, high[5] = {4, NAN, 5, 6, NAN};
    UnpairedTest test = unpaired_test(low, 3, high, 5, &arena);
    assert_int_equal(test.first_count, 3);
    assert_int_equal(test.second_count, 3);
    double t = -3 / sqrt(2.0 / 3), s = -t / sqrt(4 + t * t);
    assert_number("difference", test.difference, -3, 1e-15);
    assert_number("t", test.t, t, 1e-14);
    assert_number("degrees", test.degrees, 4, 1e-13);
    assert_number("p", test.p, 1 - s * (1 + (1 - s * s) / 2), 1e-13);
    assert_number("g", test.effect, -3 * sqrt(2 / 3.141592653589793), 1e-13);
    assert_number("exact p", test.exact_p, 0.1, 1e-15);
    if (!(test.low < test.effect && test.effect < test.high))
        fail_msg("%g is not within %g and %g", test.effect, test.low, test.high);
    UnpairedTest back = unpaired_test(high, 5, low, 3, &arena);
    assert_number("t the other way", back.t, -test.t, 1e-14);
    assert_number("low the other way", back.low, -test.high, 1e-9);
    /* of two and three there are ten ways; {4, 5} is as far from the mean as {1, 2} */
    assert_number("uneven",
                  unpaired_test((double[]){2, 1}, 2, (double[]){3, 5, 4}, 3, &arena).exact_p, 0.2,
                  1e-15);
    /* 1 4 and 2 3 have the same mean: every way is as far */
    assert_number("no difference",
                  unpaired_test((double[]){1, 4}, 2, (double[]){2, 3}, 2, &arena).exact_p, 1, 0);
    arena_destroy(&arena);
}

static void least_exact_p_by_hand(void **state) {
    (void)state;
    assert_number("three and three", unpaired_least_p(3, 3), 0.1, 1e-15);
    assert_number("two and two", unpaired_least_p(2, 2), 1.0 / 3, 1e-15);
    assert_number("two and three", unpaired_least_p(2, 3), 0.1, 1e-15);
    assert_number("five and five", unpaired_least_p(5, 5), 2.0 / 252, 1e-15);
    assert_number("one and one", unpaired_least_p(1, 1), 1, 0);
}

static void two_groups_that_are_not_defined(void **state) {
    (void)state;
    Arena arena = arena_create("test");
    const double same[3] = {0.3, 0.3, 0.3}, other[3] = {0.5, 0.5, 0.5};
    UnpairedTest constant = unpaired_test(same, 3, other, 3, &arena);
    assert_number("difference of constants", constant.difference, -0.2, 1e-15);
    assert_number("their t", constant.t, NAN, 0);
    assert_number("their p", constant.p, NAN, 0);
    assert_number("their effect", constant.effect, NAN, 0);
    assert_number("their exact p", constant.exact_p, 0.1, 1e-15);
    assert_number("of equal ones", unpaired_test(same, 3, same, 3, &arena).exact_p, 1, 0);
    UnpairedTest one = unpaired_test(x, 1, y, 3, &arena);
    assert_number("p of one", one.p, NAN, 0);
    assert_number("exact p of none", unpaired_test(x, 0, y, 3, &arena).exact_p, NAN, 0);
    assert_number("difference of none", unpaired_test(x, 0, y, 3, &arena).difference, NAN, 0);
    assert_number("exact p of too many", unpaired_test(x, 12, y, 12, &arena).exact_p, NAN, 0);
    arena_destroy(&arena);
}

/* Of five and five, planted three deviations apart and not apart. The exact p has steps of 2/252
   and is at most 0.05 in 12 of 252 draws of nothing. */
static void planted_differences_are_found_and_others_are_not(void **state) {
    (void)state;
    enum { N = 5, TRIALS = 400 };
    int planted = 0, welch = 0, exact = 0;
    for (uint32_t trial = 0; trial < TRIALS; trial++) {
        Arena arena = arena_create("test");
        Random random = random_create(7, RANDOM_TEST, 0, trial);
        double first[N], second[N], shifted[N];
        for (int i = 0; i < N; i++) {
            first[i] = random_normal(&random);
            second[i] = random_normal(&random);
            shifted[i] = second[i] + 3;
        }
        UnpairedTest found = unpaired_test(first, N, shifted, N, &arena);
        UnpairedTest nothing = unpaired_test(first, N, second, N, &arena);
        planted += found.p < 0.05 && found.exact_p < 0.05;
        welch += nothing.p < 0.05;
        exact += nothing.exact_p < 0.05;
        arena_destroy(&arena);
    }
    /* power 0.98; binomial(400, 0.05) is 20 ± 4.4 and (400, 12/252) 19 ± 4.3: five of these */
    if (planted < 370 || welch > 42 || exact > 41)
        fail_msg("of %d: %d planted found; of none, %d by Welch's test and %d by the exact one",
                 TRIALS, planted, welch, exact);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paired_tests_agree_with_scipy),
        cmocka_unit_test(paired_tests_that_are_not_defined),
        cmocka_unit_test(noncentral_t_agrees_with_scipy),
        cmocka_unit_test(holm_by_hand),
        cmocka_unit_test(permuted_p_by_hand),
        cmocka_unit_test(planted_effects_are_found_and_permuted_ones_are_not),
        cmocka_unit_test(two_groups_by_hand),
        cmocka_unit_test(least_exact_p_by_hand),
        cmocka_unit_test(two_groups_that_are_not_defined),
        cmocka_unit_test(planted_differences_are_found_and_others_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
