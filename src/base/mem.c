/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"

void *mem_alloc(size_t bytes) { return fault_hits(FAULT_ALLOC) ? NULL : malloc(bytes ? bytes : 1); }

void *mem_zalloc(size_t bytes) { return fault_hits(FAULT_ALLOC) ? NULL : calloc(1, bytes ? bytes : 1); }

void *mem_zalloc_array(size_t count, size_t bytes_each) {
    size_t bytes;
    if (__builtin_mul_overflow(count, bytes_each, &bytes)) return NULL;
    return mem_zalloc(bytes);
}

void *mem_realloc(void *ptr, size_t bytes) { return fault_hits(FAULT_ALLOC) ? NULL : realloc(ptr, bytes ? bytes : 1); }

void *mem_realloc_array(void *ptr, size_t count, size_t bytes_each) {
    size_t bytes;
    if (__builtin_mul_overflow(count, bytes_each, &bytes)) return NULL;
    return mem_realloc(ptr, bytes);
}

char *mem_strndup(const char *text, size_t len) {
    if (len == SIZE_MAX) return NULL;
    char *copy = mem_alloc(len + 1);
    if (!copy) return NULL;
    if (len) memcpy(copy, text, len);
    copy[len] = 0;
    return copy;
}

char *mem_strdup(const char *text) { return mem_strndup(text, strlen(text)); }

void mem_free(void *ptr) { free(ptr); }
