/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/rng.h"
#include "system/http/range.h"

static void known_cases(void **state) {
    static const struct {
        const char *text;
        uint64_t total;
        enum range_result result;
        uint64_t first, length;
    } cases[] = {
        {"bytes=0-0", 1000, RANGE_PART, 0, 1},        {"bytes=0-999", 1000, RANGE_PART, 0, 1000},
        {"bytes=0-5000", 1000, RANGE_PART, 0, 1000},  {"bytes=999-", 1000, RANGE_PART, 999, 1},
        {"bytes=1000-", 1000, RANGE_UNSATISFIABLE},   {"bytes=-1", 1000, RANGE_PART, 999, 1},
        {"bytes=-5000", 1000, RANGE_PART, 0, 1000},   {"bytes=-0", 1000, RANGE_UNSATISFIABLE},
        {"bytes=0-", 0, RANGE_UNSATISFIABLE},         {"bytes=-5", 0, RANGE_UNSATISFIABLE},
        {"BYTES=1-2", 1000, RANGE_PART, 1, 2},        {"bytes= 1-2", 1000, RANGE_PART, 1, 2},
        {"bytes=2-1", 1000, RANGE_WHOLE},             {"bytes=0-1,5-6", 1000, RANGE_WHOLE},
        {"bytes=", 1000, RANGE_WHOLE},                {"bytes=-", 1000, RANGE_WHOLE},
        {"bytes=a-b", 1000, RANGE_WHOLE},             {"bytes=1", 1000, RANGE_WHOLE},
        {"items=0-1", 1000, RANGE_WHOLE},             {"bytes=+1-2", 1000, RANGE_WHOLE},
        {"bytes=1--2", 1000, RANGE_WHOLE},            {"", 1000, RANGE_WHOLE},
        {"bytes=0-99999999999999999999999", 1000, RANGE_PART, 0, 1000},
        {"bytes=-99999999999999999999999", 1000, RANGE_PART, 0, 1000},
        {"bytes=99999999999999999999999-", 1000, RANGE_UNSATISFIABLE},
        {"bytes=18446744073709551615-18446744073709551615", UINT64_MAX, RANGE_UNSATISFIABLE},
        {"bytes=0-18446744073709551615", UINT64_MAX, RANGE_PART, 0, UINT64_MAX},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct range r = {7, 7};
        enum range_result got = range_parse(slice_cstr(cases[i].text), cases[i].total, &r);
        if (got != cases[i].result) fail_msg("%s: %d instead of %d", cases[i].text, got, cases[i].result);
        if (got != RANGE_PART) assert_true(r.first == 7 && r.length == 7);
        else assert_true(r.first == cases[i].first && r.length == cases[i].length);
    }
}

/* The oracle marks each byte that the words of RFC 9110 section 14.1.2 select, one by one. */
static void any_range_selects_what_the_standard_says(void **state) {
    struct rng rng = rng_seeded(9110);
    for (int i = 0; i < 200000; i++) {
        uint64_t total = rng_below(&rng, 20), from = rng_below(&rng, 24), to = rng_below(&rng, 24);
        char text[64];
        unsigned form = (unsigned)rng_below(&rng, 3);
        if (form == 0) snprintf(text, sizeof text, "bytes=%llu-%llu", (unsigned long long)from, (unsigned long long)to);
        else if (form == 1) snprintf(text, sizeof text, "bytes=%llu-", (unsigned long long)from);
        else snprintf(text, sizeof text, "bytes=-%llu", (unsigned long long)to);
        uint64_t count = 0, first = 0;
        for (uint64_t at = 0; at < total; at++) {
            bool is_in = form == 0 ? at >= from && at <= to : form == 1 ? at >= from : total - at <= to;
            if (is_in && !count++) first = at;
        }
        bool is_invalid = form == 0 && to < from;
        struct range r;
        enum range_result got = range_parse(slice_cstr(text), total, &r);
        enum range_result wanted = is_invalid ? RANGE_WHOLE : count ? RANGE_PART : RANGE_UNSATISFIABLE;
        if (got != wanted || (count && !is_invalid && (r.first != first || r.length != count)))
            fail_msg("%s of %llu", text, (unsigned long long)total);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(known_cases), cmocka_unit_test(any_range_selects_what_the_standard_says)};
    return cmocka_run_group_tests_name("http range", tests, NULL, NULL);
}
