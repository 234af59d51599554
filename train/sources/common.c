#include "train/sources/common.h"

const char *const source_bos_names[] = {"first", "document", "none", NULL};

static Status refuse(const char **culprit, const char *key) {
    *culprit = key;
    return STATUS_BAD_INPUT;
}

static Status delimiters_check(const SourceCommon *common, const char **culprit, Error *error) {
    bool placed = common->delimiter_every > 0 || common->delimiter_probability > 0;
    if (placed == (common->delimiters > 0))
        return STATUS_OK;
    return error_set(error, refuse(culprit, "data.delimiters"),
                     placed ? "there are no delimiters to insert: give their number, 1 or more"
                            : "delimiters need a place: give delimiter_every or "
                              "delimiter_probability as well");
}

static Status fixed_check(const SourceCommon *common, const SourceSetup *setup,
                          const char **culprit, Error *error) {
    if (common->fixed_position >= setup->context)
        return error_set(error, refuse(culprit, "data.fixed_position"),
                         "position %lld is beyond the sequence; model.context is %lld",
                         (long long)common->fixed_position, (long long)setup->context);
    if (common->fixed_token >= 0 && common->fixed_position < 0)
        return error_set(error, refuse(culprit, "data.fixed_token"),
                         "the token needs a place: give data.fixed_position as well");
    return STATUS_OK;
}

Status source_common_setup(const SourceCommon *common, SourceSetup *setup, const char **culprit,
                           Error *error) {
    int64_t leading = common->bos == BOS_FIRST ? common->bos_count : 0;
    if (common->bos == BOS_NONE && common->bos_count != 1)
        return error_set(
            error, refuse(culprit, "data.bos_count"),
            "with bos: none there are no BOS tokens to count, not %lld; leave bos_count "
            "out, or give bos: first or document",
            (long long)common->bos_count);
    if (common->bos_count > setup->context)
        return error_set(error, refuse(culprit, "data.bos_count"),
                         "%lld BOS tokens leave no room for others; model.context is %lld",
                         (long long)common->bos_count, (long long)setup->context);
    if (common->amount > 0 && common->amount < setup->context)
        return error_set(error, refuse(culprit, "data.amount"),
                         "%lld tokens are less than one sequence; model.context is %lld",
                         (long long)common->amount, (long long)setup->context);
    TRY(delimiters_check(common, culprit, error));
    TRY(fixed_check(common, setup, culprit, error));
    setup->longest = setup->context + 1 - leading;
    setup->documents = common->bos == BOS_DOCUMENT;
    return STATUS_OK;
}

/* The first option that changes a sequence from one BOS and the stream. */
static const char *edit_of(const SourceCommon *common) {
    if (common->bos != BOS_FIRST)
        return "bos";
    if (common->bos_count != 1)
        return "bos_count";
    if (common->delimiters != 0)
        return "delimiters";
    if (common->delimiter_every != 0)
        return "delimiter_every";
    if (common->delimiter_probability != 0)
        return "delimiter_probability";
    if (common->fixed_position != -1)
        return "fixed_position";
    if (common->fixed_token != -1)
        return "fixed_token";
    if (common->random_first)
        return "random_first";
    return common->random_share != 0 ? "random_share" : NULL;
}

/* Gives BOS, delimiters and the fixed token their numbers behind the kind's own. */
static void vocabulary_extend(const SourceCommon *common, DataSource *source) {
    Layout *layout = &source->layout;
    source->vocabulary = source->tokens;
    if (common->bos == BOS_NONE)
        source->bos = -1;
    else if (source->bos < 0)
        source->bos = source->vocabulary++;
    layout->delimiter = source->vocabulary;
    source->vocabulary += (int)common->delimiters;
    layout->fixed_token = (int)common->fixed_token;
    if (common->fixed_position >= 0 && common->fixed_token < 0)
        layout->fixed_token = source->vocabulary++;
}

Status source_common_layout(const SourceCommon *common, const SourceSetup *setup,
                            DataSource *source, const char **culprit, Error *error) {
    if (common->fixed_token >= source->tokens)
        return error_set(error, refuse(culprit, "data.fixed_token"),
                         "there is no token %lld; the source has 0 to %d",
                         (long long)common->fixed_token, source->tokens - 1);
    source->layout = (Layout){
        .edited = edit_of(common) != NULL,
        .bos_place = common->bos,
        .bos_count = (int)common->bos_count,
        .delimiters = (int)common->delimiters,
        .delimiter_every = (int)common->delimiter_every,
        .delimiter_probability = common->delimiter_probability,
        .fixed_position = (int)common->fixed_position,
        .random_first = common->random_first,
        .random_share = common->random_share,
        .batch = (uint64_t)setup->batch,
        .unique = (uint64_t)(common->amount / setup->context),
    };
    vocabulary_extend(common, source);
    return STATUS_OK;
}

const char *source_common_changed(const SourceCommon *common) {
    const char *edit = edit_of(common);
    if (edit != NULL)
        return edit;
    return common->amount != 0 ? "amount" : NULL;
}
