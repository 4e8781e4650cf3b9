/* SPDX-License-Identifier: AGPL-3.0-or-later
 * What is on sale, when and where, and what our own service so runs: offers, contracts and titles together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "offer_fixture.h"

/* Pieces of what would be sold exclusively of this title, which our own service runs. */
static struct rights_conflict_list runs_told(struct fixture *f, const struct public_id *title, const struct public_id *deal, uint16_t media) {
    struct rights_line_new item = {.terms = {.title_id = title_id(f, title), .media = media, .starts_s = START_S - 86400 * 400, .ends_s = RIGHTS_ENDLESS, .is_exclusive = true, .note = SLICE("")}};
    struct slice bad;
    struct rights_conflict_list list;
    size_t at;
    assert_ok(rights_territories_of(SLICE("DE,FR,CN"), &item.terms.territories, &bad));
    assert_ok(rights_conflicts(f->rights, f->arena, ORG, &(struct rights_lines_new){.deal = public_id_slice(deal), .items = &item, .count = 1}, &list, &at));
    for (size_t i = 0; i < list.count; i++) assert_int_equal(list.items[i].kind, RIGHTS_OWN_SERVICE_SOLD);
    return list;
}

static void what_is_on_sale_is_what_our_own_service_runs(void **state) {
    struct fixture f = begin(state);
    rights_runs_from(f.rights, offer_runs, f.offers);
    struct public_id film = film_make(&f, "The Long Run"), other = film_make(&f, "The Short Walk"), series = title_make(&f, "The Run", (struct title_wish){.kind = CATALOG_SERIES});
    struct public_id episode = title_make(&f, "First", (struct title_wish){.kind = CATALOG_EPISODE, .parent = series, .episode = 1});
    struct public_id party, deal;
    assert_ok(rights_party_create(f.rights, ORG, &(struct rights_party_change){.has_name = true, .name = SLICE("Station")}, &party));
    assert_ok(rights_deal_create(f.rights, ORG, &(struct rights_deal_new){.reference = SLICE("T-1"), .party = public_id_slice(&party), .direction = RIGHTS_OUT}, 0, &deal));
    const uint16_t sold = 1u << RIGHTS_SUBSCRIPTION | 1u << RIGHTS_RENTAL | 1u << RIGHTS_PURCHASE;
    assert_int_equal(runs_told(&f, &film, &deal, sold).count, 0); /* nothing is on sale */

    struct offer_change ch = change_of(OFFER_RENTAL, "Rent it");
    ch.price_count = 2; /* CN, and DE with AT */
    struct slice named = public_id_slice(&film);
    ch.has_contents = true;
    ch.contents = OFFER_TITLES;
    ch.titles = &named;
    ch.title_count = 1;
    struct public_id rental = offer_make(&f, &ch);
    struct rights_conflict_list told = runs_told(&f, &film, &deal, sold);
    assert_int_equal(told.count, 1); /* one piece, though of two prices */
    assert_true(slice_eq(rights_territories_text(told.items[0].overlap.territories), SLICE("CN,DE")));
    assert_true(told.items[0].overlap.media == 1u << RIGHTS_RENTAL && told.items[0].overlap.to_s == RIGHTS_ENDLESS);
    assert_int_equal(told.items[0].overlap.from_s, START_S - START_S % 86400); /* what was before today is past */
    assert_int_equal(runs_told(&f, &other, &deal, sold).count, 0);
    (void)offer_of_holder(&f, OFFER_SEASON_PASS, "Pass", OFFER_SERIES, &series);
    told = runs_told(&f, &episode, &deal, sold);
    assert_int_equal(told.count, 2); /* by its own line, and by the series' */
    assert_int_equal(told.items[0].overlap.media, 1u << RIGHTS_PURCHASE);
    assert_true(slice_eq(rights_territories_text(told.items[0].overlap.territories), SLICE("CN,DE,FR")));

    ch = (struct offer_change){.has_window = true, .starts_s = START_S + 86400, .ends_s = START_S + 2 * 86400}; /* to be sold from tomorrow on for a day, to be watched after it */
    assert_ok(offer_change(f.offers, f.arena, ORG, public_id_slice(&rental), &ch, NULL));
    told = runs_told(&f, &film, &deal, sold);
    assert_int_equal(told.count, 1);
    assert_true(told.items[0].overlap.from_s == START_S + 86400 && told.items[0].overlap.to_s == RIGHTS_ENDLESS);
    ch = (struct offer_change){.has_is_on_sale = true};
    assert_ok(offer_change(f.offers, f.arena, ORG, public_id_slice(&rental), &ch, NULL));
    assert_int_equal(runs_told(&f, &film, &deal, sold).count, 0);

    ch = change_of(OFFER_SUBSCRIPTION, "Month"); /* contains all */
    ch.has_period = true;
    ch.unit = OFFER_MONTH;
    ch.period = 1;
    (void)offer_make(&f, &ch);
    for (int i = 0; i < 2; i++) {
        told = runs_told(&f, i ? &other : &film, &deal, sold);
        assert_int_equal(told.count, 1);
        assert_int_equal(told.items[0].overlap.media, 1u << RIGHTS_SUBSCRIPTION);
    }
    end(&f);
}

static void windows_open_and_close_a_sale(void **state) {
    struct fixture f = begin(state);
    struct public_id film = film_make(&f, "The Long Run");
    struct offer_change ch = change_of(OFFER_PURCHASE, "Buy");
    ch.has_window = true;
    ch.starts_s = START_S + DAY_S;
    ch.ends_s = START_S + 3 * DAY_S;
    struct public_id buy = offer_make(&f, &ch);
    struct offer_sale s = sale(&f, &film, "DE");
    assert_int_equal(s.kinds, 0);
    assert_int_equal(s.next_s, START_S + DAY_S);
    s = sale_at(&f, &film, "DE", START_S + DAY_S);
    assert_int_equal(s.kinds, KIND(OFFER_PURCHASE));
    assert_int_equal(s.next_s, START_S + 3 * DAY_S);
    assert_int_equal(sale_at(&f, &film, "DE", START_S + 3 * DAY_S).kinds, 0);
    struct offer_quote q;
    assert_error(quote(&f, "DE", &buy, &film, &q), "offer.not_on_sale");
    struct offer_buyer later = buyer_in("DE");
    later.at_s = START_S + DAY_S;
    assert_ok(quote_with(&f, later, "", &buy, &film, &q));
    assert_ok(offer_change(f.offers, f.arena, ORG, public_id_slice(&buy), &(struct offer_change){.has_is_on_sale = true}, NULL));
    assert_error(quote_with(&f, later, "", &buy, &film, &q), "offer.not_on_sale");
    struct offer_here here;
    assert_ok(offer_get(f.offers, f.arena, ORG, public_id_slice(&buy), place_of("DE"), &here)); /* it is still there */
    assert_false(here.offer.is_on_sale);
    struct offer_wish renewal = {.offer = public_id_slice(&buy), .title = public_id_slice(&film), .quantity = 1, .fixed = MONEY(123, CURRENCY_EUR)};
    assert_ok(offer_quote(f.offers, f.arena, &later, &(struct offer_cart){.lines = &renewal, .count = 1}, &q)); /* what was promised is kept */
    assert_int_equal(q.total.minor, 123);
    end(&f);
}

/* A title that loses its right is not sold from that moment, and the editor is told; it comes back with the right. */
static void rights_decide_what_is_sold(void **state) {
    struct fixture f = begin(state);
    struct public_id film = title_make(&f, "The Long Run", (struct title_wish){.kind = CATALOG_FILM, .has_no_rights = true}), other = film_make(&f, "Ours");
    struct public_id deal = deal_make(&f, &film, (struct line_wish){.territories = "DE,AT", .media = 1 << RIGHTS_RENTAL, .ends_s = START_S + 100 * DAY_S});
    struct public_id both[] = {film, other};
    struct public_id rental = offer_of_titles(&f, OFFER_RENTAL, "Rent", both, 2);
    assert_int_equal(sale(&f, &film, "DE").kinds, KIND(OFFER_RENTAL));
    assert_int_equal(sale(&f, &film, "DE").next_s, START_S + 100 * DAY_S);
    assert_int_equal(sale(&f, &film, "TH").kinds, 0);
    assert_int_equal(sale(&f, &other, "TH").kinds, KIND(OFFER_RENTAL));
    struct offer_quote q;
    assert_ok(quote(&f, "DE", &rental, &film, &q));
    assert_error(quote(&f, "TH", &rental, &film, &q), "offer.rights");

    struct offer_warning *warnings;
    size_t count;
    assert_ok(offer_warnings(f.offers, f.arena, ORG, 0, &warnings, &count));
    assert_int_equal(count, 1); /* everywhere else it cannot be sold */
    assert_string_equal(warnings[0].code, "offer.rights_lost");
    assert_string_equal(warnings[0].title.text, film.text);
    assert_true(warnings[0].territories.len > 0);

    struct offer_change only_germany = {.has_prices = true, .prices = &(struct offer_price_new){MONEY(599, CURRENCY_EUR), SLICE("DE,AT")}, .price_count = 1};
    assert_ok(offer_change(f.offers, f.arena, ORG, public_id_slice(&rental), &only_germany, NULL));
    assert_ok(offer_warnings(f.offers, f.arena, ORG, 0, &warnings, &count));
    assert_int_equal(count, 0);
    clock_manual_set_utc(f.clock, utc_from_seconds(START_S + 80 * DAY_S));
    assert_ok(offer_warnings(f.offers, f.arena, ORG, 0, &warnings, &count));
    assert_int_equal(count, 1);
    assert_string_equal(warnings[0].code, "offer.rights_ending");
    assert_int_equal(warnings[0].until_s, START_S + 100 * DAY_S);
    clock_manual_set_utc(f.clock, utc_from_seconds(START_S));

    deal_status(&f, &deal, RIGHTS_SUSPENDED);
    assert_int_equal(sale(&f, &film, "DE").kinds, 0);
    assert_error(quote(&f, "DE", &rental, &film, &q), "offer.rights");
    assert_ok(offer_warnings(f.offers, f.arena, ORG, 0, &warnings, &count));
    assert_int_equal(count, 1);
    assert_string_equal(warnings[0].code, "offer.rights_lost");
    assert_int_equal(warnings[0].territories.len, 0); /* wherever it is sold */
    assert_int_equal(warnings[0].reason, RIGHTS_BECAUSE_DEAL);
    deal_status(&f, &deal, RIGHTS_ACTIVE);
    assert_int_equal(sale(&f, &film, "DE").kinds, KIND(OFFER_RENTAL));

    assert_ok(catalog_remove(f.catalog, ORG, public_id_slice(&film)));
    assert_ok(offer_warnings(f.offers, f.arena, ORG, 0, &warnings, &count));
    assert_int_equal(count, 1);
    assert_string_equal(warnings[0].code, "offer.title_gone");
    end(&f);
}

static void bundles_and_passes_are_sold_whole(void **state) {
    struct fixture f = begin(state);
    struct public_id one = film_make(&f, "One"), two = film_make(&f, "Two"), lost = title_make(&f, "Lost", (struct title_wish){.kind = CATALOG_FILM, .has_no_rights = true});
    struct public_id good[] = {one, two}, bad[] = {one, lost};
    struct public_id bundle = offer_of_titles(&f, OFFER_BUNDLE, "Both", good, 2), broken = offer_of_titles(&f, OFFER_BUNDLE, "Not both", bad, 2);
    struct offer_quote q;
    assert_ok(quote(&f, "DE", &bundle, NULL, &q));
    assert_int_equal(q.lines[0].scope_count, 2);
    assert_int_equal(q.lines[0].scope[1], title_id(&f, &two));
    assert_int_equal(q.lines[0].title_id, 0);
    assert_error(quote(&f, "DE", &broken, NULL, &q), "offer.rights");
    struct offer_here_list list;
    struct offer_question question = question_at(&f, &one, "DE", START_S);
    assert_ok(offers_for_title(f.offers, f.arena, &question, &list));
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].offer.public_id.text, bundle.text);

    struct public_id series = title_make(&f, "Series", (struct title_wish){.kind = CATALOG_SERIES});
    struct public_id first = title_make(&f, "First", (struct title_wish){.kind = CATALOG_EPISODE, .parent = series, .episode = 1});
    struct public_id pass = offer_of_holder(&f, OFFER_SEASON_PASS, "All of it", OFFER_SERIES, &series);
    assert_int_equal(sale(&f, &series, "DE").kinds, KIND(OFFER_SEASON_PASS));
    assert_int_equal(sale(&f, &first, "DE").kinds, KIND(OFFER_SEASON_PASS));
    assert_ok(quote(&f, "DE", &pass, NULL, &q));
    assert_int_equal(q.lines[0].scope_count, 1);
    assert_int_equal(q.lines[0].scope[0], title_id(&f, &series));
    assert_int_equal(q.lines[0].medium, RIGHTS_PURCHASE);
    struct offer_change ch = change_of(OFFER_SEASON_PASS, "Any series");
    struct public_id any = offer_make(&f, &ch);
    assert_error(quote(&f, "DE", &any, NULL, &q), "offer.title");
    assert_error(quote(&f, "DE", &any, &one, &q), "offer.title");
    assert_ok(quote(&f, "DE", &any, &series, &q));
    assert_int_equal(q.lines[0].title_id, title_id(&f, &series));
    title_make(&f, "Second", (struct title_wish){.kind = CATALOG_EPISODE, .parent = series, .episode = 2, .has_no_rights = true});
    assert_ok(quote(&f, "DE", &any, &series, &q)); /* contracts of the series hold for it */
    struct public_id block = deal_make(&f, &first, (struct line_wish){.effect = RIGHTS_BLACKOUT, .territories = "DE"});
    assert_error(quote(&f, "DE", &any, &series, &q), "offer.rights");
    assert_error(quote(&f, "DE", &pass, NULL, &q), "offer.rights");
    assert_ok(quote(&f, "AT", &pass, NULL, &q));
    deal_status(&f, &block, RIGHTS_TERMINATED);
    assert_ok(quote(&f, "DE", &pass, NULL, &q));
    ch = change_of(OFFER_RENTAL, "Rent");
    struct public_id rent = offer_make(&f, &ch);
    assert_error(quote(&f, "DE", &rent, &series, &q), "offer.title");
    assert_ok(quote(&f, "DE", &rent, &first, &q));
    end(&f);
}

struct event_work {
    int64_t org_id;
    struct slice title;
    struct catalog_event event;
};
static struct err event_fn(struct db_tx *tx, void *arg) {
    const struct event_work *w = arg;
    return catalog_set_event_in(tx, w->org_id, w->title, &w->event);
}
static void events_are_sold_before_they_begin(void **state) {
    struct fixture f = begin(state);
    struct public_id event = title_make(&f, "Final", (struct title_wish){.kind = CATALOG_EVENT, .has_no_rights = true});
    deal_make(&f, &event, (struct line_wish){.territories = "WORLD", .media = 1 << RIGHTS_LIVE, .starts_s = START_S + 10 * DAY_S, .ends_s = START_S + 11 * DAY_S});
    struct public_id pass = offer_of_titles(&f, OFFER_LIVE_PASS, "The final", &event, 1);
    assert_int_equal(sale(&f, &event, "DE").kinds, 0); /* nobody knows when it begins: asked about now */
    struct event_work w = {ORG, public_id_slice(&event), {.status = CATALOG_SCHEDULED, .starts_ms = (START_S + 10 * DAY_S) * 1000}};
    assert_ok(db_write(f.db, event_fn, &w));
    assert_ok(catalog_refresh(f.catalog, ORG, public_id_slice(&event)));
    struct offer_sale s = sale(&f, &event, "DE");
    assert_int_equal(s.kinds, KIND(OFFER_LIVE_PASS));
    assert_true(s.next_s <= START_S + 11 * DAY_S);
    struct offer_quote q;
    assert_ok(quote(&f, "DE", &pass, NULL, &q));
    assert_int_equal(q.lines[0].scope_count, 0); /* what it contains then */
    w.event.status = CATALOG_READY; /* it is over and a recording now */
    assert_ok(db_write(f.db, event_fn, &w));
    assert_ok(catalog_refresh(f.catalog, ORG, public_id_slice(&event)));
    assert_int_equal(sale_at(&f, &event, "DE", START_S + 12 * DAY_S).kinds, 0);
    end(&f);
}

static void collections_are_followed(void **state) {
    struct fixture f = begin(state);
    struct public_id one = film_make(&f, "One"), two = film_make(&f, "Two");
    struct slice members[] = {public_id_slice(&one), public_id_slice(&two)};
    struct public_id collection = title_make(&f, "Best of", (struct title_wish){.kind = CATALOG_COLLECTION, .members = members, .member_count = 1});
    struct public_id plan = offer_of_holder(&f, OFFER_SUBSCRIPTION, "Best of", OFFER_COLLECTION, &collection);
    struct offer_here here;
    assert_ok(offer_get(f.offers, f.arena, ORG, public_id_slice(&plan), place_of("DE"), &here));
    int64_t titles[2][3] = {{title_id(&f, &one)}, {title_id(&f, &two)}};
    assert_true(offer_contains(f.offers, ORG, here.offer.id, titles[0]));
    assert_false(offer_contains(f.offers, ORG, here.offer.id, titles[1]));
    assert_false(offer_contains(f.offers, OTHER_ORG, here.offer.id, titles[0]));
    uint64_t generation = offers_generation(f.offers);
    assert_ok(catalog_change(f.catalog, ORG, public_id_slice(&collection), &(struct catalog_change){.has_members = true, .members = members, .member_count = 2}));
    assert_true(offers_generation(f.offers) > generation);
    assert_true(offer_contains(f.offers, ORG, here.offer.id, titles[1]));
    assert_int_equal(sale(&f, &two, "DE").kinds, KIND(OFFER_SUBSCRIPTION));
    generation = offers_generation(f.offers);
    film_make(&f, "Three"); /* changes no collection */
    assert_int_equal(offers_generation(f.offers), generation);
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_SQLITE(what_is_on_sale_is_what_our_own_service_runs), ON_SQLITE(windows_open_and_close_a_sale), ON_SQLITE(rights_decide_what_is_sold), ON_SQLITE(bundles_and_passes_are_sold_whole),
        ON_SQLITE(events_are_sold_before_they_begin), ON_SQLITE(collections_are_followed),
    };
    return cmocka_run_group_tests_name("offer_ask", tests, NULL, NULL);
}
