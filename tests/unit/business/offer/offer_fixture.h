/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * offer_fixture.h: catalogue, contracts and offers over one store with a clock that is set by hand, and what the tests of offers put into them. */
#ifndef TESTS_OFFER_FIXTURE_H
#define TESTS_OFFER_FIXTURE_H

#include <stdio.h>

#include "business/offer/offer.h"
#include "store.h"

/* Of account: what rights read of it. */
static const struct db_migration account_migrations[] = {
    {.sql = "CREATE TABLE organisation(id $ID, name $TEXT NOT NULL, host $TEXT NOT NULL UNIQUE, created_s $INT NOT NULL) $TABLE;"
            "INSERT INTO organisation VALUES(3, 'Grandstand', '', 0), (4, 'Another', 'another', 0);"}};
static const struct db_schema organisations = {.room = "account", .migrations = account_migrations, .versions = 1};
static const struct db_schema *const schemas[] = {&organisations, &catalog_schema, &rights_schema, &offer_schema};
#define ORG INT64_C(3)
#define OTHER_ORG INT64_C(4)
#define START_S INT64_C(1795305600) /* 2026-11-22T00:00:00Z */
#define DAY_S INT64_C(86400)

struct fixture {
    struct test_store *store;
    struct db *db;
    struct clock *clock;
    struct id_maker *ids;
    struct keys *keys;
    struct catalog *catalog;
    struct rights *rights;
    struct offers *offers;
    struct arena *arena;
};

static inline struct err made(void *rights, struct db_tx *tx, int64_t org_id, int64_t title_id, const struct catalog_change *change) {
    return change->is_without_rights ? ERR_OK : rights_house_line_in(rights, tx, org_id, title_id);
}
static inline struct offers_options options_of(struct fixture *f) {
    return (struct offers_options){.db = f->db, .clock = f->clock, .ids = f->ids, .keys = f->keys, .catalog = f->catalog, .rights = f->rights};
}
static inline struct fixture begin(void **state) {
    struct fixture f = {.store = test_store_of(state), .clock = clock_manual_create(utc_from_seconds(START_S))};
    char folder[100];
    f.db = test_store_open(f.store, schemas, ARRAY_LEN(schemas));
    f.ids = id_maker_create(f.clock, 0);
    f.arena = arena_create(64 << 20);
    snprintf(folder, sizeof folder, "%s/keys", f.store->folder);
    assert_ok(keys_open(&f.keys, folder));
    assert_ok(catalog_open(&f.catalog, f.db, f.ids));
    assert_ok(rights_open(&f.rights, &(struct rights_options){.db = f.db, .clock = f.clock, .ids = f.ids, .catalog = f.catalog}));
    catalog_on_made(f.catalog, made, f.rights);
    struct offers_options options = options_of(&f);
    assert_ok(offers_open(&f.offers, &options));
    return f;
}
static inline void end(struct fixture *f) {
    offers_close(&f->offers);
    rights_close(&f->rights);
    catalog_close(&f->catalog);
    keys_close(&f->keys);
    id_maker_destroy(&f->ids);
    arena_destroy(&f->arena);
    db_close(&f->db);
    clock_manual_destroy(&f->clock);
}

/* --- titles, rights --- */

struct title_wish {
    enum catalog_kind kind;
    struct public_id parent;
    bool has_no_rights;
    int episode;
    const struct slice *members;
    size_t member_count;
};
static inline struct public_id title_make(struct fixture *f, const char *name, struct title_wish wish) {
    struct public_id id;
    struct catalog_change ch = {.has_kind = true, .kind = wish.kind, .is_without_rights = wish.has_no_rights};
    ch.texts[0].has_name = ch.texts[2].has_name = true;
    ch.texts[0].name = slice_cstr(name);
    ch.texts[2].name = SLICE("长跑");
    if (wish.parent.text[0]) {
        ch.has_parent = ch.has_season = true;
        ch.parent = public_id_slice(&wish.parent);
        ch.season = 1;
        ch.has_episode = wish.kind == CATALOG_EPISODE;
        ch.episode = wish.episode;
    }
    if (wish.members) {
        ch.has_members = true;
        ch.members = wish.members;
        ch.member_count = wish.member_count;
    }
    assert_ok(catalog_create(f->catalog, ORG, &ch, wish.kind == CATALOG_EVENT ? CATALOG_SCHEDULED : CATALOG_READY, &id));
    assert_ok(rights_refresh(f->rights));
    return id;
}
static inline struct public_id film_make(struct fixture *f, const char *name) { return title_make(f, name, (struct title_wish){.kind = CATALOG_FILM}); }

static inline int64_t title_id(struct fixture *f, const struct public_id *title) {
    struct catalog_view *view;
    assert_ok(catalog_view_take(f->catalog, ORG, &view));
    int64_t id = catalog_find(view, public_id_slice(title))->id;
    catalog_view_give(&view);
    return id;
}

struct line_wish {
    enum rights_effect effect;
    const char *territories;
    uint16_t media;
    int64_t starts_s, ends_s;
};
static inline struct public_id deal_make(struct fixture *f, const struct public_id *title, struct line_wish wish) {
    static int serial;
    char name[32];
    struct public_id party, deal;
    snprintf(name, sizeof name, "Studio %d", ++serial);
    assert_ok(rights_party_create(f->rights, ORG, &(struct rights_party_change){.has_name = true, .name = slice_cstr(name)}, &party));
    assert_ok(rights_deal_create(f->rights, ORG, &(struct rights_deal_new){.reference = slice_cstr(name), .party = public_id_slice(&party), .direction = RIGHTS_IN, .status = RIGHTS_ACTIVE}, 0, &deal));
    struct rights_line_new item = {.terms = {.title_id = title_id(f, title), .effect = wish.effect, .media = wish.media ? wish.media : RIGHTS_ALL_MEDIA, .starts_s = wish.starts_s,
                                             .ends_s = wish.ends_s ? wish.ends_s : RIGHTS_ENDLESS, .note = SLICE("")}};
    struct slice bad;
    size_t at;
    struct rights_appended appended;
    assert_ok(rights_territories_of(slice_cstr(wish.territories), &item.terms.territories, &bad));
    assert_ok(rights_lines_append(f->rights, f->arena, ORG, &(struct rights_lines_new){.deal = public_id_slice(&deal), .items = &item, .count = 1, .accepts_conflicts = true}, &appended, &at));
    return deal;
}
static inline void deal_status(struct fixture *f, const struct public_id *deal, enum rights_status status) {
    assert_ok(rights_deal_change(f->rights, ORG, public_id_slice(deal), &(struct rights_deal_change){.has_status = true, .status = status}, 0));
}

/* --- offers --- */

static const struct offer_price_new world_prices[] = {
    {MONEY(3900, CURRENCY_CNY), SLICE("CN")}, {MONEY(599, CURRENCY_EUR), SLICE("DE,AT")}, {MONEY(19900, CURRENCY_THB), SLICE("TH")}, {MONEY(699, CURRENCY_USD), SLICE("WORLD,-CN,-DE,-AT,-TH")}};

static inline struct offer_change change_of(enum offer_kind kind, const char *name) {
    struct offer_change ch = {.has_kind = true, .kind = kind, .has_prices = true, .prices = world_prices, .price_count = ARRAY_LEN(world_prices)};
    ch.texts[0].has_name = true;
    ch.texts[0].name = slice_cstr(name);
    return ch;
}
static inline struct public_id offer_make(struct fixture *f, const struct offer_change *ch) {
    struct public_id id;
    struct offer_report report;
    struct err e = offer_create(f->offers, f->arena, ORG, ch, &report, &id);
    if (e.kind) fail_msg("%s: %s (%.*s)", e.code, e.what, SLICE_ARG(report.problem_count ? report.problems[0].field : SLICE("")));
    return id;
}
static inline struct public_id offer_of_titles(struct fixture *f, enum offer_kind kind, const char *name, const struct public_id *titles, size_t count) {
    struct slice names[8];
    for (size_t i = 0; i < count; i++) names[i] = public_id_slice(&titles[i]);
    struct offer_change ch = change_of(kind, name);
    ch.has_contents = true;
    ch.contents = OFFER_TITLES;
    ch.titles = names;
    ch.title_count = count;
    return offer_make(f, &ch);
}
static inline struct public_id offer_of_holder(struct fixture *f, enum offer_kind kind, const char *name, enum offer_contents contents, const struct public_id *holder) {
    struct offer_change ch = change_of(kind, name);
    ch.has_contents = true;
    ch.contents = contents;
    ch.holder = public_id_slice(holder);
    return offer_make(f, &ch);
}

static inline struct rights_place place_of(const char *country) {
    struct rights_place place;
    if (!country[0]) return (struct rights_place){.country = RIGHTS_NOWHERE};
    assert_true(rights_place_parse(slice_cstr(country), SLICE_NONE, &place));
    return place;
}
static inline struct offer_question question_at(struct fixture *f, const struct public_id *title, const char *country, int64_t at_s) {
    struct catalog_view *view;
    struct offer_question q;
    assert_ok(catalog_view_take(f->catalog, ORG, &view));
    offer_question_of(view, catalog_find(view, public_id_slice(title)), place_of(country), at_s, &q);
    catalog_view_give(&view);
    return q;
}
static inline struct offer_sale sale_at(struct fixture *f, const struct public_id *title, const char *country, int64_t at_s) {
    struct offer_question q = question_at(f, title, country, at_s);
    struct offer_sale sale;
    offer_sale(f->offers, &q, &sale);
    return sale;
}
static inline struct offer_sale sale(struct fixture *f, const struct public_id *title, const char *country) { return sale_at(f, title, country, utc_seconds(clock_utc(f->clock))); }
#define KIND(kind) (1u << (kind))

static inline struct err quote_with(struct fixture *f, struct offer_buyer buyer, const char *coupon, const struct public_id *offer, const struct public_id *title, struct offer_quote *q) {
    struct offer_wish wish = {.offer = public_id_slice(offer), .title = title ? public_id_slice(title) : SLICE_NONE, .quantity = 1};
    return offer_quote(f->offers, f->arena, &buyer, &(struct offer_cart){.lines = &wish, .count = 1, .coupon = slice_cstr(coupon)}, q);
}
static inline struct offer_buyer buyer_in(const char *country) { return (struct offer_buyer){.org_id = ORG, .place = place_of(country), .at_s = START_S}; }
static inline struct err quote(struct fixture *f, const char *country, const struct public_id *offer, const struct public_id *title, struct offer_quote *q) {
    return quote_with(f, buyer_in(country), "", offer, title, q);
}

#endif
