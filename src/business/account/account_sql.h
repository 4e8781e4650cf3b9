/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Within account only: its statements. Times are seconds since 1970. */
#ifndef BUSINESS_ACCOUNT_SQL_H
#define BUSINESS_ACCOUNT_SQL_H

#include "system/db/db.h"

extern const struct db_statement organisation_list, organisation_insert, organisation_by_host, organisation_rename;
extern const struct db_statement operator_link_end_all, operator_link_insert, operator_link_use, operator_known;
extern const struct db_statement operator_session_insert, operator_session_find, operator_session_end, operator_session_clean;

#endif
