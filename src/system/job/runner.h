/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * runner.h: the workers and what they are running, for this room only. */
#ifndef SYSTEM_JOB_RUNNER_H
#define SYSTEM_JOB_RUNNER_H

#include "base/thread.h"
#include "system/job/job_sql.h"

/* A run. All that may change while others look is guarded by the runner's lock. */
struct job {
    struct job_runner *runner;
    struct arena *arena;
    struct job_claim claim;
    struct job_end end; /* when it has ended */
    atomic_bool should_stop;
    bool cancel_requested; /* why it should; guarded */
    const char *step;      /* static text; guarded */
    double fraction;       /* guarded */
    struct mono_time told_at, written_at;
    bool was_told, was_written;
    struct slice checkpoint; /* in the arena, or in memory of its own */
    char *checkpoint_copy;
};

struct worker {
    struct job_runner *runner;
    struct thread *thread;
    struct job *running; /* guarded */
};

struct job_runner {
    struct job_options options;
    struct lock lock;
    struct condition rung;
    uint64_t rings;               /* guarded: counts wakes, so that one which comes between looking and waiting is not missed */
    bool must_end;                /* guarded */
    struct job_stats stats;       /* guarded */
    struct arena *recovery_arena; /* until the start has told of what ended in the recovery */
    struct job_recovery recovery;
    struct worker *workers;
    unsigned worker_count;
};

void job_tell(struct job_runner *, int64_t org_id, int64_t id, enum job_state, bool is_progress);
/* Raises the flag of a run, if it is one of ours. */
void job_runner_ask_to_cancel(struct job_runner *, int64_t id);
const struct job_kind *job_kind_find(const struct job_runner *, struct slice name);

#endif
