/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * server.c: sockets, threads and timeouts around session.h and intake.h.
 *
 * A connection belongs to the listener's thread until it asks to publish, then to a thread of its own, and at its end to the listener again,
 * which gives the publisher a moment to read the last words. It is handed over whole, by thread_start and by an inbox, so there is nothing to
 * lock. Clocks may be turned by hand, so all waiting is cut into ticks of real time, after each of which the given clock is asked. */
#include "media/rtmp/rtmp.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "media/rtmp/intake.h"
#include "media/rtmp/session.h"

enum {
    TICK_MS = 200,
    LINGER_MS = 1000,               /* for a refused publisher to read why */
    WAITING_IN_BYTES = 4096,        /* read buffer of a connection that does not publish: a hello fits */
    PUBLISHER_IN_BYTES = 128 << 10, /* of one that does: a whole picture in one call */
    EVENTS_MAX = 64,
    PEER_BYTES_MAX = 64,
    EXTRA_THREADS = 16 /* publishers that are being refused take no place from those that are let in */
};
_Static_assert((int)WAITING_IN_BYTES >= (int)HANDSHAKE_HELLO_BYTES, "a hello is read as a whole");

struct connection {
    struct inbox_item item; /* to the listener, when its thread has ended; first */
    struct connection *newer, *older; /* in the chain of the listener's */
    struct rtmp_server *server;
    struct thread *thread;
    bool is_lingering; /* all is said; what still comes is thrown away until the other end closes */
    int fd;
    struct mono_time since, heard; /* heard: the last whole message of a publisher */
    struct session session;
    struct buf in;
    char peer[PEER_BYTES_MAX];
};

struct chain { /* newest first */
    struct connection *newest, *oldest;
    unsigned count;
};

struct rtmp_server {
    struct rtmp_server_options options;
    char *address, *application;
    int listen_fd, epoll_fd, stop_fd;
    uint16_t port;
    struct thread *listener;
    struct inbox ended;
    struct chain waiting; /* this and the next three are the listener's own */
    unsigned threads, threads_made;
    bool is_accept_paused;
    atomic_bool is_stopping;
    atomic_uint publishers_now;
    atomic_uint_fast64_t connections, handshakes_failed, refused, accepted, stalled, malformed, pushed_out, waiting_now;
};

static void chain_add(struct chain *c, struct connection *n) {
    n->newer = NULL;
    n->older = c->newest;
    if (c->newest) c->newest->newer = n;
    else c->oldest = n;
    c->newest = n;
    c->count++;
}

static void chain_remove(struct chain *c, struct connection *n) {
    if (n->newer) n->newer->older = n->older;
    else c->newest = n->older;
    if (n->older) n->older->newer = n->newer;
    else c->oldest = n->newer;
    n->newer = n->older = NULL;
    c->count--;
}

static struct mono_time now(const struct rtmp_server *s) { return clock_mono(s->options.clock); }
static int64_t ms_since(const struct rtmp_server *s, struct mono_time t) { return mono_diff_ns(now(s), t) / NS_PER_MS; }

/* ---- create, start ---- */

static struct err bad_address(void) {
    return err_make(ERR_INPUT, "rtmp.address", "An address to listen on looks like 127.0.0.1:1935 or [::1]:1935.");
}

static struct err parse_address(const char *text, struct sockaddr_storage *out, socklen_t *len) {
    struct slice s = slice_cstr(text);
    size_t colon = s.len;
    while (colon && s.ptr[colon - 1] != ':') colon--;
    uint64_t port;
    if (!colon || !slice_to_u64(slice_sub(s, colon, s.len), &port) || port > 65535) return bad_address();
    struct slice host = slice_sub(s, 0, colon - 1);
    bool is_v6 = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (is_v6) host = slice_sub(host, 1, host.len - 1);
    if (slice_eq(host, SLICE("localhost"))) host = SLICE("127.0.0.1");
    char name[INET6_ADDRSTRLEN] = "";
    if (!host.len || host.len >= sizeof name) return bad_address();
    memcpy(name, host.ptr, host.len);
    memset(out, 0, sizeof *out);
    if (is_v6) {
        struct sockaddr_in6 *a = (struct sockaddr_in6 *)out;
        a->sin6_family = AF_INET6;
        a->sin6_port = htons((uint16_t)port);
        *len = sizeof *a;
        return inet_pton(AF_INET6, name, &a->sin6_addr) == 1 ? ERR_OK : bad_address();
    }
    struct sockaddr_in *a = (struct sockaddr_in *)out;
    a->sin_family = AF_INET;
    a->sin_port = htons((uint16_t)port);
    *len = sizeof *a;
    return inet_pton(AF_INET, name, &a->sin_addr) == 1 ? ERR_OK : bad_address();
}

struct err rtmp_server_create(struct rtmp_server **out, const struct rtmp_server_options *o) {
    struct sockaddr_storage address;
    socklen_t len;
    assert(o->address && o->receiver.begin && o->receiver.tracks && o->receiver.sample && o->receiver.end);
    struct err e = parse_address(o->address, &address, &len);
    if (e.kind) return e;
    struct rtmp_server *s = mem_zalloc(sizeof *s);
    if (!s) return err_memory();
    s->options = *o;
    s->listen_fd = s->epoll_fd = s->stop_fd = s->ended.event_fd = -1;
    s->address = mem_strdup(o->address);
    s->application = mem_strdup(o->application ? o->application : "live");
    if (!s->address || !s->application) {
        rtmp_server_destroy(&s);
        return err_memory();
    }
    s->options.address = s->address;
    s->options.application = s->application;
    if (!s->options.clock) s->options.clock = clock_system();
    if (!s->options.publishers_max) s->options.publishers_max = 64;
    if (!s->options.waiting_max) s->options.waiting_max = 256;
    if (!s->options.handshake_ms_max) s->options.handshake_ms_max = 10000;
    if (!s->options.stall_ms_max) s->options.stall_ms_max = 10000;
    *out = s;
    return ERR_OK;
}

static struct err open_socket(struct rtmp_server *s) {
    struct sockaddr_storage address;
    socklen_t len;
    struct err e = parse_address(s->address, &address, &len);
    if (e.kind) return e;
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return err_from_errno(errno, "rtmp.bind", "No socket to listen on could be made.");
    s->listen_fd = fd;
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address.ss_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, len)) {
        int sys = errno;
        if (sys == EADDRINUSE)
            return err_make(ERR_CONFLICT, "rtmp.bind",
                            "The port for RTMP is taken by another program. Stop that one or choose another port.");
        if (sys == EADDRNOTAVAIL) return err_make(ERR_INPUT, "rtmp.address", "This machine does not have the address to listen on for RTMP.");
        return err_from_errno(sys, "rtmp.bind", "The port for RTMP cannot be used; those below 1024 need a special right.");
    }
    len = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &len) || listen(fd, 512))
        return err_from_errno(errno, "rtmp.bind", "The port for RTMP cannot be listened on.");
    s->port = ntohs(address.ss_family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port : ((struct sockaddr_in6 *)&address)->sin6_port);
    return ERR_OK;
}

static bool watch(struct rtmp_server *s, int fd, void *what, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = what};
    return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void listen_for_ever(void *arg);

struct err rtmp_server_start(struct rtmp_server *s) {
    assert(!s->listener && s->listen_fd < 0);
    struct err e = open_socket(s);
    if (!e.kind) e = inbox_open(&s->ended);
    if (e.kind) return e;
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->epoll_fd < 0 || s->stop_fd < 0 || !watch(s, s->listen_fd, &s->listen_fd, EPOLLIN) || !watch(s, s->stop_fd, &s->stop_fd, EPOLLIN) ||
        !watch(s, s->ended.event_fd, &s->ended, EPOLLIN))
        return err_from_errno(errno, "rtmp.bind", "The system has no room for another listener.");
    return thread_start(&s->listener, "rtmp", listen_for_ever, s);
}

uint16_t rtmp_server_port(const struct rtmp_server *s) { return s->port; }

/* ---- a connection ---- */

static void connection_free(struct connection *c) {
    session_free(&c->session);
    buf_free(&c->in);
    mem_free(c);
}

static void close_fd(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

/* Sends what the session has to say, as much as goes without waiting. False: the connection is dead, or its reader asleep for too long. */
static bool flush(struct connection *c) {
    struct buf *out = &c->session.out;
    while (out->len) {
        ssize_t sent = send(c->fd, out->ptr, out->len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
        buf_consume(out, (size_t)sent);
    }
    return true;
}

static void log_refusal(struct connection *c, struct err e) {
    /* Neither key nor address: the key is in both. */
    log_info("rtmp", "refused", LOG_TEXT("peer", c->peer), LOG_SLICE("agent", slice_of(c->session.agent, c->session.agent_bytes)), LOG_ERR(e));
}

/* ---- publishing: on the connection's own thread ---- */

static void send_health(struct connection *c, struct intake *k, void *feed, uint64_t bytes) {
    const struct feed_receiver *r = &c->server->options.receiver;
    if (!r->health) return;
    struct feed_health h = {.bytes = bytes, .packets = intake_samples(k) + intake_dropped(k), .packets_dropped = intake_dropped(k)};
    struct tcp_info info;
    socklen_t len = sizeof info;
    if (!getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &len)) h.round_trip_us = info.tcpi_rtt;
    r->health(feed, &h);
}

static struct err closed(void) {
    return err_make(ERR_IO, "rtmp.closed", "The encoder, or the network between, closed the connection without saying goodbye.");
}
static struct err stopping(void) { return err_make(ERR_BUSY, "feed.stopping", "The server is being stopped. Try again in a minute."); }

/* Takes all whole messages out of what has been read. */
static struct err take_messages(struct connection *c, struct intake *k, bool *did_part) {
    struct slice in = buf_slice(&c->in);
    struct utc_time arrived = clock_utc(c->server->options.clock);
    for (;;) {
        enum session_event event;
        struct err e = session_step(&c->session, &in, &event);
        if (!e.kind && event == SESSION_MESSAGE) {
            c->heard = now(c->server);
            e = intake_message(k, &c->session.message, arrived);
        }
        if (e.kind) return e;
        if (event == SESSION_GOODBYE) *did_part = true;
        if (event != SESSION_MESSAGE) break;
    }
    buf_consume(&c->in, c->in.len - in.len);
    return ERR_OK;
}

static struct err receive(struct connection *c, struct intake *k, void *feed) {
    struct rtmp_server *s = c->server;
    uint64_t bytes = 0;
    struct mono_time told = now(s);
    c->heard = told;
    bool did_part = false;
    for (;;) {
        struct err e = take_messages(c, k, &did_part);
        if (e.kind || did_part) return e;
        if (!flush(c)) return closed();
        if (atomic_load(&s->is_stopping)) return stopping();
        struct mono_time at = now(s);
        if (mono_diff_ns(at, told) >= NS_PER_S) {
            told = at;
            send_health(c, k, feed, bytes);
        }
        if (mono_diff_ns(at, c->heard) / NS_PER_MS >= s->options.stall_ms_max) {
            atomic_fetch_add(&s->stalled, 1);
            return err_make(ERR_IO, "rtmp.stalled", "The encoder stopped sending without closing the connection.");
        }
        char *room = buf_reserve(&c->in, PUBLISHER_IN_BYTES - c->in.len);
        if (!room) return err_memory();
        ssize_t got = recv(c->fd, room, PUBLISHER_IN_BYTES - c->in.len, 0); /* waits for a tick at most */
        if (got == 0) return atomic_load(&s->is_stopping) ? stopping() : closed();
        if (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) return closed();
        if (got <= 0) continue;
        buf_commit(&c->in, (size_t)got);
        bytes += (uint64_t)got;
    }
}

static struct err too_many(void) { return err_make(ERR_LIMIT, "feed.many", "The server takes no more live pictures at present."); }

static struct err begin(struct connection *c, void **feed) {
    struct rtmp_server *s = c->server;
    if (atomic_fetch_add(&s->publishers_now, 1) >= s->options.publishers_max) {
        atomic_fetch_sub(&s->publishers_now, 1);
        return too_many();
    }
    struct feed_hello hello = {
        .protocol = "rtmp",
        .key = slice_of(c->session.key, c->session.key_bytes),
        .peer = slice_cstr(c->peer),
        .agent = slice_of(c->session.agent, c->session.agent_bytes),
    };
    struct err e = s->options.receiver.begin(s->options.receiver.user, &hello, feed);
    if (e.kind) atomic_fetch_sub(&s->publishers_now, 1);
    return e;
}

static void serve_publisher(struct connection *c, void *feed) {
    struct rtmp_server *s = c->server;
    atomic_fetch_add(&s->accepted, 1);
    session_accept(&c->session);
    log_info("rtmp", "published", LOG_TEXT("peer", c->peer), LOG_SLICE("agent", slice_of(c->session.agent, c->session.agent_bytes)));
    struct intake *k = NULL;
    struct err e = intake_create(&k, &s->options.receiver, feed);
    if (!e.kind) {
        e = receive(c, k, feed);
        bool is_whole = !e.kind || e.kind == ERR_IO || e.kind == ERR_BUSY; /* the end came from outside: nothing waits in vain */
        struct err last = is_whole ? intake_finish(k) : ERR_OK;
        if (!e.kind) e = last;
    }
    uint64_t samples = k ? intake_samples(k) : 0, dropped = k ? intake_dropped(k) : 0;
    intake_destroy(&k);
    if (e.kind == ERR_INPUT) atomic_fetch_add(&s->malformed, 1);
    log_info("rtmp", "ended", LOG_TEXT("peer", c->peer), LOG_INT("seconds", ms_since(s, c->since) / 1000), LOG_INT("samples", (int64_t)samples),
             LOG_INT("dropped", (int64_t)dropped), LOG_TEXT("code", e.kind ? e.code : ""), LOG_TEXT("what", e.kind ? e.what : "goodbye"));
    s->options.receiver.end(feed, e);
    atomic_fetch_sub(&s->publishers_now, 1);
    if (e.kind) session_end(&c->session, e);
}

static void publish(void *arg) {
    struct connection *c = arg;
    struct rtmp_server *s = c->server;
    void *feed = NULL;
    struct err e = begin(c, &feed);
    if (e.kind) {
        atomic_fetch_add(&s->refused, 1);
        log_refusal(c, e);
        session_refuse(&c->session, e);
    } else {
        serve_publisher(c, feed);
    }
    (void)flush(c);
    shutdown(c->fd, SHUT_WR);
    inbox_push(&s->ended, &c->item); /* c is the listener's from here */
}

/* ---- the listener ---- */

static void drop(struct rtmp_server *s, struct connection *c) {
    chain_remove(&s->waiting, c);
    close_fd(&c->fd); /* leaves the epoll by itself */
    connection_free(c);
}

static void linger(struct rtmp_server *s, struct connection *c) {
    (void)flush(c);
    shutdown(c->fd, SHUT_WR);
    c->is_lingering = true;
    c->since = now(s);
}

static void hand_over(struct rtmp_server *s, struct connection *c) {
    epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, c->fd, NULL);
    chain_remove(&s->waiting, c);
    c->in.bytes_max = PUBLISHER_IN_BYTES;
    char name[16];
    snprintf(name, sizeof name, "rtmp-%u", s->threads_made++ % 10000);
    struct err e = s->threads < s->options.publishers_max + EXTRA_THREADS ? thread_start(&c->thread, name, publish, c) : too_many();
    if (!e.kind) {
        s->threads++;
        return;
    }
    atomic_fetch_add(&s->refused, 1);
    log_refusal(c, e);
    session_refuse(&c->session, e);
    chain_add(&s->waiting, c);
    if (watch(s, c->fd, c, EPOLLIN)) linger(s, c);
    else drop(s, c);
}

/* What a connection says that does not publish yet. */
static void on_readable(struct rtmp_server *s, struct connection *c) {
    char *room = buf_reserve(&c->in, WAITING_IN_BYTES - c->in.len);
    if (!room) return drop(s, c);
    ssize_t got = recv(c->fd, room, WAITING_IN_BYTES - c->in.len, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
    if (got <= 0) {
        if (!c->is_lingering && c->session.state < SESSION_OPEN) atomic_fetch_add(&s->handshakes_failed, 1);
        return drop(s, c);
    }
    if (c->is_lingering) return;
    buf_commit(&c->in, (size_t)got);
    struct slice in = buf_slice(&c->in);
    enum session_event event;
    struct err e = session_step(&c->session, &in, &event);
    buf_consume(&c->in, c->in.len - in.len);
    if (e.kind) {
        if (c->session.state < SESSION_OPEN || slice_eq(slice_cstr(e.code), SLICE("rtmp.handshake"))) atomic_fetch_add(&s->handshakes_failed, 1);
        else atomic_fetch_add(e.kind == ERR_INPUT ? &s->malformed : &s->refused, 1);
        log_refusal(c, e);
        return linger(s, c);
    }
    if (event == SESSION_PUBLISH) return hand_over(s, c);
    if (!flush(c)) drop(s, c);
}

static void name_peer(const struct sockaddr_storage *a, char *out, size_t size) {
    char host[INET6_ADDRSTRLEN] = "?";
    if (a->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)a;
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        snprintf(out, size, "%s:%u", host, ntohs(v4->sin_port));
    } else {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        snprintf(out, size, "[%s]:%u", host, ntohs(v6->sin6_port));
    }
}

/* Who must go when there are too many: somebody to whom all is said, else somebody who has not even shaken hands, else whoever came first. */
static struct connection *most_dispensable(const struct rtmp_server *s) {
    struct connection *silent = NULL;
    for (struct connection *c = s->waiting.oldest; c; c = c->newer) {
        if (c->is_lingering) return c;
        if (!silent && c->session.state < SESSION_OPEN) silent = c;
    }
    return silent ? silent : s->waiting.oldest;
}

static void welcome(struct rtmp_server *s, int fd, const struct sockaddr_storage *peer) {
    struct connection *c = mem_zalloc(sizeof *c);
    if (!c) {
        close(fd);
        return;
    }
    int on = 1;
    struct timeval tick = {.tv_usec = TICK_MS * 1000};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof tick); /* for its thread; here nothing waits */
    *c = (struct connection){.server = s, .fd = fd, .since = now(s), .in = BUF(WAITING_IN_BYTES)};
    session_init(&c->session, s->application);
    name_peer(peer, c->peer, sizeof c->peer);
    if (s->waiting.count >= s->options.waiting_max) {
        atomic_fetch_add(&s->pushed_out, 1);
        drop(s, most_dispensable(s));
    }
    chain_add(&s->waiting, c);
    if (!watch(s, fd, c, EPOLLIN)) drop(s, c);
}

static void on_connecting(struct rtmp_server *s) {
    for (unsigned i = 0; i < EVENTS_MAX; i++) { /* the others have their turn in between */
        struct sockaddr_storage peer;
        socklen_t len = sizeof peer;
        int fd = accept4(s->listen_fd, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC);
        if (fd >= 0) {
            atomic_fetch_add(&s->connections, 1);
            welcome(s, fd, &peer);
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED) continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK) { /* out of descriptors or memory: try again after a tick, do not spin */
            epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, s->listen_fd, NULL);
            s->is_accept_paused = true;
        }
        return;
    }
}

static void on_ended(struct rtmp_server *s) {
    for (struct inbox_item *item = inbox_take_all(&s->ended), *next; item; item = next) {
        next = item->next;
        struct connection *c = (struct connection *)item;
        thread_join(&c->thread);
        s->threads--;
        buf_free(&c->in);
        c->in = BUF(WAITING_IN_BYTES);
        chunk_reader_free(&c->session.reader);
        chain_add(&s->waiting, c);
        c->is_lingering = true;
        c->since = now(s);
        if (!watch(s, c->fd, c, EPOLLIN)) drop(s, c);
    }
}

static void on_tick(struct rtmp_server *s) {
    if (s->is_accept_paused) s->is_accept_paused = !watch(s, s->listen_fd, &s->listen_fd, EPOLLIN);
    for (struct connection *c = s->waiting.oldest, *next; c; c = next) {
        next = c->newer;
        if (ms_since(s, c->since) < (c->is_lingering ? LINGER_MS : (int64_t)s->options.handshake_ms_max)) continue;
        if (!c->is_lingering && c->session.state < SESSION_OPEN) atomic_fetch_add(&s->handshakes_failed, 1);
        drop(s, c);
    }
}

static void listen_for_ever(void *arg) {
    struct rtmp_server *s = arg;
    struct mono_time swept = clock_mono(clock_system());
    for (;;) {
        struct epoll_event events[EVENTS_MAX];
        bool has_to_look = s->waiting.count || s->is_accept_paused;
        int count = epoll_wait(s->epoll_fd, events, EVENTS_MAX, has_to_look ? TICK_MS : -1);
        bool did_end = false, did_connect = false;
        for (int i = 0; i < count; i++) { /* a connection has one event, and dropping one frees no other's */
            void *what = events[i].data.ptr;
            if (what == &s->stop_fd) continue;
            if (what == &s->ended) did_end = true;
            else if (what == &s->listen_fd) did_connect = true;
            else on_readable(s, what);
        }
        if (did_end) on_ended(s);
        if (atomic_load(&s->is_stopping)) break;
        if (did_connect) on_connecting(s); /* after the events: it may push out a connection that has one */
        struct mono_time at = clock_mono(clock_system());
        if (mono_diff_ns(at, swept) >= TICK_MS * NS_PER_MS) {
            swept = at;
            on_tick(s);
        }
        atomic_store(&s->waiting_now, s->waiting.count);
    }
    close_fd(&s->listen_fd);
    while (s->threads) {
        struct epoll_event event;
        epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, s->stop_fd, NULL);
        if (epoll_wait(s->epoll_fd, &event, 1, TICK_MS) >= 0) on_ended(s);
    }
    while (s->waiting.oldest) drop(s, s->waiting.oldest);
    atomic_store(&s->waiting_now, 0);
}

/* ---- stop ---- */

void rtmp_server_stop(struct rtmp_server *s) {
    if (!s->listener) return;
    atomic_store(&s->is_stopping, true);
    uint64_t one = 1;
    ssize_t wrote = write(s->stop_fd, &one, sizeof one);
    assert(wrote == sizeof one);
    thread_join(&s->listener);
}

void rtmp_server_destroy(struct rtmp_server **address) {
    struct rtmp_server *s = *address;
    if (!s) return;
    *address = NULL;
    rtmp_server_stop(s);
    close_fd(&s->listen_fd);
    close_fd(&s->epoll_fd);
    close_fd(&s->stop_fd);
    if (s->ended.event_fd >= 0) inbox_close(&s->ended);
    mem_free(s->address);
    mem_free(s->application);
    mem_free(s);
}

void rtmp_server_count(const struct rtmp_server *s, struct rtmp_server_counters *out) {
    *out = (struct rtmp_server_counters){
        .connections = atomic_load(&s->connections),
        .handshakes_failed = atomic_load(&s->handshakes_failed),
        .publishes_refused = atomic_load(&s->refused),
        .publishes_accepted = atomic_load(&s->accepted),
        .stalled = atomic_load(&s->stalled),
        .malformed = atomic_load(&s->malformed),
        .pushed_out = atomic_load(&s->pushed_out),
        .publishers_now = atomic_load(&s->publishers_now),
        .waiting_now = atomic_load(&s->waiting_now),
    };
}
