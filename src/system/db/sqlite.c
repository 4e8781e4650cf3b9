/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * SQLite behind driver.h. WAL with synchronous=FULL: a commit has reached the disk when it returns (sqlite.org/pragma.html,
 * "synchronous"), readers see the last commit and never wait. Checkpoints run on a connection of their own, so that they do not
 * stand in the way of a commit; the log file starts anew when one has caught up. */
#include <assert.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "system/db/driver.h"

struct prepared {
    const struct db_statement *source; /* NULL: an empty slot */
    struct db_sql sql;
    struct db_names names; /* of its columns */
    sqlite3_stmt *handle;
};

struct sqlite_connection {
    struct db_connection common; /* first: the driver's functions are given this */
    sqlite3 *handle;
    struct prepared prepared[DB_PREPARED_MAX * 2]; /* hashed by address of the statement, linear probing, at most half full */
    size_t prepared_count;
    struct db_collector collector;
    enum { SAVEPOINT_NONE, SAVEPOINT_WANTED, SAVEPOINT_SET } savepoint;
};

static struct sqlite_connection *of(struct db_connection *c) { return (struct sqlite_connection *)c; }

static struct err error_of_code(int code) {
    switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID: return err_make(ERR_CONFLICT, "db.unique", "There is already one with the same name or number.");
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        return err_make(ERR_CONFLICT, "db.foreign_key", "Something this refers to is not there, or something still refers to it.");
    default: break;
    }
    switch (code & 0xff) {
    case SQLITE_CONSTRAINT: return err_make(ERR_CONFLICT, "db.check", "This would break a rule of the stored data.");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_make(ERR_BUSY, "db.locked", "Another program holds the database. Close it, or try again when it has finished.");
    case SQLITE_NOMEM: return err_memory();
    case SQLITE_TOOBIG: return err_make(ERR_LIMIT, "db.large", "A value is larger than the database can hold.");
    case SQLITE_FULL: return err_make(ERR_LIMIT, "db.full", "The disk with the database is full. Make room and try again.");
    case SQLITE_IOERR: return err_make(ERR_IO, "db.io", "The disk with the database reported an error. Look after the disk.");
    case SQLITE_PERM:
    case SQLITE_READONLY: return err_make(ERR_DENIED, "db.denied", "The database may not be written by this program.");
    case SQLITE_CANTOPEN: return err_make(ERR_IO, "db.open", "The database file could not be opened.");
    case SQLITE_CORRUPT:
        return err_make(ERR_IO, "db.corrupt", "The database file is damaged. Stop the server and restore it from a backup.");
    case SQLITE_NOTADB: return err_make(ERR_INPUT, "db.foreign", "This file is not a database. Choose another path.");
    default: return err_make(ERR_BUG, "db.sql", "The database does not understand what the program asked.");
    }
}

/* The error of the last call on this connection, noting whether the transaction survived it. */
static struct err failed(struct sqlite_connection *c, const char *statement) {
    int code = c->handle ? sqlite3_extended_errcode(c->handle) : SQLITE_NOMEM;
    struct err e = error_of_code(code);
    if (e.kind == ERR_DENIED && c->common.role == DB_ROLE_READER)
        e = err_make(ERR_BUG, "db.sql", "The program tried to change something where it may only read.");
    if (e.kind != ERR_CONFLICT)
        log_warn("db", "error", LOG_TEXT("statement", statement), LOG_ERR(e), LOG_INT("sqlite", code),
                 LOG_TEXT("detail", c->handle ? sqlite3_errmsg(c->handle) : NULL));
    if (c->handle && sqlite3_get_autocommit(c->handle)) c->common.fate = DB_FATE_GONE;
    return e;
}

static struct err script_run(struct sqlite_connection *c, const char *sql) {
    return sqlite3_exec(c->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? ERR_OK : failed(c, sql);
}

static int on_wal(void *p, sqlite3 *handle, const char *name, int pages) {
    ((struct sqlite_connection *)p)->common.wal_pages = pages;
    return SQLITE_OK;
}

static void prepared_clear(struct sqlite_connection *c) {
    for (size_t i = 0; i < ARRAY_LEN(c->prepared); i++) {
        if (!c->prepared[i].source) continue;
        sqlite3_finalize(c->prepared[i].handle);
        db_sql_free(&c->prepared[i].sql);
        db_names_free(&c->prepared[i].names);
        c->prepared[i].source = NULL;
    }
    c->prepared_count = 0;
}

static void disconnect(struct db_connection *common) {
    struct sqlite_connection *c = of(common);
    prepared_clear(c);
    int code = sqlite3_close(c->handle);
    assert(code == SQLITE_OK); /* nothing of it is left in use */
    db_collector_free(&c->collector);
    arena_destroy(&c->common.scratch);
    mem_free(c);
}

/* SQLite makes its files with the rights of the umask, and the log beside it with those of the database: so it is we who make
 * the empty database, for the owner alone. */
static struct err file_make(const char *path) {
    int fd;
    struct err e = fs_open(AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL, 0600, &fd);
    /* One that is there we must not even open: closing it would drop the locks that SQLite holds on it in this process (fcntl(2)). */
    if (e.kind == ERR_CONFLICT) return ERR_OK;
    if (e.kind == ERR_NOT_FOUND)
        e = err_make(ERR_NOT_FOUND, "db.folder", "The folder for the database is not there. Make it, or choose another path.");
    if (e.kind == ERR_DENIED) e = err_make(ERR_DENIED, "db.denied", "The database file may not be made by this user.");
    if (!e.kind) fs_close(&fd);
    return e;
}

/* Nobody asks SQLite how much memory it uses, and counting it would take a lock for each piece. */
static void configure(void) { (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

static struct err connect(struct db_connection **out, const struct db_target *target, enum db_role role) {
    static pthread_once_t configured = PTHREAD_ONCE_INIT;
    pthread_once(&configured, configure);
    if (role == DB_ROLE_WRITER) {
        struct err e = file_make(target->where);
        if (e.kind) return e;
    }
    struct sqlite_connection *c = mem_zalloc(sizeof *c);
    if (!c) return err_memory();
    c->common.target = target;
    c->common.role = role;
    c->common.scratch = arena_create(1 << 20);
    int flags = (role == DB_ROLE_READER ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    struct err e = c->common.scratch ? ERR_OK : err_memory();
    if (!e.kind && sqlite3_open_v2(target->where, &c->handle, flags, NULL) != SQLITE_OK) e = failed(c, "open");
    if (!e.kind) {
        sqlite3_busy_timeout(c->handle, (int)target->busy_wait_ms);
        sqlite3_db_config(c->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);      /* no SQL of ours may damage the file */
        sqlite3_db_config(c->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL); /* nor may a prepared file run functions */
        sqlite3_db_config(c->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);        /* "x" is a name, never a text */
        sqlite3_db_config(c->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
        /* The mode is written into the file, so only the writer, who is the first, sets it. */
        if (role == DB_ROLE_WRITER) e = script_run(c, "PRAGMA journal_mode=WAL");
    }
    if (!e.kind)
        e = script_run(c, role == DB_ROLE_READER ? "PRAGMA query_only=ON; PRAGMA cache_size=-16384; PRAGMA temp_store=MEMORY"
                                                      : "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA cache_size=-65536;"
                                                        "PRAGMA temp_store=MEMORY; PRAGMA wal_autocheckpoint=0");
    /* In WAL mode a commit is then written and not yet synced: it may be missing after a power cut, and nothing is damaged (sqlite.org/pragma.html, "synchronous"). */
    if (!e.kind && role == DB_ROLE_WRITER && target->may_lose_latest) e = script_run(c, "PRAGMA synchronous=NORMAL");
    /* Asks for something from the file itself: a damaged or foreign one shows now and not at the first request. */
    if (!e.kind) e = script_run(c, "SELECT count(*) FROM sqlite_schema");
    if (e.kind) {
        disconnect(&c->common);
        return e;
    }
    sqlite3_wal_hook(c->handle, on_wal, c);
    *out = &c->common;
    return ERR_OK;
}

static struct err begin(struct db_connection *common) {
    common->fate = DB_FATE_OPEN;
    of(common)->savepoint = SAVEPOINT_NONE;
    /* A write asks for the lock at once: asking in the middle could only fail. */
    return script_run(of(common), common->role == DB_ROLE_WRITER ? "BEGIN IMMEDIATE" : "BEGIN");
}

static void rollback(struct db_connection *common) {
    struct sqlite_connection *c = of(common);
    if (!sqlite3_get_autocommit(c->handle)) sqlite3_exec(c->handle, "ROLLBACK", NULL, NULL, NULL);
    common->is_unusable |= !sqlite3_get_autocommit(c->handle);
}

static struct err commit(struct db_connection *common) {
    struct sqlite_connection *c = of(common);
    struct err e = script_run(c, "COMMIT");
    if (!e.kind) return e;
    int code = sqlite3_extended_errcode(c->handle);
    common->fate = DB_FATE_GONE;
    /* Written, but the disk did not confirm it: after a power cut it may be found or not. */
    if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC)
        e = err_make(ERR_IO, "db.in_doubt", "The disk did not confirm what was saved. Look whether it is there before you try again.");
    rollback(common);
    return e;
}

/* A savepoint costs two statements, and a request may do all its work in memory (see db_participant): so it is set when the request's first
 * statement comes. */
static struct err savepoint_set(struct db_connection *c) {
    of(c)->savepoint = SAVEPOINT_WANTED;
    return ERR_OK;
}
static struct err savepoint_end(struct db_connection *common, const char *sql) {
    struct sqlite_connection *c = of(common);
    bool is_set = c->savepoint == SAVEPOINT_SET;
    c->savepoint = SAVEPOINT_NONE;
    return is_set ? script_run(c, sql) : ERR_OK;
}
static struct err savepoint_release(struct db_connection *c) { return savepoint_end(c, "RELEASE request"); }
static struct err savepoint_return(struct db_connection *c) { return savepoint_end(c, "ROLLBACK TO request; RELEASE request"); }
static struct err savepoint_need(struct sqlite_connection *c) {
    if (c->savepoint != SAVEPOINT_WANTED) return ERR_OK;
    c->savepoint = SAVEPOINT_SET;
    return script_run(c, "SAVEPOINT request");
}
static struct err settle(struct db_connection *c) { return ERR_OK; } /* every statement is answered at once */
static struct err script(struct db_connection *common, const char *sql) {
    struct err e = savepoint_need(of(common));
    common->must_undo = true;
    return e.kind ? e : script_run(of(common), sql);
}

static size_t slot_of(const struct db_statement *s) { return (size_t)((uintptr_t)s >> 3) * 0x9e3779b1u % (DB_PREPARED_MAX * 2); }

static struct err prepare(struct sqlite_connection *c, const struct db_statement *s, struct prepared **out) {
    size_t i = slot_of(s);
    while (c->prepared[i].source && c->prepared[i].source != s) i = (i + 1) % ARRAY_LEN(c->prepared);
    struct prepared *p = &c->prepared[i];
    if (!p->source) {
        if (c->prepared_count == DB_PREPARED_MAX) {
            prepared_clear(c);
            p = &c->prepared[slot_of(s)];
        }
        struct db_sql sql;
        struct err e = db_sql_translate(s, DB_SQLITE, &sql);
        if (e.kind) return e;
        sqlite3_stmt *handle;
        const char *rest = NULL;
        if (sqlite3_prepare_v3(c->handle, sql.text, -1, SQLITE_PREPARE_PERSISTENT, &handle, &rest) != SQLITE_OK) {
            e = failed(c, s->name);
            db_sql_free(&sql);
            return e;
        }
        if (!handle || rest[strspn(rest, " \n;")]) db_bug(s, "one statement, and no more than one, is wanted", NULL);
        *p = (struct prepared){.source = s, .sql = sql, .handle = handle};
        c->prepared_count++;
        db_count(&c->common.target->counters->prepared, 1);
    }
    *out = p;
    return ERR_OK;
}

static int bind(sqlite3_stmt *h, int at, const struct db_value *v) {
    if (v->is_null) return sqlite3_bind_null(h, at);
    const char *bytes = v->bytes.ptr ? v->bytes.ptr : "";
    switch (v->type) {
    case DB_TYPE_INT: return sqlite3_bind_int64(h, at, v->integer);
    case DB_TYPE_REAL: return sqlite3_bind_double(h, at, v->real);
    case DB_TYPE_TEXT: return sqlite3_bind_text64(h, at, bytes, v->bytes.len, SQLITE_STATIC, SQLITE_UTF8);
    case DB_TYPE_BLOB: return sqlite3_bind_blob64(h, at, bytes, v->bytes.len, SQLITE_STATIC);
    case DB_TYPE_INTS: /* see execute */
    case DB_TYPE_NULL: break;
    }
    return sqlite3_bind_null(h, at);
}

static struct err no_room(void) {
    return err_make(ERR_LIMIT, "db.large", "The answer is larger than is accepted here. Ask for less at once.");
}

static struct err row_take(struct sqlite_connection *c, sqlite3_stmt *h, struct arena *arena) {
    int columns = sqlite3_column_count(h);
    for (int i = 0; i < columns; i++) {
        struct db_value *v = db_collector_push(&c->collector);
        if (!v) return no_room();
        switch (sqlite3_column_type(h, i)) {
        case SQLITE_INTEGER: *v = (struct db_value){.type = DB_TYPE_INT, .integer = sqlite3_column_int64(h, i)}; continue;
        case SQLITE_FLOAT: *v = (struct db_value){.type = DB_TYPE_REAL, .real = sqlite3_column_double(h, i)}; continue;
        case SQLITE_NULL: *v = (struct db_value){.is_null = true}; continue;
        case SQLITE_TEXT: v->type = DB_TYPE_TEXT; break;
        default: v->type = DB_TYPE_BLOB; break;
        }
        v->is_null = false;
        const void *bytes = v->type == DB_TYPE_TEXT ? (const void *)sqlite3_column_text(h, i) : sqlite3_column_blob(h, i);
        size_t len = (size_t)sqlite3_column_bytes(h, i);
        if (!bytes && (len || sqlite3_errcode(c->handle) == SQLITE_NOMEM)) return err_memory();
        v->bytes = arena_copy(arena, slice_of(bytes, len));
        if (!v->bytes.ptr) return no_room();
    }
    return ERR_OK;
}

static const char *column_name(void *h, int i) { return sqlite3_column_name(h, i); }

static struct err execute(struct db_connection *common, const struct db_statement *s, const struct db_bind *binds, size_t count,
                          struct db_output *out) {
    struct sqlite_connection *c = of(common);
    struct prepared *p = NULL;
    struct err e = savepoint_need(c);
    if (!e.kind) e = prepare(c, s, &p);
    if (e.kind) return e;
    for (size_t i = 0; i < count; i++)
        if (binds[i].value.type == DB_TYPE_INTS) db_bug(s, "SQLite takes no array as one value", binds[i].name);
    const struct db_value *values[DB_BINDS_MAX];
    e = db_sql_bind(&p->sql, s, binds, count, values);
    if (e.kind) return e;
    sqlite3_stmt *h = p->handle;
    for (size_t i = 0; i < p->sql.name_count; i++)
        if (bind(h, (int)i + 1, values[i]) != SQLITE_OK) e = failed(c, s->name);

    sqlite3_int64 changes_before = sqlite3_total_changes64(c->handle);
    common->must_undo |= !sqlite3_stmt_readonly(h);
    c->collector.len = 0;
    size_t rows = 0;
    int code = SQLITE_DONE;
    int columns = out->row ? sqlite3_column_count(h) : 0;
    int64_t numbers[DB_COLUMNS_MAX];
    if (columns > DB_COLUMNS_MAX) db_bug(s, "too many columns", NULL);
    while (!e.kind && !out->row_error.kind && (code = sqlite3_step(h)) == SQLITE_ROW) {
        if (out->row) {
            for (int i = 0; i < columns; i++) numbers[i] = sqlite3_column_int64(h, i);
            out->row_error = out->row(out->user, numbers);
            out->scanned++;
            continue;
        }
        if (!out->arena || rows == out->rows_max) continue; /* runs to its end, as INSERT ... RETURNING must */
        e = row_take(c, h, out->arena);
        rows++;
    }
    if (!e.kind && !out->row_error.kind && code != SQLITE_DONE) e = failed(c, s->name);
    if (!e.kind && out->arena) e = db_names_need(&p->names, (size_t)sqlite3_column_count(h), column_name, h);
    if (!e.kind && out->arena) e = db_rows_finish(out, &c->collector, &p->names);
    if (!e.kind)
        out->changed = sqlite3_stmt_readonly(h) || sqlite3_total_changes64(c->handle) == changes_before ? 0 : sqlite3_changes64(c->handle);
    sqlite3_reset(h);
    sqlite3_clear_bindings(h);
    return e;
}

static struct err execute_rows(struct db_connection *common, const struct db_statement *s, const struct db_ints *columns, size_t column_count,
                               size_t rows, int64_t *changed) {
    struct sqlite_connection *c = of(common);
    struct prepared *p = NULL;
    struct err e = savepoint_need(c);
    if (!e.kind) e = prepare(c, s, &p);
    if (e.kind) return e;
    const int64_t *values[DB_BINDS_MAX];
    db_sql_columns(&p->sql, s, columns, column_count, values);
    sqlite3_stmt *h = p->handle;
    sqlite3_int64 before = sqlite3_total_changes64(c->handle);
    common->must_undo |= !sqlite3_stmt_readonly(h);
    for (size_t row = 0; row < rows && !e.kind; row++) {
        for (size_t i = 0; i < column_count; i++)
            if (sqlite3_bind_int64(h, (int)i + 1, values[i][row]) != SQLITE_OK) e = failed(c, s->name);
        if (!e.kind && sqlite3_step(h) != SQLITE_DONE) e = failed(c, s->name); /* one that answers rows is no use here */
        sqlite3_reset(h);
    }
    if (!e.kind && changed) *changed = sqlite3_total_changes64(c->handle) - before;
    return e;
}

/* BEGIN IMMEDIATE has kept everybody else out already. */
static struct err migration_lock(struct db_connection *c) { return ERR_OK; }

static struct err was_committed(struct db_connection *fresh, const struct db_connection *before, bool *out) {
    return err_make(ERR_BUG, "db.in_doubt", "A file answers at once or not at all.");
}

/* PASSIVE: takes what it can without waiting for readers or the writer. */
static struct err checkpoint(struct db_connection *common) {
    struct sqlite_connection *c = of(common);
    int code = sqlite3_wal_checkpoint_v2(c->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (code == SQLITE_OK) db_count(&common->target->counters->checkpoints, 1);
    return code == SQLITE_OK || (code & 0xff) == SQLITE_BUSY ? ERR_OK : failed(c, "checkpoint");
}

/* Keeps the first line that a check gives. */
struct finding {
    struct arena *arena;
    struct slice text;
};
static int on_finding(void *p, int columns, char **values, char **names) {
    struct finding *f = p;
    if (!f->text.len && columns > 0 && values[0] && strcmp(values[0], "ok") != 0) f->text = arena_copy(f->arena, slice_cstr(values[0]));
    return 0;
}

static struct err health(struct db_connection *common, struct arena *arena, struct db_health *out) {
    struct sqlite_connection *c = of(common);
    struct db_health h = {
        .engine = DB_SQLITE, .version = arena_printf(arena, "SQLite %s", sqlite3_libversion()), .bytes = -1, .bytes_free = -1};
    struct finding f = {.arena = arena};
    if (sqlite3_exec(c->handle, "PRAGMA integrity_check(1)", on_finding, &f, NULL) != SQLITE_OK) return failed(c, "integrity_check");
    if (!f.text.len && sqlite3_exec(c->handle, "PRAGMA foreign_key_check", on_finding, &f, NULL) != SQLITE_OK)
        return failed(c, "foreign_key_check");
    h.finding = f.text;
    h.is_sound = !f.text.len;

    /* By name, never by opening it: see file_make. */
    struct stat file;
    struct statvfs disk;
    if (!stat(common->target->where, &file)) h.bytes = (int64_t)file.st_size;
    if (!statvfs(common->target->where, &disk)) h.bytes_free = (int64_t)(disk.f_bavail * disk.f_frsize);
    if (arena_overflowed(arena)) return no_room();
    *out = h;
    return ERR_OK;
}

const struct db_driver db_sqlite_driver = {
    .engine = DB_SQLITE,
    .connect = connect,
    .close = disconnect,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .savepoint_set = savepoint_set,
    .savepoint_release = savepoint_release,
    .savepoint_return = savepoint_return,
    .settle = settle,
    .execute = execute,
    .execute_rows = execute_rows,
    .script = script,
    .migration_lock = migration_lock,
    .was_committed = was_committed,
    .checkpoint = checkpoint,
    .health = health,
};
