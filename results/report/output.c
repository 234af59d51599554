#include "results/report/output.h"

#include "model/base/utf8.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

Status output_open(OutputFile *file, const char *path, Error *error) {
    snprintf(file->path, sizeof(file->path), "%s", path);
    snprintf(file->temporary, sizeof(file->temporary), "%s.tmp", path);
    file->stream = fopen(file->temporary, "w");
    if (file->stream == NULL)
        return error_errno(error, STATUS_FAILED, "%s: cannot write", path);
    return STATUS_OK;
}

Status output_commit(OutputFile *file, Error *error) {
    FILE *stream = file->stream;
    file->stream = NULL;
    bool written = fflush(stream) == 0 && !ferror(stream) && fsync(fileno(stream)) == 0;
    Status status = STATUS_OK;
    if (!written)
        status = error_errno(error, STATUS_FAILED, "%s: cannot write", file->path);
    if (fclose(stream) != 0 && status == STATUS_OK)
        status = error_errno(error, STATUS_FAILED, "%s: cannot write", file->path);
    if (status == STATUS_OK && rename(file->temporary, file->path) != 0)
        status = error_errno(error, STATUS_FAILED, "%s: cannot rename to it from %s", file->path,
                             file->temporary);
    if (status != STATUS_OK)
        unlink(file->temporary);
    return status;
}

void output_abandon(OutputFile *file) {
    if (file->stream == NULL)
        return;
    fclose(file->stream);
    file->stream = NULL;
    unlink(file->temporary);
}

void output_csv_text(FILE *stream, const char *text) {
    if (strpbrk(text, ",\"\r\n") == NULL) {
        fputs(text, stream);
        return;
    }
    fputc('"', stream);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"')
            fputc('"', stream);
        fputc(*c, stream);
    }
    fputc('"', stream);
}

void output_csv_number(FILE *stream, double value) {
    if (!isnan(value))
        fprintf(stream, "%.9g", value);
}

/* Bytes of the character at text, 0 where a page cannot hold it: not well-formed UTF-8, a control
   or a noncharacter. */
static size_t page_character(const unsigned char *text) {
    enum { CHARACTER_BYTES = 4 };
    int ignored;
    size_t length = utf8_length(text, strnlen((const char *)text, CHARACTER_BYTES));
    if (length == 1)
        return (*text < 0x20 && strchr("\t\n", *text) == NULL) || *text == 0x7F ? 0 : 1;
    uint32_t code = length == 0 ? 0 : utf8_code_point(text, &ignored);
    bool noncharacter = (code & 0xFFFE) == 0xFFFE || (code >= 0xFDD0 && code <= 0xFDEF);
    return code < 0xA0 || noncharacter ? 0 : length;
}

void output_html(FILE *stream, const char *text) {
    const unsigned char *byte = (const unsigned char *)text;
    while (*byte != '\0') {
        size_t length = page_character(byte);
        if (length == 0) {
            fputs("\xEF\xBF\xBD", stream);
            byte++;
            continue;
        }
        switch (*byte) {
        case '&':
            fputs("&amp;", stream);
            break;
        case '<':
            fputs("&lt;", stream);
            break;
        case '>':
            fputs("&gt;", stream);
            break;
        case '"':
            fputs("&quot;", stream);
            break;
        case '\'':
            fputs("&#39;", stream);
            break;
        default:
            fwrite(byte, 1, length, stream);
        }
        byte += length;
    }
}

void output_gnuplot_text(FILE *stream, const char *text) {
    fputc('\'', stream);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\'')
            fputc('\'', stream);
        fputc((unsigned char)*c < 0x20 ? ' ' : *c, stream);
    }
    fputc('\'', stream);
}

const char *integer_text(long long value, char buffer[NUMBER_TEXT_BYTES]) {
    char digits[32];
    int length = snprintf(digits, sizeof(digits), "%lld", value < 0 ? -value : value);
    char *end = buffer;
    if (value < 0)
        end += sprintf(end, "−");
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            *end++ = ',';
        *end++ = digits[i];
    }
    *end = '\0';
    return buffer;
}

const char *number_text(double value, char buffer[NUMBER_TEXT_BYTES]) {
    if (isnan(value)) {
        strcpy(buffer, "–");
        return buffer;
    }
    if (value == rint(value) && fabs(value) < 1e12)
        return integer_text((long long)value, buffer);
    const char *sign = value < 0 ? "−" : "";
    double size = fabs(value);
    int decimals = size >= 10 ? 1 : size >= 1 ? 2 : 3;
    if (size >= 99.95 && size < 1e12)
        return integer_text(llrint(value), buffer);
    if (size >= 1e12 || size < 1e-3)
        snprintf(buffer, NUMBER_TEXT_BYTES, "%s%.2g", sign, size);
    else
        snprintf(buffer, NUMBER_TEXT_BYTES, "%s%.*f", sign, decimals, size);
    return buffer;
}
