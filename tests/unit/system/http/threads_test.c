/* SPDX-License-Identifier: AGPL-3.0-or-later
 * The server in one process with clients in threads, for ThreadSanitizer: loops, workers, readers, holders and
 * producers all meet here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/thread.h"
#include "system/http/http.h"

enum { CLIENTS = 6, ROUNDS = 60, BIG_BYTES = 700000 };

static struct http_server *server;
static struct http_file *file;
static struct http_topic *topic;

/* --- somebody who answers held requests from a thread of his own --- */
struct waiting {
    struct inbox_item item; /* first */
    struct http_held *held;

};
static struct inbox held_inbox;
static atomic_bool is_over;

static void on_cancel(void *arg) {}

static void hold(struct http_request *rq, void *arg) {
    struct waiting *w = mem_zalloc(sizeof *w);
    assert_non_null(w);
    w->held = http_request_hold(rq, on_cancel, NULL);
    if (!w->held) {
        mem_free(w);
        http_respond_error(rq, 503, SLICE("test.memory"), SLICE("No memory."));
        return;
    }
    inbox_push(&held_inbox, &w->item);
}

static void answer_run(void *arg) {
    unsigned count = 0;
    for (;;) {
        bool was_over = atomic_load(&is_over);
        struct inbox_item *next, *item = inbox_wait(&held_inbox, 20 * NS_PER_MS);
        for (; item; item = next) {
            next = item->next;
            struct waiting *w = (struct waiting *)item;
            struct http_response r = {.content_type = SLICE("text/plain"), .body = http_body_copy(SLICE("held"))};
            if (count++ % 5 == 4) http_held_drop(&w->held);
            else http_held_respond(&w->held, &r);
            mem_free(w);
        }
        if (was_over) return;
    }
}

/* --- a producer --- */
struct production {
    struct inbox_item item; /* first */
    struct http_stream *stream;
};
static struct inbox stream_inbox;

static void stream(struct http_request *rq, void *arg) {
    struct production *p = mem_zalloc(sizeof *p);
    assert_non_null(p);
    struct http_response r = {.content_type = SLICE("text/plain")};
    struct http_stream_options options = {0};
    p->stream = http_respond_stream(rq, &r, &options);
    assert_non_null(p->stream);
    inbox_push(&stream_inbox, &p->item);
}

static void produce_run(void *arg) {
    struct http_blob *blob = http_blob_create(5000);
    assert_non_null(blob);
    memset(http_blob_bytes(blob), 'x', 5000);
    for (;;) {
        bool was_over = atomic_load(&is_over);
        struct inbox_item *next, *item = inbox_wait(&stream_inbox, 20 * NS_PER_MS);
        for (; item; item = next) {
            next = item->next;
            struct production *p = (struct production *)item;
            for (int i = 0; i < 20; i++) {
                struct err e = http_stream_send(p->stream, blob);
                if (e.kind == ERR_CANCELLED) break;
            }
            http_stream_end(&p->stream, false);
            mem_free(p);
        }
        if (was_over) break;
    }
    http_blob_release(&blob);
}

/* --- handlers --- */
static void text(struct http_request *rq, void *arg) { http_respond_bytes(rq, 200, SLICE("text/plain"), SLICE("hello")); }
static void moved(struct http_request *rq, void *arg) { http_request_to_worker(rq, text, NULL); }
static void big(struct http_request *rq, void *arg) {
    struct http_response r = {.body = http_body_file(file), .has_ranges = true};
    http_respond(rq, &r);
}
static void events(struct http_request *rq, void *arg) { http_respond_topic(rq, topic, SLICE("data: hello\n\n")); }
static void publish(struct http_request *rq, void *arg) {
    struct http_blob *b = http_sse_event(SLICE("x"), SLICE_NONE, SLICE("y"));
    assert_non_null(b);
    http_topic_publish(topic, b);
    http_blob_release(&b);
    text(rq, arg);
}
static void chunk(struct http_request *rq, struct slice piece, void *arg) {
    size_t *sum = http_request_user(rq);
    if (!sum) {
        sum = ARENA_NEW(http_request_arena(rq), size_t);
        http_request_set_user(rq, sum);
    }
    *sum += piece.len;
}
static void chunks_end(struct http_request *rq, void *arg) {
    size_t *sum = http_request_user(rq);
    http_respond_bytes(rq, sum && *sum == 300000 ? 200 : 500, SLICE("text/plain"), SLICE("hello"));
}

/* --- clients --- */
static int client_open(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(http_server_port(server, 0)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return connect(fd, (struct sockaddr *)&to, sizeof to) ? -1 : fd;
}

static atomic_uint good, bad;

/* Asks, reads to the end (or leaves after the first bytes), and counts. */
static void ask(const char *request, size_t body_bytes, bool leaves) {
    int fd = client_open();
    if (fd < 0) {
        atomic_fetch_add(&bad, 1);
        return;
    }
    char room[16384] = {0};
    size_t len = strlen(request);
    bool is_sent = send(fd, request, len, MSG_NOSIGNAL) == (ssize_t)len;
    memset(room, 'b', sizeof room);
    while (is_sent && body_bytes) {
        size_t take = body_bytes < sizeof room ? body_bytes : sizeof room;
        ssize_t n = send(fd, room, take, MSG_NOSIGNAL);
        if (n <= 0) break;
        body_bytes -= (size_t)n;
    }
    ssize_t n = recv(fd, room, sizeof room, 0);
    bool is_good = n > 12 && (!memcmp(room + 9, "200", 3) || !memcmp(room + 9, "503", 3));
    if (!leaves)
        while ((n = recv(fd, room, sizeof room, 0)) > 0) continue;
    close(fd);
    atomic_fetch_add(is_good ? &good : &bad, 1);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"
static void client_run(void *arg) {
    for (int i = 0; i < ROUNDS; i++) {
        bool leaves = i % 3 == 2;
        ask(GET("/text"), 0, leaves);
        ask(GET("/work"), 0, leaves);
        ask(GET("/moved"), 0, leaves);
        ask(GET("/big"), 0, leaves);
        ask(GET("/hold"), 0, leaves);
        ask(GET("/hold-work"), 0, leaves);
        ask(GET("/stream"), 0, leaves);
        ask(GET("/stream-work"), 0, leaves);
        ask(GET("/events"), 0, true);
        ask(GET("/publish"), 0, leaves);
        ask("PUT /chunks HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: 300000\r\n\r\n", 300000, leaves);
        struct http_counters c;
        http_server_counters(server, &c);
    }
}

static void all_threads_meet(void **state) {
    char path[] = "/tmp/grandstand-http-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    assert_int_equal(ftruncate(fd, BIG_BYTES), 0);
    assert_int_equal(http_file_adopt(&file, fd).kind, ERR_NONE);
    assert_int_equal(inbox_open(&held_inbox).kind, ERR_NONE);
    assert_int_equal(inbox_open(&stream_inbox).kind, ERR_NONE);
    struct http_listen listen = {.address = "127.0.0.1:0"};
    struct http_options o = {.listens = &listen, .listen_count = 1, .loops = 2, .workers = 3};
    assert_int_equal(http_server_create(&server, &o).kind, ERR_NONE);
    topic = http_topic_create(server);
    assert_non_null(topic);
    const struct http_route routes[] = {
        {.method = HTTP_GET, .pattern = "/text", .handle = text},
        {.method = HTTP_GET, .pattern = "/work", .handle = text, .where = HTTP_ON_WORKER},
        {.method = HTTP_GET, .pattern = "/moved", .handle = moved},
        {.method = HTTP_GET, .pattern = "/big", .handle = big},
        {.method = HTTP_GET, .pattern = "/hold", .handle = hold},
        {.method = HTTP_GET, .pattern = "/hold-work", .handle = hold, .where = HTTP_ON_WORKER},
        {.method = HTTP_GET, .pattern = "/stream", .handle = stream},
        {.method = HTTP_GET, .pattern = "/stream-work", .handle = stream, .where = HTTP_ON_WORKER},
        {.method = HTTP_GET, .pattern = "/events", .handle = events},
        {.method = HTTP_GET, .pattern = "/publish", .handle = publish},
        {.method = HTTP_PUT, .pattern = "/chunks", .handle = chunks_end, .on_chunk = chunk, .where = HTTP_ON_WORKER, .body_bytes_max = 1 << 20},
    };
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) assert_int_equal(http_server_route(server, &routes[i]).kind, ERR_NONE);
    assert_int_equal(http_server_start(server).kind, ERR_NONE);
    struct thread *answerer, *producer, *clients[CLIENTS];
    assert_int_equal(thread_start(&answerer, "answer", answer_run, NULL).kind, ERR_NONE);
    assert_int_equal(thread_start(&producer, "produce", produce_run, NULL).kind, ERR_NONE);
    for (int i = 0; i < CLIENTS; i++) assert_int_equal(thread_start(&clients[i], "client", client_run, NULL).kind, ERR_NONE);
#ifdef GRANDSTAND_TEST_DOORS
    for (int i = 0; i < 20; i++) {
        http_test_distrust_cache(i % 2);
        http_server_poke(server);
    }
    http_test_distrust_cache(false);
#endif
    for (int i = 0; i < CLIENTS; i++) thread_join(&clients[i]);
    assert_int_equal(atomic_load(&bad), 0);
    assert_int_equal(atomic_load(&good), CLIENTS * ROUNDS * 11);
    /* Somebody is still waiting while the server stops. */
    int held_fd = client_open(), listening_fd = client_open();
    assert_true(send(held_fd, GET("/hold"), sizeof GET("/hold") - 1, 0) > 0 && send(listening_fd, GET("/events"), sizeof GET("/events") - 1, 0) > 0);
    http_server_stop(server, 100);
    atomic_store(&is_over, true);
    thread_join(&answerer);
    thread_join(&producer);
    struct http_counters c;
    http_server_counters(server, &c);
    assert_int_equal(c.connections_now, 0);
    assert_int_equal(c.requests_http1_total <= CLIENTS * ROUNDS * 11 + 2, true);
    assert_int_equal(c.responses_4xx_total, 0);
    http_topic_destroy(&topic);
    http_server_destroy(&server);
    close(held_fd);
    close(listening_fd);
    http_file_release(&file);
    inbox_close(&held_inbox);
    inbox_close(&stream_inbox);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_threads_meet)};
    return cmocka_run_group_tests_name("http threads", tests, NULL, NULL);
}
