/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/cmaf/fragment.h"

#include "media/cmaf/box.h"

enum {
    TFHD_BASE = 0x1, TFHD_DESCRIPTION = 0x2, TFHD_DURATION = 0x8, TFHD_SIZE = 0x10, TFHD_FLAGS = 0x20, TFHD_BASE_IS_MOOF = 0x20000,
    TRUN_DATA_OFFSET = 0x1, TRUN_FIRST_FLAGS = 0x4, TRUN_DURATION = 0x100, TRUN_SIZE = 0x200, TRUN_FLAGS = 0x400, TRUN_OFFSET = 0x800,
    TRUN_PER_SAMPLE = TRUN_DURATION | TRUN_SIZE | TRUN_FLAGS | TRUN_OFFSET,
    IS_NOT_SYNC = 0x10000,
    SILENT_SAMPLES_MAX = 4096, /* samples of no bytes for which nothing is written: more is an attack on our patience */
};

static struct err malformed(void) {
    return err_make(ERR_INPUT, "fragment.malformed", "A fragment of the file is damaged. Export the file again and import that.");
}

struct fragment fragment_of(struct slice body, uint64_t moof_offset, uint32_t track_id, struct trex trex, int64_t dts) {
    return (struct fragment){.track_id = track_id, .trex = trex, .moof_offset = moof_offset, .dts = dts, .data_end = moof_offset,
                             .moof = byte_reader_of(body)};
}

static void read_tfhd(struct fragment *f, struct slice body) {
    struct byte_reader r = byte_reader_of(body);
    uint32_t flags = bytes_u32be(&r);
    f->is_ours = bytes_u32be(&r) == f->track_id;
    f->defaults = f->is_ours ? f->trex : (struct trex){0};
    f->base = f->data_end; /* without any word about it: after the data of the traf before, or the moof (section 8.8.7.1) */
    if (flags & TFHD_BASE_IS_MOOF) f->base = f->moof_offset;
    if (flags & TFHD_BASE) f->base = bytes_u64be(&r);
    if (flags & TFHD_DESCRIPTION) bytes_skip(&r, 4);
    if (flags & TFHD_DURATION) f->defaults.duration = bytes_u32be(&r);
    if (flags & TFHD_SIZE) f->defaults.size = bytes_u32be(&r);
    if (flags & TFHD_FLAGS) f->defaults.flags = bytes_u32be(&r);
    f->data_end = f->base;
    if (r.has_failed) f->traf.has_failed = true;
}

static void read_tfdt(struct fragment *f, struct slice body) {
    struct byte_reader r = byte_reader_of(body);
    uint64_t time = bytes_u32be(&r) >> 24 == 1 ? bytes_u64be(&r) : bytes_u32be(&r);
    if (r.has_failed || time > INT64_MAX / 4) f->traf.has_failed = true;
    else if (f->is_ours) f->dts = (int64_t)time;
}

static void read_trun(struct fragment *f, struct slice body) {
    f->trun = byte_reader_of(body);
    uint32_t head = bytes_u32be(&f->trun);
    f->run_version = (uint8_t)(head >> 24);
    f->run_flags = head & 0xffffff;
    f->run_left = bytes_u32be(&f->trun);
    if (f->run_flags & TRUN_DATA_OFFSET) f->data_end = f->base + (uint64_t)(int64_t)(int32_t)bytes_u32be(&f->trun);
    f->run_first_flags = f->run_flags & TRUN_FIRST_FLAGS ? bytes_u32be(&f->trun) : 0;
    f->is_run_first = true;
    f->is_in_trun = true;
    size_t each = 4u * (unsigned)__builtin_popcount(f->run_flags & TRUN_PER_SAMPLE);
    bool is_silent = !each && !f->defaults.size;
    if (f->trun.has_failed || (uint64_t)each * f->run_left > bytes_left(&f->trun) || (is_silent && f->run_left > SILENT_SAMPLES_MAX))
        f->traf.has_failed = true;
}

/* Other tracks are walked, too: where their data ends may be where ours begins. */
struct err fragment_next(struct fragment *f, struct cmaf_sample *out, bool *has_sample) {
    struct box box;
    for (;;) {
        if (f->is_in_trun && f->run_left) {
            f->run_left--;
            uint32_t duration = f->run_flags & TRUN_DURATION ? bytes_u32be(&f->trun) : f->defaults.duration;
            uint32_t size = f->run_flags & TRUN_SIZE ? bytes_u32be(&f->trun) : f->defaults.size;
            uint32_t flags = f->run_flags & TRUN_FLAGS ? bytes_u32be(&f->trun) : f->defaults.flags;
            int64_t offset = f->run_flags & TRUN_OFFSET ? (int32_t)bytes_u32be(&f->trun) : 0;
            if (f->is_run_first && f->run_flags & TRUN_FIRST_FLAGS) flags = f->run_first_flags;
            f->is_run_first = false;
            uint64_t at = f->data_end;
            if (__builtin_add_overflow(at, size, &f->data_end)) return malformed();
            if (!f->is_ours) {
                /* Nobody counts these; a run without fields is passed in one step. */
                if (!(f->run_flags & TRUN_PER_SAMPLE)) {
                    uint64_t rest = (uint64_t)size * f->run_left;
                    if (__builtin_add_overflow(f->data_end, rest, &f->data_end)) return malformed();
                    f->run_left = 0;
                }
                continue;
            }
            if (f->dts > INT64_MAX / 4) return malformed();
            *out = (struct cmaf_sample){.dts = f->dts, .pts = f->dts + offset, .duration = duration, .bytes = size,
                                        .is_sync = !(flags & IS_NOT_SYNC), .source_offset = at};
            f->dts += duration;
            *has_sample = true;
            return ERR_OK;
        }
        f->is_in_trun = false;
        if (box_next(&f->traf, &box)) {
            if (box.type == FOURCC('t', 'f', 'h', 'd')) read_tfhd(f, box.body);
            else if (box.type == FOURCC('t', 'f', 'd', 't')) read_tfdt(f, box.body);
            else if (box.type == FOURCC('t', 'r', 'u', 'n')) read_trun(f, box.body);
            if (f->traf.has_failed) return malformed();
            continue;
        }
        if (f->traf.has_failed) return malformed();
        f->traf = (struct byte_reader){0};
        if (!box_next(&f->moof, &box)) {
            if (f->moof.has_failed) return malformed();
            *has_sample = false;
            return ERR_OK;
        }
        if (box.type == FOURCC('t', 'r', 'a', 'f')) {
            f->traf = byte_reader_of(box.body);
            f->is_ours = false;
            f->base = f->data_end;
            f->defaults = (struct trex){0};
        }
    }
}
