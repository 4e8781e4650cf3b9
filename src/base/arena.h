/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * arena.h: memory for one request or one job. The answer is built from it and its end is the only free.
 *
 * An arena has a ceiling, and remembers that it was reached or that memory ran out: allocate freely, ask once at the
 * end (arena_overflowed), or check each pointer. Rewinding to a mark gives memory back for a retry and runs the
 * clean-ups registered since. One thread at a time. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/slice.h"

struct arena;

/* NULL when memory ran out. Takes nothing but its own small header until something is allocated. */
struct arena *arena_create(size_t bytes_max) MUST_USE;
/* Runs all clean-ups, newest first, frees everything and clears the pointer. A NULL arena is fine. */
void arena_destroy(struct arena **);
/* As destroy, but the arena stays usable and keeps one block for the next request. */
void arena_reset(struct arena *);

/* NULL when the ceiling is reached or memory ran out. Aligned for any type; zero-filled. Never freed singly. */
void *arena_alloc(struct arena *, size_t bytes) MUST_USE;
void *arena_alloc_array(struct arena *, size_t count, size_t bytes_each) MUST_USE;
#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))

/* Copies; terminated by a zero that the length does not count. {NULL, 0} on failure. */
struct slice arena_copy(struct arena *, struct slice) MUST_USE;
char *arena_cstr(struct arena *, struct slice) MUST_USE;
struct slice arena_printf(struct arena *, const char *format, ...) PRINTF_LIKE(2, 3) MUST_USE;
struct slice arena_vprintf(struct arena *, const char *format, va_list) PRINTF_LIKE(2, 0) MUST_USE;

/* Calls fn(arg) when the arena is reset, destroyed or rewound past this point; for descriptors, frames, statements.
 * False when memory ran out; then the caller still owns the thing. */
bool arena_on_end(struct arena *, void (*fn)(void *), void *arg) MUST_USE;

struct arena_mark {
    void *block;
    size_t used;
    void *cleanup;
};
struct arena_mark arena_mark(const struct arena *);
void arena_rewind(struct arena *, struct arena_mark); /* also forgets an overflow */

bool arena_overflowed(const struct arena *);
void arena_fail(struct arena *); /* something that was to be put there could not even be made: as if the arena had overflowed */
size_t arena_bytes_used(const struct arena *);

#endif
