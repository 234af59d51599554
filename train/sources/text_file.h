/* Text files for the data sources: read whole, checked to be UTF-8. */
#ifndef FIDUCIAL_TRAIN_SOURCES_TEXT_FILE_H
#define FIDUCIAL_TRAIN_SOURCES_TEXT_FILE_H

#include "model/base/arena.h"

#include <stdbool.h>
#include <stdint.h>

/* Bytes that were read; not closed by a zero. */
typedef struct Text {
    unsigned char *bytes;
    size_t count;
    size_t files;         /* they came from */
    const size_t *starts; /* [files]: where each begins */
} Text;

/* Largest text: offsets are 32-bit random numbers. */
#define TEXT_LARGEST ((size_t)UINT32_MAX)

/* path, taken from base_directory where it is relative; in arena. */
const char *text_path(const char *path, const char *base_directory, Arena *arena);

/* Reads a file, or all text files below a folder in the order of their paths' bytes, joined with a
   newline. suffixes: a comma-separated list (".c,.h") that limits a folder's files, "" for all. In
   a folder, hidden entries, symbolic links, folders named build… or results, and files that are not
   UTF-8 or hold a zero byte are left out. STATUS_BAD_INPUT where the path is missing or unreadable,
   nothing remains, a single file is empty or not UTF-8 (the message has the offset), or there is
   more than TEXT_LARGEST; STATUS_FAILED where memory is short. */
Status text_read(const char *path, const char *suffixes, Arena *arena, Text *text, Error *error);

/* Reads a regular file of any content, up to TEXT_LARGEST · scale bytes; errors as above. */
Status file_read_whole(const char *path, size_t scale, Arena *arena, Text *text, Error *error);

/* A short printable name of a code point (UTF-8, at most 15 bytes): "e", "␣", "\n", "x0C", "ß". */
void text_symbol_name(uint32_t code_point, char name[16]);

#endif
