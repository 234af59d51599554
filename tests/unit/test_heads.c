/* Key-value heads that several heads share: the same model as one whose heads repeat them, for
   every measurement, with a gradient that is the sum of the repeated ones. */
#include "tests/support/analysis_scene.h"
#include "tests/support/compare.h"
#include "tests/support/numbers.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { HEADS = 4, SHARED = 2 };

static const CaseShape shape = {.position = "rope",
                                .layers = 2,
                                .width = 16,
                                .heads = HEADS,
                                .hidden = 12,
                                .context = 20,
                                .vocabulary = 11,
                                .sequences = 3,
                                .length = 20,
                                .skipped = 5};

static const char plain[] = "attention.query_key_norm=rms attention.gate=head biases=true";
static const char grouped[] =
    "kv_heads=2 attention.query_key_norm=rms attention.gate=head biases=true";

static bool is_shared(const Parameter *entry) {
    return strstr(entry->name, "attention/key") != NULL ? strstr(entry->name, "norm") == NULL
                                                        : strstr(entry->name, "value") != NULL;
}

/* Rows of one head, each of columns floats (1 for a bias). */
static size_t head_floats(const Parameter *entry) {
    size_t columns = entry->columns == 0 ? 1 : (size_t)entry->columns;
    return (size_t)(shape.width / HEADS) * columns;
}

/* The plain model's parameters from the grouped one's: head h gets key-value head h / SHARED. */
static void repeat(const ModelCase *from, ModelCase *to) {
    assert_int_equal(from->table->count, to->table->count);
    for (size_t e = 0; e < from->table->count; e++) {
        const Parameter *entry = &from->table->entries[e];
        const Parameter *other = parameters_find(to->table, entry->name);
        assert_non_null(other);
        const float *values = from->parameters + entry->offset;
        float *target = to->parameters + other->offset;
        size_t floats = head_floats(entry);
        if (!is_shared(entry)) {
            assert_int_equal(entry->count, other->count);
            memcpy(target, values, entry->count * sizeof *values);
        }
        for (size_t h = 0; is_shared(entry) && h < HEADS; h++)
            memcpy(target + h * floats, values + h / SHARED * floats, floats * sizeof *values);
    }
}

static void assert_rows(const char *name, const char *what, const double *actual,
                        const double *expected, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char text[200];
        snprintf(text, sizeof text, "%s: %s, value %zu", name, what, i);
        assert_number(text, actual[i], expected[i], 2e-4 * (1 + fabs(expected[i])));
    }
}

/* All values of all variables, but the frames' (of mean maps, which the scene does not have). Both
   models round alike or nearly so (1e-6); some measurements divide by small numbers. */
static void every_measurement_sees_each_heads_own(void **state) {
    (void)state;
    static const char *const names[] = {"sinks",      "information", "values",   "references",
                                        "likelihood", "rotary",      "topology", "spectrum"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        AnalysisScene shared, repeated;
        analysis_scene_create_with(&shared, names[i], shape, grouped, "causal", 0.4, 0);
        analysis_scene_create_with(&repeated, names[i], shape, plain, "causal", 0.4, 0);
        repeat(&shared.model, &repeated.model);
        analysis_scene_run(&repeated);
        const VariableList *variables = &shared.variables;
        assert_true(variables->sample_values + variables->probe_values > 0);
        assert_rows(names[i], "of samples", shared.rows, repeated.rows,
                    (size_t)shape.sequences * variables->sample_values);
        assert_rows(names[i], "of the probe", shared.probe_row, repeated.probe_row,
                    variables->probe_values);
        assert_rows(names[i], "of the run", shared.run_row, repeated.run_row,
                    variables->run_values);
        analysis_scene_destroy(&shared);
        analysis_scene_destroy(&repeated);
    }
}

static float *gradient_of(ModelCase *scene) {
    float *gradient = ARENA_ARRAY(&scene->arena, float, scene->table->total);
    model_gradient(scene->model, scene->parameters, &scene->batch, 1, scene->workspace, gradient);
    return gradient;
}

/* expected: the repeated heads' gradients, added up over the heads that share; both roundings are
   some 1e-6 of the whole gradient. */
static void shared_gradients_add_up(void **state) {
    (void)state;
    ModelCase shared, repeated;
    case_create_with(&shared, shape, grouped, 0.4, 1);
    case_create_with(&repeated, shape, plain, 0.4, 1);
    repeat(&shared, &repeated);
    const float *gradient = gradient_of(&shared), *apart = gradient_of(&repeated);
    int seen = 0;
    for (size_t e = 0; e < shared.table->count; e++) {
        const Parameter *entry = &shared.table->entries[e];
        const Parameter *other = parameters_find(repeated.table, entry->name);
        double *expected = ARENA_ARRAY(&shared.arena, double, entry->count);
        size_t floats = head_floats(entry), parts = is_shared(entry) ? HEADS : 1;
        for (size_t h = 0; h < parts; h++)
            for (size_t i = 0; i < (parts == 1 ? entry->count : floats); i++)
                expected[h / SHARED * floats + i] += apart[other->offset + h * floats + i];
        seen += parts > 1;
        assert_floats_close(entry->name, gradient + entry->offset, expected, entry->count, 1e-5,
                            1e-1);
    }
    assert_int_equal(seen, 2 * 2 * shape.layers); /* keys and values, weights and biases */
    case_destroy(&shared);
    case_destroy(&repeated);
}

/* As many key-value heads as heads is the ordinary attention, to the bit. */
static void as_many_as_heads(void **state) {
    (void)state;
    ModelCase ordinary, named;
    case_create_with(&ordinary, shape, "", 0.4, 1);
    case_create_with(&named, shape, "kv_heads=4", 0.4, 1);
    assert_int_equal(ordinary.table->total, named.table->total);
    assert_memory_equal(gradient_of(&ordinary), gradient_of(&named),
                        named.table->total * sizeof(float));
    case_destroy(&ordinary);
    case_destroy(&named);
}

/* RMSNorm forgets how long queries and keys are: weights ten times as large change nothing but the
   part of the ε, 1e-5 over mean squares of about 0.16 · 16. */
static void the_norm_forgets_lengths(void **state) {
    (void)state;
    ModelCase scene;
    case_create_with(&scene, shape, "attention.query_key_norm=rms", 0.4, 1);
    size_t count = (size_t)(shape.sequences * shape.length * shape.vocabulary);
    float *logits = ARENA_ARRAY(&scene.arena, float, count);
    double *before = ARENA_ARRAY(&scene.arena, double, count);
    model_logits(scene.model, scene.parameters, &scene.batch, scene.workspace, logits);
    for (size_t i = 0; i < count; i++)
        before[i] = (double)logits[i];
    for (int l = 0; l < shape.layers; l++) {
        static const char *const names[] = {"query", "key"};
        for (int n = 0; n < 2; n++) {
            char name[60];
            snprintf(name, sizeof name, "layers/%d/attention/%s", l, names[n]);
            const Parameter *entry = parameters_find(scene.table, name);
            for (size_t i = 0; i < entry->count; i++)
                scene.parameters[entry->offset + i] *= 10;
        }
    }
    model_logits(scene.model, scene.parameters, &scene.batch, scene.workspace, logits);
    assert_floats_close("logits", logits, before, count, 1e-3, 0);
    case_destroy(&scene);
}

/* A gate whose map is 0 halves every head's output: so does a half of the output map. */
static void a_gate_of_zeros_halves(void **state) {
    (void)state;
    static const char *const settings[] = {"attention.gate=head", "attention.gate=elementwise"};
    for (int s = 0; s < 2; s++) {
        ModelCase gated, halved;
        case_create_with(&gated, shape, settings[s], 0.4, 1);
        case_create_with(&halved, shape, "", 0.4, 1);
        for (size_t e = 0; e < gated.table->count; e++) {
            const Parameter *entry = &gated.table->entries[e];
            const Parameter *other = parameters_find(halved.table, entry->name);
            float *values = gated.parameters + entry->offset;
            if (other == NULL)
                memset(values, 0, entry->count * sizeof *values);
            for (size_t i = 0; other != NULL && i < entry->count; i++)
                halved.parameters[other->offset + i] =
                    strstr(entry->name, "attention/output") != NULL ? values[i] / 2 : values[i];
        }
        size_t count = (size_t)(shape.sequences * shape.length * shape.vocabulary);
        float *logits = ARENA_ARRAY(&gated.arena, float, count);
        float *others = ARENA_ARRAY(&gated.arena, float, count);
        double *expected = ARENA_ARRAY(&gated.arena, double, count);
        model_logits(gated.model, gated.parameters, &gated.batch, gated.workspace, logits);
        model_logits(halved.model, halved.parameters, &halved.batch, halved.workspace, others);
        for (size_t i = 0; i < count; i++)
            expected[i] = (double)others[i];
        assert_floats_close(settings[s], logits, expected, count, 1e-5, 0);
        case_destroy(&gated);
        case_destroy(&halved);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_measurement_sees_each_heads_own),
        cmocka_unit_test(shared_gradients_add_up),
        cmocka_unit_test(as_many_as_heads),
        cmocka_unit_test(the_norm_forgets_lengths),
        cmocka_unit_test(a_gate_of_zeros_halves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
