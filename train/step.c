#include "train/step.h"

#include "model/base/threads.h"

#include <math.h>

static bool is_whole(const OptimizerKind *optimizer, const Parameter *entry) {
    return optimizer->takes_whole != NULL && optimizer->takes_whole(entry);
}

static Status scratch_create(Stepper *stepper, Arena *arena, Error *error) {
    size_t largest = 0;
    for (size_t i = 0; i < stepper->table->count; i++) {
        const Parameter *entry = &stepper->table->entries[i];
        if (!is_whole(stepper->optimizer, entry))
            continue;
        size_t floats = (stepper->optimizer->whole_scratch(entry) + 15) / 16 * 16;
        largest = floats > largest ? floats : largest;
    }
    size_t all = largest * (size_t)stepper->threads;
    TRY(arena_reserve(arena, all * sizeof(float) + 64, error));
    stepper->scratch_floats = largest;
    stepper->scratch = ARENA_ARRAY(arena, float, all);
    return STATUS_OK;
}

Status stepper_create(const RunConfig *config, const Model *model, const DataSource *source,
                      int threads, Arena *arena, Stepper *stepper, Error *error) {
    *stepper = (Stepper){.config = &config->train,
                         .optimizer = (const OptimizerKind *)config->train.optimizer.kind,
                         .table = model_parameters(model),
                         .source = source,
                         .threads = threads};
    TRY(scratch_create(stepper, arena, error));
    TRY(lanes_create(model, (int)config->train.batch, (int)config->model.context,
                     (int)config->train.lanes, threads, arena, &stepper->lanes, error));
    lanes_set_dropout(stepper->lanes, (Dropout){.rate = config->train.dropout,
                                                .weight_rate = config->train.attention_dropout,
                                                .seed = (uint64_t)config->seed});
    return STATUS_OK;
}

void stepper_set_profile(Stepper *stepper, Profile *profile) {
    stepper->profile = profile;
    lanes_set_profile(stepper->lanes, profile);
}

static double scheduled(const Stepper *stepper, double rate, int64_t step) {
    const TrainConfig *config = stepper->config;
    return schedule_rate(&config->schedule, rate, step, config->steps, config->warmup);
}

typedef struct UpdateTask {
    const Stepper *stepper;
    OptimizerUpdate update;
} UpdateTask;

static OptimizerRange range_of(const Stepper *stepper, const Parameter *entry, size_t first,
                               size_t end) {
    GroupRates rates = groups_find(&stepper->config->groups, entry);
    size_t entry_end = entry->offset + entry->count;
    return (OptimizerRange){.first = entry->offset > first ? entry->offset : first,
                            .end = entry_end < end ? entry_end : end,
                            .rate = rates.learning_rate,
                            .decay = rates.weight_decay};
}

/* The part of every parameter that lies in [first, end), but those that are updated whole. */
static void update_range(void *context, size_t first, size_t end) {
    const UpdateTask *task = context;
    const Stepper *stepper = task->stepper;
    for (size_t i = 0; i < stepper->table->count; i++) {
        const Parameter *entry = &stepper->table->entries[i];
        OptimizerRange range = range_of(stepper, entry, first, end);
        if (range.first < range.end && !is_whole(stepper->optimizer, entry))
            stepper->optimizer->update(&stepper->config->optimizer.options, &task->update, range);
    }
}

static void update_whole(const UpdateTask *task, const Parameter *entry) {
    const Stepper *stepper = task->stepper;
    OptimizerRange range = range_of(stepper, entry, 0, stepper->table->total);
    float *scratch = stepper->scratch + stepper->scratch_floats * (size_t)threads_index();
    stepper->optimizer->update_parameter(&stepper->config->optimizer.options, &task->update, entry,
                                         range, scratch);
}

static void update_all(const UpdateTask *task) {
    const Stepper *stepper = task->stepper;
    lanes_for_ranges(stepper->lanes, stepper->table->total, update_range, (void *)task);
    if (stepper->scratch_floats == 0)
        return;
    int64_t count = (int64_t)stepper->table->count;
#pragma omp parallel for num_threads(stepper->threads) schedule(dynamic, 1)
    for (int64_t i = 0; i < count; i++)
        if (is_whole(stepper->optimizer, &stepper->table->entries[i]))
            update_whole(task, &stepper->table->entries[i]);
}

#define ADVICE                                                                                     \
    "A smaller train.optimizer.learning_rate, more train.warmup or a smaller train.clip (0 is "    \
    "none) usually helps"

static Status check_finite(int64_t step, const StepResult *result, Error *error) {
    if (isfinite(result->loss) && isfinite(result->gradient_norm))
        return STATUS_OK;
    /* fabs: a nan has a sign, which says nothing */
    return error_set(error, STATUS_FAILED,
                     "at step %lld the loss is %g and the gradient's norm %g; the state before it "
                     "is saved. " ADVICE,
                     (long long)step, isnan(result->loss) ? fabs(result->loss) : result->loss,
                     fabs(result->gradient_norm));
}

/* what: of each parameter, block [total] holds. */
static Status check_block(const ParameterTable *table, int64_t step, const float *block,
                          const char *what, Error *error) {
    for (size_t e = 0; e < table->count; e++)
        for (size_t i = 0; i < table->entries[e].count; i++) {
            double value = block[table->entries[e].offset + i];
            if (!isfinite(value))
                return error_set(error, STATUS_FAILED,
                                 "the update of step %lld left %g in %s %s. " ADVICE,
                                 (long long)step, isnan(value) ? fabs(value) : value, what,
                                 table->entries[e].name);
        }
    return STATUS_OK;
}

Status stepper_check(const Stepper *stepper, int64_t step, const float *parameters,
                     const float *slots, Error *error) {
    const ParameterTable *table = stepper->table;
    TRY(check_block(table, step, parameters, "the parameter", error));
    for (int i = 0; i < stepper->optimizer->slots; i++)
        TRY(check_block(table, step, slots + (size_t)i * table->total,
                        "the optimizer's state of the parameter", error));
    return STATUS_OK;
}

Status stepper_run(Stepper *stepper, int64_t step, float *parameters, float *slots,
                   StepResult *result, Error *error) {
    const float *gradient;
    result->loss =
        lanes_gradient(stepper->lanes, parameters, stepper->source, (uint64_t)step - 1, &gradient);
    result->gradient_norm = sqrt(lanes_gradient_squares(stepper->lanes));
    double rate = stepper->optimizer->learning_rate(&stepper->config->optimizer.options);
    result->learning_rate = scheduled(stepper, rate, step);
    TRY(check_finite(step, result, error));
    double clip = stepper->config->clip;
    bool clipped = clip > 0 && result->gradient_norm > clip;
    UpdateTask task = {stepper,
                       {.step = step,
                        .learning_rate = result->learning_rate,
                        .schedule = scheduled(stepper, 1, step),
                        .gradient_scale = clipped ? (float)(clip / result->gradient_norm) : 1.0f,
                        .gradient = gradient,
                        .parameters = parameters,
                        .slots = slots,
                        .total = stepper->table->total}};
    profile_enter(stepper->profile, PROFILE_OPTIMIZER);
    update_all(&task);
    profile_pause(stepper->profile);
    return STATUS_OK;
}
