#include "results/report/html.h"

#include <string.h>
#include <time.h>

/* What one run says of a fact; NULL or "" where it says nothing. */
typedef const char *FactText(const RunData *run, Arena *arena);

static const char *number_fact(int64_t value, Arena *arena) {
    char text[NUMBER_TEXT_BYTES];
    return value > 0 ? arena_string(arena, integer_text(value, text)) : "";
}

static const char *fact_program(const RunData *run, Arena *arena) {
    const char *revision = run->facts.git_revision;
    return *run->facts.program_version == '\0'
               ? ""
               : arena_format(arena, "Fiducial %s%s%s", run->facts.program_version,
                              *revision != '\0' ? ", revision " : "", revision);
}
static const char *fact_core(const RunData *run, Arena *arena) {
    (void)arena;
    return run->facts.blas_core;
}
static const char *fact_cpu(const RunData *run, Arena *arena) {
    (void)arena;
    return run->facts.host_cpu;
}
static const char *fact_threads(const RunData *run, Arena *arena) {
    return number_fact(run->facts.threads, arena);
}
static const char *fact_parameters(const RunData *run, Arena *arena) {
    return number_fact(run->facts.parameters, arena);
}
static const char *fact_tokens(const RunData *run, Arena *arena) {
    return number_fact(run->facts.tokens, arena);
}
static const char *fact_steps(const RunData *run, Arena *arena) {
    return number_fact(run->facts.steps, arena);
}
static const char *fact_seed(const RunData *run, Arena *arena) {
    return arena_format(arena, "%lld", (long long)run->run->seed);
}
static const char *fact_probe(const RunData *run, Arena *arena) {
    return run->facts.probe_samples == 0 ? ""
                                         : arena_format(arena, "%lld sequences of %lld tokens",
                                                        (long long)run->facts.probe_samples,
                                                        (long long)run->facts.probe_length);
}

static const struct {
    const char *name;
    FactText *text;
} facts[] = {
    {"Program", fact_program},      {"OpenBLAS core", fact_core},
    {"Processor", fact_cpu},        {"Threads", fact_threads},
    {"Seeds", fact_seed},           {"Parameters", fact_parameters},
    {"Training steps", fact_steps}, {"Training tokens", fact_tokens},
    {"Probe", fact_probe},
};

/* The distinct values of a fact over the runs, in order, at most eight of them. */
static void write_fact(FILE *page, const Report *report, size_t index, Arena *arena) {
    enum { SAID = 8 };
    const char *seen[SAID];
    size_t count = 0, more = 0;
    for (size_t r = 0; r < report->run_count; r++) {
        const char *text = facts[index].text(&report->runs[r], arena);
        bool known = *text == '\0';
        for (size_t i = 0; i < count && !known; i++)
            known = strcmp(seen[i], text) == 0;
        if (!known && count < SAID)
            seen[count++] = text;
        else if (!known)
            more = 1;
    }
    if (count == 0)
        return;
    fprintf(page, "<dt>%s</dt><dd>", facts[index].name);
    for (size_t i = 0; i < count; i++) {
        fputs(i > 0 ? "; " : "", page);
        output_html(page, seen[i]);
    }
    fputs(more ? " …</dd>\n" : "</dd>\n", page);
}

static void write_head(FILE *page, const Report *report) {
    const ReportJob *job = report->job;
    char made[64] = "";
    time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc) != NULL)
        strftime(made, sizeof(made), "%Y-%m-%d %H:%M UTC", &utc);
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
          page);
    output_html(page, job->experiment);
    fprintf(page, " – Fiducial</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n<h1>",
            html_style);
    output_html(page, job->experiment);
    fputs("</h1>\n", page);
    if (*job->description != '\0') {
        fputs("<p class=\"lead\">", page);
        output_html(page, job->description);
        fputs("</p>\n", page);
    }
    fprintf(page, "<p class=\"meta\">%zu run%s, %zu analysed · report made %s</p>\n",
            report->run_count, report->run_count == 1 ? "" : "s", report->analyzed_count, made);
}

static void write_files(FILE *page, const FigureResult *result) {
    static const char *const endings[] = {"svg", "png", "pdf", "csv", "gp"};
    size_t first = result->problem != NULL ? 3 : 0;
    fputs("<div class=\"files\">", page);
    for (size_t i = first; i < sizeof(endings) / sizeof(endings[0]); i++)
        fprintf(page, "%s<a href=\"figures/%s.%s\">%s</a>", i > first ? " · " : "",
                result->figure->name, endings[i], endings[i]);
    fputs("</div>", page);
}

static void write_figure(FILE *page, const Report *report, const FigureResult *result,
                         Arena *arena) {
    const Figure *figure = result->figure;
    fprintf(page, "<figure id=\"figure-%s\">\n<h3>", figure->name);
    output_html(page, figure->title);
    fputs("</h3>\n", page);
    const char *path =
        arena_format(arena, "%s/figures/%s.svg", report->job->directory, figure->name);
    const char *problem = result->missing != NULL ? result->missing : result->problem;
    if (problem == NULL && !html_svg(page, path, figure->name, figure->title))
        problem = "the drawing cannot be read";
    if (problem != NULL) {
        fputs("<p class=\"notice\">Not drawn: ", page);
        output_html(page, problem);
        fputs(result->missing == NULL ? ". The data and the script are there." : "", page);
        fputs("</p>\n", page);
    }
    fputs("<figcaption>", page);
    output_html(page, figure->caption);
    if (*result->caption != '\0') {
        fputc(' ', page);
        output_html(page, result->caption);
    }
    if (result->missing == NULL)
        write_files(page, result);
    fputs("</figcaption>\n</figure>\n", page);
}

/* Heading, text, tables and figures of one section; the report's first figure stands above all
   sections. */
static void write_section(FILE *page, const Report *report, SectionKind kind,
                          const FigureResult *results, Arena *arena) {
    const Section *section = &sections[kind];
    if (!section_held(report, kind))
        return;
    fprintf(page, "<h2 id=\"%s\">%s</h2>\n", section->id, section->title);
    if (*section->text != '\0') {
        fputs("<p>", page);
        output_html(page, section->text);
        fputs("</p>\n", page);
    }
    if (kind == SECTION_EMERGENCE)
        html_onsets(page, &report->tables->onsets);
    for (size_t i = 1; i < figure_count; i++)
        if (results[i].figure->section == kind && !results[i].redundant)
            write_figure(page, report, &results[i], arena);
    if (kind == SECTION_SINKS)
        html_sinks(page, report, arena);
    if (kind == SECTION_FRAMES)
        html_frames(page, &report->tables->frames, arena);
    html_tests(page, report, kind, arena);
}

/* The analyses of which there is no section, and how to add them. */
static void write_not_measured(FILE *page, const Report *report, Arena *arena) {
    const char *names = "";
    for (int section = 0; section < SECTIONS; section++)
        if (!section_held(report, (SectionKind)section))
            names = arena_format(arena, "%s%s%s", names, *names != '\0' ? "," : "",
                                 sections[section].id);
    if (*names == '\0')
        return;
    fputs("<p class=\"note\">Not measured here; to add one or all: <code>fiducial analyze FILE "
          "--only ",
          page);
    output_html(page, names);
    fputs("</code>, then <code>fiducial report FILE</code>.</p>\n", page);
}

static void write_making(FILE *page, const Report *report, Arena *arena) {
    fputs("<h2 id=\"making\">What it was made with</h2>\n<dl>\n", page);
    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
        write_fact(page, report, i, arena);
    const char *start = "", *end = "";
    for (size_t r = 0; r < report->run_count; r++) {
        const RunFacts *run = &report->runs[r].facts;
        if (*run->start_time != '\0' && (*start == '\0' || strcmp(run->start_time, start) < 0))
            start = run->start_time;
        if (strcmp(run->end_time, end) > 0)
            end = run->end_time;
    }
    if (*start != '\0') {
        fputs("<dt>Trained</dt><dd>", page);
        output_html(page, start);
        fputs(" to ", page);
        output_html(page, *end != '\0' ? end : "now");
        fputs("</dd>\n", page);
    }
    fputs("</dl>\n", page);
}

static void write_appendix(FILE *page, const Report *report) {
    fputs("<h2 id=\"yaml\">The experiment</h2>\n<pre>", page);
    output_html(page, report->job->experiment_yaml);
    fputs(
        "</pre>\n<p class=\"note\">Each run’s <code>run.h5</code> keeps its own resolved YAML, "
        "with "
        "every default, in the attribute <code>experiment_yaml</code>.</p>\n"
        "<h2 id=\"redraw\">To redraw a figure</h2>\n"
        "<p>Each figure stands in <code>figures/</code> with the data that it draws (csv) and its "
        "gnuplot script (gp), which can be changed and run again by hand:</p>\n"
        "<pre>cd figures\ngnuplot importance.gp</pre>\n"
        "<p class=\"note\">The blank lines of a figure’s csv part its curves; programs that read "
        "tables skip them. <a href=\"summary.csv\">summary.csv</a> holds every scalar of every "
        "run, step, layer and head, one per row; low and high are the 95 % bootstrap interval over "
        "the probe’s samples of what is a mean over them.</p>\n",
        page);
}

Status html_write(const Report *report, const FigureResult *results, Error *error) {
    Arena arena = arena_create("report.html");
    OutputFile file;
    Status status =
        output_open(&file, arena_format(&arena, "%s/report.html", report->job->directory), error);
    if (status == STATUS_OK) {
        FILE *page = file.stream;
        write_head(page, report);
        html_findings(page, report, &arena);
        html_frames_in_words(page, report, &arena);
        write_figure(page, report, &results[0], &arena);
        for (int section = 0; section < SECTIONS; section++)
            write_section(page, report, (SectionKind)section, results, &arena);
        write_not_measured(page, report, &arena);
        html_metrics(page, report, &arena);
        html_comparisons(page, &report->tables->comparisons);
        html_runs(page, report);
        write_making(page, report, &arena);
        write_appendix(page, report);
        fputs("</main>\n</body>\n</html>\n", page);
        status = output_commit(&file, error);
    }
    arena_destroy(&arena);
    return status;
}
