/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The writer: one thread, one connection, groups of requests (see db.h for the model).
 *
 *   inbox --take--> queue --up to group_max--> group --> begin, each request, commit --> answers
 *
 * A savepoint for each request costs as much as a small request itself (statements of its own, and copies of all pages that are changed under it), and nearly none is
 * ever returned to: most of those that fail have only looked. So a group goes without them first; if a request fails after it has changed something, all is undone and
 * the group is run again with care, each request under a savepoint, and so are the next CAREFUL_GROUPS: whoever fails late all the time costs others little.
 *
 * What may end a group early, and what becomes of its requests:
 *   a request fails                        nothing, if it has changed nothing; else all are run again with care, where
 *                                          its savepoint is returned to and the others go on
 *   the database undid everything because  that request is answered with its error, the others are run again (at most
 *   of one statement (disk full, memory)   DROPS_MAX such requests; then all are answered with the last error)
 *   collision with another node            all are run again, at most RERUNS_MAX times; then db.contended
 *   connection lost before commit          provably nothing happened: connect again (with back-off, busy_wait_ms) and run again
 *   connection lost inside commit          connect again and ask what became of it: answered, or run again; db.in_doubt
 *                                          only when nobody can be asked */
#include <assert.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "system/db/driver.h"

enum { PARTICIPANTS_MAX = 4, RERUNS_MAX = 5, DROPS_MAX = 3, CAREFUL_GROUPS = 32, LOG_PAGES_KEPT = 8000, LOG_PAGES_MAX = 16000, BACKOFF_FIRST_MS = 20, BACKOFF_MAX_MS = 1000 };

static bool is_errand(const struct db_request *);

struct db_writer {
    struct db *db;
    struct db_connection *conn; /* NULL: lost */
    struct inbox inbox;
    struct inbox_item stop; /* the last thing ever pushed */
    struct thread *thread;
    unsigned group_max, queue_max;

    /* the writer thread's own */
    struct inbox_item *queue, **queue_end;
    struct db_request **group; /* group_max */
    bool *is_settled;          /* this request of the group has its final answer, before the commit */
    size_t group_len;
    const struct db_participant *participants[PARTICIPANTS_MAX];
    size_t participant_count;
    unsigned careful_groups; /* so many more, this one included, set a savepoint for each request */
    bool is_told; /* participants have been told of this try of the group */
    int log_pages_kept; /* so long was the log when it was last emptied; SQLite */
    bool has_warned; /* of the lost connection: one line per loss */
};

static const struct db_driver *driver_of(const struct db_writer *w) { return w->db->target.driver; }

/* --- the connection --- */

static void connection_drop(struct db_writer *w) {
    db_connection_close(&w->conn);
    db_count(&w->db->counters.connections_lost, 1);
}

/* A connection, new if need be: tries for busy_wait_ms. */
static struct err connection_need(struct db_writer *w) {
    struct mono_time give_up = mono_add_ns(clock_mono(clock_system()), w->db->target.busy_wait_ms * NS_PER_MS);
    int64_t pause_ms = BACKOFF_FIRST_MS;
    while (!w->conn) {
        struct err e = db_connection_open(&w->db->target, DB_ROLE_WRITER, &w->conn);
        if (!e.kind) {
            if (w->has_warned) log_info("db", "connected");
            w->has_warned = false;
            return ERR_OK;
        }
        if (!w->has_warned) log_warn("db", "lost", LOG_ERR(e));
        w->has_warned = true;
        int64_t left_ms = mono_diff_ns(give_up, clock_mono(clock_system())) / NS_PER_MS;
        if (left_ms <= 0) return db_error_lost();
        if (pause_ms > left_ms) pause_ms = left_ms;
        struct timespec pause = {.tv_sec = pause_ms / 1000, .tv_nsec = pause_ms % 1000 * NS_PER_MS};
        nanosleep(&pause, NULL);
        pause_ms = pause_ms * 2 < BACKOFF_MAX_MS ? pause_ms * 2 : BACKOFF_MAX_MS;
    }
    return ERR_OK;
}

/* --- participants --- */

/* What participants write belongs to no request: outside of savepoints, with a transaction handle of their own. */
static struct err participants_ask(struct db_writer *w, bool is_commit) {
    struct err e = ERR_OK;
    if (!w->participant_count) return e;
    struct db_tx tx = {.db = w->db, .conn = w->conn, .file = __FILE__, .line = __LINE__};
    for (size_t i = 0; i < w->participant_count && !e.kind; i++) {
        const struct db_participant *p = w->participants[i];
        e = is_commit ? p->before_commit(p->self, &tx) : p->before_request(p->self, &tx);
        if (tx.error.kind) e = tx.error;
    }
    w->is_told = true;
    return e;
}

static void participants_tell_request(struct db_writer *w, bool is_kept) {
    for (size_t i = 0; i < w->participant_count; i++) w->participants[i]->after_request(w->participants[i]->self, is_kept);
}

static void participants_tell_group(struct db_writer *w, enum db_group_end end) {
    if (!w->is_told) return;
    w->is_told = false;
    for (size_t i = 0; i < w->participant_count; i++) w->participants[i]->after_group(w->participants[i]->self, end);
}

/* --- one group --- */

enum outcome {
    OUTCOME_ANSWERED, /* every request has its answer */
    OUTCOME_DROPPED,  /* one request was settled, everything was undone: run the others again */
    OUTCOME_AGAIN,    /* everything was undone: run it again */
    OUTCOME_CAREFUL,  /* a request failed half-way and there is no savepoint to return to; everything was undone: run it again with care */
    OUTCOME_FAILED,   /* `*error` for all that are not settled */
};

static enum outcome outcome_of_fate(struct db_writer *w, enum db_fate fate) {
    driver_of(w)->rollback(w->conn);
    if (fate == DB_FATE_LOST || w->conn->is_unusable) connection_drop(w);
    return fate == DB_FATE_GONE ? OUTCOME_FAILED : OUTCOME_AGAIN;
}

/* A participant could not do its part, or the commit was refused: nothing of this group may stand. Trying again would fail again, unless it was a statement of another
 * request that failed, and nobody has waited for its answer: with care the error comes to the one whose it is. */
static enum outcome undo_for(struct db_writer *w) {
    enum db_fate fate = w->conn->fate;
    bool is_final = fate == DB_FATE_OPEN || fate == DB_FATE_GONE, is_anothers = w->conn->is_late && !w->careful_groups && w->group_len > 1;
    enum outcome outcome = outcome_of_fate(w, fate);
    return !is_final ? outcome : is_anothers ? OUTCOME_CAREFUL : OUTCOME_FAILED;
}

/* Runs one request, under a savepoint where care is due. OUTCOME_ANSWERED: the transaction goes on. */
static enum outcome request_run(struct db_writer *w, size_t i, struct err *error) {
    struct db_request *r = w->group[i];
    const struct db_driver *d = driver_of(w);
    bool is_careful = w->careful_groups > 0;
    *error = participants_ask(w, false);
    if (!error->kind && is_careful) *error = d->settle(w->conn);
    if (error->kind) return undo_for(w);
    if (is_careful) *error = d->savepoint_set(w->conn);
    if (error->kind) return outcome_of_fate(w, w->conn->fate);

    w->conn->must_undo = false;
    r->answer = db_tx_run(w->db, w->conn, r->fn, r->arg, r->file, r->line);
    if (w->conn->fate == DB_FATE_OPEN && (is_careful || r->answer.kind)) { /* a statement that failed before is the reason, as if it had been waited for */
        struct err late = d->settle(w->conn);
        if (late.kind) r->answer = late;
    }
    if (w->conn->fate == DB_FATE_OPEN && r->answer.kind && w->conn->must_undo && !is_careful) {
        outcome_of_fate(w, DB_FATE_OPEN);
        if (w->group_len > 1) return OUTCOME_CAREFUL;
        w->is_settled[i] = true; /* it is all there is */
        return OUTCOME_DROPPED;
    }
    if (w->conn->fate == DB_FATE_OPEN) {
        if (is_careful) *error = r->answer.kind ? d->savepoint_return(w->conn) : d->savepoint_release(w->conn);
        if (error->kind) return outcome_of_fate(w, w->conn->fate);
        participants_tell_request(w, !r->answer.kind);
        return OUTCOME_ANSWERED;
    }
    *error = r->answer;
    assert(error->kind); /* a transaction does not end without an error */
    enum outcome outcome = outcome_of_fate(w, w->conn->fate);
    if (outcome != OUTCOME_FAILED) return outcome;
    w->is_settled[i] = true;
    return OUTCOME_DROPPED;
}

/* The connection broke inside commit: asks on a new one what became of it. */
static enum outcome doubt_resolve(struct db_writer *w, struct err *error) {
    struct db_connection *before = w->conn;
    w->conn = NULL;
    db_count(&w->db->counters.connections_lost, 1);
    bool was_committed = false;
    struct err e = connection_need(w);
    if (!e.kind) e = driver_of(w)->was_committed(w->conn, before, &was_committed);
    db_connection_close(&before);
    if (e.kind) {
        *error = err_make(ERR_IO, "db.in_doubt",
                          "The connection to the database broke while saving. Look whether it was saved before you try again.");
        log_error("db", "in_doubt", LOG_ERR(e));
        return OUTCOME_FAILED;
    }
    log_info("db", "doubt_resolved", LOG_BOOL("committed", was_committed));
    return was_committed ? OUTCOME_ANSWERED : OUTCOME_AGAIN;
}

/* *did_commit: something was changed and it is durable. */
static enum outcome group_commit(struct db_writer *w, struct err *error, bool *did_commit) {
    const struct db_driver *d = driver_of(w);
    bool has_success = false;
    for (size_t i = 0; i < w->group_len; i++) has_success |= !w->is_settled[i] && !w->group[i]->answer.kind;
    if (!has_success) { /* nothing stands in this transaction */
        d->rollback(w->conn);
        if (w->conn->is_unusable) connection_drop(w);
        return OUTCOME_ANSWERED;
    }
    *error = participants_ask(w, true);
    if (error->kind) return undo_for(w);
    struct mono_time start = clock_mono(clock_system());
    *error = d->commit(w->conn);
    db_count(&w->db->counters.commit_ns, (uint64_t)mono_diff_ns(clock_mono(clock_system()), start));
    *did_commit = !error->kind;
    if (!error->kind) return OUTCOME_ANSWERED;
    db_count(&w->db->counters.commits_failed, 1);
    if (w->conn->fate != DB_FATE_DOUBT) return undo_for(w);
    enum outcome outcome = doubt_resolve(w, error);
    *did_commit = outcome == OUTCOME_ANSWERED;
    return outcome;
}

static enum outcome group_attempt(struct db_writer *w, struct err *error, bool *did_commit) {
    *error = connection_need(w);
    if (error->kind) return OUTCOME_FAILED;
    *error = driver_of(w)->begin(w->conn);
    if (error->kind) return outcome_of_fate(w, w->conn->fate);
    for (size_t i = 0; i < w->group_len; i++) {
        if (w->is_settled[i]) continue;
        enum outcome outcome = request_run(w, i, error);
        if (outcome != OUTCOME_ANSWERED) return outcome;
    }
    return group_commit(w, error, did_commit);
}

static enum outcome group_try(struct db_writer *w, struct err *error) {
    bool did_commit = false;
    enum outcome outcome = group_attempt(w, error, &did_commit);
    bool is_unknown = outcome == OUTCOME_FAILED && error->code && !strcmp(error->code, "db.in_doubt");
    participants_tell_group(w, did_commit ? DB_GROUP_COMMITTED : is_unknown ? DB_GROUP_UNKNOWN : DB_GROUP_UNDONE);
    return outcome;
}

static void group_run(struct db_writer *w) {
    struct db_counters *n = &w->db->counters;
    memset(w->is_settled, 0, w->group_len * sizeof *w->is_settled);
    db_inside_set(true);
    struct err error = ERR_OK;
    enum outcome outcome = OUTCOME_AGAIN;
    for (int reruns = 0, drops = 0; outcome != OUTCOME_ANSWERED && outcome != OUTCOME_FAILED;) {
        outcome = group_try(w, &error);
        if (outcome == OUTCOME_DROPPED && ++drops > DROPS_MAX) outcome = OUTCOME_FAILED;
        if (outcome == OUTCOME_AGAIN && ++reruns > RERUNS_MAX) outcome = OUTCOME_FAILED;
        if (outcome == OUTCOME_CAREFUL) w->careful_groups = CAREFUL_GROUPS;
        if (outcome == OUTCOME_DROPPED || outcome == OUTCOME_AGAIN || outcome == OUTCOME_CAREFUL) db_count(&n->reruns, 1);
    }
    db_inside_set(false);
    if (w->careful_groups) w->careful_groups--;
    if (outcome == OUTCOME_FAILED) {
        assert(error.kind);
        for (size_t i = 0; i < w->group_len; i++)
            if (!w->is_settled[i]) w->group[i]->answer = error;
    } else {
        db_count(&n->groups, 1);
        if (w->group_len > atomic_load(&n->group_writes_max)) atomic_store(&n->group_writes_max, w->group_len);
    }
}

/* After the commit, before anybody is told: who hears of it and asks for the counters finds this group in them. */
static void group_answer(struct db_writer *w) {
    struct db_counters *n = &w->db->counters;
    struct mono_time now = clock_mono(clock_system());
    uint64_t failed = 0, wait_ns = 0;
    for (size_t i = 0; i < w->group_len; i++) {
        failed += w->group[i]->answer.kind != ERR_NONE;
        wait_ns += (uint64_t)mono_diff_ns(now, w->group[i]->queued_at);
    }
    db_count(&n->writes, w->group_len);
    db_count(&n->writes_failed, failed);
    db_count(&n->wait_ns, wait_ns);
    atomic_fetch_sub(&n->queued, w->group_len);
    db_inside_set(true);
    for (size_t i = 0; i < w->group_len; i++) w->group[i]->done(w->group[i], w->group[i]->answer);
    db_inside_set(false);
}

/* --- the thread --- */

static struct db_request *request_of(struct inbox_item *item) {
    return (struct db_request *)((char *)item - offsetof(struct db_request, item));
}

/* Appends what has come to the queue; true when the stop is among it. It is the last: nobody asks after it. */
static bool queue_fill(struct db_writer *w, struct inbox_item *items) {
    bool must_stop = false;
    while (items) {
        struct inbox_item *next = items->next;
        if (items == &w->stop) {
            must_stop = true;
        } else {
            items->next = NULL;
            *w->queue_end = items;
            w->queue_end = &items->next;
        }
        items = next;
    }
    return must_stop;
}

/* Errands (joining, leaving) are done in their turn, between groups. */
static void group_gather(struct db_writer *w) {
    w->group_len = 0;
    while (w->queue && w->group_len < w->group_max) {
        struct db_request *r = request_of(w->queue);
        if (is_errand(r) && w->group_len) break;
        if (is_errand(r)) {
            w->queue = w->queue->next;
            r->done(r, r->fn(NULL, r->arg));
            continue;
        }
        w->group[w->group_len++] = request_of(w->queue);
        w->queue = w->queue->next;
    }
    if (!w->queue) w->queue_end = &w->queue;
}

/* The log of a SQLite database is emptied beside the writer, each time it has grown by LOG_PAGES_KEPT: often enough that little is left to do, rarely enough that a
 * page that is changed again and again is copied once and the disk is the commits' own for most of the time. The log begins anew when all of it has been copied, which
 * under endless load never happens by itself: then the writer copies the rest between two groups. So the file stays small, and most of what is appended to it
 * overwrites what is there, which a disk confirms sooner than a file that grows. */
static void log_keep(struct db_writer *w) {
    if (!w->conn || !driver_of(w)->checkpoint) return;
    int pages = w->conn->wal_pages;
    if (pages < w->log_pages_kept) w->log_pages_kept = 0; /* it has begun anew */
    if (pages - w->log_pages_kept >= LOG_PAGES_KEPT) {
        w->log_pages_kept = pages;
        db_keeper_wake(w->db);
    }
    if (pages < LOG_PAGES_MAX) return;
    struct err e = driver_of(w)->checkpoint(w->conn);
    (void)e; /* logged there; the log only grows a little longer */
}

static void writer_run(void *arg) {
    struct db_writer *w = arg;
    bool must_stop = false;
    for (;;) {
        if (!must_stop) must_stop = queue_fill(w, w->queue ? inbox_take_all(&w->inbox) : inbox_wait(&w->inbox, -1));
        if (!w->queue && must_stop) return;
        group_gather(w);
        if (!w->group_len) continue;
        group_run(w);
        group_answer(w);
        log_keep(w);
    }
}

struct err db_writer_start(struct db_writer **out, struct db *db, struct db_connection *first, const struct db_options *o) {
    struct db_writer *w = mem_zalloc(sizeof *w);
    if (!w) return err_memory();
    w->db = db;
    w->queue_end = &w->queue;
    w->group_max = o->group_max;
    w->queue_max = o->queue_max;
    w->group = mem_zalloc_array(w->group_max, sizeof(struct db_request *));
    w->is_settled = mem_zalloc_array(w->group_max, sizeof *w->is_settled);
    struct err e = w->group && w->is_settled ? inbox_open(&w->inbox) : err_memory();
    if (e.kind) {
        w->inbox.event_fd = -1;
    } else {
        w->conn = first;
        e = thread_start(&w->thread, "db-writer", writer_run, w);
    }
    if (e.kind) {
        if (w->inbox.event_fd >= 0) inbox_close(&w->inbox);
        mem_free(w->is_settled);
        mem_free(w->group);
        mem_free(w);
        return e;
    }
    *out = w;
    return ERR_OK;
}

struct db_connection *db_writer_stop(struct db_writer **address) {
    struct db_writer *w = *address;
    if (!w) return NULL;
    *address = NULL;
    inbox_push(&w->inbox, &w->stop);
    thread_join(&w->thread);
    assert(!w->queue);
    struct db_connection *conn = w->conn;
    inbox_close(&w->inbox);
    mem_free(w->is_settled);
    mem_free(w->group);
    mem_free(w);
    return conn;
}

/* --- asking --- */

void db_write_async_at(struct db *db, struct db_request *r, const char *file, int line) {
    struct db_writer *w = db->writer;
    assert(r->fn && r->done);
    r->file = file;
    r->line = line;
    r->queued_at = clock_mono(clock_system());
    if (atomic_fetch_add(&db->counters.queued, 1) >= w->queue_max) {
        atomic_fetch_sub(&db->counters.queued, 1);
        db_count(&db->counters.queue_full, 1);
        r->done(r, err_make(ERR_BUSY, "db.queue_full", "More is being saved than the disk can take. Try again in a moment."));
        return;
    }
    inbox_push(&w->inbox, &r->item);
}

struct waiter {
    struct db_request request;
    struct lock lock;
    struct condition rung;
    struct err answer;
    bool is_answered;
};

static void waiter_done(struct db_request *r, struct err answer) {
    struct waiter *waiter = (struct waiter *)r; /* the request is its first member */
    lock_take(&waiter->lock);
    waiter->answer = answer;
    waiter->is_answered = true;
    condition_wake_one(&waiter->rung);
    lock_give(&waiter->lock);
}

static void waiter_open(struct waiter *w) {
    lock_init(&w->lock, LOCK_db_answer);
    condition_init(&w->rung);
}

static struct err waiter_wait(struct waiter *w) {
    lock_take(&w->lock);
    while (!w->is_answered) condition_wait(&w->rung, &w->lock);
    lock_give(&w->lock);
    condition_destroy(&w->rung);
    lock_destroy(&w->lock);
    return w->answer;
}

struct err db_write_at(struct db *db, db_fn *fn, void *arg, const char *file, int line) {
    assert(!db_is_inside()); /* the writer would wait for itself: pass the db_tx on instead */
    struct waiter waiter = {.request = {.fn = fn, .arg = arg, .done = waiter_done}};
    waiter_open(&waiter);
    db_write_async_at(db, &waiter.request, file, line);
    return waiter_wait(&waiter);
}

/* --- joining and leaving --- */

struct errand {
    struct waiter waiter; /* first: see waiter_done */
    struct db_writer *writer;
    const struct db_participant *participant;
};

static void participant_leave(struct db_writer *w, const struct db_participant *p) {
    size_t kept = 0;
    for (size_t i = 0; i < w->participant_count; i++)
        if (w->participants[i] != p) w->participants[kept++] = w->participants[i];
    w->participant_count = kept;
}

static struct err errand_join(struct db_tx *tx, void *arg) {
    struct errand *errand = arg;
    struct db_writer *w = errand->writer;
    if (w->participant_count == PARTICIPANTS_MAX)
        return err_make(ERR_LIMIT, "db.participants", "No more parts of the program can take part in what is saved.");
    w->participants[w->participant_count++] = errand->participant;
    return ERR_OK;
}

static struct err errand_leave(struct db_tx *tx, void *arg) {
    struct errand *errand = arg;
    participant_leave(errand->writer, errand->participant);
    return ERR_OK;
}

static bool is_errand(const struct db_request *r) { return r->fn == errand_join || r->fn == errand_leave; }

/* Without room in the queue too: who leaves must be gone when this returns. */
static struct err errand_run(struct db *db, db_fn *fn, const struct db_participant *p) {
    assert(!db_is_inside());
    struct errand errand = {.writer = db->writer, .participant = p};
    struct db_request *r = &errand.waiter.request;
    *r = (struct db_request){.fn = fn, .arg = &errand, .done = waiter_done, .queued_at = clock_mono(clock_system())};
    waiter_open(&errand.waiter);
    inbox_push(&db->writer->inbox, &r->item);
    return waiter_wait(&errand.waiter);
}

struct err db_join(struct db *db, const struct db_participant *p) {
    assert(p->before_request && p->after_request && p->before_commit && p->after_group);
    return errand_run(db, errand_join, p);
}
void db_leave(struct db *db, const struct db_participant *p) {
    struct err e = errand_run(db, errand_leave, p);
    assert(!e.kind);
}
