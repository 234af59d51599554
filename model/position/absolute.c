/* Learned absolute positions: one embedding per position up to the context, added to the
   token's. */
#include "model/math/kernels.h"
#include "model/position/position.h"

static void parameters(const ModelConfig *config, const KindOptions *options, ParameterTable *table,
                       Arena *arena) {
    (void)options;
    parameters_add(table, arena,
                   (Parameter){.name = "position_embedding",
                               .rows = (int)config->context,
                               .columns = (int)config->width,
                               .layer = -1,
                               .group = GROUP_EMBEDDING,
                               .initialization = INITIALIZE_NORMAL,
                               .scale = (float)config->init.scale});
}

static void embed(const Position *position, const float *block, int length, float *x) {
    kernels()->add((size_t)length * (size_t)position->config->width, block + position->parameter,
                   x);
}

static void embed_backward(const Position *position, int length, const float *dx, float *gradient) {
    kernels()->add((size_t)length * (size_t)position->config->width, dx,
                   gradient + position->parameter);
}

extern const PositionKind position_absolute;
const PositionKind position_absolute = {
    .kind = {.name = "absolute",
             .meaning = "add a learned embedding of the absolute position to the token's",
             .source = "arXiv 1705.03122"},
    .parameters = parameters,
    .embed = embed,
    .embed_backward = embed_backward,
};
