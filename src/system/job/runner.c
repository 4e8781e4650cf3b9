/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The workers. Each: claim the oldest ready job in a transaction, run it, write how it ended; nothing to claim: wait until somebody
 * rings, or a back-off ends. The database is the truth; what is in memory here is only newer by some progress. */
#include "system/job/runner.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

enum {
    ARENA_BYTES_MAX = 16 << 20,
    ATTEMPTS_MAX = 5,
    BACKOFF_MAX_S = 300,
    TELL_MS = 250,
    WRITE_MS = 5000,
    LOOK_AGAIN_S = 30, /* other servers on this database ring nobody here */
    TROUBLE_MS = 1000,
};

const char *job_state_name(enum job_state state) {
    static const char *const names[] = {"queued", "running", "done", "failed", "cancelled"};
    assert((size_t)state < ARRAY_LEN(names));
    return names[state];
}

const struct job_kind *job_kind_find(const struct job_runner *r, struct slice name) {
    for (size_t i = 0; i < r->options.kind_count; i++)
        if (slice_eq(slice_cstr(r->options.kinds[i].name), name)) return &r->options.kinds[i];
    return NULL;
}

void job_tell(struct job_runner *r, int64_t org_id, int64_t id, enum job_state state, bool is_progress) {
    if (!r->options.on_change) return;
    const struct job_change change = {.org_id = org_id, .id = id, .state = state, .is_progress = is_progress};
    r->options.on_change(r->options.on_change_user, &change);
}

static struct utc_time now_of(const struct job_runner *r) { return clock_utc(r->options.clock); }

/* --- what a run may ask --- */

int64_t job_id(const struct job *j) { return j->claim.id; }
int64_t job_org_id(const struct job *j) { return j->claim.org_id; }
int job_attempt(const struct job *j) { return j->claim.attempt; }
struct slice job_subject(const struct job *j) {
    return j->claim.subject;
}
struct slice job_payload(const struct job *j) {
    return j->claim.payload;
}
struct slice job_checkpoint(const struct job *j) {
    return j->checkpoint;
}
struct arena *job_arena(struct job *j) {
    return j->arena;
}
bool job_should_stop(const struct job *j) { return atomic_load_explicit(&j->should_stop, memory_order_relaxed); }
const atomic_bool *job_stop_flag(const struct job *j) { return &j->should_stop; }

bool job_is_cancelled(const struct job *j) {
    lock_take(&j->runner->lock);
    bool is_cancelled = j->cancel_requested;
    lock_give(&j->runner->lock);
    return is_cancelled;
}

static void cancel(struct job *j) {
    lock_take(&j->runner->lock);
    j->cancel_requested = true;
    lock_give(&j->runner->lock);
    atomic_store(&j->should_stop, true);
}

struct saving {
    struct job *job;
    struct slice checkpoint;
    const char *step;
    double fraction;
    bool cancel_requested;
};

static struct err progress_write(struct db_tx *tx, void *arg) {
    struct saving *s = arg;
    return job_sql_progress(tx, s->job->claim.id, s->step, s->fraction, &s->cancel_requested);
}

static bool is_due(struct mono_time now, struct mono_time last, bool has_last, int64_t ms) {
    return !has_last || mono_diff_ns(now, last) >= ms * NS_PER_MS;
}

void job_progress(struct job *j, const char *step, double fraction) {
    struct job_runner *r = j->runner;
    struct mono_time now = clock_mono(r->options.clock);
    fraction = fraction > 0 ? fraction < 1 ? fraction : 1 : 0; /* also for what is not a number */
    lock_take(&r->lock);
    bool is_new_step = strcmp(j->step, step) != 0;
    j->step = step;
    j->fraction = fraction;
    lock_give(&r->lock);
    if (is_new_step || is_due(now, j->told_at, j->was_told, TELL_MS)) {
        j->told_at = now;
        j->was_told = true;
        job_tell(r, j->claim.org_id, j->claim.id, JOB_RUNNING, true);
    }
    if (!j->was_written) { /* the start stands in the database already */
        j->written_at = now;
        j->was_written = true;
    }
    if (!is_due(now, j->written_at, true, WRITE_MS)) return;
    j->written_at = now;
    struct saving s = {.job = j, .step = step, .fraction = fraction};
    struct err e = db_write(r->options.db, progress_write, &s);
    if (!e.kind && s.cancel_requested) cancel(j);
    lock_take(&r->lock);
    r->stats.progress_writes += !e.kind; /* if it could not be written, the next one will be */
    lock_give(&r->lock);
}

static struct err checkpoint_write(struct db_tx *tx, void *arg) {
    struct saving *s = arg;
    return job_sql_checkpoint(tx, s->job->claim.id, s->checkpoint, &s->cancel_requested);
}

struct err job_save_checkpoint(struct job *j, struct slice checkpoint) {
    if (checkpoint.len > JOB_CHECKPOINT_BYTES_MAX)
        return err_make(ERR_LIMIT, "job.large", "What the work wants to remember is more than is kept.");
    char *copy = mem_strndup(checkpoint.ptr, checkpoint.len);
    if (!copy) return err_memory();
    struct saving s = {.job = j, .checkpoint = checkpoint};
    struct err e = db_write(j->runner->options.db, checkpoint_write, &s);
    if (e.kind) {
        mem_free(copy);
        return e;
    }
    if (s.cancel_requested) cancel(j);
    mem_free(j->checkpoint_copy);
    j->checkpoint_copy = copy;
    j->checkpoint = slice_of(copy, checkpoint.len);
    return ERR_OK;
}

/* --- one run --- */

struct claiming {
    struct job_runner *runner;
    struct arena *arena;
    struct job_claim_result result;
};

static struct err claim_write(struct db_tx *tx, void *arg) {
    struct claiming *c = arg;
    arena_reset(c->arena);
    return job_sql_claim(tx, c->arena, c->runner->options.node, now_of(c->runner), &c->result);
}

static struct err cancel_read(struct db_tx *tx, void *arg) {
    struct saving *s = arg;
    s->cancel_requested = job_sql_cancel_requested(tx, s->job->claim.id);
    return ERR_OK;
}

static struct err end_write(struct db_tx *tx, void *arg) {
    const struct saving *s = arg;
    return job_sql_end(tx, s->job->claim.id, &s->job->end, s->step, s->fraction, now_of(s->job->runner));
}

/* What becomes of the job after its function returned `e`. */
static struct job_end end_of(struct job *j, const struct job_kind *kind, struct err e) {
    struct job_runner *r = j->runner;
    lock_take(&r->lock);
    bool was_cancelled = j->cancel_requested, is_ending = r->must_end;
    lock_give(&r->lock);
    struct utc_time now = now_of(r);
    int failures = j->claim.failures;
    int attempts_max = kind && kind->attempts_max ? (int)kind->attempts_max : ATTEMPTS_MAX;
    if (!e.kind) return (struct job_end){.state = JOB_DONE, .run_at = now, .failures = failures};
    if (was_cancelled) return (struct job_end){.state = JOB_CANCELLED, .run_at = now, .failures = failures};
    if (e.kind == ERR_CANCELLED && is_ending) return (struct job_end){.state = JOB_QUEUED, .run_at = now, .failures = failures};
    failures++;
    if ((e.kind == ERR_IO || e.kind == ERR_BUSY) && failures < attempts_max) {
        int64_t pause_s = failures < 10 ? 1 << (failures - 1) : BACKOFF_MAX_S;
        if (pause_s > BACKOFF_MAX_S) pause_s = BACKOFF_MAX_S;
        return (struct job_end){.state = JOB_QUEUED, .run_at = {now.ns + pause_s * NS_PER_S}, .error = e, .failures = failures};
    }
    return (struct job_end){.state = e.kind == ERR_CANCELLED ? JOB_CANCELLED : JOB_FAILED, .run_at = now, .error = e, .failures = failures};
}

/* Waits for a ring, at most so long; true when the runner ends. */
static bool wait_for_ring(struct job_runner *r, uint64_t rings_seen, int64_t ns_max) {
    lock_take(&r->lock);
    bool is_time_left = true;
    while (is_time_left && !r->must_end && r->rings == rings_seen) is_time_left = condition_wait_ns(&r->rung, &r->lock, ns_max);
    bool must_end = r->must_end;
    lock_give(&r->lock);
    return must_end;
}

static uint64_t rings_of(struct job_runner *r) {
    lock_take(&r->lock);
    uint64_t rings = r->rings;
    lock_give(&r->lock);
    return rings;
}

/* Until the database has it; when the runner ends before, the job is found running at the next start, and run again. */
static bool end_save(struct job *j) {
    struct job_runner *r = j->runner;
    struct saving s = {.job = j, .step = j->step, .fraction = j->end.state == JOB_DONE ? 1 : j->fraction};
    for (;;) {
        struct err e = db_write(r->options.db, end_write, &s);
        if (!e.kind) return true;
        log_warn("job", "end_not_saved", LOG_INT("job", j->claim.id), LOG_ERR(e));
        if (wait_for_ring(r, rings_of(r), TROUBLE_MS * NS_PER_MS)) return false;
    }
}

static void end_count(struct job_runner *r, const struct job_end *end) {
    lock_take(&r->lock);
    switch (end->state) {
    case JOB_DONE: r->stats.done++; break;
    case JOB_FAILED: r->stats.failed++; break;
    case JOB_CANCELLED: r->stats.cancelled++; break;
    default: r->stats.retried += end->error.kind != ERR_NONE; break;
    }
    lock_give(&r->lock);
}

static void run(struct worker *w, struct arena *arena, const struct job_claim *claim) {
    struct job_runner *r = w->runner;
    struct job j = {.runner = r, .arena = arena, .claim = *claim, .step = "", .checkpoint = claim->checkpoint};
    lock_take(&r->lock);
    w->running = &j;
    r->stats.started++;
    r->stats.running++;
    if (r->must_end) atomic_store(&j.should_stop, true);
    lock_give(&r->lock);
    /* A cancel that came between the claim and this moment found nobody to tell. */
    struct saving s = {.job = &j};
    struct err e = db_read(r->options.db, cancel_read, &s);
    if (!e.kind && s.cancel_requested) cancel(&j);
    job_tell(r, claim->org_id, claim->id, JOB_RUNNING, false);

    const struct job_kind *kind = job_kind_find(r, claim->kind);
    if (kind)
        e = kind->run(&j, kind->user);
    else
        e = err_make(ERR_INPUT, "job.kind", "This program does not know this kind of work. It was made by another version.");
    j.end = end_of(&j, kind, e);
    if (e.kind && e.kind != ERR_CANCELLED)
        log_warn("job", "ended", LOG_INT("job", claim->id), LOG_SLICE("kind", claim->kind), LOG_TEXT("state", job_state_name(j.end.state)),
                 LOG_INT("attempt", claim->attempt), LOG_ERR(e));
    bool is_saved = end_save(&j);

    lock_take(&r->lock);
    w->running = NULL;
    r->stats.running--;
    lock_give(&r->lock);
    if (is_saved) {
        end_count(r, &j.end);
        job_tell(r, claim->org_id, claim->id, j.end.state, false);
        job_runner_wake(r); /* others may have waited for this one */
    }
    mem_free(j.checkpoint_copy);
}

/* --- the workers --- */

static void worker_run(void *arg) {
    struct worker *w = arg;
    struct job_runner *r = w->runner;
    struct arena *arena = NULL;
    for (bool must_end = false; !must_end;) {
        uint64_t rings = rings_of(r);
        if (!arena) arena = arena_create(ARENA_BYTES_MAX);
        struct claiming c = {.runner = r, .arena = arena};
        struct err e = arena ? db_write(r->options.db, claim_write, &c) : err_memory();
        if (e.kind) {
            log_warn("job", "claim", LOG_ERR(e));
            must_end = wait_for_ring(r, rings, TROUBLE_MS * NS_PER_MS);
            continue;
        }
        for (size_t i = 0; i < c.result.dropped_count; i++)
            job_tell(r, c.result.dropped[i].org_id, c.result.dropped[i].id, JOB_CANCELLED, false);
        if (c.result.found) {
            run(w, arena, &c.result.claim);
            arena_reset(arena);
            lock_take(&r->lock);
            must_end = r->must_end;
            lock_give(&r->lock);
            continue;
        }
        int64_t wait_ns = LOOK_AGAIN_S * NS_PER_S;
        if (c.result.next.ns) {
            int64_t left_ns = c.result.next.ns - now_of(r).ns;
            if (left_ns < wait_ns) wait_ns = left_ns > 0 ? left_ns : 0;
        }
        must_end = wait_for_ring(r, rings, wait_ns);
    }
    arena_destroy(&arena);
}

/* --- the runner --- */

static struct err recover_write(struct db_tx *tx, void *arg) {
    struct job_runner *r = arg;
    arena_reset(r->recovery_arena);
    return job_sql_recover(tx, r->recovery_arena, r->options.node, now_of(r), &r->recovery);
}

struct err job_runner_open(struct job_runner **out, const struct job_options *options) {
    assert(options->db && options->clock && options->ids);
    struct job_runner *r = mem_zalloc(sizeof *r);
    if (!r) return err_memory();
    r->options = *options;
    if (!r->options.workers) r->options.workers = 1;
    lock_init(&r->lock, LOCK_job_runner);
    condition_init(&r->rung);
    r->workers = mem_zalloc_array(r->options.workers, sizeof *r->workers);
    r->recovery_arena = arena_create(ARENA_BYTES_MAX);
    struct err e = r->workers && r->recovery_arena ? db_write(r->options.db, recover_write, r) : err_memory();
    if (e.kind) {
        job_runner_close(&r);
        return e;
    }
    if (r->recovery.requeued || r->recovery.ended_count)
        log_info("job", "recovered", LOG_INT("again", r->recovery.requeued), LOG_INT("ended", (int64_t)r->recovery.ended_count));
    *out = r;
    return ERR_OK;
}

struct err job_runner_start(struct job_runner *r) {
    assert(!r->worker_count);
    for (size_t i = 0; i < r->recovery.ended_count; i++) {
        const struct job_change *c = &r->recovery.ended[i];
        job_tell(r, c->org_id, c->id, c->state, false);
    }
    r->recovery = (struct job_recovery){0};
    arena_destroy(&r->recovery_arena);
    for (unsigned i = 0; i < r->options.workers; i++) {
        char name[16];
        snprintf(name, sizeof name, "job-%u", i);
        r->workers[i].runner = r;
        struct err e = thread_start(&r->workers[i].thread, name, worker_run, &r->workers[i]);
        if (e.kind) return e; /* those that did start go on; close ends them */
        lock_take(&r->lock);
        r->worker_count++;
        lock_give(&r->lock);
    }
    return ERR_OK;
}

void job_runner_wake(struct job_runner *r) {
    lock_take(&r->lock);
    r->rings++;
    condition_wake_all(&r->rung);
    lock_give(&r->lock);
}

void job_runner_ask_to_cancel(struct job_runner *r, int64_t id) {
    lock_take(&r->lock);
    for (unsigned i = 0; i < r->worker_count; i++) {
        struct job *j = r->workers[i].running;
        if (!j || j->claim.id != id) continue;
        j->cancel_requested = true;
        atomic_store(&j->should_stop, true);
    }
    lock_give(&r->lock);
}

void job_runner_stop(struct job_runner *r) {
    if (!r) return;
    lock_take(&r->lock);
    r->must_end = true;
    for (unsigned i = 0; i < r->worker_count; i++)
        if (r->workers[i].running) atomic_store(&r->workers[i].running->should_stop, true);
    condition_wake_all(&r->rung);
    lock_give(&r->lock);
    for (unsigned i = 0; i < r->worker_count; i++) thread_join(&r->workers[i].thread);
}

void job_runner_close(struct job_runner **address) {
    struct job_runner *r = *address;
    if (!r) return;
    *address = NULL;
    job_runner_stop(r);
    condition_destroy(&r->rung);
    lock_destroy(&r->lock);
    arena_destroy(&r->recovery_arena);
    mem_free(r->workers);
    mem_free(r);
}

struct job_stats job_stats(const struct job_runner *r) {
    struct job_runner *self = (struct job_runner *)r; /* only to lock it */
    lock_take(&self->lock);
    struct job_stats stats = r->stats;
    lock_give(&self->lock);
    return stats;
}
