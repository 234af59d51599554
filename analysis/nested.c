#include "analysis/nested.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

Nested nested_create(const NestedGroup *groups, int count, size_t columns, Arena *arena) {
    return (Nested){.groups = groups,
                    .count = count,
                    .columns = columns,
                    .sum = ARENA_ARRAY(arena, double, columns),
                    .group_sum = ARENA_ARRAY(arena, double, columns),
                    .groups_defined = ARENA_ARRAY(arena, int, columns),
                    .members_defined = ARENA_ARRAY(arena, int, columns)};
}

/* Adds up the group's members, or as many drawn ones, into group_sum and members_defined. */
static void sum_members(const Nested *nested, const NestedGroup *group, Random *random) {
    size_t columns = nested->columns;
    memset(nested->group_sum, 0, columns * sizeof *nested->group_sum);
    memset(nested->members_defined, 0, columns * sizeof *nested->members_defined);
    for (uint32_t i = 0; i < (uint32_t)group->members; i++) {
        uint32_t member = random != NULL ? random_below(random, (uint32_t)group->members) : i;
        const double *values = group->values + member * columns;
        for (size_t c = 0; c < columns; c++) {
            bool defined = !isnan(values[c]);
            nested->group_sum[c] += defined ? values[c] : 0;
            nested->members_defined[c] += defined;
        }
    }
}

void nested_means(const Nested *nested, Random *random, double *means) {
    size_t columns = nested->columns;
    memset(nested->sum, 0, columns * sizeof *nested->sum);
    memset(nested->groups_defined, 0, columns * sizeof *nested->groups_defined);
    for (uint32_t k = 0; k < (uint32_t)nested->count; k++) {
        uint32_t drawn = random != NULL ? random_below(random, (uint32_t)nested->count) : k;
        sum_members(nested, nested->groups + drawn, random);
        for (size_t c = 0; c < columns; c++) {
            if (nested->members_defined[c] == 0)
                continue;
            nested->sum[c] += nested->group_sum[c] / nested->members_defined[c];
            nested->groups_defined[c]++;
        }
    }
    for (size_t c = 0; c < columns; c++)
        means[c] = nested->groups_defined[c] > 0 ? nested->sum[c] / nested->groups_defined[c] : NAN;
}

/* The groups that have defined values, these packed to the front; returns their number. */
static int pack_groups(const double *values, int groups, int members, NestedGroup *packed,
                       Arena *scratch) {
    size_t stride = (size_t)members;
    int count = 0;
    for (size_t group = 0; group < (size_t)groups; group++) {
        double *dense = ARENA_ARRAY(scratch, double, stride);
        int size = 0;
        for (size_t i = 0; i < stride; i++)
            if (!isnan(values[group * stride + i]))
                dense[size++] = values[group * stride + i];
        packed[count] = (NestedGroup){.values = dense, .members = size};
        count += size > 0;
    }
    return count;
}

/* Apart from the steps that bootstrap_create draws with: its numbers of samples. */
static const uint64_t nested_draws = UINT64_C(1) << 32;

Estimate estimate_nested(const double *values, int groups, int members, int resamples,
                         uint64_t seed, Arena *scratch) {
    NestedGroup *packed = ARENA_ARRAY(scratch, NestedGroup, (size_t)groups);
    int count = pack_groups(values, groups, members, packed, scratch);
    double *means = ARENA_ARRAY(scratch, double, (size_t)count + 1);
    for (int group = 0; group < count; group++)
        means[group] = mean_of(packed[group].values, (size_t)packed[group].members, 1);
    Estimate estimate = {.mean = mean_of(means, (size_t)count, 1),
                         .deviation = deviation_of(means, (size_t)count, 1),
                         .low = NAN,
                         .high = NAN,
                         .count = count};
    if (count < 2)
        return estimate;
    const Nested nested = nested_create(packed, count, 1, scratch);
    double *drawn = ARENA_ARRAY(scratch, double, (size_t)resamples);
    for (int resample = 0; resample < resamples; resample++) {
        Random random = random_create(seed, RANDOM_BOOTSTRAP, nested_draws, (uint32_t)resample);
        nested_means(&nested, &random, drawn + resample);
    }
    estimate.low = quantile(drawn, (size_t)resamples, 0.025);
    estimate.high = quantile(drawn, (size_t)resamples, 0.975);
    return estimate;
}
