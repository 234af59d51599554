#include "tests/support/analysis_scene.h"

#include "tests/support/defaults.h"
#include "train/objective.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { SEED = 7 };

static const Axis *make_axis(AnalysisScene *scene, const char *name, int length, bool large) {
    Axis *axis = ARENA_ARRAY(&scene->model.arena, Axis, 1);
    *axis = (Axis){.name = name, .length = length, .long_name = name, .units = "1", .large = large};
    return axis;
}

static void make_context(AnalysisScene *scene, const char *objective, int bos) {
    ModelCase *model = &scene->model;
    const CaseShape *shape = &model->shape;
    const char **names = ARENA_ARRAY(&model->arena, const char *, (size_t)shape->vocabulary);
    for (int token = 0; token < shape->vocabulary; token++)
        names[token] = token + 1 < shape->vocabulary ? "" : "[MASK]";
    scene->config = (RunConfig){.seed = SEED, .model = model->config};
    scene->config.train.objective = defaults_kind(&objective_kinds, objective);
    scene->probe = (Probe){.samples = shape->sequences,
                           .length = shape->length,
                           .inputs = model->inputs,
                           .targets = model->targets,
                           .token_names = names,
                           .vocabulary = shape->vocabulary,
                           .ordinary = shape->vocabulary - (strcmp(objective, "masked") == 0),
                           .bos = bos};
    scene->context = (AnalysisContext){
        .model = model->model,
        .config = &scene->config,
        .probe = &scene->probe,
        .bos = bos,
        .parameters = model->parameters,
        .layers = shape->layers,
        .heads = shape->heads,
        .length = shape->length,
        .samples = shape->sequences,
        .width = shape->width,
        .seed = SEED,
        .visibility = visibility_create(&model->config, shape->length, &model->arena),
        .sample = make_axis(scene, "sample", shape->sequences, false),
        .layer = make_axis(scene, "layer", shape->layers, false),
        .head = make_axis(scene, "head", shape->heads, false),
        .position = make_axis(scene, "position", shape->length, true),
        .query = make_axis(scene, "query", shape->length, true),
        .key = make_axis(scene, "key", shape->length, true),
        .residual = make_axis(scene, "layer_boundary", shape->layers + 1, false),
        .token = make_axis(scene, "token", shape->vocabulary, true),
        .arena = &model->arena,
    };
}

static double *undefined_row(AnalysisScene *scene, size_t count) {
    double *row = ARENA_ARRAY(&scene->model.arena, double, count);
    for (size_t i = 0; i < count; i++)
        row[i] = NAN;
    return row;
}

void analysis_scene_run(AnalysisScene *scene) {
    const AnalysisContext *context = &scene->context;
    const VariableList *variables = &scene->variables;
    size_t length = (size_t)context->length, values = variables->sample_values;
    scene->rows = undefined_row(scene, (size_t)context->samples * values);
    scene->probe_row = undefined_row(scene, variables->probe_values);
    scene->run_row = undefined_row(scene, variables->run_values);
    if (scene->kind->fill_run != NULL)
        scene->kind->fill_run(context, scene->state, scene->run_row);
    size_t maps = (size_t)(context->layers * context->heads) * length * length;
    double *mean_maps = ARENA_ARRAY(&scene->model.arena, double, maps);
    for (int sample = 0; sample < context->samples; sample++) {
        size_t first = (size_t)sample * length;
        capture_fill(scene->capture, context->model, context->parameters,
                     scene->probe.inputs + first, scene->probe.targets + first, NULL,
                     scene->scratch.workspace);
        for (size_t i = 0; i < maps; i++)
            mean_maps[i] += scene->capture->weights[i] / (double)context->samples;
        scene->kind->sample(context, scene->state, scene->capture, sample, &scene->scratch,
                            scene->rows + (size_t)sample * values);
        arena_destroy(scene->scratch.arena);
    }
    const ProbeView view = {.rows = scene->rows, .row_values = values, .mean_maps = mean_maps};
    if (scene->kind->probe != NULL)
        scene->kind->probe(context, scene->state, &view, &scene->scratch, scene->probe_row);
    arena_destroy(scene->scratch.arena);
}

void analysis_scene_create_with(AnalysisScene *scene, const char *name, CaseShape shape,
                                const char *settings, const char *objective, double scale,
                                int bos) {
    Error error;
    *scene = (AnalysisScene){0};
    case_create_with(&scene->model, shape, settings, scale, SEED);
    make_context(scene, objective, bos);
    Arena *arena = &scene->model.arena;
    Arena *emptied = ARENA_ARRAY(arena, Arena, 1);
    *emptied = arena_create("a scene's sample");
    scene->scratch = (AnalysisScratch){
        .arena = emptied,
        .workspace = scene->model.workspace,
        .capture = capture_create(scene->model.model, shape.length, arena),
        .gradient = ARENA_ARRAY(arena, float, scene->model.table->total),
    };
    scene->capture = capture_create(scene->model.model, shape.length, arena);
    KindChoice choice = defaults_kind(&analysis_kinds, name);
    scene->kind = (const AnalysisKind *)(const void *)choice.kind;
    if (scene->kind->declare(&choice.options, &scene->context, &scene->variables, &scene->state,
                             &error) != STATUS_OK)
        fail_msg("%s: %s", name, error.message);
    analysis_scene_run(scene);
}

void analysis_scene_create(AnalysisScene *scene, const char *name, CaseShape shape, double scale,
                           int bos) {
    analysis_scene_create_with(scene, name, shape, "", "causal", scale, bos);
}

static const Variable *find(const AnalysisScene *scene, const char *name) {
    for (size_t i = 0; i < scene->variables.count; i++) {
        const Variable *variable = scene->variables.items + i;
        if (strcmp(variable->name, name) == 0 && variable->form != VARIABLE_SAMPLE_HIDDEN)
            return variable;
    }
    fail_msg("there is no variable %s", name);
    return NULL;
}

const double *analysis_scene_values(const AnalysisScene *scene, const char *name, int sample) {
    const Variable *variable = find(scene, name);
    if (variable->form == VARIABLE_RUN)
        return scene->run_row + variable->offset;
    if (variable->form == VARIABLE_PROBE)
        return scene->probe_row + variable->offset;
    return scene->rows + (size_t)sample * scene->variables.sample_values + variable->offset;
}

size_t analysis_scene_count(const AnalysisScene *scene, const char *name) {
    return find(scene, name)->count;
}

void analysis_scene_reorder(AnalysisScene *scene, const int *order) {
    size_t samples = (size_t)scene->probe.samples, length = (size_t)scene->probe.length;
    int32_t *inputs = ARENA_ARRAY(&scene->model.arena, int32_t, samples * length);
    int32_t *targets = ARENA_ARRAY(&scene->model.arena, int32_t, samples * length);
    for (size_t i = 0; i < samples * length; i++) {
        size_t from = (size_t)order[i / length] * length + i % length;
        inputs[i] = scene->probe.inputs[from];
        targets[i] = scene->probe.targets[from];
    }
    scene->probe.inputs = inputs;
    scene->probe.targets = targets;
    analysis_scene_run(scene);
}

void analysis_scene_needs_reason(const AnalysisScene *scene, const char *name) {
    if (find(scene, name)->undefined == NULL)
        fail_msg("%s does not say why it may be missing", name);
}

void analysis_scene_destroy(AnalysisScene *scene) {
    arena_destroy(scene->scratch.arena);
    case_destroy(&scene->model);
}
