/* fiducial doctor: what the program runs on, and what to do where that could be better. */
#include "experiments/runner/commands.h"
#include "experiments/runner/start.h"
#include "experiments/runner/version.h"
#include "model/base/host.h"
#include "model/base/threads.h"
#include "model/math/blas.h"
#include "model/math/kernels.h"

#include <cblas.h>
#include <hdf5.h>
#include <sleef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

static const double measure_seconds = 0.5;

enum { MEASURE_SIZE = 1024 };

/* GFLOP/s of one core below which even an old processor with the right kernels does not fall. */
static const double slow_gflops = 20;

static void print_libraries(void) {
    unsigned major, minor, release;
    H5get_libversion(&major, &minor, &release);
    printf("libraries\n");
    printf("  OpenBLAS      %s\n", openblas_get_config());
    printf("  HDF5          %u.%u.%u\n", major, minor, release);
    printf("  libyaml       %s\n", yaml_get_version_string());
    printf("  SLEEF         %d.%d.%d\n", SLEEF_VERSION_MAJOR, SLEEF_VERSION_MINOR,
           SLEEF_VERSION_PATCHLEVEL);
    printf("  OpenMP        specification of %d\n", _OPENMP);
}

/* The first line of what gnuplot says of itself; false where there is none. */
static bool print_gnuplot(void) {
    char line[128] = "";
    FILE *stream = popen("gnuplot --version 2>/dev/null", "r");
    bool found = stream != NULL && fgets(line, sizeof line, stream) != NULL;
    if (stream != NULL)
        pclose(stream);
    line[strcspn(line, "\n")] = '\0';
    printf("  gnuplot       %s\n",
           found ? line + (strncmp(line, "gnuplot ", 8) == 0 ? 8 : 0) : "not found");
    return found;
}

/* How long OpenMP's threads wait at full speed before they sleep. */
static void print_waiting(void) {
    const char *spins = getenv("GOMP_SPINCOUNT"), *policy = getenv("OMP_WAIT_POLICY");
    printf("  waiting       ");
    if (spins != NULL)
        printf("%s rounds (%s)\n", spins,
               start_has_set("GOMP_SPINCOUNT") ? "set at start" : "from GOMP_SPINCOUNT");
    else if (policy != NULL)
        printf("%s (from OMP_WAIT_POLICY)\n", policy);
    else
        printf("as OpenMP likes; beside busy programs GOMP_SPINCOUNT=30000 is faster\n");
}

static double print_machine(void) {
    char cpu[128];
    host_cpu_name(cpu);
    const char *chosen = getenv("OPENBLAS_CORETYPE");
    printf("machine\n");
    printf("  processor     %s\n", cpu);
    printf("  cores         %d for this process\n", threads_available());
    printf("  vectors       %s\n", kernels()->name);
    printf("  OpenBLAS core %s%s\n", blas_core_name(),
           start_has_set("OPENBLAS_CORETYPE") ? " (corrected at start)"
           : chosen != NULL                   ? " (from OPENBLAS_CORETYPE)"
                                              : "");
    print_waiting();
    double gflops = blas_measure_sgemm(MEASURE_SIZE, measure_seconds);
    printf("  SGEMM %d³   %.0f GFLOP/s on one core\n", MEASURE_SIZE, gflops);
    return gflops;
}

Status command_doctor(const CommandLine *line, Arena *arena, Error *error) {
    (void)line, (void)arena, (void)error;
    printf("fiducial %s (%s)\n", program_version(), program_git_revision());
    print_libraries();
    bool gnuplot = print_gnuplot();
    double gflops = print_machine();
    const char *better = blas_better_core();
    printf("what to do\n");
    if (better != NULL)
        printf("  OpenBLAS uses its %s kernels where %s would be faster: run with "
               "OPENBLAS_CORETYPE=%s, or without that variable\n",
               blas_core_name(), better, better);
    if (!gnuplot)
        printf("  install gnuplot-nox for figures; without it only their data is written\n");
    if (better == NULL && !(gflops >= slow_gflops))
        printf("  %.0f GFLOP/s is slow: look for other load on the machine, or for a newer "
               "OpenBLAS\n",
               gflops);
    if (better == NULL && gnuplot && gflops >= slow_gflops)
        printf("  nothing, all is well\n");
    return STATUS_OK;
}
