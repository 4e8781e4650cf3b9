/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "delivery/base64url.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Each character's six bits, or 0x80. */
static const uint8_t sextet[256] = {
#define NO8 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80
#define NO64 NO8, NO8, NO8, NO8, NO8, NO8, NO8, NO8
    NO8, NO8, NO8, NO8, NO8,                                                                             /* 0 to 39 */
    0x80, 0x80, 0x80, 0x80, 0x80, 62, 0x80, 0x80,                                                        /* '-' is 45 */
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,                          /* '0' is 48 */
    0x80, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,  /* 'A' is 65 */
    0x80, 0x80, 0x80, 0x80, 63, 0x80,                                                                    /* '_' is 95 */
    26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, /* 'a' is 97 */
    0x80, 0x80, 0x80, 0x80, 0x80,                                                                        /* to 127 */
    NO64, NO64,
#undef NO64
#undef NO8
};

bool base64url_decode(struct slice text, uint8_t *out, size_t *len) {
    const uint8_t *in = (const uint8_t *)text.ptr;
    size_t whole = text.len / 4, rest = text.len % 4, at = 0;
    uint8_t bad = rest == 1 ? 0x80 : 0; /* gathered and looked at once: no answer that comes early */
    for (size_t i = 0; i < whole; i++, in += 4) {
        uint8_t a = sextet[in[0]], b = sextet[in[1]], c = sextet[in[2]], d = sextet[in[3]];
        bad |= a | b | c | d;
        uint32_t bits = (uint32_t)a << 18 | (uint32_t)b << 12 | (uint32_t)c << 6 | d;
        out[at++] = (uint8_t)(bits >> 16);
        out[at++] = (uint8_t)(bits >> 8);
        out[at++] = (uint8_t)bits;
    }
    if (rest >= 2) {
        uint8_t a = sextet[in[0]], b = sextet[in[1]], c = rest == 3 ? sextet[in[2]] : 0;
        bad |= a | b | c;
        out[at++] = (uint8_t)(a << 2 | b >> 4);
        if (rest == 3) out[at++] = (uint8_t)(b << 4 | c >> 2);
        uint8_t stray = rest == 3 ? c & 3 : b & 15;
        if (stray) bad |= 0x80;
    }
    if (bad & 0x80) return false;
    *len = at;
    return true;
}

size_t base64url_encode(const uint8_t *bytes, size_t count, char *out) {
    size_t at = 0, i = 0;
    for (; i + 3 <= count; i += 3) {
        uint32_t bits = (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 | bytes[i + 2];
        out[at++] = alphabet[bits >> 18];
        out[at++] = alphabet[bits >> 12 & 63];
        out[at++] = alphabet[bits >> 6 & 63];
        out[at++] = alphabet[bits & 63];
    }
    if (count - i == 1) {
        out[at++] = alphabet[bytes[i] >> 2];
        out[at++] = alphabet[(bytes[i] & 3) << 4];
    } else if (count - i == 2) {
        out[at++] = alphabet[bytes[i] >> 2];
        out[at++] = alphabet[(bytes[i] & 3) << 4 | bytes[i + 1] >> 4];
        out[at++] = alphabet[(bytes[i + 1] & 15) << 2];
    }
    return at;
}
