/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * core.h: what the files of this room share. Nobody outside includes it.
 *
 * Everything below belongs to one loop thread, except what is marked "any thread". What other threads have to say
 * (an answer, a piece of a stream, a span that a reader has brought into the page cache) arrives as a message.
 *
 *   server -- loop 0..n -- conn (slab) -- request (HTTP/1: one at a time; HTTP/2: a list)
 *                 |                          |-- body of the request: collected, or brought in chunks to a worker
 *                 |-- timers: one list a class, all of one duration, so each list is in order by itself
 *                 |-- scratch buffers shared by all connections: an idle connection owns none
 *
 * A request's life on HTTP/1:
 *   h1_turn -> head parsed -> request_new -> request_route -> [body received] -> handler
 *     -> http_respond on the loop ------------------> request_reply -> reply_make -> h1_reply -> ... -> request_sent
 *     -> worker or held: away; comes back by message ---^
 * A connection that fails is marked dead at once, and buried (its memory reused) when the turn of the loop ends. */
#ifndef SYSTEM_HTTP_CORE_H
#define SYSTEM_HTTP_CORE_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/thread.h"
#include "system/http/chunked.h"
#include "system/http/head.h"
#include "system/http/http.h"

struct loop;
struct conn;

/* --- timers: every list holds timers of one duration, oldest first --- */

enum timer_class {
    TIMER_NONE,
    TIMER_HEAD,   /* conn: a request head (or the handshake) has begun and is not complete */
    TIMER_IDLE,   /* conn: nothing is going on */
    TIMER_BODY,   /* conn: a request body is being received */
    TIMER_WRITE,  /* conn: the client has to take bytes */
    TIMER_LINGER, /* conn: said the last word, waits for the client to close */
    TIMER_HELD,   /* request: held for an answer */
    TIMER_HELD_BRIEFLY,
    TIMER_TOPIC,  /* listeners: time for a comment */
    TIMER_CLASSES
};
struct timer {
    struct timer *previous, *next;
    int64_t due_ns;
    uint8_t class;
};
struct timer_list {
    struct timer head; /* sentinel of a ring */
    int64_t duration_ns;
};
void timer_start(struct loop *, struct timer *, enum timer_class); /* also restarts, with the full duration */
void timer_stop(struct timer *);
static inline bool timer_runs(const struct timer *t) { return t->class != TIMER_NONE; }
void timers_init(struct loop *, const struct http_limits *);
void timers_run(struct loop *);               /* calls conn_timeout and request_timeout for what is due */
int64_t timers_next_ns(const struct loop *); /* until the next is due; -1: none */

/* --- messages to a loop: any thread --- */

struct message {
    struct inbox_item item; /* first */
    void (*run)(struct loop *, struct message *);
};
void loop_post(struct loop *, struct message *);
void note_post(struct loop *, struct http_note *);

/* --- pools of threads for what may block --- */

struct work {
    struct work *next;
    /* On a worker; the arena is the worker's own and is reset after each. It may be NULL when memory is short. */
    void (*run)(struct work *, struct arena *);
};
struct pool;
MUST_USE struct err pool_start(struct pool **out, const char *name, unsigned threads, unsigned queue_max);
enum pool_urgency { POOL_MAY_REFUSE, POOL_MUST }; /* MUST: work that ends something; bounded by what it ends */
bool pool_submit(struct pool *, struct work *, enum pool_urgency); /* false: the queue is full. Any thread */
void pool_stop(struct pool **);                /* finishes what is queued */

/* --- the body of a response --- */

enum out_kind { OUT_NONE, OUT_BORROWED, OUT_STATIC, OUT_BLOB, OUT_FILE, OUT_STREAM };
struct out_body {
    enum out_kind kind;
    union {
        const char *bytes;
        struct http_file *file;
        struct http_stream *stream;
    };
    struct http_blob *blob; /* OUT_BLOB: what `bytes` points into */
    uint64_t offset;        /* OUT_FILE: of the next byte */
    uint64_t left;          /* not for OUT_STREAM */
};
void out_release(struct out_body *);
bool out_own(struct out_body *); /* turns BORROWED into a blob; false when memory ran out */

/* --- an answer made away from the loop: the response and all it refers to in one block --- */

struct answer {
    struct http_response response;
    struct http_stream *stream;
    struct http_topic *topic;
    struct http_blob *topic_first;
    struct slice upgrade; /* the protocol; static text or the request's */
};
struct answer *answer_copy(const struct http_response *); /* NULL when memory ran out */
void answer_free(struct answer **);

/* --- requests --- */

enum away_bit {
    AWAY_WORKER = 1, /* a worker runs a handler with it */
    AWAY_HELD = 2,   /* somebody has the http_held handle */
    AWAY_READER = 4, /* a reader brings a span of its file into the page cache */
};
enum body_mode { BODY_NONE, BODY_COLLECT, BODY_CHUNKS };
enum request_state {
    REQUEST_BODY,    /* receiving the body */
    REQUEST_HANDLER, /* a handler has it, or somebody holds it */
    REQUEST_REPLY,   /* the response is on its way */
    REQUEST_DONE,    /* everything was sent (or the client is gone) */
};

/* Whoever moves it away from WAITING first has the say: after ANSWERED on_cancel is not called any more. */
enum held_state { HELD_NOT, HELD_WAITING, HELD_ANSWERED, HELD_CANCELLED };
struct http_held {
    struct message message; /* back to the loop, with the answer */
    void (*on_cancel)(void *);
    void *arg;
};

struct http_request {
    /* Written by the loop only. */
    struct loop *loop;
    struct conn *conn; /* NULL once the client is gone or has all of its answer */
    struct http_request *previous, *next; /* HTTP/2: all of the connection; else the loop's free list */
    const struct route *route;
    int64_t started_ns;
    uint64_t id;
    struct timer timer;
    struct out_body out;
    uint64_t sent_bytes; /* of the response's body */
    uint64_t cached_until; /* a reader has brought its file in up to here, */
    int64_t cached_ns;     /* at this moment */
    char *log_target;    /* with an access log: method and path */
    struct answer *held_answer; /* came before the worker's handler had returned */
    struct kept_fields *kept; /* conditional fields of a request whose head is gone */
    uint64_t body_left;  /* HTTP/1 with Content-Length */
    uint64_t body_bytes; /* received so far */
    struct chunked chunked;
    int32_t stream_id; /* 0: HTTP/1 */
    uint16_t status;
    enum request_state state : 8;
    enum body_mode body_mode : 8;
    bool is_head, is_http10, is_tls, is_behind_proxy, wants_close, has_body_ended, is_chunked_reply, is_head_owned, was_told;
    bool is_get, is_waiting_room, is_fetched, is_deferred, is_counted_held, is_held_briefly, is_chunk_due, is_last_chunk, is_timed_out, is_ending;
    void (*on_bytes)(void *arg, struct slice); /* upgraded: not HTTP any more */
    void *on_bytes_arg;
    bool is_body_end_due; /* HTTP/2: after what waits for the worker */
    uint8_t peer[16];     /* behind proxies, if there are any; else the connection's says it */
    uint8_t pins; /* functions up the stack that still need it */
    uint8_t version;
    struct buf collected; /* the body, or the chunk being filled */
    struct h2_head *h2_head;
    struct http_request *topic_next, *topic_previous;
    struct topic_part *topic; /* the events it listens to */

    /* Written by whoever has it: the loop, or while AWAY_WORKER is set the worker. */
    struct head *head; /* gone (NULL) after the handler */
    struct arena *arena;
    bool has_own_arena, is_on_worker, has_answered, has_moved, did_hold, has_begun, is_starved;
    struct answer *answer; /* given on a worker */
    http_handler *handle;
    void *handle_arg;
    void *user;
    struct work work;
    struct message message;       /* the worker's way back */
    struct message fetch_message; /* the reader's */
    struct work fetch_work;
    uint64_t fetch_offset;
    uint32_t fetch_length;
    bool has_fetch_failed;
    struct http_file *fetch_file;

    /* Any thread. */
    atomic_uint away;
    atomic_bool is_cancelled;
    struct http_held held;        /* the holder's */
    atomic_int held_state;        /* enum held_state */
    struct answer *posted_answer; /* with held.message */
};

struct http_request *request_new(struct conn *, struct head *); /* NULL when memory ran out */
/* Finds the route and begins: handler, body, or a refusal. The head is borrowed (the loop's scratch) or, with
 * is_head_owned set, the request's. */
void request_route(struct http_request *);
void request_refuse(struct http_request *, int status, const char *code, const char *what);
void request_reply(struct http_request *, const struct http_response *, struct answer *); /* on the loop */
void request_sent(struct http_request *);           /* the response has left: state DONE, log line, counters */
void request_detach(struct http_request *);         /* from its connection; freed now or when it comes back */
void request_timeout(struct http_request *);
void request_fetch(struct http_request *, struct http_file *, uint64_t offset, uint32_t length);
void request_resume(struct http_request *);         /* pumps its reply on */
size_t request_body(struct http_request *, struct slice); /* a piece of the body has come; returns how much was taken */
void request_body_end(struct http_request *);
size_t request_stream_take(struct http_request *, char *out, size_t capacity, bool *is_end, bool *is_broken);
struct slice request_known(const struct http_request *, enum known_field); /* ptr NULL: not there */
struct slice request_peer_text(const struct http_request *, char out[64]);

/* The reply as both versions send it: what is left to say once conditions and ranges have been looked at. */
enum { REPLY_FIELDS_MAX = 64 };
struct reply {
    int status;
    size_t field_count;
    struct http_field fields[REPLY_FIELDS_MAX]; /* date, content-length and all others; not connection */
    struct out_body out;
    bool has_length;
    uint64_t length;
    char date[30], modified[30], range_text[80], length_text[24];
};
/* Takes over the body of the answer, or acquires that of the response. */
void reply_make(struct reply *, struct http_request *, const struct http_response *, struct answer *);

/* --- connections --- */

enum protocol { PROTOCOL_NEW, PROTOCOL_H1, PROTOCOL_H2 };
struct conn {
    int fd; /* -1: free */
    enum protocol protocol : 8;
    bool may_read, may_write, has_peer_closed, is_dead, is_lingering, is_ready_listed, wants_close, is_in_turn;
    bool is_draining, is_buffer_judged, is_tls_done;
    struct loop *loop;
    struct timer timer;
    char *in; /* the beginning of a request, or requests that wait for their turn */
    uint32_t in_len, in_capacity, in_scanned;
    uint32_t unsent_len, unsent_at, unsent_capacity;
    char *unsent; /* bytes that must leave before all others */
    struct http_request *request; /* HTTP/1 */
    struct tls_conn *tls;
    struct h2 *h2;
    struct conn *next; /* free list, dead list or ready list */
    uint64_t window_bytes; /* received in this window of TIMER_BODY */
    uint32_t requests;
    uint16_t peer_port;
    uint8_t peer[16]; /* IPv6, or IPv4 mapped */
};

enum io { IO_DONE, IO_BLOCKED, IO_GONE };

struct conn *conn_open(struct loop *, int fd, const struct sockaddr_storage *peer, bool has_tls); /* closes fd on failure */
void conn_event(struct conn *, uint32_t epoll_events);
void conn_kill(struct conn *);    /* marks dead; buried at the end of the turn */
void conn_bury(struct conn *);
void conn_finish(struct conn *);  /* said the last word: lingers until the client has closed */
void conn_timeout(struct conn *, enum timer_class);
void conn_ready(struct conn *);   /* comes again in the next turn */
void conn_drain(struct conn *);   /* server stops: no further requests */
/* Bytes from the client, decrypted. -1: none now (may_read is false), -2: gone. 0: end. */
ptrdiff_t conn_receive(struct conn *, char *out, size_t capacity);
/* Sends all of it, or keeps a copy of the rest (then IO_BLOCKED and may_write is false). At most 256 KB a call. */
enum io conn_send(struct conn *, const struct iovec *, int count);
/* Plain connections: sends what the kernel takes. *sent may be less than all. */
enum io conn_send_some(struct conn *, const struct iovec *, int count, int flags, size_t *sent);
enum io conn_keep(struct conn *, const char *bytes, size_t len); /* appends to unsent */
enum io conn_flush(struct conn *); /* sends `unsent` */
void conn_progress(struct conn *); /* the client took something */
bool conn_keep_input(struct conn *, const char *bytes, size_t len);
void conn_forget_input(struct conn *);
void conn_judge_buffer(struct conn *, uint64_t bytes); /* a large body: large send buffer on a short path */

/* --- HTTP/1 --- */
void h1_turn(struct conn *);  /* sends what can be sent, then reads and handles requests until the input is dry */
void h1_timeout(struct conn *);
void h1_reply(struct http_request *, struct reply *);
/* An event as its listeners get it: framed as one chunk, of which `plain` is a part. */
struct event_bytes {
    struct slice framed, plain;
};
bool h1_event(struct http_request *, const struct event_bytes *); /* false: the listener is gone */
void h1_continue(struct http_request *); /* "100 Continue", if the client waits for it */

/* --- HTTP/2 --- */
struct h2;
bool h2_open(struct conn *); /* false when memory ran out */
void h2_close(struct conn *);
void h2_turn(struct conn *);
void h2_reply(struct http_request *, struct reply *);
void h2_resume(struct http_request *);
void h2_body_taken(struct http_request *, size_t bytes); /* opens the window again */
void h2_continue(struct http_request *);
void h2_drain(struct conn *);
void h2_free_head(struct http_request *);
void h2_forget(struct http_request *);
void request_body_end_h2(struct http_request *);
void h2_break(struct http_request *); /* its body cannot be completed */

/* --- TLS --- */
struct tls_context;
MUST_USE struct err tls_context_load(struct tls_context **out, const char *certificate, const char *key);
void tls_context_release(struct tls_context **);
bool tls_open(struct conn *, struct tls_context *);
void tls_close(struct conn *);
enum io tls_handshake(struct conn *); /* IO_DONE: protocol was chosen */
ptrdiff_t tls_receive(struct conn *, char *out, size_t capacity);
enum io tls_send(struct conn *, const struct iovec *, int count);
void tls_goodbye(struct conn *);
bool tls_is_h2(const struct conn *);

/* --- bodies that come from streams --- */
/* Makes one with two references: the producer's, which is returned, and that of the response (*loop_side). */
struct http_stream *stream_create(struct loop *, const struct http_stream_options *, struct http_stream **loop_side);
bool stream_append(struct http_stream *, struct http_blob *); /* on the loop, by topics; false when memory ran out */
size_t stream_queued(const struct http_stream *);
/* Copies what is queued; *is_end when nothing more will come. 0 and no end: wait. */
size_t stream_take(struct http_stream *, char *out, size_t capacity, bool *is_end, bool *is_broken);
void stream_attach(struct http_stream *, struct http_request *);
void stream_detach(struct http_stream **); /* the response is over: the producer is told if it has not ended it */
void stream_drop(struct http_stream **);   /* the same, from a thread that is not the loop's */
uint64_t stream_content_length(const struct http_stream *);
bool topic_attach(struct http_topic *, struct http_request *, struct http_blob *first, struct out_body *);
void topic_welcome(struct http_request *, struct http_blob *first);
void topic_detach(struct http_request *);
void topic_beat(struct loop *, struct timer *);

/* --- routes --- */
struct route {
    struct http_route public;
    char *pattern;
    struct route *next_method; /* of the same pattern */
    size_t param_count;
    struct slice param_names[HEAD_PARAMS_MAX];
};
struct router;
struct router *router_create(void);
void router_destroy(struct router **);
MUST_USE struct err router_add(struct router *, const struct http_route *);
/* Sets head->params. NULL: *allowed is 0 for 404, else a bit for each method that the path has. */
const struct route *router_find(const struct router *, struct head *, unsigned *allowed);

/* --- loops and the server --- */

enum {
    SCRATCH_IN_BYTES = 128 * 1024,  /* conn->in (at most head_bytes_max + a read) + what is read behind it */
    SCRATCH_OUT_BYTES = 128 * 1024, /* heads and pieces of bodies */
    CIPHER_OUT_BYTES = 160 * 1024,
    SEND_TURN_BYTES = 1 << 20,      /* one connection sends this much, then the others have their turn */
    REQUESTS_TURN = 32,
};

struct conn_slab {
    struct conn_slab *next;
    struct conn conns[64];
};

struct listener {
    int fd;
    bool has_tls;
};

struct loop {
    struct http_server *server;
    struct thread *thread;
    unsigned index;
    int epoll_fd;
    struct inbox inbox;
    struct listener *listeners;
    size_t listener_count;
    int reserve_fd; /* given up for a moment to be able to refuse when descriptors run out */
    struct mono_time now;
    struct timer_list timers[TIMER_CLASSES];
    struct conn *conns_free, *conns_dead, *conns_ready;
    struct conn_slab *slabs;
    struct http_request *requests_free;
    size_t requests_free_count;
    struct arena *arena; /* for handlers on the loop */
    struct head head;
    struct reply reply;
    char *scratch_in, *scratch_out, *cipher_out;
    size_t cipher_len;
    char date[30];
    int64_t date_ns;
    uint64_t request_id;
    unsigned open_conns;
    bool is_stopping, is_closing, has_sent_files;
    long sleeps_before;
    atomic_int stop_wanted; /* 1: drain, 2: close, 3: leave */
    atomic_uint turns;      /* see http_server_poke */
    unsigned away;          /* requests that a worker or reader still has */
    atomic_uint handles;    /* held requests and streams that somebody still has */
    atomic_uint posting;    /* threads inside loop_post */
    bool has_told_empty;
    struct http_counters counters;
};
#define COUNT(loop, name, n) __atomic_store_n(&(loop)->counters.name, (loop)->counters.name + (uint64_t)(n), __ATOMIC_RELAXED)
/* For the few that other threads count too. */
#define COUNT_ANY(loop, name, n) __atomic_fetch_add(&(loop)->counters.name, (uint64_t)(n), __ATOMIC_RELAXED)
const char *loop_date(struct loop *);
void loop_watch_sleeps(struct loop *);
void loop_run(void *loop);
MUST_USE struct err loop_open(struct loop *, struct http_server *, unsigned index);
void loop_close(struct loop *);

struct http_server {
    const struct clock *clock;
    struct http_options options;
    struct http_limits limits;
    struct arena *arena; /* copies of the options */
    struct router *router;
    struct loop *loops;
    unsigned loop_count;
    struct pool *workers, *readers;
    struct lock tls_lock;
    struct tls_context *tls;
    uint16_t *ports;
    struct proxy_net *proxies;
    size_t proxy_count;
    atomic_uint conns;
    bool has_started, has_stopped;
    struct lock stop_lock;
    struct condition stop_condition;
    unsigned empty_loops; /* that have no connection left while stopping */
};
struct proxy_net {
    uint8_t address[16];
    unsigned bits;
};
void loop_wake(struct loop *);
bool proxy_is_trusted(const struct http_server *, const uint8_t address[16]);
bool address_parse(struct slice, uint8_t out[16], bool *is_v4); /* "1.2.3.4", "::1", also with a port or brackets */
/* The client's address: the connection's, or what trusted proxies say. */
void peer_find(const struct http_request *, uint8_t out[16]);

#endif
