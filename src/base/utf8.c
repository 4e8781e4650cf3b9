/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/utf8.h"

#include <assert.h>

size_t utf8_decode(struct slice s, uint32_t *code_point) {
    if (!s.len) return 0;
    const unsigned char *p = (const unsigned char *)s.ptr;
    if (p[0] < 0x80) {
        *code_point = p[0];
        return 1;
    }
    size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || s.len < len) return 0;
    uint32_t c = p[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (c < smallest[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) return 0;
    *code_point = c;
    return len;
}

size_t utf8_step(struct slice s) {
    uint32_t ignored;
    return utf8_decode(s, &ignored);
}

bool utf8_is_valid(struct slice s) {
    while (s.len) {
        size_t step = utf8_step(s);
        if (!step) return false;
        s = slice_sub(s, step, s.len);
    }
    return true;
}

size_t utf8_encode(uint32_t c, char out[4]) {
    assert(c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff));
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    out[0] = (char)((0xf00u >> len & 0xff) | c);
    return len;
}

bool utf8_is_display_text(struct slice s, size_t chars_max) {
    size_t chars = 0;
    bool has_ink = false;
    while (s.len) {
        uint32_t c;
        size_t step = utf8_decode(s, &c);
        if (!step || ++chars > chars_max) return false;
        if (c < 0x20 || (c >= 0x7f && c < 0xa0)) return false;
        if ((c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069)) return false;
        has_ink = has_ink || (c != ' ' && c != 0xa0 && c != 0x3000 && c != 0x200b && c != 0xfeff);
        s = slice_sub(s, step, s.len);
    }
    return has_ink;
}
