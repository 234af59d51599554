/* Whether the loss falls: tiny models trained by the real loop, from the same YAML as any run. The
   values that are tried come from the field tables, so that a new kind, choice or key is covered
   without an edit; what a value needs beside it stands in a test's notes. */
#ifndef FIDUCIAL_TESTS_LEARNING_H
#define FIDUCIAL_TESTS_LEARNING_H

#include <stdbool.h>
#include <stddef.h>

/* What the tables do not say of an axis. */
typedef struct AxisNote {
    const char *key;  /* dotted */
    const char *kind; /* of an option: whose it is; NULL: any kind's */
    const char
        *value; /* of a number or a text: one to try, a line for each; of a choice, a kind or a
                          switch: the one that the line is about. NULL: any */
    const char *with; /* "key=value; key=value": given beside it; NULL: nothing */
    bool no_axis;     /* nothing is tried */
} AxisNote;

typedef struct Learning {
    const char *folder; /* where base.yaml and data files lie, and runs are made */
    const AxisNote *notes;
    size_t note_count;
    size_t runs; /* trained so far */
} Learning;

/* Writes base.yaml into folder: two layers of width 16, 200 steps of 16 sequences of 16 tokens
   drawn from the English chain, AdamW. */
Learning learning_create(const char *folder, const AxisNote *notes, size_t note_count);

/* Losses of a run, in nats. */
typedef struct LearningCurve {
    double first;       /* of the first step: an untrained model's */
    double last;        /* mean of the last 20 steps */
    double last_noise;  /* standard error of that mean, σ/√20 with σ that of the last 20 */
    double fall_noise;  /* standard error of first − last, σ·√(1 + 1/20) */
    double frequencies; /* entropy of the targets' own frequencies */
} LearningCurve;

/* Trains the base with settings ("key=value; key=value", as with --set). Fails the running test
   where the settings are refused or the run fails. */
LearningCurve learning_train(Learning *learning, const char *settings);

/* The same, and whether the loss fell; why [400] receives the numbers.

   Fell: the mean loss of the last 20 steps is below the loss of the first by more than five
   standard errors of that difference (an untrained model is near uniform, so that its loss varies
   less from batch to batch than the last 20, whose σ is taken for both); and by at least half of
   the way down to the entropy of the targets' own frequencies, the first thing there is to
   learn. */
bool learning_fell(Learning *learning, const char *settings, char why[400]);

/* The same, failing the running test where it did not fall. */
void learning_check(Learning *learning, const char *settings);

/* learning_check of every value of every key below (or at) prefix, but those below a key of except
   (closed by NULL; may be NULL): both values of a switch, every choice, every kind; of numbers and
   texts those of the notes; of a number without a note one that is not its default. An option that
   several kinds share is tried with the first. */
void learning_check_axes(Learning *learning, const char *prefix, const char *const *except);

#endif
