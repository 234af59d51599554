/* Frame types: planted anchors are found, the same weights without them are not, and what locality
   or chance alone makes is no anchor. */
#include "analysis/analysis.h"
#include "analysis/frame_type.h"
#include "model/base/random.h"
#include "tests/support/defaults.h"
#include "tests/support/numbers.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { T = 32 };

typedef struct Scene {
    Arena arena;
    Visibility *visibility;
    FrameOptions options;
    FrameNull *null;
} Scene;

static void scene_create(Scene *scene, bool causal, int length) {
    scene->arena = arena_create("test");
    Interval keys[T];
    for (int i = 0; i < length; i++)
        keys[i] = (Interval){0, causal ? i + 1 : length};
    scene->visibility = visibility_from_intervals(keys, length, &scene->arena);
    KindChoice choice = defaults_kind(&analysis_kinds, "frames");
    memcpy(&scene->options, choice.options.bytes, sizeof scene->options);
    scene->null = frame_null_create(&scene->options, scene->visibility, 11, &scene->arena);
}

static FrameFinding find(Scene *scene, const double *map) {
    FrameFinding finding;
    frame_find(scene->null, &map, 1, &finding, &scene->arena);
    return finding;
}

/* Rows of exp(noise · normal + bonus[j] − slope · |i − j|), normalised over the visible keys. */
static void make_map(const Scene *scene, uint64_t seed, double noise, const double *bonus,
                     double slope, double *map) {
    Random random = random_create(seed, RANDOM_TEST, 0, 0);
    int length = scene->visibility->length;
    memset(map, 0, sizeof(double) * (size_t)(length * length));
    for (int i = 0; i < length; i++) {
        double sum = 0;
        Interval keys = scene->visibility->keys[i];
        for (int j = keys.first; j < keys.end; j++) {
            double extra = bonus == NULL ? 0 : bonus[j];
            map[i * length + j] = exp(noise * random_normal(&random) + extra - slope * abs(i - j));
            sum += map[i * length + j];
        }
        for (int j = keys.first; j < keys.end; j++)
            map[i * length + j] /= sum;
    }
}

static void options_have_the_documented_defaults(void **state) {
    (void)state;
    Scene scene;
    scene_create(&scene, true, T);
    assert_int_equal(scene.options.draws, 200);
    assert_number("anchor_percentile", scene.options.anchor_percentile, 99, 0);
    assert_number("effect_size", scene.options.effect_size, 1.5, 0);
    assert_number("centralized_share", scene.options.centralized_share, 2.0 / 3, 1e-15);
    assert_number("bidirectional_share", scene.options.bidirectional_share, 0.5, 0);
    assert_int_equal(frame_end_size(scene.null), 4);
    arena_destroy(&scene.arena);
}

static void planted_anchors_are_found(void **state) {
    (void)state;
    Scene scene;
    static double map[T * T];
    scene_create(&scene, true, T);
    double one[T] = {[0] = 4}, three[T] = {[0] = 2.5, [5] = 2.5, [11] = 2.5};
    make_map(&scene, 1, 0.5, one, 0, map);
    FrameFinding finding = find(&scene, map);
    assert_int_equal(finding.type, FRAME_CENTRALIZED);
    assert_int_equal(finding.anchors, 1);
    assert_true(finding.is_anchor[0]);
    make_map(&scene, 2, 0.5, three, 0, map);
    finding = find(&scene, map);
    assert_int_equal(finding.type, FRAME_DISTRIBUTED);
    assert_int_equal(finding.anchors, 3);
    assert_true(finding.is_anchor[0] && finding.is_anchor[5] && finding.is_anchor[11]);
    int strongest[8];
    assert_int_equal(frame_strongest(&finding, T, 8, strongest), 3);
    assert_true(finding.importance[strongest[0]] >= finding.importance[strongest[1]] &&
                finding.importance[strongest[1]] >= finding.importance[strongest[2]]);
    arena_destroy(&scene.arena);
}

/* The same weights in a random order within every row. */
static void permute_rows(const Scene *scene, uint64_t seed, double *map) {
    for (int i = 0; i < T; i++) {
        Random random = random_create(seed, RANDOM_TEST, 1, (uint32_t)i);
        Interval keys = scene->visibility->keys[i];
        uint32_t order[T];
        double row[T];
        random_permutation(&random, (size_t)interval_size(keys), order);
        for (int j = 0; j < interval_size(keys); j++)
            row[j] = map[i * T + keys.first + (int)order[j]];
        memcpy(map + i * T + keys.first, row, sizeof(double) * (size_t)interval_size(keys));
    }
}

static void permuted_anchors_are_not_found(void **state) {
    (void)state;
    Scene scene;
    static double map[T * T];
    scene_create(&scene, true, T);
    const double one[T] = {[3] = 4};
    int found = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        make_map(&scene, seed, 0.5, one, 0, map);
        permute_rows(&scene, 100 + seed, map);
        found += find(&scene, map).anchors > 0;
    }
    if (found > 2) /* the percentile alone would pass 1 in 100 */
        fail_msg("%d of 20 permuted maps have anchors", found);
    arena_destroy(&scene.arena);
}

static void locality_and_chance_are_no_anchors(void **state) {
    (void)state;
    const double slopes[] = {0, 0.05, 0.2, 0.5, 1};
    for (int causal = 0; causal < 2; causal++) {
        Scene scene;
        static double map[T * T];
        scene_create(&scene, causal, T);
        for (int s = 0; s < 5; s++)
            for (uint64_t seed = 0; seed < 3; seed++) {
                make_map(&scene, seed, seed == 0 ? 0 : 0.1, NULL, slopes[s], map);
                FrameFinding finding = find(&scene, map);
                if (finding.anchors > 0)
                    fail_msg("slope %g, seed %d, %s: %d anchors", slopes[s], (int)seed,
                             causal ? "causal" : "no mask", finding.anchors);
            }
        uniform_map(scene.visibility, map);
        assert_int_equal(find(&scene, map).type, FRAME_NONE);
        arena_destroy(&scene.arena);
    }
}

static void an_anchor_under_locality_is_found(void **state) {
    (void)state;
    Scene scene;
    static double map[T * T];
    scene_create(&scene, true, T);
    const double one[T] = {[0] = 6};
    make_map(&scene, 4, 0.2, one, 0.2, map);
    FrameFinding finding = find(&scene, map);
    assert_true(finding.is_anchor[0]);
    assert_int_equal(finding.type, FRAME_CENTRALIZED);
    arena_destroy(&scene.arena);
}

static void both_ends_need_the_mask_gone(void **state) {
    (void)state;
    Scene scene;
    static double map[T * T];
    const double ends[T] = {[0] = 4, [T - 1] = 4}, start[T] = {[0] = 3.5, [2] = 3.5};
    scene_create(&scene, false, T);
    make_map(&scene, 5, 0.3, ends, 0, map);
    assert_int_equal(find(&scene, map).type, FRAME_BIDIRECTIONAL);
    FrameFinding finding = find(&scene, map);
    assert_true(fabs(frame_end_dominance(scene.null, &finding)) < 0.05);
    make_map(&scene, 6, 0.3, start, 0, map);
    assert_int_equal(find(&scene, map).type, FRAME_DISTRIBUTED);
    finding = find(&scene, map);
    assert_true(frame_end_dominance(scene.null, &finding) > 0.1);
    arena_destroy(&scene.arena);
    scene_create(&scene, true, T);
    make_map(&scene, 5, 0.3, ends, 0, map);
    assert_int_not_equal(find(&scene, map).type, FRAME_BIDIRECTIONAL);
    arena_destroy(&scene.arena);
}

static void degenerate_maps_have_none(void **state) {
    (void)state;
    static double map[T * T];
    for (int length = 1; length <= 3; length++) {
        Scene scene;
        scene_create(&scene, true, length);
        uniform_map(scene.visibility, map);
        assert_int_equal(find(&scene, map).type, FRAME_NONE);
        memset(map, 0, sizeof map);
        for (int i = 0; i < length; i++)
            map[i * length + i] = 1;
        assert_int_equal(find(&scene, map).type, FRAME_NONE);
        arena_destroy(&scene.arena);
    }
    Scene scene;
    scene_create(&scene, true, T);
    memset(map, 0, sizeof map);
    assert_int_equal(find(&scene, map).type, FRAME_NONE);
    for (int i = 0; i < T; i++) /* every query sees only itself: locality says it all */
        map[i * T + i] = 1;
    assert_int_equal(find(&scene, map).type, FRAME_NONE);
    memset(map, 0, sizeof map);
    for (int i = 0; i < T; i++)
        map[i * T] = 1;
    assert_int_equal(find(&scene, map).type, FRAME_CENTRALIZED);
    assert_true(find(&scene, map).judged);
    map[5 * T + 3] = -0.01; /* as of a linear kernel: shares of it mean nothing */
    assert_false(find(&scene, map).judged);
    assert_int_equal(find(&scene, map).anchors, 0);
    arena_destroy(&scene.arena);
}

static void a_map_is_judged_alone(void **state) {
    (void)state;
    Scene scene;
    enum { MAPS = 6 };
    static double maps[MAPS][T * T];
    const double *pointers[MAPS];
    scene_create(&scene, true, T);
    for (int m = 0; m < MAPS; m++) {
        const double bonus[T] = {[0] = 0.8 * m};
        make_map(&scene, (uint64_t)m, 0.4, bonus, 0, maps[m]);
        pointers[m] = maps[m];
    }
    FrameFinding together[MAPS];
    frame_find(scene.null, pointers, MAPS, together, &scene.arena);
    FrameNull made_anew = *scene.null; /* as where the table of orders would be too large */
    made_anew.orders = NULL;
    for (int m = 0; m < MAPS; m++) {
        FrameFinding alone = find(&scene, maps[m]), anew;
        frame_find(&made_anew, pointers + m, 1, &anew, &scene.arena);
        assert_int_equal(together[m].type, alone.type);
        assert_memory_equal(together[m].z, alone.z, sizeof(double) * T);
        assert_memory_equal(together[m].z, anew.z, sizeof(double) * T);
    }
    assert_int_equal(together[0].type, FRAME_NONE);
    assert_int_equal(together[MAPS - 1].type, FRAME_CENTRALIZED);
    arena_destroy(&scene.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_have_the_documented_defaults),
        cmocka_unit_test(planted_anchors_are_found),
        cmocka_unit_test(permuted_anchors_are_not_found),
        cmocka_unit_test(locality_and_chance_are_no_anchors),
        cmocka_unit_test(an_anchor_under_locality_is_found),
        cmocka_unit_test(both_ends_need_the_mask_gone),
        cmocka_unit_test(degenerate_maps_have_none),
        cmocka_unit_test(a_map_is_judged_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
