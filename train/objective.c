#include "train/objective.h"

#include "model/mask.h"

#include <stdio.h>

typedef struct MaskedOptions {
    double share, keep, random;
} MaskedOptions;

_Static_assert(sizeof(MaskedOptions) <= KIND_OPTIONS_BYTES, "options fit");

static Status causal_check(const ModelConfig *model, Error *error) {
    if (mask_is_causal(model))
        return STATUS_OK;
    return error_set(error, STATUS_BAD_INPUT,
                     "the causal objective needs model.attention.mask: causal: under the %s mask a "
                     "token sees what it has to predict",
                     model->attention.mask.kind->name);
}

static Status prefix_check(const ModelConfig *model, Error *error) {
    if (mask_prefix(model) > 0 && mask_prefix(model) < model->context)
        return STATUS_OK;
    return error_set(error, STATUS_BAD_INPUT,
                     "the prefix objective needs model.attention.mask: {kind: prefix, length: …} "
                     "with a prefix shorter than the context of %lld",
                     (long long)model->context);
}

/* Only what follows the prefix is predicted: the prefix sees itself. */
static void prefix_apply(const Objective *objective, Random *random, int length,
                         Sequence sequence) {
    (void)random;
    for (int t = 0; t < length && t + 1 < objective->prefix; t++) {
        sequence.targets[t] = -1;
        if (sequence.copied != NULL)
            sequence.copied[t] = 0;
    }
}

static Status masked_check(const ModelConfig *model, Error *error) {
    if (!mask_is_causal(model) && mask_prefix(model) == 0 && model->context >= 3)
        return STATUS_OK;
    return error_set(error, STATUS_BAD_INPUT,
                     "the masked objective needs model.attention.mask: bidirectional and a context "
                     "of at least 3 tokens ([CLS], one to predict, [SEP])");
}

static Status masked_fits(const Layout *layout, int64_t context, const char **culprit,
                          Error *error) {
    bool at_end = layout->fixed_position == 0 || layout->fixed_position == context - 1;
    if (!layout->edited || (!layout->random_first && !at_end))
        return STATUS_OK;
    *culprit = layout->random_first ? "data.random_first" : "data.fixed_position";
    return error_set(error, STATUS_BAD_INPUT,
                     "under the masked objective [CLS] takes the first place of every sequence and "
                     "[SEP] the last, so no other token can be put there; %s",
                     layout->random_first ? "only random_first: false is allowed"
                                          : "give a position between them");
}

static void masked_tokens(Objective *objective, const DataSource *source) {
    objective->cls = source->bos >= 0 ? source->bos : objective->vocabulary++;
    objective->sep = objective->vocabulary++;
    objective->mask = objective->vocabulary++;
}

/* Devlin et al., arXiv 1810.04805, section 3.1: chosen tokens are masked, replaced or kept. */
static void masked_token(const Objective *objective, Random *random, int32_t *token) {
    const MaskedOptions *options = (const MaskedOptions *)&objective->options;
    double draw = random_uniform(random);
    if (draw < options->keep)
        return;
    if (draw < options->keep + options->random)
        *token = (int32_t)random_below(random, (uint32_t)objective->tokens);
    else
        *token = objective->mask;
}

static void masked_apply(const Objective *objective, Random *random, int length,
                         Sequence sequence) {
    const MaskedOptions *options = (const MaskedOptions *)&objective->options;
    int first = 1, last = length - 1;
    while (first < last && sequence.targets[first - 1] < 0)
        first++; /* more than one BOS: never predicted */
    int forced = first < last ? first + (int)random_below(random, (uint32_t)(last - first)) : 0;
    uint8_t copied_before = 0;
    for (int t = 0; t < length; t++) {
        bool chosen =
            t >= first && t < last && (random_uniform(random) < options->share || t == forced);
        sequence.targets[t] = chosen ? sequence.inputs[t] : -1;
        if (chosen)
            masked_token(objective, random, &sequence.inputs[t]);
        if (sequence.copied != NULL) { /* it spoke of the next token; now of this one */
            uint8_t here = copied_before;
            copied_before = sequence.copied[t];
            sequence.copied[t] = chosen && here;
        }
    }
    sequence.inputs[0] = objective->cls;
    if (last > 0)
        sequence.inputs[last] = objective->sep;
}

#define OF(member) offsetof(MaskedOptions, member)

static const Field masked_options[] = {
    {.name = "share",
     .type = FIELD_REAL,
     .offset = OF(share),
     .fallback = "0.15",
     .minimum = 0.001,
     .maximum = 1,
     .meaning = "share of tokens to predict (at least one)"},
    {.name = "keep",
     .type = FIELD_REAL,
     .offset = OF(keep),
     .fallback = "0.1",
     .minimum = 0,
     .maximum = 0.5,
     .meaning = "share of these that stay as they are"},
    {.name = "random",
     .type = FIELD_REAL,
     .offset = OF(random),
     .fallback = "0.1",
     .minimum = 0,
     .maximum = 0.5,
     .meaning = "share of these that become a random token; the rest become [MASK]"},
};

static const ObjectiveKind causal = {
    .kind = {.name = "causal", .meaning = "predict each next token"},
    .check = causal_check,
};

static const ObjectiveKind masked = {
    .kind = {.name = "masked",
             .meaning = "between [CLS] and [SEP], predict tokens that were hidden",
             .source = "arXiv 1810.04805",
             .options = FIELD_TABLE(masked_options)},
    .check = masked_check,
    .fits = masked_fits,
    .add_tokens = masked_tokens,
    .apply = masked_apply,
};

static const ObjectiveKind prefix = {
    .kind = {.name = "prefix",
             .meaning = "predict each next token after the mask's prefix",
             .source = "arXiv 2410.10781"},
    .check = prefix_check,
    .apply = prefix_apply,
};

static const Kind *const kinds[] = {&causal.kind, &masked.kind, &prefix.kind};

const KindTable objective_kinds = {"objective", kinds, sizeof kinds / sizeof kinds[0]};

/* A configuration made without YAML may name none. */
static const ObjectiveKind *kind_of(const KindChoice *choice) {
    return choice->kind == NULL ? &causal : (const ObjectiveKind *)choice->kind;
}

Status objective_check(const KindChoice *choice, const ModelConfig *model, Error *error) {
    return kind_of(choice)->check(model, error);
}

Status objective_source_check(const KindChoice *choice, const ModelConfig *model,
                              const DataSource *source, const char **culprit, Error *error) {
    const ObjectiveKind *kind = kind_of(choice);
    if (kind->fits == NULL)
        return STATUS_OK;
    return kind->fits(&source->layout, model->context, culprit, error);
}

Objective objective_create(const KindChoice *choice, const ModelConfig *model,
                           const DataSource *source) {
    Objective objective = {.kind = kind_of(choice),
                           .options = choice->options,
                           .seed = source->seed,
                           .tokens = source->tokens,
                           .cls = -1,
                           .sep = -1,
                           .mask = -1,
                           .prefix = mask_prefix(model),
                           .vocabulary = source->vocabulary};
    if (objective.kind->add_tokens != NULL)
        objective.kind->add_tokens(&objective, source);
    return objective;
}

void objective_token_name(const Objective *objective, int token, char name[16]) {
    const char *text = token == objective->sep    ? "[SEP]"
                       : token == objective->mask ? "[MASK]"
                       : token == objective->cls  ? "[CLS]"
                                                  : "";
    snprintf(name, 16, "%s", text);
}

void objective_batch(const Objective *objective, const DataSource *source, Split split,
                     uint64_t step, int first, int count, int length, int32_t *inputs,
                     int32_t *targets, uint8_t *copied) {
    source_batch(source, split, step, first, count, length, inputs, targets, copied);
    if (objective->kind->apply == NULL)
        return;
    enum { SPLITS = 3 };
    for (int i = 0; i < count; i++) {
        size_t at = (size_t)i * (size_t)length;
        Random random = random_create(objective->seed, RANDOM_OBJECTIVE,
                                      SPLITS * step + (uint64_t)split, (uint32_t)(first + i));
        Sequence sequence = {inputs + at, targets + at, copied == NULL ? NULL : copied + at};
        objective->kind->apply(objective, &random, length, sequence);
    }
}
