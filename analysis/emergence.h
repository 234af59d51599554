/* Emergence (metrics.md section 11): when and how far a scalar metric moves over the saved steps.
   The pure functions here are also what the report uses for intervals over seeds and samples. */
#ifndef FIDUCIAL_ANALYSIS_EMERGENCE_H
#define FIDUCIAL_ANALYSIS_EMERGENCE_H

#include <stddef.h>

/* What the analysis adds for every variable with values by sample: six numbers, four of them with
   the two ends of an interval. */
enum { EMERGENCE_OUTPUTS = 14 };

/* final: the last value. peak: the value farthest from the first, at peak_step. onset_step: the
   first saved step from which the metric stays beyond half of its final change for three saved
   steps; peak_onset_step: the same against the peak's change. rise: first step at 90 % of the final
   change over the first step at 10 %. NaN where not defined: an end of the series is NaN; fewer
   than four steps (onsets); no such step; rise from step 0 or to a change of 0. Onsets and rise are
   NaN too where their own change stays within three standard deviations of the untrained model's
   value over samples. */
typedef struct EmergenceSummary {
    double final, peak, peak_step, onset_step, peak_onset_step, rise;
} EmergenceSummary;

/* steps, values [n], steps ascending. untrained_deviation: the standard deviation over samples at
   the first step; NaN (a single sample): that test is left out. */
EmergenceSummary emergence_of(const double *steps, const double *values, size_t n,
                              double untrained_deviation);

/* The 95 % percentile interval of what resamples [n] gave (reordered). One that found no value
   (NaN) counts as later than every step: high, or both, are NaN where more than the tail did. */
void emergence_interval(double *resamples, size_t n, double *low, double *high);

#endif
