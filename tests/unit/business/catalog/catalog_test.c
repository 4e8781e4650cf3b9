/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>

#include "base/fault.h"
#include "business/catalog/catalog.h"
#include "store.h"

static const struct db_schema *const schemas[] = {&catalog_schema};
enum { EN, DE, ZH, TH };
enum { ORG = 7, OTHER_ORG = 8 };

struct fixture {
    struct db *db;
    struct id_maker *ids;
    struct catalog *catalog;
};
static struct fixture begin(void **state) {
    struct fixture f = {.db = test_store_open(test_store_of(state), schemas, 1), .ids = id_maker_create(clock_system(), 0)};
    assert_ok(catalog_open(&f.catalog, f.db, f.ids));
    return f;
}
static void end(struct fixture *f) {
    catalog_close(&f->catalog);
    id_maker_destroy(&f->ids);
    db_close(&f->db);
}

static struct catalog_change named(struct slice en, struct slice de) {
    struct catalog_change ch = {0};
    ch.texts[EN].has_name = en.len > 0;
    ch.texts[EN].name = en;
    ch.texts[DE].has_name = de.len > 0;
    ch.texts[DE].name = de;
    return ch;
}
static struct public_id create(struct fixture *f, int64_t org, struct catalog_change ch, enum catalog_status status) {
    struct public_id id;
    assert_ok(catalog_create(f->catalog, org, &ch, status, &id));
    return id;
}
static struct catalog_view *view_of(struct fixture *f, int64_t org) {
    struct catalog_view *v = NULL;
    assert_ok(catalog_view_take(f->catalog, org, &v));
    return v;
}
static void same(struct slice a, const char *b) {
    if (!slice_eq(a, slice_cstr(b))) fail_msg("\"%.*s\" is not \"%s\"", SLICE_ARG(a), b);
}

/* What is asked of a title is asked of the view that grew with it, and of one loaded afresh. */
static void check_on_both_views(struct fixture *f, void (*check)(const struct catalog_view *, void *), void *arg) {
    struct catalog_view *grown = view_of(f, ORG);
    check(grown, arg);
    catalog_view_give(&grown);
    struct catalog *fresh;
    assert_ok(catalog_open(&fresh, f->db, f->ids));
    struct catalog_view *loaded;
    assert_ok(catalog_view_take(fresh, ORG, &loaded));
    check(loaded, arg);
    catalog_view_give(&loaded);
    catalog_close(&fresh);
}

struct expected {
    struct public_id film, series;
};
static void check_whole(const struct catalog_view *v, void *arg) {
    const struct expected *x = arg;
    assert_int_equal(v->count, 2);
    const struct catalog_title *t = catalog_find(v, public_id_slice(&x->film)), *series = catalog_find(v, public_id_slice(&x->series));
    assert_non_null(t);
    assert_non_null(series);
    assert_int_equal(series->kind, CATALOG_SERIES);
    assert_int_equal(t->status, CATALOG_READY);
    assert_string_equal(t->parent.text, x->series.text);
    assert_true(t->parent_id == series->id);
    assert_int_equal(t->season, 2);
    assert_int_equal(t->episode, 13);
    assert_int_equal(t->year, 2026);
    assert_int_equal(t->duration_ms, 61000);
    assert_int_equal(t->colour, 0x123456);
    assert_true(t->poster_version > 0);
    same(t->genres, "nature short");
    same(t->tracks, "[1]\n[2]\n[3]");
    same(catalog_text_in(t, SLICE("zh")).name, "山");
    same(catalog_text_in(t, SLICE("zh")).synopsis, "Rocks.\n\nAnd more.");
    same(catalog_text_in(t, SLICE("th")).name, "Mountain");
    same(catalog_text_in(series, SLICE("en")).name, "Berge");
    assert_ptr_equal(catalog_find_external(v, SLICE("example:mountain")), t);
    assert_null(catalog_find_external(v, SLICE("")));
}

static void a_title_is_kept_whole(void **state) {
    struct fixture f = begin(state);
    struct expected x;
    struct catalog_change ch = named(SLICE_NONE, SLICE("Berge"));
    ch.has_kind = true;
    ch.kind = CATALOG_SERIES;
    x.series = create(&f, ORG, ch, CATALOG_READY);
    ch = named(SLICE("Mountain"), SLICE_NONE);
    ch.external_id = SLICE("example:mountain");
    x.film = create(&f, ORG, ch, CATALOG_IMPORTING);
    struct catalog_view *before = view_of(&f, ORG);
    ch = (struct catalog_change){.has_parent = true, .parent = public_id_slice(&x.series), .has_season = true, .season = 2, .has_episode = true, .episode = 13,
                                 .has_year = true, .year = 2026, .has_genres = true, .genres = SLICE("nature short")};
    ch.texts[ZH].has_name = true;
    ch.texts[ZH].name = SLICE("山");
    ch.texts[EN].has_synopsis = true;
    ch.texts[EN].synopsis = SLICE("Rocks.\n\nAnd more.");
    assert_ok(catalog_change(f.catalog, ORG, public_id_slice(&x.film), &ch));
    struct catalog_media media = {.duration_ms = 61000, .colour = 0x123456, .has_poster = true, .tracks = SLICE("[1]\n[2]\n[3]")};
    assert_ok(catalog_set_media(f.catalog, ORG, public_id_slice(&x.film), &media));
    check_on_both_views(&f, check_whole, &x);
    assert_int_equal(catalog_find(before, public_id_slice(&x.film))->status, CATALOG_IMPORTING); /* a view that was taken stays as it is */
    catalog_view_give(&before);
    end(&f);
}

static void texts_are_removed_alone(void **state) {
    struct fixture f = begin(state);
    struct public_id id = create(&f, ORG, named(SLICE("Sea"), SLICE("Meer")), CATALOG_READY);
    struct catalog_change ch = {0};
    ch.texts[EN].has_name = true;
    assert_ok(catalog_change(f.catalog, ORG, public_id_slice(&id), &ch));
    struct catalog_view *v = view_of(&f, ORG);
    same(catalog_text_in(v->titles[0], SLICE("en")).name, "Meer");
    catalog_view_give(&v);
    end(&f);
}

static void what_cannot_be_is_refused(void **state) {
    struct fixture f = begin(state);
    struct public_id id = create(&f, ORG, named(SLICE("Film"), SLICE_NONE), CATALOG_READY), made;
    struct public_id foreign = create(&f, OTHER_ORG, (struct catalog_change){.has_kind = true, .kind = CATALOG_SERIES}, CATALOG_READY);
    struct slice film = public_id_slice(&id);
#define REFUSED(error, ...) assert_error(catalog_change(f.catalog, ORG, film, &(struct catalog_change){__VA_ARGS__}), error)
    REFUSED("title.year", .has_year = true, .year = 1700);
    REFUSED("title.number", .has_season = true, .season = -1);
    REFUSED("title.genres", .has_genres = true, .genres = SLICE("Drama"));
    REFUSED("title.genres", .has_genres = true, .genres = SLICE("a  b"));
    REFUSED("title.genres", .has_genres = true, .genres = SLICE("a b c d e f g h i"));
    REFUSED("title.parent", .has_parent = true, .parent = film);
    REFUSED("title.parent", .has_parent = true, .parent = SLICE("nonsense"));
    REFUSED("title.parent", .has_parent = true, .parent = public_id_slice(&foreign)); /* a series of others */
    struct catalog_change ch = named(SLICE("bad \xff byte"), SLICE_NONE);
    assert_error(catalog_create(f.catalog, ORG, &ch, CATALOG_READY, &made), "title.name");
    ch = named(SLICE("turned \xe2\x80\xae around"), SLICE_NONE);
    assert_error(catalog_create(f.catalog, ORG, &ch, CATALOG_READY, &made), "title.name");
    ch = named(SLICE("Fine"), SLICE_NONE);
    ch.texts[DE].has_synopsis = true;
    ch.texts[DE].synopsis = SLICE("a\x01");
    assert_error(catalog_create(f.catalog, ORG, &ch, CATALOG_READY, &made), "title.synopsis");
    assert_error(catalog_change(f.catalog, ORG, SLICE("0000000000000000"), &(struct catalog_change){0}), "title.not_found");
    assert_error(catalog_change(f.catalog, ORG, SLICE("x"), &(struct catalog_change){0}), "title.not_found");
    struct catalog_view *v = view_of(&f, ORG);
    assert_int_equal(v->count, 1); /* nothing half-made came of all that */
    assert_int_equal(v->titles[0]->year, 0);
    catalog_view_give(&v);
    end(&f);
}

static void a_series_with_episodes_stays(void **state) {
    struct fixture f = begin(state);
    struct public_id series = create(&f, ORG, (struct catalog_change){.has_kind = true, .kind = CATALOG_SERIES}, CATALOG_READY);
    struct public_id episode = create(&f, ORG, (struct catalog_change){.has_parent = true, .parent = public_id_slice(&series)}, CATALOG_READY);
    assert_error(catalog_remove(f.catalog, ORG, public_id_slice(&series)), "title.has_episodes");
    assert_ok(catalog_remove(f.catalog, ORG, public_id_slice(&episode)));
    assert_ok(catalog_remove(f.catalog, ORG, public_id_slice(&series)));
    assert_error(catalog_remove(f.catalog, ORG, public_id_slice(&series)), "title.not_found");
    struct catalog_view *v = view_of(&f, ORG);
    assert_int_equal(v->count, 0);
    catalog_view_give(&v);
    end(&f);
}

static void organisations_do_not_see_each_other(void **state) {
    struct fixture f = begin(state);
    struct public_id mine = create(&f, ORG, named(SLICE("Mine"), SLICE_NONE), CATALOG_READY);
    struct slice id = public_id_slice(&mine);
    create(&f, OTHER_ORG, named(SLICE("Theirs"), SLICE_NONE), CATALOG_READY);
    struct catalog_view *theirs = view_of(&f, OTHER_ORG);
    assert_int_equal(theirs->count, 1);
    assert_null(catalog_find(theirs, id));
    catalog_view_give(&theirs);
    struct catalog_change ch = named(SLICE("Taken"), SLICE_NONE);
    struct catalog_media media = {.tracks = SLICE("")};
    assert_error(catalog_change(f.catalog, OTHER_ORG, id, &ch), "title.not_found");
    assert_error(catalog_remove(f.catalog, OTHER_ORG, id), "title.not_found");
    assert_error(catalog_set_media(f.catalog, OTHER_ORG, id, &media), "title.not_found");
    assert_error(catalog_set_tracks(f.catalog, OTHER_ORG, id, SLICE("")), "title.not_found");
    assert_error(catalog_set_poster(f.catalog, OTHER_ORG, id, true), "title.not_found");
    assert_error(catalog_set_status(f.catalog, OTHER_ORG, id, CATALOG_FAILED), "title.not_found");
    struct catalog_view *v = view_of(&f, ORG);
    same(catalog_text_in(v->titles[0], SLICE("en")).name, "Mine");
    catalog_view_give(&v);
    end(&f);
}

static void the_same_external_id_is_a_clash(void **state) {
    struct fixture f = begin(state);
    struct public_id made;
    struct catalog_change ch = {.external_id = SLICE("k")};
    create(&f, ORG, ch, CATALOG_READY);
    create(&f, OTHER_ORG, ch, CATALOG_READY);
    assert_error(catalog_create(f.catalog, ORG, &ch, CATALOG_READY, &made), "db.unique");
    end(&f);
}

/* Lets the n-th allocation fail, then the n+1-th, until a run meets no failure: each time the call says so or succeeds, the store
 * holds the old or the new state, and what the view shows is what the store holds. */
static void every_failed_allocation_is_survived(void **state) {
    struct fixture f = begin(state);
    struct public_id id = create(&f, ORG, named(SLICE("Film"), SLICE("Film")), CATALOG_READY);
    bool has_fired = true;
    for (int n = 1; has_fired; n++) {
        assert_true(n < 2000);
        struct catalog_view *before = view_of(&f, ORG), *after = NULL;
        int64_t year = 1900 + n % 200, old_year = before->titles[0]->year;
        catalog_view_give(&before);
        fault_arm(FAULT_ALLOC, (uint64_t)n, false);
        struct err e = catalog_change(f.catalog, ORG, public_id_slice(&id), &(struct catalog_change){.has_year = true, .year = year});
        struct err taken = catalog_view_take(f.catalog, ORG, &after);
        has_fired = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        if (!taken.kind) {
            int64_t shown = after->titles[0]->year;
            assert_true(shown == year || (e.kind && shown == old_year));
            catalog_view_give(&after);
        }
        after = view_of(&f, ORG);
        struct catalog *fresh;
        struct catalog_view *stored;
        assert_ok(catalog_open(&fresh, f.db, f.ids));
        assert_ok(catalog_view_take(fresh, ORG, &stored));
        assert_int_equal(after->titles[0]->year, stored->titles[0]->year);
        catalog_view_give(&stored);
        catalog_close(&fresh);
        catalog_view_give(&after);
        assert_true(has_fired || (!e.kind && !taken.kind));
    }
    end(&f);
}

struct renamer {
    struct fixture *f;
    struct public_id id;
};
static void *rename_often(void *arg) {
    struct renamer *r = arg;
    for (int64_t year = 2000; year < 2020; year++) assert_ok(catalog_change(r->f->catalog, ORG, public_id_slice(&r->id), &(struct catalog_change){.has_year = true, .year = year}));
    return NULL;
}

/* Changes from several threads at once: what was changed last is what the view ends with. */
static void changes_at_once_end_in_the_newest(void **state) {
    struct fixture f = begin(state);
    enum { THREADS = 3 };
    struct renamer r[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) r[i] = (struct renamer){&f, create(&f, ORG, (struct catalog_change){0}, CATALOG_READY)};
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, rename_often, &r[i]), 0);
    for (int i = 0; i < 100; i++) {
        struct catalog_view *v = view_of(&f, ORG);
        assert_int_equal(v->count, THREADS);
        catalog_view_give(&v);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    struct catalog_view *v = view_of(&f, ORG);
    for (int i = 0; i < THREADS; i++) assert_int_equal(v->titles[i]->year, 2019);
    catalog_view_give(&v);
    end(&f);
}

struct event_work {
    const struct catalog_event *event;
    struct slice title;
    int64_t org_id;
};
static struct err set_event_fn(struct db_tx *tx, void *arg) {
    struct event_work *w = arg;
    return catalog_set_event_in(tx, w->org_id, w->title, w->event);
}

/* An event is announced, on air, over, and then a title like others; its times go with it. */
static void an_event_goes_its_way(void **state) {
    struct fixture f = begin(state);
    struct catalog_change ch = named(SLICE("Cup Final"), SLICE_NONE);
    ch.has_kind = true;
    ch.kind = CATALOG_EVENT;
    struct public_id id = create(&f, ORG, ch, CATALOG_SCHEDULED);
    struct slice name = public_id_slice(&id);
    static const struct catalog_event steps[] = {
        {CATALOG_SCHEDULED, 1800000000123, 0, 0},
        {CATALOG_LIVE, 1800000000123, 1800000001456, 0},
        {CATALOG_ENDED, 1800000000123, 1800000001456, 1800000009000},
    };
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct event_work w = {&steps[i], name, ORG};
        assert_ok(db_write(f.db, set_event_fn, &w));
        assert_ok(catalog_refresh(f.catalog, ORG, name));
        struct catalog_view *v = view_of(&f, ORG);
        const struct catalog_title *t = catalog_find(v, name);
        assert_int_equal(t->kind, CATALOG_EVENT);
        assert_int_equal(t->status, steps[i].status);
        assert_int_equal(t->starts_ms, steps[i].starts_ms);
        assert_int_equal(t->started_ms, steps[i].started_ms);
        assert_int_equal(t->ended_ms, steps[i].ended_ms);
        catalog_view_give(&v);
    }
    struct event_work foreign = {&steps[0], name, OTHER_ORG};
    assert_error(db_write(f.db, set_event_fn, &foreign), "title.not_found");
    assert_ok(catalog_set_media(f.catalog, ORG, name, &(struct catalog_media){.duration_ms = 9000, .tracks = SLICE("[]")}));
    assert_ok(catalog_set_portrait(f.catalog, ORG, name, true));
    struct catalog_view *v = view_of(&f, ORG);
    const struct catalog_title *t = catalog_find(v, name);
    assert_int_equal(t->status, CATALOG_READY);
    assert_int_equal(t->kind, CATALOG_EVENT);
    assert_int_equal(t->started_ms, steps[2].started_ms);
    assert_true(t->portrait_version > 0);
    assert_int_equal(t->poster_version, 0);
    catalog_view_give(&v);
    end(&f);
}

/* A database of the first version, with a series, an episode and texts in it, comes through whole. */
static const struct db_statement old_series = {"test.old_series",
    "INSERT INTO title(id, org_id, public_id, kind, status, season, episode, year, genres, duration_ms, colour, poster_version, tracks, version, external_id) "
    "VALUES(20, 7, '0000000000000020', 1, 0, 0, 0, 1999, 'sport', 0, 255, 3, '', 4, 'x:1')"};
static const struct db_statement old_episode = {"test.old_episode",
    "INSERT INTO title(id, org_id, public_id, parent_id, kind, status, season, episode, year, genres, duration_ms, colour, poster_version, tracks, version) "
    "VALUES(10, 7, '0000000000000010', 20, 0, 2, 1, 2, 0, '', 61000, 255, 0, '[1]', 1)"};
static const struct db_statement old_text = {"test.old_text", "INSERT INTO title_text VALUES(10, 0, 7, 'Pilot', 'It begins.')"};
static struct err old_rows_fn(struct db_tx *tx, void *arg) {
    (void)arg;
    struct err e = DB_RUN(tx, &old_series);
    if (!e.kind) e = DB_RUN(tx, &old_episode);
    return e.kind ? e : DB_RUN(tx, &old_text);
}

static void an_older_database_is_brought_along(void **state) {
    static struct db_schema first;
    first = catalog_schema;
    first.versions = 1;
    static const struct db_schema *const firsts[] = {&first};
    struct fixture f = {.db = test_store_open(test_store_of(state), firsts, 1), .ids = id_maker_create(clock_system(), 0)};
    assert_ok(db_write(f.db, old_rows_fn, NULL));
    assert_ok(db_migrate(f.db, schemas, 1));
    assert_ok(catalog_open(&f.catalog, f.db, f.ids));
    struct catalog_view *v = view_of(&f, ORG);
    assert_int_equal(v->count, 2);
    const struct catalog_title *series = catalog_find(v, SLICE("0000000000000020")), *episode = catalog_find(v, SLICE("0000000000000010"));
    assert_int_equal(series->kind, CATALOG_SERIES);
    assert_int_equal(series->year, 1999);
    assert_int_equal(series->poster_version, 3);
    same(series->external_id, "x:1");
    assert_string_equal(episode->parent.text, series->public_id.text);
    assert_int_equal(episode->status, CATALOG_FAILED);
    assert_int_equal(episode->duration_ms, 61000);
    assert_int_equal(episode->starts_ms, 0);
    same(catalog_text_in(episode, SLICE("en")).synopsis, "It begins.");
    assert_int_equal(episode->kind, CATALOG_EPISODE); /* was a film that has a series */
    assert_true(episode->is_free && series->is_free);
    catalog_view_give(&v);
    /* the rules still hold: a text of no title, an external id twice, a parent that is there */
    struct catalog_change ch = named(SLICE("Event"), SLICE_NONE);
    ch.external_id = SLICE("x:1");
    struct public_id id;
    assert_error(catalog_create(f.catalog, ORG, &ch, CATALOG_SCHEDULED, &id), "db.unique");
    assert_error(catalog_remove(f.catalog, ORG, SLICE("0000000000000020")), "title.has_episodes");
    assert_ok(catalog_remove(f.catalog, ORG, SLICE("0000000000000010")));
    assert_ok(catalog_remove(f.catalog, ORG, SLICE("0000000000000020")));
    end(&f);
}

/* --- what stands above what --- */

static struct public_id make(struct fixture *f, enum catalog_kind kind, const char *name, const struct public_id *parent, int64_t season, int64_t episode) {
    struct catalog_change ch = named(slice_cstr(name), SLICE_NONE);
    ch.has_kind = true;
    ch.kind = kind;
    ch.has_parent = parent != NULL;
    if (parent) ch.parent = public_id_slice(parent);
    ch.has_season = ch.has_episode = true;
    ch.season = season;
    ch.episode = episode;
    return create(f, ORG, ch, CATALOG_READY);
}
static struct err try_place(struct fixture *f, enum catalog_kind kind, const struct public_id *parent) {
    struct catalog_change ch = named(SLICE("x"), SLICE_NONE);
    struct public_id id;
    ch.has_kind = ch.has_parent = true;
    ch.kind = kind;
    ch.parent = public_id_slice(parent);
    struct err e = catalog_create(f->catalog, ORG, &ch, CATALOG_READY, &id);
    if (!e.kind) assert_ok(catalog_remove(f->catalog, ORG, public_id_slice(&id)));
    return e;
}

struct family {
    struct public_id series, season, first, second, film, cut, clip, collection;
};
static void check_family(const struct catalog_view *v, void *arg) {
    const struct family *x = arg;
    const struct catalog_title *series = catalog_find(v, public_id_slice(&x->series)), *season = catalog_find(v, public_id_slice(&x->season));
    const struct catalog_title *first = catalog_find(v, public_id_slice(&x->first)), *second = catalog_find(v, public_id_slice(&x->second));
    const struct catalog_title *film = catalog_find(v, public_id_slice(&x->film)), *cut = catalog_find(v, public_id_slice(&x->cut));
    size_t count;
    const struct catalog_title *const *children = catalog_children(v, series, &count);
    assert_int_equal(count, 3);
    assert_true(children[0] == season && children[1] == first && children[2] == second);
    assert_ptr_equal(catalog_season(v, first), season);
    assert_int_equal(second->season, 1); /* it was given the season as its parent */
    assert_ptr_equal(catalog_parent(v, second), series);
    assert_true(catalog_is_version(cut) && catalog_is_shown(v, film) && !catalog_is_shown(v, cut));
    assert_true(catalog_is_shown(v, series) && catalog_is_shown(v, season) && catalog_is_shown(v, catalog_find(v, public_id_slice(&x->collection))));
    struct catalog_list list;
    assert_ok(catalog_list(v, CATALOG_NEWEST, SLICE(""), &list));
    assert_int_equal(list.count, 2);
    assert_true(list.items[0] == film && list.items[1] == series);
    assert_ok(catalog_list(v, CATALOG_OF_KIND, SLICE("clip"), &list));
    assert_int_equal(list.count, 1);
    assert_ok(catalog_list(v, CATALOG_GENRE, SLICE("none"), &list));
    assert_int_equal(list.count, 0);
}
static void kinds_have_their_places(void **state) {
    struct fixture f = begin(state);
    struct family x;
    x.series = make(&f, CATALOG_SERIES, "Series", NULL, 0, 0);
    x.second = make(&f, CATALOG_FILM, "Second", NULL, 0, 2);
    x.season = make(&f, CATALOG_SEASON, "Season", &x.series, 1, 0);
    x.first = make(&f, CATALOG_EPISODE, "First", &x.series, 1, 1);
    x.film = make(&f, CATALOG_FILM, "Film", NULL, 0, 0);
    x.cut = make(&f, CATALOG_FILM, "Cut", &x.film, 0, 0);
    x.clip = make(&f, CATALOG_CLIP, "Clip", &x.first, 0, 0);
    x.collection = make(&f, CATALOG_COLLECTION, "All", NULL, 0, 0);
    const struct slice members[] = {public_id_slice(&x.film), public_id_slice(&x.clip)};
    assert_ok(catalog_change(f.catalog, ORG, public_id_slice(&x.collection), &(struct catalog_change){.has_members = true, .members = members, .member_count = 2}));
    assert_ok(catalog_change(f.catalog, ORG, public_id_slice(&x.second), &(struct catalog_change){.has_parent = true, .parent = public_id_slice(&x.season)}));
    check_on_both_views(&f, check_family, &x);
    /* what cannot stand there */
    const struct {
        enum catalog_kind kind;
        const struct public_id *parent;
    } wrong[] = {{CATALOG_SEASON, &x.film}, {CATALOG_EPISODE, &x.film}, {CATALOG_SERIES, &x.series}, {CATALOG_CLIP, &x.series}, {CATALOG_FILM, &x.cut},
                 {CATALOG_FILM, &x.clip}, {CATALOG_COLLECTION, &x.series}, {CATALOG_SEASON, &x.season}};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) assert_error(try_place(&f, wrong[i].kind, wrong[i].parent), "title.parent");
    assert_ok(try_place(&f, CATALOG_FILM, &x.first)); /* another version of an episode */
    /* what holds others stays what it is */
    assert_error(catalog_change(f.catalog, ORG, public_id_slice(&x.series), &(struct catalog_change){.has_kind = true, .kind = CATALOG_FILM}), "title.parent");
    assert_error(catalog_remove(f.catalog, ORG, public_id_slice(&x.series)), "title.has_episodes");
    assert_error(catalog_remove(f.catalog, ORG, public_id_slice(&x.film)), "title.has_episodes");
    assert_error(catalog_change(f.catalog, ORG, public_id_slice(&x.film), &(struct catalog_change){.has_members = true, .members = members, .member_count = 1}), "title.members");
    const struct slice twice[] = {members[0], members[0]};
    assert_error(catalog_change(f.catalog, ORG, public_id_slice(&x.collection), &(struct catalog_change){.has_members = true, .members = twice, .member_count = 2}), "title.members");
    /* out of the series it is a film again; a removed title leaves the collection */
    assert_ok(catalog_change(f.catalog, ORG, public_id_slice(&x.second), &(struct catalog_change){.has_parent = true, .parent = SLICE("")}));
    assert_ok(catalog_remove(f.catalog, ORG, public_id_slice(&x.clip)));
    struct catalog_view *v = view_of(&f, ORG);
    assert_int_equal(catalog_find(v, public_id_slice(&x.second))->kind, CATALOG_FILM);
    catalog_view_give(&v);
    assert_ok(catalog_refresh_all(f.catalog, ORG));
    v = view_of(&f, ORG);
    assert_int_equal(catalog_find(v, public_id_slice(&x.collection))->member_count, 1);
    catalog_view_give(&v);
    end(&f);
}

/* --- people, rows, who is told --- */

static void count_call(void *user, int64_t org_id) {
    assert_int_equal(org_id, ORG);
    ++*(unsigned *)user;
}
static void people_and_rows_follow_their_changes(void **state) {
    struct fixture f = begin(state);
    unsigned told = 0;
    catalog_on_change(f.catalog, count_call, &told);
    assert_null(catalog_view_peek(f.catalog, ORG));
    struct public_id film = make(&f, CATALOG_FILM, "Film", NULL, 0, 0), person, foreign;
    struct catalog_view *v = view_of(&f, ORG), *peeked = catalog_view_peek(f.catalog, ORG);
    assert_ptr_equal(v, peeked);
    catalog_view_give(&peeked);
    struct catalog_person_change names = {0};
    names.names[EN].has_name = names.names[TH].has_name = true;
    assert_error(catalog_person_create(f.catalog, ORG, &names, &person), "person.name");
    names.names[EN].name = SLICE("Anna Berg");
    names.names[TH].name = SLICE("แอนนา");
    assert_ok(catalog_person_create(f.catalog, ORG, &names, &person));
    struct catalog *elsewhere; /* with a watcher of its own it would be told of the other organisation */
    assert_ok(catalog_open(&elsewhere, f.db, f.ids));
    assert_ok(catalog_person_create(elsewhere, OTHER_ORG, &names, &foreign));
    catalog_close(&elsewhere);
    const struct catalog_credit_change credit = {public_id_slice(&person), CATALOG_DIRECTOR, SLICE("")}, theirs = {public_id_slice(&foreign), CATALOG_CAST, SLICE("")};
    assert_ok(catalog_change(f.catalog, ORG, public_id_slice(&film), &(struct catalog_change){.has_people = true, .people = &credit, .people_count = 1}));
    assert_error(catalog_change(f.catalog, ORG, public_id_slice(&film), &(struct catalog_change){.has_people = true, .people = &theirs, .people_count = 1}), "title.people");
    assert_error(catalog_person_remove(f.catalog, ORG, public_id_slice(&person)), "person.has_parts");
    assert_error(catalog_person_change(f.catalog, OTHER_ORG, public_id_slice(&person), &names), "person.not_found");
    struct catalog_person_change renamed = {0};
    renamed.names[EN].has_name = true;
    renamed.names[EN].name = SLICE("Anna Tal");
    assert_ok(catalog_person_change(f.catalog, ORG, public_id_slice(&person), &renamed));

    const struct catalog_row rows[] = {{.source = CATALOG_CHOSEN, .names = {SLICE("Mine"), SLICE("Meine")}, .titles = &film, .title_count = 1, .starts_ms = 1000, .ends_ms = 2000},
                                       {.source = CATALOG_GENRE, .names = {SLICE("Sport")}, .genre = SLICE("sport")}};
    assert_ok(catalog_rows_set(f.catalog, ORG, rows, 2));
    assert_error(catalog_rows_set(f.catalog, OTHER_ORG, rows, 1), "row.titles"); /* not theirs */
    struct catalog_view *after = view_of(&f, ORG);
    assert_int_equal(v->people_count + v->row_count, 0); /* the old view is as it was */
    assert_int_equal(after->row_count, 2);
    same(after->rows[0].names[DE], "Meine");
    assert_memory_equal(after->rows[0].titles[0].text, film.text, PUBLIC_ID_LEN);
    assert_true(after->rows[0].starts_ms == 1000 && after->rows[0].ends_ms == 2000);
    same(after->rows[1].genre, "sport");
    const struct catalog_person *p = catalog_find_person(after, after->titles[0]->people[0].person_id);
    same(catalog_person_name_in(p, SLICE("de")), "Anna Tal");
    same(catalog_person_name_in(p, SLICE("th")), "แอนนา");
    catalog_view_give(&v);
    catalog_view_give(&after);
    assert_ok(catalog_rows_set(f.catalog, ORG, NULL, 0));
    assert_ok(catalog_remove(f.catalog, ORG, public_id_slice(&film)));
    assert_ok(catalog_person_remove(f.catalog, ORG, public_id_slice(&person)));
    assert_true(told >= 7);
    end(&f);
}

static void facts_are_kept_and_checked(void **state) {
    struct fixture f = begin(state);
    struct public_id id = create(&f, ORG, named(SLICE("Film"), SLICE_NONE), CATALOG_READY), other = create(&f, ORG, named(SLICE("Other"), SLICE_NONE), CATALOG_READY);
    struct slice film = public_id_slice(&id);
    struct catalog_view *v = view_of(&f, ORG);
    assert_true(v->titles[0]->is_free); /* unless its maker says otherwise */
    catalog_view_give(&v);
    struct catalog_change ch = {.has_eidr = true, .eidr = SLICE("urn:eidr:10.5240:7791-8534-2C23-9030-8610-5"), .has_is_free = true, .has_ratings = true, .has_countries = true,
                                .countries = SLICE("DE TH"), .has_original_lang = true, .original_lang = SLICE("zh-Hant"), .has_edit = true, .edit = SLICE("director")};
    assert_true(catalog_rating_parse(SLICE("16"), CATALOG_FSK, &ch.ratings) && catalog_rating_parse(SLICE("น 13+"), CATALOG_TH, &ch.ratings));
    assert_ok(catalog_change(f.catalog, ORG, film, &ch));
    assert_ok(catalog_set_poster_in(f.catalog, ORG, film, TH, true));
    v = view_of(&f, ORG);
    const struct catalog_title *t = catalog_find_any(v, SLICE("7791-8534-2c23-9030-8610-5"));
    assert_non_null(t);
    assert_true(t->id == v->titles[0]->id && !t->is_free && t->age == 16 && t->poster_versions[TH] > 0 && !t->poster_versions[DE]);
    same(t->countries, "DE TH");
    same(t->original_lang, "zh-Hant");
    catalog_view_give(&v);
#define WRONG(error, ...) assert_error(catalog_change(f.catalog, ORG, film, &(struct catalog_change){__VA_ARGS__}), error)
    WRONG("title.eidr", .has_eidr = true, .eidr = SLICE("10.5240/7791-8534-2C23-9030-8610-6"));
    WRONG("title.countries", .has_countries = true, .countries = SLICE("de"));
    WRONG("title.language", .has_original_lang = true, .original_lang = SLICE("english language"));
    WRONG("title.edit", .has_edit = true, .edit = SLICE("Director's"));
    assert_error(catalog_change(f.catalog, ORG, public_id_slice(&other), &(struct catalog_change){.has_eidr = true, .eidr = ch.eidr}), "title.eidr_taken");
    assert_ok(catalog_change(f.catalog, ORG, film, &(struct catalog_change){.has_eidr = true}));
    assert_ok(catalog_change(f.catalog, ORG, public_id_slice(&other), &(struct catalog_change){.has_eidr = true, .eidr = ch.eidr}));
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_title_is_kept_whole),        ON_BOTH(texts_are_removed_alone),
        ON_BOTH(what_cannot_be_is_refused),    ON_BOTH(a_series_with_episodes_stays), ON_BOTH(organisations_do_not_see_each_other),
        ON_BOTH(the_same_external_id_is_a_clash), ON_SQLITE(every_failed_allocation_is_survived), ON_BOTH(changes_at_once_end_in_the_newest),
        ON_BOTH(an_event_goes_its_way),        ON_BOTH(an_older_database_is_brought_along),
        ON_BOTH(kinds_have_their_places),      ON_BOTH(people_and_rows_follow_their_changes), ON_BOTH(facts_are_kept_and_checked),
    };
    return cmocka_run_group_tests_name("catalog", tests, NULL, NULL);
}
