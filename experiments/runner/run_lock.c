#include "experiments/runner/run_lock.h"

#include "experiments/runner/stop_signal.h"
#include "model/base/host.h"
#include "model/base/sha256.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum {
    LOCK_TEXT_BYTES = 1024,
    PROGRESS_WIDTH = 100,
    TAKE_ATTEMPTS = 5,
    WAIT_NANOSECONDS = 100 * 1000 * 1000,
};

/* Who an owner is. */
typedef struct LockOwner {
    char host[96];
    char machine[128]; /* this boot of this machine, and its table of processes; "" unknown */
    int64_t process, started; /* started: clock ticks after boot, 0 unknown */
} LockOwner;

/* A lock file as read. */
typedef struct LockFile {
    char text[LOCK_TEXT_BYTES];
    size_t head; /* bytes before the progress: what makes it this owner's lock */
    LockOwner owner;
    LockProgress progress;
    struct timespec beat;
} LockFile;

/* For the timer's handler: the lock that is refreshed, and whether it was found taken over. */
static volatile sig_atomic_t beating = -1;
static volatile sig_atomic_t lost;

static void read_first_line(const char *path, char *text, size_t bytes) {
    text[0] = '\0';
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    if (fgets(text, (int)bytes, file) == NULL)
        text[0] = '\0';
    fclose(file);
    text[strcspn(text, "\n")] = '\0';
}

/* State letter and start of a process, from /proc; false where there is none. */
static bool process_state(int64_t process, char *letter, int64_t *started) {
    char path[64], text[LOCK_TEXT_BYTES];
    snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", process);
    read_first_line(path, text, sizeof text);
    const char *after = strrchr(text, ')'); /* the name before it may hold anything */
    return after != NULL && sscanf(after + 1,
                                   " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
                                   "%*s %*s %*s %*s %" SCNd64,
                                   letter, started) == 2;
}

static void owner_of_this_process(LockOwner *owner) {
    char boot[64], letter, name[64] = "";
    *owner = (LockOwner){.process = getpid()};
    if (gethostname(owner->host, sizeof owner->host - 1) != 0 || owner->host[0] == '\0')
        snprintf(owner->host, sizeof owner->host, "unknown");
    read_first_line("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
    ssize_t length = readlink("/proc/self/ns/pid", name, sizeof name - 1);
    if (boot[0] != '\0')
        snprintf(owner->machine, sizeof owner->machine, "%s/%s", boot, length > 0 ? name : "");
    if (!process_state(owner->process, &letter, &owner->started))
        owner->started = 0;
}

static bool process_lives(const LockOwner *owner) {
    char letter;
    int64_t started;
    if (kill((pid_t)owner->process, 0) != 0 && errno == ESRCH)
        return false;
    if (!process_state(owner->process, &letter, &started))
        return true;
    return letter != 'Z' && letter != 'X' && (owner->started == 0 || owner->started == started);
}

/* now: in the time of the folder's file system. */
static bool owner_lives(const LockFile *file, const LockOwner *self, time_t now) {
    const LockOwner *owner = &file->owner;
    if (self->machine[0] != '\0' && strcmp(owner->machine, self->machine) == 0 &&
        owner->process > 0)
        return process_lives(owner);
    return now - file->beat.tv_sec <= LOCK_STALE_SECONDS;
}

static void parse(LockFile *file) {
    char stage[16];
    LockProgress *progress = &file->progress;
    const char *mark = strstr(file->text, "progress: ");
    file->head = mark == NULL ? strlen(file->text) : (size_t)(mark - file->text);
    for (const char *line = file->text; line != NULL && *line != '\0';) {
        sscanf(line, "host: %95s", file->owner.host);
        sscanf(line, "machine: %127s", file->owner.machine);
        sscanf(line, "process: %" SCNd64, &file->owner.process);
        sscanf(line, "started: %" SCNd64, &file->owner.started);
        if (sscanf(line, "progress: %15s %" SCNd64 " %" SCNd64 " %lf %lf", stage, &progress->done,
                   &progress->total, &progress->loss, &progress->tokens_per_second) == 5)
            progress->analyzing = strcmp(stage, "analysis") == 0;
        else if (strncmp(line, "progress:", 9) == 0)
            *progress = (LockProgress){0};
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
}

/* false where there is no such file, or none that can be read; errno then says which. */
static bool lock_read(const char *path, LockFile *file) {
    *file = (LockFile){.text = ""};
    struct stat information;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC); /* on network file systems: up to date */
    if (descriptor < 0)
        return false;
    ssize_t got = read(descriptor, file->text, sizeof file->text - 1);
    bool good = got >= 0 && fstat(descriptor, &information) == 0;
    int reason = errno;
    close(descriptor);
    errno = reason;
    if (!good)
        return false;
    file->text[got] = '\0';
    file->beat = information.st_mtim;
    parse(file);
    return true;
}

static bool path_make(char path[LOCK_PATH_BYTES], const char *directory, const char *name) {
    return snprintf(path, LOCK_PATH_BYTES, "%s/%s", directory, name) < LOCK_PATH_BYTES;
}

LockView run_lock_look(const char *directory) {
    char path[LOCK_PATH_BYTES];
    LockFile file;
    LockOwner self;
    LockView view = {0};
    if (!path_make(path, directory, "lock") || !lock_read(path, &file))
        return view;
    owner_of_this_process(&self);
    view.held = owner_lives(&file, &self, time(NULL));
    memcpy(view.host, file.owner.host, sizeof view.host);
    view.process = file.owner.process;
    view.progress = file.progress;
    return view;
}

/* ---- Refreshing ------------------------------------------------------------------------------ */

/* Only calls that a signal handler may make. A lock that was taken over has lost its name. */
static void beat(int signal_number) {
    (void)signal_number;
    int before = errno;
    struct stat information;
    if (beating >= 0) {
        futimens((int)beating, NULL);
        if (fstat((int)beating, &information) == 0 && information.st_nlink == 0 && !lost) {
            lost = 1;
            stop_signal_request();
        }
    }
    errno = before;
}

static void beat_set(int descriptor, int seconds) {
    struct sigaction action = {.sa_handler = descriptor < 0 ? SIG_IGN : beat,
                               .sa_flags = SA_RESTART};
    const struct itimerval timer = {.it_interval = {.tv_sec = seconds},
                                    .it_value = {.tv_sec = seconds}};
    sigemptyset(&action.sa_mask);
    if (descriptor < 0)
        setitimer(ITIMER_REAL, &timer, NULL);
    beating = descriptor;
    lost = 0;
    sigaction(SIGALRM, &action, NULL);
    if (descriptor >= 0)
        setitimer(ITIMER_REAL, &timer, NULL);
}

/* ---- Taking ---------------------------------------------------------------------------------- */

/* An attempt: the file that is to become the lock. */
typedef struct Attempt {
    char lock[LOCK_PATH_BYTES], temporary[LOCK_PATH_BYTES], takeover[LOCK_PATH_BYTES];
    LockOwner self;
    char text[LOCK_TEXT_BYTES];
    size_t bytes;
    int descriptor;
    time_t now; /* by the file system's own clock */
} Attempt;

static bool write_text(int descriptor, const Attempt *attempt) {
    return write(descriptor, attempt->text, attempt->bytes) == (ssize_t)attempt->bytes;
}

static Status attempt_begin(Attempt *attempt, const char *directory, Error *error) {
    char name[64], hash[65], since[32];
    struct stat information;
    *attempt = (Attempt){.descriptor = -1};
    owner_of_this_process(&attempt->self);
    const LockOwner *self = &attempt->self;
    host_time(since);
    sha256_of(self->machine, strlen(self->machine), hash);
    snprintf(name, sizeof name, "lock.%.8s.%" PRId64, hash, self->process);
    if (!path_make(attempt->lock, directory, "lock") ||
        !path_make(attempt->temporary, directory, name) ||
        !path_make(attempt->takeover, directory, "lock.takeover"))
        return error_set(error, STATUS_FAILED, "%s: the path is too long", directory);
    attempt->bytes = (size_t)snprintf(
        attempt->text, sizeof attempt->text,
        "host: %s\nprocess: %" PRId64 "\nstarted: %" PRId64 "\nmachine: %s\nsince: %s\n"
        "progress: %*s\n",
        self->host, self->process, self->started, self->machine, since, PROGRESS_WIDTH, "");
    attempt->descriptor =
        open(attempt->temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, (mode_t)0666);
    if (attempt->descriptor < 0 || !write_text(attempt->descriptor, attempt) ||
        fstat(attempt->descriptor, &information) != 0)
        return error_errno(error, STATUS_FAILED, "%s: the lock cannot be written",
                           attempt->temporary);
    attempt->now = information.st_mtime;
    return STATUS_OK;
}

/* Makes path, which must not exist, with the attempt's content. 1: made, 0: it exists, −1: errno.
   On file systems without links the file appears before its content; whoever reads it empty takes
   it for a live one. */
static int make_exclusively(Attempt *attempt, const char *path, bool keep) {
    if (link(attempt->temporary, path) == 0)
        return 1;
    if (errno == EEXIST)
        return 0;
    if (errno == ENOENT || errno == EACCES || errno == ENOSPC || errno == EROFS)
        return -1;
    int descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)0666);
    if (descriptor < 0)
        return errno == EEXIST ? 0 : -1;
    bool good = write_text(descriptor, attempt);
    if (!keep || !good) {
        close(descriptor);
        return good ? 1 : -1;
    }
    close(attempt->descriptor);
    attempt->descriptor = descriptor;
    return 1;
}

/* Replaces the lock that was judged, unless it has changed since; one process at a time gets here,
   as it must first make lock.takeover. */
static bool take_over(Attempt *attempt, const LockFile *judged) {
    LockFile present;
    bool taken = false;
    int made = make_exclusively(attempt, attempt->takeover, false);
    if (made == 0 && lock_read(attempt->takeover, &present) &&
        !owner_lives(&present, &attempt->self, attempt->now))
        unlink(attempt->takeover); /* it died on the way; the next attempt goes on */
    if (made != 1)
        return false;
    if (lock_read(attempt->lock, &present) && present.head == judged->head &&
        memcmp(present.text, judged->text, judged->head) == 0)
        taken = rename(attempt->temporary, attempt->lock) == 0;
    unlink(attempt->takeover);
    return taken;
}

/* 1: taken, 0: another process has it, −1: errno. */
static int attempt_take(Attempt *attempt) {
    for (int i = 0; i < TAKE_ATTEMPTS; i++) {
        LockFile present;
        int made = make_exclusively(attempt, attempt->lock, true);
        if (made != 0)
            return made;
        if (!lock_read(attempt->lock, &present)) {
            if (errno == ENOENT || errno == ESTALE)
                continue; /* released in the meantime */
            return -1;
        }
        if (owner_lives(&present, &attempt->self, attempt->now))
            return 0;
        if (take_over(attempt, &present))
            return 1;
    }
    return 0;
}

/* Attempts of this machine that were killed on their way leave their files, perhaps empty; their
   names end in the number of the process. */
static void attempts_clear(const Attempt *attempt, const char *directory) {
    const char *own = strrchr(attempt->temporary, '/') + 1;
    size_t same = strlen("lock.12345678.");
    DIR *folder = opendir(directory);
    if (folder == NULL)
        return;
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        LockFile file;
        char path[LOCK_PATH_BYTES];
        if (strncmp(entry->d_name, own, same) != 0 || strcmp(entry->d_name, own) == 0 ||
            !path_make(path, directory, entry->d_name) || !lock_read(path, &file))
            continue;
        file.owner.process = strtoll(entry->d_name + same, NULL, 10);
        if (file.owner.process > 0 && !process_lives(&file.owner))
            unlink(path);
    }
    closedir(folder);
}

Status run_lock_take(const char *directory, RunLock *lock, bool *taken, Error *error) {
    Attempt attempt;
    *taken = false;
    *lock = (RunLock){.descriptor = -1};
    Status status = attempt_begin(&attempt, directory, error);
    int outcome = status == STATUS_OK ? attempt_take(&attempt) : 0;
    if (outcome < 0)
        status = error_errno(error, STATUS_FAILED, "%s: the lock cannot be made", attempt.lock);
    unlink(attempt.temporary);
    *taken = outcome == 1;
    if (!*taken) {
        if (attempt.descriptor >= 0)
            close(attempt.descriptor);
        return status;
    }
    lock->descriptor = attempt.descriptor;
    lock->progress_offset = (off_t)(strstr(attempt.text, "progress: ") - attempt.text);
    run_lock_moved(lock, directory);
    attempts_clear(&attempt, directory);
    beat_set(lock->descriptor, LOCK_BEAT_SECONDS);
    return STATUS_OK;
}

Status run_lock_wait(const char *directory, RunLock *lock, Error *error) {
    const struct timespec pause = {.tv_nsec = WAIT_NANOSECONDS};
    bool taken = false;
    for (;;) {
        TRY(run_lock_take(directory, lock, &taken, error));
        if (taken)
            return STATUS_OK;
        nanosleep(&pause, NULL);
    }
}

void run_lock_tell(const RunLock *lock, const LockProgress *progress) {
    char text[PROGRESS_WIDTH + 64], line[PROGRESS_WIDTH + 16];
    if (lock->descriptor < 0)
        return;
    snprintf(text, sizeof text, "%s %" PRId64 " %" PRId64 " %.6g %.6g",
             progress->analyzing ? "analysis" : "training", progress->done, progress->total,
             progress->loss, progress->tokens_per_second);
    int bytes =
        snprintf(line, sizeof line, "progress: %-*.*s\n", PROGRESS_WIDTH, PROGRESS_WIDTH, text);
    /* A failure costs only what `fiducial status` shows. */
    ssize_t written = pwrite(lock->descriptor, line, (size_t)bytes, lock->progress_offset);
    (void)written;
}

bool run_lock_lost(void) {
    return lost != 0;
}

void run_lock_moved(RunLock *lock, const char *directory) {
    snprintf(lock->directory, sizeof lock->directory, "%s", directory);
}

void run_lock_release(RunLock *lock) {
    char path[LOCK_PATH_BYTES];
    struct stat own, present;
    if (lock->descriptor < 0)
        return;
    bool gone = run_lock_lost();
    beat_set(-1, 0);
    if (!gone && path_make(path, lock->directory, "lock") && stat(path, &present) == 0 &&
        fstat(lock->descriptor, &own) == 0 && own.st_ino == present.st_ino)
        unlink(path);
    close(lock->descriptor);
    lock->descriptor = -1;
}
