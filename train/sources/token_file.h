/* Files of token numbers, as the public C and Python trainers write them. */
#ifndef FIDUCIAL_TRAIN_SOURCES_TOKEN_FILE_H
#define FIDUCIAL_TRAIN_SOURCES_TOKEN_FILE_H

#include "train/sources/corpus.h"

typedef enum TokenFormat { FORMAT_AUTO, FORMAT_UINT16, FORMAT_UINT32, FORMAT_NPY } TokenFormat;

extern const char *const token_format_names[]; /* for FIELD_CHOICE */

/* Reads a whole file of
   - little-endian uint16 or uint32 numbers without a header (the format must be given),
   - the same behind a header of 256 int32: 20240520, version 1, number of tokens (llm.c's, for
   uint16)
     or 20240801, version 7 (llm.c's, for uint32); which of the two widths, its size tells,
   - NumPy's .npy of integers, little-endian, of any shape in C order (rows are joined).
   Fills corpus's data, type and [0, end) and the SHA-256 of the file's bytes. STATUS_BAD_INPUT,
   with the path in the message, where the file cannot be read, is none of these, or its size is not
   what its header says. */
Status token_file_read(const char *path, TokenFormat format, Arena *arena, Corpus *corpus,
                       char fingerprint[65], Error *error);

#endif
