/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/slice.h"

static void numbers_are_whole_slices(void **state) {
    uint64_t v = 7;
    assert_false(slice_to_u64(SLICE("12x"), &v));
    assert_int_equal(v, 7);
    assert_true(slice_to_u64(SLICE("18446744073709551615"), &v));
    assert_true(v == UINT64_MAX);
    assert_false(slice_to_u64(SLICE("18446744073709551616"), &v));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(numbers_are_whole_slices)};
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
