/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * compiled.h: what a compiled index is made of; index.h draws it. For index.c, decide.c, conflict.c and avails.c. */
#ifndef BUSINESS_RIGHTS_COMPILED_H
#define BUSINESS_RIGHTS_COMPILED_H

#include <assert.h>
#include <stdatomic.h>

#include "base/thread.h"
#include "base/epoch.h"
#include "business/rights/index.h"
#include "business/rights/role.h"
#include "business/rights/set.h"

struct deal {
    int64_t id, party_id;
    uint8_t direction;
    _Atomic uint8_t status; /* enum rights_status */
    _Atomic bool may_sublicense;
};

enum scope_flag {
    SCOPE_HAS_AREAS = 1,
    SCOPE_HAS_LANGUAGES = 2,
    SCOPE_COUNTS_PLAYS = 4,
    SCOPE_IS_SPENT = 8,
    SCOPE_MAY_SUBLICENSE = 16, /* the line itself says so */
};
struct scope {
    uint64_t bits[4]; /* of its territories */
    const struct deal *deal;
    int64_t party_id; /* the deal's */
    uint32_t territories, languages;
    uint16_t media;
    uint8_t kind, flags;
    uint32_t spare;
};
static_assert(sizeof(struct scope) == 64, "a scope is a cache line");

struct record {
    uint32_t end_s;          /* UINT32_MAX: endless */
    uint32_t what;           /* media, the bit of the kind, flags: the scope's, once more. Most lines are ruled out without a look at it */
    uint32_t start_s, scope;
};
enum { WHAT_KIND_SHIFT = 16, WHAT_FLAGS_SHIFT = 24 };
static_assert((int)RIGHTS_MEDIA <= WHAT_KIND_SHIFT && (int)KINDS <= WHAT_FLAGS_SHIFT - WHAT_KIND_SHIFT, "all of it fits into `what`");
static_assert(sizeof(struct record) == 16, "four records to a cache line");

struct rows { /* bit i of a row is about records[i] */
    uint32_t words, class_count;
    uint8_t class_of[256];          /* countries that no line tells apart are one class */
    uint64_t *classes;              /* class_count rows: the line may hold in these countries, or in an area of theirs */
    uint64_t *media, *kinds;        /* RIGHTS_MEDIA, KINDS rows */
    uint32_t *ends;                 /* for each word, the latest end of its lines */
    size_t bytes;
};

struct block {
    uint32_t count;
    bool is_in_slab; /* lies in the memory of the whole book */
    struct rows *rows; /* NULL: few lines */
    struct record records[]; /* by start, then id; behind them int64_t ids[count], in step */
};
static inline const int64_t *block_ids(const struct block *b) { return (const int64_t *)(b->records + b->count); }
static inline size_t block_bytes(size_t count) { return sizeof(struct block) + count * (sizeof(struct record) + sizeof(int64_t)); }
/* How many lines have begun at an instant: they come first. */
static inline uint32_t block_begun(const struct block *b, uint32_t at_s) {
    uint32_t low = 0, high = b->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (b->records[middle].start_s <= at_s) low = middle + 1;
        else high = middle;
    }
    return low;
}

struct node {
    _Atomic int64_t title_id; /* 0: free. Written after the block */
    struct block *_Atomic block; /* NULL: no lines (any more) */
};
struct table {
    uint32_t used, shift; /* place of a title: hash >> shift */
    size_t capacity;      /* a power of two */
    struct node nodes[];
};
static inline size_t table_place(const struct table *t, int64_t title_id) {
    return (uint64_t)title_id * UINT64_C(0x9e3779b97f4a7c15) >> t->shift;
}
static inline const struct block *table_find(const struct table *t, int64_t title_id) {
    for (size_t at = table_place(t, title_id);; at = (at + 1) & (t->capacity - 1)) {
        int64_t there = atomic_load_explicit(&t->nodes[at].title_id, memory_order_acquire);
        if (there == title_id) return atomic_load(&t->nodes[at].block);
        if (!there) return NULL;
    }
}

struct deal_chunk {
    struct deal_chunk *next;
    uint32_t used, capacity;
    struct deal deals[];
};
struct limbo { /* out of sight, and perhaps still being read */
    void *ptr;
    uint64_t epoch;
    size_t bytes;
};

struct rights_index {
    /* Readers: the table first, blocks out of it, then the scopes: those blocks' are among them. */
    struct table *_Atomic table;
    struct scope *_Atomic scopes;

    char apart[64]; /* what writers write does not disturb readers */
    struct lock writing; /* for the rest */
    void *scope_memory; /* what `scopes` lies in */
    uint32_t scope_count, scope_capacity;
    uint32_t *scope_slots; /* number + 1; open addressing */
    size_t scope_slot_count;
    struct deal_chunk *deal_chunks; /* newest first */
    struct deal **deal_slots;
    size_t deal_slot_count, deal_count;
    struct limbo *limbo;
    size_t limbo_count, limbo_capacity;
    void *slab;
    size_t slab_bytes;
    uint64_t line_count, title_count, block_bytes; /* of blocks outside the slab, with their rows */
};

#endif
