/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "api/uploads_sql.h"

#include "api/api.h"

static const struct db_migration migrations[] = {
    {.sql = "CREATE TABLE upload(id $ID, org_id $INT NOT NULL, public_id $TEXT NOT NULL UNIQUE, name $TEXT NOT NULL, bytes $INT NOT NULL, "
            "created_s $INT NOT NULL) $TABLE;"
            "CREATE INDEX upload_by_age ON upload(created_s);"},
};
const struct db_schema api_schema = {.room = "api", .migrations = migrations, .versions = ARRAY_LEN(migrations)};

const struct db_statement upload_insert = {
    "api.upload_insert",
    "INSERT INTO upload(id, org_id, public_id, name, bytes, created_s) VALUES(:id, :org_id, :public_id, :name, :bytes, :now_s)"};
const struct db_statement upload_find = {
    "api.upload_find", "SELECT name, bytes FROM upload WHERE org_id = :org_id AND public_id = :public_id"};
const struct db_statement upload_remove = {"api.upload_remove", "DELETE FROM upload WHERE org_id = :org_id AND public_id = :public_id"};
/* These two of all organisations: the server cleans its own folder. */
const struct db_statement upload_known = {"api.upload_known", "SELECT count(*) FROM upload WHERE public_id = :public_id"};
const struct db_statement uploads_old = {
    "api.uploads_old", "SELECT org_id, public_id FROM upload WHERE created_s < :before_s ORDER BY id LIMIT 1000"};
