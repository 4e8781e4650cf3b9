/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fault.h"
#include "business/catalog/catalog.h"
#include "store.h"

static const struct db_schema *const schemas[] = {&catalog_schema};
enum { ORG = 7, OTHER_ORG = 8 };

struct fixture {
    struct db *db;
    struct id_maker *ids;
    struct catalog *catalog;
    struct arena *arena;
    struct catalog_import_report report;
};
static struct fixture begin(void **state) {
    struct fixture f = {.db = test_store_open(test_store_of(state), schemas, 1), .ids = id_maker_create(clock_system(), 0), .arena = arena_create(256 << 20)};
    assert_ok(catalog_open(&f.catalog, f.db, f.ids));
    return f;
}
static void end(struct fixture *f) {
    arena_destroy(&f->arena);
    catalog_close(&f->catalog);
    id_maker_destroy(&f->ids);
    db_close(&f->db);
}
static struct err import_to(struct fixture *f, int64_t org, enum catalog_format format, const char *text) {
    arena_reset(f->arena);
    return catalog_import(f->catalog, f->arena, org, format, slice_cstr(text), false, &f->report);
}
static struct err import(struct fixture *f, const char *text) { return import_to(f, ORG, CATALOG_CSV, text); }
static struct catalog_view *view_of(struct fixture *f, int64_t org) {
    struct catalog_view *v = NULL;
    assert_ok(catalog_view_take(f->catalog, org, &v));
    return v;
}
static char *export(struct fixture *f, int64_t org, enum catalog_format format) {
    struct buf out = BUF(16 << 20);
    struct catalog_view *v = view_of(f, org);
    assert_ok(catalog_export(v, format, &out));
    catalog_view_give(&v);
    buf_bytes(&out, "", 1);
    return out.ptr;
}
static void same(struct slice a, const char *b) {
    if (!slice_eq(a, slice_cstr(b))) fail_msg("\"%.*s\" is not \"%s\"", SLICE_ARG(a), b);
}
static void counts(const struct fixture *f, size_t created, size_t changed, size_t people) {
    assert_int_equal(f->report.created, created);
    assert_int_equal(f->report.changed, changed);
    assert_int_equal(f->report.people, people);
}

/* Everything that a catalogue can say, children before their parents, by all three ways to refer. */
static const char whole[] =
    "external_id,kind,parent,season,episode,edit,year,genres,countries,original_lang,original_name,is_free,rating_fsk,rating_mpa,rating_th,eidr,"
    "name_en,name_de,name_zh,name_th,synopsis_en,people,members\r\n"
    "x:ep,,x:s2,,3,,2025,drama,DE TH,th,ตอนที่สาม,no,12,PG-13,น13+,,\"Three, or \"\"more\"\"\",Drei,三,สาม,\"First line.\n\nLast line.\","
    "\"director: Jane Doe; cast: ศิริพร = Nok; cast: Odd\\; Name = A\\=B; writer: Jane Doe\",\r\n"
    "x:s2,season,x:series,2,,,,,,,,yes,,,,,Second Season,,,,,,\r\n"
    "x:series,series,,,,,,,,,,yes,,,,10.5240/7791-8534-2c23-9030-8610-5,The Series,Die Serie,连续剧,ซีรีส์,,,\r\n"
    "x:cut,film,x:film,,,director,,,,en,,yes,,,,,The Film (director's cut),,,,,,\r\n"
    "x:film,film,,,,,1999,drama sport,,,,yes,16,R,,,The Film,Der Film,电影,ภาพยนตร์,,,\r\n"
    "x:clip,clip,x:film,,,,,,,,,yes,,,,,A Moment,,,,,,\r\n"
    "x:all,collection,,,,,,,,,,yes,,,,,Everything,,,,,,x:film;urn:eidr:10.5240:7791-8534-2C23-9030-8610-5; x:clip\r\n";

static void check_whole(const struct catalog_view *v) {
    assert_int_equal(v->count, 7);
    assert_int_equal(v->people_count, 3);
    const struct catalog_title *series = catalog_find_eidr(v, SLICE("7791-8534-2C23-9030-8610-5")), *season = catalog_find_any(v, SLICE("x:s2"));
    const struct catalog_title *episode = catalog_find_external(v, SLICE("x:ep")), *film = catalog_find_external(v, SLICE("x:film"));
    const struct catalog_title *cut = catalog_find_external(v, SLICE("x:cut")), *all = catalog_find_external(v, SLICE("x:all")), *clip = catalog_find_external(v, SLICE("x:clip"));
    same(series->eidr, "10.5240/7791-8534-2C23-9030-8610-5");
    assert_int_equal(episode->kind, CATALOG_EPISODE); /* nobody said so, but it stands under a season */
    assert_ptr_equal(catalog_parent(v, episode), series);
    assert_ptr_equal(catalog_season(v, episode), season);
    assert_int_equal(episode->season, 2);
    assert_int_equal(episode->episode, 3);
    assert_int_equal(episode->age, 12);
    assert_false(episode->is_free);
    same(episode->countries, "DE TH");
    same(episode->original_name, "ตอนที่สาม");
    same(episode->texts[0].name, "Three, or \"more\"");
    same(episode->texts[0].synopsis, "First line.\n\nLast line.");
    struct catalog_rating rating;
    assert_true(catalog_rating_in(episode, SLICE("TH"), &rating));
    assert_string_equal(rating.value, "น 13+");
    assert_int_equal(episode->people_count, 4);
    assert_int_equal(episode->people[0].person_id, episode->people[3].person_id);
    assert_int_equal(episode->people[3].part, CATALOG_WRITER);
    same(episode->people[1].character, "Nok");
    same(episode->people[2].character, "A=B");
    same(catalog_person_name_in(catalog_find_person(v, episode->people[2].person_id), SLICE("en")), "Odd; Name");
    same(catalog_find_person(v, episode->people[1].person_id)->names[3], "ศิริพร");
    int64_t above[3];
    catalog_above(v, episode, above);
    assert_true(above[0] == episode->id && above[1] == season->id && above[2] == series->id);
    catalog_above(v, cut, above);
    assert_true(above[0] == cut->id && above[1] == film->id && above[2] == 0);
    assert_true(catalog_is_version(cut) && !catalog_is_version(film) && !catalog_is_version(clip));
    assert_int_equal(film->age, 16);
    assert_int_equal(all->member_count, 3);
    assert_true(all->members[0] == film->id && all->members[1] == series->id && all->members[2] == clip->id);
    size_t count;
    const struct catalog_title *const *children = catalog_children(v, series, &count);
    assert_int_equal(count, 2);
    assert_ptr_equal(children[0], season);
    assert_int_equal(series->status, CATALOG_READY);
    assert_int_equal(film->status, CATALOG_FAILED); /* it waits for its file */
}

static void a_catalogue_comes_in_and_goes_out_the_same(void **state) {
    struct fixture f = begin(state);
    assert_ok(import(&f, whole));
    counts(&f, 7, 0, 3);
    struct catalog_view *v = view_of(&f, ORG);
    check_whole(v);
    catalog_view_give(&v);
    for (int format = 0; format < 2; format++) {
        char *out = export(&f, ORG, (enum catalog_format)format);
        assert_ok(import_to(&f, ORG, (enum catalog_format)format, out));
        counts(&f, 0, 0, 0); /* nothing to do */
        assert_ok(import_to(&f, OTHER_ORG + format, (enum catalog_format)format, out)); /* elsewhere it is a new catalogue */
        counts(&f, 7, 0, 3);
        v = view_of(&f, OTHER_ORG + format);
        check_whole(v);
        catalog_view_give(&v);
        char *again = export(&f, ORG, (enum catalog_format)format);
        assert_string_equal(out, again);
        free(out);
        free(again);
    }
    end(&f);
}

static void what_differs_is_changed_and_nothing_else(void **state) {
    struct fixture f = begin(state);
    assert_ok(import(&f, whole));
    struct catalog_view *before = view_of(&f, ORG);
    assert_ok(import(&f, "external_id,year,name_de,people\nx:film,2001,,cast: Jane Doe\nx:series,,Die Serie,\n"));
    counts(&f, 0, 1, 0);
    struct catalog_view *v = view_of(&f, ORG);
    const struct catalog_title *film = catalog_find_external(v, SLICE("x:film")), *series = catalog_find_external(v, SLICE("x:series"));
    assert_int_equal(film->year, 2001);
    same(film->texts[1].name, "");
    same(film->texts[0].name, "The Film");
    same(film->genres, "drama sport"); /* no column, no change */
    assert_int_equal(film->people_count, 1);
    assert_int_equal(series->version, catalog_find_external(before, SLICE("x:series"))->version);
    assert_int_equal(catalog_find_external(before, SLICE("x:film"))->year, 1999); /* a view that was taken stays */
    catalog_view_give(&before);
    catalog_view_give(&v);
    /* a person is renamed by the JSON's list */
    char *out = export(&f, ORG, CATALOG_JSON), *at = strstr(out, "{\"en\":\"Jane Doe\"}");
    assert_non_null(at);
    memcpy(at + 7, "Joan", 4);
    assert_ok(import_to(&f, ORG, CATALOG_JSON, out));
    counts(&f, 0, 0, 1);
    free(out);
    /* a trial changes nothing */
    arena_reset(f.arena);
    assert_ok(catalog_import(f.catalog, f.arena, ORG, CATALOG_CSV, SLICE("name_en\nOne more\n"), true, &f.report));
    counts(&f, 1, 0, 0);
    v = view_of(&f, ORG);
    assert_int_equal(v->count, 7);
    catalog_view_give(&v);
    end(&f);
}

static void fault_is(const struct fixture *f, size_t i, size_t line, size_t column, const char *code) {
    const struct catalog_fault *fault = &f->report.faults[i];
    if (fault->line != line || fault->column != column || strcmp(fault->code, code))
        fail_msg("fault %zu is %zu:%zu %s (%.*s), not %zu:%zu %s", i, fault->line, fault->column, fault->code, SLICE_ARG(fault->field), line, column, code);
}

static void all_faults_are_told_and_nothing_is_changed(void **state) {
    struct fixture f = begin(state);
    assert_ok(import(&f, whole));
    char *before = export(&f, ORG, CATALOG_CSV);
    assert_error(import(&f, "name_en,year,kind,parent,eidr,genres,rating_fsk,is_free,people,members,external_id\n"
                            "Good,2001,film,,,drama,6,yes,,,n:1\n"
                            "Bad,soon,opera,nobody,10.5240/7791-8534-2C23-9030-8610-6,Drama!,7,maybe,singer: X,,n:2\n"
                            "\"Two\nlines\",1000,film,x:series,,,,,,x:film,n:3\n"
                            "Short,1\n"
                            "Quote\"s,2001,film,,,,,,,,n:4\n"
                            ",2001,film,,,,,,,,n:5\n"
                            "Twice,2001,film,,,,,,,,n:1\n"
                            "Clip,,clip,x:series,,,,,,,n:6\n"
                            "Event,,event,,,,,,,,n:7\n"),
                 "catalogue.faults");
    size_t i = 0;
    fault_is(&f, i++, 3, 5, "catalogue.value");  /* year */
    fault_is(&f, i++, 3, 10, "title.kind");
    fault_is(&f, i++, 3, 16, "title.parent");
    fault_is(&f, i++, 3, 23, "title.eidr");
    fault_is(&f, i++, 3, 58, "title.genres");
    fault_is(&f, i++, 3, 65, "title.ratings");
    fault_is(&f, i++, 3, 67, "catalogue.value"); /* is_free */
    fault_is(&f, i++, 3, 73, "title.people");
    fault_is(&f, i++, 4, 1, "title.name");       /* a name has one line */
    fault_is(&f, i++, 5, 8, "title.year");
    fault_is(&f, i++, 5, 32, "title.members");
    fault_is(&f, i++, 6, 8, "catalogue.fields"); /* where the line ends */
    fault_is(&f, i++, 7, 6, "csv.quote");
    fault_is(&f, i++, 8, 1, "catalogue.name");
    fault_is(&f, i++, 9, 24, "catalogue.twice");
    fault_is(&f, i++, 10, 12, "title.parent");
    fault_is(&f, i++, 11, 8, "title.kind");
    assert_int_equal(f.report.fault_count, i);
    counts(&f, 0, 0, 0);
    assert_error(import(&f, "name_en,colour,name_en\n"), "catalogue.faults");
    fault_is(&f, 0, 1, 9, "catalogue.header");
    fault_is(&f, 1, 1, 16, "catalogue.header");
    assert_error(import(&f, ""), "catalogue.faults");
    fault_is(&f, 0, 1, 1, "catalogue.form");
    struct err (*json)(struct fixture *, int64_t, enum catalog_format, const char *) = import_to;
    assert_error(json(&f, ORG, CATALOG_JSON, "{\n \"titles\": [\n  {\"names\": {\"en\": \"A\"}, \"colour\": 1},\n  {\"names\": {\"xx\": \"B\"},\n   \"year\": \"x\"}, 5\n ]}"), "catalogue.faults");
    fault_is(&f, 0, 3, 26, "catalogue.member");
    fault_is(&f, 1, 4, 4, "catalogue.value");
    fault_is(&f, 2, 4, 4, "catalogue.name");
    fault_is(&f, 3, 5, 4, "catalogue.value");
    fault_is(&f, 4, 5, 18, "catalogue.value");
    fault_is(&f, 5, 5, 18, "catalogue.name");
    assert_error(json(&f, ORG, CATALOG_JSON, "{\"titles\": [\n{]}"), "catalogue.faults");
    fault_is(&f, 0, 2, 2, "catalogue.json");
    assert_error(json(&f, ORG, CATALOG_JSON, "[]"), "catalogue.faults");
    char *after = export(&f, ORG, CATALOG_CSV);
    assert_string_equal(before, after);
    free(before);
    free(after);
    end(&f);
}

static struct err refuse(void *user, struct db_tx *tx, int64_t org_id, int64_t title_id, const struct catalog_change *ch) {
    unsigned *left = user;
    (void)tx;
    return --*left ? ERR_OK : err_make(ERR_LIMIT, "test.refused", "No.");
}
static void what_fails_in_the_middle_leaves_nothing(void **state) {
    struct fixture f = begin(state);
    unsigned left = 3;
    catalog_on_made(f.catalog, refuse, &left);
    assert_error(import(&f, whole), "test.refused");
    struct catalog_view *v = view_of(&f, ORG);
    assert_int_equal(v->count + v->people_count, 0);
    catalog_view_give(&v);
    left = 100;
    assert_ok(import(&f, whole));
    assert_int_equal(left, 93); /* it is told of each new title */
    end(&f);
}

static void every_failed_allocation_is_survived(void **state) {
    struct fixture f = begin(state);
    int64_t org = 100;
    for (uint64_t nth = 1;; nth += 1 + nth / 40) {
        fault_arm(FAULT_ALLOC, nth, false);
        struct err e = import_to(&f, org, CATALOG_CSV, whole);
        bool fired = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        struct catalog_view *v = view_of(&f, org);
        /* The store has all or nothing; and if only the view could not follow, the view is read anew. */
        assert_true(v->count == 0 || v->count == 7);
        if (!e.kind) assert_int_equal(v->count, 7);
        if (v->count) org++;
        catalog_view_give(&v);
        if (!fired) break;
    }
    end(&f);
}

/* --- ratings, EIDR --- */

static void ratings_mean_ages(void **state) {
    static const struct {
        enum catalog_system system;
        const char *value;
        int age; /* -1: no such word */
    } words[] = {{CATALOG_FSK, "0", 0}, {CATALOG_FSK, "6", 6}, {CATALOG_FSK, "12", 12}, {CATALOG_FSK, "16", 16}, {CATALOG_FSK, "18", 18}, {CATALOG_FSK, "14", -1},
                 {CATALOG_MPA, "G", 0}, {CATALOG_MPA, "PG", 6}, {CATALOG_MPA, "PG-13", 12}, {CATALOG_MPA, "R", 16}, {CATALOG_MPA, "NC-17", 18}, {CATALOG_MPA, "X", -1},
                 {CATALOG_TH, "ส", 0}, {CATALOG_TH, "ท", 0}, {CATALOG_TH, "น 13+", 12}, {CATALOG_TH, "น15+", 16}, {CATALOG_TH, "น 18+", 18}, {CATALOG_TH, "ฉ 20+", 18},
                 {CATALOG_TH, "น", -1}, {CATALOG_AGE, "0", 0}, {CATALOG_AGE, "1", 6}, {CATALOG_AGE, "7", 12}, {CATALOG_AGE, "13", 16}, {CATALOG_AGE, "17", 18},
                 {CATALOG_AGE, "21", 18}, {CATALOG_AGE, "22", -1}, {CATALOG_AGE, "-1", -1}, {CATALOG_AGE, "", -1}};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct catalog_ratings r = {0};
        bool is_known = catalog_rating_parse(slice_cstr(words[i].value), words[i].system, &r);
        if (is_known != (words[i].age >= 0) || (is_known && catalog_age(&r) != words[i].age)) fail_msg("%s %s", catalog_system_name(words[i].system), words[i].value);
    }
    struct catalog_title t = {0};
    struct catalog_rating rating;
    assert_false(catalog_rating_in(&t, SLICE("DE"), &rating));
    assert_true(catalog_rating_parse(SLICE("12"), CATALOG_FSK, &t.ratings) && catalog_rating_parse(SLICE("R"), CATALOG_MPA, &t.ratings));
    assert_true(catalog_rating_in(&t, SLICE("DE"), &rating) && rating.age == 12);  /* the law of the land */
    assert_true(catalog_rating_in(&t, SLICE("TH"), &rating) && rating.age == 16);  /* else the strictest */
    assert_true(catalog_rating_in(&t, SLICE(""), &rating) && rating.system == CATALOG_MPA);
    assert_int_equal(catalog_age(&t.ratings), 16);
}

static void eidr_is_checked(void **state) {
    static const char *const good[] = {"7791-8534-2C23-9030-8610-5", "EA73-79D7-1B2B-B378-3A73-M", "F592-58D1-A4D9-E968-5435-L", "77C5-ED35-8FC2-7D9D-9531-1",
                                       "6FE7-5382-637F-2E34-7518-O", "2156-FA16-777A-20BF-AF2B-C", "1C32-9E3E-2EA6-A115-FC43-U"};
    static const char *const prefixes[] = {"", "10.5240/", "urn:eidr:10.5240:", "URN:EIDR:10.5240:", "md:cid:eidr-s:", "doi:10.5240/", "https://doi.org/10.5240/"};
    char out[CATALOG_EIDR_LEN + 1], text[80], expected[80];
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        for (size_t k = 0; k < ARRAY_LEN(prefixes); k++) {
            snprintf(text, sizeof text, "%s%s", prefixes[k], good[i]);
            snprintf(expected, sizeof expected, "10.5240/%s", good[i]);
            assert_true(catalog_eidr_parse(slice_cstr(text), out));
            assert_string_equal(out, expected);
            for (size_t at = strlen(prefixes[k]); k == 1 && at < strlen(text); at++) { /* each single wrong character is noticed */
                char kept = text[at];
                if (kept == '-') continue;
                text[at] = kept == '7' ? '8' : '7';
                assert_false(catalog_eidr_parse(slice_cstr(text), out));
                text[at] = kept;
            }
        }
    static const char *const bad[] = {"", "10.5240/", "10.5240/7791-8534-2C23-9030-8610", "10.5240/7791-8534-2C23-9030-8610-BEFK-6", "10.5240/AAAA-AAAA-AAAA-AAAA-AAAA-A",
                                      "10.5239/7791-8534-2C23-9030-8610-5", "10.5240/7791 8534 2C23 9030 8610 5", "10.5240/G791-8534-2C23-9030-8610-5"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (catalog_eidr_parse(slice_cstr(bad[i]), out)) fail_msg("%s", bad[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_catalogue_comes_in_and_goes_out_the_same),
        ON_BOTH(what_differs_is_changed_and_nothing_else),
        ON_BOTH(all_faults_are_told_and_nothing_is_changed),
        ON_BOTH(what_fails_in_the_middle_leaves_nothing),
        ON_SQLITE(every_failed_allocation_is_survived),
        cmocka_unit_test(ratings_mean_ages),
        cmocka_unit_test(eidr_is_checked),
    };
    return cmocka_run_group_tests_name("exchange", tests, NULL, NULL);
}
