/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Within access only: its statements. Times are seconds since 1970. */
#ifndef BUSINESS_ACCESS_SQL_H
#define BUSINESS_ACCESS_SQL_H

#include "system/db/db.h"

extern const struct db_statement grant_insert, grant_remove, grant_count, grant_of_household, grant_list, grant_load, grant_followed, grant_forget;
extern const struct db_statement access_change_newest, access_change_insert, access_change_prune;

#endif
