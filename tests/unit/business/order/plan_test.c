/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "fixture.h"

static void a_subscription_begins(void **state) {
    struct shop s = begin(state);
    buy(&s, HOME, SHOP_MONTH, -1);
    struct order_plan plan = plan_of(&s, HOME);
    assert_true(plan.has_subscription);
    end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_subscription_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
