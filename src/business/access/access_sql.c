/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "business/access/access_sql.h"

#include "business/access/access.h"

/* A grant is never changed but by being taken back (removed_s). Each change has the next number of one sequence, so that every process over
 * the same store can follow what the others did. */
static const struct db_migration migrations[] = {
    {.sql = "CREATE TABLE access_grant(id $ID, org_id $INT NOT NULL, public_id $TEXT NOT NULL UNIQUE, household_id $INT NOT NULL, title_id $INT NOT NULL, "
            "medium $INT NOT NULL, starts_s $INT NOT NULL, ends_s $INT NOT NULL, by_user_id $INT NOT NULL, removed_s $INT, CHECK(starts_s < ends_s)) $TABLE;"
            "CREATE INDEX access_grant_by_household ON access_grant(household_id, id);"
            "CREATE TABLE access_change(seq $ID, org_id $INT NOT NULL, grant_id $INT NOT NULL) $TABLE;"},
};
const struct db_schema access_schema = {.room = "access", .migrations = migrations, .versions = ARRAY_LEN(migrations)};

#define GRANT "g.id, g.org_id, g.public_id, g.household_id, g.title_id, g.medium, g.starts_s, g.ends_s, g.removed_s"

const struct db_statement grant_insert = {
    "access.grant_insert",
    "INSERT INTO access_grant(id, org_id, public_id, household_id, title_id, medium, starts_s, ends_s, by_user_id) "
    "VALUES(:id, :org_id, :public_id, :household_id, :title_id, :medium, :starts_s, :ends_s, :by_user_id)"};
const struct db_statement grant_of_household = {
    "access.grant_of_household",
    "SELECT " GRANT " FROM access_grant g WHERE g.org_id = :org_id AND g.household_id = :household_id AND g.public_id = :public_id AND g.removed_s IS NULL"};
const struct db_statement grant_remove = {
    "access.grant_remove", "UPDATE access_grant SET removed_s = :now_s WHERE org_id = :org_id AND id = :id AND removed_s IS NULL"};
const struct db_statement grant_count = {
    "access.grant_count",
    "SELECT COUNT(*) FROM access_grant WHERE org_id = :org_id AND household_id = :household_id AND removed_s IS NULL AND ends_s > :now_s"};
const struct db_statement grant_list = {
    "access.grant_list",
    "SELECT " GRANT " FROM access_grant g WHERE g.org_id = :org_id AND g.household_id = :household_id AND g.removed_s IS NULL AND g.ends_s > :now_s "
    "ORDER BY g.id DESC LIMIT :limit"};
const struct db_statement grant_load = {
    "access.grant_load",
    "SELECT " GRANT " FROM access_grant g WHERE g.id > :after_id AND g.removed_s IS NULL AND g.ends_s > :now_s ORDER BY g.id LIMIT :limit"};
const struct db_statement grant_followed = {
    "access.grant_followed",
    "SELECT c.seq, " GRANT " FROM access_change c JOIN access_grant g ON g.id = c.grant_id WHERE c.seq > :seq ORDER BY c.seq LIMIT :limit"};
const struct db_statement grant_forget = {
    "access.grant_forget", "DELETE FROM access_grant WHERE org_id = :org_id AND household_id = :household_id"};

const struct db_statement access_change_newest = {"access.access_change_newest", "SELECT MAX(seq) FROM access_change"};
const struct db_statement access_change_insert = {"access.access_change_insert", "INSERT INTO access_change(seq, org_id, grant_id) VALUES(:seq, :org_id, :grant_id)"};
const struct db_statement access_change_prune = {"access.access_change_prune", "DELETE FROM access_change WHERE seq <= :seq"};
