/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What is due by the clock. Each subscription has one next moment (due_s) and one row; what is done about it is one transaction, which looks at the row again: who
 * was killed in between, or runs beside another, finds it done. The order of the next period has an id that was written with the period before and is the only one of
 * its (subscription, period): so a period is charged once.
 *
 *   before the end       a price that became higher is told, in time
 *   the end, cancelled   it ends
 *   the end              the order of the next period is made, with what credit there is, and charged to the method that is kept
 *   not paid             again after 1, 3 and 5 days, while grace lasts
 *   grace is over        it ends */
#include <assert.h>

#include "base/log.h"
#include "base/step.h"
#include "business/order/order_sql.h"
#include "business/order/room.h"

enum { DUE_AT_ONCE = 100, LAY_STILL_MIN_DAYS = 31, ROUNDS_MAX = 1000, PRUNE_S = 3600 };

struct renew_work {
    struct order_room *r;
    struct arena *arena;
    int64_t id, org_id, now_s;
    struct sub seen;       /* as it was when the next order was worked out */
    bool has_sub, has_head, is_changed, is_told;
    struct head head;      /* the next order, not yet placed */
    int64_t present;       /* the price tag of today; -1: it is not sold there any more */
    int64_t from_s;        /* of the next period */
};

static struct err look_fn(struct db_tx *tx, void *arg) {
    struct renew_work *w = arg;
    return sub_get(tx, w->arena, w->org_id, w->id, &w->has_sub, &w->seen);
}

static struct order_buyer buyer_of(const struct sub *s) {
    struct order_buyer b = {.org_id = s->org_id, .household_id = s->household_id, .user_id = s->user_id, .lang = s->lang};
    if (!rights_place_parse(s->country, s->area, &b.place)) b.place = (struct rights_place){.country = RIGHTS_NOWHERE};
    return b;
}

/* What the household pays next: never more than it was told in time; a lower price at once. */
static int64_t price_of(const struct sub *s, int64_t present) {
    int64_t most = s->told_price > s->price && s->told_from_s <= s->to_s ? s->told_price : s->price;
    return present >= 0 && present < most ? present : most;
}

static int64_t longest_still_s(const struct sub *s) {
    int64_t own = s->to_s - s->from_s, least = LAY_STILL_MIN_DAYS * DAY_S;
    return own > least ? own : least;
}

/* Outside of the transaction: what the next period costs. */
static struct err prepare(struct renew_work *w) {
    const struct sub *s = &w->seen;
    struct order_buyer b = buyer_of(s);
    struct offer_here here;
    struct err e = offer_get_id(w->r->o.offers, w->arena, s->org_id, s->offer_id, b.place, &here);
    w->present = !e.kind && here.price.currency == s->currency ? here.price.minor : -1;
    if (e.kind && e.kind != ERR_NOT_FOUND) return e;
    bool is_due = s->to_s <= w->now_s && !s->open_order_id && (s->state == ORDER_SUB_ACTIVE || s->state == ORDER_SUB_TRIAL);
    if (!is_due) return ERR_OK;
    w->from_s = w->now_s - s->to_s > ORDER_LATE_S ? w->now_s : s->to_s;
    struct public_id offer = s->next_offer_id ? s->next_offer : s->offer;
    struct order_wish wish = {.offer = public_id_slice(&offer), .quantity = 1};
    struct order_cart cart = {.lines = &wish, .count = 1, .uses_credit = true};
    struct quote_terms terms = {.fixed = s->next_offer_id ? -1 : price_of(s, w->present), .fixed_currency = s->currency, .is_free_to_have = true, .is_without_trial = true};
    struct quoted q;
    e = quote_make(w->r, w->arena, &b, &cart, &terms, &q);
    if (!e.kind) e = head_of_quote(w->arena, &b, &q, w->now_s, &w->head);
    if (e.kind) {
        log_warn("order", "renewal not worked out", LOG_INT("subscription", s->id), LOG_ERR(e));
        return e.kind == ERR_INPUT || e.kind == ERR_NOT_FOUND || e.kind == ERR_CONFLICT ? ERR_OK : e; /* tried again, until grace is over */
    }
    w->head.id = s->next_order_id;
    w->head.public_id = public_id_random();
    w->head.flags = HEAD_RENEWAL;
    w->head.sub_id = s->id;
    w->head.period_no = s->period_no + 1;
    w->head.expires_s = w->from_s + sub_lag_s(s);
    w->has_head = true;
    return ERR_OK;
}

static struct err write_to(struct renew_work *w, struct db_tx *tx, const struct sub *s, const char *code, int64_t price, int64_t until_s) {
    return letter_send(w->r, tx, w->arena, &(struct letter){.code = code, .org_id = s->org_id, .household_id = s->household_id, .user_id = s->user_id, .lang = s->lang,
                                                            .what = name_in(s->names, s->lang), .order = SLICE(""), .path = "/account/plan", .amount = MONEY(price, s->currency), .until_s = until_s});
}

static struct err notice(struct renew_work *w, struct db_tx *tx, struct sub *s) {
    s->checked_no = s->period_no;
    s->due_s = sub_next_due(s);
    struct err e = ERR_OK;
    if (w->present > s->price && w->present != s->told_price && !s->next_offer_id) {
        s->told_price = w->present;
        s->told_from_s = w->now_s + ORDER_NOTICE_S;
        e = write_to(w, tx, s, "mail.price_change", w->present, s->told_from_s <= s->to_s ? s->to_s : period_end(s->anchor_s, s->months + period_months(s->unit, s->period)));
    }
    return e.kind ? e : sub_put(tx, s);
}

static int64_t next_try_s(const struct sub *s) {
    static const int days[ORDER_TRIES_MAX] = {0, 1, 3, 5}; /* after the period's end, by how many tries have been made */
    int64_t end_s = s->next_from_s + sub_lag_s(s);
    int64_t at_s = s->tries > 0 && s->tries < ORDER_TRIES_MAX ? s->next_from_s + days[s->tries] * DAY_S : end_s;
    return at_s < end_s ? at_s : end_s;
}

/* One more try to charge what is kept. *did false: there is nothing to charge. */
static struct err charge(struct renew_work *w, struct db_tx *tx, struct sub *s, const struct head *h, bool *did) {
    *did = false;
    if (!s->method_id || s->tries >= ORDER_TRIES_MAX) return ERR_OK;
    struct pay_info made;
    struct slice what = arena_printf(w->arena, "Order %lld", (long long)h->number);
    struct pay_new new = {.org_id = h->org_id, .household_id = h->household_id, .order_id = h->id, .provider = (enum pay_provider)s->provider, .amount = money_of(h, h->due), .what = what,
                          .method_id = s->method_id, .is_off_session = true, .keeps_method = true, .expires_us = h->expires_s * 1000000};
    struct err e = what.ptr ? pay_create_in(w->r->o.pay, tx, w->arena, &new, &made) : err_memory();
    if (e.kind == ERR_INPUT || e.kind == ERR_NOT_FOUND) { /* the provider was switched off, or the method was forgotten */
        log_info("order", "method not usable", LOG_INT("subscription", s->id), LOG_ERR(e));
        s->method_id = 0;
        s->method = SLICE("");
        return ERR_OK;
    }
    if (!e.kind) e = DB_RUN(tx, &order_head_payment, DB_INT("id", h->id), DB_INT("org_id", h->org_id), DB_INT("payment_id", made.id));
    s->tries++;
    s->due_s = next_try_s(s);
    *did = !e.kind;
    return e;
}

/* The household has to do it. */
static struct err ask(struct renew_work *w, struct db_tx *tx, struct sub *s, const struct head *h) {
    s->state = ORDER_SUB_GRACE;
    s->due_s = s->next_from_s + sub_lag_s(s);
    return write_to(w, tx, s, "mail.plan_pay", h->due, s->due_s);
}

static struct err order_next(struct renew_work *w, struct db_tx *tx, struct sub *s) {
    if (!w->has_head) { /* it could not be worked out */
        s->due_s = w->now_s + DAY_S;
        return w->now_s >= s->to_s + sub_lag_s(s) ? sub_end(w->r, tx, w->arena, s, SUB_WHY_UNPAID, w->now_s) : sub_put(tx, s);
    }
    struct head h = w->head;
    bool did = false;
    s->open_order_id = h.id;
    s->next_from_s = w->from_s;
    s->tries = 0;
    s->due_s = w->from_s + sub_lag_s(s);
    struct err e = sub_put(tx, s);
    if (!e.kind && w->from_s != s->to_s) e = held_set_end(tx, s->held_id, w->from_s + sub_lag_s(s), true); /* grace is from when we come to it */
    if (!e.kind) e = head_place(w->r, tx, w->arena, &h, (struct coupon_limits){0}, w->now_s);
    if (e.kind || h.state == HEAD_PAID) return e; /* by credit: the next period is there */
    e = charge(w, tx, s, &h, &did);
    if (!e.kind && !did) e = ask(w, tx, s, &h);
    if (!e.kind) e = sub_put(tx, s);
    STEP(renew_order_inside);
    return e;
}

static struct err try_again(struct renew_work *w, struct db_tx *tx, struct sub *s) {
    int64_t end_s = s->next_from_s + sub_lag_s(s);
    struct head h;
    struct pay_list attempts;
    bool did = false, waits = false;
    if (w->now_s >= end_s) {
        struct err e = sub_end(w->r, tx, w->arena, s, SUB_WHY_UNPAID, w->now_s);
        return e.kind ? e : write_to(w, tx, s, "mail.plan_ended", s->shown_price, 0);
    }
    struct err e = head_get(tx, w->arena, s->org_id, s->open_order_id, &h);
    if (!e.kind) e = pay_of_order_in(w->r->o.pay, tx, w->arena, s->org_id, h.id, &attempts);
    for (size_t i = 0; !e.kind && i < attempts.count; i++) waits |= pay_state_is_open(attempts.items[i].state);
    if (!e.kind && waits) s->due_s = w->now_s + DAY_S < end_s ? w->now_s + DAY_S : end_s; /* the last try is still on its way */
    if (!e.kind && !waits) e = charge(w, tx, s, &h, &did);
    if (!e.kind && !waits && !did) s->due_s = end_s;
    return e.kind ? e : sub_put(tx, s);
}

static struct err renew_fn(struct db_tx *tx, void *arg) {
    struct renew_work *w = arg;
    struct sub s;
    bool has = false;
    struct arena_mark mark = arena_mark(w->arena);
    struct err e = sub_get(tx, w->arena, w->org_id, w->id, &has, &s);
    w->is_changed = false;
    if (e.kind || !has || s.state == ORDER_SUB_ENDED || s.due_s > w->now_s) return e;
    if (s.state != w->seen.state || s.period_no != w->seen.period_no || s.open_order_id != w->seen.open_order_id || s.to_s != w->seen.to_s || s.next_offer_id != w->seen.next_offer_id) return e;
    w->is_changed = true;
    if (s.state == ORDER_SUB_CANCELLED) e = sub_end(w->r, tx, w->arena, &s, SUB_WHY_CANCELLED, w->now_s);
    else if (s.open_order_id) e = try_again(w, tx, &s);
    else if (w->now_s < s.to_s) e = notice(w, tx, &s);
    else if (w->now_s - s.to_s > longest_still_s(&s)) e = sub_end(w->r, tx, w->arena, &s, SUB_WHY_LATE, w->now_s); /* nobody is charged for what lay still so long */
    else e = order_next(w, tx, &s);
    arena_rewind(w->arena, mark);
    return e;
}

static struct err renew_one(struct order_room *r, struct arena *arena, int64_t org_id, int64_t id, int64_t now_s, bool *is_changed) {
    struct renew_work w = {.r = r, .arena = arena, .id = id, .org_id = org_id, .now_s = now_s, .present = -1};
    struct err e = db_read(r->o.db, look_fn, &w);
    STEP(renew_found);
    if (!e.kind && w.has_sub) e = prepare(&w);
    if (!e.kind && w.has_sub) e = db_write(r->o.db, renew_fn, &w);
    STEP(renew_ordered);
    *is_changed = w.is_changed;
    return e;
}

struct due_work {
    struct arena *arena;
    struct db_rows rows;
    int64_t now_s;
};
static struct err due_fn(struct db_tx *tx, void *arg) {
    struct due_work *w = arg;
    return DB_QUERY(tx, w->arena, &w->rows, &order_sub_due, DB_INT("now_s", w->now_s), DB_INT("limit", DUE_AT_ONCE));
}

struct err renew_due(struct order_room *r, int64_t now_s, size_t *count) {
    struct due_work due = {.arena = arena_create(1 << 20), .now_s = now_s};
    struct arena *arena = arena_create(ARENA_BYTES);
    struct err e = due.arena && arena ? db_read(r->o.db, due_fn, &due) : err_memory(), first = ERR_OK;
    *count = 0;
    for (size_t i = 0; !e.kind && i < due.rows.count; i++) {
        bool is_changed = false;
        arena_reset(arena);
        struct err one = renew_one(r, arena, db_int(&due.rows, i, "org_id"), db_int(&due.rows, i, "id"), now_s, &is_changed);
        *count += is_changed && !one.kind;
        if (one.kind) log_warn("order", "subscription not renewed", LOG_INT("subscription", db_int(&due.rows, i, "id")), LOG_ERR(one)); /* the others are not kept waiting */
        if (one.kind && !first.kind) first = one;
    }
    if (*count) {
        pay_wake(r->o.pay);
        mail_wake(r->o.mail);
    }
    arena_destroy(&arena);
    arena_destroy(&due.arena);
    return e.kind ? e : first;
}

struct err sub_charge_failed(struct order_room *r, struct db_tx *tx, struct arena *arena, const struct head *h, int64_t now_s) {
    struct sub s;
    bool has = false;
    struct err e = sub_get(tx, arena, h->org_id, h->sub_id, &has, &s);
    if (e.kind || !has || s.open_order_id != h->id || s.state == ORDER_SUB_ENDED) return e;
    bool is_first = s.state != ORDER_SUB_GRACE;
    s.state = ORDER_SUB_GRACE;
    e = sub_put(tx, &s);
    struct renew_work w = {.r = r, .arena = arena, .now_s = now_s};
    return e.kind || !is_first ? e : write_to(&w, tx, &s, "mail.plan_failed", h->due, s.next_from_s + sub_lag_s(&s)); /* once, not at every try */
}

/* --- all of it --- */

static struct err keys_fn(struct db_tx *tx, void *arg) { return DB_RUN(tx, &order_key_prune, DB_INT("before_s", *(int64_t *)arg - ORDER_KEY_KEPT_S)); }

struct err order_tick(struct order_room *r) {
    struct err e = ERR_OK;
    for (int round = 0; !e.kind && round < ROUNDS_MAX; round++) {
        int64_t now_s = now_of(r);
        size_t renewed = 0, expired = 0, ended = 0;
        e = renew_due(r, now_s, &renewed);
        struct err next = expire_due(r, now_s, &expired);
        if (!e.kind) e = next;
        next = vouchers_end_due(r, now_s, &ended);
        if (!e.kind) e = next;
        if (!(renewed + expired + ended)) break;
    }
    int64_t now_s = now_of(r);
    int64_t pruned_s = atomic_load(&r->pruned_s);
    if (now_s >= pruned_s + PRUNE_S || now_s < pruned_s) {
        struct err kept = db_write(r->o.db, keys_fn, &now_s);
        if (!kept.kind) atomic_store(&r->pruned_s, now_s);
        if (!e.kind) e = kept;
    }
    struct err summed = sums_tick(r), followed = helds_follow(r);
    return e.kind ? e : summed.kind ? summed : followed;
}
