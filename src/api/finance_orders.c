/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * /finance/orders: what was sold, one order with all that became of it, and giving money back. */
#include "api/finance.h"

enum { LIST_USUAL = 50, LIST_MAX = 200, INVOICE_BYTES_MAX = 8 << 20, SEARCH_CALLS_MAX = 10 };

/* Amounts that people type: minor units as text, as everywhere. */
static struct err amount_read(struct body_object b, int64_t *minor, bool *has) {
    struct body_object wish = body_object(b, "amount");
    struct money amount;
    struct err e = shop_money(wish, &amount);
    *has = wish.json;
    if (!*has) return ERR_OK;
    if (!e.kind) *minor = amount.minor;
    return e;
}

/* --- orders --- */

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
    int64_t after = 0;
    struct err e = ERR_OK;
    for (int calls = 0; calls < SEARCH_CALLS_MAX; calls++) {
        e = account_household_list_after(c->api->o.account, c->arena, c->org_id, q, 1, after, &found);
        after = e.kind ? 0 : found.next_id;
        if (e.kind || found.count || !after) break;
    }
    if (!e.kind && !found.count && after) /* nobody may take it for the answer that there is none */
        e = err_make(ERR_INPUT, "orders.search", "None of the newest 50,000 households has this name, and there are more. Search for the whole e-mail address, the household's id or the order's number.");
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
    struct finance_names names = {0};
    for (size_t i = 0; i < list.count; i++) finance_want(c, &names.households, list.items[i].household_id);
    e = finance_names_read(c, &names);
    if (e.kind) return e;
    finance_list_begin(c);
    for (size_t i = 0; i < list.count; i++) {
        json_begin_object(&c->w);
        shop_put_order_members(c, &list.items[i]);
        finance_put_household(&c->w, &names, list.items[i].household_id);
        json_end(&c->w);
    }
    finance_list_end(c, list.next && list.count ? public_id_slice(&list.items[list.count - 1].public_id) : SLICE_NONE);
    return ERR_OK;
}

/* --- one order --- */

static struct err order_show(struct call *c) {
    struct order_item item;
    struct order_refund *refunds;
    size_t refund_count = 0;
    struct finance_names names = {0};
    struct err e = order_get(c->api->o.order, c->arena, c->org_id, 0, call_param(c, "id"), c->lang, &item);
    if (!e.kind) e = order_refunds(c->api->o.order, c->arena, c->org_id, item.id, &refunds, &refund_count);
    if (e.kind) return e;
    finance_want(c, &names.households, item.household_id);
    for (size_t i = 0; i < refund_count; i++) finance_want(c, &names.users, refunds[i].by_user_id);
    e = finance_names_read(c, &names);
    struct money refundable = {0};
    if (!e.kind && (item.state == ORDER_PAID || item.state == ORDER_PART_REFUNDED)) e = money_subtract(item.q.total, item.refunded, &refundable);
    if (e.kind) return e;
    struct json_writer *w = &c->w;
    json_begin_object(w);
    shop_put_order_members(c, &item);
    finance_put_household(w, &names, item.household_id);
    money_put(w, "refundable", refundable);
    json_key(w, "payments");
    json_begin_array(w);
    e = finance_put_payments_of(c, item.id);
    json_end(w);
    json_key(w, "refunds");
    json_begin_array(w);
    for (size_t i = 0; i < refund_count; i++) {
        json_begin_object(w);
        finance_put_refund_members(c, &refunds[i]);
        finance_put_by(w, &names, refunds[i].by_user_id);
        json_end(w);
    }
    json_end(w);
    if (!e.kind) e = finance_put_transfers(c, item.id);
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
    struct body_object b = body_root(&c->body);
    const json_t *lines = body_value(b, "lines");
    *wish = (struct order_refund_wish){.reason = slice_trim(body_text(b, "reason")), .by_user_id = call_who(c)->user_id};
    struct err e = body_end_after(&c->body, amount_read(b, &wish->amount_minor, &wish->has_amount));
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
    finance_put_refund_members(c, &refund);
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

const struct route finance_order_routes[] = {
    {HTTP_GET, "/api/v1/finance/orders", orders_get, CALL_FINANCE},
    {HTTP_GET, "/api/v1/finance/orders/{id}", order_show, CALL_FINANCE},
    {HTTP_GET, "/api/v1/finance/orders/{id}/invoice.pdf", invoice_get, CALL_FINANCE},
    {HTTP_POST, "/api/v1/finance/orders/{id}/refunds", refund_post, CALL_FINANCE | CALL_CHANGES | CALL_JSON},
    {HTTP_POST, "/api/v1/finance/orders/{id}/refunds/preview", refund_preview, CALL_FINANCE | CALL_CHANGES | CALL_JSON},
    {0},
};
