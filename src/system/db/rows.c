/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Results: how they are gathered, and how they are read. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "system/db/driver.h"

enum { CELLS_MAX = 1 << 22 };

struct db_value *db_collector_push(struct db_collector *c) {
    if (c->len == c->capacity) {
        size_t capacity = c->capacity ? c->capacity * 2 : 256;
        if (capacity > CELLS_MAX) return NULL;
        struct db_value *cells = mem_realloc_array(c->cells, capacity, sizeof *cells);
        if (!cells) return NULL;
        c->cells = cells;
        c->capacity = capacity;
    }
    c->cells[c->len] = (struct db_value){.is_null = true};
    return &c->cells[c->len++];
}

void db_collector_free(struct db_collector *c) {
    mem_free(c->cells);
    *c = (struct db_collector){0};
}

struct err db_names_need(struct db_names *n, size_t columns, const char *(*name_of)(void *, int), void *user) {
    if (n->text && n->count == columns) return ERR_OK;
    struct buf text = BUF(1 << 20);
    for (size_t i = 0; i < columns; i++) {
        buf_cstr(&text, name_of(user, (int)i));
        buf_u8(&text, 0);
    }
    buf_u8(&text, 0); /* so that there is something where there are no columns */
    if (text.has_failed) {
        buf_free(&text);
        return err_memory();
    }
    db_names_free(n);
    *n = (struct db_names){.count = columns, .bytes = text.len, .text = text.ptr};
    return ERR_OK;
}

void db_names_free(struct db_names *n) {
    mem_free(n->text);
    *n = (struct db_names){0};
}

/* Rows outlive the statement, so they have names of their own. */
struct err db_rows_finish(struct db_output *out, const struct db_collector *c, const struct db_names *n) {
    const char **names = arena_alloc_array(out->arena, n->count + 1, sizeof *names);
    struct db_value *cells = arena_alloc_array(out->arena, c->len + 1, sizeof *cells);
    const char *at = arena_copy(out->arena, slice_of(n->text, n->bytes)).ptr;
    if (!names || !cells || !at) return err_make(ERR_LIMIT, "db.large", "The answer is larger than is accepted here. Ask for less at once.");
    for (size_t i = 0; i < n->count; i++, at += strlen(at) + 1) names[i] = at;
    if (c->len) memcpy(cells, c->cells, c->len * sizeof *cells);
    *out->rows = (struct db_rows){.count = n->count ? c->len / n->count : 0, .columns = n->count, .names = names, .cells = cells};
    return ERR_OK;
}

/* Who reads a row asks for its columns more or less in their order: the search begins behind the last one that this thread found. */
size_t db_column(const struct db_rows *rows, const char *column) {
    static _Thread_local size_t next;
    for (size_t tried = 0, i = next; tried < rows->columns; tried++, i++) {
        if (i >= rows->columns) i = 0;
        if (strcmp(rows->names[i], column) != 0) continue;
        next = i + 1;
        return i;
    }
    log_error("db", "bug", LOG_TEXT("what", "a result has no such column"), LOG_TEXT("name", column));
    abort();
}

const struct db_value *db_cell(const struct db_rows *rows, size_t row, size_t column) {
    if (row >= rows->count || column >= rows->columns) {
        log_error("db", "bug", LOG_TEXT("what", "a cell outside of a result"), LOG_INT("row", (int64_t)row));
        abort();
    }
    return &rows->cells[row * rows->columns + column];
}

static const struct db_value *cell(const struct db_rows *rows, size_t row, const char *column) {
    return db_cell(rows, row, db_column(rows, column));
}

int64_t db_int(const struct db_rows *rows, size_t row, const char *column) {
    const struct db_value *v = cell(rows, row, column);
    return v->type == DB_TYPE_INT && !v->is_null ? v->integer : 0;
}

double db_real(const struct db_rows *rows, size_t row, const char *column) {
    const struct db_value *v = cell(rows, row, column);
    if (v->is_null) return 0;
    return v->type == DB_TYPE_REAL ? v->real : v->type == DB_TYPE_INT ? (double)v->integer : 0;
}

struct slice db_text(const struct db_rows *rows, size_t row, const char *column) {
    const struct db_value *v = cell(rows, row, column);
    return v->type == DB_TYPE_TEXT && !v->is_null ? v->bytes : SLICE_NONE;
}

struct slice db_blob(const struct db_rows *rows, size_t row, const char *column) {
    const struct db_value *v = cell(rows, row, column);
    return v->type == DB_TYPE_BLOB && !v->is_null ? v->bytes : SLICE_NONE;
}

bool db_is_null(const struct db_rows *rows, size_t row, const char *column) { return cell(rows, row, column)->is_null; }
