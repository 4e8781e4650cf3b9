/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * money.c: the arithmetic. Divisions are made on magnitudes, so that a refund rounds as its sale did. */
#include "business/money/money.h"

#include <assert.h>

__extension__ typedef unsigned __int128 u128;

static struct err range(void) { return err_make(ERR_INPUT, "money.range", "The amount is larger than can be kept (2^63 minor units). Use a smaller one."); }
static struct err fraction(void) { return err_make(ERR_INPUT, "money.fraction", "An amount cannot be divided like that: the share does not lie within its whole."); }

static uint64_t magnitude(int64_t v) { return v < 0 ? 0 - (uint64_t)v : (uint64_t)v; }

MUST_USE static struct err signed_of(u128 size, bool is_negative, uint16_t currency, struct money *out) {
    if (size > INT64_MAX) return range();
    *out = (struct money){.minor = is_negative ? -(int64_t)size : (int64_t)size, .currency = currency};
    return ERR_OK;
}

struct err money_add(struct money a, struct money b, struct money *sum) {
    if (a.currency != b.currency)
        return err_make(ERR_INPUT, "money.currency", "Amounts of two currencies cannot be added up. Convert one of them first.");
    int64_t minor;
    if (__builtin_add_overflow(a.minor, b.minor, &minor) || minor == INT64_MIN) return range();
    *sum = (struct money){.minor = minor, .currency = a.currency};
    return ERR_OK;
}

struct err money_subtract(struct money a, struct money b, struct money *difference) {
    if (b.minor == INT64_MIN) return range();
    return money_add(a, money_negate(b), difference);
}

static u128 quotient(u128 dividend, u128 divisor, enum money_rounding rounding) {
    u128 whole = dividend / divisor, rest = dividend % divisor;
    switch (rounding) {
    case MONEY_DOWN: return whole;
    case MONEY_UP: return whole + (rest > 0);
    case MONEY_HALF_UP: return whole + (rest >= divisor - rest);
    case MONEY_HALF_EVEN: return whole + (rest > divisor - rest || (rest == divisor - rest && (whole & 1)));
    }
    assert(!"a rounding is chosen");
    return whole;
}

struct err money_multiply(struct money amount, int64_t numerator, int64_t denominator, enum money_rounding rounding, struct money *out) {
    if (denominator < 1) return fraction();
    u128 product = (u128)magnitude(amount.minor) * magnitude(numerator);
    return signed_of(quotient(product, (u128)denominator, rounding), (amount.minor < 0) != (numerator < 0), amount.currency, out);
}

struct err money_split(struct money amount, const int64_t *weights, size_t count, int64_t *parts) {
    if (!count || count > MONEY_PARTS_MAX)
        return err_make(ERR_INPUT, "money.parts", "An amount is cut into one to a thousand parts. Use fewer.");
    u128 whole = 0;
    for (size_t i = 0; i < count; i++) {
        if (weights[i] < 0) return fraction();
        whole += (u128)weights[i];
    }
    if (!whole || amount.minor == INT64_MIN) return fraction();

    u128 remainders[MONEY_PARTS_MAX];
    uint64_t size = magnitude(amount.minor), left = size;
    bool is_negative = amount.minor < 0;
    for (size_t i = 0; i < count; i++) {
        u128 product = (u128)size * (u128)weights[i];
        uint64_t share = (uint64_t)(product / whole); /* <= size, for no weight exceeds the whole */
        remainders[i] = product % whole;
        left -= share;
        parts[i] = (int64_t)share;
    }
    /* What is left is the sum of the remainders over the whole: fewer units than there are remainders above zero, so nobody gets two. */
    while (left) {
        size_t best = 0;
        for (size_t i = 1; i < count; i++)
            if (remainders[i] > remainders[best]) best = i;
        assert(remainders[best] > 0);
        remainders[best] = 0;
        parts[best]++;
        left--;
    }
    if (is_negative)
        for (size_t i = 0; i < count; i++) parts[i] = -parts[i];
    return ERR_OK;
}

struct err money_tax(struct money amount, uint32_t rate_ppm, bool is_included, enum money_rounding rounding, struct money_taxed *out) {
    if (rate_ppm > MONEY_RATE_PPM_MAX) return fraction();
    struct money tax, other;
    struct err e = money_multiply(amount, rate_ppm, is_included ? 1000000 + (int64_t)rate_ppm : 1000000, rounding, &tax);
    if (!e.kind) e = is_included ? money_subtract(amount, tax, &other) : money_add(amount, tax, &other);
    if (e.kind) return e;
    *out = is_included ? (struct money_taxed){.net = other, .tax = tax, .gross = amount} : (struct money_taxed){.net = amount, .tax = tax, .gross = other};
    return ERR_OK;
}

struct err money_prorate(struct money price, int64_t part, int64_t whole, struct money *share, struct money *rest) {
    if (whole < 1 || part < 0 || part > whole) return fraction();
    struct money used, unused;
    struct err e = money_multiply(price, part, whole, MONEY_HALF_EVEN, &used);
    if (!e.kind) e = money_subtract(price, used, &unused);
    if (e.kind) return e;
    *share = used;
    if (rest) *rest = unused;
    return ERR_OK;
}
