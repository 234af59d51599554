/* Groups of runs that differ in the seed alone, and what is computed over their seeds. A group is
   drawn in the same colour and dash everywhere. */
#ifndef FIDUCIAL_REPORT_GROUPS_H
#define FIDUCIAL_REPORT_GROUPS_H

#include "results/report/runs.h"

/* Okabe and Ito's palette for all kinds of colour vision, without its yellow (too pale on white).
 */
enum { COLOURS = 7, DASHES = 5 };

typedef struct Group {
    const char *label;               /* its swept values, short */
    const char *const *swept_values; /* [job->swept_count] */
    const RunData **runs;            /* the analysed ones, as the job orders them */
    size_t run_count;
    size_t all_runs;           /* with those that failed or wait */
    const char *colour;        /* "#0072b2" */
    const char *dash;          /* gnuplot dash type: "1" = solid */
    int layers, heads, length; /* of the analysis; 0 where not known */
    /* The sinking layer: that of the largest importance of the first position, in each run's
       strongest head there and at its last step, mean over seeds; each run's head is its own
       (RunData.sink_heads): heads of one number have nothing in common between seeds. Not known
       (false; layer 0) where the sinks were not analysed. */
    bool sink_known;
    int sink_layer;
    bool mixed_data; /* its runs were trained on files of different bytes: no seeds of one thing */
} Group;

typedef struct Report {
    const ReportJob *job;
    Arena *arena; /* lives as long as the report is made */
    RunData *runs;
    size_t run_count, analyzed_count;
    Group *groups;
    size_t group_count;
    bool same_shape;                   /* all groups have the same layers and heads */
    bool row_sums;                     /* rows of attention do not sum to 1 in some run */
    int layers, heads;                 /* the largest */
    const struct ReportTables *tables; /* tables.h; NULL until they are made */
} Report;

/* Reads every run's index and forms the groups. report_read never fails: unreadable runs are kept
   with their reason. Close with report_close, which leaves the arena. */
void report_read(const ReportJob *job, Arena *arena, Report *report);
void report_close(Report *report);

/* A variable of analysis.h5 with its axes other than step, layer and head fixed at coordinates. */
enum { COORDINATES_LARGEST = 2 };

typedef struct Coordinate {
    const char *axis; /* NULL: not used */
    double value;
} Coordinate;

typedef struct Quantity {
    const char *variable;
    Coordinate at[COORDINATES_LARGEST];
} Quantity;

/* The attention that the first token receives: the report's main quantity. By the second sinking
   heads are chosen: the same where rows are scaled to sum 1, so that layers and heads compare
   whatever their rows sum to. */
extern const Quantity bos_importance, bos_share;

/* One run's values by step. Arrays [count]; low and high are the run's own 95 % interval over
   samples and deviation its standard deviation over them, or NULL. */
typedef struct Series {
    int count;
    double *step, *value, *low, *high, *deviation;
} Series;

/* In place of a head: of each run its own strongest head of the layer. */
enum { SINKING_HEAD = -1 };

/* False where the run lacks the variable, the coordinate, the layer or the head. layer and head are
   not looked at where the variable has no such axis. head: SINKING_HEAD, here and below, for the
   run's own. */
bool series_read(const RunData *run, const Quantity *quantity, int layer, int head, Arena *arena,
                 Series *series);

/* The same per probe sample, [step][sample]; NULL where these were not kept. */
double *series_read_samples(const RunData *run, const Quantity *quantity, int layer, int head,
                            int *samples, Arena *arena);

/* The quantity's null, on uniform attention under the same mask; NaN where it has none. */
double quantity_null(const Group *group, const Quantity *quantity, int layer, int head,
                     Arena *arena);

/* Whether two nulls are one but for rounding (1e-6 of the larger), or neither is known. */
bool same_null(double first, double second);

/* What a band over a group's seeds shows. */
typedef enum BandKind {
    BAND_NONE,    /* one seed, no interval over samples */
    BAND_SAMPLES, /* one seed: its 95 % bootstrap interval over samples */
    BAND_RANGE,   /* two to four seeds: least to largest */
    BAND_SEEDS,   /* five or more: 95 % percentile bootstrap of the mean over seeds */
} BandKind;

/* A group's values by step: the mean over the seeds that have the step and are not NaN there. */
typedef struct Curve {
    int count;
    double *step, *mean, *low, *high; /* NaN where no seed is defined; low, high NaN for no band */
    int *seeds;
    BandKind band; /* the widest kind that occurs */
} Curve;

bool curve_read(const Group *group, const Quantity *quantity, int layer, int head, Arena *arena,
                Curve *curve);

/* The curve over given series, one per seed. */
void curve_over_seeds(const Series *series, size_t count, Arena *arena, Curve *curve);

/* Mean and interval of values [count] over seeds, NaN left out; returns how many were not. */
int interval_over_seeds(const double *values, int count, double *mean, double *low, double *high);

/* "range over 3 seeds", … for captions; "" for BAND_NONE. Says what the bands of all groups' curves
   are: bit (1 << BandKind) of kinds. */
const char *bands_text(unsigned kinds, Arena *arena);

/* What a run's group is called: "rope, width 64". Words stand for themselves, numbers and switches
   with their key, and so do words beside which a key can be off too ("gate head"). Not said are
   keys that the run was not given (unless it was given none), what is off beside something that is
   not, and a word that two neighbouring keys share (a causal mask and the causal objective) a
   second time. Without swept keys the experiment's name. */
const char *group_label(const ReportJob *job, const ReportRun *run, Arena *arena);

/* " under alibi", " with width 64" for sentences; "" where nothing is swept. */
const char *group_phrase(const Report *report, const Group *group, Arena *arena);

/* "layer 1, head 0", without the head where the model has but one. */
const char *head_text(const Group *group, int layer, int head, Arena *arena);

/* The heads that are its runs' own, "0", or "0, 3, 1" in the order of its runs where they
   differ. */
const char *sinking_heads(const Group *group, const char *separator, Arena *arena);

/* Where the group sinks: "layer 1, head 0" or, where its runs differ, "layer 1, heads 0, 3, 1 by
   seed"; without the heads where the model has but one or with_heads is false. */
const char *sinking_text(const Group *group, bool with_heads, Arena *arena);

#endif
