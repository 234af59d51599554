/* Every choice of the model's blocks and positions (tests/support/axes.h) against the plain
   double-precision reference: logits, losses, residual streams and the gradient of every parameter.
   The tolerances are those of test_model.c and test_model_gradient.c, where they are derived. */
#include "model/base/random.h"
#include "model/position/position.h"
#include "tests/support/axes.h"
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

static const double forward_tolerance = 1e-5, gradient_tolerance = 2e-5, step = 1e-5;

static const CaseShape tiny = {"rope", 2, 8, 2, 5, 7, 7, 2, 6, 4};
/* Longer than two blocks of attention; widths that fill no vector. */
static const CaseShape larger = {"rope", 2, 24, 3, 20, 40, 50, 2, 37, 6};

typedef void Check(ModelCase *scene);

static void for_each_axis(CaseShape shape, Check *check) {
    for (const Axis *axis = axes; axis->name != NULL; axis++) {
        ModelCase scene;
        case_create_with(&scene, shape, axis->settings, 1.5 / sqrt(shape.width), 1);
        check(&scene);
        case_destroy(&scene);
    }
}

/* Residual streams as the reference keeps them, and how many views of the MLP came. */
typedef struct Seen {
    ModelCase *scene;
    float *residual;
    int mlp_views, wrong_shapes;
} Seen;

static void see(void *context, const TapView *view) {
    Seen *seen = context;
    const ModelConfig *config = &seen->scene->config;
    size_t length = (size_t)seen->scene->batch.length, width = (size_t)config->width;
    if (view->name == TAP_MLP_BEFORE || view->name == TAP_MLP_AFTER) {
        seen->mlp_views++;
        seen->wrong_shapes += view->columns != config->hidden || view->rows != (int)length;
    }
    if (view->name != TAP_RESIDUAL)
        return;
    size_t plane = (size_t)view->sequence * (size_t)(config->layers + 1) + (size_t)view->layer;
    for (size_t r = 0; r < length; r++)
        memcpy(seen->residual + (plane * length + r) * width, view->data + r * view->stride,
               width * sizeof(float));
}

static bool has_mlp(const ModelCase *scene) {
    return strcmp(scene->config.mlp.kind->name, "none") != 0;
}

/* With a workspace for the forward pass alone, whose layers share their memory. */
static void check_forward(ModelCase *scene) {
    Arena *arena = &scene->arena;
    size_t tokens = (size_t)scene->batch.sequences * (size_t)scene->batch.length;
    size_t logit_count = tokens * (size_t)scene->config.vocabulary;
    size_t states = tokens * (size_t)(scene->config.layers + 1) * (size_t)scene->config.width;
    double *logits = ARENA_ARRAY(arena, double, logit_count);
    double *residual = ARENA_ARRAY(arena, double, states);
    double *losses = ARENA_ARRAY(arena, double, tokens);
    reference_forward(&scene->config, scene->table, scene->exact, &scene->batch,
                      &(ReferenceOutput){.logits = logits, .residual = residual, .losses = losses});
    Workspace *forward;
    Error error;
    assert_int_equal(workspace_create(scene->model, scene->batch.sequences, scene->batch.length,
                                      false, arena, &forward, &error),
                     STATUS_OK);
    Workspace *const workspaces[] = {forward, scene->workspace};
    for (int w = 0; w < 2; w++) {
        float *found = ARENA_ARRAY(arena, float, logit_count);
        float *found_losses = ARENA_ARRAY(arena, float, tokens);
        Seen seen = {.scene = scene, .residual = ARENA_ARRAY(arena, float, states)};
        model_logits(scene->model, scene->parameters, &scene->batch, workspaces[w], found);
        model_forward(scene->model, scene->parameters, &scene->batch, workspaces[w],
                      &(Tap){see, &seen}, found_losses);
        assert_floats_close(scene->name, found, logits, logit_count, forward_tolerance, 0);
        assert_floats_close(scene->name, found_losses, losses, tokens, forward_tolerance, 1e-3);
        assert_floats_close(scene->name, seen.residual, residual, states, forward_tolerance, 0);
        int views = has_mlp(scene) ? 2 * scene->batch.sequences * (int)scene->config.layers : 0;
        assert_int_equal(seen.mlp_views, views);
        assert_int_equal(seen.wrong_shapes, 0);
    }
}

static void forward_matches_the_reference(void **state) {
    (void)state;
    for_each_axis(tiny, check_forward);
    for_each_axis(larger, check_forward);
}

static float *gradient_of(ModelCase *scene) {
    float *gradient = ARENA_ARRAY(&scene->arena, float, scene->table->total);
    for (size_t i = 0; i < scene->table->total; i++)
        gradient[i] = NAN;
    model_gradient(scene->model, scene->parameters, &scene->batch, 1, scene->workspace, gradient);
    return gradient;
}

static double norm_of(const float *values, size_t count) {
    double squares = 0;
    for (size_t i = 0; i < count; i++)
        squares += (double)values[i] * (double)values[i];
    return sqrt(squares);
}

/* A tensor whose gradient is small beside the whole one carries the whole one's rounding, which is
   some fifteen units of single precision (6e-8) of the whole norm; 2e-5 of a tenth of it allows
   twice that. Seen with embedding_scale=2.5: 1.9e-5 and 1.3e-5 in two tensors of norm 5.3 and 0.8,
   the whole 19.4; the same with a difference step ten times as large, another with another
   optimisation level. */
static const double small_share = 0.1;

static void check_every_entry(ModelCase *scene) {
    const float *gradient = gradient_of(scene);
    double *expected = ARENA_ARRAY(&scene->arena, double, scene->table->total);
    for (size_t i = 0; i < scene->table->total; i++)
        expected[i] =
            reference_partial(&scene->config, scene->table, scene->exact, &scene->batch, i, step);
    double whole = norm_of(gradient, scene->table->total);
    assert_real_within("norm of the gradient", whole, 1e-3, 1e6);
    for (size_t e = 0; e < scene->table->count; e++) {
        const Parameter *entry = &scene->table->entries[e];
        char what[400];
        snprintf(what, sizeof what, "%s: gradient of %s", scene->name, entry->name);
        assert_floats_close(what, gradient + entry->offset, expected + entry->offset, entry->count,
                            gradient_tolerance, small_share * whole);
    }
}

static void gradient_of_every_entry(void **state) {
    (void)state;
    for_each_axis(tiny, check_every_entry);
}

/* One random direction over all parameters together, each tensor's part of it as long as the
   others': gradient · direction against the slope. */
static void check_direction(ModelCase *scene) {
    const float *gradient = gradient_of(scene);
    double *direction = ARENA_ARRAY(&scene->arena, double, scene->table->total);
    Random random = random_create(3, RANDOM_TEST, 9, 0);
    double analytic = 0, length = sqrt((double)scene->table->count), allowed = 0;
    double whole = norm_of(gradient, scene->table->total);
    for (size_t e = 0; e < scene->table->count; e++) {
        const Parameter *entry = &scene->table->entries[e];
        double scale = 1 / (length * sqrt((double)entry->count));
        double norm = norm_of(gradient + entry->offset, entry->count);
        for (size_t i = entry->offset; i < entry->offset + entry->count; i++) {
            direction[i] = scale * random_normal(&random);
            analytic += (double)gradient[i] * direction[i];
        }
        allowed += 5 * gradient_tolerance * fmax(norm, 1e-3 * whole) * scale;
    }
    double slope =
        reference_slope(&scene->config, scene->table, scene->exact, &scene->batch, direction, step);
    if (!(fabs(analytic - slope) <= allowed))
        fail_msg("%s: slope %.9g, expected %.9g within %.3g", scene->name, analytic, slope,
                 allowed);
}

static void slope_of_larger_models(void **state) {
    (void)state;
    for_each_axis(larger, check_direction);
}

/* A used workspace, made for more, gives the bits of a fresh one of the right size. */
static void check_workspace_reuse(ModelCase *scene) {
    size_t total = scene->table->total;
    float *first = ARENA_ARRAY(&scene->arena, float, total);
    float *second = ARENA_ARRAY(&scene->arena, float, total);
    Batch part = {scene->inputs, scene->targets, 1, scene->batch.length / 2};
    Workspace *fresh;
    Error error;
    assert_int_equal(
        workspace_create(scene->model, 1, part.length, true, &scene->arena, &fresh, &error),
        STATUS_OK);
    model_gradient(scene->model, scene->parameters, &part, 0.5, fresh, first);
    model_gradient(scene->model, scene->parameters, &scene->batch, 1, scene->workspace, second);
    model_gradient(scene->model, scene->parameters, &part, 0.5, scene->workspace, second);
    assert_memory_equal(first, second, total * sizeof *first);
}

static void workspaces_hold_no_past(void **state) {
    (void)state;
    for_each_axis(larger, check_workspace_reuse);
}

/* From the model's own start, 200 plain Adam steps on one batch of random sequences: every choice
   learns at least half of it by heart. */
static void every_choice_learns(void **state) {
    (void)state;
    for (const Axis *axis = axes; axis->name != NULL; axis++) {
        ModelCase scene;
        case_create_fresh_with(&scene, (CaseShape){"rope", 2, 16, 2, 24, 8, 10, 2, 8, 0},
                               axis->settings, 7);
        size_t total = scene.table->total;
        float *mean = ARENA_ARRAY(&scene.arena, float, total);
        float *square = ARENA_ARRAY(&scene.arena, float, total);
        float *gradient = ARENA_ARRAY(&scene.arena, float, total);
        double targets = (double)batch_target_count(&scene.batch), loss = 0, first = 0;
        for (int t = 1; t <= 200; t++) {
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
        assert_real_within(scene.name, loss, 0, 0.5 * first);
        case_destroy(&scene);
    }
}

/* Names and shapes as the README's Conventions give them: exactly these, in any order. */
static void assert_parameters(const char *settings, const char *const *names) {
    ModelCase scene;
    case_create_fresh_with(&scene, (CaseShape){"rope", 1, 8, 2, 12, 7, 5, 1, 4, 0}, settings, 1);
    size_t count = 0;
    for (; names[count] != NULL; count++)
        if (parameters_find(scene.table, names[count]) == NULL)
            fail_msg("%s: there is no %s", settings, names[count]);
    assert_int_equal(scene.table->count, count);
    for (size_t e = 0; e < count; e++) {
        const Parameter *entry = &scene.table->entries[e];
        bool vector = strstr(entry->name, "_norm") != NULL ||
                      strstr(entry->name, "_bias") != NULL ||
                      strstr(entry->name, "sink_logit") != NULL;
        vector &= strcmp(entry->name, "relative_bias") != 0;
        assert_int_equal(vector, entry->columns == 0);
        assert_false(vector && entry->decay);
    }
    case_destroy(&scene);
}

#define LAYER(name) "layers/0/" name
#define ATTENTION                                                                                  \
    LAYER("attention/query"), LAYER("attention/key"), LAYER("attention/value"),                    \
        LAYER("attention/output")

static void parameter_names(void **state) {
    (void)state;
    assert_parameters("mlp=none norm=none tied=true",
                      (const char *[]){"token_embedding", ATTENTION, NULL});
    assert_parameters("mlp=relu placement=post",
                      (const char *[]){"token_embedding", ATTENTION, LAYER("attention_norm"),
                                       LAYER("mlp_norm"), LAYER("mlp/up"), LAYER("mlp/down"),
                                       "unembedding", NULL});
    assert_parameters("parallel=true position=relative",
                      (const char *[]){"token_embedding", "relative_bias", ATTENTION,
                                       LAYER("attention_norm"), LAYER("mlp/gate"), LAYER("mlp/up"),
                                       LAYER("mlp/down"), "final_norm", "unembedding", NULL});
    assert_parameters(
        "kv_heads=1 attention.gate=head attention.query_key_norm=layer mlp=none "
        "norm=none biases=true",
        (const char *[]){"token_embedding", ATTENTION, LAYER("attention/gate"),
                         LAYER("attention/query_bias"), LAYER("attention/key_bias"),
                         LAYER("attention/value_bias"), LAYER("attention/gate_bias"),
                         LAYER("attention/output_bias"), LAYER("attention/query_norm"),
                         LAYER("attention/query_norm_shift"), LAYER("attention/key_norm"),
                         LAYER("attention/key_norm_shift"), "unembedding", NULL});
    assert_parameters("norm=layer placement=sandwich biases=true",
                      (const char *[]){"token_embedding",
                                       ATTENTION,
                                       LAYER("attention_norm"),
                                       LAYER("attention_norm_shift"),
                                       LAYER("attention/query_bias"),
                                       LAYER("attention/key_bias"),
                                       LAYER("attention/value_bias"),
                                       LAYER("attention/output_bias"),
                                       LAYER("attention_output_norm"),
                                       LAYER("attention_output_norm_shift"),
                                       LAYER("mlp_norm"),
                                       LAYER("mlp_norm_shift"),
                                       LAYER("mlp_output_norm"),
                                       LAYER("mlp_output_norm_shift"),
                                       LAYER("mlp/gate"),
                                       LAYER("mlp/up"),
                                       LAYER("mlp/down"),
                                       LAYER("mlp/gate_bias"),
                                       LAYER("mlp/up_bias"),
                                       LAYER("mlp/down_bias"),
                                       "final_norm",
                                       "final_norm_shift",
                                       "unembedding",
                                       NULL});
    assert_parameters(
        "attention.kv_bias=key-value attention.sink_logit=true mlp=none norm=none tied=true",
        (const char *[]){"token_embedding", ATTENTION, LAYER("attention/sink_logit"),
                         LAYER("attention/kv_bias_key"), LAYER("attention/kv_bias_value"), NULL});
    assert_parameters("attention.kv_bias=key biases=true mlp=none norm=none tied=true",
                      (const char *[]){"token_embedding", ATTENTION, LAYER("attention/query_bias"),
                                       LAYER("attention/key_bias"), LAYER("attention/value_bias"),
                                       LAYER("attention/output_bias"),
                                       LAYER("attention/kv_bias_key"), NULL});
    assert_parameters(
        "attention.kv_bias=value mlp=none norm=none tied=true",
        (const char *[]){"token_embedding", ATTENTION, LAYER("attention/kv_bias_value"), NULL});
}

static void assert_shape(const ModelCase *scene, const char *name, int rows, int columns) {
    const Parameter *entry = parameters_find(scene->table, name);
    assert_non_null(entry);
    assert_int_equal(entry->rows, rows);
    assert_int_equal(entry->columns, columns);
}

/* Heads of 6 dimensions: 4 of queries, 2 of keys and values. */
static void shapes_of_projections(void **state) {
    (void)state;
    static const char grouped[] = "heads=4 kv_heads=2 attention.query_key_norm=rms";
    for (int gate = GATE_NONE; gate <= GATE_ELEMENTWISE; gate++) {
        static const char *const names[] = {"none", "head", "elementwise"};
        char settings[200];
        ModelCase scene;
        snprintf(settings, sizeof settings, "%s attention.gate=%s", grouped, names[gate]);
        case_create_fresh_with(&scene, larger, settings, 1);
        assert_shape(&scene, "layers/1/attention/query", 24, 24);
        assert_shape(&scene, "layers/1/attention/key", 12, 24);
        assert_shape(&scene, "layers/1/attention/value", 12, 24);
        assert_shape(&scene, "layers/1/attention/output", 24, 24);
        assert_shape(&scene, "layers/1/attention/query_norm", 6, 0);
        assert_shape(&scene, "layers/1/attention/key_norm", 6, 0);
        if (gate == GATE_NONE)
            assert_null(parameters_find(scene.table, "layers/1/attention/gate"));
        else
            assert_shape(&scene, "layers/1/attention/gate", gate == GATE_HEAD ? 4 : 24, 24);
        case_destroy(&scene);
    }
}

/* The spread of N(0, s²) over n values is within five standard errors, s/√(2n), of s. */
static void assert_spread(const char *settings, const char *name, double expected) {
    ModelCase scene;
    case_create_fresh_with(&scene, (CaseShape){"rope", 2, 64, 1, 128, 64, 65, 1, 4, 0}, settings,
                           1);
    const Parameter *entry = parameters_find(scene.table, name);
    assert_non_null(entry);
    double spread =
        norm_of(scene.parameters + entry->offset, entry->count) / sqrt((double)entry->count);
    double bound = 5 * expected / sqrt(2.0 * (double)entry->count);
    assert_real_within(name, spread, expected - bound, expected + bound);
    case_destroy(&scene);
}

static void initialization_schemes(void **state) {
    (void)state;
    static const char query[] = "layers/1/attention/query", up[] = "layers/0/mlp/up";
    static const char output[] = "layers/1/attention/output", down[] = "layers/0/mlp/down";
    assert_spread("init.scale=0.5", output, 0.5);
    assert_spread("init.scale=0.5 position=absolute", "position_embedding", 0.5);
    assert_spread("init.scale=0.5 position=relative position.buckets=64", "relative_bias", 0.5);
    assert_spread("init.scheme=depth-scaled", output, 0.02 / 2);
    assert_spread("init.scheme=depth-scaled", down, 0.02 / 2);
    assert_spread("init.scheme=depth-scaled", query, 0.02);
    assert_spread("init.scheme=zero-output", output, 0);
    assert_spread("init.scheme=zero-output", down, 0);
    assert_spread("init.scheme=zero-output", up, 0.02);
    assert_spread("init.scheme=zero-output", "token_embedding", 0.02);
    assert_spread("biases=true", "layers/0/mlp/up_bias", 0);
    assert_spread("init.scale=0.5 attention.kv_bias=key-value", "layers/1/attention/kv_bias_key",
                  0.5);
    assert_spread("attention.kv_bias=value", "layers/0/attention/kv_bias_value", 0.02);
    assert_spread("norm=layer", "final_norm_shift", 0);
    assert_spread("norm=layer placement=sandwich", "layers/0/mlp_output_norm", 1);
    assert_spread("attention.gate=elementwise", "layers/0/attention/gate", 0.02);
    assert_spread("attention.query_key_norm=rms", "layers/1/attention/key_norm", 1);
}

/* Multiply and add counted as two, three times forward; visible pairs only, and the slot that
   a key bias is. */
static void training_flops(void **state) {
    (void)state;
    static const struct {
        const char *settings;
        int mlp_maps;
        int projected; /* queries, keys, values and gates of a token: 3 · 24 by default */
        int slots;     /* keys beside the tokens' */
    } cases[] = {{"mlp=geglu", 3, 72, 0},
                 {"mlp=gelu", 2, 72, 0},
                 {"mlp=none", 0, 72, 0},
                 {"parallel=true", 3, 72, 0},
                 {"tied=true", 3, 72, 0},
                 {"norm=layer placement=sandwich", 3, 72, 0},
                 {"kv_heads=1", 3, 24 + 2 * 8, 0},
                 {"attention.gate=head", 3, 72 + 3, 0},
                 {"attention.gate=elementwise mlp=relu", 2, 72 + 24, 0},
                 {"kv_heads=1 attention.gate=head", 3, 24 + 2 * 8 + 3, 0},
                 {"attention.kv_bias=key", 3, 72, 1},
                 {"attention.kv_bias=value", 3, 72, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ModelCase scene;
        case_create_fresh_with(&scene, (CaseShape){"rope", 3, 24, 3, 20, 40, 30, 1, 17, 0},
                               cases[i].settings, 1);
        double attention_maps = 24.0 * cases[i].projected + 24.0 * 24;
        double maps = 3 * (attention_maps + cases[i].mlp_maps * 24.0 * 20) + 24.0 * 30;
        double attention = 3 * 2 * 24.0 * (17 * 18 / 2 + 17 * cases[i].slots);
        assert_real_close(cases[i].settings, model_training_flops(scene.model, 17),
                          3 * 2 * (maps * 17 + attention), 1e-12);
        case_destroy(&scene);
    }
}

/* settings are refused at culprit, with a sentence that has both words. */
static void assert_refused(const char *settings, const char *culprit, const char *word,
                           const char *other_word) {
    Arena arena = arena_create("a refused model");
    ModelConfig config = defaults_model("rope", 2, 16, 2, 16, 16, 10);
    defaults_change(&model_config_fields, &config, settings, &arena);
    const char *named = "";
    Error error = {{0}};
    assert_int_equal(model_config_check(&config, &named, &error), STATUS_BAD_INPUT);
    assert_string_equal(named, culprit);
    if (strstr(error.message, word) == NULL || strstr(error.message, other_word) == NULL)
        fail_msg("%s: the message \"%s\" does not have \"%s\" and \"%s\"", settings, error.message,
                 word, other_word);
    arena_destroy(&arena);
}

static void impossible_combinations(void **state) {
    (void)state;
    assert_refused("parallel=true mlp=none", "model.parallel", "mlp: none", "parallel: false");
    assert_refused("kv_heads=3", "model.kv_heads", "multiple", "2 is not a multiple of 3");
    assert_refused("heads=2 kv_heads=4", "model.kv_heads", "multiple", "2 is not a multiple of 4");
    assert_refused("position=rope+nope+rope", "model.position", "2", "not 3");
    assert_refused("position=rope+", "model.position", "2", "not 1");
    assert_refused("position=absolute+nope", "model.position", "absolute", "embedding");
    assert_refused("position=rope+sinusoidal", "model.position", "sinusoidal", "embedding");
    assert_refused("position.fraction=0.3", "model.position", "even", "0.3");
    assert_refused("position.factor=2", "model.position", "linear, ntk or yarn", "factor: 1");
    assert_refused("position.scaling=yarn", "model.position", "yarn scaling needs a factor",
                   "at least 1");
    assert_refused("position.scaling=ntk position.factor=0.5", "model.position", "at least 1",
                   "not 0.5");
    assert_refused("position.fraction=0.25 position.scaling=ntk position.factor=2",
                   "model.position", "ntk", "at least 4");
    assert_refused("position=relative position.buckets=8 position.distance=4", "model.position",
                   "above 4", "8 and 4");
    assert_refused("attention.normalization=elu-kernel attention.soft_cap=3",
                   "model.attention.soft_cap", "elu-kernel", "only 0");
    assert_refused("attention.normalization=elu-kernel attention.temperature=2",
                   "model.attention.temperature", "cancels", "normalized: false");
    assert_refused("attention.normalization=linear-kernel attention.sink_logit=true",
                   "model.attention.sink_logit", "linear-kernel", "denominator");
    assert_refused("attention.normalization=sigmoid attention.kv_bias=key",
                   "model.attention.kv_bias", "sigmoid", "key-value");
    assert_refused("attention.normalization=linear-kernel "
                   "attention.normalization.normalized=false attention.kv_bias=key",
                   "model.attention.kv_bias", "linear-kernel", "change nothing");
    assert_refused("attention.normalization=elu-kernel position=rope+alibi", "model.position",
                   "alibi", "elu-kernel");
    assert_refused("attention.normalization=linear-kernel position=relative", "model.position",
                   "relative", "products");
}

/* Layers with the same encoding share what it learns; two settings of it do not go together. */
static void a_factor_of_one_is_plain_rope(void **state) {
    static const char *const scalings[] = {"linear", "ntk", "yarn"};
    (void)state;
    for (int i = 0; i < 3; i++) {
        Arena arena = arena_create("a test");
        double angles[2][4];
        for (int scaled = 0; scaled < 2; scaled++) {
            ModelConfig config = defaults_model("rope", 1, 16, 2, 16, 16, 10);
            if (scaled)
                defaults_change(
                    &model_config_fields, &config,
                    arena_format(&arena, "position.scaling=%s position.factor=1", scalings[i]),
                    &arena);
            const KindChoice *choice = &config.position.items[0];
            const PositionKind *kind = (const PositionKind *)choice->kind;
            assert_int_equal(kind->angles(&config, &choice->options, angles[scaled]), 4);
        }
        assert_memory_equal(angles[0], angles[1], sizeof angles[0]);
        arena_destroy(&arena);
    }
}

static void learned_positions_are_shared(void **state) {
    (void)state;
    ModelConfig config = defaults_model("rope", 2, 16, 2, 16, 16, 10);
    Arena arena = arena_create("a list of positions");
    defaults_change(&model_config_fields, &config, "position=relative+relative", &arena);
    const char *culprit = "";
    Error error;
    assert_int_equal(model_config_check(&config, &culprit, &error), STATUS_OK);
    const Field *buckets = field_find(&config.position.items[1].kind->options, "buckets");
    *(int64_t *)(void *)(config.position.items[1].options.bytes + buckets->offset) = 16;
    assert_int_equal(model_config_check(&config, &culprit, &error), STATUS_BAD_INPUT);
    assert_string_equal(culprit, "model.position");
    arena_destroy(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_matches_the_reference),
        cmocka_unit_test(gradient_of_every_entry),
        cmocka_unit_test(slope_of_larger_models),
        cmocka_unit_test(workspaces_hold_no_past),
        cmocka_unit_test(every_choice_learns),
        cmocka_unit_test(parameter_names),
        cmocka_unit_test(shapes_of_projections),
        cmocka_unit_test(initialization_schemes),
        cmocka_unit_test(training_flops),
        cmocka_unit_test(impossible_combinations),
        cmocka_unit_test(a_factor_of_one_is_plain_rope),
        cmocka_unit_test(learned_positions_are_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
