/* One measurement run by hand over the sequences of a model case: what the pass does for a
   snapshot, without files. */
#ifndef FIDUCIAL_TESTS_ANALYSIS_SCENE_H
#define FIDUCIAL_TESTS_ANALYSIS_SCENE_H

#include "analysis/analysis.h"
#include "tests/support/model_case.h"

typedef struct AnalysisScene {
    ModelCase model;
    RunConfig config;
    Probe probe; /* the case's sequences */
    AnalysisContext context;
    AnalysisScratch scratch;
    Capture *capture;
    const AnalysisKind *kind;
    void *state;
    VariableList variables;
    double *rows; /* [samples][variables.sample_values] */
    double *probe_row, *run_row;
} AnalysisScene;

/* Makes the case (parameters of that scale), and runs the analysis called name with its default
   options over its sequences; bos: −1 for none. */
void analysis_scene_create(AnalysisScene *scene, const char *name, CaseShape shape, double scale,
                           int bos);

/* The same of a model with further settings (see defaults_change), trained with that objective; the
   last token is called [MASK]. */
void analysis_scene_create_with(AnalysisScene *scene, const char *name, CaseShape shape,
                                const char *settings, const char *objective, double scale, int bos);

/* Runs the analysis again, after the model's parameters were changed. */
void analysis_scene_run(AnalysisScene *scene);

/* Puts the sequences into another order [sequences] (the first becomes that at order[0]) and
   measures them again: all rows are made anew. */
void analysis_scene_reorder(AnalysisScene *scene, const int *order);

/* How many values a variable has, per sample where its form is per sample. */
size_t analysis_scene_count(const AnalysisScene *scene, const char *name);

/* The first value of a variable, of a sample where its form is per sample; fails the running test
   where there is no such variable. */
const double *analysis_scene_values(const AnalysisScene *scene, const char *name, int sample);

/* Fails the running test unless the variable is declared with a reason for missing values. */
void analysis_scene_needs_reason(const AnalysisScene *scene, const char *name);

void analysis_scene_destroy(AnalysisScene *scene);

#endif
