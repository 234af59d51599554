/* Calls the program's statistics for an outside oracle: each line of standard input is a function
   and its numbers, samples with their number in front; the answer is one line of numbers. usage:
   call_statistics */
#include "analysis/hypothesis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBERS_LARGEST = 4096, LINE_LARGEST = 1 << 17 };

/* Numbers of one line that are still to be used. */
typedef struct Line {
    double numbers[NUMBERS_LARGEST];
    size_t count, used;
    Arena *arena;
} Line;

static double take(Line *line) {
    if (line->used == line->count) {
        fprintf(stderr, "call_statistics: a line is too short\n");
        exit(STATUS_BAD_INPUT);
    }
    return line->numbers[line->used++];
}

static double *take_sample(Line *line, size_t count) {
    double *values = ARENA_ARRAY(line->arena, double, count);
    for (size_t i = 0; i < count; i++)
        values[i] = take(line);
    return values;
}

static void answer(const double *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        printf("%.17g%c", values[i], i + 1 < count ? ' ' : '\n');
}

static void call_samples(const char *name, Line *line) {
    size_t count = (size_t)take(line);
    const double *x = take_sample(line, count);
    if (strcmp(name, "ranks") == 0 || strcmp(name, "holm") == 0) {
        double *result = ARENA_ARRAY(line->arena, double, count);
        if (strcmp(name, "ranks") == 0)
            mean_ranks(x, count, result, line->arena);
        else
            holm_adjust(x, count, result, line->arena);
        answer(result, count);
        return;
    }
    const double *y = take_sample(line, count);
    if (strcmp(name, "paired") == 0) {
        PairedTest test = paired_test(x, y, count, line->arena);
        answer((double[]){test.t, test.p, test.effect, test.low, test.high}, 5);
    } else if (strcmp(name, "permuted") == 0) {
        answer((double[]){correlation_permuted_p(x, y, count, line->arena)}, 1);
    } else {
        Correlation result = strcmp(name, "pearson") == 0
                                 ? correlation_pearson(x, y, count, line->arena)
                                 : correlation_spearman(x, y, count, line->arena);
        answer((double[]){result.value, result.p}, 2);
    }
}

/* Two samples, each with its number in front. */
static void call_groups(const char *name, Line *line) {
    size_t first = (size_t)take(line);
    const double *x = take_sample(line, first);
    size_t second = (size_t)take(line);
    const double *y = take_sample(line, second);
    UnpairedTest test = unpaired_test(x, first, y, second, line->arena);
    if (strcmp(name, "dealt") == 0)
        answer((double[]){test.exact_p}, 1);
    else
        answer((double[]){test.t, test.degrees, test.p, test.effect, test.low, test.high}, 6);
}

static void call(const char *name, Line *line) {
    if (strcmp(name, "noncentral_t") == 0) {
        double t = take(line), degrees = take(line), noncentrality = take(line);
        answer((double[]){noncentral_t(t, degrees, noncentrality, line->arena)}, 1);
    } else if (strcmp(name, "student") == 0) {
        double t = take(line), degrees = take(line);
        answer((double[]){student_two_sided(t, degrees)}, 1);
    } else if (strcmp(name, "beta") == 0) {
        double a = take(line), b = take(line), x = take(line);
        answer((double[]){incomplete_beta(a, b, x)}, 1);
    } else if (strcmp(name, "quantile") == 0) {
        double q = take(line);
        size_t count = (size_t)take(line);
        answer((double[]){quantile(take_sample(line, count), count, q)}, 1);
    } else if (strcmp(name, "groups") == 0 || strcmp(name, "dealt") == 0) {
        call_groups(name, line);
    } else {
        call_samples(name, line);
    }
}

int main(void) {
    static char text[LINE_LARGEST];
    static Line line;
    while (fgets(text, sizeof text, stdin) != NULL) {
        Arena arena = arena_create("a call");
        line.arena = &arena;
        line.count = line.used = 0;
        const char *name = strtok(text, " \n");
        for (char *word; name != NULL && (word = strtok(NULL, " \n")) != NULL;)
            if (line.count < NUMBERS_LARGEST)
                line.numbers[line.count++] = strtod(word, NULL);
        if (name != NULL)
            call(name, &line);
        arena_destroy(&arena);
    }
    return 0;
}
