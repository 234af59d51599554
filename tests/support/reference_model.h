/* A plain double-precision transformer, forward only: scalar loops that follow the README's
   "Conventions" line by line, written without a look at model/ and sharing nothing with it but the
   names and shapes in the parameter table. It is what model/ is compared with, and what central
   differences are taken of. */
#ifndef FIDUCIAL_TESTS_REFERENCE_MODEL_H
#define FIDUCIAL_TESTS_REFERENCE_MODEL_H

#include "model/model.h"

/* What is wanted, owned by the caller; NULL: not wanted. */
typedef struct ReferenceOutput {
    double *losses;   /* [sequences][length] nats; 0 where the target is −1 */
    double *logits;   /* [sequences][length][vocabulary] */
    double *weights;  /* [sequences][layers][heads][length][length]; 0 where not visible */
    double *residual; /* [sequences][layers + 1][length][width] */
} ReferenceOutput;

/* As reference_forward where dropout (NULL: none) acts as model/dropout.h says, at every place
   where something enters the residual stream: 0 is the embedding, then each branch of each layer in
   order. */
double reference_forward_dropped(const ModelConfig *config, const ParameterTable *table,
                                 const double *parameters, const Batch *batch,
                                 const Dropout *dropout, const ReferenceOutput *output);

/* Runs the batch with parameters [table->total] and returns Σ cross-entropy over the targets. */
double reference_forward(const ModelConfig *config, const ParameterTable *table,
                         const double *parameters, const Batch *batch,
                         const ReferenceOutput *output);

/* (f(p + h·direction) − f(p − h·direction)) / 2h of that sum f along direction [table->total].
   parameters is changed on the way and restored. The error is about h²·f‴/6 from truncation and
   1e-16·f/h from rounding: for h = 1e-5 and smooth models of a few targets below 1e-9. */
double reference_slope(const ModelConfig *config, const ParameterTable *table, double *parameters,
                       const Batch *batch, const double *direction, double step);

/* The same with respect to the one parameter at index. */
double reference_partial(const ModelConfig *config, const ParameterTable *table, double *parameters,
                         const Batch *batch, size_t index, double step);

#endif
