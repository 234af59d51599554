#include "results/report/frame_table.h"

#include "analysis/emergence.h"
#include "results/report/group_values.h"
#include "results/report/output.h"

#include <math.h>
#include <unistd.h>

static const Quantity layer_type = {"frame_type", {{NULL, 0}}};
static const Quantity model_type = {"frame_type_model", {{NULL, 0}}};

/* Labels [members][steps] as [members][steps][FRAME_TYPES]: 1 at the type, else 0; NaN for none. */
static const double *type_indicators(const NestedGroup *labels, size_t steps, Arena *arena) {
    size_t count = (size_t)labels->members * steps;
    double *indicators = ARENA_ARRAY(arena, double, (count * FRAME_TYPES));
    for (size_t i = 0; i < count; i++)
        for (size_t type = 0; type < FRAME_TYPES; type++)
            indicators[i * FRAME_TYPES + type] =
                isnan(labels->values[i]) ? NAN : labels->values[i] == (double)type;
    return indicators;
}

/* Of shares [FRAME_TYPES]. */
static int commonest(const double *shares) {
    int best = FRAME_UNKNOWN;
    for (int type = 0; type < FRAME_TYPES; type++)
        if (shares[type] > (best == FRAME_UNKNOWN ? 0 : shares[best]))
            best = type;
    return best;
}

/* Index of the first step from which shares [steps][FRAME_TYPES] give the last step's type. */
static size_t stays_since(const double *shares, size_t steps) {
    int last = commonest(shares + (steps - 1) * FRAME_TYPES);
    size_t since = steps - 1;
    while (since > 0 && commonest(shares + (since - 1) * FRAME_TYPES) == last)
        since--;
    return since;
}

/* How many seeds end with that type. */
static int count_agreeing(const NestedGroup *seeds, int count, size_t steps, int type,
                          Arena *arena) {
    int agreeing = 0;
    double *shares = ARENA_ARRAY(arena, double, (steps * FRAME_TYPES));
    for (int k = 0; k < count; k++) {
        const Nested one = nested_create(seeds + k, 1, steps * FRAME_TYPES, arena);
        nested_means(&one, NULL, shares);
        agreeing += commonest(shares + (steps - 1) * FRAME_TYPES) == type;
    }
    return agreeing;
}

static void draw_since(const Nested *nested, uint64_t place, size_t steps, Arena *scratch,
                       FrameCell *cell) {
    double draws[FRAME_DRAWS];
    double *shares = ARENA_ARRAY(scratch, double, (steps * FRAME_TYPES));
    for (uint32_t d = 0; d < FRAME_DRAWS; d++) {
        Random random = random_create(1, RANDOM_BOOTSTRAP, place, d);
        nested_means(nested, &random, shares);
        bool same = commonest(shares + (steps - 1) * FRAME_TYPES) == cell->types[steps - 1];
        draws[d] = same ? cell->step[stays_since(shares, steps)] : NAN;
        cell->without += !same;
    }
    emergence_interval(draws, FRAME_DRAWS, &cell->low, &cell->high);
}

static void fill_cell(const GroupValues *labels, uint64_t place, Arena *arena, Arena *scratch,
                      FrameCell *cell) {
    size_t steps = (size_t)labels->steps;
    int seeds = labels->seed_count, *types = ARENA_ARRAY(arena, int, steps);
    double *shares = ARENA_ARRAY(scratch, double, (steps * FRAME_TYPES));
    double *own = ARENA_ARRAY(arena, double, steps);
    NestedGroup *groups = ARENA_ARRAY(scratch, NestedGroup, (size_t)seeds);
    for (int k = 0; k < seeds; k++)
        groups[k] = (NestedGroup){.values = type_indicators(labels->seeds + k, steps, scratch),
                                  .members = labels->seeds[k].members};
    const Nested nested = nested_create(groups, seeds, steps * FRAME_TYPES, scratch);
    nested_means(&nested, NULL, shares);
    for (size_t i = 0; i < steps; i++) {
        types[i] = commonest(shares + i * FRAME_TYPES);
        own[i] = types[i] == FRAME_UNKNOWN ? NAN : shares[i * FRAME_TYPES + (size_t)types[i]];
    }
    *cell = (FrameCell){.present = types[steps - 1] != FRAME_UNKNOWN,
                        .steps = labels->steps,
                        .step = labels->step,
                        .types = types,
                        .shares = own,
                        .since = labels->step[stays_since(shares, steps)],
                        .low = NAN,
                        .high = NAN,
                        .seeds = seeds,
                        .over_samples = labels->over_samples};
    if (!cell->present)
        return;
    cell->agreeing = count_agreeing(groups, seeds, steps, types[steps - 1], scratch);
    if (seeds > 1 || labels->over_samples)
        draw_since(&nested, place, steps, scratch, cell);
}

static bool any_run_holds(const Report *report, const char *variable) {
    bool held = false;
    for (size_t r = 0; r < report->run_count; r++)
        held = held || run_dataset(&report->runs[r], variable) != NULL;
    return held;
}

void frame_table(const Report *report, Arena *arena, FrameTable *table) {
    *table = (FrameTable){.report = report};
    if (!any_run_holds(report, layer_type.variable))
        return;
    table->rows = report->layers + 1;
    size_t rows = (size_t)table->rows;
    table->cells = ARENA_ARRAY(arena, FrameCell, report->group_count * rows);
    for (size_t g = 0; g < report->group_count; g++)
        for (size_t row = 0; row < rows; row++) {
            Arena scratch = arena_create("frame types");
            GroupValues labels;
            bool model = row + 1 == rows;
            if (group_values_read(&report->groups[g], model ? &model_type : &layer_type, (int)row,
                                  0, &scratch, &labels))
                fill_cell(&labels, row, arena, &scratch, &table->cells[g * rows + row]);
            arena_destroy(&scratch);
        }
}

const FrameCell *frame_cell(const FrameTable *table, size_t group, int row) {
    return &table->cells[group * (size_t)table->rows + (size_t)row];
}

const char *frame_row_text(const FrameTable *table, int row, Arena *arena) {
    return row + 1 == table->rows ? "whole model" : arena_format(arena, "layer %d", row);
}

static void write_cell(FILE *stream, const FrameTable *table, size_t group, int row) {
    const FrameCell *cell = frame_cell(table, group, row);
    for (size_t k = 0; k < table->report->job->swept_count; k++) {
        output_csv_text(stream, table->report->groups[group].swept_values[k]);
        fputc(',', stream);
    }
    if (row + 1 == table->rows)
        fputs("model,", stream);
    else
        fprintf(stream, "%d,", row);
    fprintf(stream, "%s,", frame_type_names[cell->types[cell->steps - 1]]);
    output_csv_number(stream, cell->shares[cell->steps - 1]);
    fprintf(stream, ",%.15g,", cell->since);
    output_csv_number(stream, cell->low);
    fputc(',', stream);
    output_csv_number(stream, cell->high);
    fprintf(stream, ",%d,%d,%d,%.15g\n", cell->without, cell->agreeing, cell->seeds,
            cell->step[cell->steps - 1]);
}

Status frame_table_write(const FrameTable *table, Error *error) {
    const ReportJob *job = table->report->job;
    OutputFile file;
    char path[4096];
    snprintf(path, sizeof(path), "%s/frame_types.csv", job->directory);
    if (table->rows == 0) {
        unlink(path); /* of an earlier report */
        return STATUS_OK;
    }
    TRY(output_open(&file, path, error));
    for (size_t k = 0; k < job->swept_count; k++) {
        output_csv_text(file.stream, job->swept_keys[k]);
        fputc(',', file.stream);
    }
    fputs("layer,type,share,since,low,high,draws_without,seeds_agreeing,seeds,step\n", file.stream);
    for (size_t g = 0; g < table->report->group_count; g++)
        for (int row = 0; row < table->rows; row++)
            if (frame_cell(table, g, row)->present)
                write_cell(file.stream, table, g, row);
    return output_commit(&file, error);
}
