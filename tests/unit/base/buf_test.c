/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/rng.h"

static void grows_up_to_its_maximum_and_no_further(void **state) {
    struct buf b = BUF(100);
    for (int i = 0; i < 10; i++) buf_cstr(&b, "0123456789");
    assert_int_equal(b.len, 100);
    assert_int_equal(buf_error(&b).kind, ERR_NONE);
    buf_u8(&b, 'x');
    assert_int_equal(buf_error(&b).kind, ERR_LIMIT);
    assert_int_equal(b.len, 100);
    buf_clear(&b);
    buf_cstr(&b, "again");
    assert_int_equal(buf_error(&b).kind, ERR_NONE);
    buf_free(&b);
}

static void failure_is_sticky(void **state) {
    struct buf b = BUF(4);
    buf_cstr(&b, "12345");
    buf_cstr(&b, "1"); /* would fit, but a text with a hole is worse than none */
    assert_int_equal(b.len, 0);
    assert_null(buf_reserve(&b, 1));
    buf_free(&b);
}

static void binary_is_big_endian_and_patchable(void **state) {
    struct buf b = BUF(64);
    buf_u32be(&b, 0);
    buf_u8(&b, 1);
    buf_u16be(&b, 0x0203);
    buf_u24be(&b, 0x040506);
    buf_u64be(&b, 0x0708090a0b0c0d0eu);
    buf_patch_u32be(&b, 0, (uint32_t)b.len);
    const char want[] = "\0\0\0\x12\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e";
    assert_int_equal(b.len, 18);
    assert_memory_equal(b.ptr, want, 18);
    buf_consume(&b, 17);
    assert_int_equal(b.len, 1);
    assert_int_equal(b.ptr[0], 0x0e);
    buf_free(&b);
}

static void numbers_and_formats(void **state) {
    struct buf b = BUF(200);
    buf_u64_text(&b, 0);
    buf_u8(&b, ' ');
    buf_u64_text(&b, UINT64_MAX);
    buf_printf(&b, " %5.2f|%s", 3.14159, "x");
    assert_true(slice_eq(buf_slice(&b), SLICE("0 18446744073709551615  3.14|x")));
    buf_free(&b);
}

/* Against printf and strtod, digit by digit. */
static void doubles_are_shortest(void **state) {
    struct rng r = rng_seeded(17);
    static const double some[] = {0, -0.0, 1, -1, 0.1, 0.2, 0.3, 1.0 / 3, 1e-4, 9.999999999999999e-5, 0.00010000000000000002, 99999.99999999999, 1e5, 123456.75, 12345.678, 5e-324, 1.7976931348623157e308,
                                  0.001, 0.01, 9.5, 1e22, 1e23, 4503599627370497.5, 100, 1000, 65536, 1e-7, 0.09999999999999999, 0.009999999999999998, 999.9999999999999, 2.5e-3, -42.195};
    for (int i = 0; i < 60000; i++) {
        double x = (size_t)i < sizeof some / sizeof *some ? some[i] : 0;
        if ((size_t)i >= sizeof some / sizeof *some) {
            switch (i % 4) {
            case 0: x = 20 * rng_unit(&r) - 10; break;
            case 1: x = (double)((int64_t)rng_below(&r, 2000000) - 1000000) / 1000; break;
            case 2: x = pow(10, 12 * rng_unit(&r) - 6) * (rng_unit(&r) < 0.5 ? -1 : 1); break;
            default: {
                uint64_t bits = rng_u64(&r);
                memcpy(&x, &bits, sizeof x);
                if (!isfinite(x)) x = 7;
            }
            }
        }
        char expected[40];
        for (int digits = 6; digits <= 17; digits++) {
            snprintf(expected, sizeof expected, "%.*g", digits, x);
            if (strtod(expected, NULL) == x) break;
        }
        struct buf b = BUF(64);
        buf_double(&b, x);
        buf_u8(&b, 0);
        assert_int_equal(buf_error(&b).kind, ERR_NONE);
        assert_string_equal(b.ptr, expected);
        buf_free(&b);
    }
}

static void failing_allocation_sets_the_error(void **state) {
    struct buf b = BUF(1000);
    fault_arm(FAULT_ALLOC, 1, false);
    buf_cstr(&b, "text");
    fault_disarm_all();
    assert_int_equal(buf_error(&b).kind, ERR_LIMIT);
    buf_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_up_to_its_maximum_and_no_further), cmocka_unit_test(failure_is_sticky),
        cmocka_unit_test(binary_is_big_endian_and_patchable),     cmocka_unit_test(numbers_and_formats),
        cmocka_unit_test(doubles_are_shortest), cmocka_unit_test(failing_allocation_sets_the_error),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
