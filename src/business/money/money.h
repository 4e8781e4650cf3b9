/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * money.h: amounts of money, exactly.
 *
 * An amount is a whole number of minor units (cents, fen, satang) and a currency by its numeric code of ISO 4217, which is also the number of its
 * ledger. How many decimals a currency has comes from the table (none: JPY; three: KWD; four: CLF; all else two). There is no floating point in this
 * room and none near it; products are made with 128 bits, and each division says how it rounds and where the rest goes.
 *
 * The range is symmetric: |minor| <= 2^63 - 1. So an amount can always be negated, and INT64_MIN is never made.
 *
 * Values only: nothing here owns memory, every function may be called from any thread, and none touches its outputs when it fails.
 * Errors, all ERR_INPUT: money.currency (two currencies in one sum, or one that is not in the table), money.range (beyond 63 bits),
 * money.text (not an amount), money.decimals (more decimals than the currency has), money.fraction (a division by nothing, a share outside the
 * whole, no weight at all), money.parts (too many parts). */
#ifndef MONEY_MONEY_H
#define MONEY_MONEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/slice.h"

/* ---- currencies ---- */

/* A currency of ISO 4217 that has a minor unit (165 of them; gold, test codes and units of account are none). */
struct currency {
    char code[4];     /* "EUR" */
    uint16_t numeric; /* 978; unique, and its ledger's number */
    uint8_t exponent; /* decimals: 0, 2, 3 or 4 */
    const char *name; /* "Euro": the standard's English name */
    const char *symbols[4]; /* its sign in the order of text_languages: en, de, zh, th; the code where CLDR has no sign */
};
enum { CURRENCY_NONE = 0, CURRENCY_CNY = 156, CURRENCY_JPY = 392, CURRENCY_KWD = 414, CURRENCY_THB = 764, CURRENCY_GBP = 826, CURRENCY_USD = 840, CURRENCY_EUR = 978 };

/* By its alphabetic code, in capital letters, or by its numeric one. NULL if there is none. The table lives as long as the program. */
const struct currency *currency_find(struct slice code);
const struct currency *currency_of(uint16_t numeric);
/* "EUR"; "???" for a number that is no currency. */
const char *currency_code(uint16_t numeric);
/* The whole table, in order of numeric code. */
size_t currency_count(void);
const struct currency *currency_at(size_t index);

/* ---- amounts ---- */

struct money {
    int64_t minor;
    uint16_t currency; /* numeric code of ISO 4217 */
};
#define MONEY(minor_units, code) ((struct money){.minor = (minor_units), .currency = (code)})

static inline bool money_eq(struct money a, struct money b) { return a.minor == b.minor && a.currency == b.currency; }

/* a + b, a - b. Errors: money.currency, money.range. */
MUST_USE struct err money_add(struct money a, struct money b, struct money *sum);
MUST_USE struct err money_subtract(struct money a, struct money b, struct money *difference);
static inline struct money money_negate(struct money a) { return (struct money){.minor = -a.minor, .currency = a.currency}; }

/* How a quotient becomes a whole number. Towards and away mean zero: they do the same to a refund as to a sale. 0 is "not chosen". */
enum money_rounding {
    MONEY_HALF_EVEN = 1, /* to the nearest; a half to the even neighbour: for what is repeated often and must not drift (proration) */
    MONEY_HALF_UP,       /* to the nearest; a half away from zero: what receipts and tax offices do (tax) */
    MONEY_DOWN,          /* towards zero: never more than is due (a discount, a share) */
    MONEY_UP,            /* away from zero */
};
/* amount * numerator / denominator. Errors: money.fraction (denominator < 1), money.range. */
MUST_USE struct err money_multiply(struct money amount, int64_t numerator, int64_t denominator, enum money_rounding, struct money *out);

/* Cuts an amount into parts in proportion to weights. The parts add up to the amount exactly: each is its share rounded down, and what is left goes unit by
 * unit to those that lost the largest remainder, ties to whoever stands first. Weights are >= 0 with at least one > 0; a part of weight 0 is 0. A negative
 * amount is cut as the positive one. parts[count] in minor units. Errors: money.fraction, money.parts (count > MONEY_PARTS_MAX or 0). */
enum { MONEY_PARTS_MAX = 1000 };
MUST_USE struct err money_split(struct money amount, const int64_t *weights, size_t count, int64_t *parts);

/* Tax. `rate_ppm` is the rate in millionths (19 % = 190000), up to 10,000,000. net + tax = gross, always.
 *   included: `amount` is gross; tax = gross * rate / (1 + rate), rounded; the rest of the rounding stays with net.
 *   added:    `amount` is net;   tax = net * rate, rounded; gross is larger by it.
 * Errors: money.fraction (the rate), money.range. */
enum { MONEY_RATE_PPM_MAX = 10000000 };
struct money_taxed {
    struct money net, tax, gross;
};
MUST_USE struct err money_tax(struct money amount, uint32_t rate_ppm, bool is_included, enum money_rounding, struct money_taxed *out);

/* The price of a part of a time that was paid whole: `part` of `whole` seconds (or days), 0 <= part <= whole. Half even; *rest, where asked for, is what remains
 * of the price, so that the two always add up to it. Errors: money.fraction. */
MUST_USE struct err money_prorate(struct money price, int64_t part, int64_t whole, struct money *share, struct money *rest);

/* ---- as text ---- */

/* "12.99", JPY "1300", KWD "1.250", "-0.05": a point, all decimals of the currency, nothing else. For files, providers and forms. */
void money_append(struct buf *, struct money);
/* The same form back: an optional minus, digits, and up to as many decimals as the currency has ("12" and "12.5" are fine, "12." and ".5" are not).
 * Errors: money.text, money.decimals, money.range, money.currency. */
MUST_USE struct err money_parse(struct slice text, uint16_t currency, struct money *out);

/* For people, as Intl.NumberFormat of the pages prints it in that language (CLDR) with all decimals that the currency has by ISO 4217:
 * "12,99 €" in German (with no-break spaces), "¥39.00" in Chinese, "THB 199.00" in English and "฿199.00" in Thai. */
void money_print(struct buf *, struct money, struct slice language);
/* The number alone, grouped and with the language's comma: "1.299,00". For columns whose head names the currency. */
void money_print_number(struct buf *, struct money, struct slice language);

/* A rate for people: 190000 -> "19 %" in German, "19%" elsewhere; 77000 -> "7.7%". */
void money_print_rate(struct buf *, uint32_t rate_ppm, struct slice language);

/* ---- as JSON: {"amount":"1299","currency":"EUR"}, minor units as a string ---- */

void money_put(struct json_writer *, const char *name, struct money); /* as a member; a currency of 0 becomes null */
void money_add_json(struct json_writer *, struct money);              /* as an element */
/* Of its two members. Errors: money.text (none, or an amount that is no whole number), money.currency, money.range. */
MUST_USE struct err money_from_texts(struct slice amount, struct slice currency, struct money *out);

#endif
