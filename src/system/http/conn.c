/* SPDX-License-Identifier: AGPL-3.0-or-later
 * A connection: its bytes in and out, its life and its end. What the bytes mean is the business of h1.c and h2.c. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "system/http/core.h"

enum {
    BIG_BODY_BYTES = 128 * 1024,
    BIG_BUFFER_BYTES = 256 * 1024,
    SHORT_PATH_US = 5000,
    UNSENT_BYTES_MAX = 4 << 20, /* never reached: who sends waits as soon as anything is unsent */
};

static struct conn *conn_take(struct loop *l) {
    if (!l->conns_free) {
        struct conn_slab *slab = mem_zalloc(sizeof *slab);
        if (!slab) return NULL;
        slab->next = l->slabs;
        l->slabs = slab;
        for (size_t i = 0; i < ARRAY_LEN(slab->conns); i++) {
            slab->conns[i].fd = -1;
            slab->conns[i].next = l->conns_free;
            l->conns_free = &slab->conns[i];
        }
    }
    struct conn *c = l->conns_free;
    l->conns_free = c->next;
    *c = (struct conn){.fd = -1, .loop = l};
    return c;
}

static void peer_store(struct conn *c, const struct sockaddr_storage *peer) {
    if (peer->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)peer;
        c->peer[10] = c->peer[11] = 0xff;
        memcpy(c->peer + 12, &v4->sin_addr, 4);
        c->peer_port = ntohs(v4->sin_port);
    } else if (peer->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)peer;
        memcpy(c->peer, &v6->sin6_addr, 16);
        c->peer_port = ntohs(v6->sin6_port);
    }
}

struct conn *conn_open(struct loop *l, int fd, const struct sockaddr_storage *peer, bool has_tls) {
    struct conn *c = conn_take(l);
    if (!c) {
        close(fd);
        return NULL;
    }
    c->fd = fd;
    peer_store(c, peer);
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* what must travel together is sent together: MSG_MORE */
    /* Edge-triggered, registered once for everything: no epoll_ctl ever again. */
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
    bool is_open = !epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event);
    if (is_open && has_tls) {
        lock_take(&l->server->tls_lock);
        is_open = tls_open(c, l->server->tls);
        lock_give(&l->server->tls_lock);
    }
    if (!is_open) {
        close(fd);
        c->fd = -1;
        c->next = l->conns_free;
        l->conns_free = c;
        return NULL;
    }
    c->may_write = true;
    c->is_tls_done = !has_tls;
    l->open_conns++;
    COUNT(l, connections_total, 1);
    COUNT(l, connections_now, 1);
    timer_start(l, &c->timer, has_tls ? TIMER_HEAD : TIMER_IDLE);
    return c;
}

void conn_kill(struct conn *c) {
    if (c->is_dead) return;
    c->is_dead = true;
    timer_stop(&c->timer);
    if (c->is_ready_listed) return; /* ready_run passes it on */
    c->next = c->loop->conns_dead;
    c->loop->conns_dead = c;
}

void conn_bury(struct conn *c) {
    struct loop *l = c->loop;
    timer_stop(&c->timer);
    if (c->h2) h2_close(c);
    if (c->request) request_detach(c->request);
    assert(!c->request);
    if (c->tls) tls_close(c);
    close(c->fd);
    c->fd = -1;
    conn_forget_input(c);
    MEM_FREE(&c->unsent);
    l->open_conns--;
    COUNT(l, connections_now, -1);
    atomic_fetch_sub(&l->server->conns, 1);
    c->next = l->conns_free;
    l->conns_free = c;
}

void conn_ready(struct conn *c) {
    if (c->is_ready_listed || c->is_dead) return;
    c->is_ready_listed = true;
    c->next = c->loop->conns_ready;
    c->loop->conns_ready = c;
}

/* Says goodbye and then reads until the client has closed too: a close with unread bytes would become a reset that can
 * overtake our last response (RFC 9112 section 9.6). */
void conn_finish(struct conn *c) {
    if (c->is_dead || c->is_lingering) return;
    c->wants_close = true;
    if (c->unsent_len) return; /* comes back when they are gone */
    if (c->tls) tls_goodbye(c);
    if (c->has_peer_closed && !c->may_read) {
        conn_kill(c);
        return;
    }
    shutdown(c->fd, SHUT_WR);
    c->is_lingering = true;
    c->window_bytes = 0;
    conn_forget_input(c);
    timer_start(c->loop, &c->timer, TIMER_LINGER);
    conn_ready(c);
}

static void linger(struct conn *c) {
    enum { LINGER_BYTES_MAX = 4 << 20 };
    while (c->may_read) {
        ssize_t n = recv(c->fd, c->loop->scratch_in, SCRATCH_IN_BYTES, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) {
            c->may_read = false;
            break;
        }
        c->window_bytes += n > 0 ? (uint64_t)n : 0;
        if (n <= 0 || c->window_bytes > LINGER_BYTES_MAX) {
            conn_kill(c);
            return;
        }
    }
}

void conn_forget_input(struct conn *c) {
    MEM_FREE(&c->in);
    c->in_len = c->in_capacity = c->in_scanned = 0;
}

bool conn_keep_input(struct conn *c, const char *bytes, size_t len) {
    if (len > c->in_capacity) {
        size_t capacity = 256;
        while (capacity < len) capacity *= 2;
        char *room = mem_realloc(c->in, capacity);
        if (!room) return false;
        c->in = room;
        c->in_capacity = (uint32_t)capacity;
    }
    if (len) memcpy(c->in, bytes, len);
    c->in_len = (uint32_t)len;
    return true;
}

ptrdiff_t conn_receive(struct conn *c, char *out, size_t capacity) {
    struct loop *l = c->loop;
    if (c->tls) {
        ptrdiff_t n = tls_receive(c, out, capacity);
        return n;
    }
    for (;;) {
        ssize_t n = recv(c->fd, out, capacity, 0);
        if (n > 0) {
            COUNT(l, received_bytes_total, n);
            /* A short read has emptied the socket: the next byte makes a new event. Not so for the end of the stream. */
            if ((size_t)n < capacity && !c->has_peer_closed) c->may_read = false;
            return n;
        }
        if (n == 0) {
            c->may_read = false;
            c->has_peer_closed = true;
            return 0;
        }
        if (errno == EINTR) continue;
        c->may_read = false;
        return errno == EAGAIN ? -1 : -2;
    }
}

void conn_progress(struct conn *c) {
    if (c->timer.class == TIMER_WRITE) timer_start(c->loop, &c->timer, TIMER_WRITE);
}

enum io conn_send_some(struct conn *c, const struct iovec *vectors, int count, int flags, size_t *sent) {
    size_t total = 0;
    for (int i = 0; i < count; i++) total += vectors[i].iov_len;
    *sent = 0;
    for (;;) {
        ssize_t n;
        if (count == 1) {
            n = send(c->fd, vectors[0].iov_base, vectors[0].iov_len, flags | MSG_NOSIGNAL);
        } else {
            struct msghdr m = {.msg_iov = (struct iovec *)vectors, .msg_iovlen = (size_t)count};
            n = sendmsg(c->fd, &m, flags | MSG_NOSIGNAL);
        }
        if (n >= 0) {
            *sent = (size_t)n;
            COUNT(c->loop, sent_bytes_total, n);
            if (n > 0) conn_progress(c);
            if ((size_t)n == total) return IO_DONE;
            c->may_write = false;
            return IO_BLOCKED;
        }
        if (errno == EINTR) continue;
        if (errno == EAGAIN) {
            c->may_write = false;
            return IO_BLOCKED;
        }
        conn_kill(c);
        return IO_GONE;
    }
}

enum io conn_keep(struct conn *c, const char *bytes, size_t len) {
    if (!len) return IO_DONE;
    if (c->unsent_at && c->unsent_at + c->unsent_len + len > c->unsent_capacity) {
        memmove(c->unsent, c->unsent + c->unsent_at, c->unsent_len);
        c->unsent_at = 0;
    }
    size_t needed = c->unsent_len + len;
    if (needed > UNSENT_BYTES_MAX) {
        conn_kill(c);
        return IO_GONE;
    }
    if (c->unsent_at + needed > c->unsent_capacity) {
        size_t capacity = 512;
        while (capacity < needed) capacity *= 2;
        char *room = mem_realloc(c->unsent, capacity);
        if (!room) {
            conn_kill(c);
            return IO_GONE;
        }
        c->unsent = room;
        c->unsent_capacity = (uint32_t)capacity;
    }
    memcpy(c->unsent + c->unsent_at + c->unsent_len, bytes, len);
    c->unsent_len += (uint32_t)len;
    return IO_BLOCKED;
}

enum io conn_flush(struct conn *c) {
    if (!c->unsent_len) return IO_DONE;
    if (!c->may_write) return IO_BLOCKED;
    struct iovec v = {.iov_base = c->unsent + c->unsent_at, .iov_len = c->unsent_len};
    size_t sent;
    enum io io = conn_send_some(c, &v, 1, 0, &sent);
    c->unsent_at += (uint32_t)sent;
    c->unsent_len -= (uint32_t)sent;
    if (io == IO_DONE) {
        MEM_FREE(&c->unsent);
        c->unsent_at = c->unsent_capacity = 0;
    }
    return io;
}

enum io conn_send(struct conn *c, const struct iovec *vectors, int count) {
    if (c->tls) return tls_send(c, vectors, count);
    size_t sent = 0;
    enum io io = conn_flush(c);
    if (io == IO_DONE) io = conn_send_some(c, vectors, count, 0, &sent);
    if (io != IO_BLOCKED) return io;
    for (int i = 0; i < count; i++) {
        size_t len = vectors[i].iov_len, skip = sent < len ? sent : len;
        sent -= skip;
        if (conn_keep(c, (const char *)vectors[i].iov_base + skip, len - skip) == IO_GONE) return IO_GONE;
    }
    return IO_BLOCKED;
}

/* A send buffer of 256 KB keeps the copied bytes of a large body in the processor's cache and lets us sleep longer, but on a
 * long path it would cap the rate (the kernel no longer grows a buffer that was set). So only where the round trip is
 * short, and only for connections that carry large bodies at all. */
void conn_judge_buffer(struct conn *c, uint64_t bytes) {
    if (c->is_buffer_judged || bytes < BIG_BODY_BYTES) return;
    c->is_buffer_judged = true;
    struct tcp_info info;
    socklen_t len = sizeof info;
    if (getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &len) || info.tcpi_rtt >= SHORT_PATH_US) return;
    int size = BIG_BUFFER_BYTES;
    setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

void conn_drain(struct conn *c) {
    c->is_draining = true;
    if (c->protocol == PROTOCOL_H2) h2_drain(c);
    else if (c->request) c->request->wants_close = true; /* also where the head has gone out already */
    else conn_finish(c);
}

void conn_timeout(struct conn *c, enum timer_class class) {
    struct loop *l = c->loop;
    COUNT(l, timeouts_total, class != TIMER_LINGER);
    switch (class) {
    case TIMER_BODY:
        if (c->window_bytes >= l->server->limits.body_window_bytes_min) { /* keeps the pace: the next window */
            COUNT(l, timeouts_total, -1);
            c->window_bytes = 0;
            timer_start(l, &c->timer, TIMER_BODY);
            return;
        }
        if (c->request && c->request->state == REQUEST_BODY)
            request_refuse(c->request, 408, "http.body_slow", "The body of the request came too slowly.");
        else conn_kill(c);
        return;
    case TIMER_HEAD:
        if (c->is_tls_done && c->protocol != PROTOCOL_H2) h1_timeout(c);
        else conn_kill(c);
        return;
    case TIMER_IDLE:
        if (c->protocol == PROTOCOL_H2) h2_drain(c);
        else conn_finish(c);
        return;
    default: conn_kill(c); return;
    }
}

/* The first bytes tell HTTP/2 with prior knowledge from HTTP/1 (RFC 9113 section 3.3). */
static void protocol_choose(struct conn *c) {
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    if (c->tls) {
        c->protocol = tls_is_h2(c) ? PROTOCOL_H2 : PROTOCOL_H1;
        if (c->protocol == PROTOCOL_H2 && !h2_open(c)) conn_kill(c);
        return;
    }
    char start[sizeof preface - 1];
    ssize_t n = recv(c->fd, start, sizeof start, MSG_PEEK);
    if (n <= 0) {
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) c->may_read = errno == EINTR;
        else conn_kill(c);
        return;
    }
    /* Four bytes decide: no HTTP/1 method begins with "PRI ". With fewer, wait; the rest of them makes an event. */
    if (memcmp(start, preface, n < 4 ? (size_t)n : 4)) {
        c->protocol = PROTOCOL_H1;
    } else if (n >= 4) {
        c->protocol = PROTOCOL_H2;
        if (!h2_open(c)) conn_kill(c);
    } else {
        c->may_read = false;
        if (c->timer.class == TIMER_IDLE) timer_start(c->loop, &c->timer, TIMER_HEAD);
        if (c->has_peer_closed) conn_kill(c);
    }
}

void conn_event(struct conn *c, uint32_t events) {
    if (events & (EPOLLHUP | EPOLLERR)) {
        conn_kill(c);
        return;
    }
    if (events & EPOLLRDHUP) c->has_peer_closed = true;
    if (events & (EPOLLIN | EPOLLRDHUP)) c->may_read = true;
    if (events & EPOLLOUT) c->may_write = true;
    if (c->is_lingering) {
        linger(c);
        return;
    }
    if (!c->is_tls_done) {
        enum io io = tls_handshake(c);
        if (io == IO_GONE) conn_kill(c);
        if (io != IO_DONE) return;
    }
    if (c->unsent_len && c->may_write && conn_flush(c) == IO_GONE) return;
    if (c->protocol == PROTOCOL_NEW && c->may_read) protocol_choose(c);
    if (c->is_dead) return;
    if (c->protocol == PROTOCOL_H1) {
        h1_turn(c);
    } else if (c->protocol == PROTOCOL_H2) {
        h2_turn(c);
    }
    if (!c->is_dead && c->wants_close && !c->is_lingering && !c->unsent_len && !c->request) conn_finish(c);
}
