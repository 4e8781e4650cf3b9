/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Durable writes a second (each on disk before it is answered), of one row each: through our writer, asked one by one and by many at
 * once, against SQLite with one transaction for each row as its own documentation shows it. Interleaved, best of ROUNDS. Usage:
 * store_bench FOLDER [POSTGRES_URL] */
#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system/db/db.h"

enum { ROUNDS = 3, CALLERS = 1000 };
static const double seconds_each = 0.7;

static const struct db_migration migrations[] = {
    {"CREATE TABLE transfer(id $ID, org_id $INT NOT NULL, amount $INT NOT NULL, ref $TEXT NOT NULL) $TABLE;"}};
static const struct db_schema schema = {"bench", migrations, 1};
static const struct db_schema *const schemas[] = {&schema};
static const struct db_statement insert = {"bench.insert", "INSERT INTO transfer(id, org_id, amount, ref) VALUES (:id, 1, :amount, :ref)"};

static double now_s(void) { return (double)clock_mono(clock_system()).ns / 1e9; }

static void must(struct err e) {
    if (!e.kind) return;
    fprintf(stderr, "%s: %s\n", e.code, e.what);
    exit(1);
}

static struct err transfer_add(struct db_tx *tx, void *arg) {
    return DB_RUN(tx, &insert, DB_INT("id", *(int64_t *)arg), DB_INT("amount", 100), DB_TEXT("ref", SLICE("order 4711")));
}

/* --- one by one --- */

static double one_by_one(struct db *db, int64_t *next_id) {
    double start = now_s();
    int64_t count = 0;
    for (; now_s() - start < seconds_each; count++, (*next_id)++) must(db_write(db, transfer_add, next_id));
    return (double)count / (now_s() - start);
}

/* --- many at once: each caller asks again when it is answered, from the writer's own thread, as a loop thread would --- */

struct caller {
    struct db_request request;
    int64_t id;
    double asked_at;
};
static struct {
    struct db *db;
    struct lock lock;
    struct condition rung;
    int running;
    double end_at;
    int64_t count, next_id; /* of the writer's thread */
    float *waits_ms;
    size_t wait_count, wait_max;
} crowd;

static void ask(struct caller *c) {
    c->id = crowd.next_id++;
    c->asked_at = now_s();
    db_write_async(crowd.db, &c->request);
}
static void answered(struct db_request *r, struct err e) {
    struct caller *c = (struct caller *)r;
    must(e);
    double now = now_s();
    crowd.count++;
    if (crowd.wait_count < crowd.wait_max) crowd.waits_ms[crowd.wait_count++] = (float)(1000 * (now - c->asked_at));
    if (now < crowd.end_at) {
        ask(c);
        return;
    }
    lock_take(&crowd.lock);
    if (!--crowd.running) condition_wake_all(&crowd.rung);
    lock_give(&crowd.lock);
}
struct start {
    struct caller *callers;
    int count;
};
/* On the writer's thread too, so that only one thread counts. */
static void started(struct db_request *r, struct err e) {
    must(e);
    struct start *s = ((struct caller *)r)->request.arg;
    for (int i = 0; i < s->count; i++) ask(&s->callers[i]);
}
static struct err nothing(struct db_tx *tx, void *arg) { return ERR_OK; }

static double many_at_once(struct db *db, int64_t *next_id, int callers_count) {
    struct caller *callers = calloc((size_t)callers_count, sizeof *callers), first = {0};
    for (int i = 0; i < callers_count; i++)
        callers[i].request = (struct db_request){.fn = transfer_add, .arg = &callers[i].id, .done = answered};
    struct start s = {.callers = callers, .count = callers_count};
    first.request = (struct db_request){.fn = nothing, .arg = &s, .done = started};
    crowd.db = db;
    crowd.running = callers_count;
    crowd.count = 0;
    crowd.next_id = *next_id;
    double start = now_s();
    crowd.end_at = start + seconds_each;
    db_write_async(db, &first.request);
    lock_take(&crowd.lock);
    while (crowd.running) condition_wait(&crowd.rung, &crowd.lock);
    lock_give(&crowd.lock);
    double rate = (double)crowd.count / (now_s() - start);
    *next_id = crowd.next_id;
    free(callers);
    return rate;
}

/* --- the peer --- */

static void sql(sqlite3 *peer, const char *text) {
    if (sqlite3_exec(peer, text, NULL, NULL, NULL) == SQLITE_OK) return;
    fprintf(stderr, "%s: %s\n", text, sqlite3_errmsg(peer));
    exit(1);
}
static double peer_one_by_one(sqlite3 *peer, sqlite3_stmt *add, int64_t *next_id) {
    double start = now_s();
    int64_t count = 0;
    for (; now_s() - start < seconds_each; count++) {
        sql(peer, "BEGIN IMMEDIATE");
        sqlite3_bind_int64(add, 1, (*next_id)++);
        int code = sqlite3_step(add);
        assert(code == SQLITE_DONE);
        sqlite3_reset(add);
        sql(peer, "COMMIT");
    }
    return (double)count / (now_s() - start);
}

static int by_size(const void *a, const void *b) {
    return (*(const float *)a > *(const float *)b) - (*(const float *)a < *(const float *)b);
}

static void row(const char *what, double ours, double peer, const char *aim) {
    printf("%s | %.0f/s | %.0f/s | %.2f | %s\n", what, ours, peer, ours / peer, aim);
}
static double best(double a, double b) { return a > b ? a : b; }

static struct db *store_open(const char *url) {
    struct db *db;
    must(db_open(&db, &(struct db_options){.url = url}));
    must(db_migrate(db, schemas, 1));
    return db;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: store_bench FOLDER [POSTGRES_URL]\n");
        return 2;
    }
    char path[512];
    snprintf(path, sizeof path, "%s/ours.db", argv[1]);
    struct db *db = store_open(path), *server = argc > 2 ? store_open(argv[2]) : NULL;
    snprintf(path, sizeof path, "%s/peer.db", argv[1]);
    sqlite3 *peer;
    sqlite3_stmt *add;
    if (sqlite3_open(path, &peer) != SQLITE_OK) return 1;
    sql(peer,
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
        "CREATE TABLE transfer(id INTEGER PRIMARY KEY, org_id INTEGER NOT NULL, amount INTEGER NOT NULL, ref TEXT NOT NULL) STRICT");
    if (sqlite3_prepare_v2(peer, "INSERT INTO transfer VALUES (?1, 1, 100, 'order 4711')", -1, &add, NULL) != SQLITE_OK) return 1;
    lock_init(&crowd.lock, LOCK_test_outer);
    condition_init(&crowd.rung);
    crowd.wait_max = 4000000;
    crowd.waits_ms = malloc(crowd.wait_max * sizeof *crowd.waits_ms);
    if (!crowd.waits_ms) return 1;

    int64_t ours_id = 1, server_id = 1, peer_id = 1;
    double alone = 0, group = 0, theirs = 0, server_alone = 0, server_group = 0;
    for (int i = 0; i < ROUNDS; i++) {
        theirs = best(theirs, peer_one_by_one(peer, add, &peer_id));
        alone = best(alone, one_by_one(db, &ours_id));
        group = best(group, many_at_once(db, &ours_id, CALLERS));
        if (!server) continue;
        size_t keep = crowd.wait_count;
        server_alone = best(server_alone, one_by_one(server, &server_id));
        server_group = best(server_group, many_at_once(server, &server_id, CALLERS));
        crowd.wait_count = keep; /* the waits are those of our default store */
    }
    qsort(crowd.waits_ms, crowd.wait_count, sizeof *crowd.waits_ms, by_size);
    printf("what (durable writes of one row; peer: SQLite, one transaction each) | ours | peer | ratio | aim\n");
    row("SQLite, one caller", alone, theirs, ">= 0.8");
    row("SQLite, 1000 callers, answered singly", group, theirs, ">= 50,000/s");
    if (server) row("PostgreSQL, one caller", server_alone, theirs, "-");
    if (server) row("PostgreSQL, 1000 callers, answered singly", server_group, theirs, "-");
    printf("wait of 1000 callers: median %.1f ms, 99 of 100 within %.1f ms (aim 15); largest group %d\n",
           (double)crowd.waits_ms[crowd.wait_count / 2], (double)crowd.waits_ms[crowd.wait_count * 99 / 100],
           (int)db_stats(db).group_writes_max);
    free(crowd.waits_ms);
    sqlite3_finalize(add);
    sqlite3_close(peer);
    db_close(&server);
    db_close(&db);
    return 0;
}
