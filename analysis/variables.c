#include "analysis/variables.h"

#include <string.h>

Variable variable_make(VariableText text, VariableForm form) {
    return (Variable){
        .name = text.name,
        .form = form,
        .long_name = text.long_name,
        .units = text.units,
        .source = text.source,
        .undefined = text.undefined,
        .integer = form == VARIABLE_SAMPLE_LABEL,
    };
}

Variable variable_over(VariableText text, VariableForm form, const Axis *first, const Axis *second,
                       const Axis *third) {
    Variable variable = variable_make(text, form);
    const Axis *axes[] = {first, second, third};
    for (size_t i = 0; i < sizeof axes / sizeof *axes && axes[i] != NULL; i++)
        variable.axes[variable.rank++] = axes[i];
    return variable;
}

static size_t *total_of(VariableList *list, VariableForm form) {
    switch (form) {
    case VARIABLE_PROBE:
        return &list->probe_values;
    case VARIABLE_RUN:
        return &list->run_values;
    default:
        return &list->sample_values;
    }
}

size_t variable_add(VariableList *list, AnalysisContext *context, Variable variable) {
    list->items =
        arena_grow(context->arena, list->items, sizeof *list->items, list->count, &list->capacity);
    variable.count = 1;
    for (int axis = 0; axis < variable.rank; axis++)
        variable.count *= (size_t)variable.axes[axis]->length;
    size_t *total = total_of(list, variable.form);
    variable.offset = *total;
    *total += variable.count;
    list->items[list->count++] = variable;
    return variable.offset;
}

size_t variable_add_null(VariableList *list, AnalysisContext *context, Variable variable) {
    Variable null = variable;
    null.name = arena_format(context->arena, "%s_null", variable.name);
    null.long_name = arena_format(context->arena, "%s, of uniform attention under the same mask",
                                  variable.long_name);
    null.form = VARIABLE_RUN;
    null.rank = 0;
    for (int axis = 0; axis < variable.rank; axis++)
        if (variable.axes[axis] != context->layer && variable.axes[axis] != context->head)
            null.axes[null.rank++] = variable.axes[axis];
    return variable_add(list, context, null);
}

const Axis *axis_add(AnalysisContext *context, Axis axis) {
    Axis *copy = ARENA_ARRAY(context->arena, Axis, 1);
    *copy = axis;
    return copy;
}
