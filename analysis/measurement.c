/* From one measurement's rows over samples to the arrays of analysis.h5. */
#include "analysis/pass.h"

#include "model/base/threads.h"

#include <math.h>
#include <string.h>

static bool has_large_axis(const Variable *variable) {
    for (int axis = 0; axis < variable->rank; axis++)
        if (variable->axes[axis]->large)
            return true;
    return false;
}

static Output *add_suffixed(OutputList *outputs, const Variable *variable, const Axis *step,
                            const char *suffix, const char *meaning) {
    Output output = output_like(variable, step, NULL);
    output.name = arena_format(outputs->arena, "%s_%s", variable->name, suffix);
    output.long_name = arena_format(outputs->arena, "%s: %s", variable->long_name, meaning);
    return output_add(outputs, output);
}

static Output *add_samples(OutputList *outputs, const Variable *variable, const Axis *step,
                           const Axis *sample) {
    Output output = output_like(variable, step, sample);
    output.name = arena_format(outputs->arena, "samples/%s", variable->name);
    output.long_name = arena_format(outputs->arena, "%s: of each sample", variable->long_name);
    output.variable = variable;
    return output_add(outputs, output);
}

static void add_estimate(VariableOutputs *result, const Variable *variable, int samples,
                         OutputList *outputs) {
    const Axis *step = outputs->step;
    result->value = output_add(outputs, output_like(variable, step, NULL));
    result->deviation =
        add_suffixed(outputs, variable, step, "std", "standard deviation over samples (n - 1)");
    result->low = add_suffixed(outputs, variable, step, "low",
                               "2.5 % quantile of the bootstrap over samples");
    result->high = add_suffixed(outputs, variable, step, "high",
                                "97.5 % quantile of the bootstrap over samples");
    result->count =
        add_suffixed(outputs, variable, step, "count", "number of samples where it is defined");
    result->count->type = OUTPUT_INTEGER;
    result->count->has_usual = true;
    result->count->usual = samples;
    result->deviation->undefined = result->low->undefined = result->high->undefined =
        "fewer than two samples are defined";
    result->count->undefined = NULL;
    result->count->units = "1";
}

void measurement_outputs(Measurement *measurement, const AnalysisContext *context,
                         OutputList *outputs) {
    const Axis *step = outputs->step;
    const VariableList *list = &measurement->variables;
    measurement->outputs = ARENA_ARRAY(outputs->arena, VariableOutputs, list->count);
    for (size_t i = 0; i < list->count; i++) {
        const Variable *variable = list->items + i;
        VariableOutputs *result = measurement->outputs + i;
        switch (variable->form) {
        case VARIABLE_SAMPLE_MEAN:
            add_estimate(result, variable, context->samples, outputs);
            if (variable->keep_samples || !has_large_axis(variable))
                result->samples = add_samples(outputs, variable, step, context->sample);
            break;
        case VARIABLE_SAMPLE_LABEL:
            result->value = output_add(outputs, output_like(variable, step, NULL));
            result->samples = add_samples(outputs, variable, step, context->sample);
            break;
        case VARIABLE_PROBE:
            result->value = output_add(outputs, output_like(variable, step, NULL));
            break;
        case VARIABLE_RUN:
            result->value = output_add(outputs, output_like(variable, NULL, NULL));
            break;
        case VARIABLE_SAMPLE_HIDDEN:
            break;
        }
    }
}

void measurement_fill_run(const Measurement *measurement, const AnalysisContext *context) {
    const VariableList *list = &measurement->variables;
    Arena arena = arena_create("the values once per run");
    double *row = ARENA_ARRAY(&arena, double, list->run_values);
    for (size_t i = 0; i < list->run_values; i++)
        row[i] = NAN;
    if (measurement->kind->fill_run != NULL)
        measurement->kind->fill_run(context, measurement->state, row);
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].form == VARIABLE_RUN)
            memcpy(measurement->outputs[i].value->values, row + list->items[i].offset,
                   sizeof(double) * list->items[i].count);
    arena_destroy(&arena);
}

/* The label that most samples have; of equally common ones the lowest; NaN where none has one.
   values [samples], stride apart. */
static double commonest(const double *values, size_t samples, size_t stride) {
    double best = NAN;
    size_t best_count = 0;
    for (size_t i = 0; i < samples; i++) {
        double label = values[i * stride];
        size_t count = 0;
        for (size_t j = 0; j < samples; j++)
            count += values[j * stride] == label;
        if (count > best_count || (count == best_count && label < best)) {
            best = label;
            best_count = count;
        }
    }
    return best;
}

static void reduce_means(const Measurement *measurement, const Variable *variable,
                         const VariableOutputs *result, const Bootstrap *bootstrap,
                         Arena *scratch) {
    size_t count = variable->count;
    Estimate *estimates = ARENA_ARRAY(scratch, Estimate, count);
    estimate_columns(bootstrap, measurement->rows + variable->offset, count,
                     measurement->variables.sample_values, estimates, scratch);
    for (size_t i = 0; i < count; i++) {
        result->value->values[i] = estimates[i].mean;
        result->deviation->values[i] = estimates[i].deviation;
        result->low->values[i] = estimates[i].low;
        result->high->values[i] = estimates[i].high;
        result->count->values[i] = estimates[i].count;
    }
}

static void copy_samples(const Measurement *measurement, const Variable *variable, Output *samples,
                         size_t sample_count) {
    for (size_t sample = 0; sample < sample_count; sample++) {
        const double *row =
            measurement->rows + sample * measurement->variables.sample_values + variable->offset;
        for (size_t i = 0; i < variable->count; i++)
            samples->values[sample * variable->count + i] = row[i];
    }
}

static void reduce_variable(const Measurement *measurement, const AnalysisContext *context,
                            const Bootstrap *bootstrap, const double *probe_row, size_t index,
                            Arena *scratch) {
    const Variable *variable = measurement->variables.items + index;
    const VariableOutputs *result = measurement->outputs + index;
    size_t samples = (size_t)context->samples;
    if (variable->form == VARIABLE_SAMPLE_MEAN)
        reduce_means(measurement, variable, result, bootstrap, scratch);
    if (variable->form == VARIABLE_SAMPLE_LABEL)
        for (size_t i = 0; i < variable->count; i++)
            result->value->values[i] = commonest(measurement->rows + variable->offset + i, samples,
                                                 measurement->variables.sample_values);
    if (variable->form == VARIABLE_PROBE)
        for (size_t i = 0; i < variable->count; i++)
            result->value->values[i] = probe_row[variable->offset + i];
    if (result->samples != NULL)
        copy_samples(measurement, variable, result->samples, samples);
}

void measurement_reduce(const Measurement *measurement, const AnalysisContext *context,
                        const Bootstrap *bootstrap, const double *probe_row, int threads) {
    long count = (long)measurement->variables.count;
#pragma omp parallel for num_threads(threads) schedule(dynamic)
    for (long i = 0; i < count; i++) {
        Arena scratch = arena_create("the statistics of a variable");
        reduce_variable(measurement, context, bootstrap, probe_row, (size_t)i, &scratch);
        arena_destroy(&scratch);
    }
}
