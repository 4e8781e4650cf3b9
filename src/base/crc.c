/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/crc.h"

#include <string.h>

/* A table of 16 keeps this small: some 400 MB/s. */
uint32_t crc32c_plain(uint32_t crc, const void *bytes, size_t len) {
    static const uint32_t table[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
        0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };
    const uint8_t *at = bytes;
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= at[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

#ifdef __x86_64__
/* SSE 4.2 has this very polynomial: eight bytes in three cycles. Live recording sums up each byte that comes in. */
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const void *bytes, size_t len) {
    const uint8_t *at = bytes;
    uint64_t sum = (uint32_t)~crc;
    for (; len >= 8; at += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        sum = __builtin_ia32_crc32di(sum, word);
    }
    uint32_t rest = (uint32_t)sum;
    for (; len; at++, len--) rest = __builtin_ia32_crc32qi(rest, *at);
    return ~rest;
}
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len) {
    return __builtin_cpu_supports("sse4.2") ? crc32c_sse42(crc, bytes, len) : crc32c_plain(crc, bytes, len);
}
#else
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len) { return crc32c_plain(crc, bytes, len); }
#endif
