/* fiducial bench: tokens per second and GFLOP/s on named model sizes, beside the machine's
   peaks. */
#include "experiments/runner/bench.h"
#include "experiments/runner/commands.h"
#include "model/base/host.h"
#include "model/base/threads.h"
#include "model/math/blas.h"
#include "model/math/kernels.h"

#include <stdio.h>
#include <string.h>

static const double peak_seconds = 1;
static const int default_seconds = 8;

static void print_profile(const BenchResult *result) {
    double total = 0;
    for (int part = 0; part < PROFILE_PARTS; part++)
        total += result->profile.seconds[part];
    printf("        by part, of %.3g ms:", 1e3 * total);
    for (int part = 0; part < PROFILE_PARTS; part++)
        if (result->profile.seconds[part] > 0)
            printf(" %s %.1f %%", profile_part_names[part],
                   100 * result->profile.seconds[part] / total);
    printf("\n");
}

static void print_direction(const BenchSize *size, int threads, const char *direction,
                            double seconds, double tokens, double flops, double share,
                            double fused) {
    double rate = 1e-9 * flops / seconds;
    printf("%-7s %7d  %-9s %12.0f %9.1f %8.1f %% %8.1f %%\n", size->name, threads, direction,
           tokens / seconds, rate, 100 * share, 100 * rate / (fused * threads));
}

static void print_size(const BenchSize *size, int threads, double fused,
                       const BenchResult *result) {
    double forward_share = result->share * result->forward_flops / result->training_flops *
                           result->training_seconds / result->forward_seconds;
    print_direction(size, threads, "training", result->training_seconds, result->tokens,
                    result->training_flops, result->share, fused);
    print_direction(size, threads, "forward", result->forward_seconds, result->tokens,
                    result->forward_flops, forward_share, fused);
    printf("        snapshot, run.h5 and checkpoint %.3g ms; memory %.0f MB\n",
           1e3 * result->snapshot_seconds, 1e-6 * result->memory);
}

static const BenchSize *size_find(const char *name) {
    for (int i = 0; i < bench_size_count; i++)
        if (strcmp(bench_sizes[i].name, name) == 0)
            return &bench_sizes[i];
    return NULL;
}

static Status print_rows(const BenchSize *size, const CommandLine *line, double fused,
                         Error *error) {
    int threads[BENCH_THREAD_COUNTS] = {line->threads > 0 ? line->threads : 1, threads_available()};
    int count = line->threads > 0 || threads[1] == 1 ? 1 : 2;
    BenchResult results[BENCH_THREAD_COUNTS];
    int seconds = line->seconds > 0 ? line->seconds : default_seconds;
    TRY(bench_run(size, threads, count, seconds, line->profile, results, error));
    for (int i = 0; i < count; i++) {
        print_size(size, threads[i], fused, &results[i]);
        if (line->profile)
            print_profile(&results[i]);
    }
    if (count > 1)
        printf("        %d threads over 1: %.3f, median of %d turns\n", threads[1],
               results[1].scaling, results[1].turns);
    fflush(stdout);
    return STATUS_OK;
}

Status command_bench(const CommandLine *line, Arena *arena, Error *error) {
    (void)arena;
    const BenchSize *only = line->argument == NULL ? NULL : size_find(line->argument);
    if (line->argument != NULL && only == NULL)
        return error_set(error, STATUS_BAD_INPUT,
                         "there is no model size \"%s\"; the sizes are tiny, small, medium, large",
                         line->argument);
    char cpu[128];
    host_cpu_name(cpu);
    double sgemm = blas_measure_sgemm(BENCH_SGEMM, peak_seconds);
    double fused = bench_fused_peak(peak_seconds);
    printf("%s, OpenBLAS core %s, vectors %s; one core: SGEMM %d³ %.0f GFLOP/s, fused "
           "multiply-adds %.0f GFLOP/s\n",
           cpu, blas_core_name(), kernels()->name, BENCH_SGEMM, sgemm, fused);
    printf("size    threads  direction     tokens/s   GFLOP/s  of SGEMM   of peak\n");
    for (int i = 0; i < bench_size_count; i++)
        if (only == NULL || only == &bench_sizes[i])
            TRY(print_rows(&bench_sizes[i], line, fused, error));
    return STATUS_OK;
}
