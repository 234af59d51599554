/* Rotary position embedding (Su et al., arXiv 2104.09864, equation 34), half-split convention: of
   the first d = fraction · head_dim dimensions of a head, pair i holds dimensions i and i + d/2,
   rotated by position · θ_i with θ_i = base^(−2i/d). The options change the θ_i:

   - scaling, to stretch a context by `factor`: linear divides every θ_i by it (arXiv 2306.15595);
     ntk takes base · factor^(d/(d − 2)), so that the fastest stays and the slowest is divided by
     it; yarn (arXiv 2309.00071, equations 17 to 22) divides those that turn less than once in the
     original context, context/factor tokens, leaves those that turn more than 32 times, goes
     linearly from one to the other, and multiplies the scores by (0.1 ln factor + 1)², which the
     rotated queries and keys carry;
   - truncate: only the fastest pairs rotate, the others carry no position (p-RoPE, arXiv
     2410.06205, section 6). */
#include "model/math/kernels.h"
#include "model/position/position.h"

#include <math.h>

typedef enum Scaling { SCALING_NONE, SCALING_LINEAR, SCALING_NTK, SCALING_YARN } Scaling;

static const char *const scalings[] = {"none", "linear", "ntk", "yarn", NULL};

typedef struct RopeOptions {
    double base, fraction, factor, truncate;
    int scaling; /* Scaling */
} RopeOptions;

_Static_assert(sizeof(RopeOptions) <= KIND_OPTIONS_BYTES, "options fit");

/* Turns in the original context between which yarn goes from dividing to leaving: its α and β. */
static const double yarn_slow = 1, yarn_fast = 32;
static const double full_turn = 6.283185307179586; /* radians */

/* Tables [context][half]; `back` holds −sine, for the backward pass. */
typedef struct RopeTables {
    int half;
    float *cosine, *sine, *back;
} RopeTables;

/* Dimensions of a head that rotate, before rounding. */
static double rotated_dimensions(const ModelConfig *config, const RopeOptions *options) {
    return options->fraction * (double)model_head_dim(config);
}

static int pairs_of(const ModelConfig *config, const RopeOptions *options) {
    return (int)lround(rotated_dimensions(config, options) / 2);
}

static Status check(const ModelConfig *config, const KindOptions *choice, const char **culprit,
                    Error *error) {
    const RopeOptions *options = (const RopeOptions *)choice;
    double rotated = rotated_dimensions(config, options);
    int pairs = pairs_of(config, options);
    *culprit = "model.position";
    if (pairs < 1 || !(fabs(rotated - 2 * pairs) <= 1e-6))
        return error_set(error, STATUS_BAD_INPUT,
                         "rope rotates pairs of dimensions, so fraction · width/heads must be even "
                         "and at least 2; it is %g · %lld/%lld = %g",
                         options->fraction, (long long)config->width, (long long)config->heads,
                         rotated);
    if (options->scaling == SCALING_NONE && options->factor != 0 && options->factor != 1)
        return error_set(error, STATUS_BAD_INPUT,
                         "a factor of %g needs a scaling: linear, ntk or yarn; without one only "
                         "factor: 1 is allowed",
                         options->factor);
    if (options->scaling != SCALING_NONE && options->factor < 1)
        return error_set(error, STATUS_BAD_INPUT,
                         "%s scaling needs a factor of at least 1 (the context over the one that "
                         "is stretched), not %g; 1 stretches nothing",
                         scalings[options->scaling], options->factor);
    if (options->scaling == SCALING_NTK && pairs < 2)
        return error_set(
            error, STATUS_BAD_INPUT,
            "ntk scaling needs at least 4 rotated dimensions, not 2: of one pair alone "
            "it would change nothing");
    return STATUS_OK;
}

/* theta: of the pair before scaling. original: tokens of the context that is stretched. */
static double yarn_angle(double theta, double original, double factor) {
    double turns = original * theta / full_turn;
    double kept = (turns - yarn_slow) / (yarn_fast - yarn_slow);
    kept = fmin(1, fmax(0, kept));
    return (1 - kept) * theta / factor + kept * theta;
}

static int angles(const ModelConfig *config, const KindOptions *choice, double *theta) {
    const RopeOptions *options = (const RopeOptions *)choice;
    int pairs = pairs_of(config, options), size = 2 * pairs;
    int turning = (int)floor(options->truncate * pairs + 1e-9);
    double base = options->base, context = (double)config->context;
    if (options->scaling == SCALING_NTK)
        base *= pow(options->factor, (double)size / (size - 2));
    for (int i = 0; i < pairs; i++) {
        theta[i] = pow(base, -2.0 * i / size);
        if (options->scaling == SCALING_LINEAR)
            theta[i] /= options->factor;
        if (options->scaling == SCALING_YARN)
            theta[i] = yarn_angle(theta[i], context / options->factor, options->factor);
        if (i >= turning)
            theta[i] = 0;
    }
    return pairs;
}

static void prepare(Position *position, Arena *arena) {
    const RopeOptions *options = (const RopeOptions *)&position->options;
    RopeTables *tables = ARENA_ARRAY(arena, RopeTables, 1);
    int half = pairs_of(position->config, options);
    double *theta = ARENA_ARRAY(arena, double, (size_t)half);
    angles(position->config, &position->options, theta);
    double length = options->scaling == SCALING_YARN ? 0.1 * log(options->factor) + 1 : 1;
    size_t context = (size_t)position->config->context, count = context * (size_t)half;
    tables->half = half;
    tables->cosine = ARENA_ARRAY(arena, float, count);
    tables->sine = ARENA_ARRAY(arena, float, count);
    tables->back = ARENA_ARRAY(arena, float, count);
    for (size_t token = 0; token < context; token++)
        for (int i = 0; i < half; i++) {
            double angle = (double)token * theta[i];
            size_t at = token * (size_t)half + (size_t)i;
            tables->cosine[at] = (float)(length * cos(angle));
            tables->sine[at] = (float)(length * sin(angle));
            tables->back[at] = -tables->sine[at];
        }
    position->state = tables;
}

static void rotate(const Position *position, int token, float *x) {
    const RopeTables *tables = position->state;
    size_t at = (size_t)token * (size_t)tables->half;
    kernels()->rotate(tables->half, tables->cosine + at, tables->sine + at, x);
}

static void rotate_backward(const Position *position, int token, float *dx) {
    const RopeTables *tables = position->state;
    size_t at = (size_t)token * (size_t)tables->half;
    kernels()->rotate(tables->half, tables->cosine + at, tables->back + at, dx);
}

#define OF(member) offsetof(RopeOptions, member)

static const Field options[] = {
    {.name = "base",
     .type = FIELD_REAL,
     .offset = OF(base),
     .fallback = "10000",
     .minimum = 1.0001,
     .maximum = 1e12,
     .meaning = "base of the geometric series of rotation frequencies",
     .source = "arXiv 2104.09864"},
    {.name = "fraction",
     .type = FIELD_REAL,
     .offset = OF(fraction),
     .fallback = "1",
     .minimum = 1e-6,
     .maximum = 1,
     .meaning =
         "share of each head's dimensions that rotate, the first ones; an even number of them",
     .source = "GPT-NeoX, arXiv 2204.06745, section 2.1"},
    {.name = "scaling",
     .type = FIELD_CHOICE,
     .offset = OF(scaling),
     .fallback = "none",
     .choices = scalings,
     .meaning = "how the rotations are slowed for a context stretched by factor",
     .source = "arXiv 2306.15595 (linear), arXiv 2309.00071 (ntk, yarn)"},
    {.name = "factor",
     .type = FIELD_REAL,
     .offset = OF(factor),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e6,
     .meaning = "how far scaling stretches, at least 1: the context over the original one; 0: "
                "without scaling"},
    {.name = "truncate",
     .type = FIELD_REAL,
     .offset = OF(truncate),
     .fallback = "1",
     .minimum = 0,
     .maximum = 1,
     .meaning =
         "share of the frequencies that are kept, the highest; the other pairs do not rotate",
     .source = "p-RoPE, arXiv 2410.06205, section 6"},
};

extern const PositionKind position_rope;
const PositionKind position_rope = {
    .kind = {.name = "rope",
             .meaning =
                 "rotate pairs of query and key dimensions by angles that grow with position",
             .source = "arXiv 2104.09864",
             .options = FIELD_TABLE(options)},
    .check = check,
    .prepare = prepare,
    .rotate = rotate,
    .rotate_backward = rotate_backward,
    .angles = angles,
};
