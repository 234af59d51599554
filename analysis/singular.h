/* Singular values and eigenvalues of general matrices, by Householder's
   reduction (householder.h) and the LAPACK inside OpenBLAS, in double. */
#ifndef FIDUCIAL_ANALYSIS_SINGULAR_H
#define FIDUCIAL_ANALYSIS_SINGULAR_H

#include "model/base/arena.h"

#include <stdbool.h>

/* All three: values in descending order. False, with values NaN, where something is not finite or
   LAPACK does not converge. */

/* values [min(rows, columns)] of matrix [rows][columns]. About
   (8/3) n³ operations for n × n, then dlasq1; absolute errors are of the order of 1e-16 of the
   largest value. */
bool singular_values(const double *matrix, int rows, int columns, double *values, Arena *scratch);

/* values [min(rows, columns)]: those of firstᵀ·second that need not be 0, of first and second
   [rows][columns]. Where rows < columns by two QR factorisations and one rows × rows product, so
   that the columns × columns product is never made. */
bool singular_values_of_product(const double *first, const double *second, int rows, int columns,
                                double *values, Arena *scratch);

/* |λ| [n] of a general matrix [n][n], which is destroyed. dgeev: about 10 n³ operations. */
bool eigenvalue_magnitudes(double *matrix, int n, double *values, Arena *scratch);

#endif
