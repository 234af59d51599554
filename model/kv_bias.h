/* Key and value biases: what a layer's attention learns to look at, or to add, without any token
   (arXiv 2410.10781, section 7 on attention biases, and its authors' code, model_kv_bias.py). With
   queries Q, keys K and values V of one head, [·; ·] rows joined, and learned k*, v* [head_dim]:

     none        Softmax(QKᵀ)V
     key-value   Softmax(Q[k*; K]ᵀ)[v*; V]      a slot besides the tokens that every query sees
     key         Softmax(Q[k*; K]ᵀ)[0; V]       the same, its value fixed at zero
     value       Softmax(QKᵀ)V + v*             no slot: added to the output of the head

   The slot is a key like any other (scale, temperature, soft cap, features of kernel attention; it
   counts among relu's visible keys), whatever the mask and the normalization, with two exceptions:
   it has no place in the sequence, so k* is not rotated, as in the source, and no bias by distance
   is added to its score (ALiBi, relative); and what happens to tokens' keys or weights on the way
   (the norm of queries and keys, dropout of weights) does not happen to it. To the rotated queries
   of RoPE it thus looks like a key at position 0, under all other encodings the same from
   everywhere. A key alone acts through the sum that weights are divided by; where a normalization
   has none (sigmoid, relu, kernels as they are) it is refused.

   Per query head, so that grouped key-value heads do not matter to it, or shared over a layer's
   heads. Like the source's, they start as N(0, init.scale²); as biases they have no weight decay by
   default (the source decays all its parameters; see train.groups.norms). Attention maps have
   columns for tokens alone: what the slot took is what a row lacks of its sum. */
#ifndef FIDUCIAL_MODEL_KV_BIAS_H
#define FIDUCIAL_MODEL_KV_BIAS_H

#include "model/base/field.h"

typedef struct KvBiasKind {
    Kind kind;
    bool key;   /* k* is learned: there is a slot */
    bool value; /* v* is learned: the slot's value or, without a slot, added to the output */
} KvBiasKind;

extern const KindTable kv_bias_kinds;

/* The kind a configuration chose; none where none is named. */
const KvBiasKind *kv_bias_of(const KindChoice *choice);

/* Whether a layer's heads share k* and v*. */
bool kv_bias_shared(const KindChoice *choice);

/* One head's biases and, in the backward pass, where their gradients are added; NULL: there is
   none. */
typedef struct KvBias {
    const float *key, *value; /* [head_dim] */
    float *d_key, *d_value;
} KvBias;

#endif
