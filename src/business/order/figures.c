/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Sums for finance: of months that are over as they were added up (sums.c), else over rows that stand for a day, an offer, a title and a country each. */
#include <string.h>

#include "business/order/order_sql.h"
#include "business/order/room.h"

enum { ROWS_MAX = 1000, DAYS_MAX = 20000 };

bool order_revenue_by_parse(struct slice text, enum order_revenue_by *out) {
    static const char *const names[] = {"day", "title", "territory", "offer"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (slice_eq(text, slice_cstr(names[i]))) {
            *out = (enum order_revenue_by)i;
            return true;
        }
    return false;
}

struct revenue_work {
    struct arena *arena;
    int64_t org_id, from_s, to_s;
    enum order_revenue_by by;
    uint16_t currency;
    bool only_currencies;
    struct db_rows rows, currencies;
};

static struct err revenue_fn(struct db_tx *tx, void *arg) {
    static const struct db_statement *const of[] = {&order_revenue_by_day, &order_revenue_by_title, &order_revenue_by_country, &order_revenue_by_offer};
    struct revenue_work *w = arg;
    struct sums_span span = sums_span_of(tx, w->org_id, w->from_s, w->to_s);
#define BOUNDS                                                                                                                              \
    DB_INT("org_id", w->org_id), DB_INT("from_s", span.from_s), DB_INT("sums_from_s", span.sums_from_s), DB_INT("sums_to_s", span.sums_to_s), \
        DB_INT("to_s", span.to_s), DB_INT("currency", w->currency)
    if (w->only_currencies) return DB_QUERY(tx, w->arena, &w->currencies, &order_revenue_currencies, BOUNDS);
    struct err e = DB_QUERY(tx, w->arena, &w->rows, of[w->by], BOUNDS, DB_INT("limit", w->by == ORDER_BY_DAY ? DAYS_MAX : ROWS_MAX));
    return e.kind ? e : DB_QUERY(tx, w->arena, &w->currencies, &order_revenue_currencies, BOUNDS);
#undef BOUNDS
}

static struct order_revenue_row row_of(const struct db_rows *rows, size_t i) {
    uint16_t currency = (uint16_t)db_int(rows, i, "currency");
    struct order_revenue_row row = {.gross = MONEY(db_int(rows, i, "gross"), currency), .tax = MONEY(db_int(rows, i, "tax"), currency), .refunded = MONEY(db_int(rows, i, "refunded"), currency),
                                    .lost = MONEY(db_int(rows, i, "lost"), currency), .orders = db_int(rows, i, "orders")};
    row.net = MONEY(row.gross.minor - row.refunded.minor - row.tax.minor - row.lost.minor, currency);
    return row;
}

struct err order_revenue(struct order_room *r, struct arena *arena, int64_t org_id, int64_t from_s, int64_t to_s, enum order_revenue_by by, uint16_t currency, struct order_revenue *out) {
    struct revenue_work w = {.arena = arena, .org_id = org_id, .from_s = from_s, .to_s = to_s, .by = by, .currency = currency};
    struct err e = db_read(r->o.db, revenue_fn, &w);
    if (e.kind) return e;
    struct order_revenue made = {.rows = arena_alloc_array(arena, w.rows.count + 1, sizeof *made.rows), .count = w.rows.count,
                                 .currencies = arena_alloc_array(arena, w.currencies.count + 1, sizeof *made.currencies), .currency_count = w.currencies.count};
    if (!made.rows || !made.currencies) return err_memory();
    for (size_t i = 0; i < w.currencies.count; i++) made.currencies[i] = row_of(&w.currencies, i).net;
    for (size_t i = 0; i < w.rows.count; i++) {
        made.rows[i] = row_of(&w.rows, i);
        if (by == ORDER_BY_DAY) made.rows[i].day_s = db_int(&w.rows, i, "key");
        else if (by != ORDER_BY_TERRITORY) made.rows[i].id = db_int(&w.rows, i, "key");
        else if (db_text(&w.rows, i, "key").len == 2) memcpy(made.rows[i].country, db_text(&w.rows, i, "key").ptr, 2);
    }
    *out = made;
    return ERR_OK;
}

struct err order_currencies(struct order_room *r, struct arena *arena, int64_t org_id, int64_t from_s, int64_t to_s, struct money **out, size_t *count) {
    struct revenue_work w = {.arena = arena, .org_id = org_id, .from_s = from_s, .to_s = to_s, .only_currencies = true};
    struct err e = db_read(r->o.db, revenue_fn, &w);
    struct money *made = e.kind ? NULL : arena_alloc_array(arena, w.currencies.count + 1, sizeof *made);
    if (!made) return e.kind ? e : err_memory();
    for (size_t i = 0; i < w.currencies.count; i++) made[i] = row_of(&w.currencies, i).net;
    *out = made;
    *count = w.currencies.count;
    return ERR_OK;
}

/* --- counts --- */

struct sold_work {
    int64_t org_id;
    const int64_t *ids;
    size_t count;
    int64_t *out;
};
static struct err sold_fn(struct db_tx *tx, void *arg) {
    struct sold_work *w = arg;
    struct db_rows rows;
    struct arena *arena = arena_create(8 << 20);
    struct err e = arena ? DB_QUERY(tx, arena, &rows, &order_sold_offers, DB_INT("org_id", w->org_id), DB_INT("until_s", DB_GET_INT(tx, 0, &order_summed, DB_INT("org_id", w->org_id)))) : err_memory();
    for (size_t i = 0; !e.kind && i < w->count; i++) w->out[i] = 0;
    for (size_t k = 0; !e.kind && k < rows.count; k++)
        for (size_t i = 0; i < w->count; i++)
            if (w->ids[i] == db_int(&rows, k, "key")) w->out[i] = db_int(&rows, k, "orders");
    arena_destroy(&arena);
    return e;
}
struct err order_sold(struct order_room *r, int64_t org_id, const int64_t *offer_ids, size_t count, int64_t *sold) {
    return db_read(r->o.db, sold_fn, &((struct sold_work){org_id, offer_ids, count, sold}));
}

struct count_work {
    const struct db_statement *statement;
    const char *name;
    int64_t org_id;
    const int64_t *ids;
    size_t count;
    int64_t *out;
};
static struct err count_fn(struct db_tx *tx, void *arg) {
    struct count_work *w = arg;
    for (size_t i = 0; i < w->count; i++) w->out[i] = DB_GET_INT(tx, 0, w->statement, DB_INT("org_id", w->org_id), DB_INT(w->name, w->ids[i]));
    return db_tx_error(tx);
}
struct err order_coupon_uses(struct order_room *r, int64_t org_id, const int64_t *coupon_ids, size_t count, int64_t *uses) {
    return db_read(r->o.db, count_fn, &((struct count_work){&order_coupon_count, "coupon_id", org_id, coupon_ids, count, uses}));
}

struct subs_work {
    int64_t org_id, offer_id, since_s;
    struct order_sub_counts out;
};
static struct err subs_fn(struct db_tx *tx, void *arg) {
    struct subs_work *w = arg;
    struct arena *arena = arena_create(64 << 10);
    struct db_rows rows;
    struct err e = arena ? DB_QUERY(tx, arena, &rows, &order_sub_tally, DB_INT("org_id", w->org_id), DB_INT("offer_id", w->offer_id), DB_INT("since_s", w->since_s)) : err_memory();
    w->out = (struct order_sub_counts){0};
    for (size_t i = 0; !e.kind && i < rows.count; i++) {
        int64_t state = db_int(&rows, i, "state");
        if (state >= 0 && state < ORDER_SUB_STATES) w->out.states[state] = db_int(&rows, i, "n");
        w->out.fresh += db_int(&rows, i, "fresh");
        if (state == ORDER_SUB_ENDED) w->out.gone += db_int(&rows, i, "gone");
    }
    arena_destroy(&arena);
    return e;
}
struct err order_sub_counts(struct order_room *r, int64_t org_id, int64_t offer_id, int64_t since_s, struct order_sub_counts *out) {
    struct subs_work w = {.org_id = org_id, .offer_id = offer_id, .since_s = since_s};
    struct err e = db_read(r->o.db, subs_fn, &w);
    if (!e.kind) *out = w.out;
    return e;
}
