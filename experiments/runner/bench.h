/* Measures training on named model sizes with the very code that training runs, against the
   machine's own peaks in the same process. */
#ifndef FIDUCIAL_RUNNER_BENCH_H
#define FIDUCIAL_RUNNER_BENCH_H

#include "model/base/arena.h"
#include "model/base/profile.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct BenchSize {
    const char *name;
    int64_t layers, width, heads, hidden, context, batch, vocabulary;
} BenchSize;

extern const BenchSize bench_sizes[];
extern const int bench_size_count;

enum { BENCH_THREAD_COUNTS = 2, BENCH_SGEMM = 2048 };

/* Medians over turns. In a turn each thread count trains for a slice, beside one SGEMM of
   BENCH_SGEMM³ on one thread; ratios are formed within a turn. */
typedef struct BenchResult {
    int turns;
    double training_seconds, forward_seconds; /* per batch */
    double share;                             /* training: GFLOP/s over SGEMM's, per thread */
    double scaling;                           /* training: over the first thread count */
    double training_flops, forward_flops;     /* needed per batch */
    double tokens;                            /* per batch */
    double snapshot_seconds;                  /* snapshot, run.h5 and checkpoint; median */
    double memory;                            /* bytes allocated */
    Profile profile;                          /* per training step, if asked for */
} BenchResult;

/* Runs one size for about seconds with each of count (≤ BENCH_THREAD_COUNTS) numbers of threads, in
   turns; fills results [count]. */
Status bench_run(const BenchSize *size, const int *threads, int count, double seconds,
                 bool profiled, BenchResult *results, Error *error);

/* GFLOP/s of fused multiply-adds on registers, one thread. */
double bench_fused_peak(double seconds);

#endif
