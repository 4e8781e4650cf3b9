/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The book. Parties may be renamed; everything else is only added to: a deal that changes gets a version, a line that no longer holds a
 * withdrawal. The changeable columns of rights_deal repeat its newest version.
 *
 *   rights_book        one row an organisation: how many transactions have changed the book, and the time of the last
 *   rights_change      what each of them touched: a title's lines, a deal, or too much to list
 *   rights_set         texts of territories and languages, each once
 *
 * Lines name titles without a foreign key: the catalogue may remove a title, the book stays. */
#include "business/rights/rights_sql.h"

#include "business/rights/rights.h"

static const struct db_migration migrations[] = {
    {.sql = "CREATE TABLE rights_book(org_id $ID, sequence $INT NOT NULL, known_s $INT NOT NULL) $TABLE;"
            "CREATE TABLE rights_change(org_id $INT NOT NULL, sequence $INT NOT NULL, kind $INT NOT NULL CHECK(kind BETWEEN 0 AND 2), "
            "thing_id $INT NOT NULL, PRIMARY KEY(org_id, sequence, kind, thing_id)) $KEYED;"
            "CREATE TABLE rights_party(id $ID, org_id $INT NOT NULL, public_id $TEXT NOT NULL UNIQUE, name $TEXT NOT NULL, country $TEXT NOT NULL, "
            "kind $INT NOT NULL CHECK(kind BETWEEN 0 AND 2), is_us $INT NOT NULL CHECK(is_us IN(0, 1)), UNIQUE(org_id, name)) $TABLE;"
            "CREATE UNIQUE INDEX rights_party_us ON rights_party(org_id) WHERE is_us = 1;"
            "CREATE TABLE rights_deal(id $ID, org_id $INT NOT NULL, public_id $TEXT NOT NULL UNIQUE, direction $INT NOT NULL CHECK(direction BETWEEN 0 AND 2), "
            "party_id $INT NOT NULL REFERENCES rights_party(id), parent_id $INT REFERENCES rights_deal(id), is_house $INT NOT NULL CHECK(is_house IN(0, 1)), "
            "reference $TEXT NOT NULL, status $INT NOT NULL CHECK(status BETWEEN 0 AND 3), may_sublicense $INT NOT NULL CHECK(may_sublicense IN(0, 1)), "
            "version $INT NOT NULL, created_s $INT NOT NULL, UNIQUE(org_id, reference)) $TABLE;"
            "CREATE UNIQUE INDEX rights_deal_house ON rights_deal(org_id) WHERE is_house = 1;"
            "CREATE INDEX rights_deal_by_party ON rights_deal(party_id);"
            "CREATE TABLE rights_deal_version(deal_id $INT NOT NULL REFERENCES rights_deal(id), version $INT NOT NULL, org_id $INT NOT NULL, "
            "reference $TEXT NOT NULL, status $INT NOT NULL, may_sublicense $INT NOT NULL, known_s $INT NOT NULL, user_id $INT NOT NULL, "
            "PRIMARY KEY(deal_id, version)) $KEYED;"
            "CREATE TABLE rights_set(id $ID, org_id $INT NOT NULL, kind $INT NOT NULL CHECK(kind IN(0, 1)), text $TEXT NOT NULL, "
            "UNIQUE(org_id, kind, text)) $TABLE;"
            "CREATE TABLE rights_line(id $ID, org_id $INT NOT NULL, public_id $TEXT NOT NULL UNIQUE, deal_id $INT NOT NULL REFERENCES rights_deal(id), "
            "title_id $INT NOT NULL, effect $INT NOT NULL CHECK(effect BETWEEN 0 AND 2), media $INT NOT NULL CHECK(media BETWEEN 1 AND 65535), "
            "territories_id $INT NOT NULL REFERENCES rights_set(id), languages_id $INT NOT NULL REFERENCES rights_set(id), starts_s $INT NOT NULL, "
            "ends_s $INT NOT NULL, is_exclusive $INT NOT NULL CHECK(is_exclusive IN(0, 1)), may_sublicense $INT NOT NULL CHECK(may_sublicense IN(0, 1)), "
            "plays_max $INT NOT NULL CHECK(plays_max >= 0), note $TEXT NOT NULL, known_s $INT NOT NULL, "
            "CHECK(starts_s >= 0 AND starts_s < ends_s AND ends_s <= 4294967295)) $TABLE;"
            "CREATE INDEX rights_line_by_title ON rights_line(title_id);"
            "CREATE INDEX rights_line_by_deal ON rights_line(deal_id);"
            "CREATE TABLE rights_withdrawal(line_id $ID REFERENCES rights_line(id), org_id $INT NOT NULL, known_s $INT NOT NULL) $TABLE;"
            "CREATE TABLE rights_play(line_id $ID REFERENCES rights_line(id), org_id $INT NOT NULL, plays $INT NOT NULL, spent_s $INT NOT NULL) $TABLE;"
            /* Who had titles before there were contracts: theirs get house lines when the program has opened the book, which knows how to make them. */
            "CREATE TABLE rights_adopt(org_id $ID) $TABLE;"
            "INSERT INTO rights_adopt(org_id) SELECT DISTINCT org_id FROM title;"},
};
const struct db_schema rights_schema = {.room = "rights", .migrations = migrations, .versions = ARRAY_LEN(migrations)};

/* --- the book's page --- */

/* One transaction's turn. On PostgreSQL the row also makes writers of several processes go one after the other, so that sequence numbers are
 * visible in their order. */
const struct db_statement book_turn = {
    "rights.book_turn",
    "INSERT INTO rights_book(org_id, sequence, known_s) VALUES(:org_id, 1, :now_s) ON CONFLICT(org_id) DO UPDATE SET "
    "sequence = rights_book.sequence + 1, known_s = CASE WHEN rights_book.known_s > :now_s THEN rights_book.known_s ELSE :now_s END "
    "RETURNING sequence, known_s"};
const struct db_statement book_list = {"rights.book_list", "SELECT org_id, sequence FROM rights_book ORDER BY org_id"};
const struct db_statement book_sequence = {"rights.book_sequence", "SELECT sequence FROM rights_book WHERE org_id = :org_id"};

const struct db_statement change_book = {
    "rights.change_note",
    "INSERT INTO rights_change(org_id, sequence, kind, thing_id) VALUES(:org_id, :sequence, :kind, :thing_id) ON CONFLICT DO NOTHING"};
#define CHANGED " FROM rights_change WHERE org_id = :org_id AND sequence > :after AND sequence <= :upto AND kind = "
const struct db_statement change_titles = {"rights.change_titles", "SELECT DISTINCT thing_id" CHANGED "0 ORDER BY thing_id LIMIT :limit"};
const struct db_statement change_deals = {"rights.change_deals", "SELECT DISTINCT thing_id" CHANGED "1 ORDER BY thing_id LIMIT :limit"};
const struct db_statement change_has_whole = {"rights.change_has_whole", "SELECT COUNT(*)" CHANGED "2"};

/* --- parties --- */

#define PARTY_COLUMNS "SELECT id, public_id, name, country, kind, is_us FROM rights_party WHERE org_id = :org_id "
const struct db_statement party_insert = {
    "rights.party_insert",
    "INSERT INTO rights_party(id, org_id, public_id, name, country, kind, is_us) VALUES(:id, :org_id, :public_id, :name, :country, :kind, :is_us) "
    "ON CONFLICT DO NOTHING"};
const struct db_statement party_update = {
    "rights.party_update",
    "UPDATE rights_party SET name = COALESCE(:name, name), country = COALESCE(:country, country), kind = COALESCE(:kind, kind) "
    "WHERE org_id = :org_id AND public_id = :public_id"};
const struct db_statement party_list = {"rights.party_list", PARTY_COLUMNS "ORDER BY name, id LIMIT :limit"};
const struct db_statement party_find = {"rights.party_find", PARTY_COLUMNS "AND public_id = :public_id"};
const struct db_statement party_by_name = {"rights.party_by_name", PARTY_COLUMNS "AND name = :name"};
const struct db_statement us_name = {"rights.us_name", "SELECT name FROM organisation WHERE id = :org_id"};
const struct db_statement party_us = {"rights.party_us", PARTY_COLUMNS "AND is_us = 1"};

/* --- deals --- */

const struct db_statement deal_insert = {
    "rights.deal_insert",
    "INSERT INTO rights_deal(id, org_id, public_id, direction, party_id, parent_id, is_house, reference, status, may_sublicense, version, created_s) "
    "VALUES(:id, :org_id, :public_id, :direction, :party_id, :parent_id, :is_house, :reference, :status, :may_sublicense, 1, :known_s) ON CONFLICT DO NOTHING"};
const struct db_statement deal_version_insert = {
    "rights.deal_version_insert",
    "INSERT INTO rights_deal_version(deal_id, version, org_id, reference, status, may_sublicense, known_s, user_id) "
    "SELECT id, version, org_id, reference, status, may_sublicense, :known_s, :user_id FROM rights_deal WHERE org_id = :org_id AND id = :id"};
const struct db_statement deal_update = {
    "rights.deal_update",
    "UPDATE rights_deal SET reference = COALESCE(:reference, reference), status = COALESCE(:status, status), "
    "may_sublicense = COALESCE(:may_sublicense, may_sublicense), version = version + 1 WHERE org_id = :org_id AND id = :id"};
#define DEAL_COLUMNS                                                                                                                          \
    "SELECT d.id, d.public_id, d.direction, d.reference, d.status, d.may_sublicense, d.version, d.created_s, parent.public_id AS parent, "     \
    "y.id AS party_id, y.public_id AS party_public_id, y.name AS party_name, y.country AS party_country, y.kind AS party_kind, "               \
    "y.is_us AS party_is_us, (SELECT COUNT(*) FROM rights_line l WHERE l.deal_id = d.id) - "                                                   \
    "(SELECT COUNT(*) FROM rights_line l JOIN rights_withdrawal w ON w.line_id = l.id WHERE l.deal_id = d.id) AS line_count "                  \
    "FROM rights_deal d JOIN rights_party y ON y.id = d.party_id LEFT JOIN rights_deal parent ON parent.id = d.parent_id WHERE d.org_id = :org_id "
const struct db_statement deal_list = {
    "rights.deal_list", DEAL_COLUMNS "AND (:status < 0 OR d.status = :status) AND (:party_id = 0 OR d.party_id = :party_id) ORDER BY d.reference, d.id LIMIT :limit"};
const struct db_statement deal_find = {"rights.deal_find", DEAL_COLUMNS "AND d.public_id = :public_id"};
const struct db_statement deal_versions = {
    "rights.deal_versions",
    "SELECT v.version, v.known_s, v.user_id, v.reference, v.status, v.may_sublicense FROM rights_deal_version v "
    "JOIN rights_deal d ON d.id = v.deal_id WHERE d.org_id = :org_id AND d.public_id = :public_id ORDER BY v.version LIMIT :limit"};
const struct db_statement deal_house = {"rights.deal_house", "SELECT id FROM rights_deal WHERE org_id = :org_id AND is_house = 1"};
const struct db_statement deal_by_reference = {
    "rights.deal_by_reference",
    "SELECT d.id, d.direction, d.status, y.name, y.is_us FROM rights_deal d JOIN rights_party y ON y.id = d.party_id "
    "WHERE d.org_id = :org_id AND d.reference = :reference"};

/* --- sets and lines --- */

const struct db_statement set_find = {"rights.set_find", "SELECT id FROM rights_set WHERE org_id = :org_id AND kind = :kind AND text = :text"};
const struct db_statement set_insert = {"rights.set_insert", "INSERT INTO rights_set(id, org_id, kind, text) VALUES(:id, :org_id, :kind, :text)"};

#define LINE_COLUMNS                                                                                                                         \
    "id, org_id, public_id, deal_id, title_id, effect, media, territories_id, languages_id, starts_s, ends_s, is_exclusive, may_sublicense, " \
    "plays_max, note, known_s"
const struct db_statement line_insert = {
    "rights.line_insert",
    "INSERT INTO rights_line(" LINE_COLUMNS ") VALUES(:id, :org_id, :public_id, :deal_id, :title_id, :effect, :media, :territories_id, :languages_id, "
    ":starts_s, :ends_s, :is_exclusive, :may_sublicense, :plays_max, :note, :known_s)"};
/* Many at once, as a JSON array of arrays; PostgreSQL's alone (import.c says why). */
const struct db_statement line_insert_many = {
    "rights.line_insert_many",
    "INSERT INTO rights_line(" LINE_COLUMNS ") SELECT (j ->> 0)::BIGINT, :org_id, j ->> 1, (j ->> 2)::BIGINT, (j ->> 3)::BIGINT, "
    "(j ->> 4)::BIGINT, (j ->> 5)::BIGINT, (j ->> 6)::BIGINT, (j ->> 7)::BIGINT, (j ->> 8)::BIGINT, (j ->> 9)::BIGINT, "
    "(j ->> 10)::BIGINT, (j ->> 11)::BIGINT, (j ->> 12)::BIGINT, j ->> 13, :known_s FROM json_array_elements(:rows::json) AS a(j)"};
const struct db_statement line_find = {
    "rights.line_find",
    "SELECT l.id, l.deal_id, l.title_id, w.known_s AS withdrawn_s FROM rights_line l LEFT JOIN rights_withdrawal w ON w.line_id = l.id "
    "WHERE l.org_id = :org_id AND l.public_id = :public_id"};
const struct db_statement line_withdraw = {
    "rights.line_withdraw", "INSERT INTO rights_withdrawal(line_id, org_id, known_s) VALUES(:id, :org_id, :known_s) ON CONFLICT DO NOTHING"};
const struct db_statement title_is_ours = {"rights.title_is_ours", "SELECT COUNT(*) FROM title WHERE org_id = :org_id AND id = :id"};
const struct db_statement line_public_id = {"rights.line_public_id", "SELECT public_id FROM rights_line WHERE org_id = :org_id AND id = :id"};

const struct db_statement line_public_ids = {
    "rights.line_public_ids", "SELECT id, public_id FROM rights_line WHERE org_id = :org_id AND id > :after ORDER BY id LIMIT :limit"};

/* A deal is what its newest version of then says. */
#define ROW_COLUMNS                                                                                                                          \
    "SELECT l.id, l.public_id, l.deal_id, l.title_id, t.public_id AS title, l.effect, l.media, ts.text AS territories, ls.text AS languages, " \
    "l.starts_s, l.ends_s, l.is_exclusive, l.may_sublicense, l.plays_max, l.note, l.known_s, w.known_s AS withdrawn_s, p.plays, p.spent_s, "   \
    "d.public_id AS deal, d.direction, d.created_s, v.version, v.reference, v.status, v.may_sublicense AS deal_may_sublicense, d.parent_id, "  \
    "y.id AS party_id, y.public_id AS party_public_id, y.name AS party_name, y.country AS party_country, y.kind AS party_kind, "               \
    "y.is_us AS party_is_us FROM rights_line l JOIN rights_deal d ON d.id = l.deal_id JOIN rights_party y ON y.id = d.party_id "               \
    "JOIN rights_deal_version v ON v.deal_id = d.id AND v.version = (SELECT MAX(x.version) FROM rights_deal_version x "                        \
    "WHERE x.deal_id = d.id AND x.known_s <= :known_s) "                                                                                       \
    "JOIN rights_set ts ON ts.id = l.territories_id JOIN rights_set ls ON ls.id = l.languages_id "                                             \
    "LEFT JOIN rights_withdrawal w ON w.line_id = l.id AND w.known_s <= :known_s LEFT JOIN rights_play p ON p.line_id = l.id "                 \
    "LEFT JOIN title t ON t.id = l.title_id AND t.org_id = l.org_id WHERE l.org_id = :org_id AND l.known_s <= :known_s "                       \
    "AND (:with_withdrawn = 1 OR w.line_id IS NULL) "
const struct db_statement line_rows_of_titles = {
    "rights.line_rows_of_titles", ROW_COLUMNS "AND l.title_id IN(:title_0, :title_1, :title_2) ORDER BY l.id LIMIT :limit"};
const struct db_statement line_rows_of_deal = {
    "rights.line_rows_of_deal", ROW_COLUMNS "AND l.deal_id = (SELECT id FROM rights_deal WHERE org_id = :org_id AND public_id = :deal) ORDER BY l.id LIMIT :limit"};
const struct db_statement line_rows_of_id = {"rights.line_rows_of_id", ROW_COLUMNS "AND l.id = :line_id ORDER BY l.id LIMIT :limit"};

/* --- plays --- */

const struct db_statement play_count = {
    "rights.play_count",
    "INSERT INTO rights_play(line_id, org_id, plays, spent_s) SELECT id, org_id, 1, 0 FROM rights_line WHERE org_id = :org_id AND id = :id "
    "AND plays_max > 0 ON CONFLICT(line_id) DO UPDATE SET plays = rights_play.plays + 1 RETURNING plays"};
const struct db_statement play_spend = {
    "rights.play_spend",
    "UPDATE rights_play SET spent_s = :known_s WHERE org_id = :org_id AND line_id = :id AND spent_s = 0 "
    "AND plays >= (SELECT plays_max FROM rights_line WHERE id = :id)"};

/* --- folding --- */

#define FOLD_DEAL "SELECT id, party_id, parent_id, direction, status, may_sublicense FROM rights_deal WHERE "
const struct db_statement fold_deals = {"rights.fold_deals", FOLD_DEAL "id > :after ORDER BY id LIMIT :limit"};
const struct db_statement fold_deal = {"rights.fold_deal", FOLD_DEAL "id = :id"};
const struct db_statement fold_sets = {"rights.fold_sets", "SELECT id, kind, text FROM rights_set WHERE id > :after ORDER BY id LIMIT :limit"};
/* A million of these: everything small is packed into one column, for a cell costs more than what is in it. */
#define FOLD_LINE                                                                                                                \
    "SELECT l.id, l.deal_id, l.title_id, l.territories_id, l.languages_id, l.starts_s, l.ends_s, l.effect + 4 * l.is_exclusive + " \
    "8 * l.may_sublicense + CASE WHEN l.plays_max > 0 THEN 16 ELSE 0 END + 256 * l.media AS packed FROM rights_line l WHERE "
const struct db_statement fold_lines = {"rights.fold_lines", FOLD_LINE "l.id > :after ORDER BY l.id LIMIT :limit"};
const struct db_statement fold_withdrawals = {"rights.fold_withdrawals", "SELECT line_id FROM rights_withdrawal WHERE line_id > :after ORDER BY line_id LIMIT :limit"};
const struct db_statement fold_spent = {
    "rights.fold_spent", "SELECT line_id FROM rights_play WHERE line_id > :after AND spent_s > 0 ORDER BY line_id LIMIT :limit"};
const struct db_statement fold_title = {
    "rights.fold_title",
    FOLD_LINE "l.title_id = :title_id AND l.id > :after AND NOT EXISTS(SELECT 1 FROM rights_withdrawal w WHERE w.line_id = l.id) "
              "ORDER BY l.id LIMIT :limit"};
const struct db_statement fold_title_spent = {
    "rights.fold_title_spent",
    "SELECT p.line_id FROM rights_play p JOIN rights_line l ON l.id = p.line_id WHERE l.title_id = :title_id AND p.spent_s > 0 ORDER BY p.line_id LIMIT :limit"};

/* --- organisations of before --- */

const struct db_statement adopt_orgs = {"rights.adopt_orgs", "SELECT org_id FROM rights_adopt ORDER BY org_id LIMIT :limit"};
const struct db_statement adopt_done = {"rights.adopt_done", "DELETE FROM rights_adopt WHERE org_id = :org_id"};
const struct db_statement adopt_titles = {"rights.adopt_titles", "SELECT id FROM title WHERE org_id = :org_id AND id > :after ORDER BY id LIMIT :limit"};
