/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Offers and their prices, versions and faults; coupons, gift cards, tax. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/fault.h"
#include "base/thread.h"
#include "offer_fixture.h"

static void offers_are_priced_where_one_is(void **state) {
    struct fixture f = begin(state);
    struct public_id film = film_make(&f, "The Long Run");
    struct offer_change ch = change_of(OFFER_SUBSCRIPTION, "Month");
    ch.has_vouchers = ch.has_trial = ch.has_period = true;
    ch.vouchers = 2;
    ch.trial_days = 7;
    ch.unit = OFFER_MONTH;
    ch.period = 1;
    ch.texts[2].has_name = true;
    ch.texts[2].name = SLICE("月度会员");
    struct public_id month = offer_make(&f, &ch);
    ch = change_of(OFFER_RENTAL, "Rent any film");
    struct public_id rental = offer_make(&f, &ch);

    struct offer_sale s = sale(&f, &film, "DE");
    assert_int_equal(s.kinds, KIND(OFFER_SUBSCRIPTION) | KIND(OFFER_RENTAL));
    assert_true(money_eq(s.lowest[OFFER_RENTAL], MONEY(599, CURRENCY_EUR)));
    assert_int_equal(s.lowest[OFFER_PURCHASE].currency, 0);
    assert_true(money_eq(sale(&f, &film, "CN").lowest[OFFER_RENTAL], MONEY(3900, CURRENCY_CNY)));
    assert_true(money_eq(sale(&f, &film, "BR").lowest[OFFER_RENTAL], MONEY(699, CURRENCY_USD)));
    assert_true(money_eq(sale(&f, &film, "").lowest[OFFER_RENTAL], MONEY(699, CURRENCY_USD))); /* nobody knows where: the rest of the world */

    struct offer_here_list list;
    struct offer_question q = question_at(&f, &film, "TH", START_S);
    assert_ok(offers_for_title(f.offers, f.arena, &q, &list));
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[0].offer.public_id.text, month.text);
    assert_string_equal(list.items[1].offer.public_id.text, rental.text);
    assert_true(money_eq(list.items[0].price, MONEY(19900, CURRENCY_THB)));
    assert_true(slice_eq(offer_text_in(&list.items[0].offer, SLICE("zh")).name, SLICE("月度会员")));
    assert_true(slice_eq(offer_text_in(&list.items[0].offer, SLICE("th")).name, SLICE("Month")));
    assert_ok(offers_of_kind(f.offers, f.arena, ORG, OFFER_SUBSCRIPTION, place_of("DE"), START_S, &list));
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].offer.vouchers, 2);
    assert_ok(offers_of_kind(f.offers, f.arena, OTHER_ORG, OFFER_SUBSCRIPTION, place_of("DE"), START_S, &list));
    assert_int_equal(list.count, 0);
    struct offer_here here;
    assert_ok(offer_get(f.offers, f.arena, ORG, public_id_slice(&rental), place_of("AT"), &here));
    assert_int_equal(here.offer.start_within_days, 30);
    assert_error(offer_get(f.offers, f.arena, OTHER_ORG, public_id_slice(&rental), place_of("AT"), &here), "offer.not_found");
    assert_error(offer_get_id(f.offers, f.arena, ORG, 0, place_of("AT"), &here), "offer.not_found");
    end(&f);
}

static void each_change_is_a_version(void **state) {
    struct fixture f = begin(state);
    struct offer_change ch = change_of(OFFER_SUBSCRIPTION, "Month");
    struct public_id id = offer_make(&f, &ch);
    struct offers *elsewhere; /* another process */
    struct offers_options options = options_of(&f);
    assert_ok(offers_open(&elsewhere, &options));
    struct offer_change dearer = {.has_prices = true, .prices = &(struct offer_price_new){MONEY(999, CURRENCY_EUR), SLICE("WORLD")}, .price_count = 1};
    dearer.texts[1].has_name = true;
    dearer.texts[1].name = SLICE("Monat");
    assert_ok(offer_change(f.offers, f.arena, ORG, public_id_slice(&id), &dearer, NULL));
    struct offer_here here;
    assert_ok(offer_get(f.offers, f.arena, ORG, public_id_slice(&id), place_of("DE"), &here));
    assert_int_equal(here.offer.version, 2);
    assert_int_equal(here.price.minor, 999);
    assert_true(slice_eq(offer_text_in(&here.offer, SLICE("de")).name, SLICE("Monat")));
    assert_true(slice_eq(offer_text_in(&here.offer, SLICE("en")).name, SLICE("Month"))); /* what was not said stays */
    struct offer first;
    assert_ok(offer_version(f.offers, f.arena, ORG, here.offer.id, 1, &first));
    assert_int_equal(first.price_count, ARRAY_LEN(world_prices));
    assert_int_equal(offer_price_at(&first, place_of("AT"))->amount.minor, 599);
    assert_false(first.texts[1].name.len);
    assert_error(offer_version(f.offers, f.arena, ORG, here.offer.id, 3, &first), "offer.not_found");
    assert_error(offer_version(f.offers, f.arena, OTHER_ORG, here.offer.id, 1, &first), "offer.not_found");
    assert_error(offer_change(elsewhere, f.arena, ORG, public_id_slice(&id), &dearer, NULL), "offer.changed"); /* it has not heard of the second */
    assert_ok(offers_refresh(elsewhere));
    assert_ok(offer_get(elsewhere, f.arena, ORG, public_id_slice(&id), place_of("DE"), &here));
    assert_int_equal(here.offer.version, 2);
    offers_close(&elsewhere);
    end(&f);
}

static void has_problem(struct fixture *f, const struct offer_change *ch, const char *field, const char *code, const char *about) {
    struct offer_report report;
    struct public_id id;
    struct offer_list before, after;
    assert_ok(offers_list(f->offers, f->arena, ORG, &before));
    assert_ok(offer_check(f->offers, f->arena, ORG, SLICE_NONE, ch, &report));
    bool is_found = false;
    for (size_t i = 0; i < report.problem_count; i++)
        is_found |= slice_eq(report.problems[i].field, slice_cstr(field)) && !strcmp(report.problems[i].code, code) && (!about || slice_eq(report.problems[i].about, slice_cstr(about)));
    if (!is_found) fail_msg("%s was not found to be %s; but %s %.*s", field, code, report.problem_count ? report.problems[0].code : "nothing", SLICE_ARG(report.problem_count ? report.problems[0].field : SLICE("")));
    struct err e = offer_create(f->offers, f->arena, ORG, ch, &report, &id);
    assert_int_equal(e.kind, ERR_INPUT);
    assert_true(report.problem_count > 0);
    assert_ok(offers_list(f->offers, f->arena, ORG, &after));
    assert_int_equal(before.count, after.count);
}
static void what_is_wrong_is_said_by_field(void **state) {
    struct fixture f = begin(state);
    struct public_id film = film_make(&f, "Film"), series = title_make(&f, "Series", (struct title_wish){.kind = CATALOG_SERIES});
    struct offer_change ch = change_of(OFFER_RENTAL, "");
    has_problem(&f, &ch, "names", "offer.name_missing", NULL);
    ch = change_of(OFFER_RENTAL, "a\nb");
    has_problem(&f, &ch, "names.en", "offer.name", NULL);
    ch = change_of(OFFER_RENTAL, "Rent");
    ch.has_prices = false;
    has_problem(&f, &ch, "prices", "offer.prices", NULL);
    struct offer_price_new prices[] = {{MONEY(599, CURRENCY_EUR), SLICE("DE,AT,-DE-BY")}, {MONEY(499, CURRENCY_EUR), SLICE("AT,DE-BY,CH")}};
    ch.has_prices = true;
    ch.prices = prices;
    ch.price_count = 2;
    has_problem(&f, &ch, "prices[1].territories", "offer.overlap", "AT");
    prices[1].territories = SLICE("DE-BY"); /* touches, and does not overlap */
    struct offer_report report;
    assert_ok(offer_check(f.offers, f.arena, ORG, SLICE_NONE, &ch, &report));
    assert_int_equal(report.problem_count, 0);
    prices[1].territories = SLICE("XX");
    has_problem(&f, &ch, "prices[1].territories", "rights.territory_unknown", "XX");
    prices[1] = (struct offer_price_new){MONEY(0, CURRENCY_EUR), SLICE("CH")};
    has_problem(&f, &ch, "prices[1].amount", "offer.price", NULL);
    prices[1] = (struct offer_price_new){MONEY(-5, CURRENCY_EUR), SLICE("CH")};
    has_problem(&f, &ch, "prices[1].amount", "offer.price", NULL);
    prices[1] = (struct offer_price_new){MONEY(5, 1), SLICE("CH")};
    has_problem(&f, &ch, "prices[1].currency", "money.currency", NULL);
    ch = change_of(OFFER_RENTAL, "Rent");
    ch.has_rental = true;
    ch.start_within_days = 30;
    has_problem(&f, &ch, "rental.watch_hours", "offer.rental", NULL);
    ch = change_of(OFFER_SUBSCRIPTION, "Plan");
    ch.has_period = ch.has_trial = ch.has_grace = ch.has_vouchers = true;
    ch.unit = OFFER_YEAR;
    ch.period = 6;
    ch.trial_days = 91;
    ch.grace_days = -1;
    ch.vouchers = INT64_MAX;
    has_problem(&f, &ch, "period.count", "offer.period", NULL);
    has_problem(&f, &ch, "trial_days", "offer.trial", NULL);
    has_problem(&f, &ch, "grace_days", "offer.grace", NULL);
    has_problem(&f, &ch, "vouchers", "offer.vouchers", NULL);
    ch = change_of(OFFER_RENTAL, "Rent");
    ch.has_window = true;
    ch.starts_s = ch.ends_s = START_S;
    has_problem(&f, &ch, "ends_at", "offer.window", NULL);
    ch = change_of(OFFER_BUNDLE, "Bundle");
    has_problem(&f, &ch, "contains.kind", "offer.contents_kind", NULL);
    struct slice names[] = {public_id_slice(&film), SLICE("7zr3v9k2m8qd41xh"), public_id_slice(&film)};
    ch.has_contents = true;
    ch.contents = OFFER_TITLES;
    ch.titles = names;
    ch.title_count = 3;
    has_problem(&f, &ch, "contains.titles[1]", "offer.title_unknown", "7zr3v9k2m8qd41xh");
    has_problem(&f, &ch, "contains.titles[2]", "offer.contents", NULL);
    ch.title_count = 0;
    has_problem(&f, &ch, "contains.titles", "offer.contents", NULL);
    ch = change_of(OFFER_SUBSCRIPTION, "Plan");
    ch.has_contents = true;
    ch.contents = OFFER_COLLECTION;
    ch.holder = public_id_slice(&series);
    has_problem(&f, &ch, "contains.id", "offer.contents", NULL);
    ch = (struct offer_change){0};
    has_problem(&f, &ch, "kind", "offer.kind", NULL);
    end(&f);
}

static void quotes_refuse_what_is_not_sold(void **state) {
    struct fixture f = begin(state);
    struct public_id film = film_make(&f, "Film"), other = film_make(&f, "Other");
    struct public_id rental = offer_of_titles(&f, OFFER_RENTAL, "Rent this one", &film, 1);
    struct offer_change ch = change_of(OFFER_SUBSCRIPTION, "Month");
    ch.has_trial = ch.has_period = true;
    ch.trial_days = 14;
    ch.unit = OFFER_MONTH;
    ch.period = 1;
    struct public_id plan = offer_make(&f, &ch);
    struct offer_change german = change_of(OFFER_PURCHASE, "Buy");
    german.prices = &world_prices[1];
    german.price_count = 1;
    struct public_id buy = offer_make(&f, &german);
    struct offer_quote q;
    assert_ok(quote(&f, "DE", &rental, NULL, &q)); /* it contains one title: no need to say which */
    assert_int_equal(q.lines[0].title_id, title_id(&f, &film));
    assert_true(slice_eq(q.lines[0].title_names[2], SLICE("长跑")));
    assert_string_equal(q.country, "DE");
    assert_error(quote(&f, "DE", &rental, &other, &q), "offer.title");
    assert_error(quote(&f, "DE", &buy, NULL, &q), "offer.title");
    assert_error(quote(&f, "TH", &buy, &film, &q), "offer.territory");
    assert_error(quote(&f, "DE", &film, &film, &q), "offer.not_on_sale");
    struct offer_buyer stranger = buyer_in("DE");
    stranger.org_id = OTHER_ORG;
    assert_error(quote_with(&f, stranger, "", &buy, &film, &q), "offer.not_on_sale");
    struct offer_wish wishes[] = {{.offer = public_id_slice(&rental), .quantity = -1}, {.offer = public_id_slice(&plan), .quantity = 1}, {.offer = public_id_slice(&plan), .quantity = 1}};
    struct offer_buyer buyer = buyer_in("DE");
    assert_error(offer_quote(f.offers, f.arena, &buyer, &(struct offer_cart){.lines = wishes, .count = 3}, &q), "offer.quantity");
    wishes[0].quantity = 1;
    assert_error(offer_quote(f.offers, f.arena, &buyer, &(struct offer_cart){.lines = wishes, .count = 3}, &q), "offer.plans");
    assert_error(offer_quote(f.offers, f.arena, &buyer, &(struct offer_cart){.lines = wishes, .count = 0}, &q), "offer.lines");
    assert_ok(offer_quote(f.offers, f.arena, &buyer, &(struct offer_cart){.lines = wishes, .count = 2}, &q));
    assert_true(q.renews);
    assert_true(q.lines[1].is_trial);
    assert_int_equal(q.lines[1].total.minor, 0);
    assert_int_equal(q.renews_s, START_S + 14 * DAY_S);
    assert_int_equal(q.renews_price.minor, 599);
    buyer.had_trial = true;
    assert_ok(offer_quote(f.offers, f.arena, &buyer, &(struct offer_cart){.lines = wishes, .count = 2}, &q));
    assert_false(q.lines[1].is_trial);
    assert_int_equal(q.renews_s, START_S + 30 * DAY_S);
    assert_int_equal(q.total.minor, 2 * 599);
    end(&f);
}

static void coupons_are_found_without_case(void **state) {
    struct fixture f = begin(state);
    struct public_id film = film_make(&f, "Film"), rental = offer_of_titles(&f, OFFER_RENTAL, "Rent", &film, 1);
    struct public_id id, second;
    struct slice only[] = {public_id_slice(&rental)};
    assert_ok(offer_coupon_create(f.offers, ORG, &(struct offer_coupon_new){.code = SLICE("Summer-26"), .percent = 50, .offers = only, .offer_count = 1, .ends_s = OFFER_ENDLESS, .uses_max = 9}, &id));
    assert_error(offer_coupon_create(f.offers, ORG, &(struct offer_coupon_new){.code = SLICE("SUMMER-26"), .percent = 20, .ends_s = OFFER_ENDLESS}, &second), "coupon.taken");
    assert_ok(offer_coupon_create(f.offers, OTHER_ORG, &(struct offer_coupon_new){.code = SLICE("SUMMER-26"), .percent = 20, .ends_s = OFFER_ENDLESS}, &second));
    struct offer_coupon c;
    assert_true(offer_coupon_find(f.offers, f.arena, ORG, SLICE(" sUmMeR-26 "), &c));
    assert_int_equal(c.percent, 50);
    assert_int_equal(c.offer_count, 1);
    assert_true(slice_eq(c.code, SLICE("Summer-26")));
    assert_false(offer_coupon_find(f.offers, f.arena, ORG, SLICE("summer-2"), &c));
    assert_false(offer_coupon_find(f.offers, f.arena, ORG, SLICE(""), &c));
    struct offer_quote q;
    assert_ok(quote_with(&f, buyer_in("DE"), "SUMMER-26", &rental, NULL, &q));
    assert_int_equal(q.discount.minor, 299);
    assert_int_equal(q.coupon_uses_max, 9);
    assert_ok(quote_with(&f, buyer_in("DE"), "nonsense", &rental, NULL, &q));
    assert_string_equal(q.coupon_trouble, "coupon.unknown");
    assert_int_equal(q.discount.minor, 0);
    assert_ok(offer_coupon_change(f.offers, ORG, public_id_slice(&id), &(struct offer_coupon_change){.has_is_active = true, .has_uses_max = true, .uses_max = 5}));
    assert_ok(quote_with(&f, buyer_in("DE"), "summer-26", &rental, NULL, &q));
    assert_string_equal(q.coupon_trouble, "coupon.ended");
    assert_error(offer_coupon_change(f.offers, OTHER_ORG, public_id_slice(&id), &(struct offer_coupon_change){.has_is_active = true}), "coupon.not_found");
    assert_error(offer_coupon_change(f.offers, ORG, public_id_slice(&id), &(struct offer_coupon_change){.has_ends = true, .ends_s = 0}), "coupon.window");
    assert_error(offer_coupon_create(f.offers, ORG, &(struct offer_coupon_new){.code = SLICE("a b"), .percent = 20, .ends_s = OFFER_ENDLESS}, &second), "coupon.code");
    assert_error(offer_coupon_create(f.offers, ORG, &(struct offer_coupon_new){.percent = 101, .ends_s = OFFER_ENDLESS}, &second), "coupon.value");
    assert_error(offer_coupon_create(f.offers, ORG, &(struct offer_coupon_new){.percent = 10, .amount = MONEY(5, CURRENCY_EUR), .ends_s = OFFER_ENDLESS}, &second), "coupon.value");
    assert_error(offer_coupon_create(f.offers, ORG, &(struct offer_coupon_new){.ends_s = OFFER_ENDLESS}, &second), "coupon.value");
    assert_error(offer_coupon_create(f.offers, ORG, &(struct offer_coupon_new){.percent = 10, .uses_max = -1, .ends_s = OFFER_ENDLESS}, &second), "coupon.uses");
    struct slice strange[] = {SLICE("7zr3v9k2m8qd41xh")};
    assert_error(offer_coupon_create(f.offers, ORG, &(struct offer_coupon_new){.percent = 10, .offers = strange, .offer_count = 1, .ends_s = OFFER_ENDLESS}, &second), "coupon.offers");
    assert_ok(offer_coupon_create(f.offers, ORG, &(struct offer_coupon_new){.amount = MONEY(100, CURRENCY_EUR), .ends_s = OFFER_ENDLESS}, &second)); /* with a code made up */
    struct offer_coupon_list list;
    assert_ok(offer_coupons(f.offers, f.arena, ORG, &list));
    assert_int_equal(list.count, 2);
    assert_int_equal(list.items[0].code.len, 8);
    assert_int_equal(list.items[1].uses_max, 5);
    end(&f);
}

struct gift_work {
    struct fixture *f;
    int64_t ids[3];
    struct slice code;
    int64_t household_id;
    struct money amount;
    struct offer_gift_card card, *cards;
    size_t count;
};
static struct err gift_make_fn(struct db_tx *tx, void *arg) {
    struct gift_work *w = arg;
    return offer_gift_cards_make_in(w->f->offers, tx, ORG, w->ids, 3, w->amount, 77, START_S);
}
static struct err gift_redeem_fn(struct db_tx *tx, void *arg) {
    struct gift_work *w = arg;
    return offer_gift_card_redeem_in(w->f->offers, tx, ORG, w->code, w->household_id, START_S + 5, &w->card);
}
static struct err gift_cancel_fn(struct db_tx *tx, void *arg) {
    struct gift_work *w = arg;
    return offer_gift_card_cancel_in(w->f->offers, tx, ORG, w->ids[2]);
}
static struct err gift_of_fn(struct db_tx *tx, void *arg) {
    struct gift_work *w = arg;
    return offer_gift_cards_of_in(w->f->offers, tx, w->f->arena, ORG, 77, &w->cards, &w->count);
}
static void gift_cards_are_redeemed_once(void **state) {
    struct fixture f = begin(state);
    struct gift_work w = {.f = &f, .household_id = 500, .amount = MONEY(0, CURRENCY_EUR)};
    for (int i = 0; i < 3; i++) w.ids[i] = id_next(f.ids);
    assert_error(db_write(f.db, gift_make_fn, &w), "offer.gift_amount");
    w.amount = MONEY(5000, CURRENCY_EUR);
    assert_ok(db_write(f.db, gift_make_fn, &w));
    char code[OFFER_GIFT_CODE_LEN + 1], other[OFFER_GIFT_CODE_LEN + 1], typed[64];
    offer_gift_code(f.offers, w.ids[0], code);
    offer_gift_code(f.offers, w.ids[1], other);
    assert_int_equal(strlen(code), OFFER_GIFT_CODE_LEN);
    assert_string_not_equal(code, other);
    size_t at = 0;
    for (const char *c = code; *c; c++) /* as somebody types it */
        if (*c != '-') typed[at++] = *c == '0' ? 'o' : *c == '1' ? 'l' : *c >= 'A' ? (char)(*c + 32) : *c;
    w.code = slice_of(typed, at);
    assert_ok(db_write(f.db, gift_redeem_fn, &w));
    assert_int_equal(w.card.id, w.ids[0]);
    assert_int_equal(w.card.household_id, 500);
    assert_true(money_eq(w.card.amount, MONEY(5000, CURRENCY_EUR)));
    assert_error(db_write(f.db, gift_redeem_fn, &w), "gift_card.redeemed");
    w.code = SLICE("0000-0000-0000-0000");
    assert_error(db_write(f.db, gift_redeem_fn, &w), "gift_card.unknown");
    w.code = SLICE("0000");
    assert_error(db_write(f.db, gift_redeem_fn, &w), "gift_card.unknown");
    w.code = slice_of("0000-0000-0000-000\0", 19);
    assert_error(db_write(f.db, gift_redeem_fn, &w), "gift_card.unknown");
    assert_ok(db_write(f.db, gift_cancel_fn, &w));
    assert_ok(db_write(f.db, gift_cancel_fn, &w));
    offer_gift_code(f.offers, w.ids[2], code);
    w.code = slice_cstr(code);
    assert_error(db_write(f.db, gift_redeem_fn, &w), "gift_card.unknown");
    assert_ok(db_read(f.db, gift_of_fn, &w));
    assert_int_equal(w.count, 3);
    assert_int_equal(w.cards[0].state, OFFER_GIFT_REDEEMED);
    assert_int_equal(w.cards[1].state, OFFER_GIFT_OPEN);
    assert_memory_equal(w.cards[1].last4, other + 15, 5);
    struct offer_gift_card *page;
    size_t count;
    int64_t next;
    assert_ok(offer_gift_cards(f.offers, f.arena, ORG, 0, 2, &page, &count, &next));
    assert_int_equal(count, 2);
    assert_int_equal(page[0].id, w.ids[2]);
    assert_ok(offer_gift_cards(f.offers, f.arena, ORG, next, 2, &page, &count, &next));
    assert_int_equal(count, 1);
    assert_int_equal(next, 0);
    end(&f);
}

static void settings_decide_the_tax(void **state) {
    struct fixture f = begin(state);
    struct offer_settings s;
    assert_ok(offer_settings_get(f.offers, f.arena, ORG, &s));
    assert_int_equal(s.version, 0);
    assert_true(s.is_tax_included);
    struct offer_tax taxes[] = {{"DE", 190000}, {"TH", 70000}};
    struct offer_settings wanted = {.seller_name = SLICE("Grandstand 影院"), .seller_address = SLICE("Main Street 1\nBerlin"), .seller_tax_id = SLICE("DE123"), .seller_country = "DE",
                                    .invoice_prefix = SLICE("GS-"), .is_tax_included = false, .taxes = taxes, .tax_count = 2};
    assert_ok(offer_settings_set(f.offers, ORG, &wanted));
    assert_ok(offer_settings_get(f.offers, f.arena, ORG, &s));
    assert_true(slice_eq(s.seller_name, wanted.seller_name));
    assert_true(slice_eq(s.seller_address, wanted.seller_address));
    assert_int_equal(s.tax_count, 2);
    assert_false(s.is_tax_included);
    struct public_id film = film_make(&f, "Film"), rental = offer_of_titles(&f, OFFER_RENTAL, "Rent", &film, 1);
    struct offer_quote q;
    assert_ok(quote(&f, "DE", &rental, NULL, &q));
    assert_int_equal(q.tax.minor, 114); /* 113.81 */
    assert_int_equal(q.total.minor, 713);
    assert_ok(quote(&f, "BR", &rental, NULL, &q));
    assert_int_equal(q.tax.minor, 0);
    struct offer_warning *warnings;
    size_t count;
    assert_ok(offer_warnings(f.offers, f.arena, ORG, 0, &warnings, &count));
    assert_int_equal(count, 1);
    assert_string_equal(warnings[0].code, "offer.no_tax");
    assert_true(slice_eq(warnings[0].territories, SLICE("AT,CN")));
    wanted.is_tax_included = true;
    assert_ok(offer_settings_set(f.offers, ORG, &wanted));
    assert_ok(quote(&f, "DE", &rental, NULL, &q));
    assert_int_equal(q.tax.minor, 96); /* 95.64 */
    assert_int_equal(q.total.minor, 599);
    struct offer_change ch = change_of(OFFER_GIFT_CARD, "Gift card");
    struct public_id gift = offer_make(&f, &ch);
    assert_ok(quote(&f, "DE", &gift, NULL, &q));
    assert_int_equal(q.tax.minor, 0); /* taxed when it is spent */
    struct offer_settings bad = wanted;
    bad.taxes = (struct offer_tax[]){{"DE", 190000}, {"DE", 70000}};
    assert_error(offer_settings_set(f.offers, ORG, &bad), "settings.taxes");
    bad.taxes = (struct offer_tax[]){{"DE", 1000001}, {"TH", 0}};
    assert_error(offer_settings_set(f.offers, ORG, &bad), "settings.taxes");
    bad = wanted;
    memcpy(bad.seller_country, "XX", 3);
    assert_error(offer_settings_set(f.offers, ORG, &bad), "settings.country");
    bad = wanted;
    bad.invoice_prefix = SLICE("GS 1");
    assert_error(offer_settings_set(f.offers, ORG, &bad), "settings.prefix");
    bad = wanted;
    bad.seller_name = SLICE("\xff");
    assert_error(offer_settings_set(f.offers, ORG, &bad), "settings.seller");
    assert_ok(offer_settings_get(f.offers, f.arena, ORG, &s));
    assert_int_equal(s.version, 2);
    end(&f);
}

/* What is asked while it changes is one state or the next, and never freed under who reads it. */
struct race {
    struct offers *offers;
    struct offer_question q;
    int64_t offer_id;
    _Atomic bool is_over;
    _Atomic uint64_t wrong;
};
static void race_run(void *arg) {
    struct race *r = arg;
    do {
        struct offer_sale s;
        offer_sale(r->offers, &r->q, &s);
        int64_t price = s.lowest[OFFER_RENTAL].minor;
        bool is_one = s.kinds == KIND(OFFER_RENTAL) && price >= 1000 && price < 1100;
        if (!is_one || !offer_contains(r->offers, ORG, r->offer_id, r->q.titles)) atomic_fetch_add(&r->wrong, 1);
    } while (!atomic_load(&r->is_over));
}
static void readers_see_one_state_or_the_next(void **state) {
    struct fixture f = begin(state);
    struct public_id film = film_make(&f, "Film");
    struct offer_price_new price = {MONEY(1000, CURRENCY_EUR), SLICE("WORLD")};
    struct offer_change ch = change_of(OFFER_RENTAL, "Rent");
    ch.prices = &price;
    ch.price_count = 1;
    ch.has_contents = true;
    ch.contents = OFFER_TITLES;
    struct slice title = public_id_slice(&film);
    ch.titles = &title;
    ch.title_count = 1;
    struct public_id id = offer_make(&f, &ch);
    struct offer_here here;
    assert_ok(offer_get(f.offers, f.arena, ORG, public_id_slice(&id), place_of("DE"), &here));
    struct race r = {.offers = f.offers, .q = question_at(&f, &film, "DE", START_S), .offer_id = here.offer.id};
    struct thread *threads[2];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) assert_ok(thread_start(&threads[i], "reader", race_run, &r));
    for (int i = 1; i < 40; i++) {
        price.amount.minor = 1000 + i;
        assert_ok(offer_change(f.offers, f.arena, ORG, public_id_slice(&id), &ch, NULL));
    }
    atomic_store(&r.is_over, true);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) thread_join(&threads[i]);
    assert_int_equal(atomic_load(&r.wrong), 0);
    end(&f);
}

/* The n-th allocation fails, for each n: it is told, nothing leaks, and the offer is the old one or the new one. */
static void memory_may_run_out(void **state) {
    struct fixture f = begin(state);
    struct public_id film = film_make(&f, "Film"), id = offer_of_titles(&f, OFFER_RENTAL, "Rent", &film, 1);
    struct offer_price_new price = {MONEY(700, CURRENCY_EUR), SLICE("WORLD")};
    struct offer_change ch = {.has_prices = true, .prices = &price, .price_count = 1};
    int64_t version = 1;
    for (uint64_t nth = 1;; nth++) {
        struct arena *arena = arena_create(16 << 20);
        fault_arm(FAULT_ALLOC, nth, false);
        struct err e = offer_change(f.offers, arena, ORG, public_id_slice(&id), &ch, NULL);
        bool has_fired = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        arena_destroy(&arena);
        struct offer_here here;
        assert_ok(offers_refresh(f.offers));
        assert_ok(offer_get(f.offers, f.arena, ORG, public_id_slice(&id), place_of("DE"), &here));
        assert_true(here.offer.version == version || here.offer.version == version + 1);
        if (!e.kind) assert_int_equal(here.offer.version, version + 1);
        version = here.offer.version;
        if (!has_fired) {
            assert_ok(e);
            break;
        }
        assert_true(nth < 5000);
    }
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_SQLITE(offers_are_priced_where_one_is), ON_BOTH(each_change_is_a_version), ON_SQLITE(what_is_wrong_is_said_by_field), ON_SQLITE(quotes_refuse_what_is_not_sold),
        ON_BOTH(coupons_are_found_without_case), ON_BOTH(gift_cards_are_redeemed_once), ON_BOTH(settings_decide_the_tax), ON_SQLITE(readers_see_one_state_or_the_next), ON_SQLITE(memory_may_run_out),
    };
    return cmocka_run_group_tests_name("offer", tests, NULL, NULL);
}
