#include "analysis/kept.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- What there is --------------------------------------------------------------------------- */

Status kept_open(const char *path, const char *identity, Arena *arena, Kept *kept, Error *error) {
    const char *held = "";
    *kept = (Kept){.arena = arena};
    if (access(path, F_OK) != 0)
        return STATUS_OK;
    TRY(storage_open(path, &kept->file, error));
    bool same =
        storage_get_text(kept->file, "/", "analysis_identity", arena, &held, NULL) == STATUS_OK &&
        strcmp(held, identity) == 0;
    struct stat information;
    if (same && stat(path, &information) == 0)
        kept->bytes = (size_t)information.st_size;
    if (same)
        return storage_scales_read(kept->file, arena, &kept->scales, error);
    kept_close(kept);
    kept->other = true;
    return STATUS_OK;
}

void kept_close(Kept *kept) {
    storage_close(kept->file);
    kept->file = 0;
}

const char *kept_description(hid_t file, const char *analysis, Arena *arena) {
    const char *text = NULL, *name = arena_format(arena, "analysis_%s", analysis);
    if (file <= 0 || storage_get_text(file, "/", name, arena, &text, NULL) != STATUS_OK)
        return NULL;
    return text;
}

/* ---- Which variables ------------------------------------------------------------------------- */

typedef struct Listing {
    Arena *arena;
    const char **names;
    size_t count, capacity;
} Listing;

static void see_name(void *context, const char *name) {
    Listing *listing = context;
    listing->names = arena_grow(listing->arena, listing->names, sizeof *listing->names,
                                listing->count, &listing->capacity);
    listing->names[listing->count++] = arena_string(listing->arena, name);
}

/* Whether a variable belongs to an analysis that is kept. */
static bool stays(const Kept *kept, const char *name, const AnalysisFate *fates, size_t count) {
    const char *analysis;
    if (storage_get_text(kept->file, name, "analysis", kept->arena, &analysis, NULL) != STATUS_OK)
        return false;
    for (size_t i = 0; i < count; i++)
        if (fates[i].keep && strcmp(fates[i].kind->kind.name, analysis) == 0)
            return true;
    return false;
}

/* ---- Copying --------------------------------------------------------------------------------- */

typedef struct Copying {
    const Kept *kept;
    hid_t to;
    Error *error;
} Copying;

/* A scale and the names of its entries, where the new file has none yet. */
static Status copy_axis(const Copying *copying, const char *axis) {
    hid_t from = copying->kept->file, to = copying->to;
    if (storage_exists(to, axis))
        return STATUS_OK;
    TRY(storage_copy(from, to, axis, copying->error));
    TRY(storage_make_scale(to, axis, copying->error));
    const char *labels = arena_format(copying->kept->arena, "%s_label", axis);
    if (!storage_exists(from, labels))
        return STATUS_OK;
    TRY(storage_copy(from, to, labels, copying->error));
    return storage_attach_scale(to, labels, 0, axis, copying->error);
}

static Status copy_variable(const Copying *copying, const char *name) {
    int rank;
    hsize_t shape[STORAGE_RANK_LARGEST];
    const char *axes[STORAGE_RANK_LARGEST];
    TRY(storage_dimensions(copying->kept->file, name, &copying->kept->scales, &rank, shape, axes,
                           copying->error));
    for (int i = 0; i < rank; i++)
        TRY(copy_axis(copying, axes[i]));
    TRY(storage_copy(copying->kept->file, copying->to, name, copying->error));
    for (int i = 0; i < rank; i++)
        TRY(storage_attach_scale(copying->to, name, (unsigned)i, axes[i], copying->error));
    return STATUS_OK;
}

static bool is_map(const char *name) {
    return strcmp(name, "attention_map") == 0 || strcmp(name, "attention_map_null") == 0;
}

Status kept_copy(const Kept *kept, const AnalysisFate *fates, size_t count, bool with_maps,
                 hid_t file, Error *error) {
    const Copying copying = {.kept = kept, .to = file, .error = error};
    Listing listing = {.arena = kept->arena};
    if (kept->file <= 0)
        return STATUS_OK;
    TRY(storage_list(kept->file, "/", see_name, &listing, error));
    for (size_t i = 0; i < listing.count; i++)
        if (stays(kept, listing.names[i], fates, count) || (with_maps && is_map(listing.names[i])))
            TRY(copy_variable(&copying, listing.names[i]));
    return STATUS_OK;
}

/* ---- Samples, for measurements over steps ---------------------------------------------------- */

static const char *text_or(hid_t file, const char *object, const char *name, Arena *arena,
                           const char *fallback) {
    const char *text;
    return storage_get_text(file, object, name, arena, &text, NULL) == STATUS_OK ? text : fallback;
}

/* The writer puts this in front of why a variable may be undefined. */
static const char *reason_of(const char *undefined) {
    static const char lead[] = "NaN where ";
    if (undefined != NULL && strncmp(undefined, lead, sizeof lead - 1) == 0)
        return undefined + sizeof lead - 1;
    return undefined;
}

static const Axis *axis_like(const char *name, hsize_t length, Arena *arena) {
    Axis *axis = ARENA_ARRAY(arena, Axis, 1);
    *axis = (Axis){.name = name, .length = (int)length, .long_name = "", .units = "1"};
    return axis;
}

/* Labels of samples are whole numbers, means are not. */
static bool holds_reals(hid_t file, const char *name) {
    hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
    if (dataset < 0)
        return false;
    hid_t type = H5Dget_type(dataset);
    bool reals = H5Tget_class(type) == H5T_FLOAT;
    H5Tclose(type);
    H5Dclose(dataset);
    return reals;
}

/* name: of the variable, which has the same texts; path: of its samples, [step][sample] and the
   axes of the variable after its step. */
static Status add_samples(const Kept *kept, const char *name, const char *path, OutputList *outputs,
                          Error *error) {
    int rank;
    hsize_t shape[STORAGE_RANK_LARGEST];
    const char *axes[STORAGE_RANK_LARGEST];
    Arena *arena = outputs->arena;
    TRY(storage_dimensions(kept->file, path, &kept->scales, &rank, shape, axes, error));
    if (rank < 2 || rank > OUTPUT_RANK_LARGEST || strcmp(axes[0], "step") != 0)
        return error_set(error, STATUS_FAILED, "%s has other dimensions than steps and samples",
                         path);
    Variable *variable = ARENA_ARRAY(arena, Variable, 1);
    *variable = (Variable){
        .name = name,
        .form = VARIABLE_SAMPLE_MEAN,
        .rank = rank - 2,
        .long_name = text_or(kept->file, name, "long_name", arena, ""),
        .units = text_or(kept->file, name, "units", arena, "1"),
        .source = text_or(kept->file, name, "source", arena, ""),
        .undefined = reason_of(text_or(kept->file, name, "undefined", arena, NULL)),
        .count = 1,
    };
    for (int i = 2; i < rank; i++) {
        variable->axes[i - 2] = axis_like(axes[i], shape[i], arena);
        variable->count *= (size_t)shape[i];
    }
    Output samples = output_like(variable, outputs->step, axis_like(axes[1], shape[1], arena));
    samples.name = path;
    samples.variable = variable;
    samples.dataset = H5Dopen2(kept->file, path, H5P_DEFAULT);
    if (samples.dataset < 0)
        return storage_fail(kept->file, error, "open %s", path);
    output_add(outputs, samples);
    return STATUS_OK;
}

Status kept_add_samples(const Kept *kept, const AnalysisFate *fates, size_t count,
                        OutputList *outputs, Error *error) {
    Listing listing = {.arena = outputs->arena};
    if (kept->file <= 0)
        return STATUS_OK;
    TRY(storage_list(kept->file, "samples", see_name, &listing, error));
    for (size_t i = 0; i < listing.count; i++) {
        const char *path = arena_format(outputs->arena, "samples/%s", listing.names[i]);
        if (stays(kept, path, fates, count) && holds_reals(kept->file, path))
            TRY(add_samples(kept, listing.names[i], path, outputs, error));
    }
    return STATUS_OK;
}

/* ---- Whether all is done --------------------------------------------------------------------- */

bool analysis_holds(const char *directory, const KindList *analyses) {
    Arena arena = arena_create("what analysis.h5 holds");
    const char *path = arena_format(&arena, "%s/analysis.h5", directory);
    hid_t file = 0;
    bool all = access(path, F_OK) == 0 && storage_open(path, &file, NULL) == STATUS_OK;
    for (size_t i = 0; i < analyses->count && all; i++) {
        const KindChoice *choice = analyses->items + i;
        const char *held = kept_description(file, choice->kind->name, &arena);
        all = held != NULL && strcmp(held, analysis_describe(choice, &arena)) == 0;
    }
    storage_close(file);
    arena_destroy(&arena);
    return all;
}
