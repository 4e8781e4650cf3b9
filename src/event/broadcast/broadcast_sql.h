/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Within broadcast only: its statements. Each binds the organisation, but for the one that folds all rows at start. */
#ifndef EVENT_BROADCAST_SQL_H
#define EVENT_BROADCAST_SQL_H

#include "system/db/db.h"

extern const struct db_statement channel_all, channel_insert, channel_set, channel_set_key, channel_set_state, channel_remove;

#endif
