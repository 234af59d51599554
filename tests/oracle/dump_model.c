/* Writes everything that an outside oracle needs to judge the model: for each position encoding and
   several shapes one HDF5 file with parameters, inputs, targets, logits, losses, attention maps,
   residual streams and all gradients. usage: dump_model FOLDER */
#include "tests/support/axes.h"
#include "tests/support/defaults.h"
#include "tests/support/model_case.h"
#include "train/storage.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(Status status, const Error *error) {
    if (status == STATUS_OK)
        return;
    fprintf(stderr, "dump_model: %s\n", error->message);
    exit(status);
}

typedef struct Maps {
    const ModelCase *scene;
    float *weights, *residual;
} Maps;

static void see(void *context, const TapView *view) {
    Maps *maps = context;
    const ModelConfig *config = &maps->scene->config;
    size_t length = (size_t)maps->scene->batch.length, layers = (size_t)config->layers;
    size_t plane = (size_t)view->sequence * layers + (size_t)view->layer;
    float *target;
    if (view->name == TAP_WEIGHTS)
        target =
            maps->weights + (plane * (size_t)config->heads + (size_t)view->head) * length * length;
    else if (view->name == TAP_RESIDUAL)
        target = maps->residual + (plane + (size_t)view->sequence) * length * (size_t)config->width;
    else
        return;
    size_t columns = (size_t)view->columns;
    for (int r = 0; r < view->rows; r++)
        memcpy(target + (size_t)(view->first_row + r) * columns,
               view->data + (size_t)r * view->stride, columns * sizeof *target);
}

static void write_block(hid_t file, const char *group, const ParameterTable *table,
                        const float *block) {
    Error error;
    for (size_t i = 0; i < table->count; i++) {
        const Parameter *entry = &table->entries[i];
        char name[200];
        snprintf(name, sizeof name, "%s/%s", group, entry->name);
        hsize_t shape[2] = {(hsize_t)entry->rows, (hsize_t)entry->columns};
        must(storage_write(file, name, H5T_NATIVE_FLOAT, entry->columns == 0 ? 1 : 2, shape,
                           block + entry->offset, &error),
             &error);
    }
}

static void write_floats(hid_t file, const char *name, int rank, const hsize_t *shape,
                         const float *data) {
    Error error;
    must(storage_write(file, name, H5T_NATIVE_FLOAT, rank, shape, data, &error), &error);
}

static void write_activations(hid_t file, ModelCase *scene) {
    hsize_t sequences = (hsize_t)scene->batch.sequences, length = (hsize_t)scene->batch.length;
    hsize_t layers = (hsize_t)scene->config.layers, heads = (hsize_t)scene->config.heads;
    hsize_t width = (hsize_t)scene->config.width, vocabulary = (hsize_t)scene->config.vocabulary;
    Arena *arena = &scene->arena;
    Maps maps = {
        .scene = scene,
        .weights = ARENA_ARRAY(arena, float, (sequences * layers * heads * length * length)),
        .residual = ARENA_ARRAY(arena, float, (sequences * (layers + 1) * length * width))};
    float *losses = ARENA_ARRAY(arena, float, (sequences * length));
    float *logits = ARENA_ARRAY(arena, float, (sequences * length * vocabulary));
    model_forward(scene->model, scene->parameters, &scene->batch, scene->workspace,
                  &(Tap){see, &maps}, losses);
    model_logits(scene->model, scene->parameters, &scene->batch, scene->workspace, logits);
    write_floats(file, "logits", 3, (hsize_t[]){sequences, length, vocabulary}, logits);
    write_floats(file, "losses", 2, (hsize_t[]){sequences, length}, losses);
    write_floats(file, "weights", 5, (hsize_t[]){sequences, layers, heads, length, length},
                 maps.weights);
    write_floats(file, "residual", 4, (hsize_t[]){sequences, layers + 1, length, width},
                 maps.residual);
}

static void write_case(ModelCase *scene, const char *path) {
    Error error;
    StorageWriter writer;
    hsize_t tokens[2] = {(hsize_t)scene->batch.sequences, (hsize_t)scene->batch.length};
    float *gradient = ARENA_ARRAY(&scene->arena, float, scene->table->total);
    must(storage_create(&writer, path, &error), &error);
    hid_t file = writer.file;
    must(storage_write(file, "inputs", H5T_NATIVE_INT32, 2, tokens, scene->inputs, &error), &error);
    must(storage_write(file, "targets", H5T_NATIVE_INT32, 2, tokens, scene->targets, &error),
         &error);
    must(storage_set_text(file, "/", "position", scene->shape.position, &error), &error);
    must(storage_set_text(file, "/", "settings", scene->settings, &error), &error);
    must(storage_set_integer(file, "/", "context", scene->config.context, &error), &error);
    must(storage_set_integer(file, "/", "layers", scene->config.layers, &error), &error);
    must(storage_set_integer(file, "/", "heads", scene->config.heads, &error), &error);
    must(storage_set_real(file, "/", "base",
                          defaults_option(&scene->config.position.items[0], "base", 10000), &error),
         &error);
    write_block(file, "parameters", scene->table, scene->parameters);
    write_activations(file, scene);
    model_gradient(scene->model, scene->parameters, &scene->batch, 1, scene->workspace, gradient);
    write_block(file, "gradients", scene->table, gradient);
    must(storage_commit(&writer, &error), &error);
}

static void dump(const char *folder, const char *name, CaseShape shape, const char *settings,
                 uint64_t seed) {
    ModelCase scene;
    char path[4000];
    snprintf(path, sizeof path, "%s/%s.h5", folder, name);
    case_create_with(&scene, shape, settings, 1.5 / sqrt(shape.width), seed);
    write_case(&scene, path);
    case_destroy(&scene);
}

int main(int count, char **arguments) {
    static const CaseShape shapes[] = {{"", 1, 8, 1, 12, 9, 7, 2, 9, 4},
                                       {"", 2, 24, 3, 20, 80, 50, 3, 67, 6},
                                       {"", 3, 40, 10, 33, 40, 300, 2, 33, 0},
                                       {"", 2, 64, 1, 128, 64, 65, 4, 64, 0}};
    if (count != 2) {
        fprintf(stderr, "usage: dump_model FOLDER\n");
        return 2;
    }
    for (const Axis *axis = axes; axis->name != NULL; axis++) {
        CaseShape shape = shapes[1];
        shape.position = "rope";
        dump(arguments[1], axis->name, shape, axis->settings, 1);
    }
    for (const char *const *position = defaults_positions(); *position != NULL; position++)
        for (int s = 0; s < (int)(sizeof shapes / sizeof shapes[0]); s++) {
            CaseShape shape = shapes[s];
            shape.position = *position;
            char name[100];
            snprintf(name, sizeof name, "%s-%d", *position, s);
            dump(arguments[1], name, shape, "", (uint64_t)s + 1);
        }
    return 0;
}
