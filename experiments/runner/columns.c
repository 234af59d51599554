#include "experiments/runner/columns.h"

#include <string.h>

enum { GAP = 2, LAST_LEAST = 24 };

int text_cells(const char *text) {
    int cells = 0;
    for (; *text != '\0'; text++)
        cells += ((unsigned char)*text & 0xC0) != 0x80;
    return cells;
}

void columns_add(Columns *columns, const char *const *cells) {
    size_t count = (size_t)columns->count;
    if (columns->rows == columns->capacity) {
        size_t capacity = 2 * columns->capacity + 32;
        const char **grown = ARENA_ARRAY(columns->arena, const char *, (capacity * count));
        if (columns->rows > 0)
            memcpy(grown, columns->cells, columns->rows * count * sizeof *grown);
        columns->cells = grown;
        columns->capacity = capacity;
    }
    memcpy(columns->cells + columns->rows++ * count, cells, count * sizeof *cells);
}

/* Bytes of the first words of text that fit into room cells; at least one word. */
static size_t fitting_words(const char *text, int room) {
    size_t fitting = 0, at = 0;
    int cells = 0;
    while (text[at] != '\0' && text[at] != '\n') {
        size_t word = at + strspn(text + at, " ");
        word += strcspn(text + word, " \n");
        for (; at < word; at++)
            cells += ((unsigned char)text[at] & 0xC0) != 0x80;
        if (cells > room && fitting > 0)
            return fitting;
        fitting = at;
    }
    return fitting;
}

/* Adds text, whose first line begins where the buffer stands, further lines at indent. */
static void add_wrapped(TextBuffer *buffer, int indent, int room, const char *text) {
    for (;;) {
        size_t bytes = fitting_words(text, room);
        text_add(buffer, "%.*s\n", (int)bytes, text);
        text += bytes;
        text += strspn(text, " \n");
        if (*text == '\0')
            return;
        text_add(buffer, "%*s", indent, "");
    }
}

void text_wrap(TextBuffer *buffer, int indent, const char *text) {
    text_add(buffer, "%*s", indent, "");
    add_wrapped(buffer, indent, TEXT_COLUMNS - indent, text);
}

/* Widths of all columns but the last; returns where the last begins. */
static int find_widths(const Columns *columns, int indent, int widths[COLUMNS_LARGEST]) {
    int last = columns->count - 1, begin = indent, widest = 0;
    for (int c = 0; c <= last; c++) {
        widths[c] = 0;
        for (size_t row = 0; row < columns->rows; row++) {
            int cells = text_cells(columns->cells[row * (size_t)columns->count + (size_t)c]);
            widths[c] = cells > widths[c] ? cells : widths[c];
        }
        if (c < last)
            begin += widths[c] + GAP;
    }
    widest = widths[last] < LAST_LEAST ? widths[last] : LAST_LEAST;
    int excess = begin + widest - TEXT_COLUMNS;
    if (excess > 0 && last > 0) {
        int narrower = widths[0] - excess > 8 ? widths[0] - excess : 8;
        begin -= widths[0] - narrower;
        widths[0] = narrower;
    }
    return begin;
}

static void add_cell(TextBuffer *buffer, const char *cell, int width, bool right) {
    int padding = width - text_cells(cell);
    padding = padding > 0 ? padding : 0;
    text_add(buffer, "%*s%s%*s", right ? padding : 0, "", cell, (right ? 0 : padding) + GAP, "");
}

/* Blanks at the end of a line say nothing. */
static void trim(TextBuffer *buffer) {
    while (buffer->length > 0 && buffer->text[buffer->length - 1] == ' ')
        buffer->text[--buffer->length] = '\0';
}

static void write_row(const Columns *columns, const char *const *cells, int indent,
                      const int *widths, int begin, TextBuffer *buffer) {
    int last = columns->count - 1;
    text_add(buffer, "%*s", indent, "");
    for (int c = 0; c < last; c++) {
        if (c == 0 && text_cells(cells[0]) > widths[0])
            text_add(buffer, "%s\n%*s", cells[0], indent + widths[0] + GAP, "");
        else
            add_cell(buffer, cells[c], widths[c], columns->right[c] == 'r');
    }
    if (cells[last][0] == '\0') {
        trim(buffer);
        text_add(buffer, "\n");
        return;
    }
    if (columns->right[last] == 'r')
        text_add(buffer, "%*s", widths[last] - text_cells(cells[last]), "");
    add_wrapped(buffer, begin, TEXT_COLUMNS - begin, cells[last]);
}

void columns_write(const Columns *columns, int indent, TextBuffer *buffer) {
    int widths[COLUMNS_LARGEST];
    if (columns->rows == 0)
        return;
    int begin = find_widths(columns, indent, widths);
    for (size_t row = 0; row < columns->rows; row++)
        write_row(columns, columns->cells + row * (size_t)columns->count, indent, widths, begin,
                  buffer);
}
