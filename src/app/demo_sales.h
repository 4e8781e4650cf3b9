/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * demo_sales.h: what the example organisation sells (example/sales.h), and a year in which it was bought. */
#ifndef APP_DEMO_SALES_H
#define APP_DEMO_SALES_H

#include "app/house.h"

/* Offers, coupons and settings, unless the organisation has some already; then `households` that buy by them day by day, from a year ago until yesterday: through the doors of order and pay, with
 * the sandbox's play money and a clock of its own. DATA/example-sales.json remembers how far it is: what was interrupted goes on, what is done is not done again. An organisation
 * that has sold something by itself is left alone. Errors: of those rooms. */
MUST_USE struct err demo_sales(struct house *, size_t households, size_t *orders);

/* Were the year's sales never made, or not all of them? Looks at the record alone. */
bool demo_sales_are_due(const char *data_path);

#endif
