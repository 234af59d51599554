/* What the `sinks` analysis (metrics.md section 1) reads off keys, queries, updates and the
   residual stream; pure functions. */
#ifndef FIDUCIAL_ANALYSIS_SINKS_STATES_H
#define FIDUCIAL_ANALYSIS_SINKS_STATES_H

#include "analysis/analysis.h"
#include "analysis/capture.h"
#include "analysis/visibility.h"

/* ‖rows_0‖ over the mean ‖rows_j‖, j > 0, of rows [count][width]; NaN for one row or where the mean
   is 0. */
double first_norm_ratio(const float *rows, int count, int width);

/* One head's states. Means over the queries that see position 0 and another key. */
typedef struct HeadMeasures {
    double sink_logit;             /* s_i0 − mean of s_ij over visible j > 0 */
    double query_key_cosine;       /* cos(q_i, k_0) */
    double query_key_cosine_other; /* mean over visible j > 0 of cos(q_i, k_j) */
} HeadMeasures;

/* scores [T][T]; query, key [T][head_dim]. Zero vectors have no cosine and are left out. */
HeadMeasures head_measure(const Visibility *visibility, const float *scores, const float *query,
                          const float *key, int head_dim, Arena *scratch);

/* Under a sandwich placement the heads' sum is normed before it enters the stream. The norm is
   linear but for its factor, so that each head has its part in what enters: its own output, centred
   where the norm centres, times the factor of the whole sum and the gain. (A shift, as a bias, is
   no head's.) */
typedef struct UpdateNorm {
    bool centred;        /* LayerNorm */
    const double *scale; /* [T] 1/RMS or 1/deviation of the branch's output */
    const float *gain;   /* [width] */
} UpdateNorm;

/* NULL where no norm follows the attention's output. */
const UpdateNorm *update_norm_create(const AnalysisContext *context, const Capture *capture,
                                     int layer, Arena *scratch);

/* update [length][width], in place. */
void update_normalize(const UpdateNorm *norm, double *update, int length, int width);

/* A head's update of the residual stream: its output (times its gate) times its slice of the output
   map. */
typedef struct UpdateMeasures {
    double stable_rank; /* Σσ²/σ₁²; NaN where the update is 0 */
    double norm;        /* mean ‖update_i‖/‖x_i‖ over queries that see at least two keys */
} UpdateMeasures;

/* head_output [T][head_dim]; output: the head's slice [width][head_dim], stride floats between
   rows; residual [T][width] entering the layer; norm: of what follows, or NULL. */
UpdateMeasures update_measure(const Visibility *visibility, const float *head_output,
                              const float *output, size_t stride, const float *residual,
                              const UpdateNorm *norm, int head_dim, int width, Arena *scratch);

/* The residual stream [T][width] as a whole. */
typedef struct ResidualMeasures {
    double peak;           /* ‖x_0‖ over the mean of the others' */
    double massive_ratio;  /* largest |x| over the median |x| */
    int massive_dimension; /* where it stands */
    double kurtosis;       /* mean(s⁴)/mean(s²)² of the dimensions' RMS over positions */
    double entropy;        /* of the squared singular values' shares, over ln min(T, width) */
    double anisotropy;     /* the largest share */
} ResidualMeasures;

ResidualMeasures residual_measure(const float *residual, int length, int width, Arena *scratch);

#endif
