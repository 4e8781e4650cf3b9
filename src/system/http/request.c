/* SPDX-License-Identifier: AGPL-3.0-or-later
 * A request's life, for both versions of HTTP: route, body, handler, reply, end; and its journeys to other threads. */
#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/utf8.h"
#include "system/http/core.h"
#include "system/http/file.h"
#include "system/http/status.h"

enum {
    CHUNK_BYTES = 256 * 1024, /* of a body, for on_chunk */
    UPLOAD_ARENA_BYTES_MAX = 64 << 20,
    REQUESTS_FREE_MAX = 256, /* kept for reuse by a loop */
};

/* What conditions and ranges need of a head that is gone. */
struct kept_fields {
    struct slice known[FIELD_IF_UNMODIFIED_SINCE + 1];
    char bytes[];
};

struct slice request_known(const struct http_request *rq, enum known_field f) {
    if (rq->head) return rq->head->known[f];
    if (rq->kept && (size_t)f < ARRAY_LEN(rq->kept->known)) return rq->kept->known[f];
    return SLICE_NONE;
}

/* --- birth and end --- */

static void returned(struct loop *, struct message *);
static void fetched(struct loop *, struct message *);
static void answered(struct loop *, struct message *);
static void work_run(struct work *, struct arena *);
static void fetch_run(struct work *, struct arena *);

struct http_request *request_new(struct conn *c, struct head *h) {
    struct loop *l = c->loop;
    struct http_request *rq = l->requests_free;
    if (rq) {
        l->requests_free = rq->next;
        l->requests_free_count--;
    } else {
        rq = mem_alloc(sizeof *rq);
        if (!rq) return NULL;
    }
    *rq = (struct http_request){.loop = l, .conn = c, .head = h, .started_ns = l->now.ns, .state = REQUEST_HANDLER};
    l->request_id += UINT64_C(0x9e3779b97f4a7c15); /* odd: all 2^64 values before one comes again */
    rq->id = l->request_id;
    rq->is_get = h && h->method == HTTP_GET;
    rq->is_tls = c->tls != NULL;
    rq->is_behind_proxy = l->server->proxy_count && proxy_is_trusted(l->server, c->peer);
    COUNT(l, requests_now, 1);
    return rq;
}

static void head_drop(struct http_request *rq) {
    if (rq->is_head_owned) mem_free(rq->head);
    rq->head = NULL;
    rq->is_head_owned = false;
}

/* Frees it if nobody has it any more. */
static void maybe_free(struct http_request *rq) {
    if (rq->conn || rq->pins || atomic_load(&rq->away)) return;
    struct loop *l = rq->loop;
    if (rq->has_own_arena && rq->arena) { /* its clean-ups may block: they run on a worker */
        rq->is_ending = true;
        rq->work.run = work_run;
        rq->message.run = returned;
        atomic_fetch_or(&rq->away, AWAY_WORKER);
        l->away++;
        pool_submit(l->server->workers, &rq->work, POOL_MUST);
        return;
    }
    timer_stop(&rq->timer);
    out_release(&rq->out);
    answer_free(&rq->answer);
    answer_free(&rq->held_answer);
    head_drop(rq);
    buf_free(&rq->collected);
    mem_free(rq->log_target);
    mem_free(rq->kept);
    if (rq->h2_head) h2_free_head(rq);
    COUNT(l, requests_now, -1);
    if (l->requests_free_count >= REQUESTS_FREE_MAX) {
        mem_free(rq);
        return;
    }
    rq->next = l->requests_free;
    l->requests_free = rq;
    l->requests_free_count++;
}

static void log_end(struct http_request *rq) {
    struct loop *l = rq->loop;
    enum log_level level = l->server->options.has_access_log ? LOG_INFO : LOG_DEBUG;
    if (!log_wants(level)) return;
    char id[17], peer[64];
    for (int i = 0; i < 16; i++) id[i] = "0123456789abcdef"[rq->id >> (60 - 4 * i) & 15];
    id[16] = 0;
    const struct log_field fields[] = {
        LOG_TEXT("id", id),
        LOG_TEXT("request", rq->log_target ? rq->log_target : "-"), /* "-": it could not be read */
        LOG_INT("status", rq->status),
        LOG_INT("bytes", rq->sent_bytes),
        LOG_INT("us", (l->now.ns - rq->started_ns) / NS_PER_US),
        LOG_INT("version", rq->version),
        LOG_SLICE("peer", request_peer_text(rq, peer)),
        LOG_BOOL("whole", rq->state == REQUEST_DONE),
    };
    log_line(level, "http", "request", fields, ARRAY_LEN(fields));
}

/* The path as the log may show it: parameters called "token" or "code" are secrets, and so may queries be. */
static void log_target_make(struct http_request *rq) {
    enum log_level level = rq->loop->server->options.has_access_log ? LOG_INFO : LOG_DEBUG;
    if (!log_wants(level) || !rq->head) return;
    struct buf text = BUF(2048);
    buf_append(&text, http_method_name(rq->head->method));
    buf_u8(&text, ' ');
    if (!rq->route) {
        buf_append(&text, slice_sub(rq->head->path, 0, 512));
    } else {
        size_t param = 0;
        struct slice rest = slice_cstr(rq->route->pattern), segment;
        rest = slice_sub(rest, 1, rest.len);
        while (slice_next(&rest, '/', &segment)) {
            buf_u8(&text, '/');
            if (!segment.len || segment.ptr[0] != '{') {
                buf_append(&text, segment);
                continue;
            }
            if (param == rq->head->param_count) break;
            const struct http_field *p = &rq->head->params[param++];
            bool is_secret = slice_eq(p->name, SLICE("token")) || slice_eq(p->name, SLICE("code"));
            buf_append(&text, is_secret ? SLICE("***") : slice_sub(p->value, 0, 512));
        }
    }
    buf_u8(&text, 0);
    if (buf_error(&text).kind) buf_free(&text);
    else rq->log_target = text.ptr;
}

static void tell_cancel(struct http_request *rq) {
    if (rq->was_told) return;
    rq->was_told = true;
    atomic_store(&rq->is_cancelled, true);
    int waiting = HELD_WAITING;
    if (atomic_compare_exchange_strong(&rq->held_state, &waiting, HELD_CANCELLED) && rq->held.on_cancel) rq->held.on_cancel(rq->held.arg);
}

static void held_uncount(struct http_request *rq) {
    if (!rq->is_counted_held) return;
    rq->is_counted_held = false;
    COUNT(rq->loop, held_now, -1);
}

void request_detach(struct http_request *rq) {
    struct conn *c = rq->conn;
    if (!c) return;
    timer_stop(&rq->timer);
    if (rq->topic) topic_detach(rq);
    if (rq->stream_id) h2_forget(rq);
    else if (c->request == rq) c->request = NULL;
    if (rq->state != REQUEST_DONE) COUNT(rq->loop, aborted_total, 1);
    log_end(rq);
    rq->conn = NULL;
    rq->pins++; /* callbacks below may bring it back to us */
    out_release(&rq->out);
    held_uncount(rq);
    if (rq->state != REQUEST_DONE) tell_cancel(rq);
    rq->pins--;
    maybe_free(rq);
}

void request_sent(struct http_request *rq) {
    struct conn *c = rq->conn;
    rq->state = REQUEST_DONE;
    bool wants_close = rq->wants_close;
    bool is_h1 = !rq->stream_id;
    request_detach(rq);
    if (is_h1 && wants_close) conn_finish(c);
}

/* --- the reply --- */

void request_reply(struct http_request *rq, const struct http_response *r, struct answer *answer) {
    struct loop *l = rq->loop;
    assert(rq->conn && rq->state != REQUEST_REPLY && rq->state != REQUEST_DONE);
    rq->pins++;
    timer_stop(&rq->timer);
    held_uncount(rq);
    rq->state = REQUEST_REPLY;
    rq->has_answered = true;
    struct reply *reply = &l->reply;
    reply_make(reply, rq, r, answer);
    rq->status = (uint16_t)reply->status;
    switch (reply->status / 100) {
    case 1: COUNT(l, responses_1xx_total, 1); break;
    case 2: COUNT(l, responses_2xx_total, 1); break;
    case 3: COUNT(l, responses_3xx_total, 1); break;
    case 4: COUNT(l, responses_4xx_total, 1); break;
    default: COUNT(l, responses_5xx_total, 1); break;
    }
    bool is_topic = answer && answer->topic && !rq->is_head;
    if (is_topic && !topic_attach(answer->topic, rq, answer->topic_first, &reply->out)) {
        conn_kill(rq->conn);
    } else if (rq->stream_id) {
        if (reply->out.kind == OUT_BORROWED && !out_own(&reply->out)) conn_kill(rq->conn);
        else h2_reply(rq, reply);
    } else {
        h1_reply(rq, reply);
    }
    if (is_topic && rq->conn && !rq->conn->is_dead) topic_welcome(rq, answer->topic_first);
    if (rq->out.kind == OUT_STREAM && rq->out.stream && rq->conn) stream_attach(rq->out.stream, rq);
    if (rq->conn && !out_own(&rq->out)) conn_kill(rq->conn);
    out_release(&reply->out);
    if (rq->conn && rq->conn->is_dead) rq->state = REQUEST_REPLY;
    rq->pins--;
    maybe_free(rq);
}

static void error_body(struct buf *out, struct slice code, struct slice message) {
    buf_cstr(out, "{\"error\":{\"code\":");
    json_quote(out, code);
    buf_cstr(out, ",\"message\":");
    json_quote(out, message);
    buf_cstr(out, "}}");
}

void request_refuse(struct http_request *rq, int status, const char *code, const char *what) {
    char space[1024];
    struct buf body = {.ptr = space, .capacity = sizeof space, .bytes_max = sizeof space};
    error_body(&body, code ? slice_cstr(code) : status_code(status), what ? slice_cstr(what) : status_sentence(status));
    struct http_response r = {.status = status, .content_type = SLICE("application/json"), .cache_control = SLICE("no-store"),
                              .body = http_body_copy(buf_slice(&body))};
    struct http_field retry = {SLICE("retry-after"), SLICE("2")};
    if (status == 503) {
        r.fields = &retry;
        r.field_count = 1;
    }
    request_reply(rq, &r, NULL);
}

void request_resume(struct http_request *rq) {
    if (!rq->conn || rq->conn->is_dead || rq->state != REQUEST_REPLY) return;
    rq->is_waiting_room = false;
    if (rq->stream_id) h2_resume(rq);
    else conn_ready(rq->conn);
}

size_t request_stream_take(struct http_request *rq, char *out, size_t capacity, bool *is_end, bool *is_broken) {
    if (!rq->out.stream) return 0; /* a listener: its events are sent as they come */
    return stream_take(rq->out.stream, out, capacity, is_end, is_broken);
}

/* --- files that are not in the page cache --- */

void request_fetch(struct http_request *rq, struct http_file *f, uint64_t offset, uint32_t length) {
    assert(!(atomic_load(&rq->away) & AWAY_READER));
    rq->fetch_file = http_file_acquire(f);
    rq->fetch_offset = offset;
    rq->fetch_length = length;
    rq->has_fetch_failed = false;
    rq->fetch_work.run = fetch_run;
    rq->fetch_message.run = fetched;
    atomic_fetch_or(&rq->away, AWAY_READER);
    rq->loop->away++;
    pool_submit(rq->loop->server->readers, &rq->fetch_work, POOL_MUST);
}

static void fetch_run(struct work *w, struct arena *arena) {
    struct http_request *rq = (struct http_request *)((char *)w - offsetof(struct http_request, fetch_work));
    rq->has_fetch_failed = !file_bring(rq->fetch_file, rq->fetch_offset, rq->fetch_length);
    loop_post(rq->loop, &rq->fetch_message);
}

static void fetched(struct loop *l, struct message *m) {
    struct http_request *rq = (struct http_request *)((char *)m - offsetof(struct http_request, fetch_message));
    http_file_release(&rq->fetch_file);
    atomic_fetch_and(&rq->away, ~(unsigned)AWAY_READER);
    l->away--;
    rq->is_fetched = true;
    rq->cached_until = rq->fetch_offset + rq->fetch_length; /* a reader has just had it in its hands */
    rq->cached_ns = l->now.ns;
    if (rq->conn && rq->has_fetch_failed) {
        if (rq->stream_id) h2_break(rq);
        else conn_kill(rq->conn);
    } else if (rq->conn) {
        request_resume(rq);
    }
    maybe_free(rq);
}

/* --- route and body --- */

static void method_refuse(struct http_request *rq, unsigned allowed) {
    char text[64];
    struct buf list = {.ptr = text, .capacity = sizeof text, .bytes_max = sizeof text};
    for (int m = 0; m < HTTP_METHODS; m++) {
        if (!(allowed & 1u << m)) continue;
        if (list.len) buf_cstr(&list, ", ");
        buf_append(&list, http_method_name((enum http_method)m));
    }
    bool is_asked = rq->head->method == HTTP_OPTIONS;
    char space[256];
    struct buf body = {.ptr = space, .capacity = sizeof space, .bytes_max = sizeof space};
    if (!is_asked) error_body(&body, status_code(405), status_sentence(405));
    struct http_field allow = {SLICE("allow"), buf_slice(&list)};
    struct http_response r = {.status = is_asked ? 204 : 405, .fields = &allow, .field_count = 1};
    if (!is_asked) {
        r.content_type = SLICE("application/json");
        r.body = http_body_copy(buf_slice(&body));
    }
    request_reply(rq, &r, NULL);
}

/* Before the scratch is reused. NULL when memory ran out. */
static void head_own(struct http_request *rq) {
    if (rq->is_head_owned) return;
    struct head *copy = head_clone(rq->head);
    rq->head = copy;
    rq->is_head_owned = copy != NULL;
}

static void worker_submit(struct http_request *rq) {
    struct loop *l = rq->loop;
    rq->work.run = work_run;
    rq->message.run = returned;
    rq->state = rq->body_mode == BODY_CHUNKS && !rq->is_last_chunk ? REQUEST_BODY : REQUEST_HANDLER;
    atomic_fetch_or(&rq->away, AWAY_WORKER);
    l->away++;
    COUNT(l, worker_requests_total, 1);
    bool is_running = rq->has_begun; /* an upload that has begun is not turned away for a busy moment */
    if (pool_submit(l->server->workers, &rq->work, is_running ? POOL_MUST : POOL_MAY_REFUSE)) return;
    atomic_fetch_and(&rq->away, ~(unsigned)AWAY_WORKER);
    l->away--;
    COUNT(l, worker_requests_total, -1);
    COUNT(l, worker_queue_full_total, 1);
    request_refuse(rq, 503, NULL, NULL);
}

/* Calls the handler, on this thread or on a worker. */
static void handler_run(struct http_request *rq) {
    struct loop *l = rq->loop;
    if (rq->route->public.where == HTTP_ON_WORKER || rq->has_moved) {
        head_own(rq);
        if (rq->head) worker_submit(rq);
        else request_refuse(rq, 503, NULL, NULL);
        return;
    }
    rq->state = REQUEST_HANDLER;
    rq->pins++;
    rq->arena = l->arena;
    rq->route->public.handle(rq, rq->route->public.arg);
    rq->arena = NULL;
    arena_reset(l->arena);
    if (rq->has_moved && !rq->has_answered) {
        handler_run(rq);
    } else if (!rq->has_answered && !rq->did_hold) {
        log_error("http", "handler gave no answer", LOG_TEXT("route", rq->route->pattern));
        if (rq->conn && !rq->conn->is_dead) request_refuse(rq, 500, NULL, NULL);
    }
    if (!(atomic_load(&rq->away) & AWAY_WORKER)) {
        head_drop(rq);
        if (rq->h2_head && rq->conn) h2_free_head(rq);
        buf_free(&rq->collected);
    }
    rq->pins--;
    maybe_free(rq);
}

void request_route(struct http_request *rq) {
    struct http_server *server = rq->loop->server;
    struct head *h = rq->head;
    unsigned allowed = 0;
    rq->route = h->is_options_star ? NULL : router_find(server->router, h, &allowed);
    log_target_make(rq);
    if (rq->is_behind_proxy) peer_find(rq, rq->peer);
    if (h->is_options_star) allowed = (1u << HTTP_METHODS) - 1;
    if (!rq->route) {
        if (allowed) method_refuse(rq, allowed);
        else request_refuse(rq, 404, NULL, NULL);
        return;
    }
    const struct http_route *route = &rq->route->public;
    if (h->content_length > route->body_bytes_max || (!rq->has_body_ended && !route->body_bytes_max)) {
        request_refuse(rq, 413, NULL, NULL);
        return;
    }
    if (rq->has_body_ended && !route->on_chunk) {
        handler_run(rq);
        return;
    }
    head_own(rq); /* the body comes later than the scratch lasts */
    if (!rq->head) {
        request_refuse(rq, 503, NULL, NULL);
        return;
    }
    rq->state = REQUEST_BODY;
    rq->conn->window_bytes = 0;
    if (!route->on_chunk) {
        rq->body_mode = BODY_COLLECT;
        rq->collected = BUF((size_t)route->body_bytes_max);
        if (h->expects_continue) (rq->stream_id ? h2_continue : h1_continue)(rq);
        return;
    }
    rq->body_mode = BODY_CHUNKS;
    rq->collected = BUF(CHUNK_BYTES);
    rq->has_own_arena = true;
    rq->arena = arena_create(UPLOAD_ARENA_BYTES_MAX);
    if (!rq->arena) {
        request_refuse(rq, 503, NULL, NULL);
        return;
    }
    rq->is_last_chunk = rq->has_body_ended;
    rq->is_chunk_due = true;
    worker_submit(rq);
}

size_t request_body(struct http_request *rq, struct slice piece) {
    rq->body_bytes += piece.len;
    if (rq->body_bytes > rq->route->public.body_bytes_max) {
        request_refuse(rq, 413, NULL, NULL);
        return piece.len;
    }
    if (rq->body_mode == BODY_CHUNKS) {
        size_t room = CHUNK_BYTES - rq->collected.len;
        if (piece.len > room) {
            rq->body_bytes -= piece.len - room;
            piece.len = room;
        }
    }
    buf_append(&rq->collected, piece);
    if (buf_error(&rq->collected).kind) {
        request_refuse(rq, 503, NULL, NULL);
        return piece.len;
    }
    if (rq->body_mode == BODY_CHUNKS && rq->collected.len == CHUNK_BYTES) {
        rq->is_chunk_due = true;
        worker_submit(rq);
    }
    return piece.len;
}

void request_body_end(struct http_request *rq) {
    if (rq->has_body_ended) return;
    rq->has_body_ended = true;
    if (rq->state != REQUEST_BODY) return;
    if (rq->body_mode == BODY_COLLECT) {
        handler_run(rq);
    } else if (!(atomic_load(&rq->away) & AWAY_WORKER)) {
        rq->is_last_chunk = true;
        rq->is_chunk_due = true;
        worker_submit(rq);
    } /* else the worker's return finds that the body has ended */
}

/* --- on a worker --- */

static bool is_settled(const struct http_request *rq) { return rq->has_answered || rq->did_hold; }

static void work_run(struct work *w, struct arena *arena) {
    struct http_request *rq = (struct http_request *)((char *)w - offsetof(struct http_request, work));
    struct loop *l = rq->loop; /* the request is the loop's again as soon as the message is posted */
    const struct http_route *route = &rq->route->public;
    if (rq->is_ending) {
        arena_destroy(&rq->arena);
        loop_post(l, &rq->message);
        return;
    }
    rq->is_on_worker = true;
    if (rq->has_own_arena) {
        if (!rq->has_begun && route->on_begin) route->on_begin(rq, route->arg);
        rq->has_begun = true;
        if (!is_settled(rq) && rq->collected.len) route->on_chunk(rq, buf_slice(&rq->collected), route->arg);
        if (!is_settled(rq) && rq->is_last_chunk) route->handle(rq, route->arg);
        if (is_settled(rq) || rq->is_last_chunk) arena_destroy(&rq->arena);
    } else if (arena) {
        rq->arena = arena;
        http_handler *handle = rq->has_moved ? rq->handle : route->handle;
        handle(rq, rq->has_moved ? rq->handle_arg : route->arg);
        rq->arena = NULL;
    } else {
        rq->is_starved = true;
    }
    rq->is_on_worker = false;
    loop_post(l, &rq->message);
}

static void held_start(struct http_request *rq) {
    if (!(atomic_load(&rq->away) & AWAY_HELD)) return; /* it has been answered already */
    rq->state = REQUEST_HANDLER;
    rq->is_counted_held = true;
    COUNT(rq->loop, held_now, 1);
    COUNT(rq->loop, held_total, 1);
    timer_start(rq->loop, &rq->timer, rq->is_held_briefly ? TIMER_HELD_BRIEFLY : TIMER_HELD);
}

static void returned(struct loop *l, struct message *m) {
    struct http_request *rq = (struct http_request *)((char *)m - offsetof(struct http_request, message));
    atomic_fetch_and(&rq->away, ~(unsigned)AWAY_WORKER);
    l->away--;
    rq->pins++;
    bool is_here = rq->conn && !rq->conn->is_dead;
    if (!is_here || rq->is_ending) {
        if (!rq->conn && rq->did_hold) { /* the client may have left before we knew of the hold */
            rq->was_told = false;
            tell_cancel(rq);
        }
    } else if (rq->has_answered) {
        struct answer *a = rq->answer;
        rq->answer = NULL;
        rq->has_answered = false;
        if (a) request_reply(rq, &a->response, a);
        else request_refuse(rq, 503, NULL, NULL);
        answer_free(&a);
    } else if (rq->did_hold) {
        if (rq->held_answer) {
            struct answer *a = rq->held_answer;
            rq->held_answer = NULL;
            request_reply(rq, &a->response, a);
            answer_free(&a);
        } else if (atomic_load(&rq->away) & AWAY_HELD) {
            held_start(rq);
        } else {
            request_refuse(rq, 503, NULL, NULL);
        }
    } else if (rq->is_starved) {
        request_refuse(rq, 503, NULL, NULL);
    } else if (rq->body_mode == BODY_CHUNKS && !rq->is_last_chunk) {
        bool was_begin = rq->collected.len == 0;
        size_t taken = rq->collected.len;
        buf_clear(&rq->collected);
        rq->is_chunk_due = false;
        rq->state = REQUEST_BODY;
        if (rq->has_body_ended) {
            rq->is_last_chunk = true;
            rq->is_chunk_due = true;
            worker_submit(rq);
        } else {
            if (was_begin && rq->head->expects_continue) (rq->stream_id ? h2_continue : h1_continue)(rq);
            if (rq->stream_id) h2_body_taken(rq, taken);
            else conn_ready(rq->conn);
        }
    } else {
        log_error("http", "handler gave no answer", LOG_TEXT("route", rq->route->pattern));
        request_refuse(rq, 500, NULL, NULL);
    }
    if (!(atomic_load(&rq->away) & AWAY_WORKER) && rq->state != REQUEST_BODY) {
        head_drop(rq);
        buf_free(&rq->collected);
    }
    rq->pins--;
    maybe_free(rq);
}

/* --- what handlers call --- */

static bool may_answer(struct http_request *rq) {
    bool may = !rq->has_answered && !rq->did_hold && !rq->has_moved;
    if (rq->has_moved && rq->is_on_worker) may = !rq->has_answered && !rq->did_hold;
    if (!may) log_error("http", "second answer dropped", LOG_TEXT("route", rq->route ? rq->route->pattern : ""));
    return may;
}

static void give(struct http_request *rq, const struct http_response *r, struct answer *answer) {
    rq->has_answered = true;
    if (rq->is_on_worker) {
        rq->answer = answer;
        return;
    }
    if (rq->conn && !rq->conn->is_dead) request_reply(rq, r, answer);
    answer_free(&answer);
}

void http_respond(struct http_request *rq, const struct http_response *r) {
    if (!may_answer(rq)) return;
    give(rq, r, rq->is_on_worker ? answer_copy(r) : NULL);
}

void http_respond_bytes(struct http_request *rq, int status, struct slice content_type, struct slice body) {
    struct http_response r = {.status = status, .content_type = content_type, .body = http_body_copy(body)};
    http_respond(rq, &r);
}

void http_respond_error(struct http_request *rq, int status, struct slice code, struct slice message) {
    struct buf body = BUF(64 * 1024);
    error_body(&body, code, message);
    if (buf_error(&body).kind) buf_clear(&body);
    struct http_response r = {.status = status, .content_type = SLICE("application/json"), .cache_control = SLICE("no-store"),
                              .body = http_body_copy(buf_slice(&body))};
    http_respond(rq, &r);
    buf_free(&body);
}

struct http_stream *http_respond_stream(struct http_request *rq, const struct http_response *r, const struct http_stream_options *options) {
    if (!may_answer(rq)) return NULL;
    assert(r->body.kind == HTTP_BODY_NONE);
    struct answer *a = answer_copy(r);
    if (!a) return NULL;
    struct http_stream *handle = stream_create(rq->loop, options, &a->stream);
    if (!handle) answer_free(&a);
    else give(rq, &a->response, a);
    return handle;
}

struct http_stream *http_request_upgrade(struct http_request *rq, struct slice protocol, const struct http_field *fields, size_t field_count,
                                         const struct http_stream_options *options, void (*on_bytes)(void *, struct slice)) {
    assert(!rq->is_on_worker);
    bool is_asked = rq->version == 11 && rq->is_get && rq->has_body_ended && rq->head->wants_upgrade &&
                    slice_eq_nocase(rq->head->known[FIELD_UPGRADE], protocol);
    if (!is_asked || !may_answer(rq)) return NULL;
    struct http_response r = {.status = 101, .fields = fields, .field_count = field_count};
    struct answer *a = answer_copy(&r);
    struct http_stream *handle = a ? stream_create(rq->loop, options, &a->stream) : NULL;
    if (!handle) {
        answer_free(&a);
        return NULL;
    }
    a->upgrade = protocol;
    rq->on_bytes = on_bytes;
    rq->on_bytes_arg = options->arg;
    give(rq, &a->response, a);
    return handle;
}

void http_respond_topic(struct http_request *rq, struct http_topic *topic, struct slice first) {
    if (!may_answer(rq)) return;
    static const struct http_field fields[] = {{{"x-accel-buffering", 17}, {"no", 2}}};
    struct http_response r = {.content_type = SLICE("text/event-stream"), .cache_control = SLICE("no-store"), .fields = fields, .field_count = 1};
    struct answer *a = answer_copy(&r);
    if (a && first.len) a->topic_first = http_blob_copy(first);
    if (!a || (first.len && !a->topic_first)) {
        answer_free(&a);
        http_respond_error(rq, 503, status_code(503), status_sentence(503));
        return;
    }
    a->topic = topic;
    give(rq, &a->response, a);
}

void http_request_to_worker(struct http_request *rq, http_handler *handle, void *arg) {
    assert(!rq->is_on_worker);
    if (!may_answer(rq)) return;
    rq->handle = handle;
    rq->handle_arg = arg;
    rq->has_moved = true;
}

/* --- held requests --- */

static bool fields_keep(struct http_request *rq) {
    size_t bytes = 0;
    for (int f = FIELD_RANGE; f <= FIELD_IF_UNMODIFIED_SINCE; f++) bytes += rq->head->known[f].len;
    if (!bytes) return true;
    struct kept_fields *kept = mem_zalloc(sizeof *kept + bytes);
    if (!kept) return false;
    char *at = kept->bytes;
    for (int f = FIELD_RANGE; f <= FIELD_IF_UNMODIFIED_SINCE; f++) {
        struct slice s = rq->head->known[f];
        if (!s.ptr) continue;
        if (s.len) memcpy(at, s.ptr, s.len);
        kept->known[f] = slice_of(at, s.len);
        at += s.len;
    }
    rq->kept = kept;
    return true;
}

static struct http_held *hold(struct http_request *rq, void (*on_cancel)(void *), void *arg, bool is_brief) {
    if (!may_answer(rq) || !fields_keep(rq)) return NULL;
    rq->is_held_briefly = is_brief;
    rq->held.message.run = answered;
    rq->held.on_cancel = on_cancel;
    rq->held.arg = arg;
    rq->did_hold = true;
    atomic_fetch_or(&rq->away, AWAY_HELD);
    atomic_fetch_add(&rq->loop->handles, 1);
    atomic_store(&rq->held_state, HELD_WAITING);
    if (!rq->is_on_worker) held_start(rq);
    return &rq->held;
}

struct http_held *http_request_hold(struct http_request *rq, void (*on_cancel)(void *), void *arg) { return hold(rq, on_cancel, arg, false); }
struct http_held *http_request_hold_briefly(struct http_request *rq, void (*on_cancel)(void *), void *arg) { return hold(rq, on_cancel, arg, true); }

static void held_post(struct http_held **address, struct answer *answer) {
    struct http_held *held = *address;
    *address = NULL;
    struct http_request *rq = (struct http_request *)((char *)held - offsetof(struct http_request, held));
    rq->posted_answer = answer;
    int waiting = HELD_WAITING;
    atomic_compare_exchange_strong(&rq->held_state, &waiting, HELD_ANSWERED);
    loop_post(rq->loop, &held->message);
}

void http_held_respond(struct http_held **held, const struct http_response *r) { held_post(held, answer_copy(r)); }
void http_held_drop(struct http_held **held) { held_post(held, NULL); }

static void note_run(struct loop *l, struct message *m) {
    struct http_note *note = (struct http_note *)m;
    note->run(note);
}
void note_post(struct loop *l, struct http_note *note) {
    static_assert(sizeof(struct message) <= sizeof note->message, "a note has room for the message");
    struct message *m = (struct message *)note->message;
    m->run = note_run;
    loop_post(l, m);
}
void http_held_note(struct http_held *held, struct http_note *note) {
    note_post(((struct http_request *)((char *)held - offsetof(struct http_request, held)))->loop, note);
}

struct http_stream *http_held_stream(struct http_held **held, const struct http_response *r, const struct http_stream_options *options) {
    assert(r->body.kind == HTTP_BODY_NONE);
    struct http_request *rq = (struct http_request *)((char *)*held - offsetof(struct http_request, held));
    struct answer *a = answer_copy(r);
    if (!a) return NULL;
    struct http_stream *handle = stream_create(rq->loop, options, &a->stream);
    if (!handle) answer_free(&a);
    else held_post(held, a);
    return handle;
}

static void answered(struct loop *l, struct message *m) {
    struct http_request *rq = (struct http_request *)((char *)m - offsetof(struct http_request, held.message));
    struct answer *a = rq->posted_answer;
    rq->posted_answer = NULL;
    atomic_fetch_and(&rq->away, ~(unsigned)AWAY_HELD);
    atomic_fetch_sub(&l->handles, 1);
    bool is_wanted = rq->conn && !rq->conn->is_dead && !rq->is_timed_out;
    if (is_wanted && atomic_load(&rq->away) & AWAY_WORKER) { /* the worker's handler has not returned yet */
        rq->held_answer = a;
        return;
    }
    rq->pins++;
    if (is_wanted && a) request_reply(rq, &a->response, a);
    else if (is_wanted) request_refuse(rq, 503, NULL, NULL);
    answer_free(&a);
    rq->pins--;
    maybe_free(rq);
}

void request_timeout(struct http_request *rq) {
    COUNT(rq->loop, timeouts_total, 1);
    rq->is_timed_out = true;
    rq->pins++;
    struct conn *c = rq->conn;
    if (c && !c->is_dead) request_refuse(rq, 503, "http.held_too_long", "What you waited for did not come in time; ask again.");
    tell_cancel(rq);
    rq->pins--;
    maybe_free(rq);
}
