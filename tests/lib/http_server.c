/* SPDX-License-Identifier: AGPL-3.0-or-later
 * A small server for tests and benchmarks of system/http: every kind of body at an address of its own.
 *   http_server FOLDER [--loops N] [--tls FOLDER] [--many] [--manual-clock] [--connections N] [--pages FOLDER]
 *               [--access-log]
 * Files are those of FOLDER that TEST_FILES names, separated by commas. Prints one line "port PLAIN TLS" and ends when its
 * standard input is closed. Lines on standard input are commands, each answered by one line:
 *   advance MS     moves the manual clock and waits until all that was due is done
 *   distrust 0|1   no file counts as being in the page cache
 *   fault N        the N-th allocation from now on fails; 0: none does, and "fired" or "quiet" says whether one had */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "system/http/http.h"

static struct http_file *files[64];
static char *names[64];
static size_t file_count;
static struct http_topic *topic;
static struct http_server *server;
static struct http_static *pages;

static void text(struct http_request *rq, void *arg) { http_respond_bytes(rq, 200, SLICE("text/plain"), SLICE("hello\n")); }

/* Where the token check of delivery sits: something looks at the path before the file is found. */
static void file_send(struct http_request *rq, void *arg) {
    struct slice name = http_request_param(rq, SLICE("file"));
    for (size_t i = 0; i < file_count; i++) {
        if (!slice_eq(name, slice_cstr(names[i]))) continue;
        struct http_response r = {.content_type = http_content_type(name), .etag = http_file_etag(files[i]),
                                  .modified = http_file_modified(files[i]), .has_ranges = true, .body = http_body_file(files[i])};
        http_respond(rq, &r);
        return;
    }
    http_respond_error(rq, 404, SLICE("test.file"), SLICE("No such file."));
}

static void echo(struct http_request *rq, void *arg) {
    http_respond_bytes(rq, 200, SLICE("application/octet-stream"), http_request_body(rq));
}

static struct http_held *held[4096];
static size_t held_count;
static void hold(struct http_request *rq, void *arg) {
    if (held_count == 4096 || !(held[held_count] = http_request_hold(rq, NULL, NULL))) {
        http_respond_error(rq, 503, SLICE("test.full"), SLICE("Full."));
        return;
    }
    held_count++;
}
/* Held like the others, but answered piece by piece. */
static struct http_held *held_later[64];
static size_t held_later_count;
static void hold_stream(struct http_request *rq, void *arg) {
    if (held_later_count == 64 || !(held_later[held_later_count] = http_request_hold_briefly(rq, NULL, NULL))) {
        http_respond_error(rq, 503, SLICE("test.full"), SLICE("Full."));
        return;
    }
    held_later_count++;
}
static void stream_held(struct http_held **one) {
    struct http_response r = {.status = 206, .content_type = SLICE("text/plain"), .content_range = SLICE("bytes 5-9007199254740991/*")};
    struct http_stream *s = http_held_stream(one, &r, &(struct http_stream_options){0});
    if (!s) {
        http_held_drop(one);
        return;
    }
    for (int i = 0; i < 3; i++) {
        struct http_blob *b = http_blob_copy(SLICE("piece\n"));
        struct err e = b ? http_stream_send(s, b) : err_memory();
        http_blob_release(&b);
        if (e.kind) break;
    }
    http_stream_end(&s, false);
}
static void let_go(struct http_request *rq, void *arg) {
    struct http_response r = {.content_type = SLICE("text/plain"), .body = http_body_static(SLICE("released\n"))};
    for (size_t i = 0; i < held_count; i++) http_held_respond(&held[i], &r);
    for (size_t i = 0; i < held_later_count; i++) stream_held(&held_later[i]);
    held_count = held_later_count = 0;
    http_respond_bytes(rq, 200, SLICE("text/plain"), SLICE("ok\n"));
}

struct upload {
    uint64_t bytes, sum;
};
static void upload_begin(struct http_request *rq, void *arg) {
    struct upload *u = ARENA_NEW(http_request_arena(rq), struct upload);
    struct slice refuse;
    if (!u || http_request_query(rq, SLICE("refuse"), &refuse)) {
        http_respond_error(rq, 403, SLICE("test.refused"), SLICE("Not here."));
        return;
    }
    http_request_set_user(rq, u);
}
static void upload_chunk(struct http_request *rq, struct slice chunk, void *arg) {
    struct upload *u = http_request_user(rq);
    u->bytes += chunk.len;
    for (size_t i = 0; i < chunk.len; i++) u->sum = u->sum * 31 + (unsigned char)chunk.ptr[i];
}
static void upload_end(struct http_request *rq, void *arg) {
    struct upload *u = http_request_user(rq);
    struct slice answer = arena_printf(http_request_arena(rq), "%llu %llu\n", (unsigned long long)u->bytes, (unsigned long long)u->sum);
    http_respond_bytes(rq, 200, SLICE("text/plain"), answer);
}

static void stream(struct http_request *rq, void *arg) {
    struct http_response r = {.content_type = SLICE("text/plain")};
    struct http_stream_options options = {0};
    struct http_stream *s = http_respond_stream(rq, &r, &options);
    if (!s) return;
    for (int i = 0; i < 1000; i++) {
        char line[32];
        int len = snprintf(line, sizeof line, "line %d\n", i);
        struct http_blob *b = http_blob_copy(slice_of(line, (size_t)len));
        struct err e = b ? http_stream_send(s, b) : err_memory();
        http_blob_release(&b);
        if (e.kind) break;
    }
    http_stream_end(&s, false);
}

static void events(struct http_request *rq, void *arg) { http_respond_topic(rq, topic, SLICE("event: hello\ndata: 1\n\n")); }
static void publish(struct http_request *rq, void *arg) {
    struct http_blob *b = http_sse_event(SLICE("note"), SLICE_NONE, http_request_body(rq));
    if (b) http_topic_publish(topic, b);
    http_blob_release(&b);
    http_respond_bytes(rq, 200, SLICE("text/plain"), SLICE("ok\n"));
}
/* What an upgraded connection says is said back; "bye" ends it. */
struct parrot {
    struct http_stream *stream;
};
static void parrot_hears(void *arg, struct slice bytes) {
    struct parrot *p = arg;
    struct http_blob *b = http_blob_copy(bytes);
    if (p->stream && b) {
        struct err e = http_stream_send(p->stream, b);
        (void)e;
    }
    http_blob_release(&b);
    if (slice_find(bytes, SLICE("bye")) != SLICE_NPOS) http_stream_end(&p->stream, false);
}
static void parrot_left(void *arg) {
    struct parrot *p = arg;
    http_stream_end(&p->stream, true);
}
static struct parrot parrots[64];
static size_t parrot_count;
static void parrot(struct http_request *rq, void *arg) {
    struct parrot *p = &parrots[parrot_count++ % ARRAY_LEN(parrots)];
    const struct http_field field = {SLICE("x-parrot"), SLICE("yes")};
    struct http_stream_options options = {.on_cancel = parrot_left, .arg = p};
    p->stream = http_request_upgrade(rq, SLICE("parrot"), &field, 1, &options, parrot_hears);
    if (!p->stream) http_respond_error(rq, 426, SLICE("test.upgrade"), SLICE("Ask to upgrade."));
}
static void page(struct http_request *rq, void *arg) {
    if (pages && http_static_respond(pages, rq, http_request_param(rq, SLICE("path")))) return;
    http_respond_error(rq, 404, SLICE("test.page"), SLICE("No such page."));
}
static void none(struct http_request *rq, void *arg) {}
static void to_worker(struct http_request *rq, void *arg) { http_request_to_worker(rq, text, NULL); }
static void show_peer(struct http_request *rq, void *arg) {
    struct slice q = SLICE_NONE;
    if (!http_request_query(rq, SLICE("q"), &q)) q = SLICE("-");
    struct slice all = arena_printf(http_request_arena(rq), "%.*s %.*s %.*s %d %d\n", SLICE_ARG(http_request_peer(rq)),
                                    SLICE_ARG(http_request_path(rq)), SLICE_ARG(q), http_request_is_https(rq), http_request_version(rq));
    http_respond_bytes(rq, 200, SLICE("text/plain"), all);
}
static void counters(struct http_request *rq, void *arg) {
    struct http_counters c;
    http_server_counters(server, &c);
    struct buf b = BUF(65536);
#define HTTP_COUNTER(name, help) buf_printf(&b, #name " %lld\n", (long long)c.name);
#include "system/http/counters.tbl.h"
#undef HTTP_COUNTER
    http_respond_bytes(rq, 200, SLICE("text/plain"), buf_slice(&b));
    buf_free(&b);
}

static void must(struct err e) {
    if (!e.kind) return;
    fprintf(stderr, "%s: %s\n", e.code, e.what);
    exit(1);
}

static void command(const char *line, struct clock *manual) {
    const char *answer = "ok";
    long number = atol(line + strcspn(line, " "));
    if (!strncmp(line, "fault ", 6)) {
        answer = fault_fired(FAULT_ALLOC) ? "fired" : "quiet";
        fault_arm(FAULT_ALLOC, (uint64_t)number, false);
#ifdef GRANDSTAND_TEST_DOORS
    } else if (!strncmp(line, "advance ", 8) && manual) {
        clock_manual_advance(manual, number * NS_PER_MS);
        http_server_poke(server);
    } else if (!strncmp(line, "distrust ", 9)) {
        http_test_distrust_cache(number != 0);
#endif
    } else {
        answer = "unknown";
    }
    printf("%s\n", answer);
    fflush(stdout);
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    struct http_options o = {.clock = NULL};
    const char *tls_folder = NULL;
    struct clock *manual = NULL;
    for (int i = 2; i < argc; i++) {
        if (!strcmp(argv[i], "--loops") && i + 1 < argc) o.loops = (unsigned)atoi(argv[++i]);
        else if (!strcmp(argv[i], "--tls") && i + 1 < argc) tls_folder = argv[++i];
        else if (!strcmp(argv[i], "--access-log")) o.has_access_log = true;
        else if (!strcmp(argv[i], "--many")) o.limits.connections_max = 200000;
        else if (!strcmp(argv[i], "--connections") && i + 1 < argc) o.limits.connections_max = (unsigned)atoi(argv[++i]);
        else if (!strcmp(argv[i], "--pages") && i + 1 < argc)
            must(http_static_open(&pages, argv[++i], &(struct http_static_options){.immutable_prefix = SLICE("assets/")}));
        else if (!strcmp(argv[i], "--manual-clock")) o.clock = manual = clock_manual_create((struct utc_time){INT64_C(1795000000) * NS_PER_S});
        else return 2;
    }
    static const struct http_field common[] = {{{"x-content-type-options", 22}, {"nosniff", 7}}};
    static const char *const proxies[] = {"127.0.0.1"};
    o.common = common;
    o.common_count = 1;
    o.proxies = proxies;
    o.proxy_count = 1;
    struct http_listen listens[] = {{.address = "127.0.0.1:0"}, {.address = "127.0.0.1:0", .has_tls = true}};
    o.listens = listens;
    o.listen_count = tls_folder ? 2 : 1;
    struct arena *arena = arena_create(1 << 16);
    if (tls_folder) must(http_tls_make_local(tls_folder, clock_system(), arena, &o.tls_certificate, &o.tls_key));
    struct slice list = slice_cstr(getenv("TEST_FILES")), name;
    int folder = open(argv[1], O_RDONLY | O_DIRECTORY);
    while (list.len && file_count < 64 && slice_next(&list, ',', &name)) {
        names[file_count] = mem_strndup(name.ptr, name.len);
        must(http_file_open(&files[file_count], folder, names[file_count]));
        file_count++;
    }
    must(http_server_create(&server, &o));
    topic = http_topic_create(server);
    const struct http_route routes[] = {
        {.method = HTTP_GET, .pattern = "/text", .handle = text},
        {.method = HTTP_GET, .pattern = "/work", .handle = text, .where = HTTP_ON_WORKER},
        {.method = HTTP_GET, .pattern = "/moved", .handle = to_worker},
        {.method = HTTP_GET, .pattern = "/media/{token}/{title}/{file}", .handle = file_send},
        {.method = HTTP_GET, .pattern = "/file/{file}", .handle = file_send},
        {.method = HTTP_POST, .pattern = "/echo", .handle = echo, .body_bytes_max = 1 << 20},
        {.method = HTTP_POST, .pattern = "/echo-work", .handle = echo, .body_bytes_max = 1 << 20, .where = HTTP_ON_WORKER},
        {.method = HTTP_PUT, .pattern = "/upload", .handle = upload_end, .on_begin = upload_begin, .on_chunk = upload_chunk,
         .body_bytes_max = 1 << 30, .where = HTTP_ON_WORKER},
        {.method = HTTP_GET, .pattern = "/hold", .handle = hold},
        {.method = HTTP_GET, .pattern = "/hold-stream", .handle = hold_stream},
        {.method = HTTP_POST, .pattern = "/release", .handle = let_go},
        {.method = HTTP_GET, .pattern = "/stream", .handle = stream},
        {.method = HTTP_GET, .pattern = "/events", .handle = events},
        {.method = HTTP_POST, .pattern = "/publish", .handle = publish, .body_bytes_max = 65536},
        {.method = HTTP_GET, .pattern = "/parrot", .handle = parrot},
        {.method = HTTP_GET, .pattern = "/pages/{path...}", .handle = page},
        {.method = HTTP_GET, .pattern = "/none", .handle = none},
        {.method = HTTP_GET, .pattern = "/peer/{rest...}", .handle = show_peer},
        {.method = HTTP_GET, .pattern = "/counters", .handle = counters},
    };
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) must(http_server_route(server, &routes[i]));
    must(http_server_start(server));
    printf("port %u %u\n", http_server_port(server, 0), tls_folder ? http_server_port(server, 1) : 0);
    fflush(stdout);
    char line[128];
    while (fgets(line, sizeof line, stdin)) command(line, manual);
    fault_disarm_all();
    http_server_stop(server, 2000);
    for (size_t i = 0; i < held_count; i++) http_held_drop(&held[i]);
    for (size_t i = 0; i < held_later_count; i++) http_held_drop(&held_later[i]);
    http_topic_destroy(&topic);
    http_server_destroy(&server);
    for (size_t i = 0; i < file_count; i++) {
        http_file_release(&files[i]);
        mem_free(names[i]);
    }
    http_static_close(&pages);
    close(folder);
    arena_destroy(&arena);
    clock_manual_destroy(&manual);
    return 0;
}
