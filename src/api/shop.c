/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What several resources of the shop read and write: carts and keys in, quotes and orders out. */
#include "api/shop.h"

#include <sodium.h>
#include <stdio.h>

/* --- in --- */

struct err shop_buyer(struct call *c, struct order_buyer *out) {
    const struct account_who *who = call_who(c);
    if (!who->household_id) return err_make(ERR_DENIED, "session.user", "This is for people with an account. The operator's link has none.");
    *out = (struct order_buyer){.org_id = c->org_id, .household_id = who->household_id, .user_id = who->user_id, .place = shop_place(c), .lang = c->lang};
    return c->caller_error;
}

struct err shop_grown_up(struct call *c, struct order_buyer *out) {
    if (call_who(c)->is_child) return err_make(ERR_DENIED, "profile.child", "This is not for a child's profile. Change to a grown-up's profile first.");
    return shop_buyer(c, out);
}

struct err shop_key(struct call *c, struct order_key *out) {
    const struct account_who *who = call_who(c);
    *out = (struct order_key){.owner_id = who->household_id ? who->household_id : who->user_id ? who->user_id : who->session_id ? who->session_id : who->token_id};
    struct slice key;
    if (!http_request_header(c->r, SLICE("idempotency-key"), &key)) return ERR_OK;
    bool is_fine = key.len >= 1 && key.len <= ORDER_KEY_MAX;
    for (size_t i = 0; is_fine && i < key.len; i++) is_fine = key.ptr[i] > ' ' && key.ptr[i] <= '~';
    if (!is_fine) return err_make(ERR_INPUT, "idempotency.key", "An idempotency key is 1 to 64 letters, digits and signs.");
    unsigned char method = (unsigned char)http_request_method(c->r);
    struct slice parts[] = {slice_of(&method, 1), http_request_path(c->r), http_request_body(c->r)};
    crypto_generichash_state hash;
    crypto_generichash_init(&hash, NULL, 0, sizeof out->body);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        uint64_t len = parts[i].len; /* before each part, so that no two requests run together */
        crypto_generichash_update(&hash, (const unsigned char *)&len, sizeof len);
        crypto_generichash_update(&hash, (const unsigned char *)parts[i].ptr, parts[i].len);
    }
    crypto_generichash_final(&hash, out->body, sizeof out->body);
    out->key = key;
    return ERR_OK;
}

static struct err malformed(void) { return err_make(ERR_INPUT, "request.malformed", "The body of this request is not JSON of the expected form."); }

struct err shop_money(struct body_object o, struct money *out) {
    struct slice amount = body_text(o, "amount"), currency = body_text(o, "currency");
    return money_from_texts(amount, currency, out);
}

struct err shop_cart(struct call *c, struct order_cart *out) {
    struct body_object b = body_root(&c->body);
    size_t count = body_list(b, "lines"), read = count <= ORDER_LINES_MAX ? count : 1; /* of too many, one: its members are known then */
    struct order_wish *wishes = arena_alloc_array(c->arena, read + 1, sizeof *wishes);
    if (!wishes) return err_memory();
    bool is_whole = body_has(b, "lines");
    for (size_t i = 0; i < read || !i; i++) {
        struct body_object line = body_item(b, "lines", i);
        int64_t quantity = 1;
        bool is_said = body_number(line, "quantity", &quantity);
        if (body_has(line, "quantity") && !is_said) is_whole = false; /* null is not one */
        wishes[i] = (struct order_wish){.offer = body_text(line, "offer"), .title = body_text(line, "title"), .quantity = quantity};
        if (i < read && !wishes[i].offer.len) is_whole = false;
    }
    *out = (struct order_cart){.lines = wishes, .count = count, .coupon = slice_trim(body_text(b, "coupon"))};
    bool wish;
    if (body_flag(b, "use_credit", &wish)) out->uses_credit = wish;
    if (body_flag(b, "use_voucher", &wish)) out->uses_voucher = wish;
    struct err e = body_end(&c->body);
    if (!e.kind && !is_whole) e = malformed();
    if (!e.kind && (count < 1 || count > ORDER_LINES_MAX)) e = err_make(ERR_INPUT, "order.lines", "An order has 1 to 20 lines.");
    return e;
}

/* --- out --- */

void shop_put_time(struct json_writer *w, const char *name, int64_t at_s) { put_time_or_null(w, name, at_s >= ORDER_ENDLESS ? 0 : at_s * 1000); }

void shop_put_named(struct json_writer *w, const char *name, const struct public_id *id, struct slice text) {
    json_key(w, name);
    if (!id->text[0]) {
        json_add_null(w);
        return;
    }
    json_begin_object(w);
    json_put_string(w, "id", public_id_slice(id));
    json_put_string(w, "name", text);
    json_end(w);
}

static void put_line(struct json_writer *w, const struct order_line *line) {
    json_begin_object(w);
    json_put_string(w, "offer", public_id_slice(&line->offer));
    json_put_string(w, "name", line->name);
    json_put_cstr(w, "kind", offer_kind_name(line->kind));
    shop_put_named(w, "title", &line->title, line->title_name);
    json_put_number(w, "quantity", line->quantity);
    money_put(w, "unit_price", line->unit_price);
    money_put(w, "discount", line->discount);
    money_put(w, "tax", line->tax);
    money_put(w, "total", line->total);
    json_put_number(w, "vouchers", line->vouchers);
    json_key(w, "rental");
    if (line->kind == OFFER_RENTAL) {
        json_begin_object(w);
        json_put_number(w, "start_within_days", line->start_within_days);
        json_put_number(w, "watch_hours", line->watch_hours);
        json_end(w);
    } else {
        json_add_null(w);
    }
    json_put_bool(w, "is_trial", line->is_trial);
    json_key(w, "tax_rate");
    json_begin_object(w);
    json_put_number(w, "rate_ppm", line->rate_ppm);
    json_put_bool(w, "is_included", line->is_tax_included);
    json_end(w);
    json_end(w);
}

void shop_put_quote_members(struct call *c, const struct order_quote *q, struct slice coupon_typed) {
    struct json_writer *w = &c->w;
    json_key(w, "lines");
    json_begin_array(w);
    for (size_t i = 0; i < q->count; i++) put_line(w, &q->lines[i]);
    json_end(w);
    money_put(w, "subtotal", q->subtotal);
    money_put(w, "discount", q->discount);
    money_put(w, "tax", q->tax);
    money_put(w, "total", q->total);
    money_put(w, "proration", q->proration);
    money_put(w, "credit", q->credit);
    money_put(w, "due", q->due);
    json_put_number(w, "vouchers", q->vouchers);
    json_key(w, "renews");
    if (q->renews) {
        json_begin_object(w);
        shop_put_time(w, "at", q->renews_s);
        money_put(w, "price", q->renews_price);
        json_end(w);
    } else {
        json_add_null(w);
    }
    json_key(w, "coupon");
    if (q->coupon.len || q->coupon_trouble) {
        struct slice message = q->coupon_trouble ? text_lookup(c->lang, slice_cstr(q->coupon_trouble)) : SLICE_NONE;
        json_begin_object(w);
        json_put_string(w, "code", q->coupon.len ? q->coupon : coupon_typed);
        json_put_cstr(w, "trouble", q->coupon_trouble);
        json_key(w, "message");
        if (q->coupon_trouble) json_add_string(w, message.len ? message : slice_cstr(q->coupon_trouble));
        else json_add_null(w);
        json_end(w);
    } else {
        json_add_null(w);
    }
    json_put_cstr(w, "country", q->country);
}

void shop_put_order_members(struct call *c, const struct order_item *o) {
    struct json_writer *w = &c->w;
    json_put_string(w, "id", public_id_slice(&o->public_id));
    json_put_string(w, "number", arena_printf(c->arena, "%lld", (long long)o->number));
    json_put_cstr(w, "state", order_state_name(o->state));
    json_put_bool(w, "is_renewal", o->is_renewal);
    shop_put_time(w, "created_at", o->created_s);
    shop_put_time(w, "expires_at", o->state == ORDER_AWAITING_PAYMENT ? o->expires_s : 0);
    shop_put_time(w, "paid_at", o->paid_s);
    shop_put_quote_members(c, &o->q, o->q.coupon);
    money_put(w, "refunded", o->refunded);
    json_key(w, "payment");
    if (o->payment) payment_put(c, w, o->payment, public_id_slice(&o->public_id));
    else json_add_null(w);
    json_key(w, "invoice");
    if (o->invoice.len) {
        json_begin_object(w);
        json_put_string(w, "number", o->invoice);
        json_put_string(w, "url", arena_printf(c->arena, "/api/v1/me/orders/%s/invoice.pdf", o->public_id.text));
        json_end(w);
    } else {
        json_add_null(w);
    }
}

void shop_put_order(struct call *c, const struct order_item *o) {
    json_begin_object(&c->w);
    shop_put_order_members(c, o);
    json_end(&c->w);
}
