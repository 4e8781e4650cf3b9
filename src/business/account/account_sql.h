/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Within account only: its statements. Times are seconds since 1970. */
#ifndef BUSINESS_ACCOUNT_SQL_H
#define BUSINESS_ACCOUNT_SQL_H

#include "system/db/db.h"

extern const struct db_statement organisation_list, organisation_insert, organisation_by_host, organisation_rename, organisation_facts;
extern const struct db_statement operator_link_end_all, operator_link_insert, operator_link_use, operator_known;
extern const struct db_statement user_session_insert, user_session_find, user_session_end, user_session_end_one, user_session_end_others, user_session_trim, user_session_clean,
    user_session_list, user_session_seen, user_session_prolong, user_session_profile, user_session_leave_profile, user_session_leave_profiles;
extern const struct db_statement token_insert, token_find, token_list, token_count, token_end, token_seen;
extern const struct db_statement user_insert, user_by_email, user_by_id, user_by_public, user_of_household, user_with_role, user_has_email,
    user_operators, user_set_name, user_set_lang, user_set_password, user_set_email, user_set_totp, user_use_totp, user_set_roles, user_seen,
    user_erasing, user_erase_due, user_erase_one, user_living_with, user_last_joined, user_set_household, user_owns, user_set_zone, user_owns_no_more, user_erase, recovery_insert, recovery_use, recovery_clear, recovery_count;
extern const struct db_statement code_insert, code_find, code_use, code_end_user, code_end_user_all, code_end_email, code_clean, invitation_all,
    invitation_count, invitation_end, joining_all, joining_end, joining_end_email, joining_end_user;
extern const struct db_statement household_insert, household_by_id, household_by_public, household_newest, household_count, household_set_name, household_set_country,
    household_set_streams, household_erase, household_key, profile_insert, profile_of_household, profile_count, profile_update, profile_delete,
    profile_delete_all, profile_delete_of, profile_move_of, profile_move_all;
extern const struct db_statement spent_key_insert, spent_key_all, spent_key_delete;
extern const struct db_statement consent_insert, consent_newest, consent_all;
extern const struct db_statement sequence_next, sequence_read, change_insert, change_since, change_clean;

#endif
