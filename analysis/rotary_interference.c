#include "analysis/rotary.h"

#include "analysis/inputs.h"
#include "model/base/random.h"

#include <math.h>
#include <string.h>

/* Names this test among those that draw from RANDOM_INPUTS. */
enum { DRAW_INTERFERENCE = 91 };

static const double phase_turns[INTERFERENCE_PHASES] = {[PHASE_IN] = 1, [PHASE_ANTI] = 1.5};

InterferencePlan *interference_plan_create(const AnalysisContext *context,
                                           const RotaryAngles *angles, int contexts) {
    size_t length = (size_t)context->length;
    int ordinary = context->probe->ordinary, bos = context->bos;
    int choices = ordinary_choices(ordinary, bos);
    bool drawn = angles->any && choices >= 2;
    InterferencePlan *plan = ARENA_ARRAY(context->arena, InterferencePlan, 1);
    int32_t *tokens = ARENA_ARRAY(context->arena, int32_t, (size_t)contexts * length);
    int32_t *earlier = ARENA_ARRAY(context->arena, int32_t, (size_t)contexts);
    for (size_t c = 0; c < (size_t)contexts && drawn; c++) {
        Random random = random_create(context->seed, RANDOM_INPUTS, DRAW_INTERFERENCE, (uint32_t)c);
        int32_t *row = tokens + c * length;
        for (size_t i = 0; i < length; i++)
            row[i] = (int32_t)random_below(&random, (uint32_t)choices);
        earlier[c] = (int32_t)random_below(&random, (uint32_t)choices - 1);
        earlier[c] += earlier[c] >= row[length - 1];
        for (size_t i = 0; i < length; i++)
            row[i] = ordinary_token(row[i], ordinary, bos);
        earlier[c] = ordinary_token(earlier[c], ordinary, bos);
        if (bos >= 0)
            row[0] = bos;
    }
    *plan = (InterferencePlan){.contexts = contexts,
                               .length = context->length,
                               .tokens = tokens,
                               .earlier = earlier,
                               .angles = angles,
                               .drawn = drawn};
    return plan;
}

bool interference_distances(double theta, int length, int distances[INTERFERENCE_PHASES]) {
    for (int phase = 0; phase < INTERFERENCE_PHASES; phase++) {
        double distance = round(phase_turns[phase] * 2 * M_PI / theta);
        if (!(distance >= 1 && distance <= length - 2))
            return false;
        distances[phase] = (int)distance;
    }
    return distances[PHASE_IN] != distances[PHASE_ANTI];
}

void interference_sequence(const InterferencePlan *plan, int context, int distance,
                           int32_t *tokens) {
    size_t length = (size_t)plan->length;
    memcpy(tokens, plan->tokens + (size_t)context * length, sizeof *tokens * length);
    tokens[plan->length - 1 - distance] = plan->earlier[context];
}

/* What the model shows of one sequence while it runs, at the last position. */
typedef struct Reading {
    int query, key, heads;
    double *activation; /* [layers] mean |MLP hidden unit| at the query; NaN without an MLP */
    double *attention;  /* [layers][heads] weight of the key */
} Reading;

static void read_view(void *context, const TapView *view) {
    const Reading *reading = context;
    int row = reading->query - view->first_row;
    if (row < 0 || row >= view->rows)
        return;
    const float *values = view->data + (size_t)row * view->stride;
    if (view->name == TAP_WEIGHTS)
        reading->attention[view->layer * reading->heads + view->head] = values[reading->key];
    if (view->name != TAP_MLP_AFTER)
        return;
    double sum = 0;
    for (int unit = 0; unit < view->columns; unit++)
        sum += fabs(values[unit]);
    reading->activation[view->layer] = sum / view->columns;
}

/* The readings of one pair of distances, [contexts][INTERFERENCE_PHASES]. */
static Reading *run_distances(const AnalysisContext *context, const InterferencePlan *plan,
                              const int distances[INTERFERENCE_PHASES],
                              const AnalysisScratch *scratch) {
    size_t runs = (size_t)plan->contexts * INTERFERENCE_PHASES, layers = (size_t)context->layers;
    Arena *arena = scratch->arena;
    Reading *readings = ARENA_ARRAY(arena, Reading, runs);
    int32_t *tokens = ARENA_ARRAY(arena, int32_t, (size_t)plan->length);
    for (size_t run = 0; run < runs; run++) {
        int distance = distances[run % INTERFERENCE_PHASES];
        readings[run] = (Reading){
            .query = plan->length - 1,
            .key = plan->length - 1 - distance,
            .heads = context->heads,
            .activation = ARENA_ARRAY(arena, double, layers),
            .attention = ARENA_ARRAY(arena, double, (layers * (size_t)context->heads)),
        };
        for (size_t layer = 0; layer < layers; layer++)
            readings[run].activation[layer] = NAN;
        const Tap tap = {.see = read_view, .context = readings + run};
        interference_sequence(plan, (int)(run / INTERFERENCE_PHASES), distance, tokens);
        const Batch batch = {.inputs = tokens, .sequences = 1, .length = plan->length};
        model_forward(context->model, context->parameters, &batch, scratch->workspace, &tap, NULL);
    }
    return readings;
}

/* Mean over contexts of the value in phase over that in antiphase; contexts where the latter is 0
   are left out. head_at: of [layers][heads]. */
static void mean_ratios(const Reading *readings, int contexts, size_t layer, size_t head_at,
                        double *activation, double *sharpness) {
    double sums[2] = {0};
    int counts[2] = {0};
    for (int c = 0; c < contexts; c++) {
        const Reading *in = readings + c * INTERFERENCE_PHASES + PHASE_IN;
        const Reading *anti = readings + c * INTERFERENCE_PHASES + PHASE_ANTI;
        const double ratios[2] = {in->activation[layer] / anti->activation[layer],
                                  in->attention[head_at] / anti->attention[head_at]};
        for (int i = 0; i < 2; i++)
            if (isfinite(ratios[i])) {
                sums[i] += ratios[i];
                counts[i]++;
            }
    }
    *activation = counts[0] > 0 ? sums[0] / counts[0] : NAN;
    *sharpness = counts[1] > 0 ? sums[1] / counts[1] : NAN;
}

static void note_inputs(const InterferencePlan *plan, const int distances[INTERFERENCE_PHASES],
                        double *tokens, double *distance, int32_t *row) {
    for (int phase = 0; phase < INTERFERENCE_PHASES; phase++)
        distance[phase] = distances[phase];
    for (int run = 0; run < plan->contexts * INTERFERENCE_PHASES; run++) {
        interference_sequence(plan, run / INTERFERENCE_PHASES, distances[run % INTERFERENCE_PHASES],
                              row);
        for (int i = 0; i < plan->length; i++)
            tokens[run * plan->length + i] = row[i];
    }
}

static bool query_sees(const Visibility *visibility, const int distances[INTERFERENCE_PHASES]) {
    int query = visibility->length - 1;
    Interval keys = visibility->keys[query];
    for (int phase = 0; phase < INTERFERENCE_PHASES; phase++)
        if (query - distances[phase] < keys.first || query - distances[phase] >= keys.end)
            return false;
    return true;
}

/* A head's distances; false where its pair has none. */
static bool head_distances(const AnalysisContext *context, const InterferencePlan *plan,
                           const int *pair, int at, int distances[INTERFERENCE_PHASES]) {
    if (!plan->drawn || pair[at] < 0)
        return false;
    double theta = plan->angles->theta[at / context->heads * plan->angles->room + pair[at]];
    return interference_distances(theta, plan->length, distances) &&
           query_sees(context->visibility, distances);
}

void interference_measure(const AnalysisContext *context, const InterferencePlan *plan,
                          const int *pair, const AnalysisScratch *scratch,
                          InterferenceMeasures *measures) {
    int heads = context->layers * context->heads, distances[INTERFERENCE_PHASES];
    size_t inputs = (size_t)(plan->contexts * INTERFERENCE_PHASES * plan->length);
    bool *done = ARENA_ARRAY(scratch->arena, bool, (size_t)heads);
    int32_t *row = ARENA_ARRAY(scratch->arena, int32_t, (size_t)plan->length);
    for (int first = 0; first < heads; first++) {
        if (done[first] || !head_distances(context, plan, pair, first, distances))
            continue;
        const Reading *readings = run_distances(context, plan, distances, scratch);
        for (int at = first; at < heads; at++) {
            int own[INTERFERENCE_PHASES];
            if (done[at] || !head_distances(context, plan, pair, at, own) ||
                memcmp(own, distances, sizeof own) != 0)
                continue;
            done[at] = true;
            mean_ratios(readings, plan->contexts, (size_t)(at / context->heads), (size_t)at,
                        measures->activation + at, measures->sharpness + at);
            note_inputs(plan, distances, measures->tokens + (size_t)at * inputs,
                        measures->distance + at * INTERFERENCE_PHASES, row);
        }
    }
}
