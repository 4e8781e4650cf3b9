/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Within catalog only: its statements. Each binds the organisation. */
#ifndef BUSINESS_CATALOG_SQL_H
#define BUSINESS_CATALOG_SQL_H

#include "system/db/db.h"

extern const struct db_statement title_all, title_text_all, title_one, title_text_one, title_count;
extern const struct db_statement title_insert, title_text_put, title_text_clean;
extern const struct db_statement title_set_kind, title_set_parent, title_set_season, title_set_episode, title_set_year, title_set_genres;
extern const struct db_statement title_set_media, title_set_tracks, title_set_poster, title_set_portrait, title_set_status, title_set_event;
extern const struct db_statement title_touch, title_id;
extern const struct db_statement title_series_id, title_child_count, title_text_remove, title_remove;

#endif
