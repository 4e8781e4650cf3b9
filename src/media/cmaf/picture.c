/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * picture.c: what the parameter sets of H.264 and HEVC, the sequence header of AV1 and a key frame of VP9 say about pictures. All bits up to those
 * that somebody wants have to be walked through. */
#include "base/bytes.h"
#include "media/cmaf/cmaf.h"

enum { SET_BYTES_MAX = 4096 };

/* Takes the emulation prevention bytes out of a NAL unit (H.264 section 7.3.1). */
static size_t unescape(struct slice nal, uint8_t *out, size_t max) {
    size_t len = 0;
    unsigned zeros = 0;
    for (size_t i = 0; i < nal.len && len < max; i++) {
        uint8_t byte = (uint8_t)nal.ptr[i];
        if (zeros >= 2 && byte == 3) {
            zeros = 0;
            continue;
        }
        zeros = byte ? 0 : zeros + 1;
        out[len++] = byte;
    }
    return len;
}

/* H.264 table E-1; the same in H.265. */
static bool read_aspect(struct bit_reader *b, struct cmaf_track *t) {
    static const uint8_t ASPECTS[17][2] = {{0, 0}, {1, 1}, {12, 11}, {10, 11}, {16, 11}, {40, 33}, {24, 11}, {20, 11}, {32, 11},
                                           {80, 33}, {18, 11}, {15, 11}, {64, 33}, {160, 99}, {4, 3}, {3, 2}, {2, 1}};
    uint32_t index = bits_take(b, 8);
    if (index == 255) {
        t->aspect_x = bits_take(b, 16);
        t->aspect_y = bits_take(b, 16);
    } else if (index < ARRAY_LEN(ASPECTS)) {
        t->aspect_x = ASPECTS[index][0];
        t->aspect_y = ASPECTS[index][1];
    }
    if (!t->aspect_x || !t->aspect_y) t->aspect_x = t->aspect_y = 0;
    return !b->has_failed;
}

/* video_signal_type, which H.264 and H.265 have alike. */
static void read_signal(struct bit_reader *b, struct cmaf_track *t) {
    if (!bits_take(b, 1)) return;
    bits_take(b, 3); /* video_format */
    bool is_full = bits_take(b, 1);
    if (bits_take(b, 1)) {
        t->colour = (struct cmaf_colour){.has_any = true, .is_full_range = is_full};
        t->colour.primaries = (uint16_t)bits_take(b, 8);
        t->colour.transfer = (uint16_t)bits_take(b, 8);
        t->colour.matrix = (uint16_t)bits_take(b, 8);
    } else if (is_full) {
        t->colour = (struct cmaf_colour){.has_any = true, .is_full_range = true, .primaries = 2, .transfer = 2, .matrix = 2};
    }
}

static void set_rate(struct cmaf_track *t, uint64_t num, uint64_t den) {
    if (!num || !den || num / den > 1000 || den / num > 10) return;
    while ((num > UINT32_MAX || den > UINT32_MAX)) num >>= 1, den >>= 1;
    uint64_t a = num, b = den;
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    t->rate_num = (uint32_t)(num / a);
    t->rate_den = (uint32_t)(den / a);
}

static bool set_size(struct cmaf_track *t, uint64_t width, uint64_t height, uint64_t cut_x, uint64_t cut_y) {
    if (width <= cut_x || height <= cut_y || width - cut_x > UINT16_MAX || height - cut_y > UINT16_MAX) return false;
    t->width = (uint16_t)(width - cut_x);
    t->height = (uint16_t)(height - cut_y);
    return true;
}

static void skip_scaling_list(struct bit_reader *b, unsigned count) { /* H.264 section 7.3.2.1.1.1 */
    int32_t last = 8, next = 8;
    for (unsigned i = 0; i < count && !b->has_failed; i++) {
        if (next) next = (int32_t)(((int64_t)last + bits_se(b) + 256) % 256);
        last = next ? next : last;
    }
}

/* H.264 section 7.3.2.1.1, and of the VUI what we need. */
static bool read_h264_sps(struct slice nal, struct cmaf_track *t) {
    uint8_t plain[SET_BYTES_MAX];
    struct bit_reader bits = bit_reader_of(slice_of(plain, unescape(nal, plain, sizeof plain))), *b = &bits;
    bits_take(b, 8);
    uint32_t profile = bits_take(b, 8), chroma = 1;
    bits_take(b, 16);
    bits_ue(b);
    static const uint8_t HIGH[] = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135};
    bool has_separate_planes = false;
    if (memchr(HIGH, (int)profile, sizeof HIGH)) {
        chroma = bits_ue(b);
        if (chroma > 3) return false;
        if (chroma == 3) has_separate_planes = bits_take(b, 1);
        bits_ue(b);
        bits_ue(b);
        bits_take(b, 1);
        if (bits_take(b, 1))
            for (unsigned i = 0; i < (chroma != 3 ? 8 : 12); i++)
                if (bits_take(b, 1)) skip_scaling_list(b, i < 6 ? 16 : 64);
    }
    bits_ue(b); /* log2_max_frame_num */
    uint32_t order = bits_ue(b);
    if (order == 0) bits_ue(b);
    if (order == 1) {
        bits_take(b, 1);
        bits_se(b);
        bits_se(b);
        uint32_t count = bits_ue(b);
        if (count > 255) return false;
        for (uint32_t i = 0; i < count; i++) bits_se(b);
    }
    bits_ue(b); /* max_num_ref_frames */
    bits_take(b, 1);
    uint64_t width = ((uint64_t)bits_ue(b) + 1) * 16, map_units = (uint64_t)bits_ue(b) + 1;
    bool is_progressive = bits_take(b, 1);
    uint64_t height = map_units * 16 * (is_progressive ? 1 : 2), cut_x = 0, cut_y = 0;
    if (!is_progressive) bits_take(b, 1);
    bits_take(b, 1);
    if (bits_take(b, 1)) {
        unsigned unit_x = chroma == 1 || chroma == 2 ? 2 : 1, unit_y = (chroma == 1 ? 2 : 1) * (is_progressive ? 1u : 2u);
        if (has_separate_planes || chroma == 0) unit_x = 1, unit_y = is_progressive ? 1 : 2;
        cut_x = (uint64_t)bits_ue(b) * unit_x;
        cut_x += (uint64_t)bits_ue(b) * unit_x;
        cut_y = (uint64_t)bits_ue(b) * unit_y;
        cut_y += (uint64_t)bits_ue(b) * unit_y;
    }
    bool has_vui = bits_take(b, 1);
    if (b->has_failed || !set_size(t, width, height, cut_x, cut_y)) return false;
    if (!has_vui) return true;
    if (bits_take(b, 1)) read_aspect(b, t);
    if (bits_take(b, 1)) bits_take(b, 1); /* overscan */
    read_signal(b, t);
    if (bits_take(b, 1)) { /* where chroma lies */
        bits_ue(b);
        bits_ue(b);
    }
    if (bits_take(b, 1)) {
        uint64_t tick = bits_take(b, 32), scale = bits_take(b, 32);
        if (!b->has_failed) set_rate(t, scale, tick * 2);
    }
    return true;
}

bool cmaf_picture_of_avcc(struct cmaf_track *t, struct slice body) { /* 14496-15 section 5.3.3.1 */
    struct byte_reader r = byte_reader_of(body);
    bytes_skip(&r, 5);
    unsigned sets = bytes_u8(&r) & 31;
    if (!sets) return false; /* parameter sets only in the samples: no size to tell, and no browser takes it */
    struct slice sps = bytes_take(&r, bytes_u16be(&r));
    return !r.has_failed && (sps.len ? (sps.ptr[0] & 31) == 7 : false) && read_h264_sps(sps, t);
}

/* H.265 section 7.3.3; the general part and, of the sub-layers, only what is to be skipped. */
static void skip_profile_tier_level(struct bit_reader *b, unsigned sub_layers) {
    for (unsigned i = 0; i < 3; i++) bits_take(b, 32); /* 88 bits of profile and 8 of level */
    bool has_profile[8] = {false}, has_level[8] = {false};
    for (unsigned i = 0; i < sub_layers; i++) {
        has_profile[i] = bits_take(b, 1);
        has_level[i] = bits_take(b, 1);
    }
    if (sub_layers)
        for (unsigned i = sub_layers; i < 8; i++) bits_take(b, 2);
    for (unsigned i = 0; i < sub_layers; i++) {
        if (has_profile[i]) {
            bits_take(b, 32);
            bits_take(b, 32);
            bits_take(b, 24);
        }
        if (has_level[i]) bits_take(b, 8);
    }
}

static void skip_hevc_scaling_lists(struct bit_reader *b) { /* section 7.3.4 */
    for (unsigned size = 0; size < 4; size++)
        for (unsigned matrix = 0; matrix < 6; matrix += size == 3 ? 3 : 1) {
            if (!bits_take(b, 1)) {
                bits_ue(b);
                continue;
            }
            unsigned count = size ? 64u : 16u;
            if (size > 1) bits_se(b);
            for (unsigned i = 0; i < count && !b->has_failed; i++) bits_se(b);
        }
}

/* Section 7.3.7: each set may be told as a difference to the one before it. */
static bool skip_reference_sets(struct bit_reader *b, uint32_t count) {
    uint32_t pictures[64] = {0};
    for (uint32_t i = 0; i < count; i++) {
        if (i && bits_take(b, 1)) {
            bits_take(b, 1);
            bits_ue(b);
            uint32_t kept = 0;
            for (uint32_t j = 0; j <= pictures[i - 1]; j++) {
                bool is_used = bits_take(b, 1);
                bool is_kept = is_used ? true : bits_take(b, 1);
                kept += is_kept;
            }
            pictures[i] = kept;
        } else {
            uint32_t negative = bits_ue(b), positive = bits_ue(b);
            if (negative > 16 || positive > 16) return false;
            for (uint32_t j = 0; j < negative + positive; j++) {
                bits_ue(b);
                bits_take(b, 1);
            }
            pictures[i] = negative + positive;
        }
        if (b->has_failed || pictures[i] > 32) return false;
    }
    return true;
}

/* H.265 section 7.3.2.2.1 and E.2.1. The size is enough; what follows it is read as far as it can be. */
static bool read_hevc_sps(struct slice nal, struct cmaf_track *t) {
    uint8_t plain[SET_BYTES_MAX];
    struct bit_reader bits = bit_reader_of(slice_of(plain, unescape(nal, plain, sizeof plain))), *b = &bits;
    bits_take(b, 16);
    bits_take(b, 4);
    unsigned sub_layers = bits_take(b, 3);
    bits_take(b, 1);
    if (sub_layers > 6) return false;
    skip_profile_tier_level(b, sub_layers);
    bits_ue(b);
    uint32_t chroma = bits_ue(b);
    if (chroma > 3) return false;
    if (chroma == 3) bits_take(b, 1);
    uint64_t width = bits_ue(b), height = bits_ue(b), cut_x = 0, cut_y = 0;
    if (bits_take(b, 1)) {
        unsigned unit_x = chroma == 1 || chroma == 2 ? 2 : 1, unit_y = chroma == 1 ? 2 : 1;
        cut_x = (uint64_t)bits_ue(b) * unit_x;
        cut_x += (uint64_t)bits_ue(b) * unit_x;
        cut_y = (uint64_t)bits_ue(b) * unit_y;
        cut_y += (uint64_t)bits_ue(b) * unit_y;
    }
    bits_ue(b); /* bit depths */
    bits_ue(b);
    uint32_t order_bits = bits_ue(b) + 4;
    if (b->has_failed || order_bits > 16 || !set_size(t, width, height, cut_x, cut_y)) return false;
    for (unsigned i = bits_take(b, 1) ? 0 : sub_layers; i <= sub_layers; i++)
        for (unsigned j = 0; j < 3; j++) bits_ue(b);
    for (unsigned i = 0; i < 6; i++) bits_ue(b); /* block and transform sizes and depths */
    if (bits_take(b, 1) && bits_take(b, 1)) skip_hevc_scaling_lists(b);
    bits_take(b, 2);
    if (bits_take(b, 1)) { /* pcm */
        bits_take(b, 8);
        bits_ue(b);
        bits_ue(b);
        bits_take(b, 1);
    }
    uint32_t sets = bits_ue(b);
    if (b->has_failed || sets > 64 || !skip_reference_sets(b, sets)) return true;
    if (bits_take(b, 1)) {
        uint32_t long_term = bits_ue(b);
        for (uint32_t i = 0; i < long_term && i < 33; i++) {
            bits_take(b, order_bits);
            bits_take(b, 1);
        }
    }
    bits_take(b, 2);
    if (!bits_take(b, 1) || b->has_failed) return true;
    struct cmaf_track told = *t;
    if (bits_take(b, 1)) read_aspect(b, &told);
    if (bits_take(b, 1)) bits_take(b, 1);
    read_signal(b, &told);
    if (bits_take(b, 1)) {
        bits_ue(b);
        bits_ue(b);
    }
    bits_take(b, 3); /* neutral chroma, fields */
    if (bits_take(b, 1))
        for (unsigned i = 0; i < 4; i++) bits_ue(b); /* a window of its own */
    bool has_timing = bits_take(b, 1);
    uint64_t tick = has_timing ? bits_take(b, 32) : 0, scale = has_timing ? bits_take(b, 32) : 0;
    if (b->has_failed) return true;
    if (has_timing) set_rate(&told, scale, tick);
    *t = told;
    return true;
}

bool cmaf_picture_of_hvcc(struct cmaf_track *t, struct slice body) { /* 14496-15 section 8.3.3.1 */
    struct byte_reader r = byte_reader_of(body);
    bytes_skip(&r, 22);
    unsigned arrays = bytes_u8(&r);
    for (unsigned i = 0; i < arrays && !r.has_failed; i++) {
        unsigned type = bytes_u8(&r) & 63, count = bytes_u16be(&r);
        for (unsigned j = 0; j < count && !r.has_failed; j++) {
            struct slice nal = bytes_take(&r, bytes_u16be(&r));
            if (type == 33 && nal.len > 2) return read_hevc_sps(nal, t);
        }
    }
    return false;
}

static uint64_t read_leb128(struct byte_reader *r) { /* AV1 section 4.10.5 */
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++) {
        uint8_t byte = bytes_u8(r);
        value |= (uint64_t)(byte & 127) << (i * 7);
        if (!(byte & 128)) break;
    }
    return value;
}

static uint32_t read_uvlc(struct bit_reader *b) { /* section 4.10.3 */
    unsigned zeros = 0;
    while (!b->has_failed && !bits_take(b, 1)) zeros++;
    if (zeros >= 32) return UINT32_MAX;
    return zeros ? bits_take(b, zeros) + (1u << zeros) - 1 : 0;
}

static void read_av1_colour(struct bit_reader *b, unsigned profile, struct cmaf_track *t) { /* section 5.5.2 */
    bool is_high = bits_take(b, 1);
    if (profile == 2 && is_high) bits_take(b, 1);
    bool is_mono = profile != 1 && bits_take(b, 1);
    struct cmaf_colour c = {.primaries = 2, .transfer = 2, .matrix = 2};
    if (bits_take(b, 1)) {
        c.has_any = true;
        c.primaries = (uint16_t)bits_take(b, 8);
        c.transfer = (uint16_t)bits_take(b, 8);
        c.matrix = (uint16_t)bits_take(b, 8);
    }
    bool is_srgb = !is_mono && c.primaries == 1 && c.transfer == 13 && c.matrix == 0;
    c.is_full_range = is_srgb ? true : bits_take(b, 1);
    if (c.is_full_range) c.has_any = true;
    if (!b->has_failed && c.has_any) t->colour = c;
}

static bool read_av1_sequence(struct slice obu, struct cmaf_track *t) { /* section 5.5.1 */
    struct bit_reader bits = bit_reader_of(obu), *b = &bits;
    unsigned profile = bits_take(b, 3);
    bits_take(b, 1);
    bool is_reduced = bits_take(b, 1), has_decoder_model = false;
    unsigned delay_bits = 0;
    if (is_reduced) {
        bits_take(b, 5);
    } else {
        if (bits_take(b, 1)) {
            uint64_t tick = bits_take(b, 32), scale = bits_take(b, 32);
            if (bits_take(b, 1)) set_rate(t, scale, tick * ((uint64_t)read_uvlc(b) + 1));
            has_decoder_model = bits_take(b, 1);
            if (has_decoder_model) {
                delay_bits = bits_take(b, 5) + 1;
                bits_take(b, 32);
                bits_take(b, 10);
            }
        }
        bool has_initial_delay = bits_take(b, 1);
        unsigned points = bits_take(b, 5) + 1;
        for (unsigned i = 0; i < points && !b->has_failed; i++) {
            bits_take(b, 12);
            if (bits_take(b, 5) > 7) bits_take(b, 1);
            if (has_decoder_model && bits_take(b, 1)) {
                bits_take(b, delay_bits);
                bits_take(b, delay_bits);
                bits_take(b, 1);
            }
            if (has_initial_delay && bits_take(b, 1)) bits_take(b, 4);
        }
    }
    unsigned width_bits = bits_take(b, 4) + 1, height_bits = bits_take(b, 4) + 1;
    uint64_t width = (uint64_t)bits_take(b, width_bits) + 1, height = (uint64_t)bits_take(b, height_bits) + 1;
    if (b->has_failed || !set_size(t, width, height, 0, 0)) return false;
    if (!is_reduced && bits_take(b, 1)) bits_take(b, 7); /* frame ids */
    bits_take(b, 3);
    if (!is_reduced) {
        bits_take(b, 4);
        bool has_order = bits_take(b, 1);
        if (has_order) bits_take(b, 2);
        bool chooses_tools = bits_take(b, 1);
        unsigned forces_tools = chooses_tools ? 2 : bits_take(b, 1);
        if (forces_tools && !bits_take(b, 1)) bits_take(b, 1); /* integer motion */
        if (has_order) bits_take(b, 3);
    }
    bits_take(b, 3);
    read_av1_colour(b, profile, t);
    return true;
}

/* The sequence header among the units of a configuration or of a key frame (section 5.3). */
bool cmaf_picture_of_av1(struct cmaf_track *t, struct slice units) {
    struct byte_reader r = byte_reader_of(units);
    while (!r.has_failed && bytes_left(&r)) {
        uint8_t header = bytes_u8(&r);
        if (header & 4) bytes_skip(&r, 1);
        uint64_t bytes = header & 2 ? read_leb128(&r) : bytes_left(&r);
        if (bytes > bytes_left(&r)) return false;
        struct slice obu = bytes_take(&r, (size_t)bytes);
        if ((header >> 3 & 15) == 1) return read_av1_sequence(obu, t);
    }
    return false;
}

/* VP9 bitstream section 6.2: only a key frame says its size. */
bool cmaf_picture_of_vp9(struct cmaf_track *t, struct slice frame) {
    struct bit_reader bits = bit_reader_of(frame), *b = &bits;
    if (bits_take(b, 2) != 2) return false;
    unsigned profile = bits_take(b, 1);
    profile |= bits_take(b, 1) << 1;
    if (profile == 3) bits_take(b, 1);
    if (bits_take(b, 1) || bits_take(b, 1)) return false; /* shows an existing frame; is no key frame */
    bits_take(b, 2);
    if (bits_take(b, 24) != 0x498342) return false;
    if (profile >= 2) bits_take(b, 1);
    unsigned space = bits_take(b, 3);
    if (space != 7) {
        bits_take(b, 1);
        if (profile & 1) bits_take(b, 3);
    } else if (profile & 1) {
        bits_take(b, 1);
    }
    uint64_t width = bits_take(b, 16) + 1u, height = bits_take(b, 16) + 1u;
    return !b->has_failed && set_size(t, width, height, 0, 0);
}
