#include "train/storage.h"

#include "train/checksum.h"

#include <errno.h>
#include <fcntl.h>
#include <hdf5_hl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Step by which a file being built grows in memory. */
static const size_t memory_increment = (size_t)1 << 18;

/* Beyond this, a file is built on disk. */
static const size_t largest_in_memory = (size_t)1 << 25;

/* ---- Errors -------------------------------------------------------------------------------- */

/* HDF5 would print its error stack; the stack is read by storage_fail instead. */
static void silence(void) {
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

typedef struct Reason {
    char text[512];
    bool system; /* text is the meaning of an errno, which says more than HDF5's layers do */
} Reason;

/* Keeps the innermost record's text, or that of the system where one is quoted. */
static herr_t reason_see(unsigned depth, const H5E_error2_t *record, void *context) {
    (void)depth;
    Reason *reason = context;
    static const char quoted[] = "error message = '";
    const char *message = record->desc == NULL ? NULL : strstr(record->desc, quoted);
    if (message != NULL) {
        message += sizeof quoted - 1;
        snprintf(reason->text, sizeof reason->text, "%.*s", (int)strcspn(message, "'"), message);
        reason->system = true;
    } else if (reason->text[0] == '\0' && record->desc != NULL) {
        snprintf(reason->text, sizeof reason->text, "%s", record->desc);
    }
    return reason->system ? 1 : 0;
}

static Reason reason_find(void) {
    Reason reason = {.text = ""};
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, reason_see, &reason);
    if (reason.text[0] == '\0')
        snprintf(reason.text, sizeof reason.text, "HDF5 gives no reason");
    return reason;
}

static void file_path(hid_t file, char path[DURABLE_PATH_BYTES]) {
    if (H5Fget_name(file, path, DURABLE_PATH_BYTES) <= 0)
        snprintf(path, DURABLE_PATH_BYTES, "HDF5 file");
}

Status storage_fail(hid_t file, Error *error, const char *format, ...) {
    Reason reason = reason_find();
    char path[DURABLE_PATH_BYTES], what[1024];
    file_path(file, path);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    return error_set(error, STATUS_FAILED, "%s: cannot %s: %s", path, what, reason.text);
}

/* ---- Files --------------------------------------------------------------------------------- */

static Status create(StorageWriter *writer, const char *path, size_t bytes, bool on_disk,
                     Error *error) {
    silence();
    *writer = (StorageWriter){.target.descriptor = -1, .on_disk = on_disk};
    TRY(durable_create(&writer->target, path, error));
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), creation = H5Pcreate(H5P_FILE_CREATE);
    if (writer->on_disk)
        path = writer->target.temporary;
    else
        H5Pset_fapl_core(access, memory_increment, false);
    H5Pset_file_locking(access, false, true);
    H5Pset_sieve_buf_size(access, 0); /* an entry goes to the file as it is given */
    H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_LATEST);
    H5Pset_obj_track_times(creation, false);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, creation, access);
    Reason reason = file < 0 ? reason_find() : (Reason){.text = ""};
    H5Pclose(access);
    H5Pclose(creation);
    if (file < 0) {
        durable_abandon(&writer->target);
        return error_set(error, STATUS_FAILED, "%s: cannot start an HDF5 file: %s", path,
                         reason.text);
    }
    writer->file = file;
    if (!writer->on_disk)
        return STATUS_OK;
    Status status = durable_reserve(&writer->target, bytes + bytes / 64 + memory_increment, error);
    if (status != STATUS_OK)
        storage_abandon(writer);
    return status;
}

Status storage_create(StorageWriter *writer, const char *path, Error *error) {
    return create(writer, path, 0, false, error);
}

Status storage_create_sized(StorageWriter *writer, const char *path, size_t bytes, Error *error) {
    return create(writer, path, bytes, bytes > largest_in_memory, error);
}

Status storage_create_on_disk(StorageWriter *writer, const char *path, size_t bytes, Error *error) {
    return create(writer, path, bytes, true, error);
}

void storage_abandon(StorageWriter *writer) {
    if (writer->file <= 0)
        return;
    H5Fclose(writer->file);
    durable_abandon(&writer->target);
    writer->file = 0;
}

/* The room was reserved at the start, since HDF5 1.10 does not survive a disk that fills up under
   it; what was too much is given back. */
static Status commit_from_disk(StorageWriter *writer, const char *kept, Error *error) {
    Status status = STATUS_OK;
    hsize_t bytes = 0;
    if (H5Fflush(writer->file, H5F_SCOPE_GLOBAL) < 0 || H5Fget_filesize(writer->file, &bytes) < 0)
        status = storage_fail(writer->file, error, "finish the file");
    if (H5Fclose(writer->file) < 0 && status == STATUS_OK)
        status = error_set(error, STATUS_FAILED, "cannot finish %s", writer->target.path);
    writer->file = 0;
    ChecksumTrailer trailer;
    if (status == STATUS_OK)
        status = durable_resize(&writer->target, (size_t)bytes, error);
    if (status == STATUS_OK)
        status = checksum_of_file(writer->target.temporary, &trailer, error);
    if (status != STATUS_OK) {
        durable_abandon(&writer->target);
        return status;
    }
    return durable_commit(&writer->target, &(struct iovec){&trailer, sizeof trailer}, 1, kept,
                          error);
}

Status storage_commit_keeping(StorageWriter *writer, const char *kept, Error *error) {
    if (writer->on_disk)
        return commit_from_disk(writer, kept, error);
    /* The handle of a file in memory is the address of its bytes' address; its length is that of
       its image. */
    void *handle = NULL;
    ssize_t bytes = -1;
    if (H5Fflush(writer->file, H5F_SCOPE_GLOBAL) >= 0 &&
        H5Fget_vfd_handle(writer->file, H5P_DEFAULT, &handle) >= 0)
        bytes = H5Fget_file_image(writer->file, NULL, 0);
    if (bytes < 0 || handle == NULL) {
        Status status = storage_fail(writer->file, error, "finish the file");
        storage_abandon(writer);
        return status;
    }
    void *image = *(void **)handle;
    ChecksumTrailer trailer = checksum_trailer(image, (size_t)bytes);
    const struct iovec parts[] = {{image, (size_t)bytes}, {&trailer, sizeof trailer}};
    Status status = durable_commit(&writer->target, parts, 2, kept, error);
    H5Fclose(writer->file);
    writer->file = 0;
    return status;
}

Status storage_commit(StorageWriter *writer, Error *error) {
    return storage_commit_keeping(writer, NULL, error);
}

Status storage_can_open(const char *path, bool *exists, Error *error) {
    int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    *exists = descriptor >= 0 || errno != ENOENT;
    if (descriptor >= 0)
        close(descriptor);
    else if (*exists)
        return error_errno(error, STATUS_FAILED, "cannot read %s", path);
    return STATUS_OK;
}

Status storage_open(const char *path, hid_t *file, Error *error) {
    silence();
    *file = 0;
    struct stat information;
    if (stat(path, &information) != 0)
        return error_errno(error, STATUS_FAILED, "cannot read %s", path);
    if (!S_ISREG(information.st_mode))
        return error_set(error, STATUS_FAILED, "cannot read %s: it is not a regular file", path);
    if (information.st_size == 0)
        return error_set(error, STATUS_FAILED,
                         "cannot read %s: it is empty (0 bytes), so its content is lost; remove it "
                         "and run again to make it anew",
                         path);
    TRY(checksum_verify(path, error));
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    /* Files are replaced whole, never changed: there is nothing to lock, and some shared file
       systems cannot. */
    H5Pset_file_locking(access, false, true);
    hid_t opened = H5Fopen(path, H5F_ACC_RDONLY, access);
    Reason reason = opened < 0 ? reason_find() : (Reason){.text = ""};
    H5Pclose(access);
    if (opened < 0) {
        if (reason.system)
            return error_set(error, STATUS_FAILED, "cannot read %s: %s", path, reason.text);
        return error_set(error, STATUS_FAILED,
                         "cannot read %s (%lld bytes): it is damaged or not an HDF5 file (%s); "
                         "remove it and run again to make it anew",
                         path, (long long)information.st_size, reason.text);
    }
    *file = opened;
    return STATUS_OK;
}

void storage_close(hid_t file) {
    if (file > 0)
        H5Fclose(file);
}

/* ---- Datasets ------------------------------------------------------------------------------ */

/* H5Pset_create_intermediate_group would give them time stamps. */
Status storage_make_groups(hid_t file, const char *name, Error *error) {
    hid_t creation = H5Pcreate(H5P_GROUP_CREATE);
    H5Pset_obj_track_times(creation, false);
    Status status = STATUS_OK;
    for (const char *slash = strchr(name + 1, '/'); slash != NULL && status == STATUS_OK;
         slash = strchr(slash + 1, '/')) {
        char group[1024];
        snprintf(group, sizeof group, "%.*s", (int)(slash - name), name);
        if (H5Lexists(file, group, H5P_DEFAULT) > 0)
            continue;
        hid_t made = H5Gcreate2(file, group, H5P_DEFAULT, creation, H5P_DEFAULT);
        if (made >= 0)
            H5Gclose(made);
        else
            status = storage_fail(file, error, "make the group %s", group);
    }
    H5Pclose(creation);
    return status;
}

/* A new dataset; creation is closed. (HDF5 forgets why a call failed at its next call, so a failure
   is put into words before anything is closed.) */
static Status dataset_create(hid_t file, const char *name, hid_t type, int rank,
                             const hsize_t *shape, hid_t creation, hid_t *dataset, Error *error) {
    H5Pset_obj_track_times(creation, false);
    hid_t space = rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(rank, shape, NULL);
    Status status = space >= 0 ? storage_make_groups(file, name, error)
                               : storage_fail(file, error, "give %s its shape", name);
    if (status == STATUS_OK) {
        *dataset = H5Dcreate2(file, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
        if (*dataset < 0)
            status = storage_fail(file, error, "make the dataset %s", name);
    }
    if (space >= 0)
        H5Sclose(space);
    H5Pclose(creation);
    return status;
}

Status storage_write(hid_t file, const char *name, hid_t type, int rank, const hsize_t *shape,
                     const void *data, Error *error) {
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE), dataset = -1;
    if (H5Tis_variable_str(type) <= 0) /* HDF5 insists on filling those */
        H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER);
    TRY(dataset_create(file, name, type, rank, shape, creation, &dataset, error));
    hsize_t count = 1;
    for (int i = 0; i < rank; i++)
        count *= shape[i];
    Status status = STATUS_OK;
    if (count > 0 && H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
        status = storage_fail(file, error, "write %s", name);
    H5Dclose(dataset);
    return status;
}

/* Maps entry i of the stack to the dataset name of files[i]. */
static Status stack_map(hid_t file, hid_t creation, const char *name, int rank,
                        const hsize_t *shape, const char *const *files, Error *error) {
    hid_t stack = H5Screate_simple(rank, shape, NULL);
    hid_t source = H5Screate_simple(rank - 1, shape + 1, NULL);
    bool sound = stack >= 0 && source >= 0;
    for (hsize_t i = 0; i < shape[0] && sound; i++) {
        hsize_t start[3] = {i}, count[3] = {1, shape[1], rank == 3 ? shape[2] : 1};
        sound = H5Sselect_hyperslab(stack, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
                H5Pset_virtual(creation, stack, files[i], name, source) >= 0;
    }
    Status status = sound ? STATUS_OK
                          : storage_fail(file, error, "map %s onto %llu files", name,
                                         (unsigned long long)shape[0]);
    if (stack >= 0)
        H5Sclose(stack);
    if (source >= 0)
        H5Sclose(source);
    return status;
}

Status storage_write_stack(hid_t file, const char *name, hsize_t rows, hsize_t columns,
                           size_t count, const char *const *files, Error *error) {
    hsize_t shape[3] = {count, rows, columns};
    int rank = columns == 0 ? 2 : 3;
    const float missing = NAN;
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE), dataset = -1;
    H5Pset_fill_value(creation, H5T_NATIVE_FLOAT, &missing);
    Status status = stack_map(file, creation, name, rank, shape, files, error);
    if (status != STATUS_OK) {
        H5Pclose(creation);
        return status;
    }
    TRY(dataset_create(file, name, H5T_NATIVE_FLOAT, rank, shape, creation, &dataset, error));
    H5Dclose(dataset);
    return STATUS_OK;
}

Status storage_make_scale(hid_t file, const char *scale, Error *error) {
    hid_t dataset = H5Dopen2(file, scale, H5P_DEFAULT);
    const char *label = strrchr(scale, '/');
    bool sound = dataset >= 0 && H5DSset_scale(dataset, label == NULL ? scale : label + 1) >= 0;
    Status status =
        sound ? STATUS_OK : storage_fail(file, error, "make %s a dimension scale", scale);
    if (dataset >= 0)
        H5Dclose(dataset);
    return status;
}

Status storage_attach_scale(hid_t file, const char *name, unsigned dimension, const char *scale,
                            Error *error) {
    hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT), other = H5Dopen2(file, scale, H5P_DEFAULT);
    bool sound = dataset >= 0 && other >= 0 && H5DSattach_scale(dataset, other, dimension) >= 0;
    Status status = sound ? STATUS_OK
                          : storage_fail(file, error, "attach the scale %s to dimension %u of %s",
                                         scale, dimension, name);
    if (dataset >= 0)
        H5Dclose(dataset);
    if (other >= 0)
        H5Dclose(other);
    return status;
}

Status storage_shape(hid_t file, const char *name, int *rank, hsize_t shape[STORAGE_RANK_LARGEST],
                     Error *error) {
    hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
    if (dataset < 0)
        return storage_fail(file, error, "find the dataset %s", name);
    hid_t space = H5Dget_space(dataset);
    *rank = H5Sget_simple_extent_ndims(space);
    memset(shape, 0, STORAGE_RANK_LARGEST * sizeof *shape);
    bool sound = *rank >= 0 && *rank <= STORAGE_RANK_LARGEST &&
                 H5Sget_simple_extent_dims(space, shape, NULL) >= 0;
    Status status = sound ? STATUS_OK : storage_fail(file, error, "read the shape of %s", name);
    if (space >= 0)
        H5Sclose(space);
    H5Dclose(dataset);
    return status;
}

Status storage_read(hid_t file, const char *name, hid_t type, size_t count, void *data,
                    Error *error) {
    int rank;
    hsize_t shape[STORAGE_RANK_LARGEST], held = 1;
    TRY(storage_shape(file, name, &rank, shape, error));
    for (int i = 0; i < rank; i++)
        held *= shape[i];
    if (held != count) {
        char path[DURABLE_PATH_BYTES];
        file_path(file, path);
        return error_set(error, STATUS_FAILED, "%s: %s holds %llu values, not %zu", path, name,
                         (unsigned long long)held, count);
    }
    hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
    bool sound = dataset >= 0;
    if (sound && count > 0)
        sound = H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0;
    Status status = sound ? STATUS_OK : storage_fail(file, error, "read %s", name);
    if (dataset >= 0)
        H5Dclose(dataset);
    return status;
}

/* ---- Datasets by entry ----------------------------------------------------------------------- */

Status storage_begin(hid_t file, const char *name, hid_t type, int rank, const hsize_t *shape,
                     hid_t *dataset, Error *error) {
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER);
    hid_t made = -1;
    TRY(dataset_create(file, name, type, rank, shape, creation, &made, error));
    *dataset = made;
    return STATUS_OK;
}

void storage_end(hid_t dataset) {
    if (dataset > 0)
        H5Dclose(dataset);
}

/* The spaces of one entry: in the file, and of the same shape in memory. */
static bool entry_spaces(hid_t dataset, size_t entry, hid_t *in_file, hid_t *in_memory) {
    hsize_t shape[STORAGE_RANK_LARGEST] = {0}, start[STORAGE_RANK_LARGEST] = {entry};
    *in_file = H5Dget_space(dataset);
    *in_memory = -1;
    int rank = H5Sget_simple_extent_ndims(*in_file);
    if (rank < 1 || rank > STORAGE_RANK_LARGEST ||
        H5Sget_simple_extent_dims(*in_file, shape, NULL) < 0)
        return false;
    shape[0] = 1;
    *in_memory = H5Screate_simple(rank, shape, NULL);
    return *in_memory >= 0 &&
           H5Sselect_hyperslab(*in_file, H5S_SELECT_SET, start, NULL, shape, NULL) >= 0;
}

static Status entry_failed(hid_t dataset, const char *action, size_t entry, Error *error) {
    char name[1024] = "a dataset";
    Reason reason = reason_find();
    hid_t file = H5Iget_file_id(dataset);
    char path[DURABLE_PATH_BYTES];
    file_path(file, path);
    H5Iget_name(dataset, name, sizeof name);
    if (file >= 0)
        H5Fclose(file);
    return error_set(error, STATUS_FAILED, "%s: cannot %s entry %zu of %s: %s", path, action, entry,
                     name, reason.text);
}

/* data is read where into is NULL. */
static Status move_entry(hid_t dataset, hid_t type, size_t entry, const void *data, void *into,
                         Error *error) {
    hid_t in_file, in_memory;
    bool sound = entry_spaces(dataset, entry, &in_file, &in_memory);
    if (sound && into == NULL)
        sound = H5Dwrite(dataset, type, in_memory, in_file, H5P_DEFAULT, data) >= 0;
    else if (sound)
        sound = H5Dread(dataset, type, in_memory, in_file, H5P_DEFAULT, into) >= 0;
    const char *action = into == NULL ? "write" : "read";
    Status status = sound ? STATUS_OK : entry_failed(dataset, action, entry, error);
    if (in_memory >= 0)
        H5Sclose(in_memory);
    if (in_file >= 0)
        H5Sclose(in_file);
    return status;
}

Status storage_write_entry(hid_t dataset, hid_t type, size_t entry, const void *data,
                           Error *error) {
    return move_entry(dataset, type, entry, data, NULL, error);
}

Status storage_read_entry(hid_t dataset, hid_t type, size_t entry, void *data, Error *error) {
    return move_entry(dataset, type, entry, NULL, data, error);
}

bool storage_exists(hid_t file, const char *name) {
    return H5Oexists_by_name(file, name, H5P_DEFAULT) > 0;
}

typedef struct Listing {
    void (*see)(void *context, const char *name);
    void *context;
} Listing;

#if H5_VERSION_GE(1, 12, 0) /* which renamed the calls that say what an object is */
typedef H5O_info2_t ObjectInformation;
#define VISIT_OBJECTS H5Ovisit3
#else
typedef H5O_info_t ObjectInformation;
#define VISIT_OBJECTS H5Ovisit2
#endif

static herr_t listing_see(hid_t group, const char *name, const ObjectInformation *information,
                          void *context) {
    (void)group;
    const Listing *listing = context;
    if (information->type == H5O_TYPE_DATASET)
        listing->see(listing->context, name);
    return 0;
}

Status storage_list(hid_t file, const char *group, void (*see)(void *context, const char *name),
                    void *context, Error *error) {
    if (!storage_exists(file, group))
        return STATUS_OK;
    hid_t opened = H5Gopen2(file, group, H5P_DEFAULT);
    Listing listing = {.see = see, .context = context};
    bool sound = opened >= 0 && VISIT_OBJECTS(opened, H5_INDEX_NAME, H5_ITER_INC, listing_see,
                                              &listing, H5O_INFO_BASIC) >= 0;
    Status status = sound ? STATUS_OK : storage_fail(file, error, "list %s", group);
    if (opened >= 0)
        H5Gclose(opened);
    return status;
}

/* ---- Texts and folders --------------------------------------------------------------------- */

Status storage_write_text(const char *path, const char *text, size_t bytes, Error *error) {
    DurableFile target;
    TRY(durable_create(&target, path, error));
    const struct iovec part = {(void *)(uintptr_t)text, bytes};
    return durable_commit(&target, &part, 1, NULL, error);
}

Status storage_make_directory(const char *path, Error *error) {
    char part[DURABLE_PATH_BYTES];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof part)
        return error_set(error, STATUS_FAILED, "cannot make a folder whose name has %zu bytes",
                         length);
    for (size_t end = 1; end <= length; end++) {
        if (path[end] != '/' && path[end] != '\0')
            continue;
        snprintf(part, sizeof part, "%.*s", (int)end, path);
        struct stat information;
        if (mkdir(part, 0777) == 0)
            continue;
        int number = errno;
        if (stat(part, &information) == 0) {
            if (S_ISDIR(information.st_mode))
                continue;
            number = ENOTDIR;
        }
        errno = number;
        return error_errno(error, STATUS_FAILED, "cannot make the folder %s", part);
    }
    return STATUS_OK;
}
