/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/csv.h"
#include "base/fault.h"

static struct err note_record(void *user, const struct csv_field *fields, size_t count) {
    for (size_t i = 0; i < count; i++)
        buf_printf(user, "%llu:%llu[%.*s]", (unsigned long long)fields[i].at.line, (unsigned long long)fields[i].at.column, SLICE_ARG(fields[i].text));
    buf_cstr(user, ";");
    return ERR_OK;
}
/* Only where each ends. */
static struct err note_ends(void *user, const struct csv_field *fields, size_t count) {
    for (size_t i = 0; i < count; i++) buf_printf(user, "%llu:%llu ", (unsigned long long)fields[i].end.line, (unsigned long long)fields[i].end.column);
    buf_cstr(user, ";");
    return ERR_OK;
}
static struct err note_fault(void *user, struct csv_place at, struct err fault) {
    buf_printf(user, "!%llu:%llu %s;", (unsigned long long)at.line, (unsigned long long)at.column, fault.code);
    return ERR_OK;
}

static struct err read_in_steps(struct slice text, size_t step, struct buf *seen) {
    struct csv_reader *r;
    struct err e = csv_open(&r, &(struct csv_options){.field_bytes_max = 20, .fields_max = 3, .on_record = note_record, .on_fault = note_fault, .user = seen});
    if (e.kind) return e;
    for (size_t at = 0; !e.kind && at < text.len; at += step) e = csv_feed(r, slice_sub(text, at, at + step));
    if (!e.kind) e = csv_end(r);
    csv_close(&r);
    return e;
}

/* However the text is cut, the same is seen. */
static void reads(struct slice text, const char *expected) {
    for (size_t step = 1; step <= text.len + 1; step++) {
        struct buf seen = BUF(1 << 16);
        assert_int_equal(read_in_steps(text, step, &seen).kind, ERR_NONE);
        buf_bytes(&seen, "", 1);
        assert_string_equal(seen.ptr, expected);
        buf_free(&seen);
    }
}

static void fields_know_their_places(void **state) {
    reads(SLICE("a,b\r\n1,\"x,\"\"y\"\"\",\n"), "1:1[a]1:3[b];2:1[1]2:3[x,\"y\"]2:13[];");
    reads(SLICE("\xef\xbb\xbfn\xc3\xa4me,b\nx,y"), "1:1[n\xc3\xa4me]1:6[b];2:1[x]2:3[y];");
    reads(SLICE("\"a\nb\",c\nd"), "1:1[a\nb]2:4[c];3:1[d];");
    reads(SLICE("a\n\n\r\n\"\"\nb"), "1:1[a];4:1[];5:1[b];");
    reads(SLICE(""), "");
    reads(SLICE("\xef\xbb\xbf"), "");
    reads(SLICE(","), "1:1[]1:2[];");
}

static void all_faults_are_told_and_reading_goes_on(void **state) {
    reads(SLICE("a\"b\nok\n\"x\"y\nok\r\na\rb\nok\n"), "!1:2 csv.quote;2:1[ok];!3:4 csv.quote;4:1[ok];!5:3 csv.text;6:1[ok];");
    reads(SLICE("1,2,3,4\n\xff,x\nok"), "!1:7 csv.fields;!2:1 csv.text;3:1[ok];");
    reads(slice_of("a\0b\nok", 6), "!1:2 csv.text;2:1[ok];");
    reads(SLICE("a,123456789012345678901\nok"), "!1:3 csv.field;2:1[ok];");
    reads(SLICE("ok\nb,\"open\nand on"), "1:1[ok];!2:3 csv.unterminated;");
    reads(SLICE("\xef\xbb"), "!1:1 csv.text;");
    reads(SLICE("\xef\xbbx\nok"), "!1:1 csv.text;2:1[ok];");
}

static void fields_know_where_they_end(void **state) {
    struct slice text = SLICE("a,\"b,\"\"c\"\r\n\"x\ny\",\xc3\xa4\xc3\xa4\n,\nlast");
    for (size_t step = 1; step <= text.len; step++) {
        struct csv_reader *r;
        struct buf seen = BUF(1 << 16);
        assert_int_equal(csv_open(&r, &(struct csv_options){.on_record = note_ends, .user = &seen}).kind, ERR_NONE);
        for (size_t at = 0; at < text.len; at += step) assert_int_equal(csv_feed(r, slice_sub(text, at, at + step)).kind, ERR_NONE);
        assert_int_equal(csv_end(r).kind, ERR_NONE);
        csv_close(&r);
        buf_bytes(&seen, "", 1);
        assert_string_equal(seen.ptr, "1:2 1:10 ;3:3 3:6 ;4:1 4:2 ;5:5 ;");
        buf_free(&seen);
    }
}

static struct err refuse(void *user, const struct csv_field *fields, size_t count) { return err_make(ERR_CANCELLED, "test.enough", ""); }
static void a_callback_can_end_it(void **state) {
    struct csv_reader *r;
    assert_int_equal(csv_open(&r, &(struct csv_options){.on_record = refuse}).kind, ERR_NONE);
    assert_int_equal(csv_feed(r, SLICE("a\nb\n")).kind, ERR_CANCELLED);
    csv_close(&r);
}

static void memory_may_run_out_anywhere(void **state) {
    for (uint64_t nth = 1;; nth++) {
        struct buf seen = BUF(1 << 16);
        buf_reserve(&seen, 1000);
        fault_arm(FAULT_ALLOC, nth, false);
        struct err e = read_in_steps(SLICE("a,b\n\"c\",d\n"), 3, &seen);
        bool fired = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        buf_free(&seen);
        assert_int_equal(e.kind, fired ? ERR_LIMIT : ERR_NONE);
        if (!fired) break;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(fields_know_their_places), cmocka_unit_test(fields_know_where_they_end), cmocka_unit_test(all_faults_are_told_and_reading_goes_on),
                                       cmocka_unit_test(a_callback_can_end_it), cmocka_unit_test(memory_may_run_out_anywhere)};
    return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
