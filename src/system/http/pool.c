/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Threads for what may block: handlers that use the database, reads from the disk. One bounded queue a pool. */
#include <assert.h>
#include <stdio.h>

#include "system/http/core.h"

enum { POOL_THREADS_MAX = 64, WORKER_ARENA_BYTES_MAX = 64 << 20 };

struct pool {
    struct lock lock;
    struct condition has_work;
    struct work *oldest, *newest;
    size_t count, count_max;
    bool is_stopping;
    unsigned thread_count;
    struct thread *threads[POOL_THREADS_MAX];
};

static void pool_run(void *arg) {
    struct pool *p = arg;
    struct arena *arena = arena_create(WORKER_ARENA_BYTES_MAX);
    lock_take(&p->lock);
    for (;;) {
        while (!p->oldest && !p->is_stopping) condition_wait(&p->has_work, &p->lock);
        struct work *w = p->oldest;
        if (!w) break;
        p->oldest = w->next;
        if (!p->oldest) p->newest = NULL;
        p->count--;
        lock_give(&p->lock);
        if (!arena) arena = arena_create(WORKER_ARENA_BYTES_MAX); /* memory was short when we began */
        w->run(w, arena);
        if (arena) arena_reset(arena);
        lock_take(&p->lock);
    }
    lock_give(&p->lock);
    arena_destroy(&arena);
}

struct err pool_start(struct pool **out, const char *name, unsigned threads, unsigned queue_max) {
    assert(threads > 0);
    if (threads > POOL_THREADS_MAX) threads = POOL_THREADS_MAX;
    struct pool *p = mem_zalloc(sizeof *p);
    if (!p) return err_memory();
    lock_init(&p->lock, LOCK_http_pool);
    condition_init(&p->has_work);
    p->count_max = queue_max;
    struct err e = ERR_OK;
    for (unsigned i = 0; i < threads && !e.kind; i++) {
        char full[16];
        snprintf(full, sizeof full, "%.12s-%u", name, i);
        e = thread_start(&p->threads[i], full, pool_run, p);
        if (!e.kind) p->thread_count++;
    }
    if (e.kind) {
        pool_stop(&p);
        return e;
    }
    *out = p;
    return ERR_OK;
}

bool pool_submit(struct pool *p, struct work *w, enum pool_urgency urgency) {
    w->next = NULL;
    lock_take(&p->lock);
    bool has_room = urgency == POOL_MUST || p->count < p->count_max;
    if (has_room) {
        if (p->newest) p->newest->next = w;
        else p->oldest = w;
        p->newest = w;
        p->count++;
        condition_wake_one(&p->has_work);
    }
    lock_give(&p->lock);
    return has_room;
}

void pool_stop(struct pool **address) {
    struct pool *p = *address;
    if (!p) return;
    *address = NULL;
    lock_take(&p->lock);
    p->is_stopping = true;
    condition_wake_all(&p->has_work);
    lock_give(&p->lock);
    for (unsigned i = 0; i < p->thread_count; i++) thread_join(&p->threads[i]);
    condition_destroy(&p->has_work);
    lock_destroy(&p->lock);
    mem_free(p);
}
