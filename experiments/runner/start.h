/* Settings that libraries read from the environment, and only as the program starts: the kernels
   of OpenBLAS (see blas.h), and how long OpenMP's threads wait at full speed for one another before
   they sleep. GCC's default is some ten milliseconds, in which a thread that waits takes the
   processor from the thread it waits for wherever another program is at work too: two threads
   beside two busy programs were slower than one. */
#ifndef FIDUCIAL_RUNNER_START_H
#define FIDUCIAL_RUNNER_START_H

#include <stdbool.h>

/* First thing in main: sets what is better set and was not set by the user, and executes the
   program again, once. Returns where there is nothing to set, and where that cannot be done. */
void start_well(char **words);

/* Whether start_well has set this variable. */
bool start_has_set(const char *variable);

#endif
