/* What analysis.h5 and the files of `fiducial attention` hold, for a person. */
#include "experiments/runner/inspect_analysis.h"

#include "analysis/analysis.h"
#include "experiments/runner/inspect_run.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* What stands beside a variable and is not shown by itself. */
static const char *const companions[] = {"_std", "_low", "_high", "_count", "_null", "_label"};

static bool is_companion(hid_t file, const char *name, Arena *arena) {
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof companions / sizeof companions[0]; i++) {
        size_t suffix = strlen(companions[i]);
        if (length > suffix && strcmp(name + length - suffix, companions[i]) == 0 &&
            storage_exists(file, arena_format(arena, "%.*s", (int)(length - suffix), name)))
            return true;
    }
    return false;
}

/* ---- Values ---------------------------------------------------------------------------------- */

typedef struct Shown {
    const char *axes, *units, *undefined;
    double least, largest; /* of what is defined */
    size_t count, missing;
    bool numbers, whole;
} Shown;

static void range_of(const double *values, size_t count, Shown *shown) {
    shown->count = count;
    shown->least = shown->largest = NAN;
    for (size_t i = 0; i < count; i++) {
        bool missing = isnan(values[i]) ||
                       (shown->whole && shown->undefined != NULL && values[i] == LABEL_UNDEFINED);
        shown->missing += missing;
        if (missing)
            continue;
        shown->least = fmin(shown->least, values[i]);
        shown->largest = fmax(shown->largest, values[i]);
    }
}

static void type_of(hid_t file, const char *name, Shown *shown) {
    hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
    if (dataset < 0)
        return;
    hid_t type = H5Dget_type(dataset);
    H5T_class_t class = H5Tget_class(type);
    shown->whole = class == H5T_INTEGER;
    shown->numbers = class == H5T_INTEGER || class == H5T_FLOAT;
    H5Tclose(type);
    H5Dclose(dataset);
}

static Status read_entry(hid_t file, const char *name, size_t entry, double *values, Error *error) {
    hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
    if (dataset < 0)
        return storage_fail(file, error, "open %s", name);
    Status status = storage_read_entry(dataset, H5T_NATIVE_DOUBLE, entry, values, error);
    storage_end(dataset);
    return status;
}

/* The values at the last step, or all where there are no steps. */
static Status look(Inspector *inspector, hid_t file, const char *name, const StorageScales *scales,
                   Shown *shown) {
    Arena *arena = inspector->arena;
    int rank;
    hsize_t shape[STORAGE_RANK_LARGEST];
    const char *axes[STORAGE_RANK_LARGEST];
    *shown = (Shown){.axes = "",
                     .units = inspect_text(file, name, "units", arena, ""),
                     .undefined = inspect_text(file, name, "undefined", arena, NULL)};
    type_of(file, name, shown);
    if (!shown->numbers)
        return STATUS_OK;
    TRY(storage_dimensions(file, name, scales, &rank, shape, axes, inspector->error));
    bool steps = rank > 0 && strcmp(axes[0], "step") == 0;
    size_t count = 1;
    for (int i = steps; i < rank; i++) {
        shown->axes = arena_format(arena, "%s%s%s", shown->axes, shown->axes[0] == '\0' ? "" : " ",
                                   axes[i][0] == '\0' ? "?" : axes[i]);
        count *= (size_t)shape[i];
    }
    Arena scratch = arena_create("a variable's values");
    Status status = arena_reserve(&scratch, sizeof(double) * count + 64, inspector->error);
    double *values = status == STATUS_OK ? ARENA_ARRAY(&scratch, double, count) : NULL;
    if (status == STATUS_OK && steps && shape[0] > 0)
        status = read_entry(file, name, (size_t)shape[0] - 1, values, inspector->error);
    else if (status == STATUS_OK)
        status = storage_read(file, name, H5T_NATIVE_DOUBLE, count, values, inspector->error);
    if (status == STATUS_OK)
        range_of(values, count, shown);
    arena_destroy(&scratch);
    return status;
}

static const char *value_text(const Shown *shown, Arena *arena) {
    if (shown->missing == shown->count)
        return "undefined";
    const char *some = shown->missing > 0 ? " *" : "";
    const char *least = arena_format(arena, "%.4g", shown->least);
    const char *largest = arena_format(arena, "%.4g", shown->largest);
    if (strcmp(least, largest) == 0)
        return arena_format(arena, "%.5g%s", shown->least, some);
    return arena_format(arena, "%s … %s%s", least, largest, some);
}

/* ---- Variables ------------------------------------------------------------------------------- */

typedef struct Group {
    Inspector *inspector;
    hid_t file;
    StorageScales scales;
    Columns table, notes;
} Group;

static bool is_scale(const StorageScales *scales, const char *name) {
    for (size_t i = 0; i < scales->count; i++)
        if (strcmp(scales->names[i], name) == 0)
            return true;
    return false;
}

static void note(Group *group, const char *name, const Shown *shown) {
    Arena *arena = group->inspector->arena;
    if (shown->missing > 0 && shown->undefined != NULL)
        columns_add(
            &group->notes,
            (const char *[]){name, arena_format(arena, "%zu of %zu", shown->missing, shown->count),
                             shown->undefined});
}

static Status add_variable(Group *group, const char *name) {
    Shown shown;
    TRY(look(group->inspector, group->file, name, &group->scales, &shown));
    if (!shown.numbers)
        return STATUS_OK;
    columns_add(&group->table, (const char *[]){name, shown.axes, shown.units,
                                                value_text(&shown, group->inspector->arena)});
    note(group, name, &shown);
    return STATUS_OK;
}

/* One row for all that emergence says of a metric. */
static Status add_course(Group *group, const char *name) {
    static const char *const columns[] = {"_final", "_onset_step", "_peak_step"};
    Arena *arena = group->inspector->arena;
    size_t length = strlen(name), suffix = strlen(columns[0]);
    if (length <= suffix || strcmp(name + length - suffix, columns[0]) != 0)
        return STATUS_OK;
    const char *metric = arena_format(arena, "%.*s", (int)(length - suffix), name);
    const char *cells[4] = {metric, "", "", ""};
    for (size_t i = 0; i < 3; i++) {
        Shown shown;
        const char *path = arena_format(arena, "%s%s", metric, columns[i]);
        if (!storage_exists(group->file, path))
            continue;
        TRY(look(group->inspector, group->file, path, &group->scales, &shown));
        cells[i + 1] = value_text(&shown, arena);
    }
    columns_add(&group->table, cells);
    return STATUS_OK;
}

static bool belongs(hid_t file, const char *name, const char *analysis, Arena *arena) {
    const char *of = inspect_text(file, name, "analysis", arena, NULL);
    return analysis == NULL ? of == NULL : of != NULL && strcmp(of, analysis) == 0;
}

static Status collect(Group *group, const char *analysis) {
    Arena *arena = group->inspector->arena;
    bool course = analysis != NULL && strcmp(analysis, "emergence") == 0;
    NameList names = {0};
    TRY(storage_scales_read(group->file, arena, &group->scales, group->inspector->error));
    TRY(inspect_datasets(group->file, "/", arena, &names, group->inspector->error));
    if (course)
        columns_add(&group->table, (const char *[]){"metric", "last", "onset step", "peak step"});
    else
        columns_add(&group->table, (const char *[]){"variable", "axes", "units", "values"});
    for (size_t i = 0; i < names.count; i++) {
        const char *name = names.names[i];
        if (strchr(name, '/') != NULL || is_scale(&group->scales, name) ||
            !belongs(group->file, name, analysis, arena))
            continue;
        if (course)
            TRY(add_course(group, name));
        else if (!is_companion(group->file, name, arena))
            TRY(add_variable(group, name));
    }
    return STATUS_OK;
}

Status inspect_variables(Inspector *inspector, hid_t file, const char *analysis) {
    Arena *arena = inspector->arena;
    Group group = {.inspector = inspector,
                   .file = file,
                   .table = {.arena = arena, .count = 4, .right = "llll"},
                   .notes = {.arena = arena, .count = 3, .right = "lrl"}};
    TRY(collect(&group, analysis));
    columns_write(&group.table, 2, &inspector->text);
    if (group.notes.rows > 0) {
        text_add(&inspector->text, "  not defined (*):\n");
        columns_write(&group.notes, 4, &inspector->text);
    }
    return STATUS_OK;
}

/* ---- Files ----------------------------------------------------------------------------------- */

static Status add_axes(Inspector *inspector, hid_t file) {
    Arena *arena = inspector->arena;
    StorageScales scales;
    TextBuffer text = {.arena = arena};
    TRY(storage_scales_read(file, arena, &scales, inspector->error));
    for (size_t i = 0; i < scales.count; i++) {
        int rank;
        hsize_t shape[STORAGE_RANK_LARGEST] = {0};
        TRY(storage_shape(file, scales.names[i], &rank, shape, inspector->error));
        text_add(&text, "%s%s %llu", i == 0 ? "" : ", ", scales.names[i],
                 (unsigned long long)shape[0]);
    }
    inspect_fact(inspector, "axes", "%s", scales.count == 0 ? "none" : text.text);
    return STATUS_OK;
}

static Status add_steps(Inspector *inspector, hid_t file) {
    int rank;
    hsize_t shape[STORAGE_RANK_LARGEST] = {0};
    TRY(storage_shape(file, "/step", &rank, shape, inspector->error));
    size_t count = (size_t)shape[0];
    int64_t *steps = ARENA_ARRAY(inspector->arena, int64_t, count);
    TRY(storage_read(file, "/step", H5T_NATIVE_INT64, count, steps, inspector->error));
    inspect_fact(inspector, "steps", "%zu: %s", count,
                 inspect_steps(steps, count, inspector->arena));
    return STATUS_OK;
}

/* From "{kind: frames, draws: 200}" to "frames (draws: 200)". */
static const char *plain_description(const char *kind, const char *description, Arena *arena) {
    size_t head = strlen("{kind: ") + strlen(kind), length = strlen(description);
    if (length <= head + 1 || description[head] != ',')
        return kind;
    return arena_format(arena, "%s (%.*s)", kind, (int)(length - head - 3), description + head + 2);
}

const char *inspect_analyses(hid_t file, bool options, Arena *arena) {
    const char *text = "";
    for (size_t i = 0; i < analysis_kinds.count; i++) {
        const char *kind = analysis_kinds.kinds[i]->name;
        const char *held =
            inspect_text(file, "/", arena_format(arena, "analysis_%s", kind), arena, NULL);
        if (held != NULL)
            text = arena_format(arena, "%s%s%s", text, text[0] == '\0' ? "" : ", ",
                                options ? plain_description(kind, held, arena) : kind);
    }
    return text[0] == '\0' ? inspect_text(file, "/", "analyses", arena, "none") : text;
}

Status inspect_analysis(Inspector *inspector, hid_t file, const char *folder) {
    Arena *arena = inspector->arena;
    inspect_settings(inspector, inspect_text(file, "/", "experiment_yaml", arena, ""), folder);
    TRY(add_steps(inspector, file));
    inspect_fact(inspector, "analyses", "%s", inspect_analyses(file, true, arena));
    TRY(add_axes(inspector, file));
    inspect_fact(
        inspector, "not shown",
        "<name>_std, _low and _high: spread and 95 %% interval over samples; _count: samples "
        "where it is defined; _null: the same on uniform attention; samples/<name>: of each "
        "sample");
    for (size_t i = 0; i < analysis_kinds.count; i++) {
        const Kind *kind = analysis_kinds.kinds[i];
        if (inspect_text(file, "/", arena_format(arena, "analysis_%s", kind->name), arena, NULL) ==
            NULL)
            continue;
        inspect_heading(inspector, "%s at the last step: %s", kind->name, kind->meaning);
        TRY(inspect_variables(inspector, file, kind->name));
    }
    inspect_heading(inspector, "of no analysis alone, at the last step");
    return inspect_variables(inspector, file, NULL);
}

Status inspect_attention(Inspector *inspector, hid_t file) {
    static const char *const texts[] = {
        "experiment", "run", "seed", "step", "input", "parameters_sha256", "program_version"};
    Arena *arena = inspector->arena;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        inspect_fact(inspector, texts[i], "%s", inspect_text(file, "/", texts[i], arena, "?"));
    TRY(add_axes(inspector, file));
    inspect_heading(inspector, "variables");
    return inspect_variables(inspector, file, NULL);
}
