/* The one source of model/math/block_kernels.h; included by kernels_body.h only, after simd.h and
   its sigmoid. */

static float row_sum(int count, const float *x) {
    Vector sum = vector_set(0);
    int i = 0;
    for (; i + LANES <= count; i += LANES)
        sum += vector_load(x + i);
    if (i < count)
        sum += vector_load_part(x + i, count - i, 0);
    return vector_sum(sum);
}

/* Σ (x − mean)². */
static float row_deviation(int count, const float *x, float mean) {
    Vector sum = vector_set(0), off;
    int i = 0;
    for (; i + LANES <= count; i += LANES) {
        off = vector_load(x + i) - mean;
        sum += off * off;
    }
    if (i < count) {
        off = vector_load_part(x + i, count - i, mean) - mean;
        sum += off * off;
    }
    return vector_sum(sum);
}

static void layer_norm(int rows, int width, float epsilon, const float *add, float *x,
                       const float *gain, const float *shift, float *out, float *statistics) {
    for (int r = 0; r < rows; r++, x += width, out += width, statistics += 2) {
        if (add != NULL) {
            for (int i = 0; i < width; i++)
                x[i] += add[i];
            add += width;
        }
        float mean = row_sum(width, x) / (float)width;
        float inverse = 1.0f / sqrtf(row_deviation(width, x, mean) / (float)width + epsilon);
        statistics[0] = mean;
        statistics[1] = inverse;
        for (int i = 0; i < width; i++)
            out[i] = (x[i] - mean) * inverse * gain[i] + shift[i];
    }
}

/* Σ dy∘g and Σ dy∘g∘x̂ of one row, x̂ = (x − mean)·inverse. */
static void layer_norm_sums(int width, const float *x, const float *gain, const float *statistics,
                            const float *d_out, float *sum, float *along) {
    Vector total = vector_set(0), product = vector_set(0);
    int i = 0;
    for (; i + LANES <= width; i += LANES) {
        Vector d = vector_load(d_out + i) * vector_load(gain + i);
        total += d;
        product += d * (vector_load(x + i) - statistics[0]);
    }
    int left = width - i;
    if (left > 0) {
        Vector d = vector_load_part(d_out + i, left, 0) * vector_load_part(gain + i, left, 0);
        total += d;
        product += d * (vector_load_part(x + i, left, 0) - statistics[0]);
    }
    *sum = vector_sum(total);
    *along = vector_sum(product) * statistics[1];
}

/* dx = inverse·(dy∘g − mean(dy∘g) − x̂·mean(dy∘g∘x̂)), d_gain = Σ_r dy∘x̂, d_shift = Σ_r dy. */
static void layer_norm_backward(int rows, int width, const float *x, const float *gain,
                                const float *statistics, const float *d_out, float *dx,
                                float *d_gain, float *d_shift) {
    for (int r = 0; r < rows; r++, x += width, d_out += width, dx += width, statistics += 2) {
        float mean = statistics[0], inverse = statistics[1], sum, along;
        layer_norm_sums(width, x, gain, statistics, d_out, &sum, &along);
        sum /= (float)width, along /= (float)width;
        for (int i = 0; i < width; i++) {
            float hat = (x[i] - mean) * inverse;
            dx[i] += inverse * (d_out[i] * gain[i] - sum - hat * along);
            d_gain[i] += d_out[i] * hat;
            d_shift[i] += d_out[i];
        }
    }
}

/* A nonlinearity and its slope. NaN stays NaN. */
typedef Vector Activation(Vector x);

static inline Vector relu_at(Vector x) {
    return vector_choose(x <= 0.0f, vector_set(0), x);
}

static inline Vector relu_slope(Vector x) {
    return vector_choose(x <= 0.0f, vector_set(0), vector_set(1));
}

static inline Vector silu_at(Vector x) {
    return x * sigmoid(x);
}

static inline Vector silu_slope(Vector x) {
    Vector sigma = sigmoid(x);
    return sigma * (1.0f + x * (1.0f - sigma));
}

/* Φ(x) = (1 + erf(x/√2)) / 2. */
static inline Vector normal_distribution(Vector x) {
    return 0.5f + 0.5f * VECTOR_ERF(x * 0.70710678118654752f);
}

static inline Vector gelu_at(Vector x) {
    return x * normal_distribution(x);
}

/* Φ(x) + x·φ(x), φ(x) = exp(−x²/2)/√(2π). */
static inline Vector gelu_slope(Vector x) {
    return normal_distribution(x) + x * 0.39894228040143268f * vector_exp(-0.5f * x * x);
}

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE void plain(int rows, int hidden, const float *in, float *out, Activation *value) {
    size_t count = (size_t)rows * (size_t)hidden, i = 0;
    for (; i + LANES <= count; i += LANES)
        vector_store(out + i, value(vector_load(in + i)));
    int left = (int)(count - i);
    if (left > 0)
        vector_store_part(out + i, value(vector_load_part(in + i, left, 0)), left);
}

ALWAYS_INLINE void plain_backward(int rows, int hidden, const float *in, const float *d_out,
                                  float *d_in, Activation *slope) {
    size_t count = (size_t)rows * (size_t)hidden, i = 0;
    for (; i + LANES <= count; i += LANES)
        vector_store(d_in + i, vector_load(d_out + i) * slope(vector_load(in + i)));
    int left = (int)(count - i);
    if (left > 0)
        vector_store_part(
            d_in + i,
            vector_load_part(d_out + i, left, 0) * slope(vector_load_part(in + i, left, 0)), left);
}

ALWAYS_INLINE void gated(int rows, int hidden, const float *gate, float *out, Activation *value) {
    for (int r = 0; r < rows; r++, gate += 2 * hidden, out += hidden) {
        const float *up = gate + hidden;
        int i = 0;
        for (; i + LANES <= hidden; i += LANES)
            vector_store(out + i, value(vector_load(gate + i)) * vector_load(up + i));
        int left = hidden - i;
        if (left > 0)
            vector_store_part(out + i,
                              value(vector_load_part(gate + i, left, 0)) *
                                  vector_load_part(up + i, left, 0),
                              left);
    }
}

ALWAYS_INLINE void gated_backward(int rows, int hidden, const float *gate, const float *d_out,
                                  float *d_gate, Activation *value, Activation *slope) {
    for (int r = 0; r < rows; r++, gate += 2 * hidden, d_gate += 2 * hidden, d_out += hidden) {
        const float *up = gate + hidden;
        float *d_up = d_gate + hidden;
        int i = 0;
        for (; i + LANES <= hidden; i += LANES) {
            Vector at = vector_load(gate + i), d = vector_load(d_out + i);
            vector_store(d_up + i, d * value(at));
            vector_store(d_gate + i, d * vector_load(up + i) * slope(at));
        }
        int left = hidden - i;
        if (left > 0) {
            Vector at = vector_load_part(gate + i, left, 0),
                   d = vector_load_part(d_out + i, left, 0);
            vector_store_part(d_up + i, d * value(at), left);
            vector_store_part(d_gate + i, d * vector_load_part(up + i, left, 0) * slope(at), left);
        }
    }
}

#define GATED_KERNELS(name, activation)                                                            \
    static void name(int rows, int hidden, const float *gate_up, float *out) {                     \
        gated(rows, hidden, gate_up, out, activation##_at);                                        \
    }                                                                                              \
    static void name##_backward(int rows, int hidden, const float *gate_up, const float *d_out,    \
                                float *d_gate_up) {                                                \
        gated_backward(rows, hidden, gate_up, d_out, d_gate_up, activation##_at,                   \
                       activation##_slope);                                                        \
    }
#define PLAIN_KERNELS(name)                                                                        \
    static void name(int rows, int hidden, const float *in, float *out) {                          \
        plain(rows, hidden, in, out, name##_at);                                                   \
    }                                                                                              \
    static void name##_backward(int rows, int hidden, const float *in, const float *d_out,         \
                                float *d_in) {                                                     \
        plain_backward(rows, hidden, in, d_out, d_in, name##_slope);                               \
    }

GATED_KERNELS(geglu, gelu)
GATED_KERNELS(reglu, relu)
PLAIN_KERNELS(gelu)
PLAIN_KERNELS(relu)
PLAIN_KERNELS(silu)

static void add_row(int rows, int width, const float *row, float *x) {
    for (int r = 0; r < rows; r++, x += width)
        for (int i = 0; i < width; i++)
            x[i] += row[i];
}

static void sum_rows(int rows, int width, const float *x, float *sum) {
    for (int r = 0; r < rows; r++, x += width)
        for (int i = 0; i < width; i++)
            sum[i] += x[i];
}

static void scale_into(size_t count, float factor, const float *source, float *target) {
    for (size_t i = 0; i < count; i++)
        target[i] = factor * source[i];
}

static void add_scaled(size_t count, float factor, const float *source, float *target) {
    for (size_t i = 0; i < count; i++)
        target[i] += factor * source[i];
}

#define BLOCK_KERNELS                                                                              \
    {                                                                                              \
        .layer_norm = layer_norm, .layer_norm_backward = layer_norm_backward, .geglu = geglu,      \
        .geglu_backward = geglu_backward, .reglu = reglu, .reglu_backward = reglu_backward,        \
        .gelu = gelu, .gelu_backward = gelu_backward, .relu = relu,                                \
        .relu_backward = relu_backward, .silu = silu, .silu_backward = silu_backward,              \
        .add_row = add_row, .sum_rows = sum_rows, .scale = scale_into, .add_scaled = add_scaled,   \
    }
