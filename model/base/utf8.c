#include "model/base/utf8.h"

#include <string.h>

size_t utf8_length(const unsigned char *bytes, size_t count) {
    unsigned char first = bytes[0];
    if (first < 0x80)
        return 1;
    size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || length > count)
        return 0;
    unsigned char lowest = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    unsigned char highest = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (bytes[1] < lowest || bytes[1] > highest)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
    return length;
}

size_t utf8_end(const unsigned char *bytes, size_t count) {
    size_t at = 0;
    while (at < count) {
        uint64_t eight;
        if (count - at >= sizeof eight) { /* most text is ASCII: eight bytes at once */
            memcpy(&eight, bytes + at, sizeof eight);
            if ((eight & UINT64_C(0x8080808080808080)) == 0) {
                at += sizeof eight;
                continue;
            }
        }
        size_t length = utf8_length(bytes + at, count - at);
        if (length == 0)
            return at;
        at += length;
    }
    return count;
}

uint32_t utf8_code_point(const unsigned char *bytes, int *length) {
    unsigned char first = bytes[0];
    *length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0x80 ? 2 : 1;
    if (*length == 1)
        return first;
    uint32_t point = first & (0x7Fu >> *length);
    for (int i = 1; i < *length; i++)
        point = point << 6 | (bytes[i] & 0x3Fu);
    return point;
}
