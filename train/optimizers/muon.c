/* Muon (Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024): momentum
   whose matrix is replaced by its nearest semi-orthogonal one, found roughly by five Newton–Schulz
   steps. For the matrices of attention and MLP; token and position embeddings, unembedding, norms
   and biases go by AdamW with a rate of its own. */
#include "model/math/gemm.h"
#include "train/optimizers/adam_options.h"

#include <math.h>

typedef struct MuonOptions {
    double learning_rate, momentum, weight_decay;
    AdamOptions adam; /* for the rest; its weight_decay is the one above */
    bool nesterov;
} MuonOptions;

_Static_assert(sizeof(MuonOptions) <= KIND_OPTIONS_BYTES, "options fit");

#define OF(member) offsetof(MuonOptions, member)

static const Field options_fields[] = {
    {.name = "learning_rate",
     .type = FIELD_REAL,
     .offset = OF(learning_rate),
     .fallback = "0.02",
     .minimum = 0,
     .maximum = 10,
     .meaning = "step size of matrices after warm-up: a step's singular values are about this, "
                "times sqrt(rows/columns) where there are more rows than columns"},
    {.name = "momentum",
     .type = FIELD_REAL,
     .offset = OF(momentum),
     .fallback = "0.95",
     .minimum = 0,
     .maximum = 0.999999,
     .meaning = "share of the momentum that is kept"},
    {.name = "nesterov",
     .type = FIELD_BOOL,
     .offset = OF(nesterov),
     .fallback = "true",
     .meaning = "whether the step looks ahead along the momentum"},
    {.name = "weight_decay",
     .type = FIELD_REAL,
     .offset = OF(weight_decay),
     .fallback = "0.01",
     .minimum = 0,
     .maximum = 10,
     .meaning = "decoupled decay, times the learning rate (of either part) and the group's factor"},
    {.name = "adam_learning_rate",
     .type = FIELD_REAL,
     .offset = OF(adam.learning_rate),
     .fallback = "3e-3",
     .minimum = 0,
     .maximum = 10,
     .meaning = "AdamW's step size for all that is not a matrix of attention or MLP"},
    {.name = "adam_beta1",
     .type = FIELD_REAL,
     .offset = OF(adam.beta1),
     .fallback = "0.9",
     .minimum = 0,
     .maximum = 0.999999,
     .meaning = "AdamW's decay of the mean of gradients"},
    {.name = "adam_beta2",
     .type = FIELD_REAL,
     .offset = OF(adam.beta2),
     .fallback = "0.95",
     .minimum = 0,
     .maximum = 0.999999,
     .meaning = "AdamW's decay of the mean of squared gradients"},
    {.name = "adam_epsilon",
     .type = FIELD_REAL,
     .offset = OF(adam.epsilon),
     .fallback = "1e-8",
     .minimum = 1e-30,
     .maximum = 1,
     .meaning = "added to the root of AdamW's second moment"},
};

static double learning_rate(const KindOptions *options) {
    return ((const MuonOptions *)options)->learning_rate;
}

static void update(const KindOptions *chosen, const OptimizerUpdate *now, OptimizerRange range) {
    const MuonOptions *options = (const MuonOptions *)chosen;
    adam_update(&options->adam, now, range,
                options->adam.learning_rate * now->schedule * range.rate,
                options->weight_decay * range.decay);
}

static bool takes_whole(const Parameter *entry) {
    bool hidden = entry->group == GROUP_ATTENTION || entry->group == GROUP_MLP;
    return hidden && entry->decay && entry->rows > 1 && entry->columns > 1;
}

/* ---- Newton–Schulz -------------------------------------------------------------------------- */

/* Scratch of one matrix, made wide: rows ≤ columns. */
typedef struct Wide {
    int rows, columns;
    float *x, *next;     /* [rows][columns] */
    float *gram, *power; /* [rows][rows] */
    float *gemm_scratch;
} Wide;

static size_t rounded(size_t floats) {
    return (floats + 15) / 16 * 16;
}

static size_t square(const Parameter *entry) {
    size_t side = (size_t)(entry->rows < entry->columns ? entry->rows : entry->columns);
    return rounded(side * side);
}

static size_t whole_scratch(const Parameter *entry) {
    return 2 * rounded(entry->count) + 2 * square(entry) + GEMM_SCRATCH;
}

static Wide wide_create(const Parameter *entry, float *scratch) {
    bool tall = entry->rows > entry->columns;
    size_t matrix = rounded(entry->count);
    return (Wide){.rows = tall ? entry->columns : entry->rows,
                  .columns = tall ? entry->rows : entry->columns,
                  .x = scratch,
                  .next = scratch + matrix,
                  .gram = scratch + 2 * matrix,
                  .power = scratch + 2 * matrix + square(entry),
                  .gemm_scratch = scratch + 2 * matrix + 2 * square(entry)};
}

/* x ← 3.4445·x + (−4.7750·G + 2.0315·G²)·x with G = x·xᵀ: drives all singular values towards 1. */
static void newton_schulz_step(Wide *wide) {
    static const float linear = 3.4445f, cubic = -4.7750f, quintic = 2.0315f;
    const int rows = wide->rows, columns = wide->columns;
    const ConstMatrix x = {wide->x, columns}, gram = {wide->gram, rows};
    gemm(&(Gemm){.form = GEMM_NT,
                 .m = rows,
                 .n = rows,
                 .k = columns,
                 .alpha = 1,
                 .a = x,
                 .b = x,
                 .c = {wide->gram, rows},
                 .scratch = wide->gemm_scratch});
    gemm(&(Gemm){.form = GEMM_NN,
                 .m = rows,
                 .n = rows,
                 .k = rows,
                 .alpha = quintic,
                 .a = gram,
                 .b = gram,
                 .c = {wide->power, rows},
                 .scratch = wide->gemm_scratch});
    for (size_t i = 0; i < (size_t)rows * (size_t)rows; i++)
        wide->power[i] += cubic * wide->gram[i];
    gemm(&(Gemm){.form = GEMM_NN,
                 .m = rows,
                 .n = columns,
                 .k = rows,
                 .alpha = 1,
                 .a = {wide->power, rows},
                 .b = x,
                 .c = {wide->next, columns},
                 .scratch = wide->gemm_scratch});
    for (size_t i = 0; i < (size_t)rows * (size_t)columns; i++)
        wide->next[i] += linear * wide->x[i];
    float *kept = wide->x;
    wide->x = wide->next;
    wide->next = kept;
}

/* The matrix in wide->x over its Frobenius norm, then five steps. */
static void orthogonalize(Wide *wide) {
    size_t count = (size_t)wide->rows * (size_t)wide->columns;
    float norm = (float)sqrt(kernels()->sum_of_squares(count, wide->x));
    float scale = 1 / (norm + 1e-7f);
    for (size_t i = 0; i < count; i++)
        wide->x[i] *= scale;
    for (int i = 0; i < 5; i++)
        newton_schulz_step(wide);
}

/* Place of entry (row, column) in the wide form. */
static size_t wide_place(const Parameter *entry, const Wide *wide, size_t i) {
    if (wide->columns == entry->columns)
        return i;
    size_t columns = (size_t)entry->columns;
    return i % columns * (size_t)wide->columns + i / columns;
}

static void update_parameter(const KindOptions *chosen, const OptimizerUpdate *now,
                             const Parameter *entry, OptimizerRange range, float *scratch) {
    const MuonOptions *options = (const MuonOptions *)chosen;
    const float *gradient = now->gradient + entry->offset;
    float *momentum = now->slots + entry->offset, *parameters = now->parameters + entry->offset;
    const float kept = (float)options->momentum;
    Wide wide = wide_create(entry, scratch);
    for (size_t i = 0; i < entry->count; i++) {
        float scaled = now->gradient_scale * gradient[i];
        momentum[i] = kept * momentum[i] + scaled;
        wide.x[wide_place(entry, &wide, i)] =
            options->nesterov ? scaled + kept * momentum[i] : momentum[i];
    }
    orthogonalize(&wide);
    double rate = now->learning_rate * range.rate;
    double stretch = sqrt(fmax(1, (double)entry->rows / (double)entry->columns));
    const float step = (float)(rate * stretch);
    const float decay = (float)(rate * options->weight_decay * range.decay);
    for (size_t i = 0; i < entry->count; i++)
        parameters[i] -= decay * parameters[i] + step * wide.x[wide_place(entry, &wide, i)];
}

extern const OptimizerKind optimizer_muon;
const OptimizerKind optimizer_muon = {
    .kind = {.name = "muon",
             .meaning = "orthogonalized momentum for the matrices of attention and MLP, AdamW for "
                        "the rest",
             .source = "Jordan et al., Muon, 2024 (kellerjordan.github.io/posts/muon)",
             .options = FIELD_TABLE(options_fields)},
    .slots = ADAM_SLOTS, /* a matrix's momentum lies in the first; its second stays 0 */
    .learning_rate = learning_rate,
    .update = update,
    .takes_whole = takes_whole,
    .whole_scratch = whole_scratch,
    .update_parameter = update_parameter,
};
