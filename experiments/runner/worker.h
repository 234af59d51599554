/* A worker is a child process that does one run and reports through a pipe. Whatever happens to it,
   only its run is lost. */
#ifndef FIDUCIAL_RUNNER_WORKER_H
#define FIDUCIAL_RUNNER_WORKER_H

#include "experiments/runner/sweep.h"

typedef enum Stage { STAGE_TRAIN = 1, STAGE_ANALYZE = 2, STAGE_REPORT = 4 } Stage;

typedef struct WorkerJob {
    const ExperimentFile *file;
    const PlannedRun *run;
    const char *directory; /* of the run */
    int stages;            /* Stage bits */
    int threads;
    bool retry;           /* also where the run failed before */
    const KindList *only; /* these analyses anew, and no others; NULL: those of the run */
} WorkerJob;

typedef enum MessageKind {
    MESSAGE_TRAINING, /* done of total steps, loss, tokens_per_second */
    MESSAGE_ANALYSIS, /* done of total snapshots */
    MESSAGE_LOG,      /* code: LogLevel; text */
    MESSAGE_BUSY,     /* instead of a result: another process works on the run */
    MESSAGE_RESULT,   /* code: Status; text: why, where not STATUS_OK */
} MessageKind;

/* As it goes through the pipe, followed by text_bytes of text. */
typedef struct MessageHead {
    int32_t kind, code;
    int64_t done, total;
    double loss, tokens_per_second;
    uint32_t text_bytes;
} MessageHead;

enum { MESSAGE_TEXT_LARGEST = 4096 };

/* Does the job in this process, telling it to pipe; returns the exit status. */
int worker_run(const WorkerJob *job, int pipe);

#endif
