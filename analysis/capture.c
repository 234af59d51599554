#include "analysis/capture.h"

#include "model/mask.h"

#include <math.h>
#include <string.h>

Capture *capture_create(const Model *model, int length, Arena *arena) {
    const ModelConfig *config = model_config(model);
    size_t layers = (size_t)config->layers, heads = (size_t)config->heads;
    size_t head_dim = (size_t)model_head_dim(config), width = (size_t)config->width;
    size_t tokens = (size_t)length, maps = layers * heads;
    Capture *capture = ARENA_ARRAY(arena, Capture, 1);
    *capture = (Capture){
        .layers = (int)layers,
        .heads = (int)heads,
        .head_dim = (int)head_dim,
        .width = (int)width,
        .hidden = (int)config->hidden,
        .length = length,
        .capacity = length,
        .residual = ARENA_ARRAY(arena, float, (layers + 1) * tokens * width),
        .query = ARENA_ARRAY(arena, float, (maps * tokens * head_dim)),
        .key = ARENA_ARRAY(arena, float, (maps * tokens * head_dim)),
        .value = ARENA_ARRAY(arena, float, (maps * tokens * head_dim)),
        .scores = ARENA_ARRAY(arena, float, (maps * tokens * tokens)),
        .weights = ARENA_ARRAY(arena, float, (maps * tokens * tokens)),
        .head_output = ARENA_ARRAY(arena, float, (maps * tokens * head_dim)),
        .mlp_before = ARENA_ARRAY(arena, float, (layers * tokens * (size_t)config->hidden)),
        .mlp_after = ARENA_ARRAY(arena, float, (layers * tokens * (size_t)config->hidden)),
        .losses = ARENA_ARRAY(arena, float, tokens),
        .mean_weights = ARENA_ARRAY(arena, double, (layers * tokens * tokens)),
    };
    return capture;
}

typedef struct Filling {
    Capture *capture;
    const ModelConfig *config;
} Filling;

static void copy_rows(float *target, size_t target_stride, const TapView *view) {
    for (int row = 0; row < view->rows; row++)
        memcpy(target + (size_t)(view->first_row + row) * target_stride,
               view->data + (size_t)row * view->stride, sizeof(float) * (size_t)view->columns);
}

/* Only what the mask shows: the forward pass leaves other scores unspecified. */
static void copy_visible(const Filling *filling, float *map, const TapView *view, float hidden) {
    int length = filling->capture->length;
    for (int row = 0; row < view->rows; row++) {
        int query = view->first_row + row;
        Interval keys = mask_interval(filling->config, query, length);
        float *target = map + (size_t)query * (size_t)length;
        for (int j = 0; j < length; j++)
            target[j] = hidden;
        memcpy(target + keys.first, view->data + (size_t)row * view->stride + keys.first,
               sizeof(float) * (size_t)(keys.end - keys.first));
    }
}

static void capture_see(void *context, const TapView *view) {
    const Filling *filling = context;
    Capture *capture = filling->capture;
    size_t tokens = (size_t)capture->length, layer = (size_t)view->layer;
    size_t head = layer * (size_t)capture->heads + (size_t)(view->head < 0 ? 0 : view->head);
    size_t width = (size_t)capture->width, hidden = (size_t)capture->hidden;
    size_t head_dim = (size_t)capture->head_dim;
    switch (view->name) {
    case TAP_RESIDUAL:
        copy_rows(capture->residual + layer * tokens * width, width, view);
        break;
    case TAP_QUERY:
        copy_rows(capture->query + head * tokens * head_dim, head_dim, view);
        break;
    case TAP_KEY:
        copy_rows(capture->key + head * tokens * head_dim, head_dim, view);
        break;
    case TAP_VALUE:
        copy_rows(capture->value + head * tokens * head_dim, head_dim, view);
        break;
    case TAP_SCORES:
        copy_visible(filling, capture->scores + head * tokens * tokens, view, -INFINITY);
        break;
    case TAP_WEIGHTS:
        copy_visible(filling, capture->weights + head * tokens * tokens, view, 0);
        break;
    case TAP_HEAD_OUTPUT:
        copy_rows(capture->head_output + head * tokens * head_dim, head_dim, view);
        break;
    case TAP_MLP_BEFORE:
        copy_rows(capture->mlp_before + layer * tokens * hidden, hidden, view);
        break;
    case TAP_MLP_AFTER:
        copy_rows(capture->mlp_after + layer * tokens * hidden, hidden, view);
        break;
    case TAP_NAMES:
        break;
    }
}

void capture_average_heads(Capture *capture) {
    size_t map = (size_t)capture->length * (size_t)capture->length;
    for (int layer = 0; layer < capture->layers; layer++) {
        double *mean = capture->mean_weights + (size_t)layer * map;
        for (size_t i = 0; i < map; i++)
            mean[i] = 0;
        for (int head = 0; head < capture->heads; head++) {
            const float *weights = capture_weights(capture, layer, head);
            for (size_t i = 0; i < map; i++)
                mean[i] += weights[i];
        }
        for (size_t i = 0; i < map; i++)
            mean[i] /= capture->heads;
    }
}

void capture_fill(Capture *capture, const Model *model, const float *parameters,
                  const int32_t *inputs, const int32_t *targets, const uint8_t *copied,
                  Workspace *workspace) {
    Filling filling = {.capture = capture, .config = model_config(model)};
    const Tap tap = {.see = capture_see, .context = &filling};
    const Batch batch = {
        .inputs = inputs, .targets = targets, .sequences = 1, .length = capture->length};
    capture->inputs = inputs;
    capture->targets = targets;
    capture->copied = copied;
    model_forward(model, parameters, &batch, workspace, &tap, capture->losses);
    capture_average_heads(capture);
}
