/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
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

/* x = mantissa / 2^shift, and decimal = digits / 10^places. They read back as the same when they differ by less than half a step of the mantissa; multiplied
 * by 2^shift 10^places that is a comparison of whole numbers, which fit 128 bits for 1e-4 <= x < 1e5 and up to 17 digits. */
static bool shortest(double x, uint64_t *digits, int *places) {
    static const uint64_t tens[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000, 1000000000000,
                                    10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000, 1000000000000000000};
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int shift = 1075 - (int)(bits >> 52 & 0x7ff), before = x >= 1e4 ? 5 : x >= 1e3 ? 4 : x >= 100 ? 3 : x >= 10 ? 2 : x >= 1 ? 1 : x >= 0.1 ? 0 : x >= 0.01 ? -1 : x >= 0.001 ? -2 : -3;
    uint64_t mantissa = (bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1) << 52;
    for (int count = 15; count <= 17; count++) { /* whatever has fewer digits comes out of 15 with zeros behind it */
        int p = count - before;
        unsigned __int128 power = p <= 18 ? tens[p] : (unsigned __int128)tens[18] * tens[p - 18], scaled = mantissa * power;
        unsigned __int128 d = (scaled + ((unsigned __int128)1 << (shift - 1))) >> shift, back = d << shift, miss = back > scaled ? back - scaled : scaled - back;
        if (2 * miss >= power) continue;
        *digits = (uint64_t)d, *places = p;
        return true;
    }
    return false;
}

void buf_double(struct buf *b, double x) {
    char text[40], *at = text + sizeof text;
    double size = x < 0 ? -x : x;
    uint64_t digits;
    int places;
    if (!(size >= 1e-4 && size < 1e5) || !shortest(size, &digits, &places)) {
        for (int count = 6; count <= 17; count++) {
            snprintf(text, sizeof text, "%.*g", count, x);
            if (strtod(text, NULL) == x) break;
        }
        buf_cstr(b, text);
        return;
    }
    for (; places > 0 && digits % 10 == 0; places--) digits /= 10;
    for (int i = 0; i < places; i++, digits /= 10) *--at = (char)('0' + digits % 10);
    if (places) *--at = '.';
    do *--at = (char)('0' + digits % 10);
    while (digits /= 10);
    if (x < 0) *--at = '-';
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
