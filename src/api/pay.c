/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * /pay: which providers there are, the sandbox's second step, and where providers tell what happened. Payments as JSON, for everybody who shows one. */
#include "api/shop.h"

static void put_action(struct json_writer *w, const struct pay_info *p) {
    static const char *const kinds[] = {[PAY_ACTION_REDIRECT] = "redirect", [PAY_ACTION_CONFIRM] = "confirm", [PAY_ACTION_STRIPE] = "stripe"};
    json_key(w, "action");
    if (p->action == PAY_ACTION_NONE || p->state != PAY_REQUIRES_ACTION) {
        json_add_null(w);
        return;
    }
    json_begin_object(w);
    json_put_cstr(w, "kind", kinds[p->action]);
    if (p->url.len) json_put_string(w, "url", p->url);
    if (p->client_secret.len) json_put_string(w, "client_secret", p->client_secret);
    if (p->publishable_key.len) json_put_string(w, "publishable_key", p->publishable_key);
    json_end(w);
}

static void put_error(struct call *c, struct json_writer *w, const struct pay_info *p) {
    json_key(w, "error");
    if (p->state != PAY_FAILED || !p->code.len) {
        json_add_null(w);
        return;
    }
    struct slice message = text_lookup(c->lang, p->code);
    json_begin_object(w);
    json_put_string(w, "code", p->code);
    json_put_string(w, "message", message.len ? message : text_lookup(c->lang, SLICE("pay.refused")));
    json_end(w);
}

void payment_put_members(struct call *c, struct json_writer *w, const struct pay_info *p) {
    json_put_string(w, "id", public_id_slice(&p->public_id));
    json_put_cstr(w, "provider", pay_provider_id(p->provider));
    json_put_cstr(w, "state", pay_state_name(p->state));
    money_put(w, "amount", p->amount);
    put_action(w, p);
    put_error(c, w, p);
    json_key(w, "method");
    if (p->label.len) json_add_string(w, p->label);
    else json_add_null(w);
    put_time_or_null(w, "created_at", p->created_us / 1000);
}

void payment_put(struct call *c, struct json_writer *w, const struct pay_info *p, struct slice order) {
    json_begin_object(w);
    payment_put_members(c, w, p);
    json_put_string(w, "order", order);
    json_end(w);
}

/* --- choosing --- */

static struct err providers_get(struct call *c) {
    struct pay_choice_list list;
    struct err e = pay_choices(c->api->o.pay, c->org_id, &list);
    if (e.kind) return e;
    struct json_writer *w = &c->w;
    json_begin_object(w);
    json_key(w, "items");
    json_begin_array(w);
    for (size_t i = 0; i < list.count; i++) {
        const struct pay_choice *one = &list.items[i];
        json_begin_object(w);
        json_put_cstr(w, "id", pay_provider_id(one->provider));
        json_put_cstr(w, "name", one->name);
        json_put_cstr(w, "kind", one->is_redirect ? "redirect" : "card");
        json_put_bool(w, "is_play_money", one->is_play_money);
        if (one->card_count) {
            json_key(w, "cards");
            json_begin_array(w);
            for (size_t k = 0; k < one->card_count; k++) {
                json_begin_object(w);
                json_put_cstr(w, "number", one->cards[k].number);
                json_put_cstr(w, "what", one->cards[k].what);
                json_end(w);
            }
            json_end(w);
        }
        json_end(w);
    }
    json_end(w);
    json_end(w);
    return ERR_OK;
}

/* --- the sandbox's second step --- */

static struct err no_payment(void) { return err_make(ERR_NOT_FOUND, "pay.payment", "There is no such payment."); }

/* One of the household's own. */
static struct err payment_find(struct call *c, struct order_buyer *buyer, struct pay_info *out) {
    struct err e = shop_buyer(c, buyer);
    if (!e.kind) e = pay_find(c->api->o.pay, c->arena, c->org_id, call_param(c, "payment"), out);
    return !e.kind && (out->household_id != buyer->household_id || out->provider != PAY_SANDBOX) ? no_payment() : e;
}

static struct err sandbox_answer(struct call *c, const struct pay_info *p) {
    struct order_name order;
    struct err e = order_names(c->api->o.order, c->org_id, &p->order_id, 1, &order);
    if (!e.kind) payment_put(c, &c->w, p, slice_cstr(order.id.text));
    return e;
}

static struct err sandbox_get(struct call *c) {
    struct order_buyer buyer;
    struct pay_info payment;
    struct err e = payment_find(c, &buyer, &payment);
    return e.kind ? e : sandbox_answer(c, &payment);
}

static struct err sandbox_confirm(struct call *c) {
    struct order_buyer buyer;
    struct pay_info payment;
    bool is_confirmed, is_said = body_flag(body_root(&c->body), "is_confirmed", &is_confirmed);
    struct err e = payment_find(c, &buyer, &payment); /* whose it is not learns nothing else */
    if (!e.kind) e = body_end(&c->body);
    if (!e.kind && !is_said) e = err_make(ERR_INPUT, "request.malformed", "Whether it is confirmed is true or false.");
    if (!e.kind) e = pay_sandbox_confirm(c->api->o.pay, c->arena, c->org_id, buyer.household_id, call_param(c, "payment"), is_confirmed, &payment);
    return e.kind ? e : sandbox_answer(c, &payment);
}

/* --- what providers say --- */

/* The bytes as they came: signatures are over these. */
static void webhook_post(struct http_request *r, void *arg) {
    struct call c;
    struct slice answer;
    struct pay_header headers[8];
    size_t count = 0;
    call_begin(&c, arg, r);
    for (size_t i = 0; i < pay_webhook_header_count && count < ARRAY_LEN(headers); i++) {
        struct slice name = slice_cstr(pay_webhook_headers[i]), value;
        if (http_request_header(r, name, &value)) headers[count++] = (struct pay_header){name, value};
    }
    struct err e = pay_webhook_in(c.api->o.pay, c.org_id, call_param(&c, "provider"), headers, count, http_request_body(r), &answer);
    if (!e.kind) {
        bool is_json = answer.len && answer.ptr[0] == '{';
        http_respond_bytes(r, 200, is_json ? SLICE("application/json") : SLICE("text/plain"), answer);
        c.is_answered = true;
    }
    call_end(&c, e);
}

struct err pay_add_routes(struct api *a, struct http_server *server) {
    struct http_route route = {.method = HTTP_POST, .pattern = "/api/v1/pay/webhooks/{provider}", .handle = webhook_post, .arg = a, .where = HTTP_ON_WORKER,
                               .body_bytes_max = PAY_WEBHOOK_BYTES_MAX};
    return http_server_route(server, &route);
}

const struct route pay_routes[] = {
    {HTTP_GET, "/api/v1/pay/providers", providers_get, CALL_PERSONAL},
    {HTTP_GET, "/api/v1/pay/sandbox/{payment}", sandbox_get, CALL_USER},
    {HTTP_POST, "/api/v1/pay/sandbox/{payment}/confirm", sandbox_confirm, CALL_USER | CALL_CHANGES | CALL_JSON},
    {0},
};
