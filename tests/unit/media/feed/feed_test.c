/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rng.h"
#include "media/feed/feed.h"

static void times_go_on_over_the_wrap(void **state) {
    assert_int_equal(feed_unwrap(0xfffffff0, 0x10, 32), INT64_C(0x100000010));
    assert_int_equal(feed_unwrap(INT64_C(0x100000010), 0xfffffff0, 32), INT64_C(0xfffffff0)); /* a little back is back */
    assert_int_equal(feed_unwrap(0, 0xffffffff, 32), -1);
    assert_int_equal(feed_unwrap(0, (UINT64_C(1) << 33) - 1, 33), -1);
}

static void any_walk_of_less_than_half_a_turn_is_followed(void **state) {
    struct rng rng = rng_seeded(3);
    for (unsigned bits = 8; bits <= 33; bits++) {
        int64_t truth = (int64_t)rng_below(&rng, 1u << 30), last = truth;
        for (int i = 0; i < 1000; i++) {
            int64_t half = INT64_C(1) << (bits - 1);
            truth += (int64_t)(rng_below(&rng, (uint64_t)(2 * half - 1))) - (half - 1);
            last = feed_unwrap(last, (uint64_t)truth & ((UINT64_C(1) << bits) - 1), bits);
            assert_int_equal(last, truth);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_go_on_over_the_wrap),
        cmocka_unit_test(any_walk_of_less_than_half_a_turn_is_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
