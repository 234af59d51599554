/* Philox4x32-10 of many counters at once (see model/base/random.h); included by kernels_body.h
   only. */

typedef uint32_t WordVector __attribute__((vector_size(LANES * sizeof(uint32_t))));
typedef uint64_t WideVector __attribute__((vector_size(LANES * sizeof(uint32_t))));

/* The products of the even words of a and b, 64 bits each. */
static inline WideVector multiply_even(WideVector a, WideVector b) {
#if defined(__AVX512F__)
    return (WideVector)_mm512_mul_epu32((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
    return (WideVector)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
    return (WideVector)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
    return (a & UINT32_MAX) * (b & UINT32_MAX);
#endif
}

/* The upper and the lower half of factor · a. */
static inline void multiply_words(uint32_t factor, WordVector a, WordVector *high,
                                  WordVector *low) {
    WideVector by = factor - (WideVector){0}, lower = UINT32_MAX - (WideVector){0};
    WideVector even = multiply_even((WideVector)a, by);
    WideVector odd = multiply_even((WideVector)a >> 32, by);
    *high = (WordVector)((even >> 32) | (odd & ~lower));
    *low = (WordVector)((even & lower) | (odd << 32));
}

static void philox_round(WordVector word[4], const uint32_t key[2]) {
    WordVector first_high, first_low, second_high, second_low;
    multiply_words(0xD2511F53u, word[0], &first_high, &first_low);
    multiply_words(0xCD9E8D57u, word[2], &second_high, &second_low);
    word[0] = second_high ^ word[1] ^ key[0];
    word[1] = second_low;
    word[2] = first_high ^ word[3] ^ key[1];
    word[3] = first_low;
}

static void philox(const uint32_t key_in[2], const uint32_t counter[4], size_t blocks,
                   uint32_t *words) {
    WordVector numbers = {0};
    for (int lane = 0; lane < LANES; lane++)
        numbers[lane] = (uint32_t)lane;
    for (size_t first = 0; first < blocks; first += LANES, words += 4 * LANES) {
        uint32_t key[2] = {key_in[0], key_in[1]}, made[4][LANES];
        WordVector word[4] = {numbers + (counter[0] + (uint32_t)first)};
        for (int i = 1; i < 4; i++)
            word[i] = counter[i] - (WordVector){0};
        for (int round = 0; round < 10; round++) {
            philox_round(word, key);
            key[0] += 0x9E3779B9u;
            key[1] += 0xBB67AE85u;
        }
        memcpy(made, word, sizeof made);
        size_t left = blocks - first < LANES ? blocks - first : LANES;
        for (size_t b = 0; b < left; b++)
            for (int i = 0; i < 4; i++)
                words[4 * b + (size_t)i] = made[i][b];
    }
}
