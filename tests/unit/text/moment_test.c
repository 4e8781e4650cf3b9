/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "text/moment.h"

#define CHANGE_S INT64_C(1774746000) /* 2026-03-29T01:00:00Z: clocks in Europe go forward */

static void whole(const char *lang, int64_t at_s, struct text_zone zone, const char *wanted) {
    struct buf out = BUF(400);
    text_moment_whole(&out, slice_cstr(lang), at_s, zone);
    buf_bytes(&out, "", 1);
    assert_string_equal(out.ptr, wanted);
    buf_free(&out);
}
static void soon(const char *lang, int64_t at_s, int64_t now_s, struct text_zone zone, const char *wanted) {
    struct buf out = BUF(400);
    text_moment(&out, slice_cstr(lang), at_s, now_s, zone);
    buf_bytes(&out, "", 1);
    assert_string_equal(out.ptr, wanted);
    buf_free(&out);
}

static void day(const char *lang, int64_t at_s, struct text_zone zone, const char *wanted) {
    struct buf out = BUF(400);
    text_moment_of_day(&out, slice_cstr(lang), at_s, zone);
    buf_bytes(&out, "", 1);
    assert_string_equal(out.ptr, wanted);
    buf_free(&out);
}

static void contracts_run_from_day_to_day(void **state) {
    struct text_zone berlin = {.zone = zone_find(SLICE("Europe/Berlin")), .is_readers = true}, bangkok = {.zone = zone_find(SLICE("Asia/Bangkok"))};
    assert_non_null(berlin.zone);
    int64_t march_s = 1772319600; /* 2026-02-28T23:00:00Z */
    day("en", march_s, berlin, "1 March 2026"); /* the day begins with it there */
    day("th", march_s, berlin, "1 มีนาคม 2569");
    day("en", march_s, bangkok, "1 March 2026, 06:00 UTC+7");
    day("en", march_s, (struct text_zone){0}, "28 February 2026, 23:00 UTC");
    day("de", march_s + 3600, berlin, "1. März 2026 um 01:00");
    day("en", march_s + 3600, (struct text_zone){0}, "1 March 2026");
}

static void letters_say_the_whole_moment_and_its_zone(void **state) {
    struct text_zone berlin = {.zone = zone_find(SLICE("Europe/Berlin"))}, st_johns = {.zone = zone_find(SLICE("America/St_Johns"))}, london = {.zone = zone_find(SLICE("Europe/London"))};
    assert_non_null(berlin.zone);
    whole("en", CHANGE_S - 1, berlin, "29 March 2026, 01:59 UTC+1");
    whole("en", CHANGE_S, berlin, "29 March 2026, 03:00 UTC+2");
    whole("de", CHANGE_S, berlin, "29. März 2026, 03:00 UTC+2");
    whole("zh", CHANGE_S, berlin, "2026年3月29日 03:00（UTC+2）");
    whole("th", CHANGE_S, berlin, "29 มีนาคม 2569 เวลา 03:00 น. (UTC+2)");
    whole("en", CHANGE_S, st_johns, "28 March 2026, 22:30 UTC-2:30"); /* the day before */
    whole("en", CHANGE_S - 1, london, "29 March 2026, 00:59 UTC");
    whole("en", CHANGE_S, (struct text_zone){0}, "29 March 2026, 01:00 UTC");
}

static void pages_say_what_is_not_plain(void **state) {
    struct text_zone tokyo = {.zone = zone_find(SLICE("Asia/Tokyo")), .is_readers = true}, bangkok = {.zone = zone_find(SLICE("Asia/Bangkok"))};
    assert_non_null(tokyo.zone);
    int64_t new_year_s = 1798729200; /* 2026-12-31T15:00:00Z */
    soon("en", new_year_s, new_year_s - 60, tokyo, "1 January 2027 at 00:00"); /* there it is another year */
    soon("en", new_year_s, new_year_s - 60, bangkok, "31 December, 22:00 UTC+7");
    soon("en", new_year_s, new_year_s - 90000, bangkok, "31 December");
    soon("en", new_year_s, new_year_s + 7200, tokyo, "1 January at 00:00");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(letters_say_the_whole_moment_and_its_zone), cmocka_unit_test(pages_say_what_is_not_plain), cmocka_unit_test(contracts_run_from_day_to_day)};
    return cmocka_run_group_tests_name("moment", tests, NULL, NULL);
}
