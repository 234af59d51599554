#include "train/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* One write(2) moves at most 2 GiB − 4 KiB on Linux. */
static const size_t largest_write = (size_t)1 << 30;

Status durable_create(DurableFile *file, const char *path, Error *error) {
    *file = (DurableFile){.descriptor = -1};
    if (strlen(path) >= sizeof file->path)
        return error_set(error, STATUS_FAILED,
                         "cannot write %.80s…: the path has %zu bytes, more "
                         "than %d; choose a folder with a shorter name",
                         path, strlen(path), DURABLE_PATH_BYTES - 1);
    snprintf(file->path, sizeof file->path, "%s", path);
    snprintf(file->temporary, sizeof file->temporary, "%s.tmp", path);
    file->descriptor = open(file->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file->descriptor < 0)
        return error_errno(error, STATUS_FAILED, "cannot write %s", path);
    return STATUS_OK;
}

void durable_abandon(DurableFile *file) {
    if (file->descriptor >= 0) {
        close(file->descriptor);
        unlink(file->temporary);
    }
    file->descriptor = -1;
}

static Status fail_to_write(const DurableFile *file, size_t bytes, Error *error) {
    return error_errno(error, STATUS_FAILED,
                       "cannot write %s (%.3g MB; files written before are unharmed)", file->path,
                       (double)bytes / 1e6);
}

Status durable_reserve(DurableFile *file, size_t bytes, Error *error) {
    int number;
    do /* some file systems break off at a signal, such as that of Ctrl-C */
        number = posix_fallocate(file->descriptor, 0, (off_t)bytes);
    while (number == EINTR);
    if (number == 0 || number == EOPNOTSUPP || number == EINVAL)
        return STATUS_OK; /* some file systems cannot reserve */
    errno = number;
    return fail_to_write(file, bytes, error);
}

Status durable_resize(DurableFile *file, size_t bytes, Error *error) {
    if (ftruncate(file->descriptor, (off_t)bytes) == 0 &&
        lseek(file->descriptor, (off_t)bytes, SEEK_SET) >= 0)
        return STATUS_OK;
    return fail_to_write(file, bytes, error);
}

/* Returns 0, or −1 with errno set. */
static int write_all(int descriptor, const char *data, size_t bytes) {
    while (bytes > 0) {
        ssize_t written = write(descriptor, data, bytes < largest_write ? bytes : largest_write);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        data += written;
        bytes -= (size_t)written;
    }
    return 0;
}

/* A rename is only on disk once its folder is. Returns 0, or −1 with errno set. */
static int sync_folder(const char *path) {
    char folder[DURABLE_PATH_BYTES];
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        snprintf(folder, sizeof folder, ".");
    else
        snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return -1;
    int result = fsync(descriptor);
    if (result != 0 && (errno == EINVAL || errno == ENOTSUP))
        result = 0; /* some network file systems cannot sync a folder */
    int number = errno;
    close(descriptor);
    errno = number;
    return result;
}

Status durable_commit(DurableFile *file, const struct iovec *parts, int count, const char *kept,
                      Error *error) {
    int descriptor = file->descriptor, result = 0;
    size_t bytes = 0;
    for (int i = 0; i < count; i++)
        bytes += parts[i].iov_len;
    for (int i = 0; i < count && result == 0; i++)
        result = write_all(descriptor, parts[i].iov_base, parts[i].iov_len);
    if (result == 0)
        result = fsync(descriptor);
    if (result == 0) {
        file->descriptor = -1;
        result = close(descriptor);
    }
    if (result == 0 && kept != NULL && rename(file->path, kept) != 0 && errno != ENOENT)
        result = -1;
    if (result == 0)
        result = rename(file->temporary, file->path);
    if (result == 0)
        result = sync_folder(file->path);
    if (result == 0)
        return STATUS_OK;
    Status status = fail_to_write(file, bytes, error);
    if (file->descriptor >= 0)
        close(file->descriptor);
    file->descriptor = -1;
    unlink(file->temporary);
    return status;
}
