/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * For those who want work done, or ask how it goes. */
#include <string.h>

#include "system/job/runner.h"

/* --- enqueue --- */

enum { SUBJECT_BYTES_MAX = 64, KEY_BYTES_MAX = 128 };

struct err job_add(struct job_runner *r, struct db_tx *tx, const struct job_new *n, int64_t *id) {
    if (!job_kind_find(r, slice_cstr(n->kind))) return err_make(ERR_INPUT, "job.kind", "There is no such kind of work.");
    if (n->subject.len > SUBJECT_BYTES_MAX || n->payload.len > JOB_PAYLOAD_BYTES_MAX || n->key.len > KEY_BYTES_MAX ||
        n->after_key.len > KEY_BYTES_MAX)
        return err_make(ERR_LIMIT, "job.large", "The description of this work is too long.");
    int64_t made = id_next(r->options.ids);
    struct err e = job_sql_insert(tx, n, made, clock_utc(r->options.clock));
    if (!e.kind) *id = made;
    return e;
}

struct enqueueing {
    struct job_runner *runner;
    const struct job_new *job;
    int64_t id;
};
static struct err enqueue_write(struct db_tx *tx, void *arg) {
    struct enqueueing *q = arg;
    return job_add(q->runner, tx, q->job, &q->id);
}

struct err job_enqueue(struct job_runner *r, const struct job_new *n, int64_t *id) {
    struct enqueueing q = {.runner = r, .job = n};
    struct err e = db_write(r->options.db, enqueue_write, &q);
    if (e.kind) return e;
    *id = q.id;
    job_tell(r, n->org_id, q.id, JOB_QUEUED, false);
    job_runner_wake(r);
    return ERR_OK;
}

/* --- cancel --- */

struct cancelling {
    struct job_runner *runner;
    int64_t org_id, id;
    enum job_state state;
};
static struct err cancel_write(struct db_tx *tx, void *arg) {
    struct cancelling *c = arg;
    return job_sql_cancel(tx, c->org_id, c->id, clock_utc(c->runner->options.clock), &c->state);
}

struct err job_cancel(struct job_runner *r, int64_t org_id, int64_t id) {
    struct cancelling c = {.runner = r, .org_id = org_id, .id = id};
    struct err e = db_write(r->options.db, cancel_write, &c);
    if (e.kind) return e;
    if (c.state == JOB_CANCELLED) {
        job_tell(r, org_id, id, JOB_CANCELLED, false);
        job_runner_wake(r); /* those that waited for it */
    } else {
        job_runner_ask_to_cancel(r, id);
    }
    return ERR_OK;
}

/* --- looking --- */

/* What a run has told since it was last written. */
static void add_newest(struct job_runner *r, struct job_info *info) {
    if (info->state != JOB_RUNNING) return;
    lock_take(&r->lock);
    for (unsigned i = 0; i < r->worker_count; i++) {
        const struct job *j = r->workers[i].running;
        if (!j || j->claim.id != info->id || !j->step[0]) continue;
        info->step = slice_cstr(j->step);
        info->fraction = j->fraction;
        info->cancel_requested |= j->cancel_requested;
    }
    lock_give(&r->lock);
}

struct looking {
    struct arena *arena;
    int64_t org_id, id;
    struct slice name; /* public id or key */
    size_t limit;
    struct job_info info;
    struct job_list list;
    bool is_unfinished;
};
static struct err get_read(struct db_tx *tx, void *arg) {
    struct looking *l = arg;
    return job_sql_get(tx, l->arena, l->org_id, l->id, &l->info);
}
static struct err list_read(struct db_tx *tx, void *arg) {
    struct looking *l = arg;
    return job_sql_list(tx, l->arena, l->org_id, l->id, l->limit, &l->list);
}
static struct err find_read(struct db_tx *tx, void *arg) {
    struct looking *l = arg;
    return job_sql_find(tx, l->org_id, l->name, &l->id);
}
static struct err key_read(struct db_tx *tx, void *arg) {
    struct looking *l = arg;
    l->is_unfinished = job_sql_key_is_unfinished(tx, l->name);
    return db_tx_error(tx);
}
static struct err unfinished_read(struct db_tx *tx, void *arg) {
    struct looking *l = arg;
    l->is_unfinished = job_sql_is_unfinished(tx, l->id);
    return ERR_OK;
}

struct err job_get(struct job_runner *r, struct arena *arena, int64_t org_id, int64_t id, struct job_info *out) {
    struct looking l = {.arena = arena, .org_id = org_id, .id = id};
    struct err e = db_read(r->options.db, get_read, &l);
    if (e.kind) return e;
    add_newest(r, &l.info);
    *out = l.info;
    return ERR_OK;
}

struct err job_list(struct job_runner *r, struct arena *arena, int64_t org_id, int64_t before_id, size_t limit, struct job_list *out) {
    enum { LIST_MAX = 500 };
    struct looking l = {.arena = arena, .org_id = org_id, .id = before_id, .limit = limit < LIST_MAX ? limit : LIST_MAX};
    struct err e = db_read(r->options.db, list_read, &l);
    if (e.kind) return e;
    for (size_t i = 0; i < l.list.count; i++) add_newest(r, &l.list.items[i]);
    *out = l.list;
    return ERR_OK;
}

struct err job_is_unfinished(struct job_runner *r, int64_t id, bool *out) {
    struct looking l = {.id = id};
    struct err e = db_read(r->options.db, unfinished_read, &l);
    if (!e.kind) *out = l.is_unfinished;
    return e;
}

struct err job_find(struct job_runner *r, int64_t org_id, struct slice public_id, int64_t *id) {
    struct looking l = {.org_id = org_id, .name = public_id};
    struct err e = db_read(r->options.db, find_read, &l);
    if (!e.kind) *id = l.id;
    return e;
}

struct err job_key_is_unfinished(struct job_runner *r, struct slice key, bool *out) {
    struct looking l = {.name = key};
    struct err e = db_read(r->options.db, key_read, &l);
    if (!e.kind) *out = l.is_unfinished;
    return e;
}

/* --- forgetting --- */

struct pruning {
    struct utc_time before;
    int64_t count;
};
static struct err prune_write(struct db_tx *tx, void *arg) {
    struct pruning *p = arg;
    return job_sql_prune(tx, p->before, &p->count);
}

struct err job_prune(struct job_runner *r, struct utc_time before) {
    struct pruning p = {.before = before};
    return db_write(r->options.db, prune_write, &p);
}
