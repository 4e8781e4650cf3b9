/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/utf8.h"

static void every_character_goes_there_and_back(void **state) {
    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        if (c >= 0xd800 && c <= 0xdfff) continue;
        char bytes[4];
        size_t len = utf8_encode(c, bytes);
        uint32_t back;
        assert_int_equal(utf8_decode(slice_of(bytes, len), &back), len);
        assert_int_equal(back, c);
        for (size_t cut = 0; cut < len; cut++) assert_int_equal(utf8_step(slice_of(bytes, cut)), 0);
    }
}

static void malformed_bytes_are_refused(void **state) {
    const char *const wrong[] = {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x80\x80\x80",
                                 "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3", "\xc3(", "\xe2\x82", "\xe2\x28\xa1"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) assert_false(utf8_is_valid(slice_cstr(wrong[i])));
    assert_true(utf8_is_valid(SLICE("")));
}

static void display_text_is_for_eyes(void **state) {
    assert_true(utf8_is_display_text(SLICE("\xe4\xb8\xad\xe6\x96\x87 \xe0\xb9\x84\xe0\xb8\x97\xe0\xb8\xa2"), 20));
    assert_false(utf8_is_display_text(SLICE("abc"), 2));
    assert_false(utf8_is_display_text(SLICE("   "), 10));
    assert_false(utf8_is_display_text(SLICE(""), 10));
    assert_false(utf8_is_display_text(SLICE("a\nb"), 10));
    assert_false(utf8_is_display_text(SLICE("a\0b"), 10));
    assert_false(utf8_is_display_text(SLICE("evil\xe2\x80\xae" "fdp.exe"), 30)); /* right-to-left override */
    assert_false(utf8_is_display_text(SLICE("\xc2\x85"), 10));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_character_goes_there_and_back), cmocka_unit_test(malformed_bytes_are_refused),
                                       cmocka_unit_test(display_text_is_for_eyes)};
    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
