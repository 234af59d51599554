#include "experiments/runner/run_state.h"

#include "analysis/analysis.h"
#include "train/run_status.h"
#include "train/storage.h"

#include <math.h>
#include <string.h>

const char *run_phase_name(RunPhase phase) {
    static const char *const names[] = {
        [RUN_WAITING] = "waiting", [RUN_RUNNING] = "running", [RUN_INTERRUPTED] = "interrupted",
        [RUN_FAILED] = "failed",   [RUN_TRAINED] = "trained", [RUN_DONE] = "done",
        [RUN_OTHER] = "other",     [RUN_DAMAGED] = "damaged", [RUN_UNREADABLE] = "unreadable",
    };
    return names[phase];
}

/* A lock whose owner has told nothing yet is one that only looks whether all is done. */
static RunPhase phase_of(const RunStatus *stored, const LockView *worker, const PlannedRun *run,
                         const char *directory) {
    bool trained = strcmp(stored->status, "done") == 0;
    bool complete = trained && analysis_holds(directory, &run->experiment.analysis);
    if (worker->held && !(complete && worker->progress.total == 0))
        return RUN_RUNNING;
    if (strcmp(stored->status, "failed") == 0)
        return RUN_FAILED;
    if (!trained)
        return RUN_INTERRUPTED;
    return complete ? RUN_DONE : RUN_TRAINED;
}

RunState run_state_read(const PlannedRun *run, const char *directory, Arena *arena) {
    RunState state = {.phase = RUN_WAITING, .loss = NAN, .reason = ""};
    state.worker = run_lock_look(directory);
    RunStatus stored;
    Error error;
    bool there;
    if (storage_can_open(arena_format(arena, "%s/run.h5", directory), &there, &error) !=
        STATUS_OK) {
        state.phase = RUN_UNREADABLE;
        state.reason = arena_string(arena, error.message);
        return state;
    }
    if (run_status_read(directory, arena, &stored, &error) != STATUS_OK) {
        state.phase = RUN_DAMAGED;
        state.reason = arena_string(arena, error.message);
        return state;
    }
    if (!stored.exists) {
        if (state.worker.held)
            state.phase = RUN_RUNNING;
        return state;
    }
    state.step = stored.logged_steps;
    state.loss = stored.last_loss;
    state.reason = stored.failure;
    if (strcmp(stored.identity, run->identity) != 0) {
        state.phase = RUN_OTHER;
        state.reason = "made with other settings";
        return state;
    }
    state.phase = phase_of(&stored, &state.worker, run, directory);
    const LockProgress *told = &state.worker.progress;
    if (state.phase == RUN_RUNNING && told->total > 0 && !told->analyzing) {
        state.step = told->done;
        state.loss = told->loss;
    }
    return state;
}
