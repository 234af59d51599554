/* The whole model's gradient, for each position encoding, against central differences of the
   double-precision reference: every single parameter of tiny models, and random directions in every
   tensor of larger ones.

   Tolerance: with step 1e-5 the differences themselves are right to about 1e-9. What is left is the
   float32 rounding of model/ itself, 6e-8 per operation; over the some hundred operations on a path
   through two or three layers, adding up like a random walk, that stays below 1e-5 of a tensor's L2
   norm (4e-6 is the worst seen). 2e-5 leaves room for unlucky cancellation; a wrong or missing term
   is of order 1. A tensor whose true gradient is near 0 is judged against a thousandth of the whole
   gradient's norm. */
#include "model/base/random.h"
#include "tests/support/compare.h"
#include "tests/support/defaults.h"
#include "tests/support/model_case.h"
#include "tests/support/reference_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const double tolerance = 2e-5, step = 1e-5;

static double norm_of(const float *values, size_t count) {
    double squares = 0;
    for (size_t i = 0; i < count; i++)
        squares += (double)values[i] * (double)values[i];
    return sqrt(squares);
}

/* The analytic gradient, into memory that held NaN: it must be overwritten, not added to. */
static float *gradient_of(ModelCase *scene, double scale) {
    float *gradient = ARENA_ARRAY(&scene->arena, float, scene->table->total);
    for (size_t i = 0; i < scene->table->total; i++)
        gradient[i] = NAN;
    model_gradient(scene->model, scene->parameters, &scene->batch, scale, scene->workspace,
                   gradient);
    return gradient;
}

static void check_every_entry(const CaseShape *shape, uint64_t seed) {
    ModelCase scene;
    case_create(&scene, *shape, 1.5 / sqrt(shape->width), seed);
    const float *gradient = gradient_of(&scene, 1);
    double *expected = ARENA_ARRAY(&scene.arena, double, scene.table->total);
    for (size_t i = 0; i < scene.table->total; i++)
        expected[i] =
            reference_partial(&scene.config, scene.table, scene.exact, &scene.batch, i, step);
    double whole = norm_of(gradient, scene.table->total);
    assert_real_within("norm of the gradient", whole, 1e-3, 1e6);
    for (size_t e = 0; e < scene.table->count; e++) {
        const Parameter *entry = &scene.table->entries[e];
        char what[300];
        snprintf(what, sizeof what, "%s: gradient of %s", scene.name, entry->name);
        assert_floats_close(what, gradient + entry->offset, expected + entry->offset, entry->count,
                            tolerance, 1e-3 * whole);
    }
    case_destroy(&scene);
}

/* Two layers, so that gradients pass through a whole block; one head and two; a target left out. */
static void every_entry(void **state) {
    (void)state;
    static const CaseShape shapes[] = {{"", 2, 8, 2, 5, 7, 7, 2, 6, 4},
                                       {"", 1, 12, 3, 7, 9, 5, 1, 9, 0},
                                       {"", 2, 4, 1, 3, 2, 3, 1, 1, 0}};
    for (const char *const *position = defaults_positions(); *position != NULL; position++)
        for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
            CaseShape shape = shapes[s];
            shape.position = *position;
            check_every_entry(&shape, s + 1);
        }
}

/* The slope along a random direction within one tensor is gradient · direction. For directions of
   independent normal entries its error is one draw of N(0, ‖error‖²): an error as large as a
   hundredth of the gradient falls within five tolerances once in a hundred draws, so twice once in
   10⁴. */
static void check_directions(ModelCase *scene, const Parameter *entry, const float *gradient,
                             double whole, Random *random) {
    double norm = norm_of(gradient + entry->offset, entry->count);
    for (int k = 0; k < 2; k++) {
        double *direction = ARENA_ARRAY(&scene->arena, double, scene->table->total);
        double length = 0, analytic = 0;
        for (size_t i = entry->offset; i < entry->offset + entry->count; i++) {
            direction[i] = random_normal(random);
            length += direction[i] * direction[i];
        }
        for (size_t i = entry->offset; i < entry->offset + entry->count; i++)
            analytic += (double)gradient[i] * direction[i];
        /* Steps of the same length whatever the tensor's size. */
        double slope = reference_slope(&scene->config, scene->table, scene->exact, &scene->batch,
                                       direction, step / sqrt(length));
        double allowed = 5 * tolerance * fmax(norm, 1e-3 * whole);
        if (!(fabs(analytic - slope) <= allowed))
            fail_msg("%s: slope of %s along direction %d: %.9g, expected %.9g within %.3g",
                     scene->name, entry->name, k, analytic, slope, allowed);
    }
}

/* Longer than one block of attention, widths that fill no vector, logits in several portions. */
static void directions_of_larger_models(void **state) {
    (void)state;
    static const CaseShape shapes[] = {{"", 2, 24, 3, 20, 70, 50, 2, 67, 6},
                                       {"", 3, 40, 2, 33, 40, 300, 1, 33, 0}};
    for (const char *const *position = defaults_positions(); *position != NULL; position++)
        for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
            CaseShape shape = shapes[s];
            shape.position = *position;
            ModelCase scene;
            case_create(&scene, shape, 1.2 / sqrt(shape.width), s + 1);
            Random random = random_create(s, RANDOM_TEST, 9, 0);
            const float *gradient = gradient_of(&scene, 1);
            double whole = norm_of(gradient, scene.table->total);
            for (size_t e = 0; e < scene.table->count; e++)
                check_directions(&scene, &scene.table->entries[e], gradient, whole, &random);
            case_destroy(&scene);
        }
}

/* loss_scale multiplies the gradient (by powers of two: exactly) and not the returned loss. */
static void loss_scale_is_linear(void **state) {
    (void)state;
    for (const char *const *position = defaults_positions(); *position != NULL; position++) {
        ModelCase scene;
        case_create(&scene, (CaseShape){*position, 2, 24, 3, 20, 40, 50, 2, 37, 6}, 0.3, 4);
        const float *one = gradient_of(&scene, 1), *quarter = gradient_of(&scene, 0.25);
        for (size_t i = 0; i < scene.table->total; i++)
            if (quarter[i] != one[i] / 4 && fabsf(one[i]) > 1e-30f)
                fail_msg("%s: entry %zu is %.9g at scale 1 and %.9g at 1/4", scene.name, i,
                         (double)one[i], (double)quarter[i]);
        float *gradient = ARENA_ARRAY(&scene.arena, float, scene.table->total);
        double loss = model_gradient(scene.model, scene.parameters, &scene.batch, 1,
                                     scene.workspace, gradient);
        double scaled = model_gradient(scene.model, scene.parameters, &scene.batch, 0.25,
                                       scene.workspace, gradient);
        assert_real_within("loss at another scale", scaled, loss, loss);
        case_destroy(&scene);
    }
}

/* A batch's gradient is the sum of its sequences': none leaks into another. */
static void sequences_add_up(void **state) {
    (void)state;
    for (const char *const *position = defaults_positions(); *position != NULL; position++) {
        ModelCase scene;
        case_create(&scene, (CaseShape){*position, 2, 24, 3, 20, 40, 50, 3, 37, 6}, 0.3, 5);
        const float *together = gradient_of(&scene, 1);
        double *sum = ARENA_ARRAY(&scene.arena, double, scene.table->total);
        for (int s = 0; s < 3; s++) {
            scene.batch = (Batch){scene.inputs + s * 37, scene.targets + s * 37, 1, 37};
            const float *alone = gradient_of(&scene, 1);
            for (size_t i = 0; i < scene.table->total; i++)
                sum[i] += (double)alone[i];
        }
        assert_floats_close(scene.name, together, sum, scene.table->total, 1e-5, 0);
        case_destroy(&scene);
    }
}

/* Nothing to predict: no loss, no gradient. */
static void no_targets(void **state) {
    (void)state;
    ModelCase scene;
    case_create(&scene, (CaseShape){"absolute", 2, 16, 2, 20, 12, 9, 2, 12, 1}, 0.3, 6);
    assert_int_equal(batch_target_count(&scene.batch), 0);
    const float *gradient = gradient_of(&scene, 1);
    for (size_t i = 0; i < scene.table->total; i++)
        if (gradient[i] != 0)
            fail_msg("entry %zu is %.9g", i, (double)gradient[i]);
    case_destroy(&scene);
}

/* Plain Adam steps on one batch of random sequences, which begin with different tokens so that
   nothing in them is left to chance: a model that cannot learn them by heart has a wrong
   gradient. */
static void memorises_one_batch(void **state) {
    (void)state;
    for (const char *const *position = defaults_positions(); *position != NULL; position++) {
        ModelCase scene;
        case_create_fresh(&scene, (CaseShape){*position, 2, 32, 2, 64, 16, 20, 4, 16, 0}, 7);
        for (int i = 0; i < 4; i++)
            scene.inputs[i * 16] = i;
        size_t total = scene.table->total;
        float *mean = ARENA_ARRAY(&scene.arena, float, total);
        float *square = ARENA_ARRAY(&scene.arena, float, total);
        float *gradient = ARENA_ARRAY(&scene.arena, float, total);
        double targets = (double)batch_target_count(&scene.batch), loss = 0, first = 0;
        for (int t = 1; t <= 300; t++) {
            loss = model_gradient(scene.model, scene.parameters, &scene.batch, 1 / targets,
                                  scene.workspace, gradient) /
                   targets;
            first = t == 1 ? loss : first;
            for (size_t i = 0; i < total; i++) {
                mean[i] = 0.9f * mean[i] + 0.1f * gradient[i];
                square[i] = 0.95f * square[i] + 0.05f * gradient[i] * gradient[i];
                float scale = (float)(sqrt(1 - pow(0.95, t)) / (1 - pow(0.9, t)));
                scene.parameters[i] -= 0.005f * scale * mean[i] / (sqrtf(square[i]) + 1e-8f);
            }
        }
        assert_real_within("loss at first", first, 0.95 * log(20), 1.05 * log(20));
        assert_real_within(scene.name, loss, 0, 0.1);
        case_destroy(&scene);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_entry),          cmocka_unit_test(directions_of_larger_models),
        cmocka_unit_test(loss_scale_is_linear), cmocka_unit_test(sequences_add_up),
        cmocka_unit_test(no_targets),           cmocka_unit_test(memorises_one_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
