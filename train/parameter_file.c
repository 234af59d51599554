#include "train/parameter_file.h"

#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 1024 };

static void dataset_name(char name[NAME_BYTES], const char *group, const Parameter *parameter) {
    snprintf(name, NAME_BYTES, "%s/%s", group, parameter->name);
}

static int parameter_shape(const Parameter *parameter, hsize_t shape[2]) {
    shape[0] = (hsize_t)parameter->rows;
    shape[1] = (hsize_t)parameter->columns;
    return parameter->columns == 0 ? 1 : 2;
}

Status parameter_file_write(hid_t file, const char *group, const ParameterTable *table,
                            const float *block, Error *error) {
    for (size_t i = 0; i < table->count; i++) {
        const Parameter *parameter = &table->entries[i];
        char name[NAME_BYTES];
        hsize_t shape[2];
        dataset_name(name, group, parameter);
        TRY(storage_write(file, name, H5T_NATIVE_FLOAT, parameter_shape(parameter, shape), shape,
                          block + parameter->offset, error));
    }
    return STATUS_OK;
}

/* What differs between a file and the table, as a list for a sentence. */
typedef struct Differences {
    const ParameterTable *table;
    size_t count;
    size_t found; /* datasets in the file */
    size_t used;  /* bytes of text */
    char text[2048];
} Differences;

enum { DIFFERENCES_SHOWN = 8 };

static void differences_add(Differences *differences, const char *name, const char *what) {
    differences->count++;
    size_t room = sizeof differences->text - differences->used;
    if (differences->count > DIFFERENCES_SHOWN || room < 2)
        return;
    int length = snprintf(differences->text + differences->used, room, "%s%s %s",
                          differences->count == 1 ? "" : ", ", name, what);
    size_t added = length < 0 ? 0 : (size_t)length;
    differences->used += added < room ? added : room - 1;
}

static void shape_text(char text[96], int rank, const hsize_t *shape) {
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < rank && used < 64; i++)
        used += (size_t)snprintf(text + used, 96 - used, "[%llu]", (unsigned long long)shape[i]);
    if (rank == 0)
        snprintf(text, 96, "a single value");
}

static void see_dataset(void *context, const char *name) {
    Differences *differences = context;
    differences->found++;
    if (parameters_find(differences->table, name) == NULL)
        differences_add(differences, name, "is in the file only");
}

static Status compare_entry(hid_t file, const char *group, const Parameter *parameter,
                            Differences *differences, Error *error) {
    char name[NAME_BYTES];
    dataset_name(name, group, parameter);
    if (!storage_exists(file, name)) {
        differences_add(differences, parameter->name, "is missing");
        return STATUS_OK;
    }
    hsize_t wanted[2], held[8] = {0};
    int held_rank, wanted_rank = parameter_shape(parameter, wanted);
    TRY(storage_shape(file, name, &held_rank, held, error));
    if (held_rank == wanted_rank && held[0] == wanted[0] &&
        (wanted_rank == 1 || held[1] == wanted[1]))
        return STATUS_OK;
    char held_text[96], wanted_text[96], what[224];
    shape_text(held_text, held_rank, held);
    shape_text(wanted_text, wanted_rank, wanted);
    snprintf(what, sizeof what, "is %s, not %s", held_text, wanted_text);
    differences_add(differences, parameter->name, what);
    return STATUS_OK;
}

static Status group_check(hid_t file, const char *group, const ParameterTable *table,
                          Error *error) {
    Differences differences = {.table = table};
    for (size_t i = 0; i < table->count; i++)
        TRY(compare_entry(file, group, &table->entries[i], &differences, error));
    TRY(storage_list(file, group, see_dataset, &differences, error));
    if (differences.count == 0)
        return STATUS_OK;
    char path[DURABLE_PATH_BYTES] = "";
    H5Fget_name(file, path, sizeof path);
    return error_set(error, STATUS_FAILED,
                     "%s: %s (%zu parameters) does not fit this model (%zu parameters): %s%s", path,
                     group, differences.found, table->count, differences.text,
                     differences.count > DIFFERENCES_SHOWN ? " and more" : "");
}

Status parameter_file_read(hid_t file, const char *group, const ParameterTable *table, float *block,
                           Error *error) {
    TRY(group_check(file, group, table, error));
    for (size_t i = 0; i < table->count; i++) {
        const Parameter *parameter = &table->entries[i];
        char name[NAME_BYTES];
        dataset_name(name, group, parameter);
        TRY(storage_read(file, name, H5T_NATIVE_FLOAT, parameter->count, block + parameter->offset,
                         error));
    }
    return STATUS_OK;
}
