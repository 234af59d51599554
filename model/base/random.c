#include "model/base/random.h"

#include <math.h>

static void philox_block(const uint32_t key_in[2], const uint32_t counter[4], uint32_t out[4]) {
    uint32_t key[2] = {key_in[0], key_in[1]};
    uint32_t word[4] = {counter[0], counter[1], counter[2], counter[3]};
    for (int round = 0; round < 10; round++) {
        uint64_t first = (uint64_t)0xD2511F53u * word[0];
        uint64_t second = (uint64_t)0xCD9E8D57u * word[2];
        uint32_t next[4] = {(uint32_t)(second >> 32) ^ word[1] ^ key[0], (uint32_t)second,
                            (uint32_t)(first >> 32) ^ word[3] ^ key[1], (uint32_t)first};
        for (int i = 0; i < 4; i++)
            word[i] = next[i];
        key[0] += 0x9E3779B9u;
        key[1] += 0xBB67AE85u;
    }
    for (int i = 0; i < 4; i++)
        out[i] = word[i];
}

/* The key is seed and stream mixed (splitmix64), so that seeds above 2³² stay distinct; the counter
   is (block, item, step low, step high). */
Random random_create(uint64_t seed, RandomStream stream, uint64_t step, uint32_t item) {
    uint64_t mixed = seed + 0x9E3779B97F4A7C15u * (uint64_t)stream;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
    mixed ^= mixed >> 31;
    return (Random){.key = {(uint32_t)mixed, (uint32_t)(mixed >> 32)},
                    .counter = {0, item, (uint32_t)step, (uint32_t)(step >> 32)}};
}

uint32_t random_bits(Random *random) {
    if (random->left == 0) {
        philox_block(random->key, random->counter, random->buffer);
        random->counter[0]++;
        random->left = 4;
    }
    return random->buffer[4 - random->left--];
}

void random_skip(Random *random, uint32_t blocks) {
    random->counter[0] += blocks;
}

double random_uniform(Random *random) {
    uint64_t high = random_bits(random) >> 5, low = random_bits(random) >> 6;
    return (double)((high << 26) | low) * 0x1p-53;
}

uint32_t random_below(Random *random, uint32_t count) {
    uint64_t product = (uint64_t)random_bits(random) * count;
    if ((uint32_t)product < count) {
        uint32_t threshold = (uint32_t)(-count) % count;
        while ((uint32_t)product < threshold)
            product = (uint64_t)random_bits(random) * count;
    }
    return (uint32_t)(product >> 32);
}

double random_normal(Random *random) {
    double radius = sqrt(-2.0 * log(1.0 - random_uniform(random)));
    return radius * cos(2.0 * 3.14159265358979323846 * random_uniform(random));
}

void random_permutation(Random *random, size_t count, uint32_t *order) {
    for (size_t i = 0; i < count; i++)
        order[i] = (uint32_t)i;
    for (size_t i = count; i > 1; i--) {
        uint32_t j = random_below(random, (uint32_t)i);
        uint32_t kept = order[i - 1];
        order[i - 1] = order[j];
        order[j] = kept;
    }
}
