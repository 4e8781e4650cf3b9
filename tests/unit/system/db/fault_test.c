/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Every allocation, read, write and sync of SQLite fails in turn: through a layer under it that asks base/fault. Whatever fails, it is
 * reported, what was answered stands, what was refused is not there, and the server goes on when the disk is well again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/fault.h"
#include "base/mem.h"
#include "sqlite_faults.h"
#include "store.h"

/* --- what is tried --- */

static const struct db_migration migrations[] = {{"CREATE TABLE note(id $ID, text $TEXT NOT NULL) $TABLE;"}};
static const struct db_schema notes = {"notes", migrations, 1};
static const struct db_schema *const schemas[] = {&notes};
static const struct db_statement insert = {"test.insert", "INSERT INTO note(id, text) VALUES (:id, :text)"};
static const struct db_statement count_id = {"test.count", "SELECT count(*) FROM note WHERE id IN (:id, :id + 1)"};
static const struct db_statement all = {"test.all", "SELECT id, text FROM note ORDER BY id DESC LIMIT 20"};

static struct err pair_add(struct db_tx *tx, void *arg) {
    char text[3000];
    memset(text, 'a' + (char)(*(int64_t *)arg % 26), sizeof text);
    struct err e = DB_RUN(tx, &insert, DB_INT("id", *(int64_t *)arg), DB_TEXT("text", slice_of(text, sizeof text)));
    return e.kind ? e : DB_RUN(tx, &insert, DB_INT("id", *(int64_t *)arg + 1), DB_TEXT("text", slice_of(text, 10)));
}
static struct err pairs_read(struct db_tx *tx, void *arg) {
    struct arena *arena = arena_create(1 << 20);
    struct db_rows rows;
    struct err e = arena ? DB_QUERY(tx, arena, &rows, &all) : err_memory();
    arena_destroy(&arena);
    return e;
}
struct look {
    int64_t id, count;
};
static struct err pair_count(struct db_tx *tx, void *arg) {
    struct look *l = arg;
    l->count = DB_GET_INT(tx, -1, &count_id, DB_INT("id", l->id));
    return ERR_OK;
}

enum { PAIRS = 3 };
struct trial {
    struct err opened, written[PAIRS], read;
};

/* Opens, writes, reads, as the server would, with the fault armed; closing is quiet. */
static struct trial try_all(const struct test_store *s, enum fault_point point, uint64_t nth, bool sticky, int64_t first, bool *fired) {
    struct trial t = {0};
    struct db *db = NULL;
    fault_arm(point, nth, sticky);
    t.opened = db_open(&db, &(struct db_options){.url = s->url, .busy_wait_ms = 20});
    for (int i = 0; i < PAIRS && !t.opened.kind; i++) {
        int64_t id = first + 2 * i;
        t.written[i] = db_write(db, pair_add, &id);
    }
    if (!t.opened.kind) t.read = db_read(db, pairs_read, NULL);
    *fired = fault_fired(point);
    fault_disarm_all();
    if (db) { /* the server goes on */
        int64_t id = first + 2 * PAIRS;
        assert_ok(db_write(db, pair_add, &id));
        assert_ok(db_read(db, pairs_read, NULL));
    }
    db_close(&db);
    return t;
}

static void after_any_failure_answers_are_true(void **state) {
    struct test_store *s = test_store_of(state);
    static const uint64_t met_min[FAULT_POINTS] = {[FAULT_ALLOC] = 100, [FAULT_WRITE] = 10, [FAULT_READ] = 3, [FAULT_SYNC] = 3};
    struct db *db = test_store_open(s, schemas, 1);
    db_close(&db);
    int64_t first = 1;
    for (int sticky = 0; sticky < 2; sticky++) {
        for (enum fault_point point = 0; point < FAULT_POINTS; point++) {
            /* Allocations are many: all of them only where there is time for it. */
            uint64_t stride = point != FAULT_ALLOC || getenv("GRANDSTAND_TEST_LONG") ? 1 : 13;
            for (uint64_t n = 1;; n += stride, first += 2 * PAIRS + 2) {
                assert_true(n < 100000);
                bool fired;
                struct trial t = try_all(s, point, n, sticky, first, &fired);
                if (!fired) {
                    assert_ok(t.opened);
                    assert_ok(t.read);
                    for (int i = 0; i < PAIRS; i++) assert_ok(t.written[i]);
                    assert_true(n > met_min[point]);
                    first += 2 * PAIRS + 2;
                    break;
                }
                db = test_store_open(s, schemas, 1);
                for (int i = 0; i < PAIRS; i++) {
                    struct look l = {.id = first + 2 * i};
                    assert_ok(db_read(db, pair_count, &l));
                    bool was_refused = t.opened.kind || t.written[i].kind;
                    bool is_in_doubt = t.written[i].kind && !strcmp(t.written[i].code, "db.in_doubt");
                    if (l.count == 1) fail_msg("half a pair after fault %d:%d", (int)point, (int)n);
                    if (!was_refused && l.count != 2) fail_msg("answered and lost after fault %d:%d", (int)point, (int)n);
                    if (was_refused && !is_in_doubt && l.count) fail_msg("refused and there after fault %d:%d", (int)point, (int)n);
                }
                db_close(&db);
            }
        }
    }
    struct arena *arena = arena_create(1 << 16);
    struct db_health h;
    db = test_store_open(s, schemas, 1);
    assert_ok(db_check(db, arena, &h));
    assert_true(h.is_sound);
    arena_destroy(&arena);
    db_close(&db);
}

static void a_full_disk_is_said_and_survived(void **state) {
    struct test_store *s = test_store_of(state);
    struct db *db = test_store_open(s, schemas, 1);
    fault_arm(FAULT_WRITE, 1, true);
    int64_t id = 1;
    assert_error(db_write(db, pair_add, &id), "db.full");
    assert_error(db_write(db, pair_add, &id), "db.full");
    assert_ok(db_read(db, pairs_read, NULL));
    fault_disarm_all();
    assert_ok(db_write(db, pair_add, &id));
    db_close(&db);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_SQLITE(after_any_failure_answers_are_true),
        ON_SQLITE(a_full_disk_is_said_and_survived),
    };
    return cmocka_run_group_tests_name("db_fault", tests, layer_put_in, NULL);
}
