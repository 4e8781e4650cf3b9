/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a cart costs. Offers know prices, taxes and coupons; this room knows the buyer: had he a trial, how many vouchers and how much credit has he, how often has he
 * used the coupon. Everything is asked again in the transaction that makes an order of it. */
#include <string.h>

#include "business/order/order_sql.h"
#include "business/order/room.h"

struct facts {
    int64_t org_id, household_id, plan_id, coupon_id, now_s; /* plan_id, coupon_id: 0 for none */
    bool asks_vouchers;
    bool had_trial, has_plan;
    int64_t vouchers, uses, uses_household;
};

static struct err facts_fn(struct db_tx *tx, void *arg) {
    struct facts *f = arg;
    struct arena *arena = arena_create(ARENA_BYTES);
    if (!arena) return err_memory();
    struct err e = ERR_OK;
    struct sub sub;
    if (f->plan_id) {
        f->had_trial = DB_GET_INT(tx, 0, &order_trial_find, DB_INT("household_id", f->household_id), DB_INT("offer_id", f->plan_id)) != 0;
        e = sub_find_live(tx, arena, f->org_id, f->household_id, &f->has_plan, &sub);
    }
    if (!e.kind && f->coupon_id) {
        f->uses = DB_GET_INT(tx, 0, &order_coupon_count, DB_INT("coupon_id", f->coupon_id), DB_INT("org_id", f->org_id));
        f->uses_household = DB_GET_INT(tx, 0, &order_coupon_of_household, DB_INT("coupon_id", f->coupon_id), DB_INT("household_id", f->household_id));
    }
    if (!e.kind && f->asks_vouchers) e = vouchers_usable(tx, f->org_id, f->household_id, f->now_s, &f->vouchers);
    if (!e.kind) e = db_tx_error(tx);
    arena_destroy(&arena);
    return e;
}

struct credit_work {
    struct order_room *r;
    int64_t org_id, household_id, credit;
    uint16_t currency;
};
static struct err credit_fn(struct db_tx *tx, void *arg) {
    struct credit_work *w = arg;
    return available(w->r, tx, w->org_id, w->currency, LEDGER_CODE_CREDIT, w->household_id, &w->credit);
}

/* For good, or rented and not begun: a second one would buy nothing. */
static bool is_owned(struct order_room *r, const struct order_buyer *b, const struct offer_line *l, int64_t now_s) {
    if (l->offer.kind == OFFER_SUBSCRIPTION || l->offer.kind == OFFER_GIFT_CARD || l->offer.kind == OFFER_LIVE_PASS || !l->scope_count) return false;
    for (size_t i = 0; i < l->scope_count; i++) {
        struct order_held held[ORDER_HELD_MAX];
        int64_t next_s = ORDER_ENDLESS;
        size_t count = order_entitlement(r, b->org_id, b->household_id, (int64_t[3]){l->scope[i], 0, 0}, now_s, held, &next_s);
        bool has = false;
        for (size_t k = 0; k < count; k++)
            has |= held[k].kind != OFFER_SUBSCRIPTION && held[k].medium == l->medium && (held[k].watch_s ? !held[k].started_s : held[k].ends_s >= ORDER_ENDLESS);
        if (!has) return false;
    }
    return true;
}

struct err quote_make(struct order_room *r, struct arena *arena, const struct order_buyer *b, const struct order_cart *cart, const struct quote_terms *t, struct quoted *out) {
    if (!cart->count || cart->count > ORDER_LINES_MAX) return err_make(ERR_INPUT, "offer.lines", "A cart has 1 to 20 lines.");
    struct facts f = {.org_id = b->org_id, .household_id = b->household_id, .now_s = now_of(r), .asks_vouchers = cart->uses_voucher};
    struct offer_wish *wishes = arena_alloc_array(arena, cart->count, sizeof *wishes);
    struct offer_here *here = ARENA_NEW(arena, struct offer_here);
    if (!wishes || !here) return err_memory();
    for (size_t i = 0; i < cart->count; i++) {
        wishes[i] = (struct offer_wish){.offer = cart->lines[i].offer, .title = cart->lines[i].title, .quantity = cart->lines[i].quantity};
        if (t->fixed >= 0) wishes[i].fixed = MONEY(t->fixed, t->fixed_currency);
        struct err missing = offer_get(r->o.offers, arena, b->org_id, cart->lines[i].offer, b->place, here);
        if (missing.kind) continue; /* the quote says so in its own words */
        if (here->offer.kind == OFFER_SUBSCRIPTION) f.plan_id = here->offer.id;
    }
    struct offer_coupon coupon;
    if (cart->coupon.len && offer_coupon_find(r->o.offers, arena, b->org_id, cart->coupon, &coupon)) f.coupon_id = coupon.id;
    struct err e = f.plan_id || f.coupon_id || f.asks_vouchers ? db_read(r->o.db, facts_fn, &f) : ERR_OK;
    if (e.kind) return e;
    struct offer_buyer buyer = {.org_id = b->org_id, .place = b->place, .at_s = f.now_s, .had_trial = f.had_trial || t->is_without_trial, .vouchers = f.vouchers, .coupon_uses = f.uses,
                                .coupon_uses_household = f.uses_household};
    struct offer_cart wanted = {.lines = wishes, .count = cart->count, .coupon = cart->coupon};
    struct quoted q = {.unused = t->unused, .has_plan = f.has_plan};
    e = offer_quote(r->o.offers, arena, &buyer, &wanted, &q.q);
    if (e.kind) return e;
    if (cart->uses_voucher && !q.q.vouchers) return err_make(ERR_CONFLICT, "voucher.none", "There is no voucher to use, or none that buys this.");
    if (!t->is_free_to_have && q.has_plan) return err_make(ERR_CONFLICT, "order.subscribed", "The household has a subscription already. Switch it to another plan instead.");
    for (size_t i = 0; !t->is_free_to_have && i < q.q.count; i++)
        if (is_owned(r, b, &q.q.lines[i], f.now_s)) return err_make(ERR_CONFLICT, "order.owned", "The household has this already.");
    if (cart->uses_credit && q.q.total.minor > t->unused) {
        struct credit_work w = {.r = r, .org_id = b->org_id, .household_id = b->household_id, .currency = q.q.currency};
        e = db_read(r->o.db, credit_fn, &w);
        if (e.kind) return e;
        int64_t open = q.q.total.minor - t->unused;
        q.credit = w.credit < open ? w.credit : open;
        if (q.credit < 0) q.credit = 0;
        /* Gift cards are not bought with what gift cards left: it would only move, and never end. */
        for (size_t i = 0; i < q.q.count; i++)
            if (q.q.lines[i].offer.kind == OFFER_GIFT_CARD) q.credit = 0;
    }
    *out = q;
    return ERR_OK;
}

static struct err line_of(struct arena *arena, const struct offer_line *from, int n, struct line *out) {
    struct slice names[TEXT_LANGUAGE_COUNT];
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++) names[i] = from->offer.texts[i].name;
    const struct offer *o = &from->offer;
    *out = (struct line){
        .n = n, .offer_id = o->id, .title_id = from->title_id, .quantity = from->quantity, .unit_price = from->unit_price.minor, .discount = from->discount.minor, .tax = from->tax.minor,
        .total = from->total.minor, .vouchers = from->vouchers, .offer = o->public_id, .title = from->title, .kind = o->kind, .names = names_join(arena, names),
        .title_names = from->title_id ? names_join(arena, from->title_names) : SLICE(""), .rate_ppm = from->rate_ppm, .is_included = from->is_tax_included,
        .t = {.unit = (int)o->unit, .period = o->period, .trial_days = o->trial_days, .grace_days = o->grace_days, .vouchers = o->vouchers, .start_within_days = o->start_within_days,
              .watch_hours = o->watch_hours, .is_trial = from->is_trial, .medium = (int)from->medium, .scope_count = from->scope_count}};
    memcpy(out->t.scope, from->scope, from->scope_count * sizeof *from->scope);
    return out->names.ptr && out->title_names.ptr ? ERR_OK : err_memory();
}

struct err head_of_quote(struct arena *arena, const struct order_buyer *b, const struct quoted *from, int64_t now_s, struct head *out) {
    const struct offer_quote *q = &from->q;
    struct head h = {.org_id = b->org_id, .household_id = b->household_id, .user_id = b->user_id, .created_s = now_s, .expires_s = now_s + ORDER_EXPIRES_S, .currency = q->currency,
                     .lang = arena_copy(arena, text_language_of(b->lang)), .country = arena_copy(arena, slice_cstr(q->country)), .area = arena_copy(arena, slice_cstr(b->place.area)),
                     .subtotal = q->subtotal.minor, .discount = q->discount.minor, .tax = q->tax.minor, .total = q->total.minor, .unused = from->unused, .vouchers = q->vouchers,
                     .coupon_id = q->coupon_id, .coupon = SLICE(""), .renews_s = q->renews ? q->renews_s : 0, .renews_price = q->renews ? q->renews_price.minor : 0, .count = q->count};
    h.credit = proration_of(&h) + from->credit;
    h.due = h.total - h.credit;
    h.lines = arena_alloc_array(arena, q->count + 1, sizeof *h.lines);
    if (!h.lines || !h.lang.ptr || !h.country.ptr || !h.area.ptr) return err_memory();
    for (size_t i = 0; i < q->count; i++) {
        struct err e = line_of(arena, &q->lines[i], (int)i, &h.lines[i]);
        if (e.kind) return e;
    }
    *out = h;
    return ERR_OK;
}

struct err order_quote(struct order_room *r, struct arena *arena, const struct order_buyer *b, const struct order_cart *cart, struct order_quote *out) {
    struct quoted q;
    struct head h;
    struct err e = quote_make(r, arena, b, cart, &(struct quote_terms){.fixed = -1}, &q);
    if (!e.kind) e = head_of_quote(arena, b, &q, now_of(r), &h);
    if (e.kind) return e;
    quote_of_head(arena, &h, text_language_of(b->lang), out);
    out->coupon = q.q.coupon_id ? cart->coupon : SLICE("");
    out->coupon_trouble = cart->coupon.len ? q.q.coupon_trouble : NULL;
    return ERR_OK;
}
