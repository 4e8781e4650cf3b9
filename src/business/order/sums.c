/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Months that are over, added up for the figures. order_revenue has a row for each day, offer, title and country: of a year with a million orders nearly as many as orders. Nothing of a
 * month changes any more once it is over (refunds count on the day on which they are made), so what figures ask for is added up then, by one statement for each question, behind
 * everybody's back: no sale pays for it. Whoever asks reads the sums of whole months and, before and behind them, the rows of at most two months.
 *
 * Should somebody after all note something in a month that was added up (a clock that went back, a year of example sales), the sums from that month on are forgotten in
 * the same transaction, and made again. */
#include <time.h>

#include "business/order/order_sql.h"
#include "business/order/room.h"

enum { CLOSED_AFTER_S = 2 * DAY_S, MONTHS_AT_ONCE = 24 };

/* The first second of the month in which `at_s` lies, or of one so many months on. UTC. */
static int64_t month_of(int64_t at_s, int months_on) {
    time_t at = (time_t)at_s;
    struct tm tm;
    gmtime_r(&at, &tm);
    return timegm(&(struct tm){.tm_year = tm.tm_year, .tm_mon = tm.tm_mon + months_on, .tm_mday = 1});
}

static struct err until_fn(struct db_tx *tx, void *arg) {
    *(int64_t *)arg = DB_GET_INT(tx, 0, &order_summed_newest);
    return db_tx_error(tx);
}
struct err sums_open(struct order_room *r) {
    int64_t until_s = 0;
    struct err e = db_read(r->o.db, until_fn, &until_s);
    int64_t known_s = atomic_load(&r->summed_until_s);
    while (!e.kind && until_s > known_s && !atomic_compare_exchange_weak(&r->summed_until_s, &known_s, until_s)) continue;
    return e;
}

struct err sums_forget(struct order_room *r, struct db_tx *tx, int64_t org_id, int64_t day_s) {
    if (day_s >= atomic_load_explicit(&r->summed_until_s, memory_order_relaxed)) return ERR_OK;
    int64_t until_s = DB_GET_INT(tx, 0, &order_summed, DB_INT("org_id", org_id)), month_s = month_of(day_s, 0);
    struct err e = db_tx_error(tx);
    if (!e.kind && day_s < until_s) e = DB_RUN(tx, &order_sum_forget, DB_INT("org_id", org_id), DB_INT("from_s", month_s));
    if (e.kind || day_s >= until_s) return e;
    atomic_store(&r->summed_month_s, 0);
    return DB_RUN(tx, &order_summed_put, DB_INT("org_id", org_id), DB_INT("until_s", month_s));
}

struct month_work {
    int64_t org_id, now_s;
    bool did;
};

static struct err month_fn(struct db_tx *tx, void *arg) {
    struct month_work *w = arg;
    int64_t from_s = DB_GET_INT(tx, 0, &order_summed, DB_INT("org_id", w->org_id)), first_s = DB_GET_INT(tx, 0, &order_revenue_first, DB_INT("org_id", w->org_id), DB_INT("from_s", from_s));
    struct err e = db_tx_error(tx);
    w->did = false;
    if (e.kind || !first_s) return e;
    int64_t month_s = month_of(first_s, 0), next_s = month_of(first_s, 1); /* months without sales need no sums */
    if (next_s + CLOSED_AFTER_S > w->now_s) return ERR_OK;
    static const struct db_statement *const each[] = {&order_sum_days, &order_sum_titles, &order_sum_countries, &order_sum_offers};
    for (size_t i = 0; !e.kind && i < ARRAY_LEN(each); i++) e = DB_RUN(tx, each[i], DB_INT("org_id", w->org_id), DB_INT("from_s", month_s), DB_INT("to_s", next_s));
    if (!e.kind) e = DB_RUN(tx, &order_summed_put, DB_INT("org_id", w->org_id), DB_INT("until_s", next_s));
    w->did = true;
    return e;
}

struct orgs_work {
    struct arena *arena;
    struct db_rows rows;
};
static struct err orgs_fn(struct db_tx *tx, void *arg) {
    struct orgs_work *w = arg;
    return DB_QUERY(tx, w->arena, &w->rows, &order_number_orgs);
}

struct err sums_tick(struct order_room *r) {
    struct orgs_work orgs = {.arena = arena_create(ARENA_BYTES)};
    int64_t now_s = now_of(r), month_s = month_of(now_s, 0);
    struct err e = orgs.arena ? sums_open(r) : err_memory();
    if (!e.kind && month_s != atomic_load(&r->summed_month_s)) e = db_read(r->o.db, orgs_fn, &orgs);
    else month_s = 0;
    for (size_t i = 0; !e.kind && i < orgs.rows.count; i++) {
        struct month_work w = {.org_id = db_int(&orgs.rows, i, "org_id"), .now_s = now_s, .did = true};
        for (int n = 0; !e.kind && w.did && n < MONTHS_AT_ONCE; n++) {
            int64_t known_s = atomic_load(&r->summed_until_s); /* said before it is done: who notes something meanwhile looks into the store */
            while (known_s < month_s && !atomic_compare_exchange_weak(&r->summed_until_s, &known_s, month_s)) continue;
            e = db_write(r->o.db, month_fn, &w);
        }
    }
    if (!e.kind && month_s && now_s >= month_s + CLOSED_AFTER_S) atomic_store(&r->summed_month_s, month_s); /* until the next one is over there is nothing to do */
    arena_destroy(&orgs.arena);
    return e;
}

/* --- asked --- */

struct sums_span sums_span_of(struct db_tx *tx, int64_t org_id, int64_t from_s, int64_t to_s) {
    int64_t until_s = DB_GET_INT(tx, 0, &order_summed, DB_INT("org_id", org_id));
    struct sums_span s = {.from_s = from_s, .sums_from_s = month_of(from_s, 0) == from_s ? from_s : month_of(from_s, 1),
                          .sums_to_s = month_of(to_s, 0) < until_s ? month_of(to_s, 0) : until_s, .to_s = to_s};
    if (s.sums_from_s >= s.sums_to_s) s.sums_from_s = s.sums_to_s = to_s;
    return s;
}
