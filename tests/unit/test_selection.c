/* Which analyses a pass makes and which it takes over: the decision alone. */
#include "analysis/kinds.h"
#include "analysis/selection.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

/* One letter for what became of each: m made, k kept, - neither. */
static void assert_fates(const AnalysisFate *fates, size_t count, const char *expected) {
    char found[16] = "";
    for (size_t i = 0; i < count; i++) {
        assert_false(fates[i].compute && fates[i].keep);
        found[i] = fates[i].compute ? 'm' : fates[i].keep ? 'k' : '-';
    }
    assert_string_equal(found, expected);
}

static const KindOptions no_options;

static AnalysisFate fate(const AnalysisKind *kind, const char *asked, const char *held) {
    return (AnalysisFate){
        .kind = kind, .options = asked == NULL ? NULL : &no_options, .asked = asked, .held = held};
}

static void test_nothing_held(void **state) {
    (void)state;
    AnalysisFate fates[] = {fate(&sinks_analysis, "s", NULL), fate(&emergence_analysis, "e", NULL)};
    analyses_decide(fates, 2, false);
    assert_fates(fates, 2, "mm");
    assert_true(analyses_any_computed(fates, 2, false));
}

static void test_all_held(void **state) {
    (void)state;
    AnalysisFate fates[] = {fate(&sinks_analysis, "s", "s"), fate(&topology_analysis, NULL, "t"),
                            fate(&emergence_analysis, "e", "e")};
    analyses_decide(fates, 3, false);
    assert_fates(fates, 3, "kkk");
    assert_false(analyses_any_computed(fates, 3, false));
}

/* Other options: that one anew, and what is made from all of them. */
static void test_other_options(void **state) {
    (void)state;
    AnalysisFate fates[] = {fate(&emergence_analysis, "e", "e"), fate(&sinks_analysis, "s", "s"),
                            fate(&frames_analysis, "f2", "f1"),
                            fate(&topology_analysis, NULL, "t")};
    analyses_decide(fates, 4, false);
    assert_fates(fates, 4, "mkmk");
}

static void test_only(void **state) {
    (void)state;
    AnalysisFate fates[] = {fate(&topology_analysis, "t", NULL), fate(&sinks_analysis, NULL, "s"),
                            fate(&emergence_analysis, NULL, "e"),
                            fate(&frames_analysis, NULL, "f")};
    analyses_decide(fates, 4, true);
    assert_fates(fates, 4, "mkmk");
    AnalysisFate again[] = {fate(&topology_analysis, "t", "t"), fate(&sinks_analysis, NULL, "s")};
    analyses_decide(again, 2, true);
    assert_fates(again, 2, "mk");
}

/* Emergence alone leaves the others as they are, and needs no snapshot. */
static void test_only_over_steps(void **state) {
    (void)state;
    AnalysisFate fates[] = {fate(&emergence_analysis, "e", NULL), fate(&sinks_analysis, NULL, "s")};
    analyses_decide(fates, 2, true);
    assert_fates(fates, 2, "mk");
    assert_true(analyses_any_computed(fates, 2, false));
    assert_false(analyses_any_computed(fates, 2, true));
}

/* What the file will say that it holds: options as held where it is kept, as asked for where
   not. */
static void test_descriptions(void **state) {
    (void)state;
    Arena arena = arena_create("test");
    AnalysisFate fates[] = {fate(&topology_analysis, "t2", "t1"), fate(&sinks_analysis, "s2", "s1"),
                            fate(&emergence_analysis, NULL, "e"),
                            fate(&values_analysis, "v", NULL)};
    fates[0].compute = fates[2].compute = fates[1].keep = true;
    assert_string_equal(analyses_describe(fates, 4, &arena), "t2, s1, e");
    arena_destroy(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_held),    cmocka_unit_test(test_all_held),
        cmocka_unit_test(test_other_options),   cmocka_unit_test(test_only),
        cmocka_unit_test(test_only_over_steps), cmocka_unit_test(test_descriptions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
