/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "delivery/revocation.h"

#include <stdatomic.h>
#include <stddef.h>

#include "base/mem.h"
#include "base/thread.h"

enum { BUCKET_SLOTS = 16, BUCKETS_FIRST = 16, BUCKETS_MAX = 1 << 20 };

struct bucket {
    _Atomic uint64_t name[BUCKET_SLOTS]; /* 0: free */
    _Atomic int64_t until_s[BUCKET_SLOTS];
};

struct table {
    struct table *older;
    size_t bucket_count; /* a power of two */
    struct bucket buckets[];
};

struct revocation_set {
    struct table *_Atomic table;
    struct lock writing;
};

static struct table *table_create(size_t bucket_count) {
    struct table *t = mem_zalloc(sizeof *t + bucket_count * sizeof(struct bucket));
    if (t) t->bucket_count = bucket_count;
    return t;
}

struct revocation_set *revocation_set_create(void) {
    struct revocation_set *set = mem_zalloc(sizeof *set);
    struct table *table = table_create(BUCKETS_FIRST);
    if (!set || !table) {
        mem_free(set);
        mem_free(table);
        return NULL;
    }
    lock_init(&set->writing, LOCK_delivery_revocation);
    atomic_init(&set->table, table);
    return set;
}

void revocation_set_destroy(struct revocation_set **set_at) {
    struct revocation_set *set = *set_at;
    if (!set) return;
    for (struct table *t = atomic_load(&set->table), *older; t; t = older) {
        older = t->older;
        mem_free(t);
    }
    lock_destroy(&set->writing);
    MEM_FREE(set_at);
}

static const struct bucket *bucket_of(const struct table *t, uint64_t name) { return &t->buckets[name & (t->bucket_count - 1)]; }

bool revocation_has(const struct revocation_set *set, uint64_t name, int64_t now_s) {
    const struct table *t = atomic_load_explicit(&set->table, memory_order_acquire);
    const struct bucket *b = bucket_of(t, name);
    bool has = false;
    for (int i = 0; i < BUCKET_SLOTS; i++) {
        bool same = atomic_load_explicit(&b->name[i], memory_order_acquire) == name;
        has |= same && atomic_load_explicit(&b->until_s[i], memory_order_relaxed) > now_s;
    }
    return has;
}

/* False if the bucket is full of what has not expired. The end is written before the name: a reader that sees the
 * name sees its end. (One that still sees the former name with the new end refuses a token that has expired.) */
static bool table_put(struct table *t, uint64_t name, int64_t until_s, int64_t now_s) {
    struct bucket *b = (struct bucket *)bucket_of(t, name);
    int place = -1;
    for (int i = 0; i < BUCKET_SLOTS; i++) {
        uint64_t there = atomic_load_explicit(&b->name[i], memory_order_relaxed);
        int64_t ends = atomic_load_explicit(&b->until_s[i], memory_order_relaxed);
        if (there == name) {
            if (until_s > ends) atomic_store_explicit(&b->until_s[i], until_s, memory_order_release);
            return true;
        }
        if (there == 0 || ends <= now_s) place = i;
    }
    if (place < 0) return false;
    atomic_store_explicit(&b->until_s[place], until_s, memory_order_release);
    atomic_store_explicit(&b->name[place], name, memory_order_release);
    return true;
}

static struct table *table_doubled(struct table *old, int64_t now_s) {
    for (size_t count = old->bucket_count * 2; count <= BUCKETS_MAX; count *= 2) {
        struct table *t = table_create(count);
        if (!t) return NULL;
        bool fits = true;
        for (size_t b = 0; b < old->bucket_count && fits; b++)
            for (int i = 0; i < BUCKET_SLOTS && fits; i++) {
                uint64_t name = atomic_load_explicit(&old->buckets[b].name[i], memory_order_relaxed);
                int64_t ends = atomic_load_explicit(&old->buckets[b].until_s[i], memory_order_relaxed);
                if (name && ends > now_s) fits = table_put(t, name, ends, now_s);
            }
        if (fits) return t;
        mem_free(t);
    }
    return NULL;
}

struct err revocation_add(struct revocation_set *set, uint64_t name, int64_t until_s, int64_t now_s) {
    struct err e = ERR_OK;
    lock_take(&set->writing);
    struct table *t = atomic_load_explicit(&set->table, memory_order_relaxed);
    while (!table_put(t, name, until_s, now_s)) {
        struct table *larger = table_doubled(t, now_s);
        if (!larger) {
            e = err_memory();
            break;
        }
        larger->older = t;
        atomic_store_explicit(&set->table, larger, memory_order_release);
        t = larger;
    }
    lock_give(&set->writing);
    return e;
}

uint64_t revocation_live(const struct revocation_set *set, int64_t now_s) {
    const struct table *t = atomic_load_explicit(&set->table, memory_order_acquire);
    uint64_t live = 0;
    for (size_t b = 0; b < t->bucket_count; b++)
        for (int i = 0; i < BUCKET_SLOTS; i++)
            live += atomic_load_explicit(&t->buckets[b].name[i], memory_order_relaxed) != 0 &&
                    atomic_load_explicit(&t->buckets[b].until_s[i], memory_order_relaxed) > now_s;
    return live;
}
