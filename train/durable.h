/* Files that are either whole or not there: written under "<path>.tmp" in the same folder, synced,
   renamed, and the folder synced. A full disk, an unwritable folder or a lost power line leaves the
   file of that name that was there before as it was. */
#ifndef FIDUCIAL_TRAIN_DURABLE_H
#define FIDUCIAL_TRAIN_DURABLE_H

#include "model/base/error.h"

#include <stddef.h>
#include <sys/uio.h>

enum { DURABLE_PATH_BYTES = 4096 };

typedef struct DurableFile {
    int descriptor; /* open for writing, −1 where none */
    char path[DURABLE_PATH_BYTES], temporary[DURABLE_PATH_BYTES + 8];
} DurableFile;

/* Opens "<path>.tmp", emptying what an interrupted writer left there. STATUS_FAILED with the
   errno's meaning where the folder is missing or cannot be written. */
Status durable_create(DurableFile *file, const char *path, Error *error);

/* Makes sure that the next bytes of the file can be written, by giving it that length.
   STATUS_FAILED with the errno's meaning where the disk, a quota or a limit does not allow it. */
Status durable_reserve(DurableFile *file, size_t bytes, Error *error);

/* Cuts the file to bytes; durable_commit writes behind them. */
Status durable_resize(DurableFile *file, size_t bytes, Error *error);

/* Writes the parts one after the other, syncs, moves an existing file at path to kept (NULL: it is
   replaced), renames and syncs the folder. On failure the temporary file is removed and what stood
   at path is untouched, there or, where only the last renaming failed, at kept. The file is closed
   either way. */
Status durable_commit(DurableFile *file, const struct iovec *parts, int count, const char *kept,
                      Error *error);

/* Closes and removes the temporary file. */
void durable_abandon(DurableFile *file);

#endif
