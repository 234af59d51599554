/* A checksum at the end of every HDF5 file that is written here. HDF5 itself checks only part of
   what it reads: one flipped bit in the heap of a text attribute lets version 1.10 search forever.
   So a file is checked as a whole before HDF5 sees it. What follows a file's own end is not looked
   at by HDF5, h5py or netCDF; a program that changes the file cuts it off, and the file is then
   read unchecked. */
#ifndef FIDUCIAL_TRAIN_CHECKSUM_H
#define FIDUCIAL_TRAIN_CHECKSUM_H

#include "model/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What stands at the end: little-endian on every machine that is supported. */
typedef struct ChecksumTrailer {
    char mark[8];
    uint64_t bytes; /* of the file before the trailer */
    uint64_t sum;
} ChecksumTrailer;

ChecksumTrailer checksum_trailer(const void *data, size_t bytes);

/* The trailer of what is in a file now. */
Status checksum_of_file(const char *path, ChecksumTrailer *trailer, Error *error);

/* STATUS_FAILED where the file ends in a trailer that does not fit its content. Costs one reading
   of the file. */
Status checksum_verify(const char *path, Error *error);

/* Whether the file ends in a trailer, fitting or not. */
bool checksum_present(const char *path);

#endif
