#include "tests/support/model_case.h"

#include "model/base/random.h"
#include "tests/support/defaults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void must(Status status, const Error *error) {
    if (status != STATUS_OK)
        fail_msg("status %d: %s", (int)status, error->message);
}

static void draw_batch(ModelCase *scene, uint64_t seed) {
    const CaseShape *shape = &scene->shape;
    size_t count = (size_t)shape->sequences * (size_t)shape->length;
    scene->inputs = ARENA_ARRAY(&scene->arena, int32_t, count);
    scene->targets = ARENA_ARRAY(&scene->arena, int32_t, count);
    Random random = random_create(seed, RANDOM_TEST, 1, 0);
    for (size_t i = 0; i < count; i++) {
        scene->inputs[i] = (int32_t)random_below(&random, (uint32_t)shape->vocabulary);
        scene->targets[i] = (int32_t)random_below(&random, (uint32_t)shape->vocabulary);
        if (shape->skipped > 0 && random_below(&random, (uint32_t)shape->skipped) == 0)
            scene->targets[i] = -1;
    }
    scene->batch = (Batch){scene->inputs, scene->targets, shape->sequences, shape->length};
}

static void make_model(ModelCase *scene, CaseShape shape, const char *settings) {
    *scene =
        (ModelCase){.arena = arena_create("a model test"), .shape = shape, .settings = settings};
    snprintf(scene->name, sizeof scene->name,
             "%s %s, %d layers, width %d, %d heads, hidden %d, vocabulary %d, %d×%d tokens",
             shape.position, settings, shape.layers, shape.width, shape.heads, shape.hidden,
             shape.vocabulary, shape.sequences, shape.length);
    scene->config = defaults_model(shape.position, shape.layers, shape.width, shape.heads,
                                   shape.hidden, shape.context, shape.vocabulary);
    defaults_change(&model_config_fields, &scene->config, settings, &scene->arena);
    Error error;
    must(model_create(&scene->config, &scene->arena, &scene->model, &error), &error);
    scene->table = model_parameters(scene->model);
    scene->parameters = ARENA_ARRAY(&scene->arena, float, scene->table->total);
    scene->exact = ARENA_ARRAY(&scene->arena, double, scene->table->total);
    must(workspace_create(scene->model, shape.sequences, shape.length, true, &scene->arena,
                          &scene->workspace, &error),
         &error);
}

static void finish(ModelCase *scene, uint64_t seed) {
    for (size_t i = 0; i < scene->table->total; i++)
        scene->exact[i] = (double)scene->parameters[i];
    draw_batch(scene, seed);
}

void case_create_with(ModelCase *scene, CaseShape shape, const char *settings, double scale,
                      uint64_t seed) {
    make_model(scene, shape, settings);
    Random random = random_create(seed, RANDOM_TEST, 0, 0);
    for (size_t e = 0; e < scene->table->count; e++) {
        const Parameter *entry = &scene->table->entries[e];
        for (size_t i = 0; i < entry->count; i++) {
            double drawn = random_normal(&random);
            bool gain = entry->initialization == INITIALIZE_ONE;
            scene->parameters[entry->offset + i] = (float)(gain ? 1 + 0.2 * drawn : scale * drawn);
        }
    }
    finish(scene, seed);
}

void case_create(ModelCase *scene, CaseShape shape, double scale, uint64_t seed) {
    case_create_with(scene, shape, "", scale, seed);
}

void case_create_fresh_with(ModelCase *scene, CaseShape shape, const char *settings,
                            uint64_t seed) {
    make_model(scene, shape, settings);
    parameters_initialize(scene->table, seed, scene->parameters);
    finish(scene, seed);
}

void case_create_fresh(ModelCase *scene, CaseShape shape, uint64_t seed) {
    case_create_fresh_with(scene, shape, "", seed);
}

void case_destroy(ModelCase *scene) {
    arena_destroy(&scene->arena);
}
