/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Within rights only: its statements. Each binds the organisation, but for those that fold the whole book into memory. */
#ifndef BUSINESS_RIGHTS_SQL_H
#define BUSINESS_RIGHTS_SQL_H

#include "system/db/db.h"

/* The book's own page: its sequence and its time. */
extern const struct db_statement book_turn, book_list, book_sequence;
extern const struct db_statement change_book, change_titles, change_deals, change_has_whole;
enum { CHANGE_TITLE, CHANGE_DEAL, CHANGE_WHOLE };

extern const struct db_statement party_insert, party_update, party_list, party_find, party_by_name, party_us, us_name;
extern const struct db_statement deal_insert, deal_version_insert, deal_update, deal_list, deal_find, deal_versions, deal_house, deal_by_reference;
extern const struct db_statement set_find, set_insert;
extern const struct db_statement line_insert, line_insert_many, line_find, line_withdraw, title_is_ours, line_public_id, line_public_ids;
extern const struct db_statement line_rows_of_titles, line_rows_of_deal, line_rows_of_id;
extern const struct db_statement play_count, play_spend;

/* Folding: whole tables, a page at a time. */
extern const struct db_statement fold_deals, fold_sets, fold_lines, fold_withdrawals, fold_spent, fold_title, fold_title_spent;
extern const struct db_statement fold_deal;
/* What the packed column of fold_lines holds besides the media in its upper bits. */
enum { PACKED_EFFECT = 3, PACKED_EXCLUSIVE = 4, PACKED_SUBLICENSE = 8, PACKED_PLAYS = 16, PACKED_MEDIA_SHIFT = 8 };

extern const struct db_statement adopt_orgs, adopt_titles, adopt_done;

#endif
