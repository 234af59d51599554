#include "model/dropout.h"

#include "model/base/random.h"
#include "model/math/kernels.h"

#include <math.h>

/* Random words at a time, a multiple of 4: they stay in the first-level cache. */
enum { PORTION = 1024 };

/* A rate as random words see it. */
typedef struct Mask {
    uint32_t threshold;
    float scale;
} Mask;

static Mask mask_of(double rate) {
    return (Mask){(uint32_t)ceil(rate * 0x1p32), (float)(1 / (1 - rate))};
}

static void drop(Random *random, Mask mask, size_t count, const float *in, float *out) {
    uint32_t words[PORTION];
    for (size_t first = 0; first < count; first += PORTION) {
        size_t portion = count - first < PORTION ? count - first : PORTION;
        size_t blocks = (portion + 3) / 4;
        kernels()->philox(random->key, random->counter, blocks, words);
        random_skip(random, (uint32_t)blocks);
        for (size_t i = 0; i < portion; i++)
            out[first + i] = words[i] < mask.threshold ? 0 : mask.scale * in[first + i];
    }
}

static Random random_of(const Dropout *dropout, int place, int sequence) {
    return random_create(dropout->seed, RANDOM_DROPOUT, (uint64_t)place << 40 | dropout->step,
                         (uint32_t)(dropout->first_sequence + sequence));
}

void dropout_apply(const Dropout *dropout, int place, int sequences, size_t count, const float *in,
                   float *out) {
    Mask mask = mask_of(dropout->rate);
    for (int s = 0; s < sequences; s++) {
        Random random = random_of(dropout, place, s);
        drop(&random, mask, count, in + (size_t)s * count, out + (size_t)s * count);
    }
}

void dropout_weights(const Dropout *dropout, int place, int sequence, int query, size_t count,
                     float *weights) {
    Random random = random_of(dropout, place, sequence);
    random_skip(&random, (uint32_t)query << 14);
    drop(&random, mask_of(dropout->weight_rate), count, weights, weights);
}
