#include "model/parameters.h"

#include "model/base/random.h"
#include "model/base/sha256.h"

#include <stdlib.h>
#include <string.h>

size_t parameters_add(ParameterTable *table, Arena *arena, Parameter parameter) {
    table->entries =
        arena_grow(arena, table->entries, sizeof *table->entries, table->count, &table->capacity);
    parameter.name = arena_string(arena, parameter.name);
    parameter.offset = table->total;
    parameter.count =
        (size_t)parameter.rows * (size_t)(parameter.columns == 0 ? 1 : parameter.columns);
    table->total += parameter.count;
    table->entries[table->count] = parameter;
    return table->count++;
}

const Parameter *parameters_find(const ParameterTable *table, const char *name) {
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->entries[i].name, name) == 0)
            return &table->entries[i];
    return NULL;
}

/* The stream is keyed by the name, so that adding a parameter leaves the others' values alone. */
static uint64_t stream_of(const char *name) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    return hash;
}

void parameters_initialize(const ParameterTable *table, uint64_t seed, float *block) {
    for (size_t i = 0; i < table->count; i++) {
        const Parameter *entry = &table->entries[i];
        Random random = random_create(seed, RANDOM_PARAMETERS, stream_of(entry->name), 0);
        for (size_t j = 0; j < entry->count; j++)
            switch (entry->initialization) {
            case INITIALIZE_NORMAL:
                block[entry->offset + j] = entry->scale * (float)random_normal(&random);
                break;
            case INITIALIZE_ONE:
                block[entry->offset + j] = 1.0f;
                break;
            case INITIALIZE_ZERO:
                block[entry->offset + j] = 0.0f;
                break;
            }
    }
}

static int compare_names(const void *a, const void *b) {
    const Parameter *const *first = a, *const *second = b;
    return strcmp((*first)->name, (*second)->name);
}

void parameters_hash(const ParameterTable *table, const float *block, char hex[65]) {
    Arena arena = arena_create("the parameter hash");
    const Parameter **sorted = ARENA_ARRAY(&arena, const Parameter *, table->count);
    for (size_t i = 0; i < table->count; i++)
        sorted[i] = &table->entries[i];
    qsort(sorted, table->count, sizeof *sorted, compare_names);
    Sha256 hash = sha256_begin();
    for (size_t i = 0; i < table->count; i++)
        sha256_add(&hash, block + sorted[i]->offset, sorted[i]->count * sizeof *block);
    sha256_end(&hash, hex);
    arena_destroy(&arena);
}
