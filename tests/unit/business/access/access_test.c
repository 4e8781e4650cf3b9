/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "business/access/access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "account_double.h"
#include "base/rng.h"
#include "base/thread.h"
#include "shop_double.h"
#include "store.h"

/* Of account, whose place a double takes: what rights read of it. */
static const struct db_migration account_migrations[] = {
    {.sql = "CREATE TABLE organisation(id $ID, name $TEXT NOT NULL, host $TEXT NOT NULL UNIQUE, created_s $INT NOT NULL) $TABLE;"
            "INSERT INTO organisation VALUES(3, 'Grandstand', '', 0);"}};
static const struct db_schema organisations = {.room = "account", .migrations = account_migrations, .versions = 1};
static const struct db_schema *const schemas[] = {&organisations, &catalog_schema, &rights_schema, &delivery_schema, &access_schema};
enum { HOME = 501, OTHER_HOME = 502, GROWN_UP = 601, CHILD = 602, TEEN = 603, LOCKED_UP = 604 };
#define ORG INT64_C(3)
#define START_S INT64_C(1795305600) /* 2026-11-22T00:00:00Z */
#define DAY_S INT64_C(86400)
static const struct geo_place germany = {.country = "DE"}, thailand = {.country = "TH"};

struct fixture {
    struct test_store *store;
    struct db *db;
    struct clock *clock;
    struct id_maker *ids;
    struct catalog *catalog;
    struct rights *rights;
    struct delivery *delivery;
    struct access *access;
};

static const struct account_household_facts family = {
    .org_id = ORG,
    .household_id = HOME,
    .country = "DE",
    .streams_max = 2,
    .profile_count = 4,
    .profiles = {{.profile_id = GROWN_UP, .age_max = 18},
                 {.profile_id = CHILD, .age_max = 6, .is_child = true},
                 {.profile_id = TEEN, .age_max = 18, .birth_year = 2012},
                 {.profile_id = LOCKED_UP, .age_max = 18, .has_pin = true}},
};

static struct err made(void *rights, struct db_tx *tx, int64_t org_id, int64_t title_id, const struct catalog_change *change) {
    return change->is_without_rights ? ERR_OK : rights_house_line_in(rights, tx, org_id, title_id);
}

static void house_open(struct fixture *f) {
    assert_ok(catalog_open(&f->catalog, f->db, f->ids));
    assert_ok(rights_open(&f->rights, &(struct rights_options){.db = f->db, .clock = f->clock, .ids = f->ids, .catalog = f->catalog}));
    catalog_on_made(f->catalog, made, f->rights);
    assert_ok(delivery_open(&f->delivery, &(struct delivery_options){.db = f->db, .clock = f->clock, .ids = f->ids}));
    assert_ok(access_open(&f->access, &(struct access_options){.db = f->db, .clock = f->clock, .ids = f->ids, .catalog = f->catalog, .rights = f->rights,
                                                               .offers = double_offers, .order = double_order, .delivery = f->delivery}));
}
static void house_close(struct fixture *f) {
    access_stop(f->access);
    rights_close(&f->rights);
    catalog_close(&f->catalog);
    access_close(&f->access);
    delivery_close(&f->delivery);
}
static struct fixture begin(void **state) {
    struct fixture f = {.store = test_store_of(state), .clock = clock_manual_create(utc_from_seconds(START_S))};
    f.db = test_store_open(f.store, schemas, ARRAY_LEN(schemas));
    f.ids = id_maker_create(f.clock, 0);
    double_reset();
    shop_double_reset();
    double_household_put(&family);
    struct account_household_facts other = family;
    other.household_id = OTHER_HOME;
    double_household_put(&other);
    house_open(&f);
    return f;
}
static void end(struct fixture *f) {
    house_close(f);
    id_maker_destroy(&f->ids);
    db_close(&f->db);
    clock_manual_destroy(&f->clock);
}

/* --- titles, deals, questions --- */

struct title_wish {
    enum catalog_kind kind;
    struct public_id parent;
    bool is_paid, has_no_rights;
    const char *fsk, *mpa, *th;
};
static struct public_id title_make(struct fixture *f, struct title_wish wish) {
    struct public_id id;
    struct catalog_change ch = {.has_kind = true, .kind = wish.kind, .has_is_free = true, .is_free = !wish.is_paid, .is_without_rights = wish.has_no_rights};
    ch.texts[0].has_name = true;
    ch.texts[0].name = SLICE("The Long Run");
    if (wish.parent.text[0]) {
        ch.has_parent = true;
        ch.parent = public_id_slice(&wish.parent);
        ch.has_season = ch.has_episode = true;
        ch.season = ch.episode = 1;
    }
    if (wish.fsk) {
        ch.has_ratings = true;
        assert_true(catalog_rating_parse(slice_cstr(wish.fsk), CATALOG_FSK, &ch.ratings));
    }
    if (wish.mpa || wish.th) ch.has_ratings = true;
    if (wish.mpa) assert_true(catalog_rating_parse(slice_cstr(wish.mpa), CATALOG_MPA, &ch.ratings));
    if (wish.th) assert_true(catalog_rating_parse(slice_cstr(wish.th), CATALOG_TH, &ch.ratings));
    assert_ok(catalog_create(f->catalog, ORG, &ch, CATALOG_READY, &id));
    assert_ok(rights_refresh(f->rights));
    return id;
}

static int64_t title_id(struct fixture *f, const struct public_id *title) {
    struct catalog_view *view;
    assert_ok(catalog_view_take(f->catalog, ORG, &view));
    int64_t id = catalog_find(view, public_id_slice(title))->id;
    catalog_view_give(&view);
    return id;
}

/* A deal of its own with one line. */
struct line_wish {
    enum rights_effect effect;
    const char *territories;
    uint16_t media;
    int64_t starts_s, ends_s, plays_max;
};
static struct public_id deal_make(struct fixture *f, const struct public_id *title, struct line_wish wish, struct public_id *line) {
    static int serial;
    char name[32];
    struct public_id party, deal;
    struct arena *arena = arena_create(1 << 20);
    snprintf(name, sizeof name, "Studio %d", ++serial);
    assert_ok(rights_party_create(f->rights, ORG, &(struct rights_party_change){.has_name = true, .name = slice_cstr(name)}, &party));
    assert_ok(rights_deal_create(f->rights, ORG, &(struct rights_deal_new){.reference = slice_cstr(name), .party = public_id_slice(&party), .direction = RIGHTS_IN, .status = RIGHTS_ACTIVE}, 0, &deal));
    struct rights_line_new item = {.terms = {.title_id = title_id(f, title), .effect = wish.effect, .media = wish.media ? wish.media : RIGHTS_ALL_MEDIA,
                                             .starts_s = wish.starts_s, .ends_s = wish.ends_s ? wish.ends_s : RIGHTS_ENDLESS, .plays_max = wish.plays_max, .note = SLICE("")}};
    struct slice bad;
    size_t at;
    struct rights_appended appended;
    assert_ok(rights_territories_of(slice_cstr(wish.territories), &item.terms.territories, &bad));
    assert_ok(rights_lines_append(f->rights, arena, ORG, &(struct rights_lines_new){.deal = public_id_slice(&deal), .items = &item, .count = 1, .accepts_conflicts = true},
                                  &appended, &at));
    if (line) *line = appended.lines.items[0].public_id;
    arena_destroy(&arena);
    return deal;
}
static void deal_status(struct fixture *f, const struct public_id *deal, enum rights_status status) {
    assert_ok(rights_deal_change(f->rights, ORG, public_id_slice(deal), &(struct rights_deal_change){.has_status = true, .status = status}, 0));
}

static struct access_viewer nobody_in(struct geo_place place) { return (struct access_viewer){.org_id = ORG, .has_shown_pin = true, .place = place}; }
static struct access_viewer somebody(int64_t profile_id) {
    return (struct access_viewer){.org_id = ORG, .household_id = HOME, .profile_id = profile_id, .has_shown_pin = true, .place = germany};
}

static struct access_answer ask_at(struct fixture *f, const struct public_id *title, struct access_viewer viewer, int64_t at_s) {
    struct catalog_view *view;
    assert_ok(catalog_view_take(f->catalog, ORG, &view));
    struct access_question q = {.viewer = &viewer, .view = view, .title = catalog_find(view, public_id_slice(title)), .at_s = at_s};
    assert_non_null(q.title);
    struct access_answer answer = access_decide(f->access, &q);
    if (!answer.is_allowed || answer.until_s < ACCESS_ENDLESS) access_outlook(f->access, &q, &answer);
    catalog_view_give(&view);
    return answer;
}
static struct access_answer ask(struct fixture *f, const struct public_id *title, struct access_viewer viewer) {
    return ask_at(f, title, viewer, utc_seconds(clock_utc(f->clock)));
}
#define expect(answer, state_wanted, reason_wanted)                                        \
    do {                                                                                   \
        struct access_answer a_ = (answer);                                                \
        assert_string_equal(a_.reason, reason_wanted);                                     \
        assert_string_equal(access_state_name(a_.state), state_wanted);                    \
        assert_int_equal(a_.is_allowed, !strcmp(state_wanted, "playable"));                \
    } while (0)

static struct err start(struct fixture *f, const struct public_id *title, struct access_viewer viewer, struct access_answer *answer, struct delivery_pass *pass) {
    struct catalog_view *view;
    assert_ok(catalog_view_take(f->catalog, ORG, &view));
    struct access_question q = {.viewer = &viewer, .view = view, .title = catalog_find(view, public_id_slice(title)), .at_s = utc_seconds(clock_utc(f->clock))};
    struct err e = access_begin(f->access, &q, SLICE("Firefox on Linux"), answer, pass);
    catalog_view_give(&view);
    return e;
}
static struct delivery_pass must_start(struct fixture *f, const struct public_id *title, struct access_viewer viewer) {
    struct access_answer answer;
    struct delivery_pass pass;
    assert_ok(start(f, title, viewer, &answer, &pass));
    if (!answer.is_allowed) fail_msg("refused: %s", answer.reason);
    return pass;
}
static struct access_answer renew(struct fixture *f, const struct delivery_pass *pass, struct access_viewer viewer, struct delivery_pass *fresh) {
    struct access_answer answer;
    assert_ok(access_renew(f->access, &viewer, public_id_slice(&pass->session), &answer, fresh));
    return answer;
}

/* --- the decision --- */

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

/* --- streams --- */

static void a_household_watches_on_so_many_screens(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){0});
    struct delivery_pass first = must_start(&f, &title, somebody(GROWN_UP)), second = must_start(&f, &title, somebody(CHILD)), third;
    struct access_answer answer;
    assert_ok(start(&f, &title, somebody(GROWN_UP), &answer, &third));
    expect(answer, "unavailable", "access.streams");
    assert_int_equal(answer.until_s, START_S + TOKEN_LIFETIME_S);
    struct access_viewer other = somebody(GROWN_UP);
    other.household_id = OTHER_HOME;
    must_start(&f, &title, other);
    for (int i = 0; i < 10; i++) must_start(&f, &title, nobody_in(germany)); /* who is nobody is not counted */

    struct arena *arena = arena_create(1 << 20);
    struct access_stream *streams;
    size_t count;
    assert_ok(access_streams(f.access, arena, ORG, HOME, &streams, &count));
    assert_int_equal(count, 2);
    assert_string_equal(streams[0].device, "Firefox on Linux");
    assert_ok(access_streams(f.access, arena, ORG + 1, HOME, &streams, &count));
    assert_int_equal(count, 0);
    arena_destroy(&arena);

    /* One is ended, and there is room. */
    assert_error(access_end(f.access, ORG, OTHER_HOME, public_id_slice(&first.session)), "playback.not_found");
    assert_error(access_end(f.access, ORG + 1, HOME, public_id_slice(&first.session)), "playback.not_found");
    assert_ok(access_end(f.access, ORG, HOME, public_id_slice(&first.session)));
    assert_ok(access_end(f.access, ORG, HOME, public_id_slice(&first.session)));
    third = must_start(&f, &title, somebody(GROWN_UP));
    /* One is not renewed any more and falls out; the other is renewed and stays. */
    clock_manual_advance(f.clock, 200 * NS_PER_S);
    expect(renew(&f, &third, somebody(GROWN_UP), &third), "playable", "access.free");
    clock_manual_advance(f.clock, 200 * NS_PER_S);
    struct delivery_pass fourth = must_start(&f, &title, somebody(GROWN_UP));
    assert_ok(start(&f, &title, somebody(GROWN_UP), &answer, &second));
    expect(answer, "unavailable", "access.streams");
    /* What had fallen out is let in again if there is room. */
    assert_ok(access_end(f.access, ORG, HOME, public_id_slice(&fourth.session)));
    clock_manual_advance(f.clock, 200 * NS_PER_S);
    expect(renew(&f, &third, somebody(GROWN_UP), &third), "playable", "access.free");
    end(&f);
}

static void who_comes_back_to_a_full_house_is_refused(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){0});
    struct delivery_pass slept = must_start(&f, &title, somebody(GROWN_UP)), fresh;
    clock_manual_advance(f.clock, 400 * NS_PER_S);
    must_start(&f, &title, somebody(GROWN_UP));
    must_start(&f, &title, somebody(GROWN_UP));
    expect(renew(&f, &slept, somebody(GROWN_UP), &fresh), "unavailable", "access.streams");
    end(&f);
}

struct rush {
    struct fixture *f;
    const struct public_id *title;
    _Atomic int allowed;
};
static void rush_run(void *arg) {
    struct rush *r = arg;
    struct access_answer answer;
    struct delivery_pass pass;
    for (int i = 0; i < 4; i++) {
        assert_ok(start(r->f, r->title, somebody(GROWN_UP), &answer, &pass));
        if (answer.is_allowed) atomic_fetch_add(&r->allowed, 1);
    }
}
static void two_at_once_do_not_both_get_the_last_place(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){0});
    struct rush rush = {.f = &f, .title = &title};
    struct thread *threads[4];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) assert_ok(thread_start(&threads[i], "rush", rush_run, &rush));
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) thread_join(&threads[i]);
    assert_int_equal(rush.allowed, 2);
    end(&f);
}

static void no_token_outlives_the_next_change(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.has_no_rights = true});
    deal_make(&f, &title, (struct line_wish){.territories = "WORLD", .starts_s = START_S - 10, .ends_s = START_S + 100}, NULL);
    struct delivery_pass pass = must_start(&f, &title, nobody_in(germany)), fresh;
    assert_int_equal(pass.token.expires_s, START_S + 100);
    clock_manual_advance(f.clock, 60 * NS_PER_S);
    expect(renew(&f, &pass, nobody_in(germany), &pass), "playable", "access.free");
    assert_int_equal(pass.token.expires_s, START_S + 100);
    clock_manual_advance(f.clock, 40 * NS_PER_S);
    expect(renew(&f, &pass, nobody_in(germany), &fresh), "unavailable", "rights.ended");
    /* By a grant. */
    struct public_id paid = title_make(&f, (struct title_wish){.is_paid = true});
    struct access_grant grant;
    assert_ok(access_grant_add(f.access, ORG, HOME, title_id(&f, &paid), RIGHTS_RENTAL, START_S + 200, 0, &grant));
    pass = must_start(&f, &paid, somebody(GROWN_UP));
    assert_int_equal(pass.token.expires_s, START_S + 200);
    end(&f);
}

/* --- ending what runs --- */

static void a_deal_that_ends_ends_what_runs(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.has_no_rights = true}), other = title_make(&f, (struct title_wish){0});
    struct public_id deal = deal_make(&f, &title, (struct line_wish){.territories = "WORLD"}, NULL);
    struct delivery_pass pass = must_start(&f, &title, nobody_in(germany)), goes_on = must_start(&f, &other, nobody_in(germany)), fresh;
    assert_int_equal(access_sweep(f.access), 0);
    deal_status(&f, &deal, RIGHTS_TERMINATED);
    assert_int_equal(access_sweep(f.access), 1);
    struct delivery_session session;
    assert_ok(delivery_session_find(f.delivery, ORG, public_id_slice(&pass.session), &session));
    assert_true(session.has_ended);
    assert_string_equal(session.reason, "rights.deal");
    expect(renew(&f, &pass, nobody_in(germany), &fresh), "unavailable", "rights.deal");
    expect(renew(&f, &goes_on, nobody_in(germany), &fresh), "playable", "access.free");
    assert_int_equal(access_sweep(f.access), 0);
    struct access_stats stats;
    access_stats(f.access, &stats);
    assert_int_equal(stats.streams, 1);
    assert_int_equal(stats.ended, 1);
    end(&f);
}

static void what_was_ended_stays_ended(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.has_no_rights = true});
    struct public_id deal = deal_make(&f, &title, (struct line_wish){.territories = "WORLD"}, NULL);
    struct delivery_pass pass = must_start(&f, &title, nobody_in(germany)), fresh;
    deal_status(&f, &deal, RIGHTS_SUSPENDED);
    assert_int_equal(access_sweep(f.access), 1);
    deal_status(&f, &deal, RIGHTS_ACTIVE);
    expect(renew(&f, &pass, nobody_in(germany), &fresh), "unavailable", "rights.deal"); /* begin anew */
    must_start(&f, &title, nobody_in(germany));
    /* By its viewer: no reason but that. */
    pass = must_start(&f, &title, nobody_in(germany));
    assert_ok(access_end(f.access, ORG, 0, public_id_slice(&pass.session)));
    struct access_viewer viewer = nobody_in(germany);
    struct access_answer answer;
    assert_error(access_renew(f.access, &viewer, public_id_slice(&pass.session), &answer, &fresh), "token.revoked");
    end(&f);
}

static void profiles_grants_and_titles_end_it_too(void **state) {
    struct fixture f = begin(state);
    struct public_id rated = title_make(&f, (struct title_wish){.fsk = "16"}), paid = title_make(&f, (struct title_wish){.is_paid = true}), gone = title_make(&f, (struct title_wish){0});
    struct access_grant grant;
    struct delivery_pass fresh;
    assert_ok(access_grant_add(f.access, ORG, HOME, title_id(&f, &paid), RIGHTS_RENTAL, ACCESS_ENDLESS, 0, &grant));
    struct account_household_facts changed = family;
    changed.streams_max = 10;
    double_household_put(&changed);
    struct delivery_pass by_rating = must_start(&f, &rated, somebody(GROWN_UP)), by_grant = must_start(&f, &paid, somebody(GROWN_UP)),
                         by_title = must_start(&f, &gone, somebody(GROWN_UP)), by_profile = must_start(&f, &rated, somebody(LOCKED_UP)),
                         by_mark = must_start(&f, &gone, nobody_in(germany));
    changed.profiles[0].age_max = 12;
    changed.profile_count = 3; /* LOCKED_UP is gone */
    double_household_put(&changed);
    assert_ok(access_grant_remove(f.access, ORG, HOME, public_id_slice(&grant.public_id)));
    assert_error(access_grant_remove(f.access, ORG, HOME, public_id_slice(&grant.public_id)), "grant.not_found");
    assert_int_equal(access_sweep(f.access), 3);
    expect(renew(&f, &by_rating, somebody(GROWN_UP), &fresh), "rating", "access.rating");
    expect(renew(&f, &by_grant, somebody(GROWN_UP), &fresh), "locked", "access.entitlement");
    expect(renew(&f, &by_profile, somebody(GROWN_UP), &fresh), "sign_in", "access.profile");
    /* Not free any more. */
    assert_ok(catalog_change(f.catalog, ORG, public_id_slice(&gone), &(struct catalog_change){.has_is_free = true, .is_free = false}));
    assert_int_equal(access_sweep(f.access), 2);
    expect(renew(&f, &by_title, somebody(GROWN_UP), &fresh), "locked", "access.entitlement");
    expect(renew(&f, &by_mark, nobody_in(germany), &fresh), "sign_in", "access.entitlement");
    /* Gone altogether. */
    struct public_id last = title_make(&f, (struct title_wish){0});
    struct delivery_pass pass = must_start(&f, &last, nobody_in(germany));
    assert_ok(catalog_remove(f.catalog, ORG, public_id_slice(&last)));
    assert_int_equal(access_sweep(f.access), 1);
    expect(renew(&f, &pass, nobody_in(germany), &fresh), "unavailable", "access.removed");
    end(&f);
}

static void who_moves_is_asked_again_from_there(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.has_no_rights = true});
    deal_make(&f, &title, (struct line_wish){.territories = "DE"}, NULL);
    struct delivery_pass pass = must_start(&f, &title, nobody_in(germany)), fresh;
    expect(renew(&f, &pass, nobody_in(thailand), &fresh), "unavailable", "rights.territory");
    expect(renew(&f, &pass, nobody_in(germany), &fresh), "unavailable", "rights.territory"); /* it was ended */
    end(&f);
}

static void a_play_that_was_counted_goes_on(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.has_no_rights = true});
    deal_make(&f, &title, (struct line_wish){.territories = "WORLD", .plays_max = 2}, NULL);
    struct delivery_pass first = must_start(&f, &title, nobody_in(germany)), second = must_start(&f, &title, nobody_in(germany)), third;
    struct access_answer answer;
    assert_ok(start(&f, &title, nobody_in(germany), &answer, &third));
    expect(answer, "unavailable", "rights.plays");
    assert_int_equal(access_sweep(f.access), 0);
    assert_true(renew(&f, &first, nobody_in(germany), &first).is_allowed);
    assert_true(renew(&f, &second, nobody_in(germany), &second).is_allowed);
    end(&f);
}

static void sessions_of_others_are_not_there(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){0});
    struct delivery_pass pass = must_start(&f, &title, somebody(GROWN_UP)), fresh;
    struct access_answer answer;
    struct access_viewer other = somebody(GROWN_UP), elsewhere = somebody(GROWN_UP), nobody = nobody_in(germany);
    other.household_id = OTHER_HOME;
    elsewhere.org_id = ORG + 1;
    const struct access_viewer *strangers[] = {&other, &elsewhere, &nobody};
    for (size_t i = 0; i < ARRAY_LEN(strangers); i++)
        assert_error(access_renew(f.access, strangers[i], public_id_slice(&pass.session), &answer, &fresh), "playback.not_found");
    assert_error(access_renew(f.access, &nobody, SLICE("0000000000000000"), &answer, &fresh), "playback.not_found");
    assert_error(access_renew(f.access, &nobody, SLICE("no id"), &answer, &fresh), "playback.not_found");
    struct access_grant grant;
    assert_ok(access_grant_add(f.access, ORG, HOME, title_id(&f, &title), RIGHTS_RENTAL, ACCESS_ENDLESS, 0, &grant));
    assert_error(access_grant_remove(f.access, ORG, OTHER_HOME, public_id_slice(&grant.public_id)), "grant.not_found");
    assert_error(access_grant_remove(f.access, ORG + 1, HOME, public_id_slice(&grant.public_id)), "grant.not_found");
    end(&f);
}

static void everything_is_there_after_a_restart(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.is_paid = true});
    struct access_grant grant, second;
    assert_ok(access_grant_add(f.access, ORG, HOME, title_id(&f, &title), RIGHTS_RENTAL, ACCESS_ENDLESS, 0, &grant));
    assert_ok(access_grant_add(f.access, ORG, OTHER_HOME, title_id(&f, &title), RIGHTS_RENTAL, ACCESS_ENDLESS, 0, &second));
    assert_ok(access_grant_remove(f.access, ORG, OTHER_HOME, public_id_slice(&second.public_id)));
    struct delivery_pass first = must_start(&f, &title, somebody(GROWN_UP)), pass = must_start(&f, &title, somebody(LOCKED_UP)), fresh;
    house_close(&f);
    house_open(&f);
    struct access_answer answer;
    struct access_viewer other = somebody(GROWN_UP);
    other.household_id = OTHER_HOME;
    assert_ok(start(&f, &title, somebody(GROWN_UP), &answer, &fresh));
    expect(answer, "unavailable", "access.streams"); /* they still run */
    expect(ask(&f, &title, other), "locked", "access.entitlement");
    assert_true(renew(&f, &first, somebody(GROWN_UP), &fresh).is_allowed);
    assert_ok(access_grant_remove(f.access, ORG, HOME, public_id_slice(&grant.public_id)));
    assert_int_equal(access_sweep(f.access), 2);
    expect(renew(&f, &pass, somebody(LOCKED_UP), &fresh), "locked", "access.entitlement");
    house_close(&f);
    house_open(&f);
    expect(renew(&f, &pass, somebody(LOCKED_UP), &fresh), "locked", "access.entitlement"); /* and it is still known why */
    end(&f);
}

static void two_processes_follow_each_other(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.is_paid = true});
    struct fixture g = f; /* the second, over the same store */
    struct access_grant grant;
    house_open(&g);
    assert_ok(access_grant_add(f.access, ORG, HOME, title_id(&f, &title), RIGHTS_RENTAL, ACCESS_ENDLESS, 0, &grant));
    expect(ask(&g, &title, somebody(GROWN_UP)), "locked", "access.entitlement"); /* not told yet */
    struct access_grant own;
    assert_ok(access_grant_add(g.access, ORG, OTHER_HOME, title_id(&f, &title), RIGHTS_RENTAL, ACCESS_ENDLESS, 0, &own)); /* follows when it writes */
    expect(ask(&g, &title, somebody(GROWN_UP)), "playable", "access.granted");
    assert_ok(access_start(g.access));
    assert_ok(access_grant_remove(f.access, ORG, HOME, public_id_slice(&grant.public_id)));
    access_poke(g.access);
    while (ask(&g, &title, somebody(GROWN_UP)).is_allowed) sched_yield();
    house_close(&g);
    end(&f);
}

static void many_end_at_once(void **state) {
    struct fixture f = begin(state);
    enum { MANY = 60 }; /* each waits for the disk */
    struct public_id title = title_make(&f, (struct title_wish){.has_no_rights = true}), keeps = title_make(&f, (struct title_wish){0});
    struct public_id deal = deal_make(&f, &title, (struct line_wish){.territories = "WORLD"}, NULL);
    struct delivery_pass pass = {0}, kept;
    for (int i = 0; i < MANY; i++) pass = must_start(&f, &title, nobody_in(germany));
    kept = must_start(&f, &keeps, nobody_in(germany));
    deal_status(&f, &deal, RIGHTS_TERMINATED);
    assert_ok(access_start(f.access));
    access_poke(f.access);
    struct access_stats stats;
    do access_stats(f.access, &stats);
    while (stats.ended < MANY);
    assert_int_equal(stats.streams, 1);
    expect(renew(&f, &pass, nobody_in(germany), &pass), "unavailable", "rights.deal");
    assert_true(renew(&f, &kept, nobody_in(germany), &kept).is_allowed);
    end(&f);
}

/* --- grants --- */

static void grants_are_checked(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.is_paid = true});
    struct access_grant grant, *list;
    int64_t id = title_id(&f, &title);
    assert_error(access_grant_add(f.access, ORG, HOME, id, RIGHTS_RENTAL, START_S, 0, &grant), "grant.ends");
    assert_error(access_grant_add(f.access, ORG, HOME, id, RIGHTS_RENTAL, INT64_MAX, 0, &grant), "grant.ends");
    assert_error(access_grant_add(f.access, ORG, HOME, id, RIGHTS_THEATRICAL, ACCESS_ENDLESS, 0, &grant), "grant.medium");
    for (int i = 0; i < 3; i++) assert_ok(access_grant_add(f.access, ORG, HOME, id, RIGHTS_RENTAL, START_S + 10 + i, 0, &grant));
    struct arena *arena = arena_create(1 << 20);
    size_t count;
    assert_ok(access_grants(f.access, arena, ORG, HOME, &list, &count));
    assert_int_equal(count, 3);
    assert_true(list[0].id > list[1].id && list[0].ends_s == START_S + 12);
    clock_manual_advance(f.clock, 11 * NS_PER_S);
    assert_ok(access_grants(f.access, arena, ORG, HOME, &list, &count));
    assert_int_equal(count, 1);
    assert_ok(access_grants(f.access, arena, ORG + 1, HOME, &list, &count));
    assert_int_equal(count, 0);
    arena_destroy(&arena);
    end(&f);
}

static struct err erase_fn(struct db_tx *tx, void *arg) { return double_holder.erase(double_holder.user, tx, arg); }
struct export_work {
    struct arena *arena;
    struct buf out;
    struct account_subject *subject;
};
static struct err export_fn(struct db_tx *tx, void *arg) {
    struct export_work *w = arg;
    struct json_writer writer = json_writer_of(&w->out);
    return double_holder.write(double_holder.user, tx, w->arena, w->subject, &writer);
}
static void people_may_take_along_and_be_forgotten(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.is_paid = true});
    struct access_grant grant;
    assert_ok(access_grant_add(f.access, ORG, HOME, title_id(&f, &title), RIGHTS_RENTAL, START_S + DAY_S, 0, &grant));
    struct delivery_pass pass = must_start(&f, &title, somebody(GROWN_UP));
    struct account_subject subject = {.org_id = ORG, .household_id = HOME};
    struct export_work work = {.arena = arena_create(1 << 20), .out = BUF(10000), .subject = &subject};
    assert_ok(db_read(f.db, export_fn, &work));
    struct slice wanted = arena_printf(work.arena, "[{\"title\":\"%s\",\"medium\":\"rental\",\"starts_at\":\"2026-11-22T00:00:00Z\",\"ends_at\":\"2026-11-23T00:00:00Z\"}]", title.text);
    assert_true(slice_eq(buf_slice(&work.out), wanted));
    buf_free(&work.out);
    arena_destroy(&work.arena);
    struct delivery_session session;
    assert_ok(db_write(f.db, erase_fn, &subject)); /* one of several users: the household stays */
    assert_ok(delivery_session_find(f.delivery, ORG, public_id_slice(&pass.session), &session));
    assert_int_equal(session.viewer.household_id, HOME);
    subject.is_whole_household = true;
    assert_ok(db_write(f.db, erase_fn, &subject));
    assert_ok(delivery_session_find(f.delivery, ORG, public_id_slice(&pass.session), &session));
    assert_int_equal(session.viewer.household_id, 0);
    assert_string_equal(session.viewer.device, "");
    end(&f);
}

/* --- words --- */

static void said(const char *lang, struct access_answer answer, const struct geo_place *place, const char *wanted) {
    struct buf out = BUF(2000);
    access_sentence(&out, slice_cstr(lang), &answer, place, START_S);
    char text[2000] = "";
    if (out.len) memcpy(text, out.ptr, out.len);
    assert_string_equal(text, wanted);
    buf_free(&out);
}

/* --- what was bought --- */

static struct order_held held_of(int64_t id, enum offer_kind kind, enum rights_medium medium, int64_t ends_s) {
    return (struct order_held){.entitlement_id = id, .order_id = id + 100, .offer_id = id + 200, .kind = kind, .medium = medium, .starts_s = START_S - DAY_S, .ends_s = ends_s};
}

static struct access_sale sale_of(struct fixture *f, const struct public_id *title, struct access_viewer viewer, struct access_answer *answer) {
    struct catalog_view *view;
    struct access_sale sale;
    assert_ok(catalog_view_take(f->catalog, ORG, &view));
    struct access_question q = {.viewer = &viewer, .view = view, .title = catalog_find(view, public_id_slice(title)), .at_s = utc_seconds(clock_utc(f->clock)), .without_streams = true};
    *answer = access_decide(f->access, &q);
    access_sale(f->access, &q, answer, &sale);
    if (answer->until_s < ACCESS_ENDLESS) access_outlook(f->access, &q, answer);
    catalog_view_give(&view);
    return sale;
}

static void a_plan_opens_what_rights_allow_by_subscription(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.is_paid = true, .has_no_rights = true});
    deal_make(&f, &title, (struct line_wish){.territories = "DE", .media = 1 << RIGHTS_SUBSCRIPTION}, NULL);
    struct order_held plan = held_of(1, OFFER_SUBSCRIPTION, RIGHTS_SUBSCRIPTION, START_S + 30 * DAY_S);
    plan.renews = true;
    shop_double_hold(HOME, 0, &plan);
    struct access_answer answer = ask(&f, &title, somebody(GROWN_UP));
    expect(answer, "playable", "access.subscribed");
    assert_int_equal(answer.medium, RIGHTS_SUBSCRIPTION);
    assert_int_equal(answer.until_s, START_S + 30 * DAY_S); /* no token goes beyond it, */
    assert_int_equal(answer.turns_s, 0);                    /* and nobody is told of an end, since it renews itself */
    assert_true(answer.held.order_id == 101 && answer.held.offer_id == 201);
    plan.renews = false;
    shop_double_hold(HOME, 0, &plan);
    assert_int_equal(ask(&f, &title, somebody(GROWN_UP)).turns_s, START_S + 30 * DAY_S);
    struct access_viewer other = somebody(GROWN_UP), away = other;
    other.household_id = OTHER_HOME;
    away.place = thailand;
    expect(ask(&f, &title, other), "locked", "access.entitlement");
    expect(ask(&f, &title, away), "unavailable", "rights.territory");
    expect(ask_at(&f, &title, somebody(GROWN_UP), START_S + 30 * DAY_S), "locked", "access.entitlement");
    /* What may only be rented does not come with a plan. */
    struct public_id rented = title_make(&f, (struct title_wish){.is_paid = true, .has_no_rights = true});
    deal_make(&f, &rented, (struct line_wish){.territories = "DE", .media = 1 << RIGHTS_RENTAL}, NULL);
    expect(ask(&f, &rented, somebody(GROWN_UP)), "unavailable", "rights.medium");
    end(&f);
}

static void a_rental_runs_from_the_first_play(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.is_paid = true});
    struct order_held rental = held_of(1, OFFER_RENTAL, RIGHTS_RENTAL, START_S + 30 * DAY_S);
    rental.watch_s = 120;
    shop_double_hold(HOME, title_id(&f, &title), &rental);
    struct access_answer answer = ask(&f, &title, somebody(GROWN_UP));
    expect(answer, "playable", "access.rented");
    assert_int_equal(answer.until_s, START_S + 120);          /* as long as a play that begins now may last; */
    assert_int_equal(answer.turns_s, START_S + 30 * DAY_S);   /* it may be begun until then */
    assert_int_equal(shop_double_starts, 0);
    struct delivery_pass pass = must_start(&f, &title, somebody(GROWN_UP));
    assert_int_equal(shop_double_starts, 1);
    assert_int_equal(pass.token.expires_s, START_S + 120);
    must_start(&f, &title, somebody(GROWN_UP));
    assert_int_equal(shop_double_starts, 1);
    end(&f);
}

static void a_rental_that_is_gone_gives_no_token(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.is_paid = true});
    struct order_held rental = held_of(1, OFFER_RENTAL, RIGHTS_RENTAL, START_S + 30 * DAY_S);
    rental.watch_s = 3600;
    shop_double_hold(HOME, title_id(&f, &title), &rental);
    struct access_answer answer;
    struct delivery_pass pass;
    struct access_stats stats;
    /* The store cannot be asked: an error, no place taken, nothing begun. */
    shop_double_fail(err_make(ERR_IO, "db.lost", "No connection."));
    struct err e = start(&f, &title, somebody(GROWN_UP), &answer, &pass);
    assert_string_equal(e.code, "db.lost");
    access_stats(f.access, &stats);
    assert_int_equal(stats.streams, 0);
    /* It was taken back in this moment: a refusal like any other, as soon as memory knows. */
    shop_double_fail(err_make(ERR_NOT_FOUND, "order.entitlement", "Gone."));
    e = start(&f, &title, somebody(GROWN_UP), &answer, &pass);
    assert_string_equal(e.code, "order.entitlement"); /* memory still says yes */
    rental.ends_s = START_S;
    shop_double_hold(HOME, title_id(&f, &title), &rental);
    assert_ok(start(&f, &title, somebody(GROWN_UP), &answer, &pass));
    expect(answer, "locked", "access.entitlement");
    access_stats(f.access, &stats);
    assert_int_equal(stats.streams, 0);
    assert_int_equal(shop_double_starts, 0);
    end(&f);
}

static void nothing_is_used_up_in_vain(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.is_paid = true});
    struct order_held rental = held_of(1, OFFER_RENTAL, RIGHTS_RENTAL, START_S + 30 * DAY_S), begun = held_of(2, OFFER_RENTAL, RIGHTS_RENTAL, START_S + DAY_S),
                      kept = held_of(3, OFFER_PURCHASE, RIGHTS_PURCHASE, ORDER_ENDLESS), plan = held_of(4, OFFER_SUBSCRIPTION, RIGHTS_SUBSCRIPTION, START_S + 3 * DAY_S);
    rental.watch_s = begun.watch_s = 3600;
    begun.started_s = START_S - 60;
    int64_t id = title_id(&f, &title);
    const struct order_held *const all[] = {&rental, &begun, &kept, &plan};
    static const char *const reasons[] = {"access.rented", "access.rented", "access.bought", "access.subscribed"};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) { /* each one that comes is better than those there are */
        shop_double_hold(HOME, id, all[i]);
        struct access_answer answer = ask(&f, &title, somebody(GROWN_UP));
        expect(answer, "playable", reasons[i]);
        assert_true(answer.held.entitlement_id == all[i]->entitlement_id);
    }
    must_start(&f, &title, somebody(GROWN_UP));
    assert_int_equal(shop_double_starts, 0);
    struct access_grant grant;
    assert_ok(access_grant_add(f.access, ORG, HOME, id, RIGHTS_RENTAL, ACCESS_ENDLESS, 0, &grant));
    expect(ask(&f, &title, somebody(GROWN_UP)), "playable", "access.granted");
    end(&f);
}

static void what_is_taken_back_ends_what_plays(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.is_paid = true});
    struct order_held kept = held_of(1, OFFER_PURCHASE, RIGHTS_PURCHASE, ORDER_ENDLESS), rental = held_of(2, OFFER_RENTAL, RIGHTS_RENTAL, START_S + 30 * DAY_S);
    rental.watch_s = 3600;
    shop_double_hold(HOME, title_id(&f, &title), &kept);
    struct delivery_pass pass = must_start(&f, &title, somebody(GROWN_UP)), fresh;
    assert_int_equal(access_sweep(f.access), 0);
    kept.ends_s = START_S; /* refunded, or charged back */
    shop_double_hold(HOME, title_id(&f, &title), &kept);
    assert_int_equal(access_sweep(f.access), 1);
    expect(renew(&f, &pass, somebody(GROWN_UP), &fresh), "locked", "access.entitlement");
    /* With a rental beside it he goes on under that, which begins then. */
    kept.ends_s = ORDER_ENDLESS;
    shop_double_hold(HOME, title_id(&f, &title), &kept);
    pass = must_start(&f, &title, somebody(GROWN_UP));
    shop_double_hold(HOME, title_id(&f, &title), &rental);
    kept.ends_s = START_S;
    shop_double_hold(HOME, title_id(&f, &title), &kept);
    assert_int_equal(access_sweep(f.access), 0);
    expect(renew(&f, &pass, somebody(GROWN_UP), &fresh), "playable", "access.rented");
    assert_int_equal(shop_double_starts, 1);
    end(&f);
}

static void a_tile_says_what_it_costs(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.is_paid = true, .fsk = "18"}), free = title_make(&f, (struct title_wish){0});
    struct access_answer answer;
    struct access_sale sale = sale_of(&f, &title, somebody(GROWN_UP), &answer);
    assert_string_equal(access_badge_name(sale.badge), "none"); /* nobody sells it */
    assert_int_equal(sale.price.currency, 0);
    assert_string_equal(access_badge_name(sale_of(&f, &free, somebody(GROWN_UP), &answer).badge), "free");
    static const struct {
        uint16_t kinds;
        const char *badge, *sentence;
        int64_t lowest;
    } cases[] = {
        {1 << OFFER_SUBSCRIPTION, "subscribe", "Watch this title with a subscription.", 999},
        {1 << OFFER_RENTAL, "rent", "Rent this title to watch it.", 399},
        {1 << OFFER_PURCHASE, "buy", "Buy this title to watch it.", 1299},
        {1 << OFFER_LIVE_PASS, "buy", "Buy this title to watch it.", 1500},
        {1 << OFFER_SUBSCRIPTION | 1 << OFFER_RENTAL, "subscribe", "Watch this title with a subscription, or rent it.", 399},
        {1 << OFFER_SUBSCRIPTION | 1 << OFFER_BUNDLE, "subscribe", "Watch this title with a subscription, or buy it.", 999},
        {1 << OFFER_RENTAL | 1 << OFFER_PURCHASE, "rent", "Rent or buy this title to watch it.", 399},
        {1 << OFFER_SUBSCRIPTION | 1 << OFFER_RENTAL | 1 << OFFER_PURCHASE, "subscribe", "Watch this title with a subscription, or rent or buy it.", 399},
        {1 << OFFER_GIFT_CARD, "none", "This title is not among those that your household may watch.", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct offer_sale sold = {.kinds = cases[i].kinds, .next_s = OFFER_ENDLESS};
        sold.lowest[OFFER_SUBSCRIPTION] = MONEY(999, CURRENCY_EUR);
        sold.lowest[OFFER_RENTAL] = MONEY(399, CURRENCY_EUR);
        sold.lowest[OFFER_PURCHASE] = MONEY(1299, CURRENCY_EUR);
        sold.lowest[OFFER_LIVE_PASS] = MONEY(1500, CURRENCY_EUR);
        sold.lowest[OFFER_BUNDLE] = MONEY(4999, CURRENCY_EUR);
        shop_double_sell(&sold);
        sale = sale_of(&f, &title, somebody(GROWN_UP), &answer);
        assert_string_equal(access_badge_name(sale.badge), cases[i].badge);
        assert_int_equal(sale.price.minor, cases[i].lowest);
        struct buf text = BUF(400);
        access_sentence(&text, SLICE("en"), &answer, &germany, START_S);
        assert_memory_equal(text.ptr, cases[i].sentence, text.len);
        assert_int_equal(text.len, strlen(cases[i].sentence));
        buf_free(&text);
    }
    struct order_held rental = held_of(1, OFFER_RENTAL, RIGHTS_RENTAL, START_S + 30 * DAY_S), plan = held_of(2, OFFER_SUBSCRIPTION, RIGHTS_SUBSCRIPTION, START_S + 9 * DAY_S);
    rental.watch_s = 3600;
    plan.renews = true;
    shop_double_hold(HOME, title_id(&f, &title), &rental);
    sale = sale_of(&f, &title, somebody(GROWN_UP), &answer);
    assert_string_equal(access_badge_name(sale.badge), "rented");
    assert_true(sale.until_s == START_S + 30 * DAY_S && sale.price.currency == 0);
    struct buf text = BUF(400);
    access_sentence(&text, SLICE("en"), &answer, &germany, START_S);
    assert_true(slice_eq(buf_slice(&text), SLICE("Rented. Begin to watch by 22 December.")));
    buf_free(&text);
    assert_string_equal(access_badge_name(sale_of(&f, &title, somebody(CHILD), &answer).badge), "rented"); /* it is theirs, though not for him */
    expect(answer, "rating", "access.rating");
    shop_double_hold(HOME, 0, &plan);
    sale = sale_of(&f, &title, somebody(GROWN_UP), &answer);
    assert_string_equal(access_badge_name(sale.badge), "included");
    assert_true(sale.until_s == ACCESS_ENDLESS);
    struct public_id abroad = title_make(&f, (struct title_wish){.has_no_rights = true}); /* free, and nobody may show it */
    assert_string_equal(access_badge_name(sale_of(&f, &abroad, somebody(GROWN_UP), &answer).badge), "none");
    end(&f);
}

static void answers_are_said_in_four_languages(void **state) {
    struct access_answer blackout = {.state = ACCESS_UNAVAILABLE, .reason = "rights.blackout", .turns_s = 1804032000}; /* 2027-03-03 */
    said("en", blackout, &thailand, "Blacked out in Thailand until 3 March 2027.");
    said("de", blackout, &thailand, "Hier (Thailand) bis 3. März 2027 gesperrt.");
    said("zh", blackout, &thailand, "在泰国被禁播，至2027年3月3日。");
    said("th", blackout, &thailand, "งดเผยแพร่ในไทยจนถึง 3 มีนาคม 2570");
    struct access_answer territory = {.state = ACCESS_UNAVAILABLE, .reason = "rights.territory", .turns_s = START_S + 30 * DAY_S};
    said("en", territory, &thailand, "Not available in Thailand until 22 December.");
    said("de", territory, &thailand, "Hier (Thailand) bis 22. Dezember nicht verfügbar.");
    said("zh", territory, &thailand, "在泰国，12月22日之前暂不提供观看。");
    territory.turns_s = 0;
    said("en", territory, &thailand, "Not available in Thailand.");
    said("en", territory, &(struct geo_place){.country = "US", .area = "US-CA"}, "Not available in the United States.");
    said("en", territory, &(struct geo_place){.country = "XK"}, "This title may not be shown where you are.");
    said("en", territory, NULL, "This title may not be shown where you are.");
    struct access_answer soon = {.state = ACCESS_UNAVAILABLE, .reason = "rights.not_yet", .turns_s = START_S + 19 * 3600 + 300};
    said("en", soon, &germany, "Available in Germany from 22 November, 19:05 UTC.");
    said("de", soon, NULL, "Verfügbar ab 22. November, 19:05 UTC.");
    struct access_answer adult = {.state = ACCESS_TOO_YOUNG, .step = ACCESS_RATING, .reason = "access.rating", .age = 18};
    said("en", adult, &germany, "This profile may not watch this title: it is for viewers aged 18 and over.");
    adult.state = ACCESS_SIGN_IN;
    said("de", adult, &germany, "Ab 18 Jahren. Melde dich mit dem Profil eines Erwachsenen an.");
    struct access_answer paid = {.state = ACCESS_LOCKED, .step = ACCESS_ENTITLEMENT, .reason = "access.entitlement"};
    said("en", paid, &germany, "This title is not among those that your household may watch.");
    paid.state = ACCESS_SIGN_IN;
    said("th", paid, &germany, "เข้าสู่ระบบเพื่อรับชมเรื่องนี้");
    struct access_answer free_for_now = {.is_allowed = true, .reason = "access.free", .turns_s = START_S + 2 * DAY_S};
    said("en", free_for_now, &germany, "Available until 24 November.");
    free_for_now.turns_s = 0;
    said("en", free_for_now, &germany, "");
}

static void every_refusal_has_a_sentence(void **state) {
    static const char *const ours[] = {"access.entitlement", "access.rating", "access.pin", "access.profile", "access.streams", "access.removed"};
    for (int l = 0; l < TEXT_LANGUAGE_COUNT; l++)
        for (size_t i = 0; i < ARRAY_LEN(ours) + RIGHTS_REASONS - 1; i++)
            for (int with = 0; with < 4; with++) {
                struct access_answer answer = {.state = ACCESS_UNAVAILABLE, .age = 16, .turns_s = with & 1 ? START_S + 40 * DAY_S : 0};
                answer.step = i < ARRAY_LEN(ours) ? ACCESS_RATING : ACCESS_RIGHTS;
                answer.reason = i < ARRAY_LEN(ours) ? ours[i] : rights_reason_code((enum rights_reason)(i - ARRAY_LEN(ours) + 1));
                struct buf out = BUF(2000);
                access_sentence(&out, text_languages[l].code, &answer, with & 2 ? &thailand : NULL, START_S);
                if (out.len < 5 || slice_find_byte(buf_slice(&out), '{') != SLICE_NPOS) fail_msg("%s in %s: %.*s", answer.reason, text_languages[l].code.ptr, (int)out.len, out.ptr);
                buf_free(&out);
            }
    /* For whoever knows the zone the moment stands apart: once, wherever the sentence has one. */
    for (int l = 0; l < TEXT_LANGUAGE_COUNT; l++)
        for (int with = 0; with < 4; with++) {
            struct access_answer blackout = {.state = ACCESS_UNAVAILABLE, .reason = "rights.blackout", .turns_s = with & 1 ? START_S + 40 * DAY_S : 0};
            struct buf out = BUF(2000);
            buf_cstr(&out, "before ");
            assert_int_equal(access_sentence_open(&out, text_languages[l].code, &blackout, with & 2 ? &thailand : NULL), with & 1);
            size_t at = slice_find(buf_slice(&out), SLICE("{at}"));
            assert_int_equal(at != SLICE_NPOS, with & 1);
            if (!(with & 1)) assert_true(slice_eq(buf_slice(&out), SLICE("before ")));
            else assert_true(slice_find(slice_sub(buf_slice(&out), at + 4, out.len), SLICE("{")) == SLICE_NPOS);
            buf_free(&out);
        }
    struct access_answer young = {.state = ACCESS_TOO_YOUNG, .step = ACCESS_RATING, .reason = "access.rating", .age = 18, .turns_s = START_S + DAY_S};
    struct buf none = BUF(2000);
    assert_false(access_sentence_open(&none, SLICE("en"), &young, &germany)); /* its sentence has no place for a date */
    assert_int_equal(none.len, 0);
    buf_free(&none);
    /* Every country that rights know has a name. */
    for (int i = 0; i < RIGHTS_COUNTRIES; i++) {
        struct geo_place place = {0};
        memcpy(place.country, rights_country_code((uint8_t)i), 3);
        struct access_answer answer = {.state = ACCESS_UNAVAILABLE, .reason = "rights.none"};
        struct buf out = BUF(2000);
        access_sentence(&out, SLICE("en"), &answer, &place, START_S);
        assert_true(slice_starts_with(buf_slice(&out), SLICE("Not available in ")));
        buf_free(&out);
    }
}

static void dates_are_right(void **state) {
    static const struct {
        int64_t at_s;
        const char *text;
    } cases[] = {{0, "1 January 1970"},           {951782400, "29 February 2000"},   {951868800, "1 March 2000"},     {1709164800, "29 February 2024"},
                 {1735603200, "31 December 2024"}, {4107542400, "1 March 2100"},      {4107456000, "28 February 2100"}, {4294967294, "7 February 2106"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char wanted[100];
        struct access_answer answer = {.is_allowed = true, .reason = "access.free", .turns_s = cases[i].at_s ? cases[i].at_s : 1};
        snprintf(wanted, sizeof wanted, "Available until %s.", cases[i].text);
        said("en", answer, NULL, wanted);
    }
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
        ON_BOTH(a_household_watches_on_so_many_screens),
        ON_SQLITE(who_comes_back_to_a_full_house_is_refused),
        ON_SQLITE(two_at_once_do_not_both_get_the_last_place),
        ON_SQLITE(no_token_outlives_the_next_change),
        ON_BOTH(a_deal_that_ends_ends_what_runs),
        ON_SQLITE(what_was_ended_stays_ended),
        ON_BOTH(profiles_grants_and_titles_end_it_too),
        ON_SQLITE(who_moves_is_asked_again_from_there),
        ON_SQLITE(a_play_that_was_counted_goes_on),
        ON_BOTH(sessions_of_others_are_not_there),
        ON_BOTH(everything_is_there_after_a_restart),
        ON_BOTH(two_processes_follow_each_other),
        ON_SQLITE(many_end_at_once),
        ON_BOTH(grants_are_checked),
        ON_BOTH(people_may_take_along_and_be_forgotten),
        ON_SQLITE(a_plan_opens_what_rights_allow_by_subscription),
        ON_BOTH(a_rental_runs_from_the_first_play),
        ON_SQLITE(a_rental_that_is_gone_gives_no_token),
        ON_SQLITE(nothing_is_used_up_in_vain),
        ON_BOTH(what_is_taken_back_ends_what_plays),
        ON_SQLITE(a_tile_says_what_it_costs),
        cmocka_unit_test(answers_are_said_in_four_languages),
        cmocka_unit_test(every_refusal_has_a_sentence),
        cmocka_unit_test(dates_are_right),
        ON_SQLITE(decisions_go_on_while_everything_changes),
    };
    return cmocka_run_group_tests_name("access", tests, NULL, NULL);
}
