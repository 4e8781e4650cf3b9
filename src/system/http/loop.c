/* SPDX-License-Identifier: AGPL-3.0-or-later
 * A loop thread: waits for sockets, messages and timers, and gives each connection its turn. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "base/rng.h"
#include "system/http/core.h"

enum { EVENTS_TURN = 128, ACCEPTS_TURN = 64, LOOP_ARENA_BYTES_MAX = 1 << 20, STALL_MS = 50 };

void loop_post(struct loop *l, struct message *m) {
    atomic_fetch_add(&l->posting, 1); /* http_server_destroy waits: the ring comes after the message may have been read */
    inbox_push(&l->inbox, &m->item);
    atomic_fetch_sub(&l->posting, 1);
}

void loop_wake(struct loop *l) {
    uint64_t one = 1;
    ssize_t n = write(l->inbox.event_fd, &one, sizeof one);
    (void)n;
}

const char *loop_date(struct loop *l) {
    if (!l->date[0] || l->now.ns - l->date_ns >= NS_PER_S || l->now.ns < l->date_ns) {
        struct utc_time utc = clock_utc(l->server->clock);
        utc_format_http(l->date, utc);
        /* The next second of the wall clock is when it changes; the monotonic clock says when to look again. */
        l->date_ns = l->now.ns - (utc.ns - utc_seconds(utc) * NS_PER_S);
    }
    return l->date;
}

static const char busy_reply[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 5\r\nConnection: close\r\n\r\n";

static void refuse(struct loop *l, int fd, bool has_tls) {
    COUNT(l, connections_refused_total, 1);
    if (!has_tls) {
        ssize_t n = send(fd, busy_reply, sizeof busy_reply - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)n; /* a courtesy */
    }
    close(fd);
}

static void accept_some(struct loop *l, struct listener *listener) {
    for (int i = 0; i < ACCEPTS_TURN; i++) {
        struct sockaddr_storage peer;
        socklen_t peer_len = sizeof peer;
        int fd = accept4(listener->fd, (struct sockaddr *)&peer, &peer_len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EINTR || errno == ECONNABORTED) continue;
            if ((errno == EMFILE || errno == ENFILE) && l->reserve_fd >= 0) {
                /* No descriptor is left: give up the spare one for a moment, so that the client is told instead of
                 * left waiting, and so that the listener does not stay readable for ever. */
                close(l->reserve_fd);
                fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
                if (fd >= 0) refuse(l, fd, listener->has_tls);
                l->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
                continue;
            }
            return;
        }
        if (atomic_fetch_add(&l->server->conns, 1) >= l->server->limits.connections_max) {
            atomic_fetch_sub(&l->server->conns, 1);
            refuse(l, fd, listener->has_tls);
            continue;
        }
        struct conn *c = conn_open(l, fd, &peer, listener->has_tls);
        if (!c) {
            atomic_fetch_sub(&l->server->conns, 1);
            COUNT(l, connections_refused_total, 1);
        }
    }
}

static void messages_run(struct loop *l) {
    struct inbox_item *next, *item = inbox_take_all(&l->inbox);
    for (; item; item = next) {
        next = item->next; /* the message may be gone once it has run */
        struct message *m = (struct message *)item;
        m->run(l, m);
    }
}

static void dead_bury(struct loop *l) {
    while (l->conns_dead) {
        struct conn *c = l->conns_dead;
        l->conns_dead = c->next;
        conn_bury(c);
    }
}

static void ready_run(struct loop *l) {
    struct conn *c = l->conns_ready;
    l->conns_ready = NULL;
    while (c) {
        struct conn *next = c->next;
        c->is_ready_listed = false;
        c->next = NULL;
        if (c->is_dead) {
            c->next = l->conns_dead;
            l->conns_dead = c;
        } else {
            conn_event(c, 0);
        }
        c = next;
    }
}

static void listeners_close(struct loop *l) {
    for (size_t i = 0; i < l->listener_count; i++) {
        if (l->listeners[i].fd >= 0) close(l->listeners[i].fd);
        l->listeners[i].fd = -1;
    }
}

static void conns_each(struct loop *l, void (*fn)(struct conn *)) {
    for (struct conn_slab *slab = l->slabs; slab; slab = slab->next)
        for (size_t i = 0; i < ARRAY_LEN(slab->conns); i++)
            if (slab->conns[i].fd >= 0 && !slab->conns[i].is_dead) fn(&slab->conns[i]);
}

/* Looks at what http_server_stop wants. */
static void stop_advance(struct loop *l) {
    int wanted = atomic_load(&l->stop_wanted);
    if (wanted >= 1 && !l->is_stopping) {
        l->is_stopping = true;
        listeners_close(l);
        conns_each(l, conn_drain);
    }
    if (wanted >= 2 && !l->is_closing) {
        l->is_closing = true;
        conns_each(l, conn_kill);
    }
}

/* http_server_stop waits for this. */
static void empty_tell(struct loop *l) {
    if (!l->is_stopping || l->open_conns || l->has_told_empty) return;
    l->has_told_empty = true;
    lock_take(&l->server->stop_lock);
    l->server->empty_loops++;
    condition_wake_all(&l->server->stop_condition);
    lock_give(&l->server->stop_lock);
}

static bool may_leave(struct loop *l) { return atomic_load(&l->stop_wanted) >= 3 && !l->away && !atomic_load(&l->handles); }

/* How often this thread has slept of its own will, in all its life. */
static long sleeps_count(void) {
    struct rusage usage;
    return getrusage(RUSAGE_THREAD, &usage) ? 0 : usage.ru_nvcsw;
}

/* Called before a file is sent from here: from now to the end of this turn the thread must not sleep. */
void loop_watch_sleeps(struct loop *l) {
    if (l->has_sent_files) return;
    l->has_sent_files = true;
    l->sleeps_before = sleeps_count();
}

void loop_run(void *arg) {
    struct loop *l = arg;
    struct epoll_event events[EVENTS_TURN];
    bool is_manual = l->server->clock != clock_system();
    while (!may_leave(l)) {
        int wait_ms = -1;
        int64_t next_ns = timers_next_ns(l);
        if (l->conns_ready) wait_ms = 0;
        else if (next_ns >= 0 && !is_manual) wait_ms = next_ns / NS_PER_MS + 1 > INT_MAX ? INT_MAX : (int)(next_ns / NS_PER_MS) + 1;
        int count = epoll_wait(l->epoll_fd, events, EVENTS_TURN, wait_ms);
        l->now = clock_mono(l->server->clock);
        struct mono_time turn_start = l->now;
        bool has_messages = false;
        for (int i = 0; i < count; i++) {
            void *what = events[i].data.ptr;
            if (what == &l->inbox) {
                has_messages = true;
            } else if ((char *)what >= (char *)l->listeners && (char *)what < (char *)(l->listeners + l->listener_count)) {
                if (((struct listener *)what)->fd >= 0) accept_some(l, what);
            } else {
                struct conn *c = what;
                if (c->fd >= 0 && !c->is_dead) conn_event(c, events[i].events);
            }
        }
        if (l->conns_ready) ready_run(l);
        if (has_messages) messages_run(l);
        timers_run(l);
        stop_advance(l);
        dead_bury(l);
        empty_tell(l);
        if (l->has_sent_files) {
            l->has_sent_files = false;
            COUNT(l, loop_file_waits_total, sleeps_count() - l->sleeps_before);
        }
        if (!is_manual && mono_diff_ns(clock_mono(l->server->clock), turn_start) > STALL_MS * NS_PER_MS) COUNT(l, loop_stalls_total, 1);
        atomic_fetch_add(&l->turns, 1);
    }
    messages_run(l); /* nobody's any more but topics' */
    dead_bury(l);
}

struct err loop_open(struct loop *l, struct http_server *server, unsigned index) {
    l->server = server;
    l->index = index;
    l->epoll_fd = l->reserve_fd = -1;
    l->inbox.event_fd = -1;
    timers_init(l, &server->limits);
    rng_secure(&l->request_id, sizeof l->request_id);
    l->now = clock_mono(server->clock);
    l->scratch_in = mem_alloc(SCRATCH_IN_BYTES);
    l->scratch_out = mem_alloc(SCRATCH_OUT_BYTES);
    l->cipher_out = mem_alloc(CIPHER_OUT_BYTES);
    l->arena = arena_create(LOOP_ARENA_BYTES_MAX);
    l->listeners = mem_zalloc_array(server->options.listen_count, sizeof *l->listeners);
    if (!l->scratch_in || !l->scratch_out || !l->cipher_out || !l->arena || !l->listeners) return err_memory();
    l->listener_count = server->options.listen_count;
    for (size_t i = 0; i < l->listener_count; i++) l->listeners[i].fd = -1;
    struct err e = inbox_open(&l->inbox);
    if (e.kind) return e;
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll_fd < 0) return err_from_errno(errno, "http.epoll", "The system has no room for another event loop.");
    l->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &l->inbox};
    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->inbox.event_fd, &event))
        return err_from_errno(errno, "http.epoll", "The system has no room for another event.");
    return ERR_OK;
}

/* After the thread has ended: everything that belongs to nobody else any more. */
void loop_close(struct loop *l) {
    listeners_close(l);
    if (l->slabs) {
        conns_each(l, conn_kill);
        dead_bury(l);
    }
    while (l->slabs) {
        struct conn_slab *next = l->slabs->next;
        mem_free(l->slabs);
        l->slabs = next;
    }
    while (l->requests_free) {
        struct http_request *next = l->requests_free->next;
        mem_free(l->requests_free);
        l->requests_free = next;
    }
    if (l->epoll_fd >= 0) close(l->epoll_fd);
    if (l->reserve_fd >= 0) close(l->reserve_fd);
    if (l->inbox.event_fd >= 0) inbox_close(&l->inbox);
    arena_destroy(&l->arena);
    MEM_FREE(&l->scratch_in);
    MEM_FREE(&l->scratch_out);
    MEM_FREE(&l->cipher_out);
    MEM_FREE(&l->listeners);
}
