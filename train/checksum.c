#include "train/checksum.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char trailer_mark[8] = {'F', 'I', 'D', 'U', 'S', 'U', 'M', '1'};

enum { LANES = 4, BLOCK = LANES * sizeof(uint64_t), CHUNK = 2048 * BLOCK };

/* Four independent lanes keep the multiplier busy. Every step is invertible, so that damage within
   one word always changes the sum; any other damage passes once in 2⁶⁴. */
typedef struct Sum {
    uint64_t lane[LANES], bytes;
} Sum;

static uint64_t stir(uint64_t value, uint64_t word) {
    value = (value ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return value << 29 | value >> 35;
}

/* All calls but the last one take a multiple of BLOCK bytes. */
static void sum_add(Sum *sum, const unsigned char *data, size_t bytes) {
    sum->bytes += bytes;
    for (; bytes > 0; data += BLOCK) {
        uint64_t words[LANES] = {0};
        size_t taken = bytes < BLOCK ? bytes : BLOCK;
        memcpy(words, data, taken);
        for (int i = 0; i < LANES; i++)
            sum->lane[i] = stir(sum->lane[i], words[i]);
        bytes -= taken;
    }
}

static uint64_t sum_end(const Sum *sum) {
    uint64_t value = sum->bytes;
    for (int i = 0; i < LANES; i++)
        value = stir(value, sum->lane[i]);
    return value;
}

static ChecksumTrailer trailer_of(const Sum *sum) {
    ChecksumTrailer trailer = {.bytes = sum->bytes, .sum = sum_end(sum)};
    memcpy(trailer.mark, trailer_mark, sizeof trailer_mark);
    return trailer;
}

ChecksumTrailer checksum_trailer(const void *data, size_t bytes) {
    Sum sum = {.bytes = 0};
    sum_add(&sum, data, bytes);
    return trailer_of(&sum);
}

/* Returns whether bytes could be read at offset; errno says why not (0: the file has ended). */
static bool read_at(int descriptor, void *data, size_t bytes, size_t offset) {
    size_t filled = 0;
    while (filled < bytes) {
        ssize_t got =
            pread(descriptor, (char *)data + filled, bytes - filled, (off_t)(offset + filled));
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0)
            errno = 0;
        if (got <= 0)
            return false;
        filled += (size_t)got;
    }
    return true;
}

/* Adds the file's first bytes bytes. Returns false where reading failed. */
static bool sum_file(int descriptor, size_t bytes, Sum *sum) {
    unsigned char chunk[CHUNK];
    for (size_t at = 0; at < bytes; at += CHUNK) {
        size_t taken = bytes - at < CHUNK ? bytes - at : CHUNK;
        if (!read_at(descriptor, chunk, taken, at))
            return false;
        sum_add(sum, chunk, taken);
    }
    return true;
}

Status checksum_of_file(const char *path, ChecksumTrailer *trailer, Error *error) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    struct stat information;
    Sum sum = {.bytes = 0};
    if (descriptor < 0 || fstat(descriptor, &information) != 0 ||
        !sum_file(descriptor, (size_t)information.st_size, &sum)) {
        Status status = error_errno(error, STATUS_FAILED, "cannot read back %s", path);
        if (descriptor >= 0)
            close(descriptor);
        return status;
    }
    close(descriptor);
    *trailer = trailer_of(&sum);
    return STATUS_OK;
}

/* *sound: whether there is no trailer, or one that fits. Returns false where reading failed. */
static bool verify(int descriptor, bool *sound) {
    struct stat information;
    if (fstat(descriptor, &information) != 0)
        return false;
    size_t size = (size_t)information.st_size;
    ChecksumTrailer trailer;
    *sound = true;
    if (size < sizeof trailer)
        return true;
    size_t content = size - sizeof trailer;
    if (!read_at(descriptor, &trailer, sizeof trailer, content))
        return false;
    if (memcmp(trailer.mark, trailer_mark, sizeof trailer_mark) != 0)
        return true;
    Sum sum = {.bytes = 0};
    if (!sum_file(descriptor, content, &sum))
        return false;
    *sound = trailer.bytes == content && trailer.sum == sum_end(&sum);
    return true;
}

Status checksum_verify(const char *path, Error *error) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return error_errno(error, STATUS_FAILED, "cannot read %s", path);
    bool sound = false;
    Status status = STATUS_OK;
    if (!verify(descriptor, &sound))
        status = error_errno(error, STATUS_FAILED, "cannot read %s", path);
    else if (!sound)
        status =
            error_set(error, STATUS_FAILED,
                      "cannot read %s: it is damaged (its content does not fit the checksum at "
                      "its end); remove it and run again to make it anew",
                      path);
    close(descriptor);
    return status;
}

bool checksum_present(const char *path) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    struct stat information;
    ChecksumTrailer trailer;
    bool present = descriptor >= 0 && fstat(descriptor, &information) == 0 &&
                   (size_t)information.st_size >= sizeof trailer &&
                   read_at(descriptor, &trailer, sizeof trailer,
                           (size_t)information.st_size - sizeof trailer) &&
                   memcmp(trailer.mark, trailer_mark, sizeof trailer_mark) == 0;
    if (descriptor >= 0)
        close(descriptor);
    return present;
}
