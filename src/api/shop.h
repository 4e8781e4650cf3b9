/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * shop.h: what is on sale and what was bought, in JSON, out and in. Within api only. */
#ifndef API_SHOP_H
#define API_SHOP_H

#include "api/room.h"
#include "business/money/money.h"
#include "business/offer/offer.h"
#include "business/order/order.h"
#include "business/pay/pay.h"

/* --- in --- */

/* Who buys: the user who calls, with his household and where he is. What changes something is refused to a child's profile (profile.child). */
MUST_USE struct err shop_buyer(struct call *, struct order_buyer *out);
MUST_USE struct err shop_grown_up(struct call *, struct order_buyer *out);
/* Idempotency-Key of the request, with a hash of what it asks. Without the header the key is empty. ERR_INPUT idempotency.key. */
MUST_USE struct err shop_key(struct call *, struct order_key *out);
/* Reads the whole body as a cart; borrowed from it. ERR_INPUT request.malformed, order.lines, body.*. */
MUST_USE struct err shop_cart(struct call *, struct order_cart *out);

/* {amount, currency} of the body. ERR_INPUT money.*. */
MUST_USE struct err shop_money(struct body_object, struct money *out);

/* Where the caller is, as prices and contracts ask. */
struct rights_place shop_place(struct call *);

/* --- out --- */

/* An offer as the caller sees it: price and tax of his place. `title`: the one that it is shown for, where it holds for several; NULL. */
void shop_put_offer(struct call *, const struct catalog_view *, const struct offer_here *, const struct catalog_title *title);
/* "contains": {kind, id, name, count ...: the titles that it names or holds, whatever rights say; the caller closes the object. */
void shop_begin_contains(struct call *, const struct catalog_view *, const struct offer *);
void shop_put_terms(struct json_writer *, const struct offer *); /* members period, trial_days, vouchers, rental */
void shop_put_offer_of(struct call *, const char *name, int64_t offer_id); /* as a member; 0, or gone: null */
void shop_put_entitlement(struct call *, const struct order_entitlement_item *);
/* The member `entitlement`: what opens the title, bought or granted; null. */
MUST_USE struct err shop_put_entitlement_of(struct call *, const struct catalog_title *, const struct access_answer *);
/* GET /plans and GET /titles/{id}/offers, for the first HTML of their pages too. Workers. Errors: of the rooms below. */
MUST_USE struct err shop_put_plans(struct call *);
MUST_USE struct err shop_put_title_offers(struct call *, const struct catalog_view *, const struct catalog_title *);

void shop_put_time(struct json_writer *, const char *name, int64_t at_s); /* 0, and what is endless: null */
void shop_put_named(struct json_writer *, const char *name, const struct public_id *id, struct slice text); /* {id, name}; an empty id: null */
void shop_put_quote_members(struct call *, const struct order_quote *, struct slice coupon_typed);
/* All members of an order, with its payment, into an object that is open. */
void shop_put_order_members(struct call *, const struct order_item *);
void shop_put_order(struct call *, const struct order_item *);

#endif
