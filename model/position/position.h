/* Position encodings: one small interface with optional hooks, each with its backward. An encoding
   fills in what it needs: add to the embedding, rotate queries and keys, bias a row of scores. */
#ifndef FIDUCIAL_MODEL_POSITION_H
#define FIDUCIAL_MODEL_POSITION_H

#include "model/config.h"
#include "model/parameters.h"

typedef struct Position Position;

typedef struct PositionKind {
    Kind kind;
    /* Refuses impossible combinations; NULL: none. */
    Status (*check)(const ModelConfig *config, const KindOptions *options, const char **culprit,
                    Error *error);
    /* Adds its own parameters; NULL: none. */
    void (*parameters)(const ModelConfig *config, const KindOptions *options, ParameterTable *table,
                       Arena *arena);
    /* Tables for all positions up to the context, into position->state; NULL: none. */
    void (*prepare)(Position *position, Arena *arena);

    /* x [length][width] += the encoding of positions 0 … length − 1. */
    void (*embed)(const Position *position, const float *parameters, int length, float *x);
    /* gradient += that of the encoding's own parameters, given dx [length][width]. */
    void (*embed_backward)(const Position *position, int length, const float *dx, float *gradient);

    /* Rotates one head's vector [head_dim] at position token in place, and back. */
    void (*rotate)(const Position *position, int token, float *x);
    void (*rotate_backward)(const Position *position, int token, float *dx);
    /* Which pairs of a head's dimensions rotate turns, and how fast: fills theta [head_dim/2] with
       the angle per position of the pairs (m, m + count), m < count, and returns count. From the
       configuration alone, for analysis; NULL: nothing is rotated. */
    int (*angles)(const ModelConfig *config, const KindOptions *options, double *theta);

    /* scores [count] of keys first … first + count − 1 += bias for query and head. */
    void (*bias)(const Position *position, const float *parameters, int head, int query, int first,
                 int count, float *scores);
    /* gradient += that of the bias's own parameters; NULL where it has none. */
    void (*bias_backward)(const Position *position, int head, int query, int first, int count,
                          const float *d_scores, float *gradient);
} PositionKind;

/* A prepared encoding of one model, of all layers that have it; immutable, shared by threads. */
struct Position {
    const PositionKind *kind;
    KindOptions options;
    const ModelConfig *config;
    const ParameterTable *table;
    const void *state; /* the kind's own tables */
    size_t parameter;  /* offset of the kind's own parameters in the block */
};

extern const KindTable position_kinds;

#endif
