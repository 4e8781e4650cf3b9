/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "business/account/account_sql.h"

#include "business/account/account.h"

static const struct db_migration migrations[] = {
    {.sql = "CREATE TABLE organisation(id $ID, name $TEXT NOT NULL, host $TEXT NOT NULL UNIQUE, created_s $INT NOT NULL) $TABLE;"
            "CREATE TABLE operator_link(id $ID, org_id $INT NOT NULL REFERENCES organisation(id), code_hash $BLOB NOT NULL UNIQUE, "
            "created_s $INT NOT NULL, expires_s $INT NOT NULL, used_s $INT) $TABLE;"
            "CREATE INDEX operator_link_by_org ON operator_link(org_id);"
            "CREATE TABLE operator_session(id $ID, org_id $INT NOT NULL REFERENCES organisation(id), secret_hash $BLOB NOT NULL UNIQUE, "
            "created_s $INT NOT NULL, expires_s $INT NOT NULL) $TABLE;"
            "CREATE INDEX operator_session_by_org ON operator_session(org_id, expires_s);"},
    /* Households, users, profiles. What ends in _box is sealed under the key in the row's own key_slot (system/keys); kinds of codes stand in room.h. */
    {.sql = "ALTER TABLE organisation ADD COLUMN country $TEXT NOT NULL DEFAULT 'DE';"
            "ALTER TABLE organisation ADD COLUMN portability $INT NOT NULL DEFAULT 0;"
            "CREATE TABLE household(id $ID, org_id $INT NOT NULL REFERENCES organisation(id), public_id $TEXT NOT NULL UNIQUE, key_slot $INT NOT NULL, name_box $BLOB, "
            "country $TEXT NOT NULL, streams_max $INT NOT NULL, created_s $INT NOT NULL, erased_s $INT) $TABLE;"
            "CREATE INDEX household_by_org ON household(org_id, id);"
            "CREATE TABLE account_user(id $ID, org_id $INT NOT NULL REFERENCES organisation(id), public_id $TEXT NOT NULL UNIQUE, household_id $INT NOT NULL REFERENCES household(id), "
            "key_slot $INT NOT NULL, email_index $BLOB, email_box $BLOB, name_box $BLOB, lang $TEXT NOT NULL, password $TEXT NOT NULL, roles $INT NOT NULL, totp_box $BLOB, "
            "totp_state $INT NOT NULL, totp_step $INT NOT NULL, created_s $INT NOT NULL, seen_s $INT NOT NULL, erasing_s $INT, erased_s $INT, UNIQUE(org_id, email_index)) $TABLE;"
            "CREATE INDEX account_user_by_household ON account_user(household_id);"
            "CREATE INDEX account_user_by_role ON account_user(org_id, id) WHERE roles > 0;"
            "CREATE INDEX account_user_erasing ON account_user(erasing_s) WHERE erasing_s IS NOT NULL AND erased_s IS NULL;"
            "CREATE TABLE profile(id $ID, org_id $INT NOT NULL, public_id $TEXT NOT NULL UNIQUE, household_id $INT NOT NULL REFERENCES household(id), key_slot $INT NOT NULL, "
            "name_box $BLOB NOT NULL, birth_box $BLOB, picture $INT NOT NULL, age_max $INT NOT NULL CHECK(age_max IN(0, 6, 12, 16, 18)), pin_mac $BLOB, created_s $INT NOT NULL) $TABLE;"
            "CREATE INDEX profile_by_household ON profile(household_id, id);"
            "CREATE TABLE user_session(id $ID, org_id $INT NOT NULL REFERENCES organisation(id), public_id $TEXT UNIQUE, user_id $INT REFERENCES account_user(id), profile_id $INT, "
            "secret_hash $BLOB NOT NULL UNIQUE, from_box $BLOB, created_s $INT NOT NULL, seen_s $INT NOT NULL, expires_s $INT NOT NULL) $TABLE;"
            "CREATE INDEX user_session_by_user ON user_session(user_id) WHERE user_id IS NOT NULL;"
            "CREATE INDEX user_session_by_profile ON user_session(profile_id) WHERE profile_id IS NOT NULL;"
            "CREATE INDEX user_session_by_end ON user_session(expires_s);"
            "INSERT INTO user_session(id, org_id, secret_hash, created_s, seen_s, expires_s) SELECT id, org_id, secret_hash, created_s, created_s, expires_s FROM operator_session;"
            "DROP TABLE operator_session;"
            "CREATE TABLE api_token(id $ID, org_id $INT NOT NULL REFERENCES organisation(id), public_id $TEXT NOT NULL UNIQUE, name $TEXT NOT NULL, secret_hash $BLOB NOT NULL UNIQUE, "
            "scopes $INT NOT NULL, maker_id $INT, created_s $INT NOT NULL, seen_s $INT NOT NULL, expires_s $INT NOT NULL) $TABLE;"
            "CREATE INDEX api_token_by_org ON api_token(org_id, id);"
            "CREATE TABLE account_code(id $ID, org_id $INT NOT NULL, public_id $TEXT NOT NULL UNIQUE, kind $INT NOT NULL, code_hash $BLOB NOT NULL UNIQUE, user_id $INT, email_index $BLOB, "
            "box $BLOB, roles $INT NOT NULL, created_s $INT NOT NULL, expires_s $INT NOT NULL) $TABLE;"
            "CREATE INDEX account_code_by_org ON account_code(org_id, kind, id);"
            "CREATE INDEX account_code_by_end ON account_code(expires_s);"
            "CREATE TABLE account_recovery(id $ID, org_id $INT NOT NULL, user_id $INT NOT NULL REFERENCES account_user(id), code_hash $BLOB NOT NULL) $TABLE;"
            "CREATE INDEX account_recovery_by_user ON account_recovery(user_id);"
            "CREATE TABLE account_consent(id $ID, org_id $INT NOT NULL, user_id $INT NOT NULL, purpose $INT NOT NULL, is_granted $INT NOT NULL CHECK(is_granted IN(0, 1)), "
            "text_version $INT NOT NULL, at_s $INT NOT NULL) $TABLE;"
            "CREATE INDEX account_consent_by_user ON account_consent(user_id, purpose, id);"
            "CREATE TABLE account_sequence(id $ID, value $INT NOT NULL) $TABLE;"
            "INSERT INTO account_sequence(id, value) VALUES(1, 0);"
            "CREATE TABLE account_change(seq $ID, org_id $INT NOT NULL, target_id $INT NOT NULL, household_id $INT NOT NULL, at_s $INT NOT NULL) $TABLE;"},
    /* Several grown-ups in a household: whoever has been in it longest (joined_s) owns it. A profile made together with somebody goes with him (user_id). */
    {.sql = "ALTER TABLE organisation ADD COLUMN adults_max $INT NOT NULL DEFAULT 4;"
            "ALTER TABLE account_user ADD COLUMN joined_s $INT NOT NULL DEFAULT 0;"
            "UPDATE account_user SET joined_s = created_s;"
            "ALTER TABLE profile ADD COLUMN user_id $INT;"
            "UPDATE profile SET user_id = (SELECT MIN(u.id) FROM account_user u WHERE u.household_id = profile.household_id) "
            "WHERE age_max = 18 AND id = (SELECT MIN(p.id) FROM profile p WHERE p.household_id = profile.household_id);"
            "ALTER TABLE account_code ADD COLUMN household_id $INT;"
            "CREATE INDEX account_code_by_household ON account_code(household_id) WHERE household_id IS NOT NULL;"},
    /* To whom the household was handed over; where that was nobody who is still there, whoever has been in it longest owns it. */
    {.sql = "ALTER TABLE account_user ADD COLUMN is_owner $INT NOT NULL DEFAULT 0 CHECK(is_owner IN(0, 1));"
            "CREATE UNIQUE INDEX account_user_owner ON account_user(household_id) WHERE is_owner = 1;"},
    {.sql = "ALTER TABLE account_user ADD COLUMN zone_box $BLOB;"}, /* in which zone of the time zone database the device was from which was signed in last */
    {.sql = "CREATE TABLE account_spent_key(slot $ID, owner_id $INT NOT NULL) $TABLE;"}, /* of rows that are gone: to be destroyed, whatever ends the program before */
};
const struct db_schema account_schema = {.room = "account", .migrations = migrations, .versions = ARRAY_LEN(migrations)};

/* Organisations. */
const struct db_statement organisation_list = {"account.organisation_list",
    "SELECT id, name, host, country, portability, adults_max FROM organisation ORDER BY id LIMIT 10000"};
const struct db_statement organisation_insert = {"account.organisation_insert",
    "INSERT INTO organisation(id, name, host, created_s) VALUES(:id, :name, :host, :now_s) ON CONFLICT DO NOTHING"};
const struct db_statement organisation_by_host = {"account.organisation_by_host",
    "SELECT id FROM organisation WHERE host = :host"};
const struct db_statement organisation_rename = {"account.organisation_rename",
    "UPDATE organisation SET name = :name WHERE id = :id"};
const struct db_statement organisation_facts = {"account.organisation_facts",
    "UPDATE organisation SET country = :country, portability = :portability, adults_max = :adults_max WHERE id = :id"};

/* The one-time link. */
const struct db_statement operator_link_end_all = {"account.operator_link_end_all",
    "UPDATE operator_link SET expires_s = 0 WHERE org_id = :org_id AND used_s IS NULL"};
const struct db_statement operator_link_insert = {"account.operator_link_insert",
    "INSERT INTO operator_link(id, org_id, code_hash, created_s, expires_s) VALUES(:id, :org_id, :hash, :now_s, :expires_s)"};
const struct db_statement operator_link_use = {"account.operator_link_use",
    "UPDATE operator_link SET used_s = :now_s WHERE org_id = :org_id AND code_hash = :hash AND used_s IS NULL AND expires_s > "
    ":now_s"};
const struct db_statement operator_known = {"account.operator_known",
    "SELECT COUNT(*) FROM operator_link WHERE org_id = :org_id AND (used_s IS NOT NULL OR expires_s > :now_s)"};

/* Sessions. */
const struct db_statement user_session_insert = {"account.user_session_insert",
    "INSERT INTO user_session(id, org_id, public_id, user_id, profile_id, secret_hash, from_box, created_s, seen_s, "
    "expires_s) VALUES(:id, :org_id, :public_id, :user_id, :profile_id, :hash, :from_box, :now_s, :now_s, :expires_s)"};
const struct db_statement user_session_find = {"account.user_session_find",
    "SELECT s.id, s.user_id, s.profile_id, s.seen_s, s.expires_s, u.household_id, u.key_slot, u.roles FROM user_session s LEFT JOIN "
    "account_user u ON u.id = s.user_id WHERE s.org_id = :org_id AND s.secret_hash = :hash AND s.expires_s > :now_s AND "
    "u.erasing_s IS NULL"};
const struct db_statement user_session_end = {"account.user_session_end",
    "DELETE FROM user_session WHERE org_id = :org_id AND secret_hash = :hash RETURNING id"};
const struct db_statement user_session_end_one = {"account.user_session_end_one",
    "DELETE FROM user_session WHERE org_id = :org_id AND user_id = :user_id AND public_id = :public_id RETURNING id"};
const struct db_statement user_session_end_others = {"account.user_session_end_others",
    "DELETE FROM user_session WHERE org_id = :org_id AND user_id = :user_id AND id <> :but_id"};
const struct db_statement user_session_trim = {"account.user_session_trim",
    "DELETE FROM user_session WHERE user_id = :user_id AND id IN(SELECT id FROM user_session WHERE user_id = :user_id ORDER "
    "BY seen_s DESC, id DESC LIMIT 1000 OFFSET :keep)"};
const struct db_statement user_session_clean = {"account.user_session_clean",
    "DELETE FROM user_session WHERE expires_s <= :now_s"};
const struct db_statement user_session_list = {"account.user_session_list",
    "SELECT id, public_id, from_box, created_s, seen_s FROM user_session WHERE org_id = :org_id AND user_id = :user_id AND "
    "expires_s > :now_s ORDER BY seen_s DESC, id DESC LIMIT 100"};
const struct db_statement user_session_seen = {"account.user_session_seen",
    "UPDATE user_session SET seen_s = :now_s WHERE id = :id AND seen_s < :now_s"};
const struct db_statement user_session_prolong = {"account.user_session_prolong",
    "UPDATE user_session SET expires_s = CASE WHEN created_s + :life_s < :now_s + :idle_s THEN created_s + :life_s ELSE "
    ":now_s + :idle_s END WHERE id = :id AND user_id IN(SELECT id FROM account_user WHERE roles = 0)"};
const struct db_statement user_session_profile = {"account.user_session_profile",
    "UPDATE user_session SET profile_id = :profile_id WHERE org_id = :org_id AND id = :id"};
const struct db_statement user_session_leave_profile = {"account.user_session_leave_profile",
    "UPDATE user_session SET profile_id = NULL WHERE org_id = :org_id AND profile_id = :profile_id"};

/* Tokens. */
const struct db_statement token_insert = {"account.token_insert",
    "INSERT INTO api_token(id, org_id, public_id, name, secret_hash, scopes, maker_id, created_s, seen_s, expires_s) "
    "VALUES(:id, :org_id, :public_id, :name, :hash, :scopes, :maker_id, :now_s, 0, :expires_s)"};
const struct db_statement token_find = {"account.token_find",
    "SELECT id, scopes, seen_s, expires_s FROM api_token WHERE org_id = :org_id AND secret_hash = :hash AND (expires_s = 0 OR "
    "expires_s > :now_s)"};
const struct db_statement token_list = {"account.token_list",
    "SELECT id, public_id, name, scopes, created_s, seen_s, expires_s FROM api_token WHERE org_id = :org_id ORDER BY id DESC "
    "LIMIT 1000"};
const struct db_statement token_count = {"account.token_count",
    "SELECT COUNT(*) FROM api_token WHERE org_id = :org_id"};
const struct db_statement token_end = {"account.token_end",
    "DELETE FROM api_token WHERE org_id = :org_id AND public_id = :public_id RETURNING id"};
const struct db_statement token_seen = {"account.token_seen",
    "UPDATE api_token SET seen_s = :now_s WHERE id = :id AND seen_s < :now_s"};

/* Users. */
const struct db_statement user_insert = {"account.user_insert",
    "INSERT INTO account_user(id, org_id, public_id, household_id, key_slot, email_index, email_box, name_box, lang, "
    "password, roles, totp_state, totp_step, created_s, joined_s, seen_s) VALUES(:id, :org_id, :public_id, :household_id, "
    ":key_slot, :email_index, :email_box, :name_box, :lang, :password, :roles, 0, 0, :now_s, :joined_s, :now_s)"};
const struct db_statement user_by_email = {"account.user_by_email",
    "SELECT id, public_id, household_id, key_slot, email_box, name_box, lang, password, roles, totp_box, totp_state, "
    "totp_step, created_s, joined_s, seen_s, erasing_s, zone_box FROM account_user WHERE org_id = :org_id AND email_index = :email_index AND "
    "erasing_s IS NULL"};
const struct db_statement user_by_id = {"account.user_by_id",
    "SELECT id, public_id, household_id, key_slot, email_box, name_box, lang, password, roles, totp_box, totp_state, "
    "totp_step, created_s, joined_s, seen_s, erasing_s, zone_box FROM account_user WHERE org_id = :org_id AND id = :id AND erasing_s IS NULL"};
const struct db_statement user_by_public = {"account.user_by_public",
    "SELECT id, public_id, household_id, key_slot, email_box, name_box, lang, password, roles, totp_box, totp_state, "
    "totp_step, created_s, joined_s, seen_s, erasing_s, zone_box FROM account_user WHERE org_id = :org_id AND public_id = :public_id AND "
    "erasing_s IS NULL"};
const struct db_statement user_of_household = {"account.user_of_household",
    "SELECT id, public_id, household_id, key_slot, email_box, name_box, lang, password, roles, totp_box, totp_state, "
    "totp_step, created_s, joined_s, seen_s, erasing_s, zone_box FROM account_user WHERE org_id = :org_id AND household_id = :household_id AND "
    "erasing_s IS NULL ORDER BY is_owner DESC, joined_s, id LIMIT 20"};
const struct db_statement user_with_role = {"account.user_with_role",
    "SELECT id, public_id, household_id, key_slot, email_box, name_box, lang, password, roles, totp_box, totp_state, "
    "totp_step, created_s, joined_s, seen_s, erasing_s, zone_box FROM account_user WHERE org_id = :org_id AND roles > 0 AND erasing_s IS NULL "
    "ORDER BY id LIMIT 1000"};
const struct db_statement user_has_email = {"account.user_has_email",
    "SELECT COUNT(*) FROM account_user WHERE org_id = :org_id AND email_index = :email_index"};
const struct db_statement user_operators = {"account.user_operators",
    "SELECT COUNT(*) FROM account_user WHERE org_id = :org_id AND roles % 2 = 1 AND erasing_s IS NULL AND id <> :but_id"};
const struct db_statement user_set_name = {"account.user_set_name",
    "UPDATE account_user SET name_box = :box WHERE org_id = :org_id AND id = :id"};
const struct db_statement user_set_lang = {"account.user_set_lang",
    "UPDATE account_user SET lang = :lang WHERE org_id = :org_id AND id = :id"};
const struct db_statement user_set_zone = {"account.user_set_zone",
    "UPDATE account_user SET zone_box = :box WHERE org_id = :org_id AND id = :id AND erasing_s IS NULL"};
const struct db_statement user_set_password = {"account.user_set_password",
    "UPDATE account_user SET password = :password WHERE org_id = :org_id AND id = :id AND erasing_s IS NULL"};
const struct db_statement user_set_email = {"account.user_set_email",
    "UPDATE account_user SET email_index = :email_index, email_box = :box WHERE org_id = :org_id AND id = :id AND erasing_s "
    "IS NULL"};
const struct db_statement user_set_totp = {"account.user_set_totp",
    "UPDATE account_user SET totp_box = :box, totp_state = :state, totp_step = :step WHERE org_id = :org_id AND id = :id"};
const struct db_statement user_use_totp = {"account.user_use_totp",
    "UPDATE account_user SET totp_step = :step, totp_state = 2 WHERE org_id = :org_id AND id = :id AND totp_step < :step AND "
    "totp_state = :state"};
const struct db_statement user_set_roles = {"account.user_set_roles",
    "UPDATE account_user SET roles = :roles WHERE org_id = :org_id AND id = :id"};
const struct db_statement user_seen = {"account.user_seen",
    "UPDATE account_user SET seen_s = :now_s WHERE id = :id AND seen_s < :now_s"};
const struct db_statement user_erasing = {"account.user_erasing",
    "UPDATE account_user SET erasing_s = :now_s, is_owner = 0 WHERE org_id = :org_id AND id = :id AND erasing_s IS NULL"};
const struct db_statement user_erase_due = {"account.user_erase_due",
    "SELECT id, org_id, household_id, key_slot FROM account_user WHERE erasing_s IS NOT NULL AND erased_s IS NULL ORDER BY id "
    "LIMIT 100"};
const struct db_statement user_erase_one = {"account.user_erase_one",
    "SELECT id, org_id, household_id, key_slot FROM account_user WHERE id = :id AND erasing_s IS NOT NULL AND erased_s IS NULL"};
const struct db_statement user_living_with = {"account.user_living_with",
    "SELECT COUNT(*) FROM account_user WHERE household_id = :household_id AND erasing_s IS NULL"};
const struct db_statement user_last_joined = {"account.user_last_joined",
    "SELECT MAX(joined_s) FROM account_user WHERE household_id = :household_id"};
const struct db_statement user_set_household = {"account.user_set_household",
    "UPDATE account_user SET household_id = :household_id, joined_s = :joined_s, is_owner = 0 WHERE org_id = :org_id AND id = "
    ":id AND household_id = :from_id AND erasing_s IS NULL"};
const struct db_statement user_owns_no_more = {"account.user_owns_no_more",
    "UPDATE account_user SET is_owner = 0 WHERE org_id = :org_id AND household_id = :household_id AND is_owner = 1"};
const struct db_statement user_owns = {"account.user_owns",
    "UPDATE account_user SET is_owner = 1 WHERE org_id = :org_id AND id = :id AND household_id = :household_id AND erasing_s IS "
    "NULL"};
const struct db_statement user_session_leave_profiles = {"account.user_session_leave_profiles",
    "UPDATE user_session SET profile_id = NULL WHERE org_id = :org_id AND user_id = :user_id"};
const struct db_statement user_erase = {"account.user_erase",
    "UPDATE account_user SET email_index = NULL, email_box = NULL, name_box = NULL, zone_box = NULL, totp_box = NULL, totp_state = 0, password "
    "= '', roles = 0, seen_s = 0, lang = 'en', erased_s = :now_s WHERE id = :id"};
const struct db_statement recovery_insert = {"account.recovery_insert",
    "INSERT INTO account_recovery(id, org_id, user_id, code_hash) VALUES(:id, :org_id, :user_id, :hash)"};
const struct db_statement recovery_use = {"account.recovery_use",
    "DELETE FROM account_recovery WHERE org_id = :org_id AND user_id = :user_id AND code_hash = :hash"};
const struct db_statement recovery_clear = {"account.recovery_clear",
    "DELETE FROM account_recovery WHERE user_id = :user_id"};
const struct db_statement recovery_count = {"account.recovery_count",
    "SELECT COUNT(*) FROM account_recovery WHERE user_id = :user_id"};

/* Codes. */
const struct db_statement code_insert = {"account.code_insert",
    "INSERT INTO account_code(id, org_id, public_id, kind, code_hash, user_id, household_id, email_index, box, roles, created_s, "
    "expires_s) VALUES(:id, :org_id, :public_id, :kind, :hash, :user_id, :household_id, :email_index, :box, :roles, :now_s, "
    ":expires_s)"};
const struct db_statement code_find = {"account.code_find",
    "SELECT id, public_id, kind, user_id, household_id, email_index, box, roles FROM account_code WHERE org_id = :org_id AND code_hash = "
    ":hash AND expires_s > :now_s"};
const struct db_statement code_use = {"account.code_use",
    "DELETE FROM account_code WHERE org_id = :org_id AND id = :id"};
const struct db_statement code_end_user = {"account.code_end_user",
    "DELETE FROM account_code WHERE org_id = :org_id AND kind = :kind AND user_id = :user_id"};
const struct db_statement code_end_user_all = {"account.code_end_user_all",
    "DELETE FROM account_code WHERE org_id = :org_id AND user_id = :user_id"};
const struct db_statement code_end_email = {"account.code_end_email",
    "DELETE FROM account_code WHERE org_id = :org_id AND kind = :kind AND email_index = :email_index"};
const struct db_statement code_clean = {"account.code_clean",
    "DELETE FROM account_code WHERE expires_s <= :now_s"};
const struct db_statement invitation_all = {"account.invitation_all",
    "SELECT id, public_id, box, roles, created_s, expires_s FROM account_code WHERE org_id = :org_id AND kind = 4 AND "
    "expires_s > :now_s ORDER BY id LIMIT 1000"};
const struct db_statement invitation_count = {"account.invitation_count",
    "SELECT COUNT(*) FROM account_code WHERE org_id = :org_id AND kind = 4 AND expires_s > :now_s"};
const struct db_statement invitation_end = {"account.invitation_end",
    "DELETE FROM account_code WHERE org_id = :org_id AND kind = 4 AND public_id = :public_id"};

/* Invitations to a household: kind 5. */
const struct db_statement joining_all = {"account.joining_all",
    "SELECT id, public_id, box, created_s, expires_s FROM account_code WHERE org_id = :org_id AND household_id = "
    ":household_id AND kind = 5 AND expires_s > :now_s ORDER BY id LIMIT 100"};
const struct db_statement joining_end = {"account.joining_end",
    "DELETE FROM account_code WHERE org_id = :org_id AND household_id = :household_id AND kind = 5 AND public_id = :public_id"};
const struct db_statement joining_end_email = {"account.joining_end_email",
    "DELETE FROM account_code WHERE org_id = :org_id AND household_id = :household_id AND kind = 5 AND email_index = "
    ":email_index"};
const struct db_statement joining_end_user = {"account.joining_end_user",
    "DELETE FROM account_code WHERE org_id = :org_id AND household_id = :household_id AND kind = 5 AND user_id = :user_id"};

/* Households and profiles. */
const struct db_statement household_insert = {"account.household_insert",
    "INSERT INTO household(id, org_id, public_id, key_slot, name_box, country, streams_max, created_s) VALUES(:id, :org_id, "
    ":public_id, :key_slot, :name_box, :country, :streams_max, :now_s)"};
const struct db_statement household_by_id = {"account.household_by_id",
    "SELECT id, public_id, key_slot, name_box, country, streams_max, created_s FROM household WHERE org_id = :org_id AND id = "
    ":id AND erased_s IS NULL"};
const struct db_statement household_by_public = {"account.household_by_public",
    "SELECT id, public_id, key_slot, name_box, country, streams_max, created_s FROM household WHERE org_id = :org_id AND "
    "public_id = :public_id AND erased_s IS NULL"};
const struct db_statement household_newest = {"account.household_newest",
    "SELECT id, public_id, key_slot, name_box, country, streams_max, created_s FROM household WHERE org_id = :org_id AND "
    "id < :before_id AND erased_s IS NULL ORDER BY id DESC LIMIT :limit"};
const struct db_statement household_count = {"account.household_count",
    "SELECT COUNT(*) FROM household WHERE org_id = :org_id AND erased_s IS NULL"};
const struct db_statement household_set_name = {"account.household_set_name",
    "UPDATE household SET name_box = :box WHERE org_id = :org_id AND id = :id"};
const struct db_statement household_set_country = {"account.household_set_country",
    "UPDATE household SET country = :country WHERE org_id = :org_id AND id = :id"};
const struct db_statement household_set_streams = {"account.household_set_streams",
    "UPDATE household SET streams_max = :streams_max WHERE org_id = :org_id AND id = :id"};
const struct db_statement household_erase = {"account.household_erase",
    "UPDATE household SET name_box = NULL, erased_s = :now_s WHERE id = :id"};
const struct db_statement household_key = {"account.household_key",
    "SELECT key_slot FROM household WHERE id = :id"};
const struct db_statement profile_insert = {"account.profile_insert",
    "INSERT INTO profile(id, org_id, public_id, household_id, key_slot, name_box, birth_box, picture, age_max, pin_mac, "
    "created_s, user_id) VALUES(:id, :org_id, :public_id, :household_id, :key_slot, :name_box, :birth_box, :picture, :age_max, "
    ":pin_mac, :now_s, :user_id)"};
const struct db_statement profile_of_household = {"account.profile_of_household",
    "SELECT id, public_id, household_id, key_slot, name_box, birth_box, picture, age_max, pin_mac, created_s, user_id FROM profile "
    "WHERE org_id = :org_id AND household_id = :household_id ORDER BY id LIMIT 20"};
const struct db_statement profile_count = {"account.profile_count",
    "SELECT COUNT(*) FROM profile WHERE org_id = :org_id AND household_id = :household_id"};
const struct db_statement profile_update = {"account.profile_update",
    "UPDATE profile SET name_box = :name_box, birth_box = :birth_box, picture = :picture, age_max = :age_max, pin_mac = "
    ":pin_mac WHERE org_id = :org_id AND household_id = :household_id AND id = :id"};
const struct db_statement profile_delete = {"account.profile_delete",
    "DELETE FROM profile WHERE org_id = :org_id AND household_id = :household_id AND id = :id"};
const struct db_statement profile_delete_of = {"account.profile_delete_of",
    "DELETE FROM profile WHERE household_id = :household_id AND user_id = :user_id"};
const struct db_statement profile_move_of = {"account.profile_move_of",
    "UPDATE profile SET household_id = :to_id WHERE org_id = :org_id AND household_id = :household_id AND user_id = :user_id"};
const struct db_statement profile_move_all = {"account.profile_move_all",
    "UPDATE profile SET household_id = :to_id WHERE org_id = :org_id AND household_id = :household_id"};
const struct db_statement profile_delete_all = {"account.profile_delete_all",
    "DELETE FROM profile WHERE household_id = :household_id"};

/* Keys of rows that are gone. */
const struct db_statement spent_key_insert = {"account.spent_key_insert",
    "INSERT INTO account_spent_key(slot, owner_id) VALUES(:slot, :owner_id) ON CONFLICT DO NOTHING"};
const struct db_statement spent_key_all = {"account.spent_key_all",
    "SELECT slot, owner_id FROM account_spent_key ORDER BY slot LIMIT 1000"};
const struct db_statement spent_key_delete = {"account.spent_key_delete",
    "DELETE FROM account_spent_key WHERE slot = :slot"};

/* Consent. */
const struct db_statement consent_insert = {"account.consent_insert",
    "INSERT INTO account_consent(id, org_id, user_id, purpose, is_granted, text_version, at_s) VALUES(:id, :org_id, :user_id, "
    ":purpose, :is_granted, :text_version, :now_s)"};
const struct db_statement consent_newest = {"account.consent_newest",
    "SELECT c.purpose, c.is_granted, c.text_version, c.at_s FROM account_consent c WHERE c.org_id = :org_id AND c.user_id = "
    ":user_id AND c.id = (SELECT MAX(d.id) FROM account_consent d WHERE d.user_id = c.user_id AND d.purpose = c.purpose)"};
const struct db_statement consent_all = {"account.consent_all",
    "SELECT purpose, is_granted, text_version, at_s FROM account_consent WHERE org_id = :org_id AND user_id = :user_id ORDER "
    "BY id LIMIT 10000"};

/* Changes that other processes must hear of. The sequence's one row makes those who write take turns, so that numbers appear in order and without gaps. */
const struct db_statement sequence_next = {"account.sequence_next",
    "UPDATE account_sequence SET value = value + 1 WHERE id = 1"};
const struct db_statement sequence_read = {"account.sequence_read",
    "SELECT value FROM account_sequence WHERE id = 1"};
const struct db_statement change_insert = {"account.change_insert",
    "INSERT INTO account_change(seq, org_id, target_id, household_id, at_s) SELECT value, :org_id, :target_id, :household_id, "
    ":now_s FROM account_sequence WHERE id = 1"};
const struct db_statement change_since = {"account.change_since",
    "SELECT seq, org_id, target_id, household_id FROM account_change WHERE seq > :seq ORDER BY seq LIMIT 1000"};
const struct db_statement change_clean = {"account.change_clean",
    "DELETE FROM account_change WHERE at_s < :before_s"};
