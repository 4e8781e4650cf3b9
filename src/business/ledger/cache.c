/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What the writer thread has in memory, and how it is taken back. */
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "business/ledger/room.h"

static size_t hash_of(int64_t id) {
    uint64_t h = (uint64_t)id * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(h >> 32 ^ h);
}

/* --- map --- */

void *map_find(const struct map *m, int64_t id) {
    if (!m->count) return NULL;
    for (size_t i = hash_of(id);; i++) {
        int64_t *item = m->slots[i & (m->capacity - 1)];
        if (!item || *item == id) return item;
    }
}

static void map_place(struct map *m, void *item) {
    size_t i = hash_of(*(int64_t *)item);
    while (m->slots[i & (m->capacity - 1)]) i++;
    m->slots[i & (m->capacity - 1)] = item;
    m->count++;
}

bool map_put(struct map *m, void *item) {
    if (m->count * 2 >= m->capacity) {
        struct map larger = {.capacity = m->capacity ? m->capacity * 2 : 256};
        larger.slots = mem_zalloc_array(larger.capacity, sizeof *larger.slots);
        if (!larger.slots) return false;
        for (size_t i = 0; i < m->capacity; i++)
            if (m->slots[i]) map_place(&larger, m->slots[i]);
        mem_free(m->slots);
        *m = larger;
    }
    map_place(m, item);
    return true;
}

void map_empty(struct map *m) {
    if (m->count) memset(m->slots, 0, m->capacity * sizeof *m->slots);
    m->count = 0;
}

void map_free(struct map *m) {
    mem_free(m->slots);
    *m = (struct map){0};
}

/* --- pool --- */

enum { SLAB_ITEMS = 256 };

void *pool_take(struct pool *p) {
    if (!p->free) {
        void **slabs = mem_realloc_array(p->slabs, p->slab_count + 1, sizeof *slabs);
        if (!slabs) return NULL;
        p->slabs = slabs;
        char *slab = mem_alloc(SLAB_ITEMS * p->item_bytes);
        if (!slab) return NULL;
        p->slabs[p->slab_count++] = slab;
        for (size_t i = SLAB_ITEMS; i-- > 0;) pool_give(p, slab + i * p->item_bytes);
    }
    void *item = p->free;
    p->free = *(void **)item;
    return memset(item, 0, p->item_bytes);
}

void pool_give(struct pool *p, void *item) {
    *(void **)item = p->free;
    p->free = item;
}

void pool_free(struct pool *p) {
    for (size_t i = 0; i < p->slab_count; i++) mem_free(p->slabs[i]);
    mem_free(p->slabs);
    *p = (struct pool){.item_bytes = p->item_bytes};
}

bool vector_push(struct vector *v, void *item) {
    if (v->count == v->capacity) {
        size_t capacity = v->capacity ? v->capacity * 2 : 256;
        void **items = mem_realloc_array(v->items, capacity, sizeof *items);
        if (!items) return false;
        v->items = items;
        v->capacity = capacity;
    }
    v->items[v->count++] = item;
    return true;
}

/* --- accounts and holds --- */

struct account *book_account(const struct book *b, int64_t id) {
    struct account *a = map_find(&b->accounts, id);
    return a && !a->is_absent ? a : NULL;
}

struct account *book_account_add(struct book *b, int64_t id) {
    struct account *a = map_find(&b->accounts, id);
    if (a) {
        assert(a->is_absent);
        bool is_dirty = a->is_dirty; /* it stays in the list */
        *a = (struct account){.a.id = id, .is_dirty = is_dirty, .touched = b->group};
        return a;
    }
    a = pool_take(&b->account_pool);
    if (!a) return NULL;
    a->a.id = id;
    a->touched = b->group;
    if (map_put(&b->accounts, a)) return a;
    pool_give(&b->account_pool, a);
    return NULL;
}

static size_t key_bucket(int64_t org_id, int32_t ledger, int32_t code, int64_t owner_id) {
    return hash_of((int64_t)((uint64_t)org_id * 31 + (uint64_t)owner_id + ((uint64_t)ledger << 20) + (uint64_t)code)) & (KEY_BUCKETS - 1);
}

struct account *book_account_by_key(const struct book *b, int64_t org_id, int32_t ledger, int32_t code, int64_t owner_id) {
    struct account *a = b->by_key[key_bucket(org_id, ledger, code, owner_id)];
    while (a && !(a->a.org_id == org_id && a->a.ledger == ledger && a->a.code == code && a->a.owner_id == owner_id)) a = a->key_next;
    return a;
}

void book_key_add(struct book *b, struct account *a) {
    if (a->is_by_key) return;
    struct account **bucket = &b->by_key[key_bucket(a->a.org_id, a->a.ledger, a->a.code, a->a.owner_id)];
    a->key_next = *bucket;
    a->is_by_key = true;
    *bucket = a;
}

static void key_remove(struct book *b, struct account *a) {
    if (!a->is_by_key) return;
    struct account **at = &b->by_key[key_bucket(a->a.org_id, a->a.ledger, a->a.code, a->a.owner_id)];
    while (*at != a) at = &(*at)->key_next;
    *at = a->key_next;
    a->is_by_key = false;
}

struct hold *book_hold(const struct book *b, int64_t id) {
    struct hold *h = map_find(&b->holds, id);
    return h && !h->is_absent ? h : NULL;
}

struct hold *book_hold_add(struct book *b, int64_t id) {
    struct hold *h = map_find(&b->holds, id);
    if (h) {
        assert(h->is_absent);
        bool is_dirty = h->is_dirty;
        *h = (struct hold){.t.id = id, .is_dirty = is_dirty, .touched = b->group};
        return h;
    }
    h = pool_take(&b->hold_pool);
    if (!h) return NULL;
    h->t.id = id;
    h->touched = b->group;
    if (map_put(&b->holds, h)) return h;
    pool_give(&b->hold_pool, h);
    return NULL;
}

/* --- the newest ids --- */

static size_t ring_slot_of(const struct book *b, int64_t id) {
    size_t mask = b->ring_size * 2 - 1, i = hash_of(id) & mask;
    while (b->ring_slots[i] && b->ring[b->ring_slots[i] - 1].t.id != id) i = (i + 1) & mask;
    return i;
}

const struct recent *book_recent(const struct book *b, int64_t id) {
    uint32_t at = b->ring_slots[ring_slot_of(b, id)];
    return at ? &b->ring[at - 1] : NULL;
}

/* Linear probing without tombstones: what stands after the hole moves up if it may. */
static void ring_remove(struct book *b, int64_t id) {
    size_t mask = b->ring_size * 2 - 1, hole = ring_slot_of(b, id);
    assert(b->ring_slots[hole]);
    for (size_t i = (hole + 1) & mask; b->ring_slots[i]; i = (i + 1) & mask) {
        size_t home = hash_of(b->ring[b->ring_slots[i] - 1].t.id) & mask;
        if (((i - home) & mask) < ((i - hole) & mask)) continue; /* it would come before its home */
        b->ring_slots[hole] = b->ring_slots[i];
        hole = i;
    }
    b->ring_slots[hole] = 0;
}

/* A quarter of the ring may wait when a request begins, and a quarter is for the request: what waits to be written is never evicted. */
bool book_has_room(const struct book *b, size_t count) { return b->ring_head - b->request_head + count <= b->ring_size / 4; }
bool book_is_full(const struct book *b) { return b->ring_head - b->ring_flushed >= b->ring_size / 4; }

struct recent *book_recent_push(struct book *b, int64_t id) {
    if (b->ring_head - b->ring_tail == b->ring_size) {
        assert(b->ring_tail < b->ring_flushed);
        int64_t oldest = b->ring[b->ring_tail & (b->ring_size - 1)].t.id;
        ring_remove(b, oldest);
        if (oldest > b->window_low) b->window_low = oldest;
        b->ring_tail++;
    }
    uint32_t at = (uint32_t)(b->ring_head & (b->ring_size - 1));
    size_t slot = ring_slot_of(b, id);
    assert(!b->ring_slots[slot]);
    b->ring[at] = (struct recent){.t.id = id};
    b->ring_slots[slot] = at + 1;
    b->ring_head++;
    return &b->ring[at];
}

/* --- taking back --- */

bool book_reserve_undo(struct book *b, size_t count) {
    if (b->undo_count + count <= b->undo_capacity) return true;
    size_t capacity = b->undo_capacity ? b->undo_capacity : 1024;
    while (capacity < b->undo_count + count) capacity *= 2;
    struct undo *undo = mem_realloc_array(b->undo, capacity, sizeof *undo);
    if (!undo) return false;
    b->undo = undo;
    b->undo_capacity = capacity;
    return true;
}

void book_touch(struct book *b, struct account *a) {
    const struct ledger_account *l = &a->a;
    assert(b->undo_count < b->undo_capacity);
    b->undo[b->undo_count++] = (struct undo){.what = UNDO_ACCOUNT,
                                             .account = a,
                                             .flags = l->flags,
                                             .before = {l->debits_pending, l->debits_posted, l->credits_pending, l->credits_posted}};
    a->touched = b->group;
}

void book_touch_hold(struct book *b, struct hold *h) {
    assert(b->undo_count < b->undo_capacity);
    b->undo[b->undo_count++] = (struct undo){.what = UNDO_HOLD, .hold = h, .before = {h->state, h->ended_at, h->ended_by}};
    h->touched = b->group;
}

void book_undo(struct book *b, size_t undo_count, uint64_t ring_head) {
    while (b->undo_count > undo_count) {
        const struct undo *u = &b->undo[--b->undo_count];
        switch (u->what) {
        case UNDO_ACCOUNT:
            u->account->a.flags = u->flags;
            u->account->a.debits_pending = u->before[0];
            u->account->a.debits_posted = u->before[1];
            u->account->a.credits_pending = u->before[2];
            u->account->a.credits_posted = u->before[3];
            break;
        case UNDO_OPENED:
            key_remove(b, u->account);
            u->account->is_absent = true;
            break;
        case UNDO_HOLD:
            u->hold->state = (enum ledger_hold)u->before[0];
            u->hold->ended_at = u->before[1];
            u->hold->ended_by = u->before[2];
            break;
        case UNDO_HELD: u->hold->is_absent = true; break;
        }
    }
    assert(ring_head >= b->ring_flushed && ring_head >= b->ring_tail);
    while (b->ring_head > ring_head) {
        b->ring_head--;
        ring_remove(b, b->ring[b->ring_head & (b->ring_size - 1)].t.id);
    }
}

/* --- as a whole --- */

struct err book_open(struct book *b, size_t ring_size) {
    *b = (struct book){.account_pool.item_bytes = sizeof(struct account), .hold_pool.item_bytes = sizeof(struct hold), .ring_size = ring_size};
    b->by_key = mem_zalloc_array(KEY_BUCKETS, sizeof(struct account *));
    b->ring = mem_alloc(ring_size * sizeof *b->ring);
    b->ring_slots = mem_zalloc_array(ring_size * 2, sizeof *b->ring_slots);
    if (b->by_key && b->ring && b->ring_slots) return ERR_OK;
    book_free(b);
    return err_memory();
}

void book_free(struct book *b) {
    map_free(&b->accounts);
    map_free(&b->holds);
    pool_free(&b->account_pool);
    pool_free(&b->hold_pool);
    mem_free(b->by_key);
    mem_free(b->dirty.items);
    mem_free(b->dirty_holds.items);
    mem_free(b->ring);
    mem_free(b->ring_slots);
    mem_free(b->undo);
    mem_free(b->columns);
    *b = (struct book){0};
}

void book_forget(struct book *b) {
    map_empty(&b->accounts);
    map_empty(&b->holds);
    pool_free(&b->account_pool);
    pool_free(&b->hold_pool);
    memset(b->by_key, 0, KEY_BUCKETS * sizeof(struct account *));
    b->dirty.count = b->dirty_holds.count = 0;
    if (b->ring_head != b->ring_tail) memset(b->ring_slots, 0, b->ring_size * 2 * sizeof *b->ring_slots);
    b->ring_tail = b->ring_head = b->ring_flushed = b->request_head = 0;
    b->undo_count = 0;
    b->is_loaded = b->is_fence_new = false;
}

/* Of a table that has become too large keeps the half that was used last (by groups; all that were used by the present one stay). */
static uint64_t touched_middle(const struct map *m, size_t touched_offset, uint64_t newest) {
    uint64_t low = 0, high = newest;
    while (low < high) { /* the smallest group number that at most half of them were used at or after */
        uint64_t middle = low + (high - low) / 2;
        size_t kept = 0;
        for (size_t i = 0; i < m->capacity; i++)
            if (m->slots[i]) kept += *(uint64_t *)((char *)m->slots[i] + touched_offset) >= middle;
        if (kept > m->count / 2) low = middle + 1;
        else high = middle;
    }
    return low;
}

void book_sweep(struct book *b, size_t accounts_max) {
    if (b->accounts.count > accounts_max) {
        uint64_t from = touched_middle(&b->accounts, offsetof(struct account, touched), b->group);
        struct map old = b->accounts;
        b->accounts = (struct map){0};
        for (size_t i = 0; i < old.capacity; i++) {
            struct account *a = old.slots[i];
            if (!a) continue;
            bool is_kept = a->touched >= from && !a->is_absent && map_put(&b->accounts, a);
            if (is_kept) continue;
            key_remove(b, a);
            pool_give(&b->account_pool, a);
        }
        map_free(&old);
    }
    if (b->holds.count > HOLDS_MAX) {
        uint64_t from = touched_middle(&b->holds, offsetof(struct hold, touched), b->group);
        struct map old = b->holds;
        b->holds = (struct map){0};
        for (size_t i = 0; i < old.capacity; i++) {
            struct hold *h = old.slots[i];
            if (h && !(h->touched >= from && !h->is_absent && map_put(&b->holds, h))) pool_give(&b->hold_pool, h);
        }
        map_free(&old);
    }
}
