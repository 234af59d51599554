/* Objectives: what a drawn sequence is asked. A data source gives next-token sequences; an
   objective turns them into its own inputs and targets, as a pure function of (seed, split, step,
   index). */
#ifndef FIDUCIAL_TRAIN_OBJECTIVE_H
#define FIDUCIAL_TRAIN_OBJECTIVE_H

#include "model/config.h"
#include "train/source.h"

typedef struct Objective {
    const struct ObjectiveKind *kind;
    KindOptions options;
    uint64_t seed;
    int tokens;         /* of the source: ordinary ones */
    int cls, sep, mask; /* tokens of the masked objective; −1 where there are none */
    int64_t prefix;     /* tokens of the mask's prefix */
    int vocabulary;     /* of source and objective together */
} Objective;

typedef struct ObjectiveKind {
    Kind kind;
    /* Refuses masks with which this objective makes no sense. */
    Status (*check)(const ModelConfig *model, Error *error);
    /* Refuses layouts that cannot be meant with it; *culprit then names the dotted key. NULL:
       none. */
    Status (*fits)(const Layout *layout, int64_t context, const char **culprit, Error *error);
    /* Adds tokens of its own behind the source's; NULL: none. */
    void (*add_tokens)(Objective *objective, const DataSource *source);
    /* Rewrites one sequence of length tokens; NULL: leaves it. */
    void (*apply)(const Objective *objective, Random *random, int length, Sequence sequence);
} ObjectiveKind;

extern const KindTable objective_kinds;

/* Whether the objective fits the model's mask: STATUS_BAD_INPUT otherwise. */
Status objective_check(const KindChoice *choice, const ModelConfig *model, Error *error);

/* Whether it fits what stands around the source's tokens: STATUS_BAD_INPUT otherwise, *culprit then
   names the dotted key. */
Status objective_source_check(const KindChoice *choice, const ModelConfig *model,
                              const DataSource *source, const char **culprit, Error *error);

Objective objective_create(const KindChoice *choice, const ModelConfig *model,
                           const DataSource *source);

/* Name of a token that the objective added (UTF-8, at most 15 bytes). */
void objective_token_name(const Objective *objective, int token, char name[16]);

/* Draws sequences as source_batch does and applies the objective. */
void objective_batch(const Objective *objective, const DataSource *source, Split split,
                     uint64_t step, int first, int count, int length, int32_t *inputs,
                     int32_t *targets, uint8_t *copied);

#endif
