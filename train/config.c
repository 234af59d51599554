#include "train/config.h"

#include "train/objective.h"
#include "train/optimizers/optimizer.h"
#include "train/schedules/schedule.h"
#include "train/source.h"

#define OF(member) offsetof(RunConfig, member)
#define OF_TRAIN(member) offsetof(TrainConfig, member)
#define OF_SNAPSHOTS(member) offsetof(SnapshotConfig, member)
#define OF_PROBE(member) offsetof(ProbeConfig, member)

static const Field train_fields[] = {
    {.name = "steps",
     .type = FIELD_INTEGER,
     .offset = OF_TRAIN(steps),
     .fallback = "1000",
     .minimum = 0,
     .maximum = 1e9,
     .meaning = "optimizer steps"},
    {.name = "batch",
     .type = FIELD_INTEGER,
     .offset = OF_TRAIN(batch),
     .fallback = "32",
     .minimum = 1,
     .maximum = 1 << 20,
     .meaning =
         "sequences per step; however many, only one lane's part per thread is in memory at a "
         "time (train.lanes)"},
    {.name = "lanes",
     .type = FIELD_INTEGER,
     .offset = OF_TRAIN(lanes),
     .fallback = "8",
     .minimum = 1,
     .maximum = 1024,
     .meaning =
         "fixed parts a batch is split into (at most the batch), whose gradients are summed: "
         "part of the bits, and the largest useful number of threads. Each thread keeps the "
         "activations of one part, batch/lanes sequences, so more lanes fit a larger batch "
         "into memory, for one gradient buffer each"},
    {.name = "objective",
     .type = FIELD_KIND,
     .offset = OF_TRAIN(objective),
     .fallback = "causal",
     .kinds = &objective_kinds,
     .kind_key = "kind",
     .meaning = "what is predicted"},
    {.name = "optimizer",
     .type = FIELD_KIND,
     .offset = OF_TRAIN(optimizer),
     .fallback = "adamw",
     .kinds = &optimizer_kinds,
     .kind_key = "kind",
     .meaning = "update rule"},
    {.name = "schedule",
     .type = FIELD_KIND,
     .offset = OF_TRAIN(schedule),
     .fallback = "constant",
     .kinds = &schedule_kinds,
     .kind_key = "kind",
     .meaning = "how the learning rate goes on after warm-up"},
    {.name = "groups",
     .type = FIELD_GROUP,
     .offset = OF_TRAIN(groups),
     .group = &groups_config_fields,
     .meaning = "learning rate and weight decay by group of parameters, as factors"},
    {.name = "warmup",
     .type = FIELD_INTEGER,
     .offset = OF_TRAIN(warmup),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e9,
     .meaning = "steps over which the learning rate rises linearly"},
    {.name = "clip",
     .type = FIELD_REAL,
     .offset = OF_TRAIN(clip),
     .fallback = "1",
     .minimum = 0,
     .maximum = 1e9,
     .meaning = "largest global norm of the gradient; 0: no clipping",
     .source = "arXiv 1211.5063"},
    {.name = "dropout",
     .type = FIELD_REAL,
     .offset = OF_TRAIN(dropout),
     .fallback = "0",
     .minimum = 0,
     .maximum = 0.99,
     .meaning =
         "share of values that become 0 in training, the others divided by 1 less it: in the "
         "embedding and in each branch's output as it enters the residual stream (a parallel "
         "block's two as one); the logged loss is with it, whatever is measured is without",
     .source = "Srivastava et al., JMLR 15, 2014"},
    {.name = "attention_dropout",
     .type = FIELD_REAL,
     .offset = OF_TRAIN(attention_dropout),
     .fallback = "0",
     .minimum = 0,
     .maximum = 0.99,
     .meaning = "the same of attention weights, after their normalization",
     .source = "GPT-2"},
    {.name = "checkpoint_minutes",
     .type = FIELD_REAL,
     .offset = OF_TRAIN(checkpoint_minutes),
     .fallback = "5",
     .minimum = 0,
     .maximum = 1e6,
     .meaning = "longest time between checkpoints, in minutes",
     .without_bits = true},
};

static const FieldTable train_config_fields = FIELD_TABLE(train_fields);

static const char *const early_names[] = {"powers-of-two", "every-step", "none", NULL};

static const Field snapshot_fields[] = {
    {.name = "early",
     .type = FIELD_CHOICE,
     .offset = OF_SNAPSHOTS(early),
     .fallback = "powers-of-two",
     .choices = early_names,
     .meaning = "which of the first steps are saved"},
    {.name = "until",
     .type = FIELD_INTEGER,
     .offset = OF_SNAPSHOTS(until),
     .fallback = "512",
     .minimum = 0,
     .maximum = 1e9,
     .meaning = "last step of the early schedule"},
    {.name = "every",
     .type = FIELD_INTEGER,
     .offset = OF_SNAPSHOTS(every),
     .fallback = "250",
     .minimum = 0,
     .maximum = 1e9,
     .meaning = "afterwards, steps that are multiples of this; 0: only the last step"},
};

static const FieldTable snapshot_config_fields = FIELD_TABLE(snapshot_fields);

static const Field probe_fields[] = {
    {.name = "samples",
     .type = FIELD_INTEGER,
     .offset = OF_PROBE(samples),
     .fallback = "64",
     .minimum = 1,
     .maximum = 65536,
     .meaning = "sequences that are measured"},
    {.name = "length",
     .type = FIELD_INTEGER,
     .offset = OF_PROBE(length),
     .fallback = "0",
     .minimum = 0,
     .maximum = 65536,
     .meaning = "tokens per sequence; 0: 64, or the context where that is shorter"},
};

static const FieldTable probe_config_fields = FIELD_TABLE(probe_fields);

static const Field run_fields[] = {
    {.name = "experiment",
     .type = FIELD_STRING,
     .offset = OF(experiment),
     .fallback = NULL,
     .meaning = "name of the experiment: the folder below results/",
     .without_bits = true},
    {.name = "description",
     .type = FIELD_STRING,
     .offset = OF(description),
     .fallback = "",
     .meaning = "what the experiment asks, in a sentence",
     .without_bits = true},
    {.name = "seed",
     .type = FIELD_INTEGER,
     .offset = OF(seed),
     .fallback = "1",
     .minimum = 0,
     .maximum = 9007199254740992.0,
     .meaning = "seed of every random number of the run"},
    {.name = "model",
     .type = FIELD_GROUP,
     .offset = OF(model),
     .group = &model_config_fields,
     .meaning = "the transformer"},
    {.name = "data",
     .type = FIELD_KIND,
     .offset = OF(data),
     .fallback = "bigram-backcopy",
     .kinds = &source_kinds,
     .kind_key = "source",
     .meaning = "where sequences come from"},
    {.name = "train",
     .type = FIELD_GROUP,
     .offset = OF(train),
     .group = &train_config_fields,
     .meaning = "the training loop"},
    {.name = "snapshots",
     .type = FIELD_GROUP,
     .offset = OF(snapshots),
     .group = &snapshot_config_fields,
     .meaning = "which steps are saved"},
    {.name = "probe",
     .type = FIELD_GROUP,
     .offset = OF(probe),
     .group = &probe_config_fields,
     .meaning = "the held-out sequences that every snapshot is measured on"},
};

const FieldTable run_config_fields = FIELD_TABLE(run_fields);

void run_config_resolve(RunConfig *config) {
    if (config->probe.length == 0)
        config->probe.length = config->model.context < 64 ? config->model.context : 64;
    if (config->train.lanes > config->train.batch)
        config->train.lanes = config->train.batch;
    config->model.kv_heads = model_kv_heads(&config->model);
}

Status run_config_check(const RunConfig *config, const char **culprit, Error *error) {
    TRY(model_config_check(&config->model, culprit, error));
    Status status = objective_check(&config->train.objective, &config->model, error);
    if (status != STATUS_OK) {
        *culprit = "train.objective";
        return status;
    }
    if (config->probe.length > config->model.context) {
        *culprit = "probe.length";
        return error_set(error, STATUS_BAD_INPUT,
                         "the probe's sequences can be no longer than model.context, which is %lld",
                         (long long)config->model.context);
    }
    return STATUS_OK;
}

static bool early_due(const SnapshotConfig *config, int64_t step) {
    if (step > config->until || config->early == EARLY_NONE)
        return false;
    return config->early == EARLY_EVERY_STEP || (step & (step - 1)) == 0;
}

bool snapshot_due(const SnapshotConfig *config, int64_t step, int64_t last_step) {
    if (step == 0 || step == last_step || early_due(config, step))
        return true;
    bool early_is_over = config->early == EARLY_NONE || step > config->until;
    return early_is_over && config->every > 0 && step % config->every == 0;
}

size_t snapshot_steps(const SnapshotConfig *config, int64_t last_step, Arena *arena,
                      int64_t **steps) {
    size_t count = 0;
    for (int64_t step = 0; step <= last_step; step++)
        count += snapshot_due(config, step, last_step);
    *steps = ARENA_ARRAY(arena, int64_t, count);
    size_t i = 0;
    for (int64_t step = 0; step <= last_step; step++)
        if (snapshot_due(config, step, last_step))
            (*steps)[i++] = step;
    return count;
}
