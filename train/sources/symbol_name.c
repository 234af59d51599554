#include "train/sources/text_file.h"

#include <stdio.h>
#include <string.h>

static void encode(uint32_t point, char name[16]) {
    unsigned char out[5] = {0};
    int length = point >= 0x10000 ? 4 : point >= 0x800 ? 3 : 2;
    for (int i = length - 1; i > 0; i--, point >>= 6)
        out[i] = (unsigned char)(0x80 | (point & 0x3F));
    out[0] = (unsigned char)((0xF00 >> length) | point);
    memcpy(name, out, sizeof out);
}

void text_symbol_name(uint32_t code_point, char name[16]) {
    if (code_point == ' ')
        snprintf(name, 16, "␣");
    else if (code_point == '\n')
        snprintf(name, 16, "\\n");
    else if (code_point == '\t')
        snprintf(name, 16, "\\t");
    else if (code_point > ' ' && code_point < 0x7F)
        snprintf(name, 16, "%c", (char)code_point);
    else if (code_point <= 0xA0)
        snprintf(name, 16, "x%02X", (unsigned)code_point);
    else
        encode(code_point, name);
}
