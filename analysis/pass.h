/* The analysis pass from inside: what one run's analysis holds, for the files that make it up and
   for measurements over steps. */
#ifndef FIDUCIAL_ANALYSIS_PASS_H
#define FIDUCIAL_ANALYSIS_PASS_H

#include "analysis/analysis.h"
#include "analysis/output.h"
#include "analysis/statistics.h"

/* What the measurements over steps work on and add to. */
struct OverSteps {
    const AnalysisContext *context;
    const Axis *step; /* its values are the saved steps */
    const Bootstrap *bootstrap;
    OutputList *outputs; /* with all that the other measurements gave, as far as it is written */
    int threads;
};

/* One variable's arrays; NULL where its form has none. */
typedef struct VariableOutputs {
    Output *value, *deviation, *low, *high, *count;
    Output *samples; /* [step][sample]… */
} VariableOutputs;

/* One selected measurement. */
typedef struct Measurement {
    const AnalysisKind *kind;
    const KindOptions *options;
    void *state;
    VariableList variables;
    VariableOutputs *outputs; /* [variables.count] */
    double *rows;             /* [samples][variables.sample_values], of the snapshot at hand */
} Measurement;

/* Makes the arrays of every variable of measurement. */
void measurement_outputs(Measurement *measurement, const AnalysisContext *context,
                         OutputList *outputs);

/* Turns one snapshot's rows, and the probe row, into the arrays. */
void measurement_reduce(const Measurement *measurement, const AnalysisContext *context,
                        const Bootstrap *bootstrap, const double *probe_row, int threads);

/* Puts the values that exist once per run into their arrays. */
void measurement_fill_run(const Measurement *measurement, const AnalysisContext *context);

#endif
