/* How far a run is, from its folder alone. */
#ifndef FIDUCIAL_RUNNER_RUN_STATE_H
#define FIDUCIAL_RUNNER_RUN_STATE_H

#include "experiments/runner/run_lock.h"
#include "experiments/runner/sweep.h"

typedef enum RunPhase {
    RUN_WAITING,     /* nothing there yet */
    RUN_RUNNING,     /* a process works on it now */
    RUN_INTERRUPTED, /* begun; the next `fiducial run` goes on */
    RUN_FAILED,
    RUN_TRAINED, /* not analysed yet, or not all that the file asks for */
    RUN_DONE,
    RUN_OTHER,      /* the folder holds a run of other settings */
    RUN_DAMAGED,    /* run.h5 is no whole file */
    RUN_UNREADABLE, /* the system does not open run.h5 */
    RUN_PHASES
} RunPhase;

typedef struct RunState {
    RunPhase phase;
    int64_t step;       /* running: as its process told; else as of the newest snapshot */
    double loss;        /* NaN where there is none */
    LockView worker;    /* who works on it */
    const char *reason; /* why failed, damaged or unreadable; else "" */
} RunState;

/* Reads the state of the run in directory; texts live in arena. */
RunState run_state_read(const PlannedRun *run, const char *directory, Arena *arena);

/* "done", "interrupted" … */
const char *run_phase_name(RunPhase phase);

#endif
