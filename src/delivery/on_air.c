/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "delivery/on_air.h"

#include "base/mem.h"
#include "base/thread.h"

enum { CHAINS = 256 };

struct on_air_table {
    struct lock lock;
    atomic_size_t count;
    struct on_air *chains[CHAINS];
};

struct on_air_table *on_air_table_create(void) {
    struct on_air_table *t = mem_zalloc(sizeof *t);
    if (t) lock_init(&t->lock, LOCK_delivery_on_air);
    return t;
}

void on_air_give(struct on_air **address) {
    struct on_air *o = *address;
    *address = NULL;
    if (!o || atomic_fetch_sub_explicit(&o->references, 1, memory_order_acq_rel) > 1) return;
    quality_destroy(&o->quality);
    mem_free(o);
}

void on_air_table_destroy(struct on_air_table **table) {
    struct on_air_table *t = *table;
    if (!t) return;
    for (size_t i = 0; i < CHAINS; i++)
        for (struct on_air *o = t->chains[i], *next; o; o = next) {
            next = o->chain;
            on_air_give(&o);
        }
    lock_destroy(&t->lock);
    MEM_FREE(table);
}

static struct on_air **place_of(struct on_air_table *t, struct slice title) {
    struct on_air **at = &t->chains[slice_hash(title) % CHAINS];
    while (*at && !slice_eq(public_id_slice(&(*at)->title), title)) at = &(*at)->chain;
    return at;
}

struct err on_air_put(struct on_air_table *t, const struct public_id *title) {
    struct on_air *fresh = mem_zalloc(sizeof *fresh);
    if (!fresh || !(fresh->quality = quality_create())) {
        mem_free(fresh);
        return err_memory();
    }
    fresh->title = *title;
    atomic_init(&fresh->references, 1);
    atomic_init(&fresh->is_open, true);
    lock_take(&t->lock);
    struct on_air **at = place_of(t, public_id_slice(title));
    if (*at) {
        atomic_store(&(*at)->is_open, true);
    } else {
        *at = fresh;
        fresh = NULL;
        atomic_fetch_add(&t->count, 1);
    }
    lock_give(&t->lock);
    on_air_give(&fresh);
    return ERR_OK;
}

void on_air_end(struct on_air_table *t, const struct public_id *title) {
    lock_take(&t->lock);
    struct on_air *o = *place_of(t, public_id_slice(title));
    if (o) atomic_store(&o->is_open, false);
    lock_give(&t->lock);
}

void on_air_remove(struct on_air_table *t, const struct public_id *title) {
    lock_take(&t->lock);
    struct on_air **at = place_of(t, public_id_slice(title)), *o = *at;
    if (o) {
        *at = o->chain;
        atomic_fetch_sub(&t->count, 1);
    }
    lock_give(&t->lock);
    on_air_give(&o);
}

struct on_air *on_air_take(struct on_air_table *t, struct slice title) {
    if (atomic_load_explicit(&t->count, memory_order_relaxed) == 0) return NULL;
    lock_take(&t->lock);
    struct on_air *o = *place_of(t, title);
    if (o) atomic_fetch_add_explicit(&o->references, 1, memory_order_relaxed);
    lock_give(&t->lock);
    return o;
}

void on_air_count(struct on_air_table *t, struct mono_time now, uint64_t *titles, uint64_t *viewers) {
    *titles = *viewers = 0;
    size_t room = atomic_load(&t->count), taken = 0;
    struct on_air **list = room ? mem_zalloc_array(room, sizeof *list) : NULL;
    if (!list) return;
    lock_take(&t->lock); /* counting takes longer than a lock may be held */
    for (size_t i = 0; i < CHAINS; i++)
        for (struct on_air *o = t->chains[i]; o && taken < room; o = o->chain) {
            if (!o->is_open) continue;
            atomic_fetch_add_explicit(&o->references, 1, memory_order_relaxed);
            list[taken++] = o;
        }
    lock_give(&t->lock);
    *titles = taken;
    for (size_t i = 0; i < taken; i++) {
        *viewers += quality_viewers(list[i]->quality, now);
        on_air_give(&list[i]);
    }
    mem_free(list);
}
