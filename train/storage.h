/* Thin, checked helpers over HDF5: every failure becomes a sentence with the path, what was done
   and what the system said. A file is built in memory and reaches the disk in one go under a
   temporary name (a large one is built there, in room that is reserved first), is synced and
   renamed (train/durable.h), so that a reader never sees half a file and HDF5 never meets a full
   disk. Files are in the format of HDF5 1.8 and later (checksummed metadata, no time stamps: the
   same content gives the same bytes). HDF5 calls are made by one thread at a time. */
#ifndef FIDUCIAL_TRAIN_STORAGE_H
#define FIDUCIAL_TRAIN_STORAGE_H

#include "model/base/arena.h"
#include "train/durable.h"

#include <hdf5.h>
#include <stdbool.h>
#include <stdint.h>

enum { STORAGE_RANK_LARGEST = 8 };

/* A file being written: storage_create opens "<path>.tmp"; storage_commit writes, syncs and renames
   it to path; storage_abandon removes it. After either (also where commit fails) the writer is
   empty; an empty ({0}) or abandoned writer may be abandoned again. */
typedef struct StorageWriter {
    hid_t file; /* for the calls below; owned; 0 where empty */
    DurableFile target;
    bool on_disk; /* the file is built under its temporary name, not in memory */
} StorageWriter;

Status storage_create(StorageWriter *writer, const char *path, Error *error);

/* The same for a file of about bytes bytes: a large one is not built in memory but on disk, under
   its temporary name. */
Status storage_create_sized(StorageWriter *writer, const char *path, size_t bytes, Error *error);

/* The same for a file that is built on disk whatever its size, entry by entry. */
Status storage_create_on_disk(StorageWriter *writer, const char *path, size_t bytes, Error *error);
Status storage_commit(StorageWriter *writer, Error *error);
void storage_abandon(StorageWriter *writer);

/* As storage_commit, but a file that stands at the path is kept under the name kept. */
Status storage_commit_keeping(StorageWriter *writer, const char *kept, Error *error);

/* Whether there is a file at path. STATUS_FAILED where there is one that the system will not open,
   for want of rights, of descriptors or of the disk itself: that says nothing of its content, so
   that it must not be taken for damaged. */
Status storage_can_open(const char *path, bool *exists, Error *error);

/* Opens path for reading. A missing, truncated or damaged file is STATUS_FAILED with a sentence
   that says which and what to do. The caller closes with storage_close. */
Status storage_open(const char *path, hid_t *file, Error *error);
void storage_close(hid_t file);

/* STATUS_FAILED with "<path of file>: cannot <formatted text>: <what HDF5 said of its last
   failure>". */
Status storage_fail(hid_t file, Error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Datasets. name may hold "/": groups are made. type is a native memory type (H5T_NATIVE_FLOAT …).
   Contiguous, uncompressed; a dimension of 0 is allowed (data may then be NULL). */
Status storage_write(hid_t file, const char *name, hid_t type, int rank, const hsize_t *shape,
                     const void *data, Error *error);

/* A dataset that is written, and read again, one entry of its first dimension after the other.
   Every entry has to be written. Handles are closed with storage_end, before the file is committed
   or abandoned; 0 is none. */
Status storage_begin(hid_t file, const char *name, hid_t type, int rank, const hsize_t *shape,
                     hid_t *dataset, Error *error);
Status storage_write_entry(hid_t dataset, hid_t type, size_t entry, const void *data, Error *error);
Status storage_read_entry(hid_t dataset, hid_t type, size_t entry, void *data, Error *error);
void storage_end(hid_t dataset);

/* A vector of UTF-8 texts of any length, which h5py reads as text. */
Status storage_write_strings(hid_t file, const char *name, size_t count, const char *const *texts,
                             Error *error);

/* A float32 dataset [count][rows][columns] (columns = 0: [count][rows]) that shows, as its entry i,
   the dataset name of the file files[i]: a path relative to the folder of this file. What is
   missing there reads as NaN. */
Status storage_write_stack(hid_t file, const char *name, hsize_t rows, hsize_t columns,
                           size_t count, const char *const *files, Error *error);

/* Makes dataset scale a dimension scale of that name, and the scale of a dimension of a dataset. */
Status storage_make_scale(hid_t file, const char *scale, Error *error);
Status storage_attach_scale(hid_t file, const char *name, unsigned dimension, const char *scale,
                            Error *error);

/* The same for many variables (storage_links.c): each is linked to the scales of all its dimensions
   [rank], and storage_link_finish, once before the file is committed, tells the scales. Zeros but
   for the arena to begin with. */
typedef struct ScaleLink ScaleLink;
typedef struct ScaleLinks {
    Arena *arena;
    ScaleLink *items;
    size_t count, capacity;
} ScaleLinks;
Status storage_link_scales(hid_t file, ScaleLinks *links, const char *name, int rank,
                           const char *const *scales, Error *error);
Status storage_link_finish(hid_t file, ScaleLinks *links, Error *error);

/* Reads a whole dataset into data, which holds count elements of type; a dataset of another size is
   refused with both sizes in the message. */
Status storage_read(hid_t file, const char *name, hid_t type, size_t count, void *data,
                    Error *error);

/* Reads a vector of texts: (*texts)[*count], in arena. */
Status storage_read_strings(hid_t file, const char *name, Arena *arena, const char ***texts,
                            size_t *count, Error *error);

/* Shape of a dataset; zeros behind its dimensions. STATUS_FAILED where it is missing or has more
   dimensions than STORAGE_RANK_LARGEST. */
Status storage_shape(hid_t file, const char *name, int *rank, hsize_t shape[STORAGE_RANK_LARGEST],
                     Error *error);
bool storage_exists(hid_t file, const char *name);

/* Calls see for every dataset below group, by ascending name relative to it. A missing group has
   none. */
Status storage_list(hid_t file, const char *group, void (*see)(void *context, const char *name),
                    void *context, Error *error);

/* Makes the groups in name that are missing, without time stamps. */
Status storage_make_groups(hid_t file, const char *name, Error *error);

/* The dataset name of one file as a dataset of that name in another, with its texts. It has no
   dimension scales there, and is none. */
Status storage_copy(hid_t from, hid_t to, const char *name, Error *error);

/* The dimension scales of a file [count], by name and by what variables refer to them with. */
typedef struct StorageScales {
    size_t count;
    const char **names;
    hobj_ref_t *references;
} StorageScales;

Status storage_scales_read(hid_t file, Arena *arena, StorageScales *scales, Error *error);

/* Shape of a dataset, and the name of each dimension's scale: "" where it has none. */
Status storage_dimensions(hid_t file, const char *name, const StorageScales *scales, int *rank,
                          hsize_t shape[STORAGE_RANK_LARGEST],
                          const char *names[STORAGE_RANK_LARGEST], Error *error);

/* Attributes of object ("/" for the file itself; a dataset's path otherwise). Setting replaces.
   Texts may have any length. */
Status storage_set_text(hid_t file, const char *object, const char *name, const char *text,
                        Error *error);
Status storage_set_integer(hid_t file, const char *object, const char *name, int64_t value,
                           Error *error);
Status storage_set_real(hid_t file, const char *object, const char *name, double value,
                        Error *error);
Status storage_get_text(hid_t file, const char *object, const char *name, Arena *arena,
                        const char **text, Error *error);
Status storage_get_integer(hid_t file, const char *object, const char *name, int64_t *value,
                           Error *error);

/* Writes a text file under a temporary name, syncs, renames. */
Status storage_write_text(const char *path, const char *text, size_t bytes, Error *error);

/* mkdir -p. */
Status storage_make_directory(const char *path, Error *error);

#endif
