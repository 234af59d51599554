/* The options that all sources share, and what they mean for a sequence. A kind's own options
   struct begins with a SourceCommon, its field table with SOURCE_COMMON_FIELDS. */
#ifndef FIDUCIAL_TRAIN_SOURCES_COMMON_H
#define FIDUCIAL_TRAIN_SOURCES_COMMON_H

#include "train/source.h"

typedef struct SourceCommon {
    int64_t bos_count, delimiters, delimiter_every, fixed_position, fixed_token, amount;
    double delimiter_probability, random_share, weight;
    int bos; /* BosPlace */
    bool random_first;
} SourceCommon;

extern const char *const source_bos_names[];

#define SOURCE_COMMON_OF(member) offsetof(SourceCommon, member)

#define SOURCE_COMMON_FIELDS                                                                       \
    {.name = "bos",                                                                                \
     .type = FIELD_CHOICE,                                                                         \
     .offset = SOURCE_COMMON_OF(bos),                                                              \
     .fallback = "first",                                                                          \
     .choices = source_bos_names,                                                                  \
     .meaning = "where the BOS token stands: first in every sequence, before every document "      \
                "(sequences that begin within one then have none in front; attention across "      \
                "documents stays as the model's mask is), or none"},                               \
        {.name = "bos_count",                                                                      \
         .type = FIELD_INTEGER,                                                                    \
         .offset = SOURCE_COMMON_OF(bos_count),                                                    \
         .fallback = "1",                                                                          \
         .minimum = 1,                                                                             \
         .maximum = 1024,                                                                          \
         .meaning = "how many BOS tokens stand there; those at the front are not predicted"},      \
        {.name = "delimiters",                                                                     \
         .type = FIELD_INTEGER,                                                                    \
         .offset = SOURCE_COMMON_OF(delimiters),                                                   \
         .fallback = "0",                                                                          \
         .minimum = 0,                                                                             \
         .maximum = 64,                                                                            \
         .meaning =                                                                                \
             "how many delimiter tokens there are besides the source's own; which one stands "     \
             "at a place is drawn evenly"},                                                        \
        {.name = "delimiter_every",                                                                \
         .type = FIELD_INTEGER,                                                                    \
         .offset = SOURCE_COMMON_OF(delimiter_every),                                              \
         .fallback = "0",                                                                          \
         .minimum = 0,                                                                             \
         .maximum = 65536,                                                                         \
         .meaning = "a delimiter after every so many tokens; 0: none of these"},                   \
        {.name = "delimiter_probability",                                                          \
         .type = FIELD_REAL,                                                                       \
         .offset = SOURCE_COMMON_OF(delimiter_probability),                                        \
         .fallback = "0",                                                                          \
         .minimum = 0,                                                                             \
         .maximum = 1,                                                                             \
         .meaning = "probability of a delimiter after each token"},                                \
        {.name = "fixed_position",                                                                 \
         .type = FIELD_INTEGER,                                                                    \
         .offset = SOURCE_COMMON_OF(fixed_position),                                               \
         .fallback = "-1",                                                                         \
         .minimum = -1,                                                                            \
         .maximum = 65535,                                                                         \
         .meaning =                                                                                \
             "position, from 0, at which the same token is inserted into every sequence; −1: "   \
             "nowhere",                                                                            \
         .source = "arXiv 2410.10781"},                                                            \
        {.name = "fixed_token",                                                                    \
         .type = FIELD_INTEGER,                                                                    \
         .offset = SOURCE_COMMON_OF(fixed_token),                                                  \
         .fallback = "-1",                                                                         \
         .minimum = -1,                                                                            \
         .maximum = 16777215,                                                                      \
         .meaning = "the token inserted there; −1: one that stands nowhere else"},                 \
        {.name = "random_first",                                                                   \
         .type = FIELD_BOOL,                                                                       \
         .offset = SOURCE_COMMON_OF(random_first),                                                 \
         .fallback = "false",                                                                      \
         .meaning = "whether an evenly drawn token is inserted before all else",                   \
         .source = "arXiv 2410.10781"},                                                            \
        {.name = "random_share",                                                                   \
         .type = FIELD_REAL,                                                                       \
         .offset = SOURCE_COMMON_OF(random_share),                                                 \
         .fallback = "0",                                                                          \
         .minimum = 0,                                                                             \
         .maximum = 1,                                                                             \
         .meaning = "share of sequences whose tokens are drawn evenly in place of the source's"},  \
        {.name = "amount",                                                                         \
         .type = FIELD_INTEGER,                                                                    \
         .offset = SOURCE_COMMON_OF(amount),                                                       \
         .fallback = "0",                                                                          \
         .minimum = 0,                                                                             \
         .maximum = 1e15,                                                                          \
         .meaning =                                                                                \
             "unique training tokens, in whole sequences of model.context: after so many the "     \
             "same sequences come again, in the same order; 0: no end",                            \
         .source = "arXiv 2410.10781"},                                                            \
    {                                                                                              \
        .name = "weight", .type = FIELD_REAL, .offset = SOURCE_COMMON_OF(weight), .fallback = "1", \
        .minimum = 0, .maximum = 1e9,                                                              \
        .meaning = "share of the sequences, relative to the other parts of a mixture"              \
    }

/* Fills setup->longest and ->documents. STATUS_BAD_INPUT where the options cannot be meant
   together. */
Status source_common_setup(const SourceCommon *common, SourceSetup *setup, const char **culprit,
                           Error *error);

/* After the kind has been opened: fills vocabulary, bos and layout. Errors as above. */
Status source_common_layout(const SourceCommon *common, const SourceSetup *setup,
                            DataSource *source, const char **culprit, Error *error);

/* The name of the first option that differs from its default, weight aside, or NULL: a part of a
   mixture has none of its own. */
const char *source_common_changed(const SourceCommon *common);

#endif
