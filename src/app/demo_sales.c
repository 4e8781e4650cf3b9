/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A year of sales is lived through, not written down: rooms of their own over the same database, whose clock is turned from evening to evening. So what finance sees is what these
 * rooms do, and the example is one more test of them. The same seed gives the same year. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/demo_sales.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "business/account/account.h"
#include "business/ledger/ledger.h"
#include "business/offer/offer.h"
#include "business/order/order.h"
#include "business/pay/pay.h"
#include "example/example.h"

enum { DAY_S = 86400, DAYS = 365, HOUSEHOLDS_MAX = 1000, RECORD_MAX = 1 << 17, TITLES_MAX = 32, RETURNS_MAX = 64 };
static const char record_name[] = "example-sales.json";

/* Cards of the sandbox. */
static const char card_good[] = "4242424242424242", card_mastercard[] = "5555555555554444", card_declined[] = "4000000000000002", card_charged_back[] = "4000000000000259",
                  card_no_renewal[] = "4000000000000341";

struct home {
    int64_t id;
    const struct example_home *where;
    int joins; /* day of the year */
    bool likes_plans, likes_years, card_fails_later;
    bool has_plan;
    int asked_from, asked_to; /* days on which it looks whether a renewal waits for being paid: after a trial no card is known yet. 0: never */
};
struct money_back { /* to be given back on a later day */
    struct public_id order;
    int day;
};
struct sales {
    struct house *house;
    struct arena *arena;
    int data_fd;
    struct db *db;
    struct clock *clock;
    struct id_maker *ids; /* the house's */
    struct ledger *ledger;
    struct pay *pay;
    struct offers *offers;
    struct order_room *orders;
    struct home homes[HOUSEHOLDS_MAX];
    int64_t home_ids[HOUSEHOLDS_MAX];
    size_t home_count;
    int64_t first_s; /* midnight of the first day */
    int day;         /* the next to be lived */
    struct public_id offer_ids[OFFER_KINDS], year_id;
    bool has_offer[OFFER_KINDS], has_year;
    struct public_id titles[TITLES_MAX];
    int premieres[TITLES_MAX]; /* the day on which contracts let it begin; -1: always there */
    size_t title_count;
    struct money_back returns[RETURNS_MAX];
    size_t return_count, sold;
};

/* --- the record --- */

static struct err record_save(const struct sales *s) {
    struct buf out = BUF(RECORD_MAX);
    struct json_writer w = json_writer_of(&out);
    json_begin_object(&w);
    json_put_cstr(&w, "note", "Example data: households, orders and payments (play money) made by `grandstand demo`.");
    json_put_number(&w, "first_s", s->first_s);
    json_put_number(&w, "day", s->day);
    json_key(&w, "households");
    json_begin_array(&w);
    for (size_t i = 0; i < s->home_count; i++) json_add_id(&w, s->home_ids[i]);
    json_end(&w);
    json_end(&w);
    struct err e = buf_error(&out);
    if (!e.kind) e = fs_write_file_atomic(s->data_fd, record_name, buf_slice(&out), 0640);
    buf_free(&out);
    return e;
}

static struct err record_load(struct sales *s, bool *has_record) {
    struct buf text = BUF(RECORD_MAX);
    struct err e = fs_read_file(s->data_fd, record_name, &text);
    *has_record = !e.kind;
    json_t *json = NULL;
    if (!e.kind) e = json_parse(buf_slice(&text), RECORD_MAX, &json);
    int64_t day = 0;
    if (json && json_get_integer(json, "first_s", &s->first_s) && json_get_integer(json, "day", &day)) {
        s->day = day < 0 ? 0 : day > DAYS ? DAYS : (int)day;
        const json_t *ids = json_object_get(json, "households");
        for (size_t i = 0; i < json_array_size(ids) && s->home_count < HOUSEHOLDS_MAX; i++) {
            const char *id = json_string_value(json_array_get(ids, i));
            if (id && slice_to_i64(slice_cstr(id), &s->home_ids[s->home_count])) s->home_count++;
        }
    }
    json_decref(json);
    buf_free(&text);
    return e.kind == ERR_NOT_FOUND ? ERR_OK : e;
}

/* --- what is sold --- */

static size_t lang_at(enum example_language language) {
    size_t at = 0;
    while (!slice_eq(text_languages[at].code, slice_cstr(example_language_code(language)))) at++;
    return at;
}

static const struct catalog_title *title_of(const struct catalog_view *view, const char *name) {
    char external_id[80];
    snprintf(external_id, sizeof external_id, "example:%s", name);
    return catalog_find_external(view, slice_cstr(external_id));
}

static bool is_there(const struct offer_list *list, const struct example_offer *wanted) {
    for (size_t i = 0; i < list->count; i++)
        if (slice_eq(list->items[i].texts[lang_at(EXAMPLE_EN)].name, slice_cstr(wanted->names[EXAMPLE_EN]))) return true;
    return false;
}

static struct err offer_make(struct sales *s, const struct catalog_view *view, const struct example_offer *wanted) {
    struct offer_price_new prices[EXAMPLE_MARKETS];
    struct slice titles[ARRAY_LEN(wanted->titles)];
    struct offer_change ch = {.has_kind = true, .has_contents = true, .has_prices = true, .prices = prices, .price_count = EXAMPLE_MARKETS, .titles = titles};
    if (!offer_kind_parse(slice_cstr(wanted->kind), &ch.kind) || !offer_contents_parse(slice_cstr(wanted->contains), &ch.contents))
        return err_make(ERR_BUG, "demo.offer", "The example names a kind of offer that does not exist.");
    for (int m = 0; m < EXAMPLE_MARKETS; m++)
        prices[m] = (struct offer_price_new){MONEY(wanted->prices[m], currency_find(slice_cstr(example_market_currencies[m]))->numeric), slice_cstr(example_market_territories[m])};
    for (int l = 0; l < EXAMPLE_LANGUAGES; l++) {
        size_t at = lang_at((enum example_language)l);
        ch.texts[at].has_name = ch.texts[at].has_description = true;
        ch.texts[at].name = slice_cstr(wanted->names[l]);
        ch.texts[at].description = slice_cstr(wanted->descriptions[l]);
    }
    for (size_t i = 0; i < ARRAY_LEN(wanted->titles) && wanted->titles[i]; i++) {
        const struct catalog_title *title = title_of(view, wanted->titles[i]);
        if (!title) return ERR_OK; /* only some of the films were made: this one waits */
        titles[ch.title_count++] = ch.holder = public_id_slice(&title->public_id);
    }
    if (wanted->unit) {
        ch.has_period = ch.has_trial = ch.has_vouchers = true;
        ch.period = 1;
        (void)offer_unit_parse(slice_cstr(wanted->unit), &ch.unit);
        ch.trial_days = wanted->trial_days;
        ch.vouchers = wanted->vouchers;
    }
    if (ch.kind == OFFER_RENTAL) {
        ch.has_rental = true;
        ch.start_within_days = 30;
        ch.watch_hours = wanted->watch_hours;
    }
    struct public_id id;
    return offer_create(s->offers, s->arena, s->house->org_id, &ch, NULL, &id);
}

static struct err shop_open(struct sales *s, const struct catalog_view *view) {
    struct offer_settings settings;
    struct offer_list list;
    int64_t org_id = s->house->org_id;
    struct err e = offer_settings_get(s->offers, s->arena, org_id, &settings);
    if (!e.kind && !settings.version) {
        struct offer_tax *taxes = arena_alloc_array(s->arena, example_tax_count, sizeof *taxes);
        if (!taxes) return err_memory();
        for (size_t i = 0; i < example_tax_count; i++) {
            memcpy(taxes[i].country, example_taxes[i].country, 3);
            taxes[i].rate_ppm = example_taxes[i].rate_ppm;
        }
        settings = (struct offer_settings){.seller_name = slice_cstr(example_seller_name), .seller_address = slice_cstr(example_seller_address), .seller_tax_id = slice_cstr(example_seller_tax_id),
                                           .invoice_prefix = SLICE("EX-"), .is_tax_included = true, .taxes = taxes, .tax_count = example_tax_count};
        memcpy(settings.seller_country, example_seller_country, 3);
        e = offer_settings_set(s->offers, org_id, &settings);
    }
    if (!e.kind) e = offers_list(s->offers, s->arena, org_id, &list);
    for (size_t i = 0; !e.kind && i < example_offer_count; i++)
        if (!is_there(&list, &example_offers[i])) e = offer_make(s, view, &example_offers[i]);
    if (!e.kind) e = offers_list(s->offers, s->arena, org_id, &list);
    for (size_t i = 0; !e.kind && i < list.count; i++) {
        const struct offer *one = &list.items[i];
        if (one->kind == OFFER_SUBSCRIPTION && one->unit == OFFER_YEAR) s->has_year = true, s->year_id = one->public_id;
        else if (!s->has_offer[one->kind]) s->has_offer[one->kind] = true, s->offer_ids[one->kind] = one->public_id;
    }
    struct offer_coupon known;
    for (size_t i = 0; !e.kind && i < example_coupon_count; i++) {
        const struct example_coupon *c = &example_coupons[i];
        if (offer_coupon_find(s->offers, s->arena, org_id, slice_cstr(c->code), &known)) continue;
        struct slice only = SLICE_NONE;
        for (size_t k = 0; c->offer && k < list.count; k++)
            if (slice_eq(list.items[k].texts[lang_at(EXAMPLE_EN)].name, slice_cstr(c->offer))) only = public_id_slice(&list.items[k].public_id);
        struct public_id id;
        e = offer_coupon_create(s->offers, org_id, &(struct offer_coupon_new){.code = slice_cstr(c->code), .percent = c->percent, .offers = &only, .offer_count = only.len ? 1 : 0,
                                                                             .ends_s = OFFER_ENDLESS, .per_household_max = c->per_household}, &id);
    }
    return e;
}

/* What may be rented or bought: films and episodes that are not free, with the day on which that began. */
static void titles_find(struct sales *s, const struct catalog_view *view) {
    struct rights_place germany = {0};
    (void)rights_place_parse(SLICE("DE"), SLICE_NONE, &germany);
    for (size_t i = 0; i < example_film_count() && s->title_count < TITLES_MAX; i++) {
        const struct example_about *about = example_film(i);
        const struct catalog_title *title = about->is_clip ? NULL : title_of(view, about->name);
        if (!title || title->is_free) continue;
        struct rights_question q = {.place = germany, .medium = RIGHTS_RENTAL};
        catalog_above(view, title, q.titles);
        int begins = -2;
        for (int day = 0; day <= DAYS && begins == -2; day++) {
            struct rights_answer answer;
            q.at_s = s->first_s + (int64_t)day * DAY_S + DAY_S / 2;
            rights_decide(s->house->rights, &q, &answer);
            if (answer.is_allowed) begins = day <= 1 ? -1 : day;
        }
        if (begins == -2) continue;
        s->premieres[s->title_count] = begins;
        s->titles[s->title_count++] = title->public_id;
    }
}

/* --- who buys --- */

static struct err homes_make(struct sales *s, size_t count) {
    struct rng rng = rng_seeded(1847);
    struct account_household_new *fresh = arena_alloc_array(s->arena, count, sizeof *fresh);
    if (!fresh) return err_memory();
    bool are_new = !s->home_count;
    if (are_new) s->home_count = count;
    for (size_t i = 0; i < s->home_count; i++) {
        struct home *h = &s->homes[i];
        int pick = (int)rng_below(&rng, 100);
        size_t at = 0;
        while (at + 1 < example_home_count && (pick -= example_homes[at].percent) >= 0) at++;
        double growth = rng_unit(&rng);
        *h = (struct home){.where = &example_homes[at], .joins = (int)(growth * growth * 0.2 * DAYS + growth * 0.75 * DAYS)};
        h->likes_plans = rng_below(&rng, 100) < 55;
        h->likes_years = rng_below(&rng, 100) < 22;
        h->card_fails_later = rng_below(&rng, 100) < 4;
        const char *family = h->where->family_names[rng_below(&rng, ARRAY_LEN(h->where->family_names))];
        if (!are_new) {
            h->id = s->home_ids[i];
            continue;
        }
        h->id = s->home_ids[i] = id_next(s->ids);
        fresh[i] = (struct account_household_new){.name = arena_printf(s->arena, "%s (example %zu)", family, i + 1), .created_s = s->first_s + (int64_t)h->joins * DAY_S};
        memcpy(fresh[i].country, h->where->country, 3);
    }
    if (!are_new) return ERR_OK;
    struct err e = account_households_make(s->house->account, s->house->org_id, fresh, count, s->home_ids);
    return e.kind ? e : record_save(s);
}

/* The account of example data stands in the books from the first day, empty: by it the money pages know and say what these sales are. */
static struct err mark_fn(struct db_tx *tx, void *arg) {
    const struct sales *s = arg;
    int64_t id;
    return ledger_account_for(s->ledger, tx, s->house->org_id, CURRENCY_EUR, LEDGER_CODE_OPENING, 0, 0, &id);
}

static struct order_buyer buyer_of(const struct sales *s, const struct home *h) {
    struct order_buyer b = {.org_id = s->house->org_id, .household_id = h->id, .lang = text_languages[lang_at(h->where->language)].code};
    (void)rights_place_parse(slice_cstr(h->where->country), SLICE_NONE, &b.place);
    return b;
}

static void clock_set(struct sales *s, int day, int64_t second) {
    int64_t at_s = s->first_s + (int64_t)day * DAY_S + second;
    if (at_s > utc_seconds(clock_utc(s->clock))) clock_manual_set_utc(s->clock, utc_from_seconds(at_s));
}

/* What a buyer may well be told, and goes away: not sold here or not yet, another plan, nothing to use. */
static bool is_refusal(struct err e) { return e.kind == ERR_INPUT || e.kind == ERR_CONFLICT || e.kind == ERR_NOT_FOUND || e.kind == ERR_DENIED; }

struct wish {
    const struct public_id *offer, *title;
    const char *coupon, *card;
    bool uses_voucher, wants_back;
    int quantity;
};
/* One checkout, with a declined card before the good one now and then. */
static struct err buy(struct sales *s, struct rng *rng, struct home *h, const struct wish *wish, bool *is_bought) {
    struct arena_mark mark = arena_mark(s->arena);
    struct order_buyer buyer = buyer_of(s, h);
    struct order_wish line = {.offer = public_id_slice(wish->offer), .title = wish->title ? public_id_slice(wish->title) : SLICE_NONE, .quantity = wish->quantity ? wish->quantity : 1};
    struct order_cart cart = {.lines = &line, .count = 1, .coupon = slice_cstr(wish->coupon), .uses_credit = true, .uses_voucher = wish->uses_voucher};
    struct order_item order;
    *is_bought = false;
    struct order_key none = {0}, key = {.owner_id = h->id}; /* a day that is lived again after an interruption buys nothing twice */
    key.key = arena_printf(s->arena, "example-%d-%d", s->day, wish->title || wish->offer != &s->offer_ids[OFFER_SUBSCRIPTION]);
    struct err e = order_create(s->orders, s->arena, &buyer, &cart, &key, &order);
    bool is_declined = rng_below(rng, 100) < 3;
    for (int attempt = is_declined ? 0 : 1; !e.kind && order.state == ORDER_AWAITING_PAYMENT && attempt < 2; attempt++) {
        struct order_payment_wish payment = {.provider = SLICE("sandbox"), .card_number = slice_cstr(attempt ? wish->card : card_declined), .card_expires = SLICE("12/30"),
                                             .card_cvc = SLICE("123"), .card_name = SLICE("Example")};
        struct pay_info info;
        e = order_pay(s->orders, s->arena, &buyer, public_id_slice(&order.public_id), &payment, &none, &info);
        if (!e.kind) e = pay_run(s->pay);
    }
    if (!e.kind) {
        *is_bought = true;
        s->sold++;
        if (wish->wants_back && s->return_count < RETURNS_MAX) s->returns[s->return_count++] = (struct money_back){order.public_id, s->day + 1 + (int)rng_below(rng, 3)};
    }
    arena_rewind(s->arena, mark);
    return is_refusal(e) ? ERR_OK : e;
}

static const char *card_of(struct rng *rng, const struct home *h) {
    if (h->card_fails_later) return card_no_renewal;
    if (rng_below(rng, 140) == 0) return card_charged_back;
    return rng_below(rng, 3) ? card_good : card_mastercard;
}

/* The trial is over: most of them like it, and pay. */
static struct err settle(struct sales *s, struct rng *rng, struct home *h) {
    struct arena_mark mark = arena_mark(s->arena);
    struct order_buyer buyer = buyer_of(s, h);
    struct order_plan plan;
    struct err e = order_plan(s->orders, s->arena, &buyer, &plan);
    if (!e.kind && plan.has_subscription && plan.subscription.open_order.text[0]) {
        bool is_liked = rng_below(rng, 100) < 84;
        struct order_payment_wish payment = {.provider = SLICE("sandbox"), .card_number = slice_cstr(h->card_fails_later ? card_no_renewal : card_good), .card_expires = SLICE("12/30"),
                                             .card_cvc = SLICE("123"), .card_name = SLICE("Example")};
        struct pay_info info;
        struct order_key none = {0};
        if (is_liked) e = order_pay(s->orders, s->arena, &buyer, public_id_slice(&plan.subscription.open_order), &payment, &none, &info);
        if (is_liked && !e.kind) {
            e = pay_run(s->pay);
            s->sold++;
        } else h->has_plan = false;
        h->asked_from = 0;
    }
    arena_rewind(s->arena, mark);
    return is_refusal(e) ? ERR_OK : e;
}

/* By Zipf's law, more of what has just begun. */
static size_t title_pick(const struct sales *s, struct rng *rng, int day) {
    for (size_t i = 0; i < s->title_count; i++)
        if (s->premieres[i] >= 0 && day >= s->premieres[i] && day < s->premieres[i] + 10 && rng_below(rng, 10) < 6) return i;
    for (int tries = 0; tries < 20; tries++) {
        double u = rng_unit(rng);
        size_t i = (size_t)((double)s->title_count * u * u);
        if (i < s->title_count && s->premieres[i] <= day) return i;
    }
    return 0;
}

/* Fridays to Sundays are busy, Mondays are not; a premiere fills its first week. In thousandths. */
static uint64_t appetite(const struct sales *s, int day) {
    static const uint16_t week[7] = {700, 750, 850, 900, 1500, 1900, 1500}; /* from Monday */
    int64_t days = s->first_s / DAY_S + day;
    uint64_t a = week[(days + 3) % 7];
    for (size_t i = 0; i < s->title_count; i++)
        if (s->premieres[i] >= 0 && day >= s->premieres[i] && day < s->premieres[i] + 7) a += 1600 / (uint64_t)(1 + day - s->premieres[i]);
    return a;
}

static struct err visit(struct sales *s, struct rng *rng, struct home *h, uint64_t a) {
    struct err e = ERR_OK;
    bool is_bought = false;
    bool has_joined_today = s->day == h->joins;
    if (h->likes_plans && !h->has_plan && (has_joined_today || rng_below(rng, 400) == 0)) {
        bool is_year = h->likes_years && s->has_year;
        if (!is_year && !s->has_offer[OFFER_SUBSCRIPTION]) return ERR_OK;
        e = buy(s, rng, h, &(struct wish){.offer = is_year ? &s->year_id : &s->offer_ids[OFFER_SUBSCRIPTION], .card = card_of(rng, h)}, &is_bought);
        h->has_plan = h->has_plan || is_bought;
        if (is_bought && !is_year) h->asked_from = s->day + 7, h->asked_to = s->day + 12;
    } else if (h->asked_from && s->day >= h->asked_from && s->day <= h->asked_to) {
        e = settle(s, rng, h);
    } else if (h->has_plan && rng_below(rng, 700) == 0) {
        struct order_buyer buyer = buyer_of(s, h);
        e = order_plan_cancel(s->orders, &buyer);
        if (is_refusal(e)) e = ERR_OK;
        h->has_plan = false;
    }
    /* At an ordinary appetite one in a hundred evenings; those who do not like plans choose one by one, and more. */
    if (!e.kind && s->title_count && s->has_offer[OFFER_RENTAL] && rng_below(rng, 100000) < a * (h->likes_plans ? 9 : 22) / 10) {
        const struct public_id *title = &s->titles[title_pick(s, rng, s->day)];
        uint64_t how = rng_below(rng, 100);
        struct wish wish = {.title = title, .card = card_of(rng, h), .wants_back = rng_below(rng, 100) < 3};
        wish.offer = how < 72 || !s->has_offer[OFFER_PURCHASE] ? &s->offer_ids[OFFER_RENTAL] : &s->offer_ids[OFFER_PURCHASE];
        if (how >= 90 && s->has_offer[OFFER_SEASON_PASS]) wish.offer = &s->offer_ids[OFFER_SEASON_PASS], wish.title = NULL;
        if (how >= 96 && s->has_offer[OFFER_BUNDLE]) wish.offer = &s->offer_ids[OFFER_BUNDLE], wish.title = NULL;
        if (how == 99 && s->has_offer[OFFER_GIFT_CARD]) wish.offer = &s->offer_ids[OFFER_GIFT_CARD], wish.title = NULL, wish.wants_back = false;
        wish.uses_voucher = h->has_plan && rng_below(rng, 3) == 0;
        if (!wish.uses_voucher && rng_below(rng, 12) == 0) wish.coupon = "PREMIERE20";
        if (has_joined_today && !h->likes_plans) wish.coupon = "WELCOME50";
        e = buy(s, rng, h, &wish, &is_bought);
    }
    return e;
}

static struct err returns_give(struct sales *s) {
    struct err e = ERR_OK;
    size_t kept = 0;
    for (size_t i = 0; i < s->return_count; i++) {
        if (s->returns[i].day > s->day || e.kind) {
            s->returns[kept++] = s->returns[i];
            continue;
        }
        struct arena_mark mark = arena_mark(s->arena);
        struct order_refund refund;
        struct order_key none = {0};
        e = order_refund(s->orders, s->arena, s->house->org_id, public_id_slice(&s->returns[i].order), &(struct order_refund_wish){.reason = SLICE("Bought by mistake (example)")}, &none, &refund);
        arena_rewind(s->arena, mark);
        if (is_refusal(e)) e = ERR_OK;
    }
    s->return_count = kept;
    return e.kind ? e : pay_run(s->pay);
}

static struct err day_live(struct sales *s) {
    struct rng rng = rng_seeded(UINT64_C(0x5eed0000) + (uint64_t)s->day);
    clock_set(s, s->day, 6 * 3600);
    struct err e = ERR_OK;
    for (int i = 0; !e.kind && i < 2; i++) { /* what is due; then what came of the payments for it */
        e = order_tick(s->orders);
        if (!e.kind) e = pay_run(s->pay);
    }
    clock_set(s, s->day, 10 * 3600);
    if (!e.kind) e = returns_give(s);
    uint64_t a = appetite(s, s->day);
    for (size_t i = 0; !e.kind && i < s->home_count; i++) {
        if (s->homes[i].joins > s->day) continue;
        clock_set(s, s->day, 17 * 3600 + (int64_t)i * 5 * 3600 / (int64_t)s->home_count);
        e = visit(s, &rng, &s->homes[i], a);
    }
    s->day++;
    return e;
}

/* --- the whole --- */

/* After an interruption: who has a plan now. */
static void plans_know(struct sales *s) {
    for (size_t i = 0; i < s->home_count; i++)
        s->homes[i].has_plan = order_has_plan(s->orders, s->house->org_id, s->homes[i].id, utc_seconds(clock_utc(s->clock)));
}

static struct err has_sold(struct sales *s, bool *out) {
    struct order_list list;
    struct err e = order_list(s->orders, s->arena, s->house->org_id, &(struct order_filter){.limit = 1, .lang = SLICE("en")}, &list);
    if (!e.kind) *out = list.count > 0;
    return e;
}

static struct err rooms_open(struct sales *s, const char *url) {
    static const struct db_schema *const schemas[] = {&ledger_schema, &pay_schema, &offer_schema, &order_schema};
    struct house *h = s->house;
    /* It can be made again: nobody waits for the disk. */
    struct err e = db_open(&s->db, &(struct db_options){.url = url, .may_lose_latest = true});
    if (!e.kind) e = db_migrate(s->db, schemas, ARRAY_LEN(schemas));
    s->clock = clock_manual_create(utc_from_seconds(s->first_s + (int64_t)s->day * DAY_S));
    s->ids = h->ids; /* of today, and larger than all there are: a second run meets none of the first */
    if (!e.kind && !s->clock) e = err_memory();
    if (!e.kind) e = ledger_open(&s->ledger, &(struct ledger_options){.db = s->db, .clock = s->clock, .ids = s->ids});
    if (!e.kind) e = pay_open(&s->pay, &(struct pay_options){.db = s->db, .clock = s->clock, .ids = s->ids, .keys = h->keys, .ledger = s->ledger});
    if (!e.kind) e = offers_open(&s->offers, &(struct offers_options){.db = s->db, .clock = s->clock, .ids = s->ids, .keys = h->keys, .catalog = h->catalog, .rights = h->rights});
    if (!e.kind)
        e = order_open(&s->orders, &(struct order_options){.db = s->db, .clock = s->clock, .ids = s->ids, .account = h->account, .catalog = h->catalog, .mail = h->mail, .ledger = s->ledger,
                                                           .pay = s->pay, .offers = s->offers});
    return e;
}
static void rooms_close(struct sales *s) {
    pay_close(&s->pay);
    order_close(&s->orders);
    offers_close(&s->offers);
    ledger_close(&s->ledger);
    db_close(&s->db);
    clock_manual_destroy(&s->clock);
}

struct err demo_sales(struct house *house, size_t households, size_t *orders) {
    struct sales *s = mem_zalloc(sizeof *s);
    if (!s) return err_memory();
    s->house = house;
    s->arena = arena_create(256 << 20);
    char path[4096];
    const char *url = house->options.database;
    if (!url) {
        snprintf(path, sizeof path, "%s/grandstand.db", house->options.data_path);
        url = path;
    }
    bool has_record = false, has_orders = false;
    int64_t today_s = utc_seconds(clock_utc(house->clock)) / DAY_S * DAY_S;
    s->first_s = today_s - (int64_t)DAYS * DAY_S;
    struct err e = s->arena ? fs_open(AT_FDCWD, house->options.data_path, O_RDONLY | O_DIRECTORY, 0, &s->data_fd) : err_memory();
    bool has_folder = !e.kind;
    if (!e.kind) e = record_load(s, &has_record);
    if (!e.kind && (!has_record || s->day < DAYS)) {
        struct catalog_view *view = NULL;
        e = rooms_open(s, url);
        if (!e.kind) e = catalog_view_take(house->catalog, house->org_id, &view);
        if (!e.kind) e = shop_open(s, view);
        if (!e.kind) titles_find(s, view);
        if (!e.kind && !has_record) e = has_sold(s, &has_orders);
        if (!e.kind && !has_orders && (households || has_record)) {
            e = homes_make(s, households < HOUSEHOLDS_MAX ? households : HOUSEHOLDS_MAX);
            if (!e.kind) e = db_write(s->db, mark_fn, s);
            plans_know(s);
            while (!e.kind && s->day < DAYS && s->first_s + (int64_t)s->day * DAY_S < today_s) {
                e = day_live(s);
                if (!e.kind) e = record_save(s); /* each day: keys of orders are kept for two, so one that was begun and not noted is lived again without harm */
            }
        }
        catalog_view_give(&view);
        rooms_close(s);
    }
    if (has_folder) fs_close(&s->data_fd);
    if (!e.kind) *orders = s->sold;
    arena_destroy(&s->arena);
    mem_free(s);
    return e;
}

bool demo_sales_are_due(const char *data_path) {
    struct sales *s = mem_zalloc(sizeof *s);
    bool is_due = false, has_record = false;
    if (s && !fs_open(AT_FDCWD, data_path, O_RDONLY | O_DIRECTORY, 0, &s->data_fd).kind) {
        is_due = !record_load(s, &has_record).kind && s->day < DAYS;
        fs_close(&s->data_fd);
    }
    mem_free(s);
    return is_due;
}
