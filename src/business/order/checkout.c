/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * An order is made, paid for, given up. What it uses besides money (credit, vouchers, the coupon) is set aside in the transaction that makes it, so that nothing can
 * be promised to two orders at once. */
#include <stdio.h>

#include "base/log.h"
#include "base/step.h"
#include "business/order/order_sql.h"
#include "business/order/room.h"

enum { UNPAID_MAX = 20, EXPIRED_AT_ONCE = 100 };

/* --- what is set aside --- */

static struct err coupon_use(struct db_tx *tx, const struct head *h, struct coupon_limits limits) {
    if (!h->coupon_id) return ERR_OK;
    int64_t uses = DB_GET_INT(tx, 0, &order_coupon_count, DB_INT("coupon_id", h->coupon_id), DB_INT("org_id", h->org_id));
    int64_t own = DB_GET_INT(tx, 0, &order_coupon_of_household, DB_INT("coupon_id", h->coupon_id), DB_INT("household_id", h->household_id));
    if (limits.uses_max && uses >= limits.uses_max) return err_make(ERR_INPUT, "coupon.used", "This code has been used as often as it may be.");
    if (limits.per_household_max && own >= limits.per_household_max) return err_make(ERR_INPUT, "coupon.used_by_you", "The household has used this code as often as it may.");
    struct err e = DB_RUN(tx, &order_coupon_add, DB_INT("coupon_id", h->coupon_id), DB_INT("org_id", h->org_id), DB_INT("count", 1));
    return e.kind ? e : DB_RUN(tx, &order_coupon_use_insert, DB_INT("order_id", h->id), DB_INT("org_id", h->org_id), DB_INT("coupon_id", h->coupon_id), DB_INT("household_id", h->household_id));
}

/* Credit, vouchers and coupon, for an order whose row is there. Sets h->hold_id. */
static struct err set_aside(struct order_room *r, struct db_tx *tx, struct arena *arena, struct head *h, struct coupon_limits limits, int64_t now_s) {
    struct moves m = moves_begin(r, tx, h->org_id, h->currency, h->id);
    int64_t credit = h->credit - proration_of(h);
    h->hold_id = 0;
    if (credit) {
        struct ledger_transfer *hold = moves_add(&m, LEDGER_CODE_CREDIT, h->household_id, LEDGER_CODE_ORDER, h->id, credit, ORDER_MOVE_CREDIT_USED);
        hold->flags |= LEDGER_PENDING;
        h->hold_id = hold->id;
    }
    struct err e = moves_run(&m);
    if (!e.kind) e = vouchers_set_aside(r, tx, arena, h, now_s);
    return e.kind ? e : coupon_use(tx, h, limits);
}

static struct err give_back(struct order_room *r, struct db_tx *tx, struct arena *arena, const struct head *h) {
    struct moves m = moves_begin(r, tx, h->org_id, h->currency, h->id);
    moves_hold_end(&m, h->hold_id, false);
    struct err e = moves_run(&m);
    if (!e.kind) e = vouchers_settle(r, tx, arena, h, false);
    if (e.kind || !h->coupon_id) return e;
    e = DB_RUN(tx, &order_coupon_use_forget, DB_INT("order_id", h->id));
    return e.kind ? e : DB_RUN(tx, &order_coupon_add, DB_INT("coupon_id", h->coupon_id), DB_INT("org_id", h->org_id), DB_INT("count", -1));
}

struct err set_aside_again(struct order_room *r, struct db_tx *tx, struct arena *arena, struct head *h, int64_t now_s, bool *can) {
    int64_t credit = 0, vouchers = 0;
    *can = true;
    struct err e = available(r, tx, h->org_id, h->currency, LEDGER_CODE_CREDIT, h->household_id, &credit);
    if (!e.kind && h->vouchers) e = vouchers_usable(tx, h->org_id, h->household_id, now_s, &vouchers);
    struct coupon_limits limits = {0};
    struct offer_coupon coupon;
    if (h->coupon_id && offer_coupon_find(r->o.offers, arena, h->org_id, h->coupon, &coupon)) limits = (struct coupon_limits){coupon.uses_max, coupon.per_household_max};
    if (!e.kind && h->coupon_id) {
        int64_t uses = DB_GET_INT(tx, 0, &order_coupon_count, DB_INT("coupon_id", h->coupon_id), DB_INT("org_id", h->org_id));
        int64_t own = DB_GET_INT(tx, 0, &order_coupon_of_household, DB_INT("coupon_id", h->coupon_id), DB_INT("household_id", h->household_id));
        if ((limits.uses_max && uses >= limits.uses_max) || (limits.per_household_max && own >= limits.per_household_max)) *can = false;
        e = db_tx_error(tx);
    }
    /* Everything is looked at before anything is taken: what was refused half-way would stand. */
    if (credit < h->credit - proration_of(h) || vouchers < h->vouchers) *can = false;
    return e.kind || !*can ? e : set_aside(r, tx, arena, h, limits, now_s);
}

struct err head_place(struct order_room *r, struct db_tx *tx, struct arena *arena, struct head *h, struct coupon_limits limits, int64_t now_s) {
    const struct line *plan = head_plan(h);
    bool fits = true;
    struct err e = sub_fits(tx, arena, h, &fits);
    if (!e.kind && !fits) e = err_make(ERR_CONFLICT, "order.changed", "The household's subscription has changed meanwhile. Look again what is offered now.");
    if (!e.kind && plan && plan->t.is_trial && DB_GET_INT(tx, 0, &order_trial_find, DB_INT("household_id", h->household_id), DB_INT("offer_id", plan->offer_id)))
        e = err_make(ERR_CONFLICT, "order.changed", "The household has had its trial of this plan. Look again what is offered now.");
    if (!e.kind) e = db_tx_error(tx);
    if (!e.kind) e = number_next(tx, arena, h->org_id, year_of(now_s), NUMBER_ORDER, &h->number, NULL);
    if (!e.kind) e = set_aside(r, tx, arena, h, limits, now_s);
    if (plan) h->flags |= HEAD_PLAN;
    if (!e.kind) e = head_write(tx, arena, h);
    if (!e.kind && h->due == 0) e = paid_in(r, tx, arena, h, NULL, now_s);
    return e;
}

struct err head_close(struct order_room *r, struct db_tx *tx, struct arena *arena, struct head *h, enum head_state state) {
    struct err e = give_back(r, tx, arena, h);
    struct pay_list attempts = {0};
    if (!e.kind && h->payment_id) e = pay_of_order_in(r->o.pay, tx, arena, h->org_id, h->id, &attempts);
    for (size_t i = 0; !e.kind && i < attempts.count; i++)
        if (pay_state_is_open(attempts.items[i].state)) e = pay_cancel_in(r->o.pay, tx, h->org_id, attempts.items[i].id);
    if (!e.kind) e = DB_RUN(tx, &order_head_settle, DB_INT("id", h->id), DB_INT("org_id", h->org_id), DB_INT("state", state));
    h->state = (int)state;
    return e;
}

/* --- made --- */

struct item_work {
    struct order_room *r;
    struct arena *arena;
    int64_t org_id, household_id, id;
    struct slice public_id, lang;
    struct order_item *out;
};

static struct err item_fn(struct db_tx *tx, void *arg) {
    struct item_work *w = arg;
    struct head h;
    struct err e = w->id ? head_get(tx, w->arena, w->org_id, w->id, &h) : head_find(tx, w->arena, w->org_id, w->household_id, w->public_id, &h);
    if (e.kind) return e;
    return item_of(w->r, tx, w->arena, &h, w->lang.len ? w->lang : h.lang, w->out);
}

struct err order_get(struct order_room *r, struct arena *arena, int64_t org_id, int64_t household_id, struct slice order, struct slice lang, struct order_item *out) {
    struct item_work w = {.r = r, .arena = arena, .org_id = org_id, .household_id = household_id, .public_id = order, .lang = lang, .out = out};
    struct err e = db_read(r->o.db, item_fn, &w);
    /* Who is told that it is paid presses play next: the provider's word may have been committed a moment ago, and not be in memory yet. */
    return !e.kind && out->paid_s ? helds_follow(r) : e;
}

struct err order_get_id(struct order_room *r, struct arena *arena, int64_t org_id, int64_t order_id, struct slice lang, struct order_item *out) {
    struct item_work w = {.r = r, .arena = arena, .org_id = org_id, .id = order_id, .lang = lang, .out = out};
    return order_id ? db_read(r->o.db, item_fn, &w) : err_make(ERR_NOT_FOUND, "order.not_found", "There is no such order.");
}

struct create_work {
    struct order_room *r;
    struct arena *arena;
    struct head head;
    struct coupon_limits limits;
    const struct order_key *key;
    int64_t org_id, now_s, result_id;
    bool is_paid;
};

static struct err look_fn(struct db_tx *tx, void *arg) {
    struct create_work *w = arg;
    return key_look(w->r, tx, w->org_id, w->key, w->now_s, &w->result_id);
}

static struct err create_fn(struct db_tx *tx, void *arg) {
    struct create_work *w = arg;
    struct head h = w->head;
    struct err e = key_look(w->r, tx, h.org_id, w->key, w->now_s, &w->result_id);
    if (e.kind || w->result_id) return e;
    if (DB_GET_INT(tx, 0, &order_head_unpaid_count, DB_INT("household_id", h.household_id)) >= UNPAID_MAX)
        return err_make(ERR_LIMIT, "order.many", "There are 20 orders that nobody has paid. Pay or cancel one first.");
    struct arena_mark mark = arena_mark(w->arena);
    e = head_place(w->r, tx, w->arena, &h, w->limits, w->now_s);
    if (!e.kind) e = key_keep(tx, h.org_id, w->key, w->now_s, h.id);
    w->is_paid = h.state == HEAD_PAID;
    arena_rewind(w->arena, mark);
    STEP(order_create_inside);
    return e;
}

struct err order_place(struct order_room *r, struct arena *arena, struct head *h, struct coupon_limits limits, const struct order_key *key, int64_t now_s, int64_t *order_id) {
    h->id = id_next(r->o.ids);
    h->public_id = public_id_near(h->id);
    struct create_work w = {.r = r, .arena = arena, .head = *h, .limits = limits, .key = key, .org_id = h->org_id, .now_s = now_s};
    struct err e = db_write(r->o.db, create_fn, &w);
    if (e.kind) return e;
    STEP(order_created);
    *order_id = w.result_id ? w.result_id : h->id;
    if (!w.result_id) atomic_fetch_add(&r->created, 1);
    if (!w.is_paid) return ERR_OK;
    mail_wake(r->o.mail);
    STEP(order_paid);
    return helds_follow(r);
}

struct err order_key_result(struct order_room *r, int64_t org_id, const struct order_key *key, int64_t now_s, int64_t *result_id) {
    *result_id = 0;
    if (!key || !key->key.len) return ERR_OK;
    struct create_work w = {.r = r, .key = key, .org_id = org_id, .now_s = now_s};
    struct err e = db_read(r->o.db, look_fn, &w);
    *result_id = w.result_id;
    return e;
}

struct err order_create(struct order_room *r, struct arena *arena, const struct order_buyer *b, const struct order_cart *cart, const struct order_key *key, struct order_item *out) {
    struct quoted q;
    struct head h;
    int64_t now_s = now_of(r), id = 0;
    /* Before anything is asked about the cart: the first answer stands, also when its offer is gone by now. */
    struct err e = order_key_result(r, b->org_id, key, now_s, &id);
    if (!e.kind && !id) {
        e = quote_make(r, arena, b, cart, &(struct quote_terms){.fixed = -1}, &q);
        if (!e.kind && cart->coupon.len && q.q.coupon_trouble) e = err_make(ERR_INPUT, q.q.coupon_trouble, "This code cannot be used for this.");
        if (!e.kind) e = head_of_quote(arena, b, &q, now_s, &h);
        if (!e.kind && h.coupon_id && !(h.coupon = arena_copy(arena, cart->coupon)).ptr) e = err_memory();
        if (!e.kind) e = order_place(r, arena, &h, (struct coupon_limits){q.q.coupon_uses_max, q.q.coupon_per_household_max}, key, now_s, &id);
    }
    return e.kind ? e : order_get_id(r, arena, b->org_id, id, text_language_of(b->lang), out);
}

/* --- paid for --- */

static struct err settled(void) { return err_make(ERR_CONFLICT, "order.settled", "This order is settled: it was paid, cancelled, or its time is over."); }

struct pay_work {
    struct order_room *r;
    struct arena *arena;
    const struct order_buyer *buyer;
    const struct order_payment_wish *wish;
    const struct order_key *key;
    enum pay_provider provider;
    struct slice order;
    int64_t now_s;
    struct pay_info *out;
};

static struct err pay_fn(struct db_tx *tx, void *arg) {
    struct pay_work *w = arg;
    struct head h;
    int64_t before = 0;
    struct err e = key_look(w->r, tx, w->buyer->org_id, w->key, w->now_s, &before);
    if (!e.kind && before) return pay_find_in(w->r->o.pay, tx, w->arena, w->buyer->org_id, before, w->out);
    if (!e.kind) e = head_find_bare(tx, w->arena, w->buyer->org_id, w->buyer->household_id, w->order, &h);
    if (e.kind) return e;
    if (h.state != HEAD_WAITS || h.expires_s <= w->now_s) return settled();
    struct pay_list attempts = {0};
    if (h.payment_id) e = pay_of_order_in(w->r->o.pay, tx, w->arena, h.org_id, h.id, &attempts);
    for (size_t i = 0; !e.kind && i < attempts.count; i++)
        if (pay_state_is_open(attempts.items[i].state)) e = pay_cancel_in(w->r->o.pay, tx, h.org_id, attempts.items[i].id);
    if (e.kind) return e;
    struct pay_card card = {.number = w->wish->card_number, .expires = w->wish->card_expires, .cvc = w->wish->card_cvc, .name = w->wish->card_name};
    struct slice what = arena_printf(w->arena, "Order %lld", (long long)h.number);
    if (!what.ptr) return err_memory();
    struct pay_new new = {.org_id = h.org_id, .household_id = h.household_id, .order_id = h.id, .provider = w->provider, .amount = money_of(&h, h.due), .what = what,
                          .return_url = w->wish->return_url, .card = card.number.len ? &card : NULL, .keeps_method = (h.flags & HEAD_PLAN) != 0, .expires_us = h.expires_s * 1000000};
    e = pay_create_in(w->r->o.pay, tx, w->arena, &new, w->out);
    if (!e.kind) e = DB_RUN(tx, &order_head_payment, DB_INT("id", h.id), DB_INT("org_id", h.org_id), DB_INT("payment_id", w->out->id));
    if (!e.kind) e = key_keep(tx, h.org_id, w->key, w->now_s, w->out->id);
    STEP(order_pay_inside);
    return e;
}

struct err order_pay(struct order_room *r, struct arena *arena, const struct order_buyer *b, struct slice order, const struct order_payment_wish *wish, const struct order_key *key,
                     struct pay_info *out) {
    struct pay_work w = {.r = r, .arena = arena, .buyer = b, .wish = wish, .key = key, .order = order, .now_s = now_of(r), .out = out};
    if (!pay_provider_of(wish->provider, &w.provider)) return err_make(ERR_INPUT, "pay.provider", "There is no such way to pay here.");
    struct err e = db_write(r->o.db, pay_fn, &w);
    STEP(order_pay_stored);
    if (!e.kind) pay_wake(r->o.pay);
    return e;
}

/* --- given up --- */

struct close_work {
    struct order_room *r;
    struct arena *arena;
    const struct order_buyer *buyer;
    struct slice order;
    int64_t org_id, id, now_s;
    bool is_closed;
};

static struct err cancel_fn(struct db_tx *tx, void *arg) {
    struct close_work *w = arg;
    struct head h;
    struct err e = head_find(tx, w->arena, w->buyer->org_id, w->buyer->household_id, w->order, &h);
    if (e.kind || h.state == HEAD_CANCELLED) return e;
    if (h.state != HEAD_WAITS) return settled();
    if (h.flags & HEAD_RENEWAL) return err_make(ERR_CONFLICT, "order.renewal", "This order renews the subscription. Cancel the plan instead.");
    e = head_close(w->r, tx, w->arena, &h, HEAD_CANCELLED);
    if (!e.kind) w->is_closed = true;
    return e;
}

struct err order_cancel(struct order_room *r, struct arena *arena, const struct order_buyer *b, struct slice order, struct order_item *out) {
    struct close_work w = {.r = r, .arena = arena, .buyer = b, .order = order, .now_s = now_of(r)};
    struct err e = db_write(r->o.db, cancel_fn, &w);
    if (e.kind) return e;
    if (w.is_closed) {
        atomic_fetch_add(&r->cancelled, 1);
        pay_wake(r->o.pay);
    }
    return order_get(r, arena, b->org_id, b->household_id, order, text_language_of(b->lang), out);
}

static struct err expire_fn(struct db_tx *tx, void *arg) {
    struct close_work *w = arg;
    struct head h;
    w->is_closed = false;
    struct err e = head_get(tx, w->arena, w->org_id, w->id, &h);
    if (e.kind || h.state != HEAD_WAITS || h.expires_s > w->now_s) return e;
    e = head_close(w->r, tx, w->arena, &h, HEAD_EXPIRED);
    w->is_closed = !e.kind;
    return e;
}

struct expiring {
    struct arena *arena;
    struct db_rows rows;
    int64_t now_s;
};
static struct err expiring_fn(struct db_tx *tx, void *arg) {
    struct expiring *w = arg;
    return DB_QUERY(tx, w->arena, &w->rows, &order_head_expiring, DB_INT("now_s", w->now_s), DB_INT("limit", EXPIRED_AT_ONCE));
}

struct err expire_due(struct order_room *r, int64_t now_s, size_t *count) {
    struct expiring due = {.arena = arena_create(1 << 20), .now_s = now_s};
    struct close_work w = {.r = r, .arena = arena_create(ARENA_BYTES), .now_s = now_s};
    struct err e = due.arena && w.arena ? db_read(r->o.db, expiring_fn, &due) : err_memory(), first = ERR_OK;
    *count = 0;
    for (size_t i = 0; !e.kind && i < due.rows.count; i++) {
        arena_reset(w.arena);
        w.id = db_int(&due.rows, i, "id");
        w.org_id = db_int(&due.rows, i, "org_id");
        struct err one = db_write(r->o.db, expire_fn, &w);
        if (!one.kind && w.is_closed) ++*count;
        if (one.kind) log_warn("order", "order not expired", LOG_INT("order", w.id), LOG_ERR(one)); /* the others are not kept waiting */
        if (one.kind && !first.kind) first = one;
    }
    if (*count) {
        atomic_fetch_add(&r->expired, *count);
        pay_wake(r->o.pay);
    }
    arena_destroy(&w.arena);
    arena_destroy(&due.arena);
    return e.kind ? e : first;
}
