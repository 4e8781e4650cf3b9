/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "media/rtmp/amf.h"

static struct byte_reader reader_of(const struct buf *b) { return byte_reader_of(buf_slice(b)); }

static void put_command(struct buf *b) {
    amf_put_text(b, SLICE("connect"));
    amf_put_number(b, 1);
    amf_begin_object(b);
    amf_member_text(b, SLICE("app"), SLICE("live"));
    amf_member_number(b, SLICE("capsEx"), 14);
    amf_name(b, SLICE("info"));
    amf_begin_ecma(b, 77); /* the count is not to be believed */
    amf_member_boolean(b, SLICE("stereo"), true);
    amf_end(b);
    amf_end(b);
    amf_put_null(b);
}

static void what_is_written_is_read(void **state) {
    struct buf b = BUF(4096);
    put_command(&b);
    struct byte_reader r = reader_of(&b);
    struct amf_value v, info, stereo;
    assert_true(amf_read(&r, &v) && v.kind == AMF_TEXT && slice_eq(v.text, SLICE("connect")));
    assert_true(amf_read(&r, &v) && v.kind == AMF_NUMBER && v.number == 1);
    assert_true(amf_read(&r, &v) && v.kind == AMF_OBJECT);
    assert_true(slice_eq(amf_find_text(&v, SLICE("app")), SLICE("live")));
    double caps = 0;
    assert_true(amf_find_number(&v, SLICE("capsEx"), &caps) && caps == 14);
    assert_false(amf_find_number(&v, SLICE("app"), &caps)); /* of another kind */
    assert_false(amf_find(&v, SLICE("nothing"), &info));
    assert_true(amf_find(&v, SLICE("info"), &info) && info.kind == AMF_OBJECT);
    assert_true(amf_find(&info, SLICE("stereo"), &stereo) && stereo.kind == AMF_BOOLEAN && stereo.boolean);
    assert_true(amf_read(&r, &v) && v.kind == AMF_NULL);
    assert_false(amf_read(&r, &v));
    assert_false(r.has_failed);
    buf_free(&b);
}

/* No cut anywhere reads beyond the end (the copy is exact, for the sanitizer) or passes for whole. */
static void every_cut_is_noticed(void **state) {
    struct buf b = BUF(4096);
    put_command(&b);
    size_t whole = 0;
    for (size_t len = 0; len <= b.len; len++) {
        char *exact = malloc(len ? len : 1);
        memcpy(exact, b.ptr, len);
        struct byte_reader r = byte_reader_of(slice_of(exact, len));
        struct amf_value v;
        size_t values = 0;
        while (amf_read(&r, &v)) values++;
        if (!r.has_failed) whole++;
        assert_true(len == b.len ? values == 4 : values < 4);
        free(exact);
    }
    assert_int_equal(whole, 5); /* nothing, and after each of four values */
    buf_free(&b);
}

static void long_text_and_numbers_of_all_kinds(void **state) {
    struct buf b = BUF(200000);
    static char text[70000];
    memset(text, 'x', sizeof text);
    amf_put_text(&b, slice_of(text, sizeof text));
    amf_put_number(&b, -0.5);
    amf_put_number(&b, INFINITY);
    buf_u8(&b, 11); /* a date: ms, and a time zone */
    buf_u64be(&b, 0x42773a7a4f7d8000);
    buf_u16be(&b, 0);
    buf_u8(&b, 7); /* a reference */
    buf_u16be(&b, 1);
    buf_u8(&b, 10); /* a strict array of two */
    buf_u32be(&b, 2);
    amf_put_null(&b);
    amf_put_boolean(&b, false);
    struct byte_reader r = reader_of(&b);
    struct amf_value v;
    assert_true(amf_read(&r, &v) && v.text.len == sizeof text);
    assert_true(amf_read(&r, &v) && v.number == -0.5);
    assert_true(amf_read(&r, &v) && isinf(v.number));
    assert_true(amf_read(&r, &v) && v.kind == AMF_DATE && v.number > 1.5e12);
    assert_true(amf_read(&r, &v) && v.kind == AMF_NULL);
    assert_true(amf_read(&r, &v) && v.kind == AMF_ARRAY && v.count == 2 && v.content.len == 3);
    assert_false(amf_read(&r, &v));
    assert_false(r.has_failed);
    buf_free(&b);
}

static bool is_read(struct slice s) {
    struct byte_reader r = byte_reader_of(s);
    struct amf_value v;
    return amf_read(&r, &v);
}

static void bombs_are_refused(void **state) {
    struct buf b = BUF((size_t)8 << 20);
    for (unsigned depth = 1; depth <= 2 * AMF_DEPTH_MAX; depth++) { /* objects in objects */
        buf_clear(&b);
        for (unsigned i = 0; i < depth; i++) {
            amf_begin_object(&b);
            amf_name(&b, SLICE("a"));
        }
        amf_put_null(&b);
        for (unsigned i = 0; i < depth; i++) amf_end(&b);
        assert_int_equal(is_read(buf_slice(&b)), depth <= AMF_DEPTH_MAX);
    }
    buf_clear(&b);
    for (unsigned i = 0; i < 100000; i++) { /* arrays in arrays, a hundred thousand deep */
        buf_u8(&b, 10);
        buf_u32be(&b, 1);
    }
    assert_false(is_read(buf_slice(&b)));
    buf_clear(&b);
    amf_begin_object(&b); /* wide: more members than anybody needs */
    for (unsigned i = 0; i < 100000; i++) amf_member_boolean(&b, SLICE("a"), true);
    amf_end(&b);
    assert_false(is_read(buf_slice(&b)));
    buf_clear(&b);
    buf_u8(&b, 10); /* four thousand million elements in no bytes */
    buf_u32be(&b, UINT32_MAX);
    assert_false(is_read(buf_slice(&b)));
    assert_false(is_read(slice_of("\x0c\xff\xff\xff\xff", 5))); /* a long string of 4 GB */
    assert_false(is_read(slice_of("\x0a\0\0", 3)));            /* an array that is cut in its count */
    assert_false(is_read(slice_of("\x04", 1)));                 /* a movie clip */
    assert_false(is_read(slice_of("\x0e", 1)));
    assert_false(is_read(slice_of("\xff", 1)));
    buf_free(&b);
}

static void amf3_behind_a_marker(void **state) {
    struct byte_reader r = byte_reader_of(slice_of("\x11\x06\x09live\x11\x04\x81\x00\x11\x04\xff\xff\xff\xff\x11\x03\x11\x01", 22));
    struct amf_value v;
    assert_true(amf_read(&r, &v) && slice_eq(v.text, SLICE("live")));
    assert_true(amf_read(&r, &v) && v.number == 128);
    assert_true(amf_read(&r, &v) && v.number == -1); /* 29 bits, signed */
    assert_true(amf_read(&r, &v) && v.boolean);
    assert_true(amf_read(&r, &v) && v.kind == AMF_NULL);
    assert_false(is_read(slice_of("\x11\x06\x02", 3))); /* a string by reference */
    assert_false(is_read(slice_of("\x11\x0a\x01", 3))); /* an object */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read), cmocka_unit_test(every_cut_is_noticed),  cmocka_unit_test(long_text_and_numbers_of_all_kinds),
        cmocka_unit_test(bombs_are_refused),       cmocka_unit_test(amf3_behind_a_marker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
