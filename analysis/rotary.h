/* The parts of the `rotary` analysis (metrics.md section 9), each a pure function or a run of the
   model on inputs made up for it. After Beyond position, arXiv 2410.18067; what its public versions
   leave open (the inputs, the distances, the windows of the harmonics and interference tests) is
   ours. */
#ifndef FIDUCIAL_ANALYSIS_ROTARY_H
#define FIDUCIAL_ANALYSIS_ROTARY_H

#include "analysis/analysis.h"
#include "analysis/fourier.h"

#define BP "Beyond position, arXiv 2410.18067"

/* What each layer rotates. */
typedef struct RotaryAngles {
    int layers, room;    /* room: ⌊head_dim/2⌋, at least 1 */
    const int *pairs;    /* [layers] rotated pairs, 0 where the layer's encoding does not rotate */
    const double *theta; /* [layers][room] radians per position; NaN beyond the layer's pairs */
    bool any;            /* whether any layer rotates */
} RotaryAngles;

RotaryAngles rotary_angles(const ModelConfig *config, Arena *arena);

/* ---- Pairs (rotary_pairs.c) ------------------------------------------------------------------ */

/* Of one head, over visible pairs (i, j) of a query and a key. Arrays [pairs], the caller's. */
typedef struct PairMeasures {
    double *energy;    /* mean ‖q_m(i)‖·‖k_m(j)‖ */
    double *share;     /* energy over the sum of the energies; NaN where that is 0 */
    double *alignment; /* mean cosine of the angle between q_m(i) and k_m(j), over pairs where
                          neither is 0; NaN where there is none */
    double *score;     /* mean of scale·q_m(i)·k_m(j) */
} PairMeasures;

/* query, key [T][head_dim] after rotation; pair m holds dimensions m and m + pairs; scale: by which
   products become scores, 1/(√head_dim · temperature). Costs T·pairs: sums over a query's keys are
   differences of running sums. */
void pairs_measure(const Visibility *visibility, const float *query, const float *key, int head_dim,
                   int pairs, double scale, PairMeasures *measures, Arena *scratch);

/* ---- Attention by distance (rotary_distance.c) ----------------------------------------------- */

enum { DISTANCE_BANDS = 3 };

/* What all maps under one mask share. */
typedef struct DistancePlan {
    const Visibility *visibility;
    const double *pairs; /* [T] visible pairs |i − j| = δ, of queries that see two keys or more */
    EvenTransform transform;
    int levels; /* of the wavelet */
} DistancePlan;

DistancePlan *distance_plan_create(const Visibility *visibility, Arena *arena);

/* Arrays are the caller's. Where no query sees two keys everything is NaN; where the profile is
   constant (to 1e-9 of its largest), all that is made of its spectrum is. */
typedef struct DistanceMeasures {
    double
        *profile; /* [T] a(δ): mean weight of the visible pairs δ apart; 0 where none is visible */
    double *power;               /* [T − 1] share of the power of the even extension per bin */
    double band[DISTANCE_BANDS]; /* shares in (0, ¼], (¼, ¾], (¾, 1] of Nyquist */
    double entropy;              /* of power, over ln(T − 1); NaN for one bin */
    double centroid;             /* in units of Nyquist */
    double *wavelet;             /* [levels] Haar energy per level, the finest first */
    double wavelet_entropy; /* of its shares, over ln(levels); NaN for one level or no energy */
    double uncertainty; /* standard deviation of δ weighted by a², times that of ω = π·bin/(T − 1)
                           weighted by power */
} DistanceMeasures;

/* map [T][T] in double. */
void distance_measure(const DistancePlan *plan, const double *map, DistanceMeasures *measures,
                      Arena *scratch);

/* ---- Harmonics (rotary_harmonics.c) ---------------------------------------------------------- */

typedef struct HarmonicPlan {
    int length;            /* T */
    const int32_t *tokens; /* [samples][T] BOS, then two tokens in turn; −1 where there are none */
    const RotaryAngles *angles;
    const int *chosen, *count; /* [layers][room], [layers]: the pairs with 2π/T ≤ θ and 3θ ≤ π */
    const FourierTable *tables; /* [layers] at θ, 2θ and 3θ of those, along positions 1 … T − 1 */
    bool drawn;                 /* whether the vocabulary has two tokens beside BOS */
} HarmonicPlan;

HarmonicPlan *harmonic_plan_create(const AnalysisContext *context, const RotaryAngles *angles);

/* Runs the model on a sample's tokens. before, after [layers][room]: energy of the MLP's hidden
   units (before and after the nonlinearity) at 2θ and 3θ over that at θ; left alone where it is not
   defined. */
void harmonics_measure(const AnalysisContext *context, const HarmonicPlan *plan, int sample,
                       const AnalysisScratch *scratch, double *before, double *after);

/* energy [3·pairs] at θ, then 2θ, then 3θ, to ratios [pairs]; NaN for 0/0. */
void harmonic_ratios(const double *energy, int pairs, double *ratios);

/* ---- Interference (rotary_interference.c) ---------------------------------------------------- */

typedef enum InterferencePhase { PHASE_IN, PHASE_ANTI, INTERFERENCE_PHASES } InterferencePhase;

typedef struct InterferencePlan {
    int contexts, length; /* length: T; the query stands last */
    const int32_t
        *tokens; /* [contexts][T]: BOS and drawn tokens; the last is the later of the pair */
    const int32_t *earlier; /* [contexts] the earlier token of the pair */
    const RotaryAngles *angles;
    bool drawn; /* whether the vocabulary has two tokens beside BOS */
} InterferencePlan;

InterferencePlan *interference_plan_create(const AnalysisContext *context,
                                           const RotaryAngles *angles, int contexts);

/* The whole distances nearest 2π/θ and 3π/θ; false where the earlier token would not stand behind
   position 0 of length tokens, or where the two are the same. */
bool interference_distances(double theta, int length, int distances[INTERFERENCE_PHASES]);

/* The sequence of one context: the pair's earlier token stands distance before the last position.
 */
void interference_sequence(const InterferencePlan *plan, int context, int distance,
                           int32_t *tokens);

/* Of each head, [layers][heads]; tokens [layers][heads][contexts][INTERFERENCE_PHASES][T], distance
   [layers][heads][INTERFERENCE_PHASES]. Left alone where a head's pair has no such distances. */
typedef struct InterferenceMeasures {
    double *activation, *sharpness, *tokens, *distance;
} InterferenceMeasures;

/* pair [layers][heads]: which pair's distances; −1 for none. Runs the model 2·contexts times for
   each different pair of distances. */
void interference_measure(const AnalysisContext *context, const InterferencePlan *plan,
                          const int *pair, const AnalysisScratch *scratch,
                          InterferenceMeasures *measures);

#endif
