#include "analysis/symmetric.h"

#include "analysis/householder_kernels.h"

#include <float.h>
#include <math.h>

/* LAPACK's own interface (column-major, everything by pointer): the distributions' OpenBLAS
   packages do not all bring the header for C. Reference: LAPACK Users' Guide, of each routine. */
void dsyevr_(const char *vectors, const char *range, const char *triangle, const int *n,
             double *matrix, const int *stride, const double *lower, const double *upper,
             const int *first, const int *last, const double *tolerance, int *found, double *values,
             double *z, const int *z_stride, int *support, double *work, const int *work_size,
             int *integer_work, const int *integer_work_size, int *info);
void dstein_(const int *n, const double *diagonal, const double *beside, const int *wanted,
             const double *values, const int *block, const int *splits, double *z,
             const int *z_stride, double *work, int *integer_work, int *failed, int *info);
void dsterf_(const int *n, double *diagonal, double *beside, int *info);

/* Row-major upper is column-major lower. */
static const char *const triangle = "L";

/* ---- All of them ----------------------------------------------------------------------------- */

/* Values alone: the root-free QL iteration on the tridiagonal form. */
static bool solve_values(const double *matrix, int n, double *values, Arena *scratch) {
    Tridiagonal t = tridiagonal_reduce(matrix, n, false, scratch);
    int info = 0;
    dsterf_(&n, t.diagonal, t.beside, &info);
    for (int i = 0; i < n; i++)
        values[i] = t.unit * t.diagonal[i];
    return info == 0;
}

/* With vectors: relatively robust representations. */
static bool solve_all(double *matrix, int n, double *values, double *vectors, Arena *scratch) {
    size_t size = (size_t)n;
    double *work = ARENA_ARRAY(scratch, double, 40 * size);
    int *integer_work = ARENA_ARRAY(scratch, int, 10 * size);
    int *support = ARENA_ARRAY(scratch, int, 2 * size);
    const double unused = 0;
    const int work_size = 40 * n, integer_work_size = 10 * n, first = 1;
    int found = 0, info = 0;
    dsyevr_("V", "A", triangle, &n, matrix, &n, &unused, &unused, &first, &n, &unused, &found,
            values, vectors, &n, support, work, &work_size, integer_work, &integer_work_size,
            &info);
    return info == 0 && found == n;
}

/* ---- Some of them: Sturm counts and inverse iteration on the tridiagonal form ---- */

/* Where an eigenvalue is searched for. */
typedef struct Bracket {
    int index; /* from 1 */
    double low, high;
} Bracket;

/* What the counts [LANES] at ascending shifts say of it. */
static void narrow(Bracket *bracket, const double *shifts, const double *counts) {
    for (int s = 0; s < LANES; s++) {
        if (counts[s] < bracket->index)
            bracket->low = shifts[s] > bracket->low ? shifts[s] : bracket->low;
        else
            bracket->high = shifts[s] < bracket->high ? shifts[s] : bracket->high;
    }
}

/* Both brackets shrink to the precision: each by LANES shifts in a round, and by the other's. Where
   they are one eigenvalue's, by twice as many. */
static void search(const Tridiagonal *t, const double *squares, Bracket brackets[SEARCHES],
                   double precision) {
    const HouseholderKernels *kernels = householder_kernels();
    bool same = brackets[0].index == brackets[1].index;
    while (brackets[0].high - brackets[0].low > precision ||
           brackets[1].high - brackets[1].low > precision) {
        Lanes shifts[SEARCHES];
        double counts[SEARCHES][LANES];
        for (int b = 0; b < SEARCHES; b++) {
            double width = brackets[b].high - brackets[b].low;
            for (int s = 0; s < LANES; s++) {
                double place =
                    same ? (b * LANES + s + 1) / (2.0 * LANES + 1) : (s + 1) / (LANES + 1.0);
                shifts[b][s] = brackets[b].low + place * width;
            }
        }
        kernels->count_below(t->n, t->diagonal, squares, shifts, counts);
        for (int b = 0; b < SEARCHES; b++)
            for (int from = 0; from < SEARCHES; from++)
                narrow(brackets + b, (const double *)(shifts + from), counts[from]);
    }
}

/* All eigenvalues are within low and high (Gershgorin). */
static void bound(const Tridiagonal *t, double *low, double *high) {
    *low = INFINITY;
    *high = -INFINITY;
    for (int i = 0; i < t->n; i++) {
        double radius =
            (i > 0 ? fabs(t->beside[i - 1]) : 0) + (i + 1 < t->n ? fabs(t->beside[i]) : 0);
        *low = fmin(*low, t->diagonal[i] - radius);
        *high = fmax(*high, t->diagonal[i] + radius);
    }
    double margin = 4 * DBL_EPSILON * fmax(fabs(*low), fabs(*high));
    *low -= margin;
    *high += margin;
}

/* values: of T, to the last bits of the largest. */
static void search_all(const Tridiagonal *t, int first, int last, double *values, Arena *scratch) {
    double *squares = ARENA_ARRAY(scratch, double, (size_t)t->n), low, high;
    for (int i = 0; i + 1 < t->n; i++)
        squares[i] = fmax(t->beside[i] * t->beside[i], DBL_MIN);
    bound(t, &low, &high);
    double precision = 2 * DBL_EPSILON * fmax(fabs(low), fabs(high));
    for (int index = first; index <= last; index += SEARCHES) {
        int second = index < last ? index + 1 : index;
        Bracket brackets[SEARCHES] = {{index, low, high}, {second, low, high}};
        search(t, squares, brackets, precision);
        values[index - first] = (brackets[0].low + brackets[0].high) / 2;
        if (index < last)
            values[second - first] = (brackets[1].low + brackets[1].high) / 2;
    }
}

/* vectors [wanted][n] for the values of T. */
static bool solve_vectors(const Tridiagonal *t, int wanted, const double *values, double *vectors,
                          Arena *scratch) {
    size_t size = (size_t)t->n;
    int *block = ARENA_ARRAY(scratch, int, (size_t)wanted);
    int *failed = ARENA_ARRAY(scratch, int, (size_t)wanted);
    int *integer_work = ARENA_ARRAY(scratch, int, size);
    double *work = ARENA_ARRAY(scratch, double, 5 * size);
    int info = 0;
    for (int i = 0; i < wanted; i++)
        block[i] = 1;
    dstein_(&t->n, t->diagonal, t->beside, &wanted, values, block, &t->n, vectors, &t->n, work,
            integer_work, failed, &info);
    if (info != 0)
        return false;
    tridiagonal_turn(t, wanted, vectors);
    return true;
}

static bool is_zero(const Tridiagonal *t) {
    bool zero = true;
    for (int i = 0; i < t->n; i++)
        zero = zero && t->diagonal[i] == 0 && (i + 1 == t->n || t->beside[i] == 0);
    return zero;
}

static bool solve_some(const double *matrix, int n, int first, int last, double *values,
                       double *vectors, Arena *scratch) {
    size_t size = (size_t)n, wanted = (size_t)(last - first + 1);
    Tridiagonal t = tridiagonal_reduce(matrix, n, vectors != NULL, scratch);
    bool sound = true;
    if (is_zero(&t)) { /* which inverse iteration cannot scale */
        for (size_t i = 0; i < wanted; i++)
            values[i] = 0;
        for (size_t i = 0; vectors != NULL && i < wanted * size; i++)
            vectors[i] = i % size == i / size;
        return true;
    }
    search_all(&t, first, last, values, scratch);
    if (vectors != NULL)
        sound = solve_vectors(&t, last - first + 1, values, vectors, scratch);
    for (size_t i = 0; i < wanted; i++)
        values[i] *= t.unit;
    return sound;
}

/* ------------------------------------------------------------------------------------------------
 */

static bool solve(double *matrix, int n, int first, int last, double *values, double *vectors,
                  Arena *scratch) {
    int wanted = last - first + 1;
    bool solved = !isnan(matrix_largest(matrix, (size_t)n * (size_t)n));
    if (solved && wanted < n)
        solved = solve_some(matrix, n, first, last, values, vectors, scratch);
    else if (solved && vectors == NULL)
        solved = solve_values(matrix, n, values, scratch);
    else if (solved)
        solved = solve_all(matrix, n, values, vectors, scratch);
    for (int i = 0; !solved && i < wanted; i++)
        values[i] = NAN;
    return solved;
}
bool symmetric_eigenvalues(double *matrix, int n, int first, int last, double *values,
                           Arena *scratch) {
    return solve(matrix, n, first, last, values, NULL, scratch);
}

bool symmetric_eigenvectors(double *matrix, int n, int first, int last, double *values,
                            double *vectors, Arena *scratch) {
    return solve(matrix, n, first, last, values, vectors, scratch);
}
