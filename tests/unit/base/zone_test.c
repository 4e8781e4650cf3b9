/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/zone.h"

static void assert_shows(const struct zone *z, int64_t at_s, const char *wanted) {
    struct zone_time t = zone_time_of(z, at_s);
    char text[64];
    snprintf(text, sizeof text, "%lld-%02d-%02d %02d:%02d %+d", (long long)t.year, t.month, t.day, t.hour, t.minute, t.offset_s / 60);
    assert_string_equal(text, wanted);
}
static const struct zone *find(const char *name) {
    const struct zone *z = zone_find(slice_cstr(name));
    if (!z) fail_msg("%s is not there: is tzdata installed?", name);
    assert_ptr_equal(z, zone_find(slice_cstr(name)));
    return z;
}

static void clocks_go_forward_and_back(void **state) {
    const struct zone *berlin = find("Europe/Berlin");
    assert_shows(berlin, 1774745999, "2026-03-29 01:59 +60"); /* 2026-03-29T00:59:59Z */
    assert_shows(berlin, 1774746000, "2026-03-29 03:00 +120");
    assert_shows(berlin, 1792889999, "2026-10-25 02:59 +120");
    assert_shows(berlin, 1792890000, "2026-10-25 02:00 +60"); /* the hour that comes twice */
    assert_shows(berlin, 1798761600, "2027-01-01 01:00 +60");
    assert_shows(berlin, 1798757999, "2026-12-31 23:59 +60"); /* a minute before midnight there is another day than in UTC from 23:00 on */
    assert_shows(find("Asia/Kolkata"), 1798741800, "2027-01-01 00:00 +330");
    assert_shows(find("Asia/Calcutta"), 1798741800, "2027-01-01 00:00 +330"); /* as browsers still call it */
    assert_shows(find("Australia/Sydney"), 1798714800, "2026-12-31 22:00 +660"); /* summer goes over New Year */
    assert_shows(find("Australia/Lord_Howe"), 1798714800, "2026-12-31 22:00 +660");
    assert_shows(find("Pacific/Kiritimati"), 1798711200, "2027-01-01 00:00 +840");
    assert_shows(NULL, 1798761600, "2027-01-01 00:00 +0");
    assert_shows(NULL, -1, "1969-12-31 23:59 +0");
    assert_shows(NULL, 951782400, "2000-02-29 00:00 +0");
}

/* Beside the C library, each of a few zones at thousands of instants to the year 2400, far after the last one that a file lists. */
static void it_says_what_the_c_library_says(void **state) {
    static const char *const names[] = {"Europe/Berlin", "Europe/Dublin", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca", "America/Nuuk", "Pacific/Chatham"};
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        const struct zone *z = find(names[n]);
        setenv("TZ", names[n], 1);
        tzset();
        for (int64_t at_s = 0; at_s < INT64_C(13569465600); at_s += 7654321) {
            time_t at = (time_t)at_s;
            struct tm tm;
            localtime_r(&at, &tm);
            struct zone_time t = zone_time_of(z, at_s);
            if (t.offset_s != tm.tm_gmtoff || t.year != tm.tm_year + 1900 || t.month != tm.tm_mon + 1 || t.day != tm.tm_mday || t.hour != tm.tm_hour || t.minute != tm.tm_min)
                fail_msg("%s at %lld: %d and %ld", names[n], (long long)at_s, t.offset_s, tm.tm_gmtoff);
        }
    }
    unsetenv("TZ");
    tzset();
}

static void names_lead_nowhere_else(void **state) {
    static const char *const wrong[] = {"", "/", "/etc/passwd", "../../../etc/passwd", "Europe/../Europe/Berlin", "Europe/Berlin/", "Europe//Berlin", "./Europe/Berlin", "Europe", "zone.tab", "tzdata.zi",
                                        "leapseconds", "right/Europe/Berlin", "posix/Europe/Berlin", "Europe/Berlin ", "Europe/Berlin\n", "europe/nowhere", "-/a", "Europe/Be%72lin"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (zone_find(slice_cstr(wrong[i]))) fail_msg("'%s' is taken", wrong[i]);
    assert_null(zone_find(slice_of("Europe/Berlin\0x", 15)));
    char longest[200];
    memset(longest, 'a', sizeof longest);
    assert_null(zone_find(slice_of(longest, sizeof longest)));
}

static void countries_have_a_zone(void **state) {
    static const char *const wanted[][2] = {{"DE", "Europe/Berlin"}, {"TH", "Asia/Bangkok"}, {"US", "America/New_York"}, {"RU", "Europe/Moscow"}, {"BR", "America/Sao_Paulo"}, {"CN", "Asia/Shanghai"}, {"AU", "Australia/Sydney"}};
    for (int twice = 0; twice < 2; twice++)
        for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) assert_true(slice_eq(zone_name(zone_of_country(slice_cstr(wanted[i][0]))), slice_cstr(wanted[i][1])));
    assert_null(zone_of_country(SLICE("XX")));
    assert_null(zone_of_country(SLICE("de")));
    assert_null(zone_of_country(SLICE("D\t")));
    assert_null(zone_of_country(SLICE("")));
    assert_true(slice_eq(zone_name(NULL), SLICE("UTC")));
}

/* A file that ends anywhere, and one with each byte in turn turned round, is refused or answers. */
static void files_that_are_none(void **state) {
    FILE *file = fopen("/usr/share/zoneinfo/Europe/Dublin", "rb");
    assert_non_null(file);
    char bytes[8192];
    size_t len = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    struct zone *z = NULL;
    for (size_t cut = 0; cut < len; cut++) {
        char *exact = malloc(cut ? cut : 1);
        memcpy(exact, bytes, cut);
        struct err e = zone_parse(slice_of(exact, cut), SLICE("x"), &z);
        assert_string_equal(e.code, "zone.file");
        free(exact);
    }
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (char)~bytes[i];
        if (!zone_parse(slice_of(bytes, len), SLICE("x"), &z).kind) {
            (void)zone_time_of(z, 1798761600);
            (void)zone_time_of(z, 5000000000);
            zone_free(&z);
        }
        bytes[i] = (char)~bytes[i];
    }
    assert_false(zone_parse(slice_of(bytes, len), SLICE("x"), &z).kind);
    assert_shows(z, 1782907200, "2026-07-01 13:00 +60");
    zone_free(&z);
}

static void *ask(void *arg) {
    static const char *const names[] = {"Asia/Tokyo", "Asia/Seoul", "Asia/Dubai", "Europe/Paris"};
    for (int i = 0; i < 400; i++) arg = (void *)zone_find(slice_cstr(names[i % 4]));
    return arg;
}
static void many_threads_find_the_same(void **state) {
    pthread_t threads[4];
    void *last[4];
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, ask, NULL), 0);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], &last[i]);
    for (int i = 0; i < 4; i++) assert_ptr_equal(last[i], zone_find(SLICE("Europe/Paris")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks_go_forward_and_back), cmocka_unit_test(it_says_what_the_c_library_says), cmocka_unit_test(names_lead_nowhere_else),
        cmocka_unit_test(countries_have_a_zone),      cmocka_unit_test(files_that_are_none),             cmocka_unit_test(many_threads_find_the_same),
    };
    return cmocka_run_group_tests_name("zone", tests, NULL, NULL);
}
