/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What the tests of access share: a house with doubles of account and of the shop, a family in it, titles, contracts, and questions. */
#ifndef TESTS_ACCESS_FIXTURE_H
#define TESTS_ACCESS_FIXTURE_H

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

static inline struct err made(void *rights, struct db_tx *tx, int64_t org_id, int64_t title_id, const struct catalog_change *change) {
    return change->is_without_rights ? ERR_OK : rights_house_line_in(rights, tx, org_id, title_id);
}

static inline void house_open(struct fixture *f) {
    assert_ok(catalog_open(&f->catalog, f->db, f->ids));
    assert_ok(rights_open(&f->rights, &(struct rights_options){.db = f->db, .clock = f->clock, .ids = f->ids, .catalog = f->catalog}));
    catalog_on_made(f->catalog, made, f->rights);
    assert_ok(delivery_open(&f->delivery, &(struct delivery_options){.db = f->db, .clock = f->clock, .ids = f->ids}));
    assert_ok(access_open(&f->access, &(struct access_options){.db = f->db, .clock = f->clock, .ids = f->ids, .catalog = f->catalog, .rights = f->rights,
                                                               .offers = double_offers, .order = double_order, .delivery = f->delivery}));
}
static inline void house_close(struct fixture *f) {
    access_stop(f->access);
    rights_close(&f->rights);
    catalog_close(&f->catalog);
    access_close(&f->access);
    delivery_close(&f->delivery);
}
static inline struct fixture begin(void **state) {
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
static inline void end(struct fixture *f) {
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
static inline struct public_id title_make(struct fixture *f, struct title_wish wish) {
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

static inline int64_t title_id(struct fixture *f, const struct public_id *title) {
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
static inline struct public_id deal_make(struct fixture *f, const struct public_id *title, struct line_wish wish, struct public_id *line) {
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
static inline void deal_status(struct fixture *f, const struct public_id *deal, enum rights_status status) {
    assert_ok(rights_deal_change(f->rights, ORG, public_id_slice(deal), &(struct rights_deal_change){.has_status = true, .status = status}, 0));
}

static inline struct access_viewer nobody_in(struct geo_place place) { return (struct access_viewer){.org_id = ORG, .has_shown_pin = true, .place = place}; }
static inline struct access_viewer somebody(int64_t profile_id) {
    return (struct access_viewer){.org_id = ORG, .household_id = HOME, .profile_id = profile_id, .has_shown_pin = true, .place = germany};
}

static inline struct access_answer ask_at(struct fixture *f, const struct public_id *title, struct access_viewer viewer, int64_t at_s) {
    struct catalog_view *view;
    assert_ok(catalog_view_take(f->catalog, ORG, &view));
    struct access_question q = {.viewer = &viewer, .view = view, .title = catalog_find(view, public_id_slice(title)), .at_s = at_s};
    assert_non_null(q.title);
    struct access_answer answer = access_decide(f->access, &q);
    if (!answer.is_allowed || answer.until_s < ACCESS_ENDLESS) access_outlook(f->access, &q, &answer);
    catalog_view_give(&view);
    return answer;
}
static inline struct access_answer ask(struct fixture *f, const struct public_id *title, struct access_viewer viewer) {
    return ask_at(f, title, viewer, utc_seconds(clock_utc(f->clock)));
}
#define expect(answer, state_wanted, reason_wanted)                                        \
    do {                                                                                   \
        struct access_answer a_ = (answer);                                                \
        assert_string_equal(a_.reason, reason_wanted);                                     \
        assert_string_equal(access_state_name(a_.state), state_wanted);                    \
        assert_int_equal(a_.is_allowed, !strcmp(state_wanted, "playable"));                \
    } while (0)

static inline struct err start(struct fixture *f, const struct public_id *title, struct access_viewer viewer, struct access_answer *answer, struct delivery_pass *pass) {
    struct catalog_view *view;
    assert_ok(catalog_view_take(f->catalog, ORG, &view));
    struct access_question q = {.viewer = &viewer, .view = view, .title = catalog_find(view, public_id_slice(title)), .at_s = utc_seconds(clock_utc(f->clock))};
    struct err e = access_begin(f->access, &q, SLICE("Firefox on Linux"), answer, pass);
    catalog_view_give(&view);
    return e;
}
static inline struct delivery_pass must_start(struct fixture *f, const struct public_id *title, struct access_viewer viewer) {
    struct access_answer answer;
    struct delivery_pass pass;
    assert_ok(start(f, title, viewer, &answer, &pass));
    if (!answer.is_allowed) fail_msg("refused: %s", answer.reason);
    return pass;
}
static inline struct access_answer renew(struct fixture *f, const struct delivery_pass *pass, struct access_viewer viewer, struct delivery_pass *fresh) {
    struct access_answer answer;
    assert_ok(access_renew(f->access, &viewer, public_id_slice(&pass->session), &answer, fresh));
    return answer;
}

#endif
