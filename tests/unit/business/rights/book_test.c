/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Parties, deals and lines in the store, and the index that follows them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/fault.h"
#include "rights_fixture.h"

static struct rights_question ask(int64_t title_id, const char *country, enum rights_medium medium, int64_t at_s) {
    struct rights_question q = {.titles = {title_id}, .medium = medium, .at_s = at_s};
    assert_true(rights_place_parse(slice_cstr(country), SLICE_NONE, &q.place));
    return q;
}
static void answers(struct rights_fixture *f, int64_t title_id, const char *country, enum rights_medium medium, int64_t at_s, const char *reason) {
    struct rights_question q = ask(title_id, country, medium, at_s);
    struct rights_answer a;
    rights_decide(f->rights, &q, &a);
    assert_string_equal(rights_reason_code(a.reason), reason);
    assert_int_equal(a.is_allowed, !strcmp(reason, "rights.allowed"));
}
static void answered(struct rights_fixture *f, int64_t title_id, const char *country, int64_t known_s, const char *reason) {
    struct rights_question q = ask(title_id, country, RIGHTS_FREE, START);
    struct rights_answer a;
    assert_ok(rights_decide_known(f->rights, ORG, &q, 1, known_s, &a));
    assert_string_equal(rights_reason_code(a.reason), reason);
}
static size_t line_count(struct rights_fixture *f, const struct public_id *deal_id, bool with_withdrawn) {
    struct rights_line_row_list rows;
    assert_ok(rights_lines(f->rights, f->arena, ORG, &(struct rights_lines_ask){.deal = public_id_slice(deal_id), .known_s = RIGHTS_KNOWN_NOW, .with_withdrawn = with_withdrawn}, &rows));
    return rows.count;
}

/* --- tests --- */

static void a_line_grants_until_it_is_withdrawn_and_the_book_remembers(void **state) {
    struct rights_fixture f = begin(state);
    int64_t film = title(&f, ORG, "film", NULL);
    struct public_id studio = party(&f, ORG, "Studio"), d = deal(&f, ORG, "S-1", RIGHTS_IN, &studio, RIGHTS_ACTIVE), id;
    answers(&f, film, "DE", RIGHTS_FREE, START, "rights.none");
    struct rights_line_new n = line(film, "DE,AT", FREE, START - DAY, START + DAY);
    clock_manual_advance(f.clock, 10 * NS_PER_S);
    assert_ok(append(&f, ORG, &d, &n, &id));
    answers(&f, film, "DE", RIGHTS_FREE, START, "rights.allowed");
    answers(&f, film, "DE", RIGHTS_RENTAL, START, "rights.medium");
    answers(&f, film, "TH", RIGHTS_FREE, START, "rights.territory");
    answers(&f, film, "AT", RIGHTS_FREE, START + DAY, "rights.ended");
    answers(&f, film, "AT", RIGHTS_FREE, START - DAY - 1, "rights.not_yet");
    clock_manual_advance(f.clock, 10 * NS_PER_S);
    assert_ok(rights_line_withdraw(f.rights, ORG, public_id_slice(&id)));
    answers(&f, film, "DE", RIGHTS_FREE, START, "rights.none");
    assert_error(rights_line_withdraw(f.rights, ORG, public_id_slice(&id)), "rights.withdrawn");
    answered(&f, film, "DE", START + 9, "rights.none");
    answered(&f, film, "DE", START + 10, "rights.allowed");
    answered(&f, film, "DE", START + 19, "rights.allowed");
    answered(&f, film, "DE", START + 20, "rights.none");
    assert_int_equal(line_count(&f, &d, false), 0);
    assert_int_equal(line_count(&f, &d, true), 1);
    end(&f);
}

static void an_amendment_replaces_in_one_moment(void **state) {
    struct rights_fixture f = begin(state);
    int64_t film = title(&f, ORG, "film", NULL);
    struct public_id studio = party(&f, ORG, "Studio"), d = deal(&f, ORG, "S-1", RIGHTS_IN, &studio, RIGHTS_ACTIVE), first, second;
    struct rights_line_new n = line(film, "WORLD", FREE, 0, RIGHTS_ENDLESS);
    assert_ok(append(&f, ORG, &d, &n, &first));
    clock_manual_advance(f.clock, 100 * NS_PER_S);
    n = line(film, "WORLD,-TH", FREE, 0, RIGHTS_ENDLESS);
    n.replaces = first;
    assert_ok(append(&f, ORG, &d, &n, &second));
    answers(&f, film, "TH", RIGHTS_FREE, START, "rights.territory");
    answered(&f, film, "TH", START + 99, "rights.allowed");
    assert_error(append(&f, ORG, &d, &n, NULL), "rights.line_missing"); /* what is replaced was withdrawn */
    assert_int_equal(line_count(&f, &d, false), 1);
    assert_int_equal(line_count(&f, &d, true), 2);
    struct public_id other = deal(&f, ORG, "S-2", RIGHTS_IN, &studio, RIGHTS_ACTIVE);
    n.replaces = second;
    assert_error(append(&f, ORG, &other, &n, NULL), "rights.line_missing"); /* of another deal */
    end(&f);
}

static void a_deal_counts_by_its_status_and_keeps_its_versions(void **state) {
    struct rights_fixture f = begin(state);
    int64_t film = title(&f, ORG, "film", NULL);
    struct public_id studio = party(&f, ORG, "Studio"), d = deal(&f, ORG, "S-1", RIGHTS_IN, &studio, RIGHTS_DRAFT);
    struct rights_line_new n = line(film, "WORLD", FREE, 0, RIGHTS_ENDLESS);
    assert_ok(append(&f, ORG, &d, &n, NULL));
    answers(&f, film, "DE", RIGHTS_FREE, START, "rights.deal");
    static const struct {
        enum rights_status status;
        const char *reason;
    } steps[] = {{RIGHTS_ACTIVE, "rights.allowed"}, {RIGHTS_SUSPENDED, "rights.deal"}, {RIGHTS_ACTIVE, "rights.allowed"}, {RIGHTS_TERMINATED, "rights.deal"}};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        clock_manual_advance(f.clock, 10 * NS_PER_S);
        assert_ok(rights_deal_change(f.rights, ORG, public_id_slice(&d), &(struct rights_deal_change){.has_status = true, .status = steps[i].status}, 42));
        answers(&f, film, "DE", RIGHTS_FREE, START, steps[i].reason);
    }
    answered(&f, film, "DE", START + 15, "rights.allowed");
    answered(&f, film, "DE", START + 25, "rights.deal");
    answered(&f, film, "DE", START + 39, "rights.allowed");
    assert_error(rights_deal_change(f.rights, ORG, public_id_slice(&d), &(struct rights_deal_change){.has_status = true, .status = RIGHTS_ACTIVE}, 0), "rights.terminated");
    assert_error(append(&f, ORG, &d, &n, NULL), "rights.terminated");
    struct rights_deal_version_list versions;
    assert_ok(rights_deal_versions(f.rights, f.arena, ORG, public_id_slice(&d), &versions));
    assert_int_equal(versions.count, 5);
    assert_int_equal(versions.items[2].status, RIGHTS_SUSPENDED);
    assert_int_equal(versions.items[2].known_s, START + 20);
    assert_int_equal(versions.items[2].user_id, 42);
    struct rights_deal got;
    assert_ok(rights_deal_get(f.rights, f.arena, ORG, public_id_slice(&d), &got));
    assert_int_equal(got.version, 5);
    assert_int_equal(got.line_count, 1);
    assert_string_equal(got.party.country, "FR");
    end(&f);
}

static void a_clock_that_goes_back_does_not_reorder_the_book(void **state) {
    struct rights_fixture f = begin(state);
    int64_t film = title(&f, ORG, "film", NULL);
    struct public_id studio = party(&f, ORG, "Studio"), d = deal(&f, ORG, "S-1", RIGHTS_IN, &studio, RIGHTS_ACTIVE), id;
    struct rights_line_new n = line(film, "WORLD", FREE, 0, RIGHTS_ENDLESS);
    clock_manual_advance(f.clock, 1000 * NS_PER_S);
    assert_ok(append(&f, ORG, &d, &n, &id));
    clock_manual_set_utc(f.clock, utc_from_seconds(START - 5 * DAY));
    assert_ok(rights_line_withdraw(f.rights, ORG, public_id_slice(&id)));
    struct rights_line_row_list rows;
    assert_ok(rights_lines(f.rights, f.arena, ORG, &(struct rights_lines_ask){.deal = public_id_slice(&d), .known_s = RIGHTS_KNOWN_NOW, .with_withdrawn = true}, &rows));
    assert_int_equal(rows.items[0].line.known_s, START + 1000);
    assert_int_equal(rows.items[0].line.withdrawn_s, START + 1000);
    answers(&f, film, "DE", RIGHTS_FREE, START, "rights.none");
    rights_again(&f);
    answers(&f, film, "DE", RIGHTS_FREE, START, "rights.none");
    end(&f);
}

static struct err house_fn(struct db_tx *tx, void *arg) {
    struct { struct rights *rights; int64_t title_id; } *w = arg;
    return rights_house_line_in(w->rights, tx, ORG, w->title_id);
}

static void the_index_is_a_fold_of_the_store(void **state) {
    struct rights_fixture f = begin(state);
    int64_t film = title(&f, ORG, "film", NULL);
    struct { struct rights *rights; int64_t title_id; } w = {f.rights, film};
    assert_ok(db_write(f.db, house_fn, &w));
    answers(&f, film, "DE", RIGHTS_VENUE, START, "rights.none"); /* saved, and the power goes before the index has it */
    rights_again(&f);
    answers(&f, film, "DE", RIGHTS_VENUE, START, "rights.allowed");
    answers(&f, film, "TH", RIGHTS_FREE, RIGHTS_TIME_MAX, "rights.allowed");
    end(&f);
}

static void noted(void *user, int64_t org_id) { atomic_fetch_add((_Atomic int64_t *)user, org_id); }

static void processes_over_one_database_see_each_other(void **state) {
    struct rights_fixture f = begin(state);
    int64_t film = title(&f, ORG, "film", NULL), other_film = title(&f, OTHER_ORG, "film", NULL);
    struct rights_fixture g = f; /* another process: its own connections, ids and index */
    g.db = test_store_open_with(f.store, (struct db_options){0}, schemas, ARRAY_LEN(schemas));
    g.ids = id_maker_create(f.clock, 1);
    assert_ok(catalog_open(&g.catalog, g.db, g.ids));
    g.rights = NULL;
    rights_again(&g);
    _Atomic int64_t told = 0;
    rights_listen(g.rights, noted, &told);
    struct public_id studio = party(&f, ORG, "Studio"), d = deal(&f, ORG, "S-1", RIGHTS_IN, &studio, RIGHTS_ACTIVE), id;
    struct rights_line_new n = line(film, "WORLD", FREE, 0, RIGHTS_ENDLESS);
    assert_ok(append(&f, ORG, &d, &n, &id));
    answers(&g, film, "DE", RIGHTS_FREE, START, "rights.none");
    uint64_t before = rights_generation(g.rights);
    assert_ok(rights_refresh(g.rights));
    answers(&g, film, "DE", RIGHTS_FREE, START, "rights.allowed");
    answers(&g, other_film, "DE", RIGHTS_FREE, START, "rights.none");
    assert_int_equal(atomic_load(&told), ORG);
    assert_int_equal(rights_generation(g.rights), before + 1);
    assert_ok(rights_refresh(g.rights)); /* nothing new: nobody is told */
    assert_int_equal(rights_generation(g.rights), before + 1);
    assert_int_equal(atomic_load(&told), ORG);
    assert_ok(rights_line_withdraw(g.rights, ORG, public_id_slice(&id))); /* and the other way */
    assert_ok(rights_refresh(f.rights));
    answers(&f, film, "DE", RIGHTS_FREE, START, "rights.none");
    rights_close(&g.rights);
    catalog_close(&g.catalog);
    id_maker_destroy(&g.ids);
    db_close(&g.db);
    end(&f);
}

/* A database of before there were contracts. */
static void titles_of_before_get_their_house_line_once(void **state) {
    struct rights_fixture f = {.store = test_store_of(state), .clock = clock_manual_create(utc_from_seconds(START)), .arena = arena_create(1 << 20)};
    f.db = test_store_open(f.store, schemas, 2);
    f.ids = id_maker_create(f.clock, 0);
    assert_ok(catalog_open(&f.catalog, f.db, f.ids));
    int64_t film = title(&f, ORG, "film", NULL), second = title(&f, ORG, "second", NULL), other = title(&f, OTHER_ORG, "film", NULL);
    assert_ok(db_migrate(f.db, schemas, ARRAY_LEN(schemas)));
    rights_again(&f);
    answers(&f, film, "DE", RIGHTS_SUBSCRIPTION, START, "rights.allowed");
    answers(&f, second, "TH", RIGHTS_LIVE, START, "rights.allowed");
    answers(&f, other, "TH", RIGHTS_LIVE, START, "rights.allowed");
    int64_t later = title(&f, ORG, "later", NULL);
    rights_again(&f); /* titles without a line are so on purpose from now on */
    answers(&f, later, "DE", RIGHTS_FREE, START, "rights.none");
    struct rights_deal_list deals;
    assert_ok(rights_deals(f.rights, f.arena, ORG, &(struct rights_deal_ask){0}, &deals));
    assert_int_equal(deals.count, 1);
    assert_int_equal(deals.items[0].line_count, 2);
    assert_true(deals.items[0].party.is_us && deals.items[0].direction == RIGHTS_OWN);
    end(&f);
}

static void contradictions_are_told_before_anything_is_saved(void **state) {
    struct rights_fixture f = begin(state);
    int64_t film = title(&f, ORG, "film", NULL);
    struct public_id studio = party(&f, ORG, "Studio"), us = deal(&f, ORG, "S-1", RIGHTS_IN, &studio, RIGHTS_ACTIVE);
    struct public_id station = party(&f, ORG, "Station"), out = deal(&f, ORG, "T-1", RIGHTS_OUT, &station, RIGHTS_ACTIVE);
    struct public_id rival = party(&f, ORG, "Rival"), out_2 = deal(&f, ORG, "R-1", RIGHTS_OUT, &rival, RIGHTS_ACTIVE);
    struct rights_line_new n = line(film, "WORLD", 1u << RIGHTS_LINEAR, 0, RIGHTS_ENDLESS);
    n.terms.may_sublicense = true;
    assert_ok(append(&f, ORG, &us, &n, NULL));
    n = line(film, "DE,AT", 1u << RIGHTS_LINEAR, START, START + 10 * DAY);
    n.terms.is_exclusive = true;
    struct rights_appended made = {0};
    size_t at;
    struct rights_lines_new lines = {.deal = public_id_slice(&out), .items = &n, .count = 1};
    assert_ok(rights_lines_append(f.rights, f.arena, ORG, &lines, &made, &at)); /* sold out of what we have */
    assert_int_equal(made.conflicts.count, 0);
    struct rights_line_new own = line(film, "AT", 1u << RIGHTS_LINEAR, START, RIGHTS_ENDLESS);
    lines = (struct rights_lines_new){.deal = public_id_slice(&us), .items = &own, .count = 1};
    assert_error(rights_lines_append(f.rights, f.arena, ORG, &lines, &made, &at), "rights.conflict"); /* promised not to */
    assert_int_equal(made.conflicts.count, 1);
    assert_int_equal(made.conflicts.items[0].kind, RIGHTS_OWN_SERVICE_SOLD);
    lines.accepts_conflicts = true;
    assert_ok(rights_lines_append(f.rights, f.arena, ORG, &lines, &made, &at));
    assert_int_equal(made.conflicts.count, 1);
    struct rights_line_new m = line(film, "CH,AT", 1u << RIGHTS_LINEAR, START + 5 * DAY, START + 20 * DAY);
    m.terms.is_exclusive = true;
    lines = (struct rights_lines_new){.deal = public_id_slice(&out_2), .items = &m, .count = 1};
    made = (struct rights_appended){0};
    assert_error(rights_lines_append(f.rights, f.arena, ORG, &lines, &made, &at), "rights.conflict");
    const struct rights_conflict *both = NULL;
    for (size_t i = 0; i < made.conflicts.count; i++)
        if (made.conflicts.items[i].kind == RIGHTS_EXCLUSIVE_EXCLUSIVE) both = &made.conflicts.items[i];
    assert_non_null(both);
    assert_int_equal(both->overlap.from_s, START + 5 * DAY);
    assert_int_equal(both->overlap.to_s, START + 10 * DAY);
    assert_true(slice_eq(rights_territories_text(both->overlap.territories), SLICE("AT")));
    assert_int_equal(line_count(&f, &out_2, true), 0);
    lines.is_dry_run = true;
    assert_ok(rights_lines_append(f.rights, f.arena, ORG, &lines, &made, &at));
    assert_int_equal(line_count(&f, &out_2, true), 0);
    m.terms.starts_s = START + 10 * DAY;
    m.terms.territories = line(film, "AT", 1, 0, 1).terms.territories;
    struct rights_conflict_list left;
    assert_ok(rights_conflicts(f.rights, f.arena, ORG, &lines, &left, &at));
    for (size_t i = 0; i < left.count; i++) assert_int_not_equal(left.items[i].kind, RIGHTS_EXCLUSIVE_EXCLUSIVE); /* they touch, and do not overlap */
    struct rights_standing_conflict_list standing;
    size_t total;
    assert_ok(rights_conflicts_standing(f.rights, f.arena, ORG, 10, &standing, &total));
    assert_int_equal(total, 1);
    assert_int_equal(standing.items[0].conflict.kind, RIGHTS_OWN_SERVICE_SOLD);
    assert_int_equal(standing.items[0].title_id, film);
    assert_ok(rights_conflicts_standing(f.rights, f.arena, OTHER_ORG, 10, &standing, &total));
    assert_int_equal(total, 0);
    end(&f);
}

/* What is on sale, as a room above says: everything by subscription in Germany, from the fifth day on, by two offers. */
static struct err sold_by_subscription(void *user, const struct catalog_view *view, const struct catalog_title *t, int64_t now_s, struct rights_runs *runs) {
    uint32_t germany;
    struct slice bad;
    assert_ok(rights_territories_of(SLICE("DE"), &germany, &bad));
    assert_true(now_s <= START && now_s > START - DAY && catalog_find_id(view, t->id) == t);
    ++*(int *)user;
    struct err e = rights_run_add(runs, germany, 1u << RIGHTS_SUBSCRIPTION, START + 5 * DAY, RIGHTS_ENDLESS);
    return e.kind ? e : rights_run_add(runs, germany, 1u << RIGHTS_SUBSCRIPTION, START + 8 * DAY, RIGHTS_ENDLESS);
}
/* How many pieces of a new line our own service runs, or (of a licence) was sold; the last of them in *overlap. */
static size_t own_service_told(struct rights_fixture *f, const struct public_id *deal_id, const struct rights_line_new *n, struct rights_overlap *overlap) {
    struct rights_conflict_list list;
    size_t at, count = 0;
    assert_ok(rights_conflicts(f->rights, f->arena, ORG, &(struct rights_lines_new){.deal = public_id_slice(deal_id), .items = n, .count = 1}, &list, &at));
    for (size_t i = 0; i < list.count; i++) {
        if (list.items[i].kind != RIGHTS_OWN_SERVICE_SOLD) continue;
        assert_true(list.items[i].line_id != 0);
        *overlap = list.items[i].overlap;
        count++;
    }
    return count;
}

static void what_our_own_service_runs_is_told_of_an_exclusive_sale(void **state) {
    struct rights_fixture f = begin(state);
    const uint16_t subscription = 1u << RIGHTS_SUBSCRIPTION, linear = 1u << RIGHTS_LINEAR;
    int asked = 0;
    rights_runs_from(f.rights, sold_by_subscription, &asked);
    int64_t film = title(&f, ORG, "film", NULL);
    struct public_id studio = party(&f, ORG, "Studio"), in = deal(&f, ORG, "S-1", RIGHTS_IN, &studio, RIGHTS_ACTIVE);
    struct public_id station = party(&f, ORG, "Station"), out = deal(&f, ORG, "T-1", RIGHTS_OUT, &station, RIGHTS_ACTIVE);
    struct rights_line_new n = line(film, "WORLD,-CH", FREE | subscription | linear, 0, START + 30 * DAY);
    n.terms.may_sublicense = true;
    assert_ok(append(&f, ORG, &in, &n, NULL));

    struct rights_overlap o;
    n = line(film, "DE,AT,CH", FREE | subscription | linear, START, START + 20 * DAY);
    assert_int_equal(own_service_told(&f, &out, &n, &o), 0); /* not exclusive: both may */
    assert_int_equal(asked, 0);
    n.terms.is_exclusive = true;
    n.terms.media = linear;
    assert_int_equal(own_service_told(&f, &out, &n, &o), 0); /* what we do not run is there to be sold */
    assert_int_equal(asked, 1);
    n.terms.media = FREE | linear; /* the title is marked as free */
    assert_int_equal(own_service_told(&f, &out, &n, &o), 1);
    assert_true(slice_eq(rights_territories_text(o.territories), SLICE("AT,DE")));
    assert_true(o.media == FREE && o.from_s == START && o.to_s == START + 20 * DAY);
    n.terms.media = subscription | linear;
    assert_int_equal(own_service_told(&f, &out, &n, &o), 1); /* once, though two offers have it */
    assert_true(slice_eq(rights_territories_text(o.territories), SLICE("DE")));
    assert_true(o.media == subscription && o.from_s == START + 5 * DAY && o.to_s == START + 20 * DAY);
    n.terms.ends_s = START + 5 * DAY;
    assert_int_equal(own_service_told(&f, &out, &n, &o), 0); /* it ends where that begins */
    n = line(film, "DE", FREE, 0, START - DAY);
    n.terms.is_exclusive = true;
    assert_int_equal(own_service_told(&f, &out, &n, &o), 0); /* long ago */

    /* Refused, accepted, and told once of those that stand: by the sale, and not by the licence's deal as well. */
    n = line(film, "DE,AT", subscription, START, START + 20 * DAY);
    n.terms.is_exclusive = true;
    struct rights_lines_new lines = {.deal = public_id_slice(&out), .items = &n, .count = 1};
    struct rights_appended made;
    size_t at, total;
    assert_error(rights_lines_append(f.rights, f.arena, ORG, &lines, &made, &at), "rights.conflict");
    assert_int_equal(line_count(&f, &out, true), 0);
    lines.accepts_conflicts = true;
    assert_ok(rights_lines_append(f.rights, f.arena, ORG, &lines, &made, &at));
    assert_int_equal(made.conflicts.count, 1);
    int64_t sale = made.lines.items[0].id;
    struct rights_standing_conflict_list standing;
    assert_ok(rights_conflicts_standing(f.rights, f.arena, ORG, 10, &standing, &total));
    assert_true(total == 1 && standing.items[0].first_id == sale && standing.items[0].conflict.kind == RIGHTS_OWN_SERVICE_SOLD);
    assert_ok(rights_deal_conflicts(f.rights, f.arena, ORG, public_id_slice(&out), 10, &standing, &total));
    assert_int_equal(total, 1);
    assert_ok(rights_deal_conflicts(f.rights, f.arena, ORG, public_id_slice(&in), 10, &standing, &total));
    assert_int_equal(total, 0);
    n = line(film, "DE", subscription, START, START + 9 * DAY); /* a licence that came after it is told from its own side alone */
    lines = (struct rights_lines_new){.deal = public_id_slice(&in), .items = &n, .count = 1, .accepts_conflicts = true};
    assert_ok(rights_lines_append(f.rights, f.arena, ORG, &lines, &made, &at));
    assert_int_equal(made.conflicts.count, 1);
    assert_ok(rights_conflicts_standing(f.rights, f.arena, ORG, 10, &standing, &total));
    assert_int_equal(total, 2);
    assert_ok(rights_deal_conflicts(f.rights, f.arena, ORG, public_id_slice(&out), 10, &standing, &total));
    assert_int_equal(total, 2); /* the sale's deal names both */

    /* Series: what is licensed above or below, what is run below. */
    struct public_id series;
    int64_t whole = member(&f, "series", CATALOG_SERIES, NULL, CATALOG_READY, &series), first = member(&f, "one", CATALOG_EPISODE, &series, CATALOG_READY, NULL);
    int64_t hidden = member(&f, "hidden", CATALOG_EPISODE, &series, CATALOG_IMPORTING, NULL);
    n = line(whole, "WORLD", FREE, 0, RIGHTS_ENDLESS);
    n.terms.may_sublicense = true;
    assert_ok(append(&f, ORG, &in, &n, NULL));
    n = line(first, "DE", FREE, START, START + DAY);
    n.terms.is_exclusive = true;
    assert_int_equal(own_service_told(&f, &out, &n, &o), 1);
    n.terms.title_id = whole;
    assert_int_equal(own_service_told(&f, &out, &n, &o), 1);
    n.terms.title_id = hidden; /* nobody sees it yet */
    assert_int_equal(own_service_told(&f, &out, &n, &o), 0);
    n = line(first, "DE", 1u << RIGHTS_LIVE, 0, RIGHTS_ENDLESS); /* an episode is not free live */
    assert_ok(append(&f, ORG, &in, &n, NULL));
    n = line(whole, "DE", 1u << RIGHTS_LIVE, START, START + DAY);
    n.terms.is_exclusive = true;
    assert_int_equal(own_service_told(&f, &out, &n, &o), 0);
    n = line(first, "DE,AT", FREE, 0, RIGHTS_ENDLESS);
    assert_ok(append(&f, ORG, &in, &n, NULL));
    n = line(whole, "AT", FREE, START, START + DAY);
    n.terms.is_exclusive = true;
    assert_int_equal(own_service_told(&f, &out, &n, &o), 2); /* by either licence */
    int64_t match = member(&f, "match", CATALOG_EVENT, NULL, CATALOG_SCHEDULED, NULL);
    n = line(match, "WORLD", 1u << RIGHTS_LIVE, 0, RIGHTS_ENDLESS);
    n.terms.may_sublicense = true;
    assert_ok(append(&f, ORG, &in, &n, NULL));
    n = line(match, "TH", 1u << RIGHTS_LIVE, START, START + DAY);
    n.terms.is_exclusive = true;
    assert_int_equal(own_service_told(&f, &out, &n, &o), 1); /* an event that is announced is */
    end(&f);
}

static void wrong_lines_are_refused_by_name(void **state) {
    struct rights_fixture f = begin(state);
    int64_t film = title(&f, ORG, "film", NULL), foreign = title(&f, OTHER_ORG, "film", NULL);
    struct public_id studio = party(&f, ORG, "Studio"), d = deal(&f, ORG, "S-1", RIGHTS_IN, &studio, RIGHTS_ACTIVE);
    static const struct {
        int64_t starts_s, ends_s;
        const char *code;
    } windows[] = {{5, 5, "rights.window"}, {6, 5, "rights.window"}, {-1, 5, "rights.window"}, {0, INT64_C(4294967296), "rights.window"}, {RIGHTS_TIME_MAX + 1, RIGHTS_ENDLESS, "rights.window"}};
    for (size_t i = 0; i < ARRAY_LEN(windows); i++) {
        struct rights_line_new n = line(film, "WORLD", FREE, windows[i].starts_s, windows[i].ends_s);
        assert_error(append(&f, ORG, &d, &n, NULL), windows[i].code);
    }
    struct rights_line_new n = line(film, "WORLD", 0, 0, 1);
    assert_error(append(&f, ORG, &d, &n, NULL), "rights.media");
    n.terms.media = 1 << RIGHTS_MEDIA;
    assert_error(append(&f, ORG, &d, &n, NULL), "rights.media");
    n = line(foreign, "WORLD", FREE, 0, 1);
    assert_error(append(&f, ORG, &d, &n, NULL), "rights.title");
    n = line(film, "WORLD", FREE, 0, 1);
    n.terms.territories = 0;
    assert_error(append(&f, ORG, &d, &n, NULL), "rights.territories");
    n = line(film, "WORLD", FREE, 0, 1);
    n.terms.effect = RIGHTS_BLACKOUT;
    n.terms.is_exclusive = true;
    assert_error(append(&f, ORG, &d, &n, NULL), "rights.block");
    n = line(film, "WORLD", FREE, 0, 1);
    n.terms.note = SLICE("a\xff");
    assert_error(append(&f, ORG, &d, &n, NULL), "rights.note");
    n.terms.note = SLICE("two\nlines");
    assert_ok(append(&f, ORG, &d, &n, NULL));
    struct public_id id;
    assert_error(rights_party_create(f.rights, ORG, &(struct rights_party_change){.name = SLICE(" ")}, &id), "rights.party_name");
    assert_error(rights_party_create(f.rights, ORG, &(struct rights_party_change){.name = SLICE("Studio")}, &id), "rights.party_taken");
    assert_error(rights_party_create(f.rights, ORG, &(struct rights_party_change){.name = SLICE("X"), .has_country = true, .country = SLICE("ZZ")}, &id), "rights.country");
    struct rights_deal_new nd = {.reference = SLICE("S-1"), .party = public_id_slice(&studio)};
    assert_error(rights_deal_create(f.rights, ORG, &nd, 0, &id), "rights.reference_taken");
    nd.reference = SLICE("");
    assert_error(rights_deal_create(f.rights, ORG, &nd, 0, &id), "rights.reference");
    nd = (struct rights_deal_new){.reference = SLICE("S-2"), .direction = RIGHTS_OWN, .party = public_id_slice(&studio)};
    assert_error(rights_deal_create(f.rights, ORG, &nd, 0, &id), "rights.own");
    nd = (struct rights_deal_new){.reference = SLICE("S-2"), .direction = RIGHTS_IN, .party = public_id_slice(&studio), .parent = public_id_slice(&d)};
    assert_error(rights_deal_create(f.rights, ORG, &nd, 0, &id), "rights.parent");
    nd.direction = RIGHTS_OUT;
    assert_ok(rights_deal_create(f.rights, ORG, &nd, 0, &id));
    assert_error(rights_deal_change(f.rights, ORG, public_id_slice(&id), &(struct rights_deal_change){.has_reference = true, .reference = SLICE("S-1")}, 0), "rights.reference_taken");
    end(&f);
}

static void another_organisation_finds_nothing(void **state) {
    struct rights_fixture f = begin(state);
    int64_t film = title(&f, ORG, "film", NULL);
    struct public_id studio = party(&f, ORG, "Studio"), d = deal(&f, ORG, "S-1", RIGHTS_IN, &studio, RIGHTS_ACTIVE), id;
    struct rights_line_new n = line(film, "WORLD", FREE, 0, RIGHTS_ENDLESS);
    assert_ok(append(&f, ORG, &d, &n, &id));
    struct rights_deal got;
    struct rights_deal_version_list versions;
    struct rights_line_row_list rows;
    struct rights_party_list parties;
    assert_error(rights_deal_get(f.rights, f.arena, OTHER_ORG, public_id_slice(&d), &got), "rights.deal_missing");
    assert_error(rights_deal_versions(f.rights, f.arena, OTHER_ORG, public_id_slice(&d), &versions), "rights.deal_missing");
    assert_error(rights_deal_change(f.rights, OTHER_ORG, public_id_slice(&d), &(struct rights_deal_change){.has_status = true}, 0), "rights.deal_missing");
    assert_error(rights_line_withdraw(f.rights, OTHER_ORG, public_id_slice(&id)), "rights.line_missing");
    assert_error(append(&f, OTHER_ORG, &d, &n, NULL), "rights.deal_missing");
    assert_error(rights_party_change(f.rights, OTHER_ORG, public_id_slice(&studio), &(struct rights_party_change){.has_name = true, .name = SLICE("Mine")}), "rights.party_missing");
    struct rights_deal_new nd = {.reference = SLICE("X"), .party = public_id_slice(&studio)};
    assert_error(rights_deal_create(f.rights, OTHER_ORG, &nd, 0, &id), "rights.party_missing");
    assert_error(rights_lines(f.rights, f.arena, OTHER_ORG, &(struct rights_lines_ask){.deal = public_id_slice(&d), .known_s = RIGHTS_KNOWN_NOW}, &rows), "rights.deal_missing");
    assert_ok(rights_lines(f.rights, f.arena, OTHER_ORG, &(struct rights_lines_ask){.titles = {film}, .known_s = RIGHTS_KNOWN_NOW}, &rows));
    assert_int_equal(rows.count, 0);
    assert_ok(rights_parties(f.rights, f.arena, OTHER_ORG, &parties));
    assert_int_equal(parties.count, 0);
    struct rights_question q = ask(film, "DE", RIGHTS_FREE, START);
    struct rights_answer a;
    assert_ok(rights_decide_known(f.rights, OTHER_ORG, &q, 1, START, &a));
    assert_false(a.is_allowed);
    end(&f);
}

static void plays_are_used_up(void **state) {
    struct rights_fixture f = begin(state);
    int64_t film = title(&f, ORG, "film", NULL);
    struct public_id studio = party(&f, ORG, "Studio"), d = deal(&f, ORG, "S-1", RIGHTS_IN, &studio, RIGHTS_ACTIVE);
    struct rights_line_new n = line(film, "WORLD", FREE, 0, RIGHTS_ENDLESS);
    n.terms.plays_max = 2;
    assert_ok(append(&f, ORG, &d, &n, NULL));
    struct rights_question q = ask(film, "DE", RIGHTS_FREE, START);
    struct rights_answer a;
    for (int i = 0; i < 2; i++) {
        rights_decide(f.rights, &q, &a);
        assert_true(a.is_allowed && a.counts_plays);
        clock_manual_advance(f.clock, 10 * NS_PER_S);
        assert_ok(rights_play(f.rights, ORG, a.line_id));
    }
    answers(&f, film, "DE", RIGHTS_FREE, START, "rights.plays");
    answered(&f, film, "DE", START + 19, "rights.allowed");
    answered(&f, film, "DE", START + 20, "rights.plays");
    rights_again(&f);
    answers(&f, film, "DE", RIGHTS_FREE, START, "rights.plays");
    assert_error(rights_play(f.rights, OTHER_ORG, a.line_id), "rights.line_missing");
    end(&f);
}

static void lines_say_why_they_do_not_apply(void **state) {
    struct rights_fixture f = begin(state);
    int64_t film = title(&f, ORG, "film", NULL);
    struct public_id studio = party(&f, ORG, "Studio"), d = deal(&f, ORG, "S-1", RIGHTS_IN, &studio, RIGHTS_ACTIVE);
    struct public_id out = deal(&f, ORG, "O-1", RIGHTS_OUT, &studio, RIGHTS_ACTIVE);
    struct rights_line_new n = line(film, "DE,-DE-BY", FREE, START, START + DAY);
    assert_ok(append(&f, ORG, &d, &n, NULL));
    struct rights_appended made;
    size_t at;
    n = line(film, "DE", 1u << RIGHTS_LINEAR, START, START + DAY);
    assert_ok(rights_lines_append(f.rights, f.arena, ORG, &(struct rights_lines_new){.deal = public_id_slice(&out), .items = &n, .count = 1, .accepts_conflicts = true}, &made, &at));
    struct rights_line_row_list rows;
    assert_ok(rights_lines(f.rights, f.arena, ORG, &(struct rights_lines_ask){.titles = {film}, .known_s = RIGHTS_KNOWN_NOW}, &rows));
    assert_int_equal(rows.count, 2);
    static const struct {
        const char *country, *area;
        enum rights_medium medium;
        int64_t at_s;
        enum rights_fit fit;
    } cases[] = {{"DE", "", RIGHTS_FREE, 0, RIGHTS_FIT_TERRITORY /* he may be in Bavaria */}, {"DE", "BE", RIGHTS_FREE, 0, RIGHTS_FITS}, {"DE", "BY", RIGHTS_FREE, 0, RIGHTS_FIT_TERRITORY}, {"AT", "", RIGHTS_FREE, 0, RIGHTS_FIT_TERRITORY},
                 {"DE", "BE", RIGHTS_RENTAL, 0, RIGHTS_FIT_MEDIUM}, {"DE", "BE", RIGHTS_FREE, -1, RIGHTS_FIT_NOT_YET}, {"DE", "BE", RIGHTS_FREE, 86400, RIGHTS_FIT_ENDED}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rights_question q = {.titles = {film}, .medium = cases[i].medium, .at_s = START + cases[i].at_s};
        assert_true(rights_place_parse(slice_cstr(cases[i].country), slice_cstr(cases[i].area), &q.place));
        assert_int_equal(rights_line_fit(&rows.items[0], &q), cases[i].fit);
        assert_int_equal(rights_line_fit(&rows.items[1], &q), RIGHTS_FIT_PARTY);
    }
    size_t count;
    const int64_t *changes = rights_changes(f.arena, &rows, &count);
    assert_int_equal(count, 2);
    assert_int_equal(changes[0], START);
    end(&f);
}

/* Memory runs out at the n-th allocation while a line is appended: it is reported or made good, and the index says what the book says. */
static void memory_may_run_out_anywhere(void **state) {
    struct rights_fixture f = begin(state);
    int64_t film = title(&f, ORG, "film", NULL);
    struct public_id studio = party(&f, ORG, "Studio"), d = deal(&f, ORG, "S-1", RIGHTS_IN, &studio, RIGHTS_ACTIVE);
    struct rights_line_new n = line(film, "WORLD", FREE, 0, RIGHTS_ENDLESS);
    size_t before = 0;
    for (uint64_t nth = 1; nth < 2000; nth++) {
        struct arena *arena = arena_create(1 << 20);
        struct rights_appended made;
        size_t at;
        fault_arm(FAULT_ALLOC, nth, false);
        struct err e = rights_lines_append(f.rights, arena, ORG, &(struct rights_lines_new){.deal = public_id_slice(&d), .items = &n, .count = 1}, &made, &at);
        bool fired = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        arena_destroy(&arena);
        size_t after = line_count(&f, &d, false);
        assert_int_equal(after, before + (e.kind ? 0 : 1));
        assert_ok(rights_refresh(f.rights));
        answers(&f, film, "DE", RIGHTS_FREE, START, after ? "rights.allowed" : "rights.none");
        assert_int_equal(rights_stats(f.rights).lines, after);
        before = after;
        if (!fired) {
            assert_int_equal(e.kind, ERR_NONE);
            end(&f);
            return;
        }
    }
    fail_msg("there is no end to it");
}

/* Memory runs out at the n-th allocation while a deal comes into force and goes out of it again: it is reported and nothing has changed, or made good; all its lines
 * change together, and the index says what the book says, also one that is compiled anew. */
static void memory_may_run_out_while_a_deal_changes(void **state) {
    struct rights_fixture f = begin(state);
    int64_t films[] = {title(&f, ORG, "one", NULL), title(&f, ORG, "two", NULL)};
    struct public_id studio = party(&f, ORG, "Studio"), d = deal(&f, ORG, "S-1", RIGHTS_IN, &studio, RIGHTS_SUSPENDED);
    struct rights_line_new ones[] = {line(films[0], "WORLD", FREE, 0, RIGHTS_ENDLESS), line(films[1], "DE", FREE, 0, RIGHTS_ENDLESS)};
    for (size_t i = 0; i < ARRAY_LEN(films); i++) assert_ok(append(&f, ORG, &d, &ones[i], NULL));
    enum rights_status stands = RIGHTS_SUSPENDED;
    size_t failures = 0, changes = 0, clean = 0;
    for (uint64_t nth = 1; nth < 2000 && clean < 2; nth++) {
        enum rights_status wanted = stands == RIGHTS_ACTIVE ? RIGHTS_SUSPENDED : RIGHTS_ACTIVE;
        fault_arm(FAULT_ALLOC, nth, false);
        struct err e = rights_deal_change(f.rights, ORG, public_id_slice(&d), &(struct rights_deal_change){.has_status = true, .status = wanted}, 0);
        bool fired = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        if (!fired) assert_ok(e);
        clean = fired ? 0 : clean + 1; /* once in each direction */
        failures += e.kind != ERR_NONE;
        changes += e.kind == ERR_NONE;
        stands = e.kind ? stands : wanted;
        struct arena *arena = arena_create(1 << 20);
        struct rights_deal stored;
        assert_ok(rights_deal_get(f.rights, arena, ORG, public_id_slice(&d), &stored));
        assert_int_equal(stored.status, stands);
        arena_destroy(&arena);
        assert_ok(rights_refresh(f.rights));
        if (!fired) rights_again(&f);
        for (size_t i = 0; i < ARRAY_LEN(films); i++) answers(&f, films[i], "DE", RIGHTS_FREE, START, stands == RIGHTS_ACTIVE ? "rights.allowed" : "rights.deal");
    }
    assert_int_equal(clean, 2);
    assert_true(failures > 3 && changes >= 3); /* two of them at the end, and one that was made good */
    end(&f);
}

/* Readers go on while the book changes; each answer is one of before or after. */
struct reading {
    struct rights_fixture *f;
    int64_t film;
    atomic_bool is_over;
    _Atomic uint64_t asked;
};
static void *read_on(void *arg) {
    struct reading *r = arg;
    struct rights_question q = ask(r->film, "DE", RIGHTS_FREE, START);
    while (!atomic_load(&r->is_over)) {
        struct rights_answer a;
        rights_decide(r->f->rights, &q, &a);
        assert_true(a.reason == RIGHTS_BECAUSE_ALLOWED || a.reason == RIGHTS_BECAUSE_NONE || a.reason == RIGHTS_BECAUSE_DEAL);
        atomic_fetch_add(&r->asked, 1);
    }
    return NULL;
}
static void readers_go_on_while_the_book_changes(void **state) {
    struct rights_fixture f = begin(state);
    int64_t film = title(&f, ORG, "film", NULL);
    struct public_id studio = party(&f, ORG, "Studio"), d = deal(&f, ORG, "S-1", RIGHTS_IN, &studio, RIGHTS_ACTIVE), id;
    struct reading r = {.f = &f, .film = film};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, read_on, &r), 0);
    struct rights_line_new n = line(film, "WORLD", FREE, 0, RIGHTS_ENDLESS);
    for (int i = 0; i < 40; i++) {
        assert_ok(append(&f, ORG, &d, &n, &id));
        assert_ok(rights_deal_change(f.rights, ORG, public_id_slice(&d), &(struct rights_deal_change){.has_status = true, .status = i % 2 ? RIGHTS_ACTIVE : RIGHTS_SUSPENDED}, 0));
        assert_ok(rights_line_withdraw(f.rights, ORG, public_id_slice(&id)));
    }
    while (!atomic_load(&r.asked)) sched_yield();
    atomic_store(&r.is_over, true);
    pthread_join(thread, NULL);
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_line_grants_until_it_is_withdrawn_and_the_book_remembers),
        ON_BOTH(an_amendment_replaces_in_one_moment),
        ON_BOTH(a_deal_counts_by_its_status_and_keeps_its_versions),
        ON_BOTH(a_clock_that_goes_back_does_not_reorder_the_book),
        ON_BOTH(the_index_is_a_fold_of_the_store),
        ON_BOTH(processes_over_one_database_see_each_other),
        ON_BOTH(titles_of_before_get_their_house_line_once),
        ON_BOTH(contradictions_are_told_before_anything_is_saved),
        ON_BOTH(what_our_own_service_runs_is_told_of_an_exclusive_sale),
        ON_BOTH(wrong_lines_are_refused_by_name),
        ON_BOTH(another_organisation_finds_nothing),
        ON_BOTH(plays_are_used_up),
        ON_BOTH(lines_say_why_they_do_not_apply),
        ON_SQLITE(memory_may_run_out_anywhere),
        ON_BOTH(memory_may_run_out_while_a_deal_changes),
        ON_BOTH(readers_go_on_while_the_book_changes),
    };
    return cmocka_run_group_tests_name("book", tests, NULL, NULL);
}
