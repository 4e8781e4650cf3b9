/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * GET and PUT /finance/settings: who sells, tax, providers of payments. GET /finance/overview: what wants attention. */
#include <stdio.h>
#include <string.h>

#include "api/finance.h"

static struct err malformed(void) { return err_make(ERR_INPUT, "request.malformed", "The body of this request is not JSON of the expected form."); }

/* --- settings --- */

static void put_seller(struct json_writer *w, const struct offer_settings *s) {
    json_key(w, "seller");
    json_begin_object(w);
    json_put_string(w, "name", s->seller_name);
    json_put_string(w, "address", s->seller_address);
    json_put_string(w, "tax_id", s->seller_tax_id);
    json_put_cstr(w, "country", s->seller_country[0] ? s->seller_country : NULL);
    json_end(w);
}

/* Secrets are written and never read: of these it says only that they are set. */
static void put_provider(struct call *c, const struct pay_settings *p) {
    struct json_writer *w = &c->w;
    struct slice origin = request_origin(c->r, c->arena);
    json_begin_object(w);
    json_put_cstr(w, "id", pay_provider_id(p->provider));
    json_put_cstr(w, "name", p->name);
    json_put_bool(w, "is_enabled", p->is_enabled);
    json_put_bool(w, "is_play_money", p->is_play_money);
    json_put_bool(w, "is_ready", p->is_ready);
    json_key(w, "webhook_url");
    if (p->webhook_path.len) json_add_string(w, arena_printf(c->arena, "%.*s%.*s", SLICE_ARG(origin), SLICE_ARG(p->webhook_path)));
    else json_add_null(w);
    json_key(w, "fields");
    json_begin_array(w);
    for (size_t i = 0; i < p->field_count; i++) {
        const struct pay_field *f = &p->fields[i];
        json_begin_object(w);
        json_put_cstr(w, "name", f->name);
        json_put_cstr(w, "label", f->label);
        json_put_bool(w, "is_secret", f->is_secret);
        json_put_bool(w, "is_set", f->is_set);
        json_key(w, "value");
        if (f->is_secret) json_add_null(w);
        else json_add_string(w, f->value);
        json_end(w);
    }
    json_end(w);
    json_end(w);
}

static struct err settings_get(struct call *c) {
    struct offer_settings s;
    struct pay_settings_list providers;
    struct err e = offer_settings_get(c->api->o.offers, c->arena, c->org_id, &s);
    if (!e.kind) e = pay_settings(c->api->o.pay, c->arena, c->org_id, &providers);
    if (e.kind) return e;
    struct json_writer *w = &c->w;
    json_begin_object(w);
    put_seller(w, &s);
    json_put_string(w, "invoice_prefix", s.invoice_prefix);
    json_put_bool(w, "is_tax_included", s.is_tax_included);
    json_key(w, "taxes");
    json_begin_array(w);
    for (size_t i = 0; i < s.tax_count; i++) {
        json_begin_object(w);
        json_put_cstr(w, "country", s.taxes[i].country);
        json_put_number(w, "rate_ppm", s.taxes[i].rate_ppm);
        json_end(w);
    }
    json_end(w);
    json_key(w, "providers");
    json_begin_array(w);
    for (size_t i = 0; i < providers.count; i++) put_provider(c, &providers.items[i]);
    json_end(w);
    json_end(w);
    return ERR_OK;
}

static struct err country_read(struct slice text, char out[3]) {
    if (text.len && !account_country(text)) return err_make(ERR_INPUT, "settings.country", "There is no such country.");
    memset(out, 0, 3);
    if (text.len) memcpy(out, text.ptr, 2);
    return ERR_OK;
}

static struct err taxes_read(struct body_object b, struct offer_settings *s) {
    static const struct err bad = {.kind = ERR_INPUT, .code = "settings.taxes", .what = "Each country has one tax rate, between 0 and 100 %."};
    const json_t *list = body_value(b, "taxes");
    size_t count = json_array_size(list), read = count <= OFFER_TAXES_MAX ? count : 0;
    struct offer_tax *taxes = arena_alloc_array(b.body->arena, read + 1, sizeof *taxes);
    if (!taxes) return err_memory();
    struct err e = list && (!json_is_array(list) || read < count) ? bad : ERR_OK;
    for (size_t i = 0; i < read || !i; i++) {
        struct body_object one = body_item(b, "taxes", i);
        struct slice country = body_text(one, "country");
        int64_t rate = -1;
        body_number(one, "rate_ppm", &rate);
        if (e.kind || i == read) continue;
        if (!country.len || rate < 0 || rate > 1000000) e = bad;
        if (!e.kind) e = country_read(country, taxes[i].country);
        taxes[i].rate_ppm = (uint32_t)rate;
    }
    if (e.kind || !list) return e;
    s->taxes = taxes;
    s->tax_count = count;
    return ERR_OK;
}

static struct err seller_read(struct body_object b, struct offer_settings *s) {
    static const char *const names[] = {"name", "address", "tax_id"};
    struct slice *const places[] = {&s->seller_name, &s->seller_address, &s->seller_tax_id};
    struct body_object seller = body_object(b, "seller");
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (body_has(seller, names[i])) *places[i] = slice_trim(body_text(seller, names[i]));
    return body_has(seller, "country") ? country_read(body_text(seller, "country"), s->seller_country) : ERR_OK;
}

struct provider_wish {
    enum pay_provider provider;
    bool is_enabled;
    struct pay_field_change *fields;
    size_t count;
};

/* Which fields a provider has, pay knows, and refuses others. */
static struct err provider_read(struct body_object from, struct provider_wish *out) {
    struct slice id = body_text(from, "id");
    const json_t *fields = body_value(from, "fields");
    json_t *value;
    const char *name;
    *out = (struct provider_wish){0};
    bool is_said = body_flag(from, "is_enabled", &out->is_enabled);
    if (!from.json) return ERR_OK;
    if (!pay_provider_of(id, &out->provider)) return err_make(ERR_INPUT, "pay.provider", "There is no such payment provider.");
    if (!is_said || (fields && !json_is_object(fields))) return malformed();
    out->fields = arena_alloc_array(from.body->arena, json_object_size(fields) + 1, sizeof *out->fields);
    if (!out->fields) return err_memory();
    json_object_foreach((json_t *)(uintptr_t)fields, name, value) {
        if (!json_is_string(value)) return malformed();
        out->fields[out->count++] = (struct pay_field_change){slice_cstr(name), slice_of(json_string_value(value), json_string_length(value))};
    }
    return ERR_OK;
}

/* All is read before anything is set, so that a slip in one part leaves the others alone. What is not named stays. */
static struct err settings_put(struct call *c) {
    struct offer_settings s;
    struct provider_wish wishes[8];
    struct body_object b = body_root(&c->body);
    size_t count = body_list(b, "providers"), read = count <= ARRAY_LEN(wishes) ? count : 0;
    bool has_own = body_has(b, "seller");
    struct err e = offer_settings_get(c->api->o.offers, c->arena, c->org_id, &s);
    if (e.kind) return e;
    if (body_has(b, "invoice_prefix")) s.invoice_prefix = slice_trim(body_text(b, "invoice_prefix"));
    has_own = body_has(b, "invoice_prefix") || body_has(b, "taxes") || has_own;
    has_own = body_flag(b, "is_tax_included", &s.is_tax_included) || has_own;
    for (size_t i = 0; !e.kind && (i < read || !i); i++) e = provider_read(body_item(b, "providers", i), &wishes[i]);
    struct err of_seller = seller_read(b, &s), of_taxes = taxes_read(b, &s);
    e = body_end_after(&c->body, e.kind ? e : of_seller.kind ? of_seller : of_taxes);
    if (!e.kind && read < count) e = malformed();
    if (!e.kind && has_own) e = offer_settings_set(c->api->o.offers, c->org_id, &s);
    for (size_t i = 0; !e.kind && i < count; i++)
        e = pay_settings_change(c->api->o.pay, c->org_id, wishes[i].provider, wishes[i].is_enabled, wishes[i].fields, wishes[i].count);
    return e.kind ? e : settings_get(c);
}

/* --- what wants attention --- */

enum { CHECK_LATE_DAYS = 2 }; /* the ledger is checked each night */

static void put_attention(struct call *c, const char *code, const char *text, size_t count) {
    if (!count) return;
    char digits[24];
    struct buf out = BUF(400);
    int len = snprintf(digits, sizeof digits, "%zu", count);
    struct text_param params[] = {{SLICE("count"), slice_of(digits, (size_t)len)}};
    text_format(&out, c->lang, slice_cstr(text), params, ARRAY_LEN(params));
    json_begin_object(&c->w);
    json_put_cstr(&c->w, "code", code);
    json_put_string(&c->w, "message", buf_slice(&out));
    json_put_number(&c->w, "count", (int64_t)count);
    json_end(&c->w);
    buf_free(&out);
}

struct books_work {
    struct call *c;
    bool is_example;
    struct ledger_checks checks;
};

/* Example sales come in through the account of opening balances. */
static struct err books_fn(struct db_tx *tx, void *arg) {
    struct books_work *w = arg;
    struct ledger_account_filter filter = {.code = LEDGER_CODE_OPENING, .limit = 1};
    struct ledger_accounts list;
    struct err e = ledger_account_list(w->c->api->o.ledger, tx, w->c->arena, w->c->org_id, &filter, &list);
    w->is_example = !e.kind && list.count > 0;
    return e.kind ? e : ledger_checks(w->c->api->o.ledger, tx, w->c->arena, 1, &w->checks);
}

static struct err overview_get(struct call *c) {
    struct pay_waiting waiting;
    struct offer_warning *warnings;
    struct money *currencies;
    size_t currency_count;
    struct books_work books = {.c = c};
    struct order_sub_counts subs;
    size_t warning_count, lost = 0;
    int64_t now_s = utc_seconds(clock_utc(c->api->o.clock));
    struct err e = pay_waiting(c->api->o.pay, c->org_id, &waiting);
    if (!e.kind) e = offer_warnings(c->api->o.offers, c->arena, c->org_id, 0, &warnings, &warning_count);
    if (!e.kind) e = order_currencies(c->api->o.order, c->arena, c->org_id, (now_s / 86400 - 365) * 86400, (now_s / 86400 + 1) * 86400, &currencies, &currency_count);
    if (!e.kind) e = order_sub_counts(c->api->o.order, c->org_id, 0, now_s - 30 * 86400, &subs);
    if (!e.kind) e = db_read(c->api->o.db, books_fn, &books);
    if (e.kind) return e;
    for (size_t i = 0; i < warning_count; i++) lost += !strcmp(warnings[i].code, "offer.rights_lost") || !strcmp(warnings[i].code, "offer.empty");
    const struct ledger_noted_check *checked = books.checks.count ? &books.checks.items[0] : NULL;
    /* Until the first night there is nothing to be late with. */
    int64_t unchecked_days = checked ? (now_s - checked->noted_ns / NS_PER_S) / 86400 : 0;
    struct json_writer *w = &c->w;
    json_begin_object(w);
    json_put_bool(w, "is_example", books.is_example);
    json_key(w, "currencies");
    json_begin_array(w);
    for (size_t i = 0; i < currency_count; i++) json_add_cstr(w, currency_code(currencies[i].currency));
    json_end(w);
    json_key(w, "subscriptions");
    json_begin_object(w);
    json_put_number(w, "active", subs.states[ORDER_SUB_TRIAL] + subs.states[ORDER_SUB_ACTIVE] + subs.states[ORDER_SUB_GRACE] + subs.states[ORDER_SUB_CANCELLED]); /* those that may watch now */
    json_put_number(w, "trial", subs.states[ORDER_SUB_TRIAL]);
    json_put_number(w, "grace", subs.states[ORDER_SUB_GRACE]);
    json_put_number(w, "new", subs.fresh);
    json_put_number(w, "ended", subs.gone);
    json_end(w);
    json_key(w, "attention");
    json_begin_array(w);
    put_attention(c, "payments.parked", "attention.parked", (size_t)waiting.parked);
    put_attention(c, "renewals.failed", "attention.renewals", (size_t)subs.states[ORDER_SUB_GRACE]);
    put_attention(c, "chargebacks.open", "attention.chargebacks", (size_t)waiting.chargebacks);
    put_attention(c, "offers.rights", "attention.rights", lost);
    put_attention(c, "ledger.differences", "attention.ledger", checked ? (size_t)checked->differences : 0);
    put_attention(c, "ledger.unchecked", "attention.unchecked", unchecked_days >= CHECK_LATE_DAYS ? (size_t)unchecked_days : 0);
    json_end(w);
    json_key(w, "verified");
    if (checked) {
        json_begin_object(w);
        put_time_or_null(w, "at", checked->noted_ns / NS_PER_MS);
        json_put_number(w, "transfers", checked->transfers);
        json_put_number(w, "accounts", checked->accounts);
        json_put_number(w, "differences", checked->differences);
        json_put_number(w, "took_ms", (int64_t)(checked->seconds * 1000));
        json_end(w);
    } else {
        json_add_null(w);
    }
    json_end(w);
    return ERR_OK;
}

const struct route finance_settings_routes[] = {
    {HTTP_GET, "/api/v1/finance/settings", settings_get, CALL_FINANCE},
    {HTTP_PUT, "/api/v1/finance/settings", settings_put, CALL_FINANCE | CALL_CHANGES | CALL_JSON},
    {HTTP_GET, "/api/v1/finance/overview", overview_get, CALL_FINANCE},
    {0},
};
