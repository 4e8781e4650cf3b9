/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What is on sale: GET /plans, GET /titles/{id}/offers. Prices are those of the place where the caller is. */
#include "api/shop.h"

struct rights_place shop_place(struct call *c) {
    const struct geo_place *place = call_place(c);
    struct rights_place out;
    if (!rights_place_parse(slice_cstr(place->country), slice_cstr(place->area), &out)) out = (struct rights_place){.country = RIGHTS_NOWHERE};
    return out;
}

static int64_t now_s(const struct call *c) { return utc_seconds(clock_utc(c->api->o.clock)); }

/* --- one offer --- */

static size_t count_within(const struct catalog_view *view, const struct offer *o) {
    const struct catalog_title *holder = o->holder_id ? catalog_find_id(view, o->holder_id) : NULL;
    size_t count = 0;
    switch (o->contents) {
    case OFFER_TITLES: return o->title_count;
    case OFFER_COLLECTION: return holder ? holder->member_count : 0;
    case OFFER_SERIES:
        if (holder) catalog_children(view, holder, &count);
        return count;
    default:
        for (size_t i = 0; i < view->count; i++) count += !catalog_kind_holds(view->titles[i]->kind) && view->titles[i]->status != CATALOG_FAILED;
        return count;
    }
}

void shop_begin_contains(struct call *c, const struct catalog_view *view, const struct offer *o) {
    struct json_writer *w = &c->w;
    const struct catalog_title *holder = o->holder_id ? catalog_find_id(view, o->holder_id) : NULL;
    json_key(w, "contains");
    json_begin_object(w);
    json_put_cstr(w, "kind", offer_contents_name(o->contents));
    json_put_cstr(w, "id", holder ? holder->public_id.text : NULL);
    json_key(w, "name");
    if (holder) json_add_string(w, catalog_text_in(holder, c->lang).name);
    else json_add_null(w);
    json_put_number(w, "count", (int64_t)count_within(view, o));
}

void shop_put_terms(struct json_writer *w, const struct offer *o) {
    json_key(w, "period");
    if (o->kind == OFFER_SUBSCRIPTION) {
        json_begin_object(w);
        json_put_cstr(w, "unit", offer_unit_name(o->unit));
        json_put_number(w, "count", o->period);
        json_end(w);
    } else {
        json_add_null(w);
    }
    json_put_number(w, "trial_days", o->trial_days);
    json_put_number(w, "vouchers", o->vouchers);
    json_key(w, "rental");
    if (o->kind == OFFER_RENTAL) {
        json_begin_object(w);
        json_put_number(w, "start_within_days", o->start_within_days);
        json_put_number(w, "watch_hours", o->watch_hours);
        json_end(w);
    } else {
        json_add_null(w);
    }
}

void shop_put_offer(struct call *c, const struct catalog_view *view, const struct offer_here *here, const struct catalog_title *title) {
    struct json_writer *w = &c->w;
    const struct offer *o = &here->offer;
    struct offer_text text = offer_text_in(o, c->lang);
    struct public_id none = {0};
    if (!title && o->contents == OFFER_TITLES && o->title_count == 1) title = catalog_find_id(view, o->titles[0]);
    json_begin_object(w);
    json_put_string(w, "id", public_id_slice(&o->public_id));
    json_put_cstr(w, "kind", offer_kind_name(o->kind));
    json_put_string(w, "name", text.name);
    json_put_string(w, "description", text.description);
    money_put(w, "price", here->price);
    json_key(w, "tax");
    json_begin_object(w);
    json_put_number(w, "rate_ppm", here->rate_ppm);
    json_put_bool(w, "is_included", here->is_tax_included);
    json_end(w);
    shop_put_terms(w, o);
    shop_put_time(w, "ends_at", o->ends_s);
    shop_put_named(w, "title", title ? &title->public_id : &none, title ? catalog_text_in(title, c->lang).name : SLICE_NONE);
    shop_begin_contains(c, view, o);
    json_end(w);
    bool was_used = false;
    int64_t household_id = call_who(c)->household_id;
    if (o->trial_days && household_id && !order_had_trial(c->api->o.order, c->org_id, household_id, &o->id, 1, &was_used).kind) json_put_bool(w, "was_trial_used", was_used);
    json_end(w);
}

void shop_put_offer_of(struct call *c, const char *name, int64_t offer_id) {
    struct offer_here here;
    struct catalog_view *view = NULL;
    json_key(&c->w, name);
    bool is_there = offer_id && !offer_get_id(c->api->o.offers, c->arena, c->org_id, offer_id, shop_place(c), &here).kind &&
                    !catalog_view_take(c->api->o.catalog, c->org_id, &view).kind;
    if (is_there) shop_put_offer(c, view, &here, NULL);
    else json_add_null(&c->w);
    catalog_view_give(&view);
}

/* --- plans --- */

static struct err plans_put(struct call *c, enum offer_kind kind) {
    struct offer_here_list list;
    struct catalog_view *view = NULL;
    struct err e = offers_of_kind(c->api->o.offers, c->arena, c->org_id, kind, shop_place(c), now_s(c), &list);
    if (!e.kind) e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (e.kind) return e;
    json_begin_object(&c->w);
    json_key(&c->w, "items");
    json_begin_array(&c->w);
    for (size_t i = 0; i < list.count; i++) shop_put_offer(c, view, &list.items[i], NULL);
    json_end(&c->w);
    json_end(&c->w);
    catalog_view_give(&view);
    return ERR_OK;
}

struct err shop_put_plans(struct call *c) { return plans_put(c, OFFER_SUBSCRIPTION); }

static struct err plans_get(struct call *c) {
    enum offer_kind kind = OFFER_SUBSCRIPTION;
    struct slice wish = call_query(c, "kind");
    if (wish.len && (!offer_kind_parse(wish, &kind) || (kind != OFFER_SUBSCRIPTION && kind != OFFER_GIFT_CARD)))
        return err_make(ERR_INPUT, "offer.kind", "Plans and gift cards are listed here; all else with its title.");
    return plans_put(c, kind);
}

/* --- of a title --- */

static void put_grant(struct call *c, const struct catalog_title *t, const struct access_answer *answer) {
    struct json_writer *w = &c->w;
    json_begin_object(w);
    json_put_cstr(w, "kind", "grant");
    shop_put_named(w, "title", &t->public_id, catalog_text_in(t, c->lang).name);
    json_put_cstr(w, "offer", NULL);
    json_put_cstr(w, "medium", rights_medium_name((enum rights_medium)answer->medium));
    json_put_cstr(w, "starts_at", NULL);
    put_time_or_null(w, "ends_at", answer->turns_s * 1000);
    json_put_bool(w, "is_started", true);
    json_put_cstr(w, "order", NULL);
    json_end(w);
}

/* What opens it, with the names of its offer and its order. */
static struct err held_item(struct call *c, const struct catalog_title *t, const struct order_held *held, struct order_entitlement_item *out) {
    struct offer_here here;
    *out = (struct order_entitlement_item){.held = *held, .title_id = held->kind == OFFER_SUBSCRIPTION ? 0 : t->id};
    struct err e = offer_get_id(c->api->o.offers, c->arena, c->org_id, held->offer_id, shop_place(c), &here);
    if (e.kind && e.kind != ERR_NOT_FOUND) return e;
    if (!e.kind) {
        out->offer = here.offer.public_id;
        out->offer_name = offer_text_in(&here.offer, c->lang).name;
    }
    struct order_name order;
    e = order_names(c->api->o.order, c->org_id, &held->order_id, 1, &order);
    if (!e.kind) out->order = order.id;
    return e;
}

struct err shop_put_entitlement_of(struct call *c, const struct catalog_title *t, const struct access_answer *answer) {
    struct order_entitlement_item item;
    if (answer->held.entitlement_id) {
        struct err e = held_item(c, t, &answer->held, &item);
        if (e.kind) return e;
        json_key(&c->w, "entitlement");
        shop_put_entitlement(c, &item);
        return ERR_OK;
    }
    json_key(&c->w, "entitlement");
    if (answer->entitled == ACCESS_BY_GRANT) put_grant(c, t, answer);
    else json_add_null(&c->w);
    return ERR_OK;
}

struct err shop_put_title_offers(struct call *c, const struct catalog_view *view, const struct catalog_title *t) {
    struct offer_question question;
    struct offer_here_list list;
    int64_t household_id = call_who(c)->household_id, vouchers = 0;
    bool has_rental = false;
    struct access_answer answer = call_decide(c, view, t);
    offer_question_of(view, t, shop_place(c), now_s(c), &question);
    struct err e = offers_for_title(c->api->o.offers, c->arena, &question, &list);
    if (!e.kind && call_is_free(c, view, t)) list.count = 0; /* nobody is sold what costs nothing */
    if (!e.kind && household_id) e = order_vouchers(c->api->o.order, c->org_id, household_id, &vouchers);
    if (e.kind) return e;
    struct json_writer *w = &c->w;
    json_begin_object(w);
    json_key(w, "items");
    json_begin_array(w);
    for (size_t i = 0; i < list.count; i++) {
        bool is_of_it = offer_needs_title(&list.items[i].offer);
        has_rental = has_rental || list.items[i].offer.kind == OFFER_RENTAL;
        shop_put_offer(c, view, &list.items[i], is_of_it ? t : NULL);
    }
    json_end(w);
    e = shop_put_entitlement_of(c, t, &answer);
    json_key(w, "vouchers");
    json_begin_object(w);
    json_put_number(w, "balance", vouchers);
    json_put_bool(w, "is_usable", vouchers > 0 && has_rental && answer.entitled == ACCESS_BY_NOTHING);
    json_end(w);
    json_end(w);
    return e;
}

static struct err title_offers_get(struct call *c) {
    struct catalog_view *view;
    struct err e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (e.kind) return e;
    const struct catalog_title *t = catalog_find(view, call_param(c, "id"));
    e = t ? shop_put_title_offers(c, view, t) : err_make(ERR_NOT_FOUND, "title.not_found", "There is no such title. It may have been removed.");
    catalog_view_give(&view);
    return e;
}

const struct route offer_routes[] = {
    {HTTP_GET, "/api/v1/plans", plans_get, CALL_PERSONAL},
    {HTTP_GET, "/api/v1/titles/{id}/offers", title_offers_get, CALL_PERSONAL},
    {0},
};
