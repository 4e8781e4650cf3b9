/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * account_double.h: stands in for business/account, of which access wants facts and news alone. Households are what a test says they are. */
#ifndef TESTS_ACCOUNT_DOUBLE_H
#define TESTS_ACCOUNT_DOUBLE_H

#include "business/account/account.h"

enum { DOUBLE_HOUSEHOLDS_MAX = 3000 };

void double_reset(void);
/* Adds or replaces it, and tells who listens. */
void double_household_put(const struct account_household_facts *);
void double_household_remove(int64_t household_id);
void double_forget(int64_t household_id); /* out of memory until account_household_load */
void double_org_put(const struct account_org_facts *);
extern struct account_holder double_holder; /* the one that was added */

#endif
