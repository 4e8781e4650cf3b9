/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * http.h: the HTTP server. HTTP/1.1 (RFC 9110, 9112) and HTTP/2 (RFC 9113) behind one interface, with or without TLS.
 *
 * The model
 *   A server has N loop threads ("http-0" ...) and a few worker threads ("http-work-0" ...). A connection belongs to
 *   one loop for its whole life. The router names a route for each request; the route's handler gives one response.
 *
 *      listener -> connection -> request -> route -> handler -> response: status, headers, body
 *                                                                              |
 *          bytes (copied, static or a shared blob) . span of a file . stream of blobs, fed from any thread
 *
 *   A handler runs either on the loop thread (HTTP_ON_LOOP: it must not block, not even for a file's open) or on a
 *   worker (HTTP_ON_WORKER: it may block and use the database). Before it returns it does exactly one of:
 *      http_respond...            answers
 *      http_request_hold          keeps the right to answer later, from any thread, through the handle it gets
 *      http_request_to_worker     lets another handler go on with this request on a worker (loop handlers only)
 *   A handler that does none of them is a bug: it is logged and the client gets 500.
 *
 * Who owns what
 *   A request, and all that its functions return, is valid until its handler returns; what must live longer is copied.
 *   Everything in a response is copied or taken over before http_respond returns, except where a body says otherwise.
 *   Files and blobs are reference counted: putting one into a response adds a reference, the caller keeps its own.
 *
 * A client that goes away
 *   frees everything that belongs to its request at once; whoever holds a request or feeds a stream is told by a
 *   callback on the loop thread, and still gives its handle back (that is when the last byte is freed). */
#ifndef SYSTEM_HTTP_HTTP_H
#define SYSTEM_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/slice.h"

struct http_server;
struct http_request; /* one request and its response */
struct http_file;    /* an open file, reference counted */
struct http_blob;    /* bytes that never change, reference counted */
struct http_held;    /* the right to answer a request later */
struct http_stream;  /* a body that is fed piece by piece */
struct http_topic;   /* a stream with many listeners: server-sent events */

/* --- the server --- */

struct http_listen {
    const char *address; /* "127.0.0.1:8080", "[::1]:8443", "0.0.0.0:80"; port 0: any free one (see http_server_port) */
    bool has_tls;
};

struct http_field {
    struct slice name, value; /* names in lower case; values without CR, LF and NUL */
};

/* Zero means the default that stands beside it. */
struct http_limits {
    unsigned connections_max;              /* 20,000 over all loops; beyond: 503 and closed */
    unsigned requests_per_connection_max;  /* 100,000 */
    unsigned streams_max;                  /* 128 at once on one HTTP/2 connection */
    unsigned head_bytes_max;               /* 16,384: request line and header fields; beyond: 431 */
    unsigned work_queue_max;               /* 1,024 requests waiting for a worker; beyond: 503 */
    unsigned stream_bytes_max;             /* 1,048,576 queued in one stream; beyond: ERR_BUSY, a topic drops the listener */
    unsigned head_ms_max;                  /* 10,000 from the first byte of a request (and for the TLS handshake) */
    unsigned idle_ms_max;                  /* 60,000 without a request */
    unsigned body_window_ms;               /* 10,000: in each such window a body must bring */
    unsigned body_window_bytes_min;        /* 4,096 bytes; else 408 */
    unsigned write_stall_ms_max;           /* 60,000 without the client taking a byte */
    unsigned held_ms_max;                  /* 120,000 held without an answer: 503, and on_cancel */
    unsigned held_briefly_ms_max;          /* 6,000: the same for http_request_hold_briefly */
};

struct http_options {
    const struct http_listen *listens;
    size_t listen_count;
    const struct clock *clock;    /* NULL: the system's */
    unsigned loops;               /* 0: one per core this process may use */
    unsigned workers;             /* 0: 4 */
    const char *tls_certificate;  /* PEM files (chain, key); needed if a listener has TLS */
    const char *tls_key;
    const char *const *proxies;   /* addresses or prefixes ("10.0.0.0/8", "::1") whose X-Forwarded-For/-Proto count */
    size_t proxy_count;
    const struct http_field *common; /* added to every response, for example security headers */
    size_t common_count;
    bool has_access_log;          /* one line per request at level info; else at level debug */
    struct http_limits limits;
};

/* Makes a server that does not listen yet; copies the options. Errors: ERR_INPUT (http.address, http.tls: the
 * certificate or key cannot be used, http.proxy), ERR_LIMIT (memory). */
MUST_USE struct err http_server_create(struct http_server **out, const struct http_options *);
/* Binds, listens, starts the threads. No routes may be added afterwards. Errors: ERR_CONFLICT (http.bind: the port is
 * taken), ERR_DENIED (a port below 1024 without the right), ERR_LIMIT, ERR_IO. */
MUST_USE struct err http_server_start(struct http_server *);
/* The port of options.listens[i] (of interest where it was 0). After start. */
uint16_t http_server_port(const struct http_server *, size_t listen_index);

/* Graceful end: stops accepting, lets responses finish for up to `ms_max` of real time (HTTP/2 clients get GOAWAY, idle
 * connections are closed at once), then closes what is left and tells those who hold requests. Any thread but the
 * server's own; once. Handles still held stay valid. */
void http_server_stop(struct http_server *, int64_t ms_max);
/* Waits until all held requests and streams have been given back by their holders, then frees everything and clears the
 * pointer. Stops first if nobody did. NULL is fine. */
void http_server_destroy(struct http_server **);

/* Reads certificate and key again; new connections use them. On an error the old ones stay. May block. */
MUST_USE struct err http_server_reload_tls(struct http_server *);

/* Makes a self-signed ECDSA P-256 certificate for localhost and this machine's name in `folder` (local.crt, local.key
 * with mode 0600), valid for a year; keeps the pair that is there if it is valid for 30 days more. Writes the two paths
 * (into arena memory). May block. */
MUST_USE struct err http_tls_make_local(const char *folder, const struct clock *, struct arena *, const char **certificate,
                                        const char **key);

/* --- routes --- */

enum http_method {
    HTTP_GET, /* a GET route also answers HEAD, and OPTIONS is answered by the router */
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_METHODS
};

enum http_where { HTTP_ON_LOOP, HTTP_ON_WORKER };

typedef void http_handler(struct http_request *, void *arg);

struct http_route {
    enum http_method method;
    /* "/media/{token}/{title}/{file}": a segment in braces matches any one non-empty segment; a last segment "{name...}"
     * matches the whole rest, also an empty one. Literal segments win over parameters, parameters over the rest. */
    const char *pattern;
    http_handler *handle;
    void *arg;
    enum http_where where;
    /* The body is collected up to this many bytes before `handle` is called. 0: a request with a body gets 413. */
    uint64_t body_bytes_max;
    /* Set `on_chunk` to have the body of up to body_bytes_max bytes brought piece by piece (1 to 262,144 bytes) instead,
     * all on workers, one after the other: on_begin (may be NULL; before the client is told to go on with
     * "100 Continue"), on_chunk for each piece, `handle` at the end. The client is slowed to the pace of on_chunk. Each
     * of the three may answer; then no more calls follow. State goes into http_request_set_user; the request's arena
     * lasts from on_begin to the end, and its clean-ups run, on a worker, also when the client goes away. `where` must
     * be HTTP_ON_WORKER. */
    http_handler *on_begin;
    void (*on_chunk)(struct http_request *, struct slice chunk, void *arg);
};

/* The strings are copied. Before start. Errors: ERR_INPUT (http.pattern), ERR_CONFLICT (http.route: the same method and
 * pattern stand already), ERR_LIMIT. */
MUST_USE struct err http_server_route(struct http_server *, const struct http_route *);

/* What the server itself answers (404, 405, 413, 431, 503 ...) is {"error":{"code":"http.not_found","message":"..."}}. */

/* --- requests --- */

enum http_method http_request_method(const struct http_request *); /* HEAD is reported as HTTP_HEAD */
/* The path, percent-decoded, valid UTF-8, without "." and ".." segments; %2F, %5C and %00 were refused (400). */
struct slice http_request_path(const struct http_request *);
struct slice http_request_query_text(const struct http_request *); /* as sent, without "?" */
/* The first parameter of that name, decoded ("+" is a blank). False: none, or not valid UTF-8. Lives in the arena. */
bool http_request_query(struct http_request *, struct slice name, struct slice *value) MUST_USE;
/* What stood at {name} in the pattern; empty if the pattern has none. */
struct slice http_request_param(const struct http_request *, struct slice name);
/* The first field of that name (lower case); false if there is none. `*value` may be empty. */
bool http_request_header(const struct http_request *, struct slice name, struct slice *value) MUST_USE;
size_t http_request_header_count(const struct http_request *);
struct http_field http_request_header_at(const struct http_request *, size_t index);
bool http_request_cookie(const struct http_request *, struct slice name, struct slice *value) MUST_USE;
struct slice http_request_body(const struct http_request *); /* collected; empty without one */
struct slice http_request_host(const struct http_request *); /* "example.org:8080" as the client sees us; may be empty */
bool http_request_is_https(const struct http_request *);     /* by us, or by a trusted proxy in front */
int http_request_version(const struct http_request *);       /* 10, 11 or 20 */
/* The client's address as text, behind trusted proxies the one they report. Lives in the arena. */
struct slice http_request_peer(struct http_request *);
uint64_t http_request_id(const struct http_request *); /* also in the access log line, as 16 hex digits */
/* Memory until the handler returns (or, with on_chunk, until the request's end); at most 1 MiB on a loop, 64 MiB on a
 * worker. */
struct arena *http_request_arena(struct http_request *);
void http_request_set_user(struct http_request *, void *user);
void *http_request_user(const struct http_request *);
/* Has the client gone away? For long work on a worker; otherwise nobody needs to ask. */
bool http_request_is_cancelled(const struct http_request *);

/* --- bodies --- */

struct http_body {
    enum { HTTP_BODY_NONE, HTTP_BODY_COPY, HTTP_BODY_STATIC, HTTP_BODY_BLOB, HTTP_BODY_FILE } kind;
    struct slice bytes;     /* COPY: copied before http_respond returns; STATIC: lives as long as the server */
    struct http_blob *blob; /* BLOB: `bytes` is a part of it */
    struct http_file *file; /* FILE: `length` bytes at `offset`, which must lie inside the file */
    uint64_t offset, length;
};
static inline struct http_body http_body_copy(struct slice s) {
    return (struct http_body){.kind = HTTP_BODY_COPY, .bytes = s};
}
static inline struct http_body http_body_static(struct slice s) {
    return (struct http_body){.kind = HTTP_BODY_STATIC, .bytes = s};
}
struct http_body http_body_blob(struct http_blob *);
struct http_body http_body_file(struct http_file *); /* the whole file */
static inline struct http_body http_body_file_span(struct http_file *f, uint64_t offset, uint64_t length) {
    return (struct http_body){.kind = HTTP_BODY_FILE, .file = f, .offset = offset, .length = length};
}

/* A blob with room for `len` bytes, to be filled through http_blob_bytes before anybody else sees it. One reference,
 * the caller's. NULL when memory ran out. Any thread. */
struct http_blob *http_blob_create(size_t len) MUST_USE;
struct http_blob *http_blob_copy(struct slice) MUST_USE;
/* A blob over memory of somebody else: release(arg) is called when the last reference goes, on any thread. NULL when
 * memory ran out; then the caller still owns its memory. */
struct http_blob *http_blob_wrap(struct slice, void (*release)(void *arg), void *arg) MUST_USE;
char *http_blob_bytes(struct http_blob *);
struct slice http_blob_slice(const struct http_blob *);
struct http_blob *http_blob_acquire(struct http_blob *); /* returns its argument */
void http_blob_release(struct http_blob **);             /* clears the pointer; NULL is fine */

/* Opens a regular file for sending. May block: not on a loop. Errors: ERR_NOT_FOUND, ERR_DENIED, ERR_INPUT (http.file:
 * not a regular file), ERR_LIMIT. */
MUST_USE struct err http_file_open(struct http_file **out, int dir_fd, const char *path);
/* Takes over an open descriptor; on an error it stays the caller's. */
MUST_USE struct err http_file_adopt(struct http_file **out, int fd);
struct http_file *http_file_acquire(struct http_file *);
void http_file_release(struct http_file **);
uint64_t http_file_bytes(const struct http_file *);      /* at the time of opening */
struct utc_time http_file_modified(const struct http_file *);
struct slice http_file_etag(const struct http_file *);   /* "\"...\"" from inode, size and modification time */
int http_file_fd(const struct http_file *);

/* --- responses --- */

struct http_response {
    int status;                  /* 200 to 599; 0 means 200 */
    struct slice content_type;   /* empty: none is sent */
    struct slice cache_control;  /* empty: none is sent */
    struct slice etag;           /* with quotes; empty: none */
    struct utc_time modified;    /* 0: none */
    bool has_ranges;             /* a 200 with a body: byte ranges are answered with 206 or 416 (RFC 9110 section 14) */
    struct slice content_range;  /* of a 206 or 416 that the handler has worked out itself: "bytes 0-9/100"; empty: none */
    const struct http_field *fields; /* more header fields; framing fields (content-length, connection, date ...) are ours */
    size_t field_count;
    struct http_body body;
};
/* If-None-Match, If-Modified-Since, If-Match, If-Unmodified-Since, If-Range, Range and HEAD are answered by the server
 * from `etag`, `modified` and `has_ranges`: the handler always gives the full 200. */

/* Answers; exactly once per request. On the request's own thread (its handler). */
void http_respond(struct http_request *, const struct http_response *);
/* The same for the common case: a status, a type and some bytes, which are copied. */
void http_respond_bytes(struct http_request *, int status, struct slice content_type, struct slice body);
/* The error form of the house: {"error":{"code":...,"message":...}}. */
void http_respond_error(struct http_request *, int status, struct slice code, struct slice message);
/* Content type by the name's ending; "application/octet-stream" if unknown. */
struct slice http_content_type(struct slice file_name);

/* --- answering later --- */

/* Keeps the right to answer. The request itself is gone when the handler returns; the conditional fields and the method
 * are remembered. Afterwards the holder, from any thread, calls exactly one of http_held_respond and http_held_drop,
 * exactly once, whatever happens. `on_cancel(arg)` (may be NULL) is called at most once, on the loop thread, when the
 * client has gone, the time is up (503 was sent) or the server stops; an answer given later is thrown away. It may
 * answer or drop right there. It is not begun after the holder has answered, but on another thread it may still be
 * running then: `arg` must outlive it (count references, or answer on the loop). NULL when memory ran out: then the
 * handler still has to answer. Costs less than 1 KB. */
struct http_held *http_request_hold(struct http_request *, void (*on_cancel)(void *arg), void *arg) MUST_USE;
/* The same for what comes within seconds or not at all: live playlists and parts. */
struct http_held *http_request_hold_briefly(struct http_request *, void (*on_cancel)(void *arg), void *arg) MUST_USE;
void http_held_respond(struct http_held **, const struct http_response *);
void http_held_drop(struct http_held **); /* the client gets 503 */
/* Answers a held request as http_respond_stream does. NULL when memory ran out: then the handle is still the holder's. */
struct http_stream_options; /* below */
struct http_stream *http_held_stream(struct http_held **, const struct http_response *, const struct http_stream_options *) MUST_USE;

/* Loop handlers only: `handle` goes on with this request on a worker, with the same route parameters and body. */
void http_request_to_worker(struct http_request *, http_handler *handle, void *arg);

/* --- streams --- */

struct http_stream_options {
    /* Called on the loop thread when the queue has become less than half full again after http_stream_send said BUSY. */
    void (*on_room)(void *arg);
    /* Client gone or server stopping; at most once, on the loop thread, never begun after http_stream_end (but see
     * http_request_hold about `arg`). The handle is still to be given back. */
    void (*on_cancel)(void *arg);
    void *arg;
    uint64_t content_length; /* 0: unknown (chunked, or until the connection's end for HTTP/1.0) */
    size_t queue_bytes_max;  /* 0: limits.stream_bytes_max */
};

/* Answers with a body that comes later: status and fields from `response`, whose body must be NONE. Returns the handle
 * to feed it, or NULL when memory ran out (the handler still has to answer). For HEAD the stream ends by itself. */
struct http_stream *http_respond_stream(struct http_request *, const struct http_response *,
                                        const struct http_stream_options *) MUST_USE;
/* Appends the blob (adds a reference). Any thread, one at a time per stream. Errors: ERR_BUSY (http.stream_full: too much is queued; nothing
 * was taken), ERR_CANCELLED (http.gone), ERR_LIMIT (memory). */
MUST_USE struct err http_stream_send(struct http_stream *, struct http_blob *);
/* Ends the body after what is queued and gives the handle back. With `is_broken` the client sees a body cut short. */
void http_stream_end(struct http_stream **, bool is_broken);

/* --- a word to the loop --- */

/* Whoever answers later from many threads may rather do it on the request's own loop, where nothing of it happens at the same time: on_cancel, on_room
 * and `run` are all called there. In the caller's memory; zeroed, then `run` set. One note is on its way once at a time, and the handle is not given
 * back before `run` was called. Any thread. */
struct http_note {
    void *message[2]; /* the server's */
    void (*run)(struct http_note *);
};
void http_held_note(struct http_held *, struct http_note *);
void http_stream_note(struct http_stream *, struct http_note *);

/* --- other protocols on the same connection: WebSocket (RFC 6455 section 4.2, RFC 9110 section 7.8) --- */

/* For loop handlers of a GET over HTTP/1.1 that asks to upgrade to `protocol`: answers 101 with `fields` and hands the
 * connection over. What the client sends comes to on_bytes(options->arg, ...) on the loop thread, as it comes; what
 * goes into the stream goes out as it is. Ending the stream closes the connection; the client's end is on_cancel. NULL,
 * and the handler still has to answer, if the request does not ask for it or memory ran out. */
struct http_stream *http_request_upgrade(struct http_request *, struct slice protocol, const struct http_field *fields, size_t field_count,
                                         const struct http_stream_options *options, void (*on_bytes)(void *arg, struct slice)) MUST_USE;

/* --- server-sent events (WHATWG HTML section 9.2) --- */

/* NULL when memory ran out. Listeners of a topic are dropped when it is destroyed. */
struct http_topic *http_topic_create(struct http_server *) MUST_USE;
void http_topic_destroy(struct http_topic **); /* before the server; any thread but its loops */
/* Answers with the topic's events from now on; `first` (copied) is sent before, for example the present state. */
void http_respond_topic(struct http_request *, struct http_topic *, struct slice first);
/* Sends to all listeners; one copy for all. Any thread. A listener that does not keep up is dropped: it comes back by
 * itself. A comment is sent to listeners every 15 seconds without an event, so that proxies keep the connection. */
void http_topic_publish(struct http_topic *, struct http_blob *message);
size_t http_topic_listeners(const struct http_topic *);
/* "event: NAME\ndata: ...\n\n", with each line of data on a data line of its own. `id` may be empty. NULL when memory
 * ran out or name or id have a line break. */
struct http_blob *http_sse_event(struct slice name, struct slice id, struct slice data) MUST_USE;

/* --- a folder of pages --- */

struct http_static;
struct http_static_options {
    /* Files whose path begins with this are named by their content's hash and cached for a year ("assets/"). */
    struct slice immutable_prefix;
};
/* Reads the folder's list of files once and keeps them open (at most 4,096; names beginning with "." are left out): later
 * changes are not seen. FILE.gz and FILE.br beside FILE are sent to clients that take them. May block.
 * Errors: ERR_NOT_FOUND, ERR_DENIED, ERR_LIMIT. */
MUST_USE struct err http_static_open(struct http_static **out, const char *folder, const struct http_static_options *);
/* Answers with the file of that path ("assets/app-1f2e.js", no slash in front), or returns false and leaves the request
 * alone. Any handler. */
bool http_static_respond(struct http_static *, struct http_request *, struct slice path) MUST_USE;
/* The bytes of a file of the folder, for templates; read at open if it is smaller than 256 KiB. False if none. */
bool http_static_bytes(const struct http_static *, struct slice path, struct slice *out) MUST_USE;
void http_static_close(struct http_static **); /* after the server has stopped */

/* --- counters, for /metrics --- */

struct http_counters {
#define HTTP_COUNTER(name, help) uint64_t name;
#include "system/http/counters.tbl.h"
#undef HTTP_COUNTER
};
/* A sum over all loops at about this moment. Any thread. */
void http_server_counters(const struct http_server *, struct http_counters *out);

#ifdef GRANDSTAND_TEST_DOORS
/* After a manual clock was moved: returns when every loop has looked at the clock and dealt with all that was due. */
void http_server_poke(struct http_server *);
/* From now on no file counts as being in the page cache until a worker has read it. */
void http_test_distrust_cache(bool is_distrusted);
#endif

#endif
