/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * db.h: one interface over SQLite (the default: one file) and PostgreSQL (when one machine is not enough).
 *
 * The model
 *   struct db            one database. Has one writer thread and a pool of connections that cannot write.
 *   struct db_statement  SQL as static data in a room's NAME_sql.c: it has a name, its values are bound by name (:title_id),
 *                        and where the two databases differ both texts stand side by side.
 *   struct db_tx         a transaction, given to your function. It nests by being handed on; nobody else can commit it.
 *   struct db_rows       what a query answered, whole, in your arena.
 *   struct db_schema     a room's tables as a list of migrations.
 *
 * Writing is a function that is run for you (`db_write`). Requests of all threads queue; the writer takes what is there, runs one
 * after the other inside one transaction, commits with full durability, and only then answers any of them. A crash
 * before the commit answered nobody; a request that fails takes back its own changes and no other's. While one group is on
 * its way to the disk the next one gathers, so a group grows with the load and nobody waits for a timer.
 * Since a lost connection, a full disk, or another's request that fails half-way can undo a whole group, your function may be run again from its start:
 * it must set its results, never add to them, and do nothing but SQL and arithmetic. Requests run in the order in which they came.
 *
 * Reading (`db_read`) is the same with a connection that cannot write. All of one call's queries see the same moment.
 * What an answered write changed, every later read sees.
 *
 * Errors are sticky: after a statement failed, all later ones of that transaction fail with the same error at once and give
 * fallbacks or no rows, and the transaction fails with it even if your function returns ERR_OK. So a run of statements
 * may be checked once, at its end. A clash that you expect is not an error: write ON CONFLICT DO NOTHING and look at `changed`.
 *
 * Both databases behave alike: isolation is serialisable for writes and one snapshot for reads; text is UTF-8 without zero bytes
 * and sorts bytewise; tables are STRICT; foreign keys hold; NULL is never equal to anything.
 *
 * Errors of all calls below, besides those named at each:
 *   ERR_CONFLICT  db.unique, db.foreign_key, db.check (also NOT NULL)   the data would break a rule of the schema
 *   ERR_INPUT     db.text       text that is not UTF-8 or contains a zero byte
 *   ERR_BUSY      db.locked     another program holds the database; db.queue_full; db.readers_busy; db.contended
 *   ERR_LIMIT     db.full (disk), memory, db.large (more than the arena may hold)
 *   ERR_IO        db.lost (no connection now: nothing was changed), db.in_doubt (lost while committing and nobody can be asked:
 *                 it may stand or not), db.io (disk), db.corrupt
 *   ERR_BUG       db.sql        the database does not understand a statement */
#ifndef SYSTEM_DB_DB_H
#define SYSTEM_DB_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/slice.h"
#include "base/thread.h"

struct db;
struct db_tx;

/* --- opening and closing --- */

enum db_engine { DB_SQLITE, DB_POSTGRES };

struct db_options {
    /* "postgres://user@host/name", "postgresql://..." (libpq's form, passwords also from PGPASSFILE), "sqlite:PATH", or a path.
     * The file is made, readable by its owner alone, if it is not there; its folder must be. */
    const char *url;
    unsigned readers_max;   /* connections that read, each used by one thread at a time; 0: 4 */
    unsigned group_max;     /* requests that one transaction carries at most; 0: 1000 */
    unsigned queue_max;     /* requests that wait at most, beyond which db.queue_full; 0: 20,000 */
    unsigned busy_wait_ms;  /* how long to wait for another program's lock or a free reader; 0: 5,000 */
    bool may_lose_latest;   /* answers before the disk has it: after a power cut the latest transactions may be missing, each of them whole. For what can be made again */
};

/* Opens, checks that it works, and starts the writer ("db-writer") and, for SQLite, "db-checkpoint". Errors besides
 * those above: ERR_INPUT db.url, db.foreign (a file that is no database), db.old (PostgreSQL before 12), ERR_NOT_FOUND db.folder,
 * ERR_DENIED db.denied, ERR_IO db.connect. */
MUST_USE struct err db_open(struct db **out, const struct db_options *);
/* Runs what is queued, answers it, stops the threads, frees, clears the pointer. The caller sees to it that nobody
 * asks any more. NULL is fine. */
void db_close(struct db **);
enum db_engine db_engine(const struct db *);

/* --- schema --- */

/* SQL of both databases, one or more statements with a semicolon after each. These words are replaced in it:
 *   $ID      INTEGER PRIMARY KEY            BIGINT PRIMARY KEY        (63-bit ids of base/id.h)
 *   $INT     INTEGER                        BIGINT
 *   $TEXT    TEXT                           TEXT COLLATE "C"          (bytewise in both)
 *   $BLOB    BLOB                           BYTEA
 *   $REAL    REAL                           DOUBLE PRECISION
 *   $TABLE   STRICT                         (nothing)                 after the closing bracket of each table
 *   $KEYED   STRICT, WITHOUT ROWID          (nothing)                 the same for one with a compound primary key
 *
 *   CREATE TABLE genre(id $ID, org_id $INT NOT NULL, name $TEXT NOT NULL, UNIQUE(org_id, name)) $TABLE;
 */
struct db_migration {
    const char *sql;
    const char *sql_postgres; /* NULL: the same */
};
/* A room's tables. migrations[0] makes version 1. What has been released is never changed, only added to. */
struct db_schema {
    const char *room;
    const struct db_migration *migrations;
    int versions;
};
/* Brings all rooms to their newest version, in the order given, in one transaction: all or nothing. Several servers may start at
 * once. Errors: ERR_CONFLICT db.newer (the database was made by a newer program; nothing is touched), ERR_BUG db.sql. */
MUST_USE struct err db_migrate(struct db *, const struct db_schema *const *schemas, size_t count);

/* --- statements and values --- */

struct db_statement {
    const char *name; /* "catalog.title_insert": in logs and error lines */
    const char *sql;  /* with :names; what stands in quotes or comments is left alone */
    const char *sql_postgres; /* NULL: the same */
};

enum db_type { DB_TYPE_NULL, DB_TYPE_INT, DB_TYPE_REAL, DB_TYPE_TEXT, DB_TYPE_BLOB, DB_TYPE_INTS };
struct db_value {
    enum db_type type;
    bool is_null; /* of this type, as PostgreSQL wants to know */
    int64_t integer;
    double real;
    struct slice bytes; /* text or blob */
    const int64_t *ints; /* DB_INTS */
    size_t int_count;
};
struct db_bind {
    const char *name;
    struct db_value value;
};
#define DB_INT(key, n) ((struct db_bind){(key), {.type = DB_TYPE_INT, .integer = (n)}})
#define DB_BOOL(key, b) DB_INT((key), (b) ? 1 : 0)
#define DB_REAL(key, x) ((struct db_bind){(key), {.type = DB_TYPE_REAL, .real = (x)}})
#define DB_TEXT(key, s) ((struct db_bind){(key), {.type = DB_TYPE_TEXT, .bytes = (s)}})
#define DB_CSTR(key, text) DB_TEXT((key), slice_cstr(text))
#define DB_BLOB(key, s) ((struct db_bind){(key), {.type = DB_TYPE_BLOB, .bytes = (s)}})
/* NULL when the condition does not hold, or when the slice has no pointer. */
#define DB_INT_IF(key, cond, n) ((struct db_bind){(key), {.type = DB_TYPE_INT, .is_null = !(cond), .integer = (n)}})
#define DB_TEXT_OR_NULL(key, s) db_bind_bytes((key), DB_TYPE_TEXT, (s))
#define DB_BLOB_OR_NULL(key, s) db_bind_bytes((key), DB_TYPE_BLOB, (s))
static inline struct db_bind db_bind_bytes(const char *key, enum db_type type, struct slice s) {
    return (struct db_bind){key, {.type = type, .is_null = !s.ptr, .bytes = s}};
}

/* A macro each, so that values stand where they are used:
 *     e = DB_RUN(tx, &title_rename, DB_INT("org_id", org), DB_INT("id", id), DB_TEXT("name", name));
 * Binding a name that the statement does not have, or leaving one out, ends the program: a bug of ours. Slices are read during the call. */

/* For statements that change something. DB_CHANGE also says how many rows it changed. With PostgreSQL DB_RUN does not wait for the answer: an error may come with
 * a later statement of the same request, or after its end, and is then the request's answer. */
#define DB_RUN(tx, statement, ...) db_run((tx), NULL, (statement), DB_BINDS_(__VA_ARGS__))
#define DB_CHANGE(tx, changed, statement, ...) db_run((tx), (changed), (statement), DB_BINDS_(__VA_ARGS__))
MUST_USE struct err db_run(struct db_tx *, int64_t *changed, const struct db_statement *, const struct db_bind *, size_t count);

/* All rows of a query (or of INSERT/UPDATE/DELETE ... RETURNING), in `arena`. Bound their number with LIMIT.
 *     struct db_rows rows;
 *     e = DB_QUERY(tx, arena, &rows, &titles_of_org, DB_INT("org_id", org), DB_INT("limit", 100));
 *     for (size_t i = 0; i < rows.count; i++) use(db_int(&rows, i, "id"), db_text(&rows, i, "name")); */
struct db_rows {
    size_t count, columns;
    const char *const *names;
    const struct db_value *cells; /* row after row */
};
#define DB_QUERY(tx, arena, rows, statement, ...) db_query((tx), (arena), (rows), (statement), DB_BINDS_(__VA_ARGS__))
MUST_USE struct err db_query(struct db_tx *, struct arena *, struct db_rows *, const struct db_statement *, const struct db_bind *,
                             size_t count);

/* One cell of a row, by column name; an unknown name ends the program. NULL, or another type than asked for, is 0 or SLICE_NONE. */
int64_t db_int(const struct db_rows *, size_t row, const char *column);
double db_real(const struct db_rows *, size_t row, const char *column);
struct slice db_text(const struct db_rows *, size_t row, const char *column);
struct slice db_blob(const struct db_rows *, size_t row, const char *column);
bool db_is_null(const struct db_rows *, size_t row, const char *column);
/* By index, for long results: find the columns once. */
size_t db_column(const struct db_rows *, const char *column);
const struct db_value *db_cell(const struct db_rows *, size_t row, size_t column);

/* The first cell of the first row, or `fallback` when there is no row, it is NULL, or something fails (sticky, see above).
 *     int64_t titles = DB_GET_INT(tx, 0, &count_titles, DB_INT("org_id", org)); */
#define DB_GET_INT(tx, fallback, statement, ...) db_get_int((tx), (fallback), (statement), DB_BINDS_(__VA_ARGS__))
int64_t db_get_int(struct db_tx *, int64_t fallback, const struct db_statement *, const struct db_bind *, size_t count);
/* Text or blob, copied to `arena`; SLICE_NONE as the fallback. */
#define DB_GET_TEXT(tx, arena, statement, ...) db_get_bytes((tx), (arena), (statement), DB_BINDS_(__VA_ARGS__))
#define DB_GET_BLOB(tx, arena, statement, ...) db_get_bytes((tx), (arena), (statement), DB_BINDS_(__VA_ARGS__))
struct slice db_get_bytes(struct db_tx *, struct arena *, const struct db_statement *, const struct db_bind *, size_t count);

/* Many rows by one statement. Each column is an array of `rows` numbers, bound by name; none of them is NULL. SQLite runs the statement once
 * for each row (values are bound by their place, not by name: three times as fast as DB_RUN); PostgreSQL once for all, each column as one
 * bigint[] for unnest():
 *     {.name = "ledger.balance_put",
 *      .sql = "UPDATE balance SET amount = :amount WHERE id = :id",
 *      .sql_postgres = "UPDATE balance b SET amount = n.amount FROM unnest(:id, :amount) AS n(id, amount) WHERE b.id = n.id"}
 * Rows go in their order. *changed (may be NULL) is the sum over all rows. */
struct db_ints {
    const char *name;
    const int64_t *values; /* as many as there are rows */
};
MUST_USE struct err db_run_rows(struct db_tx *, int64_t *changed, const struct db_statement *, const struct db_ints *columns, size_t column_count,
                                size_t rows);
/* Numbers as one value of a query: `= ANY(:ids)`. PostgreSQL only; to SQLite it is a bug. */
#define DB_INTS(key, numbers, n) ((struct db_bind){(key), {.type = DB_TYPE_INTS, .ints = (numbers), .int_count = (n)}})

/* Goes through the rows of a query without keeping them: for what looks at millions. All columns are whole numbers (NULL and others: 0). An error of
 * `row` ends it and is returned (it is not sticky). SQLite reads while it goes; PostgreSQL sends the answer as a whole, so page it by its key. */
typedef struct err db_row_fn(void *user, const int64_t *row);
#define DB_SCAN(tx, statement, row, user, ...) db_scan((tx), (statement), (row), (user), DB_BINDS_(__VA_ARGS__))
MUST_USE struct err db_scan(struct db_tx *, const struct db_statement *, db_row_fn *row, void *user, const struct db_bind *, size_t count);

/* The sticky error, ERR_OK if none. */
MUST_USE struct err db_tx_error(const struct db_tx *);
enum db_engine db_tx_engine(const struct db_tx *);
bool db_tx_may_write(const struct db_tx *); /* it runs on the writer, not on a connection that only reads */

#define DB_BINDS_(...) \
    (const struct db_bind[]){{0}, ##__VA_ARGS__} + 1, sizeof((const struct db_bind[]){{0}, ##__VA_ARGS__}) / sizeof(struct db_bind) - 1

/* --- transactions --- */

/* What it returns other than ERR_OK takes back its changes and becomes the answer. */
typedef struct err db_fn(struct db_tx *, void *arg);

/* Waits for the answer: for worker threads, never for a loop thread or inside a db_fn. Returns what `fn` returned, after
 * its changes are on disk. */
#define db_write(db, fn, arg) db_write_at((db), (fn), (arg), __FILE__, __LINE__)
MUST_USE struct err db_write_at(struct db *, db_fn *fn, void *arg, const char *file, int line);

/* Does not wait: for loop threads. The request is the caller's memory (embed it in what asks) and must stay until `done`,
 * which is called exactly once, on the writer thread after the commit, or at once on this thread with db.queue_full.
 * `done` must be quick, and hands the answer on: an inbox_push of `item` (free to use from then on) to the loop that asked. */
struct db_request {
    struct inbox_item item;
    db_fn *fn;
    void *arg;
    void (*done)(struct db_request *, struct err);
    /* filled in by db_write_async */
    const char *file;
    int line;
    struct err answer;
    struct mono_time queued_at;
};
#define db_write_async(db, request) db_write_async_at((db), (request), __FILE__, __LINE__)
void db_write_async_at(struct db *, struct db_request *, const char *file, int line);

/* Waits for a free connection (db.readers_busy after busy_wait_ms). For worker threads. Not inside another db_fn. */
#define db_read(db, fn, arg) db_read_at((db), (fn), (arg), __FILE__, __LINE__)
MUST_USE struct err db_read_at(struct db *, db_fn *fn, void *arg, const char *file, int line);

/* --- participants: rooms that keep in memory what the writer's groups change --- */

/* Who validates in memory on the writer thread and writes once for each group (the ledger) must know what becomes of each request and of
 * the group as a whole. All functions are called on the writer thread; none may be NULL.
 *
 *     before_request(tx)  may write: what came before this request stands, whatever becomes of it.
 *        the request's function runs
 *     after_request(is_kept)   false: it failed, and nothing of it stands in the tables; take back in memory what it did
 *     ...
 *     before_commit(tx)   write what has gathered
 *     after_group(end)    DB_GROUP_COMMITTED: it is durable; nobody was answered yet.
 *                         DB_GROUP_UNDONE: nothing of it stands; its requests are answered with an error or run again from their start.
 *                         DB_GROUP_UNKNOWN: nobody can say (db.in_doubt). Read anew what is stored before the next request.
 *
 * after_group is called once for each group that had a before_request; after_request may be missing for the request during which the
 * whole group was undone. An error of before_request or before_commit undoes the group, and all its requests are answered with it. */
enum db_group_end { DB_GROUP_COMMITTED, DB_GROUP_UNDONE, DB_GROUP_UNKNOWN };
struct db_participant {
    void *self;
    struct err (*before_request)(void *self, struct db_tx *);
    void (*after_request)(void *self, bool is_kept);
    struct err (*before_commit)(void *self, struct db_tx *);
    void (*after_group)(void *self, enum db_group_end);
};
/* Takes part from the next group on, or no more after it returned. Waits for the writer: not inside a db_fn. The struct is the caller's and stays until
 * it has left; those that joined are asked in the order in which they came. ERR_LIMIT db.participants (at most 4). */
MUST_USE struct err db_join(struct db *, const struct db_participant *);
void db_leave(struct db *, const struct db_participant *);

/* --- watching it --- */

struct db_stats { /* counters since opening; a snapshot that any thread may take */
    uint64_t writes, writes_failed;       /* requests answered, and those of them with an error */
    uint64_t groups, group_writes_max;    /* transactions committed, and the largest */
    uint64_t commits_failed, reruns;      /* groups that the database refused or lost; groups run again */
    uint64_t queue_full, queued;          /* refused since the queue was full; waiting now */
    uint64_t wait_ns, commit_ns;          /* sums: from queueing to answer; inside commit */
    uint64_t reads, reads_failed, read_waits; /* read_waits: those that found no free connection */
    uint64_t statements, rows_read, rows_changed;
    uint64_t prepared, connections_lost, checkpoints;
};
struct db_stats db_stats(const struct db *);

/* For `grandstand doctor`: looks at everything, may take long. Text lives in the arena. */
struct db_health {
    enum db_engine engine;
    struct slice version;                 /* "SQLite 3.40.1", "PostgreSQL 15.20" */
    int64_t bytes, bytes_free;            /* of the database; of its disk. -1: unknown */
    bool is_sound;
    struct slice finding;                 /* the first thing that is wrong, else empty */
};
MUST_USE struct err db_check(struct db *, struct arena *, struct db_health *out);

#endif
