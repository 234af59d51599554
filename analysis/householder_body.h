/* The kernels' one source. A file that includes it defines HOUSEHOLDER_TABLE, the name of the table
   to make, and is compiled for one instruction set (see the room's sources in CMakeLists.txt). */
#include "analysis/householder_kernels.h"

#include <math.h>
#include <string.h>

/* ---- Parts ----------------------------------------------------------------------------------- */

static inline double lanes_sum(const Lanes *x) {
    Lanes y = *x;
    return ((y[0] + y[4]) + (y[2] + y[6])) + ((y[1] + y[5]) + (y[3] + y[7]));
}

static inline double get(const Lanes *vector, int at) {
    return ((const double *)vector)[at];
}

static inline void set(Lanes *vector, int at, double value) {
    ((double *)vector)[at] = value;
}

/* Zeros in the elements before first that share its lanes. */
static inline void clear_before(Lanes *vector, int first) {
    for (int i = first / LANES * LANES; i < first; i++)
        set(vector, i, 0);
}

static inline double product_of(const Lanes *x, const Lanes *y, int from, int to) {
    Lanes sum = {0};
    for (int g = from; g < to; g++)
        sum += x[g] * y[g];
    return lanes_sum(&sum);
}

/* From x, elements first …, to v with v_first = 1 and zeros before, so that 1 − scale v vᵀ turns x
   into end times the unit vector of first. Returns scale: 0, with v = 0, where x is there already.
 */
static inline double make_reflector(Lanes *x, int first, int groups, double *end) {
    double head = get(x, first);
    clear_before(x, first);
    set(x, first, 0);
    double tail = product_of(x, x, first / LANES, groups);
    *end = head;
    if (!(tail > 0))
        return 0;
    double norm = sqrt(head * head + tail);
    *end = head > 0 ? -norm : norm;
    double inverse = 1 / (head - *end);
    for (int g = first / LANES; g < groups; g++)
        x[g] *= inverse;
    set(x, first, 1);
    return (*end - head) / *end;
}

/* Rows row … row + ROWS − 1 from vector `from` on: makes the updates, and adds the rows times
   weights to sums. */
static inline void update_block(const Work *work, int row, int from, const Lanes *weights,
                                Lanes *sums) {
    int groups = work->groups;
    Lanes *first = work->matrix + (size_t)row * (size_t)groups;
    double a[ROWS], c[ROWS], weight[ROWS];
    for (int r = 0; r < ROWS; r++) {
        a[r] = get(work->a, row + r);
        c[r] = get(work->c, row + r);
        weight[r] = get(weights, row + r);
    }
    for (int g = from; g < groups; g++) {
        Lanes b = work->b[g], d = work->d[g], sum = sums[g];
        for (int r = 0; r < ROWS; r++) {
            Lanes *at = first + (size_t)r * (size_t)groups + g;
            Lanes value = *at - a[r] * b - c[r] * d;
            *at = value;
            sum += weight[r] * value;
        }
        sums[g] = sum;
    }
}

static inline void update_all(const Work *work, int first_row, int from, const Lanes *weights,
                              Lanes *sums) {
    for (int g = from; g < work->groups; g++)
        sums[g] = (Lanes){0};
    for (int row = first_row / ROWS * ROWS; row < work->rows; row += ROWS)
        update_block(work, row, from, weights, sums);
}

/* One row with the updates, without making them. */
static inline void look_at_row(const Work *work, int row, int from, Lanes *values) {
    const Lanes *stored = work->matrix + (size_t)row * (size_t)work->groups;
    double a = get(work->a, row), c = get(work->c, row);
    for (int g = from; g < work->groups; g++)
        values[g] = stored[g] - a * work->b[g] - c * work->d[g];
}

static inline void swap(Lanes **first, Lanes **second) {
    Lanes *kept = *first;
    *first = *second;
    *second = kept;
}

/* ---- To tridiagonal form --------------------------------------------------------------------- */

/* w = scale p − ½ scale² (pᵀv) v of p = A v. */
static inline void finish_update(Lanes *product, const Lanes *v, double scale, int first,
                                 int groups) {
    int from = first / LANES;
    clear_before(product, first);
    double half = 0.5 * scale * scale * product_of(product, v, from, groups);
    for (int g = from; g < groups; g++)
        product[g] = scale * product[g] - half * v[g];
}

static void tridiagonal_steps(Symmetric *symmetric) {
    Work *work = &symmetric->work;
    Tridiagonal *t = symmetric->t;
    int groups = work->groups;
    for (int k = 0; k + 1 < t->n; k++) {
        Lanes *next = symmetric->next, *product = symmetric->product;
        look_at_row(work, k, k / LANES, next);
        t->diagonal[k] = get(next, k);
        double scale = make_reflector(next, k + 1, groups, t->beside + k);
        update_all(work, k + 1, (k + 1) / LANES, next, product);
        finish_update(product, next, scale, k + 1, groups);
        if (t->reflectors != NULL) {
            size_t from = (size_t)((k + 1) / LANES * LANES);
            memcpy(t->reflectors + (size_t)k * (size_t)t->stride + from, (double *)next + from,
                   sizeof(double) * ((size_t)t->stride - from));
            t->scales[k] = scale;
        }
        symmetric->next = work->a;
        symmetric->product = work->b;
        work->a = work->d = next;
        work->b = work->c = product;
    }
    look_at_row(work, t->n - 1, (t->n - 1) / LANES, symmetric->next);
    t->diagonal[t->n - 1] = get(symmetric->next, t->n - 1);
}

/* ---- To bidiagonal form ---------------------------------------------------------------------- */

/* The next column with the updates, as a vector over rows. */
static inline void look_at_column(const Work *work, int column, Lanes *values) {
    double b = get(work->b, column), d = get(work->d, column);
    const double *stored = (const double *)work->matrix + column;
    size_t stride = (size_t)work->groups * LANES;
    for (int i = column; i < work->rows; i++)
        set(values, i, stored[(size_t)i * stride] - get(work->a, i) * b - get(work->c, i) * d);
}

/* p = scale (A v − u (yᵀv)) over the rows from first on, zeros before. */
static inline void times_reflector(const General *general, double scale, int first) {
    const Work *work = &general->work;
    int groups = work->groups, from = first / LANES;
    double common = product_of(general->y, general->v, from, groups);
    for (int row = first / ROWS * ROWS; row < work->rows; row += ROWS) {
        const Lanes *rows = work->matrix + (size_t)row * (size_t)groups;
        Lanes sums[ROWS] = {{0}};
        for (int g = from; g < groups; g++)
            for (int r = 0; r < ROWS; r++)
                sums[r] += rows[(size_t)r * (size_t)groups + g] * general->v[g];
        for (int r = 0; r < ROWS; r++)
            set(general->p, row + r,
                scale * (lanes_sum(sums + r) - get(general->u, row + r) * common));
    }
    for (int i = first / ROWS * ROWS; i < first; i++)
        set(general->p, i, 0);
}

static inline void bidiagonal_step(General *general, int k) {
    Work *work = &general->work;
    int groups = work->groups, from = (k + 1) / LANES;
    look_at_column(work, k, general->u);
    int row_groups = (work->rows + LANES - 1) / LANES;
    double scale = make_reflector(general->u, k, row_groups, general->diagonal + k);
    update_all(work, k, from, general->u, general->y);
    if (k + 1 >= work->columns)
        return;
    clear_before(general->y, k + 1);
    const Lanes *stored = work->matrix + (size_t)k * (size_t)groups;
    double head = get(general->u, k);
    for (int g = from; g < groups; g++) {
        general->y[g] *= scale;
        general->v[g] = stored[g] - head * general->y[g];
    }
    scale = make_reflector(general->v, k + 1, groups, general->beside + k);
    times_reflector(general, scale, k + 1);
    swap(&work->a, &general->u);
    swap(&work->b, &general->y);
    swap(&work->c, &general->p);
    swap(&work->d, &general->v);
}

static void bidiagonal_steps(General *general) {
    for (int k = 0; k < general->work.columns; k++)
        bidiagonal_step(general, k);
}

static double largest(const double *values, size_t count) {
    typedef int64_t Bits __attribute__((vector_size(LANES * sizeof(int64_t))));
    typedef double LooseLanes
        __attribute__((vector_size(LANES * sizeof(double)), aligned(sizeof(double)), may_alias));
    Lanes most = {0}, rest = {0};
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        Lanes x = *(const LooseLanes *)(values + i);
        Lanes size = (Lanes)((Bits)x & INT64_MAX);
        Bits larger = (Bits)(size > most);
        most = (Lanes)((larger & (Bits)size) | (~larger & (Bits)most));
        rest += x - x; /* 0 of what is finite */
    }
    double result = 0, sum = lanes_sum(&rest);
    for (int lane = 0; lane < LANES; lane++)
        result = most[lane] > result ? most[lane] : result;
    for (; i < count; i++) {
        result = fabs(values[i]) > result ? fabs(values[i]) : result;
        sum += values[i] - values[i];
    }
    return sum == 0 ? result : NAN;
}

/* ---- Counts ---------------------------------------------------------------------------------- */

static void count_below(int n, const double *diagonal, const double *squares,
                        const Lanes shifts[SEARCHES], double counts[SEARCHES][LANES]) {
    typedef int64_t Counts __attribute__((vector_size(LANES * sizeof(int64_t))));
    Lanes first = diagonal[0] - shifts[0], second = diagonal[0] - shifts[1];
    Counts first_below = (Counts)(first < 0),
           second_below = (Counts)(second < 0); /* −1 where true */
    for (int i = 1; i < n; i++) {
        first = (diagonal[i] - shifts[0]) - squares[i - 1] / first;
        second = (diagonal[i] - shifts[1]) - squares[i - 1] / second;
        first_below += (Counts)(first < 0);
        second_below += (Counts)(second < 0);
    }
    for (int lane = 0; lane < LANES; lane++) {
        counts[0][lane] = -(double)first_below[lane];
        counts[1][lane] = -(double)second_below[lane];
    }
}

extern const HouseholderKernels HOUSEHOLDER_TABLE;
const HouseholderKernels HOUSEHOLDER_TABLE = {
    .tridiagonal = tridiagonal_steps,
    .bidiagonal = bidiagonal_steps,
    .largest = largest,
    .count_below = count_below,
};
