/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Vouchers come in lots that end together. The lots say which end when; the ledger says how many there are: account 610 of the household is always the sum of
 * what is unused in its lots, and what is set aside for an order is held there. */
#include "business/order/order_sql.h"
#include "business/order/room.h"

enum { DUE_AT_ONCE = 100 };

struct err vouchers_give(struct order_room *r, struct db_tx *tx, int64_t org_id, int64_t household_id, int64_t sub_id, int64_t order_id, int64_t count, int64_t ends_s) {
    if (count <= 0) return ERR_OK;
    struct moves m = moves_begin(r, tx, org_id, LEDGER_VOUCHERS, order_id);
    moves_add(&m, LEDGER_CODE_VOUCHERS_ISSUED, 0, LEDGER_CODE_VOUCHERS, household_id, count, ORDER_MOVE_VOUCHERS_GIVEN);
    struct err e = moves_run(&m);
    if (e.kind) return e;
    return DB_RUN(tx, &order_lot_insert, DB_INT("id", id_next(r->o.ids)), DB_INT("org_id", org_id), DB_INT("household_id", household_id), DB_INT("sub_id", sub_id), DB_INT("order_id", order_id),
                  DB_INT("given", count), DB_INT("ends_s", ends_s));
}

struct err vouchers_usable(struct db_tx *tx, int64_t org_id, int64_t household_id, int64_t now_s, int64_t *out) {
    *out = DB_GET_INT(tx, 0, &order_lot_balance, DB_INT("household_id", household_id), DB_INT("org_id", org_id), DB_INT("now_s", now_s));
    return db_tx_error(tx);
}

struct err vouchers_set_aside(struct order_room *r, struct db_tx *tx, struct arena *arena, const struct head *h, int64_t now_s) {
    if (!h->vouchers) return ERR_OK;
    struct db_rows lots;
    struct err e = DB_QUERY(tx, arena, &lots, &order_lot_usable, DB_INT("household_id", h->household_id), DB_INT("org_id", h->org_id), DB_INT("now_s", now_s));
    int64_t *left = e.kind ? NULL : arena_alloc_array(arena, lots.count + 1, sizeof *left);
    if (!left) return e.kind ? e : err_memory();
    for (size_t k = 0; k < lots.count; k++) left[k] = db_int(&lots, k, "unused");
    struct moves m = moves_begin(r, tx, h->org_id, LEDGER_VOUCHERS, h->id);
    for (size_t i = 0; !e.kind && i < h->count; i++) {
        int64_t wanted = h->lines[i].vouchers;
        for (size_t k = 0; !e.kind && wanted && k < lots.count; k++) { /* the earliest end first */
            int64_t taken = left[k] < wanted ? left[k] : wanted, changed = 0;
            if (!taken) continue;
            struct ledger_transfer *hold = moves_add(&m, LEDGER_CODE_VOUCHERS, h->household_id, LEDGER_CODE_VOUCHERS_USED, 0, taken, ORDER_MOVE_VOUCHERS_USED);
            hold->flags |= LEDGER_PENDING;
            e = DB_CHANGE(tx, &changed, &order_lot_take, DB_INT("id", db_int(&lots, k, "id")), DB_INT("count", taken));
            if (!e.kind && !changed) e = err_make(ERR_BUG, "order.vouchers", "A lot of vouchers has changed within one transaction.");
            if (!e.kind)
                e = DB_RUN(tx, &order_use_insert, DB_INT("order_id", h->id), DB_INT("n", h->lines[i].n), DB_INT("lot_id", db_int(&lots, k, "id")), DB_INT("count", taken), DB_INT("hold_id", hold->id));
            left[k] -= taken;
            wanted -= taken;
        }
        if (!e.kind && wanted) e = err_make(ERR_CONFLICT, "voucher.none", "There is no voucher left to use.");
    }
    return e.kind ? e : moves_run(&m);
}

struct err vouchers_settle(struct order_room *r, struct db_tx *tx, struct arena *arena, const struct head *h, bool are_used) {
    if (!h->vouchers) return ERR_OK;
    struct db_rows uses;
    struct err e = DB_QUERY(tx, arena, &uses, &order_use_of_line, DB_INT("order_id", h->id));
    struct moves m = moves_begin(r, tx, h->org_id, LEDGER_VOUCHERS, h->id);
    for (size_t i = 0; !e.kind && i < uses.count; i++) {
        moves_hold_end(&m, db_int(&uses, i, "hold_id"), are_used);
        if (!are_used) e = DB_RUN(tx, &order_lot_give, DB_INT("id", db_int(&uses, i, "lot_id")), DB_INT("count", db_int(&uses, i, "count"))); /* one that has ended meanwhile ends at the next look */
    }
    if (!e.kind && !are_used) e = DB_RUN(tx, &order_use_forget, DB_INT("order_id", h->id));
    return e.kind ? e : moves_run(&m);
}

struct err vouchers_return(struct order_room *r, struct db_tx *tx, struct arena *arena, const struct head *h, int n, int64_t now_s) {
    struct db_rows uses;
    struct err e = DB_QUERY(tx, arena, &uses, &order_use_of_line, DB_INT("order_id", h->id));
    struct moves m = moves_begin(r, tx, h->org_id, LEDGER_VOUCHERS, h->id);
    for (size_t i = 0; !e.kind && i < uses.count; i++) {
        if (db_int(&uses, i, "n") != n || db_int(&uses, i, "ends_s") <= now_s) continue;
        int64_t count = db_int(&uses, i, "count");
        moves_add(&m, LEDGER_CODE_VOUCHERS_USED, 0, LEDGER_CODE_VOUCHERS, h->household_id, count, ORDER_MOVE_VOUCHERS_RETURNED);
        e = DB_RUN(tx, &order_lot_give, DB_INT("id", db_int(&uses, i, "lot_id")), DB_INT("count", count));
    }
    return e.kind ? e : moves_run(&m);
}

struct err vouchers_take(struct order_room *r, struct db_tx *tx, struct arena *arena, const struct head *h, bool gives_back) {
    struct db_rows lots;
    struct err e = DB_QUERY(tx, arena, &lots, &order_lot_of_period, DB_INT("order_id", h->id));
    struct moves m = moves_begin(r, tx, h->org_id, LEDGER_VOUCHERS, h->id);
    for (size_t i = 0; !e.kind && i < lots.count; i++) {
        int64_t id = db_int(&lots, i, "id"), unused = db_int(&lots, i, "unused"), taken = db_int(&lots, i, "taken");
        if (gives_back && taken) {
            moves_add(&m, LEDGER_CODE_VOUCHERS_EXPIRED, 0, LEDGER_CODE_VOUCHERS, h->household_id, taken, ORDER_MOVE_VOUCHERS_RETURNED);
            e = DB_RUN(tx, &order_lot_reopen, DB_INT("id", id));
        } else if (!gives_back && unused) {
            moves_add(&m, LEDGER_CODE_VOUCHERS, h->household_id, LEDGER_CODE_VOUCHERS_EXPIRED, 0, unused, ORDER_MOVE_VOUCHERS_ENDED);
            e = DB_RUN(tx, &order_lot_close, DB_INT("id", id), DB_INT("taken", unused), DB_INT("unused", unused));
        }
    }
    return e.kind ? e : moves_run(&m);
}

/* --- what nobody used in time --- */

struct due_work {
    struct order_room *r;
    struct arena *arena;
    int64_t now_s;
    size_t count;
};

static struct err due_fn(struct db_tx *tx, void *arg) {
    struct due_work *w = arg;
    struct db_rows lots;
    arena_reset(w->arena);
    struct err e = DB_QUERY(tx, w->arena, &lots, &order_lot_due, DB_INT("now_s", w->now_s), DB_INT("limit", DUE_AT_ONCE));
    for (size_t i = 0; !e.kind && i < lots.count; i++) {
        int64_t unused = db_int(&lots, i, "unused");
        struct moves m = moves_begin(w->r, tx, db_int(&lots, i, "org_id"), LEDGER_VOUCHERS, 0);
        moves_add(&m, LEDGER_CODE_VOUCHERS, db_int(&lots, i, "household_id"), LEDGER_CODE_VOUCHERS_EXPIRED, 0, unused, ORDER_MOVE_VOUCHERS_ENDED);
        e = moves_run(&m);
        if (!e.kind) e = DB_RUN(tx, &order_lot_close, DB_INT("id", db_int(&lots, i, "id")), DB_INT("taken", 0), DB_INT("unused", unused));
    }
    w->count = lots.count;
    return e;
}

static struct err look_fn(struct db_tx *tx, void *arg) {
    struct due_work *w = arg;
    struct db_rows lots;
    struct err e = DB_QUERY(tx, w->arena, &lots, &order_lot_due, DB_INT("now_s", w->now_s), DB_INT("limit", 1));
    w->count = e.kind ? 0 : lots.count;
    return e;
}

struct err vouchers_end_due(struct order_room *r, int64_t now_s, size_t *count) {
    struct due_work w = {.r = r, .arena = arena_create(ARENA_BYTES), .now_s = now_s};
    struct err e = w.arena ? db_read(r->o.db, look_fn, &w) : err_memory(); /* nothing is written where nothing is due */
    if (!e.kind && w.count) e = db_write(r->o.db, due_fn, &w);
    arena_destroy(&w.arena);
    if (!e.kind) *count = w.count;
    return e;
}

struct balance_work {
    int64_t org_id, household_id, now_s, balance;
};
static struct err balance_fn(struct db_tx *tx, void *arg) {
    struct balance_work *w = arg;
    return vouchers_usable(tx, w->org_id, w->household_id, w->now_s, &w->balance);
}
struct err order_vouchers(struct order_room *r, int64_t org_id, int64_t household_id, int64_t *balance) {
    struct balance_work w = {.org_id = org_id, .household_id = household_id, .now_s = now_of(r)};
    struct err e = db_read(r->o.db, balance_fn, &w);
    if (!e.kind) *balance = w.balance;
    return e;
}
