/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * PostgreSQL ends and comes back in the middle of writing and reading. The server of this test is its own: GRANDSTAND_TEST_POSTGRES_TOOL
 * starts, restarts and crashes it (tests/lib/postgres). */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "store.h"

static const struct db_migration migrations[] = {{"CREATE TABLE note(id $ID) $TABLE;"}};
static const struct db_schema notes = {"notes", migrations, 1};
static const struct db_schema *const schemas[] = {&notes};
static const struct db_statement insert = {"test.insert", "INSERT INTO note(id) VALUES (:id)"};
static const struct db_statement count_id = {"test.count_id", "SELECT count(*) FROM note WHERE id = :id"};

static bool tool(const char *command, char *url, size_t size) {
    const char *path = getenv("GRANDSTAND_TEST_POSTGRES_TOOL");
    if (!path) return false;
    char line[600];
    snprintf(line, sizeof line, "'%s' %s restart-test", path, command);
    FILE *p = popen(line, "r");
    if (!p) return false;
    char out[400] = "";
    bool has_line = fgets(out, sizeof out, p);
    if (pclose(p)) return false;
    out[strcspn(out, "\n")] = 0;
    if (url) snprintf(url, size, "%s", out);
    return has_line || !url;
}

enum { WRITERS = 4, IDS_MAX = 200000 };
struct book {
    struct db *db;
    atomic_bool must_end;
    atomic_int next;
    _Atomic unsigned char answers[IDS_MAX]; /* 0 not asked, 1 done, 2 refused, 3 in doubt */
    atomic_int reads_failed, reads;
};

static struct err note_add(struct db_tx *tx, void *arg) { return DB_RUN(tx, &insert, DB_INT("id", *(int64_t *)arg)); }
struct look {
    int64_t id, count;
};
static struct err note_count(struct db_tx *tx, void *arg) {
    struct look *l = arg;
    l->count = DB_GET_INT(tx, -1, &count_id, DB_INT("id", l->id));
    return ERR_OK;
}

static void write_on(void *arg) {
    struct book *b = arg;
    while (!atomic_load(&b->must_end)) {
        int64_t id = atomic_fetch_add(&b->next, 1);
        if (id >= IDS_MAX) return;
        struct err e = db_write(b->db, note_add, &id);
        atomic_store(&b->answers[id], !e.kind ? 1 : !strcmp(e.code, "db.in_doubt") ? 3 : 2);
        struct look l = {.id = id};
        e = db_read(b->db, note_count, &l);
        atomic_fetch_add(&b->reads, 1);
        if (e.kind || l.count != (atomic_load(&b->answers[id]) == 1)) atomic_fetch_add(&b->reads_failed, 1);
    }
}

static void await_writes(struct book *b, int more) {
    uint64_t aim = db_stats(b->db).writes + (uint64_t)more;
    while (db_stats(b->db).writes < aim) sched_yield();
}

static void restarts_are_survived_with_true_answers(void **state) {
    char url[400];
    if (!tool("start", url, sizeof url)) {
        print_message("no PostgreSQL can be unpacked here\n");
        skip();
    }
    assert_int_equal(setenv("GRANDSTAND_TEST_POSTGRES", url, 1), 0);
    assert_int_equal(test_store_postgres(state), 0);
    struct test_store *s = test_store_of(state);
    static struct book b;
    b.db = test_store_open_with(s, (struct db_options){.busy_wait_ms = 60000}, schemas, 1); /* a busy machine takes its time */
    atomic_store(&b.next, 1);
    struct thread *threads[WRITERS];
    for (int i = 0; i < WRITERS; i++) assert_ok(thread_start(&threads[i], "writer", write_on, &b));
    static const char *const ends[] = {"restart", "crash", "crash", "restart", "crash"};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        await_writes(&b, 200);
        assert_true(tool(ends[i], NULL, 0));
    }
    await_writes(&b, 200);
    atomic_store(&b.must_end, true);
    for (int i = 0; i < WRITERS; i++) thread_join(&threads[i]);

    int done = 0, refused = 0, doubt = 0;
    for (int64_t id = 1; id < atomic_load(&b.next); id++) {
        struct look l = {.id = id};
        assert_ok(db_read(b.db, note_count, &l));
        int answer = atomic_load(&b.answers[id]);
        done += answer == 1;
        refused += answer == 2;
        doubt += answer == 3;
        if (answer == 1 && l.count != 1) fail_msg("note %d was answered and is not there", (int)id);
        if (answer == 2 && l.count != 0) fail_msg("note %d was refused and is there", (int)id);
    }
    struct db_stats stats = db_stats(b.db);
    print_message("# %d done, %d refused, %d in doubt, %d of %d reads failed, %d connections lost, %d groups run again\n", done, refused,
                  doubt, atomic_load(&b.reads_failed), atomic_load(&b.reads), (int)stats.connections_lost, (int)stats.reruns);
    assert_true(stats.connections_lost >= 5);
    assert_true(done >= 1000);
    assert_int_equal(atomic_load(&b.reads_failed), 0); /* each waited until the server was back */
    db_close(&b.db);
    assert_int_equal(test_store_remove(state), 0);
    assert_true(tool("stop", NULL, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(restarts_are_survived_with_true_answers)};
    return cmocka_run_group_tests_name("db_restart", tests, NULL, NULL);
}
