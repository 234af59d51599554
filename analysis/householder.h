/* Householder's reductions of small dense matrices, in double: to tridiagonal form by similarity,
   to bidiagonal form by orthogonal maps from both sides (Golub and Van Loan, Matrix Computations,
   algorithms 8.3.1 and 5.4.2). What an attention map is decomposed for costs most of the time of
   its analysis, and LAPACK's reductions, made for large matrices, take ten times as long at its
   size.

   Each step's update of the matrix is put off and made in the same pass over it as the product with
   the next reflector (Howell et al., "Cache efficient bidiagonalization using BLAS 2.5 operators",
   ACM TOMS 34, 2008). Sums are made in an order that depends on the size alone; on processors
   without fused multiply-adds they round differently. */
#ifndef FIDUCIAL_ANALYSIS_HOUSEHOLDER_H
#define FIDUCIAL_ANALYSIS_HOUSEHOLDER_H

#include "model/base/arena.h"

#include <stdbool.h>

/* A = unit · Q T Qᵀ. */
typedef struct Tridiagonal {
    int n;
    double unit;               /* a power of two; the largest entry of A/unit is between ½ and 1 */
    double *diagonal, *beside; /* [n], [n − 1] (room for n) */
    int stride;
    double *reflectors; /* [n][stride] v_k of Q = H_0 H_1 …, H_k = 1 − scale_k v_k v_kᵀ; or NULL */
    double *scales; /* [n] */
} Tridiagonal;

/* The largest |x| of values [count]; NaN where one of them is NaN or infinite. */
double matrix_largest(const double *values, size_t count);

/* Of the symmetric matrix [n][n], n ≥ 1, of which the upper triangle is read; finite. */
Tridiagonal tridiagonal_reduce(const double *matrix, int n, bool with_reflectors, Arena *scratch);

/* vectors [count][n] become Q · vector. */
void tridiagonal_turn(const Tridiagonal *t, int count, double *vectors);

/* diagonal [n] and beside [n] (the last unused) of an upper bidiagonal matrix with the singular
   values of matrix [rows][columns], n = min(rows, columns) ≥ 1; finite. */
void bidiagonal_reduce(const double *matrix, int rows, int columns, double *diagonal,
                       double *beside, Arena *scratch);

#endif
