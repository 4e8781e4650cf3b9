/* SPDX-License-Identifier: AGPL-3.0-or-later
 * HTTP/2 (RFC 9113) through nghttp2: the library keeps frames, streams, windows and HPACK; requests and bodies are ours.
 *
 * Output gathers in the loop's scratch_out: nghttp2 hands over frames, and the payload of DATA frames is read straight
 * behind the place of its frame header (NGHTTP2_DATA_FLAG_NO_COPY), so a file's bytes are copied once before they are
 * encrypted. As soon as the socket is full no more frames are asked for; streams that wanted to write then are deferred. */
#include <assert.h>
#include <nghttp2/nghttp2.h>
#include <string.h>

#include "system/http/core.h"
#include "system/http/file.h"
#include "system/http/status.h"

enum {
    FRAME_HEAD_BYTES = 9,
    STREAM_WINDOW_BYTES = 256 * 1024,
    CONNECTION_WINDOW_BYTES = 8 << 20,
    FLOOD_WINDOW_S = 10,
    RESETS_MAX = 200,  /* in such a window. A player that seeks wildly resets some tens (CVE-2023-44487) */
    USELESS_MAX = 1000, /* PING, SETTINGS, PRIORITY, empty DATA */
    ROOM_MIN = 4096,
};

struct h2 {
    nghttp2_session *session;
    struct http_request *first; /* all that have not ended */
    size_t out_len;             /* gathered in scratch_out during a pump */
    int64_t flood_since_ns;
    unsigned resets, useless;
    uint32_t requests_seen; /* when the idle timer was started */
    bool is_receiving, has_deferred, is_draining;
};

struct span {
    uint32_t name, name_len, value, value_len;
};
struct h2_head {
    struct buf bytes;
    uint32_t method, method_len, path, path_len, authority, authority_len;
    bool has_method, has_path, has_authority, is_too_large;
    uint64_t total;
    size_t count;
    struct span spans[HEAD_FIELDS_MAX];
    struct buf waiting; /* of the body: what came while a worker had the piece before */
};

void h2_free_head(struct http_request *rq) {
    struct h2_head *hh = rq->h2_head;
    if (!hh) return;
    rq->h2_head = NULL;
    buf_free(&hh->bytes);
    buf_free(&hh->waiting);
    mem_free(hh);
}

void h2_forget(struct http_request *rq) {
    struct h2 *h2 = rq->conn->h2;
    if (rq->previous) rq->previous->next = rq->next;
    else h2->first = rq->next;
    if (rq->next) rq->next->previous = rq->previous;
    rq->next = rq->previous = NULL;
    nghttp2_session_set_stream_user_data(h2->session, rq->stream_id, NULL);
}

/* --- in --- */

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
    struct conn *c = user;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    struct h2_head *hh = mem_alloc(sizeof *hh);
    struct http_request *rq = hh ? request_new(c, NULL) : NULL;
    if (!rq) {
        mem_free(hh);
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    memset(hh, 0, offsetof(struct h2_head, spans));
    hh->bytes = BUF(c->loop->server->limits.head_bytes_max);
    hh->waiting = BUF(STREAM_WINDOW_BYTES);
    rq->h2_head = hh;
    rq->stream_id = frame->hd.stream_id;
    rq->version = 20;
    rq->state = REQUEST_BODY;
    rq->next = c->h2->first;
    if (rq->next) rq->next->previous = rq;
    c->h2->first = rq;
    nghttp2_session_set_stream_user_data(session, rq->stream_id, rq);
    return 0;
}

static uint32_t keep(struct h2_head *hh, const uint8_t *bytes, size_t len) {
    uint32_t at = (uint32_t)hh->bytes.len;
    buf_bytes(&hh->bytes, bytes, len);
    return at;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len, const uint8_t *value,
                     size_t value_len, uint8_t flags, void *user) {
    struct conn *c = user;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0; /* trailers */
    struct http_request *rq = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (!rq || !rq->h2_head) return 0;
    struct h2_head *hh = rq->h2_head;
    /* A small block can unfold into megabytes ("HPACK bomb"): past the limit nothing is kept, and far past it the stream
     * is reset, after which nghttp2 decodes without calling us. */
    size_t max = c->loop->server->limits.head_bytes_max;
    hh->total += name_len + value_len + 32;
    if (hh->total > max || hh->count == HEAD_FIELDS_MAX) {
        hh->is_too_large = true;
        if (hh->total <= 4 * max) return 0;
        c->h2->useless += 50;
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    struct slice n = slice_of(name, name_len);
    if (slice_eq(n, SLICE(":method"))) {
        hh->method = keep(hh, value, value_len);
        hh->method_len = (uint32_t)value_len;
        hh->has_method = true;
    } else if (slice_eq(n, SLICE(":path"))) {
        hh->path = keep(hh, value, value_len);
        hh->path_len = (uint32_t)value_len;
        hh->has_path = true;
    } else if (slice_eq(n, SLICE(":authority"))) {
        hh->authority = keep(hh, value, value_len);
        hh->authority_len = (uint32_t)value_len;
        hh->has_authority = true;
    } else if (name_len && name[0] != ':') {
        struct span *s = &hh->spans[hh->count++];
        s->name = keep(hh, name, name_len);
        s->name_len = (uint32_t)name_len;
        s->value = keep(hh, value, value_len);
        s->value_len = (uint32_t)value_len;
    }
    return 0;
}

static struct head_error head_build(struct head *h, struct h2_head *hh) {
    head_clear(h);
    h->version = 20;
    if (buf_error(&hh->bytes).kind) return (struct head_error){.status = 503, .code = NULL, .what = NULL};
    if (hh->is_too_large) return (struct head_error){.status = 431, .code = NULL, .what = NULL};
    char *bytes = hh->bytes.ptr;
    h->region = buf_slice(&hh->bytes);
    if (!hh->has_method || !head_set_method(h, slice_of(bytes + hh->method, hh->method_len)))
        return (struct head_error){.status = 501, .code = "http.method", .what = "This method is not known here."};
    if (!hh->has_path || !hh->path_len || (bytes[hh->path] != '/' && bytes[hh->path] != '*'))
        return (struct head_error){.status = 400, .code = NULL, .what = NULL};
    if (hh->has_authority) h->host = slice_of(bytes + hh->authority, hh->authority_len);
    struct head_error e = head_set_target(h, bytes + hh->path, hh->path_len);
    for (size_t i = 0; i < hh->count && !e.status; i++) {
        const struct span *s = &hh->spans[i];
        e = head_add_field(h, slice_of(bytes + s->name, s->name_len), slice_of(bytes + s->value, s->value_len));
    }
    return e.status ? e : head_finish(h);
}

static void begin(struct conn *c, struct http_request *rq, bool is_whole) {
    struct head *h = &c->loop->head;
    COUNT(c->loop, requests_http2_total, 1);
    c->requests++;
    struct head_error e = head_build(h, rq->h2_head);
    rq->has_body_ended = is_whole;
    rq->head = h;
    rq->is_head = h->method == HTTP_HEAD && !e.status;
    rq->is_get = h->method == HTTP_GET && !e.status;
    rq->state = REQUEST_HANDLER;
    int32_t id = rq->stream_id;
    if (e.status) {
        rq->head = NULL;
        COUNT(c->loop, malformed_total, 1);
        request_refuse(rq, e.status, e.code, e.what);
    } else {
        request_route(rq);
    }
    rq = nghttp2_session_get_stream_user_data(c->h2->session, id); /* it may have ended meanwhile */
    if (rq && !rq->is_head_owned) rq->head = NULL;
    if (c->requests >= c->loop->server->limits.requests_per_connection_max) h2_drain(c);
}

static bool is_flood(struct conn *c) {
    struct h2 *h2 = c->h2;
    int64_t now_ns = c->loop->now.ns;
    if (now_ns - h2->flood_since_ns > FLOOD_WINDOW_S * NS_PER_S) {
        h2->flood_since_ns = now_ns;
        h2->resets = h2->useless = 0;
    }
    return h2->resets > RESETS_MAX || h2->useless > USELESS_MAX;
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
    struct conn *c = user;
    struct h2 *h2 = c->h2;
    bool is_end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    struct http_request *rq = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        if (!rq) break;
        if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) begin(c, rq, is_end);
        else if (is_end) request_body_end_h2(rq);
        break;
    case NGHTTP2_DATA:
        if (!frame->hd.length && !is_end) h2->useless++;
        if (rq && is_end) request_body_end_h2(rq);
        break;
    case NGHTTP2_RST_STREAM: h2->resets++; break;
    case NGHTTP2_WINDOW_UPDATE: break; /* bounded by what we send */
    default: h2->useless++; break;
    }
    if (is_flood(c) && !h2->is_draining) {
        h2->is_draining = true;
        COUNT(c->loop, flood_closes_total, 1);
        nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM);
    }
    return 0;
}

static int on_invalid_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, int code, void *user) {
    struct conn *c = user;
    COUNT(c->loop, malformed_total, 1);
    c->h2->useless += 10;
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *bytes, size_t len, void *user) {
    struct conn *c = user;
    struct http_request *rq = nghttp2_session_get_stream_user_data(session, stream_id);
    c->window_bytes += len;
    if (!rq || rq->state != REQUEST_BODY || rq->body_mode == BODY_NONE) { /* answered already: the rest means nothing */
        nghttp2_session_consume(session, stream_id, len);
        return 0;
    }
    struct slice in = slice_of(bytes, len);
    if (rq->body_mode == BODY_COLLECT) {
        request_body(rq, in);
        nghttp2_session_consume(session, stream_id, len);
        return 0;
    }
    size_t took = rq->is_chunk_due || (rq->h2_head && rq->h2_head->waiting.len) ? 0 : request_body(rq, in);
    /* What a worker has in hand counts against the window until it is done, so no more than the window can wait here. */
    rq = nghttp2_session_get_stream_user_data(session, stream_id);
    if (took < len && rq && rq->h2_head) buf_append(&rq->h2_head->waiting, slice_sub(in, took, len));
    return 0;
}

void request_body_end_h2(struct http_request *rq) {
    if (rq->h2_head && rq->h2_head->waiting.len) rq->is_body_end_due = true;
    else request_body_end(rq);
}

void h2_body_taken(struct http_request *rq, size_t bytes) {
    struct conn *c = rq->conn;
    struct h2_head *hh = rq->h2_head;
    nghttp2_session_consume(c->h2->session, rq->stream_id, bytes);
    if (hh && hh->waiting.len) {
        size_t took = request_body(rq, buf_slice(&hh->waiting));
        if (rq->h2_head) buf_consume(&hh->waiting, took);
    }
    if (rq->conn && rq->state == REQUEST_BODY && rq->is_body_end_due && (!rq->h2_head || !rq->h2_head->waiting.len) && !rq->is_chunk_due)
        request_body_end(rq);
    conn_ready(c);
}

void h2_continue(struct http_request *rq) {
    nghttp2_nv status = {.name = (uint8_t *)":status", .namelen = 7, .value = (uint8_t *)"100", .valuelen = 3};
    COUNT(rq->loop, responses_1xx_total, 1);
    nghttp2_submit_headers(rq->conn->h2->session, NGHTTP2_FLAG_NONE, rq->stream_id, NULL, &status, 1, NULL);
    conn_ready(rq->conn);
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t code, void *user) {
    struct http_request *rq = nghttp2_session_get_stream_user_data(session, stream_id);
    if (rq) request_detach(rq);
    return 0;
}

/* --- out --- */

static bool out_flush(struct conn *c) {
    struct h2 *h2 = c->h2;
    if (!h2->out_len) return !c->unsent_len;
    struct iovec v = {.iov_base = c->loop->scratch_out, .iov_len = h2->out_len};
    h2->out_len = 0;
    return conn_send(c, &v, 1) == IO_DONE;
}

static ssize_t body_read(nghttp2_session *session, int32_t stream_id, uint8_t *unused, size_t length, uint32_t *flags,
                         nghttp2_data_source *source, void *user) {
    struct conn *c = user;
    struct h2 *h2 = c->h2;
    struct http_request *rq = nghttp2_session_get_stream_user_data(session, stream_id);
    if (!rq) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (c->unsent_len || (SCRATCH_OUT_BYTES - h2->out_len < length + FRAME_HEAD_BYTES + ROOM_MIN && !out_flush(c))) {
        if (c->is_dead) return NGHTTP2_ERR_CALLBACK_FAILURE;
        rq->is_deferred = h2->has_deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    char *to = c->loop->scratch_out + h2->out_len + FRAME_HEAD_BYTES;
    struct out_body *out = &rq->out;
    size_t len = 0;
    bool is_end = false, is_broken = false;
    if (out->kind == OUT_STREAM) {
        bool has_length = out->left != UINT64_MAX;
        if (has_length && length > out->left) length = (size_t)out->left;
        len = request_stream_take(rq, to, length, &is_end, &is_broken);
        if (has_length) {
            out->left -= len;
            if (is_end && out->left) is_broken = true;
            if (!out->left) is_end = true;
        }
        if (is_broken) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        rq->is_waiting_room = !len && !is_end;
        if (rq->is_waiting_room) return NGHTTP2_ERR_DEFERRED;
    } else {
        if (length > out->left) length = (size_t)out->left;
        if (out->kind == OUT_FILE) {
            if (atomic_load(&rq->away) & AWAY_READER) return NGHTTP2_ERR_DEFERRED;
            switch (file_take(rq, out->file, out->offset, to, length, &len)) {
            case TAKE_FAILED: return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
            case TAKE_MISS:
                request_fetch(rq, out->file, out->offset, (uint32_t)(out->left < 262144 ? out->left : 262144));
                return NGHTTP2_ERR_DEFERRED;
            case TAKE_DONE: break;
            }
            out->offset += len;
        } else {
            len = length;
            memcpy(to, out->bytes, len);
            out->bytes += len;
        }
        out->left -= len;
        is_end = !out->left;
    }
    rq->sent_bytes += len;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (is_end) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)len;
}

/* The payload stands behind the place of the frame's head already. */
static int on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *frame_head, size_t length,
                        nghttp2_data_source *source, void *user) {
    struct conn *c = user;
    struct h2 *h2 = c->h2;
    assert(!frame->data.padlen);
    memcpy(c->loop->scratch_out + h2->out_len, frame_head, FRAME_HEAD_BYTES);
    h2->out_len += FRAME_HEAD_BYTES + length;
    return 0;
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
    bool may_end = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
    if (!may_end || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) return 0;
    struct http_request *rq = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (!rq) return 0;
    /* RFC 9113 section 8.1: the rest of a request whose answer is complete need not come. */
    if (!rq->has_body_ended) nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, rq->stream_id, NGHTTP2_NO_ERROR);
    request_sent(rq);
    return 0;
}

void h2_reply(struct http_request *rq, struct reply *r) {
    struct conn *c = rq->conn;
    nghttp2_nv fields[REPLY_FIELDS_MAX + 1];
    char status[3] = {(char)('0' + r->status / 100), (char)('0' + r->status / 10 % 10), (char)('0' + r->status % 10)};
    fields[0] = (nghttp2_nv){.name = (uint8_t *)":status", .namelen = 7, .value = (uint8_t *)status, .valuelen = 3};
    for (size_t i = 0; i < r->field_count; i++) {
        const struct http_field *f = &r->fields[i];
        fields[i + 1] = (nghttp2_nv){.name = (uint8_t *)f->name.ptr, .namelen = f->name.len, .value = (uint8_t *)f->value.ptr, .valuelen = f->value.len};
    }
    rq->out = r->out;
    r->out = (struct out_body){.kind = OUT_NONE};
    bool has_body = rq->out.kind != OUT_NONE && (rq->out.kind == OUT_STREAM || rq->out.left);
    nghttp2_data_provider provider = {.read_callback = body_read};
    int failed = nghttp2_submit_response(c->h2->session, rq->stream_id, fields, r->field_count + 1, has_body ? &provider : NULL);
    if (failed) conn_kill(c);
    else if (!c->h2->is_receiving) conn_ready(c);
}

void h2_resume(struct http_request *rq) {
    rq->is_deferred = false;
    nghttp2_session_resume_data(rq->conn->h2->session, rq->stream_id);
    conn_ready(rq->conn);
}

void h2_break(struct http_request *rq) {
    nghttp2_submit_rst_stream(rq->conn->h2->session, NGHTTP2_FLAG_NONE, rq->stream_id, NGHTTP2_INTERNAL_ERROR);
    conn_ready(rq->conn);
}

static void pump(struct conn *c) {
    struct h2 *h2 = c->h2;
    if (h2->has_deferred && !c->unsent_len) {
        h2->has_deferred = false;
        for (struct http_request *rq = h2->first; rq; rq = rq->next)
            if (rq->is_deferred) h2_resume(rq);
    }
    size_t budget = SEND_TURN_BYTES;
    while (!c->is_dead && !c->unsent_len) {
        const uint8_t *bytes;
        ssize_t n = nghttp2_session_mem_send(h2->session, &bytes);
        if (n < 0) {
            conn_kill(c);
            return;
        }
        if (n == 0) break;
        if (SCRATCH_OUT_BYTES - h2->out_len < (size_t)n && !out_flush(c)) {
            if (!c->is_dead) conn_keep(c, (const char *)bytes, (size_t)n); /* it was handed over once */
            break;
        }
        memcpy(c->loop->scratch_out + h2->out_len, bytes, (size_t)n);
        h2->out_len += (size_t)n;
        if ((size_t)n > budget) break;
        budget -= (size_t)n;
    }
    if (!c->is_dead && out_flush(c) && nghttp2_session_want_write(h2->session)) conn_ready(c);
}

static void timer_set(struct conn *c) {
    struct h2 *h2 = c->h2;
    enum timer_class wanted = TIMER_NONE;
    if (c->unsent_len) wanted = TIMER_WRITE;
    else if (!h2->first) wanted = TIMER_IDLE;
    for (struct http_request *rq = h2->first; rq && wanted != TIMER_WRITE; rq = rq->next) {
        if (rq->state == REQUEST_REPLY && !rq->is_waiting_room) wanted = TIMER_WRITE;
        else if (rq->state == REQUEST_BODY && !atomic_load_explicit(&rq->away, memory_order_relaxed)) wanted = TIMER_BODY;
    }
    if (wanted == TIMER_NONE) {
        timer_stop(&c->timer);
    } else if (wanted != c->timer.class || (wanted == TIMER_IDLE && h2->requests_seen != c->requests)) {
        c->window_bytes = 0;
        h2->requests_seen = c->requests;
        timer_start(c->loop, &c->timer, wanted);
    }
}

void h2_turn(struct conn *c) {
    struct h2 *h2 = c->h2;
    char *in = c->loop->scratch_in;
    /* While answers wait for the socket nothing more is read: the client's own pace bounds what we have to keep. */
    for (int reads = 0; c->may_read && !c->is_dead && !c->unsent_len; reads++) {
        if (reads == 8) {
            conn_ready(c);
            break;
        }
        ptrdiff_t n = conn_receive(c, in, 32 * 1024);
        if (n == -1) break;
        if (n <= 0) {
            conn_kill(c);
            return;
        }
        h2->is_receiving = true;
        ssize_t used = nghttp2_session_mem_recv(h2->session, (const uint8_t *)in, (size_t)n);
        h2->is_receiving = false;
        if (used < 0) {
            COUNT(c->loop, malformed_total, 1);
            nghttp2_session_terminate_session(h2->session, NGHTTP2_PROTOCOL_ERROR);
            pump(c);
            if (!c->is_dead) conn_finish(c);
            return;
        }
        pump(c);
    }
    if (c->is_dead) return;
    pump(c);
    if (c->is_dead) return;
    bool is_over = !nghttp2_session_want_read(h2->session) && !nghttp2_session_want_write(h2->session);
    if (is_over && !c->unsent_len) conn_finish(c);
    else timer_set(c);
}

/* --- birth and end --- */

/* The library's memory comes from where ours does, so that fault loops reach it. */
static void *memory_malloc(size_t bytes, void *user) { return mem_alloc(bytes); }
static void memory_free(void *ptr, void *user) { mem_free(ptr); }
static void *memory_calloc(size_t count, size_t bytes, void *user) { return mem_zalloc_array(count, bytes); }
static void *memory_realloc(void *ptr, size_t bytes, void *user) { return mem_realloc(ptr, bytes); }

bool h2_open(struct conn *c) {
    nghttp2_mem memory = {.malloc = memory_malloc, .free = memory_free, .calloc = memory_calloc, .realloc = memory_realloc};
    struct h2 *h2 = mem_zalloc(sizeof *h2);
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *option = NULL;
    if (!h2 || nghttp2_session_callbacks_new(&callbacks) || nghttp2_option_new(&option)) goto fail;
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, on_send_data);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_max_outbound_ack(option, 100);
    nghttp2_option_set_max_settings(option, 32);
    if (nghttp2_session_server_new3(&h2->session, callbacks, c, option, &memory)) goto fail;
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    const struct http_limits *limits = &c->loop->server->limits;
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits->streams_max},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW_BYTES},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits->head_bytes_max},
    };
    h2->flood_since_ns = c->loop->now.ns;
    c->h2 = h2;
    nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, settings, ARRAY_LEN(settings));
    nghttp2_session_set_local_window_size(h2->session, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW_BYTES);
    return true;
fail:
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    mem_free(h2);
    return false;
}

void h2_close(struct conn *c) {
    while (c->h2->first) request_detach(c->h2->first);
    nghttp2_session_del(c->h2->session);
    MEM_FREE(&c->h2);
}

/* No new streams; those that run may end. */
void h2_drain(struct conn *c) {
    struct h2 *h2 = c->h2;
    if (!h2) {
        conn_kill(c);
        return;
    }
    if (h2->is_draining) return;
    h2->is_draining = true;
    nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(h2->session), NGHTTP2_NO_ERROR, NULL, 0);
    if (!h2->first) nghttp2_session_terminate_session(h2->session, NGHTTP2_NO_ERROR);
    conn_ready(c);
}
