#include "experiments/runner/run_cost.h"

#include "experiments/runner/schema_write.h"
#include "train/optimizers/optimizer.h"
#include "train/run_model.h"

#include <string.h>

/* What opening a run's model, and its files, depend on. The seed changes what a source draws, not
   whether it can. */
static const char *model_key(const ExperimentFile *file, const Experiment *experiment,
                             Arena *arena) {
    static const char *const names[] = {"model", "data", "snapshots", "probe", "analysis"};
    const TrainConfig *train = &experiment->run.train;
    TextBuffer key = {.arena = arena};
    text_add(&key, "%lld %s %s\n", (long long)train->steps, train->objective.kind->name,
             train->optimizer.kind->name);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const FieldTable one = {.fields = field_find(&file->schema, names[i]), .count = 1};
        text_add(&key, "%s", schema_write(&one, experiment, false, arena));
    }
    return key.text;
}

static int64_t snapshot_count(const RunConfig *config) {
    Arena arena = arena_create("the saved steps");
    int64_t *steps;
    int64_t count =
        (int64_t)snapshot_steps(&config->snapshots, config->train.steps, &arena, &steps);
    arena_destroy(&arena);
    return count;
}

/* What HDF5 needs for itself: a file, each dataset in it, and each snapshot's place in a stack of
   run.h5. As measured; it matters for small models. */
enum { FILE_BYTES = 4096, DATASET_BYTES = 400, STACKED_BYTES = 200 };

/* Snapshots, two checkpoints and run.h5. Of log rows the checkpoint has 4 floats, run.h5 an int64
   too. */
static double training_bytes(const RunModel *run, int64_t snapshots) {
    const RunConfig *config = &run->config;
    const OptimizerKind *optimizer = (const OptimizerKind *)config->train.optimizer.kind;
    const ParameterTable *table = model_parameters(run->model);
    double block =
        (double)sizeof(float) * (double)table->total + DATASET_BYTES * (double)table->count;
    double log = (double)sizeof(float) * 4 * (double)config->train.steps;
    double probe = (double)config->probe.samples * (double)config->probe.length;
    double checkpoint = FILE_BYTES + block * (1 + optimizer->slots) + log;
    double stacks = STACKED_BYTES * (double)table->count * (double)snapshots;
    return (double)snapshots * (FILE_BYTES + block) + 2 * checkpoint + 3 * FILE_BYTES + stacks +
           1.5 * log + probe * (2 * sizeof(int32_t) + run->probe.has_copies);
}

/* Fills what depends on the model; training_flops: of one sequence. */
static Status model_cost(const ExperimentFile *file, const PlannedRun *run, RunCost *cost,
                         Error *error) {
    Arena arena = arena_create("the check of a run");
    RunModel *model;
    const char *culprit = "data";
    Status status =
        run_model_open(&run->experiment.run, file->directory, &arena, &model, &culprit, error);
    if (status == STATUS_OK) {
        cost->vocabulary = model_config(model->model)->vocabulary;
        cost->parameters = (int64_t)model_parameters(model->model)->total;
        cost->training_flops =
            model_training_flops(model->model, (int)run->experiment.run.model.context);
        cost->snapshots = snapshot_count(&run->experiment.run);
        cost->disk_bytes = training_bytes(model, cost->snapshots);
        double analysis = 0;
        status = analyze_bytes(model, &run->experiment.analysis, cost->snapshots, &analysis, error);
        cost->disk_bytes += analysis;
    } else {
        error_context(error, status, "%s: %s",
                      node_location(schema_nearest_node(run->root, culprit), &arena), culprit);
        status = STATUS_BAD_INPUT;
    }
    arena_destroy(&arena);
    return status;
}

/* Scales the model's cost by the training's length. */
static void training_cost(const RunConfig *config, RunCost *cost) {
    double sequences = (double)config->train.steps * (double)config->train.batch;
    cost->tokens = sequences * (double)config->model.context;
    cost->training_flops *= sequences;
}

Status run_costs(const ExperimentFile *file, const RunPlan *plan, RunCost *costs, Error *error) {
    Arena arena = arena_create("the check of all runs");
    const char **keys = ARENA_ARRAY(&arena, const char *, plan->count);
    RunCost *models = ARENA_ARRAY(&arena, RunCost, plan->count);
    Status status = STATUS_OK;
    size_t known = 0;
    for (size_t i = 0; i < plan->count && status == STATUS_OK; i++) {
        const char *key = model_key(file, &plan->runs[i].experiment, &arena);
        size_t k = 0;
        while (k < known && strcmp(keys[k], key) != 0)
            k++;
        if (k == known) {
            keys[known++] = key;
            status = model_cost(file, &plan->runs[i], &models[k], error);
        }
        costs[i] = models[k];
        if (status == STATUS_OK)
            training_cost(&plan->runs[i].experiment.run, &costs[i]);
    }
    arena_destroy(&arena);
    return status;
}
