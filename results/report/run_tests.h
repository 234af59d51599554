/* The p-values that analyses compute within a run, at its last saved step: a table per analysis,
   corrected by Holm over all of the table. */
#ifndef FIDUCIAL_REPORT_RUN_TESTS_H
#define FIDUCIAL_REPORT_RUN_TESTS_H

#include "results/report/figure.h"

/* What a test's values are taken over. */
typedef enum RunTestUnit { OVER_SEQUENCES, OVER_LAYERS, OVER_HEADS } RunTestUnit;

/* One tested number; of every layer where it has that axis. */
typedef struct RunTestKind {
    SectionKind section;
    const char *label;
    Quantity value, p;
    RunTestUnit unit;
    const char *test; /* its name, for the caption */
} RunTestKind;

/* One test of one run; n, value and p are NaN where they are not known or not defined. */
typedef struct RunTest {
    const RunTestKind *kind;
    const RunData *run;
    const Group *group;
    int layer; /* −1 where it has no such axis */
    double step, n, value, p, p_holm;
} RunTest;

typedef struct RunTestTable {
    RunTest *items; /* by kind, layer, group and seed */
    size_t count;
    size_t tests; /* whose p is defined: the family */
} RunTestTable;

/* The tests of one section; none where its analysis computes none or no run holds it. */
void run_test_table(const Report *report, SectionKind section, Arena *arena, RunTestTable *table);

/* Writes <directory>/tests.csv with the columns run, <swept keys>, seed, step, metric, layer, test,
   value, n, p, p_holm, tests: all sections' tests, a row each, tests being the number that p_holm
   is corrected over. Writes nothing where there are none. */
Status run_tests_write(const Report *report, Error *error);

#endif
