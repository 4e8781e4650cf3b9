/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * /finance/revenue: what was sold, by day, title, territory or offer. */
#include "api/finance.h"
#include "api/rights_json.h"

enum { DAY_S = 86400 };

/* Key and name of a row: a day, a country, a title's or an offer's id. */
static void put_row_key(struct call *c, const struct catalog_view *view, enum order_revenue_by by, const struct order_revenue_row *row) {
    struct json_writer *w = &c->w;
    struct slice key = SLICE_NONE, name = SLICE_NONE;
    if (by == ORDER_BY_DAY) {
        struct utc_text day = utc_text_of(utc_from_seconds(row->day_s), 0);
        key = name = arena_copy(c->arena, slice_of(day.text, 10));
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

const struct route finance_revenue_routes[] = {
    {HTTP_GET, "/api/v1/finance/revenue", revenue_get, CALL_FINANCE},
    {0},
};
