#include "train/sources/text_file.h"

#include "model/base/log.h"
#include "model/base/utf8.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *text_path(const char *path, const char *base_directory, Arena *arena) {
    if (path[0] == '/' || base_directory == NULL || base_directory[0] == '\0')
        return arena_string(arena, path);
    return arena_format(arena, "%s/%s", base_directory, path);
}

/* ---- The files of a folder ------------------------------------------------------------------ */

typedef struct FoundFile {
    const char *path;
    size_t bytes;
} FoundFile;

typedef struct Walk {
    const char *suffixes;
    FoundFile *files;
    size_t count, capacity;
    size_t bytes; /* of all files */
    Arena *arena;
} Walk;

static void walk_add(Walk *walk, const char *path, size_t bytes) {
    walk->files =
        arena_grow(walk->arena, walk->files, sizeof *walk->files, walk->count, &walk->capacity);
    walk->files[walk->count++] = (FoundFile){path, bytes};
    walk->bytes += bytes;
}

/* Whether name ends in one of the comma-separated suffixes; a suffix may leave out its dot. */
static bool suffix_matches(const char *name, const char *suffixes) {
    size_t name_length = strlen(name);
    bool any = false;
    for (const char *at = suffixes; *at != '\0';) {
        at += strspn(at, ", ");
        size_t length = strcspn(at, ", ");
        if (length == 0)
            break;
        any = true;
        bool dotted = at[0] == '.';
        size_t needed = length + (dotted ? 0 : 1);
        if (name_length >= needed) {
            const char *end = name + name_length - length;
            if (memcmp(end, at, length) == 0 && (dotted || end[-1] == '.'))
                return true;
        }
        at += length;
    }
    return !any;
}

static int compare_names(const void *first, const void *second) {
    return strcmp(*(const char *const *)first, *(const char *const *)second);
}

/* The visible names in a folder, sorted by their bytes. */
static Status folder_names(const char *path, Arena *arena, const char ***names, size_t *count,
                           Error *error) {
    DIR *folder = opendir(path);
    if (folder == NULL)
        return error_errno(error, STATUS_BAD_INPUT, "cannot read the folder %s", path);
    size_t capacity = 0;
    *count = 0;
    *names = NULL;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        if (*count == capacity) {
            capacity = capacity == 0 ? 32 : 2 * capacity;
            const char **larger = ARENA_ARRAY(arena, const char *, capacity);
            if (*count > 0)
                memcpy(larger, *names, *count * sizeof *larger);
            *names = larger;
        }
        (*names)[(*count)++] = arena_string(arena, entry->d_name);
    }
    closedir(folder);
    if (*count > 0)
        qsort(*names, *count, sizeof **names, compare_names);
    return STATUS_OK;
}

/* Build trees and results would make the data depend on what was run before. */
static bool folder_skipped(const char *name) {
    return strncmp(name, "build", 5) == 0 || strcmp(name, "results") == 0;
}

static Status walk_folder(Walk *walk, const char *path, Error *error) {
    const char **names = NULL;
    size_t count = 0;
    TRY(folder_names(path, walk->arena, &names, &count, error));
    for (size_t i = 0; i < count; i++) {
        const char *inner = arena_format(walk->arena, "%s/%s", path, names[i]);
        struct stat information;
        if (lstat(inner, &information) != 0)
            continue; /* removed meanwhile */
        if (S_ISDIR(information.st_mode) && !folder_skipped(names[i]))
            TRY(walk_folder(walk, inner, error));
        else if (S_ISREG(information.st_mode) && suffix_matches(names[i], walk->suffixes))
            walk_add(walk, inner, (size_t)information.st_size);
    }
    return STATUS_OK;
}

/* ---- Reading -------------------------------------------------------------------------------- */

/* Reads up to *count bytes; *count receives what there was. */
static Status file_read(const char *path, unsigned char *bytes, size_t *count, Error *error) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return error_errno(error, STATUS_BAD_INPUT, "cannot read %s", path);
    size_t filled = 0;
    ssize_t got = 1;
    while (filled < *count && got != 0) {
        got = read(descriptor, bytes + filled, *count - filled);
        if (got < 0 && errno != EINTR)
            break;
        if (got > 0)
            filled += (size_t)got;
    }
    Status status =
        got < 0 ? error_errno(error, STATUS_BAD_INPUT, "cannot read %s", path) : STATUS_OK;
    close(descriptor);
    *count = filled;
    return status;
}

static Status size_check(const char *path, size_t bytes, size_t largest, Error *error) {
    if (bytes <= largest)
        return STATUS_OK;
    return error_set(error, STATUS_BAD_INPUT,
                     "%s holds %.2f GB; at most %.2f GB are read: give a part of it", path,
                     (double)bytes / 1e9, (double)largest / 1e9);
}

static Status read_bytes(const char *path, size_t bytes, size_t largest, Arena *arena, Text *text,
                         Error *error) {
    TRY(size_check(path, bytes, largest, error));
    TRY(arena_reserve(arena, bytes + 256, error));
    *text = (Text){.bytes = arena_allocate(arena, bytes),
                   .count = bytes,
                   .files = 1,
                   .starts = ARENA_ARRAY(arena, size_t, 1)};
    TRY(file_read(path, text->bytes, &text->count, error));
    if (text->count == 0)
        return error_set(error, STATUS_BAD_INPUT, "%s is empty", path);
    return STATUS_OK;
}

Status file_read_whole(const char *path, size_t scale, Arena *arena, Text *text, Error *error) {
    struct stat information;
    if (stat(path, &information) != 0)
        return error_errno(error, STATUS_BAD_INPUT,
                           "cannot read %s (a relative path begins at the YAML file's folder)",
                           path);
    if (!S_ISREG(information.st_mode))
        return error_set(error, STATUS_BAD_INPUT, "%s is not a regular file", path);
    return read_bytes(path, (size_t)information.st_size, scale * TEXT_LARGEST, arena, text, error);
}

static Status read_file(const char *path, size_t bytes, Arena *arena, Text *text, Error *error) {
    TRY(read_bytes(path, bytes, TEXT_LARGEST, arena, text, error));
    size_t end = utf8_end(text->bytes, text->count);
    if (end < text->count)
        return error_set(
            error, STATUS_BAD_INPUT,
            "%s is not UTF-8: byte 0x%02X at offset %zu does not belong there; convert "
            "the file, for example with iconv -t UTF-8",
            path, text->bytes[end], end);
    return STATUS_OK;
}

static bool is_text(const unsigned char *bytes, size_t count) {
    return memchr(bytes, '\0', count) == NULL && utf8_end(bytes, count) == count;
}

static Status read_found(const Walk *walk, Arena *arena, Text *text, Error *error) {
    size_t room = walk->bytes + walk->count;
    size_t *file_starts = ARENA_ARRAY(arena, size_t, walk->count);
    TRY(arena_reserve(arena, room + 128, error));
    *text = (Text){.bytes = arena_allocate(arena, room), .starts = file_starts};
    for (size_t i = 0; i < walk->count; i++) {
        const FoundFile *file = &walk->files[i];
        size_t start = text->count + (text->files > 0), count = file->bytes;
        TRY(file_read(file->path, text->bytes + start, &count, error));
        if (!is_text(text->bytes + start, count)) {
            if (walk->suffixes[0] != '\0')
                log_line(LOG_WARNING, "%s is left out: it is not UTF-8 text", file->path);
            continue;
        }
        if (count == 0)
            continue;
        if (text->files > 0)
            text->bytes[start - 1] = '\n';
        file_starts[text->files++] = start;
        text->count = start + count;
    }
    return STATUS_OK;
}

static Status read_folder(const char *path, const char *suffixes, Arena *arena, Text *text,
                          Error *error) {
    Arena names = arena_create("the names of a folder's files");
    Walk walk = {.suffixes = suffixes, .arena = &names};
    Status status = walk_folder(&walk, path, error);
    if (status == STATUS_OK)
        status = size_check(path, walk.bytes + walk.count, TEXT_LARGEST, error);
    if (status == STATUS_OK)
        status = read_found(&walk, arena, text, error);
    if (status == STATUS_OK && text->count == 0)
        status =
            error_set(error, STATUS_BAD_INPUT,
                      "the folder %s has no text: %zu files%s%s were looked at, hidden ones and "
                      "folders named build… or results left out",
                      path, walk.count, suffixes[0] == '\0' ? "" : " that end in ", suffixes);
    arena_destroy(&names);
    return status;
}

Status text_read(const char *path, const char *suffixes, Arena *arena, Text *text, Error *error) {
    struct stat information;
    if (stat(path, &information) != 0)
        return error_errno(error, STATUS_BAD_INPUT,
                           "cannot read %s (a relative path begins at the YAML file's folder)",
                           path);
    if (S_ISDIR(information.st_mode))
        return read_folder(path, suffixes, arena, text, error);
    if (S_ISREG(information.st_mode) && suffixes[0] != '\0')
        return error_set(
            error, STATUS_BAD_INPUT,
            "%s is a single file, of which the suffixes %s would choose nothing; leave "
            "them out, or give a folder",
            path, suffixes);
    if (S_ISREG(information.st_mode))
        return read_file(path, (size_t)information.st_size, arena, text, error);
    return error_set(error, STATUS_BAD_INPUT, "%s is neither a regular file nor a folder", path);
}
