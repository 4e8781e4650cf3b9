/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * quote.c: what a cart costs. First who buys what (offer_quote), then arithmetic over values alone (offer_sum):
 *
 *   1. each line's price is quantity * unit price
 *   2. vouchers pay whole rentals, the dearest first; a trial's price is all discount
 *   3. the coupon takes its part of what is left of the lines it is for, spread by the largest remainder
 *   4. tax of each line, of its price less its discount
 *   5. credit pays of the total what it can */
#include "business/offer/room.h"

static struct err input(const char *code, const char *what) { return err_make(ERR_INPUT, code, what); }
static struct err wrong_lines(void) { return input("offer.lines", "A cart has between 1 and 20 lines."); }
static struct err wrong_quantity(void) { return input("offer.quantity", "One thing is bought once; of gift cards up to 20 at a time."); }
static struct err wrong_range(void) { return input("money.range", "The amount is larger than can be kept (2^63 minor units). Use a smaller one."); }

/* --- the arithmetic --- */

static void vouchers_use(const struct offer_buyer *buyer, struct offer_quote *q) {
    for (int64_t left = buyer->vouchers; left > 0; left--) {
        struct offer_line *dearest = NULL;
        for (size_t i = 0; i < q->count; i++) {
            struct offer_line *l = &q->lines[i];
            if (l->offer.kind == OFFER_RENTAL && l->quantity == 1 && !l->vouchers && (!dearest || l->unit_price.minor > dearest->unit_price.minor)) dearest = l;
        }
        if (!dearest) return;
        dearest->vouchers = 1;
        q->vouchers++;
    }
}

static bool coupon_is_for(const struct offer_coupon *c, const struct offer_line *l) {
    if (l->vouchers || l->is_trial || l->offer.kind == OFFER_GIFT_CARD) return false; /* nothing is left to lower; and money is not sold for less */
    for (size_t i = 0; i < c->offer_count; i++)
        if (c->offers[i] == l->offer.id) return true;
    return c->offer_count == 0;
}

static const char *coupon_trouble(const struct offer_coupon *c, const struct offer_buyer *buyer, uint16_t currency, bool has_lines) {
    if (!c->is_active || buyer->at_s >= c->ends_s) return "coupon.ended";
    if (buyer->at_s < c->starts_s) return "coupon.not_yet";
    if (c->uses_max && buyer->coupon_uses >= c->uses_max) return "coupon.used";
    if (c->per_household_max && buyer->coupon_uses_household >= c->per_household_max) return "coupon.used_by_you";
    if (!has_lines) return "coupon.offers";
    if (!c->percent && c->amount.currency != currency) return "coupon.currency";
    return NULL;
}

static struct err coupon_use(const struct offer_coupon *c, const struct offer_buyer *buyer, struct offer_quote *q, const int64_t *prices) {
    int64_t weights[OFFER_LINES_MAX] = {0}, parts[OFFER_LINES_MAX];
    struct money sum = MONEY(0, q->currency), off;
    bool has_lines = false;
    for (size_t i = 0; i < q->count; i++) {
        if (!coupon_is_for(c, &q->lines[i])) continue;
        weights[i] = prices[i];
        struct err e = money_add(sum, MONEY(prices[i], q->currency), &sum);
        if (e.kind) return e;
        has_lines |= prices[i] > 0;
    }
    q->coupon_trouble = coupon_trouble(c, buyer, q->currency, has_lines);
    if (q->coupon_trouble) return ERR_OK;
    if (c->percent) {
        struct err e = money_multiply(sum, c->percent < 100 ? c->percent : 100, 100, MONEY_DOWN, &off);
        if (e.kind) return e;
    } else off = MONEY(c->amount.minor < sum.minor ? c->amount.minor : sum.minor, q->currency);
    if (off.minor < 0) return wrong_range();
    struct err e = money_split(off, weights, q->count, parts);
    for (size_t i = 0; !e.kind && i < q->count; i++)
        if (weights[i]) q->lines[i].discount.minor = parts[i];
    q->coupon_id = c->id;
    q->coupon_uses_max = c->uses_max;
    q->coupon_per_household_max = c->per_household_max;
    return e;
}

struct err offer_sum(const struct offer_buyer *buyer, const struct offer_coupon *coupon, struct offer_quote *out) {
    if (!out->count || out->count > OFFER_LINES_MAX) return wrong_lines();
    struct offer_quote q = *out;
    int64_t prices[OFFER_LINES_MAX];
    q.currency = q.lines[0].unit_price.currency;
    struct money none = MONEY(0, q.currency);
    q.subtotal = q.discount = q.tax = q.total = q.credit = none;
    q.vouchers = 0;
    q.coupon_id = q.coupon_uses_max = q.coupon_per_household_max = 0;
    struct err e = ERR_OK;
    for (size_t i = 0; !e.kind && i < q.count; i++) {
        struct offer_line *l = &q.lines[i];
        struct money price;
        if (l->quantity < 1 || l->quantity > (l->offer.kind == OFFER_GIFT_CARD ? OFFER_QUANTITY_MAX : 1)) return wrong_quantity();
        if (l->unit_price.currency != q.currency) return input("offer.currency", "All that is bought together has prices in one currency. Make two orders of it.");
        if (l->unit_price.minor < 0) return wrong_range();
        e = money_multiply(l->unit_price, l->quantity, 1, MONEY_DOWN, &price);
        if (!e.kind) e = money_add(q.subtotal, price, &q.subtotal);
        if (e.kind) return e;
        prices[i] = price.minor;
        l->discount = none;
        l->vouchers = 0;
    }
    vouchers_use(buyer, &q);
    if (coupon) e = coupon_use(coupon, buyer, &q, prices);
    for (size_t i = 0; !e.kind && i < q.count; i++) {
        struct offer_line *l = &q.lines[i];
        if (l->vouchers || l->is_trial) l->discount.minor = prices[i];
        struct money_taxed taxed;
        e = money_tax(MONEY(prices[i] - l->discount.minor, q.currency), l->rate_ppm, l->is_tax_included, MONEY_HALF_UP, &taxed);
        if (e.kind) break;
        l->tax = taxed.tax;
        l->total = taxed.gross;
        e = money_add(q.discount, l->discount, &q.discount);
        if (!e.kind) e = money_add(q.tax, l->tax, &q.tax);
        if (!e.kind) e = money_add(q.total, l->total, &q.total);
    }
    if (e.kind) return e;
    if (buyer->credit.currency == q.currency && buyer->credit.minor > 0)
        q.credit.minor = buyer->credit.minor < q.total.minor ? buyer->credit.minor : q.total.minor;
    q.due = MONEY(q.total.minor - q.credit.minor, q.currency);
    *out = q;
    return ERR_OK;
}

/* --- who buys what --- */

struct quoting {
    struct offers *o;
    struct arena *arena;
    const struct offer_buyer *buyer;
    const struct catalog_view *view;
    const struct shop *shop;
};

static struct err wrong_title(void) {
    return input("offer.title", "This offer needs a title that it contains and that can be bought this way. Choose one of those it is for.");
}
static struct err no_rights(void) {
    return input("offer.rights", "This cannot be sold here at present: contracts do not allow it. Choose something else, or try again another time.");
}

/* What the line entitles to. */
static struct err scope_of(const struct quoting *w, const struct offer *one, const struct catalog_title *title, struct offer_line *l) {
    if (title) {
        l->scope[l->scope_count++] = title->id;
        return ERR_OK;
    }
    switch (one->kind) {
    case OFFER_SEASON_PASS:
    case OFFER_BUNDLE:
        if (one->contents == OFFER_SERIES) l->scope[l->scope_count++] = one->holder_id;
        else if (one->contents == OFFER_TITLES)
            for (size_t i = 0; i < one->title_count && i < OFFER_TITLES_MAX; i++) l->scope[l->scope_count++] = one->titles[i];
        break;
    default: break; /* a plan, a live pass: whatever it contains */
    }
    return ERR_OK;
}

static struct err line_of(const struct quoting *w, const struct offer_wish *wish, struct offer_line *l) {
    const struct offer_buyer *b = w->buyer;
    const struct offer *one = shop_find(w->shop, wish->offer);
    bool is_fixed = wish->fixed.currency != CURRENCY_NONE;
    int64_t next_s = OFFER_ENDLESS;
    if (!one || (!is_fixed && !offer_is_open(one, b->at_s, &next_s)))
        return input("offer.not_on_sale", "This is not on sale any more, or not yet. Look at what is offered now.");
    const struct offer_price *price = offer_price_at(one, b->place);
    if (!price && !is_fixed) return input("offer.territory", "This is not sold where you are.");

    const struct catalog_title *title = NULL;
    if (wish->title.len) {
        title = catalog_find(w->view, wish->title);
        if (!title || !catalog_is_shown(w->view, title)) return wrong_title();
    } else if (!offer_needs_title(one) && (one->kind == OFFER_RENTAL || one->kind == OFFER_PURCHASE)) {
        title = catalog_find_id(w->view, one->titles[0]);
        if (!title) return no_rights(); /* it was removed */
    }
    if (!title && offer_needs_title(one)) return wrong_title();
    if (title && !offer_needs_title(one) && one->kind != OFFER_RENTAL && one->kind != OFFER_PURCHASE) title = NULL; /* sold whole; the title is where he came from */

    bool is_covered;
    if (title) {
        struct offer_question q;
        struct rights_answer answer;
        offer_question_of(w->view, title, b->place, b->at_s, &q);
        int64_t own[3];
        catalog_above(w->view, title, own);
        if (one->kind == OFFER_SEASON_PASS && !q.is_holder) return wrong_title();
        if (!offer_fits(one, &q, one->contents != OFFER_ALL) || !(shop_contains(w->shop, one, own) || shop_contains(w->shop, one, q.titles))) return wrong_title();
        if (q.is_holder && one->kind == OFFER_SEASON_PASS) {
            struct offer whole = *one; /* as if the offer named it: each of its episodes */
            whole.contents = OFFER_SERIES;
            whole.holder_id = title->id;
            is_covered = offer_is_covered(w->o, w->view, &whole, b->place, b->at_s);
        } else {
            offer_rights_of(w->o, one->kind, &q, &answer);
            is_covered = answer.is_allowed;
        }
    } else is_covered = is_fixed || offer_is_covered(w->o, w->view, one, b->place, b->at_s);
    if (!is_covered) return no_rights();

    *l = (struct offer_line){.quantity = wish->quantity, .unit_price = is_fixed ? wish->fixed : price->amount,
                             .rate_ppm = one->kind == OFFER_GIFT_CARD ? 0 : settings_rate(&w->shop->stock->settings, b->place), /* taxed when it is spent */
                             .is_tax_included = w->shop->stock->settings.is_tax_included,
                             .is_trial = one->kind == OFFER_SUBSCRIPTION && one->trial_days > 0 && !b->had_trial && !is_fixed};
    if (one->kind != OFFER_GIFT_CARD) l->medium = offer_medium(one->kind);
    if (!offer_copy(w->arena, one, &l->offer)) return err_memory();
    if (title) {
        l->title_id = title->id;
        l->title = title->public_id;
        for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++) l->title_names[i] = arena_copy(w->arena, catalog_text_in(title, text_languages[i].code).name);
        if (arena_overflowed(w->arena)) return err_memory();
    }
    return scope_of(w, one, title, l);
}

static struct err quote(const struct quoting *w, const struct offer_cart *cart, struct offer_quote *out) {
    struct offer_quote q = {.lines = arena_alloc_array(w->arena, cart->count, sizeof *q.lines), .count = cart->count};
    if (!q.lines) return err_memory();
    const struct offer_line *plan = NULL;
    for (size_t i = 0; i < cart->count; i++) {
        struct err e = line_of(w, &cart->lines[i], &q.lines[i]);
        if (e.kind) return e;
        if (q.lines[i].offer.kind != OFFER_SUBSCRIPTION) continue;
        if (plan) return input("offer.plans", "One subscription is bought at a time.");
        plan = &q.lines[i];
    }
    struct offer_coupon coupon;
    bool has_coupon = cart->coupon.len && offer_coupon_find(w->o, w->arena, w->buyer->org_id, cart->coupon, &coupon);
    if (cart->coupon.len && !has_coupon) q.coupon_trouble = "coupon.unknown";
    struct err e = offer_sum(w->buyer, has_coupon ? &coupon : NULL, &q);
    if (!e.kind && plan) {
        struct money_taxed taxed;
        e = money_tax(plan->unit_price, plan->rate_ppm, plan->is_tax_included, MONEY_HALF_UP, &taxed);
        if (!e.kind) q.renews_price = taxed.gross;
        q.renews = true;
        q.renews_s = plan->is_trial ? w->buyer->at_s + (int64_t)plan->offer.trial_days * 86400 : offer_period_end(&plan->offer, w->buyer->at_s, 1);
    }
    if (e.kind) return e;
    if (w->buyer->place.country != RIGHTS_NOWHERE) memcpy(q.country, rights_country_code(w->buyer->place.country), 2);
    *out = q;
    return ERR_OK;
}

struct err offer_quote(struct offers *o, struct arena *arena, const struct offer_buyer *buyer, const struct offer_cart *cart, struct offer_quote *out) {
    if (!cart->count || cart->count > OFFER_LINES_MAX) return wrong_lines();
    for (size_t i = 0; i < cart->count; i++)
        if (cart->lines[i].quantity < 1 || cart->lines[i].quantity > OFFER_QUANTITY_MAX) return wrong_quantity();
    struct quoting w = {.o = o, .arena = arena, .buyer = buyer};
    struct catalog_view *view = catalog_view_peek(o->o.catalog, buyer->org_id);
    struct err e = ERR_OK;
    if (!view) e = catalog_view_take(o->o.catalog, buyer->org_id, &view);
    if (e.kind) return e;
    struct reading reading;
    w.view = view;
    w.shop = shop_enter(o, buyer->org_id, &reading);
    e = w.shop ? quote(&w, cart, out) : input("offer.not_on_sale", "This is not on sale any more, or not yet. Look at what is offered now.");
    shop_leave(&reading);
    catalog_view_give(&view);
    return e;
}
