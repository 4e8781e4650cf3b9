/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What every transaction of this room is made of: keys that make a request happen once, numbers without gaps, movements in the ledger. */
#include "business/order/order_sql.h"
#include "business/order/room.h"

/* --- idempotency --- */

static bool key_is_fine(struct slice key) {
    if (key.len > ORDER_KEY_MAX) return false;
    for (size_t i = 0; i < key.len; i++)
        if (key.ptr[i] < 0x21 || key.ptr[i] > 0x7e) return false;
    return true;
}

struct err key_look(struct order_room *r, struct db_tx *tx, int64_t org_id, const struct order_key *k, int64_t now_s, int64_t *result_id) {
    *result_id = 0;
    if (!k || !k->key.len) return ERR_OK;
    if (!key_is_fine(k->key)) return err_make(ERR_INPUT, "idempotency.key", "An Idempotency-Key has 1 to 64 visible characters of ASCII.");
    struct arena *arena = arena_create(64 << 10);
    struct db_rows rows;
    struct err e = arena ? DB_QUERY(tx, arena, &rows, &order_key_find, DB_INT("owner_id", k->owner_id), DB_TEXT("key", k->key), DB_INT("org_id", org_id)) : err_memory();
    if (!e.kind && rows.count && db_int(&rows, 0, "at_s") > now_s - ORDER_KEY_KEPT_S) {
        if (slice_eq(db_blob(&rows, 0, "body"), slice_of(k->body, sizeof k->body))) *result_id = db_int(&rows, 0, "result_id");
        else e = err_make(ERR_CONFLICT, "idempotency.mismatch", "This Idempotency-Key was used for something else. Take a new one for a new request.");
    }
    arena_destroy(&arena);
    return e;
}

struct err key_keep(struct db_tx *tx, int64_t org_id, const struct order_key *k, int64_t now_s, int64_t result_id) {
    if (!k || !k->key.len) return ERR_OK;
    return DB_RUN(tx, &order_key_insert, DB_INT("owner_id", k->owner_id), DB_TEXT("key", k->key), DB_INT("org_id", org_id), DB_BLOB("body", slice_of(k->body, sizeof k->body)),
                  DB_INT("result_id", result_id), DB_INT("at_s", now_s));
}

/* --- numbers --- */

int year_of(int64_t at_s) {
    struct utc_text text = utc_text_of(utc_from_seconds(at_s), 0);
    int year = 0;
    for (size_t i = 0; i < 4; i++) year = year * 10 + (text.text[i] - '0');
    return year;
}

static struct err number_take(struct db_tx *tx, struct arena *arena, int64_t org_id, int year, enum number_kind kind, struct db_rows *rows) {
    if (kind == NUMBER_ORDER) return DB_QUERY(tx, arena, rows, &order_number_orders, DB_INT("org_id", org_id));
    return DB_QUERY(tx, arena, rows, kind == NUMBER_INVOICE ? &order_number_invoices : &order_number_notes, DB_INT("org_id", org_id), DB_INT("year", year));
}

struct err number_next(struct db_tx *tx, struct arena *arena, int64_t org_id, int year, enum number_kind kind, int64_t *out, int *out_year) {
    struct db_rows rows = {0};
    struct err e = number_take(tx, arena, org_id, year, kind, &rows);
    if (!e.kind && !rows.count) { /* the first of the organisation */
        e = DB_RUN(tx, &order_number_insert, DB_INT("org_id", org_id), DB_INT("year", year));
        if (!e.kind) e = number_take(tx, arena, org_id, year, kind, &rows);
    }
    if (!e.kind && !rows.count) e = err_make(ERR_BUG, "order.number", "An organisation has no numbers to give.");
    if (e.kind) return e;
    *out = db_int(&rows, 0, "n");
    if (out_year) *out_year = (int)db_int(&rows, 0, "year");
    return ERR_OK;
}

/* --- movements --- */

static const char *const move_names[] = {"sale", "tax", "credit_used", "gift_sold", "gift_made", "gift_redeemed", "refund", "refund_tax", "refund_gift", "to_credit",
                                         "vouchers_given", "vouchers_used", "vouchers_ended", "vouchers_returned"};
_Static_assert(ARRAY_LEN(move_names) == ORDER_MOVE_LAST - ORDER_MOVE_FIRST, "each movement has a name");
const char *order_move_name(int code) { return code >= ORDER_MOVE_FIRST && code < ORDER_MOVE_LAST ? move_names[code - ORDER_MOVE_FIRST] : NULL; }

struct moves moves_begin(struct order_room *r, struct db_tx *tx, int64_t org_id, int32_t ledger, int64_t order_id) {
    return (struct moves){.r = r, .tx = tx, .org_id = org_id, .ledger = ledger, .order_id = order_id};
}

static struct err account(struct moves *m, int32_t code, int64_t owner, int64_t *id) {
    uint32_t flags = code == LEDGER_CODE_CREDIT || code == LEDGER_CODE_VOUCHERS ? LEDGER_DEBITS_MUST_NOT_EXCEED_CREDITS : 0;
    return ledger_account_for(m->r->o.ledger, m->tx, m->org_id, m->ledger, code, owner, flags, id);
}

static struct ledger_transfer *next(struct moves *m) {
    static _Thread_local struct ledger_transfer nowhere; /* what a caller may write to after an error */
    if (!m->error.kind && m->count == MOVES_MAX) m->error = err_make(ERR_BUG, "order.moves", "A step moves more than it can.");
    return m->error.kind ? &nowhere : &m->list[m->count++];
}

struct ledger_transfer *moves_add(struct moves *m, int32_t from, int64_t from_owner, int32_t to, int64_t to_owner, int64_t amount, enum order_move code) {
    static _Thread_local struct ledger_transfer nowhere;
    if (amount == 0 || m->error.kind) return &nowhere;
    struct ledger_transfer t = {.id = id_next(m->r->o.ids), .amount = amount, .order_id = m->order_id, .ledger = m->ledger, .code = code};
    m->error = amount < 0 ? err_make(ERR_BUG, "order.moves", "A step would move less than nothing.") : account(m, from, from_owner, &t.debit_id);
    if (!m->error.kind) m->error = account(m, to, to_owner, &t.credit_id);
    struct ledger_transfer *at = next(m);
    *at = t;
    return at;
}

void moves_hold_end(struct moves *m, int64_t hold_id, bool posts) {
    if (!hold_id || m->error.kind) return;
    *next(m) = (struct ledger_transfer){.id = id_next(m->r->o.ids), .pending_id = hold_id, .amount = posts ? LEDGER_AMOUNT_MAX : 0,
                                        .flags = posts ? LEDGER_POST_PENDING : LEDGER_VOID_PENDING};
}

struct err moves_run(struct moves *m) {
    if (m->error.kind || !m->count) return m->error;
    return ledger_move(m->r->o.ledger, m->tx, m->list, m->count);
}

struct err available(struct order_room *r, struct db_tx *tx, int64_t org_id, int32_t ledger, int32_t code, int64_t owner, int64_t *out) {
    struct ledger_account a;
    *out = 0;
    struct err e = ledger_account_find(r->o.ledger, tx, org_id, ledger, code, owner, &a);
    if (e.kind == ERR_NOT_FOUND) return ERR_OK;
    if (!e.kind) *out = ledger_available(&a);
    return e;
}

/* --- figures --- */

struct err revenue_note(struct order_room *r, struct db_tx *tx, const struct head *h, const struct line *l, int64_t now_s, int64_t gross, int64_t tax, int64_t refunded, int64_t lost, int64_t orders) {
    int64_t day_s = now_s / DAY_S * DAY_S;
    struct err e = sums_forget(r, tx, h->org_id, day_s);
    return e.kind ? e : DB_RUN(tx, &order_revenue_add, DB_INT("org_id", h->org_id), DB_INT("day_s", day_s), DB_INT("currency", h->currency), DB_INT("offer_id", l->offer_id), DB_INT("title_id", l->title_id),
                  DB_TEXT("country", h->country), DB_INT("gross", gross), DB_INT("tax", tax), DB_INT("refunded", refunded), DB_INT("lost", lost), DB_INT("orders", orders));
}
