/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Lists for pages: accounts, and the transfers of one account. These come from two places that may overlap:
 *
 *   ledger_history       sealed blocks that were listed, and those that came late       by (account, moment)
 *   the table's end      ids above what was listed: read through, a few thousand rows
 *
 * Both are read in the same moment (one db_read), merged by moment, and a transfer that is in both is taken once. */
#include <stdlib.h>

#include "business/ledger/room.h"

enum { TAIL_MAX = 1000000 };

#define ACCOUNT_FIELDS                                                                                                              \
    "a.id AS id, a.org_id AS org_id, a.public_id AS public_id, a.ledger AS ledger, a.code AS code, a.owner_id AS owner_id,"         \
    " a.about_id AS about_id, a.tag AS tag, a.flags AS flags, a.at AS at, b.debits_pending AS debits_pending,"                      \
    " b.debits_posted AS debits_posted, b.credits_pending AS credits_pending, b.credits_posted AS credits_posted, b.is_closed AS is_closed" \
    " FROM ledger_account a JOIN ledger_balance b ON b.id = a.id"
/* Accounts are listed in the order of their index: by ledger, code, owner. There are few kinds (ledger, code) and perhaps millions of owners, so the kinds are sought one after the
 * other and each is read from where the page begins: what a filter leaves out is not even looked at. */
static const struct db_statement kind_from = {
    "ledger.kind_from", "SELECT ledger, code FROM ledger_account WHERE org_id = :org_id AND (ledger, code) >= (:ledger, :code) ORDER BY ledger, code LIMIT 1"};
#define OF_KIND "SELECT " ACCOUNT_FIELDS " WHERE a.org_id = :org_id AND a.ledger = :ledger AND a.code = :code AND "
static const struct db_statement accounts_of_kind = {"ledger.accounts_of_kind", OF_KIND "(a.owner_id, a.id) > (:owner_id, :id) ORDER BY a.owner_id, a.id LIMIT :limit"};
static const struct db_statement accounts_of_owner = {"ledger.accounts_of_owner", OF_KIND "a.owner_id = :owner_id AND a.id > :id ORDER BY a.id LIMIT :limit"};
static const struct db_statement account_by_name = {"ledger.account_by_name", "SELECT " ACCOUNT_FIELDS " WHERE a.org_id = :org_id AND a.public_id = :public_id"};
static const struct db_statement account_by_id = {"ledger.account_of_org", "SELECT " ACCOUNT_FIELDS " WHERE a.org_id = :org_id AND a.id = :id"};

/* The two places as one: those that were listed, and those of the end that were not. */
#define TRANSFER_FIELDS                                                                                                              \
    "t.id AS id, t.debit_id AS debit_id, t.credit_id AS credit_id, t.amount AS amount, t.pending_id AS pending_id, t.order_id AS order_id," \
    " t.about_id AS about_id, t.tag AS tag, t.timeout_s AS timeout_s, t.ledger AS ledger, t.code AS code, t.flags AS flags, t.at AS at,"    \
    " t.debit_balance AS debit_balance, t.credit_balance AS credit_balance"
static const struct db_statement listed_page = {
    "ledger.listed_page",
    "SELECT " TRANSFER_FIELDS ", coalesce(h.state, 0) AS state, coalesce(r.numerator, 0) AS numerator, coalesce(r.denominator, 0) AS denominator"
    " FROM ledger_history x JOIN ledger_transfer t ON t.id = x.transfer_id"
    " LEFT JOIN ledger_hold h ON h.id = t.id LEFT JOIN ledger_rate r ON r.id = t.id"
    " WHERE x.account_id = :account_id AND x.at > :after AND x.at < :to ORDER BY x.at LIMIT :limit"};
static const struct db_statement tail_page = {
    "ledger.tail_page",
    "SELECT " TRANSFER_FIELDS ", coalesce(h.state, 0) AS state, coalesce(r.numerator, 0) AS numerator, coalesce(r.denominator, 0) AS denominator"
    " FROM ledger_transfer t LEFT JOIN ledger_hold h ON h.id = t.id LEFT JOIN ledger_rate r ON r.id = t.id"
    " WHERE t.id > (SELECT id_max FROM ledger_listed WHERE id = 1) AND (t.debit_id = :account_id OR t.credit_id = :account_id)"
    " AND t.at > :after AND t.at < :to ORDER BY t.at LIMIT :limit"};
/* The newest before a moment, of either place: where the account stood. */
static const struct db_statement listed_before = {
    "ledger.listed_before", "SELECT " TRANSFER_FIELDS " FROM ledger_history x JOIN ledger_transfer t ON t.id = x.transfer_id"
                            " WHERE x.account_id = :account_id AND x.at < :to ORDER BY x.at DESC LIMIT 1"};
static const struct db_statement tail_before = {
    "ledger.tail_before", "SELECT " TRANSFER_FIELDS " FROM ledger_transfer t WHERE t.id > (SELECT id_max FROM ledger_listed WHERE id = 1)"
                          " AND (t.debit_id = :account_id OR t.credit_id = :account_id) AND t.at < :to ORDER BY t.at DESC LIMIT 1"};

/* --- accounts --- */

struct err ledger_account_by_public_id(struct ledger *l, struct db_tx *tx, int64_t org_id, struct slice public_id, struct ledger_account *out) {
    struct arena *arena = arena_create(64 << 10);
    if (!arena) return err_memory();
    struct db_rows rows;
    struct public_id parsed;
    struct err e = public_id_parse(public_id, &parsed) ? ERR_OK : ledger_missing();
    if (!e.kind) e = DB_QUERY(tx, arena, &rows, &account_by_name, DB_INT("org_id", org_id), DB_TEXT("public_id", public_id_slice(&parsed)));
    if (!e.kind && !rows.count) e = ledger_missing();
    if (!e.kind) row_account(&rows, 0, out);
    arena_destroy(&arena);
    return e;
}

static struct err account_of_org(struct db_tx *tx, struct arena *arena, int64_t org_id, int64_t id, struct ledger_account *out) {
    struct db_rows rows;
    struct err e = DB_QUERY(tx, arena, &rows, &account_by_id, DB_INT("org_id", org_id), DB_INT("id", id));
    if (e.kind) return e;
    if (!rows.count) return ledger_missing();
    row_account(&rows, 0, out);
    return ERR_OK;
}

struct kind {
    int32_t ledger, code;
};

/* ("At least the next code" rather than "more than this one": for that SQLite would step through all accounts of this one.) The next kind that the filter lets through. Of one code each ledger is tried, also one that has none of it. */
static struct err kind_step(struct db_tx *tx, int64_t org_id, const struct ledger_account_filter *f, struct kind *k, bool *is_there) {
    struct db_rows rows;
    struct arena *arena = arena_create(64 << 10);
    struct err e = arena ? DB_QUERY(tx, arena, &rows, &kind_from, DB_INT("org_id", org_id), DB_INT("ledger", k->ledger), DB_INT("code", (int64_t)(f->code ? INT32_MAX : k->code) + 1)) : err_memory();
    *is_there = !e.kind && rows.count && (!f->ledger || db_int(&rows, 0, "ledger") == f->ledger);
    if (*is_there) *k = (struct kind){(int32_t)db_int(&rows, 0, "ledger"), f->code ? f->code : (int32_t)db_int(&rows, 0, "code")};
    arena_destroy(&arena);
    return e;
}

struct err ledger_account_list(struct ledger *l, struct db_tx *tx, struct arena *arena, int64_t org_id, const struct ledger_account_filter *f,
                               struct ledger_accounts *out) {
    size_t limit = f->limit < 1 ? 1 : f->limit > 500 ? 500 : f->limit, count = 0;
    struct ledger_account *items = arena_alloc_array(arena, limit + 1, sizeof *items), last = {0};
    struct err e = items ? ERR_OK : err_memory();
    if (!e.kind && f->after_id) e = account_of_org(tx, arena, org_id, f->after_id, &last);
    if (e.kind) return e;
    struct kind at = f->after_id ? (struct kind){last.ledger, last.code} : f->ledger && f->code ? (struct kind){f->ledger, f->code} : (struct kind){f->ledger ? f->ledger : -1, -1};
    bool is_there = f->after_id || (f->ledger && f->code), is_begun = f->after_id != 0;
    if (!is_there) e = kind_step(tx, org_id, f, &at, &is_there);
    while (!e.kind && is_there && count <= limit) {
        bool is_of_owner = f->owner_id || (f->is_owned_left_out && at.code != LEDGER_CODE_CLEARING); /* else of all of them */
        struct db_rows rows;
        e = DB_QUERY(tx, arena, &rows, is_of_owner ? &accounts_of_owner : &accounts_of_kind, DB_INT("org_id", org_id), DB_INT("ledger", at.ledger), DB_INT("code", at.code),
                     DB_INT("owner_id", is_of_owner ? f->owner_id : is_begun ? last.owner_id : -1), DB_INT("id", is_begun ? last.id : -1), DB_INT("limit", (int64_t)(limit + 1 - count)));
        for (size_t i = 0; !e.kind && i < rows.count; i++) row_account(&rows, i, &items[count++]);
        is_begun = is_there = false;
        if (!e.kind && !(f->ledger && f->code)) e = kind_step(tx, org_id, f, &at, &is_there);
    }
    if (e.kind) return e;
    bool has_more = count > limit;
    if (has_more) count = limit;
    *out = (struct ledger_accounts){.items = items, .count = count, .next = has_more ? items[count - 1].id : 0};
    return ERR_OK;
}

/* --- transfers of one account --- */

struct line {
    struct ledger_transfer transfer;
    enum ledger_hold hold;
    int64_t numerator, denominator;
};
struct lines {
    struct line *items;
    size_t count;
};

static int line_order(const void *a, const void *b) {
    int64_t x = ((const struct line *)a)->transfer.at_ns, y = ((const struct line *)b)->transfer.at_ns;
    return (x > y) - (x < y);
}

/* The first `limit` with after < at < to, oldest first. */
static struct err lines_read(struct db_tx *tx, struct arena *arena, int64_t account_id, int64_t after, int64_t to, size_t limit, struct lines *out) {
    struct db_rows pages[2];
    const struct db_statement *const places[] = {&listed_page, &tail_page};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct err e = DB_QUERY(tx, arena, &pages[i], places[i], DB_INT("account_id", account_id), DB_INT("after", after), DB_INT("to", to),
                                DB_INT("limit", (int64_t)limit));
        if (e.kind) return e;
    }
    struct line *items = arena_alloc_array(arena, pages[0].count + pages[1].count + 1, sizeof *items);
    if (!items) return err_memory();
    size_t count = 0;
    for (size_t p = 0; p < ARRAY_LEN(pages); p++)
        for (size_t i = 0; i < pages[p].count; i++) {
            struct line *line = &items[count++];
            row_transfer(&pages[p], i, &line->transfer);
            line->hold = (enum ledger_hold)db_int(&pages[p], i, "state");
            line->numerator = db_int(&pages[p], i, "numerator");
            line->denominator = db_int(&pages[p], i, "denominator");
        }
    if (count) qsort(items, count, sizeof *items, line_order);
    size_t kept = 0;
    for (size_t i = 0; i < count && kept < limit; i++)
        if (!kept || items[i].transfer.at_ns != items[kept - 1].transfer.at_ns) items[kept++] = items[i];
    *out = (struct lines){items, kept};
    return ERR_OK;
}

struct err ledger_transfers_of_account(struct ledger *l, struct db_tx *tx, struct arena *arena, int64_t org_id, int64_t account_id, int64_t after_ns,
                                       size_t limit, struct ledger_transfers *out) {
    if (limit < 1) limit = 1;
    if (limit > 1000) limit = 1000;
    struct ledger_account account;
    struct lines lines;
    struct err e = account_of_org(tx, arena, org_id, account_id, &account);
    if (!e.kind) e = lines_read(tx, arena, account_id, after_ns, INT64_MAX, limit + 1, &lines);
    if (e.kind) return e;
    size_t count = lines.count > limit ? limit : lines.count;
    struct ledger_transfer_row *items = arena_alloc_array(arena, count + 1, sizeof *items);
    if (!items) return err_memory();
    for (size_t i = 0; i < count; i++) items[i] = (struct ledger_transfer_row){lines.items[i].transfer, lines.items[i].hold};
    *out = (struct ledger_transfers){.items = items, .count = count, .next = lines.count > limit ? items[count - 1].transfer.at_ns : 0};
    return ERR_OK;
}

/* --- statements --- */

static int64_t balance_of(const struct ledger_transfer *t, int64_t account_id) { return t->debit_id == account_id ? t->debit_balance : t->credit_balance; }

static struct err balance_before(struct db_tx *tx, struct arena *arena, int64_t account_id, int64_t to, int64_t *out) {
    const struct db_statement *const places[] = {&listed_before, &tail_before};
    struct ledger_transfer newest = {0};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct db_rows rows;
        struct ledger_transfer t;
        struct err e = DB_QUERY(tx, arena, &rows, places[i], DB_INT("account_id", account_id), DB_INT("to", to));
        if (e.kind) return e;
        if (!rows.count) continue;
        row_transfer(&rows, 0, &t);
        if (t.at_ns > newest.at_ns) newest = t;
    }
    *out = newest.at_ns ? balance_of(&newest, account_id) : 0;
    return ERR_OK;
}

static bool is_posted(const struct ledger_transfer *t) { return !(t->flags & (LEDGER_PENDING | LEDGER_VOID_PENDING)); }

struct err ledger_statement(struct ledger *l, struct db_tx *tx, struct arena *arena, int64_t org_id, int64_t account_id, int64_t from_ns, int64_t to_ns,
                            int64_t after_ns, size_t limit, struct ledger_statement *out) {
    if (from_ns > to_ns) return err_make(ERR_INPUT, "ledger.period", "The period ends before it begins.");
    if (limit < 1) limit = 1;
    if (limit > 1000) limit = 1000;
    struct ledger_statement s = {0};
    struct err e = account_of_org(tx, arena, org_id, account_id, &s.account);
    if (!e.kind) e = balance_before(tx, arena, account_id, from_ns, &s.opening);
    if (!e.kind) e = balance_before(tx, arena, account_id, to_ns, &s.closing);
    struct ledger_statement_row *rows = e.kind ? NULL : arena_alloc_array(arena, limit + 1, sizeof *rows);
    if (!e.kind && !rows) e = err_memory();
    /* Holds and voids are left out, so a page may take several reads. */
    int64_t after = after_ns >= from_ns ? after_ns : from_ns - 1;
    bool is_all = false;
    while (!e.kind && s.count <= limit && !is_all) {
        struct lines lines;
        e = lines_read(tx, arena, account_id, after, to_ns, limit + 1, &lines);
        if (e.kind) break;
        is_all = lines.count < limit + 1;
        for (size_t i = 0; i < lines.count && s.count <= limit; i++) {
            const struct line *line = &lines.items[i];
            after = line->transfer.at_ns;
            if (!is_posted(&line->transfer)) continue;
            if (s.count == limit) { /* there is one more */
                s.next = rows[limit - 1].transfer.at_ns;
                is_all = true;
                break;
            }
            bool is_debit = line->transfer.debit_id == account_id;
            struct ledger_statement_row *row = &rows[s.count++];
            *row = (struct ledger_statement_row){.transfer = line->transfer, .balance = balance_of(&line->transfer, account_id),
                                                 .rate_numerator = line->numerator, .rate_denominator = line->denominator};
            *(is_debit ? &row->debit : &row->credit) = line->transfer.amount;
        }
    }
    for (size_t i = 0; i < s.count && !e.kind; i++) {
        const struct ledger_transfer *t = &rows[i].transfer;
        int64_t counter_id = t->debit_id == account_id ? t->credit_id : t->debit_id;
        bool is_same = i && rows[i - 1].counter.id == counter_id;
        if (is_same) rows[i].counter = rows[i - 1].counter;
        else e = account_of_org(tx, arena, org_id, counter_id, &rows[i].counter);
    }
    if (e.kind) return e;
    s.rows = rows;
    *out = s;
    return ERR_OK;
}
