/* Datasets taken over from one file into another, and the scales that variables refer to. */
#include "train/storage.h"

#include <hdf5_hl.h>
#include <string.h>

/* ---- Copying ------------------------------------------------------------------------------- */

typedef struct Copying {
    hid_t from, to;
    const char *name;
    Arena *arena;
    Error *error;
    Status status;
} Copying;

/* What makes a dataset a dimension scale, which storage_make_scale says anew. */
static bool is_scale_mark(const char *attribute) {
    return strcmp(attribute, "CLASS") == 0 || strcmp(attribute, "NAME") == 0;
}

static bool is_text(hid_t file, const char *object, const char *name) {
    hid_t attribute = H5Aopen_by_name(file, object, name, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute < 0)
        return false;
    hid_t type = H5Aget_type(attribute);
    bool text = H5Tget_class(type) == H5T_STRING;
    H5Tclose(type);
    H5Aclose(attribute);
    return text;
}

static herr_t copy_attribute(hid_t object, const char *attribute, const H5A_info_t *information,
                             void *context) {
    (void)object, (void)information;
    Copying *copying = context;
    const char *text;
    if (is_scale_mark(attribute) || !is_text(copying->from, copying->name, attribute))
        return 0;
    copying->status = storage_get_text(copying->from, copying->name, attribute, copying->arena,
                                       &text, copying->error);
    if (copying->status == STATUS_OK)
        copying->status =
            storage_set_text(copying->to, copying->name, attribute, text, copying->error);
    return copying->status == STATUS_OK ? 0 : 1;
}

Status storage_copy(hid_t from, hid_t to, const char *name, Error *error) {
    TRY(storage_make_groups(to, name, error));
    hid_t options = H5Pcreate(H5P_OBJECT_COPY);
    H5Pset_copy_object(options, H5O_COPY_WITHOUT_ATTR_FLAG);
    bool sound = H5Ocopy(from, name, to, name, options, H5P_DEFAULT) >= 0;
    Status status = sound ? STATUS_OK : storage_fail(from, error, "copy %s", name);
    H5Pclose(options);
    if (status != STATUS_OK)
        return status;
    Arena arena = arena_create("the attributes of a dataset");
    Copying copying = {.from = from, .to = to, .name = name, .arena = &arena, .error = error};
    if (H5Aiterate_by_name(from, name, H5_INDEX_NAME, H5_ITER_INC, NULL, copy_attribute, &copying,
                           H5P_DEFAULT) < 0 &&
        copying.status == STATUS_OK)
        copying.status = storage_fail(from, error, "read the attributes of %s", name);
    arena_destroy(&arena);
    return copying.status;
}

/* ---- Scales -------------------------------------------------------------------------------- */

typedef struct Search {
    hid_t file;
    StorageScales *scales;
    size_t capacity;
    Arena *arena;
} Search;

static void see_dataset(void *context, const char *name) {
    Search *search = context;
    StorageScales *scales = search->scales;
    hid_t dataset = H5Dopen2(search->file, name, H5P_DEFAULT);
    bool scale = dataset >= 0 && H5DSis_scale(dataset) > 0;
    if (dataset >= 0)
        H5Dclose(dataset);
    if (!scale)
        return;
    if (scales->count == search->capacity) {
        search->capacity = 2 * search->capacity + 32;
        const char **names = ARENA_ARRAY(search->arena, const char *, search->capacity);
        hobj_ref_t *references = ARENA_ARRAY(search->arena, hobj_ref_t, search->capacity);
        if (scales->count > 0) {
            memcpy(names, scales->names, sizeof *names * scales->count);
            memcpy(references, scales->references, sizeof *references * scales->count);
        }
        scales->names = names;
        scales->references = references;
    }
    if (H5Rcreate(&scales->references[scales->count], search->file, name, H5R_OBJECT, -1) >= 0)
        scales->names[scales->count++] = arena_string(search->arena, name);
}

Status storage_scales_read(hid_t file, Arena *arena, StorageScales *scales, Error *error) {
    *scales = (StorageScales){0};
    Search search = {.file = file, .scales = scales, .arena = arena};
    return storage_list(file, "/", see_dataset, &search, error);
}

static const char *scale_name(const StorageScales *scales, const hvl_t *list) {
    for (size_t i = 0; i < scales->count && list->len > 0; i++)
        if (memcmp(&scales->references[i], list->p, sizeof(hobj_ref_t)) == 0)
            return scales->names[i];
    return "";
}

/* netCDF-4's DIMENSION_LIST: for each dimension a list of references to its scales. */
static void read_dimensions(hid_t dataset, const StorageScales *scales, int rank,
                            const char *names[STORAGE_RANK_LARGEST]) {
    hvl_t lists[STORAGE_RANK_LARGEST] = {{0}};
    if (rank == 0 || H5Aexists(dataset, "DIMENSION_LIST") <= 0)
        return;
    hid_t attribute = H5Aopen(dataset, "DIMENSION_LIST", H5P_DEFAULT);
    hid_t space = H5Aget_space(attribute), type = H5Tvlen_create(H5T_STD_REF_OBJ);
    if (H5Sget_simple_extent_npoints(space) == rank && H5Aread(attribute, type, lists) >= 0) {
        for (int i = 0; i < rank; i++)
            names[i] = scale_name(scales, &lists[i]);
        H5Dvlen_reclaim(type, space, H5P_DEFAULT, lists);
    }
    H5Tclose(type);
    H5Sclose(space);
    H5Aclose(attribute);
}

Status storage_dimensions(hid_t file, const char *name, const StorageScales *scales, int *rank,
                          hsize_t shape[STORAGE_RANK_LARGEST],
                          const char *names[STORAGE_RANK_LARGEST], Error *error) {
    TRY(storage_shape(file, name, rank, shape, error));
    for (int i = 0; i < STORAGE_RANK_LARGEST; i++)
        names[i] = "";
    hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
    if (dataset < 0)
        return storage_fail(file, error, "open %s", name);
    read_dimensions(dataset, scales, *rank, names);
    H5Dclose(dataset);
    return STATUS_OK;
}
