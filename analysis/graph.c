#include "analysis/graph.h"

#include "analysis/symmetric.h"
#include "analysis/visibility.h"

#include <math.h>
#include <string.h>

const double graph_thresholds[GRAPH_THRESHOLDS] = {0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2};

static bool bit_get(const uint64_t *row, int bit) {
    return row[bit / 64] >> (bit % 64) & 1;
}

static void bit_set(uint64_t *row, int bit) {
    row[bit / 64] |= (uint64_t)1 << (bit % 64);
}

/* Of any processor: not all have an instruction for it. */
static int count_bits(uint64_t bits) {
    bits -= bits >> 1 & 0x5555555555555555;
    bits = (bits & 0x3333333333333333) + (bits >> 2 & 0x3333333333333333);
    bits = (bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0f;
    return (int)(bits * 0x0101010101010101 >> 56);
}

static uint64_t *row_of(uint64_t *rows, const Graph *graph, int row) {
    return rows + (size_t)row * (size_t)graph->words;
}

static void read_row(const Graph *graph, const double *map_row, double threshold, int row) {
    uint64_t *edges = row_of(graph->edges, graph, row);
    uint64_t *neighbours = row_of(graph->neighbours, graph, row);
    int *in_degree = graph->in_degree;
    for (int word = 0; word < graph->words; word++) {
        uint64_t bits = 0;
        int first = word * 64, end = first + 64 < graph->size ? first + 64 : graph->size;
        for (int j = first; j < end; j++) {
            uint64_t edge = exceeds(map_row[j], threshold);
            bits |= edge << (j - first);
            in_degree[j] += (int)edge;
        }
        edges[word] = bits;
        neighbours[word] |= bits;
        for (; bits != 0; bits &= bits - 1)
            bit_set(row_of(graph->neighbours, graph, first + __builtin_ctzll(bits)), row);
    }
    neighbours[row / 64] &= ~((uint64_t)1 << row % 64);
}

/* Edges by row, and each row's bit at its ends; a loop's bit, set by its own row, is cleared
   there. */
Graph graph_from_map(const double *map, int size, double threshold, Arena *arena) {
    Graph graph = {.size = size, .words = (size + 63) / 64};
    size_t words = (size_t)size * (size_t)graph.words;
    graph.edges = ARENA_ARRAY(arena, uint64_t, words);
    graph.neighbours = ARENA_ARRAY(arena, uint64_t, words);
    graph.in_degree = ARENA_ARRAY(arena, int, (size_t)size);
    for (int i = 0; i < size; i++)
        read_row(&graph, map + (size_t)i * (size_t)size, threshold, i);
    return graph;
}

bool graph_equal(const Graph *first, const Graph *second) {
    return first->size == second->size &&
           memcmp(first->edges, second->edges,
                  sizeof(uint64_t) * (size_t)first->size * (size_t)first->words) == 0;
}

/* L = diag(Σ_j S_ij) − S from the off-diagonal part of a symmetric S [size][size], in place. */
static void laplacian_of(double *matrix, size_t size) {
    for (size_t i = 0; i < size; i++) {
        double sum = 0;
        for (size_t j = 0; j < size; j++) {
            if (j == i)
                continue;
            sum += matrix[i * size + j];
            matrix[i * size + j] = -matrix[i * size + j];
        }
        matrix[i * size + i] = sum;
    }
}

/* 0 is an eigenvalue once for every component: with three, nothing is left to compute. */
static void graph_spectrum(const Graph *graph, int components, GraphMetrics *metrics,
                           Arena *scratch) {
    size_t size = (size_t)graph->size;
    if (components >= 3)
        metrics->fiedler_value = metrics->laplacian_gap = 0;
    if (components >= 3)
        return;
    double *matrix = ARENA_ARRAY(scratch, double, (size * size));
    for (size_t i = 0; i < size; i++)
        for (size_t word = 0; word < (size_t)graph->words; word++)
            for (uint64_t bits = row_of(graph->edges, graph, (int)i)[word]; bits != 0;
                 bits &= bits - 1) {
                size_t j = word * 64 + (size_t)__builtin_ctzll(bits);
                matrix[i * size + j] += 0.5; /* the diagonal is not looked at */
                matrix[j * size + i] += 0.5;
            }
    laplacian_of(matrix, size);
    double values[2] = {NAN, NAN};
    symmetric_eigenvalues(matrix, graph->size, 2, size > 2 ? 3 : 2, values, scratch);
    metrics->fiedler_value = eigenvalue_clean(values[0]);
    if (size > 2)
        metrics->laplacian_gap = eigenvalue_clean(values[1]) - metrics->fiedler_value;
}

static void sort_degrees(const int *degree, int size, int *sorted, int *counts) {
    for (int i = 0; i < size; i++)
        counts[degree[i]]++;
    int place = 0;
    for (int value = 0; value <= size; value++)
        for (int i = 0; i < counts[value]; i++)
            sorted[place++] = value;
}

static void degree_metrics(const Graph *graph, GraphMetrics *metrics, Arena *scratch) {
    int size = graph->size;
    int *sorted = ARENA_ARRAY(scratch, int, (size_t)size);
    int *counts = ARENA_ARRAY(scratch, int, (size_t)size + 1);
    sort_degrees(graph->in_degree, size, sorted, counts);
    double edges = 0, ranked = 0, square = 0, below_largest = 0, nodes = size;
    int largest = sorted[size - 1];
    for (int rank = 1; rank <= size; rank++) {
        double degree = sorted[rank - 1];
        edges += degree;
        ranked += rank * degree;
        square += degree * degree;
        below_largest += largest - degree;
    }
    metrics->connection_density = edges / (nodes * nodes);
    metrics->in_degree_variance = square / nodes - (edges / nodes) * (edges / nodes);
    if (edges > 0)
        metrics->in_degree_gini = 2 * ranked / (nodes * edges) - (nodes + 1) / nodes;
    metrics->star_likeness_basic = largest / (nodes - 1);
    metrics->degree_centralization = below_largest / ((nodes - 1) * (nodes - 1));
    metrics->star_likeness = 0.3 * metrics->star_likeness_basic + 0.7 * metrics->in_degree_gini;
}

/* Breadth-first search from source. reached [words] becomes the component; returns the sum of the
   distances to its nodes and *count their number. */
static int64_t search_breadth_first(const Graph *graph, int source, uint64_t *reached,
                                    uint64_t *frontier, uint64_t *next, int *count) {
    size_t words = (size_t)graph->words;
    memset(reached, 0, sizeof(uint64_t) * words);
    memset(frontier, 0, sizeof(uint64_t) * words);
    bit_set(reached, source);
    bit_set(frontier, source);
    int64_t sum = 0;
    *count = 1;
    for (int distance = 1, found = 1; found > 0; distance++) {
        memset(next, 0, sizeof(uint64_t) * words);
        for (size_t word = 0; word < words; word++)
            for (uint64_t bits = frontier[word]; bits != 0; bits &= bits - 1) {
                const uint64_t *row =
                    row_of(graph->neighbours, graph, (int)word * 64 + __builtin_ctzll(bits));
                for (size_t w = 0; w < words; w++)
                    next[w] |= row[w];
            }
        found = 0;
        for (size_t word = 0; word < words; word++) {
            frontier[word] = next[word] & ~reached[word];
            reached[word] |= frontier[word];
            found += count_bits(frontier[word]);
        }
        sum += (int64_t)distance * found;
        *count += found;
    }
    return sum;
}

/* Also counts the components. */
static double mean_shortest_path(const Graph *graph, int *components, Arena *scratch) {
    size_t words = (size_t)graph->words;
    uint64_t *reached = ARENA_ARRAY(scratch, uint64_t, words);
    uint64_t *frontier = ARENA_ARRAY(scratch, uint64_t, words);
    uint64_t *next = ARENA_ARRAY(scratch, uint64_t, words);
    uint64_t *largest = ARENA_ARRAY(scratch, uint64_t, words);
    uint64_t *seen = ARENA_ARRAY(scratch, uint64_t, words);
    int largest_count = 0, count;
    *components = 0;
    /* Strictly more nodes only: of equal components that of the lowest position stays. */
    for (int node = 0; node < graph->size; node++) {
        if (bit_get(seen, node))
            continue;
        search_breadth_first(graph, node, reached, frontier, next, &count);
        for (size_t word = 0; word < words; word++)
            seen[word] |= reached[word];
        ++*components;
        if (count > largest_count) {
            largest_count = count;
            memcpy(largest, reached, sizeof(uint64_t) * words);
        }
    }
    if (largest_count < 2)
        return NAN;
    int64_t sum = 0;
    for (int node = 0; node < graph->size; node++)
        if (bit_get(largest, node))
            sum += search_breadth_first(graph, node, reached, frontier, next, &count);
    return (double)sum / ((double)largest_count * (largest_count - 1));
}

static double mean_clustering(const Graph *graph) {
    double sum = 0;
    size_t words = (size_t)graph->words;
    for (int node = 0; node < graph->size; node++) {
        const uint64_t *around = row_of(graph->neighbours, graph, node);
        int degree = 0, links = 0; /* each link is seen from both of its ends */
        for (size_t word = 0; word < words; word++)
            for (uint64_t bits = around[word]; bits != 0; bits &= bits - 1, degree++) {
                const uint64_t *row =
                    row_of(graph->neighbours, graph, (int)word * 64 + __builtin_ctzll(bits));
                for (size_t w = 0; w < words; w++)
                    links += count_bits(row[w] & around[w]);
            }
        if (degree >= 2)
            sum += (double)links / ((double)degree * (degree - 1));
    }
    return sum / graph->size;
}

GraphMetrics graph_metrics(const Graph *graph, Arena *scratch) {
    GraphMetrics metrics = {
        .fiedler_value = NAN,
        .laplacian_gap = NAN,
        .star_likeness_basic = NAN,
        .in_degree_gini = NAN,
        .star_likeness = NAN,
        .degree_centralization = NAN,
        .in_degree_variance = NAN,
        .connection_density = NAN,
        .mean_shortest_path = NAN,
        .clustering = NAN,
    };
    if (graph->size < 2)
        return metrics;
    int components;
    metrics.mean_shortest_path = mean_shortest_path(graph, &components, scratch);
    graph_spectrum(graph, components, &metrics, scratch);
    degree_metrics(graph, &metrics, scratch);
    metrics.clustering = mean_clustering(graph);
    return metrics;
}

/* Of such a graph λ₂ says nothing about how well it hangs together. */
static bool has_negative(const double *map, int size) {
    for (size_t i = 0; i < (size_t)size * (size_t)size; i++)
        if (map[i] < 0)
            return true;
    return false;
}

static double *symmetric_weights(const double *map, size_t size, Arena *scratch) {
    double *weights = ARENA_ARRAY(scratch, double, (size * size));
    for (size_t i = 0; i < size; i++)
        for (size_t j = 0; j < size; j++)
            weights[i * size + j] = i == j ? 0 : 0.5 * (map[i * size + j] + map[j * size + i]);
    return weights;
}

double weighted_fiedler_value(const double *map, int size, Arena *scratch) {
    if (size < 2 || has_negative(map, size))
        return NAN;
    double *matrix = symmetric_weights(map, (size_t)size, scratch), value;
    laplacian_of(matrix, (size_t)size);
    symmetric_eigenvalues(matrix, size, 2, 2, &value, scratch);
    return eigenvalue_clean(value);
}

double weighted_fiedler_value_normalized(const double *map, int size, Arena *scratch) {
    if (size < 2 || has_negative(map, size))
        return NAN;
    size_t nodes = (size_t)size;
    double *matrix = symmetric_weights(map, nodes, scratch), value;
    double *scale = ARENA_ARRAY(scratch, double, nodes);
    for (size_t i = 0; i < nodes; i++) {
        double degree = 0;
        for (size_t j = 0; j < nodes; j++)
            degree += matrix[i * nodes + j];
        if (!(degree > 0))
            return NAN;
        scale[i] = 1 / sqrt(degree);
    }
    for (size_t i = 0; i < nodes; i++)
        for (size_t j = 0; j < nodes; j++)
            matrix[i * nodes + j] = (i == j) - scale[i] * matrix[i * nodes + j] * scale[j];
    symmetric_eigenvalues(matrix, size, 2, 2, &value, scratch);
    return eigenvalue_clean(value);
}
