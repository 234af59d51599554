/* An experiment made up for tests of the report: two values of one key with two seeds each, whose
   numbers are known, and a failed run. */
#ifndef FIDUCIAL_TESTS_REPORT_CASE_H
#define FIDUCIAL_TESTS_REPORT_CASE_H

#include "results/report/report.h"

#include <stdbool.h>

enum { CASE_STEPS = 8, CASE_LAYERS = 2, CASE_SAMPLES = 6, CASE_LENGTH = 4, CASE_RUNS = 5 };

/* 0, 1, 2, 4, 8, 16, 32, 64 */
extern const int64_t case_steps[CASE_STEPS];

/* Runs 0 and 1 are of the group 'rope, "new"', 2 and 3 of nope; run 4, of nope, failed. */
typedef struct ReportCase {
    char directory[2048], run_directories[CASE_RUNS][4096];
    ReportRun runs[CASE_RUNS];
    ReportJob job;
} ReportCase;

/* In the test's scratch folder. The importance of the first token is 0.1; from step 8 on, in layer
   1 of the rope runs, 0.4 and 0.6 (seeds 1 and 2), with samples up to 0.0025 apart from that.
   frames: also a Fiedler value of place · 0.25 (undefined at the first place) and the frame type 1
   everywhere, neither with samples. */
void report_case_create(void *const *state, bool frames, ReportCase *made);

/* Adds to a run: stable rank (undefined in layer 1 at step 2) with this null; persistence, 0.9 and
   as published 0.5; degree centralization, 0 and from step 4 on 1 at the threshold 0.05 alone, with
   its samples. */
void report_case_add_analyses(const char *run_directory, double null);

/* Puts two heads in place of a run's one: `strong` has its importance, in both layers, the other
   0.1; as shares of rows that sum to total half of these. No samples, maps or frames. */
void report_case_two_heads(const char *run_directory, int strong, double rise, double total);

/* Adds to a run (of one head) the strongest key of either layer, and its ratio; position −1: none.
   suffix: "", or "_share" for those of rows scaled to sum 1. */
void report_case_add_places(const char *run_directory, const char *suffix, double position,
                            double ratio);

/* Multiplies all values of a run's variable, or puts them into the opposite order: then steps, and
   layers, run backwards. */
void report_case_scale(const char *run_directory, const char *variable, double factor);
void report_case_reverse(const char *run_directory, const char *variable);

/* Adds to a run (of one head) what its rows of attention sum to. */
void report_case_add_totals(const char *run_directory, double total);

/* Adds to a run the frame types of the whole model: types [steps][samples]. */
void report_case_add_types(const char *run_directory, double types[CASE_STEPS][CASE_SAMPLES]);

/* Adds to a run the correlations of likelihood, 0.5, with these p-values by layer (NAN: neither);
   undefined: their attribute of that name. */
void report_case_add_correlations(const char *run_directory, const double p[CASE_LAYERS],
                                  const char *undefined);

/* A metric of one head: its value in either layer at every step; whole: of the whole model, the first
   value. Its null; NAN: it has none. */
typedef struct CaseMetric {
    const char *name;
    double layers[CASE_LAYERS];
    double null;
    bool whole;
} CaseMetric;

/* Writes a run's analysis.h5 with these metrics alone, and a run.h5 whose probe is one token with
   this target. */
void report_case_metrics(const char *run_directory, const CaseMetric *metrics, size_t count);
void report_case_probe(const char *run_directory, int target);

/* A file below the experiment's folder, to be freed; and whether it is there and not empty. */
char *report_case_read(const ReportCase *made, const char *file);
bool report_case_exists(const ReportCase *made, const char *file);

/* Fail the running test. */
void assert_contains(const char *text, const char *part);
void assert_lacks(const char *text, const char *part);
void assert_done(Status status, const Error *error);

#endif
