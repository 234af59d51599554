/* Parameters: one contiguous float32 block described by one table. Gradients and optimizer state
   have the same layout; initialisation, the optimizer, snapshots, import and export loop over
   it. */
#ifndef FIDUCIAL_MODEL_PARAMETERS_H
#define FIDUCIAL_MODEL_PARAMETERS_H

#include "model/base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* For per-group rates and for the Fisher groups of metrics.md section 6. */
typedef enum ParameterGroup {
    GROUP_EMBEDDING,
    GROUP_ATTENTION,
    GROUP_MLP,
    GROUP_UNEMBEDDING, /* with the final norm */
} ParameterGroup;

typedef enum Initialization {
    INITIALIZE_NORMAL, /* N(0, scale²) */
    INITIALIZE_ONE,
    INITIALIZE_ZERO,
} Initialization;

typedef struct Parameter {
    const char *name;  /* "layers/0/attention/query": also the HDF5 path */
    int rows, columns; /* [rows][columns]; columns = 0: a vector [rows] */
    int layer;         /* −1 outside the layers */
    ParameterGroup group;
    Initialization initialization;
    float scale;   /* standard deviation of INITIALIZE_NORMAL */
    bool decay;    /* whether weight decay applies */
    size_t offset; /* floats from the start of the block */
    size_t count;  /* floats */
} Parameter;

typedef struct ParameterTable {
    Parameter *entries; /* in block order, without gaps */
    size_t count, capacity;
    size_t total; /* floats in the block */
} ParameterTable;

/* Appends an entry (its name is copied into arena; offset and count are filled in) and returns its
   index. */
size_t parameters_add(ParameterTable *table, Arena *arena, Parameter parameter);

/* The entry called name, or NULL. */
const Parameter *parameters_find(const ParameterTable *table, const char *name);

/* Fills block [table->total] from the seed; each entry has its own random stream, so that adding a
   parameter does not change the others. */
void parameters_initialize(const ParameterTable *table, uint64_t seed, float *block);

/* SHA-256 over every parameter's bytes in ascending order of name. hex [65]. */
void parameters_hash(const ParameterTable *table, const float *block, char hex[65]);

#endif
