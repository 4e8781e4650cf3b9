/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "system/http/url.h"

#include "base/utf8.h"

static int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* The byte that the escape at text[0] == '%' stands for, or -1. */
static int escape_value(const char *text, size_t len) {
    if (len < 3) return -1;
    int high = hex_value(text[1]), low = hex_value(text[2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

ptrdiff_t url_path_decode(char *path, size_t len) {
    if (!len || path[0] != '/') return -1;
    size_t out = 0;
    bool has_dot_start = false, has_high = false;
    for (size_t i = 0; i < len;) {
        int c = (unsigned char)path[i];
        if (c == '%') {
            c = escape_value(path + i, len - i);
            if (c < 0 || c == '/' || c == '\\') return -1; /* an encoded separator means one thing here, another there */
            i += 3;
        } else {
            if (c == '\\') return -1;
            i++;
        }
        if (c < ' ' || c == 127) return -1;
        if (c >= 128) has_high = true;
        if (c == '.' && out && path[out - 1] == '/') has_dot_start = true;
        path[out++] = (char)c;
    }
    if (has_dot_start) { /* rare (".well-known"): look closer */
        struct slice rest = slice_of(path, out), segment;
        while (slice_next(&rest, '/', &segment))
            if (slice_eq(segment, SLICE(".")) || slice_eq(segment, SLICE(".."))) return -1;
    }
    if (has_high && !utf8_is_valid(slice_of(path, out))) return -1;
    return (ptrdiff_t)out;
}

static bool query_decode(struct slice text, struct arena *arena, struct slice *out) {
    if (slice_find_byte(text, '%') == SLICE_NPOS && slice_find_byte(text, '+') == SLICE_NPOS) {
        if (slice_find_byte(text, 0) != SLICE_NPOS || !utf8_is_valid(text)) return false;
        *out = text;
        return true;
    }
    char *copy = arena_alloc(arena, text.len + 1);
    if (!copy) return false;
    size_t len = 0;
    for (size_t i = 0; i < text.len;) {
        int c = (unsigned char)text.ptr[i];
        if (c == '%') {
            c = escape_value(text.ptr + i, text.len - i);
            if (c <= 0) return false;
            i += 3;
        } else {
            if (c == '+') c = ' ';
            i++;
        }
        if (!c) return false;
        copy[len++] = (char)c;
    }
    if (!utf8_is_valid(slice_of(copy, len))) return false;
    *out = slice_of(copy, len);
    return true;
}

bool url_query_find(struct slice query, struct slice name, struct arena *arena, struct slice *value) {
    struct slice rest = query, pair;
    while (slice_next(&rest, '&', &pair)) {
        size_t equals = slice_find_byte(pair, '=');
        struct slice key = slice_sub(pair, 0, equals == SLICE_NPOS ? pair.len : equals);
        if (!slice_eq(key, name)) { /* an encoded name is rare; decode it only where it could be ours */
            if (slice_find_byte(key, '%') == SLICE_NPOS && slice_find_byte(key, '+') == SLICE_NPOS) continue;
            struct arena_mark mark = arena_mark(arena);
            struct slice decoded;
            bool is_it = query_decode(key, arena, &decoded) && slice_eq(decoded, name);
            arena_rewind(arena, mark);
            if (!is_it) continue;
        }
        return query_decode(equals == SLICE_NPOS ? SLICE_NONE : slice_sub(pair, equals + 1, pair.len), arena, value);
    }
    return false;
}
