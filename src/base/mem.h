/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * mem.h: heap memory for what outlives a request. (What lives as long as one request or job comes from an arena.)
 * All of the house's own allocations pass here, so that fault loops reach them. Any thread. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/* NULL when memory ran out or count * bytes overflows; zero-filled otherwise. Give back with mem_free. */
void *mem_zalloc(size_t bytes) __attribute__((malloc, warn_unused_result));
void *mem_zalloc_array(size_t count, size_t bytes_each) __attribute__((malloc, warn_unused_result));

/* Not zero-filled. */
void *mem_alloc(size_t bytes) __attribute__((malloc, warn_unused_result));

/* As realloc: on NULL the old block still stands. New bytes are not zeroed. */
void *mem_realloc(void *ptr, size_t bytes) __attribute__((warn_unused_result));
void *mem_realloc_array(void *ptr, size_t count, size_t bytes_each) __attribute__((warn_unused_result));

/* A C string of `len` bytes copied, terminated. NULL when memory ran out. */
char *mem_strndup(const char *text, size_t len) __attribute__((malloc, warn_unused_result));
char *mem_strdup(const char *text) __attribute__((malloc, warn_unused_result));

void mem_free(void *ptr); /* NULL is fine */

/* Frees and clears in one go: MEM_FREE(&self->name). */
#define MEM_FREE(address)       \
    do {                        \
        mem_free(*(address));   \
        *(address) = NULL;      \
    } while (0)

#endif
