/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Within account only: its statements. Times are seconds since 1970. */
#ifndef BUSINESS_ACCOUNT_SQL_H
#define BUSINESS_ACCOUNT_SQL_H

#include "system/db/db.h"

extern const struct db_statement org_list, org_insert, org_by_host, org_rename;
extern const struct db_statement link_end_all, link_insert, link_use, operator_known;
extern const struct db_statement session_insert, session_find, session_end, session_clean;

#endif
