/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The nightly check: asked for when it is time and not before, noted, and a job that failed where the books do not add up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "app/ledger_night.h"
#include "store.h"

static const int64_t start_s = 1760000000; /* 8:53 in the morning */
static const struct db_statement spoil = {"test.spoil", "UPDATE ledger_balance SET credits_posted = credits_posted + 1 WHERE credits_posted > 0"};
static const struct db_statement job_count = {"test.job_count", "SELECT count(*) FROM job"};

struct finished {
    struct lock lock;
    struct condition rung;
    int count;
    enum job_state last;
};
static void on_change(void *user, const struct job_change *c) {
    struct finished *f = user;
    if (c->is_progress || c->state == JOB_QUEUED || c->state == JOB_RUNNING) return;
    lock_take(&f->lock);
    f->count++;
    f->last = c->state;
    condition_wake_all(&f->rung);
    lock_give(&f->lock);
}
static enum job_state wait_for(struct finished *f, int count) {
    lock_take(&f->lock);
    while (f->count < count) condition_wait(&f->rung, &f->lock);
    enum job_state last = f->last;
    lock_give(&f->lock);
    return last;
}
static void ok(struct err e) {
    if (e.kind) fail_msg("%s: %s", e.code, e.what);
}

struct mover {
    struct ledger *ledger;
    struct id_maker *ids;
};
static struct err move(struct db_tx *tx, void *arg) {
    const struct mover *m = arg;
    int64_t from = 0, to = 0;
    struct err e = ledger_account_for(m->ledger, tx, 1, 978, LEDGER_CODE_OPENING, 0, 0, &from);
    if (!e.kind) e = ledger_account_for(m->ledger, tx, 1, 978, LEDGER_CODE_REVENUE, 0, 0, &to);
    const struct ledger_transfer t = {.id = id_next(m->ids), .debit_id = from, .credit_id = to, .amount = 5, .ledger = 978, .code = 1};
    return e.kind ? e : ledger_move(m->ledger, tx, &t, 1);
}
static struct err ruin(struct db_tx *tx, void *arg) { return DB_RUN(tx, &spoil); }
struct noted {
    struct ledger *ledger;
    int64_t jobs, differences, transfers;
};
static struct err look(struct db_tx *tx, void *arg) {
    struct noted *n = arg;
    struct arena *arena = arena_create(1 << 16);
    struct ledger_checks checks = {0};
    n->jobs = DB_GET_INT(tx, -1, &job_count);
    struct err e = ledger_checks(n->ledger, tx, arena, 1, &checks);
    n->differences = checks.count ? checks.items[0].differences : -1;
    n->transfers = checks.count ? checks.items[0].transfers : -1;
    arena_destroy(&arena);
    return e;
}

static void the_books_are_checked_each_night(void **state) {
    static const struct db_schema *const schemas[] = {&job_schema, &ledger_schema};
    struct db *db = test_store_open(test_store_of(state), schemas, 2);
    struct clock *clock = clock_manual_create(utc_from_seconds(start_s));
    struct id_maker *ids = id_maker_create(clock, 0);
    struct finished f = {0};
    lock_init(&f.lock, LOCK_test_outer);
    condition_init(&f.rung);
    struct ledger_night night = {.db = db, .clock = clock, .org_id = 1};
    ok(ledger_open(&night.ledger, &(struct ledger_options){.db = db, .clock = clock, .ids = ids}));
    struct job_kind kind = ledger_night_kind(&night);
    ok(job_runner_open(&night.jobs, &(struct job_options){.db = db, .clock = clock, .ids = ids, .kinds = &kind, .kind_count = 1, .on_change = on_change, .on_change_user = &f}));
    ok(job_runner_start(night.jobs));
    struct noted n = {.ledger = night.ledger};
    struct mover m = {night.ledger, ids};

    ok(ledger_night_tick(&night)); /* nothing was ever booked */
    ok(db_read(db, look, &n));
    assert_int_equal(n.jobs, 0);

    ok(db_write(db, move, &m));
    ok(ledger_night_tick(&night));
    assert_int_equal(wait_for(&f, 1), JOB_DONE);
    ok(db_read(db, look, &n));
    assert_int_equal(n.differences, 0);
    assert_int_equal(n.transfers, 1);

    clock_manual_advance(clock, 11 * 3600 * NS_PER_S); /* the evening: it was today */
    ok(ledger_night_tick(&night));
    ok(db_read(db, look, &n));
    assert_int_equal(n.jobs, 1);

    clock_manual_advance(clock, 7 * 3600 * NS_PER_S + 1800 * NS_PER_S); /* a quarter past three */
    ok(db_write(db, ruin, NULL));
    ok(ledger_night_tick(&night));
    assert_int_equal(wait_for(&f, 2), JOB_FAILED);
    ok(db_read(db, look, &n));
    assert_true(n.differences > 0);
    ok(ledger_night_tick(&night)); /* that was today's */
    ok(db_read(db, look, &n));
    assert_int_equal(n.jobs, 2);

    job_runner_close(&night.jobs);
    ledger_close(&night.ledger);
    db_close(&db);
    id_maker_destroy(&ids);
    clock_manual_destroy(&clock);
    condition_destroy(&f.rung);
    lock_destroy(&f.lock);
}

int main(void) {
    const struct CMUnitTest tests[] = {ON_SQLITE(the_books_are_checked_each_night)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
