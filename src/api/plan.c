/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * /me/plan: the household's subscription, film vouchers, credit and what it may open; cancelling, resuming, another plan; gift cards. */
#include "api/shop.h"

static void put_subscription(struct call *c, const struct order_subscription *s) {
    struct json_writer *w = &c->w;
    json_begin_object(w);
    json_put_string(w, "id", public_id_slice(&s->public_id));
    shop_put_offer_of(c, "offer", s->offer_id);
    json_put_cstr(w, "state", order_sub_state_name(s->state));
    json_key(w, "period");
    json_begin_object(w);
    shop_put_time(w, "from", s->from_s);
    shop_put_time(w, "to", s->to_s);
    json_end(w);
    shop_put_time(w, "renews_at", s->renews_s);
    money_put(w, "price", s->price);
    json_key(w, "method");
    if (s->method.len) json_add_string(w, s->method);
    else json_add_null(w);
    shop_put_offer_of(c, "next_offer", s->next_offer_id);
    shop_put_time(w, "started_at", s->started_s);
    json_put_cstr(w, "order", s->open_order.text[0] ? s->open_order.text : NULL);
    json_end(w);
}

void shop_put_entitlement(struct call *c, const struct order_entitlement_item *e) {
    struct json_writer *w = &c->w;
    const struct order_held *held = &e->held;
    struct public_id title = {0};
    struct slice title_name = e->title_name;
    struct catalog_view *view = NULL;
    if (e->title_id && !catalog_view_take(c->api->o.catalog, c->org_id, &view).kind) {
        const struct catalog_title *t = catalog_find_id(view, e->title_id);
        if (t) {
            title = t->public_id;
            title_name = arena_copy(c->arena, catalog_text_in(t, c->lang).name);
        }
        catalog_view_give(&view);
    }
    json_begin_object(w);
    /* To whom it belongs it is a subscription, a rental, or bought; which kind of pass it was says the offer. */
    json_put_cstr(w, "kind", held->kind == OFFER_SUBSCRIPTION ? "subscription" : held->kind == OFFER_RENTAL ? "rental" : "purchase");
    shop_put_named(w, "title", &title, title_name);
    shop_put_named(w, "offer", &e->offer, e->offer_name);
    json_put_cstr(w, "medium", rights_medium_name(held->medium));
    shop_put_time(w, "starts_at", held->starts_s);
    shop_put_time(w, "ends_at", held->ends_s);
    json_put_bool(w, "is_started", held->kind != OFFER_RENTAL || held->started_s);
    shop_put_time(w, "started_at", held->started_s);
    json_put_number(w, "watch_hours", held->watch_s / 3600);
    json_put_cstr(w, "order", e->order.text[0] ? e->order.text : NULL);
    json_end(w);
}

static void put_credit(struct json_writer *w, const struct order_plan *plan) {
    json_key(w, "credit");
    json_begin_array(w);
    for (size_t i = 0; i < plan->credit_count; i++) money_add_json(w, plan->credit[i]);
    json_end(w);
}

static struct err plan_get(struct call *c) {
    struct order_buyer buyer;
    struct order_plan plan;
    struct err e = shop_buyer(c, &buyer);
    if (!e.kind) e = order_plan(c->api->o.order, c->arena, &buyer, &plan);
    if (e.kind) return e;
    struct json_writer *w = &c->w;
    json_begin_object(w);
    json_key(w, "subscription");
    if (plan.has_subscription) put_subscription(c, &plan.subscription);
    else json_add_null(w);
    json_key(w, "vouchers");
    json_begin_object(w);
    json_put_number(w, "balance", plan.vouchers);
    shop_put_time(w, "expires_at", plan.vouchers_end_s);
    json_end(w);
    put_credit(w, &plan);
    json_key(w, "entitlements");
    json_begin_array(w);
    for (size_t i = 0; i < plan.entitlement_count; i++) shop_put_entitlement(c, &plan.entitlements[i]);
    json_end(w);
    json_end(w);
    return ERR_OK;
}

static struct err subscription_answer(struct call *c, const struct order_buyer *buyer) {
    struct order_plan plan;
    struct err e = order_plan(c->api->o.order, c->arena, buyer, &plan);
    if (e.kind) return e;
    if (plan.has_subscription) put_subscription(c, &plan.subscription);
    else json_add_null(&c->w); /* it has ended in this moment */
    return ERR_OK;
}

static struct err plan_cancel(struct call *c) {
    struct order_buyer buyer;
    struct err e = shop_grown_up(c, &buyer);
    if (!e.kind) e = order_plan_cancel(c->api->o.order, &buyer);
    return e.kind ? e : subscription_answer(c, &buyer);
}

static struct err plan_resume(struct call *c) {
    struct order_buyer buyer;
    struct err e = shop_grown_up(c, &buyer);
    if (!e.kind) e = order_plan_resume(c->api->o.order, &buyer);
    return e.kind ? e : subscription_answer(c, &buyer);
}

static struct err plan_switch(struct call *c) {
    struct order_buyer buyer;
    struct order_key key;
    struct order_switch done;
    bool is_dry_run = false;
    struct body_object b = body_root(&c->body);
    struct slice offer = body_text(b, "offer");
    body_flag(b, "dry_run", &is_dry_run);
    struct err e = body_end(&c->body);
    if (!e.kind) e = shop_grown_up(c, &buyer);
    if (!e.kind) e = shop_key(c, &key);
    if (!e.kind) e = order_plan_switch(c->api->o.order, c->arena, &buyer, offer, is_dry_run, &key, &done);
    if (e.kind) return e;
    struct json_writer *w = &c->w;
    json_begin_object(w);
    json_key(w, "quote");
    json_begin_object(w);
    shop_put_quote_members(c, &done.quote, SLICE_NONE);
    json_end(w);
    json_put_cstr(w, "at", done.is_now ? "now" : "period_end");
    json_key(w, "order");
    if (done.has_order) shop_put_order(c, &done.order);
    else json_add_null(w);
    json_end(w);
    return ERR_OK;
}

static struct err gift_card_redeem(struct call *c) {
    struct order_buyer buyer;
    struct order_key key;
    struct order_plan plan;
    struct money redeemed;
    struct slice code = slice_trim(body_text(body_root(&c->body), "code"));
    struct err e = body_end(&c->body);
    if (!e.kind) e = shop_grown_up(c, &buyer);
    if (!e.kind) e = shop_key(c, &key);
    if (!e.kind && !code.len) e = err_make(ERR_INPUT, "request.malformed", "The body of this request is not JSON of the expected form.");
    if (!e.kind) e = tries_take(c, &c->api->gift_card_tries);
    if (!e.kind) e = order_gift_card_redeem(c->api->o.order, &buyer, code, &key, &redeemed);
    if (!e.kind) e = order_plan(c->api->o.order, c->arena, &buyer, &plan);
    if (e.kind) return e;
    json_begin_object(&c->w);
    put_credit(&c->w, &plan);
    money_put(&c->w, "redeemed", redeemed);
    json_end(&c->w);
    return ERR_OK;
}

const struct route plan_routes[] = {
    {HTTP_GET, "/api/v1/me/plan", plan_get, CALL_USER},
    {HTTP_POST, "/api/v1/me/plan/cancel", plan_cancel, CALL_USER | CALL_CHANGES | CALL_EMPTY},
    {HTTP_POST, "/api/v1/me/plan/resume", plan_resume, CALL_USER | CALL_CHANGES | CALL_EMPTY},
    {HTTP_POST, "/api/v1/me/plan/switch", plan_switch, CALL_USER | CALL_CHANGES | CALL_JSON},
    {HTTP_POST, "/api/v1/me/gift-cards", gift_card_redeem, CALL_USER | CALL_CHANGES | CALL_JSON},
    {0},
};
