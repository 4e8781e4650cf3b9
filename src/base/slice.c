/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/slice.h"

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

bool slice_eq_nocase(struct slice a, struct slice b) {
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i])) return false;
    return true;
}

int slice_compare(struct slice a, struct slice b) {
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common ? memcmp(a.ptr, b.ptr, common) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

bool slice_starts_with(struct slice s, struct slice prefix) {
    return s.len >= prefix.len && slice_eq(slice_of(s.ptr, prefix.len), prefix);
}

bool slice_ends_with(struct slice s, struct slice suffix) {
    return s.len >= suffix.len && slice_eq(slice_sub(s, s.len - suffix.len, s.len), suffix);
}

/* Eight bytes at a time, gathering every difference; the empty assembly hides from the compiler that an early answer would do. */
bool slice_eq_secret(struct slice a, struct slice b) {
    if (a.len != b.len) return false;
    uint64_t differs = 0, x, y;
    size_t i = 0;
    for (; i + 8 <= a.len; i += 8) {
        memcpy(&x, a.ptr + i, 8);
        memcpy(&y, b.ptr + i, 8);
        differs |= x ^ y;
        __asm__("" : "+r"(differs));
    }
    for (; i < a.len; i++) {
        differs |= (uint8_t)(a.ptr[i] ^ b.ptr[i]);
        __asm__("" : "+r"(differs));
    }
    return differs == 0;
}

struct slice slice_sub(struct slice s, size_t from, size_t to) {
    if (to > s.len) to = s.len;
    if (from >= to) return SLICE_NONE;
    return slice_of(s.ptr + from, to - from);
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

struct slice slice_trim(struct slice s) {
    while (s.len && is_blank(s.ptr[0])) s.ptr++, s.len--;
    while (s.len && is_blank(s.ptr[s.len - 1])) s.len--;
    return s;
}

size_t slice_find_byte(struct slice s, char byte) {
    const char *at = s.len ? memchr(s.ptr, byte, s.len) : NULL;
    return at ? (size_t)(at - s.ptr) : SLICE_NPOS;
}

size_t slice_find(struct slice s, struct slice needle) {
    if (!needle.len) return 0;
    const char *at = s.len ? memmem(s.ptr, s.len, needle.ptr, needle.len) : NULL;
    return at ? (size_t)(at - s.ptr) : SLICE_NPOS;
}

/* The end is told from "one empty part left" by the pointer: after the last part it is NULL. */
bool slice_next(struct slice *rest, char separator, struct slice *part) {
    if (!rest->ptr) return false;
    size_t at = slice_find_byte(*rest, separator);
    if (at == SLICE_NPOS) {
        *part = *rest;
        *rest = SLICE_NONE;
        return true;
    }
    *part = slice_of(rest->ptr, at);
    *rest = slice_of(rest->ptr + at + 1, rest->len - at - 1);
    return true;
}

bool slice_to_u64(struct slice s, uint64_t *out) {
    if (!s.len) return false;
    uint64_t value = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') return false;
        if (__builtin_mul_overflow(value, (uint64_t)10, &value)) return false;
        if (__builtin_add_overflow(value, (uint64_t)(s.ptr[i] - '0'), &value)) return false;
    }
    *out = value;
    return true;
}

bool slice_to_i64(struct slice s, int64_t *out) {
    bool is_negative = s.len && s.ptr[0] == '-';
    uint64_t magnitude;
    if (!slice_to_u64(is_negative ? slice_sub(s, 1, s.len) : s, &magnitude)) return false;
    if (magnitude > (uint64_t)INT64_MAX + (is_negative ? 1 : 0)) return false;
    *out = is_negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

uint64_t slice_hash(struct slice s) {
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < s.len; i++) h = (h ^ (unsigned char)s.ptr[i]) * 0x100000001b3u;
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    return h ^ (h >> 32);
}
