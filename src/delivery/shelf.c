/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "delivery/shelf.h"

#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "base/thread.h"

enum { SHARDS = 16, CHAINS = 256 };

struct shard {
    struct lock lock;
    struct shelf_entry *chains[CHAINS];
    struct shelf_entry *newest, *oldest;
    size_t count;
};

struct shelf {
    size_t shard_max;
    _Atomic uint64_t generation;
    struct shard shards[SHARDS];
};

struct shelf *shelf_create(size_t entries_max) {
    struct shelf *s = mem_zalloc(sizeof *s);
    if (!s) return NULL;
    s->shard_max = entries_max < SHARDS ? 1 : entries_max / SHARDS;
    for (int i = 0; i < SHARDS; i++) lock_init(&s->shards[i].lock, LOCK_delivery_shelf);
    return s;
}

struct shelf_entry *shelf_entry_create(struct slice title, struct slice name) {
    struct public_id id;
    if (!public_id_parse(title, &id) || name.len > SHELF_NAME_MAX) return NULL;
    struct shelf_entry *e = mem_zalloc(sizeof *e);
    if (!e) return NULL;
    e->title = id;
    memcpy(e->name, name.ptr, name.len);
    atomic_init(&e->references, 1);
    return e;
}

void shelf_give(struct shelf_entry **entry) {
    struct shelf_entry *e = *entry;
    *entry = NULL;
    if (!e || atomic_fetch_sub_explicit(&e->references, 1, memory_order_acq_rel) > 1) return;
    http_file_release(&e->file);
    http_blob_release(&e->blob);
    arena_destroy(&e->arena);
    mem_free(e);
}

static uint64_t entry_hash(struct slice title, struct slice name) { return slice_hash(title) * 31 + slice_hash(name); }
static struct shard *shard_of(struct shelf *s, uint64_t hash) { return &s->shards[hash >> 32 & (SHARDS - 1)]; }
static struct shelf_entry **chain_of(struct shard *s, uint64_t hash) { return &s->chains[hash & (CHAINS - 1)]; }

static void unlink_age(struct shard *s, struct shelf_entry *e) {
    *(e->newer ? &e->newer->older : &s->newest) = e->older;
    *(e->older ? &e->older->newer : &s->oldest) = e->newer;
    e->newer = e->older = NULL;
}
static void link_newest(struct shard *s, struct shelf_entry *e) {
    e->older = s->newest;
    *(s->newest ? &s->newest->newer : &s->oldest) = e;
    s->newest = e;
}

static bool is_named(const struct shelf_entry *e, struct slice title, struct slice name) {
    return slice_eq(slice_cstr(e->name), name) && slice_eq(public_id_slice(&e->title), title);
}

/* Takes it off; the reference that the shelf had is the caller's to give, outside the lock: closing a file may block. */
static struct shelf_entry *remove_at(struct shard *s, struct shelf_entry **at) {
    struct shelf_entry *e = *at;
    *at = e->chain;
    e->chain = NULL;
    unlink_age(s, e);
    s->count--;
    return e;
}

struct shelf_entry *shelf_take(struct shelf *shelf, struct slice title, struct slice name) {
    uint64_t hash = entry_hash(title, name);
    struct shard *s = shard_of(shelf, hash);
    lock_take(&s->lock);
    struct shelf_entry *e = *chain_of(s, hash);
    while (e && !is_named(e, title, name)) e = e->chain;
    if (e) {
        atomic_fetch_add_explicit(&e->references, 1, memory_order_relaxed);
        if (s->newest != e) {
            unlink_age(s, e);
            link_newest(s, e);
        }
    }
    lock_give(&s->lock);
    return e;
}

uint64_t shelf_generation(const struct shelf *s) { return atomic_load_explicit(&s->generation, memory_order_acquire); }

void shelf_put(struct shelf *shelf, struct shelf_entry *entry, uint64_t generation) {
    struct slice title = public_id_slice(&entry->title), name = slice_cstr(entry->name);
    uint64_t hash = entry_hash(title, name);
    struct shard *s = shard_of(shelf, hash);
    struct shelf_entry *replaced = NULL, *fallen = NULL;
    lock_take(&s->lock);
    if (shelf_generation(shelf) == generation) {
        struct shelf_entry **at = chain_of(s, hash);
        while (*at && !is_named(*at, title, name)) at = &(*at)->chain;
        if (*at) replaced = remove_at(s, at);
        if (s->count >= shelf->shard_max) {
            struct shelf_entry **old = chain_of(s, entry_hash(public_id_slice(&s->oldest->title), slice_cstr(s->oldest->name)));
            while (*old != s->oldest) old = &(*old)->chain;
            fallen = remove_at(s, old);
        }
        atomic_fetch_add_explicit(&entry->references, 1, memory_order_relaxed);
        entry->chain = *chain_of(s, hash);
        *chain_of(s, hash) = entry;
        link_newest(s, entry);
        s->count++;
    }
    lock_give(&s->lock);
    shelf_give(&replaced);
    shelf_give(&fallen);
}

/* Removes all entries for which `title` is empty or theirs. */
static void forget(struct shelf *shelf, struct slice title) {
    for (int i = 0; i < SHARDS; i++) {
        struct shard *s = &shelf->shards[i];
        struct shelf_entry *gone = NULL;
        lock_take(&s->lock);
        for (int c = 0; c < CHAINS; c++)
            for (struct shelf_entry **at = &s->chains[c]; *at;) {
                if (title.len && !slice_eq(public_id_slice(&(*at)->title), title)) {
                    at = &(*at)->chain;
                    continue;
                }
                struct shelf_entry *e = remove_at(s, at);
                e->chain = gone;
                gone = e;
            }
        lock_give(&s->lock);
        for (struct shelf_entry *next; gone; gone = next) {
            next = gone->chain;
            shelf_give(&gone);
        }
    }
}

void shelf_forget(struct shelf *s, struct slice title) {
    atomic_fetch_add_explicit(&s->generation, 1, memory_order_acq_rel);
    if (title.len) forget(s, title);
}

uint64_t shelf_count(struct shelf *shelf) {
    uint64_t count = 0;
    for (int i = 0; i < SHARDS; i++) {
        lock_take(&shelf->shards[i].lock);
        count += shelf->shards[i].count;
        lock_give(&shelf->shards[i].lock);
    }
    return count;
}

void shelf_destroy(struct shelf **shelf) {
    if (!*shelf) return;
    forget(*shelf, SLICE_NONE);
    for (int i = 0; i < SHARDS; i++) lock_destroy(&(*shelf)->shards[i].lock);
    MEM_FREE(shelf);
}
