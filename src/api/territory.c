/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Where the caller is. */
#include "api/room.h"

struct slice call_territory(struct call *c) {
    if (!c->territory.len) c->territory = SLICE("DE");
    return c->territory;
}
