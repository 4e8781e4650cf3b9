/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * lane.h: the insides of struct delivery, and what each loop thread has for itself: its token cache and its counters,
 * so that loop threads share nothing that is written. Within delivery only. */
#ifndef DELIVERY_LANE_H
#define DELIVERY_LANE_H

#include <stdatomic.h>

#include "base/thread.h"
#include "delivery/delivery.h"
#include "delivery/ends.h"
#include "delivery/on_air.h"
#include "delivery/shelf.h"

struct lane {
    struct token_cache *cache; /* NULL when there was no memory for one: slower, not wrong */
    /* Written by this thread alone, read by whoever asks for statistics. */
    _Atomic uint64_t verdicts[TOKEN_VERDICTS], shelf_hits, shelf_misses, cache_hits;
    _Atomic uint64_t live_requests, live_waits, live_streams, live_cut;
    struct lane *next;
};

struct delivery {
    uint64_t serial; /* tells instances apart, also one made where another was freed */
    struct db *db;
    const struct clock *clock;
    struct id_maker *ids;
    struct object_store *objects;
    char *allow_origin;
    struct token_authority *authority;
    struct ends *ends;
    struct shelf *shelf;
    struct live *live;
    struct on_air_table *on_air;
    struct lock lanes_lock;
    struct lane *lanes;
};

struct lane *lane_mine(struct delivery *); /* of the calling thread; NULL when memory ran out */
void lanes_destroy(struct delivery *);
static inline void lane_count(_Atomic uint64_t *counter) {
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1, memory_order_relaxed);
}

#endif
