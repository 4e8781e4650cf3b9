/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/bytes.h"
#include "base/rng.h"

static void past_the_end_come_zeros_and_a_flag(void **state) {
    struct byte_reader r = byte_reader_of(SLICE("\x01\x02\x03"));
    assert_int_equal(bytes_u16be(&r), 0x0102);
    assert_int_equal(bytes_u32be(&r), 0);
    assert_true(r.has_failed);
    assert_int_equal(bytes_left(&r), 0);
    assert_int_equal(bytes_u8(&r), 0);
    struct byte_reader none = byte_reader_of(SLICE_NONE);
    assert_int_equal(bytes_take(&none, 0).len, 0);
    assert_false(none.has_failed);
    bytes_skip(&none, SIZE_MAX);
    assert_true(none.has_failed);
}

static void bits_in_any_step_give_the_same_number(void **state) {
    struct rng rng = rng_seeded(7);
    uint8_t data[64];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)rng_u64(&rng);
    for (int round = 0; round < 500; round++) {
        struct bit_reader r = bit_reader_of(slice_of(data, sizeof data));
        size_t at = 0;
        while (bits_left(&r)) {
            unsigned count = (unsigned)rng_below(&rng, 33);
            if (count > bits_left(&r)) count = (unsigned)bits_left(&r);
            uint32_t want = 0;
            for (unsigned i = 0; i < count; i++, at++) want = want << 1 | (data[at / 8] >> (7 - at % 8) & 1);
            assert_int_equal(bits_take(&r, count), want);
        }
        assert_false(r.has_failed);
        assert_int_equal(bits_take(&r, 1), 0);
        assert_true(r.has_failed);
    }
}

/* H.264 table 9-2: 1 -> 0, 010 -> 1, 011 -> 2, 00100 -> 3 ... */
static void exp_golomb(void **state) {
    struct bit_reader r = bit_reader_of(SLICE("\xa6\x42\x98\xe2\x04\x8a")); /* 1 010 011 00100 00101 00110 00111 0001000 0001001 ... */
    for (uint32_t want = 0; want < 9; want++) assert_int_equal(bits_ue(&r), want);
    const int32_t signed_values[] = {0, 1, -1, 2, -2};
    r = bit_reader_of(SLICE("\xa6\x42\x98"));
    for (size_t i = 0; i < 5; i++) assert_int_equal(bits_se(&r), signed_values[i]);
    r = bit_reader_of(SLICE("\0\0\0\0\0\0\0\0\0\0"));
    assert_int_equal(bits_ue(&r), 0);
    assert_true(r.has_failed);
    r = bit_reader_of(SLICE("\0\0\0\0\xff\xff\xff\xff\xff")); /* 32 zeros: a number that no 32 bits hold */
    assert_int_equal(bits_ue(&r), 0);
    assert_true(r.has_failed);
}

static void crc_is_that_of_mpeg(void **state) {
    assert_int_equal(bytes_crc32_mpeg(SLICE("123456789")), 0x0376e6e7); /* the check value of CRC-32/MPEG-2 */
    assert_int_equal(bytes_crc32_mpeg(SLICE("123456789\x03\x76\xe6\xe7")), 0);
    assert_int_equal(bytes_crc32_mpeg(SLICE_NONE), UINT32_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(past_the_end_come_zeros_and_a_flag),
        cmocka_unit_test(bits_in_any_step_give_the_same_number),
        cmocka_unit_test(crc_is_that_of_mpeg),
        cmocka_unit_test(exp_golomb),
    };
    return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
