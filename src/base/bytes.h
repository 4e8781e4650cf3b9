/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * bytes.h: reads bytes and bits that strangers wrote. A reader never leaves its slice: past the end come zeros, and a
 * sticky flag that is checked once at the end. Readers are plain values; copy one to look ahead. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct byte_reader {
    const uint8_t *at, *end;
    bool has_failed; /* somebody read past the end */
};

static inline struct byte_reader byte_reader_of(struct slice s) {
    const uint8_t *at = (const uint8_t *)s.ptr;
    return (struct byte_reader){.at = at, .end = at ? at + s.len : at};
}
static inline size_t bytes_left(const struct byte_reader *r) { return (size_t)(r->end - r->at); }

/* `len` bytes as a slice into the input; on a short input the empty slice, and everything left is consumed. */
static inline struct slice bytes_take(struct byte_reader *r, size_t len) {
    if (len > bytes_left(r)) {
        r->has_failed = true;
        r->at = r->end;
        return SLICE_NONE;
    }
    struct slice s = slice_of(r->at, len);
    if (len) r->at += len; /* an empty input may be a null pointer, which nothing may be added to */
    return s;
}
static inline void bytes_skip(struct byte_reader *r, size_t len) { (void)bytes_take(r, len); }

static inline uint64_t bytes_be(struct byte_reader *r, unsigned count) {
    struct slice s = bytes_take(r, count);
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++) v = v << 8 | (uint8_t)s.ptr[i];
    return v;
}
static inline uint8_t bytes_u8(struct byte_reader *r) { return (uint8_t)bytes_be(r, 1); }
static inline uint16_t bytes_u16be(struct byte_reader *r) { return (uint16_t)bytes_be(r, 2); }
static inline uint32_t bytes_u24be(struct byte_reader *r) { return (uint32_t)bytes_be(r, 3); }
static inline uint32_t bytes_u32be(struct byte_reader *r) { return (uint32_t)bytes_be(r, 4); }
static inline uint64_t bytes_u64be(struct byte_reader *r) { return bytes_be(r, 8); }

/* CRC-32 of MPEG-2 (ISO/IEC 13818-1 annex A): over a section with its own CRC at the end it gives 0. */
uint32_t bytes_crc32_mpeg(struct slice);

/* Bits, most significant first: H.264/HEVC/AV1/AAC headers. */
struct bit_reader {
    const uint8_t *ptr;
    size_t bit, bits; /* position and length, in bits */
    bool has_failed;
};
static inline struct bit_reader bit_reader_of(struct slice s) {
    return (struct bit_reader){.ptr = (const uint8_t *)s.ptr, .bits = s.len * 8};
}
uint32_t bits_take(struct bit_reader *, unsigned count); /* count <= 32 */
uint32_t bits_ue(struct bit_reader *);                   /* Exp-Golomb, unsigned (H.264 section 9.1) */
int32_t bits_se(struct bit_reader *);                    /* Exp-Golomb, signed */
static inline size_t bits_left(const struct bit_reader *r) { return r->bits - r->bit; }

#endif
