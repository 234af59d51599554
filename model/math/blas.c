#include "model/math/blas.h"

#include "model/base/host.h"

#include <cblas.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

/* Instruction set that each of OpenBLAS's x86-64 cores uses: 0 SSE, 1 AVX, 2 AVX2, 3 AVX-512. */
static const struct {
    const char *core;
    int level;
} core_levels[] = {
    {"Sandybridge", 1},    {"Bulldozer", 1}, {"Piledriver", 1},
    {"Steamroller", 1},    {"Haswell", 2},   {"Zen", 2},
    {"Excavator", 2},      {"SkylakeX", 3},  {"Cooperlake", 3},
    {"SapphireRapids", 3},
};

static int core_level(const char *core) {
    for (size_t i = 0; i < sizeof core_levels / sizeof core_levels[0]; i++)
        if (strcasecmp(core, core_levels[i].core) == 0)
            return core_levels[i].level;
    return 0;
}

const char *blas_choose_core(const char *core, CpuFeatures features) {
    const char *best = NULL;
    if (features.avx512)
        best = features.amx ? "SapphireRapids" : features.avx512_bf16 ? "Cooperlake" : "SkylakeX";
    else if (features.avx2_fma)
        best = features.amd ? "Zen" : "Haswell";
    else if (features.avx)
        best = "Sandybridge";
    return best != NULL && core_level(best) > core_level(core) ? best : NULL;
}

#if defined(__x86_64__)
static CpuFeatures cpu_features(void) {
    CpuFeatures features = {0};
    __builtin_cpu_init();
    features.avx = __builtin_cpu_supports("avx");
    features.avx2_fma = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    features.avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
    unsigned a, b, c, d;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d))
        features.amx = (int)(d >> 24 & 1);
    if (__get_cpuid_count(7, 1, &a, &b, &c, &d))
        features.avx512_bf16 = (int)(a >> 5 & 1);
    features.amd = __builtin_cpu_is("amd");
    return features;
}
#endif

const char *blas_core_name(void) {
    return openblas_get_corename();
}

const char *blas_better_core(void) {
#if defined(__x86_64__)
    return blas_choose_core(blas_core_name(), cpu_features());
#else
    return NULL;
#endif
}

void blas_use_one_thread(void) {
    openblas_set_num_threads(1);
}

double blas_measure_sgemm(int size, double seconds) {
    size_t count = (size_t)size * (size_t)size;
    float *memory = malloc(3 * count * sizeof *memory);
    if (memory == NULL)
        return 0;
    for (size_t i = 0; i < 3 * count; i++)
        memory[i] = (float)(i % 17) * 0.1f;
    double best = 0, start = host_seconds();
    do {
        double begin = host_seconds();
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, size, size, size, 1, memory, size,
                    memory + count, size, 0, memory + 2 * count, size);
        double rate = 2e-9 * (double)count * size / (host_seconds() - begin);
        best = rate > best ? rate : best;
    } while (host_seconds() - start < seconds);
    free(memory);
    return best;
}
