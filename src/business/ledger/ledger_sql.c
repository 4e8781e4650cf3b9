/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The ledger's tables and all its statements.
 *
 *   ledger_account   who and what; never changes
 *   ledger_balance   its four counters, apart, so that the rows that are written all the time are short: 100 to a page
 *   ledger_transfer  never changes. The id is the key (in SQLite the place in the file), so that the idempotency key costs no tree of its own
 *   ledger_hold      what became of pending transfers
 *   ledger_refusal   ids that are used up
 *   ledger_rate      beside the two transfers of a crossing
 *   ledger_block     4096 transfers in the order of `at`, with the sum over all their fields and a seal over all blocks up to it
 *   ledger_state     one row: how far the book has come, and who holds it (fence). Written by each group that moves value
 *   ledger_listed    one row: how far ledger_history has come
 *   ledger_check     what checks found, noted
 *   ledger_history   transfers by account, written behind the writer (follow.c) */
#include <string.h>

#include "business/ledger/room.h"

#define TABLES                                                                                                                              \
    "CREATE TABLE ledger_account(id $ID, org_id $INT NOT NULL, public_id $TEXT NOT NULL UNIQUE, ledger $INT NOT NULL, code $INT NOT NULL,"  \
    " owner_id $INT NOT NULL, about_id $INT NOT NULL, tag $INT NOT NULL, flags $INT NOT NULL, at $INT NOT NULL) $TABLE;"                     \
    "CREATE INDEX ledger_account_by_key ON ledger_account(org_id, ledger, code, owner_id);"                                                 \
    "CREATE TABLE ledger_balance(id $ID, debits_pending $INT NOT NULL, debits_posted $INT NOT NULL, credits_pending $INT NOT NULL,"         \
    " credits_posted $INT NOT NULL, is_closed $INT NOT NULL,"                                                                               \
    " CHECK(debits_pending >= 0 AND debits_posted >= 0 AND credits_pending >= 0 AND credits_posted >= 0)) $TABLE;"                           \
    "CREATE TABLE ledger_transfer(id $ID, debit_id $INT NOT NULL, credit_id $INT NOT NULL, amount $INT NOT NULL, pending_id $INT NOT NULL,"  \
    " order_id $INT NOT NULL, about_id $INT NOT NULL, tag $INT NOT NULL, timeout_s $INT NOT NULL, ledger $INT NOT NULL, code $INT NOT NULL," \
    " flags $INT NOT NULL, at $INT NOT NULL, debit_balance $INT NOT NULL, credit_balance $INT NOT NULL) $TABLE;"                             \
    "CREATE TABLE ledger_hold(id $ID, state $INT NOT NULL, expires_at $INT NOT NULL, ended_at $INT NOT NULL, ended_by $INT NOT NULL) $TABLE;" \
    "CREATE INDEX ledger_hold_due ON ledger_hold(expires_at) WHERE state = 1 AND expires_at > 0;"                                           \
    "CREATE TABLE ledger_refusal(id $ID, at $INT NOT NULL) $TABLE;"                                                                         \
    "CREATE TABLE ledger_rate(id $ID, other_id $INT NOT NULL, numerator $INT NOT NULL, denominator $INT NOT NULL) $TABLE;"                  \
    "CREATE TABLE ledger_block(id $ID, transfers $INT NOT NULL, id_max $INT NOT NULL, at_last $INT NOT NULL, sum $INT NOT NULL,"            \
    " seal_high $INT NOT NULL, seal_low $INT NOT NULL) $TABLE;"                                                                             \
    "CREATE TABLE ledger_state(id $ID, fence $INT NOT NULL, at_last $INT NOT NULL, id_max $INT NOT NULL, blocks $INT NOT NULL,"             \
    " block_id_max $INT NOT NULL, open_transfers $INT NOT NULL, open_sum $INT NOT NULL, seal_high $INT NOT NULL, seal_low $INT NOT NULL) $TABLE;" \
    "INSERT INTO ledger_state VALUES (1, 0, 0, 0, 0, 0, 0, 0, 0, 0);"                                                                       \
    "CREATE TABLE ledger_history(account_id $INT NOT NULL, at $INT NOT NULL, transfer_id $INT NOT NULL, PRIMARY KEY(account_id, at)) $KEYED;" \
    "CREATE TABLE ledger_listed(id $ID, blocks $INT NOT NULL, id_max $INT NOT NULL) $TABLE;"                                                \
    "INSERT INTO ledger_listed VALUES (1, 0, 0);"

/* Half of each page stays free for the next versions of its rows, which then need no new entry in any index. */
#define TABLES_POSTGRES                                       \
    TABLES                                                    \
    "ALTER TABLE ledger_balance SET (fillfactor = 50);"       \
    "ALTER TABLE ledger_state SET (fillfactor = 10);"

static const struct db_migration migrations[] = {
    {TABLES, TABLES_POSTGRES},
    {"CREATE TABLE ledger_check(id $ID, at $INT NOT NULL, transfers $INT NOT NULL, accounts $INT NOT NULL, differences $INT NOT NULL, seal $TEXT NOT NULL,"
     " seal_transfers $INT NOT NULL, took_ms $INT NOT NULL) $TABLE;"},
};
const struct db_schema ledger_schema = {"ledger", migrations, 2};

/* --- rows --- */

#define ACCOUNT_COLUMNS                                                                                                             \
    "a.id AS id, a.org_id AS org_id, a.public_id AS public_id, a.ledger AS ledger, a.code AS code, a.owner_id AS owner_id,"         \
    " a.about_id AS about_id, a.tag AS tag, a.flags AS flags, a.at AS at, b.debits_pending AS debits_pending,"                      \
    " b.debits_posted AS debits_posted, b.credits_pending AS credits_pending, b.credits_posted AS credits_posted, b.is_closed AS is_closed"
#define ACCOUNT_FROM " FROM ledger_account a JOIN ledger_balance b ON b.id = a.id"

void row_account(const struct db_rows *r, size_t i, struct ledger_account *out) {
    *out = (struct ledger_account){.id = db_int(r, i, "id"),
                                   .org_id = db_int(r, i, "org_id"),
                                   .owner_id = db_int(r, i, "owner_id"),
                                   .about_id = db_int(r, i, "about_id"),
                                   .tag = db_int(r, i, "tag"),
                                   .ledger = (int32_t)db_int(r, i, "ledger"),
                                   .code = (int32_t)db_int(r, i, "code"),
                                   .flags = (uint32_t)db_int(r, i, "flags") | (db_int(r, i, "is_closed") ? LEDGER_CLOSED : 0),
                                   .debits_pending = db_int(r, i, "debits_pending"),
                                   .debits_posted = db_int(r, i, "debits_posted"),
                                   .credits_pending = db_int(r, i, "credits_pending"),
                                   .credits_posted = db_int(r, i, "credits_posted"),
                                   .at_ns = db_int(r, i, "at")};
    (void)public_id_parse(db_text(r, i, "public_id"), &out->public_id);
}

#define TRANSFER_COLUMNS_OF(t)                                                                                                                 \
    t "id AS id, " t "debit_id AS debit_id, " t "credit_id AS credit_id, " t "amount AS amount, " t "pending_id AS pending_id, " t             \
      "order_id AS order_id, " t "about_id AS about_id, " t "tag AS tag, " t "timeout_s AS timeout_s, " t "ledger AS ledger, " t "code AS code, " t \
      "flags AS flags, " t "at AS at, " t "debit_balance AS debit_balance, " t "credit_balance AS credit_balance"
const char *const transfer_columns[TRANSFER_COLUMNS] = {"id",     "debit_id", "credit_id", "amount", "pending_id", "order_id",      "about_id",      "tag",
                                                        "timeout_s", "ledger",   "code",      "flags",  "at",         "debit_balance", "credit_balance"};

void row_transfer(const struct db_rows *r, size_t i, struct ledger_transfer *out) {
    *out = (struct ledger_transfer){.id = db_int(r, i, "id"),
                                    .debit_id = db_int(r, i, "debit_id"),
                                    .credit_id = db_int(r, i, "credit_id"),
                                    .amount = db_int(r, i, "amount"),
                                    .pending_id = db_int(r, i, "pending_id"),
                                    .order_id = db_int(r, i, "order_id"),
                                    .about_id = db_int(r, i, "about_id"),
                                    .tag = db_int(r, i, "tag"),
                                    .timeout_s = (int32_t)db_int(r, i, "timeout_s"),
                                    .ledger = (int32_t)db_int(r, i, "ledger"),
                                    .code = (int32_t)db_int(r, i, "code"),
                                    .flags = (uint32_t)db_int(r, i, "flags"),
                                    .at_ns = db_int(r, i, "at"),
                                    .debit_balance = db_int(r, i, "debit_balance"),
                                    .credit_balance = db_int(r, i, "credit_balance")};
}

#define HOLD_COLUMNS TRANSFER_COLUMNS_OF("t.") ", h.state AS state, h.expires_at AS expires_at, h.ended_at AS ended_at, h.ended_by AS ended_by"
#define HOLD_FROM " FROM ledger_hold h JOIN ledger_transfer t ON t.id = h.id"

void row_hold(const struct db_rows *r, size_t i, struct hold *out) {
    *out = (struct hold){.state = (enum ledger_hold)db_int(r, i, "state"),
                         .expires_at = db_int(r, i, "expires_at"),
                         .ended_at = db_int(r, i, "ended_at"),
                         .ended_by = db_int(r, i, "ended_by")};
    row_transfer(r, i, &out->t);
}

/* --- looking --- */

static const struct db_statement account_by_id = {"ledger.account_by_id", "SELECT " ACCOUNT_COLUMNS ACCOUNT_FROM " WHERE a.id = :id"};
static const struct db_statement account_by_key = {
    "ledger.account_by_key",
    "SELECT " ACCOUNT_COLUMNS ACCOUNT_FROM " WHERE a.org_id = :org_id AND a.ledger = :ledger AND a.code = :code AND a.owner_id = :owner_id"
    " ORDER BY a.id LIMIT 1"};
const struct db_statement accounts_by_ids = {"ledger.accounts_by_ids", NULL, "SELECT " ACCOUNT_COLUMNS ACCOUNT_FROM " WHERE a.id = ANY(:ids)"};
static const struct db_statement transfer_by_id = {"ledger.transfer_by_id", "SELECT " TRANSFER_COLUMNS_OF("") " FROM ledger_transfer WHERE id = :id"};
static const struct db_statement refusal_by_id = {"ledger.refusal_by_id", "SELECT at FROM ledger_refusal WHERE id = :id"};
static const struct db_statement hold_by_id = {"ledger.hold_by_id", "SELECT " HOLD_COLUMNS HOLD_FROM " WHERE h.id = :id"};
const struct db_statement holds_by_ids = {"ledger.holds_by_ids", NULL, "SELECT " HOLD_COLUMNS HOLD_FROM " WHERE h.id = ANY(:ids)"};
const struct db_statement holds_due = {"ledger.holds_due",
                                       "SELECT " HOLD_COLUMNS HOLD_FROM
                                       " WHERE h.state = 1 AND h.expires_at > 0 AND h.expires_at <= :now ORDER BY h.expires_at LIMIT :limit"};
const struct db_statement hold_next_due = {"ledger.hold_next_due", "SELECT min(expires_at) FROM ledger_hold WHERE state = 1 AND expires_at > 0"};

struct err ledger_missing(void) { return err_make(ERR_NOT_FOUND, "ledger.missing", "There is no such account or booking."); }

struct err sql_account(struct db_tx *tx, struct arena *arena, int64_t id, struct ledger_account *out, bool *was_found) {
    struct db_rows rows;
    struct err e = DB_QUERY(tx, arena, &rows, &account_by_id, DB_INT("id", id));
    if (e.kind) return e;
    *was_found = rows.count > 0;
    if (rows.count) row_account(&rows, 0, out);
    return ERR_OK;
}

struct err sql_account_by_key(struct db_tx *tx, struct arena *arena, int64_t org_id, int32_t ledger, int32_t code, int64_t owner_id, struct ledger_account *out,
                              bool *was_found) {
    struct db_rows rows;
    struct err e = DB_QUERY(tx, arena, &rows, &account_by_key, DB_INT("org_id", org_id), DB_INT("ledger", ledger), DB_INT("code", code),
                            DB_INT("owner_id", owner_id));
    if (e.kind) return e;
    *was_found = rows.count > 0;
    if (rows.count) row_account(&rows, 0, out);
    return ERR_OK;
}

struct err sql_transfer(struct db_tx *tx, struct arena *arena, int64_t id, struct recent *out, bool *was_found) {
    struct db_rows rows;
    struct err e = DB_QUERY(tx, arena, &rows, &transfer_by_id, DB_INT("id", id));
    if (e.kind) return e;
    struct recent found = {.is_refused = !rows.count, .t.id = id};
    *was_found = rows.count > 0;
    if (rows.count) {
        row_transfer(&rows, 0, &found.t);
    } else {
        e = DB_QUERY(tx, arena, &rows, &refusal_by_id, DB_INT("id", id));
        if (e.kind) return e;
        *was_found = rows.count > 0;
        if (rows.count) found.t.at_ns = db_int(&rows, 0, "at");
    }
    if (*was_found) *out = found;
    return ERR_OK;
}

struct err sql_hold(struct db_tx *tx, struct arena *arena, int64_t id, struct hold *out, bool *was_found) {
    struct db_rows rows;
    struct err e = DB_QUERY(tx, arena, &rows, &hold_by_id, DB_INT("id", id));
    if (e.kind) return e;
    *was_found = rows.count > 0;
    if (rows.count) row_hold(&rows, 0, out);
    return ERR_OK;
}

/* --- writing --- */

const struct db_statement account_insert = {
    "ledger.account_insert",
    "INSERT INTO ledger_account(id, org_id, public_id, ledger, code, owner_id, about_id, tag, flags, at)"
    " VALUES (:id, :org_id, :public_id, :ledger, :code, :owner_id, :about_id, :tag, :flags, :at)"};
const struct db_statement balance_insert = {"ledger.balance_insert", "INSERT INTO ledger_balance VALUES (:id, 0, 0, 0, 0, :is_closed)"};
/* SQLite: replacing a row of a table without indexes overwrites it in place, without reading the old one. */
const struct db_statement balance_put = {
    "ledger.balance_put",
    "REPLACE INTO ledger_balance VALUES (:id, :debits_pending, :debits_posted, :credits_pending, :credits_posted, :is_closed)",
    "UPDATE ledger_balance b SET debits_pending = n.dp, debits_posted = n.dd, credits_pending = n.cp, credits_posted = n.cc, is_closed = n.closed"
    " FROM unnest(:id, :debits_pending, :debits_posted, :credits_pending, :credits_posted, :is_closed) AS n(id, dp, dd, cp, cc, closed) WHERE b.id = n.id"};
const struct db_statement transfer_insert = {
    "ledger.transfer_insert",
    "INSERT INTO ledger_transfer VALUES (:id, :debit_id, :credit_id, :amount, :pending_id, :order_id, :about_id, :tag, :timeout_s, :ledger, :code,"
    " :flags, :at, :debit_balance, :credit_balance)",
    "INSERT INTO ledger_transfer SELECT * FROM unnest(:id, :debit_id, :credit_id, :amount, :pending_id, :order_id, :about_id, :tag, :timeout_s, :ledger,"
    " :code, :flags, :at, :debit_balance, :credit_balance)"};
const struct db_statement hold_put = {
    "ledger.hold_put",
    "INSERT INTO ledger_hold VALUES (:id, :state, :expires_at, :ended_at, :ended_by) ON CONFLICT(id) DO UPDATE SET state = excluded.state,"
    " ended_at = excluded.ended_at, ended_by = excluded.ended_by",
    "INSERT INTO ledger_hold SELECT * FROM unnest(:id, :state, :expires_at, :ended_at, :ended_by) ON CONFLICT(id) DO UPDATE SET state = excluded.state,"
    " ended_at = excluded.ended_at, ended_by = excluded.ended_by"};
const struct db_statement refusal_insert = {"ledger.refusal_insert", "INSERT INTO ledger_refusal VALUES (:id, :at)",
                                            "INSERT INTO ledger_refusal SELECT * FROM unnest(:id, :at)"};
/* The same row may come twice: a late one is listed at once, and again with its block. */
const struct db_statement history_insert = {
    "ledger.history_insert", "INSERT INTO ledger_history VALUES (:account_id, :at, :transfer_id) ON CONFLICT DO NOTHING",
    "INSERT INTO ledger_history SELECT * FROM unnest(:account_id, :at, :transfer_id) ON CONFLICT DO NOTHING"};
const struct db_statement block_insert = {"ledger.block_insert",
                                          "INSERT INTO ledger_block VALUES (:id, :transfers, :id_max, :at_last, :sum, :seal_high, :seal_low)",
                                          "INSERT INTO ledger_block SELECT * FROM unnest(:id, :transfers, :id_max, :at_last, :sum, :seal_high, :seal_low)"};
#define STATE "SELECT fence, at_last, id_max, blocks, block_id_max, open_transfers, open_sum, seal_high, seal_low FROM ledger_state WHERE id = 1"
const struct db_statement state_get = {"ledger.state_get", STATE, STATE " FOR UPDATE"};
const struct db_statement state_put = {
    "ledger.state_put",
    "UPDATE ledger_state SET fence = :fence, at_last = :at_last, id_max = :id_max, blocks = :blocks, block_id_max = :block_id_max,"
    " open_transfers = :open_transfers, open_sum = :open_sum, seal_high = :seal_high, seal_low = :seal_low"
    " WHERE id = 1 AND fence = :stored_fence AND at_last = :stored_at"};
const struct db_statement rate_insert = {"ledger.rate_insert",
                                         "INSERT INTO ledger_rate VALUES (:id, :other_id, :numerator, :denominator) ON CONFLICT DO NOTHING"};
