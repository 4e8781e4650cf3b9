/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "system/http/core.h"
#include "system/http/url.h"

static void handle(struct http_request *rq, void *arg) {}

static const struct {
    enum http_method method;
    const char *pattern;
} table[] = {
    {HTTP_GET, "/"},
    {HTTP_GET, "/media/{title}/{file}"},
    {HTTP_GET, "/media/{token}/{title}/{file}"},
    {HTTP_GET, "/api/v1/titles/{id}"},
    {HTTP_PATCH, "/api/v1/titles/{id}"},
    {HTTP_GET, "/api/v1/titles/new"},
    {HTTP_POST, "/api/v1/titles"},
    {HTTP_GET, "/assets/{path...}"},
    {HTTP_GET, "/a/{x}/c"},
    {HTTP_GET, "/a/b/{y}"},
};

static struct router *make(void) {
    struct router *r = router_create();
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct http_route route = {.method = table[i].method, .pattern = table[i].pattern, .handle = handle};
        assert_int_equal(router_add(r, &route).kind, ERR_NONE);
    }
    return r;
}

static void paths_find_their_routes(void **state) {
    static const struct {
        enum http_method method;
        const char *path, *pattern, *params; /* "name=value;" */
        unsigned allowed;
    } cases[] = {
        {HTTP_GET, "/", "/", ""},
        {HTTP_HEAD, "/", "/", ""},
        {HTTP_GET, "/media/t/v0.mp4", "/media/{title}/{file}", "title=t;file=v0.mp4;"},
        {HTTP_GET, "/media/k/t/v0.mp4", "/media/{token}/{title}/{file}", "token=k;title=t;file=v0.mp4;"},
        {HTTP_GET, "/media/k/t/", NULL, "", 0},
        {HTTP_GET, "/media//t/f", NULL, "", 0},
        {HTTP_GET, "/media/t", NULL, "", 0},
        {HTTP_GET, "/media/k/t/f/more", NULL, "", 0},
        {HTTP_GET, "/api/v1/titles/new", "/api/v1/titles/new", ""},
        {HTTP_GET, "/api/v1/titles/newer", "/api/v1/titles/{id}", "id=newer;"},
        {HTTP_PATCH, "/api/v1/titles/7", "/api/v1/titles/{id}", "id=7;"},
        {HTTP_DELETE, "/api/v1/titles/7", NULL, "", 1u << HTTP_GET | 1u << HTTP_HEAD | 1u << HTTP_PATCH | 1u << HTTP_OPTIONS},
        {HTTP_GET, "/api/v1/titles", NULL, "", 1u << HTTP_POST | 1u << HTTP_OPTIONS},
        {HTTP_GET, "/assets/", "/assets/{path...}", "path=;"},
        {HTTP_GET, "/assets/a/b.js", "/assets/{path...}", "path=a/b.js;"},
        {HTTP_GET, "/a/b/c", "/a/b/{y}", "y=c;"},
        {HTTP_GET, "/a/q/c", "/a/{x}/c", "x=q;"},
        {HTTP_GET, "/A/q/c", NULL, "", 0},
        {HTTP_GET, "//", NULL, "", 0},
    };
    struct router *r = make();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct head h;
        head_clear(&h);
        h.method = cases[i].method;
        h.path = slice_cstr(cases[i].path);
        unsigned allowed = 0;
        const struct route *found = router_find(r, &h, &allowed);
        if (!found != !cases[i].pattern || (found && strcmp(found->pattern, cases[i].pattern))) fail_msg("%s", cases[i].path);
        if (!found) {
            assert_int_equal(allowed, cases[i].allowed);
            continue;
        }
        char params[256] = "";
        size_t at = 0;
        for (size_t p = 0; p < h.param_count; p++)
            at += (size_t)snprintf(params + at, sizeof params - at, "%.*s=%.*s;", SLICE_ARG(h.params[p].name), SLICE_ARG(h.params[p].value));
        assert_string_equal(params, cases[i].params);
    }
    router_destroy(&r);
    assert_null(r);
}

static void bad_patterns_are_refused(void **state) {
    static const char *const bad[] = {"", "a", "/{}", "/{a...}/b", "/x{a}", "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}",
                                      "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21/22/23/24/25"};
    struct router *r = make();
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct http_route route = {.method = HTTP_GET, .pattern = bad[i], .handle = handle};
        if (router_add(r, &route).kind != ERR_INPUT) fail_msg("taken: %s", bad[i]);
    }
    struct http_route again = {.method = HTTP_GET, .pattern = "/media/{other}/{names}", .handle = handle};
    assert_int_equal(router_add(r, &again).kind, ERR_CONFLICT);
    struct http_route chunks = {.method = HTTP_PUT, .pattern = "/u", .handle = handle, .on_begin = handle, .where = HTTP_ON_WORKER};
    assert_int_equal(router_add(r, &chunks).kind, ERR_INPUT);
    router_destroy(&r);
}

static void queries_are_decoded(void **state) {
    struct arena *arena = arena_create(65536);
    const struct slice query = SLICE("a=1&b=%C3%BC+x&c&%64=4&e=%zz&f=%00&g=%ff&a=2&=h&i==j");
    struct slice v;
    assert_true(url_query_find(query, SLICE("a"), arena, &v) && slice_eq(v, SLICE("1")));
    assert_true(url_query_find(query, SLICE("b"), arena, &v) && slice_eq(v, SLICE("\xc3\xbc x")));
    assert_true(url_query_find(query, SLICE("c"), arena, &v) && v.len == 0);
    assert_true(url_query_find(query, SLICE("d"), arena, &v) && slice_eq(v, SLICE("4")));
    assert_true(url_query_find(query, SLICE("i"), arena, &v) && slice_eq(v, SLICE("=j")));
    static const char *const none[] = {"e", "f", "g", "z", "aa"};
    for (size_t i = 0; i < ARRAY_LEN(none); i++) assert_false(url_query_find(query, slice_cstr(none[i]), arena, &v));
    assert_false(url_query_find(SLICE_NONE, SLICE("a"), arena, &v));
    arena_destroy(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(paths_find_their_routes), cmocka_unit_test(bad_patterns_are_refused),
                                       cmocka_unit_test(queries_are_decoded)};
    return cmocka_run_group_tests_name("http router", tests, NULL, NULL);
}
