/* Ctrl-C: the first asks to finish the step and save, the second ends at once. State that signal
   handlers share is here and in run_lock.c, and nowhere else. */
#ifndef FIDUCIAL_RUNNER_STOP_SIGNAL_H
#define FIDUCIAL_RUNNER_STOP_SIGNAL_H

#include <signal.h>

/* Before anything is written: a file-size limit is an error of write, as a full disk is. */
void stop_signal_begin(void);

/* In the process that the terminal talks to: SIGINT, SIGTERM and SIGHUP count how often. */
const volatile sig_atomic_t *stop_signal_parent(void);

/* As it was before stop_signal_parent, once no worker is left: Ctrl-C ends the process. */
void stop_signal_default(void);

/* Holds those signals back around a fork, so that none is lost between parent and child; the parent
   lets them through again with release, the worker by stop_signal_worker. */
void stop_signal_hold(void);
void stop_signal_release(void);

/* In a worker: SIGINT (which the terminal sends to every process) is left to the parent, which
   passes it on as SIGTERM; a second SIGTERM ends the process. Ends with the parent. */
const volatile sig_atomic_t *stop_signal_worker(void);

/* The worker asks itself to stop; may be called by a signal handler. */
void stop_signal_request(void);

#endif
