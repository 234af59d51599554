/* Dropout (Srivastava et al., JMLR 15, 2014): while training, every value is kept with probability
   1 − rate and then divided by it, so that its mean stays; otherwise it becomes 0.

   It acts where something enters the residual stream (the embedding, each branch's output) and, at
   a rate of its own, on attention weights, of which each then counts 0 or 1/(1 − rate) times.

   Which values stay follows from (seed, step, sequence, place) alone: sequence in the whole batch,
   place in the model. So the masks are never stored: the backward pass draws those of the forward
   pass again, and they are the same for any number of threads or lanes and after a resume. */
#ifndef FIDUCIAL_MODEL_DROPOUT_H
#define FIDUCIAL_MODEL_DROPOUT_H

#include <stddef.h>
#include <stdint.h>

typedef struct Dropout {
    double rate;         /* of values that become 0; below 1; 0: none */
    double weight_rate;  /* of attention weights */
    uint64_t seed, step; /* step below 2^40 */
    int first_sequence;  /* number in the whole batch of the first sequence at hand */
} Dropout;

/* Places: 0 is the embedding, 1, 2, … the branches in order; the weights of a layer's head are at
   DROPOUT_WEIGHTS + layer · heads + head. */
enum { DROPOUT_WEIGHTS = 1024 };

/* out = in with dropout, both [sequences][count]; out may be in. The random numbers of sequence s
   are, in order of memory, the words of random_create(seed, RANDOM_DROPOUT, place·2^40 + step,
   first_sequence + s); a value is dropped where its word is below rate·2^32. */
void dropout_apply(const Dropout *dropout, int place, int sequences, size_t count, const float *in,
                   float *out);

/* The same at weight_rate for one query's weights [count] of the tokens' keys that it sees, in
   place. The random numbers are those of sequence number `sequence` at hand, from word query · 2^16
   on. */
void dropout_weights(const Dropout *dropout, int place, int sequence, int query, size_t count,
                     float *weights);

#endif
