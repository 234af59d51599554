#include "analysis/output.h"

#include <math.h>
#include <string.h>

Output *output_add(OutputList *list, Output output) {
    list->items =
        arena_grow(list->arena, list->items, sizeof *list->items, list->count, &list->capacity);
    Output *added = ARENA_ARRAY(list->arena, Output, 1);
    output.count = 1;
    output.by_step = output.rank > 0 && output.axes[0] == list->step;
    for (int axis = output.by_step; axis < output.rank; axis++)
        output.count *= (size_t)output.axes[axis]->length;
    output.values = ARENA_ARRAY(list->arena, double, output.count);
    for (size_t i = 0; i < output.count; i++)
        output.values[i] = NAN;
    *added = output;
    list->items[list->count++] = added;
    return added;
}

Output output_like(const Variable *variable, const Axis *first, const Axis *second) {
    Output output = {
        .name = variable->name,
        .long_name = variable->long_name,
        .units = variable->units,
        .source = variable->source,
        .undefined = variable->undefined,
        .type = variable->integer            ? OUTPUT_INTEGER
                : variable->single_precision ? OUTPUT_SINGLE
                                             : OUTPUT_REAL,
    };
    if (first != NULL)
        output.axes[output.rank++] = first;
    if (second != NULL)
        output.axes[output.rank++] = second;
    for (int axis = 0; axis < variable->rank; axis++)
        output.axes[output.rank++] = variable->axes[axis];
    return output;
}

typedef struct Writing {
    hid_t file;
    ScaleLinks *links;
    Arena *arena;
    Error *error;
} Writing;

static Status describe(const Writing *writing, const char *name, const char *long_name,
                       const char *units, const char *source) {
    TRY(storage_set_text(writing->file, name, "long_name", long_name, writing->error));
    TRY(storage_set_text(writing->file, name, "units", units, writing->error));
    return storage_set_text(writing->file, name, "source", source, writing->error);
}

static Status write_strings(const Writing *writing, const OutputLabels *labels) {
    const char *name = arena_format(writing->arena, "/%s", labels->name);
    const char *scale = arena_format(writing->arena, "/%s", labels->axis->name);
    TRY(storage_write_strings(writing->file, name, (size_t)labels->axis->length, labels->texts,
                              writing->error));
    TRY(describe(writing, name, labels->long_name, "1", "Fiducial"));
    return storage_link_scales(writing->file, writing->links, name, 1, &scale, writing->error);
}

/* The dimension scale of an axis, and its labels. Whole coordinates are written as integers. */
static Status write_axis(const Writing *writing, const Axis *axis) {
    const char *name = arena_format(writing->arena, "/%s", axis->name);
    if (storage_exists(writing->file, name))
        return STATUS_OK;
    size_t length = (size_t)axis->length;
    double *values = ARENA_ARRAY(writing->arena, double, length);
    bool whole = true;
    for (size_t i = 0; i < length; i++) {
        values[i] = axis->values == NULL ? (double)i : axis->values[i];
        whole = whole && values[i] == floor(values[i]) && fabs(values[i]) < 9e15;
    }
    int64_t *integers = ARENA_ARRAY(writing->arena, int64_t, length);
    for (size_t i = 0; i < length && whole; i++)
        integers[i] = (int64_t)values[i];
    hsize_t shape[1] = {length};
    TRY(storage_write(writing->file, name, whole ? H5T_NATIVE_INT64 : H5T_NATIVE_DOUBLE, 1, shape,
                      whole ? (const void *)integers : values, writing->error));
    TRY(storage_set_text(writing->file, name, "long_name", axis->long_name, writing->error));
    TRY(storage_set_text(writing->file, name, "units", axis->units, writing->error));
    TRY(storage_make_scale(writing->file, name, writing->error));
    if (axis->labels == NULL)
        return STATUS_OK;
    const OutputLabels labels = {
        .name = arena_format(writing->arena, "%s_label", axis->name),
        .long_name = arena_format(writing->arena, "name of a %s", axis->name),
        .axis = axis,
        .texts = axis->labels,
    };
    return write_strings(writing, &labels);
}

/* ---- Variables ------------------------------------------------------------------------------- */

static hid_t native_type(OutputType type) {
    switch (type) {
    case OUTPUT_SINGLE:
        return H5T_NATIVE_FLOAT;
    case OUTPUT_INTEGER:
        return H5T_NATIVE_INT32;
    default:
        return H5T_NATIVE_DOUBLE;
    }
}

/* The values as they are stored. */
static const void *stored_values(const Output *output, Arena *arena) {
    if (output->type == OUTPUT_REAL)
        return output->values;
    if (output->type == OUTPUT_SINGLE) {
        float *singles = ARENA_ARRAY(arena, float, output->count);
        for (size_t i = 0; i < output->count; i++)
            singles[i] = (float)output->values[i];
        return singles;
    }
    int32_t *labels = ARENA_ARRAY(arena, int32_t, output->count);
    for (size_t i = 0; i < output->count; i++)
        labels[i] = isnan(output->values[i]) ? LABEL_UNDEFINED : (int32_t)output->values[i];
    return labels;
}

/* Makes the dataset; writes what is not by step. */
static Status make_array(const Writing *writing, Output *output, const char *name) {
    hsize_t shape[OUTPUT_RANK_LARGEST];
    for (int axis = 0; axis < output->rank; axis++)
        shape[axis] = (hsize_t)output->axes[axis]->length;
    hid_t type = native_type(output->type);
    if (output->by_step)
        return storage_begin(writing->file, name, type, output->rank, shape, &output->dataset,
                             writing->error);
    return storage_write(writing->file, name, type, output->rank, shape,
                         stored_values(output, writing->arena), writing->error);
}

static Status make_output(const Writing *writing, Output *output) {
    const char *name = arena_format(writing->arena, "/%s", output->name);
    for (int axis = 0; axis < output->rank; axis++)
        TRY(write_axis(writing, output->axes[axis]));
    TRY(make_array(writing, output, name));
    TRY(describe(writing, name, output->long_name, output->units, output->source));
    const char *undefined = output->undefined;
    if (undefined != NULL && output->type == OUTPUT_INTEGER)
        undefined = arena_format(writing->arena, "-1 where %s", undefined);
    else if (undefined != NULL)
        undefined = arena_format(writing->arena, "NaN where %s", undefined);
    if (undefined != NULL)
        TRY(storage_set_text(writing->file, name, "undefined", undefined, writing->error));
    if (output->analysis != NULL)
        TRY(storage_set_text(writing->file, name, "analysis", output->analysis, writing->error));
    const char *scales[OUTPUT_RANK_LARGEST];
    for (int axis = 0; axis < output->rank; axis++)
        scales[axis] = arena_format(writing->arena, "/%s", output->axes[axis]->name);
    return storage_link_scales(writing->file, writing->links, name, output->rank, scales,
                               writing->error);
}

static bool all_usual(const Output *output) {
    bool usual = output->has_usual;
    for (size_t i = 0; i < output->count && usual; i++)
        usual = output->values[i] == output->usual;
    return usual;
}

/* The steps before, which were all as usual. */
static Status write_usual(const Writing *writing, const Output *output, size_t steps) {
    int32_t *values = ARENA_ARRAY(writing->arena, int32_t, output->count);
    for (size_t i = 0; i < output->count; i++)
        values[i] = output->usual;
    for (size_t step = 0; step < steps; step++)
        TRY(storage_write_entry(output->dataset, H5T_NATIVE_INT32, step, values, writing->error));
    return STATUS_OK;
}

static Status write_step(const Writing *writing, Output *output, size_t step) {
    if (output->dataset == 0 && all_usual(output))
        return STATUS_OK;
    if (output->dataset == 0) {
        TRY(make_output(writing, output));
        TRY(write_usual(writing, output, step));
    }
    return storage_write_entry(output->dataset, native_type(output->type), step,
                               stored_values(output, writing->arena), writing->error);
}

/* ---- The file -------------------------------------------------------------------------------- */

/* Texts, links and scales of a dataset, and of the few that emergence makes of it. */
static const size_t bytes_beside = (size_t)1 << 14;

static size_t estimate_bytes(const OutputList *list) {
    size_t bytes = list->taken_over;
    for (size_t i = 0; i < list->count; i++) {
        const Output *output = list->items[i];
        size_t steps = output->by_step ? (size_t)list->step->length : 1;
        bytes += bytes_beside + sizeof(double) * output->count * steps;
    }
    return bytes;
}

OutputSize outputs_size(const OutputList *list) {
    OutputSize size = {0, 0};
    for (size_t i = 0; i < list->count; i++) {
        const Output *output = list->items[i];
        double steps = output->by_step ? (double)list->step->length : 1;
        double value = output->type == OUTPUT_REAL ? sizeof(double) : sizeof(float);
        if (output->has_usual)
            continue;
        size.datasets++;
        size.values += value * (double)output->count * steps;
    }
    return size;
}

/* As measured on files of 110 to 1,900 datasets: names, texts and links of each come to some
   1,040 bytes. */
double output_file_bytes(OutputSize size) {
    return size.values + 1040 * size.datasets;
}

static Status make_outputs(const OutputList *list, bool by_step, const Writing *writing) {
    for (size_t i = 0; i < list->count; i++) {
        Output *output = list->items[i];
        if (output->by_step == by_step && !output->has_usual)
            TRY(make_output(writing, output));
    }
    return STATUS_OK;
}

static Writing writing_of(OutputList *list, Arena *arena, Error *error) {
    list->links.arena = list->arena;
    return (Writing){
        .file = list->writer.file, .links = &list->links, .arena = arena, .error = error};
}

Status outputs_begin(OutputList *list, const char *path, Error *error) {
    TRY(storage_create_on_disk(&list->writer, path, estimate_bytes(list), error));
    Arena arena = arena_create("the variables of analysis.h5");
    const Writing writing = writing_of(list, &arena, error);
    Status status = make_outputs(list, true, &writing);
    arena_destroy(&arena);
    return status;
}

Status outputs_write_step(OutputList *list, size_t step, Error *error) {
    Arena arena = arena_create("one step of analysis.h5");
    const Writing writing = writing_of(list, &arena, error);
    Status status = STATUS_OK;
    for (size_t i = 0; i < list->count && status == STATUS_OK; i++)
        if (list->items[i]->by_step)
            status = write_step(&writing, list->items[i], step);
    arena_destroy(&arena);
    return status;
}

Status output_read_step(const Output *output, size_t step, double *values, Error *error) {
    return storage_read_entry(output->dataset, H5T_NATIVE_DOUBLE, step, values, error);
}

static void close_datasets(const OutputList *list) {
    for (size_t i = 0; i < list->count; i++) {
        storage_end(list->items[i]->dataset);
        list->items[i]->dataset = 0;
    }
}

static Status write_end(const OutputList *list, const OutputEnd *end, const Writing *writing) {
    for (size_t i = 0; i < end->text_count; i++)
        TRY(storage_set_text(writing->file, "/", end->texts[i].name, end->texts[i].text,
                             writing->error));
    TRY(make_outputs(list, false, writing));
    for (size_t i = 0; i < end->label_count; i++) {
        TRY(write_axis(writing, end->labels[i].axis));
        TRY(write_strings(writing, end->labels + i));
    }
    return storage_link_finish(writing->file, writing->links, writing->error);
}

Status outputs_finish(OutputList *list, const OutputEnd *end, Error *error) {
    Arena arena = arena_create("the end of analysis.h5");
    const Writing writing = writing_of(list, &arena, error);
    Status status = write_end(list, end, &writing);
    arena_destroy(&arena);
    if (status != STATUS_OK)
        return status;
    close_datasets(list);
    return storage_commit(&list->writer, error);
}

void outputs_abandon(OutputList *list) {
    close_datasets(list);
    storage_abandon(&list->writer);
}
