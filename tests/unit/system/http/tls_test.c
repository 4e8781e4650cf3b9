/* SPDX-License-Identifier: AGPL-3.0-or-later
 * The certificate that a server makes for itself, and servers that are given bad ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "base/fs.h"
#include "system/http/http.h"

static char folder[64];
static struct clock *clock_of_test;

static int make(void **state) {
    strcpy(folder, "/tmp/grandstand-tls-XXXXXX");
    clock_of_test = clock_manual_create(clock_utc(clock_system()));
    return !mkdtemp(folder) || !clock_of_test;
}
static int clean(void **state) {
    struct err e = fs_remove_tree(AT_FDCWD, folder);
    clock_manual_destroy(&clock_of_test);
    return e.kind != ERR_NONE;
}

static void read_all(const char *path, struct buf *out) {
    *out = BUF(65536);
    assert_int_equal(fs_read_file(AT_FDCWD, path, out).kind, ERR_NONE);
}

static struct err server_make(const char *certificate, const char *key, struct http_server **out) {
    struct http_listen listen = {.address = "127.0.0.1:0", .has_tls = true};
    struct http_options o = {.listens = &listen, .listen_count = 1, .loops = 1, .tls_certificate = certificate, .tls_key = key};
    return http_server_create(out, &o);
}

static void a_pair_is_made_once_and_again_before_it_ends(void **state) {
    struct arena *arena = arena_create(65536);
    const char *certificate, *key;
    assert_int_equal(http_tls_make_local(folder, clock_of_test, arena, &certificate, &key).kind, ERR_NONE);
    struct stat st;
    assert_int_equal(stat(key, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    struct buf first, second;
    read_all(certificate, &first);
    clock_manual_advance(clock_of_test, 300 * 86400 * NS_PER_S);
    assert_int_equal(http_tls_make_local(folder, clock_of_test, arena, &certificate, &key).kind, ERR_NONE);
    read_all(certificate, &second);
    assert_true(slice_eq(buf_slice(&first), buf_slice(&second)));
    buf_free(&second);
    clock_manual_advance(clock_of_test, 40 * 86400 * NS_PER_S); /* 25 days are left */
    assert_int_equal(http_tls_make_local(folder, clock_of_test, arena, &certificate, &key).kind, ERR_NONE);
    read_all(certificate, &second);
    assert_false(slice_eq(buf_slice(&first), buf_slice(&second)));
    buf_free(&first);
    buf_free(&second);
    struct http_server *server;
    assert_int_equal(server_make(certificate, key, &server).kind, ERR_NONE);
    assert_int_equal(http_server_start(server).kind, ERR_NONE);
    assert_int_equal(http_server_reload_tls(server).kind, ERR_NONE);
    assert_int_equal(fs_write_file_atomic(AT_FDCWD, key, SLICE("not a key"), 0600).kind, ERR_NONE);
    assert_int_equal(http_server_reload_tls(server).kind, ERR_INPUT); /* and goes on with the old one */
    http_server_destroy(&server);
    /* A broken key is replaced together with its certificate. */
    assert_int_equal(http_tls_make_local(folder, clock_of_test, arena, &certificate, &key).kind, ERR_NONE);
    assert_int_equal(server_make(certificate, key, &server).kind, ERR_NONE);
    http_server_destroy(&server);
    arena_destroy(&arena);
}

static void bad_options_are_refused(void **state) {
    struct http_server *server = NULL;
    assert_int_equal(server_make("/nowhere.crt", "/nowhere.key", &server).kind, ERR_INPUT);
    assert_int_equal(server_make(NULL, NULL, &server).kind, ERR_INPUT);
    static const char *const addresses[] = {"", "127.0.0.1", "127.0.0.1:", ":80", "127.0.0.1:65536", "300.0.0.1:80", "[::1:80", "a.b:80"};
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        struct http_listen listen = {.address = addresses[i]};
        struct http_options o = {.listens = &listen, .listen_count = 1, .loops = 1};
        assert_int_equal(http_server_create(&server, &o).kind, ERR_NONE);
        if (http_server_start(server).kind != ERR_INPUT) fail_msg("taken: %s", addresses[i]);
        http_server_destroy(&server);
    }
    static const char *const proxies[] = {"", "10.0.0.0/33", "x", "::/129", "10.0.0.0/"};
    for (size_t i = 0; i < ARRAY_LEN(proxies); i++) {
        struct http_options o = {.proxies = &proxies[i], .proxy_count = 1};
        if (http_server_create(&server, &o).kind != ERR_INPUT) fail_msg("taken: %s", proxies[i]);
    }
    assert_null(server);
}

static void a_port_that_is_taken_is_said_to_be(void **state) {
    struct http_server *one, *two;
    struct http_listen listen = {.address = "127.0.0.1:0"};
    struct http_options o = {.listens = &listen, .listen_count = 1, .loops = 2};
    assert_int_equal(http_server_create(&one, &o).kind, ERR_NONE);
    assert_int_equal(http_server_start(one).kind, ERR_NONE);
    char address[32];
    snprintf(address, sizeof address, "127.0.0.1:%u", http_server_port(one, 0));
    listen.address = address;
    assert_int_equal(http_server_create(&two, &o).kind, ERR_NONE);
    assert_int_equal(http_server_start(two).kind, ERR_CONFLICT);
    http_server_destroy(&two);
    http_server_destroy(&one);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_pair_is_made_once_and_again_before_it_ends), cmocka_unit_test(bad_options_are_refused),
                                       cmocka_unit_test(a_port_that_is_taken_is_said_to_be)};
    return cmocka_run_group_tests_name("http tls", tests, make, clean);
}
