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
};
const struct db_schema account_schema = {.room = "account", .migrations = migrations, .versions = ARRAY_LEN(migrations)};

const struct db_statement organisation_list = {"account.organisation_list", "SELECT id, name, host FROM organisation ORDER BY id LIMIT 10000"};
const struct db_statement organisation_insert = {
    "account.organisation_insert",
    "INSERT INTO organisation(id, name, host, created_s) VALUES(:id, :name, :host, :now_s) ON CONFLICT DO NOTHING"};
const struct db_statement organisation_by_host = {"account.organisation_by_host", "SELECT id FROM organisation WHERE host = :host"};
const struct db_statement organisation_rename = {"account.organisation_rename", "UPDATE organisation SET name = :name WHERE id = :id"};

const struct db_statement operator_link_end_all = {
    "account.operator_link_end_all", "UPDATE operator_link SET expires_s = 0 WHERE org_id = :org_id AND used_s IS NULL"};
const struct db_statement operator_link_insert = {
    "account.operator_link_insert",
    "INSERT INTO operator_link(id, org_id, code_hash, created_s, expires_s) VALUES(:id, :org_id, :hash, :now_s, :expires_s)"};
const struct db_statement operator_link_use = {
    "account.operator_link_use",
    "UPDATE operator_link SET used_s = :now_s WHERE org_id = :org_id AND code_hash = :hash AND used_s IS NULL AND expires_s > :now_s"};
const struct db_statement operator_known = {
    "account.operator_known",
    "SELECT COUNT(*) FROM operator_link WHERE org_id = :org_id AND (used_s IS NOT NULL OR expires_s > :now_s)"};

const struct db_statement operator_session_insert = {
    "account.operator_session_insert",
    "INSERT INTO operator_session(id, org_id, secret_hash, created_s, expires_s) VALUES(:id, :org_id, :hash, :now_s, :expires_s)"};
const struct db_statement operator_session_find = {
    "account.operator_session_find", "SELECT id FROM operator_session WHERE org_id = :org_id AND secret_hash = :hash AND expires_s > :now_s"};
const struct db_statement operator_session_end = {
    "account.operator_session_end", "DELETE FROM operator_session WHERE org_id = :org_id AND secret_hash = :hash"};
const struct db_statement operator_session_clean = {
    "account.operator_session_clean", "DELETE FROM operator_session WHERE org_id = :org_id AND expires_s <= :now_s"};
