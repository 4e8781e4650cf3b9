/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Within catalog only: its statements. Each binds the organisation. */
#ifndef BUSINESS_CATALOG_SQL_H
#define BUSINESS_CATALOG_SQL_H

#include "system/db/db.h"

extern const struct db_statement title_all, title_text_all, credit_all, member_all, person_all, person_name_all, row_all;
extern const struct db_statement title_one, title_text_one, credit_one, member_one, person_one, person_name_one, title_count;
extern const struct db_statement title_insert, title_insert_whole, title_text_put, title_text_clean;
extern const struct db_statement title_set_kind, title_set_parent, title_set_season, title_set_episode, title_set_year, title_set_genres;
extern const struct db_statement title_set_is_free, title_set_ratings, title_set_eidr, title_set_original_lang, title_set_original_name;
extern const struct db_statement title_set_countries, title_set_edit;
extern const struct db_statement title_set_media, title_set_tracks, title_set_poster, title_set_portrait, title_set_status, title_set_event;
extern const struct db_statement title_touch, title_id, title_place, title_eidr_taken, title_poster_in;
extern const struct db_statement title_public_by_id, title_child_count, title_text_remove, title_remove;
extern const struct db_statement credit_clear, credit_insert, member_clear, member_forget, member_insert;
extern const struct db_statement person_id, person_count, person_insert, person_touch, person_name_put, person_name_drop, person_name_count;
extern const struct db_statement person_parts, person_names_remove, person_remove;
extern const struct db_statement row_clear, row_insert;

#endif
