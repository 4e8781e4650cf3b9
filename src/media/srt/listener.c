/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * listener.c: who may call, and the list of those who did. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "media/srt/publisher.h"

enum { PUBLISHERS_MAX = 64, BACKLOG = 32, LOOK_MS = 200, LATENCY_MS = 120, PASSPHRASE_MIN = 10, PASSPHRASE_MAX = 79, STREAMID_SIZE = 513 };

struct srt_listener {
    struct srt_options options;
    char *passphrase, *program;
    SRTSOCKET socket;
    int poll; /* of libsrt; -1: none */
    int port;
    bool has_api;
    struct thread *thread;
    atomic_bool must_stop;
    struct lock lock; /* guards the list */
    struct publisher *publishers;
};

/* ---- addresses ---- */

static struct err bad_address(void) {
    return err_make(ERR_INPUT, "srt.address", "The address to listen on for SRT is not one. Write it as 127.0.0.1:9000 or [::1]:9000.");
}

static bool parse_address(const char *text, struct sockaddr_storage *out, socklen_t *len) {
    char host[64];
    struct slice all = slice_cstr(text);
    size_t colon = SLICE_NPOS;
    for (size_t i = 0; i < all.len; i++)
        if (all.ptr[i] == ':') colon = i;
    uint64_t port;
    if (colon == SLICE_NPOS || !slice_to_u64(slice_sub(all, colon + 1, all.len), &port) || port > 65535) return false;
    struct slice name = slice_sub(all, 0, colon);
    bool is_6 = name.len > 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']';
    if (is_6) name = slice_sub(name, 1, name.len - 1);
    if (name.len >= sizeof host) return false;
    memcpy(host, name.ptr, name.len);
    host[name.len] = 0;
    memset(out, 0, sizeof *out);
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    if (is_6) {
        *v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
        *len = sizeof *v6;
        return inet_pton(AF_INET6, host, &v6->sin6_addr) == 1;
    }
    *v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    *len = sizeof *v4;
    return name.len == 0 || inet_pton(AF_INET, host, &v4->sin_addr) == 1; /* no host: all of them */
}

static void format_address(const struct sockaddr *address, char out[80]) {
    char host[INET6_ADDRSTRLEN] = "?";
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        snprintf(out, 80, "[%s]:%u", host, ntohs(v6->sin6_port));
    } else {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        snprintf(out, 80, "%s:%u", host, ntohs(v4->sin_port));
    }
}

/* ---- who may call ---- */

static size_t publishers_max(const struct srt_listener *l) { return l->options.publishers_max ? l->options.publishers_max : PUBLISHERS_MAX; }

static int reject_code(struct err e) {
    if (!strcmp(e.code, "srt.streamid")) return SRT_REJX_BAD_REQUEST;
    if (!strcmp(e.code, "srt.mode")) return SRT_REJX_BAD_MODE;
    if (!strcmp(e.code, "srt.version")) return SRT_REJX_VERSION;
    switch (e.kind) {
    case ERR_DENIED:
    case ERR_NOT_FOUND: return SRT_REJX_UNAUTHORIZED;
    case ERR_CONFLICT: return SRT_REJX_CONFLICT;
    case ERR_LIMIT: return SRT_REJX_OVERLOAD;
    case ERR_BUSY:
    case ERR_CANCELLED: return SRT_REJX_DOWN;
    default: return SRT_REJX_ISE;
    }
}

/* On libsrt's receiving thread, for each call: a refusal now can still say why. */
static int on_call(void *user, SRTSOCKET socket, int version, const struct sockaddr *address, const char *streamid) {
    struct srt_listener *l = user;
    char peer[80];
    format_address(address, peer);
    struct slice key;
    struct err e = version < 5 ? srt_err("srt.version") : srt_streamid_parse(slice_cstr(streamid ? streamid : ""), &key);
    if (!e.kind && srt_listener_publishers(l) >= publishers_max(l))
        e = err_make(ERR_LIMIT, "feed.many", "There are as many publishers as this server takes. Try again when one has ended.");
    if (!e.kind && l->options.admit) {
        struct feed_hello hello = {.protocol = "srt", .key = key, .peer = slice_cstr(peer)};
        e = l->options.admit(l->options.admit_user, &hello);
    }
    if (!e.kind) return 0;
    log_warn("srt", "refused", LOG_TEXT("peer", peer), LOG_TEXT("code", e.code), LOG_TEXT("what", e.what));
    srt_setrejectreason(socket, reject_code(e));
    return -1;
}

/* ---- srt-listen ---- */

static void take_call(struct srt_listener *l, SRTSOCKET socket) {
    char streamid[STREAMID_SIZE] = "", peer[80];
    int size = sizeof streamid - 1, no = 0;
    struct sockaddr_storage address;
    int address_len = sizeof address;
    struct slice key;
    bool is_good = !srt_getsockflag(socket, SRTO_STREAMID, streamid, &size) && !srt_streamid_parse(slice_cstr(streamid), &key).kind &&
                   !srt_getpeername(socket, (struct sockaddr *)&address, &address_len) && !srt_setsockflag(socket, SRTO_RCVSYN, &no, sizeof no) &&
                   srt_listener_publishers(l) < publishers_max(l);
    if (!is_good) {
        srt_close(socket);
        return;
    }
    format_address((struct sockaddr *)&address, peer);
    struct publisher *p;
    struct err e = publisher_start(&l->options, socket, key, peer, &p);
    if (e.kind) {
        log_error("srt", "refused", LOG_TEXT("peer", peer), LOG_ERR(e));
        return;
    }
    lock_take(&l->lock);
    p->next = l->publishers;
    l->publishers = p;
    lock_give(&l->lock);
}

/* Those that have ended; with `all`, waits for the others too. */
static void reap(struct srt_listener *l, bool all) {
    struct publisher *gone = NULL;
    lock_take(&l->lock);
    for (struct publisher **at = &l->publishers; *at;) {
        struct publisher *p = *at;
        if (!all && !publisher_is_done(p)) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        p->next = gone;
        gone = p;
    }
    lock_give(&l->lock);
    while (gone) {
        struct publisher *p = gone;
        gone = p->next;
        publisher_join(&p);
    }
}

static void listen_run(void *arg) {
    struct srt_listener *l = arg;
    while (!atomic_load(&l->must_stop)) {
        SRT_EPOLL_EVENT event;
        int told = srt_epoll_uwait(l->poll, &event, 1, LOOK_MS);
        if (told > 0 && event.events & SRT_EPOLL_ERR) nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * NS_PER_MS}, NULL); /* the port is gone; do not spin */
        /* All that wait: libsrt tells of several at once only once, and its accepting with a timeout lost callers so. */
        for (SRTSOCKET called; (called = srt_accept(l->socket, NULL, NULL)) != SRT_INVALID_SOCK;) take_call(l, called);
        reap(l, false);
    }
}

/* ---- the door ---- */

static struct err open_socket(struct srt_listener *l) {
    static const struct err FAILED = {.kind = ERR_IO, .code = "srt.listen", .what = "The port for SRT could not be opened."};
    struct sockaddr_storage address;
    socklen_t len;
    if (!l->options.address || !parse_address(l->options.address, &address, &len)) return bad_address();
    size_t passphrase_len = l->passphrase ? strlen(l->passphrase) : 0;
    if (l->passphrase && (passphrase_len < PASSPHRASE_MIN || passphrase_len > PASSPHRASE_MAX))
        return err_make(ERR_INPUT, "srt.passphrase", "A passphrase for SRT has 10 to 79 characters.");
    l->socket = srt_create_socket();
    if (l->socket == SRT_INVALID_SOCK) return FAILED;
    int latency_ms = l->options.latency_ms > 0 ? l->options.latency_ms : LATENCY_MS, no = 0, yes = 1, key_bytes = 16;
    int bad = srt_setsockflag(l->socket, SRTO_RCVLATENCY, &latency_ms, sizeof latency_ms) | srt_setsockflag(l->socket, SRTO_REUSEADDR, &no, sizeof no) |
              srt_setsockflag(l->socket, SRTO_ENFORCEDENCRYPTION, &yes, sizeof yes) | srt_setsockflag(l->socket, SRTO_RCVSYN, &no, sizeof no);
    bool is_any = address.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&((struct sockaddr_in6 *)&address)->sin6_addr);
    if (address.ss_family == AF_INET6) bad |= srt_setsockflag(l->socket, SRTO_IPV6ONLY, is_any ? &no : &yes, sizeof yes); /* [::] means everybody */
    if (l->passphrase)
        bad |= srt_setsockflag(l->socket, SRTO_PBKEYLEN, &key_bytes, sizeof key_bytes) | srt_setsockflag(l->socket, SRTO_PASSPHRASE, l->passphrase, (int)passphrase_len);
    if (bad) return FAILED;
    if (srt_bind(l->socket, (struct sockaddr *)&address, (int)len)) {
        int sys = 0;
        srt_getlasterror(&sys);
        return (struct err){.kind = ERR_CONFLICT, .sys = sys, .code = "srt.in_use", .what = "The port for SRT is taken, or the address is none of this machine's."};
    }
    int own_len = sizeof address;
    if (srt_getsockname(l->socket, (struct sockaddr *)&address, &own_len)) return FAILED;
    l->port = ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port : ((struct sockaddr_in *)&address)->sin_port);
    return ERR_OK;
}

struct err srt_listener_create(const struct srt_options *options, struct srt_listener **out) {
    struct srt_listener *l = mem_zalloc(sizeof *l);
    if (!l) return err_memory();
    l->socket = SRT_INVALID_SOCK;
    l->poll = -1;
    l->options = *options;
    lock_init(&l->lock, LOCK_srt);
    struct err e = ERR_OK;
    if (options->passphrase && !(l->passphrase = mem_strdup(options->passphrase))) e = err_memory();
    if (!e.kind && options->program && !(l->program = mem_strdup(options->program))) e = err_memory();
    if (!e.kind) e = srt_api_acquire();
    l->has_api = !e.kind;
    if (!e.kind) e = open_socket(l);
    l->options.passphrase = NULL;
    l->options.address = NULL; /* borrowed until here */
    l->options.program = l->program;
    if (!l->options.clock) l->options.clock = clock_system();
    if (e.kind) srt_listener_destroy(&l);
    else *out = l;
    return e;
}

struct err srt_listener_start(struct srt_listener *l) {
    static const struct err FAILED = {.kind = ERR_IO, .code = "srt.listen", .what = "The port for SRT could not be opened."};
    int events = SRT_EPOLL_IN | SRT_EPOLL_ERR;
    l->poll = srt_epoll_create();
    if (l->poll < 0 || srt_listen_callback(l->socket, on_call, l) || srt_listen(l->socket, BACKLOG) || srt_epoll_add_usock(l->poll, l->socket, &events)) return FAILED;
    return thread_start(&l->thread, "srt-listen", listen_run, l);
}

void srt_listener_stop(struct srt_listener *l) {
    atomic_store(&l->must_stop, true);
    thread_join(&l->thread);
    if (l->poll >= 0) srt_epoll_release(l->poll);
    l->poll = -1;
    if (l->socket != SRT_INVALID_SOCK) srt_close(l->socket); /* no call is answered from here on */
    l->socket = SRT_INVALID_SOCK;
    lock_take(&l->lock);
    for (struct publisher *p = l->publishers; p; p = p->next) publisher_stop(p);
    lock_give(&l->lock);
    reap(l, true);
}

void srt_listener_destroy(struct srt_listener **listener) {
    struct srt_listener *l = *listener;
    if (!l) return;
    *listener = NULL;
    srt_listener_stop(l);
    if (l->has_api) srt_api_release();
    lock_destroy(&l->lock);
    mem_free(l->passphrase);
    mem_free(l->program);
    mem_free(l);
}

int srt_listener_port(const struct srt_listener *l) { return l->port; }

size_t srt_listener_publishers(struct srt_listener *l) {
    lock_take(&l->lock);
    size_t count = 0;
    for (struct publisher *p = l->publishers; p; p = p->next) count += !publisher_is_done(p);
    lock_give(&l->lock);
    return count;
}
