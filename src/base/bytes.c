/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/bytes.h"

#include <assert.h>

uint32_t bytes_crc32_mpeg(struct slice s) {
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < s.len; i++) {
        crc ^= (uint32_t)(uint8_t)s.ptr[i] << 24;
        for (int bit = 0; bit < 8; bit++) crc = crc << 1 ^ (crc >> 31 ? UINT32_C(0x04c11db7) : 0);
    }
    return crc;
}

uint32_t bits_take(struct bit_reader *r, unsigned count) {
    assert(count <= 32);
    if (count > bits_left(r)) {
        r->has_failed = true;
        r->bit = r->bits;
        return 0;
    }
    uint64_t v = 0;
    unsigned got = 0;
    while (got < count) {
        unsigned offset = r->bit & 7, room = 8 - offset, want = count - got < room ? count - got : room;
        unsigned chunk = (r->ptr[r->bit >> 3] >> (room - want)) & ((1u << want) - 1);
        v = v << want | chunk;
        r->bit += want;
        got += want;
    }
    return (uint32_t)v;
}

uint32_t bits_ue(struct bit_reader *r) {
    unsigned zeros = 0;
    while (!r->has_failed && bits_take(r, 1) == 0) zeros++;
    if (r->has_failed || zeros > 31) {
        r->has_failed = true;
        return 0;
    }
    return (uint32_t)((1ull << zeros) - 1 + bits_take(r, zeros));
}

int32_t bits_se(struct bit_reader *r) {
    uint32_t k = bits_ue(r);
    return k & 1 ? (int32_t)(k / 2 + 1) : -(int32_t)(k / 2);
}
