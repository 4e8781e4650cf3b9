/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * shop_double.h: stands in for business/order and business/offer, of which access asks what a household has and what is sold. Both are what a test says. */
#ifndef TESTS_SHOP_DOUBLE_H
#define TESTS_SHOP_DOUBLE_H

#include "business/offer/offer.h"
#include "business/order/order.h"

extern struct order_room *const double_order;
extern struct offers *const double_offers;

void shop_double_reset(void);
/* The household holds this for the title (0: for all). Replaces the one with the same entitlement_id; ends_s 0: takes it away. Tells who listens. */
void shop_double_hold(int64_t household_id, int64_t title_id, const struct order_held *);
/* What is sold of each title. */
void shop_double_sell(const struct offer_sale *);
/* The next order_started answers with this. */
void shop_double_fail(struct err);
extern int shop_double_starts; /* rentals that were begun */

#endif
