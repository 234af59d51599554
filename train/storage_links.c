/* Dimension scales of many variables. HDF5's own H5DSattach_scale makes a scale's whole list of
   variables anew for each of them, which takes time and space by the square of their number. */
#include "train/storage.h"

#include <string.h>

/* An entry of a scale's REFERENCE_LIST, as HDF5's dimension scales and netCDF-4 store it. */
typedef struct ListEntry {
    hobj_ref_t dataset;
    unsigned dimension;
} ListEntry;

struct ScaleLink {
    const char *scale;
    ListEntry entry;
    bool written;
};

static void add_link(ScaleLinks *links, const char *scale, ListEntry entry) {
    links->items = arena_grow(links->arena, links->items, sizeof *links->items, links->count,
                              &links->capacity);
    links->items[links->count++] =
        (ScaleLink){.scale = arena_string(links->arena, scale), .entry = entry};
}

static bool write_attribute(hid_t object, const char *name, hid_t type, size_t count,
                            const void *data) {
    hsize_t shape[1] = {count};
    hid_t space = H5Screate_simple(1, shape, NULL);
    hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    bool sound = attribute >= 0 && H5Awrite(attribute, type, data) >= 0;
    if (attribute >= 0)
        H5Aclose(attribute);
    H5Sclose(space);
    return sound;
}

/* The variable's half: for each dimension a list of references to its scales, here one. */
static bool write_dimensions(hid_t file, hid_t dataset, int rank, const char *const *scales) {
    hobj_ref_t references[STORAGE_RANK_LARGEST];
    hvl_t lists[STORAGE_RANK_LARGEST];
    bool sound = true;
    for (int i = 0; i < rank; i++) {
        sound = sound && H5Rcreate(references + i, file, scales[i], H5R_OBJECT, -1) >= 0;
        lists[i] = (hvl_t){.len = 1, .p = references + i};
    }
    hid_t type = H5Tvlen_create(H5T_STD_REF_OBJ);
    sound = sound && write_attribute(dataset, "DIMENSION_LIST", type, (size_t)rank, lists);
    H5Tclose(type);
    return sound;
}

Status storage_link_scales(hid_t file, ScaleLinks *links, const char *name, int rank,
                           const char *const *scales, Error *error) {
    if (rank == 0)
        return STATUS_OK;
    ListEntry entry = {0};
    hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
    bool sound = dataset >= 0 && rank <= STORAGE_RANK_LARGEST &&
                 write_dimensions(file, dataset, rank, scales) &&
                 H5Rcreate(&entry.dataset, dataset, ".", H5R_OBJECT, -1) >= 0;
    Status status = sound ? STATUS_OK : storage_fail(file, error, "link %s to its scales", name);
    if (dataset >= 0)
        H5Dclose(dataset);
    for (int i = 0; i < rank && sound; i++) {
        entry.dimension = (unsigned)i;
        add_link(links, scales[i], entry);
    }
    return status;
}

static hid_t list_type(void) {
    hid_t type = H5Tcreate(H5T_COMPOUND, sizeof(ListEntry));
    H5Tinsert(type, "dataset", HOFFSET(ListEntry, dataset), H5T_STD_REF_OBJ);
    H5Tinsert(type, "dimension", HOFFSET(ListEntry, dimension), H5T_NATIVE_INT);
    return type;
}

/* What is on the list already, with room for more behind it; NULL where it cannot be read. */
static ListEntry *read_list(hid_t scale, hid_t type, size_t more, size_t *count, Arena *arena) {
    *count = 0;
    if (H5Aexists(scale, "REFERENCE_LIST") <= 0)
        return ARENA_ARRAY(arena, ListEntry, more);
    hid_t attribute = H5Aopen(scale, "REFERENCE_LIST", H5P_DEFAULT);
    hid_t space = H5Aget_space(attribute);
    hssize_t held = H5Sget_simple_extent_npoints(space);
    *count = held < 0 ? 0 : (size_t)held;
    ListEntry *entries = ARENA_ARRAY(arena, ListEntry, *count + more);
    bool sound = held >= 0 && H5Aread(attribute, type, entries) >= 0 &&
                 H5Adelete(scale, "REFERENCE_LIST") >= 0;
    H5Sclose(space);
    H5Aclose(attribute);
    return sound ? entries : NULL;
}

/* The scale's half, of all links from `first` on that are its own. */
static bool write_list(hid_t file, ScaleLinks *links, size_t first) {
    const char *name = links->items[first].scale;
    hid_t scale = H5Dopen2(file, name, H5P_DEFAULT), type = list_type();
    Arena arena = arena_create("the variables of a scale");
    size_t count = 0;
    ListEntry *entries =
        scale < 0 ? NULL : read_list(scale, type, links->count - first, &count, &arena);
    for (size_t i = first; i < links->count && entries != NULL; i++)
        if (!links->items[i].written && strcmp(links->items[i].scale, name) == 0) {
            entries[count++] = links->items[i].entry;
            links->items[i].written = true;
        }
    bool sound = entries != NULL && write_attribute(scale, "REFERENCE_LIST", type, count, entries);
    arena_destroy(&arena);
    H5Tclose(type);
    if (scale >= 0)
        H5Dclose(scale);
    return sound;
}

Status storage_link_finish(hid_t file, ScaleLinks *links, Error *error) {
    for (size_t i = 0; i < links->count; i++)
        if (!links->items[i].written && !write_list(file, links, i))
            return storage_fail(file, error, "list the variables of the scale %s",
                                links->items[i].scale);
    links->count = 0;
    return STATUS_OK;
}
