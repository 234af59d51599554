/* Comparing arrays with a reference. A value that is not finite, on either side, fails before any
   tolerance is looked at, and every failure prints both operands. */
#ifndef FIDUCIAL_TESTS_COMPARE_H
#define FIDUCIAL_TESTS_COMPARE_H

#include <stddef.h>

/* How far actual is from expected. */
typedef struct Difference {
    double relative;   /* ‖actual − expected‖ / ‖expected‖ (L2); 0 where both are 0 */
    double norm;       /* ‖expected‖ */
    double largest;    /* max |actual − expected| */
    size_t worst;      /* where it is */
    size_t not_finite; /* entries where either is NaN or infinite */
} Difference;

Difference compare_floats(const float *actual, const double *expected, size_t count);

/* Fails the running test unless all entries are finite and
   ‖actual − expected‖ ≤ tolerance · max(‖expected‖, floor). floor keeps a tensor that is zero in
   truth from being judged by its rounding alone. */
void assert_floats_close(const char *what, const float *actual, const double *expected,
                         size_t count, double tolerance, double floor);

/* Fails the running test unless |actual − expected| ≤ tolerance · max(|expected|, 1e-300). */
void assert_real_close(const char *what, double actual, double expected, double tolerance);

/* Fails the running test unless low ≤ actual ≤ high. */
void assert_real_within(const char *what, double actual, double low, double high);

#endif
