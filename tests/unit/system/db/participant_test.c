/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Participants: who keeps in memory what the writer's groups change is told of each request's fate and of the group's, and what it
 * writes stands or falls with the group. Also many rows by one statement, and rows that are only looked at. */
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "store.h"

static const struct db_migration migrations[] = {{"CREATE TABLE note(id $ID, value $INT NOT NULL CHECK(value < 100)) $TABLE;"}};
static const struct db_schema notes = {"notes", migrations, 1};
static const struct db_schema *const schemas[] = {&notes};
static const struct db_statement note_insert = {"test.note_insert", "INSERT INTO note VALUES (:id, :value)", "INSERT INTO note SELECT * FROM unnest(:id, :value)"};
static const struct db_statement note_one = {"test.note_one", "INSERT INTO note VALUES (:id, :value)"};
static const struct db_statement note_put = {"test.note_put", "UPDATE note SET value = :value WHERE id = :id",
                                             "UPDATE note SET value = n.value FROM unnest(:id, :value) AS n(id, value) WHERE note.id = n.id"};
static const struct db_statement note_all = {"test.note_all", "SELECT id, value FROM note ORDER BY id"};
static const struct db_statement note_count = {"test.note_count", "SELECT count(*) FROM note"};
static const struct db_statement note_some = {.name = "test.note_some", .sql_postgres = "SELECT count(*) FROM note WHERE id = ANY(:ids)"};
static const struct db_statement collide = {.name = "test.collide", .sql_postgres = "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$"};

/* Notes gather here and are written with their group. */
struct keeper {
    struct db_participant participant;
    char log[200];
    int64_t ids[100], values[100];
    size_t count, request_at;
    int refuses_request, refuses_commit; /* so many times */
};
static void note(struct keeper *k, char event) {
    size_t len = strlen(k->log);
    if (len + 1 < sizeof k->log) k->log[len] = event;
}
static const struct err no = {ERR_LIMIT, 0, "test.no", "No."};
static struct err before_request(void *self, struct db_tx *tx) {
    struct keeper *k = self;
    note(k, 'r');
    k->request_at = k->count;
    if (k->refuses_request) return k->refuses_request--, no;
    return ERR_OK;
}
static void after_request(void *self, bool is_kept) {
    struct keeper *k = self;
    note(k, is_kept ? 'k' : 'u');
    if (!is_kept) k->count = k->request_at;
}
static struct err before_commit(void *self, struct db_tx *tx) {
    struct keeper *k = self;
    note(k, 'c');
    if (k->refuses_commit) return k->refuses_commit--, no;
    const struct db_ints columns[] = {{"value", k->values}, {"id", k->ids}}; /* by name, in any order */
    int64_t changed = -1;
    struct err e = db_run_rows(tx, &changed, &note_insert, columns, 2, k->count);
    if (!e.kind && changed != (int64_t)k->count) return err_make(ERR_BUG, "test.changed", "Not all rows.");
    return e;
}
static void after_group(void *self, enum db_group_end end) {
    struct keeper *k = self;
    note(k, end == DB_GROUP_COMMITTED ? 'C' : end == DB_GROUP_UNDONE ? 'U' : '?');
    k->count = 0;
}
static void keeper_join(struct keeper *k, struct db *db) {
    *k = (struct keeper){.participant = {k, before_request, after_request, before_commit, after_group}};
    assert_int_equal(db_join(db, &k->participant).kind, ERR_NONE);
}

struct wish {
    struct keeper *keeper;
    int64_t id, value;
    bool also_sql, fails;
    int collisions; /* so many times another node is in the way */
};
static struct err wish_write(struct db_tx *tx, void *arg) {
    struct wish *w = arg;
    struct keeper *k = w->keeper;
    k->ids[k->count] = w->id;
    k->values[k->count++] = w->value;
    if (w->also_sql && DB_RUN(tx, &note_one, DB_INT("id", w->id + 1000), DB_INT("value", 1)).kind) return db_tx_error(tx);
    int64_t changed; /* of a collision: to hear of it at once */
    if (w->collisions) return w->collisions--, DB_CHANGE(tx, &changed, &collide);
    return w->fails ? no : ERR_OK;
}
static struct err count_read(struct db_tx *tx, void *out) {
    *(int64_t *)out = DB_GET_INT(tx, -1, &note_count);
    return db_tx_error(tx);
}
static int64_t stored(struct db *db) {
    int64_t count = -1;
    assert_int_equal(db_read(db, count_read, &count).kind, ERR_NONE);
    return count;
}

static void each_fate_is_told(void **state) {
    struct db *db = test_store_open(test_store_of(state), schemas, 1);
    struct keeper k;
    keeper_join(&k, db);
    struct wish w = {.keeper = &k, .id = 1, .value = 5, .also_sql = true};
    assert_int_equal(db_write(db, wish_write, &w).kind, ERR_NONE);
    assert_string_equal(k.log, "rkcC");
    assert_int_equal(stored(db), 2);

    memset(k.log, 0, sizeof k.log); /* the request fails: its own SQL and its own part in memory are gone */
    w.id = 2, w.fails = true;
    assert_int_equal(db_write(db, wish_write, &w).kind, ERR_LIMIT);
    assert_string_equal(k.log, "rU");
    assert_int_equal(stored(db), 2);

    memset(k.log, 0, sizeof k.log); /* the participant cannot write: nobody's part stands */
    w.fails = false, k.refuses_commit = 1;
    assert_string_equal(db_write(db, wish_write, &w).code, "test.no");
    assert_string_equal(k.log, "rkcU");
    assert_int_equal(stored(db), 2);

    memset(k.log, 0, sizeof k.log); /* the database refuses what it writes */
    w.value = 100;
    assert_string_equal(db_write(db, wish_write, &w).code, "db.check");
    assert_string_equal(k.log, "rkcU");
    assert_int_equal(stored(db), 2);

    memset(k.log, 0, sizeof k.log); /* it will not begin */
    w.value = 6, k.refuses_request = 1;
    assert_string_equal(db_write(db, wish_write, &w).code, "test.no");
    assert_string_equal(k.log, "rU");
    assert_int_equal(stored(db), 2);

    memset(k.log, 0, sizeof k.log); /* after all that it goes on */
    assert_int_equal(db_write(db, wish_write, &w).kind, ERR_NONE);
    assert_string_equal(k.log, "rkcC");
    assert_int_equal(stored(db), 4);

    db_leave(db, &k.participant);
    memset(k.log, 0, sizeof k.log);
    w.id = 3;
    assert_int_equal(db_write(db, wish_write, &w).kind, ERR_NONE);
    assert_string_equal(k.log, "");
    assert_int_equal(stored(db), 5); /* only what the request wrote itself */
    db_close(&db);
}

/* Three in one group: a first request keeps the writer until they wait. */
struct trio {
    struct db_request gate, requests[3];
    struct wish wishes[3];
    sem_t entered, may_go, answered;
};
static struct err gate_write(struct db_tx *tx, void *arg) {
    struct trio *t = arg;
    sem_post(&t->entered);
    while (sem_wait(&t->may_go)) continue;
    return ERR_OK;
}
static struct trio *its_trio; /* requests have no room for it */
static void trio_done(struct db_request *r, struct err answer) {
    r->answer = answer;
    sem_post(&its_trio->answered);
}
static void trio_run(struct trio *t, struct db *db, struct keeper *k, int64_t first_id, bool changes_something) {
    *t = (struct trio){.gate = {.fn = gate_write, .arg = t, .done = trio_done}};
    its_trio = t;
    sem_init(&t->entered, 0, 0), sem_init(&t->may_go, 0, 0), sem_init(&t->answered, 0, 0);
    db_write_async(db, &t->gate);
    while (sem_wait(&t->entered)) continue;
    memset(k->log, 0, sizeof k->log);
    for (int i = 0; i < 3; i++) {
        t->wishes[i] = (struct wish){.keeper = k, .id = first_id + i, .value = i, .also_sql = i != 1 || changes_something, .fails = i == 1};
        t->requests[i] = (struct db_request){.fn = wish_write, .arg = &t->wishes[i], .done = trio_done};
        db_write_async(db, &t->requests[i]);
    }
    sem_post(&t->may_go);
    for (int i = 0; i < 4; i++)
        while (sem_wait(&t->answered)) continue;
    for (int i = 0; i < 3; i++) assert_int_equal(t->requests[i].answer.kind, i == 1 ? ERR_LIMIT : ERR_NONE);
    sem_destroy(&t->entered), sem_destroy(&t->may_go), sem_destroy(&t->answered);
}

static void who_fails_half_way_takes_nobody_along(void **state) {
    struct db *db = test_store_open(test_store_of(state), schemas, 1);
    struct keeper k;
    struct trio t;
    keeper_join(&k, db);
    trio_run(&t, db, &k, 1, false); /* it has only looked: the others go on */
    assert_string_equal(k.log, "kcCrkrurkcC");
    assert_int_equal(stored(db), 4);
    assert_int_equal(db_stats(db).reruns, 0);
    trio_run(&t, db, &k, 11, true); /* it has changed something: all again, with care */
    assert_string_equal(k.log, "kcCrkrUrkrurkcC");
    assert_int_equal(stored(db), 8);
    assert_int_equal(db_stats(db).reruns, 1);
    trio_run(&t, db, &k, 21, true); /* and with care from then on */
    assert_string_equal(k.log, "kcCrkrurkcC");
    assert_int_equal(stored(db), 12);
    assert_int_equal(db_stats(db).reruns, 1);
    db_leave(db, &k.participant);
    db_close(&db);
}

static void a_group_that_is_run_again_begins_anew(void **state) {
    struct db *db = test_store_open(test_store_of(state), schemas, 1);
    struct keeper k;
    keeper_join(&k, db);
    struct wish w = {.keeper = &k, .id = 1, .value = 5, .also_sql = true, .collisions = 2};
    assert_int_equal(db_write(db, wish_write, &w).kind, ERR_NONE);
    assert_string_equal(k.log, "rUrUrkcC");
    assert_int_equal(stored(db), 2);
    db_leave(db, &k.participant);
    db_close(&db);
}

static void more_than_four_is_too_many(void **state) {
    struct db *db = test_store_open(test_store_of(state), schemas, 1);
    struct keeper k[5];
    for (int i = 0; i < 4; i++) keeper_join(&k[i], db);
    k[4] = k[3];
    assert_string_equal(db_join(db, &k[4].participant).code, "db.participants");
    for (int i = 0; i < 4; i++) db_leave(db, &k[i].participant);
    keeper_join(&k[4], db);
    db_leave(db, &k[4].participant);
    db_close(&db);
}

/* --- many rows --- */

enum { MANY = 3000 };
struct rows {
    int64_t ids[MANY], values[MANY], changed, sum, seen;
};
static struct err rows_write(struct db_tx *tx, void *arg) {
    struct rows *r = arg;
    const struct db_ints columns[] = {{"id", r->ids}, {"value", r->values}};
    struct err e = db_run_rows(tx, NULL, &note_insert, columns, 2, MANY);
    if (!e.kind) e = db_run_rows(tx, NULL, &note_insert, columns, 2, 0); /* none is fine */
    for (int i = 0; i < MANY; i++) r->values[i] = 99 - r->values[i];
    return e.kind ? e : db_run_rows(tx, &r->changed, &note_put, columns, 2, MANY - 1);
}
static struct err row_look(void *user, const int64_t *row) {
    struct rows *r = user;
    if (r->seen == 2000) return no;
    r->sum += row[0] * 100 + row[1];
    r->seen++;
    return ERR_OK;
}
static struct err rows_scan(struct db_tx *tx, void *arg) {
    struct err e = DB_SCAN(tx, &note_all, row_look, arg);
    assert_int_equal(db_tx_error(tx).kind, ERR_NONE); /* what the caller says is not the database's error */
    return e;
}
static struct err some_read(struct db_tx *tx, void *out) {
    const int64_t ids[] = {1, 5, 7000, 3000};
    *(int64_t *)out = DB_GET_INT(tx, -1, &note_some, DB_INTS("ids", ids, 4));
    return db_tx_error(tx);
}

static void many_rows_go_by_one_statement(void **state) {
    struct test_store *s = test_store_of(state);
    struct db *db = test_store_open(s, schemas, 1);
    static struct rows r;
    memset(&r, 0, sizeof r);
    for (int i = 0; i < MANY; i++) r.ids[i] = i + 1, r.values[i] = i % 100;
    assert_int_equal(db_write(db, rows_write, &r).kind, ERR_NONE);
    assert_int_equal(r.changed, MANY - 1);
    assert_string_equal(db_read(db, rows_scan, &r).code, "test.no");
    assert_int_equal(r.seen, 2000);
    int64_t expected = 0;
    for (int i = 0; i < 2000; i++) expected += (i + 1) * 100 + 99 - i % 100;
    assert_int_equal(r.sum, expected);
    int64_t some = 0;
    if (s->engine == DB_POSTGRES) {
        assert_int_equal(db_read(db, some_read, &some).kind, ERR_NONE);
        assert_int_equal(some, 3);
    }
    assert_string_equal(db_write(db, rows_write, &r).code, "db.unique"); /* the same again: all or nothing */
    assert_int_equal(stored(db), MANY);
    db_close(&db);
}

int main(void) {
    const struct CMUnitTest tests[] = {ON_BOTH(each_fate_is_told), ON_BOTH(who_fails_half_way_takes_nobody_along), ON_POSTGRES(a_group_that_is_run_again_begins_anew), ON_SQLITE(more_than_four_is_too_many),
                                       ON_BOTH(many_rows_go_by_one_statement)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
