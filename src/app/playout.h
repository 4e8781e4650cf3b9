/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * playout.h: the example organisation's own channel. The example films, one after the other and round again, as they lie on the disk: nothing is
 * decoded and nothing encoded, so it costs next to no processor. It is an encoder like any other and comes in by the channel's key; when the operator
 * sends something else, or ends the channel, it stands back. */
#ifndef APP_PLAYOUT_H
#define APP_PLAYOUT_H

#include "app/house.h"

struct playout;
/* Makes the channel if this is the example organisation (grandstand demo) and there is none; does nothing where it is not. The house outlives it.
 * Starts the thread "playout". *out may stay NULL. Errors: ERR_LIMIT. */
MUST_USE struct err playout_start(struct playout **out, struct house *);
void playout_stop(struct playout **); /* before the channels are closed; NULL is fine */

#endif
