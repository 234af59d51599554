#include "analysis/emergence.h"

#include "analysis/kinds.h"
#include "analysis/pass.h"

#include <math.h>
#include <stdbool.h>

enum { SAVED_STEPS = 3 }; /* that an onset must last */

/* A series seen as a change from its first value, in the direction of `change`. */
typedef struct Course {
    const double *steps, *values;
    size_t n;
    double change;
} Course;

static double progress_at(const Course *course, size_t i) {
    double moved = course->values[i] - course->values[0];
    return course->change < 0 ? -moved : moved;
}

static bool beyond(const Course *course, size_t i, double share) {
    return exceeds(progress_at(course, i), share * fabs(course->change));
}

static double onset_of(const Course *course) {
    for (size_t i = 0; i + SAVED_STEPS <= course->n; i++) {
        bool stays = true;
        for (size_t j = i; j < i + SAVED_STEPS; j++)
            stays = stays && beyond(course, j, 0.5);
        if (stays)
            return course->steps[i];
    }
    return NAN;
}

/* The first step that has made at least share of the change. */
static double first_step(const Course *course, double share) {
    for (size_t i = 0; i < course->n; i++)
        if (progress_at(course, i) >= (share - 1e-9) * fabs(course->change))
            return course->steps[i];
    return NAN;
}

static double rise_of(const Course *course) {
    double start = first_step(course, 0.1), end = first_step(course, 0.9);
    return start > 0 ? end / start : NAN;
}

/* Whether the change is more than the spread of an untrained model would make of nothing. */
static bool is_change(double change, double untrained_deviation) {
    double bound = isnan(untrained_deviation) ? 0 : 3 * untrained_deviation;
    return exceeds(fabs(change), bound);
}

EmergenceSummary emergence_of(const double *steps, const double *values, size_t n,
                              double untrained_deviation) {
    EmergenceSummary summary = {NAN, NAN, NAN, NAN, NAN, NAN};
    if (n == 0)
        return summary;
    summary.final = values[n - 1];
    if (isnan(values[0]) || isnan(values[n - 1]))
        return summary;
    size_t peak = 0;
    for (size_t i = 1; i < n; i++)
        if (fabs(values[i] - values[0]) > fabs(values[peak] - values[0]))
            peak = i;
    summary.peak = values[peak];
    summary.peak_step = steps[peak];
    Course course = {.steps = steps, .values = values, .n = n};
    course.change = summary.final - values[0];
    if (is_change(course.change, untrained_deviation)) {
        summary.onset_step = onset_of(&course);
        summary.rise = rise_of(&course);
    }
    course.change = summary.peak - values[0];
    if (is_change(course.change, untrained_deviation))
        summary.peak_onset_step = onset_of(&course);
    return summary;
}

void emergence_interval(double *resamples, size_t n, double *low, double *high) {
    for (size_t i = 0; i < n; i++)
        if (isnan(resamples[i]))
            resamples[i] = HUGE_VAL;
    double ends[2] = {quantile(resamples, n, 0.025), quantile(resamples, n, 0.975)};
    *low = isfinite(ends[0]) ? ends[0] : NAN;
    *high = isfinite(ends[1]) ? ends[1] : NAN;
}

/* The numbers of a summary that become variables; those with an interval. */
enum { NUMBERS = 6, INTERVALS = 4 };

_Static_assert(NUMBERS + 2 * INTERVALS == EMERGENCE_OUTPUTS, "the header says how many");

typedef struct NumberText {
    const char *suffix, *meaning, *units; /* units NULL: the metric's own */
    bool interval;
} NumberText;

static const NumberText number_texts[NUMBERS] = {
    {"final", "at the last saved step", NULL, true},
    {"peak", "farthest from the first value", NULL, false},
    {"peak_step", "step of the value farthest from the first", "step", false},
    {"onset_step", "first of three saved steps beyond half of the final change", "step", true},
    {"peak_onset_step", "first of three saved steps beyond half of the peak's change", "step",
     true},
    {"rise", "first step at 90 % of the change over first step at 10 %", "1", true},
};

static void summary_numbers(const EmergenceSummary *summary, double numbers[NUMBERS]) {
    numbers[0] = summary->final;
    numbers[1] = summary->peak;
    numbers[2] = summary->peak_step;
    numbers[3] = summary->onset_step;
    numbers[4] = summary->peak_onset_step;
    numbers[5] = summary->rise;
}

static const char undefined_text[] =
    "the change does not last for three saved steps, or stays within three standard deviations of "
    "the untrained model's values over samples";

typedef struct Emergence {
    const OverSteps *run;
    const Output *samples;                                   /* by step: [sample][count] */
    Output *numbers[NUMBERS], *low[NUMBERS], *high[NUMBERS]; /* [count] */
    size_t first, elements; /* those of the variable's elements that are held, and their number */
    double *series;         /* [elements][samples][steps] */
} Emergence;

static Output *add_number(const OverSteps *run, const Variable *variable, const NumberText *text,
                          const char *ending, const char *meaning) {
    Arena *arena = run->outputs->arena;
    Output output = output_like(variable, NULL, NULL);
    output.type = OUTPUT_REAL;
    output.name = arena_format(arena, "%s_%s%s", variable->name, text->suffix, ending);
    output.long_name = arena_format(arena, "%s: %s%s", variable->long_name, text->meaning, meaning);
    output.units = text->units == NULL ? variable->units : text->units;
    output.undefined = text->units == NULL ? variable->undefined : undefined_text;
    if (ending[0] != '\0')
        output.undefined = arena_format(arena, "%s%sthere are fewer than two samples",
                                        output.undefined == NULL ? "" : output.undefined,
                                        output.undefined == NULL ? "" : ", or ");
    return output_add(run->outputs, output);
}

static void add_numbers(Emergence *emergence) {
    for (int n = 0; n < NUMBERS; n++) {
        const NumberText *text = number_texts + n;
        const Variable *variable = emergence->samples->variable;
        emergence->numbers[n] = add_number(emergence->run, variable, text, "", "");
        if (!text->interval)
            continue;
        emergence->low[n] = add_number(emergence->run, variable, text, "_low",
                                       ", 2.5 % quantile of the bootstrap over samples");
        emergence->high[n] = add_number(emergence->run, variable, text, "_high",
                                        ", 97.5 % quantile of the bootstrap over samples");
    }
}

/* As many series are held at once as fit into this, but at least one. */
static const size_t series_bytes = (size_t)1 << 23;

/* Reads the series of the next elements back from the file. */
static Status read_series(Emergence *emergence, Arena *scratch, Error *error) {
    size_t steps = (size_t)emergence->run->step->length;
    size_t samples = (size_t)emergence->run->context->samples;
    size_t count = emergence->samples->variable->count, each = samples * steps;
    size_t most = series_bytes / sizeof(double) / each, left = count - emergence->first;
    emergence->elements = most < 1 ? 1 : most < left ? most : left;
    emergence->series = ARENA_ARRAY(scratch, double, (emergence->elements * each));
    double *values = ARENA_ARRAY(scratch, double, (samples * count));
    for (size_t step = 0; step < steps; step++) {
        TRY(output_read_step(emergence->samples, step, values, error));
        for (size_t sample = 0; sample < samples; sample++)
            for (size_t i = 0; i < emergence->elements; i++)
                emergence->series[i * each + sample * steps + step] =
                    values[sample * count + emergence->first + i];
    }
    return STATUS_OK;
}

static void resample(const Emergence *emergence, const double *values, size_t steps,
                     double deviation, size_t element, Arena *scratch) {
    const Bootstrap *bootstrap = emergence->run->bootstrap;
    size_t resamples = (size_t)bootstrap->resamples;
    double *means = ARENA_ARRAY(scratch, double, (resamples * steps));
    double *series = ARENA_ARRAY(scratch, double, steps);
    double *found = ARENA_ARRAY(scratch, double, (resamples * NUMBERS));
    bootstrap_means(bootstrap, values, steps, steps, means, scratch);
    for (size_t r = 0; r < resamples; r++) {
        for (size_t step = 0; step < steps; step++)
            series[step] = means[step * resamples + r];
        EmergenceSummary summary =
            emergence_of(emergence->run->step->values, series, steps, deviation);
        double numbers[NUMBERS];
        summary_numbers(&summary, numbers);
        for (size_t n = 0; n < NUMBERS; n++)
            found[n * resamples + r] = numbers[n];
    }
    for (size_t n = 0; n < NUMBERS; n++)
        if (number_texts[n].interval)
            emergence_interval(found + n * resamples, resamples,
                               emergence->low[n]->values + element,
                               emergence->high[n]->values + element);
}

/* Whether every sample has the same series, so that every resample gives the same numbers. */
static bool samples_agree(const double *values, size_t steps, size_t samples) {
    for (size_t i = steps; i < samples * steps; i++)
        if (!(values[i] == values[i % steps]))
            return false;
    return true;
}

/* The numbers of one of the elements that are held. */
static void fill_element(const Emergence *emergence, size_t held, Arena *scratch) {
    const OverSteps *run = emergence->run;
    size_t steps = (size_t)run->step->length, samples = (size_t)run->context->samples;
    size_t element = emergence->first + held;
    const double *values = emergence->series + held * samples * steps;
    double *series = ARENA_ARRAY(scratch, double, steps);
    for (size_t step = 0; step < steps; step++)
        series[step] = mean_of(values + step, samples, steps);
    double deviation = deviation_of(values, samples, steps);
    EmergenceSummary summary = emergence_of(run->step->values, series, steps, deviation);
    double numbers[NUMBERS];
    summary_numbers(&summary, numbers);
    bool agree = samples > 1 && samples_agree(values, steps, samples);
    for (int n = 0; n < NUMBERS; n++) {
        emergence->numbers[n]->values[element] = numbers[n];
        if (agree && number_texts[n].interval)
            emergence->low[n]->values[element] = emergence->high[n]->values[element] = numbers[n];
    }
    if (samples > 1 && !agree)
        resample(emergence, values, steps, deviation, element, scratch);
}

static Status fill_variable(Emergence *emergence, Error *error) {
    while (emergence->first < emergence->samples->variable->count) {
        Arena arena = arena_create("series over steps");
        Status status = read_series(emergence, &arena, error);
        long held = status == STATUS_OK ? (long)emergence->elements : 0;
#pragma omp parallel for num_threads(emergence->run->threads) schedule(dynamic)
        for (long i = 0; i < held; i++) {
            Arena scratch = arena_create("emergence");
            fill_element(emergence, (size_t)i, &scratch);
            arena_destroy(&scratch);
        }
        arena_destroy(&arena);
        if (status != STATUS_OK)
            return status;
        emergence->first += emergence->elements;
    }
    return STATUS_OK;
}

static Status emergence_over_steps(const OverSteps *run, Error *error) {
    size_t known = run->outputs->count;
    for (size_t i = 0; i < known; i++) {
        const Output *samples = run->outputs->items[i];
        if (samples->variable == NULL || samples->variable->form != VARIABLE_SAMPLE_MEAN)
            continue;
        Emergence emergence = {.run = run, .samples = samples};
        add_numbers(&emergence);
        TRY(fill_variable(&emergence, error));
    }
    return STATUS_OK;
}

const AnalysisKind emergence_analysis = {
    .kind = {.name = "emergence",
             .meaning = "from which step the other analyses' metrics change, and how fast",
             .source = "Fiducial"},
    .over_steps = emergence_over_steps,
};
