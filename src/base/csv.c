/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A machine of five states. The text of a record's fields gathers in one buffer, one after the other; fields are spans of it and become
 * slices when the record is whole. */
#include "base/csv.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"

enum { FIELD_BYTES_MAX = 65536, FIELDS_MAX = 256 };

enum state {
    AT_FIELD, /* nothing of the field has come yet */
    IN_BARE,
    IN_QUOTES,
    AFTER_QUOTE, /* one quote inside quotes: the end of the field, or the first of two */
    AFTER_CR,    /* LF must follow */
    SKIPPING,    /* to the end of the line: this record has a fault */
};

struct span {
    size_t from, len;
    struct csv_place at, end;
};

struct csv_reader {
    struct csv_options o;
    enum state state;
    struct csv_place at, field_at; /* of the next byte; where the field under way began */
    struct csv_place cr_at;        /* AFTER_CR: where it was */
    struct buf text;
    size_t field_from;
    struct span *spans;
    struct csv_field *fields;
    size_t count;
    bool has_begun;   /* something of this record has come */
    unsigned bom_seen; /* bytes of the mark at the very beginning; 3 or more: past it */
};

static const unsigned char bom[3] = {0xEF, 0xBB, 0xBF};

struct err csv_open(struct csv_reader **out, const struct csv_options *options) {
    struct csv_reader *r = mem_zalloc(sizeof *r);
    if (!r) return err_memory();
    r->o = *options;
    if (!r->o.separator) r->o.separator = ',';
    if (!r->o.field_bytes_max) r->o.field_bytes_max = FIELD_BYTES_MAX;
    if (!r->o.fields_max) r->o.fields_max = FIELDS_MAX;
    r->at = (struct csv_place){1, 1};
    r->text = BUF(r->o.field_bytes_max * r->o.fields_max);
    r->spans = mem_zalloc_array(r->o.fields_max, sizeof *r->spans);
    r->fields = mem_zalloc_array(r->o.fields_max, sizeof *r->fields);
    if (!r->spans || !r->fields) {
        csv_close(&r);
        return err_memory();
    }
    *out = r;
    return ERR_OK;
}

void csv_close(struct csv_reader **reader) {
    struct csv_reader *r = *reader;
    if (!r) return;
    buf_free(&r->text);
    mem_free(r->spans);
    mem_free(r->fields);
    MEM_FREE(reader);
}

static void record_begin(struct csv_reader *r) {
    buf_clear(&r->text);
    r->count = 0;
    r->field_from = 0;
    r->has_begun = false;
    r->state = AT_FIELD;
}

static struct err fault(struct csv_reader *r, struct csv_place at, const char *code, const char *what) {
    r->state = SKIPPING;
    return r->o.on_fault ? r->o.on_fault(r->o.user, at, err_make(ERR_INPUT, code, what)) : ERR_OK;
}

/* The field under way is whole. */
static struct err field_end(struct csv_reader *r) {
    if (r->text.has_failed) return err_memory();
    size_t len = r->text.len - r->field_from;
    if (r->count == r->o.fields_max) return fault(r, r->field_at, "csv.fields", "This line has more fields than are understood.");
    if (len && !utf8_is_valid(slice_of(r->text.ptr + r->field_from, len)))
        return fault(r, r->field_at, "csv.text", "This field is not UTF-8 text. Save the file as UTF-8.");
    r->spans[r->count++] = (struct span){r->field_from, len, r->field_at, r->state == AFTER_CR ? r->cr_at : r->at};
    r->field_from = r->text.len;
    r->state = AT_FIELD;
    return ERR_OK;
}

static struct err record_end(struct csv_reader *r) {
    struct err e = ERR_OK;
    if (r->has_begun && r->state != SKIPPING) { /* else a blank line */
        e = field_end(r);
        if (!e.kind && r->state != SKIPPING) {
            for (size_t i = 0; i < r->count; i++)
                r->fields[i] = (struct csv_field){slice_of(r->spans[i].len ? r->text.ptr + r->spans[i].from : "", r->spans[i].len), r->spans[i].at, r->spans[i].end};
            e = r->o.on_record(r->o.user, r->fields, r->count);
        }
    }
    record_begin(r);
    return e;
}

/* A byte that continues a character does not move the column. */
static void move_past(struct csv_reader *r, char c) {
    if (c == '\n') {
        r->at.line++;
        r->at.column = 1;
    } else if (((unsigned char)c & 0xC0) != 0x80) {
        r->at.column++;
    }
}

static struct err take(struct csv_reader *r, const char *run, size_t len) {
    if (r->text.len - r->field_from + len > r->o.field_bytes_max)
        return fault(r, r->field_at, "csv.field", "This field is longer than is understood. Is a closing quote missing?");
    buf_bytes(&r->text, run, len);
    return r->text.has_failed ? err_memory() : ERR_OK;
}

static struct err byte(struct csv_reader *r, char c) {
    if (c == '\0' && r->state != SKIPPING) return fault(r, r->at, "csv.text", "There is a zero byte in the file: it is no UTF-8 text. Save the file as CSV in UTF-8.");
    switch (r->state) {
    case AFTER_CR:
        if (c == '\n') return record_end(r);
        return fault(r, r->at, "csv.text", "A line ends with CR alone. Save the file with line ends of LF or CR LF.");
    case SKIPPING:
        if (c == '\n') record_begin(r);
        return ERR_OK;
    case IN_QUOTES:
        if (c == '"') {
            r->state = AFTER_QUOTE;
            return ERR_OK;
        }
        return take(r, &c, 1);
    case AFTER_QUOTE:
        if (c == '"') {
            r->state = IN_QUOTES;
            return take(r, &c, 1);
        }
        if (c != r->o.separator && c != '\r' && c != '\n') return fault(r, r->at, "csv.quote", "There is text behind the closing quote. A quote inside quotes is written twice.");
        break;
    case AT_FIELD:
        r->field_at = r->at;
        if (c == '"') {
            r->has_begun = true;
            r->state = IN_QUOTES;
            return ERR_OK;
        }
        break;
    case IN_BARE:
        if (c == '"') return fault(r, r->at, "csv.quote", "There is a quote in a field that does not begin with one. Put the whole field into quotes.");
        break;
    }
    if (c == '\n') return record_end(r);
    if (c == '\r') {
        r->cr_at = r->at;
        r->state = AFTER_CR;
        return ERR_OK;
    }
    r->has_begun = true;
    if (c == r->o.separator) {
        struct err e = field_end(r);
        return e;
    }
    r->state = IN_BARE;
    return take(r, &c, 1);
}

struct err csv_feed(struct csv_reader *r, struct slice bytes) {
    struct err e = ERR_OK;
    size_t i = 0;
    while (r->bom_seen < 3 && i < bytes.len) {
        if ((unsigned char)bytes.ptr[i] == bom[r->bom_seen]) {
            r->bom_seen++;
            i++;
            continue;
        }
        unsigned seen = r->bom_seen; /* no mark, only what looked like the beginning of one */
        r->bom_seen = 3;
        for (unsigned k = 0; !e.kind && k < seen; k++) {
            e = byte(r, (char)bom[k]);
            move_past(r, (char)bom[k]);
        }
    }
    while (!e.kind && i < bytes.len) {
        size_t run = 0;
        if (r->state == IN_BARE || r->state == IN_QUOTES) { /* most bytes mean only themselves: they are taken in runs */
            const char *p = bytes.ptr + i;
            size_t left = bytes.len - i;
            uint64_t columns = 0;
            bool is_bare = r->state == IN_BARE;
            while (run < left && p[run] != '"' && p[run] != '\n' && p[run] != '\0' && !(is_bare && (p[run] == '\r' || p[run] == r->o.separator))) {
                columns += ((unsigned char)p[run] & 0xC0) != 0x80;
                run++;
            }
            if (run) {
                e = take(r, p, run);
                r->at.column += columns;
                i += run;
                continue;
            }
        }
        char c = bytes.ptr[i++];
        e = byte(r, c);
        move_past(r, c);
    }
    return e;
}

struct err csv_end(struct csv_reader *r) {
    if (r->bom_seen < 3 && r->bom_seen > 0) {
        r->state = IN_BARE;
        return fault(r, r->at, "csv.text", "This field is not UTF-8 text. Save the file as UTF-8.");
    }
    if (r->state == AT_FIELD) r->field_at = r->at;
    if (r->state == IN_QUOTES) return fault(r, r->field_at, "csv.unterminated", "The file ends inside quotes that begin here.");
    return record_end(r);
}
