/* Learning-rate schedules: warm-up, values at named steps, and what holds for all of them. */
#include "tests/support/compare.h"
#include "tests/support/defaults.h"
#include "train/schedules/schedule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Doubles that go through a handful of operations each. */
static const double tolerance = 1e-14;

static void set_real(KindChoice *choice, const char *name, double value) {
    const Field *field = field_find(&choice->kind->options, name);
    assert_non_null(field);
    memcpy(choice->options.bytes + field->offset, &value, sizeof value);
}

static void assert_rate(const KindChoice *choice, int64_t step, int64_t steps, int64_t warmup,
                        double expected) {
    double rate = schedule_rate(choice, 2, step, steps, warmup);
    if (!(fabs(rate - expected) <= tolerance * 2))
        fail_msg("%s at step %lld of %lld after %lld: %.17g, expected %.17g", choice->kind->name,
                 (long long)step, (long long)steps, (long long)warmup, rate, expected);
}

/* Linear warm-up to the full rate at its last step, then never above it, never below 0, never
   up. */
static void every_schedule_warms_up_and_falls(void **state) {
    (void)state;
    for (size_t k = 0; k < schedule_kinds.count; k++) {
        KindChoice choice = defaults_kind(&schedule_kinds, schedule_kinds.kinds[k]->name);
        for (int64_t step = 1; step <= 20; step++)
            assert_rate(&choice, step, 100, 20, 2.0 * (double)step / 20);
        double before = 2;
        for (int64_t step = 21; step <= 100; step++) {
            double rate = schedule_rate(&choice, 2, step, 100, 20);
            assert_real_within(choice.kind->name, rate, 0, before + tolerance);
            before = rate;
        }
    }
}

static void no_warmup_and_long_warmup(void **state) {
    (void)state;
    for (size_t k = 0; k < schedule_kinds.count; k++) {
        KindChoice choice = defaults_kind(&schedule_kinds, schedule_kinds.kinds[k]->name);
        double first = schedule_rate(&choice, 2, 1, 1000, 0);
        assert_real_within(choice.kind->name, first, 1.99, 2 + tolerance);
        assert_rate(&choice, 5, 5, 50, 0.2);
        assert_rate(&choice, 50, 50, 50, 2);
        assert_real_within(choice.kind->name, schedule_rate(&choice, 2, 1, 1, 0), 0, 2);
    }
}

static void cosine_and_linear_end_at_their_share(void **state) {
    (void)state;
    KindChoice cosine = defaults_kind(&schedule_kinds, "cosine");
    assert_rate(&cosine, 110, 110, 10, 0.2);
    assert_rate(&cosine, 60, 110, 10, 1.1);
    assert_rate(&cosine, 35, 110, 10, 0.2 + 1.8 * 0.5 * (1 + sqrt(0.5)));
    set_real(&cosine, "final", 0);
    assert_rate(&cosine, 110, 110, 10, 0);
    KindChoice linear = defaults_kind(&schedule_kinds, "linear");
    assert_rate(&linear, 110, 110, 10, 0);
    assert_rate(&linear, 35, 110, 10, 1.5);
    set_real(&linear, "final", 0.5);
    assert_rate(&linear, 110, 110, 10, 1);
    assert_rate(&linear, 60, 110, 10, 1.5);
}

static void wsd_is_stable_and_then_decays(void **state) {
    (void)state;
    KindChoice wsd = defaults_kind(&schedule_kinds, "wsd"); /* the last fifth */
    assert_rate(&wsd, 80, 100, 10, 2);
    assert_rate(&wsd, 90, 100, 10, 1);
    assert_rate(&wsd, 95, 100, 10, 0.5);
    assert_rate(&wsd, 100, 100, 10, 0);
    set_real(&wsd, "final", 0.25);
    assert_rate(&wsd, 90, 100, 10, 2 * 0.625);
    const Field *shape = field_find(&wsd.kind->options, "shape");
    int value = 2; /* sqrt */
    memcpy(wsd.options.bytes + shape->offset, &value, sizeof value);
    assert_rate(&wsd, 85, 100, 10, 2 * (0.25 + 0.75 * 0.5));
    value = 1; /* cosine */
    memcpy(wsd.options.bytes + shape->offset, &value, sizeof value);
    assert_rate(&wsd, 90, 100, 10, 2 * 0.625);
    set_real(&wsd, "decay_fraction", 1); /* never into the warm-up */
    assert_rate(&wsd, 10, 100, 10, 2);
    assert_rate(&wsd, 55, 100, 10, 2 * 0.625);
    set_real(&wsd, "decay_fraction", 0);
    assert_rate(&wsd, 100, 100, 10, 2);
}

static void inverse_sqrt_follows_its_source(void **state) {
    (void)state;
    KindChoice choice = defaults_kind(&schedule_kinds, "inverse-sqrt");
    assert_rate(&choice, 40, 1000, 10, 1);
    assert_rate(&choice, 1000, 1000, 10, 0.2);
    assert_rate(&choice, 1, 1000, 0, 2);
    assert_rate(&choice, 4, 1000, 0, 1);
    const Field *timescale = field_find(&choice.kind->options, "timescale");
    int64_t value = 100;
    memcpy(choice.options.bytes + timescale->offset, &value, sizeof value);
    assert_rate(&choice, 310, 1000, 10, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_schedule_warms_up_and_falls),
        cmocka_unit_test(no_warmup_and_long_warmup),
        cmocka_unit_test(cosine_and_linear_end_at_their_share),
        cmocka_unit_test(wsd_is_stable_and_then_decays),
        cmocka_unit_test(inverse_sqrt_follows_its_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
