/* The parts of the `spectrum` analysis (metrics.md section 4), each a pure function: maps in
   spectrum_maps.c, parameters in spectrum_weights.c. */
#ifndef FIDUCIAL_ANALYSIS_SPECTRUM_H
#define FIDUCIAL_ANALYSIS_SPECTRUM_H

#include "model/base/arena.h"

#include <stdbool.h>
#include <stdint.h>

/* ---- Attention maps -------------------------------------------------------------------------- */

/* From the singular values σ₁ ≥ σ₂ ≥ … of a map; those below 1e-9 are 0. All NaN where the map is 0
   or not finite. */
typedef struct MapSpectrum {
    double stable_rank;         /* Σσ²/σ₁² */
    double participation_ratio; /* (Σσ)²/Σσ² */
    double spectral_norm;       /* σ₁ */
    double spectral_gap;        /* σ₂/σ₁: 0 for rank one; NaN for one position */
} MapSpectrum;

MapSpectrum map_spectrum(const double *map, int length, Arena *scratch);

/* Share of a map's attention on the T − ⌈0.9 (T − 1)⌉ keys with the largest column sums, as many as
   lie at or above the 90th percentile. NaN without attention and where a
   key has less than none. "What are you sinking?", arXiv 2508.02546. */
double sink_concentration(const double *map, int length, Arena *scratch);

/* As published (ibid.): from the magnitudes |λ| of the eigenvalues of a map, those below 1e-9 being
   0. Of a causal map (all above the diagonal is 0) they are its diagonal, so that they tell how
   much positions attend to themselves and nothing else. */
typedef struct PublishedSpectrum {
    double spectral_gap;        /* |λ|₁/|λ|₂; NaN where |λ|₂ is 0 */
    double participation_ratio; /* (Σ|λ|)²/Σ|λ|²; NaN where all are 0 */
    double mp_kl;               /* published_divergence */
} PublishedSpectrum;

PublishedSpectrum published_spectrum(const double *map, int length, Arena *scratch);

/* KL(p‖m) of the ten largest of values [count] (descending) over their mean: p their histogram in
   20 bins from least to largest, m the Marchenko–Pastur density with γ = 0.99 at the bins' centres,
   both normalised over the bins. NaN where a filled bin has no density or the values are equal. */
double published_divergence(const double *values, int count);

/* ---- Parameters ------------------------------------------------------------------------------ */

/* The Marchenko–Pastur law of ratio γ ≤ 1 and variance 1, on [(1 − √γ)², (1 + √γ)²]: density and
   distribution function (closed form). Marchenko and Pastur, Math. USSR-Sb. 1 (1967) 457. */
double marchenko_pastur_density(double ratio, double x);
double marchenko_pastur_distribution(double ratio, double x);

/* How singular values differ from a null. */
typedef struct NullComparison {
    double outliers; /* how many lie above the null's edge (by more than 1e-6 relative) */
    double ks;       /* Kolmogorov–Smirnov distance: largest difference of the distributions */
} NullComparison;

/* The squared singular values of matrix [rows][columns] against the Marchenko–Pastur law of its
   shape and of its entries' mean square; edge s²(√rows + √columns)². Both NaN for a matrix that is
   0 or not finite. */
NullComparison matrix_against_null(const double *matrix, int rows, int columns, Arena *scratch);

enum { PRODUCT_DRAWS = 20 };

/* Singular values of products of two Gaussian matrices with entries of variance 1. Those of other
   variances s², t² are s·t times these, so that one set of draws serves all heads, products, layers
   and snapshots of a run. */
typedef struct ProductNull {
    int rows, columns; /* of both factors: head_dim, width */
    int count;         /* min(rows, columns) values of each draw */
    double *draws;     /* [PRODUCT_DRAWS][count], each descending */
    double *pooled;    /* [PRODUCT_DRAWS · count], ascending */
} ProductNull;

/* All from the seed alone. */
const ProductNull *product_null_create(uint64_t seed, int rows, int columns, Arena *arena);

/* The largest singular values of firstᵀ·second, factors [rows][columns], against the null's. Both
   NaN for a factor that is 0 or not finite. */
NullComparison product_against_null(const double *first, const double *second,
                                    const ProductNull *null, Arena *scratch);

#endif
