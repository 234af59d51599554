/* The parts of the `likelihood` analysis (metrics.md section 10): does a token that the model
   expects get other attention than one it does not? One token of each sequence is replaced by
   others that the model finds more or less likely there. After the attention-likelihood
   relationship of arXiv 2303.08288. */
#ifndef FIDUCIAL_ANALYSIS_LIKELIHOOD_H
#define FIDUCIAL_ANALYSIS_LIKELIHOOD_H

#include "analysis/visibility.h"

#include <stdint.h>

/* What stands at the target, by rank of its probability there. */
typedef enum LikelihoodMode {
    MODE_LOWEST,
    MODE_LOW, /* one of the low third, drawn; then of the middle and the high third */
    MODE_MIDDLE,
    MODE_HIGH,
    MODE_HIGHEST,
    MODE_ORIGINAL, /* the token of the sequence */
    LIKELIHOOD_MODES,
} LikelihoodMode;

enum { LIKELIHOOD_THIRDS = 3, LIKELIHOOD_NO_TOKEN = -1 };

/* What is drawn for one sample, once per run: the same (seed, sample, first, end) give the same. */
typedef struct LikelihoodDraw {
    int target;                       /* first ≤ target < end; −1 where there is none */
    double places[LIKELIHOOD_THIRDS]; /* in [0, 1): where in each third of the ranks */
} LikelihoodDraw;

LikelihoodDraw likelihood_draw(uint64_t seed, int sample, int first, int end);

/* The tokens that stand at the target, from the logits of its position. Ranked are the V ordinary
   tokens (analysis/inputs.h): BOS, [MASK] and their like are never predicted, so that the least
   likely token would always be one of them, and what it receives would tell of it and not of its
   likelihood. Ranks ascend; equal logits are ranked by their token. Third n holds ranks ⌊n·V/3⌋ to
   ⌊(n + 1)·V/3⌋ − 1; where it is empty (V < 3): LIKELIHOOD_NO_TOKEN. */
void likelihood_tokens(const float *logits, int ordinary, int bos, int32_t original,
                       const LikelihoodDraw *draw, int32_t tokens[LIKELIHOOD_MODES],
                       Arena *scratch);

/* Softmax of logits [vocabulary] at one token, in double. */
double likelihood_of(const float *logits, int vocabulary, int32_t token);

/* Attention to the token at target in a map [T][T]. */
typedef struct TargetAttention {
    double inner;    /* map[t][t] */
    double received; /* mean of map[i][t] over queries i ≠ t that see t and another key; NaN where
                        there is none */
} TargetAttention;

TargetAttention target_attention(const Visibility *visibility, const double *map, int target);

#endif
