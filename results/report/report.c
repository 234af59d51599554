#include "results/report/report.h"

#include "results/report/html.h"
#include "results/report/run_tests.h"
#include "results/report/summary.h"
#include "train/storage.h"

static Status write_files(Report *report, Arena *arena, Error *error) {
    ReportTables tables;
    FigureResult *results = ARENA_ARRAY(arena, FigureResult, figure_count);
    TRY(summary_write(report, error));
    onset_table(report, arena, &tables.onsets);
    frame_table(report, arena, &tables.frames);
    comparison_table(report, arena, &tables.comparisons);
    report->tables = &tables;
    TRY(frame_table_write(&tables.frames, error));
    TRY(comparisons_write(&tables.comparisons, error));
    TRY(run_tests_write(report, error));
    TRY(figures_write(report, arena, results, error));
    return html_write(report, results, error);
}

Status report_write(const ReportJob *job, Error *error) {
    TRY(storage_make_directory(job->directory, error));
    Arena arena = arena_create("report");
    Report report;
    report_read(job, &arena, &report);
    Status status = write_files(&report, &arena, error);
    report_close(&report);
    arena_destroy(&arena);
    return status;
}
