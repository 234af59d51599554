/* What is computed over all groups before anything is drawn. */
#ifndef FIDUCIAL_REPORT_TABLES_H
#define FIDUCIAL_REPORT_TABLES_H

#include "results/report/comparison.h"
#include "results/report/frame_table.h"
#include "results/report/onset.h"

typedef struct ReportTables {
    OnsetTable onsets;
    FrameTable frames;
    ComparisonTable comparisons;
} ReportTables;

#endif
