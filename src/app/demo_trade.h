/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * demo_trade.h: the example's catalogue and contracts (example/contracts.h), put into the house. */
#ifndef APP_DEMO_TRADE_H
#define APP_DEMO_TRADE_H

#include "app/house.h"

/* For those of the example's titles that are there. Calling it again changes nothing that it made, and nothing that somebody arranged. Errors: of
 * catalog and rights. */
MUST_USE struct err demo_trade(struct house *);

#endif
