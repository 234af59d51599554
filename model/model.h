/* One forward and backward pass of a transformer: token embedding, blocks of attention and MLP with
   norms around them, unembedding, cross-entropy; masks, norms, positions and the like as
   ModelConfig says. A Model is immutable and shared by threads; each thread has its own Workspace.
   Conventions (row-major, y = x·weightᵀ, half-split RoPE, parameter names) are those of the
   README's "Conventions" section. */
#ifndef FIDUCIAL_MODEL_MODEL_H
#define FIDUCIAL_MODEL_MODEL_H

#include "model/base/arena.h"
#include "model/base/profile.h"
#include "model/config.h"
#include "model/dropout.h"
#include "model/parameters.h"
#include "model/tap.h"

#include <stdint.h>

typedef struct Model Model;
typedef struct Workspace Workspace;

/* Token ids [sequences][length]; targets −1 where nothing is predicted. Not owned. */
typedef struct Batch {
    const int32_t *inputs, *targets;
    int sequences, length;
} Batch;

/* Builds the parameter table and the position tables in arena. config.vocabulary must be set. The
   model keeps a copy of config. STATUS_BAD_INPUT for an impossible configuration. */
Status model_create(const ModelConfig *config, Arena *arena, Model **model, Error *error);

const ModelConfig *model_config(const Model *model);
const ParameterTable *model_parameters(const Model *model);

/* Memory for batches of up to sequences × length tokens, forward only or with the backward pass, in
   arena; STATUS_FAILED where the system has not that much, or these are more than INT_MAX tokens.
   Single-threaded use. The passes below are given batches of no more, and model_gradient a
   workspace with the backward pass. */
Status workspace_create(const Model *model, int sequences, int length, bool backward, Arena *arena,
                        Workspace **workspace, Error *error);

/* Charges the parts of every following pass to profile (not owned); NULL: no longer. */
void workspace_set_profile(Workspace *workspace, Profile *profile);

/* Every following model_gradient drops what enters the residual stream (the embedding, and each
   branch's output; a parallel block's two as one) and attention weights at dropout's rates. The
   other passes never do. */
void workspace_set_dropout(Workspace *workspace, Dropout dropout);

/* Number of targets that are not −1. */
int64_t batch_target_count(const Batch *batch);

/* Forward pass. losses [sequences][length] (may be NULL) receives the cross-entropy of each target
   in nats, 0 where the target is −1. tap may be NULL. */
void model_forward(const Model *model, const float *parameters, const Batch *batch,
                   Workspace *workspace, const Tap *tap, float *losses);

/* Forward and backward pass. gradient [parameters.total] is overwritten with the gradient of
   loss_scale (not 0) · Σ cross-entropy over the batch's targets. Returns Σ cross-entropy in nats,
   unscaled. */
double model_gradient(const Model *model, const float *parameters, const Batch *batch,
                      double loss_scale, Workspace *workspace, float *gradient);

/* Floating-point operations that training on one sequence of length tokens needs (forward and
   backward, multiply and add counted as two, visible attention only); forward alone is a third. */
double model_training_flops(const Model *model, int length);

/* Logits [sequences][length][vocabulary] of a batch, for tests and inspection. */
void model_logits(const Model *model, const float *parameters, const Batch *batch,
                  Workspace *workspace, float *logits);

#endif
