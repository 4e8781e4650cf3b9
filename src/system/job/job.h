/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * job.h: long work. It shows progress, can be cancelled, and goes on after a kill -9.
 *
 * The model
 *   kind   what a room can do ("import", "ladder"): a name and a function, registered when the runner is opened.
 *   job    one piece of such work: a row in the database. It belongs to an organisation, has a payload (JSON, never changed),
 *          a subject (the public id of what it is about, for lists), and a checkpoint: bytes that its function saves when a stretch is
 *          done and gets back when it is run again.
 *   runner the worker threads ("job-0" ...) that take the oldest job that is ready.
 *
 *              enqueue                    claimed                     run returns
 *     (none) ------------> queued -------------------> running ---------------------> done | failed | cancelled
 *                             ^                           |
 *                             +---------------------------+  ERR_IO or ERR_BUSY with attempts left: waits 1 s, 2 s, 4 s ... 5 min;
 *                                                            the program ended or was killed: at the next start, at once
 *
 * A function may therefore be run several times for one job: it looks at its checkpoint, and what it puts in place it puts there
 * whole. Stopping the program (job_runner_stop) asks running jobs to stop as a cancel does, but leaves them queued; such a
 * stop, and a kill, do not use up an attempt of the back-off, though a job that was found running at 5 starts in a row without having
 * saved a checkpoint between fails with job.crashing: it would take the program down for ever.
 *
 * A job may wait for others: one with `after_key` runs when no unfinished older job of its organisation has that `key`, and is cancelled
 * (job.predecessor) if the newest of them failed or was cancelled.
 *
 * Changes are told to `on_change`: state changes after they are durable, each; progress at most four times a second and job, and at
 * each new step. Progress itself goes to the database at most once in 5 s; job_get and job_list add the newest from memory.
 * Times come from the clock that was given. */
#ifndef SYSTEM_JOB_JOB_H
#define SYSTEM_JOB_JOB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/slice.h"
#include "system/db/db.h"

extern const struct db_schema job_schema; /* for db_migrate */

struct job_runner;
struct job; /* a job that is being run; belongs to its run function */

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_DONE, JOB_FAILED, JOB_CANCELLED };
const char *job_state_name(enum job_state); /* "queued" ... */

enum {
    JOB_PAYLOAD_BYTES_MAX = 64 * 1024,
    JOB_CHECKPOINT_BYTES_MAX = 1024 * 1024,
    JOB_ERROR_BYTES_MAX = 500,
};

/* --- the runner --- */

struct job_kind {
    const char *name;
    /* ERR_OK: done. ERR_CANCELLED after a cancel was asked for: cancelled. ERR_IO, ERR_BUSY: tried again. Else failed. */
    struct err (*run)(struct job *, void *user);
    void *user;
    unsigned attempts_max; /* 0: 5 */
};

struct job_change {
    int64_t org_id, id;
    enum job_state state;
    bool is_progress; /* only step and fraction are new */
};

struct job_options {
    struct db *db;               /* migrated with job_schema */
    const struct clock *clock;
    struct id_maker *ids;
    const struct job_kind *kinds; /* stays the caller's, until close */
    size_t kind_count;
    unsigned workers;            /* 0: 1 */
    unsigned node;               /* of this server among those on one database (0 to 63): it takes up only its own interrupted jobs */
    /* Called on a worker or on the thread that asked; must be quick, and must not call job_* (hand the id to an inbox). May be NULL. */
    void (*on_change)(void *user, const struct job_change *);
    void *on_change_user;
};

/* Puts interrupted jobs back into the queue; those that ended by it (given up, or cancelled before the program ended) are told of by
 * job_runner_start. No thread runs yet, so that the caller can look who claims which staging
 * (job_is_unfinished). */
MUST_USE struct err job_runner_open(struct job_runner **out, const struct job_options *);
MUST_USE struct err job_runner_start(struct job_runner *);
/* Asks running jobs to stop, waits for them, leaves them queued. Afterwards nothing is told any more, but jobs can still be asked about: whoever follows the news
 * ends between this and job_runner_close. May be called again; NULL is fine. */
void job_runner_stop(struct job_runner *);
/* Stops first, if that was not done. Clears the pointer; NULL is fine. */
void job_runner_close(struct job_runner **);
/* Time was turned by hand, or jobs were added by job_add: look again. Any thread, does not block. */
void job_runner_wake(struct job_runner *);

/* --- for those who want work done (worker threads; these ask the database) --- */

struct job_new {
    int64_t org_id;
    const char *kind;      /* one that is registered, else ERR_INPUT job.kind */
    struct slice subject;  /* up to 64 characters, may be empty */
    struct slice payload;  /* JSON; ERR_LIMIT job.large */
    struct slice key;       /* what others may wait for; may be empty */
    struct slice after_key; /* may be empty */
};
MUST_USE struct err job_enqueue(struct job_runner *, const struct job_new *, int64_t *id);
/* The same inside a transaction of the caller, so that a title and its import appear together or not at all. After the commit:
 * job_runner_wake. */
MUST_USE struct err job_add(struct job_runner *, struct db_tx *, const struct job_new *, int64_t *id);

/* Queued: cancelled at once. Running: its flag is raised and it ends when its function sees it. Finished: ERR_CONFLICT job.finished.
 * Unknown to this organisation: ERR_NOT_FOUND job.missing. */
MUST_USE struct err job_cancel(struct job_runner *, int64_t org_id, int64_t id);

struct job_info {
    int64_t id, org_id;
    struct slice public_id; /* what it is called outside the house */
    enum job_state state;
    struct slice kind, subject, key, after_key;
    struct slice step;      /* text code of the step it is in: "import.copy"; may be empty */
    double fraction;        /* 0 to 1, of the whole job */
    struct slice error_code, error_what; /* of the last try that failed */
    int attempt;            /* from 1 when it has run */
    bool cancel_requested;
    struct utc_time created_at, started_at, finished_at, run_at; /* ns = 0: not yet; run_at: not before */
};
MUST_USE struct err job_get(struct job_runner *, struct arena *, int64_t org_id, int64_t id, struct job_info *out);
struct job_list {
    struct job_info *items; /* newest first */
    size_t count;
};
/* `before_id` 0: from the newest. At most 500 at once. */
MUST_USE struct err job_list(struct job_runner *, struct arena *, int64_t org_id, int64_t before_id, size_t limit, struct job_list *out);
/* The id behind a public id. ERR_NOT_FOUND job.missing. */
MUST_USE struct err job_find(struct job_runner *, int64_t org_id, struct slice public_id, int64_t *id);
/* Queued or running? Asked by id, across organisations: for object_stagings_clean. */
MUST_USE struct err job_is_unfinished(struct job_runner *, int64_t id, bool *out);
/* Is there unfinished work of this key in any organisation? For those who clean up what it works on. */
MUST_USE struct err job_key_is_unfinished(struct job_runner *, struct slice key, bool *out);
/* Forgets work that ended before then. From time to time, of all organisations. */
MUST_USE struct err job_prune(struct job_runner *, struct utc_time before);

/* --- for run functions --- */

int64_t job_id(const struct job *);
int64_t job_org_id(const struct job *);
int job_attempt(const struct job *);                /* from 1 */
struct slice job_subject(const struct job *);
struct slice job_payload(const struct job *);       /* these two live as long as the run */
struct slice job_checkpoint(const struct job *);    /* what was saved last, in this run or before; until the next save; empty at first */
struct arena *job_arena(struct job *);              /* ends with the run; 16 MB */

/* Costs nothing to call often. `step` is static text (a code of the text catalogue); fraction is clamped to 0..1. */
void job_progress(struct job *, const char *step, double fraction);
/* Durable when it returns. ERR_LIMIT job.large. */
MUST_USE struct err job_save_checkpoint(struct job *, struct slice);
/* True when somebody cancelled it or the program stops: return ERR_CANCELLED soon. */
bool job_should_stop(const struct job *);
/* Which of the two: true when it was cancelled and will not be run again, so that what is half done can be thrown away. When only the
 * program stops, leave it for the next run. */
bool job_is_cancelled(const struct job *);
/* The same flag for those who poll an address. */
const atomic_bool *job_stop_flag(const struct job *);

struct job_stats {
    uint64_t started, done, failed, cancelled, retried, progress_writes;
    uint64_t running;
};
struct job_stats job_stats(const struct job_runner *);

#endif
