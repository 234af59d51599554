/* Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as
   1, 2, 3", SC 2011). A generator is named by (seed, stream, step, item); the same name gives the
   same numbers on every machine and at any time, so no random state is ever saved. */
#ifndef FIDUCIAL_BASE_RANDOM_H
#define FIDUCIAL_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Who draws. Each purpose has its own stream, so that looking never changes what is learned. */
typedef enum RandomStream {
    RANDOM_PARAMETERS = 1, /* initialisation; step = a hash of the parameter's name */
    RANDOM_TRAINING = 2,   /* training batches; step = training step, item = sequence */
    RANDOM_PROBE = 3,      /* the probe; item = sequence */
    RANDOM_VALIDATION = 4,
    RANDOM_SOURCE = 5,    /* what a data source draws once, e.g. its transition rows */
    RANDOM_BOOTSTRAP = 6, /* resamples of confidence intervals */
    RANDOM_NULL = 7,      /* permutations and other null draws of an analysis */
    RANDOM_INPUTS = 8,    /* sequences that an analysis makes up */
    RANDOM_TEST = 9,
    RANDOM_OBJECTIVE = 10, /* which tokens are masked; step = step and split, item = sequence */
    RANDOM_DROPOUT = 11,   /* see model/dropout.h */
} RandomStream;

typedef struct Random {
    uint32_t key[2];
    uint32_t counter[4];
    uint32_t buffer[4];
    int left; /* unused words in buffer */
} Random;

Random random_create(uint64_t seed, RandomStream stream, uint64_t step, uint32_t item);

uint32_t random_bits(Random *random);

/* Leaves out 4 · blocks words; nothing may have been drawn yet. */
void random_skip(Random *random, uint32_t blocks);

/* Uniform in [0, 1) with 53 bits. */
double random_uniform(Random *random);

/* Uniform in {0, …, count − 1}, unbiased (Lemire's rejection); count ≥ 1. */
uint32_t random_below(Random *random, uint32_t count);

/* Standard normal (Box–Muller, the cosine branch; two uniforms per value). */
double random_normal(Random *random);

/* Shuffles count items 0…count−1 into order (Fisher–Yates). */
void random_permutation(Random *random, size_t count, uint32_t *order);

#endif
