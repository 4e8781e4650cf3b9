/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "app/ledger_night.h"

#include "base/log.h"

static const int64_t hour_ns = 3600 * NS_PER_S;

static void on_progress(void *job, double fraction) { job_progress(job, "ledger.verify", fraction); }

struct noting {
    struct ledger *ledger;
    const struct ledger_check *check;
};
static struct err note_write(struct db_tx *tx, void *arg) {
    const struct noting *n = arg;
    return ledger_check_note(n->ledger, tx, n->check);
}

static struct err night_run(struct job *job, void *user) {
    struct ledger_night *n = user;
    struct ledger_check c;
    struct err e = ledger_verify(n->ledger, job_arena(job), job_stop_flag(job), on_progress, job, &c);
    struct noting noting = {n->ledger, &c};
    if (!e.kind) e = db_write(n->db, note_write, &noting);
    if (e.kind) return e;
    for (size_t i = 0; i < c.difference_count; i++) {
        const struct ledger_difference *d = &c.differences[i];
        log_error("ledger", "difference", LOG_TEXT("kind", ledger_difference_word(d->kind)), LOG_TEXT("field", d->field), LOG_INT("account", d->account_id),
                  LOG_INT("transfer", d->transfer_id), LOG_INT("block", d->block), LOG_INT("stored", d->stored), LOG_INT("replayed", d->replayed));
    }
    /* The seal stands in the log, too, so that it is kept where the database is not. */
    log_info("ledger", "verified", LOG_INT("transfers", c.transfers), LOG_INT("differences", c.differences_total), LOG_TEXT("seal", c.seal),
             LOG_INT("seal_transfers", c.seal_transfers));
    return c.differences_total ? err_make(ERR_CONFLICT, "ledger.differences",
                                          "The books do not add up. Run `grandstand ledger verify` and see docs/ledger.md for what to do.")
                               : ERR_OK;
}

struct job_kind ledger_night_kind(struct ledger_night *n) { return (struct job_kind){.name = "ledger.verify", .run = night_run, .user = n}; }

static const struct db_statement book_is_used = {"ledger_night.is_used", "SELECT at_last FROM ledger_state WHERE id = 1"};
struct due {
    struct ledger_night *night;
    int64_t now_ns;
    bool is_due;
};
static struct err due_read(struct db_tx *tx, void *arg) {
    struct due *d = arg;
    d->is_due = false;
    if (!DB_GET_INT(tx, 0, &book_is_used)) return db_tx_error(tx);
    struct arena *arena = arena_create(64 << 10);
    if (!arena) return err_memory();
    struct ledger_checks checks = {0};
    struct err e = ledger_checks(d->night->ledger, tx, arena, 1, &checks);
    int64_t age_ns = checks.count ? d->now_ns - checks.items[0].noted_ns : INT64_MAX;
    bool is_night = d->now_ns / hour_ns % 24 == 3;
    d->is_due = age_ns >= (is_night ? 12 : 24) * hour_ns;
    arena_destroy(&arena);
    return e;
}

struct err ledger_night_tick(struct ledger_night *n) {
    struct due due = {.night = n, .now_ns = clock_utc(n->clock).ns};
    if (!n->jobs || (n->tried_ns && due.now_ns - n->tried_ns < hour_ns && due.now_ns >= n->tried_ns)) return ERR_OK;
    struct err e = db_read(n->db, due_read, &due);
    bool is_at_it = false;
    if (!e.kind && due.is_due) e = job_key_is_unfinished(n->jobs, SLICE("ledger.verify"), &is_at_it);
    if (e.kind || !due.is_due || is_at_it) return e;
    int64_t id;
    n->tried_ns = due.now_ns;
    return job_enqueue(n->jobs, &(struct job_new){.org_id = n->org_id, .kind = "ledger.verify", .payload = SLICE("{}"), .key = SLICE("ledger.verify")}, &id);
}
