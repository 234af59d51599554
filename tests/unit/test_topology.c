/* Persistent homology: against the reduction of the full boundary matrix, and on graphs whose
   answer is known by hand; the published measurement and its blindness under a causal mask. */
#include "analysis/topology.h"
#include "model/base/random.h"
#include "tests/support/numbers.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    LARGEST = 80,
    NAIVE = 11,
    SIMPLICES = NAIVE + NAIVE * (NAIVE - 1) / 2 + NAIVE * (NAIVE - 1) * (NAIVE - 2) / 6
};

/* ---- The plain algorithm --------------------------------------------------------------------- */

/* A simplex as a set of points. */
typedef struct Simplex {
    double value;
    int dimension;
    unsigned points;
} Simplex;

typedef struct Naive {
    Simplex simplices[SIMPLICES];
    bool column[SIMPLICES][SIMPLICES];
    int count;
    Barcode codes[HOMOLOGY_DIMENSIONS];
    Bar bars[HOMOLOGY_DIMENSIONS][SIMPLICES];
} Naive;

static int compare_simplices(const void *a, const void *b) {
    const Simplex *first = a, *second = b;
    if (first->value != second->value)
        return first->value < second->value ? -1 : 1;
    if (first->dimension != second->dimension)
        return first->dimension - second->dimension;
    return (first->points > second->points) - (first->points < second->points);
}

/* The latest of its edges and points. */
static double value_of(unsigned points, const double *distance, const double *births, int size) {
    double value = -INFINITY;
    for (int i = 0; i < size; i++)
        for (int j = i; j < size; j++)
            if (points >> i & 1 && points >> j & 1) {
                double here = i == j ? births[i] : distance[i * size + j];
                value = here > value ? here : value;
            }
    return value;
}

static void naive_fill(Naive *naive, const double *distance, const double *births, int size) {
    naive->count = 0;
    for (unsigned points = 1; points < 1u << size; points++) {
        int dimension = __builtin_popcount(points) - 1;
        double value = value_of(points, distance, births, size);
        if (dimension <= 2 && value < INFINITY)
            naive->simplices[naive->count++] = (Simplex){value, dimension, points};
    }
    qsort(naive->simplices, (size_t)naive->count, sizeof(Simplex), compare_simplices);
    for (int column = 0; column < naive->count; column++)
        for (int row = 0; row < naive->count; row++) {
            const Simplex *face = naive->simplices + row, *coface = naive->simplices + column;
            naive->column[column][row] =
                face->dimension == coface->dimension - 1 && (face->points & ~coface->points) == 0;
        }
}

static int low(const bool *column, int count) {
    int row = count - 1;
    while (row >= 0 && !column[row])
        row--;
    return row;
}

static void naive_add(Naive *naive, int creator, double death) {
    const Simplex *simplex = naive->simplices + creator;
    Barcode *code = naive->codes + simplex->dimension;
    if (death > simplex->value)
        code->bars[code->count++] = (Bar){simplex->value, death};
}

/* The standard reduction: add earlier columns of the same lowest row until there is none. */
static void naive_reduce(Naive *naive) {
    int owner[SIMPLICES];
    bool paired[SIMPLICES] = {false}, zero[SIMPLICES] = {false};
    for (int d = 0; d < HOMOLOGY_DIMENSIONS; d++)
        naive->codes[d] = (Barcode){naive->bars[d], 0};
    for (int row = 0; row < naive->count; row++)
        owner[row] = -1;
    for (int column = 0; column < naive->count; column++) {
        int row;
        while ((row = low(naive->column[column], naive->count)) >= 0 && owner[row] >= 0)
            for (int i = 0; i < naive->count; i++)
                naive->column[column][i] ^= naive->column[owner[row]][i];
        zero[column] = row < 0;
        if (row < 0)
            continue;
        owner[row] = column;
        paired[row] = true;
        naive_add(naive, row, naive->simplices[column].value);
    }
    for (int column = 0; column < naive->count; column++)
        if (zero[column] && !paired[column] && naive->simplices[column].dimension < 2)
            naive_add(naive, column, INFINITY);
}

static int compare_bars(const void *a, const void *b) {
    const Bar *first = a, *second = b;
    if (first->birth != second->birth)
        return first->birth < second->birth ? -1 : 1;
    return (first->death > second->death) - (first->death < second->death);
}

static void assert_same_bars(const char *what, int dimension, Barcode actual, Barcode expected) {
    qsort(actual.bars, (size_t)actual.count, sizeof(Bar), compare_bars);
    qsort(expected.bars, (size_t)expected.count, sizeof(Bar), compare_bars);
    if (actual.count != expected.count)
        fail_msg("%s: %d bars in dimension %d, expected %d", what, actual.count, dimension,
                 expected.count);
    for (int i = 0; i < actual.count; i++)
        if (actual.bars[i].birth != expected.bars[i].birth ||
            actual.bars[i].death != expected.bars[i].death)
            fail_msg("%s: bar %d in dimension %d is [%.17g, %.17g), expected [%.17g, %.17g)", what,
                     i, dimension, actual.bars[i].birth, actual.bars[i].death,
                     expected.bars[i].birth, expected.bars[i].death);
}

/* Random distances; levels > 0: only that many different ones, so that many tie; missing: this
   share of the edges is not there. */
static void draw_distances(uint32_t item, int size, int levels, double missing, double *distance) {
    Random random = random_create(5, RANDOM_TEST, 0, item);
    for (int i = 0; i < size; i++)
        for (int j = i + 1; j < size; j++) {
            double value = 0.5 + random_uniform(&random);
            if (levels > 0)
                value = 0.5 + random_below(&random, (uint32_t)levels);
            distance[i * size + j] = random_uniform(&random) < missing ? INFINITY : value;
        }
}

static void bars_are_those_of_the_full_reduction(void **state) {
    (void)state;
    Naive *naive = calloc(1, sizeof *naive);
    Arena arena = arena_create("test");
    int loops = 0, endless = 0;
    for (uint32_t item = 0; item < 60; item++) {
        int size = 1 + (int)(item % NAIVE), levels = (int)(item % 4);
        double distance[NAIVE * NAIVE] = {0}, births[NAIVE] = {0}, missing = item % 3 * 0.15;
        draw_distances(item, size, levels, missing, distance);
        Random random = random_create(6, RANDOM_TEST, 0, item);
        for (int i = 0; i < size && item % 2 == 1; i++)
            births[i] = 0.5 * random_uniform(&random);
        naive_fill(naive, distance, births, size);
        naive_reduce(naive);
        Persistence fast = rips_persistence(distance, item % 2 == 1 ? births : NULL, size, &arena);
        char what[64];
        snprintf(what, sizeof what, "case %u, %d points", (unsigned)item, size);
        for (int d = 0; d < HOMOLOGY_DIMENSIONS; d++)
            assert_same_bars(what, d, fast.dimension[d], naive->codes[d]);
        loops += fast.dimension[1].count;
        for (int i = 0; i < fast.dimension[1].count; i++)
            endless += fast.dimension[1].bars[i].death == INFINITY;
        arena_destroy(&arena);
    }
    if (loops < 20 || endless < 3) /* otherwise the comparison says little */
        fail_msg("%d loops, %d of them endless, in all cases", loops, endless);
    free(naive);
}

/* ---- Known by hand --------------------------------------------------------------------------- */

typedef struct Scene {
    Arena arena;
    int size;
    double map[LARGEST * LARGEST];
} Scene;

static void scene_create(Scene *scene, int size) {
    *scene = (Scene){.arena = arena_create("test"), .size = size};
}

static void connect(Scene *scene, int query, int key, double weight) {
    scene->map[query * scene->size + key] = weight;
}

static TopologyMeasures measure(Scene *scene) {
    return topology_measure(scene->map, scene->size, &scene->arena);
}

/* Eight positions in a ring of weights 0.5: it closes at distance 0.5 and, as nothing else is
   connected, fills at distance 1. */
static void a_ring_is_one_loop(void **state) {
    (void)state;
    Scene scene;
    scene_create(&scene, 8);
    for (int i = 0; i < 8; i++)
        connect(&scene, i, (i + 1) % 8, 0.5);
    TopologyMeasures measures = measure(&scene);
    for (int t = 0; t < GRAPH_THRESHOLDS; t++) {
        assert_number("components of a ring", measures.betti[0][t], 1, 0);
        assert_number("loops of a ring", measures.betti[1][t], 1, 0);
    }
    assert_number("the loop's length", measures.bars[1].mean, 0.5, 1e-15);
    assert_number("the longest loop", measures.bars[1].largest, 0.5, 1e-15);
    assert_number("one loop's entropy", measures.bars[1].entropy, 0, 0);
    assert_number("components join at", measures.bars[0].mean, 0.5, 1e-15);
    assert_number("seven equal bars", measures.bars[0].entropy, log(7), 1e-12);
    arena_destroy(&scene.arena);
}

/* Four positions in a ring of weights 0.9, its diagonals of 0.3: one bar from 0.1 to 0.7. */
static void a_square_is_filled_by_its_diagonal(void **state) {
    (void)state;
    Scene scene;
    scene_create(&scene, 4);
    for (int i = 0; i < 4; i++) {
        connect(&scene, i, (i + 1) % 4, 0.9);
        connect(&scene, i, (i + 2) % 4, 0.3);
    }
    TopologyMeasures measures = measure(&scene);
    assert_number("the loop's length", measures.bars[1].largest, 0.6, 1e-15);
    for (int t = 0; t < GRAPH_THRESHOLDS; t++) /* r = 0.8 and more: filled */
        assert_number("loops", measures.betti[1][t], 0, 0);
    arena_destroy(&scene.arena);
}

static void a_star_has_no_loop(void **state) {
    (void)state;
    Scene scene;
    scene_create(&scene, 10);
    for (int i = 0; i < 10; i++)
        connect(&scene, i, 0, 1);
    TopologyMeasures measures = measure(&scene);
    for (int t = 0; t < GRAPH_THRESHOLDS; t++) {
        assert_number("components of a star", measures.betti[0][t], 1, 0);
        assert_number("loops of a star", measures.betti[1][t], 0, 0);
    }
    assert_number("joined at distance 0", measures.bars[0].mean, NAN, 0);
    assert_number("no loop", measures.bars[1].mean, NAN, 0);
    arena_destroy(&scene.arena);
}

/* Two triangles of weight 0.4 with 0.03 between them: two components above τ = 0.03. */
static void parts_stay_apart_until_they_meet(void **state) {
    (void)state;
    Scene scene;
    scene_create(&scene, 6);
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < i; j++)
            connect(&scene, i, j, i / 3 == j / 3 ? 0.4 : 0.03);
    TopologyMeasures measures = measure(&scene);
    for (int t = 0; t < GRAPH_THRESHOLDS; t++)
        assert_number("components", measures.betti[0][t], graph_thresholds[t] > 0.03 ? 2 : 1, 0);
    const double expected = -(4 * 0.6 / 3.37 * log(0.6 / 3.37) + 0.97 / 3.37 * log(0.97 / 3.37));
    assert_number("mean length", measures.bars[0].mean, 3.37 / 5, 1e-15);
    assert_number("longest", measures.bars[0].largest, 0.97, 1e-15);
    assert_number("entropy", measures.bars[0].entropy, expected, 1e-12);
    arena_destroy(&scene.arena);
}

/* Attention of every position to itself alone: nothing is connected before distance 1. */
static void the_identity_is_dust(void **state) {
    (void)state;
    Scene scene;
    scene_create(&scene, LARGEST);
    for (int i = 0; i < LARGEST; i++)
        connect(&scene, i, i, 1);
    TopologyMeasures measures = measure(&scene);
    for (int t = 0; t < GRAPH_THRESHOLDS; t++) {
        assert_number("components", measures.betti[0][t], LARGEST, 0);
        assert_number("loops", measures.betti[1][t], 0, 0);
    }
    assert_number("mean length", measures.bars[0].mean, 1, 0);
    assert_number("no loop", measures.bars[1].mean, NAN, 0);
    arena_destroy(&scene.arena);
}

/* Uniform causal attention: distance 1 − 1/(i + 1) of position i to every earlier one, so
   i joins at r = 1 − 1/(i + 1): at τ, those with 1/(i + 1) ≥ τ are joined. */
static void uniform_causal_attention(void **state) {
    (void)state;
    Scene scene;
    scene_create(&scene, 64);
    double sum = 0;
    for (int i = 0; i < 64; i++) {
        for (int j = 0; j <= i; j++)
            connect(&scene, i, j, 1.0 / (i + 1));
        sum += i > 0 ? 1 - 1.0 / (i + 1) : 0;
    }
    const double components[GRAPH_THRESHOLDS] = {1, 1, 1, 15, 45, 55, 60};
    TopologyMeasures measures = measure(&scene);
    for (int t = 0; t < GRAPH_THRESHOLDS; t++) {
        assert_number("components", measures.betti[0][t], components[t], 0);
        assert_number("loops", measures.betti[1][t], 0, 0);
    }
    assert_number("mean length", measures.bars[0].mean, sum / 63, 1e-14);
    arena_destroy(&scene.arena);
}

/* Complete bipartite on 40 + 40 positions: (40 − 1)² loops at once, more than many words hold. */
static void many_loops_at_once(void **state) {
    (void)state;
    Scene scene;
    scene_create(&scene, 80);
    for (int i = 0; i < 80; i++)
        for (int j = 0; j < 80; j++)
            connect(&scene, i, j, i / 40 != j / 40 ? 0.5 : 0.15);
    TopologyMeasures measures = measure(&scene);
    assert_number("loops at 0.8", measures.betti[1][GRAPH_THRESHOLDS - 1], 39 * 39, 0);
    assert_number("loops at 0.9", measures.betti[1][GRAPH_THRESHOLDS - 2], 0, 0);
    assert_number("mean length", measures.bars[1].mean, 0.35, 1e-12);
    assert_number("entropy", measures.bars[1].entropy, log(39 * 39), 1e-9);
    arena_destroy(&scene.arena);
}

static void draw_map(Scene *scene, uint32_t item) {
    Random random = random_create(8, RANDOM_TEST, 0, item);
    for (int i = 0; i < scene->size; i++) {
        double sum = 0;
        for (int j = 0; j < scene->size; j++)
            sum += scene->map[i * scene->size + j] = exp(3 * random_normal(&random));
        for (int j = 0; j < scene->size; j++)
            scene->map[i * scene->size + j] /= sum;
    }
}

static void the_order_of_positions_is_nothing(void **state) {
    (void)state;
    Scene scene, mixed;
    scene_create(&scene, 70); /* more than a word of neighbours */
    scene_create(&mixed, 70);
    uint32_t order[70];
    Random random = random_create(9, RANDOM_TEST, 0, 0);
    random_permutation(&random, 70, order);
    draw_map(&scene, 1);
    for (int i = 0; i < 70; i++)
        for (int j = 0; j < 70; j++)
            mixed.map[i * 70 + j] = scene.map[(int)order[i] * 70 + (int)order[j]];
    TopologyMeasures first = measure(&scene), second = measure(&mixed);
    assert_true(first.bars[1].mean > 0);
    for (int d = 0; d < HOMOLOGY_DIMENSIONS; d++) {
        for (int t = 0; t < GRAPH_THRESHOLDS; t++)
            assert_number("betti", second.betti[d][t], first.betti[d][t], 0);
        assert_number("mean", second.bars[d].mean, first.bars[d].mean, 1e-13);
        assert_number("largest", second.bars[d].largest, first.bars[d].largest, 0);
        assert_number("entropy", second.bars[d].entropy, first.bars[d].entropy, 1e-12);
    }
    arena_destroy(&scene.arena);
    arena_destroy(&mixed.arena);
}

/* A scale within 1e-6 of a bar's end is that end: born there counts, dead there does not. */
static void a_tie_with_the_scale(void **state) {
    (void)state;
    Bar bars[] = {{0.5, 1}, {0, 0.5}};
    const Barcode code = {bars, 2};
    assert_int_equal(betti_number(&code, 0.5), 1);
    assert_int_equal(betti_number(&code, 0.5 * (1 - 0.9e-6)), 1);
    assert_int_equal(betti_number(&code, 0.5 * (1 + 0.9e-6)), 1);
    assert_int_equal(betti_number(&code, 0.4999), 1); /* the other one */
    bars[1].death = 0.4;
    assert_int_equal(betti_number(&code, 0.4999), 0);
    assert_int_equal(betti_number(&code, 0.5 * (1 - 0.9e-6)), 1);
}

/* ---- As published ---------------------------------------------------------------------------- */

static void a_causal_mask_blinds_the_published_one(void **state) {
    (void)state;
    const int sizes[] = {2, 12, 30, 31, 64};
    for (int s = 0; s < 5; s++) {
        Scene scene;
        int size = sizes[s], count = size < 30 ? size : 30;
        scene_create(&scene, size);
        draw_map(&scene, (uint32_t)s);
        for (int i = 0; i < size; i++)
            for (int j = i + 1; j < size; j++)
                connect(&scene, i, j, 0);
        connect(&scene, 0, 0, 1);
        double sum = 0;
        for (int i = 1; i < count; i++) {
            int place = size <= 30 ? i : i * (size - 1) / 29;
            sum += scene.map[place * size + place];
        }
        PublishedTopology published = topology_measure_published(scene.map, size, &scene.arena);
        assert_number("components", published.betti[0], count, 0);
        assert_number("loops", published.betti[1], 0, 0);
        assert_number("no loop", published.bars[1].mean, NAN, 0);
        if (size > 12) /* all diagonal entries but the first, in single precision */
            assert_number("mean of the diagonal", published.bars[0].mean, sum / (count - 1), 1e-3);
        arena_destroy(&scene.arena);
    }
}

static void published_details(void **state) {
    (void)state;
    Scene scene;
    scene_create(&scene, 5); /* position 3 does not look at itself: its bar has no length */
    for (int i = 0; i < 5; i++)
        connect(&scene, i, i, 1.0 / (1 << i));
    connect(&scene, 3, 3, 0);
    PublishedTopology published = topology_measure_published(scene.map, 5, &scene.arena);
    assert_number("components", published.betti[0], 4, 0);
    assert_number("mean", published.bars[0].mean, (0.5 + 0.25 + 0.0625) / 3, 1e-15);
    assert_number("largest", published.bars[0].largest, 0.5, 1e-15);
    /* Only the upper triangle is read: the same ring is a loop there, and none below. */
    Scene ring;
    scene_create(&ring, 6);
    for (int i = 0; i < 6; i++)
        connect(&ring, i < 5 ? i : 0, i < 5 ? i + 1 : 5, 0.5);
    published = topology_measure_published(ring.map, 6, &ring.arena);
    assert_number("a loop above the diagonal", published.betti[1], 1, 0);
    assert_number("all born after they are joined", published.betti[0], 1, 0);
    for (int i = 0; i < 6; i++)
        for (int j = i + 1; j < 6; j++) {
            ring.map[j * 6 + i] = ring.map[i * 6 + j];
            ring.map[i * 6 + j] = 0;
        }
    published = topology_measure_published(ring.map, 6, &ring.arena);
    assert_number("no loop below the diagonal", published.betti[1], 0, 0);
    arena_destroy(&scene.arena);
    arena_destroy(&ring.arena);
}

static void degenerate_maps(void **state) {
    (void)state;
    Scene scene;
    scene_create(&scene, 1);
    connect(&scene, 0, 0, 1);
    TopologyMeasures measures = measure(&scene);
    PublishedTopology published = topology_measure_published(scene.map, 1, &scene.arena);
    assert_number("one position", measures.betti[0][0], 1, 0);
    assert_number("one position, loops", measures.betti[1][0], 0, 0);
    assert_number("no finite bar", measures.bars[0].mean, NAN, 0);
    assert_number("one position, published", published.betti[0], 1, 0);
    arena_destroy(&scene.arena);
    scene_create(&scene, 3);
    connect(&scene, 1, 0, NAN);
    measures = measure(&scene);
    published = topology_measure_published(scene.map, 3, &scene.arena);
    assert_number("not finite", measures.betti[0][0], NAN, 0);
    assert_number("not finite", measures.bars[0].mean, NAN, 0);
    assert_number("not finite, published", published.betti[1], NAN, 0);
    arena_destroy(&scene.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bars_are_those_of_the_full_reduction),
        cmocka_unit_test(a_ring_is_one_loop),
        cmocka_unit_test(a_square_is_filled_by_its_diagonal),
        cmocka_unit_test(a_star_has_no_loop),
        cmocka_unit_test(parts_stay_apart_until_they_meet),
        cmocka_unit_test(the_identity_is_dust),
        cmocka_unit_test(uniform_causal_attention),
        cmocka_unit_test(many_loops_at_once),
        cmocka_unit_test(the_order_of_positions_is_nothing),
        cmocka_unit_test(a_tie_with_the_scale),
        cmocka_unit_test(a_causal_mask_blinds_the_published_one),
        cmocka_unit_test(published_details),
        cmocka_unit_test(degenerate_maps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
