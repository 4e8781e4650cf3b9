/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Migrations: which version each room's tables have stands in the table schema_version. */
#include <assert.h>

#include "base/buf.h"
#include "base/log.h"
#include "system/db/driver.h"

enum { MIGRATION_BYTES_MAX = 1 << 20 };

static const char versions_table[] =
    "CREATE TABLE IF NOT EXISTS schema_version(room $TEXT NOT NULL PRIMARY KEY, version $INT NOT NULL) $KEYED;";
static const struct db_statement version_of_room = {"db.version_of_room", "SELECT version FROM schema_version WHERE room = :room"};
static const struct db_statement version_set = {
    "db.version_set",
    "INSERT INTO schema_version(room, version) VALUES (:room, :version) ON CONFLICT(room) DO UPDATE SET version = excluded.version",
};

struct work {
    const struct db_schema *const *schemas;
    size_t count;
};

static struct err script_run(struct db_tx *tx, const char *sql) {
    struct buf text = BUF(MIGRATION_BYTES_MAX);
    db_schema_expand(&text, sql, db_tx_engine(tx));
    buf_u8(&text, 0);
    struct err e = buf_error(&text);
    if (!e.kind) e = tx->conn->target->driver->script(tx->conn, text.ptr);
    buf_free(&text);
    return e;
}

static struct err migrate_room(struct db_tx *tx, const struct db_schema *s) {
    int64_t version = DB_GET_INT(tx, 0, &version_of_room, DB_CSTR("room", s->room));
    struct err e = db_tx_error(tx);
    if (e.kind || version == s->versions) return e;
    if (version > s->versions) {
        log_error("db", "newer", LOG_TEXT("room", s->room), LOG_INT("database", version), LOG_INT("program", s->versions));
        return err_make(ERR_CONFLICT, "db.newer",
                        "The database was made by a newer version of this program. Run that version, or restore a backup from before it.");
    }
    for (int64_t v = version; v < s->versions && !e.kind; v++) {
        const struct db_migration *m = &s->migrations[v];
        e = script_run(tx, db_tx_engine(tx) == DB_POSTGRES && m->sql_postgres ? m->sql_postgres : m->sql);
    }
    if (e.kind) {
        log_error("db", "migration", LOG_TEXT("room", s->room), LOG_INT("from", version), LOG_INT("to", s->versions), LOG_ERR(e));
        return e;
    }
    log_info("db", "migrated", LOG_TEXT("room", s->room), LOG_INT("from", version), LOG_INT("to", s->versions));
    return DB_RUN(tx, &version_set, DB_CSTR("room", s->room), DB_INT("version", s->versions));
}

static struct err migrate_all(struct db_tx *tx, void *arg) {
    const struct work *w = arg;
    struct err e = tx->conn->target->driver->migration_lock(tx->conn);
    if (!e.kind) e = script_run(tx, versions_table);
    for (size_t i = 0; i < w->count && !e.kind; i++) e = migrate_room(tx, w->schemas[i]);
    return e;
}

struct err db_migrate(struct db *db, const struct db_schema *const *schemas, size_t count) {
    for (size_t i = 0; i < count; i++) assert(schemas[i]->versions > 0 && schemas[i]->room && schemas[i]->migrations);
    struct work w = {.schemas = schemas, .count = count};
    return db_write(db, migrate_all, &w);
}
