#include "experiments/runner/stop_signal.h"

#include "model/base/error.h"

#include <stddef.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

static volatile sig_atomic_t requests;

static void count_request(int signal_number) {
    (void)signal_number;
    requests++;
}

static void count_or_end(int signal_number) {
    (void)signal_number;
    if (++requests > 1)
        _exit(STATUS_INTERRUPTED);
}

static void handle(int signal_number, void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(signal_number, &action, NULL);
}

/* nohup wants SIGHUP to stay without effect. */
static void handle_hangup(void (*handler)(int)) {
    struct sigaction before;
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
        handle(SIGHUP, handler);
}

void stop_signal_begin(void) {
    handle(SIGXFSZ, SIG_IGN);
}

const volatile sig_atomic_t *stop_signal_parent(void) {
    handle(SIGINT, count_request);
    handle(SIGTERM, count_request);
    handle_hangup(count_request);
    handle(SIGPIPE, SIG_IGN);
    return &requests;
}

void stop_signal_default(void) {
    handle(SIGINT, SIG_DFL);
    handle(SIGTERM, SIG_DFL);
    handle_hangup(SIG_DFL);
    handle(SIGPIPE, SIG_DFL);
}

static void mask(int how) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(how, &set, NULL);
}

void stop_signal_hold(void) {
    mask(SIG_BLOCK);
}

void stop_signal_release(void) {
    mask(SIG_UNBLOCK);
}

const volatile sig_atomic_t *stop_signal_worker(void) {
    requests = 0;
    handle(SIGINT, SIG_IGN);
    handle(SIGHUP, SIG_IGN);
    handle(SIGTERM, count_or_end);
    handle(SIGPIPE, SIG_IGN);
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGTERM);
#endif
    stop_signal_release();
    return &requests;
}

void stop_signal_request(void) {
    requests++;
}
