/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "delivery/lane.h"

#include "base/mem.h"

static _Thread_local struct {
    uint64_t serial;
    struct lane *lane;
} mine;

struct lane *lane_mine(struct delivery *d) {
    if (mine.serial == d->serial) return mine.lane;
    struct lane *lane = mem_zalloc(sizeof *lane);
    if (!lane) return NULL;
    lane->cache = token_cache_create();
    lock_take(&d->lanes_lock);
    lane->next = d->lanes;
    d->lanes = lane;
    lock_give(&d->lanes_lock);
    mine.serial = d->serial;
    mine.lane = lane;
    return lane;
}

void lanes_destroy(struct delivery *d) {
    for (struct lane *l = d->lanes, *next; l; l = next) {
        next = l->next;
        token_cache_destroy(&l->cache);
        mem_free(l);
    }
    d->lanes = NULL;
}

void delivery_stats(const struct delivery *delivery, struct delivery_stats *out) {
    struct delivery *d = (struct delivery *)delivery; /* for its locks */
    struct delivery_stats s = {.shelf_entries = shelf_count(d->shelf), .revocations_live = token_revocations_live(d->authority)};
    on_air_count(d->on_air, clock_mono(d->clock), &s.titles_on_air, &s.viewers);
    lock_take(&d->lanes_lock);
    for (const struct lane *l = d->lanes; l; l = l->next) {
        for (int v = 0; v < TOKEN_VERDICTS; v++) s.verdicts[v] += atomic_load_explicit(&l->verdicts[v], memory_order_relaxed);
        s.shelf_hits += atomic_load_explicit(&l->shelf_hits, memory_order_relaxed);
        s.shelf_misses += atomic_load_explicit(&l->shelf_misses, memory_order_relaxed);
        s.live_requests += atomic_load_explicit(&l->live_requests, memory_order_relaxed);
        s.live_waits += atomic_load_explicit(&l->live_waits, memory_order_relaxed);
        s.live_streams += atomic_load_explicit(&l->live_streams, memory_order_relaxed);
        s.live_cut += atomic_load_explicit(&l->live_cut, memory_order_relaxed);
        s.token_cache_hits += atomic_load_explicit(&l->cache_hits, memory_order_relaxed);
    }
    lock_give(&d->lanes_lock);
    *out = s;
}
