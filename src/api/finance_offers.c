/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * /finance/offers, coupons and gift cards: what is sold and for how much, as those see it who decide about it. */
#include <string.h>

#include "api/finance.h"
#include "api/operator.h"
#include "api/rights_json.h"

enum { GIFT_CARDS_USUAL = 50, GIFT_CARDS_MAX = 200 };

static struct err malformed(void) { return err_make(ERR_INPUT, "request.malformed", "The body of this request is not JSON of the expected form."); }

/* --- reading --- */

/* A whole number; missing or null: left as it is. */
static void number_read(struct body_object o, const char *name, bool *has_it, int64_t *out) {
    bool has = body_number(o, name, out);
    if (has_it) *has_it = has;
}

/* ISO 8601, or null for `otherwise`. */
static struct err time_read(const json_t *value, int64_t otherwise, int64_t *out) {
    struct utc_time at;
    *out = otherwise;
    if (!value || json_is_null(value)) return ERR_OK;
    if (!json_is_string(value) || !utc_parse(slice_cstr(json_string_value(value)), &at) || at.ns < 0) return err_make(ERR_INPUT, "offer.window", "Times are ISO 8601, or null; an end lies after the beginning.");
    *out = utc_seconds(at);
    return ERR_OK;
}

/* A list of ids; missing or null: none. */
static struct err ids_read(struct body_object o, const char *name, size_t max, const struct slice **out, size_t *count) {
    const json_t *list = body_value(o, name);
    *count = 0;
    if (!list || json_is_null(list)) return ERR_OK;
    if (!json_is_array(list) || json_array_size(list) > max) return malformed();
    struct slice *ids = arena_alloc_array(o.body->arena, json_array_size(list) + 1, sizeof *ids);
    if (!ids) return err_memory();
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        ids[i] = slice_cstr(json_string_value(one));
        if (json_is_object(one)) { /* What was read may be sent back: {id, name}. */
            struct body_object item = body_item(o, name, i);
            ids[i] = body_text(item, "id");
            body_value(item, "name");
        }
        if (!ids[i].len) return malformed();
    }
    *count = json_array_size(list);
    *out = ids;
    return ERR_OK;
}

static void texts_read(struct body_object b, struct offer_change *change) {
    struct body_object names = body_object(b, "names"), descriptions = body_object(b, "descriptions");
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++) {
        const char *lang = text_languages[i].code.ptr;
        change->texts[i].has_name = body_has(names, lang);
        change->texts[i].name = slice_trim(body_text(names, lang));
        change->texts[i].has_description = body_has(descriptions, lang);
        change->texts[i].description = slice_trim(body_text(descriptions, lang));
    }
}

static struct err prices_read(struct body_object b, struct offer_change *change) {
    bool is_given = body_has(b, "prices");
    size_t count = body_list(b, "prices"), read = count <= OFFER_PRICES_MAX ? count : 0;
    struct offer_price_new *prices = arena_alloc_array(b.body->arena, read + 1, sizeof *prices);
    if (!prices) return err_memory();
    struct err e = count > read ? malformed() : ERR_OK;
    for (size_t i = 0; i < read || !i; i++) {
        struct body_object one = body_item(b, "prices", i);
        prices[i].territories = body_text(one, "territories");
        struct err wrong = shop_money(one, &prices[i].amount);
        if (!e.kind && one.json) e = wrong;
    }
    change->has_prices = is_given;
    change->prices = prices;
    change->price_count = count;
    return e;
}

static struct err contains_read(struct body_object b, struct offer_change *change) {
    struct body_object contains = body_object(b, "contains");
    struct slice kind = body_text(contains, "kind");
    change->holder = body_text(contains, "id");
    struct err e = ids_read(contains, "titles", OFFER_TITLES_MAX, &change->titles, &change->title_count);
    change->has_contents = contains.json;
    if (!contains.json) return e;
    if (!offer_contents_parse(kind, &change->contents)) return malformed();
    if (change->contents != OFFER_TITLES) change->title_count = 0;
    else if (!e.kind && !json_is_array(body_value(contains, "titles"))) return malformed();
    return e;
}

static struct err period_read(struct body_object b, struct offer_change *change) {
    struct body_object period = body_object(b, "period");
    struct slice unit = body_text(period, "unit");
    change->has_period = period.json;
    if (period.json) change->period = 1;
    number_read(period, "count", NULL, &change->period);
    return period.json && !offer_unit_parse(unit, &change->unit) ? malformed() : ERR_OK;
}

static void rental_read(struct body_object b, struct offer_change *change) {
    struct body_object rental = body_object(b, "rental");
    change->has_rental = rental.json;
    number_read(rental, "start_within_days", NULL, &change->start_within_days);
    number_read(rental, "watch_hours", NULL, &change->watch_hours);
}

/* One end of the window alone leaves the other as it is. `offer` empty: a new one. */
static struct err window_read(struct call *c, struct slice offer, struct offer_change *change) {
    const json_t *starts = body_value(body_root(&c->body), "starts_at"), *ends = body_value(body_root(&c->body), "ends_at");
    struct offer_here there;
    int64_t starts_s = 0, ends_s = OFFER_ENDLESS;
    if (!starts && !ends) return ERR_OK;
    struct err e = ERR_OK;
    if (offer.len && (!starts || !ends)) {
        e = offer_get(c->api->o.offers, c->arena, c->org_id, offer, (struct rights_place){.country = RIGHTS_NOWHERE}, &there);
        if (e.kind) return e;
        starts_s = there.offer.starts_s;
        ends_s = there.offer.ends_s;
    }
    change->has_window = true;
    e = time_read(starts, starts ? 0 : starts_s, &change->starts_s);
    return e.kind ? e : time_read(ends, ends ? OFFER_ENDLESS : ends_s, &change->ends_s);
}

static struct err change_read(struct call *c, struct slice offer, struct offer_change *change) {
    struct body_object b = body_root(&c->body);
    *change = (struct offer_change){0};
    struct slice kind = body_text(b, "kind");
    texts_read(b, change);
    rental_read(b, change);
    number_read(b, "trial_days", &change->has_trial, &change->trial_days);
    number_read(b, "grace_days", &change->has_grace, &change->grace_days);
    number_read(b, "vouchers", &change->has_vouchers, &change->vouchers);
    change->has_is_on_sale = body_flag(b, "is_on_sale", &change->is_on_sale);
    struct err of_window = window_read(c, offer, change), of_prices = prices_read(b, change), of_contents = contains_read(b, change), of_period = period_read(b, change);
    struct err e = body_end_after(&c->body, of_window.kind ? of_window : of_prices.kind ? of_prices : of_contents.kind ? of_contents : of_period);
    if (!e.kind && kind.ptr) {
        if (!offer_kind_parse(kind, &change->kind)) return err_make(ERR_INPUT, "offer.kind", "There is no such kind of offer.");
        change->has_kind = true; /* of one that there is it may be said, and is the same */
    }
    return e;
}

/* --- writing --- */

static struct slice sentence(struct call *c, const char *code, const char *what) {
    struct slice text = text_lookup(c->lang, slice_cstr(code));
    return text.len ? text : slice_cstr(what);
}

static void put_texts(struct json_writer *w, const char *key, const struct offer *o, bool is_description) {
    json_key(w, key);
    json_begin_object(w);
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++) {
        struct slice text = is_description ? o->texts[i].description : o->texts[i].name;
        char lang[8] = "";
        memcpy(lang, text_languages[i].code.ptr, text_languages[i].code.len < sizeof lang ? text_languages[i].code.len : sizeof lang - 1);
        if (text.len) json_put_string(w, lang, text);
    }
    json_end(w);
}

static void put_title(struct call *c, const struct catalog_view *view, const char *name, const struct catalog_title *t) {
    struct public_id none = {0};
    shop_put_named(&c->w, name, t ? &t->public_id : &none, t ? catalog_text_in(t, c->lang).name : SLICE_NONE);
}

static void put_warnings(struct call *c, const struct catalog_view *view, const struct offer_warning *warnings, size_t count, int64_t offer_id) {
    struct json_writer *w = &c->w;
    json_key(w, "warnings");
    json_begin_array(w);
    for (size_t i = 0; i < count; i++) {
        const struct offer_warning *one = &warnings[i];
        if (offer_id && one->offer_id != offer_id) continue;
        json_begin_object(w);
        json_put_cstr(w, "code", one->code);
        json_put_string(w, "message", sentence(c, one->code, one->what));
        put_title(c, view, "title", one->title_id ? catalog_find_id(view, one->title_id) : NULL);
        json_put_string(w, "territories", one->territories);
        shop_put_time(w, "until", one->until_s);
        json_end(w);
    }
    json_end(w);
}

static void put_problems(struct call *c, const struct offer_report *report) {
    struct json_writer *w = &c->w;
    json_key(w, "problems");
    json_begin_array(w);
    for (size_t i = 0; i < report->problem_count; i++) {
        json_begin_object(w);
        json_put_string(w, "field", report->problems[i].field);
        json_put_cstr(w, "code", report->problems[i].code);
        json_put_string(w, "message", sentence(c, report->problems[i].code, report->problems[i].what));
        json_put_string(w, "about", report->problems[i].about);
        json_end(w);
    }
    json_end(w);
}

static void put_contains(struct call *c, const struct catalog_view *view, const struct offer *o) {
    struct json_writer *w = &c->w;
    shop_begin_contains(c, view, o);
    json_key(w, "titles");
    json_begin_array(w);
    for (size_t i = 0; i < o->title_count; i++) {
        const struct catalog_title *t = catalog_find_id(view, o->titles[i]);
        if (!t) continue; /* removed from the catalogue */
        json_begin_object(w);
        json_put_string(w, "id", public_id_slice(&t->public_id));
        json_put_string(w, "name", catalog_text_in(t, c->lang).name);
        json_end(w);
    }
    json_end(w);
    json_end(w);
}

static void put_offer(struct call *c, const struct catalog_view *view, const struct offer *o, int64_t sold, int64_t subscribers, const struct offer_warning *warnings, size_t warning_count) {
    struct json_writer *w = &c->w;
    struct offer_text text = offer_text_in(o, c->lang);
    json_begin_object(w);
    json_put_string(w, "id", public_id_slice(&o->public_id));
    json_put_cstr(w, "kind", offer_kind_name(o->kind));
    json_put_string(w, "name", text.name);
    json_put_string(w, "description", text.description);
    put_texts(w, "names", o, false);
    put_texts(w, "descriptions", o, true);
    json_put_bool(w, "is_on_sale", o->is_on_sale);
    shop_put_time(w, "starts_at", o->starts_s);
    shop_put_time(w, "ends_at", o->ends_s);
    json_key(w, "prices");
    json_begin_array(w);
    for (size_t i = 0; i < o->price_count; i++) {
        json_begin_object(w);
        json_put_id(w, "amount", o->prices[i].amount.minor);
        json_put_cstr(w, "currency", currency_code(o->prices[i].amount.currency));
        json_put_string(w, "territories", rights_territories_text(o->prices[i].territories));
        json_end(w);
    }
    json_end(w);
    put_contains(c, view, o);
    shop_put_terms(w, o);
    json_put_number(w, "grace_days", o->grace_days);
    json_put_number(w, "version", o->version);
    json_put_number(w, "sold", sold);
    json_put_number(w, "subscribers", subscribers);
    put_warnings(c, view, warnings, warning_count, o->id);
    json_end(w);
}

/* Subscriptions by this offer that run now: of them may be watched, and all but the cancelled ones renew. */
static struct err subscribers_of(struct call *c, const struct offer *o, int64_t *running, int64_t *renewing) {
    struct order_sub_counts subs;
    *running = *renewing = 0;
    if (o->kind != OFFER_SUBSCRIPTION) return ERR_OK;
    struct err e = order_sub_counts(c->api->o.order, c->org_id, o->id, INT64_MAX, &subs);
    if (e.kind) return e;
    *renewing = subs.states[ORDER_SUB_TRIAL] + subs.states[ORDER_SUB_ACTIVE] + subs.states[ORDER_SUB_GRACE];
    *running = *renewing + subs.states[ORDER_SUB_CANCELLED];
    return ERR_OK;
}

/* These offers, with what was sold and what is wrong with them. As `items`, or, of one, as the whole answer. */
static struct err offers_put(struct call *c, const struct offer *offers, size_t count, bool is_list) {
    struct offer_warning *warnings = NULL;
    struct catalog_view *view = NULL;
    size_t warning_count = 0;
    int64_t *ids = arena_alloc_array(c->arena, count + 1, sizeof *ids), *sold = arena_alloc_array(c->arena, count + 1, sizeof *sold), *running = arena_alloc_array(c->arena, count + 1, sizeof *running), renewing;
    if (!ids || !sold || !running) return err_memory();
    for (size_t i = 0; i < count; i++) ids[i] = offers[i].id;
    struct err e = order_sold(c->api->o.order, c->org_id, ids, count, sold);
    for (size_t i = 0; !e.kind && i < count; i++) e = subscribers_of(c, &offers[i], &running[i], &renewing);
    if (!e.kind) e = offer_warnings(c->api->o.offers, c->arena, c->org_id, is_list ? 0 : ids[0], &warnings, &warning_count);
    if (!e.kind) e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (e.kind) return e;
    if (is_list) {
        json_begin_object(&c->w);
        json_key(&c->w, "items");
        json_begin_array(&c->w);
    }
    for (size_t i = 0; i < count; i++) put_offer(c, view, &offers[i], sold[i], running[i], warnings, warning_count);
    if (is_list) {
        json_end(&c->w);
        json_end(&c->w);
    }
    catalog_view_give(&view);
    return ERR_OK;
}

static struct err offer_answer(struct call *c, struct slice offer) {
    struct offer_here here;
    struct err e = offer_get(c->api->o.offers, c->arena, c->org_id, offer, (struct rights_place){.country = RIGHTS_NOWHERE}, &here);
    return e.kind ? e : offers_put(c, &here.offer, 1, false);
}

/* --- offers --- */

static struct err offers_get(struct call *c) {
    struct offer_list list;
    struct err e = offers_list(c->api->o.offers, c->arena, c->org_id, &list);
    return e.kind ? e : offers_put(c, list.items, list.count, true);
}

/* A refusal that names each field. */
static struct err refusal_put(struct call *c, struct err e, const struct offer_report *report) {
    if (!report->problem_count) return e;
    c->status = 400;
    json_begin_object(&c->w);
    json_key(&c->w, "error");
    json_begin_object(&c->w);
    json_put_cstr(&c->w, "code", e.code);
    json_put_string(&c->w, "message", sentence(c, e.code, e.what));
    json_end(&c->w);
    put_problems(c, report);
    json_end(&c->w);
    return ERR_OK;
}

static struct err offers_post(struct call *c) {
    struct offer_change change;
    struct offer_report report = {0};
    struct public_id id;
    struct err e = change_read(c, SLICE_NONE, &change);
    if (e.kind) return e;
    e = offer_create(c->api->o.offers, c->arena, c->org_id, &change, &report, &id);
    if (e.kind) return refusal_put(c, e, &report);
    c->status = 201;
    return offer_answer(c, public_id_slice(&id));
}

static struct err offer_show(struct call *c) { return offer_answer(c, call_param(c, "id")); }

static struct err offer_patch(struct call *c) {
    struct offer_change change;
    struct offer_report report = {0};
    struct offer_here there;
    struct err e = offer_get(c->api->o.offers, c->arena, c->org_id, call_param(c, "id"), (struct rights_place){.country = RIGHTS_NOWHERE}, &there);
    if (!e.kind) e = change_read(c, call_param(c, "id"), &change);
    if (e.kind) return e;
    e = offer_change(c->api->o.offers, c->arena, c->org_id, call_param(c, "id"), &change, &report);
    return e.kind ? refusal_put(c, e, &report) : offer_answer(c, call_param(c, "id"));
}

/* A price that stands in the offer and would cost something else, or hold elsewhere. */
static bool prices_change(const struct offer *o, const struct offer_change *change) {
    if (!change->has_prices) return false;
    for (size_t i = 0; i < o->price_count; i++) {
        bool stays = false;
        for (size_t k = 0; k < change->price_count && !stays; k++)
            stays = o->prices[i].amount.minor == change->prices[k].amount.minor && o->prices[i].amount.currency == change->prices[k].amount.currency &&
                    slice_eq(rights_territories_text(o->prices[i].territories), change->prices[k].territories);
        if (!stays) return true;
    }
    return false;
}

/* Whom a change touches who has bought already. */
static struct err put_effects(struct call *c, const struct offer *was, const struct offer_change *change) {
    int64_t running = 0, renewing = 0;
    struct err e = was && prices_change(was, change) ? subscribers_of(c, was, &running, &renewing) : ERR_OK;
    if (e.kind) return e;
    json_key(&c->w, "effects");
    json_begin_array(&c->w);
    if (renewing) {
        struct slice count = arena_printf(c->arena, "%lld", (long long)renewing), days = arena_printf(c->arena, "%d", (int)(ORDER_NOTICE_S / 86400));
        struct text_param params[] = {{SLICE("count"), count}, {SLICE("days"), days}};
        struct buf out = BUF(600);
        text_format(&out, c->lang, SLICE("effect.price"), params, ARRAY_LEN(params));
        json_begin_object(&c->w);
        json_put_cstr(&c->w, "code", "offer.price_renewals");
        json_put_string(&c->w, "message", buf_slice(&out));
        json_put_number(&c->w, "count", renewing);
        json_end(&c->w);
        buf_free(&out);
    }
    json_end(&c->w);
    return ERR_OK;
}

/* As one types: nothing is saved, and being wrong is no error. `was`: NULL for a new one. */
static struct err check(struct call *c, struct slice offer, const struct offer *was) {
    struct offer_change change;
    struct offer_report report = {0};
    struct catalog_view *view = NULL;
    struct err e = change_read(c, offer, &change);
    if (!e.kind) e = offer_check(c->api->o.offers, c->arena, c->org_id, offer, &change, &report);
    if (!e.kind) e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (e.kind) return e;
    json_begin_object(&c->w);
    put_problems(c, &report);
    put_warnings(c, view, report.warnings, report.warning_count, 0);
    e = put_effects(c, was, &change);
    json_end(&c->w);
    catalog_view_give(&view);
    return e;
}

static struct err offers_check_post(struct call *c) { return check(c, SLICE_NONE, NULL); }

static struct err offer_check_post(struct call *c) {
    struct offer_here there;
    struct err e = offer_get(c->api->o.offers, c->arena, c->org_id, call_param(c, "id"), (struct rights_place){.country = RIGHTS_NOWHERE}, &there);
    return e.kind ? e : check(c, call_param(c, "id"), &there.offer);
}

/* --- coupons --- */

static void put_count_or_null(struct json_writer *w, const char *name, int64_t count) {
    json_key(w, name);
    if (count) json_add_number(w, count);
    else json_add_null(w);
}

static struct err coupon_put(struct call *c, const struct offer_coupon *coupon, int64_t uses) {
    struct json_writer *w = &c->w;
    json_begin_object(w);
    json_put_string(w, "id", public_id_slice(&coupon->public_id));
    json_put_string(w, "code", coupon->code);
    put_count_or_null(w, "percent", coupon->percent);
    money_put(w, "amount", coupon->amount);
    json_key(w, "offers");
    if (coupon->offer_count) {
        json_begin_array(w);
        for (size_t i = 0; i < coupon->offer_count; i++) {
            struct offer_here here;
            struct err e = offer_get_id(c->api->o.offers, c->arena, c->org_id, coupon->offers[i], (struct rights_place){.country = RIGHTS_NOWHERE}, &here);
            if (!e.kind) json_add_string(w, public_id_slice(&here.offer.public_id));
        }
        json_end(w);
    } else {
        json_add_null(w);
    }
    shop_put_time(w, "starts_at", coupon->starts_s);
    shop_put_time(w, "ends_at", coupon->ends_s);
    put_count_or_null(w, "uses_max", coupon->uses_max);
    json_put_number(w, "uses", uses);
    put_count_or_null(w, "per_household_max", coupon->per_household_max);
    json_put_bool(w, "is_active", coupon->is_active);
    json_end(w);
    return ERR_OK;
}

/* All of them, or the one with this id as the whole answer. */
static struct err coupons_put(struct call *c, struct slice only) {
    struct offer_coupon_list list;
    struct err e = offer_coupons(c->api->o.offers, c->arena, c->org_id, &list);
    int64_t *ids = e.kind ? NULL : arena_alloc_array(c->arena, list.count + 1, sizeof *ids), *uses = e.kind ? NULL : arena_alloc_array(c->arena, list.count + 1, sizeof *uses);
    if (!e.kind && (!ids || !uses)) e = err_memory();
    for (size_t i = 0; !e.kind && i < list.count; i++) ids[i] = list.items[i].id;
    if (!e.kind) e = order_coupon_uses(c->api->o.order, c->org_id, ids, list.count, uses);
    if (e.kind) return e;
    for (size_t i = 0; only.len && i < list.count; i++)
        if (slice_eq(public_id_slice(&list.items[i].public_id), only)) return coupon_put(c, &list.items[i], uses[i]);
    if (only.len) return err_make(ERR_NOT_FOUND, "coupon.not_found", "There is no such coupon.");
    json_begin_object(&c->w);
    json_key(&c->w, "items");
    json_begin_array(&c->w);
    for (size_t i = 0; !e.kind && i < list.count; i++) e = coupon_put(c, &list.items[i], uses[i]);
    json_end(&c->w);
    json_end(&c->w);
    return e;
}

static struct err coupons_get(struct call *c) { return coupons_put(c, SLICE_NONE); }

static struct err coupons_post(struct call *c) {
    struct body_object b = body_root(&c->body), amount = body_object(b, "amount");
    struct offer_coupon_new fresh = {.code = slice_trim(body_text(b, "code")), .ends_s = OFFER_ENDLESS};
    const json_t *starts = body_value(b, "starts_at"), *ends = body_value(b, "ends_at");
    struct public_id id;
    number_read(b, "percent", NULL, &fresh.percent);
    number_read(b, "uses_max", NULL, &fresh.uses_max);
    number_read(b, "per_household_max", NULL, &fresh.per_household_max);
    struct err e = ids_read(b, "offers", OFFER_COUPON_OFFERS_MAX, &fresh.offers, &fresh.offer_count);
    struct err wrong = shop_money(amount, &fresh.amount);
    if (!e.kind && amount.json) e = wrong;
    if (!e.kind) e = time_read(starts, 0, &fresh.starts_s);
    if (!e.kind) e = time_read(ends, OFFER_ENDLESS, &fresh.ends_s);
    e = body_end_after(&c->body, e);
    if (!e.kind) e = offer_coupon_create(c->api->o.offers, c->org_id, &fresh, &id);
    if (e.kind) return e;
    c->status = 201;
    return coupons_put(c, public_id_slice(&id));
}

/* A number, or null for any: 0. */
static void bound_read(struct body_object o, const char *name, bool *has_it, int64_t *out) {
    *has_it = body_has(o, name);
    *out = 0;
    number_read(o, name, NULL, out);
}

static struct err coupon_patch(struct call *c) {
    struct offer_coupon_change change = {0};
    struct body_object b = body_root(&c->body);
    const json_t *ends = body_value(b, "ends_at");
    change.has_is_active = body_flag(b, "is_active", &change.is_active);
    change.has_ends = ends;
    bound_read(b, "uses_max", &change.has_uses_max, &change.uses_max);
    bound_read(b, "per_household_max", &change.has_per_household_max, &change.per_household_max);
    struct err e = body_end_after(&c->body, time_read(ends, OFFER_ENDLESS, &change.ends_s));
    if (!e.kind) e = offer_coupon_change(c->api->o.offers, c->org_id, call_param(c, "id"), &change);
    return e.kind ? e : coupons_put(c, call_param(c, "id"));
}

/* --- gift cards --- */

static struct err gift_cards_get(struct call *c) {
    struct offer_gift_card *cards;
    size_t count, limit;
    int64_t before = 0, next;
    struct err e = call_after(c, NAME_GIFT_CARD, &before);
    if (!e.kind) e = finance_limit(c, GIFT_CARDS_USUAL, GIFT_CARDS_MAX, &limit);
    if (!e.kind) e = offer_gift_cards(c->api->o.offers, c->arena, c->org_id, before, limit, &cards, &count, &next);
    if (e.kind) return e;
    struct json_writer *w = &c->w;
    finance_list_begin(c);
    for (size_t i = 0; i < count; i++) {
        json_begin_object(w);
        json_put_string(w, "id", public_id_slice(&cards[i].public_id));
        json_put_cstr(w, "last4", cards[i].last4);
        money_put(w, "amount", cards[i].amount);
        json_put_cstr(w, "state", offer_gift_state_name(cards[i].state));
        shop_put_time(w, "created_at", cards[i].created_s);
        shop_put_time(w, "redeemed_at", cards[i].redeemed_s);
        json_end(w);
    }
    finance_list_end(c, next ? call_name(c, NAME_GIFT_CARD, next) : SLICE_NONE);
    return ERR_OK;
}

static struct err gift_cards_post(struct call *c) {
    struct money amount;
    struct order_key key;
    int64_t count = 1;
    struct body_object b = body_root(&c->body);
    struct err wrong = shop_money(body_object(b, "amount"), &amount);
    number_read(b, "count", NULL, &count);
    struct err e = body_end_after(&c->body, wrong);
    if (!e.kind) e = shop_key(c, &key);
    if (!e.kind && (count < 1 || count > OFFER_GIFT_CARDS_MAX)) e = err_make(ERR_INPUT, "gift_card.count", "Make 1 to 100 gift cards at once.");
    char(*codes)[OFFER_GIFT_CODE_LEN + 1] = e.kind ? NULL : arena_alloc_array(c->arena, (size_t)count, sizeof *codes);
    if (!e.kind && !codes) e = err_memory();
    if (!e.kind) e = order_gift_cards_make(c->api->o.order, c->org_id, call_who(c)->user_id, amount, (size_t)count, &key, codes);
    if (e.kind) return e;
    c->status = 201;
    json_begin_object(&c->w);
    json_key(&c->w, "codes");
    json_begin_array(&c->w);
    for (int64_t i = 0; i < count; i++) json_add_cstr(&c->w, codes[i]);
    json_end(&c->w);
    json_end(&c->w);
    return ERR_OK;
}

const struct route finance_offer_routes[] = {
    {HTTP_GET, "/api/v1/finance/offers", offers_get, CALL_FINANCE},
    {HTTP_POST, "/api/v1/finance/offers", offers_post, CALL_FINANCE | CALL_CHANGES | CALL_JSON},
    {HTTP_POST, "/api/v1/finance/offers/check", offers_check_post, CALL_FINANCE | CALL_CHANGES | CALL_JSON},
    {HTTP_GET, "/api/v1/finance/offers/{id}", offer_show, CALL_FINANCE},
    {HTTP_PATCH, "/api/v1/finance/offers/{id}", offer_patch, CALL_FINANCE | CALL_CHANGES | CALL_JSON},
    {HTTP_POST, "/api/v1/finance/offers/{id}/check", offer_check_post, CALL_FINANCE | CALL_CHANGES | CALL_JSON},
    {HTTP_GET, "/api/v1/finance/coupons", coupons_get, CALL_FINANCE},
    {HTTP_POST, "/api/v1/finance/coupons", coupons_post, CALL_FINANCE | CALL_CHANGES | CALL_JSON},
    {HTTP_PATCH, "/api/v1/finance/coupons/{id}", coupon_patch, CALL_FINANCE | CALL_CHANGES | CALL_JSON},
    {HTTP_GET, "/api/v1/finance/gift-cards", gift_cards_get, CALL_FINANCE},
    {HTTP_POST, "/api/v1/finance/gift-cards", gift_cards_post, CALL_FINANCE | CALL_CHANGES | CALL_JSON},
    {0},
};
