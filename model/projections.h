/* A row of a layer's projections: what one token's queries, keys, values and gates are, side by
   side, as one linear map makes them; and what happens to them in place before and after the
   attention. */
#ifndef FIDUCIAL_MODEL_PROJECTIONS_H
#define FIDUCIAL_MODEL_PROJECTIONS_H

#include "model/config.h"
#include "model/norms/norm.h"

/* Queries come first, head by head; then the key-value heads' keys and values; then the gates. */
typedef struct ProjectionLayout {
    int heads, kv_heads, head_dim;
    int key, value, gate; /* the first column of each */
    int gates;            /* columns of gates: none, one per head, or one per head and dimension */
    int columns;          /* of a whole row */
} ProjectionLayout;

ProjectionLayout projections_layout(const ModelConfig *config);

/* The key-value head that a head reads: groups of neighbours share one (arXiv 2305.13245). */
static inline int projections_kv_head(const ProjectionLayout *layout, int head) {
    return head / (layout->heads / layout->kv_heads);
}

/* The norm of each head's query and key (arXiv 2302.05442, section 2), for rows of projections. */
typedef struct QueryKeyNorm {
    const NormKind *kind;
    const float *gain[2],
        *shift[2]; /* of queries and of keys, [head_dim]; NULL where there is none */
    float *d_gain[2], *d_shift[2]; /* backward: the same, added to */
    float *raw[2];                 /* [rows][heads or kv_heads][head_dim]: before the norm */
    float *statistics[2];          /* [rows][heads or kv_heads][kind's statistics] */
} QueryKeyNorm;

/* Keeps raw and statistics, and norms the queries and keys of projections [rows][columns]. */
void query_key_norm_forward(const QueryKeyNorm *norm, const ProjectionLayout *layout, int rows,
                            float *projections);

/* From the gradient of the normed queries and keys to that of the raw ones, in place; scratch
   [heads·head_dim]. */
void query_key_norm_backward(const QueryKeyNorm *norm, const ProjectionLayout *layout, int rows,
                             float *d_projections, float *scratch);

/* Turns the gates' columns into their sigmoid; gated [rows][heads·head_dim] = heads · gates. */
void gate_forward(const ProjectionLayout *layout, int rows, float *projections, const float *heads,
                  float *gated);

/* From d_heads, the gradient of gated, to that of heads, in place; fills the gates' columns of
   d_projections with the gradient of what the sigmoid was taken of. */
void gate_backward(const ProjectionLayout *layout, int rows, const float *projections,
                   const float *heads, float *d_heads, float *d_projections);

#endif
