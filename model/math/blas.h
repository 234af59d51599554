/* OpenBLAS: which kernels it picked, and which are better where it picked badly. OpenBLAS 0.3.21
   falls back to its SSE3 kernels on processors newer than itself (its issue 4267), four to five
   times slower; it honours OPENBLAS_CORETYPE, but only at start. */
#ifndef FIDUCIAL_MATH_BLAS_H
#define FIDUCIAL_MATH_BLAS_H

/* BLAS runs on the caller's thread alone from here on. */
void blas_use_one_thread(void);

/* The core OpenBLAS uses, e.g. "SkylakeX". */
const char *blas_core_name(void);

/* The core that the processor supports and that beats the one in use, or NULL. */
const char *blas_better_core(void);

/* What blas_better_core decides for: the core in use, and the instruction sets present. For
   tests. */
typedef struct CpuFeatures {
    int avx, avx2_fma, avx512, avx512_bf16, amx;
    int amd;
} CpuFeatures;
const char *blas_choose_core(const char *core, CpuFeatures features);

/* GFLOP/s of SGEMM size³ on this thread: best of repeated runs within about that many seconds. */
double blas_measure_sgemm(int size, double seconds);

#endif
