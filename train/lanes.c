#include "train/lanes.h"

#include "model/base/threads.h"
#include "model/math/kernels.h"

/* Floats per range of a pass over the parameter block: fixed, so that sums do not depend on
   threads. */
enum { RANGE = 1 << 15 };

typedef struct Lane {
    int first, sequences; /* of the batch */
    double loss;          /* Σ cross-entropy */
    float *gradient;      /* [total] */
} Lane;

struct Lanes {
    const Model *model;
    const Objective *objective; /* or NULL */
    Dropout dropout;            /* its rates and seed */
    int batch, length, count, threads;
    size_t total;
    Lane *lanes;               /* [count] */
    Workspace **workspaces;    /* [threads] */
    int32_t *inputs, *targets; /* [batch][length] */
    float *losses;             /* [batch][length] */
    double *squares;           /* [ranges] */
    Profile *profile;          /* or NULL */
    Profile *thread_profiles;  /* [threads] */
};

/* Gives each lane its part of the batch; returns the sequences of the largest. */
static int split_batch(Lanes *lanes) {
    int largest = 0;
    for (int i = 0; i < lanes->count; i++) {
        Lane *lane = &lanes->lanes[i];
        lane->first = (int)((int64_t)lanes->batch * i / lanes->count);
        lane->sequences = (int)((int64_t)lanes->batch * (i + 1) / lanes->count) - lane->first;
        largest = lane->sequences > largest ? lane->sequences : largest;
    }
    return largest;
}

Status lanes_create(const Model *model, int batch, int length, int count, int threads, Arena *arena,
                    Lanes **result, Error *error) {
    Lanes *lanes = ARENA_ARRAY(arena, Lanes, 1);
    *lanes = (Lanes){.model = model,
                     .batch = batch,
                     .length = length,
                     .count = count,
                     .threads = threads < count ? threads : count,
                     .total = model_parameters(model)->total};
    size_t tokens = (size_t)batch * (size_t)length, ranges = lanes->total / RANGE + 1;
    lanes->lanes = ARENA_ARRAY(arena, Lane, (size_t)count);
    lanes->workspaces = ARENA_ARRAY(arena, Workspace *, (size_t)lanes->threads);
    int largest = split_batch(lanes); /* the workspaces first: they refuse what is too large */
    for (int t = 0; t < lanes->threads; t++)
        TRY(workspace_create(model, largest, length, true, arena, &lanes->workspaces[t], error));
    TRY(arena_reserve(arena, tokens * (2 * sizeof(int32_t) + sizeof(float)) + 3 * 64, error));
    lanes->inputs = ARENA_ARRAY(arena, int32_t, tokens);
    lanes->targets = ARENA_ARRAY(arena, int32_t, tokens);
    lanes->losses = ARENA_ARRAY(arena, float, tokens);
    lanes->squares = ARENA_ARRAY(arena, double, ranges);
    lanes->thread_profiles = ARENA_ARRAY(arena, Profile, (size_t)lanes->threads);
    TRY(arena_reserve(arena, (lanes->total * sizeof(float) + 64) * (size_t)count, error));
    for (int i = 0; i < count; i++)
        lanes->lanes[i].gradient = ARENA_ARRAY(arena, float, lanes->total);
    *result = lanes;
    return STATUS_OK;
}

void lanes_set_objective(Lanes *lanes, const Objective *objective) {
    lanes->objective = objective;
}

void lanes_set_dropout(Lanes *lanes, Dropout dropout) {
    lanes->dropout = dropout;
}

static void draw(Lanes *lanes, const DataSource *source, uint64_t step) {
#pragma omp parallel for num_threads(lanes->threads) schedule(static)
    for (int i = 0; i < lanes->count; i++) {
        const Lane *lane = &lanes->lanes[i];
        size_t at = (size_t)lane->first * (size_t)lanes->length;
        if (lanes->objective != NULL)
            objective_batch(lanes->objective, source, SPLIT_TRAINING, step, lane->first,
                            lane->sequences, lanes->length, lanes->inputs + at, lanes->targets + at,
                            NULL);
        else
            source_batch(source, SPLIT_TRAINING, step, lane->first, lane->sequences, lanes->length,
                         lanes->inputs + at, lanes->targets + at, NULL);
    }
}

static void run_lane(Lanes *lanes, Lane *lane, Workspace *workspace, const float *parameters,
                     uint64_t step, double scale) {
    size_t at = (size_t)lane->first * (size_t)lanes->length;
    Batch batch = {lanes->inputs + at, lanes->targets + at, lane->sequences, lanes->length};
    Dropout dropout = lanes->dropout;
    dropout.step = step;
    dropout.first_sequence = lane->first;
    workspace_set_dropout(workspace, dropout);
    lane->loss = model_gradient(lanes->model, parameters, &batch, scale, workspace, lane->gradient);
}

/* Lane i += lane i + span for span = 1, 2, 4 …: a fixed binary tree, in place in lane 0. */
static void sum_range(void *context, size_t first, size_t end) {
    const Lanes *lanes = context;
    for (int span = 1; span < lanes->count; span *= 2)
        for (int i = 0; i + span < lanes->count; i += 2 * span)
            kernels()->add(end - first, lanes->lanes[i + span].gradient + first,
                           lanes->lanes[i].gradient + first);
    lanes->squares[first / RANGE] =
        kernels()->sum_of_squares(end - first, lanes->lanes[0].gradient + first);
}

static double sum_losses(const Lanes *lanes) {
    for (int span = 1; span < lanes->count; span *= 2)
        for (int i = 0; i + span < lanes->count; i += 2 * span)
            lanes->lanes[i].loss += lanes->lanes[i + span].loss;
    return lanes->lanes[0].loss;
}

void lanes_set_profile(Lanes *lanes, Profile *profile) {
    lanes->profile = profile;
    for (int t = 0; t < lanes->threads; t++)
        workspace_set_profile(lanes->workspaces[t],
                              profile == NULL ? NULL : &lanes->thread_profiles[t]);
}

static void collect_profiles(Lanes *lanes) {
    if (lanes->profile == NULL)
        return;
    for (int t = 0; t < lanes->threads; t++) {
        for (int part = 0; part < PROFILE_PARTS; part++)
            lanes->profile->seconds[part] +=
                lanes->thread_profiles[t].seconds[part] / lanes->threads;
        lanes->thread_profiles[t] = (Profile){0};
    }
}

double lanes_gradient(Lanes *lanes, const float *parameters, const DataSource *source,
                      uint64_t step, const float **gradient) {
    profile_enter(lanes->profile, PROFILE_DATA);
    draw(lanes, source, step);
    profile_pause(lanes->profile);
    Batch whole = {lanes->inputs, lanes->targets, lanes->batch, lanes->length};
    int64_t targets = batch_target_count(&whole);
    double scale = targets > 0 ? 1.0 / (double)targets : 0;
#pragma omp parallel num_threads(lanes->threads)
    {
        int thread = threads_index();
#pragma omp for schedule(dynamic, 1)
        for (int i = 0; i < lanes->count; i++)
            run_lane(lanes, &lanes->lanes[i], lanes->workspaces[thread], parameters, step, scale);
    }
    collect_profiles(lanes);
    profile_enter(lanes->profile, PROFILE_SUM);
    lanes_for_ranges(lanes, lanes->total, sum_range, lanes);
    profile_pause(lanes->profile);
    *gradient = lanes->lanes[0].gradient;
    return sum_losses(lanes) * scale;
}

static void run_lane_forward(Lanes *lanes, Lane *lane, Workspace *workspace,
                             const float *parameters) {
    size_t at = (size_t)lane->first * (size_t)lanes->length;
    Batch batch = {lanes->inputs + at, lanes->targets + at, lane->sequences, lanes->length};
    model_forward(lanes->model, parameters, &batch, workspace, NULL, lanes->losses + at);
    lane->loss = 0;
    for (int64_t i = 0; i < (int64_t)lane->sequences * lanes->length; i++)
        lane->loss += (double)lanes->losses[at + (size_t)i];
}

double lanes_loss(Lanes *lanes, const float *parameters, const DataSource *source, uint64_t step) {
    draw(lanes, source, step);
    Batch whole = {lanes->inputs, lanes->targets, lanes->batch, lanes->length};
    int64_t targets = batch_target_count(&whole);
#pragma omp parallel num_threads(lanes->threads)
    {
        int thread = threads_index();
#pragma omp for schedule(dynamic, 1)
        for (int i = 0; i < lanes->count; i++)
            run_lane_forward(lanes, &lanes->lanes[i], lanes->workspaces[thread], parameters);
    }
    return targets > 0 ? sum_losses(lanes) / (double)targets : 0;
}

double lanes_gradient_squares(Lanes *lanes) {
    double sum = 0;
    for (size_t first = 0; first < lanes->total; first += RANGE)
        sum += lanes->squares[first / RANGE];
    return sum;
}

void lanes_for_ranges(const Lanes *lanes, size_t total,
                      void (*work)(void *context, size_t first, size_t end), void *context) {
    int64_t ranges = (int64_t)((total + RANGE - 1) / RANGE);
#pragma omp parallel for num_threads(lanes->threads) schedule(static)
    for (int64_t i = 0; i < ranges; i++) {
        size_t first = (size_t)i * RANGE, end = first + RANGE < total ? first + RANGE : total;
        work(context, first, end);
    }
}
