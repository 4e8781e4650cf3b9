/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/slice.h"

static void numbers_are_whole_slices(void **state) {
    uint64_t u = 7;
    int64_t i = 7;
    const char *const wrong[] = {"", "12x", " 1", "+1", "18446744073709551616", "99999999999999999999999"};
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) assert_false(slice_to_u64(slice_cstr(wrong[k]), &u));
    assert_int_equal(u, 7);
    assert_true(slice_to_u64(SLICE("18446744073709551615"), &u));
    assert_true(u == UINT64_MAX);
    assert_true(slice_to_i64(SLICE("-9223372036854775808"), &i));
    assert_true(i == INT64_MIN);
    assert_false(slice_to_i64(SLICE("9223372036854775808"), &i));
    assert_false(slice_to_i64(SLICE("-9223372036854775809"), &i));
    assert_false(slice_to_i64(SLICE("-"), &i));
    assert_false(slice_to_i64(SLICE("--1"), &i));
}

static void parts_never_leave_the_slice(void **state) {
    struct slice s = SLICE("abcdef");
    assert_true(slice_eq(slice_sub(s, 2, 4), SLICE("cd")));
    assert_true(slice_eq(slice_sub(s, 4, 99), SLICE("ef")));
    assert_int_equal(slice_sub(s, 7, 9).len, 0);
    assert_int_equal(slice_sub(s, 4, 2).len, 0);
    assert_true(slice_eq(slice_trim(SLICE(" \t a b\r\n")), SLICE("a b")));
    assert_int_equal(slice_trim(SLICE(" \n ")).len, 0);
    assert_true(slice_starts_with(s, SLICE("abc")) && !slice_starts_with(SLICE("ab"), SLICE("abc")));
    assert_true(slice_ends_with(s, SLICE("def")) && !slice_ends_with(SLICE("ef"), SLICE("def")));
    assert_int_equal(slice_find(s, SLICE("de")), 3);
    assert_true(slice_find(s, SLICE("x")) == SLICE_NPOS && slice_find(SLICE_NONE, SLICE("x")) == SLICE_NPOS);
}

static void splitting_keeps_empty_parts(void **state) {
    const struct { struct slice in; const char *const want[4]; } cases[] = {
        {SLICE("a,b,"), {"a", "b", ""}}, {SLICE(""), {""}}, {SLICE_NONE, {NULL}}, {SLICE(","), {"", ""}}, {SLICE("abc"), {"abc"}}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct slice rest = cases[c].in, part;
        size_t i = 0;
        while (slice_next(&rest, ',', &part)) {
            assert_non_null(cases[c].want[i]);
            assert_true(slice_eq(part, slice_cstr(cases[c].want[i++])));
        }
        assert_null(cases[c].want[i]);
    }
}

static void comparisons(void **state) {
    assert_true(slice_compare(SLICE("a"), SLICE("ab")) < 0 && slice_compare(SLICE("b"), SLICE("ab")) > 0);
    assert_int_equal(slice_compare(SLICE_NONE, SLICE("")), 0);
    assert_true(slice_eq_nocase(SLICE("Content-Length"), SLICE("cONTENT-lENGTH")));
    assert_false(slice_eq_nocase(SLICE("[a"), SLICE("{a"))); /* 32 apart, but no letters */
    assert_true(slice_eq_secret(SLICE("k1"), SLICE("k1")));
    assert_false(slice_eq_secret(SLICE("k1"), SLICE("k2")));
    assert_false(slice_eq_secret(SLICE("k1"), SLICE("k")));
    char a[40] = "0123456789abcdefghijklmnopqrstuvwxyz-_.", b[40];
    for (size_t len = 0; len <= sizeof a; len++) {
        memcpy(b, a, sizeof a);
        assert_true(slice_eq_secret(slice_of(a, len), slice_of(b, len)));
        for (size_t bit = 0; bit < len * 8; bit++) {
            b[bit / 8] ^= (char)(1 << bit % 8);
            assert_false(slice_eq_secret(slice_of(a, len), slice_of(b, len)));
            b[bit / 8] ^= (char)(1 << bit % 8);
        }
    }
    assert_true(slice_hash(SLICE("a")) != slice_hash(SLICE("b")));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(numbers_are_whole_slices), cmocka_unit_test(parts_never_leave_the_slice),
                                       cmocka_unit_test(splitting_keeps_empty_parts), cmocka_unit_test(comparisons)};
    return cmocka_run_group_tests_name("slice", tests, NULL, NULL);
}
