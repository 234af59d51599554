#include "analysis/hypothesis.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* ---- Noncentral t ---------------------------------------------------------------------------- */

enum { PANEL_NODES = 16, PANELS_LARGEST = 4000 };

/* P(T ≤ t) = ∫ Φ(t·s − noncentrality) f(s) ds, f the density of s = χ/√degrees (Johnson, Kotz and
   Balakrishnan, Continuous univariate distributions 2, chapter 31). The nodes s and their weights
   times f(s) serve every noncentrality. */
typedef struct ChiRule {
    double t;
    size_t count;
    double *nodes, *weights;
} ChiRule;

/* Gauss–Legendre on [−1, 1]: roots of the Legendre polynomial by Newton's method. */
static void legendre_rule(double nodes[PANEL_NODES], double weights[PANEL_NODES]) {
    const int n = PANEL_NODES;
    for (int i = 0; i < n; i++) {
        double x = cos(3.141592653589793 * (i + 0.75) / (n + 0.5)), slope = 1;
        for (int iteration = 0; iteration < 8; iteration++) {
            double value = x, before = 1;
            for (int k = 2; k <= n; k++) {
                double next = ((2 * k - 1) * x * value - (k - 1) * before) / k;
                before = value;
                value = next;
            }
            slope = n * (x * value - before) / (x * x - 1);
            x -= value / slope;
        }
        nodes[i] = x;
        weights[i] = 2 / ((1 - x * x) * slope * slope);
    }
}

/* Panels of two widths of the narrower of f and Φ, over nine deviations of f: beyond, f is below
   1e-17 of its peak. */
static ChiRule chi_rule(double t, double degrees, Arena *scratch) {
    double unit_nodes[PANEL_NODES], unit_weights[PANEL_NODES];
    legendre_rule(unit_nodes, unit_weights);
    double low = fmax(0, 1 - 9 / sqrt(2 * degrees)), high = 1 + 9 / sqrt(degrees);
    double width = 2 * fmin(1 / sqrt(2 * degrees), 1 / fmax(fabs(t), 1e-9));
    size_t panels = (size_t)fmin(PANELS_LARGEST, ceil((high - low) / width));
    ChiRule rule = {.t = t,
                    .count = panels * PANEL_NODES,
                    .nodes = ARENA_ARRAY(scratch, double, (panels * PANEL_NODES)),
                    .weights = ARENA_ARRAY(scratch, double, (panels * PANEL_NODES))};
    double half = (high - low) / (2 * (double)panels);
    double constant = log(2) + degrees / 2 * log(degrees / 2) - lgamma(degrees / 2);
    for (size_t i = 0; i < rule.count; i++) {
        double centre = low + half * (2 * (double)(i / PANEL_NODES) + 1);
        double s = centre + half * unit_nodes[i % PANEL_NODES];
        double density = exp(constant + (degrees - 1) * log(s) - degrees / 2 * s * s);
        rule.nodes[i] = s;
        rule.weights[i] = half * unit_weights[i % PANEL_NODES] * density;
    }
    return rule;
}

/* P(T ≤ t), and its derivative by the noncentrality where slope is not NULL. */
static double rule_probability(const ChiRule *rule, double noncentrality, double *slope) {
    double sum = 0, change = 0;
    for (size_t i = 0; i < rule->count; i++) {
        double z = rule->t * rule->nodes[i] - noncentrality;
        sum += rule->weights[i] * 0.5 * erfc(-z / sqrt(2));
        if (slope != NULL)
            change -= rule->weights[i] * exp(-z * z / 2) / sqrt(2 * 3.141592653589793);
    }
    if (slope != NULL)
        *slope = change;
    return sum;
}

double noncentral_t(double t, double degrees, double noncentrality, Arena *scratch) {
    const ChiRule rule = chi_rule(t, degrees, scratch);
    return rule_probability(&rule, noncentrality, NULL);
}

/* The noncentrality under which P(T ≤ t) is probability: Newton's method, kept in a bracket that
   bisection closes where a step would leave it. */
static double noncentrality_of(const ChiRule *rule, double probability, double start,
                               double spread) {
    double low = start - spread, high = start + spread;
    while (rule_probability(rule, low, NULL) < probability)
        low -= spread;
    while (rule_probability(rule, high, NULL) > probability)
        high += spread;
    double at = start;
    for (int iteration = 0; iteration < 200 && high - low > 1e-13 * (1 + fabs(at)); iteration++) {
        double slope, excess = rule_probability(rule, at, &slope) - probability;
        if (excess > 0)
            low = at;
        else
            high = at;
        double next = at - excess / slope;
        if (fabs(next - at) < 1e-13 * (1 + fabs(at)))
            return next;
        at = next > low && next < high ? next : (low + high) / 2;
    }
    return at;
}

/* ---- Paired samples -------------------------------------------------------------------------- */

PairedTest paired_test(const double *first, const double *second, size_t n, Arena *scratch) {
    double *differences = ARENA_ARRAY(scratch, double, n), size = 0;
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        double difference = first[i] - second[i];
        if (isnan(difference))
            continue;
        differences[count++] = difference;
        size = fmax(size, fmax(fabs(first[i]), fabs(second[i])));
    }
    PairedTest test = {.mean = mean_of(differences, count, 1),
                       .t = NAN,
                       .p = NAN,
                       .effect = NAN,
                       .low = NAN,
                       .high = NAN,
                       .count = (int)count};
    double deviation = deviation_of(differences, count, 1), root = sqrt((double)count);
    if (count < 2 || !(deviation > 1e-9 * size))
        return test;
    double degrees = (double)count - 1;
    test.effect = test.mean / deviation;
    test.t = test.effect * root;
    test.p = student_two_sided(test.t, degrees);
    const ChiRule rule = chi_rule(test.t, degrees, scratch);
    double spread = 2 * sqrt(1 + test.t * test.t / (2 * degrees));
    test.low = noncentrality_of(&rule, 0.975, test.t, spread) / root;
    test.high = noncentrality_of(&rule, 0.025, test.t, spread) / root;
    return test;
}

/* ---- Two groups ------------------------------------------------------------------------------ */

/* One group's defined values and what is known of them. */
typedef struct Packed {
    double *values;
    size_t count;
    double mean, square; /* sum of squared deviations */
} Packed;

static Packed values_pack(const double *values, size_t n, Arena *scratch) {
    Packed packed = {.values = ARENA_ARRAY(scratch, double, n)};
    for (size_t i = 0; i < n; i++)
        if (!isnan(values[i]))
            packed.values[packed.count++] = values[i];
    packed.mean = mean_of(packed.values, packed.count, 1);
    for (size_t i = 0; i < packed.count; i++)
        packed.square += (packed.values[i] - packed.mean) * (packed.values[i] - packed.mean);
    return packed;
}

/* All ways to deal centred values out to a first group of that many and the rest. */
typedef struct Dealing {
    const double *values;
    size_t n, first;
    double bound; /* sums of the first group at least this far from 0 are counted */
    double far, all;
} Dealing;

static void count_dealings(Dealing *dealing, size_t at, size_t taken, double sum) {
    if (taken == dealing->first) {
        dealing->all += 1;
        dealing->far += fabs(sum) >= dealing->bound;
        return;
    }
    if (dealing->n - at < dealing->first - taken)
        return;
    count_dealings(dealing, at + 1, taken + 1, sum + dealing->values[at]);
    count_dealings(dealing, at + 1, taken, sum);
}

/* With centred values the difference of means is the first group's sum times a constant. */
static double dealing_p(const Packed *first, const Packed *second, Arena *scratch) {
    size_t n = first->count + second->count;
    if (first->count == 0 || second->count == 0 || n > UNPAIRED_DEALT_LARGEST)
        return NAN;
    double *values = ARENA_ARRAY(scratch, double, n), sum = 0, size = 0;
    for (size_t i = 0; i < n; i++)
        values[i] = i < first->count ? first->values[i] : second->values[i - first->count];
    double mean = mean_of(values, n, 1);
    for (size_t i = 0; i < n; i++) {
        size = fmax(size, fabs(values[i]));
        values[i] -= mean;
        sum += i < first->count ? values[i] : 0;
    }
    Dealing dealing = {.values = values, .n = n, .first = first->count};
    dealing.bound = fabs(sum) - 1e-12 * size * (double)n;
    count_dealings(&dealing, 0, 0, 0);
    return dealing.far / dealing.all;
}

double unpaired_least_p(size_t first, size_t second) {
    double ways = 1;
    for (size_t i = 1; i <= first; i++)
        ways = ways * (double)(second + i) / (double)i;
    return (first == second ? 2 : 1) / ways;
}

/* Hedges' g and its interval: Cohen's d of the pooled deviation, times the factor that takes its
   bias. */
static void hedges_effect(const Packed *first, const Packed *second, double size,
                          UnpairedTest *test, Arena *scratch) {
    double degrees = (double)(first->count + second->count) - 2;
    double deviation = sqrt((first->square + second->square) / degrees);
    if (!(deviation > 1e-9 * size))
        return;
    double factor = exp(lgamma(degrees / 2) - lgamma((degrees - 1) / 2)) * sqrt(2 / degrees);
    double root = sqrt(1 / (double)first->count + 1 / (double)second->count);
    double t = test->difference / deviation / root;
    test->effect = factor * t * root;
    const ChiRule rule = chi_rule(t, degrees, scratch);
    double spread = 2 * sqrt(1 + t * t / (2 * degrees));
    test->low = factor * root * noncentrality_of(&rule, 0.975, t, spread);
    test->high = factor * root * noncentrality_of(&rule, 0.025, t, spread);
}

UnpairedTest unpaired_test(const double *first, size_t first_count, const double *second,
                           size_t second_count, Arena *scratch) {
    const Packed a = values_pack(first, first_count, scratch);
    const Packed b = values_pack(second, second_count, scratch);
    UnpairedTest test = {.difference = a.mean - b.mean,
                         .t = NAN,
                         .degrees = NAN,
                         .p = NAN,
                         .exact_p = dealing_p(&a, &b, scratch),
                         .effect = NAN,
                         .low = NAN,
                         .high = NAN,
                         .first_count = (int)a.count,
                         .second_count = (int)b.count};
    if (a.count < 2 || b.count < 2)
        return test;
    double size = 0;
    for (size_t i = 0; i < a.count + b.count; i++)
        size = fmax(size, fabs(i < a.count ? a.values[i] : b.values[i - a.count]));
    double a_freedom = (double)a.count - 1, b_freedom = (double)b.count - 1;
    double a_error = a.square / a_freedom / (double)a.count;
    double b_error = b.square / b_freedom / (double)b.count, error = a_error + b_error;
    if (!(sqrt(error) > 1e-9 * size))
        return test;
    test.t = test.difference / sqrt(error);
    test.degrees = error * error / (a_error * a_error / a_freedom + b_error * b_error / b_freedom);
    test.p = student_two_sided(test.t, test.degrees);
    hedges_effect(&a, &b, size, &test, scratch);
    return test;
}

/* ---- Families -------------------------------------------------------------------------------- */

typedef struct Member {
    double p;
    size_t index;
} Member;

static int compare_members(const void *first, const void *second) {
    const Member *a = first, *b = second;
    return (a->p > b->p) - (a->p < b->p);
}

void holm_adjust(const double *p, size_t n, double *adjusted, Arena *scratch) {
    Member *members = ARENA_ARRAY(scratch, Member, n);
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        adjusted[i] = NAN;
        if (!isnan(p[i]))
            members[count++] = (Member){.p = p[i], .index = i};
    }
    qsort(members, count, sizeof *members, compare_members);
    double largest = 0;
    for (size_t rank = 0; rank < count; rank++) {
        largest = fmax(largest, fmin(1, members[rank].p * (double)(count - rank)));
        adjusted[members[rank].index] = largest;
    }
}
