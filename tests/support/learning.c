#include "tests/support/learning.h"

#include "experiments/runner/sweep.h"
#include "experiments/runner/text.h"
#include "tests/support/scratch.h"
#include "train/loop.h"
#include "train/run_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { STEPS = 200, LAST = 20, SETTINGS_LARGEST = 24, COUNTED_BATCHES = 50 };

static const char base_yaml[] =
    "experiment: learning\n"
    "model: {layers: 2, width: 16, heads: 2, hidden: 16, context: 16}\n"
    "data: {source: markov}\n"
    "train: {steps: 200, batch: 16, lanes: 2, optimizer: {kind: adamw, learning_rate: 1e-2}}\n"
    "snapshots: {early: none, every: 0}\n"
    "probe: {samples: 1}\n";

Learning learning_create(const char *folder, const AxisNote *notes, size_t note_count) {
    char path[4200];
    snprintf(path, sizeof path, "%s/base.yaml", folder);
    scratch_write(path, base_yaml);
    return (Learning){.folder = folder, .notes = notes, .note_count = note_count};
}

/* ---- One run -------------------------------------------------------------------------------- */

typedef struct Curve {
    double losses[STEPS];
    int64_t count;
} Curve;

static void record(void *context, const TrainProgress *progress) {
    Curve *curve = context;
    if (progress->step >= 1 && progress->step <= STEPS)
        curve->losses[progress->step - 1] = progress->loss;
    curve->count++;
}

/* Parts of "a=1; b=2" without the blanks around them. */
static size_t settings_split(const char *settings, const char *parts[SETTINGS_LARGEST],
                             Arena *arena) {
    size_t count = 0;
    char *text = arena_string(arena, settings), *rest = text;
    for (char *part = strtok_r(text, ";", &rest); part != NULL; part = strtok_r(NULL, ";", &rest)) {
        part += strspn(part, " ");
        if (count == SETTINGS_LARGEST)
            fail_msg("more than %d settings: %s", SETTINGS_LARGEST, settings);
        if (*part != '\0')
            parts[count++] = part;
    }
    return count;
}

/* In nats; of the targets of the first training batches. */
static double target_entropy(const RunConfig *config, const char *folder, Arena *arena) {
    Error error;
    RunModel *run;
    const char *culprit = "";
    if (run_model_open(config, folder, arena, &run, &culprit, &error) != STATUS_OK)
        fail_msg("%s: %s", culprit, error.message);
    int batch = (int)config->train.batch, length = (int)config->model.context;
    size_t tokens = (size_t)batch * (size_t)length;
    int32_t *inputs = ARENA_ARRAY(arena, int32_t, tokens);
    int32_t *targets = ARENA_ARRAY(arena, int32_t, tokens);
    double *counts = ARENA_ARRAY(arena, double, (size_t)run->config.model.vocabulary);
    double total = 0, entropy = 0;
    for (uint64_t step = 0; step < COUNTED_BATCHES; step++) {
        objective_batch(&run->objective, &run->source, SPLIT_TRAINING, step, 0, batch, length,
                        inputs, targets, NULL);
        for (size_t i = 0; i < tokens; i++)
            if (targets[i] >= 0) {
                counts[targets[i]]++;
                total++;
            }
    }
    for (int64_t token = 0; token < run->config.model.vocabulary; token++)
        if (counts[token] > 0)
            entropy -= counts[token] / total * log(counts[token] / total);
    return entropy;
}

static LearningCurve curve_summary(const Curve *curve, double frequencies) {
    LearningCurve summary = {.first = curve->losses[0], .frequencies = frequencies};
    double squares = 0;
    for (int i = STEPS - LAST; i < STEPS; i++)
        summary.last += curve->losses[i] / LAST;
    for (int i = STEPS - LAST; i < STEPS; i++)
        squares += (curve->losses[i] - summary.last) * (curve->losses[i] - summary.last);
    double deviation = sqrt(squares / (LAST - 1));
    summary.last_noise = deviation / sqrt(LAST);
    summary.fall_noise = deviation * sqrt(1 + 1.0 / LAST);
    return summary;
}

LearningCurve learning_train(Learning *learning, const char *settings) {
    Arena arena = arena_create("a test of learning");
    const char *parts[SETTINGS_LARGEST];
    size_t count = settings_split(settings, parts, &arena);
    ExperimentFile file;
    RunPlan plan;
    Curve curve = {.count = 0};
    Error error = {.message = ""};
    const char *path = arena_format(&arena, "%s/base.yaml", learning->folder);
    Status status = experiment_load(path, parts, count, &arena, &file, &error);
    if (status == STATUS_OK)
        status = sweep_expand(&file, &arena, &plan, &error);
    if (status != STATUS_OK)
        fail_msg("%s: %s (what a value needs beside it stands in the test's notes)", settings,
                 error.message);
    const PlannedRun *run = &plan.runs[0];
    const TrainJob job = {
        .config = &run->experiment.run,
        .directory = arena_format(&arena, "%s/run-%zu", learning->folder, learning->runs++),
        .base_directory = learning->folder,
        .experiment_yaml = run->yaml,
        .identity = run->identity,
        .program_version = "test",
        .git_revision = "",
        .threads = 1,
        .progress = record,
        .progress_context = &curve,
    };
    if (train_run(&job, &error) != STATUS_OK)
        fail_msg("%s: %s", settings, error.message);
    if (curve.count != STEPS)
        fail_msg("%s: %lld steps told, not %d", settings, (long long)curve.count, STEPS);
    LearningCurve summary =
        curve_summary(&curve, target_entropy(job.config, learning->folder, &arena));
    arena_destroy(&arena);
    return summary;
}

bool learning_fell(Learning *learning, const char *settings, char why[400]) {
    const LearningCurve curve = learning_train(learning, settings);
    double fall = curve.first - curve.last, noise = 5 * curve.fall_noise;
    double half = 0.5 * (curve.first - curve.frequencies);
    snprintf(why, 400,
             "the loss went from %.4g to %.4g (mean of the last %d steps), by %.4g; wanted: more "
             "than %.3g, its noise, and %.3g, half of the way to %.4g, the entropy of the targets' "
             "frequencies",
             curve.first, curve.last, LAST, fall, noise, half, curve.frequencies);
    return fall > noise && fall > half;
}

void learning_check(Learning *learning, const char *settings) {
    char why[400];
    if (!learning_fell(learning, settings, why))
        fail_msg("%s: %s", settings, why);
    if (getenv("FIDUCIAL_TEST_VERBOSE") != NULL)
        print_message("%s: %s\n", settings, why);
}

/* ---- Every axis ----------------------------------------------------------------------------- */

typedef struct Walk {
    Learning *learning;
    const SchemaList *list;
    Arena *arena;
} Walk;

static bool note_is_about(const AxisNote *note, const char *key, const Kind *kind) {
    return strcmp(note->key, key) == 0 &&
           (note->kind == NULL || (kind != NULL && strcmp(note->kind, kind->name) == 0));
}

static void add_beside(const Walk *walk, const char *key, const Kind *kind, const char *value,
                       TextBuffer *settings) {
    for (size_t i = 0; i < walk->learning->note_count; i++) {
        const AxisNote *note = &walk->learning->notes[i];
        if (note_is_about(note, key, kind) && note->with != NULL &&
            (note->value == NULL || strcmp(note->value, value) == 0))
            text_add(settings, "; %s", note->with);
    }
}

/* The kind that has the option, what it needs, what the value needs, the value. */
static void try_value(const Walk *walk, const SchemaEntry *entry, const char *value) {
    TextBuffer settings = {.arena = walk->arena};
    text_add(&settings, "%s", "");
    if (entry->kind != NULL) {
        const char *dot = strrchr(entry->path, '.');
        const char *parent =
            arena_format(walk->arena, "%.*s", (int)(dot - entry->path), entry->path);
        text_add(&settings, "%s=%s", parent, entry->kind->name);
        add_beside(walk, parent, NULL, entry->kind->name, &settings);
    }
    if (entry->field->kinds != NULL) {
        text_add(&settings, "; %s=%s", entry->path, value);
        add_beside(walk, entry->path, entry->kind, value, &settings);
    } else {
        add_beside(walk, entry->path, entry->kind, value, &settings);
        text_add(&settings, "; %s=%s", entry->path, value);
    }
    learning_check(walk->learning, settings.text);
}

/* A number that is allowed and not the default: twice or half of it; 1, or half of the largest. */
static const char *other_number(const Field *field, Arena *arena) {
    char text[NUMBER_TEXT_BYTES];
    double usual = 0;
    bool bounded = field->minimum != 0 || field->maximum != 0;
    number_read_real(field->fallback, &usual);
    double other = 2 * usual;
    if (!(usual > 0))
        other = bounded && field->maximum <= 1 ? field->maximum / 2 : 1;
    else if (bounded && other > field->maximum)
        other = usual / 2;
    return arena_string(arena, number_write(other, text));
}

static void try_noted(const Walk *walk, const SchemaEntry *entry) {
    bool number = entry->field->type == FIELD_INTEGER || entry->field->type == FIELD_REAL;
    size_t tried = 0;
    for (size_t i = 0; i < walk->learning->note_count; i++) {
        const AxisNote *note = &walk->learning->notes[i];
        if (note->value == NULL || !note_is_about(note, entry->path, entry->kind))
            continue;
        try_value(walk, entry, note->value);
        tried++;
    }
    if (tried > 0)
        return;
    if (!number)
        fail_msg("%s (%s): the test's notes name no value to try", entry->path,
                 entry->kind == NULL ? "no kind's" : entry->kind->name);
    try_value(walk, entry, other_number(entry->field, walk->arena));
}

static void try_entry(const Walk *walk, const SchemaEntry *entry) {
    const Field *field = entry->field;
    switch (field->type) {
    case FIELD_BOOL:
        try_value(walk, entry, "true");
        try_value(walk, entry, "false");
        break;
    case FIELD_CHOICE:
        for (size_t i = 0; field->choices[i] != NULL; i++)
            try_value(walk, entry, field->choices[i]);
        break;
    case FIELD_KIND:
    case FIELD_KIND_EACH:
        for (size_t i = 0; i < field->kinds->count; i++)
            try_value(walk, entry, field->kinds->kinds[i]->name);
        break;
    case FIELD_KIND_LIST:
    case FIELD_GROUP:
        break;
    default:
        try_noted(walk, entry);
    }
}

static bool is_below(const char *path, const char *prefix) {
    size_t length = strlen(prefix);
    return strncmp(path, prefix, length) == 0 && (path[length] == '.' || path[length] == '\0');
}

static bool is_left_out(const Walk *walk, size_t index, const char *const *except) {
    const SchemaEntry *entry = &walk->list->entries[index];
    for (size_t i = 0; except != NULL && except[i] != NULL; i++)
        if (is_below(entry->path, except[i]))
            return true;
    for (size_t i = 0; i < walk->learning->note_count; i++)
        if (walk->learning->notes[i].no_axis &&
            note_is_about(&walk->learning->notes[i], entry->path, entry->kind))
            return true;
    for (size_t i = 0; i < index; i++) {
        const SchemaEntry *before = &walk->list->entries[i];
        if (strcmp(before->path, entry->path) == 0 && !before->names_kind &&
            strcmp(before->field->meaning, entry->field->meaning) == 0)
            return true;
    }
    return entry->names_kind || entry->without_bits;
}

void learning_check_axes(Learning *learning, const char *prefix, const char *const *except) {
    Arena arena = arena_create("a walk over all keys");
    FieldTable schema = experiment_schema(&arena);
    SchemaList list = schema_list(&schema, &arena);
    const Walk walk = {learning, &list, &arena};
    size_t before = learning->runs;
    for (size_t i = 0; i < list.count; i++)
        if (is_below(list.entries[i].path, prefix) && !is_left_out(&walk, i, except))
            try_entry(&walk, &list.entries[i]);
    if (learning->runs == before)
        fail_msg("there is no key below %s", prefix);
    arena_destroy(&arena);
}
