/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "system/http/chunked.h"

/* Feeds pieces; takes of each data only every other byte first, to exercise putting back. Returns the last result. */
static enum chunked_result feed(struct chunked *c, struct slice piece, struct buf *out, struct slice *rest) {
    for (;;) {
        struct slice data;
        enum chunked_result r = chunked_next(c, &piece, &data);
        *rest = piece;
        if (r != CHUNKED_DATA) return r;
        size_t keep = data.len > 1 ? data.len / 2 : data.len;
        buf_append(out, slice_sub(data, 0, keep));
        chunked_put_back(c, data.len - keep);
        piece = slice_of(piece.ptr - (data.len - keep), piece.len + (data.len - keep));
    }
}

static void every_cut_gives_the_same_body(void **state) {
    const struct slice text = SLICE("5\r\nhello\r\n0A;name=\"v\"\r\n, chunks!!\r\n1;x\r\n.\r\n000\r\nTrailer: x\r\n\r\nGET");
    for (size_t a = 0; a <= text.len; a++) {
        for (size_t b = a; b <= text.len; b += 3) {
            struct chunked c = {0};
            struct buf out = BUF(1000);
            struct slice pieces[] = {slice_sub(text, 0, a), slice_sub(text, a, b), slice_sub(text, b, text.len)}, rest = SLICE_NONE;
            enum chunked_result r = CHUNKED_MORE;
            size_t left = 0;
            for (int i = 0; i < 3; i++) {
                if (r == CHUNKED_END) {
                    left += pieces[i].len;
                    continue;
                }
                r = feed(&c, pieces[i], &out, &rest);
                left = rest.len;
            }
            assert_int_equal(r, CHUNKED_END);
            assert_int_equal(left, 3); /* "GET" belongs to the next request */
            assert_true(slice_eq(buf_slice(&out), SLICE("hello, chunks!!.")));
            buf_free(&out);
        }
    }
}

static void what_two_parsers_could_read_in_two_ways_is_refused(void **state) {
    static const char *const bad[] = {
        "5\nhello\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhelloX\r\n0\r\n\r\n", "\r\nhello\r\n", "g\r\n", "-5\r\n", "0x5\r\nhello\r\n",
        " 5\r\nhello\r\n", "5 \r\nhello\r\n", "1000000000000000\r\n", "5;a\nb\r\nhello\r\n", "0\r\n\n", "0\r\n folded\r\n\r\n", "0\r\nA: b\n\r\n", "5\r\rhello",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct chunked c = {0};
        struct buf out = BUF(1000);
        struct slice rest;
        if (feed(&c, slice_cstr(bad[i]), &out, &rest) != CHUNKED_BAD) fail_msg("taken: %s", bad[i]);
        buf_free(&out);
    }
}

static void extensions_and_trailers_end_somewhere(void **state) {
    struct chunked c = {0};
    struct slice one = SLICE("5;"), x = SLICE("x"), data;
    assert_int_equal(chunked_next(&c, &one, &data), CHUNKED_MORE);
    int taken = 0;
    for (struct slice s = x; chunked_next(&c, &s, &data) == CHUNKED_MORE; s = x) taken++;
    assert_int_equal(taken, 256);
    c = (struct chunked){0};
    one = SLICE("0\r\n");
    assert_int_equal(chunked_next(&c, &one, &data), CHUNKED_MORE);
    taken = 0;
    for (struct slice s = x; chunked_next(&c, &s, &data) == CHUNKED_MORE; s = x) taken++;
    assert_int_equal(taken, 4096);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_cut_gives_the_same_body),
                                       cmocka_unit_test(what_two_parsers_could_read_in_two_ways_is_refused),
                                       cmocka_unit_test(extensions_and_trailers_end_somewhere)};
    return cmocka_run_group_tests_name("http chunked", tests, NULL, NULL);
}
