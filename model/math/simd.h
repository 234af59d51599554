/* One vector type for each instruction set, by the compiler's vector extensions; error functions
   through SLEEF. Included by the vector kernels' sources only (kernels_body.h and what belongs to
   it), in a file compiled for that instruction set. */
#ifndef FIDUCIAL_MATH_SIMD_H
#define FIDUCIAL_MATH_SIMD_H

#include <math.h>
#include <sleef.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
enum { LANES = 16 };
#define TILE_ROWS 14 /* of gemm_body.h: 28 sums, 2 columns of B and a broadcast in 32 registers */
#define VECTOR_ERF(x) ((Vector)Sleef_erff16_u10avx512f((__m512)(x)))
#elif defined(__AVX2__) && defined(__FMA__)
enum { LANES = 8 };
#define TILE_ROWS 6 /* 12 sums, 2 of B and a broadcast in 16 registers */
#define VECTOR_ERF(x) ((Vector)Sleef_erff8_u10avx2((__m256)(x)))
#else
enum { LANES = 4 };
#if defined(__aarch64__)
#define VECTOR_ERF(x) ((Vector)Sleef_erff4_u10advsimd((float32x4_t)(x)))
#elif defined(__SSE2__)
#define VECTOR_ERF(x) ((Vector)Sleef_erff4_u10sse2((__m128)(x)))
#else
#error "no SLEEF vector error function is known for this processor"
#endif
#endif

typedef float Vector __attribute__((vector_size(LANES * sizeof(float))));
typedef int IntVector __attribute__((vector_size(LANES * sizeof(int))));
#if defined(__clang__)
#define VECTOR_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define VECTOR_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (IntVector){__VA_ARGS__})
#endif
#if defined(__AVX512F__)
#define VECTOR_INTERLEAVE_LOW(a, b)                                                                \
    VECTOR_SHUFFLE(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define VECTOR_INTERLEAVE_HIGH(a, b)                                                               \
    VECTOR_SHUFFLE(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#elif defined(__AVX2__)
#define VECTOR_INTERLEAVE_LOW(a, b) VECTOR_SHUFFLE(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define VECTOR_INTERLEAVE_HIGH(a, b) VECTOR_SHUFFLE(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#endif
typedef float LooseVector
    __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float)), may_alias));

static inline Vector vector_set(float value) {
    return value - (Vector){0};
}

static inline Vector vector_load(const float *source) {
    return *(const LooseVector *)source;
}

static inline void vector_store(float *target, Vector value) {
    *(LooseVector *)target = value;
}

/* The first count (0 … LANES) elements; the others are fill, resp. left alone. */
#if defined(__AVX512F__)
static inline Vector vector_load_part(const float *source, int count, float fill) {
    return (Vector)_mm512_mask_loadu_ps(_mm512_set1_ps(fill), (__mmask16)((1u << count) - 1),
                                        source);
}

static inline void vector_store_part(float *target, Vector value, int count) {
    _mm512_mask_storeu_ps(target, (__mmask16)((1u << count) - 1), (__m512)value);
}
#elif defined(__AVX2__)
static inline IntVector vector_part_mask(int count) {
    return (IntVector){0, 1, 2, 3, 4, 5, 6, 7} < (count - (IntVector){0});
}

static inline Vector vector_load_part(const float *source, int count, float fill) {
    IntVector mask = vector_part_mask(count);
    Vector read = (Vector)_mm256_maskload_ps(source, (__m256i)mask);
    return (Vector)((mask & (IntVector)read) | (~mask & (IntVector)vector_set(fill)));
}

static inline void vector_store_part(float *target, Vector value, int count) {
    _mm256_maskstore_ps(target, (__m256i)vector_part_mask(count), (__m256)value);
}
#else
static inline Vector vector_load_part(const float *source, int count, float fill) {
    Vector value = vector_set(fill);
    for (int i = 0; i < count; i++)
        value[i] = source[i];
    return value;
}

static inline void vector_store_part(float *target, Vector value, int count) {
    for (int i = 0; i < count; i++)
        target[i] = value[i];
}
#endif

static inline Vector vector_choose(IntVector mask, Vector yes, Vector no) {
    return (Vector)((mask & (IntVector)yes) | (~mask & (IntVector)no));
}

/* a where it is the larger, else b: a NaN in a is lost, one in b stays. */
static inline Vector vector_max(Vector a, Vector b) {
#if defined(__AVX512F__)
    return (Vector)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
    return (Vector)_mm256_max_ps((__m256)a, (__m256)b);
#else
    return vector_choose(a > b, a, b);
#endif
}

/* e^x = 2^n · e^r with n = round(x / ln 2), |r| ≤ ln 2 / 2, and e^r = 1 + r + r²·q(r), where q is
   the polynomial of degree 4 with the least largest error relative to e^r: 3.6e-9. Within 1 unit in
   the last place; 0 below −104 (−∞ included), ∞ above 88.73, NaN stays NaN. Inlined it takes half
   the time of a call to SLEEF, and softmax and sigmoid are made of little else. */
static inline Vector vector_exp(Vector x) {
    x = vector_max(vector_set(-104), -vector_max(vector_set(-89), -x));
#if defined(__AVX512F__)
    Vector n = (Vector)_mm512_roundscale_ps((__m512)(x * 1.44269504f), 8);
#else
    const Vector rounder = vector_set(0x1.8p23f); /* adding it leaves no digits behind the point */
    Vector n = (x * 1.44269504f + rounder) - rounder;
#endif
    Vector r = (x - n * 0x1.62e4p-1f) - n * 0x1.7f7d1cp-20f; /* ln 2 in two parts */
    Vector q =
        (((0x1.6a23dp-10f * r + 0x1.123a2p-7f) * r + 0x1.5558f2p-5f) * r + 0x1.555492p-3f) * r +
        0x1.fffffcp-2f;
    Vector power = q * (r * r) + r + 1.0f;
#if defined(__AVX512F__)
    return (Vector)_mm512_scalef_ps((__m512)power, (__m512)n);
#else
    IntVector whole = __builtin_convertvector(n, IntVector), half = whole >> 1;
    return power * (Vector)((half + 127) << 23) * (Vector)((whole - half + 127) << 23);
#endif
}

#ifdef TILE_ROWS
/* target [LANES][LANES] = source [LANES][LANES] transposed; strides in floats. Rounds of pairwise
   interleaving: after each, the blocks that are already in order double in size. */
static inline void vector_transpose(const float *source, int stride, float *target,
                                    int target_stride) {
    Vector row[LANES], next[LANES];
    for (int i = 0; i < LANES; i++)
        row[i] = vector_load(source + (size_t)i * (size_t)stride);
    for (int round = 1; round < LANES; round *= 2) {
        for (int i = 0; i < LANES / 2; i++) {
            next[2 * i] = VECTOR_INTERLEAVE_LOW(row[i], row[i + LANES / 2]);
            next[2 * i + 1] = VECTOR_INTERLEAVE_HIGH(row[i], row[i + LANES / 2]);
        }
        memcpy(row, next, sizeof row);
    }
    for (int i = 0; i < LANES; i++)
        vector_store(target + (size_t)i * (size_t)target_stride, row[i]);
}
#endif

/* Pairwise, in a fixed order. */
static inline float vector_sum(Vector value) {
#if defined(__AVX512F__)
    return _mm512_reduce_add_ps((__m512)value);
#else
    float part[LANES];
    memcpy(part, &value, sizeof part);
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++)
            part[i] += part[i + width];
    return part[0];
#endif
}

static inline float vector_largest(Vector value) {
#if defined(__AVX512F__)
    return _mm512_reduce_max_ps((__m512)value);
#else
    float part[LANES];
    memcpy(part, &value, sizeof part);
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++)
            part[i] = part[i] > part[i + width] ? part[i] : part[i + width];
    return part[0];
#endif
}

#endif
