#include "analysis/sinks_states.h"

#include "analysis/analysis.h"
#include "model/norms/norm.h"

#include <cblas.h>
#include <math.h>

/* A layer's parameter, or NULL where the model has none of that name. */
static const Parameter *layer_parameter(const AnalysisContext *context, int layer, const char *name,
                                        Arena *scratch) {
    return parameters_find(model_parameters(context->model),
                           arena_format(scratch, "layers/%d/%s", layer, name));
}

/* output [T][width] += inputs [T][columns] · mapᵀ, and its bias where it has one. */
static void add_mapped(const AnalysisContext *context, int layer, const char *name,
                       const double *inputs, double *output, Arena *scratch) {
    const Parameter *map = layer_parameter(context, layer, name, scratch);
    const Parameter *bias =
        layer_parameter(context, layer, arena_format(scratch, "%s_bias", name), scratch);
    size_t length = (size_t)context->length, width = (size_t)context->width;
    double *weights = ARENA_ARRAY(scratch, double, map->count);
    for (size_t i = 0; i < map->count; i++)
        weights[i] = context->parameters[map->offset + i];
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, context->length, context->width,
                map->columns, 1, inputs, map->columns, weights, map->columns, 1, output,
                context->width);
    for (size_t i = 0; bias != NULL && i < length * width; i++)
        output[i] += context->parameters[bias->offset + i % width];
}

/* All heads' outputs side by side: [T][heads · head_dim]. */
static double *joined_heads(const Capture *capture, int layer, Arena *scratch) {
    size_t length = (size_t)capture->length, heads = (size_t)capture->heads;
    size_t size = (size_t)capture->head_dim, first = (size_t)layer * heads;
    double *joined = ARENA_ARRAY(scratch, double, (length * heads * size));
    for (size_t head = 0; head < heads; head++)
        for (size_t i = 0; i < length; i++)
            for (size_t d = 0; d < size; d++)
                joined[(i * heads + head) * size + d] =
                    capture->head_output[((first + head) * length + i) * size + d];
    return joined;
}

/* What the norm is taken of: the attention's output, and in a parallel block the MLP's beside
   it. */
static double *branch_output(const AnalysisContext *context, const Capture *capture, int layer,
                             Arena *scratch) {
    size_t length = (size_t)context->length, hidden = (size_t)capture->hidden;
    double *output = ARENA_ARRAY(scratch, double, (length * (size_t)context->width));
    add_mapped(context, layer, "attention/output", joined_heads(capture, layer, scratch), output,
               scratch);
    if (!model_config(context->model)->parallel)
        return output;
    double *units = ARENA_ARRAY(scratch, double, (length * hidden));
    for (size_t i = 0; i < length * hidden; i++)
        units[i] = capture->mlp_after[(size_t)layer * length * hidden + i];
    add_mapped(context, layer, "mlp/down", units, output, scratch);
    return output;
}

const UpdateNorm *update_norm_create(const AnalysisContext *context, const Capture *capture,
                                     int layer, Arena *scratch) {
    const ModelConfig *config = model_config(context->model);
    const NormKind *kind = (const NormKind *)(const void *)config->norm.kind;
    const Parameter *gain = layer_parameter(context, layer, "attention_output_norm", scratch);
    if (config->placement != PLACEMENT_SANDWICH || gain == NULL)
        return NULL;
    size_t length = (size_t)context->length, width = (size_t)context->width;
    double *scale = ARENA_ARRAY(scratch, double, length);
    const double *output = branch_output(context, capture, layer, scratch);
    for (size_t i = 0; i < length; i++) {
        double sum = 0, square = 0;
        for (size_t d = 0; d < width; d++) {
            sum += output[i * width + d];
            square += output[i * width + d] * output[i * width + d];
        }
        double mean = kind->shift ? sum / (double)width : 0;
        scale[i] = 1 / sqrt(square / (double)width - mean * mean + NORM_EPSILON);
    }
    UpdateNorm *norm = ARENA_ARRAY(scratch, UpdateNorm, 1);
    *norm = (UpdateNorm){
        .centred = kind->shift, .scale = scale, .gain = context->parameters + gain->offset};
    return norm;
}

void update_normalize(const UpdateNorm *norm, double *update, int length, int width) {
    for (int i = 0; i < length; i++) {
        double *row = update + (size_t)i * (size_t)width, mean = 0;
        for (int d = 0; norm->centred && d < width; d++)
            mean += row[d] / width;
        for (int d = 0; d < width; d++)
            row[d] = (row[d] - mean) * norm->scale[i] * norm->gain[d];
    }
}
