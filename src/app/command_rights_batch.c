/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * `grandstand rights check --batch FILE`: many questions, an answer for each, in their order. Columns in: title, territory, medium, at, and
 * where they are wanted party, lang, known_at. Out: CSV with allowed,reason,line,from,until, or with --json an object a line. Nothing is
 * answered before all questions were understood. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/command_rights.h"
#include "base/csv.h"
#include "base/mem.h"

enum { QUESTIONS_MAX = 10000000, FAULTS_SHOWN = 100, STEP = 1 << 20 };

enum column { COLUMN_TITLE, COLUMN_TERRITORY, COLUMN_MEDIUM, COLUMN_AT, COLUMN_PARTY, COLUMN_LANG, COLUMN_KNOWN, COLUMNS };
static const char *const column_names[COLUMNS] = {"title", "territory", "medium", "at", "party", "lang", "known_at"};

struct batch {
    struct rights_shop *shop;
    int places[COLUMNS];
    size_t field_count;
    bool has_header, has_known;
    struct asked {
        struct rights_question question;
        int64_t known_s;
    } *items;
    size_t count, room;
    uint64_t fault_count;
    const char *path;
    bool as_json;
    struct json_writer faults; /* as_json: an array of them */
};

static struct err fault(struct batch *b, struct csv_place at, const char *code, const char *what, struct slice about) {
    if (!about.ptr) about = SLICE("");
    if (b->fault_count++ >= FAULTS_SHOWN) return ERR_OK;
    if (b->as_json) {
        struct json_writer *w = &b->faults;
        json_begin_object(w);
        json_put_number(w, "line", (int64_t)at.line);
        json_put_number(w, "column", (int64_t)at.column);
        json_put_cstr(w, "code", code);
        json_put_cstr(w, "message", what);
        json_put_string(w, "about", about);
        json_end(w);
    } else {
        fprintf(stderr, "%s:%llu:%llu: %s [%s]%s%.*s%s\n", b->path, (unsigned long long)at.line, (unsigned long long)at.column, what, code, about.len ? " \"" : "", SLICE_ARG(about),
                about.len ? "\"" : "");
    }
    return ERR_OK;
}
static struct err fault_of(struct batch *b, struct csv_place at, struct err e, struct slice about) { return fault(b, at, e.code, e.what, about); }

static struct err on_fault(void *user, struct csv_place at, struct err e) { return fault(user, at, e.code, e.what, SLICE_NONE); }

static struct err header_take(struct batch *b, const struct csv_field *fields, size_t count) {
    for (int c = 0; c < COLUMNS; c++) b->places[c] = -1;
    for (size_t i = 0; i < count; i++) {
        int c = 0;
        while (c < COLUMNS && !slice_eq_nocase(slice_trim(fields[i].text), slice_cstr(column_names[c]))) c++;
        if (c < COLUMNS && b->places[c] < 0) {
            b->places[c] = (int)i;
            continue;
        }
        fault(b, fields[i].at, "rights.import_column", "There is no column of this name, or it is there twice. There are title, territory, medium, at, party, lang and known_at.", fields[i].text);
    }
    for (int c = 0; c <= COLUMN_MEDIUM; c++)
        if (b->places[c] < 0) fault(b, fields[0].at, "rights.import_missing", "This column is missing.", slice_cstr(column_names[c]));
    b->has_header = true;
    b->has_known = b->places[COLUMN_KNOWN] >= 0;
    b->field_count = count;
    return b->fault_count ? err_make(ERR_INPUT, "rights.import", "The file has faults.") : ERR_OK;
}

static struct csv_field field_of(const struct batch *b, const struct csv_field *fields, enum column c) {
    struct csv_field f = {.text = SLICE(""), .at = fields[0].at};
    if (b->places[c] >= 0) f = fields[b->places[c]];
    f.text = slice_trim(f.text);
    return f;
}

static struct err on_record(void *user, const struct csv_field *fields, size_t count) {
    struct batch *b = user;
    static const char no_time[] = "A time is a date as 2026-02-28, or has its zone, as 2026-02-28T19:00:00+01:00.";
    if (!b->has_header) return header_take(b, fields, count);
    if (count > b->field_count) return fault(b, fields[b->field_count].at, "rights.import_fields", "The first line has no column for this field. A comma inside a field stands in quotes.", fields[b->field_count].text);
    if (count < b->field_count) return fault(b, csv_uneven_place(fields, count, b->field_count), "rights.import_fields_missing", "The line ends here, and has no field for every column of the first.", SLICE_NONE);
    if (b->count == QUESTIONS_MAX) return err_make(ERR_LIMIT, "rights.batch_large", "The file has more than ten million questions. Cut it into several.");
    if (b->count == b->room) {
        size_t room = b->room ? b->room * 2 : 1024;
        struct asked *moved = mem_realloc_array(b->items, room, sizeof *moved);
        if (!moved) return err_memory();
        b->items = moved;
        b->room = room;
    }
    struct asked *a = &b->items[b->count];
    struct rights_question *q = &a->question;
    *a = (struct asked){.question.at_s = b->shop->now_s, .known_s = RIGHTS_KNOWN_NOW};
    struct csv_field f = field_of(b, fields, COLUMN_TITLE);
    const struct catalog_title *t = catalog_find_any(b->shop->view, f.text);
    if (t) catalog_above(b->shop->view, t, q->titles);
    else fault_of(b, f.at, rights_no_title(), f.text);
    f = field_of(b, fields, COLUMN_TERRITORY);
    if (!rights_place_parse(f.text, SLICE_NONE, &q->place)) fault_of(b, f.at, rights_no_place(), f.text);
    f = field_of(b, fields, COLUMN_MEDIUM);
    if (!rights_medium_parse(f.text, &q->medium)) fault(b, f.at, "rights.medium_unknown", "There is no such medium. See --help for all of them.", f.text);
    f = field_of(b, fields, COLUMN_AT);
    if (f.text.len && !rights_time_parse(f.text, &q->at_s)) fault(b, f.at, "rights.time", no_time, f.text);
    f = field_of(b, fields, COLUMN_KNOWN);
    if (f.text.len && !rights_time_parse(f.text, &a->known_s)) fault(b, f.at, "rights.time", no_time, f.text);
    f = field_of(b, fields, COLUMN_LANG);
    struct err e = rights_tag_of(f.text, &q->language);
    if (e.kind == ERR_INPUT) fault(b, f.at, e.code, e.what, f.text);
    else if (e.kind) return e;
    f = field_of(b, fields, COLUMN_PARTY);
    e = rights_party_named(b->shop, f.text, &q->party_id);
    if (e.kind == ERR_NOT_FOUND) fault(b, f.at, e.code, e.what, f.text);
    else if (e.kind) return e;
    b->count++;
    return ERR_OK;
}

static struct err questions_read(struct batch *b) {
    FILE *file;
    struct err e = rights_file_open(b->path, &file);
    if (e.kind) return e;
    struct csv_reader *reader = NULL;
    struct csv_options options = {.field_bytes_max = 1024, .fields_max = 32, .on_record = on_record, .on_fault = on_fault, .user = b};
    e = csv_open(&reader, &options);
    char *bytes = mem_alloc(STEP);
    if (!e.kind && !bytes) e = err_memory();
    while (!e.kind) {
        size_t len = fread(bytes, 1, STEP, file);
        if (ferror(file)) e = err_from_errno(errno ? errno : EIO, "rights.read", "The file cannot be read to its end.");
        if (e.kind || !len) break;
        e = csv_feed(reader, slice_of(bytes, len));
    }
    if (!e.kind) e = csv_end(reader);
    mem_free(bytes);
    csv_close(&reader);
    rights_file_close(&file);
    if (!e.kind && b->fault_count) e = err_make(ERR_INPUT, "rights.import", "The file has faults.");
    return e;
}

static void answer_write(struct buf *out, bool as_json, const struct rights_answer *a, const struct public_id *line) {
    struct buf from = BUF(64), until = BUF(64);
    if (a->from_s) rights_time_write(&from, a->from_s);
    if (a->until_s != RIGHTS_ENDLESS) rights_time_write(&until, a->until_s);
    if (as_json) {
        struct json_writer w = json_writer_of(out);
        json_begin_object(&w);
        json_put_bool(&w, "is_allowed", a->is_allowed);
        json_put_cstr(&w, "reason", rights_reason_code(a->reason));
        json_put_cstr(&w, "line", line->text[0] ? line->text : NULL);
        rights_put_time_json(&w, "from", a->from_s ? a->from_s : RIGHTS_ENDLESS);
        rights_put_time_json(&w, "until", a->until_s);
        json_end(&w);
        buf_cstr(out, "\n");
    } else {
        buf_cstr(out, a->is_allowed ? "yes," : "no,");
        buf_cstr(out, rights_reason_code(a->reason));
        buf_cstr(out, ",");
        buf_cstr(out, line->text);
        buf_cstr(out, ",");
        buf_append(out, buf_slice(&from));
        buf_cstr(out, ",");
        buf_append(out, buf_slice(&until));
        buf_cstr(out, "\n");
    }
    buf_free(&from);
    buf_free(&until);
}

int rights_batch(struct command_context *c, struct rights_shop *s) {
    bool as_json = option_flag(c, "json"), all_are_allowed = true;
    struct buf told = BUF(FAULTS_SHOWN * 8192);
    struct batch b = {.shop = s, .path = option_text(c, "batch"), .as_json = as_json, .faults = json_writer_of(&told)};
    json_begin_array(&b.faults);
    struct err e = questions_read(&b);
    struct rights_answer *answers = e.kind ? NULL : mem_zalloc_array(b.count + 1, sizeof *answers);
    int64_t *ids = e.kind ? NULL : mem_zalloc_array(b.count + 1, sizeof *ids);
    struct public_id *lines = e.kind ? NULL : mem_zalloc_array(b.count + 1, sizeof *lines);
    if (!e.kind && (!answers || !ids || !lines)) e = err_memory();
    for (size_t i = 0; !e.kind && i < b.count; i++) {
        if (b.items[i].known_s == RIGHTS_KNOWN_NOW) rights_decide(s->house->rights, &b.items[i].question, &answers[i]);
        else e = rights_decide_known(s->house->rights, s->org_id, &b.items[i].question, 1, b.items[i].known_s, &answers[i]);
        ids[i] = answers[i].line_id;
    }
    if (!e.kind) e = rights_line_names(s->house->rights, s->org_id, ids, b.count, lines);
    struct buf out = BUF(STEP * 2);
    if (!e.kind && !as_json) buf_cstr(&out, "allowed,reason,line,from,until\n");
    for (size_t i = 0; !e.kind && i < b.count; i++) {
        answer_write(&out, as_json, &answers[i], &lines[i]);
        all_are_allowed &= answers[i].is_allowed;
        e = buf_error(&out);
        if (e.kind || (out.len < STEP && i + 1 < b.count)) continue;
        if (fwrite(out.ptr, 1, out.len, stdout) != out.len) e = err_from_errno(errno, "rights.write", "The answers cannot be written.");
        buf_clear(&out);
    }
    buf_free(&out);
    mem_free(answers);
    mem_free(ids);
    mem_free(lines);
    mem_free(b.items);
    json_end(&b.faults);
    bool is_faulty = e.kind == ERR_INPUT && b.fault_count;
    if (is_faulty && as_json) {
        printf("{\"error_count\":%llu,\"errors\":%.*s}\n", (unsigned long long)b.fault_count, (int)told.len, told.ptr ? told.ptr : "[]");
    } else if (is_faulty) {
        rights_print_count(stderr, b.fault_count, "fault", "faults");
        fprintf(stderr, "%s. Nothing was answered.\n", b.fault_count > FAULTS_SHOWN ? ", the first of which are shown" : "");
    }
    buf_free(&told);
    if (is_faulty) return EXIT_CODE_FAILED;
    if (e.kind) { /* 3 is an answer here */
        int code = command_fail(c, e, b.path);
        return code == EXIT_CODE_NO_SUCH ? EXIT_CODE_FAILED : code;
    }
    return all_are_allowed ? EXIT_CODE_DONE : EXIT_CODE_NO_SUCH;
}
