#include "analysis/likelihood.h"

#include "analysis/inputs.h"
#include "analysis/kinds.h"
#include "analysis/statistics.h"
#include "analysis/variables.h"
#include "model/base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AL "Attention-likelihood relationship in transformers, arXiv 2303.08288"

/* Names this analysis among those that draw from RANDOM_INPUTS. */
enum { DRAW_LIKELIHOOD = 10 };

static const char *const mode_names[LIKELIHOOD_MODES] = {
    [MODE_LOWEST] = "lowest", [MODE_LOW] = "low",         [MODE_MIDDLE] = "middle",
    [MODE_HIGH] = "high",     [MODE_HIGHEST] = "highest", [MODE_ORIGINAL] = "original",
};

/* ---- Pure parts ------------------------------------------------------------------------------ */

LikelihoodDraw likelihood_draw(uint64_t seed, int sample, int first, int end) {
    Random random = random_create(seed, RANDOM_INPUTS, DRAW_LIKELIHOOD, (uint32_t)sample);
    LikelihoodDraw draw = {.target = -1};
    if (first < end)
        draw.target = first + (int)random_below(&random, (uint32_t)(end - first));
    for (int third = 0; third < LIKELIHOOD_THIRDS; third++)
        draw.places[third] = random_uniform(&random);
    return draw;
}

typedef struct RankedToken {
    float logit;
    int32_t token;
} RankedToken;

static int compare_tokens(const void *first, const void *second) {
    const RankedToken *a = first, *b = second;
    if (a->logit < b->logit || a->logit > b->logit)
        return a->logit < b->logit ? -1 : 1;
    return (a->token > b->token) - (a->token < b->token);
}

void likelihood_tokens(const float *logits, int ordinary, int bos, int32_t original,
                       const LikelihoodDraw *draw, int32_t tokens[LIKELIHOOD_MODES],
                       Arena *scratch) {
    int count = ordinary_choices(ordinary, bos);
    RankedToken *ranked = ARENA_ARRAY(scratch, RankedToken, (size_t)count);
    for (int i = 0; i < count; i++) {
        int32_t token = ordinary_token(i, ordinary, bos);
        ranked[i] = (RankedToken){.logit = logits[token], .token = token};
    }
    qsort(ranked, (size_t)count, sizeof *ranked, compare_tokens);
    tokens[MODE_LOWEST] = ranked[0].token;
    tokens[MODE_HIGHEST] = ranked[count - 1].token;
    tokens[MODE_ORIGINAL] = original;
    for (int third = 0; third < LIKELIHOOD_THIRDS; third++) {
        int64_t first = (int64_t)count * third / LIKELIHOOD_THIRDS;
        int64_t end = (int64_t)count * (third + 1) / LIKELIHOOD_THIRDS;
        int64_t rank = first + (int64_t)(draw->places[third] * (double)(end - first));
        tokens[MODE_LOW + third] = first < end ? ranked[rank].token : LIKELIHOOD_NO_TOKEN;
    }
}

double likelihood_of(const float *logits, int vocabulary, int32_t token) {
    double largest = logits[0], sum = 0;
    for (int i = 1; i < vocabulary; i++)
        largest = fmax(largest, logits[i]);
    for (int i = 0; i < vocabulary; i++)
        sum += exp(logits[i] - largest);
    return exp(logits[token] - largest) / sum;
}

/* Whether a query other than the target itself counts for what the target receives. */
static bool counts_as_other(const Visibility *visibility, int query, int target) {
    Interval keys = visibility->keys[query];
    return query != target && target >= keys.first && target < keys.end && interval_size(keys) > 1;
}

TargetAttention target_attention(const Visibility *visibility, const double *map, int target) {
    size_t length = (size_t)visibility->length;
    double sum = 0;
    int queries = 0;
    for (int i = 0; i < visibility->length; i++)
        if (counts_as_other(visibility, i, target)) {
            sum += map[(size_t)i * length + (size_t)target];
            queries++;
        }
    return (TargetAttention){.inner = map[(size_t)target * length + (size_t)target],
                             .received = queries > 0 ? sum / queries : NAN};
}

/* ---- Variables ------------------------------------------------------------------------------- */

enum { POOLS = 2 }; /* real tokens; all modes */

/* Offsets of the variables; names as in analysis.h5. */
typedef struct Likelihood {
    const LikelihoodDraw *draws; /* [samples] */
    int32_t mask; /* the token that hides a target; −1 for objectives without one */
    size_t likelihood, inner, received, inner_null, received_null;
    size_t token; /* hidden: [mode] of a sample */
    size_t target, tokens;
    size_t correlation[POOLS], correlation_p[POOLS], correlation_uniform[POOLS];
} Likelihood;

typedef struct Declaring {
    AnalysisContext *context;
    VariableList *list;
    Likelihood *likelihood;
    const Axis *mode;
} Declaring;

#define NO_TARGET "the objective predicts no position of the sequence"
#define NO_TOKEN "a third of the data source's own tokens is empty"

static void declare_means(const Declaring *declaring) {
    AnalysisContext *context = declaring->context;
    VariableList *list = declaring->list;
    Likelihood *likelihood = declaring->likelihood;
    const Axis *mode = declaring->mode;
    likelihood->likelihood = variable_add(
        list, context,
        variable_over((VariableText){"likelihood",
                                     "model's probability of the token put at the target", "1", AL,
                                     NO_TARGET ", or " NO_TOKEN},
                      VARIABLE_SAMPLE_MEAN, mode, NULL, NULL));
    Variable inner = variable_over(
        (VariableText){"inner_attention", "attention of the target to itself, mean over heads", "1",
                       AL, NO_TARGET ", or " NO_TOKEN},
        VARIABLE_SAMPLE_MEAN, context->layer, mode, NULL);
    Variable received = variable_over(
        (VariableText){
            "attention_received",
            "attention to the target from the other queries that see it, mean over heads", "1", AL,
            "no other query sees the target, " NO_TARGET ", or " NO_TOKEN},
        VARIABLE_SAMPLE_MEAN, context->layer, mode, NULL);
    likelihood->inner = variable_add(list, context, inner);
    likelihood->inner_null = variable_add_null(list, context, inner);
    likelihood->received = variable_add(list, context, received);
    likelihood->received_null = variable_add_null(list, context, received);
}

static void declare_inputs(const Declaring *declaring) {
    AnalysisContext *context = declaring->context;
    VariableList *list = declaring->list;
    Variable target =
        variable_over((VariableText){"likelihood_target", "position whose token is replaced",
                                     "position", AL, NO_TARGET},
                      VARIABLE_RUN, context->sample, NULL, NULL);
    Variable tokens = variable_over((VariableText){"likelihood_token", "token put at the target",
                                                   "token", AL, NO_TARGET ", or " NO_TOKEN},
                                    VARIABLE_PROBE, context->sample, declaring->mode, NULL);
    Variable token = variable_over((VariableText){"likelihood_token", "", "token", AL, NULL},
                                   VARIABLE_SAMPLE_HIDDEN, declaring->mode, NULL, NULL);
    target.integer = tokens.integer = true;
    declaring->likelihood->target = variable_add(list, context, target);
    declaring->likelihood->tokens = variable_add(list, context, tokens);
    declaring->likelihood->token = variable_add(list, context, token);
}

static void declare_correlations(const Declaring *declaring) {
    static const char *const suffixes[POOLS] = {"", "_pooled"};
    static const char *const whose[POOLS] = {"of the real tokens", "of all modes pooled"};
    AnalysisContext *context = declaring->context;
    const char *undefined = "there are fewer than three targets, or a constant";
    for (int pool = 0; pool < POOLS; pool++) {
        const char *name =
            arena_format(context->arena, "likelihood_attention_correlation%s", suffixes[pool]);
        const VariableText value = {
            name,
            arena_format(context->arena,
                         "Spearman correlation over targets of likelihood with inner_attention, %s",
                         whose[pool]),
            "1", AL, undefined};
        const VariableText p = {arena_format(context->arena, "%s_p", name),
                                arena_format(context->arena, "two-sided p-value of %s", name), "1",
                                AL, undefined};
        declaring->likelihood->correlation[pool] =
            variable_add(declaring->list, context,
                         variable_over(value, VARIABLE_PROBE, context->layer, NULL, NULL));
        declaring->likelihood->correlation_p[pool] = variable_add(
            declaring->list, context, variable_over(p, VARIABLE_PROBE, context->layer, NULL, NULL));
        const VariableText of_uniform = {
            arena_format(context->arena, "%s_uniform", name),
            arena_format(
                context->arena,
                "the same correlation with the attention to itself that the target has by its "
                "place alone, in uniform attention, %s",
                whose[pool]),
            "1", "Fiducial",
            "there are fewer than three targets, or every target sees as many keys"};
        declaring->likelihood->correlation_uniform[pool] =
            variable_add(declaring->list, context, variable_make(of_uniform, VARIABLE_PROBE));
    }
}

/* The masked objective's [MASK], by the name that run.h5 gives it (it stands behind the source's
   own tokens); −1 for objectives that predict a token from the position before. */
static int32_t mask_token(const AnalysisContext *context) {
    const Kind *objective = context->config->train.objective.kind;
    if (objective == NULL || strcmp(objective->name, "masked") != 0)
        return -1;
    for (int token = context->probe->vocabulary - 1; token >= 0; token--)
        if (strcmp(context->probe->token_names[token], "[MASK]") == 0)
            return token;
    return -1;
}

/* The positions that the objective predicts: between [CLS] and [SEP], or behind a prefix. */
static void draw_targets(const AnalysisContext *context, Likelihood *likelihood) {
    LikelihoodDraw *draws = ARENA_ARRAY(context->arena, LikelihoodDraw, (size_t)context->samples);
    int64_t prefix = mask_prefix(model_config(context->model));
    int first = prefix > 1 ? (int)prefix : 1;
    int end = context->length - (likelihood->mask >= 0);
    for (int sample = 0; sample < context->samples; sample++)
        draws[sample] = likelihood_draw(context->seed, sample, first, end);
    likelihood->draws = draws;
}

static Status likelihood_declare(const KindOptions *options, AnalysisContext *context,
                                 VariableList *list, void **state, Error *error) {
    (void)options;
    (void)error;
    Likelihood *likelihood = ARENA_ARRAY(context->arena, Likelihood, 1);
    likelihood->mask = mask_token(context);
    draw_targets(context, likelihood);
    const Declaring declaring = {
        .context = context,
        .list = list,
        .likelihood = likelihood,
        .mode = axis_add(context, (Axis){.name = "mode",
                                         .length = LIKELIHOOD_MODES,
                                         .labels = mode_names,
                                         .long_name = "token at the target, by its likelihood",
                                         .units = "1"}),
    };
    declare_means(&declaring);
    declare_inputs(&declaring);
    declare_correlations(&declaring);
    *state = likelihood;
    return STATUS_OK;
}

/* The targets, and what uniform attention gives them, which is the same whatever stands there. */
static void likelihood_fill_run(const AnalysisContext *context, const void *state, double *run) {
    const Likelihood *likelihood = state;
    Arena arena = arena_create("the nulls of the likelihood analysis");
    size_t length = (size_t)context->length, samples = (size_t)context->samples;
    double *map = ARENA_ARRAY(&arena, double, (length * length));
    double *inner = ARENA_ARRAY(&arena, double, samples);
    double *received = ARENA_ARRAY(&arena, double, samples);
    uniform_map(context->visibility, map);
    for (size_t sample = 0; sample < samples; sample++) {
        int target = likelihood->draws[sample].target;
        run[likelihood->target + sample] = target;
        TargetAttention attention = {NAN, NAN};
        if (target >= 0)
            attention = target_attention(context->visibility, map, target);
        inner[sample] = attention.inner;
        received[sample] = attention.received;
    }
    for (size_t mode = 0; mode < LIKELIHOOD_MODES; mode++) {
        run[likelihood->inner_null + mode] = mean_of(inner, samples, 1);
        run[likelihood->received_null + mode] = mean_of(received, samples, 1);
    }
    arena_destroy(&arena);
}

/* ---- One sample ------------------------------------------------------------------------------ */

/* Logits [vocabulary] of the token at target given its context. Where a target can be hidden: those
   of its own position with it hidden; else those of the position before (and where no query sees
   what comes later, what comes later is not computed). */
static const float *target_logits(const AnalysisContext *context, const Likelihood *likelihood,
                                  const int32_t *inputs, int target,
                                  const AnalysisScratch *scratch) {
    size_t vocabulary = (size_t)model_config(context->model)->vocabulary;
    bool hide = likelihood->mask >= 0;
    int length = context->visibility->causal && !hide ? target : context->length;
    int32_t *tokens = ARENA_ARRAY(scratch->arena, int32_t, (size_t)length);
    memcpy(tokens, inputs, sizeof *inputs * (size_t)length);
    if (hide)
        tokens[target] = likelihood->mask;
    const Batch batch = {.inputs = tokens, .targets = NULL, .sequences = 1, .length = length};
    float *logits = ARENA_ARRAY(scratch->arena, float, ((size_t)length * vocabulary));
    model_logits(context->model, context->parameters, &batch, scratch->workspace, logits);
    return logits + (size_t)(hide ? target : target - 1) * vocabulary;
}

/* The real token at target: what the masked objective hid there is its target. */
static int32_t real_token(const Likelihood *likelihood, const Capture *capture, int target) {
    bool hidden = likelihood->mask >= 0 && capture->targets[target] >= 0;
    return hidden ? capture->targets[target] : capture->inputs[target];
}

/* Sums a target's attention over heads while the model runs. */
typedef struct Watch {
    const Visibility *visibility;
    int target, heads;
    double *inner, *received; /* [layers] sums, 0 before */
} Watch;

static void watch_see(void *context, const TapView *view) {
    const Watch *watch = context;
    if (view->name != TAP_WEIGHTS)
        return;
    for (int row = 0; row < view->rows; row++) {
        int query = view->first_row + row;
        bool other = counts_as_other(watch->visibility, query, watch->target);
        if (!other && query != watch->target)
            continue;
        double weight = view->data[(size_t)row * view->stride + (size_t)watch->target];
        *(other ? &watch->received[view->layer] : &watch->inner[view->layer]) += weight;
    }
}

/* Attention [layers] to the token at target when it stands in the sequence. */
static void replaced_attention(const AnalysisContext *context, const int32_t *inputs, int target,
                               int32_t token, TargetAttention *attention,
                               const AnalysisScratch *scratch) {
    size_t layers = (size_t)context->layers, length = (size_t)context->length;
    int32_t *replaced = ARENA_ARRAY(scratch->arena, int32_t, length);
    memcpy(replaced, inputs, sizeof *inputs * length);
    replaced[target] = token;
    Watch watch = {.visibility = context->visibility,
                   .target = target,
                   .heads = context->heads,
                   .inner = ARENA_ARRAY(scratch->arena, double, layers),
                   .received = ARENA_ARRAY(scratch->arena, double, layers)};
    const Tap tap = {.see = watch_see, .context = &watch};
    const Batch batch = {.inputs = replaced, .sequences = 1, .length = context->length};
    model_forward(context->model, context->parameters, &batch, scratch->workspace, &tap, NULL);
    int others = 0;
    for (int query = 0; query < context->length; query++)
        others += counts_as_other(context->visibility, query, target);
    for (size_t layer = 0; layer < layers; layer++) {
        attention[layer].inner = watch.inner[layer] / context->heads;
        attention[layer].received =
            others > 0 ? watch.received[layer] / context->heads / others : NAN;
    }
}

/* The mode, among those done before (from the last on), with the same token; −1 for none. */
static int same_token(const int32_t *tokens, int mode) {
    for (int done = LIKELIHOOD_MODES - 1; done > mode; done--)
        if (tokens[done] == tokens[mode])
            return done;
    return -1;
}

/* Attention [layers] to the target with token in its place; from the capture where it is there. */
static void token_attention(const AnalysisContext *context, const Capture *capture, int target,
                            int32_t token, TargetAttention *attention,
                            const AnalysisScratch *scratch) {
    size_t map = (size_t)context->length * (size_t)context->length;
    if (token != capture->inputs[target]) {
        replaced_attention(context, capture->inputs, target, token, attention, scratch);
        return;
    }
    for (size_t layer = 0; layer < (size_t)context->layers; layer++)
        attention[layer] =
            target_attention(context->visibility, capture->mean_weights + layer * map, target);
}

static void likelihood_sample(const AnalysisContext *context, const void *state,
                              const Capture *capture, int sample, AnalysisScratch *scratch,
                              double *row) {
    const Likelihood *likelihood = state;
    const LikelihoodDraw *draw = likelihood->draws + sample;
    int target = draw->target, vocabulary = (int)model_config(context->model)->vocabulary;
    size_t layers = (size_t)context->layers;
    if (target < 0)
        return;
    int32_t tokens[LIKELIHOOD_MODES];
    const float *logits = target_logits(context, likelihood, capture->inputs, target, scratch);
    likelihood_tokens(logits, context->probe->ordinary, context->bos,
                      real_token(likelihood, capture, target), draw, tokens, scratch->arena);
    TargetAttention *attention =
        ARENA_ARRAY(scratch->arena, TargetAttention, LIKELIHOOD_MODES * layers);
    for (int mode = LIKELIHOOD_MODES - 1; mode >= 0; mode--) {
        if (tokens[mode] == LIKELIHOOD_NO_TOKEN)
            continue;
        TargetAttention *of_mode = attention + (size_t)mode * layers;
        int same = same_token(tokens, mode);
        if (same >= 0)
            memcpy(of_mode, attention + (size_t)same * layers, sizeof *of_mode * layers);
        else
            token_attention(context, capture, target, tokens[mode], of_mode, scratch);
        for (size_t layer = 0; layer < layers; layer++) {
            size_t at = layer * LIKELIHOOD_MODES + (size_t)mode;
            row[likelihood->inner + at] = of_mode[layer].inner;
            row[likelihood->received + at] = of_mode[layer].received;
        }
        row[likelihood->likelihood + (size_t)mode] =
            likelihood_of(logits, vocabulary, tokens[mode]);
        row[likelihood->token + (size_t)mode] = tokens[mode];
    }
}

/* ---- Over samples ---------------------------------------------------------------------------- */

/* What uniform attention would give each target of itself: later targets see more keys and so have
   less, and are likelier, which alone correlates the two. */
static double inner_uniform(const AnalysisContext *context, int target) {
    const Visibility *visibility = context->visibility;
    if (target < 0)
        return NAN;
    return sees(visibility, target, target) ? 1.0 / interval_size(visibility->keys[target]) : 0;
}

/* Of likelihood with inner attention, which stands at inner in a sample's row, the modes side by
   side; or with that of uniform attention (inner NULL). */
static Correlation correlate_pool(const AnalysisContext *context, const Likelihood *likelihood,
                                  const ProbeView *view, int pool, const size_t *inner,
                                  Arena *scratch) {
    size_t samples = (size_t)context->samples, first = pool == 0 ? MODE_ORIGINAL : 0, count = 0;
    double *p = ARENA_ARRAY(scratch, double, (samples * LIKELIHOOD_MODES));
    double *attention = ARENA_ARRAY(scratch, double, (samples * LIKELIHOOD_MODES));
    for (size_t sample = 0; sample < samples; sample++)
        for (size_t mode = first; mode < LIKELIHOOD_MODES; mode++) {
            const double *row = view->rows + sample * view->row_values;
            p[count] = row[likelihood->likelihood + mode];
            attention[count++] = inner != NULL
                                     ? row[*inner + mode]
                                     : inner_uniform(context, likelihood->draws[sample].target);
        }
    return correlation_spearman(p, attention, count, scratch);
}

static void likelihood_probe(const AnalysisContext *context, const void *state,
                             const ProbeView *view, AnalysisScratch *scratch, double *probe_row) {
    const Likelihood *likelihood = state;
    for (int pool = 0; pool < POOLS; pool++) {
        for (size_t layer = 0; layer < (size_t)context->layers; layer++) {
            size_t inner = likelihood->inner + layer * LIKELIHOOD_MODES;
            Correlation result =
                correlate_pool(context, likelihood, view, pool, &inner, scratch->arena);
            probe_row[likelihood->correlation[pool] + layer] = result.value;
            probe_row[likelihood->correlation_p[pool] + layer] = result.p;
        }
        probe_row[likelihood->correlation_uniform[pool]] =
            correlate_pool(context, likelihood, view, pool, NULL, scratch->arena).value;
    }
    for (size_t sample = 0; sample < (size_t)context->samples; sample++)
        memcpy(probe_row + likelihood->tokens + sample * LIKELIHOOD_MODES,
               view->rows + sample * view->row_values + likelihood->token,
               sizeof(double) * LIKELIHOOD_MODES);
}

const AnalysisKind likelihood_analysis = {
    .kind = {.name = "likelihood",
             .meaning =
                 "whether likely tokens get other attention than unlikely ones in their place",
             .source = AL},
    .declare = likelihood_declare,
    .fill_run = likelihood_fill_run,
    .sample = likelihood_sample,
    .probe = likelihood_probe,
};
