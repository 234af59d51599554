/* The lock of a run's folder: one owner at a time, taken over where the owner is gone. */
#include "experiments/runner/run_lock.h"
#include "model/base/sha256.h"
#include "tests/support/scratch.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static bool take(const char *folder, RunLock *lock) {
    Error error = {.message = ""};
    bool taken;
    if (run_lock_take(folder, lock, &taken, &error) != STATUS_OK)
        fail_msg("%s", error.message);
    return taken;
}

/* What a child process does, as its exit status. */
static int in_child(int (*work)(const char *folder), const char *folder) {
    pid_t child = fork();
    if (child == 0)
        _exit(work(folder));
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int child_takes(const char *folder) {
    RunLock lock;
    bool taken;
    return run_lock_take(folder, &lock, &taken, NULL) == STATUS_OK && taken;
}

/* What stands in the lock's place and is none is named, not waited for. */
static void test_no_lock_file(void **state) {
    const char *folder = *state, *path = scratch_path(state, "lock");
    RunLock lock;
    Error error = {.message = ""};
    bool taken = true;
    assert_int_equal(mkdir(path, 0777), 0);
    assert_int_equal(run_lock_take(folder, &lock, &taken, &error), STATUS_FAILED);
    assert_false(taken);
    if (strstr(error.message, "Is a directory") == NULL)
        fail_msg("%s", error.message);
    assert_int_equal(rmdir(path), 0);
    assert_true(take(folder, &lock));
    run_lock_release(&lock);
}

static void test_one_owner(void **state) {
    const char *folder = *state;
    RunLock lock;
    assert_false(run_lock_look(folder).held);
    assert_true(take(folder, &lock));
    const LockView view = run_lock_look(folder);
    assert_true(view.held);
    assert_int_equal(view.process, getpid());
    assert_int_equal(view.progress.total, 0);
    assert_int_equal(in_child(child_takes, folder), 0);
    run_lock_release(&lock);
    assert_false(run_lock_look(folder).held);
    assert_false(scratch_exists(scratch_path(state, "lock")));
    assert_true(take(folder, &lock));
    run_lock_release(&lock);
    run_lock_release(&lock);
}

static void test_progress(void **state) {
    RunLock lock;
    assert_true(take(*state, &lock));
    run_lock_tell(&lock,
                  &(LockProgress){.done = 12, .total = 345, .loss = 2.5, .tokens_per_second = 1e6});
    LockProgress told = run_lock_look(*state).progress;
    assert_int_equal(told.done, 12);
    assert_int_equal(told.total, 345);
    assert_true(told.loss == 2.5 && told.tokens_per_second == 1e6 && !told.analyzing);
    run_lock_tell(&lock, &(LockProgress){.analyzing = true, .done = 3, .total = 4});
    told = run_lock_look(*state).progress;
    assert_true(told.analyzing);
    assert_int_equal(told.total, 4);
    run_lock_release(&lock);
}

/* A child that took the lock and ended without giving it up. */
static void test_dead_owner(void **state) {
    RunLock lock;
    assert_int_equal(in_child(child_takes, *state), 1);
    assert_true(scratch_exists(scratch_path(state, "lock")));
    assert_false(run_lock_look(*state).held);
    assert_true(take(*state, &lock));
    assert_int_equal(run_lock_look(*state).process, getpid());
    run_lock_release(&lock);
    assert_false(scratch_exists(scratch_path(state, "lock")));
}

/* A process that was killed, but whose parent has not noticed yet. */
static void test_zombie_owner(void **state) {
    RunLock lock;
    int ends[2];
    char byte;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        bool taken = child_takes(*state);
        (void)!write(ends[1], taken ? "1" : "0", 1);
        pause();
        _exit(0);
    }
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(byte, '1');
    assert_true(run_lock_look(*state).held);
    assert_false(take(*state, &lock));
    kill(child, SIGKILL);
    siginfo_t information;
    assert_int_equal(waitid(P_PID, (id_t)child, &information, WEXITED | WNOWAIT), 0);
    assert_false(run_lock_look(*state).held);
    assert_true(take(*state, &lock));
    waitpid(child, NULL, 0);
    run_lock_release(&lock);
    close(ends[0]);
    close(ends[1]);
}

/* The number of a process that lives now, but which began at another time than the lock's owner. */
static void test_number_used_again(void **state) {
    RunLock lock;
    char text[1024] = "", changed[1024];
    assert_true(take(*state, &lock));
    FILE *file = fopen(scratch_path(state, "lock"), "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    run_lock_release(&lock);
    const char *started = strstr(text, "started: ");
    assert_non_null(started);
    snprintf(changed, sizeof changed, "%.*sstarted: 7\n%s", (int)(started - text), text,
             strchr(started, '\n') + 1);
    scratch_write(scratch_path(state, "lock"), text);
    assert_true(run_lock_look(*state).held);
    scratch_write(scratch_path(state, "lock"), changed);
    assert_false(run_lock_look(*state).held);
    assert_true(take(*state, &lock));
    run_lock_release(&lock);
}

static void age(const char *path, int seconds) {
    const struct timespec past = {.tv_sec = time(NULL) - seconds};
    const struct timespec times[2] = {past, past};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* Another machine's lock, and one that cannot be read, count by their last refreshment. */
static void test_other_machine(void **state) {
    static const char *const texts[] = {
        "host: elsewhere\nprocess: 1\nstarted: 5\nmachine: another/boot\nprogress: \n", ""};
    for (int i = 0; i < 2; i++) {
        RunLock lock;
        const char *path = scratch_path(state, "lock");
        scratch_write(path, texts[i]);
        assert_true(run_lock_look(*state).held);
        assert_false(take(*state, &lock));
        age(path, LOCK_STALE_SECONDS - 20);
        assert_false(take(*state, &lock));
        age(path, LOCK_STALE_SECONDS + 5);
        assert_false(run_lock_look(*state).held);
        assert_true(take(*state, &lock));
        run_lock_release(&lock);
    }
}

/* Who died while taking over does not bar the way. */
static void test_dead_takeover(void **state) {
    RunLock lock;
    assert_int_equal(in_child(child_takes, *state), 1);
    assert_int_equal(link(scratch_path(state, "lock"), scratch_path(state, "lock.takeover")), 0);
    assert_true(take(*state, &lock));
    assert_false(scratch_exists(scratch_path(state, "lock.takeover")));
    run_lock_release(&lock);
}

/* Nor do the files of attempts that were killed before they had written anything remain. */
static void test_dead_attempt(void **state) {
    RunLock lock;
    char name[64] = "";
    assert_int_equal(in_child(child_takes, *state), 1);
    const LockView view = run_lock_look(*state);
    assert_true(take(*state, &lock));
    /* This process's own attempt shows how they are called. */
    FILE *file = fopen(scratch_path(state, "lock"), "r");
    char line[256], hash[65];
    while (fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "machine: %200s", line) == 1) {
            sha256_of(line, strlen(line), hash);
            snprintf(name, sizeof name, "lock.%.8s.%lld", hash, (long long)view.process);
        }
    fclose(file);
    run_lock_release(&lock);
    scratch_write(scratch_path(state, name), "");
    assert_true(take(*state, &lock));
    assert_false(scratch_exists(scratch_path(state, name)));
    run_lock_release(&lock);
}

/* The owner finds out that it was taken over, and leaves the other's lock alone. */
static void test_lost(void **state) {
    RunLock lock;
    assert_true(take(*state, &lock));
    assert_false(run_lock_lost());
    scratch_write(scratch_path(state, "other"), "host: elsewhere\n");
    assert_int_equal(rename(scratch_path(state, "other"), scratch_path(state, "lock")), 0);
    raise(SIGALRM);
    assert_true(run_lock_lost());
    run_lock_release(&lock);
    assert_true(scratch_exists(scratch_path(state, "lock")));
}

static void test_refreshed(void **state) {
    RunLock lock;
    struct stat information;
    assert_true(take(*state, &lock));
    age(scratch_path(state, "lock"), 1000);
    raise(SIGALRM);
    assert_int_equal(stat(scratch_path(state, "lock"), &information), 0);
    assert_true(time(NULL) - information.st_mtime < 100);
    run_lock_release(&lock);
}

enum { RACERS = 12, ROUNDS = 60 };

/* Each racer adds its turn to a file that only the owner may write; half of them end without giving
   the lock up, so that takeovers race as well. */
static int racer(const char *folder, int number) {
    char path[300];
    snprintf(path, sizeof path, "%s/inside", folder);
    srand((unsigned)number);
    for (;;) {
        RunLock lock;
        bool taken;
        if (run_lock_take(folder, &lock, &taken, NULL) != STATUS_OK)
            return 2;
        if (!taken) {
            usleep((useconds_t)(rand() % 500));
            continue;
        }
        int file = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
        if (file < 0)
            return 3; /* someone else is inside */
        close(file);
        usleep((useconds_t)(rand() % 300));
        unlink(path);
        if (number % 2 == 0)
            run_lock_release(&lock);
        return 0;
    }
}

static void test_race(void **state) {
    for (int round = 0; round < ROUNDS; round++) {
        pid_t children[RACERS];
        for (int i = 0; i < RACERS; i++) {
            children[i] = fork();
            if (children[i] == 0)
                _exit(racer(*state, round * RACERS + i));
        }
        for (int i = 0; i < RACERS; i++) {
            int status;
            assert_int_equal(waitpid(children[i], &status, 0), children[i]);
            if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                fail_msg("round %d, racer %d: status %d, not 0", round, i, status);
        }
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_create, scratch_remove)
    const struct CMUnitTest tests[] = {
        TEST(test_one_owner),         TEST(test_progress),
        TEST(test_dead_owner),        TEST(test_zombie_owner),
        TEST(test_number_used_again), TEST(test_other_machine),
        TEST(test_dead_takeover),     TEST(test_lost),
        TEST(test_refreshed),         TEST(test_race),
        TEST(test_dead_attempt),      TEST(test_no_lock_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
