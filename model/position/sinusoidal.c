/* Fixed sinusoids (Vaswani et al., arXiv 1706.03762, section 3.5): sine on even and cosine on odd
   dimensions, base 10000, added to the embedding unscaled. */
#include "model/math/kernels.h"
#include "model/position/position.h"

#include <math.h>

static void prepare(Position *position, Arena *arena) {
    size_t context = (size_t)position->config->context, width = (size_t)position->config->width;
    float *table = ARENA_ARRAY(arena, float, (context * width));
    for (size_t token = 0; token < context; token++)
        for (size_t i = 0; i < width; i++) {
            double angle = (double)token * pow(10000.0, -(double)(i - i % 2) / (double)width);
            table[token * width + i] = (float)(i % 2 == 0 ? sin(angle) : cos(angle));
        }
    position->state = table;
}

static void embed(const Position *position, const float *parameters, int length, float *x) {
    (void)parameters;
    kernels()->add((size_t)length * (size_t)position->config->width, position->state, x);
}

extern const PositionKind position_sinusoidal;
const PositionKind position_sinusoidal = {
    .kind = {.name = "sinusoidal",
             .meaning = "add fixed sines and cosines of the position to the embedding",
             .source = "arXiv 1706.03762"},
    .prepare = prepare,
    .embed = embed,
};
