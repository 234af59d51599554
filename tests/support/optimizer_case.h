/* A small set of parameters of every group that an optimizer steps through with random
   gradients. */
#ifndef FIDUCIAL_TESTS_OPTIMIZER_CASE_H
#define FIDUCIAL_TESTS_OPTIMIZER_CASE_H

#include "model/base/arena.h"
#include "train/groups.h"
#include "train/optimizers/optimizer.h"

/* The groups' factors differ from the default, so that none can be forgotten: mlp has the learning
   rate 0.5 and the weight decay 2, positions 1 and 0.25. */
typedef struct OptimizerCase {
    Arena arena;
    KindChoice choice;
    const OptimizerKind *kind;
    ParameterTable table;
    GroupsConfig groups;
    float *parameters, *slots, *gradient, *scratch;
    int64_t step; /* made so far */
} OptimizerCase;

void optimizer_case_create(OptimizerCase *scene, const KindChoice *choice);
void optimizer_case_destroy(OptimizerCase *scene);

/* Draws the next gradient, N(0, 0.1²), with every seventh value 0, and makes one step. */
void optimizer_case_step(OptimizerCase *scene, double schedule, float gradient_scale);

#endif
