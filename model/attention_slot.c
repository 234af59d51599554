#include "model/attention_slot.h"

#include "model/math/kernels.h"

#include <math.h>
#include <string.h>

size_t slot_scratch(int rows, int length, int head_dim) {
    return 2 * (size_t)head_dim + 3 * (size_t)rows + 3 * ((size_t)length + 1);
}

AttentionSlot slot_begin(const AttentionHead *head, float scale, int rows, float *scratch) {
    size_t size = (size_t)head->head_dim, row = (size_t)head->length + 1;
    AttentionSlot slot = {.head = head,
                          .kind = normalization_of(&head->config->attention.normalization),
                          .scale = scale};
    if (head->kv_bias.key == NULL)
        return slot;
    slot.key = scratch;
    slot.d_key = slot.key + size;
    slot.scores = slot.d_key + size;
    slot.weights = slot.scores + rows;
    slot.d_scores = slot.weights + rows;
    slot.row_scores = slot.d_scores + rows;
    slot.row_weights = slot.row_scores + row;
    slot.d_row = slot.row_weights + row;
    memcpy(slot.key, head->kv_bias.key, size * sizeof *slot.key);
    memset(slot.d_key, 0, size * sizeof *slot.d_key);
    if (slot.kind->feature != NULL)
        slot.kind->feature(size, slot.key);
    return slot;
}

static float dot(int count, const float *a, const float *b) {
    float sum = 0;
    for (int i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}

static size_t query_at(const AttentionHead *head, int row) {
    return (size_t)row * (size_t)head->stride;
}

static size_t output_at(const AttentionHead *head, int r) {
    return (size_t)r * (size_t)head->output_stride;
}

/* Of v* in row r. */
static float value_weight(const AttentionSlot *slot, int r) {
    return slot->key == NULL ? 1 : slot->weights[r];
}

void slot_scores(const AttentionSlot *slot, int first_row, int rows) {
    const AttentionHead *head = slot->head;
    float cap = (float)head->config->attention.soft_cap;
    for (int r = 0; slot->key != NULL && r < rows; r++) {
        const float *query = head->query + query_at(head, first_row + r);
        float score = slot->scale * dot(head->head_dim, query, slot->key);
        slot->scores[r] = cap > 0 ? cap * tanhf(score / cap) : score;
    }
}

void slot_weights(const AttentionSlot *slot, int r, int count, float sink, float *row) {
    float *joined = slot->row_weights;
    joined[0] = slot->scores[r];
    memcpy(joined + 1, row, (size_t)count * sizeof *row);
    slot->kind->forward(count + 1, sink, joined);
    slot->weights[r] = joined[0];
    memcpy(row, joined + 1, (size_t)count * sizeof *row);
}

void slot_output(const AttentionSlot *slot, int rows, float *output) {
    const AttentionHead *head = slot->head;
    for (int r = 0; head->kv_bias.value != NULL && r < rows; r++)
        kernels()->block.add_scaled((size_t)head->head_dim, value_weight(slot, r),
                                    head->kv_bias.value, output + output_at(head, r));
}

void slot_value_backward(const AttentionSlot *slot, int rows, const float *d_output) {
    const AttentionHead *head = slot->head;
    const KvBias *bias = &head->kv_bias;
    for (int r = 0; r < rows; r++) {
        const float *d_row = d_output + output_at(head, r);
        if (bias->value != NULL)
            kernels()->block.add_scaled((size_t)head->head_dim, value_weight(slot, r), d_row,
                                        bias->d_value);
        if (slot->key != NULL)
            slot->d_scores[r] = bias->value == NULL ? 0 : dot(head->head_dim, d_row, bias->value);
    }
}

void slot_row_backward(const AttentionSlot *slot, int r, int count, float sink, const float *scores,
                       const float *weights, float *d_row) {
    const AttentionHead *head = slot->head;
    float cap = (float)head->config->attention.soft_cap,
          share = cap > 0 ? slot->scores[r] / cap : 0;
    size_t bytes = (size_t)count * sizeof *d_row;
    slot->row_weights[0] = slot->weights[r];
    memcpy(slot->row_weights + 1, weights, bytes);
    slot->d_row[0] = slot->d_scores[r];
    memcpy(slot->d_row + 1, d_row, bytes);
    if (slot->kind->needs_scores) {
        slot->row_scores[0] = slot->scores[r];
        memcpy(slot->row_scores + 1, scores, bytes);
    }
    slot->kind->backward(count + 1, slot->row_scores, slot->row_weights, sink, slot->d_row,
                         head->d_sink_logit);
    slot->d_scores[r] = slot->d_row[0] * (1 - share * share);
    memcpy(d_row, slot->d_row + 1, bytes);
}

void slot_key_backward(const AttentionSlot *slot, int first_row, int rows, float *d_query) {
    const AttentionHead *head = slot->head;
    size_t size = (size_t)head->head_dim;
    for (int r = 0; slot->key != NULL && r < rows; r++) {
        float d_product = slot->scale * slot->d_scores[r];
        size_t at = query_at(head, first_row + r);
        kernels()->block.add_scaled(size, d_product, slot->key, d_query + at);
        kernels()->block.add_scaled(size, d_product, head->query + at, slot->d_key);
    }
}

void slot_end_backward(const AttentionSlot *slot) {
    const AttentionHead *head = slot->head;
    size_t size = (size_t)head->head_dim;
    if (slot->key == NULL)
        return;
    if (slot->kind->feature_backward != NULL)
        slot->kind->feature_backward(size, slot->key, slot->d_key);
    kernels()->add(size, slot->d_key, head->kv_bias.d_key);
}
