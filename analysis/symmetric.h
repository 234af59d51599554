/* Eigenvalues and eigenvectors of symmetric matrices, by Householder's reduction
   (householder.h) and the LAPACK inside OpenBLAS. */
#ifndef FIDUCIAL_ANALYSIS_SYMMETRIC_H
#define FIDUCIAL_ANALYSIS_SYMMETRIC_H

#include "model/base/arena.h"

#include <stdbool.h>

/* The eigenvalues number first … last (from 1, ascending) of matrix [n][n], of which the upper
   triangle is read and everything destroyed. values [last − first + 1]. False, with values NaN,
   where the matrix holds a NaN or an infinity or LAPACK does not converge. Costs (4/3)n³
   operations, and some 280 n divisions for every two values asked for; all of them at once are
   cheaper than most of them. Each value is right to the rounding of the largest. */
bool symmetric_eigenvalues(double *matrix, int n, int first, int last, double *values,
                           Arena *scratch);

/* The same with orthogonal unit eigenvectors, vectors [last − first + 1][n], whose signs are
   arbitrary. */
bool symmetric_eigenvectors(double *matrix, int n, int first, int last, double *values,
                            double *vectors, Arena *scratch);

#endif
