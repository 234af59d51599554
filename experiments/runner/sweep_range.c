#include "experiments/runner/sweep_range.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Range {
    double from, to;
    int64_t points;
    bool logarithmic;
} Range;

static Status keys_check(const Node *range, const char *key, Arena *arena, Error *error) {
    static const char *const known[] = {"from", "to", "points", "scale"};
    NameList names = {0};
    for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
        names_add(&names, arena, known[k]);
    for (size_t i = 0; i < range->count; i++) {
        const char *name = range->keys[i]->text;
        bool found = false;
        for (size_t k = 0; k < names.count; k++)
            found |= strcmp(names.names[k], name) == 0;
        if (!found)
            return node_error(range->keys[i], error,
                              "unknown key '%.100s' in the range of %s%s; allowed: %s", name, key,
                              names_suggestion(&names, name, arena), names_join(&names, arena));
    }
    return STATUS_OK;
}

static Status end_read(const Node *range, const char *name, const char *key, double *value,
                       Arena *arena, Error *error) {
    const Node *node = node_find(range, name);
    if (node == NULL)
        return node_error(range, error,
                          "the range of %s needs '%s': {from: 1e-4, to: 1e-2, points: 5, scale: "
                          "log}, or give a list [a, b, …]",
                          key, name);
    if (node->type == NODE_SCALAR && !node->quoted && number_read_real(node->text, value))
        return STATUS_OK;
    return node_error(node, error, "%s of the range of %s is %s; allowed: a number", name, key,
                      node_describe(node, arena));
}

static Status range_read(const Node *node, const char *key, Range *range, Arena *arena,
                         Error *error) {
    TRY(keys_check(node, key, arena, error));
    TRY(end_read(node, "from", key, &range->from, arena, error));
    TRY(end_read(node, "to", key, &range->to, arena, error));
    const Node *points = node_find(node, "points"), *scale = node_find(node, "scale");
    if (points == NULL || points->type != NODE_SCALAR || points->quoted ||
        !number_read_integer(points->text, &range->points) || range->points < 2 ||
        range->points > RANGE_POINTS_LARGEST)
        return node_error(points == NULL ? node : points, error,
                          "the range of %s needs 'points': a whole number from 2 to %d", key,
                          RANGE_POINTS_LARGEST);
    const char *word = scale == NULL ? "linear" : scale->type == NODE_SCALAR ? scale->text : "";
    range->logarithmic = strcmp(word, "log") == 0;
    if (!range->logarithmic && strcmp(word, "linear") != 0)
        return node_error(scale, error, "scale of the range of %s is %s; allowed: linear, log", key,
                          node_describe(scale, arena));
    if (range->logarithmic && !(range->from > 0 && range->to > 0))
        return node_error(node, error,
                          "the range of %s goes through zero; scale: log needs both ends above 0",
                          key);
    return STATUS_OK;
}

/* Value number i, rounded as the header says. */
static double range_value(const Range *range, int64_t i, bool whole) {
    double part = (double)i / (double)(range->points - 1);
    double value = range->logarithmic ? range->from * pow(range->to / range->from, part)
                                      : range->from + (range->to - range->from) * part;
    bool end = i == 0 || i == range->points - 1;
    if (end)
        value = i == 0 ? range->from : range->to;
    if (whole)
        return round(value);
    if (end)
        return value;
    char text[NUMBER_TEXT_BYTES];
    snprintf(text, sizeof text, "%.6g", value);
    value = strtod(text, NULL);
    return value == 0 ? 0 : value; /* no −0 */
}

static const char *value_write(double value, bool whole, Arena *arena) {
    char text[NUMBER_TEXT_BYTES];
    if (whole)
        return arena_format(arena, "%.0f", value);
    return arena_string(arena, number_write(value, text));
}

Status sweep_range_expand(const SchemaEntry *entry, const Node *range_node, Arena *arena,
                          const Node **list, Error *error) {
    const char *key = entry->path;
    bool whole = entry->field->type == FIELD_INTEGER;
    if (entry->names_kind || (!whole && entry->field->type != FIELD_REAL))
        return node_error(range_node, error,
                          "sweep.%s is a map; allowed: a list of values [a, b, …] (a range only "
                          "for keys that take a number)",
                          key);
    Range range;
    TRY(range_read(range_node, key, &range, arena, error));
    Node *made = node_scalar(NULL, range_node, arena);
    made->type = NODE_LIST;
    made->items = ARENA_ARRAY(arena, const Node *, (size_t)range.points);
    double before = 0;
    for (int64_t i = 0; i < range.points; i++) {
        double value = range_value(&range, i, whole);
        const char *text = value_write(value, whole, arena);
        if (i > 0 && value == before)
            return node_error(range_node, error,
                              "the range of %s has the value %s twice, once rounded; give fewer "
                              "points or wider ends",
                              key, text);
        before = value;
        made->items[made->count++] = node_scalar(text, range_node, arena);
    }
    made->weight += made->count;
    *list = made;
    return STATUS_OK;
}
