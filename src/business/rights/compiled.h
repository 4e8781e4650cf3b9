/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * compiled.h: what a compiled index is made of; index.h draws it. For index.c, table.c, decide.c, conflict.c and avails.c. */
#ifndef BUSINESS_RIGHTS_COMPILED_H
#define BUSINESS_RIGHTS_COMPILED_H

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include "base/thread.h"
#include "base/epoch.h"
#include "business/rights/index.h"
#include "business/rights/role.h"
#include "business/rights/set.h"

/* ThreadSanitizer takes vectors that are loaded beside atomic stores for a race. */
#if defined(__SANITIZE_THREAD__)
#define IS_WATCHED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define IS_WATCHED 1
#endif
#endif
#ifndef IS_WATCHED
#define IS_WATCHED 0
#endif

enum { CACHE_LINE_SHIFT = 6, CACHE_LINE = 1 << CACHE_LINE_SHIFT };

/* Large memory that is read at random: with pages of 4 KB each look would cost a walk through page tables too. NULL: memory. For mem_free. */
void *big_alloc(size_t bytes);

struct deal {
    int64_t id, party_id;
    uint8_t direction;
    uint8_t coming_status;  /* the writer's: what lines are compiled by, until it is published */
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
    uint32_t place; /* of its territories in the rows of places; see what_of */
};
static_assert(sizeof(struct scope) == 64, "a scope is a cache line");

struct record { /* a line, as blocks hold it by columns */
    uint32_t end_s; /* UINT32_MAX: endless */
    uint32_t what;  /* what a decision needs of the scope and of the deal's status, once more */
    uint32_t start_s, scope;
};
/* `what`, from its lowest bit: 12 media; 3 the kind and 1, and 0 for what is no line; is its deal not active; are its plays used up; has it languages; does it
 * count plays; nothing; 12 where its territories are in the rows of places. */
enum {
    WHAT_KIND_SHIFT = 12,
    WHAT_IS_INACTIVE = 1 << 15,
    WHAT_IS_SPENT = 1 << 16,
    WHAT_HAS_LANGUAGES = 1 << 17,
    WHAT_COUNTS_PLAYS = 1 << 18,
    WHAT_PLACE_SHIFT = 20,
    PLACES_MAX = 1 << (32 - WHAT_PLACE_SHIFT), /* the last one is for all that came too late */
};
static_assert((int)RIGHTS_MEDIA <= WHAT_KIND_SHIFT && (int)KINDS < 8, "all of it fits into `what`");
static inline uint32_t what_of(const struct scope *s) {
    return (s->media & RIGHTS_ALL_MEDIA) | (s->kind + 1u) << WHAT_KIND_SHIFT | (s->deal->coming_status == RIGHTS_ACTIVE ? 0u : WHAT_IS_INACTIVE) |
           (s->flags & SCOPE_IS_SPENT ? WHAT_IS_SPENT : 0u) | (s->flags & SCOPE_HAS_LANGUAGES ? WHAT_HAS_LANGUAGES : 0u) |
           (s->flags & SCOPE_COUNTS_PLAYS ? WHAT_COUNTS_PLAYS : 0u) | s->place << WHAT_PLACE_SHIFT;
}
static inline unsigned what_kind(uint32_t what) { return (what >> WHAT_KIND_SHIFT & 7) - 1; }

struct rows { /* bit i of a row is about line i */
    uint32_t words, class_count;
    uint8_t class_of[256];          /* countries that no line tells apart are one class */
    uint64_t *classes;              /* class_count rows: the line may hold in these countries, or in an area of theirs */
    uint64_t *media, *kinds;        /* RIGHTS_MEDIA, KINDS rows */
    uint32_t *ends;                 /* for each word, the latest end of its lines */
    size_t bytes;
};

struct block {
    int64_t title_id;
    uint32_t count; /* 0: the title has no lines any more */
    bool is_in_slab; /* lies in the memory of the whole book */
    bool has_rows;   /* it has more than a few lines */
    uint32_t columns[]; /* ends, whats, starts, scopes: count of each, lines by start, then id; then int64_t ids[count], and where there are rows a pointer to them */
};
static inline const uint32_t *block_ends(const struct block *b) { return b->columns; }
static inline const uint32_t *block_whats(const struct block *b) { return b->columns + b->count; }
static inline const uint32_t *block_starts(const struct block *b) { return b->columns + 2 * (size_t)b->count; }
static inline const uint32_t *block_scopes(const struct block *b) { return b->columns + 3 * (size_t)b->count; }
static inline const int64_t *block_ids(const struct block *b) { return (const int64_t *)(b->columns + 4 * (size_t)b->count); }
static inline struct rows **block_rows_at(struct block *b) { return (struct rows **)(block_ids(b) + b->count); }
static inline const struct rows *block_rows(const struct block *b) { return b->has_rows ? *block_rows_at((struct block *)b) : NULL; }
static inline struct record block_record(const struct block *b, uint32_t i) {
    return (struct record){block_ends(b)[i], block_whats(b)[i], block_starts(b)[i], block_scopes(b)[i]};
}
static inline size_t block_bytes(size_t count) {
    return sizeof(struct block) + count * (sizeof(struct record) + sizeof(int64_t)) + (count > INDEX_FEW ? sizeof(struct rows *) : 0);
}
/* The rows of a block whose lines are there; whoever gets them gives them back with mem_free. NULL: memory ran out. */
struct rows *rows_of(const struct block *, const struct scope *scopes);
/* How many lines have begun at an instant: they come first. */
static inline uint32_t block_begun(const struct block *b, uint32_t at_s) {
    const uint32_t *starts = block_starts(b);
    uint32_t low = 0, high = b->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (starts[middle] <= at_s) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* Where blocks of a whole book lie. */
struct slab {
    char *memory;
    size_t bytes;
    const char *base; /* in it, where a cache line begins */
};

/* Ids are given one after the other, so a title's block is found by counting: titles stand on shelves of 32, as their ids follow each other, and a byte tells how
 * many steps from the beginning of its shelf's blocks a title's block lies. All of it for a hundred thousand titles is 112 KB and stays in the caches.
 * Not on its shelf is what came after the whole book was compiled, what has more than a few lines, and all where ids lie too far apart: that is hashed. */
enum { SHELF_SHIFT = 5, SHELF_TITLES = 1 << SHELF_SHIFT, STEP_SHIFT_BITS = 2, ELSEWHERE = 255 };
struct node {
    _Atomic int64_t title_id; /* 0: free. Filled once and never emptied */
    struct block *_Atomic block;
};
struct table {
    int64_t first;            /* the first title that stands on a shelf */
    uint64_t span;            /* how many ids from there on do */
    const char *slab;         /* where the blocks lie that are on shelves, each on cache lines of its own */
    const uint32_t *shelves;  /* of each: in which cache line its blocks begin; in the lowest bits how many cache lines a step is, as a power of two */
    _Atomic uint8_t *steps;   /* of each title; or ELSEWHERE */
    struct node *nodes;       /* open addressing, half of them free */
    size_t node_mask, node_count;
    size_t bytes;
};
static inline size_t node_first(const struct table *t, int64_t title_id) { return (size_t)((uint64_t)title_id * UINT64_C(0x9e3779b97f4a7c15) >> 32) & t->node_mask; }
/* The title's node, or the free one where it belongs: for the writer. */
static inline struct node *table_node(const struct table *t, int64_t title_id) {
    size_t at = node_first(t, title_id);
    for (int64_t id; (id = atomic_load_explicit(&t->nodes[at].title_id, memory_order_acquire)) && id != title_id;) at = (at + 1) & t->node_mask;
    return &t->nodes[at];
}
static inline struct block *shelf_block(const struct table *t, uint32_t shelf, unsigned steps) {
    size_t line = (shelf >> STEP_SHIFT_BITS) + ((size_t)steps << (shelf & ((1 << STEP_SHIFT_BITS) - 1)));
    return (struct block *)(uintptr_t)(t->slab + (line << CACHE_LINE_SHIFT));
}
/* The title's block; NULL: it never had lines. */
static inline struct block *table_find(const struct table *t, int64_t title_id) {
    uint64_t n = (uint64_t)title_id - (uint64_t)t->first;
    if (__builtin_expect(n < t->span, 1)) {
        unsigned steps = atomic_load_explicit(&t->steps[n], memory_order_acquire);
        if (__builtin_expect(steps != ELSEWHERE, 1)) return shelf_block(t, t->shelves[n >> SHELF_SHIFT], steps);
    }
    for (size_t at = node_first(t, title_id);; at = (at + 1) & t->node_mask) {
        int64_t id = atomic_load_explicit(&t->nodes[at].title_id, memory_order_acquire);
        if (!id) return NULL; /* without a look at its block, which may be another title's that is just being put there */
        if (id == title_id) return atomic_load_explicit(&t->nodes[at].block, memory_order_acquire);
    }
}
/* With nobody on the shelves yet, and room elsewhere for so many. NULL: memory. One piece, for mem_free. */
struct table *table_create(int64_t first, uint64_t span, const struct slab *, size_t elsewhere);
/* All blocks: those of 0 to table_places - 1 that are not NULL. A table that is NULL has no places. */
size_t table_places(const struct table *);
struct block *table_at(const struct table *, size_t place);
bool table_has_node(const struct table *, int64_t title_id);
/* Returns the block that was there. Readers may be in the table. There is room. */
struct block *table_put(struct table *, struct block *);

/* Asks for what table_find reads. */
static inline void table_fetch(const struct table *t, int64_t title_id) {
    uint64_t n = (uint64_t)title_id - (uint64_t)t->first;
    __builtin_prefetch(n < t->span ? (const void *)&t->steps[n] : (const void *)&t->nodes[node_first(t, title_id)]);
}
/* Asks for the cache lines of a block of about ten lines. */
static inline void block_fetch(const struct block *b) {
    for (size_t at = 0; at < 5 * CACHE_LINE; at += CACHE_LINE) __builtin_prefetch((const char *)b + at);
}

/* For each country a row over the sets of territories that there are, two bits a set: so what a decision needs of hundreds of sets is a cache line or two. */
enum { PLACES_A_WORD = 16, PLACE_HOLDS = 1 /* there or in an area of it */, PLACE_IS_UNSURE = 2 /* it names areas of the country, or has no place of its own: look it up */ };
struct places {
    uint32_t words; /* of a row: 16, 32, ... */
    size_t bytes;
    const _Atomic uint32_t *rows; /* 256; each on a cache line */
};
static inline unsigned place_bits(const _Atomic uint32_t *row, uint32_t what) {
    uint32_t place = what >> WHAT_PLACE_SHIFT;
    return atomic_load_explicit(&row[place / PLACES_A_WORD], memory_order_relaxed) >> 2 * (place % PLACES_A_WORD) & 3;
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
    /* Readers: the table first, blocks out of it, then the scopes and their rows: those blocks' are among them. */
    struct table *_Atomic table;
    struct scope *_Atomic scopes;
    uint32_t *_Atomic scope_parties; /* the lower half of each scope's party_id: all that most questions need of scopes, so that a line of cache has that of sixteen */
    struct places *_Atomic places;
    bool is_fast; /* the processor judges sixteen lines at once: few.h. Set once */

    char apart[64]; /* what writers write does not disturb readers */
    struct lock writing; /* for the rest */
    void *scope_memory; /* what `scopes` and `scope_parties` lie in */
    size_t scope_bytes;
    uint32_t scope_count, scope_capacity;
    uint32_t *scope_slots; /* number + 1; open addressing */
    size_t scope_slot_count;
    struct {
        uint32_t set, place; /* place + 1; 0: free */
    } *place_slots; /* open addressing */
    size_t place_slot_count, place_count;
    struct deal_chunk *deal_chunks; /* newest first */
    struct deal **deal_slots;
    size_t deal_slot_count, deal_count;
    struct limbo *limbo;
    size_t limbo_count, limbo_capacity;
    struct slab slab;
    uint64_t line_count, title_count, block_bytes; /* of blocks outside the slab, with their rows */
};

/* Whether the processor has what few.h and conflict.c do sixteen words at once. */
#if defined(__x86_64__) && !IS_WATCHED
static inline bool processor_is_fast(void) { return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("bmi2"); }
#else
static inline bool processor_is_fast(void) { return false; }
#endif

#endif
