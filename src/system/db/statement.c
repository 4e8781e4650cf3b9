/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * SQL text: names of values, and the words of schemas that the two databases spell differently. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "system/db/driver.h"

enum { SQL_BYTES_MAX = 1 << 20 };

static bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || c == '_'; }
static bool is_name(char c) { return is_name_start(c) || (c >= '0' && c <= '9'); }

/* The length of what begins at `at` and is no code: a quoted text or name, or a comment; 0 if code begins there. */
static size_t literal_len(const char *at) {
    if (*at == '\'' || *at == '"') {
        const char *end = strchr(at + 1, *at); /* a doubled quote is two literals side by side: the same to us */
        return end ? (size_t)(end - at) + 1 : strlen(at);
    }
    if (at[0] == '-' && at[1] == '-') return strcspn(at, "\n");
    if (at[0] == '/' && at[1] == '*') {
        const char *end = strstr(at + 2, "*/");
        return end ? (size_t)(end - at) + 2 : strlen(at);
    }
    return 0;
}

_Noreturn void db_bug(const struct db_statement *s, const char *what, const char *name) {
    log_error("db", "bug", LOG_TEXT("statement", s->name), LOG_TEXT("what", what), LOG_TEXT("name", name));
    abort();
}

/* The number of a name, from 1; new names are added. 0 when memory ran out. */
static size_t name_number(struct db_sql *sql, const struct db_statement *s, struct slice name) {
    for (size_t i = 0; i < sql->name_count; i++)
        if (slice_eq(slice_cstr(sql->names[i]), name)) return i + 1;
    if (sql->name_count == DB_BINDS_MAX) db_bug(s, "too many names in a statement", NULL);
    char **names = mem_realloc_array(sql->names, sql->name_count + 1, sizeof *names);
    if (!names) return 0;
    sql->names = names;
    char *copy = mem_strndup(name.ptr, name.len);
    if (!copy) return 0;
    sql->names[sql->name_count++] = copy;
    return sql->name_count;
}

struct err db_sql_translate(const struct db_statement *s, enum db_engine engine, struct db_sql *out) {
    const char *at = engine == DB_POSTGRES && s->sql_postgres ? s->sql_postgres : s->sql;
    struct db_sql sql = {0};
    struct buf text = BUF(SQL_BYTES_MAX);
    while (*at) {
        size_t skip = literal_len(at);
        if (!skip && at[0] == ':' && at[1] == ':') skip = 2; /* PostgreSQL's cast */
        if (skip) {
            buf_bytes(&text, at, skip);
            at += skip;
        } else if (at[0] == ':' && is_name_start(at[1])) {
            size_t len = 1;
            while (is_name(at[1 + len])) len++;
            size_t number = name_number(&sql, s, slice_of(at + 1, len));
            if (!number) goto no_memory;
            buf_printf(&text, "%c%zu", engine == DB_POSTGRES ? '$' : '?', number);
            at += 1 + len;
        } else {
            buf_u8(&text, (uint8_t)*at++);
        }
    }
    buf_u8(&text, 0);
    if (text.has_failed) goto no_memory;
    sql.text = text.ptr;
    *out = sql;
    return ERR_OK;
no_memory:
    buf_free(&text);
    db_sql_free(&sql);
    return err_memory();
}

void db_sql_free(struct db_sql *sql) {
    for (size_t i = 0; i < sql->name_count; i++) mem_free(sql->names[i]);
    mem_free(sql->names);
    mem_free(sql->text);
    *sql = (struct db_sql){0};
}

struct err db_sql_bind(const struct db_sql *sql, const struct db_statement *s, const struct db_bind *binds, size_t count,
                       const struct db_value *values[DB_BINDS_MAX]) {
    for (size_t i = 0; i < sql->name_count; i++) values[i] = NULL;
    size_t next = 0; /* most are bound in the order in which the statement names them */
    for (size_t j = 0; j < count; j++) {
        size_t tried = 0, i = next;
        for (; tried < sql->name_count; tried++, i++) {
            if (i >= sql->name_count) i = 0;
            if (!strcmp(sql->names[i], binds[j].name)) break;
        }
        if (tried == sql->name_count) db_bug(s, "a value is bound to a name that the statement does not have", binds[j].name);
        if (values[i]) db_bug(s, "a value is bound twice", binds[j].name);
        values[i] = &binds[j].value;
        next = i + 1;
    }
    for (size_t i = 0; i < sql->name_count; i++) {
        if (!values[i]) db_bug(s, "a value is not bound", sql->names[i]);
        const struct db_value *v = values[i];
        if (v->type != DB_TYPE_TEXT || v->is_null || !v->bytes.len) continue;
        if (memchr(v->bytes.ptr, 0, v->bytes.len) || !utf8_is_valid(v->bytes))
            return err_make(ERR_INPUT, "db.text", "A text contains characters that cannot be stored. Remove them and try again.");
    }
    return ERR_OK;
}

void db_sql_columns(const struct db_sql *sql, const struct db_statement *s, const struct db_ints *columns, size_t count,
                    const int64_t *values[DB_BINDS_MAX]) {
    if (count != sql->name_count) db_bug(s, "not as many columns as the statement has names", NULL);
    for (size_t i = 0; i < sql->name_count; i++) {
        values[i] = NULL;
        for (size_t j = 0; j < count; j++)
            if (!strcmp(sql->names[i], columns[j].name)) values[i] = columns[j].values;
        if (!values[i]) db_bug(s, "a column is not bound", sql->names[i]);
    }
}

void db_schema_expand(struct buf *out, const char *at, enum db_engine engine) {
    static const struct {
        const char *word, *by_engine[2];
    } words[] = {
        {"$ID", {[DB_SQLITE] = "INTEGER PRIMARY KEY", [DB_POSTGRES] = "BIGINT PRIMARY KEY"}},
        {"$INT", {[DB_SQLITE] = "INTEGER", [DB_POSTGRES] = "BIGINT"}},
        {"$TEXT", {[DB_SQLITE] = "TEXT", [DB_POSTGRES] = "TEXT COLLATE \"C\""}},
        {"$BLOB", {[DB_SQLITE] = "BLOB", [DB_POSTGRES] = "BYTEA"}},
        {"$REAL", {[DB_SQLITE] = "REAL", [DB_POSTGRES] = "DOUBLE PRECISION"}},
        {"$TABLE", {[DB_SQLITE] = "STRICT", [DB_POSTGRES] = ""}},
        {"$KEYED", {[DB_SQLITE] = "STRICT, WITHOUT ROWID", [DB_POSTGRES] = ""}},
    };
    while (*at) {
        size_t skip = literal_len(at);
        if (skip) {
            buf_bytes(out, at, skip);
            at += skip;
            continue;
        }
        if (*at != '$') {
            buf_u8(out, (uint8_t)*at++);
            continue;
        }
        size_t len = 1;
        while (at[len] >= 'A' && at[len] <= 'Z') len++;
        size_t i = 0;
        while (i < ARRAY_LEN(words) && !slice_eq(slice_cstr(words[i].word), slice_of(at, len))) i++;
        assert(i < ARRAY_LEN(words)); /* a word of db.h */
        buf_cstr(out, words[i].by_engine[engine]);
        at += len;
    }
}
