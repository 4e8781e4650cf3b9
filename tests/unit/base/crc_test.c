/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/crc.h"
#include "base/rng.h"

static void known_sums_come_out(void **state) {
    uint8_t bytes[32] = {0};
    assert_int_equal(crc32c(0, bytes, 0), 0);
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(crc32c(0, bytes, 32), 0x8a9136aa); /* RFC 3720 appendix B.4 */
    for (int i = 0; i < 32; i++) bytes[i] = (uint8_t)i;
    assert_int_equal(crc32c(0, bytes, 32), 0x46dd794e);
}

static void the_fast_one_equals_the_plain_one_at_any_length_place_and_cut(void **state) {
    struct rng rng = rng_seeded(11);
    static uint8_t bytes[600];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)rng_u64(&rng);
    for (int round = 0; round < 3000; round++) {
        size_t from = rng_below(&rng, 64), len = rng_below(&rng, sizeof bytes - from), cut = rng_below(&rng, len + 1);
        uint32_t start = (uint32_t)rng_u64(&rng), plain = crc32c_plain(start, bytes + from, len);
        assert_int_equal(crc32c(start, bytes + from, len), plain);
        assert_int_equal(crc32c(crc32c(start, bytes + from, cut), bytes + from + cut, len - cut), plain);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_sums_come_out),
        cmocka_unit_test(the_fast_one_equals_the_plain_one_at_any_length_place_and_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
