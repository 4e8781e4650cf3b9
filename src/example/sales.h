/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * sales.h: what the example organisation sells, and to whom: plans, prices, coupons, and households that buy for a year. Data alone; app/demo_sales.c makes it happen. */
#ifndef EXAMPLE_SALES_H
#define EXAMPLE_SALES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "example/example.h"

/* Where each price holds, in order of a price's four amounts. */
enum example_market { EXAMPLE_CHINA, EXAMPLE_EURO, EXAMPLE_THAILAND, EXAMPLE_REST, EXAMPLE_MARKETS };
extern const char *const example_market_territories[EXAMPLE_MARKETS]; /* as rights read them; they do not overlap */
extern const char *const example_market_currencies[EXAMPLE_MARKETS];

struct example_offer {
    const char *kind;                    /* as in JSON */
    const char *names[EXAMPLE_LANGUAGES];
    const char *descriptions[EXAMPLE_LANGUAGES];
    int64_t prices[EXAMPLE_MARKETS];     /* minor units */
    const char *contains;                /* "all", "series" or "titles" */
    const char *titles[4];               /* of the example, by name */
    const char *unit;                    /* of a plan: "month", "year" */
    int trial_days, vouchers, watch_hours;
};
extern const struct example_offer example_offers[];
extern const size_t example_offer_count;

struct example_coupon {
    const char *code;
    int percent, per_household;
    const char *offer; /* English name of the one it is for; NULL: all */
};
extern const struct example_coupon example_coupons[];
extern const size_t example_coupon_count;

struct example_tax {
    const char *country;
    uint32_t rate_ppm;
};
extern const struct example_tax example_taxes[];
extern const size_t example_tax_count;
extern const char *const example_seller_name, *const example_seller_address, *const example_seller_tax_id, *const example_seller_country;

/* Where households are, how many in a hundred, and what their members speak. */
struct example_home {
    const char *country;
    int percent;
    enum example_language language;
    const char *family_names[6];
};
extern const struct example_home example_homes[];
extern const size_t example_home_count;

#endif
