/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "event/broadcast/broadcast_sql.h"

#include "event/broadcast/broadcast.h"

/* `id` is that of the title. Times are milliseconds since 1970, 0 for none. */
static const struct db_migration migrations[] = {
    {.sql = "CREATE TABLE channel(id $ID, org_id $INT NOT NULL, title $TEXT NOT NULL UNIQUE, stream_key $TEXT NOT NULL UNIQUE, "
            "state $INT NOT NULL CHECK(state BETWEEN 0 AND 3), is_finished $INT NOT NULL CHECK(is_finished IN(0, 1)), "
            "backup $INT NOT NULL CHECK(backup IN(0, 1)), dvr_ms $INT NOT NULL, is_recorded $INT NOT NULL CHECK(is_recorded IN(0, 1)), "
            "is_endless $INT NOT NULL CHECK(is_endless IN(0, 1)), ladder $TEXT NOT NULL, starts_ms $INT NOT NULL, started_ms $INT NOT NULL, "
            "ended_ms $INT NOT NULL) $TABLE;"
            "CREATE INDEX channel_by_org ON channel(org_id, id);"},
};
const struct db_schema broadcast_schema = {.room = "broadcast", .migrations = migrations, .versions = ARRAY_LEN(migrations)};

#define OF_TITLE " WHERE org_id = :org_id AND title = :title"

/* Of all organisations: a key says whose it is. */
const struct db_statement broadcast_row_all = {
    "broadcast.row_all",
    "SELECT id, org_id, title, stream_key, state, is_finished, backup, dvr_ms, is_recorded, is_endless, ladder, starts_ms, started_ms, ended_ms "
    "FROM channel ORDER BY id LIMIT :limit"};
const struct db_statement broadcast_row_insert = {
    "broadcast.row_insert",
    "INSERT INTO channel(id, org_id, title, stream_key, state, is_finished, backup, dvr_ms, is_recorded, is_endless, ladder, starts_ms, "
    "started_ms, ended_ms) VALUES(:id, :org_id, :title, :stream_key, :state, 0, :backup, :dvr_ms, :is_recorded, :is_endless, :ladder, "
    ":starts_ms, 0, 0)"};
const struct db_statement broadcast_row_set = {
    "broadcast.row_set",
    "UPDATE channel SET backup = :backup, dvr_ms = :dvr_ms, is_recorded = :is_recorded, is_endless = :is_endless, ladder = :ladder, "
    "starts_ms = :starts_ms" OF_TITLE};
const struct db_statement broadcast_row_set_key = {"broadcast.row_set_key", "UPDATE channel SET stream_key = :stream_key" OF_TITLE};
const struct db_statement broadcast_row_set_state = {
    "broadcast.row_set_state",
    "UPDATE channel SET state = :state, is_finished = :is_finished, started_ms = :started_ms, ended_ms = :ended_ms" OF_TITLE};
const struct db_statement broadcast_row_remove = {"broadcast.row_remove", "DELETE FROM channel" OF_TITLE};
