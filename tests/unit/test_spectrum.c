/* Spectra: maps whose singular values are known by hand, Marchenko–Pastur samples, planted spikes,
   and the published eigenvalues that are the diagonal under a causal mask. */
#include "analysis/singular.h"
#include "analysis/spectrum.h"
#include "model/base/random.h"
#include "tests/support/compare.h"
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

enum { LARGEST = 128 };

static const double PI = 3.14159265358979323846;

typedef struct Scene {
    Arena arena;
    int size;
    double map[LARGEST * LARGEST];
} Scene;

static void scene_create(Scene *scene, int size) {
    *scene = (Scene){.arena = arena_create("test"), .size = size};
}

static void draw_normals(uint32_t item, size_t count, double *values) {
    Random random = random_create(12, RANDOM_TEST, 0, item);
    for (size_t i = 0; i < count; i++)
        values[i] = random_normal(&random);
}

/* A stochastic map, causal or not. */
static void draw_map(Scene *scene, uint32_t item, bool causal) {
    draw_normals(item, (size_t)(scene->size * scene->size), scene->map);
    for (int i = 0; i < scene->size; i++) {
        double *row = scene->map + i * scene->size, sum = 0;
        for (int j = 0; j < scene->size; j++)
            sum += row[j] = causal && j > i ? 0 : exp(row[j]);
        for (int j = 0; j < scene->size; j++)
            row[j] /= sum;
    }
}

/* ---- Maps ------------------------------------------------------------------------------------ */

static MapSpectrum measure(Scene *scene) {
    return map_spectrum(scene->map, scene->size, &scene->arena);
}

/* Everyone looks at position 0: A = 1·e₀ᵀ, σ₁ = √T and no other. */
static void a_perfect_sink_has_rank_one(void **state) {
    (void)state;
    Scene scene;
    scene_create(&scene, 64);
    for (int i = 0; i < 64; i++)
        scene.map[i * 64] = 1;
    MapSpectrum spectrum = measure(&scene);
    assert_number("stable rank", spectrum.stable_rank, 1, 1e-12);
    assert_number("participation ratio", spectrum.participation_ratio, 1, 1e-12);
    assert_number("spectral norm", spectrum.spectral_norm, 8, 1e-12);
    assert_number("spectral gap", spectrum.spectral_gap, 0, 0);
    assert_number("concentration", sink_concentration(scene.map, 64, &scene.arena), 1, 0);
    arena_destroy(&scene.arena);
}

static void a_permutation_is_flat(void **state) {
    (void)state;
    Scene scene;
    uint32_t order[50];
    Random random = random_create(13, RANDOM_TEST, 0, 0);
    scene_create(&scene, 50);
    random_permutation(&random, 50, order);
    for (int i = 0; i < 50; i++)
        scene.map[i * 50 + (int)order[i]] = 1;
    MapSpectrum spectrum = measure(&scene);
    assert_number("stable rank", spectrum.stable_rank, 50, 1e-11);
    assert_number("participation ratio", spectrum.participation_ratio, 50, 1e-11);
    assert_number("spectral norm", spectrum.spectral_norm, 1, 1e-13);
    assert_number("spectral gap", spectrum.spectral_gap, 1, 1e-13);
    /* 50 − ⌈44.1⌉ = 5 keys of 50 equal ones */
    assert_number("concentration", sink_concentration(scene.map, 50, &scene.arena), 0.1, 1e-15);
    PublishedSpectrum published = published_spectrum(scene.map, 50, &scene.arena);
    assert_number("eigenvalues on the circle", published.spectral_gap, 1, 1e-12);
    assert_number("all of them", published.participation_ratio, 50, 1e-10);
    assert_number("without a width", published.mp_kl, NAN, 0);
    arena_destroy(&scene.arena);
}

/* Uniform without a mask: all entries 1/T, σ₁ = 1. */
static void uniform_attention_without_a_mask(void **state) {
    (void)state;
    Scene scene;
    scene_create(&scene, 31);
    for (int i = 0; i < 31 * 31; i++)
        scene.map[i] = 1.0 / 31;
    MapSpectrum spectrum = measure(&scene);
    assert_number("stable rank", spectrum.stable_rank, 1, 1e-12);
    assert_number("spectral norm", spectrum.spectral_norm, 1, 1e-12);
    assert_number("spectral gap", spectrum.spectral_gap, 0, 0);
    /* 31 − ⌈27⌉ = 4 keys */
    assert_number("concentration", sink_concentration(scene.map, 31, &scene.arena), 4.0 / 31,
                  1e-14);
    PublishedSpectrum published = published_spectrum(scene.map, 31, &scene.arena);
    assert_number("one eigenvalue: no ratio", published.spectral_gap, NAN, 0);
    assert_number("one eigenvalue", published.participation_ratio, 1, 1e-12);
    assert_number("10 of a mean 1 is no density", published.mp_kl, NAN, 0);
    arena_destroy(&scene.arena);
}

/* Uniform causal: σ of the inverse. A⁻¹ is bidiagonal (row i: i + 1 on the diagonal, −i before it),
   so ΣΣ A² = Σ 1/(i + 1) and σ_min, σ_max are checked through the Frobenius norms of both. */
static void uniform_causal_attention(void **state) {
    (void)state;
    enum { T = 64 };
    Scene scene;
    scene_create(&scene, T);
    double square = 0, inverse = 0, head = 0, total = 0;
    for (int i = 0; i < T; i++) {
        for (int j = 0; j <= i; j++)
            scene.map[i * T + j] = 1.0 / (i + 1);
        square += 1.0 / (i + 1);
        inverse += (double)(i + 1) * (i + 1) + (double)i * i;
    }
    for (int k = 0; k < T; k++)
        for (int i = k; i < T; i++) {
            head += k < 7 ? 1.0 / (i + 1) : 0; /* 64 − ⌈56.7⌉ = 7 keys */
            total += 1.0 / (i + 1);
        }
    static double copy[T * T], values[T];
    memcpy(copy, scene.map, sizeof copy);
    assert_true(singular_values(copy, T, T, values, &scene.arena));
    double sum = 0, squares = 0, inverses = 0;
    for (int i = 0; i < T; i++) {
        sum += values[i];
        squares += values[i] * values[i];
        inverses += 1 / (values[i] * values[i]);
    }
    MapSpectrum spectrum = measure(&scene);
    assert_real_close("sum of squares", squares, square, 1e-13);
    assert_real_close("sum of inverse squares", inverses, inverse, 1e-11);
    assert_real_close("stable rank", spectrum.stable_rank, square / (values[0] * values[0]), 1e-12);
    assert_real_close("participation", spectrum.participation_ratio, sum * sum / square, 1e-12);
    assert_real_close("concentration", sink_concentration(scene.map, T, &scene.arena), head / total,
                      1e-13);
    PublishedSpectrum published = published_spectrum(scene.map, T, &scene.arena);
    assert_real_close("1 over a half", published.spectral_gap, 2, 1e-14);
    arena_destroy(&scene.arena);
}

/* Almost a perfect sink: A = 1·e₀ᵀ + ε·(second direction), small singular values keep their digits.
 */
static void small_singular_values_keep_their_digits(void **state) {
    (void)state;
    Scene scene;
    scene_create(&scene, 40);
    for (int i = 0; i < 40; i++) {
        scene.map[i * 40] = 1;
        scene.map[i * 40 + 1] = i % 2 == 0 ? 1e-7 : -1e-7; /* orthogonal to the first */
    }
    MapSpectrum spectrum = measure(&scene);
    assert_real_close("spectral gap", spectrum.spectral_gap, 1e-7, 1e-8);
    arena_destroy(&scene.arena);
}

static void the_order_of_positions_is_nothing(void **state) {
    (void)state;
    Scene scene, mixed;
    uint32_t order[33];
    Random random = random_create(14, RANDOM_TEST, 0, 0);
    scene_create(&scene, 33);
    scene_create(&mixed, 33);
    random_permutation(&random, 33, order);
    draw_map(&scene, 1, false);
    for (int i = 0; i < 33; i++)
        for (int j = 0; j < 33; j++)
            mixed.map[i * 33 + j] = scene.map[(int)order[i] * 33 + (int)order[j]];
    MapSpectrum first = measure(&scene), second = measure(&mixed);
    assert_real_close("stable rank", second.stable_rank, first.stable_rank, 1e-12);
    assert_real_close("participation", second.participation_ratio, first.participation_ratio,
                      1e-12);
    assert_real_close("gap", second.spectral_gap, first.spectral_gap, 1e-12);
    assert_real_close("concentration", sink_concentration(mixed.map, 33, &mixed.arena),
                      sink_concentration(scene.map, 33, &scene.arena), 1e-13);
    PublishedSpectrum one = published_spectrum(scene.map, 33, &scene.arena);
    PublishedSpectrum two = published_spectrum(mixed.map, 33, &mixed.arena);
    assert_real_close("published gap", two.spectral_gap, one.spectral_gap, 1e-11);
    assert_real_close("published ratio", two.participation_ratio, one.participation_ratio, 1e-10);
    arena_destroy(&scene.arena);
    arena_destroy(&mixed.arena);
}

/* ---- As published ---------------------------------------------------------------------------- */

/* The general solver on the same triangular map, made not quite triangular, finds the diagonal. */
static void a_causal_maps_eigenvalues_are_its_diagonal(void **state) {
    (void)state;
    Scene scene;
    scene_create(&scene, 12);
    draw_map(&scene, 3, true);
    double diagonal[12], sum = 0, square = 0, largest = 0, next = 0;
    for (int i = 0; i < 12; i++) {
        double value = diagonal[i] = scene.map[i * 13];
        sum += value;
        square += value * value;
        next = value > largest ? largest : value > next ? value : next;
        largest = value > largest ? value : largest;
    }
    PublishedSpectrum published = published_spectrum(scene.map, 12, &scene.arena);
    assert_real_close("gap", published.spectral_gap, largest / next, 1e-13);
    assert_real_close("ratio", published.participation_ratio, sum * sum / square, 1e-13);
    scene.map[1] = 1e-300;
    PublishedSpectrum general = published_spectrum(scene.map, 12, &scene.arena);
    assert_real_close("gap", general.spectral_gap, published.spectral_gap, 1e-9);
    assert_real_close("ratio", general.participation_ratio, published.participation_ratio, 1e-9);
    /* what lies below the diagonal does not matter */
    for (int i = 1; i < 12; i++)
        scene.map[i * 12] = 0.5;
    scene.map[1] = 0;
    PublishedSpectrum same = published_spectrum(scene.map, 12, &scene.arena);
    assert_number("gap", same.spectral_gap, published.spectral_gap, 0);
    assert_number("divergence", same.mp_kl, published.mp_kl, 0);
    arena_destroy(&scene.arena);
}

/* Three values 3, 2, 1 of mean 2: at 0.5, 1 and 1.5, in bins 0, 10 and 19 of width 0.05. */
static void the_published_divergence(void **state) {
    (void)state;
    const double values[] = {3, 2, 1};
    double density[20], sum = 0;
    for (int bin = 0; bin < 20; bin++) {
        double x = 0.5 + (bin + 0.5) * 0.05, high = (1 + sqrt(0.99)) * (1 + sqrt(0.99));
        double low = (1 - sqrt(0.99)) * (1 - sqrt(0.99));
        density[bin] = sqrt((high - x) * (x - low)) / (2 * PI * 0.99 * x);
        sum += density[bin];
    }
    double expected = 0;
    const int filled[] = {0, 10, 19};
    for (int i = 0; i < 3; i++)
        expected += 1.0 / 3 * log(1.0 / 3 / (density[filled[i]] / sum));
    assert_real_close("divergence", published_divergence(values, 3), expected, 1e-12);
    const double eleven[] = {1, 1, 1, 1,   1,  1,
                             1, 1, 1, 0.5, 0.4}; /* the last one is not looked at */
    assert_real_close("ten of eleven", published_divergence(eleven, 11),
                      published_divergence(eleven, 10), 0);
    const double equal[] = {2, 2, 2}, far[] = {10, 0.1, 0.1, 0.1, 0.1}, nothing[] = {0, 0};
    assert_number("equal values", published_divergence(equal, 3), NAN, 0);
    assert_number("beyond the edge", published_divergence(far, 5), NAN, 0);
    assert_number("no values", published_divergence(nothing, 2), NAN, 0);
}

/* ---- Parameters ------------------------------------------------------------------------------ */

/* The closed form against the midpoint rule in t, x = a + (b − a) sin²(t): the integrand is smooth.
 */
static void the_distribution_is_the_integral_of_the_density(void **state) {
    (void)state;
    const double ratios[] = {1, 0.99, 0.5, 0.25, 1.0 / 64};
    enum { STEPS = 20000 };
    for (int r = 0; r < 5; r++) {
        double ratio = ratios[r], low = pow(1 - sqrt(ratio), 2), high = pow(1 + sqrt(ratio), 2);
        double sum = 0;
        for (int step = 0; step < STEPS; step++) {
            double t = (step + 0.5) * PI / 2 / STEPS, end = (step + 1.0) * PI / 2 / STEPS;
            double x = low + (high - low) * sin(t) * sin(t);
            sum += marchenko_pastur_density(ratio, x) * (high - low) * sin(2 * t) * PI / 2 / STEPS;
            if (step % 2000 == 0) {
                double at = low + (high - low) * sin(end) * sin(end);
                assert_number("distribution", marchenko_pastur_distribution(ratio, at), sum, 2e-8);
            }
        }
        assert_number("all of it", sum, 1, 1e-8);
        assert_number("below", marchenko_pastur_distribution(ratio, low * 0.99), 0, 0);
        assert_number("above", marchenko_pastur_distribution(ratio, high * 1.01), 1, 0);
    }
}

/* A Gaussian matrix follows the law. Eigenvalues repel, so that with n of them the distance is a
   few times 1/n, much below the 1/√n of independent values: at most 4/n in 20 draws. About one draw
   in six has its largest value above the edge (Tracy–Widom: P(TW₁ > 0) = 0.17). */
static void a_gaussian_matrix_follows_the_law(void **state) {
    (void)state;
    Scene scene;
    const int shapes[][2] = {{64, 64}, {32, 128}, {128, 32}};
    for (int s = 0; s < 3; s++) {
        scene_create(&scene, LARGEST);
        double outliers = 0, ks = 0, least = fmin(shapes[s][0], shapes[s][1]);
        for (uint32_t draw = 0; draw < 20; draw++) {
            draw_normals(100 + draw, (size_t)(shapes[s][0] * shapes[s][1]), scene.map);
            NullComparison comparison =
                matrix_against_null(scene.map, shapes[s][0], shapes[s][1], &scene.arena);
            outliers += comparison.outliers;
            ks = fmax(ks, comparison.ks);
        }
        assert_real_within("outliers in 20 draws", outliers, 0, 10);
        assert_real_within("largest distance", ks, 0.5 / least, 4 / least);
        arena_destroy(&scene.arena);
    }
}

/* u vᵀ of norm 3 times the bulk's edge on top of it: one outlier; the scale of all does not matter.
 */
static void a_spike_is_an_outlier(void **state) {
    (void)state;
    Scene scene, scaled;
    scene_create(&scene, 64);
    scene_create(&scaled, 64);
    draw_normals(7, 64 * 64, scene.map);
    for (int i = 0; i < 64; i++)
        for (int j = 0; j < 64; j++)
            scene.map[i * 64 + j] += (i % 2 == 0 ? 1 : -1) * 3.0 * 2 * 8 / 64;
    for (int i = 0; i < 64 * 64; i++)
        scaled.map[i] = 0.02 * scene.map[i];
    NullComparison comparison = matrix_against_null(scene.map, 64, 64, &scene.arena);
    NullComparison small = matrix_against_null(scaled.map, 64, 64, &scaled.arena);
    assert_number("outliers", comparison.outliers, 1, 0);
    assert_real_within("distance", comparison.ks, 0.05, 0.5);
    assert_number("outliers, scaled", small.outliers, 1, 0);
    assert_real_close("distance, scaled", small.ks, comparison.ks, 1e-9);
    arena_destroy(&scene.arena);
    arena_destroy(&scaled.arena);
}

/* All singular values equal (an orthogonal matrix): the distribution jumps from 0 to 1 at x = 1. */
static void the_distance_of_one_jump(void **state) {
    (void)state;
    Scene scene;
    scene_create(&scene, 16);
    for (int i = 0; i < 16; i++)
        scene.map[i * 17] = 1;
    double at = marchenko_pastur_distribution(1, 1);
    NullComparison comparison = matrix_against_null(scene.map, 16, 16, &scene.arena);
    assert_number("distance", comparison.ks, fmax(at, 1 - at), 1e-12);
    assert_number("outliers", comparison.outliers, 0, 0);
    arena_destroy(&scene.arena);
}

/* By QR and by the product itself, which has the same values and zeros. */
static void products_are_those_of_the_whole_matrix(void **state) {
    (void)state;
    enum { ROWS = 6, COLUMNS = 17 };
    Scene scene;
    scene_create(&scene, COLUMNS);
    static double first[ROWS * COLUMNS], second[ROWS * COLUMNS], whole[COLUMNS], values[ROWS];
    draw_normals(20, ROWS * COLUMNS, first);
    draw_normals(21, ROWS * COLUMNS, second);
    for (int i = 0; i < COLUMNS; i++)
        for (int j = 0; j < COLUMNS; j++)
            for (int k = 0; k < ROWS; k++)
                scene.map[i * COLUMNS + j] += first[k * COLUMNS + i] * second[k * COLUMNS + j];
    assert_true(singular_values(scene.map, COLUMNS, COLUMNS, whole, &scene.arena));
    assert_true(singular_values_of_product(first, second, ROWS, COLUMNS, values, &scene.arena));
    for (int i = 0; i < ROWS; i++)
        assert_real_close("singular value", values[i], whole[i], 1e-12);
    assert_true(whole[ROWS] < 1e-12);
    arena_destroy(&scene.arena);
}

static void products_against_gaussian_products(void **state) {
    (void)state;
    enum { ROWS = 24, COLUMNS = 96 };
    Scene scene;
    scene_create(&scene, LARGEST);
    const ProductNull *null = product_null_create(5, ROWS, COLUMNS, &scene.arena);
    const ProductNull *again = product_null_create(5, ROWS, COLUMNS, &scene.arena);
    assert_memory_equal(null->draws, again->draws, sizeof(double) * PRODUCT_DRAWS * ROWS);
    assert_int_equal(null->count, ROWS);
    for (int i = 1; i < PRODUCT_DRAWS * ROWS; i++)
        assert_true(null->pooled[i] >= null->pooled[i - 1]);
    static double first[ROWS * COLUMNS], second[ROWS * COLUMNS];
    double outliers = 0, ks = 0;
    for (uint32_t draw = 0; draw < 20; draw++) {
        draw_normals(40 + draw, ROWS * COLUMNS, first);
        draw_normals(80 + draw, ROWS * COLUMNS, second);
        for (int i = 0; i < ROWS * COLUMNS; i++)
            second[i] *= 0.03;
        NullComparison comparison = product_against_null(first, second, null, &scene.arena);
        outliers += comparison.outliers;
        ks = fmax(ks, comparison.ks);
    }
    assert_real_within("outliers of 20 Gaussian products", outliers, 0, 4);
    assert_real_within("largest distance", ks, 0.01, 0.15);
    for (int j = 0; j < COLUMNS; j++) { /* the same direction in both: the product has a spike */
        first[j] += 4;
        second[j] += 4 * 0.03;
    }
    NullComparison comparison = product_against_null(first, second, null, &scene.arena);
    assert_number("planted", comparison.outliers, 1, 0);
    arena_destroy(&scene.arena);
}

static void degenerate_input(void **state) {
    (void)state;
    Scene scene;
    scene_create(&scene, 1);
    scene.map[0] = 1;
    MapSpectrum spectrum = measure(&scene);
    assert_number("one position", spectrum.stable_rank, 1, 0);
    assert_number("one position, gap", spectrum.spectral_gap, NAN, 0);
    assert_number("one position", sink_concentration(scene.map, 1, &scene.arena), 1, 0);
    PublishedSpectrum published = published_spectrum(scene.map, 1, &scene.arena);
    assert_number("one position, gap", published.spectral_gap, NAN, 0);
    assert_number("one position, ratio", published.participation_ratio, 1, 0);
    assert_number("one position, divergence", published.mp_kl, NAN, 0);
    scene.map[0] = 0;
    assert_number("no attention", measure(&scene).stable_rank, NAN, 0);
    assert_number("no attention", sink_concentration(scene.map, 1, &scene.arena), NAN, 0);
    assert_number("no attention",
                  published_spectrum(scene.map, 1, &scene.arena).participation_ratio, NAN, 0);
    scene.size = 3;
    scene.map[4] = NAN;
    assert_number("not finite", measure(&scene).spectral_norm, NAN, 0);
    assert_number("not finite", sink_concentration(scene.map, 3, &scene.arena), NAN, 0);
    assert_number("not finite", published_spectrum(scene.map, 3, &scene.arena).spectral_gap, NAN,
                  0);
    double zero[6] = {0}, some[6] = {1, 2, 3, 4, 5, 6};
    const ProductNull *null = product_null_create(1, 2, 3, &scene.arena);
    assert_number("a factor of 0", matrix_against_null(zero, 2, 3, &scene.arena).ks, NAN, 0);
    assert_number("a factor of 0", product_against_null(zero, some, null, &scene.arena).outliers,
                  NAN, 0);
    some[3] = NAN;
    assert_number("not finite", matrix_against_null(some, 2, 3, &scene.arena).outliers, NAN, 0);
    assert_number("not finite", product_against_null(some, some, null, &scene.arena).ks, NAN, 0);
    arena_destroy(&scene.arena);
}

/* A key that receives less than nothing leaves no shares to speak of. */
static void weights_below_zero_have_no_concentration(void **state) {
    (void)state;
    Arena arena = arena_create("test");
    double map[] = {1, 0, 0, 2, -1, 0, 0.5, 0, 0.5};
    assert_number("concentration", sink_concentration(map, 3, &arena), NAN, 0);
    map[4] = 1;
    assert_number("concentration", sink_concentration(map, 3, &arena), 0.7, 1e-15);
    arena_destroy(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_perfect_sink_has_rank_one),
        cmocka_unit_test(weights_below_zero_have_no_concentration),
        cmocka_unit_test(a_permutation_is_flat),
        cmocka_unit_test(uniform_attention_without_a_mask),
        cmocka_unit_test(uniform_causal_attention),
        cmocka_unit_test(small_singular_values_keep_their_digits),
        cmocka_unit_test(the_order_of_positions_is_nothing),
        cmocka_unit_test(a_causal_maps_eigenvalues_are_its_diagonal),
        cmocka_unit_test(the_published_divergence),
        cmocka_unit_test(the_distribution_is_the_integral_of_the_density),
        cmocka_unit_test(a_gaussian_matrix_follows_the_law),
        cmocka_unit_test(a_spike_is_an_outlier),
        cmocka_unit_test(the_distance_of_one_jump),
        cmocka_unit_test(products_are_those_of_the_whole_matrix),
        cmocka_unit_test(products_against_gaussian_products),
        cmocka_unit_test(degenerate_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
