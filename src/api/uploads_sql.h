/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Within api only: the statements of uploads. */
#ifndef API_UPLOADS_SQL_H
#define API_UPLOADS_SQL_H

#include "system/db/db.h"

extern const struct db_statement upload_known, upload_insert, upload_find, upload_remove, uploads_old;

#endif
