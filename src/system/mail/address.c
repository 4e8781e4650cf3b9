/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Addresses as people have them: RFC 5321 section 4.1.2 without quoted local parts, address literals and comments, which nobody
 * has but who wants to smuggle something; letters and digits of all scripts (RFC 6531). */
#include <string.h>

#include "base/utf8.h"
#include "system/mail/mail.h"

enum { LOCAL_MAX = 64, LABEL_MAX = 63 };

static bool is_atext(uint32_t c) {
    if (c >= 0x80) return true; /* what may not be shown is refused before */
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr("!#$%&'*+-/=?^_`{|}~", (int)c));
}

/* Words with single dots between them. */
static bool local_is_fine(struct slice local) {
    struct slice rest = local, word;
    if (local.len == 0 || local.len > LOCAL_MAX) return false;
    while (slice_next(&rest, '.', &word)) {
        if (word.len == 0) return false;
        while (word.len) {
            uint32_t c;
            size_t step = utf8_decode(word, &c);
            if (!step || !is_atext(c)) return false;
            word = slice_sub(word, step, word.len);
        }
    }
    return true;
}

static bool host_is_fine(struct slice host) {
    struct slice rest = host, label;
    size_t labels = 0;
    bool is_number = false;
    while (slice_next(&rest, '.', &label)) {
        labels++;
        is_number = true;
        if (label.len == 0 || label.len > LABEL_MAX || label.ptr[0] == '-' || label.ptr[label.len - 1] == '-') return false;
        for (size_t i = 0; i < label.len; i++) {
            unsigned char c = (unsigned char)label.ptr[i];
            bool is_digit = c >= '0' && c <= '9';
            if (!(c >= 0x80 || (c >= 'a' && c <= 'z') || is_digit || c == '-')) return false;
            is_number = is_number && is_digit;
        }
    }
    return (labels >= 2 && !is_number) || slice_eq(host, SLICE("localhost"));
}

bool mail_address(struct slice text, char out[MAIL_ADDRESS_MAX + 1], size_t *len) {
    struct slice s = slice_trim(text);
    char small[MAIL_ADDRESS_MAX + 1];
    if (s.len == 0 || s.len > MAIL_ADDRESS_MAX || !utf8_is_display_text(s, s.len)) return false;
    for (size_t i = 0; i < s.len; i++) small[i] = s.ptr[i] >= 'A' && s.ptr[i] <= 'Z' ? (char)(s.ptr[i] - 'A' + 'a') : s.ptr[i];
    struct slice address = slice_of(small, s.len);
    for (size_t at = 0; at < address.len;) { /* blanks and lines of other scripts are no letters */
        uint32_t c;
        at += utf8_decode(slice_sub(address, at, address.len), &c);
        if (c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200f) || (c >= 0x2028 && c <= 0x202f) || c == 0x205f || c == 0x3000 || c == 0xfeff || c == 0x61c)
            return false;
    }
    size_t at = slice_find_byte(address, '@');
    if (at == SLICE_NPOS || !local_is_fine(slice_sub(address, 0, at)) || !host_is_fine(slice_sub(address, at + 1, address.len))) return false;
    memcpy(out, small, s.len);
    out[s.len] = 0;
    *len = s.len;
    return true;
}
