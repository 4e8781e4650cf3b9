/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The rows of a CSV become items: a header that names the columns, then a cell for each. */
#include "base/csv.h"
#include "business/catalog/import.h"

enum { FIELD_BYTES_MAX = 65536 };

static struct err header_read(struct work *w, const struct csv_field *fields, size_t count) {
    w->has_header = true;
    w->column_count = count;
    bool has[CELLS] = {0};
    for (size_t i = 0; i < count; i++) {
        struct slice name = slice_trim(fields[i].text);
        int found = -1;
        for (int c = 0; c < CELLS; c++)
            if (slice_eq(name, slice_cstr(cell_names[c]))) found = c;
        w->columns[i] = found;
        if (found < 0 || has[found]) {
            struct slice kept = arena_copy(w->arena, slice_sub(name, 0, 60));
            struct err e = import_fault(w, fields[i].at.line, fields[i].at.column, kept,
                                    err_make(ERR_INPUT, "catalogue.header", "The first line names the columns, each once, by names that the guide lists."));
            if (e.kind) return e;
            w->columns[i] = -1;
        } else {
            has[found] = true;
        }
    }
    return ERR_OK;
}

static struct err record_read(void *user, const struct csv_field *fields, size_t count) {
    struct work *w = user;
    if (!w->has_header) return header_read(w, fields, count);
    if (count != w->column_count) {
        struct csv_place at = csv_uneven_place(fields, count, w->column_count);
        return import_fault(w, at.line, at.column, SLICE_NONE, err_make(ERR_INPUT, "catalogue.fields", "This line has more or fewer fields than the first one."));
    }
    struct item *item = import_item_new(w, fields[0].at.line, 1);
    if (!item) return err_memory();
    for (size_t i = 0; i < count; i++) {
        if (w->columns[i] < 0) continue;
        struct slice text = arena_copy(w->arena, slice_trim(fields[i].text));
        if (!text.ptr) return err_memory();
        item->cells[w->columns[i]] = (struct cell_in){text.ptr, (uint32_t)text.len, (uint32_t)fields[i].at.line, (uint32_t)fields[i].at.column};
    }
    return ERR_OK;
}
static struct err csv_fault(void *user, struct csv_place at, struct err fault) { return import_fault(user, at.line, at.column, SLICE_NONE, fault); }

struct err import_csv_read(struct work *w, struct slice bytes) {
    struct csv_reader *reader = NULL;
    struct csv_options options = {.field_bytes_max = FIELD_BYTES_MAX, .fields_max = ARRAY_LEN(w->columns), .on_record = record_read, .on_fault = csv_fault, .user = w};
    struct err e = csv_open(&reader, &options);
    if (!e.kind) e = csv_feed(reader, bytes);
    if (!e.kind) e = csv_end(reader);
    csv_close(&reader);
    if (!e.kind && !w->has_header) e = import_fault(w, 1, 1, SLICE_NONE, err_make(ERR_INPUT, "catalogue.form", "This is no catalogue: CSV with a header line, or JSON with a list \"titles\"."));
    return e;
}
