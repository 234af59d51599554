#include "train/sources/token_file.h"

#include "model/base/sha256.h"
#include "train/sources/text_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const token_format_names[] = {"auto", "uint16", "uint32", "npy", NULL};

enum { HEADER_BYTES = 1024, MAGIC_UINT16 = 20240520, MAGIC_UINT32 = 20240801 };

/* Numbers of up to eight bytes, and as many of them as there can be offsets. */
enum { SCALE = 8 };

typedef struct TokenFile {
    const char *path;
    const unsigned char *bytes;
    size_t count; /* bytes */
    TokenFormat format;
} TokenFile;

static Status numbers_take(const TokenFile *file, size_t offset, TokenType type, Corpus *corpus,
                           Error *error) {
    size_t width = token_type_bytes(type), bytes = file->count - offset;
    if (bytes % width != 0)
        return error_set(error, STATUS_BAD_INPUT,
                         "%s is cut off: %zu bytes of tokens are no whole number of %zu-byte "
                         "numbers",
                         file->path, bytes, width);
    if (bytes == 0 || bytes / width > TEXT_LARGEST)
        return error_set(error, STATUS_BAD_INPUT, "%s holds %zu tokens; allowed: 1 to %zu",
                         file->path, bytes / width, TEXT_LARGEST);
    corpus->data = file->bytes + offset;
    corpus->type = type;
    corpus->first = 0;
    corpus->end = bytes / width;
    return STATUS_OK;
}

/* ---- With the 1,024-byte header ------------------------------------------------------------- */

static int32_t header_word(const TokenFile *file, size_t index) {
    int32_t word;
    memcpy(&word, file->bytes + 4 * index, sizeof word);
    return word;
}

static bool has_header(const TokenFile *file) {
    if (file->count < sizeof(int32_t) || file->format == FORMAT_NPY)
        return false;
    int32_t magic = header_word(file, 0);
    return magic == MAGIC_UINT16 || magic == MAGIC_UINT32;
}

/* The same header as a big-endian machine writes it. */
static bool has_swapped_header(const TokenFile *file) {
    if (file->count < sizeof(int32_t))
        return false;
    const unsigned char *bytes = file->bytes;
    uint32_t magic = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
                     (uint32_t)bytes[3];
    return magic == MAGIC_UINT16 || magic == MAGIC_UINT32;
}

static Status header_read(const TokenFile *file, Corpus *corpus, Error *error) {
    if (file->count < HEADER_BYTES)
        return error_set(error, STATUS_BAD_INPUT,
                         "%s is cut off: it has %zu bytes, its header alone should have %d",
                         file->path, file->count, HEADER_BYTES);
    int32_t magic = header_word(file, 0), version = header_word(file, 1);
    int32_t expected = magic == MAGIC_UINT16 ? 1 : 7, tokens = header_word(file, 2);
    if (version != expected)
        return error_set(error, STATUS_BAD_INPUT,
                         "%s has a header of version %d; with the number %d, version %d is known",
                         file->path, version, magic, expected);
    size_t bytes = file->count - HEADER_BYTES;
    size_t width = tokens > 0 && bytes % (size_t)tokens == 0 ? bytes / (size_t)tokens : 0;
    if (width != 2 && width != 4)
        return error_set(error, STATUS_BAD_INPUT,
                         "%s should hold %d tokens, as its header says, in %lld or %lld bytes, but "
                         "has %zu: it is cut off, or its header is wrong",
                         file->path, tokens, 2LL * tokens, 4LL * tokens, bytes);
    if ((file->format == FORMAT_UINT16 && width != 2) ||
        (file->format == FORMAT_UINT32 && width != 4))
        return error_set(error, STATUS_BAD_INPUT, "%s holds numbers of %zu bytes, not %s",
                         file->path, width, token_format_names[file->format]);
    return numbers_take(file, HEADER_BYTES, width == 2 ? TOKEN_U16 : TOKEN_U32, corpus, error);
}

/* ---- NumPy's format (its "NEP 1") ----------------------------------------------------------- */

static const char npy_magic[] = "\x93NUMPY";

static bool is_npy(const TokenFile *file) {
    return file->count >= 10 && memcmp(file->bytes, npy_magic, 6) == 0;
}

/* What follows key in the header's dictionary, without leading blanks; NULL where there is none. */
static const char *npy_value(const char *header, const char *key) {
    const char *place = strstr(header, key);
    if (place == NULL)
        return NULL;
    place += strlen(key);
    place += strspn(place, "'\" :");
    return place;
}

static bool npy_type(const char *descr, TokenType *type) {
    if (descr == NULL || (descr[0] != '<' && descr[0] != '|' && descr[0] != '='))
        return false;
    static const char widths[] = "1248";
    const char *width = descr[2] == '\0' ? NULL : strchr(widths, descr[2]);
    if (width == NULL || (descr[1] != 'u' && descr[1] != 'i') || strchr("'\"", descr[3]) == NULL)
        return false;
    *type = (TokenType)(width - widths) + (descr[1] == 'i' ? TOKEN_I8 : TOKEN_U8);
    return true;
}

/* The product of the shape's numbers; 0 where it cannot be read. */
static size_t npy_count(const char *shape, int *dimensions) {
    *dimensions = 0;
    if (shape == NULL || *shape++ != '(')
        return 0;
    size_t count = 1;
    while (*shape != ')') {
        char *end;
        unsigned long long size = strtoull(shape, &end, 10);
        if (end == shape || size > SIZE_MAX / (count == 0 ? 1 : count))
            return 0;
        count *= (size_t)size;
        ++*dimensions;
        shape = end + strspn(end, ", ");
    }
    return *dimensions == 0 ? 0 : count;
}

static Status npy_read(const TokenFile *file, Arena *arena, Corpus *corpus, Error *error) {
    if (!is_npy(file))
        return error_set(error, STATUS_BAD_INPUT, "%s is no .npy file", file->path);
    bool wide = file->bytes[6] >= 2;
    size_t at = wide ? 12 : 10, length = (size_t)file->bytes[8] | (size_t)file->bytes[9] << 8;
    if (wide && file->count >= 12)
        length |= (size_t)file->bytes[10] << 16 | (size_t)file->bytes[11] << 24;
    if (file->count < at || file->count - at < length)
        return error_set(error, STATUS_BAD_INPUT, "%s is cut off within its header", file->path);
    const char *header = arena_format(arena, "%.*s", (int)length, (const char *)file->bytes + at);
    const char *descr = npy_value(header, "descr"), *order = npy_value(header, "fortran_order");
    TokenType type = TOKEN_U8;
    if (!npy_type(descr, &type))
        return error_set(error, STATUS_BAD_INPUT,
                         "%s holds %.*s; allowed: little-endian integers such as <u2", file->path,
                         descr == NULL ? 7 : (int)strcspn(descr, "'\","),
                         descr == NULL ? "no type" : descr);
    int dimensions;
    size_t count = npy_count(npy_value(header, "shape"), &dimensions);
    if (dimensions > 1 && (order == NULL || strncmp(order, "False", 5) != 0))
        return error_set(error, STATUS_BAD_INPUT,
                         "%s is stored column by column; save it in C order", file->path);
    size_t bytes = file->count - at - length;
    if (count == 0 || count > bytes || bytes != count * token_type_bytes(type))
        return error_set(error, STATUS_BAD_INPUT,
                         "%s should hold %zu numbers of %zu bytes, as its header says, but has %zu "
                         "bytes of them: it is cut off, or its header is wrong",
                         file->path, count, token_type_bytes(type), bytes);
    return numbers_take(file, at + length, type, corpus, error);
}

/* ---- Either --------------------------------------------------------------------------------- */

/* uint32 read as uint16: the upper halves are 0. */
static Status halves_check(const TokenFile *file, const Corpus *corpus, Error *error) {
    for (size_t i = 1; i < corpus->end; i += 2)
        if (corpus_token(corpus, i) != 0)
            return STATUS_OK;
    if (corpus->type != TOKEN_U16 || corpus->end < 4)
        return STATUS_OK;
    return error_set(
        error, STATUS_BAD_INPUT,
        "%s: read as uint16, every second number is 0, as it is where they are uint32; "
        "is data.format right?",
        file->path);
}

/* Of any bytes plain numbers can be read, also of those that are none. */
static Status plain_check(const TokenFile *file, Error *error) {
    if (is_npy(file))
        return error_set(error, STATUS_BAD_INPUT,
                         "%s is a .npy file, and data.format says %s; give npy, or auto",
                         file->path, token_format_names[file->format]);
    if (has_swapped_header(file))
        return error_set(error, STATUS_BAD_INPUT,
                         "%s has a header whose numbers begin with their highest byte; only "
                         "little-endian files are read",
                         file->path);
    return STATUS_OK;
}

static Status file_judge(const TokenFile *file, Arena *arena, Corpus *corpus, Error *error) {
    if (file->format == FORMAT_NPY || (file->format == FORMAT_AUTO && is_npy(file)))
        return npy_read(file, arena, corpus, error);
    if (has_header(file))
        return header_read(file, corpus, error);
    TRY(plain_check(file, error));
    if (file->format == FORMAT_AUTO)
        return error_set(error, STATUS_BAD_INPUT,
                         "%s has neither a 1,024-byte header nor NumPy's, so that its numbers may "
                         "have two bytes or four: give data.format: uint16 or uint32",
                         file->path);
    TRY(numbers_take(file, 0, file->format == FORMAT_UINT16 ? TOKEN_U16 : TOKEN_U32, corpus,
                     error));
    return halves_check(file, corpus, error);
}

Status token_file_read(const char *path, TokenFormat format, Arena *arena, Corpus *corpus,
                       char fingerprint[65], Error *error) {
    Text text;
    TRY(file_read_whole(path, SCALE, arena, &text, error));
    TokenFile file = {.path = path, .bytes = text.bytes, .count = text.count, .format = format};
    TRY(file_judge(&file, arena, corpus, error));
    sha256_of(text.bytes, text.count, fingerprint);
    return STATUS_OK;
}
