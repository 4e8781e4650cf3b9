/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Within delivery only: its statements. Times are seconds since 1970. */
#ifndef DELIVERY_DELIVERY_SQL_H
#define DELIVERY_DELIVERY_SQL_H

#include "system/db/db.h"

extern const struct db_statement key_list, key_insert, key_retire;
extern const struct db_statement session_insert, session_find, session_touch, session_end, sessions_ended_since, sessions_remove_before;

#endif
