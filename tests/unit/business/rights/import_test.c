/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Lines from files: all or none, each fault by its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "base/fault.h"
#include "rights_fixture.h"

static int64_t film(struct rights_fixture *f, const char *external_id) { return title(f, ORG, external_id, NULL); }
static struct err import(struct rights_fixture *f, struct slice text, struct rights_import *job) {
    *job = (struct rights_import){.status = RIGHTS_ACTIVE, .is_dry_run = job->is_dry_run, .faults_max = job->faults_max};
    return import_lines(f, text, 7, job);
}
static const char *reason(struct rights_fixture *f, int64_t title_id, const char *country, enum rights_medium medium, int64_t at_s) {
    struct rights_question q = {.titles = {title_id}, .medium = medium, .at_s = at_s};
    assert_true(rights_place_parse(slice_cstr(country), SLICE_NONE, &q.place));
    struct rights_answer a;
    rights_decide(f->rights, &q, &a);
    return rights_reason_code(a.reason);
}
static size_t deal_count(struct rights_fixture *f) {
    struct rights_deal_list deals;
    assert_ok(rights_deals(f->rights, f->arena, ORG, &(struct rights_deal_ask){0}, &deals));
    return deals.count;
}

static void a_file_becomes_deals_and_lines(void **state) {
    struct rights_fixture f = begin(state);
    int64_t a = film(&f, "a"), b = film(&f, "b");
    struct rights_import job = {0};
    assert_ok(import(&f, SLICE("\xef\xbb\xbf" "deal,Party,direction,title,effect,territories,media,languages,starts,ends,exclusive,sublicense,plays,note\r\n"
                               "S-1,\"Studio \"\"Nord\"\"\",in,a,allow,\"DE,AT\",\"free,rental\",,2027-01-01,2028-02-29,no,yes,,\"two\nlines, and \"\"more\"\"\"\r\n"
                               "S-1,,,b,,WORLD,all,,2027-01-01T01:00:00+01:00,,,,,\r\n"
                               "\r\n"
                               "S-1,,,b,blackout,CH,free,,2027-03-28T03:00:00+02:00,2027-03-29,,,,\r\n"
                               "OWN,,own,a,,TH,free,,2027-01-01,,,,3,\r\n"), &job));
    assert_int_equal(job.line_count, 4);
    assert_int_equal(job.deal_count, 2);
    assert_int_equal(job.party_count, 1);
    int64_t new_year = 1798761600; /* 2027-01-01T00:00:00Z */
    assert_string_equal(reason(&f, a, "DE", RIGHTS_RENTAL, new_year), "rights.allowed");
    assert_string_equal(reason(&f, a, "DE", RIGHTS_RENTAL, new_year - 1), "rights.not_yet");
    assert_string_equal(reason(&f, a, "DE", RIGHTS_RENTAL, INT64_C(1835395199)), "rights.allowed"); /* 2028-02-28T23:59:59Z */
    assert_string_equal(reason(&f, a, "DE", RIGHTS_RENTAL, INT64_C(1835395200)), "rights.ended");
    assert_string_equal(reason(&f, b, "CH", RIGHTS_FREE, INT64_C(1806195599)), "rights.allowed"); /* a second before summer time began in Zurich */
    assert_string_equal(reason(&f, b, "CH", RIGHTS_FREE, INT64_C(1806195600)), "rights.blackout");
    assert_string_equal(reason(&f, b, "CH", RIGHTS_FREE, INT64_C(1806278400)), "rights.allowed");
    assert_string_equal(reason(&f, b, "US", RIGHTS_VENUE, RIGHTS_TIME_MAX), "rights.allowed");
    assert_string_equal(reason(&f, a, "TH", RIGHTS_FREE, new_year), "rights.allowed");
    assert_int_equal(deal_count(&f), 2);
    assert_ok(import(&f, SLICE("deal,title,territories,media,starts\nS-1,a,TH,venue,2027-01-01\n"), &job)); /* into what is there */
    assert_int_equal(job.deal_count + job.party_count, 0);
    assert_string_equal(reason(&f, a, "TH", RIGHTS_VENUE, new_year), "rights.allowed");
    struct rights_line_row_list rows;
    assert_ok(rights_lines(f.rights, f.arena, ORG, &(struct rights_lines_ask){.titles = {a}, .known_s = RIGHTS_KNOWN_NOW}, &rows));
    assert_int_equal(rows.count, 3);
    assert_true(slice_eq(rows.items[0].line.terms.note, SLICE("two\nlines, and \"more\"")));
    assert_true(rows.items[0].line.terms.may_sublicense);
    assert_true(slice_eq(rows.items[0].deal.party.name, SLICE("Studio \"Nord\"")));
    assert_int_equal(rows.items[1].line.terms.plays_max, 3);
    end(&f);
}

static void all_faults_are_told_and_nothing_is_changed(void **state) {
    struct rights_fixture f = begin(state);
    int64_t a = film(&f, "a");
    struct rights_import job = {0};
    struct slice text = SLICE("deal,party,direction,title,territories,media,starts,ends,exclusive,plays,effect,languages\n"
                              "S-1,Studio,in,a,DE,free,2027-01-01,,,,,\n"
                              "S-1,Studio,in,nobody,DE,free,2027-01-01,,,,,\n"
                              "S-1,Studio,in,a,XX,free,2027-01-01,,,,,\n"
                              "S-1,Studio,in,a,\"DE,-ZZ\",\"free,beer\",2027-02-29,,,,,\n"
                              "S-1,Studio,in,a,DE,free,2027-01-02,2027-01-01,,,,\n"
                              "S-1,Studio,in,a,DE,free,2027-01-01T10:00:00,,maybe,0,perhaps,x_y\n"
                              "S-1,Studio,out,a,DE,free,2027-01-01,,,,,\n"
                              "S-1,Other,in,a,DE,free,2027-01-01,,,,,\n"
                              "S-2,,in,a,DE,free,2027-01-01,,,,,\n"
                              "S-1,Studio,in,a,DE,free\n"
                              "S-1,Studio,in,a,DE,free,2027-01-01,,,,,,oh,no\n"
                              "S-1,Stu\"dio,in,a,DE,free,2027-01-01,,,,,\n"
                              "OWN,Studio,own,a,DE,free,2027-01-01,,yes,,blackout,\n");
    assert_error(import(&f, text, &job), "rights.import");
    static const struct {
        uint64_t line, column;
        const char *code, *about;
    } expected[] = {
        {3, 15, "rights.title", "nobody"}, {4, 17, NULL, "XX"}, {5, 17, NULL, "-ZZ"}, {5, 26, "rights.medium_unknown", "beer"}, {5, 38, "rights.time", "2027-02-29"},
        {6, 36, "rights.window", "2027-01-01"}, {7, 25, "rights.time", "2027-01-01T10:00:00"}, {7, 46, "rights.flag", "maybe"}, {7, 52, "rights.plays_max", "0"},
        {7, 54, "rights.effect", "perhaps"}, {7, 62, "rights.language_tag", "x_y"}, {8, 12, "rights.direction_other", "out"}, {9, 5, "rights.party_other", "Other"},
        {10, 5, "rights.party_name", ""}, {11, 24, "rights.import_fields_missing", "starts, ends, exclusive, plays, effect, languages"}, {12, 41, "rights.import_fields", "oh"}, {13, 8, "csv.quote", ""}, {14, 38, "rights.block", "yes"},
    };
    for (size_t i = 0; i < job.faults.count && i < ARRAY_LEN(expected); i++) {
        const struct rights_import_fault *x = &job.faults.items[i];
        if (x->line != expected[i].line || x->column != expected[i].column || (expected[i].code && strcmp(x->fault.code, expected[i].code) != 0) || !slice_eq(x->about, slice_cstr(expected[i].about)))
            fail_msg("fault %zu: %llu:%llu %s \"%.*s\"", i, (unsigned long long)x->line, (unsigned long long)x->column, x->fault.code, SLICE_ARG(x->about));
    }
    assert_int_equal(job.faults.count, ARRAY_LEN(expected));
    assert_int_equal(job.fault_count, ARRAY_LEN(expected));
    assert_int_equal(job.line_count, 0);
    assert_int_equal(deal_count(&f), 0);
    assert_string_equal(reason(&f, a, "DE", RIGHTS_FREE, START), "rights.none");
    job = (struct rights_import){.faults_max = 3};
    assert_error(import(&f, text, &job), "rights.import"); /* a bounded list, all of them counted */
    assert_int_equal(job.faults.count, 3);
    assert_int_equal(job.fault_count, ARRAY_LEN(expected));
    end(&f);
}

static void headers_are_checked(void **state) {
    struct rights_fixture f = begin(state);
    struct rights_import job = {0};
    assert_error(import(&f, SLICE(""), &job), "rights.import_empty");
    assert_error(import(&f, SLICE("deal,title,territories,media,starts\n"), &job), "rights.import_empty");
    assert_error(import(&f, SLICE("deal,title,beer,media,media\nS-1,a,b,c,d\n"), &job), "rights.import");
    assert_int_equal(job.fault_count, 4);
    assert_string_equal(job.faults.items[0].fault.code, "rights.import_missing"); /* of the whole line: first */
    assert_string_equal(job.faults.items[2].fault.code, "rights.import_column");
    assert_int_equal(job.faults.items[2].column, 12);
    assert_string_equal(job.faults.items[3].fault.code, "rights.import_twice");
    end(&f);
}

static void a_dry_run_changes_nothing(void **state) {
    struct rights_fixture f = begin(state);
    int64_t a = film(&f, "a");
    struct rights_import job = {.is_dry_run = true};
    assert_ok(import(&f, SLICE("deal,party,title,territories,media,starts\nS-1,Studio,a,DE,free,2027-01-01\n"), &job));
    assert_int_equal(job.line_count, 1);
    assert_int_equal(job.deal_count, 1);
    assert_int_equal(deal_count(&f), 0);
    assert_string_equal(reason(&f, a, "DE", RIGHTS_FREE, START), "rights.none");
    end(&f);
}

/* More titles than are listed one by one: followed as a whole, here and by others. */
static void many_titles_at_once(void **state) {
    struct rights_fixture f = begin(state);
    enum { COUNT = 1500 };
    int64_t *titles = arena_alloc_array(f.arena, COUNT, sizeof *titles);
    struct buf text = BUF(4 << 20);
    buf_cstr(&text, "deal,party,title,territories,media,starts\n");
    char name[24];
    struct catalog_view *v;
    for (int i = 0; i < COUNT; i++) {
        struct catalog_change ch = {.external_id = slice_of(name, (size_t)snprintf(name, sizeof name, "t%d", i))};
        ch.texts[0].has_name = true;
        ch.texts[0].name = slice_cstr(name);
        struct public_id id;
        assert_ok(catalog_create(f.catalog, ORG, &ch, CATALOG_READY, &id));
        for (int k = 0; k < 3; k++) buf_printf(&text, "D-%d,Studio,%s,%s,free,2027-01-01\n", i % 50, name, k ? k == 1 ? "DE" : "\"AT,CH\"" : "FR");
    }
    assert_ok(catalog_view_take(f.catalog, ORG, &v));
    for (int i = 0; i < COUNT; i++) titles[i] = v->titles[i]->id;
    catalog_view_give(&v);
    struct rights *other;
    struct rights_options options = rights_options_of(&f);
    assert_ok(rights_open(&other, &options));
    uint64_t compiled = rights_stats(other).compiled;
    struct rights_import job = {.status = RIGHTS_ACTIVE};
    struct err e = import_lines(&f, buf_slice(&text), 100000, &job);
    if (job.faults.count) fail_msg("%llu:%llu %s", (unsigned long long)job.faults.items[0].line, (unsigned long long)job.faults.items[0].column, job.faults.items[0].fault.code);
    assert_ok(e);
    assert_int_equal(job.line_count, 3 * COUNT);
    assert_int_equal(job.deal_count, 50);
    assert_ok(rights_refresh(other));
    assert_int_equal(rights_stats(other).compiled, compiled + 1);
    assert_int_equal(rights_stats(other).lines, 3 * COUNT);
    assert_int_equal(rights_stats(f.rights).lines, 3 * COUNT);
    for (int i = 0; i < COUNT; i += 100) assert_string_equal(reason(&f, titles[i], "CH", RIGHTS_FREE, START), "rights.allowed");
    rights_close(&other);
    buf_free(&text);
    end(&f);
}

static void memory_may_run_out_anywhere(void **state) {
    struct rights_fixture f = begin(state);
    film(&f, "a");
    for (uint64_t nth = 1; nth < 3000; nth++) {
        struct buf text = BUF(4096);
        buf_printf(&text, "deal,party,title,territories,media,starts\nS-%llu,Studio,a,DE,free,2027-01-01\n", (unsigned long long)nth);
        size_t before = deal_count(&f);
        struct rights_import job = {0};
        fault_arm(FAULT_ALLOC, nth, false);
        struct err e = import(&f, buf_slice(&text), &job);
        bool fired = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        buf_free(&text);
        assert_int_equal(deal_count(&f), before + (e.kind ? 0 : 1));
        arena_reset(f.arena);
        if (!fired) {
            assert_int_equal(e.kind, ERR_NONE);
            end(&f);
            return;
        }
    }
    fail_msg("there is no end to it");
}

static void times_are_whole_seconds_with_a_zone(void **state) {
    static const struct {
        const char *text;
        int64_t at;
    } good[] = {{"1970-01-01", 0}, {"2028-02-29", 1835395200}, {"2026-11-21T19:00:00Z", 1795287600}, {"2026-11-21T19:00:00+01:00", 1795284000}, {"2106-02-07T06:28:14Z", RIGHTS_TIME_MAX}};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        int64_t at = -1;
        assert_true(rights_time_parse(slice_cstr(good[i].text), &at));
        assert_int_equal(at, good[i].at);
    }
    static const char *const bad[] = {"", "2027-02-29", "2027-13-01", "2027-1-1", "1969-12-31", "2106-02-07T06:28:15Z", "2026-11-21T19:00:00", "2026-11-21T19:00:00.5Z", "2026-11-21 19:00", "tomorrow!!", "2026_11_21", "99999-01-01"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        int64_t at = 77;
        if (rights_time_parse(slice_cstr(bad[i]), &at) || at != 77) fail_msg("%s", bad[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_file_becomes_deals_and_lines), ON_BOTH(all_faults_are_told_and_nothing_is_changed), ON_SQLITE(headers_are_checked), ON_BOTH(a_dry_run_changes_nothing),
        ON_BOTH(many_titles_at_once), ON_SQLITE(memory_may_run_out_anywhere), cmocka_unit_test(times_are_whole_seconds_with_a_zone),
    };
    return cmocka_run_group_tests_name("rights_import", tests, NULL, NULL);
}
