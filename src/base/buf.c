/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

void buf_free(struct buf *b) {
    mem_free(b->ptr);
    *b = BUF(b->bytes_max);
}

void buf_clear(struct buf *b) {
    b->len = 0;
    b->has_failed = false;
}

char *buf_reserve(struct buf *b, size_t len) {
    if (b->has_failed) return NULL;
    if (len > b->capacity - b->len) {
        if (len > b->bytes_max - b->len) goto failed;
        size_t capacity = b->capacity ? b->capacity : 64;
        while (capacity < b->len + len) capacity *= 2; /* bytes_max bounds it: no overflow below SIZE_MAX / 2 */
        if (capacity > b->bytes_max) capacity = b->bytes_max;
        char *grown = mem_realloc(b->ptr, capacity);
        if (!grown) goto failed;
        b->ptr = grown;
        b->capacity = capacity;
    }
    return b->ptr + b->len;
failed:
    b->has_failed = true;
    return NULL;
}

void buf_commit(struct buf *b, size_t len) {
    assert(len <= b->capacity - b->len);
    b->len += len;
}

void buf_consume(struct buf *b, size_t len) {
    assert(len <= b->len);
    if (!len) return;
    memmove(b->ptr, b->ptr + len, b->len - len);
    b->len -= len;
}

void buf_bytes(struct buf *b, const void *bytes, size_t len) {
    if (!len) return;
    char *at = buf_reserve(b, len);
    if (!at) return;
    memcpy(at, bytes, len);
    b->len += len;
}

void buf_append(struct buf *b, struct slice s) { buf_bytes(b, s.ptr, s.len); }

void buf_cstr(struct buf *b, const char *text) { buf_bytes(b, text, strlen(text)); }

void buf_vprintf(struct buf *b, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    assert(len >= 0);
    /* vsnprintf ends with a zero, for which room is needed but which does not count. */
    char *at = buf_reserve(b, (size_t)len + 1);
    if (!at) return;
    vsnprintf(at, (size_t)len + 1, format, args);
    b->len += (size_t)len;
}

void buf_printf(struct buf *b, const char *format, ...) {
    va_list args;
    va_start(args, format);
    buf_vprintf(b, format, args);
    va_end(args);
}

void buf_u64_text(struct buf *b, uint64_t value) {
    char text[20], *at = text + sizeof text;
    do *--at = (char)('0' + value % 10);
    while (value /= 10);
    buf_bytes(b, at, (size_t)(text + sizeof text - at));
}

void buf_u8(struct buf *b, uint8_t v) { buf_bytes(b, &v, 1); }

void buf_u16be(struct buf *b, uint16_t v) {
    const uint8_t bytes[2] = {(uint8_t)(v >> 8), (uint8_t)v};
    buf_bytes(b, bytes, sizeof bytes);
}

void buf_u24be(struct buf *b, uint32_t v) {
    const uint8_t bytes[3] = {(uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    buf_bytes(b, bytes, sizeof bytes);
}

void buf_u32be(struct buf *b, uint32_t v) {
    const uint32_t be = __builtin_bswap32(v);
    buf_bytes(b, &be, sizeof be);
}

void buf_u64be(struct buf *b, uint64_t v) {
    const uint64_t be = __builtin_bswap64(v);
    buf_bytes(b, &be, sizeof be);
}

void buf_patch_u32be(struct buf *b, size_t at, uint32_t v) {
    if (b->has_failed) return;
    assert(at + 4 <= b->len);
    const uint32_t be = __builtin_bswap32(v);
    memcpy(b->ptr + at, &be, sizeof be);
}

struct err buf_error(const struct buf *b) {
    if (!b->has_failed) return ERR_OK;
    return err_make(ERR_LIMIT, "buffer.full", "A text or message grew beyond what is allowed for it.");
}
