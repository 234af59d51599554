/* What a layer does and whether attention follows the states: principal components against known
   ones, maps and states made by hand, invariances. */
#include "analysis/components.h"
#include "analysis/symmetric.h"
#include "analysis/values.h"
#include "model/base/random.h"
#include "tests/support/numbers.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { T = 16, WIDTH = 6, LARGEST = 32 };

static Visibility *make_visibility(int length, bool causal, Arena *arena) {
    Interval keys[LARGEST];
    for (int i = 0; i < length; i++)
        keys[i] = (Interval){0, causal ? i + 1 : length};
    return visibility_from_intervals(keys, length, arena);
}

static ValueMeasures measure(const double *map, int length, bool causal, const float *before,
                             const float *after, int width) {
    Arena arena = arena_create("test");
    ValueMeasures measures =
        values_measure(make_visibility(length, causal, &arena), map, before, after, width, &arena);
    arena_destroy(&arena);
    return measures;
}

static void random_states(uint32_t seed, size_t count, float *states) {
    Random random = random_create(15, RANDOM_TEST, 0, seed);
    for (size_t i = 0; i < count; i++)
        states[i] = (float)random_normal(&random);
}

/* Rows of exp(sharpness · drawn), normalised over what is visible. */
static void random_map(uint32_t seed, int length, bool causal, double *map) {
    Random random = random_create(16, RANDOM_TEST, 0, seed);
    memset(map, 0, sizeof *map * (size_t)(length * length));
    for (int i = 0; i < length; i++) {
        int visible = causal ? i + 1 : length;
        double sum = 0;
        for (int j = 0; j < visible; j++)
            sum += map[i * length + j] = exp(random_normal(&random));
        for (int j = 0; j < visible; j++)
            map[i * length + j] /= sum;
    }
}

/* ---- Eigenvectors ---------------------------------------------------------------------------- */

enum { EIGEN_LARGEST = 48 };

/* A v = λ v, vᵀv = 1, vᵀw = 0, the values in order and those of the whole spectrum. */
static void assert_eigenpairs(const char *what, const double *matrix, int n, int first, int last) {
    static double copy[EIGEN_LARGEST * EIGEN_LARGEST], vectors[EIGEN_LARGEST * EIGEN_LARGEST];
    double values[EIGEN_LARGEST], all[EIGEN_LARGEST], size = 1;
    Arena arena = arena_create("test");
    for (int i = 0; i < n * n; i++)
        size = fmax(size, n * fabs(matrix[i]));
    memcpy(copy, matrix, sizeof *matrix * (size_t)(n * n));
    assert_true(symmetric_eigenvalues(copy, n, 1, n, all, &arena));
    memcpy(copy, matrix, sizeof *matrix * (size_t)(n * n));
    assert_true(symmetric_eigenvectors(copy, n, first, last, values, vectors, &arena));
    for (int a = 0; a <= last - first; a++) {
        const double *vector = vectors + a * n;
        assert_number(what, values[a], all[first - 1 + a], 1e-14 * size);
        for (int i = 0; i < n; i++) {
            double product = 0;
            for (int j = 0; j < n; j++)
                product += matrix[i * n + j] * vector[j];
            assert_number(what, product, values[a] * vector[i], 1e-13 * size);
        }
        for (int b = 0; b <= a; b++) {
            double product = 0;
            for (int i = 0; i < n; i++)
                product += vector[i] * vectors[b * n + i];
            assert_number(what, product, a == b, 1e-12);
        }
    }
    arena_destroy(&arena);
}

static void eigenpairs_of_all_kinds_of_matrices(void **state) {
    (void)state;
    static double matrix[EIGEN_LARGEST * EIGEN_LARGEST];
    for (int n = 2; n <= EIGEN_LARGEST; n = n * 3 / 2) {
        int first = n > 3 ? n - 2 : 2;
        Random random = random_create(19, RANDOM_TEST, 0, (uint32_t)n);
        for (int i = 0; i < n; i++)
            for (int j = i; j < n; j++)
                matrix[i * n + j] = matrix[j * n + i] = random_normal(&random);
        assert_eigenpairs("random", matrix, n, first, n);
        assert_eigenpairs("random, the least", matrix, n, 1, n - 1 < 2 ? n - 1 : 2);
        for (int i = 0; i < n * n; i++)
            matrix[i] = 1e6 * (i / n + 1) * (i % n + 1);
        assert_eigenpairs("rank one", matrix, n, first, n);
        for (int i = 0; i < n * n; i++)
            matrix[i] = i / n == i % n ? 3 : 0;
        assert_eigenpairs("all values equal", matrix, n, first, n);
        for (int i = 0; i < n * n; i++)
            matrix[i] = i / n == i % n ? 1 - 1.0 / n : -1.0 / n;
        assert_eigenpairs("all but one equal", matrix, n, first, n);
        for (int i = 0; i < n * n; i++)
            matrix[i] = i / n / 2 == i % n / 2 ? 2 - (i / n != i % n) : 0;
        assert_eigenpairs("blocks", matrix, n, first, n);
        for (int i = 0; i < n * n; i++)
            matrix[i] = 0;
        assert_eigenpairs("nothing", matrix, n, first, n);
    }
}

/* ---- Principal components -------------------------------------------------------------------- */

static void components_of_known_data(void **state) {
    (void)state;
    Arena arena = arena_create("test");
    /* three orthogonal, centred score vectors of lengths 20, 10 and 2, a third of one column each
     */
    const double units[3][4] = {
        {0.5, -0.5, 0.5, -0.5}, {0.5, 0.5, -0.5, -0.5}, {0.5, -0.5, -0.5, 0.5}};
    const double sizes[3] = {20, 10, 2};
    for (int columns = 3; columns <= 9; columns += 3) { /* fewer than rows, and more */
        double data[4 * 9], scores[3 * 4];
        for (int row = 0; row < 4; row++)
            for (int column = 0; column < columns; column++)
                data[row * columns + column] = 7 + sizes[column % 3] * units[column % 3][row];
        component_scores(data, 4, columns, 3, scores, &arena);
        for (int c = 0; c < 3; c++)
            for (int row = 0; row < 4; row++)
                assert_number("score", fabs(scores[c * 4 + row]), 0.5, 1e-13);
        for (int c = 0; c < 3; c++) {
            double product = 0;
            for (int row = 0; row < 4; row++)
                product += scores[c * 4 + row] * units[c][row];
            assert_number("the component's own", fabs(product), 1, 1e-13);
        }
    }
    arena_destroy(&arena);
}

static void components_without_variance(void **state) {
    (void)state;
    Arena arena = arena_create("test");
    double data[5 * 4], scores[3 * 5];
    for (int row = 0; row < 5; row++)
        for (int column = 0; column < 4; column++)
            data[row * 4 + column] = (row + 1) * (column - 1.5);
    component_scores(data, 5, 4, 3, scores, &arena);
    for (int row = 0; row < 5; row++) {
        assert_number("of rank one", fabs(scores[row]), abs(row - 2) / sqrt(10), 1e-13);
        assert_number("the second", scores[5 + row], NAN, 0);
        assert_number("the third", scores[10 + row], NAN, 0);
    }
    for (int i = 0; i < 20; i++)
        data[i] = 3;
    component_scores(data, 5, 4, 3, scores, &arena);
    assert_number("of a constant", scores[0], NAN, 0);
    data[7] = NAN;
    component_scores(data, 5, 4, 3, scores, &arena);
    assert_number("of NaN", scores[0], NAN, 0);
    component_scores(data, 1, 4, 3, scores, &arena);
    assert_number("of one row", scores[0], NAN, 0);
    arena_destroy(&arena);
}

/* ---- Measures -------------------------------------------------------------------------------- */

static void movement_by_hand(void **state) {
    (void)state;
    const double map[4] = {1, 0, 0.5, 0.5};
    const float before[4] = {1, 0, 0, 1}, after[4] = {4, 4, 0, 2};
    ValueMeasures measures = measure(map, 2, true, before, after, 2);
    assert_number("magnitude", measures.transformation_magnitude, 3, 1e-15);
    assert_number("over one visible pair", measures.geometric_semantic_visible, NAN, 0);
    assert_number("over two pairs", measures.geometric_semantic, NAN, 0);
    assert_number("over two positions", measures.entropy_magnitude, NAN, 0);
    assert_number("of two positions", measures.component, NAN, 0);
    measures = measure(map, 1, true, before, after, 2);
    assert_number("of one position", measures.transformation_magnitude, 5, 1e-15);
    assert_number("of one position", measures.component, NAN, 0);
}

/* States on a circle, weights linear in their cosines: correlation 1; in the other direction −1. */
static void attention_that_follows_cosines(void **state) {
    (void)state;
    float states[T * 2];
    double map[T * T], against[T * T];
    for (int i = 0; i < T; i++) {
        double angle = 0.37 * i * i;
        states[2 * i] = (float)((i + 1) * cos(angle)); /* lengths do not matter */
        states[2 * i + 1] = (float)((i + 1) * sin(angle));
    }
    for (int i = 0; i < T; i++)
        for (int j = 0; j < T; j++) {
            double cosine = cos(0.37 * i * i - 0.37 * j * j);
            map[i * T + j] = i == j ? 0.9 : (1 + cosine) / (2 * T);
            against[i * T + j] = i == j ? 0.9 : (1 - cosine) / (2 * T);
        }
    ValueMeasures measures = measure(map, T, false, states, states, 2);
    assert_number("with", measures.geometric_semantic, 1, 1e-9);
    assert_number("visible", measures.geometric_semantic_visible, 1, 1e-9);
    assert_number("against", measure(against, T, false, states, states, 2).geometric_semantic, -1,
                  1e-9);
    assert_number("nothing moves", measures.transformation_magnitude, 0, 0);
    assert_number("a constant", measures.entropy_magnitude, NAN, 0);
    /* causal: what is hidden counts as no attention, but not among visible pairs */
    for (int i = 0; i < T; i++)
        for (int j = i + 1; j < T; j++)
            map[i * T + j] = 0;
    measures = measure(map, T, true, states, states, 2);
    assert_number("visible under a mask", measures.geometric_semantic_visible, 1, 1e-9);
    if (!(measures.geometric_semantic < 0.9))
        fail_msg("with hidden pairs %g", measures.geometric_semantic);
}

static void uniform_causal_attention(void **state) {
    (void)state;
    Arena arena = arena_create("test");
    double map[T * T];
    float before[T * WIDTH], after[T * WIDTH];
    uniform_map(make_visibility(T, true, &arena), map);
    random_states(1, T * WIDTH, before);
    memcpy(after, before, sizeof after);
    for (int i = 0; i < T; i++) {
        before[i * WIDTH] = 0;
        after[i * WIDTH] = (float)log(i + 1); /* as the entropy of query i */
    }
    assert_number("movement like the entropy",
                  measure(map, T, true, before, after, WIDTH).entropy_magnitude, 1, 1e-12);
    /* rows of other sums have the same entropy; one without weight is left out */
    for (int i = 0; i < T * T; i++)
        map[i] *= i / T == 5 ? 0 : 1 + i / T;
    assert_number("rows of other sums",
                  measure(map, T, true, before, after, WIDTH).entropy_magnitude, 1, 1e-12);
    uniform_map(make_visibility(T, false, &arena), map);
    ValueMeasures measures = measure(map, T, false, before, after, WIDTH);
    assert_number("constant weights", measures.geometric_semantic, NAN, 0);
    assert_number("constant entropy", measures.entropy_magnitude, NAN, 0);
    assert_number("constant rows", measures.component, NAN, 0);
    arena_destroy(&arena);
}

static void components_that_agree(void **state) {
    (void)state;
    double map[T * T];
    float states[T * T], rank_one[T * WIDTH];
    for (int causal = 0; causal < 2; causal++) {
        random_map(2, T, causal, map);
        for (int i = 0; i < T * T; i++)
            states[i] = (float)(3 - 2 * map[i]);
        /* float32 states: 1e-7 of each, times the inverse of the gaps */
        assert_number("states that are the rows",
                      measure(map, T, causal, states, states, T).component, 1, 1e-6);
    }
    for (int i = 0; i < T * WIDTH; i++)
        rank_one[i] = (float)(i / WIDTH);
    assert_number("states of rank one", measure(map, T, true, rank_one, rank_one, WIDTH).component,
                  NAN, 0);
    double permutation[T * T] = {0};
    for (int i = 0; i < T; i++)
        permutation[i * T + (i + 5) % T] = 1;
    random_states(3, T * WIDTH, states);
    double value = measure(permutation, T, false, states, states, WIDTH).component;
    if (!(value >= 0 && value <= 1))
        fail_msg("of a permutation %g", value);
}

static void zero_vectors_are_left_out(void **state) {
    (void)state;
    double map[T * T], shorter[(T - 1) * (T - 1)];
    float states[T * WIDTH], kept[(T - 1) * WIDTH];
    random_map(4, T, false, map);
    random_states(4, T * WIDTH, states);
    for (int d = 0; d < WIDTH; d++)
        states[3 * WIDTH + d] = 0;
    for (int i = 0, row = 0; i < T; i++) {
        if (i == 3)
            continue;
        memcpy(kept + row * WIDTH, states + i * WIDTH, sizeof(float) * WIDTH);
        for (int j = 0, column = 0; j < T; j++)
            if (j != 3)
                shorter[row * (T - 1) + column++] = map[i * T + j];
        row++;
    }
    assert_number("as if it were not there",
                  measure(map, T, false, states, states, WIDTH).geometric_semantic,
                  measure(shorter, T - 1, false, kept, kept, WIDTH).geometric_semantic, 1e-14);
}

/* Turned and stretched states, and positions in another order (without a mask), change nothing. */
static void invariances(void **state) {
    (void)state;
    double map[T * T], moved[T * T];
    float before[T * WIDTH], after[T * WIDTH], turned[2][T * WIDTH], ordered[2][T * WIDTH];
    const float *const states[2] = {before, after};
    for (uint32_t seed = 5; seed < 15; seed++) {
        random_map(seed, T, false, map);
        random_states(seed, T * WIDTH, before);
        random_states(seed + 100, T * WIDTH, after);
        ValueMeasures expected = measure(map, T, false, before, after, WIDTH);
        Random random = random_create(17, RANDOM_TEST, 0, seed);
        uint32_t order[T];
        random_permutation(&random, T, order);
        for (int s = 0; s < 2; s++)
            for (int i = 0; i < T; i++)
                for (int d = 0; d < WIDTH; d++) {
                    const float *row = states[s] + i * WIDTH;
                    /* (3, 4)/5 in the first plane, then twice as long */
                    double value = d == 0   ? (3 * row[0] - 4 * row[1]) / 2.5
                                   : d == 1 ? (4 * row[0] + 3 * row[1]) / 2.5
                                            : 2 * row[d];
                    turned[s][i * WIDTH + d] = (float)value;
                    ordered[s][i * WIDTH + d] = states[s][order[i] * WIDTH + (uint32_t)d];
                }
        for (int i = 0; i < T; i++)
            for (int j = 0; j < T; j++)
                moved[i * T + j] = map[order[i] * T + order[j]];
        const ValueMeasures found[2] = {measure(map, T, false, turned[0], turned[1], WIDTH),
                                        measure(moved, T, false, ordered[0], ordered[1], WIDTH)};
        for (int f = 0; f < 2; f++) {
            assert_number("magnitude", found[f].transformation_magnitude,
                          expected.transformation_magnitude * (f == 0 ? 2 : 1), 1e-5);
            assert_number("geometric", found[f].geometric_semantic, expected.geometric_semantic,
                          1e-5);
            assert_number("entropy", found[f].entropy_magnitude, expected.entropy_magnitude, 1e-5);
            assert_number("component", found[f].component, expected.component, 1e-4);
        }
    }
}

static void planted_geometry_is_found_and_permuted_is_not(void **state) {
    (void)state;
    double map[LARGEST * LARGEST];
    float states[LARGEST * WIDTH], shuffled[LARGEST * WIDTH];
    random_states(6, LARGEST * WIDTH, states);
    for (int i = 0; i < LARGEST; i++) {
        double sum = 0;
        for (int j = 0; j < LARGEST; j++) {
            double product = 0;
            for (int d = 0; d < WIDTH; d++)
                product += states[i * WIDTH + d] * states[j * WIDTH + d];
            sum += map[i * LARGEST + j] = exp(product / WIDTH);
        }
        for (int j = 0; j < LARGEST; j++)
            map[i * LARGEST + j] /= sum;
    }
    Random random = random_create(18, RANDOM_TEST, 0, 0);
    uint32_t order[LARGEST];
    random_permutation(&random, LARGEST, order);
    for (int i = 0; i < LARGEST; i++)
        memcpy(shuffled + i * WIDTH, states + order[i] * WIDTH, sizeof(float) * WIDTH);
    double planted = measure(map, LARGEST, false, states, states, WIDTH).geometric_semantic;
    double permuted = measure(map, LARGEST, false, shuffled, shuffled, WIDTH).geometric_semantic;
    if (!(planted > 0.6 && fabs(permuted) < 0.2))
        fail_msg("%g planted, %g permuted", planted, permuted);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eigenpairs_of_all_kinds_of_matrices),
        cmocka_unit_test(components_of_known_data),
        cmocka_unit_test(components_without_variance),
        cmocka_unit_test(movement_by_hand),
        cmocka_unit_test(attention_that_follows_cosines),
        cmocka_unit_test(uniform_causal_attention),
        cmocka_unit_test(components_that_agree),
        cmocka_unit_test(zero_vectors_are_left_out),
        cmocka_unit_test(invariances),
        cmocka_unit_test(planted_geometry_is_found_and_permuted_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
