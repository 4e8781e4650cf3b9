/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Server-sent events: one message to many listeners. A topic has a part on each loop; publishing sends one message to each
 * part, and the part frames the
 * event once and writes the same bytes to all its listeners. A listener costs its connection and its request. */
#include <assert.h>
#include <string.h>

#include "system/http/core.h"

enum { LISTENER_BYTES_MAX = 256 * 1024 }; /* unsent; more, and it is dropped */

struct topic_part {
    struct message close_message; /* first */
    struct timer timer;
    struct http_topic *topic;
    struct loop *loop;
    struct http_request *listeners;
};

struct http_topic {
    atomic_uint parts_left;
    atomic_size_t listeners;
    unsigned part_count;
    struct topic_part parts[];
};

struct publication {
    struct message message; /* first */
    struct topic_part *part;
    struct http_blob *blob;
};

struct http_topic *http_topic_create(struct http_server *s) {
    struct http_topic *t = mem_zalloc(sizeof *t + s->loop_count * sizeof(struct topic_part));
    if (!t) return NULL;
    t->part_count = s->loop_count;
    atomic_init(&t->parts_left, s->loop_count);
    for (unsigned i = 0; i < s->loop_count; i++) {
        t->parts[i].topic = t;
        t->parts[i].loop = &s->loops[i];
        atomic_fetch_add(&s->loops[i].handles, 1);
    }
    return t;
}

static void part_close(struct loop *l, struct message *m) {
    struct topic_part *part = (struct topic_part *)m;
    struct http_topic *t = part->topic;
    timer_stop(&part->timer);
    while (part->listeners) {
        struct http_request *rq = part->listeners;
        topic_detach(rq);
        if (rq->stream_id) h2_break(rq);
        else conn_kill(rq->conn);
    }
    atomic_fetch_sub(&l->handles, 1);
    if (atomic_fetch_sub(&t->parts_left, 1) == 1) mem_free(t);
}

void http_topic_destroy(struct http_topic **address) {
    struct http_topic *t = *address;
    if (!t) return;
    *address = NULL;
    unsigned count = t->part_count;
    for (unsigned i = 0; i < count; i++) { /* the last of them may free the topic as soon as it is posted */
        struct topic_part *part = &t->parts[i];
        part->close_message.run = part_close;
        loop_post(part->loop, &part->close_message);
    }
}

size_t http_topic_listeners(const struct http_topic *t) { return atomic_load(&((struct http_topic *)t)->listeners); }

bool topic_attach(struct http_topic *t, struct http_request *rq, struct http_blob *first, struct out_body *out) {
    struct topic_part *part = &t->parts[rq->loop->index];
    assert(part->loop == rq->loop);
    struct http_stream *stream = NULL;
    if (rq->stream_id) { /* HTTP/2 takes its bytes when the window allows: they need a queue */
        if (!stream_create(rq->loop, NULL, &stream)) return false;
        if (first && !stream_append(stream, first)) {
            stream_detach(&stream);
            return false;
        }
    }
    *out = (struct out_body){.kind = OUT_STREAM, .stream = stream, .left = UINT64_MAX};
    rq->topic = part;
    rq->topic_previous = NULL;
    rq->topic_next = part->listeners;
    if (part->listeners) part->listeners->topic_previous = rq;
    part->listeners = rq;
    atomic_fetch_add(&t->listeners, 1);
    if (!timer_runs(&part->timer)) timer_start(rq->loop, &part->timer, TIMER_TOPIC);
    return true;
}

/* One chunk (RFC 9112 section 7.1), made once for all listeners of a loop. False when memory ran out. */
static bool event_frame(struct buf *room, struct slice data, struct event_bytes *out) {
    *room = BUF(data.len + 64);
    buf_printf(room, "%zx\r\n", data.len);
    size_t head = room->len;
    buf_append(room, data);
    buf_cstr(room, "\r\n");
    if (buf_error(room).kind) {
        buf_free(room);
        return false;
    }
    *out = (struct event_bytes){.framed = buf_slice(room), .plain = slice_of(room->ptr + head, data.len)};
    return true;
}

void topic_welcome(struct http_request *rq, struct http_blob *first) {
    if (rq->stream_id || !first) return;
    struct buf room;
    struct event_bytes event;
    if (!event_frame(&room, http_blob_slice(first), &event)) {
        conn_kill(rq->conn);
        return;
    }
    h1_event(rq, &event);
    buf_free(&room);
}

void topic_detach(struct http_request *rq) {
    struct topic_part *part = rq->topic;
    if (rq->topic_previous) rq->topic_previous->topic_next = rq->topic_next;
    else part->listeners = rq->topic_next;
    if (rq->topic_next) rq->topic_next->topic_previous = rq->topic_previous;
    rq->topic = NULL;
    rq->topic_next = rq->topic_previous = NULL;
    atomic_fetch_sub(&part->topic->listeners, 1);
    if (!part->listeners) timer_stop(&part->timer);
}

static void part_send(struct topic_part *part, struct http_blob *blob) {
    struct loop *l = part->loop;
    size_t len = http_blob_slice(blob).len;
    struct buf room;
    struct event_bytes event;
    if (!len || !part->listeners || !event_frame(&room, http_blob_slice(blob), &event)) return;
    for (struct http_request *rq = part->listeners, *next; rq; rq = next) {
        next = rq->topic_next; /* sending never ends another request at once: connections die at the turn's end */
        if (next) __builtin_prefetch(next->conn);
        if (rq->conn->is_dead) continue;
        bool keeps_up;
        if (!rq->stream_id) {
            keeps_up = rq->conn->unsent_len + len <= LISTENER_BYTES_MAX && h1_event(rq, &event);
            if (!keeps_up) conn_kill(rq->conn);
        } else {
            keeps_up = stream_queued(rq->out.stream) + len <= LISTENER_BYTES_MAX && stream_append(rq->out.stream, blob);
            if (keeps_up) request_resume(rq);
            else h2_break(rq);
        }
        if (!keeps_up) COUNT(l, listeners_dropped_total, 1);
    }
    buf_free(&room);
    if (part->listeners) timer_start(l, &part->timer, TIMER_TOPIC);
}

static void published(struct loop *l, struct message *m) {
    struct publication *p = (struct publication *)m;
    part_send(p->part, p->blob);
    http_blob_release(&p->blob);
    mem_free(p);
}

void http_topic_publish(struct http_topic *t, struct http_blob *blob) {
    for (unsigned i = 0; i < t->part_count; i++) {
        struct publication *p = mem_alloc(sizeof *p);
        if (!p) continue; /* events are a courtesy: pages ask again when they reconnect */
        *p = (struct publication){.message.run = published, .part = &t->parts[i], .blob = http_blob_acquire(blob)};
        loop_post(t->parts[i].loop, &p->message);
    }
}

void topic_beat(struct loop *l, struct timer *t) {
    struct topic_part *part = (struct topic_part *)((char *)t - offsetof(struct topic_part, timer));
    struct http_blob *comment = http_blob_copy(SLICE(":\n\n"));
    if (comment) part_send(part, comment);
    http_blob_release(&comment);
    if (part->listeners && !timer_runs(&part->timer)) timer_start(l, &part->timer, TIMER_TOPIC);
}

static bool has_line_break(struct slice s) {
    return slice_find_byte(s, '\n') != SLICE_NPOS || slice_find_byte(s, '\r') != SLICE_NPOS || slice_find_byte(s, 0) != SLICE_NPOS;
}

struct http_blob *http_sse_event(struct slice name, struct slice id, struct slice data) {
    if (has_line_break(name) || has_line_break(id)) return NULL;
    struct buf b = BUF(16 << 20);
    if (name.len) {
        buf_cstr(&b, "event: ");
        buf_append(&b, name);
        buf_u8(&b, '\n');
    }
    if (id.len) {
        buf_cstr(&b, "id: ");
        buf_append(&b, id);
        buf_u8(&b, '\n');
    }
    /* CR LF, CR and LF all end a line here (WHATWG HTML section 9.2.5). */
    size_t at = 0;
    for (;;) {
        size_t end = at;
        while (end < data.len && data.ptr[end] != '\n' && data.ptr[end] != '\r') end++;
        buf_cstr(&b, "data: ");
        buf_append(&b, slice_sub(data, at, end));
        buf_u8(&b, '\n');
        if (end >= data.len) break;
        at = end + (data.ptr[end] == '\r' && end + 1 < data.len && data.ptr[end + 1] == '\n' ? 2 : 1);
    }
    buf_u8(&b, '\n');
    struct http_blob *blob = buf_error(&b).kind ? NULL : http_blob_copy(buf_slice(&b));
    buf_free(&b);
    return blob;
}
