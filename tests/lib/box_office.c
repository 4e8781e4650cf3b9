/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "box_office.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

const struct db_schema *const box_schemas[SHOP_SCHEMAS] = {&mail_schema, &account_schema, &catalog_schema, &rights_schema, &ledger_schema, &pay_schema, &offer_schema, &order_schema};

/* --- open and close --- */

static struct err made(void *rights, struct db_tx *tx, int64_t org_id, int64_t title_id, const struct catalog_change *change) {
    return rights_house_line_in(rights, tx, org_id, title_id);
}

/* As a house does at its start: what it calls something new was never the name of anything, also where the clock stands still. */
static const struct db_statement newest_id = {
    "box.newest_id",
    "SELECT MAX(id) FROM (SELECT MAX(id) AS id FROM mail UNION ALL SELECT MAX(id) FROM title UNION ALL SELECT MAX(id) FROM rights_line UNION ALL SELECT MAX(id) FROM ledger_account "
    "UNION ALL SELECT MAX(id) FROM ledger_transfer UNION ALL SELECT MAX(id) FROM pay_payment UNION ALL SELECT MAX(id) FROM pay_outbox UNION ALL SELECT MAX(id) FROM pay_refund "
    "UNION ALL SELECT MAX(id) FROM pay_event UNION ALL SELECT MAX(id) FROM pay_webhook UNION ALL SELECT MAX(id) FROM offer UNION ALL SELECT MAX(id) FROM order_head "
    "UNION ALL SELECT MAX(id) FROM order_held UNION ALL SELECT MAX(id) FROM order_lot UNION ALL SELECT MAX(id) FROM order_refund UNION ALL SELECT MAX(id) FROM order_sub) AS newest"};
static struct err newest_fn(struct db_tx *tx, void *arg) {
    *(int64_t *)arg = DB_GET_INT(tx, 0, &newest_id);
    return db_tx_error(tx);
}

struct err box_open(struct shop *s, struct db *db, struct clock *clock, unsigned node, const char *folder) {
    char path[512];
    *s = (struct shop){.db = db, .clock = clock, .ids = id_maker_create(clock, node), .arena = arena_create(256 << 20)};
    if (!s->ids || !s->arena) return err_memory();
    snprintf(path, sizeof path, "%s/keys", folder);
    int64_t newest = 0;
    struct err e = db_read(db, newest_fn, &newest);
    if (!e.kind) id_maker_begin_after(s->ids, newest);
    if (!e.kind) e = keys_open(&s->keys, path);
    if (!e.kind) e = mail_open(&s->mail, &(struct mail_options){.db = db, .clock = clock, .ids = s->ids, .keys = s->keys});
    if (!e.kind) e = account_open(&s->account, &(struct account_options){.db = db, .clock = clock, .ids = s->ids, .keys = s->keys, .mail = s->mail, .password_bytes = 8192, .password_passes = 1});
    if (!e.kind) e = catalog_open(&s->catalog, db, s->ids);
    if (!e.kind) e = rights_open(&s->rights, &(struct rights_options){.db = db, .clock = clock, .ids = s->ids, .catalog = s->catalog});
    if (!e.kind) catalog_on_made(s->catalog, made, s->rights);
    if (!e.kind) e = ledger_open(&s->ledger, &(struct ledger_options){.db = db, .clock = clock, .ids = s->ids});
    if (!e.kind) e = pay_open(&s->pay, &(struct pay_options){.db = db, .clock = clock, .ids = s->ids, .keys = s->keys, .ledger = s->ledger});
    if (!e.kind) e = offers_open(&s->offers, &(struct offers_options){.db = db, .clock = clock, .ids = s->ids, .keys = s->keys, .catalog = s->catalog, .rights = s->rights});
    if (!e.kind)
        e = order_open(&s->order, &(struct order_options){.db = db, .clock = clock, .ids = s->ids, .account = s->account, .catalog = s->catalog, .mail = s->mail, .ledger = s->ledger,
                                                          .pay = s->pay, .offers = s->offers});
    if (!e.kind) s->org = account_org_of_host(s->account, SLICE(""));
    return e;
}

void box_close(struct shop *s) {
    pay_close(&s->pay);
    order_close(&s->order);
    offers_close(&s->offers);
    ledger_close(&s->ledger);
    rights_close(&s->rights);
    catalog_close(&s->catalog);
    account_close(&s->account);
    mail_close(&s->mail);
    keys_close(&s->keys);
    id_maker_destroy(&s->ids);
    arena_destroy(&s->arena);
}

/* --- stock --- */

static struct err title_make(struct shop *s, const char *name, enum catalog_kind kind, const struct public_id *parent, struct public_id *out) {
    struct catalog_change ch = {.has_kind = true, .kind = kind, .has_is_free = true};
    ch.external_id = slice_cstr(name);
    ch.texts[0].has_name = ch.texts[2].has_name = true;
    ch.texts[0].name = slice_cstr(name);
    ch.texts[2].name = SLICE("长跑");
    if (parent) {
        ch.has_parent = ch.has_season = ch.has_episode = true;
        ch.parent = public_id_slice(parent);
        ch.season = ch.episode = 1;
    }
    return catalog_create(s->catalog, s->org, &ch, CATALOG_READY, out);
}

static const char *const offer_names[SHOP_OFFERS] = {"Month", "Year", "Trial month", "Rental", "Purchase", "Bundle", "Season pass", "Gift card", "Small month"};

static struct err offer_make(struct shop *s, enum shop_offer which) {
    static const enum offer_kind kinds[SHOP_OFFERS] = {OFFER_SUBSCRIPTION, OFFER_SUBSCRIPTION, OFFER_SUBSCRIPTION, OFFER_RENTAL, OFFER_PURCHASE, OFFER_BUNDLE, OFFER_SEASON_PASS, OFFER_GIFT_CARD, OFFER_SUBSCRIPTION};
    static const int64_t cents[SHOP_OFFERS] = {1299, 11999, 1499, 399, 999, 1999, 2499, 2500, 799};
    struct offer_price_new prices[] = {{MONEY(cents[which], CURRENCY_EUR), SLICE("DE,AT")}, {MONEY(cents[which] * 3, CURRENCY_CNY), SLICE("CN")}, {MONEY(cents[which] * 100, CURRENCY_JPY), SLICE("JP")}};
    struct slice titles[SHOP_FILMS];
    for (int i = 0; i < SHOP_FILMS; i++) titles[i] = public_id_slice(&s->films[i]);
    struct offer_change ch = {.has_kind = true, .kind = kinds[which], .has_prices = true, .prices = prices, .price_count = ARRAY_LEN(prices), .has_is_on_sale = true, .is_on_sale = true};
    ch.texts[0].has_name = true;
    ch.texts[0].name = slice_cstr(offer_names[which]);
    switch (kinds[which]) {
    case OFFER_SUBSCRIPTION:
        ch.has_contents = ch.has_period = ch.has_grace = ch.has_vouchers = ch.has_trial = true;
        ch.contents = OFFER_ALL;
        ch.unit = which == SHOP_YEAR ? OFFER_YEAR : OFFER_MONTH;
        ch.period = 1;
        ch.grace_days = 7;
        ch.vouchers = which == SHOP_YEAR ? 24 : 2;
        ch.trial_days = which == SHOP_TRIAL ? 14 : 0;
        break;
    case OFFER_RENTAL:
    case OFFER_PURCHASE:
        ch.has_contents = true;
        ch.contents = OFFER_ALL;
        ch.has_rental = kinds[which] == OFFER_RENTAL;
        ch.start_within_days = 30;
        ch.watch_hours = 48;
        break;
    case OFFER_BUNDLE:
        ch.has_contents = true;
        ch.contents = OFFER_TITLES;
        ch.titles = titles;
        ch.title_count = 4;
        break;
    case OFFER_SEASON_PASS:
        ch.has_contents = true;
        ch.contents = OFFER_SERIES;
        ch.holder = public_id_slice(&s->series);
        break;
    default: break;
    }
    struct offer_report report;
    struct err e = offer_create(s->offers, s->arena, s->org, &ch, &report, &s->offers_made[which]);
    if (e.kind && report.problem_count) fprintf(stderr, "%s: %s %.*s\n", offer_names[which], e.code, SLICE_ARG(report.problems[0].field));
    return e;
}

struct err box_stock(struct shop *s) {
    struct err e = ERR_OK;
    char name[32];
    for (int i = 0; !e.kind && i < SHOP_FILMS; i++) {
        snprintf(name, sizeof name, "Film %d", i);
        e = title_make(s, name, CATALOG_FILM, NULL, &s->films[i]);
    }
    if (!e.kind) e = title_make(s, "Series", CATALOG_SERIES, NULL, &s->series);
    if (!e.kind) e = title_make(s, "Episode", CATALOG_EPISODE, &s->series, &s->episode);
    if (!e.kind) e = rights_refresh(s->rights);
    for (int i = 0; !e.kind && i < SHOP_OFFERS; i++) e = offer_make(s, (enum shop_offer)i);
    struct offer_tax taxes[] = {{"DE", 190000}, {"AT", 200000}, {"CN", 60000}, {"JP", 100000}};
    struct offer_settings settings = {.seller_name = SLICE("Grandstand Films"), .seller_address = SLICE("Main Street 1\nBerlin"), .seller_country = "DE", .invoice_prefix = SLICE("GF-"),
                                      .is_tax_included = true, .taxes = taxes, .tax_count = ARRAY_LEN(taxes)};
    if (!e.kind) e = offer_settings_set(s->offers, s->org, &settings);
    return e.kind ? e : box_find(s);
}

struct err box_find(struct shop *s) {
    struct catalog_view *view = NULL;
    struct offer_list list;
    struct err e = catalog_view_take(s->catalog, s->org, &view);
    for (int i = 0; !e.kind && i < SHOP_FILMS + 2; i++) {
        char name[32];
        snprintf(name, sizeof name, "Film %d", i);
        const struct catalog_title *t = catalog_find_external(view, i < SHOP_FILMS ? slice_cstr(name) : i == SHOP_FILMS ? SLICE("Series") : SLICE("Episode"));
        if (!t) e = err_make(ERR_NOT_FOUND, "shop.title", "A film of the shop is not there.");
        else if (i < SHOP_FILMS) s->films[i] = t->public_id, s->film_ids[i] = t->id;
        else if (i == SHOP_FILMS) s->series = t->public_id, s->series_id = t->id;
        else s->episode = t->public_id, s->episode_id = t->id;
    }
    catalog_view_give(&view);
    if (!e.kind) e = offers_list(s->offers, s->arena, s->org, &list);
    for (size_t i = 0; !e.kind && i < list.count; i++)
        for (int k = 0; k < SHOP_OFFERS; k++)
            if (slice_eq(list.items[i].texts[0].name, slice_cstr(offer_names[k]))) s->offers_made[k] = list.items[i].public_id, s->offer_ids[k] = list.items[i].id;
    return e;
}

/* --- buying --- */

struct err box_run(struct shop *s) {
    struct err e = ERR_OK;
    for (int i = 0; !e.kind && i < 3; i++) { /* a renewal's charge is answered, and what failed is noted */
        e = order_tick(s->order);
        if (!e.kind) e = pay_run(s->pay);
    }
    return e;
}

struct order_buyer box_buyer(const struct shop *s, int64_t household_id, const char *country) {
    struct order_buyer b = {.org_id = s->org, .household_id = household_id, .user_id = household_id, .lang = SLICE("en")};
    if (!rights_place_parse(slice_cstr(country), SLICE_NONE, &b.place)) b.place = (struct rights_place){.country = RIGHTS_NOWHERE};
    return b;
}

static struct order_key key_of(const char *key, int64_t household_id) { return (struct order_key){.key = slice_cstr(key), .owner_id = household_id}; }

struct err box_order(struct shop *s, int64_t household_id, enum shop_offer which, int film, const char *key, struct order_item *out) {
    struct order_buyer b = box_buyer(s, household_id, "DE");
    struct order_key k = key_of(key, household_id);
    struct order_wish wish = {.offer = public_id_slice(&s->offers_made[which]), .title = film < 0 ? SLICE_NONE : public_id_slice(&s->films[film]), .quantity = 1};
    return order_create(s->order, s->arena, &b, &(struct order_cart){.lines = &wish, .count = 1}, &k, out);
}

struct err box_pay(struct shop *s, int64_t household_id, const struct public_id *order, const char *card, const char *key, struct pay_info *out) {
    struct order_buyer b = box_buyer(s, household_id, "DE");
    struct order_key k = key_of(key, household_id);
    struct order_payment_wish wish = {.provider = SLICE("sandbox"), .card_number = slice_cstr(card), .card_expires = SLICE("12/99"), .card_cvc = SLICE("123"), .card_name = SLICE("A. Viewer")};
    return order_pay(s->order, s->arena, &b, public_id_slice(order), &wish, &k, out);
}

/* --- what must hold --- */

/* Each asks for one number that has to be 0. */
static const struct {
    struct db_statement statement;
    const char *trouble;
} laws[] = {
    {{"law.paid_once", "SELECT COUNT(*) FROM order_head h WHERE h.state = 1 AND h.due > 0 AND (SELECT COUNT(*) FROM pay_payment p WHERE p.id = h.payment_id AND p.captured_us > 0 "
                       "AND p.amount = h.due) <> 1"},
     "an order is paid without its payment"},
    {{"law.captured_once", "SELECT COUNT(*) FROM pay_payment p WHERE p.captured_us > 0 AND NOT EXISTS (SELECT 1 FROM order_head h WHERE h.id = p.order_id AND h.state = 1 "
                           "AND h.payment_id = p.id) AND NOT EXISTS (SELECT 1 FROM order_refund r WHERE r.payment_id = p.id AND r.kind = 2 AND r.amount = p.amount)"},
     "a captured payment neither bought anything nor was sent back"},
    {{"law.entitled", "SELECT COUNT(*) FROM order_head h JOIN order_line l ON l.order_id = h.id WHERE h.state = 1 AND h.lost = 0 AND l.kind NOT IN (0, 6) AND l.refunded < l.total "
                      "AND NOT EXISTS (SELECT 1 FROM order_held e WHERE e.order_id = h.id AND e.line = l.n AND e.revoked_s IS NULL)"},
     "a paid order has no entitlement"},
    {{"law.not_entitled", "SELECT COUNT(*) FROM order_held e JOIN order_head h ON h.id = e.order_id JOIN order_line l ON l.order_id = h.id AND l.n = e.line "
                          "WHERE e.revoked_s IS NULL AND (h.state <> 1 OR h.lost > 0 OR (l.total > 0 AND l.refunded = l.total AND l.kind <> 0))"},
     "an entitlement has no paid order"},
    {{"law.subscribed", "SELECT COUNT(*) FROM order_sub s WHERE s.state <> 4 AND NOT EXISTS (SELECT 1 FROM order_held e WHERE e.id = s.held_id AND e.order_id = s.order_id AND e.revoked_s IS NULL)"},
     "a subscription has no entitlement"},
    {{"law.lines", "SELECT COUNT(*) FROM order_head h WHERE h.total <> (SELECT CAST(SUM(l.total) AS BIGINT) FROM order_line l WHERE l.order_id = h.id) "
                   "OR h.refunded <> (SELECT CAST(SUM(l.refunded) AS BIGINT) FROM order_line l WHERE l.order_id = h.id) "
                   "OR h.tax <> (SELECT CAST(SUM(l.tax) AS BIGINT) FROM order_line l WHERE l.order_id = h.id)"},
     "lines do not add up to their order"},
    {{"law.refunds", "SELECT COUNT(*) FROM order_head h WHERE h.refunded <> (SELECT CAST(COALESCE(SUM(r.amount), 0) AS BIGINT) FROM order_refund r WHERE r.order_id = h.id AND r.kind <> 2)"},
     "refunds do not add up to what an order says"},
    {{"law.invoices", "SELECT COUNT(*) FROM order_number n WHERE n.invoices <> (SELECT COUNT(*) FROM order_head h WHERE h.org_id = n.org_id AND h.invoice LIKE '%' || CAST(n.year AS TEXT) || '-0%')"},
     "invoice numbers have a gap"},
};

static const struct db_statement order_waits = {"law.order_waits", "SELECT COUNT(*) FROM order_head WHERE id = :id AND state = 0"};
static const struct db_statement lots_of = {"law.lots_of", "SELECT CAST(COALESCE(SUM(unused), 0) AS BIGINT) FROM order_lot WHERE household_id = :id"};
static const struct db_statement net_of = {"law.net_of", "SELECT CAST(COALESCE(SUM(gross - tax - refunded), 0) AS BIGINT) FROM order_revenue WHERE currency = :currency"};
static const struct db_statement given_of = {"law.given_of", "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM ledger_transfer WHERE code = :code AND ledger = :currency"};

struct check_work {
    struct shop *shop;
    struct slice trouble;
    struct arena *arena;
};

static void broken(struct check_work *w, const char *what, int64_t id, int64_t is, int64_t shall) {
    if (!w->trouble.len) w->trouble = arena_printf(w->arena, "%s (%lld: %lld instead of %lld)", what, (long long)id, (long long)is, (long long)shall);
}

static struct err account_law(struct check_work *w, struct db_tx *tx, const struct ledger_account *a, int64_t net[3]) {
    static const uint16_t currencies[3] = {CURRENCY_EUR, CURRENCY_CNY, CURRENCY_JPY};
    if (a->code == LEDGER_CODE_ORDER && (ledger_balance(a) != 0 || a->credits_pending != a->debits_pending) && !DB_GET_INT(tx, 0, &order_waits, DB_INT("id", a->owner_id))) {
        /* what is on its way back to a card is held by the provider: debited when it is there */
        if (ledger_available(a) != 0) broken(w, "an order that is settled has money left in progress", a->owner_id, ledger_balance(a), 0);
    }
    if (a->code == LEDGER_CODE_VOUCHERS && ledger_available(a) != DB_GET_INT(tx, 0, &lots_of, DB_INT("id", a->owner_id)))
        broken(w, "vouchers differ from what the ledger says", a->owner_id, DB_GET_INT(tx, 0, &lots_of, DB_INT("id", a->owner_id)), ledger_available(a));
    for (int i = 0; i < 3; i++)
        if (a->ledger == currencies[i] && (a->code == LEDGER_CODE_REVENUE || a->code == LEDGER_CODE_REFUNDED)) net[i] += ledger_balance(a);
    return db_tx_error(tx);
}

static struct err laws_fn(struct db_tx *tx, void *arg) {
    struct check_work *w = arg;
    static const uint16_t currencies[3] = {CURRENCY_EUR, CURRENCY_CNY, CURRENCY_JPY};
    int64_t net[3] = {0}, after_id = 0;
    for (size_t i = 0; i < ARRAY_LEN(laws); i++) {
        int64_t times = DB_GET_INT(tx, -1, &laws[i].statement);
        if (times) broken(w, laws[i].trouble, (int64_t)i, times, 0);
    }
    struct err e = db_tx_error(tx);
    do {
        struct ledger_accounts list;
        e = e.kind ? e : ledger_account_list(w->shop->ledger, tx, w->arena, w->shop->org, &(struct ledger_account_filter){.after_id = after_id, .limit = 500}, &list);
        for (size_t i = 0; !e.kind && i < list.count; i++) e = account_law(w, tx, &list.items[i], net);
        after_id = e.kind ? 0 : list.next;
    } while (after_id);
    for (int i = 0; !e.kind && i < 3; i++) {
        int64_t figures = DB_GET_INT(tx, 0, &net_of, DB_INT("currency", currencies[i]));
        int64_t given = DB_GET_INT(tx, 0, &given_of, DB_INT("code", ORDER_MOVE_GIFT_MADE), DB_INT("currency", currencies[i]));
        if (figures != net[i] + given) broken(w, "figures differ from the ledger", currencies[i], figures, net[i] + given);
    }
    return e.kind ? e : db_tx_error(tx);
}

struct err box_check(struct shop *s, struct arena *arena, struct slice *trouble) {
    struct ledger_check check;
    struct check_work w = {.shop = s, .trouble = SLICE_NONE, .arena = arena};
    struct err e = ledger_verify(s->ledger, arena, NULL, NULL, NULL, &check);
    if (!e.kind) e = db_read(s->db, laws_fn, &w);
    if (e.kind) return e;
    *trouble = check.differences_total ? arena_printf(arena, "the ledger differs from its transfers: %s %s, account %lld, stored %lld, replayed %lld", ledger_difference_word(check.differences[0].kind),
                                                      check.differences[0].field, (long long)check.differences[0].account_id, (long long)check.differences[0].stored,
                                                      (long long)check.differences[0].replayed)
                                       : w.trouble;
    return ERR_OK;
}
