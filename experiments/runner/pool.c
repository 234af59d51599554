#include "experiments/runner/pool.h"

#include "experiments/runner/output.h"
#include "experiments/runner/run_lock.h"
#include "experiments/runner/stop_signal.h"
#include "model/base/host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    POLL_MILLISECONDS = 100,
    BUFFER_BYTES = 2 * ((int)sizeof(MessageHead) + MESSAGE_TEXT_LARGEST),
    REQUESTS_TO_KILL = 3, /* Ctrl-C: save; at once; and for a worker that does not even hear */
};

static const double look_interval = 1.0; /* seconds between looks at a run of another process */

/* A run that is not ended. */
typedef struct Pending {
    bool begun;       /* by this process; again false where another turned out to have it */
    bool told;        /* that another process has it */
    double next_look; /* host_seconds */
} Pending;

/* One child at work. */
typedef struct Slot {
    pid_t process; /* 0: free */
    size_t run;
    int pipe; /* its messages */
    bool has_result, busy;
    Status status;
    char reason[MESSAGE_TEXT_LARGEST + 1];
    size_t filled; /* bytes in buffer */
    char buffer[BUFFER_BYTES];
} Slot;

typedef struct Pool {
    const PoolJob *job;
    Slot *slots;            /* [jobs] */
    Pending *pending;       /* [plan->count] */
    sig_atomic_t passed_on; /* stop requests that the workers were told of */
    PoolResult *result;
    Arena arena;
} Pool;

/* In the child: only its own end of its own pipe stays open. */
static void close_pipes(const Pool *pool) {
    for (int i = 0; i < pool->job->jobs; i++)
        if (pool->slots[i].process != 0)
            close(pool->slots[i].pipe);
}

/* Another process has the run: it is looked at again later. */
static void leave_to_other(Pool *pool, size_t run, const LockView *worker) {
    Pending *pending = &pool->pending[run];
    pending->begun = false;
    pending->next_look = host_seconds() + look_interval;
    pool->result->shared = true;
    if (pending->told)
        return;
    pending->told = true;
    progress_line(pool->job->progress,
                  arena_format(&pool->arena, "%s: process %lld on %s works on it",
                               pool->job->plan->runs[run].name, (long long)worker->process,
                               worker->host));
}

/* The next run that nobody works on; false where there is none for now. */
static bool next_run(Pool *pool, size_t *run) {
    const RunPlan *plan = pool->job->plan;
    double now = host_seconds();
    for (*run = 0; *run < plan->count; (*run)++) {
        const Pending *pending = &pool->pending[*run];
        if (pending->begun || now < pending->next_look)
            continue;
        Arena arena = arena_create("a look at a run");
        const LockView worker =
            run_lock_look(output_run_directory(pool->job->directory, &plan->runs[*run], &arena));
        arena_destroy(&arena);
        if (!worker.held)
            return true;
        leave_to_other(pool, *run, &worker);
    }
    return false;
}

static size_t not_begun(const Pool *pool) {
    size_t count = 0;
    for (size_t i = 0; i < pool->job->plan->count; i++)
        count += !pool->pending[i].begun;
    return count;
}

static Status slot_begin(Pool *pool, Slot *slot, size_t run, Error *error) {
    const PoolJob *job = pool->job;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_errno(error, STATUS_FAILED, "no pipe to a worker can be made");
    const PlannedRun *planned = &job->plan->runs[run];
    const WorkerJob work = {
        .file = job->file,
        .run = planned,
        .directory = output_run_directory(job->directory, planned, &pool->arena),
        .stages = job->stages,
        .threads = job->threads,
        .retry = job->retry,
        .only = job->only,
    };
    fflush(NULL);
    stop_signal_hold();
    pid_t process = fork();
    if (process == 0) {
        close(ends[0]);
        close_pipes(pool);
        _exit(worker_run(&work, ends[1]));
    }
    stop_signal_release();
    close(ends[1]);
    if (process < 0) {
        close(ends[0]);
        return error_errno(error, STATUS_FAILED, "no worker process can be started");
    }
    *slot = (Slot){.process = process, .run = run, .pipe = ends[0]};
    pool->pending[run].begun = true;
    progress_begin(job->progress, slot->run);
    return STATUS_OK;
}

static void slot_message(const Pool *pool, Slot *slot, const MessageHead *head, const char *text) {
    char copy[MESSAGE_TEXT_LARGEST + 1];
    memcpy(copy, text, head->text_bytes);
    copy[head->text_bytes] = '\0';
    if (head->kind == MESSAGE_BUSY) {
        slot->busy = true;
        return;
    }
    if (head->kind != MESSAGE_RESULT) {
        progress_message(pool->job->progress, slot->run, head, copy);
        return;
    }
    slot->has_result = true;
    slot->status = (Status)head->code;
    memcpy(slot->reason, copy, head->text_bytes + 1);
}

/* Takes the whole messages off the front of the buffer. */
static void slot_messages(const Pool *pool, Slot *slot) {
    size_t at = 0;
    MessageHead head;
    while (slot->filled - at >= sizeof head) {
        memcpy(&head, slot->buffer + at, sizeof head);
        if (head.text_bytes > MESSAGE_TEXT_LARGEST)
            head.text_bytes = MESSAGE_TEXT_LARGEST;
        if (slot->filled - at - sizeof head < head.text_bytes)
            break;
        slot_message(pool, slot, &head, slot->buffer + at + sizeof head);
        at += sizeof head + head.text_bytes;
    }
    memmove(slot->buffer, slot->buffer + at, slot->filled - at);
    slot->filled -= at;
}

/* Why a worker ended without its result. */
static void describe_death(Slot *slot, int wait_status) {
    if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == STATUS_INTERRUPTED) {
        slot->status = STATUS_INTERRUPTED;
        snprintf(slot->reason, sizeof slot->reason, "stopped at once; goes on from its checkpoint");
        return;
    }
    slot->status = STATUS_FAILED;
    if (WIFSIGNALED(wait_status))
        snprintf(slot->reason, sizeof slot->reason,
                 "its process was ended by signal %d (%s)%s; the next `fiducial run` goes on from "
                 "its checkpoint",
                 WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)),
                 WTERMSIG(wait_status) == SIGKILL ? ", perhaps for lack of memory" : "");
    else
        snprintf(slot->reason, sizeof slot->reason, "its process ended with exit status %d",
                 WEXITSTATUS(wait_status));
}

static void slot_end(Pool *pool, Slot *slot) {
    int wait_status = 0;
    close(slot->pipe);
    while (waitpid(slot->process, &wait_status, 0) < 0 && errno == EINTR)
        continue;
    slot->process = 0;
    if (slot->busy) {
        progress_set_back(pool->job->progress, slot->run);
        const char *directory = output_run_directory(
            pool->job->directory, &pool->job->plan->runs[slot->run], &pool->arena);
        const LockView worker = run_lock_look(directory);
        leave_to_other(pool, slot->run, &worker);
        return;
    }
    if (!slot->has_result)
        describe_death(slot, wait_status);
    if (slot->status == STATUS_OK)
        pool->result->done++;
    else if (slot->status == STATUS_INTERRUPTED)
        pool->result->interrupted++;
    else
        pool->result->failed++;
    progress_end(pool->job->progress, slot->run, slot->status, slot->reason);
}

static void slot_read(Pool *pool, Slot *slot) {
    ssize_t got = read(slot->pipe, slot->buffer + slot->filled, BUFFER_BYTES - slot->filled);
    if (got < 0 && errno == EINTR)
        return;
    if (got <= 0) {
        slot_end(pool, slot);
        return;
    }
    slot->filled += (size_t)got;
    slot_messages(pool, slot);
}

static void pass_stop_on(Pool *pool) {
    sig_atomic_t requests = *pool->job->stop;
    if (requests == pool->passed_on)
        return;
    pool->passed_on = requests;
    progress_line(pool->job->progress,
                  requests == 1 ? "stopping: every run finishes its step and saves its state; "
                                  "Ctrl-C again stops at once"
                                : "stopping at once");
    for (int i = 0; i < pool->job->jobs; i++)
        if (pool->slots[i].process != 0)
            kill(pool->slots[i].process, requests >= REQUESTS_TO_KILL ? SIGKILL : SIGTERM);
}

/* Waits for messages for a moment and reads them. */
static void pool_wait(Pool *pool, struct pollfd *polls) {
    const PoolJob *job = pool->job;
    for (int i = 0; i < job->jobs; i++) {
        bool busy = pool->slots[i].process != 0;
        polls[i] = (struct pollfd){.fd = busy ? pool->slots[i].pipe : -1, .events = POLLIN};
    }
    pass_stop_on(pool);
    progress_draw(job->progress);
    if (poll(polls, (nfds_t)job->jobs, POLL_MILLISECONDS) <= 0)
        return;
    for (int i = 0; i < job->jobs; i++)
        if (pool->slots[i].process != 0 && polls[i].revents != 0)
            slot_read(pool, &pool->slots[i]);
}

static Status fill_slots(Pool *pool, Error *error) {
    size_t run;
    for (int i = 0; i < pool->job->jobs; i++)
        if (pool->slots[i].process == 0) {
            if (*pool->job->stop != 0 || !next_run(pool, &run))
                return STATUS_OK;
            TRY(slot_begin(pool, &pool->slots[i], run, error));
        }
    return STATUS_OK;
}

static bool any_working(const Pool *pool) {
    for (int i = 0; i < pool->job->jobs; i++)
        if (pool->slots[i].process != 0)
            return true;
    return false;
}

Status pool_run(const PoolJob *job, PoolResult *result, Error *error) {
    Pool pool = {.job = job, .result = result, .arena = arena_create("the pool of workers")};
    pool.slots = ARENA_ARRAY(&pool.arena, Slot, (size_t)job->jobs);
    pool.pending = ARENA_ARRAY(&pool.arena, Pending, job->plan->count);
    struct pollfd *polls = ARENA_ARRAY(&pool.arena, struct pollfd, (size_t)job->jobs);
    *result = (PoolResult){0};
    Status status = fill_slots(&pool, error);
    while (any_working(&pool) || (not_begun(&pool) > 0 && *job->stop == 0 && status == STATUS_OK)) {
        pool_wait(&pool, polls);
        if (status == STATUS_OK)
            status = fill_slots(&pool, error);
    }
    result->untouched = not_begun(&pool);
    progress_finish(job->progress);
    stop_signal_default();
    arena_destroy(&pool.arena);
    return status;
}
