/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * One part: moof and mdat header (14496-12 section 8.8). A field that is the same for all samples is said once. */
#include <assert.h>

#include "media/cmaf/box.h"
#include "media/cmaf/part.h"

enum { FLAGS_SYNC = 0x02000000, FLAGS_NOT_SYNC = 0x01010000 }; /* depends on no other; depends on others and is no sync sample */

enum {
    TFHD_DURATION = 0x08, TFHD_SIZE = 0x10, TFHD_FLAGS = 0x20, TFHD_BASE_IS_MOOF = 0x20000,
    TRUN_DATA_OFFSET = 0x1, TRUN_FIRST_FLAGS = 0x4, TRUN_DURATION = 0x100, TRUN_SIZE = 0x200, TRUN_FLAGS = 0x400, TRUN_OFFSET = 0x800,
};

static uint32_t sample_flags(const struct cmaf_sample *s) { return s->is_sync ? FLAGS_SYNC : FLAGS_NOT_SYNC; }

/* What differs from sample to sample, and so must be said for each. */
static uint32_t trun_fields(const struct cmaf_sample *s, size_t count, int64_t decode_shift, uint64_t *payload, bool *fits) {
    uint32_t fields = TRUN_DATA_OFFSET;
    *payload = 0;
    *fits = true;
    for (size_t i = 0; i < count; i++) {
        int64_t offset;
        if (__builtin_sub_overflow(s[i].pts, s[i].dts, &offset) || __builtin_sub_overflow(offset, decode_shift, &offset) ||
            offset < INT32_MIN || offset > INT32_MAX)
            *fits = false;
        else if (offset)
            fields |= TRUN_OFFSET;
        if (s[i].duration != s[0].duration) fields |= TRUN_DURATION;
        if (s[i].bytes != s[0].bytes) fields |= TRUN_SIZE;
        if (i > 1 && s[i].is_sync != s[1].is_sync) fields |= TRUN_FLAGS;
        *payload += s[i].bytes;
    }
    if (!(fields & TRUN_FLAGS) && count > 1 && s[0].is_sync != s[1].is_sync) fields |= TRUN_FIRST_FLAGS;
    return fields;
}

uint32_t part_traf_boxes_at(void) { return 8 + 16 + 8 + (8 + 4 + 4 + 4 + 4 + 4) + (8 + 4 + 8); }

struct err cmaf_part_build(const struct cmaf_sample *s, size_t count, uint32_t sequence, int64_t media_time, int64_t decode_shift,
                           struct slice traf_boxes, struct buf *head) {
    assert(count > 0);
    uint64_t payload;
    bool fits;
    uint32_t fields = trun_fields(s, count, decode_shift, &payload, &fits);
    if (!fits) return err_make(ERR_INPUT, "sample.time", "A picture is shown hours away from where it is stored. The file's time stamps are damaged.");
    int64_t decode_time;
    if (__builtin_add_overflow(s[0].dts, decode_shift, &decode_time) || __builtin_add_overflow(decode_time, media_time, &decode_time) ||
        decode_time < 0)
        return err_make(ERR_INPUT, "sample.time", "A sample begins before the track does. The file's time stamps are damaged.");
    if (payload > UINT32_MAX - 8 || count > 1 << 24) return err_make(ERR_LIMIT, "part.large", "A part of a track is larger than 4 GB.");

    size_t first = head->len;
    size_t moof = box_begin(head, "moof");
    size_t mfhd = box_begin_full(head, "mfhd", 0, 0);
    buf_u32be(head, sequence);
    box_end(head, mfhd);
    size_t traf = box_begin(head, "traf");
    /* Duration, size and flags always stand here, so that boxes after tfdt have one place (part_traf_boxes_at). */
    size_t tfhd = box_begin_full(head, "tfhd", 0, TFHD_BASE_IS_MOOF | TFHD_DURATION | TFHD_SIZE | TFHD_FLAGS);
    buf_u32be(head, 1);
    buf_u32be(head, s[0].duration);
    buf_u32be(head, s[0].bytes);
    buf_u32be(head, sample_flags(&s[fields & TRUN_FIRST_FLAGS ? 1 : 0]));
    box_end(head, tfhd);
    size_t tfdt = box_begin_full(head, "tfdt", 1, 0);
    buf_u64be(head, (uint64_t)decode_time);
    box_end(head, tfdt);
    if (!head->has_failed) assert(head->len - first == part_traf_boxes_at());
    buf_append(head, traf_boxes);
    size_t trun = box_begin_full(head, "trun", 1, fields);
    buf_u32be(head, (uint32_t)count);
    size_t data_offset = head->len;
    buf_u32be(head, 0);
    if (fields & TRUN_FIRST_FLAGS) buf_u32be(head, sample_flags(&s[0]));
    size_t each = 4u * (!!(fields & TRUN_DURATION) + !!(fields & TRUN_SIZE) + !!(fields & TRUN_FLAGS) + !!(fields & TRUN_OFFSET));
    char *at = each ? buf_reserve(head, each * count) : NULL;
    for (size_t i = 0; at && i < count; i++) {
#define PUT32(value)                              \
    do {                                          \
        uint32_t big = __builtin_bswap32(value);  \
        memcpy(at, &big, 4), at += 4;             \
    } while (0)
        if (fields & TRUN_DURATION) PUT32(s[i].duration);
        if (fields & TRUN_SIZE) PUT32(s[i].bytes);
        if (fields & TRUN_FLAGS) PUT32(sample_flags(&s[i]));
        if (fields & TRUN_OFFSET) PUT32((uint32_t)(int32_t)(s[i].pts - s[i].dts - decode_shift));
#undef PUT32
    }
    if (at) buf_commit(head, each * count);
    box_end(head, trun);
    box_end(head, traf);
    box_end(head, moof);
    buf_patch_u32be(head, data_offset, (uint32_t)(head->len - first) + 8);
    buf_u32be(head, (uint32_t)(payload + 8));
    buf_cstr(head, "mdat");
    return buf_error(head);
}
