/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * /finance/orders, refunds, payments, charge-backs and revenue: what was sold and what became of the money. */
#include <string.h>

#include "api/finance.h"
#include "api/rights_json.h"

enum { LIST_USUAL = 50, LIST_MAX = 200, REASON_MAX = 200, RAW_BYTES_MAX = 1 << 20, INVOICE_BYTES_MAX = 8 << 20, DAY_S = 86400 };

/* --- shared by the files of /finance/ --- */

struct err finance_limit(struct call *c, size_t usual, size_t max, size_t *out) {
    struct slice wish = call_query(c, "limit");
    uint64_t limit = usual;
    if (wish.len && (!slice_to_u64(wish, &limit) || limit < 1 || limit > max)) return err_make(ERR_INPUT, "request.malformed", "That many cannot be listed at once.");
    *out = (size_t)limit;
    return ERR_OK;
}

struct err finance_period(struct call *c, int64_t *from_s, int64_t *to_s) {
    struct err e = rights_query_time(c, "from", 0, from_s);
    return e.kind ? e : rights_query_time(c, "to", 0, to_s);
}

struct err finance_names_of(struct call *c, const int64_t *household_ids, const int64_t *order_ids, size_t count, struct finance_names *out) {
    struct finance_names names = {arena_alloc_array(c->arena, count + 1, sizeof *names.households), arena_alloc_array(c->arena, count + 1, sizeof *names.orders)};
    if (!names.households || !names.orders) return err_memory();
    struct err e = ERR_OK;
    if (household_ids && count) e = account_household_names(c->api->o.account, c->arena, c->org_id, household_ids, count, names.households);
    for (size_t from = 0; order_ids && !e.kind && from < count; from += ORDER_LIST_MAX) {
        size_t part = count - from < ORDER_LIST_MAX ? count - from : ORDER_LIST_MAX;
        e = order_names(c->api->o.order, c->org_id, order_ids + from, part, names.orders + from);
    }
    if (!e.kind) *out = names;
    return e;
}

static void put_next(struct json_writer *w, const char *next) { json_put_cstr(w, "next", next); }

/* Amounts that people type: minor units as text, as everywhere. */
static struct err amount_read(const struct call *c, int64_t *minor, bool *has) {
    const json_t *wish = json_object_get(c->body, "amount");
    struct money amount;
    *has = wish && !json_is_null(wish);
    if (!*has) return ERR_OK;
    struct err e = money_from_json(wish, &amount);
    if (!e.kind) *minor = amount.minor;
    return e;
}

/* --- orders --- */

static void put_household(struct json_writer *w, const struct account_named *household) { shop_put_named(w, "household", &household->public_id, household->name); }

/* Where it went from here is this order's id. */
static struct err order_cursor(struct call *c, int64_t *before_id) {
    struct slice after = call_query(c, "after");
    struct order_item item;
    *before_id = 0;
    if (!after.len) return ERR_OK;
    struct err e = order_get(c->api->o.order, c->arena, c->org_id, 0, after, c->lang, &item);
    if (!e.kind) *before_id = item.id;
    return e;
}

/* A number, an invoice, an order's id go to the orders; a household's id, an address or a part of a name find the household first. */
static struct err orders_query(struct call *c, struct order_filter *filter, bool *is_hopeless) {
    struct slice q = slice_trim(call_query(c, "q"));
    struct account_household_list found;
    *is_hopeless = false;
    bool has_digit = false, has_other = false;
    for (size_t i = 0; i < q.len; i++) {
        bool is_digit = q.ptr[i] >= '0' && q.ptr[i] <= '9';
        has_digit = has_digit || is_digit;
        has_other = has_other || !(is_digit || q.ptr[i] == '-' || (q.ptr[i] >= 'A' && q.ptr[i] <= 'Z'));
    }
    struct public_id id;
    if (!q.len) return ERR_OK;
    if (has_digit && !has_other) {
        filter->query = q;
        return ERR_OK;
    }
    struct err e = account_household_list(c->api->o.account, c->arena, c->org_id, q, 1, &found);
    if (e.kind) return e;
    if (found.count) filter->household_id = found.items[0].household.id;
    else if (public_id_parse(q, &id)) filter->query = q;
    else *is_hopeless = true;
    return ERR_OK;
}

static struct err orders_get(struct call *c) {
    struct order_filter filter = {.lang = c->lang};
    struct order_list list = {0};
    struct slice state = call_query(c, "state");
    bool is_hopeless;
    if (state.len && !(filter.has_state = order_state_parse(state, &filter.state))) return err_make(ERR_INPUT, "request.malformed", "There is no such state of an order.");
    struct err e = finance_limit(c, LIST_USUAL, LIST_MAX, &filter.limit);
    if (!e.kind) e = finance_period(c, &filter.from_s, &filter.to_s);
    if (!e.kind) e = orders_query(c, &filter, &is_hopeless);
    if (!e.kind) e = order_cursor(c, &filter.before_id);
    if (!e.kind && !is_hopeless) e = order_list(c->api->o.order, c->arena, c->org_id, &filter, &list);
    if (e.kind) return e;
    int64_t *households = arena_alloc_array(c->arena, list.count + 1, sizeof *households);
    struct finance_names names;
    if (!households) return err_memory();
    for (size_t i = 0; i < list.count; i++) households[i] = list.items[i].household_id;
    e = finance_names_of(c, households, NULL, list.count, &names);
    if (e.kind) return e;
    json_begin_object(&c->w);
    json_key(&c->w, "items");
    json_begin_array(&c->w);
    for (size_t i = 0; i < list.count; i++) {
        json_begin_object(&c->w);
        shop_put_order_members(c, &list.items[i]);
        put_household(&c->w, &names.households[i]);
        json_end(&c->w);
    }
    json_end(&c->w);
    put_next(&c->w, list.next && list.count ? list.items[list.count - 1].public_id.text : NULL);
    json_end(&c->w);
    return ERR_OK;
}

/* --- payments --- */

/* A code of ours is said as a sentence, the provider's words as they are. */
static void put_event(struct call *c, const struct pay_event *event) {
    struct json_writer *w = &c->w;
    struct slice sentence = text_lookup(c->lang, event->message);
    json_begin_object(w);
    json_put_id(w, "id", event->id);
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
    int64_t order_id;
    struct pay_list list;
    const struct pay_info *items;
    size_t count;
    struct pay_event_list *events;
};

static struct err events_fn(struct db_tx *tx, void *arg) {
    struct payments_work *w = arg;
    struct pay *pay = w->c->api->o.pay;
    struct err e = ERR_OK;
    if (w->order_id) {
        e = pay_of_order_in(pay, tx, w->c->arena, w->c->org_id, w->order_id, &w->list);
        w->items = w->list.items;
        w->count = e.kind ? 0 : w->list.count;
    }
    w->events = arena_alloc_array(w->c->arena, w->count + 1, sizeof *w->events);
    if (!e.kind && !w->events) e = err_memory();
    for (size_t i = 0; !e.kind && i < w->count; i++) e = pay_events_in(pay, tx, w->c->arena, w->c->org_id, w->items[i].id, &w->events[i]);
    return e;
}

/* Payment, and what finance sees of it. `household`: NULL where it stands around it. */
static void put_payment(struct call *c, const struct pay_info *p, const struct pay_event_list *events, const struct account_named *household) {
    struct json_writer *w = &c->w;
    json_begin_object(w);
    payment_put_members(c, w, p);
    json_put_string(w, "provider_ref", p->provider_ref);
    json_put_bool(w, "is_parked", p->is_parked);
    money_put(w, "refunded", p->refunded);
    money_put(w, "refund_pending", p->refund_pending);
    money_put(w, "charged_back", p->charged_back);
    if (household) put_household(w, household);
    if (events) {
        json_key(w, "events");
        json_begin_array(w);
        for (size_t i = 0; i < events->count; i++) put_event(c, &events->items[i]);
        json_end(w);
    }
    json_end(w);
}

static struct err payments_put(struct call *c, const struct pay_info *items, size_t count, bool with_events) {
    struct payments_work work = {.c = c, .items = items, .count = count};
    int64_t *households = arena_alloc_array(c->arena, count + 1, sizeof *households);
    struct finance_names names;
    if (!households) return err_memory();
    for (size_t i = 0; i < count; i++) households[i] = items[i].household_id;
    struct err e = finance_names_of(c, households, NULL, count, &names);
    if (!e.kind && with_events) e = db_read(c->api->o.db, events_fn, &work);
    for (size_t i = 0; !e.kind && i < count; i++) put_payment(c, &items[i], with_events ? &work.events[i] : NULL, &names.households[i]);
    return e;
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
    json_begin_object(&c->w);
    json_key(&c->w, "items");
    json_begin_array(&c->w);
    e = payments_put(c, list.items, list.count, false);
    json_end(&c->w);
    put_next(&c->w, list.next && list.count ? list.items[list.count - 1].public_id.text : NULL);
    json_end(&c->w);
    return e;
}

static struct err payment_get(struct call *c) {
    struct pay_info payment;
    struct err e = pay_find(c->api->o.pay, c->arena, c->org_id, call_param(c, "id"), &payment);
    return e.kind ? e : payments_put(c, &payment, 1, true);
}

/* The bytes of a webhook as they came: text, never something that a browser would run. */
static struct err event_raw_get(struct call *c) {
    struct pay_info payment;
    struct payments_work work = {.c = c, .items = &payment, .count = 1};
    int64_t wanted = 0;
    struct slice body;
    struct err e = pay_find(c->api->o.pay, c->arena, c->org_id, call_param(c, "id"), &payment);
    if (!e.kind) e = db_read(c->api->o.db, events_fn, &work);
    if (e.kind) return e;
    const struct pay_event *event = NULL;
    for (size_t i = 0; slice_to_i64(call_param(c, "event"), &wanted) && i < work.events[0].count; i++)
        if (work.events[0].items[i].id == wanted) event = &work.events[0].items[i];
    if (!event || !event->webhook_id) return err_make(ERR_NOT_FOUND, "pay.webhook", "There are no such bytes. They are kept for some time only.");
    e = pay_webhook_raw(c->api->o.pay, c->arena, c->org_id, event->webhook_id, &body);
    if (!e.kind) call_answer_file(c, SLICE("text/plain; charset=utf-8"), SLICE("webhook.txt"), false, body);
    return e;
}

/* --- one order --- */

static void put_refund_members(struct call *c, const struct order_refund *r) {
    struct json_writer *w = &c->w;
    json_put_cstr(w, "id", r->public_id.text[0] ? r->public_id.text : NULL);
    json_put_cstr(w, "state", order_refund_state_name(r->state));
    money_put(w, "amount", r->amount);
    money_put(w, "tax", r->tax);
    money_put(w, "to_credit", r->to_credit);
    json_put_number(w, "vouchers", r->vouchers);
    json_put_string(w, "reason", r->reason);
    json_key(w, "note");
    if (r->note.len) json_add_string(w, r->note);
    else json_add_null(w);
    shop_put_time(w, "created_at", r->created_s);
}

static struct err order_show(struct call *c) {
    struct order_item item;
    struct order_refund *refunds;
    size_t refund_count;
    struct finance_names names;
    struct err e = order_get(c->api->o.order, c->arena, c->org_id, 0, call_param(c, "id"), c->lang, &item);
    struct payments_work work = {.c = c};
    if (!e.kind) {
        work.order_id = item.id;
        e = db_read(c->api->o.db, events_fn, &work);
    }
    if (!e.kind) e = order_refunds(c->api->o.order, c->arena, c->org_id, item.id, &refunds, &refund_count);
    if (!e.kind) e = finance_names_of(c, &item.household_id, NULL, 1, &names);
    if (e.kind) return e;
    struct json_writer *w = &c->w;
    struct money refundable = {0};
    if (item.state == ORDER_PAID || item.state == ORDER_PART_REFUNDED) e = money_subtract(item.q.total, item.refunded, &refundable);
    if (e.kind) return e;
    json_begin_object(w);
    shop_put_order_members(c, &item);
    put_household(w, &names.households[0]);
    money_put(w, "refundable", refundable);
    json_key(w, "payments");
    json_begin_array(w);
    for (size_t i = 0; i < work.count; i++) put_payment(c, &work.items[i], &work.events[i], NULL);
    json_end(w);
    json_key(w, "refunds");
    json_begin_array(w);
    for (size_t i = 0; i < refund_count; i++) {
        json_begin_object(w);
        put_refund_members(c, &refunds[i]);
        json_end(w);
    }
    json_end(w);
    e = finance_put_transfers(c, item.id);
    json_end(w);
    return e;
}

static struct err invoice_get(struct call *c) {
    struct buf pdf = BUF(INVOICE_BYTES_MAX);
    struct err e = order_invoice_pdf(c->api->o.order, c->org_id, 0, call_param(c, "id"), SLICE_NONE, &pdf);
    if (!e.kind) e = buf_error(&pdf);
    if (!e.kind) call_answer_file(c, SLICE("application/pdf"), SLICE("invoice.pdf"), true, buf_slice(&pdf));
    buf_free(&pdf);
    return e;
}

/* --- giving back --- */

static struct err refund_read(struct call *c, struct order_refund_wish *wish) {
    const json_t *lines = json_object_get(c->body, "lines");
    *wish = (struct order_refund_wish){.reason = slice_trim(json_get_string(c->body, "reason")), .by_user_id = call_who(c)->user_id};
    struct err e = amount_read(c, &wish->amount_minor, &wish->has_amount);
    if (e.kind || !lines || json_is_null(lines)) return e;
    static const struct err bad = {.kind = ERR_INPUT, .code = "refund.lines", .what = "Lines are named by their place in the order, from 0; and either lines or an amount."};
    size_t count = json_is_array(lines) ? json_array_size(lines) : 0;
    if (!count || count > ORDER_LINES_MAX || wish->has_amount) return bad;
    size_t *places = arena_alloc_array(c->arena, count, sizeof *places);
    if (!places) return err_memory();
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_array_get(lines, i);
        if (!json_is_integer(one) || json_integer_value(one) < 0 || json_integer_value(one) >= ORDER_LINES_MAX) return bad;
        places[i] = (size_t)json_integer_value(one);
    }
    wish->lines = places;
    wish->line_count = count;
    return ERR_OK;
}

static struct err refund_post(struct call *c) {
    struct order_refund_wish wish;
    struct order_refund refund;
    struct order_key key;
    struct order_item item;
    struct err e = order_get(c->api->o.order, c->arena, c->org_id, 0, call_param(c, "id"), c->lang, &item); /* another organisation's is not there, whatever is asked */
    if (!e.kind) e = shop_key(c, &key);
    if (!e.kind) e = refund_read(c, &wish);
    if (!e.kind) e = order_refund(c->api->o.order, c->arena, c->org_id, call_param(c, "id"), &wish, &key, &refund);
    if (e.kind) return e;
    c->status = 201;
    json_begin_object(&c->w);
    put_refund_members(c, &refund);
    json_end(&c->w);
    return ERR_OK;
}

static struct err refund_preview(struct call *c) {
    struct order_refund_wish wish;
    struct order_refund refund;
    struct order_item item;
    struct money left;
    size_t ends[ORDER_LINES_MAX], end_count;
    struct err e = order_get(c->api->o.order, c->arena, c->org_id, 0, call_param(c, "id"), c->lang, &item);
    if (!e.kind) e = refund_read(c, &wish);
    if (!e.kind && !wish.reason.len) wish.reason = SLICE("-"); /* it is not known yet */
    if (!e.kind) e = order_refund_preview(c->api->o.order, c->arena, c->org_id, call_param(c, "id"), &wish, &refund, &left, ends, &end_count);
    if (e.kind) return e;
    struct json_writer *w = &c->w;
    json_begin_object(w);
    money_put(w, "amount", refund.amount);
    money_put(w, "tax", refund.tax);
    money_put(w, "to_credit", refund.to_credit);
    json_put_number(w, "vouchers", refund.vouchers);
    money_put(w, "left", left);
    json_key(w, "ends");
    json_begin_array(w);
    for (size_t i = 0; i < end_count; i++) {
        const struct order_line *line = ends[i] < item.q.count ? &item.q.lines[ends[i]] : NULL;
        if (!line) continue;
        json_begin_object(w);
        json_put_number(w, "line", (int64_t)ends[i]);
        json_put_string(w, "name", line->title_name.len ? line->title_name : line->name);
        json_end(w);
    }
    json_end(w);
    json_end(w);
    return ERR_OK;
}

static struct err refunds_get(struct call *c) {
    struct pay_refund_list list;
    enum pay_refund_state state = 0;
    size_t limit;
    int64_t after = 0, next;
    struct slice wish = call_query(c, "state"), cursor = call_query(c, "after");
    for (int s = PAY_REFUND_PENDING; s <= PAY_REFUND_FAILED; s++)
        if (slice_eq(wish, slice_cstr(pay_refund_state_name((enum pay_refund_state)s)))) state = (enum pay_refund_state)s;
    if (wish.len && !state) return err_make(ERR_INPUT, "request.malformed", "There is no such state of a refund.");
    if (cursor.len && !slice_to_i64(cursor, &after)) return err_make(ERR_INPUT, "request.malformed", "What follows is asked for by the `next` of the page before.");
    struct err e = finance_limit(c, LIST_USUAL, LIST_MAX, &limit);
    if (!e.kind) e = pay_refunds(c->api->o.pay, c->arena, c->org_id, state, after, limit, &list, &next);
    int64_t *orders = e.kind ? NULL : arena_alloc_array(c->arena, list.count + 1, sizeof *orders);
    struct finance_names names;
    if (!e.kind && !orders) e = err_memory();
    for (size_t i = 0; !e.kind && i < list.count; i++) orders[i] = list.items[i].order_id;
    if (!e.kind) e = finance_names_of(c, NULL, orders, list.count, &names);
    if (e.kind) return e;
    struct json_writer *w = &c->w;
    json_begin_object(w);
    json_key(w, "items");
    json_begin_array(w);
    for (size_t i = 0; i < list.count; i++) {
        const struct pay_refund *r = &list.items[i];
        json_begin_object(w);
        json_put_id(w, "id", r->id);
        json_put_cstr(w, "state", pay_refund_state_name(r->state));
        money_put(w, "amount", r->amount);
        json_put_string(w, "code", r->code);
        put_time_or_null(w, "created_at", r->created_us / 1000);
        put_time_or_null(w, "settled_at", r->settled_us / 1000);
        json_put_cstr(w, "order", names.orders[i].text[0] ? names.orders[i].text : NULL);
        json_end(w);
    }
    json_end(w);
    json_key(w, "next");
    if (next) json_add_id(w, next);
    else json_add_null(w);
    json_end(w);
    return ERR_OK;
}

/* --- charge-backs --- */

static struct err chargebacks_get(struct call *c) {
    struct pay_chargeback_list list;
    size_t limit;
    int64_t after = 0;
    struct slice cursor = call_query(c, "after");
    if (cursor.len && !slice_to_i64(cursor, &after)) return err_make(ERR_INPUT, "request.malformed", "What follows is asked for by the `next` of the page before.");
    struct err e = finance_limit(c, LIST_USUAL, LIST_MAX, &limit);
    if (!e.kind) e = pay_chargebacks(c->api->o.pay, c->arena, c->org_id, after, limit, &list);
    int64_t *orders = e.kind ? NULL : arena_alloc_array(c->arena, list.count + 1, sizeof *orders), *households = e.kind ? NULL : arena_alloc_array(c->arena, list.count + 1, sizeof *households);
    struct finance_names names;
    if (!e.kind && (!orders || !households)) e = err_memory();
    for (size_t i = 0; !e.kind && i < list.count; i++) {
        orders[i] = list.items[i].order_id;
        households[i] = list.items[i].household_id;
    }
    if (!e.kind) e = finance_names_of(c, households, orders, list.count, &names);
    if (e.kind) return e;
    struct json_writer *w = &c->w;
    json_begin_object(w);
    json_key(w, "items");
    json_begin_array(w);
    for (size_t i = 0; i < list.count; i++) {
        const struct pay_chargeback *b = &list.items[i];
        json_begin_object(w);
        json_put_id(w, "id", b->id);
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
        json_put_cstr(w, "order", names.orders[i].text[0] ? names.orders[i].text : NULL);
        put_household(w, &names.households[i]);
        json_end(w);
    }
    json_end(w);
    json_key(w, "next");
    if (list.next) json_add_id(w, list.next);
    else json_add_null(w);
    json_end(w);
    return ERR_OK;
}

/* --- revenue --- */

/* Key and name of a row: a day, a country, a title's or an offer's id. */
static void put_row_key(struct call *c, const struct catalog_view *view, enum order_revenue_by by, const struct order_revenue_row *row) {
    struct json_writer *w = &c->w;
    struct slice key = SLICE_NONE, name = SLICE_NONE;
    if (by == ORDER_BY_DAY) {
        struct buf day = BUF(64);
        utc_format(&day, utc_from_seconds(row->day_s), 0);
        key = name = arena_copy(c->arena, slice_sub(buf_slice(&day), 0, 10));
        buf_free(&day);
    } else if (by == ORDER_BY_TERRITORY) {
        struct slice code = arena_printf(c->arena, "country.%c%c", row->country[0] | 0x20, row->country[1] | 0x20);
        key = slice_cstr(row->country);
        name = text_lookup(c->lang, code);
    } else if (by == ORDER_BY_TITLE) {
        const struct catalog_title *t = row->id ? catalog_find_id(view, row->id) : NULL;
        key = t ? public_id_slice(&t->public_id) : SLICE_NONE;
        name = t ? catalog_text_in(t, c->lang).name : text_lookup(c->lang, row->id ? SLICE("revenue.title_gone") : SLICE("revenue.no_title"));
    } else {
        struct offer_here here;
        if (!offer_get_id(c->api->o.offers, c->arena, c->org_id, row->id, (struct rights_place){.country = RIGHTS_NOWHERE}, &here).kind) {
            key = public_id_slice(&here.offer.public_id);
            key = arena_copy(c->arena, key);
            name = offer_text_in(&here.offer, c->lang).name;
        }
    }
    json_put_string(w, "key", key);
    json_put_string(w, "name", name.len ? name : key);
}

static struct err revenue_get(struct call *c) {
    enum order_revenue_by by = ORDER_BY_DAY;
    struct order_revenue revenue;
    struct catalog_view *view = NULL;
    struct slice wish = call_query(c, "by"), currency = call_query(c, "currency");
    const struct currency *only = currency.len ? currency_find(currency) : NULL;
    int64_t from_s, to_s, today_s = rights_call_now(c) / DAY_S * DAY_S;
    if (wish.len && !order_revenue_by_parse(wish, &by)) return err_make(ERR_INPUT, "request.malformed", "Revenue is listed by day, title, territory or offer.");
    if (currency.len && !only) return err_make(ERR_INPUT, "money.currency", "There is no such currency.");
    struct err e = finance_period(c, &from_s, &to_s);
    if (!to_s) to_s = today_s + DAY_S;
    if (!from_s) from_s = to_s - 365 * (int64_t)DAY_S;
    if (!e.kind && from_s >= to_s) e = err_make(ERR_INPUT, "ledger.period", "A period ends after it begins.");
    if (!e.kind) e = order_revenue(c->api->o.order, c->arena, c->org_id, from_s / DAY_S * DAY_S, (to_s + DAY_S - 1) / DAY_S * DAY_S, by, only ? only->numeric : 0, &revenue);
    if (!e.kind) e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (e.kind) return e;
    struct json_writer *w = &c->w;
    json_begin_object(w);
    json_key(w, "currencies");
    json_begin_array(w);
    for (size_t i = 0; i < revenue.currency_count; i++) json_add_cstr(w, currency_code(revenue.currencies[i].currency));
    json_end(w);
    json_key(w, "net");
    json_begin_array(w);
    for (size_t i = 0; i < revenue.currency_count; i++) money_add_json(w, revenue.currencies[i]);
    json_end(w);
    json_key(w, "items");
    json_begin_array(w);
    for (size_t i = 0; i < revenue.count; i++) {
        const struct order_revenue_row *row = &revenue.rows[i];
        json_begin_object(w);
        put_row_key(c, view, by, row);
        money_put(w, "gross", row->gross);
        money_put(w, "tax", row->tax);
        money_put(w, "refunded", row->refunded);
        money_put(w, "lost", row->lost);
        money_put(w, "net", row->net);
        json_put_number(w, "orders", row->orders);
        json_end(w);
    }
    json_end(w);
    json_end(w);
    catalog_view_give(&view);
    return ERR_OK;
}

const struct route finance_order_routes[] = {
    {HTTP_GET, "/api/v1/finance/orders", orders_get, CALL_FINANCE},
    {HTTP_GET, "/api/v1/finance/orders/{id}", order_show, CALL_FINANCE},
    {HTTP_GET, "/api/v1/finance/orders/{id}/invoice.pdf", invoice_get, CALL_FINANCE},
    {HTTP_POST, "/api/v1/finance/orders/{id}/refunds", refund_post, CALL_FINANCE | CALL_CHANGES | CALL_JSON},
    {HTTP_POST, "/api/v1/finance/orders/{id}/refunds/preview", refund_preview, CALL_FINANCE | CALL_CHANGES | CALL_JSON},
    {HTTP_GET, "/api/v1/finance/refunds", refunds_get, CALL_FINANCE},
    {HTTP_GET, "/api/v1/finance/payments", payments_get, CALL_FINANCE},
    {HTTP_GET, "/api/v1/finance/payments/{id}", payment_get, CALL_FINANCE},
    {HTTP_GET, "/api/v1/finance/payments/{id}/events/{event}/raw", event_raw_get, CALL_FINANCE},
    {HTTP_GET, "/api/v1/finance/chargebacks", chargebacks_get, CALL_FINANCE},
    {HTTP_GET, "/api/v1/finance/revenue", revenue_get, CALL_FINANCE},
    {0},
};
