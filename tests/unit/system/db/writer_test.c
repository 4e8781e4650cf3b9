/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The writer: many ask at once, each gets a true answer, and what was answered outlives a kill. */
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "store.h"

/* Each note is two rows: a request that was done by half would show. */
static const struct db_migration migrations[] = {
    {"CREATE TABLE head(id $ID, value $INT NOT NULL) $TABLE; CREATE TABLE tail(id $ID, value $INT NOT NULL) $TABLE;"}};
static const struct db_schema notes = {"notes", migrations, 1};
static const struct db_schema *const schemas[] = {&notes};
static const struct db_statement head_insert = {"test.head_insert", "INSERT INTO head(id, value) VALUES (:id, :value)"};
static const struct db_statement tail_insert = {"test.tail_insert", "INSERT INTO tail(id, value) VALUES (:id, :value)"};
static const struct db_statement both_count = {
    "test.both_count",
    "SELECT count(*) FROM head JOIN tail ON head.id = tail.id AND head.value = tail.value WHERE head.id BETWEEN :from AND :to"};
static const struct db_statement half_count = {
    "test.half_count",
    "SELECT (SELECT count(*) FROM head) + (SELECT count(*) FROM tail) - 2 * (SELECT count(*) FROM head JOIN tail ON head.id = tail.id)"};
static const struct db_statement all = {
    "test.all", "SELECT head.id AS id, head.value AS value FROM head JOIN tail ON head.id = tail.id ORDER BY head.id"};
static const struct db_statement head_delete = {"test.head_delete", "DELETE FROM head WHERE id = :id"};
static const struct db_statement tail_delete = {"test.tail_delete", "DELETE FROM tail WHERE id = :id"};
static const struct db_statement head_update = {"test.head_update", "UPDATE head SET value = :value WHERE id = :id"};
static const struct db_statement tail_update = {"test.tail_update", "UPDATE tail SET value = :value WHERE id = :id"};

struct note {
    int64_t id, value;
    bool then_fails;
};
static struct err note_add(struct db_tx *tx, void *arg) {
    const struct note *n = arg;
    struct err e = DB_RUN(tx, &head_insert, DB_INT("id", n->id), DB_INT("value", n->value));
    if (!e.kind) e = DB_RUN(tx, &tail_insert, DB_INT("id", n->id), DB_INT("value", n->value));
    if (!e.kind && n->then_fails) e = err_make(ERR_DENIED, "test.no", "No.");
    return e;
}
struct range {
    int64_t from, to, whole, half;
};
static struct err notes_count(struct db_tx *tx, void *arg) {
    struct range *r = arg;
    r->whole = DB_GET_INT(tx, -1, &both_count, DB_INT("from", r->from), DB_INT("to", r->to));
    if (r->from != r->to) r->half = DB_GET_INT(tx, -1, &half_count); /* it looks at everything */
    return ERR_OK;
}
static struct range count(struct db *db, int64_t from, int64_t to) {
    struct range r = {.from = from, .to = to};
    assert_ok(db_read(db, notes_count, &r));
    return r;
}

/* --- many threads --- */

enum { THREADS = 4, EACH = 60 };
struct asker {
    struct db *db;
    int64_t first;
    int wrong;
};
static void ask(void *arg) {
    struct asker *a = arg;
    for (int64_t i = 0; i < EACH; i++) {
        struct note n = {.id = a->first + i, .value = i, .then_fails = i % 10 == 9};
        struct err e = db_write(a->db, note_add, &n);
        a->wrong += n.then_fails ? e.kind != ERR_DENIED : e.kind != ERR_NONE;
        struct range r = {.from = n.id, .to = n.id}; /* what was answered is there to be read */
        e = db_read(a->db, notes_count, &r);
        a->wrong += e.kind || r.whole != !n.then_fails || r.half != 0;
    }
}
static void many_threads_get_their_own_answers(void **state) {
    struct db *db = test_store_open_with(test_store_of(state), (struct db_options){.readers_max = 2}, schemas, 1);
    struct thread *threads[THREADS];
    struct asker askers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        askers[i] = (struct asker){.db = db, .first = 1 + i * 1000};
        assert_ok(thread_start(&threads[i], "asker", ask, &askers[i]));
    }
    for (int i = 0; i < THREADS; i++) thread_join(&threads[i]);
    for (int i = 0; i < THREADS; i++) assert_int_equal(askers[i].wrong, 0);
    struct range r = count(db, 0, INT64_MAX);
    assert_int_equal(r.whole, THREADS * EACH * 9 / 10);
    assert_int_equal(r.half, 0);
    struct db_stats s = db_stats(db);
    assert_int_equal(s.writes, THREADS * EACH + 1);
    assert_int_equal(s.writes_failed, THREADS * EACH / 10);
    assert_true(s.groups <= s.writes);
    assert_int_equal(s.queued, 0);
    db_close(&db);
}

/* --- groups: a gate keeps the writer until all are queued --- */

struct gate {
    struct lock lock;
    struct condition rung;
    bool is_entered, is_open;
    int answered;
};
static struct err gate_wait(struct db_tx *tx, void *arg) {
    struct gate *g = arg;
    lock_take(&g->lock);
    g->is_entered = true;
    condition_wake_all(&g->rung);
    while (!g->is_open) condition_wait(&g->rung, &g->lock);
    lock_give(&g->lock);
    return ERR_OK;
}
struct order {
    struct db_request request;
    struct gate *gate;
    struct note note;
    struct err answer;
    int place; /* in the order of answers, from 1 */
};
static void order_done(struct db_request *r, struct err e) {
    struct order *o = (struct order *)r;
    lock_take(&o->gate->lock);
    o->answer = e;
    o->place = ++o->gate->answered;
    condition_wake_all(&o->gate->rung);
    lock_give(&o->gate->lock);
}
static void gate_shut(struct gate *g, struct db *db, struct order *first) {
    *g = (struct gate){0};
    lock_init(&g->lock, LOCK_test_outer);
    condition_init(&g->rung);
    *first = (struct order){.gate = g, .request = {.fn = gate_wait, .arg = g, .done = order_done}};
    db_write_async(db, &first->request);
    lock_take(&g->lock);
    while (!g->is_entered) condition_wait(&g->rung, &g->lock);
    lock_give(&g->lock);
}
static void gate_open_and_wait(struct gate *g, int answers) {
    lock_take(&g->lock);
    g->is_open = true;
    condition_wake_all(&g->rung);
    while (g->answered < answers) condition_wait(&g->rung, &g->lock);
    lock_give(&g->lock);
    condition_destroy(&g->rung);
    lock_destroy(&g->lock);
}

static void what_waits_is_committed_together(void **state) {
    enum { COUNT = 500, BAD = 123 };
    struct db *db = test_store_open(test_store_of(state), schemas, 1);
    uint64_t groups_before = db_stats(db).groups;
    struct gate gate;
    struct order first, *orders = calloc(COUNT, sizeof *orders);
    gate_shut(&gate, db, &first);
    for (int i = 0; i < COUNT; i++) {
        orders[i] = (struct order){.gate = &gate,
                                   .note = {.id = i == BAD ? 1 : i + 1, .value = i, .then_fails = i == 7},
                                   .request = {.fn = note_add, .arg = &orders[i].note, .done = order_done}};
        db_write_async(db, &orders[i].request);
    }
    assert_int_equal(db_stats(db).queued, COUNT + 1);
    gate_open_and_wait(&gate, COUNT + 1);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(orders[i].place, i + 2); /* in the order in which they came */
        if (i == BAD)
            assert_error(orders[i].answer, "db.unique");
        else if (i == 7)
            assert_error(orders[i].answer, "test.no");
        else
            assert_ok(orders[i].answer);
    }
    struct range r = count(db, 0, INT64_MAX);
    assert_int_equal(r.whole, COUNT - 2);
    assert_int_equal(r.half, 0);
    struct db_stats s = db_stats(db);
    assert_int_equal(s.groups - groups_before, 2);
    assert_int_equal(s.group_writes_max, COUNT);
    free(orders);
    db_close(&db);
}

static void a_group_and_a_queue_have_their_limits(void **state) {
    struct db *db = test_store_open_with(test_store_of(state), (struct db_options){.group_max = 4, .queue_max = 11}, schemas, 1);
    uint64_t groups_before = db_stats(db).groups;
    struct gate gate;
    struct order first, orders[12] = {0};
    gate_shut(&gate, db, &first);
    for (int i = 0; i < 12; i++) {
        orders[i] =
            (struct order){.gate = &gate, .note = {.id = i + 1}, .request = {.fn = note_add, .arg = &orders[i].note, .done = order_done}};
        db_write_async(db, &orders[i].request);
    }
    assert_error(orders[10].answer, "db.queue_full"); /* at once: with the gate's own, eleven were waiting */
    assert_error(orders[11].answer, "db.queue_full");
    gate_open_and_wait(&gate, 13);
    assert_int_equal(count(db, 0, 100).whole, 10);
    struct db_stats s = db_stats(db);
    assert_int_equal(s.queue_full, 2);
    assert_int_equal(s.group_writes_max, 4);
    assert_int_equal(s.groups - groups_before, 1 + 3);
    db_close(&db);
}

static void closing_answers_all_that_wait(void **state) {
    struct test_store *s = test_store_of(state);
    struct db *db = test_store_open(s, schemas, 1);
    struct gate gate = {.is_open = true};
    lock_init(&gate.lock, LOCK_test_outer);
    condition_init(&gate.rung);
    struct order orders[50];
    for (int i = 0; i < 50; i++) {
        orders[i] =
            (struct order){.gate = &gate, .note = {.id = i + 1}, .request = {.fn = note_add, .arg = &orders[i].note, .done = order_done}};
        db_write_async(db, &orders[i].request);
    }
    db_close(&db);
    assert_int_equal(gate.answered, 50);
    for (int i = 0; i < 50; i++) assert_ok(orders[i].answer);
    db = test_store_open(s, schemas, 1);
    assert_int_equal(count(db, 1, 50).whole, 50);
    db_close(&db);
}

/* --- kill -9 --- */

struct teller {
    struct db_request request;
    struct note note;
    int fd;
    struct db *db;
};
static void teller_done(struct db_request *r, struct err e) {
    struct teller *t = (struct teller *)r;
    if (e.kind || write(t->fd, &t->note.id, sizeof t->note.id) != sizeof t->note.id) _exit(1);
    t->note.id += 64; /* and goes on with the next */
    db_write_async(t->db, r);
}
static _Noreturn void write_for_ever(const struct test_store *s, int fd, int64_t first) {
    struct db *db = test_store_open(s, schemas, 1);
    static struct teller tellers[64];
    for (int i = 0; i < 64; i++) {
        tellers[i] =
            (struct teller){.fd = fd, .db = db, .note = {.id = first + i, .value = 5}, .request = {.fn = note_add, .done = teller_done}};
        tellers[i].request.arg = &tellers[i].note;
        db_write_async(db, &tellers[i].request);
    }
    for (;;) pause();
}
static void what_was_answered_outlives_a_kill(void **state) {
    struct test_store *s = test_store_of(state);
    struct db *db = test_store_open(s, schemas, 1);
    db_close(&db);
    for (int round = 0; round < 3; round++) {
        int pipes[2];
        assert_int_equal(pipe(pipes), 0);
        pid_t child = fork();
        if (!child) write_for_ever(s, pipes[1], 1 + round * INT64_C(1000000));
        close(pipes[1]);
        static int64_t told[100000];
        size_t count_told = 0;
        while (count_told < 500u + 333u * (unsigned)round) /* then, somewhere in the middle of something */
            assert_int_equal(read(pipes[0], &told[count_told++], 8), 8);
        kill(child, SIGKILL);
        while (count_told < ARRAY_LEN(told) && read(pipes[0], &told[count_told], 8) == 8) count_told++;
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        close(pipes[0]);

        db = test_store_open(s, schemas, 1);
        assert_int_equal(count(db, 0, INT64_MAX).half, 0);
        for (size_t i = 0; i < count_told; i++)
            if (count(db, told[i], told[i]).whole != 1) fail_msg("note %d was answered and is not there", (int)told[i]);
        db_close(&db);
    }
}

/* --- a property: the database and a plain table agree --- */

enum { MODEL_IDS = 30 };
struct operation {
    enum { OP_ADD, OP_SET, OP_REMOVE, OP_FAIL } kind;
    int64_t id, value;
};
static struct err operate(struct db_tx *tx, void *arg) {
    const struct operation *o = arg;
    struct note n = {.id = o->id, .value = o->value, .then_fails = o->kind == OP_FAIL};
    struct err e = ERR_OK;
    if (o->kind == OP_ADD || o->kind == OP_FAIL) return note_add(tx, &n);
    if (o->kind == OP_SET) {
        e = DB_RUN(tx, &head_update, DB_INT("id", o->id), DB_INT("value", o->value));
        return e.kind ? e : DB_RUN(tx, &tail_update, DB_INT("id", o->id), DB_INT("value", o->value));
    }
    e = DB_RUN(tx, &head_delete, DB_INT("id", o->id));
    return e.kind ? e : DB_RUN(tx, &tail_delete, DB_INT("id", o->id));
}
static struct err compare(struct db_tx *tx, void *arg) {
    const int64_t *model = arg;
    struct arena *arena = arena_create(1 << 20);
    struct db_rows rows;
    assert_ok(DB_QUERY(tx, arena, &rows, &all));
    size_t at = 0;
    for (int id = 0; id < MODEL_IDS; id++) {
        if (!model[id]) continue;
        assert_true(at < rows.count);
        assert_int_equal(db_int(&rows, at, "id"), id);
        assert_int_equal(db_int(&rows, at, "value"), model[id]);
        at++;
    }
    assert_int_equal(at, rows.count);
    arena_destroy(&arena);
    return ERR_OK;
}
static void random_operations_agree_with_a_table(void **state) {
    struct test_store *s = test_store_of(state);
    struct db *db = test_store_open(s, schemas, 1);
    int64_t model[MODEL_IDS] = {0}; /* 0: none */
    uint64_t seed = (uint64_t)getpid() * 2654435761u;
    print_message("# seed %llu\n", (unsigned long long)seed);
    struct rng rng = rng_seeded(seed);
    for (int64_t step = 1; step <= 600; step++) {
        struct operation o = {.kind = (int)rng_below(&rng, 4), .id = (int64_t)rng_below(&rng, MODEL_IDS), .value = step};
        struct err e = db_write(db, operate, &o);
        if (o.kind == OP_SET) {
            assert_ok(e);
            if (model[o.id]) model[o.id] = step;
        } else if (o.kind == OP_REMOVE) {
            assert_ok(e);
            model[o.id] = 0;
        } else if (model[o.id]) {
            assert_error(e, "db.unique");
        } else if (o.kind == OP_FAIL) {
            assert_error(e, "test.no");
        } else {
            assert_ok(e);
            model[o.id] = step;
        }
        if (step % 20 == 0) assert_ok(db_read(db, compare, model));
        if (step % 200 == 0) {
            db_close(&db);
            db = test_store_open(s, schemas, 1);
        }
    }
    db_close(&db);
}

/* --- another program holds the file --- */

static void a_locked_database_is_said_and_survived(void **state) {
    struct test_store *s = test_store_of(state);
    struct db *db = test_store_open_with(s, (struct db_options){.busy_wait_ms = 30}, schemas, 1);
    sqlite3 *other;
    assert_int_equal(sqlite3_open(s->url, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    struct note n = {.id = 1};
    assert_error(db_write(db, note_add, &n), "db.locked");
    assert_int_equal(count(db, 0, 10).whole, 0); /* reading goes on */
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    assert_ok(db_write(db, note_add, &n));
    db_close(&db);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(many_threads_get_their_own_answers),       ON_BOTH(what_waits_is_committed_together),
        ON_BOTH(a_group_and_a_queue_have_their_limits),    ON_BOTH(closing_answers_all_that_wait),
        ON_BOTH(what_was_answered_outlives_a_kill),        ON_BOTH(random_operations_agree_with_a_table),
        ON_SQLITE(a_locked_database_is_said_and_survived),
    };
    return cmocka_run_group_tests_name("db_writer", tests, NULL, NULL);
}
