/* Tokens for the inputs that measurements make up: the data source's own ones, so that BOS,
   delimiters and the objective's [CLS], [SEP] and [MASK] stand only where they are put. */
#ifndef FIDUCIAL_ANALYSIS_INPUTS_H
#define FIDUCIAL_ANALYSIS_INPUTS_H

#include <stdbool.h>
#include <stdint.h>

/* Whether BOS (−1 for none) is one of the source's own tokens 0 … ordinary − 1, and not the only
   one: it is passed over. */
static inline bool ordinary_has_bos(int ordinary, int bos) {
    return bos >= 0 && bos < ordinary && ordinary > 1;
}

/* How many tokens there are to choose from. */
static inline int ordinary_choices(int ordinary, int bos) {
    return ordinary - ordinary_has_bos(ordinary, bos);
}

/* The token of a choice 0 … ordinary_choices − 1. */
static inline int32_t ordinary_token(int choice, int ordinary, int bos) {
    return choice + (ordinary_has_bos(ordinary, bos) && choice >= bos);
}

#endif
