/* SPDX-License-Identifier: AGPL-3.0-or-later
 * The same text in one piece and cut everywhere gives the same records and the same faults; what was read and written again with quotes
 * reads the same. */
#include <assert.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct err note_record(void *user, const struct csv_field *fields, size_t count) {
    struct buf *seen = user;
    for (size_t i = 0; i < count; i++) {
        assert(fields[i].at.line > 0 && fields[i].at.column > 0 && fields[i].text.len <= 100);
        const struct csv_place *at = &fields[i].at, *end = &fields[i].end;
        assert(end->line > at->line || (end->line == at->line && end->column >= at->column));
        if (i) assert(at->line == fields[i - 1].end.line && at->column == fields[i - 1].end.column + 1);
        buf_cstr(seen, i ? ",\"" : "\"");
        for (size_t k = 0; k < fields[i].text.len; k++) {
            if (fields[i].text.ptr[k] == '"') buf_cstr(seen, "\"");
            buf_bytes(seen, fields[i].text.ptr + k, 1);
        }
        buf_cstr(seen, "\"");
    }
    buf_cstr(seen, "\r\n");
    return ERR_OK;
}
static struct err note_fault(void *user, struct csv_place at, struct err fault) {
    (void)user;
    assert(fault.kind == ERR_INPUT && at.line > 0 && at.column > 0);
    return ERR_OK;
}

static size_t read_all(struct slice text, size_t step, struct buf *seen) {
    struct csv_reader *r;
    struct csv_options o = {.field_bytes_max = 100, .fields_max = 8, .on_record = note_record, .on_fault = note_fault, .user = seen};
    struct err e = csv_open(&r, &o);
    assert(!e.kind);
    for (size_t at = 0; at < text.len; at += step) {
        size_t len = text.len - at < step ? text.len - at : step;
        char *exact = malloc(len);
        memcpy(exact, text.ptr + at, len);
        e = csv_feed(r, slice_of(exact, len));
        assert(!e.kind);
        free(exact);
    }
    e = csv_end(r);
    assert(!e.kind);
    csv_close(&r);
    return seen->len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 4096) return 0;
    struct buf whole = BUF(1 << 20), cut = BUF(1 << 20), again = BUF(1 << 20);
    read_all(slice_of(data, size), size ? size : 1, &whole);
    read_all(slice_of(data, size), size ? 1 + data[0] % 7 : 1, &cut);
    assert(slice_eq(buf_slice(&whole), buf_slice(&cut)));
    read_all(buf_slice(&whole), 64, &again);
    assert(slice_eq(buf_slice(&whole), buf_slice(&again)));
    buf_free(&whole);
    buf_free(&cut);
    buf_free(&again);
    return 0;
}
