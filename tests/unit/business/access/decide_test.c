/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The decision: rights, entitlement, rating, PIN, place; and decisions while everything changes. */
#include "fixture.h"

static void what_is_made_plays_at_once(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){0});
    struct access_answer answer = ask(&f, &title, nobody_in(thailand));
    expect(answer, "playable", "access.free");
    assert_int_equal(answer.medium, RIGHTS_FREE);
    assert_true(answer.until_s == ACCESS_ENDLESS && answer.line_id != 0);
    end(&f);
}

static void without_a_contract_nothing_plays(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.has_no_rights = true});
    expect(ask(&f, &title, nobody_in(germany)), "unavailable", "rights.none");
    expect(ask(&f, &title, somebody(GROWN_UP)), "unavailable", "rights.none");
    end(&f);
}

static void a_contract_is_asked_before_the_till(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.is_paid = true, .has_no_rights = true, .fsk = "18"});
    expect(ask(&f, &title, somebody(CHILD)), "unavailable", "rights.none"); /* all four would refuse: rights say why */
    deal_make(&f, &title, (struct line_wish){.territories = "DE", .media = 1 << RIGHTS_RENTAL}, NULL);
    struct access_answer answer = ask(&f, &title, somebody(CHILD));
    expect(answer, "locked", "access.entitlement");
    assert_int_equal(answer.medium, RIGHTS_RENTAL); /* in which it could be sold */
    expect(ask(&f, &title, nobody_in(germany)), "sign_in", "access.entitlement");
    expect(ask(&f, &title, nobody_in(thailand)), "unavailable", "rights.territory");
    struct access_grant grant;
    assert_ok(access_grant_add(f.access, ORG, HOME, title_id(&f, &title), RIGHTS_RENTAL, ACCESS_ENDLESS, 0, &grant));
    expect(ask(&f, &title, somebody(CHILD)), "rating", "access.rating");
    expect(ask(&f, &title, somebody(GROWN_UP)), "playable", "access.granted");
    struct access_viewer away = somebody(GROWN_UP);
    away.place = thailand;
    expect(ask(&f, &title, away), "unavailable", "rights.territory");
    end(&f);
}

static void a_blackout_beats_everything_and_says_until_when(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){0});
    deal_make(&f, &title, (struct line_wish){.effect = RIGHTS_BLACKOUT, .territories = "TH", .starts_s = START_S - DAY_S, .ends_s = START_S + 100 * DAY_S}, NULL);
    struct access_answer answer = ask(&f, &title, nobody_in(thailand));
    expect(answer, "unavailable", "rights.blackout");
    assert_int_equal(answer.until_s, START_S + 100 * DAY_S);
    assert_int_equal(answer.turns_s, START_S + 100 * DAY_S);
    assert_true(answer.line_id != 0);
    expect(ask(&f, &title, nobody_in(germany)), "playable", "access.free");
    expect(ask_at(&f, &title, nobody_in(thailand), START_S + 100 * DAY_S), "playable", "access.free");
    /* Before it begins: playable, and it is known when that ends. */
    answer = ask_at(&f, &title, nobody_in(thailand), START_S - 2 * DAY_S);
    expect(answer, "playable", "access.free");
    assert_int_equal(answer.turns_s, START_S - DAY_S);
    end(&f);
}

static void a_place_that_no_list_has_is_held_to_what_holds_everywhere(void **state) {
    struct fixture f = begin(state);
    struct public_id everywhere = title_make(&f, (struct title_wish){0}), here = title_make(&f, (struct title_wish){.has_no_rights = true});
    deal_make(&f, &here, (struct line_wish){.territories = "DE,AT"}, NULL);
    struct geo_place kosovo = {.country = "XK"}, unknown = {.country = ""};
    expect(ask(&f, &everywhere, nobody_in(kosovo)), "playable", "access.free");
    expect(ask(&f, &here, nobody_in(kosovo)), "unavailable", "rights.territory");
    expect(ask(&f, &here, nobody_in(unknown)), "unavailable", "rights.territory");
    expect(ask(&f, &here, nobody_in(germany)), "playable", "access.free");
    end(&f);
}

static void a_grant_on_a_series_opens_its_episodes(void **state) {
    struct fixture f = begin(state);
    struct public_id series = title_make(&f, (struct title_wish){.kind = CATALOG_SERIES, .is_paid = true});
    struct public_id episode = title_make(&f, (struct title_wish){.kind = CATALOG_EPISODE, .parent = series, .is_paid = true});
    struct access_grant grant;
    expect(ask(&f, &episode, somebody(GROWN_UP)), "locked", "access.entitlement");
    assert_ok(access_grant_add(f.access, ORG, HOME, title_id(&f, &series), RIGHTS_SUBSCRIPTION, START_S + 7 * DAY_S, 0, &grant));
    struct access_answer answer = ask(&f, &episode, somebody(GROWN_UP));
    expect(answer, "playable", "access.granted");
    assert_int_equal(answer.until_s, START_S + 7 * DAY_S);
    assert_int_equal(answer.turns_s, START_S + 7 * DAY_S);
    assert_true(answer.grant_id == grant.id);
    expect(ask_at(&f, &episode, somebody(GROWN_UP), START_S + 7 * DAY_S), "locked", "access.entitlement");
    struct access_viewer other = somebody(GROWN_UP);
    other.household_id = OTHER_HOME;
    expect(ask(&f, &episode, other), "locked", "access.entitlement");
    expect(ask(&f, &episode, nobody_in(germany)), "sign_in", "access.entitlement");
    end(&f);
}

static void of_several_ways_the_one_that_rights_allow_is_taken(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.has_no_rights = true}); /* free by mark, but the contract is for rental */
    struct access_grant grant;
    deal_make(&f, &title, (struct line_wish){.territories = "WORLD", .media = 1 << RIGHTS_RENTAL}, NULL);
    expect(ask(&f, &title, somebody(GROWN_UP)), "unavailable", "rights.medium");
    assert_ok(access_grant_add(f.access, ORG, HOME, title_id(&f, &title), RIGHTS_SUBSCRIPTION, ACCESS_ENDLESS, 0, &grant));
    expect(ask(&f, &title, somebody(GROWN_UP)), "unavailable", "rights.medium");
    assert_ok(access_grant_add(f.access, ORG, HOME, title_id(&f, &title), RIGHTS_RENTAL, START_S + DAY_S, 0, &grant));
    assert_ok(access_grant_add(f.access, ORG, HOME, title_id(&f, &title), RIGHTS_RENTAL, START_S + 2 * DAY_S, 0, &grant));
    struct access_answer answer = ask(&f, &title, somebody(GROWN_UP));
    expect(answer, "playable", "access.granted");
    assert_int_equal(answer.medium, RIGHTS_RENTAL);
    assert_int_equal(answer.until_s, START_S + 2 * DAY_S); /* of two the one that ends last */
    end(&f);
}

static void profiles_are_held_to_their_rating(void **state) {
    struct fixture f = begin(state);
    static const struct {
        const char *fsk;
        int64_t profile;
        const char *state, *reason;
    } cases[] = {
        {"0", CHILD, "playable", "access.free"},    {"6", CHILD, "playable", "access.free"},     {"12", CHILD, "rating", "access.rating"},
        {"18", CHILD, "rating", "access.rating"},   {"18", GROWN_UP, "playable", "access.free"}, {"12", TEEN, "playable", "access.free"},
        {"16", TEEN, "rating", "access.rating"}, /* 14 in 2026, whatever the profile says */
        {"16", 0, "rating", "access.rating"}, /* nobody chosen: what all of the household may see */
        {"6", 0, "playable", "access.free"},     {"0", 699, "sign_in", "access.profile"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct public_id title = title_make(&f, (struct title_wish){.fsk = cases[i].fsk});
        expect(ask(&f, &title, somebody(cases[i].profile)), cases[i].state, cases[i].reason);
    }
    struct public_id old = title_make(&f, (struct title_wish){.fsk = "18"}), teen = title_make(&f, (struct title_wish){.fsk = "16"});
    expect(ask(&f, &old, nobody_in(germany)), "sign_in", "access.rating");
    expect(ask(&f, &teen, nobody_in(germany)), "playable", "access.free");
    /* The birth year opens it at the turn of a year: not of the next one, but of the one in which he becomes 16. */
    struct access_answer answer = ask(&f, &teen, somebody(TEEN));
    assert_int_equal(answer.until_s, INT64_C(1798761600)); /* 2027-01-01 */
    assert_int_equal(answer.turns_s, INT64_C(1830297600)); /* 2028-01-01 */
    end(&f);
}

/* The rating of the country where the household is at home holds, wherever it is today; else the strictest. */
static void the_home_country_rates(void **state) {
    struct fixture f = begin(state);
    enum { TWELVE = 606 };
    struct account_household_facts home = family;
    home.profile_count = 1;
    home.profiles[0] = (struct account_profile_facts){.profile_id = TWELVE, .age_max = 12, .is_child = true};
    static const struct geo_place usa = {.country = "US"};
    static const struct {
        const char *country, *fsk, *mpa, *th;
        int age;
        const char *system;
        bool is_own;
    } cases[] = {
        {"DE", "12", "R", "น 18+", 12, "FSK", true},    {"US", "12", "R", "น 18+", 16, "MPA", true},  {"TH", "12", "R", "น 18+", 18, "TH", true},
        {"FR", "12", "R", NULL, 16, "MPA", false},      {"DE", NULL, "PG", "น 18+", 18, "TH", false}, {"US", "18", "G", NULL, 0, "MPA", true},
        {"TH", "16", NULL, "ท", 0, "TH", true},         {"", "6", "PG-13", NULL, 12, "MPA", false},   {"DE", "6", "NC-17", NULL, 6, "FSK", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct public_id title = title_make(&f, (struct title_wish){.fsk = cases[i].fsk, .mpa = cases[i].mpa, .th = cases[i].th});
        snprintf(home.country, sizeof home.country, "%s", cases[i].country);
        double_household_put(&home);
        const struct geo_place *places[] = {&germany, &usa, &thailand};
        for (size_t p = 0; p < ARRAY_LEN(places) && cases[i].country[0]; p++) { /* on a journey nothing changes */
            struct access_viewer viewer = somebody(TWELVE);
            viewer.place = *places[p];
            struct access_answer answer = ask(&f, &title, viewer);
            assert_int_equal(answer.age, cases[i].age);
            expect(answer, cases[i].age <= 12 ? "playable" : "rating", cases[i].age <= 12 ? "access.free" : "access.rating");
        }
        struct catalog_view *view;
        struct catalog_rating rating;
        bool is_own;
        struct access_viewer viewer = somebody(TWELVE);
        if (!cases[i].country[0]) viewer.place = (struct geo_place){0};
        assert_ok(catalog_view_take(f.catalog, ORG, &view));
        assert_true(access_rating(f.access, &viewer, catalog_find(view, public_id_slice(&title)), &rating, &is_own));
        assert_string_equal(catalog_system_name(rating.system), cases[i].system);
        assert_int_equal(rating.age, cases[i].age);
        assert_int_equal(is_own, cases[i].is_own);
        catalog_view_give(&view);
    }
    /* Nobody signed in: where the address is. */
    struct public_id title = title_make(&f, (struct title_wish){.fsk = "16", .mpa = "NC-17"});
    expect(ask(&f, &title, nobody_in(germany)), "playable", "access.free");
    expect(ask(&f, &title, nobody_in(usa)), "sign_in", "access.rating");
    expect(ask(&f, &title, nobody_in(thailand)), "sign_in", "access.rating");
    end(&f);
}

static void a_pin_is_asked_for_after_the_rating(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.fsk = "18"});
    struct access_viewer viewer = somebody(LOCKED_UP);
    viewer.has_shown_pin = false;
    expect(ask(&f, &title, viewer), "rating", "access.pin");
    viewer.has_shown_pin = true;
    expect(ask(&f, &title, viewer), "playable", "access.free");
    viewer = somebody(GROWN_UP); /* has none */
    viewer.has_shown_pin = false;
    expect(ask(&f, &title, viewer), "playable", "access.free");
    end(&f);
}

static void a_household_that_is_not_in_memory_is_loaded_first(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){0});
    struct access_viewer viewer = somebody(GROWN_UP);
    double_forget(HOME);
    assert_false(access_is_ready(f.access, &viewer));
    expect(ask(&f, &title, viewer), "sign_in", "access.profile"); /* in doubt, no */
    assert_ok(access_prepare(f.access, &viewer));
    assert_true(access_is_ready(f.access, &viewer));
    expect(ask(&f, &title, viewer), "playable", "access.free");
    viewer.household_id = 999;
    assert_ok(access_prepare(f.access, &viewer));
    expect(ask(&f, &title, viewer), "sign_in", "access.profile");
    end(&f);
}

static void subscribers_abroad_are_at_home_where_that_is_wished(void **state) {
    struct fixture f = begin(state);
    struct geo_place france = {.country = "FR", .area = "FR-IDF"}, place;
    static const struct {
        enum account_portability portability;
        bool in_france, in_thailand; /* counts as being in Germany */
    } cases[] = {{ACCOUNT_PORTABILITY_OFF, false, false}, {ACCOUNT_PORTABILITY_EU, true, false}, {ACCOUNT_PORTABILITY_HOME, true, true}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        double_org_put(&(struct account_org_facts){.country = "DE", .portability = cases[i].portability});
        place = access_place(f.access, ORG, HOME, &france);
        assert_string_equal(place.country, cases[i].in_france ? "DE" : "FR");
        assert_string_equal(place.area, cases[i].in_france ? "" : "FR-IDF");
        place = access_place(f.access, ORG, HOME, &thailand);
        assert_string_equal(place.country, cases[i].in_thailand ? "DE" : "TH");
        place = access_place(f.access, ORG, 0, &france); /* nobody is at home where he is */
        assert_string_equal(place.area, "FR-IDF");
    }
    struct geo_place bavaria = {.country = "DE", .area = "DE-BY"};
    place = access_place(f.access, ORG, HOME, &bavaria);
    assert_string_equal(place.area, "DE-BY"); /* at home the address says more */
    end(&f);
}

static void each_step_is_explained_by_itself(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.is_paid = true, .has_no_rights = true, .fsk = "18"});
    struct access_viewer viewer = somebody(CHILD);
    struct catalog_view *view;
    struct access_answer steps[ACCESS_STEPS];
    assert_ok(catalog_view_take(f.catalog, ORG, &view));
    struct access_question q = {.viewer = &viewer, .view = view, .title = catalog_find(view, public_id_slice(&title)), .at_s = START_S};
    struct access_answer answer = access_explain(f.access, &q, steps);
    assert_string_equal(answer.reason, "rights.none");
    assert_string_equal(steps[ACCESS_RIGHTS].reason, "rights.none");
    assert_string_equal(steps[ACCESS_ENTITLEMENT].reason, "access.entitlement");
    assert_string_equal(steps[ACCESS_RATING].reason, "access.rating");
    assert_true(steps[ACCESS_STREAMS].is_allowed);
    catalog_view_give(&view);
    end(&f);
}

/* --- threads --- */

struct storm {
    struct fixture *f;
    struct public_id titles[4];
    _Atomic bool stops;
    _Atomic uint64_t decisions;
};
static void storm_decide(void *arg) {
    struct storm *s = arg;
    struct rng rng = rng_seeded((uint64_t)(uintptr_t)&rng);
    while (!atomic_load(&s->stops)) {
        struct access_viewer viewer = somebody(rng_below(&rng, 2) ? GROWN_UP : CHILD);
        if (rng_below(&rng, 3) == 0) viewer = nobody_in(thailand);
        struct access_answer answer = ask(s->f, &s->titles[rng_below(&rng, 4)], viewer);
        assert_non_null(answer.reason);
        assert_true(answer.is_allowed == (answer.state == ACCESS_PLAYABLE));
        atomic_fetch_add(&s->decisions, 1);
    }
}
static void decisions_go_on_while_everything_changes(void **state) {
    struct fixture f = begin(state);
    struct storm storm = {.f = &f};
    for (size_t i = 0; i < ARRAY_LEN(storm.titles); i++) storm.titles[i] = title_make(&f, (struct title_wish){.is_paid = i % 2});
    struct public_id deal = deal_make(&f, &storm.titles[0], (struct line_wish){.effect = RIGHTS_BLACKOUT, .territories = "TH"}, NULL);
    struct thread *threads[2];
    assert_ok(access_start(f.access));
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) assert_ok(thread_start(&threads[i], "decide", storm_decide, &storm));
    struct account_household_facts changing = family;
    for (int i = 0; i < 12; i++) {
        struct access_grant grant;
        struct access_answer answer;
        struct delivery_pass pass;
        assert_ok(access_grant_add(f.access, ORG, HOME, title_id(&f, &storm.titles[1]), RIGHTS_RENTAL, ACCESS_ENDLESS, 0, &grant));
        deal_status(&f, &deal, i % 2 ? RIGHTS_ACTIVE : RIGHTS_SUSPENDED);
        changing.profiles[0].age_max = i % 2 ? 18 : 0;
        double_household_put(&changing);
        assert_ok(start(&f, &storm.titles[1], somebody(GROWN_UP), &answer, &pass));
        assert_ok(access_grant_remove(f.access, ORG, HOME, public_id_slice(&grant.public_id)));
    }
    atomic_store(&storm.stops, true);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) thread_join(&threads[i]);
    assert_true(storm.decisions > 0);
    while (access_sweep(f.access)) {}
    struct access_stats stats;
    access_stats(f.access, &stats);
    assert_int_equal(stats.grants, 0);
    assert_int_equal(stats.streams, 0); /* each lost its grant */
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(what_is_made_plays_at_once),
        ON_SQLITE(without_a_contract_nothing_plays),
        ON_SQLITE(a_contract_is_asked_before_the_till),
        ON_SQLITE(a_blackout_beats_everything_and_says_until_when),
        ON_SQLITE(a_place_that_no_list_has_is_held_to_what_holds_everywhere),
        ON_SQLITE(a_grant_on_a_series_opens_its_episodes),
        ON_SQLITE(of_several_ways_the_one_that_rights_allow_is_taken),
        ON_SQLITE(profiles_are_held_to_their_rating),
        ON_SQLITE(the_home_country_rates),
        ON_SQLITE(a_pin_is_asked_for_after_the_rating),
        ON_SQLITE(a_household_that_is_not_in_memory_is_loaded_first),
        ON_SQLITE(subscribers_abroad_are_at_home_where_that_is_wished),
        ON_SQLITE(each_step_is_explained_by_itself),
        ON_SQLITE(decisions_go_on_while_everything_changes),
    };
    return cmocka_run_group_tests_name("access decide", tests, NULL, NULL);
}
