/* The `fisher` analysis (metrics.md section 6): how strongly each part of the model is pulled by
   one sequence, as the squared norm of its gradient, the trace of the empirical Fisher information
   (What are you sinking?, arXiv 2508.02546). */
#ifndef FIDUCIAL_ANALYSIS_FISHER_H
#define FIDUCIAL_ANALYSIS_FISHER_H

#include "model/model.h"

enum { FISHER_GROUPS = 4 }; /* those of ParameterGroup */

/* Squared L2 norms of the gradient of one sequence's mean cross-entropy, in double: layer [layers]
   receives that of each layer's parameters, norms with their block; group [FISHER_GROUPS] that of
   each group, NaN where the model has no parameter of it. Every parameter is in one group, so that
   the groups sum to the whole. All NaN where the sequence has no target. gradient [parameters]:
   room, left with the gradient; workspace: with the backward pass. Costs one training pass. */
void fisher_measure(const Model *model, const float *parameters, const Batch *sequence,
                    Workspace *workspace, float *gradient, double *layer, double *group);

#endif
