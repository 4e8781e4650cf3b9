/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * driver.h: what the two databases have in common, for this room only. A connection belongs to one thread at a time.
 *
 * A driver reports errors as db.h lists them. After an error that ended the transaction as a whole (SQLite rolls back by
 * itself when a disk is full, PostgreSQL asks for another try when two nodes collide, a connection breaks),
 * `fate` says so, and nothing else may be asked of that transaction but rollback. */
#ifndef SYSTEM_DB_DRIVER_H
#define SYSTEM_DB_DRIVER_H

#include <stdatomic.h>

#include "system/db/db.h"

enum { DB_BINDS_MAX = 64, DB_COLUMNS_MAX = 64, DB_PREPARED_MAX = 512 };

enum db_fate {
    DB_FATE_OPEN,  /* the transaction stands (perhaps with a failed statement since its savepoint) */
    DB_FATE_GONE,  /* the database has undone it because of the last statement */
    DB_FATE_AGAIN, /* it collided with another writer: the same again may succeed */
    DB_FATE_LOST,  /* the connection broke; nothing was committed */
    DB_FATE_DOUBT, /* the connection broke, or the disk failed, inside commit */
};

enum db_role { DB_ROLE_WRITER, DB_ROLE_READER, DB_ROLE_KEEPER /* checkpoints and doctor */ };

struct db_counters {
#define DB_COUNTERS(X)                                                                                                                  \
    X(writes)                                                                                                                           \
    X(writes_failed) X(groups) X(group_writes_max) X(commits_failed) X(reruns) X(queue_full) X(queued) X(wait_ns) X(commit_ns) X(reads) \
        X(reads_failed) X(read_waits) X(statements) X(rows_read) X(rows_changed) X(prepared) X(connections_lost) X(checkpoints)
#define X(name) atomic_uint_fast64_t name;
    DB_COUNTERS(X)
#undef X
};
static inline void db_count(atomic_uint_fast64_t *counter, uint64_t n) { atomic_fetch_add_explicit(counter, n, memory_order_relaxed); }

struct db_target {
    const struct db_driver *driver;
    char *where; /* path or URL; a URL may hold a password and never goes into a log */
    unsigned busy_wait_ms;
    bool may_lose_latest;
    struct db_counters *counters;
};

/* The part of a connection that both drivers begin with. */
struct db_connection {
    const struct db_target *target;
    enum db_role role;
    enum db_fate fate;
    /* Since the writer cleared it: a statement has changed something, or may have, or has spoiled the transaction by failing. A request that fails while this is
     * not so has left nothing behind. */
    bool must_undo;
    bool is_late; /* the last error is of an earlier statement than the one that it answered (see settle) */
    bool is_unusable; /* its transaction could not even be ended (no memory): closing it will */
    int wal_pages;         /* after the last commit; SQLite */
    struct arena *scratch; /* for single values; 1 MB */
};

/* What a statement shall give: rows into an arena (at most rows_max), or only the number of changes. */
struct db_output {
    struct arena *arena; /* NULL: no rows are wanted */
    struct db_rows *rows;
    size_t rows_max;
    db_row_fn *row; /* NULL; else rows of numbers go there, one by one, and not into an arena */
    void *user;
    struct err row_error; /* what `row` said */
    bool can_wait; /* nobody asks what it changed: its error may come with a later statement, or with settle */
    int64_t scanned;
    int64_t changed;
};

struct db_driver {
    enum db_engine engine;
    struct err (*connect)(struct db_connection **out, const struct db_target *, enum db_role);
    void (*close)(struct db_connection *);
    struct err (*begin)(struct db_connection *);
    /* On an error the transaction is over, and `fate` says what is known. */
    struct err (*commit)(struct db_connection *);
    void (*rollback)(struct db_connection *);
    /* One savepoint at a time: set before a request where the writer is careful, then released or returned to. */
    struct err (*savepoint_set)(struct db_connection *);
    struct err (*savepoint_release)(struct db_connection *);
    struct err (*savepoint_return)(struct db_connection *);
    /* Learns what became of the statements that nobody has waited for. */
    struct err (*settle)(struct db_connection *);
    struct err (*execute)(struct db_connection *, const struct db_statement *, const struct db_bind *, size_t count, struct db_output *);
    /* `changed` NULL: as can_wait. */
    struct err (*execute_rows)(struct db_connection *, const struct db_statement *, const struct db_ints *columns, size_t column_count, size_t rows,
                               int64_t *changed);
    struct err (*script)(struct db_connection *, const char *sql); /* several statements, inside the transaction */
    /* Keeps others that migrate out until the end of the transaction. */
    struct err (*migration_lock)(struct db_connection *);
    /* After DB_FATE_DOUBT, on a new connection: did `before`'s transaction commit? ERR_IO db.in_doubt if that cannot be known. */
    struct err (*was_committed)(struct db_connection *fresh, const struct db_connection *before, bool *out);
    struct err (*checkpoint)(struct db_connection *); /* NULL where there is none */
    struct err (*health)(struct db_connection *, struct arena *, struct db_health *);
};
extern const struct db_driver db_sqlite_driver, db_postgres_driver;

/* --- statement.c: SQL text --- */

struct db_sql {
    char *text;   /* with ?1 or $1 for the names */
    char **names; /* of ?1, ?2, ... */
    size_t name_count;
};
/* columns[i] is the array for name i+1. Ends the program when a name is missing or unknown. */
void db_sql_columns(const struct db_sql *, const struct db_statement *, const struct db_ints *columns, size_t count,
                    const int64_t *values[DB_BINDS_MAX]);
/* The text for this engine with its names numbered. Too many names is a bug; ERR_LIMIT when memory ran out. */
MUST_USE struct err db_sql_translate(const struct db_statement *, enum db_engine, struct db_sql *out);
void db_sql_free(struct db_sql *);
/* values[i] is what was bound to name i+1. Ends the program when a name is missing or unknown; ERR_INPUT db.text. */
MUST_USE struct err db_sql_bind(const struct db_sql *, const struct db_statement *, const struct db_bind *, size_t count,
                                const struct db_value *values[DB_BINDS_MAX]);
/* $ID, $INT ... replaced, appended to `out`. */
void db_schema_expand(struct buf *out, const char *sql, enum db_engine);
_Noreturn void db_bug(const struct db_statement *, const char *what, const char *name);

/* --- rows.c: collecting results --- */

/* Cells gather in a vector of the connection, which is kept; the finished rows go to the arena. */
struct db_collector {
    struct db_value *cells;
    size_t len, capacity;
};
/* NULL when memory ran out. */
struct db_value *db_collector_push(struct db_collector *);
void db_collector_free(struct db_collector *);
/* The names of a statement's columns, asked for once and kept with what was prepared. */
struct db_names {
    size_t count, bytes;
    char *text; /* one after the other, each with its zero; NULL: not asked yet */
};
MUST_USE struct err db_names_need(struct db_names *, size_t columns, const char *(*name_of)(void *, int), void *user);
void db_names_free(struct db_names *);
MUST_USE struct err db_rows_finish(struct db_output *, const struct db_collector *, const struct db_names *);

/* --- db.c --- */

struct db_tx {
    struct db *db;
    struct db_connection *conn;
    struct err error; /* sticky */
    const char *file; /* who opened it */
    int line;
};
struct err db_connection_open(const struct db_target *, enum db_role, struct db_connection **out);
void db_connection_close(struct db_connection **);
/* Runs `fn`, with the sticky error as its answer if there is one; complains in the log if it took very long. */
struct err db_tx_run(struct db *, struct db_connection *, db_fn *, void *arg, const char *file, int line);
bool db_is_inside(void); /* this thread is inside a db_fn or `done` */
void db_inside_set(bool);

struct err db_error_lost(void);

/* --- writer.c --- */

struct db_writer;
struct err db_writer_start(struct db_writer **, struct db *, struct db_connection *first, const struct db_options *);
/* After all that is queued was answered. Gives back its connection, NULL if it has none now. */
struct db_connection *db_writer_stop(struct db_writer **);
void db_writer_push(struct db_writer *, struct db_request *);
/* The log of a SQLite database has grown: moves it into the file, beside the writer. */
void db_keeper_wake(struct db *);

struct db {
    struct db_target target;
    struct db_counters counters;
    struct db_writer *writer;

    struct lock pool_lock;
    struct condition pool_freed;
    struct db_connection **idle; /* a stack of those not in use; room for readers_max */
    unsigned idle_count, open_count, readers_max;

    struct lock keeper_lock; /* SQLite only */
    struct condition keeper_rung;
    bool keeper_is_wanted, keeper_must_end;
    struct db_connection *keeper_connection;
    struct thread *keeper;
};

#endif
