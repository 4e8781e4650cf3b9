/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Money that moves, each time on the disk before it is answered. First so many transfers between 10,000 accounts are stored, by the ledger itself. Then, in
 * turns and the best of ROUNDS: groups of 1000; single callers, CALLERS of them at once, each asking again when it is answered; and the same work by
 * plain SQL over the same tables, one transaction for each transfer and one for each 1000, in SQLite (WAL, synchronous=FULL) and PostgreSQL (synchronous_commit,
 * fsync). The peers do less: they look at no limits, no ids used before, and keep no sums. They hold a tenth as many rows. At last all is replayed.
 * Usage: ledger_bench FOLDER TRANSFERS [POSTGRES_URL] */
#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/rng.h"
#include "business/ledger/ledger.h"

enum { ACCOUNTS = 10000, GROUP = 1000, CALLERS = 500, ROUNDS = 3, ORG = 1, EUR = 978 };
static const double seconds_each = 1.5;

static double now_s(void) { return (double)clock_mono(clock_system()).ns / 1e9; }
static void must(struct err e) {
    if (!e.kind) return;
    fprintf(stderr, "%s: %s\n", e.code, e.what);
    exit(1);
}
#define CHECK(condition)                                                    \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                        \
        }                                                                   \
    } while (0)

static struct rng rng;
static int64_t below(int64_t n) { return (int64_t)rng_below(&rng, (uint64_t)n); }

/* --- ours --- */

struct ours {
    struct db *db;
    struct id_maker *ids;
    struct ledger *ledger;
    int64_t *accounts;
};

static struct ledger_transfer transfer_make(struct ours *o) {
    int64_t debit = below(ACCOUNTS), credit = (debit + 1 + below(ACCOUNTS - 1)) % ACCOUNTS;
    return (struct ledger_transfer){.id = id_next(o->ids), .debit_id = o->accounts[debit], .credit_id = o->accounts[credit], .amount = 1 + below(10000),
                                    .order_id = 1 + below(1000000), .ledger = EUR, .code = 1};
}

struct batch {
    struct db_request request;
    struct ours *ours;
    struct ledger_transfer *transfers;
    size_t count;
    enum ledger_result *results;
    bool is_answered;
};
static struct err batch_write(struct db_tx *tx, void *arg) {
    struct batch *b = arg;
    return ledger_transfer(b->ours->ledger, tx, b->transfers, b->count, b->results);
}
static void batch_make(struct batch *b, struct ours *o, size_t count) {
    b->ours = o;
    b->count = count;
    if (!b->transfers) b->transfers = malloc(LEDGER_BATCH_MAX * sizeof *b->transfers);
    if (!b->results) b->results = malloc(LEDGER_BATCH_MAX * sizeof *b->results);
    CHECK(b->transfers && b->results);
    for (size_t i = 0; i < count; i++) b->transfers[i] = transfer_make(o);
}
static void batch_look(const struct batch *b) {
    for (size_t i = 0; i < b->count; i++) CHECK(b->results[i] == LEDGER_CREATED);
}

static struct err accounts_write(struct db_tx *tx, void *arg) {
    struct ours *o = arg;
    static struct ledger_account accounts[LEDGER_BATCH_MAX];
    static enum ledger_result results[LEDGER_BATCH_MAX];
    for (int from = 0; from < ACCOUNTS; from += LEDGER_BATCH_MAX) {
        int count = ACCOUNTS - from < LEDGER_BATCH_MAX ? ACCOUNTS - from : LEDGER_BATCH_MAX;
        for (int i = 0; i < count; i++) accounts[i] = (struct ledger_account){.id = o->accounts[from + i], .org_id = ORG, .ledger = EUR, .code = 200, .owner_id = 1 + from + i};
        struct err e = ledger_accounts_open(o->ledger, tx, accounts, (size_t)count, results);
        for (int i = 0; i < count && !e.kind; i++) CHECK(results[i] == LEDGER_CREATED);
        if (e.kind) return e;
    }
    return ERR_OK;
}

static void ours_open(struct ours *o, const char *url) {
    static const struct db_schema *const schemas[] = {&ledger_schema};
    must(db_open(&o->db, &(struct db_options){.url = url}));
    must(db_migrate(o->db, schemas, 1));
    o->ids = id_maker_create(clock_system(), 1);
    must(ledger_open(&o->ledger, &(struct ledger_options){.db = o->db, .clock = clock_system(), .ids = o->ids}));
    o->accounts = malloc(ACCOUNTS * sizeof *o->accounts);
    CHECK(o->accounts);
    for (int i = 0; i < ACCOUNTS; i++) o->accounts[i] = id_next(o->ids);
    must(db_write(o->db, accounts_write, o));
}
static void ours_close(struct ours *o) {
    ledger_close(&o->ledger);
    db_close(&o->db);
    id_maker_destroy(&o->ids);
    free(o->accounts);
}

/* One batch after another. `size` 1000: the groups that are measured; larger: filling. */
static double ours_groups(struct ours *o, size_t size, int64_t transfers, double seconds) {
    static struct batch b;
    double start = now_s();
    int64_t count = 0;
    while (transfers ? count < transfers : now_s() - start < seconds) {
        batch_make(&b, o, size);
        must(db_write(o->db, batch_write, &b));
        batch_look(&b);
        count += (int64_t)size;
    }
    return (double)count / (now_s() - start);
}

/* Single callers: asked again by the thread that answers, as a loop thread would. */
struct caller {
    struct db_request request;
    struct ledger_transfer transfer;
    enum ledger_result result;
    double asked_at;
};
static struct {
    struct ours *ours;
    struct lock lock;
    struct condition rung;
    int running;
    double end_at;
    int64_t count;
    float *waits_ms;
    size_t wait_count, wait_max;
} crowd;

static struct err caller_write(struct db_tx *tx, void *arg) {
    struct caller *c = arg;
    return ledger_transfer(crowd.ours->ledger, tx, &c->transfer, 1, &c->result);
}
static void caller_ask(struct caller *c) {
    c->transfer = transfer_make(crowd.ours);
    c->asked_at = now_s();
    db_write_async(crowd.ours->db, &c->request);
}
static void caller_answered(struct db_request *r, struct err e) {
    struct caller *c = (struct caller *)r;
    must(e);
    CHECK(c->result == LEDGER_CREATED);
    double now = now_s();
    if (crowd.wait_count < crowd.wait_max) crowd.waits_ms[crowd.wait_count++] = (float)((now - c->asked_at) * 1e3);
    crowd.count++;
    if (now < crowd.end_at) {
        caller_ask(c);
        return;
    }
    lock_take(&crowd.lock);
    if (--crowd.running == 0) condition_wake_one(&crowd.rung);
    lock_give(&crowd.lock);
}
static int float_order(const void *a, const void *b) { return (*(const float *)a > *(const float *)b) - (*(const float *)a < *(const float *)b); }

static double ours_callers(struct ours *o, double *p50, double *p99) {
    static struct caller callers[CALLERS];
    memset(callers, 0, sizeof callers);
    lock_init(&crowd.lock, LOCK_test_outer);
    condition_init(&crowd.rung);
    crowd.ours = o;
    crowd.running = CALLERS;
    crowd.count = 0;
    crowd.wait_count = 0;
    crowd.wait_max = 1 << 20;
    if (!crowd.waits_ms) crowd.waits_ms = malloc(crowd.wait_max * sizeof *crowd.waits_ms);
    double start = now_s();
    crowd.end_at = start + seconds_each;
    for (int i = 0; i < CALLERS; i++) {
        callers[i].request = (struct db_request){.fn = caller_write, .arg = &callers[i], .done = caller_answered};
        caller_ask(&callers[i]);
    }
    lock_take(&crowd.lock);
    while (crowd.running) condition_wait(&crowd.rung, &crowd.lock);
    lock_give(&crowd.lock);
    double rate = (double)crowd.count / (now_s() - start);
    qsort(crowd.waits_ms, crowd.wait_count, sizeof *crowd.waits_ms, float_order);
    *p50 = crowd.waits_ms[crowd.wait_count / 2];
    *p99 = crowd.waits_ms[crowd.wait_count * 99 / 100];
    return rate;
}

/* --- SQLite, plainly --- */

static sqlite3 *lite;
static sqlite3_stmt *lite_insert, *lite_debit, *lite_credit;
static int64_t lite_next = 1;
static void lite_run(const char *sql) {
    char *what = NULL;
    if (sqlite3_exec(lite, sql, NULL, NULL, &what) == SQLITE_OK) return;
    fprintf(stderr, "sqlite: %s\n", what);
    exit(1);
}
static void lite_open(const char *folder, int64_t transfers) {
    char path[600], sql[1200];
    snprintf(path, sizeof path, "%s/plain.db", folder);
    CHECK(sqlite3_open(path, &lite) == SQLITE_OK);
    lite_run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536;"
             "CREATE TABLE account(id INTEGER PRIMARY KEY, debits INTEGER NOT NULL, credits INTEGER NOT NULL) STRICT;"
             "CREATE TABLE transfer(id INTEGER PRIMARY KEY, debit_id INTEGER NOT NULL, credit_id INTEGER NOT NULL, amount INTEGER NOT NULL, order_id INTEGER NOT NULL,"
             " ledger INTEGER NOT NULL, code INTEGER NOT NULL, at INTEGER NOT NULL) STRICT");
    snprintf(sql, sizeof sql,
             "BEGIN; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) INSERT INTO account SELECT i, 0, 0 FROM n;"
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %lld) INSERT INTO transfer SELECT i, 1 + i %% %d, 1 + i / 7 %% %d, i %% 9999, i, 978, 1,"
             " 1760000000000000000 + i FROM n; COMMIT; PRAGMA wal_checkpoint(TRUNCATE)",
             ACCOUNTS, (long long)transfers, ACCOUNTS, ACCOUNTS);
    lite_run(sql);
    lite_next = transfers + 1;
    CHECK(sqlite3_prepare_v2(lite, "INSERT INTO transfer VALUES (?,?,?,?,?,978,1,?)", -1, &lite_insert, NULL) == SQLITE_OK);
    CHECK(sqlite3_prepare_v2(lite, "UPDATE account SET debits = debits + ? WHERE id = ?", -1, &lite_debit, NULL) == SQLITE_OK);
    CHECK(sqlite3_prepare_v2(lite, "UPDATE account SET credits = credits + ? WHERE id = ?", -1, &lite_credit, NULL) == SQLITE_OK);
}
static void lite_step(sqlite3_stmt *s, const int64_t *values, int count) {
    for (int i = 0; i < count; i++) sqlite3_bind_int64(s, i + 1, values[i]);
    CHECK(sqlite3_step(s) == SQLITE_DONE);
    sqlite3_reset(s);
}
static double lite_groups(int group) {
    double start = now_s();
    int64_t count = 0;
    while (now_s() - start < seconds_each) {
        lite_run("BEGIN IMMEDIATE");
        for (int i = 0; i < group; i++) {
            int64_t debit = 1 + below(ACCOUNTS), credit = 1 + below(ACCOUNTS), amount = 1 + below(10000);
            lite_step(lite_insert, (int64_t[]){lite_next++, debit, credit, amount, 1 + below(1000000), clock_utc(clock_system()).ns}, 6);
            lite_step(lite_debit, (int64_t[]){amount, debit}, 2);
            lite_step(lite_credit, (int64_t[]){amount, credit}, 2);
        }
        lite_run("COMMIT");
        count += group;
    }
    return (double)count / (now_s() - start);
}

/* --- PostgreSQL, plainly: the statements that its own manual would have --- */

static PGconn *pg;
static int64_t pg_next = 1;
static void pg_run(const char *sql) {
    PGresult *r = PQexec(pg, sql);
    if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK) {
        fprintf(stderr, "postgres: %s\n", PQerrorMessage(pg));
        exit(1);
    }
    PQclear(r);
}
static void pg_open(const char *url, int64_t transfers) {
    char sql[1200];
    pg = PQconnectdb(url);
    CHECK(PQstatus(pg) == CONNECTION_OK);
    pg_run("SET synchronous_commit = on; DROP SCHEMA IF EXISTS plain CASCADE; CREATE SCHEMA plain; SET search_path = plain;"
           "CREATE TABLE account(id BIGINT PRIMARY KEY, debits BIGINT NOT NULL, credits BIGINT NOT NULL) WITH (fillfactor = 50);"
           "CREATE TABLE transfer(id BIGINT PRIMARY KEY, debit_id BIGINT NOT NULL, credit_id BIGINT NOT NULL, amount BIGINT NOT NULL, order_id BIGINT NOT NULL,"
           " ledger BIGINT NOT NULL, code BIGINT NOT NULL, at BIGINT NOT NULL)");
    snprintf(sql, sizeof sql,
             "INSERT INTO account SELECT i, 0, 0 FROM generate_series(1, %d) i;"
             "INSERT INTO transfer SELECT i, 1 + i %% %d, 1 + i / 7 %% %d, i %% 9999, i, 978, 1, 1760000000000000000 + i FROM generate_series(1, %lld) i;",
             ACCOUNTS, ACCOUNTS, ACCOUNTS, (long long)transfers);
    pg_run(sql);
    pg_run("VACUUM ANALYZE");
    pg_next = transfers + 1;
    pg_run("PREPARE one(bigint, bigint, bigint, bigint, bigint, bigint) AS WITH d AS (UPDATE account SET debits = debits + $4 WHERE id = $2),"
           " c AS (UPDATE account SET credits = credits + $4 WHERE id = $3) INSERT INTO transfer VALUES ($1, $2, $3, $4, $5, 978, 1, $6)");
    pg_run("PREPARE many(bigint[], bigint[], bigint[], bigint[], bigint[], bigint[]) AS WITH n AS (SELECT * FROM unnest($1, $2, $3, $4, $5, $6) AS n(id, d, c, amount, o, at)),"
           " s AS (SELECT id, sum(debit) AS debit, sum(credit) AS credit FROM (SELECT d AS id, amount AS debit, 0 AS credit FROM n UNION ALL SELECT c, 0, amount FROM n) b GROUP BY id),"
           " u AS (UPDATE account a SET debits = a.debits + s.debit, credits = a.credits + s.credit FROM s WHERE a.id = s.id)"
           " INSERT INTO transfer SELECT id, d, c, amount, o, 978, 1, at FROM n");
}
static double pg_groups(int group) {
    struct buf columns[6], sql = BUF(1 << 20);
    for (int i = 0; i < 6; i++) columns[i] = BUF(1 << 20);
    double start = now_s();
    int64_t count = 0;
    while (now_s() - start < seconds_each) {
        for (int i = 0; i < 6; i++) buf_clear(&columns[i]);
        for (int k = 0; k < group; k++) {
            const int64_t values[] = {pg_next++, 1 + below(ACCOUNTS), 1 + below(ACCOUNTS), 1 + below(10000), 1 + below(1000000), clock_utc(clock_system()).ns};
            for (int i = 0; i < 6; i++) buf_printf(&columns[i], "%s%lld", k ? "," : "", (long long)values[i]);
        }
        buf_clear(&sql);
        buf_printf(&sql, group == 1 ? "EXECUTE one(" : "EXECUTE many(");
        for (int i = 0; i < 6; i++) buf_printf(&sql, group == 1 ? "%s%.*s" : "%s'{%.*s}'", i ? "," : "", (int)columns[i].len, columns[i].ptr);
        buf_printf(&sql, ")");
        buf_u8(&sql, 0);
        CHECK(!sql.has_failed);
        pg_run(sql.ptr);
        count += group;
    }
    for (int i = 0; i < 6; i++) buf_free(&columns[i]);
    buf_free(&sql);
    return (double)count / (now_s() - start);
}

/* --- */

static double best(double a, double b) { return b > a ? b : a; }
static void line(const char *what, double ours, const char *peer, double theirs, const char *aim) {
    printf("%-44s %10.0f   %-36s", what, ours, theirs > 0 ? peer : "");
    if (theirs > 0) printf(" %10.0f  %6.1f x", theirs, ours / theirs);
    else printf(" %10s  %8s", "", "");
    printf("   %s\n", aim);
    fflush(stdout);
}

static void check(struct ours *o, const char *what, const char *aim) {
    struct arena *arena = arena_create(1 << 20);
    struct ledger_check c;
    must(ledger_verify(o->ledger, arena, NULL, NULL, NULL, &c));
    if (c.differences_total) {
        fprintf(stderr, "the check found %lld differences\n", (long long)c.differences_total);
        exit(1);
    }
    char text[80];
    snprintf(text, sizeof text, "%s (%.1f million, no difference)", what, (double)c.transfers / 1e6);
    line(text, (double)c.transfers / c.seconds, "", 0, aim);
    arena_destroy(&arena);
}

int main(int argc, char **argv) {
    const char *folder = argv[1], *url = argc > 3 ? argv[3] : NULL;
    int64_t transfers = strtoll(argv[2], NULL, 10);
    char path[600];
    rng = rng_seeded(4711);
    snprintf(path, sizeof path, "%s/ledger.db", folder);
    static struct ours o, p;
    ours_open(&o, path);
    double fill = ours_groups(&o, LEDGER_BATCH_MAX, transfers, 0);
    struct stat file;
    CHECK(stat(path, &file) == 0);
    printf("%.1f million transfers between %d accounts stored at %.0f/s, %.0f bytes each\n", (double)transfers / 1e6, ACCOUNTS, fill, (double)file.st_size / (double)transfers);
    fflush(stdout);
    lite_open(folder, transfers / 10);
    if (url) {
        pg_open(url, transfers / 10);
        char ledger_url[900];
        pg_run("DROP SCHEMA IF EXISTS ledger CASCADE; CREATE SCHEMA ledger");
        snprintf(ledger_url, sizeof ledger_url, "%s&options=-csearch_path%%3Dledger", url);
        ours_open(&p, ledger_url);
        ours_groups(&p, LEDGER_BATCH_MAX, transfers / 20, 0);
    }

    double groups = 0, callers = 0, p50 = 0, p99 = 0, lite_one = 0, lite_many = 0, pg_one = 0, pg_many = 0, pg_ours = 0, pg_callers = 0, pg_p50 = 0, pg_p99 = 0;
    for (int round = 0; round < ROUNDS; round++) {
        groups = best(groups, ours_groups(&o, GROUP, 0, seconds_each));
        lite_one = best(lite_one, lite_groups(1));
        double half, high, rate = ours_callers(&o, &half, &high);
        if (rate > callers) callers = rate, p50 = half, p99 = high;
        lite_many = best(lite_many, lite_groups(GROUP));
        if (!url) continue;
        pg_one = best(pg_one, pg_groups(1));
        pg_ours = best(pg_ours, ours_groups(&p, GROUP, 0, seconds_each));
        pg_many = best(pg_many, pg_groups(GROUP));
        rate = ours_callers(&p, &half, &high);
        if (rate > pg_callers) pg_callers = rate, pg_p50 = half, pg_p99 = high;
    }
    printf("%-44s %10s   %-36s %10s\n", "transfers a second", "ours", "peer", "peer's");
    line("SQLite, groups of 1000", groups, "SQLite, groups of 1000", lite_many, ">= 150,000");
    char text[80];
    snprintf(text, sizeof text, "SQLite, %d callers, p50 %.1f p99 %.1f ms", CALLERS, p50, p99);
    line(text, callers, "SQLite, one transaction each", lite_one, ">= 50,000, p99 <= 15 ms");
    if (url) {
        line("PostgreSQL, groups of 1000", pg_ours, "PostgreSQL, sets of 1000", pg_many, ">= 40,000");
        snprintf(text, sizeof text, "PostgreSQL, %d callers, p50 %.1f p99 %.1f ms", CALLERS, pg_p50, pg_p99);
        line(text, pg_callers, "PostgreSQL, one transaction each", pg_one, "");
    }
    check(&o, "SQLite, replayed", ">= 2,000,000");
    if (url) check(&p, "PostgreSQL, replayed", "");
    ours_close(&o);
    if (url) ours_close(&p);
    sqlite3_finalize(lite_insert);
    sqlite3_finalize(lite_debit);
    sqlite3_finalize(lite_credit);
    sqlite3_close(lite);
    if (url) PQfinish(pg);
    return 0;
}
