/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * /orders: what it would cost, ordering, paying, giving up; /me/orders: what the household has bought, with its invoices. */
#include <stdio.h>

#include "api/shop.h"

enum { ORDERS_SHOWN_MAX = 100, INVOICE_BYTES_MAX = 8 << 20 };

static struct err quote_post(struct call *c) {
    struct order_buyer buyer;
    struct order_cart cart;
    struct order_quote quote;
    struct err e = shop_cart(c, &cart);
    if (!e.kind) e = shop_grown_up(c, &buyer);
    if (!e.kind) e = order_quote(c->api->o.order, c->arena, &buyer, &cart, &quote);
    if (e.kind) return e;
    json_begin_object(&c->w);
    shop_put_quote_members(c, &quote, cart.coupon);
    json_end(&c->w);
    return ERR_OK;
}

/* With the codes of the gift cards in it, for its buyer alone. */
static struct err order_answer(struct call *c, const struct order_item *o, int status) {
    char(*codes)[OFFER_GIFT_CODE_LEN + 1];
    size_t count = 0;
    bool has_cards = false;
    for (size_t i = 0; i < o->q.count; i++) has_cards = has_cards || o->q.lines[i].kind == OFFER_GIFT_CARD;
    struct err e = has_cards ? order_gift_codes(c->api->o.order, c->arena, o->org_id, o->household_id, public_id_slice(&o->public_id), &codes, &count) : ERR_OK;
    if (e.kind) return e;
    c->status = status;
    json_begin_object(&c->w);
    shop_put_order_members(c, o);
    json_key(&c->w, "codes");
    json_begin_array(&c->w);
    for (size_t i = 0; i < count; i++) json_add_cstr(&c->w, codes[i]);
    json_end(&c->w);
    json_end(&c->w);
    return ERR_OK;
}

static struct err order_post(struct call *c) {
    struct order_buyer buyer;
    struct order_cart cart;
    struct order_key key;
    struct order_item item;
    struct err e = shop_cart(c, &cart);
    if (!e.kind) e = shop_grown_up(c, &buyer);
    if (!e.kind) e = shop_key(c, &key);
    if (!e.kind) e = order_create(c->api->o.order, c->arena, &buyer, &cart, &key, &item);
    return e.kind ? e : order_answer(c, &item, 201);
}

static struct err order_show(struct call *c) {
    struct order_buyer buyer;
    struct order_item item;
    struct err e = shop_buyer(c, &buyer);
    if (!e.kind) e = order_get(c->api->o.order, c->arena, buyer.org_id, buyer.household_id, call_param(c, "id"), c->lang, &item);
    return e.kind ? e : order_answer(c, &item, 200);
}

/* A path of this site becomes an address for the provider; whole addresses go through as they are, and pay judges them. */
static struct slice return_url(struct call *c, struct slice url) {
    if (!slice_starts_with(url, SLICE("/")) || slice_starts_with(url, SLICE("//"))) return url;
    struct slice origin = request_origin(c->r, c->arena);
    return arena_printf(c->arena, "%.*s%.*s", SLICE_ARG(origin), SLICE_ARG(url));
}

static struct err payment_post(struct call *c) {
    struct order_buyer buyer;
    struct order_key key;
    struct body_object b = body_root(&c->body), card = body_object(b, "card");
    struct order_payment_wish wish = {
        .provider = body_text(b, "provider"),
        .card_number = body_text(card, "number"),
        .card_expires = body_text(card, "expires"),
        .card_cvc = body_text(card, "cvc"),
        .card_name = body_text(card, "name"),
        .return_url = return_url(c, body_text(b, "return_url")),
    };
    struct pay_info payment;
    struct err e = body_end(&c->body);
    if (!e.kind) e = shop_grown_up(c, &buyer);
    if (!e.kind) e = shop_key(c, &key);
    if (!e.kind) e = order_pay(c->api->o.order, c->arena, &buyer, call_param(c, "id"), &wish, &key, &payment);
    if (e.kind) return e;
    c->status = 201;
    payment_put(c, &c->w, &payment, call_param(c, "id"));
    return ERR_OK;
}

static struct err order_cancel_post(struct call *c) {
    struct order_buyer buyer;
    struct order_item item;
    struct err e = shop_grown_up(c, &buyer);
    if (!e.kind) e = order_cancel(c->api->o.order, c->arena, &buyer, call_param(c, "id"), &item);
    return e.kind ? e : order_answer(c, &item, 200);
}

static struct err orders_list(struct call *c) {
    struct order_buyer buyer;
    struct order_list list;
    struct err e = shop_buyer(c, &buyer);
    if (e.kind) return e;
    struct order_filter filter = {.household_id = buyer.household_id, .limit = ORDERS_SHOWN_MAX, .lang = c->lang};
    e = order_list(c->api->o.order, c->arena, c->org_id, &filter, &list);
    if (e.kind) return e;
    json_begin_object(&c->w);
    json_key(&c->w, "items");
    json_begin_array(&c->w);
    for (size_t i = 0; i < list.count; i++) shop_put_order(c, &list.items[i]);
    json_end(&c->w);
    json_end(&c->w);
    return ERR_OK;
}

static struct err invoice_get(struct call *c) {
    struct order_buyer buyer;
    struct buf pdf = BUF(INVOICE_BYTES_MAX);
    struct err e = shop_buyer(c, &buyer);
    if (!e.kind) e = order_invoice_pdf(c->api->o.order, buyer.org_id, buyer.household_id, call_param(c, "id"), SLICE_NONE, &pdf);
    if (!e.kind) e = buf_error(&pdf);
    if (!e.kind) call_answer_file(c, SLICE("application/pdf"), SLICE("invoice.pdf"), true, buf_slice(&pdf));
    buf_free(&pdf);
    return e;
}

const struct route order_routes[] = {
    {HTTP_POST, "/api/v1/orders/quote", quote_post, CALL_USER | CALL_CHANGES | CALL_JSON},
    {HTTP_POST, "/api/v1/orders", order_post, CALL_USER | CALL_CHANGES | CALL_JSON},
    {HTTP_GET, "/api/v1/orders/{id}", order_show, CALL_USER},
    {HTTP_POST, "/api/v1/orders/{id}/payments", payment_post, CALL_USER | CALL_CHANGES | CALL_JSON},
    {HTTP_POST, "/api/v1/orders/{id}/cancel", order_cancel_post, CALL_USER | CALL_CHANGES | CALL_EMPTY},
    {HTTP_GET, "/api/v1/me/orders", orders_list, CALL_USER},
    {HTTP_GET, "/api/v1/me/orders/{id}/invoice.pdf", invoice_get, CALL_USER},
    {0},
};
