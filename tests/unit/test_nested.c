/* The two-level bootstrap: its means by hand, its variance from theory, and few groups. */
#include "analysis/nested.h"
#include "tests/support/numbers.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* Three columns: all defined, one member missing, one group missing. */
static void means_over_groups_of_means_over_members(void **state) {
    (void)state;
    Arena arena = arena_create("test");
    const double one[2][3] = {{1, 2, NAN}, {3, NAN, NAN}}, two[1][3] = {{6, 8, 5}};
    const NestedGroup groups[] = {{&one[0][0], 2}, {&two[0][0], 1}};
    const Nested nested = nested_create(groups, 2, 3, &arena);
    double means[3], drawn[3];
    nested_means(&nested, NULL, means);
    assert_number("all defined", means[0], 4, 0);
    assert_number("a member missing", means[1], 5, 0);
    assert_number("a group missing", means[2], 5, 0);
    int first_alone = 0;
    for (uint32_t draw = 0; draw < 400; draw++) {
        Random random = random_create(1, RANDOM_TEST, 0, draw);
        nested_means(&nested, &random, drawn);
        if (!(drawn[0] >= 1 && drawn[0] <= 6))
            fail_msg("a drawn mean of %g", drawn[0]);
        first_alone += isnan(drawn[2]);
    }
    /* the first group twice: one draw in four, 100 ± 8.7 */
    if (abs(first_alone - 100) > 44)
        fail_msg("in %d of 400 draws only the first group", first_alone);
    arena_destroy(&arena);
}

/* Of a two-level bootstrap the mean's variance is that of the groups' means over groups plus the
   mean variance within over groups · members (population variances; Davison and Hinkley, Bootstrap
   methods and their application, section 3.8). */
static void nested_bootstrap_has_its_variance(void **state) {
    (void)state;
    enum { GROUPS = 6, MEMBERS = 40, RESAMPLES = 20000 };
    static double values[GROUPS * MEMBERS];
    Random random = random_create(6, RANDOM_TEST, 0, 0);
    double means[GROUPS] = {0}, within = 0, between = 0, mean = 0;
    for (int group = 0; group < GROUPS; group++) {
        double shift = random_normal(&random);
        for (int i = 0; i < MEMBERS; i++) {
            values[group * MEMBERS + i] = shift + 2 * random_normal(&random);
            means[group] += values[group * MEMBERS + i] / MEMBERS;
        }
        mean += means[group] / GROUPS;
    }
    for (int group = 0; group < GROUPS; group++) {
        between += pow(means[group] - mean, 2) / GROUPS;
        for (int i = 0; i < MEMBERS; i++)
            within += pow(values[group * MEMBERS + i] - means[group], 2) / (GROUPS * MEMBERS);
    }
    double deviation = sqrt(between / GROUPS + within / (GROUPS * MEMBERS));
    Arena arena = arena_create("test");
    Estimate estimate = estimate_nested(values, GROUPS, MEMBERS, RESAMPLES, 1, &arena);
    assert_number("mean", estimate.mean, mean, 1e-13);
    assert_number("deviation", estimate.deviation, sqrt(between * GROUPS / (GROUPS - 1)), 1e-13);
    assert_int_equal(estimate.count, GROUPS);
    /* nearly normal: 3.92 deviations wide, to 5 % (quantiles of 20,000 draws: 1 %; six groups are
       lighter in the tails) */
    assert_number("width", estimate.high - estimate.low, 3.92 * deviation, 0.05 * 3.92 * deviation);
    Estimate again = estimate_nested(values, GROUPS, MEMBERS, RESAMPLES, 1, &arena);
    assert_number("the same again", again.low, estimate.low, 0);
    arena_destroy(&arena);
}

static void nested_bootstrap_of_few(void **state) {
    (void)state;
    Arena arena = arena_create("test");
    const double one[6] = {1, 2, NAN, NAN, NAN, NAN}, two[6] = {1, 1, NAN, 3, NAN, NAN};
    Estimate single = estimate_nested(one, 2, 3, 100, 1, &arena);
    assert_number("mean of one group", single.mean, 1.5, 0);
    assert_int_equal(single.count, 1);
    assert_number("its interval", single.low, NAN, 0);
    Estimate pair = estimate_nested(two, 2, 3, 1000, 1, &arena);
    assert_number("mean of two groups", pair.mean, 2, 0);
    assert_number("low", pair.low, 1, 0);
    assert_number("high", pair.high, 3, 0);
    assert_number("of nothing", estimate_nested(one + 2, 2, 2, 10, 1, &arena).mean, NAN, 0);
    arena_destroy(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(means_over_groups_of_means_over_members),
        cmocka_unit_test(nested_bootstrap_has_its_variance),
        cmocka_unit_test(nested_bootstrap_of_few),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
