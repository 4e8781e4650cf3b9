/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Within delivery only: its statements. Times are seconds since 1970. */
#ifndef DELIVERY_DELIVERY_SQL_H
#define DELIVERY_DELIVERY_SQL_H

#include "system/db/db.h"

extern const struct db_statement delivery_key_list, delivery_key_insert, delivery_key_retire;
extern const struct db_statement playback_insert, playback_find, playback_touch, playback_end, playback_ended_since, playback_running, playback_forget, playback_remove_before;

#endif
