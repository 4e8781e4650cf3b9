/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "delivery/delivery_sql.h"

#include "delivery/delivery.h"

/* Keys belong to the server, not to an organisation: a token is checked before anybody asks whose title it is for. */
static const struct db_migration migrations[] = {
    {.sql = "CREATE TABLE delivery_key(id $ID, key_id $TEXT NOT NULL UNIQUE, secret $BLOB NOT NULL, created_s $INT NOT NULL, retired_s $INT) "
            "$TABLE;"
            "CREATE TABLE playback(id $ID, org_id $INT NOT NULL, public_id $TEXT NOT NULL UNIQUE, title $TEXT NOT NULL, "
            "created_s $INT NOT NULL, renewed_s $INT NOT NULL, expires_s $INT NOT NULL, ended_s $INT) $TABLE;"
            "CREATE INDEX playback_by_renewal ON playback(renewed_s);"
            "CREATE INDEX playback_by_end ON playback(ended_s) WHERE ended_s IS NOT NULL;"},
    {.sql = "ALTER TABLE playback ADD COLUMN household_id $INT NOT NULL DEFAULT 0;"
            "ALTER TABLE playback ADD COLUMN profile_id $INT NOT NULL DEFAULT 0;"
            "ALTER TABLE playback ADD COLUMN place $TEXT NOT NULL DEFAULT '';"
            "ALTER TABLE playback ADD COLUMN medium $INT NOT NULL DEFAULT 0;"
            "ALTER TABLE playback ADD COLUMN device $TEXT NOT NULL DEFAULT '';"
            "ALTER TABLE playback ADD COLUMN reason $TEXT;"
            "CREATE INDEX playback_by_household ON playback(household_id) WHERE household_id <> 0;"},
};
const struct db_schema delivery_schema = {.room = "delivery", .migrations = migrations, .versions = ARRAY_LEN(migrations)};

const struct db_statement delivery_key_list = {
    "delivery.key_list", "SELECT key_id, secret, created_s FROM delivery_key WHERE retired_s IS NULL ORDER BY id LIMIT 16"};
const struct db_statement delivery_key_insert = {
    "delivery.key_insert", "INSERT INTO delivery_key(id, key_id, secret, created_s) VALUES(:id, :key_id, :secret, :now_s)"};
const struct db_statement delivery_key_retire = {
    "delivery.key_retire", "UPDATE delivery_key SET retired_s = :now_s WHERE key_id = :key_id AND retired_s IS NULL"};

const struct db_statement playback_insert = {
    "delivery.playback_insert",
    "INSERT INTO playback(id, org_id, public_id, title, created_s, renewed_s, expires_s, household_id, profile_id, place, medium, device) "
    "VALUES(:id, :org_id, :public_id, :title, :now_s, :now_s, :expires_s, :household_id, :profile_id, :place, :medium, :device)"};
const struct db_statement playback_find = {
    "delivery.playback_find",
    "SELECT org_id, public_id, title, created_s, renewed_s, expires_s, ended_s, household_id, profile_id, place, medium, device, reason FROM playback "
    "WHERE org_id = :org_id AND public_id = :public_id"};
const struct db_statement playback_touch = {
    "delivery.playback_touch",
    "UPDATE playback SET renewed_s = :now_s, expires_s = :expires_s, household_id = :household_id, profile_id = :profile_id, place = :place, medium = :medium "
    "WHERE org_id = :org_id AND public_id = :public_id AND ended_s IS NULL"};
const struct db_statement playback_end = {
    "delivery.playback_end",
    "UPDATE playback SET reason = CASE WHEN ended_s IS NULL THEN :reason ELSE reason END, ended_s = COALESCE(ended_s, :now_s) "
    "WHERE org_id = :org_id AND public_id = :public_id"};
const struct db_statement playback_ended_since = {
    "delivery.playback_ended_since", "SELECT public_id, ended_s, reason FROM playback WHERE ended_s > :since_s LIMIT 100000"};
const struct db_statement playback_running = {
    "delivery.playback_running",
    "SELECT org_id, public_id, title, created_s, renewed_s, expires_s, ended_s, household_id, profile_id, place, medium, device, reason FROM playback "
    "WHERE renewed_s > :since_s AND ended_s IS NULL ORDER BY id LIMIT 1000000"};
const struct db_statement playback_forget = {
    "delivery.playback_forget",
    "UPDATE playback SET household_id = 0, profile_id = 0, device = '', place = '' WHERE org_id = :org_id AND household_id = :household_id"};
const struct db_statement playback_remove_before = {
    "delivery.playback_remove_before", "DELETE FROM playback WHERE renewed_s < :before_s"};
