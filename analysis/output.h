/* The arrays of analysis.h5 and their way into the file. What has an axis over the steps is written
   one step after the other, as soon as it is made, and so never held for more than one step; the
   rest is held until the file is finished. */
#ifndef FIDUCIAL_ANALYSIS_OUTPUT_H
#define FIDUCIAL_ANALYSIS_OUTPUT_H

#include "analysis/analysis.h"
#include "train/storage.h"

enum { OUTPUT_RANK_LARGEST = AXES_LARGEST + 2 };

typedef enum OutputType {
    OUTPUT_REAL,    /* float64 */
    OUTPUT_SINGLE,  /* float32 */
    OUTPUT_INTEGER, /* int32; NaN becomes −1 */
} OutputType;

typedef struct Output {
    const char *name; /* path in the file; below "samples/" for per-sample values */
    const char *long_name, *units, *source, *undefined;
    const char *analysis; /* to which it belongs; NULL: to none alone */
    OutputType type;
    int rank;
    const Axis *axes[OUTPUT_RANK_LARGEST];
    bool by_step;             /* its first axis is the steps */
    size_t count;             /* product of the axes, but for the steps */
    double *values;           /* [count]: of the step at hand, or all */
    const Variable *variable; /* samples: of which variable these are the per-sample values */
    bool has_usual;           /* of integers by step: left out where all of them are `usual` */
    int32_t usual;
    hid_t dataset; /* by step: open while the file is written; 0 for none */
} Output;

typedef struct OutputList {
    Output **items;
    size_t count, capacity;
    const Axis *step;  /* set before anything is added */
    Arena *arena;      /* owns the arrays */
    size_t taken_over; /* bytes, about, that others will write into the file as well */
    StorageWriter writer;
    ScaleLinks links;
} OutputList;

/* Copies output, makes its array (all NaN) and returns the copy, which does not move. */
Output *output_add(OutputList *list, Output output);

/* An output like variable: its texts, type and axes behind the leading ones (NULL: none). */
Output output_like(const Variable *variable, const Axis *first, const Axis *second);

/* Starts the file at path: on disk, under a temporary name, with room for the outputs that are
   there and for further ones once per run. */
Status outputs_begin(OutputList *list, const char *path, Error *error);

/* How much there is to write. */
typedef struct OutputSize {
    double datasets, values; /* their number; bytes of what they hold */
} OutputSize;

/* Of the outputs that are there, but those that are usually left out. */
OutputSize outputs_size(const OutputList *list);

/* Bytes of a file of that size. */
double output_file_bytes(OutputSize size);

/* Writes what the outputs by step hold as their entry `step`; steps come in order from 0. */
Status outputs_write_step(OutputList *list, size_t step, Error *error);

/* Reads what an output by step held at an earlier step: values [count] as written. */
Status output_read_step(const Output *output, size_t step, double *values, Error *error);

/* A text of the file itself, beside its variables. */
typedef struct OutputText {
    const char *name, *text;
} OutputText;

/* Texts along an axis: a dataset of strings. */
typedef struct OutputLabels {
    const char *name, *long_name;
    const Axis *axis;
    const char *const *texts; /* [axis->length] */
} OutputLabels;

typedef struct OutputEnd {
    const OutputLabels *labels;
    size_t label_count;
    const OutputText *texts; /* root attributes */
    size_t text_count;
} OutputEnd;

/* After the last step: writes all else and puts the file in its place. Every axis in use has its
   dimension scale, so that h5py and xarray (engine h5netcdf) find names and coordinates. */
Status outputs_finish(OutputList *list, const OutputEnd *end, Error *error);

/* Removes an unfinished file; nothing where there is none. */
void outputs_abandon(OutputList *list);

#endif
