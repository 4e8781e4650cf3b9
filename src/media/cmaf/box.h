/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * box.h: ISO boxes, written and read (14496-12 section 4.2). For this room only. */
#ifndef MEDIA_CMAF_BOX_H
#define MEDIA_CMAF_BOX_H

#include "base/buf.h"
#include "base/bytes.h"

#define FOURCC(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

/* Writing: the size is patched in at the end. */
static inline size_t box_begin(struct buf *out, const char *type) {
    size_t at = out->len;
    buf_u32be(out, 0);
    buf_bytes(out, type, 4);
    return at;
}
static inline size_t box_begin_full(struct buf *out, const char *type, uint8_t version, uint32_t flags) {
    size_t at = box_begin(out, type);
    buf_u8(out, version);
    buf_u24be(out, flags);
    return at;
}
static inline void box_end(struct buf *out, size_t at) {
    if (!out->has_failed) buf_patch_u32be(out, at, (uint32_t)(out->len - at));
}
static inline void buf_zeros(struct buf *out, unsigned count) {
    while (count--) buf_u8(out, 0);
}

/* Reading. */
struct box {
    uint32_t type;
    struct slice body; /* after the header; uuid boxes: with the uuid */
};

/* The next box inside r. False at the end, and, with r->has_failed, where what follows is no box that fits. A size of 0 means
 * "to the end of what contains it". Up to 7 bytes left over at the end are let pass: QuickTime ends lists with a zero word. */
static inline bool box_next(struct byte_reader *r, struct box *out) {
    if (r->has_failed || bytes_left(r) < 8) return false;
    uint64_t size = bytes_u32be(r), head = 8;
    uint32_t type = bytes_u32be(r);
    if (size == 1) {
        size = bytes_u64be(r);
        head = 16;
    } else if (size == 0) {
        size = head + bytes_left(r);
    }
    if (r->has_failed || size < head || size - head > bytes_left(r)) {
        r->has_failed = true;
        return false;
    }
    *out = (struct box){.type = type, .body = bytes_take(r, (size_t)(size - head))};
    return true;
}

/* The first child of that type, or SLICE_NONE (ptr NULL). */
static inline struct slice box_find(struct slice parent, uint32_t type) {
    struct byte_reader r = byte_reader_of(parent);
    struct box box;
    while (box_next(&r, &box))
        if (box.type == type) return box.body.ptr ? box.body : slice_of("", 0);
    return SLICE_NONE;
}

#endif
