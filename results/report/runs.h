/* What the report reads of a run: the index of its analysis.h5, its training log and its
   provenance. Values are read when they are asked for, as double; NaN where not defined (also for
   the −1 of labels and indices). A run whose files cannot be read is kept, with the reason. */
#ifndef FIDUCIAL_REPORT_RUNS_H
#define FIDUCIAL_REPORT_RUNS_H

#include "model/base/arena.h"
#include "results/report/report.h"
#include "train/storage.h"

#include <stdbool.h>

enum { RANK_LARGEST = 6 };

typedef struct Dimension {
    const char *name; /* "step", "layer", "head", "position", "threshold" … */
    int length;
    double *values;            /* [length] coordinates */
    const char *const *labels; /* [length] or NULL */
    haddr_t address;           /* of its scale in the file, by which variables refer to it */
} Dimension;

/* A variable of analysis.h5. */
typedef struct Dataset {
    const char *name;
    int rank;
    const Dimension *dimensions[RANK_LARGEST];
    bool has_interval; /* <name>_low and <name>_high exist */
    bool has_samples;  /* /samples/<name> exists: [step][sample] and the dimensions after step */
    int samples;       /* their number */
    bool companion;    /* is itself the _std, _low, _high or _count of another variable */
    bool label;        /* holds whole numbers: labels or indices */
} Dataset;

/* Texts "" and numbers 0 where the run's file does not say. */
typedef struct RunFacts {
    const char *program_version, *git_revision, *blas_core, *host_cpu;
    const char *start_time, *end_time;
    const char *data_sha256; /* of the files it was trained on; "" for none */
    int64_t threads;
    int64_t vocabulary, parameters; /* tokens known to the model; trained numbers */
    int64_t steps, tokens;          /* finished training steps; training tokens seen by then */
    int64_t probe_samples, probe_length;
    uint64_t probe; /* checksum of its inputs and targets */
} RunFacts;

typedef struct RunData {
    const ReportRun *run;
    int group;       /* index into Report.groups */
    int *sink_heads; /* [layers] the strongest head (groups.h) of each; NULL where not analysed */
    bool analyzed;   /* analysis.h5 is there, sound and used */
    const char *reason; /* why not, else "" */
    hid_t file;         /* analysis.h5, open while the report is made; −1: opened for each read */
    const char *path;   /* of analysis.h5 */
    Dataset *datasets;  /* by name, ascending */
    size_t dataset_count;
    Dimension *dimensions;
    size_t dimension_count;
    RunFacts facts;
} RunData;

/* Reads the index; never fails: what is wrong with the run is in data->reason. keep_open: whether
   the file stays open (a process may hold some thousand files at most). */
void run_read(const ReportRun *run, bool keep_open, Arena *arena, RunData *data);

void run_close(RunData *data);

/* The variable called name, or NULL (also where the run is not analysed). */
const Dataset *run_dataset(const RunData *data, const char *name);

/* The dimension called name, or NULL. */
const Dimension *run_dimension(const RunData *data, const char *name);

/* Why a variable's values may be missing, from its attribute: "there are fewer than three layers";
   "" where it does not say. */
const char *run_undefined(const RunData *data, const char *name, Arena *arena);

/* Position of a dimension among the dataset's, −1 for none. */
int dataset_axis(const Dataset *dataset, const char *dimension);

/* Which part of a dataset to read: for each dimension an index, or −1 for all of it. */
typedef struct Selection {
    int index[RANK_LARGEST];
} Selection;

Selection selection_all(void);

/* Fixes a dimension at an index, or at the coordinate that equals value (to 1e-9 relative). False
   where the dataset has no such dimension or coordinate. */
bool selection_index(Selection *selection, const Dataset *dataset, const char *dimension,
                     int index);
bool selection_value(Selection *selection, const Dataset *dataset, const char *dimension,
                     double value);

/* Number of values that a selection names. */
size_t selection_count(const Dataset *dataset, const Selection *selection);

/* Reads the selected values, in order, into memory of arena. suffix: "" for the variable itself,
   "_low",
   "_high", "_std" for its companions. NULL where the companion is missing or cannot be read. */
double *dataset_read(const RunData *data, const Dataset *dataset, const char *suffix,
                     const Selection *selection, Arena *arena);

/* Per-sample values /samples/<name> [step][sample] at a selection that fixes every dimension but
   step; *samples is their number. NULL where they were not kept. */
double *dataset_read_samples(const RunData *data, const Dataset *dataset,
                             const Selection *selection, int *samples, Arena *arena);

/* The training log: steps and losses, count of them. False where run.h5 has none. */
bool run_read_losses(const RunData *data, Arena *arena, size_t *count, double **steps,
                     double **losses);

#endif
