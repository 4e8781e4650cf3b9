/* SPDX-License-Identifier: AGPL-3.0-or-later
 * The server as a whole: made, started, stopped, taken down. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "system/http/core.h"

static const struct http_limits defaults = {
    .connections_max = 20000,
    .requests_per_connection_max = 100000,
    .streams_max = 128,
    .head_bytes_max = 16384,
    .work_queue_max = 1024,
    .stream_bytes_max = 1 << 20,
    .head_ms_max = 10000,
    .idle_ms_max = 60000,
    .body_window_ms = 10000,
    .body_window_bytes_min = 4096,
    .write_stall_ms_max = 60000,
    .held_ms_max = 120000,
    .held_briefly_ms_max = 6000,
};

static struct http_limits limits_of(struct http_limits given) {
    unsigned *at = (unsigned *)&given;
    const unsigned *standard = (const unsigned *)&defaults;
    for (size_t i = 0; i < sizeof given / sizeof *at; i++)
        if (!at[i]) at[i] = standard[i];
    if (given.head_bytes_max > 65536) given.head_bytes_max = 65536; /* what the scratch can hold */
    return given;
}
_Static_assert(sizeof(struct http_limits) == 13 * sizeof(unsigned), "limits_of goes through them as an array");

static bool text_copy(struct arena *arena, const char **text) {
    if (!*text) return true;
    *text = arena_cstr(arena, slice_cstr(*text));
    return *text != NULL;
}

static struct err options_copy(struct http_server *s, const struct http_options *given) {
    s->options = *given;
    struct http_options *o = &s->options;
    struct http_listen *listens = arena_alloc_array(s->arena, o->listen_count, sizeof *listens);
    struct http_field *common = arena_alloc_array(s->arena, o->common_count, sizeof *common);
    s->proxies = arena_alloc_array(s->arena, o->proxy_count, sizeof *s->proxies);
    s->ports = arena_alloc_array(s->arena, o->listen_count, sizeof *s->ports);
    if (arena_overflowed(s->arena)) return err_memory();
    bool has_tls = false;
    for (size_t i = 0; i < o->listen_count; i++) {
        listens[i] = o->listens[i];
        has_tls = has_tls || listens[i].has_tls;
        if (!text_copy(s->arena, &listens[i].address)) return err_memory();
    }
    o->listens = listens;
    for (size_t i = 0; i < o->common_count; i++)
        common[i] = (struct http_field){arena_copy(s->arena, o->common[i].name), arena_copy(s->arena, o->common[i].value)};
    o->common = common;
    if (!text_copy(s->arena, &o->tls_certificate) || !text_copy(s->arena, &o->tls_key) || arena_overflowed(s->arena)) return err_memory();
    for (size_t i = 0; i < o->proxy_count; i++) {
        struct slice text = slice_cstr(o->proxies[i]);
        size_t slash = slice_find_byte(text, '/');
        uint64_t bits = 128;
        bool is_v4;
        bool is_fine = address_parse(slice_sub(text, 0, slash == SLICE_NPOS ? text.len : slash), s->proxies[i].address, &is_v4);
        if (is_fine && slash != SLICE_NPOS) {
            is_fine = slice_to_u64(slice_sub(text, slash + 1, text.len), &bits) && bits <= (is_v4 ? 32 : 128);
            if (is_v4) bits += 96;
        }
        if (!is_fine) return err_make(ERR_INPUT, "http.proxy", "A proxy is an address or a prefix such as 10.0.0.0/8.");
        s->proxies[i].bits = (unsigned)bits;
    }
    s->proxy_count = o->proxy_count;
    if (!has_tls) return ERR_OK;
    if (!o->tls_certificate || !o->tls_key)
        return err_make(ERR_INPUT, "http.tls", "A listener with TLS needs a certificate and its key.");
    return tls_context_load(&s->tls, o->tls_certificate, o->tls_key);
}

static void server_free(struct http_server *s) {
    for (unsigned i = 0; s->loops && i < s->loop_count; i++) loop_close(&s->loops[i]);
    mem_free(s->loops);
    router_destroy(&s->router);
    tls_context_release(&s->tls);
    arena_destroy(&s->arena);
    lock_destroy(&s->tls_lock);
    lock_destroy(&s->stop_lock);
    condition_destroy(&s->stop_condition);
    mem_free(s);
}

static unsigned cores_count(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set)) return 1;
    int n = CPU_COUNT(&set);
    return n < 1 ? 1 : n > 64 ? 64 : (unsigned)n;
}

struct err http_server_create(struct http_server **out, const struct http_options *o) {
    struct http_server *s = mem_zalloc(sizeof *s);
    if (!s) return err_memory();
    lock_init(&s->tls_lock, LOCK_http_tls);
    lock_init(&s->stop_lock, LOCK_http_stop);
    condition_init(&s->stop_condition);
    s->clock = o->clock ? o->clock : clock_system();
    s->limits = limits_of(o->limits);
    s->arena = arena_create(1 << 20);
    s->router = router_create();
    struct err e = s->arena && s->router ? options_copy(s, o) : err_memory();
    if (!e.kind) {
        s->loop_count = o->loops ? (o->loops > 64 ? 64 : o->loops) : cores_count();
        s->loops = mem_zalloc_array(s->loop_count, sizeof *s->loops);
        if (!s->loops) e = err_memory();
        for (unsigned i = 0; s->loops && i < s->loop_count; i++) /* so that each can be closed, opened or not */
            s->loops[i].epoll_fd = s->loops[i].reserve_fd = s->loops[i].inbox.event_fd = -1;
        for (unsigned i = 0; !e.kind && i < s->loop_count; i++) e = loop_open(&s->loops[i], s, i);
    }
    if (e.kind) {
        server_free(s);
        return e;
    }
    *out = s;
    return ERR_OK;
}

struct err http_server_route(struct http_server *s, const struct http_route *r) {
    assert(!s->has_started);
    return router_add(s->router, r);
}

/* --- listening --- */

static struct err address_bad(void) {
    return err_make(ERR_INPUT, "http.address", "An address to listen on looks like 127.0.0.1:8080 or [::1]:8080.");
}

static struct err address_resolve(const char *text, struct sockaddr_storage *out, socklen_t *len) {
    struct slice s = slice_cstr(text);
    size_t colon = s.len;
    while (colon && s.ptr[colon - 1] != ':') colon--;
    uint64_t port;
    if (!colon || !slice_to_u64(slice_sub(s, colon, s.len), &port) || port > 65535) return address_bad();
    struct slice host = slice_sub(s, 0, colon - 1);
    uint8_t address[16];
    bool is_v4;
    if (slice_eq(host, SLICE("localhost"))) host = SLICE("127.0.0.1");
    if (!address_parse(host, address, &is_v4)) return address_bad();
    memset(out, 0, sizeof *out);
    if (is_v4) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)out;
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        memcpy(&v4->sin_addr, address + 12, 4);
        *len = sizeof *v4;
    } else {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        memcpy(&v6->sin6_addr, address, 16);
        *len = sizeof *v6;
    }
    return ERR_OK;
}

enum sharing { PORT_ALONE, PORT_SHARED };

static struct err socket_bind(const struct sockaddr_storage *address, socklen_t len, enum sharing sharing, int *out) {
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return err_from_errno(errno, "http.socket", "The system has no room for another socket.");
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (sharing == PORT_SHARED) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (address->ss_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    /* A client that vanished without a word is found out, also while it is held or listens (inherited on accept). */
    int idle_s = 60, interval_s = 15;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
    if (bind(fd, (const struct sockaddr *)address, len)) {
        int sys = errno;
        close(fd);
        if (sys == EADDRINUSE) return err_make(ERR_CONFLICT, "http.bind", "The port is taken by another program. Stop that one or choose another port.");
        if (sys == EADDRNOTAVAIL) return err_make(ERR_INPUT, "http.address", "This machine does not have the address to listen on.");
        return err_from_errno(sys, "http.bind", "The port cannot be used; those below 1024 need a special right.");
    }
    *out = fd;
    return ERR_OK;
}

static struct err listen_open(struct http_server *s, size_t index) {
    struct sockaddr_storage address;
    socklen_t len;
    struct err e = address_resolve(s->options.listens[index].address, &address, &len);
    if (e.kind) return e;
    /* All loops listen on the same port, and the kernel spreads the clients. That sharing would also let a second server
     * of the same user slip in beside us, so first ask for the port alone. */
    int probe;
    e = socket_bind(&address, len, PORT_ALONE, &probe);
    if (e.kind) return e;
    close(probe);
    for (unsigned i = 0; i < s->loop_count; i++) {
        struct loop *l = &s->loops[i];
        int fd;
        e = socket_bind(&address, len, PORT_SHARED, &fd);
        if (e.kind) return e;
        l->listeners[index] = (struct listener){.fd = fd, .has_tls = s->options.listens[index].has_tls};
        socklen_t got = sizeof address;
        if (getsockname(fd, (struct sockaddr *)&address, &got) || listen(fd, 4096))
            return err_from_errno(errno, "http.listen", "The port cannot be listened on.");
        s->ports[index] = ntohs(address.ss_family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port
                                                             : ((struct sockaddr_in6 *)&address)->sin6_port);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &l->listeners[index]};
        if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event))
            return err_from_errno(errno, "http.epoll", "The system has no room for another event.");
    }
    return ERR_OK;
}

uint16_t http_server_port(const struct http_server *s, size_t listen_index) { return s->ports[listen_index]; }

struct err http_server_start(struct http_server *s) {
    assert(!s->has_started);
    struct err e = ERR_OK;
    for (size_t i = 0; i < s->options.listen_count && !e.kind; i++) e = listen_open(s, i);
    if (!e.kind) e = pool_start(&s->workers, "http-work", s->options.workers ? s->options.workers : 4, s->limits.work_queue_max);
    if (!e.kind) e = pool_start(&s->readers, "http-read", 2, UINT32_MAX);
    for (unsigned i = 0; i < s->loop_count && !e.kind; i++) {
        char name[16];
        snprintf(name, sizeof name, "http-%u", i);
        e = thread_start(&s->loops[i].thread, name, loop_run, &s->loops[i]);
    }
    s->has_started = true;
    return e;
}

/* --- the end --- */

static void stop_want(struct http_server *s, int what) {
    for (unsigned i = 0; i < s->loop_count; i++) {
        atomic_store(&s->loops[i].stop_wanted, what);
        if (s->loops[i].thread) loop_wake(&s->loops[i]);
    }
}

static bool all_empty(struct http_server *s) {
    unsigned running = 0;
    for (unsigned i = 0; i < s->loop_count; i++) running += s->loops[i].thread != NULL;
    return s->empty_loops >= running;
}

void http_server_stop(struct http_server *s, int64_t ms_max) {
    if (s->has_stopped) return;
    s->has_stopped = true;
    struct mono_time start = clock_mono(clock_system());
    stop_want(s, 1);
    lock_take(&s->stop_lock);
    while (!all_empty(s)) {
        int64_t left_ns = ms_max * NS_PER_MS - mono_diff_ns(clock_mono(clock_system()), start);
        if (left_ns <= 0) break;
        condition_wait_ns(&s->stop_condition, &s->stop_lock, left_ns);
    }
    bool is_clean = all_empty(s);
    lock_give(&s->stop_lock);
    if (is_clean) return;
    stop_want(s, 2);
    lock_take(&s->stop_lock);
    while (!all_empty(s)) condition_wait(&s->stop_condition, &s->stop_lock);
    lock_give(&s->stop_lock);
}

void http_server_destroy(struct http_server **address) {
    struct http_server *s = *address;
    if (!s) return;
    *address = NULL;
    http_server_stop(s, 0);
    stop_want(s, 3);
    for (unsigned i = 0; i < s->loop_count; i++) thread_join(&s->loops[i].thread);
    pool_stop(&s->workers);
    pool_stop(&s->readers);
    for (unsigned i = 0; i < s->loop_count; i++)
        while (atomic_load(&s->loops[i].posting)) sched_yield(); /* a few instructions of a holder's last call */
    server_free(s);
}

struct err http_server_reload_tls(struct http_server *s) {
    if (!s->tls) return ERR_OK;
    struct tls_context *fresh = NULL;
    struct err e = tls_context_load(&fresh, s->options.tls_certificate, s->options.tls_key);
    if (e.kind) return e;
    lock_take(&s->tls_lock);
    struct tls_context *old = s->tls;
    s->tls = fresh;
    lock_give(&s->tls_lock);
    tls_context_release(&old); /* connections keep theirs */
    return ERR_OK;
}

void http_server_counters(const struct http_server *s, struct http_counters *out) {
    *out = (struct http_counters){0};
    for (unsigned i = 0; i < s->loop_count; i++) {
        const struct http_counters *one = &s->loops[i].counters;
#define HTTP_COUNTER(name, help) out->name += __atomic_load_n(&one->name, __ATOMIC_RELAXED);
#include "system/http/counters.tbl.h"
#undef HTTP_COUNTER
    }
}

#ifdef GRANDSTAND_TEST_DOORS
struct poke {
    struct message message; /* first */
    struct http_server *server;
    bool is_done;
};

static void poked(struct loop *l, struct message *m) {
    struct poke *p = (struct poke *)m;
    struct http_server *s = p->server;
    lock_take(&s->stop_lock);
    p->is_done = true;
    condition_wake_all(&s->stop_condition);
    lock_give(&s->stop_lock);
}

void http_server_poke(struct http_server *s) {
    /* The first message may be taken in a turn that had read the clock before it was moved; the third proves that the turn
     * of the second, which had not, has ended. */
    for (int round = 0; round < 3; round++) {
        for (unsigned i = 0; i < s->loop_count; i++) {
            struct poke p = {.message.run = poked, .server = s};
            loop_post(&s->loops[i], &p.message);
            lock_take(&s->stop_lock);
            while (!p.is_done) condition_wait(&s->stop_condition, &s->stop_lock);
            lock_give(&s->stop_lock);
        }
    }
}
#endif
