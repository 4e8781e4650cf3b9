/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * /finance/parked: what a provider says and no order or payment of ours fits. It moved nothing; somebody looks after it at the provider and writes down here
 * how it was settled. */
#include "api/finance.h"

enum { PARKED_USUAL = 50, PARKED_MAX = 200, NOTE_BYTES_MAX = 500 };

struct parked_work {
    struct call *c;
    const struct pay_parked_list *list;
    struct public_id *payments; /* one each; empty: it is about none of ours */
};

static struct err payments_fn(struct db_tx *tx, void *arg) {
    struct parked_work *w = arg;
    struct err e = ERR_OK;
    for (size_t i = 0; !e.kind && i < w->list->count; i++) {
        struct pay_info payment;
        w->payments[i] = (struct public_id){0};
        if (!w->list->items[i].payment_id) continue;
        e = pay_find_in(w->c->api->o.pay, tx, w->c->arena, w->c->org_id, w->list->items[i].payment_id, &payment);
        if (!e.kind) w->payments[i] = payment.public_id;
    }
    return e;
}

static void put_money_or_null(struct json_writer *w, const char *name, struct money amount) {
    if (amount.currency != CURRENCY_NONE) {
        money_put(w, name, amount);
        return;
    }
    json_key(w, name);
    json_add_null(w);
}

static void put_parked(struct call *c, const struct pay_parked *p, const struct public_id *payment) {
    struct json_writer *w = &c->w;
    struct slice message = text_lookup(c->lang, p->code);
    json_begin_object(w);
    call_put_name(c, "id", NAME_PARKED, p->id);
    put_time_or_null(w, "at", p->at_us / 1000);
    json_put_cstr(w, "provider", pay_provider_id(p->provider));
    json_put_string(w, "provider_ref", p->ref);
    json_put_string(w, "code", p->code);
    json_put_string(w, "message", message.len ? message : p->code);
    put_money_or_null(w, "ours", p->ours);
    put_money_or_null(w, "theirs", p->theirs);
    json_put_cstr(w, "payment", payment->text[0] ? payment->text : NULL);
    json_put_bool(w, "has_raw", p->webhook_id != 0);
    put_time_or_null(w, "settled_at", p->settled_us / 1000);
    json_put_string(w, "note", p->note);
    json_end(w);
}

static struct err parked_get(struct call *c) {
    struct pay_parked_list list;
    int64_t after = 0;
    size_t limit;
    struct err e = call_after(c, NAME_PARKED, &after);
    if (!e.kind) e = finance_limit(c, PARKED_USUAL, PARKED_MAX, &limit);
    if (!e.kind) e = pay_parked(c->api->o.pay, c->arena, c->org_id, slice_eq(call_query(c, "open"), SLICE("1")), after, limit, &list);
    if (e.kind) return e;
    struct parked_work work = {c, &list, arena_alloc_array(c->arena, list.count + 1, sizeof *work.payments)};
    if (!work.payments) return err_memory();
    e = db_read(c->api->o.db, payments_fn, &work);
    if (e.kind) return e;
    finance_list_begin(c);
    for (size_t i = 0; i < list.count; i++) put_parked(c, &list.items[i], &work.payments[i]);
    finance_list_end(c, list.next ? call_name(c, NAME_PARKED, list.next) : SLICE_NONE);
    return ERR_OK;
}

static const struct err not_parked = {.kind = ERR_NOT_FOUND, .code = "pay.parked", .what = "There is no such parked word of a provider."};

/* The bytes as they came: text, never something that a browser would run. */
static struct err parked_raw_get(struct call *c) {
    struct pay_parked_list list;
    struct slice body;
    int64_t id;
    if (!call_name_read(c, NAME_PARKED, call_param(c, "id"), &id)) return not_parked;
    struct err e = pay_parked(c->api->o.pay, c->arena, c->org_id, false, id + 1, 1, &list); /* a page goes down from its cursor */
    if (e.kind) return e;
    if (!list.count || list.items[0].id != id || !list.items[0].webhook_id) return not_parked;
    e = pay_webhook_raw(c->api->o.pay, c->arena, c->org_id, list.items[0].webhook_id, &body);
    if (!e.kind) call_answer_file(c, SLICE("text/plain; charset=utf-8"), SLICE("webhook.txt"), false, body);
    return e;
}

static struct err parked_settle_post(struct call *c) {
    struct slice note = slice_trim(body_text(body_root(&c->body), "note"));
    int64_t id;
    struct err e = body_end(&c->body);
    if (e.kind) return e;
    if (!note.len || note.len > NOTE_BYTES_MAX) return err_make(ERR_INPUT, "parked.note", "Say how it was settled, in a sentence.");
    if (!call_name_read(c, NAME_PARKED, call_param(c, "id"), &id)) return not_parked;
    e = pay_parked_settle(c->api->o.pay, c->org_id, id, call_who(c)->user_id, note);
    if (e.kind) return e;
    c->status = 204;
    return ERR_OK;
}

const struct route finance_parked_routes[] = {
    {HTTP_GET, "/api/v1/finance/parked", parked_get, CALL_FINANCE},
    {HTTP_GET, "/api/v1/finance/parked/{id}/raw", parked_raw_get, CALL_FINANCE},
    {HTTP_POST, "/api/v1/finance/parked/{id}/settle", parked_settle_post, CALL_FINANCE | CALL_CHANGES | CALL_JSON},
    {0},
};
