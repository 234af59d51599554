/* Writes what every optimizer did with given gradients, for an outside oracle: one HDF5 file each,
   with the gradients and the parameters before the first and after every step. usage:
   dump_optimizers FOLDER */
#include "tests/support/defaults.h"
#include "tests/support/optimizer_case.h"
#include "train/storage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 10 };

static void must(Status status, const Error *error) {
    if (status == STATUS_OK)
        return;
    fprintf(stderr, "dump_optimizers: %s\n", error->message);
    exit(status);
}

/* Every option of the chosen kind as an attribute of the same name. */
static void write_options(hid_t file, const KindChoice *choice) {
    Error error;
    for (size_t i = 0; i < choice->kind->options.count; i++) {
        const Field *field = &choice->kind->options.fields[i];
        const void *member = choice->options.bytes + field->offset;
        double value = field->type == FIELD_BOOL ? *(const bool *)member : *(const double *)member;
        must(storage_set_real(file, "/", field->name, value, &error), &error);
    }
}

static void write_blocks(hid_t file, const char *prefix, const ParameterTable *table,
                         const float *blocks, int count) {
    Error error;
    float *gathered = malloc(table->total * (size_t)count * sizeof *gathered);
    for (size_t e = 0; e < table->count; e++) {
        const Parameter *entry = &table->entries[e];
        char name[200];
        hsize_t shape[3] = {(hsize_t)count, (hsize_t)entry->rows, (hsize_t)entry->columns};
        for (int i = 0; i < count; i++)
            memcpy(gathered + (size_t)i * entry->count,
                   blocks + (size_t)i * table->total + entry->offset,
                   entry->count * sizeof *gathered);
        snprintf(name, sizeof name, "%s/%s", prefix, entry->name);
        must(storage_write(file, name, H5T_NATIVE_FLOAT, entry->columns == 0 ? 2 : 3, shape,
                           gathered, &error),
             &error);
    }
    free(gathered);
}

static void write_case(const char *folder, const char *name, const KindChoice *choice) {
    Error error;
    StorageWriter writer;
    OptimizerCase scene;
    char path[4000];
    optimizer_case_create(&scene, choice);
    size_t total = scene.table.total;
    float *parameters = ARENA_ARRAY(&scene.arena, float, (total * (STEPS + 1)));
    float *gradients = ARENA_ARRAY(&scene.arena, float, (total * STEPS));
    memcpy(parameters, scene.parameters, total * sizeof *parameters);
    for (size_t step = 0; step < STEPS; step++) {
        optimizer_case_step(&scene, 1, 1);
        memcpy(gradients + step * total, scene.gradient, total * sizeof *gradients);
        memcpy(parameters + (step + 1) * total, scene.parameters, total * sizeof *parameters);
    }
    snprintf(path, sizeof path, "%s/%s.h5", folder, name);
    must(storage_create(&writer, path, &error), &error);
    must(storage_set_text(writer.file, "/", "kind", choice->kind->name, &error), &error);
    write_options(writer.file, choice);
    write_blocks(writer.file, "parameters", &scene.table, parameters, STEPS + 1);
    write_blocks(writer.file, "gradients", &scene.table, gradients, STEPS);
    must(storage_commit(&writer, &error), &error);
    optimizer_case_destroy(&scene);
}

static void set_option(KindChoice *choice, const char *name, double value) {
    const Field *field = field_find(&choice->kind->options, name);
    if (field != NULL && field->type == FIELD_BOOL)
        *(bool *)(choice->options.bytes + field->offset) = value != 0;
    else if (field != NULL)
        *(double *)(choice->options.bytes + field->offset) = value;
}

int main(int count, char **arguments) {
    if (count != 2) {
        fprintf(stderr, "usage: dump_optimizers FOLDER\n");
        return 2;
    }
    for (size_t k = 0; k < optimizer_kinds.count; k++) {
        const char *name = optimizer_kinds.kinds[k]->name;
        KindChoice choice = defaults_kind(&optimizer_kinds, name);
        char variant[64];
        write_case(arguments[1], name, &choice);
        set_option(&choice, "weight_decay", 0.3);
        set_option(&choice, "nesterov", strcmp(name, "sgd") == 0);
        snprintf(variant, sizeof variant, "%s-changed", name);
        write_case(arguments[1], variant, &choice);
    }
    return 0;
}
