/* The vector kernels' one source. A file that includes it defines KERNELS_TABLE, the name of the
   table to make, and is compiled for one instruction set (see the room's sources in
   CMakeLists.txt). */
#include "model/math/kernels.h"
#include "model/math/simd.h"
#ifdef TILE_ROWS
#include "model/math/gemm_body.h"
#endif

static float dot(int count, const float *a, const float *b) {
    Vector sum = vector_set(0), other = vector_set(0);
    int i = 0;
    for (; i + 2 * LANES <= count; i += 2 * LANES) {
        sum += vector_load(a + i) * vector_load(b + i);
        other += vector_load(a + i + LANES) * vector_load(b + i + LANES);
    }
    for (; i + LANES <= count; i += LANES)
        sum += vector_load(a + i) * vector_load(b + i);
    if (i < count)
        sum += vector_load_part(a + i, count - i, 0) * vector_load_part(b + i, count - i, 0);
    return vector_sum(sum + other);
}

static void rms_norm(int rows, int width, float epsilon, const float *add, float *x,
                     const float *weight, float *out, float *inverse) {
    for (int r = 0; r < rows; r++, x += width, out += width) {
        if (add != NULL) {
            for (int i = 0; i < width; i++)
                x[i] += add[i];
            add += width;
        }
        float scale = 1.0f / sqrtf(dot(width, x, x) / (float)width + epsilon);
        inverse[r] = scale;
        for (int i = 0; i < width; i++)
            out[i] = x[i] * scale * weight[i];
    }
}

/* With s = inverse, y = s·x∘w: dx = s·(dy∘w) − x·s³/width·Σ(dy∘w∘x), dw = Σ_r dy∘x·s. */
static void rms_norm_backward(int rows, int width, const float *x, const float *weight,
                              const float *inverse, const float *d_out, float *dx,
                              float *d_weight) {
    for (int r = 0; r < rows; r++, x += width, d_out += width, dx += width) {
        float scale = inverse[r];
        Vector sum = vector_set(0);
        int i = 0;
        for (; i + LANES <= width; i += LANES)
            sum += vector_load(d_out + i) * vector_load(weight + i) * vector_load(x + i);
        float total = vector_sum(sum);
        for (; i < width; i++)
            total += d_out[i] * weight[i] * x[i];
        float along = total * scale * scale * scale / (float)width;
        for (i = 0; i < width; i++) {
            dx[i] += scale * d_out[i] * weight[i] - along * x[i];
            d_weight[i] += d_out[i] * x[i] * scale;
        }
    }
}

static inline Vector sigmoid(Vector x) {
    return 1.0f / (1.0f + vector_exp(-x));
}

static void swiglu(int rows, int hidden, const float *gate_up, float *out) {
    for (int r = 0; r < rows; r++, gate_up += 2 * hidden, out += hidden) {
        const float *up = gate_up + hidden;
        int i = 0;
        for (; i + LANES <= hidden; i += LANES) {
            Vector gate = vector_load(gate_up + i);
            vector_store(out + i, gate * sigmoid(gate) * vector_load(up + i));
        }
        if (i < hidden) {
            Vector gate = vector_load_part(gate_up + i, hidden - i, 0);
            vector_store_part(out + i,
                              gate * sigmoid(gate) * vector_load_part(up + i, hidden - i, 0),
                              hidden - i);
        }
    }
}

static inline void swiglu_backward_at(Vector gate, Vector up, Vector d_out, Vector *d_gate,
                                      Vector *d_up) {
    Vector sigma = sigmoid(gate);
    *d_up = d_out * gate * sigma;
    *d_gate = d_out * up * sigma * (1.0f + gate * (1.0f - sigma));
}

static void swiglu_backward(int rows, int hidden, const float *gate_up, const float *d_out,
                            float *d_gate_up) {
    for (int r = 0; r < rows; r++) {
        const float *up = gate_up + hidden;
        Vector d_gate, d_up;
        int i = 0;
        for (; i + LANES <= hidden; i += LANES) {
            swiglu_backward_at(vector_load(gate_up + i), vector_load(up + i),
                               vector_load(d_out + i), &d_gate, &d_up);
            vector_store(d_gate_up + i, d_gate);
            vector_store(d_gate_up + hidden + i, d_up);
        }
        int left = hidden - i;
        if (left > 0) {
            swiglu_backward_at(vector_load_part(gate_up + i, left, 0),
                               vector_load_part(up + i, left, 0),
                               vector_load_part(d_out + i, left, 0), &d_gate, &d_up);
            vector_store_part(d_gate_up + i, d_gate, left);
            vector_store_part(d_gate_up + hidden + i, d_up, left);
        }
        gate_up += 2 * hidden, d_gate_up += 2 * hidden, d_out += hidden;
    }
}

static float largest(int count, const float *row) {
    Vector most = vector_set(-INFINITY);
    int i = 0;
    for (; i + LANES <= count; i += LANES)
        most = vector_max(vector_load(row + i), most);
    if (i < count)
        most = vector_max(vector_load_part(row + i, count - i, -INFINITY), most);
    return vector_largest(most);
}

/* row = exp(row − shift); returns the sum. A NaN element makes the sum NaN. */
static float exponentiate(int count, float *row, float shift) {
    Vector sum = vector_set(0);
    int i = 0;
    for (; i + LANES <= count; i += LANES) {
        Vector value = vector_exp(vector_load(row + i) - shift);
        vector_store(row + i, value);
        sum += value;
    }
    if (i < count) {
        Vector value = vector_exp(vector_load_part(row + i, count - i, -INFINITY) - shift);
        vector_store_part(row + i, value, count - i);
        sum += value;
    }
    return vector_sum(sum);
}

static void scale_row(int count, float scale, float *row) {
    int i = 0;
    for (; i + LANES <= count; i += LANES)
        vector_store(row + i, vector_load(row + i) * scale);
    if (i < count)
        vector_store_part(row + i, vector_load_part(row + i, count - i, 0) * scale, count - i);
}

static void softmax(int count, float sink, float *row) {
    float shift = largest(count, row);
    shift = sink > shift ? sink : shift;
    float sum = exponentiate(count, row, shift);
    if (sink > -INFINITY)
        sum += expf(sink - shift);
    scale_row(count, 1.0f / sum, row);
}

static void sigmoid_row(int count, float *row) {
    int i = 0;
    for (; i + LANES <= count; i += LANES)
        vector_store(row + i, sigmoid(vector_load(row + i)));
    if (i < count)
        vector_store_part(row + i, sigmoid(vector_load_part(row + i, count - i, 0)), count - i);
}

static void softmax_backward(int count, const float *weights, float *row) {
    float mean = dot(count, weights, row);
    int i = 0;
    for (; i + LANES <= count; i += LANES)
        vector_store(row + i, vector_load(weights + i) * (vector_load(row + i) - mean));
    int left = count - i;
    if (left > 0)
        vector_store_part(row + i,
                          vector_load_part(weights + i, left, 0) *
                              (vector_load_part(row + i, left, 0) - mean),
                          left);
}

static float cross_entropy(int count, float *logits, int target, float scale) {
    float shift = largest(count, logits), at_target = logits[target];
    float sum = exponentiate(count, logits, shift);
    if (scale != 0) {
        scale_row(count, scale / sum, logits);
        logits[target] -= scale;
    }
    return logf(sum) + (shift - at_target); /* in this order a common shift costs no digits */
}

static void add(size_t count, const float *source, float *target) {
    for (size_t i = 0; i < count; i++)
        target[i] += source[i];
}

static double sum_of_squares(size_t count, const float *x) {
    double sum[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int j = 0; j < LANES; j++)
            sum[j] += (double)x[i + (size_t)j] * (double)x[i + (size_t)j];
    double total = 0;
    for (int j = 0; j < LANES; j++)
        total += sum[j];
    for (; i < count; i++)
        total += (double)x[i] * (double)x[i];
    return total;
}

static void transpose(int rows, int columns, const float *source, int stride, float *target,
                      int target_stride) {
    int whole_rows = 0, whole_columns = 0;
#ifdef TILE_ROWS
    whole_rows = rows / LANES * LANES, whole_columns = columns / LANES * LANES;
    for (int r = 0; r < whole_rows; r += LANES)
        for (int c = 0; c < whole_columns; c += LANES)
            vector_transpose(source + (size_t)r * (size_t)stride + c, stride,
                             target + (size_t)c * (size_t)target_stride + r, target_stride);
#endif
    for (int r = 0; r < rows; r++)
        for (int c = r < whole_rows ? whole_columns : 0; c < columns; c++)
            target[(size_t)c * (size_t)target_stride + (size_t)r] =
                source[(size_t)r * (size_t)stride + (size_t)c];
}

enum { CHAINS = 12 };

static float fused_multiply_add(long rounds) {
    Vector chain[CHAINS], factor = vector_set(0.5f), term = vector_set(1.0f);
    for (int i = 0; i < CHAINS; i++)
        chain[i] = vector_set((float)i);
    for (long round = 0; round < rounds; round++)
        for (int i = 0; i < CHAINS; i++)
            chain[i] = chain[i] * factor + term;
    for (int i = 1; i < CHAINS; i++)
        chain[0] += chain[i];
    return vector_sum(chain[0]);
}

static void rotate(int half, const float *cosine, const float *sine, float *x) {
    float *restrict first = x, *restrict second = x + half;
    for (int i = 0; i < half; i++) {
        float a = first[i], b = second[i];
        first[i] = a * cosine[i] - b * sine[i];
        second[i] = b * cosine[i] + a * sine[i];
    }
}

static void adam(size_t count, const AdamStep *step, const float *restrict gradient,
                 float *restrict parameters, float *restrict first, float *restrict second) {
    AdamStep s = *step;
    for (size_t i = 0; i < count; i++) {
        float g = gradient[i] * s.gradient_scale;
        first[i] = s.beta1 * first[i] + (1.0f - s.beta1) * g;
        second[i] = s.beta2 * second[i] + (1.0f - s.beta2) * g * g;
        float direction = first[i] * s.correction1 / (sqrtf(second[i] * s.correction2) + s.epsilon);
        parameters[i] -= s.decay * parameters[i] + s.learning_rate * direction;
    }
}

#include "model/math/block_kernels_body.h"
#include "model/math/philox_body.h"

extern const Kernels KERNELS_TABLE;
const Kernels KERNELS_TABLE = {
    .name = KERNELS_NAME,
    .rms_norm = rms_norm,
    .rms_norm_backward = rms_norm_backward,
    .swiglu = swiglu,
    .swiglu_backward = swiglu_backward,
    .softmax = softmax,
    .sigmoid = sigmoid_row,
    .softmax_backward = softmax_backward,
    .cross_entropy = cross_entropy,
#ifdef TILE_ROWS
    .gemm = gemm_tiled,
#endif
    .transpose = transpose,
    .fused_multiply_add = fused_multiply_add,
    .fused_operations = 2.0 * CHAINS * LANES,
    .add = add,
    .sum_of_squares = sum_of_squares,
    .rotate = rotate,
    .adam = adam,
    .philox = philox,
    .block = BLOCK_KERNELS,
};
