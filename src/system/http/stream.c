/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Bodies that come piece by piece, from any thread.
 *
 *   producer --http_stream_send--> message --> loop: queue of pieces --> connection
 *
 * Pieces and the end travel through the loop's inbox in order, so the stream cannot be freed under a piece: the producer's
 * reference is given back by the end message, which comes last. */
#include <assert.h>
#include <string.h>

#include "system/http/core.h"

struct piece {
    struct message message; /* first */
    struct http_stream *stream;
    struct http_blob *blob;
    size_t at; /* sent so far */
    struct piece *next;
};

struct http_stream {
    struct message end_message, cancel_message;
    struct loop *loop;
    struct http_stream_options options;
    atomic_uint refs;
    atomic_size_t queued_bytes;
    atomic_bool is_gone, wants_room, has_ended;
    bool is_end_broken; /* with end_message */
    bool is_internal;   /* a listener's: no producer */

    /* The loop's. */
    struct http_request *rq;
    struct piece *first, *last;
    bool is_ended, is_broken, is_detached;
};

static void release(struct http_stream *s) {
    if (atomic_fetch_sub(&s->refs, 1) > 1) return;
    assert(!s->first);
    mem_free(s);
}

static void pieces_free(struct http_stream *s) {
    while (s->first) {
        struct piece *p = s->first;
        s->first = p->next;
        http_blob_release(&p->blob);
        mem_free(p);
    }
    s->last = NULL;
}

struct http_stream *stream_create(struct loop *l, const struct http_stream_options *options, struct http_stream **loop_side) {
    struct http_stream *s = mem_zalloc(sizeof *s);
    if (!s) return NULL;
    s->loop = l;
    if (options) s->options = *options;
    s->is_internal = !options;
    atomic_init(&s->refs, options ? 2 : 1);
    if (options) atomic_fetch_add(&l->handles, 1);
    COUNT_ANY(l, streams_now, 1);
    *loop_side = s;
    return s;
}

void http_stream_note(struct http_stream *s, struct http_note *note) { note_post(s->loop, note); }

static size_t queue_max(const struct http_stream *s) {
    return s->options.queue_bytes_max ? s->options.queue_bytes_max : s->loop->server->limits.stream_bytes_max;
}

uint64_t stream_content_length(const struct http_stream *s) { return s->options.content_length; }
size_t stream_queued(const struct http_stream *s) { return atomic_load(&((struct http_stream *)s)->queued_bytes); }

static void append(struct http_stream *s, struct piece *p) {
    p->next = NULL;
    if (s->last) s->last->next = p;
    else s->first = p;
    s->last = p;
}

bool stream_append(struct http_stream *s, struct http_blob *blob) {
    struct piece *p = mem_alloc(sizeof *p);
    if (!p) return false;
    *p = (struct piece){.stream = s, .blob = http_blob_acquire(blob)};
    atomic_fetch_add(&s->queued_bytes, http_blob_slice(blob).len);
    append(s, p);
    return true;
}

static void arrived(struct loop *l, struct message *m) {
    struct piece *p = (struct piece *)m;
    struct http_stream *s = p->stream;
    if (s->is_detached) {
        http_blob_release(&p->blob);
        mem_free(p);
        return;
    }
    append(s, p);
    if (s->rq) request_resume(s->rq);
}

struct err http_stream_send(struct http_stream *s, struct http_blob *blob) {
    if (atomic_load(&s->is_gone)) return err_make(ERR_CANCELLED, "http.gone", "The client has gone away.");
    size_t len = http_blob_slice(blob).len, max = queue_max(s);
    if (!len) return ERR_OK;
    /* A piece larger than the whole queue is taken when the queue is empty, or it could never be sent. */
    for (int tries = 0;; tries++) {
        size_t queued = atomic_load(&s->queued_bytes);
        if (!queued || queued + len <= max) break;
        if (tries) return err_make(ERR_BUSY, "http.stream_full", "The client takes this more slowly than it comes.");
        atomic_store(&s->wants_room, true); /* and look once more: the loop may have made room just before */
    }
    struct piece *p = mem_alloc(sizeof *p);
    if (!p) return err_memory();
    *p = (struct piece){.message.run = arrived, .stream = s, .blob = http_blob_acquire(blob)};
    atomic_fetch_add(&s->queued_bytes, len);
    loop_post(s->loop, &p->message);
    return ERR_OK;
}

static void ended(struct loop *l, struct message *m) {
    struct http_stream *s = (struct http_stream *)((char *)m - offsetof(struct http_stream, end_message));
    s->is_ended = true;
    s->is_broken = s->is_end_broken;
    if (s->rq) request_resume(s->rq);
    atomic_fetch_sub(&l->handles, 1);
    release(s);
}

void http_stream_end(struct http_stream **address, bool is_broken) {
    struct http_stream *s = *address;
    if (!s) return;
    *address = NULL;
    s->is_end_broken = is_broken;
    atomic_store(&s->has_ended, true);
    s->end_message.run = ended;
    loop_post(s->loop, &s->end_message);
}

size_t stream_take(struct http_stream *s, char *out, size_t capacity, bool *is_end, bool *is_broken) {
    size_t took = 0;
    while (s->first && took < capacity) {
        struct piece *p = s->first;
        struct slice all = http_blob_slice(p->blob);
        size_t len = all.len - p->at < capacity - took ? all.len - p->at : capacity - took;
        memcpy(out + took, all.ptr + p->at, len);
        took += len;
        p->at += len;
        if (p->at < all.len) break;
        s->first = p->next;
        if (!s->first) s->last = NULL;
        http_blob_release(&p->blob);
        mem_free(p);
    }
    size_t left = atomic_fetch_sub(&s->queued_bytes, took) - took;
    *is_end = s->is_ended && !s->first;
    *is_broken = *is_end && s->is_broken;
    size_t max = queue_max(s);
    if (took && left <= max / 2 && atomic_exchange(&s->wants_room, false) && !atomic_load(&s->has_ended) && s->options.on_room)
        s->options.on_room(s->options.arg);
    return took;
}

void stream_attach(struct http_stream *s, struct http_request *rq) { s->rq = rq; }

static void cancel_tell(struct loop *l, struct message *m) {
    struct http_stream *s = (struct http_stream *)((char *)m - offsetof(struct http_stream, cancel_message));
    if (!s->is_detached) { /* dropped by a worker */
        s->is_detached = true;
        pieces_free(s);
        COUNT_ANY(l, streams_now, -1);
    }
    if (!atomic_load(&s->has_ended) && s->options.on_cancel) s->options.on_cancel(s->options.arg);
    atomic_fetch_sub(&l->handles, 1);
    release(s);
}

/* The producer is told by a message of its own, never from inside a call that it made. */
static void cancel_post(struct http_stream *s) {
    atomic_store(&s->is_gone, true);
    atomic_fetch_add(&s->loop->handles, 1); /* the message counts as one: the loop must not leave before it */
    s->cancel_message.run = cancel_tell;
    loop_post(s->loop, &s->cancel_message);
}

void stream_detach(struct http_stream **address) {
    struct http_stream *s = *address;
    *address = NULL;
    s->rq = NULL;
    s->is_detached = true;
    pieces_free(s);
    COUNT_ANY(s->loop, streams_now, -1);
    if (s->is_internal || s->is_ended) {
        atomic_store(&s->is_gone, true);
        release(s);
    } else {
        cancel_post(s);
    }
}

void stream_drop(struct http_stream **address) {
    struct http_stream *s = *address;
    *address = NULL;
    cancel_post(s);
}
