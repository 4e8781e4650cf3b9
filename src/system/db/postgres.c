/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * PostgreSQL behind driver.h. Everything of a transaction goes through libpq's pipeline mode: BEGIN, SAVEPOINT and RELEASE are not sent
 * when they are asked for but together with the next statement, and a statement of which nobody asks what it changed goes without waiting for its
 * answer: that is read with the next one that is wanted, with the commit, or when the writer must know (settle). So a group costs as many round trips
 * as it asks questions, and one more (a round trip on a local socket costs about as much as the statement itself). The first error of a pipeline
 * is that of the statement that failed; `is_late` says when it is of an earlier one than was just asked for.
 *
 * Each group asks for its transaction number. If the connection breaks inside COMMIT, txid_status() of a new connection tells what
 * became of it (documentation of PostgreSQL, section 9.27.8), so that even then the answer is a true one. */
#include <assert.h>
#include <endian.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "system/db/driver.h"

/* Types of src/include/catalog/pg_type.dat: part of the protocol, they never change. */
enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_OID = 26,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_INT8_ARRAY = 1016,
    OID_NUMERIC = 1700,
};
enum { VERSION_MIN = 120000, PENDING_MAX = 8, SENT_MAX = 256 /* their answers fit into what a socket holds */ };

struct prepared {
    const struct db_statement *source; /* NULL: an empty slot */
    uint8_t types[DB_BINDS_MAX];       /* of its values, in the order of the binds */
    struct db_sql sql;
    struct db_names names; /* of its columns */
    char name[16]; /* on the server */
    bool is_on_server, only_reads;
};

/* What is on its way and was not answered yet: a command, or a statement, or its preparing. */
struct sent {
    const char *command; /* NULL: `prepared` */
    struct prepared *prepared;
    bool is_preparing;
};

struct postgres_connection {
    struct db_connection common; /* first: the driver's functions are given this */
    PGconn *handle;
    struct sent sent[SENT_MAX]; /* in the order of their answers */
    int sent_len;
    const char *pending[PENDING_MAX]; /* statements without values that go ahead of the next one */
    int pending_len;
    bool savepoint_is_set; /* on the server */
    int64_t txid;          /* of this transaction; 0: not asked yet */
    struct prepared prepared[DB_PREPARED_MAX * 2];
    size_t prepared_count;
    unsigned prepared_number;
    struct db_collector collector;
};

static const char sql_begin_write[] = "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE";
static const char sql_begin_read[] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
static const char sql_txid[] = "SELECT txid_current()";
static const char sql_savepoint[] = "SAVEPOINT request";
static const char sql_release[] = "RELEASE SAVEPOINT request";
static const char sql_return[] = "ROLLBACK TO SAVEPOINT request";
static const char sql_commit[] = "COMMIT";

static struct postgres_connection *of(struct db_connection *c) { return (struct postgres_connection *)c; }

/* --- errors --- */

static struct err error_contended(void) {
    return err_make(ERR_BUSY, "db.contended", "Others are changing the same at this moment. Try again.");
}

static struct err error_of_state(const char *state) {
    static const struct {
        const char *prefix; /* of SQLSTATE (appendix A of PostgreSQL's documentation); the first that fits */
        struct err error;
    } table[] = {
        {"23505", {ERR_CONFLICT, 0, "db.unique", "There is already one with the same name or number."}},
        {"23503", {ERR_CONFLICT, 0, "db.foreign_key", "Something this refers to is not there, or something still refers to it."}},
        {"23", {ERR_CONFLICT, 0, "db.check", "This would break a rule of the stored data."}},
        {"40", {ERR_BUSY, 0, "db.contended", "Others are changing the same at this moment. Try again."}},
        {"55P03", {ERR_BUSY, 0, "db.locked", "Another program holds the database. Close it, or try again when it has finished."}},
        {"53100", {ERR_LIMIT, 0, "db.full", "The disk with the database is full. Make room and try again."}},
        {"53300", {ERR_BUSY, 0, "db.locked", "The database server accepts no more connections. Raise max_connections, or close others."}},
        {"53", {ERR_LIMIT, 0, "db.full", "The database server has run out of memory or disk space."}},
        {"54", {ERR_LIMIT, 0, "db.large", "A value is larger than the database can hold."}},
        {"57014", {ERR_BUSY, 0, "db.locked", "The database server stopped a question that took too long. Try again later."}},
        {"57", {ERR_IO, 0, "db.lost", "The database cannot be reached at the moment. Nothing was changed; try again."}},
        {"08", {ERR_IO, 0, "db.lost", "The database cannot be reached at the moment. Nothing was changed; try again."}},
        {"28", {ERR_DENIED, 0, "db.denied", "The database server refuses this user or password."}},
        {"42501", {ERR_DENIED, 0, "db.denied", "This user may not do that in the database. Grant the rights, or use the owner."}},
        {"58", {ERR_IO, 0, "db.io", "The disk with the database reported an error. Look after the disk."}},
        {"XX", {ERR_IO, 0, "db.corrupt", "The database is damaged. Stop the server and restore it from a backup."}},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (!strncmp(state, table[i].prefix, strlen(table[i].prefix))) return table[i].error;
    return err_make(ERR_BUG, "db.sql", "The database does not understand what the program asked.");
}

static bool is_broken(const struct postgres_connection *c) { return PQstatus(c->handle) != CONNECTION_OK; }

static const char *state_of(const PGresult *result) {
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    return state ? state : "";
}

/* What went wrong, and what it means for the transaction as a whole. */
static struct err failed(struct postgres_connection *c, const char *statement, const PGresult *result) {
    const char *state = state_of(result);
    bool is_closing = slice_starts_with(slice_cstr(state), SLICE("57P")); /* the server shuts down, or starts */
    struct err e = *state ? error_of_state(state) : db_error_lost();
    if (is_broken(c) || is_closing || !*state) {
        c->common.fate = DB_FATE_LOST;
        e = db_error_lost();
    } else if (slice_starts_with(slice_cstr(state), SLICE("40"))) {
        c->common.fate = DB_FATE_AGAIN;
        return e;
    }
    if (e.kind != ERR_CONFLICT) {
        const char *detail = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
        log_warn("db", "error", LOG_TEXT("statement", statement), LOG_ERR(e), LOG_TEXT("state", state), LOG_TEXT("detail", detail));
    }
    return e;
}

/* --- one exchange: what is pending, then perhaps a prepare and a statement --- */

static void pend(struct postgres_connection *c, const char *sql) {
    assert(c->pending_len < PENDING_MAX);
    c->pending[c->pending_len++] = sql;
}

/* A result of a pipelined command, and the NULL that ends it. NULL when the connection broke. */
static PGresult *result_take(struct postgres_connection *c) {
    PGresult *result = PQgetResult(c->handle);
    if (!result) return NULL;
    PGresult *more;
    while ((more = PQgetResult(c->handle))) {
        PQclear(more);
        if (is_broken(c)) break;
    }
    return result;
}

static bool result_is_good(const PGresult *r) { return PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK; }

/* A value as it goes over the wire. */
struct wire {
    const char *values[DB_BINDS_MAX];
    int lengths[DB_BINDS_MAX], formats[DB_BINDS_MAX];
    Oid types[DB_BINDS_MAX];
    uint64_t numbers[DB_BINDS_MAX];
    void *owned[DB_BINDS_MAX]; /* arrays made for this call */
};

static bool send_pending(struct postgres_connection *c) {
    for (int i = 0; i < c->pending_len; i++) {
        if (!PQsendQueryParams(c->handle, c->pending[i], 0, NULL, NULL, NULL, NULL, 0)) return false;
        c->sent[c->sent_len++] = (struct sent){.command = c->pending[i]};
    }
    c->pending_len = 0;
    return true;
}

static bool send_statement(struct postgres_connection *c, struct prepared *p, const struct wire *w) {
    int count = (int)p->sql.name_count;
    if (!p->is_on_server) {
        if (!PQsendPrepare(c->handle, p->name, p->sql.text, count, w->types)) return false;
        c->sent[c->sent_len++] = (struct sent){.prepared = p, .is_preparing = true};
        p->is_on_server = true; /* unless its answer says otherwise */
    }
    if (!PQsendQueryPrepared(c->handle, p->name, count, w->values, w->lengths, w->formats, 0)) return false;
    c->sent[c->sent_len++] = (struct sent){.prepared = p};
    return true;
}

/* What a command's success means. A COMMIT of a transaction that had failed says ROLLBACK and is no error to PostgreSQL:
 * to us it is. */
static struct err command_done(struct postgres_connection *c, const char *sql, PGresult *result) {
    if (sql == sql_savepoint) c->savepoint_is_set = true;
    if (sql == sql_release) c->savepoint_is_set = false;
    if (sql == sql_txid) c->txid = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    if (sql != sql_commit || !strcmp(PQcmdStatus(result), "COMMIT")) return ERR_OK;
    c->common.fate = DB_FATE_AGAIN;
    return error_contended();
}

/* "SELECT 3" also counts, but nothing has changed. */
static int64_t changed_by(PGresult *r) { return slice_starts_with(slice_cstr(PQcmdStatus(r)), SLICE("SELECT")) ? 0 : strtoll(PQcmdTuples(r), NULL, 10); }

static struct err lost(struct postgres_connection *c) {
    c->sent_len = c->pending_len = 0;
    c->common.fate = DB_FATE_LOST;
    return db_error_lost();
}

/* Reads the answers to all that was sent. The first error is the one that counts: the server has skipped what came after it. With `out` the answer to the last,
 * which is a statement, is the caller's to PQclear, on success. */
static struct err answers_read(struct postgres_connection *c, PGresult **out) {
    struct err e = ERR_OK;
    int count = c->sent_len;
    if (is_broken(c) || !PQpipelineSync(c->handle)) return lost(c); /* also for lack of memory: a new connection begins from a known state */
    for (int i = 0; i < count; i++) {
        const struct sent *s = &c->sent[i];
        PGresult *result = result_take(c);
        bool is_good = result && result_is_good(result), is_wanted = out && i == count - 1;
        if (!is_good && s->is_preparing) s->prepared->is_on_server = false;
        if (!is_good && !e.kind) {
            e = failed(c, s->command ? s->command : s->prepared->source->name, result);
            bool is_stale = result && is_wanted && !strcmp(state_of(result), "0A000") && !(i && c->sent[i - 1].is_preparing);
            if (is_stale) c->common.fate = DB_FATE_LOST; /* a table was changed under what was prepared */
            if (s->command && c->common.fate == DB_FATE_OPEN) c->common.fate = DB_FATE_GONE; /* not the statement's own fault */
            c->common.is_late = !s->command && !is_wanted && !(out && s->is_preparing && i == count - 2);
        } else if (is_good && s->command) {
            struct err done = command_done(c, s->command, result);
            if (!e.kind) e = done;
        } else if (is_good && is_wanted && !e.kind) {
            *out = result;
            continue;
        } else if (is_good && !s->is_preparing) {
            db_count(&c->common.target->counters->rows_changed, (uint64_t)changed_by(result));
        }
        PQclear(result);
        if (!result) break;
    }
    PGresult *sync = is_broken(c) ? NULL : PQgetResult(c->handle);
    bool is_whole = PQresultStatus(sync) == PGRES_PIPELINE_SYNC;
    PQclear(sync);
    if (out && *out && (!is_whole || e.kind)) {
        PQclear(*out);
        *out = NULL;
    }
    c->sent_len = 0;
    return is_whole ? e : lost(c);
}

/* Sends what is pending, and learns what became of all that is on its way. */
static struct err exchange(struct postgres_connection *c) {
    if (is_broken(c) || !send_pending(c)) return lost(c);
    return answers_read(c, NULL);
}

static struct err settle(struct db_connection *common) {
    struct postgres_connection *c = of(common);
    return c->sent_len ? answers_read(c, NULL) : ERR_OK;
}

/* --- connecting --- */

static void prepared_clear(struct postgres_connection *c) {
    for (size_t i = 0; i < ARRAY_LEN(c->prepared); i++) {
        if (!c->prepared[i].source) continue;
        db_sql_free(&c->prepared[i].sql);
        db_names_free(&c->prepared[i].names);
        c->prepared[i].source = NULL;
    }
    c->prepared_count = 0;
}

static void disconnect(struct db_connection *common) {
    struct postgres_connection *c = of(common);
    prepared_clear(c);
    PQfinish(c->handle);
    db_collector_free(&c->collector);
    arena_destroy(&c->common.scratch);
    mem_free(c);
}

static void on_notice(void *user, const PGresult *result) {
    log_debug("db", "notice", LOG_TEXT("detail", PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)));
}

/* libpq's own sentence may repeat parts of the URL: only its first line goes to the log, and never a password (libpq does not
 * print those). */
static void connect_failed_log(PGconn *handle) {
    struct slice rest = slice_cstr(handle ? PQerrorMessage(handle) : "memory"), line = SLICE_NONE;
    (void)slice_next(&rest, '\n', &line);
    log_warn("db", "connect", LOG_SLICE("detail", line));
}

static struct err connect(struct db_connection **out, const struct db_target *target, enum db_role role) {
    struct postgres_connection *c = mem_zalloc(sizeof *c);
    if (!c) return err_memory();
    c->common.target = target;
    c->common.role = role;
    c->common.scratch = arena_create(1 << 20);
    /* What the URL says counts before these. A server that vanishes without a word is noticed within seconds. */
    static const char *const keys[] = {"connect_timeout",  "keepalives_idle",  "keepalives_interval",
                                       "keepalives_count", "tcp_user_timeout", "application_name",
                                       "client_encoding",  "dbname",           NULL};
    const char *const values[] = {"5", "5", "2", "3", "10000", "grandstand", "UTF8", target->where, NULL};
    if (c->common.scratch) c->handle = PQconnectdbParams(keys, values, 1);
    struct err e = ERR_OK;
    if (!c->handle) {
        e = err_memory();
    } else if (PQstatus(c->handle) != CONNECTION_OK) {
        connect_failed_log(c->handle);
        e = err_make(ERR_IO, "db.connect",
                     "The database server cannot be reached, or refuses us. See the log line before this one for its reason.");
    } else if (PQserverVersion(c->handle) < VERSION_MIN) {
        e = err_make(ERR_INPUT, "db.old", "The database server is older than PostgreSQL 12. Use a newer one.");
    }
    if (!e.kind) {
        PQsetNoticeReceiver(c->handle, on_notice, NULL);
        /* Full durability whatever the server's own setting; text as we mean it; no parallel plans for small questions. */
        PGresult *r = PQexec(c->handle,
                             "SET synchronous_commit = on; SET TIME ZONE 'UTC'; SET standard_conforming_strings = on;"
                             "SET bytea_output = 'hex'; SET extra_float_digits = 1; SET client_min_messages = warning; SET jit = off");
        if (PQresultStatus(r) != PGRES_COMMAND_OK) e = failed(c, "connect", r);
        PQclear(r);
    }
    if (!e.kind && target->may_lose_latest) {
        PGresult *r = PQexec(c->handle, "SET synchronous_commit = off");
        if (PQresultStatus(r) != PGRES_COMMAND_OK) e = failed(c, "connect", r);
        PQclear(r);
    }
    if (!e.kind && !PQenterPipelineMode(c->handle)) e = db_error_lost();
    if (e.kind) {
        disconnect(&c->common);
        return e;
    }
    *out = &c->common;
    return ERR_OK;
}

/* --- transactions --- */

static struct err begin(struct db_connection *common) {
    struct postgres_connection *c = of(common);
    common->fate = DB_FATE_OPEN;
    common->is_late = false;
    c->pending_len = 0;
    c->savepoint_is_set = false;
    c->txid = 0;
    pend(c, common->role == DB_ROLE_READER ? sql_begin_read : sql_begin_write);
    if (common->role == DB_ROLE_WRITER) pend(c, sql_txid);
    return ERR_OK;
}

static void rollback(struct db_connection *common) {
    struct postgres_connection *c = of(common);
    c->pending_len = 0;
    if (common->fate == DB_FATE_LOST || is_broken(c)) return;
    enum db_fate fate = common->fate;
    bool is_late = common->is_late;
    (void)settle(common); /* an error among them would have the server skip what follows */
    if (common->fate != DB_FATE_LOST && PQtransactionStatus(c->handle) != PQTRANS_IDLE) { /* something was sent */
        pend(c, "ROLLBACK");
        (void)exchange(c);
    }
    common->is_unusable = common->fate == DB_FATE_LOST || PQtransactionStatus(c->handle) != PQTRANS_IDLE;
    common->fate = fate; /* of the transaction, which is over either way */
    common->is_late = is_late;
}

static struct err commit(struct db_connection *common) {
    struct postgres_connection *c = of(common);
    /* Should the connection break now, the transaction's number must be known. */
    struct err e = c->txid ? ERR_OK : settle(common);
    if (!e.kind) {
        pend(c, sql_commit);
        e = exchange(c);
    }
    if (e.kind && common->fate == DB_FATE_OPEN) common->fate = DB_FATE_GONE; /* refused at the last moment */
    if (e.kind && common->fate == DB_FATE_LOST && c->txid) common->fate = DB_FATE_DOUBT;
    return e;
}

static struct err savepoint_set(struct db_connection *common) {
    pend(of(common), sql_savepoint);
    return ERR_OK;
}

/* If the request sent nothing, its savepoint is still pending: then it is as if it had never been. */
static bool savepoint_unsend(struct postgres_connection *c) {
    for (int i = 0; i < c->pending_len; i++) {
        if (c->pending[i] != sql_savepoint) continue;
        memmove(&c->pending[i], &c->pending[i + 1], (size_t)(c->pending_len - i - 1) * sizeof *c->pending);
        c->pending_len--;
        return true;
    }
    return false;
}

static struct err savepoint_release(struct db_connection *common) {
    if (!savepoint_unsend(of(common))) pend(of(common), sql_release);
    return ERR_OK;
}

static struct err savepoint_return(struct db_connection *common) {
    struct postgres_connection *c = of(common);
    if (savepoint_unsend(c)) return ERR_OK;
    assert(c->savepoint_is_set); /* where it could not be set, the whole transaction is gone: see exchange */
    pend(c, sql_return);
    pend(c, sql_release);
    return ERR_OK;
}

/* --- statements --- */

static size_t slot_of(const struct db_statement *s) { return (size_t)((uintptr_t)s >> 3) * 0x9e3779b1u % (DB_PREPARED_MAX * 2); }

/* The types of the values are part of what is prepared: the same text with a NULL of no type is another statement to the server. */
static struct err prepare(struct postgres_connection *c, const struct db_statement *s, const struct db_bind *binds, size_t count,
                          struct prepared **out) {
    uint8_t types[DB_BINDS_MAX] = {0};
    if (count > DB_BINDS_MAX) db_bug(s, "too many values", NULL);
    for (size_t i = 0; i < count; i++) types[i] = (uint8_t)binds[i].value.type;
    /* Room for what is pending, preparing and the statement itself; and what is on its way may need what would be forgotten. */
    bool is_full = c->sent_len + c->pending_len + 3 > SENT_MAX, must_forget = c->prepared_count == DB_PREPARED_MAX;
    struct err settled = is_full || must_forget ? settle(&c->common) : ERR_OK;
    if (settled.kind) return settled;
    if (must_forget) {
        pend(c, "DEALLOCATE ALL");
        prepared_clear(c);
    }
    size_t i = slot_of(s);
    while (c->prepared[i].source && (c->prepared[i].source != s || memcmp(c->prepared[i].types, types, sizeof types) != 0))
        i = (i + 1) % ARRAY_LEN(c->prepared);
    struct prepared *p = &c->prepared[i];
    if (!p->source) {
        struct db_sql sql;
        struct err e = db_sql_translate(s, DB_POSTGRES, &sql);
        if (e.kind) return e;
        *p = (struct prepared){.source = s, .sql = sql, .only_reads = slice_starts_with(slice_cstr(sql.text), SLICE("SELECT "))};
        memcpy(p->types, types, sizeof types);
        snprintf(p->name, sizeof p->name, "s%u", ++c->prepared_number);
        c->prepared_count++;
        db_count(&c->common.target->counters->prepared, 1);
    }
    *out = p;
    return ERR_OK;
}

static struct err no_room(void) {
    return err_make(ERR_LIMIT, "db.large", "The answer is larger than is accepted here. Ask for less at once.");
}

static int hex_digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

/* "\x00ff": the only form that is sent, as bytea_output is hex. */
static struct err blob_take(struct slice text, struct arena *arena, struct slice *out) {
    if (!slice_starts_with(text, SLICE("\\x")) || text.len % 2)
        return err_make(ERR_IO, "db.corrupt", "The database sent bytes in an unknown form.");
    size_t len = text.len / 2 - 1;
    unsigned char *bytes = arena_alloc(arena, len + 1);
    if (!bytes) return no_room();
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit(text.ptr[2 + 2 * i]), low = hex_digit(text.ptr[3 + 2 * i]);
        if (high < 0 || low < 0) return err_make(ERR_IO, "db.corrupt", "The database sent bytes in an unknown form.");
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    *out = slice_of(bytes, len);
    return ERR_OK;
}

static struct err cell_take(const PGresult *r, int row, int column, struct arena *arena, struct db_value *v) {
    if (PQgetisnull(r, row, column)) return ERR_OK; /* as the collector made it */
    struct slice text = slice_of(PQgetvalue(r, row, column), (size_t)PQgetlength(r, row, column));
    v->is_null = false;
    switch (PQftype(r, column)) {
    case OID_BOOL: *v = (struct db_value){.type = DB_TYPE_INT, .integer = slice_eq(text, SLICE("t"))}; return ERR_OK;
    case OID_INT2:
    case OID_INT4:
    case OID_INT8:
    case OID_OID:
    case OID_NUMERIC: /* what SUM() of BIGINT gives; a whole number wherever ours are */
        if (slice_to_i64(text, &v->integer)) {
            v->type = DB_TYPE_INT;
            return ERR_OK;
        }
        __attribute__((fallthrough));
    case OID_FLOAT4:
    case OID_FLOAT8: *v = (struct db_value){.type = DB_TYPE_REAL, .real = strtod(text.ptr, NULL)}; return ERR_OK;
    case OID_BYTEA: v->type = DB_TYPE_BLOB; return blob_take(text, arena, &v->bytes);
    default:
        v->type = DB_TYPE_TEXT;
        v->bytes = arena_copy(arena, text);
        return v->bytes.ptr ? ERR_OK : no_room();
    }
}

static const char *column_name(void *result, int i) { return PQfname(result, i); }

static struct err rows_take(struct postgres_connection *c, struct prepared *p, PGresult *r, struct db_output *out) {
    int columns = PQnfields(r), rows = PQntuples(r);
    if ((size_t)rows > out->rows_max) rows = (int)out->rows_max;
    c->collector.len = 0;
    for (int row = 0; row < rows; row++) {
        for (int column = 0; column < columns; column++) {
            struct db_value *v = db_collector_push(&c->collector);
            struct err e = v ? cell_take(r, row, column, out->arena, v) : no_room();
            if (e.kind) return e;
        }
    }
    struct err e = db_names_need(&p->names, (size_t)columns, column_name, r);
    return e.kind ? e : db_rows_finish(out, &c->collector, &p->names);
}

static void rows_give(const struct db_statement *s, PGresult *r, struct db_output *out) {
    int columns = PQnfields(r), rows = PQntuples(r);
    int64_t numbers[DB_COLUMNS_MAX];
    if (columns > DB_COLUMNS_MAX) db_bug(s, "too many columns", NULL);
    for (int row = 0; row < rows && !out->row_error.kind; row++) {
        for (int i = 0; i < columns; i++) /* NULL is an empty text here */
            if (!slice_to_i64(slice_of(PQgetvalue(r, row, i), (size_t)PQgetlength(r, row, i)), &numbers[i])) numbers[i] = 0;
        out->row_error = out->row(out->user, numbers);
        out->scanned++;
    }
}

/* An array in the binary form (array_recv of the server's source): dimensions 1, no NULLs, type of the elements, how many, index of
 * the first; then each with its length before it. */
static struct err wire_put_ints(struct wire *w, size_t i, const int64_t *numbers, size_t count) {
    struct wire_int {
        uint32_t length;
        uint32_t high, low;
    } *element;
    size_t bytes = 5 * sizeof(uint32_t) + count * sizeof *element;
    if (bytes > INT32_MAX) return err_make(ERR_LIMIT, "db.large", "A value is larger than the database can hold.");
    uint32_t *head = mem_alloc(bytes);
    if (!head) return err_memory();
    w->owned[i] = head;
    head[0] = htobe32(1);
    head[1] = 0;
    head[2] = htobe32(OID_INT8);
    head[3] = htobe32((uint32_t)count);
    head[4] = htobe32(1);
    element = (struct wire_int *)(head + 5);
    for (size_t k = 0; k < count; k++)
        element[k] = (struct wire_int){htobe32(8), htobe32((uint32_t)((uint64_t)numbers[k] >> 32)), htobe32((uint32_t)(uint64_t)numbers[k])};
    w->values[i] = (const char *)head;
    w->lengths[i] = (int)bytes;
    return ERR_OK;
}

static void wire_free(struct wire *w, size_t count) {
    for (size_t i = 0; i < count; i++) mem_free(w->owned[i]);
}

static struct err wire_put(struct wire *w, size_t i, const struct db_value *v) {
    static const Oid types[] = {
        [DB_TYPE_NULL] = 0, [DB_TYPE_INT] = OID_INT8, [DB_TYPE_REAL] = OID_FLOAT8, [DB_TYPE_TEXT] = OID_TEXT, [DB_TYPE_BLOB] = OID_BYTEA,
        [DB_TYPE_INTS] = OID_INT8_ARRAY};
    w->types[i] = types[v->type];
    w->owned[i] = NULL;
    w->formats[i] = 1; /* binary: numbers in network order; text and blobs are their bytes, counted, without a zero at the end */
    w->lengths[i] = sizeof w->numbers[i];
    w->values[i] = (const char *)&w->numbers[i];
    if (v->is_null || v->type == DB_TYPE_NULL) {
        w->values[i] = NULL;
    } else if (v->type == DB_TYPE_INT) {
        w->numbers[i] = htobe64((uint64_t)v->integer);
    } else if (v->type == DB_TYPE_REAL) {
        memcpy(&w->numbers[i], &v->real, sizeof v->real);
        w->numbers[i] = htobe64(w->numbers[i]);
    } else if (v->type == DB_TYPE_INTS) {
        return wire_put_ints(w, i, v->ints, v->int_count);
    } else {
        if (v->bytes.len > INT32_MAX) return err_make(ERR_LIMIT, "db.large", "A value is larger than the database can hold.");
        w->lengths[i] = (int)v->bytes.len;
        w->values[i] = v->bytes.ptr ? v->bytes.ptr : "";
    }
    return ERR_OK;
}

static struct err execute(struct db_connection *common, const struct db_statement *s, const struct db_bind *binds, size_t count,
                          struct db_output *out) {
    struct postgres_connection *c = of(common);
    struct prepared *p = NULL;
    struct err e = prepare(c, s, binds, count, &p);
    if (e.kind) return e;
    const struct db_value *values[DB_BINDS_MAX];
    struct wire wire;
    size_t put = 0;
    e = db_sql_bind(&p->sql, s, binds, count, values);
    for (; put < p->sql.name_count && !e.kind; put++) e = wire_put(&wire, put, values[put]);

    PGresult *result = NULL;
    bool was_sent = !e.kind;
    if (!e.kind && (is_broken(c) || !send_pending(c) || !send_statement(c, p, &wire))) e = lost(c);
    wire_free(&wire, put);
    bool can_wait = out->can_wait && common->role == DB_ROLE_WRITER; /* nobody settles what readers do */
    if (!e.kind && !can_wait) e = answers_read(c, &result);
    common->must_undo |= was_sent && (e.kind || !p->only_reads); /* a transaction in which a statement failed takes no other */
    if (!e.kind && result) {
        out->changed = changed_by(result);
        if (out->arena) e = rows_take(c, p, result, out);
        if (out->row) rows_give(s, result, out);
    }
    PQclear(result);
    return e;
}

static struct err execute_rows(struct db_connection *common, const struct db_statement *s, const struct db_ints *columns, size_t column_count,
                               size_t rows, int64_t *changed) {
    struct db_bind binds[DB_BINDS_MAX];
    if (column_count > DB_BINDS_MAX) db_bug(s, "too many values", NULL);
    for (size_t i = 0; i < column_count; i++) binds[i] = DB_INTS(columns[i].name, columns[i].values, rows);
    struct db_output out = {.can_wait = !changed};
    struct err e = execute(common, s, binds, column_count, &out);
    if (!e.kind && changed) *changed = out.changed;
    return e;
}

/* Several statements at once need the simple protocol, which the pipeline cannot carry. */
static struct err script(struct db_connection *common, const char *sql) {
    struct postgres_connection *c = of(common);
    struct err e = c->pending_len || c->sent_len ? exchange(c) : ERR_OK;
    if (e.kind) return e;
    common->must_undo = true;
    if (!PQexitPipelineMode(c->handle)) {
        common->fate = DB_FATE_LOST;
        return db_error_lost();
    }
    PGresult *result = PQexec(c->handle, sql);
    if (!result_is_good(result)) e = failed(c, "script", result);
    PQclear(result);
    if (!PQenterPipelineMode(c->handle) && !e.kind) {
        common->fate = DB_FATE_LOST;
        e = db_error_lost();
    }
    return e;
}

static struct err migration_lock(struct db_connection *c) { return script(c, "SELECT pg_advisory_xact_lock(4711000071)"); }

static const struct db_statement status_of_txid = {.name = "db.status_of_txid",
                                                   .sql_postgres = "SELECT coalesce(txid_status(:txid), 'unknown') AS status"};

static struct err was_committed(struct db_connection *fresh, const struct db_connection *before, bool *out) {
    const struct db_bind bind = DB_INT("txid", ((const struct postgres_connection *)before)->txid);
    struct mono_time give_up = mono_add_ns(clock_mono(clock_system()), fresh->target->busy_wait_ms * NS_PER_MS);
    for (;;) {
        struct db_rows rows;
        arena_reset(fresh->scratch);
        struct db_output output = {.arena = fresh->scratch, .rows = &rows, .rows_max = 1};
        struct err e = execute(fresh, &status_of_txid, &bind, 1, &output);
        if (e.kind) return e;
        struct slice status = rows.count ? db_text(&rows, 0, "status") : SLICE_NONE;
        if (slice_eq(status, SLICE("committed")) || slice_eq(status, SLICE("aborted"))) {
            *out = slice_eq(status, SLICE("committed"));
            return ERR_OK;
        }
        /* "in progress": the server has not noticed yet that we are gone. */
        if (!slice_eq(status, SLICE("in progress")) || mono_diff_ns(give_up, clock_mono(clock_system())) <= 0)
            return err_make(ERR_IO, "db.in_doubt", "The database does not know what became of a transaction.");
        struct timespec pause = {.tv_nsec = 20 * NS_PER_MS};
        nanosleep(&pause, NULL);
    }
}

static const struct db_statement size_of_database = {
    .name = "db.size",
    .sql_postgres =
        "SELECT pg_database_size(current_database()) AS bytes, current_setting('server_version') AS version,"
        " current_setting('fsync') AS fsync, current_setting('full_page_writes') AS pages"};

static struct err health(struct db_connection *common, struct arena *arena, struct db_health *out) {
    struct db_rows rows;
    struct db_output output = {.arena = arena, .rows = &rows, .rows_max = 1};
    struct err e = execute(common, &size_of_database, NULL, 0, &output);
    if (e.kind) return e;
    if (!rows.count) return db_error_lost();
    struct db_health h = {.engine = DB_POSTGRES, .bytes = db_int(&rows, 0, "bytes"), .bytes_free = -1, .is_sound = true};
    struct slice version = db_text(&rows, 0, "version");
    h.version = arena_printf(arena, "PostgreSQL %.*s", SLICE_ARG(version));
    if (!slice_eq(db_text(&rows, 0, "fsync"), SLICE("on")) || !slice_eq(db_text(&rows, 0, "pages"), SLICE("on"))) {
        h.is_sound = false;
        h.finding = SLICE("The server runs with fsync or full_page_writes off: a power cut may destroy the database.");
    }
    if (arena_overflowed(arena)) return no_room();
    *out = h;
    return ERR_OK;
}

const struct db_driver db_postgres_driver = {
    .engine = DB_POSTGRES,
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
    .health = health,
};
