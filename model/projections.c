#include "model/projections.h"

#include <string.h>

ProjectionLayout projections_layout(const ModelConfig *config) {
    ProjectionLayout layout = {.heads = (int)config->heads,
                               .kv_heads = (int)model_kv_heads(config),
                               .head_dim = (int)model_head_dim(config)};
    int queries = layout.heads * layout.head_dim, keys = layout.kv_heads * layout.head_dim;
    layout.key = queries;
    layout.value = layout.key + keys;
    layout.gate = layout.value + keys;
    if (config->attention.gate == GATE_HEAD)
        layout.gates = layout.heads;
    if (config->attention.gate == GATE_ELEMENTWISE)
        layout.gates = queries;
    layout.columns = layout.gate + layout.gates;
    return layout;
}

/* One token's queries (which 0) or keys (1): a row of the norm for each head. */
typedef struct Part {
    NormRows rows;
    size_t first, floats, statistics; /* column in a row of projections; floats of a row's parts */
} Part;

static Part part_of(const QueryKeyNorm *norm, const ProjectionLayout *layout, int which) {
    int count = which == 0 ? layout->heads : layout->kv_heads;
    return (Part){.rows = {.rows = count,
                           .width = layout->head_dim,
                           .gain = norm->gain[which],
                           .shift = norm->shift[which]},
                  .first = which == 0 ? 0 : (size_t)layout->key,
                  .floats = (size_t)count * (size_t)layout->head_dim,
                  .statistics = (size_t)count * (size_t)norm->kind->statistics};
}

void query_key_norm_forward(const QueryKeyNorm *norm, const ProjectionLayout *layout, int rows,
                            float *projections) {
    for (int which = 0; which < 2; which++) {
        Part part = part_of(norm, layout, which);
        float *raw = norm->raw[which], *statistics = norm->statistics[which];
        float *row = projections + part.first;
        for (int r = 0; r < rows; r++) {
            memcpy(raw, row, part.floats * sizeof *raw);
            norm->kind->forward(&part.rows, NULL, raw, row, statistics);
            raw += part.floats, statistics += part.statistics, row += layout->columns;
        }
    }
}

void query_key_norm_backward(const QueryKeyNorm *norm, const ProjectionLayout *layout, int rows,
                             float *d_projections, float *scratch) {
    for (int which = 0; which < 2; which++) {
        Part part = part_of(norm, layout, which);
        const float *raw = norm->raw[which], *statistics = norm->statistics[which];
        float *d_row = d_projections + part.first;
        for (int r = 0; r < rows; r++) {
            memcpy(scratch, d_row, part.floats * sizeof *scratch);
            memset(d_row, 0, part.floats * sizeof *d_row);
            norm->kind->backward(&part.rows, raw, statistics, scratch, d_row, norm->d_gain[which],
                                 norm->d_shift[which]);
            raw += part.floats, statistics += part.statistics, d_row += layout->columns;
        }
    }
}
