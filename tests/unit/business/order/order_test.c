/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "fixture.h"

/* --- buying --- */

static void somebody_buys_a_film(void **state) {
    struct shop s = begin(state);
    struct order_item item;
    struct pay_info payment;
    struct order_held held[ORDER_HELD_MAX];
    assert_ok(box_order(&s, HOME, SHOP_PURCHASE, 0, "k1", &item));
    assert_int_equal(item.state, ORDER_AWAITING_PAYMENT);
    assert_int_equal(item.number, 1);
    assert_int_equal(item.q.total.minor, 999);
    assert_int_equal(item.q.tax.minor, 160); /* 999 * 19 / 119 = 159.5 */
    assert_int_equal(item.expires_s, START_S + ORDER_EXPIRES_S);
    assert_false(has(&s, HOME, 0));
    assert_ok(box_pay(&s, HOME, &item.public_id, GOOD, "k2", &payment));
    run(&s);
    item = get(&s, &item.public_id);
    assert_int_equal(item.state, ORDER_PAID);
    assert_true(slice_eq(item.invoice, SLICE("GF-2026-000001")));
    assert_int_equal(item.payment->state, PAY_CAPTURED);
    assert_int_equal(held_for(&s, HOME, s.film_ids[0], held), 1);
    assert_int_equal(held[0].kind, OFFER_PURCHASE);
    assert_int_equal(held[0].medium, RIGHTS_PURCHASE);
    assert_true(held[0].ends_s == ORDER_ENDLESS);
    assert_false(has(&s, HOME, 1));
    assert_false(has(&s, OTHER, 0));
    assert_int_equal(balance(&s, CURRENCY_EUR, LEDGER_CODE_CLEARING, PAY_SANDBOX), -999);
    assert_int_equal(balance(&s, CURRENCY_EUR, LEDGER_CODE_REVENUE, 0), 839);
    assert_int_equal(balance(&s, CURRENCY_EUR, LEDGER_CODE_TAX, 0), 160);
    end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(somebody_buys_a_film),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
