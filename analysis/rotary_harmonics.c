#include "analysis/rotary.h"

#include "analysis/inputs.h"
#include "model/base/random.h"

#include <math.h>

/* Names this test among those that draw from RANDOM_INPUTS. */
enum { DRAW_HARMONICS = 90 };

enum { HARMONICS = 3 }; /* θ, 2θ, 3θ */

/* BOS and two different tokens in turn; without a BOS the first one is drawn too. */
static void draw_alternation(const AnalysisContext *context, int sample, int32_t *tokens) {
    int ordinary = context->probe->ordinary, bos = context->bos;
    Random random = random_create(context->seed, RANDOM_INPUTS, DRAW_HARMONICS, (uint32_t)sample);
    int choices = ordinary_choices(ordinary, bos), pair[2];
    pair[0] = (int)random_below(&random, (uint32_t)choices);
    pair[1] = (int)random_below(&random, (uint32_t)choices - 1);
    pair[1] += pair[1] >= pair[0];
    for (int i = 0; i < 2; i++)
        pair[i] = ordinary_token(pair[i], ordinary, bos);
    tokens[0] = bos >= 0 ? bos : (int)random_below(&random, (uint32_t)ordinary);
    for (int i = 1; i < context->length; i++)
        tokens[i] = pair[(i - 1) % 2];
}

/* The pairs whose θ, 2θ and 3θ the sequence can show, into chosen [pairs]; returns their number. */
static int choose_pairs(const double *theta, int pairs, int length, int *chosen) {
    int count = 0;
    for (int m = 0; m < pairs; m++)
        if (!exceeds(2 * M_PI / length, theta[m]) && !exceeds(3 * theta[m], M_PI))
            chosen[count++] = m;
    return count;
}

static FourierTable harmonic_table(const double *theta, const int *chosen, int pairs, int length,
                                   Arena *arena) {
    int points = length - 1;
    double *window = ARENA_ARRAY(arena, double, (size_t)points);
    double *angles = ARENA_ARRAY(arena, double, (size_t)(HARMONICS * pairs));
    hann_window(points, window);
    for (int h = 0; h < HARMONICS; h++)
        for (int m = 0; m < pairs; m++)
            angles[h * pairs + m] = (h + 1) * theta[chosen[m]];
    return fourier_create(points, angles, HARMONICS * pairs, window, arena);
}

HarmonicPlan *harmonic_plan_create(const AnalysisContext *context, const RotaryAngles *angles) {
    Arena *arena = context->arena;
    size_t layers = (size_t)context->layers, length = (size_t)context->length;
    size_t samples = (size_t)context->samples;
    HarmonicPlan *plan = ARENA_ARRAY(arena, HarmonicPlan, 1);
    size_t room = (size_t)angles->room;
    int *chosen = ARENA_ARRAY(arena, int, (layers * room)),
        *count = ARENA_ARRAY(arena, int, layers);
    FourierTable *tables = ARENA_ARRAY(arena, FourierTable, layers);
    int32_t *tokens = ARENA_ARRAY(arena, int32_t, samples * length);
    bool drawn = angles->any && ordinary_choices(context->probe->ordinary, context->bos) >= 2;
    for (size_t layer = 0; layer < layers && drawn; layer++) {
        const double *theta = angles->theta + layer * room;
        int *of_layer = chosen + layer * room;
        count[layer] = choose_pairs(theta, angles->pairs[layer], context->length, of_layer);
        tables[layer] = harmonic_table(theta, of_layer, count[layer], context->length, arena);
    }
    for (size_t sample = 0; sample < samples; sample++) {
        int32_t *row = tokens + sample * length;
        for (size_t i = 0; i < length; i++)
            row[i] = -1;
        if (drawn)
            draw_alternation(context, (int)sample, row);
    }
    *plan = (HarmonicPlan){.length = context->length,
                           .tokens = tokens,
                           .angles = angles,
                           .chosen = chosen,
                           .count = count,
                           .tables = tables,
                           .drawn = drawn};
    return plan;
}

void harmonic_ratios(const double *energy, int pairs, double *ratios) {
    for (int m = 0; m < pairs; m++) {
        double above = energy[pairs + m] + energy[2 * pairs + m];
        ratios[m] = energy[m] > 0 ? above / energy[m] : NAN;
    }
}

/* Turns hidden units into ratios while the model runs. */
typedef struct Listening {
    const HarmonicPlan *plan;
    Arena *arena;
    double *before, *after; /* [layers][room] */
} Listening;

static void listen(void *context, const TapView *view) {
    const Listening *listening = context;
    const HarmonicPlan *plan = listening->plan;
    if (view->name != TAP_MLP_BEFORE && view->name != TAP_MLP_AFTER)
        return;
    int pairs = plan->count[view->layer];
    if (pairs == 0)
        return;
    size_t columns = (size_t)view->columns, points = (size_t)view->rows - 1;
    double *series = ARENA_ARRAY(listening->arena, double, (points * columns));
    double *energy = ARENA_ARRAY(listening->arena, double, (size_t)(HARMONICS * pairs));
    for (size_t n = 0; n < points; n++)
        for (size_t unit = 0; unit < columns; unit++)
            series[n * columns + unit] = view->data[(n + 1) * view->stride + unit];
    fourier_energy(plan->tables + view->layer, series, view->columns, energy, listening->arena);
    double *ratios = ARENA_ARRAY(listening->arena, double, (size_t)pairs);
    harmonic_ratios(energy, pairs, ratios);
    size_t row = (size_t)view->layer * (size_t)plan->angles->room;
    double *target = view->name == TAP_MLP_BEFORE ? listening->before : listening->after;
    for (int m = 0; m < pairs; m++)
        target[row + (size_t)plan->chosen[row + (size_t)m]] = ratios[m];
}

static bool any_pair(const HarmonicPlan *plan, int layers) {
    for (int layer = 0; layer < layers; layer++)
        if (plan->count[layer] > 0)
            return true;
    return false;
}

void harmonics_measure(const AnalysisContext *context, const HarmonicPlan *plan, int sample,
                       const AnalysisScratch *scratch, double *before, double *after) {
    if (!plan->drawn || !any_pair(plan, context->layers))
        return;
    Listening listening = {.plan = plan, .arena = scratch->arena, .before = before, .after = after};
    const Tap tap = {.see = listen, .context = &listening};
    const Batch batch = {.inputs = plan->tokens + (size_t)sample * (size_t)plan->length,
                         .sequences = 1,
                         .length = plan->length};
    model_forward(context->model, context->parameters, &batch, scratch->workspace, &tap, NULL);
}
