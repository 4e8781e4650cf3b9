/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * compiled.h: what a compiled index is made of; index.h draws it. For index.c, decide.c, conflict.c and avails.c. */
#ifndef BUSINESS_RIGHTS_COMPILED_H
#define BUSINESS_RIGHTS_COMPILED_H

#include <assert.h>
#include <stdatomic.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

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

/* Nodes are filled in their buckets' order and never emptied; a title whose bucket is full lies in one of those that follow. A node is as small as can be,
 * for the table is looked into at random: a piece of the title's hash, and the block's number. Blocks of the whole book are numbered by where they lie in
 * its slab, the first one from 1; those that came later, from behind the slab's end, by their place in `later`. */
enum { BUCKET = 16, NODE_TAG_SHIFT = 22, NODE_NUMBERS = 1 << NODE_TAG_SHIFT };
struct table {
    size_t used, capacity; /* nodes; a power of two */
    unsigned shift;        /* bucket of a title: hash >> shift */
    unsigned unit_shift;   /* number of a block in the slab: its distance from the slab's beginning >> unit_shift */
    uint32_t slab_numbers; /* those below are in the slab */
    _Atomic uint32_t *nodes; /* 0: free */
    const char *slab;
    struct block *_Atomic *later; /* NULL, or later_capacity of them, of which later_count are taken */
    uint32_t later_count, later_capacity;
    size_t bytes;
};
static inline uint64_t title_hash(int64_t title_id) { return (uint64_t)title_id * UINT64_C(0x9e3779b97f4a7c15); }
static inline uint32_t title_tag(uint64_t hash) { return (uint32_t)(hash >> 25) & ((1u << (32 - NODE_TAG_SHIFT)) - 1); }
static inline uint32_t node_of(uint32_t tag, uint32_t number) { return tag << NODE_TAG_SHIFT | number; }
static inline uint32_t node_number(uint32_t node) { return node & (NODE_NUMBERS - 1); }
static inline struct block *table_block(const struct table *t, uint32_t node) {
    uint32_t number = node_number(node);
    if (__builtin_expect(number < t->slab_numbers, 1)) return (struct block *)(uintptr_t)(t->slab + ((size_t)number << t->unit_shift));
    return atomic_load_explicit(&t->later[number - t->slab_numbers], memory_order_acquire);
}
/* Which nodes of a bucket have the tag, a bit each; all of them without a branch, for which one it is, is as good as random. Free ones may seem to. */
#if defined(__SSE2__) && !IS_WATCHED
static inline unsigned bucket_hits(const _Atomic uint32_t *bucket, uint32_t tag) {
    const __m128i *nodes = (const __m128i *)(const void *)bucket, wanted = _mm_set1_epi32((int)tag); /* each node is read whole, for it lies within one of these */
    unsigned hits = 0;
    for (int i = 0; i < BUCKET / 4; i++)
        hits |= (unsigned)_mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(_mm_srli_epi32(nodes[i], NODE_TAG_SHIFT), wanted))) << 4 * i;
    return hits;
}
#else
static inline unsigned bucket_hits(const _Atomic uint32_t *bucket, uint32_t tag) {
    unsigned hits = 0;
    for (unsigned i = 0; i < BUCKET; i++) hits |= (unsigned)(atomic_load_explicit(&bucket[i], memory_order_relaxed) >> NODE_TAG_SHIFT == tag) << i;
    return hits;
}
#endif
static inline const _Atomic uint32_t *table_bucket(const struct table *t, int64_t title_id) { return t->nodes + (title_hash(title_id) >> t->shift) * BUCKET; }
/* Asks for the cache lines of a block of about ten lines; the first one is about to be read. */
static inline void block_fetch(const struct block *b) {
    __builtin_prefetch((const char *)b + 64);
    __builtin_prefetch((const char *)b + 128);
    __builtin_prefetch((const char *)b + 192);
    __builtin_prefetch((const char *)b + 256);
}
/* Asks for the title's block, where it lies in the bucket of its hash, without a look into it. */
static inline void table_fetch(const struct table *t, int64_t title_id) {
    const _Atomic uint32_t *bucket = table_bucket(t, title_id);
    for (unsigned hits = bucket_hits(bucket, title_tag(title_hash(title_id))); hits; hits &= hits - 1) {
        uint32_t node = atomic_load_explicit(&bucket[__builtin_ctz(hits)], memory_order_acquire);
        if (!node) continue;
        const struct block *b = table_block(t, node);
        __builtin_prefetch(b);
        block_fetch(b);
    }
}
/* Of a bucket's nodes that have the title's tag, the title's own block; NULL: none is. */
__attribute__((always_inline)) static inline const struct block *bucket_block(const struct table *t, const _Atomic uint32_t *bucket, unsigned hits, int64_t title_id) {
    for (; hits; hits &= hits - 1) {
        uint32_t node = atomic_load_explicit(&bucket[__builtin_ctz(hits)], memory_order_acquire);
        if (__builtin_expect(!node, 0)) continue;
        const struct block *b = table_block(t, node);
        block_fetch(b);
        if (b->title_id == title_id) return b;
    }
    return NULL;
}
#define TABLE_FIND(hits_of, t, title_id)                                                                   \
    uint64_t hash = title_hash(title_id);                                                                  \
    for (size_t at = (hash >> (t)->shift) * BUCKET;; at = (at + BUCKET) & ((t)->capacity - 1)) {           \
        const _Atomic uint32_t *bucket = (t)->nodes + at;                                                  \
        const struct block *b = bucket_block(t, bucket, hits_of(bucket, title_tag(hash)), title_id);       \
        if (b || !atomic_load_explicit(&bucket[BUCKET - 1], memory_order_relaxed)) return b;               \
    }
static inline const struct block *table_find(const struct table *t, int64_t title_id) { TABLE_FIND(bucket_hits, t, title_id) }
#if defined(__x86_64__)
__attribute__((target("avx512f"), always_inline)) static inline unsigned bucket_hits_fast(const _Atomic uint32_t *bucket, uint32_t tag) {
    return _mm512_cmpeq_epi32_mask(_mm512_srli_epi32(_mm512_load_si512((const void *)bucket), NODE_TAG_SHIFT), _mm512_set1_epi32((int)tag));
}
__attribute__((target("avx512f"), always_inline)) static inline const struct block *table_find_fast(const struct table *t, int64_t title_id) { TABLE_FIND(bucket_hits_fast, t, title_id) }
#endif

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

/* Where blocks of a whole book lie. */
struct slab {
    char *memory;
    size_t bytes;
    unsigned unit_shift; /* blocks begin at multiples of this from `base` on, the first one at the second */
    const char *base;
};

struct rights_index {
    /* Readers: the table first, blocks out of it, then the scopes and their rows: those blocks' are among them. */
    struct table *_Atomic table;
    struct scope *_Atomic scopes;
    struct places *_Atomic places;
    bool is_fast; /* the processor judges sixteen lines at once: few.h. Set once */

    char apart[64]; /* what writers write does not disturb readers */
    struct lock writing; /* for the rest */
    void *scope_memory; /* what `scopes` lies in */
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
