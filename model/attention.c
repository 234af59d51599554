#include "model/attention.h"

#include "model/attention_slot.h"
#include "model/mask.h"
#include "model/math/gemm.h"
#include "model/math/kernels.h"
#include "model/normalization.h"

#include <math.h>
#include <string.h>

/* Queries per block. Smaller blocks compute less of the masked half, larger ones make better matrix
   products; measured on Zen 4 for lengths 64 to 512. */
enum { BLOCK = 16 };

/* Products are made for whole groups of keys, up to the sequence's end: what lies beyond a query's
   visible keys is overwritten with 0 before it is used. */
enum { KEY_GROUP = 32 };

size_t attention_scratch(int length, int head_dim) {
    return (size_t)length * (size_t)(4 * BLOCK + 2 * head_dim) +
           slot_scratch(BLOCK, length, head_dim);
}

/* Where the scratch's parts are. */
typedef struct Scratch {
    float *map, *d_map, *scores, *dropped; /* [BLOCK][length] */
    float *key_columns, *value_columns;    /* [head_dim][length]: transposed once per head */
    float *slot;                           /* slot_scratch */
} Scratch;

static Scratch scratch_of(const AttentionHead *head) {
    size_t map = (size_t)BLOCK * (size_t)head->length;
    size_t columns = (size_t)head->head_dim * (size_t)head->length;
    float *start = head->scratch;
    return (Scratch){start,
                     start + map,
                     start + 2 * map,
                     start + 3 * map,
                     start + 4 * map,
                     start + 4 * map + columns,
                     start + 4 * map + 2 * columns};
}

static void turn(const AttentionHead *head, const float *rows, float *columns) {
    matrix_transpose(head->length, head->head_dim, (ConstMatrix){rows, head->stride},
                     (Matrix){columns, head->length});
}

/* A block of queries and the union of the keys they see. */
typedef struct Block {
    int first_row, rows;
    Interval keys;
} Block;

static Block block_at(const AttentionHead *head, int first_row) {
    Block block = {.first_row = first_row, .rows = head->length - first_row};
    if (block.rows > BLOCK)
        block.rows = BLOCK;
    block.keys = mask_interval(head->config, first_row, head->length);
    for (int r = 1; r < block.rows; r++) {
        Interval seen = mask_interval(head->config, first_row + r, head->length);
        if (seen.first < block.keys.first)
            block.keys.first = seen.first;
        if (seen.end > block.keys.end)
            block.keys.end = seen.end;
    }
    return block;
}

static ConstMatrix row_of(const float *data, int stride, int row) {
    return (ConstMatrix){data + (size_t)row * (size_t)stride, stride};
}

static void block_view(const AttentionHead *head, const Block *block, const float *map,
                       const Tap *tap, TapView view, TapName name) {
    view.name = name;
    view.head = head->head;
    view.first_row = block->first_row;
    view.rows = block->rows;
    view.columns = head->length;
    view.stride = (size_t)head->length;
    view.data = map;
    tap->see(tap->context, &view);
}

/* map [block rows][length] at the block's keys (and some beyond) = alpha · rows · columns. */
static void to_map(const AttentionHead *head, const Block *block, float alpha, ConstMatrix rows,
                   const float *columns, float *map) {
    int first = block->keys.first, length = head->length;
    int whole = (block->keys.end - first + KEY_GROUP - 1) / KEY_GROUP * KEY_GROUP;
    gemm(&(Gemm){.form = GEMM_NN,
                 .m = block->rows,
                 .n = first + whole < length ? whole : length - first,
                 .k = head->head_dim,
                 .alpha = alpha,
                 .a = rows,
                 .b = {columns + first, length},
                 .c = {map + first, length},
                 .scratch = head->gemm_scratch});
}

static float score_scale(const AttentionHead *head) {
    double temperature = head->config->attention.temperature;
    return (float)(1 / (sqrt((double)head->head_dim) * (temperature > 0 ? temperature : 1)));
}

/* cap · tanh(score / cap). */
static void cap_scores(float cap, int count, float *scores) {
    for (int j = 0; j < count; j++)
        scores[j] = cap * tanhf(scores[j] / cap);
}

/* Scores of a block into map [rows][length] at the visible columns: q·k/(√head_dim · temperature) +
   bias, capped. */
static void block_scores(const AttentionHead *head, const Block *block, const Scratch *scratch) {
    int length = head->length;
    float *map = scratch->map, cap = (float)head->config->attention.soft_cap;
    to_map(head, block, score_scale(head), row_of(head->query, head->stride, block->first_row),
           scratch->key_columns, map);
    const PositionKind *kind = head->position->kind;
    if (kind->bias == NULL && cap == 0)
        return;
    for (int r = 0; r < block->rows; r++) {
        int query = block->first_row + r;
        Interval seen = mask_interval(head->config, query, length);
        float *row = map + (size_t)r * (size_t)length + seen.first;
        if (kind->bias != NULL)
            kind->bias(head->position, head->parameters, head->head, query, seen.first,
                       seen.end - seen.first, row);
        if (cap > 0)
            cap_scores(cap, seen.end - seen.first, row);
    }
}

static void fill(float *row, int first, int end, float value) {
    for (int j = first; j < end; j++)
        row[j] = value;
}

/* What the block's rows hold at keys that a query does not see. */
static void fill_unseen(const Block *block, Interval seen, float value, float *row) {
    fill(row, block->keys.first, seen.first, value);
    fill(row, seen.end, block->keys.end, value);
}

/* Scores → weights, 0 at the block's columns that a query does not see. Where the normalization
   allows it all rows are of the block's width, unseen scores −∞: loops that are all of one length
   run faster than shorter ones. */
static void block_weights(const AttentionHead *head, const Block *block, const AttentionSlot *slot,
                          float *map) {
    const NormalizationKind *kind = slot->kind;
    float sink = head->has_sink ? head->sink_logit : -INFINITY;
    for (int r = 0; r < block->rows; r++) {
        Interval seen = mask_interval(head->config, block->first_row + r, head->length);
        float *row = map + (size_t)r * (size_t)head->length;
        if (kind->drops_infinity) {
            fill_unseen(block, seen, -INFINITY, row);
            seen = block->keys;
        } else
            fill_unseen(block, seen, 0, row);
        if (slot->key == NULL)
            kind->forward(seen.end - seen.first, sink, row + seen.first);
        else
            slot_weights(slot, r, seen.end - seen.first, sink, row + seen.first);
    }
}

/* Dropout of a block's weights, or of their gradients, in place. */
static void drop_weights(const AttentionHead *head, const Block *block, float *map) {
    for (int r = 0; r < block->rows; r++) {
        int query = block->first_row + r;
        Interval seen = mask_interval(head->config, query, head->length);
        dropout_weights(head->dropout, head->dropout_place, head->sequence, query,
                        (size_t)(seen.end - seen.first),
                        map + (size_t)r * (size_t)head->length + seen.first);
    }
}

/* A tap sees whole rows. */
static void clear_beyond(const AttentionHead *head, const Block *block, float *map) {
    for (int r = 0; r < block->rows; r++, map += head->length) {
        memset(map, 0, (size_t)block->keys.first * sizeof *map);
        memset(map + block->keys.end, 0, (size_t)(head->length - block->keys.end) * sizeof *map);
    }
}

void attention_forward(const AttentionHead *head, float *output, const Tap *tap, TapView view) {
    Scratch scratch = scratch_of(head);
    float *map = scratch.map;
    int length = head->length;
    turn(head, head->key, scratch.key_columns);
    AttentionSlot slot = slot_begin(head, score_scale(head), BLOCK, scratch.slot);
    for (int first_row = 0; first_row < length; first_row += BLOCK) {
        Block block = block_at(head, first_row);
        block_scores(head, &block, &scratch);
        if (tap != NULL)
            block_view(head, &block, map, tap, view, TAP_SCORES);
        slot_scores(&slot, first_row, block.rows);
        block_weights(head, &block, &slot, map);
        if (tap != NULL) {
            clear_beyond(head, &block, map);
            block_view(head, &block, map, tap, view, TAP_WEIGHTS);
        }
        if (head->dropout != NULL)
            drop_weights(head, &block, map);
        float *rows = output + (size_t)first_row * (size_t)head->output_stride;
        gemm(&(Gemm){.form = GEMM_NN,
                     .m = block.rows,
                     .n = head->head_dim,
                     .k = block.keys.end - block.keys.first,
                     .alpha = 1,
                     .a = {map + block.keys.first, length},
                     .b = row_of(head->value, head->stride, block.keys.first),
                     .c = {rows, head->output_stride},
                     .scratch = head->gemm_scratch});
        slot_output(&slot, block.rows, rows);
    }
}

/* Whether the backward pass reads the scores themselves. */
static bool keeps_scores(const AttentionHead *head) {
    const AttentionConfig *config = &head->config->attention;
    return config->soft_cap > 0 || normalization_of(&config->normalization)->needs_scores;
}

/* d_weights → d_scores of one row's visible keys, before the cap: the cap's derivative is
   1 − (score/cap)². */
static void row_backward(const AttentionSlot *slot, int r, int count, const float *scores,
                         const float *weights, float *d_row) {
    const AttentionHead *head = slot->head;
    float cap = (float)head->config->attention.soft_cap;
    float sink = head->has_sink ? head->sink_logit : -INFINITY;
    if (slot->key == NULL)
        slot->kind->backward(count, scores, weights, sink, d_row, head->d_sink_logit);
    else
        slot_row_backward(slot, r, count, sink, scores, weights, d_row);
    for (int j = 0; cap > 0 && j < count; j++)
        d_row[j] *= 1 - scores[j] / cap * (scores[j] / cap);
}

/* d_weights → d_scores in the scratch's d_map, 0 at unseen keys, and the bias's own gradient. */
static void block_backward_scores(const AttentionHead *head, const Block *block,
                                  const Scratch *scratch, const AttentionSlot *slot,
                                  float *gradient) {
    const PositionKind *kind = head->position->kind;
    bool whole = slot->kind->drops_infinity;
    for (int r = 0; r < block->rows; r++) {
        int query = block->first_row + r;
        Interval seen = mask_interval(head->config, query, head->length);
        Interval keys = whole ? block->keys : seen;
        size_t row = (size_t)r * (size_t)head->length, at = row + (size_t)keys.first;
        float *d_row = scratch->d_map + row;
        row_backward(slot, r, keys.end - keys.first, scratch->scores + at, scratch->map + at,
                     scratch->d_map + at);
        fill_unseen(block, keys, 0, d_row);
        if (kind->bias_backward != NULL)
            kind->bias_backward(head->position, head->head, query, seen.first,
                                seen.end - seen.first, d_row + seen.first, gradient);
    }
}

static void clear_rows(float *data, int stride, int rows, int columns) {
    for (int r = 0; r < rows; r++)
        memset(data + (size_t)r * (size_t)stride, 0, (size_t)columns * sizeof *data);
}

/* The four products of a block's backward pass share two operands each. */
typedef struct BlockGradient {
    const AttentionHead *head;
    const Block *block;
    const float *map, *d_map;
} BlockGradient;

/* rows [block rows][head_dim] (+)= alpha · d_map · keys. */
static void to_queries(const BlockGradient *at, float alpha, const float *keys, float *d_query) {
    const AttentionHead *head = at->head;
    int length = head->length, first = at->block->keys.first;
    gemm(&(Gemm){.form = GEMM_NN,
                 .m = at->block->rows,
                 .n = head->head_dim,
                 .k = at->block->keys.end - first,
                 .alpha = alpha,
                 .a = {at->d_map + first, length},
                 .b = row_of(keys, head->stride, first),
                 .c = {d_query + (size_t)at->block->first_row * (size_t)head->stride, head->stride},
                 .scratch = head->gemm_scratch});
}

/* The block's keys of target [length][head_dim] += alpha · mapᵀ · rows. */
static void to_keys(const BlockGradient *at, const float *map, float alpha, ConstMatrix rows,
                    float *target) {
    const AttentionHead *head = at->head;
    int first = at->block->keys.first;
    gemm(&(Gemm){.form = GEMM_TN,
                 .m = at->block->keys.end - first,
                 .n = head->head_dim,
                 .k = at->block->rows,
                 .alpha = alpha,
                 .a = {map + first, head->length},
                 .b = rows,
                 .add = true,
                 .c = {target + (size_t)first * (size_t)head->stride, head->stride},
                 .scratch = head->gemm_scratch});
}

/* Dropout of a block's d_map in place; returns the weights as the values were mixed with them. */
static const float *drop_backward(const AttentionHead *head, const Block *block,
                                  const Scratch *scratch) {
    if (head->dropout == NULL)
        return scratch->map;
    memcpy(scratch->dropped, scratch->map,
           (size_t)block->rows * (size_t)head->length * sizeof(float));
    drop_weights(head, block, scratch->dropped);
    drop_weights(head, block, scratch->d_map);
    return scratch->dropped;
}

void attention_backward(const AttentionHead *head, const float *d_output, float *d_query,
                        float *d_key, float *d_value, float *gradient) {
    int length = head->length, stride = head->stride;
    Scratch scratch = scratch_of(head);
    float *map = scratch.map, *d_map = scratch.d_map;
    float scale = score_scale(head);
    turn(head, head->key, scratch.key_columns);
    turn(head, head->value, scratch.value_columns);
    if (!head->adds_to_keys) {
        clear_rows(d_key, stride, length, head->head_dim);
        clear_rows(d_value, stride, length, head->head_dim);
    }
    AttentionSlot slot = slot_begin(head, scale, BLOCK, scratch.slot);
    for (int first_row = 0; first_row < length; first_row += BLOCK) {
        Block block = block_at(head, first_row);
        BlockGradient at = {head, &block, map, d_map};
        ConstMatrix d_rows = row_of(d_output, head->output_stride, first_row);
        block_scores(head, &block, &scratch);
        if (keeps_scores(head))
            memcpy(scratch.scores, map, (size_t)block.rows * (size_t)length * sizeof *map);
        slot_scores(&slot, first_row, block.rows);
        block_weights(head, &block, &slot, map);
        to_map(head, &block, 1, d_rows, scratch.value_columns, d_map);
        to_keys(&at, drop_backward(head, &block, &scratch), 1, d_rows, d_value);
        slot_value_backward(&slot, block.rows, d_rows.data);
        block_backward_scores(head, &block, &scratch, &slot, gradient);
        to_queries(&at, scale, head->key, d_query);
        slot_key_backward(&slot, first_row, block.rows, d_query);
        to_keys(&at, d_map, scale, row_of(head->query, stride, first_row), d_key);
    }
    slot_end_backward(&slot);
}
