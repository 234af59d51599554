#include "train/groups.h"

#define OF_RATES(member) offsetof(GroupRates, member)
#define OF(member) offsetof(GroupsConfig, member)

#define LEARNING_RATE                                                                              \
    {                                                                                              \
        .name = "learning_rate", .type = FIELD_REAL, .offset = OF_RATES(learning_rate),            \
        .fallback = "1", .minimum = 0, .maximum = 1e6,                                             \
        .meaning =                                                                                 \
            "factor on the optimizer's learning rate; 0: these parameters stay as they began"      \
    }
#define WEIGHT_DECAY(default_factor)                                                               \
    {                                                                                              \
        .name = "weight_decay", .type = FIELD_REAL, .offset = OF_RATES(weight_decay),              \
        .fallback = default_factor, .minimum = 0, .maximum = 1e6,                                  \
        .meaning = "factor on the optimizer's weight decay; 0: none"                               \
    }

static const Field decayed[] = {LEARNING_RATE, WEIGHT_DECAY("1")};
static const Field undecayed[] = {LEARNING_RATE, WEIGHT_DECAY("0")};
static const FieldTable decayed_fields = FIELD_TABLE(decayed);
static const FieldTable undecayed_fields = FIELD_TABLE(undecayed);

static const Field groups_fields[] = {
    {.name = "embedding",
     .type = FIELD_GROUP,
     .offset = OF(embedding),
     .group = &decayed_fields,
     .meaning = "the token embedding"},
    {.name = "positions",
     .type = FIELD_GROUP,
     .offset = OF(positions),
     .group = &undecayed_fields,
     .meaning = "learned position embeddings"},
    {.name = "attention",
     .type = FIELD_GROUP,
     .offset = OF(attention),
     .group = &decayed_fields,
     .meaning = "the matrices of attention"},
    {.name = "mlp",
     .type = FIELD_GROUP,
     .offset = OF(mlp),
     .group = &decayed_fields,
     .meaning = "the matrices of the MLP"},
    {.name = "unembedding",
     .type = FIELD_GROUP,
     .offset = OF(unembedding),
     .group = &decayed_fields,
     .meaning = "the unembedding matrix"},
    {.name = "norms",
     .type = FIELD_GROUP,
     .offset = OF(norms),
     .group = &undecayed_fields,
     .meaning = "gains and shifts of norms, biases and learned logits"},
};

const FieldTable groups_config_fields = FIELD_TABLE(groups_fields);

/* What the model marks as not decayed is a position embedding where it is an embedding; otherwise a
   norm, a bias or the like. */
GroupRates groups_find(const GroupsConfig *config, const Parameter *entry) {
    if (!entry->decay)
        return entry->group == GROUP_EMBEDDING ? config->positions : config->norms;
    switch (entry->group) {
    case GROUP_EMBEDDING:
        return config->embedding;
    case GROUP_ATTENTION:
        return config->attention;
    case GROUP_MLP:
        return config->mlp;
    case GROUP_UNEMBEDDING:
        break;
    }
    return config->unembedding;
}
