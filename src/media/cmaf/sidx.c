/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/cmaf/sidx.h"

#include <assert.h>

#include "media/cmaf/box.h"

enum { SIDX_HEAD = 8 + 4 + 4 + 4 + 8 + 8 + 2 + 2, SIDX_ENTRY = 12, SIDX_ENTRIES_MAX = UINT16_MAX, FREE_HEAD = 8 };
static const uint64_t referenced_max = 0x7fffffff;

uint32_t sidx_bytes_for(uint64_t entries) {
    if (entries < 1) entries = 1;
    if (entries > SIDX_ENTRIES_MAX) entries = SIDX_ENTRIES_MAX;
    return (uint32_t)(SIDX_HEAD + entries * SIDX_ENTRY + FREE_HEAD);
}

/* Entries of `each` segments; fewer where the bytes would pass 31 bits. */
static size_t entry_end(const struct cmaf_index *index, size_t from, size_t each, uint64_t *bytes, uint64_t *duration) {
    size_t i = from;
    *bytes = *duration = 0;
    for (; i < index->segment_count && i - from < each; i++) {
        const struct cmaf_segment *s = &index->segments[i];
        int64_t start = s->start < 0 ? 0 : s->start; /* the presentation begins at 0 */
        int64_t lasts = s->start + s->duration - start;
        if (i > from && (*bytes + s->bytes > referenced_max || *duration + s->duration > UINT32_MAX)) break;
        *bytes += s->bytes;
        *duration += lasts > 0 ? (uint64_t)lasts : 0;
    }
    return i;
}

uint32_t sidx_build(const struct cmaf_index *index, uint32_t room, struct buf *out) {
    assert(room >= SIDX_HEAD + SIDX_ENTRY + FREE_HEAD && index->segment_count > 0);
    size_t entries_max = (room - SIDX_HEAD - FREE_HEAD) / SIDX_ENTRY, entries, each = (index->segment_count + entries_max - 1) / entries_max;
    uint64_t bytes, duration;
    for (;; each *= 2) {
        entries = 0;
        for (size_t i = 0; i < index->segment_count; entries++) i = entry_end(index, i, each, &bytes, &duration);
        /* Segments are at most 1 GB, so that a sidx of one entry may not hold them all: then the rest is left out, and players read
         * the boxes themselves. A file of that size has room for more than one. */
        if (entries <= entries_max || each >= index->segment_count) break;
    }
    if (entries > entries_max) entries = entries_max;
    uint32_t sidx_bytes = (uint32_t)(SIDX_HEAD + entries * SIDX_ENTRY);
    size_t sidx = box_begin_full(out, "sidx", 1, 0);
    buf_u32be(out, 1);
    buf_u32be(out, index->track.timescale);
    buf_u64be(out, (uint64_t)(index->segments[0].start < 0 ? 0 : index->segments[0].start));
    buf_u64be(out, room - sidx_bytes); /* from the end of the sidx to the first segment: the free box */
    buf_u16be(out, 0);
    buf_u16be(out, (uint16_t)entries);
    size_t i = 0;
    for (size_t entry = 0; entry < entries; entry++) {
        bool is_sync = index->segments[i].flags & CMAF_SEGMENT_SYNC;
        i = entry_end(index, i, each, &bytes, &duration);
        buf_u32be(out, (uint32_t)bytes);
        buf_u32be(out, (uint32_t)duration);
        buf_u32be(out, is_sync ? 0x90000000u : 0); /* starts with a stream access point of type 1 */
    }
    box_end(out, sidx);
    size_t rest = box_begin(out, "free");
    if (!out->has_failed) buf_zeros(out, room - sidx_bytes - FREE_HEAD);
    box_end(out, rest);
    return sidx_bytes;
}
