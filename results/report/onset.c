#include "results/report/onset.h"

#include "analysis/emergence.h"
#include "results/report/group_values.h"
#include "results/report/metrics.h"

#include <math.h>

/* Half of which change is made by when, of values by step. */
typedef struct Change {
    double step, first, reached; /* as in Onset */
} Change;

static Change change_of(const GroupValues *values, const double *mean, bool peak) {
    const EmergenceSummary summary =
        emergence_of(values->step, mean, (size_t)values->steps, values->deviation);
    return peak ? (Change){summary.peak_onset_step, mean[0], summary.peak}
                : (Change){summary.onset_step, mean[0], summary.final};
}

const char *onset_direction(const Onset *onset) {
    return isnan(onset->step) ? "" : onset->reached < onset->first ? "falls" : "rises";
}

/* Whether both have an onset, one of a rise and one of a fall. */
static bool opposed(const Change *change, const Onset *onset) {
    return !isnan(change->step) && !isnan(onset->step) &&
           (change->reached < change->first) != (onset->reached < onset->first);
}

static const char *reason_for_none(const GroupValues *values, const double *mean, bool peak) {
    double change = fabs(mean[values->steps - 1] - mean[0]);
    for (int i = 0; i < values->steps && peak && !isnan(change); i++)
        change = fmax(change, fabs(mean[i] - mean[0]));
    if (values->steps < 4)
        return "fewer than four saved steps";
    if (isnan(change))
        return "not defined at the first or the last step";
    if (!isnan(values->deviation) && !(change > 3 * values->deviation))
        return "its change stays within three standard deviations of the untrained model";
    return "it does not stay beyond half of its change for three saved steps";
}

/* row: of the whole table, by which the draws are told apart. */
static void find_onset(const GroupValues *values, size_t row, bool peak, Arena *arena,
                       Onset *onset) {
    size_t steps = (size_t)values->steps;
    const Nested nested = nested_create(values->seeds, values->seed_count, steps, arena);
    double *mean = ARENA_ARRAY(arena, double, steps);
    nested_means(&nested, NULL, mean);
    *onset = (Onset){.present = true,
                     .seeds = values->seed_count,
                     .over_samples = values->over_samples,
                     .low = NAN,
                     .high = NAN,
                     .reason = ""};
    const Change change = change_of(values, mean, peak);
    onset->step = change.step;
    onset->first = change.first;
    onset->reached = change.reached;
    if (isnan(onset->step))
        onset->reason = reason_for_none(values, mean, peak);
    if (values->seed_count < 2 && !values->over_samples)
        return;
    double draws[ONSET_DRAWS];
    for (uint32_t d = 0; d < ONSET_DRAWS; d++) {
        Random random = random_create(0, RANDOM_BOOTSTRAP, row, d);
        nested_means(&nested, &random, mean);
        const Change drawn = change_of(values, mean, peak);
        draws[d] = drawn.step;
        onset->without += isnan(drawn.step);
        onset->against += opposed(&drawn, onset);
    }
    emergence_interval(draws, ONSET_DRAWS, &onset->low, &onset->high);
}

/* One metric's row, or that against its peak; false where no group has the metric. */
static bool fill_row(const Report *report, const Metric *metric, bool peak, size_t place,
                     Arena *arena, OnsetRow *row) {
    bool any = false;
    row->metric = peak ? NULL : metric;
    row->label = peak ? "the same, against its peak" : metric->label;
    row->onsets = ARENA_ARRAY(arena, Onset, report->group_count);
    for (size_t g = 0; g < report->group_count; g++) {
        const Group *group = &report->groups[g];
        Arena scratch = arena_create("onset steps");
        GroupValues values;
        if (group_values_read(group, &metric->quantity, group->sink_layer, SINKING_HEAD, &scratch,
                              &values)) {
            find_onset(&values, place, peak, &scratch, &row->onsets[g]);
            any = true;
        }
        arena_destroy(&scratch);
    }
    return any;
}

void onset_table(const Report *report, Arena *arena, OnsetTable *table) {
    *table = (OnsetTable){.report = report, .rows = ARENA_ARRAY(arena, OnsetRow, 2 * metric_count)};
    size_t place = 0;
    for (size_t m = 0; m < metric_count; m++)
        for (int peak = 0; peak <= metrics[m].peak && metrics[m].onset; peak++)
            if (metric_listed(report, &metrics[m]))
                table->row_count += fill_row(report, &metrics[m], peak > 0, place++, arena,
                                             &table->rows[table->row_count]);
}
