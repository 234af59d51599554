/* Which analyses a pass makes, and which it takes over from the analysis.h5 that is there. */
#ifndef FIDUCIAL_ANALYSIS_SELECTION_H
#define FIDUCIAL_ANALYSIS_SELECTION_H

#include "analysis/analysis.h"

/* What becomes of one analysis. Descriptions are those of analysis_describe. */
typedef struct AnalysisFate {
    const AnalysisKind *kind;
    const KindOptions *options; /* as asked for; NULL: not asked for */
    const char *asked;          /* its description with them; NULL: not asked for */
    const char *held;           /* its description in the file; NULL: not there */
    bool compute, keep;         /* what is to be done: one of them, or neither */
} AnalysisFate;

/* "{kind: frames, anchor_ratio: 1.5}": a kind with all that its numbers depend on. */
const char *analysis_describe(const KindChoice *choice, Arena *arena);

/* Fills compute and keep. What is held is kept, except what is asked for with other options, or
   with only: whatever is asked for. What is neither held nor asked for is left alone. Analyses over
   steps are made from all others, and so anew wherever one of these is. */
void analyses_decide(AnalysisFate *fates, size_t count, bool only);

/* Whether anything is to be computed; over samples alone: measurements over steps do not count. */
bool analyses_any_computed(const AnalysisFate *fates, size_t count, bool over_samples_alone);

/* The descriptions of all that the new file will hold. */
const char *analyses_describe(const AnalysisFate *fates, size_t count, Arena *arena);

#endif
