/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * table.c: where the blocks of titles are; compiled.h draws it. */
#include <assert.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "business/rights/compiled.h"

enum { HUGE_PAGE = 2 << 20, NODES_FIRST = 16 };

void *big_alloc(size_t bytes) {
    char *p = mem_alloc(bytes);
    if (p && bytes >= 2 * HUGE_PAGE) {
        uintptr_t from = ((uintptr_t)p + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1), to = ((uintptr_t)p + bytes) & ~(uintptr_t)(HUGE_PAGE - 1);
        if (to > from) (void)madvise((void *)from, to - from, MADV_HUGEPAGE);
    }
    return p;
}

struct table *table_create(int64_t first, uint64_t span, const struct slab *slab, size_t elsewhere) {
    size_t nodes = NODES_FIRST, shelves = (size_t)((span + SHELF_TITLES - 1) >> SHELF_SHIFT);
    while (nodes < 2 * elsewhere) nodes *= 2;
    size_t bytes = sizeof(struct table) + CACHE_LINE + nodes * sizeof(struct node) + shelves * (sizeof(uint32_t) + SHELF_TITLES);
    char *memory = big_alloc(bytes);
    if (!memory) return NULL;
    struct table *t = (struct table *)(void *)memory;
    memset(memory, 0, bytes);
    *t = (struct table){.first = first, .span = span, .slab = slab->base, .node_mask = nodes - 1, .bytes = bytes};
    t->nodes = (struct node *)(((uintptr_t)(t + 1) + CACHE_LINE - 1) & ~(uintptr_t)(CACHE_LINE - 1));
    t->steps = (_Atomic uint8_t *)(t->nodes + nodes);
    t->shelves = (const uint32_t *)(const void *)(t->steps + shelves * SHELF_TITLES);
    memset((void *)t->steps, ELSEWHERE, shelves * SHELF_TITLES);
    return t;
}
size_t table_places(const struct table *t) { return t ? (size_t)t->span + t->node_mask + 1 : 0; }
struct block *table_at(const struct table *t, size_t i) {
    if (i >= t->span) return atomic_load_explicit(&t->nodes[i - t->span].block, memory_order_relaxed);
    unsigned steps = atomic_load_explicit(&t->steps[i], memory_order_relaxed);
    return steps == ELSEWHERE ? NULL : shelf_block(t, t->shelves[i >> SHELF_SHIFT], steps);
}
bool table_has_node(const struct table *t, int64_t title_id) { return atomic_load_explicit(&table_node(t, title_id)->title_id, memory_order_relaxed); }
struct block *table_put(struct table *t, struct block *b) {
    struct block *old = table_find(t, b->title_id);
    struct node *node = table_node(t, b->title_id);
    bool is_new = !atomic_load_explicit(&node->title_id, memory_order_relaxed);
    assert(!is_new || 2 * t->node_count <= t->node_mask);
    atomic_store_explicit(&node->block, b, memory_order_release);
    atomic_store_explicit(&node->title_id, b->title_id, memory_order_release);
    t->node_count += is_new;
    uint64_t n = (uint64_t)b->title_id - (uint64_t)t->first;
    if (n < t->span) atomic_store_explicit(&t->steps[n], ELSEWHERE, memory_order_release); /* from here on it is found by its node */
    return old;
}
