/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * sps.c: what a sequence parameter set says about pictures: size, shape of pixels, colour, rate. All bits between the beginning and the video
 * usability information have to be walked through, whether anybody wants them or not. */
#include <string.h>

#include "base/bytes.h"
#include "media/codec/nal.h"

enum { SPS_BYTES_MAX = 1024, SIDE_MAX = 16384 };

/* H.264 table E-1, H.265 table E.1. */
static const uint8_t ASPECTS[][2] = {{0, 0},   {1, 1},   {12, 11}, {10, 11}, {16, 11}, {40, 33}, {24, 11}, {20, 11}, {32, 11},
                                     {80, 33}, {18, 11}, {15, 11}, {64, 33}, {160, 99}, {4, 3},  {3, 2},   {2, 1}};

static void read_aspect_and_colour(struct bit_reader *r, struct nal_format *f) {
    if (bits_take(r, 1)) {
        uint32_t idc = bits_take(r, 8);
        if (idc == 255) {
            f->aspect_x = bits_take(r, 16);
            f->aspect_y = bits_take(r, 16);
        } else if (idc < ARRAY_LEN(ASPECTS)) {
            f->aspect_x = ASPECTS[idc][0];
            f->aspect_y = ASPECTS[idc][1];
        }
        if (!f->aspect_x || !f->aspect_y) f->aspect_x = f->aspect_y = 0;
    }
    if (bits_take(r, 1)) bits_take(r, 1); /* overscan */
    if (bits_take(r, 1)) {
        bits_take(r, 3); /* video format */
        bool is_full_range = bits_take(r, 1);
        if (bits_take(r, 1)) {
            f->colour.primaries = (uint16_t)bits_take(r, 8);
            f->colour.transfer = (uint16_t)bits_take(r, 8);
            f->colour.matrix = (uint16_t)bits_take(r, 8);
            f->colour.is_full_range = is_full_range;
            f->colour.has_any = true;
        }
    }
    if (bits_take(r, 1)) { /* where chroma samples lie */
        bits_ue(r);
        bits_ue(r);
    }
}

static void take_rate(struct nal_format *f, uint64_t num, uint64_t den) {
    if (!num || !den || num > UINT32_MAX || den > UINT32_MAX || num / den > 1000 || den / num > 60) return;
    f->rate_num = (uint32_t)num;
    f->rate_den = (uint32_t)den;
}

static void skip_scaling_list(struct bit_reader *r, int size) {
    int32_t last = 8, next = 8;
    for (int i = 0; i < size && !r->has_failed; i++) {
        if (next) next = (last + bits_se(r) + 256) & 255;
        if (next) last = next;
    }
}

static bool take_size(struct nal_format *f, uint64_t width, uint64_t height, uint64_t cropped_x, uint64_t cropped_y) {
    if (cropped_x >= width || cropped_y >= height || width - cropped_x > SIDE_MAX || height - cropped_y > SIDE_MAX) return false;
    f->width = (uint32_t)(width - cropped_x);
    f->height = (uint32_t)(height - cropped_y);
    return true;
}

static bool read_h264(struct bit_reader *r, struct nal_format *f) {
    static const uint8_t WITH_FORMAT[] = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135};
    uint32_t profile = bits_take(r, 8), chroma = 1;
    bits_take(r, 16);
    bits_ue(r);
    if (memchr(WITH_FORMAT, (int)profile, sizeof WITH_FORMAT)) {
        chroma = bits_ue(r);
        if (chroma == 3 && bits_take(r, 1)) chroma = 0; /* planes apart: cropped as if there were one */
        bits_ue(r);
        bits_ue(r);
        bits_take(r, 1);
        if (bits_take(r, 1))
            for (int i = 0; i < (chroma == 3 ? 12 : 8); i++)
                if (bits_take(r, 1)) skip_scaling_list(r, i < 6 ? 16 : 64);
    }
    bits_ue(r);
    uint32_t order = bits_ue(r);
    if (order == 0) {
        bits_ue(r);
    } else if (order == 1) {
        bits_take(r, 1);
        bits_se(r);
        bits_se(r);
        uint32_t cycle = bits_ue(r);
        for (uint32_t i = 0; i < cycle && i < 256 && !r->has_failed; i++) bits_se(r);
    }
    bits_ue(r);
    bits_take(r, 1);
    uint64_t width = ((uint64_t)bits_ue(r) + 1) * 16, map = (uint64_t)bits_ue(r) + 1;
    bool has_frames_only = bits_take(r, 1);
    if (!has_frames_only) bits_take(r, 1);
    bits_take(r, 1);
    uint64_t crop[4] = {0};
    if (bits_take(r, 1))
        for (int i = 0; i < 4; i++) crop[i] = bits_ue(r); /* left, right, top, bottom */
    uint64_t unit_x = chroma == 1 || chroma == 2 ? 2 : 1, unit_y = (chroma == 1 ? 2 : 1) * (2u - has_frames_only);
    if (r->has_failed || chroma > 3 || !take_size(f, width, map * 16 * (2u - has_frames_only), (crop[0] + crop[1]) * unit_x, (crop[2] + crop[3]) * unit_y)) return false;
    if (!bits_take(r, 1)) return true;
    struct nal_format more = *f;
    read_aspect_and_colour(r, &more);
    if (bits_take(r, 1)) { /* a picture lasts two ticks, since a tick is a field's */
        uint32_t tick = bits_take(r, 32), scale = bits_take(r, 32);
        take_rate(&more, scale, (uint64_t)tick * 2);
    }
    if (!r->has_failed) *f = more;
    return true;
}

static void skip_profile_tier_level(struct bit_reader *r, unsigned sub_layers) {
    bool has_profile[8] = {0}, has_level[8] = {0};
    bits_take(r, 32), bits_take(r, 32), bits_take(r, 32);
    for (unsigned i = 0; i < sub_layers; i++) {
        has_profile[i] = bits_take(r, 1);
        has_level[i] = bits_take(r, 1);
    }
    if (sub_layers) bits_take(r, 2 * (8 - sub_layers));
    for (unsigned i = 0; i < sub_layers; i++) {
        if (has_profile[i]) bits_take(r, 32), bits_take(r, 32), bits_take(r, 24);
        if (has_level[i]) bits_take(r, 8);
    }
}

static void skip_hevc_scaling_lists(struct bit_reader *r) {
    for (int size = 0; size < 4; size++)
        for (int matrix = 0; matrix < 6 && !r->has_failed; matrix += size == 3 ? 3 : 1) {
            if (!bits_take(r, 1)) {
                bits_ue(r);
                continue;
            }
            int count = size == 0 ? 16 : 64;
            if (size > 1) bits_se(r);
            for (int i = 0; i < count && !r->has_failed; i++) bits_se(r);
        }
}

/* H.265 section 7.3.7: each set may be told as a difference from the one before it. False: more pictures than any decoder keeps. */
static bool skip_reference_sets(struct bit_reader *r) {
    uint32_t sets = bits_ue(r), before = 0;
    if (sets > 64) return false;
    for (uint32_t i = 0; i < sets && !r->has_failed; i++) {
        uint32_t count = 0;
        if (i && bits_take(r, 1)) {
            bits_take(r, 1);
            bits_ue(r);
            for (uint32_t j = 0; j <= before; j++) {
                bool is_used = bits_take(r, 1);
                if (is_used || bits_take(r, 1)) count++;
            }
        } else {
            uint32_t negative = bits_ue(r), positive = bits_ue(r);
            if (negative > 16 || positive > 16) return false;
            count = negative + positive;
            for (uint32_t j = 0; j < count; j++) {
                bits_ue(r);
                bits_take(r, 1);
            }
        }
        if (count > 32) return false;
        before = count;
    }
    return true;
}

static bool read_hevc(struct bit_reader *r, struct nal_format *f) {
    bits_take(r, 4);
    unsigned sub_layers = bits_take(r, 3);
    bits_take(r, 1);
    skip_profile_tier_level(r, sub_layers);
    bits_ue(r);
    uint32_t chroma = bits_ue(r);
    if (chroma == 3 && bits_take(r, 1)) chroma = 0;
    uint64_t width = bits_ue(r), height = bits_ue(r), crop[4] = {0};
    if (bits_take(r, 1))
        for (int i = 0; i < 4; i++) crop[i] = bits_ue(r);
    uint64_t unit_x = chroma == 1 || chroma == 2 ? 2 : 1, unit_y = chroma == 1 ? 2 : 1;
    if (r->has_failed || chroma > 3 || !take_size(f, width, height, (crop[0] + crop[1]) * unit_x, (crop[2] + crop[3]) * unit_y)) return false;
    bits_ue(r), bits_ue(r);
    uint32_t order_bits = bits_ue(r) + 4;
    if (order_bits > 16) return true;
    for (unsigned i = bits_take(r, 1) ? 0 : sub_layers; i <= sub_layers; i++) bits_ue(r), bits_ue(r), bits_ue(r);
    for (int i = 0; i < 6; i++) bits_ue(r);
    if (bits_take(r, 1) && bits_take(r, 1)) skip_hevc_scaling_lists(r);
    bits_take(r, 2);
    if (bits_take(r, 1)) { /* pcm */
        bits_take(r, 8);
        bits_ue(r), bits_ue(r);
        bits_take(r, 1);
    }
    if (!skip_reference_sets(r)) return true;
    if (bits_take(r, 1)) {
        uint32_t count = bits_ue(r);
        if (count > 32) return true;
        for (uint32_t i = 0; i < count; i++) bits_take(r, order_bits), bits_take(r, 1);
    }
    bits_take(r, 2);
    if (!bits_take(r, 1)) return true;
    struct nal_format more = *f;
    read_aspect_and_colour(r, &more);
    bits_take(r, 3);
    if (bits_take(r, 1)) /* default display window */
        for (int i = 0; i < 4; i++) bits_ue(r);
    if (bits_take(r, 1)) {
        uint32_t tick = bits_take(r, 32), scale = bits_take(r, 32);
        take_rate(&more, scale, tick);
    }
    if (!r->has_failed) *f = more;
    return true;
}

bool nal_read_format(struct slice sps, bool is_hevc, struct nal_format *out) {
    uint8_t bytes[SPS_BYTES_MAX];
    size_t header = is_hevc ? 2 : 1;
    if (sps.len < header + 4) return false;
    struct bit_reader r = bit_reader_of(nal_unescape(slice_sub(sps, header, sps.len), bytes, sizeof bytes));
    struct nal_format f = {0};
    if (!(is_hevc ? read_hevc(&r, &f) : read_h264(&r, &f)) || !f.width || !f.height) return false;
    *out = f;
    return true;
}
