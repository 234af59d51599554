/* Plain text for people: aligned columns and wrapped lines that fit TEXT_COLUMNS character
   cells. */
#ifndef FIDUCIAL_RUNNER_COLUMNS_H
#define FIDUCIAL_RUNNER_COLUMNS_H

#include "experiments/runner/text.h"

enum { TEXT_COLUMNS = 100, COLUMNS_LARGEST = 8 };

/* Character cells that UTF-8 text takes: one for each code point. */
int text_cells(const char *text);

/* Rows of cells. Texts are not copied. */
typedef struct Columns {
    Arena *arena;
    int count;         /* of columns; at most COLUMNS_LARGEST */
    const char *right; /* one character per column: 'r' aligns right, anything else left */
    const char **cells;
    size_t rows, capacity;
} Columns;

/* cells [columns->count]. */
void columns_add(Columns *columns, const char *const *cells);

/* Adds the rows to buffer, each line indented by indent spaces. Where they are too wide, a first
   cell that does not fit stands on a line of its own, and the last column is broken between words.
   A single word that is longer than its room is not broken. */
void columns_write(const Columns *columns, int indent, TextBuffer *buffer);

/* Adds text as a paragraph, every line indented by indent. */
void text_wrap(TextBuffer *buffer, int indent, const char *text);

#endif
