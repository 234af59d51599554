#include "results/report/group_values.h"

#include <math.h>
#include <string.h>

/* [steps][samples] → [samples][steps]. */
static double *transpose(const double *values, int steps, int samples, Arena *arena) {
    double *turned = ARENA_ARRAY(arena, double, ((size_t)steps * (size_t)samples));
    for (int i = 0; i < steps; i++)
        for (int s = 0; s < samples; s++)
            turned[s * steps + i] = values[i * samples + s];
    return turned;
}

static bool same_steps(const Series *series, const GroupValues *values) {
    return series->count == values->steps &&
           memcmp(series->step, values->step, (size_t)values->steps * sizeof(double)) == 0;
}

/* Adds one seed; returns its standard deviation over samples at the first step. */
static double add_seed(const RunData *run, const Quantity *quantity, int layer, int head,
                       const Series *series, Arena *arena, GroupValues *values) {
    NestedGroup *seed = &values->seeds[values->seed_count++];
    int samples;
    const double *kept = series_read_samples(run, quantity, layer, head, &samples, arena);
    if (kept == NULL || samples == 0) {
        *seed = (NestedGroup){.values = series->value, .members = 1};
        values->over_samples = false;
        return series->deviation != NULL ? series->deviation[0] : NAN;
    }
    *seed = (NestedGroup){transpose(kept, series->count, samples, arena), samples};
    return deviation_of(seed->values, (size_t)samples, (size_t)series->count);
}

bool group_values_read(const Group *group, const Quantity *quantity, int layer, int head,
                       Arena *arena, GroupValues *values) {
    *values = (GroupValues){.seeds = ARENA_ARRAY(arena, NestedGroup, group->run_count),
                            .over_samples = true};
    double *deviations = ARENA_ARRAY(arena, double, group->run_count);
    for (size_t r = 0; r < group->run_count; r++) {
        Series series;
        if (!series_read(group->runs[r], quantity, layer, head, arena, &series))
            continue;
        if (values->seed_count == 0) {
            values->steps = series.count;
            values->step = series.step;
        } else if (!same_steps(&series, values)) {
            continue;
        }
        int seed = values->seed_count;
        deviations[seed] = add_seed(group->runs[r], quantity, layer, head, &series, arena, values);
    }
    values->deviation = mean_of(deviations, (size_t)values->seed_count, 1);
    return values->seed_count > 0;
}

Estimate group_values_estimate(const GroupValues *values, int step, Arena *arena) {
    int members = 0;
    size_t steps = (size_t)values->steps, at = step < 0 ? steps - 1 : (size_t)step;
    for (int k = 0; k < values->seed_count; k++)
        members = values->seeds[k].members > members ? values->seeds[k].members : members;
    size_t stride = (size_t)members;
    double *padded = ARENA_ARRAY(arena, double, ((size_t)values->seed_count * stride));
    for (size_t k = 0; k < (size_t)values->seed_count; k++)
        for (size_t i = 0; i < stride; i++)
            padded[k * stride + i] = i < (size_t)values->seeds[k].members
                                         ? values->seeds[k].values[i * steps + at]
                                         : NAN;
    return estimate_nested(padded, values->seed_count, members, BOOTSTRAP_RESAMPLES, 0, arena);
}
