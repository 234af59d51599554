/* One input's attention maps, scores and states as an HDF5 file of its own, laid out like
   analysis.h5. */
#ifndef FIDUCIAL_ANALYSIS_ATTENTION_FILE_H
#define FIDUCIAL_ANALYSIS_ATTENTION_FILE_H

#include "analysis/capture.h"
#include "analysis/output.h"

typedef struct AttentionInput {
    const Model *model;
    const float *parameters;
    int length;
    const int32_t *tokens, *targets; /* [length]; targets −1 where nothing is predicted */
    const char *const *token_names;  /* [vocabulary] */
} AttentionInput;

/* What the model made of it. */
typedef struct AttentionView {
    const AttentionInput *input;
    const Capture *capture;
    double *importance;        /* [layers][heads][length], as in metrics.md section 1 */
    double *importance_null;   /* [length], of uniform attention under the same mask */
    const char *const *labels; /* [length]: the tokens' names */
} AttentionView;

/* Runs the model forward on input. Everything lives in arena; STATUS_FAILED where memory is
   short. */
Status attention_look(const AttentionInput *input, Arena *arena, AttentionView *view, Error *error);

/* Writes view to path: attention, scores (NaN where a query does not see a key)
   [layer][head][query][key]; query_vector, key_vector (after rotation), value_vector, head_output
   [layer][head][position][dimension]; residual [layer_boundary][position][channel]; importance
   [layer][head][position] and its null; tokens, targets and loss [position]. The root has texts
   [text_count] as attributes. */
Status attention_write(const AttentionView *view, const char *path, const OutputText *texts,
                       size_t text_count, Error *error);

#endif
