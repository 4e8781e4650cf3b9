/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * ask.c: what is sold here, from memory. */
#include "business/offer/room.h"

#include <stdlib.h>

uint32_t settings_rate(const struct offer_settings *s, struct rights_place place) {
    if (place.country == RIGHTS_NOWHERE) return 0;
    const char *code = rights_country_code(place.country);
    for (size_t i = 0; i < s->tax_count; i++)
        if (!memcmp(s->taxes[i].country, code, 2)) return s->taxes[i].rate_ppm;
    return 0;
}

static void sooner(int64_t *next_s, int64_t at) {
    if (at < *next_s) *next_s = at;
}

bool offer_is_open(const struct offer *o, int64_t at_s, int64_t *next_s) {
    if (!o->is_on_sale || at_s >= o->ends_s) return false;
    if (at_s < o->starts_s) return sooner(next_s, o->starts_s), false;
    sooner(next_s, o->ends_s);
    return true;
}

bool offer_fits(const struct offer *o, const struct offer_question *q, bool is_named) {
    switch (o->kind) {
    case OFFER_SUBSCRIPTION: return true;
    case OFFER_RENTAL:
    case OFFER_PURCHASE: return !q->is_holder && !q->is_event;
    case OFFER_SEASON_PASS: return is_named || q->is_holder || q->titles[1] || q->titles[2];
    case OFFER_LIVE_PASS: return q->is_event;
    case OFFER_BUNDLE: return is_named;
    case OFFER_GIFT_CARD:
    case OFFER_KINDS: break;
    }
    return false;
}

/* An event that has not begun is sold for the time when it will have: by contracts that count then. */
void offer_rights_of(struct offers *o, enum offer_kind kind, const struct offer_question *q, struct rights_answer *out) {
    struct rights_question question = {.titles = {q->titles[0], q->titles[1], q->titles[2]}, .place = q->place, .medium = offer_medium(kind),
                                       .at_s = q->is_event && q->event_s > q->at_s ? q->event_s : q->at_s};
    if (question.at_s > RIGHTS_TIME_MAX) question.at_s = RIGHTS_TIME_MAX;
    rights_decide(o->o.rights, &question, out);
}

/* Rights are asked once a medium. */
struct asked {
    bool is_known[OFFER_KINDS], is_allowed[OFFER_KINDS];
};
static bool is_allowed(struct offers *o, struct asked *asked, enum offer_kind kind, const struct offer_question *q, int64_t *next_s) {
    enum offer_kind as = offer_medium(kind) == RIGHTS_PURCHASE ? OFFER_PURCHASE : kind;
    if (!asked->is_known[as]) {
        struct rights_answer answer;
        offer_rights_of(o, as, q, &answer);
        asked->is_known[as] = true;
        asked->is_allowed[as] = answer.is_allowed;
        sooner(next_s, answer.until_s);
        if (answer.from_s > q->at_s) sooner(next_s, answer.from_s);
    }
    return asked->is_allowed[as];
}

/* Everything that one title may be had by: calls `found` for each, with its price here. */
typedef void found_fn(void *user, const struct offer *, const struct offer_price *);
static void find(struct offers *o, const struct shop *shop, const struct offer_question *q, int64_t *next_s, found_fn *found, void *user) {
    struct asked asked = {0};
    const uint16_t *lists[4] = {shop->all};
    size_t counts[4] = {shop->all_count};
    for (int t = 0; t < 3; t++) {
        const struct holding *h = shop_holding(shop, q->titles[t]);
        if (!h) continue;
        lists[t + 1] = shop->held + h->first;
        counts[t + 1] = h->count;
    }
    for (int list = 0; list < 4; list++)
        for (size_t i = 0; i < counts[list]; i++) {
            uint16_t place = lists[list][i];
            bool is_seen = false; /* an offer may name a series and an episode of it */
            for (int before = 1; before < list && !is_seen; before++)
                for (size_t k = 0; k < counts[before] && !is_seen; k++) is_seen = lists[before][k] == place;
            const struct offer *one = &shop->stock->offers[place];
            if (is_seen || !offer_is_open(one, q->at_s, next_s) || !offer_fits(one, q, list > 0)) continue;
            const struct offer_price *price = offer_price_at(one, q->place);
            if (price && is_allowed(o, &asked, one->kind, q, next_s)) found(user, one, price);
        }
    if (q->is_event && q->event_s > q->at_s) sooner(next_s, q->event_s);
}

void offer_question_of(const struct catalog_view *view, const struct catalog_title *title, struct rights_place place, int64_t at_s, struct offer_question *out) {
    struct offer_question q = {.org_id = title->org_id, .is_holder = catalog_kind_holds(title->kind), .place = place, .at_s = at_s};
    q.is_event = title->kind == CATALOG_EVENT && title->status != CATALOG_READY;
    if (q.is_event) q.event_s = title->starts_ms / 1000;
    const struct catalog_title *asked = title;
    if (q.is_holder && title->kind != CATALOG_COLLECTION) { /* one of its episodes speaks for it: contracts may hang on these alone */
        const struct catalog_title *series = title->kind == CATALOG_SEASON ? catalog_parent(view, title) : title;
        size_t count = 0;
        const struct catalog_title *const *children = series ? catalog_children(view, series, &count) : NULL;
        for (size_t i = 0; i < count; i++)
            if (!catalog_kind_holds(children[i]->kind) && (title->kind == CATALOG_SERIES || children[i]->season == title->season) && catalog_is_shown(view, children[i])) {
                asked = children[i];
                break;
            }
    }
    catalog_above(view, asked, q.titles);
    *out = q;
}

static void sale_found(void *user, const struct offer *one, const struct offer_price *price) {
    struct offer_sale *sale = user;
    struct money *lowest = &sale->lowest[one->kind];
    sale->kinds |= (uint16_t)(1u << one->kind);
    if (!lowest->currency || (lowest->currency == price->amount.currency && price->amount.minor < lowest->minor)) *lowest = price->amount;
}

void offer_sale(struct offers *o, const struct offer_question *q, struct offer_sale *out) {
    *out = (struct offer_sale){.next_s = OFFER_ENDLESS};
    struct reading reading;
    const struct shop *shop = shop_enter(o, q->org_id, &reading);
    if (shop) find(o, shop, q, &out->next_s, sale_found, out);
    shop_leave(&reading);
}

/* The window is of being sold: what was sold in it is watched after it. */
static struct err runs_add(const struct offer *one, const struct offer_question *q, bool is_named, struct rights_runs *runs) {
    struct err e = ERR_OK;
    if (!one->is_on_sale || one->ends_s <= q->at_s || !offer_fits(one, q, is_named)) return e;
    for (size_t i = 0; i < one->price_count && !e.kind; i++)
        e = rights_run_add(runs, one->prices[i].territories, (uint16_t)(1u << offer_medium(one->kind)), one->starts_s > q->at_s ? one->starts_s : q->at_s, RIGHTS_ENDLESS);
    return e;
}

struct err offer_runs(void *offers, const struct catalog_view *view, const struct catalog_title *title, int64_t now_s, struct rights_runs *runs) {
    struct offer_question q;
    offer_question_of(view, title, (struct rights_place){.country = RIGHTS_NOWHERE}, now_s, &q);
    struct reading reading;
    const struct shop *shop = shop_enter(offers, q.org_id, &reading);
    struct err e = ERR_OK;
    for (size_t i = 0; shop && i < shop->all_count && !e.kind; i++) e = runs_add(&shop->stock->offers[shop->all[i]], &q, false, runs);
    for (int t = 0; t < 3; t++) {
        const struct holding *h = shop ? shop_holding(shop, q.titles[t]) : NULL;
        for (uint32_t i = 0; h && i < h->count && !e.kind; i++) e = runs_add(&shop->stock->offers[shop->held[h->first + i]], &q, true, runs);
    }
    shop_leave(&reading);
    return e;
}

bool shop_contains(const struct shop *shop, const struct offer *one, const int64_t titles[3]) {
    if (one->kind == OFFER_GIFT_CARD) return false;
    if (one->contents == OFFER_ALL) return true;
    uint16_t place = (uint16_t)(one - shop->stock->offers);
    for (int t = 0; t < 3; t++) {
        const struct holding *h = shop_holding(shop, titles[t]);
        for (uint32_t i = 0; h && i < h->count; i++)
            if (shop->held[h->first + i] == place) return true;
    }
    return false;
}

bool offer_contains(struct offers *o, int64_t org_id, int64_t offer_id, const int64_t titles[3]) {
    struct reading reading;
    const struct shop *shop = shop_enter(o, org_id, &reading);
    const struct offer *one = shop ? shop_find_id(shop, offer_id) : NULL;
    bool contains = one && shop_contains(shop, one, titles);
    shop_leave(&reading);
    return contains;
}

/* --- what an offer contains --- */

static bool walk_title(const struct catalog_view *view, const struct catalog_title *title, offer_walk_fn *fn, void *user, int depth) {
    if (!catalog_kind_holds(title->kind)) return !catalog_is_shown(view, title) || fn(user, title, title->id);
    if (depth > 2) return true;
    if (title->kind == CATALOG_COLLECTION) {
        for (size_t i = 0; i < title->member_count; i++) {
            const struct catalog_title *member = catalog_find_id(view, title->members[i]);
            if (member && member->kind != CATALOG_COLLECTION && !walk_title(view, member, fn, user, depth + 1)) return false;
        }
        return true;
    }
    const struct catalog_title *series = title->kind == CATALOG_SEASON ? catalog_parent(view, title) : title;
    size_t count = 0;
    const struct catalog_title *const *children = series ? catalog_children(view, series, &count) : NULL;
    for (size_t i = 0; i < count; i++)
        if (!catalog_kind_holds(children[i]->kind) && (title->kind == CATALOG_SERIES || children[i]->season == title->season) && catalog_is_shown(view, children[i]) &&
            !fn(user, children[i], children[i]->id))
            return false;
    return true;
}

void offer_walk(const struct catalog_view *view, const struct offer *o, offer_walk_fn *fn, void *user) {
    if (o->kind == OFFER_GIFT_CARD) return;
    if (o->contents == OFFER_ALL) {
        for (size_t i = 0; i < view->count; i++)
            if (!catalog_kind_holds(view->titles[i]->kind) && catalog_is_shown(view, view->titles[i]) && !fn(user, view->titles[i], view->titles[i]->id)) return;
        return;
    }
    size_t count = o->contents == OFFER_TITLES ? o->title_count : 1;
    const int64_t *ids = o->contents == OFFER_TITLES ? o->titles : &o->holder_id;
    for (size_t i = 0; i < count; i++) {
        const struct catalog_title *title = catalog_find_id(view, ids[i]);
        if (!(title ? walk_title(view, title, fn, user, 0) : fn(user, NULL, ids[i]))) return;
    }
}

struct cover {
    struct offers *o;
    const struct catalog_view *view;
    const struct offer *offer;
    struct rights_place place;
    int64_t at_s;
    size_t allowed, refused;
    bool stops_at_first;
};
static bool cover_title(void *user, const struct catalog_title *title, int64_t id) {
    struct cover *c = user;
    bool is_allowed_here = false;
    if (title) {
        struct offer_question q;
        struct rights_answer answer;
        offer_question_of(c->view, title, c->place, c->at_s, &q);
        if (!offer_fits(c->offer, &q, true)) return true; /* an event that is over, in a pass for those to come */
        offer_rights_of(c->o, c->offer->kind, &q, &answer);
        is_allowed_here = answer.is_allowed;
    }
    c->allowed += is_allowed_here;
    c->refused += !is_allowed_here;
    return c->stops_at_first ? !is_allowed_here : is_allowed_here;
}

bool offer_is_covered(struct offers *o, const struct catalog_view *view, const struct offer *one, struct rights_place place, int64_t at_s) {
    if (one->kind == OFFER_GIFT_CARD) return true;
    bool is_whole = one->kind == OFFER_BUNDLE || ((one->kind == OFFER_SEASON_PASS || one->kind == OFFER_LIVE_PASS) && !offer_needs_title(one));
    struct cover c = {.o = o, .view = view, .offer = one, .place = place, .at_s = at_s, .stops_at_first = !is_whole};
    offer_walk(view, one, cover_title, &c);
    return c.allowed && (!is_whole || !c.refused);
}

/* --- lists, copied --- */

struct here_work {
    struct arena *arena;
    const struct stock *stock;
    struct rights_place place;
    struct offer_here *items;
    size_t count, room;
    bool has_failed;
};
static void here_add(struct here_work *w, const struct offer *one, const struct offer_price *price) {
    if (w->count == w->room) {
        size_t room = w->room ? w->room * 2 : 8;
        struct offer_here *grown = arena_alloc_array(w->arena, room, sizeof *grown);
        if (!grown) {
            w->has_failed = true;
            return;
        }
        if (w->count) memcpy(grown, w->items, w->count * sizeof *grown);
        w->items = grown;
        w->room = room;
    }
    struct offer_here *here = &w->items[w->count];
    *here = (struct offer_here){.is_tax_included = w->stock->settings.is_tax_included};
    here->rate_ppm = one->kind == OFFER_GIFT_CARD ? 0 : settings_rate(&w->stock->settings, w->place);
    if (price) here->price = price->amount;
    if (!offer_copy(w->arena, one, &here->offer)) w->has_failed = true;
    else w->count++;
}
static void here_found(void *user, const struct offer *one, const struct offer_price *price) { here_add(user, one, price); }

/* Plans, rentals, purchases, passes, bundles; of one kind the cheapest first, then the older. */
static int by_kind_and_price(const void *a, const void *b) {
    const struct offer_here *x = a, *y = b;
    if (x->offer.kind != y->offer.kind) return (int)x->offer.kind - (int)y->offer.kind;
    if (x->price.currency != y->price.currency) return (int)x->price.currency - (int)y->price.currency;
    if (x->price.minor != y->price.minor) return x->price.minor < y->price.minor ? -1 : 1;
    return x->offer.id < y->offer.id ? -1 : x->offer.id > y->offer.id;
}

static struct err here_end(struct here_work *w, struct offer_here_list *out) {
    if (w->has_failed) return err_memory();
    if (w->count) qsort(w->items, w->count, sizeof *w->items, by_kind_and_price);
    *out = (struct offer_here_list){w->items, w->count};
    return ERR_OK;
}

struct err offers_for_title(struct offers *o, struct arena *arena, const struct offer_question *q, struct offer_here_list *out) {
    struct catalog_view *view;
    struct err e = catalog_view_take(o->o.catalog, q->org_id, &view);
    if (e.kind) return e;
    struct reading reading;
    const struct shop *shop = shop_enter(o, q->org_id, &reading);
    struct here_work w = {.arena = arena, .stock = shop ? shop->stock : NULL, .place = q->place};
    int64_t next_s = OFFER_ENDLESS;
    if (shop) find(o, shop, q, &next_s, here_found, &w);
    shop_leave(&reading);
    size_t kept = 0; /* what is sold whole must be covered whole */
    for (size_t i = 0; i < w.count; i++) {
        const struct offer *one = &w.items[i].offer;
        bool is_fixed = one->kind == OFFER_BUNDLE || ((one->kind == OFFER_SEASON_PASS || one->kind == OFFER_LIVE_PASS) && !offer_needs_title(one));
        if (!is_fixed || offer_is_covered(o, view, one, q->place, q->at_s)) w.items[kept++] = w.items[i];
    }
    w.count = kept;
    catalog_view_give(&view);
    return here_end(&w, out);
}

struct err offers_of_kind(struct offers *o, struct arena *arena, int64_t org_id, enum offer_kind kind, struct rights_place place, int64_t at_s, struct offer_here_list *out) {
    struct catalog_view *view;
    struct err e = catalog_view_take(o->o.catalog, org_id, &view);
    if (e.kind) return e;
    struct reading reading;
    const struct shop *shop = shop_enter(o, org_id, &reading);
    struct here_work w = {.arena = arena, .stock = shop ? shop->stock : NULL, .place = place};
    int64_t next_s = OFFER_ENDLESS;
    for (size_t i = 0; shop && i < shop->stock->count; i++) {
        const struct offer *one = &shop->stock->offers[i];
        const struct offer_price *price = one->kind == kind && offer_is_open(one, at_s, &next_s) ? offer_price_at(one, place) : NULL;
        if (price && offer_is_covered(o, view, one, place, at_s)) here_add(&w, one, price);
    }
    shop_leave(&reading);
    catalog_view_give(&view);
    return here_end(&w, out);
}

static struct err get(struct offers *o, struct arena *arena, int64_t org_id, struct slice public_id, int64_t id, struct rights_place place, struct offer_here *out) {
    struct reading reading;
    const struct shop *shop = shop_enter(o, org_id, &reading);
    struct here_work w = {.arena = arena, .stock = shop ? shop->stock : NULL, .place = place};
    const struct offer *one = id ? shop_find_id(shop, id) : shop_find(shop, public_id);
    if (one) here_add(&w, one, offer_price_at(one, place));
    shop_leave(&reading);
    if (w.has_failed) return err_memory();
    if (!w.count) return err_make(ERR_NOT_FOUND, "offer.not_found", "There is no such offer.");
    *out = w.items[0];
    return ERR_OK;
}
struct err offer_get(struct offers *o, struct arena *arena, int64_t org_id, struct slice public_id, struct rights_place place, struct offer_here *out) {
    return get(o, arena, org_id, public_id, 0, place, out);
}
struct err offer_get_id(struct offers *o, struct arena *arena, int64_t org_id, int64_t id, struct rights_place place, struct offer_here *out) {
    return id ? get(o, arena, org_id, SLICE_NONE, id, place, out) : err_make(ERR_NOT_FOUND, "offer.not_found", "There is no such offer.");
}

struct err offers_list(struct offers *o, struct arena *arena, int64_t org_id, struct offer_list *out) {
    struct reading reading;
    const struct shop *shop = shop_enter(o, org_id, &reading);
    size_t count = shop ? shop->stock->count : 0;
    struct offer *items = arena_alloc_array(arena, count + 1, sizeof *items);
    bool is_copied = items != NULL;
    for (size_t i = 0; is_copied && i < count; i++) is_copied = offer_copy(arena, &shop->stock->offers[i], &items[i]);
    shop_leave(&reading);
    if (!is_copied) return err_memory();
    *out = (struct offer_list){items, count};
    return ERR_OK;
}
