/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Heads of requests: what is taken, what is refused, and that neither depends on how the bytes were cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/mem.h"
#include "system/http/head.h"

struct request {
    const char *text;
    int status; /* 0: taken; -1: refused before the end is found */
    const char *path, *query, *host;
};
static const struct request requests[] = {
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, "/", "", "a"},
    {"GET /a%20b/%C3%BC?x=1&y HTTP/1.1\r\nHOST:\t example.org:80 \r\nX-A: b\r\n\r\n", 0, "/a b/\xc3\xbc", "x=1&y", "example.org:80"},
    {"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, "/", "", "a"},
    {"GET / HTTP/1.0\r\n\r\n", 0, "/", "", ""},
    {"GET http://other:8/p?q HTTP/1.1\r\nHost: a\r\n\r\n", 0, "/p", "q", "other:8"},
    {"GET HTTPS://other HTTP/1.1\r\nHost: a\r\n\r\n", 0, "/", "", "other"},
    {"GET http://other?q HTTP/1.1\r\nHost: a\r\n\r\n", 0, "/", "q", "other"},
    {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 0, "*", "", "a"},
    {"GET / HTTP/1.7\r\nHost: a\r\n\r\n", 0, "/", "", "a"},
    {"GET / HTTP/1.1\r\nHost: a\r\nEmpty:\r\nX: \x80\xff\r\n\r\n", 0, "/", "", "a"},
    {"GET /.well-known/x/...y HTTP/1.1\r\nHost: a\r\n\r\n", 0, "/.well-known/x/...y", "", "a"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", 0, "/", "", "a"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n", 0, "/", "", "a"},

    /* Lines. */
    {"GET / HTTP/1.1\nHost: a\n\n", -1, 0, 0, 0},
    {"GET / HTTP/1.1\r\nHost: a\r\n\n", -1, 0, 0, 0},
    {"\n", -1, 0, 0, 0},
    {"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0, 0},
    {"GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n", 400, 0, 0, 0},
    {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, 0, 0, 0},
    {"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400, 0, 0, 0},
    {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, 0, 0, 0},
    {"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400, 0, 0, 0},
    {"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400, 0, 0, 0},
    {"GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n", 400, 0, 0, 0},
    {"GET / HTTP/1.1\r\nHost: a\r\nX\x80: b\r\n\r\n", 400, 0, 0, 0},

    /* The request line. */
    {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0, 0},
    {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400, 0, 0, 0},
    {" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0, 0},
    {"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0, 0},
    {"GET /\r\nHost: a\r\n\r\n", 400, 0, 0, 0},
    {"GET / http/1.1\r\nHost: a\r\n\r\n", 400, 0, 0, 0},
    {"GET / HTTP/11\r\nHost: a\r\n\r\n", 400, 0, 0, 0},
    {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, 0, 0, 0},
    {"GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505, 0, 0, 0},
    {"get / HTTP/1.1\r\nHost: a\r\n\r\n", 501, 0, 0, 0},
    {"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501, 0, 0, 0},
    {"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501, 0, 0, 0},
    {"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0, 0},
    {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0, 0},
    {"GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0, 0},
    {"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0, 0},
    {"GET ftp://a/x HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0, 0},

    /* Paths. */
    {"GET /../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0, 0},
    {"GET /a/%2e%2E/b HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0, 0},
    {"GET /a/. HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0, 0},
    {"GET /a%2fb HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0, 0},
    {"GET /a%5cb HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0, 0},
    {"GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0, 0},
    {"GET /a%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0, 0},
    {"GET /a%0a HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0, 0},
    {"GET /a% HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0, 0},
    {"GET /a%4 HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0, 0},
    {"GET /a%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0, 0},
    {"GET /%ff HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0, 0},
    {"GET /%c0%ae HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0, 0},
    {"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0, 0},

    /* Host. */
    {"GET / HTTP/1.1\r\n\r\n", 400, 0, 0, 0},
    {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, 0, 0, 0},
    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, 0, 0, 0},
    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, 0, 0, 0},
    {"GET http://b/ HTTP/1.1\r\nHost: a@b\r\n\r\n", 400, 0, 0, 0},

    /* Framing: what smuggling is made of. */
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400, 0, 0, 0},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400, 0, 0, 0},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 400, 0, 0, 0},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n", 400, 0, 0, 0},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", 400, 0, 0, 0},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n", 400, 0, 0, 0},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n", 400, 0, 0, 0},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5\r\n\r\n", 400, 0, 0, 0},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400, 0, 0, 0},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n", 400, 0, 0, 0},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501, 0, 0, 0},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n", 501, 0, 0, 0},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 501, 0, 0, 0},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", 400, 0, 0, 0},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\x0b" "chunked\r\n\r\n", 400, 0, 0, 0},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n", 400, 0, 0, 0},
    {"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400, 0, 0, 0},
    {"POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-maybe\r\n\r\n", 417, 0, 0, 0},
};

static void text_equal(struct slice got, const char *wanted) {
    assert_int_equal(got.len, strlen(wanted));
    if (got.len) assert_memory_equal(got.ptr, wanted, got.len);
}

static void each_request_is_taken_or_refused(void **state) {
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        const struct request *r = &requests[i];
        size_t len = strlen(r->text), scanned = 0;
        char *bytes = malloc(len); /* of exact size: the sanitizer sees one byte too many */
        memcpy(bytes, r->text, len);
        ptrdiff_t end = head_find_end(bytes, len, &scanned);
        if (r->status == -1) {
            if (end != -1) fail_msg("not refused: %s", r->text);
        } else {
            struct head h;
            struct head_error e = {.status = 400};
            if (end > 0) e = head_parse(&h, bytes, (size_t)end);
            if (e.status != r->status) fail_msg("%d instead of %d: %s", e.status, r->status, r->text);
            if (!e.status) {
                assert_int_equal(end, len);
                text_equal(h.path, r->path);
                text_equal(h.query, r->query);
                text_equal(h.host, r->host);
            }
        }
        free(bytes);
    }
}

/* The end is found at the same place whatever the pieces were, and never before the last byte has come. */
static void the_end_does_not_depend_on_the_pieces(void **state) {
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        if (requests[i].status == -1) continue;
        const char *text = requests[i].text;
        size_t len = strlen(text), whole_scanned = 0;
        ptrdiff_t whole = head_find_end(text, len, &whole_scanned);
        for (size_t cut = 0; cut < len; cut++) {
            size_t scanned = 0;
            ptrdiff_t first = head_find_end(text, cut, &scanned);
            if (first) {
                assert_int_equal(first, whole);
                continue;
            }
            assert_int_equal(head_find_end(text, len, &scanned), whole);
        }
        size_t scanned = 0;
        ptrdiff_t end = 0;
        for (size_t have = 1; have <= len && !end; have++) end = head_find_end(text, have, &scanned);
        assert_int_equal(end, whole);
    }
}

static void framing_is_read(void **state) {
    char a[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 123\r\nExpect: 100-Continue\r\nConnection: foo, Close\r\n\r\n";
    struct head h;
    assert_int_equal(head_parse(&h, a, sizeof a - 1).status, 0);
    assert_true(h.has_length && h.content_length == 123 && h.expects_continue && h.wants_close && !h.is_chunked);
    char b[] = "GET / HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n\r\n";
    assert_int_equal(head_parse(&h, b, sizeof b - 1).status, 0);
    assert_true(h.wants_keep_alive && !h.wants_close && !h.expects_continue && h.version == 10);
    char c[] = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_int_equal(head_parse(&h, c, sizeof c - 1).status, 0);
    assert_true(h.is_chunked && !h.has_length);
}

static void too_many_fields_are_refused(void **state) {
    char text[8192] = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (int i = 0; i < HEAD_FIELDS_MAX - 1; i++) strcat(text, "a: b\r\n");
    char fine[8192], many[8192];
    strcat(strcpy(fine, text), "\r\n");
    strcat(strcpy(many, text), "a: b\r\n\r\n");
    struct head h;
    assert_int_equal(head_parse(&h, fine, strlen(fine)).status, 0);
    assert_int_equal(h.field_count, HEAD_FIELDS_MAX);
    assert_int_equal(head_parse(&h, many, strlen(many)).status, 431);
}

static void a_clone_stands_alone(void **state) {
    struct head h, *copy;
    size_t len = strlen(requests[1].text);
    char *bytes = malloc(len);
    memcpy(bytes, requests[1].text, len);
    assert_int_equal(head_parse(&h, bytes, len).status, 0);
    copy = head_clone(&h);
    memset(bytes, '#', len);
    free(bytes);
    memset(&h, 0, sizeof h);
    assert_non_null(copy);
    text_equal(copy->path, "/a b/\xc3\xbc");
    text_equal(copy->query, "x=1&y");
    text_equal(copy->host, "example.org:80");
    text_equal(copy->fields[1].name, "x-a");
    text_equal(copy->fields[1].value, "b");
    text_equal(copy->known[FIELD_HOST], "example.org:80");
    mem_free(copy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_request_is_taken_or_refused), cmocka_unit_test(the_end_does_not_depend_on_the_pieces),
        cmocka_unit_test(framing_is_read),                  cmocka_unit_test(too_many_fields_are_refused),
        cmocka_unit_test(a_clone_stands_alone),
    };
    return cmocka_run_group_tests_name("http head", tests, NULL, NULL);
}
