/* What key and value biases (model/kv_bias.h) add to a head's attention: one slot beside the keys
   of the tokens, which every query sees, carried along block by block beside the map. A row is
   normalized with the slot in front of its visible keys, so that every normalization takes it for a
   key. Without a learned key there is no slot, and the value counts with weight 1. */
#ifndef FIDUCIAL_MODEL_ATTENTION_SLOT_H
#define FIDUCIAL_MODEL_ATTENTION_SLOT_H

#include "model/attention.h"
#include "model/normalization.h"

typedef struct AttentionSlot {
    const AttentionHead *head;
    const NormalizationKind *kind;
    float scale;                             /* score = scale · query · key, before the cap */
    float *key, *d_key;                      /* [head_dim] φ(k*); NULL: there is no slot */
    float *scores, *weights, *d_scores;      /* [rows] of the block at hand */
    float *row_scores, *row_weights, *d_row; /* [length + 1] one row: the slot, then the keys */
} AttentionSlot;

/* Floats of scratch for blocks of at most rows queries. */
size_t slot_scratch(int rows, int length, int head_dim);

/* Before the first block. scratch: slot_scratch floats, or unused where the head has no biases. */
AttentionSlot slot_begin(const AttentionHead *head, float scale, int rows, float *scratch);

/* The scores of queries first_row … first_row + rows − 1. */
void slot_scores(const AttentionSlot *slot, int first_row, int rows);

/* Row r of the block: row [count] of scores of visible keys → weights. */
void slot_weights(const AttentionSlot *slot, int r, int count, float sink, float *row);

/* output (output_stride), the block's rows of it, += weight · v*. */
void slot_output(const AttentionSlot *slot, int rows, float *output);

/* The gradients of the slot's weights and of v*; d_output: the block's rows. Before the rows
   below. */
void slot_value_backward(const AttentionSlot *slot, int rows, const float *d_output);

/* Row r of the block, by the kind's backward: d_row [count] of weights → of scores, both after the
   cap; scores are not read where the kind does not need them. */
void slot_row_backward(const AttentionSlot *slot, int r, int count, float sink, const float *scores,
                       const float *weights, float *d_row);

/* d_query += the slot's part, for the block's queries. After the rows above. */
void slot_key_backward(const AttentionSlot *slot, int first_row, int rows, float *d_query);

/* After the last block of a backward pass: adds the gradient of k*. */
void slot_end_backward(const AttentionSlot *slot);

#endif
