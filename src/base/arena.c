/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* Blocks form a stack, newest first; only the newest is allocated from. Sizes double so that an arena of n bytes has
 * O(log n) blocks, and a request that needs more than the next size gets a block of its own size. */
struct block {
    struct block *older;
    size_t capacity, used;
    alignas(max_align_t) unsigned char bytes[];
};
struct cleanup {
    struct cleanup *older;
    void (*fn)(void *);
    void *arg;
};
struct arena {
    struct block *newest;
    struct cleanup *cleanups;
    size_t bytes_max, bytes_reserved;
    bool has_overflowed;
};

enum { BLOCK_BYTES_MIN = 4096, BLOCK_BYTES_MAX = 1 << 20 };

struct arena *arena_create(size_t bytes_max) {
    struct arena *a = mem_zalloc(sizeof *a);
    if (a) a->bytes_max = bytes_max;
    return a;
}

static void cleanups_run(struct arena *a, const struct cleanup *down_to) {
    while (a->cleanups != down_to) {
        struct cleanup *c = a->cleanups;
        a->cleanups = c->older;
        c->fn(c->arg);
    }
}

static void block_pop(struct arena *a) {
    struct block *b = a->newest;
    a->newest = b->older;
    a->bytes_reserved -= b->capacity;
    mem_free(b);
}

void arena_destroy(struct arena **address) {
    struct arena *a = *address;
    if (!a) return;
    *address = NULL;
    cleanups_run(a, NULL);
    while (a->newest) block_pop(a);
    mem_free(a);
}

void arena_reset(struct arena *a) {
    cleanups_run(a, NULL);
    while (a->newest && a->newest->older) block_pop(a);
    if (a->newest) a->newest->used = 0;
    a->has_overflowed = false;
}

static bool block_push(struct arena *a, size_t bytes) {
    size_t capacity = a->newest ? a->newest->capacity * 2 : BLOCK_BYTES_MIN;
    if (capacity > BLOCK_BYTES_MAX) capacity = BLOCK_BYTES_MAX;
    size_t left = a->bytes_max - a->bytes_reserved;
    if (capacity > left) capacity = left;
    if (capacity < bytes) capacity = bytes;
    if (capacity > left || capacity > SIZE_MAX - sizeof(struct block)) return false;
    struct block *b = mem_alloc(sizeof *b + capacity);
    if (!b) return false;
    *b = (struct block){.older = a->newest, .capacity = capacity};
    a->newest = b;
    a->bytes_reserved += capacity;
    return true;
}

void *arena_alloc(struct arena *a, size_t bytes) {
    const size_t align = alignof(max_align_t);
    if (bytes > SIZE_MAX - align) goto full;
    bytes = (bytes + align - 1) & ~(align - 1);
    if (!a->newest || a->newest->capacity - a->newest->used < bytes) {
        if (!block_push(a, bytes)) goto full;
    }
    struct block *b = a->newest;
    void *ptr = b->bytes + b->used;
    b->used += bytes;
    return memset(ptr, 0, bytes);
full:
    a->has_overflowed = true;
    return NULL;
}

void *arena_alloc_array(struct arena *a, size_t count, size_t bytes_each) {
    size_t bytes;
    if (__builtin_mul_overflow(count, bytes_each, &bytes)) {
        a->has_overflowed = true;
        return NULL;
    }
    return arena_alloc(a, bytes);
}

struct slice arena_copy(struct arena *a, struct slice s) {
    if (s.len == SIZE_MAX) return SLICE_NONE;
    char *copy = arena_alloc(a, s.len + 1);
    if (!copy) return SLICE_NONE;
    if (s.len) memcpy(copy, s.ptr, s.len);
    return slice_of(copy, s.len);
}

char *arena_cstr(struct arena *a, struct slice s) { return (char *)arena_copy(a, s).ptr; }

struct slice arena_vprintf(struct arena *a, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    assert(len >= 0);
    char *text = arena_alloc(a, (size_t)len + 1);
    if (!text) return SLICE_NONE;
    vsnprintf(text, (size_t)len + 1, format, args);
    return slice_of(text, (size_t)len);
}

struct slice arena_printf(struct arena *a, const char *format, ...) {
    va_list args;
    va_start(args, format);
    struct slice s = arena_vprintf(a, format, args);
    va_end(args);
    return s;
}

bool arena_on_end(struct arena *a, void (*fn)(void *), void *arg) {
    struct cleanup *c = arena_alloc(a, sizeof *c);
    if (!c) return false;
    *c = (struct cleanup){.older = a->cleanups, .fn = fn, .arg = arg};
    a->cleanups = c;
    return true;
}

struct arena_mark arena_mark(const struct arena *a) {
    return (struct arena_mark){.block = a->newest, .used = a->newest ? a->newest->used : 0, .cleanup = a->cleanups};
}

void arena_rewind(struct arena *a, struct arena_mark mark) {
    cleanups_run(a, mark.cleanup);
    while (a->newest != mark.block) {
        assert(a->newest); /* the mark is of this arena and not of a point already rewound past */
        block_pop(a);
    }
    if (a->newest) a->newest->used = mark.used;
    a->has_overflowed = false;
}

bool arena_overflowed(const struct arena *a) { return a->has_overflowed; }
void arena_fail(struct arena *a) { a->has_overflowed = true; }

size_t arena_bytes_used(const struct arena *a) {
    size_t bytes = 0;
    for (const struct block *b = a->newest; b; b = b->older) bytes += b->used;
    return bytes;
}
