/* Optimizers: each against its plain definition in double, on a small model, for any number of
   threads, and resumed. */
#include "tests/support/compare.h"
#include "tests/support/defaults.h"
#include "tests/support/optimizer_case.h"
#include "tests/support/scratch.h"
#include "train/loop.h"
#include "train/run_model.h"
#include "train/step.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check(Status status, const Error *error) {
    if (status != STATUS_OK)
        fail_msg("%s", error->message);
}

static void set_bool(KindChoice *choice, const char *name, bool value) {
    const Field *field = field_find(&choice->kind->options, name);
    assert_non_null(field);
    *(bool *)(choice->options.bytes + field->offset) = value;
}

static void set_real(KindChoice *choice, const char *name, double value) {
    const Field *field = field_find(&choice->kind->options, name);
    assert_non_null(field);
    *(double *)(choice->options.bytes + field->offset) = value;
}

static double option(const OptimizerCase *scene, const char *name) {
    return defaults_option(&scene->choice, name, NAN);
}

/* ---- Plain definitions ---------------------------------------------------------------------- */

/* One parameter's numbers in double; g: the gradient after clipping. */
typedef struct Plain {
    const OptimizerCase *scene;
    const Parameter *entry;
    double rate, decay; /* with the schedule's and the group's factors */
    double schedule, group_rate;
    double *w, *m, *v;
    double *g;
} Plain;

static void plain_adam(const Plain *p, const char *prefix, double rate, bool decoupled) {
    char name[3][40];
    snprintf(name[0], 40, "%sbeta1", prefix);
    snprintf(name[1], 40, "%sbeta2", prefix);
    snprintf(name[2], 40, "%sepsilon", prefix);
    double beta1 = option(p->scene, name[0]), beta2 = option(p->scene, name[1]);
    double step = (double)p->scene->step;
    for (size_t i = 0; i < p->entry->count; i++) {
        double g = p->g[i] + (decoupled ? 0 : p->decay * p->w[i]);
        p->m[i] = beta1 * p->m[i] + (1 - beta1) * g;
        p->v[i] = beta2 * p->v[i] + (1 - beta2) * g * g;
        double mean = p->m[i] / (1 - pow(beta1, step)), square = p->v[i] / (1 - pow(beta2, step));
        double decay = decoupled ? rate * p->decay * p->w[i] : 0;
        p->w[i] -= decay + rate * mean / (sqrt(square) + option(p->scene, name[2]));
    }
}

static void plain_sgd(const Plain *p) {
    double momentum = option(p->scene, "momentum");
    const Field *field = field_find(&p->scene->choice.kind->options, "nesterov");
    bool nesterov = *(const bool *)(p->scene->choice.options.bytes + field->offset);
    for (size_t i = 0; i < p->entry->count; i++) {
        double g = p->g[i] + p->decay * p->w[i];
        p->m[i] = momentum * p->m[i] + g;
        p->w[i] -= p->rate * (nesterov ? g + momentum * p->m[i] : p->m[i]);
    }
}

static void plain_lion(const Plain *p) {
    double beta1 = option(p->scene, "beta1"), beta2 = option(p->scene, "beta2");
    for (size_t i = 0; i < p->entry->count; i++) {
        double mixture = beta1 * p->m[i] + (1 - beta1) * p->g[i];
        double sign = mixture > 0 ? 1 : mixture < 0 ? -1 : 0;
        p->w[i] -= p->rate * (sign + p->decay * p->w[i]);
        p->m[i] = beta2 * p->m[i] + (1 - beta2) * p->g[i];
    }
}

/* x [rows][columns] ← a·x + (b·G + c·G²)·x, G = x·xᵀ, for any shape: scalar loops. */
static void plain_newton_schulz(double *x, int rows, int columns) {
    double *gram = calloc((size_t)(rows * rows), sizeof *gram);
    double *power = calloc((size_t)(rows * rows), sizeof *power);
    double *next = calloc((size_t)(rows * columns), sizeof *next);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < rows; j++)
            for (int k = 0; k < columns; k++)
                gram[i * rows + j] += x[i * columns + k] * x[j * columns + k];
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < rows; j++) {
            power[i * rows + j] = -4.7750 * gram[i * rows + j];
            for (int k = 0; k < rows; k++)
                power[i * rows + j] += 2.0315 * gram[i * rows + k] * gram[k * rows + j];
        }
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) {
            next[i * columns + j] = 3.4445 * x[i * columns + j];
            for (int k = 0; k < rows; k++)
                next[i * columns + j] += power[i * rows + k] * x[k * columns + j];
        }
    memcpy(x, next, sizeof *x * (size_t)(rows * columns));
    free(gram);
    free(power);
    free(next);
}

/* Without transposing tall matrices: the iteration gives the same either way. */
static void plain_muon(const Plain *p) {
    const Parameter *entry = p->entry;
    bool hidden = strstr(entry->name, "attention/") != NULL || strstr(entry->name, "mlp/") != NULL;
    if (!hidden || entry->columns == 0) {
        double rate = option(p->scene, "adam_learning_rate") * p->schedule * p->group_rate;
        plain_adam(p, "adam_", rate, true);
        return;
    }
    double momentum = option(p->scene, "momentum"), norm = 0;
    double *x = calloc(entry->count, sizeof *x);
    for (size_t i = 0; i < entry->count; i++) {
        p->m[i] = momentum * p->m[i] + p->g[i];
        x[i] = p->g[i] + momentum * p->m[i];
        norm += x[i] * x[i];
    }
    for (size_t i = 0; i < entry->count; i++)
        x[i] /= sqrt(norm) + 1e-7;
    for (int i = 0; i < 5; i++)
        plain_newton_schulz(x, entry->rows, entry->columns);
    double stretch = entry->rows > entry->columns ? sqrt((double)entry->rows / entry->columns) : 1;
    for (size_t i = 0; i < entry->count; i++)
        p->w[i] -= p->rate * (p->decay * p->w[i] + stretch * x[i]);
    free(x);
}

static void plain_step(const Plain *p) {
    const char *name = p->scene->choice.kind->name;
    if (strcmp(name, "adamw") == 0 || strcmp(name, "adam") == 0)
        plain_adam(p, "", p->rate, strcmp(name, "adamw") == 0);
    else if (strcmp(name, "sgd") == 0)
        plain_sgd(p);
    else if (strcmp(name, "lion") == 0)
        plain_lion(p);
    else if (strcmp(name, "muon") == 0)
        plain_muon(p);
    else
        fail_msg("there is no plain definition of %s here", name);
}

/* Which group's factors apply, told from the name alone. */
static GroupRates rates_by_name(const Parameter *entry) {
    if (strstr(entry->name, "norm") != NULL || strstr(entry->name, "bias") != NULL)
        return (GroupRates){1, 0};
    if (strcmp(entry->name, "position_embedding") == 0)
        return (GroupRates){1, 0.25};
    if (strstr(entry->name, "/mlp/") != NULL)
        return (GroupRates){0.5, 2};
    return (GroupRates){1, 1};
}

/* One step of every parameter in double, after the optimizer's own (whose gradient it uses). */
static void plain_all(const OptimizerCase *scene, double *w, double *m, double *v, double schedule,
                      double clip) {
    double *g = calloc(scene->table.total, sizeof *g);
    for (size_t e = 0; e < scene->table.count; e++) {
        const Parameter *entry = &scene->table.entries[e];
        GroupRates rates = rates_by_name(entry);
        for (size_t i = 0; i < entry->count; i++)
            g[i] = clip * (double)scene->gradient[entry->offset + i];
        Plain p = {.scene = scene,
                   .entry = entry,
                   .rate = option(scene, "learning_rate") * schedule * rates.learning_rate,
                   .decay = option(scene, "weight_decay") * rates.weight_decay,
                   .schedule = schedule,
                   .group_rate = rates.learning_rate,
                   .w = w + entry->offset,
                   .m = m + entry->offset,
                   .v = v + entry->offset,
                   .g = g};
        plain_step(&p);
    }
    free(g);
}

/* After each of twelve steps the distance from where training began agrees to 1e-4 of its norm
   (comparing the weights themselves would hide wrong small steps), or to the 6e-8 per weight and
   step that rounding weights below 1 to float32 leaves. Five Newton–Schulz steps amplify rounding
   by at most 3.4^5 ≈ 500 where singular values are near 0: 6e-8 · 500 = 3e-5. */
static void follow(const KindChoice *choice) {
    OptimizerCase scene;
    optimizer_case_create(&scene, choice);
    size_t total = scene.table.total;
    double *start = calloc(total, sizeof *start), *w = calloc(total, sizeof *w);
    double *m = calloc(total, sizeof *m), *v = calloc(total, sizeof *v);
    double *moved = calloc(total, sizeof *moved);
    float *actual = calloc(total, sizeof *actual);
    for (size_t i = 0; i < total; i++)
        start[i] = w[i] = (double)scene.parameters[i];
    for (int step = 1; step <= 12; step++) {
        char what[80];
        double schedule = step / 12.0;
        optimizer_case_step(&scene, schedule, 0.75f);
        plain_all(&scene, w, m, v, schedule, 0.75);
        for (size_t e = 0; e < scene.table.count; e++) {
            const Parameter *entry = &scene.table.entries[e];
            for (size_t i = entry->offset; i < entry->offset + entry->count; i++) {
                moved[i] = w[i] - start[i];
                actual[i] = (float)((double)scene.parameters[i] - start[i]);
            }
            snprintf(what, sizeof what, "%s, step %d, %s", choice->kind->name, step, entry->name);
            double rounding = 6e-8 * step * sqrt((double)entry->count);
            assert_floats_close(what, actual + entry->offset, moved + entry->offset, entry->count,
                                1e-4, rounding / 1e-4);
        }
    }
    free(start), free(w), free(m), free(v), free(moved), free(actual);
    optimizer_case_destroy(&scene);
}

static void optimizers_follow_their_definitions(void **state) {
    (void)state;
    for (size_t k = 0; k < optimizer_kinds.count; k++) {
        KindChoice choice = defaults_kind(&optimizer_kinds, optimizer_kinds.kinds[k]->name);
        follow(&choice);
        set_real(&choice, "weight_decay", 0.3);
        follow(&choice);
    }
    KindChoice sgd = defaults_kind(&optimizer_kinds, "sgd");
    set_bool(&sgd, "nesterov", true);
    follow(&sgd);
}

/* Muon's direction has singular values near 1, so that ‖step‖² is near rate² · rank · stretch². The
   five steps take singular values between 0.01 and 1 of the normed matrix to between 0.68 and
   1.14. */
static void muon_steps_are_near_orthogonal(void **state) {
    (void)state;
    KindChoice choice = defaults_kind(&optimizer_kinds, "muon");
    set_real(&choice, "weight_decay", 0);
    OptimizerCase scene;
    optimizer_case_create(&scene, &choice);
    float *before = calloc(scene.table.total, sizeof *before);
    memcpy(before, scene.parameters, scene.table.total * sizeof *before);
    optimizer_case_step(&scene, 1, 1);
    const char *const names[] = {"layers/0/mlp/gate", "layers/0/mlp/down"};
    for (int n = 0; n < 2; n++) {
        const Parameter *entry = parameters_find(&scene.table, names[n]);
        double squares = 0, rate = 0.02 * 0.5, stretch = n == 0 ? 20.0 / 12 : 1;
        for (size_t i = entry->offset; i < entry->offset + entry->count; i++)
            squares += pow((double)scene.parameters[i] - (double)before[i], 2);
        assert_real_within(names[n], squares / (rate * rate * 12 * stretch), 0.68 * 0.68,
                           1.14 * 1.14);
    }
    free(before);
    optimizer_case_destroy(&scene);
}

/* ---- In training ---------------------------------------------------------------------------- */

static RunConfig small_run(const char *optimizer, const char *schedule) {
    RunConfig config = {.experiment = "test"};
    const char *wrong = defaults_fill(&run_config_fields, &config);
    if (wrong != NULL)
        fail_msg("the default of %s cannot be read", wrong);
    ModelConfig *model = &config.model;
    model->layers = 1, model->width = 16, model->heads = 2, model->hidden = 24, model->context = 16;
    model->vocabulary = 0;
    config.train.steps = 40;
    config.train.batch = 12;
    config.train.lanes = 4;
    config.train.warmup = 4;
    config.train.optimizer = defaults_kind(&optimizer_kinds, optimizer);
    config.train.schedule = defaults_kind(&schedule_kinds, schedule);
    config.snapshots.until = 0;
    config.snapshots.every = 0;
    config.probe.samples = 2;
    run_config_resolve(&config);
    if (strcmp(optimizer, "lion") == 0) /* its own default is made for long runs */
        set_real(&config.train.optimizer, "learning_rate", 2e-3);
    if (strncmp(optimizer, "adam", 4) == 0)
        set_real(&config.train.optimizer, "learning_rate", 1e-2);
    return config;
}

/* Trains with stepper_run; parameters and slots are left in arena, the losses in losses [steps]. */
static float *train_steps(const RunConfig *config, int threads, Arena *arena, double *losses,
                          size_t *total) {
    Error error;
    const char *culprit;
    RunModel *run;
    Stepper stepper;
    check(run_model_open(config, NULL, arena, &run, &culprit, &error), &error);
    check(stepper_create(config, run->model, &run->source, threads, arena, &stepper, &error),
          &error);
    *total = stepper.table->total;
    size_t slots = (size_t)stepper.optimizer->slots;
    float *state = ARENA_ARRAY(arena, float, (*total * (1 + slots)));
    parameters_initialize(stepper.table, 1, state);
    for (int64_t step = 1; step <= config->train.steps; step++) {
        StepResult result;
        check(stepper_run(&stepper, step, state, state + *total, &result, &error), &error);
        losses[step - 1] = result.loss;
    }
    *total *= 1 + slots;
    return state;
}

static void losses_fall_and_threads_do_not_matter(void **state) {
    (void)state;
    for (size_t k = 0; k < optimizer_kinds.count; k++) {
        const char *name = optimizer_kinds.kinds[k]->name;
        RunConfig config = small_run(name, "cosine");
        Arena arena = arena_create("a test");
        double losses[3][40], last = 0;
        size_t total;
        const float *first = train_steps(&config, 1, &arena, losses[0], &total);
        for (int threads = 2; threads <= 3; threads++) {
            const float *other = train_steps(&config, threads, &arena, losses[threads - 1], &total);
            if (memcmp(first, other, total * sizeof *first) != 0)
                fail_msg("%s: %d threads make other bits than one", name, threads);
            assert_memory_equal(losses[0], losses[threads - 1], sizeof losses[0]);
        }
        for (int i = 35; i < 40; i++)
            last += losses[0][i] / 5;
        if (!(last < losses[0][0] - 0.3)) /* a batch's mean varies by about 0.05 nats */
            fail_msg("%s: the loss fell only from %g to %g", name, losses[0][0], last);
        arena_destroy(&arena);
    }
}

/* A group whose learning rate is 0 stays as it began, to the bit; the others move. */
static void groups_can_be_frozen(void **state) {
    (void)state;
    for (size_t k = 0; k < optimizer_kinds.count; k++) {
        RunConfig config = small_run(optimizer_kinds.kinds[k]->name, "constant");
        config.train.groups.attention.learning_rate = 0;
        config.train.groups.norms.learning_rate = 0;
        config.train.steps = 3;
        Arena arena = arena_create("a test");
        Error error;
        const char *culprit;
        double losses[3];
        size_t total;
        RunModel *run;
        check(run_model_open(&config, NULL, &arena, &run, &culprit, &error), &error);
        const ParameterTable *table = model_parameters(run->model);
        const float *after = train_steps(&config, 2, &arena, losses, &total);
        float *before = ARENA_ARRAY(&arena, float, table->total);
        parameters_initialize(table, 1, before);
        for (size_t e = 0; e < table->count; e++) {
            const Parameter *entry = &table->entries[e];
            bool frozen = strstr(entry->name, "/attention/") != NULL || entry->columns == 0;
            bool same = memcmp(before + entry->offset, after + entry->offset,
                               entry->count * sizeof *before) == 0;
            if (same != frozen)
                fail_msg("%s: %s %s", optimizer_kinds.kinds[k]->name, entry->name,
                         frozen ? "moved" : "did not move");
        }
        arena_destroy(&arena);
    }
}

static void train_in(const RunConfig *config, const char *directory, int threads,
                     int64_t stop_after, Status expected) {
    TrainJob job = {.config = config,
                    .directory = directory,
                    .experiment_yaml = "experiment: test\n",
                    .identity = "test",
                    .program_version = "",
                    .git_revision = "",
                    .threads = threads,
                    .stop_after = stop_after};
    Error error = {.message = ""};
    Status status = train_run(&job, &error);
    if (status != expected)
        fail_msg("status %d, expected %d: %s", (int)status, (int)expected, error.message);
}

static void resuming_changes_no_bit(void **state) {
    for (size_t k = 0; k < optimizer_kinds.count; k++) {
        const char *name = optimizer_kinds.kinds[k]->name;
        RunConfig config = small_run(name, schedule_kinds.kinds[k % schedule_kinds.count]->name);
        config.train.steps = 14;
        char folder[2][64];
        snprintf(folder[0], 64, "whole-%s", name);
        snprintf(folder[1], 64, "parts-%s", name);
        const char *whole = scratch_path(state, folder[0]), *parts = scratch_path(state, folder[1]);
        train_in(&config, whole, 2, 0, STATUS_OK);
        train_in(&config, parts, 1, 3, STATUS_INTERRUPTED);
        train_in(&config, parts, 2, 9, STATUS_INTERRUPTED);
        train_in(&config, parts, 1, 0, STATUS_OK);
        Arena arena = arena_create("a test");
        Error error;
        const char *culprit;
        RunModel *run;
        check(run_model_open(&config, NULL, &arena, &run, &culprit, &error), &error);
        const ParameterTable *table = model_parameters(run->model);
        float *first = ARENA_ARRAY(&arena, float, table->total);
        float *second = ARENA_ARRAY(&arena, float, table->total);
        check(snapshot_read(whole, 14, table, first, &error), &error);
        check(snapshot_read(parts, 14, table, second, &error), &error);
        if (memcmp(first, second, table->total * sizeof *first) != 0)
            fail_msg("%s: the resumed run has other bits", name);
        arena_destroy(&arena);
    }
}

/* Activations are kept for one lane per thread: 2,048 sequences in 128 lanes (16 at a time) need
   less than a sixth of the memory of one lane, the 128 gradient buffers included, for the same
   gradient. */
static void lanes_bound_memory(void **state) {
    (void)state;
    RunConfig config = small_run("adamw", "constant");
    size_t bytes[2];
    double losses[2];
    config.train.batch = 2048;
    config.train.steps = 1;
    for (int i = 0; i < 2; i++) {
        Arena arena = arena_create("a test");
        size_t total;
        config.train.lanes = i == 0 ? 128 : 1;
        train_steps(&config, 1, &arena, &losses[i], &total);
        bytes[i] = arena.allocated;
        arena_destroy(&arena);
    }
    assert_real_close("the first loss in 128 lanes against one", losses[0], losses[1], 1e-6);
    assert_real_within("bytes in 128 lanes over bytes in one", (double)bytes[0] / (double)bytes[1],
                       0, 1 / 6.0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(optimizers_follow_their_definitions),
        cmocka_unit_test(muon_steps_are_near_orthogonal),
        cmocka_unit_test(losses_fall_and_threads_do_not_matter),
        cmocka_unit_test(groups_can_be_frozen),
        cmocka_unit_test_setup_teardown(resuming_changes_no_bit, scratch_create, scratch_remove),
        cmocka_unit_test(lanes_bound_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
