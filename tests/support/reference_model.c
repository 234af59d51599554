#include "tests/support/reference_model.h"

#include "model/base/random.h"
#include "tests/support/defaults.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One sequence on its way through the model. */
typedef struct Pass {
    const ModelConfig *config;
    const ParameterTable *table;
    const double *parameters;
    const Dropout *dropout; /* or NULL */
    int sequence;           /* in the batch at hand */
    Arena *arena;
    int length, width, heads, head_dim;
} Pass;

static double *reals(const Pass *pass, int rows, int columns) {
    return ARENA_ARRAY(pass->arena, double, ((size_t)rows * (size_t)columns));
}

static const Parameter *entry_of(const Pass *pass, int layer, const char *name) {
    char path[128];
    if (layer < 0)
        snprintf(path, sizeof path, "%s", name);
    else
        snprintf(path, sizeof path, "layers/%d/%s", layer, name);
    const Parameter *entry = parameters_find(pass->table, path);
    if (entry == NULL) {
        fprintf(stderr, "reference model: the parameter table has no %s\n", path);
        abort();
    }
    return entry;
}

static const double *values_of(const Pass *pass, int layer, const char *name) {
    return pass->parameters + entry_of(pass, layer, name)->offset;
}

/* y = x · weightᵀ, plus <name>_bias where the maps have biases: [rows][in] to [rows][out]. */
static double *linear(const Pass *pass, const double *x, int layer, const char *name) {
    const Parameter *entry = entry_of(pass, layer, name);
    const double *weight = values_of(pass, layer, name);
    int out = entry->rows, in = entry->columns;
    double *y = reals(pass, pass->length, out);
    char bias_name[100];
    snprintf(bias_name, sizeof bias_name, "%s_bias", name);
    const double *bias =
        pass->config->biases && layer >= 0 ? values_of(pass, layer, bias_name) : NULL;
    for (int t = 0; t < pass->length; t++)
        for (int o = 0; o < out; o++) {
            y[t * out + o] = bias == NULL ? 0 : bias[o];
            for (int i = 0; i < in; i++)
                y[t * out + o] += weight[o * in + i] * x[t * in + i];
        }
    return y;
}

static bool kind_is(const KindChoice *choice, const char *name) {
    return strcmp(choice->kind->name, name) == 0;
}

/* RMSNorm: x / sqrt(mean(x²) + eps) · gain (arXiv 1910.07467, equation 4). LayerNorm: the same of x
   less its mean, plus <name>_shift (arXiv 1607.06450). None: x. */
static double *normalize(const Pass *pass, const double *x, int layer, const char *name) {
    int width = pass->width;
    bool centred = kind_is(&pass->config->norm, "layer");
    double *y = reals(pass, pass->length, width);
    memcpy(y, x, (size_t)(pass->length * width) * sizeof *y);
    if (kind_is(&pass->config->norm, "none"))
        return y;
    char shift_name[100];
    snprintf(shift_name, sizeof shift_name, "%s_shift", name);
    const double *gain = values_of(pass, layer, name);
    const double *shift = centred ? values_of(pass, layer, shift_name) : NULL;
    for (double *row = y; row < y + pass->length * width; row += width) {
        double mean = 0, squares = 0;
        for (int i = 0; i < width; i++)
            mean += centred ? row[i] / width : 0;
        for (int i = 0; i < width; i++)
            squares += (row[i] - mean) * (row[i] - mean);
        double scale = 1 / sqrt(squares / width + 1e-5);
        for (int i = 0; i < width; i++)
            row[i] = (row[i] - mean) * scale * gain[i] + (shift == NULL ? 0 : shift[i]);
    }
    return y;
}

static const KindChoice *position_of(const Pass *pass, int layer) {
    const KindList *list = &pass->config->position;
    return &list->items[list->count == 1 ? 0 : layer];
}

static double *embed(const Pass *pass, const int32_t *inputs) {
    const double *table = values_of(pass, -1, "token_embedding");
    int width = pass->width;
    double *x = reals(pass, pass->length, width);
    for (int t = 0; t < pass->length; t++)
        for (int i = 0; i < width; i++)
            x[t * width + i] = pass->config->embedding_scale * table[inputs[t] * width + i];
    if (kind_is(position_of(pass, 0), "absolute")) {
        const double *places = values_of(pass, -1, "position_embedding");
        for (int i = 0; i < pass->length * width; i++)
            x[i] += places[i];
    }
    if (kind_is(position_of(pass, 0), "sinusoidal"))
        for (int i = 0; i < width; i++) {
            double rate = pow(10000, -(double)(i - i % 2) / width);
            for (int t = 0; t < pass->length; t++)
                x[t * width + i] += i % 2 == 0 ? sin(t * rate) : cos(t * rate);
        }
    return x;
}

/* Radians per token of pair i of `pairs`, under the encoding's options. */
static double rotary_rate(const Pass *pass, const KindChoice *rope, int i, int pairs) {
    double base = defaults_option(rope, "base", NAN), d = 2 * pairs;
    double factor = defaults_option(rope, "factor", NAN);
    int scaling = (int)defaults_option(rope, "scaling", NAN);
    if (i >= (int)floor(pairs * defaults_option(rope, "truncate", NAN) + 1e-9))
        return 0;
    if (scaling == 2) /* ntk: base' = base·s^(d/(d−2)), arXiv 2309.00071, definition 1 */
        return pow(base * pow(factor, d / (d - 2)), -2.0 * i / d);
    double rate = pow(base, -2.0 * i / d);
    if (scaling == 1) /* linear: positions divided by s, arXiv 2306.15595 */
        return rate / factor;
    if (scaling == 3) { /* yarn: θ' = (1 − γ)·θ/s + γ·θ, arXiv 2309.00071, section 3.2 */
        double turns = pass->config->context / factor / (2 * acos(-1) / rate);
        double gamma = turns < 1 ? 0 : turns > 32 ? 1 : (turns - 1) / 31;
        return (1 - gamma) * rate / factor + gamma * rate;
    }
    return rate;
}

/* Half-split rotary encoding of the first dimensions of every head in x [length][heads·head_dim]
   (arXiv 2104.09864). */
static void rotate(const Pass *pass, const KindChoice *rope, double *x, int heads) {
    int half = (int)(pass->head_dim * defaults_option(rope, "fraction", NAN) / 2 + 0.5);
    bool yarn = defaults_option(rope, "scaling", NAN) == 3;
    double scale = yarn ? 0.1 * log(defaults_option(rope, "factor", NAN)) + 1 : 1;
    for (int i = 0; i < half; i++) {
        double rate = rotary_rate(pass, rope, i, half);
        for (int t = 0; t < pass->length; t++) {
            double cosine = scale * cos(t * rate), sine = scale * sin(t * rate);
            for (int h = 0; h < heads; h++) {
                double *head = x + (t * heads + h) * pass->head_dim;
                double low = head[i], high = head[i + half];
                head[i] = low * cosine - high * sine;
                head[i + half] = high * cosine + low * sine;
            }
        }
    }
}

static bool allowed(const AttentionConfig *attention, int i, int j);

/* T5's bucket of a key `distance` tokens away, of the buckets of one side: the decoder's one side
   is all of them, an encoder's are keys before, then keys after (arXiv 1910.10683): one each up to
   half of them, then the largest b whose lower end half·(distance_largest/half)^((b − half)/half')
   is not above it. */
static int relative_bucket(int distance, int buckets, double largest) {
    int half = buckets / 2, bucket = distance < half ? distance : half;
    if (distance >= half)
        while (bucket + 1 < buckets &&
               half * pow(largest / half, (bucket + 1.0 - half) / (buckets - half)) <=
                   distance * (1 + 1e-9))
            bucket++;
    return bucket;
}

/* ALiBi's slopes (arXiv 2108.12409): 2^(−8(h+1)/H) for a power of two H; otherwise those of the
   next lower power of two, then every other one of twice that power, from its first. */
static double alibi_slope(int head, int heads) {
    int power = 1;
    while (power * 2 <= heads)
        power *= 2;
    if (head < power)
        return pow(2, -8.0 * (head + 1) / power);
    return pow(2, -8.0 * (2 * (head - power) + 1) / (2 * power));
}

/* The features of kernel attention (arXiv 2006.16236), in place: elu + 1, or the numbers
   themselves. */
static void make_features(const Pass *pass, double *x, int count) {
    bool elu = kind_is(&pass->config->attention.normalization, "elu-kernel");
    for (int i = 0; elu && i < count; i++)
        x[i] = x[i] > 0 ? x[i] + 1 : exp(x[i]);
}

static double scaled_product(const Pass *pass, const double *query, const double *key) {
    double product = 0;
    for (int d = 0; d < pass->head_dim; d++)
        product += query[d] * key[d];
    return product / (sqrt(pass->head_dim) * pass->config->attention.temperature);
}

static double capped(const Pass *pass, double score) {
    double cap = pass->config->attention.soft_cap;
    return cap > 0 ? cap * tanh(score / cap) : score;
}

static double score(const Pass *pass, int layer, const double *query, const double *key, int i,
                    int j, int head) {
    const KindChoice *position = position_of(pass, layer);
    double product = scaled_product(pass, query, key);
    if (kind_is(position, "alibi"))
        product -= alibi_slope(head, pass->heads) * abs(i - j);
    if (kind_is(position, "relative")) {
        int buckets = (int)defaults_option(position, "buckets", NAN);
        int side = allowed(&pass->config->attention, 0, 1) ? buckets / 2 : buckets;
        product += values_of(
            pass, -1, "relative_bias")[head * buckets + (j > i ? side : 0) +
                                       relative_bucket(abs(i - j), side,
                                                       defaults_option(position, "distance", NAN))];
    }
    return capped(pass, product);
}

/* Whether the mask and its window let query i see key j. */
static bool allowed(const AttentionConfig *attention, int i, int j) {
    int64_t window = attention->window, shift = attention->window_shift;
    if (kind_is(&attention->mask, "bidirectional"))
        return window == 0 || abs(i - j) < window;
    if (kind_is(&attention->mask, "prefix") && j < defaults_option(&attention->mask, "length", NAN))
        return true;
    return j <= i && (window == 0 || (j <= i - shift && j > i - shift - window));
}

/* Whether the mask leaves query i any key at all; one that would see nothing sees itself. */
static bool sees_any(const AttentionConfig *attention, int i, int length) {
    for (int j = 0; j < length; j++)
        if (allowed(attention, i, j))
            return true;
    return false;
}

/* Scores → weights of what one query sees, by the formulas of the studies that compare
   normalizations; sink: the logit in softmax's denominator, −INFINITY for none. */
static void normalize_seen(const AttentionConfig *attention, double sink, int count, double *x) {
    const KindChoice *kind = &attention->normalization;
    bool exponential = kind_is(kind, "softmax") || kind_is(kind, "softmax-plus-one");
    bool sigmoid = kind_is(kind, "sigmoid") || kind_is(kind, "sigmoid-normalized");
    bool kernel = kind_is(kind, "elu-kernel") || kind_is(kind, "linear-kernel");
    bool relu = kind_is(kind, "relu"), softpick = kind_is(kind, "softpick");
    double largest = kind_is(kind, "softmax-plus-one") ? 0 : sink, sum = 0;
    for (int j = 0; j < count; j++)
        largest = fmax(largest, x[j]);
    for (int j = 0; j < count; j++) {
        double above = softpick ? exp(x[j]) - 1 : 0;
        x[j] = exponential ? exp(x[j] - largest)
               : sigmoid   ? 1 / (1 + exp(-x[j]))
               : relu      ? fmax(x[j], 0) / count
               : kernel    ? x[j]
                           : fmax(above, 0);
        sum += softpick ? fabs(above) : x[j];
    }
    if (kind_is(kind, "softmax"))
        sum += exp(sink - largest);
    if (kind_is(kind, "softmax-plus-one"))
        sum += exp(-largest);
    if (softpick)
        sum += 1e-6;
    if (kind_is(kind, "elu-kernel"))
        sum += 1e-8;
    if (kind_is(kind, "linear-kernel"))
        sum = fmax(fabs(sum), 1);
    if (kind_is(kind, "sigmoid") || relu ||
        (kernel && defaults_option(kind, "normalized", NAN) == 0))
        sum = 1;
    for (int j = 0; j < count; j++)
        x[j] /= sum;
}

/* The whole row of query i: 0 where it sees nothing. slot: the score of a key beside the tokens',
   which becomes its weight; NULL: there is none. */
static void normalize_row(const Pass *pass, double sink, double *row, int i, double *slot) {
    const AttentionConfig *attention = &pass->config->attention;
    bool any = sees_any(attention, i, pass->length);
    double *seen = reals(pass, 1, pass->length + 1);
    int *keys = ARENA_ARRAY(pass->arena, int, (size_t)pass->length), count = 0;
    for (int j = 0; j < pass->length; j++) {
        if (any ? allowed(attention, i, j) : i == j) {
            keys[count] = j;
            seen[count++] = row[j];
        }
        row[j] = 0;
    }
    if (slot != NULL)
        seen[count] = *slot;
    normalize_seen(attention, sink, slot != NULL ? count + 1 : count, seen);
    for (int k = 0; k < count; k++)
        row[keys[k]] = seen[k];
    if (slot != NULL)
        *slot = seen[count];
}

/* What one head learns beside its tokens' keys and values (arXiv 2410.10781, section 7). */
typedef struct Extra {
    const double *key, *value; /* [head_dim], or NULL; the key's features */
} Extra;

static Extra extra_of(const Pass *pass, int layer, int head) {
    const KindChoice *kind = &pass->config->attention.kv_bias;
    int at = defaults_option(kind, "shared", 0) == 1 ? 0 : head * pass->head_dim;
    Extra extra = {NULL, NULL};
    if (kind_is(kind, "key-value") || kind_is(kind, "key")) {
        double *key = reals(pass, 1, pass->head_dim);
        memcpy(key, values_of(pass, layer, "attention/kv_bias_key") + at,
               (size_t)pass->head_dim * sizeof *key);
        make_features(pass, key, pass->head_dim);
        extra.key = key;
    }
    if (kind_is(kind, "key-value") || kind_is(kind, "value"))
        extra.value = values_of(pass, layer, "attention/kv_bias_value") + at;
    return extra;
}

/* RMSNorm or LayerNorm of each head in x [length][heads·head_dim], with one gain for all heads (and
   <name>_shift). */
static void normalize_heads(const Pass *pass, double *x, int heads, int layer, const char *name) {
    const KindChoice *kind = &pass->config->attention.query_key_norm;
    if (kind_is(kind, "none"))
        return;
    bool centred = kind_is(kind, "layer");
    char shift_name[100];
    snprintf(shift_name, sizeof shift_name, "%s_shift", name);
    const double *gain = values_of(pass, layer, name);
    const double *shift = centred ? values_of(pass, layer, shift_name) : NULL;
    int size = pass->head_dim;
    for (double *head = x; head < x + pass->length * heads * size; head += size) {
        double mean = 0, squares = 0;
        for (int d = 0; d < size; d++)
            mean += centred ? head[d] / size : 0;
        for (int d = 0; d < size; d++)
            squares += pow(head[d] - mean, 2) / size;
        for (int d = 0; d < size; d++)
            head[d] = (head[d] - mean) / sqrt(squares + 1e-5) * gain[d] + (centred ? shift[d] : 0);
    }
}

/* The heads' outputs mixed [length][heads·head_dim] times σ(x · gateᵀ), of which there is one for
   each head or each dimension (arXiv 2505.06708). */
static void gate_heads(const Pass *pass, const double *x, int layer, double *mixed) {
    if (pass->config->attention.gate == GATE_NONE)
        return;
    const double *logits = linear(pass, x, layer, "attention/gate");
    int gates = entry_of(pass, layer, "attention/gate")->rows, width = pass->heads * pass->head_dim;
    for (int t = 0; t < pass->length; t++)
        for (int i = 0; i < width; i++)
            mixed[t * width + i] /= 1 + exp(-logits[t * gates + i * gates / width]);
}

/* Dropout of the weights [length] of query i: a word of random numbers for each key it sees. */
static void drop_weights(const Pass *pass, int layer, int head, int i, double *row) {
    const Dropout *dropout = pass->dropout;
    if (dropout == NULL || dropout->weight_rate == 0)
        return;
    uint64_t place = (uint64_t)(1024 + layer * pass->heads + head);
    Random random = random_create(dropout->seed, RANDOM_DROPOUT, dropout->step + (place << 40),
                                  (uint32_t)(dropout->first_sequence + pass->sequence));
    random_skip(&random, (uint32_t)i << 14);
    bool any = sees_any(&pass->config->attention, i, pass->length);
    for (int j = 0; j < pass->length; j++)
        if (any ? allowed(&pass->config->attention, i, j) : i == j)
            row[j] *= (double)random_bits(&random) < dropout->weight_rate * 4294967296.0
                          ? 0
                          : 1 / (1 - dropout->weight_rate);
}

/* Attention of one layer on the normed x; map [heads][length][length] receives the weights. */
static double *attend(const Pass *pass, const double *x, int layer, double *map) {
    int length = pass->length, size = pass->head_dim;
    double *query = linear(pass, x, layer, "attention/query");
    double *key = linear(pass, x, layer, "attention/key");
    double *value = linear(pass, x, layer, "attention/value");
    int key_heads = entry_of(pass, layer, "attention/key")->rows / size;
    normalize_heads(pass, query, pass->heads, layer, "attention/query_norm");
    normalize_heads(pass, key, key_heads, layer, "attention/key_norm");
    if (kind_is(position_of(pass, layer), "rope")) {
        rotate(pass, position_of(pass, layer), query, pass->heads);
        rotate(pass, position_of(pass, layer), key, key_heads);
    }
    make_features(pass, query, length * pass->heads * size);
    make_features(pass, key, length * key_heads * size);
    double *mixed = reals(pass, length, pass->heads * size);
    for (int h = 0; h < pass->heads; h++) {
        int shared = h * key_heads / pass->heads;
        Extra extra = extra_of(pass, layer, h);
        for (int i = 0; i < length; i++) {
            double *row = map + (h * length + i) * length;
            for (int j = 0; j < length; j++)
                row[j] = score(pass, layer, query + (i * pass->heads + h) * size,
                               key + (j * key_heads + shared) * size, i, j, h);
            double slot = 1; /* the weight of extra.value: 1 where it stands alone */
            if (extra.key != NULL)
                slot = capped(
                    pass, scaled_product(pass, query + (i * pass->heads + h) * size, extra.key));
            double sink = pass->config->attention.sink_logit
                              ? values_of(pass, layer, "attention/sink_logit")[h]
                              : -INFINITY;
            normalize_row(pass, sink, row, i, extra.key != NULL ? &slot : NULL);
            drop_weights(pass, layer, h, i, row);
            for (int d = 0; extra.value != NULL && d < size; d++)
                mixed[(i * pass->heads + h) * size + d] = slot * extra.value[d];
            for (int j = 0; j < length; j++)
                for (int d = 0; d < size; d++)
                    mixed[(i * pass->heads + h) * size + d] +=
                        row[j] * value[(j * key_heads + shared) * size + d];
        }
    }
    gate_heads(pass, x, layer, mixed);
    return linear(pass, mixed, layer, "attention/output");
}

/* silu, gelu (exact) or relu, by the last letters of the kind's name: swiglu, geglu and reglu gate
   with them (arXiv 2002.05202, equation 6). */
static double activation(const KindChoice *mlp, double x) {
    if (kind_is(mlp, "relu") || kind_is(mlp, "reglu"))
        return fmax(x, 0);
    if (kind_is(mlp, "gelu") || kind_is(mlp, "geglu"))
        return x * 0.5 * erfc(-x / sqrt(2));
    return x / (1 + exp(-x));
}

/* down(a(gate x) ∘ up x), or down(a(up x)) without a gate. */
static double *feed_forward(const Pass *pass, const double *x, int layer) {
    const KindChoice *mlp = &pass->config->mlp;
    double *up = linear(pass, x, layer, "mlp/up");
    int count = pass->length * entry_of(pass, layer, "mlp/up")->rows;
    bool gated = kind_is(mlp, "swiglu") || kind_is(mlp, "geglu") || kind_is(mlp, "reglu");
    const double *gate = gated ? linear(pass, x, layer, "mlp/gate") : up;
    for (int i = 0; i < count; i++)
        up[i] = activation(mlp, gate[i]) * (gated ? up[i] : 1);
    return linear(pass, up, layer, "mlp/down");
}

static void add(const Pass *pass, double *x, const double *update) {
    for (int i = 0; i < pass->length * pass->width; i++)
        x[i] += update[i];
}

/* −ln softmax(logits)[target]. */
static double cross_entropy(const double *logits, int vocabulary, int target) {
    double largest = -INFINITY, sum = 0;
    for (int v = 0; v < vocabulary; v++)
        largest = fmax(largest, logits[v]);
    for (int v = 0; v < vocabulary; v++)
        sum += exp(logits[v] - largest);
    return largest + log(sum) - logits[target];
}

static void keep(double *output, size_t offset, const double *values, size_t count) {
    if (output != NULL)
        memcpy(output + offset, values, count * sizeof *values);
}

static const double *unembed(const Pass *pass, const double *x) {
    if (pass->config->placement != PLACEMENT_POST)
        x = normalize(pass, x, -1, "final_norm");
    return linear(pass, x, -1, pass->config->tied ? "token_embedding" : "unembedding");
}

/* x [length][width] as it enters the stream at place. */
static void drop(const Pass *pass, int place, double *x) {
    const Dropout *dropout = pass->dropout;
    if (dropout == NULL || dropout->rate == 0)
        return;
    Random random =
        random_create(dropout->seed, RANDOM_DROPOUT, dropout->step + ((uint64_t)place << 40),
                      (uint32_t)(dropout->first_sequence + pass->sequence));
    for (int i = 0; i < pass->length * pass->width; i++)
        x[i] *= (double)random_bits(&random) < dropout->rate * 4294967296.0
                    ? 0
                    : 1 / (1 - dropout->rate);
}

typedef double *Branch(const Pass *pass, const double *x, int layer, double *map);

static double *attention_alone(const Pass *pass, const double *x, int layer, double *map) {
    return attend(pass, x, layer, map);
}

static double *mlp_alone(const Pass *pass, const double *x, int layer, double *map) {
    (void)map;
    return feed_forward(pass, x, layer);
}

static double *side_by_side(const Pass *pass, const double *x, int layer, double *map) {
    double *sum = attend(pass, x, layer, map);
    add(pass, sum, feed_forward(pass, x, layer));
    return sum;
}

/* x becomes x + f(N x), N(x + f x) or x + N'(f(N x)), with N called <name>_norm and N'
   <name>_output_norm. place: of dropout. */
static void pass_branch(const Pass *pass, Branch *branch, const char *name, int layer, int place,
                        double *map, double *x) {
    char norm[40], output_norm[40];
    snprintf(norm, sizeof norm, "%s_norm", name);
    snprintf(output_norm, sizeof output_norm, "%s_output_norm", name);
    int placement = pass->config->placement;
    const double *input = placement == PLACEMENT_POST ? x : normalize(pass, x, layer, norm);
    double *update = branch(pass, input, layer, map);
    if (placement == PLACEMENT_SANDWICH)
        update = normalize(pass, update, layer, output_norm);
    drop(pass, place, update);
    add(pass, x, update);
    if (placement == PLACEMENT_POST)
        memcpy(x, normalize(pass, x, layer, norm),
               (size_t)(pass->length * pass->width) * sizeof *x);
}

static double sequence_forward(const Pass *pass, const Batch *batch,
                               const ReferenceOutput *output) {
    size_t length = (size_t)pass->length, layers = (size_t)pass->config->layers;
    size_t state = length * (size_t)pass->width, map = (size_t)pass->heads * length * length;
    size_t vocabulary = (size_t)pass->config->vocabulary, first = (size_t)pass->sequence;
    bool parallel = pass->config->parallel;
    double *x = embed(pass, batch->inputs + first * length);
    int place = 0;
    drop(pass, place++, x);
    keep(output->residual, first * (layers + 1) * state, x, state);
    for (size_t l = 0; l < layers; l++) {
        double *weights = ARENA_ARRAY(pass->arena, double, map);
        pass_branch(pass, parallel ? side_by_side : attention_alone, "attention", (int)l, place++,
                    weights, x);
        if (!parallel && !kind_is(&pass->config->mlp, "none"))
            pass_branch(pass, mlp_alone, "mlp", (int)l, place++, NULL, x);
        keep(output->weights, (first * layers + l) * map, weights, map);
        keep(output->residual, (first * (layers + 1) + l + 1) * state, x, state);
    }
    const double *logits = unembed(pass, x);
    keep(output->logits, first * length * vocabulary, logits, length * vocabulary);
    double sum = 0;
    for (size_t t = 0; t < length; t++) {
        int target = batch->targets[first * length + t];
        double loss =
            target < 0 ? 0 : cross_entropy(logits + t * vocabulary, (int)vocabulary, target);
        keep(output->losses, first * length + t, &loss, 1);
        sum += loss;
    }
    return sum;
}

double reference_forward(const ModelConfig *config, const ParameterTable *table,
                         const double *parameters, const Batch *batch,
                         const ReferenceOutput *output) {
    return reference_forward_dropped(config, table, parameters, batch, NULL, output);
}

double reference_forward_dropped(const ModelConfig *config, const ParameterTable *table,
                                 const double *parameters, const Batch *batch,
                                 const Dropout *dropout, const ReferenceOutput *output) {
    static const ReferenceOutput nothing;
    Arena arena = arena_create("the reference model");
    Pass pass = {.config = config,
                 .table = table,
                 .parameters = parameters,
                 .dropout = dropout,
                 .arena = &arena,
                 .length = batch->length,
                 .width = (int)config->width,
                 .heads = (int)config->heads,
                 .head_dim = (int)model_head_dim(config)};
    double sum = 0;
    for (pass.sequence = 0; pass.sequence < batch->sequences; pass.sequence++)
        sum += sequence_forward(&pass, batch, output == NULL ? &nothing : output);
    arena_destroy(&arena);
    return sum;
}

double reference_slope(const ModelConfig *config, const ParameterTable *table, double *parameters,
                       const Batch *batch, const double *direction, double step) {
    Arena arena = arena_create("a reference slope");
    double *kept = ARENA_ARRAY(&arena, double, table->total);
    memcpy(kept, parameters, table->total * sizeof *kept);
    for (size_t i = 0; i < table->total; i++)
        parameters[i] = kept[i] + step * direction[i];
    double above = reference_forward(config, table, parameters, batch, NULL);
    for (size_t i = 0; i < table->total; i++)
        parameters[i] = kept[i] - step * direction[i];
    double below = reference_forward(config, table, parameters, batch, NULL);
    memcpy(parameters, kept, table->total * sizeof *kept);
    arena_destroy(&arena);
    return (above - below) / (2 * step);
}

double reference_partial(const ModelConfig *config, const ParameterTable *table, double *parameters,
                         const Batch *batch, size_t index, double step) {
    double kept = parameters[index];
    parameters[index] = kept + step;
    double above = reference_forward(config, table, parameters, batch, NULL);
    parameters[index] = kept - step;
    double below = reference_forward(config, table, parameters, batch, NULL);
    parameters[index] = kept;
    return (above - below) / (2 * step);
}
