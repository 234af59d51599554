#include "tests/support/optimizer_case.h"

#include "model/base/random.h"
#include "tests/support/defaults.h"

static const Parameter entries[] = {
    {.name = "token_embedding", .rows = 7, .columns = 12, .group = GROUP_EMBEDDING, .decay = true},
    {.name = "position_embedding", .rows = 5, .columns = 12, .group = GROUP_EMBEDDING},
    {.name = "layers/0/attention_norm", .rows = 12, .group = GROUP_ATTENTION},
    {.name = "layers/0/attention/query",
     .rows = 12,
     .columns = 12,
     .group = GROUP_ATTENTION,
     .decay = true},
    {.name = "layers/0/mlp/gate", .rows = 20, .columns = 12, .group = GROUP_MLP, .decay = true},
    {.name = "layers/0/mlp/down", .rows = 12, .columns = 20, .group = GROUP_MLP, .decay = true},
    {.name = "layers/0/mlp/down_bias", .rows = 12, .group = GROUP_MLP},
    {.name = "unembedding", .rows = 7, .columns = 12, .group = GROUP_UNEMBEDDING, .decay = true},
};

static void table_create(OptimizerCase *scene) {
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        Parameter entry = entries[i];
        entry.initialization = INITIALIZE_NORMAL;
        entry.scale = 0.3f;
        parameters_add(&scene->table, &scene->arena, entry);
    }
    size_t largest = 0;
    for (size_t i = 0; i < scene->table.count; i++) {
        const Parameter *entry = &scene->table.entries[i];
        if (scene->kind->takes_whole == NULL || !scene->kind->takes_whole(entry))
            continue;
        size_t floats = scene->kind->whole_scratch(entry);
        largest = floats > largest ? floats : largest;
    }
    scene->scratch = ARENA_ARRAY(&scene->arena, float, largest);
}

void optimizer_case_create(OptimizerCase *scene, const KindChoice *choice) {
    *scene = (OptimizerCase){.arena = arena_create("an optimizer's test"),
                             .choice = *choice,
                             .kind = (const OptimizerKind *)choice->kind};
    table_create(scene);
    size_t total = scene->table.total;
    scene->parameters = ARENA_ARRAY(&scene->arena, float, total);
    scene->gradient = ARENA_ARRAY(&scene->arena, float, total);
    scene->slots = ARENA_ARRAY(&scene->arena, float, (total * (size_t)scene->kind->slots));
    parameters_initialize(&scene->table, 3, scene->parameters);
    defaults_fill(&groups_config_fields, &scene->groups);
    scene->groups.mlp = (GroupRates){.learning_rate = 0.5, .weight_decay = 2};
    scene->groups.positions.weight_decay = 0.25;
}

void optimizer_case_destroy(OptimizerCase *scene) {
    arena_destroy(&scene->arena);
}

static void draw_gradient(OptimizerCase *scene) {
    Random random = random_create(11, RANDOM_TEST, (uint64_t)scene->step, 0);
    for (size_t i = 0; i < scene->table.total; i++) {
        double value = 0.1 * random_normal(&random);
        scene->gradient[i] = i % 7 == 3 ? 0 : (float)value;
    }
}

void optimizer_case_step(OptimizerCase *scene, double schedule, float gradient_scale) {
    draw_gradient(scene);
    scene->step++;
    const KindOptions *options = &scene->choice.options;
    OptimizerUpdate update = {.step = scene->step,
                              .learning_rate = schedule * scene->kind->learning_rate(options),
                              .schedule = schedule,
                              .gradient_scale = gradient_scale,
                              .gradient = scene->gradient,
                              .parameters = scene->parameters,
                              .slots = scene->slots,
                              .total = scene->table.total};
    for (size_t i = 0; i < scene->table.count; i++) {
        const Parameter *entry = &scene->table.entries[i];
        GroupRates rates = groups_find(&scene->groups, entry);
        OptimizerRange range = {entry->offset, entry->offset + entry->count, rates.learning_rate,
                                rates.weight_decay};
        if (scene->kind->takes_whole != NULL && scene->kind->takes_whole(entry))
            scene->kind->update_parameter(options, &update, entry, range, scene->scratch);
        else
            scene->kind->update(options, &update, range);
    }
}
