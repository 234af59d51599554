#include "results/report/runs.h"

#include "model/base/log.h"
#include "train/checksum.h"

#include <hdf5_hl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const companion_suffixes[] = {"_std", "_low", "_high", "_count"};

enum { COMPANIONS = sizeof(companion_suffixes) / sizeof(companion_suffixes[0]) };

/* Reads an attribute of any real or whole-number type; fallback where it is missing. */
static int64_t integer_or(hid_t file, const char *object, const char *name, int64_t fallback) {
    int64_t value;
    return storage_get_integer(file, object, name, &value, NULL) == STATUS_OK ? value : fallback;
}

static const char *text_or(hid_t file, const char *object, const char *name, Arena *arena) {
    const char *text = "";
    htri_t exists = -1;
    H5E_BEGIN_TRY {
        exists = H5Aexists_by_name(file, object, name, H5P_DEFAULT);
    }
    H5E_END_TRY
    if (exists <= 0 || storage_get_text(file, object, name, arena, &text, NULL) != STATUS_OK)
        return "";
    return text;
}

/* Adds up the parameters' sizes; opdata: int64_t total. Virtual stacks are [step][…]. */
static herr_t count_parameters(hid_t group, const char *name, const H5O_info_t *info,
                               void *opdata) {
    if (info->type != H5O_TYPE_DATASET)
        return 0;
    int rank;
    hsize_t shape[8];
    if (storage_shape(group, name, &rank, shape, NULL) != STATUS_OK)
        return 0;
    int64_t count = 1;
    for (int i = 1; i < rank; i++)
        count *= (int64_t)shape[i];
    *(int64_t *)opdata += count;
    return 0;
}

/* Tokens seen by the newest snapshot, 0 where it does not say. */
static int64_t trained_tokens(hid_t file, const char *directory, Arena *arena) {
    int rank;
    hsize_t shape[8];
    if (storage_shape(file, "step", &rank, shape, NULL) != STATUS_OK || rank != 1 || shape[0] == 0)
        return 0;
    int64_t *steps = ARENA_ARRAY(arena, int64_t, shape[0]);
    if (storage_read(file, "step", H5T_NATIVE_INT64, shape[0], steps, NULL) != STATUS_OK)
        return 0;
    const char *path = arena_format(arena, "%s/snapshots/step-%08lld.h5", directory,
                                    (long long)steps[shape[0] - 1]);
    hid_t snapshot;
    if (access(path, F_OK) != 0 || storage_open(path, &snapshot, NULL) != STATUS_OK)
        return 0;
    int64_t tokens = integer_or(snapshot, "/", "tokens", 0);
    storage_close(snapshot);
    return tokens;
}

/* Shape and checksum of the probe. */
static void read_probe(hid_t file, RunFacts *facts) {
    int rank;
    hsize_t shape[8];
    if (storage_shape(file, "probe/inputs", &rank, shape, NULL) != STATUS_OK || rank != 2)
        return;
    facts->probe_samples = (int64_t)shape[0];
    facts->probe_length = (int64_t)shape[1];
    size_t count = (size_t)(shape[0] * shape[1]);
    Arena scratch = arena_create("probe");
    int32_t *tokens = ARENA_ARRAY(&scratch, int32_t, 2 * count);
    if (storage_exists(file, "probe/targets") &&
        storage_read(file, "probe/inputs", H5T_NATIVE_INT32, count, tokens, NULL) == STATUS_OK &&
        storage_read(file, "probe/targets", H5T_NATIVE_INT32, count, tokens + count, NULL) ==
            STATUS_OK)
        facts->probe = checksum_trailer(tokens, 2 * count * sizeof *tokens).sum;
    arena_destroy(&scratch);
}

static void read_facts(RunData *data, Arena *arena) {
    RunFacts *facts = &data->facts;
    *facts = (RunFacts){.program_version = "",
                        .git_revision = "",
                        .blas_core = "",
                        .host_cpu = "",
                        .start_time = "",
                        .end_time = "",
                        .data_sha256 = ""};
    char *path = arena_format(arena, "%s/run.h5", data->run->directory);
    hid_t file;
    if (access(path, F_OK) != 0 || storage_open(path, &file, NULL) != STATUS_OK)
        return;
    facts->program_version = text_or(file, "/", "program_version", arena);
    facts->git_revision = text_or(file, "/", "git_revision", arena);
    facts->blas_core = text_or(file, "/", "openblas_core", arena);
    facts->host_cpu = text_or(file, "/", "host_cpu", arena);
    facts->start_time = text_or(file, "/", "start_time", arena);
    facts->end_time = text_or(file, "/", "end_time", arena);
    facts->data_sha256 = text_or(file, "/", "data_sha256", arena);
    facts->threads = integer_or(file, "/", "threads", 0);
    int rank;
    hsize_t shape[8];
    if (storage_shape(file, "parameters/token_embedding", &rank, shape, NULL) == STATUS_OK &&
        rank == 3)
        facts->vocabulary = (int64_t)shape[1];
    if (storage_shape(file, "log/step", &rank, shape, NULL) == STATUS_OK && rank == 1)
        facts->steps = (int64_t)shape[0];
    read_probe(file, facts);
    facts->tokens = trained_tokens(file, data->run->directory, arena);
    if (storage_exists(file, "parameters")) {
        hid_t group = H5Gopen2(file, "parameters", H5P_DEFAULT);
        H5Ovisit2(group, H5_INDEX_NAME, H5_ITER_INC, count_parameters, &facts->parameters,
                  H5O_INFO_BASIC);
        H5Gclose(group);
    }
    storage_close(file);
}

/* One listing of the file's root: names of datasets, in order. */
typedef struct Listing {
    Arena *arena;
    const char **names;
    size_t count, capacity;
} Listing;

static herr_t list_dataset(hid_t group, const char *name, const H5L_info_t *info, void *opdata) {
    (void)info;
    Listing *listing = opdata;
    H5O_info_t object;
    if (H5Oget_info_by_name2(group, name, &object, H5O_INFO_BASIC, H5P_DEFAULT) < 0 ||
        object.type != H5O_TYPE_DATASET)
        return 0;
    listing->names = arena_grow(listing->arena, listing->names, sizeof *listing->names,
                                listing->count, &listing->capacity);
    listing->names[listing->count++] = arena_string(listing->arena, name);
    return 0;
}

/* Labels of a scale, written as strings beside it under <name>_label; NULL for none. */
static const char *const *read_labels(hid_t file, const char *name, int length, Arena *arena) {
    const char *path = arena_format(arena, "%s_label", name);
    int rank;
    hsize_t shape[8];
    if (!storage_exists(file, path) || storage_shape(file, path, &rank, shape, NULL) != STATUS_OK ||
        rank != 1 || shape[0] != (hsize_t)length)
        return NULL;
    hid_t dataset = H5Dopen2(file, path, H5P_DEFAULT), stored = H5Dget_type(dataset);
    char **texts = ARENA_ARRAY(arena, char *, (size_t)length);
    const char **labels = ARENA_ARRAY(arena, const char *, (size_t)length);
    bool good = H5Tget_class(stored) == H5T_STRING && H5Tis_variable_str(stored) > 0 &&
                H5Dread(dataset, stored, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts) >= 0;
    for (int i = 0; good && i < length; i++) {
        labels[i] = arena_string(arena, texts[i] != NULL ? texts[i] : "");
        H5free_memory(texts[i]);
    }
    H5Tclose(stored);
    H5Dclose(dataset);
    return good ? labels : NULL;
}

const Dimension *run_dimension(const RunData *data, const char *name) {
    for (size_t i = 0; i < data->dimension_count; i++)
        if (strcmp(data->dimensions[i].name, name) == 0)
            return &data->dimensions[i];
    return NULL;
}

static haddr_t object_address(hid_t object) {
    H5O_info_t info;
    return H5Oget_info2(object, &info, H5O_INFO_BASIC) >= 0 ? info.addr : HADDR_UNDEF;
}

/* Fills the dataset's dimensions from the references to its scales, which netCDF-4 calls
   DIMENSION_LIST: for each dimension a list of object references, that is, addresses. (Asking for a
   scale's name instead searches the whole file each time.) False unless each has a known scale. */
static bool read_scales(const RunData *data, hid_t id, Dataset *dataset) {
    if (dataset->rank == 0)
        return true;
    hvl_t lists[RANK_LARGEST] = {{0}};
    if (H5Aexists(id, "DIMENSION_LIST") <= 0)
        return false;
    hid_t attribute = H5Aopen(id, "DIMENSION_LIST", H5P_DEFAULT), space = H5Aget_space(attribute);
    hid_t type = H5Tvlen_create(H5T_STD_REF_OBJ);
    bool good = H5Sget_simple_extent_npoints(space) == dataset->rank &&
                H5Aread(attribute, type, lists) >= 0;
    for (int i = 0; good && i < dataset->rank; i++) {
        const hobj_ref_t *scale = lists[i].p;
        for (size_t d = 0; d < data->dimension_count && lists[i].len > 0; d++)
            if (data->dimensions[d].address == (haddr_t)scale[0])
                dataset->dimensions[i] = &data->dimensions[d];
        good = dataset->dimensions[i] != NULL;
    }
    H5Dvlen_reclaim(type, space, H5P_DEFAULT, lists);
    H5Tclose(type);
    H5Sclose(space);
    H5Aclose(attribute);
    return good;
}

static bool read_dimension(RunData *data, hid_t dataset, const char *name, Arena *arena) {
    Dimension *dimension = &data->dimensions[data->dimension_count];
    hid_t space = H5Dget_space(dataset);
    hssize_t length = H5Sget_simple_extent_npoints(space);
    bool vector = H5Sget_simple_extent_ndims(space) == 1 && length <= INT32_MAX;
    H5Sclose(space);
    if (!vector)
        return false;
    *dimension =
        (Dimension){.name = name, .length = (int)length, .address = object_address(dataset)};
    dimension->values = ARENA_ARRAY(arena, double, (size_t)length);
    herr_t read = -1;
    H5E_BEGIN_TRY {
        read =
            H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, dimension->values);
    }
    H5E_END_TRY
    for (int i = 0; read < 0 && i < dimension->length; i++)
        dimension->values[i] = i;
    dimension->labels = read_labels(data->file, name, dimension->length, arena);
    data->dimension_count++;
    return true;
}

/* Fills one dataset's index entry; false for what is no numeric variable with named dimensions. */
static bool read_dataset(RunData *data, hid_t id, const char *name, Arena *arena,
                         Dataset *dataset) {
    hid_t type = H5Dget_type(id), space = H5Dget_space(id);
    H5T_class_t class = H5Tget_class(type);
    int rank = H5Sget_simple_extent_ndims(space);
    H5Tclose(type);
    H5Sclose(space);
    if ((class != H5T_FLOAT && class != H5T_INTEGER) || rank < 0 || rank > RANK_LARGEST)
        return false;
    *dataset = (Dataset){.name = name, .rank = rank, .label = class == H5T_INTEGER};
    if (!read_scales(data, id, dataset))
        return false;
    int samples_rank;
    hsize_t shape[8];
    const char *samples = arena_format(arena, "samples/%s", name);
    dataset->has_samples =
        storage_exists(data->file, samples) &&
        storage_shape(data->file, samples, &samples_rank, shape, NULL) == STATUS_OK &&
        samples_rank == rank + 1;
    dataset->samples = dataset->has_samples ? (int)shape[1] : 0;
    return true;
}

static void mark_companions(RunData *data, Arena *arena) {
    for (size_t i = 0; i < data->dataset_count; i++) {
        Dataset *dataset = &data->datasets[i];
        dataset->has_interval =
            run_dataset(data, arena_format(arena, "%s_low", dataset->name)) != NULL &&
            run_dataset(data, arena_format(arena, "%s_high", dataset->name)) != NULL;
        for (int s = 0; s < COMPANIONS; s++) {
            size_t name = strlen(dataset->name), suffix = strlen(companion_suffixes[s]);
            if (name <= suffix || strcmp(dataset->name + name - suffix, companion_suffixes[s]) != 0)
                continue;
            const char *base = arena_format(arena, "%.*s", (int)(name - suffix), dataset->name);
            dataset->companion = dataset->companion || run_dataset(data, base) != NULL;
        }
    }
}

static void read_index(RunData *data, Arena *arena) {
    Listing listing = {.arena = arena};
    H5Literate(data->file, H5_INDEX_NAME, H5_ITER_INC, NULL, list_dataset, &listing);
    data->dimensions = ARENA_ARRAY(arena, Dimension, listing.count);
    data->datasets = ARENA_ARRAY(arena, Dataset, listing.count);
    for (int scales = 1; scales >= 0; scales--) /* the scales first: the others refer to them */
        for (size_t i = 0; i < listing.count; i++) {
            hid_t id = H5Dopen2(data->file, listing.names[i], H5P_DEFAULT);
            if (id < 0)
                continue;
            if ((H5DSis_scale(id) > 0) != (scales == 1)) {
                H5Dclose(id);
                continue;
            }
            if (scales == 1)
                read_dimension(data, id, listing.names[i], arena);
            else if (read_dataset(data, id, listing.names[i], arena,
                                  &data->datasets[data->dataset_count]))
                data->dataset_count++;
            H5Dclose(id);
        }
    mark_companions(data, arena);
}

void run_read(const ReportRun *run, bool keep_open, Arena *arena, RunData *data) {
    *data = (RunData){.run = run, .file = -1, .reason = ""};
    read_facts(data, arena);
    data->path = arena_format(arena, "%s/analysis.h5", run->directory);
    if (strcmp(run->status, "failed") == 0) {
        data->reason = "the run failed: left out of the figures";
        return;
    }
    if (access(data->path, F_OK) != 0) {
        data->reason = "not analysed yet";
        return;
    }
    Error error;
    if (storage_open(data->path, &data->file, &error) != STATUS_OK) {
        log_line(LOG_WARNING, "%s; the report goes without it", error.message);
        data->reason = arena_string(arena, error.message);
        data->file = -1;
        return;
    }
    read_index(data, arena);
    const Dimension *step = run_dimension(data, "step");
    data->analyzed = data->dataset_count > 0 && step != NULL && step->length > 0;
    if (!data->analyzed)
        data->reason = "its analysis.h5 holds no steps";
    if (!keep_open)
        run_close(data);
}

void run_close(RunData *data) {
    if (data->file >= 0)
        storage_close(data->file);
    data->file = -1;
}

static int compare_names(const void *key, const void *dataset) {
    return strcmp(key, ((const Dataset *)dataset)->name);
}

const Dataset *run_dataset(const RunData *data, const char *name) {
    if (data->dataset_count == 0)
        return NULL;
    return bsearch(name, data->datasets, data->dataset_count, sizeof(Dataset), compare_names);
}

int dataset_axis(const Dataset *dataset, const char *dimension) {
    for (int i = 0; i < dataset->rank; i++)
        if (strcmp(dataset->dimensions[i]->name, dimension) == 0)
            return i;
    return -1;
}

Selection selection_all(void) {
    Selection selection;
    for (int i = 0; i < RANK_LARGEST; i++)
        selection.index[i] = -1;
    return selection;
}

bool selection_index(Selection *selection, const Dataset *dataset, const char *dimension,
                     int index) {
    int axis = dataset_axis(dataset, dimension);
    if (axis < 0 || index < 0 || index >= dataset->dimensions[axis]->length)
        return false;
    selection->index[axis] = index;
    return true;
}

bool selection_value(Selection *selection, const Dataset *dataset, const char *dimension,
                     double value) {
    int axis = dataset_axis(dataset, dimension);
    if (axis < 0)
        return false;
    for (int i = 0; i < dataset->dimensions[axis]->length; i++)
        if (fabs(dataset->dimensions[axis]->values[i] - value) <= 1e-9 * fabs(value)) {
            selection->index[axis] = i;
            return true;
        }
    return false;
}

size_t selection_count(const Dataset *dataset, const Selection *selection) {
    size_t count = 1;
    for (int i = 0; i < dataset->rank; i++)
        count *= selection->index[i] >= 0 ? 1 : (size_t)dataset->dimensions[i]->length;
    return count;
}

/* Reads a hyperslab of dataset path whose shape must be lengths; NULL on any disagreement. */
static double *read_slab(hid_t file, const char *path, int rank, const hsize_t *lengths,
                         const int *index, Arena *arena) {
    int stored_rank;
    hsize_t shape[8], start[8] = {0}, count[8] = {0};
    if (!storage_exists(file, path) ||
        storage_shape(file, path, &stored_rank, shape, NULL) != STATUS_OK || stored_rank != rank)
        return NULL;
    hsize_t total = 1;
    for (int i = 0; i < rank; i++) {
        if (shape[i] != lengths[i])
            return NULL;
        start[i] = index[i] >= 0 ? (hsize_t)index[i] : 0;
        count[i] = index[i] >= 0 ? 1 : shape[i];
        total *= count[i];
    }
    double *values = ARENA_ARRAY(arena, double, total);
    hid_t dataset = H5Dopen2(file, path, H5P_DEFAULT), stored = H5Dget_space(dataset);
    hid_t memory = H5Screate_simple(1, &total, NULL), type = H5Dget_type(dataset);
    herr_t good = -1;
    H5E_BEGIN_TRY {
        good =
            rank == 0 ? 0 : H5Sselect_hyperslab(stored, H5S_SELECT_SET, start, NULL, count, NULL);
        if (good >= 0)
            good = H5Dread(dataset, H5T_NATIVE_DOUBLE, memory, stored, H5P_DEFAULT, values);
    }
    H5E_END_TRY
    if (H5Tget_class(type) == H5T_INTEGER)
        for (hsize_t i = 0; i < total; i++)
            values[i] = values[i] == -1 ? NAN : values[i];
    H5Tclose(type);
    H5Sclose(memory);
    H5Sclose(stored);
    H5Dclose(dataset);
    return good >= 0 ? values : NULL;
}

/* As read_slab, from the run's analysis.h5, whether it is open or not. */
static double *read_analysis(const RunData *data, const char *path, int rank,
                             const hsize_t *lengths, const int *index, Arena *arena) {
    hid_t file = data->file;
    if (file < 0 && storage_open(data->path, &file, NULL) != STATUS_OK)
        return NULL;
    double *values = read_slab(file, path, rank, lengths, index, arena);
    if (data->file < 0)
        storage_close(file);
    return values;
}

double *dataset_read(const RunData *data, const Dataset *dataset, const char *suffix,
                     const Selection *selection, Arena *arena) {
    hsize_t lengths[RANK_LARGEST];
    for (int i = 0; i < dataset->rank; i++)
        lengths[i] = (hsize_t)dataset->dimensions[i]->length;
    const char *path = arena_format(arena, "%s%s", dataset->name, suffix);
    return read_analysis(data, path, dataset->rank, lengths, selection->index, arena);
}

double *dataset_read_samples(const RunData *data, const Dataset *dataset,
                             const Selection *selection, int *samples, Arena *arena) {
    if (!dataset->has_samples || dataset_axis(dataset, "step") != 0)
        return NULL;
    hsize_t lengths[RANK_LARGEST + 1] = {(hsize_t)dataset->dimensions[0]->length,
                                         (hsize_t)dataset->samples};
    int index[RANK_LARGEST + 1] = {-1, -1};
    for (int i = 1; i < dataset->rank; i++) {
        lengths[i + 1] = (hsize_t)dataset->dimensions[i]->length;
        index[i + 1] = selection->index[i];
        if (index[i + 1] < 0 || index[i + 1] >= dataset->dimensions[i]->length)
            return NULL;
    }
    *samples = dataset->samples;
    const char *path = arena_format(arena, "samples/%s", dataset->name);
    return read_analysis(data, path, dataset->rank + 1, lengths, index, arena);
}

const char *run_undefined(const RunData *data, const char *name, Arena *arena) {
    static const char *const starts[] = {"NaN where ", "-1 where "};
    hid_t file = data->file;
    if (run_dataset(data, name) == NULL ||
        (file < 0 && storage_open(data->path, &file, NULL) != STATUS_OK))
        return "";
    const char *text = text_or(file, name, "undefined", arena);
    if (data->file < 0)
        storage_close(file);
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
        if (strncmp(text, starts[i], strlen(starts[i])) == 0)
            return text + strlen(starts[i]);
    return text;
}

bool run_read_losses(const RunData *data, Arena *arena, size_t *count, double **steps,
                     double **losses) {
    char *path = arena_format(arena, "%s/run.h5", data->run->directory);
    hid_t file;
    *count = 0;
    if (access(path, F_OK) != 0 || storage_open(path, &file, NULL) != STATUS_OK)
        return false;
    int rank;
    hsize_t shape[8];
    bool good = storage_exists(file, "log/loss") && storage_exists(file, "log/step") &&
                storage_shape(file, "log/loss", &rank, shape, NULL) == STATUS_OK && rank == 1;
    if (good) {
        *count = (size_t)shape[0];
        *steps = ARENA_ARRAY(arena, double, *count);
        *losses = ARENA_ARRAY(arena, double, *count);
        good =
            storage_read(file, "log/step", H5T_NATIVE_DOUBLE, *count, *steps, NULL) == STATUS_OK &&
            storage_read(file, "log/loss", H5T_NATIVE_DOUBLE, *count, *losses, NULL) == STATUS_OK;
    }
    storage_close(file);
    return good && *count > 0;
}
