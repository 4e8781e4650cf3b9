/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/rtmp/params.h"

#include <math.h>

#include "base/bytes.h"

enum { SET_BYTES_MAX = 4096 };

/* ---- pictures ---- */

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

static bool config_h264(struct cmaf_track *t, struct slice body) { /* 14496-15 section 5.3.3.1 */
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
            unsigned count = size ? (size == 1 ? 64u : 64u) : 16u;
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

static bool config_hevc(struct cmaf_track *t, struct slice body) { /* 14496-15 section 8.3.3.1 */
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
static bool find_av1_sequence(struct slice units, struct cmaf_track *t) {
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
static bool read_vp9_size(struct slice frame, struct cmaf_track *t) {
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

/* ---- sound ---- */

/* "OpusHead" (RFC 7845 section 5.1, little-endian) to dOps (Opus in ISOBMFF section 4.3.2, big-endian, version 0). */
static bool config_opus(struct cmaf_track *t, struct slice h, struct buf *out) {
    const uint8_t *b = (const uint8_t *)h.ptr;
    if (h.len < 19 || memcmp(b, "OpusHead", 8) || b[8] >> 4) return false;
    unsigned channels = b[9], family = b[18];
    if (!channels || (family ? h.len < 21u + channels : channels > 2)) return false;
    buf_u8(out, 0);
    buf_u8(out, (uint8_t)channels);
    buf_u16be(out, (uint16_t)(b[10] | b[11] << 8));
    buf_u32be(out, b[12] | (uint32_t)b[13] << 8 | (uint32_t)b[14] << 16 | (uint32_t)b[15] << 24);
    buf_u16be(out, (uint16_t)(b[16] | b[17] << 8));
    buf_u8(out, (uint8_t)family);
    if (family) buf_bytes(out, b + 19, 2 + channels);
    t->channels = (uint16_t)channels;
    t->sample_rate = 48000;
    return true;
}

/* "fLaC" and metadata blocks, of which the first is STREAMINFO; dfLa is version, flags and the same blocks (FLAC in ISOBMFF section 3.3.2). */
static bool config_flac(struct cmaf_track *t, struct slice body, struct buf *out) {
    if (slice_starts_with(body, SLICE("fLaC"))) body = slice_sub(body, 4, body.len);
    if (body.len < 38 || (body.ptr[0] & 0x7f) != 0) return false;
    struct bit_reader b = bit_reader_of(slice_sub(body, 14, body.len)); /* behind block and frame sizes */
    t->sample_rate = bits_take(&b, 20);
    t->channels = (uint16_t)(bits_take(&b, 3) + 1);
    if (!t->sample_rate) return false;
    buf_u32be(out, 0);
    buf_u8(out, 0x80); /* STREAMINFO is the last block */
    buf_append(out, slice_sub(body, 1, 38));
    return true;
}

struct mp3_header {
    uint32_t rate;
    uint16_t channels, samples;
};
static bool read_mp3(struct slice frame, struct mp3_header *out) { /* 11172-3 section 2.4.2.3, 13818-3 */
    static const uint16_t RATES[3] = {44100, 48000, 32000};
    if (frame.len < 4) return false;
    const uint8_t *b = (const uint8_t *)frame.ptr;
    if (b[0] != 0xff || (b[1] & 0xe0) != 0xe0) return false;
    unsigned version = b[1] >> 3 & 3, layer = b[1] >> 1 & 3, rate = b[2] >> 2 & 3;
    if (version == 1 || layer != 1 || rate == 3) return false; /* layer III only */
    out->rate = RATES[rate] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
    out->channels = (b[3] >> 6) == 3 ? 1 : 2;
    out->samples = version == 3 ? 1152 : 576;
    return true;
}

/* ETSI TS 102 366 section 4.3 (bsi) and annex E.1.2.2; dac3 and dec3 of annex F. */
static bool frame_ac3(struct cmaf_track *t, struct slice frame, struct buf *out) {
    static const uint16_t RATES[3] = {48000, 44100, 32000};
    static const uint8_t CHANNELS[8] = {2, 1, 2, 3, 3, 4, 4, 5};
    struct bit_reader b = bit_reader_of(frame);
    if (bits_take(&b, 16) != 0x0b77) return false;
    bool is_enhanced = t->codec == CMAF_EAC3;
    unsigned fscod, bsid, bsmod = 0, acmod, rate_code = 0, kbps = 0;
    if (!is_enhanced) {
        bits_take(&b, 16);
        fscod = bits_take(&b, 2);
        rate_code = bits_take(&b, 6) >> 1;
        bsid = bits_take(&b, 5);
        bsmod = bits_take(&b, 3);
        acmod = bits_take(&b, 3);
        if ((acmod & 1) && acmod != 1) bits_take(&b, 2);
        if (acmod & 4) bits_take(&b, 2);
        if (acmod == 2) bits_take(&b, 2);
        if (fscod == 3 || bsid > 10 || rate_code > 18) return false;
        t->sample_rate = RATES[fscod];
    } else {
        unsigned type = bits_take(&b, 2);
        bits_take(&b, 3);
        unsigned words = bits_take(&b, 11) + 1;
        fscod = bits_take(&b, 2);
        unsigned blocks_code = bits_take(&b, 2);
        if (fscod == 3) { /* half rates; then six blocks */
            if (blocks_code == 3) return false;
            t->sample_rate = RATES[blocks_code] / 2u;
            blocks_code = 3;
        } else {
            t->sample_rate = RATES[fscod];
        }
        static const uint8_t BLOCKS[4] = {1, 2, 3, 6};
        acmod = bits_take(&b, 3);
        kbps = (unsigned)((uint64_t)words * 2 * 8 * t->sample_rate / (256u * BLOCKS[blocks_code]) / 1000);
        if (type == 1) return false; /* a dependent substream cannot stand first */
    }
    bool has_lfe = bits_take(&b, 1);
    if (is_enhanced) {
        bsid = bits_take(&b, 5);
        if (bsid < 11 || bsid > 16) return false;
    }
    if (b.has_failed) return false;
    t->channels = (uint16_t)(CHANNELS[acmod] + has_lfe);
    if (!is_enhanced) {
        uint32_t packed = fscod << 22 | bsid << 17 | bsmod << 14 | acmod << 11 | (uint32_t)has_lfe << 10 | rate_code << 5;
        buf_u24be(out, packed);
    } else {
        if (kbps > 8191) kbps = 8191;
        buf_u16be(out, (uint16_t)(kbps << 3)); /* one independent substream */
        buf_u24be(out, fscod << 22 | bsid << 17 | bsmod << 12 | acmod << 9 | (uint32_t)has_lfe << 8);
    }
    return true;
}

static uint32_t opus_samples(struct slice frame) { /* RFC 6716 section 3.1, at 48 kHz */
    static const uint16_t SIZES[32] = {480, 960, 1920, 2880, 480, 960, 1920, 2880, 480, 960, 1920, 2880, 480, 960, 480, 960,
                                       120, 240, 480,  960,  120, 240, 480,  960,  120, 240, 480,  960,  120, 240, 480, 960};
    if (!frame.len) return 0;
    uint8_t toc = (uint8_t)frame.ptr[0];
    uint32_t each = SIZES[toc >> 3], frames = (toc & 3) == 0 ? 1 : (toc & 3) < 3 ? 2 : frame.len > 1 ? frame.ptr[1] & 63 : 0;
    return each * frames <= 5760 ? each * frames : 0;
}

static uint32_t aac_samples(const struct cmaf_track *t) { /* 14496-3 section 1.6.2.1 and 4.4.1 */
    static const uint32_t RATES[13] = {96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350};
    struct bit_reader b = bit_reader_of(t->config);
    unsigned type = bits_take(&b, 5);
    if (type == 31) type = 32 + bits_take(&b, 6);
    unsigned index = bits_take(&b, 4);
    uint32_t core = index == 15 ? bits_take(&b, 24) : index < 13 ? RATES[index] : 0;
    bits_take(&b, 4);
    if (type == 5 || type == 29) {
        if (bits_take(&b, 4) == 15) bits_take(&b, 24);
        bits_take(&b, 5);
    }
    bool is_short = bits_take(&b, 1);
    if (b.has_failed || !core) return 0;
    uint64_t samples = (uint64_t)(is_short ? 960 : 1024) * t->sample_rate;
    return samples % core ? 0 : (uint32_t)(samples / core);
}

static uint32_t flac_samples(struct slice frame) { /* RFC 9639 section 9.1 */
    if (frame.len < 6 || (uint8_t)frame.ptr[0] != 0xff || ((uint8_t)frame.ptr[1] & 0xfe) != 0xf8) return 0;
    unsigned code = (uint8_t)frame.ptr[2] >> 4;
    if (code == 1) return 192;
    if (code >= 2 && code <= 5) return 144u << code;
    if (code >= 8) return 1u << code;
    struct byte_reader r = byte_reader_of(slice_sub(frame, 4, frame.len));
    uint8_t first = bytes_u8(&r); /* a number in the manner of UTF-8 */
    for (unsigned bit = 0x40; first & 0x80 && first & bit && bit; bit >>= 1) bytes_skip(&r, 1);
    uint32_t samples = code == 6 ? bytes_u8(&r) + 1u : code == 7 ? bytes_u16be(&r) + 1u : 0;
    return r.has_failed ? 0 : samples;
}

uint32_t params_duration(const struct cmaf_track *t, struct slice frame) {
    struct mp3_header mp3;
    switch (t->codec) {
    case CMAF_AAC: return aac_samples(t);
    case CMAF_OPUS: return opus_samples(frame);
    case CMAF_MP3: return read_mp3(frame, &mp3) ? mp3.samples : 0;
    case CMAF_AC3: return 1536;
    case CMAF_EAC3: return frame.len > 4 && (uint8_t)frame.ptr[4] >> 6 != 3 ? (const uint16_t[]){256, 512, 768, 1536}[frame.ptr[4] >> 4 & 3] : 1536;
    case CMAF_FLAC: return flac_samples(frame);
    default: return 0;
    }
}

/* ---- both ---- */

bool params_of_config(struct cmaf_track *t, struct slice body, struct buf *out) {
    if (!body.len || body.len > CMAF_CONFIG_BYTES_MAX) return false;
    bool is_good = false;
    switch (t->codec) {
    case CMAF_H264: is_good = config_h264(t, body); break;
    case CMAF_HEVC: is_good = config_hevc(t, body); break;
    case CMAF_AV1: /* AV1 in ISOBMFF section 2.3: the sequence header is usual, not required */
        is_good = body.len == 4 || (body.len > 4 && find_av1_sequence(slice_sub(body, 4, body.len), t));
        break;
    case CMAF_VP9: /* with or without version and flags, as the publisher understands it */
        if (body.len >= 8 && (body.len < 12 || memcmp(body.ptr, "\1\0\0\0", 4))) buf_u32be(out, 0x01000000);
        is_good = body.len >= 8;
        break;
    case CMAF_AAC: is_good = body.len >= 2; break;
    case CMAF_OPUS: return config_opus(t, body, out);
    case CMAF_FLAC: return config_flac(t, body, out);
    default: return true; /* nothing is expected, nothing is needed */
    }
    if (is_good) buf_append(out, body);
    return is_good;
}

bool params_of_frame(struct cmaf_track *t, struct slice frame, struct buf *out) {
    struct mp3_header mp3;
    switch (t->codec) {
    case CMAF_VP9: return read_vp9_size(frame, t);
    case CMAF_AV1: return find_av1_sequence(frame, t);
    case CMAF_AC3:
    case CMAF_EAC3: return frame_ac3(t, frame, out);
    case CMAF_MP3:
        if (!read_mp3(frame, &mp3)) return false;
        t->sample_rate = mp3.rate;
        t->channels = mp3.channels;
        return true;
    default: return false;
    }
}

enum params_verdict params_of_sample(const struct cmaf_track *t, struct slice sample) {
    if (t->codec != CMAF_H264 && t->codec != CMAF_HEVC) return sample.len ? PARAMS_FINE : PARAMS_BROKEN;
    bool is_hevc = t->codec == CMAF_HEVC, is_sync = false;
    size_t at = is_hevc ? 21 : 4;
    if (t->config.len <= at) return PARAMS_BROKEN;
    unsigned length_bytes = (t->config.ptr[at] & 3) + 1u;
    struct byte_reader r = byte_reader_of(sample);
    while (bytes_left(&r)) {
        struct slice nal = bytes_take(&r, (size_t)bytes_be(&r, length_bytes));
        if (r.has_failed) return PARAMS_BROKEN;
        if (!nal.len) continue; /* padding of some encoders; decoders skip it */
        unsigned type = is_hevc ? (uint8_t)nal.ptr[0] >> 1 & 63 : nal.ptr[0] & 31;
        is_sync |= is_hevc ? type >= 16 && type <= 21 : type == 5;
    }
    return !sample.len ? PARAMS_BROKEN : is_sync ? PARAMS_SYNC : PARAMS_FINE;
}

bool params_to_flv(const struct cmaf_track *t, struct buf *out) {
    const uint8_t *c = (const uint8_t *)t->config.ptr;
    switch (t->codec) {
    case CMAF_OPUS:
        if (t->config.len < 11) return false;
        buf_cstr(out, "OpusHead");
        buf_u8(out, 1);
        buf_u8(out, c[1]);
        for (unsigned i = 0; i < 2; i++) buf_u8(out, c[3 - i]);
        for (unsigned i = 0; i < 4; i++) buf_u8(out, c[7 - i]);
        for (unsigned i = 0; i < 2; i++) buf_u8(out, c[9 - i]);
        buf_append(out, slice_sub(t->config, 10, t->config.len));
        return true;
    case CMAF_FLAC:
        if (t->config.len < 42) return false;
        buf_cstr(out, "fLaC");
        buf_append(out, slice_sub(t->config, 4, t->config.len));
        return true;
    case CMAF_MP3:
    case CMAF_AC3:
    case CMAF_EAC3: return true;
    default: buf_append(out, t->config); return t->config.len > 0;
    }
}

bool params_rate(double fps, uint32_t *num, uint32_t *den) {
    if (!(fps >= 0.1 && fps <= 1000)) return false;
    double whole = round(fps), ntsc = round(fps * 1.001);
    if (fabs(fps - whole) < 0.0005) {
        *num = (uint32_t)whole;
        *den = 1;
    } else if (fabs(fps - ntsc / 1.001) < 0.01) {
        *num = (uint32_t)ntsc * 1000;
        *den = 1001;
    } else {
        *num = (uint32_t)round(fps * 1000);
        *den = 1000;
    }
    return true;
}
