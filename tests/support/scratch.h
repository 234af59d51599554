/* Scratch folders for tests that write files, and ways to damage those. */
#ifndef FIDUCIAL_TESTS_SCRATCH_H
#define FIDUCIAL_TESTS_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>

/* cmocka setup and teardown: *state is the path (char *) of a new empty folder, removed
   afterwards. */
int scratch_create(void **state);
int scratch_remove(void **state);

/* "<folder>/<name>", in one of a few static buffers: good until the eighth call after it. */
const char *scratch_path(void *const *state, const char *name);

/* Each fails the running test where it cannot do its work. */
void scratch_write(const char *path, const char *text);
void scratch_write_bytes(const char *path, const void *data, size_t bytes);
void scratch_truncate(const char *path, size_t bytes);
void scratch_flip(const char *path, size_t offset); /* the lowest bit of one byte */
size_t scratch_size(const char *path);
bool scratch_exists(const char *path);

/* Offset of the first occurrence of bytes in a file; fails the running test where there is none. */
size_t scratch_find(const char *path, const void *data, size_t bytes);

/* Writing past bytes fails with "File too large", as a full disk does with its own errno; 0: as
   before. */
void scratch_limit_file_size(size_t bytes);

/* Log lines go to a buffer that scratch_log_text returns; starts empty. */
void scratch_log_begin(void);
const char *scratch_log_text(void);

#endif
