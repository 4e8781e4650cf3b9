/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Within broadcast only: its statements. Each binds the organisation, but for the one that folds all rows at start. */
#ifndef EVENT_BROADCAST_SQL_H
#define EVENT_BROADCAST_SQL_H

#include "system/db/db.h"

extern const struct db_statement broadcast_row_all, broadcast_row_insert, broadcast_row_set, broadcast_row_set_key, broadcast_row_set_state, broadcast_row_remove;

#endif
