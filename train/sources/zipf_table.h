/* Independent tokens with Zipf's frequencies. */
#ifndef FIDUCIAL_TRAIN_SOURCES_ZIPF_TABLE_H
#define FIDUCIAL_TRAIN_SOURCES_ZIPF_TABLE_H

#include "model/base/arena.h"

#include <stdint.h>

/* Cumulative counts [symbols], for bigram_draw, of tokens whose probability falls as
   1/(token + 1)^exponent: rounded to whole 4·10⁹ths, and at least one. */
uint32_t *zipf_table_create(int symbols, double exponent, Arena *arena);

#endif
