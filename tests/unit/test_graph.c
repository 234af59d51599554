/* Graph metrics: small graphs whose answers are known by hand, and random ones against plain
   algorithms that share nothing with analysis/graph.c: Jacobi's eigenvalues, Floyd and Warshall's
   paths, triangles counted one by one. */
#include "analysis/graph.h"
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

enum { LARGEST = 80 };

typedef struct Case {
    int size;
    double map[LARGEST * LARGEST];
} Case;

static void edge(Case *scene, int query, int key) {
    scene->map[query * scene->size + key] = 1;
}

static GraphMetrics measure(const Case *scene) {
    Arena arena = arena_create("test");
    Graph graph = graph_from_map(scene->map, scene->size, 0.5, &arena);
    GraphMetrics metrics = graph_metrics(&graph, &arena);
    arena_destroy(&arena);
    return metrics;
}

/* ---- By hand --------------------------------------------------------------------------------- */

static void star_of_eight(void **state) {
    (void)state;
    Case scene = {.size = 8};
    for (int i = 0; i < 8; i++)
        edge(&scene, i, 0);
    GraphMetrics metrics = measure(&scene);
    /* a star's Laplacian: 0, 1 (T − 2 times), T; an edge in one direction weighs a half */
    assert_number("fiedler_value", metrics.fiedler_value, 0.5, 1e-12);
    assert_number("laplacian_gap", metrics.laplacian_gap, 0, 1e-12);
    assert_number("star_likeness_basic", metrics.star_likeness_basic, 8.0 / 7, 1e-15);
    assert_number("in_degree_gini", metrics.in_degree_gini, 7.0 / 8, 1e-15);
    assert_number("star_likeness", metrics.star_likeness, 0.3 * 8 / 7 + 0.7 * 7 / 8, 1e-15);
    assert_number("degree_centralization", metrics.degree_centralization, 8.0 / 7, 1e-15);
    assert_number("in_degree_variance", metrics.in_degree_variance, 7, 1e-12);
    assert_number("connection_density", metrics.connection_density, 1.0 / 8, 1e-15);
    assert_number("mean_shortest_path", metrics.mean_shortest_path, 2.0 * 7 / 8, 1e-15);
    assert_number("clustering", metrics.clustering, 0, 0);
}

static void path_of_nine(void **state) {
    (void)state;
    Case scene = {.size = 9};
    for (int i = 1; i < 9; i++)
        edge(&scene, i, i - 1);
    GraphMetrics metrics = measure(&scene);
    double second = 1 - cos(acos(-1) / 9), third = 1 - cos(2 * acos(-1) / 9);
    assert_number("fiedler_value", metrics.fiedler_value, second, 1e-12);
    assert_number("laplacian_gap", metrics.laplacian_gap, third - second, 1e-12);
    assert_number("mean_shortest_path", metrics.mean_shortest_path, 10.0 / 3, 1e-14);
    assert_number("degree_centralization", metrics.degree_centralization, 1.0 / 64, 1e-15);
    assert_number("clustering", metrics.clustering, 0, 0);
}

static void complete_causal_and_bidirectional(void **state) {
    (void)state;
    for (int both = 0; both < 2; both++) {
        Case scene = {.size = 66}; /* rows of two words */
        for (int i = 0; i < 66; i++)
            for (int j = 0; j < 66; j++)
                if (both || j <= i)
                    edge(&scene, i, j);
        GraphMetrics metrics = measure(&scene);
        assert_number("fiedler_value", metrics.fiedler_value, both ? 66 : 33, 1e-10);
        assert_number("laplacian_gap", metrics.laplacian_gap, 0, 1e-10);
        assert_number("mean_shortest_path", metrics.mean_shortest_path, 1, 0);
        assert_number("clustering", metrics.clustering, 1, 1e-14);
        assert_number("in_degree_gini", metrics.in_degree_gini, both ? 0 : 65.0 / 198, 1e-12);
    }
}

static void two_triangles_apart(void **state) {
    (void)state;
    Case scene = {.size = 7}; /* 1 2 4 and 3 5 6; 0 alone */
    const int edges[][2] = {{2, 1}, {4, 1}, {4, 2}, {5, 3}, {6, 5}, {6, 3}};
    for (size_t e = 0; e < sizeof edges / sizeof *edges; e++)
        edge(&scene, edges[e][0], edges[e][1]);
    GraphMetrics metrics = measure(&scene);
    assert_number("fiedler_value", metrics.fiedler_value, 0, 0);
    assert_number("laplacian_gap", metrics.laplacian_gap, 0, 0);
    assert_number("mean_shortest_path", metrics.mean_shortest_path, 1, 0);
    assert_number("clustering", metrics.clustering, 6.0 / 7, 1e-15);
    Case pair = {.size = 6};
    for (size_t e = 0; e < 6; e++)
        edge(&pair, edges[e][0] - 1, edges[e][1] - 1);
    metrics = measure(&pair);
    assert_number("fiedler_value of two components", metrics.fiedler_value, 0, 0);
    assert_number("laplacian_gap of two components", metrics.laplacian_gap, 1.5, 1e-12);
}

static void of_equal_components_the_lowest_position_counts(void **state) {
    (void)state;
    Case scene = {.size = 6}; /* a triangle 0 3 5 and a path 1 2 4 */
    edge(&scene, 3, 0);
    edge(&scene, 5, 0);
    edge(&scene, 5, 3);
    edge(&scene, 2, 1);
    edge(&scene, 4, 2);
    assert_number("mean_shortest_path", measure(&scene).mean_shortest_path, 1, 0);
}

static void empty_and_tiny(void **state) {
    (void)state;
    Case scene = {.size = 5};
    GraphMetrics metrics = measure(&scene);
    assert_number("fiedler_value", metrics.fiedler_value, 0, 0);
    assert_number("in_degree_gini", metrics.in_degree_gini, NAN, 0);
    assert_number("star_likeness", metrics.star_likeness, NAN, 0);
    assert_number("star_likeness_basic", metrics.star_likeness_basic, 0, 0);
    assert_number("mean_shortest_path", metrics.mean_shortest_path, NAN, 0);
    assert_number("clustering", metrics.clustering, 0, 0);
    Case one = {.size = 1, .map = {1}};
    metrics = measure(&one);
    assert_number("fiedler_value of one", metrics.fiedler_value, NAN, 0);
    assert_number("degree_centralization of one", metrics.degree_centralization, NAN, 0);
    assert_number("connection_density of one", metrics.connection_density, NAN, 0);
    assert_number("in_degree_gini of one", metrics.in_degree_gini, NAN, 0);
    assert_number("in_degree_variance of one", metrics.in_degree_variance, NAN, 0);
    assert_number("clustering of one", metrics.clustering, NAN, 0);
    Case two = {.size = 2, .map = {1, 0, 1, 1}};
    metrics = measure(&two);
    assert_number("fiedler_value of two", metrics.fiedler_value, 1, 1e-14);
    assert_number("laplacian_gap of two", metrics.laplacian_gap, NAN, 0);
}

/* Every query attends to the next position: a cycle, whose edges weigh ½. */
static void a_cyclic_permutation(void **state) {
    (void)state;
    enum { N = 9 };
    Case scene = {.size = N};
    for (int i = 0; i < N; i++)
        scene.map[i * N + (i + 1) % N] = 1;
    GraphMetrics metrics = measure(&scene);
    assert_number("fiedler_value", metrics.fiedler_value, 1 - cos(2 * M_PI / N), 1e-13);
    assert_number("laplacian_gap", metrics.laplacian_gap, 0, 1e-13); /* a double eigenvalue */
    assert_number("in_degree_gini", metrics.in_degree_gini, 0, 1e-15);
    assert_number("in_degree_variance", metrics.in_degree_variance, 0, 1e-15);
    assert_number("star_likeness_basic", metrics.star_likeness_basic, 1.0 / (N - 1), 1e-15);
    assert_number("connection_density", metrics.connection_density, 1.0 / N, 1e-15);
    assert_number("mean_shortest_path", metrics.mean_shortest_path, (1 + 2 + 3 + 4) / 4.0, 1e-15);
    assert_number("clustering", metrics.clustering, 0, 0);
}

/* A graph is the same whatever its nodes are called. */
static void the_order_of_positions_is_nothing(void **state) {
    (void)state;
    enum { N = 24 };
    Random random = random_create(3, RANDOM_TEST, 0, 0);
    uint32_t place[N];
    random_permutation(&random, N, place);
    Case scene = {.size = N}, moved = {.size = N};
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            scene.map[i * N + j] = random_uniform(&random) < 0.15;
            moved.map[(int)place[i] * N + (int)place[j]] = scene.map[i * N + j];
        }
    GraphMetrics here = measure(&scene), there = measure(&moved);
    const double pairs[][2] = {{here.fiedler_value, there.fiedler_value},
                               {here.laplacian_gap, there.laplacian_gap},
                               {here.star_likeness, there.star_likeness},
                               {here.degree_centralization, there.degree_centralization},
                               {here.in_degree_variance, there.in_degree_variance},
                               {here.connection_density, there.connection_density},
                               {here.mean_shortest_path, there.mean_shortest_path},
                               {here.clustering, there.clustering}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        assert_number("a metric", pairs[i][1], pairs[i][0], 1e-12);
}

static void an_edge_exceeds_the_threshold_by_a_millionth(void **state) {
    (void)state;
    const double map[4] = {0.2, 0.2 * (1 + 5e-7), 0.2 * (1 + 2e-6), NAN};
    Arena arena = arena_create("test");
    Graph graph = graph_from_map(map, 2, 0.2, &arena);
    assert_int_equal(graph.in_degree[0], 1);
    assert_int_equal(graph.in_degree[1], 0);
    arena_destroy(&arena);
}

/* ---- Against plain algorithms ---------------------------------------------------------------- */

/* Cyclic Jacobi rotations until nothing is left off the diagonal; eigenvalues ascending. */
static void jacobi(double *a, int n, double *values) {
    for (int sweep = 0; sweep < 60; sweep++)
        for (int p = 0; p < n; p++)
            for (int q = p + 1; q < n; q++) {
                if (fabs(a[p * n + q]) < 1e-300)
                    continue;
                double theta = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q]);
                double t = copysign(1, theta) / (fabs(theta) + sqrt(theta * theta + 1));
                double c = 1 / sqrt(t * t + 1), s = t * c;
                for (int k = 0; k < n; k++) {
                    double x = a[k * n + p], y = a[k * n + q];
                    a[k * n + p] = c * x - s * y;
                    a[k * n + q] = s * x + c * y;
                }
                for (int k = 0; k < n; k++) {
                    double x = a[p * n + k], y = a[q * n + k];
                    a[p * n + k] = c * x - s * y;
                    a[q * n + k] = s * x + c * y;
                }
            }
    for (int i = 0; i < n; i++) {
        int place = i;
        for (; place > 0 && values[place - 1] > a[i * n + i]; place--)
            values[place] = values[place - 1];
        values[place] = a[i * n + i];
    }
}

static void laplacian(const double *map, int n, bool binary, double *matrix) {
    memset(matrix, 0, sizeof(double) * (size_t)(n * n));
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            if (i == j)
                continue;
            double a = map[i * n + j], b = map[j * n + i];
            double weight = binary ? 0.5 * ((a > 0.5) + (b > 0.5)) : 0.5 * (a + b);
            matrix[i * n + j] -= weight;
            matrix[i * n + i] += weight;
        }
}

/* Mean path over the component with most nodes by Floyd and Warshall. */
static double plain_mean_path(const double *map, int n) {
    static double far[LARGEST][LARGEST];
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            bool joined = map[i * n + j] > 0.5 || map[j * n + i] > 0.5;
            far[i][j] = i == j ? 0 : joined ? 1 : INFINITY;
        }
    for (int k = 0; k < n; k++)
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++)
                far[i][j] = fmin(far[i][j], far[i][k] + far[k][j]);
    double best = NAN;
    int most = 1;
    for (int i = 0; i < n; i++) {
        int count = 0;
        double sum = 0;
        for (int u = 0; u < n; u++)
            for (int v = 0; v < n; v++)
                if (isfinite(far[i][u]) && isfinite(far[i][v]))
                    sum += far[u][v];
        for (int u = 0; u < n; u++)
            count += isfinite(far[i][u]);
        if (count > most) {
            most = count;
            best = sum / (count * (count - 1.0));
        }
    }
    return best;
}

static double plain_clustering(const double *map, int n) {
    double sum = 0;
    for (int v = 0; v < n; v++) {
        double degree = 0, links = 0;
        for (int a = 0; a < n; a++) {
            if (a == v || !(map[v * n + a] > 0.5 || map[a * n + v] > 0.5))
                continue;
            degree++;
            for (int b = 0; b < a; b++)
                if (b != v && (map[v * n + b] > 0.5 || map[b * n + v] > 0.5) &&
                    (map[a * n + b] > 0.5 || map[b * n + a] > 0.5))
                    links++;
        }
        if (degree >= 2)
            sum += links / (degree * (degree - 1) / 2);
    }
    return sum / n;
}

static void random_graphs_agree_with_plain_algorithms(void **state) {
    (void)state;
    const double densities[] = {0.02, 0.05, 0.2, 0.7};
    for (int trial = 0; trial < 12; trial++) {
        Random random = random_create(7, RANDOM_TEST, (uint64_t)trial, 0);
        Case scene = {.size = 3 + 6 * trial};
        int n = scene.size;
        for (int i = 0; i < n * n; i++)
            scene.map[i] = random_uniform(&random) < densities[trial % 4];
        GraphMetrics metrics = measure(&scene);
        static double matrix[LARGEST * LARGEST], values[LARGEST];
        laplacian(scene.map, n, true, matrix);
        jacobi(matrix, n, values);
        assert_number("fiedler_value", metrics.fiedler_value, fmax(values[1], 0), 1e-9);
        assert_number("laplacian_gap", metrics.laplacian_gap, values[2] - values[1], 2e-9);
        assert_number("mean_shortest_path", metrics.mean_shortest_path,
                      plain_mean_path(scene.map, n), 1e-12);
        assert_number("clustering", metrics.clustering, plain_clustering(scene.map, n), 1e-12);
    }
}

static void weighted_values_agree_with_jacobi(void **state) {
    (void)state;
    enum { N = 20 };
    Arena arena = arena_create("test");
    Random random = random_create(8, RANDOM_TEST, 0, 0);
    double map[N * N] = {0}, matrix[N * N], values[N], degree[N] = {0};
    for (int i = 0; i < N; i++)
        for (int j = 0; j <= i; j++)
            map[i * N + j] = random_uniform(&random);
    laplacian(map, N, false, matrix);
    for (int i = 0; i < N; i++)
        degree[i] = matrix[i * N + i];
    jacobi(matrix, N, values);
    assert_number("weighted_fiedler_value", weighted_fiedler_value(map, N, &arena), values[1],
                  1e-11);
    laplacian(map, N, false, matrix);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            matrix[i * N + j] /= sqrt(degree[i] * degree[j]);
    jacobi(matrix, N, values);
    assert_number("normalized", weighted_fiedler_value_normalized(map, N, &arena), values[1],
                  1e-11);
    const double apart[9] = {1, 0, 0, 0.5, 0.5, 0, 0, 0, 1};
    assert_number("of an isolated node", weighted_fiedler_value_normalized(apart, 3, &arena), NAN,
                  0);
    assert_number("of an isolated node", weighted_fiedler_value(apart, 3, &arena), 0, 0);
    assert_number("of one node", weighted_fiedler_value(apart, 1, &arena), NAN, 0);
    arena_destroy(&arena);
}

/* Its smallest eigenvalues would be below 0, which a clean one never is. */
static void weights_below_zero_have_no_fiedler_value(void **state) {
    (void)state;
    Arena arena = arena_create("test");
    double map[] = {1, 0, 0, 0.5, 0.5, 0, 0.5, 0.7, -0.2};
    assert_number("weighted", weighted_fiedler_value(map, 3, &arena), NAN, 0);
    assert_number("normalized", weighted_fiedler_value_normalized(map, 3, &arena), NAN, 0);
    map[8] = 0.2;
    assert_true(weighted_fiedler_value(map, 3, &arena) > 0);
    assert_true(weighted_fiedler_value_normalized(map, 3, &arena) > 0);
    arena_destroy(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(star_of_eight),
        cmocka_unit_test(weights_below_zero_have_no_fiedler_value),
        cmocka_unit_test(path_of_nine),
        cmocka_unit_test(complete_causal_and_bidirectional),
        cmocka_unit_test(two_triangles_apart),
        cmocka_unit_test(of_equal_components_the_lowest_position_counts),
        cmocka_unit_test(empty_and_tiny),
        cmocka_unit_test(a_cyclic_permutation),
        cmocka_unit_test(the_order_of_positions_is_nothing),
        cmocka_unit_test(an_edge_exceeds_the_threshold_by_a_millionth),
        cmocka_unit_test(random_graphs_agree_with_plain_algorithms),
        cmocka_unit_test(weighted_values_agree_with_jacobi),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
