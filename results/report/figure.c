#include "results/report/figure.h"

#include "model/base/log.h"
#include "results/report/gnuplot.h"
#include "train/storage.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

double step_place(double step) {
    return step < 0.5 ? 0.5 : step;
}

/* Width of a character in DejaVu Sans, in font sizes, by its first byte; the later bytes of a UTF-8
   character take no place of their own. */
static double character_width(char byte) {
    if (((unsigned char)byte & 0xC0) == 0x80)
        return 0;
    if (byte != '\0' && strchr("iljI.,:;'|! ", byte) != NULL)
        return 0.3;
    if (byte != '\0' && strchr("ftr()[]-/", byte) != NULL)
        return 0.4;
    if (byte != '\0' && strchr("mwMW@%", byte) != NULL)
        return 0.95;
    return 0.63;
}

double text_width(const char *text) {
    double width = 0;
    for (; *text != '\0'; text++)
        width += character_width(*text);
    return width * FIGURE_FONT;
}

const char *text_fit(const char *text, double width, Arena *arena) {
    double used = text_width("…");
    const char *end = text;
    if (text_width(text) <= width)
        return text;
    while (*end != '\0' && used + character_width(*end) * FIGURE_FONT <= width)
        used += character_width(*end++) * FIGURE_FONT;
    return arena_format(arena, "%.*s…", (int)(end - text), text);
}

void script_look(FILE *script) {
    fputs("set border 3 lw 1 lc rgb '#404040'\n"
          "set grid lt 1 lw 0.6 lc rgb '#e4e4e4'\n"
          "set tics out nomirror scale 0.5, 0.25 textcolor rgb '#202020'\n"
          "unset key\n",
          script);
}

/* Ticks at the powers of ten and, between them, unlabelled ones at their multiples. */
void script_step_axis(FILE *script, double first_step, double last_step, bool sparse) {
    char text[NUMBER_TEXT_BYTES];
    if (!isfinite(first_step) || !isfinite(last_step)) /* nothing to draw; an axis all the same */
        first_step = 0, last_step = 1;
    double left = step_place(first_step), right = last_step > left ? last_step : 2 * left;
    fprintf(script, "set logscale x 10\nset xrange [%.9g:%.9g]\nset xtics (", left,
            right * pow(right / left, 0.015));
    const char *separator = "";
    if (first_step < 0.5) {
        fputs("'0' 0.5", script);
        separator = ", ";
    }
    for (double power = 1; power <= right; power *= 10)
        for (int multiple = 1; multiple < 10 && multiple * power <= right; multiple++) {
            double step = multiple * power;
            if (step < left)
                continue;
            bool labelled = multiple == 1 && (!sparse || right < 1e5 || (int)log10(power) % 2 == 0);
            if (power >= 1e6)
                snprintf(text, sizeof(text), "%gM", step / 1e6);
            else if (power >= 1e4 || (sparse && power >= 1e3))
                snprintf(text, sizeof(text), "%gk", step / 1e3);
            else
                integer_text((long long)step, text);
            fprintf(script, "%s'%s' %.9g %d", separator, labelled ? text : "", step, !labelled);
            separator = ", ";
        }
    fputs(")\n", script);
}

void script_place(FILE *script, const Drawing *drawing, double left, double top, double right,
                  double bottom) {
    fprintf(script,
            "set lmargin at screen %.5f\nset rmargin at screen %.5f\n"
            "set tmargin at screen %.5f\nset bmargin at screen %.5f\n",
            left / drawing->width, right / drawing->width, 1 - top / drawing->height,
            1 - bottom / drawing->height);
}

void script_label(FILE *script, const Drawing *drawing, const char *text, double x, double y,
                  const char *align, const char *more) {
    fputs("set label ", script);
    output_gnuplot_text(script, text);
    fprintf(script, " at screen %.5f,%.5f %s front textcolor rgb '#202020' %s\n",
            x / drawing->width, 1 - y / drawing->height, align, more);
}

void script_palette(FILE *script) {
    fputs("set palette defined (0 '#f4f6fa', 0.2 '#c6dbef', 0.4 '#85b8d9', 0.6 '#3f8fc4', "
          "0.8 '#1a5a9c', 1 '#081d4a')\n",
          script);
}

/* The commands around a drawing: the same picture three times. */
static void write_script(FILE *script, const Figure *figure, const Drawing *drawing,
                         const char *body) {
    double width = drawing->width / 96.0, height = drawing->height / 96.0;
    fprintf(script,
            "# %s\n# Draws %s.csv as %s.svg, %s.png and %s.pdf. By hand, in this folder:\n"
            "#     gnuplot %s.gp\n"
            "set encoding utf8\n"
            "set datafile separator comma\n"
            "do for [format in 'svg png pdf'] {\n"
            "if (format eq 'svg') { set terminal svg noenhanced size %d,%d font 'DejaVu Sans,%d' "
            "background 'white' }\n"
            "if (format eq 'png') { set terminal pngcairo noenhanced size %d,%d font "
            "'DejaVu Sans,%g' fontscale 2 linewidth 2 pointscale 2 background 'white' }\n"
            "if (format eq 'pdf') { set terminal pdfcairo noenhanced size %.3fin,%.3fin font "
            "'DejaVu Sans,%g' fontscale 0.75 linewidth 1.5 pointscale 1.1 background 'white' }\n"
            "set output '%s.'.format\n",
            figure->title, figure->name, figure->name, figure->name, figure->name, figure->name,
            drawing->width, drawing->height, FIGURE_FONT, drawing->width * 2, drawing->height * 2,
            FIGURE_FONT * 0.75, width, height, FIGURE_FONT * 0.75, figure->name);
    fputs(body, script);
    fputs("unset output\n}\n", script);
}

/* Draws into memory for the script, whose head needs the size, and into the data file. */
static Status write_files(const Report *report, const Figure *figure, const char *directory,
                          Arena *arena, Drawing *drawing, Error *error) {
    OutputFile data = {0}, script = {0};
    char *body = NULL;
    size_t body_bytes = 0;
    const char *stem = arena_format(arena, "%s/%s", directory, figure->name);
    TRY(output_open(&data, arena_format(arena, "%s.csv", stem), error));
    FILE *memory = open_memstream(&body, &body_bytes);
    if (memory == NULL) {
        output_abandon(&data);
        return error_errno(error, STATUS_FAILED, "%s: cannot draw", stem);
    }
    *drawing = (Drawing){.data = data.stream, .script = memory, .caption = ""};
    figure->draw(report, figure, arena, drawing);
    bool kept = fclose(memory) == 0;
    Status status = STATUS_OK;
    if (!kept)
        status = error_errno(error, STATUS_FAILED, "%s: cannot draw", stem);
    if (status == STATUS_OK && drawing->missing == NULL) {
        status = output_commit(&data, error);
        if (status == STATUS_OK)
            status = output_open(&script, arena_format(arena, "%s.gp", stem), error);
        if (status == STATUS_OK) {
            write_script(script.stream, figure, drawing, body);
            status = output_commit(&script, error);
        }
    }
    output_abandon(&data);
    free(body);
    return status;
}

/* Removes what an earlier report drew, so that no old picture stands beside new data. */
static void remove_old(const Figure *figure, const char *directory, Arena *arena) {
    static const char *const endings[] = {"csv", "gp", "svg", "png", "pdf"};
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
        unlink(arena_format(arena, "%s/%s.%s", directory, figure->name, endings[i]));
}

bool section_held(const Report *report, SectionKind section) {
    const char *variable = sections[section].variable;
    bool held = variable == NULL;
    for (size_t r = 0; r < report->run_count && !held; r++)
        held = report->runs[r].analyzed && run_dataset(&report->runs[r], variable) != NULL;
    return held;
}

Status figure_write(const Report *report, const Figure *figure, const char *directory, Arena *arena,
                    FigureResult *result, Error *error) {
    Arena scratch = arena_create("figure");
    Drawing drawing;
    Error failure;
    *result = (FigureResult){.figure = figure, .caption = ""};
    Status status = write_files(report, figure, directory, &scratch, &drawing, error);
    if (status == STATUS_OK && drawing.missing != NULL)
        result->missing = arena_string(arena, drawing.missing);
    result->redundant = status == STATUS_OK && drawing.redundant;
    if (status == STATUS_OK)
        result->caption = arena_string(arena, drawing.caption);
    bool draw = status == STATUS_OK && drawing.missing == NULL;
    if (draw && !gnuplot_found()) {
        result->problem = "gnuplot is not installed";
    } else if (draw && gnuplot_run(directory, arena_format(&scratch, "%s.gp", figure->name),
                                   &failure) != STATUS_OK) {
        log_line(LOG_WARNING, "%s", failure.message);
        result->problem = arena_string(arena, failure.message);
    }
    arena_destroy(&scratch);
    return status;
}

Status figures_write(const Report *report, Arena *arena, FigureResult *results, Error *error) {
    const char *directory = arena_format(arena, "%s/figures", report->job->directory);
    TRY(storage_make_directory(directory, error));
    if (!gnuplot_found())
        log_line(
            LOG_WARNING,
            "gnuplot is not installed: %s holds the figures' data and scripts, but no pictures "
            "(install gnuplot-nox, then make the report again)",
            directory);
    for (size_t i = 0; i < figure_count; i++) {
        remove_old(&figures[i], directory, arena);
        results[i] = (FigureResult){
            .figure = &figures[i], .caption = "", .missing = "this analysis was not made"};
        if (section_held(report, figures[i].section))
            TRY(figure_write(report, &figures[i], directory, arena, &results[i], error));
    }
    return STATUS_OK;
}
