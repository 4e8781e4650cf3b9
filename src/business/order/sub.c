/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Subscriptions: what a paid order makes of them, and what the household asks for. All changes are one row written whole (sub_put); what it may watch is one
 * entitlement that is made longer with each period.
 *
 *   anchor ------- months -------> to_s        a period ends so many months after the anchor, on its day of the month; so 31 January, 28 February, 31 March
 *
 * The entitlement ends at to_s + grace while the subscription renews, at to_s where it was cancelled. */
#include <string.h>

#include "base/step.h"
#include "business/order/order_sql.h"
#include "business/order/room.h"

static const char *const sub_state_names[] = {"trial", "active", "grace", "cancelled", "ended"};
const char *order_sub_state_name(enum order_sub_state s) { return sub_state_names[s]; }

int64_t period_months(int unit, int period) { return (int64_t)period * (unit == OFFER_YEAR ? 12 : 1); }
int64_t period_end(int64_t anchor_s, int64_t months) {
    if (months == 0) return anchor_s;
    return offer_period_end(&(struct offer){.kind = OFFER_SUBSCRIPTION, .unit = OFFER_MONTH, .period = 1}, anchor_s, months);
}

/* --- rows --- */

static void sub_take(const struct db_rows *rows, size_t i, struct sub *out) {
    *out = (struct sub){
        .id = db_int(rows, i, "id"), .org_id = db_int(rows, i, "org_id"), .household_id = db_int(rows, i, "household_id"), .user_id = db_int(rows, i, "user_id"),
        .state = (int)db_int(rows, i, "state"), .before_state = (int)db_int(rows, i, "before_state"), .offer_id = db_int(rows, i, "offer_id"), .next_offer_id = db_int(rows, i, "next_offer_id"),
        .names = db_text(rows, i, "names"), .lang = db_text(rows, i, "lang"), .country = db_text(rows, i, "country"), .area = db_text(rows, i, "area"), .method = db_text(rows, i, "method"),
        .currency = (uint16_t)db_int(rows, i, "currency"), .price = db_int(rows, i, "price"), .shown_price = db_int(rows, i, "shown_price"), .told_price = db_int(rows, i, "told_price"),
        .told_from_s = db_int(rows, i, "told_from_s"), .checked_no = db_int(rows, i, "checked_no"), .unit = (int)db_int(rows, i, "unit"), .period = (int)db_int(rows, i, "period"),
        .grace_s = db_int(rows, i, "grace_s"), .anchor_s = db_int(rows, i, "anchor_s"), .months = db_int(rows, i, "months"), .period_no = db_int(rows, i, "period_no"),
        .from_s = db_int(rows, i, "from_s"), .to_s = db_int(rows, i, "to_s"), .due_s = db_int(rows, i, "due_s"), .tries = db_int(rows, i, "tries"), .next_from_s = db_int(rows, i, "next_from_s"),
        .order_id = db_int(rows, i, "order_id"), .held_id = db_int(rows, i, "held_id"), .next_order_id = db_int(rows, i, "next_order_id"), .open_order_id = db_int(rows, i, "open_order_id"),
        .provider = db_int(rows, i, "provider"), .method_id = db_int(rows, i, "method_id"), .started_s = db_int(rows, i, "started_s"), .ended_s = db_int(rows, i, "ended_s"),
        .ended_why = (int)db_int(rows, i, "ended_why")};
    public_id_take(db_text(rows, i, "public_id"), &out->public_id);
    public_id_take(db_text(rows, i, "offer"), &out->offer);
    public_id_take(db_text(rows, i, "next_offer"), &out->next_offer);
}

static struct err taken(struct err e, const struct db_rows *rows, bool *has, struct sub *out) {
    if (e.kind) return e;
    *has = rows->count != 0;
    if (*has) sub_take(rows, 0, out);
    return ERR_OK;
}
struct err sub_find_live(struct db_tx *tx, struct arena *arena, int64_t org_id, int64_t household_id, bool *has, struct sub *out) {
    struct db_rows rows;
    return taken(DB_QUERY(tx, arena, &rows, &order_sub_live, DB_INT("household_id", household_id), DB_INT("org_id", org_id)), &rows, has, out);
}
struct err sub_find_newest(struct db_tx *tx, struct arena *arena, int64_t org_id, int64_t household_id, bool *has, struct sub *out) {
    struct db_rows rows;
    return taken(DB_QUERY(tx, arena, &rows, &order_sub_newest, DB_INT("household_id", household_id), DB_INT("org_id", org_id)), &rows, has, out);
}
struct err sub_get(struct db_tx *tx, struct arena *arena, int64_t org_id, int64_t id, bool *has, struct sub *out) {
    struct db_rows rows;
    return taken(DB_QUERY(tx, arena, &rows, &order_sub_by_id, DB_INT("id", id), DB_INT("org_id", org_id)), &rows, has, out);
}

#define SUB_CHANGING(s)                                                                                                                                                \
    DB_INT("state", (s)->state), DB_INT("before_state", (s)->before_state), DB_INT("offer_id", (s)->offer_id), DB_TEXT("offer", public_id_slice(&(s)->offer)),                \
        DB_TEXT("names", (s)->names), DB_TEXT("country", (s)->country), DB_TEXT("area", (s)->area), DB_INT("price", (s)->price), DB_INT("shown_price", (s)->shown_price),        \
        DB_INT("told_price", (s)->told_price), DB_INT("told_from_s", (s)->told_from_s), DB_INT("checked_no", (s)->checked_no), DB_INT("unit", (s)->unit),                        \
        DB_INT("period", (s)->period), DB_INT("grace_s", (s)->grace_s), DB_INT("anchor_s", (s)->anchor_s), DB_INT("months", (s)->months), DB_INT("period_no", (s)->period_no),    \
        DB_INT("from_s", (s)->from_s), DB_INT("to_s", (s)->to_s), DB_INT("due_s", (s)->due_s), DB_INT("tries", (s)->tries), DB_INT("next_from_s", (s)->next_from_s),              \
        DB_INT("order_id", (s)->order_id), DB_INT("held_id", (s)->held_id), DB_INT("next_order_id", (s)->next_order_id), DB_INT("open_order_id", (s)->open_order_id),             \
        DB_INT("provider", (s)->provider), DB_INT("method_id", (s)->method_id), DB_TEXT("method", (s)->method), DB_INT("next_offer_id", (s)->next_offer_id),                      \
        DB_TEXT("next_offer", slice_cstr((s)->next_offer.text)), DB_INT_IF("ended_s", (s)->ended_s != 0, (s)->ended_s), DB_INT("ended_why", (s)->ended_why)

struct err sub_put(struct db_tx *tx, const struct sub *s) { return DB_RUN(tx, &order_sub_write, DB_INT("id", s->id), DB_INT("org_id", s->org_id), SUB_CHANGING(s)); }

static struct err sub_new(struct db_tx *tx, const struct sub *s) {
    return DB_RUN(tx, &order_sub_insert, DB_INT("id", s->id), DB_INT("org_id", s->org_id), DB_TEXT("public_id", public_id_slice(&s->public_id)), DB_INT("household_id", s->household_id),
                  DB_INT("user_id", s->user_id), DB_TEXT("lang", s->lang), DB_INT("currency", s->currency), DB_INT("started_s", s->started_s), SUB_CHANGING(s));
}

int64_t sub_next_due(const struct sub *s) {
    if (s->state == ORDER_SUB_CANCELLED) return s->to_s;
    return s->checked_no < s->period_no ? s->to_s - ORDER_NOTICE_S - DAY_S : s->to_s; /* time to tell of a higher price */
}

/* --- paid --- */

static void method_keep(struct sub *s, const struct pay_info *p) {
    if (!p || !p->method_id) return;
    s->provider = p->provider;
    s->method_id = p->method_id;
    s->method = p->label;
}

static void plan_take(struct sub *s, const struct head *h, const struct line *l) {
    s->offer_id = l->offer_id;
    s->offer = l->offer;
    s->names = l->names;
    s->price = l->unit_price;
    s->shown_price = h->renews_price;
    s->told_price = s->told_from_s = 0;
    s->unit = l->t.unit;
    s->period = l->t.period;
    s->grace_s = l->t.grace_days * DAY_S;
    s->next_offer_id = 0;
    s->next_offer = (struct public_id){{0}};
    if (h->country.len) {
        s->country = h->country;
        s->area = h->area;
    }
}

static struct err period_open(struct order_room *r, struct db_tx *tx, struct head *h, const struct line *l, struct sub *s, bool is_new_plan) {
    s->order_id = h->id;
    s->next_order_id = id_next(r->o.ids);
    s->open_order_id = 0;
    s->tries = 0;
    s->next_from_s = s->to_s;
    int64_t ends_s = s->to_s + sub_lag_s(s);
    struct err e = ERR_OK;
    if (is_new_plan) {
        if (s->held_id) e = held_set_end(tx, s->held_id, s->from_s, false);
        if (!e.kind) e = held_add(r, tx, h, l, 0, s->from_s, ends_s, 0, true, &s->held_id);
    } else {
        e = DB_RUN(tx, &order_held_extend, DB_INT("id", s->held_id), DB_INT("order_id", h->id), DB_INT("line", l->n), DB_INT("ends_s", ends_s), DB_BOOL("renews", true));
        if (!e.kind) e = held_note(tx, s->held_id);
    }
    if (!e.kind && s->state != ORDER_SUB_TRIAL) e = vouchers_give(r, tx, h->org_id, h->household_id, s->id, h->id, l->t.vouchers, s->to_s);
    s->due_s = sub_next_due(s);
    h->sub_id = s->id;
    h->period_no = s->period_no;
    return e;
}

static struct err begin(struct order_room *r, struct db_tx *tx, struct head *h, const struct line *l, const struct pay_info *p, int64_t now_s) {
    struct sub s = {.id = id_next(r->o.ids), .org_id = h->org_id, .household_id = h->household_id, .user_id = h->user_id, .public_id = public_id_random(), .state = ORDER_SUB_ACTIVE,
                    .before_state = ORDER_SUB_ACTIVE, .lang = h->lang, .country = h->country, .area = h->area, .method = SLICE(""), .currency = h->currency, .started_s = now_s, .from_s = now_s,
                    .anchor_s = now_s, .period_no = 1};
    plan_take(&s, h, l);
    method_keep(&s, p);
    struct err e = ERR_OK;
    if (l->t.is_trial) {
        s.state = s.before_state = ORDER_SUB_TRIAL;
        s.anchor_s = now_s + l->t.trial_days * DAY_S;
        s.period_no = 0;
        s.checked_no = -1;
        e = DB_RUN(tx, &order_trial_insert, DB_INT("household_id", h->household_id), DB_INT("offer_id", l->offer_id), DB_INT("org_id", h->org_id), DB_INT("order_id", h->id));
    } else {
        s.months = period_months(s.unit, s.period);
    }
    s.to_s = period_end(s.anchor_s, s.months);
    if (!e.kind) e = period_open(r, tx, h, l, &s, true);
    return e.kind ? e : sub_new(tx, &s);
}

static struct err renewed(struct order_room *r, struct db_tx *tx, struct head *h, const struct line *l, const struct pay_info *p, struct sub *s) {
    bool is_new_plan = l->offer_id != s->offer_id;
    plan_take(s, h, l);
    method_keep(s, p);
    s->state = s->before_state = ORDER_SUB_ACTIVE;
    if (s->next_from_s != s->to_s) { /* too late to go on where it ended */
        s->anchor_s = s->next_from_s;
        s->months = 0;
    }
    s->months += period_months(s->unit, s->period);
    s->from_s = s->next_from_s;
    s->to_s = period_end(s->anchor_s, s->months);
    s->period_no = h->period_no;
    struct err e = period_open(r, tx, h, l, s, is_new_plan);
    STEP(renew_paid_inside);
    if (!e.kind) r->of_request.renewals++;
    return e.kind ? e : sub_put(tx, s);
}

static struct err switched(struct order_room *r, struct db_tx *tx, struct head *h, const struct line *l, const struct pay_info *p, struct sub *s, int64_t now_s) {
    plan_take(s, h, l);
    method_keep(s, p);
    s->state = s->before_state = ORDER_SUB_ACTIVE;
    s->anchor_s = s->from_s = now_s;
    s->months = period_months(s->unit, s->period);
    s->to_s = period_end(s->anchor_s, s->months);
    s->period_no++;
    struct err e = period_open(r, tx, h, l, s, true);
    return e.kind ? e : sub_put(tx, s);
}

struct err sub_paid(struct order_room *r, struct db_tx *tx, struct arena *arena, struct head *h, const struct line *l, const struct pay_info *p, int64_t now_s) {
    struct sub s;
    bool has = false;
    int64_t of = h->flags & HEAD_SWITCH ? h->switch_of : h->sub_id;
    if (!of) return begin(r, tx, h, l, p, now_s);
    struct err e = sub_get(tx, arena, h->org_id, of, &has, &s);
    if (e.kind || !has) return e.kind ? e : err_make(ERR_BUG, "order.subscription", "The subscription of an order is not there.");
    return h->flags & HEAD_SWITCH ? switched(r, tx, h, l, p, &s, now_s) : renewed(r, tx, h, l, p, &s);
}

struct err sub_fits(struct db_tx *tx, struct arena *arena, const struct head *h, bool *fits) {
    *fits = true;
    if (!head_plan(h)) return ERR_OK;
    struct sub s;
    bool has = false;
    struct err e = sub_find_live(tx, arena, h->org_id, h->household_id, &has, &s);
    if (e.kind) return e;
    if (h->flags & HEAD_RENEWAL) *fits = has && s.id == h->sub_id && s.open_order_id == h->id;
    else if (h->flags & HEAD_SWITCH) {
        *fits = has && s.id == h->switch_of && s.period_no == h->period_no && !s.open_order_id;
        struct head old;
        if (*fits && h->unused) {
            e = head_get(tx, arena, h->org_id, s.order_id, &old);
            const struct line *l = e.kind ? NULL : head_plan(&old);
            *fits = l && !old.lost && l->total - l->refunded >= h->unused;
        }
    } else *fits = !has;
    return e;
}

/* --- ended --- */

struct err sub_end(struct order_room *r, struct db_tx *tx, struct arena *arena, struct sub *s, enum sub_why why, int64_t now_s) {
    struct head open;
    struct err e = ERR_OK;
    if (s->open_order_id) e = head_get(tx, arena, s->org_id, s->open_order_id, &open);
    if (!e.kind && s->open_order_id && open.state == HEAD_WAITS) e = head_close(r, tx, arena, &open, why == SUB_WHY_CANCELLED ? HEAD_CANCELLED : HEAD_EXPIRED);
    int64_t until_s = s->state == ORDER_SUB_CANCELLED ? s->to_s : (s->open_order_id ? s->next_from_s : s->to_s) + sub_lag_s(s);
    s->open_order_id = 0;
    if (s->state != ORDER_SUB_CANCELLED) s->before_state = s->state;
    s->state = ORDER_SUB_ENDED;
    s->ended_s = now_s;
    s->ended_why = why;
    if (!e.kind && now_s < until_s) e = held_set_end(tx, s->held_id, now_s > s->from_s ? now_s : s->from_s + 1, false);
    return e.kind ? e : sub_put(tx, s);
}

struct err sub_lost(struct order_room *r, struct db_tx *tx, struct arena *arena, const struct head *h, enum sub_why why, int64_t now_s) {
    struct sub s;
    bool has = false;
    struct err e = h->sub_id ? sub_get(tx, arena, h->org_id, h->sub_id, &has, &s) : ERR_OK;
    if (e.kind || !has) return e;
    e = vouchers_take(r, tx, arena, h, false);
    if (e.kind || s.state == ORDER_SUB_ENDED || s.order_id != h->id) return e; /* a period that is over: the present one was paid for itself */
    return sub_end(r, tx, arena, &s, why, now_s);
}

struct err sub_won(struct order_room *r, struct db_tx *tx, struct arena *arena, const struct head *h, int64_t now_s) {
    struct sub s, other;
    bool has = false, has_other = false;
    struct err e = h->sub_id ? sub_get(tx, arena, h->org_id, h->sub_id, &has, &s) : ERR_OK;
    if (!e.kind && has) e = sub_find_live(tx, arena, h->org_id, h->household_id, &has_other, &other);
    if (e.kind || !has) return e;
    e = vouchers_take(r, tx, arena, h, true);
    if (e.kind || has_other || s.state != ORDER_SUB_ENDED || s.ended_why != SUB_WHY_CHARGED_BACK || s.order_id != h->id) return e;
    /* It runs to its end again, and no further: who disputed the charge is not charged again unless he resumes it. */
    s.before_state = ORDER_SUB_ACTIVE;
    s.state = ORDER_SUB_CANCELLED;
    s.ended_s = 0;
    s.ended_why = SUB_WHY_NONE;
    s.due_s = sub_next_due(&s);
    e = held_set_end(tx, s.held_id, s.to_s, false);
    return e.kind ? e : sub_put(tx, &s);
}

/* --- what the household asks for --- */

struct plan_work {
    struct order_room *r;
    struct arena *arena;
    const struct order_buyer *buyer;
    int64_t now_s;
    /* of switching */
    const struct order_key *key;
    struct sub sub; /* as it was when the switch was worked out */
    int64_t next_offer_id, result_id;
    struct public_id next_offer;
    struct head old;
};

static struct err no_plan(void) { return err_make(ERR_NOT_FOUND, "subscription.none", "The household has no subscription."); }

static struct err cancel_fn(struct db_tx *tx, void *arg) {
    struct plan_work *w = arg;
    struct sub s;
    bool has = false;
    struct err e = sub_find_live(tx, w->arena, w->buyer->org_id, w->buyer->household_id, &has, &s);
    if (e.kind || !has) return e.kind ? e : no_plan();
    if (s.state == ORDER_SUB_CANCELLED) return ERR_OK;
    if (s.open_order_id) return sub_end(w->r, tx, w->arena, &s, SUB_WHY_CANCELLED, w->now_s); /* the period is over, the next one is not paid: it ends now */
    s.before_state = s.state;
    s.state = ORDER_SUB_CANCELLED;
    s.next_offer_id = 0;
    s.next_offer = (struct public_id){{0}};
    s.due_s = sub_next_due(&s);
    e = held_set_end(tx, s.held_id, s.to_s, false);
    return e.kind ? e : sub_put(tx, &s);
}

static struct err resume_fn(struct db_tx *tx, void *arg) {
    struct plan_work *w = arg;
    struct sub s;
    bool has = false;
    struct err e = sub_find_live(tx, w->arena, w->buyer->org_id, w->buyer->household_id, &has, &s);
    if (e.kind || !has) return e.kind ? e : no_plan();
    if (s.state != ORDER_SUB_CANCELLED) return err_make(ERR_CONFLICT, "subscription.not_cancelled", "The subscription was not cancelled: it goes on.");
    if (s.to_s <= w->now_s) return err_make(ERR_CONFLICT, "subscription.over", "The subscription's last period is over. Begin a new one.");
    s.state = s.before_state;
    s.due_s = sub_next_due(&s);
    e = held_set_end(tx, s.held_id, s.to_s + sub_lag_s(&s), true);
    return e.kind ? e : sub_put(tx, &s);
}

static struct err change(struct order_room *r, const struct order_buyer *b, db_fn *fn) {
    struct plan_work w = {.r = r, .arena = arena_create(ARENA_BYTES), .buyer = b, .now_s = now_of(r)};
    struct err e = w.arena ? db_write(r->o.db, fn, &w) : err_memory();
    arena_destroy(&w.arena);
    if (!e.kind) pay_wake(r->o.pay);
    return e.kind ? e : helds_follow(r);
}
struct err order_plan_cancel(struct order_room *r, const struct order_buyer *b) { return change(r, b, cancel_fn); }
struct err order_plan_resume(struct order_room *r, const struct order_buyer *b) { return change(r, b, resume_fn); }

/* --- another plan --- */

static struct err switch_look_fn(struct db_tx *tx, void *arg) {
    struct plan_work *w = arg;
    bool has = false;
    struct err e = sub_find_live(tx, w->arena, w->buyer->org_id, w->buyer->household_id, &has, &w->sub);
    if (e.kind || !has) return e.kind ? e : no_plan();
    return head_get(tx, w->arena, w->buyer->org_id, w->sub.order_id, &w->old);
}

/* At the period's end: it is noted, and nothing moves. */
static struct err later_fn(struct db_tx *tx, void *arg) {
    struct plan_work *w = arg;
    struct sub s;
    bool has = false;
    struct err e = key_look(w->r, tx, w->buyer->org_id, w->key, w->now_s, &w->result_id);
    if (e.kind || w->result_id) return e;
    e = sub_find_live(tx, w->arena, w->buyer->org_id, w->buyer->household_id, &has, &s);
    if (e.kind || !has) return e.kind ? e : no_plan();
    if (s.period_no != w->sub.period_no || s.open_order_id) return err_make(ERR_CONFLICT, "order.changed", "The household's subscription has changed meanwhile. Look again what is offered now.");
    s.next_offer_id = w->next_offer_id;
    s.next_offer = w->next_offer;
    if (s.state == ORDER_SUB_CANCELLED) { /* who chooses a next plan wants one */
        s.state = s.before_state;
        s.due_s = sub_next_due(&s);
        e = held_set_end(tx, s.held_id, s.to_s + sub_lag_s(&s), true);
    }
    if (!e.kind) e = sub_put(tx, &s);
    return e.kind ? e : key_keep(tx, w->buyer->org_id, w->key, w->now_s, s.id);
}

/* What is left of the period, by the second, of what was paid for it and not given back. */
static struct err unused_of(const struct plan_work *w, int64_t *out) {
    const struct sub *s = &w->sub;
    int64_t left_s = s->to_s - w->now_s, whole_s = s->to_s - s->from_s;
    *out = 0;
    if (left_s <= 0 || whole_s <= 0 || w->old.lost || w->old.state != HEAD_PAID) return ERR_OK;
    if (left_s > whole_s) left_s = whole_s; /* the clock went back */
    const struct line *l = head_plan(&w->old);
    if (!l) return ERR_OK;
    struct money share, rest;
    struct err e = money_prorate(money_of(&w->old, l->total - l->refunded), left_s, whole_s, &share, &rest);
    if (!e.kind) *out = share.minor;
    return e;
}

static struct err switch_to(struct plan_work *w, const struct order_buyer *b, struct slice offer, bool is_dry_run, struct order_switch *out) {
    struct order_room *r = w->r;
    struct offer_here here;
    struct err e = offer_get(r->o.offers, w->arena, b->org_id, offer, b->place, &here);
    if (e.kind) return e;
    if (here.offer.kind != OFFER_SUBSCRIPTION) return err_make(ERR_INPUT, "subscription.offer", "This is no plan that one can switch to.");
    const struct sub *s = &w->sub;
    bool is_same = here.offer.id == s->offer_id;
    if (is_same && !s->next_offer_id) return err_make(ERR_CONFLICT, "subscription.same", "This is the plan that the household has.");
    if (s->open_order_id || s->state == ORDER_SUB_GRACE) return err_make(ERR_CONFLICT, "subscription.grace", "A payment is due first. Pay it, then switch.");
    bool is_now = !is_same && here.price.currency == s->currency && here.price.minor >= s->price;
    struct quote_terms terms = {.fixed = -1, .is_free_to_have = true, .is_without_trial = true};
    if (is_now) e = unused_of(w, &terms.unused);
    struct order_wish wish = {.offer = offer, .quantity = 1};
    struct quoted q;
    struct head h;
    if (!e.kind) e = quote_make(r, w->arena, b, &(struct order_cart){.lines = &wish, .count = 1}, &terms, &q);
    if (!e.kind) e = head_of_quote(w->arena, b, &q, w->now_s, &h);
    if (e.kind) return e;
    out->is_now = is_now;
    quote_of_head(w->arena, &h, text_language_of(b->lang), &out->quote);
    if (is_dry_run) return ERR_OK;
    if (is_now) {
        int64_t id = 0;
        h.flags = HEAD_SWITCH;
        h.switch_of = s->id;
        h.period_no = s->period_no;
        e = order_place(r, w->arena, &h, (struct coupon_limits){0}, w->key, w->now_s, &id);
        out->has_order = !e.kind;
        return e.kind ? e : order_get_id(r, w->arena, b->org_id, id, text_language_of(b->lang), &out->order);
    }
    w->next_offer_id = is_same ? 0 : here.offer.id;
    w->next_offer = is_same ? (struct public_id){{0}} : here.offer.public_id;
    e = db_write(r->o.db, later_fn, w);
    return e.kind ? e : helds_follow(r);
}

struct err order_plan_switch(struct order_room *r, struct arena *arena, const struct order_buyer *b, struct slice offer, bool is_dry_run, const struct order_key *key, struct order_switch *out) {
    struct plan_work w = {.r = r, .arena = arena, .buyer = b, .now_s = now_of(r), .key = is_dry_run ? NULL : key};
    struct order_switch made = {0};
    int64_t before = 0;
    struct err e = order_key_result(r, b->org_id, w.key, w.now_s, &before);
    if (!e.kind && before) { /* an order, or the subscription that has its next plan noted */
        e = order_get_id(r, arena, b->org_id, before, text_language_of(b->lang), &made.order);
        made.has_order = made.is_now = !e.kind;
        if (made.has_order) made.quote = made.order.q;
        if (e.kind != ERR_NOT_FOUND) {
            if (!e.kind) *out = made;
            return e;
        }
        w.key = NULL;
        is_dry_run = true; /* it stands already: only the quote is made again */
    }
    e = db_read(r->o.db, switch_look_fn, &w);
    if (!e.kind) e = switch_to(&w, b, offer, is_dry_run, &made);
    if (!e.kind) *out = made;
    return e;
}
