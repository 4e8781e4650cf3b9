/* SPDX-License-Identifier: AGPL-3.0-or-later
 * The arithmetic of quotes, over values alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/rng.h"
#include "business/offer/offer.h"
#include "store.h"

#define EUR(minor_units) MONEY(minor_units, CURRENCY_EUR)
static const struct offer_buyer plain = {.at_s = 1000};

static struct offer_line line(enum offer_kind kind, int64_t id, int64_t price, uint32_t rate_ppm, bool is_included) {
    return (struct offer_line){.offer = {.id = id, .kind = kind}, .quantity = 1, .unit_price = EUR(price), .rate_ppm = rate_ppm, .is_tax_included = is_included};
}
static struct offer_coupon percent_off(int percent) { return (struct offer_coupon){.id = 7, .percent = percent, .ends_s = OFFER_ENDLESS, .is_active = true}; }
static struct offer_coupon amount_off(struct money amount) { return (struct offer_coupon){.id = 7, .amount = amount, .ends_s = OFFER_ENDLESS, .is_active = true}; }

/* What must hold of each quote, whatever went in. */
static void agrees(const struct offer_quote *q) {
    int64_t subtotal = 0, discount = 0, tax = 0, total = 0, vouchers = 0;
    for (size_t i = 0; i < q->count; i++) {
        const struct offer_line *l = &q->lines[i];
        int64_t price = l->quantity * l->unit_price.minor;
        assert_int_equal(l->total.minor, price - l->discount.minor + (l->is_tax_included ? 0 : l->tax.minor));
        assert_true(l->discount.minor >= 0 && l->discount.minor <= price);
        assert_true(l->tax.minor >= 0 && l->total.minor >= 0 && l->tax.minor <= l->total.minor);
        if (l->vouchers) assert_int_equal(l->total.minor, 0);
        assert_int_equal(l->total.currency, q->currency);
        subtotal += price;
        discount += l->discount.minor;
        tax += l->tax.minor;
        total += l->total.minor;
        vouchers += l->vouchers;
    }
    assert_int_equal(q->subtotal.minor, subtotal);
    assert_int_equal(q->discount.minor, discount);
    assert_int_equal(q->tax.minor, tax);
    assert_int_equal(q->total.minor, total);
    assert_int_equal(q->vouchers, vouchers);
    assert_int_equal(q->credit.minor + q->due.minor, q->total.minor);
    assert_true(q->credit.minor >= 0 && q->due.minor >= 0);
}

static void tax_is_rounded_line_by_line(void **state) {
    struct offer_line lines[] = {line(OFFER_RENTAL, 1, 499, 190000, true), line(OFFER_PURCHASE, 2, 1299, 70000, true)};
    struct offer_quote q = {.lines = lines, .count = 2};
    assert_ok(offer_sum(&plain, NULL, &q));
    agrees(&q);
    assert_int_equal(lines[0].tax.minor, 80); /* 79.67 */
    assert_int_equal(lines[1].tax.minor, 85); /* 84.98 */
    assert_int_equal(q.total.minor, 1798);
    lines[0].is_tax_included = lines[1].is_tax_included = false;
    assert_ok(offer_sum(&plain, NULL, &q));
    agrees(&q);
    assert_int_equal(lines[0].tax.minor, 95); /* 94.81 */
    assert_int_equal(lines[1].tax.minor, 91); /* 90.93 */
    assert_int_equal(q.total.minor, 1798 + 95 + 91);
    assert_int_equal(q.due.minor, q.total.minor);
}

static void coupon_is_spread_by_the_largest_remainder(void **state) {
    struct offer_line lines[] = {line(OFFER_RENTAL, 1, 100, 0, true), line(OFFER_RENTAL, 2, 100, 0, true), line(OFFER_RENTAL, 3, 101, 0, true)};
    struct offer_quote q = {.lines = lines, .count = 3};
    struct offer_coupon c = percent_off(33); /* of 301: 99.33, down */
    assert_ok(offer_sum(&plain, &c, &q));
    agrees(&q);
    assert_int_equal(q.discount.minor, 99);
    assert_int_equal(lines[0].discount.minor, 33); /* 32.89 */
    assert_int_equal(lines[1].discount.minor, 33);
    assert_int_equal(lines[2].discount.minor, 33); /* 33.22 */
    assert_int_equal(q.coupon_id, 7);
    assert_null(q.coupon_trouble);
    c = amount_off(EUR(1000)); /* more than there is */
    assert_ok(offer_sum(&plain, &c, &q));
    agrees(&q);
    assert_int_equal(q.due.minor, 0);
    c = amount_off(EUR(50));
    c.offers = (int64_t[]){2};
    c.offer_count = 1;
    assert_ok(offer_sum(&plain, &c, &q));
    agrees(&q);
    assert_int_equal(lines[0].discount.minor, 0);
    assert_int_equal(lines[1].discount.minor, 50);
}

static void trouble(struct offer_coupon c, struct offer_buyer buyer, struct offer_line l, const char *code) {
    struct offer_quote q = {.lines = &l, .count = 1};
    assert_ok(offer_sum(&buyer, &c, &q));
    agrees(&q);
    assert_string_equal(q.coupon_trouble, code);
    assert_int_equal(q.coupon_id, 0);
    assert_int_equal(q.discount.minor, l.is_trial ? l.unit_price.minor : 0);
}
static void coupons_that_are_no_good_say_why(void **state) {
    struct offer_line rental = line(OFFER_RENTAL, 1, 499, 0, true);
    struct offer_coupon c = percent_off(10);
    struct offer_buyer b = plain;
    c.is_active = false;
    trouble(c, b, rental, "coupon.ended");
    c = percent_off(10);
    c.ends_s = 1000; /* at that very second it is over */
    trouble(c, b, rental, "coupon.ended");
    c = percent_off(10);
    c.starts_s = 1001;
    trouble(c, b, rental, "coupon.not_yet");
    c = percent_off(10);
    c.uses_max = 3;
    b.coupon_uses = 3;
    trouble(c, b, rental, "coupon.used");
    c = percent_off(10);
    c.per_household_max = 1;
    b.coupon_uses_household = 1;
    trouble(c, b, rental, "coupon.used_by_you");
    c = percent_off(10);
    c.offers = (int64_t[]){2};
    c.offer_count = 1;
    trouble(c, plain, rental, "coupon.offers");
    trouble(amount_off(MONEY(100, CURRENCY_USD)), plain, rental, "coupon.currency");
    trouble(percent_off(50), plain, line(OFFER_GIFT_CARD, 1, 5000, 0, true), "coupon.offers"); /* nobody buys money for half */
    struct offer_line trial = line(OFFER_SUBSCRIPTION, 1, 499, 0, true);
    trial.is_trial = true;
    trouble(percent_off(50), plain, trial, "coupon.offers");
}

static void vouchers_pay_the_dearest_rental(void **state) {
    struct offer_line lines[] = {line(OFFER_RENTAL, 1, 499, 190000, true), line(OFFER_RENTAL, 1, 599, 190000, true), line(OFFER_PURCHASE, 2, 1299, 190000, true)};
    struct offer_quote q = {.lines = lines, .count = 3};
    struct offer_buyer b = plain;
    b.vouchers = 1;
    struct offer_coupon c = percent_off(100);
    assert_ok(offer_sum(&b, NULL, &q));
    agrees(&q);
    assert_int_equal(lines[1].vouchers, 1);
    assert_int_equal(lines[0].vouchers, 0);
    assert_int_equal(q.total.minor, 499 + 1299);
    b.vouchers = 5; /* purchases take none */
    assert_ok(offer_sum(&b, NULL, &q));
    agrees(&q);
    assert_int_equal(q.vouchers, 2);
    assert_int_equal(q.total.minor, 1299);
    assert_ok(offer_sum(&b, &c, &q));
    agrees(&q);
    assert_int_equal(q.total.minor, 0);
    assert_int_equal(q.due.minor, 0);
}

static void credit_pays_no_more_than_there_is(void **state) {
    struct offer_line one = line(OFFER_PURCHASE, 1, 1299, 190000, false);
    struct offer_quote q = {.lines = &one, .count = 1};
    struct offer_buyer b = plain;
    b.credit = EUR(1000);
    assert_ok(offer_sum(&b, NULL, &q));
    agrees(&q);
    assert_int_equal(q.due.minor, 546);
    b.credit = EUR(5000);
    assert_ok(offer_sum(&b, NULL, &q));
    assert_int_equal(q.due.minor, 0);
    assert_int_equal(q.credit.minor, 1546);
    b.credit = MONEY(5000, CURRENCY_USD); /* of another currency: none */
    assert_ok(offer_sum(&b, NULL, &q));
    assert_int_equal(q.credit.minor, 0);
    b.credit = EUR(-5000); /* never a debt */
    assert_ok(offer_sum(&b, NULL, &q));
    assert_int_equal(q.due.minor, 1546);
}

static void bad_carts_are_refused_whole(void **state) {
    struct offer_line lines[OFFER_LINES_MAX + 1];
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) lines[i] = line(OFFER_RENTAL, 1, 499, 190000, true);
    struct offer_quote q = {.lines = lines, .count = 0};
    assert_error(offer_sum(&plain, NULL, &q), "offer.lines");
    q.count = ARRAY_LEN(lines);
    assert_error(offer_sum(&plain, NULL, &q), "offer.lines");
    q.count = 2;
    lines[1].unit_price.currency = CURRENCY_THB;
    assert_error(offer_sum(&plain, NULL, &q), "offer.currency");
    lines[1].unit_price = EUR(-1);
    assert_error(offer_sum(&plain, NULL, &q), "money.range");
    const int64_t quantities[] = {0, -1, 2, INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < ARRAY_LEN(quantities); i++) {
        lines[1] = line(OFFER_RENTAL, 1, 499, 0, true);
        lines[1].quantity = quantities[i];
        assert_error(offer_sum(&plain, NULL, &q), "offer.quantity");
    }
    lines[1] = line(OFFER_GIFT_CARD, 1, 500, 0, true);
    lines[1].quantity = OFFER_QUANTITY_MAX + 1;
    assert_error(offer_sum(&plain, NULL, &q), "offer.quantity");
    /* the limits of 63 bits: a price times a quantity, a sum, a tax on top */
    lines[1].quantity = 2;
    lines[1].unit_price = EUR(INT64_MAX / 2 + 1);
    assert_error(offer_sum(&plain, NULL, &q), "money.range");
    lines[1] = line(OFFER_RENTAL, 1, INT64_MAX, 0, true);
    assert_error(offer_sum(&plain, NULL, &q), "money.range");
    q.count = 1;
    lines[0] = line(OFFER_RENTAL, 1, INT64_MAX, 190000, false);
    assert_error(offer_sum(&plain, NULL, &q), "money.range");
    lines[0].is_tax_included = true;
    assert_ok(offer_sum(&plain, NULL, &q));
    agrees(&q);
}

/* Whatever is bought by whomever: sums agree to the unit, nothing is negative, a discount is never more than it says and never less by a unit or more a line. */
static void sums_agree_whatever_is_bought(void **state) {
    static const uint16_t currencies[] = {CURRENCY_EUR, CURRENCY_JPY, CURRENCY_KWD, CURRENCY_CNY, CURRENCY_THB, CURRENCY_USD};
    struct rng rng = rng_seeded(20261121);
    for (int round = 0; round < 20000; round++) {
        struct offer_line lines[OFFER_LINES_MAX];
        struct offer_quote q = {.lines = lines, .count = 1 + rng_below(&rng, rng_below(&rng, 4) ? 4 : OFFER_LINES_MAX)};
        uint16_t currency = currencies[rng_below(&rng, ARRAY_LEN(currencies))];
        bool is_included = rng_below(&rng, 2);
        __extension__ __int128 eligible = 0;
        for (size_t i = 0; i < q.count; i++) {
            enum offer_kind kind = (enum offer_kind)rng_below(&rng, OFFER_KINDS);
            lines[i] = line(kind, 1 + (int64_t)rng_below(&rng, 3), (int64_t)(rng_u64(&rng) >> (1 + rng_below(&rng, 63))), kind == OFFER_GIFT_CARD ? 0 : (uint32_t)rng_below(&rng, 300000), is_included);
            lines[i].unit_price.currency = currency;
            if (rng_below(&rng, 8) == 0) lines[i].unit_price.minor = 0;
            if (kind == OFFER_GIFT_CARD) lines[i].quantity = 1 + (int64_t)rng_below(&rng, OFFER_QUANTITY_MAX);
            lines[i].is_trial = kind == OFFER_SUBSCRIPTION && rng_below(&rng, 2);
        }
        struct offer_buyer b = {.at_s = 1000, .vouchers = (int64_t)rng_below(&rng, 4), .credit = MONEY((int64_t)(rng_u64(&rng) >> (1 + rng_below(&rng, 63))), currency)};
        struct offer_coupon c = rng_below(&rng, 2) ? percent_off(1 + (int)rng_below(&rng, 100)) : amount_off(MONEY(1 + (int64_t)(rng_u64(&rng) >> (2 + rng_below(&rng, 62))), currency));
        const int64_t only[] = {1, 2};
        if (rng_below(&rng, 2)) {
            c.offers = only;
            c.offer_count = 1 + rng_below(&rng, 2);
        }
        bool has_coupon = rng_below(&rng, 3) != 0;
        if (offer_sum(&b, has_coupon ? &c : NULL, &q).kind) continue; /* beyond 63 bits */
        agrees(&q);
        __extension__ __int128 off = 0;
        for (size_t i = 0; i < q.count; i++) {
            bool is_for = !c.offer_count || lines[i].offer.id == 1 || (c.offer_count == 2 && lines[i].offer.id == 2);
            if (!is_for || lines[i].vouchers || lines[i].is_trial || lines[i].offer.kind == OFFER_GIFT_CARD) continue;
            eligible += lines[i].quantity * lines[i].unit_price.minor;
            off += lines[i].discount.minor;
        }
        __extension__ __int128 wanted = !has_coupon || !q.coupon_id ? 0 : c.percent ? eligible * c.percent / 100 : c.amount.minor < eligible ? c.amount.minor : eligible;
        assert_true(off == wanted);
        if (has_coupon && eligible > 0) assert_int_equal(q.coupon_id, 7);
    }
}

static int64_t at(const char *text) {
    struct utc_time t;
    assert_true(utc_parse(slice_cstr(text), &t));
    return utc_seconds(t);
}
static void ends(enum offer_unit unit, int period, const char *first, int64_t n, const char *expected) {
    int64_t end = offer_period_end(&(struct offer){.unit = unit, .period = period}, at(first), n);
    struct buf text = BUF(50);
    utc_format(&text, utc_from_seconds(end), 0);
    if (!slice_eq(buf_slice(&text), slice_cstr(expected))) fail_msg("period %lld from %s ends at %.*s, not %s", (long long)n, first, SLICE_ARG(buf_slice(&text)), expected);
    buf_free(&text);
}
static void periods_keep_their_day_of_the_month(void **state) {
    ends(OFFER_MONTH, 1, "2026-01-31T10:20:30Z", 1, "2026-02-28T10:20:30Z");
    ends(OFFER_MONTH, 1, "2026-01-31T10:20:30Z", 2, "2026-03-31T10:20:30Z");
    ends(OFFER_MONTH, 1, "2026-01-31T10:20:30Z", 3, "2026-04-30T10:20:30Z");
    ends(OFFER_MONTH, 1, "2028-01-31T00:00:00Z", 1, "2028-02-29T00:00:00Z");
    ends(OFFER_MONTH, 1, "2026-12-31T23:59:59Z", 1, "2027-01-31T23:59:59Z");
    ends(OFFER_MONTH, 1, "2026-12-31T23:59:59Z", 14, "2028-02-29T23:59:59Z");
    ends(OFFER_MONTH, 3, "2026-11-30T00:00:00Z", 1, "2027-02-28T00:00:00Z");
    ends(OFFER_YEAR, 1, "2028-02-29T12:00:00Z", 1, "2029-02-28T12:00:00Z");
    ends(OFFER_YEAR, 1, "2028-02-29T12:00:00Z", 4, "2032-02-29T12:00:00Z");
    ends(OFFER_YEAR, 1, "2096-02-29T12:00:00Z", 4, "2100-02-28T12:00:00Z"); /* no leap year */
    ends(OFFER_MONTH, 1, "2026-03-29T01:30:00Z", 1, "2026-04-29T01:30:00Z"); /* when clocks change in Europe nothing happens here */
    ends(OFFER_MONTH, 1, "2000-02-29T00:00:00Z", 1, "2000-03-29T00:00:00Z");
    ends(OFFER_MONTH, 1, "1970-01-01T00:00:00Z", 1, "1970-02-01T00:00:00Z");
    for (int64_t n = 1; n < 1300; n++) { /* each period is a month long, and they follow each other */
        struct offer month = {.unit = OFFER_MONTH, .period = 1};
        int64_t first = at("2026-01-31T00:00:00Z"), days = (offer_period_end(&month, first, n + 1) - offer_period_end(&month, first, n)) / 86400;
        assert_true(days >= 28 && days <= 31);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tax_is_rounded_line_by_line), cmocka_unit_test(coupon_is_spread_by_the_largest_remainder), cmocka_unit_test(coupons_that_are_no_good_say_why),
        cmocka_unit_test(vouchers_pay_the_dearest_rental), cmocka_unit_test(credit_pays_no_more_than_there_is), cmocka_unit_test(bad_carts_are_refused_whole),
        cmocka_unit_test(sums_agree_whatever_is_bought), cmocka_unit_test(periods_keep_their_day_of_the_month),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
