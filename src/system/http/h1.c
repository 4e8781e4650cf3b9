/* SPDX-License-Identifier: AGPL-3.0-or-later
 * HTTP/1.1 on a connection (RFC 9112): bytes in, requests to the router, replies out. One request at a time; what a client
 * pipelines waits in conn->in or, better, in the kernel. */
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/sendfile.h>

#include "system/http/core.h"
#include "system/http/file.h"
#include "system/http/status.h"

enum {
    READ_BYTES = 16 * 1024,       /* of heads at once; bounds what a connection may have to keep */
    READ_BODY_BYTES = 64 * 1024,
    COPY_BYTES_MAX = 32 * 1024,   /* a file piece up to this is copied behind the head: one system call in all */
    PIECE_BYTES = 48 * 1024,      /* of what has to pass our memory: TLS, streams */
    SENDFILE_BYTES = FILE_BLOCK_BYTES, /* asked for in one piece */
    HEAD_ROOM = 16 * 1024,
};

static void push(struct http_request *rq, size_t head_len);

/* --- in --- */

static void begin(struct conn *c, struct head_error refused) {
    struct loop *l = c->loop;
    struct head *h = &l->head;
    struct http_request *rq = request_new(c, h);
    if (!rq) {
        conn_kill(c);
        return;
    }
    c->request = rq;
    c->requests++;
    COUNT(l, requests_http1_total, 1);
    rq->version = (uint8_t)(h->version ? h->version : 11);
    rq->is_http10 = h->version == 10;
    rq->is_head = h->method == HTTP_HEAD && !refused.status;
    rq->wants_close = h->wants_close || (rq->is_http10 && !h->wants_keep_alive) || c->is_draining ||
                      c->requests >= l->server->limits.requests_per_connection_max;
    rq->has_body_ended = !h->is_chunked && !h->content_length;
    if (refused.status) {
        COUNT(l, malformed_total, refused.status != 408);
        rq->wants_close = true; /* where the next request would begin is not known */
        request_refuse(rq, refused.status, refused.code, refused.what);
        return;
    }
    rq->body_left = h->content_length;
    request_route(rq);
    if (c->request == rq && !rq->is_head_owned) rq->head = NULL; /* the scratch is about to be reused */
}

void h1_timeout(struct conn *c) {
    if (c->request) {
        conn_kill(c);
        return;
    }
    head_clear(&c->loop->head);
    begin(c, (struct head_error){.status = 408, .code = "http.head_slow", .what = "The head of the request came too slowly."});
}

/* Hands what is there of the body on. False: the body cannot take more now (or is complete, or refused). */
static bool body_take(struct http_request *rq, struct slice *in) {
    struct head *h = rq->head;
    while (rq->state == REQUEST_BODY && !rq->is_chunk_due) {
        if (!h->is_chunked) {
            size_t len = in->len < rq->body_left ? in->len : (size_t)rq->body_left;
            size_t took = request_body(rq, slice_sub(*in, 0, len));
            rq->body_left -= took;
            *in = slice_sub(*in, took, in->len);
            if (rq->state != REQUEST_BODY) return false;
            if (!rq->body_left) {
                request_body_end(rq);
                return false;
            }
            if (!in->len) return true;
            continue;
        }
        struct slice data;
        switch (chunked_next(&rq->chunked, in, &data)) {
        case CHUNKED_MORE: return true;
        case CHUNKED_DATA: {
            size_t rest = data.len - request_body(rq, data);
            if (!rest) break;
            chunked_put_back(&rq->chunked, rest); /* the data is what was consumed last */
            *in = slice_of(in->ptr - rest, in->len + rest);
            return false;
        }
        case CHUNKED_END: request_body_end(rq); return false;
        case CHUNKED_BAD:
            COUNT(rq->loop, malformed_total, 1);
            request_refuse(rq, 400, "http.malformed", "The chunks of the body are not well-formed.");
            return false;
        }
    }
    return false;
}

static void timer_set(struct conn *c, bool has_partial) {
    struct http_request *rq = c->request;
    if (c->is_dead || c->is_lingering) return;
    enum timer_class wanted = TIMER_NONE;
    if (c->unsent_len) wanted = TIMER_WRITE;
    else if (!rq) wanted = has_partial ? TIMER_HEAD : TIMER_IDLE;
    else if (rq->state == REQUEST_BODY) wanted = atomic_load_explicit(&rq->away, memory_order_relaxed) ? TIMER_NONE : TIMER_BODY;
    else if (rq->state == REQUEST_REPLY && !rq->is_waiting_room) wanted = TIMER_WRITE;
    if (wanted == TIMER_NONE) timer_stop(&c->timer);
    else if (wanted != c->timer.class || wanted == TIMER_IDLE) {
        c->window_bytes = 0;
        timer_start(c->loop, &c->timer, wanted);
    }
}

static void input(struct conn *c) {
    struct loop *l = c->loop;
    char *window = l->scratch_in;
    size_t at = 0, end = c->in_len, head_max = l->server->limits.head_bytes_max;
    if (end) memcpy(window, c->in, end);
    int handled = 0;
    while (!c->is_dead && !c->is_lingering && !c->wants_close) {
        struct http_request *rq = c->request;
        if (rq && rq->state == REQUEST_BODY && !rq->is_chunk_due) {
            struct slice in = slice_of(window + at, end - at);
            bool wants_more = !in.len || body_take(rq, &in);
            at = end - in.len;
            if (!wants_more) continue;
        } else if (rq && rq->on_bytes) { /* not HTTP any more */
            if (at < end) rq->on_bytes(rq->on_bytes_arg, slice_of(window + at, end - at));
            at = end;
        } else if (rq) {
            break;
        } else if (at < end) {
            if (handled == REQUESTS_TURN) {
                conn_ready(c);
                break;
            }
            size_t scanned = c->in_scanned;
            ptrdiff_t len = head_find_end(window + at, end - at, &scanned);
            c->in_scanned = (uint32_t)scanned;
            if (len < 0) {
                head_clear(&l->head);
                begin(c, (struct head_error){.status = 400, .code = "http.malformed", .what = "A line does not end with CR LF."});
                continue;
            }
            if ((size_t)len > head_max || (!len && end - at > head_max)) {
                head_clear(&l->head);
                begin(c, (struct head_error){.status = 431, .code = "http.head_too_large", .what = "The head of the request is too large."});
                continue;
            }
            if (len) {
                struct head_error e = head_parse(&l->head, window + at, (size_t)len);
                at += (size_t)len;
                c->in_scanned = 0;
                handled++;
                begin(c, e);
                continue;
            }
        }
        if (!c->may_read) break;
        if (at) memmove(window, window + at, end - at);
        end -= at;
        at = 0;
        size_t want = rq ? READ_BODY_BYTES : READ_BYTES;
        ptrdiff_t n = conn_receive(c, window + end, want);
        if (n > 0) {
            end += (size_t)n;
            c->window_bytes += (size_t)n;
            continue;
        }
        if (n == -1) continue; /* may_read is false now: out by the break above */
        /* The end of the client's side. A head or a body that is not complete will never be. */
        if (n == -2 || c->request) conn_kill(c);
        else conn_finish(c);
        break;
    }
    if (c->is_dead || c->is_lingering || c->wants_close || at == end) conn_forget_input(c);
    else if (!conn_keep_input(c, window + at, end - at)) conn_kill(c);
    timer_set(c, c->in_len > 0);
}

void h1_turn(struct conn *c) {
    struct http_request *rq = c->request;
    c->is_in_turn = true;
    if (rq && rq->state == REQUEST_REPLY && !c->unsent_len) push(rq, 0);
    rq = c->request;
    /* Who holds a request or listens to a stream and closes has left; nobody else closes half so early. */
    if (!c->is_dead && c->has_peer_closed && rq &&
        ((rq->state == REQUEST_HANDLER && rq->did_hold) || (rq->state == REQUEST_REPLY && rq->out.kind == OUT_STREAM) || rq->topic))
        conn_kill(c);
    if (!c->is_dead && !c->unsent_len) input(c);
    else if (!c->is_dead) timer_set(c, c->in_len > 0);
    c->is_in_turn = false;
}

/* --- out --- */

void h1_continue(struct http_request *rq) {
    struct conn *c = rq->conn;
    if (c->in_len) return; /* it did not wait */
    COUNT(rq->loop, responses_1xx_total, 1);
    struct iovec v = {.iov_base = (char *)"HTTP/1.1 100 Continue\r\n\r\n", .iov_len = 25};
    enum io io = conn_send(c, &v, 1);
    (void)io; /* a failure kills the connection, and the rest waits in `unsent` */
}

static char *put(char *at, struct slice s) {
    memcpy(at, s.ptr, s.len);
    return at + s.len;
}

/* Writes the head into scratch_out. 0: it does not fit. */
static size_t head_write(struct http_request *rq, const struct reply *r) {
    char *at = rq->loop->scratch_out, *end = at + HEAD_ROOM - 128;
    char room[STATUS_ROOM];
    at = put(at, status_line(r->status, room));
    for (size_t i = 0; i < r->field_count; i++) {
        const struct http_field *f = &r->fields[i];
        if ((size_t)(end - at) < f->name.len + f->value.len + 4) return 0;
        at = put(at, f->name);
        *at++ = ':';
        *at++ = ' ';
        at = put(at, f->value);
        *at++ = '\r';
        *at++ = '\n';
    }
    if (rq->is_chunked_reply) at = put(at, SLICE("transfer-encoding: chunked\r\n"));
    if (rq->wants_close) at = put(at, SLICE("connection: close\r\n"));
    else if (rq->is_http10) at = put(at, SLICE("connection: keep-alive\r\n"));
    at = put(at, SLICE("\r\n"));
    return (size_t)(at - rq->loop->scratch_out);
}

void h1_reply(struct http_request *rq, struct reply *r) {
    struct conn *c = rq->conn;
    rq->out = r->out;
    r->out = (struct out_body){.kind = OUT_NONE};
    if (!rq->has_body_ended) rq->wants_close = true; /* unread bytes of the body stand before the next request */
    if (c->is_draining) rq->wants_close = true;
    if (rq->out.kind == OUT_STREAM && !r->has_length && !rq->on_bytes) {
        if (rq->is_http10) rq->wants_close = true;
        else rq->is_chunked_reply = true;
    }
    size_t head_len = head_write(rq, r);
    if (!head_len) { /* only our own fields are that large */
        conn_kill(c);
        return;
    }
    if (rq->on_bytes) rq->wants_close = true; /* the end of the stream is the end of the connection */
    if (!c->tls) conn_judge_buffer(c, rq->out.kind == OUT_STREAM ? 0 : rq->out.left);
    if (c->unsent_len && conn_keep(c, rq->loop->scratch_out, head_len) == IO_BLOCKED) head_len = 0;
    if (!c->is_dead) push(rq, head_len);
    if (!c->is_dead && !c->is_in_turn) conn_ready(c); /* for its timer, and for the next request */
}

/* The part of the head that was not sent is kept; returns how much of the body was. */
static size_t head_account(struct conn *c, size_t head_len, size_t sent) {
    if (sent >= head_len) return sent - head_len;
    conn_keep(c, c->loop->scratch_out + sent, head_len - sent);
    return 0;
}

static void out_advance(struct http_request *rq, size_t bytes) {
    struct out_body *out = &rq->out;
    assert(bytes <= out->left);
    out->left -= bytes;
    rq->sent_bytes += bytes;
    if (out->kind == OUT_FILE) out->offset += bytes;
    else out->bytes += bytes;
}

/* Each of these sends one piece behind `head_len` bytes of head in scratch_out. */
static enum io push_bytes(struct http_request *rq, size_t head_len) {
    struct conn *c = rq->conn;
    struct out_body *out = &rq->out;
    struct iovec v[2] = {{.iov_base = rq->loop->scratch_out, .iov_len = head_len}, {.iov_base = (void *)out->bytes}};
    if (c->tls) {
        v[1].iov_len = out->left < PIECE_BYTES ? (size_t)out->left : PIECE_BYTES;
        enum io io = conn_send(c, v, 2);
        if (io != IO_GONE) out_advance(rq, v[1].iov_len);
        return io;
    }
    v[1].iov_len = out->left < SENDFILE_BYTES ? (size_t)out->left : SENDFILE_BYTES;
    size_t sent, skip = head_len ? 0 : 1;
    enum io io = conn_send_some(c, v + skip, 2 - (int)skip, 0, &sent);
    if (io != IO_GONE) out_advance(rq, head_account(c, head_len, sent));
    return io;
}

static enum io push_head(struct http_request *rq, size_t head_len, int flags) {
    struct conn *c = rq->conn;
    if (!head_len) return IO_DONE;
    struct iovec v = {.iov_base = rq->loop->scratch_out, .iov_len = head_len};
    if (c->tls) return conn_send(c, &v, 1);
    size_t sent;
    enum io io = conn_send_some(c, &v, 1, flags, &sent);
    if (io != IO_GONE) head_account(c, head_len, sent);
    return io;
}

enum push { PUSH_MORE, PUSH_STOP };

/* A small piece, or TLS: through our memory, in one go with the head. */
static enum push push_file_copy(struct http_request *rq, size_t head_len) {
    struct conn *c = rq->conn;
    struct out_body *out = &rq->out;
    char *scratch = rq->loop->scratch_out;
    size_t want = out->left < PIECE_BYTES ? (size_t)out->left : PIECE_BYTES, got;
    switch (file_take(rq, out->file, out->offset, scratch + head_len, want, &got)) {
    case TAKE_FAILED: conn_kill(c); return PUSH_STOP;
    case TAKE_MISS:
        request_fetch(rq, out->file, out->offset, (uint32_t)(out->left < SENDFILE_BYTES ? out->left : SENDFILE_BYTES));
        push_head(rq, head_len, 0);
        return PUSH_STOP;
    case TAKE_DONE: break;
    }
    struct iovec v = {.iov_base = scratch, .iov_len = head_len + got};
    if (c->tls) {
        enum io io = conn_send(c, &v, 1);
        if (io == IO_GONE) return PUSH_STOP;
        out_advance(rq, got);
        return io == IO_DONE ? PUSH_MORE : PUSH_STOP;
    }
    size_t sent;
    enum io io = conn_send_some(c, &v, 1, 0, &sent);
    if (io == IO_GONE) return PUSH_STOP;
    out_advance(rq, head_account(c, head_len, sent)); /* what was not sent is read again: no buffer while we wait */
    return io == IO_DONE ? PUSH_MORE : PUSH_STOP;
}

static enum push push_file(struct http_request *rq, size_t head_len) {
    struct conn *c = rq->conn;
    struct out_body *out = &rq->out;
    if (c->tls || out->left <= COPY_BYTES_MAX) return push_file_copy(rq, head_len);
    size_t want = out->left < SENDFILE_BYTES ? (size_t)out->left : SENDFILE_BYTES;
    int64_t now_ns = rq->loop->now.ns;
    if (out->offset < rq->cached_until && now_ns - rq->cached_ns < NS_PER_S) {
        if (want > rq->cached_until - out->offset) want = (size_t)(rq->cached_until - out->offset);
    } else if (!file_is_cached(rq->loop, out->file, out->offset, want)) {
        request_fetch(rq, out->file, out->offset, (uint32_t)want);
        push_head(rq, head_len, 0);
        return PUSH_STOP;
    }
    enum io io = push_head(rq, head_len, MSG_MORE);
    if (io != IO_DONE) return PUSH_STOP;
    loop_watch_sleeps(rq->loop);
    off_t at = (off_t)out->offset;
    ssize_t n = sendfile(c->fd, http_file_fd(out->file), &at, want);
    if (n > 0) {
        COUNT(rq->loop, sent_bytes_total, n);
        COUNT(rq->loop, file_cached_total, 1);
        out_advance(rq, (size_t)n);
        conn_progress(c);
        if ((size_t)n == want) return PUSH_MORE;
        /* Short of what was asked: the buffer is full, and room will be an event. (Or the file has become shorter; then the time
         * for writing ends the connection, whose promised length cannot be kept.) */
        c->may_write = false;
        return PUSH_STOP;
    }
    if (n < 0 && errno == EINTR) return PUSH_MORE;
    if (n < 0 && errno == EAGAIN) {
        c->may_write = false;
        return PUSH_STOP;
    }
    conn_kill(c); /* the client is gone, or the file shrank: the promised length cannot be kept */
    return PUSH_STOP;
}

/* A piece of a stream: [head] size CRLF data CRLF, in one send. */
static enum push push_stream(struct http_request *rq, size_t head_len) {
    struct conn *c = rq->conn;
    char *scratch = rq->loop->scratch_out, *data = scratch + head_len + (rq->is_chunked_reply ? 10 : 0);
    bool is_end = false, is_broken = false;
    size_t want = PIECE_BYTES;
    bool has_length = rq->out.left != UINT64_MAX;
    if (has_length && want > rq->out.left) want = (size_t)rq->out.left;
    size_t len = request_stream_take(rq, data, want, &is_end, &is_broken);
    rq->sent_bytes += len;
    if (has_length) {
        rq->out.left -= len;
        if (is_end && rq->out.left) is_broken = true;
        if (!rq->out.left) is_end = true;
    }
    if (is_broken) {
        conn_kill(c);
        return PUSH_STOP;
    }
    rq->is_waiting_room = !len && !is_end;
    size_t total = head_len + len;
    if (rq->is_chunked_reply) {
        total = head_len;
        if (len) { /* always eight digits: the place of the data does not depend on its size */
            static const char digits[] = "0123456789abcdef";
            for (int i = 0; i < 8; i++) scratch[head_len + (size_t)i] = digits[len >> (28 - 4 * i) & 15];
            memcpy(scratch + head_len + 8, "\r\n", 2);
            memcpy(data + len, "\r\n", 2);
            total = head_len + 10 + len + 2;
        }
        if (is_end) {
            memcpy(scratch + total, "0\r\n\r\n", 5);
            total += 5;
        }
    }
    if (total) {
        struct iovec v = {.iov_base = scratch, .iov_len = total};
        if (conn_send(c, &v, 1) == IO_GONE) return PUSH_STOP;
    }
    if (is_end) {
        request_sent(rq);
        return PUSH_STOP;
    }
    return len && !c->unsent_len ? PUSH_MORE : PUSH_STOP;
}

bool h1_event(struct http_request *rq, const struct event_bytes *event) {
    struct conn *c = rq->conn;
    struct slice bytes = rq->is_chunked_reply ? event->framed : event->plain;
    struct iovec v = {.iov_base = (void *)bytes.ptr, .iov_len = bytes.len};
    rq->sent_bytes += event->plain.len;
    enum io io = conn_send(c, &v, 1);
    if (io == IO_BLOCKED && c->timer.class != TIMER_WRITE) timer_start(c->loop, &c->timer, TIMER_WRITE);
    return io != IO_GONE;
}

static void push(struct http_request *rq, size_t head_len) {
    struct conn *c = rq->conn;
    uint64_t start = rq->sent_bytes;
    for (;;) {
        if (c->unsent_len && conn_flush(c) != IO_DONE) return;
        if (rq->sent_bytes - start >= SEND_TURN_BYTES) {
            conn_ready(c);
            return;
        }
        struct out_body *out = &rq->out;
        if (out->kind == OUT_STREAM) {
            if (push_stream(rq, head_len) == PUSH_STOP) return;
        } else if (out->kind == OUT_NONE || !out->left) {
            if (head_len && push_head(rq, head_len, 0) == IO_GONE) return;
            request_sent(rq); /* what the kernel did not take yet is in `unsent` */
            return;
        } else if (atomic_load_explicit(&rq->away, memory_order_relaxed) & AWAY_READER) {
            if (head_len) push_head(rq, head_len, 0);
            return;
        } else if (out->kind == OUT_FILE) {
            if (push_file(rq, head_len) == PUSH_STOP) return;
        } else if (push_bytes(rq, head_len) != IO_DONE) {
            return;
        }
        head_len = 0;
    }
}
