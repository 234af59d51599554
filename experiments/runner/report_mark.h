/* The mark that a report leaves beside it, `.report`: of what it was made, and its number among the
   reports of this folder. Where two commands work through one file, the second finds at its end
   that the number has changed since its beginning, and need not write the same again. Numbers, not
   times: the clocks of two machines differ, and a file's time may have whole seconds alone. */
#ifndef FIDUCIAL_RUNNER_REPORT_MARK_H
#define FIDUCIAL_RUNNER_REPORT_MARK_H

#include "experiments/runner/sweep.h"
#include "results/report/report.h"

/* The number of the last report in directory; 0 where there is none, or no mark of one. */
int64_t report_mark_number(const char *directory, Arena *arena);

/* Whether a report of the same program, file, runs and states was written after the one of number
   seen. */
bool report_mark_found(const ReportJob *job, const RunPlan *plan, int64_t seen, Arena *arena);

/* Marks the report just written. */
Status report_mark_write(const ReportJob *job, const RunPlan *plan, Arena *arena, Error *error);

#endif
