/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "business/catalog/catalog_sql.h"

#include "business/catalog/catalog.h"

/* What the third version adds. */
#define TITLE_COLUMNS_3                                                                                                                    \
    "is_free $INT NOT NULL DEFAULT 1, eidr $TEXT, ratings $TEXT NOT NULL DEFAULT '', original_lang $TEXT NOT NULL DEFAULT '', "            \
    "original_name $TEXT NOT NULL DEFAULT '', countries $TEXT NOT NULL DEFAULT '', edit $TEXT NOT NULL DEFAULT ''"
#define TABLES_3                                                                                                                           \
    "CREATE TABLE person(id $ID, org_id $INT NOT NULL, public_id $TEXT NOT NULL UNIQUE, version $INT NOT NULL) $TABLE;"                    \
    "CREATE INDEX person_by_org ON person(org_id, id);"                                                                                    \
    "CREATE TABLE person_name(person_id $INT NOT NULL REFERENCES person(id), lang $INT NOT NULL, org_id $INT NOT NULL, "                   \
    "name $TEXT NOT NULL, PRIMARY KEY(person_id, lang)) $KEYED;"                                                                           \
    "CREATE TABLE title_person(title_id $INT NOT NULL REFERENCES title(id), position $INT NOT NULL, org_id $INT NOT NULL, "                \
    "person_id $INT NOT NULL REFERENCES person(id), part $INT NOT NULL, role_name $TEXT NOT NULL, PRIMARY KEY(title_id, position)) $KEYED;" \
    "CREATE INDEX title_person_by_person ON title_person(person_id);"                                                                      \
    "CREATE TABLE title_member(title_id $INT NOT NULL REFERENCES title(id), position $INT NOT NULL, org_id $INT NOT NULL, "                \
    "member_id $INT NOT NULL REFERENCES title(id), PRIMARY KEY(title_id, position)) $KEYED;"                                               \
    "CREATE INDEX title_member_by_member ON title_member(member_id);"                                                                      \
    "CREATE TABLE home_row(org_id $INT NOT NULL, position $INT NOT NULL, public_id $TEXT NOT NULL, source $INT NOT NULL, "                 \
    "names $TEXT NOT NULL, genre $TEXT NOT NULL, titles $TEXT NOT NULL, starts_ms $INT NOT NULL, ends_ms $INT NOT NULL, "                  \
    "PRIMARY KEY(org_id, position)) $KEYED;"

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
    /* Seasons, episodes, clips and collections; ratings, EIDR, people, members, rows of the home page. What kinds there are, the program knows. */
    {.sql = "CREATE TABLE title_3(id $ID, org_id $INT NOT NULL, public_id $TEXT NOT NULL UNIQUE, parent_id $INT REFERENCES title_3(id), "
            "kind $INT NOT NULL CHECK(kind >= 0), status $INT NOT NULL CHECK(status >= 0), season $INT NOT NULL, "
            "episode $INT NOT NULL, year $INT NOT NULL, genres $TEXT NOT NULL, duration_ms $INT NOT NULL, colour $INT NOT NULL, "
            "poster_version $INT NOT NULL, tracks $TEXT NOT NULL, version $INT NOT NULL, external_id $TEXT, "
            "portrait_version $INT NOT NULL DEFAULT 0, starts_ms $INT NOT NULL DEFAULT 0, started_ms $INT NOT NULL DEFAULT 0, "
            "ended_ms $INT NOT NULL DEFAULT 0, " TITLE_COLUMNS_3 ", UNIQUE(org_id, external_id), UNIQUE(org_id, eidr)) $TABLE;"
            "INSERT INTO title_3(id, org_id, public_id, parent_id, kind, status, season, episode, year, genres, duration_ms, colour, "
            "poster_version, tracks, version, external_id, portrait_version, starts_ms, started_ms, ended_ms) "
            "SELECT id, org_id, public_id, parent_id, CASE WHEN kind = 0 AND parent_id IS NOT NULL THEN 4 ELSE kind END, status, season, "
            "episode, year, genres, duration_ms, colour, poster_version, tracks, version, external_id, portrait_version, starts_ms, started_ms, "
            "ended_ms FROM title;"
            "CREATE TABLE title_text_3(title_id $INT NOT NULL REFERENCES title_3(id), lang $INT NOT NULL, org_id $INT NOT NULL, "
            "name $TEXT NOT NULL, synopsis $TEXT NOT NULL, poster_version $INT NOT NULL DEFAULT 0, PRIMARY KEY(title_id, lang)) $KEYED;"
            "INSERT INTO title_text_3(title_id, lang, org_id, name, synopsis) SELECT title_id, lang, org_id, name, synopsis FROM title_text;"
            "DROP TABLE title_text;"
            "DROP TABLE title;"
            "ALTER TABLE title_3 RENAME TO title;"
            "ALTER TABLE title_text_3 RENAME TO title_text;"
            "CREATE INDEX title_by_org ON title(org_id, id);"
            "CREATE INDEX title_by_parent ON title(parent_id) WHERE parent_id IS NOT NULL;" TABLES_3,
     .sql_postgres = "ALTER TABLE title DROP CONSTRAINT title_kind_check, DROP CONSTRAINT title_status_check, "
                     "ADD CONSTRAINT title_kind_check CHECK(kind >= 0), ADD CONSTRAINT title_status_check CHECK(status >= 0);"
                     "ALTER TABLE title ADD COLUMN is_free $INT NOT NULL DEFAULT 1, ADD COLUMN eidr $TEXT, ADD COLUMN ratings $TEXT NOT NULL DEFAULT '', "
                     "ADD COLUMN original_lang $TEXT NOT NULL DEFAULT '', ADD COLUMN original_name $TEXT NOT NULL DEFAULT '', "
                     "ADD COLUMN countries $TEXT NOT NULL DEFAULT '', ADD COLUMN edit $TEXT NOT NULL DEFAULT '', ADD UNIQUE(org_id, eidr);"
                     "ALTER TABLE title_text ADD COLUMN poster_version $INT NOT NULL DEFAULT 0;"
                     "UPDATE title SET kind = 4 WHERE kind = 0 AND parent_id IS NOT NULL;" TABLES_3},
};
const struct db_schema catalog_schema = {.room = "catalog", .migrations = migrations, .versions = ARRAY_LEN(migrations)};

#define TITLE_COLUMNS                                                                                                                    \
    "SELECT t.id, t.public_id, t.parent_id, p.public_id AS parent, t.kind, t.status, t.season, t.episode, t.year, t.genres, "           \
    "t.duration_ms, t.colour, t.poster_version, t.tracks, t.version, t.external_id, t.portrait_version, t.starts_ms, "                   \
    "t.started_ms, t.ended_ms, t.is_free, t.eidr, t.ratings, t.original_lang, t.original_name, t.countries, t.edit "                     \
    "FROM title t LEFT JOIN title p ON p.id = t.parent_id "
#define BY_PUBLIC_ID " WHERE org_id = :org_id AND public_id = :public_id"

const struct db_statement title_all = {"catalog.title_all", TITLE_COLUMNS "WHERE t.org_id = :org_id ORDER BY t.id LIMIT :limit"};
const struct db_statement title_text_all = {
    "catalog.title_text_all",
    "SELECT title_id, lang, name, synopsis, poster_version FROM title_text WHERE org_id = :org_id ORDER BY title_id, lang LIMIT :limit"};
const struct db_statement title_one = {"catalog.title_one", TITLE_COLUMNS "WHERE t.org_id = :org_id AND t.public_id = :public_id"};
const struct db_statement title_text_one = {
    "catalog.title_text_one",
    "SELECT title_id, lang, name, synopsis, poster_version FROM title_text WHERE org_id = :org_id AND title_id = :id ORDER BY lang"};
const struct db_statement credit_all = {
    "catalog.credit_all",
    "SELECT title_id, person_id, part, role_name FROM title_person WHERE org_id = :org_id ORDER BY title_id, position LIMIT :limit"};
const struct db_statement credit_one = {
    "catalog.credit_one",
    "SELECT title_id, person_id, part, role_name FROM title_person WHERE org_id = :org_id AND title_id = :id ORDER BY position"};
const struct db_statement member_all = {
    "catalog.member_all",
    "SELECT title_id, member_id FROM title_member WHERE org_id = :org_id ORDER BY title_id, position LIMIT :limit"};
const struct db_statement member_one = {
    "catalog.member_one", "SELECT title_id, member_id FROM title_member WHERE org_id = :org_id AND title_id = :id ORDER BY position"};
const struct db_statement person_all = {
    "catalog.person_all", "SELECT id, public_id, version FROM person WHERE org_id = :org_id ORDER BY id LIMIT :limit"};
const struct db_statement person_name_all = {
    "catalog.person_name_all", "SELECT person_id, lang, name FROM person_name WHERE org_id = :org_id ORDER BY person_id, lang LIMIT :limit"};
const struct db_statement person_one = {
    "catalog.person_one", "SELECT id, public_id, version FROM person" BY_PUBLIC_ID};
const struct db_statement person_name_one = {
    "catalog.person_name_one",
    "SELECT person_id, lang, name FROM person_name WHERE org_id = :org_id AND person_id = :id ORDER BY lang"};
const struct db_statement row_all = {
    "catalog.row_all",
    "SELECT public_id, source, names, genre, titles, starts_ms, ends_ms FROM home_row WHERE org_id = :org_id ORDER BY position"};
const struct db_statement title_count = {"catalog.title_count", "SELECT COUNT(*) FROM title WHERE org_id = :org_id"};

const struct db_statement title_insert = {
    "catalog.title_insert",
    "INSERT INTO title(id, org_id, public_id, kind, status, season, episode, year, genres, duration_ms, colour, poster_version, tracks, "
    "version, external_id, is_free) VALUES(:id, :org_id, :public_id, 0, :status, 0, 0, 0, '', 0, 8421504, 0, '', 1, :external_id, 1)"};
const struct db_statement title_insert_whole = {
    "catalog.title_insert_whole",
    "INSERT INTO title(id, org_id, public_id, kind, status, season, episode, year, genres, duration_ms, colour, poster_version, tracks, version, external_id, "
    "is_free, eidr, ratings, original_lang, original_name, countries, edit) VALUES(:id, :org_id, :public_id, :kind, :status, :season, :episode, :year, :genres, 0, "
    "8421504, 0, '', 1, :external_id, :is_free, :eidr, :ratings, :original_lang, :original_name, :countries, :edit)"};
const struct db_statement title_text_put = {
    "catalog.title_text_put",
    "INSERT INTO title_text(title_id, lang, org_id, name, synopsis) VALUES(:id, :lang, :org_id, COALESCE(:name, ''), COALESCE(:synopsis, '')) "
    "ON CONFLICT(title_id, lang) DO UPDATE SET name = COALESCE(:name, title_text.name), synopsis = COALESCE(:synopsis, title_text.synopsis)"};
const struct db_statement title_text_clean = {
    "catalog.title_text_clean",
    "DELETE FROM title_text WHERE org_id = :org_id AND title_id = :id AND name = '' AND synopsis = '' AND poster_version = 0"};

#define SET(statement, column) {"catalog." #statement, "UPDATE title SET " column " = :value WHERE org_id = :org_id AND id = :id"}
const struct db_statement title_set_kind = SET(title_set_kind, "kind");
const struct db_statement title_set_season = SET(title_set_season, "season");
const struct db_statement title_set_episode = SET(title_set_episode, "episode");
const struct db_statement title_set_year = SET(title_set_year, "year");
const struct db_statement title_set_genres = SET(title_set_genres, "genres");
const struct db_statement title_set_parent = SET(title_set_parent, "parent_id");
const struct db_statement title_set_is_free = SET(title_set_is_free, "is_free");
const struct db_statement title_set_ratings = SET(title_set_ratings, "ratings");
const struct db_statement title_set_eidr = SET(title_set_eidr, "eidr");
const struct db_statement title_set_original_lang = SET(title_set_original_lang, "original_lang");
const struct db_statement title_set_original_name = SET(title_set_original_name, "original_name");
const struct db_statement title_set_countries = SET(title_set_countries, "countries");
const struct db_statement title_set_edit = SET(title_set_edit, "edit");
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

const struct db_statement title_place = {
    "catalog.title_place", "SELECT id, kind, parent_id, season FROM title WHERE org_id = :org_id AND id = :id"};
const struct db_statement title_eidr_taken = {
    "catalog.title_eidr_taken", "SELECT COUNT(*) FROM title WHERE org_id = :org_id AND eidr = :eidr AND id <> :id"};
const struct db_statement title_poster_in = {
    "catalog.title_poster_in",
    "INSERT INTO title_text(title_id, lang, org_id, name, synopsis, poster_version) "
    "SELECT id, :lang, org_id, '', '', CASE WHEN :has_poster = 1 THEN version + 1 ELSE 0 END FROM title WHERE org_id = :org_id AND id = :id "
    "ON CONFLICT(title_id, lang) DO UPDATE SET poster_version = excluded.poster_version"};

const struct db_statement credit_clear = {"catalog.credit_clear", "DELETE FROM title_person WHERE org_id = :org_id AND title_id = :id"};
const struct db_statement credit_insert = {
    "catalog.credit_insert",
    "INSERT INTO title_person(title_id, position, org_id, person_id, part, role_name) VALUES(:id, :position, :org_id, :person_id, :part, :role_name)"};
const struct db_statement member_clear = {"catalog.member_clear", "DELETE FROM title_member WHERE org_id = :org_id AND title_id = :id"};
const struct db_statement member_forget = {"catalog.member_forget", "DELETE FROM title_member WHERE org_id = :org_id AND member_id = :id"};
const struct db_statement member_insert = {
    "catalog.member_insert", "INSERT INTO title_member(title_id, position, org_id, member_id) VALUES(:id, :position, :org_id, :member_id)"};

const struct db_statement person_id = {"catalog.person_id", "SELECT id FROM person" BY_PUBLIC_ID};
const struct db_statement person_count = {"catalog.person_count", "SELECT COUNT(*) FROM person WHERE org_id = :org_id"};
const struct db_statement person_insert = {
    "catalog.person_insert", "INSERT INTO person(id, org_id, public_id, version) VALUES(:id, :org_id, :public_id, 1)"};
const struct db_statement person_touch = {"catalog.person_touch", "UPDATE person SET version = version + 1 WHERE org_id = :org_id AND id = :id"};
const struct db_statement person_name_put = {
    "catalog.person_name_put",
    "INSERT INTO person_name(person_id, lang, org_id, name) VALUES(:id, :lang, :org_id, :name) ON CONFLICT(person_id, lang) DO UPDATE SET name = excluded.name"};
const struct db_statement person_name_drop = {
    "catalog.person_name_drop", "DELETE FROM person_name WHERE org_id = :org_id AND person_id = :id AND lang = :lang"};
const struct db_statement person_name_count = {
    "catalog.person_name_count", "SELECT COUNT(*) FROM person_name WHERE org_id = :org_id AND person_id = :id"};
const struct db_statement person_parts = {
    "catalog.person_parts", "SELECT COUNT(*) FROM title_person WHERE org_id = :org_id AND person_id = :id"};
const struct db_statement person_names_remove = {
    "catalog.person_names_remove", "DELETE FROM person_name WHERE org_id = :org_id AND person_id = :id"};
const struct db_statement person_remove = {"catalog.person_remove", "DELETE FROM person WHERE org_id = :org_id AND id = :id"};

const struct db_statement row_clear = {"catalog.row_clear", "DELETE FROM home_row WHERE org_id = :org_id"};
const struct db_statement row_insert = {
    "catalog.row_insert",
    "INSERT INTO home_row(org_id, position, public_id, source, names, genre, titles, starts_ms, ends_ms) "
    "VALUES(:org_id, :position, :public_id, :source, :names, :genre, :titles, :starts_ms, :ends_ms)"};

const struct db_statement title_public_by_id = {"catalog.title_public_by_id", "SELECT public_id FROM title WHERE id = :id AND org_id = :org_id"};
const struct db_statement title_child_count = {
    "catalog.title_child_count", "SELECT COUNT(*) FROM title WHERE org_id = :org_id AND parent_id = :id"};
const struct db_statement title_text_remove = {"catalog.title_text_remove", "DELETE FROM title_text WHERE org_id = :org_id AND title_id = :id"};
const struct db_statement title_remove = {"catalog.title_remove", "DELETE FROM title WHERE org_id = :org_id AND id = :id"};
