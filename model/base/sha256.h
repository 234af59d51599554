/* SHA-256 (FIPS 180-4), for the identity of runs, configurations and parameters. */
#ifndef FIDUCIAL_BASE_SHA256_H
#define FIDUCIAL_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

typedef struct Sha256 {
    uint32_t state[8];
    uint64_t length; /* bytes so far */
    uint8_t block[64];
    void (*compress)(uint32_t state[8], const uint8_t *blocks,
                     size_t count); /* for this processor */
} Sha256;

Sha256 sha256_begin(void);
void sha256_add(Sha256 *hash, const void *data, size_t bytes);

/* Lower-case hexadecimal digest with its terminating zero. */
void sha256_end(Sha256 *hash, char hex[65]);

void sha256_of(const void *data, size_t bytes, char hex[65]);

#endif
