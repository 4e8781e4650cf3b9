/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "business/catalog/catalog_sql.h"

#include "business/catalog/catalog.h"

static const struct db_migration migrations[] = {
    {.sql = "CREATE TABLE title(id $ID, org_id $INT NOT NULL, public_id $TEXT NOT NULL UNIQUE, parent_id $INT REFERENCES title(id), "
            "kind $INT NOT NULL CHECK(kind IN(0, 1)), status $INT NOT NULL CHECK(status IN(0, 1, 2)), season $INT NOT NULL, "
            "episode $INT NOT NULL, year $INT NOT NULL, genres $TEXT NOT NULL, duration_ms $INT NOT NULL, colour $INT NOT NULL, "
            "poster_version $INT NOT NULL, tracks $TEXT NOT NULL, version $INT NOT NULL, external_id $TEXT, UNIQUE(org_id, external_id)) $TABLE;"
            "CREATE INDEX title_by_org ON title(org_id, id);"
            "CREATE INDEX title_by_parent ON title(parent_id) WHERE parent_id IS NOT NULL;"
            "CREATE TABLE title_text(title_id $INT NOT NULL REFERENCES title(id), lang $INT NOT NULL, org_id $INT NOT NULL, "
            "name $TEXT NOT NULL, synopsis $TEXT NOT NULL, PRIMARY KEY(title_id, lang)) $KEYED;"},
    /* Events, with their times; upright posters. SQLite cannot change a CHECK: both tables are written anew, the one that refers first
     * to go and last to be named. */
    {.sql = "CREATE TABLE title_2(id $ID, org_id $INT NOT NULL, public_id $TEXT NOT NULL UNIQUE, parent_id $INT REFERENCES title_2(id), "
            "kind $INT NOT NULL CHECK(kind BETWEEN 0 AND 2), status $INT NOT NULL CHECK(status BETWEEN 0 AND 5), season $INT NOT NULL, "
            "episode $INT NOT NULL, year $INT NOT NULL, genres $TEXT NOT NULL, duration_ms $INT NOT NULL, colour $INT NOT NULL, "
            "poster_version $INT NOT NULL, tracks $TEXT NOT NULL, version $INT NOT NULL, external_id $TEXT, "
            "portrait_version $INT NOT NULL DEFAULT 0, starts_ms $INT NOT NULL DEFAULT 0, started_ms $INT NOT NULL DEFAULT 0, "
            "ended_ms $INT NOT NULL DEFAULT 0, UNIQUE(org_id, external_id)) $TABLE;"
            "INSERT INTO title_2(id, org_id, public_id, parent_id, kind, status, season, episode, year, genres, duration_ms, colour, "
            "poster_version, tracks, version, external_id) SELECT id, org_id, public_id, parent_id, kind, status, season, episode, year, genres, "
            "duration_ms, colour, poster_version, tracks, version, external_id FROM title;"
            "CREATE TABLE title_text_2(title_id $INT NOT NULL REFERENCES title_2(id), lang $INT NOT NULL, org_id $INT NOT NULL, "
            "name $TEXT NOT NULL, synopsis $TEXT NOT NULL, PRIMARY KEY(title_id, lang)) $KEYED;"
            "INSERT INTO title_text_2 SELECT title_id, lang, org_id, name, synopsis FROM title_text;"
            "DROP TABLE title_text;"
            "DROP TABLE title;"
            "ALTER TABLE title_2 RENAME TO title;"
            "ALTER TABLE title_text_2 RENAME TO title_text;"
            "CREATE INDEX title_by_org ON title(org_id, id);"
            "CREATE INDEX title_by_parent ON title(parent_id) WHERE parent_id IS NOT NULL;",
     .sql_postgres = "ALTER TABLE title DROP CONSTRAINT title_kind_check, DROP CONSTRAINT title_status_check, "
                     "ADD CONSTRAINT title_kind_check CHECK(kind BETWEEN 0 AND 2), ADD CONSTRAINT title_status_check CHECK(status BETWEEN 0 AND 5), "
                     "ADD COLUMN portrait_version $INT NOT NULL DEFAULT 0, ADD COLUMN starts_ms $INT NOT NULL DEFAULT 0, "
                     "ADD COLUMN started_ms $INT NOT NULL DEFAULT 0, ADD COLUMN ended_ms $INT NOT NULL DEFAULT 0;"},
};
const struct db_schema catalog_schema = {.room = "catalog", .migrations = migrations, .versions = ARRAY_LEN(migrations)};

#define TITLE_COLUMNS                                                                                                                    \
    "SELECT t.id, t.public_id, t.parent_id, p.public_id AS parent, t.kind, t.status, t.season, t.episode, t.year, t.genres, "           \
    "t.duration_ms, t.colour, t.poster_version, t.tracks, t.version, t.external_id, t.portrait_version, t.starts_ms, "      \
    "t.started_ms, t.ended_ms FROM title t LEFT JOIN title p ON p.id = t.parent_id "
#define BY_PUBLIC_ID " WHERE org_id = :org_id AND public_id = :public_id"

const struct db_statement title_all = {"catalog.title_all", TITLE_COLUMNS "WHERE t.org_id = :org_id ORDER BY t.id LIMIT :limit"};
const struct db_statement title_text_all = {
    "catalog.title_text_all",
    "SELECT title_id, lang, name, synopsis FROM title_text WHERE org_id = :org_id ORDER BY title_id, lang LIMIT :limit"};
const struct db_statement title_one = {"catalog.title_one", TITLE_COLUMNS "WHERE t.org_id = :org_id AND t.public_id = :public_id"};
const struct db_statement title_text_one = {
    "catalog.title_text_one",
    "SELECT title_id, lang, name, synopsis FROM title_text WHERE org_id = :org_id AND title_id = :id ORDER BY lang"};
const struct db_statement title_count = {"catalog.title_count", "SELECT COUNT(*) FROM title WHERE org_id = :org_id"};

const struct db_statement title_insert = {
    "catalog.title_insert",
    "INSERT INTO title(id, org_id, public_id, kind, status, season, episode, year, genres, duration_ms, colour, poster_version, tracks, "
    "version, external_id) VALUES(:id, :org_id, :public_id, 0, :status, 0, 0, 0, '', 0, 8421504, 0, '', 1, :external_id)"};
const struct db_statement title_text_put = {
    "catalog.title_text_put",
    "INSERT INTO title_text(title_id, lang, org_id, name, synopsis) VALUES(:id, :lang, :org_id, COALESCE(:name, ''), COALESCE(:synopsis, '')) "
    "ON CONFLICT(title_id, lang) DO UPDATE SET name = COALESCE(:name, title_text.name), synopsis = COALESCE(:synopsis, title_text.synopsis)"};
const struct db_statement title_text_clean = {
    "catalog.title_text_clean", "DELETE FROM title_text WHERE org_id = :org_id AND title_id = :id AND name = '' AND synopsis = ''"};

#define SET(statement, column) {"catalog." #statement, "UPDATE title SET " column " = :value WHERE org_id = :org_id AND id = :id"}
const struct db_statement title_set_kind = SET(title_set_kind, "kind");
const struct db_statement title_set_season = SET(title_set_season, "season");
const struct db_statement title_set_episode = SET(title_set_episode, "episode");
const struct db_statement title_set_year = SET(title_set_year, "year");
const struct db_statement title_set_genres = SET(title_set_genres, "genres");
const struct db_statement title_set_parent = SET(title_set_parent, "parent_id");
const struct db_statement title_touch = {
    "catalog.title_touch", "UPDATE title SET version = version + 1 WHERE org_id = :org_id AND id = :id"};

const struct db_statement title_set_media = {
    "catalog.title_set_media",
    "UPDATE title SET status = 0, duration_ms = :duration_ms, colour = :colour, tracks = :tracks, version = version + 1, "
    "poster_version = CASE WHEN :has_poster = 1 THEN version + 1 ELSE poster_version END" BY_PUBLIC_ID};
const struct db_statement title_set_tracks = {
    "catalog.title_set_tracks", "UPDATE title SET tracks = :tracks, version = version + 1" BY_PUBLIC_ID};
const struct db_statement title_set_poster = {
    "catalog.title_set_poster",
    "UPDATE title SET version = version + 1, poster_version = CASE WHEN :has_poster = 1 THEN version + 1 ELSE 0 END" BY_PUBLIC_ID};
const struct db_statement title_set_portrait = {
    "catalog.title_set_portrait",
    "UPDATE title SET version = version + 1, portrait_version = CASE WHEN :has_portrait = 1 THEN version + 1 ELSE 0 END" BY_PUBLIC_ID};
const struct db_statement title_set_event = {
    "catalog.title_set_event",
    "UPDATE title SET kind = 2, status = :status, starts_ms = :starts_ms, started_ms = :started_ms, ended_ms = :ended_ms, "
    "version = version + 1" BY_PUBLIC_ID};
const struct db_statement title_id = {"catalog.title_id", "SELECT id FROM title" BY_PUBLIC_ID};
const struct db_statement title_set_status = {
    "catalog.title_set_status", "UPDATE title SET status = :status, version = version + 1" BY_PUBLIC_ID};

const struct db_statement title_series_id = {
    "catalog.title_series_id", "SELECT id FROM title WHERE org_id = :org_id AND public_id = :public_id AND kind = 1"};
const struct db_statement title_child_count = {
    "catalog.title_child_count", "SELECT COUNT(*) FROM title WHERE org_id = :org_id AND parent_id = :id"};
const struct db_statement title_text_remove = {"catalog.title_text_remove", "DELETE FROM title_text WHERE org_id = :org_id AND title_id = :id"};
const struct db_statement title_remove = {"catalog.title_remove", "DELETE FROM title WHERE org_id = :org_id AND id = :id"};
