/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Opening and closing, the pool of readers, and what a transaction can do. The writer is in writer.c. */
#include "system/db/db.h"

#include <assert.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "system/db/driver.h"

enum { SLOW_MS = 1000, READ_PAUSE_MS_MIN = 5, READ_PAUSE_MS_MAX = 500 };

/* Inside a db_fn this thread has a connection: waiting for another one could wait for itself. */
static _Thread_local bool is_inside;
bool db_is_inside(void) { return is_inside; }
void db_inside_set(bool inside) { is_inside = inside; }

struct err db_error_lost(void) {
    return err_make(ERR_IO, "db.lost", "The database cannot be reached at the moment. Nothing was changed; try again.");
}

struct err db_connection_open(const struct db_target *target, enum db_role role, struct db_connection **out) {
    return target->driver->connect(out, target, role);
}

void db_connection_close(struct db_connection **address) {
    if (!*address) return;
    (*address)->target->driver->close(*address);
    *address = NULL;
}

/* --- the keeper: checkpoints off the writer's path (SQLite) --- */

void db_keeper_wake(struct db *db) {
    if (!db->keeper) return;
    lock_take(&db->keeper_lock);
    db->keeper_is_wanted = true;
    condition_wake_one(&db->keeper_rung);
    lock_give(&db->keeper_lock);
}

static void keeper_run(void *arg) {
    struct db *db = arg;
    for (;;) {
        lock_take(&db->keeper_lock);
        while (!db->keeper_is_wanted && !db->keeper_must_end) condition_wait(&db->keeper_rung, &db->keeper_lock);
        bool must_end = db->keeper_must_end;
        db->keeper_is_wanted = false;
        lock_give(&db->keeper_lock);
        if (must_end) return;
        struct err e = db->target.driver->checkpoint(db->keeper_connection); /* has written its own log line */
        (void)e;                                                             /* the log stays longer; the next commit asks again */
    }
}

static struct err keeper_start(struct db *db) {
    if (!db->target.driver->checkpoint) return ERR_OK;
    struct err e = db_connection_open(&db->target, DB_ROLE_KEEPER, &db->keeper_connection);
    return e.kind ? e : thread_start(&db->keeper, "db-checkpoint", keeper_run, db);
}

static void keeper_stop(struct db *db) {
    if (db->keeper) {
        lock_take(&db->keeper_lock);
        db->keeper_must_end = true;
        condition_wake_one(&db->keeper_rung);
        lock_give(&db->keeper_lock);
        thread_join(&db->keeper);
    }
    db_connection_close(&db->keeper_connection);
}

/* --- opening --- */

static struct err target_of(const char *url, struct db_target *t) {
    struct slice s = slice_cstr(url);
    if (!s.len) return err_make(ERR_INPUT, "db.url", "Say where the database is: a path, or postgres://user@host/name.");
    bool is_postgres = slice_starts_with(s, SLICE("postgres://")) || slice_starts_with(s, SLICE("postgresql://"));
    if (!is_postgres && slice_starts_with(s, SLICE("sqlite:")))
        s = slice_sub(s, strlen("sqlite:"), s.len);
    else if (!is_postgres && slice_find(s, SLICE("://")) != SLICE_NPOS)
        return err_make(ERR_INPUT, "db.url", "A database is a path, or postgres://user@host/name; this is something else.");
    t->driver = is_postgres ? &db_postgres_driver : &db_sqlite_driver;
    t->where = mem_strndup(s.ptr, s.len);
    return t->where ? ERR_OK : err_memory();
}

struct err db_open(struct db **out, const struct db_options *given) {
    struct db_options o = *given;
    if (!o.readers_max) o.readers_max = 4;
    if (!o.group_max) o.group_max = 1000;
    if (!o.queue_max) o.queue_max = 20000;
    if (!o.busy_wait_ms) o.busy_wait_ms = 5000;

    struct db *db = mem_zalloc(sizeof *db);
    if (!db) return err_memory();
    lock_init(&db->pool_lock, LOCK_db_pool);
    condition_init(&db->pool_freed);
    lock_init(&db->keeper_lock, LOCK_db_keeper);
    condition_init(&db->keeper_rung);
    db->readers_max = o.readers_max;
    db->target.busy_wait_ms = o.busy_wait_ms;
    db->target.may_lose_latest = o.may_lose_latest;
    db->target.counters = &db->counters;
    struct db_connection *first = NULL;
    struct err e = target_of(o.url, &db->target);
    if (!e.kind && !(db->idle = mem_zalloc_array(o.readers_max, sizeof(struct db_connection *)))) e = err_memory();
    if (!e.kind) e = db_connection_open(&db->target, DB_ROLE_WRITER, &first);
    if (!e.kind) e = keeper_start(db);
    if (!e.kind) e = db_writer_start(&db->writer, db, first, &o);
    if (e.kind) {
        if (!db->writer) db_connection_close(&first);
        db_close(&db);
        return e;
    }
    *out = db;
    return ERR_OK;
}

void db_close(struct db **address) {
    struct db *db = *address;
    if (!db) return;
    *address = NULL;
    struct db_connection *last = db_writer_stop(&db->writer);
    keeper_stop(db);
    assert(db->idle_count == db->open_count); /* nobody reads any more */
    while (db->idle_count) db_connection_close(&db->idle[--db->idle_count]);
    /* The last to close a SQLite database moves its log into it and removes the log; one that only reads could not, and
     * whoever then copied the one file would copy an old state. */
    db_connection_close(&last);
    mem_free(db->idle);
    mem_free(db->target.where);
    condition_destroy(&db->keeper_rung);
    lock_destroy(&db->keeper_lock);
    condition_destroy(&db->pool_freed);
    lock_destroy(&db->pool_lock);
    mem_free(db);
}

enum db_engine db_engine(const struct db *db) { return db->target.driver->engine; }

/* --- transactions --- */

struct err db_tx_run(struct db *db, struct db_connection *conn, db_fn *fn, void *arg, const char *file, int line) {
    struct db_tx tx = {.db = db, .conn = conn, .file = file, .line = line};
    struct mono_time start = clock_mono(clock_system());
    struct err e = fn(&tx, arg);
    if (tx.error.kind) e = tx.error; /* also when fn has overlooked it */
    int64_t ms = mono_diff_ns(clock_mono(clock_system()), start) / NS_PER_MS;
    if (ms >= SLOW_MS) log_warn("db", "slow", LOG_TEXT("file", file), LOG_INT("line", line), LOG_INT("ms", ms));
    return e;
}

static struct err execute(struct db_tx *tx, const struct db_statement *s, const struct db_bind *binds, size_t count,
                          struct db_output *out) {
    if (tx->error.kind) return tx->error;
    tx->error = tx->conn->target->driver->execute(tx->conn, s, binds, count, out);
    db_count(&tx->db->counters.statements, 1);
    if (tx->error.kind == ERR_BUG)
        log_error("db", "statement", LOG_TEXT("statement", s->name), LOG_TEXT("file", tx->file), LOG_INT("line", tx->line));
    return tx->error;
}

struct err db_run(struct db_tx *tx, int64_t *changed, const struct db_statement *s, const struct db_bind *binds, size_t count) {
    struct db_output out = {.can_wait = !changed};
    struct err e = execute(tx, s, binds, count, &out);
    if (e.kind) return e;
    db_count(&tx->db->counters.rows_changed, (uint64_t)out.changed);
    if (changed) *changed = out.changed;
    return ERR_OK;
}

struct err db_run_rows(struct db_tx *tx, int64_t *changed, const struct db_statement *s, const struct db_ints *columns, size_t column_count,
                       size_t rows) {
    if (tx->error.kind) return tx->error;
    int64_t sum = 0;
    if (rows) tx->error = tx->conn->target->driver->execute_rows(tx->conn, s, columns, column_count, rows, changed ? &sum : NULL);
    db_count(&tx->db->counters.statements, 1);
    if (tx->error.kind == ERR_BUG)
        log_error("db", "statement", LOG_TEXT("statement", s->name), LOG_TEXT("file", tx->file), LOG_INT("line", tx->line));
    if (tx->error.kind) return tx->error;
    db_count(&tx->db->counters.rows_changed, (uint64_t)sum);
    if (changed) *changed = sum;
    return ERR_OK;
}

struct err db_query(struct db_tx *tx, struct arena *arena, struct db_rows *rows, const struct db_statement *s, const struct db_bind *binds,
                    size_t count) {
    struct db_rows got;
    struct db_output out = {.arena = arena, .rows = &got, .rows_max = SIZE_MAX};
    struct err e = execute(tx, s, binds, count, &out);
    if (e.kind) return e;
    db_count(&tx->db->counters.rows_read, got.count);
    db_count(&tx->db->counters.rows_changed, (uint64_t)out.changed);
    *rows = got;
    return ERR_OK;
}

struct err db_scan(struct db_tx *tx, const struct db_statement *s, db_row_fn *row, void *user, const struct db_bind *binds, size_t count) {
    struct db_output out = {.row = row, .user = user};
    struct err e = execute(tx, s, binds, count, &out);
    db_count(&tx->db->counters.rows_read, (uint64_t)out.scanned);
    return e.kind ? e : out.row_error;
}

/* The first cell, in the connection's scratch memory; NULL when there is none. */
static const struct db_value *first_cell(struct db_tx *tx, const struct db_statement *s, const struct db_bind *binds, size_t count) {
    struct db_rows rows;
    arena_reset(tx->conn->scratch);
    struct db_output out = {.arena = tx->conn->scratch, .rows = &rows, .rows_max = 1};
    if (execute(tx, s, binds, count, &out).kind || !rows.count || !rows.columns) return NULL;
    db_count(&tx->db->counters.rows_read, 1);
    db_count(&tx->db->counters.rows_changed, (uint64_t)out.changed);
    return rows.cells[0].is_null ? NULL : &rows.cells[0];
}

int64_t db_get_int(struct db_tx *tx, int64_t fallback, const struct db_statement *s, const struct db_bind *binds, size_t count) {
    const struct db_value *v = first_cell(tx, s, binds, count);
    return v && v->type == DB_TYPE_INT ? v->integer : fallback;
}

struct slice db_get_bytes(struct db_tx *tx, struct arena *arena, const struct db_statement *s, const struct db_bind *binds, size_t count) {
    const struct db_value *v = first_cell(tx, s, binds, count);
    if (!v || (v->type != DB_TYPE_TEXT && v->type != DB_TYPE_BLOB)) return SLICE_NONE;
    struct slice copy = arena_copy(arena, v->bytes);
    if (!copy.ptr) tx->error = err_make(ERR_LIMIT, "db.large", "A value is larger than is accepted here.");
    return copy;
}

struct err db_tx_error(const struct db_tx *tx) {
    return tx->error;
}
enum db_engine db_tx_engine(const struct db_tx *tx) { return tx->conn->target->driver->engine; }
bool db_tx_may_write(const struct db_tx *tx) { return tx->conn->role == DB_ROLE_WRITER; }

/* --- reading --- */

static struct err reader_take(struct db *db, struct db_connection **out) {
    struct mono_time give_up = mono_add_ns(clock_mono(clock_system()), db->target.busy_wait_ms * NS_PER_MS);
    struct db_connection *c = NULL;
    bool may_open = false, has_waited = false;
    lock_take(&db->pool_lock);
    for (;;) {
        if (db->idle_count) {
            c = db->idle[--db->idle_count];
            break;
        }
        if (db->open_count < db->readers_max) {
            db->open_count++;
            may_open = true;
            break;
        }
        if (!has_waited) db_count(&db->counters.read_waits, 1);
        has_waited = true;
        int64_t left_ns = mono_diff_ns(give_up, clock_mono(clock_system()));
        if (left_ns <= 0) break;
        condition_wait_ns(&db->pool_freed, &db->pool_lock, left_ns);
    }
    lock_give(&db->pool_lock);
    if (!c && !may_open) return err_make(ERR_BUSY, "db.readers_busy", "Too many ask the database at once. Try again in a moment.");
    struct err e = ERR_OK;
    if (may_open) e = db_connection_open(&db->target, DB_ROLE_READER, &c);
    if (e.kind) {
        lock_take(&db->pool_lock);
        db->open_count--;
        condition_wake_one(&db->pool_freed);
        lock_give(&db->pool_lock);
        return e;
    }
    *out = c;
    return ERR_OK;
}

static void reader_give(struct db *db, struct db_connection *c) {
    bool is_lost = c->fate == DB_FATE_LOST || c->is_unusable;
    if (is_lost) db_connection_close(&c);
    lock_take(&db->pool_lock);
    if (is_lost)
        db->open_count--;
    else
        db->idle[db->idle_count++] = c;
    condition_wake_one(&db->pool_freed);
    lock_give(&db->pool_lock);
}

static struct err read_once(struct db *db, db_fn *fn, void *arg, const char *file, int line, enum db_fate *fate) {
    struct db_connection *c;
    struct err e = reader_take(db, &c);
    if (e.kind) return e;
    e = db->target.driver->begin(c);
    if (!e.kind) {
        is_inside = true;
        e = db_tx_run(db, c, fn, arg, file, line);
        is_inside = false;
        db->target.driver->rollback(c); /* nothing was changed: the cheapest end */
    }
    *fate = c->fate;
    reader_give(db, c);
    return e;
}

/* A server that cannot be connected to, after it could when we started: it may be coming back. */
static bool is_unreachable(struct err e) { return e.kind == ERR_IO && e.code && !strcmp(e.code, "db.connect"); }

struct err db_read_at(struct db *db, db_fn *fn, void *arg, const char *file, int line) {
    assert(!is_inside); /* pass the db_tx on instead */
    struct mono_time give_up = mono_add_ns(clock_mono(clock_system()), db->target.busy_wait_ms * NS_PER_MS);
    int64_t pause_ms = 0; /* not before the second try: a dead connection of the pool is replaced at once */
    struct err e;
    for (;;) {
        enum db_fate fate = DB_FATE_OPEN;
        e = read_once(db, fn, arg, file, line, &fate);
        bool is_worth_it = fate == DB_FATE_LOST || fate == DB_FATE_AGAIN || is_unreachable(e);
        if (!is_worth_it || mono_diff_ns(give_up, clock_mono(clock_system())) <= 0) break;
        struct timespec pause = {.tv_sec = pause_ms / 1000, .tv_nsec = pause_ms % 1000 * NS_PER_MS};
        nanosleep(&pause, NULL);
        pause_ms = pause_ms ? pause_ms * 2 < READ_PAUSE_MS_MAX ? pause_ms * 2 : READ_PAUSE_MS_MAX : READ_PAUSE_MS_MIN;
    }
    if (is_unreachable(e)) e = db_error_lost();
    db_count(&db->counters.reads, 1);
    if (e.kind) db_count(&db->counters.reads_failed, 1);
    return e;
}

/* --- watching --- */

struct db_stats db_stats(const struct db *db) {
    struct db_stats s;
#define X(name) s.name = atomic_load_explicit(&db->counters.name, memory_order_relaxed);
    DB_COUNTERS(X)
#undef X
    return s;
}

struct err db_check(struct db *db, struct arena *arena, struct db_health *out) {
    struct db_connection *c;
    struct err e = reader_take(db, &c);
    if (e.kind) return e;
    e = db->target.driver->health(c, arena, out);
    reader_give(db, c);
    return e;
}
