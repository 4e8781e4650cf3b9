/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"

static void one_seed_gives_one_sequence(void **state) {
    struct rng a = rng_seeded(1), b = rng_seeded(1), c = rng_seeded(2);
    uint64_t first = rng_u64(&a);
    assert_true(first == rng_u64(&b));
    assert_true(first != rng_u64(&c));
}

static void distributions_are_plausible(void **state) {
    struct rng r = rng_seeded(3);
    int counts[7] = {0};
    double sum = 0, squares = 0;
    const int n = 70000;
    for (int i = 0; i < n; i++) {
        counts[rng_below(&r, 7)]++;
        double x = rng_normal(&r), u = rng_unit(&r);
        assert_true(u >= 0 && u < 1);
        sum += x;
        squares += x * x;
    }
    for (int i = 0; i < 7; i++) assert_true(abs(counts[i] - n / 7) < 500); /* five standard deviations */
    assert_true(fabs(sum / n) < 0.02);
    assert_true(fabs(squares / n - 1) < 0.03);
}

static void secure_bytes_differ(void **state) {
    uint8_t a[32] = {0}, b[32] = {0};
    rng_secure(a, sizeof a);
    rng_secure(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_seed_gives_one_sequence), cmocka_unit_test(distributions_are_plausible),
                                       cmocka_unit_test(secure_bytes_differ)};
    return cmocka_run_group_tests_name("rng", tests, NULL, NULL);
}
