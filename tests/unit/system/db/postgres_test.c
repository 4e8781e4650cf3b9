/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What only PostgreSQL can do to us: a connection that breaks inside COMMIT, two servers that collide. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "store.h"
#include "system/db/driver.h"

/* Ends its own connection at COMMIT, the first time only: a sequence does not roll back. */
static const struct db_migration migrations[] = {
    {.sql_postgres = "CREATE TABLE note(id BIGINT PRIMARY KEY, value BIGINT NOT NULL);"
                     "CREATE TABLE deadly(id BIGINT PRIMARY KEY);"
                     "CREATE SEQUENCE deaths;"
                     "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN"
                     "  IF nextval(''deaths'') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NULL; END';"
                     "CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON deadly DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
                     "  EXECUTE FUNCTION die();"}};
static const struct db_schema schema = {"notes", migrations, 1};
static const struct db_schema *const schemas[] = {&schema};
static const struct db_statement deadly_insert = {"test.deadly", "INSERT INTO deadly(id) VALUES (:id)"};
static const struct db_statement deadly_count = {"test.deadly_count", "SELECT count(*) FROM deadly"};
static const struct db_statement note_insert = {"test.note", "INSERT INTO note(id, value) VALUES (:id, 0)"};
static const struct db_statement note_sum = {"test.sum", "SELECT sum(value) FROM note"};
static const struct db_statement note_set = {"test.set", "UPDATE note SET value = :value WHERE id = :id"};

static struct err deadly_add(struct db_tx *tx, void *arg) {
    ++*(int *)arg;
    return DB_RUN(tx, &deadly_insert, DB_INT("id", 1));
}
static struct err count_read(struct db_tx *tx, void *arg) {
    *(int64_t *)arg = DB_GET_INT(tx, -1, &deadly_count);
    return ERR_OK;
}

static void a_connection_lost_inside_commit_is_cleared_up(void **state) {
    struct db *db = test_store_open(test_store_of(state), schemas, 1);
    int runs = 0;
    int64_t count;
    assert_ok(db_write(db, deadly_add, &runs)); /* undone by its death, found to be so, run again */
    assert_int_equal(runs, 2);
    assert_ok(db_read(db, count_read, &count));
    assert_int_equal(count, 1);
    struct db_stats s = db_stats(db);
    assert_int_equal(s.connections_lost, 1);
    assert_int_equal(s.reruns, 1);
    assert_int_equal(s.commits_failed, 1);
    db_close(&db);
}

static void it_can_be_asked_what_became_of_a_transaction(void **state) {
    struct test_store *s = test_store_of(state);
    struct db *db = test_store_open(s, schemas, 1);
    static struct db_counters counters;
    const struct db_target target = {.driver = &db_postgres_driver, .where = s->url, .busy_wait_ms = 200, .counters = &counters};
    for (int ends_with_commit = 0; ends_with_commit < 2; ends_with_commit++) {
        struct db_connection *before, *fresh;
        assert_ok(target.driver->connect(&before, &target, DB_ROLE_WRITER));
        assert_ok(target.driver->connect(&fresh, &target, DB_ROLE_WRITER));
        assert_ok(target.driver->begin(before));
        assert_ok(target.driver->savepoint_set(before));
        const struct db_bind id = DB_INT("id", 1 + ends_with_commit);
        struct db_output out = {0};
        assert_ok(target.driver->execute(before, &note_insert, &id, 1, &out));
        bool was_committed = true;
        assert_error(target.driver->was_committed(fresh, before, &was_committed), "db.in_doubt"); /* still running */
        if (ends_with_commit)
            assert_ok(target.driver->commit(before));
        else
            target.driver->rollback(before);
        assert_ok(target.driver->was_committed(fresh, before, &was_committed));
        assert_int_equal(was_committed, ends_with_commit);
        target.driver->close(before);
        target.driver->close(fresh);
    }
    db_close(&db);
}

/* --- two servers read the sum of all and then write one each: one of them must have seen the other's --- */

struct skew {
    struct db *other; /* asked in the middle, once */
    int64_t id;
    int runs;
};
static struct err sum_then_set(struct db_tx *tx, void *arg) {
    struct skew *k = arg;
    k->runs++;
    int64_t sum = DB_GET_INT(tx, 0, &note_sum);
    if (k->other) {
        struct skew inner = {.id = 2};
        struct db *other = k->other;
        k->other = NULL;
        db_inside_set(false); /* another database's writer: it cannot wait for us */
        assert_ok(db_write(other, sum_then_set, &inner));
        db_inside_set(true);
    }
    return DB_RUN(tx, &note_set, DB_INT("id", k->id), DB_INT("value", sum + 1));
}
static struct err two_notes(struct db_tx *tx, void *arg) {
    struct err e = DB_RUN(tx, &note_insert, DB_INT("id", 1));
    return e.kind ? e : DB_RUN(tx, &note_insert, DB_INT("id", 2));
}
static struct err sum_read(struct db_tx *tx, void *arg) {
    *(int64_t *)arg = DB_GET_INT(tx, -1, &note_sum);
    return ERR_OK;
}

static void two_servers_that_collide_are_put_in_order(void **state) {
    struct test_store *s = test_store_of(state);
    struct db *one = test_store_open(s, schemas, 1), *two = test_store_open(s, schemas, 1);
    assert_ok(db_write(one, two_notes, NULL));
    struct skew k = {.id = 1, .other = two};
    assert_ok(db_write(one, sum_then_set, &k));
    assert_int_equal(k.runs, 2);
    int64_t sum;
    assert_ok(db_read(one, sum_read, &sum));
    assert_int_equal(sum, 1 + 2); /* as if one after the other; both seeing 0 would give 2 */
    db_close(&two);
    db_close(&one);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_POSTGRES(a_connection_lost_inside_commit_is_cleared_up),
        ON_POSTGRES(it_can_be_asked_what_became_of_a_transaction),
        ON_POSTGRES(two_servers_that_collide_are_put_in_order),
    };
    return cmocka_run_group_tests_name("db_postgres", tests, NULL, NULL);
}
