/* Key and value biases against what they are the same as, by other code paths of the model: a key
   of zeros is softmax-plus-one, a value alone is the value map's bias, a slot of zero value is a
   key alone, biases that are shared are equal ones whose gradients add up. The equations themselves
   are compared with the double-precision reference in test_model_axes.c.

   Tolerance: both sides round each operation to 6e-8, some hundred on a path; adding up like a
   random walk that stays below 1e-6 of a tensor's norm. */
#include "tests/support/compare.h"
#include "tests/support/model_case.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const double tolerance = 2e-6;

/* Longer than two blocks of attention. */
static const CaseShape shape = {"rope", 2, 24, 3, 20, 40, 50, 2, 37, 6};

static float *part(const ModelCase *scene, float *block, const char *name) {
    const Parameter *entry = parameters_find(scene->table, name);
    if (entry == NULL)
        fail_msg("%s: there is no %s", scene->settings, name);
    return block + entry->offset;
}

/* target's parameters become those of the same name and size in source. */
static void copy_parameters(const ModelCase *source, ModelCase *target) {
    for (size_t e = 0; e < target->table->count; e++) {
        const Parameter *entry = &target->table->entries[e];
        const Parameter *from = parameters_find(source->table, entry->name);
        if (from != NULL && from->count == entry->count)
            memcpy(target->parameters + entry->offset, source->parameters + from->offset,
                   entry->count * sizeof(float));
    }
}

static void fill(ModelCase *scene, const char *name, const float *values, size_t count) {
    for (int l = 0; l < scene->config.layers; l++) {
        char path[100];
        snprintf(path, sizeof path, "layers/%d/attention/%s", l, name);
        float *to = part(scene, scene->parameters, path);
        size_t size = parameters_find(scene->table, path)->count;
        for (size_t i = 0; i < size; i++)
            to[i] = values[i % count];
    }
}

static float *gradient_of(ModelCase *scene) {
    float *gradient = ARENA_ARRAY(&scene->arena, float, scene->table->total);
    model_gradient(scene->model, scene->parameters, &scene->batch, 1, scene->workspace, gradient);
    return gradient;
}

/* Losses and the gradients of all parameters that both have. */
static void assert_same(ModelCase *first, ModelCase *second) {
    size_t tokens = (size_t)shape.sequences * (size_t)shape.length;
    float losses[2][128];
    double expected[128];
    assert_in_range(tokens, 1, 128);
    model_forward(first->model, first->parameters, &first->batch, first->workspace, NULL,
                  losses[0]);
    model_forward(second->model, second->parameters, &second->batch, second->workspace, NULL,
                  losses[1]);
    for (size_t i = 0; i < tokens; i++)
        expected[i] = (double)losses[1][i];
    assert_floats_close(first->name, losses[0], expected, tokens, tolerance, 0);
    float *of_first = gradient_of(first), *of_second = gradient_of(second);
    for (size_t e = 0; e < first->table->count; e++) {
        const Parameter *entry = &first->table->entries[e];
        const Parameter *other = parameters_find(second->table, entry->name);
        if (other == NULL || other->count != entry->count)
            continue;
        double *wanted = ARENA_ARRAY(&first->arena, double, entry->count), norm = 0;
        for (size_t i = 0; i < entry->count; i++) {
            wanted[i] = (double)of_second[other->offset + i];
            norm += wanted[i] * wanted[i];
        }
        assert_true(norm > 0);
        assert_floats_close(entry->name, of_first + entry->offset, wanted, entry->count,
                            10 * tolerance, 0);
    }
}

static void make(ModelCase *scene, const char *settings) {
    case_create_with(scene, shape, settings, 1.5 / sqrt(shape.width), 1);
}

/* e^0 = 1 joins the denominator. */
static void key_of_zeros_is_softmax_plus_one(void **state) {
    (void)state;
    ModelCase biased, plus_one;
    make(&plus_one, "attention.normalization=softmax-plus-one");
    make(&biased, "attention.kv_bias=key");
    copy_parameters(&plus_one, &biased);
    fill(&biased, "kv_bias_key", (const float[]){0}, 1);
    assert_same(&plus_one, &biased);
    case_destroy(&biased);
    case_destroy(&plus_one);
}

/* A softmax's weights sum to 1, so a bias of all values passes through it. */
static void value_alone_is_the_bias_of_the_values(void **state) {
    (void)state;
    ModelCase biased, maps;
    make(&maps, "biases=true");
    make(&biased, "attention.kv_bias=value biases=true");
    copy_parameters(&maps, &biased);
    for (int l = 0; l < shape.layers; l++) {
        char from[100], to[100];
        snprintf(from, sizeof from, "layers/%d/attention/value_bias", l);
        snprintf(to, sizeof to, "layers/%d/attention/kv_bias_value", l);
        float *moved = part(&biased, biased.parameters, from);
        memcpy(part(&biased, biased.parameters, to), moved, (size_t)shape.width * sizeof(float));
        memset(moved, 0, (size_t)shape.width * sizeof(float));
    }
    assert_same(&maps, &biased);
    case_destroy(&biased);
    case_destroy(&maps);
}

static void slot_of_zero_value_is_a_key_alone(void **state) {
    (void)state;
    ModelCase both, key;
    make(&key, "attention.kv_bias=key attention.normalization=sigmoid-normalized");
    make(&both, "attention.kv_bias=key-value attention.normalization=sigmoid-normalized");
    copy_parameters(&key, &both);
    fill(&both, "kv_bias_value", (const float[]){0}, 1);
    assert_same(&key, &both);
    case_destroy(&both);
    case_destroy(&key);
}

/* Equal biases of all heads, and one that they share: the same model; the shared one's gradient is
   the sum of theirs. */
static void shared_biases_are_equal_ones(void **state) {
    (void)state;
    static const float key[] = {0.5f, -1, 0.3f, 0.8f, -0.2f, 1, 0.1f, -0.6f};
    static const float value[] = {-0.4f, 0.2f, 1, -0.7f, 0.9f, -0.1f, 0.6f, 0.3f};
    ModelCase own, shared;
    make(&own, "attention.kv_bias=key-value");
    make(&shared, "attention.kv_bias=key-value attention.kv_bias.shared=true");
    copy_parameters(&own, &shared);
    fill(&own, "kv_bias_key", key, 8), fill(&own, "kv_bias_value", value, 8);
    fill(&shared, "kv_bias_key", key, 8), fill(&shared, "kv_bias_value", value, 8);
    assert_same(&own, &shared);
    float *of_own = gradient_of(&own), *of_shared = gradient_of(&shared);
    static const char *const names[] = {"layers/0/attention/kv_bias_key",
                                        "layers/1/attention/kv_bias_value"};
    for (int n = 0; n < 2; n++) {
        double sums[8] = {0};
        assert_int_equal(parameters_find(own.table, names[n])->count, 24);
        assert_int_equal(parameters_find(shared.table, names[n])->count, 8);
        for (int i = 0; i < 24; i++)
            sums[i % 8] += (double)part(&own, of_own, names[n])[i];
        assert_floats_close(names[n], part(&shared, of_shared, names[n]), sums, 8, 10 * tolerance,
                            0);
    }
    case_destroy(&own);
    case_destroy(&shared);
}

/* Sums of the rows of the map that the tap sees, and whether anything stands where it must not. */
typedef struct Rows {
    double least, most;
    int wrong_columns;
} Rows;

static void see(void *context, const TapView *view) {
    Rows *rows = context;
    if (view->name != TAP_WEIGHTS)
        return;
    rows->wrong_columns += view->columns != shape.length;
    for (int r = 0; r < view->rows; r++) {
        double sum = 0;
        for (int j = 0; j < view->columns; j++)
            sum += (double)view->data[(size_t)r * view->stride + (size_t)j];
        rows->least = fmin(rows->least, sum);
        rows->most = fmax(rows->most, sum);
    }
}

static Rows rows_of(const char *settings) {
    ModelCase scene;
    Rows rows = {.least = INFINITY, .most = -INFINITY};
    make(&scene, settings);
    model_forward(scene.model, scene.parameters, &scene.batch, scene.workspace, &(Tap){see, &rows},
                  NULL);
    case_destroy(&scene);
    return rows;
}

/* Maps have columns for tokens alone; what the slot took is what their rows lack. */
static void slot_shows_in_row_sums(void **state) {
    (void)state;
    Rows none = rows_of("attention.kv_bias=none"), value = rows_of("attention.kv_bias=value");
    Rows key = rows_of("attention.kv_bias=key"), both = rows_of("attention.kv_bias=key-value");
    assert_real_within("none: least", none.least, 1 - 1e-6, 1 + 1e-6);
    assert_real_within("value: least", value.least, 1 - 1e-6, 1 + 1e-6);
    assert_real_within("value: most", value.most, 1 - 1e-6, 1 + 1e-6);
    assert_real_within("key: least", key.least, 0, 0.9);
    assert_real_within("key: most", key.most, key.least, 1);
    assert_real_within("key-value: least", both.least, 0, 0.9);
    assert_int_equal(none.wrong_columns + value.wrong_columns, 0);
    assert_int_equal(key.wrong_columns + both.wrong_columns, 0);
}

/* Random directions alone would not show a slot that is missing from one block's rows: of one
   token, the slot is all that there is besides it. */
static void first_query_sees_the_slot(void **state) {
    (void)state;
    ModelCase scene;
    CaseShape one = shape;
    one.length = one.sequences = 1;
    one.skipped = 0;
    case_create_with(&scene, one, "attention.kv_bias=key-value", 1.5 / sqrt(one.width), 1);
    const float *gradient = gradient_of(&scene);
    static const char *const names[] = {"layers/0/attention/kv_bias_key",
                                        "layers/0/attention/kv_bias_value"};
    for (int n = 0; n < 2; n++) {
        const Parameter *entry = parameters_find(scene.table, names[n]);
        double square = 0;
        for (size_t i = 0; i < entry->count; i++)
            square += pow((double)gradient[entry->offset + i], 2);
        assert_real_within(names[n], sqrt(square), 1e-3, 1e3);
    }
    case_destroy(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_of_zeros_is_softmax_plus_one),
        cmocka_unit_test(value_alone_is_the_bias_of_the_values),
        cmocka_unit_test(slot_of_zero_value_is_a_key_alone),
        cmocka_unit_test(shared_biases_are_equal_ones),
        cmocka_unit_test(slot_shows_in_row_sums),
        cmocka_unit_test(first_query_sees_the_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
