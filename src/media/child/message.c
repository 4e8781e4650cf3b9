/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * message.c: messages over a stream.
 *
 *      | type 4 | bytes 4 | body |     numbers as the machine has them: both ends are one program
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "media/child/child.h"
#include "media/child/errors.h"

enum { HEAD = 8, FILL_BYTES = 256 << 10, COMPACT_BYTES = 1 << 20 };

/* True once the socket is ready, or has something to tell about its end. */
static bool wait_for(int socket, short events, int wait_ms) {
    struct pollfd waits = {.fd = socket, .events = events};
    int ready;
    do ready = poll(&waits, 1, wait_ms);
    while (ready < 0 && errno == EINTR); /* a signal makes the wait longer; nobody relies on its length */
    return ready > 0;
}

struct child_writer child_writer_of(int socket, size_t waiting_bytes_max) { return (struct child_writer){.socket = socket, .out = BUF(waiting_bytes_max)}; }

void child_writer_free(struct child_writer *w) {
    buf_free(&w->out);
    w->sent = 0;
}

size_t child_writer_waiting(const struct child_writer *w) { return w->out.len - w->sent; }

bool child_writer_put(struct child_writer *w, uint32_t type, const struct slice *parts, size_t count) {
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) bytes += parts[i].len;
    if (w->sent && (w->sent == w->out.len || w->sent >= COMPACT_BYTES || w->out.len + HEAD + bytes > w->out.bytes_max)) {
        buf_consume(&w->out, w->sent);
        w->sent = 0;
    }
    if (bytes > UINT32_MAX || w->out.len + HEAD + bytes > w->out.bytes_max || !buf_reserve(&w->out, HEAD + bytes)) {
        w->out.has_failed = false; /* what was queued stands; this one is refused */
        return false;
    }
    uint32_t head[2] = {type, (uint32_t)bytes};
    buf_bytes(&w->out, head, sizeof head);
    for (size_t i = 0; i < count; i++) buf_append(&w->out, parts[i]);
    return true;
}

struct err child_writer_flush(struct child_writer *w, int wait_ms, bool *is_empty) {
    struct err e = ERR_OK;
    while (w->sent < w->out.len) {
        ssize_t sent = send(w->socket, w->out.ptr + w->sent, w->out.len - w->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            w->sent += (size_t)sent;
        } else if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            if (!wait_ms) break;
            if (wait_for(w->socket, POLLOUT, wait_ms)) continue;
            e = child_stalled();
            break;
        } else if (errno != EINTR) {
            e = child_gone();
            break;
        }
    }
    if (w->sent == w->out.len) {
        w->out.len = 0;
        w->sent = 0;
    }
    if (is_empty) *is_empty = !w->out.len;
    return e;
}

struct child_reader child_reader_of(int socket, size_t message_bytes_max) {
    return (struct child_reader){.socket = socket, .message_bytes_max = message_bytes_max, .in = BUF(message_bytes_max + HEAD + 2 * FILL_BYTES + COMPACT_BYTES)};
}

void child_reader_free(struct child_reader *r) {
    buf_free(&r->in);
    r->at = 0;
}

struct err child_reader_fill(struct child_reader *r, int wait_ms) {
    if (r->at && (r->at == r->in.len || r->at >= COMPACT_BYTES)) {
        buf_consume(&r->in, r->at);
        r->at = 0;
    }
    if (r->has_ended) return child_gone();
    if (wait_ms && !wait_for(r->socket, POLLIN, wait_ms)) return ERR_OK;
    char *to = buf_reserve(&r->in, FILL_BYTES);
    if (!to) {
        r->in.has_failed = false;
        return err_memory();
    }
    ssize_t got;
    do got = recv(r->socket, to, FILL_BYTES, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    if (got > 0) buf_commit(&r->in, (size_t)got);
    else if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) r->has_ended = true;
    return ERR_OK;
}

struct err child_reader_next(struct child_reader *r, struct child_message *out, bool *has_message) {
    *has_message = false;
    size_t left = r->in.len - r->at;
    if (left < HEAD) return ERR_OK;
    uint32_t head[2];
    memcpy(head, r->in.ptr + r->at, sizeof head);
    if (head[1] > r->message_bytes_max) return child_hostile();
    if (left - HEAD < head[1]) return ERR_OK;
    *out = (struct child_message){.type = head[0], .body = slice_of(r->in.ptr + r->at + HEAD, head[1])};
    r->at += HEAD + head[1];
    *has_message = true;
    return ERR_OK;
}
