#include "experiments/runner/text.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JOIN_LARGEST = 1500, WORD_LARGEST = 63 };

void names_add(NameList *list, Arena *arena, const char *name) {
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->names[i], name) == 0)
            return;
    list->names = arena_grow(arena, list->names, sizeof *list->names, list->count, &list->capacity);
    list->names[list->count++] = name;
}

const char *names_join(const NameList *list, Arena *arena) {
    if (list->count == 0)
        return "none";
    TextBuffer buffer = {.arena = arena};
    for (size_t i = 0; i < list->count; i++) {
        if (buffer.length > JOIN_LARGEST) {
            text_add(&buffer, ", …");
            break;
        }
        text_add(&buffer, "%s%s", i == 0 ? "" : ", ", list->names[i]);
    }
    return buffer.text;
}

static int fold(char character) {
    return character == '_' ? '-' : tolower((unsigned char)character);
}

/* Optimal string alignment distance: insertions, deletions, substitutions, adjacent swaps. */
static int edit_distance(const char *first, const char *second) {
    size_t rows = strlen(first), columns = strlen(second);
    if (rows > WORD_LARGEST || columns > WORD_LARGEST)
        return 2 * WORD_LARGEST;
    int table[WORD_LARGEST + 1][WORD_LARGEST + 1];
    for (size_t i = 0; i <= rows; i++)
        table[i][0] = (int)i;
    for (size_t j = 0; j <= columns; j++)
        table[0][j] = (int)j;
    for (size_t i = 1; i <= rows; i++)
        for (size_t j = 1; j <= columns; j++) {
            int change = fold(first[i - 1]) != fold(second[j - 1]);
            int best = table[i - 1][j - 1] + change;
            if (table[i - 1][j] + 1 < best)
                best = table[i - 1][j] + 1;
            if (table[i][j - 1] + 1 < best)
                best = table[i][j - 1] + 1;
            if (i > 1 && j > 1 && fold(first[i - 1]) == fold(second[j - 2]) &&
                fold(first[i - 2]) == fold(second[j - 1]) && table[i - 2][j - 2] + 1 < best)
                best = table[i - 2][j - 2] + 1;
            table[i][j] = best;
        }
    return table[rows][columns];
}

const char *names_nearest(const NameList *list, const char *word) {
    const char *nearest = NULL;
    int least = 2 + (int)strlen(word) / 3; /* farther than this is another word */
    if (strlen(word) < 3)
        least = 2;
    for (size_t i = 0; i < list->count; i++) {
        int distance = edit_distance(word, list->names[i]);
        if (distance < least) {
            least = distance;
            nearest = list->names[i];
        }
    }
    return nearest;
}

const char *names_suggestion(const NameList *list, const char *word, Arena *arena) {
    const char *nearest = names_nearest(list, word);
    return nearest == NULL ? "" : arena_format(arena, " (did you mean '%s'?)", nearest);
}

/* Whether text is [+-] digits [. digits] [e [+-] digits], with a digit before the exponent. */
static bool is_decimal(const char *text) {
    const char *at = text + (*text == '+' || *text == '-');
    size_t digits = strspn(at, "0123456789");
    at += digits;
    if (*at == '.') {
        size_t more = strspn(at + 1, "0123456789");
        digits += more;
        at += 1 + more;
    }
    if (digits == 0)
        return false;
    if (*at == 'e' || *at == 'E') {
        at += 1 + (at[1] == '+' || at[1] == '-');
        size_t exponent = strspn(at, "0123456789");
        if (exponent == 0)
            return false;
        at += exponent;
    }
    return *at == '\0';
}

bool number_read_real(const char *text, double *value) {
    if (!is_decimal(text))
        return false;
    double read = strtod(text, NULL);
    if (!isfinite(read))
        return false;
    *value = read;
    return true;
}

bool number_read_integer(const char *text, int64_t *value) {
    const char *digits = text + (*text == '+' || *text == '-');
    size_t length = strlen(digits);
    if (digits[0] == '0' && isdigit((unsigned char)digits[1]))
        return false; /* octal or decimal? */
    if (length > 0 && length <= 18 && strspn(digits, "0123456789") == length) {
        *value = strtoll(text, NULL, 10);
        return true;
    }
    double real;
    const double exact = 9007199254740992.0; /* 2^53 */
    if (!number_read_real(text, &real) || real != floor(real) || !(fabs(real) <= exact))
        return false;
    *value = (int64_t)real;
    return true;
}

const char *number_write(double value, char text[NUMBER_TEXT_BYTES]) {
    if (value == 0.0)
        return strcpy(text, "0");
    if (value == floor(value) && fabs(value) < 1e15) {
        snprintf(text, NUMBER_TEXT_BYTES, "%.0f", value);
        return text;
    }
    char digits[NUMBER_TEXT_BYTES];
    int precision = 0;
    do
        snprintf(digits, sizeof digits, "%.*e", precision, value);
    while (strtod(digits, NULL) != value && ++precision < 17);
    char *exponent_text = strchr(digits, 'e');
    int exponent = exponent_text == NULL ? 0 : atoi(exponent_text + 1);
    if (exponent >= -5 && exponent < 15) {
        int decimals = precision - exponent;
        snprintf(text, NUMBER_TEXT_BYTES, "%.*f", decimals < 0 ? 0 : decimals, value);
        if (strtod(text, NULL) == value)
            return text;
    }
    if (precision == 0)
        snprintf(digits, sizeof digits, "%.1e", value);
    return strcpy(text, digits);
}

void text_add(TextBuffer *buffer, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int added = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    size_t needed = buffer->length + (size_t)(added < 0 ? 0 : added) + 1;
    if (needed > buffer->capacity) {
        size_t capacity = needed < 128 ? 256 : 2 * needed;
        char *text = arena_allocate(buffer->arena, capacity);
        if (buffer->length > 0)
            memcpy(text, buffer->text, buffer->length);
        buffer->text = text;
        buffer->capacity = capacity;
    }
    vsnprintf(buffer->text + buffer->length, buffer->capacity - buffer->length, format, again);
    va_end(again);
    buffer->length = needed - 1;
}

const char *duration_write(double seconds, char text[NUMBER_TEXT_BYTES]) {
    if (!(seconds >= 0.0) || seconds > 1e9)
        return strcpy(text, "?");
    if (seconds < 9.95)
        snprintf(text, NUMBER_TEXT_BYTES, "%.1f s", seconds);
    else if (seconds < 59.5)
        snprintf(text, NUMBER_TEXT_BYTES, "%.0f s", seconds);
    else if (seconds < 3599.5)
        snprintf(text, NUMBER_TEXT_BYTES, "%ld min %02ld s", (long)(seconds + 0.5) / 60,
                 (long)(seconds + 0.5) % 60);
    else
        snprintf(text, NUMBER_TEXT_BYTES, "%ld h %02ld min", (long)(seconds / 3600.0),
                 (long)(seconds / 60.0) % 60);
    return text;
}
