/* Graphs read off a head-averaged attention map (metrics.md section 2; "What are you sinking?",
   arXiv 2508.02546). An edge i → j stands where query i gives key j more than a threshold; the
   diagonal counts. */
#ifndef FIDUCIAL_ANALYSIS_GRAPH_H
#define FIDUCIAL_ANALYSIS_GRAPH_H

#include "model/base/arena.h"

#include <stdbool.h>
#include <stdint.h>

/* The thresholds τ at which graphs are read off a map, here and in the topology analysis. */
enum { GRAPH_THRESHOLDS = 7 };
extern const double graph_thresholds[GRAPH_THRESHOLDS];

/* Rows as bit sets of `words` 64-bit words. */
typedef struct Graph {
    int size;
    int words;
    uint64_t *edges;      /* B [size][words]: bit j of row i where i → j */
    uint64_t *neighbours; /* the undirected graph without loops [size][words] */
    int *in_degree;       /* [size], loops counted */
} Graph;

/* B[i][j] = 1 where map[i][j] (map [size][size]) exceeds threshold (analysis/visibility.h). */
Graph graph_from_map(const double *map, int size, double threshold, Arena *arena);

bool graph_equal(const Graph *first, const Graph *second);

/* NaN where not defined: size 1 (all); no edge (Gini, star_likeness); no edge between two nodes
   (mean_shortest_path); size 2 (laplacian_gap). */
typedef struct GraphMetrics {
    double fiedler_value, laplacian_gap;
    double star_likeness_basic, in_degree_gini, star_likeness;
    double degree_centralization, in_degree_variance, connection_density;
    double mean_shortest_path, clustering;
} GraphMetrics;

/* O(size³): the Laplacian's tridiagonalisation costs most. */
GraphMetrics graph_metrics(const Graph *graph, Arena *scratch);

/* λ₂ of the Laplacian of W = (map + mapᵀ)/2 without its diagonal; NaN for size 1 and with a weight
   below 0. */
double weighted_fiedler_value(const double *map, int size, Arena *scratch);

/* The same of the normalised Laplacian; NaN also with an isolated node. */
double weighted_fiedler_value_normalized(const double *map, int size, Arena *scratch);

#endif
