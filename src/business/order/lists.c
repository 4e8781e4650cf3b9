/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Orders and plans as pages list them. */
#include "business/order/order_sql.h"
#include "business/order/room.h"

enum { LIST_DEFAULT = 50 };
#define TIME_MAX INT64_C(1) << 60

struct list_work {
    struct order_room *r;
    struct arena *arena;
    int64_t org_id;
    const struct order_filter *filter;
    struct order_list *out;
};

static struct err heads_query(struct db_tx *tx, struct list_work *w, size_t limit, struct db_rows *rows) {
    const struct order_filter *f = w->filter;
    struct public_id id;
    uint64_t number;
    int64_t before_s = f->to_s ? f->to_s : TIME_MAX, before_id = 0, state = f->has_state ? (int64_t)f->state : -1;
    struct slice query = slice_trim(f->query);
    if (query.len) {
        if (public_id_parse(query, &id)) return DB_QUERY(tx, w->arena, rows, &order_head_by_public_id, DB_INT("org_id", w->org_id), DB_TEXT("public_id", query));
        if (slice_to_u64(query, &number) && number <= INT64_MAX) return DB_QUERY(tx, w->arena, rows, &order_head_by_number, DB_INT("org_id", w->org_id), DB_INT("number", (int64_t)number));
        return DB_QUERY(tx, w->arena, rows, &order_head_by_invoice, DB_INT("org_id", w->org_id), DB_TEXT("invoice", query));
    }
    if (f->before_id) {
        int64_t last_s = DB_GET_INT(tx, 0, &order_head_when, DB_INT("id", f->before_id), DB_INT("org_id", w->org_id));
        if (last_s < before_s) {
            before_s = last_s;
            before_id = f->before_id;
        }
    }
#define BOUNDS DB_INT("org_id", w->org_id), DB_INT("from_s", f->from_s), DB_INT("before_s", before_s), DB_INT("before_id", before_id), DB_INT("limit", (int64_t)limit)
    if (f->household_id) return DB_QUERY(tx, w->arena, rows, &order_head_of_household, DB_INT("household_id", f->household_id), DB_INT("state", state), BOUNDS);
    if (!f->has_state) return DB_QUERY(tx, w->arena, rows, &order_head_of_org, BOUNDS);
    switch (f->state) {
    case ORDER_AWAITING_PAYMENT: return DB_QUERY(tx, w->arena, rows, &order_head_of_state, DB_INT("state", HEAD_WAITS), BOUNDS);
    case ORDER_CANCELLED: return DB_QUERY(tx, w->arena, rows, &order_head_of_state, DB_INT("state", HEAD_CANCELLED), BOUNDS);
    case ORDER_EXPIRED: return DB_QUERY(tx, w->arena, rows, &order_head_of_state, DB_INT("state", HEAD_EXPIRED), BOUNDS);
    case ORDER_PAID: return DB_QUERY(tx, w->arena, rows, &order_head_of_paid, BOUNDS);
    default: return DB_QUERY(tx, w->arena, rows, &order_head_of_returned, DB_INT("state", state), BOUNDS);
    }
#undef BOUNDS
}

static bool fits(const struct order_filter *f, const struct head *h) { /* of what was found by its name */
    return (!f->household_id || h->household_id == f->household_id) && (!f->has_state || state_of(h) == f->state) && h->created_s >= f->from_s && (!f->to_s || h->created_s < f->to_s);
}

static struct err list_fn(struct db_tx *tx, void *arg) {
    struct list_work *w = arg;
    struct db_rows rows;
    size_t limit = w->filter->limit ? w->filter->limit : LIST_DEFAULT;
    if (limit > ORDER_LIST_MAX) limit = ORDER_LIST_MAX;
    struct err e = heads_query(tx, w, limit + 1, &rows);
    struct order_item *items = e.kind ? NULL : arena_alloc_array(w->arena, rows.count + 1, sizeof *items);
    if (!items) return e.kind ? e : err_memory();
    size_t shown = rows.count < limit ? rows.count : limit, count = 0;
    for (size_t i = 0; !e.kind && i < shown; i++) {
        struct head h;
        head_take(&rows, i, &h);
        e = lines_read(tx, w->arena, &h);
        if (!e.kind && (!w->filter->query.len || fits(w->filter, &h))) e = item_of(w->r, tx, w->arena, &h, w->filter->lang, &items[count++]);
    }
    *w->out = (struct order_list){.items = items, .count = count, .next = rows.count > limit ? db_int(&rows, limit - 1, "id") : 0};
    return e;
}

struct err order_list(struct order_room *r, struct arena *arena, int64_t org_id, const struct order_filter *filter, struct order_list *out) {
    struct order_list made;
    struct list_work w = {.r = r, .arena = arena, .org_id = org_id, .filter = filter, .out = &made};
    struct err e = db_read(r->o.db, list_fn, &w);
    if (!e.kind) *out = made;
    return e;
}

struct trial_work {
    int64_t household_id;
    const int64_t *offer_ids;
    size_t count;
    bool *out;
};
static struct err trial_fn(struct db_tx *tx, void *arg) {
    struct trial_work *w = arg;
    for (size_t i = 0; i < w->count; i++) w->out[i] = DB_GET_INT(tx, 0, &order_trial_find, DB_INT("household_id", w->household_id), DB_INT("offer_id", w->offer_ids[i])) != 0;
    return db_tx_error(tx);
}
struct err order_had_trial(struct order_room *r, int64_t org_id, int64_t household_id, const int64_t *offer_ids, size_t count, bool *out) {
    struct trial_work w = {.household_id = household_id, .offer_ids = offer_ids, .count = count, .out = out};
    return db_read(r->o.db, trial_fn, &w);
}

struct names_work {
    int64_t org_id;
    const int64_t *ids;
    size_t count;
    struct order_name *out;
};
static struct err names_fn(struct db_tx *tx, void *arg) {
    struct names_work *w = arg;
    struct arena *arena = arena_create(1 << 20);
    struct err e = arena ? ERR_OK : err_memory();
    for (size_t i = 0; !e.kind && i < w->count; i++) {
        struct db_rows rows;
        w->out[i] = (struct order_name){0};
        e = DB_QUERY(tx, arena, &rows, &order_head_name, DB_INT("id", w->ids[i]), DB_INT("org_id", w->org_id));
        if (e.kind || !rows.count) continue;
        w->out[i] = (struct order_name){.number = db_int(&rows, 0, "number"), .household_id = db_int(&rows, 0, "household_id"), .user_id = db_int(&rows, 0, "user_id")};
        public_id_take(db_text(&rows, 0, "public_id"), &w->out[i].id);
    }
    arena_destroy(&arena);
    return e;
}
struct err order_names(struct order_room *r, int64_t org_id, const int64_t *order_ids, size_t count, struct order_name *out) {
    if (count > ORDER_LIST_MAX) return err_make(ERR_BUG, "order.names", "More names are asked for at once than are given.");
    struct names_work w = {.org_id = org_id, .ids = order_ids, .count = count, .out = out};
    return db_read(r->o.db, names_fn, &w);
}

/* --- my plan --- */

struct plan_work {
    struct order_room *r;
    struct arena *arena;
    const struct order_buyer *buyer;
    int64_t now_s;
    struct order_plan *out;
};

static struct err credit_read(struct plan_work *w, struct db_tx *tx) {
    struct order_plan *p = w->out;
    struct ledger_accounts accounts;
    struct err e = ledger_account_list(w->r->o.ledger, tx, w->arena, w->buyer->org_id,
                                       &(struct ledger_account_filter){.code = LEDGER_CODE_CREDIT, .owner_id = w->buyer->household_id, .limit = 200}, &accounts);
    p->credit = e.kind ? NULL : arena_alloc_array(w->arena, accounts.count + 1, sizeof *p->credit);
    if (!p->credit) return e.kind ? e : err_memory();
    p->credit_count = 0;
    for (size_t i = 0; i < accounts.count; i++)
        if (ledger_available(&accounts.items[i]) > 0) p->credit[p->credit_count++] = MONEY(ledger_available(&accounts.items[i]), (uint16_t)accounts.items[i].ledger);
    return ERR_OK;
}

static struct err held_read(struct plan_work *w, struct db_tx *tx) {
    struct order_plan *p = w->out;
    struct db_rows rows;
    struct err e = DB_QUERY(tx, w->arena, &rows, &order_held_list, DB_INT("household_id", w->buyer->household_id), DB_INT("org_id", w->buyer->org_id), DB_INT("now_s", w->now_s),
                            DB_INT("limit", ORDER_LIST_MAX));
    p->entitlements = e.kind ? NULL : arena_alloc_array(w->arena, rows.count + 1, sizeof *p->entitlements);
    if (!p->entitlements) return e.kind ? e : err_memory();
    p->entitlement_count = rows.count;
    for (size_t i = 0; i < rows.count; i++) {
        struct order_entitlement_item *one = &p->entitlements[i];
        *one = (struct order_entitlement_item){
            .held = {.entitlement_id = db_int(&rows, i, "id"), .order_id = db_int(&rows, i, "order_id"), .offer_id = db_int(&rows, i, "offer_id"), .kind = (enum offer_kind)db_int(&rows, i, "kind"),
                     .medium = (enum rights_medium)db_int(&rows, i, "medium"), .starts_s = db_int(&rows, i, "starts_s"), .ends_s = db_int(&rows, i, "ends_s"),
                     .watch_s = db_int(&rows, i, "watch_s"), .started_s = db_int(&rows, i, "started_s"), .renews = db_int(&rows, i, "renews") != 0},
            .title_id = db_int(&rows, i, "title_id"), .offer_name = name_in(db_text(&rows, i, "names"), w->buyer->lang), .title_name = name_in(db_text(&rows, i, "title_names"), w->buyer->lang)};
        public_id_take(db_text(&rows, i, "offer"), &one->offer);
        public_id_take(db_text(&rows, i, "order_public_id"), &one->order);
    }
    return ERR_OK;
}

static struct err plan_fn(struct db_tx *tx, void *arg) {
    struct plan_work *w = arg;
    const struct order_buyer *b = w->buyer;
    struct order_plan *p = w->out;
    struct sub s;
    struct db_rows lots;
    *p = (struct order_plan){0};
    struct err e = sub_find_newest(tx, w->arena, b->org_id, b->household_id, &p->has_subscription, &s);
    if (!e.kind && p->has_subscription) {
        bool renews = s.state == ORDER_SUB_TRIAL || s.state == ORDER_SUB_ACTIVE || s.state == ORDER_SUB_GRACE;
        p->subscription = (struct order_subscription){
            .id = s.id, .public_id = s.public_id, .offer = s.offer, .next_offer = s.next_offer, .offer_id = s.offer_id, .next_offer_id = s.next_offer_id,
            .offer_name = name_in(s.names, b->lang), .state = (enum order_sub_state)s.state, .from_s = s.from_s, .to_s = s.to_s, .renews_s = renews ? s.to_s : 0,
            .price = MONEY(s.told_price && s.told_from_s <= s.to_s ? s.told_price : s.shown_price, s.currency), .method = s.method, .started_s = s.started_s};
        if (s.open_order_id) public_id_take(DB_GET_TEXT(tx, w->arena, &order_head_name, DB_INT("id", s.open_order_id), DB_INT("org_id", b->org_id)), &p->subscription.open_order);
    }
    if (!e.kind) e = DB_QUERY(tx, w->arena, &lots, &order_lot_balance, DB_INT("household_id", b->household_id), DB_INT("org_id", b->org_id), DB_INT("now_s", w->now_s));
    if (!e.kind && lots.count) {
        p->vouchers = db_int(&lots, 0, "balance");
        p->vouchers_end_s = db_int(&lots, 0, "ends_s");
    }
    if (!e.kind) e = credit_read(w, tx);
    return e.kind ? e : held_read(w, tx);
}

struct err order_plan(struct order_room *r, struct arena *arena, const struct order_buyer *b, struct order_plan *out) {
    struct order_plan made;
    struct order_buyer buyer = *b;
    buyer.lang = text_language_of(b->lang);
    struct plan_work w = {.r = r, .arena = arena, .buyer = &buyer, .now_s = now_of(r), .out = &made};
    struct err e = db_read(r->o.db, plan_fn, &w);
    if (!e.kind) *out = made;
    return e;
}
