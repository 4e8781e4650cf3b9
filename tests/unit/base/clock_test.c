/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#include "base/clock.h"
#include "base/rng.h"

static void dates_agree_with_the_c_library(void **state) {
    struct rng rng = rng_seeded(11);
    for (int i = 0; i < 20000; i++) {
        int64_t s = (int64_t)rng_below(&rng, 15000000000u) - 7000000000; /* 1748 to 2223 */
        time_t t = (time_t)s;
        struct tm tm;
        gmtime_r(&t, &tm);
        char want[40], http_want[40], http[30];
        strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%SZ", &tm);
        strftime(http_want, sizeof http_want, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        struct buf b = BUF(64);
        utc_format(&b, utc_from_seconds(s), 0);
        assert_true(slice_eq(buf_slice(&b), slice_cstr(want)));
        utc_format_http(http, utc_from_seconds(s));
        assert_string_equal(http, http_want);
        struct utc_time back;
        if (s > -5000000000 && s < 7000000000) {
            assert_true(utc_parse(buf_slice(&b), &back));
            assert_int_equal(back.ns, s * NS_PER_S);
            assert_true(utc_parse_http(slice_cstr(http), &back));
            assert_int_equal(back.ns, s * NS_PER_S);
        }
        buf_free(&b);
    }
}

static void fractions_and_offsets(void **state) {
    struct utc_time t;
    assert_true(utc_parse(SLICE("2026-11-20T20:41:00.123456789+08:00"), &t));
    struct buf b = BUF(64);
    utc_format(&b, t, 9);
    assert_true(slice_eq(buf_slice(&b), SLICE("2026-11-20T12:41:00.123456789Z")));
    buf_clear(&b);
    utc_format(&b, (struct utc_time){-1}, 3); /* just before 1970 */
    assert_true(slice_eq(buf_slice(&b), SLICE("1969-12-31T23:59:59.999Z")));
    buf_free(&b);
}

static void wrong_dates_are_refused(void **state) {
    const char *const wrong[] = {"", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-32T00:00:00Z",
                                 "2026-01-01T24:00:00Z", "2026-01-01T00:00:60Z", "2026-01-01 00:00:00Z", "2026-01-01T00:00:00",
                                 "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00Zx", "9999-01-01T00:00:00Z", "2026-01-01T00:00:00+0800"};
    struct utc_time t = {42};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) assert_false(utc_parse(slice_cstr(wrong[i]), &t));
    assert_int_equal(t.ns, 42);
    assert_false(utc_parse_http(SLICE("Fri, 20 Nov 2026 20:41:00 CET"), &t));
    assert_false(utc_parse_http(SLICE("Fri, 20 Foo 2026 20:41:00 GMT"), &t));
}

static void a_manual_clock_stands_until_moved(void **state) {
    struct clock *c = clock_manual_create(utc_from_seconds(1000));
    struct mono_time before = clock_mono(c);
    clock_manual_advance(c, 5 * NS_PER_S);
    assert_int_equal(utc_seconds(clock_utc(c)), 1005);
    clock_manual_set_utc(c, utc_from_seconds(7)); /* the wall clock jumps back, monotonic time does not */
    assert_int_equal(utc_seconds(clock_utc(c)), 7);
    assert_int_equal(mono_diff_ns(clock_mono(c), before), 5 * NS_PER_S);
    clock_manual_destroy(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_agree_with_the_c_library), cmocka_unit_test(fractions_and_offsets),
        cmocka_unit_test(wrong_dates_are_refused), cmocka_unit_test(a_manual_clock_stands_until_moved)};
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
