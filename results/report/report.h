/* Turns the analysis.h5 of an experiment's runs into summary.csv, figures and report.html. Knows
   nothing of how a run was made: each run comes with its swept values as text. */
#ifndef FIDUCIAL_RESULTS_REPORT_H
#define FIDUCIAL_RESULTS_REPORT_H

#include "model/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ReportRun {
    const char *name;      /* the run's folder below the experiment's */
    const char *directory; /* its path */
    int64_t seed;
    const char *const *swept_values;  /* [swept_count] as text, without the seed */
    const char *const *swept_phrases; /* [swept_count] the same for legends and sentences; NULL: as
                                         the values */
    const bool *by_default;           /* [swept_count]: the value is what the key has where no file
                                         says otherwise; NULL: all are */
    const bool *given;                /* [swept_count]: the sweep gives this run the key's value;
                                        otherwise it has that of the rest of the file */
    const char *status;               /* "done", "failed", "waiting" … */
    const char *failure;              /* why, where failed; else "" */
} ReportRun;

typedef struct ReportJob {
    const char *experiment, *description;
    const char *directory;         /* results/<experiment> */
    const char *const *swept_keys; /* [swept_count] dotted keys, without the seed */
    size_t swept_count;
    const ReportRun *runs;
    size_t run_count;
    const char *experiment_yaml; /* the file as given, for the appendix */
} ReportJob;

/* Writes <directory>/summary.csv, comparisons.csv, tests.csv, frame_types.csv,
   figures/<name>.{svg,png,pdf,csv,gp} and report.html; of the three in the middle, those that there
   is anything to say in. Runs without
   an analysis are listed with their status and left out of the figures. Groups are the combinations
   of swept values other than the seed; bands are over seeds. Without gnuplot the figures' data and
   scripts are still written and the report says what is missing. */
Status report_write(const ReportJob *job, Error *error);

#endif
