/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The room opened and closed, and the rounds of its thread: judge what came, send what the sandbox sends, say what is to be said, take in what was answered, ask what is overdue. */
#include "business/pay/pay.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "business/pay/room.h"

enum { CALLS_DEFAULT = 16, ROUNDS_MAX = 100000 };
#define LOOK_NS NS_PER_S

struct err pay_open(struct pay **out, const struct pay_options *options) {
    struct pay *p = mem_zalloc(sizeof *p);
    if (!p) return err_memory();
    p->o = *options;
    lock_init(&p->lock, LOCK_pay);
    lock_init(&p->settings_lock, LOCK_pay_settings);
    condition_init(&p->changed);
    struct err e = keys_named(options->keys, "pay", &p->key);
    if (!e.kind) e = calls_open(&p->calls, options->calls_max ? options->calls_max : CALLS_DEFAULT);
    if (!e.kind) e = outbox_begin(p);
    if (e.kind) pay_close(&p);
    else *out = p;
    return e;
}

void pay_listen(struct pay *p, const struct pay_listener *listener) { p->listener = *listener; }

void pay_close(struct pay **pay) {
    struct pay *p = *pay;
    if (!p) return;
    lock_take(&p->lock);
    p->must_stop = true;
    lock_give(&p->lock);
    if (p->calls) calls_wake(p->calls);
    thread_join(&p->thread);
    calls_close(&p->calls, outbox_pending_free);
    configs_free(p);
    sodium_memzero(&p->key, sizeof p->key);
    condition_destroy(&p->changed);
    lock_destroy(&p->lock);
    lock_destroy(&p->settings_lock);
    MEM_FREE(pay);
}

void pay_wake(struct pay *p) {
    lock_take(&p->lock);
    p->is_woken = true;
    lock_give(&p->lock);
    calls_wake(p->calls);
}

/* --- rounds --- */

struct due_work {
    int64_t now_us;
    bool is_due;
    int64_t next_us;
};
static struct err due_fn(struct db_tx *tx, void *arg) {
    struct due_work *w = arg;
    w->next_us = DB_GET_INT(tx, 0, &pay_due);
    return db_tx_error(tx);
}

/* Everything that is due once. *did: whether there was anything. */
static struct err round_do(struct pay *p, bool *did) {
    struct due_work due = {.now_us = now_us(p)};
    size_t count = 0;
    struct arena *arena = arena_create(ROUND_ARENA_BYTES);
    struct err e = arena ? outbox_answers(p, arena, &count) : err_memory();
    if (!e.kind) e = db_read(p->o.db, due_fn, &due);
    /* Put off before the clock went back: each step knows what is too far away to be meant. */
    bool is_due = due.next_us && (due.next_us <= due.now_us || due.next_us > due.now_us + 2 * RETRY_MAX_S * INT64_C(1000000));
    if (!e.kind && is_due) {
        e = webhooks_judge(p, &count);
        if (!e.kind) e = outbox_work(p, arena, &count);
        if (!e.kind) e = sandbox_send_due(p, arena, &count);
    }
    bool sweeps = now_us(p) >= p->sweep_due_us || p->sweep_due_us - now_us(p) > INT64_C(7200000000);
    if (!e.kind && (is_due || sweeps)) e = reconcile_due(p, arena, &count);
    arena_destroy(&arena);
    *did = count > 0;
    return e;
}

/* Until nothing is due and nobody is being waited for. */
static struct err rounds_run(struct pay *p) {
    struct err e = ERR_OK;
    bool did = true;
    for (int i = 0; !e.kind && i < ROUNDS_MAX && (did || calls_running(p->calls)); i++) {
        e = round_do(p, &did);
        if (!e.kind && !did && calls_running(p->calls)) calls_wait(p->calls, LOOK_NS);
    }
    return e;
}

static void pay_run_thread(void *arg) {
    struct pay *p = arg;
    for (;;) {
        lock_take(&p->lock);
        bool must_stop = p->must_stop;
        uint64_t wanted = p->runs_wanted;
        p->is_woken = false;
        lock_give(&p->lock);
        if (must_stop) return;
        bool did = false;
        struct err e = round_do(p, &did);
        if (e.kind) log_warn("pay", "round not finished", LOG_ERR(e));
        bool is_idle = e.kind || (!did && !calls_running(p->calls));
        lock_take(&p->lock);
        if (is_idle && wanted > p->runs_done) {
            p->runs_done = wanted;
            p->run_error = e;
            condition_wake_all(&p->changed);
        }
        bool goes_on = p->is_woken || p->must_stop || (did && !e.kind);
        lock_give(&p->lock);
        if (!goes_on) calls_wait(p->calls, LOOK_NS);
    }
}

struct err pay_start(struct pay *p) {
    assert(!p->is_started);
    struct err e = thread_start(&p->thread, "pay", pay_run_thread, p);
    if (e.kind) return e;
    lock_take(&p->lock);
    p->is_started = true;
    lock_give(&p->lock);
    return ERR_OK;
}

struct err pay_run(struct pay *p) {
    lock_take(&p->lock);
    if (!p->is_started) {
        lock_give(&p->lock);
        return rounds_run(p);
    }
    uint64_t mine = ++p->runs_wanted;
    p->is_woken = true;
    lock_give(&p->lock);
    calls_wake(p->calls);
    lock_take(&p->lock);
    while (p->runs_done < mine && !p->must_stop) condition_wait(&p->changed, &p->lock);
    struct err e = p->run_error;
    lock_give(&p->lock);
    return e;
}

struct pay_stats pay_stats(const struct pay *p) {
    const _Atomic uint64_t *n = p->counts;
    return (struct pay_stats){.calls = n[COUNT_CALLS], .calls_failed = n[COUNT_CALLS_FAILED], .calls_retried = n[COUNT_CALLS_RETRIED], .webhooks = n[COUNT_WEBHOOKS], .webhooks_forged = n[COUNT_FORGED],
                              .webhooks_duplicate = n[COUNT_DUPLICATE], .webhooks_applied = n[COUNT_APPLIED], .captured = n[COUNT_CAPTURED], .failed = n[COUNT_FAILED], .refunds_done = n[COUNT_REFUNDED],
                              .chargebacks = n[COUNT_CHARGEBACKS], .parked = n[COUNT_PARKED], .corrected = n[COUNT_CORRECTED]};
}

struct waiting_work {
    struct pay *p;
    int64_t org_id;
    struct pay_waiting out;
};
static struct err waiting_fn(struct db_tx *tx, void *arg) {
    struct waiting_work *w = arg;
    struct arena *arena = arena_create(64 << 10);
    struct db_rows rows;
    struct err e = arena ? ERR_OK : err_memory();
    w->out = (struct pay_waiting){.parked = DB_GET_INT(tx, 0, &pay_parked_waiting, DB_INT("org_id", w->org_id)), .chargebacks = DB_GET_INT(tx, 0, &pay_chargebacks_open, DB_INT("org_id", w->org_id))};
    if (!e.kind && !w->org_id) {
        w->out.webhooks = DB_GET_INT(tx, 0, &pay_webhook_waiting);
        e = DB_QUERY(tx, arena, &rows, &pay_open_states);
        for (size_t i = 0; !e.kind && i < rows.count; i++) {
            int64_t state = db_int(&rows, i, "state"), n = db_int(&rows, i, "n");
            if (state == PAY_CREATED) w->out.created = n;
            if (state == PAY_REQUIRES_ACTION) w->out.requires_action = n;
            if (state == PAY_PROCESSING) w->out.processing = n;
        }
        if (!e.kind) e = DB_QUERY(tx, arena, &rows, &pay_outbox_waiting);
        if (!e.kind && rows.count && db_int(&rows, 0, "n")) {
            int64_t age_s = now_us(w->p) / 1000000 - id_seconds(db_int(&rows, 0, "oldest"));
            w->out.outbox = db_int(&rows, 0, "n");
            w->out.outbox_age_s = age_s > 0 ? age_s : 0;
        }
    }
    arena_destroy(&arena);
    return e.kind ? e : db_tx_error(tx);
}
struct err pay_waiting(struct pay *p, int64_t org_id, struct pay_waiting *out) {
    struct waiting_work w = {.p = p, .org_id = org_id};
    struct err e = db_read(p->o.db, waiting_fn, &w);
    if (!e.kind) *out = w.out;
    return e;
}
