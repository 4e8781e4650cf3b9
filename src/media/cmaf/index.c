/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The .idx file beside a track file. Little-endian:
 *
 *   0  "GSINDEX" and a zero            40  u64 bytes of the track file
 *   8  u32 version, 1                  48  u32 frame rate: pictures
 *   12 u32 CRC-32C, see below          52  u32             in so many seconds
 *   16 u32 bytes of the init segment   56  u32 flags, 0
 *   20 u32 records                     60  u32 0
 *   24 u64 offset of the sidx          64  init segment, then zeros up to a multiple of 8, then the records
 *   32 u64 bytes of the sidx
 *
 * The checksum in the header is of the header (with itself as 0) and the init segment. The init segment is the track description: one
 * parser for both files. A record is 40 bytes and has a checksum of its own, so that one day records can be appended while
 * a channel is live, and a torn last one is seen:
 *
 *   0 u64 offset   8 i64 start   16 u32 bytes   20 u32 duration   24 u32 key bytes   28 u32 flags   32 u32 number   36 u32 CRC-32C */
#include "base/crc.h"
#include "base/fs.h"
#include "media/cmaf/box.h"
#include "media/cmaf/cmaf.h"
#include "media/cmaf/init.h"

enum { VERSION = 1, HEADER_BYTES = 64, RECORD_BYTES = 40, CRC_AT = 12 };
enum { INDEX_BYTES_MAX = HEADER_BYTES + INIT_BYTES_MAX + 8 + CMAF_SEGMENTS_MAX * RECORD_BYTES };
static const char magic[8] = "GSINDEX";
static const int64_t time_max = INT64_MAX / 4;

static struct err damaged(void) {
    return err_make(ERR_INPUT, "index.damaged", "The index of a track is damaged. Import the title again, or restore the file.");
}

static void put_le(struct buf *out, uint64_t v, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++) buf_u8(out, (uint8_t)(v >> 8 * i));
}

static uint64_t get_le(struct byte_reader *r, unsigned bytes) {
    struct slice s = bytes_take(r, bytes);
    uint64_t v = 0;
    for (size_t i = s.len; i--;) v = v << 8 | (uint8_t)s.ptr[i];
    return v;
}

struct err cmaf_index_write(int dir_fd, const char *path, const struct cmaf_index *index) {
    struct buf out = BUF(INDEX_BYTES_MAX);
    buf_bytes(&out, magic, sizeof magic);
    put_le(&out, VERSION, 4);
    put_le(&out, 0, 4);
    put_le(&out, index->init.len, 4);
    put_le(&out, index->segment_count, 4);
    put_le(&out, index->sidx_offset, 8);
    put_le(&out, index->sidx_bytes, 8);
    put_le(&out, index->file_bytes, 8);
    put_le(&out, index->track.rate_num, 4);
    put_le(&out, index->track.rate_den, 4);
    put_le(&out, 0, 8);
    buf_append(&out, index->init);
    if (!out.has_failed) {
        uint32_t crc = crc32c(0, out.ptr, out.len);
        for (int i = 0; i < 4; i++) out.ptr[CRC_AT + i] = (char)(crc >> 8 * i);
    }
    while (out.len % 8 && !out.has_failed) buf_u8(&out, 0);
    for (size_t i = 0; i < index->segment_count && !out.has_failed; i++) {
        const struct cmaf_segment *s = &index->segments[i];
        size_t at = out.len;
        put_le(&out, s->offset, 8);
        put_le(&out, (uint64_t)s->start, 8);
        put_le(&out, s->bytes, 4);
        put_le(&out, s->duration, 4);
        put_le(&out, s->key_bytes, 4);
        put_le(&out, s->flags, 4);
        put_le(&out, i, 4);
        if (!out.has_failed) put_le(&out, crc32c(0, out.ptr + at, RECORD_BYTES - 4), 4);
    }
    struct err e = buf_error(&out);
    if (!e.kind) e = fs_write_file_atomic(dir_fd, path, buf_slice(&out), 0644);
    buf_free(&out);
    return e;
}

/* Order and bounds; the checksum only tells that we wrote it once. */
static bool is_record_sound(const struct cmaf_segment *s, const struct cmaf_segment *before, uint64_t file_bytes) {
    if (s->flags & ~(uint32_t)(CMAF_SEGMENT_SYNC | CMAF_SEGMENT_PART) || !s->bytes || s->key_bytes > s->bytes) return false;
    if (s->offset > file_bytes || s->bytes > file_bytes - s->offset) return false;
    if (s->start < -time_max || s->start > time_max) return false;
    if (!before) return !(s->flags & CMAF_SEGMENT_PART);
    return s->offset == before->offset + before->bytes && s->start >= before->start;
}

struct err cmaf_index_parse(struct slice bytes, struct arena *arena, struct cmaf_index *out) {
    struct byte_reader r = byte_reader_of(bytes);
    struct slice mark = bytes_take(&r, sizeof magic);
    if (!slice_eq(mark, slice_of(magic, sizeof magic))) return damaged();
    if (get_le(&r, 4) != VERSION)
        return err_make(ERR_INPUT, "index.version", "The index of a track was written by another version of this program.");
    uint32_t crc = (uint32_t)get_le(&r, 4);
    size_t init_bytes = get_le(&r, 4), count = get_le(&r, 4);
    struct cmaf_index index = {0};
    index.sidx_offset = get_le(&r, 8);
    index.sidx_bytes = get_le(&r, 8);
    index.file_bytes = get_le(&r, 8);
    uint32_t rate_num = (uint32_t)get_le(&r, 4), rate_den = (uint32_t)get_le(&r, 4);
    uint64_t rest = get_le(&r, 8);
    if (r.has_failed || rest || init_bytes > INIT_BYTES_MAX || count < 1 || count > CMAF_SEGMENTS_MAX) return damaged();
    struct slice init = bytes_take(&r, init_bytes);
    bytes_skip(&r, (8 - init_bytes % 8) % 8);
    if (r.has_failed || bytes_left(&r) != count * RECORD_BYTES) return damaged();
    static const char zeros[4];
    uint32_t sum = crc32c(crc32c(crc32c(0, bytes.ptr, CRC_AT), zeros, 4), bytes.ptr + CRC_AT + 4, HEADER_BYTES - CRC_AT - 4 + init_bytes);
    if (sum != crc) return damaged();

    index.init = arena_copy(arena, init);
    struct cmaf_segment *segments = arena_alloc_array(arena, count, sizeof *segments);
    if (!index.init.ptr || !segments) return err_memory();
    struct err e = init_parse(index.init, &index.track, &index.media_time);
    if (e.kind) return e;
    index.track.rate_num = rate_num;
    index.track.rate_den = rate_den;
    for (size_t i = 0; i < count; i++) {
        struct slice record = slice_of(r.at, RECORD_BYTES);
        struct cmaf_segment *s = &segments[i];
        s->offset = get_le(&r, 8);
        s->start = (int64_t)get_le(&r, 8);
        s->bytes = (uint32_t)get_le(&r, 4);
        s->duration = (uint32_t)get_le(&r, 4);
        s->key_bytes = (uint32_t)get_le(&r, 4);
        s->flags = (uint32_t)get_le(&r, 4);
        uint32_t number = (uint32_t)get_le(&r, 4), record_crc = (uint32_t)get_le(&r, 4);
        if (number != i || crc32c(0, record.ptr, RECORD_BYTES - 4) != record_crc || !is_record_sound(s, i ? s - 1 : NULL, index.file_bytes))
            return damaged();
    }
    if (segments[0].offset < init_bytes || index.sidx_offset < init_bytes || index.sidx_offset > segments[0].offset ||
        index.sidx_bytes > segments[0].offset - index.sidx_offset || segments[count - 1].offset + segments[count - 1].bytes != index.file_bytes)
        return damaged();
    index.segments = segments;
    index.segment_count = count;
    *out = index;
    return ERR_OK;
}

struct err cmaf_index_read(int dir_fd, const char *path, struct arena *arena, struct cmaf_index *out) {
    struct buf bytes = BUF(INDEX_BYTES_MAX);
    struct err e = fs_read_file(dir_fd, path, &bytes);
    if (!e.kind) e = cmaf_index_parse(buf_slice(&bytes), arena, out);
    buf_free(&bytes);
    return e;
}

void cmaf_index_bitrates(const struct cmaf_index *index, uint64_t *peak, uint64_t *average) {
    const struct cmaf_segment *s = index->segments;
    uint64_t timescale = index->track.timescale, longest = 1;
    unsigned __int128 bytes_all = 0, ticks_all = 0;
    for (size_t i = 0; i < index->segment_count; i++) {
        uint64_t seconds = ((uint64_t)s[i].duration + timescale / 2) / timescale; /* EXTINF is held against the target rounded */
        if (seconds > longest) longest = seconds;
        bytes_all += s[i].bytes;
        ticks_all += s[i].duration;
    }
    *average = ticks_all ? (uint64_t)((bytes_all * 8 * timescale + ticks_all - 1) / ticks_all) : 0;
    *peak = 0;
    uint64_t ticks_min = longest * timescale / 2, ticks_max = longest * timescale + longest * timescale / 2;
    for (size_t i = 0; i < index->segment_count; i++) {
        uint64_t bytes = 0, ticks = 0;
        /* Ends soon: durations of 0, which only damaged files have, are what makes the bound necessary. */
        for (size_t j = i; j < index->segment_count && j < i + 64; j++) {
            bytes += s[j].bytes, ticks += s[j].duration;
            if (ticks > ticks_max) break;
            if (ticks < ticks_min || !ticks) continue;
            uint64_t rate = (uint64_t)(((unsigned __int128)bytes * 8 * timescale + ticks - 1) / ticks);
            if (rate > *peak) *peak = rate;
        }
    }
    if (*peak < *average) *peak = *average; /* one short segment alone */
}

int64_t cmaf_index_end_ns(const struct cmaf_index *index) {
    const struct cmaf_segment *last = &index->segments[index->segment_count - 1];
    return (int64_t)((__int128)(last->start + last->duration) * 1000000000 / index->track.timescale);
}
