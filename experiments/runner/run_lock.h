/* Which process works on a folder: a file `lock` in it, so that several `fiducial run` of one
   experiment, on one machine or over a shared folder, never do a run twice. The file names its
   owner (host, process, start of the process) and how far it is; its modification time is
   refreshed every few seconds. A lock whose owner is gone is taken over: on the same machine where
   the process no longer runs, on another where the file was not refreshed for LOCK_STALE_SECONDS.
   It is made by link(2) and taken over by rename(2), which are atomic on shared folders too. */
#ifndef FIDUCIAL_RUNNER_RUN_LOCK_H
#define FIDUCIAL_RUNNER_RUN_LOCK_H

#include "model/base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    LOCK_BEAT_SECONDS = 3,   /* between two refreshments */
    LOCK_STALE_SECONDS = 60, /* on another machine: without one for so long, the owner is gone */
    LOCK_PATH_BYTES = 4200,
};

/* How far the owner is, as far as it has told. */
typedef struct LockProgress {
    bool analyzing;
    int64_t done, total; /* steps or snapshots; total 0: nothing told yet */
    double loss, tokens_per_second;
} LockProgress;

/* A look at a folder's lock. */
typedef struct LockView {
    bool held;     /* by a process that lives */
    char host[96]; /* of the owner; "" where unknown */
    int64_t process;
    LockProgress progress;
} LockView;

typedef struct RunLock {
    int descriptor; /* −1: not held */
    off_t progress_offset;
    char directory[LOCK_PATH_BYTES];
} RunLock;

/* Who works on directory. Writes nothing. */
LockView run_lock_look(const char *directory);

/* Takes the lock of directory, which must exist, for this process. *taken = false and STATUS_OK
   where another process has it. One lock at a time: until its release a timer (SIGALRM) refreshes
   it. */
Status run_lock_take(const char *directory, RunLock *lock, bool *taken, Error *error);

/* The same, waiting until the lock is free. For short work only. */
Status run_lock_wait(const char *directory, RunLock *lock, Error *error);

/* Writes how far the work is into the lock. */
void run_lock_tell(const RunLock *lock, const LockProgress *progress);

/* Whether another process has taken the lock over because this one seemed gone (it slept); then
   stop_signal_request was called too. */
bool run_lock_lost(void);

/* The folder has been renamed while locked. */
void run_lock_moved(RunLock *lock, const char *directory);

/* Gives the lock up; nothing where it is not held. */
void run_lock_release(RunLock *lock);

#endif
