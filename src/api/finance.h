/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * finance.h: what the files of /finance/ share. Within api only. */
#ifndef API_FINANCE_H
#define API_FINANCE_H

#include "api/shop.h"
#include "business/invoice/invoice.h"
#include "business/ledger/ledger.h"

/* limit= of the request: 1 to `max`, `usual` where it is not said. ERR_INPUT request.malformed. */
MUST_USE struct err finance_limit(struct call *, size_t usual, size_t max, size_t *out);
/* {"items": [ ... ], "next"}: what is put between is an item each. next empty: null. */
void finance_list_begin(struct call *);
void finance_list_end(struct call *, struct slice next);
/* from= and to= of the request, seconds; what is not said is 0. ERR_INPUT rights.time. */
MUST_USE struct err finance_period(struct call *, int64_t *from_s, int64_t *to_s);

/* Households, orders and users that an answer names: wished for while it is put together (0: none), read all at once, put by their ids. An erased household has
 * no name, and what is gone is null. */
struct finance_set {
    int64_t *ids; /* after finance_names_read: sorted, each once */
    size_t count, room;
};
struct finance_names {
    bool with_buyers; /* set before: who ordered is read along with the orders, household and user */
    struct finance_set households, orders, users;
    struct account_named *household_names;
    struct order_name *order_names;
    struct slice *user_names;
};
void finance_want(struct call *, struct finance_set *, int64_t id);
MUST_USE struct err finance_names_read(struct call *, struct finance_names *); /* memory of finance_want comes out here */
const struct account_named *finance_household(const struct finance_names *, int64_t id); /* NULL: gone */
const struct order_name *finance_order(const struct finance_names *, int64_t id);        /* NULL: gone */
/* Members: {id, name}; {id, number}; {name}. */
void finance_put_household(struct json_writer *, const struct finance_names *, int64_t id);
void finance_put_order(struct json_writer *, const struct finance_names *, int64_t id);
void finance_put_by(struct json_writer *, const struct finance_names *, int64_t user_id);

/* Attempts to pay, with everything their providers said (`events`, read in one transaction), into an array that is open. */
MUST_USE struct err finance_put_payments_of(struct call *, int64_t order_id);
/* A refund's members, into an object that is open. */
void finance_put_refund_members(struct call *, const struct order_refund *);

/* Every transfer that belongs to an order, as a member `transfers`. */
MUST_USE struct err finance_put_transfers(struct call *, int64_t order_id);

/* "EUR", "coins", "vouchers". */
const char *finance_unit_name(int32_t ledger);

#endif
