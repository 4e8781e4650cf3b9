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
/* from= and to= of the request, seconds; what is not said is 0. ERR_INPUT rights.time. */
MUST_USE struct err finance_period(struct call *, int64_t *from_s, int64_t *to_s);

/* Members "household" and "order" of a list: names read once for all of it. An erased household has no name, and what is gone is null. */
struct finance_names {
    struct account_named *households;
    struct public_id *orders;
};
MUST_USE struct err finance_names_of(struct call *, const int64_t *household_ids, const int64_t *order_ids, size_t count, struct finance_names *out); /* either may be NULL */

/* Every transfer that belongs to an order, as a member `transfers`. */
MUST_USE struct err finance_put_transfers(struct call *, int64_t order_id);

/* "EUR", "coins", "vouchers". */
const char *finance_unit_name(int32_t ledger);

#endif
