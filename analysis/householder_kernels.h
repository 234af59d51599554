/* The inner loops of householder.h and symmetric.h. One source (householder_body.h) is compiled per
   instruction set, like the model's kernels (model/math/kernels.h). */
#ifndef FIDUCIAL_ANALYSIS_HOUSEHOLDER_KERNELS_H
#define FIDUCIAL_ANALYSIS_HOUSEHOLDER_KERNELS_H

#include "analysis/householder.h"

#include <stdint.h>

/* Rows are padded with zeros to whole vectors of LANES, and their number to whole blocks of
   ROWS. */
enum { LANES = 8, ROWS = 4 };
typedef double Lanes __attribute__((vector_size(LANES * sizeof(double)), may_alias));

/* What both reductions work on. A − a bᵀ − c dᵀ is what the matrix A will be: the last step's
   update is still to be made. */
typedef struct Work {
    int rows, columns, groups; /* groups: vectors of a row */
    Lanes *matrix;             /* [rows, rounded up to ROWS][groups] */
    Lanes *a, *b, *c, *d;
} Work;

typedef struct Symmetric {
    Work work; /* a = d = v, b = c = w: A − v wᵀ − w vᵀ */
    Lanes *next, *product;
    Tridiagonal *t; /* to be filled */
} Symmetric;

typedef struct General {
    Work work;                 /* a = u, b = y, c = p, d = v: A − u yᵀ − p vᵀ */
    Lanes *u, *y, *p, *v;      /* those of the next step */
    double *diagonal, *beside; /* to be filled */
} General;

/* How many eigenvalues of a tridiagonal matrix are searched for at once, each with LANES shifts:
   the divisions of one hide in the latency of the others'. */
enum { SEARCHES = 2 };

typedef struct HouseholderKernels {
    void (*tridiagonal)(Symmetric *symmetric);
    void (*bidiagonal)(General *general);
    /* As matrix_largest. */
    double (*largest)(const double *values, size_t count);
    /* counts: how many eigenvalues of the tridiagonal matrix are below each shift, by the signs of
       the pivots of T − shift (Parlett, The symmetric eigenvalue problem, section 3.3). squares
       [n − 1] of the entries beside the diagonal: none may be 0. */
    void (*count_below)(int n, const double *diagonal, const double *squares,
                        const Lanes shifts[SEARCHES], double counts[SEARCHES][LANES]);
} HouseholderKernels;

/* The best variant for this processor. */
const HouseholderKernels *householder_kernels(void);

/* All variants that this processor can run, for tests; returns their number. The last is the
   best. */
enum { HOUSEHOLDER_VARIANTS = 3 };
int householder_variants(const HouseholderKernels *variants[HOUSEHOLDER_VARIANTS]);

/* householder.h, by one variant. */
Tridiagonal tridiagonal_reduce_by(const HouseholderKernels *kernels, const double *matrix, int n,
                                  bool with_reflectors, Arena *scratch);
void bidiagonal_reduce_by(const HouseholderKernels *kernels, const double *matrix, int rows,
                          int columns, double *diagonal, double *beside, Arena *scratch);

#endif
