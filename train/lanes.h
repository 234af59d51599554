/* One batch's gradient, split into lanes: the same bits for any number of threads. */
#ifndef FIDUCIAL_TRAIN_LANES_H
#define FIDUCIAL_TRAIN_LANES_H

#include "model/model.h"
#include "train/objective.h"
#include "train/source.h"

typedef struct Lanes Lanes;

/* Buffers for batches of batch × length tokens in count lanes, run by up to threads threads, in
   arena. */
Status lanes_create(const Model *model, int batch, int length, int count, int threads, Arena *arena,
                    Lanes **lanes, Error *error);

/* What following batches are asked (not owned); without it, each next token. */
void lanes_set_objective(Lanes *lanes, const Objective *objective);

/* Dropout of every following lanes_gradient, by its rates and seed: each training step and sequence
   of its batch has masks of its own. */
void lanes_set_dropout(Lanes *lanes, Dropout dropout);

/* Draws the batch of a training step (0-based) and computes the gradient of its mean cross-entropy,
   left in *gradient (owned by lanes, valid until the next call). Returns the mean loss in nats. */
double lanes_gradient(Lanes *lanes, const float *parameters, const DataSource *source,
                      uint64_t step, const float **gradient);

/* The mean loss in nats of a training step's batch, forward only. */
double lanes_loss(Lanes *lanes, const float *parameters, const DataSource *source, uint64_t step);

/* Charges every following call to profile (not owned; NULL: no longer): what threads do together is
   charged once, what lanes do is summed over threads and divided by their number. */
void lanes_set_profile(Lanes *lanes, Profile *profile);

/* Σ gradient² in double over fixed ranges, as lanes_gradient left it. */
double lanes_gradient_squares(Lanes *lanes);

/* Calls work(context, first, end) for fixed disjoint ranges that cover [0, total) on all
   threads. */
void lanes_for_ranges(const Lanes *lanes, size_t total,
                      void (*work)(void *context, size_t first, size_t end), void *context);

#endif
