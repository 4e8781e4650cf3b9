/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/thread.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

struct thread {
    pthread_t handle;
    char name[16];
    void (*run)(void *);
    void *arg;
};

static _Thread_local const char *own_name = "main";
static _Thread_local uint64_t held; /* a bit per lock class */
_Static_assert(LOCK_CLASSES <= 64, "held is a 64-bit set");

static void *thread_main(void *p) {
    struct thread *t = p;
    own_name = t->name;
    pthread_setname_np(pthread_self(), t->name);
    t->run(t->arg);
    assert(!held);
    return NULL;
}

struct err thread_start(struct thread **out, const char *name, void (*run)(void *), void *arg) {
    struct thread *t = mem_zalloc(sizeof *t);
    if (!t) return err_memory();
    snprintf(t->name, sizeof t->name, "%s", name);
    t->run = run;
    t->arg = arg;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&t->handle, NULL, thread_main, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        mem_free(t);
        return err_make(ERR_LIMIT, "thread.start", "The system has no room for another thread.");
    }
    *out = t;
    return ERR_OK;
}

void thread_join(struct thread **address) {
    if (!*address) return;
    int failed = pthread_join((*address)->handle, NULL);
    assert(!failed);
    MEM_FREE(address);
}

const char *thread_name(void) { return own_name; }

void lock_init(struct lock *l, enum lock_class class) {
    l->class = class;
    int failed = pthread_mutex_init(&l->mutex, NULL);
    assert(!failed);
}

void lock_destroy(struct lock *l) { pthread_mutex_destroy(&l->mutex); }

void lock_take(struct lock *l) {
    assert(held >> l->class == 0); /* this one and all later ones are free: the order of locks.tbl.h */
    int failed = pthread_mutex_lock(&l->mutex);
    assert(!failed);
    held |= UINT64_C(1) << l->class;
}

void lock_give(struct lock *l) {
    assert(lock_is_mine(l));
    held &= ~(UINT64_C(1) << l->class);
    int failed = pthread_mutex_unlock(&l->mutex);
    assert(!failed);
}

bool lock_is_mine(const struct lock *l) { return held >> l->class & 1; }

void condition_init(struct condition *c) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    int failed = pthread_cond_init(&c->cond, &attributes);
    assert(!failed);
    pthread_condattr_destroy(&attributes);
}

void condition_destroy(struct condition *c) { pthread_cond_destroy(&c->cond); }

void condition_wait(struct condition *c, struct lock *l) {
    assert(lock_is_mine(l));
    pthread_cond_wait(&c->cond, &l->mutex);
}

bool condition_wait_ns(struct condition *c, struct lock *l, int64_t ns_max) {
    assert(lock_is_mine(l));
    struct mono_time until = mono_add_ns(clock_mono(clock_system()), ns_max);
    struct timespec ts = {.tv_sec = until.ns / NS_PER_S, .tv_nsec = until.ns % NS_PER_S};
    return pthread_cond_timedwait(&c->cond, &l->mutex, &ts) != ETIMEDOUT;
}

void condition_wake_all(struct condition *c) { pthread_cond_broadcast(&c->cond); }
void condition_wake_one(struct condition *c) { pthread_cond_signal(&c->cond); }

/* A stack that the receiver takes whole and turns round: one atomic exchange for any number of items. Only the push
 * onto an empty stack rings the event. */
struct err inbox_open(struct inbox *in) {
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) return err_from_errno(errno, "inbox.open", "The system has no room for another event.");
    in->event_fd = fd;
    atomic_store(&in->newest, NULL);
    return ERR_OK;
}

void inbox_close(struct inbox *in) {
    close(in->event_fd);
    in->event_fd = -1;
}

bool inbox_push(struct inbox *in, struct inbox_item *item) {
    struct inbox_item *before = atomic_load(&in->newest);
    do item->next = before;
    while (!atomic_compare_exchange_weak(&in->newest, &before, item));
    if (before) return false;
    uint64_t one = 1;
    ssize_t put = write(in->event_fd, &one, sizeof one);
    (void)put; /* it fails only when the counter is full, and then it is readable */
    return true;
}

struct inbox_item *inbox_take_all(struct inbox *in) {
    uint64_t count;
    ssize_t got = read(in->event_fd, &count, sizeof count); /* before the exchange, or a ring could be lost */
    (void)got;
    struct inbox_item *at = atomic_exchange(&in->newest, NULL), *oldest = NULL;
    while (at) {
        struct inbox_item *next = at->next;
        at->next = oldest;
        oldest = at;
        at = next;
    }
    return oldest;
}

struct inbox_item *inbox_wait(struct inbox *in, int64_t ns_max) {
    struct mono_time start = clock_mono(clock_system());
    for (;;) {
        struct inbox_item *items = inbox_take_all(in);
        if (items) return items;
        int64_t left_ns = ns_max < 0 ? -1 : ns_max - mono_diff_ns(clock_mono(clock_system()), start);
        if (ns_max >= 0 && left_ns <= 0) return NULL;
        struct timespec ts = {.tv_sec = left_ns / NS_PER_S, .tv_nsec = left_ns % NS_PER_S};
        struct pollfd p = {.fd = in->event_fd, .events = POLLIN};
        ppoll(&p, 1, ns_max < 0 ? NULL : &ts, NULL);
    }
}
