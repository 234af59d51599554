/* The `sinks` analysis: declares its variables and fills them from what maps and states show. */
#include "analysis/kinds.h"
#include "analysis/sinks_maps.h"
#include "analysis/sinks_states.h"
#include "analysis/statistics.h"
#include "analysis/variables.h"

#include <math.h>

#define GU "Gu et al., When attention sink emerges, arXiv 2410.10781"
#define AD "Guo et al., Active-dormant attention heads, arXiv 2410.13835"
#define MA "Sun et al., Massive activations in large language models, arXiv 2402.17762"
#define KO "arXiv 2405.19279"
#define CV "arXiv 2510.06477"
#define BR "arXiv 2606.08105"
#define FA "arXiv 2410.17174"
#define OURS "Fiducial"

/* Offsets of the variables; names as in analysis.h5. */
typedef struct Sinks {
    const Visibility *induction_visibility;
    const int32_t *tokens; /* [samples][induction length] */
    const double *null;    /* [T] importance of uniform attention */
    size_t importance, first_importance, sink_rate, first_sink_rate, sink_position, sink_ratio;
    size_t importance_share, importance_share_null;
    size_t first_importance_share, first_importance_share_null;
    size_t sink_position_share, sink_position_share_null, sink_ratio_share, sink_ratio_share_null;
    size_t first_sink_rate_share, first_sink_rate_share_null;
    size_t attention_entropy, attention_total, first_token_argmax;
    size_t value_drain, key_norm_ratio, sink_logit, query_key_cosine, query_key_cosine_other;
    size_t residual_peak, massive_ratio, massive_dimension, neuron_kurtosis;
    size_t matrix_entropy, anisotropy, update_stable_rank, update_norm;
    size_t induction_score, loss_copied, loss_ordinary, probe_loss;
    size_t probe_loss_copied, probe_loss_ordinary;
    size_t importance_null, first_importance_null, sink_rate_null, first_sink_rate_null;
    size_t sink_position_null, sink_ratio_null, attention_entropy_null, attention_total_null;
    size_t first_token_argmax_null, induction_score_null, induction_tokens;
} Sinks;

typedef struct Declaring {
    AnalysisContext *context;
    VariableList *list;
    const Axis *epsilon;
    Sinks *sinks;
} Declaring;

/* Adds a variable of attention maps alone, and the same on uniform attention. */
static void add_with_null(const Declaring *declaring, Variable variable, size_t *offset,
                          size_t *null) {
    *offset = variable_add(declaring->list, declaring->context, variable);
    *null = variable_add_null(declaring->list, declaring->context, variable);
}

static void declare_importance(const Declaring *declaring) {
    const AnalysisContext *context = declaring->context;
    const Axis *layer = context->layer, *head = context->head, *epsilon = declaring->epsilon;
    const char *nobody = "no query sees the key";
    Sinks *sinks = declaring->sinks;
    Variable importance = variable_over(
        (VariableText){"importance", "mean attention on a key from the queries that see it", "1",
                       GU ", equation 4", nobody},
        VARIABLE_SAMPLE_MEAN, layer, head, context->position);
    add_with_null(declaring, importance, &sinks->importance, &sinks->importance_null);
    Variable first = variable_over(
        (VariableText){"first_importance", "importance of position 0", "1", GU, nobody},
        VARIABLE_SAMPLE_MEAN, layer, head, NULL);
    add_with_null(declaring, first, &sinks->first_importance, &sinks->first_importance_null);
    Variable rate = variable_over(
        (VariableText){"sink_rate", "share of samples, layers and heads with importance > epsilon",
                       "1", GU, nobody},
        VARIABLE_SAMPLE_MEAN, epsilon, context->position, NULL);
    rate.keep_samples = true; /* for the onset of the whole model's sink rate */
    add_with_null(declaring, rate, &sinks->sink_rate, &sinks->sink_rate_null);
    Variable first_rate = variable_over(
        (VariableText){"first_sink_rate",
                       "share of samples with importance > epsilon at position 0", "1", GU, nobody},
        VARIABLE_SAMPLE_MEAN, epsilon, layer, head);
    add_with_null(declaring, first_rate, &sinks->first_sink_rate, &sinks->first_sink_rate_null);
    Variable position =
        variable_over((VariableText){"sink_position",
                                     "well-seen key of the largest mean importance over its null",
                                     "position", OURS, "two positions tie, or no key is well seen"},
                      VARIABLE_PROBE, layer, head, NULL);
    position.integer = true;
    add_with_null(declaring, position, &sinks->sink_position, &sinks->sink_position_null);
    Variable ratio =
        variable_over((VariableText){"sink_ratio", "that key's mean importance over its null", "1",
                                     OURS, "no key is seen by a quarter of the queries"},
                      VARIABLE_PROBE, layer, head, NULL);
    add_with_null(declaring, ratio, &sinks->sink_ratio, &sinks->sink_ratio_null);
}

/* The same where each row of |weights| is scaled to sum 1. */
static void declare_shares(const Declaring *declaring) {
    const AnalysisContext *context = declaring->context;
    const Axis *layer = context->layer, *head = context->head;
    const char *source = GU ", for attention without normalization";
    const char *weightless = "no query that sees the key gives weight to any";
    Sinks *sinks = declaring->sinks;
    const Variable importance = variable_over(
        (VariableText){"importance_share", "importance where rows of |weights| are scaled to sum 1",
                       "1", source, weightless},
        VARIABLE_SAMPLE_MEAN, layer, head, context->position);
    add_with_null(declaring, importance, &sinks->importance_share, &sinks->importance_share_null);
    const Variable first = variable_over(
        (VariableText){"first_importance_share",
                       "importance of position 0 where rows of |weights| are scaled to sum 1", "1",
                       source, weightless},
        VARIABLE_SAMPLE_MEAN, layer, head, NULL);
    add_with_null(declaring, first, &sinks->first_importance_share,
                  &sinks->first_importance_share_null);
    const Variable rate = variable_over(
        (VariableText){"first_sink_rate_share",
                       "share of samples, layers and heads with first_importance_share > epsilon",
                       "1", source, NULL},
        VARIABLE_SAMPLE_MEAN, declaring->epsilon, NULL, NULL);
    add_with_null(declaring, rate, &sinks->first_sink_rate_share,
                  &sinks->first_sink_rate_share_null);
    Variable position = variable_over(
        (VariableText){"sink_position_share",
                       "well-seen key of the largest mean importance_share over its null",
                       "position", OURS,
                       "two positions tie, or no key is well seen by a query with any weight"},
        VARIABLE_PROBE, layer, head, NULL);
    position.integer = true;
    add_with_null(declaring, position, &sinks->sink_position_share,
                  &sinks->sink_position_share_null);
    const Variable ratio = variable_over(
        (VariableText){"sink_ratio_share", "that key's mean importance_share over its null", "1",
                       OURS,
                       "no key is seen by a quarter of the queries, one with weight among them"},
        VARIABLE_PROBE, layer, head, NULL);
    add_with_null(declaring, ratio, &sinks->sink_ratio_share, &sinks->sink_ratio_share_null);
}

static void declare_rows(const Declaring *declaring) {
    const Axis *layer = declaring->context->layer, *head = declaring->context->head;
    Sinks *sinks = declaring->sinks;
    Variable entropy = variable_over(
        (VariableText){"attention_entropy",
                       "entropy of a query's renormalised weights over ln(visible keys)", "1", OURS,
                       UNDEFINED_SINGLE_KEY ", or rows without weight, or a weight below 0"},
        VARIABLE_SAMPLE_MEAN, layer, head, NULL);
    add_with_null(declaring, entropy, &sinks->attention_entropy, &sinks->attention_entropy_null);
    Variable total =
        variable_over((VariableText){"attention_total", "mean sum of a query's weights", "1", OURS,
                                     UNDEFINED_SINGLE_KEY},
                      VARIABLE_SAMPLE_MEAN, layer, head, NULL);
    add_with_null(declaring, total, &sinks->attention_total, &sinks->attention_total_null);
    Variable first = variable_over(
        (VariableText){"first_token_argmax",
                       "share of queries whose largest weight, without a tie, is on position 0",
                       "1", FA, UNDEFINED_SINGLE_KEY},
        VARIABLE_SAMPLE_MEAN, layer, head, NULL);
    add_with_null(declaring, first, &sinks->first_token_argmax, &sinks->first_token_argmax_null);
}

/* A group of per-sample means that share their axes. */
typedef struct MeanEntry {
    size_t *offset;
    VariableText text;
} MeanEntry;

static void declare_means(const Declaring *declaring, const MeanEntry *entries, size_t count,
                          const Axis *first, const Axis *second) {
    for (size_t i = 0; i < count; i++)
        *entries[i].offset =
            variable_add(declaring->list, declaring->context,
                         variable_over(entries[i].text, VARIABLE_SAMPLE_MEAN, first, second, NULL));
}

static void declare_heads(const Declaring *declaring) {
    Sinks *sinks = declaring->sinks;
    const char *no_first = "no query sees position 0 and another key, or all vectors are 0";
    const char *no_others = UNDEFINED_ONE_POSITION ", or the other vectors are 0";
    const MeanEntry entries[] = {
        {&sinks->value_drain,
         {"value_drain", "norm of the value at position 0 over the mean norm of the others", "1",
          AD, no_others}},
        {&sinks->key_norm_ratio,
         {"key_norm_ratio", "norm of the key at position 0 over the mean norm of the others", "1",
          GU, no_others}},
        {&sinks->sink_logit,
         {"sink_logit", "score of position 0 minus the mean score of the other visible keys", "1",
          AD, no_first}},
        {&sinks->query_key_cosine,
         {"query_key_cosine", "cosine of queries with the key at position 0", "1", GU, no_first}},
        {&sinks->query_key_cosine_other,
         {"query_key_cosine_other", "mean cosine of queries with the other visible keys", "1", GU,
          no_first}},
        {&sinks->update_stable_rank,
         {"update_stable_rank",
          "stable rank of the head's update of the residual stream, times its gate (under a "
          "sandwich norm: of its part in what is added)",
          "1", BR, "the update is 0"}},
        {&sinks->update_norm,
         {"update_norm",
          "norm of the head's update, times its gate (under a sandwich norm: of its part in what "
          "is added), over that of the residual stream",
          "1", BR, UNDEFINED_SINGLE_KEY ", or the residual stream is 0"}},
    };
    declare_means(declaring, entries, sizeof entries / sizeof *entries, declaring->context->layer,
                  declaring->context->head);
}

static void declare_residuals(const Declaring *declaring) {
    Sinks *sinks = declaring->sinks;
    const Axis *residual = declaring->context->residual;
    const MeanEntry entries[] = {
        {&sinks->residual_peak,
         {"residual_peak", "norm of the residual at position 0 over the mean norm of the others",
          "1", AD, UNDEFINED_ONE_POSITION}},
        {&sinks->massive_ratio,
         {"massive_ratio", "largest |x| over the median |x| of the residual stream", "1", MA,
          "the median is 0"}},
        {&sinks->neuron_kurtosis,
         {"neuron_kurtosis", "mean s^4 over squared mean s^2 of the dimensions' RMS", "1", KO,
          "the residual stream is 0"}},
        {&sinks->matrix_entropy,
         {"matrix_entropy", "entropy of the squared singular values' shares, over its largest", "1",
          CV, "there is one singular value"}},
        {&sinks->anisotropy,
         {"anisotropy", "share of the largest squared singular value", "1", CV,
          "the residual stream is 0"}},
    };
    declare_means(declaring, entries, sizeof entries / sizeof *entries, residual, NULL);
    sinks->massive_dimension = variable_add(
        declaring->list, declaring->context,
        variable_over((VariableText){"massive_dimension", "dimension of the largest |x|",
                                     "dimension", MA, NULL},
                      VARIABLE_SAMPLE_LABEL, residual, NULL, NULL));
}

static void declare_losses(const Declaring *declaring) {
    Sinks *sinks = declaring->sinks;
    const char *short_block =
        "the probe is too short for a block of two tokens, or the mask hides what is looked for";
    const char *no_prediction =
        "the probe is too short for a block, or all queries see the token they are asked for";
    const MeanEntry losses[] = {
        {&sinks->loss_copied,
         {"loss_copied", "cross-entropy on the second copy of a random block", "nat", OURS,
          no_prediction}},
        {&sinks->loss_ordinary,
         {"loss_ordinary", "cross-entropy on the first copy of a random block", "nat", OURS,
          no_prediction}},
        {&sinks->probe_loss,
         {"probe_loss", "mean cross-entropy of the probe's targets", "nat", OURS,
          "no target in the sample"}},
        {&sinks->probe_loss_copied,
         {"probe_loss_copied", "the same, of the targets that are copied tokens", "nat", OURS,
          "no such target in the sample"}},
        {&sinks->probe_loss_ordinary,
         {"probe_loss_ordinary", "the same, of the other targets", "nat", OURS,
          "no such target in the sample"}},
    };
    size_t count = sizeof losses / sizeof *losses - (declaring->context->probe->has_copies ? 0 : 2);
    declare_means(declaring, losses, count, NULL, NULL);
    Variable score = variable_over(
        (VariableText){"induction_score",
                       "attention from a repeated token to what followed its first occurrence", "1",
                       OURS, short_block},
        VARIABLE_SAMPLE_MEAN, declaring->context->layer, declaring->context->head, NULL);
    add_with_null(declaring, score, &sinks->induction_score, &sinks->induction_score_null);
}

static void draw_induction(const Declaring *declaring) {
    AnalysisContext *context = declaring->context;
    int length = induction_length(context->length);
    const Axis *position =
        axis_add(context, (Axis){.name = "induction_position",
                                 .length = length,
                                 .long_name = "position in an induction sequence, from 0",
                                 .units = "1",
                                 .large = true});
    Variable tokens = variable_over((VariableText){"induction_tokens",
                                                   "BOS and a random block of tokens given twice",
                                                   "token", OURS, NULL},
                                    VARIABLE_RUN, context->sample, position, NULL);
    tokens.integer = true;
    declaring->sinks->induction_tokens = variable_add(declaring->list, context, tokens);
    int32_t *drawn =
        ARENA_ARRAY(context->arena, int32_t, (size_t)context->samples * (size_t)length);
    for (int sample = 0; sample < context->samples; sample++)
        induction_draw(context->seed, sample, context->probe->ordinary, context->bos,
                       context->length, drawn + (size_t)sample * (size_t)length);
    declaring->sinks->tokens = drawn;
    declaring->sinks->induction_visibility =
        visibility_create(model_config(context->model), length, context->arena);
}

static Status sinks_declare(const KindOptions *options, AnalysisContext *context,
                            VariableList *list, void **state, Error *error) {
    (void)options;
    (void)error;
    Sinks *sinks = ARENA_ARRAY(context->arena, Sinks, 1);
    size_t length = (size_t)context->length;
    const Axis *epsilon = axis_add(context, (Axis){.name = "epsilon",
                                                   .length = SINK_EPSILONS,
                                                   .values = sink_epsilons,
                                                   .long_name = "threshold of importance",
                                                   .units = "1"});
    const Declaring declaring = {
        .context = context, .list = list, .epsilon = epsilon, .sinks = sinks};
    declare_importance(&declaring);
    declare_shares(&declaring);
    declare_rows(&declaring);
    declare_heads(&declaring);
    declare_residuals(&declaring);
    declare_losses(&declaring);
    draw_induction(&declaring);
    double *map = ARENA_ARRAY(context->arena, double, (length * length));
    double *null = ARENA_ARRAY(context->arena, double, length);
    uniform_map(context->visibility, map);
    map_importance(context->visibility, map, null);
    sinks->null = null;
    *state = sinks;
    return STATUS_OK;
}

/* 1 or 0; NaN for a key that nobody sees. */
static double is_sink(double importance, double epsilon) {
    return isnan(importance) ? NAN : exceeds(importance, epsilon);
}

static void sinks_fill_run(const AnalysisContext *context, const void *state, double *run) {
    const Sinks *sinks = state;
    Arena arena = arena_create("the nulls of the sinks analysis");
    size_t length = (size_t)context->length;
    double *map = ARENA_ARRAY(&arena, double, (length * length));
    MapMeasures measures = {.importance = run + sinks->importance_null,
                            .share = run + sinks->importance_share_null,
                            .queries = ARENA_ARRAY(&arena, double, length)};
    uniform_map(context->visibility, map);
    map_measure(context->visibility, map, &measures);
    run[sinks->first_importance_null] = measures.importance[0];
    run[sinks->first_importance_share_null] = measures.share[0];
    for (size_t e = 0; e < SINK_EPSILONS; e++) {
        for (size_t k = 0; k < length; k++)
            run[sinks->sink_rate_null + e * length + k] =
                is_sink(measures.importance[k], sink_epsilons[e]);
        run[sinks->first_sink_rate_null + e] = is_sink(measures.importance[0], sink_epsilons[e]);
        run[sinks->first_sink_rate_share_null + e] = exceeds(measures.share[0], sink_epsilons[e]);
    }
    run[sinks->sink_position_null] = sink_position(context->visibility, measures.importance,
                                                   sinks->null, run + sinks->sink_ratio_null);
    run[sinks->sink_position_share_null] = sink_position(
        context->visibility, measures.share, sinks->null, run + sinks->sink_ratio_share_null);
    run[sinks->attention_entropy_null] = measures.entropy;
    run[sinks->attention_total_null] = measures.total;
    run[sinks->first_token_argmax_null] = measures.first_token_argmax;
    uniform_map(sinks->induction_visibility, map);
    run[sinks->induction_score_null] = induction_score(sinks->induction_visibility, map);
    size_t tokens = (size_t)context->samples * (size_t)sinks->induction_visibility->length;
    for (size_t i = 0; i < tokens; i++)
        run[sinks->induction_tokens + i] = sinks->tokens[i];
    arena_destroy(&arena);
}

/* One head's map, as far as it is measured by itself. sink_rate and first_sink_rate_share count
   heads for now. queries: room for T values. */
static void sample_map(const AnalysisContext *context, const Sinks *sinks, const double *map,
                       size_t at, double *queries, double *row) {
    size_t length = (size_t)context->length, maps = (size_t)(context->layers * context->heads);
    MapMeasures measures = {.importance = row + sinks->importance + at * length,
                            .share = row + sinks->importance_share + at * length,
                            .queries = queries};
    map_measure(context->visibility, map, &measures);
    row[sinks->first_importance + at] = measures.importance[0];
    row[sinks->first_importance_share + at] = measures.share[0];
    for (size_t e = 0; e < SINK_EPSILONS; e++) {
        for (size_t k = 0; k < length; k++) {
            double *rate = row + sinks->sink_rate + e * length + k;
            *rate = (at == 0 ? 0 : *rate) + is_sink(measures.importance[k], sink_epsilons[e]);
        }
        row[sinks->first_sink_rate + e * maps + at] =
            is_sink(measures.importance[0], sink_epsilons[e]);
        double *share_rate = row + sinks->first_sink_rate_share + e;
        *share_rate = (at == 0 ? 0 : *share_rate) + exceeds(measures.share[0], sink_epsilons[e]);
    }
    row[sinks->attention_entropy + at] = measures.entropy;
    row[sinks->attention_total + at] = measures.total;
    row[sinks->first_token_argmax + at] = measures.first_token_argmax;
}

static const double *map_in_double(const float *weights, size_t count, double *map) {
    for (size_t i = 0; i < count; i++)
        map[i] = weights[i];
    return map;
}

/* The output map's columns of one head. */
static const float *head_output_slice(const AnalysisContext *context, int layer, int head,
                                      int head_dim, Arena *scratch) {
    const Parameter *output =
        parameters_find(model_parameters(context->model),
                        arena_format(scratch, "layers/%d/attention/output", layer));
    return context->parameters + output->offset + (size_t)head * (size_t)head_dim;
}

static void sample_head(const AnalysisContext *context, const Sinks *sinks, const Capture *capture,
                        int layer, int head, const UpdateNorm *norm, Arena *scratch, double *row) {
    const Visibility *visibility = context->visibility;
    size_t length = (size_t)context->length, at = (size_t)(layer * context->heads + head);
    int head_dim = capture->head_dim;
    size_t vectors = at * length * (size_t)head_dim;
    row[sinks->value_drain + at] =
        first_norm_ratio(capture->value + vectors, context->length, head_dim);
    row[sinks->key_norm_ratio + at] =
        first_norm_ratio(capture->key + vectors, context->length, head_dim);
    HeadMeasures measures =
        head_measure(visibility, capture->scores + at * length * length, capture->query + vectors,
                     capture->key + vectors, head_dim, scratch);
    row[sinks->sink_logit + at] = measures.sink_logit;
    row[sinks->query_key_cosine + at] = measures.query_key_cosine;
    row[sinks->query_key_cosine_other + at] = measures.query_key_cosine_other;
    const float *residual = capture->residual + (size_t)layer * length * (size_t)context->width;
    UpdateMeasures update =
        update_measure(visibility, capture->head_output + vectors,
                       head_output_slice(context, layer, head, head_dim, scratch),
                       (size_t)context->heads * (size_t)head_dim, residual, norm, head_dim,
                       context->width, scratch);
    row[sinks->update_stable_rank + at] = update.stable_rank;
    row[sinks->update_norm + at] = update.norm;
}

static void sample_residuals(const AnalysisContext *context, const Sinks *sinks,
                             const Capture *capture, Arena *scratch, double *row) {
    size_t stream = (size_t)context->length * (size_t)context->width;
    for (size_t l = 0; l <= (size_t)context->layers; l++) {
        ResidualMeasures measures = residual_measure(capture->residual + l * stream,
                                                     context->length, context->width, scratch);
        row[sinks->residual_peak + l] = measures.peak;
        row[sinks->massive_ratio + l] = measures.massive_ratio;
        row[sinks->massive_dimension + l] = measures.massive_dimension;
        row[sinks->neuron_kurtosis + l] = measures.kurtosis;
        row[sinks->matrix_entropy + l] = measures.entropy;
        row[sinks->anisotropy + l] = measures.anisotropy;
    }
}

/* Mean loss over the targets that are predicted; of one kind where copied is given. */
static double mean_loss(const Capture *capture, const uint8_t *copied, bool kind) {
    double sum = 0;
    int count = 0;
    for (int i = 0; i < capture->length; i++) {
        if (capture->targets[i] < 0 || (copied != NULL && (copied[i] != 0) != kind))
            continue;
        sum += capture->losses[i];
        count++;
    }
    return count > 0 ? sum / count : NAN;
}

/* Mean loss of positions first … end − 1 over those that do not see the token they are asked for:
   in a prefix, or where a mask is not causal, it is no prediction. */
static double unseen_loss(const Visibility *visibility, const float *losses, int first, int end) {
    int count = 0;
    double mean = 0;
    for (int i = first; i < end; i++)
        count += !sees(visibility, i, i + 1);
    for (int i = first; i < end; i++)
        mean += sees(visibility, i, i + 1) ? 0 : losses[i] / count;
    return count > 0 ? mean : NAN;
}

static void sample_induction(const AnalysisContext *context, const Sinks *sinks, int sample,
                             AnalysisScratch *scratch, double *row) {
    int length = sinks->induction_visibility->length, block = induction_block(context->length);
    if (block < 1)
        return;
    const int32_t *tokens = sinks->tokens + (size_t)sample * (size_t)length;
    int32_t *targets = ARENA_ARRAY(scratch->arena, int32_t, (size_t)length);
    for (int i = 0; i < length; i++)
        targets[i] = i + 1 < length ? tokens[i + 1] : -1;
    Capture *capture = scratch->capture;
    capture_set_length(capture, length);
    capture_fill(capture, context->model, context->parameters, tokens, targets, NULL,
                 scratch->workspace);
    size_t count = (size_t)length * (size_t)length;
    double *map = ARENA_ARRAY(scratch->arena, double, count);
    for (int at = 0; at < context->layers * context->heads; at++) {
        map_in_double(capture->weights + (size_t)at * count, count, map);
        row[sinks->induction_score + (size_t)at] =
            induction_score(sinks->induction_visibility, map);
    }
    row[sinks->loss_ordinary] = unseen_loss(sinks->induction_visibility, capture->losses, 0, block);
    row[sinks->loss_copied] =
        unseen_loss(sinks->induction_visibility, capture->losses, block, 2 * block);
}

static void sinks_sample(const AnalysisContext *context, const void *state, const Capture *capture,
                         int sample, AnalysisScratch *scratch, double *row) {
    const Sinks *sinks = state;
    size_t count = (size_t)context->length * (size_t)context->length;
    double *map = ARENA_ARRAY(scratch->arena, double, count);
    double *queries = ARENA_ARRAY(scratch->arena, double, (size_t)context->length);
    for (int layer = 0; layer < context->layers; layer++) {
        const UpdateNorm *norm = update_norm_create(context, capture, layer, scratch->arena);
        for (int head = 0; head < context->heads; head++) {
            map_in_double(capture_weights(capture, layer, head), count, map);
            sample_map(context, sinks, map, (size_t)(layer * context->heads + head), queries, row);
            sample_head(context, sinks, capture, layer, head, norm, scratch->arena, row);
        }
    }
    for (size_t i = 0; i < SINK_EPSILONS * (size_t)context->length; i++)
        row[sinks->sink_rate + i] /= context->layers * context->heads;
    for (size_t e = 0; e < SINK_EPSILONS; e++)
        row[sinks->first_sink_rate_share + e] /= context->layers * context->heads;
    sample_residuals(context, sinks, capture, scratch->arena, row);
    row[sinks->probe_loss] = mean_loss(capture, NULL, false);
    if (context->probe->has_copies) {
        row[sinks->probe_loss_copied] = mean_loss(capture, capture->copied, true);
        row[sinks->probe_loss_ordinary] = mean_loss(capture, capture->copied, false);
    }
    sample_induction(context, sinks, sample, scratch, row);
}

/* The strongest key of each head by its importances, which begin at `importance` of the samples'
   rows. positions and ratios [layers · heads]. */
static void strongest_keys(const AnalysisContext *context, const double *null,
                           const ProbeView *view, size_t importance, Arena *arena,
                           double *positions, double *ratios) {
    size_t length = (size_t)context->length;
    double *mean = ARENA_ARRAY(arena, double, length);
    for (size_t at = 0; at < (size_t)(context->layers * context->heads); at++) {
        for (size_t k = 0; k < length; k++)
            mean[k] = mean_of(view->rows + importance + at * length + k, (size_t)context->samples,
                              view->row_values);
        positions[at] = sink_position(context->visibility, mean, null, &ratios[at]);
    }
}

static void sinks_probe(const AnalysisContext *context, const void *state, const ProbeView *view,
                        AnalysisScratch *scratch, double *probe_row) {
    const Sinks *sinks = state;
    strongest_keys(context, sinks->null, view, sinks->importance, scratch->arena,
                   probe_row + sinks->sink_position, probe_row + sinks->sink_ratio);
    strongest_keys(context, sinks->null, view, sinks->importance_share, scratch->arena,
                   probe_row + sinks->sink_position_share, probe_row + sinks->sink_ratio_share);
}

const AnalysisKind sinks_analysis = {
    .kind = {.name = "sinks",
             .meaning =
                 "where attention gathers, and what keys, values and residual stream do there",
             .source = GU},
    .declare = sinks_declare,
    .fill_run = sinks_fill_run,
    .sample = sinks_sample,
    .probe = sinks_probe,
};
