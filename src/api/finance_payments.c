/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * /finance/payments, refunds and charge-backs: money on its way in and back, and what providers said of it. */
#include "api/finance.h"

enum { LIST_USUAL = 50, LIST_MAX = 200 };

/* --- payments --- */

/* A code of ours is said as a sentence, the provider's words as they are. */
static void put_event(struct call *c, const struct pay_event *event) {
    struct json_writer *w = &c->w;
    struct slice sentence = text_lookup(c->lang, event->message);
    json_begin_object(w);
    call_put_name(c, "id", NAME_EVENT, event->id);
    put_time_or_null(w, "at", event->at_us / 1000);
    json_put_cstr(w, "source", event->source);
    json_put_string(w, "kind", event->kind);
    json_put_cstr(w, "judgement", event->judgement);
    json_put_string(w, "message", sentence.len ? sentence : event->message);
    json_put_bool(w, "has_raw", event->webhook_id != 0);
    json_end(w);
}

struct payments_work {
    struct call *c;
    int64_t order_id; /* 0: those that are in items */
    const struct pay_info *items;
    size_t count;
    struct pay_event_list *events;
};

static struct err events_fn(struct db_tx *tx, void *arg) {
    struct payments_work *w = arg;
    struct pay *pay = w->c->api->o.pay;
    struct err e = ERR_OK;
    if (w->order_id) {
        struct pay_list list;
        e = pay_of_order_in(pay, tx, w->c->arena, w->c->org_id, w->order_id, &list);
        w->items = e.kind ? NULL : list.items;
        w->count = e.kind ? 0 : list.count;
    }
    w->events = arena_alloc_array(w->c->arena, w->count + 1, sizeof *w->events);
    if (!e.kind && !w->events) e = err_memory();
    for (size_t i = 0; !e.kind && i < w->count; i++) e = pay_events_in(pay, tx, w->c->arena, w->c->org_id, w->items[i].id, &w->events[i]);
    return e;
}

/* Payment, and what finance sees of it. `events`: NULL in lists. */
static void put_payment(struct call *c, const struct finance_names *names, const struct pay_info *p, const struct pay_event_list *events) {
    struct json_writer *w = &c->w;
    const struct order_name *order = finance_order(names, p->order_id);
    json_begin_object(w);
    payment_put_members(c, w, p);
    json_put_string(w, "provider_ref", p->provider_ref);
    json_put_bool(w, "is_parked", p->is_parked);
    json_put_bool(w, "is_by_itself", p->is_off_session);
    money_put(w, "refunded", p->refunded);
    money_put(w, "refund_pending", p->refund_pending);
    money_put(w, "charged_back", p->charged_back);
    finance_put_order(w, names, p->order_id);
    finance_put_household(w, names, p->household_id);
    finance_put_by(w, names, order && !p->is_off_session ? order->user_id : 0);
    if (events) {
        json_key(w, "events");
        json_begin_array(w);
        for (size_t i = 0; i < events->count; i++) put_event(c, &events->items[i]);
        json_end(w);
    }
    json_end(w);
}

static struct err payments_put(struct call *c, const struct pay_info *items, size_t count, const struct pay_event_list *events) {
    struct finance_names names = {.with_buyers = true};
    for (size_t i = 0; i < count; i++) {
        finance_want(c, &names.orders, items[i].order_id);
        finance_want(c, &names.households, items[i].household_id);
    }
    struct err e = finance_names_read(c, &names);
    for (size_t i = 0; !e.kind && i < count; i++) put_payment(c, &names, &items[i], events ? &events[i] : NULL);
    return e;
}

struct err finance_put_payments_of(struct call *c, int64_t order_id) {
    struct payments_work work = {.c = c, .order_id = order_id};
    struct err e = db_read(c->api->o.db, events_fn, &work);
    return e.kind ? e : payments_put(c, work.items, work.count, work.events);
}

static struct err payments_get(struct call *c) {
    struct pay_filter filter = {0};
    struct pay_list list;
    struct pay_info last;
    struct slice state = call_query(c, "state"), provider = call_query(c, "provider"), after = call_query(c, "after");
    filter.is_parked = slice_eq(state, SLICE("parked"));
    if (state.len && !filter.is_parked && !pay_state_of(state, &filter.state)) return err_make(ERR_INPUT, "request.malformed", "There is no such state of a payment.");
    if (provider.len && !pay_provider_of(provider, &filter.provider)) return err_make(ERR_INPUT, "pay.provider", "There is no such payment provider.");
    struct err e = finance_limit(c, LIST_USUAL, LIST_MAX, &filter.limit);
    if (!e.kind && after.len) {
        e = pay_find(c->api->o.pay, c->arena, c->org_id, after, &last);
        if (!e.kind) filter.after = last.id;
    }
    if (!e.kind) e = pay_payments(c->api->o.pay, c->arena, c->org_id, &filter, &list);
    if (e.kind) return e;
    finance_list_begin(c);
    e = payments_put(c, list.items, list.count, NULL);
    finance_list_end(c, list.next && list.count ? public_id_slice(&list.items[list.count - 1].public_id) : SLICE_NONE);
    return e;
}

static struct err payment_get(struct call *c) {
    struct pay_info payment;
    struct payments_work work = {.c = c, .items = &payment, .count = 1};
    struct err e = pay_find(c->api->o.pay, c->arena, c->org_id, call_param(c, "id"), &payment);
    if (!e.kind) e = db_read(c->api->o.db, events_fn, &work);
    return e.kind ? e : payments_put(c, &payment, 1, work.events);
}

/* The bytes of a webhook as they came: text, never something that a browser would run. */
static struct err event_raw_get(struct call *c) {
    struct pay_info payment;
    struct payments_work work = {.c = c, .items = &payment, .count = 1};
    int64_t wanted;
    struct slice body;
    struct err e = pay_find(c->api->o.pay, c->arena, c->org_id, call_param(c, "id"), &payment);
    if (!e.kind) e = db_read(c->api->o.db, events_fn, &work);
    if (e.kind) return e;
    const struct pay_event *event = NULL;
    bool is_name = call_name_read(c, NAME_EVENT, call_param(c, "event"), &wanted);
    for (size_t i = 0; is_name && i < work.events[0].count; i++)
        if (work.events[0].items[i].id == wanted) event = &work.events[0].items[i];
    if (!event || !event->webhook_id) return err_make(ERR_NOT_FOUND, "pay.webhook", "There are no such bytes. They are kept for some time only.");
    e = pay_webhook_raw(c->api->o.pay, c->arena, c->org_id, event->webhook_id, &body);
    if (!e.kind) call_answer_file(c, SLICE("text/plain; charset=utf-8"), SLICE("webhook.txt"), false, body);
    return e;
}

/* --- refunds --- */

/* Of one that was made by itself: a sentence of ours. */
static struct slice refund_reason(struct call *c, const struct order_refund *r) {
    struct buf code = BUF(64);
    if (r->kind == ORDER_REFUND_BY_FINANCE) return r->reason;
    buf_cstr(&code, "book.refund_");
    for (size_t i = 0; i < r->reason.len; i++) buf_bytes(&code, r->reason.ptr[i] == ' ' ? "_" : &r->reason.ptr[i], 1);
    struct slice sentence = text_lookup(c->lang, buf_slice(&code));
    buf_free(&code);
    return sentence.len ? sentence : r->reason;
}

void finance_put_refund_members(struct call *c, const struct order_refund *r) {
    struct json_writer *w = &c->w;
    json_put_cstr(w, "id", r->public_id.text);
    json_put_cstr(w, "kind", order_refund_kind_name(r->kind));
    json_put_cstr(w, "state", order_refund_state_name(r->state));
    money_put(w, "amount", r->amount);
    money_put(w, "tax", r->tax);
    money_put(w, "to_credit", r->to_credit);
    json_put_number(w, "vouchers", r->vouchers);
    json_put_string(w, "reason", refund_reason(c, r));
    json_key(w, "note");
    if (r->note.len) json_add_string(w, r->note);
    else json_add_null(w);
    shop_put_time(w, "created_at", r->created_s);
    shop_put_time(w, "settled_at", r->settled_s);
}

static struct err refunds_get(struct call *c) {
    struct order_refund_filter filter = {.after = call_query(c, "after")};
    struct order_refund_list list;
    struct finance_names names = {.with_buyers = true};
    struct slice state = call_query(c, "state");
    if (state.len && !(filter.has_state = order_refund_state_parse(state, &filter.state))) return err_make(ERR_INPUT, "request.malformed", "There is no such state of a refund.");
    struct err e = finance_limit(c, LIST_USUAL, LIST_MAX, &filter.limit);
    if (!e.kind) e = order_refund_list(c->api->o.order, c->arena, c->org_id, &filter, &list);
    if (e.kind) return e;
    for (size_t i = 0; i < list.count; i++) {
        finance_want(c, &names.orders, list.items[i].order_id);
        finance_want(c, &names.users, list.items[i].by_user_id);
    }
    e = finance_names_read(c, &names);
    if (e.kind) return e;
    struct json_writer *w = &c->w;
    finance_list_begin(c);
    for (size_t i = 0; i < list.count; i++) {
        const struct order_refund *r = &list.items[i];
        const struct order_name *order = finance_order(&names, r->order_id);
        struct slice why = text_lookup(c->lang, r->code);
        json_begin_object(w);
        finance_put_refund_members(c, r);
        json_put_string(w, "code", r->code);
        json_put_string(w, "message", why.len ? why : r->code);
        finance_put_order(w, &names, r->order_id);
        finance_put_household(w, &names, order ? order->household_id : 0);
        finance_put_by(w, &names, r->by_user_id);
        json_end(w);
    }
    finance_list_end(c, list.has_more ? public_id_slice(&list.items[list.count - 1].public_id) : SLICE_NONE);
    return ERR_OK;
}

/* --- charge-backs --- */

static struct err chargebacks_get(struct call *c) {
    struct pay_chargeback_list list;
    struct finance_names names = {0};
    size_t limit;
    int64_t after = 0;
    struct err e = call_after(c, NAME_CHARGEBACK, &after);
    if (!e.kind) e = finance_limit(c, LIST_USUAL, LIST_MAX, &limit);
    if (!e.kind) e = pay_chargebacks(c->api->o.pay, c->arena, c->org_id, after, limit, &list);
    if (e.kind) return e;
    for (size_t i = 0; i < list.count; i++) {
        finance_want(c, &names.orders, list.items[i].order_id);
        finance_want(c, &names.households, list.items[i].household_id);
    }
    e = finance_names_read(c, &names);
    if (e.kind) return e;
    struct json_writer *w = &c->w;
    finance_list_begin(c);
    for (size_t i = 0; i < list.count; i++) {
        const struct pay_chargeback *b = &list.items[i];
        json_begin_object(w);
        call_put_name(c, "id", NAME_CHARGEBACK, b->id);
        json_put_cstr(w, "state", pay_chargeback_state_name(b->state));
        money_put(w, "amount", b->amount);
        json_put_string(w, "reason", b->reason);
        put_time_or_null(w, "at", b->at_us / 1000);
        put_time_or_null(w, "due_at", b->due_us / 1000);
        put_time_or_null(w, "settled_at", b->settled_us / 1000);
        json_key(w, "payment");
        json_begin_object(w);
        json_put_string(w, "id", public_id_slice(&b->payment));
        json_put_cstr(w, "provider", pay_provider_id(b->provider));
        json_end(w);
        finance_put_order(w, &names, b->order_id);
        finance_put_household(w, &names, b->household_id);
        json_end(w);
    }
    finance_list_end(c, list.next ? call_name(c, NAME_CHARGEBACK, list.next) : SLICE_NONE);
    return ERR_OK;
}

const struct route finance_payment_routes[] = {
    {HTTP_GET, "/api/v1/finance/payments", payments_get, CALL_FINANCE},
    {HTTP_GET, "/api/v1/finance/payments/{id}", payment_get, CALL_FINANCE},
    {HTTP_GET, "/api/v1/finance/payments/{id}/events/{event}/raw", event_raw_get, CALL_FINANCE},
    {HTTP_GET, "/api/v1/finance/refunds", refunds_get, CALL_FINANCE},
    {HTTP_GET, "/api/v1/finance/chargebacks", chargebacks_get, CALL_FINANCE},
    {0},
};
