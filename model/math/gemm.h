/* Single-precision matrix products, row-major, single-threaded. Names tell which operand is read
   transposed: nt: C = A·Bᵀ (a linear map y = x·weightᵀ), nn: C = A·B (its input's gradient),
   tn: C = Aᵀ·B (its weight's gradient). A matrix is {first element, floats between rows}.

   Products of the middle sizes that lanes make go to our own register-tiled kernel, the smallest
   and the largest to OpenBLAS. Which is which depends on the shape alone, so that the bits do
   too. */
#ifndef FIDUCIAL_MATH_GEMM_H
#define FIDUCIAL_MATH_GEMM_H

#include <stdbool.h>

/* Floats of scratch that every call needs: owned by the caller, one per thread, 64-byte aligned. */
enum { GEMM_SCRATCH = 1 << 15 };

typedef struct Matrix {
    float *data;
    int stride; /* floats between rows, at least the columns */
} Matrix;

typedef struct ConstMatrix {
    const float *data;
    int stride;
} ConstMatrix;

typedef enum GemmForm { GEMM_NT, GEMM_NN, GEMM_TN } GemmForm;

/* C [m][n] = alpha · op(A) [m][k] · op(B) [k][n], added to C where add is set; otherwise C is not
   read. */
typedef struct Gemm {
    GemmForm form;
    int m, n, k;
    float alpha;
    ConstMatrix a, b;
    bool add;
    Matrix c;
    float *scratch;
} Gemm;

void gemm(const Gemm *product);

/* target [columns][rows] = source [rows][columns] transposed. */
void matrix_transpose(int rows, int columns, ConstMatrix source, Matrix target);

#endif
