#include "tests/support/compare.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

Difference compare_floats(const float *actual, const double *expected, size_t count) {
    Difference difference = {0};
    double squares = 0, error_squares = 0;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(actual[i]) || !isfinite(expected[i])) {
            if (difference.not_finite++ == 0)
                difference.worst = i;
            continue;
        }
        double error = fabs((double)actual[i] - expected[i]);
        squares += expected[i] * expected[i];
        error_squares += error * error;
        if (error > difference.largest && difference.not_finite == 0) {
            difference.largest = error;
            difference.worst = i;
        }
    }
    difference.norm = sqrt(squares);
    difference.relative = error_squares > 0 ? sqrt(error_squares / squares) : 0;
    return difference;
}

void assert_floats_close(const char *what, const float *actual, const double *expected,
                         size_t count, double tolerance, double floor) {
    Difference difference = compare_floats(actual, expected, count);
    if (difference.not_finite > 0)
        fail_msg("%s: %zu of %zu values are not finite, the first at %zu: %g (expected %g)", what,
                 difference.not_finite, count, difference.worst, (double)actual[difference.worst],
                 expected[difference.worst]);
    double error = difference.norm > 0 ? difference.relative * difference.norm
                                       : difference.largest * sqrt((double)count);
    double allowed = tolerance * fmax(difference.norm, floor);
    if (!(error <= allowed))
        fail_msg("%s: L2 error %.3g of norm %.3g is above %.3g; worst at %zu: %.9g, expected %.9g",
                 what, error, difference.norm, allowed, difference.worst,
                 (double)actual[difference.worst], expected[difference.worst]);
}

void assert_real_close(const char *what, double actual, double expected, double tolerance) {
    if (!(fabs(actual - expected) <= tolerance * fmax(fabs(expected), 1e-300)))
        fail_msg("%s: %.17g, expected %.17g within %.3g relative", what, actual, expected,
                 tolerance);
}

void assert_real_within(const char *what, double actual, double low, double high) {
    if (!(actual >= low && actual <= high))
        fail_msg("%s: %.17g, expected from %.17g to %.17g", what, actual, low, high);
}
