/* The analysis pass: for every snapshot of a run, for every probe sample, each selected measurement
   turns the captured maps and states into named arrays; means, deviations, bootstrap intervals and
   counts over samples are the frame's work, not the measurement's. Definitions: metrics.md, whose
   names are the variable names here.

   A measurement is an AnalysisKind: one file, one line in analysis_kinds. It declares variables;
   per sample it fills the per-sample values of those that are averaged; after all samples it fills
   those that are taken once over the probe. Everything is in double; NaN means not defined. */
#ifndef FIDUCIAL_ANALYSIS_ANALYSIS_H
#define FIDUCIAL_ANALYSIS_ANALYSIS_H

#include "analysis/capture.h"
#include "analysis/visibility.h"
#include "model/base/field.h"
#include "train/config.h"
#include "train/run_model.h"
#include "train/snapshot.h"

#include <signal.h>

enum { AXES_LARGEST = 5 };

/* A named dimension, shared by all variables that use it. */
typedef struct Axis {
    const char *name; /* "layer", "head", "position", "threshold", "epsilon" … */
    int length;
    const double *values;      /* coordinate values; NULL: 0, 1, 2 … */
    const char *const *labels; /* for axes of names; written as strings beside the scale, as
                                  <name>_label; or NULL */
    const char *long_name, *units;
    bool large; /* as long as the sequence or the vocabulary: per-sample values are not written */
} Axis;

typedef enum VariableForm {
    /* Per sample; written as <name> (the mean where defined), _std, _low, _high, _count where
       samples were left out, and /samples/<name> [step][sample]… where none of its axes is large
       or keep_samples says so. */
    VARIABLE_SAMPLE_MEAN,
    /* Per sample, a label or an index: written as the commonest (equal ones: the lowest) and as
       /samples/<name>. Integer. */
    VARIABLE_SAMPLE_LABEL,
    /* Per sample, for the measurement's own probe function; not written. */
    VARIABLE_SAMPLE_HIDDEN,
    /* Once per snapshot over the whole probe: labels, indices, shares. */
    VARIABLE_PROBE,
    /* Once per run, no step axis: nulls, inputs that were drawn. */
    VARIABLE_RUN,
} VariableForm;

typedef struct Variable {
    const char *name;
    VariableForm form;
    int rank;
    const Axis *axes[AXES_LARGEST]; /* after step */
    const char *long_name, *units, *source;
    const char *undefined; /* why NaN (or −1) may occur, or NULL */
    bool integer;          /* labels and indices: written as int32, −1 for not defined */
    bool single_precision; /* large fields: written as float32 */
    bool keep_samples;     /* per-sample values are written in spite of a large axis */
    /* filled by variable_add */
    size_t count;  /* values per sample, per snapshot or per run */
    size_t offset; /* into the per-sample row, the probe row or the run row of its analysis */
} Variable;

/* One measurement's variables, in declaration order. */
typedef struct VariableList {
    Variable *items;
    size_t count, capacity;
    size_t sample_values, probe_values, run_values; /* totals by form */
} VariableList;

/* What all measurements of a run share. */
typedef struct AnalysisContext {
    const Model *model;
    const RunConfig *config;
    const Probe *probe;
    int bos;                 /* the source's BOS token, −1 for none */
    const float *parameters; /* of the snapshot at hand; NULL in declare */
    int layers, heads, length, samples, width;
    uint64_t seed; /* of the run, for null draws */
    const Visibility *visibility;
    const Axis *sample, *layer, *head, *position;
    const Axis *query, *key; /* positions, as rows and columns of a map */
    const Axis *residual;    /* 0 … layers: the stream entering a layer, the last leaving it */
    const Axis *token;       /* the vocabulary, labelled by token_names */
    Arena *arena;            /* of the whole pass, for axes, names and tables made in declare */
} AnalysisContext;

/* What belongs to one thread: scratch memory and a workspace to run further inputs with. */
typedef struct AnalysisScratch {
    Arena *arena; /* emptied by the frame after each sample */
    Workspace *workspace;
    Capture *capture; /* a second capture for inputs that the measurement makes up */
    float *gradient; /* [parameters] room for model_gradient, for which workspace is then good; NULL
                         unless a measurement has needs_gradient */
} AnalysisScratch;

/* All samples of one snapshot, for the probe functions. */
typedef struct ProbeView {
    const double *rows; /* [samples][row_values]: one measurement's rows */
    size_t row_values;
    const double *mean_maps; /* [layers][heads][T][T]: attention maps, mean over samples */
} ProbeView;

typedef struct OverSteps OverSteps; /* see analysis/pass.h */

typedef struct AnalysisKind {
    Kind kind;
    bool needs_gradient; /* runs the backward pass: scratch->gradient is there */
    /* Declares the variables with variable_add; state is handed to the calls below. */
    Status (*declare)(const KindOptions *options, AnalysisContext *context, VariableList *list,
                      void **state, Error *error);
    /* Fills the VARIABLE_RUN values, all NaN before. Or NULL. */
    void (*fill_run)(const AnalysisContext *context, const void *state, double *run_row);
    /* One sample, thread-safe: fills row (all NaN before) by the variables' offsets. */
    void (*sample)(const AnalysisContext *context, const void *state, const Capture *capture,
                   int sample, AnalysisScratch *scratch, double *row);
    /* After all samples of a snapshot: fills probe_row (all NaN before). Or NULL. */
    void (*probe)(const AnalysisContext *context, const void *state, const ProbeView *view,
                  AnalysisScratch *scratch, double *probe_row);
    /* Measurements over steps (emergence): called once after the last snapshot; they have none of
       the functions above. NULL for all others. */
    Status (*over_steps)(const OverSteps *run, Error *error);
} AnalysisKind;

extern const KindTable analysis_kinds;

/* Adds a variable, fills its count and offset and returns the offset. name and texts are not
   copied: use context->arena for made-up ones. */
size_t variable_add(VariableList *list, AnalysisContext *context, Variable variable);

/* Value of double rows and coordinates that stands for "not defined" in integer variables. */
enum { LABEL_UNDEFINED = -1 };

typedef struct AnalyzeJob {
    const RunConfig *config;
    const KindList *analyses;
    bool only;             /* these anew and no others; what else the file holds is kept */
    const char *directory; /* of the run */
    const char *experiment_yaml;
    int threads;
    void (*progress)(void *context, int snapshot, int snapshots);
    void *progress_context;
    const volatile sig_atomic_t *stop;
} AnalyzeJob;

/* Reads run.h5 and snapshots/, writes analysis.h5 in the run's folder: every variable with its
   dimension scales, and `attention_map [step][layer][head][query][key]`, the maps' mean over the
   probe. What analysis.h5 already holds of the same snapshots stays, bit for bit: an analysis that
   is asked for is made where it is missing or has other options, one that is not asked for is left
   in. Measurements over steps are made from the others, and so anew with any of them. STATUS_OK at
   once where nothing is to be made. STATUS_FAILED, with only, where analysis.h5 is damaged;
   without, it is made anew. STATUS_INTERRUPTED, with nothing written, where stop was set. The
   numbers do not depend on threads. */
Status analyze_run(const AnalyzeJob *job, Error *error);

/* How large analysis.h5 will be, in bytes, over that many saved steps; within a few percent. Reads
   no file: run is a model with its probe (train/run_model.h). */
Status analyze_bytes(RunModel *run, const KindList *analyses, int64_t steps, double *bytes,
                     Error *error);

/* Whether analysis.h5 in a run's folder holds all these analyses with these options; that it is of
   the newest snapshots is left to analyze_run. */
bool analysis_holds(const char *directory, const KindList *analyses);

#endif
