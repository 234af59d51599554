/* What groups, and the places where they sink, are called in legends, tables and sentences. */
#include "results/report/groups.h"

#include <stdlib.h>
#include <string.h>

/* The last part of a dotted key. */
static const char *key_leaf(const char *key) {
    const char *dot = strrchr(key, '.');
    return dot != NULL ? dot + 1 : key;
}

static bool is_word(const char *value) {
    char *end;
    strtod(value, &end);
    return *end != '\0' && strcmp(value, "true") != 0 && strcmp(value, "false") != 0;
}

static bool is_off(const char *value) {
    return strcmp(value, "none") == 0 || strcmp(value, "false") == 0;
}

/* Whether runs of the sweep have this key switched off, so that a value alone would not say what
   it is of. */
static bool can_be_off(const ReportJob *job, size_t key) {
    for (size_t r = 0; r < job->run_count; r++)
        if (job->runs[r].given[key] && is_off(job->runs[r].swept_values[key]))
            return true;
    return false;
}

/* What is switched off without being asked says nothing; where it is on by default, that it is off
   is what tells a group apart. */
static bool is_plain(const ReportRun *run, size_t key) {
    return is_off(run->swept_values[key]) && (run->by_default == NULL || run->by_default[key]);
}

/* Whether the key before says the same word, and always goes with this one: a causal mask with the
   causal objective, but not an MLP of none with a norm of none. */
static bool is_implied(const ReportJob *job, const ReportRun *run, size_t key) {
    const char *value = run->swept_values[key];
    if (!is_word(value) || strcmp(value, run->swept_values[key - 1]) != 0)
        return false;
    for (size_t r = 0; r < job->run_count; r++) {
        const char *const *values = job->runs[r].swept_values;
        if ((strcmp(values[key], value) == 0) != (strcmp(values[key - 1], value) == 0))
            return false;
    }
    return true;
}

/* Whether the label says this key's value. shown: the keys that the run was given; on: one of them
   is not plain. */
static bool is_said(const ReportJob *job, const ReportRun *run, const bool *shown, size_t key,
                    bool on) {
    if (!shown[key] || (on && is_plain(run, key)))
        return false;
    return key == 0 || !shown[key - 1] || !is_implied(job, run, key);
}

const char *group_label(const ReportJob *job, const ReportRun *run, Arena *arena) {
    if (job->swept_count == 0)
        return arena_string(arena, job->experiment);
    const char *const *values = run->swept_values;
    const char *const *phrases = run->swept_phrases == NULL ? values : run->swept_phrases;
    bool *shown = ARENA_ARRAY(arena, bool, job->swept_count), on = false;
    size_t given = 0;
    for (size_t i = 0; i < job->swept_count; i++)
        given += run->given[i];
    for (size_t i = 0; i < job->swept_count; i++) {
        shown[i] = run->given[i] || given == 0;
        on = on || (shown[i] && !is_plain(run, i));
    }
    const char *label = "";
    for (size_t i = 0; i < job->swept_count; i++) {
        if (!is_said(job, run, shown, i, on))
            continue;
        bool bare = is_word(values[i]) && (given == 1 || !can_be_off(job, i));
        label = arena_format(arena, "%s%s%s%s%s", label, *label != '\0' ? ", " : "",
                             bare ? "" : key_leaf(job->swept_keys[i]), bare ? "" : " ", phrases[i]);
    }
    return label;
}

const char *group_phrase(const Report *report, const Group *group, Arena *arena) {
    if (report->job->swept_count == 0)
        return "";
    bool keyed = false; /* the label begins with a key */
    for (size_t i = 0; i < report->job->swept_count; i++) {
        const char *leaf = key_leaf(report->job->swept_keys[i]);
        size_t length = strlen(leaf);
        keyed = keyed || (strncmp(group->label, leaf, length) == 0 && group->label[length] == ' ');
    }
    bool several = strstr(group->label, ", ") != NULL; /* the sentence has commas of its own */
    return arena_format(arena, " %s %s%s%s", keyed ? "with" : "under", several ? "“" : "",
                        group->label, several ? "”" : "");
}

const char *head_text(const Group *group, int layer, int head, Arena *arena) {
    if (group->heads <= 1 || head < 0)
        return arena_format(arena, "layer %d", layer);
    return arena_format(arena, "layer %d, head %d", layer, head);
}

static int own_head(const Group *group, size_t run) {
    return group->runs[run]->sink_heads[group->sink_layer];
}

const char *sinking_heads(const Group *group, const char *separator, Arena *arena) {
    const char *heads = "";
    bool alike = true;
    for (size_t r = 0; r < group->run_count; r++) {
        alike = alike && own_head(group, r) == own_head(group, 0);
        heads = arena_format(arena, "%s%s%d", heads, r > 0 ? separator : "", own_head(group, r));
    }
    return alike && group->run_count > 0 ? arena_format(arena, "%d", own_head(group, 0)) : heads;
}

const char *sinking_text(const Group *group, bool with_heads, Arena *arena) {
    if (!with_heads || group->heads <= 1)
        return arena_format(arena, "layer %d", group->sink_layer);
    const char *heads = sinking_heads(group, ", ", arena);
    return arena_format(
        arena, strchr(heads, ',') != NULL ? "layer %d, heads %s by seed" : "layer %d, head %s",
        group->sink_layer, heads);
}
