/* UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF). */
#ifndef FIDUCIAL_BASE_UTF8_H
#define FIDUCIAL_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the character that begins at bytes, of which there are count; 0 where none is
   well-formed there. count is at least 1. */
size_t utf8_length(const unsigned char *bytes, size_t count);

/* Offset of the first byte that does not begin or continue well-formed UTF-8; count where all is
   well. */
size_t utf8_end(const unsigned char *bytes, size_t count);

/* The code point at bytes, which hold well-formed UTF-8; *length receives its bytes. */
uint32_t utf8_code_point(const unsigned char *bytes, int *length);

#endif
